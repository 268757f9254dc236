//! Tables of scans, their events and warnings.

use super::{
    Cell, Cells, Column, Definition, Field, Inner, Item, Items, Kind, column, field, items, table,
    write_list, write_member,
};
use crate::model::{ScanActivity, ScanInfo, Task};
use crate::table::row::{EventRow, ScanRow, WarningRow};

table! { SCANS, "One row per document, written when it ends.", key ["scan_id"], Scan(r: ScanRow<'_>):
    "scan_id" Kind::Utf8, ! "Stable ID of the scan: equal whenever and from wherever the scan is read." => Cell::Plain(&r.record.header.scan_id);
    "source" Kind::Utf8, ! "Name of the input as given." => r.source;
    "doc_index" Kind::Int32, ! "Index among the documents of the input, from 0." => r.record.header.doc_index;
    "scanner" Kind::Dictionary, ? "nmap, masscan or the name that a merging tool wrote." => &r.record.header.scanner;
    "scanner_version" Kind::Utf8, ? "Version of the scanner." => &r.record.header.scanner_version;
    "xml_version" Kind::Utf8, ? "Version of the XML output; informative only." => &r.record.header.xml_version;
    "args" Kind::Utf8, ? "Command line." => &r.record.header.args;
    "profile_name" Kind::Utf8, ? "Name of Zenmap's profile." => &r.record.header.profile_name;
    "start_time" Kind::Timestamp, ? "Start time." => r.record.header.start_time;
    "start_str" Kind::Utf8, ? "Start time in local time, as nmap wrote it." => &r.record.header.start_str;
    "end_time" Kind::Timestamp, ? "End time." => r.record.stats.end_time;
    "end_str" Kind::Utf8, ? "End time in local time, as nmap wrote it." => &r.record.stats.end_str;
    "elapsed_s" Kind::Float64, ? "Duration in seconds; for a resumed scan the sum." => r.record.stats.elapsed_s;
    "finished" Kind::Boolean, ! "True if a finished element was read." => r.record.stats.finished;
    "exit_status" Kind::Dictionary, ? "success or error." => &r.record.stats.exit_status;
    "error_message" Kind::Utf8, ? "Error message." => &r.record.stats.error_message;
    "summary" Kind::Utf8, ? "Last line of nmap's output." => &r.record.stats.summary;
    "hosts_up" Kind::Int64, ? "Number of hosts up, as reported." => r.record.stats.hosts.up;
    "hosts_down" Kind::Int64, ? "Number of hosts down, as reported; a list scan counts every host here." => r.record.stats.hosts.down;
    "hosts_total" Kind::Int64, ? "Total number of hosts, as reported." => r.record.stats.hosts.total;
    "verbosity" Kind::Int32, ? "Level of -v." => r.record.verbosity;
    "debugging" Kind::Int32, ? "Level of -d." => r.record.debugging;
    "scan_info" Kind::Structs(SCAN_INFO), ? "Ports that were scanned, one entry per scan type." => Cell::List(&r.record.scan_info);
    "hosts_seen" Kind::Int64, ! "Number of host elements read." => r.record.hosts_seen;
    "hosts_incomplete" Kind::Int64, ! "Number of host elements that were cut off." => r.record.hosts_incomplete;
    "truncated" Kind::Boolean, ! "True if the document ends before its end tag." => r.record.truncated;
    "resumed" Kind::Boolean, ! "True if nmap --resume continued the scan." => r.record.resumed;
    "bytes" Kind::Int64, ! "Size of the document in bytes, decompressed and undecoded." => r.record.bytes;
    "warnings" Kind::Int64, ! "Total number of warnings." => r.record.warnings();
    "content_sha256" Kind::Utf8, ? "SHA-256 of the document in hexadecimal, with --hash." => &r.record.content_sha256;
}

items! { SCAN_INFO, ScanInfo, i:
    "type" Kind::Utf8, ? "Scan type, such as syn." => &i.kind;
    "protocol" Kind::Utf8, ? "Protocol." => &i.protocol;
    "num_services" Kind::Int64, ? "Number of ports." => i.num_services;
    "services" Kind::Utf8, ? "List of ports, such as 1-3,80." => &i.services;
    "scan_flags" Kind::Utf8, ? "TCP flags, if they were given on the command line." => &i.scan_flags;
}

table! { EVENTS, "One row per task element, host hint or skipped target of a scan.", key ["scan_id", "event_index"], Event(r: EventRow<'_>):
    "scan_id" Kind::Utf8, ! "ID of the scan." => Cell::Plain(r.scan_id);
    "event_index" Kind::Int32, ! "Index among the events of the scan, from 0." => r.index;
    "kind" Kind::Dictionary, ! "taskbegin, taskprogress, taskend, hosthint or target." => r.event.kind();
    "task" Kind::Utf8, ? "Name of the step." => of_task(r.event, |task| (&task.task).into());
    "time" Kind::Timestamp, ? "Time of the event." => of_task(r.event, |task| task.time.into());
    "extra_info" Kind::Utf8, ? "Further information on the step." => of_task(r.event, |task| (&task.extra_info).into());
    "percent" Kind::Float64, ? "Progress of the step in percent." => of_task(r.event, |task| task.percent.into());
    "remaining_s" Kind::Int64, ? "Remaining time in seconds." => of_task(r.event, |task| task.remaining_s.into());
    "etc_time" Kind::Timestamp, ? "Estimated time of completion." => of_task(r.event, |task| task.etc_time.into());
    "ip" Kind::Utf8, ? "First IP address of a host hint." => match r.event { ScanActivity::HostHint(hint) => (&hint.ip).into(), _ => Cell::Null };
    "mac" Kind::Utf8, ? "First MAC address of a host hint." => match r.event { ScanActivity::HostHint(hint) => (&hint.mac).into(), _ => Cell::Null };
    "hostname" Kind::Utf8, ? "First host name of a host hint." => match r.event { ScanActivity::HostHint(hint) => (&hint.hostname).into(), _ => Cell::Null };
    "state" Kind::Dictionary, ? "State of a host hint, or status of a target." => match r.event { ScanActivity::HostHint(hint) => (&hint.state).into(), ScanActivity::Target(target) => (&target.status).into(), ScanActivity::Task(_) => Cell::Null };
    "reason" Kind::Dictionary, ? "Reason of a host hint or a target." => match r.event { ScanActivity::HostHint(hint) => (&hint.reason).into(), ScanActivity::Target(target) => (&target.reason).into(), ScanActivity::Task(_) => Cell::Null };
    "specification" Kind::Utf8, ? "Target as given." => match r.event { ScanActivity::Target(target) => (&target.specification).into(), _ => Cell::Null };
}

table! { WARNINGS, "One row per warning code and document, with the first position and the number of warnings.", key ["source", "doc_index", "warning_index"], Warning(r: WarningRow<'_>):
    "source" Kind::Utf8, ! "Name of the input as given." => r.source;
    "doc_index" Kind::Int32, ! "Index of the document in the input, from 0." => r.record.header.doc_index;
    "warning_index" Kind::Int32, ! "Index among the warnings of the document, in the order of their positions." => r.index;
    "scan_id" Kind::Utf8, ? "ID of the scan; null if the input contains none." => r.record.has_scan.then_some(r.record.header.scan_id.as_str());
    "code" Kind::Dictionary, ! "Code of the warning, such as W_TRUNCATED." => r.diagnostic.code.as_str();
    "byte_offset" Kind::Int64, ! "First position, in bytes from the start of the input." => i64::try_from(r.diagnostic.position.byte).unwrap_or(i64::MAX);
    "line" Kind::Int64, ! "Line of the first position, from 1." => i64::try_from(r.diagnostic.position.line).unwrap_or(i64::MAX);
    "count" Kind::Int64, ! "Number of warnings with this code in the document." => r.diagnostic.count;
    "detail" Kind::Utf8, ? "Description of the problem at the first position." => &r.diagnostic.detail;
}

/// Returns a value of a task; null for other events.
fn of_task<'r>(event: &'r ScanActivity, get: fn(&'r Task) -> Cell<'r>) -> Cell<'r> {
    match event {
        ScanActivity::Task(task) => get(task),
        _ => Cell::Null,
    }
}
