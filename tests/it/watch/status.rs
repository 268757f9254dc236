//! `watch --status`: what was read, what is waiting, and what failed.

use std::{fmt::Write as _, fs};

use scanmill::{
    ops,
    watch::{WatchStatus, WatchStatusOptions},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Place, scan};

/// Returns the exit code, the standard output and the messages.
fn ends(place: &Place, args: &[&str]) -> (Option<i32>, String, String) {
    let output = place.command(args).output().unwrap();
    let [out, said] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code(), out, said)
}

/// Returns the status as JSON.
fn status(place: &Place, args: &[&str]) -> Value {
    let (code, out, said) = ends(place, &[&["--status=json"], args].concat());
    assert_eq!((code, out.lines().count()), (Some(0), 1), "{said}");
    serde_json::from_str(&out).unwrap()
}

fn by_library(place: &Place) -> WatchStatus {
    ops::watch_status(&WatchStatusOptions::new(place.path("in"))).unwrap()
}

/// Replaces a time, which must be one of today.
fn timeless(mut status: Value) -> Value {
    let dated =
        |time: &Value| time.as_str().is_some_and(|time| time.ends_with('Z') && time > "2024");
    assert!(dated(&status["last_document"]), "{status}");
    status["last_document"] = json!("T");
    for file in status["waiting"].as_array_mut().unwrap() {
        assert!(dated(&file["modified"]), "{file}");
        file["modified"] = json!("T");
    }
    status
}

#[test]
fn the_status_lists_what_was_read_what_waits_and_what_failed() {
    let place = Place::new();
    place.put("a.xml", scan(1, 3));
    place.put("b.xml", scan(2, 2));
    place.put("copy.xml", scan(2, 2));
    place.put("notes.txt", "mine");
    place.put("cut.xml.gz", b"\x1f\x8b\x08 no gzip");
    place.once_ends(1, &[]);
    place.put("later.xml", scan(3, 1));
    let found = timeless(status(&place, &[]));
    let message = found["failed"][0]["message"].as_str().unwrap().to_owned();
    assert!(!message.is_empty());
    let expected = json!({
        "format": "jsonl", "folder_exists": true, "documents": 2, "scans": 2, "last_document": "T",
        "given": 3, "skipped": 1,
        "waiting": [{ "name": "later.xml", "bytes": scan(3, 1).len(), "modified": "T" }],
        "failed": [{ "name": "cut.xml.gz", "code": "E_DECOMPRESS", "message": message }],
    });
    assert_eq!(found, expected);
    assert_eq!(timeless(json!(by_library(&place))), expected);

    let (code, text, _) = ends(&place, &["--status"]);
    assert_eq!(code, Some(0));
    for row in ["documents\t2", "files.given\t3", "files.waiting\t1", "files.failed\t1"] {
        assert!(text.lines().any(|line| line == row), "{row}: {text}");
    }
    let starts = ["waiting\tlater.xml\t", "failed\tcut.xml.gz\tE_DECOMPRESS\t"];
    assert!(starts.iter().all(|row| text.lines().any(|line| line.starts_with(row))), "{text}");
    // A file that was changed waits again, and a file that is gone is not listed.
    fs::write(place.path("in/a.xml"), scan(4, 4)).unwrap();
    fs::remove_file(place.path("in/cut.xml.gz")).unwrap();
    let now = by_library(&place);
    let waiting: Vec<_> = now.waiting.iter().map(|file| &*file.name).collect();
    assert_eq!((waiting, now.given, now.failed.len()), (vec!["a.xml", "later.xml"], 2, 0));
}

#[test]
fn the_status_of_a_running_watch_neither_waits_nor_disturbs_it() {
    let place = Place::new();
    fs::create_dir(place.path("in/sub")).unwrap();
    place.put("sub/a.xml", scan(1, 2));
    // The feed lies in the folder, and is no input.
    let program = place.command(&[]).get_program().to_owned();
    let with_feed = |more: &[&str]| {
        let mut command = crate::support::command(&program);
        command.args(["watch", "in", "-o", "in/feed.jsonl", "--state-dir", "state"]).args(more);
        command.current_dir(place.path(""));
        command
    };
    let child = with_feed(&[]).stdout(std::process::Stdio::null()).spawn().unwrap();
    let watching = super::Watching(child);
    let read = || {
        let output = with_feed(&["--status=json"]).output().unwrap();
        let status: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        // Until the state exists, there is nothing to read.
        assert!(matches!(output.status.code(), Some(0 | 2)), "{output:?}");
        status
    };
    for (number, hosts) in [(1_u64, 2_u32), (2, 5), (3, 1)] {
        if number > 1 {
            place.put("sub/b.xml", scan(u32::try_from(number).unwrap(), hosts));
        }
        while read().is_none_or(|status| status["documents"] != number) {}
    }
    let status = read().unwrap();
    assert_eq!((&status["waiting"], &status["given"]), (&json!([]), &json!(2)), "{status}");
    assert_eq!(watching.ended_quietly("TERM"), Some(0));
    assert_eq!(fs::read_to_string(place.path("in/feed.jsonl")).unwrap().lines().count(), 11);
}

#[test]
fn a_damaged_journal_ends_with_3_and_a_missing_one_with_2() {
    let place = Place::new();
    let (code, out, said) = ends(&place, &["--status"]);
    assert_eq!((code, &*out), (Some(2), ""), "{said}");
    assert!(said.contains("--state-dir"), "{said}");
    assert!(!place.path("in/.scanmill").exists() && !place.path("feed.jsonl").exists());
    place.put("a.xml", scan(1, 3));
    place.put("b.xml", scan(2, 3));
    place.once(&[]);
    let ledger = place.path("in/.scanmill/ledger");
    let whole = fs::read(&ledger).unwrap();
    // A line that a running watch is writing is not damage, and is not removed.
    fs::write(&ledger, &whole[..whole.len() - 5]).unwrap();
    assert_eq!(status(&place, &[])["documents"], 2);
    assert_eq!(fs::read(&ledger).unwrap(), whole[..whole.len() - 5]);
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(&ledger, &damaged).unwrap();
    let (code, out, said) = ends(&place, &["--status=json"]);
    assert_eq!((code, &*out), (Some(3), ""), "{said}");
    assert!(said.contains("ledger") && said.contains("is damaged"), "{said}");
    assert_eq!(fs::read(&ledger).unwrap(), damaged);
}

/// Version 0.1.0 recorded neither times nor errors.
#[test]
fn journals_of_earlier_versions_are_read() {
    let place = Place::new();
    place.put("a.xml", scan(1, 3));
    place.once(&[]);
    let ledger = place.path("in/.scanmill/ledger");
    let text = fs::read_to_string(&ledger).unwrap();
    let mut old = String::new();
    for line in text.lines() {
        let (_, json) = line.split_once(' ').unwrap();
        let mut entry: Value = serde_json::from_str(json).unwrap();
        let entry_of_old = entry.as_object_mut().unwrap();
        entry_of_old.remove("result");
        let json = entry.to_string();
        let digest = Sha256::digest(&json);
        let sum = u32::from_be_bytes(digest[..4].try_into().unwrap());
        writeln!(old, "{sum:08x} {json}").unwrap();
    }
    assert_ne!(old.len(), text.len());
    fs::write(&ledger, &old).unwrap();
    let now = status(&place, &[]);
    assert_eq!((&now["given"], &now["last_document"]), (&json!(1), &Value::Null), "{now}");
    place.put("b.xml", scan(2, 3));
    place.once(&[]);
    assert_eq!(place.lines().len(), 8, "nothing is read again");
    let now = timeless(status(&place, &[]));
    assert_eq!((&now["given"], &now["documents"]), (&json!(2), &json!(2)));
}
