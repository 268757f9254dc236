//! Progress of a job, passed to the caller as it happens.

use std::{fmt, path::Path, sync::Arc};

use crate::{model::ScanEvent, source::ByteCounter};

/// Receives the progress of a job. All methods do nothing by default.
///
/// A job calls [`begin`](Self::begin) when it knows its inputs, then the others from any of its threads, and
/// [`end`](Self::end) when they have been read, also if it fails. A comparison of two states does so once for each
/// state, one after the other; a job that follows a growing file calls neither. Implementations must return quickly,
/// because the threads that read wait for them.
pub trait Progress: Send + Sync {
    /// The job knows how much there is to read.
    fn begin(&self, _totals: ProgressTotals) {}

    /// The job begins to read an input of this name. The previous one, if any, has been read.
    fn input(&self, _name: &str) {}

    /// More bytes were read from inputs, as stored (compressed or not).
    fn bytes_read(&self, _bytes: u64) {}

    /// A scanner process, numbered from 0, has written an event: a host, a task with its percentage, or its end.
    fn scan_event(&self, _process: usize, _event: &ScanEvent<'_>) {}

    /// An input that is read while it grows is not there yet: the job waits for it.
    fn waiting(&self, _path: &Path) {}

    /// The inputs have been read; nothing else is called, except [`begin`](Self::begin) for the next state.
    fn end(&self) {}
}

/// Amount of work of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ProgressTotals {
    /// Number of inputs, or of scanner processes.
    pub inputs: u64,
    /// Size of all inputs in bytes, as stored; `None` if that of any is unknown, such as standard input.
    pub bytes: Option<u64>,
}

/// Shared [`Progress`]; one that does nothing by default.
#[derive(Clone)]
pub struct ProgressHandle(Arc<dyn Progress>);

impl ProgressHandle {
    /// Creates a handle that calls `progress`.
    #[must_use]
    pub fn new(progress: impl Progress + 'static) -> Self {
        Self(Arc::new(progress))
    }

    /// Reports that an input that is read while it grows is not there yet.
    pub(crate) fn waiting(&self, path: &Path) {
        self.0.waiting(path);
    }

    /// Reports the start of a job, and its end when the returned scope is dropped.
    pub(crate) fn begin(&self, totals: ProgressTotals) -> ProgressScope {
        self.0.begin(totals);
        ProgressScope(Arc::clone(&self.0))
    }
}

impl From<Arc<dyn Progress>> for ProgressHandle {
    fn from(progress: Arc<dyn Progress>) -> Self {
        Self(progress)
    }
}

impl Default for ProgressHandle {
    fn default() -> Self {
        Self::new(NoProgress)
    }
}

impl fmt::Debug for ProgressHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressHandle").finish_non_exhaustive()
    }
}

/// [`Progress`] that does nothing.
struct NoProgress;

impl Progress for NoProgress {}

/// Part of a job during which progress is reported: from [`Progress::begin`] until it is dropped.
pub(crate) struct ProgressScope(Arc<dyn Progress>);

impl ProgressScope {
    /// Returns a counter that passes the bytes that are read on.
    pub(crate) fn meter(&self) -> ByteCounter {
        let progress = Arc::clone(&self.0);
        ByteCounter::with_listener(move |bytes| progress.bytes_read(bytes))
    }

    /// Reports that an input is being read.
    pub(crate) fn input(&self, name: &str) {
        self.0.input(name);
    }

    /// Reports an event of a scanner process.
    pub(crate) fn scan_event(&self, process: usize, event: &ScanEvent<'_>) {
        self.0.scan_event(process, event);
    }
}

impl Drop for ProgressScope {
    fn drop(&mut self) {
        self.0.end();
    }
}
