//! Common parts of the formats of SIEMs: a host with its IDs and time, and values derived from it.

use std::{borrow::Cow, fmt::Write as _, net::IpAddr};

use super::truncate::short_id_part;
use crate::{
    model::{
        Address, AddressKind, CowStr, Host, HostKey, HostState, Identity, MergedHost, OsClass,
        OsMatch, Port, PortProvenance, Protocol, ScanHeader, SeenRange, Service, Timestamp,
        host_id,
    },
    text::{
        escape_json,
        json::{JsonEscaper, WriteJson as _},
    },
};

/// Default minimum accuracy, in percent, for an OS match to be reported.
pub const DEFAULT_MIN_OS_ACCURACY: i32 = 85;

/// Maximum number of ports per host that have events: all ports of tcp, udp and sctp, and all IP protocols. Each
/// event repeats values of the host, so without a limit a small input could produce a large output.
const MAX_PORTS: usize = 3 * 65_536 + 256;

/// Maximum number of addresses of a host that the events of its ports repeat.
const MAX_ADDRESSES: usize = 16;

/// Host together with the scan, IDs and time that a format needs.
#[derive(Clone, Copy)]
pub(super) struct HostView<'s> {
    pub(super) host: &'s Host<'s>,
    /// Scan of the host; for a merged host, the scan that supplied its state.
    pub(super) run: &'s ScanHeader,
    pub(super) ids: &'s HostIds,
    /// Time at which the host was seen; `None` if no time is known.
    pub(super) time: Option<Timestamp>,
    /// Data of a merged host.
    pub(super) merged: Option<Merged<'s>>,
}

/// Data that only a merged host has.
#[derive(Clone, Copy)]
pub(super) struct Merged<'s> {
    pub(super) seen: SeenRange,
    ports: &'s [PortProvenance],
    runs: &'s [&'s ScanHeader],
}

/// IDs of a host, which are never cut.
pub(super) struct HostIds {
    pub(super) host_id: String,
    pub(super) host_key: String,
}

impl HostIds {
    pub(super) fn of(run: &ScanHeader, host: &Host<'_>) -> Self {
        let key = HostKey::of(host, Identity::Ip);
        let host_key = short_id_part(key.as_str()).into_owned();
        Self { host_id: host_id(&run.scan_id, host.index), host_key }
    }

    pub(super) fn of_merged(merged: &MergedHost<'_>) -> Self {
        let host_key = short_id_part(&merged.host_key).into_owned();
        Self { host_id: merged.host_id.clone().into_owned(), host_key }
    }

    /// Returns the ID of a port.
    pub(super) fn port(&self, port: &Port<'_>) -> String {
        let (protocol, mut number) = (short_id_part(port.protocol.as_str()), itoa::Buffer::new());
        [&self.host_id, "-", &protocol, "-", number.format(port.number)].concat()
    }
}

impl<'s> HostView<'s> {
    pub(super) fn of(run: &'s ScanHeader, host: &'s Host<'s>, ids: &'s HostIds) -> Self {
        // The end of the scan is not known yet when its hosts are written.
        let time = host.end_time.or(host.start_time).or(run.start_time);
        Self { host, run, ids, time, merged: None }
    }

    /// Creates the view of a host in a merge of these scans.
    pub(super) fn of_merged(
        merged: &'s MergedHost<'s>,
        runs: &'s [&'s ScanHeader],
        ids: &'s HostIds,
        nothing: &'s ScanHeader,
    ) -> Self {
        let (host, provenance) = (&merged.host, &merged.provenance);
        let status = usize::try_from(provenance.status).ok();
        let run = status.and_then(|status| runs.get(status)).copied().unwrap_or(nothing);
        let time = host.end_time.or(host.start_time).or(provenance.seen.looked).or(run.start_time);
        let more = Merged { seen: provenance.seen, ports: &provenance.ports, runs };
        Self { host, run, ids, time, merged: Some(more) }
    }

    /// Returns the ports that have events, each with its scan and, if the host is merged, the times at which it was
    /// seen.
    pub(super) fn ports(
        &self,
    ) -> impl Iterator<Item = (&'s Port<'s>, &'s ScanHeader, Option<SeenRange>)> {
        let (merged, run) = (self.merged, self.run);
        self.host.ports.iter().take(MAX_PORTS).enumerate().map(move |(place, port)| {
            let of_port = merged.and_then(|merged| {
                let origin = merged.ports.get(place)?;
                let run = usize::try_from(origin.scan).ok();
                Some((run.and_then(|run| merged.runs.get(run)).copied()?, origin.seen))
            });
            of_port.map_or((port, run, None), |(run, seen)| (port, run, Some(seen)))
        })
    }

    pub(super) fn when(&self) -> Timestamp {
        self.time.unwrap_or_else(epoch)
    }

    /// Returns the first and the last time at which the host was seen.
    pub(super) fn seen(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let own = (self.host.start_time, self.host.end_time);
        self.merged.map_or(own, |merged| (merged.seen.first, merged.seen.last))
    }

    /// Returns the host name in lower case without trailing dot, if anything is left.
    pub(super) fn plain_hostname(&self) -> Option<Cow<'s, str>> {
        let name = plain_name(&self.host.hostname()?.name);
        (!name.is_empty()).then_some(name)
    }

    /// Returns the name to show: the host name, or an address if there is none.
    pub(super) fn name(&self) -> Option<Cow<'s, str>> {
        if let Some(name) = self.plain_hostname() {
            return Some(name);
        }
        let address = self.host.ip().or_else(|| self.host.mac())?;
        Some(Cow::Borrowed(&address.text))
    }

    /// Returns the address or name of the host for messages.
    pub(super) fn address(&self) -> &'s str {
        match self.host.ip().or_else(|| self.host.mac()) {
            Some(address) => &address.text,
            None => self.host.hostname().map_or(&self.ids.host_key, |name| &name.name),
        }
    }

    /// Writes the message of a host.
    pub(super) fn message(&self, lead: &str, out: &mut Vec<u8>) {
        let host = self.host;
        let name = host.ip().or_else(|| host.mac()).and_then(|_| host.hostname());
        text(lead, out, |out| {
            let _ = write!(out, "{}", self.address());
            if let Some(name) = name {
                let _ = write!(out, " ({})", name.name);
            }
            let _ = write!(out, " is {}", host.status.state.as_str());
            if host.status.state == HostState::Up || host.ports_listed > 0 {
                let open = host.ports_open;
                let _ = write!(out, ": {open} open port{}", if open == 1 { "" } else { "s" });
            }
        });
    }

    /// Writes the message of a port, followed by `words`.
    pub(super) fn port_message(
        &self,
        lead: &str,
        port: &Port<'_>,
        words: &[&str],
        out: &mut Vec<u8>,
    ) {
        // Written without format macros, because there are many of these messages.
        out.extend_from_slice(lead.as_bytes());
        out.push(b'"');
        escape_json(self.address(), out);
        out.push(b' ');
        escape_json(port.protocol.as_str(), out);
        i64::from(port.number).write_member("/", out);
        for word in words.iter().filter(|word| !word.is_empty()) {
            out.push(b' ');
            escape_json(word, out);
        }
        out.push(b'"');
    }
}

/// Returns a host with only the values that the events of its ports need. Created once per host, so that the cost per
/// port does not depend on the size of the host.
pub(super) fn host_summary<'h>(host: &Host<'h>) -> Host<'h> {
    let (ip, mac) = (host.ip(), host.mac());
    let is = |one: Option<&Address<'h>>, other: &Address<'h>| {
        one.is_some_and(|one| std::ptr::eq(one, other))
    };
    let mut literals = 0_usize;
    let kept = host.addresses.iter().filter(|address| {
        literals = literals.saturating_add(usize::from(address.ip.is_some()));
        let is_listed = address.ip.is_some() && literals <= MAX_ADDRESSES;
        is_listed || is(ip, address) || is(mac, address)
    });
    Host {
        complete: host.complete,
        start_time: host.start_time,
        end_time: host.end_time,
        status: host.status.clone(),
        addresses: kept.cloned().collect(),
        hostnames: host.hostname().cloned().into_iter().collect(),
        os: host.os.clone(),
        uptime_s: host.uptime_s,
        ..Host::new(host.index)
    }
}

/// Returns a port with only this service, and without scripts, reason and owner.
pub(super) fn port_summary<'h>(port: &Port<'h>, service: Option<&Service<'h>>) -> Port<'h> {
    Port {
        index: port.index,
        services: service.cloned().into_iter().collect(),
        expanded: port.expanded,
        ..Port::new(port.protocol.clone(), port.number, port.state.clone())
    }
}

/// Returns the placeholder for an unknown time.
pub(super) fn epoch() -> Timestamp {
    Timestamp::EPOCH
}

/// Writes a text in pieces.
pub(super) fn text(lead: &str, out: &mut Vec<u8>, write: impl FnOnce(&mut JsonEscaper<'_>)) {
    out.extend_from_slice(lead.as_bytes());
    out.push(b'"');
    write(&mut JsonEscaper(out));
    out.push(b'"');
}

/// Returns state, service name, product and version of a port, for its message.
pub(super) fn port_words<'p>(port: &'p Port<'_>) -> [&'p str; 4] {
    let service = port.services.first();
    let word = |get: for<'t> fn(&'t Service<'_>) -> Option<&'t str>| {
        service.and_then(get).unwrap_or_default()
    };
    let name = word(|service| service.name.as_deref());
    let product = word(|service| service.product.as_deref());
    [port.state.as_str(), name, product, word(|service| service.version.as_deref())]
}

/// Returns a host name in lower case without trailing dot.
pub(super) fn plain_name(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.chars().any(char::is_uppercase) {
        Cow::Owned(name.to_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// Returns a text in lower case.
pub(super) fn lower(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_uppercase) {
        Cow::Owned(text.to_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns the addresses that are IP literals.
pub(super) fn ips<'h>(host: &'h Host<'_>) -> impl Iterator<Item = &'h Address<'h>> {
    host.addresses.iter().filter(|address| address.ip.is_some())
}

/// Returns the MAC addresses.
pub(super) fn macs<'h>(host: &'h Host<'_>) -> impl Iterator<Item = &'h CowStr<'h>> {
    let of_kind = host.addresses.iter().filter(|address| address.kind == AddressKind::Mac);
    of_kind.map(|address| &address.text)
}

/// Returns true if a text is an IP literal.
pub(super) fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Returns the match with the best accuracy, the first of equal ones, with the first of its classes.
pub(super) fn best_match<'h>(
    host: &'h Host<'_>,
) -> Option<(&'h OsMatch<'h>, Option<&'h OsClass<'h>>)> {
    let (place, found) = host.os.best_match()?;
    let place = i32::try_from(place).ok();
    let class = host.os.classes.iter().find(|c| c.match_index.is_some() && c.match_index == place);
    Some((found, class))
}

/// Returns the best match if its accuracy is at least `least` percent.
pub(super) fn good_match<'h>(
    host: &'h Host<'_>,
    least: i32,
) -> Option<(&'h OsMatch<'h>, Option<&'h OsClass<'h>>)> {
    best_match(host).filter(|(found, _)| found.accuracy.is_some_and(|accuracy| accuracy >= least))
}

/// Returns the product name of the scanner.
pub(super) fn product(run: &ScanHeader) -> Option<&str> {
    run.scanner.as_deref().map(|scanner| if scanner == "nmap" { "Nmap" } else { scanner })
}

/// Returns the vendor of the scanner, if it is nmap.
pub(super) fn vendor(run: &ScanHeader) -> Option<&'static str> {
    (run.scanner.as_deref() == Some("nmap")).then_some("Nmap Project")
}

/// Returns the number of a transport protocol.
pub(super) fn protocol_number(protocol: &Protocol<'_>) -> Option<i32> {
    match protocol {
        Protocol::Tcp => Some(6),
        Protocol::Udp => Some(17),
        Protocol::Sctp => Some(132),
        Protocol::Other(name) if name == "icmp" => Some(1),
        _ => None,
    }
}

/// Returns true if ports of this protocol are numbered.
pub(super) fn has_ports(protocol: &Protocol<'_>) -> bool {
    matches!(protocol, Protocol::Tcp | Protocol::Udp | Protocol::Sctp)
}

/// Returns the transport protocol of a port. For IP protocols, this is the name of the service.
pub(super) fn transport<'p>(port: &'p Port<'_>) -> Option<&'p str> {
    match &port.protocol {
        Protocol::Ip => port.services.first().and_then(|service| service.name.as_deref()),
        Protocol::Other(name) if name != "icmp" => None,
        protocol => Some(protocol.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_match_is_the_first_of_the_most_accurate_with_its_own_first_class() {
        let mut host = Host::new(0);
        let found = |name: &'static str, accuracy| OsMatch {
            name: Some(name.into()),
            accuracy,
            line: None,
        };
        let class = |match_index, family: &'static str| OsClass {
            match_index,
            kind: None,
            vendor: None,
            family: Some(family.into()),
            generation: None,
            accuracy: None,
            cpes: Vec::new(),
        };
        assert!(best_match(&host).is_none());
        host.os.matches = vec![
            found("a", None),
            found("b", Some(90)),
            found("c", Some(96)),
            found("d", Some(96)),
        ];
        host.os.classes = vec![class(None, "none"), class(Some(3), "d"), class(Some(2), "c")];
        let (best, class) = best_match(&host).unwrap();
        assert_eq!(best.name.as_deref(), Some("c"));
        assert_eq!(class.unwrap().family.as_deref(), Some("c"));
        assert!(good_match(&host, 96).is_some() && good_match(&host, 97).is_none());
    }

    #[test]
    fn host_summaries_use_the_names_of_the_full_host() {
        let mut host = Host::new(0);
        let address = |text: String, kind, ip| Address {
            text: text.into(),
            kind,
            ip,
            zone: None,
            vendor: None,
        };
        for n in 0..100 {
            let text = format!("192.0.2.{n}");
            let ip = text.parse().ok();
            host.addresses.push(address(text, AddressKind::Ipv4, ip));
            let name = |name: String, kind: &'static str| crate::model::Hostname {
                name: name.into(),
                kind: Some(kind.into()),
            };
            host.hostnames.push(name(format!("p{n}"), "PTR"));
            host.hostnames.push(name(format!("u{n}"), "user"));
        }
        host.addresses.push(address("00:00:5E:00:53:01".into(), AddressKind::Mac, None));
        let brief = host_summary(&host);
        assert_eq!(brief.addresses.len(), MAX_ADDRESSES + 1);
        assert_eq!((brief.ip(), brief.mac()), (host.ip(), host.mac()));
        assert_eq!(brief.hostname().unwrap().name, "u0");
    }

    #[test]
    fn names_are_lower_case_without_a_final_dot() {
        assert_eq!(plain_name("WWW.Example."), "www.example");
        assert_eq!(plain_name("a."), "a");
    }
}
