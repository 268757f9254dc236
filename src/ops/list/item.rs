//! Items of lists: their order, and their text.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::{
    model::{Address, Protocol},
    request::PortSet,
};

/// Maximum length of a host name in bytes, as in DNS.
const MAX_NAME_BYTES: usize = 253;

/// Address or name of a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    V4(Ipv4Addr),
    /// IPv6 address, and its zone.
    V6(Ipv6Addr, Option<Box<str>>),
    Name(Box<str>),
}

impl Place {
    /// Returns the place of an IP address; `None` if it is not a literal, or has a zone that is not plain.
    pub(super) fn of_address(address: &Address<'_>) -> Option<Self> {
        let is_plain = |zone: &str| {
            let is_zone = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            !zone.is_empty() && zone.chars().all(is_zone)
        };
        match (address.ip?, address.zone.as_deref()) {
            (IpAddr::V4(ip), None) => Some(Self::V4(ip)),
            (IpAddr::V6(ip), zone) if zone.is_none_or(is_plain) => {
                Some(Self::V6(ip, zone.map(Into::into)))
            }
            _ => None,
        }
    }

    /// Returns the place of a host name, in lower case and without a dot at its end; `None` if it is not a plain one.
    ///
    /// The last part of a plain name has a letter, so that nmap never takes it for addresses.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_label = |label: &str| {
            let is_of_label = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
            !label.is_empty() && !label.starts_with('-') && label.chars().all(is_of_label)
        };
        let has_letter = |label: &str| label.chars().any(char::is_alphabetic);
        let is_plain = name.len() <= MAX_NAME_BYTES
            && name.split('.').all(is_label)
            && name.rsplit('.').next().is_some_and(has_letter);
        is_plain.then(|| Self::Name(name.to_ascii_lowercase().into()))
    }

    /// Returns the size of its texts in bytes.
    fn text_bytes(&self) -> usize {
        match self {
            Self::V4(_) => 0,
            Self::V6(_, zone) => zone.as_ref().map_or(0, |zone| zone.len()),
            Self::Name(name) => name.len(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(ip) => ip.fmt(f),
            Self::V6(ip, None) => ip.fmt(f),
            Self::V6(ip, Some(zone)) => write!(f, "{ip}%{zone}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Transport {
    Tcp,
    Udp,
    Sctp,
}

impl Transport {
    /// Returns the transport of a port; `None` for protocols without ports.
    pub(super) fn of(protocol: &Protocol<'_>) -> Option<Self> {
        match protocol {
            Protocol::Tcp => Some(Self::Tcp),
            Protocol::Udp => Some(Self::Udp),
            Protocol::Sctp => Some(Self::Sctp),
            _ => None,
        }
    }

    /// Returns the prefix of its ports in nmap's `-p`.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Tcp => "T:",
            Self::Udp => "U:",
            Self::Sctp => "S:",
        }
    }
}

/// Port of a transport.
pub(super) type PortKey = (Transport, u16);

/// Item of a list. A list has items of one variant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    Host(Place),
    /// Network: its first address, and the length of its prefix.
    Subnet(IpAddr, u8),
    Port(PortKey),
    HostPort(Place, PortKey),
    Endpoint(Place, u16),
    /// Place, port, and true for https.
    Url(Place, u16, bool),
    Text(Box<str>),
}

impl Item {
    /// Returns the network of an address. Longer prefixes than the address has are a single address.
    pub(super) fn subnet(ip: IpAddr, (prefix_v4, prefix_v6): (u8, u8)) -> Self {
        match ip {
            IpAddr::V4(ip) => {
                let len = prefix_v4.min(32);
                let hosts = u32::MAX.checked_shr(len.into()).unwrap_or(0);
                Self::Subnet(Ipv4Addr::from(ip.to_bits() & !hosts).into(), len)
            }
            IpAddr::V6(ip) => {
                let len = prefix_v6.min(128);
                let hosts = u128::MAX.checked_shr(len.into()).unwrap_or(0);
                Self::Subnet(Ipv6Addr::from(ip.to_bits() & !hosts).into(), len)
            }
        }
    }

    /// Returns the item of a service name; `None` unless it consists of visible ASCII characters.
    pub(super) fn service(name: &str, tunnel: Option<&str>) -> Option<Self> {
        let text = match tunnel {
            Some(tunnel) => format!("{tunnel}/{name}"),
            None => name.to_owned(),
        };
        let is_plain = !name.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_plain.then(|| Self::Text(text.into()))
    }

    /// Returns the approximate size in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let text = match self {
            Self::Host(place)
            | Self::HostPort(place, _)
            | Self::Endpoint(place, _)
            | Self::Url(place, ..) => place.text_bytes(),
            Self::Subnet(..) | Self::Port(_) => 0,
            Self::Text(text) => text.len(),
        };
        size_of::<Self>().saturating_add(text)
    }

    const fn port(&self) -> Option<PortKey> {
        match self {
            Self::Port(key) | Self::HostPort(_, key) => Some(*key),
            _ => None,
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(place) => place.fmt(f),
            Self::Subnet(first, len) => write!(f, "{first}/{len}"),
            Self::Port((_, port)) => port.fmt(f),
            Self::Endpoint(place @ Place::V6(..), port) => write!(f, "[{place}]:{port}"),
            Self::Endpoint(place, port) | Self::HostPort(place, (_, port)) => {
                write!(f, "{place}:{port}")
            }
            Self::Url(place, port, is_https) => {
                f.write_str(if *is_https { "https://" } else { "http://" })?;
                match place {
                    Place::V6(ip, None) => write!(f, "[{ip}]")?,
                    // RFC 6874: the % before a zone is escaped.
                    Place::V6(ip, Some(zone)) => write!(f, "[{ip}%25{zone}]")?,
                    Place::V4(_) | Place::Name(_) => place.fmt(f)?,
                }
                let default = if *is_https { 443 } else { 80 };
                if *port == default { Ok(()) } else { write!(f, ":{port}") }
            }
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Returns ports as nmap's `-p` accepts them. TCP ports alone need no prefix.
pub(super) fn ports_text(items: impl Iterator<Item = Item>) -> String {
    let mut ports = [const { Vec::new() }; 3];
    for (transport, port) in items.filter_map(|item| item.port()) {
        ports[transport as usize].push(port..=port);
    }
    let is_tcp_only = ports[1].is_empty() && ports[2].is_empty();
    let transports = [Transport::Tcp, Transport::Udp, Transport::Sctp].into_iter().zip(ports);
    let lists = transports.filter(|(_, ports)| !ports.is_empty()).map(|(transport, ports)| {
        let prefix = if is_tcp_only { "" } else { transport.prefix() };
        format!("{prefix}{}", PortSet::of(ports))
    });
    lists.collect::<Vec<_>>().join(",")
}

/// Returns the last octets of addresses, which ascend, as nmap accepts them: `1-6,9`.
pub(super) fn last_octets(octets: &[u8]) -> String {
    let runs = octets.chunk_by(|one, next| one.checked_add(1) == Some(*next));
    let runs = runs.filter_map(|run| match run {
        [] => None,
        [only] => Some(only.to_string()),
        [first, .., last] => Some(format!("{first}-{last}")),
    });
    runs.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_listed() {
        for (name, listed) in [
            ("WWW.Example.", Some("www.example")),
            ("a_b-1.example", Some("a_b-1.example")),
            ("localhost", Some("localhost")),
            ("b\u{fc}ro.example", Some("b\u{fc}ro.example")),
            ("1.example", Some("1.example")),
            ("", None),
            (".", None),
            ("a..b", None),
            (".a", None),
            ("a b", None),
            ("a\nb", None),
            ("a\0b", None),
            ("a\u{1b}[31m", None),
            ("a\u{202e}b", None),
            ("-iL", None),
            ("a.-b", None),
            ("a,b", None),
            ("a/24", None),
            ("*.example", None),
            ("a:80", None),
            ("a@b", None),
            ("$(id)", None),
            ("10.0.0.0-255", None),
            ("10.0.0.1", None),
            ("1-5", None),
            ("a.10", None),
        ] {
            let place = Place::of_name(name);
            assert_eq!(place.map(|place| place.to_string()).as_deref(), listed, "{name:?}");
        }
        assert!(Place::of_name(&"a".repeat(254)).is_none());
    }

    #[test]
    fn addresses_come_before_names_in_the_order_of_numbers() {
        let v4 = |text: &str| Place::V4(text.parse().unwrap());
        let v6 = |text: &str| Place::V6(text.parse().unwrap(), None);
        let order = [
            v4("9.0.0.1"),
            v4("10.0.0.1"),
            v4("192.0.2.1"),
            v6("::1"),
            v6("2001:db8::9"),
            v6("2001:db8::10"),
            Place::Name("a".into()),
        ];
        assert!(order.is_sorted());
    }

    #[test]
    fn urls_have_brackets_and_no_default_port() {
        let v6 = |zone: Option<&str>| Place::V6("fe80::1".parse().unwrap(), zone.map(Into::into));
        for (item, text) in [
            (Item::Url(v6(None), 80, false), "http://[fe80::1]"),
            (Item::Url(v6(None), 80, true), "https://[fe80::1]:80"),
            (Item::Url(v6(Some("eth0")), 443, true), "https://[fe80::1%25eth0]"),
            (Item::Url(Place::Name("a.example".into()), 8080, false), "http://a.example:8080"),
            (Item::Endpoint(v6(Some("eth0")), 22), "[fe80::1%eth0]:22"),
            (Item::Endpoint(Place::V4(Ipv4Addr::LOCALHOST), 22), "127.0.0.1:22"),
        ] {
            assert_eq!(item.to_string(), text);
        }
    }

    #[test]
    fn ports_have_prefixes_if_they_are_not_only_tcp() {
        let text = |ports: &[PortKey]| ports_text(ports.iter().map(|port| Item::Port(*port)));
        let (tcp, udp, sctp) = (Transport::Tcp, Transport::Udp, Transport::Sctp);
        assert_eq!(text(&[(tcp, 22), (tcp, 80), (tcp, 81), (tcp, 82)]), "22,80-82");
        assert_eq!(text(&[(tcp, 22), (udp, 53), (sctp, 9)]), "T:22,U:53,S:9");
        assert_eq!(text(&[(udp, 53)]), "U:53");
        assert_eq!(last_octets(&[1, 2, 3, 9, 254, 255]), "1-3,9,254-255");
    }

    #[test]
    fn networks_have_a_prefix_of_any_length() {
        let text = |ip: &str, prefixes| Item::subnet(ip.parse().unwrap(), prefixes).to_string();
        assert_eq!(text("192.0.2.7", (24, 64)), "192.0.2.0/24");
        assert_eq!(text("192.0.2.7", (0, 0)), "0.0.0.0/0");
        assert_eq!(text("192.0.2.7", (32, 0)), "192.0.2.7/32");
        assert_eq!(text("2001:db8::7", (24, 64)), "2001:db8::/64");
        assert_eq!(text("2001:db8::7", (24, 128)), "2001:db8::7/128");
    }

    #[test]
    fn services_are_visible_characters() {
        let text = |name, tunnel| Item::service(name, tunnel).map(|item| item.to_string());
        assert_eq!(text("http", Some("ssl")).as_deref(), Some("ssl/http"));
        assert_eq!(text("ssh", None).as_deref(), Some("ssh"));
        for name in ["", "a b", "a\n", "\u{e9}", "a\0"] {
            assert_eq!(text(name, None), None, "{name:?}");
        }
        assert_eq!(text("http", Some("s l")), None);
    }
}
