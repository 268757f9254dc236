//! `watch --metrics`: a file for the textfile collector of `node_exporter`.

use std::{collections::BTreeMap, fs, thread, time::Duration};

use super::{Place, scan};

/// Returns the samples by name and labels, without the labels that all have. Checks the form of the file: each family
/// has its help and type before its samples, and the suffix of its name fits its type.
fn samples(place: &Place) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(place.path("scanmill.prom")).unwrap();
    assert!(text.starts_with("# Metrics of scanmill watch") && text.ends_with('\n'), "{text}");
    let mut found = BTreeMap::new();
    let (mut help, mut family) = ("", ("", ""));
    for line in text.lines().skip(1) {
        if let Some(line) = line.strip_prefix("# HELP ") {
            help = line.split_once(' ').unwrap().0;
        } else if let Some(line) = line.strip_prefix("# TYPE ") {
            family = line.split_once(' ').unwrap();
            assert_eq!(family.0, help);
            assert_eq!(family.0.ends_with("_total"), family.1 == "counter", "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = name.split_once('{').unwrap();
            assert_eq!(name, family.0);
            let own = labels.strip_prefix("folder=\"in\",feed=\"feed.jsonl\"").unwrap();
            let own = own.strip_suffix('}').unwrap().trim_start_matches(',');
            let name = name.trim_start_matches("scanmill_").trim_start_matches("watch_");
            let value = value.parse().unwrap();
            assert!(found.insert(format!("{name} {own}").trim_end().to_owned(), value).is_none());
        }
    }
    found
}

const METRICS: [&str; 2] = ["--metrics", "scanmill.prom"];

#[test]
fn the_metrics_count_what_was_read_and_written() {
    let place = Place::new();
    place.put("a.xml", scan(1, 3));
    place.put("copy.xml", scan(1, 3));
    place.put("b.xml", scan(2, 2));
    place.put("notes.txt", "mine");
    place.put("cut.xml.gz", b"\x1f\x8b\x08 no gzip");
    place.once_ends(1, &METRICS);
    let mut found = samples(&place);
    let feed = fs::read(place.path("feed.jsonl")).unwrap();
    let read = 2 * scan(1, 3).len() + scan(2, 2).len();
    let times = ["start", "last_check", "last_document"]
        .map(|name| found.remove(&format!("{name}_timestamp_seconds")).unwrap());
    assert!(times.iter().all(|time| *time > 1_700_000_000), "{times:?}");
    let version = format!("build_info version=\"{}\"", env!("CARGO_PKG_VERSION"));
    let expected = [
        (&*version, 1),
        ("documents_total", 3),
        ("errors_total code=\"E_DECOMPRESS\"", 1),
        ("events_total", 7),
        ("files_total outcome=\"read\"", 3),
        ("files_total outcome=\"refused\"", 1),
        ("files_total outcome=\"skipped\"", 1),
        ("folder_present", 1),
        ("hosts_total", 8),
        ("lag_seconds", 0),
        ("lines_total", 7),
        ("read_bytes_total", u64::try_from(read).unwrap()),
        ("up", 0),
        ("waiting_files", 0),
        ("written_bytes_total", u64::try_from(feed.len()).unwrap()),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(found, BTreeMap::from(expected));
    let names = fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().ends_with(".tmp")));

    // The line before each event of a request for the bulk API is no event.
    let place = Place::new();
    place.put("a.xml", scan(1, 3));
    place.once(&[&METRICS[..], &["--to", "ecs", "--bulk", "nmap"]].concat());
    let found = samples(&place);
    assert_eq!(found["lines_total"], 2 * found["events_total"]);
    assert_eq!(found["lines_total"], u64::try_from(place.lines().len()).unwrap());
}

#[test]
fn a_running_watch_keeps_its_metrics_up_to_date() {
    let place = Place::new();
    place.put("a.xml", scan(1, 3));
    let watching = place.spawn(&[&METRICS[..], &["--settle", "1h"]].concat());
    let wait = |name: &str, value: u64| {
        while !place.path("scanmill.prom").exists() || samples(&place)[name] != value {
            thread::sleep(Duration::from_millis(10));
        }
    };
    wait("documents_total", 1);
    assert_eq!(samples(&place)["up"], 1);
    let first = samples(&place)["last_check_timestamp_seconds"];
    // A file without its end waits.
    place.put("b.xml", &scan(2, 2).as_bytes()[..300]);
    let waiting = fs::File::options().append(true).open(place.path("in/b.xml")).unwrap();
    let now = waiting.metadata().unwrap().modified().unwrap();
    waiting.set_modified(now - Duration::from_secs(5000)).unwrap();
    wait("waiting_files", 1);
    let lag = samples(&place)["lag_seconds"];
    assert!((4900..6000).contains(&lag), "{lag}");
    while samples(&place)["last_check_timestamp_seconds"] == first {
        thread::sleep(Duration::from_millis(10));
    }
    fs::rename(place.path("in"), place.path("away")).unwrap();
    wait("folder_present", 0);
    fs::rename(place.path("away"), place.path("in")).unwrap();
    wait("folder_present", 1);
    watching.signal("TERM");
    wait("up", 0);
}

#[test]
fn metrics_that_cannot_be_written_are_reported_once_and_no_other_file_is_replaced() {
    let place = Place::new();
    place.put("a.xml", scan(1, 3));
    fs::write(place.path("scanmill.prom"), "mine\n").unwrap();
    let said = place.once_ends(2, &METRICS);
    assert!(said.contains("scanmill.prom exists"), "{said}");
    assert_eq!(fs::read_to_string(place.path("scanmill.prom")).unwrap(), "mine\n");
    assert!(!place.path("feed.jsonl").exists());
    let said = place.once_ends(2, &["--metrics", "in/scanmill.prom"]);
    assert!(said.contains("a folder that is read"), "{said}");
    let said = place.once_ends(2, &["--metrics", "feed.jsonl"]);
    assert!(said.contains("--metrics"), "{said}");

    // Its folder comes and goes: the watch goes on.
    let watching = place.spawn(&["--metrics", "none/scanmill.prom"]);
    place.wait_for(4);
    thread::sleep(Duration::from_millis(1500));
    place.put("b.xml", scan(2, 2));
    place.wait_for(7);
    let (code, said) = watching.ended("TERM");
    assert_eq!((code, said.lines().count()), (Some(0), 1), "{said}");
    assert!(said.contains("warning: cannot write none/scanmill.prom: "), "{said}");
}
