//! Differences between two states of one host.
//!
//! [`Changes`] collects them: those of the host itself in this file, of listed ports in `ports.rs`, and of ports that
//! no state lists in `unlisted_ports.rs`. Each compared value is one [`SideValue`] per state, and
//! [`Changes::compare`] holds the only rule: a value is compared if both states looked for it; if only one did and
//! found something, the change is `not_scanned`.

use std::collections::BTreeSet;

use super::{
    options::{ChangeSelection, Subject},
    values::{
        SideValue, addresses, first_service, macs, names, plain_names, route, script_text,
        system_set, systems,
    },
};
use crate::{
    merge::{HostPair, HostSide, LookFacts},
    model::{
        Change, ChangeKind, HostChanges, HostState, Port, PortProvenance, Protocol, ScanIndex,
        Script,
    },
};

/// Data that is the same for all hosts.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiffContext<'c> {
    pub(super) options: &'c ChangeSelection,
    /// Scan IDs of the older state, by scan number.
    pub(super) old_ids: &'c [String],
    /// Scan IDs of the newer state, by scan number.
    pub(super) new_ids: &'c [String],
}

/// Collector of the changes of one host.
pub(super) struct Changes<'p, 'b> {
    pub(super) pair: &'p HostPair<'b>,
    pub(super) context: DiffContext<'p>,
    /// Ports of the older and the newer state, in order.
    pub(super) ports: (Ports<'p>, Ports<'p>),
    found: Vec<Change>,
}

pub(super) type Ports<'s> = Vec<(&'s Port<'s>, &'s PortProvenance)>;

/// Subject of a change: the host, a port, or ports that are not listed singly.
#[derive(Debug, Clone, Copy)]
pub(super) enum ChangePlace<'s> {
    /// The host itself.
    Host,
    /// One port.
    Port(&'s Protocol<'s>, u16),
    /// Ports that are not listed singly: the name of their protocol, and their list or `None` for all of them.
    Unlisted(Option<&'s str>, Option<&'s str>),
}

/// Returns all changes of a host.
pub(super) fn changes(pair: &HostPair<'_>, context: DiffContext<'_>) -> Vec<Change> {
    let ports = (ports(pair.old.as_ref()), ports(pair.new.as_ref()));
    let mut changes = Changes { pair, context, ports, found: Vec::new() };
    changes.host();
    changes.listed_ports();
    changes.unlisted_ports();
    changes.found
}

/// Returns the record of a host with its changes.
pub(super) fn host_changes(pair: &HostPair<'_>, changes: Vec<Change>) -> HostChanges {
    let (was_there, is_there) = (pair.old.is_some(), pair.new.is_some());
    let Some(state) = pair.new.as_ref().or(pair.old.as_ref()) else {
        return HostChanges { changes, ..HostChanges::default() };
    };
    let host = &state.merged.host;
    HostChanges {
        hostname: host.hostname().map(|name| name.name.clone().into_owned()),
        mac: host.mac().map(|mac| mac.text.clone().into_owned()),
        start_time: host.start_time,
        end_time: host.end_time,
        complete: host.complete,
        was_there,
        is_there,
        changes,
    }
}

impl<'p> Changes<'p, '_> {
    fn host(&mut self) {
        let pair = self.pair;
        match (&pair.old, &pair.new) {
            (Some(old), Some(new)) => {
                if old.merged.host_key != new.merged.host_key {
                    let values = (status(old, Some(shown(old))), status(new, Some(shown(new))));
                    self.add(ChangePlace::Host, ChangeKind::Moved, "host", values);
                }
                self.both(old, new);
            }
            (Some(old), None) => {
                let values = (status(old, Some(state_of(old))), SideValue::default());
                self.add(ChangePlace::Host, ChangeKind::Gone, "host", values);
            }
            (None, Some(new)) => {
                let values = (SideValue::default(), status(new, Some(state_of(new))));
                self.add(ChangePlace::Host, ChangeKind::Appeared, "host", values);
            }
            (None, None) => {}
        }
    }

    /// Compares a host that both states have.
    fn both(&mut self, old: &HostSide<'_>, new: &HostSide<'_>) {
        let (before, after) = (&old.merged.host, &new.merged.host);
        let has_moved = old.merged.host_key != new.merged.host_key;
        self.compare(ChangePlace::Host, "state", (up_or_down(old), up_or_down(new)), false);
        let named = |state: &HostSide<'_>, names: Option<String>| {
            let resolves =
                |look: &LookFacts| look.up && look.requested.is_known && !look.requested.no_names;
            let looked = names.is_some() || state.best_look(resolves).is_some();
            SideValue { looked, ..status(state, names) }
        };
        let is_same = plain_names(before) == plain_names(after);
        let values = (named(old, names(before)), named(new, names(after)));
        self.compare(ChangePlace::Host, "hostnames", values, is_same);
        let values = (addresses(before, has_moved), addresses(after, has_moved));
        let values = (status(old, values.0), status(new, values.1));
        self.compare(ChangePlace::Host, "addresses", values, false);
        if let (Some(before), Some(after)) = (macs(before), macs(after)) {
            let values = (status(old, Some(before)), status(new, Some(after)));
            self.compare(ChangePlace::Host, "mac", values, false);
        }
        let detected = |state: &HostSide<'_>| {
            SideValue::by(state.best_look(|look| look.detected_os), systems(&state.merged.host))
        };
        let is_same = system_set(before) == system_set(after);
        self.compare(ChangePlace::Host, "os", (detected(old), detected(new)), is_same);
        let traced = |state: &HostSide<'_>| {
            let route = route(&state.merged.host);
            let found = route.as_ref().and_then(|_| state.look_of(state.merged.provenance.traces));
            let asked = || state.best_look(|look| look.whole && look.requested.route);
            SideValue::by(found.or_else(asked), route)
        };
        self.compare(ChangePlace::Host, "trace", (traced(old), traced(new)), false);
        let ran =
            |state: &HostSide<'_>| SideValue::by(state.best_look(|look| look.ran_scripts), None);
        let of_side = (ran(old), ran(new));
        self.scripts(
            ChangePlace::Host,
            (&before.scripts, &of_side.0),
            (&after.scripts, &of_side.1),
        );
    }

    /// Compares scripts by name. `old` and `new` record for each state if it ran scripts.
    pub(super) fn scripts(
        &mut self,
        place: ChangePlace<'_>,
        (before, old): (&[Script<'_>], &SideValue),
        (after, new): (&[Script<'_>], &SideValue),
    ) {
        let options = self.context.options;
        let is_shown = |script: &&Script<'_>| options.shows_script(&script.name);
        let names = |scripts: &[Script<'_>]| -> BTreeSet<String> {
            scripts.iter().filter(is_shown).map(|script| script.name.clone().into_owned()).collect()
        };
        let (of_old, of_new) = (names(before), names(after));
        if !(old.looked && new.looked) {
            let all = |names: &BTreeSet<String>, said: &SideValue| SideValue {
                value: super::values::set(names.iter().map(String::as_str)),
                ..said.clone()
            };
            self.compare(place, "scripts", (all(&of_old, old), all(&of_new, new)), false);
            return;
        }
        for name in of_old.union(&of_new) {
            let text = |scripts: &[Script<'_>]| -> Option<String> {
                let of_name = scripts.iter().filter(|script| script.name == *name);
                let outputs: Vec<_> = of_name.map(script_text).collect();
                (!outputs.is_empty()).then(|| outputs.join("\n"))
            };
            let (before, after) = (text(before), text(after));
            let compared = |text: &Option<String>| {
                text.as_deref().map(|text| options.compared(text).into_owned())
            };
            let is_same = compared(&before) == compared(&after);
            let values = (
                SideValue { value: before, ..old.clone() },
                SideValue { value: after, ..new.clone() },
            );
            self.compare(place, &format!("script.{name}"), values, is_same);
        }
    }

    /// Adds a change if the two values differ, by the one rule for all values. `is_same` is true if the values are
    /// equal although their texts may differ.
    pub(super) fn compare(
        &mut self,
        place: ChangePlace<'_>,
        column: &str,
        (old, new): (SideValue, SideValue),
        is_same: bool,
    ) {
        let kind = match (old.looked, new.looked) {
            (true, true) => match (&old.value, &new.value) {
                _ if is_same || old.value == new.value => return,
                (Some(_), Some(_)) => ChangeKind::Changed,
                (None, _) => ChangeKind::Appeared,
                (_, None) => ChangeKind::Gone,
            },
            (true, false) if old.value.is_some() => ChangeKind::NotScanned,
            (false, true) if new.value.is_some() => ChangeKind::NotScanned,
            _ => return,
        };
        self.add(place, kind, column, (old, new));
    }

    /// Adds a change, unless the options leave it out.
    pub(super) fn add(
        &mut self,
        place: ChangePlace<'_>,
        kind: ChangeKind,
        column: &str,
        (old, new): (SideValue, SideValue),
    ) {
        let options = self.context.options;
        let is_of_port = !matches!(place, ChangePlace::Host);
        if !options.shows(kind, Subject::of(column, is_of_port)) {
            return;
        }
        let (before, after) = (of_port(&self.ports.0, place), of_port(&self.ports.1, place));
        if let ChangePlace::Port(..) = place {
            let listed = [before, after].into_iter().flatten().map(|(port, _)| port.state.as_str());
            let said = [&old, &new].into_iter().filter_map(|said| said.value.as_deref());
            let said = said.filter(|_| column == "state");
            if !options.shows_states(&listed.chain(said).collect::<Vec<_>>()) {
                return;
            }
        }
        let pair = self.pair;
        let state = pair.new.as_ref().or(pair.old.as_ref());
        let merged = state.map(|state| &state.merged);
        let (protocol, port, ports) = match place {
            ChangePlace::Host => (None, None, None),
            ChangePlace::Port(protocol, number) => (Some(protocol.as_str()), Some(number), None),
            ChangePlace::Unlisted(protocol, None) => (protocol, None, None),
            ChangePlace::Unlisted(protocol, Some(list)) => match list.parse::<u16>() {
                Ok(only) => (protocol, Some(only), None),
                Err(_) => (protocol, None, Some(list.to_owned())),
            },
        };
        self.found.push(Change {
            host_key: merged.map(|merged| merged.host_key.clone().into_owned()).unwrap_or_default(),
            ip: merged
                .and_then(|merged| merged.host.ip())
                .map(|address| address.text.clone().into_owned()),
            protocol: protocol.map(str::to_owned),
            port: port.map(i32::from),
            ports,
            kind,
            column: column.to_owned(),
            old_scan_id: id(self.context.old_ids, old.scan),
            new_scan_id: id(self.context.new_ids, new.scan),
            old: old.value,
            new: new.value,
            old_time: old.time,
            new_time: new.time,
            old_service: before.and_then(|(port, _)| first_service(port)),
            new_service: after.and_then(|(port, _)| first_service(port)),
        });
    }

    /// Returns the value of a port about which a state has no information except the scan and time of its host.
    pub(super) fn unseen(state: Option<&'p HostSide<'_>>) -> SideValue {
        state.map_or_else(SideValue::default, |state| SideValue {
            looked: false,
            ..status(state, None)
        })
    }
}

/// Attributes a value to the look that supplies the state of a host.
fn status(state: &HostSide<'_>, value: Option<String>) -> SideValue {
    let provenance = &state.merged.provenance;
    SideValue { looked: true, value, scan: Some(provenance.status), time: provenance.seen.last }
}

fn state_of(state: &HostSide<'_>) -> String {
    state.merged.host.status.state.as_str().to_owned()
}

/// Returns the state of the host if it is up or down; other states count as not looked for.
fn up_or_down(state: &HostSide<'_>) -> SideValue {
    let found = &state.merged.host.status.state;
    let looked = matches!(found, HostState::Up | HostState::Down);
    SideValue { looked, ..status(state, looked.then(|| state_of(state))) }
}

/// Returns the address of a host, with its zone.
fn shown(state: &HostSide<'_>) -> String {
    let key = &*state.merged.host_key;
    let ip = || state.merged.host.ip().map(|ip| &*ip.text);
    key.strip_prefix("ip:").or_else(ip).unwrap_or(key).to_owned()
}

/// Returns the ports of a protocol.
pub(super) fn of_protocol<'f>(
    ports: &'f Ports<'_>,
    protocol: &Protocol<'_>,
) -> &'f [(&'f Port<'f>, &'f PortProvenance)] {
    let from = ports.partition_point(|(port, _)| port.protocol < *protocol);
    let to = ports.partition_point(|(port, _)| port.protocol <= *protocol);
    ports.get(from..to).unwrap_or_default()
}

fn of_port<'f>(
    ports: &Ports<'f>,
    place: ChangePlace<'_>,
) -> Option<(&'f Port<'f>, &'f PortProvenance)> {
    let ChangePlace::Port(protocol, number) = place else { return None };
    let found =
        ports.binary_search_by(|(port, _)| (&port.protocol, port.number).cmp(&(protocol, number)));
    found.ok().and_then(|found| ports.get(found)).copied()
}

fn id(ids: &[String], scan: Option<ScanIndex>) -> Option<String> {
    scan.and_then(|scan| usize::try_from(scan).ok()).and_then(|scan| ids.get(scan)).cloned()
}

fn ports<'s>(state: Option<&'s HostSide<'s>>) -> Ports<'s> {
    let merged = state.map(|state| &state.merged);
    merged.into_iter().flat_map(|m| m.host.ports.iter().zip(&m.provenance.ports)).collect()
}
