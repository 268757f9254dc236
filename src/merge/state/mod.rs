//! Saved state of a merge: the data that a later merge needs to continue without the scans (docs/merge.md, "Every
//! night").
//!
//! A state holds the records of all scans, as in the tables `scans` and `warnings`, and per host the parts of its
//! looks that can still matter ([`retention`](super::retention)). So its size depends on the hosts, plus one record
//! per scan.
//!
//! ```text
//! load   state file -> Merger: scans, hosts by partition, blocks of events
//! add    new scans  -> Merger, as in any merge
//! finish copies are decided anew, with the digests of scans whose hosts are gone
//! merge  per host: the saved host and the new looks go through one Group, whose Keeper selects what stays
//! save   Merged -> state file
//! ```
//!
//! Scans in a state have their arrival numbers, which never change. Each run decides between copies (which one is
//! used, its ID, its warnings) as if all scans had come in that run. One case is impossible: a scan of the state
//! cannot be replaced by a better copy that comes later, because its hosts are in the sums. That is an error.
//!
//! A state belongs to one set of options ([`Head`]). `--max-age` is not part of it: a state never drops anything for
//! its age. With `--explain` all losing values are needed, so nothing is dropped at all.
//!
//! The file is a [snapshot](crate::snapshot). Each change of a record in it needs a new [`VERSION`]; the golden test
//! of this module fails until then. The file may have been written by anyone: invalid content is an error that names
//! the file, and nothing is written then.

mod file;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod hosts;

use std::collections::BTreeSet;

use super::{
    copies::MergedScan,
    policy::{MergePolicy, Precedence},
    store::Store,
    summary::SharedMac,
};
use crate::{
    codec::codec_fields,
    error::{Error, Result},
    model::{Identity, ScanIndex, ScanSummary, Timestamp},
    snapshot::Kind,
};

/// Version of all records in a state.
const VERSION: u32 = 2;

/// Earliest version that can still be read: records of all versions since then are decoded.
const OLDEST: u32 = 1;

const KIND: Kind = Kind { name: "merge", version: VERSION, oldest: OLDEST };

/// Sections of the file. Each partition of hosts has a section of its own.
const HEAD: u16 = 1;
const SCANS: u16 = 2;
const EVENTS: u16 = 3;
const HOSTS: u16 = 16;

/// Options of the merge that saved the state, and facts about all hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    /// Options that the state depends on, as text.
    options: String,
    /// Keys of MAC addresses that one scan shows at several IP addresses.
    macs: Vec<String>,
}

/// Scan of a state, as it came.
#[derive(Debug, Clone, PartialEq)]
struct SavedScan {
    source: String,
    record: ScanSummary,
    used: bool,
    rows: u64,
    newest: Option<Timestamp>,
    digest: Option<u128>,
    shared_mac: Option<SharedMac>,
}

codec_fields! {
    Head { options, macs }
    SavedScan { source, record, used, rows, newest, digest, shared_mac }
    SharedMac { mac, count }
}

/// Loaded state that a merge continues.
#[derive(Debug, Default)]
pub(super) struct LoadedState {
    /// Name of the file.
    name: String,
    /// For each of its scans, true if it is used.
    used: Vec<bool>,
    /// Records of hosts by partition.
    pub(super) hosts: Vec<Store>,
    /// Blocks of events, as in the file.
    events: Store,
    pub(super) macs: BTreeSet<String>,
}

impl LoadedState {
    pub(super) fn stores_mut(&mut self) -> impl Iterator<Item = &mut Store> {
        self.hosts.iter_mut().chain([&mut self.events])
    }

    /// Returns the size of the hosts of a partition, in bytes.
    pub(super) fn len_of(&self, partition: usize) -> usize {
        self.hosts.get(partition).map_or(0, Store::len)
    }

    /// Returns the error for a state with invalid content.
    pub(super) fn damaged(&self, how: &str) -> Error {
        damaged(&self.name, &format!("it is damaged: {how}"))
    }

    /// Returns the error for a use that needs all looks, of which a state drops most.
    pub(super) fn incomplete(&self, by: &str) -> Error {
        let name = &self.name;
        Error::usage(format!("{name}: {by} needs the scans themselves, not the state of a merge"))
    }

    /// Returns an error if another copy of a scan would now be used than the one in the state.
    pub(super) fn check_used(&self, scans: &[MergedScan]) -> Result<()> {
        let changed = self.used.iter().zip(scans).find(|(used, scan)| **used != scan.used);
        let Some((_, scan)) = changed else { return Ok(()) };
        let id = &scan.record.header.scan_id;
        let message = format!(
            "{}: a better copy of scan {id} than the one from {} has come, and the values of that one cannot be \
             removed from the state: merge all inputs again, into another state",
            self.name, scan.source
        );
        Err(Error::state_mismatch(&*self.name, message))
    }
}

/// Returns the error for a file that is not a usable state.
fn damaged(name: &str, how: &str) -> Error {
    Error::state(name, format!("{name}: {how}"))
}

/// Returns the rules in the text of [`options_of`], which has the form of command line options, for a message.
fn rules_text(options: &str) -> String {
    let rules = options.split("--").map(str::trim).filter(|rule| !rule.is_empty());
    rules.collect::<Vec<_>>().join(", ")
}

/// Returns the options that a state depends on, as text that the state keeps.
fn options_of(policy: &MergePolicy) -> String {
    let MergePolicy { precedence, flags, identity, keep_covered, keep_identity, explain, .. } =
        policy;
    let identity = match identity {
        Identity::Ip => "ip",
        Identity::Mac => "mac",
        Identity::Hostname => "hostname",
    };
    let is_latest = *precedence == Precedence::Latest;
    let mut options = format!("--policy {} --identity {identity}", precedence.name());
    for (is_on, option) in [
        (is_latest && *keep_covered, "--keep-covered"),
        (is_latest && *keep_identity, "--keep-identity"),
        (*explain, "--explain"),
        (!flags.tcp, "--no-tcp"),
        (!flags.udp, "--no-udp"),
        (!flags.sctp, "--no-sctp"),
        (!flags.ip, "--no-ip"),
        (!flags.scripts, "--no-scripts"),
        (!flags.trace, "--no-trace"),
        (!flags.os, "--no-os"),
        (!flags.names, "--no-names"),
        (!flags.details, "--no-details"),
    ] {
        if is_on {
            options.push(' ');
            options.push_str(option);
        }
    }
    options
}

impl SavedScan {
    fn of(scan: &MergedScan, used: bool, shared_mac: Option<&SharedMac>) -> Self {
        Self {
            source: scan.source.clone(),
            record: scan.record.clone(),
            used,
            rows: scan.rows,
            newest: scan.newest,
            digest: scan.digest,
            shared_mac: scan.shared_mac.as_ref().or(shared_mac).cloned(),
        }
    }

    fn into_scan(self, place: ScanIndex) -> MergedScan {
        MergedScan {
            source: self.source,
            record: self.record,
            used: true,
            place,
            rows: self.rows,
            newest: self.newest,
            digest: self.digest,
            shared_mac: self.shared_mac,
            is_saved: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::{
        codec::split_length,
        error::ErrorKind,
        merge::{Hosts, Merged, Merger, Partition},
        model::{ScanActivity, ScanEvent},
        snapshot::{SnapshotReader, SnapshotWriter},
        xml::{Options, Reader},
    };

    /// Returns a merger of fixtures that together contain every kind of record.
    fn merger(policy: MergePolicy) -> Merger {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let mut merger = Merger::new(policy).with_state();
        let mut paths: Vec<_> =
            fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if !["12-", "40-", "41-", "42-", "44-", "46-"].iter().any(|of| name.starts_with(of)) {
                continue;
            }
            let file = fs::File::open(&path).unwrap();
            let mut reader = Reader::new(file, Options::default().with_hash(true));
            let mut events = 0;
            while let Some(event) = reader.next_event().unwrap() {
                match event {
                    ScanEvent::Host(host) => merger.host(&host).unwrap(),
                    ScanEvent::Activity(event) => {
                        merger.event(events, &event).unwrap();
                        events += 1;
                    }
                    ScanEvent::ScanEnd(record) => merger.end_scan(&name, *record),
                    _ => {}
                }
            }
        }
        merger
    }

    /// Merges the hosts of all parts.
    fn hosts(result: &mut Merged) -> Result<Hosts> {
        let parts: Result<_> = result.take_partitions().into_iter().map(Partition::merge).collect();
        Hosts::of(parts?)
    }

    fn state(policy: MergePolicy) -> Vec<u8> {
        let mut result = merger(policy).finish().unwrap();
        let kept = hosts(&mut result).unwrap().take_state_hosts();
        let mut state = Vec::new();
        result
            .save(kept, &mut |bytes| {
                state.extend_from_slice(bytes);
                Ok(())
            })
            .unwrap();
        state
    }

    /// Everything that a merge returns: hosts and their keys, records of scans, and events.
    #[derive(Debug, PartialEq)]
    struct Outcome {
        keys: Vec<String>,
        hosts: Vec<String>,
        scans: Vec<ScanSummary>,
        events: Vec<(ScanIndex, i32, ScanActivity)>,
    }

    fn outcome(merger: Merger) -> Result<Outcome> {
        let mut result = merger.finish()?;
        let mut records = hosts(&mut result)?;
        let (mut keys, mut hosts, mut events) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(record) = records.next()? {
            keys.push(record.host().host_key.into_owned());
            hosts.push(format!("{:#?}", record.host()));
        }
        result.events(&mut |scan, index, event| {
            events.push((scan, index, event.clone()));
            Ok(())
        })?;
        let scans = result.scans().iter().map(|scan| scan.record.clone()).collect();
        Ok(Outcome { keys, hosts, scans, events })
    }

    /// Continues a state without new scans.
    fn continued(state: &[u8], policy: MergePolicy) -> Result<Outcome> {
        let mut merger = Merger::new(policy).with_state();
        merger.load(state, "nightly.state")?;
        outcome(merger)
    }

    /// Returns all sections, uncompressed, each after its number and length.
    fn sections(state: &[u8]) -> Vec<u8> {
        let mut reader = SnapshotReader::new(state, KIND).unwrap();
        let mut all = Vec::new();
        while let Some(block) = reader.next().unwrap() {
            let mut bytes = Vec::new();
            block.unpack(&mut bytes).unwrap();
            all.push(block.section.to_le_bytes()[0]);
            all.extend_from_slice(&u16::try_from(bytes.len()).unwrap().to_le_bytes());
            all.extend_from_slice(&bytes);
        }
        all
    }

    #[test]
    fn the_layout_matches_its_version() {
        for precedence in [Precedence::Latest, Precedence::Best] {
            let state = state(MergePolicy::new(precedence));
            let found = sections(&state);
            let golden = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join(format!("tests/golden/merge-state-{VERSION}-{}.bin", precedence.name()));
            if std::env::var_os("WRITE_GOLDEN").is_some() {
                fs::write(&golden, &found).unwrap();
            }
            assert!(
                found == fs::read(&golden).unwrap(),
                "states have another layout, or other records: raise VERSION, and write {} with WRITE_GOLDEN=1",
                golden.display()
            );
        }
    }

    /// Splits the sections that [`sections`] returns.
    fn split(mut sections: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let mut all = Vec::new();
        while let [section, low, high, after @ ..] = sections {
            let (bytes, rest) = after.split_at(usize::from(u16::from_le_bytes([*low, *high])));
            all.push((u16::from(*section), bytes.to_vec()));
            sections = rest;
        }
        all
    }

    /// Builds a state file of a version.
    fn file(version: u32, sections: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut state = Vec::new();
        let mut writer = SnapshotWriter::new(Kind { version, ..KIND }, &mut state).unwrap();
        for (section, bytes) in sections {
            writer.section(*section, bytes, &mut state).unwrap();
        }
        writer.finish(&mut state);
        state
    }

    #[test]
    fn states_of_all_versions_are_read_with_all_their_records() {
        for precedence in [Precedence::Latest, Precedence::Best] {
            let policy = MergePolicy::new(precedence);
            let mut expected = outcome(merger(policy)).unwrap();
            assert_eq!(expected.keys, ["ip:192.0.2.60", "ip:192.0.2.20", "ip:192.0.2.30"]);
            assert_eq!(expected.scans.len(), 6);
            for version in (OLDEST..=VERSION).rev() {
                if version == 1 {
                    // Hints had neither a vendor nor a TTL.
                    let events = expected.events.iter_mut().map(|(_, _, event)| event);
                    let hints = events.filter_map(|event| match event {
                        ScanActivity::HostHint(hint) => Some(hint),
                        _ => None,
                    });
                    let gone = hints.map(|hint| (hint.mac_vendor.take(), hint.reason_ttl.take()));
                    assert_eq!(gone.filter(|(vendor, _)| vendor.is_some()).count(), 9);
                }
                let golden = Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join(format!("tests/golden/merge-state-{version}-{}.bin", precedence.name()));
                let state = file(version, &split(&fs::read(golden).unwrap()));
                assert_eq!(continued(&state, policy).unwrap(), expected, "version {version}");
            }
        }
    }

    /// Returns wrong forms of a section of records, and the words that describe each.
    fn wrong_forms(section: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
        let wrong = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = section.to_vec();
            change(&mut bytes);
            bytes
        };
        let (len, _) = split_length(section).unwrap();
        let head = section.len() - split_length(section).unwrap().1.len();
        vec![
            (wrong(&|bytes| bytes.truncate(bytes.len() - 1)), "cut off"),
            (wrong(&|bytes| bytes.push(5)), "cut off"),
            // The scan comes first, and there are six.
            (wrong(&|bytes| bytes[head] = 6), "has no scan"),
            // The first record ends with text.
            (wrong(&|bytes| bytes[head + len - 1] = 0xff), "cannot be read"),
        ]
    }

    #[test]
    fn records_that_cannot_be_read_are_damage() {
        for explain in [false, true] {
            // With `explain` a state has whole hosts, else the parts that still matter.
            let policy = MergePolicy::new(Precedence::Latest).with_explain(explain);
            let whole = split(&sections(&state(policy)));
            let mut tried = 0;
            let mut expect = |place: usize, wrong: Vec<u8>, how: &str| {
                let mut sections = whole.clone();
                sections[place].1 = wrong;
                let error = continued(&file(VERSION, &sections), policy).unwrap_err();
                assert!(matches!(error.kind(), ErrorKind::State { .. }), "{how}: {error:?}");
                let text = error.to_string();
                assert!(text.starts_with("nightly.state: it is damaged: "), "{text}");
                assert!(text.contains(how), "{how}: {text}");
                tried += 1;
            };
            for (place, (section, bytes)) in whole.iter().enumerate() {
                if *section == EVENTS || *section >= HOSTS {
                    for (wrong, how) in wrong_forms(bytes) {
                        expect(place, wrong, how);
                    }
                }
                // An address that is none is written without a check of its text.
                let address = b"192.0.2.";
                let text = bytes.windows(address.len()).rposition(|window| window == address);
                if *section >= HOSTS
                    && let Some(text) = text
                {
                    let mut wrong = bytes.clone();
                    wrong[text] = b'x';
                    expect(place, wrong, "cannot be read");
                }
            }
            assert_eq!(tried, 4 * 4 + 3, "events, three hosts, and their addresses");
        }
    }

    #[test]
    fn a_damaged_state_is_an_error_that_names_it() {
        let policy = MergePolicy::new(Precedence::Latest);
        let whole = state(policy);
        let load = |bytes: &[u8]| Merger::new(policy).with_state().load(bytes, "nightly.state");
        load(&whole).unwrap();
        let step = whole.len() / 200;
        for place in (0..whole.len()).step_by(step.max(1)) {
            let mut wrong = whole.clone();
            wrong[place] ^= 0x10;
            for bytes in [&wrong[..], &whole[..place]] {
                let error = load(bytes).unwrap_err();
                assert!(matches!(error.kind(), ErrorKind::State { .. }), "{place}: {error}");
                assert!(error.to_string().starts_with("nightly.state: "), "{error}");
            }
        }
    }

    #[test]
    fn a_state_is_loaded_first_and_only_by_a_merger_that_keeps_one() {
        let policy = MergePolicy::new(Precedence::Latest);
        let state = state(policy);
        assert!(Merger::new(policy).load(&*state, "x").is_err());
        let mut merger = Merger::new(policy).with_state();
        merger.end_scan("x", ScanSummary { has_scan: true, ..ScanSummary::default() });
        assert!(merger.load(&*state, "x").is_err());
        let mut merger = Merger::new(policy).with_state();
        merger.load(&*state, "x").unwrap();
        assert!(merger.load(&*state, "x").is_err() && merger.has_scans());
        assert!(Merger::new(policy).join(merger).is_err());
    }
}
