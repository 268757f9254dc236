//! Hosts of one key in two states.

use super::{
    context::MergeContext,
    coverage::{Coverage, LookCoverage},
    facts::LookFacts,
    host_look::{HostLook, index},
    record::HostRecord,
    summary::Summary,
};
use crate::{
    error::Result,
    model::{MergedHost, ScanIndex},
};

/// Callback that takes pairs in any order.
pub(crate) type EachPair<'e> = &'e mut dyn FnMut(HostPair<'_>) -> Result<()>;

/// Host of one key in two states.
#[derive(Debug)]
pub(crate) struct HostPair<'b> {
    /// The older state.
    pub(crate) old: Option<HostSide<'b>>,
    /// The newer state.
    pub(crate) new: Option<HostSide<'b>>,
    pub(super) both: (&'b MergeContext, &'b MergeContext),
}

impl<'b> HostPair<'b> {
    /// Merges the records of a host on both sides.
    ///
    /// # Errors
    /// Returns an error if a record cannot be decoded.
    pub(super) fn of(
        both: (&'b MergeContext, &'b MergeContext),
        (old, new): (Option<&[HostRecord<'b>]>, Option<&[HostRecord<'b>]>),
    ) -> Result<Self> {
        let state = |context, same: Option<&[HostRecord<'b>]>| {
            same.map_or(Ok(None), |same| HostSide::of(context, same))
        };
        Ok(Self { old: state(both.0, old)?, new: state(both.1, new)?, both })
    }
}

/// Host of one state, merged.
#[derive(Debug)]
pub(crate) struct HostSide<'b> {
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
    pub(crate) look: HostLook<'b>,
    pub(crate) coverage: LookCoverage<'b>,
}

impl<'b> HostSide<'b> {
    /// Merges the records of a host; `None` if the host is left out.
    fn of(context: &'b MergeContext, same: &[HostRecord<'b>]) -> Result<Option<Self>> {
        let Some((order, merged)) = context.merged(same, &mut Summary::default())? else {
            return Ok(None);
        };
        let looks = context.looks(same)?.into_iter().filter_map(|look| {
            let scan = context.facts.get(index(look.facts.scan))?;
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
