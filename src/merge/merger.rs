//! The one stage that keeps state: all hosts of all scans, until the last has come.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use super::{
    copies::{self, MergedScan},
    coverage::Coverage,
    explain::Explain,
    group::{self, Rules, ScanFacts},
    policy::MergePolicy,
    store::{PARTITIONS, Place, Run, Store, put_record, records, split_record},
    wire::{self, Out, put_length, split_length},
};
use crate::{
    error::{Error, Result},
    model::{
        Host, HostKey, Identity, MergedHost, RunEvent, RunRecord, ScanNumber, id_of_parts,
        merged_host_id,
    },
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
        put_length(usize::try_from(index).unwrap_or(0), &mut self.record);
        self.out.record(event, &mut self.record);
        put_record(&self.record, staged);
    }
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
    /// Rows of the scan that has not ended, and whether anything of it came.
    rows: u64,
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
            let Some((rows, record)) = split_length(rest) else { continue };
            self.rows = self.rows.saturating_add(u64::try_from(rows).unwrap_or(0));
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
        let rows = std::mem::take(&mut self.rows);
        self.open = false;
        let place = ScanNumber::try_from(self.scans.len()).unwrap_or(ScanNumber::MAX);
        let source = source.to_owned();
        self.scans.push(MergedScan { source, record, used: true, place, rows });
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
        if !self.has_scans() {
            return Err(Error::usage("nothing to merge: there is no scan"));
        }
        if self.open {
            return Err(Error::usage("a scan has not ended: its hosts cannot merge yet"));
        }
        let same = copies::same_ids(&self.scans);
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
        let facts = self.scans.iter().map(|scan| ScanFacts {
            start: scan.record.header.start_time,
            end: scan.record.stats.end_time,
            coverage: Coverage::of(&scan.record),
        });
        let facts = facts.collect();
        let spilled = self.stores.iter().any(|store| store.len() > store.held());
        let events = self.stores.pop().unwrap_or_default();
        let shared = Shared {
            policy: self.policy,
            facts,
            places: self.scans.iter().map(MergedScan::counted_place).collect(),
            ids: self.scans.iter().map(|scan| scan.record.header.scan_id.clone()).collect(),
            spilled,
            place: self.place,
        };
        let stores = self.stores.into_iter().filter(|store| store.len() > 0).collect();
        Ok(Merged { shared: Arc::new(shared), scans: self.scans, stores, events })
    }

    /// What tells the hosts of scans apart, whatever their order.
    fn digests(&self, scans: &[ScanNumber]) -> Result<HashMap<ScanNumber, u128>> {
        let mut digests = HashMap::new();
        if scans.is_empty() {
            return Ok(digests);
        }
        for store in self.stores.iter().take(PARTITIONS) {
            let bytes = store.look(&self.place)?;
            for entry in records(&bytes) {
                let Some((scan, record)) = split_length(entry) else { continue };
                let Ok(scan) = ScanNumber::try_from(scan) else { continue };
                if scans.contains(&scan) {
                    let hash = Sha256::digest(record);
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

/// What merging needs to know of all scans.
#[derive(Debug)]
struct Shared {
    policy: MergePolicy,
    facts: Vec<ScanFacts>,
    /// Of scans that are used their places in the order of the arguments.
    places: Vec<Option<ScanNumber>>,
    ids: Vec<String>,
    spilled: bool,
    place: Place,
}

/// All scans, ready to be merged.
#[derive(Debug)]
pub struct Merged {
    shared: Arc<Shared>,
    scans: Vec<MergedScan>,
    stores: Vec<Store>,
    events: Store,
}

impl Merged {
    /// The scans, in the order of the arguments: [`ScanNumber`]s count them.
    #[must_use]
    pub fn scans(&self) -> &[MergedScan] {
        &self.scans
    }

    /// The hosts that are to be merged, in parts that may be merged at once by several threads.
    pub fn take_parts(&mut self) -> Vec<Part> {
        let stores = std::mem::take(&mut self.stores).into_iter();
        stores.map(|store| Part { shared: Arc::clone(&self.shared), store }).collect()
    }

    /// Merges all hosts, and gives them in the order in which they were first seen.
    ///
    /// # Errors
    /// If a temporary file cannot be read or written.
    pub fn hosts(mut self) -> Result<Hosts> {
        let parts = self.take_parts();
        Hosts::of(parts.into_iter().map(Part::merge).collect::<Result<_>>()?)
    }

    /// Gives each event of scans that are used, with the number of its scan and its place there.
    ///
    /// # Errors
    /// The first error of `each`; if a temporary file cannot be read.
    pub fn events(
        &mut self,
        each: &mut dyn FnMut(ScanNumber, i32, &RunEvent) -> Result<()>,
    ) -> Result<()> {
        let bytes = std::mem::take(&mut self.events).load(&self.shared.place)?;
        for entry in records(&bytes) {
            let Some((scan, rest)) = split_length(entry) else { continue };
            let Some((index, record)) = split_length(rest) else { continue };
            let used = self.shared.places.get(scan).copied().flatten();
            if let (Some(_), Some(event)) = (used, wire::read::<RunEvent>(record)) {
                let scan = ScanNumber::try_from(scan).unwrap_or(ScanNumber::MAX);
                each(scan, i32::try_from(index).unwrap_or(i32::MAX), &event)?;
            }
        }
        Ok(())
    }
}

/// Hosts of some keys.
#[derive(Debug)]
pub struct Part {
    shared: Arc<Shared>,
    store: Store,
}

/// A record of a host, found again.
struct Found<'b> {
    key: &'b str,
    order: u64,
    scan: ScanNumber,
    host: &'b [u8],
}

/// Merged hosts in the order in which they were first seen.
#[derive(Debug)]
pub struct Sorted(Run);

impl Part {
    /// Merges these hosts.
    ///
    /// # Errors
    /// If a temporary file cannot be read or written.
    pub fn merge(self) -> Result<Sorted> {
        let Self { shared, store } = self;
        let bytes = store.load(&shared.place)?;
        let mut found: Vec<Found<'_>> =
            records(&bytes).filter_map(|entry| shared.find(entry)).collect();
        found.sort_unstable_by(|a, b| a.group().cmp(&b.group()).then(a.order.cmp(&b.order)));
        let places = shared.places.iter().enumerate();
        let first = places.filter_map(|(scan, place)| Some(((*place)?, scan))).min();
        let caller = first.map_or(0, |(_, scan)| scan);
        let rules = Rules {
            policy: &shared.policy,
            scans: &shared.facts,
            caller: ScanNumber::try_from(caller).unwrap_or_default(),
        };
        let (mut out, mut places) = (Vec::new(), Vec::new());
        let mut writer = Out::default();
        for same in found.chunk_by(|a, b| a.group() == b.group()) {
            let Some(first) = same.first() else { continue };
            let parts = same.iter().filter_map(|found| {
                let host = wire::read::<Host<'_>>(found.host)?;
                Some(group::Part { scan: found.scan, order: found.order, host })
            });
            let mut explain = Explain::new(shared.policy.explain);
            let Some((host, origins)) = group::merge(parts.collect(), rules, &mut explain) else {
                continue;
            };
            let merged = MergedHost {
                host_key: first.key.into(),
                host_id: shared.host_id(first).into(),
                host,
                origins,
                conflicts: explain.into_conflicts(),
            };
            let start = out.len();
            writer.record(&merged, &mut out);
            places.push((first.order, start, out.len()));
        }
        drop(bytes);
        places.sort_unstable();
        let sorted = places
            .iter()
            .map(|(order, start, end)| (*order, out.get(*start..*end).unwrap_or_default()));
        Run::new(sorted, shared.spilled, &shared.place).map(Sorted)
    }
}

impl Shared {
    /// What a record of a scan that is used says.
    fn find<'b>(&self, entry: &'b [u8]) -> Option<Found<'b>> {
        let (scan, rest) = split_length(entry)?;
        let (index, rest) = split_length(rest)?;
        let (key, host) = split_record(rest)?;
        let place = (*self.places.get(scan)?)?;
        let order = u64::from(place) << 32 | u64::try_from(index).ok()?;
        let scan = ScanNumber::try_from(scan).ok()?;
        Some(Found { key: std::str::from_utf8(key).ok()?, order, scan, host })
    }

    fn host_id(&self, found: &Found<'_>) -> String {
        match found.group() {
            (key, None) => merged_host_id(key),
            (key, Some(scan)) => {
                let id = usize::try_from(scan).ok().and_then(|scan| self.ids.get(scan));
                id_of_parts(&["scanmill.mhost.v1", key, id.map_or("", String::as_str)])
            }
        }
    }
}

impl Found<'_> {
    /// What hosts that are the same share. One without address and name is like no other.
    fn group(&self) -> (&str, Option<ScanNumber>) {
        (self.key, self.key.starts_with("idx:").then_some(self.scan))
    }
}

/// Merged hosts, in the order in which they were first seen over all scans.
#[derive(Debug)]
pub struct Hosts {
    runs: Vec<Run>,
    next: BinaryHeap<Reverse<(u64, usize, Vec<u8>)>>,
    count: i32,
}

/// A merged host, as it is kept.
#[derive(Debug)]
pub struct MergedRecord {
    index: i32,
    record: Vec<u8>,
}

impl MergedRecord {
    /// The host; its index is its place in the result.
    #[must_use]
    pub fn host(&self) -> MergedHost<'_> {
        // What was written can be read.
        let mut merged = wire::read::<MergedHost<'_>>(&self.record).unwrap_or_else(|| MergedHost {
            host_key: "".into(),
            host_id: "".into(),
            host: Host::new(0),
            origins: crate::model::Origins::default(),
            conflicts: Vec::new(),
        });
        merged.host.index = self.index;
        merged
    }

    /// Bytes that it takes as it is kept.
    #[must_use]
    pub fn size(&self) -> usize {
        self.record.len()
    }
}

impl Hosts {
    /// The hosts of all parts.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    pub fn of(parts: Vec<Sorted>) -> Result<Self> {
        let mut hosts = Self { runs: Vec::new(), next: BinaryHeap::new(), count: 0 };
        for Sorted(run) in parts {
            hosts.runs.push(run);
            hosts.advance(hosts.runs.len().saturating_sub(1))?;
        }
        Ok(hosts)
    }

    fn advance(&mut self, run: usize) -> Result<()> {
        if let Some(of) = self.runs.get_mut(run)
            && let Some((order, record)) = of.next()?
        {
            self.next.push(Reverse((order, run, record)));
        }
        Ok(())
    }

    /// The next host; `None` after the last.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    #[expect(clippy::should_implement_trait, reason = "it may fail")]
    pub fn next(&mut self) -> Result<Option<MergedRecord>> {
        let Some(Reverse((_, run, record))) = self.next.pop() else { return Ok(None) };
        self.advance(run)?;
        let index = self.count;
        self.count = self.count.saturating_add(1);
        Ok(Some(MergedRecord { index, record }))
    }
}
