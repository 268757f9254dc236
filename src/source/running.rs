//! Programs that run, to be ended together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::process::Stopper;

/// Programs that run. A clone is the same list.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Mutex<Roll>>);

#[derive(Debug, Default)]
struct Roll {
    told: bool,
    stoppers: Vec<Stopper>,
}

impl Running {
    /// Takes a program that was started. If all were told to end, so is this one.
    pub fn add(&self, stopper: Stopper) {
        let mut roll = self.lock();
        roll.stoppers.retain(|stopper| !stopper.has_ended());
        if roll.told {
            stopper.stop();
        }
        roll.stoppers.push(stopper);
    }

    /// Tells all to end, and those that are started later.
    pub fn stop(&self) {
        let mut roll = self.lock();
        roll.told = true;
        roll.stoppers.iter().for_each(Stopper::stop);
    }

    /// Ends all by force.
    pub fn kill(&self) {
        self.stop();
        // Whoever adds one must not wait for these.
        let stoppers = self.lock().stoppers.clone();
        stoppers.iter().for_each(Stopper::kill);
    }

    /// Whether all were told to end.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.lock().told
    }

    fn lock(&self) -> MutexGuard<'_, Roll> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
