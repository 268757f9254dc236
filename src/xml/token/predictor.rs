//! Predictor of names for the fast path.
//!
//! nmap writes elements, and the attributes of each, in a fixed order. So the predictor compares the bytes that follow
//! with the name that is due, as two masked 64-bit words, instead of searching for the end of the name and looking it
//! up. A wrong guess costs only time: the fast path then reads the name in the usual way.
//!
//! `NEXT_ELEMENTS` lists, for the start tag of an element, the elements that often begin next; for end tags the guess
//! is the element that was opened last. `ATTRIBUTE_ORDERS` lists the attribute orders of each element; from them the
//! compiler builds, per element, a table of the attributes that may follow each attribute. To teach it a new element or
//! order of nmap, add a line to these two tables; nothing else depends on them.

use super::super::names::{Attribute, Element};

/// Elements that often begin next after the start tag of another one.
const NEXT_ELEMENTS: &[(Element, [Option<Element>; 2])] = &[
    (Element::Host, [Some(Element::Status), None]),
    (Element::Status, [Some(Element::Address), None]),
    (Element::Address, [Some(Element::Hostnames), Some(Element::Address)]),
    (Element::Hostnames, [Some(Element::Ports), Some(Element::Hostname)]),
    (Element::Hostname, [Some(Element::Ports), Some(Element::Hostname)]),
    (Element::Ports, [Some(Element::Extraports), Some(Element::Port)]),
    (Element::Extraports, [Some(Element::Extrareasons), None]),
    (Element::Extrareasons, [Some(Element::Port), Some(Element::Extrareasons)]),
    (Element::Port, [Some(Element::State), None]),
    (Element::State, [Some(Element::Service), Some(Element::Port)]),
    (Element::Service, [Some(Element::Port), Some(Element::Cpe)]),
    (Element::Cpe, [Some(Element::Cpe), Some(Element::Script)]),
    (Element::Script, [Some(Element::Elem), Some(Element::Table)]),
    (Element::Table, [Some(Element::Elem), Some(Element::Table)]),
    (Element::Elem, [Some(Element::Elem), Some(Element::Table)]),
    (Element::Osmatch, [Some(Element::Osclass), Some(Element::Osmatch)]),
    (Element::Osclass, [Some(Element::Cpe), Some(Element::Osmatch)]),
    (Element::Hop, [Some(Element::Hop), None]),
];

/// Orders in which nmap writes attributes.
const ATTRIBUTE_ORDERS: &[(Element, &[Attribute])] = &[
    (Element::Host, &[Attribute::Starttime, Attribute::Endtime, Attribute::Timedout]),
    (Element::Status, &[Attribute::State, Attribute::Reason, Attribute::ReasonTtl]),
    (Element::Address, &[Attribute::Addr, Attribute::Addrtype, Attribute::Vendor]),
    (Element::Hostname, &[Attribute::Name, Attribute::Type]),
    (Element::Extraports, &[Attribute::State, Attribute::Count]),
    (
        Element::Extrareasons,
        &[Attribute::Reason, Attribute::Count, Attribute::Proto, Attribute::Ports],
    ),
    (Element::Port, &[Attribute::Protocol, Attribute::Portid]),
    (
        Element::State,
        &[Attribute::State, Attribute::Reason, Attribute::ReasonTtl, Attribute::ReasonIp],
    ),
    (Element::Service, &[Attribute::Name, Attribute::Method, Attribute::Conf]),
    (
        Element::Service,
        &[
            Attribute::Name,
            Attribute::Product,
            Attribute::Version,
            Attribute::Extrainfo,
            Attribute::Ostype,
            Attribute::Method,
        ],
    ),
    (Element::Service, &[Attribute::Product, Attribute::Method]),
    (Element::Service, &[Attribute::Version, Attribute::Method]),
    (Element::Service, &[Attribute::Extrainfo, Attribute::Method]),
    (Element::Script, &[Attribute::Id, Attribute::Output]),
    (Element::Table, &[Attribute::Key]),
    (Element::Elem, &[Attribute::Key]),
    (Element::Portused, &[Attribute::State, Attribute::Proto, Attribute::Portid]),
    (Element::Osmatch, &[Attribute::Name, Attribute::Accuracy, Attribute::Line]),
    (
        Element::Osclass,
        &[
            Attribute::Type,
            Attribute::Vendor,
            Attribute::Osfamily,
            Attribute::Osgen,
            Attribute::Accuracy,
        ],
    ),
    (Element::Osclass, &[Attribute::Osfamily, Attribute::Accuracy]),
    (Element::Uptime, &[Attribute::Seconds, Attribute::Lastboot]),
    (Element::Distance, &[Attribute::Value]),
    (Element::Tcpsequence, &[Attribute::Index, Attribute::Difficulty, Attribute::Values]),
    (Element::Ipidsequence, &[Attribute::Class, Attribute::Values]),
    (Element::Tcptssequence, &[Attribute::Class, Attribute::Values]),
    (Element::Trace, &[Attribute::Port, Attribute::Proto]),
    (Element::Hop, &[Attribute::Ttl, Attribute::Ipaddr, Attribute::Rtt, Attribute::Host]),
    (Element::Times, &[Attribute::Srtt, Attribute::Rttvar, Attribute::To]),
];

/// Predicted attributes: the first guess and an alternative.
type Guess = [Option<Attribute>; 2];

/// For each attribute, the attributes that may follow it; the first entry has those that may come first.
type Row = [Guess; Attribute::COUNT + 1];

static ROWS: [Row; Element::COUNT] = rows();

static NONE: Row = [[None; 2]; Attribute::COUNT + 1];

static NEXT: [[Option<Element>; 2]; Element::COUNT] = next();

/// Names of the elements.
static NAMES: [Pattern; Element::COUNT] = names();

/// For each attribute a blank, its name, `=` and `"`.
static OPENERS: [Pattern; Attribute::COUNT] = openers();

/// Pattern of up to 16 bytes as two words, each with a mask.
#[derive(Clone, Copy)]
struct Pattern {
    words: [u64; 2],
    masks: [u64; 2],
    len: usize,
}

impl Pattern {
    /// Pattern that matches no text.
    const NEVER: Self = Self { words: [u64::MAX; 2], masks: [u64::MAX; 2], len: 0 };

    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        reason = "evaluated by the compiler"
    )]
    const fn new([before, name, behind]: [&[u8]; 3]) -> Self {
        let len = before.len() + name.len() + behind.len();
        if len > 16 {
            return Self::NEVER;
        }
        let mut pattern = Self { words: [0; 2], masks: [0; 2], len };
        let mut at = 0;
        while at < len {
            let byte = if at < before.len() {
                before[at]
            } else if at < before.len() + name.len() {
                name[at - before.len()]
            } else {
                behind[at - before.len() - name.len()]
            };
            pattern.words[at / 8] |= (byte as u64) << (at % 8 * 8);
            pattern.masks[at / 8] |= 0xff << (at % 8 * 8);
            at += 1;
        }
        pattern
    }

    /// Returns true if the text begins with the pattern.
    #[inline]
    fn begins(&self, [first, second]: [u64; 2]) -> bool {
        let [low, high] = self.words;
        let [low_mask, high_mask] = self.masks;
        (first ^ low) & low_mask | (second ^ high) & high_mask == 0
    }
}

/// Returns the first 16 bytes as words.
#[inline]
fn head(tail: &[u8]) -> Option<[u64; 2]> {
    let (first, rest) = tail.split_first_chunk::<8>()?;
    Some([u64::from_le_bytes(*first), u64::from_le_bytes(*rest.first_chunk::<8>()?)])
}

/// Returns the element whose name is at the start of `tail`, if it is likely after the start tag `behind`, and the
/// length of the name.
#[inline]
pub(super) fn element(behind: Option<Element>, tail: &[u8]) -> Option<(Element, usize)> {
    let words = head(tail)?;
    NEXT.get(behind?.number())?.iter().flatten().find_map(|el| {
        let name = NAMES.get(el.number())?;
        let found = name.begins(words) && matches!(tail.get(name.len), Some(b' ' | b'>' | b'/'));
        found.then_some((*el, name.len))
    })
}

/// Returns the element that was opened last if its name is at the start of the end tag `tail`, and the length of
/// the name.
#[inline]
pub(super) fn end(opened: Option<Element>, tail: &[u8]) -> Option<(Element, usize)> {
    let el = opened?;
    let name = NAMES.get(el.number())?;
    let found = name.begins(head(tail)?) && tail.get(name.len) == Some(&b'>');
    found.then_some((el, name.len))
}

/// Predicts the attributes of a tag.
#[derive(Clone, Copy)]
pub(super) struct AttributePredictor {
    row: &'static Row,
    next: Guess,
}

impl AttributePredictor {
    /// Creates a predictor that expects the first attribute of an element.
    #[inline]
    pub(super) fn new(el: Option<Element>) -> Self {
        let row = el.and_then(|el| ROWS.get(el.number())).unwrap_or(&NONE);
        Self { row, next: row[0] }
    }

    /// Returns the predicted attribute whose blank, name, `=` and `"` are at the start of `tail`, and their length.
    #[inline]
    pub(super) fn opener(&self, tail: &[u8]) -> Option<(Attribute, usize)> {
        let words = head(tail)?;
        self.next.into_iter().flatten().find_map(|id| {
            let opener = OPENERS.get(id.number())?;
            opener.begins(words).then_some((id, opener.len))
        })
    }

    /// Records that this attribute was read.
    #[inline]
    pub(super) fn advance(&mut self, id: Attribute) {
        self.next = self.row.get(id.number().wrapping_add(1)).copied().unwrap_or([None; 2]);
    }
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler"
)]
const fn rows() -> [Row; Element::COUNT] {
    let mut rows = [[[None; 2]; Attribute::COUNT + 1]; Element::COUNT];
    let mut order = 0;
    while order < ATTRIBUTE_ORDERS.len() {
        let (el, ids) = ATTRIBUTE_ORDERS[order];
        let mut place = 0;
        let mut i = 0;
        while i < ids.len() {
            let guess = &mut rows[el.number()][place];
            match *guess {
                [None, _] => guess[0] = Some(ids[i]),
                // Only the first order of an element determines which attribute comes first.
                [Some(first), None] if place > 0 && first.number() != ids[i].number() => {
                    guess[1] = Some(ids[i]);
                }
                _ => {}
            }
            place = ids[i].number() + 1;
            i += 1;
        }
        order += 1;
    }
    rows
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler"
)]
const fn next() -> [[Option<Element>; 2]; Element::COUNT] {
    let mut next = [[None; 2]; Element::COUNT];
    let mut i = 0;
    while i < NEXT_ELEMENTS.len() {
        let (el, guess) = NEXT_ELEMENTS[i];
        next[el.number()] = guess;
        i += 1;
    }
    next
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler"
)]
const fn names() -> [Pattern; Element::COUNT] {
    let mut names = [Pattern::NEVER; Element::COUNT];
    let mut i = 0;
    while i < Element::COUNT {
        names[i] = Pattern::new([b"", Element::ALL[i].name().as_bytes(), b""]);
        i += 1;
    }
    names
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler"
)]
const fn openers() -> [Pattern; Attribute::COUNT] {
    let mut openers = [Pattern::NEVER; Attribute::COUNT];
    let mut i = 0;
    while i < Attribute::COUNT {
        openers[i] = Pattern::new([b" ", Attribute::ALL[i].name().as_bytes(), b"=\""]);
        i += 1;
    }
    openers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_element_is_guessed_by_its_whole_name() {
        for (el, next) in NEXT_ELEMENTS {
            for guess in next.iter().flatten() {
                let name = guess.name();
                for end in [" ", ">", "/>"] {
                    let text = format!("{name}{end}              ");
                    assert_eq!(element(Some(*el), text.as_bytes()), Some((*guess, name.len())));
                }
                let text = format!("{name}_              ");
                assert_eq!(element(Some(*el), text.as_bytes()), None);
                assert_eq!(element(None, text.as_bytes()), None);
                let text = format!("{name}>              ");
                assert_eq!(end(Some(*guess), text.as_bytes()), Some((*guess, name.len())));
                assert_eq!(end(Some(*el), text.as_bytes()).is_some(), el == guess);
            }
        }
        assert_eq!(element(Some(Element::Port), b"status state=\"up\""), None);
    }

    #[test]
    fn a_guess_is_right_or_absent() {
        for (el, ids) in ATTRIBUTE_ORDERS {
            let mut predictor = AttributePredictor::new(Some(*el));
            let mut behind = false;
            for id in *ids {
                let text = format!(" {}=\"x\" and more", id.name());
                let found = predictor.opener(text.as_bytes());
                let len = id.name().len() + 3;
                assert!(found == Some((*id, len)) || !behind && found.is_none(), "{text}");
                let other = text.replacen('=', " =", 1);
                assert_eq!(predictor.opener(other.as_bytes()), None, "{other}");
                predictor.advance(*id);
                behind = true;
            }
        }
        assert_eq!(AttributePredictor::new(None).opener(b" state=\"open\" and more"), None);
        assert_eq!(
            AttributePredictor::new(Some(Element::State)).opener(b" state=\"open\""),
            None,
            "too short"
        );
    }
}
