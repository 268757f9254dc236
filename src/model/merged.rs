//! Merged host, with the origin of each part (docs/merge.md).

use super::{CowStr, Host, Timestamp, record::record};

/// Number of a scan in a merge, from 0 in the order of the arguments.
pub type ScanIndex = u32;

record! {
    /// Times at which a host or port was seen, and the number of scans that saw it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct SeenRange {
        /// Earliest start, or end if there is no start, of the looks at the host or of the entries that list the port.
        pub first: Option<Timestamp>,
        /// Latest end, or start if there is no end, of the looks that saw the host up or that list the port.
        pub last: Option<Timestamp>,
        /// Latest end, or start if there is no end, of the looks that looked for it.
        pub looked: Option<Timestamp>,
        /// Number of scans that saw it.
        pub count: i32,
    }
}

record! {
    /// Origin of a port.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct PortProvenance {
        /// Scan that its record comes from.
        pub scan: ScanIndex,
        /// Scan that its services come from.
        pub services: ScanIndex,
        /// Scan that its scripts come from.
        pub scripts: ScanIndex,
        /// Times at which the port was listed.
        pub seen: SeenRange,
    }
}

record! {
    /// Provenance of the parts of a host. Each list has one entry per item of the host's own list.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Provenance {
        /// Scan that supplied state, reason and times.
        pub status: ScanIndex,
        /// All scans that contributed, in order.
        pub scans: Vec<ScanIndex>,
        /// Times at which the host was seen and looked for.
        pub seen: SeenRange,
        /// Provenance of [`Host::ports`].
        pub ports: Vec<PortProvenance>,
        /// Provenance of [`Host::scripts`].
        pub scripts: Vec<ScanIndex>,
        /// Provenance of the matches in [`Host::os`].
        pub matches: Vec<ScanIndex>,
        /// Provenance of the classes in [`Host::os`].
        pub classes: Vec<ScanIndex>,
        /// Origin of all [`Host::traces`].
        pub traces: ScanIndex,
    }
}

record! {
    /// Value that lost to another one.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Conflict<'a> {
        /// Protocol of the port, for values of a port.
        pub protocol: Option<CowStr<'a>>,
        /// Number of the port, for values of a port.
        pub port: Option<i32>,
        /// Column of the value, such as `state`, `service.version` or `script.http-title`.
        pub column: CowStr<'a>,
        /// Name of the service, script or match, or type of the host names, that the value belongs to.
        pub item: Option<CowStr<'a>>,
        /// Scan of the winning value.
        pub winner: ScanIndex,
        /// Winning value; `None` for null.
        pub winner_value: Option<CowStr<'a>>,
        /// Scan of the losing value.
        pub loser: ScanIndex,
        /// Losing value; `None` for null.
        pub loser_value: Option<CowStr<'a>>,
        /// Rule that decided: the policy's name, or `covered` for a port that a later look covered and did not list.
        pub rule: CowStr<'a>,
    }
}

record! {
    /// Host of a merge.
    #[derive(Debug, Clone, PartialEq)]
    pub struct MergedHost<'a> {
        /// Identity of the host across scans.
        pub host_key: CowStr<'a>,
        /// ID of the host, which depends only on the key.
        pub host_id: CowStr<'a>,
        /// Merged values of the host.
        pub host: Host<'a>,
        /// Provenance of these values.
        pub provenance: Provenance,
        /// Values that lost; empty unless they are asked for.
        pub conflicts: Vec<Conflict<'a>>,
    }
}

/// Returns the ID of a merged host, which is the same for all scans that saw it.
#[must_use]
pub fn merged_host_id(host_key: &str) -> String {
    super::id_of_parts(&["scanmill.mhost.v1", host_key])
}
