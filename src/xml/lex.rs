//! Lexical facts that the framer and the repair share: what a `<` begins, and where it ends.

use memchr::memmem;

/// What a `<` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// `<!--`
    Comment,
    /// `<![CDATA[`
    Cdata,
    /// `<?xml` and a blank: a new document (rule R6).
    Decl,
    /// Any other `<?`.
    Pi,
    /// `<!DOCTYPE`
    Doctype,
    /// `<host` and a blank, `/` or `>`: always a host (rule R8).
    Host,
    /// `</host`
    HostEnd,
    /// `<nmaprun`: a scan (rule R6).
    Run,
    /// `</nmaprun`
    RunEnd,
    /// Any other tag.
    Tag,
    /// The bytes end before it is told.
    Unsure,
}

impl Mark {
    /// Length of the opener, which is dropped when the end is missing (rule R8).
    pub(super) const fn opener(self) -> usize {
        match self {
            Self::Comment => 4,
            Self::Cdata | Self::Doctype => 9,
            Self::Decl | Self::Pi => 2,
            _ => 1,
        }
    }
}

/// What the `<` at the start of `bytes` begins. With `last` no more bytes will come.
pub(super) fn classify(bytes: &[u8], last: bool) -> Mark {
    match bytes.get(1) {
        Some(b'!') => {
            for (opener, mark) in [
                (&b"<!--"[..], Mark::Comment),
                (b"<![CDATA[", Mark::Cdata),
                (b"<!DOCTYPE", Mark::Doctype),
            ] {
                if bytes.starts_with(opener) {
                    return mark;
                }
                if !last && opener.starts_with(bytes) {
                    return Mark::Unsure;
                }
            }
            Mark::Tag
        }
        Some(b'?') => named(bytes, b"<?xml", (Mark::Decl, Mark::Pi), last),
        Some(b'h') => named(bytes, b"<host", (Mark::Host, Mark::Tag), last),
        Some(b'n') => named(bytes, b"<nmaprun", (Mark::Run, Mark::Tag), last),
        Some(b'/') => match bytes.get(2) {
            Some(b'h') => named(bytes, b"</host", (Mark::HostEnd, Mark::Tag), last),
            Some(b'n') => named(bytes, b"</nmaprun", (Mark::RunEnd, Mark::Tag), last),
            None if !last => Mark::Unsure,
            _ => Mark::Tag,
        },
        None if !last => Mark::Unsure,
        _ => Mark::Tag,
    }
}

/// `hit` if the name ends where `opener` ends, else `miss`.
fn named(bytes: &[u8], opener: &[u8], (hit, miss): (Mark, Mark), last: bool) -> Mark {
    if let Some(rest) = bytes.strip_prefix(opener) {
        return match rest.first() {
            Some(b'/' | b'>') if hit != Mark::Decl => hit,
            Some(byte) if is_blank(*byte) => hit,
            Some(_) => miss,
            None if last => hit,
            None => Mark::Unsure,
        };
    }
    if !last && opener.starts_with(bytes) { Mark::Unsure } else { miss }
}

/// Blank as XML has it.
#[inline]
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Where something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Behind this place.
    At(usize),
    /// A raw `<` at this place breaks it off (rule R3).
    Broken(usize),
    /// It has no end within its cap (rule R8).
    Lost,
    /// The bytes end before it is told.
    More,
}

/// Length of a whole start tag, if there is nothing in it that asks for a look at each byte.
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

/// Whether the `<` at a place begins a tag that ends no host, as [`classify`] would tell.
#[inline]
pub(super) fn is_inner_tag(bytes: &[u8], at: usize) -> bool {
    match bytes.get(at.saturating_add(1)) {
        Some(b'/') => bytes.get(at.saturating_add(2)).is_some_and(|b| !matches!(b, b'h' | b'n')),
        Some(b'!' | b'?' | b'h' | b'n') | None => false,
        Some(_) => true,
    }
}

/// Finds the `>` of a tag, byte by byte, and goes on where it stopped when more bytes came.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TagScan {
    /// Place to go on, counted from the `<`.
    at: usize,
    quote: u8,
}

impl TagScan {
    /// The end of the tag that begins with the first byte of `tag`.
    pub(super) fn end(&mut self, tag: &[u8]) -> End {
        if self.at == 0
            && let Some(len) = plain_tag(tag)
        {
            return End::At(len);
        }
        let mut at = self.at.max(1);
        // The quotes of an end tag mean nothing.
        let quotes = tag.get(1) != Some(&b'/');
        for byte in tag.get(at..).unwrap_or_default() {
            match byte {
                b'<' => return End::Broken(at),
                b'>' if self.quote == 0 => return End::At(at.saturating_add(1)),
                b'"' | b'\'' if quotes && self.quote == 0 => self.quote = *byte,
                quote if *quote == self.quote => self.quote = 0,
                _ => {}
            }
            at = at.saturating_add(1);
        }
        self.at = at;
        End::More
    }
}

/// Finds the ends of comments, PIs and CDATA sections. It remembers how far there is none, so that many
/// openers without an end cost no more than one.
#[derive(Debug, Clone, Default)]
pub(super) struct Closers {
    /// For each kind: no closer begins in this range of places.
    none: [(u64, u64); 3],
}

impl Closers {
    /// The end of `mark` (a comment, PI, declaration or CDATA section), whose opener is at the start of
    /// `bytes` and at place `base` of the stream. It must end within `cap` bytes; with `last` no more
    /// bytes will come.
    pub(super) fn end(
        &mut self,
        mark: Mark,
        bytes: &[u8],
        base: u64,
        cap: usize,
        last: bool,
    ) -> End {
        let (closer, slot) = match mark {
            Mark::Comment => (&b"-->"[..], 0),
            Mark::Cdata => (&b"]]>"[..], 1),
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
        // Mostly it is near: then this costs less than making a searcher.
        let ends_here = |at: &usize| tail.get(..=*at).is_some_and(|text| text.ends_with(closer));
        if let Some(found) = memchr::memchr_iter(b'>', tail).find(ends_here) {
            return End::At(skip.saturating_add(found).saturating_add(1));
        }
        // A closer may begin in the last bytes and end in the next ones.
        let clear = tail.len().saturating_sub(closer.len().saturating_sub(1));
        none.1 = none.1.max(from.saturating_add(to_u64(clear)));
        if whole || last { End::Lost } else { End::More }
    }
}

/// The end of the DOCTYPE at the start of `bytes`, within `cap` bytes, and whether it has an internal
/// subset.
pub(super) fn doctype_end(bytes: &[u8], cap: usize, last: bool) -> (End, bool) {
    let whole = bytes.len() >= cap;
    let bytes = bytes.get(..cap).unwrap_or(bytes);
    let mut subset = false;
    let mut inside = false;
    let mut at = Mark::Doctype.opener();
    while let Some(byte) = bytes.get(at) {
        let here = at;
        at = at.saturating_add(1);
        match byte {
            b'>' if !inside => return (End::At(at), subset),
            b'[' => (inside, subset) = (true, true),
            b']' => inside = false,
            b'"' | b'\'' => {
                let rest = bytes.get(at..).unwrap_or_default();
                match memchr::memchr(*byte, rest) {
                    Some(found) => at = at.saturating_add(found).saturating_add(1),
                    None => break,
                }
            }
            b'<' if bytes.get(here..).is_some_and(|rest| rest.starts_with(b"<!--")) => {
                match memmem::find(bytes.get(at..).unwrap_or_default(), b"-->") {
                    Some(found) => at = at.saturating_add(found).saturating_add(3),
                    None => break,
                }
            }
            // Without a subset a tag may not begin before the `>`: the DOCTYPE is broken off.
            b'<' if !inside => return (End::Broken(here), subset),
            _ => {}
        }
    }
    (if whole || last { End::Lost } else { End::More }, subset)
}

/// Whether a DOCTYPE is that of nmap; its name may be cut off by the end of the bytes.
pub(super) fn is_nmap_doctype(bytes: &[u8]) -> bool {
    let rest = bytes.strip_prefix(b"<!DOCTYPE").unwrap_or_default();
    let name = rest.iter().position(|b| !is_blank(*b)).and_then(|at| rest.get(at..));
    let Some(after) = name.and_then(|name| name.strip_prefix(b"nmaprun")) else { return false };
    after.first().is_none_or(|b| is_blank(*b) || matches!(b, b'>' | b'['))
}

/// Bytes at the end that may be the start of a character whose rest has not come.
pub(super) fn cut_character(bytes: &[u8]) -> usize {
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

/// `usize` as `u64`; no machine has more address bits.
pub(super) fn to_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_told_by_their_first_bytes() {
        for (text, mark) in [
            ("<host>", Mark::Host),
            ("<host\n", Mark::Host),
            ("<host/>", Mark::Host),
            ("<hosts ", Mark::Tag),
            ("<hosthint>", Mark::Tag),
            ("</host>", Mark::HostEnd),
            ("</hostnames>", Mark::Tag),
            ("<nmaprun ", Mark::Run),
            ("</nmaprun>", Mark::RunEnd),
            ("<?xml version", Mark::Decl),
            ("<?xml-stylesheet", Mark::Pi),
            ("<!-- ", Mark::Comment),
            ("<![CDATA[", Mark::Cdata),
            ("<!DOCTYPE n", Mark::Doctype),
            ("<!ENTITY", Mark::Tag),
            ("<", Mark::Unsure),
            ("<hos", Mark::Unsure),
            ("<host", Mark::Unsure),
            ("</", Mark::Unsure),
            ("<![CD", Mark::Unsure),
        ] {
            assert_eq!(classify(text.as_bytes(), false), mark, "{text}");
        }
        for text in
            ["<a", "<ports>", "</port>", "</", "<", "<host>", "</nmaprun>", "<!", "<?", "<-"]
        {
            let inner = is_inner_tag(text.as_bytes(), 0);
            assert!(!inner || classify(text.as_bytes(), false) == Mark::Tag, "{text}");
        }
        assert_eq!(classify(b"<hos", true), Mark::Tag);
        assert_eq!(classify(b"<host", true), Mark::Host);
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
        ] {
            assert_eq!(TagScan::default().end(text.as_bytes()), end, "{text}");
            let mut stepwise = TagScan::default();
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
    fn openers_without_end_are_lost_at_the_cap_and_cost_little() {
        let text = b"<!--".repeat(50_000);
        let mut closers = Closers::default();
        for at in (0..text.len() - 1000).step_by(4) {
            let end = closers.end(Mark::Comment, &text[at..], to_u64(at), 1000, false);
            assert_eq!(end, End::Lost);
        }
    }

    #[test]
    fn a_comment_ends_at_its_closer_however_it_arrives() {
        let text = b"<!-- a -- b --> <c>";
        let mut closers = Closers::default();
        for cut in 4..15 {
            assert_eq!(closers.end(Mark::Comment, &text[..cut], 7, 100, false), End::More);
        }
        assert_eq!(closers.end(Mark::Comment, text, 7, 100, false), End::At(15));
        assert_eq!(Closers::default().end(Mark::Comment, text, 7, 10, false), End::Lost);
    }

    #[test]
    fn a_doctype_ends_behind_its_subset() {
        let plain = b"<!DOCTYPE nmaprun SYSTEM \"a>b\"> x";
        assert_eq!(doctype_end(plain, 100, false), (End::At(31), false));
        let subset = b"<!DOCTYPE nmaprun [<!ENTITY a \"]>\"><!-- ]> -->] > x";
        assert_eq!(doctype_end(subset, 100, false), (End::At(49), true));
        assert_eq!(doctype_end(b"<!DOCTYPE nmaprun [", 100, false).0, End::More);
        assert_eq!(doctype_end(b"<!DOCTYPE nmaprun [", 100, true).0, End::Lost);
        assert!(is_nmap_doctype(plain) && !is_nmap_doctype(b"<!DOCTYPE nmaprunner>"));
    }
}
