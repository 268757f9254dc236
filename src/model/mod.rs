//! Domain model: the content of an nmap document, with numbers as numbers and states as states.
//!
//! A [`Host`] and everything in it may borrow from the bytes it was read from; `into_owned` converts it to one that
//! outlives them. This module contains no I/O and no Arrow.

mod changes;
mod history;
mod host;
mod keys;
mod merged;
mod os;
mod port;
mod run;
mod script;
mod time;
mod trace;

use std::borrow::Cow;

pub use self::{
    changes::{Change, ChangeKind, ChangedService, ComparedScans, HostChanges, LatestScan},
    history::{HostInterval, IntervalService, PortInterval, Span},
    host::{Address, AddressKind, ExtraPorts, ExtraReason, Host, HostState, HostStatus, Hostname},
    keys::{HostKey, Identity, host_id, id_of_parts, port_id, scan_id},
    merged::{Conflict, MergedHost, Origins, PortOrigin, ScanNumber, Seen, merged_host_id},
    os::{Os, OsClass, OsMatch, OsPortUsed, Sequence, TcpSequence},
    port::{Port, PortState, Protocol, Service},
    run::{
        HostHint, HostTotals, RunEvent, RunHeader, RunRecord, RunStats, ScanEvent, ScanEvents,
        ScanInfo, TargetSkipped, Task, TaskKind,
    },
    script::{Script, ScriptData, ScriptNode, ScriptOrigin, ScriptScope, ScriptTree, TableShape},
    time::Timestamp,
    trace::{Trace, TraceHop},
};

/// Text that borrows from its frame, or owns its bytes.
pub type Text<'a> = Cow<'a, str>;

pub(crate) use self::{keys::own_scan_id, port::port_ranges};

pub(crate) fn owned(text: Text<'_>) -> Text<'static> {
    Cow::Owned(text.into_owned())
}

pub(crate) fn owned_opt(text: Option<Text<'_>>) -> Option<Text<'static>> {
    text.map(owned)
}
