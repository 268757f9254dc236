//! Merges the hosts of several scans into one result per host, by the rules in docs/merge.md.
//!
//! A merge has four stages:
//!
//! - **Stage.** A [`Stager`] turns hosts and events into compact records (`codec`). It has no shared state, so each
//!   thread that reads an input uses its own.
//! - **Collect.** One [`Merger`] takes the records in the order of the arguments, and [`Merger::end_scan`] closes a
//!   scan with its record. Records go to one of 128 partitions by the hash of the host key, so that all records of
//!   a host are in one partition. They stay in memory up to a cap and are then spilled to temporary files
//!   (`store`). A merger holds nothing but the set of records that came; therefore partial merges may be
//!   [joined](Merger::join) in any grouping.
//! - **Decide.** [`Merger::finish`] chooses between copies of one scan (`copies`), numbers the scans that are used,
//!   and returns [`Merged`], whose shared part is read-only from here on.
//! - **Merge.** [`Merged::take_parts`] returns one [`Part`] per partition. Parts are independent: several threads may
//!   call [`Part::merge`] at once. [`Hosts`] reads their sorted results in the order in which hosts were first seen
//!   (`runs`).
//!
//! Within a part, `found` groups the records of one host. `fold` folds the records of each scan into one `Look`,
//! and `group` takes each part of the host from the look that the [`MergePolicy`] selects; `look` holds all rules
//! that choose between looks. The result of a host depends only on its records, their order and the policy. The
//! number of threads, the memory cap and the partitions must never change it.
//!
//! Others reuse single stages: `diff` compares two [`Merged`] part by part (`sides`, `strays`, `unlisted`), `history`
//! reads the looks at a host in time order (`series`), and a merge may continue the state that an earlier one
//! [saved](Merged::save) (`state`, `past`, `keep`).
//!
//! A new field of the model is part of the records without more ado; the golden test in `state` then asks for a new
//! version of the saved state. A new part of a host that merges one by one also needs its place in `details` (or
//! `findings`, `ports`), in `columns` so that `--explain` reports it, and in `keep` so that a saved state does not
//! lose it.

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
mod host_record;
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
    host_record::{pack_host, unpack_host},
    look::{Device, LookFacts, ScanFacts, Sightings, is_probed, standing},
    runs::SortedChanges,
    series::{HistoryParts, Intervals, PackedHistory, Packer, Series},
    sides::{Pair, State},
    unlisted::Listed,
};
