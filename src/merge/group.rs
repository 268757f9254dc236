//! Merges the looks at one host (docs/merge.md).
//!
//! A [`Group`] takes each part of the host from the look that the policy selects. The same code folds the entries of
//! one scan into a look; the field `folding` is true then. Looks of scans in a saved state come with a [`SavedHost`],
//! which holds the counts and times of the looks that were dropped.

use std::mem;

use super::{
    details::{Details, addresses, hostnames, hostnames_by_type, strip, without_listed},
    explain::Explain,
    host_look::{HostLook, Rules, count},
    policy::Precedence,
    retention::Keeper,
    saved_host::SavedHost,
};
use crate::model::{
    Address, ExtraPorts, Host, Hostname, Port, PortProvenance, PortState, Protocol, Provenance,
    ScanIndex, SeenRange, Timestamp, Trace,
};

/// Merged host.
#[derive(Debug)]
pub(super) struct CombinedHost<'a> {
    pub(super) host: Host<'a>,
    pub(super) provenance: Provenance,
    /// Number of newer port records that lost to older ones and differ from them.
    pub(super) outdated: u64,
}

/// Looks at one host, or entries of one look, best first.
pub(super) struct Group<'a, 'r> {
    pub(super) rules: Rules<'r>,
    /// True while the entries of one scan are folded.
    pub(super) folding: bool,
    pub(super) looks: Vec<HostLook<'a>>,
    /// Summaries of saved looks that were dropped.
    pub(super) saved_hosts: Vec<SavedHost<'a>>,
    /// Index of the look that is first in the order of the arguments.
    base: usize,
}

impl<'a, 'r> Group<'a, 'r> {
    pub(super) fn new(mut looks: Vec<HostLook<'a>>, rules: Rules<'r>, folding: bool) -> Self {
        looks.sort_by(|a, b| a.facts.rank(&b.facts, rules.policy.precedence));
        let first = looks.iter().enumerate().min_by_key(|(_, look)| look.facts.order);
        let base = first.map_or(0, |(place, _)| place);
        Self { rules, folding, looks, saved_hosts: Vec::new(), base }
    }

    /// Adds the summaries of saved looks that were dropped.
    pub(super) fn with_saved_hosts(self, saved_hosts: Vec<SavedHost<'a>>) -> Self {
        Self { saved_hosts, ..self }
    }

    /// Removes everything that flags turn off. The facts and coverage of the looks are known by then.
    pub(super) fn apply_flags(&mut self) {
        let (flags, caller) = (self.rules.policy.flags, self.rules.caller);
        for look in self.looks.iter_mut().filter(|look| look.facts.scan != caller) {
            strip(&mut look.host, &flags);
        }
    }

    /// Returns true if the policy is `latest` and looks, not entries, are merged.
    pub(super) fn is_latest(&self) -> bool {
        self.rules.policy.precedence == Precedence::Latest && !self.folding
    }

    pub(super) fn combined(
        mut self,
        explain: &mut Explain<'a>,
        keeper: &mut Keeper<'a>,
    ) -> Option<CombinedHost<'a>> {
        let precedence = self.rules.policy.precedence;
        keeper.host(&self);
        explain.of_hosts(&self.looks, precedence);
        explain.details(&self.looks, precedence, self.takes_names());
        let mut origins_of_host = self.provenance();
        let (addresses, hostnames) = self.names(explain);
        let (mut ports, mut port_origins, outdated) = self.ports(explain, keeper);
        let (os, matches, classes) = self.os(explain);
        let (scripts, script_origins) = self.scripts(explain);
        let (traces, trace_origin) = self.traces(explain);
        let complete = self.is_complete();
        let details = self.details();
        if let Some(oldest) = self.rules.oldest.filter(|_| !self.folding) {
            explain.forget_ports(&drop_old(&mut ports, &mut port_origins, oldest));
        }
        // A look that saw the host down may still list ports of it.
        let of_ports = port_origins.iter().filter_map(|origin| origin.seen.last).max();
        origins_of_host.seen.last = origins_of_host.seen.last.max(of_ports);
        let extra_ports = self.extra_ports(&ports, explain);
        let mut host = self.looks.into_iter().next()?.host;
        host.complete = complete;
        (host.addresses, host.hostnames) = (addresses, hostnames);
        host.extra_ports = extra_ports;
        let listed = ports.iter().filter(|port| !port.expanded);
        host.ports_listed = count(listed.count());
        host.ports_open = count(ports.iter().filter(|p| p.state == PortState::Open).count());
        (host.ports, host.os, host.scripts, host.traces) = (ports, os, scripts, traces);
        details.into_host(&mut host);
        let provenance = Provenance {
            ports: port_origins,
            scripts: script_origins,
            matches,
            classes,
            traces: trace_origin,
            ..origins_of_host
        };
        Some(CombinedHost { host, provenance, outdated })
    }

    /// Returns the index of the look that is first in the order of the arguments.
    pub(super) fn base(&self) -> usize {
        self.base
    }

    /// Returns looks that are not included in the sums of a saved host.
    fn fresh(&self) -> impl Iterator<Item = &HostLook<'a>> {
        self.looks.iter().filter(|look| look.role.is_none())
    }

    pub(super) fn is_complete(&self) -> bool {
        self.fresh().any(|look| look.host.complete)
            || self.saved_hosts.iter().any(|saved_host| saved_host.complete)
    }

    pub(super) fn provenance(&self) -> Provenance {
        let facts = || self.fresh().map(|look| look.facts);
        let saved_hosts = || self.saved_hosts.iter();
        let of_saved = saved_hosts().flat_map(|saved_host| saved_host.scans(self.rules));
        let mut scans: Vec<ScanIndex> = facts().map(|facts| facts.scan).chain(of_saved).collect();
        scans.sort_unstable();
        scans.dedup();
        let up = facts().filter(|facts| facts.up);
        let counts = saved_hosts().map(|saved_host| saved_host.count);
        Provenance {
            status: self.looks.first().map_or(0, |look| look.facts.scan),
            scans,
            seen: SeenRange {
                first: facts()
                    .filter_map(|facts| facts.first)
                    .chain(saved_hosts().filter_map(|saved_host| saved_host.first))
                    .min(),
                last: up
                    .filter_map(|facts| facts.last)
                    .chain(saved_hosts().filter_map(|saved_host| saved_host.last))
                    .max(),
                looked: facts()
                    .filter_map(|facts| facts.last)
                    .chain(saved_hosts().filter_map(|saved_host| saved_host.looked))
                    .max(),
                count: counts.fold(count(self.fresh().count()), i32::saturating_add),
            },
            ..Provenance::default()
        }
    }

    /// Returns the index of the look whose counts of unlisted ports are taken.
    pub(super) fn extra_ports_from(&self) -> usize {
        if !self.folding && self.rules.policy.precedence != Precedence::Caller {
            return 0;
        }
        let with_any =
            self.looks.iter().enumerate().filter(|(_, l)| !l.host.extra_ports.is_empty());
        with_any.min_by_key(|(_, look)| look.facts.order).map_or(0, |(place, _)| place)
    }

    /// Returns counts of unlisted ports, less the ports that are listed.
    fn extra_ports(
        &mut self,
        ports: &[Port<'a>],
        explain: &mut Explain<'a>,
    ) -> Vec<ExtraPorts<'a>> {
        let precedence = self.rules.policy.precedence;
        let winner = self.extra_ports_from();
        let Some(look) = self.looks.get(winner) else { return Vec::new() };
        let mut extra_ports = look.host.extra_ports.clone();
        if !self.folding && precedence != Precedence::Caller {
            without_listed(&mut extra_ports, ports);
        }
        explain.extra_ports(&self.looks, (winner, &extra_ports), precedence);
        extra_ports
    }

    /// Returns true if names and addresses of looks other than the first are taken.
    fn takes_names(&self) -> bool {
        self.folding || self.rules.policy.flags.names
    }

    /// Returns the merged addresses and host names.
    fn names(&self, explain: &mut Explain<'a>) -> (Vec<Address<'a>>, Vec<Hostname<'a>>) {
        let all = self.takes_names();
        let places = self.looks.iter().enumerate();
        let taken: Vec<&HostLook<'a>> =
            places.filter(|(place, _)| all || *place == self.base).map(|(_, look)| look).collect();
        let hosts = || taken.iter().map(|look| &look.host);
        if self.is_latest() {
            explain.names(&taken);
            (addresses(hosts()), hostnames_by_type(hosts()))
        } else {
            (addresses(hosts()), hostnames(hosts()))
        }
    }

    /// Returns the index of the best look that has hops, or 0 if none has.
    pub(super) fn best_route(&self) -> usize {
        self.looks.iter().position(has_hops).unwrap_or(0)
    }

    /// Returns the route of the best look that has hops, and its scan.
    fn traces(&mut self, explain: &mut Explain<'a>) -> (Vec<Trace<'a>>, ScanIndex) {
        let precedence = self.rules.policy.precedence;
        let winner = self.best_route();
        if let Some(best) = self.looks.get(winner) {
            for look in self.looks.iter().skip(winner.saturating_add(1)) {
                if has_hops(look) {
                    explain.traces(best, look, precedence);
                }
            }
        }
        match self.looks.get_mut(winner) {
            Some(look) => (mem::take(&mut look.host.traces), look.facts.scan),
            None => (Vec::new(), 0),
        }
    }

    /// Takes each detail from the best look that has it.
    fn details(&mut self) -> Details<'a> {
        let mut details = Details::default();
        for look in &mut self.looks {
            details.fill(&mut look.host);
        }
        details
    }
}

fn has_hops(look: &HostLook<'_>) -> bool {
    look.host.traces.iter().any(|trace| !trace.hops.is_empty())
}

/// Removes ports last seen before `oldest` and returns their protocols and numbers.
fn drop_old<'a>(
    ports: &mut Vec<Port<'a>>,
    origins: &mut Vec<PortProvenance>,
    oldest: Timestamp,
) -> Vec<(Protocol<'a>, u16)> {
    let is_old = |origin: &PortProvenance| origin.seen.last.is_some_and(|last| last < oldest);
    let mut old = origins.iter().map(is_old).collect::<Vec<_>>().into_iter();
    let mut gone = Vec::new();
    ports.retain(|port| {
        let is_old = old.next().unwrap_or_default();
        if is_old {
            gone.push((port.protocol.clone(), port.number));
        }
        !is_old
    });
    origins.retain(|origin| !is_old(origin));
    for (index, port) in ports.iter_mut().enumerate() {
        port.index = count(index);
    }
    gone
}
