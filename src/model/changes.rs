//! What differs between two states (docs/merge.md, "Diff").

use std::collections::BTreeMap;

use super::{RunHeader, Timestamp};

/// How something differs between an older state and a newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It is there only in the newer one, and the older one looked for it.
    Appeared,
    /// It is there only in the older one, and the newer one looked for it.
    Gone,
    /// It is there in both, and not the same.
    Changed,
    /// It is there only in one, and the other one did not look for it.
    NotScanned,
}

impl ChangeKind {
    /// `appeared`, `gone`, `changed` or `not scanned`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Gone => "gone",
            Self::Changed => "changed",
            Self::NotScanned => "not scanned",
        }
    }
}

/// A difference between two states of a host.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The host's identity.
    pub host_key: String,
    /// Its IP address.
    pub ip: Option<String>,
    /// Protocol of the port, of a value of a port.
    pub protocol: Option<String>,
    /// Number of the port.
    pub port: Option<i32>,
    /// How it differs.
    pub kind: ChangeKind,
    /// What differs: `state`, `hostnames`, `addresses`, `os`, `trace`, `service.version`,
    /// `script.http-title` and so on.
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
    /// The first service of the port, in the newer state that has the port.
    pub service: Option<ChangedService>,
}

/// The service of a port of which something differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangedService {
    /// Its name.
    pub name: Option<String>,
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
