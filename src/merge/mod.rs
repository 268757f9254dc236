//! Merges the hosts of several scans into one result per host, by the rules in docs/merge.md.
//!
//! A merge has four stages:
//!
//! - **Stage.** A `Stager` turns hosts and events into compact records (`codec`). It has no shared state, so each
//!   thread that reads an input uses its own.
//! - **Collect.** One [`Merger`] takes the records in the order of the arguments, and [`Merger::end_scan`] closes a
//!   scan with its record. Records go to one of 128 partitions by the hash of the host key, so that all records of
//!   a host are in one partition. They stay in memory up to a cap and are then spilled to temporary files
//!   (`store`). A merger holds nothing but the set of records that came; therefore partial merges may be
//!   [joined](Merger::join) in any grouping.
//! - **Decide.** [`Merger::finish`] chooses between copies of one scan (`copies`), numbers the scans that are used,
//!   and returns [`Merged`] (`result`). What all hosts need to know about the scans is in a `MergeContext`
//!   (`context`), which is read-only from here on.
//! - **Merge.** [`Merged::take_partitions`] returns the [`Partition`]s. They are independent: several threads may call
//!   [`Partition::merge`] at once. [`Hosts`] reads their sorted results in the order in which hosts were first seen
//!   (`runs`).
//!
//! The merge of one host goes through these files:
//!
//! ```text
//! record       records of one host, read back from a store
//! host_look    a look: the observation of one host by one scan, with its facts (facts) and coverage (coverage)
//! fold         the entries of one scan become one look
//! devices      looks at another device that had the address before are dropped
//! group        each part of the host is taken from the look that the policy selects (policy): ports by `ports`, OS and
//!              scripts by `findings`, values that merge one by one by `details`
//! host_merge   these steps in order
//! ```
//!
//! While a `Group` merges, it reports to two observers: `explain` records each value that lost, with
//! `columns` and `details` as the list of what is compared, and `retention` selects what a saved state keeps. `facts`
//! holds all rules that choose between looks. The result of a host depends only on its records, their order and the
//! policy. The number of threads, the memory cap and the partitions must never change it.
//!
//! Others reuse single stages: `diff` compares two [`Merged`] partition by partition (`comparison`, `pair`,
//! `moved_hosts`, `unlisted_ports`), `history` reads the looks at a host in time order (`series`), and a merge may
//! continue the state that an earlier one [saved](Merged::save) (`state`, `saved_host`, `retention`).
//!
//! A new field of the model is part of the records automatically; the golden test in `state` then asks for a new
//! version of the saved state. A new part of a host that merges one by one also needs its place in `details` (or
//! `findings`, `ports`), in `columns` so that `--explain` reports it, and in `retention` so that a saved state does
//! not lose it.

mod age;
mod arguments;
mod columns;
mod comparison;
mod context;
mod copies;
mod coverage;
mod details;
mod devices;
mod explain;
mod facts;
mod findings;
mod fold;
mod group;
mod host_codec;
mod host_look;
mod host_merge;
mod merger;
mod moved_hosts;
mod pair;
mod partition;
mod policy;
mod ports;
mod record;
mod result;
mod retention;
mod runs;
mod saved_host;
mod series;
mod shared_macs;
mod stager;
pub(crate) mod state;
mod store;
mod summary;
mod unlisted_ports;

pub use self::{
    copies::MergedScan,
    merger::Merger,
    partition::{MergedPartition, Partition},
    policy::{MergeFlags, MergePolicy, Precedence},
    result::{Hosts, Merged, MergedRecord, StateHosts},
    summary::{SharedMac, Summary},
};
pub(crate) use self::{
    coverage::{LookCoverage, UnlistedState},
    facts::{Device, LookFacts, ScanFacts, Sightings, is_probed, standing},
    host_codec::{pack_host, unpack_host},
    host_look::HostLook,
    pair::{HostPair, HostSide},
    runs::SortedChanges,
    series::{HistoryParts, Intervals, PackedHistory, Packer, Series},
    stager::Stager,
    unlisted_ports::ListedRange,
};
