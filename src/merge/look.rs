//! Looks: one scan's observation of one host, and what stands of several of them (docs/merge.md, "Words" and
//! "`latest`").
//!
//! This is the only place that says what a look saw, what it looked for and which looks count. `merge`,
//! `watch --changes`, `diff` and `history` ask it, so that one look hides and shows the same for all of them:
//!
//! - [`LookFacts`] are what decides between looks. They are made of the folded host, before a flag takes anything
//!   away, by [`LookFacts::new`]. What the arguments of the scan ask for comes from [`Requested`].
//! - [`LookFacts::rank`] puts looks in order under a policy, the best first. All places below count in this order.
//! - [`current_device`] drops looks at another device, which had the same address before.
//! - [`standing`] says of one port which look gives its state, its services and its scripts, and which look makes
//!   it go: "a quick look hides no versions" is there and nowhere else. It asks for coverage only where that
//!   decides, so a caller may make [`LookCoverage`](super::coverage::LookCoverage) lazily.
//!
//! A new kind of thing that scans look for (as versions and scripts are) becomes a field of `Requested` and of
//! `LookFacts`, and a rule in docs/merge.md that says from which look it comes.

use std::cmp::Ordering;

use super::{
    arguments::Requested,
    coverage::{Coverage, UnlistedState},
    policy::Precedence,
};
use crate::model::{
    ExtraPorts, Host, HostState, Port, PortState, RunRecord, ScanNumber, Service, Timestamp,
};

/// What is known of a scan when its hosts merge.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScanFacts {
    /// When it began and ended.
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
    /// The ports of its `scaninfo`.
    pub(crate) coverage: Coverage,
    /// What its arguments ask for.
    pub(crate) requested: Requested,
    /// Scans with equal coverage have the same number here, where a state is kept.
    pub(crate) class: usize,
}

impl ScanFacts {
    /// A scan of which nothing is known.
    pub(crate) const fn unknown() -> Self {
        Self {
            start: None,
            end: None,
            coverage: Coverage::nothing(),
            requested: Requested::nothing(),
            class: 0,
        }
    }

    /// Reads what the end of a scan says.
    pub(crate) fn of(record: &RunRecord) -> Self {
        Self {
            start: record.header.start_time,
            end: record.stats.end_time,
            coverage: Coverage::of(record),
            requested: Requested::from_args(record.header.args.as_deref()),
            class: 0,
        }
    }
}

/// What decides between looks at a host.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is true or not, whatever the others are")]
pub(crate) struct LookFacts {
    pub(crate) scan: ScanNumber,
    /// Place in the order of the arguments.
    pub(crate) order: u64,
    /// The end of the host, else the end of its scan, else the start of its scan.
    pub(crate) time: Option<Timestamp>,
    /// The start, else the end, of the host, else of its scan.
    pub(crate) first: Option<Timestamp>,
    /// The end, else the start, of the host, else of its scan.
    pub(crate) last: Option<Timestamp>,
    pub(crate) timed_out: bool,
    /// The host was up.
    pub(crate) up: bool,
    /// Something answered: false for a host that timed out or was up because `-Pn` said so.
    pub(crate) evidence: bool,
    /// The host was up, there is evidence, and nothing was cut: what is missing was not there.
    pub(crate) whole: bool,
    pub(crate) probed_services: bool,
    pub(crate) ran_scripts: bool,
    pub(crate) detected_os: bool,
    /// What the arguments of the scan ask for.
    pub(crate) requested: Requested,
    /// How many ports are listed singly.
    pub(crate) listed: i32,
}

/// What a fold of several entries knows that the folded host does not say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Folded {
    /// The earliest start, else end, of the entries.
    pub(crate) first: Option<Timestamp>,
    /// The latest end, else start, of the entries.
    pub(crate) last: Option<Timestamp>,
    /// Whether no entry was cut.
    pub(crate) complete: bool,
    /// Whether a port of any entry answered.
    pub(crate) answered: bool,
}

impl LookFacts {
    /// Reads a host as a scan saw it. `folded` is given if it was made of several entries.
    pub(crate) fn new(
        host: &Host<'_>,
        scan: (ScanNumber, &ScanFacts),
        order: u64,
        folded: Option<Folded>,
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

    /// Compares looks under a policy; less is better.
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

    /// Orders looks by time: of equal times the later argument is later.
    pub(crate) fn moment(&self) -> (Option<Timestamp>, u64) {
        (self.time, self.order)
    }
}

/// Whether versions were looked for: `detection` is what nmap before 4.85 wrote.
pub(crate) fn is_probed(services: &[Service<'_>]) -> bool {
    services.iter().any(|s| matches!(s.method.as_deref(), Some("probed" | "detection")))
}

/// Whether a port of the host answered.
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

/// The device at an address, as looks in order of time show it.
#[derive(Debug)]
pub(crate) struct Device<M> {
    /// The MAC address of the last look that has one.
    mac: Option<M>,
}

impl<M> Default for Device<M> {
    fn default() -> Self {
        Self { mac: None }
    }
}

impl<M: PartialEq> Device<M> {
    /// Takes the MAC address of the next look, and returns whether another device begins with it.
    pub(crate) fn begins(&mut self, mac: Option<M>) -> bool {
        let Some(found) = mac else { return false };
        let begins = self.mac.as_ref().is_some_and(|known| *known != found);
        self.mac = Some(found);
        begins
    }
}

/// Returns which looks, in any order, are at the device that has the address now: those since the last look
/// whose MAC address differs from that of the look before it that has one.
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

/// Which looks give the parts of a port, by their place in rank order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// State, reason and owner.
    pub(crate) state: usize,
    pub(crate) services: usize,
    pub(crate) scripts: usize,
    /// A later look that covers the port and does not list it: the port went.
    pub(crate) gone_by: Option<usize>,
}

/// What the looks at a host say about one of its ports.
pub(crate) trait Sightings {
    /// The facts of a look.
    fn facts(&self, look: usize) -> LookFacts;
    /// The state of the port in a look that lists it.
    fn state(&self, look: usize) -> &str;
    /// What a look says of the port if it does not list it.
    fn unlisted_state(&self, look: usize) -> UnlistedState<'_>;
}

/// Decides what stands of a port under `latest`. `listing` are the looks that list it, ascending by rank.
///
/// Services and scripts come from the best look that looked for them and lists the port, unless a look between
/// that one and the one that gives the state saw the port in another state.
pub(crate) fn standing(listing: &[usize], sightings: &impl Sightings) -> Option<Standing> {
    let state = *listing.first()?;
    let given = sightings.facts(state);
    // One that ranks above a look without evidence may be earlier: it says nothing.
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
    Some(Standing { state, services, scripts, gone_by })
}

/// Whether all looks in a range saw the port in the same state.
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
            requested: Requested::default(),
            listed: 0,
        }
    }

    /// What looks say, best first: a state that is listed, a state that is not, that it is covered, or nothing.
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

    /// Places of state, services and what makes the port go. Looks are `time state`, with `v` before the time if
    /// they probed services, and without evidence below the word `late`.
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
        assert_eq!(stands(&["v2 open", "v1 open"]), (0, 0, None), "it looked itself");
        assert_eq!(stands(&["3 open", "v2 open", "v1 open"]), (0, 1, None));
        assert_eq!(stands(&["2 open", "1 open"]), (0, 0, None), "nobody looked");
    }

    #[test]
    fn another_state_in_between_ends_what_was_known() {
        assert_eq!(stands(&["2 closed", "v1 open"]), (0, 0, None));
        assert_eq!(stands(&["3 open", "2 closed", "v1 open"]), (0, 0, None));
        assert_eq!(stands(&["3 open", "2 not closed", "v1 open"]), (0, 0, None));
        assert_eq!(stands(&["3 open", "2 covered", "v1 open"]), (0, 0, None), "nobody knows which");
        assert_eq!(stands(&["3 filtered", "2 not filtered", "v1 filtered"]), (0, 2, None));
        // The latest that probed decides, not an older one.
        assert_eq!(stands(&["4 open", "v3 closed", "v1 open"]), (0, 0, None));
    }

    #[test]
    fn a_port_goes_when_a_later_look_covers_it() {
        assert_eq!(stands(&["2 covered", "1 open"]), (1, 1, Some(0)));
        assert_eq!(stands(&["3 -", "2 not closed", "v1 open"]), (2, 2, Some(1)));
        // Of a look without evidence only later ones.
        assert_eq!(stands(&["1 covered", "late", "v2 open"]), (1, 1, None));
        assert_eq!(stands(&["3 covered", "late", "v2 open"]), (1, 1, Some(0)));
        // What lies between in rank decides over what was known.
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
