//! The result of several looks at a host (docs/merge.md): small scans for each rule of `latest`, of copies,
//! of conflicts and of identity.

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use proptest::prelude::*;
use scanmill::{
    merge::{MergeFlags, MergePolicy, Merger, Precedence},
    model::Identity,
};
use serde_json::Value;

use crate::merge::{add, by, lines, merged, merger, names, ports};

/// A scan of one host. `begin` is its start in seconds; the host ends ten seconds later.
struct Scan<'s> {
    begin: i64,
    args: &'s str,
    tcp: &'s str,
    status: &'s str,
    host: &'s str,
}

const UP: &str = "state=\"up\" reason=\"echo-reply\"";

impl Scan<'_> {
    fn xml(&self) -> String {
        let Self { begin, args, tcp, status, host } = self;
        let (start, end) = (begin + 5, begin + 10);
        format!(
            "<nmaprun scanner=\"nmap\" args=\"nmap {args} {begin}\" start=\"{begin}\">\
             <scaninfo type=\"syn\" protocol=\"tcp\" services=\"{tcp}\"/>\
             <host starttime=\"{start}\" endtime=\"{end}\"><status {status}/>\
             <address addr=\"192.0.2.1\" addrtype=\"ipv4\"/>{host}</host>\
             <runstats><finished time=\"{}\" exit=\"success\"/></runstats></nmaprun>",
            begin + 20
        )
    }
}

/// Returns a complete scan of ports 1 to 100.
fn scan(begin: i64, args: &str, host: &str) -> String {
    Scan { begin, args, tcp: "1-100", status: UP, host }.xml()
}

fn port(number: u16, state: &str, inside: &str) -> String {
    format!("<port protocol=\"tcp\" portid=\"{number}\"><state state=\"{state}\"/>{inside}</port>")
}

fn listed(ports: &[String]) -> String {
    format!("<ports>{}</ports>", ports.concat())
}

fn probed(product: &str) -> String {
    format!("<service name=\"s\" product=\"{product}\" method=\"probed\" conf=\"10\"/>")
}

const TABLE: &str = "<service name=\"t\" method=\"table\" conf=\"3\"/>";

fn latest(docs: &[String]) -> Value {
    merged(by(Precedence::Latest), docs).remove(0)
}

fn mac(address: &str) -> String {
    format!("<address addr=\"{address}\" addrtype=\"mac\"/>")
}

const MAC_A: &str = "00:00:5E:00:53:0A";
const MAC_B: &str = "00:00:5E:00:53:0B";

/// Returns the minute and the second of each time in a row.
fn times(row: &Value) -> [String; 3] {
    ["first_seen", "last_seen", "last_looked"].map(|name| {
        row[name].as_str().map_or_else(|| "-".to_owned(), |time| time[14..19].to_owned())
    })
}

#[test]
fn a_quick_look_hides_no_versions_and_rows_name_their_scan() {
    let script = "<script id=\"x\" output=\"key\"/>";
    let docs = [
        scan(0, "-sV", &listed(&[port(22, "open", &(probed("OpenSSH") + script))])),
        scan(60, "", &listed(&[port(22, "open", TABLE)])),
    ];
    let host = latest(&docs);
    let found = &host["ports"][0];
    assert_eq!(ports(&host), ["tcp/22 open OpenSSH"]);
    let ids = [0, 1].map(|n| host["scan_ids"][n].clone());
    assert_eq!(found["scan_id"], ids[1]);
    assert_eq!(found["services"][0]["scan_id"], ids[0]);
    assert_eq!(
        (&found["scripts"][0]["output"], &found["scripts"][0]["scan_id"]),
        (&"key".into(), &ids[0])
    );
    assert_eq!(times(found), ["00:05", "01:10", "01:10"]);
}

#[test]
fn a_deep_look_that_finds_nothing_erases_earlier_details() {
    let deep = scan(0, "-sV", &listed(&[port(22, "open", &probed("OpenSSH"))]));
    let script = scan(30, "-sC", &listed(&[port(22, "open", "<script id=\"x\" output=\"key\"/>")]));
    for (args, versions, scripts) in
        [("", true, true), ("-sV", false, true), ("-sC", true, false), ("-A", false, false)]
    {
        let last = scan(60, args, &listed(&[port(22, "open", TABLE)]));
        let host = latest(&[deep.clone(), script.clone(), last]);
        let found = &host["ports"][0];
        assert_eq!(found["services"][0]["product"] == "OpenSSH", versions, "{args}");
        assert_eq!(found["services"][0]["name"] == "t", !versions, "{args}");
        assert_eq!(found["scripts"].is_array(), scripts, "{args}");
    }
    // Arguments say nothing about a truncated host.
    let cut = scan(60, "-sV", &listed(&[port(22, "open", TABLE)])).replace("</host>", "");
    assert_eq!(ports(&latest(&[deep, cut])), ["tcp/22 open OpenSSH"]);
}

#[test]
fn another_state_in_between_erases_the_service() {
    let open = |begin: i64, inside: &str| scan(begin, "", &listed(&[port(22, "open", inside)]));
    let deep = open(0, &probed("OpenSSH"));
    let closed = scan(30, "", &listed(&[port(22, "closed", "")]));
    let gone = scan(30, "", "");
    for between in [closed, gone] {
        let host = latest(&[deep.clone(), between, open(60, TABLE)]);
        assert_eq!(host["ports"][0]["services"][0]["name"], "t");
    }
    let elsewhere = Scan { begin: 30, args: "", tcp: "80", status: UP, host: "" }.xml();
    assert_eq!(ports(&latest(&[deep, elsewhere, open(60, "")])), ["tcp/22 open OpenSSH"]);
}

#[test]
fn a_look_covers_what_one_of_its_entries_covers() {
    let old = scan(0, "", &listed(&[port(22, "open", ""), port(90, "open", "")]));
    let list = "<extraports state=\"closed\" count=\"2\"><extrareasons reason=\"reset\" count=\"2\" \
                proto=\"tcp\" ports=\"1-2\"/></extraports>";
    // The second entry of the host has no list, so the scan determines what it covers.
    let entries = scan(60, "", &format!("<ports>{list}</ports>"));
    let entry = entries.split("<host ").nth(1).unwrap().split("</host>").next().unwrap();
    let second = format!("<host {}</host>", entry.replace(list, ""));
    let both = entries.replace("<runstats>", &format!("{second}<runstats>"));
    assert_eq!(ports(&latest(&[old.clone(), entries])).len(), 2, "only ports 1 and 2 were covered");
    assert!(ports(&latest(&[old.clone(), both.clone()])).is_empty());
    // This does not hold if that entry timed out: it covers nothing, although the host was read completely.
    let late = both.replace(&second, &second.replace("<host ", "<host timedout=\"true\" "));
    assert_eq!(ports(&latest(&[old, late])).len(), 2);
}

#[test]
fn a_flag_neither_adds_nor_removes() {
    let udp = |state: &str| {
        format!(
            "<ports><port protocol=\"udp\" portid=\"53\"><state state=\"{state}\"/></port></ports>"
        )
    };
    let with_udp = |text: String| {
        text.replace("<host ", "<scaninfo type=\"udp\" protocol=\"udp\" services=\"53\"/><host ")
    };
    let caller =
        with_udp(scan(0, "-A", &(udp("open") + "<os><osmatch name=\"L\" accuracy=\"90\"/></os>")));
    let flags = MergeFlags { udp: false, os: false, scripts: false, ..MergeFlags::default() };
    let policy = by(Precedence::Latest).with_flags(flags);
    for other in [udp("closed"), String::new()] {
        let other = with_udp(scan(60, "-A", &other));
        let host = merged(policy, &[caller.clone(), other]).remove(0);
        assert_eq!(ports(&host), ["udp/53 open"]);
        assert_eq!(
            (&host["ports"][0]["seen"], &times(&host["ports"][0])[2]),
            (&1.into(), &"00:10".into())
        );
        assert_eq!(names(&host["os"]["matches"], "name"), ["L"]);
    }
}

#[test]
fn another_mac_address_starts_the_host_anew() {
    let old = scan(
        0,
        "-sV",
        &(mac(MAC_A) + &listed(&[port(22, "open", &probed("x")), port(90, "open", "")])),
    );
    let quick = Scan { begin: 30, args: "", tcp: "22", status: UP, host: "" }.xml();
    let new = Scan {
        begin: 60,
        args: "",
        tcp: "22",
        status: UP,
        host: &(mac(MAC_B) + &listed(&[port(22, "open", "")])),
    }
    .xml();
    let docs = [old, quick, new];
    let host = latest(&docs);
    assert_eq!(ports(&host), ["tcp/22 open"], "neither versions nor ports of the other device");
    assert_eq!(names(&host["addresses"], "addr"), ["192.0.2.1", MAC_B]);
    assert_eq!((&host["seen"], host["scan_ids"].as_array().unwrap().len()), (&1.into(), 1));
    assert_eq!(times(&host), ["00:05", "01:10", "01:10"], "first_seen stays");
    let policy = by(Precedence::Latest).with_keep_identity(true);
    let kept = merged(policy, &docs).remove(0);
    assert_eq!(names(&kept["addresses"], "addr"), ["192.0.2.1", MAC_B, MAC_A]);
    assert_eq!((ports(&kept).len(), &kept["seen"]), (2, &3.into()));
    // The order of the arguments does not matter.
    let [old, quick, new] = docs;
    assert_eq!(ports(&latest(&[new, quick, old])), ["tcp/22 open"]);
}

#[test]
fn os_and_host_scripts_come_whole_from_one_look() {
    let os = |name: &str| {
        format!(
            "<os><osmatch name=\"{name}\" accuracy=\"90\"/><osfingerprint fingerprint=\"{name}\"/></os>\
             <hostscript><script id=\"{name}\" output=\"x\"/></hostscript>"
        )
    };
    let docs = [scan(0, "", &os("A")), scan(30, "", &os("B")), scan(60, "", "")];
    let host = latest(&docs);
    assert_eq!(names(&host["os"]["matches"], "name"), ["B"]);
    assert_eq!(host["os"]["fingerprints"], serde_json::json!(["B"]));
    assert_eq!(names(&host["scripts"], "name"), ["B"]);
    let [a, b, _] = docs;
    let host = latest(&[a, b, scan(60, "-O -sC", "")]);
    assert!(host["os"].is_null() && host["scripts"].is_null(), "looked for, and not found");
}

#[test]
fn names_of_a_type_come_from_the_best_look_that_has_some() {
    let name = |name: &str, kind: &str| {
        format!("<hostnames><hostname name=\"{name}\" type=\"{kind}\"/></hostnames>")
    };
    let docs = [
        scan(0, "", &(name("typed", "user") + &name("old", "PTR"))),
        scan(30, "", &(name("new", "PTR") + &name("second", "PTR"))),
        scan(60, "-n", ""),
    ];
    assert_eq!(names(&latest(&docs)["hostnames"], "name"), ["new", "second", "typed"]);
    // Two types of one name are two names, and merging a scan without names leaves the list alone.
    let both = scan(0, "", &(name("h", "user") + &name("h", "PTR") + &name("H.", "PTR")));
    for policy in [Precedence::Caller, Precedence::First, Precedence::Latest, Precedence::Best] {
        let host = merged(by(policy), std::slice::from_ref(&both)).remove(0);
        assert_eq!(names(&host["hostnames"], "name"), ["h", "h", "H."], "{policy}");
    }
    let united = merged(by(Precedence::Best), &[both, scan(30, "", &name("H", "PTR"))]).remove(0);
    assert_eq!(names(&united["hostnames"], "name"), ["h", "h", "H."]);
}

#[test]
fn extra_ports_come_from_the_look_that_gave_the_state_without_listed_ports() {
    let extra = |state: &str, list: &str, count: u32| {
        format!(
            "<extraports state=\"{state}\" count=\"{count}\"><extrareasons reason=\"r\" count=\"{count}\" \
             proto=\"tcp\" ports=\"{list}\"/></extraports>"
        )
    };
    let hosts = |policy: Precedence| {
        let closed =
            format!("<ports>{}{}</ports>", extra("closed", "1-21,23-79", 78), port(22, "open", ""));
        let filtered =
            format!("<ports>{}{}</ports>", extra("filtered", "1-79", 79), port(80, "open", ""));
        let docs = [
            Scan { begin: 0, args: "", tcp: "1-79", status: UP, host: &closed }.xml(),
            Scan { begin: 30, args: "", tcp: "1-80", status: UP, host: &filtered }.xml(),
        ];
        let policy = by(policy).with_keep_covered(true);
        let host = merged(policy, &docs).remove(0);
        let extra = &host["extra_ports"][0];
        let reason = &extra["reasons"][0];
        format!("{} {} {} {}", extra["state"], extra["count"], reason["count"], reason["ports"])
            .replace('"', "")
    };
    assert_eq!(hosts(Precedence::Latest), "filtered 78 78 1-21,23-79");
    assert_eq!(hosts(Precedence::Caller), "closed 78 78 1-21,23-79");
    assert_eq!(hosts(Precedence::First), "closed 78 78 1-21,23-79");
}

#[test]
fn a_look_without_evidence_ranks_below_others() {
    let good = scan(0, "", &listed(&[port(22, "open", "")]));
    let assumed = "state=\"up\" reason=\"user-set\"";
    let pn =
        |host: &str| Scan { begin: 60, args: "-Pn", tcp: "1-100", status: assumed, host }.xml();
    let host = latest(&[good.clone(), pn(&listed(&[port(22, "filtered", "")]))]);
    assert_eq!(
        (ports(&host), &host["reason"]),
        (vec!["tcp/22 open".to_owned()], &"echo-reply".into())
    );
    // The look still counts as having looked for the port.
    assert_eq!(times(&host), ["00:05", "01:10", "01:10"]);
    let closed = "<ports><extraports state=\"closed\" count=\"99\"/></ports>";
    let filtered = "<ports><extraports state=\"filtered\" count=\"99\"/></ports>";
    assert_eq!(latest(&[good.clone(), pn(closed)])["reason"], "user-set", "closed ports answered");
    let host = latest(&[good, pn(filtered)]);
    assert_eq!((ports(&host).len(), &host["reason"]), (1, &"echo-reply".into()));
}

#[test]
fn a_host_that_is_down_was_looked_for_and_not_seen() {
    let down =
        |begin| Scan { begin, args: "", tcp: "1-100", status: "state=\"down\"", host: "" }.xml();
    let docs = [scan(0, "", &listed(&[port(22, "open", "")])), down(60)];
    let host = latest(&docs);
    assert_eq!(
        (&host["state"], times(&host)),
        (&"down".into(), ["00:05", "00:10", "01:10"].map(String::from))
    );
    assert_eq!(times(&host["ports"][0]), ["00:05", "00:10", "00:10"], "it covers nothing");
    let never = latest(&[down(0), down(60)]);
    assert_eq!(times(&never), ["00:05", "-", "01:10"]);
    // A port that a later look covers was looked for then, whatever the policy.
    let docs = [scan(0, "", &listed(&[port(22, "open", "")])), scan(60, "", "")];
    let host = merged(by(Precedence::Caller), &docs).remove(0);
    assert_eq!(times(&host["ports"][0]), ["00:05", "00:10", "01:10"]);
}

#[test]
fn hosts_and_ports_not_seen_for_long_are_omitted() {
    let at = |begin, ip: &str, tcp, host: &str| {
        Scan { begin, args: ip, tcp, status: UP, host }
            .xml()
            .replace("192.0.2.1\"", &format!("{ip}\""))
    };
    let docs = [
        at(0, "192.0.2.1", "80", &listed(&[port(80, "open", "")])),
        at(0, "192.0.2.2", "80", &listed(&[port(80, "open", "")])),
        at(100, "192.0.2.1", "22", &listed(&[port(22, "open", "")])),
    ];
    // The newest look is at 110, the old ones at 10.
    for (age, left) in [(99, vec!["tcp/22 open"]), (100, vec!["tcp/22 open", "tcp/80 open"])] {
        let policy = by(Precedence::Latest).with_explain(true);
        let policy = policy.with_max_age(Some(Duration::from_secs(age)));
        let hosts = merged(policy, &docs);
        assert_eq!(ports(&hosts[0]), left);
        assert_eq!(hosts.len(), left.len(), "the other host goes with its port");
        assert_eq!(hosts[0]["ports_open"], left.len());
    }
}

#[test]
fn a_banner_ranks_between_the_port_table_and_a_probe() {
    let with = |begin, service: &str| scan(begin, "", &listed(&[port(80, "open", service)]));
    let banner = "<service name=\"http\" banner=\"nginx\"/>";
    let best = |services: &[&str]| {
        let docs: Vec<_> = (0..).zip(services).map(|(n, service)| with(n * 30, service)).collect();
        let host = merged(by(Precedence::Best), &docs).remove(0);
        host["ports"][0]["services"][0].clone()
    };
    assert_eq!(best(&[TABLE, banner])["banner"], "nginx");
    assert_eq!(best(&[banner, &probed("x"), TABLE])["product"], "x");
}

#[test]
fn equal_bytes_are_one_document_whatever_its_id() {
    let one = scan(0, "", &listed(&[port(22, "open", "")]));
    let other = scan(0, "", &listed(&[port(23, "open", "")]));
    let expected = merged(by(Precedence::Caller), &[one.clone(), other.clone()]);
    assert_eq!((ports(&expected[0]).len(), &expected[0]["seen"]), (2, &2.into()));
    // A dataset gives the second one another ID.
    let renamed = |merger: &mut Merger, doc: &str, id: &str| {
        let mut reader = scanmill::xml::Reader::new(
            doc.as_bytes(),
            scanmill::xml::Options::default().with_hash(true),
        );
        while let Some(event) = reader.next_event().unwrap() {
            match event {
                scanmill::model::ScanEvent::Host(host) => merger.host(&host).unwrap(),
                scanmill::model::ScanEvent::ScanEnd(mut record) => {
                    record.header.scan_id.push_str(id);
                    merger.end_scan("dataset", *record);
                }
                _ => {}
            }
        }
    };
    let sha = |doc: &str| {
        let mut merger = Merger::new(by(Precedence::Caller));
        add(&mut merger, "x", doc.as_bytes());
        let scans = merger.finish().unwrap();
        scans.scans()[0].record.content_sha256.clone().unwrap()
    };
    let id = format!("-x{}", &sha(&other)[..8]);
    for more in [vec![&other], vec![&one], vec![&one, &other, &one]] {
        let mut dataset = Merger::new(by(Precedence::Caller));
        renamed(&mut dataset, &one, "");
        renamed(&mut dataset, &other, &id);
        for doc in more {
            add(&mut dataset, "file", doc.as_bytes());
        }
        let all = dataset.finish().unwrap();
        let used = all.scans().iter().filter(|scan| scan.used);
        let ids: BTreeSet<_> = used.map(|scan| scan.record.header.scan_id.clone()).collect();
        assert_eq!(ids.len(), 2);
        let codes = all.scans().iter().flat_map(|scan| &scan.record.diagnostics);
        let count = |code: &str| codes.clone().filter(|found| found.code.as_str() == code).count();
        assert_eq!(count("W_ID_COLLISION"), 1);
        assert!(count("W_DUP_SCAN") >= 1);
        let said = codes.clone().find(|found| found.code.as_str() == "W_DUP_SCAN").unwrap();
        assert!(said.detail.contains("the one in dataset is used"), "{}", said.detail);
        let mut hosts = all.hosts().unwrap();
        let host = hosts.next().unwrap().unwrap();
        assert_eq!((host.host().host.ports.len(), host.host().provenance.seen.count), (2, 2));
    }
    // If the file comes first, it keeps the ID of the scan, as among files.
    let mut dataset = Merger::new(by(Precedence::Caller));
    add(&mut dataset, "file", other.as_bytes());
    renamed(&mut dataset, &one, "");
    renamed(&mut dataset, &other, &id);
    assert_eq!(lines(dataset), merged(by(Precedence::Caller), &[other, one]));
}

#[test]
fn a_better_copy_takes_the_position_of_the_first() {
    let whole = scan(0, "", &listed(&[port(22, "open", "")]));
    let cut = whole[..whole.find("<runstats>").unwrap()].to_owned();
    let other = scan(30, "", &listed(&[port(22, "closed", "")]));
    let docs = [cut, other.clone(), whole.clone()];
    assert_eq!(
        merged(by(Precedence::Caller), &docs),
        merged(by(Precedence::Caller), &[whole, other])
    );
    let all = merger(by(Precedence::Caller), &docs).finish().unwrap();
    let told: Vec<_> =
        all.scans().iter().map(|scan| (scan.used, scan.record.diagnostics.len())).collect();
    assert_eq!(told, [(true, 0), (false, 2), (true, 0)], "only the dropped copy is reported");
}

/// Returns a scan of hosts with one MAC address each.
fn with_macs(begin: i64, hosts: &[(&str, &str)]) -> String {
    let mut xml = format!("<nmaprun args=\"nmap {begin}\" start=\"{begin}\">");
    for (ip, address) in hosts {
        let _ = write!(xml, "<host><status {UP}/><address addr=\"{ip}\"/>{}</host>", mac(address));
    }
    xml + "<runstats><finished time=\"99\"/></runstats></nmaprun>"
}

#[test]
fn identity_by_mac_never_folds_two_addresses_of_one_scan() {
    let policy = by(Precedence::Caller).with_identity(Identity::Mac);
    let keys = |docs: &[String]| names(&Value::Array(merged(policy, docs)), "host_key");
    let moved = [with_macs(1, &[("192.0.2.1", MAC_A)]), with_macs(2, &[("192.0.2.2", MAC_A)])];
    assert_eq!(keys(&moved), [format!("mac:{MAC_A}")], "a host that moved");
    let router = with_macs(3, &[("192.0.2.2", MAC_A), ("192.0.2.3", MAC_A), ("192.0.2.4", MAC_B)]);
    let [first, second] = moved;
    let docs = [first, second, router];
    let at = |ip: &str| format!("mac:{MAC_A}@{ip}");
    let expected = [at("192.0.2.1"), at("192.0.2.2"), at("192.0.2.3"), format!("mac:{MAC_B}")];
    assert_eq!(keys(&docs), expected, "kept apart in all scans");
    let mut all = merger(policy, &docs).finish().unwrap();
    let parts: Vec<_> =
        all.take_partitions().into_iter().map(|part| part.merge().unwrap()).collect();
    let hosts = scanmill::merge::Hosts::of(parts).unwrap();
    let told: Vec<_> = hosts.summary().shared_macs.iter().collect();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].0, &*told[0].1.mac, told[0].1.count), (&2, MAC_A, 1));
}

#[test]
fn newer_records_that_lose_by_default_are_counted() {
    let docs = [
        scan(30, "", &listed(&[port(22, "open", ""), port(23, "open", ""), port(24, "open", "")])),
        scan(
            60,
            "",
            &listed(&[
                port(22, "closed", ""),
                port(23, "open", &probed("x")),
                port(24, "open", ""),
            ]),
        ),
        scan(0, "", &listed(&[port(24, "closed", "")])),
    ];
    for (policy, outdated) in [(Precedence::Caller, 2), (Precedence::Latest, 0)] {
        let mut all = merger(by(policy), &docs).finish().unwrap();
        let parts: Vec<_> =
            all.take_partitions().into_iter().map(|part| part.merge().unwrap()).collect();
        assert_eq!(scanmill::merge::Hosts::of(parts).unwrap().summary().outdated, outdated);
    }
}

/// Returns the conflicts of a host, each as `place column[item] winner<loser rule`.
fn conflicts(policy: MergePolicy, docs: &[String]) -> Vec<String> {
    let host = merged(policy.with_explain(true), docs).remove(0);
    let order = host["scan_ids"].as_array().unwrap().clone();
    let scan = |id: &Value| order.iter().position(|known| known == id).unwrap();
    let text = |lost: &Value| {
        let value = |name: &str| lost[name].as_str().unwrap_or("-").to_owned();
        let port = lost["port"].as_i64().map(|port| format!("{port} ")).unwrap_or_default();
        let item = lost["item"].as_str().map(|item| format!("[{item}]")).unwrap_or_default();
        let (winner, loser) = (scan(&lost["winner_scan_id"]), scan(&lost["loser_scan_id"]));
        let (mine, theirs) = (value("winner_value"), value("loser_value"));
        format!(
            "{port}{}{item} {winner}:{mine} < {loser}:{theirs} {}",
            value("column"),
            value("rule")
        )
    };
    host["conflicts"].as_array().cloned().unwrap_or_default().iter().map(text).collect()
}

#[test]
fn services_and_scripts_lose_as_sets() {
    let services = |names: &[(&str, &str)]| {
        let service = |(name, product): &(&str, &str)| {
            format!("<service name=\"{name}\" product=\"{product}\" method=\"probed\"/>")
        };
        names.iter().map(service).collect::<Vec<_>>().concat()
    };
    let with = |begin, names: &[(&str, &str)]| {
        let inside =
            services(names) + "<script id=\"z\" output=\"1\"/><script id=\"y\" output=\"2\"/>";
        scan(begin, "", &listed(&[port(80, "open", &inside)]))
    };
    let docs = [with(0, &[("a", "1"), ("b", "2")]), with(30, &[("b", "2"), ("a", "1")])];
    assert!(conflicts(by(Precedence::Caller), &docs).is_empty(), "their order says nothing");
    let docs = [with(0, &[("a", "1"), ("b", "2")]), with(30, &[("c", "3"), ("b", "4")])];
    assert_eq!(
        conflicts(by(Precedence::Caller), &docs),
        [
            "80 service.product[b] 0:2 < 1:4 caller",
            "80 service.name[c] 0:- < 1:c caller",
            "80 service.product[c] 0:- < 1:3 caller",
            "80 service.method[c] 0:- < 1:probed caller",
        ]
    );
}

#[test]
fn a_covered_port_reports_the_whole_chain_of_states() {
    let list = "<ports><extraports state=\"filtered\" count=\"100\"><extrareasons reason=\"r\" count=\"100\" \
                proto=\"tcp\" ports=\"1-100\"/></extraports></ports>";
    let docs = [
        scan(0, "", &listed(&[port(80, "closed", "")])),
        scan(30, "", &listed(&[port(80, "open", "")])),
        scan(60, "", list),
    ];
    assert_eq!(
        conflicts(by(Precedence::Latest), &docs),
        ["80 state 2:filtered < 1:open covered", "80 state 2:filtered < 0:closed covered"]
    );
    let [a, b, _] = docs;
    let silent = conflicts(by(Precedence::Latest), &[a, b, scan(60, "", "")]);
    assert_eq!(silent, ["80 state 2:- < 1:open covered", "80 state 2:- < 0:closed covered"]);
}

#[test]
fn conflicts_of_a_port_name_the_scan_that_each_part_comes_from() {
    let docs = [
        scan(0, "", &listed(&[port(80, "open", &probed("x"))])),
        scan(30, "", &listed(&[port(80, "open", TABLE)])),
    ];
    assert_eq!(
        conflicts(by(Precedence::Latest), &docs),
        [
            "80 service.name[t] 0:- < 1:t latest",
            "80 service.method[t] 0:- < 1:table latest",
            "80 service.confidence[t] 0:- < 1:3 latest",
        ]
    );
}

#[test]
fn the_first_record_of_a_port_in_a_look_counts() {
    let twice = ["open", "closed", "closed", "closed"].map(|state| port(80, state, ""));
    let docs = [scan(0, "", &listed(&[port(80, "filtered", "")])), scan(30, "", &listed(&twice))];
    for policy in [Precedence::Latest, Precedence::Best] {
        let rows = merged(by(policy), &docs).remove(0);
        assert_eq!(rows["ports"][0]["state"], "open", "{policy}");
        let expected = format!("80 state 1:open < 0:filtered {policy}");
        let found = conflicts(by(policy), &docs);
        assert!(found.contains(&expected), "{found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_key_of_conflicts_is_unique(
        looks in prop::collection::vec((0..4_u8, prop::collection::vec((0..3_u16, 0..3_usize, 0..4_usize), 0..5)), 2..5),
        policy in 0..4_usize,
    ) {
        let mut begin = 0;
        let docs: Vec<String> = looks.iter().map(|(kind, found)| {
            begin += 30;
            let ports: Vec<String> = found.iter().map(|(number, state, services)| {
                let all = ["<service name=\"a\" banner=\"1\"/>", "<service name=\"a\" banner=\"2\"/>",
                    "<service banner=\"3\"/>", "<script id=\"s\" output=\"1\"/><script id=\"s\" output=\"2\"/>"];
                port(*number + 1, ["open", "closed", "filtered"][*state], &all[*services..].concat())
            }).collect();
            let more = ["", "<os><osmatch name=\"L\" accuracy=\"9\"/><osmatch name=\"L\" accuracy=\"8\"/></os>",
                "<hostnames><hostname name=\"a\" type=\"PTR\"/><hostname name=\"b\" type=\"PTR\"/></hostnames>",
                "<hostscript><script id=\"h\" output=\"1\"/><script id=\"h\" output=\"2\"/></hostscript>"];
            let text = scan(begin, "", &(listed(&ports) + more[usize::from(*kind)]));
            text.replace("osmatch name=\"L\" accuracy=\"9\"", &format!("osmatch name=\"L\" accuracy=\"{begin}\""))
        }).collect();
        let policy = [Precedence::Caller, Precedence::First, Precedence::Latest, Precedence::Best][policy];
        for host in merged(by(policy).with_explain(true), &docs) {
            let mut keys = BTreeSet::new();
            for lost in host["conflicts"].as_array().into_iter().flatten() {
                let key = ["protocol", "port", "column", "item", "loser_scan_id"].map(|name| lost[name].to_string());
                prop_assert!(keys.insert(key.clone()), "{key:?}");
                prop_assert!(lost["loser_scan_id"] != lost["winner_scan_id"]);
            }
        }
    }
}
