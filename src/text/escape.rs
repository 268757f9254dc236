//! Escapes text for JSON.

use std::io::Write as _;

use super::{
    push::push_if_clean,
    search::{ByteClass, control_mask, equal_mask, position},
};

/// Appends text with the escapes that JSON requires: for quotes, backslashes and bytes below 0x20.
#[inline]
pub(crate) fn escape_json(text: &str, out: &mut Vec<u8>) {
    if !push_if_clean::<Specials>(text.as_bytes(), out) {
        escape_any(text, b"\\\"", out);
    }
}

/// Appends text with JSON's escapes and with every quote doubled, for a quoted CSV field.
#[inline]
pub(crate) fn escape_json_in_csv(text: &str, out: &mut Vec<u8>) {
    if !push_if_clean::<Specials>(text.as_bytes(), out) {
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

/// Bytes that [`escape_json`] must change.
struct Specials;

impl ByteClass for Specials {
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "only without branches it runs in vectors")]
    fn contains(byte: u8) -> bool {
        (byte < 0x20) | (byte == b'"') | (byte == b'\\')
    }

    #[inline]
    fn match_mask(word: u64) -> u64 {
        control_mask(word) | equal_mask(word, b'"') | equal_mask(word, b'\\')
    }
}
