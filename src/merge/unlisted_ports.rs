//! Ports that a state does not list singly, for a comparison: the state of one port, ranges named in lists, and
//! counts.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use super::{
    coverage::{Coverage, Ranges, UnlistedState},
    host_look::index,
    pair::{CoveringLook, HostPair, HostSide},
};
use crate::model::{ExtraPorts, PortState, Protocol, ScanIndex, Timestamp};

/// Port that a look covers and does not list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CoveredPort<'s> {
    /// State of the port, if the look implies one.
    pub(crate) state: Option<&'s str>,
    /// True if unlisted ports are in several states and nothing assigns ports to states.
    pub(crate) is_ambiguous: bool,
    /// Scan of the look, if it is known.
    pub(crate) scan: Option<ScanIndex>,
    /// Time of the look.
    pub(crate) time: Option<Timestamp>,
}

/// Range of ports whose state a list names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListedRange<'s> {
    pub(crate) first: u16,
    pub(crate) last: u16,
    /// State of the ports; `None` if they are covered and their state is not known.
    pub(crate) state: Option<&'s str>,
    pub(crate) scan: ScanIndex,
    pub(crate) time: Option<Timestamp>,
}

impl ListedRange<'_> {
    /// Returns true if the range and the state are equal; scan and time are not compared.
    fn is_same(&self, other: &Self) -> bool {
        (self.first, self.last, self.state) == (other.first, other.last, other.state)
    }
}

/// Ranges of one protocol that the lists of all looks name, best look first. The first range that holds a port
/// counts.
#[derive(Debug, Default)]
pub(crate) struct Claims<'s>(Vec<ListedRange<'s>>);

impl<'s> Claims<'s> {
    /// Returns true if two states name the same ranges and states.
    pub(crate) fn are_same(&self, other: &Claims<'_>) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(mine, theirs)| mine.is_same(theirs))
    }

    /// Returns the resulting ranges whose state is known, in ascending order and without overlaps.
    pub(crate) fn standing(&self) -> Vec<ListedRange<'s>> {
        let mut by_first: Vec<(usize, &ListedRange<'s>)> = self.0.iter().enumerate().collect();
        by_first.sort_by_key(|(_, claim)| claim.first);
        let mut next = by_first.into_iter().peekable();
        // Ranges that contain `at`, and some that have ended before it.
        let mut active: BinaryHeap<Reverse<(usize, u16)>> = BinaryHeap::new();
        let mut standing = Vec::new();
        let mut at = 0_u32;
        loop {
            while let Some((rank, claim)) = next.next_if(|(_, claim)| u32::from(claim.first) <= at)
            {
                active.push(Reverse((rank, claim.last)));
            }
            while active.peek().is_some_and(|Reverse((_, last))| u32::from(*last) < at) {
                active.pop();
            }
            let begins = next.peek().map(|(_, claim)| u32::from(claim.first));
            let Some(Reverse((rank, last))) = active.peek() else {
                match begins {
                    Some(begins) => at = begins,
                    None => return standing,
                }
                continue;
            };
            let end = u32::from(*last).saturating_add(1);
            let end = begins.map_or(end, |begins| begins.min(end));
            let claim = self.0.get(*rank).filter(|claim| claim.state.is_some());
            if let (Some(claim), Ok(first), Ok(last)) =
                (claim, u16::try_from(at), u16::try_from(end.saturating_sub(1)))
            {
                standing.push(ListedRange { first, last, ..*claim });
            }
            at = end;
        }
    }
}

/// Number of ports of a protocol that a look counts per state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) by_state: BTreeMap<String, i64>,
    /// True if lists name all of them.
    pub(crate) are_listed: bool,
    /// True if each element has a count.
    pub(crate) are_known: bool,
}

impl HostPair<'_> {
    /// Returns the state that the older side implies for a port it does not list; `None` if it does not cover the
    /// port.
    pub(crate) fn unlisted_in_old(
        &self,
        protocol: &Protocol<'_>,
        number: u16,
    ) -> Option<CoveredPort<'_>> {
        self.old.as_ref()?.unlisted(protocol, number)
    }

    /// Returns the state that the newer side implies for a port it does not list; `None` if it does not cover the
    /// port. If the newer side does not list the host, the ports its scans were asked to scan count as covered.
    pub(crate) fn unlisted_in_new(
        &self,
        protocol: &Protocol<'_>,
        number: u16,
    ) -> Option<CoveredPort<'_>> {
        if let Some(state) = &self.new {
            return state.unlisted(protocol, number);
        }
        let context = self.both.1;
        let mut used = context.numbers.iter().flatten();
        let covers = |scan: &ScanIndex| {
            context.facts.get(index(*scan)).is_some_and(|scan| scan.coverage.has(protocol, number))
        };
        used.any(covers).then(CoveredPort::default)
    }
}

impl HostSide<'_> {
    /// Returns the state that the best covering look implies for a port it does not list.
    pub(crate) fn unlisted(&self, protocol: &Protocol<'_>, number: u16) -> Option<CoveredPort<'_>> {
        self.looks.iter().find_map(|look| look.unlisted(protocol, number))
    }

    /// Returns true if a scan of the host records the ports that it scanned.
    pub(crate) fn lists_scanned_ports(&self) -> bool {
        let lists =
            |look: &CoveringLook<'_>| look.coverage.entries.iter().any(|e| !e.lists.is_empty());
        self.looks.iter().any(|look| !look.coverage.scan.is_empty() || lists(look))
    }

    /// Returns true if a look lists ports.
    pub(crate) fn lists_ports(&self) -> bool {
        self.looks.iter().any(|look| !look.look.host.ports.is_empty())
    }

    /// Returns true if both sides have exactly one look and these imply the same for ports that are not listed, as
    /// most do.
    pub(crate) fn counts_as(&self, other: &Self) -> bool {
        match (&*self.looks, &*other.looks) {
            ([mine], [theirs]) => {
                mine.look.covering_entries() == theirs.look.covering_entries()
                    && mine.coverage.scan == theirs.coverage.scan
            }
            _ => false,
        }
    }

    /// Returns the ranges that the lists of the looks name, by protocol.
    pub(crate) fn claims(&self) -> BTreeMap<&str, Claims<'_>> {
        let entries = self.looks.iter().flat_map(|look| &look.coverage.entries);
        let lists = entries.flat_map(|entry| &entry.lists);
        let mut claims: BTreeMap<&str, Claims<'_>> =
            lists.map(|list| (list.protocol.as_str(), Claims::default())).collect();
        for look in &self.looks {
            look.claim(&mut claims);
        }
        claims
    }

    /// Returns the counts of the look that supplies the host's state, by protocol. The protocol is `None` if it is
    /// not given and the scan covered several.
    pub(crate) fn counts(&self) -> BTreeMap<Option<String>, Counts> {
        let mut counts = BTreeMap::new();
        let Some(look) = self.looks.first().filter(|look| look.look.facts.whole) else {
            return counts;
        };
        for extra in &look.look.host.extra_ports {
            put_counts(extra, look.coverage.scan, &mut counts);
        }
        counts
    }
}

impl CoveringLook<'_> {
    /// Returns the state that the look implies for a port it covers and does not list.
    pub(crate) fn unlisted(&self, protocol: &Protocol<'_>, number: u16) -> Option<CoveredPort<'_>> {
        let found = self.coverage.unlisted_state(protocol, number);
        let facts = &self.look.facts;
        found.is_covered().then(|| CoveredPort {
            state: found.known(),
            is_ambiguous: found == UnlistedState::Unknown
                && self.coverage.is_ambiguous(protocol, number),
            scan: Some(facts.scan),
            time: facts.last,
        })
    }

    /// Adds the ranges that the lists of this look name. The state of all other ports it covers is unknown, and later
    /// looks do not change that.
    fn claim<'s>(&'s self, claims: &mut BTreeMap<&'s str, Claims<'s>>) {
        let entries = &self.coverage.entries;
        let mut own: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in entries {
            for list in &entry.lists {
                if let Some(claims) = claims.get_mut(list.protocol.as_str()) {
                    self.put(&list.ranges, list.state.as_deref(), claims);
                }
            }
            let protocols: BTreeSet<&str> =
                entry.lists.iter().map(|list| list.protocol.as_str()).collect();
            for protocol in protocols {
                let with_lists = own.entry(protocol).or_default();
                *with_lists = with_lists.saturating_add(1);
            }
        }
        for (protocol, claims) in claims {
            // An entry without a list of the protocol covers the ports that the scan was asked to scan.
            let with_lists = own.get(protocol).copied().unwrap_or_default();
            if self.coverage.all_listed || with_lists < entries.len() {
                for ranges in self.coverage.scan.of_protocol(protocol) {
                    self.put(ranges, None, claims);
                }
            }
        }
    }

    fn put<'s>(&self, ranges: &Ranges, state: Option<&'s str>, claims: &mut Claims<'s>) {
        let facts = &self.look.facts;
        claims.0.extend(ranges.iter().map(|range| ListedRange {
            first: *range.start(),
            last: *range.end(),
            state,
            scan: facts.scan,
            time: facts.last,
        }));
    }
}

/// Adds the counts of an element.
fn put_counts(
    extra: &ExtraPorts<'_>,
    scan: &Coverage,
    counts: &mut BTreeMap<Option<String>, Counts>,
) {
    let Some(state) = extra.state.as_ref().map(PortState::as_str) else { return };
    let mut put = |protocol: Option<String>, count: Option<i64>, is_listed: bool| {
        let protocol = protocol.or_else(|| scan.only_protocol().map(str::to_owned));
        let of_protocol = counts.entry(protocol).or_insert_with(|| Counts {
            by_state: BTreeMap::new(),
            are_listed: true,
            are_known: true,
        });
        of_protocol.are_listed &= is_listed;
        of_protocol.are_known &= count.is_some();
        let sum = of_protocol.by_state.entry(state.to_owned()).or_default();
        *sum = sum.saturating_add(count.unwrap_or_default());
    };
    if extra.reasons.iter().all(|reason| reason.proto.is_none()) {
        let sum = || -> Option<i64> {
            let counts = extra.reasons.iter().map(|reason| reason.count);
            counts.sum::<Option<i64>>().filter(|_| !extra.reasons.is_empty())
        };
        put(None, extra.count.or_else(sum), false);
        return;
    }
    for reason in &extra.reasons {
        let list = reason.ports.as_ref().filter(|_| reason.proto.is_some());
        let count = match list {
            Some(list) => Some(Ranges::of(list).count()),
            None => reason.count,
        };
        put(reason.proto.as_ref().map(|name| name.to_lowercase()), count, list.is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(list: &[(u16, u16, Option<&'static str>)]) -> Claims<'static> {
        let listed = |(first, last, state): &(u16, u16, Option<&'static str>)| ListedRange {
            first: *first,
            last: *last,
            state: *state,
            scan: 0,
            time: None,
        };
        Claims(list.iter().map(listed).collect())
    }

    fn standing(list: &[(u16, u16, Option<&'static str>)]) -> Vec<(u16, u16, &'static str)> {
        let standing = claims(list).standing();
        standing.iter().map(|listed| (listed.first, listed.last, listed.state.unwrap())).collect()
    }

    #[test]
    fn the_first_state_wins() {
        let (closed, filtered) = (Some("closed"), Some("filtered"));
        assert_eq!(
            standing(&[(10, 20, filtered), (1, 100, closed)]),
            [(1, 9, "closed"), (10, 20, "filtered"), (21, 100, "closed")]
        );
        assert_eq!(
            standing(&[(1, 100, closed), (10, 20, filtered)]),
            [(1, 9, "closed"), (10, 100, "closed")]
        );
        assert_eq!(
            standing(&[(5, 9, None), (1, 10, closed)]),
            [(1, 4, "closed"), (10, 10, "closed")]
        );
        assert_eq!(standing(&[(0, 65535, closed)]), [(0, 65535, "closed")]);
        assert_eq!(
            standing(&[(65535, 65535, closed), (7, 7, filtered)]),
            [(7, 7, "filtered"), (65535, 65535, "closed")]
        );
        assert_eq!(standing(&[]), []);
    }

    /// Compares the sweep with a lookup of each port number.
    #[test]
    fn a_sweep_equals_a_lookup_of_each_number() {
        let states = [None, Some("closed"), Some("filtered")];
        let mut seed = 7_u64;
        let mut below = |sides: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % sides
        };
        for _ in 0..500 {
            let count = below(8);
            let list: Vec<_> = (0..count)
                .map(|_| {
                    let first = u16::try_from(below(40)).unwrap();
                    let last = first + u16::try_from(below(20)).unwrap();
                    (first, last, states[usize::try_from(below(3)).unwrap()])
                })
                .collect();
            let found = standing(&list);
            for number in 0..=60 {
                let first = list.iter().find(|(first, last, _)| (*first..=*last).contains(&number));
                let swept =
                    found.iter().find(|(first, last, _)| (*first..=*last).contains(&number));
                assert_eq!(
                    swept.map(|(_, _, state)| *state),
                    first.and_then(|(_, _, state)| *state),
                    "{number} of {list:?}"
                );
            }
            assert!(found.windows(2).all(|pair| pair[0].1 < pair[1].0), "in order: {found:?}");
        }
    }

    #[test]
    fn counts_belong_to_the_named_or_only_protocol() {
        use crate::model::{ExtraReason, ScanInfo, ScanSummary};
        let coverage = |protocols: &[&str]| {
            let info = |protocol: &&str| ScanInfo {
                protocol: Some((*protocol).to_owned()),
                services: Some("1-9".to_owned()),
                ..ScanInfo::default()
            };
            let scan_info = protocols.iter().map(info).collect();
            Coverage::of(&ScanSummary { scan_info, ..ScanSummary::default() })
        };
        let reason =
            |proto: Option<&'static str>, count, ports: Option<&'static str>| ExtraReason {
                reason: None,
                count,
                proto: proto.map(Into::into),
                ports: ports.map(Into::into),
            };
        let counted = |count, reasons: Vec<ExtraReason<'static>>, scan: &[&str]| {
            let extra = ExtraPorts { state: Some(PortState::Closed), count, reasons };
            let mut counts = BTreeMap::new();
            put_counts(&extra, &coverage(scan), &mut counts);
            let text = |(protocol, counts): (Option<String>, Counts)| {
                let sum = counts.by_state["closed"];
                (protocol.unwrap_or_default(), sum, counts.are_listed, counts.are_known)
            };
            counts.into_iter().map(text).collect::<Vec<_>>()
        };
        let row = |protocol: &str, sum, listed, known| (protocol.to_owned(), sum, listed, known);
        assert_eq!(counted(Some(9), vec![], &["tcp"]), [row("tcp", 9, false, true)]);
        assert_eq!(counted(Some(9), vec![], &["tcp", "udp"]), [row("", 9, false, true)]);
        assert_eq!(
            counted(None, vec![reason(None, Some(4), None)], &["tcp"]),
            [row("tcp", 4, false, true)]
        );
        assert_eq!(counted(None, vec![], &["tcp"]), [row("tcp", 0, false, false)]);
        let both =
            vec![reason(Some("TCP"), None, Some("1-3,9")), reason(Some("udp"), Some(7), None)];
        assert_eq!(
            counted(Some(11), both, &["tcp"]),
            [row("tcp", 4, true, true), row("udp", 7, false, true)]
        );
    }
}
