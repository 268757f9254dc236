//! Columns that repeat values of other tables agree with them, and derived tables with the rows that they are made of.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::{BTreeMap, HashMap};

use scanmill::model::version_key;
use serde_json::{Value, json};

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
    let mut hosts: BTreeMap<Vec<String>, Vec<&Value>> = BTreeMap::new();
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
        for row in merged.get(table).into_iter().flatten() {
            // Scripts of a whole scan have no host.
            let Some(host) = hosts.get(&key(row, &["host_id"])) else { continue };
            let is_of_host = row["scan_id"] == host["scan_id"] && !host["start_time"].is_null();
            let start = &scans[&key(row, &["scan_id"])]["start_time"];
            let expected = if is_of_host { &host["start_time"] } else { start };
            assert_eq!(&row["start_time"], expected, "{row}");
            others += i32::from(row["scan_id"] != host["scan_id"]);
        }
    }
    assert!(others > 0, "some rows come from another scan than the state of their host");
}

/// Path of a scan with certificates and vulnerabilities.
fn scripts() -> String {
    root().join("tests/data/scripts.xml").to_str().unwrap().to_owned()
}

/// Returns the values of these columns, per row.
fn values(rows: &[Value], columns: &[&str]) -> Vec<Value> {
    rows.iter().map(|row| columns.iter().map(|column| row[*column].clone()).collect()).collect()
}

const DERIVED: [&str; 3] = ["open_services", "certificates", "vulnerabilities"];

#[test]
fn an_open_port_is_one_row_with_its_service_and_what_scripts_found() {
    let tables = rows(&["convert", "-q", "--table", "open_services", &scripts()]);
    let columns =
        ["port", "service", "product", "version", "version_key", "cpe", "cpe23", "tls_cn"];
    assert_eq!(
        values(&tables["open_services"], &columns),
        [
            json!([
                53,
                "domain",
                "ISC BIND",
                "9.8.2rc1",
                version_key("9.8.2rc1"),
                "cpe:/a:isc:bind:9.8.2rc1",
                "cpe:2.3:a:isc:bind:9.8.2rc1:*:*:*:*:*:*:*",
                null
            ]),
            json!([
                80,
                "http",
                "Apache httpd",
                "2.4.54",
                version_key("2.4.54"),
                "cpe:/a:apache:http_server:2.4.54",
                "cpe:2.3:a:apache:http_server:2.4.54:*:*:*:*:*:*:*",
                null
            ]),
            json!([993, "imaps", null, null, null, null, null, "mail.lab.example"]),
        ]
    );
    let first = &tables["open_services"][0];
    for (column, value) in [
        ("scan_date", "2026-11-30"),
        ("start_time", "2026-11-30T18:38:57Z"),
        ("host_key", "ip:192.0.2.60"),
        ("ip_sort", "192.000.002.060"),
        ("subnet", "192.0.2.0/24"),
        ("hostname", "mail.lab.example"),
        ("state", "open"),
    ] {
        assert_eq!(first[column], value, "{column}");
    }
    assert_eq!(tables["open_services"][2]["tls_not_after"], "2029-03-04T18:38:56Z");
}

#[test]
fn a_certificate_is_a_row() {
    let tables = rows(&["convert", "-q", "--table", "certificates", &scripts()]);
    let [row] = &tables["certificates"][..] else { panic!("one certificate") };
    for (column, value) in [
        ("subject_cn", json!("mail.lab.example")),
        ("subject_org", json!("Büro für Prüfung")),
        (
            "issuer",
            json!("commonName=mail.lab.example, countryName=DE, organizationName=Büro für Prüfung"),
        ),
        ("self_issued", json!(true)),
        (
            "names",
            json!([
                "mail.lab.example",
                "imap.lab.example",
                "192.0.2.60",
                "2001:db8::60",
                "email:admin@lab.example",
                "URI:https://lab.example/"
            ]),
        ),
        ("not_before", json!("2026-11-30T18:38:56Z")),
        ("not_after", json!("2029-03-04T18:38:56Z")),
        ("key_type", json!("ec")),
        ("key_bits", json!(256)),
        ("key_curve", json!("prime256v1")),
        ("signature_algorithm", json!("ecdsa-with-SHA256")),
        ("md5", json!("0f522bbe3158109c54f281bae6f8df2e")),
        ("sha1", json!("c49bf057d931bbb9ec1418bd35a7692bc13efa4b")),
        // From `openssl x509 -outform der | sha256sum`.
        ("sha256", json!("5c6747545f8d0818d668c1dcbb3cece181d54959ccf21f6c34fbf175aaf55099")),
        ("host_key", json!("ip:192.0.2.60")),
        ("start_time", json!("2026-11-30T18:38:57Z")),
    ] {
        assert_eq!(row[column], value, "{column}");
    }
}

#[test]
fn a_vulnerability_is_a_row_whichever_script_reports_it() {
    let library = format!("{}/20-vuln-library-states.xml", fixtures());
    let tables = rows(&["convert", "-q", "--table", "vulnerabilities", &scripts(), &library]);
    let columns =
        ["port", "script", "vulnerability_index", "id", "type", "cvss", "state", "exploit"];
    assert_eq!(
        values(&tables["vulnerabilities"], &columns),
        [
            json!([53, "vulners", 0, "CVE-2012-1667", "cve", 8.5, null, false]),
            json!([53, "vulners", 1, "EDB-ID:42121", "exploitdb", 0.0, null, true]),
            json!([80, "vulscan", 0, "218487", "vuldb", null, null, null]),
            json!([80, "vulscan", 1, "CVE-2013-4352", "cve", null, null, null]),
            json!([
                443,
                "ssl-ccs-injection",
                0,
                "CVE-2014-0224",
                "cve",
                null,
                "NOT VULNERABLE",
                null
            ]),
            json!([443, "ssl-heartbleed", 0, "CVE-2014-0160", "cve", null, "NOT VULNERABLE", null]),
            json!([443, "ssl-dh-params", 0, null, null, null, "NOT VULNERABLE", null]),
            json!([443, "ssl-dh-params", 1, "CVE-2015-4000", "cve", null, "NOT VULNERABLE", null]),
            json!([443, "ssl-dh-params", 2, null, null, null, "NOT VULNERABLE", null]),
            json!([443, "ssl-dh-params", 3, null, null, null, "NOT VULNERABLE", null]),
            json!([443, "ssl-poodle", 0, "CVE-2014-3566", "cve", null, "NOT VULNERABLE", null]),
        ]
    );
}

#[test]
fn derived_tables_are_the_same_from_xml_and_from_a_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("dataset");
    let dataset = dataset.to_str().unwrap();
    let scan = format!("{}/19-tls-ssh-algorithms.xml", fixtures());
    let library = format!("{}/20-vuln-library-states.xml", fixtures());
    let inputs = [&*scripts(), &scan, &library];
    output_of(
        command(assert_cmd::cargo::cargo_bin!("scanmill"))
            .args(["ingest", "-q", "--into", dataset])
            .args(inputs),
    );
    for table in DERIVED {
        let args = ["convert", "-q", "--table", table];
        let of_xml = rows(&[&args[..], &inputs].concat());
        assert!(!of_xml[table].is_empty(), "{table}");
        assert_eq!(rows(&[&args[..], &[dataset]].concat()), of_xml);
    }
}

#[test]
fn derived_tables_are_written_only_if_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tables");
    let run =
        |args: &[&str]| output_of(command(assert_cmd::cargo::cargo_bin!("scanmill")).args(args));
    run(&["convert", "-q", "--to", "csv", "-o", out.to_str().unwrap(), &scripts()]);
    assert!(DERIVED.iter().all(|table| !out.join(format!("{table}.csv")).exists()));
    let named = folder.path().join("named");
    let args =
        ["convert", "-q", "--to", "csv", "--table", "ports,open_services,certificates", "-o"];
    run(&[&args[..], &[named.to_str().unwrap(), &scripts()]].concat());
    assert!(named.join("open_services.csv").exists() && named.join("ports.csv").exists());
    assert!(!named.join("hosts.csv").exists());
}

#[test]
fn a_single_file_of_csv_has_the_open_services() {
    let run =
        |args: &[&str]| output_of(command(assert_cmd::cargo::cargo_bin!("scanmill")).args(args));
    let named = run(&["convert", "-q", "--to", "csv", "--table", "open_services", &scripts()]);
    assert_eq!(run(&["convert", "-q", "--to", "csv", &scripts()]), named);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("open.csv");
    run(&["convert", "-q", "-o", path.to_str().unwrap(), &scripts()]);
    assert_eq!(std::fs::read_to_string(path).unwrap(), named);
    let some = run(&["merge", "-q", "--to", "csv", "--columns", "ip,port,seen", &scripts()]);
    assert_eq!(some, "ip,port,seen\n192.0.2.60,53,1\n192.0.2.60,80,1\n192.0.2.60,993,1\n");
}

#[test]
fn ports_that_may_be_open_are_listed_if_their_state_is_selected() {
    let args = ["convert", "-q", "--table", "open_services"];
    let xml = format!("{}/07-udp-versions-scripts.xml", fixtures());
    let states = |more: &[&str]| -> Vec<String> {
        let rows = rows(&[&args[..], more, &[&*xml]].concat()).remove("open_services");
        let mut states: Vec<String> =
            rows.unwrap_or_default().iter().map(|row| row["state"].to_string()).collect();
        states.sort();
        states.dedup();
        states
    };
    assert_eq!(states(&[]), ["\"open\""]);
    assert_eq!(states(&["--state", "open,open|filtered"]), ["\"open\"", "\"open|filtered\""]);
    assert_eq!(states(&["--state", "open|filtered"]), ["\"open|filtered\""]);
    assert_eq!(states(&["--state", "closed"]), Vec::<String>::new());
}
