//! Hexadecimal bytes, and text searched eight bytes at a time with plain integers. A *mark* is the top bit of a byte
//! in a word. A borrow may set false marks above a true one, never below it, so the lowest mark is always true.

use std::io::Write as _;

const WORD: usize = size_of::<u64>();
const BLOCK: usize = 32;
const ONES: u64 = u64::MAX / 255;
const TOPS: u64 = ONES * 0x80;
/// Word that consists of the byte `x`, which is in no [`Set`].
const FILL: u64 = ONES * 0x78;

/// Marks the bytes that equal `byte`.
#[inline]
pub(crate) const fn equal(word: u64, byte: u8) -> u64 {
    let differs = word ^ ONES.wrapping_mul(u64::from_le_bytes([byte, 0, 0, 0, 0, 0, 0, 0]));
    differs.wrapping_sub(ONES) & !differs & TOPS
}

/// Marks the bytes below 0x20.
#[inline]
pub(crate) const fn controls(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x20) & !word & TOPS
}

/// Marks the bytes below `@`, and some non-ASCII bytes.
#[inline]
pub(crate) const fn below_letters(word: u64) -> u64 {
    (!word << 1) & TOPS
}

/// Marks non-ASCII bytes.
#[inline]
pub(crate) const fn beyond_ascii(word: u64) -> u64 {
    word & TOPS
}

/// Returns the index of the byte with the lowest mark; 8 without a mark.
#[inline]
pub(crate) const fn lowest(marks: u64) -> usize {
    // At most 8.
    (marks.trailing_zeros() / u8::BITS) as usize
}

/// Returns the bytes below the lowest mark and zeros above; all bytes without a mark.
#[inline]
pub(crate) const fn before(word: u64, marks: u64) -> u64 {
    word & ((marks & marks.wrapping_neg()) >> (u8::BITS - 1)).wrapping_sub(1)
}

/// Set of bytes to search for. No set contains `x`.
pub(crate) trait Set {
    /// Returns true if the set contains a byte.
    fn has(byte: u8) -> bool;

    /// Marks the bytes of the set.
    fn marks(word: u64) -> u64;
}

/// Splits text into whole words and the bytes after them.
#[inline]
pub(crate) fn words(bytes: &[u8]) -> (impl ExactSizeIterator<Item = u64>, &[u8]) {
    let (words, tail) = bytes.as_chunks::<WORD>();
    (words.iter().map(|word| u64::from_le_bytes(*word)), tail)
}

/// Returns the position of the first byte of a set.
#[inline]
pub(crate) fn position<S: Set>(bytes: &[u8]) -> Option<usize> {
    if bytes.len() < BLOCK {
        return in_words::<S>(bytes);
    }
    // Most long texts contain none. This loop has no early exit, so it is vectorized.
    let free = |block: &[u8; BLOCK]| !block.iter().fold(false, |any, byte| any | S::has(*byte));
    let blocks = bytes.as_chunks::<BLOCK>().0;
    let skip = blocks.iter().position(|block| !free(block)).unwrap_or(blocks.len()) * BLOCK;
    in_words::<S>(bytes.get(skip..)?).map(|at| skip + at)
}

/// Returns true if the text contains a byte of a set.
#[inline]
pub(crate) fn contains<S: Set>(bytes: &[u8]) -> bool {
    if bytes.len() < WORD { S::marks(short(bytes)) != 0 } else { position::<S>(bytes).is_some() }
}

/// Counts the occurrences of a byte.
pub(crate) fn count(bytes: &[u8], byte: u8) -> usize {
    // Blocks of less than 256 bytes have sums that fit into a byte, so these loops are vectorized.
    let sum = |block: &[u8]| block.iter().fold(0_u8, |sum, b| sum + u8::from(*b == byte));
    let (blocks, tail) = bytes.as_chunks::<{ 4 * BLOCK }>();
    let whole: usize = blocks.iter().map(|block| usize::from(sum(block))).sum();
    whole + usize::from(sum(tail))
}

#[inline]
fn in_words<S: Set>(bytes: &[u8]) -> Option<usize> {
    for (i, word) in words(bytes).0.enumerate() {
        let found = S::marks(word);
        if found != 0 {
            return Some(i * WORD + lowest(found));
        }
    }
    // Read the last whole word again, with the bytes after it. Nothing is marked in the part that was searched.
    if let Some(last) = bytes.last_chunk::<WORD>() {
        let found = S::marks(u64::from_le_bytes(*last));
        return (found != 0).then(|| bytes.len() - WORD + lowest(found));
    }
    bytes.iter().position(|byte| S::has(*byte))
}

/// Loads less than a word of bytes, in any order and with some of them repeated.
#[inline]
fn short(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
    }
    let [first, .., last] = bytes else {
        return bytes.first().map_or(FILL, |only| FILL << u8::BITS | u64::from(*only));
    };
    let middle = bytes.get(1).copied().unwrap_or_default();
    FILL << 24 | u64::from(*last) << 16 | u64::from(middle) << 8 | u64::from(*first)
}

/// Appends bytes. Up to eight words are appended without a call, as two pieces that may overlap.
#[inline]
pub(crate) fn append(bytes: &[u8], out: &mut Vec<u8>) {
    let done = match bytes.len() {
        2..=3 => append_ends::<2>(bytes, out),
        4..=8 => append_ends::<4>(bytes, out),
        9..=16 => append_ends::<WORD>(bytes, out),
        17..=32 => append_ends::<{ 2 * WORD }>(bytes, out),
        33..=64 => append_ends::<{ 4 * WORD }>(bytes, out),
        _ => false,
    };
    if done {
        return;
    }
    if let [only] = bytes {
        out.push(*only);
    } else {
        out.extend_from_slice(bytes);
    }
}

/// Appends between `N` and twice `N` bytes: the first `N` and the last `N`. Returns false if there are fewer.
#[inline]
fn append_ends<const N: usize>(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) else {
        return false;
    };
    let end = out.len().wrapping_add(bytes.len());
    out.extend_from_slice(first);
    out.truncate(end.wrapping_sub(N));
    out.extend_from_slice(last);
    true
}

/// Appends a short text if it contains no byte of a set. Returns false and appends nothing if it does, or if the text
/// is longer than two words.
#[inline]
pub(crate) fn append_free<S: Set>(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    if bytes.len() > 2 * WORD {
        return false;
    }
    let marks = match (bytes.first_chunk::<WORD>(), bytes.last_chunk::<WORD>()) {
        (Some(first), Some(last)) => {
            S::marks(u64::from_le_bytes(*first)) | S::marks(u64::from_le_bytes(*last))
        }
        _ => S::marks(short(bytes)),
    };
    if marks == 0 {
        append(bytes, out);
    }
    marks == 0
}

/// Digits of the numbers below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0_u8;
    while number < 100 {
        pairs[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    pairs
};

/// Appends a number in decimal digits. Numbers from 0 to 9999, which are most, are written without a call.
#[inline]
pub(crate) fn append_number(number: i64, out: &mut Vec<u8>) {
    let Some(small) = u16::try_from(number).ok().filter(|small| *small < 10_000) else {
        return append(itoa::Buffer::new().format(number).as_bytes(), out);
    };
    let [a, b] = PAIRS[usize::from(small / 100)];
    let [c, d] = PAIRS[usize::from(small % 100)];
    match small {
        0..10 => out.push(d),
        10..100 => out.extend_from_slice(&[c, d]),
        100..1000 => out.extend_from_slice(&[b, c, d]),
        _ => out.extend_from_slice(&[a, b, c, d]),
    }
}

/// Appends text with the escapes that JSON requires: for quotes, backslashes and bytes below 0x20.
#[inline]
pub(crate) fn escape(text: &str, out: &mut Vec<u8>) {
    if !append_free::<Specials>(text.as_bytes(), out) {
        escape_any(text, b"\\\"", out);
    }
}

/// Appends text with JSON's escapes and with every quote doubled, for a quoted CSV field.
#[inline]
pub(crate) fn escape_doubled(text: &str, out: &mut Vec<u8>) {
    if !append_free::<Specials>(text.as_bytes(), out) {
        escape_any(text, b"\\\"\"", out);
    }
}

fn escape_any(text: &str, quote: &[u8], out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = position::<Specials>(rest) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&byte, tail)) = tail.split_first() else { return };
        match byte {
            b'"' => out.extend_from_slice(quote),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ => {
                // Writing to a vector cannot fail.
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
}

/// Bytes that [`escape`] must change.
struct Specials;

impl Set for Specials {
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "only without branches it runs in vectors")]
    fn has(byte: u8) -> bool {
        (byte < 0x20) | (byte == b'"') | (byte == b'\\')
    }

    #[inline]
    fn marks(word: u64) -> u64 {
        controls(word) | equal(word, b'"') | equal(word, b'\\')
    }
}

/// Returns the position of the first backslash.
#[inline]
pub(crate) fn backslash(bytes: &[u8]) -> Option<usize> {
    position::<Backslash>(bytes)
}

struct Backslash;

impl Set for Backslash {
    #[inline]
    fn has(byte: u8) -> bool {
        byte == b'\\'
    }

    #[inline]
    fn marks(word: u64) -> u64 {
        equal(word, b'\\')
    }
}

/// Returns true if a character is invisible or changes the order or look of those around it: direction marks,
/// joiners, fillers, variation selectors, tags and the like. Control characters and ordinary blanks are not included.
pub(crate) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Returns bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Odd;

    impl Set for Odd {
        fn has(byte: u8) -> bool {
            matches!(byte, b'"' | 0..0x20 | 0x7f..)
        }

        fn marks(word: u64) -> u64 {
            equal(word, b'"') | equal(word, 0x7f) | controls(word) | beyond_ascii(word)
        }
    }

    proptest! {
        #[test]
        fn the_first_byte_of_a_set_is_found(
            plain in "[a-z]{0,70}",
            text in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let text = [plain.as_bytes(), &text].concat();
            let found = text.iter().position(|byte| Odd::has(*byte));
            prop_assert_eq!(position::<Odd>(&text), found);
            prop_assert_eq!(contains::<Odd>(&text), found.is_some());
        }

        #[test]
        fn any_number_of_bytes_is_appended(text in prop::collection::vec(b' '..b'&', 0..80)) {
            let mut out = b"x".to_vec();
            append(&text, &mut out);
            prop_assert_eq!(&out[1..], &*text);
            let free = !text.contains(&b'"');
            prop_assert_eq!(append_free::<Odd>(&text, &mut out), free && text.len() <= 16);
            let twice = out.len() == 1 + 2 * text.len();
            prop_assert_eq!(twice, free && text.len() <= 16 || text.is_empty());
            prop_assert!(out.ends_with(&text));
        }

        #[test]
        fn bytes_are_counted(text in prop::collection::vec(b'a'..b'c', 0..600)) {
            prop_assert_eq!(count(&text, b'a'), text.split(|byte| *byte == b'a').count() - 1);
        }

        #[test]
        fn numbers_are_appended_in_digits(number in prop_oneof![any::<i64>(), -20..10_100_i64]) {
            let mut out = Vec::new();
            append_number(number, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }

        #[test]
        fn short_texts_are_searched_completely(text in prop::collection::vec(b' '..b'%', 0..9)) {
            prop_assert_eq!(contains::<Odd>(&text), text.contains(&b'"'));
        }

        #[test]
        fn bytes_before_a_mark_are_returned(word in any::<u64>(), byte in any::<u8>()) {
            let bytes = word.to_le_bytes();
            let end = bytes.iter().position(|b| *b == byte).unwrap_or(WORD);
            let mut expected = [0; WORD];
            expected[..end].copy_from_slice(&bytes[..end]);
            prop_assert_eq!(before(word, equal(word, byte)).to_le_bytes(), expected);
        }
    }
}
