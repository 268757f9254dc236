//! All scans have come: their hosts, merged part by part.

use std::sync::Arc;

use super::{
    copies::MergedScan,
    coverage::{Coverage, HostCoverage},
    explain::Explain,
    group::{self, Rules, ScanFacts},
    policy::MergePolicy,
    runs::{ChangeSorter, Ordered, Run},
    store::{Place, Store, records, split_record},
    wire::{self, Out, split_length},
};
use crate::{
    error::Result,
    model::{
        Host, MergedHost, Origins, Protocol, RunEvent, ScanNumber, id_of_parts, merged_host_id,
    },
};

/// What merging needs to know of all scans.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) policy: MergePolicy,
    pub(super) facts: Vec<ScanFacts>,
    /// Of scans that are used their places in the order of the arguments.
    pub(super) places: Vec<Option<ScanNumber>>,
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

/// How the key of a host begins that has neither address nor name.
const NAMELESS: &str = "idx:";

/// A record of a host, found again.
struct Found<'b> {
    key: &'b str,
    /// The scan's id, of a host that has neither address nor name: there it is like no other.
    only_in: Option<&'b str>,
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
        let (mut out, mut places) = (Vec::new(), Vec::new());
        let mut writer = Out::default();
        for same in shared.groups(&bytes).chunk_by(Found::is_same) {
            if let Some((order, merged)) = shared.merged(same) {
                let start = out.len();
                writer.record(&merged, &mut out);
                places.push((order, start, out.len()));
            }
        }
        drop(bytes);
        places.sort_unstable();
        let sorted = places
            .iter()
            .map(|(order, start, end)| (*order, out.get(*start..*end).unwrap_or_default()));
        Run::new(sorted, shared.spilled, &shared.place).map(Sorted)
    }

    /// Merges these hosts and those of the same keys of another state, and gives each key with what both say
    /// of it, in any order.
    ///
    /// # Errors
    /// The first error of `each`; if a temporary file cannot be read.
    pub fn compare(self, newer: Self, each: &mut dyn FnMut(Pair<'_>) -> Result<()>) -> Result<()> {
        let (old_bytes, new_bytes) =
            (self.store.load(&self.shared.place)?, newer.store.load(&newer.shared.place)?);
        let (old, new) = (self.shared.groups(&old_bytes), newer.shared.groups(&new_bytes));
        let mut old = old.chunk_by(Found::is_same).peekable();
        let mut new = new.chunk_by(Found::is_same).peekable();
        loop {
            // Both are in this order.
            let (take_old, take_new) = match (group_of(old.peek()), group_of(new.peek())) {
                (None, None) => return Ok(()),
                (Some(_), None) => (true, false),
                (None, Some(_)) => (false, true),
                (Some(old), Some(new)) => (old <= new, new <= old),
            };
            let old_group = if take_old { old.next() } else { None };
            let new_group = if take_new { new.next() } else { None };
            each(Pair {
                old: old_group.and_then(|same| State::of(&self.shared, same)),
                new: new_group.and_then(|same| State::of(&newer.shared, same)),
                old_coverage: coverage(&self.shared),
                new_coverage: coverage(&newer.shared),
            })?;
        }
    }
}

/// What the first hosts that are left share.
fn group_of<'b>(next: Option<&&[Found<'b>]>) -> Option<(&'b str, Option<&'b str>)> {
    next.and_then(|same| same.first()).map(Found::group)
}

fn coverage(shared: &Shared) -> Vec<&Coverage> {
    let of_scans = shared.facts.iter().zip(&shared.places);
    of_scans.filter(|(_, place)| place.is_some()).map(|(facts, _)| &facts.coverage).collect()
}

/// What two states say of the host of one key.
#[derive(Debug)]
pub struct Pair<'b> {
    /// The older state.
    pub old: Option<State<'b>>,
    /// The newer state.
    pub new: Option<State<'b>>,
    old_coverage: Vec<&'b Coverage>,
    new_coverage: Vec<&'b Coverage>,
}

impl Pair<'_> {
    /// What the older state says of a port that it does not list.
    #[must_use]
    pub fn unlisted_in_old(&self, protocol: &Protocol<'_>, number: u16) -> Unlisted {
        unlisted(self.old.as_ref(), &self.old_coverage, (protocol, number))
    }

    /// What the newer state says of a port that it does not list.
    #[must_use]
    pub fn unlisted_in_new(&self, protocol: &Protocol<'_>, number: u16) -> Unlisted {
        unlisted(self.new.as_ref(), &self.new_coverage, (protocol, number))
    }
}

fn unlisted(
    state: Option<&State<'_>>,
    scans: &[&Coverage],
    (protocol, number): (&Protocol<'_>, u16),
) -> Unlisted {
    let Some(state) = state else {
        // Of a host that is not there it is told what its scans were to look at.
        let looked = scans.iter().any(|scan| scan.has(protocol, number));
        return if looked { Unlisted::Covered(None) } else { Unlisted::NotScanned };
    };
    let looked = state.looks.iter().find(|look| look.has(protocol, number));
    looked.map_or(Unlisted::NotScanned, |look| Unlisted::Covered(look.state(protocol, number)))
}

/// What a state says of a port that it does not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlisted {
    /// It was not looked at.
    NotScanned,
    /// It was looked at, and is in this state, if that is told.
    Covered(Option<String>),
}

/// What a state says of a host.
#[derive(Debug)]
pub struct State<'b> {
    /// The host, merged.
    pub merged: MergedHost<'b>,
    /// Place among all hosts of the state.
    pub order: u64,
    /// What its scans looked at, the latest first.
    looks: Vec<HostCoverage<'b>>,
}

impl<'b> State<'b> {
    fn of(shared: &'b Shared, same: &[Found<'b>]) -> Option<Self> {
        let (order, merged) = shared.merged(same)?;
        let mut hosts: Vec<(ScanNumber, Host<'b>)> = same
            .iter()
            .filter_map(|found| Some((found.scan, wire::read::<Host<'_>>(found.host)?)))
            .collect();
        hosts.sort_by_key(|(_, host)| std::cmp::Reverse(host.end_time));
        let looks = hosts.iter().filter_map(|(scan, host)| {
            let facts = shared.facts.get(usize::try_from(*scan).ok()?)?;
            Some(HostCoverage::of(host, &facts.coverage))
        });
        Some(Self { merged, order, looks: looks.collect() })
    }
}

impl Shared {
    /// Records of scans that are used, those of one host together, in order.
    fn groups<'b>(&'b self, bytes: &'b [u8]) -> Vec<Found<'b>> {
        let mut found: Vec<Found<'_>> =
            records(bytes).filter_map(|entry| self.find(entry)).collect();
        found.sort_unstable_by(|a, b| a.group().cmp(&b.group()).then(a.order.cmp(&b.order)));
        found
    }

    /// The host of these records, with the place of the first.
    fn merged<'b>(&self, same: &[Found<'b>]) -> Option<(u64, MergedHost<'b>)> {
        let first = same.first()?;
        let places = self.places.iter().enumerate();
        let first_scan = places.filter_map(|(scan, place)| Some(((*place)?, scan))).min();
        let caller = first_scan.map_or(0, |(_, scan)| scan);
        let rules = Rules {
            policy: &self.policy,
            scans: &self.facts,
            caller: ScanNumber::try_from(caller).unwrap_or_default(),
        };
        let parts = same.iter().filter_map(|found| {
            let host = wire::read::<Host<'_>>(found.host)?;
            Some(group::Part {
                scan: found.scan,
                order: found.order,
                host,
                first: None,
                ports: Vec::new(),
            })
        });
        let mut explain = Explain::new(self.policy.explain);
        let (host, origins) = group::merge(parts.collect(), rules, &mut explain)?;
        let merged = MergedHost {
            host_key: first.key.into(),
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
        let place = (*self.places.get(scan)?)?;
        let order = u64::from(place) << 32 | u64::try_from(index).ok()?;
        let key = std::str::from_utf8(key).ok()?;
        let id = self.ids.get(scan).map(String::as_str);
        let only_in = id.filter(|_| key.starts_with(NAMELESS));
        Some(Found { key, only_in, order, scan: ScanNumber::try_from(scan).ok()?, host })
    }
}

impl<'b> Found<'b> {
    fn is_same(&self, other: &Self) -> bool {
        self.group() == other.group()
    }

    /// What hosts that are the same share.
    fn group(&self) -> (&'b str, Option<&'b str>) {
        (self.key, self.only_in)
    }

    fn host_id(&self) -> String {
        match self.only_in {
            None => merged_host_id(self.key),
            Some(scan) => id_of_parts(&["scanmill.mhost.v1", self.key, scan]),
        }
    }
}

/// Merged hosts, in the order in which they were first seen over all scans.
#[derive(Debug)]
pub struct Hosts {
    ordered: Ordered,
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
            origins: Origins::default(),
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
        let ordered = Ordered::of(parts.into_iter().map(|Sorted(run)| run))?;
        Ok(Self { ordered, count: 0 })
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
