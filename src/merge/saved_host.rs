//! Looks of a saved state at one host: those that can still matter, and the sums of the others.
//!
//! A [`SavedHost`] replaces looks that are no longer available. The looks that it keeps go through the same
//! [`Group`](super::group::Group) as looks of new scans, so that each rule is written once. Counts, times and scan
//! lists of the others are in the sums of the saved host, and per port in [`SavedPort`].
//! [`retention`](super::retention) explains which looks may be dropped, and proves that no later scan changes the
//! result.
//!
//! Scans are identified by arrival numbers, which never change; numbers within a merge move when copies come.

use super::{
    facts::LookFacts,
    host_codec::has_true_literals,
    host_look::{HostLook, Mark, Rules, SavedRole},
};
use crate::{
    codec::codec_fields,
    model::{CowStr, ExtraPorts, Host, Protocol, ScanIndex, SeenRange, Timestamp},
};

/// Position of a look in time order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LookMoment {
    pub(super) time: Option<Timestamp>,
    /// Arrival number of the scan.
    pub(super) scan: ScanIndex,
    pub(super) index: u32,
}

/// Moment before which no new look may fall, because the data that would decide about it was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Floor {
    pub(super) moment: LookMoment,
    pub(super) last: Option<Timestamp>,
}

/// Port that a look of the saved host lists, with the times of all looks that saw or looked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SavedPort<'a> {
    pub(super) protocol: Protocol<'a>,
    pub(super) number: u16,
    pub(super) seen: SeenRange,
}

/// Look of the saved host that can still matter, with the parts of it that can.
#[derive(Debug, Clone)]
pub(super) struct SavedLook<'a> {
    pub(super) moment: LookMoment,
    pub(super) last: Option<Timestamp>,
    pub(super) bits: u8,
    pub(super) listed: i32,
    /// Unlisted port counts per entry, as in [`HostLook`].
    pub(super) entries: Option<Vec<Vec<ExtraPorts<'a>>>>,
    pub(super) marks: Vec<Mark<'a>>,
    pub(super) host: Host<'a>,
}

/// Everything known about a host from the scans of a saved state.
#[derive(Debug, Clone, Default)]
pub(super) struct SavedHost<'a> {
    /// First IP address, set if hosts are identified by MAC address.
    pub(super) ip: Option<CowStr<'a>>,
    /// Arrival numbers of the scans that contribute, as ascending inclusive ranges.
    pub(super) scans: Vec<(ScanIndex, ScanIndex)>,
    /// Earliest time of all looks, including those at other devices.
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    pub(super) looked: Option<Timestamp>,
    pub(super) count: i32,
    pub(super) complete: bool,
    pub(super) outdated: u64,
    /// MAC address of the device.
    pub(super) mac: Option<CowStr<'a>>,
    pub(super) begin: Option<LookMoment>,
    /// Latest look.
    pub(super) horizon: Option<LookMoment>,
    pub(super) floor: Option<Floor>,
    /// Ports in ascending order of protocol and number.
    pub(super) ports: Vec<SavedPort<'a>>,
    pub(super) looks: Vec<SavedLook<'a>>,
}

codec_fields! {
    LookMoment { time, scan, index }
    Floor { moment, last }
    SavedPort<'a> { protocol, number, seen }
    SavedLook<'a> { moment, last, bits, listed, entries, marks, host }
    SavedHost<'a> {
        ip, scans, first, last, looked, count, complete, outdated, mac, begin, horizon, floor, ports, looks,
    }
}

impl LookMoment {
    pub(super) fn of(facts: &LookFacts, rules: Rules<'_>) -> Self {
        let index = facts.order & u64::from(u32::MAX);
        Self {
            time: facts.time,
            scan: rules.arrival(facts.scan),
            index: u32::try_from(index).unwrap_or(u32::MAX),
        }
    }

    /// Returns the number of its scan in this merge; 0 if that scan is not used, which never happens in a saved host
    /// that is sound.
    fn scan(&self, rules: Rules<'_>) -> ScanIndex {
        let number = rules.number(self.scan);
        debug_assert!(number.is_some(), "`SavedHost::is_sound` checks the scans");
        number.unwrap_or(0)
    }

    fn order(&self, rules: Rules<'_>) -> u64 {
        u64::from(self.scan(rules)) << 32 | u64::from(self.index)
    }

    /// Returns the sort key by which looks are compared in time; see [`LookFacts::moment`].
    pub(super) fn key(&self, rules: Rules<'_>) -> (Option<Timestamp>, u64) {
        (self.time, self.order(rules))
    }
}

const TIMED_OUT: u8 = 1;
const UP: u8 = 2;
const EVIDENCE: u8 = 4;
const WHOLE: u8 = 8;
const PROBED: u8 = 16;
const RAN_SCRIPTS: u8 = 32;
const DETECTED_OS: u8 = 64;
const COVERS: u8 = 128;

/// Packs the facts that decide between looks into bits.
pub(super) fn bits_of(facts: &LookFacts, covers: bool) -> u8 {
    let all = [
        (facts.timed_out, TIMED_OUT),
        (facts.up, UP),
        (facts.evidence, EVIDENCE),
        (facts.whole, WHOLE),
        (facts.probed_services, PROBED),
        (facts.ran_scripts, RAN_SCRIPTS),
        (facts.detected_os, DETECTED_OS),
        (covers, COVERS),
    ];
    all.into_iter().filter(|(is, _)| *is).fold(0, |bits, (_, bit)| bits | bit)
}

impl<'a> SavedLook<'a> {
    /// Converts the look for a group in which its saved host has index `saved_host`.
    fn into_look(self, saved_host: usize, rules: Rules<'_>) -> HostLook<'a> {
        let is = |bit: u8| self.bits & bit != 0;
        let scan = self.moment.scan(rules);
        let (_, of_scan) = rules.scan(scan);
        let facts = LookFacts {
            scan,
            order: self.moment.order(rules),
            time: self.moment.time,
            // Included in the sums of the saved host.
            first: None,
            last: self.last,
            timed_out: is(TIMED_OUT),
            up: is(UP),
            evidence: is(EVIDENCE),
            whole: is(WHOLE),
            probed_services: is(PROBED),
            ran_scripts: is(RAN_SCRIPTS),
            detected_os: is(DETECTED_OS),
            requested: of_scan.requested,
            listed: self.listed,
        };
        let role = SavedRole { saved_host, covers: is(COVERS), marks: self.marks };
        HostLook::of_saved(facts, self.host, self.entries, role)
    }
}

impl<'a> SavedHost<'a> {
    /// Returns true if this can be the saved host of a host of these scans. The file may have been written by anyone.
    pub(super) fn is_sound(&self, rules: Rules<'_>) -> bool {
        let is_used = |scan: ScanIndex| rules.number(scan).is_some();
        let is_moment = |moment: &LookMoment| is_used(moment.scan);
        let mut before = None;
        let runs = self.scans.iter().all(|(first, last)| {
            let follows = before.is_none_or(|before| before < *first) && first <= last;
            before = Some(*last);
            follows && is_used(*first) && is_used(*last)
        });
        let in_order =
            self.ports.is_sorted_by(|a, b| (&a.protocol, a.number) < (&b.protocol, b.number));
        let floor = self.floor.as_ref().map(|floor| &floor.moment);
        let moments = [self.begin.as_ref(), self.horizon.as_ref(), floor];
        runs && in_order
            && !self.looks.is_empty()
            && moments.into_iter().flatten().all(is_moment)
            && self
                .looks
                .iter()
                .all(|look| is_moment(&look.moment) && has_true_literals(&look.host))
    }

    /// Takes its looks out, for a group in which the saved host has index `place`.
    pub(super) fn take_looks(
        &mut self,
        place: usize,
        rules: Rules<'_>,
    ) -> impl Iterator<Item = HostLook<'a>> {
        let looks = std::mem::take(&mut self.looks).into_iter();
        looks.map(move |look| look.into_look(place, rules))
    }

    /// Returns the scans that contribute, by their numbers in this merge.
    pub(super) fn scans(&self, rules: Rules<'_>) -> impl Iterator<Item = ScanIndex> {
        let runs = self.scans.iter().flat_map(|(first, last)| *first..=*last);
        runs.filter_map(move |scan| rules.number(scan))
    }

    /// Returns the times of a port that one of its looks lists.
    pub(super) fn port(&self, protocol: &Protocol<'_>, number: u16) -> Option<&SavedPort<'a>> {
        let found = self
            .ports
            .binary_search_by(|port| (&port.protocol, port.number).cmp(&(protocol, number)));
        found.ok().and_then(|place| self.ports.get(place))
    }
}

/// Groups numbers into ascending inclusive ranges.
pub(super) fn runs_of(mut numbers: Vec<ScanIndex>) -> Vec<(ScanIndex, ScanIndex)> {
    numbers.sort_unstable();
    let mut runs: Vec<(ScanIndex, ScanIndex)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if number <= last.saturating_add(1) => *last = number.max(*last),
            _ => runs.push((number, number)),
        }
    }
    runs
}
