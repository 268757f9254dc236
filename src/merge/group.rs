//! Merges the observations of one host by several scans into one host (docs/merge.md). The result depends only on the
//! hosts, their order and the policy, so every caller that has all hosts of a key gets the same result.
//!
//! A merge has two steps. First the entries of each scan are folded into one [`Look`], without loss. Then the looks
//! are sorted, best first, and each part of the host is taken from the look that the policy selects. A [`Group`] does
//! both steps; its field `folding` is true in the first. Looks of scans in a saved state come with a [`Past`], which
//! holds the counts and times of the looks that were dropped.

use std::mem;

use super::{
    details::{Details, addresses, hostnames, hostnames_by_type, strip, without_listed},
    devices::{Current, OutOfOrder, current},
    explain::Explain,
    fold::looks,
    keep::Keeper,
    look::{LookFacts, ScanFacts},
    past::{Past, Role},
    policy::{MergePolicy, Precedence},
    ports::drop_old,
};
use crate::model::{
    Address, ExtraPorts, Host, Hostname, PortProvenance, PortState, Provenance, ScanIndex,
    SeenRange, Timestamp, Trace,
};

/// Host element of a scan.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) scan: ScanIndex,
    /// Position in the order of the arguments.
    pub(super) order: u64,
    pub(super) host: Host<'a>,
}

/// Observation of one host by one scan: the entries of the host in that scan, folded into one.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    pub(crate) facts: LookFacts,
    pub(crate) host: Host<'a>,
    /// Times at which its ports were seen, by port index, if it was folded from several entries.
    pub(super) ports: Vec<PortProvenance>,
    /// Unlisted port counts of each entry that covers any port, if it was folded from several entries.
    pub(super) entries: Option<Vec<Vec<ExtraPorts<'a>>>>,
    /// Role of a look that comes from a saved state.
    pub(super) past: Option<Role<'a>>,
}

impl<'a> Look<'a> {
    /// Creates a look that comes from a saved state.
    pub(super) fn of_past(
        facts: LookFacts,
        host: Host<'a>,
        entries: Option<Vec<Vec<ExtraPorts<'a>>>>,
        role: Role<'a>,
    ) -> Self {
        Self { facts, host, ports: Vec::new(), entries, past: Some(role) }
    }

    /// Returns the `extra_ports` of each entry that covers any port.
    pub(crate) fn covering_entries(&self) -> Vec<&[ExtraPorts<'a>]> {
        match &self.entries {
            _ if !self.facts.whole => Vec::new(),
            Some(entries) => entries.iter().map(Vec::as_slice).collect(),
            None => vec![&self.host.extra_ports],
        }
    }

    /// Returns the first and the last time at which a port of the look was seen.
    pub(super) fn port_times(&self, index: i32) -> Times {
        let of_folded = usize::try_from(index).ok().and_then(|index| self.ports.get(index));
        of_folded
            .map_or((self.facts.first, self.facts.last), |port| (port.seen.first, port.seen.last))
    }
}

/// Policy and facts about the scans that decide how hosts merge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'r> {
    pub(super) policy: &'r MergePolicy,
    pub(super) scans: &'r [ScanFacts],
    /// Number of each used scan by its arrival number, and the reverse.
    pub(super) numbers: &'r [Option<ScanIndex>],
    pub(super) arrivals: &'r [ScanIndex],
    /// First scan, to which flags do not apply.
    pub(super) caller: ScanIndex,
    /// Hosts and ports last seen before this time are left out.
    pub(super) oldest: Option<Timestamp>,
}

impl<'r> Rules<'r> {
    pub(super) fn scan(&self, scan: ScanIndex) -> (ScanIndex, &'r ScanFacts) {
        static UNKNOWN: ScanFacts = ScanFacts::unknown();
        (scan, self.scans.get(index(scan)).unwrap_or(&UNKNOWN))
    }

    /// Returns the number of a used scan by its arrival number.
    pub(super) fn number(&self, arrival: ScanIndex) -> Option<ScanIndex> {
        self.numbers.get(index(arrival)).copied().flatten()
    }

    /// Returns the arrival number of a scan.
    pub(super) fn arrival(&self, scan: ScanIndex) -> ScanIndex {
        self.arrivals.get(index(scan)).copied().unwrap_or(ScanIndex::MAX)
    }
}

/// Merged host.
#[derive(Debug)]
pub(super) struct Combined<'a> {
    pub(super) host: Host<'a>,
    pub(super) provenance: Provenance,
    /// Number of newer port records that lost to older ones and differ from them.
    pub(super) outdated: u64,
}

/// Merges the observations of one host. Entries are in order, those of one scan adjacent; there is at least one entry
/// or one past.
///
/// # Errors
/// Returns [`OutOfOrder`] if a look cannot be placed among those of the pasts.
pub(super) fn merge<'a>(
    entries: Vec<Entry<'a>>,
    pasts: Vec<Past<'a>>,
    rules: Rules<'_>,
    (explain, keeper): (&mut Explain<'a>, &mut Keeper<'a>),
) -> Result<Option<Combined<'a>>, OutOfOrder> {
    let looks = looks(entries, rules);
    let of_looks = looks.iter().filter_map(|look| look.facts.first);
    let all_first = of_looks.chain(pasts.iter().filter_map(|past| past.first)).min();
    let Current { mut looks, mut pasts, mac, begin } = current(looks, pasts, rules)?;
    for (place, past) in pasts.iter_mut().enumerate() {
        looks.extend(past.take_looks(place, rules));
    }
    let mut group = Group { pasts, ..Group::new(looks, rules, false) };
    group.apply_flags();
    let Some(mut combined) = group.combined(explain, keeper) else { return Ok(None) };
    combined.provenance.seen.first = all_first;
    if keeper.is_on() {
        let past = keeper.past_mut();
        (past.first, past.outdated) = (all_first, combined.outdated);
        (past.mac, past.begin) = (mac, begin);
    }
    Ok(Some(combined))
}

/// Folds entries into looks and returns those that count, best first.
pub(super) fn ranked_looks<'a>(entries: Vec<Entry<'a>>, rules: Rules<'_>) -> Vec<Look<'a>> {
    // Without a past, every look can be placed.
    let looks = current(looks(entries, rules), Vec::new(), rules).map(|current| current.looks);
    Group::new(looks.unwrap_or_default(), rules, false).looks
}

/// Folds the entries of one scan into a look.
pub(super) fn look<'a>(entries: Vec<Entry<'a>>, rules: Rules<'_>) -> Option<Look<'a>> {
    looks(entries, rules).pop()
}

/// Looks at one host, or entries of one look, best first.
pub(super) struct Group<'a, 'r> {
    pub(super) rules: Rules<'r>,
    /// True while the entries of one scan are folded.
    pub(super) folding: bool,
    pub(super) looks: Vec<Look<'a>>,
    /// Summaries of saved looks that were dropped.
    pub(super) pasts: Vec<Past<'a>>,
    /// Index of the look that is first in the order of the arguments.
    base: usize,
}

impl<'a, 'r> Group<'a, 'r> {
    pub(super) fn new(mut looks: Vec<Look<'a>>, rules: Rules<'r>, folding: bool) -> Self {
        looks.sort_by(|a, b| a.facts.rank(&b.facts, rules.policy.precedence));
        let first = looks.iter().enumerate().min_by_key(|(_, look)| look.facts.order);
        let base = first.map_or(0, |(place, _)| place);
        Self { rules, folding, looks, pasts: Vec::new(), base }
    }

    /// Removes everything that flags turn off. The facts and coverage of the looks are known by then.
    fn apply_flags(&mut self) {
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
    ) -> Option<Combined<'a>> {
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
        Some(Combined { host, provenance, outdated })
    }

    /// Returns the index of the look that is first in the order of the arguments.
    pub(super) fn base(&self) -> usize {
        self.base
    }

    /// Returns looks that are not included in the sums of a past.
    fn fresh(&self) -> impl Iterator<Item = &Look<'a>> {
        self.looks.iter().filter(|look| look.past.is_none())
    }

    pub(super) fn is_complete(&self) -> bool {
        self.fresh().any(|look| look.host.complete) || self.pasts.iter().any(|past| past.complete)
    }

    pub(super) fn provenance(&self) -> Provenance {
        let facts = || self.fresh().map(|look| look.facts);
        let pasts = || self.pasts.iter();
        let of_pasts = pasts().flat_map(|past| past.scans(self.rules));
        let mut scans: Vec<ScanIndex> = facts().map(|facts| facts.scan).chain(of_pasts).collect();
        scans.sort_unstable();
        scans.dedup();
        let up = facts().filter(|facts| facts.up);
        let counts = pasts().map(|past| past.count);
        Provenance {
            status: self.looks.first().map_or(0, |look| look.facts.scan),
            scans,
            seen: SeenRange {
                first: facts()
                    .filter_map(|facts| facts.first)
                    .chain(pasts().filter_map(|past| past.first))
                    .min(),
                last: up
                    .filter_map(|facts| facts.last)
                    .chain(pasts().filter_map(|past| past.last))
                    .max(),
                looked: facts()
                    .filter_map(|facts| facts.last)
                    .chain(pasts().filter_map(|past| past.looked))
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
        ports: &[crate::model::Port<'a>],
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
        let taken: Vec<&Look<'a>> =
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

fn has_hops(look: &Look<'_>) -> bool {
    look.host.traces.iter().any(|trace| !trace.hops.is_empty())
}

/// First and last time.
pub(super) type Times = (Option<Timestamp>, Option<Timestamp>);

pub(super) fn index(scan: ScanIndex) -> usize {
    usize::try_from(scan).unwrap_or(usize::MAX)
}

pub(super) fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
