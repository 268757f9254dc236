//! Progress through the inputs, in bytes.

use std::{
    fmt,
    io::{self, Read, Seek, SeekFrom},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Counter of input bytes, as stored (compressed or not). Clones share the counter.
#[derive(Clone, Default)]
pub(crate) struct ByteCounter {
    bytes: Arc<AtomicU64>,
    listener: Option<Arc<dyn Fn(u64) + Send + Sync>>,
}

impl ByteCounter {
    /// Creates a counter that also calls `listener` with the number of bytes of each read, on the thread that reads.
    #[must_use]
    pub(crate) fn with_listener(listener: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self { listener: Some(Arc::new(listener)), ..Self::default() }
    }

    /// Returns the number of bytes read so far.
    #[must_use]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Adds bytes that were read elsewhere or need not be read.
    pub(crate) fn skip(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(listener) = &self.listener {
            listener(bytes);
        }
    }

    /// Wraps a reader so that its bytes are counted.
    pub(super) fn count<R>(&self, inner: R) -> MeteredReader<R> {
        MeteredReader { inner, meter: self.clone() }
    }
}

impl fmt::Debug for ByteCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteCounter").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

/// Reader whose bytes are counted.
pub(super) struct MeteredReader<R> {
    inner: R,
    meter: ByteCounter,
}

impl<R: Read> Read for MeteredReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.meter.skip(u64::try_from(len).unwrap_or(0));
        Ok(len)
    }
}

impl<R: Seek> Seek for MeteredReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
