//! Selection of the observations of a host that its latest state is merged from.

use super::state_part::StoredScan;
use crate::{
    merge::{LookFacts, ScanFacts, is_probed},
    model::Host,
};

/// Maximum number of observations that are kept per host, one for each set of things that scans look
/// for.
const MAX_OBSERVATIONS: usize = 16;

/// Bits for the findings of an observation, other than states of ports.
const SYSTEM: u8 = 1;
const ROUTE: u8 = 2;
const HOST_SCRIPTS: u8 = 4;
const PORT_SCRIPTS: u8 = 8;
const VERSIONS: u8 = 16;
const MAC: u8 = 32;
/// Host names by type: those of the type `user`, which were given to nmap, and all others.
const USER_NAMES: u8 = 64;
const OTHER_NAMES: u8 = 128;

/// Observation of a host by a scan.
#[derive(Debug)]
pub(super) struct Observation<'s> {
    scan: &'s StoredScan,
    /// Time of its end, or else of its start.
    time: Option<i64>,
    /// True if the host was seen completely.
    whole: bool,
    /// True if ports are listed.
    ports: bool,
    found: u8,
}

impl<'s> Observation<'s> {
    /// Combines the entries of a host in a scan, of which there may be several.
    pub(super) fn of(scan: &'s StoredScan, hosts: &[Host<'_>]) -> Self {
        let ended = hosts.iter().filter_map(|host| host.end_time).max();
        let time = ended.map(crate::model::Timestamp::seconds).or(scan.end).or(scan.start);
        let facts = ScanFacts::of(&scan.record());
        let whole = |host: &Host<'_>| LookFacts::new(host, (0, &facts), 0, None).whole;
        let found = hosts.iter().map(found).fold(0, |all, found| all | found);
        let ports = hosts.iter().any(|host| !host.ports.is_empty());
        Self { scan, time, whole: hosts.iter().all(whole), ports, found }
    }

    /// Returns true if this observation contains everything that an earlier one found, or looked for it
    /// again without finding it.
    fn supersedes(&self, earlier: &Self) -> bool {
        self.scan.id == earlier.scan.id
            || (self.whole
                && self.scan.info == earlier.scan.info
                // The ports that a scan does not list count as closed only if it names the ports
                // that it looked at.
                && (!earlier.ports || self.scan.lists_scanned_ports())
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

/// Returns the numbers of the scans whose observations are kept, in order: those that no later observation
/// supersedes.
pub(super) fn select_current(mut observations: Vec<Observation<'_>>) -> Vec<u64> {
    observations
        .sort_by_key(|observation| std::cmp::Reverse((observation.time, observation.scan.number)));
    let mut current: Vec<Observation<'_>> = Vec::new();
    for observation in observations {
        if current.len() < MAX_OBSERVATIONS
            && !current.iter().any(|later| later.supersedes(&observation))
        {
            current.push(observation);
        }
    }
    let mut numbers: Vec<u64> = current.iter().map(|observation| observation.scan.number).collect();
    numbers.sort_unstable();
    numbers
}
