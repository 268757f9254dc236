//! Comparing states (docs/merge.md, "Diff"): each rule with small scans, and laws on random ones.

use std::{collections::BTreeSet, fmt::Write as _, slice::from_ref};

use proptest::prelude::*;
use scanmill::{
    diff::{
        ChangeSelection, Differences, HostChanges, Sort, Subject, differences, differences_with,
    },
    feed::ecs::{Ecs, changes as events},
    merge::{MergePolicy, Merger, Precedence},
    model::{Change, ChangeKind, Identity},
};
use serde_json::Value;

use crate::merge::{add, by, merged, merger};

/// Returns a scan of some hosts. `begin` is its start in seconds; it takes 100 seconds.
fn scan(begin: i64, args: &str, tcp: &str, hosts: &[String]) -> String {
    let info = match tcp {
        "" => String::new(),
        "masscan" => "<scaninfo type=\"syn\" protocol=\"tcp\"/>".to_owned(),
        tcp => format!("<scaninfo type=\"syn\" protocol=\"tcp\" services=\"{tcp}\"/>"),
    };
    let args = match tcp {
        "masscan" => String::new(),
        _ => format!(" args=\"nmap {args} -oX {begin}\""),
    };
    format!(
        "<nmaprun scanner=\"nmap\"{args} start=\"{begin}\">{info}{}<runstats>\
         <finished time=\"{}\" exit=\"success\"/></runstats></nmaprun>",
        hosts.concat(),
        begin + 100
    )
}

fn old(args: &str, hosts: &[String]) -> String {
    scan(1_000_000, args, "1-100", hosts)
}

fn new(args: &str, hosts: &[String]) -> String {
    scan(2_000_000, args, "1-100", hosts)
}

/// Returns a host that is up.
fn host(ip: &str, inside: &str) -> String {
    with_state(ip, "up", "echo-reply", inside)
}

fn with_state(ip: &str, state: &str, reason: &str, inside: &str) -> String {
    format!(
        "<host><status state=\"{state}\" reason=\"{reason}\"/>\
         <address addr=\"{ip}\" addrtype=\"ipv4\"/>{inside}</host>"
    )
}

fn mac(address: &str) -> String {
    format!("<address addr=\"{address}\" addrtype=\"mac\"/>")
}

fn names(list: &[&str]) -> String {
    let name = |name: &&str| format!("<hostname name=\"{name}\" type=\"PTR\"/>");
    format!("<hostnames>{}</hostnames>", list.iter().map(name).collect::<String>())
}

fn ports(list: &[String]) -> String {
    format!("<ports>{}</ports>", list.concat())
}

fn port(number: u16, state: &str, inside: &str) -> String {
    format!("<port protocol=\"tcp\" portid=\"{number}\"><state state=\"{state}\"/>{inside}</port>")
}

fn probed(product: &str, version: &str) -> String {
    format!(
        "<service name=\"s\" product=\"{product}\" version=\"{version}\" method=\"probed\" conf=\"10\"/>"
    )
}

const TABLE: &str = "<service name=\"t\" method=\"table\" conf=\"3\"/>";

/// Returns ports in a state, named in a list.
fn listed(state: &str, list: &str) -> String {
    format!(
        "<extraports state=\"{state}\"><extrareasons reason=\"r\" proto=\"tcp\" ports=\"{list}\"/></extraports>"
    )
}

/// Returns a number of ports in a state, without a list.
fn counted(state: &str, count: u32) -> String {
    format!(
        "<extraports state=\"{state}\" count=\"{count}\"><extrareasons reason=\"r\" count=\"{count}\"/></extraports>"
    )
}

fn script(name: &str, output: &str) -> String {
    format!("<script id=\"{name}\" output=\"{output}\"/>")
}

fn host_scripts(list: &[String]) -> String {
    format!("<hostscript>{}</hostscript>", list.concat())
}

fn os(matches: &[(&str, i32)]) -> String {
    let text = |(name, accuracy): &(&str, i32)| {
        format!("<osmatch name=\"{name}\" accuracy=\"{accuracy}\"/>")
    };
    format!("<os>{}</os>", matches.iter().map(text).collect::<String>())
}

fn trace(hops: &[&str]) -> String {
    let hop = |(ttl, ip): (usize, &&str)| format!("<hop ttl=\"{}\" ipaddr=\"{ip}\"/>", ttl + 1);
    format!("<trace>{}</trace>", hops.iter().enumerate().map(hop).collect::<String>())
}

const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";
const OPEN: &str = "open";

fn latest() -> MergePolicy {
    by(Precedence::Latest)
}

fn found(old: &[String], new: &[String]) -> Differences {
    differences(merger(latest(), old), merger(latest(), new)).unwrap()
}

/// Returns a row as a line: the place, the kind, the column and the values.
fn row(change: &Change) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
    let mut row =
        change.host_key.strip_prefix("ip:192.0.2.").unwrap_or(&change.host_key).to_owned();
    if let Some(protocol) = &change.protocol {
        let _ = write!(row, " {protocol}");
    }
    let number = change.port.map(|port| port.to_string());
    if let Some(number) = number.as_ref().or(change.ports.as_ref()) {
        let _ = write!(row, "/{number}");
    }
    let (kind, column) = (change.kind.as_str(), &change.column);
    let _ = write!(row, " {kind} {column}: {} > {}", value(&change.old), value(&change.new));
    row
}

fn rows(old: &[String], new: &[String]) -> Vec<String> {
    let hosts = found(old, new).map(Result::unwrap);
    hosts.flat_map(|host| host.changes).map(|change| row(&change)).collect()
}

/// Returns the rows between two scans.
fn between(old: &str, new: &str) -> Vec<String> {
    rows(&[old.to_owned()], &[new.to_owned()])
}

#[test]
fn ports_listed_only_on_the_newer_side() {
    let now = |inside: &str| new("", &[host(A, inside)]);
    let open = now(&ports(&[port(80, OPEN, ""), port(90, "closed", "")]));
    // The port was covered before, in a state known from a list, from a count, or not at all.
    let then = old("", &[host(A, &ports(&[listed("closed", "1-100")]))]);
    assert_eq!(between(&then, &open), ["1 tcp/80 appeared state: closed > open"]);
    let then = old("", &[host(A, &ports(&[counted("filtered", 100)]))]);
    assert_eq!(
        between(&then, &open),
        ["1 tcp/80 appeared state: filtered > open", "1 tcp/90 appeared state: filtered > closed"]
    );
    let then = old("", &[host(A, "")]);
    assert_eq!(
        between(&then, &open),
        ["1 tcp/80 appeared state: - > open", "1 tcp/90 appeared state: - > closed"]
    );
    // The port was not scanned before, so an open port is news.
    let then = scan(1_000_000, "", "1-10", &[host(A, "")]);
    assert_eq!(
        between(&then, &open),
        ["1 tcp/80 first_seen state: - > open", "1 tcp/90 not_scanned state: - > closed"]
    );
    let ping = scan(1_000_000, "-sn", "", &[host(A, "")]);
    assert_eq!(
        between(&ping, &open),
        ["1 tcp/80 first_seen state: - > open", "1 tcp/90 not_scanned state: - > closed"],
        "a scan of no ports is not one that does not say which"
    );
    // The host was down, or did not exist.
    let down = old("", &[with_state(A, "down", "no-response", "")]);
    assert_eq!(
        between(&down, &open),
        [
            "1 changed state: down > up",
            "1 tcp/80 appeared state: - > open",
            "1 tcp/90 appeared state: - > closed"
        ]
    );
    let other = old("", &[host(B, "")]);
    assert_eq!(
        between(&other, &open),
        [
            "1 appeared host: - > up",
            "1 tcp/80 appeared state: - > open",
            "1 tcp/90 appeared state: - > closed",
            "2 gone host: up > -"
        ]
    );
}

#[test]
fn new_ports_of_masscan_appear() {
    let masscan = |begin, list: &[String]| scan(begin, "", "masscan", &[host(A, &ports(list))]);
    let then = masscan(1_000_000, &[port(8443, OPEN, "")]);
    let now = masscan(2_000_000, &[port(8443, OPEN, ""), port(9443, OPEN, "")]);
    assert_eq!(between(&then, &now), ["1 tcp/9443 appeared state: - > open"]);
    // masscan does not record whether it looked again.
    assert_eq!(between(&now, &then), ["1 tcp/9443 not_scanned state: open > -"]);
}

#[test]
fn ports_listed_only_on_the_older_side() {
    let then = old("", &[host(A, &ports(&[port(80, OPEN, ""), port(90, "closed", "")]))]);
    let now = |inside: &str| new("", &[host(A, inside)]);
    assert_eq!(
        between(&then, &now(&ports(&[listed("closed", "1-100")]))),
        ["1 tcp/80 gone state: open > closed"],
        "90 is closed as before"
    );
    assert_eq!(
        between(&then, &now("")),
        ["1 tcp/80 gone state: open > -", "1 tcp/90 gone state: closed > -"]
    );
    // The port may be in the state it was in.
    let several = now(&ports(&[counted("closed", 60), counted("filtered", 40)]));
    assert_eq!(
        between(&then, &several),
        ["1 tcp/80 not_scanned state: open > -", "1 tcp/90 not_scanned state: closed > -"]
    );
    // The newer scan did not cover the port.
    let elsewhere = scan(2_000_000, "", "1-10", &[host(A, "")]);
    assert_eq!(
        between(&then, &elsewhere),
        ["1 tcp/80 not_scanned state: open > -", "1 tcp/90 not_scanned state: closed > -"]
    );
    // The host is down, without evidence, or too slow.
    let unknown =
        ["1 tcp/80 not_scanned state: open > -", "1 tcp/90 not_scanned state: closed > -"];
    let down = between(&then, &new("", &[with_state(A, "down", "no-response", "")]));
    assert_eq!(down[0], "1 changed state: up > down");
    assert_eq!(down[1..], unknown);
    assert_eq!(between(&then, &new("-Pn", &[with_state(A, "up", "user-set", "")])), unknown);
    let slow = host(A, "").replace("<host>", "<host timedout=\"true\">");
    assert_eq!(between(&then, &new("", &[slow])), unknown);
    // The host is gone.
    assert_eq!(
        between(&then, &scan(2_000_000, "", "80", &[host(B, "")])),
        [
            "2 appeared host: - > up",
            "1 gone host: up > -",
            "1 tcp/80 gone state: open > -",
            "1 tcp/90 not_scanned state: closed > -"
        ]
    );
}

#[test]
fn unlisted_ports_are_compared_by_ranges() {
    let side = |begin, inside: &str| scan(begin, "", "1-100", &[host(A, &ports(&[inside.into()]))]);
    let closed = side(1_000_000, &listed("closed", "1-100"));
    let filtered = side(2_000_000, &listed("filtered", "1-100"));
    assert_eq!(between(&closed, &filtered), ["1 tcp/1-100 changed state: closed > filtered"]);
    let around = listed("filtered", "1-21,23-100") + &port(22, OPEN, "");
    let both = side(1_000_000, &(listed("closed", "1-21,23-100") + &port(22, OPEN, "")));
    assert_eq!(
        between(&both, &side(2_000_000, &around)),
        ["1 tcp/1-21,23-100 changed state: closed > filtered"]
    );
    let some = listed("closed", "1-49,51-100") + &listed("filtered", "50");
    assert_eq!(
        between(&closed, &side(2_000_000, &some)),
        ["1 tcp/50 changed state: closed > filtered"]
    );
    // Ports that only one side covers give no row.
    let less = listed("filtered", "90-200");
    assert_eq!(
        between(&closed, &side(2_000_000, &less)),
        ["1 tcp/90-100 changed state: closed > filtered"]
    );
    assert_eq!(between(&closed, &side(2_000_000, &listed("closed", "50-200"))), [""; 0]);
}

#[test]
fn the_best_of_several_looks_decides_the_state_of_unlisted_ports() {
    let look = |begin, lists: &str| scan(begin, "", "1-100", &[host(A, &ports(&[lists.into()]))]);
    let old = [look(1_000_000, &listed("closed", "1-100"))];
    let new = [
        look(3_000_000, &listed("filtered", "10-20")),
        look(2_000_000, &(listed("closed", "1-50") + &listed("open|filtered", "51-100"))),
    ];
    assert_eq!(
        rows(&old, &new),
        [
            "1 tcp/10-20 changed state: closed > filtered",
            "1 tcp/51-100 changed state: closed > open|filtered"
        ]
    );
    // Several entries of one scan: the first that has a list for the protocol decides.
    let entries = [
        host(A, &ports(&[listed("filtered", "1-5")])),
        host(A, &ports(&[listed("closed", "1-100")])),
    ];
    let new = [scan(2_000_000, "", "1-100", &entries)];
    assert_eq!(rows(&old, &new), ["1 tcp/1-5 changed state: closed > filtered"]);
}

#[test]
fn ports_without_lists_are_compared_by_their_counts() {
    let side =
        |begin, inside: &str| scan(begin, "", "1-1000", &[host(A, &ports(&[inside.into()]))]);
    let open = port(22, OPEN, "");
    let then = side(1_000_000, &(counted("filtered", 999) + &open));
    let now = side(2_000_000, &(counted("closed", 999) + &open));
    assert_eq!(between(&then, &now), ["1 tcp changed extra_ports: 999 filtered > 999 closed"]);
    // One side has a list.
    let with_list = side(2_000_000, &(listed("closed", "1-21,23-1000") + &open));
    assert_eq!(
        between(&then, &with_list),
        ["1 tcp changed extra_ports: 999 filtered > 999 closed"]
    );
    // The row of the port's state already reports that it opened.
    let opened = counted("filtered", 998) + &open + &port(80, OPEN, "");
    assert_eq!(
        between(&then, &side(2_000_000, &opened)),
        ["1 tcp/80 appeared state: filtered > open"]
    );
    let several = counted("closed", 900) + &counted("filtered", 99) + &open;
    let then = side(1_000_000, &several);
    let opened = counted("closed", 899) + &counted("filtered", 99) + &open + &port(80, OPEN, "");
    assert_eq!(between(&then, &side(2_000_000, &opened)), ["1 tcp/80 appeared state: - > open"]);
    let moved = counted("closed", 890) + &counted("filtered", 109) + &open;
    assert_eq!(
        between(&then, &side(2_000_000, &moved)),
        ["1 tcp changed extra_ports: 900 closed, 99 filtered > 890 closed, 109 filtered"]
    );
    // A port listed on one side does not count as counted either.
    let then = side(1_000_000, &(counted("filtered", 999) + &open));
    let both = counted("closed", 998) + &open + &port(80, OPEN, "");
    assert_eq!(
        between(&then, &side(2_000_000, &both)),
        [
            "1 tcp/80 appeared state: filtered > open",
            "1 tcp changed extra_ports: 998 filtered > 998 closed"
        ]
    );
    // Other ports were scanned, so nothing is reported.
    let other = scan(2_000_000, "", "1-100", &[host(A, &ports(&[counted("closed", 99), open]))]);
    assert_eq!(between(&then, &other), [""; 0]);
}

#[test]
fn services_are_compared_where_both_sides_probed() {
    let one = |args: &str, begin, inside: &str| {
        scan(begin, args, "1-100", &[host(A, &ports(&[port(80, OPEN, inside)]))])
    };
    let (first, second) = (probed("nginx", "1"), probed("nginx", "2"));
    assert_eq!(
        between(&one("-sV", 1_000_000, &first), &one("-sV", 2_000_000, &second)),
        ["1 tcp/80 changed service.version: 1 > 2"]
    );
    // A quick scan on either side: one row.
    let quick = one("", 2_000_000, TABLE);
    assert_eq!(
        between(&one("-sV", 1_000_000, &first), &quick),
        ["1 tcp/80 not_scanned service: s nginx 1 > -"]
    );
    assert_eq!(
        between(&one("", 1_000_000, TABLE), &one("-sV", 2_000_000, &first)),
        ["1 tcp/80 not_scanned service: - > s nginx 1"]
    );
    assert_eq!(between(&one("-sV", 1_000_000, TABLE), &quick), [""; 0], "nothing was found");
    // Versions were looked for and no longer found.
    assert_eq!(
        between(&one("-sV", 1_000_000, &first), &one("-sV", 2_000_000, TABLE)),
        [
            "1 tcp/80 changed service.name: s > t",
            "1 tcp/80 gone service.product: nginx > -",
            "1 tcp/80 gone service.version: 1 > -"
        ]
    );
    // Names from the port table, where no probe was sent.
    let other = TABLE.replace("\"t\"", "\"u\"");
    assert_eq!(
        between(&one("", 1_000_000, TABLE), &one("", 2_000_000, &other)),
        ["1 tcp/80 changed service.name: t > u"]
    );
    // The changed state of the port says it all.
    let closed = new("-sV", &[host(A, &ports(&[port(80, "closed", TABLE)]))]);
    assert_eq!(
        between(&one("-sV", 1_000_000, &first), &closed),
        ["1 tcp/80 changed state: open > closed"]
    );
    // Details from a deep scan stay valid after a quick one; nothing is compared with the quick one.
    let deep_then_quick = [one("-sV", 2_000_000, &second), one("", 3_000_000, TABLE)];
    let rows = rows(&[one("-sV", 1_000_000, &first)], &deep_then_quick);
    assert_eq!(rows, ["1 tcp/80 changed service.version: 1 > 2"]);
}

#[test]
fn rows_have_the_service_of_both_sides_and_the_scan_of_each_value() {
    let one = |begin, product: &str| {
        let inside = ports(&[port(80, OPEN, &probed(product, "1"))]);
        scan(begin, "-sV", "1-100", &[host(A, &inside)])
    };
    let quick = scan(3_000_000, "", "1-100", &[host(A, &ports(&[port(80, OPEN, TABLE)]))]);
    let (old, deep) = (one(1_000_000, "a"), one(2_000_000, "b"));
    let ids: Vec<String> =
        merged(latest(), &[old.clone(), deep.clone(), quick.clone()])[0]["scan_ids"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_str().unwrap().to_owned())
            .collect();
    let host = found(&[old], &[deep, quick]).next().unwrap().unwrap();
    let [change] = &host.changes[..] else { panic!("{:?}", host.changes) };
    assert_eq!(row(change), "1 tcp/80 changed service.product: a > b");
    let product = |service: &Option<scanmill::model::ChangedService>| {
        service.as_ref().unwrap().product.clone().unwrap()
    };
    assert_eq!(
        (product(&change.old_service), product(&change.new_service)),
        ("a".into(), "b".into())
    );
    assert_eq!(change.old_scan_id.as_ref(), Some(&ids[0]));
    assert_eq!(change.new_scan_id.as_ref(), Some(&ids[1]), "the quick scan did not look for it");
    assert!(host.was_there && host.is_there);
}

#[test]
fn the_os_is_compared_where_both_sides_looked() {
    let side = |begin, args: &str, matches: &[(&str, i32)]| {
        let inside = if matches.is_empty() { String::new() } else { os(matches) };
        scan(begin, args, "1-100", &[host(A, &inside)])
    };
    let quick = side(1_000_000, "-sS", &[]);
    let linux = side(2_000_000, "-O", &[("Linux 5", 90), ("Linux 6", 98)]);
    assert_eq!(between(&quick, &linux), ["1 not_scanned os: - > Linux 6, Linux 5"]);
    assert_eq!(
        between(&linux, &side(3_000_000, "", &[])),
        ["1 not_scanned os: Linux 6, Linux 5 > -"]
    );
    let same = side(3_000_000, "-O", &[("Linux 5", 99), ("Linux 6", 95)]);
    assert_eq!(between(&linux, &same), [""; 0], "the same set");
    let none = side(3_000_000, "-O", &[]);
    assert_eq!(between(&linux, &none), ["1 gone os: Linux 6, Linux 5 > -"]);
    assert_eq!(between(&none, &linux), ["1 appeared os: - > Linux 6, Linux 5"]);
    assert_eq!(between(&quick, &side(2_000_000, "-O", &[])), [""; 0], "nothing was found");
}

#[test]
fn names_routes_and_scripts_follow_the_same_rule() {
    let side = |begin, args: &str, inside: &str| scan(begin, args, "1-100", &[host(A, inside)]);
    let (named, none) = (names(&["B.example.", "a.example"]), "");
    let then = side(1_000_000, "-A", &named);
    assert_eq!(
        between(&then, &side(2_000_000, "-A", &names(&["b.example", "A.EXAMPLE"]))),
        [""; 0]
    );
    assert_eq!(
        between(&then, &side(2_000_000, "-A", none)),
        ["1 gone hostnames: B.example., a.example > -"]
    );
    assert_eq!(
        between(&then, &side(2_000_000, "-A -n", none)),
        ["1 not_scanned hostnames: B.example., a.example > -"]
    );
    let masscan = scan(2_000_000, "", "masscan", &[host(A, &ports(&[port(80, OPEN, "")]))]);
    assert!(
        between(&then, &masscan)
            .contains(&"1 not_scanned hostnames: B.example., a.example > -".into()),
        "it asks for no names"
    );
    let then = side(1_000_000, "-sS", &trace(&["198.51.100.1", A]));
    assert_eq!(
        between(&then, &side(2_000_000, "--traceroute", none)),
        ["1 gone trace: 198.51.100.1 192.0.2.1 > -"]
    );
    assert_eq!(
        between(&then, &side(2_000_000, "", none)),
        ["1 not_scanned trace: 198.51.100.1 192.0.2.1 > -"]
    );
    let scripts = |list: &[(&str, &str)]| {
        host_scripts(&list.iter().map(|(name, output)| script(name, output)).collect::<Vec<_>>())
    };
    let then = side(1_000_000, "-sC", &scripts(&[("a", "1"), ("b", "2")]));
    assert_eq!(
        between(&then, &side(2_000_000, "-sC", &scripts(&[("b", "3"), ("c", "4")]))),
        ["1 gone script.a: 1 > -", "1 changed script.b: 2 > 3", "1 appeared script.c: - > 4"]
    );
    assert_eq!(
        between(&then, &side(2_000_000, "-sC", none)),
        ["1 gone script.a: 1 > -", "1 gone script.b: 2 > -"]
    );
    assert_eq!(between(&then, &side(2_000_000, "", none)), ["1 not_scanned scripts: a, b > -"]);
    assert_eq!(
        between(&side(1_000_000, "", none), &then.replace("1000000", "2000000")),
        ["1 not_scanned scripts: - > a, b"]
    );
}

#[test]
fn scripts_of_ports_follow_the_same_rule() {
    let side = |begin, args: &str, inside: &str| {
        scan(begin, args, "1-100", &[host(A, &ports(&[port(80, OPEN, inside)]))])
    };
    let then = side(1_000_000, "-sC", &script("http-title", "One"));
    assert_eq!(
        between(&then, &side(2_000_000, "-sC", &script("http-title", "Two"))),
        ["1 tcp/80 changed script.http-title: One > Two"]
    );
    assert_eq!(
        between(&then, &side(2_000_000, "-sC", "")),
        ["1 tcp/80 gone script.http-title: One > -"]
    );
    assert_eq!(
        between(&then, &side(2_000_000, "", "")),
        ["1 tcp/80 not_scanned scripts: http-title > -"]
    );
}

#[test]
fn another_mac_address_is_a_change_and_a_missing_one_is_none() {
    let side = |begin, inside: &str| scan(begin, "", "1-100", &[host(A, inside)]);
    let (one, two) = (mac("00:00:5E:00:53:01"), mac("00:00:5E:00:53:02"));
    assert_eq!(
        between(&side(1_000_000, &one), &side(2_000_000, &two)),
        ["1 changed mac: 00:00:5E:00:53:01 > 00:00:5E:00:53:02"]
    );
    assert_eq!(between(&side(1_000_000, &one), &side(2_000_000, "")), [""; 0]);
    let ipv6 = "<address addr=\"2001:db8::1\" addrtype=\"ipv6\"/>";
    assert_eq!(
        between(&side(1_000_000, &one), &side(2_000_000, &(one.clone() + ipv6))),
        ["1 changed addresses: 192.0.2.1 > 192.0.2.1, 2001:db8::1"]
    );
}

#[test]
fn states_of_hosts_are_compared_where_both_sides_looked() {
    let side = |begin, state: &str| scan(begin, "", "1-100", &[with_state(A, state, "r", "")]);
    for (then, now, expected) in [
        ("up", "down", Some("1 changed state: up > down")),
        ("down", "up", Some("1 changed state: down > up")),
        ("up", "unknown", Some("1 not_scanned state: up > -")),
        ("unknown", "up", Some("1 not_scanned state: - > up")),
        ("skipped", "unknown", None),
    ] {
        let found = between(&side(1_000_000, then), &side(2_000_000, now));
        assert_eq!(found.first().map(String::as_str), expected, "{then} to {now}");
    }
}

#[test]
fn a_host_that_reappears_with_its_mac_address_has_moved() {
    let address = mac("00:00:5E:00:53:01");
    let with =
        |inside: &str| address.clone() + &ports(&[listed("closed", "1-79,81-100"), inside.into()]);
    let then = old("", &[host(A, &with(&port(80, OPEN, ""))), host("192.0.2.9", "")]);
    let now = new("", &[host("192.0.2.9", ""), host(B, &with(&port(80, "closed", "")))]);
    assert_eq!(
        between(&then, &now),
        ["2 moved host: 192.0.2.1 > 192.0.2.2", "2 tcp/80 changed state: open > closed"]
    );
    let host_of = found(from_ref(&then), from_ref(&now)).next().unwrap().unwrap();
    assert!(host_of.was_there && host_of.is_there);
    // Two hosts came with the same address, so the move is ambiguous.
    let two = new("", &[host(B, &with("")), host("192.0.2.3", &with(""))]);
    let told = between(&then, &two);
    assert!(
        told.contains(&"1 gone host: up > -".into())
            && told.contains(&"2 appeared host: - > up".into())
    );
    assert!(!told.iter().any(|row| row.contains("moved")));
    // The old host still exists, and a second one came.
    let more = new("", &[host(A, &with(&port(80, OPEN, ""))), host(B, &with(""))]);
    assert!(!between(&then, &more).iter().any(|row| row.contains("moved")));
    // An address that an entry repeats is still the one that moved.
    let repeated = format!("{address}<address addr=\"{A}\" addrtype=\"ipv4\"/>");
    let bare = format!("<host><status state=\"up\" reason=\"r\"/>{address}</host>");
    assert_eq!(
        between(&old("", &[host(A, &repeated)]), &new("", &[bare])),
        ["mac:00:00:5E:00:53:01 moved host: 192.0.2.1 > mac:00:00:5E:00:53:01"]
    );
    // The other addresses of the host are compared, without the one that moved.
    let ipv6 = |last: u8| format!("<address addr=\"2001:db8::{last}\" addrtype=\"ipv6\"/>");
    let then = old("", &[host(A, &(address.clone() + &ipv6(1)))]);
    let now = new("", &[host(B, &(address.clone() + &ipv6(2)))]);
    assert_eq!(
        between(&then, &now),
        ["2 moved host: 192.0.2.1 > 192.0.2.2", "2 changed addresses: 2001:db8::1 > 2001:db8::2"]
    );
}

#[test]
fn moved_hosts_are_found_when_spilled() {
    let address = |n: u32| format!("00:00:5E:{:02X}:{:02X}:00", n / 256, n % 256);
    let hosts = |from: u32, count: u32| -> Vec<String> {
        let one = |n: u32| {
            let ip = format!("198.18.{}.{}", (n + from) / 250, (n + from) % 250);
            host(&ip, &(mac(&address(n)) + &ports(&[port(22, OPEN, &probed("x", "1"))])))
        };
        (0..count).map(one).collect()
    };
    let (then, now) = (old("", &hosts(0, 2000)), new("", &hosts(5000, 2000)));
    let found = |cap: usize| -> Vec<HostChanges> {
        let read = |doc: &String| {
            let mut merger = Merger::with_memory(latest(), cap, None);
            add(&mut merger, "x.xml", doc.as_bytes());
            merger
        };
        differences(read(&then), read(&now)).unwrap().map(Result::unwrap).collect()
    };
    let held = found(usize::MAX);
    assert_eq!(held.len(), 2000);
    assert!(held.iter().all(|host| host.changes[0].kind == ChangeKind::Moved));
    assert_eq!(held[7].changes[0].old.as_deref(), Some("198.18.0.7"));
    assert!(held == found(64 << 10));
}

#[test]
fn options_omit_rows() {
    let then = old(
        "-A",
        &[host(
            A,
            &(ports(&[port(80, OPEN, &script("ssl-date", "1")), port(81, "filtered", "")])
                + &host_scripts(&[script("x", "1"), script("clock-skew", "1")])),
        )],
    );
    let now = new(
        "-A",
        &[host(
            A,
            &(ports(&[port(80, OPEN, &script("ssl-date", "2")), port(81, "closed", "")])
                + &host_scripts(&[script("x", "2"), script("clock-skew", "2")])),
        )],
    );
    let rows = |options: &ChangeSelection| -> Vec<String> {
        let (then, now) = (merger(latest(), from_ref(&then)), merger(latest(), from_ref(&now)));
        let hosts = differences_with(then, now, options).unwrap().map(Result::unwrap);
        hosts.flat_map(|host| host.changes).map(|change| row(&change)).collect()
    };
    let (state, of_x) = ("1 tcp/81 changed state: filtered > closed", "1 changed script.x: 1 > 2");
    assert_eq!(rows(&ChangeSelection::all()).len(), 4);
    let quiet = ChangeSelection::without_noise();
    assert_eq!(rows(&quiet), [of_x, state]);
    assert_eq!(rows(&quiet.clone().ignore_states(["filtered".into()])), [of_x]);
    assert_eq!(rows(&quiet.clone().ignore_scripts(["x*"]).unwrap()), [state]);
    assert_eq!(rows(&quiet.clone().ignore([Sort::Subject(Subject::Script)])), [state]);
    assert_eq!(rows(&quiet.clone().only([Sort::Subject(Subject::Port)])), [state]);
    assert_eq!(rows(&quiet.only([Sort::Kind(ChangeKind::Gone)])), [""; 0]);
}

/// A pseudo-random number generator.
struct Dice(u64);

impl Dice {
    /// Returns a number below `sides`.
    fn below(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == 0
    }

    fn pick<'t>(&mut self, list: &[&'t str]) -> &'t str {
        list[usize::try_from(self.below(list.len() as u64)).unwrap()]
    }
}

const STATES: [&str; 5] = ["open", "open", "closed", "filtered", "open|filtered"];
const LISTS: [&str; 5] = ["1-10", "1-3,5-9", "2,4,6,8", "1-2,4-10,20-30", "5"];

fn any_port(dice: &mut Dice) -> String {
    let protocol = dice.pick(&["tcp", "tcp", "tcp", "udp"]);
    let number = dice.below(9) + 1;
    let state = dice.pick(&STATES);
    let version = dice.below(3).to_string();
    let mut inside = match dice.below(3) {
        0 => probed(dice.pick(&["nginx", "sshd"]), &version),
        1 => TABLE.to_owned(),
        _ => String::new(),
    };
    if dice.one_in(3) {
        inside +=
            &script(dice.pick(&["ssl-date", "http-title", "x"]), dice.pick(&["1", "2\n3", "2"]));
    }
    format!(
        "<port protocol=\"{protocol}\" portid=\"{number}\"><state state=\"{state}\"/>{inside}</port>"
    )
}

fn any_extra_ports(dice: &mut Dice) -> String {
    let state = dice.pick(&["closed", "filtered", "open|filtered"]);
    match dice.below(4) {
        0 => listed(state, dice.pick(&LISTS)),
        1 => counted(state, u32::try_from(dice.below(4) + 6).unwrap()),
        2 => listed(state, dice.pick(&LISTS)).replace("\"tcp\"", "\"udp\""),
        _ => String::new(),
    }
}

fn any_host(dice: &mut Dice) -> String {
    let ip = dice.pick(&[A, B, "192.0.2.3", "2001:db8::1"]);
    let kind = if ip.contains(':') { "ipv6" } else { "ipv4" };
    let state = dice.pick(&["up", "up", "up", "up", "down", "unknown"]);
    let reason = dice.pick(&["echo-reply", "echo-reply", "user-set"]);
    let mut inside = String::new();
    if dice.one_in(2) {
        inside += &mac(dice.pick(&["00:00:5E:00:53:01", "00:00:5E:00:53:02", "00:00:5E:00:53:03"]));
    }
    if dice.one_in(3) {
        inside += &names(&[dice.pick(&["a.example", "A.example.", "b.example"])]);
    }
    let mut list: Vec<String> = (0..dice.below(3)).map(|_| any_extra_ports(dice)).collect();
    let mut known = BTreeSet::new();
    for _ in 0..dice.below(6) {
        let port = any_port(dice);
        let place: String = port.chars().take(36).collect();
        if known.insert(place) {
            list.push(port);
        }
    }
    inside += &ports(&list);
    if dice.one_in(3) {
        inside += &os(&[(dice.pick(&["L5", "L6"]), 90), (dice.pick(&["L7", "L5"]), 95)]);
    }
    if dice.one_in(3) {
        inside += &host_scripts(&[script(dice.pick(&["clock-skew", "y"]), dice.pick(&["1", "2"]))]);
    }
    if dice.one_in(3) {
        inside += &trace(&[dice.pick(&["198.51.100.1", "198.51.100.2"]), ip]);
    }
    let timed_out = if dice.one_in(8) { " timedout=\"true\"" } else { "" };
    let end = 1_000_000 + dice.below(1000);
    format!(
        "<host endtime=\"{end}\"{timed_out}><status state=\"{state}\" reason=\"{reason}\"/>\
         <address addr=\"{ip}\" addrtype=\"{kind}\"/>{inside}</host>"
    )
}

/// Returns a scan of nmap or masscan, complete or truncated, in which hosts may occur twice.
fn any_scan(dice: &mut Dice) -> String {
    let hosts: Vec<String> = (0..=dice.below(5)).map(|_| any_host(dice)).collect();
    let begin = i64::try_from(1_000_000 + dice.below(1000)).unwrap();
    let args = dice.pick(&["-sS", "-n", "-A", "-sV", "-O", "-sC --traceroute"]);
    let tcp = dice.pick(&["1-10", "1-10", "1-5", "1-100", "masscan", ""]);
    let mut doc = scan(begin, args, tcp, &hosts);
    if dice.one_in(6) {
        let cut = doc.len() - usize::try_from(dice.below(doc.len() as u64 / 2)).unwrap();
        doc.truncate(cut);
    }
    doc
}

fn any_side() -> impl Strategy<Value = Vec<String>> {
    any::<u64>().prop_map(|seed| {
        let mut dice = Dice(seed);
        (0..=dice.below(3)).map(|_| any_scan(&mut dice)).collect()
    })
}

/// Returns the values of a merged host, by the name that rows use for them.
fn values(line: &Value) -> std::collections::BTreeMap<String, String> {
    let mut values = std::collections::BTreeMap::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    values.insert("state".to_owned(), text(&line["state"]));
    let mut joined = |name: &str, mut items: Vec<String>| {
        items.sort();
        items.dedup();
        if !items.is_empty() {
            values.insert(name.to_owned(), items.join(", "));
        }
    };
    let of = |value: &Value, key: &str| list(value).iter().map(|item| text(&item[key])).collect();
    let plain = |name: &String| name.to_lowercase().trim_end_matches('.').to_owned();
    let names: Vec<String> = of(&line["hostnames"], "name");
    joined("hostnames", names.iter().map(plain).collect());
    joined("os", of(&line["os"]["matches"], "name"));
    for hop in list(&line["trace"]).iter().flat_map(|trace| list(&trace["hops"])) {
        joined("trace", vec![text(&hop["ip"])]);
    }
    for script in list(&line["scripts"]) {
        joined(&format!("script.{}", text(&script["name"])), vec![text(&script["output"])]);
    }
    for port in list(&line["ports"]) {
        let place = format!("{}/{}", text(&port["protocol"]), port["port"]);
        joined(&format!("{place} state"), vec![text(&port["state"])]);
        for (name, key) in [("service.product", "product"), ("service.version", "version")] {
            let found: Vec<String> = of(&port["services"], key);
            joined(
                &format!("{place} {name}"),
                found.into_iter().filter(|t| !t.is_empty()).collect(),
            );
        }
        for script in list(&port["scripts"]) {
            let name = format!("{place} script.{}", text(&script["name"]));
            joined(&name, vec![text(&script["output"])]);
        }
    }
    values
}

/// Returns true if a row mentions a value of a host. A row for a list covers all its values.
fn is_told(rows: &BTreeSet<String>, value: &str) -> bool {
    let (place, column) =
        value.rsplit_once(' ').map_or(("", value), |(place, column)| (place, column));
    let group = if column.starts_with("script") { "scripts" } else { "service" };
    [column, group, "state"].iter().any(|column| {
        let told =
            if place.is_empty() { (*column).to_owned() } else { format!("{place} {column}") };
        rows.contains(&told)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_state_does_not_differ_from_itself(side in any_side()) {
        prop_assert_eq!(rows(&side, &side), Vec::<String>::new());
        let by_mac = || merger(latest().with_identity(Identity::Mac), &side);
        prop_assert_eq!(differences(by_mac(), by_mac()).unwrap().count(), 0);
    }

    #[test]
    fn events_are_the_rows_that_both_sides_looked_for(old in any_side(), new in any_side()) {
        let found = found(&old, &new);
        let scans = found.scans();
        let (mut lines, mut expected) = (Vec::new(), Vec::new());
        for host in found {
            let host = host.unwrap();
            events(&Ecs::default(), &host, &scans, &mut lines);
            for change in host.changes.iter().filter(|change| change.kind != ChangeKind::NotScanned) {
                let port = change.port.map(i64::from);
                expected.push((change.host_key.clone(), port, change.column.clone(), change.new.clone()));
            }
        }
        let events: Vec<Value> = String::from_utf8(lines).unwrap().lines()
            .map(|line| serde_json::from_str(line).unwrap()).collect();
        let ids: BTreeSet<&str> = events.iter().map(|event| event["event"]["id"].as_str().unwrap()).collect();
        prop_assert_eq!(ids.len(), events.len());
        let told: Vec<_> = events.iter().map(|event| {
            let change = &event["nmap"]["change"];
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let is_first = change["kind"] == "first_seen";
            assert_eq!(change["first_look"] == true, is_first);
            assert!(!is_first || event["event"]["action"] == "port-opened");
            (text(&event["host"]["id"]).unwrap(), event["destination"]["port"].as_i64(),
                text(&change["column"]).unwrap(), text(&change["new"]))
        }).collect();
        prop_assert_eq!(told, expected);
    }

    #[test]
    fn rows_explain_every_difference_between_merged_states(old in any_side(), new in any_side()) {
        let (before, after) = (merged(latest(), &old), merged(latest(), &new));
        let key = |line: &Value| line["host_key"].as_str().unwrap().to_owned();
        let hosts: Vec<HostChanges> = found(&old, &new).map(Result::unwrap).collect();
        // Hosts with neither address nor name never match, whatever their keys.
        for then in before.iter().filter(|then| !key(then).starts_with("idx:")) {
            let told: BTreeSet<String> = hosts.iter().flat_map(|host| &host.changes)
                .filter(|change| change.host_key == key(then)).map(|change| {
                    let place = change.protocol.as_ref().zip(change.port);
                    let place = place.map(|(protocol, port)| format!("{protocol}/{port} "));
                    format!("{}{}", place.unwrap_or_default(), change.column)
                }).collect();
            let Some(now) = after.iter().find(|now| key(now) == key(then)) else {
                let is_moved = hosts.iter().any(|host| host.changes[0].kind == ChangeKind::Moved);
                prop_assert!(told.contains("host") || is_moved, "{} is gone", key(then));
                continue;
            };
            let (then, now) = (values(then), values(now));
            let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
            for name in names {
                let place = name.rsplit_once(' ').map(|(place, _)| format!("{place} state"));
                let state = |of: &std::collections::BTreeMap<String, String>| {
                    place.as_ref().map(|place| of.get(place).cloned())
                };
                // A port that only one side lists is still in that state, or a row reports the change.
                let one_sided = place.is_some() && state(&then).flatten().is_none() != state(&now).flatten().is_none();
                let may_be_same = one_sided && [state(&then), state(&now)].into_iter().flatten().flatten().all(|s| s != "open");
                prop_assert!(
                    then.get(name) == now.get(name) || is_told(&told, name) || may_be_same,
                    "{} from {:?} to {:?} is not in {:?}", name, then.get(name), now.get(name), told
                );
            }
        }
        for host in &hosts {
            for change in &host.changes {
                prop_assert!(change.kind == ChangeKind::NotScanned || change.old != change.new, "{:?}", change);
                prop_assert!(change.old.is_some() || change.new.is_some());
                let is_one_sided = change.old.is_none() || change.new.is_none();
                prop_assert!(change.kind != ChangeKind::Changed || !is_one_sided, "{:?}", change);
            }
        }
    }

    #[test]
    fn swapping_the_sides_swaps_the_rows(old in any_side(), new in any_side()) {
        let changed = |old: &[String], new: &[String], forth: bool| -> BTreeSet<String> {
            found(old, new).map(Result::unwrap).flat_map(|host| host.changes)
                .filter(|change| change.kind == ChangeKind::Changed)
                .map(|change| {
                    let Change { host_key, protocol, port, ports, column, old, new, .. } = change;
                    let (old, new) = if forth { (old, new) } else { (new, old) };
                    // A moved host has the key of the newer side.
                    let _ = host_key;
                    format!("{protocol:?} {port:?} {ports:?} {column} {old:?} {new:?}")
                }).collect()
        };
        prop_assert_eq!(changed(&old, &new, true), changed(&new, &old, false));
    }

    #[test]
    fn memory_and_grouping_do_not_change_the_rows(old in any_side(), new in any_side()) {
        let whole: Vec<HostChanges> = found(&old, &new).map(Result::unwrap).collect();
        let joined = |docs: &[String]| {
            let mut all = Merger::with_memory(latest(), 256 << 10, None);
            for doc in docs {
                all.join(merger(latest(), from_ref(doc))).unwrap();
            }
            all
        };
        let other: Vec<HostChanges> =
            differences(joined(&old), joined(&new)).unwrap().map(Result::unwrap).collect();
        prop_assert!(whole == other);
    }
}
