//! Events of OCSF are checked against the schemas of their classes.

use std::collections::BTreeSet;

use jsonschema::Validator;
use scanmill::feed::{
    Feed,
    ocsf::{Ocsf, Version},
};
use serde_json::Value;

use super::{all_of_ocsf, lines, merged_lines, schema, values};
use crate::support::{fixture, fixtures};

struct Schemas {
    version: Version,
    inventory: Validator,
    software: Option<Validator>,
}

impl Schemas {
    fn of(version: Version) -> Self {
        let mut schemas = match version {
            Version::V1_6 => vec![schema("ocsf-1.6.0-inventory_info.schema.json")],
            _ => vec![
                schema("ocsf-1.8.0-inventory_info.schema.json"),
                schema("ocsf-1.8.0-software_info.schema.json"),
            ],
        };
        if version == Version::V1_7 {
            for schema in &mut schemas {
                let device = schema["$defs"]["device"]["properties"].as_object_mut().unwrap();
                assert!(device.remove("mac_vendor").is_some());
            }
        }
        let mut compiled = schemas.iter().map(|schema| {
            assert_eq!(schema["additionalProperties"], false);
            jsonschema::options().build(schema).unwrap()
        });
        let inventory = compiled.next().unwrap();
        Self { version, inventory, software: compiled.next() }
    }

    fn check(&self, event: &Value) {
        let (class, software) = match event["class_uid"].as_i64() {
            Some(5001) => (Some(&self.inventory), false),
            Some(5020) => (self.software.as_ref(), true),
            other => panic!("class {other:?}"),
        };
        if let Some(class) = class
            && let Err(error) = class.validate(event)
        {
            panic!("{error} at {}: {event}", error.instance_path());
        }
        let name = if software { "Software Inventory Info" } else { "Device Inventory Info" };
        assert_eq!(event["class_name"], name);
        assert_eq!(event["type_name"], format!("{name}: Collect"));
        assert_eq!(
            (event["activity_id"].as_i64(), event["activity_name"].as_str()),
            (Some(2), Some("Collect"))
        );
        let class = event["class_uid"].as_i64().unwrap();
        assert_eq!(event["type_uid"].as_i64(), Some(class * 100 + 2));
        assert_eq!(
            (event["category_uid"].as_i64(), event["category_name"].as_str()),
            (Some(5), Some("Discovery"))
        );
        assert_eq!(event["metadata"]["version"], self.version.as_str());
        let status = if event["status_id"] == 1 { "Success" } else { "Unknown" };
        assert_eq!(event["status"], status);
        kinds(&event["device"]);
        times("", event);
    }
}

/// Checks that numbers and names of device types agree.
fn kinds(device: &Value) {
    let captions = [
        (0, "Unknown"),
        (5, "Mobile"),
        (7, "IOT"),
        (9, "Firewall"),
        (10, "Switch"),
        (11, "Hub"),
        (12, "Router"),
        (15, "Load Balancer"),
    ];
    let id = device["type_id"].as_i64().unwrap();
    if id != 99 {
        assert!(captions.contains(&(id, device["type"].as_str().unwrap())), "{device}");
    }
    let captions = [
        (100, "Windows"),
        (200, "Linux"),
        (201, "Android"),
        (300, "macOS"),
        (301, "iOS"),
        (400, "Solaris"),
        (401, "AIX"),
        (402, "HP-UX"),
    ];
    if let Some(id) = device["os"]["type_id"].as_i64().filter(|id| *id != 99) {
        assert!(captions.contains(&(id, device["os"]["type"].as_str().unwrap())), "{device}");
    }
}

/// Checks that all times outside of nmap's own part are in milliseconds.
fn times(name: &str, value: &Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members.iter().filter(|(name, _)| *name != "unmapped") {
                times(name, value);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| times(name, item)),
        value if name == "time" || name.ends_with("_time") && name != "original_time" => {
            assert!(value.as_i64().unwrap() > 100_000_000_000, "{name}: {value}");
        }
        _ => {}
    }
}

#[test]
fn every_event_of_every_fixture_fits_the_schema_of_its_class() {
    for version in [Version::V1_6, Version::V1_7, Version::V1_8] {
        let (schemas, mut count) = (Schemas::of(version), 0);
        let feed = Feed::from(all_of_ocsf(version));
        for fixture in fixtures() {
            for event in values(&lines(&feed, &fixture.bytes)) {
                if event["metadata"]["labels"].as_array().unwrap().contains(&"no_time".into()) {
                    assert_eq!(event["time"], 0);
                    continue;
                }
                schemas.check(&event);
                count += 1;
            }
        }
        let days: Vec<_> = ["40-", "41-", "44-", "46-"].map(fixture).into();
        let days: Vec<_> = days.iter().map(|fixture| &*fixture.bytes).collect();
        for event in values(&merged_lines(&feed, &days)) {
            schemas.check(&event);
        }
        assert!(count > 150, "{count} events");
    }
}

#[test]
fn older_versions_omit_newer_fields() {
    let has = |version, member: [&str; 2]| {
        let text = lines(&Feed::from(all_of_ocsf(version)), &fixture("04-").bytes);
        values(&text).iter().any(|event| event[member[0]].get(member[1]).is_some())
    };
    let (vendor, format) = (["device", "mac_vendor"], ["metadata", "log_format"]);
    assert!(has(Version::V1_8, vendor) && has(Version::V1_8, format));
    assert!(!has(Version::V1_7, vendor) && has(Version::V1_7, format));
    assert!(!has(Version::V1_6, vendor) && !has(Version::V1_6, format));
}

#[test]
fn ids_are_unique_in_a_document_and_the_same_on_a_second_run() {
    let feed = Feed::from(all_of_ocsf(Version::V1_8));
    for fixture in fixtures() {
        if ["34-", "35-"].iter().any(|start| fixture.name.starts_with(start)) {
            continue;
        }
        let text = lines(&feed, &fixture.bytes);
        assert_eq!(text, lines(&feed, &fixture.bytes), "{}", fixture.name);
        let mut ids = BTreeSet::new();
        for event in values(&text) {
            let id = event["metadata"]["uid"].as_str().unwrap().to_owned();
            assert!(ids.insert(id.clone()), "{}: {id} twice", fixture.name);
        }
    }
}

#[test]
fn hosts_that_are_not_up_have_events_only_on_request() {
    let down = fixture("03-");
    let states = |feed| -> BTreeSet<String> {
        let events = values(&lines(&Feed::from(feed), &down.bytes));
        events.iter().map(|e| e["unmapped"]["nmap"]["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(Ocsf::default()), ["up".to_owned()].into());
    assert_eq!(states(all_of_ocsf(Version::V1_8)), ["down".to_owned(), "up".to_owned()].into());
}
