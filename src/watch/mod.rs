//! Files that are dropped into a folder become lines of a feed, each document once (`docs/watch.md`).
//!
//! The folder is looked at again and again: that works on every file system. A file that is done being
//! written is read, and of its documents what was not given before is put into the feed: a `batch` is in
//! the feed and in the `ledger`, or in neither, whenever the process may end.
//!
//! The folder may go away and come back, as one does that is mounted, and with it the state that lies in it. So
//! each look first checks that both are there; what was read of a folder that went away in the middle is not
//! in the ledger, and is read again.

mod batch;
mod feed;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod known;
mod ledger;
mod options;
mod part;
mod recent;
mod settling;
mod stage;
mod state;
mod taking;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use self::{
    feed::FeedFile,
    known::Known,
    ledger::{Entry, Stamp},
    settling::Settling,
    state::{Locked, State},
    taking::Taking,
};
pub use self::{
    feed::Rotation,
    options::{Baseline, Changed, WatchOptions, What},
};
use crate::{
    error::{Error, ErrorKind, Result},
    fs,
    pipeline::{Filters, Pipeline, Report},
    sink::Discard,
    source::{self, Input},
};

/// The folder of the state, in the folder that is watched.
pub const STATE: &str = ".scanmill";

/// What a file ends with that is being written by nmap, when it is complete.
pub const ENDING: &[u8] = settling::ENDING;

/// Between two looks at a folder, at least; and that many times as long as a look takes.
const LOOK: Duration = Duration::from_millis(250);
const REST: u32 = 10;

/// How long a sleep is before it is seen that the run is to stop.
const NAP: Duration = Duration::from_millis(50);

/// Bytes of lines, and files, after which there is a batch.
const BATCH_BYTES: u64 = 8 << 20;
const BATCH_FILES: usize = 256;

/// Watches a folder. Only one can do so with a state, and with a feed.
pub struct Watch {
    options: WatchOptions,
    feed: FeedFile,
    state: State,
    settling: Settling,
    /// Files of the batch.
    files: usize,
    /// What was said of files that cannot be looked at.
    refused: BTreeSet<String>,
    /// Whether the folder was not there at the last look.
    gone: bool,
    tidied: bool,
    /// Bytes that were written again when the state was opened, until that is told.
    again: Option<u64>,
    stop: Arc<AtomicBool>,
    reopen: Arc<AtomicBool>,
}

/// Something that happens while a folder is watched.
#[derive(Debug)]
#[non_exhaustive]
pub enum WatchEvent<'e> {
    /// A file was read, or could not be.
    Read(&'e Report),
    /// The folder is not there any more. It is looked for until it is.
    FolderGone,
    /// The folder is there again.
    FolderBack,
    /// The state went away with the folder, or was removed: all that is in the folder is given again.
    StateGone,
    /// The feed is not as a run left it that was ended in the middle. The lines of its last batch, this many
    /// bytes, were appended as a whole: some may be there twice.
    WrittenAgain(u64),
}

/// Receives what happens.
pub type Told<'t> = &'t mut dyn FnMut(WatchEvent<'_>);

impl Watch {
    /// Opens the state and the feed, and completes what a run left that was ended in the middle. It goes on
    /// until `stop` becomes true.
    ///
    /// # Errors
    /// A usage error if the folder is none, or another run is at work with the state or the feed; an output
    /// error if state or feed cannot be made, read or written.
    pub fn open(mut options: WatchOptions, stop: Arc<AtomicBool>) -> Result<Self> {
        if !options.folder.is_dir() {
            return Err(Error::usage(format!("{} is no folder", options.folder.display())));
        }
        // Copies are told by their bytes.
        options.reading.hash = true;
        let locked = Locked::new(&options)?;
        let mut feed = FeedFile::open(&options.out, options.rotation.clone())?;
        let (state, again) = State::open(locked, &options, &mut feed)?;
        let settling = Settling::new(options.settle);
        Ok(Self {
            options,
            feed,
            state,
            settling,
            files: 0,
            refused: BTreeSet::new(),
            gone: false,
            tidied: false,
            again,
            stop,
            reopen: Arc::default(),
        })
    }

    /// Opens the feed anew whenever `reopen` becomes true, and makes that false: for `logrotate`, which moves a
    /// file away and then sends SIGHUP. A file that still has its name is gone on with.
    #[must_use]
    pub fn reopening(mut self, reopen: Arc<AtomicBool>) -> Self {
        self.reopen = reopen;
        self
    }

    /// Watches until it is told to stop.
    ///
    /// # Errors
    /// If the feed or the state cannot be written; what was read and not written is read by the next run.
    pub fn run(&mut self, told: Told<'_>) -> Result<()> {
        while !self.is_stopped() {
            let begun = Instant::now();
            if self.reopen.swap(false, Ordering::Relaxed) {
                self.feed.reopen_moved()?;
            }
            self.look(told)?;
            self.feed.rotate_old()?;
            self.sleep(LOOK.max(begun.elapsed().saturating_mul(REST)));
        }
        Ok(())
    }

    /// Reads what is there, waiting only for files that may still be written to stay as they are once; those
    /// that do not are left to the next run.
    ///
    /// # Errors
    /// As with [`Self::run`].
    pub fn run_once(&mut self, told: Told<'_>) -> Result<()> {
        self.look(told)?;
        if self.settling.is_waiting() {
            self.sleep(self.options.settle);
            self.look(told)?;
        }
        self.feed.rotate_old()
    }

    /// Looks at the folder if it is there, and reads what is ready.
    fn look(&mut self, told: Told<'_>) -> Result<()> {
        if let Some(bytes) = self.again.take() {
            told(WatchEvent::WrittenAgain(bytes));
        }
        if !self.find_folder(told)? {
            return Ok(());
        }
        let looked = self.look_into(told);
        if looked.is_err() && !self.options.folder.is_dir() {
            // It went away meanwhile, and perhaps the state with it.
            self.state.drop_batch();
            self.files = 0;
            self.find_folder(told)?;
            return Ok(());
        }
        looked
    }

    /// Whether the folder is there; that it goes and comes back is told once each.
    fn find_folder(&mut self, told: Told<'_>) -> Result<bool> {
        let is_there = self.options.folder.is_dir();
        if !is_there {
            if !std::mem::replace(&mut self.gone, true) {
                told(WatchEvent::FolderGone);
            }
            return Ok(false);
        }
        if !self.state.is_there()? {
            let known = !self.state.ledger.is_empty();
            let locked = Locked::new(&self.options)?;
            let (state, again) = State::open(locked, &self.options, &mut self.feed)?;
            self.state = state;
            self.tidied = false;
            if let Some(bytes) = again {
                told(WatchEvent::WrittenAgain(bytes));
            }
            if known && self.state.ledger.is_empty() {
                told(WatchEvent::StateGone);
            }
        }
        if std::mem::take(&mut self.gone) {
            self.refused.clear();
            told(WatchEvent::FolderBack);
        }
        Ok(true)
    }

    /// Looks at the folder, which is there, and reads what is ready.
    fn look_into(&mut self, told: Told<'_>) -> Result<()> {
        let found =
            source::discover(std::slice::from_ref(&self.options.folder), &self.options.pick);
        let mut there = BTreeSet::new();
        for input in found {
            if self.is_stopped() {
                // Not all was seen: nothing is known to be gone.
                return self.commit();
            }
            let input = match input {
                Ok(input) => input,
                Err(error) => {
                    self.refuse(error, told);
                    continue;
                }
            };
            let Some((name, path)) = self.name(&input) else { continue };
            let meta = match fs::if_there(fs::metadata(&path)) {
                Ok(Some(meta)) => meta,
                Ok(None) => continue,
                Err(error) => {
                    there.insert(name);
                    self.refuse(Error::from(error).in_input(path.display().to_string()), told);
                    continue;
                }
            };
            let stamp = Stamp::of(&meta);
            there.insert(name.clone());
            if !self.state.ledger.has_read(&name, &stamp)
                && self.settling.is_ready(&name, &path, stamp)
            {
                self.read(&input, name, stamp, told)?;
            }
        }
        self.commit()?;
        self.settling.retain(&there);
        if !self.tidied {
            self.tidied = true;
            self.state.ledger.tidy(&self.state.folder, &there)?;
        }
        Ok(())
    }

    /// The name of an input in the folder, and its path; `None` if it is a part of feed or state.
    fn name(&self, input: &Input) -> Option<(String, PathBuf)> {
        let path = input.path()?;
        let folder = self.options.folder.display().to_string();
        let name = input.name.strip_prefix(&folder).unwrap_or(&input.name);
        let inside = |folder: &Path| {
            path.parent().and_then(|path| path.canonicalize().ok()).is_some_and(|path| {
                folder.canonicalize().is_ok_and(|folder| path.starts_with(folder))
            })
        };
        let is_of = |feed: &Path| {
            let of_path = path.file_name().unwrap_or_default().as_encoded_bytes();
            let rest =
                of_path.strip_prefix(feed.file_name().unwrap_or_default().as_encoded_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
                && inside(parent_of(feed))
        };
        // Of a feed that is named by a link, both are none of the inputs.
        let own = is_of(&self.options.out) || is_of(self.feed.path());
        let of_state = self.options.state.is_some() && inside(&self.state.folder);
        (!own && !of_state).then(|| (name.trim_start_matches('/').to_owned(), path.to_owned()))
    }

    /// Tells of what cannot be looked at, once.
    fn refuse(&mut self, error: Error, told: Told<'_>) {
        if self.refused.insert(error.to_string()) {
            told(WatchEvent::Read(&Report { errors: vec![error], ..Report::default() }));
        }
    }

    /// Reads a file into the batch.
    fn read(&mut self, input: &Input, name: String, stamp: Stamp, told: Told<'_>) -> Result<()> {
        let State { ledger, known, batch, .. } = &mut self.state;
        let (lines, entries) = (batch.lines.len(), batch.entries.len());
        let reading = self.options.reading.clone();
        let stop = Arc::clone(&self.stop);
        let mut pipeline = Pipeline::new(reading, Filters::default(), Discard, stop);
        let mut taking = Taking::new(&self.options.what, ledger, batch, known.as_mut());
        pipeline.read_observed(input, &self.options.pick, &mut |name, event| {
            taking.event(name, event);
        })?;
        taking.finish()?;
        let report = pipeline.finish()?;
        if report.interrupted {
            // It was not read to its end.
            batch.lines.rewind(lines);
            batch.entries.truncate(entries);
            if let Some(known) = known {
                known.revert(ledger.parts());
            }
            return Ok(());
        }
        if report.errors.iter().any(|error| matches!(error.kind(), ErrorKind::Io(_))) {
            // The disk failed, or the file may not be read: it is not done, and is tried again at every look.
            report.errors.into_iter().for_each(|error| self.refuse(error, told));
            return self.commit();
        }
        told(WatchEvent::Read(&report));
        batch.entries.push(Entry::File { path: name, stamp });
        self.files = self.files.saturating_add(1);
        let full = batch.lines.len() >= BATCH_BYTES || self.files >= BATCH_FILES;
        // A state goes step by step, and each is on disk.
        if full || known.is_some() { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<()> {
        self.files = 0;
        let State { ledger, known, batch, .. } = &mut self.state;
        let parts = known.as_mut().map(Known::take_parts).unwrap_or_default();
        let parts = parts.into_iter().map(|(part, number)| Entry::Part { part, number });
        batch.entries.extend(parts);
        batch.commit(&mut self.feed, ledger)?;
        match known {
            Some(known) => known.clean(),
            None => Ok(()),
        }
    }

    /// Sleeps for so long, or until it is told to stop or to open the feed anew.
    fn sleep(&self, time: Duration) {
        let begun = Instant::now();
        while !self.is_stopped()
            && !self.reopen.load(Ordering::Relaxed)
            && let Some(rest) = time.checked_sub(begun.elapsed())
            && !rest.is_zero()
        {
            thread::sleep(rest.min(NAP));
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Makes the names in a folder safe.
fn sync_dir(dir: &Path) -> Result<()> {
    fs::sync_dir(dir).map_err(|error| failed(dir, error))
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The error of a saved state that cannot be read, or is damaged.
fn unreadable(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::State(format!("cannot read {}: {error}", path.display())))
}

fn failed(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::sink(path.display().to_string(), error)
}
