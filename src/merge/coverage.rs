//! Ports that a look covers. A port that was not scanned is not closed (docs/merge.md, "Terms").

use std::{fmt::Write as _, ops::RangeInclusive};

use crate::model::{ExtraPorts, Protocol, ScanSummary, port_ranges};

/// Ports that a scan was asked to scan, from its `scaninfo` elements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Coverage(Vec<(Protocol<'static>, Ranges)>);

/// Ranges of port numbers in ascending order, without overlaps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ranges(Vec<RangeInclusive<u16>>);

impl Ranges {
    pub(crate) fn of(list: &str) -> Self {
        let mut ranges: Vec<_> = port_ranges(list).filter(|range| !range.is_empty()).collect();
        ranges.sort_unstable_by_key(|range| *range.start());
        // Overlapping ranges are joined, so that one comparison per lookup is enough.
        ranges.dedup_by(|next, last| {
            let overlap = next.start() <= last.end();
            if overlap {
                *last = *last.start()..=*last.end().max(next.end());
            }
            overlap
        });
        Self(ranges)
    }

    /// Returns the ranges, in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &RangeInclusive<u16>> {
        self.0.iter()
    }

    /// Returns the number of ports.
    pub(crate) fn count(&self) -> i64 {
        let len = |range: &RangeInclusive<u16>| i64::from(*range.end()) - i64::from(*range.start());
        self.0.iter().map(|range| len(range).saturating_add(1)).sum()
    }

    pub(crate) fn has(&self, number: u16) -> bool {
        let after = self.0.partition_point(|range| *range.start() <= number);
        let last = after.checked_sub(1).and_then(|place| self.0.get(place));
        last.is_some_and(|range| range.contains(&number))
    }

    /// Returns the list without `numbers`, which are sorted, and the number of ports removed. `None` if the ranges
    /// contain none of them or more than `most`.
    pub(crate) fn without(&self, numbers: &[u16], most: usize) -> Option<(String, usize)> {
        let held = |range: &RangeInclusive<u16>| {
            let from = numbers.partition_point(|number| number < range.start());
            let to = numbers.partition_point(|number| number <= range.end());
            numbers.get(from..to).unwrap_or_default()
        };
        let held: Vec<&[u16]> = self.0.iter().map(held).collect();
        let taken = held.iter().map(|held| held.len()).sum::<usize>();
        if taken == 0 || taken > most {
            return None;
        }
        let mut list = String::new();
        for (range, held) in self.0.iter().zip(held) {
            let mut from = u32::from(*range.start());
            for number in held {
                let number = u32::from(*number);
                put_range((from, number), &mut list);
                from = number.saturating_add(1);
            }
            put_range((from, u32::from(*range.end()).saturating_add(1)), &mut list);
        }
        Some((list, taken))
    }
}

/// Appends the range `from..end`, if it is not empty.
fn put_range((from, end): (u32, u32), list: &mut String) {
    let Some(to) = end.checked_sub(1).filter(|to| *to >= from) else { return };
    let comma = if list.is_empty() { "" } else { "," };
    let _ =
        if to == from { write!(list, "{comma}{from}") } else { write!(list, "{comma}{from}-{to}") };
}

impl Coverage {
    /// Returns a coverage without ports.
    pub(crate) const fn nothing() -> Self {
        Self(Vec::new())
    }

    /// Reads the `scaninfo` elements of a scan.
    pub(crate) fn of(record: &ScanSummary) -> Self {
        let of_info = record.scan_info.iter().filter_map(|info| {
            let protocol = Protocol::from_name(info.protocol.as_deref()?.to_lowercase().into());
            Some((protocol, Ranges::of(info.services.as_deref()?)))
        });
        Self(of_info.collect())
    }

    /// Returns true if no port is listed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, ranges)| ranges.0.is_empty())
    }

    /// Returns the port lists of a protocol.
    pub(crate) fn of_protocol(&self, protocol: &str) -> impl Iterator<Item = &Ranges> {
        self.0.iter().filter(move |(found, _)| found.as_str() == protocol).map(|(_, list)| list)
    }

    /// Returns the protocol if all lists are of the same one.
    pub(crate) fn only_protocol(&self) -> Option<&str> {
        let mut names = self.0.iter().map(|(protocol, _)| protocol.as_str());
        let first = names.next()?;
        names.all(|name| name == first).then_some(first)
    }

    pub(crate) fn has(&self, protocol: &Protocol<'_>, number: u16) -> bool {
        let of_protocol = self.0.iter().filter(|(found, _)| found == protocol);
        of_protocol.map(|(_, ranges)| ranges).any(|ranges| ranges.has(number))
    }
}

/// Ports of one `extraports` element that its `extrareasons` list.
#[derive(Debug, Clone)]
pub(crate) struct UnlistedPorts {
    /// Protocol name in lower case.
    pub(crate) protocol: String,
    pub(crate) ranges: Ranges,
    /// State of the ports, if the element has one.
    pub(crate) state: Option<String>,
}

/// Coverage of one entry: the ports that it does not list singly.
#[derive(Debug, Clone)]
pub(crate) struct EntryCoverage {
    pub(super) lists: Vec<UnlistedPorts>,
    /// State of all ports that are not listed singly, if there is exactly one and no list.
    only_state: Option<String>,
    /// Protocols of each element that counts ports without listing them; `None` for a count without a protocol.
    counted: Vec<Vec<Option<String>>>,
}

impl EntryCoverage {
    fn of(extra_ports: &[ExtraPorts<'_>]) -> Self {
        let name = |extra: &ExtraPorts<'_>| extra.state.as_ref().map(|s| s.as_str().to_owned());
        let mut lists = Vec::new();
        for extra in extra_ports {
            for reason in &extra.reasons {
                if let (Some(protocol), Some(list)) = (&reason.proto, &reason.ports) {
                    let (protocol, ranges) = (protocol.to_lowercase(), Ranges::of(list));
                    lists.push(UnlistedPorts { protocol, ranges, state: name(extra) });
                }
            }
        }
        let only_state = match extra_ports {
            [only] if lists.is_empty() => name(only),
            _ => None,
        };
        let counted = extra_ports.iter().filter(|extra| extra.count != Some(0)).map(counted);
        let counted = counted.filter(|protocols| !protocols.is_empty()).collect();
        Self { lists, only_state, counted }
    }

    /// Returns true if ports of a protocol are in several states and no list assigns ports to states.
    fn is_ambiguous(&self, protocol: &str) -> bool {
        let counts = |protocols: &&Vec<Option<String>>| {
            protocols.iter().any(|of| of.as_deref().is_none_or(|of| of == protocol))
        };
        self.counted.iter().filter(counts).nth(1).is_some()
            && !self.lists.iter().any(|list| list.protocol == protocol)
    }

    fn has(&self, scan: &Coverage, protocol: &Protocol<'_>, number: u16) -> bool {
        let name = protocol.as_str();
        let mut own = self.lists.iter().filter(|list| list.protocol == name).peekable();
        if own.peek().is_some() {
            own.any(|list| list.ranges.has(number))
        } else {
            scan.has(protocol, number)
        }
    }

    fn state(&self, protocol: &Protocol<'_>, number: u16) -> Option<&str> {
        let name = protocol.as_str();
        let is_in = |list: &&UnlistedPorts| list.protocol == name && list.ranges.has(number);
        match self.lists.iter().find(is_in) {
            Some(list) => list.state.as_deref(),
            None => self.only_state.as_deref(),
        }
    }
}

/// Returns the protocols of ports that an element counts without listing them.
fn counted(extra: &ExtraPorts<'_>) -> Vec<Option<String>> {
    let without_list = extra.reasons.iter().filter(|r| r.proto.is_none() || r.ports.is_none());
    let mut protocols: Vec<_> =
        without_list.map(|reason| reason.proto.as_ref().map(|name| name.to_lowercase())).collect();
    if extra.reasons.is_empty() {
        protocols.push(None);
    }
    protocols
}

/// State of a port that a look does not list singly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnlistedState<'s> {
    /// The look does not cover the port.
    NotCovered,
    /// The look covers the port, but its state is not known.
    Unknown,
    /// The look covers the port, which is in this state.
    Known(&'s str),
}

impl<'s> UnlistedState<'s> {
    pub(crate) fn is_covered(self) -> bool {
        self != Self::NotCovered
    }

    /// Returns the state, if it is known.
    pub(crate) fn known(self) -> Option<&'s str> {
        match self {
            Self::Known(state) => Some(state),
            Self::NotCovered | Self::Unknown => None,
        }
    }
}

/// Ports that a look covers, and their states where these are known.
#[derive(Debug, Clone)]
pub(crate) struct LookCoverage<'c> {
    pub(super) scan: &'c Coverage,
    /// Coverage of each entry that counts ports without listing them singly.
    pub(super) entries: Vec<EntryCoverage>,
    /// True if an entry lists all ports it saw: that entry covers everything the scan was asked to scan.
    pub(super) all_listed: bool,
}

impl<'c> LookCoverage<'c> {
    /// Reads the `extra_ports` of those entries of a look that cover any port.
    pub(crate) fn new<'e, 'a: 'e>(
        scan: &'c Coverage,
        entries: impl IntoIterator<Item = &'e [ExtraPorts<'a>]>,
    ) -> Self {
        let mut coverage = Self { scan, entries: Vec::new(), all_listed: false };
        for extra_ports in entries {
            if extra_ports.is_empty() {
                coverage.all_listed = true;
            } else {
                coverage.entries.push(EntryCoverage::of(extra_ports));
            }
        }
        coverage
    }

    /// Returns ranges that contain all ports the look covers, each with its protocol. Ranges may overlap.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (Protocol<'_>, &RangeInclusive<u16>)> {
        let lists = self.entries.iter().flat_map(|entry| &entry.lists).flat_map(|list| {
            let name: &str = &list.protocol;
            list.ranges.0.iter().map(move |range| (Protocol::from_name(name.into()), range))
        });
        // The scan's own list applies to protocols of which an entry has no list.
        let stands_in = |protocol: &Protocol<'_>| {
            let has_list = |entry: &EntryCoverage| {
                entry.lists.iter().any(|list| list.protocol == protocol.as_str())
            };
            self.all_listed || !self.entries.iter().all(has_list)
        };
        let of_scan = self.scan.0.iter().filter(move |(protocol, _)| stands_in(protocol));
        let of_scan = of_scan.flat_map(|(protocol, ranges)| {
            ranges.0.iter().map(move |range| (protocol.clone(), range))
        });
        lists.chain(of_scan)
    }

    /// Returns true if the look would have reported this port.
    pub(crate) fn has(&self, protocol: &Protocol<'_>, number: u16) -> bool {
        self.entries.iter().any(|entry| entry.has(self.scan, protocol, number))
            || (self.all_listed && self.scan.has(protocol, number))
    }

    /// Returns true if the look names the states of unlisted ports of this protocol, but not which port is in which
    /// state.
    pub(crate) fn is_ambiguous(&self, protocol: &Protocol<'_>, number: u16) -> bool {
        let entry = self.entries.iter().find(|entry| entry.has(self.scan, protocol, number));
        entry.is_some_and(|entry| entry.is_ambiguous(protocol.as_str()))
    }

    /// Returns the state that the look implies for a port it does not list.
    pub(crate) fn unlisted_state(&self, protocol: &Protocol<'_>, number: u16) -> UnlistedState<'_> {
        let entry = self.entries.iter().find(|entry| entry.has(self.scan, protocol, number));
        match entry {
            Some(entry) => {
                entry.state(protocol, number).map_or(UnlistedState::Unknown, UnlistedState::Known)
            }
            None if self.has(protocol, number) => UnlistedState::Unknown,
            None => UnlistedState::NotCovered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ExtraReason, PortState, ScanInfo};

    fn scan(lists: &[(&str, &str)]) -> Coverage {
        let infos = lists.iter().map(|(protocol, services)| ScanInfo {
            protocol: Some((*protocol).to_owned()),
            services: Some((*services).to_owned()),
            ..ScanInfo::default()
        });
        Coverage::of(&ScanSummary { scan_info: infos.collect(), ..ScanSummary::default() })
    }

    fn extra(
        state: PortState<'static>,
        lists: &[(&'static str, Option<&'static str>)],
    ) -> ExtraPorts<'static> {
        let reason = |(proto, ports): &(&'static str, Option<&'static str>)| ExtraReason {
            reason: None,
            count: None,
            proto: Some((*proto).into()),
            ports: ports.map(Into::into),
        };
        ExtraPorts { state: Some(state), count: None, reasons: lists.iter().map(reason).collect() }
    }

    #[test]
    fn numbers_are_removed_from_lists() {
        for (list, numbers, expected) in [
            ("1-21,23-1000", &[80][..], Some(("1-21,23-79,81-1000", 1))),
            ("1-3", &[1, 3], Some(("2", 2))),
            ("1-4", &[4, 9], Some(("1-3", 1))),
            ("0-2", &[0], Some(("1-2", 1))),
            ("65534-65535", &[65535], Some(("65534", 1))),
            ("5", &[5], Some(("", 1))),
            ("9,5,5-6", &[5], Some(("6,9", 1))),
            ("5,x,9", &[9], Some(("5", 1))),
            ("1-3", &[7], None),
            ("", &[7], None),
            ("1-9", &[1, 2, 3, 4, 5], None),
        ] {
            let found = Ranges::of(list).without(numbers, 4);
            assert_eq!(found.as_ref().map(|(list, n)| (&**list, *n)), expected, "{list}");
        }
    }

    #[test]
    fn a_scan_covers_what_its_scaninfo_lists_by_protocol() {
        let scan = scan(&[("tcp", "1-10,5-400,80"), ("udp", "53")]);
        let nothing: &[ExtraPorts<'_>] = &[];
        let look = LookCoverage::new(&scan, [nothing]);
        for (protocol, number, covered) in [
            (Protocol::Tcp, 1, true),
            (Protocol::Tcp, 399, true),
            (Protocol::Tcp, 401, false),
            (Protocol::Udp, 53, true),
            (Protocol::Udp, 80, false),
            (Protocol::Sctp, 53, false),
        ] {
            assert_eq!(look.has(&protocol, number), covered, "{protocol:?} {number}");
        }
        assert_eq!(look.unlisted_state(&Protocol::Tcp, 1), UnlistedState::Unknown);
        assert!(!LookCoverage::new(&scan, []).has(&Protocol::Tcp, 1), "no entry covers anything");
    }

    #[test]
    fn lists_of_a_host_override_those_of_its_scan() {
        let scan = scan(&[("tcp", "1-100"), ("udp", "53")]);
        let lists = [("tcp", Some("1-20,22")), ("udp", None)];
        let extra_ports = [extra(PortState::Closed, &lists)];
        let look = LookCoverage::new(&scan, [&extra_ports[..]]);
        assert!(look.has(&Protocol::Tcp, 22) && !look.has(&Protocol::Tcp, 21));
        assert!(look.has(&Protocol::Udp, 53), "without a list the scan decides");
        assert_eq!(look.unlisted_state(&Protocol::Tcp, 22), UnlistedState::Known("closed"));
        assert_eq!(look.unlisted_state(&Protocol::Udp, 53), UnlistedState::Unknown);
        assert_eq!(look.unlisted_state(&Protocol::Tcp, 21), UnlistedState::NotCovered);
    }

    #[test]
    fn several_states_without_lists_are_ambiguous() {
        let scan = scan(&[("tcp", "1-100"), ("udp", "53")]);
        let tcp = extra(PortState::Closed, &[("tcp", Some("1-20"))]);
        let closed = extra(PortState::Closed, &[("tcp", None)]);
        let filtered = extra(PortState::Filtered, &[]);
        let udp = extra(PortState::OpenFiltered, &[("udp", None)]);
        let ambiguous = |extra_ports: &[ExtraPorts<'static>], protocol: Protocol<'static>| {
            let number = if protocol == Protocol::Udp { 53 } else { 7 };
            LookCoverage::new(&scan, [extra_ports]).is_ambiguous(&protocol, number)
        };
        assert!(ambiguous(&[closed.clone(), filtered.clone()], Protocol::Tcp));
        assert!(
            !ambiguous(std::slice::from_ref(&closed), Protocol::Tcp),
            "there is only one state"
        );
        assert!(
            !ambiguous(&[tcp.clone(), udp.clone()], Protocol::Udp),
            "the other state is for tcp"
        );
        assert!(!ambiguous(&[tcp, filtered.clone()], Protocol::Tcp), "a list names the ports");
        let none = ExtraPorts { count: Some(0), ..filtered };
        assert!(!ambiguous(&[closed, none], Protocol::Tcp), "no port is in the other state");
    }

    #[test]
    fn a_look_covers_what_one_of_its_entries_covers() {
        let scan = scan(&[("tcp", "80")]);
        let one = [extra(PortState::Closed, &[("tcp", Some("1-3"))])];
        let other = [
            extra(PortState::Filtered, &[("tcp", Some("5"))]),
            extra(PortState::Closed, &[("tcp", Some("7"))]),
        ];
        let look = LookCoverage::new(&scan, [&one[..], &other[..]]);
        for (number, state) in [(2, "closed"), (5, "filtered"), (7, "closed")] {
            assert_eq!(look.unlisted_state(&Protocol::Tcp, number), UnlistedState::Known(state));
        }
        assert!(!look.has(&Protocol::Tcp, 80), "both have lists of their own");
        let counted = [extra(PortState::Closed, &[])];
        let look = LookCoverage::new(&scan, [&counted[..]]);
        assert_eq!(
            look.unlisted_state(&Protocol::Tcp, 80),
            UnlistedState::Known("closed"),
            "every port is covered"
        );
        let nothing: &[ExtraPorts<'_>] = &[];
        assert!(LookCoverage::new(&scan, [&one[..], nothing]).has(&Protocol::Tcp, 80));
    }
}
