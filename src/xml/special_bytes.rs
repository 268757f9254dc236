//! Classes of bytes in values that need processing.

use super::text::ValueKind;
use crate::text::search::{
    ByteClass, contains, control_mask, equal_mask, non_ascii_mask, position,
};

/// Returns true if a value may need processing: it contains a `&`, or anything other than printable ASCII.
#[inline]
pub(super) fn is_special(value: &[u8]) -> bool {
    contains::<SpecialBytes>(value)
}

/// Bytes that make a value special.
pub(super) struct SpecialBytes;

impl ByteClass for SpecialBytes {
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "only without branches it runs in vectors")]
    fn contains(byte: u8) -> bool {
        (byte < 0x20) | (byte == b'&') | (byte >= 0x7f)
    }

    #[inline]
    fn match_mask(word: u64) -> u64 {
        control_mask(word) | equal_mask(word, b'&') | equal_mask(word, 0x7f) | non_ascii_mask(word)
    }
}

/// Bytes for which [`needs_decoding`] may return true; those of blanks may turn out to need none.
struct NeedsDecoding;

impl ByteClass for NeedsDecoding {
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "only without branches it runs in vectors")]
    fn contains(byte: u8) -> bool {
        (byte < 0x20) | (byte == b'&') | (byte == 0xef)
    }

    #[inline]
    fn match_mask(word: u64) -> u64 {
        control_mask(word) | equal_mask(word, b'&') | equal_mask(word, 0xef)
    }
}

/// Returns the position of the first byte that cannot be copied unchanged.
pub(super) fn first_to_decode(text: &str, kind: ValueKind) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0_usize;
    loop {
        let at = from.saturating_add(position::<NeedsDecoding>(bytes.get(from..)?)?);
        if bytes.get(at).is_some_and(|byte| needs_decoding(*byte, kind)) {
            return Some(at);
        }
        from = at.saturating_add(1);
    }
}

/// Returns true if a byte of such a value cannot be copied unchanged.
pub(super) const fn needs_decoding(byte: u8, kind: ValueKind) -> bool {
    match byte {
        b'\t' | b'\n' => matches!(kind, ValueKind::Attribute),
        b'&' => !matches!(kind, ValueKind::Cdata),
        // U+FFFE and U+FFFF begin with 0xEF.
        0xef => true,
        _ => byte < 0x20,
    }
}
