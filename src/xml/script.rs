//! Reads script elements and their contents.

use super::{
    context::{Context, IntoText, TextBuffer},
    diagnostics::{shorten, stray_text},
    names::{Attribute, Element},
    text::ValueKind,
    token::Attr,
};
use crate::{
    error::DiagnosticCode,
    model::{CowStr, Script, ScriptOrigin, ScriptTree, ScriptValue},
};

/// Script element that is being read.
#[derive(Debug)]
pub(super) struct ScriptBuilder<'a> {
    name: Option<CowStr<'a>>,
    output: Option<CowStr<'a>>,
    /// Text directly inside the script.
    text: TextBuffer<'a>,
    tree: Option<ScriptTree<'a>>,
    /// Indexes of the open tables.
    tables: Vec<usize>,
    elem_key: Option<CowStr<'a>>,
}

impl<'a> ScriptBuilder<'a> {
    /// Begins a script. `own` converts a value to the lifetime of the builder.
    pub(super) fn open<'f>(
        (attributes, at): (&[Attr<'f>], usize),
        own: IntoText<'f, 'a>,
        context: &mut Context<'f, '_>,
    ) -> Self {
        let mut script = Self {
            name: None,
            output: None,
            text: TextBuffer::default(),
            tree: None,
            tables: Vec::new(),
            elem_key: None,
        };
        for attr in attributes {
            match attr.id {
                Attribute::Id => script.name = context.text(attr).map(|t| own_text(t, own)),
                // An empty output is not null (rule T5).
                Attribute::Output => script.output = Some(own(context.plain(attr))),
                _ => {}
            }
        }
        if script.name.is_none() {
            context
                .diagnostics
                .add(DiagnosticCode::MissingAttr, at, || "a script without id is dropped".into());
        }
        script
    }

    /// Handles the start of a table or an elem.
    pub(super) fn child<'f>(
        &mut self,
        el: Element,
        attributes: &[Attr<'f>],
        own: IntoText<'f, 'a>,
        context: &mut Context<'f, '_>,
    ) {
        if self.tree.is_none() && !self.text.is_blank() {
            let at = context.here;
            context
                .diagnostics
                .add(DiagnosticCode::StrayText, at, || stray_text(Element::Script.name()));
            self.text = TextBuffer::default();
        }
        // An empty text is a valid key.
        let key = attributes.iter().find(|attr| attr.id == Attribute::Key);
        let key = key.map(|attr| own(context.plain(attr)));
        if el == Element::Elem {
            self.elem_key = key;
        } else {
            let place = self.tree.get_or_insert_default().open(key);
            self.tables.push(place);
        }
    }

    /// Ends the last elem, with this text.
    pub(super) fn elem(&mut self, text: CowStr<'a>) {
        let key = self.elem_key.take();
        self.tree.get_or_insert_default().push_elem(key, text);
    }

    /// Ends the innermost table.
    pub(super) fn end_table(&mut self, context: &mut Context<'_, '_>) {
        if let (Some(tree), Some(place)) = (&mut self.tree, self.tables.pop()) {
            close_table(tree, place, context);
        }
    }

    /// Adds text directly inside the script, which counts only if the script has no tables or elems. Returns false if
    /// it does.
    pub(super) fn text<'f>(
        &mut self,
        text: (&'f str, ValueKind),
        at: usize,
        own: IntoText<'f, 'a>,
        context: &mut Context<'f, '_>,
    ) -> bool {
        // Most text is whitespace between tables.
        let stands_alone = self.tree.is_none();
        if stands_alone && !(self.text.is_blank() && text.0.trim().is_empty()) {
            self.text.push(text, at, own, context);
        }
        stands_alone
    }

    /// Completes the script. Returns `None` if it has no ID.
    pub(super) fn close(mut self, context: &mut Context<'_, '_>) -> Option<Script<'a>> {
        // Each turn removes a table.
        while !self.tables.is_empty() {
            self.end_table(context);
        }
        let data = match self.tree.take() {
            Some(mut tree) => {
                close_table(&mut tree, 0, context);
                ScriptValue::Tree(tree)
            }
            None if self.text.is_blank() => ScriptValue::None,
            None => ScriptValue::Text(self.text.take(context)),
        };
        Some(Script { name: self.name?, output: self.output, data, origin: ScriptOrigin::Nse })
    }
}

fn close_table(tree: &mut ScriptTree<'_>, place: usize, context: &mut Context<'_, '_>) {
    if let Some(key) = tree.close(place) {
        let at = context.here;
        context.diagnostics.add(DiagnosticCode::DupKey, at, || {
            format!("key {:?} twice in one table", shorten(&key))
        });
    }
}

fn own_text<'f, 'a>(text: CowStr<'f>, own: IntoText<'f, 'a>) -> CowStr<'a> {
    match text {
        CowStr::Borrowed(text) => own(text),
        CowStr::Owned(text) => CowStr::Owned(text),
    }
}
