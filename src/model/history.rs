//! What was true of a host and its ports, from when to when (docs/history.md).

use super::{HostState, PortState, Protocol, ScanNumber, Text, Timestamp};

/// When something was so, and which looks say so. Times are those of looks: the end of the host, else the end
/// of its scan, else the start of its scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first look with these values; `None` if it has no time.
    pub valid_from: Option<Timestamp>,
    /// The last look that confirmed them.
    pub last_seen: Option<Timestamp>,
    /// The first later look that contradicts them; `None` while they are still true.
    pub valid_to: Option<Timestamp>,
    /// How many looks confirmed them.
    pub looks: i64,
    /// The scan of the first of these looks.
    pub first_scan: ScanNumber,
    /// The scan of the last of these looks.
    pub last_scan: ScanNumber,
    /// The scan that contradicts them.
    pub ended_by: Option<ScanNumber>,
}

/// What was true of a host for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct HostInterval<'a> {
    /// Its first IP address.
    pub ip: Option<Text<'a>>,
    /// Its first MAC address.
    pub mac: Option<Text<'a>>,
    /// The name to show: that of type `user`, else `PTR`, else the first.
    pub hostname: Option<Text<'a>>,
    /// Its state.
    pub state: HostState<'a>,
    /// The name of the best match of its operating system.
    pub os_name: Option<Text<'a>>,
    /// When.
    pub span: Span,
}

/// What was true of a port for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct PortInterval<'a> {
    /// The first IP address of its host.
    pub ip: Option<Text<'a>>,
    /// Its protocol.
    pub protocol: Protocol<'a>,
    /// Its number.
    pub number: u16,
    /// Its state.
    pub state: PortState<'a>,
    /// Why.
    pub reason: Option<Text<'a>>,
    /// The first of its services, if it has any.
    pub service: Option<IntervalService<'a>>,
    /// When.
    pub span: Span,
}

/// What a history says of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntervalService<'a> {
    /// Its name.
    pub name: Option<Text<'a>>,
    /// Its product.
    pub product: Option<Text<'a>>,
    /// Its version.
    pub version: Option<Text<'a>>,
    /// Its CPEs.
    pub cpes: Vec<Text<'a>>,
}
