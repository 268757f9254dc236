//! Events of hosts and scripts.

use std::borrow::Cow;

use super::{Ecs, Event, port, scan_members, script, script_id};
use crate::{
    error::Result,
    feed::{
        Handing, hand_over,
        line::{Caps, LEAST_LINE, clipped, clipped_header, fit},
        nested,
        subject::{
            Subject, best_match, brief, brief_port, good_match, ips, is_ip, lower, macs, text,
        },
    },
    model::{Host, OsClass, PortState, Script, ScriptScope, Service},
    text::json::{
        MicrosAsMillis, OBJECT, key, write_array, write_container, write_members, write_objects,
    },
};

/// Writes all events of a host.
pub(super) fn lines(
    ecs: &Ecs,
    subject: &Subject<'_>,
    (out, hand): (&mut Vec<u8>, Handing<'_>),
) -> Result<u64> {
    let id = &subject.ids.host_id;
    ecs.line(id, out, &mut |caps, out| match caps {
        None => host_event(ecs, subject, false, out),
        Some(caps) => {
            let (host, run) = (clipped(subject.host, caps), clipped_header(subject.run, caps));
            host_event(ecs, &Subject { host: &host, run: &run, ..*subject }, true, out);
        }
    });
    hand_over(out, hand)?;
    let wanted = |port: &crate::model::Port<'_>| ecs.all_ports || port.state == PortState::Open;
    let mut ports = subject.ports().filter(|(port, ..)| wanted(port)).peekable();
    if ports.peek().is_none() && !(ecs.script_events && has_scripts(subject)) {
        return Ok(1);
    }
    let host = brief(subject.host);
    let near = Subject { host: &host, ..*subject };
    let shared = Shared::of(subject, &near);
    let of_run = port::OfRun::of(ecs, &near, near.run);
    let mut lines = 1_u64;
    for (found, run, seen) in ports {
        let other = (!std::ptr::eq(run, subject.run)).then(|| port::OfRun::of(ecs, &near, run));
        let of_run = other.as_ref().unwrap_or(&of_run);
        port::line(ecs, (&near, &shared, of_run), (found, run, seen), out);
        lines = lines.saturating_add(1);
        hand_over(out, hand)?;
    }
    if ecs.script_events {
        lines = lines.saturating_add(scripts(ecs, (subject, &near), &shared, (out, hand))?);
    }
    Ok(lines)
}

fn has_scripts(subject: &Subject<'_>) -> bool {
    !subject.host.scripts.is_empty() || subject.ports().any(|(port, ..)| !port.scripts.is_empty())
}

/// Initial capacity for a repeated piece, in bytes. Most pieces fit.
pub(super) const PIECE: usize = 512;

/// Parts of a host that the events of its ports and scripts repeat, written once.
pub(super) struct Shared {
    /// Members `host` and `related`.
    pub(super) host: Vec<u8>,
    /// Members of `destination` without the port.
    pub(super) destination: Vec<u8>,
    /// True if a part of the host was cut.
    pub(super) cut: bool,
}

impl Shared {
    /// Limits the repeated parts to a quarter of the shortest line, so that they do not take more space than the
    /// event.
    fn of(subject: &Subject<'_>, near: &Subject<'_>) -> Self {
        let (mut host, mut cut) = (Vec::with_capacity(PIECE), false);
        fit(LEAST_LINE / 4, &mut host, &mut |caps, out| match caps {
            None => of_host(subject, out),
            Some(caps) => {
                cut = true;
                let host = clipped(subject.host, caps);
                of_host(&Subject { host: &host, ..*subject }, out);
            }
        });
        Self { host, destination: port::destination(near), cut }
    }
}

fn host_event(ecs: &Ecs, subject: &Subject<'_>, cut: bool, out: &mut Vec<u8>) {
    let host = subject.host;
    Event {
        dataset: "nmap.host",
        kind: ecs.event_kind.as_str(),
        categories: &["host"],
        kinds: &["info"],
        id: &subject.ids.host_id,
        action: None,
        outcome: outcome(host.complete),
        reason: host.status.reason.as_deref(),
        time: subject.time,
        times: (host.start_time, host.end_time),
        truncated: !host.complete,
    }
    .write(ecs, subject.run, out);
    subject.message(key!("message"), out);
    write_container(key!("host"), OBJECT, out, |out| {
        known_by(subject, out);
        write_members!(out,
            "hostname": host.hostname().map(|name| &name.name),
            "type": best_match(host).and_then(|(_, class)| class?.kind.as_ref()),
            "uptime": host.uptime_s.filter(|seconds| *seconds >= 0),
        );
        system(host, ecs.os_min, out);
    });
    related(host, out);
    write_container(key!("nmap"), OBJECT, out, |out| {
        write_container(key!("scan"), OBJECT, out, |out| scan_members(subject.run, out));
        write_container(key!("host"), OBJECT, out, |out| facts(subject, out));
        if !host.os.is_empty() {
            write_container(key!("os"), OBJECT, out, |out| nested::os(&host.os, out));
        }
        write_objects(key!("trace"), &host.traces, out, nested::trace);
        write_objects(key!("scripts"), &host.scripts, out, script);
        let open = host.ports.iter().filter(|port| port.state == PortState::Open);
        write_objects(key!("ports"), open, out, |port, out| {
            let service = port.services.first();
            let value = |get: for<'t> fn(&'t Service<'_>) -> Option<&'t str>| service.and_then(get);
            write_members!(out,
                "protocol": port.protocol.as_str(),
                "port": i64::from(port.number),
                "service": value(|service| service.name.as_deref()),
                "product": value(|service| service.product.as_deref()),
                "version": value(|service| service.version.as_deref()),
            );
        });
        write_members!(out, "line_truncated": cut.then_some(true));
    });
}

pub(super) const fn outcome(complete: bool) -> &'static str {
    if complete { "success" } else { "unknown" }
}

/// Writes `host` and `related` for the events of ports and scripts.
fn of_host(subject: &Subject<'_>, out: &mut Vec<u8>) {
    write_container(key!("host"), OBJECT, out, |out| known_by(subject, out));
    related(subject.host, out);
}

/// Writes the identity of a host.
fn known_by(subject: &Subject<'_>, out: &mut Vec<u8>) {
    write_members!(out, "id": &subject.ids.host_key);
    write_array(key!("ip"), ips(subject.host).map(|address| &address.text), out);
    write_container(key!("mac"), crate::text::json::ARRAY, out, |out| {
        macs(subject.host).for_each(|mac| hyphens(",", mac, out));
    });
    write_members!(out, "name": subject.name().as_ref());
}

/// Writes a MAC address in the notation of RFC 7042.
pub(super) fn hyphens(lead: &str, mac: &str, out: &mut Vec<u8>) {
    text(lead, out, |out| {
        use std::fmt::Write as _;
        for (place, part) in mac.split(':').enumerate() {
            let _ = write!(out, "{}{part}", if place > 0 { "-" } else { "" });
        }
    });
}

/// Writes the operating system of the best match, if its accuracy is at least `least`.
fn system(host: &Host<'_>, least: i32, out: &mut Vec<u8>) {
    let Some((found, class)) = good_match(host, least) else { return };
    let family = class.and_then(|class| class.family.as_deref());
    write_container(key!("os"), OBJECT, out, |out| {
        write_members!(out,
            "full": &found.name,
            "name": class.and_then(system_name).as_ref(),
            "family": family.map(lower).as_ref(),
            "version": class.and_then(|class| class.generation.as_ref()),
            "type": family.and_then(system_type),
        );
    });
}

/// Returns vendor and family, or only one of them if they are equal.
pub(in crate::feed) fn system_name<'c>(class: &'c OsClass<'_>) -> Option<Cow<'c, str>> {
    match (class.vendor.as_deref(), class.family.as_deref()) {
        (Some(vendor), Some(family)) if vendor != family => {
            Some(Cow::Owned(format!("{vendor} {family}")))
        }
        (vendor, family) => family.or(vendor).map(Cow::Borrowed),
    }
}

/// Returns the ECS type of an operating system family.
fn system_type(family: &str) -> Option<&'static str> {
    Some(match family {
        "Linux" => "linux",
        "Windows" => "windows",
        "macOS" | "Mac OS X" => "macos",
        "iOS" => "ios",
        "Android" => "android",
        "Solaris" | "AIX" | "HP-UX" | "IRIX" | "SunOS" => "unix",
        other if other.ends_with("BSD") => "unix",
        _ => return None,
    })
}

/// Writes all addresses and names of a host, its routes and its answers, sorted and without duplicates.
fn related(host: &Host<'_>, out: &mut Vec<u8>) {
    let hops = || host.traces.iter().flat_map(|trace| &trace.hops);
    let others = hops().filter_map(|hop| hop.ip.as_deref());
    let others = others.chain(host.ports.iter().filter_map(|port| port.reason_ip.as_deref()));
    let mut addresses: Vec<&str> = ips(host).map(|address| &*address.text).collect();
    addresses.extend(others.filter(|text| is_ip(text)));
    let names = host.hostnames.iter().map(|name| &*name.name);
    let mut names: Vec<&str> =
        names.chain(hops().filter_map(|hop| hop.hostname.as_deref())).collect();
    for texts in [&mut addresses, &mut names] {
        texts.sort_unstable();
        texts.dedup();
    }
    write_container(key!("related"), OBJECT, out, |out| {
        write_array(key!("ip"), addresses, out);
        write_array(key!("hosts"), names, out);
    });
}

/// Writes the values of a host that ECS has no field for.
fn facts(subject: &Subject<'_>, out: &mut Vec<u8>) {
    let host = subject.host;
    write_members!(out,
        "state": host.status.state.as_str(),
        "reason_ttl": host.status.reason_ttl,
        "complete": host.complete,
        "timed_out": host.timed_out,
        "mac_vendor": host.mac().and_then(|mac| mac.vendor.as_ref()),
        "distance": host.distance,
        "srtt_ms": host.srtt_us.map(MicrosAsMillis),
        "rttvar_ms": host.rttvar_us.map(MicrosAsMillis),
        "timeout_ms": host.timeout_us.map(MicrosAsMillis),
        "last_boot": &host.last_boot,
        "comment": &host.comment,
    );
    write_objects(key!("extra_ports"), &host.extra_ports, out, nested::members);
    write_members!(out, "ports_open": host.ports_open);
    if let Some(merged) = subject.merged {
        let seen = merged.seen;
        write_members!(out, "first_seen": seen.first, "last_seen": seen.last, "seen": seen.count);
    }
}

/// Writes the events of all scripts of a host and its ports.
fn scripts(
    ecs: &Ecs,
    (subject, near): (&Subject<'_>, &Subject<'_>),
    shared: &Shared,
    (out, hand): (&mut Vec<u8>, Handing<'_>),
) -> Result<u64> {
    let host_id = &subject.ids.host_id;
    let mut lines = 0_u64;
    for (index, found) in subject.host.scripts.iter().enumerate() {
        let id = script_id(host_id, ScriptScope::Host, index);
        script_line(ecs, (near, shared), (found, &id, None), out);
        lines = lines.saturating_add(1);
        hand_over(out, hand)?;
    }
    for (port, run, seen) in subject.ports() {
        let parent = if port.scripts.is_empty() { String::new() } else { subject.ids.port(port) };
        for (index, found) in port.scripts.iter().enumerate() {
            let id = script_id(&parent, ScriptScope::Port, index);
            script_line(ecs, (near, shared), (found, &id, Some((port, run, seen))), out);
            lines = lines.saturating_add(1);
            hand_over(out, hand)?;
        }
    }
    Ok(lines)
}

fn script_line(
    ecs: &Ecs,
    (subject, shared): (&Subject<'_>, &Shared),
    (found, id, place): (&Script<'_>, &str, Option<port::Found<'_>>),
    out: &mut Vec<u8>,
) {
    let run = place.map_or(subject.run, |(_, run, _)| run);
    let write = |found: &Script<'_>, caps: Option<&Caps>, out: &mut Vec<u8>| {
        let host = caps
            .map_or(Cow::Borrowed(subject.host), |caps| Cow::Owned(clipped(subject.host, caps)));
        let subject = Subject { host: &host, ..*subject };
        let place = place.map(|(port, ..)| match caps {
            None => Cow::Borrowed(port),
            Some(caps) => Cow::Owned(clipped(&brief_port(port, port.services.first()), caps)),
        });
        let run = caps.map_or(Cow::Borrowed(run), |caps| Cow::Owned(clipped_header(run, caps)));
        Event {
            dataset: "nmap.script",
            kind: ecs.event_kind.as_str(),
            categories: &["host"],
            kinds: &["info"],
            id,
            action: None,
            outcome: outcome(host.complete),
            reason: None,
            time: subject.time,
            times: (host.start_time, host.end_time),
            truncated: !host.complete,
        }
        .write(ecs, &run, out);
        let words = ["script", &found.name];
        match &place {
            Some(port) => subject.port_message(key!("message"), port, &words, out),
            None => text(key!("message"), out, |out| {
                use std::fmt::Write as _;
                let _ = write!(out, "{} script {}", subject.address(), found.name);
            }),
        }
        out.extend_from_slice(&shared.host);
        if let Some(port) = &place {
            port::place(&subject, &port::destination(&subject), port, out);
        }
        let scope = if place.is_some() { ScriptScope::Port } else { ScriptScope::Host };
        write_container(key!("nmap"), OBJECT, out, |out| {
            write_container(key!("scan"), OBJECT, out, |out| scan_members(&run, out));
            write_container(key!("script"), OBJECT, out, |out| {
                write_members!(out, "scope": scope.as_str());
                script(found, out);
            });
            write_members!(out, "line_truncated": (caps.is_some() || shared.cut).then_some(true));
        });
    };
    ecs.line(id, out, &mut |caps, out| match caps {
        None => write(found, None, out),
        Some(caps) => write(&clipped(found, caps), Some(caps), out),
    });
}
