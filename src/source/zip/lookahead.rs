//! Reader of an archive that can look at bytes before they are consumed.

use std::io::{self, BufRead, Read};

/// Buffered reader with a buffer of any length in front of it.
pub(super) struct Lookahead<'b, B> {
    held: Vec<u8>,
    /// Number of bytes of `held` that were consumed.
    used: usize,
    bytes: &'b mut B,
}

impl<'b, B: BufRead> Lookahead<'b, B> {
    pub(super) fn new(bytes: &'b mut B) -> Self {
        Self { held: Vec::new(), used: 0, bytes }
    }

    /// Returns the next `len` bytes or more; fewer only if the input ends. Nothing is consumed.
    pub(super) fn peek(&mut self, len: usize) -> io::Result<&[u8]> {
        if self.held.len().saturating_sub(self.used) < len {
            self.held.drain(..self.used.min(self.held.len()));
            self.used = 0;
            while self.held.len() < len {
                let missing = len.saturating_sub(self.held.len());
                let missing = u64::try_from(missing).unwrap_or(u64::MAX);
                if io::copy(&mut (&mut self.bytes).take(missing), &mut self.held)? == 0 {
                    break;
                }
            }
        }
        Ok(self.held.get(self.used..).unwrap_or_default())
    }
}

impl<B: BufRead> Read for Lookahead<'_, B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.fill_buf()?.read(buffer)?;
        self.consume(len);
        Ok(len)
    }
}

impl<B: BufRead> BufRead for Lookahead<'_, B> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.held.get(self.used..) {
            Some(held) if !held.is_empty() => Ok(held),
            _ => self.bytes.fill_buf(),
        }
    }

    fn consume(&mut self, len: usize) {
        if self.used < self.held.len() {
            self.used = self.used.saturating_add(len);
        } else {
            self.bytes.consume(len);
        }
    }
}
