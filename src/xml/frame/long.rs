//! Tags beyond the cap: dropped while they stream.

use super::{
    super::lex::{End, TagScan, is_blank},
    Framer, Kind, Mode, Step,
};

/// Bytes that are waited for, so that the name of the tag is whole: none that is known is longer.
const NAME: usize = 64;

impl Framer {
    /// Whether the tag at a place, with that end, is beyond the cap.
    pub(super) fn is_long(&self, at: usize, end: End) -> bool {
        let cap = self.limits.tag.max(1);
        match end {
            End::At(end) | End::Broken(end) => end.saturating_sub(at) > cap,
            // What stands behind that may belong to another tag.
            _ => self.tag.place() > cap.max(NAME),
        }
    }

    /// The tag at the start is beyond the cap: it is dropped, and its end is not waited for.
    pub(super) fn long(&mut self) -> Step {
        let name = self.at(1);
        let closes = name.first() == Some(&b'/');
        let ends = |byte: &u8| is_blank(*byte) || matches!(byte, b'/' | b'>' | b'<');
        let len = name.iter().skip(usize::from(closes)).position(ends);
        let len = len.map_or(name.len(), |len| len.saturating_add(usize::from(closes))).min(NAME);
        let search = TagScan::behind_opener(name.first().copied().unwrap_or_default());
        self.long_tag = name.get(..len).unwrap_or_default().to_vec();
        self.tag = search;
        self.mode = Mode::SkipTag;
        Step::piece(Kind::LongTag, 1)
    }

    /// Drops bytes of a tag beyond the cap, up to its end.
    pub(super) fn skip_tag(&mut self) -> Step {
        let (end, opens) = match self.go_on(0) {
            End::At(end) => {
                let before = end.checked_sub(2).and_then(|at| self.bytes().get(at));
                (end, before != Some(&b'/') && !self.long_tag.starts_with(b"/"))
            }
            End::Broken(end) => (end, false),
            End::Lost => return Step::piece(Kind::Skip, self.bytes().len()),
            _ => {
                // One byte stays, so that the end has one.
                let len = self.tag.place().saturating_sub(1);
                self.tag.forget(len);
                return Step::piece_or_more(Kind::Skip, len);
            }
        };
        self.mode = Mode::Run;
        Step::piece(Kind::LongTagEnd { opens }, end)
    }
}
