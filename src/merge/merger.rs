//! Collects the hosts of all scans until the last scan has come.

use std::{collections::HashMap, path::Path, sync::Arc};

use super::{
    age::{Ends, oldest},
    context::MergeContext,
    copies::{self, MergedScan},
    facts::ScanFacts,
    policy::MergePolicy,
    result::Merged,
    stager::{EVENTS, StagedRecord, Stager},
    state::LoadedState,
    store::{PARTITIONS, Store, TempFolder, records},
};
use crate::{
    codec::{put_length, split_length},
    error::{Error, Result},
    model::{Host, ScanActivity, ScanIndex, ScanSummary},
};

/// Approximate size of a host in memory while it is merged, as a multiple of the size of its record.
const UNPACKED: usize = 2;

/// Collects the hosts of scans in the order of the arguments, the caller's scan first.
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
///             ScanEvent::ScanEnd(record) => merger.end_scan(name, *record),
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
    pub(super) scans: Vec<MergedScan>,
    /// State of the open scan: its number of rows, the end times of its hosts, their digest, and if anything has
    /// come.
    rows: u64,
    ends: Ends,
    digest: u128,
    open: bool,
    stores: Vec<Store>,
    held: usize,
    /// Maximum size of records held in memory, in bytes.
    pub(super) cap: usize,
    pub(super) folder: TempFolder,
    /// True if a state is saved after the merge.
    pub(super) keeps: bool,
    pub(super) saved: Option<Box<LoadedState>>,
}

impl Merger {
    /// Creates a merger that holds all records in memory.
    #[must_use]
    pub fn new(policy: MergePolicy) -> Self {
        Self::with_memory(policy, usize::MAX, None)
    }

    /// Creates a merger that holds at most `cap` bytes of records in memory and spills the rest to temporary files in
    /// `folder`, or in the system's temporary folder if that is `None`.
    #[must_use]
    pub fn with_memory(policy: MergePolicy, cap: usize, folder: Option<&Path>) -> Self {
        Self {
            policy,
            stager: Stager::new(&policy),
            scans: Vec::new(),
            rows: 0,
            ends: Ends::default(),
            digest: 0,
            open: false,
            stores: (0..=PARTITIONS).map(|_| Store::default()).collect(),
            held: 0,
            cap,
            folder: TempFolder::new(folder),
            keeps: false,
            saved: None,
        }
    }

    /// Makes the merger keep the data that [`Merged::save`](super::Merged::save) writes for a later merge to
    /// continue.
    #[must_use]
    pub fn with_state(mut self) -> Self {
        self.stager = Stager::new(&self.policy).with_digests(true);
        self.keeps = true;
        self
    }

    /// Creates a stager for this merger.
    pub(crate) fn stager(&self) -> Stager {
        Stager::new(&self.policy).with_digests(self.keeps)
    }

    /// Returns the policy of the merger.
    pub(crate) fn policy(&self) -> &MergePolicy {
        &self.policy
    }

    /// Adds a host of the open scan.
    ///
    /// # Errors
    /// Returns an error if a temporary file cannot be written.
    pub fn host(&mut self, host: &Host<'_>) -> Result<()> {
        let mut staged = Vec::new();
        self.stager.host(host, &mut staged);
        self.add(&staged)
    }

    /// Adds an event of the open scan. `index` is its position in the scan.
    ///
    /// # Errors
    /// Returns an error if a temporary file cannot be written.
    pub fn event(&mut self, index: i32, event: &ScanActivity) -> Result<()> {
        let mut staged = Vec::new();
        self.stager.event(index, event, &mut staged);
        self.add(&staged)
    }

    /// Adds the records that a stager made from hosts and events of the open scan.
    ///
    /// # Errors
    /// Returns an error if a temporary file cannot be written.
    pub(crate) fn add(&mut self, staged: &[u8]) -> Result<()> {
        let scan = self.scans.len();
        for entry in records(staged) {
            let staged = StagedRecord::read(entry);
            debug_assert!(staged.is_some(), "a stager wrote the record");
            let Some(staged) = staged else { continue };
            self.rows = self.rows.saturating_add(u64::try_from(staged.rows).unwrap_or(0));
            if staged.store != EVENTS {
                self.ends.add(staged.end);
                self.digest = self.digest.wrapping_add(staged.digest.unwrap_or_default());
            }
            self.push(staged.store, scan, staged.record)?;
        }
        self.open |= !staged.is_empty();
        Ok(())
    }

    /// Appends a record of a scan to its store.
    fn push(&mut self, store: usize, scan: usize, record: &[u8]) -> Result<()> {
        let store = self.stores.get_mut(store);
        debug_assert!(store.is_some(), "a stager knows the partitions");
        let Some(store) = store else { return Ok(()) };
        let before = store.held();
        let mut head = Vec::with_capacity(8);
        put_length(scan, &mut head);
        let out = store.buffer();
        put_length(head.len().saturating_add(record.len()), out);
        out.extend_from_slice(&head);
        out.extend_from_slice(record);
        self.held = self.held.saturating_add(store.held()).saturating_sub(before);
        self.settle()
    }

    /// Adds bytes of a saved state to the memory in use.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<()> {
        self.held = self.held.saturating_add(bytes);
        self.settle()
    }

    /// Spills all stores to files if they exceed the cap.
    fn settle(&mut self) -> Result<()> {
        if self.held > self.cap {
            let saved = self.saved.iter_mut().flat_map(|saved| saved.stores_mut());
            for store in self.stores.iter_mut().chain(saved) {
                store.spill(&self.folder)?;
            }
            self.held = 0;
        }
        Ok(())
    }

    /// Ends the open scan: all records since the end of the previous scan belong to it. `source` is the name of its
    /// input. `record` needs [`content_sha256`](ScanSummary::content_sha256) so that finished scans that share an ID
    /// are distinguished.
    pub fn end_scan(&mut self, source: &str, record: ScanSummary) {
        let of_scan = record.pre_scripts.len().saturating_add(record.post_scripts.len());
        let rows = std::mem::take(&mut self.rows);
        let rows = rows.saturating_add(u64::try_from(of_scan).unwrap_or(u64::MAX));
        let newest = std::mem::take(&mut self.ends).newest(&record);
        let digest = Some(std::mem::take(&mut self.digest)).filter(|_| self.keeps);
        self.open = false;
        let place = ScanIndex::try_from(self.scans.len()).unwrap_or(ScanIndex::MAX);
        let source = source.to_owned();
        self.scans.push(MergedScan {
            source,
            record,
            used: true,
            place,
            rows,
            newest,
            digest,
            shared_mac: None,
            is_saved: false,
        });
    }

    /// Returns true if at least one scan has ended.
    pub(crate) fn has_scans(&self) -> bool {
        self.scans.iter().any(|scan| scan.record.has_scan)
    }

    /// Returns true if hosts have come whose scan has not ended.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Appends all scans of another merger with the same policy.
    ///
    /// # Errors
    /// Returns an error if a temporary file cannot be read or written, or if a scan of either merger has not ended.
    pub fn join(&mut self, other: Self) -> Result<()> {
        if self.open || other.open {
            return Err(Error::usage("a scan has not ended: its hosts cannot be merged yet"));
        }
        if other.saved.is_some() {
            return Err(Error::usage(
                "only the first of several mergers can continue a saved state",
            ));
        }
        let before = self.scans.len();
        for (number, store) in other.stores.into_iter().enumerate() {
            let bytes = store.load(&other.folder)?;
            for entry in records(&bytes) {
                let Some((scan, record)) = split_length(entry) else { continue };
                self.push(number, scan.saturating_add(before), record)?;
            }
        }
        let before = ScanIndex::try_from(before).unwrap_or(ScanIndex::MAX);
        let after_own = |scan: MergedScan| {
            let place = scan.place.saturating_add(before);
            MergedScan { place, ..scan }
        };
        self.scans.extend(other.scans.into_iter().map(after_own));
        Ok(())
    }

    /// Ends the collection of scans, and decides which copy of each scan is used.
    ///
    /// # Errors
    /// Returns a usage error if there is no scan, if a scan has not ended, or if the memory cap is too small for the
    /// hosts that must be held together. Returns an output error if a temporary file cannot be read.
    pub fn finish(mut self) -> Result<Merged> {
        if self.open {
            return Err(Error::usage("a scan has not ended: its hosts cannot be merged yet"));
        }
        if !self.has_scans() {
            return Err(Error::usage("nothing to merge: there is no scan"));
        }
        let originals = if self.keeps { self.scans.clone() } else { Vec::new() };
        self.decide_copies()?;
        self.check_memory()?;
        let numbers = copies::in_order(&mut self.scans);
        let saved = self.saved.as_mut().map(Box::as_mut);
        let kept = saved.map(|saved| std::mem::take(&mut saved.hosts)).unwrap_or_default();
        let mut stores = self.stores.iter().chain(&kept);
        let spilled = stores.any(|store| store.len() > store.held());
        let events = self.stores.pop().unwrap_or_default();
        let mut arrivals = vec![ScanIndex::MAX; self.scans.len()];
        for (arrival, number) in (0..).zip(&numbers) {
            let number = number.and_then(|number| usize::try_from(number).ok());
            if let Some(of) = number.and_then(|number| arrivals.get_mut(number)) {
                *of = arrival;
            }
        }
        let mut facts: Vec<ScanFacts> =
            self.scans.iter().map(|scan| ScanFacts::of(&scan.record)).collect();
        if self.keeps {
            classify(&mut facts);
        }
        let context = MergeContext {
            policy: self.policy,
            facts,
            caller: numbers.iter().flatten().copied().min().unwrap_or_default(),
            numbers,
            arrivals,
            oldest: oldest(&self.scans, self.policy.max_age),
            ids: self.scans.iter().map(|scan| scan.record.header.scan_id.clone()).collect(),
            spilled,
            cap: self.cap,
            folder: self.folder,
            keeps: self.keeps,
            saved: self.saved,
            originals,
        };
        let mut kept = kept.into_iter();
        let stores = self.stores.into_iter().map(|store| (store, kept.next().unwrap_or_default()));
        let stores = stores.collect();
        Ok(Merged { context: Arc::new(context), scans: self.scans, stores, events })
    }

    /// Decides which copy of each scan is used.
    fn decide_copies(&mut self) -> Result<()> {
        let same = copies::same_scans(&self.scans);
        let compared: Vec<ScanIndex> = same
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
        self.saved.as_ref().map_or(Ok(()), |saved| saved.check_used(&self.scans))
    }

    /// Returns an error if the largest partition does not fit into memory.
    fn check_memory(&self) -> Result<()> {
        let kept = |part: usize| self.saved.as_ref().map_or(0, |saved| saved.len_of(part));
        let parts = self.stores.iter().enumerate();
        let largest = parts.map(|(part, store)| store.len().saturating_add(kept(part))).max();
        let need = largest.unwrap_or_default().saturating_mul(UNPACKED);
        if self.cap == usize::MAX || need <= self.cap {
            return Ok(());
        }
        Err(Error::memory_limit(format!(
            "too little memory to merge: hosts that must be held together take {} MiB, and {} MiB of \
             records may be held; give {} times as much",
            need.div_ceil(1 << 20),
            self.cap >> 20,
            need.div_ceil(self.cap.max(1)),
        )))
    }

    /// Returns the digest of the hosts of each scan, which does not depend on their order.
    fn digests(&self, scans: &[ScanIndex]) -> Result<HashMap<ScanIndex, u128>> {
        let known = |number: ScanIndex| {
            let scan = usize::try_from(number).ok().and_then(|number| self.scans.get(number));
            Some((number, scan?.digest?))
        };
        let mut digests: HashMap<ScanIndex, u128> =
            scans.iter().copied().filter_map(known).collect();
        let unknown: Vec<ScanIndex> =
            scans.iter().copied().filter(|scan| !digests.contains_key(scan)).collect();
        if unknown.is_empty() {
            return Ok(digests);
        }
        let mut out = copies::HostDigester::default();
        for store in self.stores.iter().take(PARTITIONS) {
            let bytes = store.look(&self.folder)?;
            for entry in records(&bytes) {
                let Some((scan, record)) = split_length(entry) else { continue };
                let Ok(scan) = ScanIndex::try_from(scan) else { continue };
                if unknown.contains(&scan) {
                    let sum = digests.entry(scan).or_insert(0_u128);
                    *sum = sum.wrapping_add(out.digest_of_record(record));
                }
            }
        }
        Ok(digests)
    }
}

/// Gives scans with equal coverage the same class.
fn classify(facts: &mut [ScanFacts]) {
    let mut classes = HashMap::new();
    for facts in facts {
        let next = classes.len();
        facts.class = *classes.entry(facts.coverage.clone()).or_insert(next);
    }
}
