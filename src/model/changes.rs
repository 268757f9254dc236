//! Differences between two states (docs/merge.md, "Diff").

use std::collections::BTreeMap;

use super::{
    ScanHeader, Timestamp,
    record::{plain_values, record},
};
use crate::codec::codec_variants;

/// Kind of a difference between an older and a newer state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ChangeKind {
    /// The newer state has the value; the older one looked for it and did not find it.
    Appeared,
    /// The newer state has an open port that the older one never looked for.
    FirstSeen,
    /// The older state has the value; the newer one looked for it and did not find it.
    Gone,
    /// Both states have a value, and the values differ.
    Changed,
    /// A host of the older state has another address in the newer one.
    Moved,
    /// One state has the value, and the other did not look for it.
    NotScanned,
}

codec_variants! {
    ChangeKind { Appeared, 1 FirstSeen, 2 Gone, 3 Changed, 4 Moved, 5 NotScanned }
}

plain_values!(ChangeKind);

impl ChangeKind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Appeared, Self::FirstSeen, Self::Gone, Self::Changed, Self::Moved, Self::NotScanned];

    /// Returns the name of the kind in rows, such as `first_seen`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::FirstSeen => "first_seen",
            Self::Gone => "gone",
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::NotScanned => "not_scanned",
        }
    }

    /// Returns true if the kind is a change. All kinds except [`Self::NotScanned`] are.
    #[must_use]
    pub const fn is_change(self) -> bool {
        !matches!(self, Self::NotScanned)
    }
}

record! {
    /// Difference between two states of a host.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Change {
        /// Identity of the host; for a host that moved, its identity in the newer state.
        pub host_key: String,
        /// IP address of the host.
        pub ip: Option<String>,
        /// Protocol of the port, for values of a port.
        pub protocol: Option<String>,
        /// Number of the port, for values of a port.
        pub port: Option<i32>,
        /// Ports that are not listed singly and that the change applies to, such as `1-21,23-100`.
        pub ports: Option<String>,
        /// Kind of the difference.
        pub kind: ChangeKind,
        /// Column that differs: `host`, `state`, `hostnames`, `addresses`, `mac`, `os`, `trace`, `extra_ports`,
        /// `service.version`, `script.http-title` and so on.
        pub column: String,
        /// Value in the older state.
        pub old: Option<String>,
        /// Value in the newer state.
        pub new: Option<String>,
        /// ID of the scan that the older value comes from.
        pub old_scan_id: Option<String>,
        /// ID of the scan that the newer value comes from.
        pub new_scan_id: Option<String>,
        /// Time at which the older value was last seen.
        pub old_time: Option<Timestamp>,
        /// Time at which the newer value was last seen.
        pub new_time: Option<Timestamp>,
        /// First service of the port in the older state.
        pub old_service: Option<ChangedService>,
        /// First service of the port in the newer state.
        pub new_service: Option<ChangedService>,
    }
}

record! {
    /// Service of a port with a difference.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct ChangedService {
        /// Name of the service.
        pub name: Option<String>,
        /// Name of its software.
        pub product: Option<String>,
        /// Version of its software.
        pub version: Option<String>,
        /// `ssl` if the service is reached through TLS.
        pub tunnel: Option<String>,
    }
}

record! {
    /// Differences of a host. Values that describe the host come from the newer state, if that has the host.
    #[derive(Debug, Clone, Default, PartialEq)]
    pub struct HostChanges {
        /// Name to show with the host's address.
        pub hostname: Option<String>,
        /// MAC address of the host.
        pub mac: Option<String>,
        /// Time at which the scan of the host began.
        pub start_time: Option<Timestamp>,
        /// Time at which the scan of the host ended.
        pub end_time: Option<Timestamp>,
        /// True if its entry was read to the end and nothing was cut off.
        pub complete: bool,
        /// True if the older state has the host.
        pub was_there: bool,
        /// True if the newer state has the host.
        pub is_there: bool,
        /// Differences of the host itself, then of its ports in order.
        pub changes: Vec<Change>,
    }
}

/// Scans of two states that are compared.
#[derive(Debug, Clone, Default)]
pub struct ComparedScans {
    /// Headers of the scans of both states, by scan ID.
    pub headers: BTreeMap<String, ScanHeader>,
    /// Latest scan of the older state, reported where no other scan is known.
    pub old: Option<LatestScan>,
    /// Latest scan of the newer state, reported where no other scan is known.
    pub new: Option<LatestScan>,
}

/// Latest scan of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestScan {
    /// ID of the scan.
    pub scan_id: String,
    /// Time at which the scan ended, or began if its end is not known.
    pub time: Option<Timestamp>,
}
