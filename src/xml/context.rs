//! Context for reading an element: typed values, and a place for warnings.

use super::{
    budget::{Budget, Entry},
    diagnostics::FrameDiagnostics,
    text::{ValueKind, ValueReader},
    token::Attr,
    value::Numbers,
};
use crate::{
    limits::Limits,
    model::{CowStr, Timestamp},
};

/// Converts attributes to values while a frame is read.
pub(super) struct Context<'f, 'n> {
    pub(super) values: ValueReader<'f>,
    pub(super) diagnostics: &'n mut FrameDiagnostics,
    pub(super) limits: &'n Limits,
    /// Memory left for the lists of a host. The lists of a scan are charged by their reader.
    pub(super) budget: Budget,
    /// Position of the current token: an element may have begun in an earlier frame.
    pub(super) here: usize,
}

impl<'f> Context<'f, '_> {
    /// Returns the text of an attribute (rules T2 to T4).
    #[inline]
    pub(super) fn plain(&mut self, attr: &Attr<'f>) -> &'f str {
        if attr.special || attr.raw.len() > self.values.cap {
            self.values.read(attr.raw, ValueKind::Attribute, attr.at, self.diagnostics)
        } else {
            attr.raw
        }
    }

    /// Returns the text of an attribute, or `None` if it is empty (rule T5).
    #[inline]
    pub(super) fn text(&mut self, attr: &Attr<'f>) -> Option<CowStr<'f>> {
        let text = self.plain(attr);
        (!text.is_empty()).then_some(CowStr::Borrowed(text))
    }

    /// Returns an owned copy of the text of an attribute, or `None` if it is empty, for values that outlive the frame.
    pub(super) fn owned(&mut self, attr: &Attr<'f>) -> Option<String> {
        let text = self.plain(attr);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Parses an integer (rule T5).
    #[inline]
    pub(super) fn int<N: TryFrom<i64>>(&mut self, attr: &Attr<'f>) -> Option<N> {
        let text = self.plain(attr);
        self.numbers(attr).int(text)
    }

    /// Parses a decimal number (rule T5).
    pub(super) fn float(&mut self, attr: &Attr<'f>) -> Option<f64> {
        let text = self.plain(attr);
        self.numbers(attr).float(text)
    }

    /// Parses a time in seconds since 1970 (rule T5).
    #[inline]
    pub(super) fn time(&mut self, attr: &Attr<'f>) -> Option<Timestamp> {
        let text = self.plain(attr);
        self.time_of(attr, text)
    }

    /// Parses the time in the text of an attribute that was already read.
    pub(super) fn time_of(&mut self, attr: &Attr<'f>, text: &str) -> Option<Timestamp> {
        self.numbers(attr).time(text)
    }

    /// Parses `true` or `false`.
    pub(super) fn boolean(&mut self, attr: &Attr<'f>) -> Option<bool> {
        let text = self.plain(attr);
        self.numbers(attr).boolean(text)
    }

    /// Charges an entry of a host's list (rule R10). Returns false if it must be omitted.
    #[inline]
    pub(super) fn charge(&mut self, entry: Entry, at: usize) -> bool {
        self.budget.charge((entry, 0), at, self.diagnostics)
    }

    fn numbers(&mut self, attr: &Attr<'f>) -> Numbers<'_> {
        Numbers { diagnostics: self.diagnostics, at: attr.at }
    }
}

/// Converts a value of the frame to the lifetime of its destination.
pub(super) type IntoText<'f, 'a> = fn(&'f str) -> CowStr<'a>;

/// Text of an element, which comments and CDATA sections may split into several tokens.
#[derive(Debug, Default)]
pub(super) struct TextBuffer<'a> {
    text: Option<CowStr<'a>>,
    raw_len: usize,
    full: bool,
}

impl<'a> TextBuffer<'a> {
    /// Appends the text of a token, up to the limit on values.
    pub(super) fn push<'f>(
        &mut self,
        (raw, kind): (&'f str, ValueKind),
        at: usize,
        own: IntoText<'f, 'a>,
        context: &mut Context<'f, '_>,
    ) {
        if self.full {
            return;
        }
        let room = context.values.cap.saturating_sub(self.raw_len);
        let raw = if raw.len() > room {
            self.full = true;
            context.values.cut(raw, room, (kind, at), context.diagnostics)
        } else {
            raw
        };
        self.raw_len = self.raw_len.saturating_add(raw.len());
        let resolved = context.values.resolve(raw, kind, at, context.diagnostics);
        match &mut self.text {
            Some(text) => text.to_mut().push_str(resolved),
            None => self.text = Some(own(resolved)),
        }
    }

    /// Returns the whole text, repaired (rule T4), and empties the buffer.
    pub(super) fn take(&mut self, context: &Context<'_, '_>) -> CowStr<'a> {
        let text = std::mem::take(self).text.unwrap_or_default();
        context.values.repaired(&text).map_or(text, CowStr::Owned)
    }

    /// Returns true if the text consists only of whitespace.
    pub(super) fn is_blank(&self) -> bool {
        self.text.as_deref().is_none_or(|text| text.trim().is_empty())
    }
}
