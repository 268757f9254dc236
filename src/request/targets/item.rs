//! Parses one target.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use super::blocks::Block;
use crate::error::{Error, ErrorKind, Result};

/// Target.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TargetItem {
    /// Contiguous IPv4 addresses.
    Range(u32, u32),
    /// IPv4 addresses as ranges of octets.
    Product(Block),
    V6(V6),
    Name(String),
}

/// Network of IPv6 addresses. A network of 128 bits is a single address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct V6 {
    first: u128,
    bits: u8,
    zone: Option<String>,
}

impl V6 {
    fn mask(bits: u8) -> u128 {
        u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(bits))).unwrap_or(0)
    }

    fn last(&self) -> u128 {
        self.first | !Self::mask(self.bits)
    }

    pub(super) fn count(&self) -> u128 {
        (self.last() - self.first).saturating_add(1)
    }

    /// Cuts the network into networks of at most `most` addresses.
    pub(super) fn cut(&self, most: u128) -> Vec<Self> {
        let mut bits = self.bits;
        while bits < 128 && Self::mask(bits) != 0 && !Self::mask(bits) >= most {
            bits = bits.saturating_add(1);
        }
        // `most` is the share of one requested part, so there are about as many networks as parts.
        let parts = 1_u128.checked_shl(u32::from(bits.saturating_sub(self.bits))).unwrap_or(1);
        let size = (!Self::mask(bits)).saturating_add(1);
        let starts =
            (0..parts).map(|number| self.first.saturating_add(number.saturating_mul(size)));
        starts.map(|first| Self { first, bits, zone: self.zone.clone() }).collect()
    }

    pub(super) fn contains(&self, address: Ipv6Addr, zone: Option<&str>) -> bool {
        let here = u128::from(address) & Self::mask(self.bits) == self.first;
        here && self.zone.as_deref().is_none_or(|own| zone == Some(own))
    }

    /// Returns each address as text.
    pub(super) fn iter(&self) -> impl Iterator<Item = String> + '_ {
        (self.first..=self.last()).map(|address| self.text(address))
    }

    fn text(&self, address: u128) -> String {
        let address = Ipv6Addr::from(address);
        match &self.zone {
            Some(zone) => format!("{address}%{zone}"),
            None => address.to_string(),
        }
    }

    /// Removes networks that are contained in others, and returns the rest in order.
    pub(super) fn disjoint(mut networks: Vec<Self>) -> Vec<Self> {
        networks.sort_unstable();
        let mut kept: Vec<Self> = Vec::new();
        for network in networks {
            let is_in = |wide: &Self| {
                wide.zone == network.zone && (wide.first..=wide.last()).contains(&network.first)
            };
            // Within a zone, only the network kept last can contain this one.
            if !kept.iter().rev().filter(|wide| wide.zone == network.zone).take(1).any(is_in) {
                kept.push(network);
            }
        }
        kept
    }
}

impl fmt::Display for V6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(self.first))?;
        if self.bits < 128 { write!(f, "/{}", self.bits) } else { Ok(()) }
    }
}

/// Parses the comma-separated items of a text. A blank text has none.
pub(super) fn items(text: &str) -> Result<Vec<TargetItem>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(item).collect()
}

fn item(text: &str) -> Result<TargetItem> {
    let shown = text.trim();
    // Blanks around `-` and `/` have no meaning; a blank between two words is a missing comma.
    let joined = without_blanks(shown);
    let Some(joined) = joined else {
        return Err(malformed(shown, "has blanks inside: targets are separated by commas"));
    };
    let text = joined.as_str();
    if text.is_empty() {
        return Err(malformed(shown, "is empty"));
    }
    if text.starts_with('-') {
        return Err(malformed(shown, "begins with - and would be taken for an option"));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return item_of_url(shown, scheme, rest);
    }
    if text.contains(':') {
        return v6(shown, text).map(TargetItem::V6);
    }
    if is_numeric(text) {
        return v4(shown, text);
    }
    host_name(shown, text).map(TargetItem::Name)
}

/// Returns true if nmap reads a text as addresses, never as a name.
fn is_numeric(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '*' | '/'))
}

/// Removes blanks around `-` and `/`; `None` if there are other blanks.
fn without_blanks(text: &str) -> Option<String> {
    let mut joined = String::with_capacity(text.len());
    let mut words = text.split_whitespace();
    joined.push_str(words.next().unwrap_or_default());
    for word in words {
        let joins = |c: char| matches!(c, '-' | '/');
        if !joined.ends_with(joins) && !word.starts_with(joins) {
            return None;
        }
        joined.push_str(word);
    }
    Some(joined)
}

/// Returns the host of `scheme://user@host:port/path`.
fn item_of_url(shown: &str, scheme: &str, rest: &str) -> Result<TargetItem> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-');
    if scheme.is_empty() || !scheme.chars().all(plain) {
        return Err(malformed(shown, "is not a URL"));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(inside) = host.strip_prefix('[') {
        let (address, port) =
            inside.split_once(']').ok_or_else(|| malformed(shown, "is not a URL"))?;
        if !port.is_empty() && !port.starts_with(':') {
            return Err(malformed(shown, "is not a URL"));
        }
        return match v6(shown, address)? {
            network if network.bits == 128 => Ok(TargetItem::V6(network)),
            _ => Err(malformed(shown, "is not a URL")),
        };
    }
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    if host.is_empty() {
        return Err(malformed(shown, "is a URL without a host"));
    }
    match host.parse::<Ipv4Addr>() {
        Ok(address) => Ok(TargetItem::Range(address.into(), address.into())),
        // nmap would read it as a range of addresses.
        Err(_) if is_numeric(host) => Err(malformed(shown, "is a URL without a single address")),
        Err(_) => host_name(shown, host).map(TargetItem::Name),
    }
}

fn v6(shown: &str, text: &str) -> Result<V6> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => {
            let bits = plain_number(bits).filter(|bits| *bits <= 128);
            (address, bits.ok_or_else(|| malformed(shown, "has a mask that is not 0 to 128"))?)
        }
        None => (text, 128),
    };
    let (address, zone) = match address.split_once('%') {
        Some((address, zone)) => (address, Some(zone.to_owned())),
        None => (address, None),
    };
    let is_name = |zone: &String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        !zone.is_empty() && zone.chars().all(plain)
    };
    if !zone.iter().all(is_name) {
        return Err(malformed(shown, "has a zone that is not the name of an interface"));
    }
    let address: Ipv6Addr =
        address.parse().map_err(|_| malformed(shown, "is not an IPv6 address"))?;
    let bits = u8::try_from(bits).unwrap_or(128);
    Ok(V6 { first: u128::from(address) & V6::mask(bits), bits, zone })
}

/// Parses an address, a network, a full range or octet ranges.
fn v4(shown: &str, text: &str) -> Result<TargetItem> {
    if let Some((address, bits)) = text.split_once('/') {
        let address = address_of(shown, address)?;
        let bits = plain_number(bits).filter(|bits| *bits <= 32);
        let bits = bits.ok_or_else(|| malformed(shown, "has a mask that is not 0 to 32"))?;
        return Ok(network(address, bits));
    }
    if let Some((first, last)) = text.split_once('-')
        && first.split('.').count() == 4
        && last.contains('.')
        && first.parse::<Ipv4Addr>().is_ok()
        && !last.contains('-')
    {
        let (first, last) = (address_of(shown, first)?, address_of(shown, last)?);
        if first > last {
            return Err(malformed(shown, "is reversed"));
        }
        return Ok(TargetItem::Range(first, last));
    }
    let octets: Vec<&str> = text.split('.').collect();
    let [a, b, c, d] = octets.as_slice() else {
        return Err(malformed(shown, "is not an IPv4 address: it does not have four octets"));
    };
    let octets = [octet(shown, a)?, octet(shown, b)?, octet(shown, c)?, octet(shown, d)?];
    Ok(TargetItem::Product(Block(octets)))
}

/// Returns the addresses of a network without its network and broadcast address; a network of 31 or 32 bits has
/// neither.
fn network(address: u32, bits: u32) -> TargetItem {
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
    let (first, last) = (address & mask, address | !mask);
    if bits >= 31 { TargetItem::Range(first, last) } else { TargetItem::Range(first + 1, last - 1) }
}

fn address_of(shown: &str, text: &str) -> Result<u32> {
    let address = text.parse::<Ipv4Addr>();
    address.map(u32::from).map_err(|_| malformed(shown, "is not an IPv4 address"))
}

fn octet(shown: &str, text: &str) -> Result<(u8, u8)> {
    if text == "*" {
        return Ok((0, 255));
    }
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    match (plain_number(low), plain_number(high)) {
        (Some(low), Some(high)) => match (u8::try_from(low), u8::try_from(high)) {
            (Ok(low), Ok(high)) if low > high => Err(malformed(shown, "has a reversed range")),
            (Ok(low), Ok(high)) => Ok((low, high)),
            _ => Err(malformed(shown, "has an octet above 255")),
        },
        _ => Err(malformed(shown, "is not an IPv4 address")),
    }
}

/// Parses a number that consists of digits only, without leading zeros, which some programs read as octal.
fn plain_number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let zeros = text.len() > 1 && text.starts_with('0');
    (plain && !zeros).then(|| text.parse().unwrap_or(u32::MAX))
}

fn host_name(shown: &str, text: &str) -> Result<String> {
    let is_in_names = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '$');
    if let Some(other) = text.chars().find(|c| !is_in_names(*c)) {
        return Err(malformed(
            shown,
            &format!("is not a target: {other:?} is not allowed in names"),
        ));
    }
    if text.split('.').rev().skip_while(|part| part.is_empty()).any(str::is_empty)
        || text.len() > 253
    {
        return Err(malformed(shown, "is not a host name"));
    }
    // Resolvers read `0x7f.1` as an address.
    let is_number = |part: &str| {
        let hex = part.strip_prefix("0x").or_else(|| part.strip_prefix("0X"));
        let digits = |text: &str, hex: bool| {
            text.bytes()
                .all(|byte| if hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() })
        };
        hex.map_or_else(|| digits(part, false), |hex| digits(hex, true))
    };
    if text.trim_end_matches('.').split('.').all(is_number) || text.starts_with('-') {
        return Err(malformed(shown, "is neither a host name nor an address"));
    }
    Ok(text.to_owned())
}

fn malformed(shown: &str, what: &str) -> Error {
    Error::new(ErrorKind::InvalidTarget { target: shown.to_owned(), message: what.to_owned() })
}
