//! Merges the observations of one host by several scans into one host (docs/merge.md). The result depends only on the
//! hosts, their order and the policy, so every caller that has all hosts of a key gets the same result.
//!
//! A merge has three steps. The entries of each scan are folded into one [`HostLook`], without loss (`fold`). Looks at
//! a device that had the address before are dropped (`devices`). The remaining looks are sorted, best first, and each
//! part of the host is taken from the look that the policy selects ([`Group`]).

use super::{
    devices::{CurrentLooks, OutOfOrder, current},
    explain::Explain,
    fold::looks,
    group::{CombinedHost, Group},
    host_look::{Entry, HostLook, Rules},
    retention::Keeper,
    saved_host::SavedHost,
};

/// Merges the observations of one host. Entries are in order, those of one scan adjacent; there is at least one entry
/// or one saved host.
///
/// # Errors
/// Returns [`OutOfOrder`] if a look cannot be placed among those of the saved hosts.
pub(super) fn merge<'a>(
    entries: Vec<Entry<'a>>,
    saved_hosts: Vec<SavedHost<'a>>,
    rules: Rules<'_>,
    (explain, keeper): (&mut Explain<'a>, &mut Keeper<'a>),
) -> Result<Option<CombinedHost<'a>>, OutOfOrder> {
    let looks = looks(entries, rules);
    let of_looks = looks.iter().filter_map(|look| look.facts.first);
    let all_first =
        of_looks.chain(saved_hosts.iter().filter_map(|saved_host| saved_host.first)).min();
    let CurrentLooks { mut looks, mut saved_hosts, mac, begin } =
        current(looks, saved_hosts, rules)?;
    for (place, saved_host) in saved_hosts.iter_mut().enumerate() {
        looks.extend(saved_host.take_looks(place, rules));
    }
    let mut group = Group::new(looks, rules, false).with_saved_hosts(saved_hosts);
    group.apply_flags();
    let Some(mut combined) = group.combined(explain, keeper) else { return Ok(None) };
    combined.provenance.seen.first = all_first;
    if keeper.is_on() {
        let saved_host = keeper.saved_mut();
        (saved_host.first, saved_host.outdated) = (all_first, combined.outdated);
        (saved_host.mac, saved_host.begin) = (mac, begin);
    }
    Ok(Some(combined))
}

/// Folds entries into looks and returns those that count, best first.
pub(super) fn ranked_looks<'a>(entries: Vec<Entry<'a>>, rules: Rules<'_>) -> Vec<HostLook<'a>> {
    let looks = current(looks(entries, rules), Vec::new(), rules).map(|current| current.looks);
    debug_assert!(looks.is_ok(), "without a saved host, every look can be placed");
    Group::new(looks.unwrap_or_default(), rules, false).looks
}

/// Folds the entries of one scan into a look.
pub(super) fn look<'a>(entries: Vec<Entry<'a>>, rules: Rules<'_>) -> Option<HostLook<'a>> {
    looks(entries, rules).pop()
}
