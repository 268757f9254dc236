//! The event of a port.

use std::borrow::Cow;

use super::{
    Ecs, Event,
    host::{Shared, hyphens, outcome},
    script,
};
use crate::{
    feed::{
        line::{clipped_header, clipped_port},
        nested,
        subject::{Subject, has_ports, lower, plain_name, port_words, protocol_number, transport},
    },
    json::{OBJECT, Value as _, key, list, nest, objects, put},
    model::{Port, PortState, Protocol, RunHeader, Seen, Service},
};

/// A port, the scan it is of, and when it was seen if the host is merged.
pub(super) type Found<'f> = (&'f Port<'f>, &'f RunHeader, Option<Seen>);

/// Writes the event of a port, with what all events of its host and its scan repeat.
pub(super) fn line(
    ecs: &Ecs,
    (subject, shared, scan): (&Subject<'_>, &Shared, &[u8]),
    (port, run, seen): Found<'_>,
    out: &mut Vec<u8>,
) {
    let id = subject.ids.port(port);
    let write = |port: &Port<'_>, run: &RunHeader, cut: bool, out: &mut Vec<u8>| {
        event(ecs, (subject, &id), (port, run), out);
        out.extend_from_slice(&shared.host);
        place(subject, port, out);
        named_service(port, out);
        nest(key!("nmap"), OBJECT, out, |out| {
            out.extend_from_slice(scan);
            details(port, seen, out);
            put!(out, "line_truncated": (cut || shared.cut).then_some(true));
        });
    };
    ecs.line(&id, out, &mut |caps, out| match caps {
        None => write(port, run, false, out),
        Some(caps) => write(&clipped_port(port, caps), &clipped_header(run, caps), true, out),
    });
}

fn event(
    ecs: &Ecs,
    (subject, id): (&Subject<'_>, &str),
    (port, run): (&Port<'_>, &RunHeader),
    out: &mut Vec<u8>,
) {
    let host = subject.host;
    let action: Cow<'_, str> = match &port.state {
        PortState::Open => "port-open".into(),
        PortState::OpenFiltered => "port-open-filtered".into(),
        state => format!("port-{}", state.as_str().replace('|', "-")).into(),
    };
    Event {
        dataset: "nmap.port",
        kind: ecs.event_kind.as_str(),
        categories: &["host", "network"],
        kinds: &["info"],
        id,
        action: Some(&action),
        outcome: outcome(host),
        reason: port.reason.as_deref(),
        time: subject.time,
        times: (host.start_time, host.end_time),
        truncated: !host.complete,
    }
    .write(ecs, run, out);
    subject.port_message(key!("message"), port, &port_words(port), out);
}

/// `destination` and `network`: where a port is.
pub(super) fn place(subject: &Subject<'_>, port: &Port<'_>, out: &mut Vec<u8>) {
    let host = subject.host;
    let address = host.ip();
    let ip = address.filter(|address| address.ip.is_some());
    nest(key!("destination"), OBJECT, out, |out| {
        put!(out,
            "ip": ip.map(|address| &address.text),
            "port": has_ports(&port.protocol).then_some(i64::from(port.number)),
            "address": address.map_or(&*subject.ids.host_key, |address| &address.text),
            "domain": host.hostname().map(|name| plain_name(&name.name)).as_ref(),
        );
        if let Some(mac) = host.mac() {
            hyphens(key!("mac"), &mac.text, out);
        }
    });
    let kind =
        ip.and_then(|address| address.ip).map(|ip| if ip.is_ipv4() { "ipv4" } else { "ipv6" });
    let service = port.services.first();
    nest(key!("network"), OBJECT, out, |out| {
        put!(out, "type": kind, "transport": transport(port));
        number(port, out);
        put!(out, "protocol": service.and_then(application).as_ref());
    });
}

fn number(port: &Port<'_>, out: &mut Vec<u8>) {
    let number = match &port.protocol {
        Protocol::Ip => Some(i32::from(port.number)),
        protocol => protocol_number(protocol),
    };
    if let Some(number) = number {
        // A keyword of the schema, not a number.
        out.extend_from_slice(key!("iana_number").as_bytes());
        out.push(b'"');
        number.put("", out);
        out.push(b'"');
    }
}

/// The schema's name of the protocol that a service speaks.
fn application<'s>(service: &'s Service<'_>) -> Option<Cow<'s, str>> {
    let name = lower(service.name.as_deref()?.trim_end_matches('?'));
    Some(match &*name {
        "" | "unknown" | "tcpwrapped" => return None,
        "domain" => "dns".into(),
        "microsoft-ds" => "smb".into(),
        "ms-wbt-server" => "rdp".into(),
        "http" if service.tunnel.as_deref() == Some("ssl") => "https".into(),
        _ => name,
    })
}

fn named_service(port: &Port<'_>, out: &mut Vec<u8>) {
    let Some(service) = port.services.first() else { return };
    nest(key!("service"), OBJECT, out, |out| {
        put!(out, "name": &service.name, "version": &service.version);
    });
}

/// What is known of a port, and the schema has no field for.
fn details(port: &Port<'_>, seen: Option<Seen>, out: &mut Vec<u8>) {
    nest(key!("port"), OBJECT, out, |out| {
        put!(out,
            "state": port.state.as_str(),
            "reason_ttl": port.reason_ttl,
            "reason_ip": &port.reason_ip,
            "owner": &port.owner,
            "expanded": port.expanded.then_some(true),
        );
        if let Some(seen) = seen {
            put!(out, "first_seen": seen.first, "last_seen": seen.last, "seen": seen.count);
        }
    });
    if let Some(service) = port.services.first() {
        nest(key!("service"), OBJECT, out, |out| {
            put!(out,
                "product": &service.product,
                "extra_info": &service.extra_info,
                "method": &service.method,
                "confidence": service.confidence,
                "tunnel": &service.tunnel,
            );
            list(key!("cpe"), &service.cpes, out);
            put!(out,
                "hostname": &service.hostname,
                "os_type": &service.os_type,
                "device_type": &service.device_type,
                "fingerprint": &service.fingerprint,
                "banner": &service.banner,
            );
        });
    }
    if port.services.len() > 1 {
        objects(key!("services"), &port.services, out, nested::service);
    }
    objects(key!("scripts"), &port.scripts, out, script);
}
