//! Maps positions in the text of a frame to positions in the input.

use super::super::{
    frame::Framer, lex::to_u64, offset_map::OffsetMap, text::DecodedText, transcode::Transcoder,
};
use crate::{error::Position, text::search::count};

/// Map from positions in a frame's text to positions in the input.
#[derive(Debug, Default)]
pub(super) struct PositionMap(Option<OffsetMap>);

impl PositionMap {
    pub(super) fn of(decoded: DecodedText<'_>) -> Self {
        Self(decoded.map)
    }

    pub(super) fn position(
        &self,
        at: usize,
        (transcoder, framer, lines): (&Transcoder, &Framer, u64),
    ) -> Position {
        let at = self.0.as_ref().map_or(at, |map| map.source(at));
        let before = framer.bytes().get(..at).unwrap_or(framer.bytes());
        Position { byte: transcoder.raw_place(before), line: line_of(lines, before) }
    }
}

pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    to_u64(count(bytes, b'\n'))
}

/// Returns the line number after `before`, if `lines` lines ended before it.
pub(in crate::xml) fn line_of(lines: u64, before: &[u8]) -> u64 {
    lines.saturating_add(count_lines(before)).saturating_add(1)
}
