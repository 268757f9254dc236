//! Requests are compared with what the real nmap makes of them, by list scans without name resolution, which
//! send nothing.

use std::collections::BTreeSet;

use proptest::prelude::*;
use scanmill::scanner::Scanner;

use super::has_nmap;

/// Returns the targets that nmap reports it would scan.
fn listed(targets: &str) -> (Vec<String>, BTreeSet<String>) {
    let mut scanner = Scanner::new(targets).unwrap().with_arguments("-sL -n").unwrap();
    scanner.run().unwrap_or_else(|error| panic!("{targets}: {error}"));
    assert_eq!(scanner.non_scanned_hosts().unwrap().count(), 0, "{targets}");
    let hosts = scanner.scanned_hosts().unwrap().iter().map(|host| (*host).to_owned()).collect();
    (hosts, scanner.targets().iter().collect())
}

fn check(targets: &str) {
    let (found, asked) = listed(targets);
    let unique: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(unique.len(), found.len(), "{targets}: nmap would scan some twice");
    assert_eq!(unique, asked, "{targets}");
}

#[test]
fn every_way_to_write_targets_means_the_same_to_nmap() {
    if !has_nmap("every_way_to_write_targets_means_the_same_to_nmap") {
        return;
    }
    for targets in [
        "192.0.2.7",
        "192.0.2.1-192.0.2.20",
        "192.0.2.250-192.0.2.255, 198.51.100.0-198.51.100.3",
        "192.0.2.*",
        "192.0.2.0/24",
        "192.0.2.99/25",
        "192.0.2.4/31",
        "192.0.2.4/32",
        "203.0.113.0-7, 203.0.113.4/30, 203.0.113.6",
        "192.0.2.9, 192.0.2.1, 192.0.2.9, 192.0.2.0-3",
        "http://192.0.2.8:8080/x",
        "2001:db8::7",
        "2001:db8::/122",
        "2001:db8::9, 2001:db8::/125, 2001:db8:1::1",
        "http://[2001:db8::5]/",
    ] {
        check(targets);
    }
}

/// Generates targets in documentation ranges.
fn item() -> impl Strategy<Value = String> {
    let net = prop::sample::select(vec!["192.0.2", "198.51.100", "203.0.113"]);
    let octets = (any::<u8>(), any::<u8>()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    (net, octets, 24_u8..=32, 0_u8..4).prop_map(|(net, (low, high), bits, kind)| match kind {
        0 => format!("{net}.{low}"),
        1 => format!("{net}.{low}-{high}"),
        2 => format!("{net}.{low}-{net}.{high}"),
        _ => format!("{net}.{high}/{bits}"),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_range_expands_to_the_targets_of_nmap(items in prop::collection::vec(item(), 1..6)) {
        if has_nmap("a_range_expands_to_the_targets_of_nmap") {
            check(&items.join(", "));
        }
    }
}
