//! What differs between two states of one host.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    merge::{Pair, State, Unlisted, is_probed},
    model::{
        AddressKind, Change, ChangeKind, ChangedService, Host, HostChanges, Port, PortOrigin,
        Protocol, ScanNumber, Script, Service, Timestamp,
    },
};

/// A value with its scan, and when it was last seen.
#[derive(Debug, Clone, Default)]
struct Side {
    value: Option<String>,
    scan: Option<String>,
    time: Option<Timestamp>,
}

/// Gathers changes of one host.
struct Changes<'p, 'b> {
    pair: &'p Pair<'b>,
    ids: (&'p [String], &'p [String]),
    /// Ports of both states.
    ports: (Ports<'p>, Ports<'p>),
    found: Vec<Change>,
}

type Ports<'s> = BTreeMap<(&'s Protocol<'s>, u16), (&'s Port<'s>, &'s PortOrigin)>;

/// All changes of a host.
pub(super) fn changes(pair: &Pair<'_>, (old, new): (&[String], &[String])) -> Vec<Change> {
    let ports = (ports(pair.old.as_ref()), ports(pair.new.as_ref()));
    let mut changes = Changes { pair, ids: (old, new), ports, found: Vec::new() };
    changes.host();
    changes.ports();
    changes.found
}

/// What else is told of a host of which something differs.
pub(super) fn host_changes(pair: &Pair<'_>, changes: Vec<Change>) -> HostChanges {
    let is_there = pair.new.is_some();
    let Some(state) = pair.new.as_ref().or(pair.old.as_ref()) else {
        return HostChanges { is_there, changes, ..HostChanges::default() };
    };
    let host = &state.merged.host;
    HostChanges {
        hostname: host.hostname().map(|name| name.name.clone().into_owned()),
        mac: host.mac().map(|mac| mac.text.clone().into_owned()),
        start_time: host.start_time,
        end_time: host.end_time,
        complete: host.complete,
        is_there,
        changes,
    }
}

impl Changes<'_, '_> {
    fn host(&mut self) {
        let state = |state: &State<'_>| Some(state.merged.host.status.state.as_str().to_owned());
        match (&self.pair.old, &self.pair.new) {
            (Some(old), Some(new)) => {
                self.changed(None, "state", (state(old), state(new)));
                let (before, after) = (&old.merged.host, &new.merged.host);
                // What a scan did not look for, or could not see, says nothing by its lack.
                let named = !before.hostnames.is_empty() && !after.hostnames.is_empty();
                if named && plain_names(before) != plain_names(after) {
                    self.changed(None, "hostnames", (names(before), names(after)));
                }
                let macs = before.mac().is_some() && after.mac().is_some();
                let values = (addresses(before, macs), addresses(after, macs));
                self.changed(None, "addresses", values);
                if !before.os.is_empty() && !after.os.is_empty() {
                    self.changed(None, "os", (systems(before), systems(after)));
                }
                if let (Some(before), Some(after)) = (route(before), route(after)) {
                    self.changed(None, "trace", (Some(before), Some(after)));
                }
                self.scripts(None, &before.scripts, &after.scripts);
            }
            (Some(old), None) => self.add(None, ChangeKind::Gone, "host", (state(old), None)),
            (None, Some(new)) => self.add(None, ChangeKind::Appeared, "host", (None, state(new))),
            (None, None) => {}
        }
    }

    fn ports(&mut self) {
        let pair = self.pair;
        let (old, new) = self.ports.clone();
        let keys: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
        for key @ (protocol, number) in keys {
            let place = Some((protocol, number));
            match (old.get(&key), new.get(&key)) {
                (Some((before, _)), Some((after, _))) => self.port(place, before, after),
                (Some((before, _)), None) => {
                    let state = before.state.as_str().to_owned();
                    match pair.unlisted_in_new(protocol, number) {
                        // It is still in that state, and only not listed singly any more.
                        Unlisted::Covered(Some(now)) if now == state => {}
                        Unlisted::Covered(now) => {
                            self.add(place, ChangeKind::Gone, "state", (Some(state), now));
                        }
                        Unlisted::NotScanned => {
                            self.add(place, ChangeKind::NotScanned, "state", (Some(state), None));
                        }
                    }
                }
                (None, Some((after, _))) => {
                    let state = after.state.as_str().to_owned();
                    match pair.unlisted_in_old(protocol, number) {
                        Unlisted::Covered(Some(then)) if then == state => {}
                        Unlisted::Covered(then) => {
                            self.add(place, ChangeKind::Appeared, "state", (then, Some(state)));
                        }
                        Unlisted::NotScanned if pair.old.is_none() => {
                            self.add(place, ChangeKind::Appeared, "state", (None, Some(state)));
                        }
                        Unlisted::NotScanned => {
                            self.add(place, ChangeKind::NotScanned, "state", (None, Some(state)));
                        }
                    }
                }
                (None, None) => {}
            }
        }
    }

    fn port(&mut self, place: Place<'_>, before: &Port<'_>, after: &Port<'_>) {
        let state = |port: &Port<'_>| Some(port.state.as_str().to_owned());
        self.changed(place, "state", (state(before), state(after)));
        let (old, new) = (&before.services, &after.services);
        for (column, get) in SERVICE {
            let values = |services: &[Service<'_>]| -> Option<String> {
                let texts: BTreeSet<_> =
                    services.iter().filter_map(|service| get(service)).collect();
                (!texts.is_empty()).then(|| texts.into_iter().collect::<Vec<_>>().join(", "))
            };
            // Without a look at versions nothing is said of them, and a name is a guess by the number.
            if is_probed(old) == is_probed(new) || (is_probed(new) && values(new).is_some()) {
                self.changed(place, column, (values(old), values(new)));
            }
        }
        self.scripts(place, &before.scripts, &after.scripts);
    }

    /// Scripts by name. A state without any script did not run them.
    fn scripts(&mut self, place: Place<'_>, before: &[Script<'_>], after: &[Script<'_>]) {
        if before.is_empty() && after.is_empty() {
            return;
        }
        let names: BTreeSet<&str> =
            before.iter().chain(after).map(|script| &*script.name).collect();
        for name in names {
            let value = |scripts: &[Script<'_>]| -> Option<String> {
                let of_name = scripts.iter().filter(|script| script.name == name);
                let outputs: Vec<_> = of_name.map(script_text).collect();
                (!outputs.is_empty()).then(|| outputs.join("\n"))
            };
            let (old, new) = (value(before), value(after));
            let column = format!("script.{name}");
            let kind = match (&old, &new) {
                (Some(old), Some(new)) if old == new => continue,
                (Some(_), Some(_)) => ChangeKind::Changed,
                (Some(_), None) if after.is_empty() => ChangeKind::NotScanned,
                (None, Some(_)) if before.is_empty() => ChangeKind::NotScanned,
                (Some(_), None) => ChangeKind::Gone,
                (None, _) => ChangeKind::Appeared,
            };
            self.add(place, kind, &column, (old, new));
        }
    }

    /// Adds a value that both states have, if it is not the same.
    fn changed(
        &mut self,
        place: Place<'_>,
        column: &str,
        values: (Option<String>, Option<String>),
    ) {
        if values.0 != values.1 {
            self.add(place, ChangeKind::Changed, column, values);
        }
    }

    fn add(
        &mut self,
        place: Place<'_>,
        kind: ChangeKind,
        column: &str,
        (old, new): (Option<String>, Option<String>),
    ) {
        let pair = self.pair;
        let (before, after) = (of_port(&self.ports.0, place), of_port(&self.ports.1, place));
        let old = side(pair.old.as_ref(), before.map(|(_, origin)| origin), (self.ids.0, old));
        let new = side(pair.new.as_ref(), after.map(|(_, origin)| origin), (self.ids.1, new));
        let service = after.or(before).and_then(|(port, _)| first_service(port));
        let state = pair.new.as_ref().or(pair.old.as_ref());
        let merged = state.map(|state| &state.merged);
        self.found.push(Change {
            host_key: merged.map(|merged| merged.host_key.clone().into_owned()).unwrap_or_default(),
            ip: merged
                .and_then(|merged| merged.host.ip())
                .map(|address| address.text.clone().into_owned()),
            protocol: place.map(|(protocol, _)| protocol.as_str().to_owned()),
            port: place.map(|(_, number)| i32::from(number)),
            kind,
            column: column.to_owned(),
            old: old.value,
            new: new.value,
            old_scan_id: old.scan,
            new_scan_id: new.scan,
            old_time: old.time,
            new_time: new.time,
            service,
        });
    }
}

type Place<'s> = Option<(&'s Protocol<'s>, u16)>;

fn of_port<'f>(ports: &'f Ports<'_>, place: Place<'_>) -> Option<(&'f Port<'f>, &'f PortOrigin)> {
    place.and_then(|(protocol, number)| {
        ports.get(&(protocol, number)).map(|(port, origin)| (*port, *origin))
    })
}

/// What is told of the first service of a port.
fn first_service(port: &Port<'_>) -> Option<ChangedService> {
    let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
    port.services.first().map(|service| ChangedService {
        name: text(&service.name),
        version: text(&service.version),
        tunnel: text(&service.tunnel),
    })
}

/// Where a value of a state comes from: the record of its port, else that of the host.
fn side(
    state: Option<&State<'_>>,
    of_port: Option<&PortOrigin>,
    (ids, value): (&[String], Option<String>),
) -> Side {
    let Some(state) = state else { return Side { value, ..Side::default() } };
    let origins = &state.merged.origins;
    let (scan, seen) =
        of_port.map_or((origins.status, origins.seen), |origin| (origin.scan, origin.seen));
    Side { value, scan: id(ids, scan), time: seen.last }
}

fn id(ids: &[String], scan: ScanNumber) -> Option<String> {
    usize::try_from(scan).ok().and_then(|scan| ids.get(scan)).cloned()
}

fn ports<'s>(state: Option<&'s State<'s>>) -> Ports<'s> {
    let merged = state.map(|state| &state.merged);
    let pairs = merged.into_iter().flat_map(|m| m.host.ports.iter().zip(&m.origins.ports));
    pairs.map(|(port, origin)| ((&port.protocol, port.number), (port, origin))).collect()
}

/// Texts in order, each once.
fn set<'t>(texts: impl Iterator<Item = &'t str>) -> Option<String> {
    let texts: BTreeSet<&str> = texts.collect();
    (!texts.is_empty()).then(|| texts.into_iter().collect::<Vec<_>>().join(", "))
}

fn names(host: &Host<'_>) -> Option<String> {
    set(host.hostnames.iter().map(|name| &*name.name))
}

/// What is compared of names: neither case nor a final dot.
fn plain_names(host: &Host<'_>) -> BTreeSet<String> {
    let names = host.hostnames.iter().map(|name| name.name.to_lowercase());
    names.map(|name| name.strip_suffix('.').map_or(name.clone(), str::to_owned)).collect()
}

fn addresses(host: &Host<'_>, macs: bool) -> Option<String> {
    let told = host.addresses.iter().filter(|address| macs || address.kind != AddressKind::Mac);
    set(told.map(|address| &*address.text))
}

fn systems(host: &Host<'_>) -> Option<String> {
    set(host.os.matches.iter().filter_map(|found| found.name.as_deref()))
}

fn route(host: &Host<'_>) -> Option<String> {
    let hops = host.traces.iter().flat_map(|trace| &trace.hops);
    let addresses: Vec<_> = hops.map(|hop| hop.ip.as_deref().unwrap_or("*")).collect();
    (!addresses.is_empty()).then(|| addresses.join(" "))
}

fn script_text(script: &Script<'_>) -> String {
    if let Some(output) = &script.output {
        return output.clone().into_owned();
    }
    let mut json = Vec::new();
    script.data.write_json(&mut json);
    String::from_utf8(json).unwrap_or_default()
}

type Text = for<'s> fn(&'s Service<'_>) -> Option<&'s str>;

const SERVICE: [(&str, Text); 4] = [
    ("service.name", |service| service.name.as_deref()),
    ("service.product", |service| service.product.as_deref()),
    ("service.version", |service| service.version.as_deref()),
    ("service.tunnel", |service| service.tunnel.as_deref()),
];
