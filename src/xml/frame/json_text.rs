//! Distinguishes XML in a string of JSON from XML after text (rule R1).

use super::super::lex::is_blank;

/// State of parsing the bytes before the first document as JSON, as long as they are JSON: consecutive values, as in
/// JSON lines, the last of which may be incomplete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum JsonText {
    /// Nothing but blanks so far.
    #[default]
    Before,
    /// Between strings.
    Outside,
    /// In a string; `escaped` is true after a backslash.
    String { escaped: bool },
    /// The bytes are not JSON.
    Other,
}

impl JsonText {
    /// Returns true if the position is inside a string.
    pub(super) const fn is_in_string(self) -> bool {
        matches!(self, Self::String { .. })
    }

    /// Returns the state after more bytes.
    pub(super) fn after(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self = match (self, *byte) {
                (Self::Other, _) => return self,
                (Self::String { escaped: false }, b'\\') => Self::String { escaped: true },
                (Self::String { escaped: false }, b'"') => Self::Outside,
                // JSON strings contain no raw line breaks.
                (Self::String { .. }, 0x20..) => Self::String { escaped: false },
                (Self::String { .. }, _) => Self::Other,
                (_, byte) if is_blank(byte) => self,
                (_, b'"') => Self::String { escaped: false },
                (_, b'{' | b'[') => Self::Outside,
                (Self::Outside, byte) if is_token(byte) => Self::Outside,
                _ => Self::Other,
            };
        }
        self
    }
}

/// Returns true if a byte belongs to a number, `true`, `false` or `null`, or is between values.
const fn is_token(byte: u8) -> bool {
    matches!(byte, b'}' | b']' | b',' | b':' | b'-' | b'+' | b'.' | b'0'..=b'9' | b'E')
        || matches!(byte, b'a' | b'e' | b'f' | b'l' | b'n' | b'r' | b's' | b't' | b'u')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_string_is_distinguished_from_quotes_in_text() {
        for (text, inside) in [
            ("{\"xml\": \"", true),
            ("[1, true, null, -2.5e3, {\"a\": [\"b\", \"c\\\"", true),
            ("{\"a\": 1}\n{\"a\": 2, \"xml\":\"<?xml version='1.0'?>", true),
            (" \"", true),
            ("{\"a\": \"b\\\\\"", false),
            ("{\"a\": \"line\nbreak", false),
            ("[*] Running \"nmap", false),
            ("{\"xml\": ", false),
            ("{key: \"", false),
            ("Running \"nmap", false),
            ("", false),
        ] {
            for size in [1, 3, 100] {
                let mut json = JsonText::default();
                text.as_bytes().chunks(size).for_each(|chunk| json = json.after(chunk));
                assert_eq!(json.is_in_string(), inside, "{text}");
            }
        }
    }
}
