//! Options for loading and compaction.

use std::sync::{Arc, atomic::AtomicBool};

/// Options for loading documents.
#[derive(Debug, Clone)]
pub(crate) struct LoadOptions {
    /// Number of threads that write files.
    pub(crate) threads: usize,
    /// Size of the rows, in Arrow format, after which they are committed, in bytes.
    pub(crate) commit_bytes: usize,
    /// Start of the run, as RFC 3339 text for the log.
    pub(crate) time: String,
    /// Nothing more is committed once this is true.
    pub(crate) stop: Arc<AtomicBool>,
}

impl LoadOptions {
    /// Default of [`Self::commit_bytes`].
    pub(crate) const COMMIT_BYTES: usize = 32 << 20;

    /// Creates options with one thread and [`Self::COMMIT_BYTES`].
    pub(crate) fn new(time: impl Into<String>) -> Self {
        Self {
            threads: 1,
            commit_bytes: Self::COMMIT_BYTES,
            time: time.into(),
            stop: Arc::default(),
        }
    }
}
