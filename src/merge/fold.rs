//! Folds the entries of one scan into one look, without loss.

use std::mem;

use super::{
    explain::Explain,
    facts::{FoldedFacts, LookFacts, answered},
    group::Group,
    host_look::{Entry, HostLook, Rules},
    retention::Keeper,
};
use crate::model::Host;

/// Folds entries into one look per scan. Entries of one scan must be adjacent.
pub(super) fn looks<'a>(entries: Vec<Entry<'a>>, rules: Rules<'_>) -> Vec<HostLook<'a>> {
    let mut looks: Vec<HostLook<'a>> = Vec::with_capacity(entries.len());
    let mut entries = entries.into_iter().peekable();
    while let Some(first) = entries.next() {
        let scan = first.scan;
        let mut same = vec![look_of(first, rules)];
        while let Some(next) = entries.next_if(|next| next.scan == scan) {
            same.push(look_of(next, rules));
        }
        looks.extend(fold(same, rules));
    }
    looks
}

fn look_of<'a>(entry: Entry<'a>, rules: Rules<'_>) -> HostLook<'a> {
    let Entry { scan, order, host } = entry;
    let facts = LookFacts::new(&host, rules.scan(scan), order, None);
    HostLook { facts, host, ports: Vec::new(), entries: None, role: None }
}

/// Folds the entries of one scan into one look.
fn fold<'a>(mut entries: Vec<HostLook<'a>>, rules: Rules<'_>) -> Option<HostLook<'a>> {
    if entries.len() == 1 {
        return entries.pop();
    }
    let (scan, order) = entries.first().map(|first| (first.facts.scan, first.facts.order))?;
    let hosts = || entries.iter().map(|entry| &entry.host);
    let start = hosts().filter_map(|host| host.start_time).min();
    let end = hosts().filter_map(|host| host.end_time).max();
    let folded = FoldedFacts {
        first: hosts().filter_map(|host| host.start_time.or(host.end_time)).min(),
        last: hosts().filter_map(|host| host.end_time.or(host.start_time)).max(),
        complete: hosts().all(|host| host.complete),
        answered: hosts().any(answered),
    };
    let whole = entries.iter().filter(|entry| entry.facts.whole);
    let mut covering: Vec<_> = whole.map(|entry| entry.host.extra_ports.clone()).collect();
    // Entries without counts are all alike, and masscan writes thousands of them: one is enough.
    let mut has_empty = false;
    covering.retain(|extra| !extra.is_empty() || !mem::replace(&mut has_empty, true));
    if folded.first.is_some() {
        // An entry without times takes the times of its look, not those of the scan.
        for entry in entries.iter_mut().filter(|entry| !has_times(&entry.host)) {
            (entry.facts.first, entry.facts.last) = (folded.first, folded.last);
        }
    }
    let combined =
        Group::new(entries, rules, true).combined(&mut Explain::off(), &mut Keeper::off())?;
    let mut host = combined.host;
    (host.start_time, host.end_time) = (start, end);
    let facts = LookFacts::new(&host, rules.scan(scan), order, Some(folded));
    Some(HostLook {
        facts,
        host,
        ports: combined.provenance.ports,
        entries: Some(covering),
        role: None,
    })
}

fn has_times(host: &Host<'_>) -> bool {
    host.start_time.or(host.end_time).is_some()
}
