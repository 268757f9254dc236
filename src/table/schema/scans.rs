//! Tables of scans, their events and warnings.

use crate::{
    model::{ScanActivity, ScanInfo, ScanSummary},
    table::{
        ColumnType,
        cell::Id,
        row::{EventRow, ScanRow, WarningRow},
    },
};

table! { SCANS, "One row per document, written when it ends.", key ["scan_id"], Scan(r: ScanRow<'_>), [record: ScanSummary = r.record]:
    "scan_id" ColumnType::Utf8, ! "Stable ID of the scan: equal whenever and from wherever the scan is read." => Id::new(&r.record.header.scan_id);
    "source" ColumnType::Utf8, ! "Name of the input as given." => r.source;
    "doc_index" ColumnType::Int32, ! "Index among the documents of the input, from 0." field => record.header.doc_index;
    "scanner" ColumnType::Dictionary, ? "nmap, masscan or the name that a merging tool wrote." field => record.header.scanner;
    "scanner_version" ColumnType::Utf8, ? "Version of the scanner." field => record.header.scanner_version;
    "xml_version" ColumnType::Utf8, ? "Version of the XML output; informative only." field => record.header.xml_version;
    "args" ColumnType::Utf8, ? "Command line." field => record.header.args;
    "profile_name" ColumnType::Utf8, ? "Name of Zenmap's profile." field => record.header.profile_name;
    "start_time" ColumnType::Timestamp, ? "Start time." field => record.header.start_time;
    "start_str" ColumnType::Utf8, ? "Start time in local time, as nmap wrote it." field => record.header.start_str;
    "end_time" ColumnType::Timestamp, ? "End time." field => record.stats.end_time;
    "end_str" ColumnType::Utf8, ? "End time in local time, as nmap wrote it." field => record.stats.end_str;
    "elapsed_s" ColumnType::Float64, ? "Duration in seconds; for a resumed scan the sum." field => record.stats.elapsed_s;
    "finished" ColumnType::Boolean, ! "True if a finished element was read." field => record.stats.finished;
    "exit_status" ColumnType::Dictionary, ? "success or error." field => record.stats.exit_status;
    "error_message" ColumnType::Utf8, ? "Error message." field => record.stats.error_message;
    "summary" ColumnType::Utf8, ? "Last line of nmap's output." field => record.stats.summary;
    "hosts_up" ColumnType::Int64, ? "Number of hosts up, as reported." field => record.stats.hosts.up;
    "hosts_down" ColumnType::Int64, ? "Number of hosts down, as reported; a list scan counts every host here." field => record.stats.hosts.down;
    "hosts_total" ColumnType::Int64, ? "Total number of hosts, as reported." field => record.stats.hosts.total;
    "verbosity" ColumnType::Int32, ? "Level of -v." field => record.verbosity;
    "debugging" ColumnType::Int32, ? "Level of -d." field => record.debugging;
    "scan_info" ColumnType::Structs(SCAN_INFO), ? "Ports that were scanned, one entry per scan type." field => record.scan_info;
    "hosts_seen" ColumnType::Int64, ! "Number of host elements read." field => record.hosts_seen;
    "hosts_incomplete" ColumnType::Int64, ! "Number of host elements that were cut off." field => record.hosts_incomplete;
    "truncated" ColumnType::Boolean, ! "True if the document ends before its end tag." field => record.truncated;
    "resumed" ColumnType::Boolean, ! "True if nmap --resume continued the scan." field => record.resumed;
    "bytes" ColumnType::Int64, ! "Size of the document in bytes, decompressed and undecoded." field => record.bytes;
    "warnings" ColumnType::Int64, ! "Total number of warnings." value => record.warnings();
    "content_sha256" ColumnType::Utf8, ? "SHA-256 of the document in hexadecimal, with --hash." field => record.content_sha256;
}

items! { SCAN_INFO, i: ScanInfo:
    "type" ColumnType::Utf8, ? "Scan type, such as syn." field => i.kind;
    "protocol" ColumnType::Utf8, ? "Protocol." field => i.protocol;
    "num_services" ColumnType::Int64, ? "Number of ports." field => i.num_services;
    "services" ColumnType::Utf8, ? "List of ports, such as 1-3,80." field => i.services;
    "scan_flags" ColumnType::Utf8, ? "TCP flags, if they were given on the command line." field => i.scan_flags;
}

variants! { EVENTS, "One row per task element, host hint or skipped target of a scan.", key ["scan_id", "event_index"], Event(r: EventRow<'_>), ScanActivity:
    "scan_id" ColumnType::Utf8, ! "ID of the scan." => r.scan_id;
    "event_index" ColumnType::Int32, ! "Index among the events of the scan, from 0." => r.index;
    "kind" ColumnType::Dictionary, ! "taskbegin, taskprogress, taskend, hosthint or target." => r.event.kind();
of variants:
    "task" ColumnType::Utf8, ? "Name of the step." => Task.task;
    "time" ColumnType::Timestamp, ? "Time of the event." => Task.time;
    "extra_info" ColumnType::Utf8, ? "Further information on the step." => Task.extra_info;
    "percent" ColumnType::Float64, ? "Progress of the step in percent." => Task.percent;
    "remaining_s" ColumnType::Int64, ? "Remaining time in seconds." => Task.remaining_s;
    "etc_time" ColumnType::Timestamp, ? "Estimated time of completion." => Task.etc_time;
    "ip" ColumnType::Utf8, ? "First IP address of a host hint." => HostHint.ip;
    "mac" ColumnType::Utf8, ? "First MAC address of a host hint." => HostHint.mac;
    "mac_vendor" ColumnType::Utf8, ? "Vendor of the first MAC address of a host hint." => HostHint.mac_vendor, since 2;
    "hostname" ColumnType::Utf8, ? "First host name of a host hint." => HostHint.hostname;
    "state" ColumnType::Dictionary, ? "State of a host hint, or status of a target." => HostHint.state Target.status;
    "reason" ColumnType::Dictionary, ? "Reason of a host hint or a target." => HostHint.reason Target.reason;
    "reason_ttl" ColumnType::Int32, ? "TTL of the packet that the state of a host hint was inferred from." => HostHint.reason_ttl, since 2;
    "specification" ColumnType::Utf8, ? "Target as given." => Target.specification;
}

table! { WARNINGS, "One row per warning code and document, with the first position and the number of warnings.", key ["source", "doc_index", "warning_index"], Warning(r: WarningRow<'_>):
    "source" ColumnType::Utf8, ! "Name of the input as given." => r.source;
    "doc_index" ColumnType::Int32, ! "Index of the document in the input, from 0." => r.record.header.doc_index;
    "warning_index" ColumnType::Int32, ! "Index among the warnings of the document, in the order of their positions." => r.index;
    "scan_id" ColumnType::Utf8, ? "ID of the scan; null if the input contains none." => r.record.has_scan.then_some(r.record.header.scan_id.as_str());
    "code" ColumnType::Dictionary, ! "Code of the warning, such as W_TRUNCATED." => r.diagnostic.code.as_str();
    "byte_offset" ColumnType::Int64, ! "First position, in bytes from the start of the input." => i64::try_from(r.diagnostic.position.byte).unwrap_or(i64::MAX);
    "line" ColumnType::Int64, ! "Line of the first position, from 1." => i64::try_from(r.diagnostic.position.line).unwrap_or(i64::MAX);
    "count" ColumnType::Int64, ! "Number of warnings with this code in the document." => r.diagnostic.count;
    "detail" ColumnType::Utf8, ? "Description of the problem at the first position." => &r.diagnostic.detail;
}
