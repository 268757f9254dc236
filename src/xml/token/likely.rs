//! Predictor of names for the fast path.
//!
//! nmap writes elements, and the attributes of each, in a fixed order. So the predictor compares the bytes that follow
//! with the name that is due, as two masked 64-bit words, instead of searching for the end of the name and looking it
//! up. A wrong guess costs only time: the fast path then reads the name in the usual way.
//!
//! `BEHIND` lists, for the start tag of an element, the elements that often begin next; for end tags the guess is the
//! element that was opened last. `ORDERS` lists the attribute orders of each element; from them the compiler builds,
//! per element, a table of the attributes that may follow each attribute. To teach it a new element or order of nmap,
//! add a line to these two tables; nothing else depends on them.

use super::super::names::{At, El};

/// Elements that often begin next after the start tag of another one.
const BEHIND: &[(El, [Option<El>; 2])] = &[
    (El::Host, [Some(El::Status), None]),
    (El::Status, [Some(El::Address), None]),
    (El::Address, [Some(El::Hostnames), Some(El::Address)]),
    (El::Hostnames, [Some(El::Ports), Some(El::Hostname)]),
    (El::Hostname, [Some(El::Ports), Some(El::Hostname)]),
    (El::Ports, [Some(El::Extraports), Some(El::Port)]),
    (El::Extraports, [Some(El::Extrareasons), None]),
    (El::Extrareasons, [Some(El::Port), Some(El::Extrareasons)]),
    (El::Port, [Some(El::State), None]),
    (El::State, [Some(El::Service), Some(El::Port)]),
    (El::Service, [Some(El::Port), Some(El::Cpe)]),
    (El::Cpe, [Some(El::Cpe), Some(El::Script)]),
    (El::Script, [Some(El::Elem), Some(El::Table)]),
    (El::Table, [Some(El::Elem), Some(El::Table)]),
    (El::Elem, [Some(El::Elem), Some(El::Table)]),
    (El::Osmatch, [Some(El::Osclass), Some(El::Osmatch)]),
    (El::Osclass, [Some(El::Cpe), Some(El::Osmatch)]),
    (El::Hop, [Some(El::Hop), None]),
];

/// Orders in which nmap writes attributes.
const ORDERS: &[(El, &[At])] = &[
    (El::Host, &[At::Starttime, At::Endtime, At::Timedout]),
    (El::Status, &[At::State, At::Reason, At::ReasonTtl]),
    (El::Address, &[At::Addr, At::Addrtype, At::Vendor]),
    (El::Hostname, &[At::Name, At::Type]),
    (El::Extraports, &[At::State, At::Count]),
    (El::Extrareasons, &[At::Reason, At::Count, At::Proto, At::Ports]),
    (El::Port, &[At::Protocol, At::Portid]),
    (El::State, &[At::State, At::Reason, At::ReasonTtl, At::ReasonIp]),
    (El::Service, &[At::Name, At::Method, At::Conf]),
    (El::Service, &[At::Name, At::Product, At::Version, At::Extrainfo, At::Ostype, At::Method]),
    (El::Service, &[At::Product, At::Method]),
    (El::Service, &[At::Version, At::Method]),
    (El::Service, &[At::Extrainfo, At::Method]),
    (El::Script, &[At::Id, At::Output]),
    (El::Table, &[At::Key]),
    (El::Elem, &[At::Key]),
    (El::Portused, &[At::State, At::Proto, At::Portid]),
    (El::Osmatch, &[At::Name, At::Accuracy, At::Line]),
    (El::Osclass, &[At::Type, At::Vendor, At::Osfamily, At::Osgen, At::Accuracy]),
    (El::Osclass, &[At::Osfamily, At::Accuracy]),
    (El::Uptime, &[At::Seconds, At::Lastboot]),
    (El::Distance, &[At::Value]),
    (El::Tcpsequence, &[At::Index, At::Difficulty, At::Values]),
    (El::Ipidsequence, &[At::Class, At::Values]),
    (El::Tcptssequence, &[At::Class, At::Values]),
    (El::Trace, &[At::Port, At::Proto]),
    (El::Hop, &[At::Ttl, At::Ipaddr, At::Rtt, At::Host]),
    (El::Times, &[At::Srtt, At::Rttvar, At::To]),
];

/// Predicted attributes: the first guess and an alternative.
type Guess = [Option<At>; 2];

/// For each attribute, the attributes that may follow it; the first entry has those that may come first.
type Row = [Guess; At::COUNT + 1];

static ROWS: [Row; El::COUNT] = rows();

static NONE: Row = [[None; 2]; At::COUNT + 1];

static NEXT: [[Option<El>; 2]; El::COUNT] = next();

/// Names of the elements.
static NAMES: [Pattern; El::COUNT] = names();

/// For each attribute a blank, its name, `=` and `"`.
static OPENERS: [Pattern; At::COUNT] = openers();

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

/// Returns the element whose name stands at the start of `tail`, if it is likely after the start tag `behind`, and the
/// length of the name.
#[inline]
pub(super) fn element(behind: Option<El>, tail: &[u8]) -> Option<(El, usize)> {
    let words = head(tail)?;
    NEXT.get(behind?.number())?.iter().flatten().find_map(|el| {
        let name = NAMES.get(el.number())?;
        let found = name.begins(words) && matches!(tail.get(name.len), Some(b' ' | b'>' | b'/'));
        found.then_some((*el, name.len))
    })
}

/// Returns the element that was opened last if its name stands at the start of the end tag `tail`, and the length of
/// the name.
#[inline]
pub(super) fn end(opened: Option<El>, tail: &[u8]) -> Option<(El, usize)> {
    let el = opened?;
    let name = NAMES.get(el.number())?;
    let found = name.begins(head(tail)?) && tail.get(name.len) == Some(&b'>');
    found.then_some((el, name.len))
}

/// Predicts the attributes of a tag.
#[derive(Clone, Copy)]
pub(super) struct Likely {
    row: &'static Row,
    next: Guess,
}

impl Likely {
    /// Creates a predictor that expects the first attribute of an element.
    #[inline]
    pub(super) fn new(el: Option<El>) -> Self {
        let row = el.and_then(|el| ROWS.get(el.number())).unwrap_or(&NONE);
        Self { row, next: row[0] }
    }

    /// Returns the predicted attribute whose blank, name, `=` and `"` stand at the start of `tail`, and their length.
    #[inline]
    pub(super) fn opener(&self, tail: &[u8]) -> Option<(At, usize)> {
        let words = head(tail)?;
        self.next.into_iter().flatten().find_map(|id| {
            let opener = OPENERS.get(id.number())?;
            opener.begins(words).then_some((id, opener.len))
        })
    }

    /// Records that this attribute was read.
    #[inline]
    pub(super) fn passed(&mut self, id: At) {
        self.next = self.row.get(id.number().wrapping_add(1)).copied().unwrap_or([None; 2]);
    }
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler"
)]
const fn rows() -> [Row; El::COUNT] {
    let mut rows = [[[None; 2]; At::COUNT + 1]; El::COUNT];
    let mut order = 0;
    while order < ORDERS.len() {
        let (el, ids) = ORDERS[order];
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
const fn next() -> [[Option<El>; 2]; El::COUNT] {
    let mut next = [[None; 2]; El::COUNT];
    let mut i = 0;
    while i < BEHIND.len() {
        let (el, guess) = BEHIND[i];
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
const fn names() -> [Pattern; El::COUNT] {
    let mut names = [Pattern::NEVER; El::COUNT];
    let mut i = 0;
    while i < El::COUNT {
        names[i] = Pattern::new([b"", El::ALL[i].name().as_bytes(), b""]);
        i += 1;
    }
    names
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler"
)]
const fn openers() -> [Pattern; At::COUNT] {
    let mut openers = [Pattern::NEVER; At::COUNT];
    let mut i = 0;
    while i < At::COUNT {
        openers[i] = Pattern::new([b" ", At::ALL[i].name().as_bytes(), b"=\""]);
        i += 1;
    }
    openers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_element_is_guessed_by_its_whole_name() {
        for (el, next) in BEHIND {
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
        assert_eq!(element(Some(El::Port), b"status state=\"up\""), None);
    }

    #[test]
    fn a_guess_is_right_or_none() {
        for (el, ids) in ORDERS {
            let mut likely = Likely::new(Some(*el));
            let mut behind = false;
            for id in *ids {
                let text = format!(" {}=\"x\" and more", id.name());
                let found = likely.opener(text.as_bytes());
                let len = id.name().len() + 3;
                assert!(found == Some((*id, len)) || !behind && found.is_none(), "{text}");
                let other = text.replacen('=', " =", 1);
                assert_eq!(likely.opener(other.as_bytes()), None, "{other}");
                likely.passed(*id);
                behind = true;
            }
        }
        assert_eq!(Likely::new(None).opener(b" state=\"open\" and more"), None);
        assert_eq!(Likely::new(Some(El::State)).opener(b" state=\"open\""), None, "too short");
    }
}
