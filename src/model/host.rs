//! Host: the unit of streaming and of memory.

use std::{collections::HashSet, net::IpAddr};

use super::{
    CowStr, OsDetection, Port, PortState, Protocol, Script, Sequence, TcpSequence, Timestamp,
    Trace, port_ranges,
    record::{name_values, record},
};

record! {
    /// Host element with everything it contains.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Host<'a> {
        /// Index among the host elements of its scan, from 0.
        pub index: i32,
        /// True if its end tag was read and nothing was cut off.
        pub complete: bool,
        /// Time at which nmap started on the host.
        pub start_time: Option<Timestamp>,
        /// Time at which nmap finished the host.
        pub end_time: Option<Timestamp>,
        /// True if nmap gave up on the host (`--host-timeout`).
        pub timed_out: Option<bool>,
        /// Comment that Zenmap saved.
        pub comment: Option<CowStr<'a>>,
        /// State of the host, and the reason.
        pub status: HostStatus<'a>,
        /// Addresses in document order.
        pub addresses: Vec<Address<'a>>,
        /// Host names in document order.
        pub hostnames: Vec<Hostname<'a>>,
        /// Number of answers to a ping of a broadcast address.
        pub smurf_responses: Option<i64>,
        /// Ports that are not listed singly.
        pub extra_ports: Vec<ExtraPorts<'a>>,
        /// Ports in document order; a filter may have left some out.
        pub ports: Vec<Port<'a>>,
        /// Number of ports that the document lists singly, before filters.
        pub ports_listed: i32,
        /// Number of listed ports that are open, before filters.
        pub ports_open: i32,
        /// Results of operating system detection.
        pub os: OsDetection<'a>,
        /// Uptime in seconds.
        pub uptime_s: Option<i64>,
        /// Local time of the last boot, as nmap wrote it.
        pub last_boot: Option<CowStr<'a>>,
        /// Distance in hops.
        pub distance: Option<i32>,
        /// Generation of TCP initial sequence numbers.
        pub tcp_sequence: TcpSequence<'a>,
        /// Generation of IP identification numbers.
        pub ip_id_sequence: Sequence<'a>,
        /// Generation of TCP time stamps.
        pub tcp_ts_sequence: Sequence<'a>,
        /// Results of host scripts.
        pub scripts: Vec<Script<'a>>,
        /// Routes to the host.
        pub traces: Vec<Trace<'a>>,
        /// Smoothed round trip time in microseconds.
        pub srtt_us: Option<i64>,
        /// Variance of the round trip time in microseconds.
        pub rttvar_us: Option<i64>,
        /// Probe timeout in microseconds.
        pub timeout_us: Option<i64>,
    }
}

impl<'a> Host<'a> {
    /// Creates a host with only its index set.
    #[must_use]
    pub fn new(index: i32) -> Self {
        Self {
            index,
            complete: false,
            start_time: None,
            end_time: None,
            timed_out: None,
            comment: None,
            status: HostStatus::default(),
            addresses: Vec::new(),
            hostnames: Vec::new(),
            smurf_responses: None,
            extra_ports: Vec::new(),
            ports: Vec::new(),
            ports_listed: 0,
            ports_open: 0,
            os: OsDetection::default(),
            uptime_s: None,
            last_boot: None,
            distance: None,
            tcp_sequence: TcpSequence::default(),
            ip_id_sequence: Sequence::default(),
            tcp_ts_sequence: Sequence::default(),
            scripts: Vec::new(),
            traces: Vec::new(),
            srtt_us: None,
            rttvar_us: None,
            timeout_us: None,
        }
    }

    /// Returns the first address of type ipv4 or ipv6, literal or not.
    #[must_use]
    pub fn ip(&self) -> Option<&Address<'a>> {
        self.addresses.iter().find(|a| matches!(a.kind, AddressKind::Ipv4 | AddressKind::Ipv6))
    }

    /// Returns the first MAC address.
    #[must_use]
    pub fn mac(&self) -> Option<&Address<'a>> {
        self.addresses.iter().find(|a| a.kind == AddressKind::Mac)
    }

    /// Returns the name to show: the first of type `user`, or the first of type `PTR`, or the first.
    #[must_use]
    pub fn hostname(&self) -> Option<&Hostname<'a>> {
        let of_kind = |kind| self.hostnames.iter().find(|n| n.kind.as_deref() == Some(kind));
        of_kind("user").or_else(|| of_kind("PTR")).or_else(|| self.hostnames.first())
    }

    /// Appends a port for each number in the `ports` lists of [`Host::extra_ports`] that has no port yet, with state
    /// and reason from there. Stops when the host has `cap` ports, and returns false if there are more.
    pub fn expand_extra_ports(&mut self, cap: usize) -> bool {
        let mut known: HashSet<(Protocol<'a>, u16)> =
            self.ports.iter().map(|p| (p.protocol.clone(), p.number)).collect();
        let mut index = self.ports.last().map_or(0, |p| p.index.saturating_add(1));
        for extra in &self.extra_ports {
            let Some(state) = &extra.state else { continue };
            for reason in &extra.reasons {
                let (Some(proto), Some(list)) = (&reason.proto, &reason.ports) else { continue };
                let protocol = Protocol::from_name(proto.clone());
                for number in port_numbers(list) {
                    if self.ports.len() >= cap {
                        return false;
                    }
                    if !known.insert((protocol.clone(), number)) {
                        continue;
                    }
                    self.ports.push(Port {
                        index,
                        reason: reason.reason.clone(),
                        expanded: true,
                        ..Port::new(protocol.clone(), number, state.clone())
                    });
                    index = index.saturating_add(1);
                }
            }
        }
        true
    }
}

/// Returns the numbers of a list such as `1-3,80`, in its order. Parts that are not port numbers are left out.
fn port_numbers(list: &str) -> impl Iterator<Item = u16> {
    port_ranges(list).flatten()
}

/// State of a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum HostState<'a> {
    /// `up`
    Up,
    /// `down`
    Down,
    /// `unknown`, as list scans write.
    #[default]
    Unknown,
    /// `skipped`
    Skipped,
    /// Any other text, kept as it is.
    Other(CowStr<'a>),
}

impl<'a> HostState<'a> {
    /// Returns the state that a text names.
    #[must_use]
    pub fn from_name(name: CowStr<'a>) -> Self {
        match &*name {
            "up" => Self::Up,
            "down" => Self::Down,
            "unknown" => Self::Unknown,
            "skipped" => Self::Skipped,
            _ => Self::Other(name),
        }
    }

    /// Returns the state as nmap writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
            Self::Other(name) => name,
        }
    }
}

name_values! {
    HostState { 1 Up, 2 Down, 3 Unknown, 4 Skipped }
    AddressKind { 1 Ipv4, 2 Ipv6, 3 Mac }
}

record! {
    /// State of a host and nmap's reason for it. Without a `status` element: `up` with the reason `inferred` if a port
    /// is open, closed or unfiltered, otherwise `unknown` (DATA_MODEL section 3).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct HostStatus<'a> {
        /// State.
        pub state: HostState<'a>,
        /// Reason, such as `echo-reply`.
        pub reason: Option<CowStr<'a>>,
        /// TTL of the packet that the state was inferred from.
        pub reason_ttl: Option<i32>,
    }
}

/// Kind of an address. For an IP literal, the literal decides (rule T6).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressKind<'a> {
    /// `ipv4`
    Ipv4,
    /// `ipv6`
    Ipv6,
    /// `mac`
    Mac,
    /// Any other text, kept as it is.
    Other(CowStr<'a>),
}

impl AddressKind<'_> {
    /// Returns the kind as nmap writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Mac => "mac",
            Self::Other(name) => name,
        }
    }
}

record! {
    /// Address of a host.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Address<'a> {
        /// Address in its canonical form, without zone (rule T6); any other text unchanged.
        pub text: CowStr<'a>,
        /// Kind of the address.
        pub kind: AddressKind<'a>,
        /// Parsed address, if it is an IP literal.
        pub ip: Option<IpAddr>,
        /// Zone of an IPv6 address: the part after `%`.
        pub zone: Option<CowStr<'a>>,
        /// Vendor of a MAC address.
        pub vendor: Option<CowStr<'a>>,
    }
}

record! {
    /// Name of a host.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Hostname<'a> {
        /// Name as found.
        pub name: CowStr<'a>,
        /// `user` for a name that was typed, `PTR` for one from DNS.
        pub kind: Option<CowStr<'a>>,
    }
}

record! {
    /// Ports that are not listed singly, one entry per state (element `extraports`).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ExtraPorts<'a> {
        /// State of the ports.
        pub state: Option<PortState<'a>>,
        /// Number of ports.
        pub count: Option<i64>,
        /// Reasons for the state.
        pub reasons: Vec<ExtraReason<'a>>,
    }
}

record! {
    /// Reason for the state of ports (element `extrareasons`).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ExtraReason<'a> {
        /// Reason as written (a plural word before nmap 7.92).
        pub reason: Option<CowStr<'a>>,
        /// Number of ports.
        pub count: Option<i64>,
        /// Protocol of the ports.
        pub proto: Option<CowStr<'a>>,
        /// Port numbers, such as `1-24,26`.
        pub ports: Option<CowStr<'a>>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_lists_are_parsed_and_junk_in_them_is_ignored() {
        let numbers: Vec<_> = port_numbers("1-3,80,x,70000,9-8, 443").collect();
        assert_eq!(numbers, [1, 2, 3, 80, 443]);
    }

    #[test]
    fn extra_ports_are_expanded_once_and_up_to_the_cap() {
        let mut host = Host::new(0);
        let reason = ExtraReason {
            reason: Some("reset".into()),
            count: Some(3),
            proto: Some("tcp".into()),
            ports: Some("1-3,2".into()),
        };
        host.extra_ports.push(ExtraPorts {
            state: Some(PortState::Closed),
            count: Some(3),
            reasons: vec![reason],
        });
        let mut few = host.clone();
        few.expand_extra_ports(2);
        assert_eq!(few.ports.len(), 2);
        host.expand_extra_ports(100);
        let got: Vec<_> = host.ports.iter().map(|p| (p.index, p.number, p.expanded)).collect();
        assert_eq!(got, [(0, 1, true), (1, 2, true), (2, 3, true)]);
    }
}
