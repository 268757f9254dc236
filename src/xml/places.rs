//! Places in text, many and dense: damaged input can have one for each of its bytes, so each costs a byte
//! or two, not the sixteen of two numbers.

/// Steps of a [`PlaceMap`] between two marks.
const STEPS: u32 = 16;

/// Numbers as bytes of seven bits, the lowest first; the last byte lacks the high bit.
#[derive(Debug, Clone, Default)]
struct Packed(Vec<u8>);

impl Packed {
    fn push(&mut self, mut number: usize) {
        while number > 0x7f {
            self.0.push(low_bits(number) | 0x80);
            number >>= 7_u32;
        }
        self.0.push(low_bits(number));
    }

    /// The number at a place, which moves behind it.
    fn read(&self, at: &mut usize) -> Option<usize> {
        let mut number = 0_usize;
        let mut shift = 0_u32;
        loop {
            let byte = *self.0.get(*at)?;
            *at = at.saturating_add(1);
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

/// Places that rise, taken from the front.
#[derive(Debug, Default)]
pub(super) struct Rising {
    steps: Packed,
    end: usize,
    first: Option<usize>,
    /// Behind the first.
    at: usize,
}

impl Rising {
    pub(super) fn push(&mut self, place: usize) {
        if self.first.is_none() {
            self.first = Some(place);
            self.at = self.steps.0.len();
        } else {
            self.steps.push(place.saturating_sub(self.end));
        }
        self.end = place;
    }

    #[inline]
    pub(super) fn first(&self) -> Option<usize> {
        self.first
    }

    /// Takes the first if it is before this place.
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

/// From places of a text that was made to places of what it was made from: segments that run in step.
#[derive(Debug, Clone, Default)]
pub(super) struct PlaceMap {
    marks: Vec<Mark>,
    /// Of the segments behind those of `marks`: by how much a segment begins behind the one before, in the
    /// made text and in the source.
    steps: Packed,
    /// How many segments `marks` and `steps` hold.
    held: u32,
    /// The segment before the last.
    before: Segment,
    /// Not among those held: it is moved while nothing is made in it.
    last: Option<Segment>,
}

/// Where a segment begins; both places grow from one segment to the next.
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

/// A segment, and where the steps of those that follow it begin.
#[derive(Debug, Clone, Copy)]
struct Mark {
    segment: Segment,
    steps: usize,
}

impl PlaceMap {
    /// From here on the two run in step.
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
            self.marks.push(Mark { segment, steps: self.steps.0.len() });
        } else {
            self.steps.push(segment.made.saturating_sub(self.before.made));
            self.steps.push(segment.source.saturating_sub(self.before.source));
        }
        self.held = self.held.wrapping_add(1);
        self.before = segment;
    }

    /// The place in the source of a place in the made text.
    pub(super) fn source(&self, made: usize) -> usize {
        if let Some(last) = self.last.filter(|last| last.made <= made) {
            return last.source(made);
        }
        let behind = self.marks.partition_point(|mark| mark.segment.made <= made);
        let Some(mark) = behind.checked_sub(1).and_then(|i| self.marks.get(i)) else { return made };
        let end = self.marks.get(behind).map_or(self.steps.0.len(), |next| next.steps);
        let mut segment = mark.segment;
        let mut at = mark.steps;
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
        fn a_map_leads_where_a_list_of_its_segments_leads(
            steps in proptest::collection::vec((0_usize..40, 0_usize..300), 0..200),
        ) {
            let mut map = PlaceMap::default();
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
        fn rising_places_come_back_as_they_went(
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
            let mut rising = Rising::default();
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
    fn a_place_for_each_byte_costs_few_bytes() {
        let (mut map, mut rising) = (PlaceMap::default(), Rising::default());
        for at in 0..1_000_000 {
            map.push(2 * at, at);
            rising.push(at);
        }
        let size = map.steps.0.len() + map.marks.len() * size_of::<Mark>();
        assert!(size < 4_000_000, "{size}");
        assert!(rising.steps.0.len() < 1_000_001);
    }
}
