//! Finds the next record of an archive without a directory where no length leads to it.
//!
//! A program that writes a zip archive to a pipe does not know the length of a member when it writes its header, so the
//! length follows the member, in a data descriptor. A compressed stream ends by itself. A member that is not compressed
//! ends at the first descriptor that records exactly the number of bytes before it ([`StoredReader`]): an archive in an
//! archive has descriptors too, but not with the number of bytes since the outer header.
//!
//! After a member that is damaged, [`find_member`] continues at the next header of a member.

use std::io::{self, BufRead, Read};

use flate2::Crc;

use super::{
    header::{DESCRIPTOR, Fields, LOCAL_LEN, begins_record, cut, is_header, signatures},
    lookahead::Lookahead,
};
use crate::source::output_cap::decompress;

/// Length in bytes of the longest data descriptor: signature, checksum, and two lengths of 64 bits.
const LONGEST: usize = 24;
/// Lengths in bytes of descriptors without a signature, before the record that follows.
const UNSIGNED: [usize; 2] = [12, 20];
/// Numbers of bytes that are searched at once: few at first, because most members of an archive may be tiny.
const FIRST: usize = 256;
const MOST: usize = 16 << 10;

/// Contents of a member that is not compressed and whose length follows it. Reading ends before the data descriptor;
/// [`StoredReader::skip_descriptor`] then skips it.
pub(super) struct StoredReader<'l, 'b, B> {
    bytes: &'l mut Lookahead<'b, B>,
    crc: Crc,
    /// Number of bytes that were read.
    len: u64,
    /// Number of bytes that follow and are certainly contents.
    sure: usize,
    /// Number of bytes to search next.
    step: usize,
    end: Option<End>,
    is_reported: bool,
}

/// End of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// A data descriptor of this length, with this checksum.
    Descriptor { len: usize, crc: u32 },
    /// The archive ends before the member does.
    Cut,
}

impl<'l, 'b, B: BufRead> StoredReader<'l, 'b, B> {
    pub(super) fn new(bytes: &'l mut Lookahead<'b, B>) -> Self {
        let (crc, len, sure, step) = (Crc::new(), 0, 0, FIRST);
        Self { bytes, crc, len, sure, step, end: None, is_reported: false }
    }

    /// Skips the descriptor if all contents were read: it follows them.
    pub(super) fn skip_descriptor(&mut self) {
        if self.sure == 0
            && let Some(End::Descriptor { len, .. }) = self.end.take()
        {
            self.bytes.consume(len);
        }
    }

    /// Searches further bytes for the end.
    fn search(&mut self) -> io::Result<()> {
        let here = self.bytes.peek(self.step)?;
        let is_over = here.len() < self.step;
        if let Some((at, end)) = find_descriptor(here, self.len, is_over) {
            (self.sure, self.end) = (at, Some(end));
        } else if is_over {
            (self.sure, self.end) = (here.len(), Some(End::Cut));
        } else {
            // A descriptor may begin before the last bytes.
            self.sure = here.len().saturating_sub(LONGEST.saturating_mul(2));
        }
        debug_assert!(
            self.sure > 0 || self.end.is_some(),
            "the search for the end makes no progress"
        );
        self.step = self.step.saturating_mul(2).min(MOST);
        Ok(())
    }
}

impl<B: BufRead> Read for StoredReader<'_, '_, B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.sure == 0 && self.end.is_none() {
            self.search()?;
        }
        let most = buffer.len().min(self.sure);
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        let len = self.bytes.read(buffer)?;
        self.crc.update(buffer.get(..len).unwrap_or_default());
        self.len = self.len.saturating_add(u64::try_from(len).unwrap_or_default());
        self.sure = self.sure.saturating_sub(len);
        if self.sure > 0 || len > 0 || std::mem::replace(&mut self.is_reported, true) {
            return Ok(len);
        }
        match self.end {
            Some(End::Cut) => Err(cut()),
            Some(End::Descriptor { crc, .. }) if crc != self.crc.sum() => {
                Err(decompress("the checksum of the member is another".into()))
            }
            _ => Ok(0),
        }
    }
}

/// Returns the position of the first data descriptor that records its own position, counted from the start of the
/// member. `before` is the number of bytes of the member before `bytes`, and `is_over` is true if nothing follows them.
fn find_descriptor(bytes: &[u8], before: u64, is_over: bool) -> Option<(usize, End)> {
    let end = |at: usize, signature: usize| {
        let len = before.saturating_add(u64::try_from(at).ok()?);
        let fields = bytes.get(at.saturating_add(signature)..)?;
        let crc = Fields(fields.get(..4)?).u32(0);
        let lens = Fields(fields.get(4..12)?);
        let low = u32::try_from(len & u64::from(u32::MAX)).ok()?;
        let is_narrow = lens.u32(0) == low && lens.u32(4) == low;
        let wide = fields.get(4..20).map(Fields);
        // Both fit an empty member, and then the shorter one leaves zeros, with which no record begins.
        let is_wide = wide.is_some_and(|lens| lens.u64(0) == len && lens.u64(8) == len);
        let rest: usize = if is_wide { 20 } else { 12 };
        (is_narrow || is_wide)
            .then_some((at, End::Descriptor { len: rest.saturating_add(signature), crc }))
    };
    for at in signatures(bytes) {
        let Some(magic) = bytes.get(at..).and_then(|here| here.first_chunk::<4>()) else { break };
        let found = if *magic == DESCRIPTOR {
            end(at, DESCRIPTOR.len())
        } else if begins_record(*magic) {
            UNSIGNED.into_iter().find_map(|len| {
                end(at.checked_sub(len)?, 0).filter(|(start, end)| is_before(at, (*start, *end)))
            })
        } else {
            None
        };
        if found.is_some() {
            return found;
        }
    }
    let last = || UNSIGNED.into_iter().find_map(|len| end(bytes.len().checked_sub(len)?, 0));
    if is_over { last() } else { None }
}

/// Returns true if a descriptor that begins at `start` ends at `at`.
fn is_before(at: usize, (start, end): (usize, End)) -> bool {
    matches!(end, End::Descriptor { len, .. } if start.saturating_add(len) == at)
}

/// Consumes bytes up to the next header of a member. Returns false if there is none.
pub(super) fn find_member(bytes: &mut Lookahead<'_, impl BufRead>) -> io::Result<bool> {
    loop {
        let here = bytes.peek(MOST)?;
        if here.len() < LOCAL_LEN {
            return Ok(false);
        }
        let found = signatures(here).find(|at| here.get(*at..).is_some_and(is_header));
        // A header may begin in the last bytes.
        let len = found.unwrap_or(here.len().saturating_sub(LOCAL_LEN - 1));
        bytes.consume(len);
        if found.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use super::{super::header::LOCAL, *};

    /// Descriptor of contents: with a signature and with lengths of 64 bits, or without.
    fn descriptor(contents: &[u8], is_signed: bool, is_wide: bool) -> Vec<u8> {
        let mut crc = Crc::new();
        crc.update(contents);
        let mut bytes = if is_signed { DESCRIPTOR.to_vec() } else { Vec::new() };
        bytes.extend(crc.sum().to_le_bytes());
        for _ in 0..2 {
            if is_wide {
                bytes.extend((contents.len() as u64).to_le_bytes());
            } else {
                bytes.extend(u32::try_from(contents.len()).unwrap().to_le_bytes());
            }
        }
        bytes
    }

    fn read(bytes: &[u8], step: usize) -> (Vec<u8>, bool, Vec<u8>) {
        let mut bytes = BufReader::with_capacity(step, Cursor::new(bytes));
        let mut bytes = Lookahead::new(&mut bytes);
        let mut stored = StoredReader::new(&mut bytes);
        let mut contents = Vec::new();
        let is_whole = io::copy(&mut stored, &mut contents).is_ok();
        stored.skip_descriptor();
        let mut rest = Vec::new();
        io::copy(&mut bytes, &mut rest).unwrap();
        (contents, is_whole, rest)
    }

    #[test]
    fn stored_members_end_at_the_descriptor_that_has_their_length() {
        let next = [&LOCAL[..], &[7; 40]].concat();
        for len in [0, 1, 11, 100, 255, 256, 300, 20_000, 70_000] {
            let mut contents: Vec<u8> = (0..len).map(|n: u32| (n % 251) as u8).collect();
            // An archive in it has its own records.
            if len >= 100 {
                let inner = descriptor(&contents[10..40], true, false);
                contents[40..40 + inner.len()].copy_from_slice(&inner);
                contents[70..74].copy_from_slice(&LOCAL);
            }
            for (is_signed, is_wide) in [(true, false), (true, true), (false, false), (false, true)]
            {
                let end = descriptor(&contents, is_signed, is_wide);
                for step in [1, 7, 16 << 10] {
                    let bytes = [&*contents, &end, &next].concat();
                    let whole = (contents.clone(), true, next.clone());
                    assert_eq!(read(&bytes, step), whole, "{len} {is_signed} {is_wide} {step}");
                    let bytes = [&*contents, &end].concat();
                    assert_eq!(read(&bytes, step), (contents.clone(), true, Vec::new()), "{len}");
                    assert_eq!(read(&contents, step), (contents.clone(), false, Vec::new()));
                }
                if len > 0 {
                    let mut other = [&*contents, &end, &next].concat();
                    other[0] ^= 1;
                    let (_, is_whole, rest) = read(&other, 100);
                    assert_eq!((is_whole, &rest), (false, &next), "another checksum");
                }
            }
        }
    }
}
