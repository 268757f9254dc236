//! Searches for the first document, and decides if a `<host` or `<nmaprun` begins one where no scan is open (rule R1).
//! Prose, manual pages and source code contain both words in angle brackets; in nmap's output an attribute or element
//! of nmap follows.

use super::{
    super::{
        evidence::{STRONG, WEAK, is_host, is_quoted, is_scan},
        lex::{End, MarkupKind, classify, is_blank},
        names::Element,
        prolog::is_nmap_doctype,
    },
    FrameKind, Framer, HOST_OPENER, JsonText, Mode, Step, Surroundings,
};

/// Maximum number of consecutive blanks before the first element: more than any program writes.
const BLANKS: usize = 4096;

/// Maximum length of a name in bytes, plus one.
const NAME: usize = 17;

impl Framer {
    /// Searches for the beginning of a document.
    pub(super) fn seek(&mut self) -> Step {
        match self.next_mark(0) {
            None => return self.junk(self.bytes().len()),
            Some(0) => {}
            Some(at) => return self.junk(at),
        }
        let mark = classify(self.at(0), self.last);
        if self.json.is_in_string() {
            return self.seek_in_string(mark);
        }
        match mark {
            MarkupKind::Unsure => Step::More,
            MarkupKind::Comment => match self.markup_end(MarkupKind::Comment, 0) {
                End::At(end) => {
                    self.json = JsonText::Other;
                    Step::frame(FrameKind::Skip, end)
                }
                End::More => Step::More,
                _ => self.junk(MarkupKind::Comment.opener()),
            },
            MarkupKind::Doctype => match is_nmap_doctype(self.at(0), self.last) {
                None => Step::More,
                Some(false) => self.junk(1),
                Some(true) => self.enter(Mode::Scan),
            },
            MarkupKind::Declaration => self.enter(Mode::Scan),
            MarkupKind::Nmaprun | MarkupKind::Host => {
                let (opens, mode) = match mark {
                    MarkupKind::Nmaprun => (self.opens_scan(), Mode::Scan),
                    _ if self.at(0).get(HOST_OPENER) == Some(&b'/') => (Some(false), Mode::Host),
                    _ => (self.opens_host(), Mode::Host),
                };
                match opens {
                    Some(true) => self.enter(mode),
                    Some(false) => self.junk(1),
                    None => Step::More,
                }
            }
            _ => self.junk(1),
        }
    }

    /// Handles a position inside a string of JSON, where nothing begins, not even a comment: the string ends at a
    /// quote.
    fn seek_in_string(&mut self, mark: MarkupKind) -> Step {
        let is_scan = match mark {
            MarkupKind::Unsure => return Step::More,
            MarkupKind::Nmaprun => Some(true),
            MarkupKind::Doctype => is_nmap_doctype(self.at(0), self.last),
            _ => Some(false),
        };
        match is_scan {
            None => Step::More,
            Some(found) => {
                self.is_quoted |= found;
                self.junk(1)
            }
        }
    }

    /// Returns bytes before the first document as a frame.
    fn junk(&mut self, len: usize) -> Step {
        let junk = self.bytes().get(..len).unwrap_or_default();
        let has_text = junk.iter().any(|b| !is_blank(*b));
        self.json = self.json.after(junk);
        self.text_before |= has_text;
        Step::frame_or_more(FrameKind::Junk, len)
    }

    /// Returns true if the `<host` at the start begins a host: always inside a scan (rule R8), elsewhere if its values
    /// show that nmap wrote it. Returns `None` if more bytes are needed.
    pub(super) fn opens_host(&mut self) -> Option<bool> {
        let needed = match self.surroundings {
            Surroundings::Scan => return Some(true),
            Surroundings::Nothing if !self.text_before => WEAK,
            _ => STRONG,
        };
        is_host(self.at(0), needed, self.last)
    }

    /// Returns true if the `<nmaprun` at the start begins a scan. It does, unless text or another document precedes it:
    /// then it must have an attribute of nmap, or be followed by an element of a scan or by nothing at all.
    pub(super) fn opens_scan(&mut self) -> Option<bool> {
        let is_foreign = self.surroundings == Surroundings::Foreign;
        if !self.text_before && !is_foreign {
            return Some(true);
        }
        // Of a tag above the limit, only the bytes up to the limit are examined.
        let cap = self.limits.max_tag_bytes;
        let end = match self.tag_end(0) {
            End::At(end) if end <= cap => end,
            End::More if self.bytes().len() <= cap => return None,
            End::Broken(end) if is_foreign => {
                return Some(self.bytes().get(..end.min(cap)).is_some_and(is_scan));
            }
            _ if is_foreign => return Some(self.bytes().get(..cap).is_some_and(is_scan)),
            _ => return Some(true),
        };
        let tag = self.bytes().get(..end).unwrap_or_default();
        if is_scan(tag) {
            // A scan follows the document that would be refused.
            return Some(!is_foreign || !is_quoted(tag));
        }
        if tag.ends_with(b"/>") {
            return Some(false);
        }
        self.element_follows(end, Element::Nmaprun)
    }

    /// Returns true if an element that `parent` may hold is the first markup after a position, ignoring blanks and
    /// comments.
    fn element_follows(&mut self, from: usize, parent: Element) -> Option<bool> {
        let mut at = from;
        loop {
            let blanks = self.at(at).iter().take(BLANKS.saturating_add(1));
            at = at.saturating_add(blanks.take_while(|b| is_blank(**b)).count());
            match self.at(at).first() {
                Some(b'<') => {}
                Some(_) => return Some(false),
                // Only this much of a scan arrived.
                None => return self.last.then_some(parent == Element::Nmaprun),
            }
            let mark = classify(self.at(at), self.last);
            match mark {
                MarkupKind::Unsure => return None,
                MarkupKind::Comment => match self.markup_end(mark, at) {
                    End::At(end) => {
                        debug_assert!(end > at, "a comment of no bytes at {at}");
                        at = end;
                    }
                    End::More => return None,
                    _ => return Some(false),
                },
                MarkupKind::Tag | MarkupKind::Host => return self.is_child(at, parent),
                _ => return Some(parent == Element::Nmaprun),
            }
            if at.saturating_sub(from) > self.limits.max_markup_bytes {
                return Some(false);
            }
        }
    }

    /// Returns true if the tag at a position is that of an element which `parent` may hold, as nmap writes it: its
    /// quotes have no backslashes, unlike those in source code and JSON.
    fn is_child(&self, at: usize, parent: Element) -> Option<bool> {
        let tag = self.at(at.saturating_add(1));
        let ends = |b: &u8| is_blank(*b) || matches!(b, b'>' | b'/' | b'<');
        let Some(len) = tag.iter().take(NAME).position(ends) else {
            return if tag.len() < NAME && !self.last { None } else { Some(false) };
        };
        let name = tag.get(..len).unwrap_or_default();
        if !Element::from_name(name).is_some_and(|el| parent.allows_child(el)) {
            return Some(false);
        }
        let value = memchr::memchr3(b'=', b'>', b'<', tag);
        match value.map(|place| (tag.get(place), tag.get(place.saturating_add(1)))) {
            Some((Some(b'='), Some(next))) => Some(*next != b'\\'),
            Some((Some(b'='), None)) | None
                if !self.last && tag.len() < self.limits.max_tag_bytes =>
            {
                None
            }
            _ => Some(true),
        }
    }
}
