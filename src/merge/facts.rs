//! Facts about looks, and the rules that choose between several of them (docs/merge.md, "Terms" and "`latest`").
//!
//! This module alone decides what a look saw, what it looked for, and which looks count. `merge`, `watch --changes`,
//! `diff` and `history` all use it, so that a look hides and shows the same ports for each of them:
//!
//! - [`LookFacts`] are the facts that decide between looks. [`LookFacts::new`] reads them from the folded host before
//!   flags remove anything. [`RequestedInfo`] reads what the arguments of the scan ask for.
//! - [`LookFacts::rank`] orders looks under a policy, best first. All positions below refer to this order.
//! - [`current_device`] drops looks at another device that had the same address before.
//! - [`standing`] decides, for one port, which look supplies its state, its services and its scripts, and which look
//!   removes it. The rule "a quick look hides no versions" is implemented only there. It asks for coverage only where
//!   coverage decides, so a caller may build [`LookCoverage`](super::coverage::LookCoverage) lazily.
//!
//! A new kind of information that scans look for, like versions and scripts, becomes a field of `RequestedInfo` and of
//! `LookFacts`, and a rule in docs/merge.md that names the look it comes from.

use std::cmp::Ordering;

use super::{
    arguments::RequestedInfo,
    coverage::{Coverage, UnlistedState},
    policy::Precedence,
};
use crate::model::{
    ExtraPorts, Host, HostState, Port, PortState, ScanIndex, ScanSummary, Service, Timestamp,
};

/// Facts about a scan that merging its hosts needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScanFacts {
    /// Start time of the scan.
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
    /// Ports of its `scaninfo` elements.
    pub(crate) coverage: Coverage,
    /// Information that its arguments ask for.
    pub(crate) requested: RequestedInfo,
    /// Class of scans with equal coverage; assigned only if a state is saved.
    pub(crate) class: usize,
}

impl ScanFacts {
    /// Returns the facts of an unknown scan.
    pub(crate) const fn unknown() -> Self {
        Self {
            start: None,
            end: None,
            coverage: Coverage::nothing(),
            requested: RequestedInfo::nothing(),
            class: 0,
        }
    }

    /// Reads the facts from the record at the end of a scan.
    pub(crate) fn of(record: &ScanSummary) -> Self {
        Self {
            start: record.header.start_time,
            end: record.stats.end_time,
            coverage: Coverage::of(record),
            requested: RequestedInfo::from_args(record.header.args.as_deref()),
            class: 0,
        }
    }
}

/// Facts that decide between looks at a host.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent")]
pub(crate) struct LookFacts {
    pub(crate) scan: ScanIndex,
    /// Position in the order of the arguments.
    pub(crate) order: u64,
    /// End of the host, or the end or start of its scan if the host has none.
    pub(crate) time: Option<Timestamp>,
    /// Start of the host, or its end, or the start or end of its scan.
    pub(crate) first: Option<Timestamp>,
    /// End of the host, or its start, or the end or start of its scan.
    pub(crate) last: Option<Timestamp>,
    pub(crate) timed_out: bool,
    /// True if the host was up.
    pub(crate) up: bool,
    /// True if something answered: false for a host that timed out, or that was up only because of `-Pn`.
    pub(crate) evidence: bool,
    /// True if the host was up, there is evidence, and nothing was cut off: ports that are missing were not there.
    pub(crate) whole: bool,
    pub(crate) probed_services: bool,
    pub(crate) ran_scripts: bool,
    pub(crate) detected_os: bool,
    /// Information that the arguments of the scan ask for.
    pub(crate) requested: RequestedInfo,
    /// Number of ports that are listed singly.
    pub(crate) listed: i32,
}

/// Facts about several folded entries that the folded host does not hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoldedFacts {
    /// Earliest start, or end, of the entries.
    pub(crate) first: Option<Timestamp>,
    /// Latest end, or start, of the entries.
    pub(crate) last: Option<Timestamp>,
    /// True if no entry was cut off.
    pub(crate) complete: bool,
    /// True if a port of any entry answered.
    pub(crate) answered: bool,
}

impl LookFacts {
    /// Reads the facts from a host of a scan. `folded` is set if the host was folded from several entries.
    pub(crate) fn new(
        host: &Host<'_>,
        scan: (ScanIndex, &ScanFacts),
        order: u64,
        folded: Option<FoldedFacts>,
    ) -> Self {
        let (scan, facts) = scan;
        let (start, end) = (host.start_time, host.end_time);
        let timed_out = host.timed_out == Some(true);
        let up = host.status.state == HostState::Up;
        let assumed = up && host.status.reason.as_deref() == Some("user-set");
        let answers = || folded.map_or_else(|| answered(host), |folded| folded.answered);
        let evidence = !timed_out && (!assumed || answers());
        let complete = folded.map_or(host.complete, |folded| folded.complete);
        let whole = up && evidence && complete;
        let asked = |asked: bool| whole && asked;
        Self {
            scan,
            order,
            time: end.or(facts.end).or(facts.start),
            first: folded
                .and_then(|folded| folded.first)
                .or(start)
                .or(end)
                .or(facts.start)
                .or(facts.end),
            last: folded
                .and_then(|folded| folded.last)
                .or(end)
                .or(start)
                .or(facts.end)
                .or(facts.start),
            timed_out,
            up,
            evidence,
            whole,
            probed_services: asked(facts.requested.versions)
                || host.ports.iter().any(|port| is_probed(&port.services)),
            ran_scripts: asked(facts.requested.scripts)
                || !host.scripts.is_empty()
                || host.ports.iter().any(|port| !port.scripts.is_empty()),
            detected_os: asked(facts.requested.os) || !host.os.is_empty(),
            requested: facts.requested,
            listed: host.ports_listed,
        }
    }

    /// Compares looks under a policy; lower is better.
    pub(crate) fn rank(&self, other: &Self, precedence: Precedence) -> Ordering {
        let earlier = self.order.cmp(&other.order);
        match precedence {
            Precedence::Caller | Precedence::First => earlier,
            Precedence::Latest => {
                other.evidence.cmp(&self.evidence).then(other.moment().cmp(&self.moment()))
            }
            Precedence::Best => self
                .timed_out
                .cmp(&other.timed_out)
                .then(other.listed.cmp(&self.listed))
                .then(earlier),
        }
    }

    /// Returns the sort key of a look by time. Of equal times, the later argument is later.
    pub(crate) fn moment(&self) -> (Option<Timestamp>, u64) {
        (self.time, self.order)
    }
}

/// Returns true if a scan looked for versions. nmap before 4.85 wrote `detection` for `probed`.
pub(crate) fn is_probed(services: &[Service<'_>]) -> bool {
    services.iter().any(|s| matches!(s.method.as_deref(), Some("probed" | "detection")))
}

/// Returns true if a port of the host answered.
pub(crate) fn answered(host: &Host<'_>) -> bool {
    let is_answer = |state: &PortState<'_>| {
        matches!(state, PortState::Open | PortState::Closed | PortState::Unfiltered)
    };
    let counts = |extra: &ExtraPorts<'_>| {
        extra.state.as_ref().is_some_and(is_answer) && extra.count != Some(0)
    };
    host.ports.iter().any(|port: &Port<'_>| is_answer(&port.state))
        || host.extra_ports.iter().any(counts)
}

/// Device at an address, as looks in time order show it.
#[derive(Debug)]
pub(crate) struct Device<M> {
    /// MAC address of the last look that has one.
    mac: Option<M>,
}

impl<M> Default for Device<M> {
    fn default() -> Self {
        Self { mac: None }
    }
}

impl<M: PartialEq> Device<M> {
    /// Takes the MAC address of the next look. Returns true if another device begins with it.
    pub(crate) fn begins(&mut self, mac: Option<M>) -> bool {
        let Some(found) = mac else { return false };
        let begins = self.mac.as_ref().is_some_and(|known| *known != found);
        self.mac = Some(found);
        begins
    }
}

/// Returns, for each look, true if it is at the device that has the address now: the look is not before the last look
/// whose MAC address differs from that of the look before it. Looks without a MAC address are skipped in this
/// comparison. Looks may be in any order.
pub(crate) fn current_device<'m>(
    looks: usize,
    moment: impl Fn(usize) -> (Option<Timestamp>, u64),
    mac: impl Fn(usize) -> Option<&'m str>,
) -> Vec<bool> {
    let mut in_time: Vec<usize> = (0..looks).collect();
    in_time.sort_by_key(|look| moment(*look));
    let (mut device, mut begins) = (Device::default(), 0);
    for (place, look) in in_time.iter().enumerate() {
        if device.begins(mac(*look)) {
            begins = place;
        }
    }
    let mut current = vec![false; looks];
    for look in in_time.into_iter().skip(begins) {
        if let Some(current) = current.get_mut(look) {
            *current = true;
        }
    }
    current
}

/// Looks that supply the parts of a port, by their index in rank order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PortSources {
    /// Look that supplies the state, the reason and the owner.
    pub(crate) state: usize,
    pub(crate) services: usize,
    pub(crate) scripts: usize,
    /// Later look that covers the port and does not list it: the port is gone.
    pub(crate) gone_by: Option<usize>,
}

/// Access to the looks at a host from the view of one port.
pub(crate) trait Sightings {
    /// Returns the facts of a look.
    fn facts(&self, look: usize) -> LookFacts;
    /// Returns the state of the port in a look that lists it.
    fn state(&self, look: usize) -> &str;
    /// Returns the state that a look which does not list the port implies for it.
    fn unlisted_state(&self, look: usize) -> UnlistedState<'_>;
}

/// Chooses the looks that supply the parts of a port under `latest`. `listing` holds the looks that list it, in rank
/// order.
///
/// Services and scripts come from the best look that looked for them and lists the port, unless a look between that
/// one and the one that supplies the state saw the port in another state.
pub(crate) fn standing(listing: &[usize], sightings: &impl Sightings) -> Option<PortSources> {
    let state = *listing.first()?;
    let given = sightings.facts(state);
    // A look that ranks above a look without evidence may be earlier in time: it does not count.
    let gone_by = (0..state).find(|look| {
        sightings.facts(*look).moment() > given.moment()
            && sightings.unlisted_state(*look).is_covered()
    });
    let source = |looked_for: fn(LookFacts) -> bool| {
        let found = listing.iter().copied().find(|look| looked_for(sightings.facts(*look)));
        found.filter(|look| is_unchanged(listing, (state, *look), sightings)).unwrap_or(state)
    };
    let services = source(|facts| facts.probed_services);
    let scripts = source(|facts| facts.ran_scripts);
    Some(PortSources { state, services, scripts, gone_by })
}

/// Returns true if all looks in a range saw the port in the same state.
fn is_unchanged(listing: &[usize], (from, to): (usize, usize), sightings: &impl Sightings) -> bool {
    if from == to {
        return true;
    }
    let state = sightings.state(from);
    let same = listing.iter().take_while(|look| **look <= to);
    same.into_iter().all(|look| sightings.state(*look) == state)
        && (from..to).all(|look| {
            let unlisted = || sightings.unlisted_state(look);
            listing.binary_search(&look).is_ok()
                || matches!(unlisted(), UnlistedState::NotCovered)
                || unlisted().known() == Some(state)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(time: i64) -> LookFacts {
        LookFacts {
            scan: 0,
            order: 0,
            time: Timestamp::from_seconds(time),
            first: None,
            last: None,
            timed_out: false,
            up: true,
            evidence: true,
            whole: true,
            probed_services: false,
            ran_scripts: false,
            detected_os: false,
            requested: RequestedInfo::default(),
            listed: 0,
        }
    }

    /// Looks, best first. Each is a listed state, `not` and an unlisted state, `covered`, or `-` for nothing.
    struct Said(Vec<(LookFacts, &'static str)>);

    impl Sightings for Said {
        fn facts(&self, look: usize) -> LookFacts {
            self.0[look].0
        }

        fn state(&self, look: usize) -> &str {
            self.0[look].1
        }

        fn unlisted_state(&self, look: usize) -> UnlistedState<'_> {
            match self.0[look].1 {
                "-" => UnlistedState::NotCovered,
                "covered" => UnlistedState::Unknown,
                state => state
                    .strip_prefix("not ")
                    .map_or(UnlistedState::NotCovered, UnlistedState::Known),
            }
        }
    }

    /// Returns the indexes of the looks that supply the state and the services, and of the one that removes the port.
    /// A look is written as `time state`, with `v` before the time if it probed services, and without evidence after
    /// the word `late`.
    fn stands(looks: &[&'static str]) -> (usize, usize, Option<usize>) {
        let mut said = Said(Vec::new());
        let mut evidence = true;
        for look in looks {
            if *look == "late" {
                evidence = false;
                continue;
            }
            let (time, state) = look.split_once(' ').unwrap();
            let probed_services = time.starts_with('v');
            let time = time.trim_start_matches('v').parse().unwrap();
            said.0.push((LookFacts { evidence, probed_services, ..facts(time) }, state));
        }
        let lists = |look: &usize| {
            !matches!(said.0[*look].1, "-" | "covered") && !said.0[*look].1.starts_with("not ")
        };
        let listing: Vec<_> = (0..said.0.len()).filter(lists).collect();
        let found = standing(&listing, &said).unwrap();
        (found.state, found.services, found.gone_by)
    }

    #[test]
    fn a_quick_look_hides_no_versions() {
        assert_eq!(stands(&["2 open", "v1 open"]), (0, 1, None));
        assert_eq!(stands(&["4 open", "3 -", "2 open", "v1 open"]), (0, 3, None));
        assert_eq!(
            stands(&["v2 open", "v1 open"]),
            (0, 0, None),
            "the look probed services itself"
        );
        assert_eq!(stands(&["3 open", "v2 open", "v1 open"]), (0, 1, None));
        assert_eq!(stands(&["2 open", "1 open"]), (0, 0, None), "no look probed services");
    }

    #[test]
    fn another_state_in_between_erases_details() {
        assert_eq!(stands(&["2 closed", "v1 open"]), (0, 0, None));
        assert_eq!(stands(&["3 open", "2 closed", "v1 open"]), (0, 0, None));
        assert_eq!(stands(&["3 open", "2 not closed", "v1 open"]), (0, 0, None));
        assert_eq!(
            stands(&["3 open", "2 covered", "v1 open"]),
            (0, 0, None),
            "the state in between is not known"
        );
        assert_eq!(stands(&["3 filtered", "2 not filtered", "v1 filtered"]), (0, 2, None));
        // The latest look that probed decides, not an older one.
        assert_eq!(stands(&["4 open", "v3 closed", "v1 open"]), (0, 0, None));
    }

    #[test]
    fn a_port_is_dropped_when_a_later_look_covers_it() {
        assert_eq!(stands(&["2 covered", "1 open"]), (1, 1, Some(0)));
        assert_eq!(stands(&["3 -", "2 not closed", "v1 open"]), (2, 2, Some(1)));
        // Only later looks remove a port of a look without evidence.
        assert_eq!(stands(&["1 covered", "late", "v2 open"]), (1, 1, None));
        assert_eq!(stands(&["3 covered", "late", "v2 open"]), (1, 1, Some(0)));
        // The looks between in rank decide over earlier knowledge.
        assert_eq!(stands(&["4 open", "3 covered", "late", "v5 open"]), (0, 0, None));
    }

    #[test]
    fn another_mac_address_is_another_device() {
        let current = |looks: &[(i64, Option<&'static str>)]| {
            let moment = |look: usize| (Timestamp::from_seconds(looks[look].0), 0);
            let found = current_device(looks.len(), moment, |look| looks[look].1);
            (0..looks.len()).filter(|look| found[*look]).collect::<Vec<_>>()
        };
        assert_eq!(current(&[(1, Some("a")), (2, None), (3, Some("a"))]), [0, 1, 2]);
        assert_eq!(current(&[(1, Some("a")), (2, None), (3, Some("b")), (4, None)]), [2, 3]);
        assert_eq!(current(&[(4, None), (3, Some("b")), (1, Some("a"))]), [0, 1]);
        assert_eq!(current(&[(1, Some("a")), (2, Some("b")), (3, Some("a"))]), [2]);
        assert_eq!(current(&[(1, None), (2, None)]), [0, 1]);
        assert_eq!(current(&[]), [0; 0]);
    }
}
