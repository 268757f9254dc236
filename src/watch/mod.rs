//! Watched folders: turns files that are dropped into a folder into lines of a feed, each document
//! once (`docs/watch.md`).
//!
//! The folder is polled, which works on every file system. A file that is no longer written
//! (`stability`) is read, and the hosts and scans in it that were not written before are added to a
//! batch (`processor`). Whenever the process ends, a batch is in both the feed and the journal or in
//! neither (`batch`, `journal`). With changes, the last known state of each host is kept as well
//! (`host_state`), and its new files are recorded in the same batch. `status` reads the journal of a
//! watch that may be running.
//!
//! The folder may disappear and come back, like a mounted one, together with the state in it. Each
//! look therefore checks first that both exist. Files that were read while the folder disappeared
//! are not in the journal, and are read again.
//!
//! This module starts no threads. [`Watch`] owns the state (`WatchState`: lock, journal, batch, known
//! hosts) and the feed, each of which is locked against other runs. The flags `stop` and `reopen`
//! may be set from other threads or signal handlers. Both end a sleep within `STOP_CHECK`; `stop` is
//! also checked between two files and by the pipeline, and `reopen` takes effect before the next
//! look.
//!
//! A batch is committed after `BATCH_FILES` files or `BATCH_BYTES` bytes of lines, at the end
//! of each look, and with changes after each file. Do not write to the feed or the journal outside
//! `Batch::commit`: the order of its steps is what makes a line appear exactly once.

mod batch;
mod feed;
mod folder_names;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod host_state;
mod journal;
mod metrics;
mod observation;
mod options;
mod paths;
mod processor;
mod spill_buffer;
mod stability;
mod state;
mod state_part;
mod status;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

pub(crate) use self::metrics::check_metrics;
use sha2::{Digest as _, Sha256};

use self::{
    feed::FeedFile,
    folder_names::FolderNames,
    host_state::HostStateStore,
    journal::{FileResult, FileStamp, JournalEntry},
    metrics::{Counters, Gauges, MetricsFile},
    processor::DocumentProcessor,
    stability::StabilityTracker,
    state::{LockedFolder, WatchState},
};
pub use self::{
    feed::Rotation,
    options::{Baseline, ChangeFormat, WatchMode, WatchOptions},
    state::STATE,
    status::{FailedFile, WaitingFile, WatchStatus, WatchStatusOptions},
};
use crate::{
    error::{Error, ErrorKind, Result},
    format::Discard,
    fs,
    model::{EventSource as _, Timestamp},
    pipeline::{Filters, Pipeline, Report},
    source::{self, Input},
    text::hex,
};

/// Last bytes of a complete XML file of nmap.
pub(crate) const ENDING: &[u8] = stability::ENDING;

/// Minimum pause between two looks at the folder, and the minimum as a multiple of the time that a
/// look takes.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
const POLL_BACKOFF: u32 = 10;

/// Maximum time until a sleeping run notices that it should stop.
const STOP_CHECK: Duration = Duration::from_millis(50);

/// Minimum time between two heartbeats.
const MIN_HEARTBEAT: Duration = Duration::from_secs(1);

/// Minimum time between two updates of the metrics during a look. At its end, they are always updated.
const METRICS_INTERVAL: Duration = Duration::from_secs(1);

/// Size of the lines, in bytes, and number of files after which a batch is committed.
const BATCH_BYTES: u64 = 8 << 20;
const BATCH_FILES: usize = 256;

/// Watcher of a folder. Only one can use a state and a feed at a time.
pub struct Watch {
    options: WatchOptions,
    feed: FeedFile,
    state: WatchState,
    stability: StabilityTracker,
    /// Number of files in the batch.
    files: usize,
    /// Errors that were already reported for files that cannot be examined.
    refused: BTreeSet<String>,
    /// True if the folder did not exist at the last look.
    gone: bool,
    tidied: bool,
    /// Number of bytes that were written again when the state was opened, until this is reported.
    again: Option<u64>,
    counters: Counters,
    metrics: Option<MetricsFile>,
    /// Time at which the metrics were last updated.
    updated: Instant,
    /// Time at which lines were last written to the feed.
    written: Instant,
    stop: Arc<AtomicBool>,
    reopen: Arc<AtomicBool>,
}

/// Event while a folder is watched.
#[derive(Debug)]
#[non_exhaustive]
pub enum WatchEvent<'e> {
    /// A file was read, or could not be read.
    Read(&'e Report),
    /// The folder no longer exists. The watcher waits for it to come back.
    FolderGone,
    /// The folder exists again.
    FolderBack,
    /// The state disappeared with the folder or was removed: the whole content of the folder is
    /// written again.
    StateGone,
    /// The feed was changed after an interrupted run. The lines of that run's last batch, this many
    /// bytes, were appended as a whole, so some may be there twice.
    WrittenAgain(u64),
    /// The metrics cannot be written. This is reported once.
    MetricsFailed(&'e Error),
}

/// Receiver of events.
pub type ReportFn<'t> = &'t mut dyn FnMut(WatchEvent<'_>);

impl Watch {
    /// Opens the state and the feed, and completes the batch of an interrupted run. Setting `stop`
    /// to true ends the watch.
    ///
    /// # Errors
    /// Returns a usage error if the folder is not one, or if another run uses the state or the
    /// feed, and an output error if the state or the feed cannot be created, read or written.
    pub fn open(mut options: WatchOptions, stop: Arc<AtomicBool>) -> Result<Self> {
        if !options.folder.is_dir() {
            return Err(Error::usage(format!("{} is not a folder", options.folder.display())));
        }
        if options.heartbeat.is_some() && options.mode.ecs().is_none() {
            return Err(Error::usage("only events of ECS can have a heartbeat"));
        }
        if options.heartbeat.is_some_and(|every| every < MIN_HEARTBEAT) {
            return Err(Error::usage("a heartbeat takes 1s at least"));
        }
        // Copies of a document are recognized by their bytes.
        options.reading.hash = true;
        let locked = LockedFolder::new(&options)?;
        let mut feed = FeedFile::open(&options.out, options.rotation.clone())?;
        let (state, again) = WatchState::open(locked, &options, &mut feed)?;
        let stability = StabilityTracker::new(options.settle);
        let metrics = options.metrics.as_deref();
        let metrics = metrics.map(|path| MetricsFile::new(path, (&options.folder, &options.out)));
        Ok(Self {
            counters: Counters::default(),
            metrics,
            updated: Instant::now(),
            written: Instant::now(),
            options,
            feed,
            state,
            stability,
            files: 0,
            refused: BTreeSet::new(),
            gone: false,
            tidied: false,
            again,
            stop,
            reopen: Arc::default(),
        })
    }

    /// Opens the feed again whenever `reopen` becomes true, and resets the flag: for `logrotate`,
    /// which moves a file away and then sends SIGHUP. A file that still has its name stays open.
    #[must_use]
    pub fn reopening(mut self, reopen: Arc<AtomicBool>) -> Self {
        self.reopen = reopen;
        self
    }

    /// Watches the folder until it is stopped.
    ///
    /// # Errors
    /// Fails if the feed or the state cannot be written. The next run reads the files that were
    /// read but not written.
    pub fn run(&mut self, on_event: ReportFn<'_>) -> Result<()> {
        let result = self.run_until_stopped(on_event);
        self.update_metrics(false, on_event);
        result
    }

    fn run_until_stopped(&mut self, on_event: ReportFn<'_>) -> Result<()> {
        while !self.is_stopped() {
            let begun = Instant::now();
            if self.reopen.swap(false, Ordering::Relaxed) {
                self.feed.reopen_moved()?;
            }
            self.look(on_event)?;
            self.feed.rotate_old()?;
            self.update_metrics(true, on_event);
            self.sleep(POLL_INTERVAL.max(begun.elapsed().saturating_mul(POLL_BACKOFF)));
        }
        Ok(())
    }

    /// Reads the files in the folder once. Waits only for files that may still be written, for one
    /// settling time; those that change meanwhile are left to the next run.
    ///
    /// # Errors
    /// Fails as [`Self::run`] does.
    pub fn run_once(&mut self, on_event: ReportFn<'_>) -> Result<()> {
        let result = self.look_once(on_event);
        self.update_metrics(false, on_event);
        result
    }

    fn look_once(&mut self, on_event: ReportFn<'_>) -> Result<()> {
        self.look(on_event)?;
        if self.stability.is_waiting() {
            self.sleep(self.options.settle);
            self.look(on_event)?;
        }
        self.feed.rotate_old()
    }

    /// Brings the file of metrics up to date, if there is one.
    fn update_metrics(&mut self, is_running: bool, on_event: ReportFn<'_>) {
        let Some(metrics) = &mut self.metrics else { return };
        self.updated = Instant::now();
        let gauges = Gauges {
            is_running,
            folder_exists: !self.gone,
            waiting_files: self.stability.waiting(),
            oldest: self.stability.oldest(),
            last_document: self.state.journal.last_document(),
        };
        if let Some(error) = metrics.update(&self.counters, gauges) {
            on_event(WatchEvent::MetricsFailed(&error));
        }
    }

    /// Reads files that are ready, if the folder exists.
    fn look(&mut self, on_event: ReportFn<'_>) -> Result<()> {
        if let Some(bytes) = self.again.take() {
            on_event(WatchEvent::WrittenAgain(bytes));
        }
        if !self.find_folder(on_event)? {
            return Ok(());
        }
        let looked = self.look_into(on_event);
        if looked.is_err() && !self.options.folder.is_dir() {
            // The folder disappeared meanwhile, and perhaps the state with it.
            self.state.drop_batch();
            self.files = 0;
            self.find_folder(on_event)?;
            return Ok(());
        }
        looked
    }

    /// Returns true if the folder exists. Reports once that it disappeared and once that it came
    /// back.
    fn find_folder(&mut self, on_event: ReportFn<'_>) -> Result<bool> {
        let is_there = self.options.folder.is_dir();
        if !is_there {
            if !std::mem::replace(&mut self.gone, true) {
                on_event(WatchEvent::FolderGone);
            }
            return Ok(false);
        }
        if !self.state.is_there()? {
            let known = !self.state.journal.is_empty();
            let locked = LockedFolder::new(&self.options)?;
            let (state, again) = WatchState::open(locked, &self.options, &mut self.feed)?;
            self.state = state;
            self.tidied = false;
            if let Some(bytes) = again {
                on_event(WatchEvent::WrittenAgain(bytes));
            }
            if known && self.state.journal.is_empty() {
                on_event(WatchEvent::StateGone);
            }
        }
        if std::mem::take(&mut self.gone) {
            self.refused.clear();
            on_event(WatchEvent::FolderBack);
        }
        Ok(true)
    }

    /// Reads files that are ready in the folder, which exists.
    fn look_into(&mut self, on_event: ReportFn<'_>) -> Result<()> {
        let found =
            source::discover(std::slice::from_ref(&self.options.folder), &self.options.pick);
        let mut there = BTreeSet::new();
        for input in found {
            if self.is_stopped() {
                // Not all files were seen, so none is known to be gone.
                return self.commit();
            }
            let input = match input {
                Ok(input) => input,
                Err(error) => {
                    self.refuse(error, on_event);
                    continue;
                }
            };
            let Some((name, path)) = self.name(&input) else { continue };
            let meta = match fs::if_there(fs::metadata(&path)) {
                Ok(Some(meta)) => meta,
                Ok(None) => continue,
                Err(error) => {
                    there.insert(name);
                    self.refuse(
                        Error::from(error).with_input(path.display().to_string()),
                        on_event,
                    );
                    continue;
                }
            };
            let stamp = FileStamp::of(&meta);
            there.insert(name.clone());
            if !self.state.journal.has_read(&name, &stamp)
                && self.stability.is_ready(&name, &path, stamp)
            {
                self.read(&input, name, stamp, on_event)?;
                if self.updated.elapsed() >= METRICS_INTERVAL {
                    self.update_metrics(true, on_event);
                }
            }
        }
        self.commit()?;
        self.beat()?;
        self.stability.retain(&there);
        if !self.tidied {
            self.tidied = true;
            self.state.journal.tidy(&self.state.folder, &there)?;
        }
        Ok(())
    }

    /// Returns the name of an input in the folder and its path, or `None` if it belongs to the feed
    /// or the state.
    fn name(&self, input: &Input) -> Option<(String, PathBuf)> {
        let names = FolderNames {
            folder: &self.options.folder,
            feeds: [Some(&self.options.out), Some(self.feed.path())],
            state: self.options.state.as_ref().map(|_| &*self.state.folder),
        };
        names.name(input)
    }

    /// Reports a file that cannot be examined, once per error.
    fn refuse(&mut self, error: Error, on_event: ReportFn<'_>) {
        if self.refused.insert(error.to_string()) {
            self.counters.error(&error);
            on_event(WatchEvent::Read(&Report { errors: vec![error], ..Report::default() }));
        }
    }

    /// Reads a file into the batch.
    fn read(
        &mut self,
        input: &Input,
        name: String,
        stamp: FileStamp,
        on_event: ReportFn<'_>,
    ) -> Result<()> {
        let WatchState { journal, hosts, batch, .. } = &mut self.state;
        let (lines, entries) = (batch.lines.len(), batch.entries.len());
        let reading = self.options.reading.clone();
        let stop = Arc::clone(&self.stop);
        let mut pipeline = Pipeline::new(reading, Filters::default(), Discard, stop);
        let mut processor = DocumentProcessor::new(
            (&self.options.mode, self.options.filter.as_ref()),
            journal,
            batch,
            hosts.as_mut(),
        );
        pipeline.read_with(input, &self.options.pick, |pipeline, name, source| {
            let mut source = source.inspect(|name, event| processor.event(name, event));
            pipeline.read_source(name, &mut source)
        })?;
        processor.finish()?;
        let report = pipeline.finish()?;
        if report.interrupted {
            // The file was not read to its end.
            batch.lines.rewind(lines);
            batch.entries.truncate(entries);
            if let Some(hosts) = hosts {
                hosts.revert(journal.parts());
            }
            return Ok(());
        }
        if report.errors.iter().any(|error| matches!(error.kind(), ErrorKind::Io(_))) {
            // The disk failed, or the file may not be read: it is not done, and is tried again at
            // every look.
            report.errors.into_iter().for_each(|error| self.refuse(error, on_event));
            return self.commit();
        }
        on_event(WatchEvent::Read(&report));
        self.counters.add(&report);
        let result = Some(FileResult::new(&report, now()));
        batch.entries.push(JournalEntry::File { path: name, stamp, result });
        self.files = self.files.saturating_add(1);
        let full = batch.lines.len() >= BATCH_BYTES || self.files >= BATCH_FILES;
        // The known state advances in steps, each of which must be on the disk.
        if full || hosts.is_some() { self.commit() } else { Ok(()) }
    }

    /// Writes a heartbeat if nothing was written for its time. It is a batch of its own, so that it is
    /// in the feed once, too.
    fn beat(&mut self) -> Result<()> {
        let (Some(ecs), Some(time)) = (self.options.mode.ecs(), Timestamp::from_seconds(now()))
        else {
            return Ok(());
        };
        if self.options.heartbeat.is_none_or(|every| self.written.elapsed() < every) {
            return Ok(());
        }
        let mut hash = Sha256::new();
        hash.update(self.feed.path().as_os_str().as_encoded_bytes());
        #[expect(clippy::disallowed_methods, reason = "each heartbeat has an ID of its own")]
        let nanoseconds =
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        hash.update(nanoseconds.to_le_bytes());
        hash.update(std::process::id().to_le_bytes());
        let mut id = hex(&hash.finalize());
        id.truncate(32);
        ecs.heartbeat(&id, time, self.state.batch.lines.held());
        self.commit()
    }

    fn commit(&mut self) -> Result<()> {
        self.files = 0;
        let WatchState { journal, hosts, batch, .. } = &mut self.state;
        let parts = hosts.as_mut().map(HostStateStore::take_parts).unwrap_or_default();
        let parts = parts.into_iter().map(|(part, number)| JournalEntry::Part { part, number });
        batch.entries.extend(parts);
        let (lines, bytes) = batch.commit(&mut self.feed, journal)?;
        if lines > 0 {
            self.written = Instant::now();
        }
        self.counters.written(lines, bytes, self.options.mode.lines_per_event());
        match hosts {
            Some(hosts) => hosts.clean(),
            None => Ok(()),
        }
    }

    /// Sleeps for `time`, or until the run should stop or open the feed again.
    fn sleep(&self, time: Duration) {
        let begun = Instant::now();
        while !self.is_stopped()
            && !self.reopen.load(Ordering::Relaxed)
            && let Some(rest) = time.checked_sub(begun.elapsed())
            && !rest.is_zero()
        {
            thread::sleep(rest.min(STOP_CHECK));
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Returns the current time, in seconds since 1970.
fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "states and metrics show when a file was read")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(now).unwrap_or_default()
}
