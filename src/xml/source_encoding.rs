//! Encoding forms of the input, and detection of documents in another encoding than the previous one, for
//! [`super::transcoder`].

use super::lex::to_u64;

/// Encoding form of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum SourceEncoding {
    #[default]
    Unknown,
    Bytes,
    Utf16 {
        big: bool,
    },
}

/// Start of a document in another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DocumentStart {
    pub(super) at: usize,
    /// Length of its byte order mark in bytes.
    pub(super) mark: usize,
    pub(super) encoding: SourceEncoding,
}

/// Possible beginnings of a document that is appended to another one.
const OPENERS: [&[u8]; 4] = [b"<?xml", b"<nmaprun", b"<!DOCTYPE nmaprun", b"<host"];

impl SourceEncoding {
    /// Returns the number of input bytes from which these output bytes were produced.
    pub(super) fn raw_len(self, bytes: &[u8]) -> u64 {
        match self {
            // Characters of up to three bytes in UTF-8 take one unit, longer ones two; the lead bytes show which.
            Self::Utf16 { .. } => bytes
                .iter()
                .map(|b| match b {
                    0x80..=0xbf => 0,
                    0xf0.. => 4,
                    _ => 2,
                })
                .sum(),
            _ => to_u64(bytes.len()),
        }
    }

    /// Returns its byte order mark.
    const fn mark(self) -> &'static [u8] {
        match self {
            Self::Utf16 { big: false } => &[0xff, 0xfe],
            Self::Utf16 { big: true } => &[0xfe, 0xff],
            _ => &[0xef, 0xbb, 0xbf],
        }
    }

    /// Returns true if `bytes` begin with the opener of a document in this encoding, and `None` if they end before that
    /// is clear.
    fn opens(self, bytes: &[u8]) -> Option<bool> {
        let mut clear = Some(false);
        for opener in OPENERS {
            let mut have = bytes.iter();
            let mut next = |wanted: u8| have.next().map(|byte| *byte == wanted);
            let mut is_unit = |letter: u8| match self {
                Self::Utf16 { big } => {
                    let (one, two) = if big { (0, letter) } else { (letter, 0) };
                    match next(one) {
                        Some(true) => next(two),
                        other => other,
                    }
                }
                _ => next(letter),
            };
            match opener.iter().map(|letter| is_unit(*letter)).find(|same| *same != Some(true)) {
                None => return Some(true),
                Some(None) => clear = None,
                Some(_) => {}
            }
        }
        clear
    }

    /// Returns the start of a document in this encoding whose opener is at `at`; a byte order mark before it is
    /// included.
    fn start(self, bytes: &[u8], at: usize) -> DocumentStart {
        let before = bytes.get(..at).unwrap_or_default();
        let mark = if before.ends_with(self.mark()) { self.mark().len() } else { 0 };
        DocumentStart { at: at.saturating_sub(mark), mark, encoding: self }
    }
}

/// Returns the number of bytes that are not UTF-16: up to a document in UTF-16, or to what may become one with more
/// bytes.
pub(super) fn next_start_in_bytes(bytes: &[u8], last: bool) -> (usize, Option<DocumentStart>) {
    // Every opener has a NUL in its first two bytes.
    for nul in memchr::memchr_iter(0, bytes) {
        let little = nul.checked_sub(1).filter(|at| bytes.get(*at) == Some(&b'<'));
        let big = bytes.get(nul.saturating_add(1)).is_none_or(|next| *next == b'<').then_some(nul);
        let forms = [
            (little, SourceEncoding::Utf16 { big: false }),
            (big, SourceEncoding::Utf16 { big: true }),
        ];
        for (at, form) in forms.into_iter().filter_map(|(at, form)| Some((at?, form))) {
            let start = form.start(bytes, at);
            match form.opens(bytes.get(at..).unwrap_or_default()) {
                Some(true) => return (start.at, Some(start)),
                None if !last => return (start.at, None),
                _ => {}
            }
        }
    }
    let kept = if last { 0 } else { undecided(bytes) };
    (bytes.len().saturating_sub(kept), None)
}

/// Returns the number of bytes at the end, without a NUL, that may begin a document in UTF-16.
pub(super) fn undecided(bytes: &[u8]) -> usize {
    match bytes {
        [.., 0xff, 0xfe, b'<'] => 3,
        [.., 0xff, 0xfe] | [.., 0xfe, 0xff] => 2,
        [.., 0xff | 0xfe | b'<'] => 1,
        _ => 0,
    }
}

/// Returns the number of bytes that are UTF-16 from the first one on: up to a document in another encoding, or to what
/// may become one with more bytes.
pub(super) fn next_start_in_utf16(
    bytes: &[u8],
    big: bool,
    last: bool,
) -> (usize, Option<DocumentStart>) {
    for at in memchr::memchr_iter(b'<', bytes) {
        let zero = |at: Option<usize>| at.is_some_and(|at| bytes.get(at) == Some(&0));
        let aligned = at.is_multiple_of(2) != big;
        let (before, behind) = (at.checked_sub(1), at.checked_add(1));
        // A little-endian `<` is also the end of a big-endian one at an odd offset; only a byte order mark decides.
        let swapped = zero(before)
            && SourceEncoding::Utf16 { big: true }.start(bytes, at.saturating_sub(1)).mark > 0;
        let same = aligned && zero(if big { before } else { behind }) && (big || !swapped);
        let plain = !zero(behind);
        let other = match (plain, same) {
            (true, _) => (at, SourceEncoding::Bytes),
            (false, true) => continue,
            (false, false) if zero(before) => {
                (at.saturating_sub(1), SourceEncoding::Utf16 { big: true })
            }
            (false, false) => (at, SourceEncoding::Utf16 { big: false }),
        };
        let start = other.1.start(bytes, other.0);
        match other.1.opens(bytes.get(other.0..).unwrap_or_default()) {
            Some(true) => return (start.at, Some(start)),
            // Its possible byte order mark, or half of it, is kept with it.
            None if !last => return (at.saturating_sub(3), None),
            _ => {}
        }
    }
    let mark = match bytes {
        [.., 0xef, 0xbb, 0xbf] | [.., 0xfe, 0xff, 0] => 3,
        [.., 0xff, 0xfe] | [.., 0xfe, 0xff] | [.., 0xef, 0xbb] => 2,
        [.., 0xff | 0xfe | 0xef] => 1,
        // The first half of a big-endian `<` at an odd offset.
        [.., 0] if big && bytes.len().is_multiple_of(2) => 2,
        _ => 0,
    };
    let kept = if last { 0 } else { mark };
    (bytes.len().saturating_sub(kept), None)
}
