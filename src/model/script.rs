//! Results of NSE scripts: their text, and the structured value that nmap writes since 6.25.

use std::collections::HashMap;

use super::{
    CowStr, owned, owned_opt,
    record::{Editor, FieldValue, plain_values, record},
};
use crate::{
    codec::{Codec, RecordReader, RecordWriter, codec_variants},
    text::{escape_json, escape_json_in_csv},
};

record! {
    /// Result of one script (element `script`).
    #[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
    pub struct Script<'a> {
        /// ID of the script.
        pub name: CowStr<'a>,
        /// Output text; `None` if the script returned an empty table.
        pub output: Option<CowStr<'a>>,
        /// Structured value.
        pub data: ScriptValue<'a>,
        /// Program that ran the script.
        pub origin: ScriptOrigin,
    }
}

/// Program that ran a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ScriptOrigin {
    /// nmap's script engine.
    #[default]
    Nse,
    /// Function of scanmill's user.
    Engine,
}

impl ScriptOrigin {
    /// Returns `nse` or `engine`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nse => "nse",
            Self::Engine => "engine",
        }
    }
}

/// Subject that a script ran on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScriptScope {
    /// The whole scan, before it began.
    Prerule,
    /// Host.
    Host,
    /// Port.
    Port,
    /// The whole scan, after it ended.
    Postrule,
}

impl ScriptScope {
    /// Returns `prerule`, `host`, `port` or `postrule`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prerule => "prerule",
            Self::Host => "host",
            Self::Port => "port",
            Self::Postrule => "postrule",
        }
    }
}

codec_variants! {
    ScriptOrigin { Nse, 1 Engine }
    ScriptTableKind { List, 1 Keyed, 2 Mixed }
}

plain_values!(ScriptOrigin);

/// Structured value of a script.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ScriptValue<'a> {
    /// No children and no text.
    #[default]
    None,
    /// Only text.
    Text(CowStr<'a>),
    /// Tables and elements.
    Tree(ScriptTree<'a>),
    /// Any JSON text, as a user's function returned it.
    Json(CowStr<'a>),
}

impl ScriptValue<'_> {
    /// Appends the value to `out` as compact JSON (DATA_MODEL section 3). Returns false and writes nothing if there
    /// is no value.
    pub fn write_json(&self, out: &mut Vec<u8>) -> bool {
        match self {
            Self::None => return false,
            Self::Text(text) => write_string::<false>(text, out),
            Self::Tree(tree) => tree.write_table::<false>(0, out),
            Self::Json(json) => out.extend_from_slice(json.as_bytes()),
        }
        true
    }

    /// Appends the value to `out` as JSON for a quoted CSV field, with each quote doubled. Returns false and writes
    /// nothing if there is no value, or if the value is JSON text.
    pub(crate) fn write_json_doubled(&self, out: &mut Vec<u8>) -> bool {
        match self {
            Self::None | Self::Json(_) => return false,
            Self::Text(text) => write_string::<true>(text, out),
            Self::Tree(tree) => tree.write_table::<true>(0, out),
        }
        true
    }

    /// Returns true if there is no value.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Converts to a value that owns its text.
    #[must_use]
    pub fn into_owned(self) -> ScriptValue<'static> {
        match self {
            Self::None => ScriptValue::None,
            Self::Text(text) => ScriptValue::Text(owned(text)),
            Self::Json(json) => ScriptValue::Json(owned(json)),
            Self::Tree(tree) => ScriptValue::Tree(ScriptTree {
                nodes: tree.nodes.into_iter().map(ScriptNode::into_owned).collect(),
            }),
        }
    }
}

impl<'a> FieldValue<'a> for ScriptValue<'a> {
    type Owned = ScriptValue<'static>;

    fn into_static(self) -> ScriptValue<'static> {
        self.into_owned()
    }

    fn edit(&mut self, _: &'static str, editor: &mut impl Editor) {
        editor.script_data(self);
    }
}

impl<'a> Codec<'a> for ScriptValue<'a> {
    fn encode(&self, to: &mut RecordWriter) {
        match self {
            Self::None => 0_u8.encode(to),
            Self::Text(text) => {
                1_u8.encode(to);
                text.encode(to);
            }
            Self::Tree(tree) => {
                2_u8.encode(to);
                tree.nodes.encode(to);
            }
            Self::Json(json) => {
                3_u8.encode(to);
                json.encode(to);
            }
        }
    }

    fn decode(from: &mut RecordReader<'a>) -> Option<Self> {
        Some(match u8::decode(from)? {
            1 => Self::Text(Codec::decode(from)?),
            2 => Self::Tree(ScriptTree { nodes: Vec::decode(from)? }),
            3 => Self::Json(Codec::decode(from)?),
            _ => Self::None,
        })
    }
}

/// Tables and elements in document order, in one flat list: a table is followed by all its descendants. Node 0 is the
/// script itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScriptTree<'a> {
    nodes: Vec<ScriptNode<'a>>,
}

/// Table or element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ScriptNode<'a> {
    /// Element with text.
    Elem {
        /// Key; `""` is a key.
        key: Option<CowStr<'a>>,
        /// Text.
        text: CowStr<'a>,
    },
    /// Table.
    Table {
        /// Key; `""` is a key.
        key: Option<CowStr<'a>>,
        /// Index after its last descendant.
        end: usize,
        /// Shape of its children's keys.
        shape: ScriptTableKind,
    },
}

impl<'a> ScriptNode<'a> {
    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> Option<&CowStr<'a>> {
        match self {
            Self::Elem { key, .. } | Self::Table { key, .. } => key.as_ref(),
        }
    }

    fn into_owned(self) -> ScriptNode<'static> {
        match self {
            Self::Elem { key, text } => ScriptNode::Elem { key: owned_opt(key), text: owned(text) },
            Self::Table { key, end, shape } => {
                ScriptNode::Table { key: owned_opt(key), end, shape }
            }
        }
    }
}

impl<'a> Codec<'a> for ScriptNode<'a> {
    fn encode(&self, to: &mut RecordWriter) {
        match self {
            Self::Elem { key, text } => {
                0_u8.encode(to);
                key.encode(to);
                text.encode(to);
            }
            Self::Table { key, end, shape } => {
                1_u8.encode(to);
                key.encode(to);
                end.encode(to);
                shape.encode(to);
            }
        }
    }

    fn decode(from: &mut RecordReader<'a>) -> Option<Self> {
        let table = bool::decode(from)?;
        let key = Option::decode(from)?;
        Some(if table {
            Self::Table { key, end: usize::decode(from)?, shape: ScriptTableKind::decode(from)? }
        } else {
            Self::Elem { key, text: Codec::decode(from)? }
        })
    }
}

/// Keys of a table's children, which decide the JSON form (DATA_MODEL section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScriptTableKind {
    /// No child has a key, or there are no children: an array.
    List,
    /// Each child has a distinct key: an object.
    Keyed,
    /// Some children have no key, or a key is repeated: an object with the children without key under `_`, and an
    /// array per repeated key.
    Mixed,
}

impl<'a> ScriptTree<'a> {
    /// Creates a tree with an empty script.
    #[must_use]
    pub fn new() -> Self {
        let root = ScriptNode::Table { key: None, end: 1, shape: ScriptTableKind::List };
        Self { nodes: vec![root] }
    }

    /// Appends an element to the innermost open table.
    pub fn push_elem(&mut self, key: Option<CowStr<'a>>, text: CowStr<'a>) {
        self.nodes.push(ScriptNode::Elem { key, text });
    }

    /// Appends a table to the innermost open table and returns its index, for [`Self::close`].
    pub fn open(&mut self, key: Option<CowStr<'a>>) -> usize {
        let at = self.nodes.len();
        self.nodes.push(ScriptNode::Table { key, end: at, shape: ScriptTableKind::List });
        at
    }

    /// Closes the table at index `at` (0 is the script). Returns the first key that is repeated in it, for
    /// `W_DUP_KEY`.
    pub fn close(&mut self, at: usize) -> Option<String> {
        let len = self.nodes.len();
        if let Some(ScriptNode::Table { end, .. }) = self.nodes.get_mut(at) {
            *end = len;
        }
        let (found, repeated) = self.survey(at);
        if let Some(ScriptNode::Table { shape, .. }) = self.nodes.get_mut(at) {
            *shape = found;
        }
        repeated
    }

    /// Returns all nodes in document order.
    #[must_use]
    pub fn nodes(&self) -> &[ScriptNode<'a>] {
        &self.nodes
    }

    /// Returns the children of the table at index `at`, each with its index.
    pub fn children(&self, at: usize) -> impl Iterator<Item = (usize, &ScriptNode<'a>)> {
        let end = match self.nodes.get(at) {
            Some(ScriptNode::Table { end, .. }) => *end,
            _ => 0,
        };
        let mut next = at.saturating_add(1);
        std::iter::from_fn(move || {
            let here = next;
            let node = self.nodes.get(here).filter(|_| here < end)?;
            next = match node {
                ScriptNode::Table { end, .. } => (*end).max(here.saturating_add(1)),
                ScriptNode::Elem { .. } => here.saturating_add(1),
            };
            Some((here, node))
        })
    }

    fn survey(&self, at: usize) -> (ScriptTableKind, Option<String>) {
        let (mut keyed, mut unkeyed) = (0_usize, 0_usize);
        for (_, child) in self.children(at) {
            match child.key() {
                Some(_) => keyed = keyed.saturating_add(1),
                None => unkeyed = unkeyed.saturating_add(1),
            }
        }
        if keyed == 0 {
            return (ScriptTableKind::List, None);
        }
        let keys = || self.children(at).filter_map(|(_, child)| child.key().map(|k| &**k));
        let repeated = if unkeyed > 0 && keys().any(|k| k == "_") {
            Some("_".to_owned())
        } else if keyed <= 12 {
            keys()
                .enumerate()
                .find(|(i, k)| keys().take(*i).any(|o| o == *k))
                .map(|(_, k)| k.into())
        } else {
            let mut seen = std::collections::HashSet::with_capacity(keyed);
            keys().find(|k| !seen.insert(*k)).map(Into::into)
        };
        let plain = unkeyed == 0 && repeated.is_none();
        (if plain { ScriptTableKind::Keyed } else { ScriptTableKind::Mixed }, repeated)
    }

    fn write_table<const DOUBLED: bool>(&self, at: usize, out: &mut Vec<u8>) {
        let Some(ScriptNode::Table { shape, .. }) = self.nodes.get(at) else { return };
        match shape {
            ScriptTableKind::List => {
                self.write_list::<DOUBLED>(self.children(at).map(|(i, _)| i), out);
            }
            ScriptTableKind::Keyed => {
                out.push(b'{');
                for (n, (i, child)) in self.children(at).enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    write_string::<DOUBLED>(child.key().map_or("", |k| k), out);
                    out.push(b':');
                    self.write_node::<DOUBLED>(i, out);
                }
                out.push(b'}');
            }
            ScriptTableKind::Mixed => self.write_mixed::<DOUBLED>(at, out),
        }
    }

    /// Writes children without a key under the key `_`. A key keeps the position of its first occurrence.
    fn write_mixed<const DOUBLED: bool>(&self, at: usize, out: &mut Vec<u8>) {
        let mut order: Vec<(&str, Vec<usize>, bool)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (i, child) in self.children(at) {
            let (key, unkeyed) = child.key().map_or(("_", true), |k| (&**k, false));
            let place = *places.entry(key).or_insert(order.len());
            match order.get_mut(place) {
                Some((_, members, list)) => {
                    members.push(i);
                    *list = true;
                }
                None => order.push((key, vec![i], unkeyed)),
            }
        }
        out.push(b'{');
        for (n, (key, members, list)) in order.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            write_string::<DOUBLED>(key, out);
            out.push(b':');
            match members.first() {
                Some(only) if !list => self.write_node::<DOUBLED>(*only, out),
                _ => self.write_list::<DOUBLED>(members.iter().copied(), out),
            }
        }
        out.push(b'}');
    }

    fn write_list<const DOUBLED: bool>(
        &self,
        members: impl Iterator<Item = usize>,
        out: &mut Vec<u8>,
    ) {
        out.push(b'[');
        for (n, i) in members.enumerate() {
            if n > 0 {
                out.push(b',');
            }
            self.write_node::<DOUBLED>(i, out);
        }
        out.push(b']');
    }

    fn write_node<const DOUBLED: bool>(&self, at: usize, out: &mut Vec<u8>) {
        match self.nodes.get(at) {
            Some(ScriptNode::Elem { text, .. }) => write_string::<DOUBLED>(text, out),
            Some(ScriptNode::Table { .. }) => self.write_table::<DOUBLED>(at, out),
            None => {}
        }
    }
}

impl Default for ScriptTree<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes a JSON string. Writing to a `Vec` cannot fail.
fn write_string<const DOUBLED: bool>(text: &str, out: &mut Vec<u8>) {
    if DOUBLED {
        out.extend_from_slice(b"\"\"");
        escape_json_in_csv(text, out);
        out.extend_from_slice(b"\"\"");
    } else {
        out.push(b'"');
        escape_json(text, out);
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(data: &ScriptValue<'_>) -> String {
        let mut out = Vec::new();
        data.write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn tree(
        build: impl FnOnce(&mut ScriptTree<'static>),
    ) -> (ScriptValue<'static>, Option<String>) {
        let mut tree = ScriptTree::new();
        build(&mut tree);
        let repeated = tree.close(0);
        (ScriptValue::Tree(tree), repeated)
    }

    #[test]
    fn keyed_children_become_an_object_in_document_order() {
        let (data, repeated) = tree(|t| {
            t.push_elem(Some("b".into()), "1".into());
            let inner = t.open(Some(String::new().into()));
            t.push_elem(None, "x\n".into());
            t.push_elem(None, "y".into());
            t.close(inner);
            t.push_elem(Some("a".into()), "2".into());
        });
        assert_eq!(json(&data), r#"{"b":"1","":["x\n","y"],"a":"2"}"#);
        assert_eq!(repeated, None);
    }

    #[test]
    fn unkeyed_children_of_a_mixed_table_have_the_key_underscore() {
        let (data, repeated) = tree(|t| {
            t.push_elem(None, "x".into());
            t.push_elem(Some("k".into()), "v".into());
            t.push_elem(None, "y".into());
        });
        assert_eq!(json(&data), r#"{"_":["x","y"],"k":"v"}"#);
        assert_eq!(repeated, None);
    }

    #[test]
    fn repeated_keys_become_an_array() {
        let (data, repeated) = tree(|t| {
            t.push_elem(Some("k".into()), "1".into());
            t.push_elem(Some("l".into()), "2".into());
            t.push_elem(Some("k".into()), "3".into());
        });
        assert_eq!(json(&data), r#"{"k":["1","3"],"l":"2"}"#);
        assert_eq!(repeated.as_deref(), Some("k"));
    }

    #[test]
    fn a_literal_underscore_next_to_unkeyed_children_counts_as_repeated() {
        let (data, repeated) = tree(|t| {
            t.push_elem(Some("_".into()), "1".into());
            t.push_elem(None, "2".into());
        });
        assert_eq!(json(&data), r#"{"_":["1","2"]}"#);
        assert_eq!(repeated.as_deref(), Some("_"));
    }

    #[test]
    fn an_empty_table_is_an_empty_array_and_a_missing_value_is_none() {
        let (data, _) = tree(|t| {
            let inner = t.open(None);
            t.close(inner);
        });
        assert_eq!(json(&data), "[[]]");
        let mut out = Vec::new();
        assert!(!ScriptValue::None.write_json(&mut out));
        assert!(out.is_empty());
    }

    #[test]
    fn a_repeated_key_is_found_among_many() {
        let (_, repeated) = tree(|t| {
            for i in 0..40 {
                t.push_elem(Some(format!("k{i}").into()), "".into());
            }
            t.push_elem(Some("k7".into()), "".into());
        });
        assert_eq!(repeated.as_deref(), Some("k7"));
    }
}
