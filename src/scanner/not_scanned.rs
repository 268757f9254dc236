//! Targets and ports that were requested but not scanned (DATA_MODEL section 6, "Not scanned").

use std::collections::HashSet;

use super::{Scanner, results::ScanResults};
use crate::error::{Error, Result};

/// Protocols for which ports may be requested.
const PROTOCOLS: [&str; 4] = ["tcp", "udp", "sctp", "ip"];

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
            .map_or_else(|| found.covered(place), |origin| origin.covered.clone());
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
