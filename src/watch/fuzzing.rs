//! Fuzz targets of watching: the journal and the parts of the last known state, from arbitrary
//! bytes.

use sha2::{Digest as _, Sha256};

use super::{
    journal::{self, Journal},
    state_part::{StatePart, encode, pack},
};
use crate::{
    fuzzing::{Choices, Folder},
    merge::{MergePolicy, Merger, Precedence, unpack_host},
    model::{HostKey, Identity},
    text::hex,
};

/// Reads bytes as a journal: unchanged, and with the correct checksum on each line.
pub(crate) fn journal(data: &[u8]) {
    let mut summed = Vec::new();
    let mut entries = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        let line = [journal::sum(line).as_bytes(), b" ", line, b"\n"].concat();
        let Some(entry) = journal::parse(&line) else { continue };
        let written = journal::lines(std::slice::from_ref(&entry));
        assert_eq!(
            journal::parse(&written).as_ref(),
            Some(&entry),
            "an entry must be read back unchanged"
        );
        summed.extend_from_slice(&line);
        entries.push(entry);
    }
    // Reading from disk takes longer, so it is not tested every time.
    if Choices::of(data).below(8) > 0 {
        return;
    }
    let folder = Folder::new();
    for bytes in [data, &summed] {
        folder.write("ledger", bytes);
        let Ok(opened) = Journal::open(folder.path(), "jsonl") else { continue };
        let (batch, parts) = (opened.batch(), opened.parts().clone());
        drop(opened);
        let Ok(again) = Journal::open(folder.path(), "jsonl") else {
            panic!("a journal must be readable twice")
        };
        assert_eq!(
            (again.batch(), again.parts()),
            (batch, &parts),
            "a second reading must be equal"
        );
    }
}

/// Reads bytes as a part of the state: unchanged, and with the correct checksum. Merges its
/// content.
pub(crate) fn parts(data: &[u8]) {
    assert!(StatePart::parse(data).is_none_or(|part| part.entries.len() <= data.len()));
    let sum = hex(&Sha256::digest(data));
    let first = StatePart::parse(&[sum.as_bytes(), b"\n", data].concat());
    let packed = || pack(data).ok().and_then(|packed| StatePart::parse(&packed));
    let Some(part) = first.or_else(packed) else { return };
    let scans: Vec<_> = part.scans.values().collect();
    let Ok(bytes) = encode(&scans, &part.entries) else { panic!("a part must be writable") };
    let again = StatePart::parse(&bytes);
    assert!(again.is_some_and(
        |again| again.entries.len() == part.entries.len() && again.scans == part.scans
    ));
    let mut merger = Merger::new(MergePolicy::new(Precedence::Latest));
    for scan in scans {
        for entry in part.entries.iter().filter(|entry| entry.scan == scan.number) {
            if let Some(host) = unpack_host(&entry.host) {
                assert!(!HostKey::of(&host, Identity::Ip).as_str().is_empty());
                assert!(merger.host(&host).is_ok());
            }
        }
        merger.end_scan(&scan.source, scan.record());
    }
    let Ok(result) = merger.finish() else { return };
    let Ok(mut hosts) = result.hosts() else { panic!("hosts in memory must be readable") };
    while let Ok(Some(host)) = hosts.next() {
        assert!(!host.host().host_key.is_empty());
    }
}
