//! Lookups in files agree with the reader for every fixture.

use std::collections::{BTreeMap, BTreeSet};

use scanmill::{
    error::ErrorKind,
    model::{Host, HostKey, Identity, Port, ScriptOrigin},
    scanner::Scanner,
};

use super::{HEAD, TAIL};
use crate::support::{Outcome, fixture, fixtures, root, rows_of};

/// Returns the hosts of the reader by key, with all entries of a host together.
fn by_key(outcome: &Outcome) -> BTreeMap<String, Vec<&Host<'static>>> {
    let mut keys: BTreeMap<String, Vec<&Host<'static>>> = BTreeMap::new();
    for host in outcome.hosts() {
        keys.entry(HostKey::of(host, Identity::Ip).as_str().to_owned()).or_default().push(host);
    }
    keys
}

#[test]
fn lookups_agree_with_the_reader_for_every_fixture() {
    let mut checked = 0;
    for fixture in fixtures() {
        let outcome = Outcome::of(&fixture.bytes);
        let scanner = match Scanner::from_xml(&fixture.path) {
            Ok(scanner) => scanner,
            Err(error) => panic!("{}: {error}", fixture.name),
        };
        let first = outcome.runs().into_iter().find(|run| run.has_scan).unwrap();
        let record = scanner.record().unwrap();
        assert_eq!(record.header, first.header, "{}", fixture.name);
        assert_eq!(scanner.args(), first.header.args.as_deref());
        assert_eq!(scanner.summary(), first.stats.summary.as_deref());
        assert_eq!(scanner.non_scanned_hosts().unwrap().count(), 0);
        let hosts = by_key(&outcome);
        assert_eq!(scanner.scanned_hosts().unwrap().len(), hosts.len(), "{}", fixture.name);
        for (key, entries) in hosts {
            let name = key.split_once(':').unwrap().1;
            agrees(&scanner, name, &entries, &fixture.name);
            checked += 1;
        }
    }
    assert!(checked > 150, "{checked}");
}

/// Compares the lookups of a host with the entries that the file has for it.
fn agrees(scanner: &Scanner, name: &str, entries: &[&Host<'static>], fixture: &str) {
    let first = entries[0];
    assert_eq!(scanner.state(name).unwrap(), first.status.state.as_str(), "{fixture} {name}");
    assert_eq!(scanner.reason(name).unwrap(), first.status.reason.as_deref());
    let names: BTreeSet<_> = entries
        .iter()
        .flat_map(|host| host.hostnames.iter().map(|found| found.name.to_lowercase()))
        .collect();
    let found: BTreeSet<_> =
        scanner.hostnames(name).unwrap().iter().map(|found| found.to_lowercase()).collect();
    assert_eq!(found, names, "{fixture} {name}");
    let mut ports: BTreeMap<(String, u16), &Port<'static>> = BTreeMap::new();
    for port in entries.iter().flat_map(|host| &host.ports) {
        ports.entry((port.protocol.as_str().to_owned(), port.number)).or_insert(port);
    }
    let protocols: BTreeSet<&str> = ports.keys().map(|(proto, _)| proto.as_str()).collect();
    let found: BTreeSet<&str> = scanner.all_protocols(name).unwrap().into_iter().collect();
    assert_eq!(found, protocols, "{fixture} {name}");
    let count: usize =
        protocols.iter().map(|proto| scanner.scanned_ports(name, proto).unwrap().len()).sum();
    assert_eq!(count, ports.len(), "{fixture} {name}");
    for port in ports.values() {
        port_agrees(scanner, name, entries, port);
    }
    let scripts = entries.iter().flat_map(|host| &host.scripts);
    for script in scripts {
        assert!(scanner.host_script(name, &script.name).is_ok());
        let containing = scanner.host_scripts(name, &script.name[1..]).unwrap();
        assert!(containing.iter().any(|(found, _)| *found == script.name));
    }
    let matches = scanner.os_matches(name).unwrap();
    assert!(matches.is_sorted_by(|(_, a), (_, b)| a >= b));
    if let [only] = entries {
        assert_eq!(matches.len(), only.os.matches.len());
        let fingerprint = only.os.fingerprints.first().map(|found| &**found);
        assert_eq!(scanner.os_fingerprint(name).unwrap(), fingerprint);
        let hops: usize = only.traces.iter().map(|trace| trace.hops.len()).sum();
        assert_eq!(scanner.trace_info(name).unwrap().len(), hops);
    }
}

/// Compares the lookups of a port.
fn port_agrees(scanner: &Scanner, name: &str, entries: &[&Host<'static>], port: &Port<'static>) {
    let (proto, number) = (port.protocol.as_str(), port.number);
    let (state, reason) = scanner.port_state(name, proto, number).unwrap();
    assert_eq!((state, reason), (port.state.as_str(), port.reason.as_deref()));
    let service = scanner.service(name, proto, number).unwrap();
    let services = entries
        .iter()
        .flat_map(|host| &host.ports)
        .filter(|other| other.protocol.as_str() == proto && other.number == number);
    let first = services.flat_map(|port| &port.services).next();
    assert_eq!(service.is_some(), first.is_some(), "{name} {number}");
    if let (Some(service), Some(first)) = (service, first) {
        assert_eq!(service.service(), Some(first));
        let (info, text) = scanner.standard_service_info(name, proto, number).unwrap();
        assert_eq!(info, first.name.as_deref());
        let text = text.unwrap();
        assert!(!text.contains("  ") && text.trim() == text);
        for part in [&first.product, &first.version] {
            assert!(part.iter().all(|part| text.contains(part.trim())), "{text}");
        }
    }
    for script in &port.scripts {
        let found = scanner.port_script(name, proto, number, &script.name).unwrap();
        let first = port.scripts.iter().find(|known| known.name == script.name).unwrap();
        assert_eq!(found, first.output.as_deref());
    }
    let scripts = scanner.port_scripts(name, proto, number, "").unwrap();
    assert!(scripts.len() >= port.scripts.len());
    assert!(scanner.non_scanned_ports(name, proto).unwrap().is_empty());
}

#[test]
fn lookups_agree_with_the_tables() {
    let folder = root().join("fixtures");
    let scanner = Scanner::from_xml(folder.join("04-all-options-lan.xml")).unwrap();
    let id = scanner.record().unwrap().header.scan_id.clone();
    let rows: Vec<_> = rows_of(&folder).into_iter().filter(|row| row["scan_id"] == *id).collect();
    let of_table = |name: &'static str| rows.iter().filter(move |row| row["_table"] == name);
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    for row in of_table("hosts") {
        let ip = row["ip"].as_str().unwrap();
        assert_eq!(scanner.host_id(ip).unwrap(), row["host_id"].as_str().unwrap());
        assert_eq!(scanner.scan_ids(ip).unwrap(), [row["scan_id"].as_str().unwrap()]);
        assert_eq!(Some(scanner.state(ip).unwrap().to_owned()), text(&row["state"]));
    }
    let ip_of = |row: &serde_json::Value| {
        let mut hosts = of_table("hosts");
        text(&hosts.find(|host| host["host_id"] == row["host_id"]).unwrap()["ip"]).unwrap()
    };
    let number = |row: &serde_json::Value| u16::try_from(row["port"].as_i64().unwrap()).unwrap();
    for row in of_table("ports") {
        let proto = row["protocol"].as_str().unwrap();
        let ip = ip_of(row);
        let (state, reason) = scanner.port_state(&ip, proto, number(row)).unwrap();
        assert_eq!(Some(state), row["state"].as_str());
        assert_eq!(reason, row["reason"].as_str());
    }
    for row in of_table("services") {
        let ip = ip_of(row);
        let service = scanner.service(&ip, row["protocol"].as_str().unwrap(), number(row));
        let service = service.unwrap().unwrap();
        assert_eq!(service.name(), row["name"].as_str());
        assert_eq!(service.product(), row["product"].as_str());
        assert_eq!(service.version(), row["version"].as_str());
        assert_eq!(service.extra_info(), row["extra_info"].as_str());
    }
    let mut scripts = 0;
    for row in of_table("scripts").filter(|row| row["scope"] == "port") {
        let ip = ip_of(row);
        let proto = row["protocol"].as_str().unwrap();
        let name = row["script"].as_str().or(row["name"].as_str()).unwrap();
        let output = scanner.port_script(&ip, proto, number(row), name).unwrap();
        assert_eq!(output, row["output"].as_str());
        scripts += 1;
    }
    assert!(scripts > 10, "{scripts}");
}

/// A host with every kind of information.
const RICH: &str = r#"<host><status state="up" reason="arp-response"/>
<address addr="fe80::1%eth0" addrtype="ipv6"/><address addr="00:00:5E:00:53:01" addrtype="mac"/>
<hostnames><hostname name="Web.example" type="user"/><hostname name="web.example" type="PTR"/><hostname name="Web.example" type="PTR"/></hostnames>
<ports>
<port protocol="tcp" portid="80"><state state="open" reason="syn-ack"/><service name="http" product="Apache  httpd" extrainfo=" (Debian) "/><script id="http-title" output="first"/><script id="http-title" output="second"/><script id="http-empty"/></port>
<port protocol="tcp" portid="81"><state state="open"/><script id="banner" output="hello"/></port>
<port protocol="udp" portid="53"><state state="open"/><service name="domain"/></port>
</ports>
<os><osmatch name="B" accuracy="90"/><osmatch name="A" accuracy="97"/><osmatch name="C" accuracy="97"/><osfingerprint fingerprint="one"/><osfingerprint fingerprint="two"/></os>
<hostscript><script id="smb-os" output="x"/><script id="smb-time" output=""/></hostscript>
<trace><hop ttl="1" ipaddr="192.0.2.1" rtt="--"/><hop ttl="3" ipaddr="192.0.2.9" rtt="1.50" host="r.example"/></trace>
</host><host><status state="down"/><address addr="192.0.2.77" addrtype="ipv4"/></host>"#;

fn rich() -> Scanner {
    Scanner::from_reader(format!("{HEAD}{RICH}{TAIL}").as_bytes()).unwrap()
}

#[test]
fn each_lookup_returns_the_documented_value() {
    let scanner = rich();
    let host = "fe80::1%eth0";
    assert_eq!(scanner.scanned_hosts().unwrap(), [host, "192.0.2.77"]);
    assert_eq!(scanner.state("192.0.2.77").unwrap(), "down");
    // The host is found under any form of its address, and without its zone.
    for name in ["FE80:0:0::1%eth0", "fe80::1", "fe80:0:0::1", "00:00:5E:00:53:01"] {
        assert_eq!(scanner.state(name).unwrap(), "up", "{name}");
    }
    assert_eq!(scanner.reason(host).unwrap(), Some("arp-response"));
    assert_eq!(scanner.hostnames(host).unwrap(), ["Web.example", "web.example"]);
    assert_eq!(scanner.all_protocols(host).unwrap(), ["tcp", "udp"]);
    assert_eq!(scanner.scanned_ports(host, "tcp").unwrap(), [80, 81]);
    assert_eq!(scanner.port_state(host, "tcp", 81).unwrap(), ("open", None));
    let info = |proto, port| scanner.standard_service_info(host, proto, port).unwrap();
    assert_eq!(info("tcp", 80), (Some("http"), Some("Apache httpd (Debian)".to_owned())));
    assert_eq!(info("udp", 53), (Some("domain"), Some(String::new())));
    assert_eq!(info("tcp", 81), (None, None));
    assert!(scanner.service(host, "tcp", 81).unwrap().is_none());
    // Scripts exist without a service.
    assert_eq!(scanner.port_script(host, "tcp", 81, "banner").unwrap(), Some("hello"));
    let service = scanner.service(host, "tcp", 80).unwrap().unwrap();
    assert_eq!(service.get("http-title").unwrap(), Some("first"));
    assert_eq!(service.get("http-empty").unwrap(), None);
    assert!(service.get("title").is_err() && service.get("HTTP-TITLE").is_err());
    assert!(service.contains("http-title") && !service.contains("title"));
    assert_eq!(service.scripts("title").len(), 2);
    assert_eq!(service.scripts(""), scanner.port_scripts(host, "tcp", 80, "").unwrap());
    assert_eq!(
        scanner.host_scripts(host, "smb").unwrap(),
        [("smb-os", Some("x")), ("smb-time", Some("")),]
    );
    assert_eq!(scanner.host_scripts(host, "time").unwrap().len(), 1);
    assert_eq!(scanner.host_script(host, "smb-time").unwrap(), Some(""));
    let expected = [("A", Some(97)), ("C", Some(97)), ("B", Some(90))];
    assert_eq!(scanner.os_matches(host).unwrap(), expected);
    assert_eq!(scanner.most_accurate_os(host).unwrap(), ["A", "C"]);
    assert!(scanner.most_accurate_os("192.0.2.77").unwrap().is_empty());
    assert_eq!(scanner.os_fingerprint(host).unwrap(), Some("one"));
    assert_eq!(scanner.os_fingerprint("192.0.2.77").unwrap(), None);
    let hops = scanner.trace_info(host).unwrap();
    let hop = |hop: &scanmill::model::TraceHop<'_>| {
        (hop.ttl, hop.ip.as_deref().map(str::to_owned), hop.rtt_ms, hop.hostname.is_some())
    };
    assert_eq!(hop(hops[0]), (Some(1), Some("192.0.2.1".to_owned()), None, false));
    assert_eq!(hop(hops[1]), (Some(3), Some("192.0.2.9".to_owned()), Some(1.5), true));
}

#[test]
fn unknown_hosts_are_errors_of_the_scan() {
    let scanner = rich();
    let host = "fe80::1%eth0";
    for error in [
        scanner.state("192.0.2.1").err(),
        scanner.reason("").err(),
        scanner.scanned_ports(host, "sctp").err(),
        scanner.scanned_ports("192.0.2.77", "tcp").err(),
        scanner.port_state(host, "tcp", 82).err(),
        scanner.port_state(host, "icmp", 80).err(),
        scanner.service(host, "tcp", 82).err(),
        scanner.standard_service_info("x", "tcp", 80).err(),
        scanner.host_script(host, "smb").err(),
        scanner.port_script(host, "tcp", 80, "http").err(),
        scanner.port_scripts(host, "udp", 54, "").err(),
        scanner.os_matches("::1").err(),
        scanner.trace_info("192.0.2.78").err(),
        scanner.hostnames("web.example").err(),
    ] {
        let error = error.unwrap();
        assert!(matches!(error.kind(), ErrorKind::Scan(_)) && error.is_scan_error(), "{error}");
    }
}

#[test]
fn scripts_of_a_service_can_be_set_and_deleted() {
    let mut scanner = rich();
    let host = "fe80::1%eth0";
    assert!(scanner.service_mut(host, "tcp", 81).unwrap().is_none());
    assert!(scanner.service_mut(host, "tcp", 99).is_err());
    let mut service = scanner.service_mut(host, "tcp", 80).unwrap().unwrap();
    service.set("note", serde_json::json!({"ok": true})).unwrap();
    service.set("http-title", "mine").unwrap();
    service.set("nothing", ()).unwrap();
    service.delete("http-empty").unwrap();
    assert!(service.delete("http-empty").is_err());
    assert!(service.view().contains("note") && !service.view().contains("http-empty"));
    assert_eq!(service.view().name(), Some("http"));
    let script = |name| scanner.port_script(host, "tcp", 80, name);
    assert_eq!(script("note").unwrap(), Some(r#"{"ok":true}"#));
    assert_eq!(script("http-title").unwrap(), Some("mine"));
    assert_eq!(script("nothing").unwrap(), None);
    let origins: Vec<_> =
        scanner.port(host, "tcp", 80).unwrap().scripts.iter().map(|script| script.origin).collect();
    assert_eq!(origins[0], ScriptOrigin::Engine);
    assert_eq!(origins[1], ScriptOrigin::Nse, "only the first of a name is set");
    scanner.service_mut(host, "tcp", 80).unwrap().unwrap().delete("http-title").unwrap();
    assert!(scanner.port_script(host, "tcp", 80, "http-title").is_err());
}

#[test]
fn an_engine_runs_on_a_file_and_adds_an_empty_service_to_a_port_without_one() {
    use scanmill::engine::{Engine, PortScript};
    let mut scanner = rich();
    let mut engine = Engine::new();
    engine.port_script(PortScript::new("mark", |_| Ok("seen")).ports(81)).unwrap();
    assert!(scanner.run_engine(&engine).unwrap().is_empty());
    let service = scanner.service("fe80::1", "tcp", 81).unwrap().unwrap();
    assert!(service.service().is_none() && service.name().is_none());
    assert_eq!(service.get("mark").unwrap(), Some("seen"));
    let info = scanner.standard_service_info("fe80::1", "tcp", 81).unwrap();
    assert_eq!(info, (None, Some(String::new())));
    // A second run gives the same results, not duplicates.
    scanner.run_engine(&engine).unwrap();
    assert_eq!(scanner.port_scripts("fe80::1", "tcp", 81, "mark").unwrap().len(), 1);
}

#[test]
fn a_file_may_have_any_name_be_compressed_or_be_empty() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("scan of – today.txt");
    std::fs::write(&odd, fixture("01-").bytes).unwrap();
    let scanner = Scanner::from_xml(&odd).unwrap();
    assert!(scanner.finished() && scanner.non_scanned_hosts().unwrap().next().is_none());
    assert!(scanner.tolerant_errors().is_none() && scanner.failures().is_empty());
    let packed = folder.path().join("packed");
    let file = std::fs::File::create(&packed).unwrap();
    let mut gz = zstd::Encoder::new(file, 1).unwrap();
    std::io::Write::write_all(&mut gz, &fixture("01-").bytes).unwrap();
    gz.finish().unwrap();
    assert_eq!(
        Scanner::from_xml(&packed).unwrap().scanned_hosts().unwrap(),
        scanner.scanned_hosts().unwrap()
    );
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let error = Scanner::from_xml(&empty).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Scan(_)), "{error}");
    assert!(error.to_string().contains("empty"), "{error}");
    assert!(Scanner::from_xml(folder.path()).is_err());
    assert!(Scanner::from_xml(folder.path().join("missing")).is_err());
    let html = folder.path().join("html");
    std::fs::write(&html, "<html></html>").unwrap();
    let error = Scanner::from_xml(&html).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotNmap(_)), "{error}");
}

#[test]
fn entries_of_one_address_are_looked_up_as_one_host() {
    let scanner = Scanner::from_reader(&*fixture("51-").bytes).unwrap();
    let hosts = scanner.scanned_hosts().unwrap();
    let unique: BTreeSet<_> = hosts.iter().collect();
    assert_eq!(unique.len(), hosts.len());
    assert!(Outcome::of(&fixture("51-").bytes).hosts().len() > hosts.len());
}

#[test]
fn several_scans_in_a_file_are_merged() {
    let scanner = Scanner::from_reader(&*fixture("34-").bytes).unwrap();
    let outcome = Outcome::of(&fixture("34-").bytes);
    assert_eq!(outcome.runs().len(), 2);
    let ids: Vec<String> = outcome.runs().iter().map(|run| run.header.scan_id.clone()).collect();
    let mut known: Vec<String> = Vec::new();
    for host in scanner.scanned_hosts().unwrap() {
        known.extend(scanner.scan_ids(host).unwrap().iter().map(|id| (*id).to_owned()));
    }
    assert!(ids.iter().all(|id| known.contains(id)));
}
