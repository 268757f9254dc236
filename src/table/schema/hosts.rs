//! Tables of hosts and of everything that belongs to a host as a whole.

use std::net::IpAddr;

use crate::{
    model::{
        Address, ExtraPorts, ExtraReason, Host, Hostname, OsClass, OsMatch, OsPortUsed, TraceHop,
    },
    table::{
        Cell, ColumnType,
        row::{HopRow, HostRow, OsClassRow, OsMatchRow},
    },
};

table! { HOSTS, "One row per host element; filters remove rows but change none.", key ["host_id"], Host(r: HostRow<'_>), [host: Host<'_> = r.host]:
    "host_id" ColumnType::Utf8, ! "ID of the host: scan_id, `-h` and host_index." => r.host_id;
    "scan_id" ColumnType::Utf8, ! "ID of the scan." => r.scan_id;
    "host_index" ColumnType::Int32, ! "Index among the host elements of the scan, from 0." flat => host.index;
    "host_key" ColumnType::Utf8, ! "Identity across scans: `ip:`, `mac:`, `name:` or `idx:` and a text." => r.host_key;
    "ip" ColumnType::Utf8, ? "First address of type ipv4 or ipv6, without its zone." value => ip(host);
    "ip_version" ColumnType::Int32, ? "4 or 6; null if ip is not an IP literal." value => literal(host).map(|ip| if ip.is_ipv4() { 4_i32 } else { 6 });
    "ip_bytes" ColumnType::Binary16, ? "IP address in network order, for sorting; IPv4 addresses are mapped into ::ffff:0:0/96." => ip_bytes(r.host);
    "ip_zone" ColumnType::Utf8, ? "Zone of the address: the part after `%`." value => host.ip().and_then(|a| a.zone.as_deref());
    "mac" ColumnType::Utf8, ? "First MAC address, upper case with colons." value => host.mac().map(|a| &*a.text);
    "mac_vendor" ColumnType::Utf8, ? "Vendor of the first MAC address." value => host.mac().and_then(|a| a.vendor.as_deref());
    "hostname" ColumnType::Utf8, ? "Name to show: the first of type user, or the first of type PTR, or the first." value => host.hostname().map(|n| &*n.name);
    "hostnames" ColumnType::Structs(HOSTNAME), ? "Host names in document order." field => host.hostnames;
    "addresses" ColumnType::Structs(ADDRESS), ? "Addresses in document order." field => host.addresses;
    "state" ColumnType::Dictionary, ! "up, down, unknown or skipped; inferred from the ports if the host has no status." field => host.status.state;
    "reason" ColumnType::Dictionary, ? "Reason for the state, such as echo-reply; `inferred` if the host has no status." field => host.status.reason;
    "reason_ttl" ColumnType::Int32, ? "TTL of the packet that the state was inferred from." field => host.status.reason_ttl;
    "start_time" ColumnType::Timestamp, ? "Time at which nmap started on the host." field => host.start_time;
    "end_time" ColumnType::Timestamp, ? "Time at which nmap finished the host." field => host.end_time;
    "timed_out" ColumnType::Boolean, ? "True if nmap gave up on the host." field => host.timed_out;
    "complete" ColumnType::Boolean, ! "True if the end of the host was read and nothing was cut off." field => host.complete;
    "comment" ColumnType::Utf8, ? "Comment that Zenmap saved." field => host.comment;
    "distance" ColumnType::Int32, ? "Distance in hops." field => host.distance;
    "uptime_s" ColumnType::Int64, ? "Uptime in seconds." field => host.uptime_s;
    "last_boot" ColumnType::Utf8, ? "Local time of the last boot, as nmap wrote it." field => host.last_boot;
    "tcp_seq_index" ColumnType::Int64, ? "Difficulty index of TCP sequence prediction." field => host.tcp_sequence.index;
    "tcp_seq_difficulty" ColumnType::Utf8, ? "Difficulty of TCP sequence prediction, as text." field => host.tcp_sequence.difficulty;
    "tcp_seq_class" ColumnType::Utf8, ? "Class of TCP sequence numbers (before nmap 4.62)." field => host.tcp_sequence.class;
    "tcp_seq_values" ColumnType::Utf8, ? "Observed TCP sequence numbers, in hexadecimal." field => host.tcp_sequence.values;
    "ip_id_class" ColumnType::Dictionary, ? "Class of IP identification numbers." field => host.ip_id_sequence.class;
    "ip_id_values" ColumnType::Utf8, ? "Observed IP identification numbers, in hexadecimal." field => host.ip_id_sequence.values;
    "tcp_ts_class" ColumnType::Dictionary, ? "Class of TCP time stamps." field => host.tcp_ts_sequence.class;
    "tcp_ts_values" ColumnType::Utf8, ? "Observed TCP time stamps, in hexadecimal." field => host.tcp_ts_sequence.values;
    "srtt_ms" ColumnType::Float64, ? "Smoothed round trip time in milliseconds." value => millis(host.srtt_us);
    "rttvar_ms" ColumnType::Float64, ? "Variance of the round trip time in milliseconds." value => millis(host.rttvar_us);
    "timeout_ms" ColumnType::Float64, ? "Probe timeout in milliseconds." value => millis(host.timeout_us);
    "smurf_responses" ColumnType::Int64, ? "Number of answers to a ping of a broadcast address." field => host.smurf_responses;
    "extra_ports" ColumnType::Structs(EXTRA_PORTS), ? "Ports that are not listed singly, one entry per state." field => host.extra_ports;
    "os_fingerprints" ColumnType::Texts, ? "Fingerprints of the operating system." flat => host.os.fingerprints;
    "os_ports_used" ColumnType::Structs(OS_PORT_USED), ? "Ports that operating system detection used." flat => host.os.ports_used;
    "ports_listed" ColumnType::Int32, ! "Number of ports that the document lists singly." field => host.ports_listed;
    "ports_open" ColumnType::Int32, ! "Number of listed ports that are open." field => host.ports_open;
merged:
    "scan_ids" ColumnType::Texts, ! "IDs of the scans that contributed, in order." => Cell::List(r.scans());
    "first_seen" ColumnType::Timestamp, ? "Time at which the host was first seen: the earliest start, or end if there is no start." => r.seen.first;
    "last_seen" ColumnType::Timestamp, ? "Time at which the host was last seen up: the latest end, or start if there is no end." => r.seen.last;
    "last_looked" ColumnType::Timestamp, ? "Time at which the host was last looked for, up or not: the latest end, or start if there is no end." => r.seen.looked;
    "seen" ColumnType::Int32, ! "Number of scans that saw the host." => r.seen.count;
}

table! { OS_MATCHES, "One row per operating system that matches a host.", key ["host_id", "match_index"], OsMatch(r: OsMatchRow<'_>), [found: OsMatch<'_> = r.found]:
    "scan_id" ColumnType::Utf8, ! "ID of the scan." => r.host.scan_id;
    "host_id" ColumnType::Utf8, ! "ID of the host." => r.host.host_id;
    "match_index" ColumnType::Int32, ! "Index among the matches of the host, from 0." => r.index;
    "name" ColumnType::Utf8, ? "Name of the operating system." field => found.name;
    "accuracy" ColumnType::Int32, ? "Accuracy of the match, in percent." field => found.accuracy;
    "line" ColumnType::Int32, ? "Line in nmap-os-db." field => found.line;
    "ip" ColumnType::Utf8, ? "First IP address of the host." => r.host.ip(), since 3;
    "host_key" ColumnType::Utf8, ? "Identity of the host across scans." => r.host.host_key, since 3;
    "start_time" ColumnType::Timestamp, ? "Time at which nmap started on the host, or else started the scan." => r.host.start_time, since 3;
    "best" ColumnType::Boolean, ? "True for the match with the best accuracy, the first of equal ones." => r.is_best, since 3;
}

table! { OS_CLASSES, "One row per class of operating systems that matches a host.", key ["host_id", "class_index"], OsClass(r: OsClassRow<'_>), [class: OsClass<'_> = r.class]:
    "scan_id" ColumnType::Utf8, ! "ID of the scan." => r.host.scan_id;
    "host_id" ColumnType::Utf8, ! "ID of the host." => r.host.host_id;
    "class_index" ColumnType::Int32, ! "Index among the classes of the host, from 0." => r.index;
    "match_index" ColumnType::Int32, ? "Index of the match that the class belongs to; null if the class is directly in the element os." flat => class.match_index;
    "type" ColumnType::Dictionary, ? "Kind of device, such as general purpose." field => class.kind;
    "vendor" ColumnType::Dictionary, ? "Vendor." field => class.vendor;
    "family" ColumnType::Dictionary, ? "Family, such as Linux." field => class.family;
    "gen" ColumnType::Utf8, ? "Generation, such as 5.X." field => class.generation;
    "accuracy" ColumnType::Int32, ? "Accuracy of the class, in percent." field => class.accuracy;
    "cpes" ColumnType::Texts, ? "CPE 2.2 URIs." field => class.cpes;
}

table! { HOPS, "One row per hop of a route to a host.", key ["host_id", "trace_index", "hop_index"], Hop(r: HopRow<'_>), [hop: TraceHop<'_> = r.hop]:
    "scan_id" ColumnType::Utf8, ! "ID of the scan." => r.host.scan_id;
    "host_id" ColumnType::Utf8, ! "ID of the host." => r.host.host_id;
    "trace_index" ColumnType::Int32, ! "Index among the routes of the host, from 0." => r.trace_index;
    "hop_index" ColumnType::Int32, ! "Index in the route, from 0." => r.index;
    "proto" ColumnType::Dictionary, ? "Protocol of the probes." => &r.trace.proto;
    "trace_port" ColumnType::Int32, ? "Port of the probes." => r.trace.port;
    "ttl" ColumnType::Int32, ? "Distance from the scanner in hops; hops without an answer have no row." field => hop.ttl;
    "rtt_ms" ColumnType::Float64, ? "Round trip time in milliseconds." field => hop.rtt_ms;
    "ip" ColumnType::Utf8, ? "Address that answered." field => hop.ip;
    "hostname" ColumnType::Utf8, ? "Host name of that address." field => hop.hostname;
}

items! { HOSTNAME, i: Hostname<'_>:
    "name" ColumnType::Utf8, ! "Name as found." field => i.name;
    "type" ColumnType::Utf8, ? "user for a name that was typed, PTR for one from DNS." field => i.kind;
}

items! { ADDRESS, i: Address<'_>:
    "addr" ColumnType::Utf8, ! "Address in its canonical form, without zone." value => &i.text;
    "type" ColumnType::Utf8, ! "ipv4, ipv6 or mac." value => &i.kind;
    "vendor" ColumnType::Utf8, ? "Vendor of a MAC address." value => &i.vendor;
}

items! { EXTRA_PORTS, i: ExtraPorts<'_>:
    "state" ColumnType::Utf8, ? "State of the ports." field => i.state;
    "count" ColumnType::Int64, ? "Number of ports." field => i.count;
    "reasons" ColumnType::Structs(EXTRA_REASON), ? "Reasons for the state." field => i.reasons;
}

items! { EXTRA_REASON, i: ExtraReason<'_>:
    "reason" ColumnType::Utf8, ? "Reason as written." field => i.reason;
    "count" ColumnType::Int64, ? "Number of ports." field => i.count;
    "proto" ColumnType::Utf8, ? "Protocol of the ports." field => i.proto;
    "ports" ColumnType::Utf8, ? "Port numbers, such as 1-24,26." field => i.ports;
}

items! { OS_PORT_USED, i: OsPortUsed<'_>:
    "state" ColumnType::Utf8, ? "State of the port." field => i.state;
    "proto" ColumnType::Utf8, ? "Protocol of the port." field => i.proto;
    "port" ColumnType::Int32, ? "Port number." field => i.port;
}

/// Converts microseconds to milliseconds. Negative values are unknown and become null.
fn millis<'r>(micros: Option<i64>) -> Cell<'r> {
    micros.filter(|micros| *micros >= 0).map_or(Cell::Null, Cell::Millis)
}

/// Returns the first IP address, of which a literal needs no escaping.
fn ip<'r>(host: &'r Host<'_>) -> Cell<'r> {
    match host.ip() {
        Some(address) if address.ip.is_some() => Cell::Plain(&address.text),
        Some(address) => Cell::Str(&address.text),
        None => Cell::Null,
    }
}

/// Returns the first IP address, if it is a literal.
fn literal(host: &Host<'_>) -> Option<IpAddr> {
    host.ip().and_then(|address| address.ip)
}

/// Returns the literal in network order, with IPv4 addresses mapped into `::ffff:0:0/96`.
fn ip_bytes<'r>(host: &Host<'_>) -> Cell<'r> {
    match literal(host) {
        Some(IpAddr::V4(ip)) => Cell::Bytes(ip.to_ipv6_mapped().octets()),
        Some(IpAddr::V6(ip)) => Cell::Bytes(ip.octets()),
        None => Cell::Null,
    }
}
