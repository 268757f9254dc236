//! Control of a running scan from another thread.

use std::sync::{Mutex, PoisonError};

use crate::{model::Task, process::ProcessGroup};

/// Handle by which other threads stop a scan and see its progress.
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
