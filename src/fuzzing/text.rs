//! Text and numbers: the fast functions agree with simple ones.

use crate::bytes;

/// The set of bytes below 0x20, for [`bytes::position`].
struct Controls;

impl bytes::Set for Controls {
    fn has(byte: u8) -> bool {
        byte < 0x20
    }

    fn marks(word: u64) -> u64 {
        bytes::controls(word)
    }
}

/// Searches, escapes and counts in bytes and text.
pub(super) fn run(data: &[u8]) {
    let first = data.iter().position(|byte| *byte < 0x20);
    assert_eq!(bytes::position::<Controls>(data), first, "the first control character");
    assert_eq!(bytes::contains::<Controls>(data), first.is_some());
    for byte in [b'\n', 0, 0xff] {
        let plain = data.split(|other| *other == byte).count();
        assert_eq!(bytes::count(data, byte).saturating_add(1), plain, "byte {byte}");
    }
    let mut copy = b"before".to_vec();
    bytes::append(data, &mut copy);
    assert_eq!(copy.strip_prefix(b"before"), Some(data));
    if let Some(number) = data.first_chunk() {
        let number = i64::from_le_bytes(*number);
        for number in [number, number >> 32, number >> 48, number >> 56] {
            let mut out = Vec::new();
            bytes::append_number(number, &mut out);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }
    let text = String::from_utf8_lossy(data);
    let mut escaped = vec![b'"'];
    bytes::escape(&text, &mut escaped);
    escaped.push(b'"');
    let read: Result<String, _> = serde_json::from_slice(&escaped);
    assert_eq!(read.ok().as_deref(), Some(&*text), "JSON gives the text back");
    let mut doubled = b"\"\"\"".to_vec();
    bytes::escape_doubled(&text, &mut doubled);
    doubled.extend_from_slice(b"\"\"\"\n");
    let mut csv = csv::ReaderBuilder::new().has_headers(false).from_reader(&*doubled);
    let fields: Vec<_> = csv.byte_records().flatten().collect();
    let field = fields.first().and_then(|record| record.get(0));
    assert_eq!((fields.len(), field), (1, Some(&*escaped)), "CSV gives the JSON back");
}
