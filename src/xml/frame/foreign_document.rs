//! Cuts a document of another format: a scan, an nmap host or another document ends it (rules R1 and R6).

use super::{
    super::{
        evidence::{begins_scan, name},
        lex::{End, MarkupKind, classify, opens_tag},
        names::Element,
    },
    FrameKind, Framer, Mode, SCAN_FRAME_BYTES, Step,
};

/// Context of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) enum Surroundings {
    /// No document, or one of which nothing is known yet.
    #[default]
    Nothing,
    /// A scan or its announcement: every `<host` begins a host (rule R8).
    Scan,
    /// A document of another format.
    Foreign,
}

impl Framer {
    /// Collects skipped markup. Comments and similar markup are frames of their own.
    pub(super) fn foreign(&mut self) -> Step {
        loop {
            let passed = self.examined;
            if passed >= SCAN_FRAME_BYTES {
                return Step::frame(FrameKind::Foreign, passed);
            }
            let Some(at) = self.next_mark(passed) else {
                return Step::frame_or_more(FrameKind::Foreign, self.bytes().len());
            };
            let mark = classify(self.at(at), self.last);
            let gathers =
                matches!(mark, MarkupKind::Tag | MarkupKind::NmaprunEnd | MarkupKind::HostEnd);
            if at > 0 && !gathers {
                return Step::frame(FrameKind::Foreign, at);
            }
            let opens = match mark {
                MarkupKind::Unsure => None,
                MarkupKind::Host => self.opens_host(),
                MarkupKind::Nmaprun => self.opens_scan(),
                MarkupKind::Doctype => return self.doctype(),
                MarkupKind::Comment
                | MarkupKind::Cdata
                | MarkupKind::Pi
                | MarkupKind::Declaration => return self.alone(mark),
                _ => Some(false),
            };
            match opens {
                None => return Step::More,
                Some(true) if mark == MarkupKind::Host => return self.enter(Mode::Host),
                Some(true) => {
                    if let Some(step) = self.scan_tag(mark, 0) {
                        return step;
                    }
                }
                Some(false) => {
                    if let Some(step) = self.foreign_tag(at) {
                        return step;
                    }
                }
            }
            self.advance_past(at);
        }
    }

    /// Examines the tag at a position. Returns `None` if it becomes part of the current frame.
    fn foreign_tag(&mut self, at: usize) -> Option<Step> {
        if opens_tag(self.at(at)) != Some(true) {
            self.examined = at.saturating_add(1);
            return None;
        }
        let end = self.tag_end(at);
        if self.is_oversized(at, end) {
            return Some(if at > 0 {
                Step::frame(FrameKind::Foreign, at)
            } else {
                self.drop_oversized_tag()
            });
        }
        match end {
            End::At(end) if self.begins_scan(at, end) => Some(match at {
                0 => Step::frame(FrameKind::Markup, end),
                _ => Step::frame(FrameKind::Foreign, at),
            }),
            End::At(end) | End::Broken(end) => {
                self.examined = end;
                None
            }
            End::Lost => Some(Step::frame(FrameKind::Foreign, self.bytes().len())),
            _ => Some(Step::frame_or_more(FrameKind::Foreign, at)),
        }
    }

    /// Returns true if the tag in a range belongs to an element that can begin a scan.
    fn begins_scan(&self, at: usize, end: usize) -> bool {
        let tag = self.bytes().get(at..end).unwrap_or_default();
        let el = Element::from_name(name(tag.get(1..).unwrap_or_default()));
        el.is_some_and(|el| begins_scan(el, tag))
    }
}
