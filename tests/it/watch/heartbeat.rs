//! `watch --heartbeat`: an event of its own while nothing else is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Duration,
};

use scanmill::feed::ecs::{FieldKind, fields};
use serde_json::Value;

use super::{Place, scan};

const ECS: [&str; 4] = ["--to", "ecs", "--heartbeat", "1s"];

/// Adds the names of the fields in an event.
fn names(value: &Value, name: &str, found: &mut BTreeSet<String>) {
    let Value::Object(members) = value else {
        found.insert(name.to_owned());
        return;
    };
    for (key, value) in members {
        let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        names(value, &name, found);
    }
}

fn is_heartbeat(line: &Value) -> bool {
    line["event"]["dataset"] == "scanmill.heartbeat"
}

/// Waits until the feed has this many heartbeats.
fn wait(place: &Place, heartbeats: usize) {
    let feed = || std::fs::read_to_string(place.path("feed.jsonl")).unwrap_or_default();
    while feed().matches("\"action\":\"heartbeat\"").count() < heartbeats {
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_quiet_watch_writes_heartbeats_of_their_own_dataset() {
    for mode in [&[][..], &["--changes"]] {
        let place = Place::new();
        let watching = place.spawn(&[&ECS[..], &["--sensor", "büro"], mode].concat());
        wait(&place, 2);
        place.put("a.xml", scan(1, 2));
        wait(&place, 3);
        assert_eq!(watching.ended("TERM"), (Some(0), String::new()));
        let lines = place.lines();
        let known: BTreeMap<&str, FieldKind> = fields().iter().copied().collect();
        let mut ids = BTreeSet::new();
        for line in lines.iter().filter(|line| is_heartbeat(line)) {
            let mut found = BTreeSet::new();
            names(line, "", &mut found);
            assert!(found.iter().all(|name| known.contains_key(&**name)), "{line}");
            assert_eq!(line["data_stream"]["dataset"], line["event"]["dataset"]);
            assert_eq!(line["observer"]["name"], "büro");
            assert!(line["@timestamp"].as_str().is_some_and(|time| time > "2024"), "{line}");
            assert!(ids.insert(line["event"]["id"].as_str().unwrap().to_owned()), "{line}");
        }
        let others = lines.iter().filter(|line| !is_heartbeat(line)).count();
        assert!(ids.len() >= 3 && (others > 2) == mode.is_empty(), "{lines:?}");
        // They are no documents: the next run continues, and writes nothing again.
        place.once(&[&ECS[..2], mode].concat());
        assert_eq!(place.lines().len(), lines.len());
    }
}

#[test]
fn heartbeats_need_events_and_a_second() {
    for (args, said) in [
        (&["--heartbeat", "1h"][..], "--to ecs"),
        (&["--heartbeat", "1h", "--to", "ocsf"], "--to ecs"),
        (&["--heartbeat", "1h", "--changes"], "--to ecs"),
        (&["--heartbeat", "999ms", "--to", "ecs"], "1s at least"),
    ] {
        let place = Place::new();
        let output = place.command(args).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(said), "{text}");
        assert!(!place.path("feed.jsonl").exists());
    }
}
