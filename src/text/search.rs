//! Searches for classes of bytes, eight bytes at a time with plain integers.
//!
//! A *match mask* has the top bit of each byte of a word that matches. A borrow may set false bits above a true one,
//! never below it, so the first match is always true.

pub(super) const WORD: usize = size_of::<u64>();
const BLOCK: usize = 32;
const ONES: u64 = u64::MAX / 255;
const TOPS: u64 = ONES * 0x80;
/// Word that consists of the byte `x`, which is in no [`ByteClass`].
const FILL: u64 = ONES * 0x78;

/// Marks the bytes that equal `byte`.
#[inline]
pub(crate) const fn equal_mask(word: u64, byte: u8) -> u64 {
    let differs = word ^ ONES.wrapping_mul(u64::from_le_bytes([byte, 0, 0, 0, 0, 0, 0, 0]));
    differs.wrapping_sub(ONES) & !differs & TOPS
}

/// Marks the bytes below 0x20.
#[inline]
pub(crate) const fn control_mask(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x20) & !word & TOPS
}

/// Marks the bytes below `@`, and some non-ASCII bytes.
#[inline]
pub(crate) const fn below_at_sign_mask(word: u64) -> u64 {
    (!word << 1) & TOPS
}

/// Marks non-ASCII bytes.
#[inline]
pub(crate) const fn non_ascii_mask(word: u64) -> u64 {
    word & TOPS
}

/// Returns the index of the first byte that a mask marks, or 8 if it marks none.
#[inline]
pub(crate) const fn first_match(mask: u64) -> usize {
    // At most 8.
    (mask.trailing_zeros() / u8::BITS) as usize
}

/// Returns the bytes before the first one that a mask marks, and zeros from there on. If it marks none, returns all
/// bytes.
#[inline]
pub(crate) const fn bytes_before(word: u64, mask: u64) -> u64 {
    word & ((mask & mask.wrapping_neg()) >> (u8::BITS - 1)).wrapping_sub(1)
}

/// Class of bytes to search for. No class contains `x`.
pub(crate) trait ByteClass {
    /// Returns true if the class contains a byte.
    fn contains(byte: u8) -> bool;

    /// Marks the bytes of the class.
    fn match_mask(word: u64) -> u64;
}

/// Splits text into whole words and the bytes after them.
#[inline]
pub(crate) fn words(bytes: &[u8]) -> (impl ExactSizeIterator<Item = u64>, &[u8]) {
    let (words, tail) = bytes.as_chunks::<WORD>();
    (words.iter().map(|word| u64::from_le_bytes(*word)), tail)
}

/// Returns the position of the first byte of a class.
#[inline]
pub(crate) fn position<C: ByteClass>(bytes: &[u8]) -> Option<usize> {
    if bytes.len() < BLOCK {
        return position_in_words::<C>(bytes);
    }
    // Most long texts contain none. This loop has no early exit, so it is vectorized.
    let free =
        |block: &[u8; BLOCK]| !block.iter().fold(false, |any, byte| any | C::contains(*byte));
    let blocks = bytes.as_chunks::<BLOCK>().0;
    let skip = blocks.iter().position(|block| !free(block)).unwrap_or(blocks.len()) * BLOCK;
    position_in_words::<C>(bytes.get(skip..)?).map(|at| skip + at)
}

/// Returns true if the text contains a byte of a class.
#[inline]
pub(crate) fn contains<C: ByteClass>(bytes: &[u8]) -> bool {
    if bytes.len() < WORD {
        C::match_mask(load_short(bytes)) != 0
    } else {
        position::<C>(bytes).is_some()
    }
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
fn position_in_words<C: ByteClass>(bytes: &[u8]) -> Option<usize> {
    for (i, word) in words(bytes).0.enumerate() {
        let found = C::match_mask(word);
        if found != 0 {
            return Some(i * WORD + first_match(found));
        }
    }
    // Read the last whole word again, with the bytes after it. Nothing is marked in the part that was searched.
    if let Some(last) = bytes.last_chunk::<WORD>() {
        let found = C::match_mask(u64::from_le_bytes(*last));
        return (found != 0).then(|| bytes.len() - WORD + first_match(found));
    }
    bytes.iter().position(|byte| C::contains(*byte))
}

/// Loads less than a word of bytes, in any order and with some of them repeated.
#[inline]
pub(super) fn load_short(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
    }
    let [first, .., last] = bytes else {
        return bytes.first().map_or(FILL, |only| FILL << u8::BITS | u64::from(*only));
    };
    let middle = bytes.get(1).copied().unwrap_or_default();
    FILL << 24 | u64::from(*last) << 16 | u64::from(middle) << 8 | u64::from(*first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Odd;

    impl ByteClass for Odd {
        fn contains(byte: u8) -> bool {
            matches!(byte, b'"' | 0..0x20 | 0x7f..)
        }

        fn match_mask(word: u64) -> u64 {
            equal_mask(word, b'"')
                | equal_mask(word, 0x7f)
                | control_mask(word)
                | non_ascii_mask(word)
        }
    }

    proptest! {
        #[test]
        fn the_first_byte_of_a_class_is_found(
            plain in "[a-z]{0,70}",
            text in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let text = [plain.as_bytes(), &text].concat();
            let found = text.iter().position(|byte| Odd::contains(*byte));
            prop_assert_eq!(position::<Odd>(&text), found);
            prop_assert_eq!(contains::<Odd>(&text), found.is_some());
        }

        #[test]
        fn bytes_are_counted(text in prop::collection::vec(b'a'..b'c', 0..600)) {
            prop_assert_eq!(count(&text, b'a'), text.split(|byte| *byte == b'a').count() - 1);
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
            prop_assert_eq!(bytes_before(word, equal_mask(word, byte)).to_le_bytes(), expected);
        }
    }
}
