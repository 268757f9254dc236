//! Merges the ports of the looks at one host: chooses the records that stay and removes ports that are gone.

use std::{cell::OnceCell, cmp::Ordering, mem};

use super::{
    coverage::{LookCoverage, UnlistedState},
    details::append,
    explain::{Explain, Loss},
    facts::{LookFacts, PortSources, Sightings, standing},
    group::Group,
    host_look::{HostLook, count},
    policy::Precedence,
    retention::Keeper,
    saved_host::SavedPort,
};
use crate::model::{
    CowStr, Port, PortProvenance, PortState, Protocol, ScanIndex, SeenRange, Service, Timestamp,
};

/// Record of a port with the index of its look.
type PortRecord<'a> = (usize, Port<'a>);

/// Records of one port, best first.
pub(super) struct SamePort<'g, 'a, 'r> {
    pub(super) group: &'g Group<'a, 'r>,
    /// Coverage of each look, computed on first use.
    coverage: &'g [OnceCell<LookCoverage<'r>>],
    pub(super) records: &'g [PortRecord<'a>],
}

impl<'a> Group<'a, '_> {
    /// Takes the ports of all looks, each once and in order. Also returns the number of newer records that lost and
    /// differ from the winner.
    pub(super) fn ports(
        &mut self,
        explain: &mut Explain<'a>,
        keeper: &mut Keeper<'a>,
    ) -> (Vec<Port<'a>>, Vec<PortProvenance>, u64) {
        let mut all = self.records();
        let coverage: Vec<_> = self.looks.iter().map(|_| OnceCell::new()).collect();
        let (mut ports, mut origins) = (Vec::new(), Vec::new());
        let mut outdated = self
            .saved_hosts
            .iter()
            .map(|saved_host| saved_host.outdated)
            .fold(0, u64::saturating_add);
        let mut begin = 0;
        while let Some((_, first)) = all.get(begin) {
            let same = |(_, next): &&PortRecord<'a>| {
                (&next.protocol, next.number) == (&first.protocol, first.number)
            };
            let len = all.iter().skip(begin).take_while(same).count();
            let end = begin.saturating_add(len);
            let Some(same) = all.get_mut(begin..end) else { break };
            begin = end;
            let records = SamePort { group: self, coverage: &coverage, records: same };
            let Some(standing) = records.standing() else { continue };
            keeper.port(&records, standing);
            if let Some(by) = standing.gone_by {
                records.explain_gone(by, explain);
                continue;
            }
            records.explain(standing, explain);
            outdated = outdated.saturating_add(records.outdated());
            let origin = records.origin(standing);
            let Some(mut port) = take(same, standing, self.folding) else { continue };
            port.index = count(ports.len());
            origins.push(origin);
            ports.push(port);
        }
        (ports, origins, outdated)
    }

    /// Returns all records. Those of one port are adjacent, best first.
    fn records(&mut self) -> Vec<PortRecord<'a>> {
        let mut records: Vec<PortRecord<'a>> = Vec::new();
        for (place, look) in self.looks.iter_mut().enumerate() {
            records.extend(mem::take(&mut look.host.ports).into_iter().map(|port| (place, port)));
        }
        let by_knowledge = self.rules.policy.precedence == Precedence::Best;
        let facts = |place: usize| self.looks.get(place).map(|look| &look.facts);
        records.sort_by(|(a, mine), (b, theirs)| {
            let same = (&mine.protocol, mine.number).cmp(&(&theirs.protocol, theirs.number));
            same.then_with(|| match (facts(*a), facts(*b)) {
                (Some(a), Some(b)) if by_knowledge => compare_knowledge((a, mine), (b, theirs)),
                // Looks are sorted, and so are their records.
                _ => a.cmp(b),
            })
        });
        records
    }
}

/// Takes the winning record, with the services and scripts of other records where these supply them.
fn take<'a>(
    records: &mut [PortRecord<'a>],
    standing: PortSources,
    folding: bool,
) -> Option<Port<'a>> {
    if folding {
        let mut ports = records.iter_mut().map(|(_, port)| mem::replace(port, nothing()));
        let mut port = ports.next()?;
        let others: Vec<Port<'a>> = ports.collect();
        if !others.is_empty() {
            append(&mut port, others);
        }
        return Some(port);
    }
    let of = |look: usize| records.iter().position(|(place, _)| *place == look);
    let (first, services, scripts) =
        (of(standing.state)?, of(standing.services)?, of(standing.scripts)?);
    let mut port = mem::replace(&mut records.get_mut(first)?.1, nothing());
    if services != first {
        port.services = mem::take(&mut records.get_mut(services)?.1.services);
    }
    if scripts != first {
        port.scripts = mem::take(&mut records.get_mut(scripts)?.1.scripts);
    }
    Some(port)
}

/// Returns a placeholder for a record that was taken.
fn nothing<'a>() -> Port<'a> {
    Port::new(Protocol::Tcp, 0, PortState::Closed)
}

impl<'a> SamePort<'_, 'a, '_> {
    /// Returns the times that saved hosts hold for the port.
    fn saved_hosts(&self) -> impl Iterator<Item = &SavedPort<'a>> {
        let name = self.records.first().map(|(_, port)| (&port.protocol, port.number));
        let saved_hosts = self.group.saved_hosts.iter();
        saved_hosts.filter_map(move |saved_host| {
            name.and_then(|(protocol, number)| saved_host.port(protocol, number))
        })
    }

    /// Returns the state that a look of a saved host implies for the port, if the saved host knows the port.
    fn unlisted_in_saved(&self, place: usize) -> Option<UnlistedState<'_>> {
        let role = self.look(place)?.role.as_ref()?;
        let (_, port) = self.records.first()?;
        let saved_host = self.group.saved_hosts.get(role.saved_host)?;
        let is_known = saved_host.port(&port.protocol, port.number).is_some();
        is_known.then(|| role.unlisted_state(&port.protocol, port.number))
    }

    /// Returns the looks that supply the parts of the port.
    fn standing(&self) -> Option<PortSources> {
        let look = self.records.first()?.0;
        if !self.group.is_latest() || self.group.looks.len() < 2 {
            // Under other policies, a record moves as one piece.
            return Some(PortSources { state: look, services: look, scripts: look, gone_by: None });
        }
        let listing: Vec<usize> = self.records.iter().map(|(place, _)| *place).collect();
        let standing = standing(&listing, self)?;
        let gone_by = standing.gone_by.filter(|_| !self.group.rules.policy.keep_covered);
        Some(PortSources { gone_by, ..standing })
    }

    fn look(&self, place: usize) -> Option<&HostLook<'a>> {
        self.group.looks.get(place)
    }

    fn scan(&self, place: usize) -> ScanIndex {
        self.look(place).map_or(0, |look| look.facts.scan)
    }

    pub(super) fn port(&self, place: usize) -> Option<&Port<'a>> {
        // A look may list the port more than once: its first record counts.
        let first = if self.group.rules.policy.precedence == Precedence::Best {
            self.records.iter().find(|(of, _)| *of == place)
        } else {
            // Records are in the order of their looks.
            let first = self.records.partition_point(|(of, _)| *of < place);
            self.records.get(first).filter(|(of, _)| *of == place)
        };
        first.map(|(_, port)| port)
    }

    /// Returns the coverage of a look. Looks other than the caller's cover no port of a protocol that flags turn off.
    fn coverage(&self, place: usize) -> Option<&LookCoverage<'_>> {
        let look = self.look(place)?;
        let rules = self.group.rules;
        let (_, port) = self.records.first()?;
        if look.facts.scan != rules.caller && !rules.policy.flags.takes(&port.protocol) {
            return None;
        }
        if look.role.as_ref().is_some_and(|role| !role.covers) {
            return None;
        }
        let make = || {
            let (_, scan) = rules.scan(look.facts.scan);
            LookCoverage::new(&scan.coverage, look.covering_entries())
        };
        Some(self.coverage.get(place)?.get_or_init(make))
    }

    /// Returns the scans that supply the port and the times at which it was seen.
    pub(super) fn origin(&self, standing: PortSources) -> PortProvenance {
        let listing = || {
            let looks = self.records.iter().map(|(place, port)| Some((self.look(*place)?, port)));
            looks.flatten().filter(|(look, _)| look.role.is_none())
        };
        let times = || listing().map(|(look, port)| look.port_times(port.index));
        let saved_hosts = || self.saved_hosts().map(|port| port.seen);
        let counts = saved_hosts().map(|seen| seen.count);
        let (firsts, lasts) =
            (saved_hosts().filter_map(|seen| seen.first), saved_hosts().map(|seen| seen.last));
        let last = times().map(|(_, last)| last).chain(lasts).max().flatten();
        let looked = saved_hosts().map(|seen| seen.looked).chain([last]).max().flatten();
        let seen = SeenRange {
            first: times().filter_map(|(first, _)| first).chain(firsts).min(),
            last,
            looked: if self.group.folding { last } else { self.last_looked(looked) },
            count: counts.fold(count(listing().count()), i32::saturating_add),
        };
        PortProvenance {
            scan: self.scan(standing.state),
            services: self.scan(standing.services),
            scripts: self.scan(standing.scripts),
            seen,
        }
    }

    /// Returns the time at which the port was last looked for, by a look that lists or covers it.
    fn last_looked(&self, listed: Option<Timestamp>) -> Option<Timestamp> {
        let mut last = listed;
        for (place, look) in self.group.looks.iter().enumerate() {
            if look.facts.last > last && self.port(place).is_none() && self.covers(place) {
                last = look.facts.last;
            }
        }
        last
    }

    /// Returns true if a look covers the port. Looks that are included in the times of a saved host return false.
    fn covers(&self, place: usize) -> bool {
        if self.unlisted_in_saved(place).is_some() {
            return false;
        }
        let Some((_, port)) = self.records.first() else { return false };
        self.coverage(place).is_some_and(|coverage| coverage.has(&port.protocol, port.number))
    }

    /// Returns the number of newer records that lost to an older one and differ from it. Counted only for the default
    /// policy.
    fn outdated(&self) -> u64 {
        if self.group.folding || self.group.rules.policy.precedence != Precedence::Caller {
            return 0;
        }
        let Some(((place, port), losers)) = self.records.split_first() else { return 0 };
        let moment = |place: usize| self.look(place).map(|look| look.facts.moment());
        let newer = losers.iter().filter(|(loser, theirs)| {
            moment(*loser) > moment(*place)
                && (theirs.state != port.state || theirs.services != port.services)
        });
        u64::try_from(newer.count()).unwrap_or(u64::MAX)
    }

    fn explain_gone(&self, by: usize, explain: &mut Explain<'a>) {
        let state = self.unlisted_state(by).known();
        for (place, port) in self.records {
            explain.gone(port, (self.scan(by), state), self.scan(*place));
        }
    }

    fn explain(&self, standing: PortSources, explain: &mut Explain<'a>) {
        if self.group.folding || self.records.len() < 2 || !explain.is_on() {
            return;
        }
        let (Some(port), Some(services), Some(scripts)) =
            (self.port(standing.state), self.port(standing.services), self.port(standing.scripts))
        else {
            return;
        };
        for (place, theirs) in self.records {
            let loser = self.scan(*place);
            let loss = |winner: usize| Loss {
                winner: self.scan(winner),
                loser,
                rule: self.group.rules.policy.precedence.name(),
            };
            if *place != standing.state {
                explain.port(port, theirs, loss(standing.state));
            }
            if *place != standing.services {
                explain.services((services, theirs), loss(standing.services));
            }
            if *place != standing.scripts {
                explain.port_scripts((scripts, theirs), loss(standing.scripts));
            }
        }
    }
}

impl Sightings for SamePort<'_, '_, '_> {
    fn facts(&self, look: usize) -> LookFacts {
        let look = self.look(look);
        debug_assert!(look.is_some(), "indexes come from the list of looks");
        look.map(|look| look.facts).unwrap_or_default()
    }

    fn state(&self, look: usize) -> &str {
        self.port(look).map_or("", |port| port.state.as_str())
    }

    fn unlisted_state(&self, look: usize) -> UnlistedState<'_> {
        if let Some(state) = self.unlisted_in_saved(look) {
            return state;
        }
        match (self.records.first(), self.coverage(look)) {
            (Some((_, port)), Some(coverage)) => {
                coverage.unlisted_state(&port.protocol, port.number)
            }
            _ => UnlistedState::NotCovered,
        }
    }
}

/// Compares two records of a port by how much they know; lower is better. Each comes with the facts of its look.
fn compare_knowledge(
    (facts, port): (&LookFacts, &Port<'_>),
    (other, theirs): (&LookFacts, &Port<'_>),
) -> Ordering {
    let timed_out = facts.timed_out.cmp(&other.timed_out);
    let known = worth(theirs).cmp(&worth(port));
    timed_out.then(known).then(facts.order.cmp(&other.order))
}

/// Returns how much a record of a port knows: the rank of its best service, and then true if the port is open.
fn worth(port: &Port<'_>) -> (Option<(u8, Option<i32>, usize)>, bool) {
    (port.services.iter().map(worth_of_service).max(), port.state == PortState::Open)
}

fn worth_of_service(service: &Service<'_>) -> (u8, Option<i32>, usize) {
    let method = match service.method.as_deref() {
        // nmap before 4.85 wrote `detection`.
        Some("probed" | "detection") => 3,
        _ if service.banner.is_some() => 2,
        Some("table") => 1,
        _ => 0,
    };
    let has = |text: &Option<CowStr<'_>>| usize::from(text.is_some());
    let known = has(&service.product)
        + has(&service.version)
        + has(&service.extra_info)
        + has(&service.hostname)
        + has(&service.os_type)
        + has(&service.device_type)
        + usize::from(!service.cpes.is_empty());
    (method, service.confidence, known)
}
