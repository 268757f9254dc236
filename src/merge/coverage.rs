//! What a scan looked at: not scanned is not closed (DATA_MODEL section 5).

use std::ops::RangeInclusive;

use crate::model::{ExtraPorts, Host, HostState, Protocol, RunRecord, port_ranges};

/// Ports that a scan was to look at, by what its `scaninfo` elements say.
#[derive(Debug, Clone, Default)]
pub(super) struct Coverage(Vec<(Protocol<'static>, Ranges)>);

/// Ranges in order.
#[derive(Debug, Clone, Default)]
struct Ranges(Vec<RangeInclusive<u16>>);

impl Ranges {
    fn of(list: &str) -> Self {
        let mut ranges: Vec<_> = port_ranges(list).filter(|range| !range.is_empty()).collect();
        ranges.sort_unstable_by_key(|range| *range.start());
        // Those that overlap become one, so that one look tells.
        ranges.dedup_by(|next, last| {
            let overlap = next.start() <= last.end();
            if overlap {
                *last = *last.start()..=*last.end().max(next.end());
            }
            overlap
        });
        Self(ranges)
    }

    fn has(&self, number: u16) -> bool {
        let behind = self.0.partition_point(|range| *range.start() <= number);
        let last = behind.checked_sub(1).and_then(|place| self.0.get(place));
        last.is_some_and(|range| range.contains(&number))
    }
}

impl Coverage {
    /// What a scan says of itself.
    pub(super) fn of(record: &RunRecord) -> Self {
        let of_info = record.scan_info.iter().filter_map(|info| {
            let protocol = Protocol::from_name(info.protocol.as_deref()?.to_lowercase().into());
            Some((protocol, Ranges::of(info.services.as_deref()?)))
        });
        Self(of_info.collect())
    }

    pub(super) fn has(&self, protocol: &Protocol<'_>, number: u16) -> bool {
        let of_protocol = self.0.iter().filter(|(found, _)| found == protocol);
        of_protocol.map(|(_, ranges)| ranges).any(|ranges| ranges.has(number))
    }
}

/// What was looked at on one host: what the lists of `extrareasons` say, else the scan.
#[derive(Debug)]
pub(super) struct HostCoverage<'c> {
    scan: &'c Coverage,
    /// Lists of ports that are not listed singly.
    lists: Vec<(String, Ranges, Option<String>)>,
    /// The state of all ports that are not listed singly, if there is but one.
    only_state: Option<String>,
    /// A host that was not up, that was given up on, or whose end is missing shows nothing by what it lacks.
    counts: bool,
}

impl<'c> HostCoverage<'c> {
    pub(super) fn of(host: &Host<'_>, scan: &'c Coverage) -> Self {
        let name = |extra: &ExtraPorts<'_>| extra.state.as_ref().map(|s| s.as_str().to_owned());
        let mut lists = Vec::new();
        for extra in &host.extra_ports {
            for reason in &extra.reasons {
                if let (Some(protocol), Some(list)) = (&reason.proto, &reason.ports) {
                    lists.push((protocol.to_lowercase(), Ranges::of(list), name(extra)));
                }
            }
        }
        let only_state = match host.extra_ports.as_slice() {
            [only] => name(only),
            _ => None,
        };
        let in_time = host.timed_out != Some(true);
        let counts = host.status.state == HostState::Up && host.complete && in_time;
        Self { scan, lists, only_state, counts }
    }

    /// Whether this port was looked at.
    pub(super) fn has(&self, protocol: &Protocol<'_>, number: u16) -> bool {
        let name = protocol.as_str();
        let mut own = self.lists.iter().filter(|(found, ..)| found == name).peekable();
        self.counts
            && if own.peek().is_some() {
                own.any(|(_, ranges, _)| ranges.has(number))
            } else {
                self.scan.has(protocol, number)
            }
    }
}

impl HostCoverage<'_> {
    /// The state of a port that was looked at and is not listed singly, if it is told.
    pub(super) fn state(&self, protocol: &Protocol<'_>, number: u16) -> Option<String> {
        let of_port = |(found, ranges, _): &&(String, Ranges, Option<String>)| {
            found == protocol.as_str() && ranges.has(number)
        };
        match self.lists.iter().find(of_port) {
            Some((.., state)) => state.clone(),
            None => self.only_state.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ExtraReason, ScanInfo};

    fn scan(lists: &[(&str, &str)]) -> Coverage {
        let infos = lists.iter().map(|(protocol, services)| ScanInfo {
            protocol: Some((*protocol).to_owned()),
            services: Some((*services).to_owned()),
            ..ScanInfo::default()
        });
        Coverage::of(&RunRecord { scan_info: infos.collect(), ..RunRecord::default() })
    }

    fn up() -> Host<'static> {
        let mut host = Host::new(0);
        host.status.state = HostState::Up;
        host.complete = true;
        host
    }

    #[test]
    fn a_scan_covers_what_its_scaninfo_lists_by_protocol() {
        let scan = scan(&[("tcp", "1-10,5-400,80"), ("udp", "53")]);
        let host = HostCoverage::of(&up(), &scan);
        for (protocol, number, covered) in [
            (Protocol::Tcp, 1, true),
            (Protocol::Tcp, 399, true),
            (Protocol::Tcp, 401, false),
            (Protocol::Udp, 53, true),
            (Protocol::Udp, 80, false),
            (Protocol::Sctp, 53, false),
        ] {
            assert_eq!(host.has(&protocol, number), covered, "{protocol:?} {number}");
        }
    }

    #[test]
    fn lists_of_a_host_say_more_than_its_scan() {
        let scan = scan(&[("tcp", "1-100"), ("udp", "53")]);
        let mut host = up();
        let reason = |proto: &'static str, ports: Option<&'static str>| ExtraReason {
            reason: None,
            count: None,
            proto: Some(proto.into()),
            ports: ports.map(Into::into),
        };
        let reasons = vec![reason("tcp", Some("1-20,22")), reason("udp", None)];
        host.extra_ports.push(ExtraPorts { state: None, count: None, reasons });
        let found = HostCoverage::of(&host, &scan);
        assert!(found.has(&Protocol::Tcp, 22) && !found.has(&Protocol::Tcp, 21));
        assert!(found.has(&Protocol::Udp, 53), "without a list the scan tells");
    }

    #[test]
    fn a_host_that_was_down_or_cut_or_timed_out_covers_nothing() {
        let scan = scan(&[("tcp", "1-100")]);
        let mut down = up();
        down.status.state = HostState::Down;
        let mut cut = up();
        cut.complete = false;
        let mut late = up();
        late.timed_out = Some(true);
        for host in [down, cut, late] {
            assert!(!HostCoverage::of(&host, &scan).has(&Protocol::Tcp, 22));
        }
    }
}
