//! Which looks at a host its latest picture is made of.

use std::collections::{BTreeMap, HashMap};

use super::part::Scan;
use crate::model::{Host, HostKey, HostState, Identity, Protocol, Service};

/// Looks that are kept of a host: of scans that look for different things, one each.
const KEPT: usize = 16;

/// What a look at a host may have found, beside states of ports.
const SYSTEM: u8 = 1;
const ROUTE: u8 = 2;
const HOST_SCRIPTS: u8 = 4;
const PORT_SCRIPTS: u8 = 8;
const VERSIONS: u8 = 16;
const NAMES: u8 = 32;
const MAC: u8 = 64;

/// What a scan saw of a host.
#[derive(Debug)]
pub(super) struct Look<'s> {
    scan: &'s Scan,
    /// When it ended, else began.
    time: Option<i64>,
    /// Whether all of the host was seen.
    whole: bool,
    /// Whether ports are listed.
    ports: bool,
    found: u8,
}

impl<'s> Look<'s> {
    /// Of the entries of a host in a scan, of which there may be several.
    pub(super) fn of(scan: &'s Scan, hosts: &[Host<'_>]) -> Self {
        let ended = hosts.iter().filter_map(|host| host.end_time).max();
        let time = ended.map(crate::model::Timestamp::seconds).or(scan.end).or(scan.start);
        let whole = |host: &Host<'_>| {
            host.complete
                && !host.timed_out.unwrap_or_default()
                && host.status.state == HostState::Up
        };
        let found = hosts.iter().map(found).fold(0, |all, found| all | found);
        let ports = hosts.iter().any(|host| !host.ports.is_empty());
        Self { scan, time, whole: hosts.iter().all(whole), ports, found }
    }

    /// Whether all that an earlier look tells is told by this one, or was looked for again and is gone.
    fn covers(&self, earlier: &Self) -> bool {
        self.scan.id == earlier.scan.id
            || (self.whole
                && self.scan.info == earlier.scan.info
                // A scan that does not say at which ports it looked tells nothing by those it lacks.
                && (!earlier.ports || self.scan.tells_ports())
                && self.found & earlier.found == earlier.found)
    }
}

fn found(host: &Host<'_>) -> u8 {
    let versions = host.ports.iter().any(|port| probed(&port.services));
    [
        (SYSTEM, !host.os.is_empty()),
        (ROUTE, host.traces.iter().any(|trace| !trace.hops.is_empty())),
        (HOST_SCRIPTS, !host.scripts.is_empty()),
        (PORT_SCRIPTS, host.ports.iter().any(|port| !port.scripts.is_empty())),
        (VERSIONS, versions),
        (NAMES, !host.hostnames.is_empty()),
        (MAC, host.mac().is_some()),
    ]
    .into_iter()
    .filter(|(_, found)| *found)
    .fold(0, |all, (bit, _)| all | bit)
}

/// Whether versions were looked for.
fn probed(services: &[Service<'_>]) -> bool {
    services.iter().any(|s| matches!(s.method.as_deref(), Some("probed" | "detection")))
}

/// What an earlier look found out of a port.
struct Found<'h> {
    state: String,
    services: Vec<Service<'h>>,
    scripts: Vec<crate::model::Script<'h>>,
}

/// Has each look know of a port what the one before it found out, if it saw the port in the same state and did
/// not look for that itself: a quick look hides no versions.
pub(super) fn carry<'h>(by_scan: &mut BTreeMap<u64, Vec<Host<'h>>>) {
    let mut looks: Vec<(&u64, &mut Host<'h>)> = by_scan
        .iter_mut()
        .flat_map(|(number, hosts)| hosts.iter_mut().map(move |host| (number, host)))
        .collect();
    looks.sort_by_key(|(number, host)| (host.end_time, **number));
    let mut known: HashMap<(String, Protocol<'h>, u16), Found<'h>> = HashMap::new();
    for (_, host) in looks {
        let key = HostKey::of(host, Identity::Ip).as_str().to_owned();
        for port in &mut host.ports {
            let place = (key.clone(), port.protocol.clone(), port.number);
            let state = port.state.as_str().to_owned();
            if let Some(found) = known.get(&place).filter(|found| found.state == state) {
                if !probed(&port.services) && probed(&found.services) {
                    port.services.clone_from(&found.services);
                }
                if port.scripts.is_empty() {
                    port.scripts.clone_from(&found.scripts);
                }
            }
            let (services, scripts) = (port.services.clone(), port.scripts.clone());
            known.insert(place, Found { state, services, scripts });
        }
    }
}

/// The numbers of the scans whose looks are kept, in order: those that no later look covers.
pub(super) fn keep(mut looks: Vec<Look<'_>>) -> Vec<u64> {
    looks.sort_by_key(|look| std::cmp::Reverse((look.time, look.scan.number)));
    let mut kept: Vec<Look<'_>> = Vec::new();
    for look in looks {
        if kept.len() < KEPT && !kept.iter().any(|later| later.covers(&look)) {
            kept.push(look);
        }
    }
    let mut numbers: Vec<u64> = kept.iter().map(|look| look.scan.number).collect();
    numbers.sort_unstable();
    numbers
}
