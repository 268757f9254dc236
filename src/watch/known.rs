//! The last known state of each host, on disk: the records that its latest picture is made of.
//!
//! Hosts are spread over parts by the hash of their key, and a part is a file that is never changed: a step
//! writes new files of the parts that it touches, and the ledger says which files count. So a step costs
//! what it touches, memory is that of a part, and a process may end at any moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{
    failed,
    part::{self, Entry, Part, Scan, put, take_all},
    recent::{Look, keep},
    stage::Stage,
    sync_dir, unreadable,
};
use crate::{
    diff::{DiffOptions, differences_with},
    error::Result,
    fs::{self, File},
    merge::{MergePolicy, Merger, Precedence, pack_host, unpack_host},
    model::{ComparedScans, Host, HostChanges, HostKey, Identity, RunRecord},
};

/// Parts of the hosts.
const PARTS: u8 = 64;

/// Bytes of hosts of a document that are compared at once.
const CHUNK: u64 = 16 << 20;

/// Takes the differences of a host between scans.
pub(super) type Each<'e> = &'e mut dyn FnMut(&HostChanges, &ComparedScans) -> Result<()>;

/// The last known state, and the hosts of a document that is being read.
#[derive(Debug)]
pub(super) struct Known {
    folder: PathBuf,
    /// The number of the file of each part.
    parts: BTreeMap<u8, u64>,
    /// Of the parts that were written since [`Self::take_parts`].
    fresh: BTreeMap<u8, u64>,
    /// The last number that was given.
    last: u64,
    /// Hosts of the document, by part.
    hosts: Vec<Stage>,
    /// Files of the document's parts that are not on the disk yet: together that takes less time.
    unsynced: Vec<(PathBuf, File)>,
}

impl Known {
    /// Opens the state whose parts have these files, and removes what no part of it is.
    ///
    /// # Errors
    /// If its folder cannot be made or read.
    pub(super) fn open(folder: &Path, parts: &BTreeMap<u8, u64>) -> Result<Self> {
        let folder = folder.join("hosts");
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        let known = Self {
            last: parts.values().copied().max().unwrap_or_default(),
            folder,
            parts: parts.clone(),
            fresh: BTreeMap::new(),
            hosts: (0..PARTS).map(|_| Stage::default()).collect(),
            unsynced: Vec::new(),
        };
        known.clean()?;
        Ok(known)
    }

    /// Goes back to the state whose parts have these files.
    pub(super) fn revert(&mut self, parts: &BTreeMap<u8, u64>) {
        self.parts.clone_from(parts);
        self.fresh.clear();
        self.drop_document();
    }

    /// Removes files that do not count.
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

    /// Takes a host of the document that is read, and shows its record.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub(super) fn host(&mut self, host: &Host<'_>, seen: &mut dyn FnMut(&[u8])) -> Result<()> {
        let key = HostKey::of(host, Identity::Ip);
        let part = part_of(key.as_str());
        let Some(stage) = self.hosts.get_mut(usize::from(part)) else { return Ok(()) };
        let mut record = Vec::new();
        pack_host(host, &mut record);
        seen(&record);
        put(&Entry { scan: 0, key: key.as_str().to_owned(), host: record }, stage.held());
        let folder = &self.folder;
        stage.settle(&|| fs::tempfile_in(folder)).map_err(|error| failed(folder, error))
    }

    /// Forgets the hosts of the document that was read.
    pub(super) fn drop_document(&mut self) {
        self.hosts.iter_mut().for_each(|stage| stage.rewind(0));
    }

    /// The document has ended and counts: shows what it changes, and makes it part of the state.
    ///
    /// # Errors
    /// Those of `each`; if files cannot be read or written.
    pub(super) fn step(
        &mut self,
        (source, record): (&str, &RunRecord),
        each: Each<'_>,
    ) -> Result<()> {
        self.last = self.last.saturating_add(1);
        let scan = Scan::of(self.last, source, record);
        let mut chunk = Vec::new();
        let mut size = 0_u64;
        for part in 0..PARTS {
            let len = self.hosts.get(usize::from(part)).map_or(0, Stage::len);
            if len > 0 {
                chunk.push(part);
                size = size.saturating_add(len);
            }
            if size >= CHUNK {
                self.step_parts(&std::mem::take(&mut chunk), &scan, each)?;
                size = 0;
            }
        }
        self.step_parts(&chunk, &scan, each)?;
        self.drop_document();
        for (path, file) in self.unsynced.drain(..) {
            file.sync_data().map_err(|error| failed(&path, error))?;
        }
        sync_dir(&self.folder)
    }

    fn step_parts(&mut self, parts: &[u8], scan: &Scan, each: Each<'_>) -> Result<()> {
        let mut scans = BTreeMap::new();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut written = Vec::new();
        for part in parts {
            let new = self.entries(*part, scan.number)?;
            let touched: BTreeSet<&str> = new.iter().map(|entry| &*entry.key).collect();
            let Part { scans: known, entries } = self.load(*part)?;
            let (old, mut rest): (Vec<Entry>, Vec<Entry>) =
                entries.into_iter().partition(|entry| touched.contains(&*entry.key));
            scans.extend(known);
            scans.insert(scan.number, scan.clone());
            let kept = recent(old.iter().chain(&new), &scans);
            rest.extend(kept.iter().cloned());
            written.push((*part, rest));
            before.extend(old);
            after.extend(kept);
        }
        if parts.is_empty() {
            return Ok(());
        }
        let (before, after) = (self.merger(&before, &scans)?, self.merger(&after, &scans)?);
        let hosts = differences_with(before, after, &DiffOptions::without_noise())?;
        // No scan stands for what was known: it may be of any number of them.
        let compared = ComparedScans { old: None, new: None, ..(*hosts.scans()).clone() };
        for host in hosts {
            each(&host?, &compared)?;
        }
        for (part, entries) in written {
            self.save(part, (&scans, &entries), scan.number)?;
        }
        Ok(())
    }

    /// Hosts of the document, of one part.
    fn entries(&self, part: u8, scan: u64) -> Result<Vec<Entry>> {
        let Some(stage) = self.hosts.get(usize::from(part)) else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        let read = io::copy(&mut stage.read(), &mut bytes);
        read.map_err(|error| failed(&self.folder, error))?;
        Ok(take_all(&bytes).map(|entry| Entry { scan, ..entry }).collect())
    }

    /// The hosts of these entries, scan by scan.
    fn merger(&self, entries: &[Entry], scans: &BTreeMap<u64, Scan>) -> Result<Merger> {
        let policy = MergePolicy::new(Precedence::Latest);
        let cap = usize::try_from(CHUNK.saturating_mul(8)).unwrap_or(usize::MAX);
        let mut merger = Merger::with_memory(policy, cap, Some(&self.folder));
        let mut by_scan: BTreeMap<u64, Vec<Host<'_>>> = BTreeMap::new();
        for entry in entries {
            by_scan.entry(entry.scan).or_default().extend(unpack_host(&entry.host));
        }
        for (number, mut hosts) in by_scan {
            hosts.sort_by_key(|host| host.index);
            hosts.iter().try_for_each(|host| merger.host(host))?;
            if let Some(scan) = scans.get(&number) {
                merger.end_scan(&scan.source, scan.record());
            }
        }
        if !merger.has_scans() {
            // Nothing was known: a scan without hosts stands for that.
            merger.end_scan("", RunRecord { exists: true, ..RunRecord::default() });
        }
        Ok(merger)
    }

    fn load(&self, part: u8) -> Result<Part> {
        let Some(number) = self.parts.get(&part) else { return Ok(Part::default()) };
        let path = self.path(part, *number);
        let bytes = fs::read(&path).map_err(|error| unreadable(&path, error))?;
        Part::parse(&bytes).ok_or_else(|| {
            let message = "it is damaged, or of another version: a new --state-dir begins anew";
            unreadable(&path, message)
        })
    }

    /// Writes a part with the scans that its entries name.
    fn save(
        &mut self,
        part: u8,
        (scans, entries): (&BTreeMap<u64, Scan>, &[Entry]),
        number: u64,
    ) -> Result<()> {
        let path = self.path(part, number);
        let named: BTreeSet<u64> = entries.iter().map(|entry| entry.scan).collect();
        let scans: Vec<&Scan> = named.iter().filter_map(|number| scans.get(number)).collect();
        let write = || -> io::Result<File> {
            let mut file = File::create(&path)?;
            file.write_all(&part::encode(&scans, entries)?)?;
            Ok(file)
        };
        let file = write().map_err(|error| failed(&path, error))?;
        self.unsynced.push((path, file));
        self.parts.insert(part, number);
        self.fresh.insert(part, number);
        Ok(())
    }

    /// Parts that were written since the last call, for the ledger. When it knows them, [`Self::clean`].
    pub(super) fn take_parts(&mut self) -> BTreeMap<u8, u64> {
        std::mem::take(&mut self.fresh)
    }
}

fn part_of(key: &str) -> u8 {
    Sha256::digest(key.as_bytes()).first().map_or(0, |byte| byte % PARTS)
}

/// Of the entries of each key those that its latest picture is made of.
fn recent<'e>(entries: impl Iterator<Item = &'e Entry>, scans: &BTreeMap<u64, Scan>) -> Vec<Entry> {
    let mut by_key: BTreeMap<&str, BTreeMap<u64, Vec<&Entry>>> = BTreeMap::new();
    for entry in entries {
        by_key.entry(&entry.key).or_default().entry(entry.scan).or_default().push(entry);
    }
    let mut kept = Vec::new();
    for by_scan in by_key.into_values() {
        let looks = by_scan.iter().filter_map(|(number, entries)| {
            let hosts: Vec<Host<'_>> =
                entries.iter().filter_map(|entry| unpack_host(&entry.host)).collect();
            scans.get(number).map(|scan| Look::of(scan, &hosts))
        });
        for number in keep(looks.collect()) {
            kept.extend(by_scan.get(&number).into_iter().flatten().map(|entry| (*entry).clone()));
        }
    }
    kept
}
