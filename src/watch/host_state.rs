//! Last known state of each host, on disk: the records that its latest state is merged from.
//!
//! Hosts are distributed over [`PARTS`] parts by the hash of their key. A part is a file that is
//! never changed: a step writes new files for the parts that it touches, and the journal records
//! which files are current. The cost of a step therefore depends on what it touches, memory use is
//! that of one part, and a process may end at any moment.
//!
//! While a document is read, its hosts are collected per part ([`HostStateStore::host`]). At its end,
//! [`HostStateStore::step`] reports the differences and writes the new parts. The caller then puts the
//! numbers of the new files ([`HostStateStore::take_parts`]) into the journal together with the lines of the
//! feed, and finally removes files that are no longer current ([`HostStateStore::clean`]). If the lines are
//! not committed, [`HostStateStore::revert`] returns to the parts in the journal.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{
    observation::{Observation, select_current},
    paths::{failed, sync_dir, unreadable},
    spill_buffer::SpillBuffer,
    state_part::{self, HostEntry, StatePart, StoredScan, put, take_all},
};
use crate::{
    diff::{ChangeSelection, differences_with},
    error::{Error, Result},
    fs::{self, File},
    merge::{MergePolicy, Merger, Precedence, pack_host, unpack_host},
    model::{ComparedScans, Host, HostChanges, HostKey, Identity, ScanSummary},
};

/// Number of parts that hosts are distributed over.
const PARTS: u8 = 64;

/// Size of the hosts of a document that are compared at once, in bytes.
const CHUNK: u64 = 16 << 20;

/// Receiver of the differences of a host between scans.
pub(super) type EachChange<'e> = &'e mut dyn FnMut(&HostChanges, &ComparedScans) -> Result<()>;

/// Last known state, and the hosts of the document that is being read.
#[derive(Debug)]
pub(super) struct HostStateStore {
    folder: PathBuf,
    /// Number of the current file of each part.
    parts: BTreeMap<u8, u64>,
    /// Parts written since the last call of [`Self::take_parts`], with the numbers of their files.
    fresh: BTreeMap<u8, u64>,
    /// Last number that was assigned to a file.
    last: u64,
    /// Hosts of the document, by part.
    hosts: Vec<SpillBuffer>,
    /// Files of the document's parts that are not synced yet. Syncing them together takes less
    /// time.
    unsynced: Vec<(PathBuf, File)>,
}

impl HostStateStore {
    /// Opens the state with these files as its parts, and removes all other files.
    ///
    /// # Errors
    /// Fails if its folder cannot be created or read.
    pub(super) fn open(folder: &Path, parts: &BTreeMap<u8, u64>) -> Result<Self> {
        let folder = folder.join("hosts");
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        let known = Self {
            last: parts.values().copied().max().unwrap_or_default(),
            folder,
            parts: parts.clone(),
            fresh: BTreeMap::new(),
            hosts: (0..PARTS).map(|_| SpillBuffer::default()).collect(),
            unsynced: Vec::new(),
        };
        known.clean()?;
        Ok(known)
    }

    /// Returns to the state with these files as its parts.
    pub(super) fn revert(&mut self, parts: &BTreeMap<u8, u64>) {
        self.parts.clone_from(parts);
        self.fresh.clear();
        self.drop_document();
    }

    /// Removes files that are not current.
    pub(super) fn clean(&self) -> Result<()> {
        let current: BTreeSet<PathBuf> =
            self.parts.iter().map(|(part, number)| self.path(*part, *number)).collect();
        let entries = fs::read_dir(&self.folder).map_err(|error| failed(&self.folder, error))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if !current.contains(&path) {
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }

    fn path(&self, part: u8, number: u64) -> PathBuf {
        self.folder.join(format!("{part:02}.{number}"))
    }

    /// Adds a host of the document that is being read, and passes its record to `seen`.
    ///
    /// # Errors
    /// Fails if a temporary file cannot be written.
    pub(super) fn host(&mut self, host: &Host<'_>, seen: &mut dyn FnMut(&[u8])) -> Result<()> {
        let key = HostKey::of(host, Identity::Ip);
        let part = part_of(key.as_str());
        let Some(stage) = self.hosts.get_mut(usize::from(part)) else { return Ok(()) };
        let mut record = Vec::new();
        pack_host(host, &mut record);
        seen(&record);
        put(&HostEntry { scan: 0, key: key.as_str().to_owned(), host: record }, stage.held());
        let folder = &self.folder;
        stage.settle(&|| fs::tempfile_in(folder)).map_err(|error| failed(folder, error))
    }

    /// Discards the hosts of the current document.
    pub(super) fn drop_document(&mut self) {
        self.hosts.iter_mut().for_each(|stage| stage.rewind(0));
    }

    /// Applies the current document, which has ended: passes the differences that `options` select to `each`, and makes
    /// its hosts part of the state.
    ///
    /// # Errors
    /// Returns errors of `each`. Fails if files cannot be read or written.
    pub(super) fn step(
        &mut self,
        (source, record): (&str, &ScanSummary),
        options: &ChangeSelection,
        each: EachChange<'_>,
    ) -> Result<()> {
        self.last = self.last.saturating_add(1);
        let scan = StoredScan::of(self.last, source, record);
        let mut chunk = Vec::new();
        let mut size = 0_u64;
        for part in 0..PARTS {
            let len = self.hosts.get(usize::from(part)).map_or(0, SpillBuffer::len);
            if len > 0 {
                chunk.push(part);
                size = size.saturating_add(len);
            }
            if size >= CHUNK {
                self.step_parts(&std::mem::take(&mut chunk), &scan, (options, each))?;
                size = 0;
            }
        }
        self.step_parts(&chunk, &scan, (options, each))?;
        self.drop_document();
        for (path, file) in self.unsynced.drain(..) {
            file.sync_data().map_err(|error| failed(&path, error))?;
        }
        sync_dir(&self.folder)
    }

    fn step_parts(
        &mut self,
        parts: &[u8],
        scan: &StoredScan,
        (options, each): (&ChangeSelection, EachChange<'_>),
    ) -> Result<()> {
        let mut scans = BTreeMap::new();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut written = Vec::new();
        for part in parts {
            let new = self.entries(*part, scan.number)?;
            let touched: BTreeSet<&str> = new.iter().map(|entry| &*entry.key).collect();
            let StatePart { scans: known, entries } = self.load(*part)?;
            let (old, mut rest): (Vec<HostEntry>, Vec<HostEntry>) =
                entries.into_iter().partition(|entry| touched.contains(&*entry.key));
            scans.extend(known);
            scans.insert(scan.number, scan.clone());
            let kept = current_entries(old.iter().chain(&new), &scans);
            let kept = kept.ok_or_else(|| self.damaged(*part))?;
            rest.extend(kept.iter().cloned());
            written.push((*part, rest));
            before.extend(old);
            after.extend(kept);
        }
        if parts.is_empty() {
            return Ok(());
        }
        let (before, after) = (self.merger(&before, &scans)?, self.merger(&after, &scans)?);
        let hosts = differences_with(before, after, options)?;
        // The old state has no single scan, since it may combine any number of them.
        let compared = ComparedScans { old: None, new: None, ..(*hosts.scans()).clone() };
        for host in hosts {
            each(&host?, &compared)?;
        }
        for (part, entries) in written {
            self.save(part, (&scans, &entries), scan.number)?;
        }
        Ok(())
    }

    /// Returns the hosts of the document that belong to a part.
    fn entries(&self, part: u8, scan: u64) -> Result<Vec<HostEntry>> {
        let Some(stage) = self.hosts.get(usize::from(part)) else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        let read = io::copy(&mut stage.read(), &mut bytes);
        read.map_err(|error| failed(&self.folder, error))?;
        let entries = take_all(&bytes)
            .ok_or_else(|| Error::internal("hosts of a document cannot be read back"))?;
        Ok(entries.into_iter().map(|entry| HostEntry { scan, ..entry }).collect())
    }

    /// Merges the hosts of these entries, scan by scan.
    fn merger(&self, entries: &[HostEntry], scans: &BTreeMap<u64, StoredScan>) -> Result<Merger> {
        let policy = MergePolicy::new(Precedence::Latest);
        let cap = usize::try_from(CHUNK.saturating_mul(8)).unwrap_or(usize::MAX);
        let mut merger = Merger::with_memory(policy, cap, Some(&self.folder));
        let mut by_scan: BTreeMap<u64, Vec<Host<'_>>> = BTreeMap::new();
        for entry in entries {
            let host = unpack_host(&entry.host);
            debug_assert!(host.is_some(), "`current_entries` decodes all entries first");
            by_scan.entry(entry.scan).or_default().extend(host);
        }
        for (number, mut hosts) in by_scan {
            hosts.sort_by_key(|host| host.index);
            hosts.iter().try_for_each(|host| merger.host(host))?;
            if let Some(scan) = scans.get(&number) {
                merger.end_scan(&scan.source, scan.record());
            }
        }
        if !merger.has_scans() {
            // Nothing was known; a scan without hosts represents that.
            merger.end_scan("", ScanSummary { has_scan: true, ..ScanSummary::default() });
        }
        Ok(merger)
    }

    fn load(&self, part: u8) -> Result<StatePart> {
        let Some(number) = self.parts.get(&part) else { return Ok(StatePart::default()) };
        let path = self.path(part, *number);
        let bytes = fs::read(&path).map_err(|error| unreadable(&path, error))?;
        StatePart::parse(&bytes).ok_or_else(|| self.damaged(part))
    }

    /// Returns the error for a part whose file cannot be decoded.
    fn damaged(&self, part: u8) -> Error {
        let path = self.path(part, self.parts.get(&part).copied().unwrap_or_default());
        let message = "it is damaged, or of another version";
        unreadable(&path, message)
    }

    /// Writes a part with the scans that its entries refer to.
    fn save(
        &mut self,
        part: u8,
        (scans, entries): (&BTreeMap<u64, StoredScan>, &[HostEntry]),
        number: u64,
    ) -> Result<()> {
        let path = self.path(part, number);
        let named: BTreeSet<u64> = entries.iter().map(|entry| entry.scan).collect();
        let scans: Vec<&StoredScan> = named.iter().filter_map(|number| scans.get(number)).collect();
        let write = || -> io::Result<File> {
            let mut file = File::create(&path)?;
            file.write_all(&state_part::encode(&scans, entries)?)?;
            Ok(file)
        };
        let file = write().map_err(|error| failed(&path, error))?;
        self.unsynced.push((path, file));
        self.parts.insert(part, number);
        self.fresh.insert(part, number);
        Ok(())
    }

    /// Returns the parts written since the last call, for the journal. Call [`Self::clean`] when the
    /// journal contains them.
    pub(super) fn take_parts(&mut self) -> BTreeMap<u8, u64> {
        std::mem::take(&mut self.fresh)
    }
}

fn part_of(key: &str) -> u8 {
    Sha256::digest(key.as_bytes()).first().map_or(0, |byte| byte % PARTS)
}

/// Returns the entries of each key that its latest state is merged from; `None` if an entry cannot
/// be decoded.
fn current_entries<'e>(
    entries: impl Iterator<Item = &'e HostEntry>,
    scans: &BTreeMap<u64, StoredScan>,
) -> Option<Vec<HostEntry>> {
    let mut by_key: BTreeMap<&str, BTreeMap<u64, Vec<&HostEntry>>> = BTreeMap::new();
    for entry in entries {
        by_key.entry(&entry.key).or_default().entry(entry.scan).or_default().push(entry);
    }
    let mut kept = Vec::new();
    for by_scan in by_key.into_values() {
        let looks = by_scan.iter().map(|(number, entries)| {
            let hosts: Option<Vec<Host<'_>>> =
                entries.iter().map(|entry| unpack_host(&entry.host)).collect();
            Some(Observation::of(scans.get(number)?, &hosts?))
        });
        let looks: Option<Vec<Observation<'_>>> = looks.collect();
        for number in select_current(looks?) {
            kept.extend(by_scan.get(&number).into_iter().flatten().map(|entry| (*entry).clone()));
        }
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::ErrorKind,
        model::{Address, AddressKind, HostState},
    };

    #[test]
    fn a_host_that_cannot_be_decoded_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = HostStateStore::open(folder.path(), &BTreeMap::new()).unwrap();
        let mut host = Host::new(0);
        host.status.state = HostState::Up;
        host.addresses.push(Address {
            text: "192.0.2.1".into(),
            kind: AddressKind::Ipv4,
            ip: Some("192.0.2.1".parse().unwrap()),
            zone: None,
            vendor: None,
        });
        let scan = ScanSummary { has_scan: true, ..ScanSummary::default() };
        let step = |store: &mut HostStateStore, host: &Host<'_>| {
            store.host(host, &mut |_| {}).unwrap();
            store.step(("a.xml", &scan), &ChangeSelection::all(), &mut |_, _| Ok(()))
        };
        step(&mut store, &host).unwrap();
        let (part, number) = store.parts.iter().next().map(|(part, n)| (*part, *n)).unwrap();
        let mut stored = store.load(part).unwrap();
        // The record says that this is a literal, and it is none.
        host.addresses[0].text = "192.0.2.x".into();
        stored.entries[0].host.clear();
        pack_host(&host, &mut stored.entries[0].host);
        let scans: Vec<&StoredScan> = stored.scans.values().collect();
        let bytes = state_part::encode(&scans, &stored.entries).unwrap();
        let path = store.path(part, number);
        fs::write(&path, bytes).unwrap();
        host.addresses[0].text = "192.0.2.1".into();
        let error = step(&mut store, &host).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::State { .. }), "{error:?}");
        assert!(error.to_string().contains("it is damaged"), "{error}");
    }
}
