//! A host as several scans saw it, and where each part of it comes from (docs/merge.md).

use super::{Host, Text, Timestamp};

/// The number of a scan among those of a merge, from 0 in the order of the arguments.
pub type ScanNumber = u32;

/// When something was seen, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// The earliest start, else end, of what was seen of the host.
    pub first: Option<Timestamp>,
    /// The latest end, else start, of what saw the host up, or listed the port.
    pub last: Option<Timestamp>,
    /// The latest end, else start, of what looked for it.
    pub looked: Option<Timestamp>,
    /// How many scans saw it.
    pub count: i32,
}

/// Where a port comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortOrigin {
    /// The scan whose record it is.
    pub scan: ScanNumber,
    /// The scan that its services come from.
    pub services: ScanNumber,
    /// The scan that its scripts come from.
    pub scripts: ScanNumber,
    /// When the port was listed.
    pub seen: Seen,
}

/// Where the parts of a host come from; each list has an entry for each item of the host's own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Origins {
    /// The scan that gave state, reason and times.
    pub status: ScanNumber,
    /// All scans that contributed, in order.
    pub scans: Vec<ScanNumber>,
    /// When the host was seen and looked for.
    pub seen: Seen,
    /// Of [`Host::ports`].
    pub ports: Vec<PortOrigin>,
    /// Of [`Host::scripts`].
    pub scripts: Vec<ScanNumber>,
    /// Of the matches in [`Host::os`].
    pub matches: Vec<ScanNumber>,
    /// Of the classes in [`Host::os`].
    pub classes: Vec<ScanNumber>,
    /// Of all of [`Host::traces`].
    pub traces: ScanNumber,
}

/// A value that lost against another.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict<'a> {
    /// Protocol of the port, of a value of a port.
    pub protocol: Option<Text<'a>>,
    /// Number of the port.
    pub port: Option<i32>,
    /// What it is a value of, such as `state`, `service.version` or `script.http-title`.
    pub column: Text<'a>,
    /// The name of the service, script or match, or the type of the host names, that it is a value of.
    pub item: Option<Text<'a>>,
    /// The scan of the value that stands.
    pub winner: ScanNumber,
    /// That value; `None` if null stands.
    pub winner_value: Option<Text<'a>>,
    /// The scan of the value that lost.
    pub loser: ScanNumber,
    /// That value; `None` if null lost.
    pub loser_value: Option<Text<'a>>,
    /// Why: the policy's name, or `covered` for a port that a later look covered and did not list.
    pub rule: Text<'a>,
}

/// A host of a merge.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedHost<'a> {
    /// Its identity across scans.
    pub host_key: Text<'a>,
    /// Its id, which depends on the key alone.
    pub host_id: Text<'a>,
    /// What is known of it.
    pub host: Host<'a>,
    /// Where that comes from.
    pub origins: Origins,
    /// What lost, if that is asked for.
    pub conflicts: Vec<Conflict<'a>>,
}

/// The id of a merged host: that of all scans that saw it.
#[must_use]
pub fn merged_host_id(host_key: &str) -> String {
    super::id_of_parts(&["scanmill.mhost.v1", host_key])
}
