//! Foreign text in messages: failures that scans report, and text that would forge or hide lines.

use std::{fmt::Write as _, fs};

use serde_json::Value;

use super::{Folder, GOOD, ends, ends_as, program, xml};

/// Returns a document whose scan failed with `message`, which is the text of an attribute.
fn failed(message: &str) -> String {
    format!(
        r#"<nmaprun scanner="nmap" args="nmap x" start="1700000000"><runstats><finished time="1700000001" exit="error" errormsg="{message}"/></runstats></nmaprun>"#
    )
}

#[test]
fn each_failed_scan_is_reported_once() {
    let folder = Folder::new();
    let one = folder.write("one.xml", failed("route_dst_netlink: cannot reach&#10;error: forged"));
    let two = failed("").replace(" errormsg=\"\"", "").replace("nmap x", "nmap y");
    let two = folder.write("two.xml", two);
    let ran = ends(0, &["convert", &one, &two, &xml(GOOD)]);
    let expected = [
        format!(
            r"warning: {one}: the scan failed: route_dst_netlink: cannot reach\u{{a}}error: forged"
        ),
        format!("warning: {two}: the scan failed, without a message"),
    ];
    assert_eq!(ran.stderr.lines().collect::<Vec<_>>(), expected);
    assert_eq!(ends(0, &["convert", "-q", &one]).stderr, "");
    // All commands that read scans report it.
    let out = folder.path("tables");
    for args in [
        &["merge", &one, &xml(GOOD)][..],
        &["ingest", &one, "--into", &out],
        &["diff", &one, &xml(GOOD)],
        &["inspect", &one],
        &["convert", "-v", &one],
        &["convert", "-j", "2", &one],
    ] {
        let mut command = program();
        let output = command.args(args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr.matches("the scan failed: route_dst").count(), 1, "{args:?}: {stderr}");
    }
    let ran = ends(0, &["inspect", &one]);
    assert!(
        ran.stdout.contains(r"failed: route_dst_netlink: cannot reach\u{a}error"),
        "{}",
        ran.stdout
    );
    let ran = ends(0, &["inspect", &two]);
    assert!(ran.stdout.contains("failed, without a message"), "{}", ran.stdout);
    let bare = folder.write(
        "bare.xml",
        "<nmaprun args=\"z\"><finished time=\"1\" exit=\"error\" errormsg=\"no route\"/></nmaprun>",
    );
    let ran = ends(0, &["convert", &bare]);
    assert_eq!(ran.stderr, format!("warning: {bare}: the scan failed: no route\n"));
    let ran = ends(0, &["inspect", "--json", &one]);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let message = &found["found"]["scans"][0]["error_message"];
    assert!(message.as_str().unwrap().starts_with("route_dst_netlink"));
    assert_eq!(found["report"]["failed_scans"]["count"], 1);
    // Only the first ones are shown, and the rest are counted.
    let many = folder.write("many.xml", failed("no").repeat(70));
    let ran = ends(0, &["convert", &many]);
    let lines: Vec<_> = ran.stderr.lines().filter(|line| line.contains("failed")).collect();
    assert_eq!((lines.len(), lines[20]), (21, "warning: 50 scans more failed"));
}

/// Text with everything that could affect a terminal or deceive a reader.
const HOSTILE: &str =
    "x\nerror: forged\r\u{1b}]0;t\u{7}\u{9b}31m\u{202e}\u{2028}\u{61c}\u{200b}\u{e0041}y";

/// Asserts that `text` is safe to show: no line is forged, and it has no characters that a terminal
/// interprets.
#[track_caller]
fn assert_safe(text: &str, what: &str) {
    for c in [
        "\u{1b}",
        "\r",
        "\u{7}",
        "\u{9b}",
        "\u{202e}",
        "\u{2028}",
        "\u{61c}",
        "\u{200b}",
        "\u{e0041}",
    ] {
        assert!(!text.contains(c), "{what} prints {c:?}: {text:?}");
    }
    let forged = text.lines().any(|line| line.starts_with("error: forged"));
    assert!(!forged, "{what} prints a line of another: {text:?}");
}

/// Returns a document with hostile text at the start of each attribute value that is not a number, and that
/// text as XML.
fn hostile_document() -> (String, String) {
    let hostile = HOSTILE.chars().fold(String::new(), |mut text, c| {
        write!(text, "&#{};", u32::from(c)).unwrap();
        text
    });
    let mut document = fs::read_to_string(xml("04-all-options-lan.xml")).unwrap();
    let values: Vec<_> = document
        .match_indices("=\"")
        .map(|(at, _)| at + 2)
        .filter(|at| !document[*at..].starts_with(|c: char| c.is_ascii_digit()))
        .filter(|at| !document[*at..].starts_with(['t', 'u', 'i']))
        .collect();
    assert!(values.len() > 100);
    for at in values.into_iter().rev() {
        document.insert_str(at, &hostile);
    }
    (document, hostile)
}

#[test]
fn foreign_text_is_never_printed_unescaped() {
    let folder = Folder::new();
    let (document, hostile) = hostile_document();
    let bad = folder.write("bad\nerror: forged\u{1b}\u{202e}.xml", &document);
    let failed = folder.write("failed.xml", failed(&hostile));
    let junk = folder.write("junk\nerror: forged\u{1b}\u{202e}.xml", HOSTILE);
    let zip = folder.write("cut\nerror: forged\u{1b}.zip", b"PK\x03\x04junk");
    let dataset = folder.path("dataset\nerror: forged\u{1b}");
    for args in [
        &["inspect", &bad, &failed, &junk, &zip][..],
        &["inspect", "--json", &bad, &failed, &junk],
        &["convert", "-vv", &bad, &failed, &junk, &zip, "-o", "/dev/null", "--to", "jsonl"],
        &["convert", "-vv", "--log-format", "json", &bad, &junk, "-o", "/dev/null", "--to=jsonl"],
        &["convert", &bad, "--report", "-", "-o", "/dev/null", "--to", "jsonl"],
        &["convert", "--progress", "always", &bad, "-o", "/dev/null", "--to", "jsonl"],
        &["merge", "-vv", &bad, &failed, &junk, "-o", "/dev/null", "--to", "jsonl"],
        &["diff", "--to", "text", &bad, &xml(GOOD)],
        &["diff", "--to", "text", &xml(GOOD), &failed],
        &["diff", "--to", "text", &junk, &bad],
        &["ingest", "-vv", &bad, &junk, "--into", &dataset],
        &["ingest", "--status", "--into", &dataset],
        &["ingest", "--list", "--into", &dataset],
        &["ingest", "--vacuum", "--into", &junk],
        &["watch", "--once", &junk],
        &["convert", HOSTILE],
        &["convert", "--table", HOSTILE, &bad],
        &["convert", "--columns", HOSTILE, "--table", "ports", &bad],
        &["convert", "--threads", HOSTILE, &bad],
        &["convert", "--to", HOSTILE, &bad],
        &["convert", "--compression", HOSTILE, &bad],
        &["convert", "--include", &format!("{HOSTILE}["), &bad],
        &["convert", "--files-from", HOSTILE],
        &["convert", "--report", HOSTILE, "--follow", HOSTILE],
        &["convert", "--engine", HOSTILE, &bad],
        &[HOSTILE],
        &["convert", &format!("--{HOSTILE}")],
        &["schema", HOSTILE],
        &["scan", HOSTILE, "--nmap", HOSTILE],
        &["scan", "--ports", HOSTILE, "localhost"],
        &["--config", HOSTILE, "inspect", &bad],
    ] {
        let output = program().current_dir(folder.path("")).args(args).output().unwrap();
        let what = format!("{args:?}");
        assert_safe(&String::from_utf8(output.stderr).unwrap(), &what);
        assert_safe(&String::from_utf8(output.stdout).unwrap(), &what);
        assert!(matches!(output.status.code(), Some(0..=5)), "{what}: {:?}", output.status);
    }
}

#[test]
fn a_configuration_cannot_forge_output() {
    let text = serde_json::to_string(HOSTILE).unwrap();
    for (config, command) in [
        (format!("threads = {text}\n"), &["convert", "a.xml"][..]),
        (format!("to = {text}\n"), &["convert", "a.xml"]),
        (format!("{text} = 1\n"), &["convert", "a.xml"]),
        (format!("[convert]\n{text} = 1\n"), &["convert", "a.xml"]),
        (format!("scan-salt = {text}\n"), &["convert", "--help"]),
        ("a = \u{202e}1\n".to_owned(), &["convert", "a.xml"]),
        (format!("a = 1\na = 1 # {HOSTILE}\n"), &["convert", "a.xml"]),
    ] {
        let folder = Folder::new();
        folder.write("scanmill.toml", &config);
        let output = program().current_dir(folder.path("")).args(command).output().unwrap();
        assert_safe(&String::from_utf8(output.stderr).unwrap(), &config);
        assert_safe(&String::from_utf8(output.stdout).unwrap(), &config);
    }
}

#[test]
fn an_error_in_a_configuration_is_one_line_that_names_the_line() {
    let folder = Folder::new();
    folder.write("scanmill.toml", "threads = 2\n\nto = = 1\n");
    let mut command = program();
    command.current_dir(folder.path("")).args(["convert", "a.xml"]);
    let ran = ends_as(2, command, b"");
    assert!(ran.stderr.starts_with("error: scanmill.toml: line 3: "), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
}
