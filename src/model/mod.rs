//! Domain model: the content of an nmap document, with numbers as numbers and states as states.
//!
//! A [`Host`] and everything in it may borrow from the bytes it was read from; `into_owned` converts it to one that
//! outlives them. This module contains no I/O and no Arrow.

mod changes;
mod copies;
mod cpe;
mod history;
mod host;
mod keys;
mod merged;
mod os;
mod port;
mod record;
mod scan;
mod script;
mod time;
mod trace;
mod version;

use std::borrow::Cow;

pub use self::{
    changes::{Change, ChangeKind, ChangedService, ComparedScans, HostChanges, LatestScan},
    cpe::cpe23,
    history::{HostInterval, IntervalService, PortInterval, Span},
    host::{Address, AddressKind, ExtraPorts, ExtraReason, Host, HostState, HostStatus, Hostname},
    keys::{HostKey, Identity, host_id, id_of_parts, port_id, scan_id},
    merged::{
        Conflict, MergedHost, PortProvenance, Provenance, ScanIndex, SeenRange, merged_host_id,
    },
    os::{OsClass, OsDetection, OsMatch, OsPortUsed, Sequence, TcpSequence},
    port::{Port, PortState, Protocol, Service},
    scan::{
        EventSource, HostHint, HostTotals, Inspected, ScanActivity, ScanEvent, ScanHeader,
        ScanInfo, ScanStats, ScanSummary, TargetSkipped, Task, TaskKind,
    },
    script::{
        Script, ScriptNode, ScriptOrigin, ScriptScope, ScriptTableKind, ScriptTree, ScriptValue,
    },
    time::Timestamp,
    trace::{Trace, TraceHop},
    version::version_key,
};

/// Text that borrows from its frame, or owns its bytes.
pub type CowStr<'a> = Cow<'a, str>;

pub(crate) use self::{
    copies::CopyQuality,
    keys::own_scan_id,
    port::port_ranges,
    record::{Editor, FieldValue, Record, field_index},
};

pub(crate) fn owned(text: CowStr<'_>) -> CowStr<'static> {
    Cow::Owned(text.into_owned())
}

pub(crate) fn owned_opt(text: Option<CowStr<'_>>) -> Option<CowStr<'static>> {
    text.map(owned)
}
