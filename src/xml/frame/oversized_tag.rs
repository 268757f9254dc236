//! Tags above the limit, which are dropped while they stream.

use super::{
    super::lex::{End, TagScanner, is_blank},
    FrameKind, Framer, Mode, Step,
};

/// Number of bytes to wait for, so that the name of the tag is complete: no known name is longer.
const NAME: usize = 64;

impl Framer {
    /// Returns true if the tag at a position, whose end is `end`, exceeds the limit.
    pub(super) fn is_oversized(&self, at: usize, end: End) -> bool {
        let cap = self.limits.max_tag_bytes.max(1);
        match end {
            End::At(end) | End::Broken(end) => end.saturating_sub(at) > cap,
            // Bytes after its end may belong to another tag.
            _ => self.tag.place() > cap.max(NAME),
        }
    }

    /// Drops the tag at the start, which exceeds the limit, without waiting for its end.
    pub(super) fn drop_oversized_tag(&mut self) -> Step {
        let name = self.at(1);
        let closes = name.first() == Some(&b'/');
        let ends = |byte: &u8| is_blank(*byte) || matches!(byte, b'/' | b'>' | b'<');
        let len = name.iter().skip(usize::from(closes)).position(ends);
        let len = len.map_or(name.len(), |len| len.saturating_add(usize::from(closes))).min(NAME);
        let search = TagScanner::after_opener(name.first().copied().unwrap_or_default());
        self.oversized_tag = name.get(..len).unwrap_or_default().to_vec();
        self.tag = search;
        self.mode = Mode::SkipTag;
        Step::frame(FrameKind::OversizedTag, 1)
    }

    /// Drops bytes of a tag above the limit, up to its end.
    pub(super) fn skip_tag(&mut self) -> Step {
        let (end, opens) = match self.go_on(0) {
            End::At(end) => {
                let before = end.checked_sub(2).and_then(|at| self.bytes().get(at));
                (end, before != Some(&b'/') && !self.oversized_tag.starts_with(b"/"))
            }
            End::Broken(end) => (end, false),
            End::Lost => return Step::frame(FrameKind::Skip, self.bytes().len()),
            _ => {
                // One byte remains, so that its end is a frame with a byte.
                let len = self.tag.place().saturating_sub(1);
                self.tag.forget(len);
                return Step::frame_or_more(FrameKind::Skip, len);
            }
        };
        self.mode = Mode::Scan;
        Step::frame(FrameKind::OversizedTagEnd { opens }, end)
    }
}
