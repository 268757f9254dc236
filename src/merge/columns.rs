//! Columns that the table `conflicts` compares, each with the function that reads its value.

use super::explain::{Value, number, owned};
use crate::model::{
    CowStr, ExtraPorts, Host, OsClass, OsPortUsed, Port, PortState, Script, Service, Trace,
};

pub(super) type OfHost = for<'p, 'a> fn(&'p Host<'a>) -> Value<'a>;
pub(super) type Columns = &'static [(&'static str, OfHost)];
type OfPort = for<'p, 'a> fn(&'p Port<'a>) -> Value<'a>;
type OfService = for<'p, 'a> fn(&'p Service<'a>) -> Value<'a>;

/// Columns that come with the state of a host. Times are not compared.
pub(super) const HOST: &[(&str, OfHost)] = &[
    ("state", |host| Some(owned(host.status.state.as_str()))),
    ("reason", |host| host.status.reason.clone()),
    ("timed_out", |host| number(host.timed_out)),
];

/// MAC address, which comes with the names.
pub(super) const MAC: Columns = &[("mac", |host| host.mac().map(|address| address.text.clone()))];

/// Columns of a host that may come from another scan than its state. Columns of one list are taken together.
pub(super) const DETAILS: &[Columns] = &[
    &[("comment", |host| host.comment.clone())],
    &[("uptime_s", |host| number(host.uptime_s)), ("last_boot", |host| host.last_boot.clone())],
    &[("distance", |host| number(host.distance))],
    &[
        ("tcp_seq_index", |host| number(host.tcp_sequence.index)),
        ("tcp_seq_difficulty", |host| host.tcp_sequence.difficulty.clone()),
        ("tcp_seq_class", |host| host.tcp_sequence.class.clone()),
        ("tcp_seq_values", |host| host.tcp_sequence.values.clone()),
    ],
    &[
        ("ip_id_class", |host| host.ip_id_sequence.class.clone()),
        ("ip_id_values", |host| host.ip_id_sequence.values.clone()),
    ],
    &[
        ("tcp_ts_class", |host| host.tcp_ts_sequence.class.clone()),
        ("tcp_ts_values", |host| host.tcp_ts_sequence.values.clone()),
    ],
];

/// Columns of the operating system that may come from another scan than the state of the host.
pub(super) const OS: &[Columns] = &[
    &[("os_classes", |host| list(host.os.classes.iter().filter_map(orphan)))],
    &[("os_fingerprints", |host| {
        list(host.os.fingerprints.iter().map(|text| text.clone().into_owned()))
    })],
    &[("os_ports_used", |host| list(host.os.ports_used.iter().map(port_used)))],
];

/// Joins texts with a comma and a blank; null if there are none.
pub(super) fn list<'a>(texts: impl Iterator<Item = String>) -> Value<'a> {
    let texts: Vec<_> = texts.collect();
    (!texts.is_empty()).then(|| texts.join(", ").into())
}

/// Describes an OS class that belongs to no match; `None` for a class that belongs to one.
fn orphan(class: &OsClass<'_>) -> Option<String> {
    let known = [&class.vendor, &class.family, &class.generation, &class.kind];
    let known: Vec<&str> = known.into_iter().filter_map(Option::as_deref).collect();
    class.match_index.is_none().then(|| known.join(" "))
}

/// Formats a port as in `22/tcp open`.
fn port_used(used: &OsPortUsed<'_>) -> String {
    let number = used.port.map(|number| number.to_string()).unwrap_or_default();
    let state = used.state.as_ref().map(PortState::as_str).unwrap_or_default();
    format!("{number}/{} {state}", used.proto.as_deref().unwrap_or_default())
}

/// Formats a count as in `998 closed`.
pub(super) fn extra_text(extra: &ExtraPorts<'_>) -> String {
    let count = extra.count.map(|count| count.to_string()).unwrap_or_default();
    format!("{count} {}", extra.state.as_ref().map(PortState::as_str).unwrap_or_default())
}

pub(super) const PORT: &[(&str, OfPort)] = &[
    ("state", |port| Some(owned(port.state.as_str()))),
    ("reason", |port| port.reason.clone()),
    ("reason_ip", |port| port.reason_ip.clone()),
    ("owner", |port| port.owner.clone()),
];

pub(super) const SERVICE: &[(&str, OfService)] = &[
    ("service.name", |service| service.name.clone()),
    ("service.product", |service| service.product.clone()),
    ("service.version", |service| service.version.clone()),
    ("service.extra_info", |service| service.extra_info.clone()),
    ("service.hostname", |service| service.hostname.clone()),
    ("service.os_type", |service| service.os_type.clone()),
    ("service.device_type", |service| service.device_type.clone()),
    ("service.method", |service| service.method.clone()),
    ("service.confidence", |service| number(service.confidence)),
    ("service.tunnel", |service| service.tunnel.clone()),
    ("service.rpc_num", |service| number(service.rpc_num)),
    ("service.cpes", |service| (!service.cpes.is_empty()).then(|| service.cpes.join(" ").into())),
    ("service.fingerprint", |service| service.fingerprint.clone()),
    ("service.banner", |service| service.banner.clone()),
];

/// Returns the output of a script, or its structured value as JSON if it has no output.
pub(super) fn script_value<'a>(script: &Script<'a>) -> CowStr<'a> {
    if let Some(output) = &script.output {
        return output.clone();
    }
    let mut json = Vec::new();
    script.data.write_json(&mut json);
    String::from_utf8(json).unwrap_or_default().into()
}

/// Returns the addresses of the hops, separated by blanks.
pub(super) fn route<'a>(traces: &[Trace<'a>]) -> Value<'a> {
    let hops = traces.iter().flat_map(|trace| &trace.hops);
    let addresses: Vec<&str> = hops.map(|hop| hop.ip.as_deref().unwrap_or("*")).collect();
    (!addresses.is_empty()).then(|| addresses.join(" ").into())
}
