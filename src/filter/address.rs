//! IP addresses, networks and ranges of addresses in an expression.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

/// Parses an address, a network such as `10.0.0.0/8`, or a range such as `192.0.2.1-192.0.2.9` or `192.0.2.1-9`. Both
/// ends have one family.
///
/// # Errors
/// Returns the reason why the text is none of these.
pub(super) fn parse(text: &str) -> Result<RangeInclusive<IpAddr>, &'static str> {
    if let Some((address, len)) = text.split_once('/') {
        return network(single(address)?, len);
    }
    let Some((first, last)) = text.split_once('-') else {
        return single(text).map(|address| address..=address);
    };
    let first = single(first)?;
    let last = match (first, last.parse::<u8>()) {
        (IpAddr::V4(first), Ok(last)) => {
            let [a, b, c, _] = first.octets();
            Ipv4Addr::new(a, b, c, last).into()
        }
        _ => single(last)?,
    };
    if first.is_ipv4() != last.is_ipv4() {
        return Err("both ends of a range have the same family");
    }
    if first > last { Err("the range is reversed") } else { Ok(first..=last) }
}

/// Parses a single address.
///
/// # Errors
/// Returns the reason why the text is none.
pub(super) fn single(text: &str) -> Result<IpAddr, &'static str> {
    if text.contains('%') {
        return Err("zones of addresses are not compared: leave out % and what follows");
    }
    text.parse().map_err(|_| "not an IP address")
}

fn network(address: IpAddr, len: &str) -> Result<RangeInclusive<IpAddr>, &'static str> {
    let is_plain = !len.is_empty() && len.bytes().all(|byte| byte.is_ascii_digit());
    let len = len.parse::<u32>().ok().filter(|_| is_plain);
    Ok(match address {
        IpAddr::V4(address) => {
            let len = len.filter(|len| *len <= 32).ok_or("the length of a network is 0 to 32")?;
            let hosts = u32::MAX.checked_shr(len).unwrap_or(0);
            let first = address.to_bits() & !hosts;
            Ipv4Addr::from(first).into()..=Ipv4Addr::from(first | hosts).into()
        }
        IpAddr::V6(address) => {
            let len = len.filter(|len| *len <= 128).ok_or("the length of a network is 0 to 128")?;
            let hosts = u128::MAX.checked_shr(len).unwrap_or(0);
            let first = address.to_bits() & !hosts;
            Ipv6Addr::from(first).into()..=Ipv6Addr::from(first | hosts).into()
        }
    })
}

/// Returns the first and the last address of the family of an address.
pub(super) fn family(address: IpAddr) -> (IpAddr, IpAddr) {
    match address {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::BROADCAST.into()),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::from(u128::MAX).into()),
    }
}

/// Returns the address before, or after, an address of the same family.
pub(super) fn neighbour(address: IpAddr, is_next: bool) -> Option<IpAddr> {
    Some(match (address, is_next) {
        (IpAddr::V4(address), true) => Ipv4Addr::from(address.to_bits().checked_add(1)?).into(),
        (IpAddr::V4(address), false) => Ipv4Addr::from(address.to_bits().checked_sub(1)?).into(),
        (IpAddr::V6(address), true) => Ipv6Addr::from(address.to_bits().checked_add(1)?).into(),
        (IpAddr::V6(address), false) => Ipv6Addr::from(address.to_bits().checked_sub(1)?).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_ranges_have_a_first_and_a_last_address() {
        for (text, first, last) in [
            ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
            ("10.1.2.3/8", "10.0.0.0", "10.255.255.255"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            ("192.0.2.1/32", "192.0.2.1", "192.0.2.1"),
            ("192.0.2.1-192.0.3.4", "192.0.2.1", "192.0.3.4"),
            ("192.0.2.1-9", "192.0.2.1", "192.0.2.9"),
            ("2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("2001:DB8::1-2001:db8::ff", "2001:db8::1", "2001:db8::ff"),
        ] {
            let range = parse(text).unwrap();
            let shown = (range.start().to_string(), range.end().to_string());
            assert_eq!(shown, (first.to_owned(), last.to_owned()), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "10",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0/8",
            "::/129",
            "192.0.2.9-1",
            "192.0.2.9-192.0.2.1",
            "192.0.2.1-::1",
            "192.0.2.1-",
            "fe80::1%eth0",
            "192.0.2.1-300",
            "host",
            "::1-9",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn neighbours_stay_in_their_family() {
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(neighbour(at("192.0.2.255"), true), Some(at("192.0.3.0")));
        assert_eq!(neighbour(at("::1"), false), Some(at("::")));
        assert_eq!(neighbour(at("0.0.0.0"), false), None);
        assert_eq!(neighbour(at("255.255.255.255"), true), None);
    }
}
