//! Watches a folder: turns files that are dropped into it into lines of a feed, each document once.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use super::{
    CancellationToken, JobStatus, ReservedPaths,
    paths::{self, InputPaths, OutputKind, OutputPath},
};
use crate::{
    dataset::Dataset,
    error::{Error, Result},
    fs::File,
    pipeline::Outcome,
    watch::{
        STATE, Watch, WatchEvent, WatchOptions, WatchStatus, WatchStatusOptions, check_metrics,
    },
};

/// How [`watch`] runs; [`WatchOptions`] describes what it does.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WatchControl {
    /// Ends the watch when it is cancelled. What was read until then is in the feed.
    pub cancellation: CancellationToken,
    /// Opens the feed again when it becomes true, and is reset then: for `logrotate`, which moves a file away and then
    /// sends SIGHUP.
    pub reopen: Arc<AtomicBool>,
    /// Reads the files that are in the folder and returns, instead of waiting for more.
    pub once: bool,
    /// Paths of the caller that neither the feed nor the state may replace.
    pub reserved_paths: ReservedPaths,
}

impl Default for WatchControl {
    /// Watches for ever.
    fn default() -> Self {
        Self::new(CancellationToken::new())
    }
}

impl WatchControl {
    /// Watches until the token is cancelled.
    #[must_use]
    pub fn new(cancellation: CancellationToken) -> Self {
        Self {
            cancellation,
            reopen: Arc::default(),
            once: false,
            reserved_paths: ReservedPaths::new(),
        }
    }

    /// Reads the files that are in the folder and returns.
    #[must_use]
    pub fn with_once(mut self, once: bool) -> Self {
        self.once = once;
        self
    }

    /// Opens the feed again when `reopen` becomes true.
    #[must_use]
    pub fn with_reopen(mut self, reopen: Arc<AtomicBool>) -> Self {
        self.reopen = reopen;
        self
    }

    /// Sets the paths of the caller that neither the feed nor the state may replace.
    #[must_use]
    pub fn with_reserved_paths(mut self, paths: ReservedPaths) -> Self {
        self.reserved_paths = paths;
        self
    }
}

/// Result of [`watch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchReport {
    /// Number of files that were read without an error.
    pub read: u64,
    /// Number of files with an error.
    pub refused: u64,
    /// True if the watch was cancelled.
    pub interrupted: bool,
}

impl WatchReport {
    /// Returns the outcome.
    #[must_use]
    pub fn status(&self) -> JobStatus {
        match self.refused {
            _ if self.interrupted => JobStatus::Cancelled,
            0 => JobStatus::Complete,
            _ => JobStatus::Partial,
        }
    }
}

/// Watches a folder until it is cancelled, or reads it once. `on_event` receives the report of each file, and what happens to
/// the folder, the state and the feed.
///
/// A document is in the feed exactly once, whenever the process ends (`docs/watch.md`).
///
/// ```
/// use std::fs;
/// use scanmill::{
///     feed::Feed,
///     ops::{self, CancellationToken, WatchControl},
///     watch::{WatchMode, WatchOptions},
/// };
///
/// let folder = tempfile::tempdir()?;
/// let (drop, out) = (folder.path().join("drop"), folder.path().join("feed.jsonl"));
/// fs::create_dir(&drop)?;
/// fs::copy("fixtures/01-tcp-connect-default.xml", drop.join("a.xml"))?;
///
/// let mode = WatchMode::Events(Feed::Nested { events: false });
/// let options = WatchOptions::new(&drop, &out, mode, "jsonl");
/// let control = WatchControl::new(CancellationToken::new()).with_once(true);
/// let report = ops::watch(options, &control, &mut |_| {})?;
/// assert_eq!(report.read, 1);
/// assert_eq!(fs::read_to_string(&out)?.lines().count(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns a usage error if the folder is not one or is a dataset, if the feed exists and is not a feed, or if another run uses the state or
/// the feed, and an output error if the state or the feed cannot be created, read or written.
pub fn watch(
    options: WatchOptions,
    control: &WatchControl,
    on_event: &mut dyn FnMut(WatchEvent<'_>),
) -> Result<WatchReport> {
    check_paths(&options, control)?;
    let cancellation = &control.cancellation;
    let watch = Watch::open(options, cancellation.flag())?;
    let mut watch = watch.reopening(Arc::clone(&control.reopen));
    let (mut read, mut refused) = (0_u64, 0_u64);
    let mut count = |event: WatchEvent<'_>| {
        if let WatchEvent::Read(report) = &event {
            let whole = report.errors.is_empty() && report.count(Outcome::Read) > 0;
            read = read.saturating_add(u64::from(whole));
            refused = refused.saturating_add(u64::from(!report.errors.is_empty()));
        }
        on_event(event);
    };
    if control.once {
        watch.run_once(&mut count)?;
    } else {
        watch.run(&mut count)?;
    }
    Ok(WatchReport { read, refused, interrupted: cancellation.is_cancelled() })
}

/// Returns what a watch has read, what is waiting, and what failed and why, from its journal and its folder. The watch
/// may be running: nothing is locked or written.
///
/// ```
/// use scanmill::{
///     feed::Feed,
///     ops::{self, CancellationToken, WatchControl},
///     watch::{WatchMode, WatchOptions, WatchStatusOptions},
/// };
///
/// let folder = tempfile::tempdir()?;
/// let (drop, out) = (folder.path().join("drop"), folder.path().join("feed.jsonl"));
/// std::fs::create_dir(&drop)?;
/// std::fs::copy("fixtures/01-tcp-connect-default.xml", drop.join("a.xml"))?;
/// let mode = WatchMode::Events(Feed::Nested { events: false });
/// let control = WatchControl::new(CancellationToken::new()).with_once(true);
/// ops::watch(WatchOptions::new(&drop, &out, mode, "jsonl"), &control, &mut |_| {})?;
/// std::fs::copy("fixtures/02-syn-versions-scripts.xml", drop.join("b.xml"))?;
///
/// let status = ops::watch_status(&WatchStatusOptions::new(&drop))?;
/// assert_eq!((status.documents, status.given), (1, 1));
/// assert_eq!(status.waiting[0].name, "b.xml");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns a usage error if there is no state of a watch, and an error of the kind
/// [`State`](crate::error::ErrorKind::State) if it cannot be read or is damaged.
pub fn watch_status(options: &WatchStatusOptions) -> Result<WatchStatus> {
    WatchStatus::read(options)
}

/// Checks the outputs. The feed and the state may lie in the folder, where they are left out, but an existing output file
/// must be a feed.
fn check_paths(options: &WatchOptions, control: &WatchControl) -> Result<()> {
    let reserved = &control.reserved_paths;
    let (folder, out) = (&options.folder, &options.out);
    if Dataset::exists(folder) {
        return Err(Error::usage(format!(
            "{} is a dataset, whose files are not scans: watch the folder that receives its inputs",
            folder.display()
        )));
    }
    let state = options.state.clone().unwrap_or_else(|| folder.join(STATE));
    let rotates = options.rotation.size.is_some() || options.rotation.every.is_some();
    let feed = OutputPath::new(reserved.names.output, out, OutputKind::Feed { rotates });
    let state = OutputPath::new(reserved.names.state, &state, OutputKind::State);
    let reading = InputPaths {
        named: std::slice::from_ref(folder),
        others: reserved.read.iter().map(PathBuf::as_path).collect(),
        ..InputPaths::default()
    };
    let metrics = OutputPath::file(reserved.names.metrics, options.metrics.as_deref());
    let written = [feed, state].into_iter().chain(metrics).chain(reserved.written());
    paths::check(written, &reading, false)?;
    options.metrics.as_deref().map_or(Ok(()), check_metrics)?;
    check_feed(out)
}

/// Refuses a file that does not begin as a feed does.
fn check_feed(out: &Path) -> Result<()> {
    if !out.is_file() {
        return Ok(());
    }
    let mut first = [b'{'];
    // If the file cannot be read, opening the feed reports that.
    let _ = File::open(out).and_then(|mut file| file.read(&mut first));
    if first != [b'{'] {
        let message = format!("{} exists, and does not begin as a feed", out.display());
        return Err(Error::usage(message));
    }
    Ok(())
}
