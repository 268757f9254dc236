//! Programs that run, to be ended together.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::process::Stopper;

/// Programs that run. A clone is the same list.
#[derive(Debug, Clone, Default)]
pub struct Running {
    stoppers: Arc<Mutex<Vec<Stopper>>>,
    told: Arc<AtomicBool>,
}

impl Running {
    /// Takes a program that was started. If all were told to end, so is this one.
    pub fn add(&self, stopper: Stopper) {
        let mut stoppers = self.lock();
        stoppers.retain(|stopper| !stopper.is_over());
        if self.is_told() {
            stopper.stop();
        }
        stoppers.push(stopper);
    }

    /// Tells all to end, and those that are started later.
    pub fn stop(&self) {
        let stoppers = self.lock();
        self.told.store(true, Ordering::Relaxed);
        stoppers.iter().for_each(Stopper::stop);
    }

    /// Ends all by force.
    pub fn kill(&self) {
        self.stop();
        // Whoever adds one must not wait for these.
        let stoppers = self.lock().clone();
        for stopper in stoppers {
            stopper.end(Duration::ZERO);
        }
    }

    /// Whether all were told to end.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// What becomes true when all are told to end.
    #[must_use]
    pub fn told(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.told)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Stopper>> {
        self.stoppers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
