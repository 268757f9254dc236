//! Tokens of a piece of the input. A fast path reads what nmap writes; at the first markup that is
//! written in any other way the rest of the piece goes to quick-xml, and what quick-xml cannot read, or
//! what breaks rule R3, is repaired first. All three give the same tokens for the same markup.

use bumpalo::Bump;
use quick_xml::{Reader, events::Event};

use super::{
    lex::is_blank,
    names::{At, El},
    notes::{Notes, shorten},
    repair::{self, Repaired},
    text::{PlaceMap, special_byte},
};
use crate::error::Code;

/// A token; its places are those of the piece's text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'f> {
    /// A start tag; its attributes are in [`Tokens::attributes`].
    Start { name: Name<'f>, empty: bool, at: usize },
    /// An end tag.
    End { name: Name<'f>, at: usize },
    /// Text between tags, references not resolved.
    Text { raw: &'f str, at: usize },
    /// What a CDATA section holds.
    Cdata { raw: &'f str, at: usize },
}

/// An element's name, known or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name<'f> {
    Known(El),
    Unknown(&'f str),
}

impl<'f> Name<'f> {
    #[inline]
    fn of(name: &'f str) -> Self {
        El::from_name(name.as_bytes()).map_or(Self::Unknown(name), Self::Known)
    }

    /// The name as written.
    pub(super) fn as_str(self) -> &'f str {
        match self {
            Self::Known(el) => el.name(),
            Self::Unknown(name) => name,
        }
    }
}

/// An attribute of known name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Attr<'f> {
    pub(super) id: At,
    /// The value, references not resolved.
    pub(super) raw: &'f str,
    /// Place of the value.
    pub(super) at: usize,
    /// Whether the value is anything but printable ASCII without `&`.
    pub(super) special: bool,
}

/// Caps on tags (rule R10).
#[derive(Debug, Clone, Copy)]
pub(super) struct TagCaps {
    pub(super) tag: usize,
    pub(super) attributes: usize,
    pub(super) markup: usize,
}

/// Reads the tokens of one piece.
pub(super) struct Tokens<'f> {
    text: &'f str,
    bump: &'f Bump,
    caps: TagCaps,
    /// Whether the input ends where the piece ends.
    last: bool,
    way: Way<'f>,
    attributes: Vec<Attr<'f>>,
    seen: u128,
}

enum Way<'f> {
    /// Place of the next token.
    Fast(usize),
    /// quick-xml on what begins at a place of the piece.
    Quick(Box<Quick<'f>>),
    Done,
}

struct Quick<'f> {
    reader: Reader<&'f [u8]>,
    source: &'f str,
    /// Place of the source in the piece.
    base: usize,
    /// If the source was repaired: from its places to those of the piece behind `base`.
    map: Option<PlaceMap>,
}

/// Why a way cannot give the next token.
enum Stop {
    End,
    /// Markup at this place is not for this way.
    Irregular(usize),
}

impl<'f> Tokens<'f> {
    pub(super) fn new(text: &'f str, bump: &'f Bump, caps: TagCaps, last: bool) -> Self {
        Self {
            text,
            bump,
            caps,
            last,
            way: Way::Fast(0),
            attributes: Vec::with_capacity(16),
            seen: 0,
        }
    }

    /// The same tokens without the fast path, for tests and benches of that claim.
    pub(super) fn by_quick_xml(text: &'f str, bump: &'f Bump, caps: TagCaps, last: bool) -> Self {
        let mut tokens = Self::new(text, bump, caps, last);
        tokens.way = Way::Quick(Box::new(Quick::new(text, 0, None)));
        tokens
    }

    /// The attributes of the last start tag; the first of two with one name counts (rule R11).
    pub(super) fn attributes(&self) -> &[Attr<'f>] {
        &self.attributes
    }

    /// Whether damage was met.
    pub(super) fn was_repaired(&self) -> bool {
        matches!(&self.way, Way::Quick(quick) if quick.map.is_some())
    }

    /// Place of the next token.
    pub(super) fn place(&self) -> usize {
        match &self.way {
            Way::Fast(at) => *at,
            Way::Quick(quick) => quick.place(quick.position()),
            Way::Done => self.text.len(),
        }
    }

    /// The next token; `None` at the end of the piece.
    #[inline]
    pub(super) fn next(&mut self, notes: &mut Notes) -> Option<Token<'f>> {
        loop {
            let found = match &mut self.way {
                Way::Fast(_) => self.next_fast(notes),
                Way::Quick(_) => self.next_quick(notes),
                Way::Done => return None,
            };
            match found {
                Ok(token) => return Some(token),
                Err(Stop::End) => {
                    self.way = Way::Done;
                    return None;
                }
                Err(Stop::Irregular(at)) => self.hand_over(at, notes),
            }
        }
    }

    /// Fast path to quick-xml, or quick-xml to the repair and then quick-xml again.
    fn hand_over(&mut self, at: usize, notes: &mut Notes) {
        let rest = self.text.get(at..).unwrap_or_default();
        let quick = match &self.way {
            Way::Fast(_) => Quick::new(rest, at, None),
            Way::Quick(quick) if quick.map.is_some() => {
                // The repair wrote something that quick-xml does not read: a bug, but no reason to
                // lose the hosts that follow.
                notes.add(Code::BrokenTag, at, || "markup that cannot be read".into());
                self.way = Way::Done;
                return;
            }
            _ => {
                let Repaired { text, map, broken } =
                    repair::repair(rest, self.caps.markup, self.last, self.bump);
                if let Some((first, detail)) = broken.first() {
                    let count = i64::try_from(broken.len()).unwrap_or(i64::MAX);
                    notes.add_many(Code::BrokenTag, at.saturating_add(*first), count, || {
                        format!("{:?} dropped", shorten(detail))
                    });
                }
                Quick::new(text, at, Some(map))
            }
        };
        self.way = Way::Quick(Box::new(quick));
    }

    fn next_fast(&mut self, notes: &mut Notes) -> Result<Token<'f>, Stop> {
        let Way::Fast(at) = self.way else { return Err(Stop::End) };
        let bytes = self.text.as_bytes();
        match bytes.get(at) {
            None => Err(Stop::End),
            Some(b'<') => match bytes.get(at.saturating_add(1)) {
                Some(b'/') => self.fast_end(at),
                Some(b'a'..=b'z') => self.fast_start(at, notes),
                _ => Err(Stop::Irregular(at)),
            },
            Some(_) => {
                let tail = bytes.get(at..).unwrap_or_default();
                let end = match memchr::memchr(b'<', tail) {
                    Some(len) => at.saturating_add(len),
                    None => bytes.len(),
                };
                self.way = Way::Fast(end);
                Ok(Token::Text { raw: self.text.get(at..end).unwrap_or_default(), at })
            }
        }
    }

    fn fast_end(&mut self, at: usize) -> Result<Token<'f>, Stop> {
        let start = at.saturating_add(2);
        let tail = self.text.as_bytes().get(start..).unwrap_or_default();
        let len = tail.iter().position(|b| !is_name(*b)).unwrap_or(tail.len());
        if len == 0 || tail.get(len) != Some(&b'>') {
            return Err(Stop::Irregular(at));
        }
        let end = start.saturating_add(len);
        self.way = Way::Fast(end.saturating_add(1));
        let name = self.text.get(start..end).unwrap_or_default();
        Ok(Token::End { name: Name::of(name), at })
    }

    fn fast_start(&mut self, at: usize, notes: &mut Notes) -> Result<Token<'f>, Stop> {
        let bytes = self.text.as_bytes();
        let irregular = Stop::Irregular(at);
        let start = at.saturating_add(1);
        let Some(mut here) = name_end(bytes, start) else { return Err(irregular) };
        let name = Name::of(self.text.get(start..here).unwrap_or_default());
        self.begin_attributes();
        let mut duplicate = None;
        let mut count = 0_usize;
        let empty = loop {
            match bytes.get(here) {
                Some(b'>') => break false,
                Some(b'/') if bytes.get(here.saturating_add(1)) == Some(&b'>') => {
                    here = here.saturating_add(1);
                    break true;
                }
                Some(b' ' | b'\n' | b'\t' | b'\r') => here = here.saturating_add(1),
                Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') if is_blank(byte_before(bytes, here)) => {
                    let Some((attr, end)) = fast_attribute(self.text, here) else {
                        return Err(irregular);
                    };
                    count = count.saturating_add(1);
                    here = end;
                    if count <= self.caps.attributes {
                        duplicate = duplicate.or(self.keep(attr));
                    }
                }
                _ => return Err(irregular),
            }
        };
        let end = here.saturating_add(1);
        self.way = Way::Fast(end);
        self.note_tag(at, end.saturating_sub(at), (count, duplicate), notes);
        Ok(Token::Start { name, empty, at })
    }

    fn begin_attributes(&mut self) {
        self.attributes.clear();
        self.seen = 0;
    }

    /// Keeps an attribute of known name; gives it back if its name was there before.
    #[inline]
    fn keep(&mut self, attr: Option<Attr<'f>>) -> Option<At> {
        let attr = attr?;
        let bit = attr.id.bit();
        if self.seen & bit != 0 {
            return Some(attr.id);
        }
        self.seen |= bit;
        self.attributes.push(attr);
        None
    }

    #[inline]
    fn note_tag(
        &mut self,
        at: usize,
        len: usize,
        (count, duplicate): (usize, Option<At>),
        notes: &mut Notes,
    ) {
        if let Some(id) = duplicate {
            notes.add(Code::DupAttr, at, || format!("attribute {} twice in one tag", id.name()));
        }
        if count > self.caps.attributes {
            let cap = self.caps.attributes;
            notes.add(Code::Limit, at, || {
                format!("a tag of {count} attributes; the first {cap} count")
            });
        }
        if len > self.caps.tag {
            self.begin_attributes();
        }
    }

    /// Whether a start tag of this length is beyond the cap: then its element is dropped.
    pub(super) fn too_long(&self, at: usize) -> bool {
        self.place().saturating_sub(at) > self.caps.tag
    }

    fn next_quick(&mut self, notes: &mut Notes) -> Result<Token<'f>, Stop> {
        let Way::Quick(quick) = &mut self.way else { return Err(Stop::End) };
        loop {
            let start = quick.position();
            let at = quick.place(start);
            let Ok(event) = quick.reader.read_event() else { return Err(Stop::Irregular(at)) };
            let end = quick.position();
            let source = quick.source;
            let written = source.get(start..end).unwrap_or_default();
            match event {
                Event::Start(_) | Event::Empty(_) => {
                    return self.quick_start((start, written), at, notes);
                }
                Event::End(_) => {
                    let name = written.get(2..written.len().saturating_sub(1)).unwrap_or_default();
                    let name = name.trim_end_matches([' ', '\t', '\r', '\n']);
                    let plain = !name.is_empty() && name.bytes().all(is_name_or_beyond);
                    if !plain || written.len() > self.caps.tag {
                        return Err(Stop::Irregular(at));
                    }
                    return Ok(Token::End { name: Name::of(name), at });
                }
                Event::Text(_) | Event::GeneralRef(_) => {
                    // References are events of their own there; here text runs to the next `<`.
                    let tail = source.as_bytes().get(start..).unwrap_or_default();
                    let len = memchr::memchr(b'<', tail).unwrap_or(tail.len());
                    let stop = start.saturating_add(len);
                    quick.skip_to(stop);
                    let raw = source.get(start..stop).unwrap_or_default();
                    return Ok(Token::Text { raw, at });
                }
                Event::CData(_) if written.len() <= self.caps.markup => {
                    let raw = written.get(9..written.len().saturating_sub(3)).unwrap_or_default();
                    return Ok(Token::Cdata { raw, at: at.saturating_add(9) });
                }
                Event::Comment(_) | Event::PI(_) | Event::Decl(_)
                    if written.len() <= self.caps.markup => {}
                Event::Eof => return Err(Stop::End),
                _ => return Err(Stop::Irregular(at)),
            }
        }
    }

    fn quick_start(
        &mut self,
        (start, written): (usize, &'f str),
        at: usize,
        notes: &mut Notes,
    ) -> Result<Token<'f>, Stop> {
        let Way::Quick(quick) = &self.way else { return Err(Stop::End) };
        let inner = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
        let empty = inner.ends_with('/');
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let len = inner.bytes().position(|b| !is_name_or_beyond(b)).unwrap_or(inner.len());
        let (name, rest) = inner.split_at_checked(len).unwrap_or((inner, ""));
        let good_name = name.bytes().next().is_some_and(starts_name)
            && rest.bytes().next().is_none_or(is_blank);
        if !good_name || memchr::memchr(b'<', inner.as_bytes()).is_some() {
            return Err(Stop::Irregular(at));
        }
        let mut found = Vec::new();
        let mut count = 0_usize;
        let tag = quick_xml::events::BytesStart::from_content(inner, len);
        let mut attributes = tag.attributes();
        for attribute in attributes.with_checks(false) {
            let Ok(attribute) = attribute else { return Err(Stop::Irregular(at)) };
            let key = attribute.key.as_ref();
            if !key.bytes().next().is_some_and(starts_name) || !key.bytes().all(is_name_or_beyond) {
                return Err(Stop::Irregular(at));
            }
            count = count.saturating_add(1);
            if count > self.caps.attributes {
                continue;
            }
            // The values lie in `inner`: their places give them its life.
            let value = attribute.value.as_ref();
            let offset = value.as_ptr().addr().saturating_sub(inner.as_ptr().addr());
            let raw = inner.get(offset..offset.saturating_add(value.len())).unwrap_or_default();
            let place = quick.place(start.saturating_add(1).saturating_add(offset));
            let attr = At::from_name(key.as_bytes()).map(|id| Attr {
                id,
                raw,
                at: place,
                special: raw.bytes().any(special_byte),
            });
            found.push(attr);
        }
        self.begin_attributes();
        let mut duplicate = None;
        for attr in found {
            duplicate = duplicate.or(self.keep(attr));
        }
        self.note_tag(at, written.len(), (count, duplicate), notes);
        Ok(Token::Start { name: Name::of(name), empty, at })
    }
}

impl<'f> Quick<'f> {
    fn new(source: &'f str, base: usize, map: Option<PlaceMap>) -> Self {
        let mut reader = Reader::from_str(source);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        Self { reader, source, base, map }
    }

    /// Place of the reader in the source.
    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// Place in the piece of a place in the source.
    fn place(&self, position: usize) -> usize {
        let position = self.map.as_ref().map_or(position, |map| map.source(position));
        self.base.saturating_add(position)
    }

    /// Goes on at a place behind the reader's, which is that of a `<` or the end.
    fn skip_to(&mut self, stop: usize) {
        while self.position() < stop {
            if self.reader.read_event().is_err() {
                break;
            }
        }
    }
}

/// Reads ` name="value"` whose name begins at `at`; gives the attribute, if its name is known, and the
/// place behind it. `None` if it is written in any other way.
#[inline]
fn fast_attribute(text: &str, at: usize) -> Option<(Option<Attr<'_>>, usize)> {
    let bytes = text.as_bytes();
    let name_end = name_end(bytes, at)?;
    let quote = name_end.saturating_add(1);
    if bytes.get(name_end) != Some(&b'=') || bytes.get(quote) != Some(&b'"') {
        return None;
    }
    let start = quote.saturating_add(1);
    let (len, special) = value_end(bytes.get(start..)?)?;
    let end = start.saturating_add(len);
    let attr = At::from_name(bytes.get(at..name_end)?)
        .and_then(|id| Some(Attr { id, raw: text.get(start..end)?, at: start, special }));
    Some((attr, end.saturating_add(1)))
}

/// Length of the value up to its closing quote, and whether it is special; `None` if a `<` or the end
/// comes first.
#[inline]
fn value_end(tail: &[u8]) -> Option<(usize, bool)> {
    const SHORT: usize = 24;
    let mut special = false;
    for (len, byte) in tail.iter().take(SHORT).enumerate() {
        match byte {
            b'"' => return Some((len, special)),
            b'<' => return None,
            _ => special |= special_byte(*byte),
        }
    }
    let rest = tail.get(SHORT..)?;
    let len = memchr::memchr2(b'"', b'<', rest)?;
    if rest.get(len) == Some(&b'<') {
        return None;
    }
    special |= super::text::is_special(rest.get(..len)?);
    Some((len.saturating_add(SHORT), special))
}

#[inline]
fn name_end(bytes: &[u8], from: usize) -> Option<usize> {
    let tail = bytes.get(from..)?;
    Some(from.saturating_add(tail.iter().position(|b| !is_name(*b))?))
}

fn byte_before(bytes: &[u8], at: usize) -> u8 {
    at.checked_sub(1).and_then(|i| bytes.get(i)).copied().unwrap_or_default()
}

/// A byte of the names that nmap writes.
#[inline]
const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A byte of any name that XML allows, told roughly: no blank, no markup.
pub(super) const fn is_name_or_beyond(byte: u8) -> bool {
    is_name(byte) || matches!(byte, b'-' | b'.' | b':') || byte >= 0x80
}

/// A byte that a name begins with.
pub(super) const fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':') || byte >= 0x80
}
