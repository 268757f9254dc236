//! Maps positions in the text of a piece to positions in the input.

use super::super::{frame::Framer, intake::Intake, lex::to_u64, places::PlaceMap, text::Converted};
use crate::{bytes, error::Position};

/// Map from positions in a piece's text to positions in the input.
#[derive(Debug, Default)]
pub(super) struct Settle(Option<PlaceMap>);

impl Settle {
    pub(super) fn of(converted: Converted<'_>) -> Self {
        Self(converted.map)
    }

    pub(super) fn position(
        &self,
        at: usize,
        (intake, framer, lines): (&Intake, &Framer, u64),
    ) -> Position {
        let at = self.0.as_ref().map_or(at, |map| map.source(at));
        let before = framer.bytes().get(..at).unwrap_or(framer.bytes());
        Position { byte: intake.raw_place(before), line: line_of(lines, before) }
    }
}

pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    to_u64(bytes::count(bytes, b'\n'))
}

/// Returns the line number after `before`, if `lines` lines ended before it.
pub(in crate::xml) fn line_of(lines: u64, before: &[u8]) -> u64 {
    lines.saturating_add(count_lines(before)).saturating_add(1)
}
