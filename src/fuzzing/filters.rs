//! Expressions that select hosts: what is accepted selects ports as the laws of logic say.

use std::sync::LazyLock;

use crate::{
    filter::Filter,
    model::Host,
    xml::{Options, Reader},
};

/// Hosts of one scan with versions and scripts, which expressions are evaluated on.
const SCAN: &[u8] = include_bytes!("../../fixtures/04-all-options-lan.xml");

/// Parses text as an expression and evaluates it.
pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(filter) = Filter::parse(text) else { return };
    assert!(text.len() <= Filter::MAX_BYTES);
    assert_eq!(Filter::parse(filter.as_str()).ok().as_ref(), Some(&filter));
    // One level more may exceed the limits.
    let variants =
        [format!("not ({text})"), format!("({text}) and ({text})"), format!("not not ({text})")];
    let [negated, twice, same] = variants.map(|text| Filter::parse(&text).ok());
    for host in &*HOSTS {
        let kept = kept(&filter, host);
        let is_selected = kept.contains(&true);
        let mut applied = host.clone();
        let is_kept = filter.apply(&mut applied, None);
        if filter.selects_ports() {
            assert_eq!(is_kept, is_selected, "{text}");
        }
        if is_kept && filter.selects_ports() {
            assert_eq!(applied.ports.len(), kept.iter().filter(|kept| **kept).count(), "{text}");
            let mut again = applied.clone();
            assert!(filter.apply(&mut again, None) && again == applied, "{text}: applied twice");
        } else {
            assert_eq!(applied, *host, "{text}");
        }
        for other in [&twice, &same].into_iter().flatten() {
            assert_eq!(self::kept(other, host), kept, "{other}");
        }
        // A port with several services can be selected by an expression and by its negation.
        let has_one =
            |index: usize| host.ports.get(index).is_some_and(|port| port.services.len() <= 1);
        if let Some(negated) = &negated {
            for (index, (kept, other)) in kept.iter().zip(self::kept(negated, host)).enumerate() {
                assert!(*kept != other || !has_one(index), "{text}: port {index}");
            }
        }
    }
}

/// Returns for each port of a host if it is selected.
fn kept(filter: &Filter, host: &Host<'_>) -> Vec<bool> {
    let only = |index: usize| {
        let mut host = host.clone();
        host.ports = host.ports.into_iter().skip(index).take(1).collect();
        filter.apply(&mut host, None)
    };
    (0..host.ports.len()).map(only).collect()
}

/// First hosts of the scan, with their first ports.
static HOSTS: LazyLock<Vec<Host<'static>>> = LazyLock::new(|| {
    let mut hosts: Vec<_> =
        Reader::new(SCAN, Options::default()).hosts().flatten().take(2).collect();
    for host in &mut hosts {
        host.ports.truncate(8);
    }
    assert!(!hosts.is_empty());
    hosts
});
