//! Skipped elements (rules R4, R8 and R10).
//!
//! An element that is unknown or is misplaced is skipped with its contents, up to its end tag or
//! that of an element around it. A known element that is not read, because its tag exceeds a limit, is skipped only as
//! far as what follows may be its contents: its end tag may be missing, and the elements after it must not depend on
//! it. Nothing is skipped because of a tag that results from damage: see [`super::walk`].

use super::{names::Element, token::Name};

/// Element that is skipped.
#[derive(Debug)]
pub(super) struct Skip {
    name: String,
    /// True if it holds everything in it, false if only elements that belong there.
    any: bool,
    /// Number of open elements of its name, including itself.
    same: usize,
    /// Number of open known elements in it, per element.
    known: [u32; Element::COUNT],
}

/// Effect of an end tag on a skipped element.
pub(super) enum Skipped {
    /// It remains open.
    On,
    /// It ended.
    Done,
    /// The end tag belongs to an element around it.
    EndsOuter,
}

impl Skip {
    /// Skips an element with all of its contents.
    pub(super) fn of_unknown(name: &str) -> Self {
        Self { name: name.to_owned(), any: true, same: 1, known: [0; Element::COUNT] }
    }

    /// Skips an element that was dropped, including what follows if it may contain that.
    pub(super) fn of_dropped(el: Element) -> Self {
        Self { any: false, ..Self::of_unknown(el.name()) }
    }

    /// Returns true if an element that begins here is inside the skipped one.
    pub(super) fn contains(&self, name: Name<'_>) -> bool {
        match name {
            _ if self.any => true,
            Name::Unknown(_) => true,
            Name::Known(el) => {
                let open = Element::ALL.iter().zip(self.known).filter(|(_, open)| *open > 0);
                let mut open =
                    open.map(|(known, _)| *known).chain(Element::from_name(self.name.as_bytes()));
                open.any(|open| open.allows_child(el))
            }
        }
    }

    /// Handles the start of an element inside it that has an end tag.
    pub(super) fn start(&mut self, name: Name<'_>) {
        if name.as_str() == self.name {
            self.same = self.same.saturating_add(1);
        } else if let Name::Known(el) = name
            && let Some(known) = self.known.get_mut(el.number())
        {
            *known = known.saturating_add(1);
        }
    }

    /// Handles an end tag inside the skipped element or in `outer`, the elements around it.
    pub(super) fn end(&mut self, name: Name<'_>, outer: &[Element]) -> Skipped {
        if name.as_str() == self.name {
            self.same = self.same.saturating_sub(1);
            return if self.same == 0 { Skipped::Done } else { Skipped::On };
        }
        let Name::Known(el) = name else { return Skipped::On };
        match self.known.get_mut(el.number()) {
            Some(known) if *known > 0 => {
                *known = known.saturating_sub(1);
                Skipped::On
            }
            _ if outer.contains(&el) => Skipped::EndsOuter,
            _ => Skipped::On,
        }
    }
}
