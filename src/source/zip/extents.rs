//! Byte ranges of an archive that are taken by the members of its directory.

use std::collections::BTreeMap;

/// Set of byte ranges that do not overlap; adjacent ranges are merged.
#[derive(Debug, Default)]
pub(super) struct Extents(BTreeMap<u64, u64>);

impl Extents {
    /// Takes a range. Returns false, and takes nothing, if part of it was already taken.
    pub(super) fn take(&mut self, mut start: u64, mut end: u64) -> bool {
        if start == end {
            return true;
        }
        let before = self.0.range(..=start).next_back().map(|(start, end)| (*start, *end));
        let after = self.0.range(start..).next().map(|(start, end)| (*start, *end));
        if before.is_some_and(|(_, taken)| taken > start) || after.is_some_and(|(at, _)| at < end) {
            return false;
        }
        if let Some((at, taken)) = before
            && taken == start
        {
            start = at;
        }
        if let Some((at, taken)) = after
            && at == end
        {
            self.0.remove(&at);
            end = taken;
        }
        self.0.insert(start, end);
        true
    }

    /// Returns the ranges up to `end` that are not taken.
    pub(super) fn gaps(&self, end: u64) -> impl Iterator<Item = (u64, u64)> {
        let starts = std::iter::once(0).chain(self.0.values().copied());
        let ends = self.0.keys().copied().chain([end]);
        starts
            .zip(ends)
            .filter(move |(from, to)| from < to && *from < end)
            .map(move |(from, to)| (from, to.min(end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_taken_once_and_gaps_are_returned() {
        let mut extents = Extents::default();
        for (start, end, taken) in [
            (10, 20, true),
            (40, 50, true),
            (20, 30, true),
            (25, 26, false),
            (5, 11, false),
            (10, 30, false),
            (35, 41, false),
            (0, 100, false),
            (30, 40, true),
            (60, 60, true),
            (60, 61, true),
        ] {
            assert_eq!(extents.take(start, end), taken, "{start} to {end}");
        }
        assert_eq!(extents.gaps(90).collect::<Vec<_>>(), [(0, 10), (50, 60), (61, 90)]);
        assert_eq!(extents.gaps(55).collect::<Vec<_>>(), [(0, 10), (50, 55)]);
        assert_eq!(Extents::default().gaps(7).collect::<Vec<_>>(), [(0, 7)]);
    }
}
