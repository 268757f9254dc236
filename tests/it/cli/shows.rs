//! Commands that show something: inspect, schema, completions, man, help.

use std::fs;

use super::{err, fixtures, folder, out, path, run};
use crate::support::root;

#[test]
fn inspect_shows_what_is_in_the_inputs() {
    let text = out(&run(["inspect", fixtures().to_str().unwrap()], 0));
    for part in
        ["51 inputs read, 1 left out; 53 scans, 163 hosts, 834 ports", "tcp/open", "W_TRUNCATED"]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no terminal, no colour");
    let json = out(&run(["inspect", "--json", &path("02-")], 0));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json.is_object());
}

#[test]
fn the_schema_is_printed_in_each_format() {
    for (format, part) in [
        ("md", "| `port` | Int32 | no |"),
        ("arrow", "\"name\": \"port\""),
        ("json-schema", "\"$schema\""),
        ("ddl", "CREATE TABLE"),
        ("spark-ddl", "CREATE TABLE"),
    ] {
        let text = out(&run(["schema", "ports", "--format", format], 0));
        assert!(text.contains(part), "{format}: {text}");
    }
    run(["schema", "--check", root().join("schemas").to_str().unwrap()], 0);
    let folder = folder();
    let target = folder.path().join("schemas");
    run(["schema", "--write", target.to_str().unwrap()], 0);
    run(["schema", "--check", target.to_str().unwrap()], 0);
    fs::write(target.join("tables.md"), "stale").unwrap();
    let output = run(["schema", "--check", target.to_str().unwrap()], 1);
    assert!(format!("{}{}", out(&output), err(&output)).contains("tables.md"));
}

#[test]
fn completions_and_the_man_page_know_the_options() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(out(&run(["completions", shell], 0)).contains("expand-extraports"), "{shell}");
    }
    let page = out(&run(["man"], 0));
    assert!(page.starts_with(".ie") || page.contains(".TH scanmill"), "{page}");
    assert!(page.contains("csv\\-join"));
    assert!(out(&run(["--version"], 0)).starts_with("scanmill "));
    assert!(out(&run(["convert", "--help"], 0)).contains("--max-host"));
}
