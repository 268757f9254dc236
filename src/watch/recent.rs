//! Which looks at a host its latest picture is made of.

use super::part::Scan;
use crate::{
    merge::{LookFacts, ScanFacts, is_probed},
    model::Host,
};

/// Looks that are kept of a host: of scans that look for different things, one each.
const KEPT: usize = 16;

/// What a look at a host may have found, beside states of ports.
const SYSTEM: u8 = 1;
const ROUTE: u8 = 2;
const HOST_SCRIPTS: u8 = 4;
const PORT_SCRIPTS: u8 = 8;
const VERSIONS: u8 = 16;
const MAC: u8 = 32;
/// Names by their type: those that were typed, those of the DNS, and others.
const USER_NAMES: u8 = 64;
const OTHER_NAMES: u8 = 128;

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
        let facts = ScanFacts::of(&scan.record());
        let whole = |host: &Host<'_>| LookFacts::new(host, (0, &facts), 0, None).whole;
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
    let versions = host.ports.iter().any(|port| is_probed(&port.services));
    [
        (SYSTEM, !host.os.is_empty()),
        (ROUTE, host.traces.iter().any(|trace| !trace.hops.is_empty())),
        (HOST_SCRIPTS, !host.scripts.is_empty()),
        (PORT_SCRIPTS, host.ports.iter().any(|port| !port.scripts.is_empty())),
        (VERSIONS, versions),
        (USER_NAMES, host.hostnames.iter().any(|name| name.kind.as_deref() == Some("user"))),
        (OTHER_NAMES, host.hostnames.iter().any(|name| name.kind.as_deref() != Some("user"))),
        (MAC, host.mac().is_some()),
    ]
    .into_iter()
    .filter(|(_, found)| *found)
    .fold(0, |all, (bit, _)| all | bit)
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
