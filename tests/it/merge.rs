//! Merging and comparing scans (docs/merge.md): each rule by its name, the documented example, the series of
//! fixtures, and properties of generated scans.

use std::{collections::BTreeMap, fmt::Write as _, slice::from_ref};

use proptest::prelude::*;
use scanmill::{
    diff::differences,
    feed::nested::{host_line, merged_line},
    merge::{MergeFlags, MergePolicy, Merger, Precedence},
    model::{ChangeKind, Identity, ScanEvent},
    xml::{Options, Reader},
};
use serde_json::Value;

/// A port of a generated scan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct P(&'static str, u16, &'static str, Option<&'static str>);

/// A host of a generated scan.
#[derive(Debug, Clone, Default)]
struct H {
    ip: &'static str,
    mac: Option<&'static str>,
    names: Vec<&'static str>,
    end: i64,
    timed_out: bool,
    down: bool,
    ports: Vec<P>,
    os: Vec<(&'static str, i32)>,
    scripts: Vec<(&'static str, &'static str)>,
    hops: Vec<&'static str>,
    /// The list of ports that are not listed individually.
    closed: Option<&'static str>,
    more: &'static str,
}

/// Returns a scan as XML. Scans of different `start` are different scans.
fn scan(start: i64, tcp: &str, hosts: &[H]) -> String {
    let mut xml = format!(
        "<nmaprun scanner=\"nmap\" args=\"nmap {start}\" start=\"{start}\">\
         <scaninfo type=\"syn\" protocol=\"tcp\" services=\"{tcp}\"/>"
    );
    for host in hosts {
        let state = if host.down { "down" } else { "up" };
        let _ = write!(
            xml,
            "<host starttime=\"{}\" endtime=\"{}\"{}><status state=\"{state}\" reason=\"r{start}\"/>\
             <address addr=\"{}\" addrtype=\"ipv4\"/>",
            host.end - 1,
            host.end,
            if host.timed_out { " timedout=\"true\"" } else { "" },
            host.ip
        );
        if let Some(mac) = host.mac {
            let _ = write!(xml, "<address addr=\"{mac}\" addrtype=\"mac\"/>");
        }
        for name in &host.names {
            let _ = write!(xml, "<hostnames><hostname name=\"{name}\" type=\"PTR\"/></hostnames>");
        }
        xml.push_str("<ports>");
        if let Some(list) = host.closed {
            let _ = write!(
                xml,
                "<extraports state=\"closed\" count=\"9\"><extrareasons reason=\"reset\" count=\"9\" \
                 proto=\"tcp\" ports=\"{list}\"/></extraports>"
            );
        }
        for P(protocol, number, state, product) in &host.ports {
            let _ = write!(
                xml,
                "<port protocol=\"{protocol}\" portid=\"{number}\"><state state=\"{state}\"/>"
            );
            if let Some(product) = product {
                let _ = write!(
                    xml,
                    "<service name=\"s\" product=\"{product}\" method=\"probed\" conf=\"10\"/>"
                );
            }
            xml.push_str("</port>");
        }
        knowledge(host, &mut xml);
        let _ = write!(xml, "{}</host>", host.more);
    }
    let end = start + 100;
    let _ =
        write!(xml, "<runstats><finished time=\"{end}\" exit=\"success\"/></runstats></nmaprun>");
    xml
}

/// Writes everything a scan knows of a host except its ports.
fn knowledge(host: &H, xml: &mut String) {
    xml.push_str("</ports><os>");
    for (name, accuracy) in &host.os {
        let _ = write!(
            xml,
            "<osmatch name=\"{name}\" accuracy=\"{accuracy}\"><osclass osfamily=\"{name}\"/></osmatch>"
        );
    }
    xml.push_str("</os><hostscript>");
    for (name, output) in &host.scripts {
        let _ = write!(xml, "<script id=\"{name}\" output=\"{output}\"/>");
    }
    xml.push_str("</hostscript>");
    if !host.hops.is_empty() {
        xml.push_str("<trace>");
        for (ttl, hop) in host.hops.iter().enumerate() {
            let _ = write!(xml, "<hop ttl=\"{}\" ipaddr=\"{hop}\"/>", ttl + 1);
        }
        xml.push_str("</trace>");
    }
}

pub(crate) fn add(merger: &mut Merger, name: &str, xml: &[u8]) {
    let mut reader = Reader::new(xml, Options::default().with_hash(true));
    let mut events = 0;
    while let Some(event) = reader.next_event().unwrap() {
        match event {
            ScanEvent::Host(host) => merger.host(&host).unwrap(),
            ScanEvent::Activity(event) => {
                merger.event(events, &event).unwrap();
                events += 1;
            }
            ScanEvent::ScanEnd(record) => merger.end_scan(name, *record),
            _ => {}
        }
    }
}

pub(crate) fn merger(policy: MergePolicy, docs: &[String]) -> Merger {
    let mut merger = Merger::new(policy);
    for doc in docs {
        add(&mut merger, "x.xml", doc.as_bytes());
    }
    merger
}

/// Returns the lines of the merged hosts.
pub(crate) fn lines(merger: Merger) -> Vec<Value> {
    let result = merger.finish().unwrap();
    let scans: Vec<_> = result.scans().iter().map(|scan| scan.record.header.clone()).collect();
    let scans: Vec<_> = scans.iter().collect();
    let mut hosts = result.hosts().unwrap();
    let mut lines = Vec::new();
    while let Some(record) = hosts.next().unwrap() {
        let mut line = Vec::new();
        merged_line(&record.host(), &scans, &mut line);
        lines.push(serde_json::from_slice(&line).unwrap());
    }
    lines
}

pub(crate) fn merged(policy: MergePolicy, docs: &[String]) -> Vec<Value> {
    lines(merger(policy, docs))
}

pub(crate) fn by(precedence: Precedence) -> MergePolicy {
    MergePolicy::new(precedence)
}

/// Returns `protocol/port state product` of each port in a line.
pub(crate) fn ports(line: &Value) -> Vec<String> {
    let ports = line["ports"].as_array().cloned().unwrap_or_default();
    let text = |port: &Value| {
        let product = port["services"][0]["product"].as_str().map(|p| format!(" {p}"));
        let (protocol, state) =
            (port["protocol"].as_str().unwrap(), port["state"].as_str().unwrap());
        format!("{protocol}/{} {state}{}", port["port"], product.unwrap_or_default())
    };
    ports.iter().map(text).collect()
}

pub(crate) fn names(list: &Value, key: &str) -> Vec<String> {
    let list = list.as_array().cloned().unwrap_or_default();
    list.iter().map(|item| item[key].as_str().unwrap_or_default().to_owned()).collect()
}

const A: &str = "192.0.2.1";

fn tcp(number: u16, state: &'static str) -> P {
    P("tcp", number, state, None)
}

fn host(end: i64, ports: &[P]) -> H {
    H { ip: A, end, ports: ports.to_vec(), ..H::default() }
}

fn example() -> [String; 2] {
    let caller = H {
        os: vec![("L5", 95)],
        scripts: vec![("nbstat", "mine")],
        hops: vec!["192.0.2.254"],
        ..host(110, &[tcp(22, "open"), tcp(80, "closed")])
    };
    let other = H {
        os: vec![("L5", 99), ("L6", 97)],
        scripts: vec![("nbstat", "theirs"), ("smb2-time", "now")],
        hops: vec!["192.0.2.253"],
        ..host(
            210,
            &[
                P("tcp", 22, "open", Some("OpenSSH")),
                tcp(80, "open"),
                tcp(443, "open"),
                P("udp", 53, "open", None),
            ],
        )
    };
    [scan(100, "1-1000", &[caller]), scan(200, "1-1000", &[other])]
}

#[test]
fn the_documented_example_comes_out_as_documented() {
    let all = &merged(by(Precedence::Caller), &example())[0];
    assert_eq!(ports(all), ["tcp/22 open", "tcp/80 closed", "tcp/443 open", "udp/53 open"]);
    assert_eq!(names(&all["os"]["matches"], "name"), ["L6", "L5"]);
    assert_eq!(all["os"]["matches"][1]["accuracy"], 95, "the caller's, not the more accurate one");
    assert_eq!(all["os"]["matches"][0]["classes"][0]["family"], "L6", "classes follow their match");
    assert_eq!(names(&all["scripts"], "output"), ["mine", "now"]);
    assert_eq!(names(&all["trace"][0]["hops"], "ip"), ["192.0.2.254"]);

    let with = |change: fn(&mut MergeFlags)| {
        let mut flags = MergeFlags::default();
        change(&mut flags);
        merged(by(Precedence::Caller).with_flags(flags), &example()).remove(0)
    };
    assert_eq!(ports(&with(|flags| flags.udp = false)).len(), 3);
    assert_eq!(names(&with(|flags| flags.os = false)["os"]["matches"], "name"), ["L5"]);
    let no_tcp = with(|flags| flags.tcp = false);
    assert_eq!(ports(&no_tcp), ["tcp/22 open", "tcp/80 closed", "udp/53 open"]);
    assert_eq!(names(&with(|flags| flags.scripts = false)["scripts"], "name"), ["nbstat"]);
}

#[test]
fn rule_1_an_unknown_host_is_copied_without_what_a_flag_turns_off() {
    let other = H {
        mac: Some("00:00:5E:00:53:01"),
        names: vec!["b.example"],
        os: vec![("L", 90)],
        hops: vec!["192.0.2.254"],
        more: "<uptime seconds=\"5\"/><distance value=\"1\"/>",
        ..host(210, &[tcp(22, "open"), P("sctp", 9, "open", None), P("ip", 1, "open", None)])
    };
    let docs = [
        scan(100, "1", &[H { ip: "192.0.2.9", end: 110, ..H::default() }]),
        scan(200, "1", &[other]),
    ];
    let whole = &merged(by(Precedence::Caller), &docs)[1];
    assert_eq!(ports(whole).len(), 3);
    assert_eq!((whole["distance"].as_i64(), whole["uptime_s"].as_i64()), (Some(1), Some(5)));
    let flags = MergeFlags {
        tcp: false,
        sctp: false,
        ip: false,
        os: false,
        trace: false,
        details: false,
        names: false,
        ..MergeFlags::default()
    };
    let less = &merged(by(Precedence::Caller).with_flags(flags), &docs)[1];
    assert!(less["ports"].is_null() && less["os"].is_null() && less["trace"].is_null());
    assert!(less["distance"].is_null() && less["uptime_s"].is_null());
    assert_eq!(less["mac"], "00:00:5E:00:53:01", "addresses and names come always");
    assert_eq!((&less["hostname"], &less["end_time"]), (&"b.example".into(), &whole["end_time"]));
}

#[test]
fn rule_3_orphans_fingerprints_and_ports_used_are_taken_only_if_there_are_none() {
    let os = |family: &str, print: &str| {
        format!(
            "<os><portused state=\"open\" proto=\"tcp\" portid=\"{}\"/><osclass osfamily=\"{family}\"/>\
             <osfingerprint fingerprint=\"{print}\"/></os>",
            print.len()
        )
    };
    // The reader treats two `os` elements as one: the helper's is empty.
    let with = |start, more: String| {
        let more: &'static str = Box::leak(more.into_boxed_str());
        scan(start, "1", &[H { more, ..host(start + 10, &[]) }])
    };
    let docs = [with(100, String::new()), with(200, os("X", "p")), with(300, os("Y", "qq"))];
    let os = &merged(by(Precedence::Caller), &docs)[0]["os"];
    assert_eq!(os["classes"][0]["family"], "X");
    assert_eq!(os["fingerprints"], serde_json::json!(["p"]));
    assert_eq!(os["ports_used"][0]["port"], 1);
    let os = &merged(by(Precedence::Latest), &docs)[0]["os"];
    assert_eq!((&os["classes"][0]["family"], &os["fingerprints"][0]), (&"Y".into(), &"qq".into()));
}

#[test]
fn names_are_united_without_case_and_final_dot() {
    let first = H { names: vec!["A.example."], ..host(110, &[]) };
    let second = H { names: vec!["a.EXAMPLE", "b.example"], ..host(210, &[]) };
    let docs = [scan(100, "1", &[first]), scan(200, "1", &[second])];
    let line = &merged(by(Precedence::Caller), &docs)[0];
    assert_eq!(names(&line["hostnames"], "name"), ["A.example.", "b.example"]);
    let flags = MergeFlags { names: false, ..MergeFlags::default() };
    let line = &merged(by(Precedence::Caller).with_flags(flags), &docs)[0];
    assert_eq!(names(&line["hostnames"], "name"), ["A.example."]);
}

#[test]
fn details_fill_null_values() {
    let mut docs = vec![scan(100, "1", &[H { more: "<distance value=\"1\"/>", ..host(110, &[]) }])];
    let more =
        "<uptime seconds=\"7\" lastboot=\"x\"/><distance value=\"2\"/><ipidsequence class=\"c\"/>";
    docs.push(scan(200, "1", &[H { more, ..host(210, &[]) }]));
    let line = &merged(by(Precedence::Caller), &docs)[0];
    assert_eq!((line["distance"].as_i64(), line["uptime_s"].as_i64()), (Some(1), Some(7)));
    assert_eq!((&line["last_boot"], &line["ip_id_class"]), (&"x".into(), &"c".into()));
    assert_eq!(merged(by(Precedence::Latest), &docs)[0]["distance"], 2);
}

#[test]
fn each_policy_picks_its_record() {
    let probed = P("tcp", 80, "closed", Some("nginx"));
    let docs = [
        scan(100, "80", &[host(110, &[tcp(80, "open")])]),
        scan(200, "80", &[host(210, &[probed])]),
        scan(300, "80", &[host(310, &[tcp(80, "filtered"), tcp(81, "open")])]),
    ];
    for (policy, record, reason) in [
        (Precedence::Caller, "tcp/80 open", "r100"),
        (Precedence::First, "tcp/80 open", "r100"),
        (Precedence::Latest, "tcp/80 filtered", "r300"),
        (Precedence::Best, "tcp/80 closed nginx", "r300"),
    ] {
        let line = &merged(by(policy), &docs)[0];
        assert_eq!(ports(line)[0], record, "{policy}");
        assert_eq!(line["reason"], reason, "{policy}: best is the host that lists most");
    }
}

#[test]
fn latest_depends_on_time_and_best_on_detail_and_neither_on_order() {
    let new = scan(300, "80", &[host(310, &[tcp(80, "closed")])]);
    let old = scan(100, "80", &[host(110, &[P("tcp", 80, "open", Some("x"))])]);
    for docs in [[new.clone(), old.clone()], [old, new]] {
        assert_eq!(ports(&merged(by(Precedence::Latest), &docs)[0]), ["tcp/80 closed"]);
        assert_eq!(ports(&merged(by(Precedence::Best), &docs)[0]), ["tcp/80 open x"]);
    }
}

#[test]
fn for_equal_times_the_later_argument_is_latest_and_for_equal_records_the_earlier_is_best() {
    let with = |start, state| scan(start, "80", &[host(500, &[tcp(80, state)])]);
    let docs = [with(100, "open"), with(200, "filtered")];
    assert_eq!(ports(&merged(by(Precedence::Latest), &docs)[0]), ["tcp/80 filtered"]);
    let docs = [with(100, "closed"), with(200, "filtered")];
    assert_eq!(ports(&merged(by(Precedence::Best), &docs)[0]), ["tcp/80 closed"]);
    let docs = [with(100, "closed"), with(200, "open")];
    assert_eq!(ports(&merged(by(Precedence::Best), &docs)[0]), ["tcp/80 open"], "open first");
}

#[test]
fn latest_drops_ports_not_found_later_and_keeps_those_not_scanned() {
    let old =
        scan(100, "1-1000", &[host(110, &[tcp(22, "open"), tcp(80, "open"), tcp(900, "open")])]);
    let new = scan(200, "1-100", &[host(210, &[tcp(22, "open")])]);
    let docs = [old.clone(), new];
    assert_eq!(ports(&merged(by(Precedence::Latest), &docs)[0]), ["tcp/22 open", "tcp/900 open"]);
    let keep = by(Precedence::Latest).with_keep_covered(true);
    assert_eq!(ports(&merged(keep, &docs)[0]).len(), 3);
    // The host's own list overrides that of the scan.
    let listed = H { closed: Some("900"), ..host(210, &[tcp(22, "open")]) };
    let docs = [old.clone(), scan(200, "1-100", &[listed])];
    assert_eq!(ports(&merged(by(Precedence::Latest), &docs)[0]), ["tcp/22 open", "tcp/80 open"]);
    for other in [H { down: true, ..host(210, &[]) }, H { timed_out: true, ..host(210, &[]) }] {
        let docs = [old.clone(), scan(200, "1-1000", &[other])];
        assert_eq!(ports(&merged(by(Precedence::Latest), &docs)[0]).len(), 3);
    }
}

#[test]
fn a_host_that_timed_out_never_wins_over_one_that_did_not() {
    let good = host(110, &[tcp(80, "closed")]);
    let late =
        H { timed_out: true, ..host(310, &[P("tcp", 80, "open", Some("x")), tcp(81, "open")]) };
    let docs = [scan(100, "80-81", &[good]), scan(300, "80-81", &[late])];
    for policy in [Precedence::Latest, Precedence::Best] {
        let line = &merged(by(policy), &docs)[0];
        assert_eq!(ports(line)[0], "tcp/80 closed", "{policy}");
        assert_eq!(line["reason"], "r100", "{policy}");
        // The better host was scanned earlier, so it is no evidence that the port is gone.
        assert_eq!(ports(line)[1], "tcp/81 open", "{policy}");
    }
    let late = |start: i64, ports: &[P]| {
        scan(start, "80", &[H { timed_out: true, ..host(start + 10, ports) }])
    };
    let docs = [late(100, &[tcp(80, "open")]), late(200, &[])];
    assert_eq!(ports(&merged(by(Precedence::Latest), &docs)[0]), ["tcp/80 open"]);
}

#[test]
fn a_later_scan_takes_a_host_down_and_keeps_its_records() {
    let docs = [
        scan(100, "80", &[host(110, &[tcp(80, "open")])]),
        scan(200, "80", &[H { down: true, ..host(210, &[]) }]),
    ];
    let line = &merged(by(Precedence::Latest), &docs)[0];
    assert_eq!((&line["state"], ports(line)), (&"down".into(), vec!["tcp/80 open".to_owned()]));
}

#[test]
fn hosts_of_one_scan_are_folded_with_their_services() {
    let banner = |banner: &'static str| P("tcp", 80, "open", Some(banner));
    let docs = [scan(
        100,
        "80",
        &[
            host(110, &[banner("a")]),
            host(120, &[banner("b"), tcp(81, "open")]),
            host(115, &[banner("a")]),
        ],
    )];
    for policy in [Precedence::Caller, Precedence::Latest, Precedence::Best] {
        let hosts = merged(by(policy), &docs);
        assert_eq!(hosts.len(), 1);
        let line = &hosts[0];
        let mut products = names(&line["ports"][0]["services"], "product");
        products.sort();
        assert_eq!(products, ["a", "b"], "{policy}: equal services are not repeated");
        let times = (&line["start_time"], &line["end_time"]);
        assert_eq!(times, (&"1970-01-01T00:01:49Z".into(), &"1970-01-01T00:02:00Z".into()));
        assert_eq!((&line["seen"], ports(line).len()), (&1.into(), 2), "one scan saw it");
    }
}

#[test]
fn lines_of_masscan_are_seen_from_the_first_to_the_last() {
    let line = |end: i64, port: u16| {
        format!(
            "<host endtime=\"{end}\"><address addr=\"192.0.2.1\"/><ports><port protocol=\"tcp\" \
             portid=\"{port}\"><state state=\"open\"/></port></ports></host>"
        )
    };
    let doc = format!(
        "<nmaprun scanner=\"masscan\" start=\"90\">{}{}</nmaprun>",
        line(105, 1),
        line(100, 2) + &line(101, 2)
    );
    let host = &merged(by(Precedence::Caller), &[doc])[0];
    let times = |row: &Value| {
        [&row["first_seen"], &row["last_seen"]].map(|time| time.as_str().unwrap()[14..].to_owned())
    };
    assert_eq!(times(host), ["01:40Z", "01:45Z"]);
    // The times of each port are those of the lines that list it.
    assert_eq!(times(&host["ports"][0]), ["01:45Z", "01:45Z"]);
    assert_eq!(times(&host["ports"][1]), ["01:40Z", "01:41Z"]);
    assert_eq!(host["ports"][1]["seen"], 1, "one scan");
}

#[test]
fn hosts_match_by_the_chosen_identity() {
    let mac = Some("00:00:5E:00:53:01");
    let first = H { mac, names: vec!["a.example"], ..host(110, &[tcp(22, "open")]) };
    let second = H { ip: "192.0.2.2", mac, ..host(210, &[tcp(80, "open")]) };
    let third = H { ip: "192.0.2.3", names: vec!["a.example"], ..host(310, &[]) };
    let docs = [scan(100, "1", &[first]), scan(200, "1", &[second]), scan(300, "1", &[third])];
    for (identity, keys) in [
        (Identity::Ip, vec!["ip:192.0.2.1", "ip:192.0.2.2", "ip:192.0.2.3"]),
        (Identity::Mac, vec!["mac:00:00:5E:00:53:01", "ip:192.0.2.3"]),
        (Identity::Hostname, vec!["name:a.example", "ip:192.0.2.2"]),
    ] {
        let hosts = merged(by(Precedence::Caller).with_identity(identity), &docs);
        let found: Vec<_> = hosts.iter().map(|host| host["host_key"].as_str().unwrap()).collect();
        assert_eq!(found, keys);
    }
}

#[test]
fn hosts_without_address_and_name_match_no_other() {
    let doc = |start: i64| {
        format!(
            "<nmaprun args=\"nmap {start}\" start=\"{start}\"><host><status state=\"up\"/></host></nmaprun>"
        )
    };
    let hosts = merged(by(Precedence::Caller), &[doc(1), doc(2)]);
    assert_eq!(hosts.len(), 2);
    assert_ne!(hosts[0]["host_id"], hosts[1]["host_id"]);
}

#[test]
fn the_best_copy_of_a_scan_is_used_in_the_position_of_the_first() {
    let whole = scan(
        100,
        "80",
        &[host(110, &[tcp(80, "open")]), H { ip: "192.0.2.2", end: 120, ..H::default() }],
    );
    let cut = whole[..whole.find("192.0.2.2").unwrap() + 20].to_owned();
    let other = scan(200, "80", &[host(210, &[tcp(80, "closed")])]);
    let docs = [cut, other, whole.clone(), whole];
    let merger = merger(by(Precedence::Caller), &docs);
    let finished = merger.finish().unwrap();
    let used: Vec<_> = finished.scans().iter().map(|scan| scan.used).collect();
    assert_eq!(
        used,
        [true, false, false, true],
        "the copy that is used, the others, the other scan"
    );
    let lines = merged(by(Precedence::Caller), &docs);
    assert_eq!(ports(&lines[0]), ["tcp/80 open"], "the copy that is used is the caller");
    assert_eq!((lines.len(), &lines[0]["seen"]), (2, &2.into()));
}

#[test]
fn finished_scans_with_the_same_id_and_other_hosts_are_kept_apart() {
    let first = scan(100, "80", &[host(110, &[tcp(80, "open")])]);
    let second = scan(100, "80", &[host(110, &[tcp(81, "open")])]);
    let docs = [first.clone(), second.clone(), first];
    let finished = merger(by(Precedence::Caller), &docs).finish().unwrap();
    let ids: Vec<_> = finished.scans().iter().map(|s| s.record.header.scan_id.clone()).collect();
    let used: Vec<_> = finished.scans().iter().map(|scan| scan.used).collect();
    assert_eq!(used, [true, false, true]);
    let sha = finished.scans()[2].record.content_sha256.clone().unwrap();
    assert_eq!(ids[2], format!("{}-x{}", ids[0], &sha[..8]));
    let codes = &finished.scans()[2].record.diagnostics;
    assert!(codes.iter().any(|found| found.code.as_str() == "W_ID_COLLISION"));
    assert_eq!(ports(&merged(by(Precedence::Caller), &docs)[0]).len(), 2);
}

#[test]
fn lost_values_are_explained() {
    let old =
        H { os: vec![("L", 90)], ..host(110, &[P("tcp", 80, "open", Some("x")), tcp(81, "open")]) };
    let new = H { os: vec![("L", 95)], ..host(210, &[tcp(80, "closed")]) };
    let docs = [scan(100, "1-100", &[old]), scan(200, "1-100", &[new])];
    let told = |policy| {
        let line = merged(by(policy).with_explain(true), &docs).remove(0);
        let conflicts = line["conflicts"].as_array().cloned().unwrap();
        let text = |c: &Value| {
            let value = |key: &str| c[key].as_str().unwrap_or("-").to_owned();
            let port = c["port"].as_i64().map(|port| format!("{port} ")).unwrap_or_default();
            let (winner, loser) = (value("winner_value"), value("loser_value"));
            format!("{port}{} {winner}<{loser} {}", value("column"), value("rule"))
        };
        conflicts.iter().map(text).collect::<Vec<_>>()
    };
    let latest = told(Precedence::Latest);
    for line in
        ["80 state closed<open latest", "81 state -<open covered", "os_match.L 95<90 latest"]
    {
        assert!(latest.iter().any(|found| found == line), "{line}: {latest:#?}");
    }
    let caller = told(Precedence::Caller);
    assert!(caller.iter().any(|found| found == "80 state open<closed caller"), "{caller:#?}");
    assert!(!caller.iter().any(|found| found.contains("covered")));
}

#[test]
fn values_lost_together_are_explained_together() {
    let docs = [
        "<ports><extraports state=\"closed\" count=\"9\"/></ports><os><portused state=\"open\" proto=\"tcp\" \
         portid=\"22\"/><osfingerprint fingerprint=\"a\"/></os><tcpsequence index=\"1\" difficulty=\"low\"/>",
        "<ports><extraports state=\"filtered\" count=\"8\"/></ports><os><portused state=\"open\" proto=\"tcp\" \
         portid=\"23\"/><osclass vendor=\"V\" osfamily=\"F\"/><osfingerprint fingerprint=\"b\"/></os>\
         <uptime seconds=\"5\" lastboot=\"x\"/><tcpsequence index=\"1\" difficulty=\"high\" values=\"1\"/>",
        "<os><osclass vendor=\"W\"/></os><uptime lastboot=\"y\"/>",
    ];
    let docs = docs.map(|more| H { more, ..host(110, &[]) });
    let docs: Vec<_> = (1..).zip(docs).map(|(n, host)| scan(n * 100, "1", &[host])).collect();
    let line = merged(by(Precedence::Best).with_explain(true), &docs).remove(0);
    let conflicts =
        line["conflicts"].as_array().unwrap().iter().filter(|c| c["column"] != "reason");
    let told: Vec<_> = conflicts
        .map(|c| {
            format!("{} {}<{} {}", c["column"], c["winner_value"], c["loser_value"], c["rule"])
        })
        .map(|text| text.replace('"', ""))
        .collect();
    assert_eq!(
        told,
        [
            "last_boot x<y best",
            "tcp_seq_difficulty low<high best",
            "tcp_seq_values null<1 best",
            "os_classes V F<W best",
            "os_fingerprints a<b best",
            "os_ports_used 22/tcp open<23/tcp open best",
            "extra_ports 9 closed<8 filtered best",
        ]
    );
}

#[test]
fn an_empty_merge_and_an_open_scan_are_errors() {
    assert!(
        Merger::new(by(Precedence::Caller)).finish().unwrap_err().to_string().contains("no scan")
    );
    let mut open = Merger::new(by(Precedence::Caller));
    let doc = scan(100, "1", &[host(110, &[])]);
    let mut reader = Reader::new(doc.as_bytes(), Options::default());
    while let Some(event) = reader.next_event().unwrap() {
        if let ScanEvent::Host(host) = event {
            open.host(&host).unwrap();
        }
    }
    let mut other = merger(by(Precedence::Caller), &[doc]);
    assert!(open.is_open() && other.join(Merger::new(by(Precedence::Caller))).is_ok());
    assert!(open.finish().unwrap_err().to_string().contains("not ended"));
}

#[test]
fn too_little_memory_reports_how_much_is_needed() {
    let hosts: Vec<_> = (0..400).map(|n| host(110 + n, &[tcp(22, "open")])).collect();
    let mut small = Merger::with_memory(by(Precedence::Caller), 4096, None);
    add(&mut small, "x.xml", scan(100, "1", &hosts).as_bytes());
    let said = small.finish().unwrap_err().to_string();
    assert!(said.contains("times as much"), "{said}");
}

/// Returns the series of fixtures in order.
fn series() -> Vec<(String, String)> {
    let mut names: Vec<_> = std::fs::read_dir("fixtures")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name[..2].parse::<u32>().is_ok_and(|n| (40..=46).contains(&n)))
        .collect();
    names.sort();
    assert_eq!(names.len(), 7);
    let read = |name: String| {
        let text = std::fs::read_to_string(format!("fixtures/{name}")).unwrap();
        (name, text)
    };
    names.into_iter().map(read).collect()
}

#[test]
fn the_series_merges_as_reviewed() {
    let docs: Vec<_> = series().into_iter().map(|(_, text)| text).collect();
    for policy in [Precedence::Caller, Precedence::Latest, Precedence::Best] {
        insta::assert_snapshot!(format!("merge_series_{policy}"), shown(by(policy), &docs));
    }
    // With the first input as the caller, the result equals that of `caller`.
    assert_eq!(shown(by(Precedence::First), &docs), shown(by(Precedence::Caller), &docs));
}

/// Returns one line per host and port.
fn shown(policy: MergePolicy, docs: &[String]) -> String {
    let mut shown = String::new();
    for line in merged(policy, docs) {
        let texts = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
        let _ = writeln!(
            shown,
            "{} {} {} {} seen {} {} {} {}",
            texts("host_key"),
            texts("state"),
            texts("mac"),
            texts("hostname"),
            line["seen"],
            texts("first_seen"),
            texts("last_seen"),
            texts("last_looked"),
        );
        // Positions among the scans of the host, from 0.
        let scans = line["scan_ids"].as_array().unwrap();
        let place = |id: &Value| scans.iter().position(|known| known == id);
        for (port, text) in line["ports"].as_array().unwrap().iter().zip(ports(&line)) {
            let time = |name: &str| port[name].as_str().unwrap_or("-").replace("2026-11-23T", "");
            let _ = writeln!(
                shown,
                "  {text} seen {} {} {} {} scan {:?} services {:?}",
                port["seen"],
                time("first_seen"),
                time("last_seen"),
                time("last_looked"),
                place(&port["scan_id"]),
                place(&port["services"][0]["scan_id"]),
            );
        }
    }
    shown
}

/// Counts the values of each kind in a host's line.
fn leaves(at: &str, value: &Value, found: &mut BTreeMap<String, i64>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| leaves(&format!("{at} {name}"), value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| leaves(at, value, found)),
        _ => *found.entry(at.to_owned()).or_default() += 1,
    }
}

#[test]
fn each_flag_omits_from_the_series_what_was_reviewed() {
    let docs: Vec<_> = series().into_iter().map(|(_, text)| text).collect();
    let told = |flags: MergeFlags| {
        let mut found = BTreeMap::new();
        for line in merged(by(Precedence::Caller).with_flags(flags), &docs) {
            leaves(line["host_key"].as_str().unwrap(), &line, &mut found);
        }
        found
    };
    let all = MergeFlags::default();
    let full = told(all);
    let mut shown = String::new();
    for (name, flags) in [
        ("tcp", MergeFlags { tcp: false, ..all }),
        ("udp", MergeFlags { udp: false, ..all }),
        ("sctp", MergeFlags { sctp: false, ..all }),
        ("ip", MergeFlags { ip: false, ..all }),
        ("scripts", MergeFlags { scripts: false, ..all }),
        ("trace", MergeFlags { trace: false, ..all }),
        ("os", MergeFlags { os: false, ..all }),
        ("names", MergeFlags { names: false, ..all }),
        ("details", MergeFlags { details: false, ..all }),
    ] {
        let less = told(flags);
        let _ = writeln!(shown, "without {name}:");
        for (leaf, count) in &full {
            let left = less.get(leaf).copied().unwrap_or_default();
            if left != *count {
                let _ = writeln!(shown, "  {leaf}: {left} of {count}");
            }
        }
        assert!(less.keys().all(|leaf| full.contains_key(leaf)), "{name} adds something");
    }
    insta::assert_snapshot!("merge_series_flags", shown);
}

fn changes(old: &[String], new: &[String]) -> Vec<String> {
    let policy = by(Precedence::Latest);
    let found = differences(merger(policy, old), merger(policy, new)).unwrap();
    let text = |change: &scanmill::model::Change| {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
        let port = match (&change.protocol, change.port, &change.ports) {
            (Some(protocol), Some(port), _) => format!(" {protocol}/{port}"),
            (Some(protocol), None, Some(ports)) => format!(" {protocol}/{ports}"),
            (Some(protocol), None, None) => format!(" {protocol}"),
            _ => String::new(),
        };
        let (kind, column) = (change.kind.as_str(), &change.column);
        format!(
            "{}{port} {kind} {column} {} > {}",
            change.host_key,
            value(&change.old),
            value(&change.new)
        )
    };
    found.flat_map(|host| host.unwrap().changes).map(|change| text(&change)).collect()
}

#[test]
fn the_series_differs_as_reviewed() {
    let docs = series();
    for pair in docs.windows(2) {
        let shown = changes(&[pair[0].1.clone()], &[pair[1].1.clone()]).join("\n");
        insta::assert_snapshot!(format!("diff_{}_{}", &pair[0].0[..2], &pair[1].0[..2]), shown);
    }
    let (old, new): (Vec<_>, Vec<_>) =
        docs.iter().map(|(_, text)| text.clone()).enumerate().partition(|(n, _)| *n < 4);
    let texts =
        |side: Vec<(usize, String)>| side.into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    insta::assert_snapshot!("diff_day1_later", changes(&texts(old), &texts(new)).join("\n"));
}

#[test]
fn spilled_differences_come_in_the_same_order() {
    let state = |start: i64, first: i64, product: &'static str| {
        let hosts: Vec<_> = (first..first + 3000)
            .map(|n| {
                let ip = format!("198.18.{}.{}", n / 250, n % 250);
                let ip: &'static str = Box::leak(ip.into_boxed_str());
                H { ip, ..host(start + n, &[P("tcp", 22, "open", Some(product))]) }
            })
            .collect();
        scan(start, "1-30", &hosts)
    };
    let docs = [state(9000, 0, "x"), state(90_000, 500, "y")];
    let found = |cap: usize| -> Vec<_> {
        let read = |doc: &String| {
            let mut merger = Merger::with_memory(by(Precedence::Latest), cap, None);
            add(&mut merger, "x.xml", doc.as_bytes());
            merger
        };
        differences(read(&docs[0]), read(&docs[1])).unwrap().map(Result::unwrap).collect()
    };
    let held = found(usize::MAX);
    assert_eq!(held.len(), 3500);
    assert!(held[..3000].iter().all(|host| host.is_there));
    assert!(held == found(64 << 10));
}

#[test]
fn a_port_that_was_not_scanned_is_not_gone() {
    let old =
        scan(100, "1-100", &[host(110, &[tcp(22, "open"), tcp(80, "open"), tcp(90, "closed")])]);
    let new = H { closed: Some("80,90"), ..host(210, &[tcp(25, "open")]) };
    let new = scan(200, "25,80,90", &[new]);
    assert_eq!(
        changes(&[old], &[new]),
        [
            "ip:192.0.2.1 tcp/22 not_scanned state open > -",
            "ip:192.0.2.1 tcp/25 appeared state - > open",
            "ip:192.0.2.1 tcp/80 gone state open > closed",
        ],
        "tcp/90 is closed as before, only not listed singly any more"
    );
}

#[test]
fn ports_missing_from_a_host_that_timed_out_are_no_evidence() {
    let good = scan(100, "22", &[host(110, &[tcp(22, "open")])]);
    let late = scan(200, "22", &[H { timed_out: true, ..host(210, &[]) }]);
    assert_eq!(
        changes(from_ref(&good), from_ref(&late)),
        ["ip:192.0.2.1 tcp/22 not_scanned state open > -"]
    );
    let first = "ip:192.0.2.1 tcp/22 first_seen state - > open";
    assert_eq!(changes(&[late], &[good]), [first]);
}

#[test]
fn names_are_compared_without_case_and_final_dot() {
    let doc = |start: i64, name: &'static str| {
        scan(start, "1", &[H { names: vec![name], ..host(start + 10, &[]) }])
    };
    assert!(changes(&[doc(100, "A.example.")], &[doc(200, "a.EXAMPLE")]).is_empty());
    assert_eq!(changes(&[doc(100, "A.example.")], &[doc(200, "b.example")]).len(), 1);
}

#[test]
fn hosts_without_address_and_name_match_in_copies_of_their_scan() {
    let doc = |start: i64, state: &str| {
        format!(
            "<nmaprun args=\"nmap {start}\" start=\"{start}\"><host><status state=\"{state}\"/></host></nmaprun>"
        )
    };
    let [old, changed, other] = [doc(1, "up"), doc(1, "down"), doc(2, "up")];
    assert!(changes(&[other.clone(), old.clone()], &[old.clone(), other.clone()]).is_empty());
    assert_eq!(changes(from_ref(&old), &[changed]), ["idx:0 changed state up > down"]);
    let found = changes(&[old], &[other]);
    assert_eq!(found, ["idx:0 appeared host - > up", "idx:0 gone host up > -"]);
}

#[test]
fn hosts_come_and_go() {
    let old = scan(100, "22", &[host(110, &[tcp(22, "open")])]);
    let new = scan(200, "22", &[H { ip: "192.0.2.2", ..host(210, &[tcp(22, "open")]) }]);
    assert_eq!(
        changes(&[old], &[new]),
        [
            "ip:192.0.2.2 appeared host - > up",
            "ip:192.0.2.2 tcp/22 appeared state - > open",
            "ip:192.0.2.1 gone host up > -",
            "ip:192.0.2.1 tcp/22 gone state open > -",
        ]
    );
}

const IPS: [&str; 3] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
const STATES: [&str; 3] = ["open", "closed", "filtered"];

fn any_host() -> impl Strategy<Value = H> {
    let port = (0..2_usize, 1..6_u16, 0..3_usize, prop::option::of(0..2_usize)).prop_map(
        |(protocol, number, state, product)| {
            P(["tcp", "udp"][protocol], number, STATES[state], product.map(|n| ["x", "y"][n]))
        },
    );
    let ports = prop::collection::btree_map((0..2_usize, 1..6_u16), port, 0..6);
    let os = prop::collection::vec((0..3_usize, 90..93_i32), 0..3);
    (0..3_usize, 1..400_i64, ports, os, 0..4_u8, 0..3_usize).prop_map(
        |(ip, end, ports, os, flags, scripts)| H {
            ip: IPS[ip],
            end: 1000 + end,
            timed_out: flags == 1,
            down: flags == 2,
            ports: ports.into_iter().map(|((_, n), P(a, _, c, d))| P(a, n, c, d)).collect(),
            os: os.into_iter().map(|(n, a)| (["A", "B", "C"][n], a)).collect(),
            scripts: [("s", "1"), ("t", "2"), ("s", "3")][..scripts].to_vec(),
            hops: if flags == 3 { vec!["192.0.2.254"] } else { Vec::new() },
            closed: (flags == 3).then_some("1-3"),
            // Occasionally another device.
            mac: [None, None, None, Some("00:00:5E:00:53:01"), Some("00:00:5E:00:53:02")]
                [usize::try_from(end % 5).unwrap()],
            ..H::default()
        },
    )
}

/// Generates scans with IDs of their own.
fn any_scans(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<String>> {
    let hosts = prop::collection::vec(any_host(), 0..5);
    let tcp = prop::sample::select(vec!["1-5", "1-2", "4"]);
    prop::collection::vec((hosts, tcp), count).prop_map(|scans| {
        let numbered = scans.into_iter().zip(1_i64..);
        let deep = |text: String, n: i64| match n % 3 {
            0 => text.replace("args=\"nmap ", "args=\"nmap -sV "),
            1 => text.replace("args=\"nmap ", "args=\"nmap -A "),
            _ => text,
        };
        numbered.map(|((hosts, tcp), n)| deep(scan(n * 10, tcp, &hosts), n)).collect()
    })
}

fn any_policy() -> impl Strategy<Value = MergePolicy> {
    let policies =
        [Precedence::Caller, Precedence::First, Precedence::Latest, Precedence::Best].to_vec();
    (prop::sample::select(policies), any::<[bool; 4]>()).prop_map(
        |(precedence, [covered, identity, explain, age])| {
            by(precedence)
                .with_keep_covered(covered)
                .with_keep_identity(identity)
                .with_explain(explain)
                .with_max_age(age.then_some(std::time::Duration::from_secs(200)))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_callers_ports_never_change(scans in any_scans(1..4)) {
        let alone = merged(by(Precedence::Caller), &scans[..1]);
        let all = merged(by(Precedence::Caller), &scans);
        for host in alone {
            let same = all.iter().find(|other| other["host_key"] == host["host_key"]).unwrap();
            let theirs = ports(same);
            for port in ports(&host) {
                prop_assert!(theirs.contains(&port), "{port} of {theirs:?}");
            }
        }
    }

    #[test]
    fn no_key_is_lost(scans in any_scans(1..4), policy in any_policy()) {
        let keep = policy.with_keep_covered(true).with_keep_identity(true).with_max_age(None);
        let all = merged(keep, &scans);
        for scan in &scans {
            for host in merged(by(Precedence::Caller), std::slice::from_ref(scan)) {
                let same = all.iter().find(|other| other["host_key"] == host["host_key"]).unwrap();
                let numbers = |line: &Value| -> Vec<String> {
                    ports(line).iter().map(|p| p.split(' ').next().unwrap().to_owned()).collect()
                };
                let theirs = numbers(same);
                prop_assert!(numbers(&host).iter().all(|port| theirs.contains(port)));
            }
        }
    }

    #[test]
    fn one_scan_is_folded(scans in any_scans(1..2), policy in any_policy()) {
        let policy = policy.with_max_age(None);
        let mut read: Vec<Value> = Vec::new();
        let mut reader = Reader::new(scans[0].as_bytes(), Options::default());
        let mut run = None;
        while let Some(event) = reader.next_event().unwrap() {
            match event {
                ScanEvent::ScanStart(header) => run = Some(header),
                ScanEvent::Host(host) => {
                    let mut line = Vec::new();
                    host_line(run.as_ref().unwrap(), &host, &mut line);
                    read.push(serde_json::from_slice(&line).unwrap());
                }
                _ => {}
            }
        }
        let all = merged(policy, &scans);
        let mut keys: Vec<_> = read.iter().map(|host| host["host_key"].clone()).collect();
        let mut seen = std::collections::HashSet::new();
        keys.retain(|key| seen.insert(key.clone()));
        prop_assert_eq!(all.iter().map(|host| host["host_key"].clone()).collect::<Vec<_>>(), keys);
        for host in &all {
            prop_assert_eq!(&host["seen"], 1);
            let same: Vec<_> =
                read.iter().filter(|other| other["host_key"] == host["host_key"]).collect();
            let keys = |hosts: &[&Value]| -> std::collections::BTreeSet<String> {
                let all = hosts.iter().flat_map(|host| ports(host));
                all.map(|port| port.split(' ').next().unwrap().to_owned()).collect()
            };
            prop_assert_eq!(keys(&[host]), keys(&same));
            if let [only] = same[..] {
                let sorted = |host: &Value| {
                    let mut ports = ports(host);
                    ports.sort();
                    ports
                };
                prop_assert_eq!(sorted(host), sorted(only));
                for part in ["addresses", "hostnames", "state", "reason", "start_time", "end_time", "trace"] {
                    prop_assert_eq!(&host[part], &only[part], "{}", part);
                }
                if policy.precedence == Precedence::Caller {
                    // The lists of other entries do not repeat listed ports.
                    prop_assert_eq!(&host["extra_ports"], &only["extra_ports"]);
                }
                prop_assert_eq!(names(&host["scripts"], "output"), names(&only["scripts"], "output"));
            }
        }
    }

    #[test]
    fn a_scan_that_comes_twice_changes_nothing(scans in any_scans(1..4), policy in any_policy()) {
        let once = merged(policy, &scans);
        let twice: Vec<_> = scans.iter().chain(&scans[scans.len() - 1..]).cloned().collect();
        prop_assert_eq!(merged(policy, &twice), once);
    }

    #[test]
    fn partial_merges_can_be_joined_in_any_grouping(
        scans in any_scans(2..5),
        policy in any_policy(),
        cut in 1..4_usize,
    ) {
        let whole = merged(policy, &scans);
        let cut = cut.min(scans.len() - 1);
        let mut left = merger(policy, &scans[..cut]);
        left.join(merger(policy, &scans[cut..])).unwrap();
        prop_assert_eq!(lines(left), whole.clone());
        let mut right = Merger::new(policy);
        for scan in &scans {
            right.join(merger(policy, std::slice::from_ref(scan))).unwrap();
        }
        prop_assert_eq!(lines(right), whole);
    }

    #[test]
    fn latest_does_not_depend_on_the_order_of_arguments(scans in any_scans(2..4)) {
        // Without hosts of equal times. The order of hosts may differ.
        let mut sorted = merged(by(Precedence::Latest), &scans);
        let ends: Vec<_> = scans.iter().flat_map(|s| s.match_indices("endtime=").map(|(i, _)| &s[i..i + 14])).collect();
        let unique: std::collections::HashSet<_> = ends.iter().collect();
        prop_assume!(unique.len() == ends.len());
        let reversed: Vec<_> = scans.iter().rev().cloned().collect();
        let mut other = merged(by(Precedence::Latest), &reversed);
        for lines in [&mut sorted, &mut other] {
            lines.sort_by_key(|line| line["host_key"].as_str().unwrap().to_owned());
            for line in lines {
                let line = line.as_object_mut().unwrap();
                // The order of scans is that of the arguments.
                line.remove("host_index");
                line.remove("scan_ids");
            }
        }
        prop_assert_eq!(sorted, other);
    }

    #[test]
    fn spilling_does_not_change_a_merge(scans in any_scans(1..4), policy in any_policy()) {
        let mut spilled = Merger::with_memory(policy, 64 << 10, None);
        // Enough hosts to exceed the cap.
        let more: Vec<_> = (0..400).map(|n| {
            let ip: &'static str = Box::leak(format!("198.51.{}.{}", n / 250, n % 250).into_boxed_str());
            H { ip, ..host(110 + n, &[tcp(22, "open"), tcp(23, "closed")]) }
        }).collect();
        let mut docs = scans;
        docs.push(scan(9000, "1-30", &more));
        for doc in &docs {
            add(&mut spilled, "x.xml", doc.as_bytes());
        }
        prop_assert_eq!(lines(spilled), merged(policy, &docs));
    }

    #[test]
    fn a_state_does_not_differ_from_itself(scans in any_scans(1..4)) {
        prop_assert!(changes(&scans, &scans).is_empty());
    }

    #[test]
    fn differences_explain_the_tables_of_ports(old in any_scans(1..3), new in any_scans(1..3)) {
        // Other IDs than the old ones.
        let new: Vec<_> = new.iter().map(|doc| doc.replace("args=\"nmap ", "args=\"nmap -n ")).collect();
        let policy = by(Precedence::Latest);
        let states = |docs: &[String]| -> std::collections::BTreeMap<(String, String), String> {
            merged(policy, docs).iter().flat_map(|line| {
                let key = line["host_key"].as_str().unwrap().to_owned();
                ports(line).into_iter().map(move |port| {
                    let mut words = port.split(' ');
                    let place = words.next().unwrap().to_owned();
                    ((key.clone(), place), words.next().unwrap().to_owned())
                })
            }).collect()
        };
        let (before, after) = (states(&old), states(&new));
        let mut told = before.clone();
        for host in differences(merger(policy, &old), merger(policy, &new)).unwrap() {
            let host = host.unwrap();
            for moved in host.changes.iter().filter(|change| change.kind == ChangeKind::Moved) {
                let before = format!("ip:{}", moved.old.as_ref().unwrap());
                let of_host: Vec<_> = told.keys().filter(|(key, _)| *key == before).cloned().collect();
                for place in of_host {
                    let state = told.remove(&place).unwrap();
                    told.insert((moved.host_key.clone(), place.1), state);
                }
            }
            for change in host.changes.iter().filter(|change| change.column == "state") {
                let (Some(protocol), Some(port)) = (&change.protocol, change.port) else { continue };
                let place = (change.host_key.clone(), format!("{protocol}/{port}"));
                match (change.kind, &change.new) {
                    (ChangeKind::Gone, _) | (ChangeKind::NotScanned, None) => told.remove(&place),
                    (_, Some(new)) => told.insert(place, new.clone()),
                    (_, None) => None,
                };
            }
        }
        // A port in the same state that is just not listed individually any more needs no row.
        for (place, state) in &after {
            prop_assert!(told.get(place) == Some(state) || state == "closed", "{place:?} {state}");
        }
        for (place, state) in &told {
            prop_assert!(after.get(place) == Some(state) || state == "closed", "{place:?} {state}");
        }
    }
}
