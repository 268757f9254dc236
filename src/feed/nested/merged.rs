//! Line of a merged host.

use super::{line, members, os, port::port_members, scan, script, trace};
use crate::{
    model::{MergedHost, ScanHeader, ScanIndex},
    table::{MergedColumns, NestedMembers, conflict_row},
    text::json::{OBJECT, key, write_container, write_members, write_objects},
};

/// Writes the line of a merged host. It extends that of [`host_line`](super::host_line) by the scans that
/// contributed, the times at which the host and each of its ports were seen, and the scan of each port, service and
/// script. `scans` are the scans of the merge.
pub fn merged_line(merged: &MergedHost<'_>, scans: &[&ScanHeader], out: &mut Vec<u8>) {
    let of = |number: ScanIndex| {
        usize::try_from(number).ok().and_then(|number| scans.get(number)).copied()
    };
    let id = |number: ScanIndex| of(number).map(|run| &*run.scan_id);
    let MergedHost { host_key, host_id, host, provenance, .. } = merged;
    let contributing: Vec<&str> = provenance.scans.iter().filter_map(|scan| id(*scan)).collect();
    let columns = MergedColumns::new(merged, &contributing);
    line("host", out, |out| {
        if let Some(run) = of(provenance.status) {
            scan(run, out);
        }
        write_members!(out, "host_id": host_id, "host_index": host.index, "host_key": host_key);
        members(host, out);
        columns.host(&mut NestedMembers(out));
        if !host.os.is_empty() {
            write_container(key!("os"), OBJECT, out, |out| os(&host.os, out));
        }
        let ports = host.ports.iter().zip(&provenance.ports);
        write_objects(key!("ports"), ports, out, |(found, origin), out| {
            port_members(found, out);
            write_objects(key!("services"), &found.services, out, |found, out| {
                members(found, out);
                write_members!(out, "scan_id": id(origin.services));
            });
            write_objects(key!("scripts"), &found.scripts, out, |found, out| {
                script(found, out);
                write_members!(out, "scan_id": id(origin.scripts));
            });
            write_members!(out, "scan_id": id(origin.scan));
            columns.port(found, origin.seen, &mut NestedMembers(out));
        });
        let scripts = host.scripts.iter().zip(&provenance.scripts);
        write_objects(key!("scripts"), scripts, out, |(found, scan), out| {
            script(found, out);
            write_members!(out, "scan_id": id(*scan));
        });
        write_objects(key!("trace"), &host.traces, out, trace);
        write_objects(key!("conflicts"), &merged.conflicts, out, |lost, out| {
            let (winner, loser) = (id(lost.winner), id(lost.loser));
            let row = conflict_row(lost, winner.unwrap_or_default(), loser.unwrap_or_default());
            row.cells(&mut NestedMembers(out));
        });
    });
}
