//! Layout of the model's types as records, field by field.

use super::{super::series::HostHead, In, Out, Wire, structs};
use crate::error::{Diagnostic, DiagnosticCode, Position};
use crate::model::{
    Address, AddressKind, Change, ChangeKind, ChangedService, Conflict, CowStr, ExtraPorts,
    ExtraReason, Host, HostChanges, HostHint, HostInterval, HostState, HostStatus, HostTotals,
    Hostname, IntervalService, MergedHost, OsClass, OsDetection, OsMatch, OsPortUsed, Port,
    PortInterval, PortProvenance, PortState, Protocol, Provenance, ScanActivity, ScanHeader,
    ScanInfo, ScanStats, ScanSummary, Script, ScriptNode, ScriptOrigin, ScriptTableKind,
    ScriptTree, ScriptValue, SeenRange, Sequence, Service, Span, TargetSkipped, Task, TaskKind,
    TcpSequence, Trace, TraceHop,
};

/// Implements [`Wire`] for enums of names whose last variant may be any text.
macro_rules! names {
    ($($type:ident { $($number:literal $variant:ident),* })*) => {
        $(impl<'a> Wire<'a> for $type<'a> {
            fn put(&self, out: &mut Out) {
                match self {
                    $(Self::$variant => 0x80_u8.wrapping_add($number).put(out),)*
                    Self::Other(name) => {
                        0_u8.put(out);
                        name.put(out);
                    }
                }
            }

            fn get(from: &mut In<'a>) -> Option<Self> {
                Some(match u8::get(from)?.wrapping_sub(0x80) {
                    $($number => Self::$variant,)*
                    _ => Self::Other(CowStr::get(from)?),
                })
            }
        })*
    };
}

/// Implements [`Wire`] for enums without fields.
macro_rules! plain {
    ($($type:ident { $first:ident $(, $number:literal $variant:ident)* })*) => {
        $(impl Wire<'_> for $type {
            fn put(&self, out: &mut Out) {
                match self {
                    Self::$first => 0_u8.put(out),
                    $(Self::$variant => u8::put(&$number, out),)*
                }
            }

            fn get(from: &mut In<'_>) -> Option<Self> {
                Some(match u8::get(from)? {
                    $($number => Self::$variant,)*
                    _ => Self::$first,
                })
            }
        })*
    };
}

names! {
    HostState { 1 Up, 2 Down, 3 Unknown, 4 Skipped }
    PortState { 1 Open, 2 Closed, 3 Filtered, 4 Unfiltered, 5 OpenFiltered, 6 ClosedFiltered }
    Protocol { 1 Tcp, 2 Udp, 3 Sctp, 4 Ip }
    AddressKind { 1 Ipv4, 2 Ipv6, 3 Mac }
}

plain! {
    ScriptOrigin { Nse, 1 Engine }
    ScriptTableKind { List, 1 Keyed, 2 Mixed }
    TaskKind { Begin, 1 Progress, 2 End }
    ChangeKind { Appeared, 1 FirstSeen, 2 Gone, 3 Changed, 4 Moved, 5 NotScanned }
}

structs! {
    Host<'a> {
        index, complete, start_time, end_time, timed_out, comment, status, addresses, hostnames,
        smurf_responses, extra_ports, ports, ports_listed, ports_open, os, uptime_s, last_boot,
        distance, tcp_sequence, ip_id_sequence, tcp_ts_sequence, scripts, traces, srtt_us, rttvar_us,
        timeout_us,
    }
    HostHead { index, complete, start_time, end_time }
    HostStatus<'a> { state, reason, reason_ttl }
    Address<'a> { text, kind, ip, zone, vendor }
    Hostname<'a> { name, kind }
    ExtraPorts<'a> { state, count, reasons }
    ExtraReason<'a> { reason, count, proto, ports }
    Port<'a> {
        protocol, number, index, state, reason, reason_ttl, reason_ip, owner, services, scripts, expanded,
    }
    Service<'a> {
        name, product, version, extra_info, hostname, os_type, device_type, method, confidence, tunnel,
        rpc_proto, rpc_num, low_ver, high_ver, cpes, fingerprint, banner,
    }
    Script<'a> { name, output, data, origin }
    OsDetection<'a> { ports_used, matches, classes, fingerprints }
    OsPortUsed<'a> { state, proto, port }
    OsMatch<'a> { name, accuracy, line }
    OsClass<'a> { match_index, kind, vendor, family, generation, accuracy, cpes }
    TcpSequence<'a> { index, difficulty, class, values }
    Sequence<'a> { class, values }
    Trace<'a> { proto, port, hops }
    TraceHop<'a> { ttl, rtt_ms, ip, hostname }
    SeenRange { first, last, looked, count }
    PortProvenance { scan, services, scripts, seen }
    Provenance { status, scans, seen, ports, scripts, matches, classes, traces }
    Conflict<'a> { protocol, port, column, item, winner, winner_value, loser, loser_value, rule }
    MergedHost<'a> { host_key, host_id, host, provenance, conflicts }
    Span { valid_from, last_seen, valid_to, looks, first_scan, last_scan, ended_by }
    HostInterval<'a> { ip, mac, hostname, state, os_name, span }
    PortInterval<'a> { ip, protocol, number, state, reason, service, span }
    IntervalService<'a> { name, product, version, cpes }
    Task { kind, task, time, extra_info, percent, remaining_s, etc_time }
    HostHint { ip, mac, hostname, state, reason }
    TargetSkipped { specification, status, reason }
    HostChanges { hostname, mac, start_time, end_time, complete, was_there, is_there, changes }
    ChangedService { name, product, version, tunnel }
    Position { byte, line }
    Diagnostic { code, position, count, detail }
    ScanHeader {
        scan_id, doc_index, position, scanner, scanner_version, xml_version, args, profile_name, start_time,
        start_str,
    }
    ScanInfo { kind, protocol, num_services, services, scan_flags }
    HostTotals { up, down, total }
    ScanStats { finished, end_time, end_str, elapsed_s, exit_status, error_message, summary, hosts }
    Change {
        host_key, ip, protocol, port, ports, kind, column, old, new, old_scan_id, new_scan_id, old_time,
        new_time, old_service, new_service,
    }
}

impl<'a> Wire<'a> for ScriptValue<'a> {
    fn put(&self, out: &mut Out) {
        match self {
            Self::None => 0_u8.put(out),
            Self::Text(text) => {
                1_u8.put(out);
                text.put(out);
            }
            Self::Tree(tree) => {
                2_u8.put(out);
                tree.nodes().len().put(out);
                tree.nodes().iter().for_each(|node| node.put(out));
            }
            Self::Json(json) => {
                3_u8.put(out);
                json.put(out);
            }
        }
    }

    fn get(from: &mut In<'a>) -> Option<Self> {
        Some(match u8::get(from)? {
            1 => Self::Text(CowStr::get(from)?),
            2 => Self::Tree(ScriptTree::from_nodes(Vec::get(from)?)),
            3 => Self::Json(CowStr::get(from)?),
            _ => Self::None,
        })
    }
}

impl<'a> Wire<'a> for ScriptNode<'a> {
    fn put(&self, out: &mut Out) {
        match self {
            Self::Elem { key, text } => {
                0_u8.put(out);
                key.put(out);
                text.put(out);
            }
            Self::Table { key, end, shape } => {
                1_u8.put(out);
                key.put(out);
                end.put(out);
                shape.put(out);
            }
        }
    }

    fn get(from: &mut In<'a>) -> Option<Self> {
        let table = bool::get(from)?;
        let key = Option::get(from)?;
        Some(if table {
            Self::Table { key, end: usize::get(from)?, shape: ScriptTableKind::get(from)? }
        } else {
            Self::Elem { key, text: CowStr::get(from)? }
        })
    }
}

impl<'a> Wire<'a> for ScanActivity {
    fn put(&self, out: &mut Out) {
        match self {
            Self::Task(task) => {
                0_u8.put(out);
                task.put(out);
            }
            Self::HostHint(hint) => {
                1_u8.put(out);
                hint.put(out);
            }
            Self::Target(target) => {
                2_u8.put(out);
                target.put(out);
            }
        }
    }

    fn get(from: &mut In<'a>) -> Option<Self> {
        Some(match u8::get(from)? {
            0 => Self::Task(Task::get(from)?),
            1 => Self::HostHint(HostHint::get(from)?),
            _ => Self::Target(TargetSkipped::get(from)?),
        })
    }
}

impl Wire<'_> for DiagnosticCode {
    fn put(&self, out: &mut Out) {
        self.as_str().put(out);
    }

    fn get(from: &mut In<'_>) -> Option<Self> {
        let name = <&str>::get(from)?;
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }
}

impl<'a> Wire<'a> for ScanSummary {
    fn put(&self, out: &mut Out) {
        let Self {
            header,
            scan_info,
            verbosity,
            debugging,
            stats,
            pre_scripts,
            post_scripts,
            hosts_seen,
            hosts_incomplete,
            truncated,
            resumed,
            bytes,
            content_sha256,
            diagnostics,
            has_scan,
        } = self;
        header.put(out);
        scan_info.put(out);
        (*verbosity, *debugging).put(out);
        stats.put(out);
        pre_scripts.put(out);
        post_scripts.put(out);
        (*hosts_seen, *hosts_incomplete).put(out);
        (*truncated, *resumed).put(out);
        bytes.put(out);
        content_sha256.put(out);
        diagnostics.put(out);
        has_scan.put(out);
    }

    fn get(from: &mut In<'a>) -> Option<Self> {
        let scripts = |from: &mut In<'a>| {
            let scripts: Vec<Script<'a>> = Vec::get(from)?;
            Some(scripts.into_iter().map(Script::into_owned).collect())
        };
        let (header, scan_info) = (ScanHeader::get(from)?, Vec::get(from)?);
        let (verbosity, debugging) = Wire::get(from)?;
        let stats = ScanStats::get(from)?;
        let (pre_scripts, post_scripts) = (scripts(from)?, scripts(from)?);
        let (hosts_seen, hosts_incomplete) = Wire::get(from)?;
        let (truncated, resumed) = Wire::get(from)?;
        Some(Self {
            header,
            scan_info,
            verbosity,
            debugging,
            stats,
            pre_scripts,
            post_scripts,
            hosts_seen,
            hosts_incomplete,
            truncated,
            resumed,
            bytes: Wire::get(from)?,
            content_sha256: Wire::get(from)?,
            diagnostics: Wire::get(from)?,
            has_scan: Wire::get(from)?,
        })
    }
}
