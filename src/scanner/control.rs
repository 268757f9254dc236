//! Control of a running scan from another thread.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{model::Task, process::ProcessGroup};

/// Handle that cancels a run of a [`Scanner`](super::Scanner) from any thread. Clones cancel the same run.
#[derive(Debug, Clone)]
pub struct ScanCanceller(pub(super) Arc<ScanControl>);

impl ScanCanceller {
    /// Cancels the run, or one that has not begun: nmap is asked to end, and killed if it does not. The run then returns
    /// an error.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Returns true if the run was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Returns the progress that nmap reported last; see [`Scanner::with_progress`](super::Scanner::with_progress).
    #[must_use]
    pub fn progress(&self) -> Option<Task> {
        self.0.progress()
    }
}

/// State by which other threads stop a scan and see its progress.
#[derive(Debug, Default)]
pub(super) struct ScanControl {
    pub(super) group: ProcessGroup,
    progress: Mutex<Option<Task>>,
}

impl ScanControl {
    /// Cancels the scan, or one that has not begun.
    pub(super) fn cancel(&self) {
        self.group.stop();
    }

    /// Cancels the scan and waits until nmap has ended.
    pub(super) fn finish(&self) {
        self.group.finish();
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.group.is_stopped()
    }

    /// Returns the progress that nmap reported last.
    pub(super) fn progress(&self) -> Option<Task> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_progress(&self, task: Task) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }
}
