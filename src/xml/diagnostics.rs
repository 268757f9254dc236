//! Warnings: recorded cheaply while a frame is read, then given their input position and counted per document.

use std::collections::{BTreeSet, HashSet};

use crate::error::{Diagnostic, DiagnosticCode, Position};

/// Message about hosts and scans that are not read because of their place.
pub(super) const HIDDEN: &str =
    "a <host> or <nmaprun> in a comment, CDATA section or the like is not read";

/// Returns the message about text inside an element where nmap writes none.
pub(super) fn stray_text(name: &str) -> String {
    format!("text in <{name}>, where only elements stand: a tag may have lost its <")
}

/// Returns the message about a tag above the limit.
pub(super) fn oversized_tag(name: &str) -> String {
    format!("<{name}> dropped: its tag is too long")
}

/// Warnings about one frame: one entry per code, with the first position in the frame's text.
#[derive(Debug, Default)]
pub(super) struct FrameDiagnostics {
    entries: Vec<FrameDiagnostic>,
    unknown: Vec<(String, usize)>,
    unknown_seen: HashSet<String>,
    unknown_cap: usize,
}

/// Warning code, its number of occurrences in the frame, and its first position.
#[derive(Debug)]
pub(super) struct FrameDiagnostic {
    pub(super) code: DiagnosticCode,
    pub(super) at: usize,
    pub(super) count: i64,
    pub(super) detail: String,
}

impl FrameDiagnostics {
    pub(super) fn new(unknown_cap: usize) -> Self {
        Self { unknown_cap, ..Self::default() }
    }

    /// Records a warning at a position of the frame. `detail` is called only for the first one of its code.
    pub(super) fn add(&mut self, code: DiagnosticCode, at: usize, detail: impl FnOnce() -> String) {
        self.add_many(code, at, 1, detail);
    }

    /// Records `count` warnings, the first of them at this position.
    pub(super) fn add_many(
        &mut self,
        code: DiagnosticCode,
        at: usize,
        count: i64,
        detail: impl FnOnce() -> String,
    ) {
        if let Some(note) = self.entries.iter_mut().find(|note| note.code == code) {
            note.count = note.count.saturating_add(count);
            if at < note.at {
                note.at = at;
                note.detail = detail();
            }
        } else {
            self.entries.push(FrameDiagnostic { code, at, count, detail: detail() });
        }
    }

    /// Records hosts or scans in skipped markup, the first of them at this position.
    pub(super) fn hidden(&mut self, at: usize, count: i64) {
        self.add_many(DiagnosticCode::Hidden, at, count, || HIDDEN.into());
    }

    /// Records an element that is unknown or is misplaced.
    pub(super) fn unknown(&mut self, name: &str, at: usize) {
        if self.unknown.len() < self.unknown_cap && !self.unknown_seen.contains(name) {
            let name: String = shorten(name).into();
            if self.unknown_seen.insert(name.clone()) {
                self.unknown.push((name, at));
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.unknown.is_empty()
    }
}

/// Warnings of one document: one entry per code, with its first position and its number of occurrences.
#[derive(Debug, Clone, Default)]
pub(super) struct DocumentDiagnostics {
    entries: Vec<Diagnostic>,
    unknown: BTreeSet<String>,
    unknown_cap: usize,
}

impl DocumentDiagnostics {
    pub(super) fn new(unknown_cap: usize) -> Self {
        Self { unknown_cap, ..Self::default() }
    }

    /// Adds the warnings of a frame. `place` maps a position in the frame to the input; it is called once per code and
    /// document.
    pub(super) fn take(
        &mut self,
        diagnostics: &mut FrameDiagnostics,
        place: impl Fn(usize) -> Position,
    ) {
        for note in diagnostics.entries.drain(..) {
            self.add(note.code, note.count, || place(note.at), || note.detail);
        }
        for (name, at) in diagnostics.unknown.drain(..) {
            if self.unknown.len() < self.unknown_cap && self.unknown.insert(name.clone()) {
                self.add(
                    DiagnosticCode::Unknown,
                    1,
                    || place(at),
                    || format!("element <{name}> skipped"),
                );
            }
        }
        diagnostics.unknown_seen.clear();
    }

    /// Counts a warning. Position and detail are computed only for the first one of its code.
    pub(super) fn add(
        &mut self,
        code: DiagnosticCode,
        count: i64,
        place: impl FnOnce() -> Position,
        detail: impl FnOnce() -> String,
    ) {
        if let Some(known) = self.entries.iter_mut().find(|known| known.code == code) {
            known.count = known.count.saturating_add(count);
        } else {
            self.entries.push(Diagnostic { code, position: place(), count, detail: detail() });
        }
    }

    /// Counts warnings whose position may precede those that were counted before.
    pub(super) fn add_at(
        &mut self,
        code: DiagnosticCode,
        count: i64,
        position: Position,
        detail: impl FnOnce() -> String,
    ) {
        match self.entries.iter_mut().find(|known| known.code == code) {
            Some(known) if position < known.position => {
                known.count = known.count.saturating_add(count);
                known.position = position;
                known.detail = detail();
            }
            _ => self.add(code, count, || position, detail),
        }
    }

    /// Adds the warnings of other parts of the document.
    pub(super) fn merge(&mut self, other: Self) {
        let before = self.unknown.len();
        for name in other.unknown {
            if self.unknown.len() < self.unknown_cap.max(other.unknown_cap) {
                self.unknown.insert(name);
            }
        }
        // An unknown name counts once, wherever it was found first.
        let names = i64::try_from(self.unknown.len().saturating_sub(before)).unwrap_or(i64::MAX);
        for Diagnostic { code, position, count, detail } in other.entries {
            let count = if code == DiagnosticCode::Unknown { names } else { count };
            self.add_at(code, count, position, || detail);
        }
    }

    /// Returns the first warning by position, for strict reading.
    pub(super) fn first(&self) -> Option<&Diagnostic> {
        self.entries.iter().min_by_key(|d| (d.position, d.code))
    }

    /// Returns all warnings in order of their first position, and empties the document's diagnostics.
    pub(super) fn finish(&mut self) -> Vec<Diagnostic> {
        self.unknown.clear();
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_by_key(|d| (d.position, d.code));
        entries
    }
}

/// Returns the first characters of a text from the input, for a message.
pub(super) fn shorten(text: &str) -> &str {
    const CHARS: usize = 60;
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_counted_and_keeps_its_first_position_and_detail() {
        let mut diagnostics = FrameDiagnostics::new(10);
        diagnostics.add(DiagnosticCode::BadNumber, 9, || "late".into());
        diagnostics.add(DiagnosticCode::BadNumber, 4, || "early".into());
        diagnostics.unknown("x", 2);
        diagnostics.unknown("x", 3);
        let mut document_diagnostics = DocumentDiagnostics::new(10);
        let place = |at| Position { byte: super::super::lex::to_u64(at), line: 1 };
        document_diagnostics.take(&mut diagnostics, place);
        assert!(diagnostics.is_empty());
        diagnostics.unknown("x", 30);
        diagnostics.add(DiagnosticCode::BadNumber, 40, || "again".into());
        document_diagnostics.take(&mut diagnostics, place);
        let found = document_diagnostics.finish();
        let row = |d: &Diagnostic| (d.code, d.position.byte, d.count, d.detail.clone());
        assert_eq!(
            found.iter().map(row).collect::<Vec<_>>(),
            [
                (DiagnosticCode::Unknown, 2, 1, "element <x> skipped".to_owned()),
                (DiagnosticCode::BadNumber, 4, 3, "early".to_owned())
            ]
        );
    }
}
