//! What comes out of a decompressor, under caps (DATA_MODEL rule R10): the only way to it.

use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    error::{Error, ErrorKind},
    limits::Limits,
};

/// Output below this is no bomb, whatever its ratio.
const HARMLESS: u64 = 1 << 20;

/// Bytes that go into a decompressor, counted.
pub(super) struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    pub(super) fn new(inner: R) -> (Self, Arc<AtomicU64>) {
        let count = Arc::new(AtomicU64::new(0));
        (Self { inner, count: Arc::clone(&count) }, count)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer).map_err(ours)?;
        self.count.fetch_add(to_u64(len), Ordering::Relaxed);
        Ok(len)
    }
}

/// Bytes that come out of a decompressor. An error of it is one of the input's compression.
pub(super) struct Capped<R> {
    inner: R,
    compressed: Arc<AtomicU64>,
    count: u64,
    size: u64,
    ratio: u64,
    /// More came than may come.
    over: bool,
}

impl<R> Capped<R> {
    pub(super) fn new(inner: R, compressed: Arc<AtomicU64>, limits: &Limits) -> Self {
        let size = limits.decompressed.unwrap_or(u64::MAX);
        Self { inner, compressed, count: 0, size, ratio: limits.ratio, over: false }
    }

    /// The most that may come out, as far as is known yet.
    fn most(&self) -> u64 {
        let by_ratio = self.compressed.load(Ordering::Relaxed).saturating_mul(self.ratio);
        self.size.min(by_ratio.max(HARMLESS))
    }

    fn too_much(&self) -> io::Error {
        decompress(if self.count >= self.size {
            format!("more than {} bytes come out of it", self.size)
        } else {
            format!("it grows to more than {} times its size", self.ratio)
        })
    }
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.over {
            return Err(self.too_much());
        }
        let len = match self.inner.read(buffer) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted || is_ours(&error) => {
                return Err(error);
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(decompress("the compressed data is cut off".into()));
            }
            Err(error) => return Err(decompress(error.to_string())),
        };
        let count = self.count.saturating_add(to_u64(len));
        let most = self.most();
        if count <= most {
            self.count = count;
            return Ok(len);
        }
        // What may come out does, however much is asked for at once; then it fails.
        let rest = most.saturating_sub(self.count);
        self.over = true;
        self.count = most.max(self.count);
        match usize::try_from(rest) {
            Ok(rest) if rest > 0 => Ok(rest.min(len)),
            _ => Err(self.too_much()),
        }
    }
}

/// An error of a container, as one of reading.
pub(super) fn decompress(message: String) -> io::Error {
    io::Error::other(Error::new(ErrorKind::Decompress(message)))
}

/// An error of reading the container itself, so that a decompressor hands it on as it is.
fn ours(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::Interrupted || is_ours(&error) {
        error
    } else {
        io::Error::other(Error::from(error))
    }
}

fn is_ours(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(inner) if inner.is::<Error>())
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(bytes: usize, limits: &Limits) -> Result<u64, Error> {
        let (_, compressed) = Counted::new(io::empty());
        compressed.store(2000, Ordering::Relaxed);
        let zeros = io::repeat(0).take(to_u64(bytes));
        io::copy(&mut Capped::new(zeros, compressed, limits), &mut io::sink()).map_err(Error::from)
    }

    #[test]
    fn size_and_ratio_are_capped_but_little_is_never_a_bomb() {
        let limits = Limits::default();
        assert_eq!(drained(1_900_000, &limits).unwrap(), 1_900_000);
        let error = drained(3_000_000, &limits).unwrap_err();
        assert!(error.to_string().contains("1000 times"), "{error}");
        assert_eq!(drained(1_000_000, &limits.clone().with_ratio(1)).unwrap(), 1_000_000);
        let error = drained(2000, &limits.with_decompressed(1000)).unwrap_err();
        assert!(error.to_string().contains("more than 1000 bytes"), "{error}");
    }
}
