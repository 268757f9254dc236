//! Elements between the start and the end of a scan: hosts, tasks, host hints and skipped targets.
//!
//! The order of elements and attributes is that in which nmap writes them.

use super::{
    element::{Place, Required, Value, attributes, escape},
    script::{script, scripts},
};
use crate::model::{
    Address, CowStr, ExtraPorts, Host, HostHint, OsClass, OsDetection, Port, PortState,
    ScanActivity, Sequence, Service, TargetSkipped, Task, TcpSequence, Trace,
};

/// Writes a host.
pub(super) fn host(host: &Host<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<host");
    attributes!(out,
        "starttime": host.start_time,
        "endtime": host.end_time,
        "timedout": host.timed_out,
        "comment": &host.comment,
    );
    out.push(b'>');
    let status = &host.status;
    write_status(status.state.as_str(), status.reason.as_deref(), status.reason_ttl, out);
    host.addresses.iter().for_each(|address| write_address(address, out));
    out.extend_from_slice(b"<hostnames>\n");
    for name in &host.hostnames {
        write_hostname(&name.name, name.kind.as_deref(), out);
    }
    out.extend_from_slice(b"</hostnames>\n");
    if let Some(responses) = host.smurf_responses {
        empty("<smurf", out, |out| attributes!(out, "responses": responses));
    }
    write_ports(host, out);
    write_os(&host.os, out);
    write_details(host, out);
    scripts("hostscript", &host.scripts, out);
    host.traces.iter().for_each(|trace| write_trace(trace, out));
    let times = [host.srtt_us, host.rttvar_us, host.timeout_us];
    if times.iter().any(Option::is_some) {
        // nmap writes -1 for an unknown time.
        let [srtt, rttvar, timeout] = times.map(|time| time.unwrap_or(-1));
        empty("<times", out, |out| {
            attributes!(out, "srtt": srtt, "rttvar": rttvar, "to": timeout);
        });
    }
    out.extend_from_slice(b"</host>\n");
}

/// Writes a task, host hint or skipped target.
pub(super) fn activity(activity: &ScanActivity, out: &mut Vec<u8>) {
    match activity {
        ScanActivity::Task(task) => write_task(task, out),
        ScanActivity::HostHint(hint) => write_hint(hint, out),
        ScanActivity::Target(target) => write_target(target, out),
    }
}

/// Writes an element without content. `start` is its name after `<`.
pub(super) fn empty(start: &str, out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(start.as_bytes());
    fill(out);
    out.extend_from_slice(b"/>\n");
}

fn write_status(state: &str, reason: Option<&str>, ttl: Option<i32>, out: &mut Vec<u8>) {
    empty("<status", out, |out| {
        attributes!(out,
            "state": state,
            "reason": Required(reason),
            "reason_ttl": Required(ttl),
        );
    });
}

fn write_address(address: &Address<'_>, out: &mut Vec<u8>) {
    empty("<address", out, |out| {
        let lead = " addr=\"";
        match &address.zone {
            None => (&address.text).put(lead, out),
            Some(zone) => format!("{}%{zone}", address.text).as_str().put(lead, out),
        }
        attributes!(out, "addrtype": address.kind.as_str(), "vendor": &address.vendor);
    });
}

fn write_hostname(name: &str, kind: Option<&str>, out: &mut Vec<u8>) {
    empty("<hostname", out, |out| attributes!(out, "name": name, "type": kind));
}

fn write_ports(host: &Host<'_>, out: &mut Vec<u8>) {
    // The lists of `extraports` contain the expanded ones.
    let mut ports = host.ports.iter().filter(|port| !port.expanded).peekable();
    if host.extra_ports.is_empty() && ports.peek().is_none() {
        return;
    }
    out.extend_from_slice(b"<ports>");
    host.extra_ports.iter().for_each(|extra| write_extra_ports(extra, out));
    ports.for_each(|port| write_port(port, out));
    out.extend_from_slice(b"</ports>\n");
}

fn write_extra_ports(extra: &ExtraPorts<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<extraports");
    let state = extra.state.as_ref().map(PortState::as_str);
    attributes!(out, "state": Required(state), "count": Required(extra.count));
    out.extend_from_slice(b">\n");
    for reason in &extra.reasons {
        empty("<extrareasons", out, |out| {
            attributes!(out,
                "reason": Required(&reason.reason),
                "count": Required(reason.count),
                "proto": &reason.proto,
                "ports": &reason.ports,
            );
        });
    }
    out.extend_from_slice(b"</extraports>\n");
}

/// Writes a port. nmap's grammar permits one service per port, so the element is repeated for each further service of
/// masscan; readers join repeated ports.
fn write_port(port: &Port<'_>, out: &mut Vec<u8>) {
    let mut services = port.services.iter();
    begin_port(port, out);
    if let Some(owner) = &port.owner {
        empty("<owner", out, |out| attributes!(out, "name": owner));
        out.pop();
    }
    services.by_ref().take(1).for_each(|service| write_service(service, out));
    port.scripts.iter().for_each(|result| script(result, out));
    out.extend_from_slice(b"</port>\n");
    for service in services {
        begin_port(port, out);
        write_service(service, out);
        out.extend_from_slice(b"</port>\n");
    }
}

fn begin_port(port: &Port<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<port");
    attributes!(out, "protocol": port.protocol.as_str(), "portid": port.number);
    out.extend_from_slice(b"><state");
    attributes!(out,
        "state": port.state.as_str(),
        "reason": Required(&port.reason),
        "reason_ttl": Required(port.reason_ttl),
        "reason_ip": &port.reason_ip,
    );
    out.extend_from_slice(b"/>");
}

fn write_service(service: &Service<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<service");
    attributes!(out,
        "name": Required(&service.name),
        "product": &service.product,
        "version": &service.version,
        "extrainfo": &service.extra_info,
        "hostname": &service.hostname,
        "ostype": &service.os_type,
        "devicetype": &service.device_type,
        "servicefp": &service.fingerprint,
        "tunnel": &service.tunnel,
        "proto": &service.rpc_proto,
        "rpcnum": service.rpc_num,
        "lowver": service.low_ver,
        "highver": service.high_ver,
        "method": &service.method,
        "conf": service.confidence,
        // masscan's, which nmap's grammar does not have.
        "banner": &service.banner,
    );
    if service.cpes.is_empty() {
        out.extend_from_slice(b"/>");
        return;
    }
    out.push(b'>');
    write_cpes(&service.cpes, out);
    out.extend_from_slice(b"</service>");
}

fn write_cpes(cpes: &[CowStr<'_>], out: &mut Vec<u8>) {
    for cpe in cpes {
        out.extend_from_slice(b"<cpe>");
        escape(cpe, Place::Content, out);
        out.extend_from_slice(b"</cpe>");
    }
}

fn write_os(os: &OsDetection<'_>, out: &mut Vec<u8>) {
    if os.is_empty() {
        return;
    }
    out.extend_from_slice(b"<os>");
    for used in &os.ports_used {
        let state = used.state.as_ref().map(PortState::as_str);
        empty("<portused", out, |out| {
            attributes!(out,
                "state": Required(state),
                "proto": Required(&used.proto),
                "portid": Required(used.port),
            );
        });
    }
    let owner = |class: &OsClass<'_>| {
        let index = usize::try_from(class.match_index?).ok()?;
        (index < os.matches.len()).then_some(index)
    };
    // Classes are sorted by match, those without a match first, as nmap before 6.00 writes them.
    let mut classes: Vec<&OsClass<'_>> = os.classes.iter().collect();
    classes.sort_by_key(|class| owner(class));
    let mut classes = classes.into_iter().peekable();
    while let Some(class) = classes.next_if(|class| owner(class).is_none()) {
        write_class(class, out);
    }
    for (index, found) in os.matches.iter().enumerate() {
        out.extend_from_slice(b"<osmatch");
        attributes!(out,
            "name": Required(&found.name),
            "accuracy": Required(found.accuracy),
            "line": Required(found.line),
        );
        out.extend_from_slice(b">\n");
        while let Some(class) = classes.next_if(|class| owner(class) == Some(index)) {
            write_class(class, out);
        }
        out.extend_from_slice(b"</osmatch>\n");
    }
    for print in &os.fingerprints {
        empty("<osfingerprint", out, |out| attributes!(out, "fingerprint": print));
    }
    out.extend_from_slice(b"</os>\n");
}

fn write_class(class: &OsClass<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<osclass");
    attributes!(out,
        "type": &class.kind,
        "vendor": Required(&class.vendor),
        "osfamily": Required(&class.family),
        "osgen": &class.generation,
        "accuracy": Required(class.accuracy),
    );
    out.push(b'>');
    write_cpes(&class.cpes, out);
    out.extend_from_slice(b"</osclass>\n");
}

/// Writes uptime, distance and sequences.
fn write_details(host: &Host<'_>, out: &mut Vec<u8>) {
    if host.uptime_s.is_some() || host.last_boot.is_some() {
        empty("<uptime", out, |out| {
            attributes!(out, "seconds": Required(host.uptime_s), "lastboot": &host.last_boot);
        });
    }
    if let Some(distance) = host.distance {
        empty("<distance", out, |out| attributes!(out, "value": distance));
    }
    let tcp = &host.tcp_sequence;
    if *tcp != TcpSequence::default() {
        empty("<tcpsequence", out, |out| {
            attributes!(out,
                "index": Required(tcp.index),
                "class": &tcp.class,
                "difficulty": Required(&tcp.difficulty),
                "values": Required(&tcp.values),
            );
        });
    }
    let ids = &host.ip_id_sequence;
    if *ids != Sequence::default() {
        empty("<ipidsequence", out, |out| {
            attributes!(out, "class": Required(&ids.class), "values": Required(&ids.values));
        });
    }
    let times = &host.tcp_ts_sequence;
    if *times != Sequence::default() {
        empty("<tcptssequence", out, |out| {
            attributes!(out, "class": Required(&times.class), "values": &times.values);
        });
    }
}

fn write_trace(trace: &Trace<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<trace");
    attributes!(out, "port": trace.port, "proto": &trace.proto);
    out.extend_from_slice(b">\n");
    for hop in &trace.hops {
        empty("<hop", out, |out| {
            attributes!(out, "ttl": Required(hop.ttl), "ipaddr": &hop.ip);
            match hop.rtt_ms {
                Some(rtt) => attributes!(out, "rtt": rtt),
                None => attributes!(out, "rtt": "--"),
            }
            attributes!(out, "host": &hop.hostname);
        });
    }
    out.extend_from_slice(b"</trace>\n");
}

fn write_task(task: &Task, out: &mut Vec<u8>) {
    out.push(b'<');
    empty(task.kind.as_str(), out, |out| {
        attributes!(out,
            "task": Required(&task.task),
            "time": Required(task.time),
            "percent": task.percent,
            "remaining": task.remaining_s,
            "etc": task.etc_time,
            "extrainfo": &task.extra_info,
        );
    });
}

fn write_hint(hint: &HostHint, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<hosthint>");
    if hint.state.is_some() || hint.reason.is_some() || hint.reason_ttl.is_some() {
        let state = hint.state.as_deref().unwrap_or_default();
        write_status(state, hint.reason.as_deref(), hint.reason_ttl, out);
    }
    if let Some(ip) = &hint.ip {
        let kind = if ip.contains(':') { "ipv6" } else { "ipv4" };
        empty("<address", out, |out| attributes!(out, "addr": ip, "addrtype": kind));
    }
    if hint.mac.is_some() || hint.mac_vendor.is_some() {
        empty("<address", out, |out| {
            attributes!(out,
                "addr": Required(&hint.mac),
                "addrtype": "mac",
                "vendor": &hint.mac_vendor,
            );
        });
    }
    out.extend_from_slice(b"<hostnames>\n");
    if let Some(name) = &hint.hostname {
        write_hostname(name, None, out);
    }
    out.extend_from_slice(b"</hostnames>\n</hosthint>\n");
}

fn write_target(target: &TargetSkipped, out: &mut Vec<u8>) {
    empty("<target", out, |out| {
        attributes!(out,
            "specification": Required(&target.specification),
            "status": &target.status,
            "reason": &target.reason,
        );
    });
}
