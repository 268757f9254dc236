//! Port of a host and its services.

use std::ops::RangeInclusive;

use super::{
    CowStr, Script,
    record::{FieldValue, name_values, record},
};

/// Protocol of a port. `-sO` scans list IP protocol numbers as ports of `ip`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protocol<'a> {
    /// `tcp`
    Tcp,
    /// `udp`
    Udp,
    /// `sctp`
    Sctp,
    /// `ip`: the port number is the IP protocol number.
    Ip,
    /// Any other protocol, in lower case. masscan writes `icmp` and `arp` with port 0.
    Other(CowStr<'a>),
}

impl<'a> Protocol<'a> {
    /// Returns the protocol with this name, which must be in lower case.
    #[must_use]
    pub fn from_name(name: CowStr<'a>) -> Self {
        match &*name {
            "tcp" => Self::Tcp,
            "udp" => Self::Udp,
            "sctp" => Self::Sctp,
            "ip" => Self::Ip,
            _ => Self::Other(name),
        }
    }

    /// Returns the name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
            Self::Ip => "ip",
            Self::Other(name) => name,
        }
    }

    /// Converts to a protocol that owns its text.
    #[must_use]
    pub fn into_owned(self) -> Protocol<'static> {
        self.into_static()
    }
}

/// State of a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PortState<'a> {
    /// `open`
    Open,
    /// `closed`
    Closed,
    /// `filtered`
    Filtered,
    /// `unfiltered`
    Unfiltered,
    /// `open|filtered`
    OpenFiltered,
    /// `closed|filtered`
    ClosedFiltered,
    /// Any other text, kept as it is.
    Other(CowStr<'a>),
}

impl<'a> PortState<'a> {
    /// Returns the state that a text names.
    #[must_use]
    pub fn from_name(name: CowStr<'a>) -> Self {
        match &*name {
            "open" => Self::Open,
            "closed" => Self::Closed,
            "filtered" => Self::Filtered,
            "unfiltered" => Self::Unfiltered,
            "open|filtered" => Self::OpenFiltered,
            "closed|filtered" => Self::ClosedFiltered,
            _ => Self::Other(name),
        }
    }

    /// Returns the state as nmap writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Filtered => "filtered",
            Self::Unfiltered => "unfiltered",
            Self::OpenFiltered => "open|filtered",
            Self::ClosedFiltered => "closed|filtered",
            Self::Other(name) => name,
        }
    }

    /// Converts to a state that owns its text.
    #[must_use]
    pub fn into_owned(self) -> PortState<'static> {
        self.into_static()
    }
}

name_values! {
    Protocol { 1 Tcp, 2 Udp, 3 Sctp, 4 Ip }
    PortState { 1 Open, 2 Closed, 3 Filtered, 4 Unfiltered, 5 OpenFiltered, 6 ClosedFiltered }
}

record! {
    /// Port of a host (element `port`).
    #[derive(Debug, Clone, PartialEq)]
    pub struct Port<'a> {
        /// Protocol.
        pub protocol: Protocol<'a>,
        /// Port number.
        pub number: u16,
        /// Index among the ports of its host, from 0, before filters.
        pub index: i32,
        /// State.
        pub state: PortState<'a>,
        /// Reason for the state, such as `syn-ack`.
        pub reason: Option<CowStr<'a>>,
        /// TTL of the packet that the state was inferred from.
        pub reason_ttl: Option<i32>,
        /// Sender of that packet, if it was not the host itself.
        pub reason_ip: Option<CowStr<'a>>,
        /// User that identd named (nmap 3.x and 4.x).
        pub owner: Option<CowStr<'a>>,
        /// Services of the port: at most one from nmap, possibly several from masscan.
        pub services: Vec<Service<'a>>,
        /// Results of scripts that ran on this port.
        pub scripts: Vec<Script<'a>>,
        /// True if the port comes from an `extrareasons` list, not from a `port` element.
        pub expanded: bool,
    }
}

record! {
    /// Service of a port (element `service`).
    #[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
    pub struct Service<'a> {
        /// Name, from the port table or from the answer.
        pub name: Option<CowStr<'a>>,
        /// Product.
        pub product: Option<CowStr<'a>>,
        /// Version; before nmap 3.40 the whole banner.
        pub version: Option<CowStr<'a>>,
        /// Further information.
        pub extra_info: Option<CowStr<'a>>,
        /// Host name that the service reported.
        pub hostname: Option<CowStr<'a>>,
        /// Operating system that the service reported.
        pub os_type: Option<CowStr<'a>>,
        /// Device type that the service reported.
        pub device_type: Option<CowStr<'a>>,
        /// `table` or `probed` (`detection` before 4.85).
        pub method: Option<CowStr<'a>>,
        /// Confidence, 0 to 10.
        pub confidence: Option<i32>,
        /// `ssl` if the service was found inside TLS.
        pub tunnel: Option<CowStr<'a>>,
        /// `rpc` (until nmap 6.01).
        pub rpc_proto: Option<CowStr<'a>>,
        /// RPC program number.
        pub rpc_num: Option<i64>,
        /// Lowest RPC version.
        pub low_ver: Option<i32>,
        /// Highest RPC version.
        pub high_ver: Option<i32>,
        /// `cpe:/` 2.2 URIs.
        pub cpes: Vec<CowStr<'a>>,
        /// Fingerprint of a service that nmap does not know.
        pub fingerprint: Option<CowStr<'a>>,
        /// masscan's banner.
        pub banner: Option<CowStr<'a>>,
    }
}

impl Service<'_> {
    /// Returns true if no value is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && *self == Service::default()
    }
}

impl<'a> Port<'a> {
    /// Creates a port with its key and state; nothing else is set.
    #[must_use]
    pub fn new(protocol: Protocol<'a>, number: u16, state: PortState<'a>) -> Self {
        Self {
            protocol,
            number,
            index: 0,
            state,
            reason: None,
            reason_ttl: None,
            reason_ip: None,
            owner: None,
            services: Vec::new(),
            scripts: Vec::new(),
            expanded: false,
        }
    }
}

/// Returns the ranges of a list such as `1-3,80`, in its order. Parts that are not port numbers are left out.
pub(crate) fn port_ranges(list: &str) -> impl Iterator<Item = RangeInclusive<u16>> {
    list.split(',').filter_map(|item| {
        let (from, to) = item.split_once('-').unwrap_or((item, item));
        Some(from.trim().parse::<u16>().ok()?..=to.trim().parse::<u16>().ok()?)
    })
}
