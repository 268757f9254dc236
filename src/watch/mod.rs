//! Files that are dropped into a folder become lines of a feed, each document once (`docs/watch.md`).
//!
//! The folder is looked at again and again: that works on every file system. A file that is done being
//! written is read, and of its documents what was not given before is put into the feed: a `batch` is in
//! the feed and in the `ledger`, or in neither, whenever the process may end.

mod batch;
mod feed;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod known;
mod ledger;
mod part;
mod recent;
mod settling;
mod stage;
mod taking;

use std::{
    collections::BTreeSet,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

pub use self::feed::Rotation;
use self::{
    batch::Batch,
    feed::FeedFile,
    known::Known,
    ledger::{Entry, Ledger, Stamp},
    settling::Settling,
    taking::Taking,
};
use crate::{
    error::{Error, Result},
    feed::{Feed, ecs::Ecs},
    fs::{self, File, TryLockError},
    pipeline::{Destination, Filters, Pipeline, Report},
    source::{self, Input, Pick},
    xml::Options,
};

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

/// What is given of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// All hosts and scans, as documents of a feed.
    Events(Feed),
    /// What differs from the last known state of each host.
    Changes(Changed),
}

/// How changes are told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changed {
    /// As rows of the table `changes`.
    Rows,
    /// As events of ECS.
    Events(Box<Ecs>),
}

/// What is watched, and where it goes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WatchOptions {
    /// The folder.
    pub folder: PathBuf,
    /// The feed, a file.
    pub out: PathBuf,
    /// Where it is kept what was given; `.scanmill` in the folder if `None`.
    pub state: Option<PathBuf>,
    /// What is given.
    pub what: What,
    /// Its name, so that a ledger is not taken for that of another feed.
    pub name: String,
    /// How long a file must stay as it is to be read, if it does not end as a document does.
    pub settle: Duration,
    /// When the feed goes on in a new file.
    pub rotation: Rotation,
    /// Which files of the folder are read.
    pub pick: Pick,
    /// How they are read.
    pub reading: Options,
}

impl WatchOptions {
    /// How long a file must stay as it is, unless told otherwise.
    pub const SETTLE: Duration = Duration::from_secs(2);

    /// All documents of a folder, to a feed.
    #[must_use]
    pub fn new(folder: &Path, out: &Path, what: What, name: impl Into<String>) -> Self {
        Self {
            folder: folder.to_owned(),
            out: out.to_owned(),
            state: None,
            what,
            name: name.into(),
            settle: Self::SETTLE,
            rotation: Rotation::default(),
            pick: Pick::default(),
            reading: Options::default(),
        }
    }
}

/// Watches a folder. Only one can do so with a state.
pub struct Watch {
    options: WatchOptions,
    state: PathBuf,
    ledger: Ledger,
    feed: FeedFile,
    known: Option<Known>,
    settling: Settling,
    batch: Batch,
    /// Files of the batch.
    files: usize,
    /// What was said of files that cannot be looked at.
    refused: BTreeSet<String>,
    tidied: bool,
    stop: Arc<AtomicBool>,
    _lock: File,
}

/// Is told what was read of each file.
pub type Told<'t> = &'t mut dyn FnMut(&Report);

impl Watch {
    /// Opens the state and the feed, and completes what a run left that was ended in the middle. It goes on
    /// until `stop` becomes true.
    ///
    /// # Errors
    /// A usage error if the folder is none, or another run is at work with the state; an output error if
    /// state or feed cannot be made, read or written.
    pub fn open(mut options: WatchOptions, stop: Arc<AtomicBool>) -> Result<Self> {
        if !options.folder.is_dir() {
            return Err(Error::usage(format!("{} is no folder", options.folder.display())));
        }
        let state = options.state.clone().unwrap_or_else(|| options.folder.join(".scanmill"));
        fs::create_dir_all(&state).map_err(|error| failed(&state, error))?;
        let lock = lock(&state)?;
        let mut ledger = Ledger::open(&state, &options.name)?;
        let mut feed = FeedFile::open(&options.out, options.rotation.clone())?;
        batch::complete(&state, &mut feed, &mut ledger)?;
        let changes = matches!(options.what, What::Changes(_));
        let known = changes.then(|| Known::open(&state, ledger.parts())).transpose()?;
        // Copies are told by their bytes.
        options.reading.hash = true;
        let settling = Settling::new(options.settle);
        let batch = Batch::new(&state);
        Ok(Self {
            options,
            state,
            ledger,
            feed,
            known,
            settling,
            batch,
            files: 0,
            refused: BTreeSet::new(),
            tidied: false,
            stop,
            _lock: lock,
        })
    }

    /// Watches until it is told to stop.
    ///
    /// # Errors
    /// If the feed or the state cannot be written; what was read and not written is read by the next run.
    pub fn run(&mut self, told: Told<'_>) -> Result<()> {
        while !self.is_stopped() {
            let begun = Instant::now();
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

    /// Looks at the folder, and reads what is ready.
    fn look(&mut self, told: Told<'_>) -> Result<()> {
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
            let Ok(meta) = fs::metadata(&path) else { continue };
            let stamp = Stamp::of(&meta);
            there.insert(name.clone());
            if !self.ledger.has_read(&name, &stamp) && self.settling.is_ready(&name, &path, stamp) {
                self.read(&input, name, stamp, told)?;
            }
        }
        self.commit()?;
        self.settling.retain(&there);
        if !self.tidied {
            self.tidied = true;
            self.ledger.tidy(&self.state, &there)?;
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
        let named = |name: &[u8]| {
            let of_path = path.file_name().unwrap_or_default().as_bytes();
            of_path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
        };
        let out = self.options.out.file_name().unwrap_or_default().as_bytes();
        let own = named(out) && inside(parent_of(&self.options.out));
        let of_state = self.options.state.is_some() && inside(&self.state);
        (!own && !of_state).then(|| (name.trim_start_matches('/').to_owned(), path.to_owned()))
    }

    /// Tells of what cannot be looked at, once.
    fn refuse(&mut self, error: Error, told: Told<'_>) {
        if self.refused.insert(error.to_string()) {
            told(&Report { errors: vec![error], ..Report::default() });
        }
    }

    /// Reads a file into the batch.
    fn read(&mut self, input: &Input, name: String, stamp: Stamp, told: Told<'_>) -> Result<()> {
        let (lines, entries) = (self.batch.lines.len(), self.batch.entries.len());
        let reading = self.options.reading.clone();
        let stop = Arc::clone(&self.stop);
        let mut pipeline = Pipeline::new(reading, Filters::default(), Destination::Nothing, stop);
        let mut taking =
            Taking::new(&self.options.what, &self.ledger, &mut self.batch, self.known.as_mut());
        pipeline.read_observed(input, &self.options.pick, &mut |name, event| {
            taking.event(name, event);
        })?;
        taking.finish()?;
        let report = pipeline.finish()?;
        if report.interrupted {
            // It was not read to its end.
            self.batch.lines.rewind(lines);
            self.batch.entries.truncate(entries);
            if let Some(known) = &mut self.known {
                known.revert(self.ledger.parts());
            }
            return Ok(());
        }
        told(&report);
        self.batch.entries.push(Entry::File { path: name, stamp });
        self.files = self.files.saturating_add(1);
        let full = self.batch.lines.len() >= BATCH_BYTES || self.files >= BATCH_FILES;
        // A state goes step by step, and each is on disk.
        if full || self.known.is_some() { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<()> {
        self.files = 0;
        let parts = self.known.as_mut().map(Known::take_parts).unwrap_or_default();
        let parts = parts.into_iter().map(|(part, number)| Entry::Part { part, number });
        self.batch.entries.extend(parts);
        self.batch.commit(&mut self.feed, &mut self.ledger)?;
        match &self.known {
            Some(known) => known.clean(),
            None => Ok(()),
        }
    }

    /// Sleeps for so long, or until it is told to stop.
    fn sleep(&self, time: Duration) {
        let begun = Instant::now();
        while !self.is_stopped()
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

/// The lock of a state: it goes with the process, however that ends.
fn lock(state: &Path) -> Result<File> {
    let path = state.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| failed(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::usage(format!(
            "another watch is at work with {}: give this one another --state-dir",
            state.display()
        ))),
        Err(TryLockError::Error(error)) => Err(failed(&path, error)),
    }
}

/// Makes the names in a folder safe; some file systems cannot sync a folder.
fn sync_dir(dir: &Path) {
    if let Ok(dir) = File::open(dir) {
        let _ = dir.sync_all();
    }
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn failed(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::sink(path.display().to_string(), error)
}
