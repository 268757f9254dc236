//! Compares two states host by host.
//!
//! [`Part::compare`] pairs hosts with equal keys, part by part. A host with a MAC address that only one side has may
//! have moved, so it first goes to [`Strays`], which pairs hosts by MAC address after all parts are done.

use std::collections::BTreeSet;

use super::{
    coverage::{Coverage, LookCoverage},
    found::Found,
    group::{Look, index},
    look::LookFacts,
    merged::{Merged, Part, Shared},
    strays::{Side, Strays},
    summary::{Summary, tell_apart},
    unlisted::Covered,
};
use crate::{
    error::Result,
    model::{MergedHost, Protocol, ScanIndex},
};

/// Callback that takes pairs in any order.
pub(crate) type EachPair<'e> = &'e mut dyn FnMut(Pair<'_>) -> Result<()>;

impl Merged {
    /// Merges all hosts of two states, and calls `each` with every pair of equal hosts, in any order.
    ///
    /// # Errors
    /// Returns the first error of `each`, a usage error if one of the merges continues a saved state, or an error if a
    /// temporary file cannot be read or written.
    pub(crate) fn compare(&mut self, newer: &mut Self, each: EachPair<'_>) -> Result<()> {
        self.shared.require_looks("a comparison")?;
        newer.shared.require_looks("a comparison")?;
        let mut strays = Strays::new((&self.shared, &newer.shared));
        for (old, new) in self.take_parts().into_iter().zip(newer.take_parts()) {
            old.compare(new, &mut strays, each)?;
        }
        strays.compare(each)
    }
}

impl Part {
    /// Compares the hosts of this part with those of another state; hosts that may have moved go to `strays`.
    fn compare(self, newer: Self, strays: &mut Strays, each: EachPair<'_>) -> Result<()> {
        let (old_bytes, new_bytes) =
            (self.store.load(&self.shared.place)?, newer.store.load(&newer.shared.place)?);
        let (mut old, mut new) =
            (self.shared.found(&old_bytes, &[])?, newer.shared.found(&new_bytes, &[])?);
        // Both sides must use the same keys, so a MAC address shared on one side is shared on both.
        let mut macs: BTreeSet<String> = self.shared.shared_macs(&old, None);
        macs.extend(newer.shared.shared_macs(&new, None));
        tell_apart(&mut old, &macs, None);
        tell_apart(&mut new, &macs, None);
        let both = (&*self.shared, &*newer.shared);
        let mut old = old.chunk_by(Found::is_same).peekable();
        let mut new = new.chunk_by(Found::is_same).peekable();
        loop {
            // Both sides are sorted by this key.
            let (take_old, take_new) = match (group_of(old.peek()), group_of(new.peek())) {
                (None, None) => return Ok(()),
                (Some(_), None) => (true, false),
                (None, Some(_)) => (false, true),
                (Some(old), Some(new)) => (old <= new, new <= old),
            };
            let old_group = if take_old { old.next() } else { None };
            let new_group = if take_new { new.next() } else { None };
            let pair = Pair::of(both, (old_group, new_group))?;
            let taken = match (&pair.old, &pair.new) {
                (Some(state), None) => strays.take(Side::Old, state, old_group)?,
                (None, Some(state)) => strays.take(Side::New, state, new_group)?,
                _ => false,
            };
            if !taken {
                each(pair)?;
            }
        }
    }
}

/// Returns the key of the next group of records.
fn group_of<'f>(next: Option<&&'f [Found<'_>]>) -> Option<(&'f str, Option<&'f str>)> {
    next.and_then(|same| same.first()).map(Found::group)
}

/// Host of one key in two states.
#[derive(Debug)]
pub(crate) struct Pair<'b> {
    /// The older state.
    pub(crate) old: Option<State<'b>>,
    /// The newer state.
    pub(crate) new: Option<State<'b>>,
    both: (&'b Shared, &'b Shared),
}

impl<'b> Pair<'b> {
    /// Merges the records of a host on both sides.
    ///
    /// # Errors
    /// Returns an error if a record cannot be decoded.
    pub(super) fn of(
        both: (&'b Shared, &'b Shared),
        (old, new): (Option<&[Found<'b>]>, Option<&[Found<'b>]>),
    ) -> Result<Self> {
        let state = |shared, same: Option<&[Found<'b>]>| {
            same.map_or(Ok(None), |same| State::of(shared, same))
        };
        Ok(Self { old: state(both.0, old)?, new: state(both.1, new)?, both })
    }

    /// Returns the state that the older side implies for a port it does not list; `None` if it does not cover the
    /// port.
    pub(crate) fn unlisted_in_old(
        &self,
        protocol: &Protocol<'_>,
        number: u16,
    ) -> Option<Covered<'_>> {
        self.old.as_ref()?.unlisted(protocol, number)
    }

    /// Returns the state that the newer side implies for a port it does not list; `None` if it does not cover the
    /// port. If the newer side does not list the host, the ports its scans were asked to scan count as covered.
    pub(crate) fn unlisted_in_new(
        &self,
        protocol: &Protocol<'_>,
        number: u16,
    ) -> Option<Covered<'_>> {
        if let Some(state) = &self.new {
            return state.unlisted(protocol, number);
        }
        let shared = self.both.1;
        let mut used = shared.numbers.iter().flatten();
        let covers = |scan: &ScanIndex| {
            shared.facts.get(index(*scan)).is_some_and(|scan| scan.coverage.has(protocol, number))
        };
        used.any(covers).then(Covered::default)
    }
}

/// Host of one state, merged.
#[derive(Debug)]
pub(crate) struct State<'b> {
    /// Merged host.
    pub(crate) merged: MergedHost<'b>,
    /// Position among all hosts of the state.
    pub(crate) order: u64,
    /// Looks at the host that count, best first.
    pub(crate) looks: Vec<CoveringLook<'b>>,
}

/// Look with its coverage.
#[derive(Debug)]
pub(crate) struct CoveringLook<'b> {
    pub(crate) look: Look<'b>,
    pub(crate) coverage: LookCoverage<'b>,
}

impl<'b> State<'b> {
    /// Merges the records of a host; `None` if the host is left out.
    fn of(shared: &'b Shared, same: &[Found<'b>]) -> Result<Option<Self>> {
        let Some((order, merged)) = shared.merged(same, &mut Summary::default())? else {
            return Ok(None);
        };
        let looks = shared.looks(same)?.into_iter().filter_map(|look| {
            let scan = shared.facts.get(index(look.facts.scan))?;
            let coverage = LookCoverage::new(&scan.coverage, look.covering_entries());
            Some(CoveringLook { look, coverage })
        });
        Ok(Some(Self { merged, order, looks: looks.collect() }))
    }

    /// Returns the best look for which `is_so` is true.
    pub(crate) fn best_look(&self, is_so: impl Fn(&LookFacts) -> bool) -> Option<&LookFacts> {
        self.looks.iter().map(|look| &look.look.facts).find(|facts| is_so(facts))
    }

    /// Returns the look of a scan.
    pub(crate) fn look_of(&self, scan: ScanIndex) -> Option<&LookFacts> {
        self.best_look(|facts| facts.scan == scan)
    }

    /// Returns the ports that the scan which supplies the host's state was asked to scan.
    pub(crate) fn best_coverage(&self) -> Option<&Coverage> {
        self.looks.first().map(|look| look.coverage.scan)
    }
}
