//! Bytes that nmap wrote as `\xNN`.

use std::borrow::Cow;

/// Returns a text in which each run of `\xNN` that is UTF-8 is replaced by its characters. Bytes below 80 stay, because
/// they are control characters or a backslash that the server sent; so do bytes that are not UTF-8.
///
/// ```text
/// S\xC3\xB6hne -> Söhne      C:\x41 -> C:\x41      \xFF\xC3\xB6 -> \xFFö
/// ```
pub(crate) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains("\\x") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        let (before, escapes) = rest.split_at(at);
        out.push_str(before);
        let bytes: Vec<u8> = std::iter::successors(Some(escapes), |text| text.get(ESCAPE..))
            .map_while(high_byte)
            .collect();
        if bytes.is_empty() {
            out.push_str("\\x");
            rest = escapes.get(2..).unwrap_or_default();
            continue;
        }
        let mut place = 0_usize;
        for chunk in bytes.utf8_chunks() {
            out.push_str(chunk.valid());
            place = place.saturating_add(chunk.valid().len().saturating_mul(ESCAPE));
            let end = place.saturating_add(chunk.invalid().len().saturating_mul(ESCAPE));
            out.push_str(escapes.get(place..end).unwrap_or_default());
            place = end;
        }
        rest = escapes.get(place..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Length of `\xNN`.
const ESCAPE: usize = 4;

/// Returns the byte that a text starts with as `\xNN`, if it is not ASCII.
fn high_byte(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("\\x")?.get(..2)?;
    // `from_str_radix` accepts a sign, which is never followed by a byte above 15.
    u8::from_str_radix(digits, 16).ok().filter(|byte| *byte >= 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_escaped_bytes_that_are_utf8_are_decoded() {
        for (text, expected) in [
            ("S\\xC3\\xB6hne", "Söhne"),
            ("\\xE2\\x80\\x9CStartseite\\xE2\\x80\\x9D", "\u{201c}Startseite\u{201d}"),
            ("\\xf0\\x9f\\x98\\x80", "\u{1f600}"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(decoded(text), expected);
        }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        for text in [
            "C:\\x41",
            "\\x00\\x1B",
            "\\x",
            "\\xC",
            "\\xC3",
            "a\\xC3b",
            "\\xC3\\x28",
            "\\xGG",
            "\\x+f",
        ] {
            assert_eq!(decoded(text), text);
        }
        assert_eq!(decoded("\\xFF\\xC3\\xB6\\xC3"), "\\xFFö\\xC3");
        assert_eq!(decoded("\\x\\xC3\\xB6"), "\\xö");
        assert_eq!(decoded("\\xC3ö\\xC3\\xB6"), "\\xC3öö");
    }
}
