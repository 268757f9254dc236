//! One truth per host: what several scans saw of it, folded by stated rules (docs/merge.md).
//!
//! A [`Merger`] takes the hosts of scans as they come and keeps them as compact records, by the hash of
//! their key, in memory or beyond a cap in temporary files. What it holds is the set of all that came: that
//! is why partial merges may be [joined](Merger::join) in any grouping. When all have come, the hosts of one
//! key are merged at once, by rules that depend on their order and the [`MergePolicy`] alone.
//!
//! A merge may go on with what an earlier one [saved](Merged::save): the module `state` says how.

mod age;
mod arguments;
mod columns;
mod copies;
mod coverage;
mod details;
mod devices;
mod explain;
mod findings;
mod fold;
mod found;
mod group;
mod keep;
mod look;
mod merged;
mod merger;
mod past;
mod policy;
mod ports;
mod runs;
mod series;
mod sides;
mod stager;
pub(crate) mod state;
mod store;
mod strays;
mod summary;
mod unlisted;
mod wire;

pub use self::{
    copies::MergedScan,
    merged::{Hosts, Kept, Merged, MergedRecord, Part, Sorted},
    merger::Merger,
    policy::{MergeFlags, MergePolicy, Precedence},
    stager::Stager,
    summary::{SharedMac, Summary},
};
pub(crate) use self::{
    coverage::{LookCoverage, UnlistedState},
    group::Look,
    look::{Device, LookFacts, ScanFacts, Sightings, is_probed, standing},
    runs::SortedChanges,
    series::{HistoryParts, Intervals, PackedHistory, Packer, Series},
    sides::{Pair, State},
    unlisted::Listed,
    wire::{pack_host, unpack_host},
};
