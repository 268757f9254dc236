//! Lexical rules shared by the framer, the tokens and the repair: what a `<` begins, and where it ends.
//!
//! All of them follow one grammar, so that a host is cut out exactly where its tokens end it:
//!
//! - A tag extends from `<` to its `>` outside quotes. Another tag that begins before that breaks it off (rule R3). Any
//!   other `<` in it breaks it, too, but begins nothing: neither a comment nor a CDATA section nor a processing
//!   instruction, because it may be text of a value that was not escaped. Reading continues at the next tag. The one
//!   exception is a declaration that leads to `<nmaprun`: output that was appended to a file which was truncated inside
//!   a tag ([`super::prolog::begins_document`]).
//! - A processing instruction ends at `?>`, or is broken off by any `<`.
//! - A comment and a CDATA section contain anything up to their end; hosts in them are counted ([`hidden`]).
//! - Markup without an end within its limit loses its opener.

/// Kind of markup that a `<` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MarkupKind {
    /// `<!--`
    Comment,
    /// `<![CDATA[`
    Cdata,
    /// `<?xml` and a blank: a new document (rule R6).
    Declaration,
    /// Any other `<?`.
    Pi,
    /// `<!DOCTYPE`
    Doctype,
    /// `<host` and a blank, `/` or `>`: always a host (rule R8).
    Host,
    /// `</host`
    HostEnd,
    /// `<nmaprun`: a scan (rule R6).
    Nmaprun,
    /// `</nmaprun`
    NmaprunEnd,
    /// Any other tag.
    Tag,
    /// The bytes end before the kind is known.
    Unsure,
}

impl MarkupKind {
    /// Returns the length of the opener, which is dropped when the end is missing (rule R8).
    pub(super) const fn opener(self) -> usize {
        match self {
            Self::Comment => 4,
            Self::Cdata | Self::Doctype => 9,
            Self::Declaration | Self::Pi => 2,
            _ => 1,
        }
    }
}

/// Returns the kind of markup that the `<` at the start of `bytes` begins. With `last` no more bytes will come.
pub(super) fn classify(bytes: &[u8], last: bool) -> MarkupKind {
    match bytes.get(1) {
        Some(b'!') => {
            for (opener, mark) in [
                (&b"<!--"[..], MarkupKind::Comment),
                (b"<![CDATA[", MarkupKind::Cdata),
                (b"<!DOCTYPE", MarkupKind::Doctype),
            ] {
                if bytes.starts_with(opener) {
                    return mark;
                }
                if !last && opener.starts_with(bytes) {
                    return MarkupKind::Unsure;
                }
            }
            MarkupKind::Tag
        }
        Some(b'?') => named(bytes, b"<?xml", (MarkupKind::Declaration, MarkupKind::Pi), last),
        Some(b'h') => named(bytes, b"<host", (MarkupKind::Host, MarkupKind::Tag), last),
        Some(b'n') => named(bytes, b"<nmaprun", (MarkupKind::Nmaprun, MarkupKind::Tag), last),
        Some(b'/') => match bytes.get(2) {
            Some(b'h') => named(bytes, b"</host", (MarkupKind::HostEnd, MarkupKind::Tag), last),
            Some(b'n') => {
                named(bytes, b"</nmaprun", (MarkupKind::NmaprunEnd, MarkupKind::Tag), last)
            }
            None if !last => MarkupKind::Unsure,
            _ => MarkupKind::Tag,
        },
        None if !last => MarkupKind::Unsure,
        _ => MarkupKind::Tag,
    }
}

/// Returns `hit` if the name ends where `opener` ends, else `miss`.
fn named(
    bytes: &[u8],
    opener: &[u8],
    (hit, miss): (MarkupKind, MarkupKind),
    last: bool,
) -> MarkupKind {
    if let Some(rest) = bytes.strip_prefix(opener) {
        return match rest.first() {
            Some(b'/' | b'>') if hit != MarkupKind::Declaration => hit,
            Some(byte) if is_blank(*byte) => hit,
            Some(_) => miss,
            None if last => hit,
            None => MarkupKind::Unsure,
        };
    }
    if !last && opener.starts_with(bytes) { MarkupKind::Unsure } else { miss }
}

/// Returns true for whitespace of XML.
#[inline]
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// End of a tag or other markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It ends before this position.
    At(usize),
    /// A raw `<` at this position breaks it off (rule R3).
    Broken(usize),
    /// In a tag, a declaration at this position breaks it off if it [begins a
    /// document](super::prolog::begins_document).
    Declaration(usize),
    /// It has no end within its limit (rule R8).
    Lost,
    /// The bytes end before the end is known.
    More,
}

/// Returns the length of a complete start tag if none of its bytes has to be examined individually.
fn plain_tag(tag: &[u8]) -> Option<usize> {
    let inside = tag.get(1..)?;
    let inside = inside.get(..memchr::memchr2(b'<', b'>', inside)?)?;
    let len = inside.len().saturating_add(2);
    let quotes = memchr::memchr_iter(b'"', inside).count();
    let plain = tag.get(len.saturating_sub(1)) == Some(&b'>')
        && !inside.starts_with(b"/")
        && quotes.is_multiple_of(2)
        && memchr::memchr(b'\'', inside).is_none();
    plain.then_some(len)
}

/// Returns true if the `<` at a position begins the tag of an element that does not end a host, as [`classify`] would.
#[inline]
pub(super) fn is_inner_tag(bytes: &[u8], at: usize) -> bool {
    let name = match bytes.get(at.saturating_add(1)) {
        Some(b'/') => bytes.get(at.saturating_add(2)),
        first => first,
    };
    name.is_some_and(|first| starts_name(*first) && !matches!(first, b'h' | b'n'))
}

/// Returns true if the `<` at the start of `bytes` begins the tag of an element, and `None` if more bytes are needed to
/// decide.
pub(super) fn opens_tag(bytes: &[u8]) -> Option<bool> {
    let first = match bytes.get(1)? {
        b'/' => bytes.get(2)?,
        first => first,
    };
    Some(starts_name(*first))
}

/// Returns the positions of `<host` and `<nmaprun` in skipped markup.
pub(super) fn hidden(markup: &[u8]) -> impl Iterator<Item = usize> {
    memchr::memchr_iter(b'<', markup).filter(|at| {
        let tag = markup.get(*at..).unwrap_or_default();
        matches!(classify(tag, false), MarkupKind::Host | MarkupKind::Nmaprun)
    })
}

/// Search for the end of a tag, which can be resumed when more bytes arrive.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TagScanner {
    /// Position at which to resume, in what is left of the tag.
    at: usize,
    /// True if the first bytes were examined.
    started: bool,
    quote: u8,
    /// True for an end tag, in which quotes have no meaning.
    closes: bool,
    /// True after a `<` that begins no tag: then only the next tag ends this one.
    broken: bool,
}

impl TagScanner {
    /// Returns the end of the tag that begins with the first byte of `tag`. If that is [`End::Declaration`],
    /// [`Self::pass`] makes the search continue after it.
    pub(super) fn end(&mut self, tag: &[u8]) -> End {
        if !self.started {
            if let Some(len) = plain_tag(tag) {
                return End::At(len);
            }
            let Some(first) = tag.get(1) else { return End::More };
            *self = Self { at: 1, ..Self::after_opener(*first) };
        }
        while let Some(found) = self.next(tag.get(self.at..).unwrap_or_default()) {
            self.at = self.at.saturating_add(found);
            let rest = tag.get(self.at..).unwrap_or_default();
            match rest.first() {
                Some(b'<') => match (opens_tag(rest), classify(rest, false)) {
                    (Some(true), _) => return End::Broken(self.at),
                    (None, _) | (_, MarkupKind::Unsure) => return End::More,
                    (_, MarkupKind::Declaration) => return End::Declaration(self.at),
                    _ => self.broken = true,
                },
                Some(b'>') => return End::At(self.at.saturating_add(1)),
                Some(quote) if self.quote == 0 => self.quote = *quote,
                _ => self.quote = 0,
            }
            self.at = self.at.saturating_add(1);
        }
        self.at = tag.len().max(self.at);
        End::More
    }

    /// Creates a search that begins after the `<`, at the byte `first`.
    pub(super) const fn after_opener(first: u8) -> Self {
        Self { at: 0, started: true, quote: 0, closes: first == b'/', broken: false }
    }

    /// Returns the end of a tag in a frame, in which no document begins.
    pub(super) fn end_in_frame(tag: &[u8]) -> End {
        let mut scan = Self::default();
        loop {
            match scan.end(tag) {
                End::Declaration(_) => scan.pass(),
                other => return other,
            }
        }
    }

    /// Continues after a declaration that begins no document.
    pub(super) fn pass(&mut self) {
        self.broken = true;
        self.at = self.at.saturating_add(1);
    }

    /// Returns the position up to which the tag was examined.
    pub(super) const fn place(&self) -> usize {
        self.at
    }

    /// Removes the first bytes of the tag, which were examined.
    pub(super) fn forget(&mut self, len: usize) {
        debug_assert!(len <= self.at, "bytes of a tag are forgotten before they were looked at");
        self.at = self.at.saturating_sub(len);
    }

    /// Returns the position of the next byte that matters.
    fn next(&self, rest: &[u8]) -> Option<usize> {
        if self.broken {
            return memchr::memchr(b'<', rest);
        }
        match self.quote {
            0 if self.closes => memchr::memchr2(b'<', b'>', rest),
            0 => rest.iter().position(|byte| matches!(byte, b'<' | b'>' | b'"' | b'\'')),
            quote => memchr::memchr2(b'<', quote, rest),
        }
    }
}

/// Search for the ends of comments, processing instructions and CDATA sections. It remembers the ranges without any, so
/// that many openers without an end cost no more than one.
#[derive(Debug, Clone, Default)]
pub(super) struct TerminatorCache {
    /// For each kind, a range of positions in which no closer begins.
    none: [(u64, u64); 3],
}

impl TerminatorCache {
    /// Returns the end of `mark` (a comment, processing instruction, declaration or CDATA section), whose opener is at
    /// the start of `bytes` and at position `base` of the stream. It must end within `cap` bytes; with `last` no more
    /// bytes will come.
    pub(super) fn end(
        &mut self,
        mark: MarkupKind,
        bytes: &[u8],
        base: u64,
        cap: usize,
        last: bool,
    ) -> End {
        let (closer, slot) = match mark {
            MarkupKind::Comment => (&b"-->"[..], 0),
            MarkupKind::Cdata => (&b"]]>"[..], 1),
            _ => (&b"?>"[..], 2),
        };
        let Some(none) = self.none.get_mut(slot) else { return End::Lost };
        let whole = bytes.len() >= cap;
        let bytes = bytes.get(..cap).unwrap_or(bytes);
        let opener = to_u64(mark.opener());
        let mut from = base.saturating_add(opener);
        if (none.0..=none.1).contains(&from) {
            from = none.1;
        } else {
            *none = (from, from);
        }
        let skip = usize::try_from(from.saturating_sub(base)).unwrap_or(usize::MAX);
        let tail = bytes.get(skip..).unwrap_or_default();
        // It is usually near: then this costs less than creating a searcher.
        let breaks =
            if matches!(mark, MarkupKind::Pi | MarkupKind::Declaration) { b'<' } else { b'>' };
        let ends_here = |at: &usize| {
            let text = tail.get(..=*at).unwrap_or_default();
            text.ends_with(closer) || text.ends_with(b"<")
        };
        if let Some(found) = memchr::memchr2_iter(b'>', breaks, tail).find(ends_here) {
            let at = skip.saturating_add(found);
            let broken = tail.get(found) == Some(&b'<');
            return if broken { End::Broken(at) } else { End::At(at.saturating_add(1)) };
        }
        // A closer may begin in the last bytes and end in the next ones.
        let clear = tail.len().saturating_sub(closer.len().saturating_sub(1));
        none.1 = none.1.max(from.saturating_add(to_u64(clear)));
        if whole || last { End::Lost } else { End::More }
    }
}

/// Returns the number of bytes at the end that may begin a character whose rest has not arrived.
pub(super) fn incomplete_utf8_suffix(bytes: &[u8]) -> usize {
    let tail = bytes.get(bytes.len().saturating_sub(3)..).unwrap_or_default();
    let incomplete = tail.iter().rposition(|byte| *byte >= 0xc0).map_or(0, |lead| {
        let have = tail.len().saturating_sub(lead);
        let needed = match tail.get(lead) {
            Some(0xc0..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            _ => 4,
        };
        if have < needed { have } else { 0 }
    });
    incomplete.min(bytes.len())
}

/// Converts `usize` to `u64`, which is lossless on all supported machines.
pub(super) fn to_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Returns true for bytes of the names that nmap writes.
#[inline]
pub(super) const fn is_name(byte: u8) -> bool {
    const NAMES: [bool; 256] = {
        let mut names = [false; 256];
        let mut byte = 0;
        while byte < u8::MAX {
            names[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_';
            byte += 1;
        }
        names
    };
    NAMES[byte as usize]
}

/// Returns true for bytes of any name that XML allows, approximately: neither blanks nor markup.
pub(super) const fn is_name_or_beyond(byte: u8) -> bool {
    is_name(byte) || matches!(byte, b'-' | b'.' | b':') || byte >= 0x80
}

/// Returns true for bytes that may begin a name.
pub(super) const fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_recognized_by_its_first_bytes() {
        for (text, mark) in [
            ("<host>", MarkupKind::Host),
            ("<host\n", MarkupKind::Host),
            ("<host/>", MarkupKind::Host),
            ("<hosts ", MarkupKind::Tag),
            ("<hosthint>", MarkupKind::Tag),
            ("</host>", MarkupKind::HostEnd),
            ("</hostnames>", MarkupKind::Tag),
            ("<nmaprun ", MarkupKind::Nmaprun),
            ("</nmaprun>", MarkupKind::NmaprunEnd),
            ("<?xml version", MarkupKind::Declaration),
            ("<?xml-stylesheet", MarkupKind::Pi),
            ("<!-- ", MarkupKind::Comment),
            ("<![CDATA[", MarkupKind::Cdata),
            ("<!DOCTYPE n", MarkupKind::Doctype),
            ("<!ENTITY", MarkupKind::Tag),
            ("<", MarkupKind::Unsure),
            ("<hos", MarkupKind::Unsure),
            ("<host", MarkupKind::Unsure),
            ("</", MarkupKind::Unsure),
            ("<![CD", MarkupKind::Unsure),
        ] {
            assert_eq!(classify(text.as_bytes(), false), mark, "{text}");
        }
        for text in [
            "<a",
            "<ports>",
            "</port>",
            "</",
            "<",
            "<host>",
            "</nmaprun>",
            "<!",
            "<?",
            "<-",
            "< a",
            "</5",
        ] {
            let inner = is_inner_tag(text.as_bytes(), 0);
            assert!(!inner || classify(text.as_bytes(), false) == MarkupKind::Tag, "{text}");
        }
        assert_eq!(classify(b"<hos", true), MarkupKind::Tag);
        assert_eq!(classify(b"<host", true), MarkupKind::Host);
    }

    #[test]
    fn a_tag_ends_at_its_bracket_outside_quotes_or_breaks_at_a_raw_one() {
        for (text, end) in [
            ("<a b=\"x>y\" c='>'>z", End::At(17)),
            ("<a b=\"x<y\">", End::Broken(7)),
            ("<a b=\"x", End::More),
            ("</a \">", End::At(6)),
            ("</a '>", End::At(6)),
            ("<a b=\"x\" c=\"\">z", End::At(14)),
            ("<a b='\"' c='\"'>z", End::At(15)),
            ("<a <b>", End::Broken(3)),
            ("<>", End::At(2)),
            ("<a b=\"<!-- \"/> --> </c>", End::Broken(19)),
            ("<a b=\"<?x > <5 </ <![CDATA[<c>", End::Broken(27)),
            ("<a <!-- <host", End::Broken(8)),
            ("<a <!", End::More),
        ] {
            assert_eq!(TagScanner::default().end(text.as_bytes()), end, "{text}");
            let mut stepwise = TagScanner::default();
            let mut found = End::More;
            for cut in 1..=text.len() {
                found = stepwise.end(&text.as_bytes()[..cut]);
                if found != End::More {
                    break;
                }
            }
            assert_eq!(found, end, "{text} byte by byte");
        }
    }

    #[test]
    fn openers_without_an_end_are_dropped_at_the_cap_and_cost_little() {
        let text = b"<!--".repeat(50_000);
        let mut terminators = TerminatorCache::default();
        for at in (0..text.len() - 1000).step_by(4) {
            let end = terminators.end(MarkupKind::Comment, &text[at..], to_u64(at), 1000, false);
            assert_eq!(end, End::Lost);
        }
    }

    #[test]
    fn a_comment_ends_at_its_terminator_in_any_pieces() {
        let text = b"<!-- a -- b --> <c>";
        let mut terminators = TerminatorCache::default();
        for cut in 4..15 {
            assert_eq!(
                terminators.end(MarkupKind::Comment, &text[..cut], 7, 100, false),
                End::More
            );
        }
        assert_eq!(terminators.end(MarkupKind::Comment, text, 7, 100, false), End::At(15));
        assert_eq!(
            TerminatorCache::default().end(MarkupKind::Comment, text, 7, 10, false),
            End::Lost
        );
    }

    #[test]
    fn a_processing_instruction_contains_no_markup() {
        let mut terminators = TerminatorCache::default();
        let mut end = |text: &str| terminators.end(MarkupKind::Pi, text.as_bytes(), 0, 100, false);
        assert_eq!(end("<?a > b?>"), End::At(9));
        assert_eq!(
            TerminatorCache::default().end(MarkupKind::Pi, b"<?a <b> ?>", 0, 100, false),
            End::Broken(4)
        );
    }
}
