//! Fast path of the tokenizer: zero-copy parsing of exactly what nmap writes. Anything else is handed over to
//! quick-xml.

use super::{
    super::{
        diagnostics::FrameDiagnostics,
        lex::{is_name, starts_name},
        names::{Attribute, Element, Key},
        special_bytes::is_special,
    },
    Attr, Name, Stop, Token, Tokens,
    predictor::{self, AttributePredictor},
};
use crate::text::search::{below_at_sign_mask, bytes_before, equal_mask, first_match, words};

impl<'f> Tokens<'f> {
    #[inline]
    pub(super) fn next_fast(
        &mut self,
        diagnostics: &mut FrameDiagnostics,
    ) -> Result<Token<'f>, Stop> {
        let at = self.at;
        let bytes = self.text.as_bytes();
        match bytes.get(at) {
            None => Err(Stop::End),
            Some(b'<') => match bytes.get(at.saturating_add(1)) {
                Some(b'/') => self.fast_end(at),
                Some(b'a'..=b'z') => self.fast_start(at, diagnostics),
                _ => Err(Stop::NeedsFallback(at)),
            },
            Some(_) => {
                let tail = bytes.get(at..).unwrap_or_default();
                let end = at.saturating_add(text_end(tail));
                self.at = end;
                Ok(Token::Text { raw: self.text.get(at..end).unwrap_or_default(), at })
            }
        }
    }

    #[inline]
    fn fast_end(&mut self, at: usize) -> Result<Token<'f>, Stop> {
        let start = at.wrapping_add(2);
        let tail = self.text.as_bytes().get(start..).unwrap_or_default();
        let known = predictor::end(self.opened, tail).or_else(|| {
            let key = name_key(tail, |word| equal_mask(word, b'>'))?;
            Some((Element::of_key(key)?, key.len))
        });
        if let Some((el, len)) = known
            && len <= self.longest_end
        {
            self.at = start.wrapping_add(len).wrapping_add(1);
            return Ok(Token::End { name: Name::Known(el), at });
        }
        let len = tail.iter().position(|b| !is_name(*b)).unwrap_or(tail.len());
        let named = tail.first().is_some_and(|b| starts_name(*b));
        if !named || tail.get(len) != Some(&b'>') || len > self.longest_end {
            return Err(Stop::NeedsFallback(at));
        }
        let end = start.saturating_add(len);
        self.at = end.saturating_add(1);
        let name = self.text.get(start..end).unwrap_or_default();
        Ok(Token::End { name: Name::of(name), at })
    }

    #[inline]
    fn fast_start(
        &mut self,
        at: usize,
        diagnostics: &mut FrameDiagnostics,
    ) -> Result<Token<'f>, Stop> {
        let text = self.text;
        let bytes = text.as_bytes();
        let fallback = Stop::NeedsFallback(at);
        let start = at.wrapping_add(1);
        let guessed = predictor::element(self.before, bytes.get(start..).unwrap_or_default());
        let found = match guessed {
            Some((el, len)) => Some((Name::Known(el), start.wrapping_add(len))),
            None => element_name(text, start),
        };
        let Some((name, mut here)) = found else { return Err(fallback) };
        self.before = name.known();
        self.begin_attributes();
        let mut predictor = AttributePredictor::new(name.known());
        let mut duplicate = None;
        let mut count = 0_usize;
        let empty = loop {
            match bytes.get(here) {
                Some(b'>') => break false,
                Some(b'/') if bytes.get(here.wrapping_add(1)) == Some(&b'>') => {
                    here = here.wrapping_add(1);
                    break true;
                }
                Some(b' ' | b'\n' | b'\t' | b'\r') => {
                    let next = here.wrapping_add(1);
                    let guessed = predictor.opener(bytes.get(here..).unwrap_or_default());
                    let opener = if let Some((id, len)) = guessed {
                        Some((Some(id), here.wrapping_add(len)))
                    } else if matches!(bytes.get(next), Some(b'a'..=b'z' | b'A'..=b'Z' | b'_')) {
                        opener(bytes, next)
                    } else {
                        here = next;
                        continue;
                    };
                    let Some((attr, end)) = opener.and_then(|opener| attribute(text, opener))
                    else {
                        return Err(fallback);
                    };
                    count = count.wrapping_add(1);
                    here = end;
                    if count <= self.caps.attributes
                        && let Some(attr) = attr
                    {
                        predictor.advance(attr.id);
                        duplicate = duplicate.or(self.keep(attr));
                    }
                }
                _ => return Err(fallback),
            }
        };
        let end = here.wrapping_add(1);
        if !empty {
            self.opened = name.known();
        }
        self.at = end;
        self.report_tag(at, end.wrapping_sub(at), (count, duplicate), diagnostics);
        Ok(Token::Start { name, empty, at })
    }
}

/// Returns the length of the text before the next tag.
#[inline]
fn text_end(tail: &[u8]) -> usize {
    // Usually a line end between two tags.
    if tail.get(1) == Some(&b'<') {
        return 1;
    }
    memchr::memchr(b'<', tail).unwrap_or(tail.len())
}

/// Returns the key of the bytes before the first one that `ends` marks, if there are less than 16 and at least 16 bytes
/// are left.
#[inline]
fn name_key(tail: &[u8], ends: impl Fn(u64) -> u64) -> Option<Key> {
    let (first, rest) = tail.split_first_chunk::<8>()?;
    let low = u64::from_le_bytes(*first);
    let marks = ends(low);
    if marks != 0 {
        let words = [bytes_before(low, marks), 0];
        return Some(Key { words, len: first_match(marks) });
    }
    let high = u64::from_le_bytes(*rest.first_chunk::<8>()?);
    let marks = ends(high);
    let words = [low, bytes_before(high, marks)];
    (marks != 0).then(|| Key { words, len: first_match(marks).wrapping_add(8) })
}

/// Returns the element whose name is at the start of `tail` and ends as nmap ends names, and the length of the
/// name.
#[inline]
fn known_element(tail: &[u8]) -> Option<(Element, usize)> {
    // In nmap's output, all bytes but letters are below 0x40.
    let key = name_key(tail, below_at_sign_mask)?;
    let el = Element::of_key(key)?;
    matches!(tail.get(key.len), Some(b' ' | b'>' | b'/')).then_some((el, key.len))
}

/// Returns true if `tag`, which starts after its `<`, belongs to an element that a host may contain, other than
/// `host`. Returns `None` if more bytes are needed to decide.
#[inline]
pub(in super::super) fn is_inside_host(tag: &[u8]) -> Option<bool> {
    let name = tag.strip_prefix(b"/").unwrap_or(tag);
    match known_element(name) {
        Some((el, _)) => Some(el.is_inside_host()),
        None => names_inside_host(name),
    }
}

/// Returns true if `name` is that of an element inside of hosts, whatever ends the name.
#[cold]
fn names_inside_host(name: &[u8]) -> Option<bool> {
    let head = name.get(..=Key::LONGEST).unwrap_or(name);
    match head.iter().position(|byte| !is_name(*byte)) {
        Some(len) => {
            let el = Element::from_name(head.get(..len).unwrap_or_default());
            Some(el.is_some_and(Element::is_inside_host))
        }
        None => (head.len() > Key::LONGEST).then_some(false),
    }
}

/// Returns the element's name at a position, and the position after it.
#[inline]
fn element_name(text: &str, start: usize) -> Option<(Name<'_>, usize)> {
    let tail = text.as_bytes().get(start..)?;
    if let Some((el, len)) = known_element(tail) {
        return Some((Name::Known(el), start.wrapping_add(len)));
    }
    let end = name_end(text.as_bytes(), start)?;
    Some((Name::of(text.get(start..end)?), end))
}

/// Returns the attribute whose name begins at `at`, if it is known, and the position after its `="`. Returns `None` if
/// it is written in any other way.
#[inline]
fn opener(bytes: &[u8], at: usize) -> Option<(Option<Attribute>, usize)> {
    let quick = name_key(bytes.get(at..)?, |word| equal_mask(word, b'='));
    let known = quick.and_then(|key| Some((Attribute::of_key(key)?, at.wrapping_add(key.len))));
    let (id, name_end) = if let Some((id, end)) = known {
        (Some(id), end)
    } else {
        let end = name_end(bytes, at)?;
        (Attribute::from_name(bytes.get(at..end)?), end)
    };
    let quote = name_end.wrapping_add(1);
    let opened = bytes.get(name_end) == Some(&b'=') && bytes.get(quote) == Some(&b'"');
    opened.then_some((id, quote.wrapping_add(1)))
}

/// Reads a value that begins at `start`. Returns the attribute, if its name is known, and the position after the value.
#[inline]
fn attribute(
    text: &str,
    (id, start): (Option<Attribute>, usize),
) -> Option<(Option<Attr<'_>>, usize)> {
    let (len, special) = value_end(text.as_bytes().get(start..)?)?;
    let end = start.wrapping_add(len);
    let attr = id.and_then(|id| Some(Attr { id, raw: text.get(start..end)?, at: start, special }));
    Some((attr, end.wrapping_add(1)))
}

/// Returns the length of the value up to its closing quote, and true if it is special. Returns `None` if a `<` or the
/// end comes first.
#[inline]
fn value_end(tail: &[u8]) -> Option<(usize, bool)> {
    /// Length from which memchr is faster.
    const SHORT: usize = 3;
    let mut len = 0_usize;
    for word in words(tail).0.take(SHORT) {
        let marks = value_marks(word);
        if marks != 0 {
            len = len.wrapping_add(first_match(marks));
            if tail.get(len) == Some(&b'"') {
                return Some((len, false));
            }
            // The lowest mark is reliable, so the value is special from here.
            let more = memchr::memchr2(b'"', b'<', tail.get(len..)?)?;
            let end = len.wrapping_add(more);
            return (tail.get(end) == Some(&b'"')).then_some((end, true));
        }
        len = len.wrapping_add(size_of_val(&word));
    }
    let rest = tail.get(len..)?;
    let more = memchr::memchr2(b'"', b'<', rest)?;
    let quoted = rest.get(more) == Some(&b'"');
    quoted.then_some((len.wrapping_add(more), is_special(rest.get(..more)?)))
}

/// Marks the bytes that end a value or make it special: `"` and `&`, which differ in one bit, `<`, control characters,
/// and bytes from 0x7f.
#[inline]
const fn value_marks(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let quotes = (word & !(ONES * 0x04)) ^ (ONES * 0x22);
    let less = word ^ (ONES * 0x3c);
    // A byte that is zero or below a blank borrows, and one of 0x7f carries; where these marks are wrong the top bit is
    // set already. Their effect on bytes above a marked one does not matter.
    let borrows =
        quotes.wrapping_sub(ONES) | less.wrapping_sub(ONES) | word.wrapping_sub(ONES * 0x20);
    (borrows | word | word.wrapping_add(ONES)) & (ONES * 0x80)
}

#[inline]
fn name_end(bytes: &[u8], from: usize) -> Option<usize> {
    let tail = bytes.get(from..)?;
    Some(from.saturating_add(tail.iter().position(|b| !is_name(*b))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_marked_correctly() {
        for byte in 0..=u8::MAX {
            let marked = value_marks(u64::from_le_bytes([b'x', byte, 0, 0xff, b'&', b'"', 0, 1]));
            let due = matches!(byte, b'"' | b'&' | b'<' | 0..0x20 | 0x7f..);
            assert_eq!(first_match(marked), if due { 1 } else { 2 }, "{byte}");
        }
    }
}
