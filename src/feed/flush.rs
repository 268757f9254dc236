//! Passes finished lines on while a host has more of them, so that the lines of one host do not add up in memory.

use crate::error::Result;

/// Size of the buffered lines of one host at which they are flushed, in bytes.
const FLUSH_BYTES: usize = 256 << 10;

/// Callback that takes the finished lines of a host while more of them follow, and leaves the buffer empty.
pub(crate) type FlushFn<'f> = &'f mut dyn FnMut(&mut Vec<u8>) -> Result<()>;

/// Flushes the buffer if it has reached [`FLUSH_BYTES`] bytes.
pub(super) fn flush_large(out: &mut Vec<u8>, flush: FlushFn<'_>) -> Result<()> {
    if out.len() >= FLUSH_BYTES { flush(out) } else { Ok(()) }
}
