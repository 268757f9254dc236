//! The fast path: what nmap really writes, zero-copy. Anything else is handed over.

use super::{
    super::{
        lex::is_blank,
        names::At,
        notes::Notes,
        text::{is_special, special_marks},
    },
    Attr, Name, Stop, Token, Tokens, Way, is_name, starts_name,
};
use crate::bytes::{self, below, equal};

impl<'f> Tokens<'f> {
    #[inline]
    pub(super) fn next_fast(&mut self, notes: &mut Notes) -> Result<Token<'f>, Stop> {
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
        let named = tail.first().is_some_and(|b| starts_name(*b));
        if !named || tail.get(len) != Some(&b'>') {
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
    /// Beyond these memchr is faster.
    const SHORT: usize = 4;
    let mut special = 0;
    let mut len = 0_usize;
    for word in bytes::words(tail).0.take(SHORT) {
        let ends = equal(word, b'"') | equal(word, b'<');
        special |= below(special_marks(word), ends);
        if ends != 0 {
            len = len.saturating_add(bytes::lowest(ends));
            return (tail.get(len) == Some(&b'"')).then_some((len, special != 0));
        }
        len = len.saturating_add(size_of_val(&word));
    }
    let rest = tail.get(len..)?;
    let more = memchr::memchr2(b'"', b'<', rest)?;
    let quoted = rest.get(more) == Some(&b'"');
    let special = special != 0 || is_special(rest.get(..more)?);
    quoted.then_some((len.saturating_add(more), special))
}

#[inline]
fn name_end(bytes: &[u8], from: usize) -> Option<usize> {
    let tail = bytes.get(from..)?;
    Some(from.saturating_add(tail.iter().position(|b| !is_name(*b))?))
}

fn byte_before(bytes: &[u8], at: usize) -> u8 {
    at.checked_sub(1).and_then(|i| bytes.get(i)).copied().unwrap_or_default()
}
