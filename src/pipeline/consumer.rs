//! Where chunks go while a stream is read: to the writer at once, or into memory until their turn comes.

use super::{OUTPUT, worker::Worker};
use crate::{
    error::{Error, Result},
    sink::{Format, ScanEncoder},
};

/// Receives the chunks of one encoder in order.
pub(super) trait ChunkConsumer<E: ScanEncoder> {
    /// Takes a chunk. Called while a host is encoded if that has many lines.
    ///
    /// # Errors
    /// If it cannot be written, or there is too much of it.
    fn take(&mut self, chunk: E::Chunk) -> Result<()>;

    /// Takes what is ready between two events, if it is much. `waits` is true if the next event must be waited for.
    ///
    /// # Errors
    /// As of [`take`](Self::take).
    fn between_events(&mut self, worker: &mut Worker<E>, _waits: bool) -> Result<()> {
        if worker.buffered_bytes() >= OUTPUT { self.take_all(worker.take()) } else { Ok(()) }
    }

    /// Takes chunks.
    ///
    /// # Errors
    /// As of [`take`](Self::take).
    fn take_all(&mut self, chunks: Vec<E::Chunk>) -> Result<()> {
        chunks.into_iter().try_for_each(|chunk| self.take(chunk))
    }
}

/// Chunks are written at once.
pub(super) struct DirectWriter<'o, F> {
    pub(super) writer: &'o mut F,
    pub(super) flush: FlushPolicy,
}

/// When what was written is handed to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlushPolicy {
    /// When there is much of it.
    Seldom,
    /// Before more is waited for.
    BeforeWaits,
    /// After each event: what comes next may take its time, too.
    Always,
}

impl<'o, F: Format> DirectWriter<'o, F> {
    /// Chunks go to this writer, and to the system when there are many.
    pub(super) fn new(writer: &'o mut F) -> Self {
        Self { writer, flush: FlushPolicy::Seldom }
    }
}

impl<F: Format> ChunkConsumer<F::Encoder> for DirectWriter<'_, F> {
    fn take(&mut self, chunk: F::Chunk) -> Result<()> {
        self.writer.write(chunk)
    }

    fn between_events(&mut self, worker: &mut Worker<F::Encoder>, waits: bool) -> Result<()> {
        let flushes = match self.flush {
            FlushPolicy::Seldom => false,
            FlushPolicy::BeforeWaits => waits,
            FlushPolicy::Always => true,
        };
        if worker.buffered_bytes() >= OUTPUT || flushes {
            self.take_all(worker.take())?;
            worker.send_document_events(self.writer)?;
        }
        if flushes { self.writer.flush() } else { Ok(()) }
    }
}

/// Bytes of chunks that a thread may hold in addition to as many as it read.
const HELD: usize = 8 << 20;

/// Chunks are held until their turn comes.
pub(super) struct BufferedChunks<C> {
    pub(super) chunks: Vec<C>,
    read_bytes: usize,
    held_bytes: usize,
    /// There was more than may be held: the work must be done again, by the thread that writes.
    pub(super) overflowed: bool,
}

impl<C> BufferedChunks<C> {
    /// No chunks yet of work that reads so many bytes.
    pub(super) fn new(read_bytes: usize) -> Self {
        Self { chunks: Vec::new(), read_bytes, held_bytes: 0, overflowed: false }
    }
}

impl<E: ScanEncoder> ChunkConsumer<E> for BufferedChunks<E::Chunk> {
    fn take(&mut self, chunk: E::Chunk) -> Result<()> {
        self.held_bytes = self.held_bytes.saturating_add(E::emitted_bytes(&chunk));
        self.overflowed |= self.held_bytes > self.read_bytes.saturating_add(HELD);
        if self.overflowed {
            self.chunks.clear();
            return Err(Error::sink("output", "more than a thread may hold"));
        }
        self.chunks.push(chunk);
        Ok(())
    }
}
