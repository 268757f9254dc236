//! Options that choose what is written and how values look.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Folder, GOOD, ends, refuses, xml};

/// Returns the values of a column, read from flat JSONL written with these options.
fn column(input: &str, table: &str, name: &str, options: &[&str]) -> Vec<Value> {
    let args = ["convert", input, "--table", table, "--columns", name];
    let ran = ends(0, &[&args, options].concat());
    ran.json().into_iter().map(|mut row| row[name].take()).collect()
}

/// Returns a scan of one port whose service has this product.
fn scan_of(product: &str) -> String {
    format!(
        r#"<nmaprun scanner="nmap" args="nmap -sV 192.0.2.1" start="1700000000" version="7.93">
<host><status state="up"/><address addr="192.0.2.1" addrtype="ipv4"/>
<ports><port protocol="tcp" portid="80"><state state="open" reason="syn-ack"/>
<service name="http" product="{product}" method="probed" conf="10"/></port></ports></host>
<runstats><finished time="1700000001" exit="success"/></runstats></nmaprun>"#
    )
}

#[test]
fn columns_come_in_the_order_in_which_they_are_named() {
    let args = ["convert", &xml(GOOD), "--table", "ports", "--columns", "port,ip,protocol"];
    let ran = ends(0, &args);
    let first = r#"{"_table":"ports","port":21,"ip":"192.0.2.30","protocol":"tcp"}"#;
    assert_eq!(ran.lines()[0], first);
    let ran = ends(0, &[&args[..], &["--to", "csv"]].concat());
    assert_eq!(ran.lines()[..2], ["port,ip,protocol", "21,192.0.2.30,tcp"]);
}

#[test]
fn naming_a_table_or_column_twice_is_a_usage_error() {
    let good = xml(GOOD);
    refuses(&["convert", &good, "-o", "x", "--table", "ports,hosts,ports"], &["ports", "twice"]);
    refuses(&["convert", &good, "--table", "ports", "--columns", "ip,ip"], &["ip", "twice"]);
}

#[test]
fn ports_are_filtered_by_state_and_hosts_stay() {
    let good = xml(GOOD);
    let states = column(&good, "ports", "state", &["--state", "open"]);
    assert!(!states.is_empty() && states.iter().all(|state| state == "open"), "{states:?}");
    let both = column(&good, "ports", "state", &["--state", "open,closed"]);
    assert_eq!(both.len(), 21);
    let hosts = ["ip", "ports_open", "ports_listed"];
    for name in hosts {
        let all = column(&good, "hosts", name, &[]);
        assert_eq!(column(&good, "hosts", name, &["--state", "filtered"]), all, "{name}");
    }
    // Positions of ports within a host are those of the input.
    let places = column(&good, "ports", "port_index", &["--state", "closed"]);
    assert_eq!(places[0], 2);
}

#[test]
fn states_with_two_names_are_one_state() {
    let input = xml("17-fin-xmas-openfiltered.xml");
    let all = column(&input, "ports", "state", &[]);
    let some = column(&input, "ports", "state", &["--state", "open|filtered"]);
    let expected: Vec<_> = all.into_iter().filter(|state| state == "open|filtered").collect();
    assert_eq!(some, expected);
    assert!(!some.is_empty());
}

#[test]
fn a_state_that_does_not_exist_is_a_usage_error() {
    for state in ["opened", "open,nope", "OPEN", ""] {
        refuses(&["convert", &xml(GOOD), "--state", state], &["--state", "open|filtered"]);
    }
}

#[test]
fn up_omits_hosts_that_are_not_up() {
    let input = xml("03-lan-ping-sweep-verbose-down.xml");
    assert_eq!(column(&input, "hosts", "state", &[]).len(), 64);
    let up = column(&input, "hosts", "state", &["--up"]);
    assert_eq!((up.len(), up.iter().all(|state| state == "up")), (7, true));
    // IDs are those of the whole input.
    let ids: BTreeSet<_> =
        column(&input, "hosts", "host_id", &[]).iter().map(ToString::to_string).collect();
    for id in column(&input, "hosts", "host_id", &["--up"]) {
        assert!(ids.contains(&id.to_string()));
    }
}

#[test]
fn events_can_have_lines_of_their_own() {
    let good = xml(GOOD);
    let plain = ends(0, &["convert", &good]);
    let events = ends(0, &["convert", &good, "--events"]);
    let mut kinds = Vec::new();
    let mut rest = String::new();
    for line in events.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        if value["_type"] == "event" {
            kinds.push(value["kind"].clone());
        } else {
            rest = rest + line + "\n";
        }
    }
    assert_eq!(kinds, ["hosthint", "hosthint", "hosthint"]);
    assert_eq!(rest, plain.stdout);
}

#[test]
fn host_hints_have_the_vendor_of_their_mac_address_and_the_ttl_of_their_reason() {
    let input = xml("04-all-options-lan.xml");
    let rows = ends(0, &["convert", &input, "--shape", "flat", "--table", "events"]).json();
    let hints: Vec<_> = rows.iter().filter(|row| row["kind"] == "hosthint").collect();
    assert!(hints.len() > 3, "{}", hints.len());
    for hint in &hints {
        assert_eq!((&hint["reason"], &hint["reason_ttl"]), (&"arp-response".into(), &0.into()));
        let vendor = match hint["mac"].as_str().unwrap() {
            "00:0C:29:00:00:1E" | "00:50:56:00:00:28" => Some("VMware"),
            "B8:27:EB:00:00:14" => Some("Raspberry Pi Foundation"),
            "00:15:5D:00:00:35" => Some("Microsoft"),
            "00:00:0C:00:00:3C" => Some("Cisco Systems"),
            _ => continue,
        };
        assert_eq!(hint["mac_vendor"].as_str(), vendor, "{hint}");
    }
    // Nested lines have the same members.
    let lines = ends(0, &["convert", &input, "--events"]).json();
    let nested = lines.iter().filter(|line| line["kind"] == "hosthint");
    for (line, hint) in nested.zip(hints) {
        for member in ["mac", "mac_vendor", "reason_ttl"] {
            assert_eq!(line[member], hint[member], "{line}");
        }
    }
}

#[test]
fn flat_lines_are_rows_of_all_tables() {
    let rows = ends(0, &["convert", &xml(GOOD), "--shape", "flat"]).json();
    let count = |table| rows.iter().filter(|row| row["_table"] == table).count();
    let counts = ["scans", "hosts", "ports", "services", "events"].map(count);
    assert_eq!((counts, rows.len()), ([1, 3, 21, 21, 3], 49));
}

#[test]
fn tables_make_lines_flat() {
    let good = xml(GOOD);
    let flat = ends(0, &["convert", &good, "--shape", "flat", "--table", "hosts"]).stdout;
    assert_eq!(ends(0, &["convert", &good, "--table", "hosts"]).stdout, flat);
    assert_eq!(flat.lines().count(), 3);
}

#[test]
fn lists_in_csv_are_json_or_joined() {
    let input = xml("04-all-options-lan.xml");
    let args = ["convert", &input, "--to", "csv", "--table", "services", "--columns", "port,cpes"];
    let json = ends(0, &args);
    assert!(json.lines().iter().any(|line| line.contains(r#","[""cpe:/a:"#)), "{}", json.stdout);
    let joined = ends(0, &[&args[..], &["--csv-join", " "]].concat());
    assert!(!joined.stdout.contains('['), "{}", joined.stdout);
    let several = |line: &&str| line.matches("cpe:/").count() > 1 && line.contains(" cpe:/");
    assert!(joined.lines().iter().any(several), "{}", joined.stdout);
}

#[test]
fn formulas_in_csv_can_be_disarmed() {
    let folder = Folder::new();
    for product in ["=1+1", "+1", "-1", "@x"] {
        let input = folder.write("scan.xml", scan_of(product));
        let args =
            ["convert", &input, "--to", "csv", "--table", "services", "--columns", "product"];
        assert_eq!(ends(0, &args).lines()[1], product);
        let safe = ends(0, &[&args[..], &["--csv-safe"]].concat());
        assert_eq!(safe.lines()[1], format!("'{product}"));
    }
}

#[test]
fn ports_that_were_only_counted_can_get_rows() {
    let input = xml("30-top-ports-fast-default-port-list.xml");
    let listed = column(&input, "ports", "expanded", &[]);
    assert_eq!((listed.len(), listed.contains(&true.into())), (16, false));
    let all = column(&input, "ports", "expanded", &["--expand-extraports"]);
    // Six hosts with the 100 ports of -F each.
    assert_eq!(all.len(), 600);
    assert_eq!(all.iter().filter(|expanded| **expanded == false).count(), 16);
    let open = ["--expand-extraports", "--state", "open"];
    assert_eq!(column(&input, "ports", "port", &open).len(), 15);
}
