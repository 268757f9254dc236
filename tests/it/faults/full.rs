//! Disks that are really full: a small file system, mounted where the command alone sees it.
//!
//! Those under `ingest` and `watch` are in `dataset/crashes.rs` and `watch/kills.rs`.

use std::{fmt::Write as _, fs};

use assert_cmd::cargo::cargo_bin;

use super::folder;
use crate::support;

/// Result of a command whose outputs were on a small disk.
pub(super) struct Full {
    /// The exit code, and the changes to what was there before.
    pub(super) ended: String,
    pub(super) said: String,
}

/// Runs a command that reads `in` and writes to `small`, a disk of the given size. With `twice` the same
/// command has written the scan in `tiny` there before. Returns `None` if no file system can be mounted.
pub(super) fn run(test: &str, size: &str, twice: bool, args: &[&str]) -> Option<Full> {
    let folder = folder();
    for (name, hosts) in [("in", 8000), ("tiny", 3)] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("a.xml"), scan(hosts)).unwrap();
    }
    fs::create_dir(folder.path().join("small")).unwrap();
    let unshare = || {
        let mut command = support::command("unshare");
        command.current_dir(folder.path()).arg("-rm");
        command
    };
    let mounted = unshare().args(["mount", "-t", "tmpfs", "none", "small"]).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        support::skip(test, "no file system may be mounted");
        return None;
    }
    let line = |args: &[&str]| format!("'{}' {}", cargo_bin!("scanmill").display(), args.join(" "));
    let tiny: Vec<_> = args.iter().map(|&arg| if arg == "in" { "tiny" } else { arg }).collect();
    let first = if twice { line(&tiny) } else { "true".to_owned() };
    let script = format!(
        "mount -t tmpfs -o size={size} none small && {first} || exit 9
        cp -a small before; : >said; ls -A >names
        {} 2>said; echo \"exit $?\"
        ls -A | diff names -; diff -r before small || true",
        line(args)
    );
    let ended = support::output_of(unshare().args(["sh", "-c", &script]));
    Some(Full { ended, said: fs::read_to_string(folder.path().join("said")).unwrap() })
}

/// Returns a scan whose tables exceed the disk.
fn scan(hosts: u32) -> String {
    let mut xml = "<nmaprun scanner=\"nmap\" args=\"nmap\" start=\"1700000000\">\n".to_owned();
    for host in 0..hosts {
        let [_, _, a, b] = host.to_be_bytes();
        // Text that no format can compress.
        let mut text = String::new();
        for word in 0..3 {
            let number = (u64::from(host) * 3 + word + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            write!(text, "{:016x}", number ^ (number >> 29)).unwrap();
        }
        writeln!(
            xml,
            "<host><status state=\"up\"/><address addr=\"10.0.{a}.{b}\" addrtype=\"ipv4\"/><ports><port \
             protocol=\"tcp\" portid=\"80\"><state state=\"open\"/><service name=\"http\" \
             product=\"{text}\"/></port></ports></host>"
        )
        .unwrap();
    }
    xml.push_str(
        "<runstats><finished time=\"1700000100\" exit=\"success\"/></runstats></nmaprun>\n",
    );
    xml
}

#[test]
fn a_full_disk_ends_with_4_and_keeps_existing_outputs() {
    for (args, name) in [
        (&["-q", "convert", "in", "-o", "small/out"][..], "small/out"),
        (&["-q", "convert", "in", "-o", "small/out", "--to", "csv"], "small/out"),
        (&["-q", "convert", "in", "-o", "small/out", "--partition-by", "scan_date"], "small/out"),
        (&["-q", "convert", "in", "-o", "small/out.jsonl"], "small/out.jsonl"),
        (
            &["-q", "convert", "in", "-o", "small/out.parquet", "--table", "services"],
            "small/out.parquet",
        ),
        (&["-q", "merge", "in", "-o", "small/out.jsonl"], "small/out.jsonl"),
        (&["-q", "convert", "in", "-o", "small/out.xlsx"], "small/out.xlsx"),
        #[cfg(feature = "full")]
        (&["-q", "convert", "in", "-o", "small/out.sqlite"], "small/out.sqlite"),
    ] {
        for twice in [false, true] {
            let args = [args, if twice { &["--overwrite"] } else { &[] }].concat();
            // A database has a page per table and index.
            let size = if name.ends_with(".sqlite") { "512k" } else { "128k" };
            let Some(Full { ended, said }) = run("a_full_disk_ends_with_4", size, twice, &args)
            else {
                return;
            };
            assert_eq!(ended, "exit 4\n", "{args:?}: {said}");
            // SQLite has words of its own.
            let is_named = said.contains("No space") || said.contains("disk is full");
            assert!(is_named && said.contains(name), "{args:?}: {said}");
        }
    }
}
