//! Consumers of chunks while a stream is read: direct writing, or buffering until the chunks' turn.

use super::worker::Worker;
use crate::{
    error::{Error, Result},
    format::{Format, ScanEncoder},
};

/// Number of bytes of output gathered before they are written.
pub(super) const OUTPUT_BYTES: usize = 256 << 10;

/// Receives the chunks of one encoder in order.
pub(super) trait ChunkConsumer<E: ScanEncoder> {
    /// Takes a chunk. Also called while a host with many lines is being encoded.
    ///
    /// # Errors
    /// Fails if it cannot be written, or if the buffer is full.
    fn consume(&mut self, chunk: E::Chunk) -> Result<()>;

    /// Takes the chunks that are ready between two events if they are large. `waits` is true if reading the next event
    /// may block.
    ///
    /// # Errors
    /// Fails as [`consume`](Self::consume) does.
    fn between_events(&mut self, worker: &mut Worker<E>, _waits: bool) -> Result<()> {
        if worker.buffered_bytes() >= OUTPUT_BYTES {
            self.consume_all(worker.take())
        } else {
            Ok(())
        }
    }

    /// Takes several chunks.
    ///
    /// # Errors
    /// Fails as [`consume`](Self::consume) does.
    fn consume_all(&mut self, chunks: Vec<E::Chunk>) -> Result<()> {
        chunks.into_iter().try_for_each(|chunk| self.consume(chunk))
    }
}

/// Consumer that writes chunks immediately.
pub(super) struct DirectWriter<'o, F> {
    pub(super) writer: &'o mut F,
    pub(super) flush: FlushPolicy,
}

/// Time at which written output is passed to the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlushPolicy {
    /// When much output has accumulated.
    Seldom,
    /// Before reading blocks.
    BeforeWaits,
    /// After each event, because processing the next one may take long as well.
    Always,
}

impl<'o, F: Format> DirectWriter<'o, F> {
    /// Creates a consumer that writes to `writer` and flushes only when much output has accumulated.
    pub(super) fn new(writer: &'o mut F) -> Self {
        Self { writer, flush: FlushPolicy::Seldom }
    }
}

impl<F: Format> ChunkConsumer<F::Encoder> for DirectWriter<'_, F> {
    fn consume(&mut self, chunk: F::Chunk) -> Result<()> {
        self.writer.write(chunk)
    }

    fn between_events(&mut self, worker: &mut Worker<F::Encoder>, waits: bool) -> Result<()> {
        let flushes = match self.flush {
            FlushPolicy::Seldom => false,
            FlushPolicy::BeforeWaits => waits,
            FlushPolicy::Always => true,
        };
        if worker.buffered_bytes() >= OUTPUT_BYTES || flushes {
            self.consume_all(worker.take())?;
            worker.send_document_events(self.writer)?;
        }
        if flushes { self.writer.flush() } else { Ok(()) }
    }
}

/// Maximum number of bytes of chunks that a thread may hold in addition to the number of bytes that it read.
const MAX_EXTRA_BYTES: usize = 8 << 20;

/// Consumer that holds chunks until their turn.
pub(super) struct BufferedChunks<C> {
    pub(super) chunks: Vec<C>,
    read_bytes: usize,
    held_bytes: usize,
    /// True if the chunks exceeded the limit: the thread that writes must repeat the work.
    pub(super) overflowed: bool,
}

impl<C> BufferedChunks<C> {
    /// Creates an empty buffer for work that reads `read_bytes` bytes.
    pub(super) fn new(read_bytes: usize) -> Self {
        Self { chunks: Vec::new(), read_bytes, held_bytes: 0, overflowed: false }
    }
}

impl<E: ScanEncoder> ChunkConsumer<E> for BufferedChunks<E::Chunk> {
    fn consume(&mut self, chunk: E::Chunk) -> Result<()> {
        self.held_bytes = self.held_bytes.saturating_add(E::emitted_bytes(&chunk));
        self.overflowed |= self.held_bytes > self.read_bytes.saturating_add(MAX_EXTRA_BYTES);
        if self.overflowed {
            self.chunks.clear();
            return Err(Error::sink("output", "more than a thread may hold"));
        }
        self.chunks.push(chunk);
        Ok(())
    }
}
