//! Conversion of bytes to text: encodings (rule T1), references (T2, T3), and the repair of UTF-8 that nmap wrote as
//! one reference per byte (T4).

use bumpalo::Bump;
use encoding_rs::WINDOWS_1252;

use super::{
    diagnostics::FrameDiagnostics,
    offset_map::OffsetMap,
    special_bytes::{first_to_decode, needs_decoding},
};
use crate::error::DiagnosticCode;

/// Encoding of a document that is not UTF-16 (which the transcoder transcodes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Encoding {
    #[default]
    Utf8,
    /// Meaning of the labels windows-1252, ISO-8859-1 and US-ASCII on the web (WHATWG), where 0x80 to 0x9F are
    /// punctuation and letters, not control characters.
    Windows1252,
}

impl Encoding {
    /// Returns the encoding that an XML declaration names, or UTF-8 if it names none or an unknown one.
    pub(super) fn of_declaration(declaration: &[u8]) -> Self {
        // The declaration that nmap writes.
        if declaration == br#"<?xml version="1.0" encoding="UTF-8"?>"# {
            return Self::Utf8;
        }
        let text = String::from_utf8_lossy(declaration);
        let Some((_, after)) = text.split_once("encoding") else { return Self::Utf8 };
        let after = after.trim_start().strip_prefix('=').unwrap_or_default().trim_start();
        let quote = after.chars().next().unwrap_or_default();
        let label = after.get(1..).and_then(|rest| rest.split(quote).next()).unwrap_or_default();
        let known = encoding_rs::Encoding::for_label(label.as_bytes());
        if known == Some(WINDOWS_1252) || label.trim().eq_ignore_ascii_case("latin-1") {
            Self::Windows1252
        } else {
            Self::Utf8
        }
    }
}

/// Text of a frame of the input, with a map back to its bytes if the two differ.
#[derive(Debug)]
pub(super) struct DecodedText<'b> {
    pub(super) text: &'b str,
    pub(super) map: Option<OffsetMap>,
    /// Encoding in which its bytes were read.
    pub(super) encoding: Encoding,
}

impl DecodedText<'_> {
    /// Maps a position in the text to a position in the frame.
    pub(super) fn source(&self, at: usize) -> usize {
        self.map.as_ref().map_or(at, |map| map.source(at))
    }
}

/// Decodes a frame (rule T1). Frames end at ASCII bytes, so no character is split. Invalid bytes are reported by
/// [`report_invalid_utf8`], once it is known how far the frame was read.
pub(super) fn decode_text<'b>(
    bytes: &'b [u8],
    encoding: Encoding,
    bump: &'b Bump,
) -> DecodedText<'b> {
    match (encoding, std::str::from_utf8(bytes)) {
        (Encoding::Utf8, Ok(text)) => DecodedText { text, map: None, encoding },
        (Encoding::Utf8, Err(_)) => decode_lossy(bytes, bump),
        (Encoding::Windows1252, Ok(text)) if text.is_ascii() => {
            DecodedText { text, map: None, encoding }
        }
        (Encoding::Windows1252, _) => single_bytes(bytes, bump),
    }
}

/// Reports the bytes that are not UTF-8 in the part of a frame that was read.
pub(super) fn report_invalid_utf8(
    read: &[u8],
    encoding: Encoding,
    decoded: &DecodedText<'_>,
    diagnostics: &mut FrameDiagnostics,
) {
    if encoding != Encoding::Utf8 || decoded.map.is_none() {
        return;
    }
    let mut at = 0_usize;
    for chunk in read.utf8_chunks() {
        at = at.saturating_add(chunk.valid().len());
        for byte in chunk.invalid() {
            diagnostics
                .add(DiagnosticCode::BadUtf8, at, || format!("byte 0x{byte:02X} is not UTF-8"));
            at = at.saturating_add(1);
        }
    }
}

/// Creates a text with room for bytes of which some become characters of up to three bytes. It never grows, because an
/// arena does not free the memory that a growing text abandons.
fn text_for<'b>(bytes: &[u8], bump: &'b Bump) -> bumpalo::collections::String<'b> {
    let high = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    let room = bytes.len().saturating_add(high.saturating_mul(2));
    bumpalo::collections::String::with_capacity_in(room, bump)
}

/// Appends the character of a byte in windows-1252; the five bytes without one become control characters.
fn push_single(byte: u8, text: &mut bumpalo::collections::String<'_>) {
    if byte.is_ascii() {
        text.push(char::from(byte));
    } else {
        let single = [byte];
        text.push_str(&WINDOWS_1252.decode_without_bom_handling(&single).0);
    }
}

fn decode_lossy<'b>(bytes: &'b [u8], bump: &'b Bump) -> DecodedText<'b> {
    let mut text = text_for(bytes, bump);
    let mut map = OffsetMap::default();
    let mut at = 0_usize;
    for chunk in bytes.utf8_chunks() {
        map.push(text.len(), at);
        text.push_str(chunk.valid());
        at = at.saturating_add(chunk.valid().len());
        for byte in chunk.invalid() {
            map.push(text.len(), at);
            push_single(*byte, &mut text);
            at = at.saturating_add(1);
        }
    }
    DecodedText { text: text.into_bump_str(), map: Some(map), encoding: Encoding::Utf8 }
}

fn single_bytes<'b>(bytes: &'b [u8], bump: &'b Bump) -> DecodedText<'b> {
    let mut text = text_for(bytes, bump);
    let mut map = OffsetMap::default();
    for (at, byte) in bytes.iter().enumerate() {
        map.push(text.len(), at);
        push_single(*byte, &mut text);
    }
    DecodedText { text: text.into_bump_str(), map: Some(map), encoding: Encoding::Windows1252 }
}

/// Kind of value, which determines how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// Value of an attribute: each literal whitespace character becomes a space.
    Attribute,
    /// Text between tags: CRLF becomes LF.
    Text,
    /// CDATA section: without references.
    Cdata,
}

/// Reads values: resolves references and repairs text. Values that need neither are borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValueReader<'f> {
    pub(super) bump: &'f Bump,
    /// Maximum length of a value in bytes, before references are resolved.
    pub(super) cap: usize,
    /// Enables rule T4.
    pub(super) repair: bool,
    /// Encoding in which the bytes were read, which the repair reverses.
    pub(super) encoding: Encoding,
}

impl<'f> ValueReader<'f> {
    /// Returns the text of a value at position `at` in the frame.
    pub(super) fn read(
        &self,
        raw: &'f str,
        kind: ValueKind,
        at: usize,
        diagnostics: &mut FrameDiagnostics,
    ) -> &'f str {
        let resolved = self.resolve(raw, kind, at, diagnostics);
        self.repaired_or_same(resolved)
    }

    /// Applies rules T2 and T3, and the limit on values.
    pub(super) fn resolve(
        &self,
        raw: &'f str,
        kind: ValueKind,
        at: usize,
        diagnostics: &mut FrameDiagnostics,
    ) -> &'f str {
        let raw = if raw.len() > self.cap {
            self.cut(raw, self.cap, (kind, at), diagnostics)
        } else {
            raw
        };
        let Some(first) = first_to_decode(raw, kind) else {
            return raw;
        };
        debug_assert!(raw.is_char_boundary(first), "a character is split at {first}");
        let (plain, rest) = raw.split_at_checked(first).unwrap_or((raw, ""));
        let mut out = bumpalo::collections::String::with_capacity_in(raw.len(), self.bump);
        out.push_str(plain);
        let mut rest = rest;
        while let Some(byte) = rest.bytes().next() {
            let here = at.saturating_add(raw.len().saturating_sub(rest.len()));
            let used = if byte == b'&' && kind != ValueKind::Cdata {
                reference(rest, here, &mut out, diagnostics)
            } else if needs_decoding(byte, kind) {
                control(rest, byte, kind, here, &mut out, diagnostics)
            } else {
                let end = first_to_decode(rest, kind).unwrap_or(rest.len());
                out.push_str(rest.get(..end).unwrap_or_default());
                end
            };
            let advances = used > 0 && rest.is_char_boundary(used);
            debug_assert!(advances, "decoding goes from {here} by {used} bytes");
            rest = rest.get(used..).unwrap_or_default();
        }
        out.into_bump_str()
    }

    /// Applies rule T4, if enabled.
    fn repaired_or_same(&self, text: &'f str) -> &'f str {
        self.repaired(text).map_or(text, |repaired| self.bump.alloc_str(&repaired))
    }

    /// Returns the text after rule T4 if the rule is enabled and changes it.
    pub(super) fn repaired(&self, text: &str) -> Option<String> {
        if self.repair && !text.is_ascii() { repaired(text, self.encoding) } else { None }
    }

    /// Returns the first `len` bytes of a value, without a character or reference that they would split.
    pub(super) fn cut(
        &self,
        raw: &'f str,
        len: usize,
        (kind, at): (ValueKind, usize),
        diagnostics: &mut FrameDiagnostics,
    ) -> &'f str {
        diagnostics
            .add(DiagnosticCode::Limit, at, || format!("a value is cut at {} bytes", self.cap));
        let mut end = len.min(raw.len());
        while !raw.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let kept = raw.get(..end).unwrap_or_default();
        if kind == ValueKind::Cdata {
            return kept;
        }
        // Do not split a reference either.
        match kept.rfind('&') {
            Some(amp) if end.saturating_sub(amp) <= MAX_REFERENCE_BYTES => {
                let tail = kept.get(amp..).unwrap_or_default();
                if tail.contains(';') { kept } else { kept.get(..amp).unwrap_or(kept) }
            }
            _ => kept,
        }
    }
}

/// Applies rule T4: a text of Latin-1 characters, not all ASCII, whose bytes are UTF-8 becomes that UTF-8. Returns
/// `None` for any other text. In a windows-1252 document, characters that a single byte represents there count, too:
/// its label was wrong.
fn repaired(text: &str, encoding: Encoding) -> Option<String> {
    // Characters up to U+00FF begin with a byte up to 0xC3 in UTF-8.
    if encoding == Encoding::Utf8 && text.bytes().any(|b| b > 0xc3) {
        return None;
    }
    let byte = |c: char| match u8::try_from(u32::from(c)) {
        Ok(byte) => Some(byte),
        Err(_) if encoding == Encoding::Windows1252 => single_byte(c),
        Err(_) => None,
    };
    String::from_utf8(text.chars().map(byte).collect::<Option<Vec<u8>>>()?).ok()
}

/// Returns the byte that represents a character in windows-1252.
fn single_byte(c: char) -> Option<u8> {
    let mut utf8 = [0; 4];
    match WINDOWS_1252.encode(c.encode_utf8(&mut utf8)) {
        (bytes, _, false) => bytes.first().copied(),
        _ => None,
    }
}

/// Length in bytes of `&#x10FFFF;` with some leading zeros.
const MAX_REFERENCE_BYTES: usize = 16;

/// Resolves the reference at the start of `rest` (rule T2). Returns the number of bytes used.
fn reference(
    rest: &str,
    at: usize,
    out: &mut bumpalo::collections::String<'_>,
    diagnostics: &mut FrameDiagnostics,
) -> usize {
    if let Some((c, used)) = usual_reference(rest.as_bytes()) {
        out.push(c);
        return used;
    }
    let body = rest.get(1..).unwrap_or_default();
    let name = body
        .bytes()
        .take(MAX_REFERENCE_BYTES)
        .position(|b| b == b';')
        .and_then(|end| body.get(..end));
    let resolved = match name {
        Some("amp") => Some('&'),
        Some("lt") => Some('<'),
        Some("gt") => Some('>'),
        Some("quot") => Some('"'),
        Some("apos") => Some('\''),
        Some(name) => name.strip_prefix('#').and_then(|number| numeric(number, at, diagnostics)),
        None => None,
    };
    if let (Some(c), Some(name)) = (resolved, name) {
        out.push(c);
        return name.len().saturating_add(2);
    }
    diagnostics.add(DiagnosticCode::BadEntity, at, || {
        let shown: String = rest.chars().take(12).collect();
        format!("{shown:?} is no reference; kept as text")
    });
    out.push('&');
    1
}

/// Resolves the references that nmap writes most. Returns the character and the length of the reference.
fn usual_reference(rest: &[u8]) -> Option<(char, usize)> {
    Some(match rest {
        [_, b'#', b'x', b'a', b';', ..] => ('\n', 5),
        [_, b'q', b'u', b'o', b't', b';', ..] => ('"', 6),
        [_, b'a', b'm', b'p', b';', ..] => ('&', 5),
        [_, b'l', b't', b';', ..] => ('<', 4),
        [_, b'g', b't', b';', ..] => ('>', 4),
        _ => return None,
    })
}

/// Returns the character of a numeric reference, or `None` if it is not a number.
fn numeric(number: &str, at: usize, diagnostics: &mut FrameDiagnostics) -> Option<char> {
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    if digits.is_empty() || !digits.bytes().all(|b| char::from(b).is_digit(radix)) {
        return None;
    }
    // A number with more digits than fit exceeds U+10FFFF as well.
    let code = u32::from_str_radix(digits, radix).unwrap_or(u32::MAX);
    let known = char::from_u32(code).filter(|c| *c != '\0');
    let allowed = |c: &char| !matches!(c, '\0'..'\t' | '\u{b}' | '\u{c}' | '\u{e}'..' ' | '\u{fffe}' | '\u{ffff}');
    if known.as_ref().is_none_or(|c| !allowed(c)) {
        diagnostics
            .add(DiagnosticCode::BadChar, at, || format!("reference to character 0x{code:X}"));
    }
    Some(known.unwrap_or('\u{fffd}'))
}

/// Reads a literal blank or control character at the start of `rest` (rules T2 and T3). Returns the number of bytes
/// used.
fn control(
    rest: &str,
    byte: u8,
    kind: ValueKind,
    at: usize,
    out: &mut bumpalo::collections::String<'_>,
    diagnostics: &mut FrameDiagnostics,
) -> usize {
    let crlf = usize::from(byte == b'\r' && rest.as_bytes().get(1) == Some(&b'\n'));
    match (byte, kind) {
        (b'\t' | b'\n' | b'\r', ValueKind::Attribute) => {
            out.push(' ');
            crlf.saturating_add(1)
        }
        // A line ends with one line feed, however it was written (XML 1.0, section 2.11).
        (b'\r', _) => {
            out.push('\n');
            crlf.saturating_add(1)
        }
        _ => {
            let c = rest.chars().next().unwrap_or_default();
            if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') {
                let code = u32::from(c);
                diagnostics.add(DiagnosticCode::BadChar, at, || format!("character 0x{code:X}"));
            }
            out.push(c);
            c.len_utf8()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str, kind: ValueKind) -> (String, Vec<DiagnosticCode>) {
        let bump = Bump::new();
        let mut diagnostics = FrameDiagnostics::new(4);
        let raw = bump.alloc_str(raw);
        let reader = ValueReader { bump: &bump, cap: 1000, repair: true, encoding: Encoding::Utf8 };
        let text = reader.read(raw, kind, 0, &mut diagnostics).to_owned();
        let mut document_diagnostics = super::super::diagnostics::DocumentDiagnostics::new(4);
        document_diagnostics.take(&mut diagnostics, |_| crate::error::Position::default());
        (text, document_diagnostics.finish().into_iter().map(|d| d.code).collect())
    }

    #[test]
    fn t2_references_are_resolved_and_bad_ones_kept_as_text() {
        for (raw, text, codes) in [
            ("&lt;&gt;&amp;&quot;&apos;", "<>&\"'", vec![]),
            ("a&#45;&#x2D;b&#xa;", "a--b\n", vec![]),
            (
                "&#0;&#xD800;&#x110000;&#99999999999;",
                "\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
                vec![DiagnosticCode::BadChar],
            ),
            ("&#1;&#x1B;", "\u{1}\u{1b}", vec![DiagnosticCode::BadChar]),
            ("a & b &foo; &#; &#xg;", "a & b &foo; &#; &#xg;", vec![DiagnosticCode::BadEntity]),
            ("&amp", "&amp", vec![DiagnosticCode::BadEntity]),
            ("&#+5;", "&#+5;", vec![DiagnosticCode::BadEntity]),
        ] {
            assert_eq!(read(raw, ValueKind::Attribute), (text.into(), codes), "{raw}");
        }
    }

    #[test]
    fn t3_literal_white_space_is_a_space_in_attributes_and_lf_in_text() {
        assert_eq!(
            read("a\tb\nc\rd\r\ne&#9;&#10;&#13;", ValueKind::Attribute).0,
            "a b c d e\t\n\r"
        );
        assert_eq!(read("a\tb\nc\rd\r\ne&#13;&#10;", ValueKind::Text).0, "a\tb\nc\nd\ne\r\n");
        assert_eq!(read("a&amp;\r\n", ValueKind::Cdata).0, "a&amp;\n");
    }

    #[test]
    fn t4_utf8_written_as_one_reference_per_byte_is_joined() {
        assert_eq!(read("M&#xc3;&#xbc;ller", ValueKind::Attribute).0, "M\u{fc}ller");
        assert_eq!(read("&#xe2;&#x82;&#xac;", ValueKind::Attribute).0, "\u{20ac}");
        assert_eq!(read("&#xfc;", ValueKind::Attribute).0, "\u{fc}", "no UTF-8: kept");
        assert_eq!(read("\u{20ac}&#xc3;&#xbc;", ValueKind::Attribute).0, "\u{20ac}\u{c3}\u{bc}");
        assert_eq!(read("\\xC3\\xBC", ValueKind::Text).0, "\\xC3\\xBC", "never decoded");
    }

    #[test]
    fn t4_a_document_with_a_wrong_label_is_repaired() {
        let bump = Bump::new();
        let single =
            ValueReader { bump: &bump, cap: 1000, repair: true, encoding: Encoding::Windows1252 };
        let made = decode_text("it\u{2019}s \u{20ac}".as_bytes(), Encoding::Windows1252, &bump);
        assert_eq!(made.text, "it\u{e2}\u{20ac}\u{2122}s \u{e2}\u{201a}\u{ac}");
        assert_eq!(single.repaired(made.text).as_deref(), Some("it\u{2019}s \u{20ac}"));
        assert_eq!(single.repaired("\u{e2}\u{80}\u{99}").as_deref(), Some("\u{2019}"));
        assert_eq!(single.repaired("\u{201c}caf\u{e9}\u{201d}"), None, "as it stands");
        let utf8 = ValueReader { encoding: Encoding::Utf8, ..single };
        assert_eq!(utf8.repaired("\u{e2}\u{20ac}\u{2122}"), None, "no bytes of it are known");
        assert_eq!(utf8.repaired("\u{e2}\u{80}\u{99}").as_deref(), Some("\u{2019}"));
    }

    #[test]
    fn raw_control_characters_are_kept_with_a_warning() {
        assert_eq!(
            read("a\u{1}b", ValueKind::Attribute),
            ("a\u{1}b".into(), vec![DiagnosticCode::BadChar])
        );
        assert_eq!(
            read("a\u{ffff}b\u{feff}", ValueKind::Text),
            ("a\u{ffff}b\u{feff}".into(), vec![DiagnosticCode::BadChar])
        );
    }

    #[test]
    fn a_value_above_the_cap_is_truncated_between_characters_and_references() {
        let bump = Bump::new();
        let mut diagnostics = FrameDiagnostics::new(4);
        let reader = ValueReader { bump: &bump, cap: 8, repair: true, encoding: Encoding::Utf8 };
        assert_eq!(
            reader.read("abcdefg\u{20ac}", ValueKind::Attribute, 0, &mut diagnostics),
            "abcdefg"
        );
        assert_eq!(reader.read("abcd&amp;xyz", ValueKind::Attribute, 0, &mut diagnostics), "abcd");
        assert_eq!(reader.read("ab&amp;xyz", ValueKind::Attribute, 0, &mut diagnostics), "ab&x");
        assert!(!diagnostics.is_empty());
    }

    #[test]
    fn t1_invalid_utf8_is_windows_1252_and_keeps_its_position() {
        let bump = Bump::new();
        let made = decode_text(b"a\xfcb\xe2\x82c\xc3\xa9", Encoding::Utf8, &bump);
        assert_eq!(made.text, "a\u{fc}b\u{e2}\u{201a}c\u{e9}");
        let map = made.map.unwrap();
        let places: Vec<_> = made.text.char_indices().map(|(at, _)| map.source(at)).collect();
        assert_eq!(places, [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn t1_the_declaration_names_the_encoding() {
        for (declaration, encoding) in [
            ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", Encoding::Utf8),
            ("<?xml version=\"1.0\" encoding='ISO-8859-1' ?>", Encoding::Windows1252),
            ("<?xml version=\"1.0\" encoding='latin1' ?>", Encoding::Windows1252),
            ("<?xml version=\"1.0\" encoding='Latin-1' ?>", Encoding::Windows1252),
            ("<?xml version=\"1.0\" encoding = \"windows-1252\"?>", Encoding::Windows1252),
            ("<?xml version=\"1.0\" encoding=\"us-ascii\"?>", Encoding::Windows1252),
            ("<?xml version=\"1.0\" encoding=\"klingon\"?>", Encoding::Utf8),
            ("<?xml version=\"1.0\"?>", Encoding::Utf8),
        ] {
            assert_eq!(Encoding::of_declaration(declaration.as_bytes()), encoding, "{declaration}");
        }
        let bump = Bump::new();
        let made = decode_text(b"\x80\xe9", Encoding::Windows1252, &bump);
        assert_eq!((made.text, made.map.unwrap().source(3)), ("\u{20ac}\u{e9}", 1));
        // Bytes that are not UTF-8 belong to the same encoding, and five of them have no character there.
        for encoding in [Encoding::Utf8, Encoding::Windows1252] {
            let made = decode_text(b"\x93a\x94\x96\x8a\x81\x8d\x8f\x90\x9d", encoding, &bump);
            let wanted = "\u{201c}a\u{201d}\u{2013}\u{160}\u{81}\u{8d}\u{8f}\u{90}\u{9d}";
            assert_eq!(made.text, wanted);
        }
    }
}
