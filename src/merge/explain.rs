//! What lost in a merge, to what, and by which rule: the table `conflicts`.
//!
//! Its key is the host, the port, the column, the item and the scan that lost: services and scripts, of which a
//! port may have several, are compared by their names, as sets. Null loses silently, as it says nothing.

use std::collections::BTreeSet;

use super::{
    columns::{
        Columns, DETAILS, HOST, MAC, OS, PORT, SERVICE, extra_text, list, route, script_value,
    },
    details::plain_name,
    group::Look,
    policy::Precedence,
};
use crate::model::{
    Conflict, ExtraPorts, Hostname, OsMatch, Port, Protocol, ScanNumber, Script, Text,
};

/// The rule by which a port is gone that a later look covered and did not list.
const COVERED: &str = "covered";

/// Gathers conflicts, or nothing.
#[derive(Debug)]
pub(super) struct Explain<'a> {
    on: bool,
    found: Vec<Conflict<'a>>,
}

pub(super) type Value<'a> = Option<Text<'a>>;

/// Which scan lost to which, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loss {
    pub(super) winner: ScanNumber,
    pub(super) loser: ScanNumber,
    pub(super) rule: &'static str,
}

/// Of what a value is.
#[derive(Debug, Clone, Default)]
struct Subject<'a> {
    port: Option<(Text<'a>, i32)>,
    column: Text<'a>,
    /// Name of the service, script or match, or type of the host names.
    item: Value<'a>,
}

impl<'a> Subject<'a> {
    fn new(column: impl Into<Text<'a>>) -> Self {
        Self { column: column.into(), ..Self::default() }
    }

    fn of_port(port: &Port<'a>, column: impl Into<Text<'a>>) -> Self {
        let number = i32::from(port.number);
        let port = Some((owned(port.protocol.as_str()), number));
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

    /// Forgets what lost of ports that are left out.
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

    /// Records a value that lost, if it says anything else than the one that stands.
    fn note(&mut self, subject: Subject<'a>, mine: Value<'a>, theirs: Value<'a>, loss: Loss) {
        if theirs.is_some() && mine != theirs {
            self.record(subject, mine, theirs, loss);
        }
    }

    fn record(&mut self, subject: Subject<'a>, mine: Value<'a>, theirs: Value<'a>, loss: Loss) {
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

    /// State and reason of looks, best first.
    pub(super) fn of_hosts(&mut self, looks: &[Look<'a>], precedence: Precedence) {
        let Some((best, others)) = looks.split_first().filter(|_| self.on) else { return };
        for look in others {
            for (column, get) in HOST {
                let values = (get(&best.host), get(&look.host));
                self.note(Subject::new(*column), values.0, values.1, loss(best, look, precedence));
            }
        }
    }

    /// Details and lists of looks, best first: what belongs together is that of the first that has any of it.
    /// What a flag leaves out is no conflict: `names` says whether addresses of other looks are taken.
    pub(super) fn details(&mut self, looks: &[Look<'a>], precedence: Precedence, names: bool) {
        if !self.on {
            return;
        }
        let of_os = if precedence == Precedence::Latest { &[] } else { OS };
        let mac: &[Columns] = if names { &[MAC] } else { &[] };
        for columns in mac.iter().chain(DETAILS).chain(of_os) {
            self.together(columns, looks, precedence);
        }
    }

    /// Counts of ports that are not listed singly: those of one look, less what is listed.
    pub(super) fn extra_ports(
        &mut self,
        looks: &[Look<'a>],
        (winner, stands): (usize, &[ExtraPorts<'a>]),
        precedence: Precedence,
    ) {
        let Some(best) = looks.get(winner).filter(|_| self.on) else { return };
        let value = |extra: &[ExtraPorts<'a>]| list(extra.iter().map(extra_text));
        for (place, look) in looks.iter().enumerate() {
            let theirs = value(&look.host.extra_ports);
            // Taking out what is listed makes no other value of an equal one.
            if place != winner && theirs != value(&best.host.extra_ports) {
                let subject = Subject::new("extra_ports");
                self.note(subject, value(stands), theirs, loss(best, look, precedence));
            }
        }
    }

    /// Values that are taken together, of the first look that has any.
    fn together(&mut self, columns: &Columns, looks: &[Look<'a>], precedence: Precedence) {
        let has_any = |look: &&Look<'a>| columns.iter().any(|(_, get)| get(&look.host).is_some());
        let mut looks = looks.iter().filter(has_any);
        let Some(best) = looks.next() else { return };
        for look in looks {
            for (column, get) in *columns {
                let values = (get(&best.host), get(&look.host));
                self.note(Subject::new(*column), values.0, values.1, loss(best, look, precedence));
            }
        }
    }

    /// Host names of a type, which are those of the best look that has any.
    pub(super) fn names(&mut self, looks: &[&Look<'a>]) {
        if !self.on {
            return;
        }
        let mut known: Vec<(&Value<'a>, &Look<'a>)> = Vec::new();
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
                    let subject = Subject::new("hostnames").with_item((*kind).clone());
                    let (mine, theirs) = (names(best, kind), names(look, kind));
                    self.note(subject, mine, theirs, loss(best, look, Precedence::Latest));
                }
            }
        }
    }

    /// State, reason and owner of a port.
    pub(super) fn port(&mut self, mine: &Port<'a>, theirs: &Port<'a>, loss: Loss) {
        for (column, get) in PORT {
            self.note(Subject::of_port(mine, *column), get(mine), get(theirs), loss);
        }
    }

    /// Services of a port, by their names.
    pub(super) fn services(&mut self, (mine, theirs): (&Port<'a>, &Port<'a>), loss: Loss) {
        let names: BTreeSet<Option<&str>> =
            theirs.services.iter().map(|service| service.name.as_deref()).collect();
        for name in names {
            for (column, get) in SERVICE {
                let value = |port: &Port<'a>| {
                    let of_name = port.services.iter().filter(|s| s.name.as_deref() == name);
                    set(of_name.filter_map(get), ", ")
                };
                let subject = Subject::of_port(mine, *column).with_item(name.map(owned));
                self.note(subject, value(mine), value(theirs), loss);
            }
        }
    }

    /// Scripts of a port, by their names.
    pub(super) fn port_scripts(&mut self, (mine, theirs): (&Port<'a>, &Port<'a>), loss: Loss) {
        for name in script_names(&theirs.scripts) {
            let subject = Subject::of_port(mine, format!("script.{name}"));
            let subject = subject.with_item(Some(owned(name)));
            let (mine, theirs) = (outputs(&mine.scripts, name), outputs(&theirs.scripts, name));
            self.note(subject, mine, theirs, loss);
        }
    }

    /// A port that a look listed, and that is gone by a later one which says the state or nothing.
    pub(super) fn gone(
        &mut self,
        port: &Port<'a>,
        (winner, state): (ScanNumber, Option<&str>),
        loser: ScanNumber,
    ) {
        if self.on {
            let theirs = Some(owned(port.state.as_str()));
            let loss = Loss { winner, loser, rule: COVERED };
            self.record(Subject::of_port(port, "state"), state.map(owned), theirs, loss);
        }
    }

    /// OS matches of a look, by their names. `known` returns the scan that stands for a name, with its match; a
    /// name that nobody else has did not lose.
    pub(super) fn os_matches<'m>(
        &mut self,
        known: impl Fn(Option<&str>) -> Option<(ScanNumber, Option<&'m OsMatch<'a>>)>,
        (loser, theirs): (ScanNumber, &[OsMatch<'a>]),
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
            let column = format!("os_match.{}", name.unwrap_or_default());
            let subject = Subject::new(column).with_item(name.map(owned));
            let loss = Loss { winner, loser, rule: precedence.name() };
            self.note(subject, mine.and_then(|mine| number(mine.accuracy)), theirs, loss);
        }
    }

    /// All that looks found of the operating system, of which that of one stands.
    pub(super) fn whole_os(
        &mut self,
        looks: &[Look<'a>],
        winner: Option<usize>,
        precedence: Precedence,
    ) {
        let Some(winner) = winner.filter(|_| self.on) else { return };
        let Some(best) = looks.get(winner) else { return };
        let others = looks.iter().enumerate().filter(|(place, _)| *place != winner);
        for (_, look) in others {
            let stands = |name: Option<&str>| {
                let mut mine = best.host.os.matches.iter();
                Some((best.facts.scan, mine.find(|mine| mine.name.as_deref() == name)))
            };
            let theirs = (look.facts.scan, &*look.host.os.matches);
            self.os_matches(stands, theirs, precedence);
            for (column, get) in OS.iter().copied().flatten() {
                let values = (get(&best.host), get(&look.host));
                self.note(Subject::new(*column), values.0, values.1, loss(best, look, precedence));
            }
        }
    }

    /// Host scripts, of which those of one look stand.
    pub(super) fn whole_scripts(
        &mut self,
        looks: &[Look<'a>],
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
                self.note(script(name), mine, theirs, loss(best, look, precedence));
            }
        }
    }

    /// Host scripts of a look, of which those stand whose name no better look has.
    pub(super) fn united_scripts(
        &mut self,
        (known, origins): (&[Script<'a>], &[ScanNumber]),
        (loser, scripts): (ScanNumber, &[Script<'a>]),
        precedence: Precedence,
    ) {
        if !self.on {
            return;
        }
        for name in script_names(scripts) {
            let place = known.iter().position(|known| known.name == name);
            if let Some(winner) = place.and_then(|place| origins.get(place)).copied() {
                let loss = Loss { winner, loser, rule: precedence.name() };
                self.note(script(name), outputs(known, name), outputs(scripts, name), loss);
            }
        }
    }

    pub(super) fn traces(&mut self, winner: &Look<'a>, loser: &Look<'a>, precedence: Precedence) {
        if self.on {
            let (mine, theirs) = (route(&winner.host.traces), route(&loser.host.traces));
            self.note(Subject::new("trace"), mine, theirs, loss(winner, loser, precedence));
        }
    }
}

fn loss(winner: &Look<'_>, loser: &Look<'_>, precedence: Precedence) -> Loss {
    Loss { winner: winner.facts.scan, loser: loser.facts.scan, rule: precedence.name() }
}

pub(super) fn owned<'a>(text: &str) -> Text<'a> {
    Text::Owned(text.to_owned())
}

pub(super) fn number<'a>(number: Option<impl ToString>) -> Value<'a> {
    number.map(|number| number.to_string().into())
}

/// Texts in order, each once; null without any.
fn set<'a>(texts: impl Iterator<Item = Text<'a>>, between: &str) -> Value<'a> {
    let mut texts: Vec<Text<'a>> = texts.collect();
    texts.sort_unstable();
    texts.dedup();
    match texts.len() {
        0 | 1 => texts.pop(),
        _ => Some(texts.join(between).into()),
    }
}

fn script<'a>(name: &str) -> Subject<'a> {
    Subject::new(format!("script.{name}")).with_item(Some(owned(name)))
}

fn script_names<'s>(scripts: &'s [Script<'_>]) -> BTreeSet<&'s str> {
    scripts.iter().map(|script| &*script.name).collect()
}

/// What scripts of a name say.
fn outputs<'a>(scripts: &[Script<'a>], name: &str) -> Value<'a> {
    set(scripts.iter().filter(|script| script.name == name).map(script_value), "\n")
}

fn names<'a>(look: &Look<'a>, kind: &Value<'a>) -> Value<'a> {
    let of_kind = look.host.hostnames.iter().filter(|name| name.kind == *kind);
    set(of_kind.map(|name| name.name.clone()), ", ")
}

/// What is compared of names of a type: neither case nor a final dot.
fn plain_names(look: &Look<'_>, kind: &Value<'_>) -> BTreeSet<String> {
    let plain = |name: &Hostname<'_>| plain_name(&name.name).to_ascii_lowercase();
    look.host.hostnames.iter().filter(|name| name.kind == *kind).map(plain).collect()
}
