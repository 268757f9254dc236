//! Bodies of the fuzz targets of this layer: values, tokens and frames.

use bumpalo::Bump;

use super::{
    diagnostics::FrameDiagnostics,
    frame::{FrameKind, Framer, Surroundings},
    text::{Encoding, ValueKind, ValueReader},
    token::{TagCaps, Token, Tokens},
    value::{Numbers, ip_literal},
};
use crate::{fuzzing::Choices, limits::Limits};

/// Parses text as numbers, addresses and values, and compares the results with the standard library and quick-xml.
pub(crate) fn values(data: &[u8]) {
    // the transcoder drops NUL bytes.
    let text = String::from_utf8_lossy(data).replace('\0', "");
    numbers(&text);
    let bump = Bump::new();
    let mut diagnostics = FrameDiagnostics::new(8);
    let cap = Choices::of(data).below(200);
    for kind in [ValueKind::Attribute, ValueKind::Text, ValueKind::Cdata] {
        for (repair, encoding) in
            [(false, Encoding::Utf8), (true, Encoding::Utf8), (true, Encoding::Windows1252)]
        {
            let whole = ValueReader { bump: &bump, cap: usize::MAX, repair, encoding };
            let value = whole.read(&text, kind, 0, &mut diagnostics);
            assert!(!value.contains('\0'), "U+0000 is never kept");
            let cut = ValueReader { cap, ..whole }.resolve(&text, kind, 0, &mut diagnostics);
            // A reference may be cut in two; then it is omitted.
            let whole = whole.resolve(&text, kind, 0, &mut diagnostics);
            assert!(whole.starts_with(cut), "{cut:?} does not begin {whole:?}");
        }
    }
    let plain = |c: char| c != '\r' && (c >= ' ' || c == '\n' || c == '\t') && c != '\u{7f}';
    let mut silent = FrameDiagnostics::new(8);
    let encoding = Encoding::Utf8;
    let reader = ValueReader { bump: &bump, cap: usize::MAX, repair: false, encoding };
    let value = reader.resolve(&text, ValueKind::Text, 0, &mut silent);
    if silent.is_empty()
        && text.chars().all(plain)
        && let Ok(other) = quick_xml::escape::unescape(&text)
    {
        assert_eq!(value, other, "quick-xml resolves {text:?} otherwise");
    }
}

fn numbers(text: &str) {
    let mut diagnostics = FrameDiagnostics::new(8);
    let mut numbers = Numbers { diagnostics: &mut diagnostics, at: 0 };
    let trimmed = text.trim_matches([' ', '\t', '\n', '\r']);
    assert_eq!(numbers.int::<i64>(text), trimmed.parse::<i64>().ok(), "{text:?} as i64");
    assert_eq!(
        numbers.int::<u16>(text),
        trimmed.parse::<i64>().ok().and_then(|n| n.try_into().ok())
    );
    if let Some(float) = numbers.float(text) {
        assert_eq!(Some(float), trimmed.parse::<f64>().ok(), "{text:?} as f64");
        assert!(float.is_finite());
    }
    if let Some(time) = numbers.time(text) {
        assert_eq!(Some(time.seconds()), trimmed.parse().ok());
        let shown = time.rfc3339();
        assert!(shown.is_ascii() && shown.ends_with(b"Z"), "{shown:?}");
    }
    numbers.boolean(text);
    let expected = match text.split_once('%') {
        Some((_, "")) => None,
        Some((plain, zone)) => {
            plain.parse::<std::net::Ipv6Addr>().ok().map(|ip| (ip.into(), Some(zone)))
        }
        None => text.parse().ok().map(|ip: std::net::IpAddr| (ip, None)),
    };
    assert_eq!(ip_literal(text), expected, "{text:?} as an address");
}

/// Returns the tokens of a text with their attributes, and the number of warnings.
fn all(mut tokens: Tokens<'_>, len: usize) -> Vec<String> {
    let mut diagnostics = FrameDiagnostics::new(8);
    let mut found = Vec::new();
    let mut last = 0;
    while let Some(token) = tokens.next(&mut diagnostics) {
        let (Token::Start { at, .. }
        | Token::End { at, .. }
        | Token::Text { at, .. }
        | Token::Cdata { at, .. }) = token;
        assert!(at >= last && at <= len, "a token at {at} follows one at {last} of {len}");
        last = at;
        let attributes = match token {
            Token::Start { .. } => tokens.attributes(),
            _ => &[],
        };
        found.push(format!("{token:?} {attributes:?}"));
        assert!(found.len() <= len.saturating_mul(2), "more tokens than bytes");
    }
    found.push(format!("{diagnostics:?}"));
    found
}

/// Reads text on the fast path and with quick-xml: both return the same tokens and warnings.
pub(crate) fn tokens(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let small = Limits::default().with_max_tag_bytes(128).with_max_attributes(4);
    for caps in [TagCaps::of(&Limits::default()), TagCaps::of(&small)] {
        for last in [false, true] {
            let bump = Bump::new();
            let fast = all(Tokens::new(&text, &bump, caps, last), text.len());
            let quick = all(Tokens::by_quick_xml(&text, &bump, caps, last), text.len());
            assert_eq!(fast, quick, "by the fast path and by quick-xml");
        }
    }
}

/// Returns the hosts that a framer finds in pieces, and the number of bytes that it passed.
fn framed(pieces: &[&[u8]], limits: &Limits) -> (Vec<(FrameKind, Vec<u8>)>, usize) {
    let mut framer = Framer::new(limits.clone());
    let (mut hosts, mut passed) = (Vec::new(), 0_usize);
    let (mut pieces, mut was_end, mut surroundings) = (pieces.iter(), false, Surroundings::Nothing);
    loop {
        while let Some(frame) = framer.next(false, surroundings) {
            // The end of a tag above the limit may be all that is left of it.
            let is_end = matches!(frame.kind, FrameKind::OversizedTagEnd { .. });
            assert!(frame.len > 0 || (is_end && !was_end), "no bytes passed: {:?}", frame.kind);
            was_end = is_end;
            if matches!(frame.kind, FrameKind::ScanStart | FrameKind::Host(_)) {
                surroundings = Surroundings::Scan;
            }
            assert!(frame.len <= framer.bytes().len(), "a piece beyond the bytes: {frame:?}");
            if matches!(frame.kind, FrameKind::Host(_)) {
                let bytes = framer.bytes().get(..frame.len).unwrap_or_default();
                hosts.push((frame.kind, bytes.to_vec()));
            }
            framer.consume(frame.len);
            passed = passed.saturating_add(frame.len);
        }
        match pieces.next() {
            Some(frame) => framer.buffer().extend_from_slice(frame),
            None if framer.is_last() => {
                return (hosts, passed.saturating_add(framer.bytes().len()));
            }
            None => framer.finish(),
        }
    }
}

/// Cuts an input into frames, at once and in pieces: the hosts are the same, and every byte is passed exactly once.
pub(crate) fn frames(data: &[u8]) {
    let mut choices = Choices::of(data);
    let small =
        Limits::default().with_max_host_bytes(300).with_max_tag_bytes(100).with_max_value_bytes(60);
    for limits in [Limits::default(), small] {
        let (whole, passed) = framed(&[data], &limits);
        assert_eq!(passed, data.len(), "bytes passed");
        for most in [1, 9, 200] {
            let (hosts, passed) = framed(&choices.pieces(data, most), &limits);
            assert_eq!(passed, data.len(), "bytes passed in pieces");
            assert!(whole == hosts, "other hosts in pieces of up to {most} bytes");
        }
    }
}
