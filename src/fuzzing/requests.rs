//! What nmap is asked for: what is taken says the same when it is written and read again.

use std::net::IpAddr;

use crate::request::{Arguments, PortSet, Targets};

/// Targets that are listed one by one.
const FEW: u128 = 3000;

/// Reads text as arguments, ports and targets.
pub(super) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(arguments) = Arguments::parse(&text) {
        let again = Arguments::new(arguments.words().iter().cloned());
        assert_eq!(again.ok().as_ref(), Some(&arguments), "the words are arguments");
        assert!(!arguments.words().iter().any(|word| word.contains('\0')));
    }
    if let Ok(ports) = text.parse::<PortSet>() {
        let shown = ports.to_string();
        assert_eq!(shown.parse().ok().as_ref(), Some(&ports), "{shown} is the same ports");
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
    // The same addresses may be parted into blocks in another way.
    let Ok(again) = Targets::new(words.as_slice()) else { panic!("{words:?} are no targets") };
    assert_eq!(again.count(), targets.count(), "{words:?} are as many targets");
    assert_eq!(again.names(), targets.names(), "{words:?} have the same names");
    if targets.count() <= FEW {
        let all = |targets: &Targets| targets.iter().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(all(&again), all(targets), "{words:?} are the same targets");
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
