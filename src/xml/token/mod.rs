//! Tokenizer: start tags, end tags and text of one frame.
//!
//! There are three ways to read markup, each for what the previous one cannot handle. The fast path (`fast_path`, with
//! `predictor`) reads exactly what nmap writes, without copying. At the first markup that is written in any other way,
//! the rest of the frame goes to quick-xml (`fallback`). Whatever quick-xml cannot read, or breaks rule R3, is first
//! rewritten by [`repair`], and then read by quick-xml with a map back to the original positions. The [`Backend`]
//! changes in this direction only, and the next frame starts on the fast path again.
//!
//! Invariants:
//!
//! - All three ways return the same tokens, attributes and warnings for the same markup; `Tokens::by_quick_xml` exists
//!   so that tests and the fuzz target `tokens` can compare them.
//! - Each token passes at least one byte of its source. Together with the fixed order of the backends this ends the
//!   tokens of a frame.
//! - quick-xml receives nothing but markup, from its `<` on: it drops a byte order mark at the start of its input
//!   without counting it. Text is read here.
//! - Warnings about repaired markup are recorded when a token passes it, not when it is repaired, because the host may
//!   end before it and the following bytes may be read again in another frame.
//!
//! Attributes of the last start tag are kept in [`Tokens`] rather than in the token, in a vector that is reused. To add
//! syntax that nmap writes, extend the fast path if it is frequent, and check that quick-xml agrees; names are added in
//! [`super::names`], and their usual order in `predictor`.

mod fallback;
mod fast_path;
mod predictor;

use bumpalo::Bump;

use self::fallback::QuickXml;
pub(super) use self::fast_path::is_inside_host;
use super::{
    diagnostics::{FrameDiagnostics, oversized_tag, shorten},
    names::{Attribute, Element},
    offset_map::OffsetQueue,
    repair::{self, Repaired},
};
use crate::{error::DiagnosticCode, limits::Limits};

/// Token; its positions are those in the frame's text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'f> {
    /// A start tag; its attributes are in [`Tokens::attributes`].
    Start { name: Name<'f>, empty: bool, at: usize },
    /// An end tag.
    End { name: Name<'f>, at: usize },
    /// Text between tags, with unresolved references.
    Text { raw: &'f str, at: usize },
    /// Contents of a CDATA section.
    Cdata { raw: &'f str, at: usize },
}

impl Token<'_> {
    /// Returns its position.
    const fn place(&self) -> usize {
        match self {
            Self::Start { at, .. }
            | Self::End { at, .. }
            | Self::Text { at, .. }
            | Self::Cdata { at, .. } => *at,
        }
    }
}

/// Name of an element, known or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name<'f> {
    Known(Element),
    Unknown(&'f str),
}

impl<'f> Name<'f> {
    #[inline]
    pub(super) fn of(name: &'f str) -> Self {
        Element::from_name(name.as_bytes()).map_or(Self::Unknown(name), Self::Known)
    }

    /// Returns the element if it is known.
    #[inline]
    fn known(self) -> Option<Element> {
        match self {
            Self::Known(el) => Some(el),
            Self::Unknown(_) => None,
        }
    }

    /// Returns the name as written.
    pub(super) fn as_str(self) -> &'f str {
        match self {
            Self::Known(el) => el.name(),
            Self::Unknown(name) => name,
        }
    }
}

/// Attribute with a known name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Attr<'f> {
    pub(super) id: Attribute,
    /// Value, with unresolved references.
    pub(super) raw: &'f str,
    /// Position of the value.
    pub(super) at: usize,
    /// True if the value contains anything but printable ASCII, or a `&`.
    pub(super) special: bool,
}

/// Limits on tags (rule R10).
#[derive(Debug, Clone, Copy)]
pub(super) struct TagCaps {
    pub(super) tag: usize,
    pub(super) attributes: usize,
    pub(super) markup: usize,
}

impl TagCaps {
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            tag: limits.max_tag_bytes,
            attributes: limits.max_attributes,
            markup: limits.max_markup_bytes,
        }
    }
}

/// Reads the tokens of one frame.
pub(super) struct Tokens<'f> {
    text: &'f str,
    bump: &'f Bump,
    caps: TagCaps,
    /// Length in bytes of the longest name whose end tag is within the limit.
    longest_end: usize,
    /// True if the input ends where the frame ends.
    last: bool,
    backend: Backend<'f>,
    /// Position of the next token on the fast path.
    at: usize,
    attributes: Vec<Attr<'f>>,
    seen: u128,
    /// Element of the last start tag on the fast path.
    before: Option<Element>,
    /// Element of the last start tag that was not empty.
    opened: Option<Element>,
    /// Positions of dropped markup that no token has passed yet, relative to the start of the repair.
    broken: OffsetQueue,
    /// Positions of hosts and scans in dropped comments, likewise.
    hidden: OffsetQueue,
    /// Positions of tags above the limit, likewise.
    oversized: OffsetQueue,
    /// Position of the last token in which the repair dropped something.
    damaged: Option<usize>,
    /// Position of the last start tag that exceeded the limit.
    too_long: Option<usize>,
    repaired_from: usize,
}

enum Backend<'f> {
    /// Fast path, at [`Tokens::at`].
    Fast,
    /// quick-xml, on the text from a position of the frame.
    QuickXml(Box<QuickXml<'f>>),
    Done,
}

/// Reason why a way cannot return the next token.
enum Stop {
    End,
    /// Markup at this position that this way cannot read.
    NeedsFallback(usize),
}

impl<'f> Tokens<'f> {
    pub(super) fn new(text: &'f str, bump: &'f Bump, caps: TagCaps, last: bool) -> Self {
        Self {
            text,
            bump,
            caps,
            longest_end: caps.tag.saturating_sub("</>".len()),
            last,
            backend: Backend::Fast,
            at: 0,
            attributes: Vec::with_capacity(16),
            seen: 0,
            before: None,
            opened: None,
            broken: OffsetQueue::default(),
            hidden: OffsetQueue::default(),
            oversized: OffsetQueue::default(),
            damaged: None,
            too_long: None,
            repaired_from: 0,
        }
    }

    /// Creates tokens that are read without the fast path, to verify that they are the same.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn by_quick_xml(text: &'f str, bump: &'f Bump, caps: TagCaps, last: bool) -> Self {
        let mut tokens = Self::new(text, bump, caps, last);
        tokens.backend = Backend::QuickXml(Box::new(QuickXml::new(text, 0, None)));
        tokens
    }

    /// Returns the attributes of the last start tag; the first of two with the same name counts (rule R11).
    pub(super) fn attributes(&self) -> &[Attr<'f>] {
        &self.attributes
    }

    /// Returns true if damage was repaired.
    pub(super) fn was_repaired(&self) -> bool {
        matches!(&self.backend, Backend::QuickXml(quick) if quick.map.is_some())
    }

    /// Returns the position of the next token.
    pub(super) fn place(&self) -> usize {
        match &self.backend {
            Backend::Fast => self.at,
            Backend::QuickXml(quick) => quick.place(quick.position()),
            Backend::Done => self.text.len(),
        }
    }

    /// Skips a line end between two tags, where text is insignificant.
    #[inline]
    pub(super) fn pass_line_end(&mut self) {
        let fast = matches!(self.backend, Backend::Fast);
        let tail = self.text.as_bytes().get(self.at..);
        if fast && tail.is_some_and(|tail| tail.starts_with(b"\n<")) {
            self.at = self.at.wrapping_add(1);
        }
    }

    /// Returns the next token, or `None` at the end of the frame.
    #[inline]
    pub(super) fn next(&mut self, diagnostics: &mut FrameDiagnostics) -> Option<Token<'f>> {
        if matches!(self.backend, Backend::Fast)
            && let Ok(token) = self.next_fast(diagnostics)
        {
            return Some(token);
        }
        self.next_any(diagnostics)
    }

    fn next_any(&mut self, diagnostics: &mut FrameDiagnostics) -> Option<Token<'f>> {
        // Ends after three turns at most: the backend changes from the fast path to quick-xml, from there to repaired
        // text, and from there to `Done`.
        loop {
            let found = match &mut self.backend {
                Backend::Fast => self.next_fast(diagnostics),
                Backend::QuickXml(_) => self.next_from_quick_xml(diagnostics),
                Backend::Done => return None,
            };
            match found {
                Ok(token) => {
                    self.report_broken(token.place(), diagnostics);
                    return Some(token);
                }
                Err(Stop::End) => {
                    self.backend = Backend::Done;
                    self.report_broken(self.text.len(), diagnostics);
                    return None;
                }
                Err(Stop::NeedsFallback(at)) => self.fall_back(at, diagnostics),
            }
        }
    }

    /// Changes from the fast path to quick-xml, or from quick-xml to repaired text.
    fn fall_back(&mut self, at: usize, diagnostics: &mut FrameDiagnostics) {
        let rest = self.text.get(at..).unwrap_or_default();
        let quick = match &self.backend {
            Backend::Fast => QuickXml::new(rest, at, None),
            Backend::QuickXml(quick) if quick.map.is_some() => {
                // The repair produced something that quick-xml cannot read: a bug, but no reason to lose the hosts that
                // follow.
                diagnostics
                    .add(DiagnosticCode::BrokenTag, at, || "markup that cannot be read".into());
                self.backend = Backend::Done;
                self.report_broken(self.text.len(), diagnostics);
                return;
            }
            _ => {
                let Repaired { text, map, broken, hidden, oversized } =
                    repair::repair(rest, self.caps, self.last, self.bump);
                (self.broken, self.hidden, self.oversized) = (broken, hidden, oversized);
                self.repaired_from = at;
                QuickXml::new(text, at, Some(map))
            }
        };
        self.backend = Backend::QuickXml(Box::new(quick));
    }

    /// Returns true if part of the last start tag, at this position, could not be read.
    pub(super) fn is_damaged(&self, at: usize) -> bool {
        self.damaged == Some(at)
    }

    /// Reports markup that was dropped in the last token, at position `token`, and before the next one. Markup after
    /// that may be read again with other bytes.
    #[inline]
    fn report_broken(&mut self, token: usize, diagnostics: &mut FrameDiagnostics) {
        let lists = [&self.broken, &self.hidden, &self.oversized];
        if lists.iter().any(|list| list.first().is_some()) {
            self.report_passed(token, diagnostics);
        }
    }

    fn report_passed(&mut self, token: usize, diagnostics: &mut FrameDiagnostics) {
        let (from, place) = (self.repaired_from, self.place());
        while let Some(at) = self.broken.pop_before(place.saturating_sub(from)) {
            let at = from.saturating_add(at);
            if at == token {
                self.damaged = Some(at);
            }
            let shown = repair::beginning(self.text, at);
            diagnostics
                .add(DiagnosticCode::BrokenTag, at, || format!("{:?} dropped", shorten(shown)));
        }
        while let Some(at) = self.hidden.pop_before(place.saturating_sub(from)) {
            diagnostics.hidden(from.saturating_add(at), 1);
        }
        while let Some(at) = self.oversized.pop_before(place.saturating_sub(from)) {
            let at = from.saturating_add(at);
            if at == token {
                self.too_long = Some(at);
                continue;
            }
            // As the framer does between hosts.
            let tag = self.text.get(at.saturating_add(1)..).unwrap_or_default();
            let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '>' | '<');
            let name = tag.split(ends).next().unwrap_or_default();
            diagnostics.add(DiagnosticCode::Limit, at, || oversized_tag(shorten(name)));
        }
    }

    fn begin_attributes(&mut self) {
        self.attributes.clear();
        self.seen = 0;
    }

    /// Keeps an attribute with a known name. Returns its name if the tag already has it.
    #[inline]
    fn keep(&mut self, attr: Attr<'f>) -> Option<Attribute> {
        let bit = attr.id.bit();
        if self.seen & bit != 0 {
            return Some(attr.id);
        }
        self.seen |= bit;
        self.attributes.push(attr);
        None
    }

    #[inline]
    fn report_tag(
        &mut self,
        at: usize,
        len: usize,
        (count, duplicate): (usize, Option<Attribute>),
        diagnostics: &mut FrameDiagnostics,
    ) {
        if duplicate.is_some() || count > self.caps.attributes || len > self.caps.tag {
            self.report_odd_tag(at, len, (count, duplicate), diagnostics);
        }
    }

    #[cold]
    fn report_odd_tag(
        &mut self,
        at: usize,
        len: usize,
        (count, duplicate): (usize, Option<Attribute>),
        diagnostics: &mut FrameDiagnostics,
    ) {
        if let Some(id) = duplicate {
            diagnostics.add(DiagnosticCode::DupAttr, at, || {
                format!("attribute {} twice in one tag", id.name())
            });
        }
        if count > self.caps.attributes {
            let cap = self.caps.attributes;
            diagnostics.add(DiagnosticCode::Limit, at, || {
                format!("a tag of {count} attributes; the first {cap} count")
            });
        }
        if len > self.caps.tag {
            self.begin_attributes();
            self.too_long = Some(at);
        }
    }

    /// Returns true if the last start tag, at this position, exceeds the limit; its element is then dropped.
    pub(super) fn is_too_long(&self, at: usize) -> bool {
        self.too_long == Some(at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::xml::diagnostics::DocumentDiagnostics;

    const CAPS: TagCaps = TagCaps { tag: 1 << 20, attributes: 256, markup: 1 << 20 };

    /// Returns all tokens with their attributes, and the codes of the warnings.
    fn all(mut tokens: Tokens<'_>) -> Vec<String> {
        let mut diagnostics = FrameDiagnostics::new(8);
        let mut found = Vec::new();
        while let Some(token) = tokens.next(&mut diagnostics) {
            let attributes = match token {
                Token::Start { .. } => tokens.attributes(),
                _ => &[],
            };
            found.push(format!("{token:?} {attributes:?}"));
        }
        let mut document_diagnostics = DocumentDiagnostics::new(8);
        document_diagnostics.take(&mut diagnostics, |_| crate::error::Position::default());
        found.extend(
            document_diagnostics.finish().iter().map(|d| format!("{} {}", d.code, d.count)),
        );
        found
    }

    fn assert_both_ways_agree(text: &str, last: bool) {
        let bump = Bump::new();
        let fast = all(Tokens::new(text, &bump, CAPS, last));
        let quick = all(Tokens::by_quick_xml(text, &bump, CAPS, last));
        assert_eq!(fast, quick, "{text}");
    }

    /// Returns the fixtures as text.
    fn fixtures() -> Vec<String> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
        let mut texts: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "xml"))
            .map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned())
            .collect();
        texts.sort_unstable();
        assert!(texts.len() > 40);
        texts
    }

    #[test]
    fn the_fast_path_and_quick_xml_agree_on_fixtures_and_their_cuts() {
        for text in fixtures() {
            for last in [false, true] {
                assert_both_ways_agree(&text, last);
            }
            let step = (text.len() / 40).max(1);
            for cut in (0..text.len()).step_by(step).filter(|cut| text.is_char_boundary(*cut)) {
                assert_both_ways_agree(&text[..cut], true);
            }
        }
    }

    #[test]
    fn the_fast_path_and_quick_xml_agree_on_odd_markup() {
        for text in [
            "<a b='c' d=\"e'f\"/><g >x</g ><h\n i = \"j\"\t/>",
            "<a b=\"1\"c=\"2\"/><d><!-- <e> --><f/><![CDATA[<g>]]></d><?h <i> ?>",
            "<port protocol=\"tcp\" portid=\"80><state/><host a=\"b",
            "a & b &amp; &#x41; < c > <d e=f g/>",
            "<a b=\"&#10;\u{fc}\" b=\"2\">&x;</a><-/></>",
            "<a b=\"<!-- \"/><c/> --> <d <![CDATA[ ]]><e/><?f <g/> ?><h i='<?j ?>'/><k/>",
            "<!-- <host > --><a <!-- <b/> <nmaprun> --><![CDATA[<host/> <hosts>]]>",
            "\u{feff}<a/>\u{feff}<b c=\"\u{feff}\"/>\u{feff}&amp;\u{feff}<c <d/>\u{feff}<e/>\u{feff}",
            "\u{feff}\n<",
        ] {
            assert_both_ways_agree(text, false);
            assert_both_ways_agree(text, true);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn the_fast_path_and_quick_xml_agree_on_damage(
            pick in 0_usize..50,
            place in 0.0_f64..1.0,
            what in "[<>\"'=/ !?&a-z\\-\\[\\]]{0,6}",
            gone in 0_usize..6,
        ) {
            let texts = fixtures();
            let text = &texts[pick % texts.len()];
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss,
                clippy::cast_precision_loss, reason = "a place in the text")]
            let mut at = (text.len() as f64 * place) as usize;
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let mut end = (at + gone).min(text.len());
            while !text.is_char_boundary(end) {
                end += 1;
            }
            assert_both_ways_agree(&format!("{}{what}{}", &text[..at], &text[end..]), false);
        }
    }
}
