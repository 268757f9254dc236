//! Outputs of `convert`, `merge`, `diff` and `schema` under faults: the old one or the new one, never a
//! mixture.

use std::{fs, path::Path};

#[cfg(feature = "full")]
use super::WRITING;
use super::{EVERY_FAULT, Tree, Trial, folder, tree};
use crate::support;

/// Returns a folder with an input, and with an output that an earlier command made with these arguments.
fn before(out: Option<&[&str]>) -> Tree {
    let folder = folder();
    fs::create_dir(folder.path().join("in")).unwrap();
    for (name, fixture) in [("a.xml", "12-"), ("b.xml", "02-")] {
        fs::write(folder.path().join("in").join(name), support::fixture(fixture).bytes).unwrap();
    }
    if let Some(args) = out {
        let ended =
            Trial { name: "before", args, before: &Tree::new(), stride: 1 }.run(folder.path(), "");
        assert_eq!(ended.code, Some(0), "{}", ended.said);
    }
    tree(folder.path())
}

/// Returns the part of a tree at and below a name.
fn below(tree: &Tree, name: &str) -> Tree {
    let inside = tree.iter().filter(|(path, _)| path.starts_with(name));
    inside
        .map(|(path, bytes)| (path.strip_prefix(name).unwrap().to_owned(), bytes.clone()))
        .collect()
}

/// Returns the names in the folder that are not in `known`.
fn left_over(root: &Path, known: &[&str]) -> Vec<String> {
    let names = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| !known.contains(&name.as_str()) && name != "in").collect()
}

/// Checks each fault of a trial that writes these outputs.
fn check(trial: Trial<'_>, outs: &[&str]) {
    check_faults(trial, &EVERY_FAULT, outs);
}

/// Checks these faults of a trial, each with the kinds of calls it applies to.
fn check_faults(trial: Trial<'_>, faults: &[(&str, &str)], outs: &[&str]) {
    let (clean, _) = trial.clean("");
    trial.every_of(faults, |case| {
        let what = &case.what;
        for out in outs {
            let (old, new) = (below(trial.before, out), below(&clean, out));
            let found = case.tree(out);
            assert!(
                found == old || found == new,
                "{what}: {out} is neither old nor new: {:?}",
                found.keys()
            );
            let must_be_new = case.ended.code == Some(0);
            assert!(!must_be_new || found == new, "{what}: {out} is old, and there was no message");
        }
        for name in left_over(case.folder.path(), outs) {
            let allowed = case.ended.code.is_none() && name.contains(".tmp-");
            let told = case.ended.said.contains(&name);
            assert!(allowed || told, "{what}: {name} is left: {}", case.ended.said);
        }
        if tree(case.folder.path()) == *trial.before {
            return;
        }
        // The command runs again without faults. An existing output is refused without --overwrite.
        let is_there = outs.iter().any(|out| case.path(out).exists());
        let overwrites = trial.args.contains(&"--overwrite");
        let ended = trial.run(case.folder.path(), "");
        let expected = if is_there && !overwrites { 2 } else { 0 };
        assert_eq!(ended.code, Some(expected), "{what}, again: {}", ended.said);
        for out in outs {
            assert!(case.tree(out) == below(&clean, out), "{what}: {out} differs in the end");
        }
    });
}

#[test]
fn a_new_folder_of_tables_is_complete_or_absent() {
    let before = before(None);
    let args = ["convert", "in", "-o", "out", "--to", "csv", "-j1"];
    check(Trial { name: "new csv", args: &args, before: &before, stride: 1 }, &["out"]);
}

#[test]
fn a_folder_that_is_replaced_is_the_old_one_or_the_new_one() {
    let before = before(Some(&["-q", "convert", "in/a.xml", "-o", "out", "--to", "csv"]));
    // Two tables exercise the same calls as ten, and few enough to try each.
    let args = [
        "convert",
        "in",
        "-o",
        "out",
        "--overwrite",
        "-j1",
        "--rows-per-file",
        "40",
        "--table",
        "hosts,ports",
    ];
    check(Trial { name: "parquet over csv", args: &args, before: &before, stride: 1 }, &["out"]);
}

#[test]
fn partitions_that_are_resolved_late_are_complete_or_absent() {
    let before = before(None);
    let args = [
        "convert",
        "in",
        "-o",
        "out",
        "--partition-by",
        "scan_date",
        "-j1",
        "--table",
        "hosts,scans",
    ];
    check(Trial { name: "partitions", args: &args, before: &before, stride: 1 }, &["out"]);
}

#[test]
fn a_file_and_its_report_are_old_or_new() {
    let old = ["-q", "convert", "in/a.xml", "-o", "out.jsonl"];
    let before = before(Some(&old));
    let args =
        ["convert", "in", "-o", "out.jsonl", "--overwrite", "--report", "report.json", "-j1"];
    let trial = Trial { name: "jsonl", args: &args, before: &before, stride: 1 };
    check(trial, &["out.jsonl", "report.json"]);
}

#[test]
fn a_workbook_is_old_or_new() {
    let before = before(Some(&["-q", "convert", "in/a.xml", "-o", "out.xlsx"]));
    let args = ["convert", "in", "-o", "out.xlsx", "--overwrite", "-j1"];
    check(Trial { name: "xlsx", args: &args, before: &before, stride: 1 }, &["out.xlsx"]);
}

#[cfg(feature = "full")]
#[test]
fn a_database_is_old_or_new() {
    let before = before(Some(&["-q", "convert", "in/a.xml", "-o", "out.db"]));
    let args = ["convert", "in", "-o", "out.db", "--overwrite", "-j1"];
    let trial = Trial { name: "sqlite", args: &args, before: &before, stride: 1 };
    // The calls of SQLite itself are not numbered. `full.rs` tries them on a full disk.
    let faults = [("before", ""), ("after", ""), ("from errno=ENOSPC", WRITING), ("die", "")];
    check_faults(trial, &faults, &["out.db"]);
}

/// Every writer of files, with the name that the message must contain; if it is empty, that is the name of
/// the file that was synced.
const WRITERS: [(&[&str], &str); 12] = [
    (&["-q", "convert", "in", "-o", "out.jsonl"], "out.jsonl"),
    (&["-q", "convert", "in", "-o", "out.jsonl.gz"], "out.jsonl.gz"),
    (&["-q", "convert", "in", "-o", "out.csv.zst", "--table", "hosts"], "out.csv.zst"),
    (&["-q", "convert", "in", "-o", "out.parquet", "--table", "hosts"], "out.parquet"),
    (&["-q", "convert", "in", "-o", "out.xlsx", "--table", "hosts"], "out.xlsx"),
    (&["-q", "convert", "in", "-o", "out", "--to", "jsonl", "--shape", "flat"], "out"),
    (&["-q", "convert", "in", "-o", "out"], "out"),
    (&["-q", "convert", "in", "-o", "out.jsonl", "--to", "ecs"], "out.jsonl"),
    (&["-q", "merge", "in", "-o", "out"], "out"),
    (&["-q", "ingest", "in", "--into", "out"], "out"),
    (
        &["-q", "convert", "in/a.xml", "-o", "out.csv", "--table", "hosts", "--report", "out.json"],
        "out",
    ),
    (&["-q", "watch", "in", "-o", "out.jsonl", "--once", "--settle", "0s"], "out.jsonl"),
];

#[test]
fn a_failed_sync_ends_every_writer_with_4_and_names_the_file() {
    let before = before(None);
    for (args, name) in WRITERS {
        let trial = Trial { name, args, before: &before, stride: 1 };
        for fault in ["before errno=EIO", "before errno=ENOSPC"] {
            trial.each(fault, "sync", |case| {
                let (what, said) = (&case.what, &case.ended.said);
                assert_eq!(case.ended.code, Some(4), "{what}: {said}");
                let reason = if fault.ends_with("EIO") { "Input/output" } else { "No space" };
                let named = said.contains(name) || said.contains(&case.call.1);
                assert!(said.contains(reason) && named, "{what}: {said}");
            });
        }
    }
}

/// Returns true if `found` is the beginning of `whole` and consists of complete lines.
fn is_start(found: &[u8], whole: &[u8]) -> bool {
    whole.starts_with(found) && (found.is_empty() || found.ends_with(b"\n"))
}

#[test]
fn the_feed_of_a_followed_file_has_whole_lines_or_is_the_old_one() {
    let before = before(Some(&["-q", "convert", "in/b.xml", "-o", "old.jsonl"]));
    for out in ["old.jsonl", "new.jsonl"] {
        let args = ["-q", "convert", "--follow", "in/a.xml", "-o", out, "--overwrite"];
        let trial = Trial { name: "follow", args: &args, before: &before, stride: 1 };
        let (clean, _) = trial.clean("");
        let whole = clean[Path::new(out)].clone().unwrap();
        trial.every(|case| {
            let (what, found) = (&case.what, fs::read(case.path(out)).ok());
            let old = before.get(Path::new(out)).cloned().flatten();
            let is_killed = case.ended.code.is_none();
            let fine = found == old
                || found.as_ref().is_some_and(|found| {
                    if is_killed { whole.starts_with(found) } else { is_start(found, &whole) }
                });
            assert!(fine, "{what}: {out} is neither old nor a part of the new one: {found:?}");
            assert!(case.ended.code != Some(0) || found.as_ref() == Some(&whole), "{what}");
            assert!(left_over(case.folder.path(), &["old.jsonl", "new.jsonl"]).is_empty());
            let ended = trial.run(case.folder.path(), "");
            assert_eq!(ended.code, Some(0), "{what}, again: {}", ended.said);
            assert_eq!(fs::read(case.path(out)).unwrap(), whole, "{what}, again");
        });
    }
}

#[test]
fn kept_xml_is_a_prefix_and_the_output_is_old_or_new() {
    let place = folder();
    let nmap = place.path().join("nmap").display().to_string();
    let xml = support::fixture("12-").bytes;
    fs::write(place.path().join("xml"), &xml).unwrap();
    // A child process writes the script: if this process had it open for writing, executing it could fail.
    let script = format!("#!/bin/sh\ncat '{}'\n", place.path().join("xml").display());
    let write = "printf '%s' \"$1\" > \"$0\" && chmod +x \"$0\"";
    support::output_of(support::command("sh").args(["-c", write, &nmap, &script]));
    let old = ["-q", "convert", "in/b.xml", "-o", "out.jsonl"];
    let mut before = before(Some(&old));
    for kept in [None, Some(b"<old/>".to_vec())] {
        if let Some(kept) = kept.clone() {
            before.insert("kept.xml".into(), Some(kept));
        }
        let args = [
            "-q",
            "scan",
            "192.0.2.1",
            "--nmap",
            &nmap,
            "--keep-xml",
            "kept.xml",
            "-o",
            "out.jsonl",
            "--overwrite",
            "-j1",
        ];
        let trial = Trial { name: "keep-xml", args: &args, before: &before, stride: 1 };
        let (clean, _) = trial.clean("");
        assert_eq!(clean[Path::new("kept.xml")].as_deref(), Some(&*xml));
        let (old, new) = (below(&before, "out.jsonl"), below(&clean, "out.jsonl"));
        trial.every(|case| {
            let (what, out) = (&case.what, case.tree("out.jsonl"));
            assert!(out == old || out == new, "{what}: out.jsonl is neither old nor new");
            let found = fs::read(case.path("kept.xml")).ok();
            let is_part = found.as_ref().is_some_and(|found| xml.starts_with(found));
            assert!(found == kept || is_part, "{what}: {found:?}");
            if case.ended.code == Some(0) {
                assert!(out == new && found.as_ref() == Some(&xml), "{what}: there was no message");
            }
            for name in left_over(case.folder.path(), &["out.jsonl", "kept.xml"]) {
                let allowed = case.ended.code.is_none() && name.contains(".tmp-");
                assert!(allowed || case.ended.said.contains(&name), "{what}: {name} is left");
            }
            let ended = trial.run(case.folder.path(), "");
            assert_eq!(ended.code, Some(0), "{what}, again: {}", ended.said);
            assert!(case.tree("out.jsonl") == new, "{what}, again");
            assert_eq!(fs::read(case.path("kept.xml")).unwrap(), xml, "{what}, again");
        });
    }
}

#[test]
fn each_schema_is_the_old_one_or_the_new_one() {
    let mut before = before(Some(&["schema", "--write", "schemas"]));
    let tables = before[Path::new("schemas/tables.md")].clone().unwrap();
    before.insert("schemas/tables.md".into(), Some([&*tables, b"old\n"].concat()));
    before.remove(Path::new("schemas/spark.sql"));
    let args = ["-q", "schema", "--write", "schemas"];
    let trial = Trial { name: "schemas", args: &args, before: &before, stride: 2 };
    let (clean, _) = trial.clean("");
    // A path that does not exist, or a folder, is `None`.
    let of = |tree: &Tree, name: &Path| tree.get(name).cloned().flatten();
    trial.every(|case| {
        let what = &case.what;
        let mut found = tree(case.folder.path());
        let is_left = |name: &Path| name.to_string_lossy().contains(".tmp-");
        let left = found.extract_if(.., |name, _| is_left(name)).count();
        assert!(left == 0 || case.ended.code.is_none(), "{what}: {left} files are left");
        for name in clean.keys() {
            let now = of(&found, name);
            assert!(now == of(&clean, name) || now == of(&before, name), "{what}: {name:?}");
        }
        assert!(case.ended.code != Some(0) || found == clean, "{what}: there was no message");
        let ended = trial.run(case.folder.path(), "");
        assert_eq!(ended.code, Some(0), "{what}, again: {}", ended.said);
        let mut found = tree(case.folder.path());
        found.retain(|name, _| !is_left(name));
        assert!(found == clean, "{what}, again");
    });
}

#[test]
fn state_and_result_are_old_or_new_and_the_state_is_never_ahead() {
    let old = ["-q", "merge", "--state", "s.state", "in/a.xml", "-o", "out.jsonl"];
    let before = before(Some(&old));
    let args = ["merge", "--state", "s.state", "in/b.xml", "-o", "out.jsonl", "--overwrite", "-j1"];
    let trial = Trial { name: "state", args: &args, before: &before, stride: 1 };
    let (clean, _) = trial.clean("");
    let outs = ["out.jsonl", "s.state"];
    trial.every(|case| {
        let what = &case.what;
        let [result, state] = outs.map(|out| {
            let (old, new) = (below(&before, out), below(&clean, out));
            let found = case.tree(out);
            assert!(found == old || found == new, "{what}: {out} is neither old nor new");
            found == new
        });
        assert!(result || !state, "{what}: the state is ahead of its result");
        assert!(
            case.ended.code != Some(0) || state,
            "{what}: the state is old, and there was no message"
        );
        for name in left_over(case.folder.path(), &outs) {
            let allowed = case.ended.code.is_none() && name.contains(".tmp-");
            assert!(allowed || case.ended.said.contains(&name), "{what}: {name} is left");
        }
        if !state {
            // The command runs again. Scans in the state count once, so it adds none.
            let ended = trial.run(case.folder.path(), "");
            assert_eq!(ended.code, Some(0), "{what}, again: {}", ended.said);
            for out in outs {
                assert!(case.tree(out) == below(&clean, out), "{what}: {out} differs in the end");
            }
        }
    });
}
