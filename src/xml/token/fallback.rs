//! Tokens by quick-xml, for well-formed or repaired markup.

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{
    super::{
        diagnostics::FrameDiagnostics,
        lex::{hidden, is_blank, is_name_or_beyond, starts_name},
        names::Attribute,
        offset_map::OffsetMap,
        special_bytes::is_special,
    },
    Attr, Backend, Name, Stop, Token, Tokens,
};

/// quick-xml reader on a part of a frame.
pub(super) struct QuickXml<'f> {
    reader: Reader<&'f [u8]>,
    /// Position in the source at which the reader's input begins.
    read_from: usize,
    source: &'f str,
    /// Position of the source in the frame.
    base: usize,
    /// For a repaired source, the map from its positions to those of the frame, relative to `base`.
    pub(super) map: Option<OffsetMap>,
}

impl<'f> Tokens<'f> {
    pub(super) fn next_from_quick_xml(
        &mut self,
        diagnostics: &mut FrameDiagnostics,
    ) -> Result<Token<'f>, Stop> {
        let Backend::QuickXml(quick) = &mut self.backend else { return Err(Stop::End) };
        loop {
            let start = quick.position();
            let at = quick.place(start);
            let source = quick.source;
            let tail = source.get(start..).unwrap_or_default();
            if tail.is_empty() {
                return Err(Stop::End);
            }
            // quick-xml reports references as separate events; here text extends to the next `<`.
            let text = memchr::memchr(b'<', tail.as_bytes()).unwrap_or(tail.len());
            if let Some(raw) = tail.get(..text).filter(|raw| !raw.is_empty()) {
                quick.go_to(start.saturating_add(text));
                return Ok(Token::Text { raw, at });
            }
            let Ok(event) = quick.reader.read_event() else { return Err(Stop::NeedsFallback(at)) };
            let end = quick.position();
            debug_assert!(end > start, "quick-xml makes no progress at {at}");
            let written = source.get(start..end).unwrap_or_default();
            match event {
                Event::Start(_) | Event::Empty(_) => {
                    return self.quick_xml_start((start, written), at, diagnostics);
                }
                Event::End(_) => {
                    let name = written.get(2..written.len().saturating_sub(1)).unwrap_or_default();
                    let name = name.trim_end_matches([' ', '\t', '\r', '\n']);
                    let plain = name.bytes().next().is_some_and(starts_name)
                        && name.bytes().all(is_name_or_beyond);
                    if !plain || (quick.map.is_none() && written.len() > self.caps.tag) {
                        return Err(Stop::NeedsFallback(at));
                    }
                    return Ok(Token::End { name: Name::of(name), at });
                }
                Event::CData(_) if written.len() <= self.caps.markup => {
                    report_hidden(written, at, diagnostics);
                    let raw = written.get(9..written.len().saturating_sub(3)).unwrap_or_default();
                    return Ok(Token::Cdata { raw, at: at.saturating_add(9) });
                }
                // The shortest comment has seven bytes: its end shares none with the opener.
                Event::Comment(_) if (7..=self.caps.markup).contains(&written.len()) => {
                    report_hidden(written, at, diagnostics);
                }
                Event::PI(_) | Event::Decl(_)
                    if (4..=self.caps.markup).contains(&written.len())
                        && memchr::memrchr(b'<', written.as_bytes()) == Some(0) => {}
                Event::Eof => return Err(Stop::End),
                _ => return Err(Stop::NeedsFallback(at)),
            }
        }
    }

    fn quick_xml_start(
        &mut self,
        (start, written): (usize, &'f str),
        at: usize,
        diagnostics: &mut FrameDiagnostics,
    ) -> Result<Token<'f>, Stop> {
        let Backend::QuickXml(quick) = &self.backend else { return Err(Stop::End) };
        // Repaired tags may be longer or shorter than they were.
        let tag_len = if quick.map.is_some() { 0 } else { written.len() };
        let inner = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
        let empty = inner.ends_with('/');
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let len = inner.bytes().position(|b| !is_name_or_beyond(b)).unwrap_or(inner.len());
        let (name, rest) = inner.split_at_checked(len).unwrap_or((inner, ""));
        let good_name = name.bytes().next().is_some_and(starts_name)
            && rest.bytes().next().is_none_or(is_blank);
        if !good_name || memchr::memchr(b'<', inner.as_bytes()).is_some() {
            return Err(Stop::NeedsFallback(at));
        }
        let mut found = Vec::new();
        let mut count = 0_usize;
        let tag = BytesStart::from_content(inner, len);
        let mut attributes = tag.attributes();
        for attribute in attributes.with_checks(false) {
            let Ok(attribute) = attribute else { return Err(Stop::NeedsFallback(at)) };
            let key = attribute.key.as_ref();
            if !key.bytes().next().is_some_and(starts_name) || !key.bytes().all(is_name_or_beyond) {
                return Err(Stop::NeedsFallback(at));
            }
            count = count.saturating_add(1);
            if count > self.caps.attributes {
                continue;
            }
            // Values are slices of `inner`: the offset recovers their lifetime.
            let value = attribute.value.as_ref();
            let offset = value.as_ptr().addr().saturating_sub(inner.as_ptr().addr());
            let raw = inner.get(offset..offset.saturating_add(value.len())).unwrap_or_default();
            let place = quick.place(start.saturating_add(1).saturating_add(offset));
            found.extend(Attribute::from_name(key.as_bytes()).map(|id| Attr {
                id,
                raw,
                at: place,
                special: is_special(raw.as_bytes()),
            }));
        }
        self.begin_attributes();
        let mut duplicate = None;
        for attr in found {
            duplicate = duplicate.or(self.keep(attr));
        }
        self.report_tag(at, tag_len, (count, duplicate), diagnostics);
        Ok(Token::Start { name: Name::of(name), empty, at })
    }
}

/// Counts hosts and scans in a comment or CDATA section at this position, which is unchanged by the repair.
fn report_hidden(written: &str, at: usize, diagnostics: &mut FrameDiagnostics) {
    for place in hidden(written.as_bytes()) {
        diagnostics.hidden(at.saturating_add(place), 1);
    }
}

impl<'f> QuickXml<'f> {
    pub(super) fn new(source: &'f str, base: usize, map: Option<OffsetMap>) -> Self {
        Self { reader: reader(source), read_from: 0, source, base, map }
    }

    /// Returns the position of the reader in the source.
    pub(super) fn position(&self) -> usize {
        let read = usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX);
        self.read_from.saturating_add(read)
    }

    /// Maps a position in the source to a position in the frame.
    pub(super) fn place(&self, position: usize) -> usize {
        let position = self.map.as_ref().map_or(position, |map| map.source(position));
        self.base.saturating_add(position)
    }

    /// Continues at a position, which is that of a `<` or the end.
    fn go_to(&mut self, place: usize) {
        self.reader = reader(self.source.get(place..).unwrap_or_default());
        self.read_from = place;
    }
}

fn reader(source: &str) -> Reader<&[u8]> {
    let mut reader = Reader::from_str(source);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    reader
}
