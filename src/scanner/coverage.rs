//! Ports that a scan covered without listing them one by one.

use crate::{
    model::{Host, ScanSummary, port_ranges},
    request::PortSet,
};

/// Ports that a scan looked at and did not list, by protocol.
#[derive(Debug, Clone, Default)]
pub(super) struct Covered(Vec<(String, PortSet)>);

impl Covered {
    /// Returns the covered ports of a host: those that its extraports list or, without a list, all ports of that
    /// protocol that the scan was asked to scan.
    pub(super) fn of(host: &Host<'_>, record: &ScanSummary) -> Self {
        let mut covered = Self::default();
        for extra in &host.extra_ports {
            if extra.reasons.is_empty() {
                covered.take_all(record, None);
            }
            for reason in &extra.reasons {
                match (&reason.proto, &reason.ports) {
                    (Some(proto), Some(list)) => covered.take(&proto.to_lowercase(), list),
                    (proto, _) => covered.take_all(record, proto.as_deref()),
                }
            }
        }
        covered
    }

    /// Adds all ports that the scan was asked to scan, of one protocol or of all.
    fn take_all(&mut self, record: &ScanSummary, only: Option<&str>) {
        for info in &record.scan_info {
            let (Some(protocol), Some(list)) = (&info.protocol, &info.services) else { continue };
            if only.is_none_or(|only| only.eq_ignore_ascii_case(protocol)) {
                self.take(&protocol.to_lowercase(), list);
            }
        }
    }

    fn take(&mut self, protocol: &str, list: &str) {
        let ranges = port_ranges(list).filter(|range| !range.is_empty());
        self.add(Self(vec![(protocol.to_owned(), PortSet::of(ranges.collect()))]));
    }

    pub(super) fn add(&mut self, other: Self) {
        for (protocol, ports) in other.0 {
            match self.0.iter_mut().find(|(known, _)| *known == protocol) {
                Some((_, known)) => *known = known.union(&ports),
                None => self.0.push((protocol, ports)),
            }
        }
    }

    pub(super) fn has(&self, protocol: &str, port: u16) -> bool {
        self.0.iter().any(|(known, ports)| known == protocol && ports.contains(port))
    }
}
