//! Exit codes and the messages that come with them.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileTypeExt as _,
};

use assert_cmd::cargo::cargo_bin;

use super::{CUT, Folder, GOOD, ends, ends_as, program, refuses, xml};
use crate::support;

#[test]
fn good_input_ends_with_0_and_without_messages_off_a_terminal() {
    let ran = ends(0, &["convert", &xml(GOOD)]);
    assert_eq!((ran.lines().len(), &*ran.stderr), (4, ""));
}

#[test]
fn damaged_input_is_a_warning_and_ends_with_0() {
    let ran = ends(0, &["convert", &xml(CUT)]);
    let types: Vec<_> = ran.json().iter().map(|line| line["_type"].clone()).collect();
    assert_eq!(types, ["host", "scan"]);
}

#[test]
fn an_empty_file_is_a_scan_that_found_nothing() {
    let folder = Folder::new();
    let ran = ends(0, &["convert", &folder.write("empty.xml", "")]);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("empty.xml:1: W_EMPTY"), "{}", ran.stderr);
}

#[test]
fn a_refused_input_among_good_ones_ends_with_1_and_the_others_are_written() {
    let folder = Folder::new();
    let junk = folder.write("notes.txt", "nothing to see");
    let missing = folder.path("missing.xml");
    let ran = ends(1, &["convert", &junk, &missing, &xml(GOOD)]);
    assert_eq!(ran.lines().len(), 4);
    assert!(ran.stderr.contains("notes.txt:1: E_NOT_NMAP"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: scanmill reads nmap's XML"), "{}", ran.stderr);
    assert!(ran.stderr.contains("missing.xml: E_IO"), "{}", ran.stderr);
}

#[test]
fn without_any_usable_input_it_ends_with_3() {
    let folder = Folder::new();
    let junk = folder.write("notes.txt", "nothing to see");
    let ran = ends(3, &["convert", &junk]);
    assert!(ran.stderr.contains("E_NOT_NMAP"), "{}", ran.stderr);
    ends(3, &["inspect", &folder.path("missing.xml")]);
}

#[test]
fn foreign_compressed_files_are_refused_by_content() {
    let folder = Folder::new();
    let packed = folder.path("scan.jsonl.gz");
    ends(0, &["convert", &xml(GOOD), "-o", &packed]);
    assert!(ends(3, &["convert", &packed]).stderr.contains("E_NOT_NMAP"));
    let foreign = folder.write("scan.rar", b"Rar!\x1a\x07\x01\0");
    let ran = ends(3, &["convert", &foreign]);
    assert!(ran.stderr.contains("E_DECOMPRESS"), "{}", ran.stderr);
    assert!(ran.stderr.contains("RAR is not supported: unpack it first"), "{}", ran.stderr);
}

#[test]
fn unknown_arguments_are_usage_errors() {
    let good = xml(GOOD);
    refuses(&["convert", &good, "--nope"], &["error:", "--nope", "Usage:"]);
    refuses(&["frobnicate"], &["frobnicate"]);
    refuses(&["convert"], &["INPUT"]);
    refuses(&[], &["Usage:", "convert", "inspect"]);
    refuses(&["convert", &good, "--to", "yaml"], &["jsonl", "csv", "parquet"]);
    refuses(&["convert", &good, "--compression", "zip"], &["zip", "snappy"]);
    refuses(&["convert", &good, "--max-host", "1T"], &["--max-host", "1T"]);
    refuses(&["completions", "tcsh"], &["tcsh", "zsh"]);
}

#[test]
fn unknown_names_are_usage_errors_that_list_the_known_ones() {
    let good = xml(GOOD);
    refuses(&["convert", &good, "--table", "nope"], &["\"nope\"", "ports", "os_classes"]);
    let ports = ["convert", &good, "--table", "ports", "--columns", "nope"];
    refuses(&ports, &["\"nope\"", "table ports", "reason_ttl"]);
    refuses(&["schema", "nope"], &["\"nope\"", "os_classes"]);
}

#[test]
fn options_that_do_not_go_together_are_usage_errors() {
    let good = xml(GOOD);
    for (options, words) in [
        (&["--to", "csv", "--table", "ports,hosts"][..], &["-o", "--table"][..]),
        (&["--to", "parquet"], &["-o"]),
        (&["--to", "parquet", "--table", "ports"], &["-o"]),
        (&["-o", "x.csv", "--table", "ports,hosts"], &["x.csv", "several tables", "--table"]),
        (&["-o", "ports.parquet", "--table", "ports,hosts"], &["several tables"]),
        (&["--columns", "ip"], &["--columns", "--table"]),
        (&["--columns", "ip", "--table", "ports,hosts"], &["--columns", "--table"]),
        (&["--shape", "nested", "--table", "ports"], &["--table", "--shape flat"]),
        (&["--shape", "flat", "--to", "csv", "--table", "ports"], &["--shape", "jsonl"]),
        (&["--shape", "flat", "--events"], &["--events"]),
        (&["--quiet", "--verbose"], &["--quiet", "--verbose"]),
    ] {
        refuses(&[&["convert", &good], options].concat(), words);
    }
    refuses(&["schema", "--write", "x", "--check", "y"], &["--write", "--check"]);
}

#[test]
fn strict_reading_of_damage_ends_with_3_and_keeps_whole_hosts_and_other_inputs() {
    let killed = xml("31-truncated-sigkill.xml");
    let ran = ends(3, &["convert", "--strict", &killed, &xml(CUT), &xml(GOOD)]);
    assert_eq!(ran.json().iter().filter(|line| line["_type"] == "host").count(), 4);
    assert!(ran.stderr.contains("E_STRICT: W_TRUNCATED"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: without --strict"), "{}", ran.stderr);
    ends(0, &["convert", "--strict", &xml(GOOD)]);
    // The cut is where the second document begins, not at the end of the file.
    let ran = ends(3, &["convert", "--strict", &xml("35-append-after-truncated.xml")]);
    assert!(ran.stderr.contains("35-append-after-truncated.xml:58: E_STRICT: W_TRUNCATED"));
    assert_eq!(ran.json().iter().filter(|line| line["_type"] == "scan").count(), 1);
}

#[test]
fn a_full_disk_ends_with_4() {
    let good = xml(GOOD);
    for options in [
        &["--to", "jsonl"][..],
        &["--to", "jsonl", "--shape", "flat"],
        &["--to", "csv", "--table", "ports"],
    ] {
        let ran = ends(4, &[&["convert", &good, "-o", "/dev/full"], options].concat());
        assert!(ran.stderr.contains("error: cannot write /dev/full"), "{}", ran.stderr);
    }
}

#[test]
fn a_standard_output_that_is_full_ends_with_4() {
    let good = xml(GOOD);
    for args in [&["convert", &good][..], &["inspect", &good], &["schema"], &["man"]] {
        let mut command = program();
        command.args(args).stdout(File::options().write(true).open("/dev/full").unwrap());
        let stderr = command.output().map(|ended| {
            assert_eq!(ended.status.code(), Some(4), "{args:?}");
            String::from_utf8(ended.stderr).unwrap()
        });
        assert!(stderr.unwrap().contains("error: cannot write standard output"), "{args:?}");
    }
}

#[test]
fn paths_that_cannot_be_written_end_with_4_and_leave_nothing() {
    let folder = Folder::new();
    let file = folder.write("file", "x");
    let good = xml(GOOD);
    for out in ["/proc/none/x.jsonl", "/proc/none/tables", &format!("{file}/x.jsonl")] {
        let ran = ends(4, &["convert", &good, "-o", out]);
        assert!(ran.stderr.contains(&format!("error: cannot write {out}")), "{}", ran.stderr);
    }
    ends(4, &["convert", &good, "--report", "/proc/none/report.json"]);
    assert_eq!(folder.names(""), ["file"]);
}

#[test]
fn a_reader_that_has_gone_ends_the_command_quietly() {
    let good = xml(GOOD);
    for args in [
        &["convert", &good][..],
        &["convert", &good, "--to", "csv", "--table", "ports"],
        &["convert", &good, "--shape", "flat"],
        &["inspect", &good],
        &["schema"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
    ] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut command = program();
        let ended = command.args(args).stdout(writer).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), &*said), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for args in [&["--help"][..], &["convert", "-h"], &["help", "schema"]] {
        let ran = ends(0, args);
        assert!(ran.stdout.contains("Usage: scanmill") && ran.stderr.is_empty(), "{args:?}");
    }
    let version = concat!("scanmill ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(ends(0, &["--version"]).stdout, version);
    assert_eq!(ends(0, &["-V"]).stdout, version);
}

#[test]
fn everything_that_prints_ends_with_4_on_a_full_disk() {
    for args in [
        &["--help"][..],
        &["--version"],
        &["convert", "-h"],
        &["help", "scan"],
        &["schema"],
        &["schema", "hosts", "--format", "arrow"],
        &["completions", "bash"],
        &["man"],
        &["convert", &xml(GOOD)],
        &["inspect", &xml(GOOD)],
        &["inspect", "--json", &xml(GOOD)],
        &["diff", &xml(GOOD), &xml(CUT)],
        &["scan", "192.0.2.1", "--dry-run"],
    ] {
        let mut command = program();
        command.args(args).stdout(fs::File::options().write(true).open("/dev/full").unwrap());
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{args:?}: {said}");
        assert!(said.contains("error: cannot write standard output"), "{args:?}: {said}");
    }
}

#[test]
fn a_pipe_is_never_replaced_by_a_file() {
    let folder = Folder::new();
    let pipe = folder.path("pipe");
    support::output_of(support::command("mkfifo").arg(&pipe));
    let args = ["convert", &xml(GOOD), "--to", "parquet", "--table", "ports", "-o", &pipe];
    for options in [&[][..], &["--overwrite"]] {
        refuses(&[&args, options].concat(), &[&pipe, "device or pipe"]);
    }
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn a_file_size_limit_ends_with_4_and_leaves_nothing() {
    let folder = Folder::new();
    for out in ["hosts.jsonl", "tables", "text --to=csv"] {
        let script = format!("trap '' XFSZ; ulimit -f 4; exec \"$0\" convert \"$1\" -o {out}");
        let mut shell = support::command("sh");
        shell.current_dir(folder.path("")).args(["-c", &script]);
        shell.arg(cargo_bin!("scanmill")).arg(xml(""));
        let ran = ends_as(4, shell, b"");
        assert!(ran.stderr.contains("error: cannot write"), "{}", ran.stderr);
        assert_eq!(folder.names(""), [""; 0], "{out}");
    }
}

#[test]
fn options_that_a_format_does_not_support_are_usage_errors() {
    let good = xml(GOOD);
    for (options, word) in [
        (&["-o", "x.parquet.gz"][..], ".gz"),
        (&["--table", "hosts", "--columns", "ip_bytes"], "parquet"),
        (&["-o", "x", "--to", "csv", "--rows-per-file", "9"], "parquet"),
        (&["-o", "x", "--rows-per-file", "0"], "above 0"),
        (&["-o", "x", "--compression", "brotli"], "zstd"),
        (&["--max-value", "0"], "size"),
        (&["--report", "/"], "--report"),
    ] {
        refuses(&[&["convert", &good], options].concat(), &[word]);
    }
}
