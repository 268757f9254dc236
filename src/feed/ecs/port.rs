//! Event of a port.

use std::borrow::Cow;

use super::{
    event::{Event, outcome, scan_members, script},
    host_prefix::{HostPrefix, INITIAL_CAPACITY, destination},
    options::Ecs,
};
use crate::{
    feed::{
        host_view::{HostView, has_ports, lower, port_words, protocol_number, transport},
        nested,
        truncate::{MIN_LINE_BYTES, truncate_header, truncate_record, write_truncated},
    },
    model::{Port, PortState, Protocol, ScanHeader, SeenRange, Service},
    text::json::{OBJECT, key, write_array, write_container, write_members, write_objects},
};

/// Port, the scan it comes from, and the times it was seen if the host is merged.
pub(super) type Found<'f> = (&'f Port<'f>, &'f ScanHeader, Option<SeenRange>);

/// Parts of a scan that the events of ports repeat, written once.
pub(super) struct ScanFields {
    /// Members next to `event`.
    around: Vec<u8>,
    /// First and last members of `event`.
    first: Vec<u8>,
    last: Vec<u8>,
    /// Member `scan` of `nmap`.
    scan: Vec<u8>,
    /// True if a part of the scan was cut.
    cut: bool,
}

impl ScanFields {
    /// Limits the repeated parts to a quarter of the shortest line.
    pub(super) fn of(ecs: &Ecs, view: &HostView<'_>, run: &ScanHeader) -> Self {
        let (mut scan, mut cut) = (Vec::with_capacity(INITIAL_CAPACITY), false);
        write_truncated(MIN_LINE_BYTES / 4, &mut scan, &mut |limits, out| {
            cut = limits.is_some();
            let run = limits
                .map_or(Cow::Borrowed(run), |limits| Cow::Owned(truncate_header(run, limits)));
            write_container(key!("scan"), OBJECT, out, |out| scan_members(&run, out));
        });
        let event = event(ecs, view);
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::with_capacity(INITIAL_CAPACITY);
            write(&mut out);
            out
        };
        Self {
            around: written(&|out| event.around(ecs, run, out)),
            first: written(&|out| event.first(run, out)),
            last: written(&|out| event.last(out)),
            scan,
            cut,
        }
    }
}

/// Returns the members that all port events of a host have.
fn event<'e>(ecs: &'e Ecs, view: &HostView<'e>) -> Event<'e> {
    let host = view.host;
    Event {
        dataset: "nmap.port",
        kind: ecs.event_kind.as_str(),
        categories: &["host", "network"],
        kinds: &["info"],
        id: "",
        action: None,
        outcome: outcome(host.complete),
        reason: None,
        time: view.time,
        times: (host.start_time, host.end_time),
        truncated: !host.complete,
    }
}

/// Writes the event of a port, with the parts that all events of its host and scan repeat.
pub(super) fn line(
    ecs: &Ecs,
    (view, prefix, scan_fields): (&HostView<'_>, &HostPrefix, &ScanFields),
    (port, run, seen): Found<'_>,
    out: &mut Vec<u8>,
) {
    let id = view.ids.port(port);
    ecs.line(&id, out, &mut |limits, out| match limits {
        None => write((view, prefix, scan_fields), (port, &id, seen), false, out),
        Some(limits) => {
            let host = truncate_record(view.host, limits);
            let (port, run) = (truncate_record(port, limits), truncate_header(run, limits));
            let view = HostView { host: &host, ..*view };
            let prefix = HostPrefix {
                host: prefix.host.clone(),
                destination: destination(&view),
                cut: prefix.cut,
            };
            let scan_fields = ScanFields::of(ecs, &view, &run);
            write((&view, &prefix, &scan_fields), (&port, &id, seen), true, out);
        }
    });
}

fn write(
    (view, prefix, scan_fields): (&HostView<'_>, &HostPrefix, &ScanFields),
    (port, id, seen): (&Port<'_>, &str, Option<SeenRange>),
    cut: bool,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(&scan_fields.around);
    write_container(key!("event"), OBJECT, out, |out| {
        out.extend_from_slice(&scan_fields.first);
        write_members!(out, "id": id, "action": &*action(&port.state), "reason": &port.reason);
        out.extend_from_slice(&scan_fields.last);
    });
    view.port_message(key!("message"), port, &port_words(port), out);
    out.extend_from_slice(&prefix.host);
    place(view, &prefix.destination, port, out);
    named_service(port, out);
    write_container(key!("nmap"), OBJECT, out, |out| {
        out.extend_from_slice(&scan_fields.scan);
        details(port, seen, out);
        write_members!(out, "line_truncated": (cut || prefix.cut || scan_fields.cut).then_some(true));
    });
}

fn action<'s>(state: &'s PortState<'_>) -> Cow<'s, str> {
    match state {
        PortState::Open => "port-open".into(),
        PortState::Closed => "port-closed".into(),
        PortState::Filtered => "port-filtered".into(),
        state => format!("port-{}", state.as_str().replace('|', "-")).into(),
    }
}

/// Writes `destination` and `network`: the location of a port.
pub(super) fn place(view: &HostView<'_>, destination: &[u8], port: &Port<'_>, out: &mut Vec<u8>) {
    write_container(key!("destination"), OBJECT, out, |out| {
        out.extend_from_slice(destination);
        write_members!(out, "port": has_ports(&port.protocol).then_some(i64::from(port.number)));
    });
    let ip = view.host.ip().and_then(|address| address.ip);
    let number = match &port.protocol {
        Protocol::Tcp => Some("6".into()),
        Protocol::Udp => Some("17".into()),
        Protocol::Ip => Some(Cow::Owned(port.number.to_string())),
        protocol => protocol_number(protocol).map(|number| Cow::Owned(number.to_string())),
    };
    write_container(key!("network"), OBJECT, out, |out| {
        write_members!(out,
            "type": ip.map(|ip| if ip.is_ipv4() { "ipv4" } else { "ipv6" }),
            "transport": transport(port),
            // ECS defines this number as a keyword.
            "iana_number": number.as_ref(),
            "protocol": port.services.first().and_then(spoken).as_ref(),
        );
    });
}

fn spoken<'s>(service: &'s Service<'_>) -> Option<Cow<'s, str>> {
    application(service.name.as_deref(), service.tunnel.as_deref())
}

/// Returns the ECS name of the protocol that a service speaks, given its name and tunnel.
pub(super) fn application<'s>(name: Option<&'s str>, tunnel: Option<&str>) -> Option<Cow<'s, str>> {
    let name = lower(name?.trim_end_matches('?'));
    Some(match &*name {
        "" | "unknown" | "tcpwrapped" => return None,
        "domain" => "dns".into(),
        "microsoft-ds" => "smb".into(),
        "ms-wbt-server" => "rdp".into(),
        "http" if tunnel == Some("ssl") => "https".into(),
        _ => name,
    })
}

fn named_service(port: &Port<'_>, out: &mut Vec<u8>) {
    let Some(service) = port.services.first() else { return };
    write_container(key!("service"), OBJECT, out, |out| {
        write_members!(out, "name": &service.name, "version": &service.version);
    });
}

/// Writes the values of a port that ECS has no field for.
fn details(port: &Port<'_>, seen: Option<SeenRange>, out: &mut Vec<u8>) {
    write_container(key!("port"), OBJECT, out, |out| {
        write_members!(out,
            "state": port.state.as_str(),
            "reason_ttl": port.reason_ttl,
            "reason_ip": &port.reason_ip,
            "owner": &port.owner,
            "expanded": port.expanded.then_some(true),
        );
        if let Some(seen) = seen {
            write_members!(out, "first_seen": seen.first, "last_seen": seen.last, "seen": seen.count);
        }
    });
    if let Some(service) = port.services.first() {
        write_container(key!("service"), OBJECT, out, |out| {
            write_members!(out,
                "product": &service.product,
                "extra_info": &service.extra_info,
                "method": &service.method,
                "confidence": service.confidence,
                "tunnel": &service.tunnel,
            );
            write_array(key!("cpe"), &service.cpes, out);
            write_members!(out,
                "hostname": &service.hostname,
                "os_type": &service.os_type,
                "device_type": &service.device_type,
                "fingerprint": &service.fingerprint,
                "banner": &service.banner,
            );
        });
    }
    if port.services.len() > 1 {
        write_objects(key!("services"), &port.services, out, nested::members);
    }
    write_objects(key!("scripts"), &port.scripts, out, script);
}
