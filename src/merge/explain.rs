//! Records conflicts of a merge: the value that lost, the value that won, and the rule. They fill the table
//! `conflicts`.
//!
//! The key of the table is the host, port, column, item and losing scan. A port may have several services and
//! scripts; they are compared by name, as sets. A null value that loses is not a conflict.

use std::collections::BTreeSet;

use super::{
    columns::{
        ColumnValues, ColumnsOf, HOST, MAC, NOT_OF_PORT, NOT_OF_SERVICE, OS, Value, compared,
        extra_text, list, number, owned, route, script_value,
    },
    details::{Details, plain_name},
    host_look::HostLook,
    policy::Precedence,
};
use crate::model::{
    Conflict, CowStr, ExtraPorts, FieldValue as _, Hostname, OsMatch, Port, Protocol, Record as _,
    ScanIndex, Script, Service,
};

/// Rule that removes a port which a later look covered and did not list.
const COVERED: &str = "covered";

/// Collector of conflicts; collects nothing if the policy does not ask for an explanation.
#[derive(Debug)]
pub(super) struct Explain<'a> {
    on: bool,
    found: Vec<Conflict<'a>>,
}

/// Losing scan, winning scan and rule of a conflict.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loss {
    pub(super) winner: ScanIndex,
    pub(super) loser: ScanIndex,
    pub(super) rule: &'static str,
}

/// Port, column and item that a value belongs to.
#[derive(Debug, Clone, Default)]
struct ConflictSubject<'a> {
    port: Option<(CowStr<'a>, i32)>,
    column: CowStr<'a>,
    /// Name of the service, script or match, or the type of the host names.
    item: Value<'a>,
}

impl<'a> ConflictSubject<'a> {
    fn new(column: impl Into<CowStr<'a>>) -> Self {
        Self { column: column.into(), ..Self::default() }
    }

    fn of_port(port: &Port<'a>, column: impl Into<CowStr<'a>>) -> Self {
        let number = i32::from(port.number);
        let port = port.protocol.text().map(|protocol| (protocol, number));
        Self { port, column: column.into(), item: None }
    }

    fn with_item(self, item: Value<'a>) -> Self {
        Self { item, ..self }
    }
}

impl<'a> Explain<'a> {
    pub(super) fn new(on: bool) -> Self {
        Self { on, found: Vec::new() }
    }

    pub(super) fn off() -> Self {
        Self::new(false)
    }

    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    pub(super) fn into_conflicts(self) -> Vec<Conflict<'a>> {
        self.found
    }

    /// Removes conflicts of ports that are left out of the result.
    pub(super) fn forget_ports(&mut self, ports: &[(Protocol<'_>, u16)]) {
        if ports.is_empty() {
            return;
        }
        let gone: BTreeSet<(&str, i32)> =
            ports.iter().map(|(protocol, n)| (protocol.as_str(), i32::from(*n))).collect();
        self.found.retain(|lost| match (lost.protocol.as_deref(), lost.port) {
            (Some(protocol), Some(port)) => !gone.contains(&(protocol, port)),
            _ => true,
        });
    }

    /// Records a conflict when the losing value is set and differs from the winning one. Most values do not, so the
    /// subject is created only then.
    fn note(
        &mut self,
        subject: impl FnOnce() -> ConflictSubject<'a>,
        mine: &Value<'a>,
        theirs: Value<'a>,
        loss: Loss,
    ) {
        if theirs.is_some() && *mine != theirs {
            self.record(subject(), mine.clone(), theirs, loss);
        }
    }

    fn record(
        &mut self,
        subject: ConflictSubject<'a>,
        mine: Value<'a>,
        theirs: Value<'a>,
        loss: Loss,
    ) {
        let (protocol, port) = subject.port.unzip();
        self.found.push(Conflict {
            protocol,
            port,
            column: subject.column,
            item: subject.item,
            winner: loss.winner,
            winner_value: mine,
            loser: loss.loser,
            loser_value: theirs,
            rule: loss.rule.into(),
        });
    }

    /// Records conflicts of host states and their reasons. `looks` are sorted, best first.
    pub(super) fn of_hosts(&mut self, looks: &[HostLook<'a>], precedence: Precedence) {
        let Some((best, others)) = looks.split_first().filter(|_| self.on) else { return };
        for look in others {
            for (column, get) in HOST {
                let loss = loss(best, look, precedence);
                self.note(
                    || ConflictSubject::new(*column),
                    &get(&best.host),
                    get(&look.host),
                    loss,
                );
            }
        }
    }

    /// Records conflicts of details and lists. `looks` are sorted, best first; values that are taken together come
    /// from the first look that has any of them. Values that a flag leaves out are no conflict: `names` is true if
    /// addresses of other looks are taken.
    pub(super) fn details(&mut self, looks: &[HostLook<'a>], precedence: Precedence, names: bool) {
        if !self.on {
            return;
        }
        let of_os = if precedence == Precedence::Latest { &[] } else { OS };
        let mac: &[ColumnsOf] = if names { &[MAC] } else { &[] };
        for columns in mac.iter().chain(Details::COLUMNS).chain(of_os) {
            self.together(*columns, looks, precedence);
        }
    }

    /// Records conflicts of counts of unlisted ports. The winning counts come from one look, less the listed ports.
    pub(super) fn extra_ports(
        &mut self,
        looks: &[HostLook<'a>],
        (winner, stands): (usize, &[ExtraPorts<'a>]),
        precedence: Precedence,
    ) {
        let Some(best) = looks.get(winner).filter(|_| self.on) else { return };
        let value = |extra: &[ExtraPorts<'a>]| list(extra.iter().map(extra_text));
        let others = looks.iter().enumerate().filter(|(place, _)| *place != winner);
        let mut others = others.map(|(_, look)| look).peekable();
        if others.peek().is_none() {
            return;
        }
        let (whole, mine) = (value(&best.host.extra_ports), value(stands));
        for look in others {
            let theirs = value(&look.host.extra_ports);
            // Removing listed ports does not turn equal counts into a conflict.
            if theirs != whole {
                let loss = loss(best, look, precedence);
                self.note(|| ConflictSubject::new("extra_ports"), &mine, theirs, loss);
            }
        }
    }

    /// Records conflicts of values that are taken together from the first look that has any.
    fn together(&mut self, columns: ColumnsOf, looks: &[HostLook<'a>], precedence: Precedence) {
        let mut with_any = looks.iter().filter_map(|look| {
            let values = columns(&look.host);
            values.iter().any(|(_, value)| value.is_some()).then_some((look, values))
        });
        let Some((best, mine)) = with_any.next() else { return };
        for (look, theirs) in with_any {
            self.columns((&mine, theirs), loss(best, look, precedence));
        }
    }

    /// Records conflicts of columns of two looks.
    fn columns(&mut self, (mine, theirs): (&ColumnValues<'a>, ColumnValues<'a>), loss: Loss) {
        for ((column, mine), (_, theirs)) in mine.iter().zip(theirs) {
            self.note(|| ConflictSubject::new(column.text()), mine, theirs, loss);
        }
    }

    /// Records conflicts of host names per type. All names of a type come from the best look that has one.
    pub(super) fn names(&mut self, looks: &[&HostLook<'a>]) {
        if !self.on {
            return;
        }
        let mut known: Vec<(&Value<'a>, &HostLook<'a>)> = Vec::new();
        for look in looks {
            let kinds: Vec<&Value<'a>> =
                look.host.hostnames.iter().map(|name| &name.kind).collect();
            for (place, kind) in kinds.iter().enumerate() {
                if kinds.iter().take(place).any(|before| before == kind) {
                    continue;
                }
                let Some((_, best)) = known.iter().find(|(known, _)| known == kind) else {
                    known.push((kind, look));
                    continue;
                };
                if plain_names(best, kind) != plain_names(look, kind) {
                    let subject = || ConflictSubject::new("hostnames").with_item((*kind).clone());
                    let loss = loss(best, look, Precedence::Latest);
                    self.note(subject, &names(best, kind), names(look, kind), loss);
                }
            }
        }
    }

    /// Records conflicts of a port's own values.
    pub(super) fn port(&mut self, mine: &Port<'a>, theirs: &Port<'a>, loss: Loss) {
        for (field, column) in compared::<Port<'a>>(NOT_OF_PORT) {
            let subject = || ConflictSubject::of_port(mine, column);
            self.note(subject, &mine.text_of(field), theirs.text_of(field), loss);
        }
    }

    /// Records conflicts of a port's services, compared by name.
    pub(super) fn services(&mut self, (mine, theirs): (&Port<'a>, &Port<'a>), loss: Loss) {
        if mine.services == theirs.services {
            return;
        }
        let names: BTreeSet<Option<&str>> =
            theirs.services.iter().map(|service| service.name.as_deref()).collect();
        for name in names {
            for (field, column) in compared::<Service<'a>>(NOT_OF_SERVICE) {
                let value = |port: &Port<'a>| {
                    let of_name = port.services.iter().filter(|s| s.name.as_deref() == name);
                    set(of_name.filter_map(|service| service.text_of(field)), ", ")
                };
                let subject = || {
                    let subject = ConflictSubject::of_port(mine, format!("service.{column}"));
                    subject.with_item(name.map(owned))
                };
                self.note(subject, &value(mine), value(theirs), loss);
            }
        }
    }

    /// Records conflicts of a port's scripts, compared by name.
    pub(super) fn port_scripts(&mut self, (mine, theirs): (&Port<'a>, &Port<'a>), loss: Loss) {
        if mine.scripts == theirs.scripts {
            return;
        }
        for name in script_names(&theirs.scripts) {
            let subject = || {
                let subject = ConflictSubject::of_port(mine, format!("script.{name}"));
                subject.with_item(Some(owned(name)))
            };
            let (mine, theirs) = (outputs(&mine.scripts, name), outputs(&theirs.scripts, name));
            self.note(subject, &mine, theirs, loss);
        }
    }

    /// Records a port that a look listed and that a later look removed. `state` is the state that the later look
    /// implies, if any.
    pub(super) fn gone(
        &mut self,
        port: &Port<'a>,
        (winner, state): (ScanIndex, Option<&str>),
        loser: ScanIndex,
    ) {
        if self.on {
            let theirs = port.state.text();
            let loss = Loss { winner, loser, rule: COVERED };
            self.record(ConflictSubject::of_port(port, "state"), state.map(owned), theirs, loss);
        }
    }

    /// Records conflicts of a look's OS matches, compared by name. `known` returns the scan that supplies a name and
    /// its match. A name that `known` does not have is not a conflict.
    pub(super) fn os_matches<'m>(
        &mut self,
        known: impl Fn(Option<&str>) -> Option<(ScanIndex, Option<&'m OsMatch<'a>>)>,
        (loser, theirs): (ScanIndex, &[OsMatch<'a>]),
        precedence: Precedence,
    ) where
        'a: 'm,
    {
        if !self.on {
            return;
        }
        let names: BTreeSet<Option<&str>> = theirs.iter().map(|m| m.name.as_deref()).collect();
        for name in names {
            let Some((winner, mine)) = known(name) else { continue };
            let of_name = theirs.iter().filter(|found| found.name.as_deref() == name);
            let theirs = set(of_name.filter_map(|found| number(found.accuracy)), ", ");
            let subject = || {
                let column = format!("os_match.{}", name.unwrap_or_default());
                ConflictSubject::new(column).with_item(name.map(owned))
            };
            let loss = Loss { winner, loser, rule: precedence.name() };
            self.note(subject, &mine.and_then(|mine| number(mine.accuracy)), theirs, loss);
        }
    }

    /// Records conflicts of the operating system where all of it comes from one look.
    pub(super) fn whole_os(
        &mut self,
        looks: &[HostLook<'a>],
        winner: Option<usize>,
        precedence: Precedence,
    ) {
        let Some(winner) = winner.filter(|_| self.on) else { return };
        let Some(best) = looks.get(winner) else { return };
        let others = looks.iter().enumerate().filter(|(place, _)| *place != winner);
        let of_best: Vec<_> = OS.iter().map(|columns| columns(&best.host)).collect();
        for (_, look) in others {
            let stands = |name: Option<&str>| {
                let mut mine = best.host.os.matches.iter();
                Some((best.facts.scan, mine.find(|mine| mine.name.as_deref() == name)))
            };
            let theirs = (look.facts.scan, &*look.host.os.matches);
            self.os_matches(stands, theirs, precedence);
            for (mine, columns) in of_best.iter().zip(OS) {
                self.columns((mine, columns(&look.host)), loss(best, look, precedence));
            }
        }
    }

    /// Records conflicts of host scripts where all of them come from one look.
    pub(super) fn whole_scripts(
        &mut self,
        looks: &[HostLook<'a>],
        winner: Option<usize>,
        precedence: Precedence,
    ) {
        let Some(winner) = winner.filter(|_| self.on) else { return };
        let Some(best) = looks.get(winner) else { return };
        let others = looks.iter().enumerate().filter(|(place, _)| *place != winner);
        for (_, look) in others {
            for name in script_names(&look.host.scripts) {
                let mine = outputs(&best.host.scripts, name);
                let theirs = outputs(&look.host.scripts, name);
                self.note(|| script(name), &mine, theirs, loss(best, look, precedence));
            }
        }
    }

    /// Records conflicts of a look's host scripts where each name comes from the best look that has it.
    pub(super) fn united_scripts(
        &mut self,
        (known, origins): (&[Script<'a>], &[ScanIndex]),
        (loser, scripts): (ScanIndex, &[Script<'a>]),
        precedence: Precedence,
    ) {
        if !self.on {
            return;
        }
        for name in script_names(scripts) {
            let place = known.iter().position(|known| known.name == name);
            if let Some(winner) = place.and_then(|place| origins.get(place)).copied() {
                let loss = Loss { winner, loser, rule: precedence.name() };
                self.note(|| script(name), &outputs(known, name), outputs(scripts, name), loss);
            }
        }
    }

    pub(super) fn traces(
        &mut self,
        winner: &HostLook<'a>,
        loser: &HostLook<'a>,
        precedence: Precedence,
    ) {
        if self.on && winner.host.traces != loser.host.traces {
            let (mine, theirs) = (route(&winner.host.traces), route(&loser.host.traces));
            self.note(
                || ConflictSubject::new("trace"),
                &mine,
                theirs,
                loss(winner, loser, precedence),
            );
        }
    }
}

fn loss(winner: &HostLook<'_>, loser: &HostLook<'_>, precedence: Precedence) -> Loss {
    Loss { winner: winner.facts.scan, loser: loser.facts.scan, rule: precedence.name() }
}

/// Joins the distinct texts in sorted order; null if there are none.
fn set<'a>(texts: impl Iterator<Item = CowStr<'a>>, between: &str) -> Value<'a> {
    let mut texts: Vec<CowStr<'a>> = texts.collect();
    texts.sort_unstable();
    texts.dedup();
    match texts.len() {
        0 | 1 => texts.pop(),
        _ => Some(texts.join(between).into()),
    }
}

fn script<'a>(name: &str) -> ConflictSubject<'a> {
    ConflictSubject::new(format!("script.{name}")).with_item(Some(owned(name)))
}

fn script_names<'s>(scripts: &'s [Script<'_>]) -> BTreeSet<&'s str> {
    scripts.iter().map(|script| &*script.name).collect()
}

/// Returns the outputs of the scripts with a name.
fn outputs<'a>(scripts: &[Script<'a>], name: &str) -> Value<'a> {
    set(scripts.iter().filter(|script| script.name == name).map(script_value), "\n")
}

fn names<'a>(look: &HostLook<'a>, kind: &Value<'a>) -> Value<'a> {
    let of_kind = look.host.hostnames.iter().filter(|name| name.kind == *kind);
    set(of_kind.map(|name| name.name.clone()), ", ")
}

/// Returns the names of a type in the form in which they are compared: lower case, without trailing dots.
fn plain_names(look: &HostLook<'_>, kind: &Value<'_>) -> BTreeSet<String> {
    let plain = |name: &Hostname<'_>| plain_name(&name.name).to_ascii_lowercase();
    look.host.hostnames.iter().filter(|name| name.kind == *kind).map(plain).collect()
}
