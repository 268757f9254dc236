//! Stable keys (DATA_MODEL section 2): hashes and indexes, never counters that depend on the order of work.

use std::{borrow::Cow, fmt};

use sha2::{Digest, Sha256};

use super::{Host, Protocol};
use crate::text::hex;

/// Returns the first 32 hex digits of the SHA-256 hash of the parts, joined by the byte 0x1F.
#[must_use]
pub fn id_of_parts(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            hash.update([0x1f]);
        }
        hash.update(part.as_bytes());
    }
    hex(hash.finalize().get(..16).unwrap_or_default())
}

/// Returns the ID of a scan from the text of its header attributes. `first_host` replaces missing `args`: address,
/// `protocol/portid` and end time of the first host, each as written.
///
/// ```
/// use scanmill::model::scan_id;
/// assert_eq!(
///     scan_id("nmap", "7.94", "nmap -sS 192.0.2.1", "1700000000", "", ["", "/", ""]),
///     "2088ad771e1edfc80e1ab6bf79dfef82"
/// );
/// ```
#[must_use]
pub fn scan_id(
    scanner: &str,
    version: &str,
    args: &str,
    start: &str,
    salt: &str,
    first_host: [&str; 3],
) -> String {
    let [addr, port, end] = first_host;
    let parts = ["scanmill.scan.v1", scanner, version, args, start, salt, addr, port, end];
    let used = if args.is_empty() { 9 } else { 6 };
    id_of_parts(parts.get(..used).unwrap_or(&parts))
}

/// Returns the scan ID without the suffix that distinguishes it from another finished scan with the same ID and
/// different hosts: `-x` and eight hexadecimal digits.
pub(crate) fn own_scan_id(scan_id: &str) -> &str {
    match scan_id.rsplit_once("-x") {
        Some((own, digits))
            if digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            own
        }
        _ => scan_id,
    }
}

/// Returns the ID of a host element of a scan.
#[must_use]
pub fn host_id(scan_id: &str, host_index: i32) -> String {
    let mut id = String::with_capacity(scan_id.len().saturating_add(12));
    id.push_str(scan_id);
    id.push_str("-h");
    id.push_str(itoa::Buffer::new().format(host_index));
    id
}

/// Returns the ID of a port of a host.
#[must_use]
pub fn port_id(host_id: &str, protocol: &Protocol<'_>, port: u16) -> String {
    format!("{host_id}-{}-{port}", protocol.as_str())
}

/// Property by which hosts of different scans are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Identity {
    /// IP address, or the MAC address, or the host name, whichever the host has first.
    #[default]
    Ip,
    /// MAC address; without one, as for [`Identity::Ip`].
    Mac,
    /// Host name; without one, as for [`Identity::Ip`].
    Hostname,
}

/// Identity of a host across scans, such as `ip:192.0.2.1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostKey(String);

impl HostKey {
    /// Returns the key of a host. It begins with `ip:`, `mac:`, `name:` or, for a host without any of these, `idx:`,
    /// which matches no other host.
    #[must_use]
    pub fn of(host: &Host<'_>, identity: Identity) -> Self {
        let mut key = String::with_capacity(24);
        Self::write(host, identity, &mut key);
        Self(key)
    }

    /// Appends the key to `out`, which must not fail.
    pub fn write(host: &Host<'_>, identity: Identity, out: &mut dyn fmt::Write) {
        type Part = fn(&Host<'_>, &mut dyn fmt::Write) -> bool;
        let order: &[Part] = match identity {
            Identity::Ip => &[ip_key, mac_key, name_key],
            Identity::Mac => &[mac_key, ip_key, name_key],
            Identity::Hostname => &[name_key, ip_key, mac_key],
        };
        if !order.iter().any(|part| part(host, out)) {
            let _ = write!(out, "idx:{}", host.index);
        }
    }

    /// Returns the text of the key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn ip_key(host: &Host<'_>, out: &mut dyn fmt::Write) -> bool {
    let Some(address) = host.ip() else { return false };
    let _ = out.write_str("ip:");
    let _ = out.write_str(&address.text);
    if let Some(zone) = &address.zone {
        let _ = out.write_char('%');
        let _ = out.write_str(zone);
    }
    true
}

fn mac_key(host: &Host<'_>, out: &mut dyn fmt::Write) -> bool {
    let Some(address) = host.mac() else { return false };
    let _ = out.write_str("mac:");
    let _ = out.write_str(&address.text);
    true
}

fn name_key(host: &Host<'_>, out: &mut dyn fmt::Write) -> bool {
    let Some(first) = host.hostnames.first() else { return false };
    let name = first.name.strip_suffix('.').unwrap_or(&first.name);
    let _ = out.write_str("name:");
    let name = if name.chars().any(char::is_uppercase) {
        Cow::Owned(name.to_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    let _ = out.write_str(&name);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, AddressKind, Hostname};

    #[test]
    fn only_the_suffix_of_a_collision_is_removed_from_an_id() {
        for (id, own) in [
            ("2088ad771e1edfc80e1ab6bf79dfef82", "2088ad771e1edfc80e1ab6bf79dfef82"),
            ("2088-x0123abcd", "2088"),
            ("2088-x0123abcd-x0123abcd", "2088-x0123abcd"),
            ("2088-x0123abc", "2088-x0123abc"),
            ("2088-x0123abcz", "2088-x0123abcz"),
            ("a-xb", "a-xb"),
            ("", ""),
        ] {
            assert_eq!(own_scan_id(id), own, "{id}");
        }
    }

    #[test]
    fn scan_ids_match_the_documented_vectors() {
        assert_eq!(
            scan_id("nmap", "7.94", "nmap -sS 192.0.2.1", "1700000000", "", ["x", "y", "z"]),
            "2088ad771e1edfc80e1ab6bf79dfef82"
        );
        assert_eq!(
            scan_id(
                "masscan",
                "1.0-BETA",
                "",
                "1610324225",
                "",
                ["192.0.2.9", "tcp/443", "1610324299"]
            ),
            "8a868a560ce9ea9067df5349da80df73"
        );
    }

    #[test]
    fn host_key_prefers_ip_then_mac_then_name_then_index() {
        let mut host = Host::new(7);
        assert_eq!(HostKey::of(&host, Identity::Ip).as_str(), "idx:7");
        host.hostnames.push(Hostname { name: "WWW.Example.".into(), kind: None });
        assert_eq!(HostKey::of(&host, Identity::Ip).as_str(), "name:www.example");
        let address = |text: &'static str, kind, zone: Option<&'static str>| Address {
            text: text.into(),
            kind,
            ip: None,
            zone: zone.map(Into::into),
            vendor: None,
        };
        host.addresses.push(address("00:00:5E:00:53:01", AddressKind::Mac, None));
        assert_eq!(HostKey::of(&host, Identity::Ip).as_str(), "mac:00:00:5E:00:53:01");
        host.addresses.push(address("fe80::1", AddressKind::Ipv6, Some("eth0")));
        assert_eq!(HostKey::of(&host, Identity::Ip).as_str(), "ip:fe80::1%eth0");
        assert_eq!(HostKey::of(&host, Identity::Mac).as_str(), "mac:00:00:5E:00:53:01");
        assert_eq!(HostKey::of(&host, Identity::Hostname).as_str(), "name:www.example");
    }

    #[test]
    fn host_and_port_ids_are_document_ids() {
        assert_eq!(host_id("ab", 3), "ab-h3");
        assert_eq!(port_id("ab-h3", &Protocol::Tcp, 80), "ab-h3-tcp-80");
    }
}
