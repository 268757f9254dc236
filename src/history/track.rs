//! One port through time: which of the looks so far say what stands of it.
//!
//! [`standing`] decides what stands, as it does for `merge`: from the looks that list or cover the port, in rank order.
//! After each look it is asked anew, and must not see all looks again: a host with years of looks would take the
//! square of them. So a [`Track`] keeps only the looks that can still decide, which are few:
//!
//! - Looks with evidence rank above others, and in both [classes](Class) the later above the earlier. So a new look
//!   comes first in its class, and only looks that are in front of a class, or decide about what is behind, matter.
//! - State, reason and owner come from the first of a class that lists the port (`top`), and whether the port went
//!   from the newest that covers it and does not list it, if that is before `top`.
//! - Services come from the first that probed them and lists the port. What is behind that one in its class never
//!   matters again.
//! - They stand if all looks from `top` to there saw one state. Of the looks that saw the state of `top` none decides;
//!   of those that saw another one, one is enough: as long as it is in the range, so is `top`, which differs from it.
//!   One before `top` is kept besides: it comes into the range with the next look that lists the port.
//!
//! What looks with evidence covered before the port was first listed decides in one case only: if looks with evidence list the
//! port but none probed it, and one without evidence did. It is asked for then ([`Track::asks_earlier`]), once.

use std::ops::RangeBounds;

use crate::{
    merge::{LookFacts, Sightings, UnlistedState, standing},
    model::{IntervalService, PortState, Text},
};

/// What a look says of a port.
#[derive(Debug)]
pub(super) enum Said<'b> {
    /// It lists the port.
    Listed(Listing<'b>),
    /// It covers the port and does not list it; the state, if it is known.
    Covered(Option<PortState<'static>>),
}

/// A port as a look lists it.
#[derive(Debug, Clone)]
pub(super) struct Listing<'b> {
    pub(super) state: PortState<'b>,
    pub(super) reason: Option<Text<'b>>,
    pub(super) service: Option<Box<IntervalService<'b>>>,
}

/// What one look says of a port.
#[derive(Debug)]
struct Sighting<'b> {
    /// The place of the look in the order of time.
    look: usize,
    said: Said<'b>,
}

impl<'b> Sighting<'b> {
    fn listing(&self) -> Option<&Listing<'b>> {
        match &self.said {
            Said::Listed(listing) => Some(listing),
            Said::Covered(_) => None,
        }
    }

    /// The state that the look saw; `None` if it is not known.
    fn state(&self) -> Option<&str> {
        match &self.said {
            Said::Listed(listing) => Some(listing.state.as_str()),
            Said::Covered(state) => state.as_ref().map(PortState::as_str),
        }
    }
}

/// Looks with evidence, or those without: the ones that can still decide, the latest first.
#[derive(Debug, Default)]
struct Class<'b>(Vec<Sighting<'b>>);

impl<'b> Class<'b> {
    fn put(&mut self, sighting: Sighting<'b>, looks: &[LookFacts]) {
        self.0.insert(0, sighting);
        self.compact(looks);
    }

    /// The first look that lists the port and is found.
    fn position(&self, is_found: impl Fn(&Sighting<'b>) -> bool) -> Option<usize> {
        self.0.iter().position(|one| one.listing().is_some() && is_found(one))
    }

    fn probed(&self, looks: &[LookFacts]) -> Option<usize> {
        let has_probed = |look: usize| looks.get(look).is_some_and(|facts| facts.probed_services);
        self.position(|sighting| has_probed(sighting.look))
    }

    /// Drops looks that cannot decide any more.
    fn compact(&mut self, looks: &[LookFacts]) {
        if self.0.len() < 2 {
            return;
        }
        let probed = self.probed(looks);
        if let Some(probed) = probed {
            self.0.truncate(probed.saturating_add(1));
        }
        let top = self.position(|_| true);
        // What differs before `top` decides when another look lists the port, what differs behind it does already.
        let (before, behind) =
            (self.differing(..top.unwrap_or(0)), self.differing(top.unwrap_or(0)..));
        let mut place = 0..;
        self.0.retain(|_| {
            let place = place.next();
            [Some(0), top, probed, before, behind].contains(&place)
        });
    }

    /// The first look in a range that saw another state than `top`, or than the first if none lists the port.
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

/// One port of a device.
#[derive(Debug)]
pub(super) struct Track<'b> {
    /// Looks of the device from this on are known here.
    pub(super) begun: usize,
    /// Whether what they covered before was asked for.
    is_asked: bool,
    with_evidence: Class<'b>,
    without: Class<'b>,
}

impl<'b> Track<'b> {
    /// A port that the look at this place is the first to list.
    pub(super) fn new(begun: usize) -> Self {
        Self { begun, is_asked: false, with_evidence: Class::default(), without: Class::default() }
    }

    /// Takes what the next look says. `looks` are all up to it.
    pub(super) fn put(&mut self, said: Said<'b>, looks: &[LookFacts]) {
        let look = looks.len().saturating_sub(1);
        let has_evidence = looks.last().is_some_and(|facts| facts.evidence);
        let class = if has_evidence { &mut self.with_evidence } else { &mut self.without };
        class.put(Sighting { look, said }, looks);
    }

    /// Whether it must be known what looks with evidence before [`begun`](Self::begun) covered.
    pub(super) fn asks_earlier(&self, looks: &[LookFacts]) -> bool {
        !self.is_asked
            && self.with_evidence.position(|_| true).is_some()
            && self.with_evidence.probed(looks).is_none()
            && self.without.probed(looks).is_some()
    }

    /// Takes what looks with evidence before [`begun`](Self::begun) covered, the latest first.
    pub(super) fn put_earlier(
        &mut self,
        covered: impl IntoIterator<Item = (usize, Said<'b>)>,
        looks: &[LookFacts],
    ) {
        self.is_asked = true;
        for (look, said) in covered {
            self.with_evidence.0.push(Sighting { look, said });
            self.with_evidence.compact(looks);
        }
    }

    /// Whether another look that covers the port and does not list it would decide nothing: the port went, or stays
    /// whatever covers it, and looks with evidence differ on its state already.
    pub(super) fn is_settled(&self, may_go: bool) -> bool {
        !may_go && self.with_evidence.differing(..).is_some()
    }

    /// What stands: the record of its state, and that of its services. `None` if the port went.
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
        // Places are those of looks.
        facts.copied().unwrap_or_default()
    }

    fn state(&self, look: usize) -> &str {
        self.sightings.get(look).and_then(|sighting| sighting.state()).unwrap_or_default()
    }

    fn unlisted_state(&self, look: usize) -> UnlistedState<'_> {
        match self.sightings.get(look).map(|sighting| &sighting.said) {
            Some(Said::Covered(Some(state))) => UnlistedState::Known(state.as_str()),
            Some(Said::Covered(None)) => UnlistedState::Unknown,
            _ => UnlistedState::NotCovered,
        }
    }
}
