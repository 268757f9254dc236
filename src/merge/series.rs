//! Looks at one host in time order, for `history`.
//!
//! A host may have years of looks with thousands of ports each. A [`Series`] holds none of them: it reads the time of
//! each look from the first bytes of its records, and builds the look when it is [opened](Series::open). A visitor
//! decides which looks it holds at a time. It returns its findings as compact records ([`Intervals`]), which go to a
//! sorted run like merged hosts.

use super::{
    context::MergeContext,
    coverage::{Coverage, LookCoverage},
    host_look::{HostLook, index},
    host_merge,
    partition::{MergedPartition, Partition},
    policy::MergePolicy,
    record::HostRecord,
    result::MergedRecord,
    runs::Run,
    shared_macs::separate_by_address,
    store::{decode_own, put_record, records, split_record},
    summary::Summary,
};
use crate::{
    codec::{RecordWriter, codec_fields},
    error::Result,
    model::{HostInterval, PortInterval, Timestamp},
};

/// First fields of a host record, read without the rest.
#[derive(Debug)]
pub(super) struct HostHead {
    pub(super) index: i32,
    pub(super) complete: bool,
    pub(super) start_time: Option<Timestamp>,
    pub(super) end_time: Option<Timestamp>,
}

codec_fields! {
    HostHead { index, complete, start_time, end_time }
}

/// Look that has not been opened: its time, its position in the order of the arguments, and its entries.
struct UnopenedLook<'s, 'b> {
    time: Option<Timestamp>,
    order: u64,
    entries: &'s [HostRecord<'b>],
}

/// Looks at one host, in time order.
pub(crate) struct Series<'s, 'b> {
    context: &'b MergeContext,
    looks: Vec<UnopenedLook<'s, 'b>>,
}

impl<'s, 'b> Series<'s, 'b> {
    /// Creates the series of these records. Records of one scan are adjacent.
    fn new(context: &'b MergeContext, same: &'s [HostRecord<'b>]) -> Self {
        let of_scans = same.chunk_by(|one, other| one.scan == other.scan);
        let mut looks: Vec<UnopenedLook<'s, 'b>> = of_scans
            .filter_map(|entries| {
                let first = entries.first()?;
                let head = |found: &HostRecord<'b>| decode_own::<HostHead>(found.bytes());
                let end = entries.iter().filter_map(|found| head(found)?.end_time).max();
                let scan = context.facts.get(index(first.scan))?;
                let time = end.or(scan.end).or(scan.start);
                Some(UnopenedLook { time, order: first.order, entries })
            })
            .collect();
        looks.sort_by_key(|look| (look.time, look.order));
        Self { context, looks }
    }

    /// Returns the number of looks.
    pub(crate) fn len(&self) -> usize {
        self.looks.len()
    }

    /// Returns the time of a look; `None` if it has none or the index is out of range.
    pub(crate) fn time(&self, place: usize) -> Option<Timestamp> {
        self.looks.get(place)?.time
    }

    /// Builds a look; `None` if the index is out of range.
    ///
    /// # Errors
    /// Returns an error if a record cannot be decoded.
    pub(crate) fn open(&self, place: usize) -> Result<Option<HostLook<'b>>> {
        let Some(closed) = self.looks.get(place) else { return Ok(None) };
        let look = host_merge::look(self.context.entries(closed.entries)?, self.context.rules());
        debug_assert_eq!(
            look.as_ref().map(|look| look.facts.moment()),
            Some((closed.time, closed.order)),
            "the head holds the time of the look"
        );
        Ok(look)
    }

    /// Returns the coverage of a look.
    pub(crate) fn coverage(&self, look: &HostLook<'_>) -> LookCoverage<'b> {
        static NOTHING: Coverage = Coverage::nothing();
        let scan = self.context.facts.get(index(look.facts.scan));
        let scan = scan.map_or(&NOTHING, |scan| &scan.coverage);
        LookCoverage::new(scan, look.covering_entries())
    }

    pub(crate) fn policy(&self) -> &'b MergePolicy {
        &self.context.policy
    }

    /// Returns the sort key of the host's history: the time of its first look, and the position of the host in its
    /// scan.
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
    /// Appends the intervals of another list.
    pub(crate) fn append(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
    }
}

/// Writer of intervals as records.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    out: RecordWriter,
    record: Vec<u8>,
}

impl Packer {
    pub(crate) fn host(&mut self, interval: &HostInterval<'_>, to: &mut Intervals) {
        self.record.clear();
        self.out.write(interval, &mut self.record);
        put_record(&self.record, &mut to.0);
    }

    pub(crate) fn port(&mut self, interval: &PortInterval<'_>, to: &mut Intervals) {
        self.record.clear();
        self.out.write(interval, &mut self.record);
        put_record(&self.record, &mut to.0);
    }
}

/// History of a host and its ports.
#[derive(Debug, Default)]
pub(crate) struct PackedHistory {
    /// Intervals of the host, in order.
    pub(crate) host: Intervals,
    /// Intervals of its ports, in order.
    pub(crate) ports: Intervals,
}

impl Partition {
    /// Calls `of` with the looks at each host and collects the histories that it returns.
    ///
    /// # Errors
    /// Returns the first error of `of`, a usage error if the merge continues a saved state, or an error if a temporary
    /// file cannot be read or written.
    pub(crate) fn histories(
        self,
        of: fn(&Series<'_, '_>) -> Result<PackedHistory>,
    ) -> Result<MergedPartition> {
        let Self { context, store, .. } = self;
        context.require_looks("a history")?;
        let bytes = store.load(&context.folder)?;
        let (mut out, mut places) = (Vec::new(), Vec::new());
        let mut summary = Summary::default();
        let mut found = context.found(&bytes, &[])?;
        let macs = context.shared_macs(&found, Some(&mut summary));
        separate_by_address(&mut found, &macs, None);
        for same in found.chunk_by(HostRecord::is_same) {
            let Some(first) = same.first() else { continue };
            let series = Series::new(&context, same);
            let history = of(&series)?;
            let (order, in_scan) = series.order();
            let start = out.len();
            // Hosts with equal keys are ordered by the bytes of their records.
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
        let run = Run::new(sorted, context.spilled, &context.folder)?;
        Ok(MergedPartition::new(run, summary))
    }
}

/// Record of a host's history.
pub(crate) struct HistoryParts<'r> {
    pub(crate) host_key: &'r str,
    host: &'r [u8],
    ports: &'r [u8],
}

impl<'r> HistoryParts<'r> {
    /// Splits a record that [`Partition::histories`] wrote.
    pub(crate) fn of(record: &'r MergedRecord) -> Option<Self> {
        let (_, rest) = record.bytes().split_first_chunk::<4>()?;
        let (key, rest) = split_record(rest)?;
        let (host, ports) = split_record(rest)?;
        Some(Self { host_key: std::str::from_utf8(key).ok()?, host, ports })
    }

    /// Returns the intervals of the host, in order.
    pub(crate) fn host(&self) -> impl Iterator<Item = HostInterval<'r>> + use<'r> {
        records(self.host).filter_map(decode_own)
    }

    /// Returns the intervals of its ports, in order.
    pub(crate) fn ports(&self) -> impl Iterator<Item = PortInterval<'r>> + use<'r> {
        records(self.ports).filter_map(decode_own)
    }
}
