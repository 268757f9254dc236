//! Part of the last known state, as stored on disk: scans, and hosts as the scans saw them. It is a
//! [snapshot](crate::snapshot); files of the first version start with a checksum in hexadecimal
//! instead, and can still be read.

use std::{collections::BTreeMap, io};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    model::{ScanHeader, ScanInfo, ScanStats, ScanSummary, Timestamp},
    snapshot::{Kind, SnapshotError, SnapshotReader, SnapshotWriter},
    text::hex,
};

/// Version of the layout of files and of the hosts in them. Later versions are refused.
const FORMAT: u32 = 2;
/// Version of files that are not snapshots. Their hosts have the same layout.
const FIRST: u32 = 1;
const KIND: Kind = Kind { name: "watch", version: FORMAT, oldest: FORMAT };
/// Section with the whole content.
const BODY: u16 = 1;

/// Scan that contributes to the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredScan {
    pub(super) number: u64,
    pub(super) source: String,
    #[serde(rename = "scan_id")]
    pub(super) id: String,
    pub(super) start: Option<i64>,
    pub(super) end: Option<i64>,
    /// Type, protocol, number of ports, list of ports and flags, for each `scaninfo` element.
    pub(super) info: Vec<Info>,
    finished: bool,
    truncated: bool,
    seen: i64,
    incomplete: i64,
    sha256: Option<String>,
    // Absent from files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scanner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    xml_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    args: Option<String>,
}

/// Attributes of a `scaninfo` element.
type Info = (Option<String>, Option<String>, Option<i64>, Option<String>, Option<String>);

impl StoredScan {
    pub(super) fn of(number: u64, source: &str, record: &ScanSummary) -> Self {
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

    /// Returns true if the scan lists the ports that it looked at.
    pub(super) fn lists_scanned_ports(&self) -> bool {
        !self.info.is_empty() && self.info.iter().all(|(_, _, _, services, _)| services.is_some())
    }

    /// Returns the fields of the scan's record that merging needs.
    pub(super) fn record(&self) -> ScanSummary {
        let time = |seconds: Option<i64>| seconds.and_then(Timestamp::from_seconds);
        let info = self.info.iter().cloned();
        let info = info.map(|(kind, protocol, num_services, services, scan_flags)| ScanInfo {
            kind,
            protocol,
            num_services,
            services,
            scan_flags,
        });
        ScanSummary {
            header: ScanHeader {
                scan_id: self.id.clone(),
                start_time: time(self.start),
                scanner: self.scanner.clone(),
                scanner_version: self.version.clone(),
                xml_version: self.xml_version.clone(),
                args: self.args.clone(),
                ..ScanHeader::default()
            },
            scan_info: info.collect(),
            stats: ScanStats {
                finished: self.finished,
                end_time: time(self.end),
                ..ScanStats::default()
            },
            hosts_seen: self.seen,
            hosts_incomplete: self.incomplete,
            truncated: self.truncated,
            content_sha256: self.sha256.clone(),
            has_scan: true,
            ..ScanSummary::default()
        }
    }
}

/// Host as a scan saw it.
#[derive(Debug, Clone)]
pub(super) struct HostEntry {
    pub(super) scan: u64,
    pub(super) key: String,
    pub(super) host: Vec<u8>,
}

/// Part, as stored on disk.
#[derive(Debug, Default)]
pub(super) struct StatePart {
    pub(super) scans: BTreeMap<u64, StoredScan>,
    pub(super) entries: Vec<HostEntry>,
}

impl StatePart {
    /// Parses a file, or returns `None` if it is damaged or has another layout.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        match unpack(bytes) {
            Ok(body) => Self::of_body(&body, FORMAT),
            Err(SnapshotError::Foreign) => {
                let (sum, body) = split_line(bytes)?;
                let is_whole = hex(&Sha256::digest(body)).as_bytes() == sum;
                is_whole.then(|| Self::of_body(body, FIRST)).flatten()
            }
            Err(_) => None,
        }
    }

    fn of_body(body: &[u8], expected: u32) -> Option<Self> {
        let (head, rest) = split_line(body)?;
        let (format, scans): (u32, Vec<StoredScan>) = serde_json::from_slice(head).ok()?;
        let entries = take_all(rest)?;
        let scans: BTreeMap<_, _> = scans.into_iter().map(|scan| (scan.number, scan)).collect();
        let has_scan = |entry: &HostEntry| scans.contains_key(&entry.scan);
        let is_sound = format == expected && entries.iter().all(has_scan);
        is_sound.then_some(Self { scans, entries })
    }
}

/// Splits the first line from the rest.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((line, rest.get(1..)?))
}

/// Returns the content of a snapshot.
fn unpack(bytes: &[u8]) -> Result<Vec<u8>, SnapshotError> {
    let mut reader = SnapshotReader::new(bytes, KIND)?;
    let mut body = Vec::new();
    while let Some(block) = reader.next()? {
        if block.section != BODY {
            return Err(SnapshotError::Damaged("it has an unknown section"));
        }
        block.unpack(&mut body)?;
    }
    Ok(body)
}

/// Creates a snapshot with this content.
pub(super) fn pack(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = SnapshotWriter::new(KIND, &mut bytes)?;
    writer.section(BODY, body, &mut bytes)?;
    writer.finish(&mut bytes);
    Ok(bytes)
}

/// Returns the bytes of a file.
///
/// # Errors
/// Fails if the scans cannot be written as JSON, or if the content cannot be compressed.
pub(super) fn encode(scans: &[&StoredScan], entries: &[HostEntry]) -> io::Result<Vec<u8>> {
    let mut body = serde_json::to_vec(&(FORMAT, scans))?;
    body.push(b'\n');
    for entry in entries {
        put(entry, &mut body);
    }
    pack(&body)
}

/// Appends an entry to `out`.
pub(super) fn put(entry: &HostEntry, out: &mut Vec<u8>) {
    out.extend_from_slice(&entry.scan.to_le_bytes());
    for text in [entry.key.as_bytes(), &entry.host] {
        out.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        out.extend_from_slice(text);
    }
}

fn take(bytes: &[u8]) -> Option<(HostEntry, &[u8])> {
    let text = |bytes| -> Option<(&[u8], &[u8])> {
        let (len, rest): (&[u8; 8], _) = <[u8]>::split_first_chunk(bytes)?;
        rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)
    };
    let (scan, rest) = bytes.split_first_chunk::<8>()?;
    let (key, rest) = text(rest)?;
    let (host, rest) = text(rest)?;
    let key = std::str::from_utf8(key).ok()?.to_owned();
    Some((HostEntry { scan: u64::from_le_bytes(*scan), key, host: host.to_vec() }, rest))
}

/// Returns all entries in bytes that [`put`] wrote; `None` if they do not end with a whole entry.
pub(super) fn take_all(mut bytes: &[u8]) -> Option<Vec<HostEntry>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (entry, rest) = take(bytes)?;
        entries.push(entry);
        bytes = rest;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::{
        merge::pack_host,
        model::ScanEvent,
        xml::{Options, Reader},
    };

    /// Returns a part with the hosts of a fixture.
    fn part() -> (Vec<StoredScan>, Vec<HostEntry>) {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/41-merge-day1-versions-os.xml");
        let mut reader = Reader::new(fs::File::open(path).unwrap(), Options::default());
        let (mut scans, mut entries) = (Vec::new(), Vec::new());
        while let Some(event) = reader.next_event().unwrap() {
            match event {
                ScanEvent::Host(host) => {
                    let mut record = Vec::new();
                    pack_host(&host, &mut record);
                    let key = format!("ip:{}", host.index);
                    entries.push(HostEntry { scan: 7, key, host: record });
                }
                ScanEvent::ScanEnd(record) => scans.push(StoredScan::of(7, "a.xml", &record)),
                _ => {}
            }
        }
        (scans, entries)
    }

    fn body_of(scans: &[StoredScan], entries: &[HostEntry], format: u32) -> Vec<u8> {
        let mut body = serde_json::to_vec(&(format, scans)).unwrap();
        body.push(b'\n');
        for entry in entries {
            put(entry, &mut body);
        }
        body
    }

    #[test]
    fn the_layout_matches_its_version() {
        let (scans, entries) = part();
        let bytes = encode(&scans.iter().collect::<Vec<_>>(), &entries).unwrap();
        let body = unpack(&bytes).unwrap();
        let golden = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/golden/watch-part-{FORMAT}.bin"));
        if std::env::var_os("WRITE_GOLDEN").is_some() {
            fs::write(&golden, &body).unwrap();
        }
        assert!(
            body == fs::read(&golden).unwrap(),
            "the records of watch have another layout: raise FORMAT, refuse or read the old one, and write {} with \
             WRITE_GOLDEN=1",
            golden.display()
        );
        assert_eq!(StatePart::parse(&bytes).unwrap().entries.len(), entries.len());
    }

    #[test]
    fn files_of_the_first_version_are_read_and_damaged_ones_are_not() {
        let (scans, entries) = part();
        let body = body_of(&scans, &entries, FIRST);
        let old = [hex(&Sha256::digest(&body)).as_bytes(), b"\n", &body].concat();
        let part = StatePart::parse(&old).unwrap();
        assert_eq!((part.entries.len(), part.scans.len()), (entries.len(), 1));
        let new = encode(&scans.iter().collect::<Vec<_>>(), &entries).unwrap();
        for bytes in [&old, &new] {
            let mut wrong = bytes.clone();
            *wrong.last_mut().unwrap() ^= 1;
            assert!(StatePart::parse(&wrong).is_none());
            assert!(StatePart::parse(&bytes[..bytes.len() - 1]).is_none());
        }
        let later = pack(&body_of(&scans, &entries, FORMAT + 1)).unwrap();
        assert!(StatePart::parse(&later).is_none());
    }

    #[test]
    fn entries_that_are_cut_off_or_have_no_scan_are_damage() {
        let (scans, mut entries) = part();
        let whole = body_of(&scans, &entries, FORMAT);
        assert!(StatePart::parse(&pack(&whole).unwrap()).is_some());
        let cut = pack(&whole[..whole.len() - 1]).unwrap();
        assert!(StatePart::parse(&cut).is_none());
        entries[0].scan = 8;
        let without_scan = pack(&body_of(&scans, &entries, FORMAT)).unwrap();
        assert!(StatePart::parse(&without_scan).is_none());
    }
}
