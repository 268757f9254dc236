//! Caps on decompressed output (DATA_MODEL rule R10). All decompressed bytes pass through this module.
//!
//! There are two caps: one on the output of a single decompressor ([`CappedReader`]), relative to its compressed input,
//! and one on the output of all decompressors of an input ([`Budget`]), relative to the bytes of that input. The second
//! exists for nested containers, whose ratios multiply, and for members of a zip archive that share bytes. It also
//! counts the set-up of decoders: a stream of a few bytes that yields nothing still makes bzip2 clear 3.6 MB of memory
//! (0.5 ms, as long as reading ten kilobytes of ordinary bzip2 takes).
//!
//! The length of a file is known; that of a pipe is not, and the bytes read so far may be its most compressible ones.
//! Before a pipe is refused for its ratio, more of it is read and kept ([`CountingReader::look_ahead`]), so that it is
//! refused at the same byte as a file with the same contents.

use std::{
    collections::VecDeque,
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

/// Output in bytes below which a decompressor is never taken for a bomb, whatever its ratio.
const HARMLESS: u64 = 1 << 20;
/// Set-up cost below which an input is never refused: a thousand streams of `bzip2 -9`.
const HARMLESS_SETUP: u64 = 1000 * 9 * BZIP2_LEVEL;
/// Bytes of output that take as long as the set-up of a bzip2 decoder, per compression level.
pub(super) const BZIP2_LEVEL: u64 = 32 << 10;

/// Bytes per step of reading ahead, and the maximum in total: at the default ratio, 8 MB may expand to 8 GB.
const STEP: usize = 16 << 10;
const AHEAD: usize = 8 << 20;

/// Counts the bytes that go into a decompressor.
pub(super) struct CountingReader<R> {
    inner: R,
    count: Arc<AtomicU64>,
    /// Bytes that were read ahead, and the error that ended them.
    ahead: VecDeque<u8>,
    failed: Option<io::Error>,
}

impl<R> CountingReader<R> {
    pub(super) fn new(inner: R) -> (Self, Arc<AtomicU64>) {
        let count = Arc::new(AtomicU64::new(0));
        let (ahead, failed) = (VecDeque::new(), None);
        (Self { inner, count: Arc::clone(&count), ahead, failed }, count)
    }
}

impl<R: Read> CountingReader<R> {
    /// Reads more bytes into the read-ahead buffer and returns their number. Returns 0 at the end, after an error, or
    /// if the buffer is full.
    pub(super) fn look_ahead(&mut self) -> usize {
        if self.failed.is_some() || self.ahead.len() >= AHEAD {
            return 0;
        }
        let mut step = vec![0; STEP];
        let len = loop {
            match self.inner.read(&mut step) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(ours(error));
                    break 0;
                }
                Ok(len) => break len,
            }
        };
        self.ahead.extend(step.get(..len).unwrap_or_default());
        self.count.fetch_add(to_u64(len), Ordering::Relaxed);
        len
    }
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.ahead.is_empty() {
            return self.ahead.read(buffer);
        }
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let len = self.inner.read(buffer).map_err(ours)?;
        self.count.fetch_add(to_u64(len), Ordering::Relaxed);
        Ok(len)
    }
}

impl<R: Seek> Seek for CountingReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        debug_assert!(self.ahead.is_empty(), "bytes that were read ahead are lost");
        self.inner.seek(to)
    }
}

/// Budget shared by all decompressors of one input. Clones share the same counters.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    /// Length of the input, compressed, in bytes; for a pipe, the bytes read so far.
    packed: Arc<AtomicU64>,
    output: Arc<AtomicU64>,
    setup: Arc<AtomicU64>,
    ratio: u64,
}

impl Budget {
    /// Creates a budget for an input of `packed` bytes.
    pub(super) fn new(packed: Arc<AtomicU64>, limits: &Limits) -> Self {
        Self {
            packed,
            output: Arc::default(),
            setup: Arc::default(),
            ratio: limits.max_compression_ratio,
        }
    }

    fn most(&self, harmless: u64) -> u64 {
        self.packed.load(Ordering::Relaxed).saturating_mul(self.ratio).max(harmless)
    }

    /// Returns the bytes of output that are still allowed, given the input read so far.
    fn left(&self) -> u64 {
        self.most(HARMLESS).saturating_sub(self.output.load(Ordering::Relaxed))
    }

    /// Counts the set-up of a decoder, which takes as long as producing `cost` bytes of output.
    ///
    /// # Errors
    /// Fails if the streams of the input are so short that most of the work is setting up their decoders.
    pub(super) fn set_up(&self, cost: u64) -> io::Result<()> {
        let before = self.setup.fetch_add(cost, Ordering::Relaxed);
        if before.saturating_add(cost) <= self.most(HARMLESS_SETUP) {
            return Ok(());
        }
        Err(decompress("it consists of too many compressed streams of a few bytes each".into()))
    }
}

/// Reader that limits the output of a decompressor. Errors of `inner` are reported as decompression errors.
pub(super) struct CappedReader<R> {
    inner: R,
    compressed: Arc<AtomicU64>,
    count: u64,
    size: u64,
    ratio: u64,
    budget: Budget,
    /// Reads more compressed bytes, for inputs of unknown length, and returns their number.
    look_ahead: Option<fn(&mut R) -> usize>,
    /// True once the output has exceeded a cap.
    over: bool,
}

impl<R> CappedReader<R> {
    pub(super) fn new(
        inner: R,
        compressed: Arc<AtomicU64>,
        (limits, budget): (&Limits, &Budget),
    ) -> Self {
        let size = limits.max_decompressed_bytes.unwrap_or(u64::MAX);
        let (ratio, budget) = (limits.max_compression_ratio, budget.clone());
        Self { inner, compressed, count: 0, size, ratio, budget, look_ahead: None, over: false }
    }

    /// Sets a function that reads more compressed bytes before an input of unknown length is refused.
    pub(super) fn looking_ahead(self, look_ahead: fn(&mut R) -> usize) -> Self {
        Self { look_ahead: Some(look_ahead), ..self }
    }

    /// Returns the bytes of output that are still allowed, given the input read so far.
    fn left(&self) -> u64 {
        let by_ratio = self.compressed.load(Ordering::Relaxed).saturating_mul(self.ratio);
        let own = self.size.min(by_ratio.max(HARMLESS)).saturating_sub(self.count);
        own.min(self.budget.left())
    }

    fn too_much(&self) -> io::Error {
        let ratio = self.ratio;
        decompress(if self.count >= self.size {
            format!("its output exceeds {} bytes", self.size)
        } else if self.look_ahead.is_some() {
            format!("it grows to more than {ratio} times its size, as far as it was read")
        } else {
            format!("it grows to more than {ratio} times its size")
        })
    }
}

impl<R: Read> Read for CappedReader<R> {
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
        let mut left = self.left();
        while to_u64(len) > left
            && let Some(look_ahead) = self.look_ahead
            && look_ahead(&mut self.inner) > 0
        {
            left = self.left();
        }
        // All allowed bytes are returned first, whatever the size of the buffer; the next call fails.
        self.over = to_u64(len) > left;
        let len = usize::try_from(left).map_or(len, |left| len.min(left));
        self.count = self.count.saturating_add(to_u64(len));
        self.budget.output.fetch_add(to_u64(len), Ordering::Relaxed);
        if self.over && len == 0 { Err(self.too_much()) } else { Ok(len) }
    }
}

/// Creates an I/O error for damage in a container.
pub(super) fn decompress(message: String) -> io::Error {
    io::Error::other(Error::new(ErrorKind::Decompress(message)))
}

/// Marks an error of reading the container itself, so that decompressors pass it on unchanged.
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
        let (_, compressed) = CountingReader::new(io::empty());
        compressed.store(2000, Ordering::Relaxed);
        let zeros = io::repeat(0).take(to_u64(bytes));
        let budget = Budget::new(Arc::clone(&compressed), limits);
        let mut capped = CappedReader::new(zeros, compressed, (limits, &budget));
        io::copy(&mut capped, &mut io::sink()).map_err(Error::from)
    }

    #[test]
    fn decompressors_of_one_input_share_its_budget() {
        let limits = Limits::default().with_max_compression_ratio(10);
        let budget = Budget::new(Arc::new(AtomicU64::new(200_000)), &limits);
        let drain = || {
            let zeros = io::repeat(0).take(1_500_000);
            // By its own ratio, each may grow to 10 MB.
            let compressed = Arc::new(AtomicU64::new(1_000_000));
            let mut capped = CappedReader::new(zeros, compressed, (&limits, &budget));
            io::copy(&mut capped, &mut io::sink()).map_err(Error::from)
        };
        assert_eq!(drain().unwrap(), 1_500_000);
        assert!(drain().unwrap_err().to_string().contains("10 times"));
        assert_eq!(budget.output.load(Ordering::Relaxed), 2_000_000);
    }

    #[test]
    fn many_streams_are_allowed_unless_they_are_tiny() {
        let limits = Limits::default();
        let streams = |bytes_each: u64| {
            let budget = Budget::new(Arc::new(AtomicU64::new(5000 * bytes_each)), &limits);
            (0..5000).take_while(|_| budget.set_up(9 * BZIP2_LEVEL).is_ok()).count()
        };
        assert_eq!([streams(14), streams(300)], [1000, 5000]);
    }

    #[test]
    fn size_and_ratio_are_limited_above_a_minimum() {
        let limits = Limits::default();
        assert_eq!(drained(1_900_000, &limits).unwrap(), 1_900_000);
        let error = drained(3_000_000, &limits).unwrap_err();
        assert!(error.to_string().contains("1000 times"), "{error}");
        assert_eq!(
            drained(1_000_000, &limits.clone().with_max_compression_ratio(1)).unwrap(),
            1_000_000
        );
        let error = drained(2000, &limits.with_max_decompressed_bytes(1000)).unwrap_err();
        assert!(error.to_string().contains("exceeds 1000 bytes"), "{error}");
    }
}
