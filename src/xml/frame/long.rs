//! Tags beyond the cap: dropped while they stream.

use super::{super::lex::is_blank, Framer, Kind, Mode, Step};

impl Framer {
    /// The tag at the start has no end yet: beyond the cap it is dropped.
    pub(super) fn long(&mut self) -> Step {
        let tag = self.bytes();
        if tag.len() <= self.limits.tag {
            return Step::More;
        }
        let name = tag.get(1..).unwrap_or_default();
        let len = name.iter().position(|b| is_blank(*b) || matches!(b, b'/' | b'>'));
        let len = len.unwrap_or(name.len()).min(64);
        self.long_tag = name.get(..len).unwrap_or_default().to_vec();
        self.long_state = (0, 0);
        self.mode = Mode::SkipTag;
        Step::piece(Kind::LongTag, 1)
    }

    /// Drops bytes of a tag beyond the cap, up to its end.
    pub(super) fn skip_tag(&mut self) -> Step {
        let (mut quote, mut before) = self.long_state;
        let bytes = self.buf.get(self.start..).unwrap_or_default();
        for (at, byte) in bytes.iter().enumerate() {
            let end = match byte {
                b'<' => Some(at),
                b'>' if quote == 0 => Some(at.saturating_add(1)),
                _ => None,
            };
            if let Some(end) = end {
                self.mode = Mode::Run;
                let empty = *byte == b'>' && before == b'/';
                return Step::piece(Kind::LongTagEnd { empty }, end);
            }
            match byte {
                b'"' | b'\'' if quote == 0 => quote = *byte,
                _ if *byte == quote => quote = 0,
                _ => {}
            }
            before = *byte;
        }
        self.long_state = (quote, before);
        Step::piece_or_more(Kind::Skip, self.bytes().len())
    }
}
