//! What several scans saw of one host becomes one host (DATA_MODEL section 5). It hangs on the hosts, their
//! order and the policy alone: whoever has all hosts of a key together gets the same.

use std::{cmp::Reverse, mem};

use super::{
    coverage::Coverage,
    details::{Details, strip},
    explain::Explain,
    policy::{MergePolicy, Rank},
};
use crate::model::{
    Address, ExtraPorts, Host, Hostname, Origins, Os, OsClass, OsMatch, PortOrigin, PortState,
    ScanNumber, Script, Seen, Timestamp, Trace,
};

/// What is known of a scan when its hosts merge.
#[derive(Debug, Clone, Default)]
pub(super) struct ScanFacts {
    /// When it began and ended.
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
    pub(super) coverage: Coverage,
}

/// A host of a scan.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) scan: ScanNumber,
    /// Place in the order of the arguments.
    pub(super) order: u64,
    pub(super) host: Host<'a>,
    /// The earliest start, else end, of its entries, if it was folded of several.
    pub(super) first: Option<Timestamp>,
    /// When its ports were seen, by their index, if it was folded of several.
    pub(super) ports: Vec<PortOrigin>,
}

/// How hosts merge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'r> {
    pub(super) policy: &'r MergePolicy,
    pub(super) scans: &'r [ScanFacts],
    /// The first scan: flags leave it alone.
    pub(super) caller: ScanNumber,
}

/// Merges what scans saw of one host; the parts are in order, and there is one at least.
pub(super) fn merge<'a>(
    parts: Vec<Part<'a>>,
    rules: Rules<'_>,
    explain: &mut Explain<'a>,
) -> Option<(Host<'a>, Origins)> {
    let mut folded: Vec<Part<'a>> = Vec::with_capacity(parts.len());
    let mut parts = parts.into_iter().peekable();
    while let Some(first) = parts.next() {
        let mut same = vec![first];
        while let Some(next) = parts.next_if(|next| same.iter().any(|p| p.scan == next.scan)) {
            same.push(next);
        }
        folded.extend(fold(same, rules));
    }
    Group::new(folded, rules, false).combined(explain)
}

/// Hosts of one scan become one.
fn fold<'a>(mut parts: Vec<Part<'a>>, rules: Rules<'_>) -> Option<Part<'a>> {
    if parts.len() == 1 {
        return parts.pop();
    }
    let (scan, order) = parts.first().map(|first| (first.scan, first.order))?;
    let start = parts.iter().filter_map(|part| part.host.start_time).min();
    let end = parts.iter().filter_map(|part| part.host.end_time).max();
    let first = parts.iter().filter_map(|part| part.host.start_time.or(part.host.end_time)).min();
    let (mut host, origins) = Group::new(parts, rules, true).combined(&mut Explain::off())?;
    (host.start_time, host.end_time) = (start, end);
    Some(Part { scan, order, host, first, ports: origins.ports })
}

/// Hosts of one key, best first.
pub(super) struct Group<'a, 'r> {
    pub(super) rules: Rules<'r>,
    /// Whether they are of one scan.
    pub(super) folding: bool,
    /// Each with its rank.
    pub(super) parts: Vec<(Rank, Part<'a>)>,
    /// Of these, the place of the first in the order of the arguments.
    base: usize,
}

impl<'a, 'r> Group<'a, 'r> {
    fn new(parts: Vec<Part<'a>>, rules: Rules<'r>, folding: bool) -> Self {
        let ranked = parts.into_iter().map(|mut part| {
            // What a host lists is counted before a flag turns ports off.
            let facts = rules.scans.get(index(part.scan));
            let time = facts.and_then(|facts| facts.end.or(facts.start));
            let rank = Rank::of(&part.host, time, part.order);
            if !folding && part.scan != rules.caller {
                strip(&mut part.host, &rules.policy.flags);
            }
            (rank, part)
        });
        let mut parts: Vec<_> = ranked.collect();
        parts.sort_by(|(a, _), (b, _)| a.compare(b, rules.policy.precedence));
        let first = parts.iter().enumerate().min_by_key(|(_, (_, part))| part.order);
        let base = first.map_or(0, |(place, _)| place);
        Self { rules, folding, parts, base }
    }

    fn combined(mut self, explain: &mut Explain<'a>) -> Option<(Host<'a>, Origins)> {
        let all = self.parts.iter().map(|(_, part)| part);
        explain.of_hosts(all.clone(), self.rules.policy);
        explain.details(&all, self.rules.policy.precedence);
        explain.extra_ports(all);
        let origins_of_host = self.origins();
        let extra_ports = self.first_extra_ports();
        let names = self.names();
        let (ports, port_origins) = self.ports(explain);
        let (os, matches, classes) = self.os(explain);
        let (scripts, script_origins) = self.scripts(explain);
        let (traces, trace_origin) = self.traces(explain);
        let complete = self.parts.iter().any(|(_, part)| part.host.complete);
        let details = self.details();
        let mut host = self.parts.into_iter().next()?.1.host;
        host.complete = complete;
        (host.addresses, host.hostnames) = names;
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
        Some((host, origins))
    }

    fn origins(&self) -> Origins {
        let mut scans: Vec<ScanNumber> = self.parts.iter().map(|(_, part)| part.scan).collect();
        scans.sort_unstable();
        scans.dedup();
        Origins {
            status: self.parts.first().map_or(0, |(_, part)| part.scan),
            scans,
            seen: seen(self.parts.iter().map(|(_, part)| self.times(part))),
            ..Origins::default()
        }
    }

    /// When a host was seen, by itself, else by its scan.
    pub(super) fn times(&self, part: &Part<'_>) -> Times {
        let (start, end) = (part.host.start_time, part.host.end_time);
        let facts = self.rules.scans.get(index(part.scan));
        let (scan_start, scan_end) = facts.map_or((None, None), |facts| (facts.start, facts.end));
        (
            part.first.or(start).or(end).or(scan_start).or(scan_end),
            end.or(start).or(scan_end).or(scan_start),
        )
    }

    /// Those of the first scan that has any.
    fn first_extra_ports(&mut self) -> Vec<ExtraPorts<'a>> {
        let with_any = self.parts.iter_mut().filter(|(_, part)| !part.host.extra_ports.is_empty());
        let first = with_any.min_by_key(|(_, part)| part.order);
        // Coverage is read from them later.
        first.map(|(_, part)| part.host.extra_ports.clone()).unwrap_or_default()
    }

    /// Addresses and host names of all, best first, each once.
    fn names(&self) -> (Vec<Address<'a>>, Vec<Hostname<'a>>) {
        let all = self.folding || self.rules.policy.flags.names;
        let (mut addresses, mut hostnames) = (Vec::new(), Vec::new());
        for (place, (_, part)) in self.parts.iter().enumerate() {
            if !all && place != self.base {
                continue;
            }
            for address in &part.host.addresses {
                let same = |a: &&mut Address<'a>| {
                    a.text == address.text && a.kind == address.kind && a.zone == address.zone
                };
                match addresses.iter_mut().find(same) {
                    Some(known) if known.vendor.is_none() => {
                        known.vendor.clone_from(&address.vendor);
                    }
                    Some(_) => {}
                    None => addresses.push(address.clone()),
                }
            }
            for name in &part.host.hostnames {
                let plain = plain_name(&name.name);
                let same = |n: &Hostname<'a>| plain_name(&n.name).eq_ignore_ascii_case(plain);
                if !hostnames.iter().any(same) {
                    hostnames.push(name.clone());
                }
            }
        }
        (addresses, hostnames)
    }

    fn os(&mut self, explain: &mut Explain<'a>) -> (Os<'a>, Vec<ScanNumber>, Vec<ScanNumber>) {
        let precedence = self.rules.policy.precedence;
        let mut os = Os::default();
        // Matches with their scan and the classes of each.
        let mut matches: Vec<(ScanNumber, OsMatch<'a>, Vec<OsClass<'a>>)> = Vec::new();
        let mut orphans: (ScanNumber, Vec<OsClass<'a>>) = (0, Vec::new());
        for (_, part) in &mut self.parts {
            let theirs = mem::take(&mut part.host.os);
            let known = matches.len();
            let mut own: Vec<Vec<OsClass<'a>>> =
                theirs.matches.iter().map(|_| Vec::new()).collect();
            let mut alone = Vec::new();
            for class in theirs.classes {
                let place = class.match_index.and_then(|place| usize::try_from(place).ok());
                match place.and_then(|place| own.get_mut(place)) {
                    Some(of_match) => of_match.push(class),
                    None => alone.push(OsClass { match_index: None, ..class }),
                }
            }
            for (found, classes) in theirs.matches.into_iter().zip(own) {
                let winner = matches.iter().take(known).find(|(_, m, _)| m.name == found.name);
                if let Some((scan, winner, _)) = winner {
                    explain.os_match((*scan, winner), (part.scan, &found), precedence);
                } else {
                    matches.push((part.scan, found, classes));
                }
            }
            if orphans.1.is_empty() {
                orphans = (part.scan, alone);
            }
            if os.fingerprints.is_empty() {
                os.fingerprints = theirs.fingerprints;
            }
            if os.ports_used.is_empty() {
                os.ports_used = theirs.ports_used;
            }
        }
        matches.sort_by_key(|(_, found, _)| Reverse(found.accuracy));
        let (mut match_origins, mut class_origins) = (Vec::new(), Vec::new());
        for (scan, found, classes) in matches {
            let place = count(os.matches.len());
            os.matches.push(found);
            match_origins.push(scan);
            for class in classes {
                os.classes.push(OsClass { match_index: Some(place), ..class });
                class_origins.push(scan);
            }
        }
        class_origins.extend(orphans.1.iter().map(|_| orphans.0));
        os.classes.append(&mut orphans.1);
        (os, match_origins, class_origins)
    }

    fn scripts(&mut self, explain: &mut Explain<'a>) -> (Vec<Script<'a>>, Vec<ScanNumber>) {
        let precedence = self.rules.policy.precedence;
        let (mut scripts, mut origins) = (Vec::<Script<'a>>::new(), Vec::<ScanNumber>::new());
        for (_, part) in &mut self.parts {
            let known = scripts.len();
            for script in mem::take(&mut part.host.scripts) {
                let place = scripts.iter().take(known).position(|s| s.name == script.name);
                if let Some((winner, scan)) = place.and_then(|p| scripts.get(p).zip(origins.get(p)))
                {
                    explain.script((*scan, winner), (part.scan, &script), precedence);
                } else {
                    scripts.push(script);
                    origins.push(part.scan);
                }
            }
        }
        (scripts, origins)
    }

    /// Those of the best host that has hops.
    fn traces(&mut self, explain: &mut Explain<'a>) -> (Vec<Trace<'a>>, ScanNumber) {
        let precedence = self.rules.policy.precedence;
        let has_hops =
            |part: &Part<'a>| part.host.traces.iter().any(|trace| !trace.hops.is_empty());
        let winner = self.parts.iter().position(|(_, part)| has_hops(part)).unwrap_or(0);
        if let Some((_, best)) = self.parts.get(winner) {
            for (_, part) in self.parts.iter().skip(winner.saturating_add(1)) {
                if has_hops(part) {
                    explain.traces(best, part, precedence);
                }
            }
        }
        match self.parts.get_mut(winner) {
            Some((_, part)) => (mem::take(&mut part.host.traces), part.scan),
            None => (Vec::new(), 0),
        }
    }

    /// Each from the best host that has it.
    fn details(&mut self) -> Details<'a> {
        let mut details = Details::default();
        for (_, part) in &mut self.parts {
            details.fill(&mut part.host);
        }
        details
    }
}

/// The first and the last time.
pub(super) type Times = (Option<Timestamp>, Option<Timestamp>);

/// When something was seen whose entries were seen then.
pub(super) fn seen(times: impl Iterator<Item = Times>) -> Seen {
    let mut seen = Seen::default();
    for (first, last) in times {
        seen.first = seen.first.into_iter().chain(first).min();
        seen.last = seen.last.max(last);
        seen.count = seen.count.saturating_add(1);
    }
    seen
}

/// A host name without the dot that may end it.
fn plain_name(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

pub(super) fn index(scan: ScanNumber) -> usize {
    usize::try_from(scan).unwrap_or(usize::MAX)
}

pub(super) fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
