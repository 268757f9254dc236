//! All scans have come: their hosts, merged part by part.

use std::{borrow::Cow, sync::Arc};

use super::{
    copies::MergedScan,
    explain::Explain,
    group::{self, Combined, Entry, Rules},
    look::ScanFacts,
    policy::MergePolicy,
    runs::{ChangeSorter, Ordered, Run},
    store::{Place, Store, put_record, records, split_record},
    summary::{Summary, tell_apart},
    wire::{self, Out, put_length, split_length},
};
use crate::{
    error::Result,
    model::{
        Host, MergedHost, Origins, RunEvent, ScanNumber, Timestamp, id_of_parts, merged_host_id,
    },
};

/// What merging needs to know of all scans.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) policy: MergePolicy,
    pub(super) facts: Vec<ScanFacts>,
    /// Numbers of the scans that are used, by the numbers under which their hosts came.
    pub(super) numbers: Vec<Option<ScanNumber>>,
    /// The first scan that is used.
    pub(super) caller: ScanNumber,
    /// What was seen last before this time is left out.
    pub(super) oldest: Option<Timestamp>,
    pub(super) ids: Vec<String>,
    pub(super) spilled: bool,
    /// Bytes that may be held in memory.
    pub(super) cap: usize,
    pub(super) place: Place,
}

/// All scans, ready to be merged.
#[derive(Debug)]
pub struct Merged {
    pub(super) shared: Arc<Shared>,
    pub(super) scans: Vec<MergedScan>,
    pub(super) stores: Vec<Store>,
    pub(super) events: Store,
}

impl Merged {
    /// The scans, in the order of the arguments: [`ScanNumber`]s count them.
    #[must_use]
    pub fn scans(&self) -> &[MergedScan] {
        &self.scans
    }

    /// Puts differences in order, in a quarter of the memory for hosts.
    pub(crate) fn change_sorter(&self) -> ChangeSorter {
        ChangeSorter::new(self.shared.place.clone(), self.shared.cap / 4)
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
        let of_used = |entry| {
            let (scan, rest) = split_length(entry)?;
            Some(((*self.shared.numbers.get(scan)?)?, rest))
        };
        let mut entries: Vec<(ScanNumber, &[u8])> = records(&bytes).filter_map(of_used).collect();
        // Those of a scan stay in their order.
        entries.sort_by_key(|(scan, _)| *scan);
        for (scan, rest) in entries {
            let Some((index, record)) = split_length(rest) else { continue };
            if let Some(event) = wire::read::<RunEvent>(record) {
                each(scan, i32::try_from(index).unwrap_or(i32::MAX), &event)?;
            }
        }
        Ok(())
    }
}

/// Hosts of some keys.
#[derive(Debug)]
pub struct Part {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Store,
}

/// How the key of a host begins that has neither address nor name.
const NAMELESS: &str = "idx:";

/// A record of a host, found again.
#[derive(Clone)]
pub(super) struct Found<'b> {
    pub(super) key: Cow<'b, str>,
    /// The scan's id, of a host that has neither address nor name: there it is like no other.
    only_in: Option<&'b str>,
    pub(super) order: u64,
    pub(super) scan: ScanNumber,
    pub(super) host: &'b [u8],
}

/// Merged hosts in the order in which they were first seen.
#[derive(Debug)]
pub struct Sorted {
    run: Run,
    summary: Summary,
}

impl Sorted {
    pub(super) fn new(run: Run, summary: Summary) -> Self {
        Self { run, summary }
    }
}

impl Part {
    /// Merges these hosts.
    ///
    /// # Errors
    /// If a temporary file cannot be read or written.
    pub fn merge(self) -> Result<Sorted> {
        let Self { shared, store } = self;
        let bytes = store.load(&shared.place)?;
        let (mut out, mut places) = (Vec::new(), Vec::new());
        let mut writer = Out::default();
        let mut summary = Summary::default();
        let mut found = shared.found(&bytes);
        let macs = shared.shared_macs(&found, Some(&mut summary));
        tell_apart(&mut found, &macs);
        for same in found.chunk_by(Found::is_same) {
            if let Some((order, merged)) = shared.merged(same, &mut summary) {
                let start = out.len();
                writer.record(&merged, &mut out);
                places.push((order, start, out.len()));
            }
        }
        drop(found);
        drop(bytes);
        places.sort_unstable();
        let sorted = places
            .iter()
            .map(|(order, start, end)| (*order, out.get(*start..*end).unwrap_or_default()));
        let run = Run::new(sorted, shared.spilled, &shared.place)?;
        Ok(Sorted { run, summary })
    }
}

impl Shared {
    /// Records of scans that are used, those of one host together, in order.
    pub(super) fn found<'b>(&'b self, bytes: &'b [u8]) -> Vec<Found<'b>> {
        let mut found: Vec<Found<'_>> =
            records(bytes).filter_map(|entry| self.find(entry)).collect();
        found.sort_unstable_by(|a, b| a.group().cmp(&b.group()).then(a.order.cmp(&b.order)));
        found
    }

    pub(super) fn rules(&self) -> Rules<'_> {
        Rules { policy: &self.policy, scans: &self.facts, caller: self.caller, oldest: self.oldest }
    }

    /// The looks of these records that count, the best first.
    pub(super) fn looks<'b>(&'b self, same: &[Found<'b>]) -> Vec<group::Look<'b>> {
        group::ranked_looks(entries(same), self.rules())
    }

    /// The host of these records, with the place of the first; `None` if it is left out.
    pub(super) fn merged<'b>(
        &self,
        same: &[Found<'b>],
        summary: &mut Summary,
    ) -> Option<(u64, MergedHost<'b>)> {
        let first = same.first()?;
        let mut explain = Explain::new(self.policy.explain);
        let merged = group::merge(entries(same), self.rules(), &mut explain)?;
        let Combined { host, origins, outdated } = merged;
        let seen = origins.seen.last.or(origins.seen.looked);
        if self.oldest.is_some_and(|oldest| seen.is_some_and(|seen| seen < oldest)) {
            return None;
        }
        summary.outdated = summary.outdated.saturating_add(outdated);
        let merged = MergedHost {
            host_key: first.key.clone(),
            host_id: first.host_id().into(),
            host,
            origins,
            conflicts: explain.into_conflicts(),
        };
        Some((first.order, merged))
    }

    /// What a record of a scan that is used says.
    fn find<'b>(&'b self, entry: &'b [u8]) -> Option<Found<'b>> {
        let (scan, rest) = split_length(entry)?;
        let (index, rest) = split_length(rest)?;
        let (key, host) = split_record(rest)?;
        let scan = (*self.numbers.get(scan)?)?;
        let order = u64::from(scan) << 32 | u64::try_from(index).ok()?;
        let key = std::str::from_utf8(key).ok()?;
        let id = self.ids.get(group::index(scan)).map(String::as_str);
        let only_in = id.filter(|_| key.starts_with(NAMELESS));
        Some(Found { key: key.into(), only_in, order, scan, host })
    }
}

pub(super) fn entries<'b>(same: &[Found<'b>]) -> Vec<Entry<'b>> {
    let entries = same.iter().filter_map(|found| {
        let host = wire::read::<Host<'_>>(found.host)?;
        Some(Entry { scan: found.scan, order: found.order, host })
    });
    entries.collect()
}

impl<'b> Found<'b> {
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.group() == other.group()
    }

    /// What hosts that are the same share.
    pub(super) fn group(&self) -> (&str, Option<&'b str>) {
        (&self.key, self.only_in)
    }

    /// The first IP address, with its zone.
    pub(super) fn ip(&self) -> Option<String> {
        let host = wire::read::<Host<'_>>(self.host)?;
        let ip = host.ip()?;
        Some(match &ip.zone {
            Some(zone) => format!("{}%{zone}", ip.text),
            None => ip.text.to_string(),
        })
    }

    /// Appends the record of a host that has a MAC address.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put_length(usize::try_from(self.scan).unwrap_or(usize::MAX), out);
        out.extend_from_slice(&self.order.to_le_bytes());
        put_record(self.key.as_bytes(), out);
        out.extend_from_slice(self.host);
    }

    /// Reads what [`Self::put`] appended to a text.
    pub(super) fn take(entry: &'b [u8]) -> Option<(&'b [u8], Self)> {
        let (text, rest) = split_record(entry)?;
        let (scan, rest) = split_length(rest)?;
        let (order, rest) = rest.split_first_chunk::<8>()?;
        let (key, host) = split_record(rest)?;
        let key = std::str::from_utf8(key).ok()?;
        let (scan, order) = (ScanNumber::try_from(scan).ok()?, u64::from_le_bytes(*order));
        Some((text, Self { key: key.into(), only_in: None, order, scan, host }))
    }

    fn host_id(&self) -> String {
        match self.only_in {
            None => merged_host_id(&self.key),
            Some(scan) => id_of_parts(&["scanmill.mhost.v1", &self.key, scan]),
        }
    }
}

/// Merged hosts, in the order in which they were first seen over all scans.
#[derive(Debug)]
pub struct Hosts {
    ordered: Ordered,
    count: i32,
    summary: Summary,
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
            origins: Origins::default(),
            conflicts: Vec::new(),
        });
        merged.host.index = self.index;
        merged
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.record
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
        let mut summary = Summary::default();
        let runs = parts.into_iter().map(|Sorted { run, summary: of_part }| {
            summary.add(of_part);
            run
        });
        let ordered = Ordered::of(runs.collect::<Vec<_>>())?;
        Ok(Self { ordered, count: 0, summary })
    }

    /// What is known of the merge beside its hosts.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The next host; `None` after the last.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    #[expect(clippy::should_implement_trait, reason = "it may fail")]
    pub fn next(&mut self) -> Result<Option<MergedRecord>> {
        let Some(record) = self.ordered.next()? else { return Ok(None) };
        let index = self.count;
        self.count = self.count.saturating_add(1);
        Ok(Some(MergedRecord { index, record }))
    }
}
