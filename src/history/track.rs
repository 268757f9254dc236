//! Looks that decide about one port, over time.
//!
//! [`standing`] decides which looks supply the values of a port, as for `merge`: from the looks that list or cover
//! the port, in rank order. It is called after each look and must not see all looks again, as a host with years of
//! looks would need quadratic time. So a [`Track`] keeps only the looks that can still decide, which are few:
//!
//! - Looks with evidence rank above others, and in both [classes](Class) later looks rank above earlier ones. So a
//!   new look comes first in its class. Only looks at the front of a class, and looks that decide about those further
//!   back, matter.
//! - State, reason and owner come from the first look of a class that lists the port (`top`). The port is gone if the
//!   newest look that covers it and does not list it comes before `top`.
//! - Services come from the first look that probed them and lists the port. Looks after it in its class never matter
//!   again.
//! - Services apply if all looks from `top` to that one saw the same state. Looks that saw the state of `top` decide
//!   nothing. Of those that saw another state one is enough: as long as it is in the range, so is `top`, which
//!   differs from it. One such look before `top` is kept as well: it enters the range with the next look that lists
//!   the port.
//!
//! The coverage of looks with evidence from before the port was first listed matters in one case only: if looks with
//! evidence list the port but none probed it, and a look without evidence did. It is loaded then
//! ([`Track::asks_earlier`]), once.

use std::ops::RangeBounds;

use crate::{
    merge::{LookFacts, Sightings, UnlistedState, standing},
    model::{CowStr, IntervalService, PortState},
};

/// Information about a port in one look.
#[derive(Debug)]
pub(super) enum PortReport<'b> {
    /// The look lists the port.
    Listed(Listing<'b>),
    /// The look covers the port and does not list it; the state, if it is known.
    Covered(Option<PortState<'static>>),
}

/// Values of a port in a look that lists it.
#[derive(Debug, Clone)]
pub(super) struct Listing<'b> {
    pub(super) state: PortState<'b>,
    pub(super) reason: Option<CowStr<'b>>,
    pub(super) service: Option<Box<IntervalService<'b>>>,
}

/// Look at a port, with its information.
#[derive(Debug)]
struct Sighting<'b> {
    /// Index of the look in time order.
    look: usize,
    said: PortReport<'b>,
}

impl<'b> Sighting<'b> {
    fn listing(&self) -> Option<&Listing<'b>> {
        match &self.said {
            PortReport::Listed(listing) => Some(listing),
            PortReport::Covered(_) => None,
        }
    }

    /// Returns the state in the look; `None` if it is not known.
    fn state(&self) -> Option<&str> {
        match &self.said {
            PortReport::Listed(listing) => Some(listing.state.as_str()),
            PortReport::Covered(state) => state.as_ref().map(PortState::as_str),
        }
    }
}

/// Looks of one class (with or without evidence) that can still decide, latest first.
#[derive(Debug, Default)]
struct Class<'b>(Vec<Sighting<'b>>);

impl<'b> Class<'b> {
    fn put(&mut self, sighting: Sighting<'b>, looks: &[LookFacts]) {
        self.0.insert(0, sighting);
        self.compact(looks);
    }

    /// Returns the first look that lists the port and satisfies `is_found`.
    fn position(&self, is_found: impl Fn(&Sighting<'b>) -> bool) -> Option<usize> {
        self.0.iter().position(|one| one.listing().is_some() && is_found(one))
    }

    fn probed(&self, looks: &[LookFacts]) -> Option<usize> {
        let has_probed = |look: usize| looks.get(look).is_some_and(|facts| facts.probed_services);
        self.position(|sighting| has_probed(sighting.look))
    }

    /// Drops looks that can no longer decide.
    fn compact(&mut self, looks: &[LookFacts]) {
        if self.0.len() < 2 {
            return;
        }
        let probed = self.probed(looks);
        if let Some(probed) = probed {
            self.0.truncate(probed.saturating_add(1));
        }
        let top = self.position(|_| true);
        // A different state before `top` decides once another look lists the port; one after `top` decides already.
        let (before, behind) =
            (self.differing(..top.unwrap_or(0)), self.differing(top.unwrap_or(0)..));
        let mut place = 0..;
        self.0.retain(|_| {
            let place = place.next();
            [Some(0), top, probed, before, behind].contains(&place)
        });
    }

    /// Returns the first look in a range that saw another state than `top`, or than the first look if none lists the
    /// port.
    fn differing(&self, range: impl RangeBounds<usize>) -> Option<usize> {
        let top = self.position(|_| true).unwrap_or(0);
        let state = self.0.get(top)?.state();
        let differs = |(place, one): (usize, &Sighting<'b>)| {
            let counts = place != top && range.contains(&place);
            (counts && (one.state() != state || state.is_none())).then_some(place)
        };
        self.0.iter().enumerate().find_map(differs)
    }
}

/// Looks that decide about one port of a device.
#[derive(Debug)]
pub(super) struct Track<'b> {
    /// Index of the first look that is included here.
    pub(super) begun: usize,
    /// True if the coverage of earlier looks was loaded.
    is_asked: bool,
    with_evidence: Class<'b>,
    without: Class<'b>,
}

impl<'b> Track<'b> {
    /// Creates the track of a port that is first listed by the look at index `begun`.
    pub(super) fn new(begun: usize) -> Self {
        Self { begun, is_asked: false, with_evidence: Class::default(), without: Class::default() }
    }

    /// Takes the information of the next look. `looks` contains all looks up to it.
    pub(super) fn put(&mut self, said: PortReport<'b>, looks: &[LookFacts]) {
        let look = looks.len().saturating_sub(1);
        let has_evidence = looks.last().is_some_and(|facts| facts.evidence);
        let class = if has_evidence { &mut self.with_evidence } else { &mut self.without };
        class.put(Sighting { look, said }, looks);
    }

    /// Returns true if the coverage of looks with evidence before [`begun`](Self::begun) is needed.
    pub(super) fn asks_earlier(&self, looks: &[LookFacts]) -> bool {
        !self.is_asked
            && self.with_evidence.position(|_| true).is_some()
            && self.with_evidence.probed(looks).is_none()
            && self.without.probed(looks).is_some()
    }

    /// Takes the coverage of looks with evidence before [`begun`](Self::begun), latest first.
    pub(super) fn put_earlier(
        &mut self,
        covered: impl IntoIterator<Item = (usize, PortReport<'b>)>,
        looks: &[LookFacts],
    ) {
        self.is_asked = true;
        for (look, said) in covered {
            self.with_evidence.0.push(Sighting { look, said });
            self.with_evidence.compact(looks);
        }
    }

    /// Returns true if another look that covers the port and does not list it could not change the result: the port
    /// is gone, or stays whatever covers it, and looks with evidence already disagree about its state.
    pub(super) fn is_settled(&self, may_go: bool) -> bool {
        !may_go && self.with_evidence.differing(..).is_some()
    }

    /// Returns the listing that supplies the state, and the service. `None` if the port is gone.
    pub(super) fn stands(
        &self,
        looks: &[LookFacts],
        keep_covered: bool,
    ) -> Option<(&Listing<'b>, Option<&IntervalService<'b>>)> {
        let ranked: Vec<_> = self.with_evidence.0.iter().chain(&self.without.0).collect();
        let places = ranked.iter().enumerate();
        let listing: Vec<usize> = places
            .filter(|(_, sighting)| sighting.listing().is_some())
            .map(|(place, _)| place)
            .collect();
        let standing = standing(&listing, &Ranked { sightings: &ranked, looks })?;
        if standing.gone_by.is_some() && !keep_covered {
            return None;
        }
        let listing = |place: usize| ranked.get(place)?.listing();
        let services = listing(standing.services)?;
        Some((listing(standing.state)?, services.service.as_deref()))
    }
}

/// Looks that can decide, in rank order.
struct Ranked<'t, 'b> {
    sightings: &'t [&'t Sighting<'b>],
    looks: &'t [LookFacts],
}

impl Sightings for Ranked<'_, '_> {
    fn facts(&self, look: usize) -> LookFacts {
        let facts = self.sightings.get(look).and_then(|sighting| self.looks.get(sighting.look));
        debug_assert!(facts.is_some(), "indexes come from the list of looks");
        facts.copied().unwrap_or_default()
    }

    fn state(&self, look: usize) -> &str {
        self.sightings.get(look).and_then(|sighting| sighting.state()).unwrap_or_default()
    }

    fn unlisted_state(&self, look: usize) -> UnlistedState<'_> {
        match self.sightings.get(look).map(|sighting| &sighting.said) {
            Some(PortReport::Covered(Some(state))) => UnlistedState::Known(state.as_str()),
            Some(PortReport::Covered(None)) => UnlistedState::Unknown,
            _ => UnlistedState::NotCovered,
        }
    }
}
