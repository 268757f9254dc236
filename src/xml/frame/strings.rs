//! Tells XML in a string of JSON from XML behind text (rule R1).

use super::super::lex::is_blank;

/// Reads what stands before the first document as JSON, as long as it is that: values one after another, such as those
/// of JSON lines, the last of which need not have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum JsonText {
    /// Nothing but blanks yet.
    #[default]
    Before,
    /// Between strings.
    Outside,
    /// In a string, behind a backslash or not.
    String { escaped: bool },
    /// It is something else.
    Other,
}

impl JsonText {
    /// Whether it ends in a string.
    pub(super) const fn is_in_string(self) -> bool {
        matches!(self, Self::String { .. })
    }

    /// What it is behind the bytes that come next.
    pub(super) fn behind(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self = match (self, *byte) {
                (Self::Other, _) => return self,
                (Self::Before | Self::Outside, byte) if is_blank(byte) => self,
                (Self::Before | Self::Outside, b'"') => Self::String { escaped: false },
                (Self::Before | Self::Outside, b'{' | b'[') => Self::Outside,
                (Self::Outside, b'}' | b']' | b',' | b':' | b'-' | b'+' | b'.' | b'0'..=b'9') => {
                    Self::Outside
                }
                // Letters of `true`, `false`, `null` and of exponents.
                (
                    Self::Outside,
                    b't' | b'r' | b'u' | b'e' | b'f' | b'a' | b'l' | b's' | b'n' | b'E',
                ) => Self::Outside,
                // Line breaks are escaped there.
                (Self::String { .. }, 0..0x20) => Self::Other,
                (Self::String { escaped: true }, _) => Self::String { escaped: false },
                (Self::String { .. }, b'\\') => Self::String { escaped: true },
                (Self::String { .. }, b'"') => Self::Outside,
                (Self::String { .. }, _) => self,
                _ => Self::Other,
            };
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_of_json_is_told_from_quotes_in_text() {
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
                text.as_bytes().chunks(size).for_each(|piece| json = json.behind(piece));
                assert_eq!(json.is_in_string(), inside, "{text}");
            }
        }
    }
}
