//! Differences for people: a block a host, a line a difference.

use super::HostChanges;
use crate::model::{Change, ChangeKind};

/// Marks put around what is said, such as colours of a terminal.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Palette {
    /// Before what appeared.
    pub appeared: &'static str,
    /// Before what is gone.
    pub gone: &'static str,
    /// Before what changed.
    pub changed: &'static str,
    /// Before what was not looked at.
    pub not_scanned: &'static str,
    /// Behind each of these.
    pub end: &'static str,
}

impl Palette {
    /// Colours of terminals.
    #[must_use]
    pub const fn colors() -> Self {
        Self {
            appeared: "\x1b[32m",
            gone: "\x1b[31m",
            changed: "\x1b[33m",
            not_scanned: "\x1b[2m",
            end: "\x1b[0m",
        }
    }
}

/// Writes the block of a host. Control characters in what scans say are escaped.
pub fn write_text(host: &HostChanges, palette: Palette, out: &mut String) {
    let Some(first) = host.changes.first() else { return };
    let of_host = |change: &&Change| change.port.is_none() && change.column == "host";
    let whole = host.changes.iter().find(of_host);
    let sign = whole.map_or(' ', |change| sign(change.kind));
    let (begin, end) = whole.map_or(("", ""), |change| (mark(change.kind, palette), palette.end));
    let name = host.hostname.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let shown = first.ip.as_deref().unwrap_or(&first.host_key);
    let state = whole.and_then(|change| change.new.as_ref().or(change.old.as_ref()));
    let state = state.map(|state| format!(" {state}")).unwrap_or_default();
    let line = safe(&format!("{sign} host {shown}{name}{state}"));
    out.push_str(&format!("{begin}{line}{end}\n"));
    for change in host.changes.iter().filter(|change| !of_host(change)) {
        let line = safe(&about(change));
        let (begin, end) = (mark(change.kind, palette), palette.end);
        out.push_str(&format!("{begin}{} {line}{end}\n", sign_of_line(change)));
    }
}

fn sign_of_line(change: &Change) -> String {
    format!("  {}", sign(change.kind))
}

const fn sign(kind: ChangeKind) -> char {
    match kind {
        ChangeKind::Appeared => '+',
        ChangeKind::Gone => '-',
        ChangeKind::Changed => '~',
        ChangeKind::NotScanned => '?',
    }
}

const fn mark(kind: ChangeKind, palette: Palette) -> &'static str {
    match kind {
        ChangeKind::Appeared => palette.appeared,
        ChangeKind::Gone => palette.gone,
        ChangeKind::Changed => palette.changed,
        ChangeKind::NotScanned => palette.not_scanned,
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

/// Control and direction characters escaped: what a scan says must not move a terminal's cursor.
fn safe(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || turns {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}
