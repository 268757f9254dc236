//! Lexical repair (rules R3 and R8): rewrites damaged markup into markup that quick-xml can read, with a map back to
//! the original positions. It runs only from the position where the tokenizer found damage to the end of the frame.

use bumpalo::{Bump, collections::String};

use super::{
    lex::{
        End, MarkupKind, TagScanner, TerminatorCache, classify, hidden, is_blank,
        is_name_or_beyond, starts_name,
    },
    offset_map::{OffsetMap, OffsetQueue},
    token::TagCaps,
};

/// Repaired text.
pub(super) struct Repaired<'b> {
    pub(super) text: &'b str,
    /// Map from positions in `text` to positions in the source.
    pub(super) map: OffsetMap,
    /// Positions of dropped markup.
    pub(super) broken: OffsetQueue,
    /// Positions of hosts and scans in comments.
    pub(super) hidden: OffsetQueue,
    /// Positions of tags above the limit. Of a start tag the name remains, of an end tag nothing.
    pub(super) oversized: OffsetQueue,
}

/// Returns the beginning of the markup dropped at a position, for a message: at most its tag, so that it does not
/// depend on what was read together with it.
pub(super) fn beginning(source: &str, at: usize) -> &str {
    let rest = source.get(at..).unwrap_or_default();
    let within = |(i, c): &(usize, char)| *i < 40 && (*i == 0 || *c != '<');
    let end = rest.char_indices().take_while(within).find_map(|(i, c)| (c == '>').then_some(i));
    let end = end.map(|i| i.saturating_add(1));
    let short =
        rest.char_indices().take_while(within).last().map(|(i, c)| i.saturating_add(c.len_utf8()));
    rest.get(..end.or(short).unwrap_or_default()).unwrap_or_default().trim_end()
}

struct Repair<'t, 'b> {
    source: &'t str,
    caps: TagCaps,
    out: String<'b>,
    map: OffsetMap,
    broken: OffsetQueue,
    hidden: OffsetQueue,
    oversized: OffsetQueue,
}

/// Repairs the text: tags that a raw `<` or a lost quote breaks off are dropped, openers without an end are removed,
/// and malformed attributes are omitted. With `last` the input ends where the text ends, and a tag truncated there is
/// dropped without a warning (rule R2).
pub(super) fn repair<'b>(source: &str, caps: TagCaps, last: bool, bump: &'b Bump) -> Repaired<'b> {
    let mut this = Repair {
        source,
        caps,
        out: String::with_capacity_in(source.len(), bump),
        map: OffsetMap::default(),
        broken: OffsetQueue::default(),
        hidden: OffsetQueue::default(),
        oversized: OffsetQueue::default(),
    };
    let bytes = source.as_bytes();
    let mut terminators = TerminatorCache::default();
    let mut at = 0_usize;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(text) = memchr::memchr(b'<', rest) else {
            this.copy(at, bytes.len());
            break;
        };
        let start = at.saturating_add(text);
        this.copy(at, start);
        let tag = bytes.get(start..).unwrap_or_default();
        // If the text ends before the input does, a `<` follows.
        let mark = classify(tag, last);
        at = match mark {
            MarkupKind::Comment | MarkupKind::Cdata | MarkupKind::Declaration | MarkupKind::Pi => {
                let base = super::lex::to_u64(start);
                let end = terminators.end(mark, tag, base, caps.markup, true);
                this.pass(mark, start, end)
            }
            _ => this.pass_tag(mark, start, last),
        };
        debug_assert!(at > start, "the repair makes no progress at {start}");
        at = at.max(start.saturating_add(1));
    }
    let Repair { out, mut map, broken, hidden, oversized, .. } = this;
    map.push(out.len(), bytes.len());
    Repaired { text: out.into_bump_str(), map, broken, hidden, oversized }
}

impl Repair<'_, '_> {
    fn copy(&mut self, from: usize, to: usize) {
        self.map.push(self.out.len(), from);
        self.out.push_str(self.source.get(from..to).unwrap_or_default());
    }

    /// Passes a comment or similar markup with that end; the text of a CDATA section is kept. Returns the position
    /// after it.
    fn pass(&mut self, mark: MarkupKind, start: usize, end: End) -> usize {
        let len = match end {
            End::At(len) => len,
            End::Broken(len) => {
                self.drop_markup(start);
                return start.saturating_add(len);
            }
            _ => {
                self.drop_markup(start);
                return start.saturating_add(mark.opener());
            }
        };
        let end = start.saturating_add(len);
        if mark == MarkupKind::Cdata {
            self.copy(start, end);
        } else {
            for at in hidden(self.source.as_bytes().get(start..end).unwrap_or_default()) {
                self.hidden.push(start.saturating_add(at));
            }
        }
        end
    }

    /// Passes a tag, keeping its readable parts. Returns the position after it.
    fn pass_tag(&mut self, mark: MarkupKind, start: usize, last: bool) -> usize {
        let tag = self.source.as_bytes().get(start..).unwrap_or_default();
        match TagScanner::end_in_frame(tag) {
            End::At(len) => {
                let end = start.saturating_add(len);
                self.tag(start, end);
                end
            }
            End::Broken(len) => {
                self.drop_markup(start);
                self.keep_opening(start, mark);
                start.saturating_add(len)
            }
            _ => {
                if !last {
                    self.drop_markup(start);
                    self.keep_opening(start, mark);
                }
                self.source.len()
            }
        }
    }

    fn drop_markup(&mut self, at: usize) {
        self.broken.push(at);
    }

    /// Keeps the beginning of a host or scan, however damaged its tag is (rules R6 and R8).
    fn keep_opening(&mut self, at: usize, mark: MarkupKind) {
        let tag = match mark {
            MarkupKind::Host => "<host>",
            MarkupKind::Nmaprun => "<nmaprun>",
            _ => return,
        };
        self.map.push(self.out.len(), at);
        self.out.push_str(tag);
    }

    /// Copies a tag that ends with its `>`, without its unreadable parts.
    fn tag(&mut self, start: usize, end: usize) {
        let inner_end = end.saturating_sub(1);
        let is_end = self.source.as_bytes().get(start.saturating_add(1)) == Some(&b'/');
        let name_start = start.saturating_add(if is_end { 2 } else { 1 });
        let inner = self.source.get(name_start..inner_end).unwrap_or_default();
        let len = inner.bytes().position(|b| !is_name_or_beyond(b)).unwrap_or(inner.len());
        if !inner.bytes().next().is_some_and(starts_name) {
            self.drop_markup(start);
            return;
        }
        let is_oversized = end.saturating_sub(start) > self.caps.tag;
        if is_oversized {
            self.oversized.push(start);
            if is_end {
                return;
            }
        }
        self.copy(start, name_start.saturating_add(len));
        if is_end {
            let junk = inner.get(len..).unwrap_or_default();
            if junk.bytes().any(|b| !is_blank(b)) {
                self.drop_markup(start);
            }
            self.out.push('>');
            return;
        }
        let empty = inner.ends_with('/');
        let stop = if empty { inner_end.saturating_sub(1) } else { inner_end };
        if !is_oversized && !self.attributes(name_start.saturating_add(len), stop) {
            self.drop_markup(start);
        }
        self.out.push_str(if empty { "/>" } else { ">" });
    }

    /// Copies the attributes in a range. Returns false if anything in it is not an attribute.
    fn attributes(&mut self, from: usize, to: usize) -> bool {
        let bytes = self.source.as_bytes();
        let byte = |at: usize| bytes.get(at).copied().filter(|_| at < to);
        let skip = |mut at: usize, test: fn(u8) -> bool| {
            while byte(at).is_some_and(test) {
                at = at.saturating_add(1);
            }
            at
        };
        let mut good = true;
        let mut at = from;
        // Each turn passes a name, a value, a quoted text or one byte.
        loop {
            at = skip(at, is_blank);
            let Some(first) = byte(at) else { return good };
            if !starts_name(first) {
                good = false;
                at = match first {
                    b'"' | b'\'' => after_quote(bytes, at, to),
                    _ => at.saturating_add(1),
                };
                continue;
            }
            let name = at;
            let name_end = skip(at, is_name_or_beyond);
            let equals = skip(name_end, is_blank);
            if byte(equals) != Some(b'=') {
                good = false;
                at = name_end;
                continue;
            }
            let value = skip(equals.saturating_add(1), is_blank);
            let Some(quote @ (b'"' | b'\'')) = byte(value) else {
                let end = skip(value, |b| !is_blank(b) && !matches!(b, b'"' | b'\''));
                self.attribute(name..name_end, value..end, b'"');
                good = good && end > value;
                at = end;
                continue;
            };
            let end = after_quote(bytes, value, to);
            let closed = end.saturating_sub(1);
            self.attribute(name..name_end, value.saturating_add(1)..closed, quote);
            at = end;
        }
    }

    fn attribute(
        &mut self,
        name: std::ops::Range<usize>,
        value: std::ops::Range<usize>,
        quote: u8,
    ) {
        let quote = if quote == b'\'' { '\'' } else { '"' };
        self.out.push(' ');
        self.copy(name.start, name.end);
        self.out.push('=');
        self.out.push(quote);
        self.copy(value.start, value.end);
        self.out.push(quote);
    }
}

/// Returns the position after the quote that closes the one at `open`.
fn after_quote(bytes: &[u8], open: usize, to: usize) -> usize {
    let start = open.saturating_add(1);
    let quote = bytes.get(open).copied().unwrap_or_default();
    let inside = bytes.get(start..to).unwrap_or_default();
    match memchr::memchr(quote, inside) {
        Some(len) => start.saturating_add(len).saturating_add(1),
        None => to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: TagCaps = TagCaps { tag: 1000, attributes: 100, markup: 1000 };

    fn repaired(source: &str) -> (std::string::String, usize) {
        let bump = Bump::new();
        let repaired = repair(source, CAPS, false, &bump);
        let mut broken = repaired.broken;
        (repaired.text.to_owned(), std::iter::from_fn(|| broken.pop()).count())
    }

    #[test]
    fn r3_a_broken_tag_is_dropped_and_the_next_one_is_kept() {
        for (source, text, broken) in [
            ("<a b=\"1\"/>", "<a b=\"1\"/>", 0),
            ("<a b=\"1 <c d=\"2\"/>", "<c d=\"2\"/>", 1),
            ("<a b=\"1\" <c/>", "<c/>", 1),
            ("x<a b=\"1 c=\"2\"/>\n<d/>", "x<d/>", 1),
            ("<host a=\"1 <b/>", "<host><b/>", 1),
            ("<nmaprun a=\"<host >", "<nmaprun><host>", 1),
            ("<a b=\"1 <!-- \"/><c/>", "<c/>", 1),
            ("<a b='<![CDATA[<?x > <c/>", "<c/>", 1),
            ("<a b=\"1", "", 1),
        ] {
            assert_eq!(repaired(source), (text.to_owned(), broken), "{source}");
        }
    }

    #[test]
    fn unreadable_attributes_are_dropped_and_the_others_kept() {
        for (source, text, broken) in [
            ("<a b = '1' c=2 d>", "<a b='1' c=\"2\">", 1),
            ("<a b\"x\" c=\"1\">", "<a c=\"1\">", 1),
            ("<a =\"x\" c=\"1\"/>", "<a c=\"1\"/>", 1),
            ("<a b=\"1\"c=\"2\"/>", "<a b=\"1\" c=\"2\"/>", 0),
            ("<a b=c/>", "<a b=\"c\"/>", 0),
            ("</a b=\"1\">", "</a>", 1),
            ("< a>", "", 1),
            ("<>", "", 1),
        ] {
            assert_eq!(repaired(source), (text.to_owned(), broken), "{source}");
        }
    }

    #[test]
    fn r8_openers_without_an_end_lose_their_opener() {
        for (source, text, broken) in [
            ("<!-- a -- <b> --><c/>", "<c/>", 0),
            ("<!-- <b/>", " <b/>", 1),
            ("<![CDATA[<x>]]><c/>", "<![CDATA[<x>]]><c/>", 0),
            ("<![CDATA[<x/>", "<x/>", 1),
            ("<?pi x ?><c/>", "<c/>", 0),
            ("<?pi <x> ?><c/>", "<x> ?><c/>", 1),
            ("<?pi x", "pi x", 1),
            ("<!ENTITY a \"b\"><c/>", "<c/>", 1),
        ] {
            assert_eq!(repaired(source), (text.to_owned(), broken), "{source}");
        }
    }

    #[test]
    fn positions_map_back_to_the_source() {
        let source = "<a b=\"1 <!-- x --><c  d = 'v'/>t";
        let bump = Bump::new();
        let repaired = repair(source, CAPS, false, &bump);
        assert_eq!(repaired.text, "<c d='v'/>t");
        for part in ["<c", "d", "v", "t"] {
            let made = repaired.text.find(part).unwrap();
            assert_eq!(Some(repaired.map.source(made)), source.rfind(part), "{part}");
        }
    }
}
