//! What a program that was started to scan writes before its scan.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::error::Error;

/// Bytes before a scan that are read: what writes more is not nmap, and may never end.
const BEFORE: u64 = 16 << 20;

/// Bytes of which only so many may come before a scan: then it is clear that they hold none. A file is read to its end
/// instead, as a scan may follow whatever stands in it.
#[derive(Debug)]
pub(crate) struct Preamble<R> {
    inner: R,
    left: u64,
    exists: Arc<AtomicBool>,
}

impl<R> Preamble<R> {
    /// `exists` becomes true when there is a scan.
    pub(crate) fn new(inner: R, exists: &Arc<AtomicBool>) -> Self {
        Self { inner, left: BEFORE, exists: Arc::clone(exists) }
    }
}

impl<R: Read> Read for Preamble<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.exists.load(Ordering::Relaxed) {
            return Err(io::Error::other(Error::scan("it wrote 16 MiB, and no scan")));
        }
        let len = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(u64::try_from(len).unwrap_or(u64::MAX));
        Ok(len)
    }
}
