//! Documents that are none of nmap's (rules R1, R6 and R8).
//!
//! Damage in the tag of a root, or before it, makes a scan look like one of them. So the input is read on behind such
//! a root: should a scan or a host of nmap's come, it is read, and what stood before it is told. Only if nothing comes
//! the input is refused, for the root that it began with. What stands in comments is not read; a scan or host that is
//! seen there is reported even if the input is refused.

use super::{
    super::{
        evidence::{begins_scan, hides_scan, is_damaged_scan, is_of_scan},
        frame::Around,
        lex::{End, Mark, TagScan, classify, hidden, is_blank},
        names::El,
        notes::{HIDDEN, shorten},
    },
    Decoder, ESCAPED, Phase, QUOTED, line_of,
};
use crate::error::{Code, Error, ErrorKind, Position};

impl Phase {
    /// What the bytes that come next stand in. Where a scan was announced any `<host` begins a host (rule R8).
    pub(super) const fn around(self) -> Around {
        match self {
            Self::Open | Self::Prolog { nmap: true } => Around::Scan,
            Self::Foreign => Around::Foreign,
            Self::Before { .. } | Self::Prolog { nmap: false } | Self::After => Around::Nothing,
        }
    }
}

impl Decoder {
    /// Bytes before the first document.
    pub(super) fn junk(&mut self, len: usize) {
        let bytes = self.framer.bytes().get(..len).unwrap_or_default();
        self.escaped.look(bytes);
        let solid = bytes.iter().position(|b| !is_blank(*b));
        let found = solid.map(|at| {
            let before = bytes.get(..at).unwrap_or_default();
            let line = line_of(self.lines, before);
            Position { byte: self.intake.raw_place(before), line }
        });
        if let Phase::Before { junk, anything } = &mut self.phase {
            *junk = junk.or(found);
            *anything |= found.is_some();
        }
        if self.framer.is_quoted() && self.refused.is_none() {
            self.refused = Some(self.not_nmap(QUOTED));
        }
        self.consume(len);
    }

    /// Notes the hosts and scans in markup that is not read. What begins with one is one that the input cuts.
    pub(super) fn note_hidden(&mut self, len: usize) {
        let mut places = hidden(self.head(len)).filter(|at| *at > 0);
        let Some(first) = places.next() else { return };
        let count = i64::try_from(places.count().saturating_add(1)).unwrap_or(i64::MAX);
        self.count_hidden(first, count);
        let record = &self.document.reader.record;
        if !record.exists && record.header.doc_index == 0 && !self.hides_scan {
            self.hides_scan = hides_scan(self.head(len));
        }
    }

    fn count_hidden(&mut self, first: usize, count: i64) {
        let before = self.head(first);
        let line = line_of(self.lines, before);
        let place = Position { byte: self.intake.raw_place(before), line };
        self.ledger.add(Code::Hidden, count, || place, || HIDDEN.into());
    }

    /// Passes what stands in a document that is none of nmap's.
    pub(super) fn foreign_piece(&mut self, len: usize) {
        let head = self.head(len);
        let mut places = memchr::memchr_iter(b'<', head).filter(|at| {
            let tag = head.get(*at..).unwrap_or_default();
            matches!(classify(tag, false), Mark::Host | Mark::Run)
        });
        if let Some(first) = places.next() {
            let count = i64::try_from(places.count().saturating_add(1)).unwrap_or(i64::MAX);
            self.count_hidden(first, count);
        }
        self.consume(len);
    }

    /// The tag at the start of a piece.
    fn tag(&self, len: usize) -> &[u8] {
        let head = self.head(len);
        match TagScan::end_in_piece(head) {
            End::At(end) => head.get(..end).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The first element where none is open, in a piece of this length: a scan goes on or begins, or this is no nmap
    /// XML.
    ///
    /// Returns whether the element is the root of a scan with a damaged name: its tag has been read then, not what it
    /// holds.
    pub(super) fn first_element(&mut self, name: &str, len: usize) -> bool {
        let el = El::from_name(name.as_bytes());
        // A host that is one is no piece of what stands between hosts, and other formats have hosts, too.
        let known = el.filter(|el| El::Nmaprun.holds(*el) && !matches!(el, El::Host | El::Hosts));
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
                self.note(Code::Unknown, &detail);
                self.begin_without_header();
                return true;
            }
            Phase::Prolog { .. } => self.begin_foreign(name),
            Phase::After => {
                self.note(Code::Unknown, &format!("<{}> behind the scan skipped", shorten(name)));
            }
            _ => {}
        }
        false
    }

    /// A document begins that is none of nmap's.
    fn begin_foreign(&mut self, name: &str) {
        if self.document.reader.record.header.doc_index > 0 {
            self.note(Code::Unknown, &format!("a document of <{}> skipped", shorten(name)));
        } else if self.refused.is_none() {
            self.refused = Some(self.not_nmap(&format!("the root element is <{}>", shorten(name))));
        }
        self.phase = Phase::Foreign;
    }

    /// A scan begins: it is nmap XML, whatever stood before it.
    pub(super) fn accept(&mut self) {
        let Some(refused) = self.refused.take() else { return };
        if let (ErrorKind::NotNmap(detail), Some(place)) = (refused.kind(), refused.position()) {
            let detail = format!("{detail}; it is skipped up to a scan");
            self.ledger.add_at(Code::Unknown, 1, place, || detail);
        }
    }

    /// The input ends before a scan begins.
    pub(super) fn end_without_scan(&mut self, detail: &str) {
        let error = match self.refused.take() {
            Some(refused) => refused,
            None if self.escaped.is_found() => self.not_nmap(ESCAPED),
            None => self.not_nmap(detail),
        };
        if self.hides_scan {
            self.phase = Phase::Foreign;
            self.end_document();
        }
        self.failed = self.failed.take().or(Some(error));
    }

    pub(super) fn not_nmap(&self, detail: &str) -> Error {
        Error::new(ErrorKind::NotNmap(detail.into())).at(self.here())
    }
}
