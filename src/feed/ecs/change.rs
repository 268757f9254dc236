//! Events for differences between two states (docs/siem.md, "Changes").

use std::borrow::Cow;

use super::{
    event::{Event, hyphens, outcome, scan_members},
    options::Ecs,
    port::application,
};
use crate::{
    feed::{
        host_view::{has_ports, is_ip, plain_name, protocol_number, text},
        truncate::{short_id_part, truncate_header, truncate_str},
    },
    model::{
        Change, ChangeKind, ChangedService, ComparedScans, HostChanges, Protocol, ScanHeader,
        Timestamp, id_of_parts,
    },
    text::json::{OBJECT, key, write_array, write_container, write_members},
};

/// Writes an event for each change of a host and returns their number. A value that one state did not look for is not
/// a change.
///
/// ```
/// use scanmill::{
///     feed::ecs::{Ecs, changes},
///     model::{Change, ChangeKind, ComparedScans, HostChanges},
/// };
/// let change = Change {
///     host_key: "ip:192.0.2.1".into(),
///     ip: Some("192.0.2.1".into()),
///     protocol: Some("tcp".into()),
///     port: Some(22),
///     ports: None,
///     kind: ChangeKind::Appeared,
///     column: "state".into(),
///     old: None,
///     new: Some("open".into()),
///     old_scan_id: None,
///     new_scan_id: Some("9f".into()),
///     old_time: None,
///     new_time: None,
///     old_service: None,
///     new_service: None,
/// };
/// let host = HostChanges { is_there: true, changes: vec![change], ..HostChanges::default() };
/// let mut lines = Vec::new();
/// assert_eq!(changes(&Ecs::default(), &host, &ComparedScans::default(), &mut lines), 1);
/// let line: serde_json::Value = serde_json::from_slice(&lines)?;
/// assert_eq!(line["event"]["action"], "port-opened");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn changes(ecs: &Ecs, host: &HostChanges, scans: &ComparedScans, out: &mut Vec<u8>) -> u64 {
    let lines = host.changes.iter().map(|change| change_line(ecs, (host, change), scans, out));
    lines.fold(0, |sum, line| sum.saturating_add(u64::from(line)))
}

/// Writes the event for one difference of a host. `scans` are the scans of the two states. Returns false and writes
/// nothing if the difference is not a change because one state did not look for the value.
pub(crate) fn change_line(
    ecs: &Ecs,
    (host, change): (&HostChanges, &Change),
    scans: &ComparedScans,
    out: &mut Vec<u8>,
) -> bool {
    let Some(action) = action(change) else { return false };
    let content = ChangeEvent::of((host, change), scans, action);
    ecs.line(&content.id, out, &mut |limits, out| match limits {
        None => event(ecs, &content, usize::MAX, out),
        Some(limits) => {
            let run = truncate_header(&content.run, limits);
            event(
                ecs,
                &ChangeEvent { run: Cow::Owned(run), ..content.clone() },
                limits.text(),
                out,
            );
        }
    });
    true
}

/// Contents of an event.
#[derive(Clone)]
struct ChangeEvent<'t> {
    host: &'t HostChanges,
    change: &'t Change,
    action: &'static str,
    id: String,
    /// Scan of the newer observation.
    run: Cow<'t, ScanHeader>,
    /// Scans of the older and the newer state, also if they do not have the host.
    scan_ids: [Option<&'t str>; 2],
    time: Option<Timestamp>,
}

impl<'t> ChangeEvent<'t> {
    fn of(
        (host, change): (&'t HostChanges, &'t Change),
        scans: &'t ComparedScans,
        action: &'static str,
    ) -> Self {
        let old = change.old_scan_id.as_ref().or(scans.old.as_ref().map(|scan| &scan.scan_id));
        let new = change.new_scan_id.as_ref().or(scans.new.as_ref().map(|scan| &scan.scan_id));
        let run = new.or(old).and_then(|id| scans.headers.get(id));
        let scan_ids = [old.map(String::as_str), new.map(String::as_str)];
        let latest = scans.new.as_ref().and_then(|scan| scan.time);
        Self {
            host,
            change,
            action,
            id: change_id(change, action, scan_ids),
            run: run.map_or_else(Cow::default, Cow::Borrowed),
            scan_ids,
            time: change.new_time.or(latest).or(change.old_time),
        }
    }
}

/// Returns the action of a change; `None` if a state did not look for the value.
fn action(change: &Change) -> Option<&'static str> {
    let kind = change.kind;
    if !kind.is_change() {
        return None;
    }
    let (old, new) = (change.old.as_deref(), change.new.as_deref());
    let is_of_port = change.port.is_some() || change.ports.is_some();
    Some(match change.column.as_str() {
        "host" if kind == ChangeKind::Moved => "host-moved",
        "host" if kind == ChangeKind::Gone => "host-gone",
        "host" => "host-appeared",
        "state" if is_of_port => match (old, new) {
            (_, Some("open")) => "port-opened",
            (Some("open"), None | Some("closed")) => "port-closed",
            _ => "port-state-changed",
        },
        "state" if new == Some("up") => "host-up",
        "state" => "host-down",
        "extra_ports" => "port-state-changed",
        "os" => "os-changed",
        "hostnames" => "hostname-changed",
        "trace" => "route-changed",
        "addresses" | "mac" => "address-changed",
        column if column.starts_with("script") => "script-changed",
        _ => "service-changed",
    })
}

fn change_id(change: &Change, action: &str, [old, new]: [Option<&str>; 2]) -> String {
    let port = change.port.map(|port| port.to_string()).or_else(|| change.ports.clone());
    id_of_parts(&[
        "scanmill.change.v1",
        old.unwrap_or_default(),
        new.unwrap_or_default(),
        &change.host_key,
        change.protocol.as_deref().unwrap_or_default(),
        &port.unwrap_or_default(),
        action,
        &change.column,
    ])
}

/// Writes the members of an event. Texts are cut to `bytes` bytes.
fn event(ecs: &Ecs, content: &ChangeEvent<'_>, bytes: usize, out: &mut Vec<u8>) {
    let &ChangeEvent { host, change, action, ref id, ref run, time, .. } = content;
    let event = Event {
        dataset: DATASET,
        kind: "event",
        categories: &["host"],
        kinds: &["change"],
        id,
        action: Some(action),
        outcome: outcome(host.complete),
        reason: None,
        time,
        times: (host.start_time, host.end_time),
        truncated: !host.complete,
    };
    event.write(ecs, run, out);
    let hostname = host.hostname.as_deref().and_then(|name| truncate_str(name, bytes));
    let plain = hostname.map(plain_name).filter(|name| !name.is_empty());
    let ip = change.ip.as_deref().filter(|ip| is_ip(ip));
    let shown = change.ip.as_deref().unwrap_or(&change.host_key);
    text(key!("message"), out, |out| {
        message(truncate_str(shown, bytes), (change, action), bytes, out);
    });
    write_container(key!("host"), OBJECT, out, |out| {
        write_members!(out, "id": &*short_id_part(&change.host_key));
        write_array(key!("ip"), ip, out);
        let address = change.ip.as_deref().or_else(|| change.host_key.strip_prefix("mac:"));
        let address = address.and_then(|address| truncate_str(address, bytes));
        write_members!(out, "name": plain.as_deref().or(address));
    });
    write_container(key!("related"), OBJECT, out, |out| {
        write_array(key!("ip"), ip, out);
        write_array(key!("hosts"), hostname, out);
    });
    if let Some(protocol) = &change.protocol {
        place(content, (ip, plain.as_deref()), (protocol, change.port), bytes, out);
    }
    nmap_members(content, bytes, out);
}

/// Writes `nmap`: the scan and the change. Texts are cut to `bytes` bytes.
fn nmap_members(content: &ChangeEvent<'_>, bytes: usize, out: &mut Vec<u8>) {
    let &ChangeEvent { change, ref run, scan_ids: [old_scan, new_scan], .. } = content;
    write_container(key!("nmap"), OBJECT, out, |out| {
        write_container(key!("scan"), OBJECT, out, |out| scan_members(run, out));
        write_container(key!("change"), OBJECT, out, |out| {
            write_members!(out,
                "kind": change.kind.as_str(),
                "column": truncate_str(&change.column, bytes),
                "ports": change.ports.as_deref().and_then(|ports| truncate_str(ports, bytes)),
                "first_look": (change.kind == ChangeKind::FirstSeen).then_some(true),
                "old": change.old.as_deref().and_then(|old| truncate_str(old, bytes)),
                "new": change.new.as_deref().and_then(|new| truncate_str(new, bytes)),
                "old_time": change.old_time,
                "new_time": change.new_time,
                "old_scan_id": old_scan,
                "new_scan_id": new_scan,
            );
        });
        write_members!(out, "line_truncated": (bytes < usize::MAX).then_some(true));
    });
}

const DATASET: &str = "nmap.change";
/// Maximum length of a value in a message, in bytes.
const SHOWN: usize = 120;

fn message(
    host: Option<&str>,
    (change, action): (&Change, &str),
    bytes: usize,
    out: &mut dyn std::fmt::Write,
) {
    let brief = |value: &str| truncate_str(value, bytes.min(SHOWN)).unwrap_or_default().to_owned();
    let _ = write!(out, "{}", host.unwrap_or_default());
    if let Some(protocol) = &change.protocol {
        let _ = write!(out, " {}", truncate_str(protocol, bytes).unwrap_or_default());
    }
    let _ = match (change.port, &change.ports) {
        (Some(port), _) => write!(out, "/{port}"),
        (None, Some(ports)) => write!(out, "/{}", brief(ports)),
        (None, None) => Ok(()),
    };
    let _ = write!(out, " {action}");
    let _ = match (&change.old, &change.new) {
        (Some(old), Some(new)) => write!(out, ": {} -> {}", brief(old), brief(new)),
        (Some(value), None) | (None, Some(value)) => write!(out, ": {}", brief(value)),
        (None, None) => Ok(()),
    };
}

/// Writes the location of the port, and its service.
fn place(
    &ChangeEvent { host, change, .. }: &ChangeEvent<'_>,
    (ip, domain): (Option<&str>, Option<&str>),
    (name, port): (&str, Option<i32>),
    bytes: usize,
    out: &mut Vec<u8>,
) {
    let protocol = Protocol::from_name(name.into());
    write_container(key!("destination"), OBJECT, out, |out| {
        write_members!(out,
            "ip": ip,
            "port": port.filter(|_| has_ports(&protocol)),
            "address": truncate_str(change.ip.as_deref().unwrap_or(&change.host_key), bytes),
            "domain": domain,
        );
        if let Some(mac) = host.mac.as_deref().and_then(|mac| truncate_str(mac, bytes)) {
            hyphens(key!("mac"), mac, out);
        }
    });
    let service = change.new_service.as_ref().or(change.old_service.as_ref());
    let of_service = |part: fn(&ChangedService) -> &Option<String>| {
        service
            .and_then(|service| part(service).as_deref())
            .and_then(|text| truncate_str(text, bytes))
    };
    let service_name = of_service(|service| &service.name);
    let number = protocol_number(&protocol);
    let transport =
        if protocol == Protocol::Ip { service_name } else { number.is_some().then_some(name) };
    let family = ip.map(|ip| if ip.contains(':') { "ipv6" } else { "ipv4" });
    write_container(key!("network"), OBJECT, out, |out| {
        let number = number.or(port.filter(|_| protocol == Protocol::Ip));
        write_members!(out,
            "type": family,
            "transport": transport,
            "iana_number": number.map(|number| number.to_string()).as_deref(),
            "protocol": application(service_name, of_service(|service| &service.tunnel)).as_ref(),
        );
    });
    write_container(key!("service"), OBJECT, out, |out| {
        write_members!(out, "name": service_name, "version": of_service(|service| &service.version));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: ChangeKind, column: &str, port: Option<i32>) -> Change {
        Change {
            host_key: "ip:192.0.2.1".into(),
            ip: Some("192.0.2.1".into()),
            protocol: port.map(|_| "tcp".into()),
            port,
            ports: None,
            kind,
            column: column.into(),
            old: None,
            new: None,
            old_scan_id: Some("a".into()),
            new_scan_id: Some("b".into()),
            old_time: None,
            new_time: None,
            old_service: None,
            new_service: None,
        }
    }

    #[test]
    fn states_of_ports_have_their_actions() {
        use ChangeKind::{Appeared, Changed, Gone};
        for (kind, old, new, expected) in [
            (Appeared, None, Some("open"), "port-opened"),
            (Appeared, Some("closed"), Some("open"), "port-opened"),
            (Appeared, None, Some("closed"), "port-state-changed"),
            (Gone, Some("open"), None, "port-closed"),
            (Gone, Some("open"), Some("closed"), "port-closed"),
            (Gone, Some("open"), Some("filtered"), "port-state-changed"),
            (Changed, Some("filtered"), Some("closed"), "port-state-changed"),
            (Changed, Some("open|filtered"), Some("open"), "port-opened"),
        ] {
            let text = |text: Option<&str>| text.map(str::to_owned);
            let change =
                Change { old: text(old), new: text(new), ..change(kind, "state", Some(22)) };
            assert_eq!(action(&change), Some(expected), "{old:?} to {new:?}");
        }
    }

    #[test]
    fn columns_have_their_actions() {
        use ChangeKind::{Appeared, Changed, FirstSeen, Gone, Moved, NotScanned};
        for (kind, column, port, expected) in [
            (Appeared, "host", None, Some("host-appeared")),
            (Gone, "host", None, Some("host-gone")),
            (Moved, "host", None, Some("host-moved")),
            (NotScanned, "state", None, None),
            (Changed, "service.version", Some(22), Some("service-changed")),
            (Changed, "script.ssh-hostkey", Some(22), Some("script-changed")),
            (Appeared, "script.smb-os", None, Some("script-changed")),
            (Changed, "os", None, Some("os-changed")),
            (Changed, "hostnames", None, Some("hostname-changed")),
            (Changed, "addresses", None, Some("address-changed")),
            (Changed, "mac", None, Some("address-changed")),
            (Changed, "trace", None, Some("route-changed")),
            (Changed, "extra_ports", None, Some("port-state-changed")),
            (NotScanned, "state", Some(22), None),
            (NotScanned, "service", Some(22), None),
        ] {
            assert_eq!(action(&change(kind, column, port)), expected, "{column}");
        }
        for (state, expected) in [("up", "host-up"), ("down", "host-down")] {
            let now = Change { new: Some(state.into()), ..change(Changed, "state", None) };
            assert_eq!(action(&now), Some(expected), "{state}");
        }
        let first = Change { new: Some("open".into()), ..change(FirstSeen, "state", Some(22)) };
        assert_eq!(action(&first), Some("port-opened"));
    }

    fn line(change: &Change) -> serde_json::Value {
        let mut out = Vec::new();
        let host = HostChanges { hostname: Some("a.example".into()), ..HostChanges::default() };
        let (ecs, scans) = (Ecs::default(), ComparedScans::default());
        assert!(change_line(&ecs, (&host, change), &scans, &mut out));
        assert!(out.len() <= crate::feed::DEFAULT_MAX_LINE_BYTES + 1);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn values_of_messages_are_data() {
        let text = |text: &str| Some(text.to_owned());
        let closed = Change { old: text("open"), ..change(ChangeKind::Gone, "state", Some(22)) };
        assert_eq!(line(&closed)["message"], "192.0.2.1 tcp/22 port-closed: open");
        let first =
            Change { new: text("open"), ..change(ChangeKind::FirstSeen, "state", Some(22)) };
        let first = line(&first);
        assert_eq!(first["message"], "192.0.2.1 tcp/22 port-opened: open");
        assert_eq!(first["nmap"]["change"]["first_look"], true);
        let range = Change {
            protocol: text("tcp"),
            ports: text("1-21,23-100"),
            old: text("closed"),
            new: text("filtered"),
            ..change(ChangeKind::Changed, "state", None)
        };
        let range = line(&range);
        assert_eq!(
            range["message"],
            "192.0.2.1 tcp/1-21,23-100 port-state-changed: closed -> filtered"
        );
        assert_eq!(range["nmap"]["change"]["ports"], "1-21,23-100");
        assert!(range["destination"].get("port").is_none());
        assert_eq!(range["network"]["transport"], "tcp");
    }

    #[test]
    fn long_values_are_cut_and_ids_stay() {
        let long = Change {
            new: Some("\u{e9}".repeat(50_000)),
            ..change(ChangeKind::Changed, "script.x", None)
        };
        let short = Change { new: Some("x".into()), ..long.clone() };
        let (long, short) = (line(&long), line(&short));
        assert_eq!(long["event"]["id"], short["event"]["id"]);
        assert_eq!(long["nmap"]["line_truncated"], true);
        assert!(long["nmap"]["change"]["new"].as_str().unwrap().len() > 20_000);
        assert!(short["nmap"].get("line_truncated").is_none());
    }
}
