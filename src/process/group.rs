//! Programs that are ended together.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::child::StopHandle;

/// Running programs that one call ends: nmap processes, and programs of an engine. Clones share the list.
///
/// Once the group was stopped, it stays stopped: a program that is added later is asked to end at once, so the order of
/// stopping and starting does not matter.
#[derive(Debug, Clone, Default)]
pub struct ProcessGroup {
    handles: Arc<Mutex<Vec<StopHandle>>>,
    is_stopped: Arc<AtomicBool>,
}

impl ProcessGroup {
    /// Adds a program that was started.
    pub(crate) fn add(&self, handle: StopHandle) {
        let mut handles = self.lock();
        handles.retain(|handle| !handle.is_finished());
        if self.is_stopped() {
            handle.stop();
        }
        handles.push(handle);
    }

    /// Asks all programs to end, including those that start later. Those that do not are killed after a few seconds.
    pub fn stop(&self) {
        let handles = self.lock();
        self.is_stopped.store(true, Ordering::Relaxed);
        handles.iter().for_each(StopHandle::stop);
    }

    /// Asks all programs to end, kills those that do not within a short grace period, and returns when all have ended.
    pub(crate) fn finish(&self) {
        self.stop();
        self.handles().iter().for_each(StopHandle::finish);
    }

    /// Kills all programs.
    pub(crate) fn kill(&self) {
        self.stop();
        self.handles().iter().for_each(|handle| handle.stop_within(Duration::ZERO));
    }

    /// Returns true if all programs were asked to end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Returns the flag that becomes true when all programs are asked to end.
    pub(crate) fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_stopped)
    }

    /// Returns a copy of the list, so that threads that add a program need not wait for the end of another.
    fn handles(&self) -> Vec<StopHandle> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<StopHandle>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
