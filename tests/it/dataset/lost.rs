//! Datasets whose log has lost files, or disagrees with the data files: named, and never mistaken for older
//! or empty ones.

use std::{fs, path::Path};

use serde_json::Value;

use super::{Place, Scan, damage::runs, files_below};
use crate::support;

/// Creates a dataset of three commits.
fn dataset() -> Place {
    let place = Place::in_memory();
    for second in [0, 1, 2] {
        place.write("a.xml", Scan::new(second, 3).xml());
        place.load(&[]);
    }
    place.write("b.xml", Scan::new(9, 2).xml());
    place
}

/// Every use of a dataset.
const USES: [&str; 10] = [
    "ingest in --into dataset",
    "ingest --files --into dataset",
    "ingest --status --into dataset",
    "ingest --list --into dataset",
    "ingest --vacuum --into dataset",
    "ingest --compact --into dataset",
    "convert dataset -o out.jsonl --overwrite",
    "merge dataset -o out.jsonl --overwrite",
    "history dataset -o out.jsonl --overwrite",
    "diff dataset in/b.xml -o out.jsonl --overwrite",
];

/// Checks that every use ends with 3, names the problem, and changes nothing.
fn is_refused(place: &Place, what: &str, named: &str) {
    let out = place.0.path().join("out.jsonl");
    fs::write(&out, "old\n").unwrap();
    let all = || {
        let mut files = files_below(&place.dataset());
        files.retain(|path| !path.ends_with("_scanmill/lock"));
        files
    };
    let before = all();
    for args in USES {
        let (_, said, code) = runs(place, args);
        assert_eq!(code, Some(3), "{what}, {args}: {said}");
        assert!(said.contains(named) && said.contains("damaged"), "{what}, {args}: {said}");
        assert_eq!(all(), before, "{what}, {args}");
        assert_eq!(fs::read(&out).unwrap(), b"old\n", "{what}, {args}");
    }
}

fn remove(dataset: &Path, commits: &[u32]) {
    for number in commits {
        fs::remove_file(dataset.join(format!("_scanmill/{number}.json"))).unwrap();
    }
}

#[test]
fn missing_commits_are_named_wherever_they_were_in_the_log() {
    for (commits, first) in
        [(&[3][..], "3.json"), (&[2, 3], "2.json"), (&[1, 2, 3], "1.json"), (&[2], "2.json")]
    {
        let place = dataset();
        remove(&place.dataset(), commits);
        is_refused(&place, &format!("{commits:?}"), &format!("dataset/_scanmill/{first}"));
    }
}

#[test]
fn parts_without_a_log_are_not_an_empty_dataset() {
    let place = dataset();
    let log = place.dataset().join("_scanmill");
    for name in fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().path()) {
        if name.is_file() {
            fs::remove_file(name).unwrap();
        }
    }
    is_refused(&place, "an empty folder of the log", "dataset/_scanmill: E_IO");
    fs::remove_dir_all(&log).unwrap();
    is_refused(&place, "no folder of the log", "dataset/_scanmill: E_IO");
    // With foreign files in it, it is an ordinary folder, but not one to load into.
    fs::copy(place.input("b.xml"), place.dataset().join("b.xml")).unwrap();
    assert_eq!(runs(&place, "convert dataset").2, Some(0));
    let (_, said, code) = runs(&place, "ingest in --into dataset");
    assert!(code == Some(3) && said.contains("dataset/_scanmill: E_IO"), "{said}");
}

#[test]
fn parts_left_by_a_killed_first_run_are_tolerated() {
    let place = dataset();
    remove(&place.dataset(), &[1, 2, 3]);
    // The state after the first part was renamed and before the first commit.
    fs::write(place.dataset().join("_scanmill/newest"), "{\"commit\":0}\n").unwrap();
    let (stdout, said, code) = runs(&place, "convert dataset");
    assert_eq!((code, &*stdout), (Some(0), ""), "{said}");
    place.load(&[]);
    assert!(runs(&place, "ingest --status --into dataset").0.contains("documents\t2\n"));
}

#[test]
fn a_missing_or_outdated_number_is_written_by_the_next_run() {
    let place = dataset();
    let newest = place.dataset().join("_scanmill/newest");
    assert_eq!(fs::read_to_string(&newest).unwrap(), "{\"commit\":3}\n");
    let rows = place.rows();
    fs::write(&newest, "{\"commit\":1}\n").unwrap();
    assert_eq!(place.rows(), rows);
    place.load(&[]);
    assert_eq!(fs::read_to_string(&newest).unwrap(), "{\"commit\":4}\n");
}

#[test]
fn a_lost_number_is_named_as_commits_may_be_lost_with_it() {
    for commits in [&[][..], &[3], &[2, 3]] {
        let place = dataset();
        let newest = place.dataset().join("_scanmill/newest");
        fs::remove_file(&newest).unwrap();
        remove(&place.dataset(), commits);
        is_refused(&place, &format!("{commits:?}"), "dataset/_scanmill/newest");
        let last = 3 - commits.len();
        let (_, said, _) = runs(&place, "convert dataset");
        let number = format!("{{\"commit\":{last}}}");
        assert!(said.contains(&number) && said.contains(&format!("{last}.json")), "{said}");
        // The log ends where the number says.
        fs::write(&newest, number).unwrap();
        assert_eq!(runs(&place, "convert dataset").2, Some(0));
        place.load(&[]);
    }
}

#[test]
fn a_dataset_from_before_the_number_gets_one_when_it_is_loaded_into() {
    let place = dataset();
    let log = place.dataset().join("_scanmill");
    let newest = log.join("newest");
    fs::remove_file(&newest).unwrap();
    for number in 1..=3 {
        let path = log.join(format!("{number}.json"));
        let mut commit: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(commit.as_object_mut().unwrap().remove("has_newest"), Some(true.into()));
        fs::write(&path, commit.to_string()).unwrap();
    }
    assert_eq!(runs(&place, "convert dataset").2, Some(0));
    assert!(!newest.exists());
    fs::remove_file(place.input("b.xml")).unwrap();
    place.load(&[]);
    assert_eq!(fs::read_to_string(&newest).unwrap(), "{\"commit\":3}\n", "nothing was new");
}

#[test]
fn an_invalid_or_empty_file_of_the_log_is_named() {
    for name in ["newest", "3.json", "4.json"] {
        let place = dataset();
        let path = place.dataset().join("_scanmill").join(name);
        let _ = fs::remove_file(&path);
        support::output_of(support::command("mkfifo").arg(&path));
        is_refused(&place, "a pipe", &format!("dataset/_scanmill/{name}"));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        is_refused(&place, "a folder", &format!("dataset/_scanmill/{name}"));
    }
    for text in ["", "{}", "3\n", "{\"commit\":-1}"] {
        let place = dataset();
        fs::write(place.dataset().join("_scanmill/newest"), text).unwrap();
        is_refused(&place, text, "dataset/_scanmill/newest");
    }
}

/// Changes the log's second commit.
fn change(place: &Place, change: impl Fn(&mut Value)) {
    let path = place.dataset().join("_scanmill/2.json");
    let mut commit: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut commit);
    fs::write(path, commit.to_string()).unwrap();
}

fn add_to(number: &mut Value, more: i64) {
    *number = (number.as_i64().unwrap() + more).into();
}

#[test]
fn a_commit_whose_row_counts_disagree_is_named() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 6] = [
        ("a file has more rows", |commit| add_to(&mut commit["files"][0]["rows"], 7)),
        ("a file has fewer rows", |commit| add_to(&mut commit["files"][1]["rows"], -1)),
        ("a document has more rows", |commit| add_to(&mut commit["documents"][0]["rows"], 1)),
        ("a table is missing", |commit| {
            let files = commit["files"].as_array_mut().unwrap();
            let before = files.len();
            files.retain(|file| file["table"] != "ports");
            assert_eq!(files.len(), before - 1);
        }),
        ("a document is missing", |commit| {
            commit["documents"].as_array_mut().unwrap().clear();
        }),
        ("no file is left", |commit| commit["files"].as_array_mut().unwrap().clear()),
    ];
    for (what, change_commit) in changes {
        let place = dataset();
        change(&place, change_commit);
        is_refused(&place, what, "dataset/_scanmill/2.json");
    }
}

#[test]
fn a_file_with_other_row_counts_than_the_log_is_named_when_it_is_read() {
    let place = dataset();
    let mut path = String::new();
    change(&place, |commit| {
        add_to(&mut commit["files"][0]["rows"], 1);
        add_to(&mut commit["documents"][0]["rows"], 1);
    });
    let log = fs::read(place.dataset().join("_scanmill/2.json")).unwrap();
    let commit: Value = serde_json::from_slice(&log).unwrap();
    path.push_str(commit["files"][0]["path"].as_str().unwrap());
    for args in ["convert dataset", "merge dataset", "ingest --compact --into dataset"] {
        let (stdout, said, code) = runs(&place, args);
        assert_eq!((code, &*stdout), (Some(3), ""), "{args}: {said}");
        assert!(said.contains(&path) && said.contains("as the log says"), "{args}: {said}");
    }
}
