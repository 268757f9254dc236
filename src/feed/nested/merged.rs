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
            conflict_row(lost, winner, loser).cells(&mut NestedMembers(out));
        });
    });
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::model::{Conflict, Host, Provenance};

    fn conflict(winner: ScanIndex, loser: ScanIndex) -> Conflict<'static> {
        Conflict {
            protocol: None,
            port: None,
            column: "state".into(),
            item: None,
            winner,
            winner_value: Some("up".into()),
            loser,
            loser_value: Some("down".into()),
            rule: "latest".into(),
        }
    }

    #[test]
    fn scans_of_conflicts_are_escaped_and_an_unknown_one_is_omitted() {
        let scan = |id: &str| ScanHeader { scan_id: id.into(), ..ScanHeader::default() };
        let (odd, plain) = (scan("a\",\"b\\\n"), scan("9f"));
        let merged = MergedHost {
            host_key: "ip:192.0.2.1".into(),
            host_id: "m\"1".into(),
            host: Host::new(0),
            provenance: Provenance::default(),
            conflicts: vec![conflict(0, 1), conflict(1, 7)],
        };
        let mut line = Vec::new();
        merged_line(&merged, &[&odd, &plain], &mut line);
        assert_eq!(line.split(|byte| *byte == b'\n').count(), 2, "one line, and nothing after it");
        let line: Value = serde_json::from_slice(&line).unwrap();
        let [first, second] = [&line["conflicts"][0], &line["conflicts"][1]];
        assert_eq!(
            (&first["winner_scan_id"], &first["loser_scan_id"]),
            (&odd.scan_id.clone().into(), &"9f".into())
        );
        assert_eq!((&second["winner_scan_id"], second.get("loser_scan_id")), (&"9f".into(), None));
        assert_eq!(line["host_id"], "m\"1");
    }
}
