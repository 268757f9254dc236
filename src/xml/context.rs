//! What reading an element needs: its values as types, and a place for warnings.

use super::{
    budget::{Budget, Entry},
    notes::Notes,
    text::{ValueKind, ValueReader},
    token::Attr,
    value::Numbers,
};
use crate::{
    limits::Limits,
    model::{Text, Timestamp},
};

/// Turns attributes into values while a frame is read.
pub(super) struct Context<'f, 'n> {
    pub(super) values: ValueReader<'f>,
    pub(super) notes: &'n mut Notes,
    pub(super) limits: &'n Limits,
    /// What is left for lists of a host. Those of a scan are charged by what reads them.
    pub(super) budget: Budget,
    /// Place of the token that is read: an element may have begun in an earlier piece.
    pub(super) here: usize,
}

impl<'f> Context<'f, '_> {
    /// The text of an attribute (rules T2 to T4).
    #[inline]
    pub(super) fn plain(&mut self, attr: &Attr<'f>) -> &'f str {
        if attr.special || attr.raw.len() > self.values.cap {
            self.values.read(attr.raw, ValueKind::Attribute, attr.at, self.notes)
        } else {
            attr.raw
        }
    }

    /// The same; null if it is empty (rule T5).
    #[inline]
    pub(super) fn text(&mut self, attr: &Attr<'f>) -> Option<Text<'f>> {
        let text = self.plain(attr);
        (!text.is_empty()).then_some(Text::Borrowed(text))
    }

    /// The same, for what outlives the frame.
    pub(super) fn owned(&mut self, attr: &Attr<'f>) -> Option<String> {
        let text = self.plain(attr);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A whole number (rule T5).
    #[inline]
    pub(super) fn int<N: TryFrom<i64>>(&mut self, attr: &Attr<'f>) -> Option<N> {
        let text = self.plain(attr);
        self.numbers(attr).int(text)
    }

    /// A number with a fraction (rule T5).
    pub(super) fn float(&mut self, attr: &Attr<'f>) -> Option<f64> {
        let text = self.plain(attr);
        self.numbers(attr).float(text)
    }

    /// Seconds since 1970 (rule T5).
    #[inline]
    pub(super) fn time(&mut self, attr: &Attr<'f>) -> Option<Timestamp> {
        let text = self.plain(attr);
        self.time_of(attr, text)
    }

    /// The time that a text of an attribute tells which was read already.
    pub(super) fn time_of(&mut self, attr: &Attr<'f>, text: &str) -> Option<Timestamp> {
        self.numbers(attr).time(text)
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, attr: &Attr<'f>) -> Option<bool> {
        let text = self.plain(attr);
        self.numbers(attr).boolean(text)
    }

    /// Charges an entry of a list of a host (rule R10); false if it is to be left out.
    #[inline]
    pub(super) fn charge(&mut self, entry: Entry, at: usize) -> bool {
        self.budget.charge((entry, 0), at, self.notes)
    }

    fn numbers(&mut self, attr: &Attr<'f>) -> Numbers<'_> {
        Numbers { notes: self.notes, at: attr.at }
    }
}

/// Makes a value of the frame live as long as what it goes into.
pub(super) type Own<'f, 'a> = fn(&'f str) -> Text<'a>;

/// The text of an element, which comments and CDATA may cut into several tokens.
#[derive(Debug, Default)]
pub(super) struct TextBuffer<'a> {
    text: Option<Text<'a>>,
    raw_len: usize,
    full: bool,
}

impl<'a> TextBuffer<'a> {
    /// Adds a token's text, up to the cap on a value.
    pub(super) fn push<'f>(
        &mut self,
        (raw, kind): (&'f str, ValueKind),
        at: usize,
        own: Own<'f, 'a>,
        context: &mut Context<'f, '_>,
    ) {
        if self.full {
            return;
        }
        let room = context.values.cap.saturating_sub(self.raw_len);
        let raw = if raw.len() > room {
            self.full = true;
            context.values.cut(raw, room, (kind, at), context.notes)
        } else {
            raw
        };
        self.raw_len = self.raw_len.saturating_add(raw.len());
        let resolved = context.values.resolve(raw, kind, at, context.notes);
        match &mut self.text {
            Some(text) => text.to_mut().push_str(resolved),
            None => self.text = Some(own(resolved)),
        }
    }

    /// The whole text, repaired (rule T4); the buffer is empty then.
    pub(super) fn take(&mut self, context: &Context<'_, '_>) -> Text<'a> {
        let text = std::mem::take(self).text.unwrap_or_default();
        context.values.mended(&text).map_or(text, Text::Owned)
    }

    /// Whether there is nothing but blanks.
    pub(super) fn is_blank(&self) -> bool {
        self.text.as_deref().is_none_or(|text| text.trim().is_empty())
    }
}
