//! Chooses the looks that are kept for what they cover; [`retention`](super) explains the rules.

use std::cmp::Reverse;

use super::{
    super::{
        group::Group,
        host_look::HostLook,
        saved_host::{Floor, LookMoment},
    },
    Keeper,
};
use crate::model::ExtraPorts;

impl<'a> Keeper<'a> {
    /// Keeps looks that decide about ports which no look lists yet.
    pub(super) fn coverage(&mut self, group: &Group<'a, '_>) {
        let mut covering: Vec<(usize, &HostLook<'a>)> =
            group.looks.iter().enumerate().filter(|(_, look)| group.covers_any(look)).collect();
        covering.sort_by_key(|(_, look)| Reverse(look.facts.moment()));
        let mut later: Vec<&HostLook<'a>> = Vec::new();
        for (place, look) in covering {
            let covers_all = |later: &&HostLook<'a>| {
                later.facts.last >= look.facts.last && group.covers_alike(later, look)
            };
            if later.iter().any(covers_all) {
                continue;
            }
            if later.len() >= self.patterns {
                let moment = LookMoment::of(&look.facts, group.rules);
                self.raise(Floor { moment, last: look.facts.last }, group.rules);
                continue;
            }
            later.push(look);
            if let Some(kept) = self.stay(place) {
                kept.covers = true;
                kept.entries.clone_from(&look.entries);
                if look.entries.is_none() {
                    kept.host.extra_ports.clone_from(&look.host.extra_ports);
                }
            }
        }
    }
}

impl<'a> Group<'a, '_> {
    /// Returns true if a look covers any port.
    fn covers_any(&self, look: &HostLook<'a>) -> bool {
        let has_lists = || {
            let mut extra = look.covering_entries().into_iter().flatten();
            extra.any(|extra| extra.reasons.iter().any(|reason| reason.ports.is_some()))
        };
        let (_, scan) = self.rules.scan(look.facts.scan);
        look.facts.whole
            && look.role.as_ref().is_none_or(|role| role.covers)
            && (!scan.coverage.is_empty() || has_lists())
    }

    /// Returns true if two looks certainly cover the same ports and imply the same states for ports that no look
    /// lists.
    fn covers_alike(&self, one: &HostLook<'a>, other: &HostLook<'a>) -> bool {
        let class = |look: &HostLook<'a>| self.rules.scan(look.facts.scan).1.class;
        let flags = &self.rules.policy.flags;
        let is_callers = |look: &HostLook<'a>| look.facts.scan == self.rules.caller;
        let all_taken = flags.tcp && flags.udp && flags.sctp && flags.ip;
        let (mine, theirs) = (one.covering_entries(), other.covering_entries());
        class(one) == class(other)
            && (all_taken || is_callers(one) == is_callers(other))
            && mine.len() == theirs.len()
            && mine.iter().zip(theirs).all(|(mine, theirs)| says_alike(mine, theirs))
    }
}

/// Returns true if two lists name the same ports with the same states. Counts are not compared.
fn says_alike(mine: &[ExtraPorts<'_>], theirs: &[ExtraPorts<'_>]) -> bool {
    mine.len() == theirs.len()
        && mine.iter().zip(theirs).all(|(mine, theirs)| {
            mine.state == theirs.state
                && mine.reasons.len() == theirs.reasons.len()
                && mine.reasons.iter().zip(&theirs.reasons).all(|(mine, theirs)| {
                    (&mine.proto, &mine.ports) == (&theirs.proto, &theirs.ports)
                })
        })
}
