//! Event of a port.

use std::borrow::Cow;

use super::{
    event::{Event, outcome, scan_members, script},
    host_prefix::{PIECE, Shared, destination},
    options::Ecs,
};
use crate::{
    feed::{
        line::{LEAST_LINE, clipped, clipped_header, fit},
        nested,
        subject::{Subject, has_ports, lower, port_words, protocol_number, transport},
    },
    text::json::{OBJECT, key, write_array, write_container, write_objects, write_members},
    model::{Port, PortState, Protocol, ScanHeader, SeenRange, Service},
};

/// Port, the scan it comes from, and the times it was seen if the host is merged.
pub(super) type Found<'f> = (&'f Port<'f>, &'f ScanHeader, Option<SeenRange>);

/// Parts of a scan that the events of ports repeat, written once.
pub(super) struct OfRun {
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

impl OfRun {
    /// Limits the repeated parts to a quarter of the shortest line.
    pub(super) fn of(ecs: &Ecs, subject: &Subject<'_>, run: &ScanHeader) -> Self {
        let (mut scan, mut cut) = (Vec::with_capacity(PIECE), false);
        fit(LEAST_LINE / 4, &mut scan, &mut |caps, out| {
            cut = caps.is_some();
            let run = caps.map_or(Cow::Borrowed(run), |caps| Cow::Owned(clipped_header(run, caps)));
            write_container(key!("scan"), OBJECT, out, |out| scan_members(&run, out));
        });
        let event = event(ecs, subject);
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::with_capacity(PIECE);
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
fn event<'e>(ecs: &'e Ecs, subject: &Subject<'e>) -> Event<'e> {
    let host = subject.host;
    Event {
        dataset: "nmap.port",
        kind: ecs.event_kind.as_str(),
        categories: &["host", "network"],
        kinds: &["info"],
        id: "",
        action: None,
        outcome: outcome(host.complete),
        reason: None,
        time: subject.time,
        times: (host.start_time, host.end_time),
        truncated: !host.complete,
    }
}

/// Writes the event of a port, with the parts that all events of its host and scan repeat.
pub(super) fn line(
    ecs: &Ecs,
    (subject, shared, of_run): (&Subject<'_>, &Shared, &OfRun),
    (port, run, seen): Found<'_>,
    out: &mut Vec<u8>,
) {
    let id = subject.ids.port(port);
    ecs.line(&id, out, &mut |caps, out| match caps {
        None => write((subject, shared, of_run), (port, &id, seen), false, out),
        Some(caps) => {
            let host = clipped(subject.host, caps);
            let (port, run) = (clipped(port, caps), clipped_header(run, caps));
            let subject = Subject { host: &host, ..*subject };
            let shared = Shared {
                host: shared.host.clone(),
                destination: destination(&subject),
                cut: shared.cut,
            };
            let of_run = OfRun::of(ecs, &subject, &run);
            write((&subject, &shared, &of_run), (&port, &id, seen), true, out);
        }
    });
}

fn write(
    (subject, shared, of_run): (&Subject<'_>, &Shared, &OfRun),
    (port, id, seen): (&Port<'_>, &str, Option<SeenRange>),
    cut: bool,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(&of_run.around);
    write_container(key!("event"), OBJECT, out, |out| {
        out.extend_from_slice(&of_run.first);
        write_members!(out, "id": id, "action": &*action(&port.state), "reason": &port.reason);
        out.extend_from_slice(&of_run.last);
    });
    subject.port_message(key!("message"), port, &port_words(port), out);
    out.extend_from_slice(&shared.host);
    place(subject, &shared.destination, port, out);
    named_service(port, out);
    write_container(key!("nmap"), OBJECT, out, |out| {
        out.extend_from_slice(&of_run.scan);
        details(port, seen, out);
        write_members!(out, "line_truncated": (cut || shared.cut || of_run.cut).then_some(true));
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
pub(super) fn place(subject: &Subject<'_>, destination: &[u8], port: &Port<'_>, out: &mut Vec<u8>) {
    write_container(key!("destination"), OBJECT, out, |out| {
        out.extend_from_slice(destination);
        write_members!(out, "port": has_ports(&port.protocol).then_some(i64::from(port.number)));
    });
    let ip = subject.host.ip().and_then(|address| address.ip);
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
