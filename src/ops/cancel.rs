//! Cancellation of a job from another thread or a signal handler.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Asks a job to stop. Clones share one state.
///
/// A job checks the token between two events of an input, so it stops within the time of one host. What it then does
/// with its output is documented at each job; none leaves a half-written file.
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
pub struct CancellationToken(Arc<AtomicBool>);

impl CancellationToken {
    /// Creates a token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the jobs that have this token to stop. It cannot be undone.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns true if [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Returns the flag that the token sets, for [`Pipeline`](crate::pipeline::Pipeline) and signal handlers.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl From<Arc<AtomicBool>> for CancellationToken {
    /// Creates a token that is cancelled when the flag becomes true.
    fn from(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }
}
