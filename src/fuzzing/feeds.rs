//! Events to documents: each is one line of valid JSON within its limit, and their number is counted
//! correctly.

use serde_json::Value;

use super::outcome::Outcome;
use crate::{
    feed::{Feed, MIN_LINE_BYTES, cim::Cim, ecs::Ecs, ocsf::Ocsf},
    model::{Host, ScanEvent, ScanHeader},
    xml::Options,
};

/// Returns all kinds of feeds, with the lowest limit on the length of lines.
pub(super) fn feeds() -> Vec<Feed> {
    let max_line_bytes = MIN_LINE_BYTES;
    let ecs = Ecs { all_ports: true, script_events: true, max_line_bytes, ..Ecs::default() };
    let bulk = Some("index".to_owned());
    let ocsf = Ocsf { all_hosts: true, software_events: true, max_line_bytes, ..Ocsf::default() };
    vec![
        Feed::Nested { events: true },
        ecs.clone().into(),
        Ecs { bulk: bulk.clone(), ..ecs }.into(),
        ocsf.clone().into(),
        Ocsf { bulk, ..ocsf }.into(),
        Cim { max_line_bytes, ..Cim::default() }.into(),
        Cim { max_line_bytes, hec: true, ..Cim::default() }.into(),
    ]
}

/// Writes all documents of an input.
pub(super) fn run(data: &[u8]) {
    let outcome = Outcome::of(data, &Options::default().with_hash(true));
    for feed in feeds() {
        let (mut header, mut events) = (ScanHeader::default(), 0_i32);
        for event in &outcome.events {
            let mut lines = Vec::new();
            let count = match event {
                ScanEvent::ScanStart(run) => {
                    (header, events) = (run.clone(), 0);
                    0
                }
                ScanEvent::Host(host) => host_documents(&feed, &header, host, &mut lines),
                ScanEvent::Activity(event) => {
                    events = events.saturating_add(1);
                    feed.event(&header, events, event, &mut lines)
                }
                ScanEvent::ScanEnd(record) => feed.scan("input.xml", record, &mut lines),
                ScanEvent::ScanInfo(_) => 0,
            };
            check(&feed, &lines, count);
        }
    }
}

/// Returns the documents of a host, after checking that flushing them in chunks gives the same ones.
fn host_documents(feed: &Feed, run: &ScanHeader, host: &Host<'_>, lines: &mut Vec<u8>) -> u64 {
    let count = feed.host(run, host, lines);
    let (mut out, mut handed) = (Vec::new(), Vec::new());
    let in_pieces = feed.host_chunked(run, host, &mut out, &mut |piece| {
        handed.append(piece);
        Ok(())
    });
    handed.append(&mut out);
    assert!(in_pieces.is_ok_and(|pieces| pieces == count) && handed == *lines, "in pieces");
    count
}

/// Panics unless `lines` are `count` documents of a feed.
pub(super) fn check(feed: &Feed, lines: &[u8], count: u64) {
    let (max, bulk) = match feed {
        Feed::Nested { .. } => (usize::MAX, false),
        Feed::Ecs(ecs) => (ecs.max_line_bytes, ecs.bulk.is_some()),
        Feed::Ocsf(ocsf) => (ocsf.max_line_bytes, ocsf.bulk.is_some()),
        Feed::Cim(cim) => (cim.max_line_bytes, false),
    };
    assert!(lines.is_empty() || lines.ends_with(b"\n"), "the last line has no end");
    let mut found = 0_u64;
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        assert!(line.len() <= max, "a line of {} bytes, {max} at most", line.len());
        let value: Value = match serde_json::from_slice(line) {
            Ok(value) => value,
            Err(error) => panic!("{error} in {}", String::from_utf8_lossy(line)),
        };
        assert!(value.is_object(), "no document: {value}");
        assert!(matches!(feed, Feed::Nested { .. }) || !has_nul(&value), "U+0000 in {value}");
        found = found.saturating_add(1);
    }
    let count = if bulk { count.saturating_mul(2) } else { count };
    assert_eq!(found, count, "lines of {count} documents");
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => {
            members.iter().any(|(key, value)| key.contains('\0') || has_nul(value))
        }
        _ => false,
    }
}
