//! Limit on the output of a scanning program before its scan begins.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::error::Error;

/// Maximum number of bytes before a scan: a program that writes more is not nmap, and may never end.
const MAX_BYTES: u64 = 16 << 20;

/// Reader that fails if a limited number of bytes passes without a scan, because then they contain none. Files are read
/// to their end instead, because a scan may follow any other contents.
#[derive(Debug)]
pub(crate) struct Preamble<R> {
    inner: R,
    left: u64,
    has_begun: Arc<AtomicBool>,
}

impl<R> Preamble<R> {
    /// Wraps `inner`. `has_begun` becomes true when a scan begins.
    pub(crate) fn new(inner: R, has_begun: &Arc<AtomicBool>) -> Self {
        Self { inner, left: MAX_BYTES, has_begun: Arc::clone(has_begun) }
    }
}

impl<R: Read> Read for Preamble<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.has_begun.load(Ordering::Relaxed) {
            return Err(io::Error::other(Error::scan("nmap wrote 16 MiB, and no scan")));
        }
        let len = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(u64::try_from(len).unwrap_or(u64::MAX));
        Ok(len)
    }
}
