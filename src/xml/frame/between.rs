//! Cuts the markup between hosts into pieces.

use super::{
    super::{
        lex::{End, Mark, classify, cut_character},
        prolog::{doctype_end, is_nmap_doctype},
    },
    Framer, Kind, LOST_DOCTYPES, Mode, RUN_PIECE, Step,
};

impl Framer {
    pub(super) fn run(&mut self, want_text: bool) -> Step {
        loop {
            let gathered = self.scan;
            if gathered >= RUN_PIECE || (self.stepwise && gathered > 0) {
                return Step::piece(Kind::Run, gathered);
            }
            let Some(at) = self.next_mark(gathered) else { return self.run_text(want_text) };
            let mark = classify(self.at(at), self.last);
            // Everything except tags and CDATA sections is a piece of its own.
            let gathers = matches!(mark, Mark::Tag | Mark::RunEnd | Mark::HostEnd | Mark::Cdata);
            if at > 0 && (!gathers || self.stepwise) {
                let len = if mark == Mark::Unsure { gathered } else { at };
                return if len == 0 { Step::More } else { Step::piece(Kind::Run, len) };
            }
            let opens_host = if mark == Mark::Host { self.opens_host() } else { None };
            match mark {
                Mark::Host if opens_host == Some(true) => return self.enter(Mode::Host),
                Mark::Host if opens_host.is_none() => return Step::More,
                Mark::Unsure => return Step::More,
                Mark::Doctype => return self.doctype(),
                Mark::Comment | Mark::Pi | Mark::Decl => return self.alone(mark),
                Mark::Cdata => match self.markup_end(mark, at) {
                    End::At(end) => self.scan = end,
                    End::More => return Step::piece_or_more(Kind::Run, gathered),
                    _ if at == 0 => return Step::piece(Kind::Lost, mark.opener()),
                    _ => return Step::piece(Kind::Run, at),
                },
                _ => {
                    if let Some(step) = self.run_tag(mark, at) {
                        return step;
                    }
                }
            }
            self.advance_behind(at);
        }
    }

    /// Returns the comment, section, instruction or declaration at the start as a piece.
    pub(super) fn alone(&mut self, mark: Mark) -> Step {
        let kind = if mark == Mark::Decl { Kind::Decl } else { Kind::Skip };
        match self.markup_end(mark, 0) {
            End::At(end) => Step::piece(kind, end),
            End::Broken(end) => Step::piece(Kind::Lost, end),
            End::More => Step::More,
            _ => Step::piece(Kind::Lost, mark.opener()),
        }
    }

    /// Examines the tag at a position. Returns `None` if it becomes part of the current piece.
    pub(super) fn run_tag(&mut self, mark: Mark, at: usize) -> Option<Step> {
        let end = self.tag_end(at);
        if self.is_long(at, end) {
            return Some(if at > 0 { Step::piece(Kind::Run, at) } else { self.long() });
        }
        match end {
            End::At(end) | End::Broken(end) if mark == Mark::Run => {
                return Some(Step::piece(Kind::RunStart, end));
            }
            End::At(end) | End::Broken(end) => self.scan = end,
            End::Lost if mark == Mark::Run => {
                return Some(Step::piece(Kind::RunCut, self.bytes().len()));
            }
            End::Lost => return Some(Step::piece(Kind::Run, self.bytes().len())),
            _ => return Some(Step::piece_or_more(Kind::Run, at)),
        }
        None
    }

    /// Handles remaining text that no markup follows.
    fn run_text(&mut self, want_text: bool) -> Step {
        let len = self.bytes().len();
        if self.scan > 0 {
            Step::piece(Kind::Run, self.scan)
        } else if len == 0 {
            Step::More
        } else if self.last {
            Step::piece(Kind::Run, len)
        } else if !want_text || len > self.limits.max_value_bytes.saturating_add(4) {
            // Of text that is read, bytes above the limit show the reader that the value must be truncated; more text
            // is added to a value that is already full. No character is split.
            Step::piece_or_more(Kind::Run, len.saturating_sub(cut_character(self.bytes())))
        } else {
            Step::More
        }
    }

    pub(super) fn doctype(&mut self) -> Step {
        let (end, subset) = if self.lost_doctypes < LOST_DOCTYPES {
            doctype_end(self.at(0), self.limits.max_markup_bytes, self.last)
        } else {
            (End::Lost, false)
        };
        // The name ends where the DOCTYPE ends.
        let nmap = is_nmap_doctype(self.at(0), true).unwrap_or_default();
        let kind = Kind::Doctype { subset, nmap };
        if let End::At(end) = end {
            return Step::piece(kind, end);
        }
        if end == End::More {
            return Step::More;
        }
        self.lost_doctypes = self.lost_doctypes.saturating_add(1);
        match end {
            End::Broken(end) => Step::piece(Kind::Lost, end),
            // Truncated after its name: it is still nmap's.
            _ if nmap && self.last && self.next_mark(1).is_none() => {
                Step::piece(kind, self.bytes().len())
            }
            _ => Step::piece(Kind::Lost, Mark::Doctype.opener()),
        }
    }
}
