//! The one stage that keeps state: all hosts of all scans, until the last has come.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::{
    copies::{self, MergedScan},
    look::ScanFacts,
    merged::{Merged, Shared},
    policy::MergePolicy,
    store::{PARTITIONS, Place, Store, put_record, records},
    wire::{Out, put_length, split_length},
};
use crate::{
    error::{Error, Result},
    model::{Host, HostKey, Identity, RunEvent, RunRecord, ScanNumber, Timestamp},
};

/// What a host takes in memory while it is merged, in times of its record, roughly.
const UNPACKED: usize = 2;

/// Turns hosts into what a [`Merger`] keeps of them. Several may work at once.
#[derive(Debug, Default)]
pub struct Stager {
    identity: Identity,
    out: Out,
    record: Vec<u8>,
}

/// Number of the list of events, behind those of partitions.
const EVENTS: usize = PARTITIONS;

impl Stager {
    /// A stager for mergers of this policy.
    #[must_use]
    pub fn new(policy: &MergePolicy) -> Self {
        Self { identity: policy.identity, ..Self::default() }
    }

    /// Appends a host to what [`Merger::add`] takes.
    pub fn host(&mut self, host: &Host<'_>, staged: &mut Vec<u8>) {
        let key = HostKey::of(host, self.identity);
        let mut hash = DefaultHasher::new();
        key.as_str().hash(&mut hash);
        let partition = hash.finish() % (PARTITIONS as u64);
        self.record.clear();
        put_length(usize::try_from(partition).unwrap_or(0), &mut self.record);
        put_length(rows(host), &mut self.record);
        // The seconds of its end, and one more, as 0 says that there is none.
        let end = host.end_time.and_then(|end| usize::try_from(end.seconds()).ok());
        put_length(end.map_or(0, |end| end.saturating_add(1)), &mut self.record);
        put_length(usize::try_from(host.index).unwrap_or(0), &mut self.record);
        put_record(key.as_str().as_bytes(), &mut self.record);
        self.out.record(host, &mut self.record);
        put_record(&self.record, staged);
    }

    /// Appends an event with its place in the scan.
    pub fn event(&mut self, index: i32, event: &RunEvent, staged: &mut Vec<u8>) {
        self.record.clear();
        put_length(EVENTS, &mut self.record);
        put_length(0, &mut self.record);
        put_length(0, &mut self.record);
        put_length(usize::try_from(index).unwrap_or(0), &mut self.record);
        self.out.record(event, &mut self.record);
        put_record(&self.record, staged);
    }
}

/// When the hosts of a scan ended.
#[derive(Debug, Default)]
struct Ends {
    /// The latest end, in seconds, and one more.
    latest: usize,
    /// Whether a host says no end: the scan says when it was looked at.
    unknown: bool,
}

impl Ends {
    fn add(&mut self, end: usize) {
        self.latest = self.latest.max(end);
        self.unknown |= end == 0;
    }

    /// The time of the newest look of the scan that ends.
    fn newest(&self, record: &RunRecord) -> Option<Timestamp> {
        let latest = self.latest.checked_sub(1).and_then(|end| i64::try_from(end).ok());
        let of_scan = record.stats.end_time.or(record.header.start_time);
        latest.and_then(Timestamp::from_seconds).max(of_scan.filter(|_| self.unknown))
    }
}

/// The time before which nothing may have been seen last, if there is a greatest age.
fn oldest(scans: &[MergedScan], max_age: Option<Duration>) -> Option<Timestamp> {
    let used = scans.iter().filter(|scan| scan.used && scan.record.exists);
    let newest = used.filter_map(|scan| scan.newest).max()?;
    let age = i64::try_from(max_age?.as_secs()).ok()?;
    Timestamp::from_seconds(newest.seconds().checked_sub(age)?)
}

/// Rows that a host gives to tables.
fn rows(host: &Host<'_>) -> usize {
    let of_ports = host.ports.iter().map(|port| 1 + port.services.len() + port.scripts.len());
    let hops = host.traces.iter().map(|trace| trace.hops.len());
    1 + of_ports.sum::<usize>()
        + host.scripts.len()
        + host.os.matches.len()
        + host.os.classes.len()
        + hops.sum::<usize>()
}

/// Takes the hosts of scans in the order of the arguments, the caller's first.
///
/// ```
/// use scanmill::{
///     merge::{MergePolicy, Merger, Precedence},
///     model::ScanEvent,
///     xml::{Options, Reader},
/// };
///
/// let mut merger = Merger::new(MergePolicy::new(Precedence::Latest));
/// for name in ["40-merge-day1-fast-syn.xml", "44-merge-day2-changed.xml"] {
///     let file = std::fs::File::open(format!("fixtures/{name}"))?;
///     let mut reader = Reader::new(file, Options::default().with_hash(true));
///     while let Some(event) = reader.next_event()? {
///         match event {
///             ScanEvent::Host(host) => merger.host(&host)?,
///             ScanEvent::RunEnd(record) => merger.end_scan(name, *record),
///             _ => {}
///         }
///     }
/// }
/// let merged = merger.finish()?;
/// let mut hosts = merged.hosts()?;
/// while let Some(record) = hosts.next()? {
///     let host = record.host();
///     println!("{} {} ports", host.host_key, host.host.ports.len());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Merger {
    policy: MergePolicy,
    stager: Stager,
    scans: Vec<MergedScan>,
    /// Rows of the scan that has not ended, when its hosts ended, and whether anything of it came.
    rows: u64,
    ends: Ends,
    open: bool,
    stores: Vec<Store>,
    held: usize,
    /// Bytes of records that are held in memory.
    cap: usize,
    place: Place,
}

impl Merger {
    /// A merger that holds all in memory.
    #[must_use]
    pub fn new(policy: MergePolicy) -> Self {
        Self::with_memory(policy, usize::MAX, None)
    }

    /// A merger that holds so many bytes of records in memory, and the rest in temporary files in a folder,
    /// the system's without one.
    #[must_use]
    pub fn with_memory(policy: MergePolicy, cap: usize, folder: Option<&Path>) -> Self {
        Self {
            policy,
            stager: Stager::new(&policy),
            scans: Vec::new(),
            rows: 0,
            ends: Ends::default(),
            open: false,
            stores: (0..=PARTITIONS).map(|_| Store::default()).collect(),
            held: 0,
            cap,
            place: Place::new(folder),
        }
    }

    /// Its policy.
    #[must_use]
    pub fn policy(&self) -> &MergePolicy {
        &self.policy
    }

    /// Takes a host of the scan that is open.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub fn host(&mut self, host: &Host<'_>) -> Result<()> {
        let mut staged = Vec::new();
        self.stager.host(host, &mut staged);
        self.add(&staged)
    }

    /// Takes an event of the scan that is open, with its place in the scan.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub fn event(&mut self, index: i32, event: &RunEvent) -> Result<()> {
        let mut staged = Vec::new();
        self.stager.event(index, event, &mut staged);
        self.add(&staged)
    }

    /// Takes what a stager made of hosts and events of the scan that is open.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub fn add(&mut self, staged: &[u8]) -> Result<()> {
        let scan = self.scans.len();
        for entry in records(staged) {
            let Some((store, rest)) = split_length(entry) else { continue };
            let Some((rows, rest)) = split_length(rest) else { continue };
            let Some((end, record)) = split_length(rest) else { continue };
            self.rows = self.rows.saturating_add(u64::try_from(rows).unwrap_or(0));
            if store != EVENTS {
                self.ends.add(end);
            }
            self.push(store, scan, record)?;
        }
        self.open |= !staged.is_empty();
        Ok(())
    }

    /// Keeps a record of a scan.
    fn push(&mut self, store: usize, scan: usize, record: &[u8]) -> Result<()> {
        let Some(store) = self.stores.get_mut(store) else { return Ok(()) };
        let before = store.held();
        let mut head = Vec::with_capacity(8);
        put_length(scan, &mut head);
        let out = store.buffer();
        put_length(head.len().saturating_add(record.len()), out);
        out.extend_from_slice(&head);
        out.extend_from_slice(record);
        self.held = self.held.saturating_add(store.held()).saturating_sub(before);
        if self.held > self.cap {
            for store in &mut self.stores {
                store.spill(&self.place)?;
            }
            self.held = 0;
        }
        Ok(())
    }

    /// The scan that is open has ended: what came since the last one is its. `source` is the name of its
    /// input. To tell apart finished scans that share an id, its record needs
    /// [`content_sha256`](RunRecord::content_sha256).
    pub fn end_scan(&mut self, source: &str, record: RunRecord) {
        let of_scan = record.pre_scripts.len().saturating_add(record.post_scripts.len());
        let rows = std::mem::take(&mut self.rows);
        let rows = rows.saturating_add(u64::try_from(of_scan).unwrap_or(u64::MAX));
        let newest = std::mem::take(&mut self.ends).newest(&record);
        self.open = false;
        let place = ScanNumber::try_from(self.scans.len()).unwrap_or(ScanNumber::MAX);
        let source = source.to_owned();
        self.scans.push(MergedScan { source, record, used: true, place, rows, newest });
    }

    /// Whether any scan has come.
    #[must_use]
    pub fn has_scans(&self) -> bool {
        self.scans.iter().any(|scan| scan.record.exists)
    }

    /// Whether hosts came whose scan has not ended.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Takes over all scans of another merger of the same policy, behind those of this one.
    ///
    /// # Errors
    /// If a temporary file cannot be read or written; if a scan of either has not ended.
    pub fn join(&mut self, other: Self) -> Result<()> {
        if self.open || other.open {
            return Err(Error::usage("a scan has not ended: its hosts cannot merge yet"));
        }
        let before = self.scans.len();
        for (number, store) in other.stores.into_iter().enumerate() {
            let bytes = store.load(&other.place)?;
            for entry in records(&bytes) {
                let Some((scan, record)) = split_length(entry) else { continue };
                self.push(number, scan.saturating_add(before), record)?;
            }
        }
        let before = ScanNumber::try_from(before).unwrap_or(ScanNumber::MAX);
        let behind = |scan: MergedScan| {
            let place = scan.place.saturating_add(before);
            MergedScan { place, ..scan }
        };
        self.scans.extend(other.scans.into_iter().map(behind));
        Ok(())
    }

    /// All scans have come: copies of one scan are decided between.
    ///
    /// # Errors
    /// A usage error if there is no scan, if one has not ended, or if the memory is too little for the hosts
    /// that have to be held together; an output error if a temporary file cannot be read.
    pub fn finish(mut self) -> Result<Merged> {
        if self.open {
            return Err(Error::usage("a scan has not ended: its hosts cannot merge yet"));
        }
        if !self.has_scans() {
            return Err(Error::usage("nothing to merge: there is no scan"));
        }
        let same = copies::same_scans(&self.scans);
        let compared: Vec<ScanNumber> = same
            .iter()
            .map(|same| copies::finished(&self.scans, same))
            .filter(|finished| finished.len() > 1)
            .flatten()
            .collect();
        let digests = self.digests(&compared)?;
        for same in &same {
            let digest = |number| digests.get(&number).copied().unwrap_or_default();
            copies::decide(&mut self.scans, same, digest);
        }
        let largest = self.stores.iter().map(Store::len).max().unwrap_or_default();
        let need = largest.saturating_mul(UNPACKED);
        if self.cap != usize::MAX && need > self.cap {
            return Err(Error::usage(format!(
                "too little memory to merge: hosts that must be held together take {} MiB, and {} MiB of \
                 records may be held; give {} times as much",
                need.div_ceil(1 << 20),
                self.cap >> 20,
                need.div_ceil(self.cap.max(1)),
            )));
        }
        let numbers = copies::in_order(&mut self.scans);
        let spilled = self.stores.iter().any(|store| store.len() > store.held());
        let events = self.stores.pop().unwrap_or_default();
        let shared = Shared {
            policy: self.policy,
            facts: self.scans.iter().map(|scan| ScanFacts::of(&scan.record)).collect(),
            caller: numbers.iter().flatten().copied().min().unwrap_or_default(),
            numbers,
            oldest: oldest(&self.scans, self.policy.max_age),
            ids: self.scans.iter().map(|scan| scan.record.header.scan_id.clone()).collect(),
            spilled,
            cap: self.cap,
            place: self.place,
        };
        Ok(Merged { shared: Arc::new(shared), scans: self.scans, stores: self.stores, events })
    }

    /// What tells the hosts of scans apart, whatever their order.
    fn digests(&self, scans: &[ScanNumber]) -> Result<HashMap<ScanNumber, u128>> {
        let mut digests = HashMap::new();
        if scans.is_empty() {
            return Ok(digests);
        }
        let mut out = copies::Comparing::default();
        for store in self.stores.iter().take(PARTITIONS) {
            let bytes = store.look(&self.place)?;
            for entry in records(&bytes) {
                let Some((scan, record)) = split_length(entry) else { continue };
                let Ok(scan) = ScanNumber::try_from(scan) else { continue };
                if scans.contains(&scan) {
                    let hash = Sha256::digest(out.comparable(record));
                    let first =
                        hash.first_chunk::<16>().map_or(0, |part| u128::from_le_bytes(*part));
                    let sum = digests.entry(scan).or_insert(0_u128);
                    *sum = sum.wrapping_add(first);
                }
            }
        }
        Ok(digests)
    }
}
