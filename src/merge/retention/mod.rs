//! Chooses the parts of the looks at a host that can still matter when more scans come.
//!
//! The size of a saved state must depend on its hosts, not on the number of scans. So of the looks at a host only
//! those parts are kept that a later scan could bring into the result; the rest is dropped and stays only in sums
//! ([`SavedHost`]). Whatever looks come, at whatever times, the result must equal that of all looks together. New looks
//! are always later in the order of the arguments, but may fall anywhere in time and so in rank. The proof, part by
//! part:
//!
//! **Values taken from the best look that has them** (under any policy: details and the route; names by type or by
//! name, addresses, OS matches, scripts by name; under `latest` the OS and the host scripts as a whole; the state of
//! the host, which all looks have; `extra_ports`). If a better look has the value too, a look can supply it only if
//! the better one is missing, and looks are never removed one by one. So a value that is not taken now never will be,
//! and a value that is taken now is kept.
//!
//! **Ports, under `caller`, `first` and `best`**: the first record in order moves as one piece, and the order of two
//! records does not depend on others. The same argument holds; losing records are in the sums.
//!
//! **Ports, under `latest`.** Consider the looks that list or cover a port in rank order. `state` is the first that
//! lists it, and `top` the first of all, which may only cover it. These are kept:
//!
//! - `state`, since a look below it that lists the port never supplies the state;
//! - `top`: the port is gone if a look that covers it is later than the one that lists it. Of those that cover it
//!   `top` is the latest, as only looks with evidence cover anything and these are in time order;
//! - the looks that services and scripts come from, if the state is the same from there to `state`;
//! - for each of `state` and `top`, the first look below it that saw another state: the barrier.
//!
//! A new look that supplies the state is above `state`. If the port is not gone then, the new look is above `top` as
//! well, or it has no evidence, and then neither has `state`. So a range between the look that supplies the state and
//! the one that supplies the services begins at `state`, or above `top`, or among looks without evidence, where it
//! contains `state`. If the range reaches a barrier, it contains two looks that differ, and looks below the barrier
//! add nothing; if not, all looks in it agree, and its kept end implies the same as all of it. For ports that the
//! saved host knows, the state that a kept look implies is recorded per port, so it does not matter which other parts
//! of the look were dropped.
//!
//! With `--keep-covered` a port is never gone, so a look may fall between those above `state`: then nothing may come
//! before `top` ([`Floor`]).
//!
//! **Ports that no look lists yet.** If a later look lists such a port, the looks that cover it decide if it is
//! gone, if its state changed, and when it was last looked for. Of two looks that cover the same ports with the
//! same states, the later one is enough. At most [`PATTERNS`] are kept; nothing may come before one that was dropped.
//!
//! **Devices.** Looks at an earlier device are dropped, except for the earliest time. A look with another MAC address
//! must be later than all looks of the saved host, and one with the same must not be earlier than the first look at the
//! device: see [`devices`](super::devices).
//!
//! A look that cannot be placed is an error ([`OutOfOrder`](super::devices::OutOfOrder)), never a different result.

mod coverage;
mod ports;

use super::{
    details::{Details, is_same_address, is_same_name},
    facts::LookFacts,
    group::Group,
    host_look::{HostLook, Mark, Rules},
    saved_host::{Floor, LookMoment, SavedHost, SavedLook, bits_of, runs_of},
};
use crate::model::{Address, ExtraPorts, Host, Hostname, OsClass, OsDetection};

/// Maximum number of looks per host that are kept for their coverage. Networks that are not hostile have fewer.
pub(super) const PATTERNS: usize = 16;

/// Collector of the parts of a host that are kept; collects nothing if no state is saved.
#[derive(Debug, Default)]
pub(super) struct Keeper<'a> {
    on: bool,
    /// Maximum number of looks that may be kept for their coverage.
    patterns: usize,
    looks: Vec<RetainedLook<'a>>,
    saved_host: SavedHost<'a>,
}

/// Parts of a look that are kept.
#[derive(Debug)]
struct RetainedLook<'a> {
    facts: LookFacts,
    stays: bool,
    covers: bool,
    entries: Option<Vec<Vec<ExtraPorts<'a>>>>,
    marks: Vec<Mark<'a>>,
    host: Host<'a>,
}

impl<'a> Keeper<'a> {
    pub(super) fn off() -> Self {
        Self::default()
    }

    pub(super) fn new(patterns: usize) -> Self {
        Self { on: true, patterns, ..Self::default() }
    }

    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    /// Collects everything except ports, before the parts are taken out of the looks.
    pub(super) fn host(&mut self, group: &Group<'a, '_>) {
        if !self.on {
            return;
        }
        let kept = |look: &HostLook<'a>| RetainedLook {
            facts: look.facts,
            stays: false,
            covers: false,
            entries: None,
            marks: Vec::new(),
            host: Host::new(look.host.index),
        };
        self.looks = group.looks.iter().map(kept).collect();
        self.sums(group);
        self.status(group);
        self.names(group);
        self.details(group);
        self.os(group);
        self.scripts(group);
        self.extra_ports(group);
        self.coverage(group);
    }

    fn stay(&mut self, place: usize) -> Option<&mut RetainedLook<'a>> {
        let kept = self.looks.get_mut(place)?;
        kept.stays = true;
        Some(kept)
    }

    fn sums(&mut self, group: &Group<'a, '_>) {
        let rules = group.rules;
        let provenance = group.provenance();
        let seen = provenance.seen;
        let scans = provenance.scans.iter().map(|scan| rules.arrival(*scan)).collect();
        let floors = group.saved_hosts.iter().filter_map(|saved_host| saved_host.floor);
        let (moments, looks) = (group.saved_hosts.iter(), group.looks.iter());
        let before = moments.filter_map(|saved_host| saved_host.horizon);
        let now = looks.filter(|look| look.role.is_none());
        let now = now.map(|look| LookMoment::of(&look.facts, rules));
        self.saved_host = SavedHost {
            scans: runs_of(scans),
            last: seen.last,
            looked: seen.looked,
            count: seen.count,
            complete: group.is_complete(),
            horizon: before.chain(now).max_by_key(|moment| moment.key(rules)),
            floor: floors.reduce(|one, other| higher(one, other, rules)),
            ..SavedHost::default()
        };
    }

    fn raise(&mut self, floor: Floor, rules: Rules<'_>) {
        self.saved_host.floor = Some(match self.saved_host.floor {
            Some(known) => higher(known, floor, rules),
            None => floor,
        });
    }

    /// Keeps the state and times of the best look.
    fn status(&mut self, group: &Group<'a, '_>) {
        let Some(best) = group.looks.first() else { return };
        let host = &best.host;
        if let Some(kept) = self.stay(0) {
            kept.host = Host {
                complete: host.complete,
                start_time: host.start_time,
                end_time: host.end_time,
                timed_out: host.timed_out,
                status: host.status.clone(),
                smurf_responses: host.smurf_responses,
                srtt_us: host.srtt_us,
                rttvar_us: host.rttvar_us,
                timeout_us: host.timeout_us,
                ..Host::new(host.index)
            };
        }
    }

    fn names(&mut self, group: &Group<'a, '_>) {
        let all = group.rules.policy.flags.names;
        if !all {
            // Without flag `names`, no other look may become the first.
            self.stay(group.base());
        }
        // Known addresses, with true if their vendor is known.
        let mut known: Vec<(&Address<'a>, bool)> = Vec::new();
        let mut names: Vec<&Hostname<'a>> = Vec::new();
        let by_type = group.is_latest();
        for (place, look) in group.looks.iter().enumerate() {
            if !all && place != group.base() {
                continue;
            }
            let (before, before_names) = (known.len(), names.len());
            let mut addresses = Vec::new();
            for address in &look.host.addresses {
                let mut better = known.iter_mut().take(before);
                match better.find(|(known, _)| is_same_address(known, address)) {
                    Some((_, has_vendor)) if *has_vendor || address.vendor.is_none() => continue,
                    Some((_, has_vendor)) => *has_vendor = true,
                    None => known.push((address, address.vendor.is_some())),
                }
                addresses.push(address.clone());
            }
            let mut own = Vec::new();
            for name in &look.host.hostnames {
                let is_known = |known: &&Hostname<'a>| {
                    if by_type { known.kind == name.kind } else { is_same_name(known, name) }
                };
                if !names.iter().take(before_names).any(is_known) {
                    names.push(name);
                    own.push(name.clone());
                }
            }
            if !(addresses.is_empty() && own.is_empty())
                && let Some(kept) = self.stay(place)
            {
                (kept.host.addresses, kept.host.hostnames) = (addresses, own);
            }
        }
    }

    /// Keeps details and the route.
    fn details(&mut self, group: &Group<'a, '_>) {
        let mut known = Details::default();
        for (place, look) in group.looks.iter().enumerate() {
            if let Some(new) = known.missing(&look.host)
                && let Some(kept) = self.stay(place)
            {
                new.clone().into_host(&mut kept.host);
                let mut host = Host::new(0);
                new.into_host(&mut host);
                known.fill(&mut host);
            }
        }
        let winner = group.best_route();
        if let Some(look) = group.looks.get(winner).filter(|look| !look.host.traces.is_empty())
            && let Some(kept) = self.stay(winner)
        {
            kept.host.traces.clone_from(&look.host.traces);
        }
    }

    fn os(&mut self, group: &Group<'a, '_>) {
        if group.is_latest() {
            if let Some(only) = group.only_os()
                && let Some(look) = group.looks.get(only)
                && let Some(kept) = self.stay(only)
            {
                kept.host.os = look.host.os.clone();
            }
            return;
        }
        let mut known = KnownOs::default();
        for (place, look) in group.looks.iter().enumerate() {
            let new = known.new_of(&look.host.os);
            if !new.is_empty()
                && let Some(kept) = self.stay(place)
            {
                kept.host.os = new;
            }
        }
    }

    fn scripts(&mut self, group: &Group<'a, '_>) {
        if group.is_latest() {
            if let Some(only) = group.only_scripts()
                && let Some(look) = group.looks.get(only)
                && let Some(kept) = self.stay(only)
            {
                kept.host.scripts.clone_from(&look.host.scripts);
            }
            return;
        }
        let mut names: Vec<&str> = Vec::new();
        for (place, look) in group.looks.iter().enumerate() {
            let known = names.len();
            let mut own = Vec::new();
            for script in &look.host.scripts {
                if !names.iter().take(known).any(|name| *name == script.name) {
                    names.push(&script.name);
                    own.push(script.clone());
                }
            }
            if !own.is_empty()
                && let Some(kept) = self.stay(place)
            {
                kept.host.scripts = own;
            }
        }
    }

    fn extra_ports(&mut self, group: &Group<'a, '_>) {
        let place = group.extra_ports_from();
        if let Some(look) = group.looks.get(place).filter(|look| !look.host.extra_ports.is_empty())
            && let Some(kept) = self.stay(place)
        {
            kept.host.extra_ports.clone_from(&look.host.extra_ports);
        }
    }

    /// Returns the collected saved host.
    pub(super) fn finish(self, rules: Rules<'_>) -> SavedHost<'a> {
        let looks = self.looks.into_iter().filter(|kept| kept.stays).map(|kept| SavedLook {
            moment: LookMoment::of(&kept.facts, rules),
            last: kept.facts.last,
            bits: bits_of(&kept.facts, kept.covers),
            listed: kept.facts.listed,
            entries: kept.entries,
            marks: kept.marks,
            host: kept.host,
        });
        SavedHost { looks: looks.collect(), ..self.saved_host }
    }

    /// Returns the saved host, for the fields that the keeper does not set itself; see [`SavedHost`].
    pub(super) fn saved_mut(&mut self) -> &mut SavedHost<'a> {
        &mut self.saved_host
    }
}

/// Combines two floors: no look may fall before either.
fn higher(one: Floor, other: Floor, rules: Rules<'_>) -> Floor {
    let is_higher = one.moment.key(rules) >= other.moment.key(rules);
    let moment = if is_higher { one.moment } else { other.moment };
    Floor { moment, last: one.last.max(other.last) }
}

/// Parts of the operating system that better looks have.
#[derive(Default)]
struct KnownOs<'h> {
    names: Vec<Option<&'h str>>,
    classes: bool,
    fingerprints: bool,
    ports_used: bool,
}

impl<'h> KnownOs<'h> {
    /// Returns the parts that no better look has. Must be called with better looks first.
    fn new_of<'a>(&mut self, os: &'h OsDetection<'a>) -> OsDetection<'a> {
        let mut new = OsDetection::default();
        let known = self.names.len();
        let mut places: Vec<Option<usize>> = Vec::with_capacity(os.matches.len());
        for found in &os.matches {
            let name = found.name.as_deref();
            let is_new = !self.names.iter().take(known).any(|known| *known == name);
            places.push(is_new.then_some(new.matches.len()));
            if is_new {
                self.names.push(name);
                new.matches.push(found.clone());
            }
        }
        let takes_classes = !self.classes;
        for class in &os.classes {
            let of_match = class.match_index.and_then(|place| usize::try_from(place).ok());
            let match_index = match of_match.and_then(|place| places.get(place)) {
                Some(Some(place)) => i32::try_from(*place).ok(),
                Some(None) => continue,
                None => {
                    self.classes = true;
                    if !takes_classes {
                        continue;
                    }
                    None
                }
            };
            new.classes.push(OsClass { match_index, ..class.clone() });
        }
        if !self.fingerprints && !os.fingerprints.is_empty() {
            self.fingerprints = true;
            new.fingerprints.clone_from(&os.fingerprints);
        }
        if !self.ports_used && !os.ports_used.is_empty() {
            self.ports_used = true;
            new.ports_used.clone_from(&os.ports_used);
        }
        new
    }
}
