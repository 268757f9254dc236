//! `watch --changes`: the feed contains only changes.

use std::fs;

use serde_json::Value;

use super::Place;
use crate::support;

/// The fixtures of one network on three days.
const DAYS: [&str; 7] = ["40-", "41-", "42-", "43-", "44-", "45-", "46-"];

/// Returns a change without the scans that saw it.
fn brief(line: &Value) -> String {
    let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
    let ports = line["ports"].as_str().map_or(String::new(), |ports| format!("/{ports}"));
    let port = line["port"].as_i64().map_or(ports, |port| format!("/{port}"));
    let place = format!("{}{port}", text("protocol"));
    format!(
        "{} {place} {} {}: {} -> {}",
        text("host_key"),
        text("column"),
        text("kind"),
        text("old"),
        text("new")
    )
}

/// Returns the rows of `diff` for two fixtures.
fn diff(old: &str, new: &str) -> Vec<String> {
    let path = |start: &str| support::fixture(start).path;
    let mut command = support::command(assert_cmd::cargo::cargo_bin!("scanmill"));
    command.arg("diff").arg(path(old)).arg(path(new)).args(["--to", "jsonl"]);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| brief(&serde_json::from_str(line).unwrap())).collect()
}

fn put(place: &Place, start: &str) {
    let fixture = support::fixture(start);
    place.put(&fixture.name, fixture.bytes);
}

/// Returns the scan `days` days later: every number of ten digits is a time.
fn later(xml: &str, days: i64) -> String {
    let part = |part: &str| match part.trim_end_matches('"').parse::<i64>() {
        Ok(time) if part.len() == 11 => format!("{}\"", time + days * 86_400),
        _ => part.to_owned(),
    };
    xml.split_inclusive('"').map(part).collect::<Vec<_>>().concat()
}

/// Returns the lines that a watch writes for the second file after the first one, without scans.
fn told(first: &str, second: &str) -> Vec<String> {
    let place = Place::new();
    for start in [first, second] {
        put(&place, start);
        place.once(&["--changes"]);
    }
    place.lines().iter().map(brief).collect()
}

#[test]
fn the_first_look_at_a_host_is_a_state_and_no_change() {
    let place = Place::new();
    put(&place, "41-");
    place.once(&["--changes"]);
    assert!(place.lines().is_empty(), "nothing was known");
    // As events: the host and its open ports. Closed ports would be too many.
    let place = Place::new();
    put(&place, "44-");
    place.once(&["--changes", "--baseline", "events"]);
    let lines = place.lines();
    assert!(lines.iter().all(|line| line["kind"] == "appeared" && line["_table"] == "changes"));
    assert!(lines.iter().any(|line| line["column"] == "host"));
    let mut states = lines.iter().filter(|line| line["column"] == "state");
    assert!(states.clone().count() > 0 && states.all(|line| line["new"] == "open"));
    // A silent baseline, then new hosts.
    let place = Place::new();
    put(&place, "41-");
    place.once(&["--changes"]);
    put(&place, "45-");
    place.once(&["--changes", "--baseline", "events"]);
    assert!(place.lines().iter().any(|line| line["host_key"] == "ip:192.0.2.60"));
    let said = place.once_ends(2, &["--baseline", "events"]);
    assert!(said.contains("--changes"), "{said}");
}

#[test]
fn the_second_look_reports_what_diff_does() {
    let told = told("41-", "44-");
    let mut expected = diff("41-", "44-");
    assert!(!expected.is_empty());
    // A host that a scan does not list stays as it was last seen, and what a scan did not look for is not a
    // change.
    expected.retain(|line| !line.contains(" host gone") && !line.contains(" not_scanned"));
    assert!(expected.len() > 3, "{expected:?}");
    assert_eq!(told, expected);
}

/// Scans without version detection in between hide no versions, and do not make them appear again.
#[test]
fn a_quick_look_changes_only_what_it_looked_for() {
    let place = Place::new();
    put(&place, "41-");
    place.once(&["--changes"]);
    let text = |start: &str| String::from_utf8(support::fixture(start).bytes).unwrap();
    place.put("quick.xml", later(&text("40-"), 1));
    place.put("thorough.xml", later(&text("41-"), 2));
    place.once(&["--changes"]);
    let told: Vec<_> = place.lines().iter().map(brief).collect();
    assert!(!told.iter().any(|line| line.contains(" service")), "{told:#?}");
}

#[test]
fn states_follow_in_order_however_the_files_arrive() {
    let args = ["--changes", "--baseline", "events"];
    let at_once = Place::new();
    for start in DAYS {
        put(&at_once, start);
    }
    at_once.once(&args);
    let one_by_one = Place::new();
    for start in DAYS {
        put(&one_by_one, start);
        one_by_one.once(&args);
    }
    let read = |place: &Place| fs::read_to_string(place.path("feed.jsonl")).unwrap();
    assert_eq!(read(&at_once), read(&one_by_one));
    insta::assert_snapshot!(
        "watch_changes_of_three_days",
        at_once.lines().iter().map(brief).collect::<Vec<_>>().join("\n")
    );
    // A scan that was seen is not reported again.
    for start in ["40-", "44-"] {
        let fixture = support::fixture(start);
        one_by_one.put("again.xml", fixture.bytes);
        one_by_one.once(&args);
    }
    assert_eq!(read(&at_once), read(&one_by_one));
    // A silent baseline omits only the first look at each host.
    let silent = Place::new();
    for start in DAYS {
        put(&silent, start);
    }
    silent.once(&["--changes"]);
    let lines = |place: &Place| place.lines().iter().map(brief).collect::<Vec<_>>();
    let mut rest = lines(&at_once).into_iter();
    assert!(lines(&silent).iter().all(|line| rest.any(|other| other == *line)), "in their order");
    assert!(!lines(&silent).iter().any(|line| line.contains(" host appeared")));
    assert!(lines(&silent).len() > 3);
}

#[test]
fn kills_do_not_change_the_feed() {
    let expected = {
        let place = Place::new();
        for start in DAYS {
            put(&place, start);
        }
        place.once(&["--changes", "--baseline", "events"]);
        fs::read_to_string(place.path("feed.jsonl")).unwrap()
    };
    for wait in [3, 8, 15, 25, 40, 60, 90, 130] {
        let place = Place::new();
        for start in DAYS {
            put(&place, start);
            let watching = place.spawn(&["--changes", "--baseline", "events"]);
            std::thread::sleep(std::time::Duration::from_millis(wait));
            watching.ended("KILL");
        }
        place.once(&["--changes", "--baseline", "events"]);
        let told = fs::read_to_string(place.path("feed.jsonl")).unwrap();
        assert_eq!(told, expected, "killed after {wait} ms");
    }
}

#[test]
fn the_state_on_disk_does_not_grow_with_the_scans() {
    let place = Place::new();
    let size = |place: &Place| -> u64 {
        let entries = fs::read_dir(place.path("in/.scanmill/hosts")).unwrap();
        entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    };
    let xml = String::from_utf8(support::fixture("41-").bytes).unwrap();
    let mut sizes = Vec::new();
    for day in 0..20 {
        // Each time the scan is a day later.
        let text = later(&xml, day);
        place.put(&format!("{day:02}.xml"), text);
        place.once(&["--changes"]);
        sizes.push(size(&place));
    }
    let (first, last) = (sizes[0], sizes[19]);
    assert!(last <= first + first / 20, "{sizes:?}");
}

/// A state is kept for years: a changed layout needs a new version, or old states are misread. Its content
/// has a golden test of its own, in `src/watch/part.rs`.
#[test]
fn the_layout_of_the_state_matches_its_version() {
    let place = Place::new();
    put(&place, "41-");
    place.once(&["--changes"]);
    let folder = place.path("in/.scanmill/hosts");
    let mut sums: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let kind = String::from_utf8_lossy(&bytes[..13]).into_owned();
            let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            // The version, and the decompressed length of the first block.
            let (version, len) = (number(16), number(23));
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            format!("{name} {kind} {version} {len}")
        })
        .collect();
    sums.sort_unstable();
    insta::assert_snapshot!("watch_form_of_the_state", sums.join("\n"));
}

#[test]
fn changes_can_be_events_of_ecs() {
    let told = |args: &[&str]| {
        let place = Place::new();
        for start in DAYS {
            put(&place, start);
        }
        place.once(&[&["--changes", "--baseline", "events"], args].concat());
        place.lines()
    };
    let (lines, rows) = (told(&["--to", "ecs"]), told(&[]));
    assert!(lines.len() > 5);
    let place = |line: &Value| (line["column"].clone(), line["new"].clone(), line["kind"].clone());
    let of_events: Vec<_> = lines.iter().map(|line| place(&line["nmap"]["change"])).collect();
    assert_eq!(of_events, rows.iter().map(place).collect::<Vec<_>>(), "an event for each row");
    let mut ids: Vec<_> = lines.iter().map(|line| line["event"]["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), lines.len(), "ids are unique");
    assert!(lines.iter().all(|line| line["event"]["dataset"] == "nmap.change"));
}

#[test]
fn a_port_that_is_open_at_its_first_look_is_reported() {
    let place = Place::new();
    let scan = |start: u32, tcp: &str, ports: &str| {
        format!(
            "<nmaprun scanner=\"nmap\" args=\"nmap {start}\" start=\"{start}\">\
             <scaninfo type=\"syn\" protocol=\"tcp\" services=\"{tcp}\"/>\
             <host endtime=\"{start}\"><status state=\"up\" reason=\"arp-response\"/>\
             <address addr=\"192.0.2.1\" addrtype=\"ipv4\"/><ports>{ports}</ports></host>\
             <runstats><finished time=\"{start}\" exit=\"success\"/></runstats></nmaprun>"
        )
    };
    let port = |number: u32, state: &str| {
        format!("<port protocol=\"tcp\" portid=\"{number}\"><state state=\"{state}\"/></port>")
    };
    place.put("a.xml", scan(1000, "1-100", &port(22, "open")));
    place.once(&["--changes", "--to", "ecs"]);
    place.put(
        "b.xml",
        scan(
            2000,
            "1-9999",
            &[port(22, "open"), port(8443, "open"), port(8444, "closed")].concat(),
        ),
    );
    place.once(&["--changes", "--to", "ecs"]);
    let lines = place.lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(lines[0]["event"]["action"], "port-opened");
    assert_eq!(lines[0]["nmap"]["change"]["first_look"], true);
    assert_eq!(lines[0]["destination"]["port"], 8443);
}
