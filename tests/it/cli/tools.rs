//! The commands beside convert.

use std::fs;

use scanmill::table::Table;
use serde_json::{Value, json};

use super::{CUT, Folder, GOOD, ends, xml};
use crate::support;

#[test]
fn inspect_shows_one_screen() {
    let ran = ends(0, &["inspect", &xml(GOOD), &xml(CUT)]);
    for words in [
        "2 inputs read, 0 left out; 2 scans, 4 hosts, 24 ports listed",
        "nmap -A -n -p 80,443,22 -oX - 192.0.2.20",
        "truncated",
        "tcp/open",
        "http: nginx",
        "W_TRUNCATED  first at ",
    ] {
        assert!(ran.stdout.contains(words), "no {words:?} in {}", ran.stdout);
    }
    assert_eq!(ran.stderr, "");
}

#[test]
fn inspect_gives_json_on_demand() {
    let ran = ends(0, &["inspect", "--json", &xml(CUT)]);
    let all: Value = serde_json::from_str(&ran.stdout).unwrap();
    let found = &all["found"];
    assert_eq!(
        (&found["hosts"], &found["services"]),
        (&json!({"up": 1}), &json!({"http: nginx": 2}))
    );
    assert_eq!(found["ports"], json!({"tcp/closed": 1, "tcp/open": 2}));
    let scan = &found["scans"][0];
    assert_eq!((&scan["source"], &scan["truncated"]), (&json!(xml(CUT)), &json!(true)));
    assert_eq!(all["report"]["warnings"]["W_TRUNCATED"]["count"], 1);
}

#[test]
fn inspect_ends_as_convert_does() {
    let ran = ends(1, &["inspect", "missing.xml", &xml(GOOD)]);
    assert!(ran.stderr.contains("missing.xml: E_IO"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("1 input read, 1 left out;"), "{}", ran.stdout);
    ends(3, &["inspect", "--strict", &xml(CUT)]);
}

#[test]
fn inspect_does_not_obey_control_characters_of_scans() {
    let folder = Folder::new();
    let input = folder.write(
        "scan.xml",
        "<nmaprun scanner=\"nmap\" args=\"nmap \u{202e}\u{9b}31m\" start=\"1\"></nmaprun>",
    );
    let ran = ends(0, &["inspect", &input]);
    assert!(ran.stdout.contains(r"nmap \u{202e}\u{9b}31m"), "{}", ran.stdout);
}

#[test]
fn schema_prints_each_format() {
    let folder = support::root().join("schemas");
    let committed = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    for (format, name) in [("ddl", "duckdb.sql"), ("spark-ddl", "spark.sql"), ("md", "tables.md")] {
        let ran = ends(0, &["schema", "--format", format]);
        assert_eq!(ran.stdout, committed(name), "{format}");
    }
    for (format, name) in [("arrow", "arrow/ports.json"), ("json-schema", "json-schema/ports.json")]
    {
        let ran = ends(0, &["schema", "ports", "--format", format]);
        assert_eq!(ran.stdout, committed(name), "{format}");
        serde_json::from_str::<Value>(&ends(0, &["schema", "--format", format]).stdout).unwrap();
    }
}

#[test]
fn schema_prints_the_tables_that_are_named() {
    let all = ends(0, &["schema"]).stdout;
    assert_eq!(ends(0, &["schema", "--format", "md"]).stdout, all);
    for table in Table::ALL {
        assert!(all.contains(&format!("## {}\n", table.name())), "{}", table.name());
    }
    let some = ends(0, &["schema", "hops", "hosts"]).stdout;
    assert!(some.contains("## hops\n") && some.contains("## hosts\n"), "{some}");
    assert!(!some.contains("## ports\n"), "{some}");
}

#[test]
fn schema_checks_what_it_writes() {
    let schemas = support::root().join("schemas");
    let ran = ends(0, &["schema", "--check", schemas.to_str().unwrap()]);
    assert_eq!((&*ran.stdout, &*ran.stderr), ("", ""));
    let folder = Folder::new();
    let path = folder.path("new");
    ends(0, &["schema", "--write", &path]);
    ends(0, &["schema", "--check", &path]);
    folder.write("new/tables.md", "edited");
    fs::remove_file(folder.path("new/spark.sql")).unwrap();
    let ran = ends(1, &["schema", "--check", &path]);
    assert_eq!(ran.stderr, "error: spark.sql differs\nerror: tables.md differs\n");
    ends(4, &["schema", "--write", "/proc/none"]);
}

#[test]
fn completions_are_there_for_each_shell() {
    for (shell, mark) in [
        ("bash", "complete -F _scanmill"),
        ("zsh", "#compdef scanmill"),
        ("fish", "complete -c scanmill"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = ends(0, &["completions", shell]).stdout;
        assert!(script.contains(mark) && script.contains("csv-join"), "{shell}");
    }
}

#[test]
fn the_man_page_tells_of_every_command() {
    let page = ends(0, &["man"]).stdout;
    assert!(page.contains(".TH scanmill 1"), "{page}");
    for command in ["CONVERT", "INSPECT", "SCHEMA", "COMPLETIONS", "MAN"] {
        assert!(page.contains(&format!(".SH COMMAND {command}\n")), "{command}");
    }
    assert!(page.contains(r"\fB\-\-overwrite\fR"), "{page}");
}
