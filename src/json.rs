//! Writes compact JSON to a byte vector, without a value tree and without an allocation per value.
//!
//! Members and items are written with a comma before each. [`nest`] then replaces the first comma by the opening
//! bracket. So no state is needed for the first member, and empty objects are detected at no cost.

use std::fmt;

pub(crate) use crate::bytes::escape;
use crate::bytes::{append, append_number, backslash};
use crate::model::{CowStr, Timestamp};

/// Brackets of an object, for [`nest`].
pub(crate) const OBJECT: [u8; 2] = *b"{}";
/// Brackets of an array, for [`nest`].
pub(crate) const ARRAY: [u8; 2] = *b"[]";

/// Writes members of an object and leaves out null: `put!(out, "name": value, ...)`.
macro_rules! put {
    ($out:expr, $($key:literal: $value:expr),+ $(,)?) => {{
        $($crate::json::Value::put($value, concat!(",\"", $key, "\":"), $out);)+
    }};
}

/// Lead of a member for [`nest`]: the text that [`put!`] writes before its value.
macro_rules! key {
    ($key:literal) => {
        concat!(",\"", $key, "\":")
    };
}

pub(crate) use {key, put};

/// Value of a member. `lead` is the text before the value: a comma and the key, or in an array only the comma. Null
/// writes nothing.
pub(crate) trait Value {
    /// Writes `lead` and the value.
    fn put(self, lead: &str, out: &mut Vec<u8>);
}

impl Value for &str {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(lead.as_bytes());
        out.push(b'"');
        escape(self, out);
        out.push(b'"');
    }
}

impl Value for &CowStr<'_> {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        (&**self).put(lead, out);
    }
}

impl Value for &String {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        self.as_str().put(lead, out);
    }
}

impl Value for i32 {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        i64::from(self).put(lead, out);
    }
}

impl Value for i64 {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(lead.as_bytes());
        append_number(self, out);
    }
}

impl Value for bool {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(lead.as_bytes());
        append(if self { b"true" } else { b"false" }, out);
    }
}

impl Value for f64 {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        if self.is_finite() {
            out.extend_from_slice(lead.as_bytes());
            // Writing to a vector cannot fail, and every finite number has a text.
            let _ = serde_json::to_writer(out, &self);
        }
    }
}

impl Value for Timestamp {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(lead.as_bytes());
        out.push(b'"');
        out.extend_from_slice(&self.rfc3339());
        out.push(b'"');
    }
}

/// Microseconds that are written as milliseconds. Negative values are null.
pub(crate) struct Millis(pub(crate) i64);

impl Value for Millis {
    /// Writes the digits of the shortest float that reads back as the same value, because up to 15 digits are always
    /// exact.
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        let Self(micros) = self;
        if micros < 0 {
            return;
        }
        if micros >= 1_000_000_000_000_000 {
            #[expect(
                clippy::cast_precision_loss,
                reason = "beyond 2^53 the nearest float is meant"
            )]
            return (micros as f64 / 1000.0).put(lead, out);
        }
        (micros / 1000).put(lead, out);
        let fraction = micros % 1000;
        let digit = |n: i64| b'0' | u8::try_from(n % 10).unwrap_or(0);
        let digits = [b'.', digit(fraction / 100), digit(fraction / 10), digit(fraction)];
        out.extend_from_slice(&digits);
        let kept = if digits[3] == b'0' { 2 + usize::from(digits[2] != b'0') } else { 4 };
        out.truncate(out.len() - digits.len() + kept);
    }
}

impl<T: Value> Value for Option<T> {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.put(lead, out);
        }
    }
}

impl<'v, T> Value for &'v Option<T>
where
    &'v T: Value,
{
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        self.as_ref().put(lead, out);
    }
}

/// Writes an object or array. `fill` writes each member with a comma before it. If it writes none, nothing at all is
/// written, not even `lead`.
pub(crate) fn nest(
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
pub(crate) fn list<V: Value>(lead: &str, items: impl IntoIterator<Item = V>, out: &mut Vec<u8>) {
    nest(lead, ARRAY, out, |out| items.into_iter().for_each(|item| item.put(",", out)));
}

/// Writes an array of objects, each filled by `each`. Empty objects are left out.
pub(crate) fn objects<T>(
    lead: &str,
    items: impl IntoIterator<Item = T>,
    out: &mut Vec<u8>,
    mut each: impl FnMut(T, &mut Vec<u8>),
) {
    nest(lead, ARRAY, out, |out| {
        for item in items {
            nest(",", OBJECT, out, |out| each(item, out));
        }
    });
}

/// Replaces each U+0000 by U+FFFD in the JSON from `start` on, because many readers end a text at U+0000.
pub(crate) fn replace_nul(start: usize, out: &mut Vec<u8>) {
    const NUL: &[u8] = b"\\u0000";
    let mut at = start;
    while let Some(found) = out.get(at..).and_then(backslash) {
        at = at.saturating_add(found);
        let is_nul = out.get(at..).is_some_and(|rest| rest.starts_with(NUL));
        if is_nul {
            out.splice(at..at + NUL.len(), *b"\xef\xbf\xbd");
        }
        // Skip the character after the backslash, which may be another backslash.
        at = at.saturating_add(2);
    }
}

/// Returns the nesting depth of arrays and objects in a JSON text.
pub(crate) fn levels(json: &[u8]) -> usize {
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
pub(crate) struct Escaped<'o>(pub(crate) &'o mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(text, self.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: impl Value) -> String {
        let mut out = Vec::new();
        value.put("", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn levels_are_counted_outside_of_strings() {
        for (json, count) in [
            (&b"1"[..], 0),
            (b"\"[[[\\\"[[\\\\\"", 0),
            (b"[]", 1),
            (b"[{},[{\"{[\":[]}]]", 4),
            (b"{\"a\\\"[\":[1,2],\"b\":{}}", 2),
        ] {
            assert_eq!(levels(json), count, "{}", String::from_utf8_lossy(json));
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
            prop_assert_eq!(written(Millis(micros)), serde_json::to_string(&millis).unwrap());
        }
    }

    #[test]
    fn numbers_that_json_cannot_hold_are_null() {
        assert_eq!(written(f64::NAN), "");
        assert_eq!(written(f64::INFINITY), "");
        assert_eq!(written(Millis(-1)), "");
        assert_eq!(written(Millis(0)), "0.0");
        assert_eq!(written(0.3), "0.3");
    }

    #[test]
    fn nul_becomes_the_replacement_character_and_escaped_backslashes_stay() {
        let texts = ["\0", "a\0\0b", "\\u0000", "\\\0", "\n\\\\u0000\0"];
        for text in texts {
            let mut out = b"\\u0000".to_vec();
            text.put("", &mut out);
            replace_nul(6, &mut out);
            let expected = serde_json::to_string(&text.replace('\0', "\u{fffd}")).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("\\u0000{expected}"));
        }
    }

    #[test]
    fn empty_values_write_nothing() {
        let mut out = b"x".to_vec();
        nest(key!("a"), OBJECT, &mut out, |out| {
            put!(out, "b": None::<i32>);
            list(key!("c"), [None::<&str>, None], out);
            objects(key!("d"), [1, 2], out, |_, _| {});
        });
        assert_eq!(out, b"x");
        nest(key!("a"), OBJECT, &mut out, |out| {
            objects(key!("d"), [1, 2], out, |n, out| put!(out, "n": (n == 2).then_some(n)));
        });
        assert_eq!(out, br#"x,"a":{"d":[{"n":2}]}"#);
    }
}
