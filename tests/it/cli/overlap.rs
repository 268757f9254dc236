//! Outputs that are inputs, contain inputs, or lie inside them are refused before anything is read or
//! created.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
};

use assert_cmd::cargo::cargo_bin;

use super::{Folder, GOOD, ends, ends_as, program, xml};
use crate::support;

/// Creates a folder `in` with the scan `a.xml`, links to both, and a hard link.
fn place() -> Folder {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("in/deep")).unwrap();
    fs::copy(xml(GOOD), folder.path("in/a.xml")).unwrap();
    symlink("in", folder.path("in-link")).unwrap();
    symlink("in/a.xml", folder.path("a-link")).unwrap();
    fs::hard_link(folder.path("in/a.xml"), folder.path("a-hard")).unwrap();
    folder.write("list", "in/a.xml\n");
    folder
}

/// Runs the command in a folder. It must refuse with a message that contains `word`, and change nothing.
fn refused(folder: &Folder, args: &str, word: &str) {
    let listing = |folder: &Folder| {
        let mut list = support::command("find");
        list.current_dir(folder.path(""));
        support::output_of(list.args([".", "-printf", "%p %s %i\\n"]))
    };
    let before = listing(folder);
    let mut command = program();
    command.current_dir(folder.path("")).args(args.split(' '));
    let ran = ends_as(2, command, b"");
    assert!(ran.stderr.contains(word), "{args}: {}", ran.stderr);
    assert_eq!((&*ran.stdout, listing(folder)), ("", before), "{args}");
}

#[test]
fn an_output_must_not_be_an_input() {
    let folder = place();
    for out in
        ["in/a.xml", "./in/../in/a.xml", "in-link/a.xml", "a-link", "a-hard", "in/deep/../a.xml"]
    {
        let args = format!("convert in/a.xml --to xml --overwrite -o {out}");
        refused(&folder, &args, "is an input");
        // An input that is found in a folder counts, too.
        let args = format!("merge in --to xml --overwrite -o {out}");
        refused(&folder, &args, "in");
        refused(&folder, &format!("convert in/a.xml --report {out}"), "is an input");
        refused(
            &folder,
            &format!("diff a-link in/a.xml --to text --overwrite -o {out}"),
            "is an input",
        );
    }
    refused(&folder, "convert a-hard --to xml --overwrite -o in/a.xml", "is an input");
    refused(&folder, "convert --files-from list --to xml --overwrite -o in/a.xml", "is an input");
    refused(&folder, "convert --files-from list --to jsonl --overwrite -o list", "is an input");
    refused(&folder, "convert --follow in/a.xml --to jsonl --overwrite -o a-link", "is an input");
    refused(&folder, "convert --follow new.jsonl --to jsonl -o ./new.jsonl", "is an input");
    refused(&folder, "convert in/a.xml missing.jsonl --overwrite -o missing.jsonl", "is an input");
    refused(&folder, "ingest in --into in", "is an input");
    refused(&folder, "ingest in/a.xml --into dataset --report in/a.xml", "is an input");
}

#[test]
fn an_output_must_not_lie_in_an_input_folder_or_contain_one() {
    let folder = place();
    for out in ["in/out", "in-link/out", "in/deep/new/out", "in/out.jsonl", "./in/.hidden"] {
        refused(&folder, &format!("convert in -o {out}"), "lies in");
        refused(&folder, &format!("convert in-link -o {out}"), "lies in");
        refused(&folder, &format!("convert in -o x --report {out}"), "lies in");
    }
    refused(&folder, "convert . -o out", "lies in");
    refused(&folder, "diff in in/a.xml -o in/d.txt", "lies in");
    refused(&folder, "ingest in --into dataset --report in/report.json", "lies in");
    for out in ["in", "in/", "in-link", "in-link/"] {
        refused(&folder, &format!("convert in/a.xml -o {out} --overwrite"), "contains the input");
        refused(&folder, &format!("convert in -o {out} --overwrite"), "is an input");
    }
    // A dataset may lie in a folder that is read: its files are skipped.
    let mut command = program();
    ends_as(
        0,
        {
            command.current_dir(folder.path("")).args(["ingest", "in", "--into", "in/dataset"]);
            command
        },
        b"",
    );
    refused(&folder, "convert in/dataset -o in/dataset/out", "lies in");
    refused(&folder, "convert in/dataset -o in/dataset --overwrite", "is an input");
}

#[test]
fn an_output_must_not_be_the_working_directory() {
    let folder = place();
    fs::create_dir(folder.path("empty")).unwrap();
    let input = folder.path("in/a.xml");
    for out in [".", "./", "../empty", "..", "../", "/"] {
        for options in [&[][..], &["--overwrite"]] {
            let mut command = program();
            command.current_dir(folder.path("empty"));
            command.args(["convert", &input, "-o", out]).args(options);
            let ran = ends_as(2, command, b"");
            let words = ["the working directory", "contains the input"];
            assert!(words.iter().any(|word| ran.stderr.contains(word)), "{out}: {}", ran.stderr);
        }
    }
    assert_eq!(folder.names("empty"), [""; 0]);
}

#[test]
fn outputs_must_not_overlap() {
    let folder = place();
    refused(&folder, "convert in/a.xml -o x.jsonl --report ./x.jsonl", "are both");
    refused(&folder, "convert in/a.xml -o x --report x/report.json", "lies in -o");
    refused(&folder, "merge in/a.xml -o x/ --report x/y/report.json", "lies in -o");
    refused(&folder, "scan 192.0.2.1 -o x --keep-xml x/kept.xml", "lies in -o");
    refused(&folder, "scan 192.0.2.1 -o x --report in/../x", "are both");
}

#[test]
fn numbered_files_of_keep_xml_are_outputs() {
    let folder = place();
    let scan = "scan 192.0.2.1 192.0.2.2 --parallel 2 --overwrite --keep-xml k.jsonl";
    refused(&folder, &format!("{scan} -o k.1.jsonl"), "-o and --keep-xml are both");
    refused(&folder, &format!("{scan} -o x/ --report ./k.2.jsonl"), "are both");
    folder.write("engine.toml", "");
    symlink("engine.toml", folder.path("k.2.jsonl")).unwrap();
    refused(&folder, &format!("{scan} --engine engine.toml"), "is an input");
    // Two numbers that lead to the same file.
    folder.write("k.1.jsonl", "mine");
    fs::remove_file(folder.path("k.2.jsonl")).unwrap();
    fs::hard_link(folder.path("k.1.jsonl"), folder.path("k.2.jsonl")).unwrap();
    refused(&folder, scan, "k.1.jsonl and k.2.jsonl are one file");
    let scan = "scan 192.0.2.1 192.0.2.2 --parallel 2 --keep-xml x/kept";
    refused(&folder, &format!("{scan} -o x"), "lies in -o");
}

#[test]
fn programs_and_settings_are_inputs() {
    let folder = place();
    folder.write("nmap", "#!/bin/sh\n");
    refused(&folder, "scan 192.0.2.1 --nmap ./nmap --keep-xml nmap --overwrite", "is an input");
    folder.write("mine.toml", "threads = 1\n");
    for args in ["convert in/a.xml", "merge in", "diff in/a.xml a-hard"] {
        let args = format!("{args} --config mine.toml --to jsonl --overwrite -o mine.toml");
        refused(&folder, &args, "is an input");
    }
    folder.write("scanmill.toml", "threads = 1\n");
    refused(&folder, "convert in/a.xml --report scanmill.toml", "is an input");
}

#[test]
fn names_of_rotated_files_must_be_free() {
    let folder = place();
    let watch = "watch in -o feed.jsonl --once --rotate-size 1M";
    refused(&folder, &format!("{watch} --state-dir feed.jsonl.1"), "old files of -o feed.jsonl");
    refused(&folder, &format!("{watch} --state-dir ./feed.jsonl.new"), "old files of -o");
    refused(&folder, "watch in -o feed --once --rotate-every 1d --state-dir feed.7", "old files");
    fs::create_dir(folder.path("scans.1")).unwrap();
    refused(&folder, "watch scans.1 -o scans --once --rotate-size 1M", "old files of -o scans");
    // Without rotation no file gets such a name.
    let mut command = program();
    command.current_dir(folder.path("")).args(["watch", "scans.1", "-o", "scans", "--once"]);
    ends_as(0, command, b"");
}

#[test]
fn outputs_must_not_lie_in_a_dataset() {
    let folder = place();
    let mut command = program();
    command.current_dir(folder.path("")).args(["ingest", "in", "--into", "dataset"]);
    ends_as(0, command, b"");
    for report in ["dataset/_scanmill/1.json", "dataset/report.json"] {
        refused(
            &folder,
            &format!("ingest in --into dataset --report {report}"),
            "lies in --into dataset",
        );
        refused(&folder, &format!("convert dataset --report {report}"), "lies in dataset");
    }
}

#[test]
fn a_dataset_is_not_watched() {
    let folder = place();
    let mut command = program();
    command.current_dir(folder.path("")).args(["ingest", "in", "--into", "lake"]);
    ends_as(0, command, b"");
    refused(&folder, "watch lake -o feed.jsonl --once", "is a dataset");
    fs::remove_dir_all(folder.path("lake/_scanmill")).unwrap();
    refused(&folder, "watch lake/ -o feed.jsonl --once", "is a dataset");
}

#[test]
fn streams_are_compared_with_files() {
    let folder = place();
    let path = folder.path("in/a.xml");
    let mut command = program();
    command.args(["convert", "-", "--to", "xml", "--overwrite", "-o", &path]);
    command.stdin(File::open(&path).unwrap());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("is standard input"));
    // The file itself, and one found in a folder.
    for input in [path.clone(), folder.path("in")] {
        let mut command = program();
        command.args(["convert", &input]).stdout(File::options().append(true).open(&path).unwrap());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{input}");
        assert_eq!(fs::read(&path).unwrap(), fs::read(xml(GOOD)).unwrap(), "{input}");
    }
    // Devices hold no data that could be lost.
    ends(0, &["convert", "/dev/null", "-o", "/dev/null"]);
}

#[test]
fn mounts_do_not_hide_overlaps() {
    let folder = place();
    fs::create_dir(folder.path("mount")).unwrap();
    let script = "mount --bind in mount && { \"$0\" convert in -o mount/out; echo $?; \"$0\" convert mount -o in/out; echo $?; \
                  \"$0\" convert mount/a.xml --to jsonl -o in/a.xml --overwrite; echo $?; }";
    let mut shell = support::command("unshare");
    shell.args(["--mount", "sh", "-c", script]).arg(cargo_bin!("scanmill"));
    let output = shell.current_dir(folder.path("")).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    if stderr.contains("unshare") || stderr.contains("mount:") {
        return support::skip("mounts_do_not_hide_overlaps", "mounting is not permitted");
    }
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "2\n2\n2\n", "{stderr}");
    assert_eq!(folder.names("in"), ["a.xml", "deep"]);
}

#[test]
fn a_feed_and_its_state_may_lie_in_the_folder_and_are_not_read() {
    let folder = place();
    refused(&folder, "watch in -o in", "is a folder");
    refused(&folder, "watch in -o x.jsonl --state-dir in --once", "is an input");
    refused(&folder, "watch in/deep -o x.jsonl --state-dir in --once", "contains the input");
    refused(&folder, "watch in -o state/x.jsonl --state-dir state --once", "lies in --state-dir");
    refused(&folder, "watch in -o in/.scanmill/x.jsonl --once", "lies in --state-dir");
    refused(&folder, "watch in -o x.jsonl --state-dir . --once", "--state-dir .");
    // A file that does not begin as a feed is not appended to, whatever its name.
    refused(&folder, "watch in --to jsonl -o a-link --once", "does not begin as a feed");
    folder.write("notes.jsonl", "my notes\n");
    refused(&folder, "watch in -o notes.jsonl --once", "does not begin as a feed");
    let mut command = program();
    command.current_dir(folder.path("")).args(["watch", "in", "-o", "in/feed.jsonl", "--once"]);
    ends_as(0, command, b"");
    assert_eq!(folder.read("in/feed.jsonl").lines().count(), 4);
}
