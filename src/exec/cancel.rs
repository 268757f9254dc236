//! Cancellation of a job from another thread or a signal handler.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Asks a job to stop. Clones share one state.
///
/// A job checks the token between two events of an input, so it stops within the time of one host. What it then does
/// with its output is documented at each job; none leaves a half-written file. Jobs never cancel the token of their
/// caller, so one token can be used for any number of jobs.
///
/// ```
/// use scanmill::ops::CancellationToken;
///
/// let token = CancellationToken::new();
/// let shared = token.clone();
/// shared.cancel();
/// assert!(token.is_cancelled());
/// ```
#[derive(Debug, Clone, Default)]
pub struct CancellationToken {
    flag: Arc<AtomicBool>,
    /// Token that cancels this one, too.
    parent: Option<Arc<Self>>,
}

impl CancellationToken {
    /// Creates a token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a token that is cancelled with this one, and can also be cancelled alone: the token of a job that may
    /// have to end itself.
    #[must_use]
    pub(crate) fn child(&self) -> Self {
        Self { flag: Arc::default(), parent: Some(Arc::new(self.clone())) }
    }

    /// Asks the jobs that have this token to stop. It cannot be undone.
    pub fn cancel(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Returns true if [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
            || self.parent.as_ref().is_some_and(|parent| parent.is_cancelled())
    }

    /// Returns the flag that the token sets, for what does not take a token, such as a signal handler.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        debug_assert!(
            self.parent.is_none(),
            "the flag would not show that the parent was cancelled"
        );
        Arc::clone(&self.flag)
    }
}

impl From<Arc<AtomicBool>> for CancellationToken {
    /// Creates a token that is cancelled when the flag becomes true.
    fn from(flag: Arc<AtomicBool>) -> Self {
        Self { flag, parent: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_cancelled_with_its_parent_but_not_the_other_way_round() {
        let parent = CancellationToken::new();
        let (first, second) = (parent.child(), parent.child());
        first.cancel();
        assert!(first.is_cancelled() && !second.is_cancelled() && !parent.is_cancelled());
        parent.cancel();
        assert!(second.is_cancelled() && second.child().is_cancelled());
    }
}
