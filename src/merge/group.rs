//! What several scans saw of one host becomes one host (docs/merge.md). The result depends on the hosts, their
//! order and the policy alone: with all hosts of a key together, any caller gets the same.
//!
//! It takes two steps. The entries of each scan are folded into one [`Look`] of it, which loses nothing; then the
//! looks are put in order, the best first, and each part of the host is taken from the look that the policy
//! says. Both are done by a [`Group`], whose field `folding` says which of the two it does.

use std::mem;

use super::{
    details::{Details, addresses, hostnames, hostnames_by_type, strip, without_listed},
    explain::Explain,
    look::{Folded, LookFacts, ScanFacts, answered, current_device},
    policy::{MergePolicy, Precedence},
    ports::drop_old,
};
use crate::model::{
    Address, ExtraPorts, Host, Hostname, Origins, PortOrigin, PortState, ScanNumber, Seen,
    Timestamp, Trace,
};

/// A host element of a scan.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) scan: ScanNumber,
    /// Place in the order of the arguments.
    pub(super) order: u64,
    pub(super) host: Host<'a>,
}

/// One scan's observation of one host: its entries in that scan, folded into one.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    pub(crate) facts: LookFacts,
    pub(crate) host: Host<'a>,
    /// When its ports were seen, by their index, if it was folded of several entries.
    ports: Vec<PortOrigin>,
    /// What the entries count without listing it, if it was folded of several: of those that cover anything.
    entries: Option<Vec<Vec<ExtraPorts<'a>>>>,
}

impl<'a> Look<'a> {
    /// The `extra_ports` of each entry that covers anything.
    pub(crate) fn covering_entries(&self) -> Vec<&[ExtraPorts<'a>]> {
        match &self.entries {
            _ if !self.facts.whole => Vec::new(),
            Some(entries) => entries.iter().map(Vec::as_slice).collect(),
            None => vec![&self.host.extra_ports],
        }
    }

    /// When a port of it was seen.
    pub(super) fn port_times(&self, index: i32) -> Times {
        let of_folded = usize::try_from(index).ok().and_then(|index| self.ports.get(index));
        of_folded
            .map_or((self.facts.first, self.facts.last), |port| (port.seen.first, port.seen.last))
    }
}

/// How hosts merge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'r> {
    pub(super) policy: &'r MergePolicy,
    pub(super) scans: &'r [ScanFacts],
    /// The first scan: flags leave it alone.
    pub(super) caller: ScanNumber,
    /// What was seen last before this time is left out.
    pub(super) oldest: Option<Timestamp>,
}

impl<'r> Rules<'r> {
    pub(super) fn scan(&self, scan: ScanNumber) -> (ScanNumber, &'r ScanFacts) {
        static UNKNOWN: ScanFacts = ScanFacts::unknown();
        (scan, self.scans.get(index(scan)).unwrap_or(&UNKNOWN))
    }
}

/// A host that was merged.
#[derive(Debug)]
pub(super) struct Combined<'a> {
    pub(super) host: Host<'a>,
    pub(super) origins: Origins,
    /// Newer records of ports that lost to older ones and say something else.
    pub(super) outdated: u64,
}

/// Merges what scans saw of one host. Entries are in order, those of one scan next to each other, and there is at
/// least one.
pub(super) fn merge<'a>(
    entries: Vec<Entry<'a>>,
    rules: Rules<'_>,
    explain: &mut Explain<'a>,
) -> Option<Combined<'a>> {
    let looks = looks(entries, rules);
    let all_first = looks.iter().filter_map(|look| look.facts.first).min();
    let mut group = Group::new(current(looks, rules.policy), rules, false);
    group.apply_flags();
    let mut combined = group.combined(explain)?;
    combined.origins.seen.first = all_first;
    Some(combined)
}

/// Folds entries to looks that count, the best first.
pub(super) fn ranked_looks<'a>(entries: Vec<Entry<'a>>, rules: Rules<'_>) -> Vec<Look<'a>> {
    Group::new(current(looks(entries, rules), rules.policy), rules, false).looks
}

/// Folds the entries of one scan.
pub(super) fn look<'a>(entries: Vec<Entry<'a>>, rules: Rules<'_>) -> Option<Look<'a>> {
    looks(entries, rules).pop()
}

fn looks<'a>(entries: Vec<Entry<'a>>, rules: Rules<'_>) -> Vec<Look<'a>> {
    let mut looks: Vec<Look<'a>> = Vec::with_capacity(entries.len());
    let mut entries = entries.into_iter().peekable();
    while let Some(first) = entries.next() {
        let scan = first.scan;
        let mut same = vec![look_of(first, rules)];
        while let Some(next) = entries.next_if(|next| next.scan == scan) {
            same.push(look_of(next, rules));
        }
        looks.extend(fold(same, rules));
    }
    looks
}

fn look_of<'a>(entry: Entry<'a>, rules: Rules<'_>) -> Look<'a> {
    let Entry { scan, order, host } = entry;
    let facts = LookFacts::new(&host, rules.scan(scan), order, None);
    Look { facts, host, ports: Vec::new(), entries: None }
}

/// Entries of one scan become one look.
fn fold<'a>(mut entries: Vec<Look<'a>>, rules: Rules<'_>) -> Option<Look<'a>> {
    if entries.len() == 1 {
        return entries.pop();
    }
    let (scan, order) = entries.first().map(|first| (first.facts.scan, first.facts.order))?;
    let hosts = || entries.iter().map(|entry| &entry.host);
    let start = hosts().filter_map(|host| host.start_time).min();
    let end = hosts().filter_map(|host| host.end_time).max();
    let folded = Folded {
        first: hosts().filter_map(|host| host.start_time.or(host.end_time)).min(),
        last: hosts().filter_map(|host| host.end_time.or(host.start_time)).max(),
        complete: hosts().all(|host| host.complete),
        answered: hosts().any(answered),
    };
    let whole = entries.iter().filter(|entry| entry.facts.whole);
    let mut covering: Vec<_> = whole.map(|entry| entry.host.extra_ports.clone()).collect();
    // Those that count nothing are all alike: masscan has thousands of them.
    let mut has_empty = false;
    covering.retain(|extra| !extra.is_empty() || !mem::replace(&mut has_empty, true));
    if folded.first.is_some() {
        // An entry without times has those of its look, not those of the scan.
        for entry in entries.iter_mut().filter(|entry| !has_times(&entry.host)) {
            (entry.facts.first, entry.facts.last) = (folded.first, folded.last);
        }
    }
    let combined = Group::new(entries, rules, true).combined(&mut Explain::off())?;
    let mut host = combined.host;
    (host.start_time, host.end_time) = (start, end);
    let facts = LookFacts::new(&host, rules.scan(scan), order, Some(folded));
    Some(Look { facts, host, ports: combined.origins.ports, entries: Some(covering) })
}

fn has_times(host: &Host<'_>) -> bool {
    host.start_time.or(host.end_time).is_some()
}

/// Keeps only the looks at the device that has the address now, if the policy distinguishes devices.
fn current<'a>(mut looks: Vec<Look<'a>>, policy: &MergePolicy) -> Vec<Look<'a>> {
    if policy.precedence == Precedence::Latest && !policy.keep_identity && looks.len() > 1 {
        let moment =
            |look: usize| looks.get(look).map(|look| look.facts.moment()).unwrap_or_default();
        let mac = |look: usize| Some(&*looks.get(look)?.host.mac()?.text);
        let mut current = current_device(looks.len(), moment, mac).into_iter();
        looks.retain(|_| current.next().unwrap_or_default());
    }
    looks
}

/// Looks at one host, or entries of one, the best first.
pub(super) struct Group<'a, 'r> {
    pub(super) rules: Rules<'r>,
    /// Whether they are entries of one scan.
    pub(super) folding: bool,
    pub(super) looks: Vec<Look<'a>>,
    /// Of these, the place of the first in the order of the arguments.
    base: usize,
}

impl<'a, 'r> Group<'a, 'r> {
    fn new(mut looks: Vec<Look<'a>>, rules: Rules<'r>, folding: bool) -> Self {
        looks.sort_by(|a, b| a.facts.rank(&b.facts, rules.policy.precedence));
        let first = looks.iter().enumerate().min_by_key(|(_, look)| look.facts.order);
        let base = first.map_or(0, |(place, _)| place);
        Self { rules, folding, looks, base }
    }

    /// Takes away what flags turn off. What was looked for and covered is known by then.
    fn apply_flags(&mut self) {
        let (flags, caller) = (self.rules.policy.flags, self.rules.caller);
        for look in self.looks.iter_mut().filter(|look| look.facts.scan != caller) {
            strip(&mut look.host, &flags);
        }
    }

    /// Whether the policy is `latest`, and looks are merged rather than entries.
    pub(super) fn is_latest(&self) -> bool {
        self.rules.policy.precedence == Precedence::Latest && !self.folding
    }

    fn combined(mut self, explain: &mut Explain<'a>) -> Option<Combined<'a>> {
        let precedence = self.rules.policy.precedence;
        explain.of_hosts(&self.looks, precedence);
        explain.details(&self.looks, precedence, self.takes_names());
        let mut origins_of_host = self.origins();
        let (addresses, hostnames) = self.names(explain);
        let (mut ports, mut port_origins, outdated) = self.ports(explain);
        let (os, matches, classes) = self.os(explain);
        let (scripts, script_origins) = self.scripts(explain);
        let (traces, trace_origin) = self.traces(explain);
        let complete = self.looks.iter().any(|look| look.host.complete);
        let details = self.details();
        if let Some(oldest) = self.rules.oldest.filter(|_| !self.folding) {
            explain.forget_ports(&drop_old(&mut ports, &mut port_origins, oldest));
        }
        // A look that saw the host down may list ports of it.
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
        let origins = Origins {
            ports: port_origins,
            scripts: script_origins,
            matches,
            classes,
            traces: trace_origin,
            ..origins_of_host
        };
        Some(Combined { host, origins, outdated })
    }

    fn origins(&self) -> Origins {
        let facts = || self.looks.iter().map(|look| look.facts);
        let mut scans: Vec<ScanNumber> = facts().map(|facts| facts.scan).collect();
        scans.sort_unstable();
        scans.dedup();
        Origins {
            status: facts().next().map_or(0, |facts| facts.scan),
            scans,
            seen: Seen {
                first: facts().filter_map(|facts| facts.first).min(),
                last: facts().filter(|facts| facts.up).filter_map(|facts| facts.last).max(),
                looked: facts().filter_map(|facts| facts.last).max(),
                count: count(self.looks.len()),
            },
            ..Origins::default()
        }
    }

    /// Counts of ports that are not listed singly, without those that are.
    fn extra_ports(
        &mut self,
        ports: &[crate::model::Port<'a>],
        explain: &mut Explain<'a>,
    ) -> Vec<ExtraPorts<'a>> {
        let precedence = self.rules.policy.precedence;
        let of_first = self.folding || precedence == Precedence::Caller;
        let winner = if of_first {
            let with_any =
                self.looks.iter().enumerate().filter(|(_, l)| !l.host.extra_ports.is_empty());
            with_any.min_by_key(|(_, look)| look.facts.order).map_or(0, |(place, _)| place)
        } else {
            0
        };
        let Some(look) = self.looks.get(winner) else { return Vec::new() };
        let mut extra_ports = look.host.extra_ports.clone();
        if !self.folding && precedence != Precedence::Caller {
            without_listed(&mut extra_ports, ports);
        }
        explain.extra_ports(&self.looks, (winner, &extra_ports), precedence);
        extra_ports
    }

    /// Whether names and addresses of other looks than the first are taken.
    fn takes_names(&self) -> bool {
        self.folding || self.rules.policy.flags.names
    }

    /// Addresses and host names.
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

    /// Those of the best look that has hops.
    fn traces(&mut self, explain: &mut Explain<'a>) -> (Vec<Trace<'a>>, ScanNumber) {
        let precedence = self.rules.policy.precedence;
        let has_hops =
            |look: &Look<'a>| look.host.traces.iter().any(|trace| !trace.hops.is_empty());
        let winner = self.looks.iter().position(has_hops).unwrap_or(0);
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

    /// Each from the best look that has it.
    fn details(&mut self) -> Details<'a> {
        let mut details = Details::default();
        for look in &mut self.looks {
            details.fill(&mut look.host);
        }
        details
    }
}

/// The first and the last time.
pub(super) type Times = (Option<Timestamp>, Option<Timestamp>);

pub(super) fn index(scan: ScanNumber) -> usize {
    usize::try_from(scan).unwrap_or(usize::MAX)
}

pub(super) fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
