//! Two states, host by host, for a comparison.

use std::collections::BTreeSet;

use super::{
    coverage::{Coverage, LookCoverage},
    group::{Look, index},
    merged::{Found, Part, Shared},
    summary::{Summary, tell_apart},
};
use crate::{
    error::Result,
    model::{MergedHost, Protocol},
};

impl Part {
    /// Merges these hosts and those of the same keys of another state, and gives each key with what both say
    /// of it, in any order.
    ///
    /// # Errors
    /// The first error of `each`; if a temporary file cannot be read.
    pub fn compare(self, newer: Self, each: &mut dyn FnMut(Pair<'_>) -> Result<()>) -> Result<()> {
        let (old_bytes, new_bytes) =
            (self.store.load(&self.shared.place)?, newer.store.load(&newer.shared.place)?);
        let (mut old, mut new) = (self.shared.found(&old_bytes), newer.shared.found(&new_bytes));
        // Hosts match by the same keys on both sides.
        let mut macs: BTreeSet<String> = self.shared.shared_macs(&old, None);
        macs.extend(newer.shared.shared_macs(&new, None));
        tell_apart(&mut old, &macs);
        tell_apart(&mut new, &macs);
        let mut old = old.chunk_by(Found::is_same).peekable();
        let mut new = new.chunk_by(Found::is_same).peekable();
        loop {
            // Both are in this order.
            let (take_old, take_new) = match (group_of(old.peek()), group_of(new.peek())) {
                (None, None) => return Ok(()),
                (Some(_), None) => (true, false),
                (None, Some(_)) => (false, true),
                (Some(old), Some(new)) => (old <= new, new <= old),
            };
            let old_group = if take_old { old.next() } else { None };
            let new_group = if take_new { new.next() } else { None };
            each(Pair {
                old: old_group.and_then(|same| State::of(&self.shared, same)),
                new: new_group.and_then(|same| State::of(&newer.shared, same)),
                old_coverage: coverage(&self.shared),
                new_coverage: coverage(&newer.shared),
            })?;
        }
    }
}

/// What the first hosts that are left share.
fn group_of<'f>(next: Option<&&'f [Found<'_>]>) -> Option<(&'f str, Option<&'f str>)> {
    next.and_then(|same| same.first()).map(Found::group)
}

fn coverage(shared: &Shared) -> Vec<&Coverage> {
    let used = shared.numbers.iter().flatten();
    used.filter_map(|scan| Some(&shared.facts.get(index(*scan))?.coverage)).collect()
}

/// What two states say of the host of one key.
#[derive(Debug)]
pub struct Pair<'b> {
    /// The older state.
    pub old: Option<State<'b>>,
    /// The newer state.
    pub new: Option<State<'b>>,
    old_coverage: Vec<&'b Coverage>,
    new_coverage: Vec<&'b Coverage>,
}

impl Pair<'_> {
    /// What the older state says of a port that it does not list.
    #[must_use]
    pub fn unlisted_in_old(&self, protocol: &Protocol<'_>, number: u16) -> Unlisted {
        unlisted(self.old.as_ref(), &self.old_coverage, (protocol, number))
    }

    /// What the newer state says of a port that it does not list.
    #[must_use]
    pub fn unlisted_in_new(&self, protocol: &Protocol<'_>, number: u16) -> Unlisted {
        unlisted(self.new.as_ref(), &self.new_coverage, (protocol, number))
    }
}

fn unlisted(
    state: Option<&State<'_>>,
    scans: &[&Coverage],
    (protocol, number): (&Protocol<'_>, u16),
) -> Unlisted {
    let Some(state) = state else {
        // Of a host that is not there it is told what its scans were to look at.
        let looked = scans.iter().any(|scan| scan.has(protocol, number));
        return if looked { Unlisted::Covered(None) } else { Unlisted::NotScanned };
    };
    let whole = state.looks.iter().filter(|looked| looked.look.facts.whole);
    let mut said = whole.filter_map(|looked| {
        let unlisted = looked.coverage.unlisted_state(protocol, number);
        let known = unlisted.known().map(str::to_owned);
        unlisted.is_covered().then_some(Unlisted::Covered(known))
    });
    said.next().unwrap_or(Unlisted::NotScanned)
}

/// What a state says of a port that it does not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlisted {
    /// It was not looked at.
    NotScanned,
    /// It was looked at, and is in this state, if that is told.
    Covered(Option<String>),
}

/// What a state says of a host.
#[derive(Debug)]
pub struct State<'b> {
    /// The host, merged.
    pub merged: MergedHost<'b>,
    /// Place among all hosts of the state.
    pub order: u64,
    /// The looks at it that count, the best first.
    pub(crate) looks: Vec<CoveringLook<'b>>,
}

/// A look with what it covers.
#[derive(Debug)]
pub(crate) struct CoveringLook<'b> {
    pub(crate) look: Look<'b>,
    pub(crate) coverage: LookCoverage<'b>,
}

impl<'b> State<'b> {
    fn of(shared: &'b Shared, same: &[Found<'b>]) -> Option<Self> {
        let (order, merged) = shared.merged(same, &mut Summary::default())?;
        let looks = shared.looks(same).into_iter().filter_map(|look| {
            let scan = shared.facts.get(index(look.facts.scan))?;
            let coverage = LookCoverage::new(&scan.coverage, look.covering_entries());
            Some(CoveringLook { look, coverage })
        });
        Some(Self { merged, order, looks: looks.collect() })
    }
}
