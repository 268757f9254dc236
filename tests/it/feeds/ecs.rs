//! Events of ECS are checked against the schema's list of fields.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use scanmill::{
    diff::differences,
    feed::{
        Feed,
        ecs::{Ecs, FieldKind, changes, fields},
    },
    merge::{MergePolicy, Merger, Precedence},
    model::ScanEvent,
    xml::{Options, Reader},
};
use serde_json::Value;

use super::{all_of_ecs, lines, merged_lines, schema, values};
use crate::support::{fixture, fixtures};

/// The list of fields of ECS, and the list of those that scanmill writes.
struct Fields {
    schema: Value,
    own: BTreeMap<&'static str, FieldKind>,
}

impl Fields {
    fn new() -> Self {
        Self { schema: schema("ecs-9.4.0-subset.json"), own: fields().iter().copied().collect() }
    }

    /// Checks an event, and records the paths of its fields in `seen`.
    fn check(&self, event: &Value, seen: &mut BTreeSet<String>) {
        self.walk("", event, false, seen);
        let allowed = |field: &str, value: &Value| {
            let list = self.schema["allowed"][field].as_array().unwrap();
            assert!(list.contains(value), "{field} is {value}");
        };
        allowed("event.kind", &event["event"]["kind"]);
        if let Some(outcome) = event["event"].get("outcome") {
            allowed("event.outcome", outcome);
        }
        if let Some(system) = event["host"]["os"].get("type") {
            allowed("host.os.type", system);
        }
        for category in event["event"]["category"].as_array().unwrap() {
            allowed("event.category", category);
            let expected = &self.schema["expected_event_types"][category.as_str().unwrap()];
            for kind in event["event"]["type"].as_array().unwrap() {
                allowed("event.type", kind);
                assert!(expected.as_array().unwrap().contains(kind), "{kind} of {category}");
            }
        }
        assert!(event["event"]["id"].is_string() && event["@timestamp"].is_string());
    }

    fn walk(&self, path: &str, value: &Value, listed: bool, seen: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) if self.own.get(path) != Some(&FieldKind::Flattened) => {
                assert!(!members.is_empty(), "{path} is empty");
                for (name, value) in members {
                    assert!(!name.contains('.'), "{path} has the dotted key {name}");
                    let inner =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    self.walk(&inner, value, listed, seen);
                }
            }
            Value::Array(items) => {
                assert!(!items.is_empty(), "{path} is empty");
                for item in items {
                    self.walk(path, item, true, seen);
                }
            }
            value => {
                seen.insert(path.to_owned());
                self.leaf(path, value, listed);
            }
        }
    }

    fn leaf(&self, path: &str, value: &Value, listed: bool) {
        let own = self.own.get(path).unwrap_or_else(|| panic!("{path} is not in our list"));
        let kind = if path.starts_with("nmap.") {
            *own
        } else {
            let field = self.schema["fields"][path].as_array();
            let field = field.unwrap_or_else(|| panic!("{path} is no field of the schema"));
            let is_array = field.get(1).is_some_and(|word| word == "array");
            assert_eq!(is_array, listed, "{path} is an array or not");
            match field[0].as_str().unwrap() {
                "keyword" | "constant_keyword" => FieldKind::Keyword,
                "match_only_text" => FieldKind::Text,
                "long" => FieldKind::Long,
                "date" => FieldKind::Date,
                "ip" => FieldKind::Ip,
                other => panic!("{path} is a {other}"),
            }
        };
        assert_eq!(*own, kind, "{path} in our list");
        let fits = match kind {
            FieldKind::Keyword | FieldKind::Text | FieldKind::Kept => value.is_string(),
            FieldKind::Long => value.is_i64(),
            FieldKind::Float => value.is_number(),
            FieldKind::Date => value.as_str().is_some_and(|text| {
                text.len() == 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T'
            }),
            FieldKind::Ip => value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok()),
            FieldKind::Boolean => value.is_boolean(),
            FieldKind::Flattened => value.is_object(),
            other => panic!("{path} is {other:?}"),
        };
        assert!(fits, "{path} is {value}, not {kind:?}");
    }
}

#[test]
fn every_event_of_every_fixture_has_known_fields_of_the_right_type() {
    let (fields, mut seen, mut count) = (Fields::new(), BTreeSet::new(), 0);
    let feed = Feed::from(all_of_ecs());
    for fixture in fixtures() {
        let text = lines(&feed, &fixture.bytes);
        for event in values(&text) {
            fields.check(&event, &mut seen);
            count += 1;
        }
    }
    let days: Vec<_> = ["40-", "41-", "44-", "46-"].map(fixture).into();
    let days: Vec<_> = days.iter().map(|fixture| &*fixture.bytes).collect();
    for event in values(&merged_lines(&feed, &days)) {
        fields.check(&event, &mut seen);
    }
    for event in values(&changed(&Ecs::default(), "41-", "44-")) {
        fields.check(&event, &mut seen);
    }
    for event in values(&changed_between(&Ecs::default(), LISTED, LISTED_LATER)) {
        fields.check(&event, &mut seen);
    }
    assert!(count > 1000, "{count} events");
    for event in values(&lines(&feed, RARE.as_bytes())) {
        fields.check(&event, &mut seen);
    }
    // Truncated lines, ports from lists and scripts of users have these; other tests cover them.
    let others =
        ["nmap.line_truncated", "nmap.port.expanded", "nmap.script.origin", "nmap.scripts.origin"];
    let missing: Vec<_> = fields.own.keys().filter(|path| !seen.contains(**path)).collect();
    assert_eq!(missing, others.iter().collect::<Vec<_>>(), "fields that are never written");
}

/// Ports that are not listed individually, a port whose state changes, and a port that is scanned later.
const LISTED: &[u8] = br#"<nmaprun args="a" start="1700000000"><host><status state="up"/><address addr="192.0.2.1"/><ports>
<extraports state="closed"><extrareasons proto="tcp" ports="1-9"/></extraports></ports></host></nmaprun>"#;
const LISTED_LATER: &[u8] = br#"<nmaprun args="b" start="1700000001"><host><status state="up"/><address addr="192.0.2.1"/><ports>
<extraports state="filtered"><extrareasons proto="tcp" ports="1-9"/></extraports>
<port protocol="tcp" portid="22"><state state="open"/></port></ports></host></nmaprun>"#;

/// Features that no fixture has: two services of one port with every possible member.
const RARE: &str = r#"<nmaprun scanner="nmap" args="x" start="1700000000" version="7"><host comment="c">
<status state="up"/><address addr="192.0.2.1" addrtype="ipv4"/><ports>
<port protocol="tcp" portid="80"><state state="open" reason_ip="192.0.2.9"/><owner name="root"/>
<service name="http" product="p" version="v" extrainfo="e" hostname="h" ostype="o" devicetype="d"
method="probed" conf="10" tunnel="ssl" proto="rpc" rpcnum="1" lowver="1" highver="2" servicefp="SF">
<cpe>cpe:/a:x</cpe></service></port>
<port protocol="tcp" portid="80"><state state="open"/><service name="title" banner="b"/></port>
</ports><os><osclass type="t" vendor="v" osfamily="f" osgen="g" accuracy="90"><cpe>cpe:/o:x</cpe></osclass></os>
</host></nmaprun>"#;

#[test]
fn ids_are_unique_in_a_document_and_the_same_on_a_second_run() {
    let feed = Feed::from(all_of_ecs());
    for fixture in fixtures() {
        // Some fixtures contain several copies of a scan, which share their IDs.
        if ["34-", "35-"].iter().any(|start| fixture.name.starts_with(start)) {
            continue;
        }
        let text = lines(&feed, &fixture.bytes);
        assert_eq!(text, lines(&feed, &fixture.bytes), "{}", fixture.name);
        let mut ids = BTreeSet::new();
        for event in values(&text) {
            let id = event["event"]["id"].as_str().unwrap().to_owned();
            assert!(id.len() <= 512 && ids.insert(id.clone()), "{}: {id} twice", fixture.name);
        }
    }
}

#[test]
fn open_ports_have_events_and_other_states_can_have_them() {
    let fixture = fixture("08-");
    let ports = |ecs: Ecs| -> Vec<Value> {
        let events = values(&lines(&Feed::from(ecs), &fixture.bytes));
        events.into_iter().filter(|e| e["event"]["dataset"] == "nmap.port").collect()
    };
    let open = ports(Ecs::default());
    assert!(!open.is_empty() && open.iter().all(|e| e["nmap"]["port"]["state"] == "open"));
    let all = ports(all_of_ecs());
    assert!(all.len() > open.len());
    assert!(all.iter().any(|e| e["event"]["action"] == "port-closed"));
}

#[test]
fn merged_hosts_have_the_ids_of_the_merge() {
    let days: Vec<_> = ["41-", "44-"].map(fixture).into();
    let days: Vec<_> = days.iter().map(|fixture| &*fixture.bytes).collect();
    let events = values(&merged_lines(&Feed::from(Ecs::default()), &days));
    let id = scanmill::model::merged_host_id(events[0]["host"]["id"].as_str().unwrap());
    assert_eq!(events[0]["event"]["id"], *id);
    assert!(events[0]["nmap"]["host"]["seen"].as_i64().unwrap() >= 1);
    let port = events.iter().find(|e| e["event"]["dataset"] == "nmap.port").unwrap();
    assert!(port["event"]["id"].as_str().unwrap().contains("-tcp-"));
    assert!(port["nmap"]["port"]["seen"].is_i64());
}

/// Returns the events of the changes between two fixtures.
fn changed(ecs: &Ecs, old: &str, new: &str) -> String {
    changed_between(ecs, &fixture(old).bytes, &fixture(new).bytes)
}

fn changed_between(ecs: &Ecs, old: &[u8], new: &[u8]) -> String {
    let read = |bytes: &[u8]| {
        let mut merger = Merger::new(MergePolicy::new(Precedence::Latest));
        for event in Reader::new(bytes, Options::default()).events() {
            match event.unwrap() {
                ScanEvent::Host(host) => merger.host(&host).unwrap(),
                ScanEvent::ScanEnd(record) => merger.end_scan("x.xml", *record),
                _ => {}
            }
        }
        merger
    };
    let mut out = Vec::new();
    let hosts = differences(read(old), read(new)).unwrap();
    let scans = hosts.scans();
    for host in hosts {
        changes(ecs, &host.unwrap(), &scans, &mut out);
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn changes_are_events_with_ids_of_both_scans() {
    let states = ["40-", "41-", "44-", "42-", "43-", "45-", "46-", "10-"];
    let mut actions = BTreeSet::new();
    for (old, new) in states.iter().zip(&states[1..]) {
        let text = changed(&Ecs::default(), old, new);
        assert_eq!(text, changed(&Ecs::default(), old, new));
        let events = values(&text);
        check_ids(&events);
        let action = |event: &Value| event["event"]["action"].as_str().unwrap().to_owned();
        actions.extend(events.iter().map(action));
    }
    for action in [
        "host-appeared",
        "host-gone",
        "host-moved",
        "host-down",
        "port-opened",
        "port-closed",
        "service-changed",
    ] {
        assert!(actions.contains(action), "{action}: {actions:?}");
    }
}

#[test]
fn changes_of_ports_agree_with_events_of_ports() {
    let mut compared = 0;
    for (old, new) in
        [("40-", "41-"), ("41-", "44-"), ("43-", "41-"), ("02-", "15-"), ("46-", "10-")]
    {
        let ports = values(&lines(&Feed::from(all_of_ecs()), &fixture(new).bytes));
        let key = |event: &Value| {
            let place = |name: &str| event.pointer(name).map(ToString::to_string);
            (place("/destination/ip"), place("/destination/port"), place("/network/iana_number"))
        };
        for change in values(&changed(&all_of_ecs(), old, new)) {
            let mut same = ports.iter().filter(|port| {
                port["event"]["dataset"] == "nmap.port" && key(port) == key(&change)
            });
            let Some(port) = same.next() else { continue };
            if change["event"]["action"] == "host-appeared"
                || change["nmap"]["change"]["new"].is_null()
            {
                continue;
            }
            for name in ["@timestamp", "destination", "network", "service", "observer", "tags"] {
                assert_eq!(change[name], port[name], "{name} of {change}");
            }
            for name in ["provider", "outcome", "start", "end", "duration", "module"] {
                assert_eq!(change["event"][name], port["event"][name], "{name} of {change}");
            }
            assert_eq!(change["nmap"]["scan"], port["nmap"]["scan"]);
            compared += 1;
        }
    }
    assert!(compared > 30, "{compared}");
}

#[test]
fn a_loss_is_reported_by_the_scan_that_did_not_find_it() {
    let gone = |new: &str| {
        let events = values(&changed(&Ecs::default(), "44-", new));
        let is_gone = |event: &Value| {
            event["event"]["action"] == "host-gone" && event["host"]["id"] == "ip:192.0.2.30"
        };
        let gone = events.into_iter().find(is_gone).unwrap();
        let scan = values(&lines(&Feed::from(Ecs::default()), &fixture(new).bytes));
        let scan = scan.into_iter().find(|event| event["event"]["dataset"] == "nmap.scan").unwrap();
        assert_eq!(gone["@timestamp"], scan["@timestamp"]);
        assert_eq!(gone["nmap"]["scan"]["id"], scan["nmap"]["scan"]["id"]);
        assert_eq!(gone["nmap"]["change"]["new_scan_id"], scan["nmap"]["scan"]["id"]);
        gone["event"]["id"].to_string()
    };
    // If two scans find one loss, there are two events.
    assert_ne!(gone("45-"), gone("43-"));
}

fn check_ids(events: &[Value]) {
    let mut ids = BTreeSet::new();
    for event in events {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let change = &event["nmap"]["change"];
        let port = event["destination"]["port"].as_i64();
        let parts = [
            "scanmill.change.v1".to_owned(),
            text(&change["old_scan_id"]),
            text(&change["new_scan_id"]),
            text(&event["host"]["id"]),
            text(&event["network"]["transport"]),
            port.map_or_else(|| text(&change["ports"]), |port| port.to_string()),
            text(&event["event"]["action"]),
            text(&change["column"]),
        ];
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        assert_eq!(event["event"]["id"], *scanmill::model::id_of_parts(&parts));
        assert!(ids.insert(text(&event["event"]["id"])));
        assert_eq!(event["event"]["type"], serde_json::json!(["change"]));
    }
}
