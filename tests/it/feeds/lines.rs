//! No line exceeds its limit, and truncated lines are marked.

use proptest::prelude::*;
use scanmill::{
    feed::{DEFAULT_MAX_LINE_BYTES, Feed, MIN_LINE_BYTES, cim::Cim, ecs::Ecs, ocsf::Version},
    model::{
        Address, AddressKind, Host, HostState, Hostname, OsMatch, Port, PortState, Protocol,
        ScanHeader, Script, ScriptOrigin, ScriptValue, Service,
    },
};
use serde_json::Value;

use super::{all_of_ecs, all_of_ocsf, lines, values};
use crate::support::fixture;

/// Returns feeds with this limit on the length of lines.
fn feeds(max: usize) -> [Feed; 3] {
    let mut ecs = all_of_ecs();
    ecs.max_line_bytes = max;
    let mut ocsf = all_of_ocsf(Version::V1_8);
    ocsf.max_line_bytes = max;
    let mut cim = Cim::default();
    (cim.max_line_bytes, cim.hec) = (max, true);
    [Feed::from(ecs), Feed::from(ocsf), Feed::from(cim)]
}

/// Returns true if an event is marked as truncated.
fn is_marked(event: &Value) -> bool {
    let places = ["/nmap/line_truncated", "/unmapped/nmap/line_truncated", "/event/line_truncated"];
    places.iter().any(|place| event.pointer(place) == Some(&Value::Bool(true)))
}

/// Returns an event without its mark.
fn unmarked(mut event: Value) -> Value {
    for place in ["/nmap", "/unmapped/nmap", "/event"] {
        if let Some(Value::Object(members)) = event.pointer_mut(place) {
            members.remove("line_truncated");
        }
    }
    event
}

#[test]
fn lines_of_any_limit_are_complete_and_marked_if_truncated() {
    let mut marked = 0;
    for start in ["02-", "19-", "22-"] {
        let bytes = fixture(start).bytes;
        for (whole, kind) in feeds(64 << 20).iter().zip(0..) {
            let whole = values(&lines(whole, &bytes));
            for max in (MIN_LINE_BYTES..DEFAULT_MAX_LINE_BYTES).step_by(997) {
                let text = lines(&feeds(max)[kind], &bytes);
                assert_eq!(text.lines().count(), whole.len());
                for (line, whole) in text.lines().zip(&whole) {
                    assert!(line.len() <= max, "{} > {max}: {line}", line.len());
                    let event: Value = serde_json::from_str(line).unwrap();
                    assert!(!is_marked(whole));
                    let same = unmarked(event.clone()) == *whole;
                    assert_eq!(is_marked(&event), !same, "{start} {max}: {line}");
                    marked += usize::from(!same);
                }
            }
        }
    }
    assert!(marked > 20, "{marked} lines were cut");
}

#[test]
fn output_of_scripts_is_truncated_before_anything_else() {
    let bytes = fixture("19-").bytes;
    let [whole, ..] = feeds(64 << 20);
    let [cut, ..] = feeds(MIN_LINE_BYTES);
    let mut cuts = 0;
    for (whole, cut) in values(&lines(&whole, &bytes)).iter().zip(values(&lines(&cut, &bytes))) {
        if is_marked(&cut) {
            cuts += 1;
            assert_eq!(whole["host"], cut["host"]);
            assert_eq!(whole["event"], cut["event"]);
            assert_eq!(whole["nmap"]["ports"], cut["nmap"]["ports"]);
        }
    }
    assert!(cuts > 0);
}

#[test]
fn nul_is_never_written() {
    let mut host = hostile("a\0b\\u0000", 1, 1);
    host.scripts.push(Script {
        name: "json".into(),
        output: None,
        data: ScriptValue::Json(r#"{"a":"\u0000","b":"\\u0000"}"#.into()),
        origin: ScriptOrigin::Engine,
    });
    for feed in feeds(DEFAULT_MAX_LINE_BYTES) {
        let mut out = Vec::new();
        feed.host(&header(), &host, &mut out);
        for event in values(std::str::from_utf8(&out).unwrap()) {
            let text = event.to_string();
            let value: Value = serde_json::from_str(&text).unwrap();
            assert!(!has_nul(&value), "{text}");
        }
        assert!(String::from_utf8(out).unwrap().contains("a\u{fffd}b"));
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(k, v)| k.contains('\0') || has_nul(v)),
        _ => false,
    }
}

fn header() -> ScanHeader {
    ScanHeader { scan_id: "9f".into(), scanner: Some("nmap".into()), ..ScanHeader::default() }
}

/// Returns a host in which everything is this text, repeated `times` times.
fn hostile(text: &str, times: usize, ports: u16) -> Host<'_> {
    let some = || Some(text.into());
    let script = || Script {
        name: text.into(),
        output: some(),
        data: ScriptValue::Text(text.into()),
        origin: ScriptOrigin::Nse,
    };
    let service = || Service {
        name: some(),
        product: some(),
        version: some(),
        cpes: vec![text.into(); times],
        fingerprint: some(),
        banner: some(),
        ..Service::default()
    };
    let mut host = Host::new(0);
    host.status.state = HostState::Up;
    host.status.reason = some();
    host.hostnames = vec![Hostname { name: text.into(), kind: some() }; times];
    host.addresses = vec![
        Address {
            text: text.into(),
            kind: AddressKind::Ipv4,
            ip: None,
            zone: None,
            vendor: some(),
        };
        times
    ];
    host.os.matches = vec![OsMatch { name: some(), accuracy: Some(99), line: None }; times];
    host.os.fingerprints = vec![text.into(); times];
    host.scripts = vec![script(); times];
    host.ports = (0..ports)
        .map(|number| Port {
            protocol: Protocol::Other(text.into()),
            number,
            index: i32::from(number),
            state: PortState::Open,
            reason: some(),
            reason_ttl: None,
            reason_ip: some(),
            owner: some(),
            services: vec![service(); times],
            scripts: vec![script(); times],
            expanded: false,
        })
        .collect();
    host
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn the_most_hostile_host_fits_into_lines(
        text in r"[\x01-\x25\\\u{7f}-\u{ff}\PC]{0,300}",
        repeat in 1..4_usize,
        times in 0..5_usize,
        max in MIN_LINE_BYTES..DEFAULT_MAX_LINE_BYTES,
    ) {
        let text = text.repeat(repeat);
        let host = hostile(&text, times, 3);
        let run = ScanHeader { args: Some(text.clone()), scanner: Some(text.clone()), ..header() };
        for feed in feeds(max) {
            let mut out = Vec::new();
            feed.host(&run, &host, &mut out);
            for line in String::from_utf8(out).unwrap().lines() {
                prop_assert!(line.len() <= max, "{} > {}: {}", line.len(), max, line);
                prop_assert!(serde_json::from_str::<Value>(line).is_ok(), "{}", line);
            }
        }
    }
}

#[test]
fn requests_to_a_bulk_api_have_an_action_before_each_event() {
    let mut ecs = Ecs::default();
    ecs.bulk = Some("nmap".into());
    let mut out = Vec::new();
    let host = hostile("x", 1, 1);
    assert_eq!(Feed::from(ecs).host(&header(), &host, &mut out), 2);
    let lines = values(std::str::from_utf8(&out).unwrap());
    assert_eq!(lines.len(), 4);
    for pair in lines.chunks(2) {
        assert_eq!(pair[0]["create"]["_index"], "nmap");
        assert_eq!(pair[0]["create"]["_id"], pair[1]["event"]["id"]);
    }
}

#[test]
fn events_for_the_http_event_collector_are_wrapped() {
    let mut cim = Cim::default();
    let plain = values(&lines(&Feed::from(cim.clone()), &fixture("02-").bytes));
    (cim.hec, cim.sensor) = (true, Some("probe".into()));
    let wrapped = values(&lines(&Feed::from(cim), &fixture("02-").bytes));
    assert!(!plain.is_empty() && plain.len() == wrapped.len());
    for (plain, wrapped) in plain.iter().zip(&wrapped) {
        assert_eq!(wrapped["host"], "probe");
        assert_eq!(wrapped["sourcetype"], "nmap:port");
        assert_eq!(wrapped["time"], plain["_time"]);
        assert_eq!(wrapped["event"]["dest_port"], plain["dest_port"]);
        assert_eq!(plain["state"], "listening");
    }
}
