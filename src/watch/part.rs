//! A part of the last known state as it is on disk: scans, and hosts as they saw them.

use std::{collections::BTreeMap, io};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    bytes::hex,
    model::{RunHeader, RunRecord, RunStats, ScanInfo, Timestamp},
};

/// Version of the files' form, and of that of the hosts in them; another one is refused.
const FORMAT: u32 = 1;

/// A scan that something of the state was seen by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scan {
    pub(super) number: u64,
    pub(super) source: String,
    #[serde(rename = "scan_id")]
    pub(super) id: String,
    pub(super) start: Option<i64>,
    pub(super) end: Option<i64>,
    /// Type, protocol, number and list of ports, flags.
    pub(super) info: Vec<Info>,
    finished: bool,
    truncated: bool,
    seen: i64,
    incomplete: i64,
    sha256: Option<String>,
    // Not in files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scanner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    xml_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    args: Option<String>,
}

/// What a scan looks at.
type Info = (Option<String>, Option<String>, Option<i64>, Option<String>, Option<String>);

impl Scan {
    pub(super) fn of(number: u64, source: &str, record: &RunRecord) -> Self {
        let info = record.scan_info.iter().cloned();
        let seconds = |time: Option<Timestamp>| time.map(Timestamp::seconds);
        Self {
            number,
            source: source.to_owned(),
            id: record.header.scan_id.clone(),
            start: seconds(record.header.start_time),
            end: seconds(record.stats.end_time),
            info: info
                .map(|i| (i.kind, i.protocol, i.num_services, i.services, i.scan_flags))
                .collect(),
            finished: record.stats.finished,
            truncated: record.truncated,
            seen: record.hosts_seen,
            incomplete: record.hosts_incomplete,
            sha256: record.content_sha256.clone(),
            scanner: record.header.scanner.clone(),
            version: record.header.scanner_version.clone(),
            xml_version: record.header.xml_version.clone(),
            args: record.header.args.clone(),
        }
    }

    /// Whether it says at which ports it looked.
    pub(super) fn tells_ports(&self) -> bool {
        !self.info.is_empty() && self.info.iter().all(|(_, _, _, services, _)| services.is_some())
    }

    /// As much of the record of the scan as merging needs.
    pub(super) fn record(&self) -> RunRecord {
        let time = |seconds: Option<i64>| seconds.and_then(Timestamp::from_seconds);
        let info = self.info.iter().cloned();
        let info = info.map(|(kind, protocol, num_services, services, scan_flags)| ScanInfo {
            kind,
            protocol,
            num_services,
            services,
            scan_flags,
        });
        RunRecord {
            header: RunHeader {
                scan_id: self.id.clone(),
                start_time: time(self.start),
                scanner: self.scanner.clone(),
                scanner_version: self.version.clone(),
                xml_version: self.xml_version.clone(),
                args: self.args.clone(),
                ..RunHeader::default()
            },
            scan_info: info.collect(),
            stats: RunStats {
                finished: self.finished,
                end_time: time(self.end),
                ..RunStats::default()
            },
            hosts_seen: self.seen,
            hosts_incomplete: self.incomplete,
            truncated: self.truncated,
            content_sha256: self.sha256.clone(),
            exists: true,
            ..RunRecord::default()
        }
    }
}

/// A host as a scan saw it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) scan: u64,
    pub(super) key: String,
    pub(super) host: Vec<u8>,
}

/// A part as it is on disk.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) scans: BTreeMap<u64, Scan>,
    pub(super) entries: Vec<Entry>,
}

impl Part {
    /// Reads a file; `None` if it is damaged, or of another form.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let line = |bytes: &[u8]| bytes.iter().position(|byte| *byte == b'\n');
        let (sum, body) = bytes.split_at_checked(line(bytes)?)?;
        let body = body.get(1..)?;
        if hex(&Sha256::digest(body)).as_bytes() != sum {
            return None;
        }
        let (head, rest) = body.split_at_checked(line(body)?)?;
        let (format, scans): (u32, Vec<Scan>) = serde_json::from_slice(head).ok()?;
        let entries = take_all(rest.get(1..)?).collect();
        let scans = scans.into_iter().map(|scan| (scan.number, scan)).collect();
        (format == FORMAT).then_some(Part { scans, entries })
    }
}

/// The bytes of a file.
///
/// # Errors
/// If the scans are no JSON.
pub(super) fn encode(scans: &[&Scan], entries: &[Entry]) -> io::Result<Vec<u8>> {
    let mut body = serde_json::to_vec(&(FORMAT, scans))?;
    body.push(b'\n');
    for entry in entries {
        put(entry, &mut body);
    }
    let mut bytes = hex(&Sha256::digest(&body)).into_bytes();
    bytes.push(b'\n');
    bytes.append(&mut body);
    Ok(bytes)
}

/// Writes an entry behind what `out` holds.
pub(super) fn put(entry: &Entry, out: &mut Vec<u8>) {
    out.extend_from_slice(&entry.scan.to_le_bytes());
    for text in [entry.key.as_bytes(), &entry.host] {
        out.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        out.extend_from_slice(text);
    }
}

fn take(bytes: &[u8]) -> Option<(Entry, &[u8])> {
    let text = |bytes| -> Option<(&[u8], &[u8])> {
        let (len, rest): (&[u8; 8], _) = <[u8]>::split_first_chunk(bytes)?;
        rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)
    };
    let (scan, rest) = bytes.split_first_chunk::<8>()?;
    let (key, rest) = text(rest)?;
    let (host, rest) = text(rest)?;
    let key = std::str::from_utf8(key).ok()?.to_owned();
    Some((Entry { scan: u64::from_le_bytes(*scan), key, host: host.to_vec() }, rest))
}

/// All entries of bytes that [`put`] wrote.
pub(super) fn take_all(mut bytes: &[u8]) -> impl Iterator<Item = Entry> {
    std::iter::from_fn(move || {
        let (entry, rest) = take(bytes)?;
        bytes = rest;
        Some(entry)
    })
}
