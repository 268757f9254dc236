//! scanmill's own documents: one line per host, one line per scan after its hosts, and optionally one line per event
//! (data model, section 4, "JSONL, nested").
//!
//! Members are the columns of the tables, in their order: `members` writes those of one object from the definitions
//! in `table::schema`. Here is what only documents have: how objects are nested, and the few members that have another
//! name or form than their column. `table::export` prints the same in a schema, and a test compares the two, member by
//! member. Null, empty lists and empty objects are left out.

mod merged;
mod port;

pub use self::merged::merged_line;
pub(super) use self::port::port;
use crate::{
    model::{
        Host, HostKey, Identity, OsClass, OsDetection, ScanActivity, ScanHeader, ScanSummary,
        Script, ScriptOrigin, ScriptScope, Trace,
    },
    table::{NestedFields, NestedMembers},
    text::{
        escape_json,
        json::{
            JsonEscaper, OBJECT, WriteJson as _, key, write_array, write_container, write_members,
            write_objects,
        },
    },
};

/// Writes the line of a host: its own values, operating systems, ports with services and scripts, host scripts and
/// routes.
///
/// ```
/// use scanmill::{
///     feed::nested::host_line,
///     model::{Host, ScanHeader},
/// };
/// let run = ScanHeader { scan_id: "9f".into(), ..ScanHeader::default() };
/// let mut line = Vec::new();
/// host_line(&run, &Host::new(0), &mut line);
/// let line: serde_json::Value = serde_json::from_slice(&line)?;
/// assert_eq!(line["host_id"], "9f-h0");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn host_line(run: &ScanHeader, host: &Host<'_>, out: &mut Vec<u8>) {
    line_of((run, host), true, out);
}

/// Writes the line of a host without `host_id` and `host_index`, which identify a host within one scan.
pub(crate) fn host_line_without_ids(run: &ScanHeader, host: &Host<'_>, out: &mut Vec<u8>) {
    line_of((run, host), false, out);
}

fn line_of((run, host): (&ScanHeader, &Host<'_>), has_ids: bool, out: &mut Vec<u8>) {
    line("host", out, |out| {
        scan(run, out);
        if has_ids {
            host_id(run, host, out);
        }
        out.extend_from_slice(key!("host_key").as_bytes());
        out.push(b'"');
        HostKey::write(host, Identity::Ip, &mut JsonEscaper(out));
        out.push(b'"');
        members(host, out);
        if !host.os.is_empty() {
            write_container(key!("os"), OBJECT, out, |out| os(&host.os, out));
        }
        write_objects(key!("ports"), &host.ports, out, port);
        write_objects(key!("scripts"), &host.scripts, out, script);
        write_objects(key!("trace"), &host.traces, out, trace);
    });
}

/// Maximum length of `args` in the line of a host, in bytes. A scan of a long list of targets has megabytes of
/// arguments, and every host would repeat them; the line of the scan contains all of them.
const ARGS: usize = 1 << 10;

fn scan(run: &ScanHeader, out: &mut Vec<u8>) {
    let args = run.args.as_deref();
    let cut = args.map(|args| args.get(..args.floor_char_boundary(ARGS)).unwrap_or(args));
    write_container(key!("scan"), OBJECT, out, |out| {
        write_members!(out,
            "scan_id": &run.scan_id,
            "scanner": &run.scanner,
            "scanner_version": &run.scanner_version,
            "args": cut,
            "args_truncated": (cut != args).then_some(true),
            "start_time": run.start_time,
        );
    });
}

/// Writes the line of a scan that has ended; nothing if the input contained no scan ([`ScanSummary::has_scan`]). `source`
/// is the name of the input as given.
pub fn scan_line(source: &str, record: &ScanSummary, out: &mut Vec<u8>) {
    if !record.has_scan {
        return;
    }
    line("scan", out, |out| {
        write_members!(out, "scan_id": &record.header.scan_id, "source": source);
        members(record, out);
        write_objects(key!("scripts"), record.scripts(), out, scan_script);
    });
}

/// Writes the line of an event. `event_index` is its index among the events of the scan.
pub fn event_line(run: &ScanHeader, event_index: i32, event: &ScanActivity, out: &mut Vec<u8>) {
    line("event", out, |out| {
        write_members!(out, "scan_id": &run.scan_id, "event_index": event_index, "kind": event.kind());
        members(event, out);
    });
}

fn line(kind: &str, out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    write_container("", OBJECT, out, |out| {
        write_members!(out, "_type": kind);
        fill(out);
    });
    out.push(b'\n');
}

fn host_id(run: &ScanHeader, host: &Host<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(key!("host_id").as_bytes());
    out.push(b'"');
    escape_json(&run.scan_id, out);
    host.index.write_member("-h", out);
    out.push(b'"');
    write_members!(out, "host_index": host.index);
}

pub(super) fn os(os: &OsDetection<'_>, out: &mut Vec<u8>) {
    let owner = |class: &OsClass<'_>| {
        let index = usize::try_from(class.match_index?).ok()?;
        (index < os.matches.len()).then_some(index)
    };
    // Classes are sorted by match, those without a match first, so that each match takes its own in one pass.
    let mut classes: Vec<&OsClass<'_>> = os.classes.iter().collect();
    classes.sort_by_key(|class| owner(class));
    let orphans = classes.partition_point(|class| owner(class).is_none());
    let (orphans, mut rest) = classes.split_at(orphans);
    write_objects(key!("matches"), os.matches.iter().enumerate(), out, |(index, found), out| {
        members(found, out);
        let own = rest.iter().take_while(|class| owner(class) == Some(index)).count();
        let (own, others) = rest.split_at(own);
        rest = others;
        write_objects(key!("classes"), own.iter().copied(), out, members);
    });
    write_objects(key!("classes"), orphans.iter().copied(), out, members);
    write_array(key!("fingerprints"), &os.fingerprints, out);
    write_objects(key!("ports_used"), &os.ports_used, out, members);
}

pub(super) fn script(script: &Script<'_>, out: &mut Vec<u8>) {
    members(script, out);
    write_members!(out, "origin": (script.origin == ScriptOrigin::Engine).then_some(script.origin.as_str()));
}

fn scan_script((scope, _, found): (ScriptScope, i32, &Script<'_>), out: &mut Vec<u8>) {
    write_members!(out, "scope": scope.as_str());
    script(found, out);
}

pub(super) fn trace(trace: &Trace<'_>, out: &mut Vec<u8>) {
    write_members!(out, "proto": &trace.proto, "port": trace.port);
    write_objects(key!("hops"), &trace.hops, out, members);
}

/// Writes the columns of a table that belong into the document (`table::schema`), in their order.
pub(super) fn members<T: NestedFields>(of: &T, out: &mut Vec<u8>) {
    of.nested_cells(&mut NestedMembers(out));
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::{
        error::{Diagnostic, DiagnosticCode, Position},
        model::{
            Address, AddressKind, ExtraPorts, ExtraReason, HostHint, HostState, HostStatus,
            HostTotals, Hostname, OsMatch, OsPortUsed, Port, PortState, Protocol, ScanInfo,
            ScanStats, ScriptTree, ScriptValue, Sequence, Service, TargetSkipped, Task, TaskKind,
            TcpSequence, Timestamp, TraceHop,
        },
        table::LEVELS,
    };

    fn header() -> ScanHeader {
        ScanHeader {
            position: crate::error::Position::default(),
            scan_id: "9f".into(),
            doc_index: 1,
            scanner: Some("nmap".into()),
            scanner_version: Some("7.95".into()),
            xml_version: Some("1.05".into()),
            args: Some("nmap -A \"x\"".into()),
            profile_name: Some("Quick".into()),
            start_time: Timestamp::from_seconds(1_700_000_000),
            start_str: Some("Tue Nov 14 22:13:20 2023".into()),
        }
    }

    /// Returns the text that was written, after checking that it is one line of JSON.
    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        let text = String::from_utf8(out).unwrap();
        let line = text.strip_suffix('\n').unwrap();
        assert!(!line.contains(['\n', '\r']), "{line}");
        serde_json::from_str::<serde_json::Value>(line).unwrap();
        line.to_owned()
    }

    #[test]
    fn arguments_above_1_kib_are_truncated_in_host_lines() {
        let scan = |args: &str| {
            let run = ScanHeader { args: Some(args.into()), ..header() };
            let line = text(|out| host_line(&run, &Host::new(0), out));
            serde_json::from_str::<serde_json::Value>(&line).unwrap()["scan"].clone()
        };
        let whole = "a".repeat(ARGS);
        assert_eq!(scan(&whole)["args"], whole);
        assert_eq!(scan(&whole)["args_truncated"], serde_json::Value::Null);
        // Cut between characters.
        let long = format!("{}\u{e9}{}", "a".repeat(ARGS - 1), "b".repeat(1000));
        assert_eq!(scan(&long)["args"], whole[..ARGS - 1]);
        assert_eq!(scan(&long)["args_truncated"], true);
        let record = ScanSummary {
            header: ScanHeader { args: Some(long.clone()), ..header() },
            has_scan: true,
            ..ScanSummary::default()
        };
        let line = text(|out| scan_line("a.xml", &record, out));
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&line["args"], line.get("args_truncated")), (&long.into(), None));
    }

    #[test]
    fn values_that_are_nested_too_deeply_are_strings() {
        let data_of = |data: ScriptValue<'static>| {
            let script = Script { data, ..ssh_script() };
            let mut host = Host::new(0);
            host.scripts.push(script);
            let line = text(|out| host_line(&header(), &host, out));
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            line["scripts"][0]["data"].clone()
        };
        let nested = |levels: usize| {
            let mut tree = ScriptTree::new();
            let open: Vec<_> = (1..levels).map(|_| tree.open(Some("a\"".into()))).collect();
            for at in open.into_iter().rev() {
                tree.close(at);
            }
            tree.close(0);
            ScriptValue::Tree(tree)
        };
        let json = |levels: usize| {
            ScriptValue::Json(format!("{}{}", "[".repeat(levels), "]".repeat(levels)).into())
        };
        for value in [nested(LEVELS), json(LEVELS)] {
            assert!(!data_of(value).is_string());
        }
        for value in [nested(LEVELS + 1), json(LEVELS + 1), json(100_000)] {
            let mut same = Vec::new();
            value.write_json(&mut same);
            assert_eq!(data_of(value), String::from_utf8(same).unwrap());
        }
    }

    fn ssh_script() -> Script<'static> {
        let mut tree = ScriptTree::new();
        tree.push_elem(Some("b".into()), "2".into());
        tree.push_elem(Some("a".into()), "1".into());
        tree.close(0);
        Script {
            name: "ssh-hostkey".into(),
            output: Some("\n  k\t\u{1}\u{e9}".into()),
            data: ScriptValue::Tree(tree),
            origin: ScriptOrigin::Nse,
        }
    }

    fn service_of_all() -> Service<'static> {
        Service {
            name: Some("ssh".into()),
            product: Some("OpenSSH".into()),
            version: Some("9.2".into()),
            extra_info: Some("protocol 2.0".into()),
            hostname: Some("h".into()),
            os_type: Some("Linux".into()),
            device_type: Some("d".into()),
            method: Some("probed".into()),
            confidence: Some(10),
            tunnel: Some("ssl".into()),
            rpc_proto: Some("rpc".into()),
            rpc_num: Some(100_000),
            low_ver: Some(2),
            high_ver: Some(4),
            cpes: vec!["cpe:/a:x".into(), "cpe:/o:y".into()],
            fingerprint: Some("SF:1".into()),
            banner: Some("SSH-2.0".into()),
        }
    }

    fn ports_of_all() -> Vec<Port<'static>> {
        let bare = Port {
            index: 1,
            services: vec![Service::default()],
            expanded: true,
            ..Port::new(Protocol::Udp, 53, PortState::OpenFiltered)
        };
        let full = Port {
            reason: Some("syn-ack".into()),
            reason_ttl: Some(64),
            reason_ip: Some("192.0.2.9".into()),
            owner: Some("root".into()),
            services: vec![service_of_all()],
            scripts: vec![ssh_script()],
            ..Port::new(Protocol::Tcp, 22, PortState::Open)
        };
        vec![full, bare]
    }

    fn class(match_index: Option<i32>, family: &'static str) -> OsClass<'static> {
        OsClass {
            match_index,
            kind: Some("general purpose".into()),
            vendor: Some("Linux".into()),
            family: Some(family.into()),
            generation: Some("5.X".into()),
            accuracy: Some(95),
            cpes: vec!["cpe:/o:linux".into()],
        }
    }

    fn os_of_all() -> OsDetection<'static> {
        let found = |name: &'static str| OsMatch {
            name: Some(name.into()),
            accuracy: Some(95),
            line: Some(7),
        };
        OsDetection {
            ports_used: vec![OsPortUsed {
                state: Some(PortState::Open),
                proto: Some("tcp".into()),
                port: Some(22),
            }],
            matches: vec![found("M0"), found("M1")],
            // Neither sorted nor all within the matches: no class may get lost.
            classes: vec![
                class(Some(1), "c1"),
                class(None, "c"),
                class(Some(0), "c0"),
                class(Some(5), "c5"),
            ],
            fingerprints: vec!["SCAN(V=1)\nSEQ()".into()],
        }
    }

    fn addresses_of_all() -> Vec<Address<'static>> {
        vec![
            Address {
                text: "192.0.2.1".into(),
                kind: AddressKind::Ipv4,
                ip: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
                zone: Some("eth0".into()),
                vendor: None,
            },
            Address {
                text: "00:00:5E:00:53:01".into(),
                kind: AddressKind::Mac,
                ip: None,
                zone: None,
                vendor: Some("IANA".into()),
            },
        ]
    }

    fn engine_script() -> Script<'static> {
        Script {
            name: "mine".into(),
            output: Some("".into()),
            data: ScriptValue::Json("{\n\"a\": [1,\r\n2]}".into()),
            origin: ScriptOrigin::Engine,
        }
    }

    fn route() -> Trace<'static> {
        Trace {
            proto: Some("tcp".into()),
            port: Some(80),
            hops: vec![TraceHop {
                ttl: Some(1),
                rtt_ms: Some(0.25),
                ip: Some("192.0.2.254".into()),
                hostname: Some("gw".into()),
            }],
        }
    }

    fn host_of_all() -> Host<'static> {
        Host {
            complete: true,
            start_time: Timestamp::from_seconds(1_700_000_001),
            end_time: Timestamp::from_seconds(1_700_000_002),
            timed_out: Some(false),
            comment: Some("c".into()),
            status: HostStatus {
                state: HostState::Up,
                reason: Some("echo-reply".into()),
                reason_ttl: Some(63),
            },
            addresses: addresses_of_all(),
            hostnames: vec![
                Hostname { name: "a.example".into(), kind: Some("PTR".into()) },
                Hostname { name: "b.example".into(), kind: Some("user".into()) },
            ],
            smurf_responses: Some(3),
            extra_ports: vec![ExtraPorts {
                state: Some(PortState::Closed),
                count: Some(998),
                reasons: vec![ExtraReason {
                    reason: Some("reset".into()),
                    count: Some(998),
                    proto: Some("tcp".into()),
                    ports: Some("1-21".into()),
                }],
            }],
            ports: ports_of_all(),
            ports_listed: 2,
            ports_open: 1,
            os: os_of_all(),
            uptime_s: Some(5_000_000_000),
            last_boot: Some("Mon".into()),
            distance: Some(2),
            tcp_sequence: TcpSequence {
                index: Some(260),
                difficulty: Some("Good luck!".into()),
                class: Some("truly random".into()),
                values: Some("A,B".into()),
            },
            ip_id_sequence: Sequence {
                class: Some("All zeros".into()),
                values: Some("0,0".into()),
            },
            tcp_ts_sequence: Sequence { class: Some("1000HZ".into()), values: Some("C,D".into()) },
            scripts: vec![engine_script()],
            traces: vec![route(), Trace::default()],
            srtt_us: Some(1250),
            rttvar_us: Some(5000),
            timeout_us: Some(-1),
            ..Host::new(4)
        }
    }

    #[test]
    fn a_full_host_has_every_member_in_the_documented_order() {
        let class = |family| {
            format!(
                r#"{{"type":"general purpose","vendor":"Linux","family":"{family}","gen":"5.X","accuracy":95,"cpes":["cpe:/o:linux"]}}"#
            )
        };
        let expected = [
            r#"{"_type":"host","scan":{"scan_id":"9f","scanner":"nmap","scanner_version":"7.95","args":"nmap -A \"x\"","start_time":"2023-11-14T22:13:20Z"},"#,
            r#""host_id":"9f-h4","host_index":4,"host_key":"ip:192.0.2.1%eth0","ip":"192.0.2.1","ip_version":4,"ip_zone":"eth0","#,
            r#""mac":"00:00:5E:00:53:01","mac_vendor":"IANA","hostname":"b.example","#,
            r#""hostnames":[{"name":"a.example","type":"PTR"},{"name":"b.example","type":"user"}],"#,
            r#""addresses":[{"addr":"192.0.2.1","type":"ipv4"},{"addr":"00:00:5E:00:53:01","type":"mac","vendor":"IANA"}],"#,
            r#""state":"up","reason":"echo-reply","reason_ttl":63,"start_time":"2023-11-14T22:13:21Z","end_time":"2023-11-14T22:13:22Z","#,
            r#""timed_out":false,"complete":true,"comment":"c","distance":2,"uptime_s":5000000000,"last_boot":"Mon","#,
            r#""tcp_seq_index":260,"tcp_seq_difficulty":"Good luck!","tcp_seq_class":"truly random","tcp_seq_values":"A,B","#,
            r#""ip_id_class":"All zeros","ip_id_values":"0,0","tcp_ts_class":"1000HZ","tcp_ts_values":"C,D","#,
            r#""srtt_ms":1.25,"rttvar_ms":5.0,"smurf_responses":3,"#,
            r#""extra_ports":[{"state":"closed","count":998,"reasons":[{"reason":"reset","count":998,"proto":"tcp","ports":"1-21"}]}],"#,
            r#""ports_listed":2,"ports_open":1,"#,
            r#""os":{"matches":[{"name":"M0","accuracy":95,"line":7,"classes":["#,
            &class("c0"),
            r#"]},{"name":"M1","accuracy":95,"line":7,"classes":["#,
            &class("c1"),
            r#"]}],"classes":["#,
            &class("c"),
            ",",
            &class("c5"),
            r#"],"fingerprints":["SCAN(V=1)\nSEQ()"],"ports_used":[{"state":"open","proto":"tcp","port":22}]},"#,
            r#""ports":[{"protocol":"tcp","port":22,"state":"open","reason":"syn-ack","reason_ttl":64,"reason_ip":"192.0.2.9","owner":"root","#,
            r#""services":[{"name":"ssh","product":"OpenSSH","version":"9.2","extra_info":"protocol 2.0","hostname":"h","os_type":"Linux","#,
            r#""device_type":"d","method":"probed","confidence":10,"tunnel":"ssl","rpc_proto":"rpc","rpc_num":100000,"low_ver":2,"high_ver":4,"#,
            r#""cpes":["cpe:/a:x","cpe:/o:y"],"fingerprint":"SF:1","banner":"SSH-2.0"}],"#,
            r#""scripts":[{"name":"ssh-hostkey","output":"\n  k\t\u0001"#,
            "\u{e9}",
            r#"","data":{"b":"2","a":"1"}}]},"#,
            r#"{"protocol":"udp","port":53,"state":"open|filtered","expanded":true}],"#,
            r#""scripts":[{"name":"mine","output":"","data":{ "a": [1,  2]},"origin":"engine"}],"#,
            r#""trace":[{"proto":"tcp","port":80,"hops":[{"ttl":1,"rtt_ms":0.25,"ip":"192.0.2.254","hostname":"gw"}]}]}"#,
        ]
        .concat();
        assert_eq!(text(|out| host_line(&header(), &host_of_all(), out)), expected);
    }

    #[test]
    fn a_minimal_host_has_only_members_that_are_never_null() {
        let run = ScanHeader { scan_id: "9f".into(), ..ScanHeader::default() };
        assert_eq!(
            text(|out| host_line(&run, &Host::new(0), out)),
            concat!(
                r#"{"_type":"host","scan":{"scan_id":"9f"},"host_id":"9f-h0","host_index":0,"#,
                r#""host_key":"idx:0","state":"unknown","complete":false,"ports_listed":0,"ports_open":0}"#
            )
        );
    }

    #[test]
    fn hostile_names_stay_inside_their_strings() {
        let mut host = Host::new(0);
        host.hostnames.push(Hostname { name: "a\",\n\u{0}\\.B".into(), kind: None });
        let line = text(|out| host_line(&header(), &host, out));
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["hostname"], "a\",\n\u{0}\\.B");
        assert_eq!(line["host_key"], "name:a\",\n\u{0}\\.b");
    }

    #[test]
    fn an_empty_script_value_is_kept_and_a_missing_one_is_omitted() {
        let mut host = Host::new(0);
        let empty = |data, output: Option<&'static str>| Script {
            name: "s".into(),
            output: output.map(Into::into),
            data,
            origin: ScriptOrigin::Nse,
        };
        host.scripts.push(empty(ScriptValue::Tree(ScriptTree::new()), None));
        host.scripts.push(empty(ScriptValue::None, Some("")));
        host.scripts.push(empty(ScriptValue::Text("".into()), None));
        host.scripts.push(empty(ScriptValue::Json("null".into()), None));
        let line = text(|out| host_line(&header(), &host, out));
        assert!(
            line.ends_with(
                r#""scripts":[{"name":"s","data":[]},{"name":"s","output":""},{"name":"s","data":""},{"name":"s","data":null}]}"#
            ),
            "{line}"
        );
    }

    #[test]
    fn a_scan_line_has_every_member_in_the_documented_order() {
        let record = ScanSummary {
            header: header(),
            scan_info: vec![
                ScanInfo {
                    kind: Some("syn".into()),
                    protocol: Some("tcp".into()),
                    num_services: Some(2),
                    services: Some("22,80".into()),
                    scan_flags: Some("ACK".into()),
                },
                ScanInfo::default(),
            ],
            verbosity: Some(1),
            debugging: Some(0),
            stats: ScanStats {
                finished: true,
                end_time: Timestamp::from_seconds(1_700_000_009),
                end_str: Some("later".into()),
                elapsed_s: Some(9.0),
                exit_status: Some("error".into()),
                error_message: Some("m".into()),
                summary: Some("s".into()),
                hosts: HostTotals { up: Some(1), down: Some(2), total: Some(3) },
            },
            pre_scripts: vec![ssh_script()],
            post_scripts: vec![Script { data: ScriptValue::None, ..ssh_script() }],
            hosts_seen: 3,
            hosts_incomplete: 1,
            truncated: true,
            resumed: false,
            bytes: 1234,
            content_sha256: Some("ab".into()),
            diagnostics: vec![Diagnostic {
                code: DiagnosticCode::Truncated,
                position: Position { byte: 1, line: 1 },
                count: 2,
                detail: String::new(),
            }],
            has_scan: true,
        };
        let expected = [
            r#"{"_type":"scan","scan_id":"9f","source":"a.xml","doc_index":1,"scanner":"nmap","scanner_version":"7.95","xml_version":"1.05","#,
            r#""args":"nmap -A \"x\"","profile_name":"Quick","start_time":"2023-11-14T22:13:20Z","start_str":"Tue Nov 14 22:13:20 2023","#,
            r#""end_time":"2023-11-14T22:13:29Z","end_str":"later","elapsed_s":9.0,"finished":true,"exit_status":"error","error_message":"m","#,
            r#""summary":"s","hosts_up":1,"hosts_down":2,"hosts_total":3,"verbosity":1,"debugging":0,"#,
            r#""scan_info":[{"type":"syn","protocol":"tcp","num_services":2,"services":"22,80","scan_flags":"ACK"}],"#,
            r#""hosts_seen":3,"hosts_incomplete":1,"truncated":true,"resumed":false,"bytes":1234,"warnings":2,"content_sha256":"ab","#,
            r#""scripts":[{"scope":"prerule","name":"ssh-hostkey","output":"\n  k\t\u0001"#,
            "\u{e9}",
            r#"","data":{"b":"2","a":"1"}},{"scope":"postrule","name":"ssh-hostkey","output":"\n  k\t\u0001"#,
            "\u{e9}",
            r#""}]}"#,
        ]
        .concat();
        assert_eq!(text(|out| scan_line("a.xml", &record, out)), expected);

        let mut out = Vec::new();
        scan_line("a.xml", &ScanSummary { has_scan: false, ..record }, &mut out);
        assert!(out.is_empty(), "a document without a scan has no scan line");
    }

    #[test]
    fn events_have_the_members_of_their_kind() {
        let task = ScanActivity::Task(Task {
            kind: TaskKind::Progress,
            task: Some("SYN Stealth Scan".into()),
            time: Timestamp::from_seconds(1_700_000_000),
            extra_info: Some("x".into()),
            percent: Some(12.5),
            remaining_s: Some(7),
            etc_time: Timestamp::from_seconds(1_700_000_007),
        });
        let hint = ScanActivity::HostHint(HostHint {
            ip: Some("192.0.2.1".into()),
            mac: Some("00:00:5E:00:53:01".into()),
            hostname: Some("a".into()),
            state: Some("up".into()),
            reason: Some("arp-response".into()),
            ..HostHint::default()
        });
        let target = ScanActivity::Target(TargetSkipped {
            specification: Some("nope".into()),
            status: Some("skipped".into()),
            reason: Some("invalid".into()),
        });
        for (index, event, members) in [
            (
                0,
                task,
                r#""kind":"taskprogress","task":"SYN Stealth Scan","time":"2023-11-14T22:13:20Z","extra_info":"x","percent":12.5,"remaining_s":7,"etc_time":"2023-11-14T22:13:27Z""#,
            ),
            (
                1,
                hint,
                r#""kind":"hosthint","ip":"192.0.2.1","mac":"00:00:5E:00:53:01","hostname":"a","state":"up","reason":"arp-response""#,
            ),
            (
                2,
                target,
                r#""kind":"target","state":"skipped","reason":"invalid","specification":"nope""#,
            ),
        ] {
            assert_eq!(
                text(|out| event_line(&header(), index, &event, out)),
                format!(r#"{{"_type":"event","scan_id":"9f","event_index":{index},{members}}}"#)
            );
        }
    }
}
