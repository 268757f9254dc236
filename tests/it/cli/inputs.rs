//! Ways to name inputs: lists, patterns, and compressed input.

use std::{fs, io::Write as _};

use super::{CUT, Folder, GOOD, Ran, ends, ends_as, program, refuses, xml};
use crate::support::fixture;

/// A scan of 64 hosts.
const SWEEP: &str = "03-lan-ping-sweep-verbose-down.xml";

fn hosts(ran: &Ran) -> usize {
    ran.lines().iter().filter(|line| line.contains("\"_type\":\"host\"")).count()
}

#[test]
fn names_can_come_from_a_list() {
    let list = format!("{}\n{}\n", xml(GOOD), xml(SWEEP));
    for (arguments, expected) in [
        (vec!["convert", "--files-from", "-"], 67),
        (vec!["convert", "--files-from=-", &xml(CUT)], 68),
    ] {
        let mut command = program();
        command.args(&arguments);
        assert_eq!(hosts(&ends_as(0, command, list.as_bytes())), expected, "{arguments:?}");
    }
    refuses(&["convert", "--files-from", "no-such-list"], &["no-such-list"]);
    refuses(&["convert", &xml(GOOD), "--include", "["], &["["]);
}

#[test]
fn patterns_filter_files_in_folders_but_not_named_files() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("scans/2024/old")).unwrap();
    for name in ["a.xml", "2024/b.xml", "2024/old/c.xml", "2024/d.nmap"] {
        fs::copy(xml(GOOD), folder.path(&format!("scans/{name}"))).unwrap();
    }
    let count = |args: &[&str]| {
        let root = folder.path("scans");
        hosts(&ends(0, &[&["convert", &root, "-q"], args].concat())) / 3
    };
    assert_eq!(count(&[]), 4);
    assert_eq!(count(&["--include", "*.xml"]), 3);
    assert_eq!(count(&["--include", "2024/*"]), 2);
    assert_eq!(count(&["--include", "*.xml", "--exclude", "**/old/**"]), 2);
    assert_eq!(count(&["--exclude", "*", &xml(GOOD)]), 1);
}

#[test]
fn pipes_can_carry_compressed_input() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&fixture("03-").bytes).unwrap();
    let packed = packed.finish().unwrap();
    let convert = || {
        let mut command = program();
        command.args(["convert", "-"]);
        command
    };
    assert_eq!(hosts(&ends_as(0, convert(), &packed)), 64);
    let cut = ends_as(1, convert(), &packed[..packed.len() * 3 / 4]);
    assert!(cut.stderr.contains("-: E_DECOMPRESS"), "{}", cut.stderr);
    assert!(hosts(&cut) > 10);
}

#[test]
fn threads_do_not_change_the_output() {
    let folder = xml("");
    let one = ends(0, &["convert", &folder, "-j1"]);
    assert_eq!(one.stdout, ends(0, &["convert", &folder, "--threads", "3"]).stdout);
    refuses(&["convert", &folder, "-j0"], &["above 0"]);
}
