//! Tables of hosts and of everything that belongs to a host as a whole.

use super::{
    Cell, Cells, Column, Definition, Field, Inner, Item, Items, Kind, column, field, items, table,
    write_list, write_member,
};
use crate::model::{Address, ExtraPorts, ExtraReason, HostState, Hostname, OsPortUsed, PortState};
use crate::table::row::{HopRow, HostRow, OsClassRow, OsMatchRow};

table! { HOSTS, "One row per host element; filters remove rows but change none.", key ["host_id"], Host(r: HostRow<'_>):
    "host_id" Kind::Utf8, ! "ID of the host: scan_id, `-h` and host_index." => Cell::Plain(r.host_id);
    "scan_id" Kind::Utf8, ! "ID of the scan." => Cell::Plain(r.scan_id);
    "host_index" Kind::Int32, ! "Index among the host elements of the scan, from 0." => r.host.index;
    "host_key" Kind::Utf8, ! "Identity across scans: `ip:`, `mac:`, `name:` or `idx:` and a text." => r.host_key;
    "ip" Kind::Utf8, ? "First address of type ipv4 or ipv6, without its zone." => r.ip();
    "ip_version" Kind::Int32, ? "4 or 6; null if ip is not an IP literal." => r.literal().map(|ip| if ip.is_ipv4() { 4_i32 } else { 6 });
    "ip_bytes" Kind::Binary16, ? "IP address in network order, for sorting; IPv4 addresses are mapped into ::ffff:0:0/96." => r.ip_bytes();
    "ip_zone" Kind::Utf8, ? "Zone of the address: the part after `%`." => r.host.ip().and_then(|a| a.zone.as_deref());
    "mac" Kind::Utf8, ? "First MAC address, upper case with colons." => r.host.mac().map(|a| &*a.text);
    "mac_vendor" Kind::Utf8, ? "Vendor of the first MAC address." => r.host.mac().and_then(|a| a.vendor.as_deref());
    "hostname" Kind::Utf8, ? "Name to show: the first of type user, or the first of type PTR, or the first." => r.host.hostname().map(|n| &*n.name);
    "hostnames" Kind::Structs(HOSTNAME), ? "Host names in document order." => Cell::List(&r.host.hostnames);
    "addresses" Kind::Structs(ADDRESS), ? "Addresses in document order." => Cell::List(&r.host.addresses);
    "state" Kind::Dictionary, ! "up, down, unknown or skipped; inferred from the ports if the host has no status." => host_state(&r.host.status.state);
    "reason" Kind::Dictionary, ? "Reason for the state, such as echo-reply; `inferred` if the host has no status." => &r.host.status.reason;
    "reason_ttl" Kind::Int32, ? "TTL of the packet that the state was inferred from." => r.host.status.reason_ttl;
    "start_time" Kind::Timestamp, ? "Time at which nmap started on the host." => r.host.start_time;
    "end_time" Kind::Timestamp, ? "Time at which nmap finished the host." => r.host.end_time;
    "timed_out" Kind::Boolean, ? "True if nmap gave up on the host." => r.host.timed_out;
    "complete" Kind::Boolean, ! "True if the end of the host was read and nothing was cut off." => r.host.complete;
    "comment" Kind::Utf8, ? "Comment that Zenmap saved." => &r.host.comment;
    "distance" Kind::Int32, ? "Distance in hops." => r.host.distance;
    "uptime_s" Kind::Int64, ? "Uptime in seconds." => r.host.uptime_s;
    "last_boot" Kind::Utf8, ? "Local time of the last boot, as nmap wrote it." => &r.host.last_boot;
    "tcp_seq_index" Kind::Int64, ? "Difficulty index of TCP sequence prediction." => r.host.tcp_sequence.index;
    "tcp_seq_difficulty" Kind::Utf8, ? "Difficulty of TCP sequence prediction, as text." => &r.host.tcp_sequence.difficulty;
    "tcp_seq_class" Kind::Utf8, ? "Class of TCP sequence numbers (before nmap 4.62)." => &r.host.tcp_sequence.class;
    "tcp_seq_values" Kind::Utf8, ? "Observed TCP sequence numbers, in hexadecimal." => &r.host.tcp_sequence.values;
    "ip_id_class" Kind::Dictionary, ? "Class of IP identification numbers." => &r.host.ip_id_sequence.class;
    "ip_id_values" Kind::Utf8, ? "Observed IP identification numbers, in hexadecimal." => &r.host.ip_id_sequence.values;
    "tcp_ts_class" Kind::Dictionary, ? "Class of TCP time stamps." => &r.host.tcp_ts_sequence.class;
    "tcp_ts_values" Kind::Utf8, ? "Observed TCP time stamps, in hexadecimal." => &r.host.tcp_ts_sequence.values;
    "srtt_ms" Kind::Float64, ? "Smoothed round trip time in milliseconds." => millis(r.host.srtt_us);
    "rttvar_ms" Kind::Float64, ? "Variance of the round trip time in milliseconds." => millis(r.host.rttvar_us);
    "timeout_ms" Kind::Float64, ? "Probe timeout in milliseconds." => millis(r.host.timeout_us);
    "smurf_responses" Kind::Int64, ? "Number of answers to a ping of a broadcast address." => r.host.smurf_responses;
    "extra_ports" Kind::Structs(EXTRA_PORTS), ? "Ports that are not listed singly, one entry per state." => Cell::List(&r.host.extra_ports);
    "os_fingerprints" Kind::Texts, ? "Fingerprints of the operating system." => Cell::List(&r.host.os.fingerprints);
    "os_ports_used" Kind::Structs(OS_PORT_USED), ? "Ports that operating system detection used." => Cell::List(&r.host.os.ports_used);
    "ports_listed" Kind::Int32, ! "Number of ports that the document lists singly." => r.host.ports_listed;
    "ports_open" Kind::Int32, ! "Number of listed ports that are open." => r.host.ports_open;
merged:
    "scan_ids" Kind::Texts, ! "IDs of the scans that contributed, in order." => Cell::List(r.scans());
    "first_seen" Kind::Timestamp, ? "Time at which the host was first seen: the earliest start, or end if there is no start." => r.seen.first;
    "last_seen" Kind::Timestamp, ? "Time at which the host was last seen up: the latest end, or start if there is no end." => r.seen.last;
    "last_looked" Kind::Timestamp, ? "Time at which the host was last looked for, up or not: the latest end, or start if there is no end." => r.seen.looked;
    "seen" Kind::Int32, ! "Number of scans that saw the host." => r.seen.count;
}

table! { OS_MATCHES, "One row per operating system that matches a host.", key ["host_id", "match_index"], OsMatch(r: OsMatchRow<'_>):
    "scan_id" Kind::Utf8, ! "ID of the scan." => Cell::Plain(r.host.scan_id);
    "host_id" Kind::Utf8, ! "ID of the host." => Cell::Plain(r.host.host_id);
    "match_index" Kind::Int32, ! "Index among the matches of the host, from 0." => r.index;
    "name" Kind::Utf8, ? "Name of the operating system." => &r.found.name;
    "accuracy" Kind::Int32, ? "Accuracy of the match, in percent." => r.found.accuracy;
    "line" Kind::Int32, ? "Line in nmap-os-db." => r.found.line;
}

table! { OS_CLASSES, "One row per class of operating systems that matches a host.", key ["host_id", "class_index"], OsClass(r: OsClassRow<'_>):
    "scan_id" Kind::Utf8, ! "ID of the scan." => Cell::Plain(r.host.scan_id);
    "host_id" Kind::Utf8, ! "ID of the host." => Cell::Plain(r.host.host_id);
    "class_index" Kind::Int32, ! "Index among the classes of the host, from 0." => r.index;
    "match_index" Kind::Int32, ? "Index of the match that the class belongs to; null if the class is directly in the element os." => r.class.match_index;
    "type" Kind::Dictionary, ? "Kind of device, such as general purpose." => &r.class.kind;
    "vendor" Kind::Dictionary, ? "Vendor." => &r.class.vendor;
    "family" Kind::Dictionary, ? "Family, such as Linux." => &r.class.family;
    "gen" Kind::Utf8, ? "Generation, such as 5.X." => &r.class.generation;
    "accuracy" Kind::Int32, ? "Accuracy of the class, in percent." => r.class.accuracy;
    "cpes" Kind::Texts, ? "CPE 2.2 URIs." => Cell::List(&r.class.cpes);
}

table! { HOPS, "One row per hop of a route to a host.", key ["host_id", "trace_index", "hop_index"], Hop(r: HopRow<'_>):
    "scan_id" Kind::Utf8, ! "ID of the scan." => Cell::Plain(r.host.scan_id);
    "host_id" Kind::Utf8, ! "ID of the host." => Cell::Plain(r.host.host_id);
    "trace_index" Kind::Int32, ! "Index among the routes of the host, from 0." => r.trace_index;
    "hop_index" Kind::Int32, ! "Index in the route, from 0." => r.index;
    "proto" Kind::Dictionary, ? "Protocol of the probes." => &r.trace.proto;
    "trace_port" Kind::Int32, ? "Port of the probes." => r.trace.port;
    "ttl" Kind::Int32, ? "Distance from the scanner in hops; hops without an answer have no row." => r.hop.ttl;
    "rtt_ms" Kind::Float64, ? "Round trip time in milliseconds." => r.hop.rtt_ms;
    "ip" Kind::Utf8, ? "Address that answered." => &r.hop.ip;
    "hostname" Kind::Utf8, ? "Host name of that address." => &r.hop.hostname;
}

items! { HOSTNAME, Hostname<'_>, i:
    "name" Kind::Utf8, ! "Name as found." => &i.name;
    "type" Kind::Utf8, ? "user for a name that was typed, PTR for one from DNS." => &i.kind;
}

items! { ADDRESS, Address<'_>, i:
    "addr" Kind::Utf8, ! "Address in its canonical form, without zone." => &i.text;
    "type" Kind::Utf8, ! "ipv4, ipv6 or mac." => i.kind.as_str();
    "vendor" Kind::Utf8, ? "Vendor of a MAC address." => &i.vendor;
}

items! { EXTRA_PORTS, ExtraPorts<'_>, i:
    "state" Kind::Utf8, ? "State of the ports." => i.state.as_ref().map(PortState::as_str);
    "count" Kind::Int64, ? "Number of ports." => i.count;
    "reasons" Kind::Structs(EXTRA_REASON), ? "Reasons for the state." => Cell::List(&i.reasons);
}

items! { EXTRA_REASON, ExtraReason<'_>, i:
    "reason" Kind::Utf8, ? "Reason as written." => &i.reason;
    "count" Kind::Int64, ? "Number of ports." => i.count;
    "proto" Kind::Utf8, ? "Protocol of the ports." => &i.proto;
    "ports" Kind::Utf8, ? "Port numbers, such as 1-24,26." => &i.ports;
}

items! { OS_PORT_USED, OsPortUsed<'_>, i:
    "state" Kind::Utf8, ? "State of the port." => i.state.as_ref().map(PortState::as_str);
    "proto" Kind::Utf8, ? "Protocol of the port." => &i.proto;
    "port" Kind::Int32, ? "Port number." => i.port;
}

/// Converts microseconds to milliseconds. Negative values are unknown and become null.
fn millis<'r>(micros: Option<i64>) -> Cell<'r> {
    micros.filter(|micros| *micros >= 0).map_or(Cell::Null, Cell::Millis)
}

pub(super) fn host_state<'r>(state: &'r HostState<'_>) -> Cell<'r> {
    match state {
        HostState::Other(name) => name.into(),
        known => Cell::Plain(known.as_str()),
    }
}
