//! What comes out of a decompressor, under caps (DATA_MODEL rule R10): the only way to it.
//!
//! Two things are capped: what comes out of one decompressor ([`Capped`]), measured by what went into that, and what
//! all decompressors of one input do together ([`Budget`]), measured by the bytes of that input. The second cap is
//! there for containers in one another, whose ratios multiply, and for members of a zip archive that share their
//! bytes. It also counts the set-up of decoders: a stream of a few bytes that yields nothing still makes bzip2 clear
//! 3.6 MB of memory (0.5 ms, as long as it takes to read ten kilobytes of ordinary bzip2).

use std::{
    io::{self, Read, Seek, SeekFrom},
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
/// Set-up below this is none either: a thousand streams of `bzip2 -9`.
const HARMLESS_SETUP: u64 = 1000 * 9 * BZIP2_LEVEL;
/// Bytes of output that take as long as the set-up of a decoder of bzip2 does, per level.
pub(super) const BZIP2_LEVEL: u64 = 32 << 10;

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

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// What all decompressors of one input may do together. A clone is the same budget.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    /// Bytes of the input, packed as they are, or of a pipe those that were read so far. What is read of a file counts
    /// on top of its length: at most twice the true number.
    packed: Arc<AtomicU64>,
    output: Arc<AtomicU64>,
    setup: Arc<AtomicU64>,
    ratio: u64,
}

impl Budget {
    /// A budget for an input of `packed` bytes.
    pub(super) fn new(packed: Arc<AtomicU64>, limits: &Limits) -> Self {
        Self { packed, output: Arc::default(), setup: Arc::default(), ratio: limits.ratio }
    }

    fn most(&self, harmless: u64) -> u64 {
        self.packed.load(Ordering::Relaxed).saturating_mul(self.ratio).max(harmless)
    }

    /// Bytes that may still come out, as far as is known yet.
    fn left(&self) -> u64 {
        self.most(HARMLESS).saturating_sub(self.output.load(Ordering::Relaxed))
    }

    /// Counts the set-up of a decoder, which takes as long as `cost` bytes of output.
    ///
    /// # Errors
    /// If the streams of the input are so short that setting up their decoders is most of the work.
    pub(super) fn set_up(&self, cost: u64) -> io::Result<()> {
        let before = self.setup.fetch_add(cost, Ordering::Relaxed);
        if before.saturating_add(cost) <= self.most(HARMLESS_SETUP) {
            return Ok(());
        }
        Err(decompress("it consists of too many compressed streams of a few bytes each".into()))
    }
}

/// Bytes that come out of a decompressor. An error of it is one of the input's compression.
pub(super) struct Capped<R> {
    inner: R,
    compressed: Arc<AtomicU64>,
    count: u64,
    size: u64,
    ratio: u64,
    budget: Budget,
    /// More came than may come.
    over: bool,
}

impl<R> Capped<R> {
    pub(super) fn new(
        inner: R,
        compressed: Arc<AtomicU64>,
        (limits, budget): (&Limits, &Budget),
    ) -> Self {
        let size = limits.decompressed.unwrap_or(u64::MAX);
        let (ratio, budget) = (limits.ratio, budget.clone());
        Self { inner, compressed, count: 0, size, ratio, budget, over: false }
    }

    /// Bytes that may still come out, as far as is known yet.
    fn left(&self) -> u64 {
        let by_ratio = self.compressed.load(Ordering::Relaxed).saturating_mul(self.ratio);
        let own = self.size.min(by_ratio.max(HARMLESS)).saturating_sub(self.count);
        own.min(self.budget.left())
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
        let left = self.left();
        // What may come out does, however much is asked for at once; then it fails.
        self.over = to_u64(len) > left;
        let len = usize::try_from(left).map_or(len, |left| len.min(left));
        self.count = self.count.saturating_add(to_u64(len));
        self.budget.output.fetch_add(to_u64(len), Ordering::Relaxed);
        if self.over && len == 0 { Err(self.too_much()) } else { Ok(len) }
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
        let budget = Budget::new(Arc::clone(&compressed), limits);
        let mut capped = Capped::new(zeros, compressed, (limits, &budget));
        io::copy(&mut capped, &mut io::sink()).map_err(Error::from)
    }

    #[test]
    fn decompressors_of_one_input_share_its_budget() {
        let limits = Limits::default().with_ratio(10);
        let budget = Budget::new(Arc::new(AtomicU64::new(200_000)), &limits);
        let drain = || {
            let zeros = io::repeat(0).take(1_500_000);
            // Each may grow to 10 MB by itself.
            let compressed = Arc::new(AtomicU64::new(1_000_000));
            let mut capped = Capped::new(zeros, compressed, (&limits, &budget));
            io::copy(&mut capped, &mut io::sink()).map_err(Error::from)
        };
        assert_eq!(drain().unwrap(), 1_500_000);
        assert!(drain().unwrap_err().to_string().contains("10 times"));
        assert_eq!(budget.output.load(Ordering::Relaxed), 2_000_000);
    }

    #[test]
    fn many_streams_are_set_up_only_if_they_are_not_tiny() {
        let limits = Limits::default();
        let streams = |bytes_each: u64| {
            let budget = Budget::new(Arc::new(AtomicU64::new(5000 * bytes_each)), &limits);
            (0..5000).take_while(|_| budget.set_up(9 * BZIP2_LEVEL).is_ok()).count()
        };
        assert_eq!([streams(14), streams(300)], [1000, 5000]);
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
