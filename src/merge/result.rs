//! Result of a merge: its scans, events and hosts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    context::MergeContext,
    copies::MergedScan,
    partition::{MergedPartition, Partition},
    runs::{ChangeSorter, MergedRuns},
    store::{Store, all_records, decode_own, records},
    summary::{SharedMac, Summary},
};
use crate::{
    codec::{self, split_length},
    error::Result,
    model::{Host, MergedHost, Provenance, ScanActivity, ScanIndex},
};

/// All scans of a merge, ready to be merged.
#[derive(Debug)]
pub struct Merged {
    pub(super) context: Arc<MergeContext>,
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
        ChangeSorter::new(self.context.folder.clone(), self.context.cap / 4)
    }

    /// Takes the hosts to merge out, as partitions that several threads may merge at once.
    pub fn take_partitions(&mut self) -> Vec<Partition> {
        let stores = std::mem::take(&mut self.stores).into_iter();
        stores
            .map(|(store, saved)| Partition { context: Arc::clone(&self.context), store, saved })
            .collect()
    }

    /// Merges all hosts on this thread and returns them in the order in which they were first seen.
    ///
    /// # Errors
    /// Returns an error if the saved state is damaged, or if a temporary file cannot be read or written.
    pub fn hosts(mut self) -> Result<Hosts> {
        let parts = self.take_partitions();
        Hosts::of(parts.into_iter().map(Partition::merge).collect::<Result<_>>()?)
    }

    /// Calls `each` for every event of the scans that are used, with the number of its scan and its index in that
    /// scan.
    ///
    /// # Errors
    /// Returns the first error of `each`, or an error if the saved state is damaged or a temporary file cannot be read.
    pub fn events(
        &mut self,
        each: &mut dyn FnMut(ScanIndex, i32, &ScanActivity) -> Result<()>,
    ) -> Result<()> {
        let context = &*self.context;
        let own = std::mem::take(&mut self.events).load(&context.folder)?;
        let saved = self.saved_events()?;
        let saved = all_records(&saved).ok_or_else(|| context.damaged("its events are cut off"))?;
        let mut events = Vec::new();
        for entry in saved {
            // A state holds only events of scans that are used.
            let event = StoredEvent::read(context, entry, true);
            events.push(event.ok_or_else(|| context.damaged("an event has no scan"))?);
        }
        events.extend(records(&own).filter_map(|entry| StoredEvent::read(context, entry, false)));
        // The sort is stable: events of one scan keep their order.
        events.sort_by_key(|event| event.scan);
        for StoredEvent { scan, index, record, is_saved } in events {
            let event = codec::decode::<ScanActivity>(record);
            let event = event.ok_or_else(|| context.unreadable(is_saved, "an event"))?;
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
    fn read(context: &MergeContext, entry: &'b [u8], is_saved: bool) -> Option<Self> {
        let (scan, rest) = split_length(entry)?;
        let (index, record) = split_length(rest)?;
        let scan = (*context.numbers.get(scan)?)?;
        Some(Self { scan, index: i32::try_from(index).ok()?, record, is_saved })
    }
}

/// Data about the merged hosts that a saved state keeps.
#[derive(Debug)]
pub struct StateHosts {
    /// Records of hosts by partition.
    pub(super) hosts: Vec<Store>,
    /// Keys of MAC addresses that one scan shows at several IP addresses, and the scans that do so.
    pub(super) macs: BTreeSet<String>,
    pub(super) shared_macs: BTreeMap<ScanIndex, SharedMac>,
}

/// Merged hosts in the order in which they were first seen over all scans.
#[derive(Debug)]
pub struct Hosts {
    ordered: MergedRuns,
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
        let mut merged: MergedHost<'_> = decode_own(&self.record).unwrap_or_else(|| MergedHost {
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
    pub(crate) fn size(&self) -> usize {
        self.record.len()
    }
}

impl Hosts {
    /// Combines the hosts of all partitions.
    ///
    /// # Errors
    /// Returns an error if a temporary file cannot be read.
    pub fn of(parts: Vec<MergedPartition>) -> Result<Self> {
        let (mut summary, mut kept, mut macs) = (Summary::default(), Vec::new(), BTreeSet::new());
        let runs = parts.into_iter().map(|part| {
            summary.add(part.summary);
            kept.push(part.kept);
            macs.extend(part.macs);
            part.run
        });
        let ordered = MergedRuns::of(runs.collect::<Vec<_>>())?;
        Ok(Self { ordered, count: 0, summary, kept, macs })
    }

    /// Takes out the data about hosts that [`Merged::save`] needs.
    pub fn take_state_hosts(&mut self) -> StateHosts {
        let (hosts, macs) = (std::mem::take(&mut self.kept), std::mem::take(&mut self.macs));
        StateHosts { hosts, macs, shared_macs: self.summary.shared_macs.clone() }
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
