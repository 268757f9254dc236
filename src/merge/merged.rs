//! All scans of a merge after they have been collected, and the merging of their hosts part by part.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    copies::MergedScan,
    devices::OutOfOrder,
    explain::Explain,
    found::{Found, Record},
    group::{self, Combined, Rules},
    keep::Keeper,
    look::ScanFacts,
    past::Past,
    policy::MergePolicy,
    runs::{ChangeSorter, Ordered, Run},
    state::Saved,
    store::{Place, Store, all_records, records},
    summary::{SharedMac, Summary, tell_apart},
};
use crate::{
    codec::{self, RecordWriter, split_length},
    error::{Error, Result},
    model::{Host, MergedHost, Provenance, ScanActivity, ScanIndex, Timestamp},
};

/// Data about all scans that merging a host needs. Read-only, and shared by all parts.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) policy: MergePolicy,
    pub(super) facts: Vec<ScanFacts>,
    /// Number of each used scan, by its arrival number.
    pub(super) numbers: Vec<Option<ScanIndex>>,
    /// First scan that is used.
    pub(super) caller: ScanIndex,
    /// Hosts and ports last seen before this time are left out.
    pub(super) oldest: Option<Timestamp>,
    pub(super) ids: Vec<String>,
    pub(super) spilled: bool,
    /// Maximum size of records held in memory, in bytes.
    pub(super) cap: usize,
    pub(super) place: Place,
    /// Arrival number of each scan, by its number.
    pub(super) arrivals: Vec<ScanIndex>,
    /// True if a state is saved after the merge.
    pub(super) keeps: bool,
    pub(super) saved: Option<Box<Saved>>,
    /// Scans as they came, before copies were decided; empty unless a state is saved.
    pub(super) originals: Vec<MergedScan>,
}

/// All scans of a merge, ready to be merged.
#[derive(Debug)]
pub struct Merged {
    pub(super) shared: Arc<Shared>,
    pub(super) scans: Vec<MergedScan>,
    /// Hosts by partition: those of scans read by this run, and those of the saved state.
    pub(super) stores: Vec<(Store, Store)>,
    pub(super) events: Store,
}

impl Merged {
    /// Returns the scans in the order of the arguments. A [`ScanIndex`] is an index into this list.
    #[must_use]
    pub fn scans(&self) -> &[MergedScan] {
        &self.scans
    }

    /// Returns a sorter for differences. It uses a quarter of the memory for hosts.
    pub(crate) fn change_sorter(&self) -> ChangeSorter {
        ChangeSorter::new(self.shared.place.clone(), self.shared.cap / 4)
    }

    /// Takes the hosts to merge out, as parts that several threads may merge at once.
    pub fn take_parts(&mut self) -> Vec<Part> {
        let stores = std::mem::take(&mut self.stores).into_iter();
        stores
            .map(|(store, saved)| Part { shared: Arc::clone(&self.shared), store, saved })
            .collect()
    }

    /// Merges all hosts on this thread and returns them in the order in which they were first seen.
    ///
    /// # Errors
    /// Returns an error if a temporary file cannot be read or written.
    pub fn hosts(mut self) -> Result<Hosts> {
        let parts = self.take_parts();
        Hosts::of(parts.into_iter().map(Part::merge).collect::<Result<_>>()?)
    }

    /// Calls `each` for every event of the scans that are used, with the number of its scan and its index in that
    /// scan.
    ///
    /// # Errors
    /// Returns the first error of `each`, or an error if a temporary file cannot be read.
    pub fn events(
        &mut self,
        each: &mut dyn FnMut(ScanIndex, i32, &ScanActivity) -> Result<()>,
    ) -> Result<()> {
        let shared = &*self.shared;
        let own = std::mem::take(&mut self.events).load(&shared.place)?;
        let saved = self.saved_events()?;
        let saved = all_records(&saved).ok_or_else(|| shared.damaged("its events are cut off"))?;
        let mut events = Vec::new();
        for entry in saved {
            // A state holds only events of scans that are used.
            let event = StoredEvent::read(shared, entry, true);
            events.push(event.ok_or_else(|| shared.damaged("an event has no scan"))?);
        }
        events.extend(records(&own).filter_map(|entry| StoredEvent::read(shared, entry, false)));
        // The sort is stable: events of one scan keep their order.
        events.sort_by_key(|event| event.scan);
        for StoredEvent { scan, index, record, is_saved } in events {
            let event = codec::decode::<ScanActivity>(record);
            let event = event.ok_or_else(|| shared.unreadable(is_saved, "an event"))?;
            each(scan, index, &event)?;
        }
        Ok(())
    }
}

/// Event of a scan that is used, as a record.
struct StoredEvent<'b> {
    scan: ScanIndex,
    /// Position in the scan.
    index: i32,
    record: &'b [u8],
    is_saved: bool,
}

impl<'b> StoredEvent<'b> {
    /// Reads the head of a record; `None` if its scan is not used, or if it is damaged.
    fn read(shared: &Shared, entry: &'b [u8], is_saved: bool) -> Option<Self> {
        let (scan, rest) = split_length(entry)?;
        let (index, record) = split_length(rest)?;
        let scan = (*shared.numbers.get(scan)?)?;
        Some(Self { scan, index: i32::try_from(index).ok()?, record, is_saved })
    }
}

/// Hosts of one partition, which can be merged independently of other parts.
#[derive(Debug)]
pub struct Part {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Store,
    pub(super) saved: Store,
}

/// Merged hosts of one part, in the order in which they were first seen.
#[derive(Debug)]
pub struct Sorted {
    run: Run,
    summary: Summary,
    kept: Store,
    macs: BTreeSet<String>,
}

impl Sorted {
    pub(super) fn new(run: Run, summary: Summary) -> Self {
        Self { run, summary, kept: Store::default(), macs: BTreeSet::new() }
    }
}

impl Part {
    /// Merges the hosts of this part.
    ///
    /// # Errors
    /// Returns an error if a temporary file cannot be read or written.
    pub fn merge(self) -> Result<Sorted> {
        let Self { shared, store, saved } = self;
        let (bytes, saved) = (store.load(&shared.place)?, saved.load(&shared.place)?);
        let (mut out, mut places) = (Vec::new(), Vec::new());
        let mut writer = RecordWriter::default();
        let mut summary = Summary::default();
        let mut kept = Store::default();
        let mut found = shared.found(&bytes, &saved)?;
        let macs = shared.shared_macs(&found, Some(&mut summary));
        let known = shared.saved.as_ref().map(|saved| &saved.macs);
        tell_apart(&mut found, &macs, known);
        for same in found.chunk_by(Found::is_same) {
            let keeping = shared.keeping(same);
            let mut keeper = keeping.keeper();
            if let Some((order, merged)) = shared.merged_with(same, &mut summary, &mut keeper)? {
                let start = out.len();
                writer.write(&merged, &mut out);
                places.push((order, start, out.len()));
            }
            shared.keep(same, (keeping, keeper), kept.buffer())?;
        }
        drop(found);
        drop((bytes, saved));
        if shared.spilled {
            kept.spill(&shared.place)?;
        }
        places.sort_unstable();
        let sorted = places
            .iter()
            .map(|(order, start, end)| (*order, out.get(*start..*end).unwrap_or_default()));
        let run = Run::new(sorted, shared.spilled, &shared.place)?;
        Ok(Sorted { run, summary, kept, macs })
    }
}

impl Shared {
    /// Returns the error for a saved state with invalid content.
    pub(super) fn damaged(&self, how: &str) -> Error {
        self.saved.as_ref().map_or_else(|| Error::internal(how), |saved| saved.damaged(how))
    }

    /// Refuses a merge that continues a saved state, which does not hold all looks.
    pub(super) fn require_looks(&self, by: &str) -> Result<()> {
        match &self.saved {
            None => Ok(()),
            Some(saved) => Err(saved.incomplete(by)),
        }
    }

    /// Returns the error for a record that cannot be decoded. One that this process wrote always can.
    pub(super) fn unreadable(&self, is_saved: bool, what: &str) -> Error {
        let how = format!("{what} cannot be read");
        if is_saved { self.damaged(&how) } else { Error::internal(how) }
    }

    pub(super) fn rules(&self) -> Rules<'_> {
        Rules {
            policy: &self.policy,
            scans: &self.facts,
            numbers: &self.numbers,
            arrivals: &self.arrivals,
            caller: self.caller,
            oldest: self.oldest,
        }
    }

    /// Returns the looks of these records that count, best first.
    ///
    /// # Errors
    /// Returns an error if a record cannot be decoded.
    pub(super) fn looks<'b>(&'b self, same: &[Found<'b>]) -> Result<Vec<group::Look<'b>>> {
        Ok(group::ranked_looks(self.entries(same)?, self.rules()))
    }

    /// Merges the records of one host. Returns the host with the order of its first record, or `None` if the host is
    /// left out.
    ///
    /// # Errors
    /// Returns an error if a record cannot be decoded.
    pub(super) fn merged<'b>(
        &self,
        same: &[Found<'b>],
        summary: &mut Summary,
    ) -> Result<Option<(u64, MergedHost<'b>)>> {
        self.merged_with(same, summary, &mut Keeper::off())
    }

    /// Merges the records of one host. Returns the host with the order of its first record, or `None` if the host is
    /// left out.
    ///
    /// # Errors
    /// Returns an error if the saved state holds too little to place a look, or is damaged.
    pub(super) fn merged_with<'b>(
        &self,
        same: &[Found<'b>],
        summary: &mut Summary,
        keeper: &mut Keeper<'b>,
    ) -> Result<Option<(u64, MergedHost<'b>)>> {
        let Some(first) = same.first() else { return Ok(None) };
        let mut explain = Explain::new(self.policy.explain);
        let pasts = self.pasts(same)?;
        let entries = self.entries(same)?;
        let merged = group::merge(entries, pasts, self.rules(), (&mut explain, keeper));
        let merged = merged.map_err(|OutOfOrder| self.out_of_order(&first.key))?;
        let Some(Combined { host, provenance, outdated }) = merged else { return Ok(None) };
        let seen = provenance.seen.last.or(provenance.seen.looked);
        if self.oldest.is_some_and(|oldest| seen.is_some_and(|seen| seen < oldest)) {
            return Ok(None);
        }
        summary.outdated = summary.outdated.saturating_add(outdated);
        let merged = MergedHost {
            host_key: first.key.clone(),
            host_id: first.host_id().into(),
            host,
            provenance,
            conflicts: explain.into_conflicts(),
        };
        Ok(Some((first.order, merged)))
    }

    /// Returns the pasts that a saved state has of a host.
    fn pasts<'b>(&self, same: &[Found<'b>]) -> Result<Vec<Past<'b>>> {
        let mut pasts = Vec::new();
        for found in same {
            if let Record::Past(record) = found.record {
                let past =
                    codec::decode::<Past<'_>>(record).filter(|past| past.is_sound(self.rules()));
                pasts.push(past.ok_or_else(|| self.unreadable(true, "a host"))?);
            }
        }
        Ok(pasts)
    }
}

/// Data about the merged hosts that a saved state keeps.
#[derive(Debug)]
pub struct Kept {
    /// Records of hosts by partition.
    pub(super) hosts: Vec<Store>,
    /// Keys of MAC addresses that one scan shows at several IP addresses, and the scans that do so.
    pub(super) macs: BTreeSet<String>,
    pub(super) shared_macs: BTreeMap<ScanIndex, SharedMac>,
}

/// Merged hosts in the order in which they were first seen over all scans.
#[derive(Debug)]
pub struct Hosts {
    ordered: Ordered,
    count: i32,
    summary: Summary,
    /// Records to save by partition, and MAC addresses that several hosts share.
    kept: Vec<Store>,
    macs: BTreeSet<String>,
}

/// Merged host as a compact record.
#[derive(Debug)]
pub struct MergedRecord {
    index: i32,
    record: Vec<u8>,
}

impl MergedRecord {
    /// Returns the host. Its index is its position in the result.
    #[must_use]
    pub fn host(&self) -> MergedHost<'_> {
        // A record that this process wrote can always be read.
        let mut merged =
            codec::decode::<MergedHost<'_>>(&self.record).unwrap_or_else(|| MergedHost {
                host_key: "".into(),
                host_id: "".into(),
                host: Host::new(0),
                provenance: Provenance::default(),
                conflicts: Vec::new(),
            });
        merged.host.index = self.index;
        merged
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.record
    }

    /// Returns the size of the record in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.record.len()
    }
}

impl Hosts {
    /// Combines the hosts of all parts.
    ///
    /// # Errors
    /// Returns an error if a temporary file cannot be read.
    pub fn of(parts: Vec<Sorted>) -> Result<Self> {
        let (mut summary, mut kept, mut macs) = (Summary::default(), Vec::new(), BTreeSet::new());
        let runs = parts.into_iter().map(|part| {
            summary.add(part.summary);
            kept.push(part.kept);
            macs.extend(part.macs);
            part.run
        });
        let ordered = Ordered::of(runs.collect::<Vec<_>>())?;
        Ok(Self { ordered, count: 0, summary, kept, macs })
    }

    /// Takes out the data about hosts that [`Merged::save`] needs.
    pub fn take_kept(&mut self) -> Kept {
        let (hosts, macs) = (std::mem::take(&mut self.kept), std::mem::take(&mut self.macs));
        Kept { hosts, macs, shared_macs: self.summary.shared_macs.clone() }
    }

    /// Returns counts and warnings of the merge.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Returns the next host; `None` after the last.
    ///
    /// # Errors
    /// Returns an error if a temporary file cannot be read.
    #[expect(clippy::should_implement_trait, reason = "it may fail")]
    pub fn next(&mut self) -> Result<Option<MergedRecord>> {
        let Some(record) = self.ordered.next()? else { return Ok(None) };
        let index = self.count;
        self.count = self.count.saturating_add(1);
        Ok(Some(MergedRecord { index, record }))
    }
}
