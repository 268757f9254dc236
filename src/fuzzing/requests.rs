//! Requests for nmap: what is accepted means the same after it is written out and parsed again.

use std::net::IpAddr;

use crate::request::{Arguments, PortSet, Targets};

/// Maximum number of targets that are listed individually.
const FEW: u128 = 3000;

/// Parses text as arguments, ports and targets.
pub(super) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(arguments) = Arguments::parse(&text) {
        let again = Arguments::new(arguments.words().iter().cloned());
        assert_eq!(again.ok().as_ref(), Some(&arguments), "the words must be valid arguments");
        assert!(!arguments.words().iter().any(|word| word.contains('\0')));
    }
    if let Ok(ports) = text.parse::<PortSet>() {
        let shown = ports.to_string();
        assert_eq!(shown.parse().ok().as_ref(), Some(&ports), "{shown} must give the same ports");
        assert!(!ports.contains(0) && !ports.is_empty());
        let mut last = 0;
        for port in ports.iter() {
            assert!(port > last && ports.contains(port), "{port} in {shown}");
            last = port;
        }
    }
    if let Ok(targets) = Targets::new(&*text) {
        check_targets(&targets);
    }
}

fn check_targets(targets: &Targets) {
    let words = targets.words();
    // The blocks may divide the same addresses differently.
    let Ok(again) = Targets::new(words.as_slice()) else {
        panic!("{words:?} must be valid targets")
    };
    assert_eq!(again.count(), targets.count(), "{words:?} must have the same number of targets");
    assert_eq!(again.names(), targets.names(), "{words:?} must have the same names");
    if targets.count() <= FEW {
        let all = |targets: &Targets| targets.iter().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(all(&again), all(targets), "{words:?} must be the same targets");
    }
    for word in &words {
        assert!(!word.starts_with('-') && !word.contains(char::is_whitespace), "{word:?}");
    }
    for parts in [1, 3, 8] {
        let split = targets.split(parts);
        assert!(split.len() <= parts, "{} of {parts} parts", split.len());
        let sum = split.iter().map(Targets::count).fold(0, u128::saturating_add);
        assert_eq!(sum, targets.count(), "targets in {parts} parts");
    }
    if targets.count() > FEW {
        return;
    }
    let mut count = 0;
    for target in targets.iter() {
        count += 1;
        let (plain, zone) = match target.split_once('%') {
            Some((plain, zone)) => (plain, Some(zone)),
            None => (&*target, None),
        };
        if let Ok(ip) = plain.parse::<IpAddr>() {
            assert!(targets.contains(ip, zone), "{target} is not among {words:?}");
        } else {
            assert!(targets.names().contains(&target), "{target} is no name of {words:?}");
        }
    }
    assert_eq!(count, targets.count(), "targets of {words:?}");
}
