//! History (docs/history.md): a slow implementation of the definition is compared with the real one, then
//! each law is checked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use proptest::prelude::*;
use scanmill::{
    diff::differences,
    history::Histories,
    merge::{MergePolicy, Merger, Precedence},
    model::{ChangeKind, HostKey, Identity, ScanEvent, ScanIndex, Span, Timestamp},
    xml::{Options, Reader},
};
use serde_json::Value;

use crate::merge::{add, by, lines, merger};
#[cfg(feature = "cli")]
use crate::support::root;

/// A row of either table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    /// The host, or the port with its host.
    key: (String, String),
    from: Option<i64>,
    values: Vec<String>,
    last_seen: Option<i64>,
    to: Option<i64>,
    looks: i64,
    /// The first and the last scan, and the one that ended the interval.
    scans: (String, String, Option<String>),
}

impl Row {
    fn is_valid_at(&self, time: Option<i64>) -> bool {
        self.from <= time && self.to.is_none_or(|to| time < Some(to))
    }
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or("-").to_owned()
}

/// Returns the rows of both tables in their order.
fn rows(scans: Merger) -> Vec<Row> {
    let merged = scans.finish().unwrap();
    let ids: Vec<String> =
        merged.scans().iter().map(|scan| scan.record.header.scan_id.clone()).collect();
    let id = |scan: ScanIndex| ids[usize::try_from(scan).unwrap()].clone();
    let seconds = |time: Option<Timestamp>| time.map(Timestamp::seconds);
    let row = |key: (String, String), values: Vec<String>, span: Span| Row {
        key,
        from: seconds(span.valid_from),
        values,
        last_seen: seconds(span.last_seen),
        to: seconds(span.valid_to),
        looks: span.looks,
        scans: (id(span.first_scan), id(span.last_scan), span.ended_by.map(id)),
    };
    let mut histories = Histories::of(merged).unwrap();
    let mut rows = Vec::new();
    while let Some(history) = histories.next().unwrap() {
        let host = history.host_key().to_owned();
        rows.extend(history.host().map(|found| {
            let values = [&found.ip, &found.mac, &found.hostname, &found.os_name];
            let mut values: Vec<_> = values.iter().map(|value| text(value.as_deref())).collect();
            values.push(found.state.as_str().to_owned());
            row((host.clone(), String::new()), values, found.span)
        }));
        rows.extend(history.ports().map(|found| {
            let service = found.service.unwrap_or(scanmill::model::IntervalService {
                name: None,
                product: None,
                version: None,
                cpes: Vec::new(),
            });
            let values =
                [&found.ip, &found.reason, &service.name, &service.product, &service.version];
            let mut values: Vec<_> = values.iter().map(|value| text(value.as_deref())).collect();
            values.push(service.cpes.join(" "));
            values.push(found.state.as_str().to_owned());
            let port = format!("{}/{:05}", found.protocol.as_str(), found.number);
            row((host.clone(), port), values, found.span)
        }));
    }
    rows
}

fn latest() -> MergePolicy {
    by(Precedence::Latest)
}

// The definition.

/// A scan's look at a host: the result of merging only that scan.
struct Look {
    time: Option<i64>,
    doc: usize,
    scan: String,
    line: Value,
}

/// Returns the looks at each host in order of time, and the time of each look by document and host.
fn looks(policy: MergePolicy, docs: &[String]) -> BTreeMap<String, Vec<Look>> {
    let mut all: BTreeMap<String, Vec<Look>> = BTreeMap::new();
    for (doc, text) in docs.iter().enumerate() {
        let alone = merger(policy, std::slice::from_ref(text));
        let mut record = None;
        let mut reader = Reader::new(text.as_bytes(), Options::default());
        while let Some(event) = reader.next_event().unwrap() {
            if let ScanEvent::ScanEnd(end) = event {
                record = Some(end);
            }
        }
        let record = record.unwrap();
        let of_scan = record.stats.end_time.or(record.header.start_time).map(Timestamp::seconds);
        for line in lines(alone) {
            let end = line["end_time"].as_str().map(seconds);
            let key = line["host_key"].as_str().unwrap().to_owned();
            let scan = record.header.scan_id.clone();
            all.entry(key).or_default().push(Look { time: end.or(of_scan), doc, scan, line });
        }
    }
    for looks in all.values_mut() {
        looks.sort_by_key(|look| (look.time, look.doc));
    }
    all
}

/// Converts a time in the first days of 1970 to seconds.
fn seconds(time: &str) -> i64 {
    let part = |from: usize, len: usize| time[from..from + len].parse::<i64>().unwrap();
    assert!(time.starts_with("1970-01-"));
    ((part(8, 2) - 1) * 24 + part(11, 2)) * 3600 + part(14, 2) * 60 + part(17, 2)
}

/// Merges all looks up to a time.
fn merged_up_to(
    policy: MergePolicy,
    docs: &[String],
    looks: &BTreeMap<String, Vec<Look>>,
    time: Option<i64>,
) -> BTreeMap<String, Value> {
    let mut merger = Merger::new(policy);
    for (doc, text) in docs.iter().enumerate() {
        let mut reader = Reader::new(text.as_bytes(), Options::default().with_hash(true));
        while let Some(event) = reader.next_event().unwrap() {
            match event {
                ScanEvent::Host(host) => {
                    let key = HostKey::of(&host, policy.identity);
                    let of_doc = |look: &&Look| look.doc == doc;
                    let look = looks[key.as_str()].iter().find(of_doc).unwrap();
                    if look.time <= time {
                        merger.host(&host).unwrap();
                    }
                }
                ScanEvent::ScanEnd(record) => merger.end_scan("x.xml", *record),
                _ => {}
            }
        }
    }
    let by_key = |line: Value| (line["host_key"].as_str().unwrap().to_owned(), line);
    lines(merger).into_iter().map(by_key).collect()
}

/// Returns the values of the host and of each port in a line; the state comes last.
fn values(line: &Value) -> BTreeMap<String, Vec<String>> {
    let of = |value: &Value| text(value.as_str());
    let mut all = BTreeMap::new();
    let os = &line["os"]["matches"][0]["name"];
    let host = [&line["ip"], &line["mac"], &line["hostname"], os, &line["state"]];
    all.insert(String::new(), host.into_iter().map(of).collect());
    for port in line["ports"].as_array().into_iter().flatten() {
        let service = &port["services"][0];
        let cpes = service["cpes"].as_array().into_iter().flatten();
        let cpes: Vec<&str> = cpes.map(|cpe| cpe.as_str().unwrap()).collect();
        let parts = [
            &line["ip"],
            &port["reason"],
            &service["name"],
            &service["product"],
            &service["version"],
        ];
        let mut values: Vec<String> = parts.into_iter().map(of).collect();
        values.push(cpes.join(" "));
        values.push(of(&port["state"]));
        let name =
            format!("{}/{:05}", port["protocol"].as_str().unwrap(), port["port"].as_i64().unwrap());
        all.insert(name, values);
    }
    all
}

/// An open interval of the definition, with the device it belongs to.
struct Open {
    row: Row,
    device: usize,
}

/// Implements the definition: merges again at each time, and joins equal neighbours.
fn defined(policy: MergePolicy, docs: &[String]) -> Vec<Row> {
    let looks = looks(policy, docs);
    let times: BTreeSet<Option<i64>> = looks.values().flatten().map(|look| look.time).collect();
    let merged: BTreeMap<Option<i64>, _> =
        times.into_iter().map(|time| (time, merged_up_to(policy, docs, &looks, time))).collect();
    let mut rows = Vec::new();
    for (host, looks) in &looks {
        let (mut device, mut mac) = (0, None);
        let mut open: BTreeMap<String, Open> = BTreeMap::new();
        for moment in looks.chunk_by(|one, other| one.time == other.time) {
            let mut begun = 0;
            for (place, look) in moment.iter().enumerate() {
                let found = look.line["mac"].as_str();
                if found.is_some() && mac.is_some() && mac != found && !policy.keep_identity {
                    (device, begun) = (device + 1, place);
                }
                mac = found.or(mac);
            }
            let (time, last) = (moment[0].time, moment.last().unwrap());
            let now = values(&merged[&time][host]);
            let said: Vec<_> =
                moment[begun..].iter().map(|look| (&look.scan, values(&look.line))).collect();
            for name in open.keys().chain(now.keys()).cloned().collect::<BTreeSet<_>>() {
                let stands = now.get(&name);
                let state = stands.and_then(|values| values.last());
                let confirms = said.iter().filter(|(_, said)| {
                    said.get(&name).is_some_and(|values| values.last() == state)
                });
                let confirmed: Vec<&String> = confirms.map(|(scan, _)| *scan).collect();
                if let Some(of) = open.get_mut(&name) {
                    if of.device == device && Some(&of.row.values) == stands {
                        if let Some(scan) = confirmed.last() {
                            of.row.looks += i64::try_from(confirmed.len()).unwrap();
                            of.row.last_seen = time;
                            of.row.scans.1.clone_from(scan);
                        }
                        continue;
                    }
                    let mut ended = open.remove(&name).unwrap().row;
                    (ended.to, ended.scans.2) = (time, Some(last.scan.clone()));
                    rows.push(ended);
                }
                let Some(stands) = stands else { continue };
                let first = confirmed.first().map_or(&last.scan, |scan| *scan).clone();
                let last = confirmed.last().map_or(&last.scan, |scan| *scan).clone();
                let row = Row {
                    key: (host.clone(), name.clone()),
                    from: time,
                    values: stands.clone(),
                    last_seen: time,
                    to: None,
                    looks: i64::try_from(confirmed.len()).unwrap().max(1),
                    scans: (first, last, None),
                };
                open.insert(name, Open { row, device });
            }
        }
        rows.extend(open.into_values().map(|open| open.row));
    }
    rows.sort();
    rows
}

// Scans that are generated.

#[derive(Debug, Clone)]
struct Element {
    ip: u8,
    end: Option<i64>,
    status: &'static str,
    mac: &'static str,
    names: &'static str,
    os: &'static str,
    extra: &'static str,
    ports: Vec<(u16, &'static str, &'static str, &'static str)>,
    is_cut: bool,
}

fn one_of(values: &[&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(values.to_vec())
}

const UP: &str = "><status state=\"up\" reason=\"echo-reply\"/>";
const ASSUMED: &str = "><status state=\"up\" reason=\"user-set\"/>";
const DOWN: &str = "><status state=\"down\" reason=\"no-response\"/>";
const LATE: &str = " timedout=\"true\"><status state=\"up\" reason=\"echo-reply\"/>";

fn any_element() -> impl Strategy<Value = Element> {
    let mac = one_of(&[
        "",
        "",
        "<address addr=\"00:00:5E:00:53:0A\" addrtype=\"mac\"/>",
        "<address addr=\"00:00:5E:00:53:0A\" addrtype=\"mac\"/>",
        "<address addr=\"00:00:5E:00:53:0B\" addrtype=\"mac\"/>",
    ]);
    let names = one_of(&[
        "",
        "",
        "<hostnames><hostname name=\"a.example\" type=\"PTR\"/></hostnames>",
        "<hostnames><hostname name=\"b.example\" type=\"PTR\"/><hostname name=\"c.example\" type=\"user\"/></hostnames>",
        "<hostnames><hostname name=\"d.example\"/></hostnames>",
    ]);
    let os = one_of(&[
        "",
        "",
        "<os/>",
        "<os><osmatch name=\"L\" accuracy=\"90\"/><osmatch name=\"B\" accuracy=\"95\"/></os>",
        "<os><portused state=\"open\" proto=\"tcp\" portid=\"1\"/></os>",
    ]);
    let extra = one_of(&[
        "",
        "",
        "<extraports state=\"closed\" count=\"9\"/>",
        "<extraports state=\"filtered\" count=\"2\"><extrareasons reason=\"r\" count=\"2\" proto=\"tcp\" ports=\"1-2\"/></extraports>",
        "<extraports state=\"closed\" count=\"1\"><extrareasons reason=\"r\" count=\"1\" proto=\"tcp\" ports=\"3\"/></extraports>\
         <extraports state=\"open\" count=\"1\"><extrareasons reason=\"r\" count=\"1\" proto=\"tcp\" ports=\"1\"/></extraports>",
        "<extraports state=\"closed\" count=\"9\"/><extraports state=\"filtered\" count=\"9\"/>",
    ]);
    let service = one_of(&[
        "",
        "",
        "<service name=\"t\" method=\"table\"/>",
        "<service name=\"s\" product=\"P\" version=\"1\" method=\"probed\"><cpe>cpe:/a:p</cpe></service>",
        "<service name=\"s\" product=\"Q\" method=\"probed\"/>",
        "<service name=\"x\" banner=\"1\"/><service name=\"y\" banner=\"2\"/>",
    ]);
    let state = one_of(&["open", "open", "open", "closed", "filtered"]);
    let reason = one_of(&["syn-ack", "syn-ack", "syn-ack", "reset"]);
    let port = (1..4_u16, state, reason, service);
    let status = prop::sample::select(vec![UP, UP, UP, UP, ASSUMED, DOWN, LATE]);
    let texts = (status, mac, names, os, extra);
    let ports = prop::collection::vec(port, 0..4);
    (0..2_u8, prop::option::weighted(0.8, 0..4_i64), texts, ports, prop::bool::weighted(0.1))
        .prop_map(|(ip, end, (status, mac, names, os, extra), mut ports, is_cut)| {
            ports.sort_by_key(|port| port.0);
            ports.dedup_by_key(|port| port.0);
            Element { ip, end, status, mac, names, os, extra, ports, is_cut }
        })
}

/// Returns a scan. `begin` is its start, if it has one; it ends ten seconds later, if it has an end.
fn document(
    n: usize,
    (begin, says): (i64, (bool, bool)),
    (args, tcp): (&str, &str),
    elements: &[Element],
) -> String {
    let start = if says.0 { format!(" start=\"{begin}\"") } else { String::new() };
    let mut xml = format!("<nmaprun scanner=\"nmap\" args=\"nmap {args} x{n}\"{start}>{tcp}");
    for of in elements {
        let end = of.end.map(|end| format!(" endtime=\"{}\"", begin + end)).unwrap_or_default();
        let _ = write!(
            xml,
            "<host{end}{}<address addr=\"192.0.2.{}\" addrtype=\"ipv4\"/>{}{}<ports>{}",
            of.status, of.ip, of.mac, of.names, of.extra
        );
        for (number, state, reason, service) in &of.ports {
            let _ = write!(
                xml,
                "<port protocol=\"tcp\" portid=\"{number}\"><state state=\"{state}\" reason=\"{reason}\"/>{service}</port>"
            );
        }
        let _ = write!(xml, "</ports>{}{}", of.os, if of.is_cut { "" } else { "</host>" });
    }
    let end = if says.1 { format!(" time=\"{}\"", begin + 10) } else { String::new() };
    let _ = write!(xml, "<runstats><finished{end} exit=\"success\"/></runstats></nmaprun>");
    xml
}

/// Returns scans: with `spread` at different times, otherwise some at the same time.
fn any_series(count: std::ops::Range<usize>, spread: bool) -> impl Strategy<Value = Vec<String>> {
    let args = one_of(&["", "", "", "-sV", "-A", "-O -sC"]);
    let tcp = one_of(&[
        "<scaninfo type=\"syn\" protocol=\"tcp\" services=\"1-4\"/>",
        "<scaninfo type=\"syn\" protocol=\"tcp\" services=\"1-4\"/>",
        "<scaninfo type=\"syn\" protocol=\"tcp\" services=\"1-2\"/>",
        "<scaninfo type=\"syn\" protocol=\"tcp\" services=\"3\"/>",
        "",
    ]);
    let says = (prop::bool::weighted(0.9), prop::bool::weighted(0.8));
    let elements = prop::collection::vec(any_element(), 0..4);
    prop::collection::vec((args, tcp, says, 1..4_i64, elements), count).prop_map(move |scans| {
        let documents =
            scans.into_iter().enumerate().map(|(n, (args, tcp, says, at, elements))| {
                let begin = if spread { i64::try_from(n + 1).unwrap() * 100 } else { at * 3 };
                let says = if spread { (true, says.1) } else { says };
                document(n, (begin, says), (args, tcp), &elements)
            });
        documents.collect()
    })
}

fn any_policy() -> impl Strategy<Value = MergePolicy> {
    let identity = prop::sample::select(vec![Identity::Ip, Identity::Ip, Identity::Hostname]);
    let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.3));
    (identity, flags).prop_map(|(identity, (covered, device))| {
        latest().with_identity(identity).with_keep_covered(covered).with_keep_identity(device)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn rows_valid_at_a_time_equal_the_merge_of_all_looks_up_to_it(
        docs in prop::bool::ANY.prop_flat_map(|spread| any_series(1..9, spread)),
        policy in any_policy(),
    ) {
        let mut found = rows(merger(policy, &docs));
        found.sort();
        prop_assert_eq!(found, defined(policy, &docs));
    }

    #[test]
    fn intervals_of_one_key_never_overlap(
        docs in any_series(1..9, false),
        policy in any_policy(),
    ) {
        let rows = rows(merger(policy, &docs));
        for row in &rows {
            prop_assert!(row.to.is_none() || row.from < row.to, "{row:?}");
            prop_assert!(row.from <= row.last_seen && row.looks > 0, "{row:?}");
            prop_assert!(row.to.is_none() || row.last_seen < row.to, "{row:?}");
            prop_assert_eq!(row.to.is_some(), row.scans.2.is_some());
            let at_once = rows.iter().filter(|other| other.key == row.key && other.is_valid_at(row.from));
            prop_assert_eq!(at_once.count(), 1, "{:?}", row);
        }
    }

    #[test]
    fn another_scan_at_the_end_changes_only_open_intervals(
        docs in any_series(2..9, true),
        policy in any_policy(),
    ) {
        let before = rows(merger(policy, &docs[..docs.len() - 1]));
        let mut after = rows(merger(policy, &docs));
        for row in before {
            // The interval is unchanged, has ended, or was confirmed once more.
            let place = after.iter().position(|other| {
                (&other.key, other.from, &other.values, &other.scans.0) == (&row.key, row.from, &row.values, &row.scans.0)
            });
            let other = after.remove(place.unwrap());
            if row.to.is_some() {
                prop_assert_eq!(other, row);
            } else {
                prop_assert!(other.looks == row.looks || (other.looks == row.looks + 1 && other.to.is_none()));
            }
        }
        let newest = after.iter().all(|row| row.to.is_none());
        prop_assert!(newest, "a new interval is open: {after:?}");
    }

    #[test]
    fn the_order_of_the_arguments_does_not_matter(
        docs in any_series(2..9, true).prop_flat_map(|docs| (Just(docs.clone()), Just(docs).prop_shuffle())),
        policy in any_policy(),
    ) {
        prop_assert_eq!(rows(merger(policy, &docs.0)), rows(merger(policy, &docs.1)));
    }

    #[test]
    fn a_comparison_of_two_times_explains_the_difference_of_their_intervals(
        docs in any_series(2..9, true),
        cut in 1..8_usize,
    ) {
        let cut = cut.min(docs.len() - 1);
        let all = rows(merger(latest(), &docs));
        // Scans begin at 100, 200 and so on, and end before the next.
        let states = |time: usize| -> BTreeMap<(String, String), String> {
            let time = Some(i64::try_from(time * 100 + 99).unwrap());
            let there = all.iter().filter(|row| !row.key.1.is_empty() && row.is_valid_at(time));
            there.map(|row| (row.key.clone(), row.values[6].clone())).collect()
        };
        let (before, after) = (states(cut), states(docs.len()));
        let mut told = before.clone();
        for host in differences(merger(latest(), &docs[..cut]), merger(latest(), &docs)).unwrap() {
            for change in host.unwrap().changes.iter().filter(|change| change.column == "state") {
                let (Some(protocol), Some(port)) = (&change.protocol, change.port) else { continue };
                let key = (change.host_key.clone(), format!("{protocol}/{port:05}"));
                if change.kind.is_change() && before.get(&key) == after.get(&key) {
                    // A port that neither side lists is compared by the states of lists.
                    prop_assert!(!before.contains_key(&key), "{change:?}");
                    continue;
                }
                match (change.kind, &change.new) {
                    (ChangeKind::Gone, _) | (ChangeKind::NotScanned, None) => told.remove(&key),
                    (_, Some(new)) => told.insert(key, new.clone()),
                    (_, None) => None,
                };
            }
        }
        // A port that a list names in the same state, or that is listed again, needs no row.
        let is_in_lists = |state: &str| {
            let list = format!("<extraports state=\"{state}\"");
            docs.iter().any(|doc| doc.contains(&list))
        };
        for (one, other) in [(&after, &told), (&told, &after)] {
            for (key, state) in one {
                prop_assert!(other.get(key) == Some(state) || is_in_lists(state), "{key:?} {state}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn spilling_does_not_change_the_result(docs in any_series(1..6, false), policy in any_policy()) {
        let mut spilled = Merger::with_memory(policy, 256 << 10, None);
        // Enough hosts to exceed the cap twice.
        let mut docs = docs;
        for n in 0..2 {
            let elements = (0..250).map(|ip| format!(
                "<host endtime=\"{}\"><status state=\"up\" reason=\"arp\"/><address addr=\"198.51.100.{ip}\" addrtype=\"ipv4\"/>\
                 <ports><port protocol=\"tcp\" portid=\"22\"><state state=\"open\" reason=\"{}\"/></port></ports></host>",
                500 + n, "long ".repeat(40 * (n + 1))
            ));
            let all = elements.collect::<String>();
            docs.push(document(100 + n, (500, (true, true)), ("", ""), &[]).replace("<runstats>", &format!("{all}<runstats>")));
        }
        for doc in &docs {
            add(&mut spilled, "x.xml", doc.as_bytes());
        }
        prop_assert_eq!(rows(spilled), rows(merger(policy, &docs)));
    }
}

// Single rules, by small scans.

/// Returns a scan of one host, which ends at `end`.
fn scan(end: i64, args: &str, host: &str) -> String {
    format!(
        "<nmaprun scanner=\"nmap\" args=\"nmap {args} {end}\" start=\"{}\">\
         <scaninfo type=\"syn\" protocol=\"tcp\" services=\"1-100\"/><host endtime=\"{end}\">\
         <status state=\"up\" reason=\"arp-response\"/><address addr=\"192.0.2.1\" addrtype=\"ipv4\"/>{host}</host>\
         <runstats><finished time=\"{end}\" exit=\"success\"/></runstats></nmaprun>",
        end - 1
    )
}

fn port(state: &str, inside: &str) -> String {
    format!(
        "<ports><port protocol=\"tcp\" portid=\"22\"><state state=\"{state}\"/>{inside}</port></ports>"
    )
}

/// Returns `state product from-to seen looks` of each interval of ports.
fn spans(policy: MergePolicy, docs: &[String]) -> Vec<String> {
    let time = |time: Option<i64>| time.map(|time| time.to_string()).unwrap_or_default();
    let ports = rows(merger(policy, docs)).into_iter().filter(|row| !row.key.1.is_empty());
    let text = |row: Row| {
        let (state, product) = (&row.values[6], &row.values[3]);
        let (from, to, seen) = (time(row.from), time(row.to), time(row.last_seen));
        format!("{state} {product} {from}-{to} {seen} {}", row.looks)
    };
    ports.map(text).collect()
}

const PROBED: &str = "<service name=\"ssh\" product=\"P\" method=\"probed\"/>";

#[test]
fn a_quick_look_ends_no_version_and_confirms_the_port() {
    let docs = [
        scan(10, "-sV", &port("open", PROBED)),
        scan(20, "", &port("open", "<service name=\"ssh\" method=\"table\"/>")),
    ];
    assert_eq!(spans(latest(), &docs), ["open P 10- 20 2"]);
    let deep = scan(30, "-sV", &port("open", ""));
    assert_eq!(
        spans(latest(), &[docs.as_slice(), &[deep]].concat()),
        ["open P 10-30 20 2", "open - 30- 30 1"]
    );
}

#[test]
fn a_port_that_is_covered_ends_and_may_come_back() {
    let docs = [
        scan(10, "", &port("open", "")),
        scan(20, "", "<ports><extraports state=\"closed\" count=\"100\"/></ports>"),
        scan(30, "", &port("open", "")),
    ];
    assert_eq!(spans(latest(), &docs), ["open - 10-20 10 1", "open - 30- 30 1"]);
    assert_eq!(spans(latest().with_keep_covered(true), &docs), ["open - 10- 30 2"]);
    let elsewhere = docs[1].replace("1-100", "80");
    let docs = [docs[0].clone(), elsewhere, docs[2].clone()];
    assert_eq!(spans(latest(), &docs), ["open - 10- 30 2"], "not scanned");
}

#[test]
fn another_device_ends_equal_intervals() {
    let mac = |digit: char| {
        format!("<address addr=\"00:00:5E:00:53:0{digit}\" addrtype=\"mac\"/>{}", port("open", ""))
    };
    let docs = [scan(10, "", &mac('A')), scan(20, "", &mac('B'))];
    assert_eq!(spans(latest(), &docs), ["open - 10-20 10 1", "open - 20- 20 1"]);
    assert_eq!(spans(latest().with_keep_identity(true), &docs), ["open - 10- 20 2"]);
}

#[test]
fn looks_at_the_same_time_are_one_moment_and_those_without_time_come_first() {
    let docs = [scan(10, "-a", &port("closed", "")), scan(10, "-b", &port("open", ""))];
    assert_eq!(spans(latest(), &docs), ["open - 10- 10 1"], "the later argument");
    let timeless = scan(10, "", &port("open", ""));
    let timeless = timeless
        .replace(" endtime=\"10\"", "")
        .replace(" time=\"10\"", "")
        .replace(" start=\"9\"", "");
    let docs = [scan(20, "", &port("closed", "")), timeless];
    assert_eq!(spans(latest(), &docs), ["open - -20  1", "closed - 20- 20 1"]);
}

#[test]
fn versions_from_looks_without_evidence_depend_on_earlier_looks_with_evidence() {
    // The look that saw the version timed out, so it ranks below the look that found the port closed. For the
    // look at 30 that ends the version.
    let closed = scan(10, "", "<ports><extraports state=\"closed\" count=\"100\"/></ports>");
    let late =
        scan(20, "-sV", &port("open", PROBED)).replace("endtime", "timedout=\"true\" endtime");
    let open = scan(30, "", &port("open", ""));
    let docs = [closed, late, open];
    assert_eq!(spans(latest(), &docs), ["open P 20-30 20 1", "open - 30- 30 1"]);
    assert_eq!(spans(latest(), &docs[1..]), ["open P 20- 30 2"]);
}

#[test]
fn another_state_in_between_ends_a_version_though_the_port_is_kept() {
    let covered = |end| scan(end, "", "");
    let docs = [
        scan(10, "-sV", &port("open", PROBED)),
        covered(20),
        scan(30, "", &port("open", "")),
        covered(30),
        scan(40, "", &port("open", "")),
    ];
    let keep = latest().with_keep_covered(true);
    assert_eq!(spans(keep, &docs), ["open P 10-30 10 1", "open - 30- 40 2"]);
}

#[test]
fn each_look_of_a_moment_may_end_a_version() {
    let listed = "<ports><extraports state=\"open\" count=\"1\"><extrareasons reason=\"r\" count=\"1\" proto=\"tcp\" \
                  ports=\"22\"/></extraports></ports>";
    let docs = [
        scan(10, "-sV", &port("open", PROBED)),
        scan(20, "-a", "<ports><extraports state=\"closed\" count=\"100\"/></ports>"),
        scan(20, "-b", listed),
        scan(30, "", &port("open", "")),
    ];
    assert_eq!(spans(latest(), &docs), ["open P 10-20 10 1", "open - 30- 30 1"]);
    let one = [docs[0].clone(), docs[2].clone(), docs[3].clone()];
    assert_eq!(spans(latest(), &one), ["open P 10-20 10 1", "open P 30- 30 1"]);
}

/// The time for years of looks at a host with many ports grows linearly with their listings.
#[test]
fn many_quick_looks_at_a_host_with_many_ports_take_linear_time() {
    let mut ports = String::new();
    for port in 1..=20_000 {
        let _ = write!(
            ports,
            "<port protocol=\"tcp\" portid=\"{port}\"><state state=\"open\"/></port>"
        );
    }
    let mut docs = vec![scan(10, "", &format!("<ports>{ports}</ports>"))];
    docs.extend((0..2000).map(|n| {
        scan(20 + n, "", &port("open", "")).replace("services=\"1-100\"", "services=\"22\"")
    }));
    let begun = std::time::Instant::now();
    let found = rows(merger(latest(), &docs));
    assert_eq!(found.len(), 20_001);
    assert_eq!(found.iter().map(|row| row.looks).max(), Some(2001));
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

/// The series of fixtures for merging, as both tables.
#[cfg(feature = "cli")]
#[test]
fn the_series_of_fixtures_has_this_history() {
    let names = [
        "40-merge-day1-fast-syn",
        "41-merge-day1-versions-os",
        "42-merge-connect-unprivileged-view",
        "43-merge-ipv6-same-mac",
        "44-merge-day2-changed",
        "45-merge-day2-all-filtered",
        "46-merge-day3-host-down",
    ];
    let mut text = String::new();
    for table in ["host_history", "port_history"] {
        let run = assert_cmd::cargo::cargo_bin_cmd!("scanmill")
            .current_dir(root())
            .args(["-q", "history", "--to", "csv", "--table", table])
            .args(names.map(|name| format!("fixtures/{name}.xml")))
            .output()
            .unwrap();
        assert!(run.status.success());
        text.push_str(&String::from_utf8(run.stdout).unwrap());
    }
    insta::assert_snapshot!("series", text);
}

/// The recipes of the page give the results that it shows, in `DuckDB` and pandas.
#[cfg(feature = "cli")]
#[test]
fn recipes_give_the_results_shown() {
    let Some(python) = crate::support::venv_python() else {
        crate::support::skip("recipes", "there is no venv of the outside readers");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut history = assert_cmd::cargo::cargo_bin_cmd!("scanmill");
    let fixtures = crate::support::fixtures();
    let series = fixtures.iter().filter(|fixture| fixture.name.contains("-merge-"));
    history.arg("-q").arg("history").args(series.map(|fixture| &fixture.path));
    history.arg("-o").arg(folder.path().join("history")).assert().success();
    let mut recipes = crate::support::command(python);
    recipes.arg(root().join("tests/oracle/recipes.py"));
    recipes.arg(root().join("docs/history.md")).arg(folder.path());
    assert_eq!(crate::support::output_of(&mut recipes).trim(), "5");
}
