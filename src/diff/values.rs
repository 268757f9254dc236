//! Values of a host as texts, in the form in which they are compared and shown.

use std::{cmp::Reverse, collections::BTreeSet};

use crate::{
    merge::LookFacts,
    model::{
        Address, AddressKind, ChangedService, Host, Port, Record as _, ScanIndex, Script, Service,
        Timestamp, field_index,
    },
};

/// Value of one state, and its source.
#[derive(Debug, Clone, Default)]
pub(super) struct SideValue {
    /// True if the state looked for the value.
    pub(super) looked: bool,
    /// Value that was found.
    pub(super) value: Option<String>,
    /// Scan that the value comes from.
    pub(super) scan: Option<ScanIndex>,
    /// Time of the look.
    pub(super) time: Option<Timestamp>,
}

impl SideValue {
    /// Returns a value with the look that looked for it; a value counts as looked for even without a look.
    pub(super) fn by(look: Option<&LookFacts>, value: Option<String>) -> Self {
        Self {
            looked: look.is_some() || value.is_some(),
            value,
            scan: look.map(|look| look.scan),
            time: look.and_then(|look| look.last),
        }
    }

    /// Returns a value that a scan looked for and found.
    pub(super) fn found(
        value: impl Into<String>,
        scan: Option<ScanIndex>,
        time: Option<Timestamp>,
    ) -> Self {
        Self { looked: true, value: Some(value.into()), scan, time }
    }
}

/// Joins the distinct texts in sorted order; `None` if there are none.
pub(super) fn set<'t>(texts: impl Iterator<Item = &'t str>) -> Option<String> {
    let texts: BTreeSet<&str> = texts.collect();
    (!texts.is_empty()).then(|| texts.into_iter().collect::<Vec<_>>().join(", "))
}

/// Returns the host names in sorted order.
pub(super) fn names(host: &Host<'_>) -> Option<String> {
    set(host.hostnames.iter().map(|name| &*name.name))
}

/// Returns the host names in the form in which they are compared: lower case, without trailing dots.
pub(super) fn plain_names(host: &Host<'_>) -> BTreeSet<String> {
    let names = host.hostnames.iter().map(|name| name.name.to_lowercase());
    names.map(|name| name.strip_suffix('.').map_or(name.clone(), str::to_owned)).collect()
}

/// Returns the addresses in sorted order, without MAC addresses and, if the host has moved, without its first IP
/// address.
pub(super) fn addresses(host: &Host<'_>, has_moved: bool) -> Option<String> {
    let key = host.ip().filter(|_| has_moved);
    let is_shown = |address: &&Address<'_>| {
        // An address that an entry repeats is removed with its repetitions.
        let is_key = |key: &Address<'_>| (&key.text, &key.zone) == (&address.text, &address.zone);
        address.kind != AddressKind::Mac && !key.is_some_and(is_key)
    };
    set(host.addresses.iter().filter(is_shown).map(|address| &*address.text))
}

/// Returns the MAC addresses in sorted order.
pub(super) fn macs(host: &Host<'_>) -> Option<String> {
    let macs = host.addresses.iter().filter(|address| address.kind == AddressKind::Mac);
    set(macs.map(|address| &*address.text))
}

/// Returns the names of the operating systems, best match first.
pub(super) fn systems(host: &Host<'_>) -> Option<String> {
    let mut matches: Vec<_> = host.os.matches.iter().collect();
    matches.sort_by_key(|found| Reverse(found.accuracy));
    let mut seen = BTreeSet::new();
    let names = matches.into_iter().filter_map(|found| found.name.as_deref());
    let names: Vec<&str> = names.filter(|name| seen.insert(*name)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Returns the names of the operating systems in the form in which they are compared.
pub(super) fn system_set<'h>(host: &'h Host<'_>) -> BTreeSet<&'h str> {
    host.os.matches.iter().filter_map(|found| found.name.as_deref()).collect()
}

/// Returns the addresses of the hops.
pub(super) fn route(host: &Host<'_>) -> Option<String> {
    let hops = host.traces.iter().flat_map(|trace| &trace.hops);
    let addresses: Vec<_> = hops.map(|hop| hop.ip.as_deref().unwrap_or("*")).collect();
    (!addresses.is_empty()).then(|| addresses.join(" "))
}

/// Returns the output of a script, or its structured value as JSON if it has no output.
pub(super) fn script_text(script: &Script<'_>) -> String {
    if let Some(output) = &script.output {
        return output.clone().into_owned();
    }
    let mut json = Vec::new();
    script.data.write_json(&mut json);
    String::from_utf8(json).unwrap_or_default()
}

/// Columns of a service that are compared, each with the index of its field.
pub(super) const SERVICE: [(&str, usize); 4] = [
    ("service.name", field_index(Service::FIELDS, "name")),
    ("service.product", field_index(Service::FIELDS, "product")),
    ("service.version", field_index(Service::FIELDS, "version")),
    ("service.tunnel", field_index(Service::FIELDS, "tunnel")),
];

/// Returns name, product and version of services.
pub(super) fn services(services: &[Service<'_>]) -> Option<String> {
    let words = |service: &Service<'_>| -> String {
        let words = [&service.name, &service.product, &service.version];
        words.into_iter().flatten().map(|word| &**word).collect::<Vec<_>>().join(" ")
    };
    let texts: Vec<String> = services.iter().map(words).collect();
    set(texts.iter().map(String::as_str))
}

/// Returns the reported columns of the first service of a port.
pub(super) fn first_service(port: &Port<'_>) -> Option<ChangedService> {
    let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
    port.services.first().map(|service| ChangedService {
        name: text(&service.name),
        product: text(&service.product),
        version: text(&service.version),
        tunnel: text(&service.tunnel),
    })
}
