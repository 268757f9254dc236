//! `--memory` holds whatever an input contains (rule R10): each list of the model has a million entries in
//! one host or scan.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::Duration,
};

use super::program;

/// Number of entries of a list.
const MANY: usize = 1_000_000;
/// The cap, in MiB.
const MEMORY: u64 = 256;

const HOST: &str = "<nmaprun scanner=\"nmap\" args=\"x\" start=\"1700000000\"><host><status state=\"up\"/>\
    <address addr=\"192.0.2.1\" addrtype=\"ipv4\"/>";
const PORT: &str = "<ports><port protocol=\"tcp\" portid=\"1\"><state state=\"open\"/>";
const SCRIPT: &str = "<hostscript><script id=\"a\" output=\"\">";
const SCAN: &str = "<nmaprun scanner=\"nmap\" args=\"x\" start=\"1700000000\">";
const NO_ARGS: &str = "<nmaprun scanner=\"masscan\" start=\"1700000000\">";
const END: &str = "<runstats><finished time=\"1700000001\"/></runstats></nmaprun>";

/// Lists of a host: the markup that opens each list, an entry, and the markup that closes it.
const OF_HOST: [(&str, &str, &str); 25] = [
    (PORT, "<service name=\"a\"/>", "</port></ports>"),
    (PORT, "<service><banner>a</banner></service>", "</port></ports>"),
    (
        "<ports><port protocol=\"tcp\" portid=\"1\"><state state=\"open\"/><service name=\"a\">",
        "<cpe>a</cpe>",
        "</service></port></ports>",
    ),
    ("<os><osclass vendor=\"a\">", "<cpe>a</cpe>", "</osclass></os>"),
    ("", "<address addr=\"a\"/>", ""),
    ("<hostnames>", "<hostname name=\"a\"/>", "</hostnames>"),
    ("<ports>", "<extraports/>", "</ports>"),
    ("<ports><extraports state=\"closed\">", "<extrareasons/>", "</extraports></ports>"),
    ("<ports>", "<port protocol=\"@\" portid=\"1\"><state state=\"a\"/></port>", "</ports>"),
    ("<ports>", "<port/>", "</ports>"),
    (PORT, "<script id=\"a\"/>", "</port></ports>"),
    ("<hostscript>", "<script id=\"a\"/>", "</hostscript>"),
    (SCRIPT, "<elem/>", "</script></hostscript>"),
    (SCRIPT, "<elem key=\"@\"/><elem/>", "</script></hostscript>"),
    (SCRIPT, "<table/>", "</script></hostscript>"),
    ("<os>", "<portused/>", "</os>"),
    ("<os>", "<osmatch/>", "</os>"),
    ("<os>", "<osclass/>", "</os>"),
    ("<os>", "<osfingerprint fingerprint=\"a\"/>", "</os>"),
    ("", "<trace/>", ""),
    ("<trace>", "<hop/>", "</trace>"),
    ("", "<hosthint/>", ""),
    ("", "<taskbegin/>", ""),
    ("", "<target/>", ""),
    ("", "<scaninfo/>", ""),
];

/// Lists of a scan, as for hosts, with the start tag of the scan first.
const OF_SCAN: [(&str, &str, &str, &str); 9] = [
    (SCAN, "<prescript>", "<script id=\"a\"/>", "</prescript>"),
    (SCAN, "<prescript><script id=\"a\" output=\"\">", "<elem/>", "</script></prescript>"),
    (SCAN, "<postscript><script id=\"a\">", "<elem key=\"@\"/>", "</script></postscript>"),
    (SCAN, "", "<scaninfo type=\"a\"/>", ""),
    (SCAN, "", "<target specification=\"a\"/>", ""),
    (SCAN, "", "<x@/>", ""),
    (NO_ARGS, "", "<taskbegin task=\"a\"/>", ""),
    (NO_ARGS, "", "<hosthint><address addr=\"192.0.2.1\"/></hosthint>", ""),
    (SCAN, "", "<host><scaninfo/><scaninfo/><scaninfo/></host>", ""),
];

/// Writes `entry` many times, with `@` replaced by a number.
fn many(folder: &Path, (head, open, entry, close): (&str, &str, &str, &str), end: &str) -> PathBuf {
    let mut text = format!("{head}{open}");
    for number in 0..MANY {
        match entry.split_once('@') {
            Some((before, after)) => {
                text.extend([before, &format!("{number:x}"), after]);
            }
            None => text.push_str(entry),
        }
    }
    text.extend([close, end]);
    let path = folder.join("hostile.xml");
    fs::write(&path, text).unwrap();
    path
}

/// Returns the peak memory of the command in MiB. It must succeed.
fn peak(args: &[&str]) -> u64 {
    let (peak, code) = run(args, Stdio::null());
    assert_eq!(code, Some(0), "{args:?}");
    peak
}

/// Returns the peak memory of the command in MiB, and its exit code.
fn run(args: &[&str], stderr: Stdio) -> (u64, Option<i32>) {
    let mut command = program();
    command.args(args).stdout(Stdio::null()).stderr(stderr);
    let mut child = command.spawn().unwrap();
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        // The peak only rises, so only growth after the last sample is missed.
        let status = fs::read_to_string(&path).unwrap_or_default();
        let seen = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let seen = seen.and_then(|kb| kb.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(seen.unwrap_or(0) >> 10);
        if let Some(status) = child.try_wait().unwrap() {
            return (peak, status.code());
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Reads an input in each of the given ways, which must all stay within the cap.
fn check(input: &Path, case: &str, ways: &[&[&str]]) {
    let folder = input.parent().unwrap();
    let input = input.to_str().unwrap();
    for way in ways {
        let out = folder.join("out");
        let mut args = vec![way[0], input, "--memory", "256M"];
        args.extend(
            way[1..].iter().map(|arg| if *arg == "OUT" { out.to_str().unwrap() } else { arg }),
        );
        let took = peak(&args);
        assert!(took <= MEMORY, "{case}: {way:?} took {took} MiB");
        let _ = fs::remove_dir_all(&out);
    }
}

const JSONL: &[&str] = &["convert", "--to", "jsonl", "-j", "2", "-o", "/dev/null"];
const CSV: &[&str] = &["convert", "--to", "csv", "-j", "1", "-o", "OUT"];
const PARQUET: &[&str] = &["convert", "--to", "parquet", "-j", "2", "-o", "OUT"];
const MERGE: &[&str] = &["merge", "--to", "jsonl", "-j", "2", "-o", "/dev/null"];
const INGEST: &[&str] = &["ingest", "--into", "OUT"];

#[test]
fn lists_of_a_host_are_within_the_cap() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (open, entry, close)) in OF_HOST.into_iter().enumerate() {
        let end = format!("</host>{END}");
        let input = many(folder.path(), (HOST, open, entry, close), &end);
        // Each list is tried with one of the formats in turn: all combinations would take minutes.
        let ways = [CSV, PARQUET, MERGE, INGEST];
        check(&input, entry, &[JSONL, ways[number % ways.len()]]);
    }
}

#[test]
fn lists_of_a_scan_are_within_the_cap() {
    let folder = tempfile::tempdir().unwrap();
    for (number, list) in OF_SCAN.into_iter().enumerate() {
        let input = many(folder.path(), list, END);
        let ways = [PARQUET, CSV];
        check(&input, list.2, &[JSONL, ways[number % ways.len()]]);
    }
}

#[test]
fn expanded_ports_are_within_the_cap() {
    let folder = tempfile::tempdir().unwrap();
    let list = "<extraports state=\"closed\"><extrareasons reason=\"x\" proto=\"@\" ports=\"1-65535\"/></extraports>";
    let text: String = (0..100).map(|number| list.replace('@', &format!("p{number}"))).collect();
    let input = folder.path().join("hostile.xml");
    fs::write(&input, format!("{HOST}<ports>{text}</ports></host>{END}")).unwrap();
    let expand: &[&str] = &["convert", "--to", "jsonl", "--expand-extraports", "-o", "/dev/null"];
    let rows: &[&str] = &["convert", "--to", "parquet", "--expand-extraports", "-o", "OUT"];
    check(&input, "expanded", &[expand, rows]);
}

/// Documents of an archive: far more than the smallest memory holds, and without hosts.
const DOCUMENTS: usize = 200_000;

#[test]
fn an_archive_of_many_documents_is_within_the_cap_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (empty, scans) = (path("empty.xml"), path("scans.xml"));
    fs::write(&empty, "<nmaprun/>".repeat(DOCUMENTS)).unwrap();
    let mut text = String::new();
    for number in 0..DOCUMENTS {
        write!(text, "<nmaprun scanner=\"nmap\" args=\"nmap x\" start=\"{number}\"/>").unwrap();
    }
    fs::write(&scans, text).unwrap();
    let one = path("one.xml");
    fs::write(&one, format!("{HOST}</host>{END}")).unwrap();
    let said = path("said");
    for input in [&empty, &scans] {
        for (args, refuses) in [
            (&["convert", input, "-o", "/dev/null"][..], false),
            (&["merge", input, "-o", "/dev/null"], true),
            (&["diff", input, &one, "--to", "jsonl", "-o", "/dev/null"], true),
            (&["inspect", input], false),
            (&["inspect", "--json", input], true),
        ] {
            let args = [args, &["-q", "--memory", "128M"]].concat();
            let (took, code) = run(&args, fs::File::create(&said).unwrap().into());
            let said = fs::read_to_string(&said).unwrap();
            assert!(took <= 128, "{args:?} took {took} MiB: {said}");
            assert_eq!(code, Some(if refuses { 2 } else { 0 }), "{args:?}: {said}");
            let told = said.contains("too little memory") && said.contains("raise --memory");
            assert_eq!(told, refuses, "{args:?}: {said}");
        }
    }
    // With enough memory all of them are read.
    for args in [
        &["convert", &scans, "-o", "/dev/null"][..],
        &["merge", &scans, "-o", "/dev/null"],
        &["inspect", "--json", &scans],
    ] {
        peak(&[args, &["--memory", "2G"]].concat());
    }
}

#[test]
fn json_of_inspect_is_sorted_escaped_and_complete() {
    // Members are sorted by name, as in all JSON of the command, and each scan and each input is present.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a\u{202e}.xml");
    fs::write(&path, format!("{HOST}</host>{END}").repeat(3)).unwrap();
    let ran = super::ends(0, &["inspect", "--json", path.to_str().unwrap()]);
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let escaped = format!("{value:#}\n").replace('\u{202e}', "\\u202e");
    assert_eq!(ran.stdout, escaped);
    assert_eq!(value["found"]["scans"].as_array().unwrap().len(), 3);
    assert_eq!(value["report"]["inputs"].as_array().unwrap().len(), 1);
}
