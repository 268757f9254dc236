//! Elements and attributes as text: escaping, and characters that XML cannot hold.
//!
//! XML 1.0 has no way to write most control characters, U+FFFE and U+FFFF, not even as references. They are written
//! as nmap's script engine writes bytes that are not printable: each byte of the character as `\xNN`.

use std::io::Write as _;

use crate::{
    model::{CowStr, Timestamp},
    text::{
        push_number,
        search::{ByteClass, control_mask, equal_mask, position},
    },
};

/// Writes attributes in the given order and leaves out null: `attributes!(out, "name": value, ...)`.
macro_rules! attributes {
    ($out:expr, $($name:literal: $value:expr),+ $(,)?) => {{
        $($crate::format::xml::element::Value::put(
            $value,
            concat!(" ", $name, "=\""),
            $out,
        );)+
    }};
}

pub(super) use attributes;

/// Value of an attribute. Null writes nothing.
pub(super) trait Value {
    /// Writes `lead`, which is the text up to the opening quote, the value, and the closing quote.
    fn put(self, lead: &str, out: &mut Vec<u8>);
}

impl Value for &str {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(lead.as_bytes());
        escape(self, Place::Attribute, out);
        out.push(b'"');
    }
}

impl Value for &String {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        self.as_str().put(lead, out);
    }
}

impl Value for &CowStr<'_> {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        (&**self).put(lead, out);
    }
}

impl Value for i64 {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(lead.as_bytes());
        push_number(self, out);
        out.push(b'"');
    }
}

impl Value for i32 {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        i64::from(self).put(lead, out);
    }
}

impl Value for u16 {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        i64::from(self).put(lead, out);
    }
}

impl Value for f64 {
    /// Writes the shortest decimal text that reads back, without an exponent.
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        if self.is_finite() {
            out.extend_from_slice(lead.as_bytes());
            // Writing to a vector cannot fail.
            let _ = write!(out, "{self}");
            out.push(b'"');
        }
    }
}

impl Value for bool {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        (if self { "true" } else { "false" }).put(lead, out);
    }
}

impl Value for Timestamp {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        self.seconds().put(lead, out);
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

/// Attribute that nmap's grammar requires: null is written as empty, which is read as null (rule T5).
pub(super) struct Required<T>(pub(super) T);

impl<T: Value> Value for Required<Option<T>> {
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        match self.0 {
            Some(value) => value.put(lead, out),
            None => "".put(lead, out),
        }
    }
}

impl<'v, T> Value for Required<&'v Option<T>>
where
    &'v T: Value,
{
    fn put(self, lead: &str, out: &mut Vec<u8>) {
        Required(self.0.as_ref()).put(lead, out);
    }
}

/// Part of a document that text is written into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Value of an attribute, in which tabs and line breaks have to be references.
    Attribute,
    /// Text of an element.
    Content,
}

/// Bytes that cannot be copied, and the first byte of U+FFFE and U+FFFF.
struct Special;

impl ByteClass for Special {
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "only without branches it runs in vectors")]
    fn contains(byte: u8) -> bool {
        (byte < 0x20)
            | (byte == b'&')
            | (byte == b'<')
            | (byte == b'>')
            | (byte == b'"')
            | (byte == 0xEF)
    }

    #[inline]
    fn match_mask(word: u64) -> u64 {
        control_mask(word)
            | equal_mask(word, b'&')
            | equal_mask(word, b'<')
            | equal_mask(word, b'>')
            | equal_mask(word, b'"')
            | equal_mask(word, 0xEF)
    }
}

/// Writes text with everything escaped that XML requires.
pub(super) fn escape(text: &str, place: Place, out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = position::<Special>(rest.as_bytes()) {
        // The byte that was found begins a character.
        let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.extend_from_slice(plain.as_bytes());
        let mut chars = tail.chars();
        let Some(special) = chars.next() else { return };
        escape_char(special, place, out);
        rest = chars.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

fn escape_char(special: char, place: Place, out: &mut Vec<u8>) {
    let mut bytes = [0; 4];
    let text: &[u8] = match (special, place) {
        ('&', _) => b"&amp;",
        ('<', _) => b"&lt;",
        ('>', _) => b"&gt;",
        ('"', Place::Attribute) => b"&quot;",
        ('\t', Place::Attribute) => b"&#x9;",
        ('\n', Place::Attribute) => b"&#xa;",
        ('\r', _) => b"&#xd;",
        ('\t', Place::Content) => b"\t",
        ('\n', Place::Content) => b"\n",
        ('\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}', _) => {
            for byte in special.encode_utf8(&mut bytes).bytes() {
                let _ = write!(out, "\\x{byte:02X}");
            }
            return;
        }
        _ => special.encode_utf8(&mut bytes).as_bytes(),
    };
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str, place: Place) -> String {
        let mut out = Vec::new();
        escape(text, place, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_characters_of_xml_are_written() {
        for (text, attribute, content) in [
            ("", "", ""),
            ("plain text of some length", "plain text of some length", "plain text of some length"),
            ("<a&b>\"'", "&lt;a&amp;b&gt;&quot;'", "&lt;a&amp;b&gt;\"'"),
            ("\t\n\r", "&#x9;&#xa;&#xd;", "\t\n&#xd;"),
            ("a\0\u{1b}[1m", "a\\x00\\x1B[1m", "a\\x00\\x1B[1m"),
            (
                "\u{fffe}\u{ffff}",
                "\\xEF\\xBF\\xBE\\xEF\\xBF\\xBF",
                "\\xEF\\xBF\\xBE\\xEF\\xBF\\xBF",
            ),
            (
                "\u{feff}\u{fffd}\u{e9}\u{1f600}",
                "\u{feff}\u{fffd}\u{e9}\u{1f600}",
                "\u{feff}\u{fffd}\u{e9}\u{1f600}",
            ),
            ("\u{7f}\u{85}", "\u{7f}\u{85}", "\u{7f}\u{85}"),
            ("]]>", "]]&gt;", "]]&gt;"),
        ] {
            assert_eq!(escaped(text, Place::Attribute), attribute);
            assert_eq!(escaped(text, Place::Content), content);
        }
    }

    #[test]
    fn null_is_left_out_or_empty() {
        let mut out = Vec::new();
        attributes!(
            &mut out,
            "a": None::<i32>,
            "b": Required(None::<&str>),
            "c": Some(-1),
            "d": 0.5,
            "e": 12.0,
            "f": f64::NAN,
            "g": 1e20,
            "h": true,
        );
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, r#" b="" c="-1" d="0.5" e="12" g="100000000000000000000" h="true""#);
    }
}
