//! Compact storage of many text positions: damaged input can have one for each of its bytes, so each takes a byte or
//! two, not the sixteen of two numbers.

/// Number of steps of a [`OffsetMap`] between two marks.
const STEPS: u32 = 16;

/// Numbers in bytes of seven bits each, the lowest first; the last byte lacks the high bit.
#[derive(Debug, Clone, Default)]
struct Varints(Vec<u8>);

impl Varints {
    fn push(&mut self, mut number: usize) {
        while number > 0x7f {
            self.0.push(low_bits(number) | 0x80);
            number >>= 7_u32;
        }
        self.0.push(low_bits(number));
    }

    /// Returns the number at a position, which is moved past it.
    fn read(&self, at: &mut usize) -> Option<usize> {
        let mut number = 0_usize;
        let mut shift = 0_u32;
        loop {
            let byte = *self.0.get(*at)?;
            *at = at.saturating_add(1);
            debug_assert!(shift < usize::BITS, "a number of more bits than were written");
            number |= usize::from(byte & 0x7f).wrapping_shl(shift);
            shift = shift.saturating_add(7);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
    }
}

fn low_bits(number: usize) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or_default()
}

/// Queue of ascending positions.
#[derive(Debug, Default)]
pub(super) struct OffsetQueue {
    steps: Varints,
    end: usize,
    first: Option<usize>,
    /// Position in `steps` after the first number.
    at: usize,
}

impl OffsetQueue {
    pub(super) fn push(&mut self, place: usize) {
        if self.first.is_none() {
            self.first = Some(place);
            self.at = self.steps.0.len();
        } else {
            debug_assert!(place >= self.end, "positions descend from {} to {place}", self.end);
            self.steps.push(place.saturating_sub(self.end));
        }
        self.end = place;
    }

    #[inline]
    pub(super) fn first(&self) -> Option<usize> {
        self.first
    }

    /// Removes and returns the first position if it is before `place`.
    pub(super) fn pop_before(&mut self, place: usize) -> Option<usize> {
        self.first.filter(|first| *first < place)?;
        self.pop()
    }

    pub(super) fn pop(&mut self) -> Option<usize> {
        let first = self.first?;
        self.first = self.steps.read(&mut self.at).map(|step| first.saturating_add(step));
        Some(first)
    }
}

/// Map from positions in a produced text to positions in its source, as segments in which both advance together.
#[derive(Debug, Clone, Default)]
pub(super) struct OffsetMap {
    checkpoints: Vec<Checkpoint>,
    /// For the segments after those in `checkpoints`: the distance of a segment from the previous one, in the produced
    /// text and in the source.
    steps: Varints,
    /// Number of segments in `checkpoints` and `steps`.
    held: u32,
    /// Segment before the last.
    before: Segment,
    /// Last segment, which is not stored yet: it is moved as long as nothing is produced in it.
    last: Option<Segment>,
}

/// Start of a segment; both positions increase from one segment to the next.
#[derive(Debug, Clone, Copy, Default)]
struct Segment {
    made: usize,
    source: usize,
}

impl Segment {
    fn source(self, made: usize) -> usize {
        self.source.saturating_add(made.saturating_sub(self.made))
    }
}

/// Segment, and the start of the steps that follow it.
#[derive(Debug, Clone, Copy)]
struct Checkpoint {
    segment: Segment,
    steps: usize,
}

impl OffsetMap {
    /// Starts a segment: from here on both positions advance together.
    pub(super) fn push(&mut self, made: usize, source: usize) {
        if let Some(last) = &mut self.last {
            if last.source(made) == source {
                return;
            }
            if last.made == made {
                last.source = source;
                return;
            }
        }
        self.hold();
        self.last = Some(Segment { made, source });
    }

    fn hold(&mut self) {
        let Some(segment) = self.last else { return };
        if self.held.is_multiple_of(STEPS) {
            self.checkpoints.push(Checkpoint { segment, steps: self.steps.0.len() });
        } else {
            self.steps.push(segment.made.saturating_sub(self.before.made));
            self.steps.push(segment.source.saturating_sub(self.before.source));
        }
        self.held = self.held.wrapping_add(1);
        self.before = segment;
    }

    /// Returns the source position of a position in the produced text.
    pub(super) fn source(&self, made: usize) -> usize {
        if let Some(last) = self.last.filter(|last| last.made <= made) {
            return last.source(made);
        }
        let behind = self.checkpoints.partition_point(|checkpoint| checkpoint.segment.made <= made);
        let Some(checkpoint) = behind.checked_sub(1).and_then(|i| self.checkpoints.get(i)) else {
            return made;
        };
        let end = self.checkpoints.get(behind).map_or(self.steps.0.len(), |next| next.steps);
        let mut segment = checkpoint.segment;
        let mut at = checkpoint.steps;
        while at < end
            && let Some((made_by, source_by)) =
                self.steps.read(&mut at).zip(self.steps.read(&mut at))
            && segment.made.saturating_add(made_by) <= made
        {
            segment.made = segment.made.saturating_add(made_by);
            segment.source = segment.source.saturating_add(source_by);
        }
        segment.source(made)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_map_agrees_with_a_list_of_its_segments(
            steps in proptest::collection::vec((0_usize..40, 0_usize..300), 0..200),
        ) {
            let mut map = OffsetMap::default();
            let mut list: Vec<(usize, usize)> = Vec::new();
            let (mut made, mut source) = (0, 0);
            for (made_by, dropped) in steps {
                map.push(made, source);
                list.push((made, source));
                made += made_by;
                source += made_by + dropped;
            }
            for place in 0..made + 3 {
                let segment = list.iter().rev().find(|(start, _)| *start <= place);
                let expected = segment.map_or(place, |(start, source)| source + place - start);
                prop_assert_eq!(map.source(place), expected, "{}", place);
            }
        }

        #[test]
        fn ascending_positions_are_read_back(
            steps in proptest::collection::vec(0_usize..70_000, 0..100),
            early in 0_usize..100,
        ) {
            let places: Vec<usize> = steps
                .iter()
                .scan(0, |place, step| {
                    *place += step;
                    Some(*place)
                })
                .collect();
            let mut rising = OffsetQueue::default();
            let mut popped = Vec::new();
            for (number, place) in places.iter().enumerate() {
                rising.push(*place);
                if number == early {
                    popped.extend(std::iter::from_fn(|| rising.pop()));
                }
            }
            prop_assert_eq!(rising.first(), places.get(popped.len()).copied());
            popped.extend(std::iter::from_fn(|| rising.pop()));
            prop_assert_eq!(popped, places);
        }
    }

    #[test]
    fn a_position_per_byte_takes_few_bytes() {
        let (mut map, mut rising) = (OffsetMap::default(), OffsetQueue::default());
        for at in 0..1_000_000 {
            map.push(2 * at, at);
            rising.push(at);
        }
        let size = map.steps.0.len() + map.checkpoints.len() * size_of::<Checkpoint>();
        assert!(size < 4_000_000, "{size}");
        assert!(rising.steps.0.len() < 1_000_001);
    }
}
