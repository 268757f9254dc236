//! Elements that are skipped (rules R4, R8 and R10).
//!
//! An element of unknown name, or one that fits nowhere, is skipped with all it holds, up to its end tag or that
//! of an element around it. An element that could be read and is not, as its tag is beyond a limit, is skipped
//! only as far as what follows may be its content: its end tag may be missing, and must not be what the elements
//! behind it hang on. Nothing is skipped because of a tag that damage made: see [`super::walk`].

use super::{names::El, token::Name};

/// An element that is skipped.
#[derive(Debug)]
pub(super) struct Skip {
    name: String,
    /// Whether it holds whatever stands in it, or only elements that belong there.
    any: bool,
    /// Elements of that name that are open in it, itself included.
    same: usize,
    /// Open elements of known name in it.
    known: [u32; El::COUNT],
}

/// What an end tag does to a skip.
pub(super) enum Skipped {
    /// The skip goes on.
    On,
    /// The skipped element ended.
    Done,
    /// The end tag is that of an element that holds the skipped one.
    EndsOuter,
}

impl Skip {
    /// Of an element with all it holds.
    pub(super) fn of_unknown(name: &str) -> Self {
        Self { name: name.to_owned(), any: true, same: 1, known: [0; El::COUNT] }
    }

    /// Of an element that was dropped, as far as what follows may stand in it.
    pub(super) fn of_dropped(el: El) -> Self {
        Self { any: false, ..Self::of_unknown(el.name()) }
    }

    /// Whether an element that begins here stands in the skipped one.
    pub(super) fn holds(&self, name: Name<'_>) -> bool {
        match name {
            _ if self.any => true,
            Name::Unknown(_) => true,
            Name::Known(el) => {
                let open = El::ALL.iter().zip(self.known).filter(|(_, open)| *open > 0);
                let mut open =
                    open.map(|(known, _)| *known).chain(El::from_name(self.name.as_bytes()));
                open.any(|open| open.holds(el))
            }
        }
    }

    /// An element begins in it that has an end tag.
    pub(super) fn start(&mut self, name: Name<'_>) {
        if name.as_str() == self.name {
            self.same = self.same.saturating_add(1);
        } else if let Name::Known(el) = name
            && let Some(known) = self.known.get_mut(el.number())
        {
            *known = known.saturating_add(1);
        }
    }

    /// An element ends, in the skipped one or in `outer`, the elements around it.
    pub(super) fn end(&mut self, name: Name<'_>, outer: &[El]) -> Skipped {
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
