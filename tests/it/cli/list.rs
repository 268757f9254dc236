//! `list`, and `--where` of all commands.

use std::{fs, net::IpAddr, path::Path};

use serde_json::Value;

use super::{CUT, Folder, GOOD, ends, ends_as, program, refuses, xml};
use crate::support::{command, output_of, skip};

/// One scan with the ports, services, names and addresses that lists have to handle.
const SCAN: &str = r#"<?xml version="1.0"?>
<nmaprun scanner="nmap" args="nmap -sS -sU -sV 192.0.2.0/24" start="1700000000" version="7.94">
<host starttime="1700000000" endtime="1700000100"><status state="up" reason="syn-ack"/>
<address addr="192.0.2.10" addrtype="ipv4"/>
<hostnames><hostname name="WWW.Example." type="user"/><hostname name="ten.example" type="PTR"/></hostnames>
<ports><port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/><service name="ssh" product="OpenSSH" version="9.9"/></port>
<port protocol="tcp" portid="80"><state state="open" reason="syn-ack"/><service name="http" product="nginx" version="1.18.0"/></port>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack"/><service name="http" tunnel="ssl"/><script id="vulners" output="CVE-2021-23017"/></port>
<port protocol="tcp" portid="8443"><state state="open" reason="syn-ack"/><service name="https-alt"/></port>
<port protocol="tcp" portid="8080"><state state="closed" reason="reset"/><service name="http-proxy"/></port>
<port protocol="udp" portid="53"><state state="open" reason="udp-response"/><service name="domain"/></port>
<port protocol="udp" portid="80"><state state="open" reason="udp-response"/><service name="http"/></port></ports></host>
<host starttime="1700000000" endtime="1700000100"><status state="up" reason="syn-ack"/>
<address addr="192.0.2.9" addrtype="ipv4"/>
<hostnames><hostname name="evil
name" type="PTR"/><hostname name="10.0.0.0-255" type="PTR"/><hostname name="-iL" type="PTR"/><hostname name="a b" type="PTR"/></hostnames>
<ports><port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/><service name="s&#10;h"/></port></ports></host>
<host><status state="up" reason="syn-ack"/><address addr="2001:db8::9" addrtype="ipv6"/>
<ports><port protocol="tcp" portid="80"><state state="open" reason="syn-ack"/><service name="http"/></port>
<port protocol="tcp" portid="8081"><state state="open" reason="syn-ack"/><service name="http"/></port></ports></host>
<host><status state="down" reason="no-response"/><address addr="192.0.2.200" addrtype="ipv4"/></host>
<host><status state="up" reason="arp-response"/><address addr="198.51.100.7" addrtype="ipv4"/></host>
<host><status state="up" reason="user-set"/><hostnames><hostname name="only.example" type="user"/></hostnames></host>
<host><status state="up" reason="arp-response"/><address addr="00:00:5E:00:53:01" addrtype="mac"/></host>
<runstats><finished time="1700000200"/></runstats></nmaprun>
"#;

/// Lists a kind from the scan.
fn listed(args: &[&str]) -> Vec<String> {
    let folder = Folder::new();
    let input = folder.write("scan.xml", SCAN);
    let ran = ends(0, &[&["list"], args, &[&input, "-q"]].concat());
    assert_eq!(ran.stderr, "");
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn each_kind_has_its_items() {
    let hosts = ["192.0.2.9", "192.0.2.10", "198.51.100.7", "2001:db8::9", "only.example"];
    assert_eq!(listed(&["hosts"]), hosts);
    assert_eq!(
        listed(&["targets"]),
        ["192.0.2.9-10", "198.51.100.7", "2001:db8::9", "only.example"]
    );
    assert_eq!(listed(&["names"]), ["only.example", "ten.example", "www.example"]);
    assert_eq!(listed(&["subnets"]), ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/64"]);
    let wide = ["subnets", "--prefix-v4", "8", "--prefix-v6", "32"];
    assert_eq!(listed(&wide), ["192.0.0.0/8", "198.0.0.0/8", "2001:db8::/32"]);
    assert_eq!(listed(&["ports"]), ["T:22,80,443,8081,8443,U:53,80"]);
    let host_ports = [
        "192.0.2.9:22",
        "192.0.2.10:22",
        "192.0.2.10:53",
        "192.0.2.10:80",
        "192.0.2.10:443",
        "192.0.2.10:8443",
        "[2001:db8::9]:80",
        "[2001:db8::9]:8081",
    ];
    assert_eq!(listed(&["host-ports"]), host_ports);
    let groups =
        ["192.0.2.9 -p 22", "192.0.2.10 -p T:22,80,443,8443,U:53,80", "2001:db8::9 -6 -p 80,8081"];
    assert_eq!(listed(&["host-port-groups"]), groups);
    let urls = [
        "http://192.0.2.10",
        "https://192.0.2.10",
        "https://192.0.2.10:8443",
        "http://[2001:db8::9]",
        "http://[2001:db8::9]:8081",
    ];
    assert_eq!(listed(&["urls"]), urls);
    assert_eq!(listed(&["services"]), ["domain", "http", "https-alt", "ssh", "ssl/http"]);
}

#[test]
fn names_stand_for_addresses_if_they_are_asked_for() {
    let urls = [
        "http://[2001:db8::9]",
        "http://[2001:db8::9]:8081",
        "http://ten.example",
        "https://ten.example",
        "https://ten.example:8443",
        "http://www.example",
        "https://www.example",
        "https://www.example:8443",
    ];
    assert_eq!(listed(&["urls", "--names"]), urls);
    let hosts =
        ["192.0.2.9", "198.51.100.7", "2001:db8::9", "only.example", "ten.example", "www.example"];
    assert_eq!(listed(&["hosts", "--names"]), hosts);
}

#[test]
fn certificates_name_virtual_hosts() {
    let input = xml("19-tls-ssh-algorithms.xml");
    let names = |args: &[&str]| ends(0, &[&["list"], args, &[&input, "-q"]].concat()).stdout;
    assert!(!names(&["names"]).contains("web.lab.example"));
    let all = names(&["names", "--certificates"]);
    assert!(all.contains("web.lab.example\n") && !all.contains('*'), "{all}");
    let (urls, more) = (names(&["urls"]), names(&["urls", "--certificates"]));
    assert!(urls.lines().all(|url| more.contains(url)), "{urls}{more}");
    assert!(more.contains("https://web.lab.example\n"), "{more}");
}

#[test]
fn states_and_expressions_replace_the_defaults() {
    assert_eq!(listed(&["ports", "--state", "closed"]), ["8080"]);
    assert_eq!(listed(&["ports", "--where", "state = closed"]), ["8080"]);
    assert_eq!(listed(&["ports", "--where", "port > 1024"]), ["8081,8443"]);
    assert_eq!(listed(&["ports", "--where", "protocol = udp"]), ["U:53,80"]);
    assert_eq!(listed(&["hosts", "--where", "host_state = down"]), ["192.0.2.200"]);
    assert_eq!(listed(&["hosts", "--state", "open"]).len(), 3);
    assert_eq!(listed(&["hosts", "--where", "port = 22"]), ["192.0.2.9", "192.0.2.10"]);
    let expression = "product = nginx and version < '1.24'";
    assert_eq!(listed(&["host-ports", "--where", expression]), ["192.0.2.10:80"]);
    assert_eq!(listed(&["hosts", "--where", "ip in 10.0.0.0/8"]), [""; 0]);
}

#[test]
fn names_that_are_not_plain_are_left_out_and_counted() {
    let folder = Folder::new();
    let input = folder.write("scan.xml", SCAN);
    let ran = ends(0, &["list", "names", &input]);
    assert_eq!(ran.lines(), ["only.example", "ten.example", "www.example"]);
    assert_eq!(ran.stderr, "warning: 4 items left out: no plain name or address\n");
    let ran = ends(0, &["list", "hosts", &input]);
    assert_eq!(ran.stderr, "warning: 1 item left out: no plain name or address\n");
    let ran = ends(0, &["list", "services", &input]);
    assert_eq!(ran.lines().len(), 5);
    assert!(ran.stderr.starts_with("warning: 1 item left out"), "{}", ran.stderr);
}

#[test]
fn output_is_complete_or_absent_and_items_may_end_with_nul() {
    let folder = Folder::new();
    let input = folder.write("scan.xml", SCAN);
    let out = folder.path("hosts.txt");
    ends(0, &["list", "targets", &input, "-o", &out, "-0", "-q"]);
    assert_eq!(
        folder.read("hosts.txt"),
        "192.0.2.9-10\x00198.51.100.7\x002001:db8::9\x00only.example\0"
    );
    refuses(&["list", "hosts", &input, "-o", &out], &["hosts.txt exists"]);
    refuses(&["list", "hosts", &input, "-o", &input, "--overwrite"], &["scan.xml"]);
    let junk = folder.write("junk.txt", "junk");
    ends(3, &["list", "hosts", &junk, "-o", &out, "--overwrite"]);
    assert!(folder.read("hosts.txt").starts_with("192.0.2.9-10"));
    ends(0, &["list", "hosts", &input, "-o", &out, "--overwrite", "-q"]);
    assert_eq!(folder.read("hosts.txt").lines().count(), 5);
    refuses(&["list", "hosts", &input, "-o", &format!("{}/", folder.path(""))], &["is a folder"]);
    refuses(&["list", "hosts"], &["<INPUT>"]);
    refuses(&["list", "hots", &input], &["hots", "hosts"]);
    refuses(&["list", "subnets", &input, "--prefix-v4", "33"], &["33"]);
}

#[test]
fn several_inputs_and_threads_give_one_sorted_list() {
    let folder = crate::support::root().join("fixtures");
    let folder = folder.to_str().unwrap();
    for kind in ["hosts", "targets", "ports", "host-ports", "host-port-groups", "urls", "services"]
    {
        let run = |threads| ends(0, &["list", kind, folder, "-q", "-j", threads]).stdout;
        let one = run("1");
        assert!(one.lines().count() > 4 || kind == "ports", "{kind}: {one}");
        assert_eq!(one, run("3"), "{kind}");
        let unique: std::collections::BTreeSet<&str> = one.lines().collect();
        assert_eq!(unique.len(), one.lines().count(), "{kind}");
    }
    let hosts = ends(0, &["list", "hosts", folder, "-q"]).stdout;
    let ips: Vec<IpAddr> = hosts.lines().filter_map(|line| line.parse().ok()).collect();
    assert!(ips.len() > 20 && ips.is_sorted(), "{hosts}");
    let dataset = Folder::new();
    let into = dataset.path("dataset");
    ends(0, &["ingest", &xml(GOOD), "--into", &into, "-q"]);
    let of_file = ends(0, &["list", "host-ports", &xml(GOOD), "-q"]).stdout;
    assert_eq!(ends(0, &["list", "host-ports", &into, "-q"]).stdout, of_file);
}

#[test]
fn nmap_accepts_targets_and_ports() {
    if !command("nmap").arg("--version").output().is_ok_and(|output| output.status.success()) {
        skip("list", "nmap is not installed");
        return;
    }
    let folder = Folder::new();
    let input = folder.write("scan.xml", SCAN);
    let out = folder.path("targets.txt");
    ends(0, &["list", "targets", &input, "--where", "ip_version = 4", "-o", &out, "-q"]);
    let listed = targets_of(&["-iL", &out]);
    assert_eq!(listed, ["192.0.2.9", "192.0.2.10", "198.51.100.7"]);
    ends(
        0,
        &["list", "targets", &input, "--where", "ip_version = 6", "-o", &out, "--overwrite", "-q"],
    );
    assert_eq!(targets_of(&["-6", "-iL", &out]), ["2001:db8::9"]);
    let ports = listed_ports(Path::new(&input));
    let mut nmap = command("nmap");
    let xml = output_of(nmap.args(["-n", "-Pn", "-sT", "-oX", "-", "-p", &ports, "127.0.0.1"]));
    assert!(xml.contains(r#"services="22,80,443,8081,8443""#), "{xml}");
}

/// Returns the targets that nmap lists, without sending anything.
fn targets_of(args: &[&str]) -> Vec<String> {
    let mut nmap = command("nmap");
    let xml = output_of(nmap.args(["-sL", "-n", "-oX", "-"]).args(args));
    let addresses = xml.lines().filter_map(|line| line.split("<address addr=\"").nth(1));
    addresses.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

fn listed_ports(input: &Path) -> String {
    let ran = ends(0, &["list", "ports", input.to_str().unwrap(), "-q"]);
    ran.stdout.trim_end().to_owned()
}

/// Returns the ports of the rows of a table.
fn ports(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| row["port"].as_i64().unwrap()).collect()
}

#[test]
fn convert_merge_and_feeds_keep_what_an_expression_selects() {
    let folder = Folder::new();
    let input = folder.write("scan.xml", SCAN);
    let expression = "service ~ http* and state = open and protocol = tcp";
    let table = ["--to", "jsonl", "--table", "ports", "--where", expression];
    for command in ["convert", "merge"] {
        let ran = ends(0, &[&[command, &input], &table[..], &["-q"]].concat());
        let mut ports = ports(&ran.json());
        ports.sort_unstable();
        assert_eq!(ports, [80, 80, 443, 8081, 8443], "{command}");
    }
    let ran = ends(0, &["convert", &input, "--to", "ecs", "--where", "script has vulners"]);
    let ports: Vec<Value> =
        ran.json().into_iter().map(|event| event["destination"]["port"].clone()).collect();
    assert!(ports.contains(&Value::from(443)) && !ports.contains(&Value::from(80)), "{ports:?}");
    let rows = ["--to", "jsonl", "--table", "hosts", "--columns", "ip", "--where"];
    let ran = ends(
        0,
        &[&["convert", &input], &rows[..], &["not ip in 192.0.2.0/24 and host_state = up"]]
            .concat(),
    );
    let ips: Vec<Value> = ran.json().into_iter().map(|row| row["ip"].clone()).collect();
    let expected = [Value::from("2001:db8::9"), "198.51.100.7".into(), Value::Null, Value::Null];
    assert_eq!(ips, expected);
}

#[test]
fn histories_and_differences_are_selected_by_port_and_host() {
    let (old, new) = (xml("41-merge-day1-versions-os.xml"), xml("44-merge-day2-changed.xml"));
    let all = ends(1, &["diff", &old, &new, "--to", "jsonl"]).json();
    let some = ends(1, &["diff", &old, &new, "--to", "jsonl", "--where", "port = 443"]).json();
    assert!(!some.is_empty() && some.len() < all.len());
    let of_port =
        |row: &Value| row["port"] == 443 || (row["port"].is_null() && row["ports"].is_null());
    assert!(some.iter().all(of_port), "{some:?}");
    let keys = |rows: &[Value]| -> std::collections::BTreeSet<String> {
        rows.iter().map(|row| row["host_key"].as_str().unwrap().to_owned()).collect()
    };
    let has_port: Vec<Value> = all.iter().filter(|row| row["port"] == 443).cloned().collect();
    assert!(keys(&has_port).is_subset(&keys(&some)));
    let host = all[0]["ip"].as_str().unwrap();
    let own =
        ends(1, &["diff", &old, &new, "--to", "jsonl", "--where", &format!("ip = {host}")]).json();
    let expected: Vec<Value> = all.iter().filter(|row| row["ip"] == host).cloned().collect();
    assert_eq!(own, expected);
    assert_eq!(ends(0, &["diff", &old, &new, "--where", "port = 9"]).stdout.lines().count(), 0);

    let rows =
        |args: &[&str]| ends(0, &[&["history", &old, &new, "--to", "jsonl"], args].concat()).json();
    let some = rows(&["--table", "port_history", "--where", "port = 443 and state = open"]);
    let all = rows(&["--table", "port_history"]);
    let expected: Vec<Value> =
        all.into_iter().filter(|row| row["port"] == 443 && row["state"] == "open").collect();
    assert!(!some.is_empty());
    assert_eq!(some, expected);
    let hosts = rows(&["--table", "host_history", "--where", "port = 443 and state = open"]);
    assert_eq!(keys(&hosts), keys(&some));
    refuses(&["history", &old, "--where", "script has x"], &["a history has no field script"]);
}

#[test]
fn watch_writes_what_an_expression_selects() {
    let folder = Folder::new();
    fs::create_dir(folder.path("drop")).unwrap();
    folder.write("drop/a.xml", SCAN);
    let (drop, out) = (folder.path("drop"), folder.path("feed.jsonl"));
    ends(0, &["watch", &drop, "-o", &out, "--once", "--where", "port = 22", "-q"]);
    let lines = super::json_lines(&folder.read("feed.jsonl"));
    let hosts: Vec<&Value> = lines.iter().filter(|line| line["_type"] == "host").collect();
    assert_eq!(hosts.len(), 2);
    assert!(hosts.iter().all(|host| host["ports"].as_array().unwrap().len() == 1), "{hosts:?}");
}

#[test]
fn mistakes_in_expressions_show_their_place() {
    for command in [&["convert"][..], &["merge"], &["history"], &["list", "hosts"], &["scan"]] {
        let ran =
            ends(2, &[command, &[&xml(GOOD), "--where", "state = open and prot = 80"]].concat());
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert!(lines[0].ends_with("there is no field prot: did you mean port?"), "{}", ran.stderr);
        assert_eq!(lines[1], "  state = open and prot = 80");
        assert_eq!(lines[2], "                   ^^^^");
        assert!(lines[3].starts_with("fields of a host: ip, "), "{}", ran.stderr);
    }
    refuses(&["convert", &xml(GOOD), "--where", "port = \u{1b}[31m"], &["not a number"]);
    refuses(&["convert", &xml(GOOD), "--where", ""], &["the expression ends here"]);
}

#[test]
fn expressions_come_from_variables_and_the_configuration_too() {
    let mut command = program();
    command.env("SCANMILL_WHERE", "port = 22").args(["convert", &xml(GOOD), "--table", "ports"]);
    let ran = ends_as(0, command, b"");
    assert!(!ran.json().is_empty() && ports(&ran.json()).iter().all(|port| *port == 22));
    let folder = Folder::new();
    let config = folder.write("scanmill.toml", "where = \"port = 22\"\n[list]\nnames = true\n");
    let of_config = ends(0, &["convert", &xml(GOOD), "--table", "ports", "--config", &config]);
    assert_eq!(of_config.stdout, ran.stdout);
    let wrong = folder.write("wrong.toml", "where = \"prot = 22\"\n");
    refuses(&["convert", &xml(CUT), "--config", &wrong], &["prot", "wrong.toml sets options, too"]);
}
