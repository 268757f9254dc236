//! Differences as text for people: one block per host, one line per difference, and a line of
//! totals at the end. Control characters in values from scans are escaped.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    ops::RangeInclusive,
};

use super::{
    format::{number, plural},
    line_diff::{LineChange, changed_lines},
    terminal::escape,
};
use crate::model::{Change, ChangeKind, ChangedService, HostChanges, port_ranges};

/// Escape sequences before and after a line, by the kind of its change.
#[derive(Debug, Clone, Copy)]
pub(super) enum Palette {
    /// No escape sequences.
    Plain,
    /// Terminal colours.
    Colors,
}

impl Palette {
    const fn style(self, kind: ChangeKind) -> (&'static str, &'static str) {
        match (self, kind) {
            (Self::Plain, _) => ("", ""),
            (Self::Colors, ChangeKind::Appeared | ChangeKind::FirstSeen) => ("\x1b[32m", "\x1b[0m"),
            (Self::Colors, ChangeKind::Gone) => ("\x1b[31m", "\x1b[0m"),
            (Self::Colors, ChangeKind::Changed | ChangeKind::Moved) => ("\x1b[33m", "\x1b[0m"),
            (Self::Colors, ChangeKind::NotScanned) => ("\x1b[2m", "\x1b[0m"),
        }
    }
}

/// Maximum number of lines of a changed script that are shown.
const MAX_SCRIPT_LINES: usize = 10;

/// Maximum number of characters of a value that are shown.
const MAX_VALUE_CHARS: usize = 120;

/// Writes the block of a host.
pub(super) fn write_block(host: &HostChanges, palette: Palette, out: &mut String) {
    let Some(first) = host.changes.first() else { return };
    let whole = host.changes.iter().find(|change| is_of_host(change));
    let name = host.hostname.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let about_host = match whole {
        Some(Change { kind: ChangeKind::Moved, old, new, .. }) => {
            format!("host {} -> {}{name}", value(old.as_ref()), value(new.as_ref()))
        }
        whole => {
            // Includes the zone of an address, without which two hosts would look alike.
            let by_ip = first.host_key.strip_prefix("ip:").or(first.ip.as_deref());
            let shown = by_ip.unwrap_or(&first.host_key);
            let state = whole.and_then(|change| change.new.as_ref().or(change.old.as_ref()));
            let state = state.map(|state| format!(" {state}")).unwrap_or_default();
            format!("host {shown}{name}{state}")
        }
    };
    let about_host = escape(&about_host);
    // Writing into a string cannot fail.
    let _ = match whole.map(|change| change.kind) {
        Some(kind) => {
            let (begin, end) = palette.style(kind);
            writeln!(out, "{begin}{} {about_host}{end}", sign(kind))
        }
        None => writeln!(out, "  {about_host}"),
    };
    for ChangeLine { kind, line, details } in lines(host) {
        let (begin, end) = palette.style(kind);
        let line = escape(&line);
        let _ = writeln!(out, "{begin}  {} {line}{end}", sign(kind));
        for detail in details {
            let _ = writeln!(out, "{begin}      {}{end}", escape(&detail));
        }
    }
}

/// Line about a host, with the detail lines below it.
struct ChangeLine {
    kind: ChangeKind,
    line: String,
    details: Vec<String>,
}

/// Key of a group of ports that share a line: kind of change, state and remark. Ports of a host
/// that only one side has, or found up, are grouped unless they are open.
type PortGroup<'c> = (ChangeKind, &'c str, &'static str);

/// Returns the group that a difference is shown in, if it is. `is_fresh` is true if only one side
/// has the host or found it up.
fn port_group(is_fresh: bool, change: &Change) -> Option<PortGroup<'_>> {
    let is_state = change.port.is_some() && change.column == "state";
    match (change.old.as_deref(), change.new.as_deref()) {
        (Some(state), None) | (None, Some(state)) if is_fresh && is_state && state != "open" => {
            Some((change.kind, state, remark(change)))
        }
        _ => None,
    }
}

/// Returns true if only one side has a host, or if its state changed.
fn is_fresh(host: &HostChanges) -> bool {
    let is_state = |change: &Change| change.protocol.is_none() && change.column == "state";
    !(host.was_there && host.is_there) || host.changes.iter().any(is_state)
}

/// Returns the lines for a host, without the line about the host as a whole.
fn lines(host: &HostChanges) -> Vec<ChangeLine> {
    let is_fresh = is_fresh(host);
    let mut shown: Vec<ChangeLine> = Vec::new();
    let mut groups: BTreeMap<PortGroup<'_>, u64> = BTreeMap::new();
    for change in host.changes.iter().filter(|change| !is_of_host(change)) {
        if let Some(group) = port_group(is_fresh, change) {
            let count = groups.entry(group).or_default();
            *count = count.saturating_add(1);
            continue;
        }
        let details = match (is_changed_script(change), &change.old, &change.new) {
            (true, Some(old), Some(new)) => script_lines(old, new),
            _ => Vec::new(),
        };
        shown.push(ChangeLine { kind: change.kind, line: change_text(change), details });
    }
    for ((kind, state, more), count) in groups {
        let line = format!("{}{more}", plural(count, &format!("{} port", first_line(state))));
        shown.push(ChangeLine { kind, line, details: Vec::new() });
    }
    shown
}

/// Returns true if a change is shown with the lines of the script that differ.
fn is_changed_script(change: &Change) -> bool {
    let texts = [&change.old, &change.new];
    change.kind == ChangeKind::Changed
        && change.column.starts_with("script.")
        && texts.into_iter().flatten().any(|text| !is_one_line(text))
}

/// Returns the first lines of a script that differ, with the number of those that are left out.
fn script_lines(old: &str, new: &str) -> Vec<String> {
    let changed = changed_lines(old, new);
    let first = changed.iter().take(MAX_SCRIPT_LINES).map(|line| match line {
        LineChange::Removed(text) => format!("- {}", truncate(text)),
        LineChange::Added(text) => format!("+ {}", truncate(text)),
    });
    let mut lines: Vec<String> = first.collect();
    let more = changed.len().saturating_sub(MAX_SCRIPT_LINES);
    if more > 0 {
        lines.push(format!("\u{2026} {} more", number(more)));
    }
    lines
}

fn is_one_line(text: &str) -> bool {
    text.trim().lines().nth(1).is_none()
}

fn is_of_host(change: &Change) -> bool {
    change.protocol.is_none() && change.column == "host"
}

const fn sign(kind: ChangeKind) -> char {
    match kind {
        ChangeKind::Appeared | ChangeKind::FirstSeen => '+',
        ChangeKind::Gone => '-',
        ChangeKind::Changed => '~',
        ChangeKind::Moved => '>',
        ChangeKind::NotScanned => '?',
    }
}

fn change_text(change: &Change) -> String {
    let of_port = change.port.is_some() || change.ports.is_some();
    let place = match (&change.protocol, change.port, &change.ports) {
        (Some(protocol), Some(port), _) => format!("{port}/{protocol} "),
        (Some(protocol), None, Some(ports)) => format!("{}/{protocol} ", truncate(ports)),
        _ => String::new(),
    };
    // The line of a port is about its state, so the state has no column name.
    let column = match (change.column.as_str(), &change.protocol) {
        ("state", _) if of_port => String::new(),
        ("extra_ports", Some(protocol)) => format!("unlisted {protocol} ports "),
        ("extra_ports", None) => "unlisted ports ".to_owned(),
        (column, _) => format!("{column} "),
    };
    if is_changed_script(change) {
        return format!("{place}{}", column.trim_end());
    }
    let (old, new) = (&change.old, &change.new);
    let said = match (old, new) {
        (Some(old), Some(new)) => format!("{} -> {}", first_line(old), first_line(new)),
        (one, None) | (None, one) => value(one.as_ref()),
    };
    let opened = of_port && change.column == "state" && new.as_deref() == Some("open");
    let service = service_text(change.new_service.as_ref().filter(|_| opened));
    format!("{place}{column}{said}{service}{}", remark(change))
}

/// Returns the remark at the end of a difference's line.
fn remark(change: &Change) -> &'static str {
    match (change.kind, change.column.as_str()) {
        (ChangeKind::NotScanned, _) if change.old.is_some() => " (unknown now)",
        (ChangeKind::NotScanned, _) => " (unknown before)",
        (ChangeKind::FirstSeen, _) => " (first look)",
        (ChangeKind::Changed, "mac") => " (other device?)",
        _ => "",
    }
}

/// Returns the name, product and version of a service, each preceded by a space.
fn service_text(service: Option<&ChangedService>) -> String {
    let words = service.map(|service| [&service.name, &service.product, &service.version]);
    let words = words.into_iter().flatten().flatten();
    words.fold(String::new(), |all, word| all + " " + &first_line(word))
}

fn value(value: Option<&String>) -> String {
    value.map(|value| first_line(value)).unwrap_or_default()
}

/// Returns the first line of a text, shortened to [`MAX_VALUE_CHARS`] characters.
fn first_line(text: &str) -> String {
    let mut lines = text.trim().lines();
    let shown = truncate(lines.next().unwrap_or_default());
    if lines.next().is_some() && !shown.ends_with(" ...") { shown + " ..." } else { shown }
}

/// Shortens a line to [`MAX_VALUE_CHARS`] characters.
fn truncate(line: &str) -> String {
    match line.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{} ...", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

/// Counts for the line of totals at the end.
#[derive(Debug, Default)]
pub(super) struct Totals {
    hosts: u64,
    opened: u64,
    closed: u64,
    /// Ports that changed state, but neither from nor to open.
    others: u64,
    /// Ports whose service changed.
    services: u64,
    scripts: u64,
    rest: u64,
    unknown: u64,
}

impl Totals {
    /// Counts the differences of a host.
    pub(super) fn add(&mut self, host: &HostChanges) {
        let (mut services, is_fresh) = (BTreeSet::new(), is_fresh(host));
        let is_change = |change: &Change| change.kind.is_change();
        self.hosts = self.hosts.saturating_add(u64::from(host.changes.iter().any(is_change)));
        for change in &host.changes {
            let count = match change.column.as_str() {
                _ if !is_change(change) => &mut self.unknown,
                "state" if change.protocol.is_some() => {
                    let (old, new) = (change.old.as_deref(), change.new.as_deref());
                    let sum = match (old, new) {
                        (_, Some("open")) => &mut self.opened,
                        (Some("open"), _) => &mut self.closed,
                        (None, _) | (_, None) if is_fresh => continue,
                        _ => &mut self.others,
                    };
                    *sum = sum.saturating_add(ports(change));
                    continue;
                }
                column if column.starts_with("service") => {
                    if !services.insert((&change.protocol, change.port)) {
                        continue;
                    }
                    &mut self.services
                }
                column if column.starts_with("script") => &mut self.scripts,
                "host" => continue,
                _ => &mut self.rest,
            };
            *count = count.saturating_add(1);
        }
    }

    /// Writes the line of totals, or nothing if there are no differences.
    pub(super) fn write(&self, out: &mut String) {
        let opened = match self.opened {
            0 => String::new(),
            opened => format!("{} opened", plural(opened, "port")),
        };
        let closed = match (self.opened, self.closed) {
            (_, 0) => String::new(),
            (0, closed) => format!("{} closed", plural(closed, "port")),
            (_, closed) => format!("{closed} closed"),
        };
        let count = |count: u64, what: &str, how: &str| match count {
            0 => String::new(),
            count => format!("{}{how}", plural(count, what)),
        };
        let parts = [
            opened,
            closed,
            count(self.others, "port", " in another state"),
            count(self.services, "service", " changed"),
            count(self.scripts, "script", " changed"),
            count(self.rest, "other change", ""),
            count(self.unknown, "value", " unknown on one side"),
        ];
        let said: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if self.hosts == 0 && said.is_empty() {
            return;
        }
        let _ = write!(out, "{}", plural(self.hosts, "host"));
        for part in said {
            let _ = write!(out, ", {part}");
        }
        out.push('\n');
    }
}

/// Returns the number of ports that a change covers.
fn ports(change: &Change) -> u64 {
    let Some(list) = &change.ports else { return 1 };
    let count = |range: RangeInclusive<u16>| {
        u64::from(range.end().saturating_sub(*range.start())).saturating_add(1)
    };
    port_ranges(list).map(count).sum()
}
