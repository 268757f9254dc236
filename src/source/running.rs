//! List of running programs that are ended together.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::process::Stopper;

/// Running programs. Clones share the list.
#[derive(Debug, Clone, Default)]
pub struct Running {
    stoppers: Arc<Mutex<Vec<Stopper>>>,
    told: Arc<AtomicBool>,
}

impl Running {
    /// Adds a program that was started. If all were asked to end, so is this one.
    pub fn add(&self, stopper: Stopper) {
        let mut stoppers = self.lock();
        stoppers.retain(|stopper| !stopper.is_over());
        if self.is_told() {
            stopper.stop();
        }
        stoppers.push(stopper);
    }

    /// Asks all programs to end, including those that start later.
    pub fn stop(&self) {
        let stoppers = self.lock();
        self.told.store(true, Ordering::Relaxed);
        stoppers.iter().for_each(Stopper::stop);
    }

    /// Kills all programs.
    pub fn kill(&self) {
        self.stop();
        // Threads that add a program must not wait for this.
        let stoppers = self.lock().clone();
        for stopper in stoppers {
            stopper.end(Duration::ZERO);
        }
    }

    /// Returns true if all programs were asked to end.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Returns the flag that becomes true when all programs are asked to end.
    #[must_use]
    pub fn told(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.told)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Stopper>> {
        self.stoppers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
