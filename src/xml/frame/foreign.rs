//! Cuts a document of another format: a scan, an nmap host or another document ends it (rules R1 and R6).

use super::{
    super::{
        evidence::{begins_scan, name},
        lex::{End, Mark, classify, opens_tag},
        names::El,
    },
    Framer, Kind, Mode, RUN_PIECE, Step,
};

/// Context of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) enum Around {
    /// No document, or one of which nothing is known yet.
    #[default]
    Nothing,
    /// A scan or its announcement: every `<host` begins a host (rule R8).
    Scan,
    /// A document of another format.
    Foreign,
}

impl Framer {
    /// Collects skipped markup. Comments and similar markup are pieces of their own.
    pub(super) fn foreign(&mut self) -> Step {
        loop {
            let passed = self.scan;
            if passed >= RUN_PIECE {
                return Step::piece(Kind::Foreign, passed);
            }
            let Some(at) = self.next_mark(passed) else {
                return Step::piece_or_more(Kind::Foreign, self.bytes().len());
            };
            let mark = classify(self.at(at), self.last);
            let gathers = matches!(mark, Mark::Tag | Mark::RunEnd | Mark::HostEnd);
            if at > 0 && !gathers {
                return Step::piece(Kind::Foreign, at);
            }
            let opens = match mark {
                Mark::Unsure => None,
                Mark::Host => self.opens_host(),
                Mark::Run => self.opens_run(),
                Mark::Doctype => return self.doctype(),
                Mark::Comment | Mark::Cdata | Mark::Pi | Mark::Decl => return self.alone(mark),
                _ => Some(false),
            };
            match opens {
                None => return Step::More,
                Some(true) if mark == Mark::Host => return self.enter(Mode::Host),
                Some(true) => {
                    if let Some(step) = self.run_tag(mark, 0) {
                        return step;
                    }
                }
                Some(false) => {
                    if let Some(step) = self.foreign_tag(at) {
                        return step;
                    }
                }
            }
            self.advance_behind(at);
        }
    }

    /// Examines the tag at a position. Returns `None` if it becomes part of the current piece.
    fn foreign_tag(&mut self, at: usize) -> Option<Step> {
        if opens_tag(self.at(at)) != Some(true) {
            self.scan = at.saturating_add(1);
            return None;
        }
        let end = self.tag_end(at);
        if self.is_long(at, end) {
            return Some(if at > 0 { Step::piece(Kind::Foreign, at) } else { self.long() });
        }
        match end {
            End::At(end) if self.begins_scan(at, end) => Some(match at {
                0 => Step::piece(Kind::Run, end),
                _ => Step::piece(Kind::Foreign, at),
            }),
            End::At(end) | End::Broken(end) => {
                self.scan = end;
                None
            }
            End::Lost => Some(Step::piece(Kind::Foreign, self.bytes().len())),
            _ => Some(Step::piece_or_more(Kind::Foreign, at)),
        }
    }

    /// Returns true if the tag in a range belongs to an element that can begin a scan.
    fn begins_scan(&self, at: usize, end: usize) -> bool {
        let tag = self.bytes().get(at..end).unwrap_or_default();
        let el = El::from_name(name(tag.get(1..).unwrap_or_default()));
        el.is_some_and(|el| begins_scan(el, tag))
    }
}
