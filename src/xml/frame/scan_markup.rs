//! Cuts the markup between hosts into frames.

use super::{
    super::{
        lex::{End, MarkupKind, classify, incomplete_utf8_suffix},
        prolog::{doctype_end, is_nmap_doctype},
    },
    FrameKind, Framer, LOST_DOCTYPES, Mode, SCAN_FRAME_BYTES, Step,
};

impl Framer {
    pub(super) fn scan_markup(&mut self, want_text: bool) -> Step {
        loop {
            let gathered = self.examined;
            if gathered >= SCAN_FRAME_BYTES || (self.stepwise && gathered > 0) {
                return Step::frame(FrameKind::Markup, gathered);
            }
            let Some(at) = self.next_mark(gathered) else { return self.scan_text(want_text) };
            let mark = classify(self.at(at), self.last);
            // Everything except tags and CDATA sections is a frame of its own.
            let gathers = matches!(
                mark,
                MarkupKind::Tag | MarkupKind::NmaprunEnd | MarkupKind::HostEnd | MarkupKind::Cdata
            );
            if at > 0 && (!gathers || self.stepwise) {
                let len = if mark == MarkupKind::Unsure { gathered } else { at };
                return if len == 0 { Step::More } else { Step::frame(FrameKind::Markup, len) };
            }
            let opens_host = if mark == MarkupKind::Host { self.opens_host() } else { None };
            match mark {
                MarkupKind::Host if opens_host == Some(true) => return self.enter(Mode::Host),
                MarkupKind::Host if opens_host.is_none() => return Step::More,
                MarkupKind::Unsure => return Step::More,
                MarkupKind::Doctype => return self.doctype(),
                MarkupKind::Comment | MarkupKind::Pi | MarkupKind::Declaration => {
                    return self.alone(mark);
                }
                MarkupKind::Cdata => match self.markup_end(mark, at) {
                    End::At(end) => self.examined = end,
                    End::More => return Step::frame_or_more(FrameKind::Markup, gathered),
                    _ if at == 0 => return Step::frame(FrameKind::UnclosedMarkup, mark.opener()),
                    _ => return Step::frame(FrameKind::Markup, at),
                },
                _ => {
                    if let Some(step) = self.scan_tag(mark, at) {
                        return step;
                    }
                }
            }
            self.advance_past(at);
        }
    }

    /// Returns the comment, section, instruction or declaration at the start as a frame.
    pub(super) fn alone(&mut self, mark: MarkupKind) -> Step {
        let kind =
            if mark == MarkupKind::Declaration { FrameKind::Declaration } else { FrameKind::Skip };
        match self.markup_end(mark, 0) {
            End::At(end) => Step::frame(kind, end),
            End::Broken(end) => Step::frame(FrameKind::UnclosedMarkup, end),
            End::More => Step::More,
            _ => Step::frame(FrameKind::UnclosedMarkup, mark.opener()),
        }
    }

    /// Examines the tag at a position. Returns `None` if it becomes part of the current frame.
    pub(super) fn scan_tag(&mut self, mark: MarkupKind, at: usize) -> Option<Step> {
        let end = self.tag_end(at);
        if self.is_oversized(at, end) {
            return Some(if at > 0 {
                Step::frame(FrameKind::Markup, at)
            } else {
                self.drop_oversized_tag()
            });
        }
        match end {
            End::At(end) | End::Broken(end) if mark == MarkupKind::Nmaprun => {
                return Some(Step::frame(FrameKind::ScanStart, end));
            }
            End::At(end) | End::Broken(end) => self.examined = end,
            End::Lost if mark == MarkupKind::Nmaprun => {
                return Some(Step::frame(FrameKind::TruncatedScanStart, self.bytes().len()));
            }
            End::Lost => return Some(Step::frame(FrameKind::Markup, self.bytes().len())),
            _ => return Some(Step::frame_or_more(FrameKind::Markup, at)),
        }
        None
    }

    /// Handles remaining text that no markup follows.
    fn scan_text(&mut self, want_text: bool) -> Step {
        let len = self.bytes().len();
        if self.examined > 0 {
            Step::frame(FrameKind::Markup, self.examined)
        } else if len == 0 {
            Step::More
        } else if self.last {
            Step::frame(FrameKind::Markup, len)
        } else if !want_text || len > self.limits.max_value_bytes.saturating_add(4) {
            // Of text that is read, bytes above the limit show the reader that the value must be truncated; more text
            // is added to a value that is already full. No character is split.
            Step::frame_or_more(
                FrameKind::Markup,
                len.saturating_sub(incomplete_utf8_suffix(self.bytes())),
            )
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
        let kind = FrameKind::Doctype { subset, nmap };
        if let End::At(end) = end {
            return Step::frame(kind, end);
        }
        if end == End::More {
            return Step::More;
        }
        self.lost_doctypes = self.lost_doctypes.saturating_add(1);
        match end {
            End::Broken(end) => Step::frame(FrameKind::UnclosedMarkup, end),
            // Truncated after its name: it is still nmap's.
            _ if nmap && self.last && self.next_mark(1).is_none() => {
                Step::frame(kind, self.bytes().len())
            }
            _ => Step::frame(FrameKind::UnclosedMarkup, MarkupKind::Doctype.opener()),
        }
    }
}
