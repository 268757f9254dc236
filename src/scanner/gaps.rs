//! Targets and ports that were requested but not scanned (DATA_MODEL section 6, "Not scanned").

use std::collections::HashSet;

use super::{Scanner, results::ScanResults};
use crate::{
    error::{Error, Result},
    model::{Host, ScanSummary, port_ranges},
    request::PortSet,
};

/// Protocols for which ports may be requested.
const PROTOCOLS: [&str; 4] = ["tcp", "udp", "sctp", "ip"];

/// Ports that a scan looked at and did not list, by protocol.
#[derive(Debug, Clone, Default)]
pub(super) struct Covered(Vec<(String, PortSet)>);

impl Covered {
    /// Returns the covered ports of a host: those that its extraports list or, without a list, all ports of that
    /// protocol that the scan was asked to scan.
    fn of(host: &Host<'_>, record: &ScanSummary) -> Self {
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

    /// Returns the covered ports of a host that was not merged.
    pub(super) fn of_part(found: &ScanResults, place: usize) -> Self {
        found.hosts.get(place).map_or_else(Self::default, |host| Self::of(host, &found.record))
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

    fn has(&self, protocol: &str, port: u16) -> bool {
        self.0.iter().any(|(known, ports)| known == protocol && ports.contains(port))
    }
}

impl Scanner {
    /// Returns the requested targets that match no host, one by one, without expanding large networks in memory.
    /// Returns none for a file.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Scan`](crate::error::ErrorKind::Scan) if the scan was not run.
    pub fn non_scanned_hosts(&self) -> Result<impl Iterator<Item = String> + '_> {
        let found = self.results()?;
        let targets = found.requested.as_ref().map(|(targets, _)| targets);
        let asked = targets.into_iter().flat_map(|targets| {
            // Names come after addresses.
            let names = u128::try_from(targets.names().len()).unwrap_or(u128::MAX);
            let addresses = targets.count().saturating_sub(names);
            (0_u128..).zip(targets.iter()).map(move |(n, target)| (n >= addresses, target))
        });
        let typed = typed_names(found);
        let is_there = move |is_name: bool, target: &str| {
            if is_name { typed.contains(&target.to_lowercase()) } else { is_found(found, target) }
        };
        Ok(asked
            .filter(move |(is_name, target)| !is_there(*is_name, target))
            .map(|(_, target)| target))
    }

    /// Returns the requested ports that were not scanned on a host: neither listed nor among its extraports. Returns
    /// none for a file, or if no ports were requested.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Scan`](crate::error::ErrorKind::Scan) if the scan was not run, or if the host or protocol
    /// is unknown.
    pub fn non_scanned_ports(&self, host: &str, proto: &str) -> Result<Vec<u16>> {
        let (found, place) = self.place(host)?;
        let ports = self.host(host)?.ports.iter();
        let of_proto = ports.filter(|port| port.protocol.as_str() == proto);
        let listed: HashSet<u16> = of_proto.map(|port| port.number).collect();
        if !PROTOCOLS.contains(&proto) && listed.is_empty() {
            return Err(Error::scan(format!("there is no protocol {proto:?} on {host}")));
        }
        let Some((_, Some(asked))) = &found.requested else { return Ok(Vec::new()) };
        let covered = found
            .origins
            .get(place)
            .map_or_else(|| Covered::of_part(found, place), |origin| origin.covered.clone());
        let missing =
            asked.iter().filter(|port| !listed.contains(port) && !covered.has(proto, *port));
        Ok(missing.collect())
    }
}

/// Returns the names that were typed and belong to a host, in lower case.
fn typed_names(found: &ScanResults) -> HashSet<String> {
    let names = found.hosts.iter().flat_map(|host| &host.hostnames);
    let typed = names.filter(|name| name.kind.as_deref() == Some("user"));
    typed.map(|name| name.name.to_lowercase()).collect()
}

/// Returns true if a host has this address. A zone that nmap omitted makes no difference.
fn is_found(found: &ScanResults, address: &str) -> bool {
    let without_zone = || address.split_once('%').map(|(address, _)| address);
    let is_there = |name: &str| found.place(name).is_some();
    is_there(address) || without_zone().is_some_and(is_there)
}
