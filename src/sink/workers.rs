//! Threads that a sink may use beside the one that hands it pieces.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// Threads that whoever reads and whoever writes share. A clone is the same threads.
#[derive(Debug, Clone)]
pub struct Workers(Arc<ThreadPool>);

impl Workers {
    /// So many threads.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn new(threads: usize) -> Result<Self> {
        let pool = ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
        Ok(Self(Arc::new(pool.map_err(|error| Error::usage(format!("no threads: {error}")))?)))
    }

    /// How many threads they are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Has a thread do something, behind what was asked for before.
    pub fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.0.spawn(work);
    }

    /// Does something that uses all the threads, and waits for it.
    pub fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.install(work)
    }
}
