//! Prints the JSON Schema of nested JSONL. The positions of columns are defined here and in the feed that writes the
//! lines; a test compares the two, member by member.

use super::{
    document::{Json, object},
    json_schema::{Members, Shape, described, one_of, refer},
};
use crate::table::Table;

/// Prints the schema of a line of any `_type`.
pub(super) fn print() -> String {
    let mut host = host();
    host.push("ports", list(refer("port")), false);
    host.push("scripts", list(refer("script")), false);
    host.push("trace", list(trace()), false);
    lines(
        host.object("A host with everything that was found on it."),
        (port(), service(), script()),
    )
}

/// Prints the schema of lines of a merge, with the additional members of hosts, ports, services and scripts, and the
/// conflicts.
pub(super) fn print_merged() -> String {
    let mut port = port();
    port.append(only(Table::Ports, &["scan_id"]));
    port.append(of_merges(Table::Ports));
    let (mut service, mut script) = (service(), script());
    service.append(only(Table::Services, &["scan_id"]));
    script.append(only(Table::Ports, &["scan_id"]));
    let mut host = host();
    host.append(of_merges(Table::Hosts));
    host.push("ports", list(refer("port")), false);
    host.push("scripts", list(refer("script")), false);
    host.push("trace", list(trace()), false);
    let conflict = without(Table::Conflicts, &["host_key"]);
    host.push("conflicts", list(conflict.object("A value that lost.")), false);
    lines(
        host.object("A host with everything that the scans found on it."),
        (port, service, script),
    )
}

fn lines(host: Json, (port, service, script): (Members, Members, Members)) -> String {
    let lines = vec![("host", host), ("scan", scan()), ("event", event())];
    let shared = vec![
        ("port", port.object("A port.")),
        ("service", service.object("A service on a port.")),
        ("script", script.object("The result of a script.")),
        ("os_class", os_class()),
    ];
    one_of("nested", "A line of nested JSONL: a host, a scan or an event.", lines, shared).print()
}

/// Returns the members of a host up to its operating system.
fn host() -> Members {
    let mut scan = only(Table::Scans, &["scan_id", "scanner", "scanner_version", "args"]);
    scan.push("args_truncated", object! {"const": true}, false);
    scan.append(only(Table::Scans, &["start_time"]));
    let mut host = line("host");
    host.push(
        "scan",
        scan.object("Scan that the host belongs to; args of more than 1 KiB are cut."),
        true,
    );
    let elsewhere = ["scan_id", "ip_bytes", "os_fingerprints", "os_ports_used"];
    host.append(without(Table::Hosts, &elsewhere));
    host.push("os", os(), false);
    host
}

/// Returns the columns that a table has only in the result of a merge.
fn of_merges(table: Table) -> Members {
    let mut members = Members::default();
    for column in table.merged_columns() {
        members.push_field(&column.field, Shape::Nested);
    }
    members
}

fn scan() -> Json {
    let mut script_of_run = only(Table::Scripts, &["scope"]);
    script_of_run.append(script());
    let mut scan = line("scan");
    scan.append(without(Table::Scans, &[]));
    scan.push("scripts", list(script_of_run.object("")), false);
    scan.object("A scan that has ended.")
}

fn event() -> Json {
    let mut event = line("event");
    event.append(without(Table::Events, &[]));
    event.object("An event during a scan.")
}

fn line(kind: &str) -> Members {
    let mut members = Members::default();
    members.push("_type", object! {"const": kind}, true);
    members
}

fn os() -> Json {
    let mut matches = only(Table::OsMatches, &["name", "accuracy", "line"]);
    matches.push("classes", list(refer("os_class")), false);
    let mut os = Members::default();
    os.push("matches", list(matches.object("")), false);
    os.push("classes", list(refer("os_class")), false);
    os.append(renamed(Table::Hosts, "os_fingerprints", "fingerprints"));
    os.append(renamed(Table::Hosts, "os_ports_used", "ports_used"));
    os.object(
        "Results of operating system detection; classes without a match are next to the matches.",
    )
}

fn os_class() -> Json {
    let above = ["scan_id", "host_id", "class_index", "match_index"];
    without(Table::OsClasses, &above).object("A class of operating systems.")
}

fn port() -> Members {
    let elsewhere = ["scan_id", "host_id", "ip", "port_index", "expanded"];
    let mut port = without(Table::Ports, &elsewhere);
    port.push("expanded", object! {"const": true}, false);
    port.push("services", list(refer("service")), false);
    port.push("scripts", list(refer("script")), false);
    port
}

fn service() -> Members {
    let above = ["scan_id", "host_id", "protocol", "port", "service_index", "ip"];
    without(Table::Services, &above)
}

fn script() -> Members {
    let mut script = only(Table::Scripts, &["name", "output", "data"]);
    script.push("origin", object! {"const": "engine"}, false);
    script
}

fn trace() -> Json {
    let hop = only(Table::Hops, &["ttl", "rtt_ms", "ip", "hostname"]);
    let mut trace = only(Table::Hops, &["proto"]);
    trace.append(renamed(Table::Hops, "trace_port", "port"));
    trace.push("hops", list(hop.object("")), false);
    trace.object("A route to the host.")
}

/// Returns the schema of a list, which is left out if it is empty.
fn list(items: Json) -> Json {
    object! {"type": "array", "minItems": 1, "items": items}
}

fn only(table: Table, names: &[&str]) -> Members {
    members(table, |name| names.contains(&name))
}

fn without(table: Table, names: &[&str]) -> Members {
    members(table, |name| !names.contains(&name))
}

fn members(table: Table, keep: impl Fn(&str) -> bool) -> Members {
    let mut members = Members::default();
    for column in table.columns().iter().filter(|column| keep(column.field.name)) {
        members.push_field(&column.field, Shape::Nested);
    }
    members
}

/// Returns an optional column under another name.
fn renamed(table: Table, column: &str, name: &'static str) -> Members {
    let mut members = Members::default();
    for column in table.columns().iter().filter(|found| found.field.name == column) {
        members.push(name, described(&column.field, Shape::Nested), false);
    }
    members
}
