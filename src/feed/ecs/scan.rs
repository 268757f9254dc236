//! Events of a scan that has ended, and of its own scripts.

use std::{borrow::Cow, fmt::Write as _};

use super::{
    event::{Event, scan_members, script, script_id},
    options::Ecs,
};
use crate::{
    feed::{
        host_view::text,
        truncate::{TruncationLimits, truncate_header, truncate_record, truncate_summary},
    },
    model::{ScanSummary, Script, ScriptScope, Timestamp},
    text::json::{OBJECT, key, write_container, write_members, write_objects},
};

pub(super) fn lines(ecs: &Ecs, record: &ScanSummary, out: &mut Vec<u8>) -> u64 {
    let mut lines = 1_u64;
    if ecs.script_events {
        for (scope, index, found) in record.scripts() {
            script_line(ecs, record, (scope, usize::try_from(index).unwrap_or(0), found), out);
            lines = lines.saturating_add(1);
        }
    }
    ecs.line(&record.header.scan_id, out, &mut |limits, out| match limits {
        None => event(ecs, record, false, out),
        Some(limits) => event(ecs, &truncate_summary(record, limits), true, out),
    });
    lines
}

fn when(record: &ScanSummary) -> Option<Timestamp> {
    record.stats.end_time.or(record.header.start_time)
}

fn event(ecs: &Ecs, record: &ScanSummary, cut: bool, out: &mut Vec<u8>) {
    let (run, stats) = (&record.header, &record.stats);
    Event {
        dataset: "nmap.scan",
        kind: "event",
        categories: &["host"],
        kinds: if stats.finished { &["end"] } else { &["info"] },
        id: &run.scan_id,
        action: None,
        outcome: match stats.exit_status.as_deref() {
            Some("success") => "success",
            Some("error") => "failure",
            _ => "unknown",
        },
        reason: None,
        time: when(record),
        times: (run.start_time, stats.end_time),
        truncated: record.truncated,
    }
    .write(ecs, run, out);
    text(key!("message"), out, |out| {
        let scanner = run.scanner.as_deref().unwrap_or("scan");
        let _ = match (&stats.summary, stats.finished) {
            (Some(summary), _) => write!(out, "{summary}"),
            (None, true) => write!(out, "{scanner} ended"),
            (None, false) => write!(out, "{scanner} did not end"),
        };
    });
    if stats.error_message.is_some() {
        write_container(
            key!("error"),
            OBJECT,
            out,
            |out| write_members!(out, "message": &stats.error_message),
        );
    }
    write_container(key!("nmap"), OBJECT, out, |out| {
        write_container(key!("scan"), OBJECT, out, |out| {
            scan_members(run, out);
            write_members!(out,
                "end_time": stats.end_time,
                "exit_status": &stats.exit_status,
                "hosts_up": stats.hosts.up,
                "hosts_down": stats.hosts.down,
                "hosts_total": stats.hosts.total,
            );
        });
        write_objects(key!("scripts"), record.scripts(), out, |(scope, _, found), out| {
            write_members!(out, "scope": scope.as_str());
            script(found, out);
        });
        write_members!(out, "line_truncated": cut.then_some(true));
    });
}

fn script_line(
    ecs: &Ecs,
    record: &ScanSummary,
    (scope, index, found): (ScriptScope, usize, &Script<'_>),
    out: &mut Vec<u8>,
) {
    let id = script_id(&record.header.scan_id, scope, index);
    let write = |found: &Script<'_>, limits: Option<&TruncationLimits>, out: &mut Vec<u8>| {
        let run = &record.header;
        let run =
            limits.map_or(Cow::Borrowed(run), |limits| Cow::Owned(truncate_header(run, limits)));
        Event {
            dataset: "nmap.script",
            kind: ecs.event_kind.as_str(),
            categories: &["host"],
            kinds: &["info"],
            id: &id,
            action: None,
            outcome: if record.truncated { "unknown" } else { "success" },
            reason: None,
            time: when(record),
            times: (run.start_time, record.stats.end_time),
            truncated: record.truncated,
        }
        .write(ecs, &run, out);
        text(key!("message"), out, |out| {
            let _ = write!(out, "{} script {}", scope.as_str(), found.name);
        });
        write_container(key!("nmap"), OBJECT, out, |out| {
            write_container(key!("scan"), OBJECT, out, |out| scan_members(&run, out));
            write_container(key!("script"), OBJECT, out, |out| {
                write_members!(out, "scope": scope.as_str());
                script(found, out);
            });
            write_members!(out, "line_truncated": limits.map(|_| true));
        });
    };
    ecs.line(&id, out, &mut |limits, out| match limits {
        None => write(found, None, out),
        Some(limits) => write(&truncate_record(found, limits), Some(limits), out),
    });
}
