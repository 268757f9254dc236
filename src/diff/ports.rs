//! Differences between ports that at least one of two states lists.

use std::{cmp::Ordering, collections::BTreeSet};

use super::{
    host::{ChangePlace, Changes},
    values::{SERVICE, SideValue, services},
};
use crate::{
    merge::{HostSide, is_probed},
    model::{ChangeKind, HostState, Port, PortProvenance, PortState, Record as _, Service},
};

/// Port with its origin.
type PortSide<'p> = (&'p Port<'p>, &'p PortProvenance);

impl Changes<'_, '_> {
    /// Compares listed ports, in order.
    pub(super) fn listed_ports(&mut self) {
        let (mut old, mut new) = (0, 0);
        loop {
            let (before, after) = (self.ports.0.get(old).copied(), self.ports.1.get(new).copied());
            let order = match (before, after) {
                (None, None) => return,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((before, _)), Some((after, _))) => {
                    (&before.protocol, before.number).cmp(&(&after.protocol, after.number))
                }
            };
            match (order, before, after) {
                (Ordering::Less, Some(before), _) => self.only_old(before),
                (Ordering::Greater, _, Some(after)) => self.only_new(after),
                (_, Some(before), Some(after)) => self.port(before, after),
                _ => {}
            }
            old = old.saturating_add(usize::from(order.is_le()));
            new = new.saturating_add(usize::from(order.is_ge()));
        }
    }

    fn only_old(&mut self, (port, origin): PortSide<'_>) {
        let place = ChangePlace::Port(&port.protocol, port.number);
        let pair = self.pair;
        let (kind, now) = match pair.unlisted_in_new(&port.protocol, port.number) {
            // The port is still in that state, but is no longer listed singly.
            Some(now) if now.state == Some(port.state.as_str()) => return,
            Some(now) => {
                let value = now.state.map(str::to_owned);
                let said = SideValue { looked: true, value, scan: now.scan, time: now.time };
                // The port may still be in the same state.
                let kind = if now.is_ambiguous { ChangeKind::NotScanned } else { ChangeKind::Gone };
                (kind, said)
            }
            None => (ChangeKind::NotScanned, Self::unseen(pair.new.as_ref())),
        };
        self.add(place, kind, "state", (said_of((port, origin)), now));
    }

    fn only_new(&mut self, (port, origin): PortSide<'_>) {
        let place = ChangePlace::Port(&port.protocol, port.number);
        let pair = self.pair;
        let (kind, then) = match pair.unlisted_in_old(&port.protocol, port.number) {
            Some(then) if then.state == Some(port.state.as_str()) => return,
            Some(then) => {
                let value = then.state.map(str::to_owned);
                let said = SideValue { looked: true, value, scan: then.scan, time: then.time };
                (ChangeKind::Appeared, said)
            }
            None => {
                let kind = if pair.old.as_ref().is_none_or(is_news_without_a_look) {
                    ChangeKind::Appeared
                } else if port.state == PortState::Open {
                    ChangeKind::FirstSeen
                } else {
                    ChangeKind::NotScanned
                };
                (kind, Self::unseen(pair.old.as_ref()))
            }
        };
        self.add(place, kind, "state", (then, said_of((port, origin))));
    }

    /// Compares a port that both states list.
    fn port(&mut self, before: PortSide<'_>, after: PortSide<'_>) {
        let place = ChangePlace::Port(&before.0.protocol, before.0.number);
        if before.0.state != after.0.state {
            // Another service may listen there now, so only the state is compared; its row shows both states.
            self.compare(place, "state", (said_of(before), said_of(after)), false);
            return;
        }
        self.services(place, before, after);
        let (old, new) = (
            ran_scripts(self.pair.old.as_ref(), before),
            ran_scripts(self.pair.new.as_ref(), after),
        );
        self.scripts(place, (&before.0.scripts, &old), (&after.0.scripts, &new));
    }

    fn services(&mut self, place: ChangePlace<'_>, before: PortSide<'_>, after: PortSide<'_>) {
        let old = probed(self.pair.old.as_ref(), before);
        let new = probed(self.pair.new.as_ref(), after);
        let (of_old, of_new) = (&before.0.services, &after.0.services);
        if old.looked != new.looked {
            // A name from nmap's port table was not detected.
            let found = |list: &[Service<'_>]| services(list).filter(|_| is_probed(list));
            let values = (
                SideValue { value: found(of_old), ..old },
                SideValue { value: found(of_new), ..new },
            );
            self.compare(place, "service", values, false);
            return;
        }
        // Without version detection, only the name from the port number is known.
        let compared = SERVICE.iter().take(if old.looked { SERVICE.len() } else { 1 });
        for (column, field) in compared {
            let values = |list: &[Service<'_>]| -> Option<String> {
                let texts: BTreeSet<_> =
                    list.iter().filter_map(|service| service.text_of(*field)).collect();
                (!texts.is_empty()).then(|| texts.into_iter().collect::<Vec<_>>().join(", "))
            };
            let value = |list: &[Service<'_>], said: &SideValue| SideValue {
                looked: true,
                value: values(list),
                ..said.clone()
            };
            self.compare(place, column, (value(of_old, &old), value(of_new, &new)), false);
        }
    }
}

/// Returns true if a port that the older state did not look at counts as new: its host was down, or its scans do not
/// record the ports they scanned (masscan).
fn is_news_without_a_look(old: &HostSide<'_>) -> bool {
    old.merged.host.status.state == HostState::Down
        || (old.lists_ports() && !old.lists_scanned_ports())
}

/// Returns the state of a port with its scan and time.
fn said_of((port, origin): PortSide<'_>) -> SideValue {
    SideValue::found(port.state.as_str(), Some(origin.scan), origin.seen.last)
}

/// Returns a value that counts as looked for if the look that supplies the port's services looked for versions.
fn probed(state: Option<&HostSide<'_>>, (_, origin): PortSide<'_>) -> SideValue {
    let look = state.and_then(|state| state.look_of(origin.services));
    SideValue {
        looked: look.is_some_and(|look| look.probed_services),
        value: None,
        scan: Some(origin.services),
        time: look.map_or(origin.seen.last, |look| look.last),
    }
}

/// Returns a value that counts as looked for if the look that supplies the port's scripts ran scripts.
fn ran_scripts(state: Option<&HostSide<'_>>, (_, origin): PortSide<'_>) -> SideValue {
    let look = state.and_then(|state| state.look_of(origin.scripts));
    SideValue {
        looked: look.is_some_and(|look| look.ran_scripts),
        value: None,
        scan: Some(origin.scripts),
        time: look.map_or(origin.seen.last, |look| look.last),
    }
}
