//! Introduction of a document: its declaration and its DOCTYPE.

use memchr::memmem;

use super::lex::{End, MarkupKind, TerminatorCache, classify, is_blank, opens_tag};

/// Returns the end of the DOCTYPE at the start of `bytes`, within `cap` bytes, and true if it has an internal subset.
pub(super) fn doctype_end(bytes: &[u8], cap: usize, last: bool) -> (End, bool) {
    let whole = bytes.len() >= cap;
    let bytes = bytes.get(..cap).unwrap_or(bytes);
    let mut subset = false;
    let mut inside = false;
    let mut at = MarkupKind::Doctype.opener();
    while let Some(byte) = bytes.get(at) {
        let here = at;
        at = at.saturating_add(1);
        let rest = bytes.get(at..).unwrap_or_default();
        let found = match byte {
            b'>' if !inside => return (End::At(at), subset),
            b'[' => {
                (inside, subset) = (true, true);
                Some(0)
            }
            b']' => {
                inside = false;
                Some(0)
            }
            // Only a subset has quoted texts that contain markup.
            b'"' | b'\'' => {
                let end = memchr::memchr2(*byte, if inside { *byte } else { b'<' }, rest);
                end.map(|end| end.saturating_add(usize::from(rest.get(end) == Some(byte))))
            }
            b'<' if !inside => return (End::Broken(here), subset),
            b'<' if rest.starts_with(b"!--") => {
                memmem::find(rest, b"-->").map(|end| end.saturating_add(3))
            }
            // A subset contains declarations, not elements.
            b'<' => match opens_tag(bytes.get(here..).unwrap_or_default()) {
                Some(true) => return (End::Broken(here), subset),
                Some(false) => Some(0),
                None => None,
            },
            _ => Some(0),
        };
        let Some(found) = found else { break };
        at = at.saturating_add(found);
    }
    (if whole || last { End::Lost } else { End::More }, subset)
}

/// Number of bytes of a DOCTYPE within which its name must end.
const DOCTYPE_NAME: usize = 64;

/// Returns true if a DOCTYPE is that of nmap, and `None` if more bytes are needed to decide. With `last` its name may
/// be truncated.
pub(super) fn is_nmap_doctype(bytes: &[u8], last: bool) -> Option<bool> {
    let open = !last && bytes.len() < DOCTYPE_NAME;
    let bytes = bytes.get(..DOCTYPE_NAME).unwrap_or(bytes);
    let rest = bytes.strip_prefix(b"<!DOCTYPE").unwrap_or_default();
    let blanks = rest.iter().position(|b| !is_blank(*b)).unwrap_or(rest.len());
    let name = rest.get(blanks..).unwrap_or_default();
    match name.strip_prefix(b"nmaprun").map(<[u8]>::first) {
        Some(Some(after)) => Some(is_blank(*after) || matches!(after, b'>' | b'[')),
        Some(None) if !open => Some(true),
        None if !open || !b"nmaprun".starts_with(name) => Some(false),
        _ => None,
    }
}

/// Maximum number of bytes from a declaration inside a tag to the scan that it introduces.
const PROLOG: usize = 16 << 10;

/// Returns true if the declaration at the start of `bytes` introduces an nmap document: only blanks, comments and
/// processing instructions are between it and a DOCTYPE or start tag of `nmaprun`. Returns `None` if more bytes are
/// needed to decide; with `last`, a truncated introduction counts as one.
pub(super) fn begins_document(bytes: &[u8], last: bool) -> Option<bool> {
    let unsure = if bytes.len() >= PROLOG { Some(false) } else { last.then_some(true) };
    let mut rest = bytes.get(..PROLOG).unwrap_or(bytes);
    loop {
        let blanks = rest.iter().position(|b| !is_blank(*b)).unwrap_or(rest.len());
        rest = rest.get(blanks..).unwrap_or_default();
        let mark = match rest.first() {
            None => return unsure,
            Some(b'<') => classify(rest, false),
            Some(_) => return Some(false),
        };
        let end = match mark {
            MarkupKind::Unsure => return unsure,
            MarkupKind::Nmaprun => return Some(true),
            MarkupKind::Doctype => return is_nmap_doctype(rest, last),
            MarkupKind::Declaration | MarkupKind::Pi | MarkupKind::Comment => {
                TerminatorCache::default().end(mark, rest, 0, PROLOG, false)
            }
            _ => return Some(false),
        };
        match end {
            End::At(len) => {
                debug_assert!((1..=rest.len()).contains(&len), "markup of {len} bytes");
                rest = rest.get(len.max(1)..).unwrap_or_default();
            }
            End::More => return unsure,
            _ => return Some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doctype_ends_after_its_subset() {
        let plain = b"<!DOCTYPE nmaprun SYSTEM \"a>b\"> x";
        assert_eq!(doctype_end(plain, 100, false), (End::At(31), false));
        let subset = b"<!DOCTYPE nmaprun [<!ENTITY a \"]>\"><!-- ]> -->] > x";
        assert_eq!(doctype_end(subset, 100, false), (End::At(49), true));
        assert_eq!(doctype_end(b"<!DOCTYPE nmaprun [", 100, false).0, End::More);
        assert_eq!(doctype_end(b"<!DOCTYPE nmaprun [", 100, true).0, End::Lost);
        for (text, place) in [
            (&b"<!DOCTYPE nmaprun\">\n<?x href=\"a\"?>"[..], 20),
            (b"<!DOCTYPE nmaprun [<!-- <a> --> <nmaprun>", 32),
            (b"<!DOCTYPE nmaprun [<!ENTITY a '<b>'></c>", 36),
        ] {
            assert_eq!(doctype_end(text, 100, false).0, End::Broken(place));
        }
    }

    #[test]
    fn a_doctype_is_recognized_by_its_whole_name() {
        for (text, told) in [
            ("<!DOCTYPE nmaprun>", Some(true)),
            ("<!DOCTYPE\n nmaprun [", Some(true)),
            ("<!DOCTYPE nmaprunner>", Some(false)),
            ("<!DOCTYPE nmaprun<host>", Some(false)),
            ("<!DOCTYPE html", Some(false)),
            ("<!DOCTYPE nmaprun", None),
            ("<!DOCTYPE nm", None),
            ("<!DOCTYPE", None),
        ] {
            assert_eq!(is_nmap_doctype(text.as_bytes(), false), told, "{text}");
        }
        assert_eq!(is_nmap_doctype(b"<!DOCTYPE nmaprun", true), Some(true));
        assert_eq!(is_nmap_doctype(b"<!DOCTYPE nm", true), Some(false));
    }

    #[test]
    fn a_declaration_in_a_tag_begins_a_document_if_a_root_follows() {
        for (text, told) in [
            ("<?xml version=\"1.0\"?>\n<!-- a --><?b c?>\n<nmaprun args", Some(true)),
            ("<?xml version=\"1.0\"?><!DOCTYPE nmaprun>", Some(true)),
            ("<?xml version=\"1.0\"?><root>", Some(false)),
            ("<?xml version=\"1.0\"?>\"/>", Some(false)),
            ("<?xml version=\"1.0\" <nmaprun>", Some(false)),
            ("<?xml version=\"1.0\"?><!-- ", None),
        ] {
            assert_eq!(begins_document(text.as_bytes(), false), told, "{text}");
        }
        assert_eq!(begins_document(b"<?xml version=\"1.0\"?> <nma", true), Some(true));
    }
}
