//! Passes finished lines on while a host has more of them, so that memory does not grow with the number of its lines.

use crate::error::Result;

/// Size of the buffered lines of one host at which they are handed over, in bytes.
const PIECE: usize = 256 << 10;

/// Callback that takes the finished lines of a host while more of them follow, and leaves the buffer empty.
pub type Handing<'h> = &'h mut dyn FnMut(&mut Vec<u8>) -> Result<()>;

/// Hands over the buffer if it has reached [`PIECE`] bytes.
pub(super) fn hand_over(out: &mut Vec<u8>, hand: Handing<'_>) -> Result<()> {
    if out.len() >= PIECE { hand(out) } else { Ok(()) }
}
