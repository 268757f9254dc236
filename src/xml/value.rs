//! Parsing of text: numbers and times (rule T5), addresses (T6).

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use bumpalo::Bump;

use super::diagnostics::{FrameDiagnostics, shorten};
use crate::{
    error::DiagnosticCode,
    model::{Address, AddressKind, CowStr, Timestamp},
};

/// Parses numbers and reports invalid ones.
pub(super) struct Numbers<'n> {
    pub(super) diagnostics: &'n mut FrameDiagnostics,
    pub(super) at: usize,
}

impl Numbers<'_> {
    /// Parses an integer: optional sign and decimal digits, with optional blanks around them.
    #[inline]
    pub(super) fn int<N: TryFrom<i64>>(&mut self, text: &str) -> Option<N> {
        let number = few_digits(text).and_then(|n| N::try_from(n).ok());
        if number.is_some() { number } else { self.any_int(text) }
    }

    fn any_int<N: TryFrom<i64>>(&mut self, text: &str) -> Option<N> {
        let trimmed = trim(text);
        if trimmed.is_empty() {
            return None;
        }
        let number = digits(trimmed).and_then(|n| N::try_from(n).ok());
        self.noted(number, text)
    }

    /// Parses a number with an optional fraction; exponents and infinity are invalid.
    pub(super) fn float(&mut self, text: &str) -> Option<f64> {
        let trimmed = trim(text);
        if trimmed.is_empty() {
            return None;
        }
        let plain = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
        let shaped = plain.bytes().any(|b| b.is_ascii_digit())
            && plain.bytes().filter(|b| *b == b'.').count() <= 1
            && plain.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let number = if shaped { trimmed.parse::<f64>().ok() } else { None };
        self.noted(number.filter(|n| n.is_finite()), text)
    }

    /// Parses seconds since 1970; 0 and negative values count as not set.
    pub(super) fn time(&mut self, text: &str) -> Option<Timestamp> {
        let seconds = self.int::<i64>(text)?;
        if seconds <= 0 {
            return None;
        }
        self.noted(Timestamp::from_seconds(seconds), text)
    }

    /// Parses `true` or `false` in any case, or a number.
    pub(super) fn boolean(&mut self, text: &str) -> Option<bool> {
        let trimmed = trim(text);
        if trimmed.is_empty() {
            return None;
        }
        let value = match trimmed {
            "1" => Some(true),
            "0" => Some(false),
            word if word.eq_ignore_ascii_case("true") => Some(true),
            word if word.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        };
        self.noted(value, text)
    }

    fn noted<T>(&mut self, value: Option<T>, text: &str) -> Option<T> {
        if value.is_none() {
            self.diagnostics.add(DiagnosticCode::BadNumber, self.at, || {
                format!("{:?} is no number", shorten(text))
            });
        }
        value
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

fn digits(text: &str) -> Option<i64> {
    let (negative, plain) = match text.strip_prefix('-') {
        Some(plain) => (true, plain),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if plain.is_empty() {
        return None;
    }
    let mut number = 0_i64;
    for byte in plain.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        let digit = i64::from(byte.wrapping_sub(b'0'));
        number = number.checked_mul(10)?;
        number = if negative { number.checked_sub(digit)? } else { number.checked_add(digit)? };
    }
    Some(number)
}

/// Parses a number of a few digits and nothing else, as nearly all numbers are written.
#[inline]
fn few_digits(text: &str) -> Option<i64> {
    // More digits may not fit.
    if !(1..=18).contains(&text.len()) {
        return None;
    }
    let mut number = 0_i64;
    for byte in text.as_bytes() {
        number = number.wrapping_mul(10).wrapping_add(i64::from(digit(*byte)?));
    }
    Some(number)
}

/// Parses an IP literal. Returns it without its zone, and the zone.
pub(super) fn ip_literal(text: &str) -> Option<(IpAddr, Option<&str>)> {
    if let Some(ip) = ipv4(text) {
        return Some((IpAddr::V4(ip), None));
    }
    let (plain, zone) = match text.split_once('%') {
        Some((plain, zone)) if !zone.is_empty() => (plain, Some(zone)),
        Some(_) => return None,
        None => (text, None),
    };
    if !plain.contains(':') {
        return None;
    }
    plain.parse::<Ipv6Addr>().ok().map(|ip| (IpAddr::V6(ip), zone))
}

/// Parses a dotted quad without leading zeros, which is the canonical text.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut bytes = text.as_bytes();
    for (place, octet) in octets.iter_mut().enumerate() {
        if place > 0 {
            bytes = bytes.strip_prefix(b".")?;
        }
        let (first, mut rest) = bytes.split_first()?;
        let mut value = digit(*first)?;
        while let Some((next, behind)) = rest.split_first()
            && let Some(digit) = digit(*next)
        {
            if value == 0 {
                return None;
            }
            value = value.checked_mul(10)?.checked_add(digit)?;
            rest = behind;
        }
        (*octet, bytes) = (value, rest);
    }
    bytes.is_empty().then(|| Ipv4Addr::from(octets))
}

#[inline]
const fn digit(byte: u8) -> Option<u8> {
    let value = byte.wrapping_sub(b'0');
    if value < 10 { Some(value) } else { None }
}

/// Returns the canonical text of an IP literal (rule T6), borrowed if `text` is canonical.
pub(super) fn canonical<'f>(ip: IpAddr, text: &'f str, bump: &'f Bump) -> &'f str {
    if ip.is_ipv4() {
        return text;
    }
    let mut out = bumpalo::collections::String::with_capacity_in(40, bump);
    // Writing to a string cannot fail.
    let _ = write!(out, "{ip}");
    if out == text { text } else { out.into_bump_str() }
}

/// Returns true if a text is a MAC address.
pub(super) fn is_mac(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 17
        && bytes.len() % 3 == 2
        && bytes.iter().enumerate().all(|(i, b)| match i % 3 {
            2 => matches!(b, b':' | b'-'),
            _ => b.is_ascii_hexdigit(),
        })
}

/// Returns a MAC address in upper case with colons, or `None` if the text is not one.
fn mac<'f>(text: &'f str, bump: &'f Bump) -> Option<&'f str> {
    if !is_mac(text) {
        return None;
    }
    let bytes = text.as_bytes();
    if bytes.iter().all(|b| !b.is_ascii_lowercase() && *b != b'-') {
        return Some(text);
    }
    let mut out = bumpalo::collections::String::with_capacity_in(text.len(), bump);
    for c in text.chars() {
        out.push(if c == '-' { ':' } else { c.to_ascii_uppercase() });
    }
    Some(out.into_bump_str())
}

/// Parses a host's address from the text of its attributes (rule T6): the literal determines its type.
pub(super) fn address<'f>(
    addr: &'f str,
    kind: Option<&'f str>,
    vendor: Option<CowStr<'f>>,
    at: usize,
    (bump, diagnostics): (&'f Bump, &mut FrameDiagnostics),
) -> Address<'f> {
    let said = match kind {
        None | Some("" | "ipv4") => AddressKind::Ipv4,
        Some("ipv6") => AddressKind::Ipv6,
        Some("mac") => AddressKind::Mac,
        Some(other) => AddressKind::Other(other.into()),
    };
    let (found, text, ip, zone) = if let Some((ip, zone)) = ip_literal(addr) {
        let plain = addr.split('%').next().unwrap_or(addr);
        let kind = if ip.is_ipv4() { AddressKind::Ipv4 } else { AddressKind::Ipv6 };
        (Some(kind), canonical(ip, plain, bump), Some(ip), zone)
    } else if let Some(mac) = mac(addr, bump) {
        (Some(AddressKind::Mac), mac, None, None)
    } else {
        diagnostics
            .add(DiagnosticCode::BadAddr, at, || format!("{:?} is no address", shorten(addr)));
        (None, addr, None, None)
    };
    if kind.is_some_and(|k| !k.is_empty()) && found.as_ref().is_some_and(|found| *found != said) {
        diagnostics.add(DiagnosticCode::Addrtype, at, || {
            format!("{:?} is not of type {:?}", shorten(addr), shorten(said.as_str()))
        });
    }
    Address {
        text: text.into(),
        kind: found.unwrap_or(said),
        ip,
        zone: zone.map(CowStr::Borrowed),
        vendor,
    }
}

/// Parses an address without a type, such as that of a hop: literals become canonical, other text is kept.
pub(super) fn lone_address<'f>(
    text: &'f str,
    at: usize,
    (bump, diagnostics): (&'f Bump, &mut FrameDiagnostics),
) -> CowStr<'f> {
    match ip_literal(text) {
        Some((ip, None)) => canonical(ip, text, bump).into(),
        Some((ip, Some(zone))) => {
            let mut out = bumpalo::collections::String::with_capacity_in(60, bump);
            let _ = write!(out, "{ip}%{zone}");
            CowStr::Borrowed(out.into_bump_str())
        }
        None => {
            diagnostics
                .add(DiagnosticCode::BadAddr, at, || format!("{:?} is no address", shorten(text)));
            text.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_numbers<T>(read: impl FnOnce(&mut Numbers<'_>) -> T) -> (T, bool) {
        let mut diagnostics = FrameDiagnostics::new(4);
        let value = read(&mut Numbers { diagnostics: &mut diagnostics, at: 0 });
        (value, !diagnostics.is_empty())
    }

    #[test]
    fn t5_integers_are_signed_decimal_digits_between_spaces() {
        for (text, value, noted) in [
            ("42", Some(42_i32), false),
            (" +7\n", Some(7), false),
            ("-1", Some(-1), false),
            ("2147483648", None, true),
            ("99999999999999999999", None, true),
            ("1e3", None, true),
            ("0x10", None, true),
            ("- 1", None, true),
            ("+", None, true),
            (" ", None, false),
        ] {
            assert_eq!(with_numbers(|n| n.int::<i32>(text)), (value, noted), "{text:?}");
        }
        assert_eq!(with_numbers(|n| n.int::<i64>("-9223372036854775808")).0, Some(i64::MIN));
    }

    #[test]
    fn t5_fractions_have_a_point_and_no_exponent() {
        for (text, value, noted) in [
            ("0.36", Some(0.36), false),
            ("12.", Some(12.0), false),
            (".5", Some(0.5), false),
            ("1e3", None, true),
            ("NaN", None, true),
            ("inf", None, true),
            (".", None, true),
            ("1.2.3", None, true),
        ] {
            assert_eq!(with_numbers(|n| n.float(text)), (value, noted), "{text:?}");
        }
    }

    #[test]
    fn t5_epoch_seconds_out_of_range_are_null() {
        assert_eq!(with_numbers(|n| n.time("0")), (None, false));
        assert_eq!(with_numbers(|n| n.time("-5")), (None, false));
        assert_eq!(with_numbers(|n| n.time("253402300800")), (None, true));
        assert_eq!(
            with_numbers(|n| n.time("1700000000").map(Timestamp::seconds)).0,
            Some(1_700_000_000)
        );
    }

    #[test]
    fn t6_addresses_are_canonical_and_their_type_follows_the_literal() {
        let bump = Bump::new();
        let read = |addr: &'static str, kind: Option<&'static str>| {
            let mut diagnostics = FrameDiagnostics::new(4);
            let a = address(addr, kind, None, 0, (&bump, &mut diagnostics)).into_owned();
            let shown = format!("{} {} {:?} {}", a.text, a.kind.as_str(), a.zone, a.ip.is_some());
            (shown, !diagnostics.is_empty())
        };
        for (addr, kind, shown, noted) in [
            ("192.0.2.1", Some("ipv4"), "192.0.2.1 ipv4 None true", false),
            ("192.0.2.01", Some("ipv4"), "192.0.2.01 ipv4 None false", true),
            ("2001:DB8:0:0:0:0:0:1", Some("ipv6"), "2001:db8::1 ipv6 None true", false),
            ("2001:db8::1", Some("ipv4"), "2001:db8::1 ipv6 None true", true),
            ("::FFFF:192.0.2.1", Some("ipv6"), "::ffff:192.0.2.1 ipv6 None true", false),
            ("fe80::1%eth0", Some("ipv6"), "fe80::1 ipv6 Some(\"eth0\") true", false),
            ("00-00-5e-00-53-01", Some("mac"), "00:00:5E:00:53:01 mac None false", false),
            ("00:00:5e:00:53:01", Some("ipv4"), "00:00:5E:00:53:01 mac None false", true),
            ("host7", Some("ipv4"), "host7 ipv4 None false", true),
            ("192.0.2.1", None, "192.0.2.1 ipv4 None true", false),
            ("x", Some("odd"), "x odd None false", true),
        ] {
            assert_eq!(read(addr, kind), (shown.to_owned(), noted), "{addr}");
        }
        let mut diagnostics = FrameDiagnostics::new(4);
        assert_eq!(lone_address("FE80::2%eth1", 0, (&bump, &mut diagnostics)), "fe80::2%eth1");
        assert!(diagnostics.is_empty());
    }
}
