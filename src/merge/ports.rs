//! Ports of hosts that become one: which record of each wins, and which are gone.

use std::mem;

use super::{
    coverage::HostCoverage,
    details::append,
    explain::Explain,
    group::{Group, Part, Times, count, index, seen},
    policy::{Precedence, Rank},
};
use crate::model::{Port, PortOrigin};

/// A record of a port, with the place of its host in the group.
type Record<'a> = (usize, Port<'a>);

impl<'a, 'r> Group<'a, 'r> {
    /// The ports of all hosts, each once, in order.
    pub(super) fn ports(&mut self, explain: &mut Explain<'a>) -> (Vec<Port<'a>>, Vec<PortOrigin>) {
        let precedence = self.rules.policy.precedence;
        let coverage = self.coverage();
        let (mut ports, mut origins) = (Vec::new(), Vec::new());
        let mut records = self.records().into_iter().peekable();
        while let Some((place, mut port)) = records.next() {
            let same = |(_, next): &Record<'a>| {
                (&next.protocol, next.number) == (&port.protocol, port.number)
            };
            let mut losers = Vec::new();
            while let Some(loser) = records.next_if(same) {
                losers.push(loser);
            }
            let Some(part) = self.part(place) else { continue };
            if let Some(by) = self.not_found_by(&coverage, place, &port) {
                explain.covered(&port, by.scan, part.scan);
                continue;
            }
            let of_losers = losers
                .iter()
                .filter_map(|(place, loser)| Some(self.times_of_port(self.part(*place)?, loser)));
            let seen = seen(std::iter::once(self.times_of_port(part, &port)).chain(of_losers));
            if self.folding && !losers.is_empty() {
                append(&mut port, losers.into_iter().map(|(_, loser)| loser));
            } else {
                for (place, loser) in losers {
                    let Some(of) = self.part(place) else { continue };
                    explain.port((part.scan, &port), (of.scan, &loser), precedence);
                }
            }
            port.index = count(ports.len());
            origins.push(PortOrigin { scan: part.scan, seen });
            ports.push(port);
        }
        (ports, origins)
    }

    fn part(&self, place: usize) -> Option<&Part<'a>> {
        self.parts.get(place).map(|(_, part)| part)
    }

    /// All records: those of one port together, the best first.
    fn records(&mut self) -> Vec<Record<'a>> {
        let precedence = self.rules.policy.precedence;
        let mut records: Vec<Record<'a>> = Vec::new();
        for (place, (_, part)) in self.parts.iter_mut().enumerate() {
            records.extend(mem::take(&mut part.host.ports).into_iter().map(|port| (place, port)));
        }
        let rank = |place: usize| self.parts.get(place).map(|(rank, _)| rank);
        records.sort_by(|(a, mine), (b, theirs)| {
            let same = (&mine.protocol, mine.number).cmp(&(&theirs.protocol, theirs.number));
            same.then_with(|| match (rank(*a), rank(*b)) {
                (Some(a), Some(b)) => Rank::compare_ports((a, mine), (b, theirs), precedence),
                _ => a.cmp(b),
            })
        });
        records
    }

    /// What was looked at on each host, if that may drop ports.
    fn coverage(&self) -> Vec<Option<HostCoverage<'r>>> {
        let policy = self.rules.policy;
        let drops = policy.precedence == Precedence::Latest && !policy.keep_covered;
        if !drops || self.folding || self.parts.len() < 2 {
            return Vec::new();
        }
        let of_part = |(_, part): &(Rank, Part<'a>)| {
            let facts = self.rules.scans.get(index(part.scan))?;
            Some(HostCoverage::of(&part.host, &facts.coverage))
        };
        self.parts.iter().map(of_part).collect()
    }

    /// The host that looked later for a port of the host at this place, and did not list it. One that ranks
    /// above a host that timed out may have been looked at earlier: it says nothing.
    fn not_found_by(
        &self,
        coverage: &[Option<HostCoverage<'_>>],
        place: usize,
        port: &Port<'a>,
    ) -> Option<&Part<'a>> {
        let (of, _) = self.parts.get(place)?;
        let better = self.parts.iter().zip(coverage).take(place);
        let mut found = better.filter(|((rank, _), looked)| {
            let looked = looked.as_ref().is_some_and(|l| l.has(&port.protocol, port.number));
            looked && rank.is_later(of)
        });
        found.next().map(|((_, part), _)| part)
    }

    /// When a host's port was seen.
    fn times_of_port(&self, of: &Part<'a>, port: &Port<'a>) -> Times {
        let of_folded = usize::try_from(port.index).ok().and_then(|index| of.ports.get(index));
        of_folded.map_or_else(|| self.times(of), |port| (port.seen.first, port.seen.last))
    }
}
