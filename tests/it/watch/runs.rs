//! Long-running watches: what they wait for, what they refuse, and how they end.

use std::{
    fs::{self, File},
    io::Write as _,
};

use super::{Place, expected, id, scan};
use crate::support;

#[test]
fn half_a_file_waits_until_it_is_whole() {
    let place = Place::new();
    let whole = scan(1, 5);
    let (start, end) = whole.split_at(whole.len() / 2);
    let mut half = File::create(place.path("in/a.xml")).unwrap();
    half.write_all(start.as_bytes()).unwrap();
    let watching = place.spawn(&["--settle", "1h"]);
    // It does not hold up later files. Once their lines are written, it has been checked.
    place.put("b.xml", scan(2, 2));
    place.wait_for(3);
    place.put("c.xml", scan(3, 2));
    place.wait_for(6);
    let seen: Vec<_> = place.lines().iter().map(id).collect();
    assert_eq!(seen, [expected(2, 2), expected(3, 2)].concat());
    half.write_all(end.as_bytes()).unwrap();
    place.wait_for(12);
    let seen: Vec<_> = place.lines()[6..].iter().map(id).collect();
    assert_eq!(seen, expected(1, 5));
    let (code, said) = watching.ended("INT");
    assert_eq!((code, &*said), (Some(130), ""));
}

#[test]
fn half_a_file_that_stays_unchanged_is_read() {
    let place = Place::new();
    let whole = scan(1, 5);
    place.put("a.xml", &whole[..whole.len() / 2]);
    let watching = place.spawn(&["--settle", "100ms"]);
    place.wait_for(4);
    let (code, said) = watching.ended("TERM");
    assert_eq!(code, Some(0));
    assert!(said.contains("W_TRUNCATED"), "{said}");
    assert_eq!(place.lines()[2]["complete"], false);
}

#[test]
fn once_waits_for_files_that_may_still_be_written_and_ends() {
    let place = Place::new();
    place.put("a.xml", &scan(1, 2)[..200]);
    place.put("b.xml", scan(2, 2));
    let output = place.command(&["--once", "--settle", "50ms", "-q"]).output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    // The complete file came first. A scan without a complete host is written, too.
    let seen: Vec<_> = place.lines().iter().map(id).collect();
    assert_eq!(seen[..3], expected(2, 2));
}

#[test]
fn an_error_is_reported_once_and_the_rest_is_read() {
    let place = Place::new();
    place.put("a.xml.gz", b"\x1f\x8b\x08 no gzip");
    place.put("b.txt", "no xml");
    place.put("c.xml", scan(1, 1));
    let said = place.once_ends(1, &[]);
    assert_eq!(said.matches("E_DECOMPRESS").count(), 1, "{said}");
    assert!(!said.contains("b.txt"), "{said}");
    assert_eq!(place.lines().len(), 2);
    assert_eq!(place.once(&[]), "", "it is in the ledger now");
    // Now it is another file.
    place.put("a.xml.gz", scan(2, 1));
    place.once(&[]);
    assert_eq!(place.lines().len(), 4);
}

#[test]
fn a_state_contains_no_links_and_lies_in_no_foreign_folder() {
    let place = Place::new();
    place.put("a.xml", scan(1, 1));
    fs::write(place.path("precious"), "mine").unwrap();
    let state = place.path("in/.scanmill");
    for name in ["lines", "ledger", "note.tmp", "lock"] {
        fs::create_dir(&state).unwrap();
        fs::write(state.join("lock"), "").unwrap();
        let _ = fs::remove_file(state.join(name));
        std::os::unix::fs::symlink("../../precious", state.join(name)).unwrap();
        let said = place.once_ends(2, &[]);
        assert!(said.contains(&format!("{name} is a link")), "{said}");
        fs::remove_dir_all(&state).unwrap();
    }
    fs::create_dir(place.path("mine")).unwrap();
    std::os::unix::fs::symlink("../mine", &state).unwrap();
    assert!(place.once_ends(2, &[]).contains("is a link"));
    fs::remove_file(&state).unwrap();
    // A single line without an end looks like a truncated ledger.
    fs::write(place.path("mine/ledger"), "2019").unwrap();
    let said = place.once_ends(2, &["--state-dir", "mine"]);
    assert!(said.contains("mine/ledger was there before"), "{said}");
    assert_eq!(fs::read_to_string(place.path("mine/ledger")).unwrap(), "2019");
    assert_eq!(fs::read_to_string(place.path("precious")).unwrap(), "mine");
    assert!(place.lines().is_empty());
    place.once(&[]);
    assert_eq!(place.lines().len(), 2);
}

#[test]
fn a_second_run_with_the_same_state_is_refused() {
    let place = Place::new();
    place.put("a.xml", scan(1, 1));
    let first = place.spawn(&[]);
    place.wait_for(2);
    let said = place.once_ends(2, &[]);
    assert!(said.contains("another watch is using"), "{said}");
    // Another state allows another watch, but not for the same feed.
    let said = place.once_ends(2, &["--state-dir", "state"]);
    assert!(said.contains("another run writes feed.jsonl"), "{said}");
    let mut other = support::command(place.command(&[]).get_program());
    let args = ["watch", "in", "-o", "other.jsonl", "--once", "--state-dir", "state"];
    let output = other.current_dir(place.path("")).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(first.ended("INT").0, Some(130));
    // The lock ends with the process, however it ends.
    let killed = place.spawn(&[]);
    place.put("b.xml", scan(2, 1));
    place.wait_for(4);
    killed.ended("KILL");
    place.once(&[]);
}

#[test]
fn the_feed_and_the_state_are_not_inputs() {
    let place = Place::new();
    place.put("a.xml", scan(1, 1));
    let run = || {
        let mut command = place.command(&["--once", "--state-dir", "in/state", "-v"]);
        let output = command.args(["--settle", "0s"]).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    fs::rename(place.path("in"), place.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(place.path("elsewhere"), place.path("in")).unwrap();
    let said = run();
    assert!(said.contains("read  in/a.xml") && !said.contains("state"), "{said}");
    assert!(!run().contains("  in/"), "nothing is read again");
}

#[test]
fn rotated_files_stay_in_order_and_within_their_number() {
    let place = Place::new();
    for number in 0..9 {
        place.put("a.xml", scan(number, 10));
        place.once(&["--rotate-size", "1K", "--keep", "3"]);
    }
    let names = ["feed.jsonl", "feed.jsonl.1", "feed.jsonl.2", "feed.jsonl.3"];
    assert!(names.iter().all(|name| place.path(name).exists()));
    assert!(!place.path("feed.jsonl.4").exists());
    let seen: Vec<_> = place.lines().iter().map(id).collect();
    let all: Vec<_> = (5..9).flat_map(|number| expected(number, 10)).collect();
    assert_eq!(seen, all);
}

#[test]
fn wrong_usage_is_refused() {
    let place = Place::new();
    let refused = |args: &[&str]| {
        let output = place.command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    for (args, words) in [
        (&["--to", "parquet"][..], "writes a feed"),
        (&["--to", "ocsf", "--changes"], "jsonl or ecs"),
        (&["--settle", "2"], "has no unit"),
        (&["--keep", "0"], "not a number above 0"),
    ] {
        let said = refused(args);
        assert!(said.contains(words), "{args:?}: {said}");
    }
    refused(&["in"]);
    fs::remove_dir_all(place.path("in")).unwrap();
    assert!(refused(&[]).contains("in is not a folder"));
    // A state belongs to one feed.
    let place = Place::new();
    place.once(&[]);
    let said = place.once_ends(2, &["--changes"]);
    assert!(said.contains("belongs to a feed of jsonl"), "{said}");
}
