//! Bytes in hexadecimal, and text looked at eight bytes at a time, in plain integers. A *mark* is the top bit of a byte in a word. A
//! borrow may mark bytes above a marked one wrongly, never below: the lowest mark is always true.

const WORD: usize = size_of::<u64>();
const ONES: u64 = u64::MAX / 255;
const TOPS: u64 = ONES * 0x80;

/// Marks the bytes that are equal to one.
#[inline]
pub(crate) const fn equal(word: u64, byte: u8) -> u64 {
    let differs = word ^ ONES.wrapping_mul(u64::from_le_bytes([byte, 0, 0, 0, 0, 0, 0, 0]));
    differs.wrapping_sub(ONES) & !differs & TOPS
}

/// Marks the bytes below a blank.
#[inline]
pub(crate) const fn controls(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x20) & !word & TOPS
}

/// Marks the bytes beyond ASCII.
#[inline]
pub(crate) const fn beyond_ascii(word: u64) -> u64 {
    word & TOPS
}

/// The byte of a word that has the lowest mark, from 0; 8 without a mark.
#[inline]
pub(crate) const fn lowest(marks: u64) -> usize {
    // At most 8.
    (marks.trailing_zeros() / u8::BITS) as usize
}

/// Only the marks below the lowest one of `end`; all if it has none.
#[inline]
pub(crate) const fn below(marks: u64, end: u64) -> u64 {
    marks & (end & end.wrapping_neg()).wrapping_sub(1)
}

/// Whole words of text, and the bytes behind them.
#[inline]
pub(crate) fn words(bytes: &[u8]) -> (impl ExactSizeIterator<Item = u64>, &[u8]) {
    let (words, tail) = bytes.as_chunks::<WORD>();
    (words.iter().map(|word| u64::from_le_bytes(*word)), tail)
}

/// Place of the first byte that `marks` marks; it must not mark an `x`.
#[inline]
pub(crate) fn position(bytes: &[u8], marks: impl Fn(u64) -> u64) -> Option<usize> {
    for (i, word) in words(bytes).0.enumerate() {
        let found = marks(word);
        if found != 0 {
            return Some(i * WORD + lowest(found));
        }
    }
    // The last word again, with what is behind it: nothing is marked in the part that was seen.
    let (at, word) = match bytes.last_chunk::<WORD>() {
        Some(last) => (bytes.len() - WORD, u64::from_le_bytes(*last)),
        None => (0, short(bytes)),
    };
    let found = marks(word);
    (found != 0).then(|| at + lowest(found))
}

/// Less than a word, filled up with `x`.
#[inline]
fn short(bytes: &[u8]) -> u64 {
    let fill = ONES * 0x78;
    bytes.iter().rev().fold(fill, |word, byte| word << u8::BITS | u64::from(*byte))
}

/// Bytes in hexadecimal, lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_marked_byte_is_found(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let marks = |word| equal(word, b'"') | equal(word, 0x7f) | controls(word) | beyond_ascii(word);
            let is_marked = |byte: &u8| matches!(byte, b'"' | 0..0x20 | 0x7f..);
            prop_assert_eq!(position(&text, marks), text.iter().position(is_marked));
        }

        #[test]
        fn marks_below_an_end_are_told(word in any::<u64>(), byte in any::<u8>()) {
            let bytes = word.to_le_bytes();
            let end = bytes.iter().position(|b| *b == byte).unwrap_or(WORD);
            let expected = bytes[..end].contains(&b'&');
            prop_assert_eq!(below(equal(word, b'&'), equal(word, byte)) != 0, expected);
        }
    }
}
