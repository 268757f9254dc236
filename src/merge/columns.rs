//! Columns that the table `conflicts` compares. Those of ports and services are the fields of the model ([`Record`]).
//! Those of a host that merge one by one are in `details`; here are those that come with the state, with the names, and
//! with the operating system.

use crate::model::{
    CowStr, ExtraPorts, FieldValue as _, Host, OsClass, OsPortUsed, PortState, Record, Script,
    Trace,
};

/// Value of a column, as text; `None` for null.
pub(super) type Value<'a> = Option<CowStr<'a>>;

type OfHost = for<'p, 'a> fn(&'p Host<'a>) -> Value<'a>;

/// Name of a column: that of a field, after the prefix of the struct that holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColumnName {
    prefix: &'static str,
    field: &'static str,
}

impl ColumnName {
    pub(super) const fn new(prefix: &'static str, field: &'static str) -> Self {
        Self { prefix, field }
    }

    pub(super) fn text(self) -> CowStr<'static> {
        match self.prefix {
            "" => self.field.into(),
            prefix => format!("{prefix}{}", self.field).into(),
        }
    }
}

/// Columns with their values.
pub(super) type ColumnValues<'a> = Vec<(ColumnName, Value<'a>)>;

/// Function that returns columns that are taken together, with the values of a host.
pub(super) type ColumnsOf = for<'p, 'a> fn(&'p Host<'a>) -> ColumnValues<'a>;

/// Columns that come with the state of a host. Times are not compared.
pub(super) const HOST: &[(&str, OfHost)] = &[
    ("state", |host| host.status.state.text()),
    ("reason", |host| host.status.reason.clone()),
    ("timed_out", |host| number(host.timed_out)),
];

/// MAC address, which comes with the names.
pub(super) const MAC: ColumnsOf =
    |host| vec![(ColumnName::new("", "mac"), host.mac().map(|address| address.text.clone()))];

/// Columns of the operating system that may come from another scan than the state of the host.
pub(super) const OS: &[ColumnsOf] = &[
    |host| {
        let texts = host.os.classes.iter().filter_map(orphan);
        vec![(ColumnName::new("os_", "classes"), list(texts))]
    },
    |host| {
        let texts = host.os.fingerprints.iter().map(|text| text.clone().into_owned());
        vec![(ColumnName::new("os_", "fingerprints"), list(texts))]
    },
    |host| {
        let texts = host.os.ports_used.iter().map(port_used);
        vec![(ColumnName::new("os_", "ports_used"), list(texts))]
    },
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

/// Fields of a port whose values are not compared: its key, its position, and the distance that a packet travelled.
pub(super) const NOT_OF_PORT: &[&str] = &["protocol", "number", "index", "reason_ttl", "expanded"];

/// Fields of a service whose values are not compared: details of the RPC program, which `rpc_num` identifies.
pub(super) const NOT_OF_SERVICE: &[&str] = &["rpc_proto", "low_ver", "high_ver"];

/// Returns the fields of a record that are compared: all except these, each with its index. Lists of records have no
/// value, and are thus never in conflict.
pub(super) fn compared<'a, R: Record<'a>>(
    except: &'static [&'static str],
) -> impl Iterator<Item = (usize, &'static str)> {
    let fields = R::FIELDS.iter().copied().enumerate();
    fields.filter(move |(_, field)| !except.contains(field))
}

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

pub(super) fn owned<'a>(text: &str) -> CowStr<'a> {
    CowStr::Owned(text.to_owned())
}

pub(super) fn number<'a>(number: Option<impl ToString>) -> Value<'a> {
    number.map(|number| number.to_string().into())
}
