//! Rule T1: files in which the encoding changes from one document to the next, and bytes that are not UTF-8.

use proptest::prelude::*;
use scanmill::{
    error::DiagnosticCode,
    model::ScanEvent,
    xml::{Decoder, Options},
};

use crate::support::Outcome;

/// The encoding of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Utf8,
    Little,
    Big,
}

const FORMS: [Form; 3] = [Form::Utf8, Form::Little, Form::Big];

impl Form {
    fn write(self, text: &str, mark: bool) -> Vec<u8> {
        let text = if mark { format!("\u{feff}{text}") } else { text.to_owned() };
        match self {
            Self::Utf8 => text.into_bytes(),
            Self::Little => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Big => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        }
    }
}

/// Returns a document with one host whose name has characters of one, two, three and four bytes.
fn document(number: u8) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<nmaprun scanner=\"nmap\" args=\"nmap {number}\" start=\"1\">\n\
         <host><status state=\"up\"/><address addr=\"192.0.2.{number}\" addrtype=\"ipv4\"/>\n\
         <hostnames><hostname name=\"M\u{fc}ller \u{20ac} \u{1f600}\"/></hostnames></host>\n\
         <runstats><finished time=\"2\"/></runstats></nmaprun>\n"
    )
}

fn names(outcome: &Outcome) -> Vec<(String, String)> {
    let hosts = outcome.hosts().into_iter();
    hosts
        .map(|host| {
            let name = host.hostnames.first().map_or(String::new(), |name| name.name.to_string());
            (host.ip().map_or(String::new(), |ip| ip.text.to_string()), name)
        })
        .collect()
}

fn wanted(numbers: &[u8]) -> Vec<(String, String)> {
    let name = || "M\u{fc}ller \u{20ac} \u{1f600}".to_owned();
    numbers.iter().map(|number| (format!("192.0.2.{number}"), name())).collect()
}

/// Checks that pieces of several sizes give the result of the whole.
fn pieces_agree(bytes: &[u8], whole: &Outcome) {
    for size in [1, 2, 3, 5, 7, 64] {
        let pieces = Outcome::of_pieces(bytes.chunks(size));
        assert!(pieces == *whole, "in pieces of {size}: {pieces:?}\n{whole:?}");
    }
}

#[test]
fn t1_a_later_document_may_have_another_encoding() {
    for first in FORMS {
        for second in FORMS {
            for (marks, third) in [(0, first), (1, Form::Utf8), (2, second), (3, first)] {
                let mut bytes = first.write(&document(1), marks & 1 != 0);
                bytes.extend(second.write(&document(2), marks & 2 != 0));
                bytes.extend(third.write(&document(3), true));
                let whole = Outcome::of(&bytes);
                let case = format!("{first:?} {second:?} {third:?} {marks}");
                assert_eq!(names(&whole), wanted(&[1, 2, 3]), "{case}");
                let clean = whole.runs().iter().all(|run| run.diagnostics.is_empty());
                assert!(clean && whole.error.is_none(), "{case}: {:?}", whole.runs());
                pieces_agree(&bytes, &whole);
                // The position of each document, to the byte.
                let sizes: i64 = whole.runs().iter().map(|run| run.bytes).sum();
                assert_eq!(usize::try_from(sizes).unwrap(), bytes.len(), "{case}");
            }
        }
    }
}

#[test]
fn t1_a_document_after_one_truncated_inside_a_character_is_read() {
    for first in FORMS {
        for second in FORMS {
            for mark in [false, true] {
                let whole = first.write(&document(1), mark);
                // Each position in and around the characters of several bytes and in the end tags.
                let end = whole.len();
                for cut in (end * 2 / 3..end).step_by(3).chain(end - 6..end) {
                    let mut bytes = whole[..cut].to_vec();
                    bytes.extend(second.write(&document(2), mark));
                    let outcome = Outcome::of(&bytes);
                    let last = names(&outcome).pop();
                    let case = format!("{first:?} {second:?} {mark} {cut}");
                    // Without a byte order mark the byte order is unknown.
                    let swapped = first != second && first != Form::Utf8 && second != Form::Utf8;
                    // It is also unknown if the remaining half looks like the first byte.
                    let unclear = swapped || (second == Form::Little && whole[cut - 1] == 0);
                    if mark || cut % 2 == 0 || first == Form::Utf8 || !unclear {
                        assert_eq!(last, wanted(&[2]).pop(), "{case}");
                    }
                    pieces_agree(&bytes, &outcome);
                }
            }
        }
    }
}

#[test]
fn t1_a_byte_order_mark_overrides_a_declaration() {
    let text = document(1).replace("UTF-8", "ISO-8859-1");
    for form in FORMS {
        let outcome = Outcome::of(&form.write(&text, true));
        assert_eq!(names(&outcome), wanted(&[1]), "{form:?}");
    }
}

#[test]
fn t1_invalid_utf8_is_read_as_windows_1252() {
    let value = b"\x93a\x94 \x96 \x8a \x80 \xe9";
    let text = "\u{201c}a\u{201d} \u{2013} \u{160} \u{20ac} \u{e9}";
    for label in ["", "ISO-8859-1", "latin1", "us-ascii", "windows-1252"] {
        let declaration = format!("<?xml version=\"1.0\" encoding=\"{label}\"?>");
        let mut bytes = if label.is_empty() { Vec::new() } else { declaration.into_bytes() };
        bytes.extend(
            b"<nmaprun args=\"x\"><host><status state=\"up\"/><hostnames><hostname name=\"",
        );
        bytes.extend(value);
        bytes.extend(b"\"/></hostnames></host></nmaprun>");
        let outcome = Outcome::of(&bytes);
        assert_eq!(outcome.hosts()[0].hostnames[0].name, text, "{label}");
        let codes: Vec<_> =
            outcome.runs()[0].diagnostics.iter().map(|d| (d.code, d.count)).collect();
        let bad = if label.is_empty() { vec![(DiagnosticCode::BadUtf8, 6)] } else { vec![] };
        assert_eq!(codes, bad, "{label}");
        pieces_agree(&bytes, &outcome);
    }
}

#[test]
fn an_event_is_returned_as_soon_as_it_is_complete_in_any_encoding() {
    for form in FORMS {
        let bytes = form.write(&document(1), true);
        let end = form.write("</host>\n", false);
        let at = bytes.windows(end.len()).position(|window| window == end).unwrap() + end.len();
        let mut decoder = Decoder::new(Options::default());
        decoder.feed(&bytes[..at]);
        let mut hosts = 0;
        while let Some(event) = decoder.next_event().unwrap() {
            hosts += usize::from(matches!(event, ScanEvent::Host(_)));
        }
        assert_eq!(hosts, 1, "{form:?}");
    }
}

#[test]
fn t1_stray_bytes_before_a_mark_do_not_form_a_mark_of_the_other_order() {
    // `fe ff` across the end of a stray character and the mark `ff fe`: no big-endian document follows.
    for (order, stray) in [(1, [0, 0xfe]), (2, [0, 0xff])] {
        let mut bytes = FORMS[order].write(&document(0), false);
        bytes.extend(stray);
        bytes.extend(FORMS[order].write(&document(1), true));
        pieces_agree(&bytes, &Outcome::of(&bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn t1_pieces_of_files_with_several_encodings_give_the_whole(
        parts in prop::collection::vec((0..3_usize, any::<bool>(), 0..40_usize, any::<u8>()), 1..4),
        stray in prop::collection::vec(any::<u8>(), 0..3),
        cuts in prop::collection::vec(1..90_usize, 1..30),
    ) {
        let mut bytes = Vec::new();
        for (number, (form, mark, cut, _)) in parts.iter().enumerate() {
            let part = FORMS[*form].write(&document(u8::try_from(number).unwrap()), *mark);
            bytes.extend(&part[..part.len() - cut]);
            bytes.extend(&stray);
        }
        let whole = Outcome::of(&bytes);
        let mut rest = &bytes[..];
        let mut pieces = Vec::new();
        for size in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, tail) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        prop_assert_eq!(&Outcome::of_pieces(pieces.into_iter()), &whole);
        let bytewise = Outcome::of_pieces(bytes.chunks(1));
        prop_assert_eq!(&bytewise, &whole);
    }
}
