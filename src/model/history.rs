//! Intervals in which the values of a host or port did not change (docs/history.md).

use super::{CowStr, HostState, PortState, Protocol, ScanIndex, Timestamp, record::record};

record! {
    /// Time span of an interval, and the looks that confirm it. Times are those of looks: the end of the host, or the end
    /// or start of its scan if the host has none.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Span {
        /// Time of the first look with these values; `None` if it has no time.
        pub valid_from: Option<Timestamp>,
        /// Time of the last look that confirmed the values.
        pub last_seen: Option<Timestamp>,
        /// Time of the first later look that contradicts the values; `None` while they are current.
        pub valid_to: Option<Timestamp>,
        /// Number of looks that confirmed the values.
        pub looks: i64,
        /// Scan of the first of these looks.
        pub first_scan: ScanIndex,
        /// Scan of the last of these looks.
        pub last_scan: ScanIndex,
        /// Scan that contradicts the values.
        pub ended_by: Option<ScanIndex>,
    }
}

record! {
    /// Values of a host during an interval.
    #[derive(Debug, Clone, PartialEq)]
    pub struct HostInterval<'a> {
        /// First IP address.
        pub ip: Option<CowStr<'a>>,
        /// First MAC address.
        pub mac: Option<CowStr<'a>>,
        /// Name to show: the first of type `user`, or the first of type `PTR`, or the first.
        pub hostname: Option<CowStr<'a>>,
        /// State of the host.
        pub state: HostState<'a>,
        /// Name of the best OS match.
        pub os_name: Option<CowStr<'a>>,
        /// Time span of the interval.
        pub span: Span,
    }
}

record! {
    /// Values of a port during an interval.
    #[derive(Debug, Clone, PartialEq)]
    pub struct PortInterval<'a> {
        /// First IP address of its host.
        pub ip: Option<CowStr<'a>>,
        /// Protocol.
        pub protocol: Protocol<'a>,
        /// Port number.
        pub number: u16,
        /// State of the port.
        pub state: PortState<'a>,
        /// Reason for the state.
        pub reason: Option<CowStr<'a>>,
        /// First service of the port, if it has any.
        pub service: Option<IntervalService<'a>>,
        /// Time span of the interval.
        pub span: Span,
    }
}

record! {
    /// Values of a service in a history.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct IntervalService<'a> {
        /// Name of the service.
        pub name: Option<CowStr<'a>>,
        /// Product.
        pub product: Option<CowStr<'a>>,
        /// Version.
        pub version: Option<CowStr<'a>>,
        /// CPEs.
        pub cpes: Vec<CowStr<'a>>,
    }
}
