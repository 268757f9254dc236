//! Merging of scanners: the rules of docs/merge.md, with the IDs of the scans.

use scanmill::{error::ErrorKind, merge::MergeFlags, model::merged_host_id, scanner::Scanner};

use super::{Fake, TAIL};
use crate::support::root;

/// Returns a scan with its own ID.
fn scan(args: &str, hosts: &str) -> Scanner {
    let xml =
        format!("<nmaprun scanner=\"nmap\" args=\"{args}\" start=\"1700000000\">{hosts}{TAIL}");
    Scanner::from_reader(xml.as_bytes()).unwrap()
}

fn port(proto: &str, number: u16, state: &str, service: &str) -> String {
    format!(
        "<port protocol=\"{proto}\" portid=\"{number}\"><state state=\"{state}\"/>{service}</port>"
    )
}

fn host(number: u8, ports: &[String], rest: &str) -> String {
    format!(
        "<host><status state=\"up\"/><address addr=\"192.0.2.{number}\" addrtype=\"ipv4\"/><ports>{}</ports>{rest}</host>",
        ports.concat()
    )
}

const TRACE: &str = "<trace><hop ttl=\"1\" ipaddr=\"192.0.2.254\"/></trace>";

/// Returns the caller of the documented example.
fn caller() -> Scanner {
    let ports = [port("tcp", 22, "open", ""), port("tcp", 80, "closed", "")];
    let rest = format!(
        "<os><osmatch name=\"L5\" accuracy=\"95\"/></os><hostscript><script id=\"nbstat\" output=\"own\"/></hostscript>{TRACE}"
    );
    scan("caller", &host(1, &ports, &rest))
}

/// Returns the other scan of the example.
fn other() -> Scanner {
    let ports = [
        port("tcp", 22, "open", "<service name=\"ssh\" product=\"OpenSSH\" method=\"probed\"/>"),
        port("tcp", 80, "open", ""),
        port("tcp", 443, "open", ""),
        port("udp", 53, "open", ""),
    ];
    let rest = "<os><osmatch name=\"L5\" accuracy=\"99\"/><osmatch name=\"L6\" accuracy=\"97\"/></os>\
        <hostscript><script id=\"nbstat\" output=\"theirs\"/><script id=\"smb2-time\" output=\"t\"/></hostscript>\
        <trace><hop ttl=\"1\"/><hop ttl=\"2\"/></trace>";
    scan("other", &host(1, &ports, rest))
}

const HOST: &str = "192.0.2.1";

#[test]
fn the_documented_example_merges_as_shown() {
    let mut all = caller();
    all.merge(&[&other()], MergeFlags::default()).unwrap();
    assert_eq!(all.scanned_ports(HOST, "tcp").unwrap(), [22, 80, 443]);
    assert_eq!(all.scanned_ports(HOST, "udp").unwrap(), [53]);
    assert!(all.service(HOST, "tcp", 22).unwrap().is_none(), "a port it has is never changed");
    assert_eq!(all.port_state(HOST, "tcp", 80).unwrap().0, "closed");
    assert_eq!(all.os_matches(HOST).unwrap(), [("L6", Some(97)), ("L5", Some(95))]);
    assert_eq!(all.host_script(HOST, "nbstat").unwrap(), Some("own"));
    assert_eq!(all.host_script(HOST, "smb2-time").unwrap(), Some("t"));
    assert_eq!(all.trace_info(HOST).unwrap().len(), 1);
    assert_eq!(all.args(), Some("caller"));
    assert_eq!(all.host_id(HOST).unwrap(), merged_host_id("ip:192.0.2.1"));
    assert_eq!(all.scan_ids(HOST).unwrap().len(), 2);

    let with = |flags: MergeFlags| {
        let mut all = caller();
        all.merge(&[&other()], flags).unwrap();
        all
    };
    let all = MergeFlags::default();
    assert_eq!(with(MergeFlags { udp: false, ..all }).all_protocols(HOST).unwrap(), ["tcp"]);
    assert_eq!(
        with(MergeFlags { tcp: false, ..all }).scanned_ports(HOST, "tcp").unwrap(),
        [22, 80]
    );
    assert_eq!(with(MergeFlags { os: false, ..all }).most_accurate_os(HOST).unwrap(), ["L5"]);
    assert_eq!(with(MergeFlags { scripts: false, ..all }).host_scripts(HOST, "").unwrap().len(), 1);
}

#[test]
fn merging_an_input_again_changes_nothing() {
    let (second, third) = (other(), scan("third", &host(3, &[port("tcp", 1, "open", "")], "")));
    let mut all = caller();
    all.merge(&[&second, &third], MergeFlags::default()).unwrap();
    let shown = |scanner: &Scanner| {
        let hosts = scanner.scanned_hosts().unwrap();
        let ids: Vec<_> = hosts.iter().map(|host| scanner.scan_ids(host).unwrap()).collect();
        format!("{:?} {ids:?} {:?}", scanner.hosts().unwrap(), scanner.record())
    };
    let before = shown(&all);
    let mut without_udp = caller();
    without_udp.merge(&[&second], MergeFlags { udp: false, ..MergeFlags::default() }).unwrap();
    for input in [&caller(), &second, &third] {
        all.merge(&[input], MergeFlags::default()).unwrap();
        assert_eq!(shown(&all), before);
        without_udp.merge(&[input], MergeFlags::default()).unwrap();
    }
    assert_eq!(without_udp.all_protocols(HOST).unwrap(), ["tcp"], "its scan is known");
    assert_eq!(without_udp.scanned_hosts().unwrap(), [HOST, "192.0.2.3"]);
    // Merging one after the other equals merging all together.
    let mut steps = caller();
    steps.merge(&[&second], MergeFlags::default()).unwrap();
    steps.merge(&[&third], MergeFlags::default()).unwrap();
    assert_eq!(shown(&steps), before);
    // Merging a result adds the parts that were not there before.
    let mut last = third;
    last.merge(&[&steps], MergeFlags::default()).unwrap();
    assert_eq!(last.scanned_hosts().unwrap(), ["192.0.2.3", HOST]);
    assert_eq!(last.scan_ids(HOST).unwrap(), steps.scan_ids(HOST).unwrap());
}

#[test]
fn several_scans_are_merged_in_their_order() {
    let first = scan("a", &host(1, &[port("tcp", 5, "open", "")], ""));
    let second = scan("b", &host(1, &[port("tcp", 5, "closed", "")], ""));
    for (order, state) in [([&first, &second], "open"), ([&second, &first], "closed")] {
        let mut all = caller();
        all.merge(&order, MergeFlags::default()).unwrap();
        assert_eq!(all.port_state(HOST, "tcp", 5).unwrap().0, state);
    }
}

#[test]
fn a_scan_that_was_never_run_cannot_be_merged() {
    let never = Scanner::new("192.0.2.1").unwrap();
    let mut own = caller();
    for error in [
        own.merge(&[], MergeFlags::default()),
        own.merge(&[&other(), &never], MergeFlags::default()),
        Scanner::new("192.0.2.1").unwrap().merge(&[&other()], MergeFlags::default()),
    ] {
        assert!(matches!(error.unwrap_err().kind(), ErrorKind::Scan(_)));
    }
    assert_eq!(own.scanned_ports(HOST, "tcp").unwrap(), [22, 80], "nothing was merged");
    // A truncated document of an archive merges like any other.
    let cut = Scanner::from_xml(root().join("fixtures/31-truncated-sigkill.xml")).unwrap();
    own.merge(&[&cut], MergeFlags::default()).unwrap();
    assert!(own.scanned_hosts().unwrap().len() > 1);
}

/// Returns a scan that was run, so that its request counts.
fn ran(args: &str, targets: &str, ports: &str, hosts: &str) -> Scanner {
    let info = format!("<scaninfo type=\"syn\" protocol=\"tcp\" services=\"{ports}\"/>");
    let xml = format!(
        "<nmaprun scanner=\"nmap\" args=\"{args}\" start=\"1700000000\">{info}{hosts}{TAIL}"
    );
    let fake = Fake::saying(&xml);
    let mut scanner =
        Scanner::new(targets).unwrap().with_ports(ports).unwrap().with_nmap(fake.path());
    scanner.run().unwrap();
    scanner
}

#[test]
fn unscanned_hosts_and_ports_are_those_requested_by_either_and_seen_by_none() {
    let extra = "<extraports state=\"closed\" count=\"1\"><extrareasons reason=\"reset\" count=\"1\" proto=\"tcp\"/></extraports>";
    let listed = |number, list: &str| {
        host(number, &[list.to_owned()], "").replace("<ports>", &format!("<ports>{extra}"))
    };
    let first = || ran("a", "192.0.2.1-3, Web.example", "22,23", &listed(1, ""));
    let second = || {
        let named = "<hostnames><hostname name=\"web.EXAMPLE\" type=\"user\"/><hostname name=\"x.example\" type=\"PTR\"/></hostnames>";
        let hosts = host(2, &[], named) + &host(1, &[port("tcp", 80, "open", "")], "");
        ran("b", "192.0.2.2-4, x.example", "80,81", &hosts)
    };
    let left = |scanner: &Scanner| scanner.non_scanned_hosts().unwrap().collect::<Vec<_>>();
    assert_eq!(left(&first()), ["192.0.2.2", "192.0.2.3", "Web.example"]);
    assert_eq!(left(&second()), ["192.0.2.3", "192.0.2.4", "x.example"]);
    assert!(first().non_scanned_ports(HOST, "tcp").unwrap().is_empty());
    assert_eq!(second().non_scanned_ports(HOST, "tcp").unwrap(), [81]);
    let mut all = first();
    all.merge(&[&second()], MergeFlags::default()).unwrap();
    // The name that was requested is known; the one that only DNS returned is not.
    assert_eq!(left(&all), ["192.0.2.3", "192.0.2.4", "x.example"]);
    // 22 and 23 are covered by the first, 80 is listed by the second, 81 by none.
    assert_eq!(all.non_scanned_ports(HOST, "tcp").unwrap(), [81]);
    let mut own = first();
    own.merge(&[&second()], MergeFlags { non_scanned: false, ..MergeFlags::default() }).unwrap();
    assert_eq!(left(&own), ["192.0.2.3"]);
    assert!(own.non_scanned_ports(HOST, "tcp").unwrap().is_empty());
    // A large network is counted address by address, and only on request.
    let large = ran("c", "10.0.0.0/8", "22", &host(1, &[], ""));
    assert_eq!(
        large.non_scanned_hosts().unwrap().take(2).collect::<Vec<_>>(),
        ["10.0.0.1", "10.0.0.2"]
    );
}
