//! Histories: intervals are in order and never overlap, and the open ones agree with a merge.

use std::collections::BTreeMap;

use crate::{
    history::Histories,
    merge::Merger,
    model::{Span, Timestamp},
};

/// Ports and states of each host. Hosts with the same key are joined.
type Ports = BTreeMap<String, Vec<String>>;

/// Checks the history of the scans in a merger, which `merger` creates anew for each use.
pub(super) fn hold(merger: &dyn Fn() -> Merger) {
    let Ok(all) = merger().finish() else { panic!("scans that merge must have a history") };
    let Ok(mut histories) = Histories::of(all) else { panic!("nothing is written") };
    let mut now = Ports::new();
    while let Ok(Some(history)) = histories.next() {
        let open = now.entry(history.host_key().to_owned()).or_default();
        let host: Vec<Span> = history.host().map(|interval| interval.span).collect();
        assert!(is_in_order(&host), "{host:?}");
        let states = history.host().filter(|interval| interval.span.valid_to.is_none());
        open.extend(states.map(|interval| interval.state.as_str().to_owned()));
        let mut spans: BTreeMap<_, Vec<Span>> = BTreeMap::new();
        for port in history.ports() {
            let key = (port.protocol.as_str().to_owned(), port.number);
            if port.span.valid_to.is_none() {
                open.push(format!("{} {} {}", key.0, key.1, port.state.as_str()));
            }
            spans.entry(key).or_default().push(port.span);
        }
        for (port, spans) in spans {
            assert!(is_in_order(&spans), "{port:?} {spans:?}");
        }
        open.sort_unstable();
    }
    assert_eq!(now, of_merge(merger()), "open intervals must equal the merge");
}

/// Returns the ports of a merge.
fn of_merge(scans: Merger) -> Ports {
    let mut all = Ports::new();
    let Ok(mut hosts) = scans.finish().and_then(crate::merge::Merged::hosts) else { return all };
    while let Ok(Some(record)) = hosts.next() {
        let merged = record.host();
        let open = all.entry(merged.host_key.clone().into_owned()).or_default();
        open.push(merged.host.status.state.as_str().to_owned());
        let ports = merged.host.ports.iter();
        open.extend(ports.map(|port| {
            format!("{} {} {}", port.protocol.as_str(), port.number, port.state.as_str())
        }));
        open.sort_unstable();
    }
    all
}

fn is_in_order(spans: &[Span]) -> bool {
    let is_sound = |span: &Span| {
        let begins: Option<Timestamp> = span.valid_from;
        span.looks > 0
            && begins <= span.last_seen
            && span.valid_to.is_none_or(|to| span.last_seen < Some(to))
    };
    let follows = |pair: &[Span]| match pair {
        [one, next] => one.valid_to.is_some() && one.valid_to <= next.valid_from,
        _ => true,
    };
    spans.iter().all(is_sound) && spans.windows(2).all(follows)
}
