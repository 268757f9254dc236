//! Feeds written by the command.

use std::{fs, process::Output};

use assert_cmd::cargo::cargo_bin;

use super::values;
use crate::support::{command, root};

fn run(args: &[&str]) -> Output {
    let mut program = command(cargo_bin!("scanmill"));
    program.current_dir(root()).args(args);
    program.output().unwrap()
}

fn text(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn any_number_of_threads_writes_the_same_bytes() {
    for to in ["ecs", "ocsf", "cim"] {
        let one = text(&["convert", "fixtures", "--to", to, "-j", "1"]);
        assert!(!one.is_empty());
        for threads in ["2", "8"] {
            assert!(text(&["convert", "fixtures", "--to", to, "-j", threads]) == one, "{to}");
        }
        let merged = text(&["merge", "fixtures", "--to", to, "-j", "1"]);
        assert!(!merged.is_empty());
        assert!(text(&["merge", "fixtures", "--to", to, "-j", "8"]) == merged, "{to}");
    }
}

#[test]
fn a_feed_is_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("feed.jsonl");
    let file = "fixtures/02-syn-versions-scripts.xml";
    text(&["convert", file, "--to", "ecs", "-o", out.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&out).unwrap(), text(&["convert", file, "--to", "ecs"]));
}

#[test]
fn differences_are_events() {
    let (old, new) =
        ("fixtures/41-merge-day1-versions-os.xml", "fixtures/44-merge-day2-changed.xml");
    let output = run(&["diff", old, new, "--to", "ecs", "--sensor", "probe", "--namespace", "lab"]);
    assert_eq!(output.status.code(), Some(1));
    let events = values(&String::from_utf8(output.stdout).unwrap());
    assert!(!events.is_empty());
    for event in &events {
        assert_eq!(event["event"]["dataset"], "nmap.change");
        assert_eq!(event["observer"]["name"], "probe");
        assert_eq!(event["data_stream"]["namespace"], "lab");
    }
    let same = run(&["diff", old, old, "--to", "ecs"]);
    assert_eq!((same.status.code(), same.stdout.len()), (Some(0), 0));
}

#[test]
fn options_that_a_feed_does_not_support_are_refused() {
    let file = "fixtures/02-syn-versions-scripts.xml";
    for (args, words) in [
        (&["--to", "jsonl", "--all-ports"] as &[&str], "--all-ports is for --to ecs"),
        (&["--to", "ecs", "--all-hosts"], "--all-hosts is for --to ocsf"),
        (&["--to", "ocsf", "--script-events"], "--script-events is for --to ecs"),
        (&["--to", "ecs", "--software-events"], "--software-events is for --to ocsf"),
        (&["--os-min", "90"], "--os-min is for --to ecs or ocsf or cim"),
        (&["--to", "ocsf", "--event-kind", "asset"], "--event-kind is for --to ecs"),
        (&["--to", "ecs", "--ocsf-version", "1.6.0"], "--ocsf-version is for --to ocsf"),
        (&["--to", "ecs", "--hec"], "--hec is for --to cim"),
        (&["--to", "ocsf", "--sensor", "x"], "--sensor is for --to ecs or cim"),
        (&["--to", "cim", "--sensor", "x"], "--hec"),
        (&["--to", "cim", "--namespace", "x"], "--namespace is for --to ecs"),
        (&["--to", "cim", "--bulk", "x"], "--bulk is for --to ecs or ocsf"),
        (&["--max-line", "8K"], "--max-line is for"),
        (&["--to", "ecs", "--max-line", "4K"], "8K at least"),
        (&["--to", "ecs", "--table", "ports"], "--table is not for --to ecs"),
        (&["--to", "ocsf", "--shape", "flat"], "--shape is not for --to ocsf"),
        (&["--to", "cim", "--events"], "--events is not for --to cim"),
        (&["--to", "ecs", "-o", "fixtures"], "ecs is one file"),
        (&["--to", "ecs", "-o", "none.parquet"], "is named as parquet, not as ecs"),
        (&["--to", "jsonl", "-o", "none.csv.gz"], "is named as csv, not as jsonl"),
    ] {
        let output = run(&[&["convert", file], args].concat());
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {told}");
        assert!(told.contains(words), "{args:?} does not say {words:?}: {told}");
    }
    let output = run(&["diff", file, file, "--bulk", "x"]);
    assert_eq!(output.status.code(), Some(2));
}
