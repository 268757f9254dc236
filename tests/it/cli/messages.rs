//! Messages on standard error, and reports.

use serde_json::{Value, json};

use super::{CUT, Folder, GOOD, ends, json_lines, xml};

#[test]
fn a_report_counts_what_was_read_and_written() {
    let folder = Folder::new();
    let out = folder.path("tables");
    ends(0, &["convert", &xml(GOOD), "-o", &out, "--report", &folder.path("report.json")]);
    let report: Value = serde_json::from_str(&folder.read("report.json")).unwrap();
    let counts = ["scans", "hosts", "ports", "bytes"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(counts, [1, 3, 21, 5601]);
    assert_eq!(report["inputs"].as_array().unwrap().len(), 1);
    assert_eq!(report["inputs"][0]["name"], xml(GOOD));
    let rows = json!({
        "scans": 1, "hosts": 3, "ports": 21, "services": 21, "scripts": 0, "os_matches": 0,
        "os_classes": 0, "hops": 0, "events": 3, "warnings": 0,
    });
    assert_eq!(report["rows"], rows);
    assert_eq!((&report["warnings"], &report["interrupted"]), (&json!({}), &json!(false)));
}

#[test]
fn a_report_has_the_result_of_each_input() {
    let folder = Folder::new();
    let junk = folder.write("junk", "nothing to see");
    let report = folder.path("report.json");
    ends(0, &["convert", &xml(GOOD), "--report", &report]);
    ends(1, &["convert", &junk, &xml(CUT), "--report", &report]);
    let report: Value = serde_json::from_str(&folder.read("report.json")).unwrap();
    let inputs = report["inputs"].as_array().unwrap();
    assert_eq!((&inputs[0]["outcome"], &inputs[0]["hosts"]), (&json!("refused"), &json!(0)));
    assert!(inputs[0]["error"].as_str().unwrap().contains("E_NOT_NMAP"));
    assert_eq!((&inputs[1]["outcome"], &inputs[1]["warnings"]), (&json!("read"), &json!(1)));
    let warning = &report["warnings"]["W_TRUNCATED"];
    assert_eq!((&warning["count"], &warning["byte"]), (&json!(1), &json!(5000)));
    assert_eq!((&warning["input"], &warning["line"]), (&json!(xml(CUT)), &json!(69)));
}

#[test]
fn a_report_on_standard_error_does_not_touch_the_data() {
    let plain = ends(0, &["convert", &xml(GOOD)]);
    let ran = ends(0, &["convert", &xml(GOOD), "--report", "-"]);
    let report: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!((report["lines"].as_u64(), ran.stdout), (Some(4), plain.stdout));
}

#[test]
fn messages_can_be_json() {
    let folder = Folder::new();
    let junk = folder.write("junk", "nothing to see");
    let ran = ends(1, &["convert", "--log-format", "json", "-v", &junk, &xml(CUT)]);
    let messages = json_lines(&ran.stderr);
    let levels: Vec<_> = messages.iter().map(|message| message["level"].clone()).collect();
    assert_eq!(levels, ["error", "hint", "warning", "info"]);
    assert!(messages.iter().all(|message| message["message"].is_string()));
    let warning = &messages[2];
    assert_eq!((&warning["code"], &warning["count"]), (&json!("W_TRUNCATED"), &json!(1)));
    assert_eq!((&warning["input"], &warning["line"]), (&json!(xml(CUT)), &json!(69)));
    assert_eq!(messages[3]["report"]["hosts"], 1);
    assert_eq!(ran.json().len(), 2, "data stays on standard output");
}

#[test]
fn quiet_commands_print_only_errors() {
    for options in [&[][..], &["--log-format", "json"]] {
        let ran = ends(0, &[&["convert", "-q", &xml(CUT)], options].concat());
        assert_eq!((ran.lines().len(), &*ran.stderr), (2, ""));
    }
    let ran = ends(1, &["convert", "-q", "missing.xml", &xml(GOOD)]);
    assert!(ran.stderr.starts_with("error: missing.xml: E_IO"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1);
}

#[test]
fn verbose_commands_end_with_a_summary() {
    let ran = ends(1, &["convert", "-v", "missing.xml", &xml(CUT), &xml(GOOD)]);
    for words in [
        "inputs  2 read, 1 refused",
        "scans  2",
        "hosts  4",
        "ports  24",
        "lines  6",
        "bytes  10.6 kB in ",
        "37-truncated-mid-attribute.xml:69: W_TRUNCATED",
    ] {
        assert!(ran.stderr.contains(words), "no {words:?} in {}", ran.stderr);
    }
    let ran = ends(0, &["-v", "convert", &xml(GOOD), "--table", "ports,hosts"]);
    assert!(ran.stderr.contains("rows  hosts 3, ports 21"), "{}", ran.stderr);
}

#[test]
fn colour_is_for_terminals_or_on_request() {
    let plain = ends(3, &["convert", "missing.xml"]).stderr;
    assert!(plain.starts_with("error: "), "{plain}");
    let coloured = ends(3, &["convert", "missing.xml", "--color", "always"]).stderr;
    assert!(coloured.starts_with("\u{1b}[1;31merror:\u{1b}[0m "), "{coloured}");
}

#[test]
fn names_with_control_characters_are_escaped() {
    let folder = Folder::new();
    let junk = folder.write("a\u{1b}[31m\u{202e}b", "nothing to see");
    let ran = ends(3, &["convert", &junk]);
    assert!(ran.stderr.contains(r"a\u{1b}[31m\u{202e}b:1: E_NOT_NMAP"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}'));
}
