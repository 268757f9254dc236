//! `history`.

use std::{fmt::Write as _, fs};

use super::{Folder, ends, refuses, xml};
use crate::support;

const DAY1: &str = "41-merge-day1-versions-os.xml";
const DAY2: &str = "44-merge-day2-changed.xml";

/// Returns a sweep over hosts with two ports each, at `time`. `salt` changes the ports of some hosts.
fn sweep(hosts: u32, time: u32, salt: u32) -> String {
    let mut text = format!("<nmaprun scanner=\"nmap\" args=\"nmap {salt}\" start=\"{time}\">");
    text.push_str("<scaninfo type=\"syn\" protocol=\"tcp\" services=\"1-100\"/>");
    for n in 0..hosts {
        let (b, c, d) = (n >> 16, n >> 8 & 255, n & 255);
        let state = if n % 7 == salt % 7 { "closed" } else { "open" };
        let other = if n % 5 == salt % 5 {
            ""
        } else {
            "<port protocol=\"tcp\" portid=\"80\"><state state=\"open\"/></port>"
        };
        let _ = write!(
            text,
            "<host endtime=\"{}\"><status state=\"up\" reason=\"echo-reply\"/>\
             <address addr=\"10.{b}.{c}.{d}\" addrtype=\"ipv4\"/><ports>\
             <port protocol=\"tcp\" portid=\"22\"><state state=\"{state}\" reason=\"syn-ack\"/>\
             <service name=\"ssh\" product=\"{} {n}\" method=\"probed\" conf=\"10\"/></port>{other}</ports></host>",
            time + n / 100,
            salt / 2
        );
    }
    let _ = write!(text, "<runstats><finished time=\"{}\"/></runstats></nmaprun>", time + 9000);
    text
}

/// Returns the files of a history of these inputs, written with these options in each format.
fn made(folder: &Folder, name: &str, inputs: &[&str], options: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for format in ["csv", "parquet", "jsonl"] {
        let inside = format!("{name}-{format}");
        let out = folder.path(&inside);
        fs::create_dir_all(folder.path("")).unwrap();
        let out = format!("{out}/");
        ends(0, &[&["-q", "history", "--to", format, "-o", &out][..], inputs, options].concat());
        for name in folder.names(&inside) {
            files.push((format!("{format}/{name}"), folder.bytes(&format!("{inside}/{name}"))));
        }
    }
    assert_eq!(files.len(), 9);
    files
}

fn same(one: &[(String, Vec<u8>)], other: &[(String, Vec<u8>)], what: &str) {
    for ((name, bytes), (_, expected)) in one.iter().zip(other) {
        assert!(bytes == expected, "{name}: {what}");
    }
}

#[test]
fn the_result_does_not_depend_on_threads_memory_order_or_a_dataset() {
    let folder = Folder::new();
    let docs: Vec<String> = (0..4)
        .map(|n| folder.write(&format!("{n}.xml"), sweep(25_000, 1_700_000_000 + n * 10_000, n)))
        .collect();
    let fixtures = support::root().join("fixtures").to_str().unwrap().to_owned();
    let inputs: Vec<&str> = docs.iter().chain([&fixtures]).map(String::as_str).collect();
    let first = made(&folder, "a", &inputs, &["-j1"]);
    same(&made(&folder, "b", &inputs, &["-j2"]), &first, "threads");
    same(&made(&folder, "c", &inputs, &["-j2", "--memory", "128M"]), &first, "memory");
    let reversed: Vec<&str> = inputs.iter().rev().copied().collect();
    same(&made(&folder, "d", &reversed, &["-j3"]), &first, "order");
    let dataset = folder.path("dataset");
    ends(0, &[&["-q", "ingest", "--into", &dataset][..], &inputs[..3]].concat());
    let expected = made(&folder, "e", &inputs[..3], &[]);
    same(&made(&folder, "f", &[&dataset], &[]), &expected, "dataset");
    same(&made(&folder, "g", &[&dataset, inputs[1]], &[]), &expected, "copies count once");
}

#[test]
fn tables_and_columns_can_be_selected() {
    let folder = Folder::new();
    let (one, two) = (xml(DAY1), xml(DAY2));
    let rows = ends(0, &["history", &one, &two]);
    let kinds: Vec<_> = rows.json().iter().map(|row| row["_table"].clone()).collect();
    assert!(kinds.contains(&"host_history".into()) && kinds.contains(&"port_history".into()));
    let out = folder.path("history");
    ends(0, &["history", &one, &two, "-o", &out]);
    assert_eq!(
        folder.names("history"),
        ["_scanmill.json", "host_history.parquet", "port_history.parquet"]
    );
    refuses(&["history", &one, "-o", &out], &["--overwrite"]);
    ends(0, &["history", &one, "-o", &out, "--overwrite"]);
    let file = folder.path("open.csv");
    let columns = ["--table", "port_history", "--columns", "port,state", "--state", "closed"];
    ends(0, &[&["history", &one, &two, "-o", &file][..], &columns].concat());
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("port,state\r\n") || text.starts_with("port,state\n"), "{text}");
    assert!(text.lines().count() > 3 && text.lines().skip(1).all(|row| row.ends_with(",closed")));
    let report = folder.path("report.json");
    ends(0, &["-q", "history", &one, &two, "-o", &out, "--overwrite", "--report", &report]);
    let report: serde_json::Value = serde_json::from_slice(&folder.bytes("report.json")).unwrap();
    assert_eq!(report["scans"], 2);
    assert!(report["rows"]["port_history"].as_u64() > Some(10), "{report}");
}

#[test]
fn wrong_usage_is_reported_and_inputs_are_never_replaced() {
    let folder = Folder::new();
    let one = xml(DAY1);
    refuses(
        &["history", &one, "--to", "ecs"],
        &["[possible values: jsonl, json, csv, markdown, parquet, arrow,"],
    );
    for help in ["-h", "--help"] {
        let help = ends(0, &["history", help]).stdout;
        assert!(!["ecs", "ocsf", "cim"].iter().any(|to| help.contains(to)), "{help}");
    }
    refuses(&["history", &one, "--table", "hosts"], &["host_history, port_history"]);
    refuses(&["history", &one, "--to", "csv"], &["name a folder"]);
    refuses(&["history", &one, "--to", "parquet"], &["-o"]);
    refuses(&["history", &one, "--columns", "ip"], &["--table"]);
    refuses(&["history", &one, "--table", "host_history", "--columns", "ports"], &["os_name"]);
    for option in ["--policy", "--no-udp", "--max-age", "--shape", "--up"] {
        refuses(&["history", &one, option], &[option]);
    }
    refuses(&["history"], &["INPUT"]);
    let input = folder.write("in.csv", "x");
    let table = ["--table", "host_history", "--overwrite"];
    refuses(&[&["history", &input, "-o", &input][..], &table].concat(), &["is an input"]);
    let report = ["--report", &input];
    refuses(&[&["history", &input][..], &report].concat(), &["is an input"]);
    // No usable input, and a bad one among good ones.
    let none = folder.path("none.xml");
    ends(3, &["history", &none, "-o", &folder.path("out")]);
    assert!(!fs::exists(folder.path("out")).unwrap());
    let ran = ends(1, &["-q", "history", &one, &none]);
    assert_eq!(ran.stdout, ends(0, &["-q", "history", &one]).stdout);
}

#[test]
fn the_schema_of_a_history_is_printed() {
    let text = ends(0, &["schema", "--merged", "port_history"]).stdout;
    assert!(text.contains("| `valid_to` | Timestamp(µs, UTC) | yes |"), "{text}");
    let row = ends(0, &["history", &xml(DAY1), "--table", "port_history"]).json().remove(0);
    let schema = ends(0, &["schema", "--merged", "--format", "json-schema", "port_history"]);
    let schema: serde_json::Value = serde_json::from_str(&schema.stdout).unwrap();
    let names = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(names(&row), names(&schema["properties"]));
}
