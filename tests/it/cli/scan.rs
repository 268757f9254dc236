//! `scan`, with programs that stand in for nmap and with the real nmap on loopback. Nothing here depends on
//! time.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{Folder, Ran, ends, ends_as, program, refuses, xml};
use crate::support;

const HEAD: &str = r#"<?xml version="1.0"?>
<nmaprun scanner="nmap" args="nmap -oX -" start="1700000000" version="7.94">
"#;
const TAIL: &str = r#"<runstats><finished time="1700000100" exit="success"/></runstats></nmaprun>
"#;
const CUT: &str =
    r#"<host><status state="up"/><address addr="192.0.2.99" addrtype="ipv4"/><ports>"#;

fn host(ip: &str) -> String {
    format!(
        r#"<host><status state="up"/><address addr="{ip}" addrtype="ipv4"/><ports><port protocol="tcp" portid="22"><state state="open"/></port><port protocol="tcp" portid="80"><state state="closed"/></port></ports></host>
"#
    )
}

/// Returns shell commands that write `text`.
fn writes(text: &str) -> String {
    format!("printf '%s' '{text}'\n")
}

/// Writes a shell script and returns its path. A child process writes it: executing a script that this process
/// had open for writing could fail with `ETXTBSY`.
pub(super) fn script(folder: &Folder, name: &str, commands: &str) -> String {
    let path = folder.path(name);
    let text = format!("#!/bin/sh\n{commands}\n");
    let write = "printf '%s' \"$1\" > \"$0\" && chmod +x \"$0\"";
    support::output_of(support::command("sh").args(["-c", write, &path, &text]));
    path
}

/// Runs a scan with a script in place of nmap. It must end with exit code `code`.
fn scanned(code: i32, commands: &str, options: &[&str]) -> Ran {
    let folder = Folder::new();
    let nmap = script(&folder, "nmap", commands);
    ends(code, &[&["scan", "192.0.2.1", "--nmap", &nmap], options].concat())
}

fn ips(ran: &Ran) -> Vec<Value> {
    ran.json()
        .iter()
        .filter(|line| line["_type"] == "host")
        .map(|line| line["ip"].clone())
        .collect()
}

pub(super) fn fifo(folder: &Folder, name: &str) -> String {
    let path = folder.path(name);
    support::output_of(support::command("mkfifo").arg(&path));
    path
}

/// Waits until a process writes a line to the FIFO, and returns the line.
fn said(fifo: &str) -> String {
    fs::read_to_string(fifo).unwrap().trim().to_owned()
}

/// A running scan.
pub(super) struct Scanning {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Scanning {
    pub(super) fn start(args: &[&str]) -> Self {
        let mut command = program();
        command.arg("scan").arg("192.0.2.1").args(args);
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    fn signal(&self) {
        let kill = format!("kill -INT {}", self.child.id());
        support::output_of(support::command("sh").args(["-c", &kill]));
    }

    /// Returns the rest of standard output, standard error and the exit code.
    pub(super) fn finished(mut self) -> (String, String, Option<i32>) {
        let (mut rest, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut rest).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (rest, stderr, self.child.wait().unwrap().code())
    }
}

/// Waits for the end of a process that another one started and that will be stopped soon.
fn is_gone(pid: &str) -> bool {
    let stat = Path::new("/proc").join(pid.trim()).join("stat");
    (0..1000).any(|_| {
        thread::sleep(Duration::from_millis(10));
        let stat = fs::read_to_string(&stat).unwrap_or_default();
        stat.rsplit(") ").next().unwrap_or_default().starts_with(['Z', 'X']) || stat.is_empty()
    })
}

#[test]
fn each_host_is_written_when_it_is_complete() {
    let folder = Folder::new();
    let go = fifo(&folder, "go");
    let waits = format!("read x < '{go}'\n");
    let commands = [
        writes(HEAD),
        writes(&host("192.0.2.1")),
        waits.clone(),
        writes(&host("192.0.2.2")),
        waits,
        writes(TAIL),
    ];
    let nmap = script(&folder, "nmap", &commands.concat());
    let mut scan = Scanning::start(&["--nmap", &nmap]);
    for ip in ["192.0.2.1", "192.0.2.2"] {
        assert!(scan.line().contains(&format!("\"ip\":\"{ip}\"")));
        fs::write(&go, "x\n").unwrap();
    }
    let (rest, stderr, code) = scan.finished();
    assert!(rest.contains("\"_type\":\"scan\"") && rest.contains("\"source\":\"nmap\""), "{rest}");
    assert_eq!((rest.lines().count(), stderr.as_str(), code), (1, "", Some(0)));
}

#[test]
fn output_equals_convert_of_the_kept_xml() {
    for name in ["08-tcp-udp-combined.xml", "21-prescript-postscript.xml", "10-ipv6-all.xml"] {
        for options in [
            &[][..],
            &["--events"],
            &["--shape", "flat"],
            &["--table", "ports", "--to", "csv", "--state", "open", "--up"],
            &["--table", "scans", "--hash", "--scan-salt", "here"],
        ] {
            let folder = Folder::new();
            let (fixture, kept) = (xml(name), folder.path("kept.xml"));
            let commands = format!("cat '{fixture}'");
            let keep = [&["--keep-xml", &kept, "--name", "the scan"], options].concat();
            let ran = scanned(0, &commands, &keep);
            assert_eq!(folder.bytes("kept.xml"), fs::read(&fixture).unwrap());
            let converted = ends(0, &[&["convert", &kept], options].concat());
            assert_eq!(
                ran.stdout,
                converted.stdout.replace(&kept, "the scan"),
                "{name} {options:?}"
            );
            assert!(!ran.stdout.is_empty());
        }
    }
}

#[test]
fn outputs_are_files_and_folders_like_those_of_convert() {
    let commands = [HEAD, &host("192.0.2.1"), TAIL].map(writes).concat();
    let folder = Folder::new();
    for (out, options, names) in [
        ("feed.jsonl", &[][..], &["feed.jsonl"][..]),
        ("ports.csv", &["--table", "ports"], &["ports.csv"]),
        (
            "tables",
            &["--table", "ports,hosts"],
            &["_scanmill.json", "hosts.parquet", "ports.parquet"],
        ),
    ] {
        let path = folder.path(out);
        let ran = scanned(0, &commands, &[&["-o", &path], options].concat());
        assert_eq!(ran.stdout, "");
        let found = if Path::new(&path).is_dir() { folder.names(out) } else { vec![out.into()] };
        assert_eq!(found, names);
        let again = scanned(2, &commands, &[&["-o", &path], options].concat());
        assert!(again.stderr.contains("--overwrite"), "{}", again.stderr);
        scanned(0, &commands, &[&["-o", &path, "--overwrite"], options].concat());
    }
    let kept = folder.write("kept.xml", "old");
    assert!(scanned(2, &commands, &["--keep-xml", &kept]).stderr.contains("exists"));
    assert_eq!(folder.read("kept.xml"), "old");
    assert!(scanned(2, &commands, &["--keep-xml", "-"]).stderr.contains("--keep-xml"));
    scanned(0, &commands, &["--keep-xml", &kept, "--overwrite"]);
    assert!(folder.read("kept.xml").starts_with("<?xml"));
    let nowhere = folder.path("none/kept.xml");
    scanned(4, &commands, &["--keep-xml", &nowhere]);
    assert!(scanned(4, &commands, &["--keep-xml", "/dev/full"]).stderr.contains("/dev/full"));
}

#[test]
fn a_scan_that_fails_ends_with_5_and_keeps_what_was_read() {
    let (one, two) = (host("192.0.2.1"), "192.0.2.1");
    let bad = TAIL.replace("\"success\"", "\"error\" errormsg=\"no \u{1b}[31mroute\"");
    for (commands, found, words) in [
        (writes(HEAD) + &writes(&one) + &writes(CUT) + "kill -9 $$", 3, "(signal 9)"),
        (
            writes(HEAD) + &writes(&one) + "echo why >&2; echo more >&2; exit 3",
            2,
            "(exit code 3): why; more",
        ),
        (
            writes(HEAD) + &writes(&one),
            2,
            "nmap ended before the scan was complete, 1 host was read",
        ),
        (writes(HEAD) + &writes(&one) + &writes(&bad) + "exit 1", 2, "no \\u{1b}[31mroute"),
        (writes(HEAD) + &writes(&one) + &writes(&bad), 2, "nmap failed: no"),
        (writes(HEAD) + &writes(&one) + &writes(TAIL) + "exit 7", 2, "exit code 7"),
        (String::new(), 0, "nmap wrote no scan"),
        ("echo QUITTING >&2; exit 1".to_owned(), 0, "(exit code 1): QUITTING"),
        ("echo usage: frobnicate".to_owned(), 0, "nmap wrote no scan"),
        (writes("<?xml version=\"1.0\"?><html>") + "sleep 0.2", 0, "nmap wrote no scan"),
        ("yes".to_owned(), 0, "nmap wrote 16 MiB, and no scan"),
        ("yes '<html>'".to_owned(), 0, "nmap wrote 16 MiB, and no scan"),
    ] {
        let ran = scanned(5, &commands, &[]);
        assert_eq!(ran.lines().len(), found, "{commands}: {}", ran.stdout);
        assert!(ran.stdout.contains(two) || found == 0);
        let error = ran.stderr.lines().find(|line| line.starts_with("error: nmap: "));
        assert!(error.is_some_and(|line| line.contains(words)), "{commands}: {}", ran.stderr);
        assert_eq!(ran.stderr.matches("error:").count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn a_command_without_a_scan_keeps_existing_outputs() {
    let folder = Folder::new();
    let out = folder.write("out.jsonl", "old");
    scanned(5, "exit 1", &["-o", &out, "--overwrite"]);
    assert_eq!(
        (folder.read("out.jsonl"), folder.names("")),
        ("old".into(), vec!["out.jsonl".into()])
    );
    // If it fails after a host was written, the host is a result.
    let commands = writes(HEAD) + &writes(&host("192.0.2.1")) + "exit 1";
    scanned(5, &commands, &["-o", &out, "--overwrite"]);
    assert!(folder.read("out.jsonl").contains("192.0.2.1"));
}

#[test]
fn a_missing_nmap_is_reported_with_how_to_install_it() {
    for nmap in ["no-such-nmap", "/no/such/nmap"] {
        let ran = ends(5, &["scan", "192.0.2.1", "--nmap", nmap]);
        assert!(
            ran.stderr.contains(nmap) && ran.stderr.contains("apt install nmap"),
            "{}",
            ran.stderr
        );
    }
    let folder = Folder::new();
    let nmap = folder.write("nmap", "not executable");
    let ran = ends(5, &["scan", "192.0.2.1", "--nmap", &nmap]);
    assert!(ran.stderr.contains("cannot be run"), "{}", ran.stderr);
}

#[test]
fn much_standard_error_blocks_nothing_and_is_a_warning_of_a_good_run() {
    let much = "echo careful >&2; head -c 3000000 /dev/zero | tr '\\0' x >&2\n";
    let commands = [writes(HEAD), much.into(), writes(&host("192.0.2.1")), writes(TAIL)].concat();
    let ran = scanned(0, &commands, &[]);
    assert_eq!(ran.lines().len(), 2);
    assert!(ran.stderr.starts_with("warning: nmap: careful; xxx"), "{:.99}", ran.stderr);
    assert!(ran.stderr.len() < 2000);
    assert_eq!(scanned(0, &commands, &["-q"]).stderr, "");
}

#[test]
fn strict_reading_ends_nmap_at_the_first_warning() {
    let folder = Folder::new();
    let left = folder.path("left");
    let bad = "<host><address addr=\"1\" addr=\"2\"/></host>";
    let commands = [writes(HEAD), writes(&host("192.0.2.1")), writes(bad)].concat();
    let commands = format!("echo $$ > '{left}'\n{commands}exec sleep 1000");
    let ran = scanned(3, &commands, &["--strict"]);
    assert_eq!(ips(&ran), ["192.0.2.1"]);
    assert!(is_gone(&folder.read("left")));
}

#[test]
fn an_interrupted_scan_keeps_every_host_that_was_complete() {
    let folder = Folder::new();
    let ready = fifo(&folder, "ready");
    let xml = [HEAD, &host("192.0.2.1"), &host("192.0.2.2"), CUT].map(writes).concat();
    let commands = format!("sleep 1000 &\n{xml}echo $! $$ > '{ready}'\nwait");
    let nmap = script(&folder, "nmap", &commands);
    for (number, options) in [
        &["-o", "feed.jsonl"][..],
        &["-o", "ports.csv", "--table", "hosts"],
        &["-o", "tables", "--to", "csv", "--table", "hosts,scans"],
        &["--keep-xml", "kept.xml"],
        &["--parallel", "2", "-o", "merged.jsonl"],
    ]
    .into_iter()
    .enumerate()
    {
        let mut command = program();
        command.current_dir(folder.path("")).args(["scan", "192.0.2.1", "--nmap", &nmap]);
        command.args(options);
        let scan = Scanning::of(command);
        let pids = said(&ready);
        scan.signal();
        let (stdout, stderr, code) = scan.finished();
        assert_eq!(code, Some(130), "{stderr}");
        let out = match number {
            0 => folder.read("feed.jsonl"),
            1 => folder.read("ports.csv"),
            2 => folder.read("tables/hosts.csv"),
            4 => folder.read("merged.jsonl"),
            _ => stdout,
        };
        assert!(out.contains("192.0.2.1") && out.contains("192.0.2.2"), "{options:?}: {out}");
        assert!(!out.contains("192.0.2.99"), "{options:?}: {out}");
        assert!(pids.split(' ').all(is_gone), "{pids}");
    }
    assert!(folder.read("kept.xml").ends_with(CUT));
    assert!(folder.read("tables/scans.csv").contains(",true,"), "the scan was cut");
    assert!(folder.names("").iter().all(|name| !name.contains(".tmp-")), "{:?}", folder.names(""));
}

#[test]
fn processes_that_leave_the_session_of_nmap_end_with_the_scan() {
    let leaves = "(setsid sh -c 'echo $$ > left.tmp; mv left.tmp left; trap \"\" TERM; exec sleep 1000' &)\n\
                  while [ ! -s left ]; do sleep 0.01; done\n";
    let begin = [HEAD, &host("192.0.2.1")].map(writes).concat();
    for (signal, code, end) in [
        (Some("TERM"), 130, "exec sleep 1000".to_owned()),
        (Some("INT"), 130, "trap '' TERM; while :; do sleep 0.1; done".to_owned()),
        (None, 0, writes(TAIL)),
        (None, 5, "exit 1".to_owned()),
    ] {
        for parallel in ["1", "2"] {
            let folder = Folder::new();
            let cd = format!("cd '{}'\n", folder.path(""));
            let nmap = script(&folder, "nmap", &[&*cd, leaves, &*begin, &*end].concat());
            let scan = Scanning::start(&["--nmap", &nmap, "--parallel", parallel]);
            while !fs::exists(folder.path("left")).unwrap() {
                thread::sleep(Duration::from_millis(5));
            }
            if let Some(signal) = signal {
                let pid = scan.child.id().to_string();
                support::output_of(support::command("kill").args([&format!("-{signal}"), &pid]));
            }
            let (_, stderr, ended) = scan.finished();
            assert_eq!(ended, Some(code), "{signal:?} {end}: {stderr}");
            let left = folder.read("left");
            assert!(!Path::new("/proc").join(left.trim()).exists(), "{signal:?} {end} {parallel}");
        }
    }
}

#[test]
fn endless_output_is_stopped_by_a_signal_or_by_a_reader_that_leaves() {
    let folder = Folder::new();
    let left = folder.path("left");
    let hosts = writes(&host("192.0.2.1"));
    let commands =
        format!("sleep 1000 &\necho $! $$ > '{left}'\n{}while :; do {hosts}done", writes(HEAD));
    let nmap = script(&folder, "nmap", &commands);
    let mut scan = Scanning::start(&["--nmap", &nmap]);
    for _ in 0..3 {
        assert!(scan.line().contains("192.0.2.1"));
    }
    scan.signal();
    let (rest, _, code) = scan.finished();
    assert_eq!(code, Some(130));
    // Every line is complete, and the last one is that of the scan.
    assert_eq!(super::json_lines(&rest).last().map(|line| &line["_type"]), Some(&"scan".into()));
    assert!(folder.read("left").split_whitespace().all(is_gone));
    let mut scan = Scanning::start(&["--nmap", &nmap]);
    scan.line();
    let Scanning { mut child, stdout } = scan;
    drop(stdout);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(folder.read("left").split_whitespace().all(is_gone));
}

#[test]
fn a_second_signal_ends_a_scan_that_will_not_end() {
    let folder = Folder::new();
    let (told, out) = (fifo(&folder, "told"), folder.path("out.jsonl"));
    let begin = [HEAD, &host("192.0.2.1")].map(writes).concat();
    let commands = format!(
        "trap \"echo $$ > '{told}'\" TERM\n{begin}echo $$ > '{told}'\nwhile :; do sleep 0.1; done"
    );
    let nmap = script(&folder, "nmap", &commands);
    let scan = Scanning::start(&["--nmap", &nmap, "-o", &out]);
    let pid = said(&told);
    scan.signal();
    said(&told);
    scan.signal();
    assert_eq!(scan.finished().2, Some(130));
    assert!(is_gone(&pid));
    assert_eq!(
        folder.names(""),
        ["nmap", "told"],
        "nothing is published, and nothing temporary stays"
    );
}

#[test]
fn a_process_that_ignores_signals_is_killed() {
    let folder = Folder::new();
    let ready = fifo(&folder, "ready");
    let begin = [HEAD, &host("192.0.2.1")].map(writes).concat();
    let commands =
        format!("trap '' TERM INT\n{begin}echo $$ > '{ready}'\nwhile :; do sleep 0.1; done");
    let nmap = script(&folder, "nmap", &commands);
    let scan = Scanning::start(&["--nmap", &nmap]);
    let pid = said(&ready);
    scan.signal();
    let (rest, _, code) = scan.finished();
    assert_eq!((code, rest.contains("192.0.2.1")), (Some(130), true));
    assert!(is_gone(&pid));
}

/// Shell commands that write a host for the last argument of the command.
const OF_TARGET: &str = r#"for last; do :; done
printf '<nmaprun scanner="nmap" args="%s" start="1700000000" version="7.94">' "$last"
printf '<host><status state="up"/><address addr="%s" addrtype="ipv4"/></host>' "$last"
"#;

#[test]
fn several_processes_run_in_parallel_and_are_merged_in_order() {
    let folder = Folder::new();
    fs::create_dir(folder.path("up")).unwrap();
    // Each waits for all others.
    let waits = format!(
        "touch '{0}'/$$; while [ $(ls '{0}' | wc -l) -lt 3 ]; do sleep 0.01; done\n",
        folder.path("up")
    );
    let nmap = script(&folder, "nmap", &format!("{OF_TARGET}{waits}{}", writes(TAIL)));
    let kept = folder.path("kept.xml");
    let args = ["scan", "192.0.2.1-192.0.2.3", "--parallel", "3", "--nmap", &nmap];
    let ran = ends(0, &[&args[..], &["--keep-xml", &kept]].concat());
    assert_eq!(ips(&ran), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    let sources: Vec<_> =
        ran.json().iter().filter_map(|line| line["source"].as_str().map(str::to_owned)).collect();
    assert_eq!(sources, ["nmap-1", "nmap-2", "nmap-3"]);
    assert!(ran.json()[0]["scan_ids"].is_array(), "merged hosts say where they come from");
    let kept: Vec<String> = (1..=3).map(|n| folder.path(&format!("kept.{n}.xml"))).collect();
    let again =
        ends(0, &[&["merge"], &kept.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
    assert_eq!(ips(&again), ips(&ran));
    fs::remove_dir_all(folder.path("up")).unwrap();
    fs::create_dir(folder.path("up")).unwrap();
    assert_eq!(ends(0, &args).stdout, ran.stdout);
}

#[test]
fn a_process_that_fails_does_not_affect_the_results_of_others() {
    let folder = Folder::new();
    let fails = "case $last in 192.0.2.2) echo broken >&2; exit 1;; esac\n";
    let nmap = script(&folder, "nmap", &format!("{OF_TARGET}{fails}{}", writes(TAIL)));
    let report = folder.path("report.json");
    let args = ["scan", "192.0.2.1-3", "--parallel", "9", "--nmap", &nmap, "--report", &report];
    let ran = ends(5, &args);
    assert_eq!(ips(&ran), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    assert!(
        ran.stderr.contains(
            "error: nmap-2: nmap ended before the scan was complete, 1 host was read (exit code 1): broken"
        ),
        "{}",
        ran.stderr
    );
    let report: Value = serde_json::from_str(&folder.read("report.json")).unwrap();
    let outcomes: Vec<_> = (0..3).map(|n| report["inputs"][n]["outcome"].clone()).collect();
    assert_eq!(outcomes, ["read", "refused", "read"]);
}

#[test]
fn a_dry_run_prints_the_command_lines() {
    for (args, line) in [
        (&["192.0.2.0/28"][..], "nmap -oX - -- 192.0.2.1-14"),
        (
            &["192.0.2.1", "-p", "443,22,23", "--args", "-sV --script 'a b' -T4", "a.example"],
            "nmap -oX - -sV --script 'a b' -T4 '-p22-23,443' -- 192.0.2.1 a.example",
        ),
        (&["2001:db8::1", "--args=-n"], "nmap -oX - -n -6 -- 2001:db8::1"),
        (&["192.0.2.1", "--nmap", "/no such/nmap"], "'/no such/nmap' -oX - -- 192.0.2.1"),
        (&["192.0.2.1", "--sudo"], "sudo -n -- nmap -oX - -- 192.0.2.1"),
        (&["192.0.2.1-2", "--parallel", "2"], "nmap -oX - -- 192.0.2.1\nnmap -oX - -- 192.0.2.2"),
        (
            &["2001:db8::/127", "--parallel", "2"],
            "nmap -oX - -6 -- 2001:db8::\nnmap -oX - -6 -- 2001:db8::1",
        ),
    ] {
        let ran = ends(0, &[&["scan", "--dry-run"], args].concat());
        assert_eq!((ran.stdout, ran.stderr.as_str()), (format!("{line}\n"), ""), "{args:?}");
    }
}

#[test]
fn invalid_targets_and_arguments_are_refused_before_anything_runs() {
    let folder = Folder::new();
    let ran = folder.path("ran");
    let nmap = script(&folder, "nmap", &format!("touch '{ran}'"));
    for (args, words) in [
        (&["300.1.1.1"][..], &["300.1.1.1"][..]),
        (&["192.0.2.9-192.0.2.1"], &["192.0.2.9-192.0.2.1"]),
        (&["192.0.2.1,::1"], &["IPv4 and IPv6"]),
        (&["--", "-iL"], &["-iL"]),
        (&["--", "--script=x"], &["--script"]),
        (&[""], &["no targets"]),
        (&["192.0.2.1", "-p", "0"], &["0"]),
        (&["192.0.2.1", "-p", "-"], &["-"]),
        (&["192.0.2.1", "-p", "T:80"], &["T:80"]),
        (&["192.0.2.1", "-p", "90-80"], &["90-80"]),
        (&["192.0.2.1", "--args", "-nv"], &["-nv"]),
        (&["192.0.2.1", "--args", "--verb"], &["--verb"]),
        (&["192.0.2.1", "--args", "-append-outp"], &["-append-outp"]),
        (&["192.0.2.1", "--args", "-oN x"], &["-oN"]),
        (&["192.0.2.1", "--args", "-sn 10.0.0.1"], &["10.0.0.1"]),
        (&["192.0.2.1", "--args", "'open"], &["open"]),
        (&["192.0.2.1", "--args", "-F", "-p", "80"], &["-F", "-p"]),
        (&["192.0.2.1", "--args", "-6"], &["-6"]),
        (&["::1", "--args", "-4"], &["-4"]),
        (&["192.0.2.1", "--parallel", "0"], &["--parallel"]),
        (&["192.0.2.1", "--parallel", "1000"], &["--parallel", "256"]),
        (&["192.0.2.1", "--to", "parquet"], &["-o"]),
        (&["192.0.2.1", "--engine", "/no/such.toml"], &["/no/such.toml"]),
        (&[], &["TARGET"]),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            refuses(&[&["scan", "--nmap", &nmap], more, args].concat(), words);
        }
    }
    assert!(!Path::new(&ran).exists());
}

#[test]
fn sudo_starts_and_stops_nmap() {
    let folder = Folder::new();
    fs::create_dir(folder.path("bin")).unwrap();
    let ready = fifo(&folder, "ready");
    let log = folder.path("log");
    // Acts as sudo does, without changing the user.
    script(
        &folder,
        "bin/sudo",
        &format!(
            "printf '%s\\n' \"$*\" >> '{log}'\n[ \"$1\" = -n ] && shift\n[ \"$1\" = -- ] && shift\nexec \"$@\""
        ),
    );
    let xml = [HEAD, &host("192.0.2.1")].map(writes).concat();
    let nmap = script(&folder, "nmap", &format!("{xml}echo $$ > '{ready}'\nexec sleep 1000"));
    let mut command = program();
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.path("bin")));
    command.args(["scan", "192.0.2.1", "--sudo", "--nmap", &nmap]);
    let scan = Scanning::of(command);
    let pid = said(&ready);
    scan.signal();
    let (rest, stderr, code) = scan.finished();
    assert_eq!((code, rest.lines().count()), (Some(130), 2), "{stderr}");
    assert!(is_gone(&pid));
    let log = folder.read("log");
    assert!(
        log.starts_with(&format!("-n true\n-n -- {nmap} -oX - -- 192.0.2.1\n-n kill -TERM -- -")),
        "{log}"
    );
    script(&folder, "bin/sudo", "echo 'a password is required' >&2; exit 1");
    let mut command = program();
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.path("bin")));
    command.args(["scan", "192.0.2.1", "--sudo", "--nmap", &nmap]);
    let ran = ends_as(5, command, b"");
    assert!(ran.stderr.contains("a password is required"), "{}", ran.stderr);
}

#[test]
fn progress_comes_from_nmap_and_is_requested_only_when_it_is_shown() {
    let folder = Folder::new();
    let seen = folder.path("args");
    let task = "<taskprogress task=\"Connect Scan\" time=\"1700000001\" percent=\"42.00\" remaining=\"5\"/>\n";
    let progress = [writes(task), "sleep 2.1\n".to_owned(), writes(task)].concat();
    let commands = format!("echo \"$@\" > '{seen}'\n{}{progress}{}", writes(HEAD), writes(TAIL));
    let ran = scanned(0, &commands, &["--progress", "always"]);
    assert!(folder.read("args").contains("--stats-every 1s"), "{}", folder.read("args"));
    assert!(
        ran.stderr.contains("progress: 42%, 0 hosts, Connect Scan, 5 s to go"),
        "{}",
        ran.stderr
    );
    scanned(0, &commands, &["--progress", "always", "--args", "--stats-every 9s"]);
    assert!(
        folder.read("args").starts_with("-oX - --stats-every 9s -- "),
        "{}",
        folder.read("args")
    );
    assert_eq!(scanned(0, &[HEAD, TAIL].map(writes).concat(), &[]).stderr, "");
}

#[test]
fn nmap_itself_scans_loopback() {
    if support::command("nmap").arg("-V").stdout(Stdio::null()).status().is_err() {
        return support::skip("nmap_itself_scans_loopback", "nmap is not installed");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let args = ["scan", "127.0.0.1", "-p", &port, "--args", "-sT -n"];
    let ran = ends(0, &args);
    let lines = ran.json();
    assert_eq!(lines.len(), 2, "{}", ran.stdout);
    assert_eq!(lines[0]["ip"], "127.0.0.1");
    assert_eq!(lines[0]["ports"][0]["state"], "open", "{}", lines[0]);
    assert_eq!(lines[1]["exit_status"], "success", "{}", lines[1]);
    // Both processes report what they scan, and nmap would refuse an unknown argument.
    let ran = ends(0, &["scan", "127.0.0.1-2", "-p", &port, "--args", "-sT -n", "--parallel", "2"]);
    assert_eq!(ips(&ran), ["127.0.0.1", "127.0.0.2"]);
    let ran = ends(5, &["scan", "127.0.0.1", "--args", "--no-such-option"]);
    assert!(ran.stderr.contains("no-such-option"), "{}", ran.stderr);
}

#[test]
fn nothing_is_created_or_changed_if_nmap_does_not_run() {
    let folder = Folder::new();
    let (old, new) = (folder.write("old.xml", "precious"), folder.path("new.xml"));
    let missing = ["scan", "192.0.2.1", "--nmap", "/no/such/nmap", "--keep-xml"];
    ends(5, &[&missing[..], &[&old, "--overwrite"]].concat());
    assert_eq!(folder.read("old.xml"), "precious");
    ends(5, &[&missing[..], &[&new]].concat());
    ends(4, &[&missing[..], &[&folder.path("none/new.xml")]].concat());
    folder.write("new.2.xml", "precious");
    ends(2, &["scan", "192.0.2.1-2", "--nmap", "no", "--parallel", "2", "--keep-xml", &new]);
    assert_eq!(folder.names(""), ["new.2.xml", "old.xml"]);
}

#[test]
fn outputs_of_the_same_name_are_refused() {
    let folder = Folder::new();
    let path = folder.path("same");
    for [one, other] in [["-o", "--keep-xml"], ["--keep-xml", "--report"], ["-o", "--report"]] {
        let ran = ends(2, &["scan", "192.0.2.1", one, &path, other, &path, "--overwrite"]);
        assert!(ran.stderr.contains("are both"), "{}", ran.stderr);
    }
}

#[test]
fn nmap_gets_only_checked_arguments() {
    let folder = Folder::new();
    let commands =
        format!("echo \"${{NMAP_ARGS-none}}\" >&2\n{}", [HEAD, TAIL].map(writes).concat());
    let mut command = program();
    command.env("NMAP_ARGS", "-oN stolen").args(["scan", "192.0.2.1", "--nmap"]);
    command.arg(script(&folder, "nmap", &commands));
    let ran = ends_as(0, command, b"");
    assert!(ran.stderr.contains("none"), "{}", ran.stderr);
}

#[test]
fn a_full_disk_is_reported_alike_for_one_and_several_processes() {
    let folder = Folder::new();
    let many =
        format!("i=0; while [ $i -lt 3000 ]; do {}i=$((i+1)); done\n", writes(&host("192.0.2.1")));
    let nmap = script(&folder, "nmap", &format!("trap '' PIPE\n{}{many}", writes(HEAD)));
    for options in ["--keep-xml kept.xml", "--keep-xml kept.xml --parallel 2"] {
        // Files may have 64 KiB.
        let exe = assert_cmd::cargo::cargo_bin!("scanmill").display();
        let line = format!(
            "trap '' XFSZ; ulimit -f 64; exec '{exe}' scan 192.0.2.1-2 --nmap '{nmap}' {options}"
        );
        let mut command = support::command("bash");
        command.current_dir(folder.path("")).args(["-c", &line]);
        let ran = ends_as(4, command, b"");
        assert!(ran.stderr.contains("cannot write kept"), "{options}: {}", ran.stderr);
        for name in folder.names("").iter().filter(|name| name.starts_with("kept")) {
            fs::remove_file(folder.path(name)).unwrap();
        }
    }
}

#[test]
fn a_hangup_that_is_ignored_has_no_effect() {
    let folder = Folder::new();
    let (ready, go) = (fifo(&folder, "ready"), fifo(&folder, "go"));
    let text = [HEAD, &host("192.0.2.1"), TAIL].map(writes).concat();
    let nmap = script(&folder, "nmap", &format!("echo up > '{ready}'\ncat '{go}'\n{text}"));
    let exe = assert_cmd::cargo::cargo_bin!("scanmill").display();
    let mut command = support::command("sh");
    let line = format!("trap '' HUP; exec '{exe}' scan 192.0.2.1 --nmap '{nmap}'");
    let scan = Scanning::of({
        command.args(["-c", &line]);
        command
    });
    said(&ready);
    let kill = format!("kill -HUP {}", scan.child.id());
    support::output_of(support::command("sh").args(["-c", &kill]));
    fs::write(&go, "").unwrap();
    let (stdout, stderr, code) = scan.finished();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("192.0.2.1"));
}

#[test]
fn a_program_that_writes_no_scan_and_never_ends_is_stopped() {
    let folder = Folder::new();
    let nmap = script(&folder, "nmap", "exec yes garbage");
    for options in [&[][..], &["--parallel", "2"]] {
        let ran = ends(5, &[&["scan", "192.0.2.1-2", "--nmap", &nmap], options].concat());
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.contains("nmap"), "{}", ran.stderr);
    }
}
