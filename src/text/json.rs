//! Writes compact JSON to a byte vector, without a value tree and without an allocation per value.
//!
//! Members and items are written with a comma before each. [`write_container`] then replaces the first comma by the
//! opening bracket. So no state is needed for the first member, and empty objects are detected at no cost.

use std::{borrow::Cow, fmt};

use super::{
    escape::escape_json,
    push::{push_number, push_short},
    search::{ByteClass, equal_mask, position},
};

/// Brackets of an object, for [`write_container`].
pub(crate) const OBJECT: [u8; 2] = *b"{}";
/// Brackets of an array, for [`write_container`].
pub(crate) const ARRAY: [u8; 2] = *b"[]";

/// Writes members of an object and leaves out null: `write_members!(out, "name": value, ...)`.
macro_rules! write_members {
    ($out:expr, $($key:literal: $value:expr),+ $(,)?) => {{
        $($crate::text::json::WriteJson::write_member($value, concat!(",\"", $key, "\":"), $out);)+
    }};
}

/// Lead of a member for [`write_container`]: the text that [`write_members!`] writes before its value.
macro_rules! key {
    ($key:literal) => {
        concat!(",\"", $key, "\":")
    };
}

pub(crate) use {key, write_members};

/// Value of a member. `lead` is the text before the value: a comma and the key, or in an array only the comma. Null
/// writes nothing.
pub(crate) trait WriteJson {
    /// Writes `lead` and the value.
    fn write_member(self, lead: &str, out: &mut Vec<u8>);
}

impl WriteJson for &str {
    fn write_member(self, lead: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(lead.as_bytes());
        out.push(b'"');
        escape_json(self, out);
        out.push(b'"');
    }
}

impl WriteJson for &Cow<'_, str> {
    fn write_member(self, lead: &str, out: &mut Vec<u8>) {
        (&**self).write_member(lead, out);
    }
}

impl WriteJson for &String {
    fn write_member(self, lead: &str, out: &mut Vec<u8>) {
        self.as_str().write_member(lead, out);
    }
}

impl WriteJson for i32 {
    fn write_member(self, lead: &str, out: &mut Vec<u8>) {
        i64::from(self).write_member(lead, out);
    }
}

impl WriteJson for i64 {
    fn write_member(self, lead: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(lead.as_bytes());
        push_number(self, out);
    }
}

impl WriteJson for bool {
    fn write_member(self, lead: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(lead.as_bytes());
        push_short(if self { b"true" } else { b"false" }, out);
    }
}

impl WriteJson for f64 {
    fn write_member(self, lead: &str, out: &mut Vec<u8>) {
        if self.is_finite() {
            out.extend_from_slice(lead.as_bytes());
            // Writing to a vector cannot fail, and every finite number has a text.
            let _ = serde_json::to_writer(out, &self);
        }
    }
}

/// Microseconds that are written as milliseconds. Negative values are null.
pub(crate) struct MicrosAsMillis(pub(crate) i64);

impl WriteJson for MicrosAsMillis {
    /// Writes the digits of the shortest float that reads back as the same value, because up to 15 digits are always
    /// exact.
    fn write_member(self, lead: &str, out: &mut Vec<u8>) {
        let Self(micros) = self;
        if micros < 0 {
            return;
        }
        if micros >= 1_000_000_000_000_000 {
            #[expect(
                clippy::cast_precision_loss,
                reason = "above 2^53 the nearest float is meant"
            )]
            return (micros as f64 / 1000.0).write_member(lead, out);
        }
        (micros / 1000).write_member(lead, out);
        let fraction = micros % 1000;
        let digit = |n: i64| b'0' | u8::try_from(n % 10).unwrap_or(0);
        let digits = [b'.', digit(fraction / 100), digit(fraction / 10), digit(fraction)];
        out.extend_from_slice(&digits);
        let kept = if digits[3] == b'0' { 2 + usize::from(digits[2] != b'0') } else { 4 };
        out.truncate(out.len() - digits.len() + kept);
    }
}

impl<T: WriteJson> WriteJson for Option<T> {
    fn write_member(self, lead: &str, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.write_member(lead, out);
        }
    }
}

impl<'v, T> WriteJson for &'v Option<T>
where
    &'v T: WriteJson,
{
    fn write_member(self, lead: &str, out: &mut Vec<u8>) {
        self.as_ref().write_member(lead, out);
    }
}

/// Writes an object or array. `fill` writes each member with a comma before it. If it writes none, nothing at all is
/// written, not even `lead`.
pub(crate) fn write_container(
    lead: &str,
    [open, close]: [u8; 2],
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    let before = out.len();
    out.extend_from_slice(lead.as_bytes());
    let first = out.len();
    fill(out);
    if let Some(comma) = out.get_mut(first) {
        *comma = open;
        out.push(close);
    } else {
        out.truncate(before);
    }
}

/// Writes an array of values. An empty array is left out.
pub(crate) fn write_array<V: WriteJson>(
    lead: &str,
    items: impl IntoIterator<Item = V>,
    out: &mut Vec<u8>,
) {
    write_container(lead, ARRAY, out, |out| {
        for item in items {
            item.write_member(",", out);
        }
    });
}

/// Writes an array of objects, each filled by `each`. Empty objects are left out.
pub(crate) fn write_objects<T>(
    lead: &str,
    items: impl IntoIterator<Item = T>,
    out: &mut Vec<u8>,
    mut each: impl FnMut(T, &mut Vec<u8>),
) {
    write_container(lead, ARRAY, out, |out| {
        for item in items {
            write_container(",", OBJECT, out, |out| each(item, out));
        }
    });
}

/// Replaces each U+0000 by U+FFFD in the JSON from `start` on, because many readers end a text at U+0000.
pub(crate) fn replace_nul(start: usize, out: &mut Vec<u8>) {
    const NUL: &[u8] = b"\\u0000";
    let mut at = start;
    while let Some(found) = out.get(at..).and_then(position::<Backslash>) {
        at = at.saturating_add(found);
        let is_nul = out.get(at..).is_some_and(|rest| rest.starts_with(NUL));
        if is_nul {
            out.splice(at..at + NUL.len(), *b"\xef\xbf\xbd");
        }
        // Skip the character after the backslash, which may be another backslash.
        at = at.saturating_add(2);
    }
}

struct Backslash;

impl ByteClass for Backslash {
    #[inline]
    fn contains(byte: u8) -> bool {
        byte == b'\\'
    }

    #[inline]
    fn match_mask(word: u64) -> u64 {
        equal_mask(word, b'\\')
    }
}

/// Returns the nesting depth of arrays and objects in a JSON text.
pub(crate) fn nesting_depth(json: &[u8]) -> usize {
    let (mut open, mut most) = (0_usize, 0_usize);
    let (mut in_text, mut is_escaped) = (false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                open = open.saturating_add(1);
                most = most.max(open);
            }
            b']' | b'}' if !in_text => open = open.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// Formatter that escapes text for a JSON string. The caller writes the quotes.
pub(crate) struct JsonEscaper<'o>(pub(crate) &'o mut Vec<u8>);

impl fmt::Write for JsonEscaper<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape_json(text, self.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: impl WriteJson) -> String {
        let mut out = Vec::new();
        value.write_member("", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nesting_is_counted_outside_of_strings() {
        for (json, count) in [
            (&b"1"[..], 0),
            (b"\"[[[\\\"[[\\\\\"", 0),
            (b"[]", 1),
            (b"[{},[{\"{[\":[]}]]", 4),
            (b"{\"a\\\"[\":[1,2],\"b\":{}}", 2),
        ] {
            assert_eq!(nesting_depth(json), count, "{}", String::from_utf8_lossy(json));
        }
    }

    #[test]
    fn every_character_at_every_place_of_a_word_is_escaped_as_serde_json_does() {
        for code in (0..0x180).chain([0x2028, 0xFFFD, 0xFFFF, 0x1_F600]) {
            let character = char::from_u32(code).unwrap();
            for before in 0..18 {
                let text = format!("{}{character}{}", "x".repeat(before), "\u{e9}yyyyyyyyy");
                assert_eq!(written(&*text), serde_json::to_string(&text).unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_escaped_as_serde_json_does(text in r"[\x00-\x25\\\u{7f}-\u{ff}\PC]{0,40}") {
            prop_assert_eq!(written(&*text), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn milliseconds_are_written_as_the_shortest_float(
            micros in prop_oneof![0..2_000_000_i64, 0..2_000_000_000_000_000_i64]
        ) {
            #[expect(clippy::cast_precision_loss, reason = "the values are below 2^53")]
            let millis = micros as f64 / 1000.0;
            prop_assert_eq!(written(MicrosAsMillis(micros)), serde_json::to_string(&millis).unwrap());
        }
    }

    #[test]
    fn numbers_that_json_cannot_hold_are_null() {
        assert_eq!(written(f64::NAN), "");
        assert_eq!(written(f64::INFINITY), "");
        assert_eq!(written(MicrosAsMillis(-1)), "");
        assert_eq!(written(MicrosAsMillis(0)), "0.0");
        assert_eq!(written(0.3), "0.3");
    }

    #[test]
    fn nul_becomes_the_replacement_character_and_escaped_backslashes_stay() {
        let texts = ["\0", "a\0\0b", "\\u0000", "\\\0", "\n\\\\u0000\0"];
        for text in texts {
            let mut out = b"\\u0000".to_vec();
            text.write_member("", &mut out);
            replace_nul(6, &mut out);
            let expected = serde_json::to_string(&text.replace('\0', "\u{fffd}")).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("\\u0000{expected}"));
        }
    }

    #[test]
    fn empty_values_write_nothing() {
        let mut out = b"x".to_vec();
        write_container(key!("a"), OBJECT, &mut out, |out| {
            write_members!(out, "b": None::<i32>);
            write_array(key!("c"), [None::<&str>, None], out);
            write_objects(key!("d"), [1, 2], out, |_, _| {});
        });
        assert_eq!(out, b"x");
        write_container(key!("a"), OBJECT, &mut out, |out| {
            write_objects(
                key!("d"),
                [1, 2],
                out,
                |n, out| write_members!(out, "n": (n == 2).then_some(n)),
            );
        });
        assert_eq!(out, br#"x,"a":{"d":[{"n":2}]}"#);
    }
}
