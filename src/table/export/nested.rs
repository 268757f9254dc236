//! Prints the JSON Schema of nested JSONL. The members of an object are the columns that `schema` marks as nested; the
//! objects around them, and members that are not columns, are defined here and in `feed::nested`, which writes the
//! lines. A test compares the two, member by member.

use super::{
    document::{Json, object},
    json_schema::{Members, Shape, described, one_of, refer},
};
use crate::table::{Column, Table};

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
    host.append(only(Table::Hosts, &["host_id", "host_index", "host_key"]));
    host.append(nested(Table::Hosts));
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
    let mut matches = nested(Table::OsMatches);
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
    nested(Table::OsClasses).object("A class of operating systems.")
}

fn port() -> Members {
    let mut port = nested(Table::Ports);
    port.push("expanded", object! {"const": true}, false);
    port.push("services", list(refer("service")), false);
    port.push("scripts", list(refer("script")), false);
    port
}

fn service() -> Members {
    nested(Table::Services)
}

fn script() -> Members {
    let mut script = nested(Table::Scripts);
    script.push("origin", object! {"const": "engine"}, false);
    script
}

fn trace() -> Json {
    let hop = nested(Table::Hops);
    let mut trace = only(Table::Hops, &["proto"]);
    trace.append(renamed(Table::Hops, "trace_port", "port"));
    trace.push("hops", list(hop.object("")), false);
    trace.object("A route to the host.")
}

/// Returns the schema of a list, which is left out if it is empty.
fn list(items: Json) -> Json {
    object! {"type": "array", "minItems": 1, "items": items}
}

/// Returns the columns that are members of the object that shows a row.
fn nested(table: Table) -> Members {
    members(table, |column| column.nested)
}

fn only(table: Table, names: &[&str]) -> Members {
    members(table, |column| names.contains(&column.field.name))
}

fn without(table: Table, names: &[&str]) -> Members {
    members(table, |column| !names.contains(&column.field.name))
}

fn members(table: Table, keep: impl Fn(&Column) -> bool) -> Members {
    let mut members = Members::default();
    for column in table.columns().iter().filter(|column| keep(column)) {
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
