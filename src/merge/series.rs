//! The looks at one host in the order of time, for what asks how things came to be (`history`).
//!
//! A host may have years of looks with thousands of ports each. A [`Series`] holds none of them: it knows when
//! each was, from the first bytes of its records, and makes it when it is [opened](Series::open). What a visitor
//! keeps of the looks it has seen is its own matter, and what it says goes as compact records ([`Intervals`]) to
//! a sorted run, as merged hosts do.

use super::{
    coverage::{Coverage, LookCoverage},
    found::{Found, entries},
    group::{self, Look, index},
    merged::{MergedRecord, Part, Shared, Sorted},
    policy::MergePolicy,
    runs::Run,
    store::{put_record, records, split_record},
    summary::{Summary, tell_apart},
    wire::{self, Out},
};
use crate::{
    error::Result,
    model::{HostInterval, PortInterval, Timestamp},
};

/// What the record of a host begins with.
#[derive(Debug)]
pub(super) struct HostHead {
    pub(super) index: i32,
    pub(super) complete: bool,
    pub(super) start_time: Option<Timestamp>,
    pub(super) end_time: Option<Timestamp>,
}

/// A look that is not opened: its time, its place in the order of the arguments, and its entries.
struct Closed<'s, 'b> {
    time: Option<Timestamp>,
    order: u64,
    entries: &'s [Found<'b>],
}

/// The looks at one host, in the order of time.
pub(crate) struct Series<'s, 'b> {
    shared: &'b Shared,
    looks: Vec<Closed<'s, 'b>>,
}

impl<'s, 'b> Series<'s, 'b> {
    /// The looks of these records, those of one scan next to each other.
    fn new(shared: &'b Shared, same: &'s [Found<'b>]) -> Self {
        let of_scans = same.chunk_by(|one, other| one.scan == other.scan);
        let mut looks: Vec<Closed<'s, 'b>> = of_scans
            .filter_map(|entries| {
                let first = entries.first()?;
                let head = |found: &Found<'b>| wire::read::<HostHead>(found.bytes());
                let end = entries.iter().filter_map(|found| head(found)?.end_time).max();
                let scan = shared.facts.get(index(first.scan))?;
                let time = end.or(scan.end).or(scan.start);
                Some(Closed { time, order: first.order, entries })
            })
            .collect();
        looks.sort_by_key(|look| (look.time, look.order));
        Self { shared, looks }
    }

    /// How many looks there are.
    pub(crate) fn len(&self) -> usize {
        self.looks.len()
    }

    /// The time of a look; `None` if it has none, or if there is no such look.
    pub(crate) fn time(&self, place: usize) -> Option<Timestamp> {
        self.looks.get(place)?.time
    }

    /// Makes a look.
    pub(crate) fn open(&self, place: usize) -> Option<Look<'b>> {
        let closed = self.looks.get(place)?;
        let look = group::look(entries(closed.entries), self.shared.rules())?;
        debug_assert_eq!(look.facts.moment(), (closed.time, closed.order), "the head says when");
        Some(look)
    }

    /// What a look covers.
    pub(crate) fn coverage(&self, look: &Look<'_>) -> LookCoverage<'b> {
        static NOTHING: Coverage = Coverage::nothing();
        let scan = self.shared.facts.get(index(look.facts.scan));
        let scan = scan.map_or(&NOTHING, |scan| &scan.coverage);
        LookCoverage::new(scan, look.covering_entries())
    }

    pub(crate) fn policy(&self) -> &'b MergePolicy {
        &self.shared.policy
    }

    /// What puts histories of hosts in order: the time of the first look, and the place of the host in its scan.
    fn order(&self) -> (u64, [u8; 4]) {
        let first = self.looks.first();
        let time = first.and_then(|look| look.time).map(Timestamp::seconds);
        let time = time.map_or(0, |time| time.cast_unsigned().saturating_add(1));
        let order = first.map_or(0, |look| look.order);
        let [_, _, _, _, in_scan @ ..] = order.to_be_bytes();
        (time, in_scan)
    }
}

/// Intervals as compact records, one after another.
#[derive(Debug, Default)]
pub(crate) struct Intervals(Vec<u8>);

impl Intervals {
    /// Takes others, after its own.
    pub(crate) fn append(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
    }
}

/// Makes records of intervals.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    out: Out,
    record: Vec<u8>,
}

impl Packer {
    pub(crate) fn host(&mut self, interval: &HostInterval<'_>, to: &mut Intervals) {
        self.record.clear();
        self.out.record(interval, &mut self.record);
        put_record(&self.record, &mut to.0);
    }

    pub(crate) fn port(&mut self, interval: &PortInterval<'_>, to: &mut Intervals) {
        self.record.clear();
        self.out.record(interval, &mut self.record);
        put_record(&self.record, &mut to.0);
    }
}

/// What was true of a host and its ports.
#[derive(Debug, Default)]
pub(crate) struct PackedHistory {
    /// Of the host, in order.
    pub(crate) host: Intervals,
    /// Of its ports, in order.
    pub(crate) ports: Intervals,
}

impl Part {
    /// Calls `of` with the looks at each host.
    ///
    /// # Errors
    /// If a temporary file cannot be read or written.
    pub(crate) fn histories(self, of: fn(&Series<'_, '_>) -> PackedHistory) -> Result<Sorted> {
        let Self { shared, store, .. } = self;
        let bytes = store.load(&shared.place)?;
        let (mut out, mut places) = (Vec::new(), Vec::new());
        let mut summary = Summary::default();
        let mut found = shared.found(&bytes, &[])?;
        let macs = shared.shared_macs(&found, Some(&mut summary));
        tell_apart(&mut found, &macs, None);
        for same in found.chunk_by(Found::is_same) {
            let Some(first) = same.first() else { continue };
            let series = Series::new(&shared, same);
            let history = of(&series);
            let (order, in_scan) = series.order();
            let start = out.len();
            // Of two hosts with one order the first is that whose record is less.
            out.extend_from_slice(&in_scan);
            put_record(first.key.as_bytes(), &mut out);
            put_record(&history.host.0, &mut out);
            out.extend_from_slice(&history.ports.0);
            places.push((order, start..out.len()));
        }
        drop(found);
        drop(bytes);
        let record = |place: &std::ops::Range<usize>| out.get(place.clone()).unwrap_or_default();
        places.sort_by(|(one, mine), (other, theirs)| {
            one.cmp(other).then_with(|| record(mine).cmp(record(theirs)))
        });
        let sorted = places.iter().map(|(order, place)| (*order, record(place)));
        let run = Run::new(sorted, shared.spilled, &shared.place)?;
        Ok(Sorted::new(run, summary))
    }
}

/// The record of a host's history.
pub(crate) struct HistoryParts<'r> {
    pub(crate) host_key: &'r str,
    host: &'r [u8],
    ports: &'r [u8],
}

impl<'r> HistoryParts<'r> {
    /// Of a record that [`Part::histories`] made.
    pub(crate) fn of(record: &'r MergedRecord) -> Option<Self> {
        let (_, rest) = record.bytes().split_first_chunk::<4>()?;
        let (key, rest) = split_record(rest)?;
        let (host, ports) = split_record(rest)?;
        Some(Self { host_key: std::str::from_utf8(key).ok()?, host, ports })
    }

    /// Of the host, in order.
    pub(crate) fn host(&self) -> impl Iterator<Item = HostInterval<'r>> + use<'r> {
        // What was written can be read.
        records(self.host).filter_map(wire::read)
    }

    /// Of its ports, in order.
    pub(crate) fn ports(&self) -> impl Iterator<Item = PortInterval<'r>> + use<'r> {
        records(self.ports).filter_map(wire::read)
    }
}
