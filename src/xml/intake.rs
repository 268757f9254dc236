//! What arrives: UTF-16 is transcoded, a byte order mark and raw NUL bytes are dropped (rules T1, T2),
//! and places of what is left can be told in bytes of the input.

use std::collections::VecDeque;

/// Turns input bytes into bytes of an ASCII-compatible encoding.
#[derive(Debug, Default)]
pub(super) struct Intake {
    form: Form,
    /// First bytes, until they tell the form.
    head: Vec<u8>,
    /// A UTF-16 unit or pair of which not all bytes came yet.
    rest: Vec<u8>,
    /// What was dropped: place in the output from the first byte ever, and how many input bytes.
    dropped: VecDeque<(u64, u64)>,
    /// Output bytes given so far.
    given: u64,
    /// Place of the first output byte that is not consumed: in the output and in the input.
    base: u64,
    raw_base: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Form {
    #[default]
    Unknown,
    Bytes,
    Utf16 {
        big: bool,
    },
}

/// Whether the first bytes, in a common case, tell that they and all that follow are [`Form::Bytes`].
fn is_plain_start(head: &[u8]) -> bool {
    matches!(head, [b'<', b'?' | b'!' | b'n' | b'h', _, _, ..])
}

/// NUL characters that were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nuls {
    /// Place of the first in the input.
    pub(super) place: u64,
    /// Output bytes before it.
    pub(super) before: usize,
    pub(super) count: u64,
}

/// Entries of `dropped` kept; beyond, places become rough (a file of which every other byte is NUL).
const DROPPED_CAP: usize = 1 << 20;

impl Intake {
    /// Takes input bytes and appends what they mean to `out`.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.form == Form::Unknown && self.head.is_empty() && is_plain_start(bytes) {
            self.form = Form::Bytes;
        }
        if self.form == Form::Unknown {
            self.head.extend_from_slice(bytes);
            if self.head.len() < 4 {
                return;
            }
            let head = std::mem::take(&mut self.head);
            self.begin(&head, out);
        } else {
            self.take(bytes, out);
        }
    }

    /// Takes input bytes that were appended to `out` already, behind the first `before` bytes of it. Only while it
    /// [`takes_bytes`](Self::takes_bytes).
    pub(super) fn accept(&mut self, before: usize, out: &mut Vec<u8>) {
        let new = out.get(before..).unwrap_or_default();
        let plain = self.form == Form::Bytes || is_plain_start(new);
        if plain && memchr::memchr(0, new).is_none() {
            self.form = Form::Bytes;
            self.given = self.given.saturating_add(super::lex::to_u64(new.len()));
        } else {
            let new = out.split_off(before.min(out.len()));
            self.feed(&new, out);
        }
    }

    /// Whether bytes mean themselves, but for NUL, or may do so.
    pub(super) fn takes_bytes(&self) -> bool {
        self.form == Form::Bytes || (self.form == Form::Unknown && self.head.is_empty())
    }

    /// No more bytes will come.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.form == Form::Unknown {
            let head = std::mem::take(&mut self.head);
            self.begin(&head, out);
        }
        if !self.rest.is_empty() {
            self.rest.clear();
            self.give("\u{fffd}", out);
        }
    }

    fn begin(&mut self, head: &[u8], out: &mut Vec<u8>) {
        let (form, mark) = match head {
            [0xef, 0xbb, 0xbf, ..] => (Form::Bytes, 3),
            [0xff, 0xfe, ..] => (Form::Utf16 { big: false }, 2),
            [0xfe, 0xff, ..] => (Form::Utf16 { big: true }, 2),
            [b'<', 0, second, 0, ..] if *second != 0 => (Form::Utf16 { big: false }, 0),
            [0, b'<', 0, second, ..] if *second != 0 => (Form::Utf16 { big: true }, 0),
            _ => (Form::Bytes, 0),
        };
        self.form = form;
        self.raw_base = mark;
        let skip = usize::try_from(mark).unwrap_or_default();
        self.take(head.get(skip..).unwrap_or_default(), out);
    }

    fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self.form {
            Form::Utf16 { big } => self.take_utf16(bytes, big, out),
            _ => self.take_bytes(bytes, out),
        }
    }

    fn take_bytes(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while let Some(nul) = memchr::memchr(0, bytes) {
            let (before, rest) = bytes.split_at_checked(nul).unwrap_or((bytes, &[]));
            self.give_bytes(before, out);
            let run = rest.iter().take_while(|b| **b == 0).count();
            self.drop_input(run);
            bytes = rest.get(run..).unwrap_or_default();
        }
        self.give_bytes(bytes, out);
    }

    fn take_utf16(&mut self, bytes: &[u8], big: bool, out: &mut Vec<u8>) {
        let mut joined = std::mem::take(&mut self.rest);
        joined.extend_from_slice(bytes);
        let unit = |pair: &[u8]| match pair {
            [a, b] if big => u16::from_be_bytes([*a, *b]),
            [a, b] => u16::from_le_bytes([*a, *b]),
            _ => 0,
        };
        let mut pairs = joined.chunks_exact(2).map(unit).peekable();
        let mut used = 0_usize;
        let mut text = String::with_capacity(joined.len());
        while let Some(first) = pairs.next() {
            let high = (0xd800..0xdc00).contains(&first);
            if high && pairs.peek().is_none() {
                break;
            }
            used = used.saturating_add(2);
            let second = pairs.next_if(|second| high && (0xdc00..0xe000).contains(second));
            used = used.saturating_add(second.map_or(0, |_| 2));
            let units = std::iter::once(first).chain(second);
            for c in char::decode_utf16(units) {
                match c.unwrap_or(char::REPLACEMENT_CHARACTER) {
                    '\0' => {
                        self.give(&text, out);
                        text.clear();
                        self.drop_input(2);
                    }
                    c => text.push(c),
                }
            }
        }
        self.give(&text, out);
        self.rest = joined.split_off(used);
    }

    fn give(&mut self, text: &str, out: &mut Vec<u8>) {
        self.give_bytes(text.as_bytes(), out);
    }

    fn give_bytes(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
        self.given = self.given.saturating_add(super::lex::to_u64(bytes.len()));
    }

    fn drop_input(&mut self, count: usize) {
        let count = super::lex::to_u64(count);
        let full = self.dropped.len() >= DROPPED_CAP;
        match self.dropped.back_mut() {
            Some((at, dropped)) if *at == self.given || full => {
                *dropped = dropped.saturating_add(count);
            }
            _ => self.dropped.push_back((self.given, count)),
        }
    }

    /// Whether the next bytes stand in the input just as they were given.
    pub(super) fn is_plain(&self) -> bool {
        self.form == Form::Bytes && self.dropped.is_empty()
    }

    /// The place in the input of the first output byte that is not consumed.
    pub(super) fn raw_start(&self) -> u64 {
        self.raw_place(&[])
    }

    /// The place in the input behind what is consumed, without the NUL characters there of which nothing was told yet.
    pub(super) fn raw_consumed(&self) -> u64 {
        self.raw_base
    }

    /// The place in the input of the output byte that stands `behind` the first one not consumed;
    /// `between` are the output bytes from there to it.
    pub(super) fn raw_place(&self, between: &[u8]) -> u64 {
        let place = self.base.saturating_add(super::lex::to_u64(between.len()));
        let dropped = self.dropped.iter().take_while(|(at, _)| *at <= place).map(|(_, n)| *n);
        self.raw_base.saturating_add(self.raw_len(between)).saturating_add(dropped.sum::<u64>())
    }

    /// Forgets the first output bytes; tells of the NUL characters that were dropped among them. With
    /// `all`, also of those right behind them.
    pub(super) fn consume(&mut self, bytes: &[u8], all: bool) -> Option<Nuls> {
        let end = self.base.saturating_add(super::lex::to_u64(bytes.len()));
        let mut first = None;
        let mut count = 0_u64;
        let mut gone = 0_u64;
        while let Some((at, dropped)) = self.dropped.front().copied() {
            if at > end || (at == end && !all) {
                break;
            }
            if first.is_none() {
                let before = usize::try_from(at.saturating_sub(self.base)).unwrap_or(usize::MAX);
                let before = bytes.get(..before).unwrap_or(bytes);
                let place = self.raw_base.saturating_add(self.raw_len(before));
                first = Some((place, before.len()));
            }
            self.dropped.pop_front();
            gone = gone.saturating_add(dropped);
            count = count.saturating_add(match self.form {
                Form::Utf16 { .. } => dropped / 2,
                _ => dropped,
            });
        }
        self.raw_base = self.raw_base.saturating_add(self.raw_len(bytes)).saturating_add(gone);
        self.base = end;
        first.map(|(place, before)| Nuls { place, before, count })
    }

    /// Input bytes that these output bytes took.
    fn raw_len(&self, bytes: &[u8]) -> u64 {
        match self.form {
            // One unit for a character up to three bytes of UTF-8, two beyond; the lead bytes tell.
            Form::Utf16 { .. } => bytes
                .iter()
                .map(|b| match b {
                    0x80..=0xbf => 0,
                    0xf0.. => 4,
                    _ => 2,
                })
                .sum(),
            _ => super::lex::to_u64(bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(bytes: &[u8], step: usize) -> (Vec<u8>, Intake) {
        let mut intake = Intake::default();
        let mut out = Vec::new();
        for piece in bytes.chunks(step) {
            intake.feed(piece, &mut out);
        }
        intake.finish(&mut out);
        (out, intake)
    }

    #[test]
    fn utf16_is_transcoded_whatever_its_order_and_however_it_arrives() {
        let text = "<?xml?>\u{fc}\u{20ac}\u{1f600}x";
        for big in [false, true] {
            for mark in [false, true] {
                let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
                let bytes: Vec<u8> = units
                    .flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() })
                    .collect();
                for step in [1, 2, 3, 5, 100] {
                    let (out, intake) = feed(&bytes, step);
                    assert_eq!(
                        String::from_utf8(out.clone()).unwrap(),
                        text,
                        "{big} {mark} {step}"
                    );
                    let last = out.len() - 1;
                    let place = intake.raw_place(&out[..last]);
                    assert_eq!(place, super::super::lex::to_u64(bytes.len() - 2));
                }
            }
        }
    }

    #[test]
    fn unpaired_surrogates_become_replacement_characters() {
        let units: [u16; 4] = [0xfeff, 0xd800, 0x41, 0xdc00];
        let mut bytes: Vec<u8> = units.iter().flat_map(|u| u.to_le_bytes()).collect();
        bytes.push(0x41);
        for step in [1, 100] {
            assert_eq!(feed(&bytes, step).0, "\u{fffd}A\u{fffd}\u{fffd}".as_bytes());
        }
    }

    #[test]
    fn nul_bytes_are_dropped_counted_and_places_stay_true() {
        let bytes = b"\xef\xbb\xbfab\0\0cd\0ef\0";
        for step in [1, 2, 100] {
            let (out, mut intake) = feed(bytes, step);
            assert_eq!(out, b"abcdef");
            assert_eq!(intake.raw_place(b"ab"), 7, "behind the NULs: that is where c stands");
            assert_eq!(intake.raw_place(b"abc"), 8);
            assert_eq!(intake.consume(b"abc", false), Some(Nuls { place: 5, before: 2, count: 2 }));
            assert_eq!(intake.raw_place(b""), 8);
            assert_eq!(intake.consume(b"def", true), Some(Nuls { place: 9, before: 1, count: 2 }));
            assert_eq!(intake.raw_place(b""), 13);
        }
    }
}
