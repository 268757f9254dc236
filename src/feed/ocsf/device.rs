//! Objects `device` and `observables`.

use super::{Ocsf, Version, millis};
use crate::{
    feed::host_view::{HostView, best_match, good_match, ips, protocol_number},
    model::{CowStr, Host, OsClass, PortState, Timestamp},
    text::json::{
        ARRAY, OBJECT, WriteJson as _, key, write_container, write_members, write_objects,
    },
};

/// Writes `device` and `observables`. `ports` is the host whose open ports are included, if any.
pub(super) fn device(
    ocsf: &Ocsf,
    view: &HostView<'_>,
    ports: Option<&Host<'_>>,
    out: &mut Vec<u8>,
) {
    let host = view.host;
    let ip = host.ip().filter(|address| address.ip.is_some()).map(|address| &address.text);
    let mac = host.mac().filter(|address| is_mac(&address.text));
    let (first, last) = view.seen();
    let hostname = host.hostname().map(|name| &name.name);
    write_container(key!("device"), OBJECT, out, |out| {
        let (id, kind) = kind(best_match(host).and_then(|(_, class)| class?.kind.as_deref()));
        write_members!(out,
            "type_id": id,
            "type": kind,
            "uid": &view.ids.host_key,
            "name": view.name().as_ref(),
            "hostname": hostname,
            "ip": ip,
            "mac": mac.map(|mac| &mac.text),
        );
        if ocsf.version >= Version::V1_8 {
            write_members!(out, "mac_vendor": mac.and_then(|mac| mac.vendor.as_ref()));
        }
        write_members!(out,
            "first_seen_time": first.map(millis),
            "last_seen_time": last.map(millis),
            "boot_time": boot_time(host).map(millis),
        );
        system(host, ocsf.min_os_accuracy, out);
        write_container(key!("network_interfaces"), ARRAY, out, |out| {
            interfaces(host, mac.map(|mac| &mac.text), ports, out);
        });
    });
    let seen = [
        ("device.ip", 2, "IP Address", ip),
        ("device.hostname", 1, "Hostname", hostname),
        ("device.mac", 3, "MAC Address", mac.map(|mac| &mac.text)),
    ];
    write_objects(key!("observables"), seen, out, |(name, id, kind, value), out| {
        if value.is_some() {
            write_members!(out, "name": name, "type_id": id, "type": kind, "value": value);
        }
    });
}

/// Returns the OCSF number and name of a device type.
fn kind(kind: Option<&str>) -> (i32, &str) {
    match kind {
        None | Some("general purpose") => (0, "Unknown"),
        Some("router" | "broadband router") => (12, "Router"),
        Some("switch") => (10, "Switch"),
        Some("hub") => (11, "Hub"),
        Some("firewall") => (9, "Firewall"),
        Some("load balancer") => (15, "Load Balancer"),
        Some("phone") => (5, "Mobile"),
        Some("webcam" | "media device" | "power-device" | "VoIP phone" | "PBX") => (7, "IOT"),
        Some(other) => (99, other),
    }
}

/// Returns true if a text consists of six octets.
fn is_mac(text: &str) -> bool {
    let octet = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split(':').count() == 6 && text.split(':').all(octet)
}

fn boot_time(host: &Host<'_>) -> Option<Timestamp> {
    let seconds =
        host.end_time?.seconds().checked_sub(host.uptime_s.filter(|seconds| *seconds >= 0)?)?;
    Timestamp::from_seconds(seconds)
}

/// Writes the operating system of the best match, if its accuracy is at least `least`.
fn system(host: &Host<'_>, least: i32, out: &mut Vec<u8>) {
    let Some((found, class)) = good_match(host, least) else { return };
    let Some(name) = &found.name else { return };
    let family = class.and_then(|class: &OsClass<'_>| class.family.as_deref());
    let (id, kind) = match family {
        Some("Linux") => (200, Some("Linux")),
        Some("Windows") => (100, Some("Windows")),
        Some("Android") => (201, Some("Android")),
        Some("macOS" | "Mac OS X") => (300, Some("macOS")),
        Some("iOS") => (301, Some("iOS")),
        Some("Solaris") => (400, Some("Solaris")),
        Some("AIX") => (401, Some("AIX")),
        Some("HP-UX") => (402, Some("HP-UX")),
        other => (99, other),
    };
    write_container(key!("os"), OBJECT, out, |out| {
        write_members!(out,
            "name": name,
            "type_id": id,
            "type": kind,
            "version": class.and_then(|class| class.generation.as_ref()),
            "cpe_name": class.and_then(|class| class.cpes.first()),
        );
    });
}

/// Writes one interface per address. The ports are in the first.
fn interfaces(
    host: &Host<'_>,
    mac: Option<&CowStr<'_>>,
    ports: Option<&Host<'_>>,
    out: &mut Vec<u8>,
) {
    let hostname = host.hostname().map(|name| &name.name);
    let addresses = ips(host).map(|address| Some(&address.text));
    let alone = ips(host).next().is_none() && (mac.is_some() || hostname.is_some());
    for (place, ip) in addresses.chain(alone.then_some(None)).enumerate() {
        write_container(",", OBJECT, out, |out| {
            let first = place == 0;
            write_members!(out,
                "ip": ip,
                "hostname": hostname,
                "mac": mac.filter(|_| first),
                "type_id": 0,
                "type": "Unknown",
            );
            if let Some(host) = ports.filter(|_| first) {
                let open = host.ports.iter().filter(|port| port.state == PortState::Open);
                let numbered = open.filter_map(|port| {
                    let number = protocol_number(&port.protocol).filter(|number| *number != 1)?;
                    Some((port, number))
                });
                write_objects(key!("open_ports"), numbered, out, |(port, number), out| {
                    i64::from(port.number).write_member(key!("port"), out);
                    write_members!(out, "protocol_name": port.protocol.as_str(), "protocol_num": number);
                });
            }
        });
    }
}
