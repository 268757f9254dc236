//! Detects nmap XML that is embedded in another text and has to be extracted by the user.

use memchr::memmem;

/// Escaped forms of the `<` of `<nmaprun` in HTML and JSON.
const BRACKETS: [&[u8]; 5] = [b"&lt;", b"&#60;", b"&#x3c;", b"\\u003c", b"\\x3c"];
const RUN: &[u8] = b"nmaprun";
/// Length in bytes of the longest of these, including the name.
const LONGEST: usize = 13;

/// Searches for the start tag of a scan with an escaped bracket in bytes that arrive in chunks.
#[derive(Debug, Default)]
pub(super) struct EscapedScan {
    found: bool,
    /// Last bytes of the previous chunks.
    tail: Vec<u8>,
}

impl EscapedScan {
    pub(super) fn is_found(&self) -> bool {
        self.found
    }

    pub(super) fn look(&mut self, bytes: &[u8]) {
        if self.found {
            return;
        }
        let first = bytes.get(..LONGEST).unwrap_or(bytes);
        self.tail.extend_from_slice(first);
        self.found = holds_escaped(&self.tail) || holds_escaped(bytes);
        if bytes.len() >= LONGEST {
            self.tail.clear();
            self.tail.extend_from_slice(
                bytes.get(bytes.len().saturating_sub(LONGEST)..).unwrap_or_default(),
            );
        } else {
            let old = self.tail.len().saturating_sub(LONGEST);
            self.tail.drain(..old);
        }
    }
}

fn holds_escaped(bytes: &[u8]) -> bool {
    memmem::find_iter(bytes, RUN).any(|at| {
        let before = bytes.get(..at).unwrap_or_default();
        BRACKETS.iter().any(|bracket| {
            let place = before.len().checked_sub(bracket.len());
            let found = place.and_then(|place| before.get(place..));
            found.is_some_and(|found| found.eq_ignore_ascii_case(bracket))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_brackets_are_found_in_any_pieces() {
        for (text, found) in [
            ("<pre>&lt;nmaprun scanner=&quot;nmap&quot;", true),
            (r#"{"xml":"\u003cnmaprun scanner=\"nmap\""#, true),
            (r#"{"xml":"\u003Cnmaprun scanner=\"nmap\""#, true),
            ("&#x3C;nmaprun", true),
            ("the element nmaprun", false),
            ("&lt;nmaprn", false),
        ] {
            for size in [1, 2, 3, 5, 100] {
                let mut escaped = EscapedScan::default();
                text.as_bytes().chunks(size).for_each(|chunk| escaped.look(chunk));
                assert_eq!(escaped.is_found(), found, "{text} in pieces of {size}");
            }
        }
    }
}
