//! Selects the differences of hosts and ports that an expression selects in one of the two states.

use std::collections::HashSet;

use crate::{
    filter::{Filter, SeenTimes},
    merge::HostPair,
    model::Change,
};

/// Removes the changes of a host and of ports that `filter` selects in neither state.
pub(super) fn retain_selected(changes: &mut Vec<Change>, pair: &HostPair<'_>, filter: &Filter) {
    let mut ports: HashSet<(&str, i32)> = HashSet::new();
    let mut has_host = false;
    for state in [&pair.old, &pair.new].into_iter().flatten() {
        let host = &state.merged.host;
        let seen = SeenTimes::of_merged(&state.merged.provenance.seen);
        if !filter.keeps_host(host, seen) {
            continue;
        }
        has_host |= !filter.selects_ports();
        let kept = host.ports.iter().filter(|port| filter.keeps_port(host, port, seen));
        ports.extend(kept.map(|port| (port.protocol.as_str(), i32::from(port.number))));
    }
    if has_host {
        return;
    }
    changes.retain(|change| match (change.protocol.as_deref(), change.port) {
        (Some(protocol), Some(port)) => ports.contains(&(protocol, port)),
        // A host is selected by one of its ports. Ports that are not listed singly are never selected.
        (None, None) => {
            !ports.is_empty() && change.ports.is_none() && change.column != "extra_ports"
        }
        _ => false,
    });
}
