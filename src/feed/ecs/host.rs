//! Events of hosts and scripts.

use std::borrow::Cow;

use super::{
    event::{Event, outcome, scan_members, script, script_id},
    host_prefix::{HostPrefix, destination, identity, related},
    options::Ecs,
    port,
};
use crate::{
    error::Result,
    feed::{
        flush::{FlushFn, flush_large},
        host_view::{HostView, best_match, good_match, host_summary, lower, port_summary, text},
        nested,
        truncate::{TruncationLimits, truncate_header, truncate_record},
    },
    model::{Host, OsClass, PortState, Script, ScriptScope, Service},
    text::json::{MicrosAsMillis, OBJECT, key, write_container, write_members, write_objects},
};

/// Writes all events of a host.
pub(super) fn lines(
    ecs: &Ecs,
    view: &HostView<'_>,
    (out, flush): (&mut Vec<u8>, FlushFn<'_>),
) -> Result<u64> {
    let id = &view.ids.host_id;
    ecs.line(id, out, &mut |limits, out| match limits {
        None => host_event(ecs, view, false, out),
        Some(limits) => {
            let (host, run) =
                (truncate_record(view.host, limits), truncate_header(view.run, limits));
            host_event(ecs, &HostView { host: &host, run: &run, ..*view }, true, out);
        }
    });
    flush_large(out, flush)?;
    let wanted = |port: &crate::model::Port<'_>| ecs.all_ports || port.state == PortState::Open;
    let mut ports = view.ports().filter(|(port, ..)| wanted(port)).peekable();
    if ports.peek().is_none() && !(ecs.script_events && has_scripts(view)) {
        return Ok(1);
    }
    let host = host_summary(view.host);
    let near = HostView { host: &host, ..*view };
    let prefix = HostPrefix::of(view, &near);
    let scan_fields = port::ScanFields::of(ecs, &near, near.run);
    let mut lines = 1_u64;
    for (found, run, seen) in ports {
        let other = (!std::ptr::eq(run, view.run)).then(|| port::ScanFields::of(ecs, &near, run));
        let scan_fields = other.as_ref().unwrap_or(&scan_fields);
        port::line(ecs, (&near, &prefix, scan_fields), (found, run, seen), out);
        lines = lines.saturating_add(1);
        flush_large(out, flush)?;
    }
    if ecs.script_events {
        lines = lines.saturating_add(scripts(ecs, (view, &near), &prefix, (out, flush))?);
    }
    Ok(lines)
}

fn has_scripts(view: &HostView<'_>) -> bool {
    !view.host.scripts.is_empty() || view.ports().any(|(port, ..)| !port.scripts.is_empty())
}

fn host_event(ecs: &Ecs, view: &HostView<'_>, cut: bool, out: &mut Vec<u8>) {
    let host = view.host;
    Event {
        dataset: "nmap.host",
        kind: ecs.event_kind.as_str(),
        categories: &["host"],
        kinds: &["info"],
        id: &view.ids.host_id,
        action: None,
        outcome: outcome(host.complete),
        reason: host.status.reason.as_deref(),
        time: view.time,
        times: (host.start_time, host.end_time),
        truncated: !host.complete,
    }
    .write(ecs, view.run, out);
    view.message(key!("message"), out);
    write_container(key!("host"), OBJECT, out, |out| {
        identity(view, out);
        write_members!(out,
            "hostname": host.hostname().map(|name| &name.name),
            "type": best_match(host).and_then(|(_, class)| class?.kind.as_ref()),
            "uptime": host.uptime_s.filter(|seconds| *seconds >= 0),
        );
        system(host, ecs.min_os_accuracy, out);
    });
    related(host, out);
    write_container(key!("nmap"), OBJECT, out, |out| {
        write_container(key!("scan"), OBJECT, out, |out| scan_members(view.run, out));
        write_container(key!("host"), OBJECT, out, |out| host_details(view, out));
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
fn host_details(view: &HostView<'_>, out: &mut Vec<u8>) {
    let host = view.host;
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
    if let Some(merged) = view.merged {
        let seen = merged.seen;
        write_members!(out, "first_seen": seen.first, "last_seen": seen.last, "seen": seen.count);
    }
}

/// Writes the events of all scripts of a host and its ports.
fn scripts(
    ecs: &Ecs,
    (view, near): (&HostView<'_>, &HostView<'_>),
    prefix: &HostPrefix,
    (out, flush): (&mut Vec<u8>, FlushFn<'_>),
) -> Result<u64> {
    let host_id = &view.ids.host_id;
    let mut lines = 0_u64;
    for (index, found) in view.host.scripts.iter().enumerate() {
        let id = script_id(host_id, ScriptScope::Host, index);
        script_line(ecs, (near, prefix), (found, &id, None), out);
        lines = lines.saturating_add(1);
        flush_large(out, flush)?;
    }
    for (port, run, seen) in view.ports() {
        let parent = if port.scripts.is_empty() { String::new() } else { view.ids.port(port) };
        for (index, found) in port.scripts.iter().enumerate() {
            let id = script_id(&parent, ScriptScope::Port, index);
            script_line(ecs, (near, prefix), (found, &id, Some((port, run, seen))), out);
            lines = lines.saturating_add(1);
            flush_large(out, flush)?;
        }
    }
    Ok(lines)
}

fn script_line(
    ecs: &Ecs,
    (view, prefix): (&HostView<'_>, &HostPrefix),
    (found, id, place): (&Script<'_>, &str, Option<port::Found<'_>>),
    out: &mut Vec<u8>,
) {
    let run = place.map_or(view.run, |(_, run, _)| run);
    let write = |found: &Script<'_>, limits: Option<&TruncationLimits>, out: &mut Vec<u8>| {
        let host = limits.map_or(Cow::Borrowed(view.host), |limits| {
            Cow::Owned(truncate_record(view.host, limits))
        });
        let view = HostView { host: &host, ..*view };
        let place = place.map(|(port, ..)| match limits {
            None => Cow::Borrowed(port),
            Some(limits) => {
                Cow::Owned(truncate_record(&port_summary(port, port.services.first()), limits))
            }
        });
        let run =
            limits.map_or(Cow::Borrowed(run), |limits| Cow::Owned(truncate_header(run, limits)));
        Event {
            dataset: "nmap.script",
            kind: ecs.event_kind.as_str(),
            categories: &["host"],
            kinds: &["info"],
            id,
            action: None,
            outcome: outcome(host.complete),
            reason: None,
            time: view.time,
            times: (host.start_time, host.end_time),
            truncated: !host.complete,
        }
        .write(ecs, &run, out);
        let words = ["script", &found.name];
        match &place {
            Some(port) => view.port_message(key!("message"), port, &words, out),
            None => text(key!("message"), out, |out| {
                use std::fmt::Write as _;
                let _ = write!(out, "{} script {}", view.address(), found.name);
            }),
        }
        out.extend_from_slice(&prefix.host);
        if let Some(port) = &place {
            port::place(&view, &destination(&view), port, out);
        }
        let scope = if place.is_some() { ScriptScope::Port } else { ScriptScope::Host };
        write_container(key!("nmap"), OBJECT, out, |out| {
            write_container(key!("scan"), OBJECT, out, |out| scan_members(&run, out));
            write_container(key!("script"), OBJECT, out, |out| {
                write_members!(out, "scope": scope.as_str());
                script(found, out);
            });
            write_members!(out, "line_truncated": (limits.is_some() || prefix.cut).then_some(true));
        });
    };
    ecs.line(id, out, &mut |limits, out| match limits {
        None => write(found, None, out),
        Some(limits) => write(&truncate_record(found, limits), Some(limits), out),
    });
}
