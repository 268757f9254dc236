//! Transcodes UTF-16, drops byte order marks and raw NUL bytes (rules T1, T2), and maps positions of the result
//! to bytes of the input.
//!
//! The first bytes determine the form of an input, and so does the start of each later document, because output that is
//! appended to a file need not have its encoding. A start is the opener of a document in another form, or in the same
//! form at an odd offset, such as `<?xml` in single bytes within UTF-16, where it would be three rare Chinese
//! characters. Bytes that may begin one are held back until that is clear, so that the result does not depend on how
//! the input is divided into chunks; all other bytes are passed on immediately.

use std::collections::VecDeque;

use super::{
    lex::to_u64,
    source_encoding::{SourceEncoding, next_start_in_bytes, next_start_in_utf16, undecided},
};

/// Converts input bytes to bytes of an ASCII-compatible encoding.
#[derive(Debug, Default)]
pub(super) struct Transcoder {
    encoding: SourceEncoding,
    /// Input bytes whose meaning depends on what follows them.
    rest: Vec<u8>,
    dropped: VecDeque<DroppedInput>,
    /// Forms of the output that is not consumed, in order; the first begins at its start or before.
    ranges: VecDeque<EncodingRange>,
    /// Number of output bytes so far.
    emitted_len: u64,
    /// Position of the first output byte that is not consumed, in the output and in the input.
    base: u64,
    raw_base: u64,
}

/// Range of output whose input has one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EncodingRange {
    /// Position in the output, from its first byte ever.
    at: u64,
    encoding: SourceEncoding,
    /// True if a byte order mark declares the form.
    marked: bool,
}

/// Dropped input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DroppedInput {
    /// Position in the output, from its first byte ever.
    at: u64,
    bytes: u64,
    /// Number of NUL characters in it.
    nuls: u64,
}

/// NUL characters that were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nuls {
    /// Position of the first one in the input.
    pub(super) place: u64,
    /// Number of output bytes before it.
    pub(super) before: usize,
    pub(super) count: u64,
}

/// Maximum number of entries in `dropped`; above it, positions become approximate (in a file in which every other byte
/// is NUL).
const DROPPED_CAP: usize = 1 << 20;

/// Returns true if the first bytes show, in a common case, that they and all that follow are [`SourceEncoding::Bytes`].
fn is_plain_start(head: &[u8]) -> bool {
    matches!(head, [b'<', b'?' | b'!' | b'n' | b'h', _, _, ..])
}

impl Transcoder {
    /// Converts input bytes and appends the result to `out`.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.rest.is_empty() {
            self.take(bytes, false, out);
        } else {
            let mut joined = std::mem::take(&mut self.rest);
            joined.extend_from_slice(bytes);
            self.take(&joined, false, out);
        }
    }

    /// Converts input bytes that were already appended to `out`, after its first `before` bytes. Requires
    /// [`takes_bytes`](Self::takes_bytes).
    pub(super) fn accept(&mut self, before: usize, out: &mut Vec<u8>) {
        debug_assert!(before <= out.len(), "bytes were taken away");
        let new = out.get(before..).unwrap_or_default();
        if self.encoding == SourceEncoding::Unknown && is_plain_start(new) {
            self.begin_range(SourceEncoding::Bytes, false);
        }
        let plain = self.encoding == SourceEncoding::Bytes && undecided(new) == 0;
        if plain && memchr::memchr(0, new).is_none() {
            self.emitted_len = self.emitted_len.saturating_add(to_u64(new.len()));
        } else {
            let new = out.split_off(before.min(out.len()));
            self.feed(&new, out);
        }
    }

    /// Returns true if bytes are passed on unchanged, apart from NUL, or may be.
    pub(super) fn takes_bytes(&self) -> bool {
        self.rest.is_empty()
            && matches!(self.encoding, SourceEncoding::Bytes | SourceEncoding::Unknown)
    }

    /// Ends the input.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        let rest = std::mem::take(&mut self.rest);
        self.take(&rest, true, out);
    }

    /// Converts bytes up to the first whose meaning is not clear. With `last` no more will come.
    fn take(&mut self, mut bytes: &[u8], last: bool, out: &mut Vec<u8>) {
        if self.encoding == SourceEncoding::Unknown {
            if bytes.len() < 4 && !last {
                self.rest = bytes.to_vec();
                return;
            }
            bytes = self.begin(bytes);
        }
        loop {
            let (len, start) = match self.encoding {
                SourceEncoding::Utf16 { big } => next_start_in_utf16(bytes, big, last),
                _ => next_start_in_bytes(bytes, last),
            };
            // A document that begins here has another encoding, or a byte order mark: the next turn finds a later one.
            debug_assert!(len <= bytes.len(), "a document begins after the end");
            debug_assert!(
                start.is_none_or(|start| len > 0
                    || start.mark > 0
                    || start.encoding != self.encoding),
                "the search for documents makes no progress"
            );
            let (now, later) = bytes.split_at_checked(len).unwrap_or((bytes, &[]));
            let used = match self.encoding {
                SourceEncoding::Utf16 { big } => self.emit_utf16(now, big, out),
                _ => self.emit_bytes_without_nuls(now, out),
            };
            let Some(start) = start else {
                let rest = bytes.get(used..).unwrap_or_default();
                if last && !rest.is_empty() {
                    self.emit_bytes("\u{fffd}".as_bytes(), out);
                } else {
                    self.rest = rest.to_vec();
                }
                return;
            };
            // Half a character that another document cuts off, and that document's byte order mark.
            self.drop_input(now.len().saturating_sub(used).saturating_add(start.mark), 0);
            self.begin_range(start.encoding, start.mark > 0);
            bytes = later.get(start.mark..).unwrap_or_default();
        }
    }

    /// Determines the form from the first bytes of the input. Returns the bytes after the byte order mark.
    fn begin<'b>(&mut self, head: &'b [u8]) -> &'b [u8] {
        let (encoding, mark) = match head {
            [0xef, 0xbb, 0xbf, ..] => (SourceEncoding::Bytes, 3),
            [0xff, 0xfe, ..] => (SourceEncoding::Utf16 { big: false }, 2),
            [0xfe, 0xff, ..] => (SourceEncoding::Utf16 { big: true }, 2),
            [b'<', 0, second, 0, ..] if *second != 0 => (SourceEncoding::Utf16 { big: false }, 0),
            [0, b'<', 0, second, ..] if *second != 0 => (SourceEncoding::Utf16 { big: true }, 0),
            _ => (SourceEncoding::Bytes, 0),
        };
        self.raw_base = to_u64(mark);
        self.begin_range(encoding, mark > 0);
        head.get(mark..).unwrap_or_default()
    }

    fn begin_range(&mut self, encoding: SourceEncoding, marked: bool) {
        self.encoding = encoding;
        self.ranges.push_back(EncodingRange { at: self.emitted_len, encoding, marked });
    }

    /// Appends bytes that are passed on unchanged. Returns their number, which is all of them.
    fn emit_bytes_without_nuls(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let len = bytes.len();
        while let Some(nul) = memchr::memchr(0, bytes) {
            let (before, rest) = bytes.split_at_checked(nul).unwrap_or((bytes, &[]));
            self.emit_bytes(before, out);
            let run = rest.iter().take_while(|b| **b == 0).count();
            self.drop_input(run, run);
            bytes = rest.get(run..).unwrap_or_default();
        }
        self.emit_bytes(bytes, out);
        len
    }

    /// Appends the characters of UTF-16 bytes. Returns the number of bytes used: a character at the end may be
    /// incomplete.
    fn emit_utf16(&mut self, bytes: &[u8], big: bool, out: &mut Vec<u8>) -> usize {
        let unit = |pair: &[u8]| match pair {
            [a, b] if big => u16::from_be_bytes([*a, *b]),
            [a, b] => u16::from_le_bytes([*a, *b]),
            _ => 0,
        };
        let mut pairs = bytes.chunks_exact(2).map(unit).peekable();
        let mut used = 0_usize;
        let mut text = String::with_capacity(bytes.len());
        while let Some(first) = pairs.next() {
            let high = (0xd800..0xdc00).contains(&first);
            if high && pairs.peek().is_none() {
                break;
            }
            used = used.saturating_add(2);
            let second = pairs.next_if(|second| high && (0xdc00..0xe000).contains(second));
            used = used.saturating_add(second.map_or(0, |_| 2));
            let units = std::iter::once(first).chain(second);
            for c in char::decode_utf16(units) {
                match c.unwrap_or(char::REPLACEMENT_CHARACTER) {
                    '\0' => {
                        self.emit_bytes(text.as_bytes(), out);
                        text.clear();
                        self.drop_input(2, 1);
                    }
                    c => text.push(c),
                }
            }
        }
        self.emit_bytes(text.as_bytes(), out);
        used
    }

    fn emit_bytes(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
        self.emitted_len = self.emitted_len.saturating_add(to_u64(bytes.len()));
    }

    fn drop_input(&mut self, bytes: usize, nuls: usize) {
        if bytes == 0 {
            return;
        }
        let (bytes, nuls) = (to_u64(bytes), to_u64(nuls));
        let full = self.dropped.len() >= DROPPED_CAP;
        match self.dropped.back_mut() {
            Some(last)
                if full || (last.at == self.emitted_len && (last.nuls > 0) == (nuls > 0)) =>
            {
                last.bytes = last.bytes.saturating_add(bytes);
                last.nuls = last.nuls.saturating_add(nuls);
            }
            _ => self.dropped.push_back(DroppedInput { at: self.emitted_len, bytes, nuls }),
        }
    }

    /// Returns true if the next output bytes are the same as in the input.
    pub(super) fn is_plain(&self) -> bool {
        self.encoding == SourceEncoding::Bytes && self.ranges.len() == 1 && self.dropped.is_empty()
    }

    /// Returns true if the encoding of the document that begins at the first output byte not consumed is known without
    /// a declaration (rule T1).
    pub(super) fn knows_encoding(&self) -> bool {
        let range = self.ranges.iter().take_while(|range| range.at <= self.base).last();
        range.is_some_and(|range| match range.encoding {
            SourceEncoding::Utf16 { .. } => true,
            _ => range.marked && range.at == self.base,
        })
    }

    /// Returns the input position of the first output byte that is not consumed.
    pub(super) fn raw_start(&self) -> u64 {
        self.raw_place(&[])
    }

    /// Returns the input position after what is consumed, excluding NUL characters there that were not reported yet.
    pub(super) fn raw_consumed(&self) -> u64 {
        self.raw_base
    }

    /// Returns the input position of the output byte after `between`, which are the output bytes from the first one not
    /// consumed.
    pub(super) fn raw_place(&self, between: &[u8]) -> u64 {
        let place = self.base.saturating_add(to_u64(between.len()));
        let dropped = self.dropped.iter().take_while(|d| d.at <= place).map(|d| d.bytes);
        self.raw_base.saturating_add(self.raw_len(between)).saturating_add(dropped.sum::<u64>())
    }

    /// Consumes the first output bytes. Returns the NUL characters that were dropped among them and, with `all`, right
    /// after them.
    pub(super) fn consume(&mut self, bytes: &[u8], all: bool) -> Option<Nuls> {
        let end = self.base.saturating_add(to_u64(bytes.len()));
        let mut first = None;
        let mut count = 0_u64;
        let mut gone = 0_u64;
        while let Some(next) = self.dropped.front().copied() {
            if next.at > end || (next.at == end && !all) {
                break;
            }
            if first.is_none() && next.nuls > 0 {
                let before = usize::try_from(next.at.saturating_sub(self.base));
                let before = bytes.get(..before.unwrap_or(usize::MAX)).unwrap_or(bytes);
                let place = self.raw_base.saturating_add(self.raw_len(before));
                first = Some((place.saturating_add(gone), before.len()));
            }
            self.dropped.pop_front();
            gone = gone.saturating_add(next.bytes);
            count = count.saturating_add(next.nuls);
        }
        self.raw_base = self.raw_base.saturating_add(self.raw_len(bytes)).saturating_add(gone);
        self.base = end;
        while self.ranges.get(1).is_some_and(|next| next.at <= end) {
            self.ranges.pop_front();
        }
        first.map(|(place, before)| Nuls { place, before, count })
    }

    /// Returns the number of input bytes from which the first output bytes were produced.
    fn raw_len(&self, bytes: &[u8]) -> u64 {
        let mut sum = 0_u64;
        let mut rest = bytes;
        let mut place = self.base;
        let ends = self.ranges.iter().skip(1).map(|next| next.at).chain([u64::MAX]);
        for (range, end) in self.ranges.iter().zip(ends) {
            let len = usize::try_from(end.saturating_sub(place)).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            sum = sum.saturating_add(range.encoding.raw_len(now));
            if later.is_empty() {
                break;
            }
            (rest, place) = (later, end);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(bytes: &[u8], step: usize) -> (Vec<u8>, Transcoder) {
        let mut transcoder = Transcoder::default();
        let mut out = Vec::new();
        for chunk in bytes.chunks(step) {
            transcoder.feed(chunk, &mut out);
        }
        transcoder.finish(&mut out);
        (out, transcoder)
    }

    #[test]
    fn utf16_of_either_order_is_transcoded_in_any_pieces() {
        let text = "<?xml?>\u{fc}\u{20ac}\u{1f600}x";
        for big in [false, true] {
            for mark in [false, true] {
                let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
                let bytes: Vec<u8> = units
                    .flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() })
                    .collect();
                for step in [1, 2, 3, 5, 100] {
                    let (out, transcoder) = feed(&bytes, step);
                    assert_eq!(
                        String::from_utf8(out.clone()).unwrap(),
                        text,
                        "{big} {mark} {step}"
                    );
                    let last = out.len() - 1;
                    let place = transcoder.raw_place(&out[..last]);
                    assert_eq!(place, super::super::lex::to_u64(bytes.len() - 2));
                }
            }
        }
    }

    #[test]
    fn unpaired_surrogates_become_replacement_characters() {
        let units: [u16; 4] = [0xfeff, 0xd800, 0x41, 0xdc00];
        let mut bytes: Vec<u8> = units.iter().flat_map(|u| u.to_le_bytes()).collect();
        bytes.push(0x41);
        for step in [1, 100] {
            assert_eq!(feed(&bytes, step).0, "\u{fffd}A\u{fffd}\u{fffd}".as_bytes());
        }
    }

    #[test]
    fn nul_bytes_are_dropped_and_counted_and_positions_stay_exact() {
        let bytes = b"\xef\xbb\xbfab\0\0cd\0ef\0";
        for step in [1, 2, 100] {
            let (out, mut transcoder) = feed(bytes, step);
            assert_eq!(out, b"abcdef");
            assert_eq!(transcoder.raw_place(b"ab"), 7, "after the NUL bytes, where c is");
            assert_eq!(transcoder.raw_place(b"abc"), 8);
            assert_eq!(
                transcoder.consume(b"abc", false),
                Some(Nuls { place: 5, before: 2, count: 2 })
            );
            assert_eq!(transcoder.raw_place(b""), 8);
            assert_eq!(
                transcoder.consume(b"def", true),
                Some(Nuls { place: 9, before: 1, count: 2 })
            );
            assert_eq!(transcoder.raw_place(b""), 13);
        }
    }
}
