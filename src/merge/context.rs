//! Data about all scans of a merge, which merging a host needs.

use super::{
    copies::MergedScan, facts::ScanFacts, host_look::Rules, policy::MergePolicy,
    state::LoadedState, store::TempFolder,
};
use crate::{
    error::{Error, Result},
    model::{ScanIndex, Timestamp},
};

/// Data about all scans that merging a host needs. Read-only, and shared by all partitions.
#[derive(Debug)]
pub(super) struct MergeContext {
    pub(super) policy: MergePolicy,
    pub(super) facts: Vec<ScanFacts>,
    /// Number of each used scan, by its arrival number.
    pub(super) numbers: Vec<Option<ScanIndex>>,
    /// First scan that is used.
    pub(super) caller: ScanIndex,
    /// Hosts and ports last seen before this time are left out.
    pub(super) oldest: Option<Timestamp>,
    pub(super) ids: Vec<String>,
    pub(super) spilled: bool,
    /// Maximum size of records held in memory, in bytes.
    pub(super) cap: usize,
    pub(super) folder: TempFolder,
    /// Arrival number of each scan, by its number.
    pub(super) arrivals: Vec<ScanIndex>,
    /// True if a state is saved after the merge.
    pub(super) keeps: bool,
    pub(super) saved: Option<Box<LoadedState>>,
    /// Scans as they came, before copies were decided; empty unless a state is saved.
    pub(super) originals: Vec<MergedScan>,
}

impl MergeContext {
    /// Returns the error for a saved state with invalid content.
    pub(super) fn damaged(&self, how: &str) -> Error {
        self.saved.as_ref().map_or_else(|| Error::internal(how), |saved| saved.damaged(how))
    }

    /// Refuses a merge that continues a saved state, which does not hold all looks.
    pub(super) fn require_looks(&self, by: &str) -> Result<()> {
        match &self.saved {
            None => Ok(()),
            Some(saved) => Err(saved.incomplete(by)),
        }
    }

    /// Returns the error for a record that cannot be decoded. One that this process wrote always can.
    pub(super) fn unreadable(&self, is_saved: bool, what: &str) -> Error {
        let how = format!("{what} cannot be read");
        if is_saved { self.damaged(&how) } else { Error::internal(how) }
    }

    pub(super) fn rules(&self) -> Rules<'_> {
        Rules {
            policy: &self.policy,
            scans: &self.facts,
            numbers: &self.numbers,
            arrivals: &self.arrivals,
            caller: self.caller,
            oldest: self.oldest,
        }
    }
}
