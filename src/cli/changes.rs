//! Differences for people: a block a host, a line a difference. Control characters in what scans say are
//! escaped.

use std::fmt::Write as _;

use super::terminal::escape;
use crate::model::{Change, ChangeKind, HostChanges};

/// What stands before a line of a kind, and behind it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Palette {
    /// Nothing.
    Plain,
    /// Colours of terminals.
    Colors,
}

impl Palette {
    const fn around(self, kind: ChangeKind) -> (&'static str, &'static str) {
        match (self, kind) {
            (Self::Plain, _) => ("", ""),
            (Self::Colors, ChangeKind::Appeared) => ("\x1b[32m", "\x1b[0m"),
            (Self::Colors, ChangeKind::Gone) => ("\x1b[31m", "\x1b[0m"),
            (Self::Colors, ChangeKind::Changed) => ("\x1b[33m", "\x1b[0m"),
            (Self::Colors, ChangeKind::NotScanned) => ("\x1b[2m", "\x1b[0m"),
        }
    }
}

/// Writes the block of a host.
pub(super) fn write_block(host: &HostChanges, palette: Palette, out: &mut String) {
    let Some(first) = host.changes.first() else { return };
    let whole = host.changes.iter().find(|change| is_of_host(change));
    let name = host.hostname.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    // With its zone, without which two hosts would look like one.
    let by_ip = first.host_key.strip_prefix("ip:").or(first.ip.as_deref());
    let shown = by_ip.unwrap_or(&first.host_key);
    let state = whole.and_then(|change| change.new.as_ref().or(change.old.as_ref()));
    let state = state.map(|state| format!(" {state}")).unwrap_or_default();
    let about_host = escape(&format!("host {shown}{name}{state}"));
    // Writing into a string cannot fail.
    let _ = match whole.map(|change| change.kind) {
        Some(kind) => {
            let (begin, end) = palette.around(kind);
            writeln!(out, "{begin}{} {about_host}{end}", sign(kind))
        }
        None => writeln!(out, "  {about_host}"),
    };
    for change in host.changes.iter().filter(|change| !is_of_host(change)) {
        let (begin, end) = palette.around(change.kind);
        let line = escape(&about(change));
        let _ = writeln!(out, "{begin}  {} {line}{end}", sign(change.kind));
    }
}

fn is_of_host(change: &Change) -> bool {
    change.port.is_none() && change.column == "host"
}

const fn sign(kind: ChangeKind) -> char {
    match kind {
        ChangeKind::Appeared => '+',
        ChangeKind::Gone => '-',
        ChangeKind::Changed => '~',
        ChangeKind::NotScanned => '?',
    }
}

fn about(change: &Change) -> String {
    let place = match (&change.protocol, change.port) {
        (Some(protocol), Some(port)) => format!("{port}/{protocol} "),
        _ => String::new(),
    };
    // The state is what a line of a port is about.
    let column = match change.column.as_str() {
        "state" if change.port.is_some() => String::new(),
        column => format!("{column} "),
    };
    let value = |value: &Option<String>| brief(value.as_deref().unwrap_or("nothing"));
    let said = match (change.kind, &change.old, &change.new) {
        (ChangeKind::NotScanned, Some(_), _) => format!("{} (not scanned now)", value(&change.old)),
        (ChangeKind::NotScanned, None, _) => {
            format!("{} (not scanned before)", value(&change.new))
        }
        (ChangeKind::Appeared, None, _) => value(&change.new),
        (ChangeKind::Gone, _, None) => value(&change.old),
        _ => format!("{} -> {}", value(&change.old), value(&change.new)),
    };
    format!("{place}{column}{said}")
}

/// Characters of a value that are shown.
const SHOWN: usize = 120;

/// The first line of a text.
fn brief(text: &str) -> String {
    let mut lines = text.trim().lines();
    let line = lines.next().unwrap_or_default();
    let mut shown: String = line.chars().take(SHOWN).collect();
    if lines.next().is_some() || line.chars().count() > SHOWN {
        shown.push_str(" ...");
    }
    shown
}
