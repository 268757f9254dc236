//! Documents of other formats (rules R1, R6 and R8).
//!
//! Damage in the tag of a root, or before it, makes a scan look like a document of another format. So reading continues
//! after such a root: if an nmap scan or host follows, it is read, and whatever preceded it is reported. Only if none
//! follows is the input refused, because of its root. Comments are not read; a scan or host that is seen in one is
//! reported even if the input is refused.

use super::{
    super::{
        diagnostics::{HIDDEN, shorten},
        evidence::{begins_scan, hides_scan, is_damaged_scan, is_of_scan},
        frame::Surroundings,
        lex::{End, MarkupKind, TagScanner, classify, hidden, is_blank},
        names::Element,
    },
    Decoder, Phase, line_of,
};
use crate::error::{DiagnosticCode, Error, ErrorKind, NotNmap, Position};

impl Phase {
    /// Returns the context of the bytes that follow. After the announcement of a scan every `<host` begins a host (rule
    /// R8).
    pub(super) const fn surroundings(self) -> Surroundings {
        match self {
            Self::Open | Self::Prolog { nmap: true } => Surroundings::Scan,
            Self::Foreign => Surroundings::Foreign,
            Self::Before { .. } | Self::Prolog { nmap: false } | Self::After => {
                Surroundings::Nothing
            }
        }
    }
}

impl Decoder {
    /// Handles bytes before the first document.
    pub(super) fn junk(&mut self, len: usize) {
        let bytes = self.framer.bytes().get(..len).unwrap_or_default();
        self.escaped.look(bytes);
        let solid = bytes.iter().position(|b| !is_blank(*b));
        let found = solid.map(|at| {
            let before = bytes.get(..at).unwrap_or_default();
            let line = line_of(self.lines, before);
            Position { byte: self.transcoder.raw_place(before), line }
        });
        if let Phase::Before { junk, anything } = &mut self.phase {
            *junk = junk.or(found);
            *anything |= found.is_some();
        }
        if self.framer.is_quoted() && self.refused.is_none() {
            self.refused = Some(self.not_nmap(NotNmap::Quoted));
        }
        self.consume(len);
    }

    /// Counts the hosts and scans in markup that is not read. A frame that begins with one is truncated by the end of
    /// the input and is reported there.
    pub(super) fn report_hidden(&mut self, len: usize) {
        let mut places = hidden(self.head(len)).filter(|at| *at > 0);
        let Some(first) = places.next() else { return };
        let count = i64::try_from(places.count().saturating_add(1)).unwrap_or(i64::MAX);
        self.count_hidden(first, count);
        let record = &self.document.reader.record;
        if !record.has_scan && record.header.doc_index == 0 && !self.hides_scan {
            self.hides_scan = hides_scan(self.head(len));
        }
    }

    fn count_hidden(&mut self, first: usize, count: i64) {
        let before = self.head(first);
        let line = line_of(self.lines, before);
        let place = Position { byte: self.transcoder.raw_place(before), line };
        self.document_diagnostics.add(DiagnosticCode::Hidden, count, || place, || HIDDEN.into());
    }

    /// Skips the contents of a document of another format.
    pub(super) fn foreign_frame(&mut self, len: usize) {
        let head = self.head(len);
        let mut places = memchr::memchr_iter(b'<', head).filter(|at| {
            let tag = head.get(*at..).unwrap_or_default();
            matches!(classify(tag, false), MarkupKind::Host | MarkupKind::Nmaprun)
        });
        if let Some(first) = places.next() {
            let count = i64::try_from(places.count().saturating_add(1)).unwrap_or(i64::MAX);
            self.count_hidden(first, count);
        }
        self.consume(len);
    }

    /// Returns the tag at the start of a frame.
    fn tag(&self, len: usize) -> &[u8] {
        let head = self.head(len);
        match TagScanner::end_in_frame(head) {
            End::At(end) => head.get(..end).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Handles the first element outside any open element, in a frame of this length: either a scan continues or
    /// begins, or the input is not nmap XML.
    ///
    /// Returns true if the element is the root of a scan whose name is damaged: its tag has been read then, but not its
    /// contents.
    pub(super) fn first_element(&mut self, name: &str, len: usize) -> bool {
        let el = Element::from_name(name.as_bytes());
        // A genuine host never reaches this point, because hosts are frames of their own; other formats have hosts,
        // too.
        let known = el.filter(|el| {
            Element::Nmaprun.allows_child(*el) && !matches!(el, Element::Host | Element::Hosts)
        });
        let is_told = if self.phase == Phase::Foreign { begins_scan } else { is_of_scan };
        let begins = known.is_some_and(|el| is_told(el, self.tag(len)));
        match self.phase {
            Phase::Prolog { nmap: true } if known.is_some() => self.begin_without_header(),
            Phase::Prolog { .. } | Phase::Before { .. } | Phase::Foreign if begins => {
                self.begin_without_header();
            }
            Phase::After if known.is_some() => self.resume(),
            Phase::Prolog { nmap } if nmap || is_damaged_scan(self.tag(len)) => {
                let detail = format!("the root element <{}> is read as nmaprun", shorten(name));
                self.warn(DiagnosticCode::Unknown, &detail);
                self.begin_without_header();
                return true;
            }
            Phase::Prolog { .. } => self.begin_foreign(name),
            Phase::After => {
                self.warn(
                    DiagnosticCode::Unknown,
                    &format!("<{}> after the scan skipped", shorten(name)),
                );
            }
            _ => {}
        }
        false
    }

    /// Begins a document of another format.
    fn begin_foreign(&mut self, name: &str) {
        if self.document.reader.record.header.doc_index > 0 {
            self.warn(
                DiagnosticCode::Unknown,
                &format!("a document of <{}> skipped", shorten(name)),
            );
        } else if self.refused.is_none() {
            self.refused = Some(self.not_nmap(NotNmap::Root(shorten(name).to_owned())));
        }
        self.phase = Phase::Foreign;
    }

    /// Accepts the input as nmap XML, whatever preceded the scan.
    pub(super) fn accept(&mut self) {
        let Some(refused) = self.refused.take() else { return };
        if let (ErrorKind::NotNmap(reason), Some(place)) = (refused.kind(), refused.position()) {
            let detail = format!("{reason}; it is skipped up to a scan");
            self.document_diagnostics.add_at(DiagnosticCode::Unknown, 1, place, || detail);
        }
    }

    /// Handles the end of an input without a scan.
    pub(super) fn end_without_scan(&mut self, reason: NotNmap) {
        let error = match self.refused.take() {
            Some(refused) => refused,
            None if self.escaped.is_found() => self.not_nmap(NotNmap::Escaped),
            None => self.not_nmap(reason),
        };
        if self.hides_scan {
            self.phase = Phase::Foreign;
            self.end_document();
        }
        self.failed = self.failed.take().or(Some(error));
    }

    pub(super) fn not_nmap(&self, reason: NotNmap) -> Error {
        Error::new(ErrorKind::NotNmap(reason)).with_position(self.here())
    }
}
