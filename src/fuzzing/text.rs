//! Text and numbers: the fast functions agree with simple ones.

use crate::text::{
    escape_json, escape_json_in_csv, push_number, push_short,
    search::{self, ByteClass},
};

/// Class of bytes below 0x20, for [`search::position`].
struct Controls;

impl ByteClass for Controls {
    fn contains(byte: u8) -> bool {
        byte < 0x20
    }

    fn match_mask(word: u64) -> u64 {
        search::control_mask(word)
    }
}

/// Searches, escapes and counts in bytes and text.
pub(super) fn run(data: &[u8]) {
    let first = data.iter().position(|byte| *byte < 0x20);
    assert_eq!(search::position::<Controls>(data), first, "the first control character");
    assert_eq!(search::contains::<Controls>(data), first.is_some());
    for byte in [b'\n', 0, 0xff] {
        let plain = data.split(|other| *other == byte).count();
        assert_eq!(search::count(data, byte).saturating_add(1), plain, "byte {byte}");
    }
    let mut copy = b"before".to_vec();
    push_short(data, &mut copy);
    assert_eq!(copy.strip_prefix(b"before"), Some(data));
    if let Some(number) = data.first_chunk() {
        let number = i64::from_le_bytes(*number);
        for number in [number, number >> 32, number >> 48, number >> 56] {
            let mut out = Vec::new();
            push_number(number, &mut out);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }
    let text = String::from_utf8_lossy(data);
    let mut escaped = vec![b'"'];
    escape_json(&text, &mut escaped);
    escaped.push(b'"');
    let read: Result<String, _> = serde_json::from_slice(&escaped);
    assert_eq!(read.ok().as_deref(), Some(&*text), "JSON gives the text back");
    let mut doubled = b"\"\"\"".to_vec();
    escape_json_in_csv(&text, &mut doubled);
    doubled.extend_from_slice(b"\"\"\"\n");
    let mut csv = csv::ReaderBuilder::new().has_headers(false).from_reader(&*doubled);
    let fields: Vec<_> = csv.byte_records().flatten().collect();
    let field = fields.first().and_then(|record| record.get(0));
    assert_eq!((fields.len(), field), (1, Some(&*escaped)), "CSV gives the JSON back");
}
