//! Line of a merged host.

use super::{facts, line, os, port::port_facts, scan, script, service, trace};
use crate::{
    json::{OBJECT, key, list, nest, objects, put},
    model::{MergedHost, ScanHeader, ScanIndex, SeenRange},
};

/// Writes the line of a merged host. It extends that of [`host_line`](super::host_line) by the scans that
/// contributed, the times at which the host and each of its ports were seen, and the scan of each port, service and
/// script. `scans` are the scans of the merge.
pub fn merged_line(merged: &MergedHost<'_>, scans: &[&ScanHeader], out: &mut Vec<u8>) {
    let of = |number: ScanIndex| {
        usize::try_from(number).ok().and_then(|number| scans.get(number)).copied()
    };
    let id = |number: ScanIndex| of(number).map(|run| &run.scan_id);
    let MergedHost { host_key, host_id, host, provenance, .. } = merged;
    line("host", out, |out| {
        if let Some(run) = of(provenance.status) {
            scan(run, out);
        }
        put!(out, "host_id": host_id, "host_index": host.index, "host_key": host_key);
        facts(host, out);
        list(key!("scan_ids"), provenance.scans.iter().filter_map(|scan| id(*scan)), out);
        seen(&provenance.seen, out);
        if !host.os.is_empty() {
            nest(key!("os"), OBJECT, out, |out| os(&host.os, out));
        }
        let ports = host.ports.iter().zip(&provenance.ports);
        objects(key!("ports"), ports, out, |(found, origin), out| {
            port_facts(found, out);
            objects(key!("services"), &found.services, out, |found, out| {
                service(found, out);
                put!(out, "scan_id": id(origin.services));
            });
            objects(key!("scripts"), &found.scripts, out, |found, out| {
                script(found, out);
                put!(out, "scan_id": id(origin.scripts));
            });
            put!(out, "scan_id": id(origin.scan));
            seen(&origin.seen, out);
        });
        let scripts = host.scripts.iter().zip(&provenance.scripts);
        objects(key!("scripts"), scripts, out, |(found, scan), out| {
            script(found, out);
            put!(out, "scan_id": id(*scan));
        });
        objects(key!("trace"), &host.traces, out, trace);
        objects(key!("conflicts"), &merged.conflicts, out, |lost, out| {
            put!(out,
                "protocol": &lost.protocol,
                "port": lost.port,
                "column": &lost.column,
                "item": &lost.item,
                "winner_scan_id": id(lost.winner),
                "winner_value": &lost.winner_value,
                "loser_scan_id": id(lost.loser),
                "loser_value": &lost.loser_value,
                "rule": &lost.rule,
            );
        });
    });
}

fn seen(seen: &SeenRange, out: &mut Vec<u8>) {
    put!(out,
        "first_seen": seen.first,
        "last_seen": seen.last,
        "last_looked": seen.looked,
        "seen": seen.count,
    );
}
