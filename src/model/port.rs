//! Port of a host and its services.

use std::ops::RangeInclusive;

use super::{CowStr, Script, owned, owned_opt};

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
        match self {
            Self::Tcp => Protocol::Tcp,
            Self::Udp => Protocol::Udp,
            Self::Sctp => Protocol::Sctp,
            Self::Ip => Protocol::Ip,
            Self::Other(name) => Protocol::Other(owned(name)),
        }
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
        match self {
            Self::Open => PortState::Open,
            Self::Closed => PortState::Closed,
            Self::Filtered => PortState::Filtered,
            Self::Unfiltered => PortState::Unfiltered,
            Self::OpenFiltered => PortState::OpenFiltered,
            Self::ClosedFiltered => PortState::ClosedFiltered,
            Self::Other(name) => PortState::Other(owned(name)),
        }
    }
}

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

impl Port<'_> {
    /// Converts to a port that owns its text.
    #[must_use]
    pub fn into_owned(self) -> Port<'static> {
        Port {
            protocol: self.protocol.into_owned(),
            number: self.number,
            index: self.index,
            state: self.state.into_owned(),
            reason: owned_opt(self.reason),
            reason_ttl: self.reason_ttl,
            reason_ip: owned_opt(self.reason_ip),
            owner: owned_opt(self.owner),
            services: self.services.into_iter().map(Service::into_owned).collect(),
            scripts: self.scripts.into_iter().map(Script::into_owned).collect(),
            expanded: self.expanded,
        }
    }
}

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

impl Service<'_> {
    /// Returns true if no value is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && *self == Service::default()
    }

    /// Converts to a service that owns its text.
    #[must_use]
    pub fn into_owned(self) -> Service<'static> {
        Service {
            name: owned_opt(self.name),
            product: owned_opt(self.product),
            version: owned_opt(self.version),
            extra_info: owned_opt(self.extra_info),
            hostname: owned_opt(self.hostname),
            os_type: owned_opt(self.os_type),
            device_type: owned_opt(self.device_type),
            method: owned_opt(self.method),
            confidence: self.confidence,
            tunnel: owned_opt(self.tunnel),
            rpc_proto: owned_opt(self.rpc_proto),
            rpc_num: self.rpc_num,
            low_ver: self.low_ver,
            high_ver: self.high_ver,
            cpes: self.cpes.into_iter().map(owned).collect(),
            fingerprint: owned_opt(self.fingerprint),
            banner: owned_opt(self.banner),
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
