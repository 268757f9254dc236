//! What lost in a merge, to what, and by which rule: the table `conflicts`.

use super::{
    group::Part,
    policy::{MergePolicy, Precedence},
};
use crate::model::{
    Conflict, ExtraPorts, Host, OsClass, OsMatch, OsPortUsed, Port, PortState, ScanNumber, Script,
    Service, Text, Timestamp, Trace,
};

/// The rule by which a port is gone that a later scan looked for and did not list.
const COVERED: &str = "covered";

/// Gathers conflicts, or nothing.
#[derive(Debug)]
pub(super) struct Explain<'a> {
    on: bool,
    found: Vec<Conflict<'a>>,
}

type Value<'a> = Option<Text<'a>>;

impl<'a> Explain<'a> {
    pub(super) fn new(on: bool) -> Self {
        Self { on, found: Vec::new() }
    }

    pub(super) fn off() -> Self {
        Self::new(false)
    }

    pub(super) fn into_conflicts(self) -> Vec<Conflict<'a>> {
        self.found
    }

    /// Notes a value that lost, if it says anything else than the one that stands. Null loses to anything
    /// silently, as it says nothing.
    fn note(
        &mut self,
        (protocol, port): (Value<'a>, Option<i32>),
        column: Text<'a>,
        (winner, winner_value): (ScanNumber, Value<'a>),
        (loser, loser_value): (ScanNumber, Value<'a>),
        rule: &'static str,
    ) {
        if loser_value.is_some() && winner_value != loser_value {
            let rule = rule.into();
            self.found.push(Conflict {
                protocol,
                port,
                column,
                winner,
                winner_value,
                loser,
                loser_value,
                rule,
            });
        }
    }

    /// State, reason and times of hosts, best first.
    pub(super) fn of_hosts<'p>(
        &mut self,
        mut parts: impl Iterator<Item = &'p Part<'a>>,
        policy: &MergePolicy,
    ) where
        'a: 'p,
    {
        if !self.on {
            return;
        }
        let Some(best) = parts.next() else { return };
        let rule = policy.precedence.name();
        for part in parts {
            let columns = host_columns(&best.host).into_iter().zip(host_columns(&part.host));
            for ((column, mine), (_, theirs)) in columns {
                let (mine, theirs) = ((best.scan, mine), (part.scan, theirs));
                self.note((None, None), column.into(), mine, theirs, rule);
            }
        }
    }

    /// Details and lists of hosts, best first: what belongs together is that of the first host that has any of it.
    pub(super) fn details<'p>(
        &mut self,
        parts: &(impl Iterator<Item = &'p Part<'a>> + Clone),
        precedence: Precedence,
    ) where
        'a: 'p,
    {
        if !self.on {
            return;
        }
        for together in DETAILS {
            self.together(together, parts.clone(), precedence.name());
        }
    }

    /// Counts of ports that are not listed singly: those of the first scan that has any stand, whatever the policy.
    pub(super) fn extra_ports<'p>(&mut self, parts: impl Iterator<Item = &'p Part<'a>>)
    where
        'a: 'p,
    {
        if self.on {
            let mut parts: Vec<_> = parts.collect();
            parts.sort_by_key(|part| part.order);
            self.together(EXTRA_PORTS, parts.into_iter(), Precedence::First.name());
        }
    }

    /// Values that are taken together, of the first host that has any.
    fn together<'p>(
        &mut self,
        columns: &[(&'static str, OfHost)],
        parts: impl Iterator<Item = &'p Part<'a>>,
        rule: &'static str,
    ) where
        'a: 'p,
    {
        let has_any = |part: &&Part<'a>| columns.iter().any(|(_, get)| get(&part.host).is_some());
        let mut parts = parts.filter(has_any);
        let Some(best) = parts.next() else { return };
        for part in parts {
            for (column, get) in columns {
                let (mine, theirs) = ((best.scan, get(&best.host)), (part.scan, get(&part.host)));
                self.note((None, None), (*column).into(), mine, theirs, rule);
            }
        }
    }

    /// A record of a port that lost.
    pub(super) fn port(
        &mut self,
        (winner, mine): (ScanNumber, &Port<'a>),
        (loser, theirs): (ScanNumber, &Port<'a>),
        precedence: Precedence,
    ) {
        if !self.on {
            return;
        }
        let place = place(mine);
        let rule = precedence.name();
        for (column, get) in PORT {
            let (winner, loser) = ((winner, get(mine)), (loser, get(theirs)));
            self.note(place.clone(), (*column).into(), winner, loser, rule);
        }
        for (number, service) in theirs.services.iter().enumerate() {
            let own = mine.services.get(number);
            for (column, get) in SERVICE {
                let (winner, loser) = ((winner, own.and_then(get)), (loser, get(service)));
                self.note(place.clone(), (*column).into(), winner, loser, rule);
            }
        }
        for script in &theirs.scripts {
            let own = mine.scripts.iter().find(|own| own.name == script.name);
            let winner = (winner, own.map(script_value));
            let loser = (loser, Some(script_value(script)));
            self.note(place.clone(), script_column(script), winner, loser, rule);
        }
    }

    /// A port that is gone, as a later scan looked for it and did not list it.
    pub(super) fn covered(&mut self, port: &Port<'a>, by: ScanNumber, of: ScanNumber) {
        if self.on {
            let lost = (of, Some(owned(port.state.as_str())));
            self.note(place(port), "state".into(), (by, None), lost, COVERED);
        }
    }

    pub(super) fn os_match(
        &mut self,
        (winner, mine): (ScanNumber, &OsMatch<'a>),
        (loser, theirs): (ScanNumber, &OsMatch<'a>),
        precedence: Precedence,
    ) {
        if self.on {
            let column = format!("os_match.{}", mine.name.as_deref().unwrap_or_default());
            let value = |found: &OsMatch<'a>| number(found.accuracy);
            let (mine, theirs) = ((winner, value(mine)), (loser, value(theirs)));
            self.note((None, None), column.into(), mine, theirs, precedence.name());
        }
    }

    pub(super) fn script(
        &mut self,
        (winner, mine): (ScanNumber, &Script<'a>),
        (loser, theirs): (ScanNumber, &Script<'a>),
        precedence: Precedence,
    ) {
        if self.on {
            let mine = (winner, Some(script_value(mine)));
            let lost = (loser, Some(script_value(theirs)));
            self.note((None, None), script_column(theirs), mine, lost, precedence.name());
        }
    }

    pub(super) fn traces(&mut self, winner: &Part<'a>, loser: &Part<'a>, precedence: Precedence) {
        if self.on {
            let (mine, theirs) = (route(&winner.host.traces), route(&loser.host.traces));
            let (mine, theirs) = ((winner.scan, mine), (loser.scan, theirs));
            self.note((None, None), "trace".into(), mine, theirs, precedence.name());
        }
    }
}

fn place<'a>(port: &Port<'a>) -> (Value<'a>, Option<i32>) {
    (Some(owned(port.protocol.as_str())), Some(i32::from(port.number)))
}

fn owned<'a>(text: &str) -> Text<'a> {
    Text::Owned(text.to_owned())
}

fn number<'a>(number: Option<impl ToString>) -> Value<'a> {
    number.map(|number| number.to_string().into())
}

fn time<'a>(time: Option<Timestamp>) -> Value<'a> {
    number(time)
}

fn host_columns<'a>(host: &Host<'a>) -> Vec<(&'static str, Value<'a>)> {
    vec![
        ("state", Some(owned(host.status.state.as_str()))),
        ("reason", host.status.reason.clone()),
        ("reason_ttl", number(host.status.reason_ttl)),
        ("start_time", time(host.start_time)),
        ("end_time", time(host.end_time)),
        ("timed_out", number(host.timed_out)),
    ]
}

type OfHost = for<'p, 'a> fn(&'p Host<'a>) -> Value<'a>;
type OfPort = for<'p, 'a> fn(&'p Port<'a>) -> Value<'a>;
type OfService = for<'p, 'a> fn(&'p Service<'a>) -> Value<'a>;

/// Values of a host that may come from another scan than its state; those of a list belong together.
const DETAILS: &[&[(&str, OfHost)]] = &[
    &[("mac", |host| host.mac().map(|address| address.text.clone()))],
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
    &[("os_classes", |host| list(host.os.classes.iter().filter_map(orphan)))],
    &[("os_fingerprints", |host| {
        list(host.os.fingerprints.iter().map(|text| text.clone().into_owned()))
    })],
    &[("os_ports_used", |host| list(host.os.ports_used.iter().map(port_used)))],
];

const EXTRA_PORTS: &[(&str, OfHost)] =
    &[("extra_ports", |host| list(host.extra_ports.iter().map(extra)))];

/// Texts side by side; null without any.
fn list<'a>(texts: impl Iterator<Item = String>) -> Value<'a> {
    let texts: Vec<_> = texts.collect();
    (!texts.is_empty()).then(|| texts.join(", ").into())
}

/// What is known of a class that belongs to no match.
fn orphan(class: &OsClass<'_>) -> Option<String> {
    let known = [&class.vendor, &class.family, &class.gen_, &class.kind];
    let known: Vec<&str> = known.into_iter().filter_map(Option::as_deref).collect();
    class.match_index.is_none().then(|| known.join(" "))
}

/// As in `22/tcp open`.
fn port_used(used: &OsPortUsed<'_>) -> String {
    let number = used.port.map(|number| number.to_string()).unwrap_or_default();
    let state = used.state.as_ref().map(PortState::as_str).unwrap_or_default();
    format!("{number}/{} {state}", used.proto.as_deref().unwrap_or_default())
}

/// As in `998 closed`.
fn extra(extra: &ExtraPorts<'_>) -> String {
    let count = extra.count.map(|count| count.to_string()).unwrap_or_default();
    format!("{count} {}", extra.state.as_ref().map(PortState::as_str).unwrap_or_default())
}

const PORT: &[(&str, OfPort)] = &[
    ("state", |port| Some(owned(port.state.as_str()))),
    ("reason", |port| port.reason.clone()),
    ("reason_ttl", |port| number(port.reason_ttl)),
    ("reason_ip", |port| port.reason_ip.clone()),
    ("owner", |port| port.owner.clone()),
];

const SERVICE: &[(&str, OfService)] = &[
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

fn script_column<'a>(script: &Script<'_>) -> Text<'a> {
    format!("script.{}", script.name).into()
}

/// Its text, else its structured value.
fn script_value<'a>(script: &Script<'a>) -> Text<'a> {
    if let Some(output) = &script.output {
        return output.clone();
    }
    let mut json = Vec::new();
    script.data.write_json(&mut json);
    String::from_utf8(json).unwrap_or_default().into()
}

/// Addresses of the hops.
fn route<'a>(traces: &[Trace<'a>]) -> Value<'a> {
    let hops = traces.iter().flat_map(|trace| &trace.hops);
    let addresses: Vec<&str> = hops.map(|hop| hop.ip.as_deref().unwrap_or("*")).collect();
    (!addresses.is_empty()).then(|| addresses.join(" ").into())
}
