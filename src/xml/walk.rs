//! Assigns tokens to elements: elements find their place by name (rules R4, R5 and R8).

use super::{
    context::Context,
    diagnostics::{oversized_tag, shorten, stray_text},
    lex::is_blank,
    names::Element,
    skip::{Skip, Skipped},
    text::ValueKind,
    token::{Attr, Name, Token, Tokens},
};
use crate::error::DiagnosticCode;

/// Reader of the elements of a host, or of those between hosts.
pub(super) trait Visitor<'f> {
    /// Handles the start of an element inside `parent`.
    fn open(
        &mut self,
        el: Element,
        parent: Element,
        tag: (&[Attr<'f>], usize),
        context: &mut Context<'f, '_>,
    );
    /// Handles text directly inside an element. Returns false if the element holds no text, which is then not read.
    fn text(
        &mut self,
        el: Element,
        text: (&'f str, ValueKind),
        at: usize,
        context: &mut Context<'f, '_>,
    ) -> bool;
    /// Handles the end of an element, by its end tag or without one.
    fn close(&mut self, el: Element, context: &mut Context<'f, '_>);
}

/// Open elements, outermost first.
#[derive(Debug, Default)]
pub(super) struct ElementStack {
    open: Vec<Element>,
    skip: Option<Skip>,
    /// True if text since the last tag was reported as stray.
    has_stray: bool,
}

/// Reason why a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WalkEnd {
    /// All tokens were read.
    End,
    /// The outermost element ended with its end tag.
    Closed,
    /// The markup at this position belongs to an element outside, not to an open one.
    Left(usize),
}

impl ElementStack {
    pub(super) fn new(root: Element) -> Self {
        let mut open = Vec::with_capacity(16);
        open.push(root);
        Self { open, skip: None, has_stray: false }
    }

    /// Returns the innermost open element.
    pub(super) fn top(&self) -> Option<Element> {
        self.open.last().copied()
    }

    /// Returns true if text at the current position is read.
    pub(super) fn wants_text(&self) -> bool {
        self.skip.is_none() && matches!(self.top(), Some(Element::Script | Element::Elem))
    }

    /// Opens the outermost element again.
    pub(super) fn reopen(&mut self, root: Element) {
        self.open.clear();
        self.open.push(root);
        self.skip = None;
        self.has_stray = false;
    }

    /// Records that a host was passed: text after it is reported again.
    pub(super) fn pass_host(&mut self) {
        self.has_stray = false;
    }

    /// Closes all open elements.
    pub(super) fn close_all<'f>(
        &mut self,
        visitor: &mut impl Visitor<'f>,
        context: &mut Context<'f, '_>,
    ) {
        self.skip = None;
        while let Some(el) = self.open.pop() {
            visitor.close(el, context);
        }
    }

    /// Reads tokens until they end or the outermost element does.
    pub(super) fn walk<'f>(
        &mut self,
        tokens: &mut Tokens<'f>,
        visitor: &mut impl Visitor<'f>,
        context: &mut Context<'f, '_>,
    ) -> WalkEnd {
        loop {
            if self.ignores_text() {
                tokens.pass_line_end();
            }
            let Some(token) = tokens.next(context.diagnostics) else { return WalkEnd::End };
            match token {
                Token::Start { name, empty, at } => {
                    context.here = at;
                    self.has_stray = false;
                    if let Some(exit) = self.start((name, empty, at), tokens, visitor, context) {
                        return exit;
                    }
                }
                Token::End { name, at } => {
                    context.here = at;
                    self.has_stray = false;
                    if let Some(exit) = self.end(name, at, visitor, context) {
                        return exit;
                    }
                }
                Token::Text { raw, at } => self.text((raw, ValueKind::Text), at, visitor, context),
                Token::Cdata { raw, at } => {
                    self.text((raw, ValueKind::Cdata), at, visitor, context);
                }
            }
        }
    }

    /// Returns true if text at the current position is insignificant.
    #[inline]
    fn ignores_text(&self) -> bool {
        let read = matches!(
            self.top(),
            Some(Element::Script | Element::Elem | Element::Cpe | Element::Banner)
        );
        self.skip.is_some() || !read
    }

    fn text<'f>(
        &mut self,
        text: (&'f str, ValueKind),
        at: usize,
        visitor: &mut impl Visitor<'f>,
        context: &mut Context<'f, '_>,
    ) {
        if let (None, Some(top)) = (&self.skip, self.top())
            && !visitor.text(top, text, at, context)
            && !self.has_stray
            && let Some(solid) = text.0.bytes().position(|byte| !is_blank(byte))
        {
            // Pieces and comments may split it: it counts once between two tags, and its words are not shown.
            self.has_stray = true;
            context.diagnostics.add(DiagnosticCode::StrayText, at.saturating_add(solid), || {
                stray_text(top.name())
            });
        }
    }

    /// Returns true if a start tag is inside a skipped element and is skipped, too. A skip that it ends is over then.
    pub(super) fn skips(&mut self, name: Name<'_>) -> bool {
        let skips = self.skip.as_ref().is_some_and(|skip| skip.contains(name));
        if !skips {
            self.skip = None;
        }
        skips
    }

    /// Drops a start tag; `opens` is true if its element is then open.
    pub(super) fn drop_tag(&mut self, name: Name<'_>, opens: bool) {
        match (&mut self.skip, name) {
            _ if !opens => {}
            (Some(skip), _) => skip.start(name),
            (None, Name::Known(el)) => self.skip = Some(Skip::of_dropped(el)),
            // The possible contents of an unknown element are not known: they are read where they belong.
            (None, Name::Unknown(_)) => {}
        }
    }

    fn start<'f>(
        &mut self,
        (name, empty, at): (Name<'f>, bool, usize),
        tokens: &Tokens<'f>,
        visitor: &mut impl Visitor<'f>,
        context: &mut Context<'f, '_>,
    ) -> Option<WalkEnd> {
        if self.skip.is_some() && self.skips(name) {
            self.drop_tag(name, !empty);
            return None;
        }
        if tokens.is_too_long(at) {
            context
                .diagnostics
                .add(DiagnosticCode::Limit, at, || oversized_tag(shorten(name.as_str())));
            self.drop_tag(name, !empty);
            return None;
        }
        let el = match name {
            Name::Known(el) => el,
            Name::Unknown(unknown) => {
                context.diagnostics.unknown(unknown, at);
                if !empty && !tokens.is_damaged(at) {
                    self.skip = Some(Skip::of_unknown(unknown));
                }
                return None;
            }
        };
        match self.placement(el) {
            Placement::Here => {}
            Placement::Below(depth) => self.close_implicitly(depth, (el, at), visitor, context),
            Placement::Outside => return Some(WalkEnd::Left(at)),
            Placement::Nowhere => {
                context.diagnostics.unknown(el.name(), at);
                if !empty {
                    self.skip = Some(Skip::of_unknown(el.name()));
                }
                return None;
            }
        }
        let parent = self.top()?;
        if self.open.len() >= context.limits.max_element_depth {
            let cap = context.limits.max_element_depth;
            context.diagnostics.add(DiagnosticCode::Limit, at, || {
                format!("<{}> dropped: {cap} elements are open", el.name())
            });
            self.drop_tag(name, !empty);
            return None;
        }
        visitor.open(el, parent, (tokens.attributes(), at), context);
        if empty {
            visitor.close(el, context);
        } else {
            self.open.push(el);
        }
        None
    }

    #[inline]
    fn placement(&self, el: Element) -> Placement {
        let Some(top) = self.top() else { return Placement::Outside };
        if top.allows_child(el) || el.is_scan_level() {
            return Placement::Here;
        }
        match self.open.iter().rposition(|open| open.allows_child(el)) {
            Some(at) => Placement::Below(at.saturating_add(1)),
            None if Element::Nmaprun.allows_child(el) => Placement::Outside,
            None => Placement::Nowhere,
        }
    }

    /// Closes open elements until `depth` are left.
    fn close_implicitly<'f>(
        &mut self,
        depth: usize,
        (el, at): (Element, usize),
        visitor: &mut impl Visitor<'f>,
        context: &mut Context<'f, '_>,
    ) {
        context.diagnostics.add(DiagnosticCode::ImplicitClose, at, || {
            let open = self.top().map_or("", Element::name);
            format!("<{}> closes <{open}>, whose end tag is missing", el.name())
        });
        while self.open.len() > depth {
            if let Some(open) = self.open.pop() {
                visitor.close(open, context);
            }
        }
    }

    fn end<'f>(
        &mut self,
        name: Name<'f>,
        at: usize,
        visitor: &mut impl Visitor<'f>,
        context: &mut Context<'f, '_>,
    ) -> Option<WalkEnd> {
        if let Some(skip) = &mut self.skip {
            match skip.end(name, &self.open) {
                Skipped::On => return None,
                Skipped::Done => {
                    self.skip = None;
                    return None;
                }
                Skipped::EndsOuter => self.skip = None,
            }
        }
        let open = match name {
            Name::Known(el) => self.open.iter().rposition(|open| *open == el),
            Name::Unknown(_) => None,
        };
        let Some(depth) = open else {
            context.diagnostics.add(DiagnosticCode::StrayEnd, at, || {
                format!("</{}> closes nothing", shorten(name.as_str()))
            });
            return None;
        };
        if depth.saturating_add(1) < self.open.len() {
            context.diagnostics.add(DiagnosticCode::ImplicitClose, at, || {
                let open = self.top().map_or("", Element::name);
                format!("</{}> closes <{open}>, whose end tag is missing", name.as_str())
            });
        }
        while self.open.len() > depth {
            if let Some(el) = self.open.pop() {
                visitor.close(el, context);
            }
        }
        self.open.is_empty().then_some(WalkEnd::Closed)
    }
}

/// Place where an element belongs.
enum Placement {
    Here,
    /// Inside the open element at this depth, once those inside it are closed.
    Below(usize),
    /// Inside an element that is not on this stack.
    Outside,
    Nowhere,
}
