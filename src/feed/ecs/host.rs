//! Events of hosts and scripts.

use std::borrow::Cow;

use super::{
    event::{Event, outcome, scan_members, script, script_id},
    host_prefix::{Shared, destination, known_by, related},
    options::Ecs,
    port,
};
use crate::{
    error::Result,
    feed::{
        flush::{Handing, hand_over},
        line::{Caps, clipped, clipped_header},
        nested,
        subject::{Subject, best_match, brief, brief_port, good_match, lower, text},
    },
    text::json::{MicrosAsMillis, OBJECT, key, write_container, write_objects, write_members},
    model::{Host, OsClass, PortState, Script, ScriptScope, Service},
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
fn system_name<'c>(class: &'c OsClass<'_>) -> Option<Cow<'c, str>> {
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
            port::place(&subject, &destination(&subject), port, out);
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
