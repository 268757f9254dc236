//! Appends short texts and numbers to a byte vector.

use super::search::{ByteClass, WORD, load_short};

/// Appends bytes. Up to eight words are appended without a call, as two pieces that may overlap.
#[inline]
pub(crate) fn push_short(bytes: &[u8], out: &mut Vec<u8>) {
    let done = match bytes.len() {
        2..=3 => push_ends::<2>(bytes, out),
        4..=8 => push_ends::<4>(bytes, out),
        9..=16 => push_ends::<WORD>(bytes, out),
        17..=32 => push_ends::<{ 2 * WORD }>(bytes, out),
        33..=64 => push_ends::<{ 4 * WORD }>(bytes, out),
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
fn push_ends<const N: usize>(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) else {
        return false;
    };
    let end = out.len().wrapping_add(bytes.len());
    out.extend_from_slice(first);
    out.truncate(end.wrapping_sub(N));
    out.extend_from_slice(last);
    true
}

/// Appends a short text if it contains no byte of a class. Returns false and appends nothing if it does, or if the text
/// is longer than two words.
#[inline]
pub(crate) fn push_if_clean<C: ByteClass>(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    if bytes.len() > 2 * WORD {
        return false;
    }
    let mask = match (bytes.first_chunk::<WORD>(), bytes.last_chunk::<WORD>()) {
        (Some(first), Some(last)) => {
            C::match_mask(u64::from_le_bytes(*first)) | C::match_mask(u64::from_le_bytes(*last))
        }
        _ => C::match_mask(load_short(bytes)),
    };
    if mask == 0 {
        push_short(bytes, out);
    }
    mask == 0
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
pub(crate) fn push_number(number: i64, out: &mut Vec<u8>) {
    let Some(small) = u16::try_from(number).ok().filter(|small| *small < 10_000) else {
        return push_short(itoa::Buffer::new().format(number).as_bytes(), out);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::search::equal_mask, *};

    struct Quote;

    impl ByteClass for Quote {
        fn contains(byte: u8) -> bool {
            byte == b'"'
        }

        fn match_mask(word: u64) -> u64 {
            equal_mask(word, b'"')
        }
    }

    proptest! {
        #[test]
        fn any_number_of_bytes_is_appended(text in prop::collection::vec(b' '..b'&', 0..80)) {
            let mut out = b"x".to_vec();
            push_short(&text, &mut out);
            prop_assert_eq!(&out[1..], &*text);
            let free = !text.contains(&b'"');
            prop_assert_eq!(push_if_clean::<Quote>(&text, &mut out), free && text.len() <= 16);
            let twice = out.len() == 1 + 2 * text.len();
            prop_assert_eq!(twice, free && text.len() <= 16 || text.is_empty());
            prop_assert!(out.ends_with(&text));
        }

        #[test]
        fn numbers_are_appended_in_digits(number in prop_oneof![any::<i64>(), -20..10_100_i64]) {
            let mut out = Vec::new();
            push_number(number, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }
}
