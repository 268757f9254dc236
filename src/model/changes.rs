//! What differs between two states (docs/merge.md, "Diff").

use std::collections::BTreeMap;

use super::{RunHeader, Timestamp};

/// How something differs between an older state and a newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ChangeKind {
    /// The newer one has it; the older one looked for it and did not find it.
    Appeared,
    /// The newer one has it, an open port, and the older one never looked for it.
    FirstSeen,
    /// The older one has it; the newer one looked for it and did not find it.
    Gone,
    /// Both have it, and it is not the same.
    Changed,
    /// A host of the older one has another address in the newer one.
    Moved,
    /// One has it, and the other one did not look for it.
    NotScanned,
}

impl ChangeKind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Appeared, Self::FirstSeen, Self::Gone, Self::Changed, Self::Moved, Self::NotScanned];

    /// Returns the kind as rows name it, such as `first_seen`.
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

    /// Returns whether it is a change: all are but [`Self::NotScanned`].
    #[must_use]
    pub const fn is_change(self) -> bool {
        !matches!(self, Self::NotScanned)
    }
}

/// A difference between two states of a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The host's identity; of a host that moved, that in the newer state.
    pub host_key: String,
    /// Its IP address.
    pub ip: Option<String>,
    /// Protocol of the port, of a value of a port.
    pub protocol: Option<String>,
    /// Number of the port.
    pub port: Option<i32>,
    /// Ports that are not listed singly and of which this is so, as `1-21,23-100`.
    pub ports: Option<String>,
    /// How it differs.
    pub kind: ChangeKind,
    /// What differs: `host`, `state`, `hostnames`, `addresses`, `mac`, `os`, `trace`, `extra_ports`,
    /// `service.version`, `script.http-title` and so on.
    pub column: String,
    /// The older value.
    pub old: Option<String>,
    /// The newer value.
    pub new: Option<String>,
    /// The scan of the older value.
    pub old_scan_id: Option<String>,
    /// The scan of the newer value.
    pub new_scan_id: Option<String>,
    /// When the older value was last seen.
    pub old_time: Option<Timestamp>,
    /// When the newer value was last seen.
    pub new_time: Option<Timestamp>,
    /// The first service of the port in the older state.
    pub old_service: Option<ChangedService>,
    /// The first service of the port in the newer state.
    pub new_service: Option<ChangedService>,
}

/// The service of a port of which something differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangedService {
    /// Its name.
    pub name: Option<String>,
    /// The name of its software.
    pub product: Option<String>,
    /// The version of its software.
    pub version: Option<String>,
    /// `ssl` if it is reached through that.
    pub tunnel: Option<String>,
}

/// The differences of a host. What is said of the host is from the newer state that has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostChanges {
    /// Name to show with the host's address.
    pub hostname: Option<String>,
    /// Its MAC address.
    pub mac: Option<String>,
    /// When its scan began.
    pub start_time: Option<Timestamp>,
    /// When its scan ended.
    pub end_time: Option<Timestamp>,
    /// Whether its entry was whole.
    pub complete: bool,
    /// Whether the older state has the host.
    pub was_there: bool,
    /// Whether the newer state has the host.
    pub is_there: bool,
    /// What differs, the host itself first, then its ports in order.
    pub changes: Vec<Change>,
}

/// The scans of two states that are compared.
#[derive(Debug, Clone, Default)]
pub struct ComparedScans {
    /// Scans of both states by their ids.
    pub headers: BTreeMap<String, RunHeader>,
    /// The scan that stands for the older state where that says nothing: the latest.
    pub old: Option<LatestScan>,
    /// The one that stands for the newer state.
    pub new: Option<LatestScan>,
}

/// The latest scan of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestScan {
    /// Its id.
    pub scan_id: String,
    /// When it ended, else when it began.
    pub time: Option<Timestamp>,
}
