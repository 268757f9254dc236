//! The documented test vectors of IDs, from XML to rows. They must never change.

use scanmill::model::{HostKey, Identity, ScanEvent, host_id, port_id};

use crate::support::{Outcome, fixtures};

fn scan_ids(text: &str) -> Vec<String> {
    let outcome = Outcome::of(text.as_bytes());
    let id = |event: &ScanEvent<'_>| match event {
        ScanEvent::ScanStart(header) => Some(header.scan_id.clone()),
        _ => None,
    };
    outcome.events.iter().filter_map(id).collect()
}

#[test]
fn the_id_of_an_nmap_scan_is_the_documented_one() {
    let text = "<nmaprun scanner=\"nmap\" version=\"7.94\" args=\"nmap -sS 192.0.2.1\" \
        start=\"1700000000\"></nmaprun>";
    assert_eq!(scan_ids(text), ["2088ad771e1edfc80e1ab6bf79dfef82"]);
}

#[test]
fn the_id_of_a_masscan_scan_is_the_documented_one_and_depends_on_its_first_host() {
    let head = "<nmaprun scanner=\"masscan\" start=\"1610324225\" version=\"1.0-BETA\">";
    let first = "<host endtime=\"1610324299\"><address addr=\"192.0.2.9\" addrtype=\"ipv4\"/><ports>\
        <port protocol=\"tcp\" portid=\"443\"><state state=\"open\"/></port></ports></host>";
    let other = first.replace("192.0.2.9", "192.0.2.10");
    let id = "8a868a560ce9ea9067df5349da80df73";
    assert_eq!(scan_ids(&format!("{head}{first}{other}</nmaprun>")), [id]);
    assert_eq!(scan_ids(&format!("{head}{first}")), [id], "a truncated copy has the same id");
    assert_ne!(scan_ids(&format!("{head}{other}{first}</nmaprun>")), [id]);
}

#[test]
fn ids_of_fixtures_depend_only_on_their_documents() {
    for fixture in fixtures() {
        let text = String::from_utf8_lossy(&fixture.bytes).into_owned();
        let spaced = scan_ids(&format!("\n\n{text}"));
        assert_eq!(scan_ids(&text), spaced, "{}", fixture.name);
        assert!(spaced.iter().all(|id| id.len() == 32), "{}", fixture.name);
    }
}

#[test]
fn ids_of_hosts_and_ports_are_unique_in_a_scan_and_built_from_its_id() {
    for fixture in fixtures() {
        let outcome = Outcome::of(&fixture.bytes);
        let mut scan = "";
        let mut seen = std::collections::HashSet::new();
        for event in &outcome.events {
            match event {
                ScanEvent::ScanStart(header) => scan = &header.scan_id,
                ScanEvent::Host(host) => {
                    let id = host_id(scan, host.index);
                    assert_eq!(id, format!("{scan}-h{}", host.index));
                    let ports = host.ports.iter().map(|p| port_id(&id, &p.protocol, p.number));
                    for id in ports.chain([id.clone()]) {
                        assert!(seen.insert(id.clone()), "{}: {id} twice", fixture.name);
                    }
                    let key = HostKey::of(host, Identity::Ip);
                    let ip = host.ip().map(|ip| format!("ip:{}", ip.text));
                    assert_eq!(Some(key.as_str()), ip.as_deref(), "{}", fixture.name);
                }
                _ => {}
            }
        }
    }
}
