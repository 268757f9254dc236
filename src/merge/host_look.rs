//! Looks: the observation of one host by one scan, and what deciding between looks needs to know about the scans.

use super::{
    coverage::UnlistedState,
    facts::{LookFacts, ScanFacts},
    policy::MergePolicy,
};
use crate::{
    codec::codec_fields,
    model::{CowStr, ExtraPorts, Host, PortProvenance, Protocol, ScanIndex, Timestamp},
};

/// Host element of a scan.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) scan: ScanIndex,
    /// Position in the order of the arguments.
    pub(super) order: u64,
    pub(super) host: Host<'a>,
}

/// Observation of one host by one scan: the entries of the host in that scan, folded into one.
#[derive(Debug)]
pub(crate) struct HostLook<'a> {
    pub(crate) facts: LookFacts,
    pub(crate) host: Host<'a>,
    /// Times at which its ports were seen, by port index, if it was folded from several entries.
    pub(super) ports: Vec<PortProvenance>,
    /// Unlisted port counts of each entry that covers any port, if it was folded from several entries.
    pub(super) entries: Option<Vec<Vec<ExtraPorts<'a>>>>,
    /// Role of a look that comes from a saved state.
    pub(super) role: Option<SavedRole<'a>>,
}

impl<'a> HostLook<'a> {
    /// Creates a look that comes from a saved state.
    pub(super) fn of_saved(
        facts: LookFacts,
        host: Host<'a>,
        entries: Option<Vec<Vec<ExtraPorts<'a>>>>,
        role: SavedRole<'a>,
    ) -> Self {
        Self { facts, host, ports: Vec::new(), entries, role: Some(role) }
    }

    /// Returns the `extra_ports` of each entry that covers any port.
    pub(crate) fn covering_entries(&self) -> Vec<&[ExtraPorts<'a>]> {
        match &self.entries {
            _ if !self.facts.whole => Vec::new(),
            Some(entries) => entries.iter().map(Vec::as_slice).collect(),
            None => vec![&self.host.extra_ports],
        }
    }

    /// Returns the first and the last time at which a port of the look was seen.
    pub(super) fn port_times(&self, index: i32) -> Times {
        let of_folded = usize::try_from(index).ok().and_then(|index| self.ports.get(index));
        of_folded
            .map_or((self.facts.first, self.facts.last), |port| (port.seen.first, port.seen.last))
    }
}

/// Policy and facts about the scans that decide how hosts merge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'r> {
    pub(super) policy: &'r MergePolicy,
    pub(super) scans: &'r [ScanFacts],
    /// Number of each used scan by its arrival number, and the reverse.
    pub(super) numbers: &'r [Option<ScanIndex>],
    pub(super) arrivals: &'r [ScanIndex],
    /// First scan, to which flags do not apply.
    pub(super) caller: ScanIndex,
    /// Hosts and ports last seen before this time are left out.
    pub(super) oldest: Option<Timestamp>,
}

impl<'r> Rules<'r> {
    pub(super) fn scan(&self, scan: ScanIndex) -> (ScanIndex, &'r ScanFacts) {
        static UNKNOWN: ScanFacts = ScanFacts::unknown();
        (scan, self.scans.get(index(scan)).unwrap_or(&UNKNOWN))
    }

    /// Returns the number of a used scan by its arrival number.
    pub(super) fn number(&self, arrival: ScanIndex) -> Option<ScanIndex> {
        self.numbers.get(index(arrival)).copied().flatten()
    }

    /// Returns the arrival number of a scan.
    pub(super) fn arrival(&self, scan: ScanIndex) -> ScanIndex {
        self.arrivals.get(index(scan)).copied().unwrap_or(ScanIndex::MAX)
    }
}

/// Role of a look that comes from a saved state.
#[derive(Debug)]
pub(super) struct SavedRole<'a> {
    /// Index of its saved host in the group.
    pub(super) saved_host: usize,
    /// True if its coverage decides about ports that the saved host does not know.
    pub(super) covers: bool,
    pub(super) marks: Vec<Mark<'a>>,
}

impl SavedRole<'_> {
    /// Returns the state that the look implies for a port that the saved host knows and the look does not list.
    pub(super) fn unlisted_state(&self, protocol: &Protocol<'_>, number: u16) -> UnlistedState<'_> {
        let of_port = |mark: &&Mark<'_>| mark.number == number && mark.protocol == *protocol;
        match self.marks.iter().find(of_port) {
            None => UnlistedState::NotCovered,
            Some(mark) => {
                mark.state.as_deref().map_or(UnlistedState::Unknown, UnlistedState::Known)
            }
        }
    }
}

/// Port that a kept look covers and does not list, with the state that the look implies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark<'a> {
    pub(super) protocol: Protocol<'a>,
    pub(super) number: u16,
    pub(super) state: Option<CowStr<'a>>,
}

codec_fields! {
    Mark<'a> { protocol, number, state }
}

/// First and last time.
pub(super) type Times = (Option<Timestamp>, Option<Timestamp>);

pub(super) fn index(scan: ScanIndex) -> usize {
    usize::try_from(scan).unwrap_or(usize::MAX)
}

pub(super) fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
