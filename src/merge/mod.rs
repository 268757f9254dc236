//! One truth per host: what several scans saw of it, folded by stated rules (DATA_MODEL section 5).
//!
//! A [`Merger`] takes the hosts of scans as they come and keeps them as compact records, by the hash of
//! their key, in memory or beyond a cap in temporary files. What it holds is the set of all that came: that
//! is why partial merges may be [joined](Merger::join) in any grouping. When all have come, the hosts of one
//! key are merged at once, by rules that hang on their order and the [`MergePolicy`] alone.

mod copies;
mod coverage;
mod details;
mod explain;
mod group;
mod merged;
mod merger;
mod policy;
mod ports;
mod runs;
mod store;
mod wire;

pub use self::{
    copies::MergedScan,
    merged::{Hosts, Merged, MergedRecord, Pair, Part, Sorted, State, Unlisted},
    merger::{Merger, Stager},
    policy::{MergeFlags, MergePolicy, Precedence},
};
pub(crate) use self::{
    runs::SortedChanges,
    wire::{pack_host, unpack_host},
};
