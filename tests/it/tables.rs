//! Columns that repeat values of other tables agree with them, and derived tables with the rows that they are made of.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::HashMap;

use serde_json::Value;

use crate::support::{command, output_of, root};

/// Returns the rows of a run, by table.
fn rows(args: &[&str]) -> HashMap<String, Vec<Value>> {
    let mut tables: HashMap<String, Vec<Value>> = HashMap::new();
    let text = output_of(command(assert_cmd::cargo::cargo_bin!("scanmill")).args(args));
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        tables.entry(row["_table"].as_str().unwrap().to_owned()).or_default().push(row);
    }
    tables
}

fn fixtures() -> String {
    root().join("fixtures").to_str().unwrap().to_owned()
}

/// Returns rows by the values of these columns. Of equal scans, which several fixtures hold, the last one counts.
fn by<'r>(rows: &'r [Value], columns: &[&str]) -> HashMap<Vec<String>, &'r Value> {
    rows.iter().map(|row| (key(row, columns), row)).collect()
}

fn key(row: &Value, columns: &[&str]) -> Vec<String> {
    columns.iter().map(|column| row[*column].to_string()).collect()
}

const PORT: [&str; 3] = ["host_id", "protocol", "port"];

#[test]
fn rows_repeat_the_address_key_state_and_time_of_their_host_and_port() {
    let tables = rows(&["convert", "-q", "--shape", "flat", &fixtures()]);
    let (hosts, ports) = (by(&tables["hosts"], &["host_id"]), by(&tables["ports"], &PORT));
    let scans = by(&tables["scans"], &["scan_id"]);
    let (mut of_host, mut of_scan) = (0, 0);
    for table in ["ports", "services", "scripts", "os_matches"] {
        for row in &tables[table] {
            let start = &scans[&key(row, &["scan_id"])]["start_time"];
            let Some(host) = hosts.get(&key(row, &["host_id"])) else {
                assert!(matches!(row["scope"].as_str(), Some("prerule" | "postrule")), "{row}");
                assert!(row["ip"].is_null() && row["host_key"].is_null(), "{row}");
                assert_eq!(&row["start_time"], start, "{row}");
                continue;
            };
            assert_eq!((&row["ip"], &row["host_key"]), (&host["ip"], &host["host_key"]), "{row}");
            let (own, counts) = match &host["start_time"] {
                Value::Null => (start, &mut of_scan),
                own => (own, &mut of_host),
            };
            assert_eq!(&row["start_time"], own, "{row}");
            *counts += 1;
            if let Some(port) = ports.get(&key(row, &PORT)) {
                assert_eq!(row["state"], port["state"], "{row}");
            } else if table == "scripts" {
                assert!(row["state"].is_null(), "{row}");
            }
        }
    }
    assert!(of_host > 100 && of_scan > 10, "{of_host} {of_scan}");
}

#[test]
fn one_match_per_host_is_the_best() {
    let tables = rows(&["convert", "-q", "--table", "os_matches", &fixtures()]);
    let mut hosts: HashMap<Vec<String>, Vec<&Value>> = HashMap::new();
    for row in &tables["os_matches"] {
        hosts.entry(key(row, &["host_id"])).or_default().push(row);
    }
    assert!(hosts.values().any(|rows| rows.len() > 1));
    for rows in hosts.values() {
        let most = rows.iter().map(|row| row["accuracy"].as_i64()).max().unwrap();
        let first = rows.iter().position(|row| row["accuracy"].as_i64() == most);
        let best: Vec<_> = (0..rows.len()).filter(|at| rows[*at]["best"] == true).collect();
        assert_eq!(best, first.into_iter().collect::<Vec<_>>(), "{rows:?}");
    }
}

#[test]
fn rows_of_a_merge_have_the_start_of_the_scan_they_come_from() {
    let days = ["40-merge-day1-fast-syn", "41-merge-day1-versions-os", "44-merge-day2-changed"];
    let days = days.map(|day| format!("{}/{day}.xml", fixtures()));
    let flat: Vec<_> =
        days.iter().map(|day| rows(&["convert", "-q", "--shape", "flat", day])).collect();
    let scans: Vec<Value> = flat.iter().flat_map(|tables| tables["scans"].clone()).collect();
    let scans = by(&scans, &["scan_id"]);
    let mut args = vec!["merge", "-q", "--policy", "latest", "--shape", "flat"];
    args.extend(days.iter().map(String::as_str));
    let merged = rows(&args);
    let hosts = by(&merged["hosts"], &["host_id"]);
    let mut others = 0;
    for table in ["ports", "services", "scripts", "os_matches"] {
        for row in &merged[table] {
            let host = hosts[&key(row, &["host_id"])];
            let is_of_host = row["scan_id"] == host["scan_id"] && !host["start_time"].is_null();
            let start = &scans[&key(row, &["scan_id"])]["start_time"];
            let expected = if is_of_host { &host["start_time"] } else { start };
            assert_eq!(&row["start_time"], expected, "{row}");
            others += i32::from(row["scan_id"] != host["scan_id"]);
        }
    }
    assert!(others > 0, "some rows come from another scan than the state of their host");
}
