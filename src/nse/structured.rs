//! Structured result of a script as one tree, whether it was read from XML or is JSON text.

use std::{borrow::Cow, fmt};

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::model::{ScriptNode, ScriptTree, ScriptValue};

/// Structured result of a script.
pub(super) struct Structured<'s>(Cow<'s, ScriptTree<'s>>);

impl<'s> Structured<'s> {
    /// Returns the result; `None` if the script has only text. JSON text, which a dataset or an engine holds, becomes a
    /// tree; JSON that is malformed or nested more than 128 levels deep is ignored.
    pub(super) fn of(value: &'s ScriptValue<'_>) -> Option<Self> {
        match value {
            ScriptValue::Tree(tree) => Some(Self(Cow::Borrowed(tree))),
            ScriptValue::Json(json) if json.trim_start().starts_with(['{', '[']) => {
                let mut tree = ScriptTree::new();
                let root = JsonNode { tree: &mut tree, key: None, is_root: true };
                let mut json = serde_json::Deserializer::from_str(json);
                root.deserialize(&mut json).ok()?;
                Some(Self(Cow::Owned(tree)))
            }
            _ => None,
        }
    }

    /// Returns the script itself.
    pub(super) fn root(&self) -> Node<'_> {
        Node { tree: &self.0, index: 0 }
    }
}

/// Table or element of a structured result.
#[derive(Clone, Copy)]
pub(super) struct Node<'t> {
    tree: &'t ScriptTree<'t>,
    index: usize,
}

impl<'t> Node<'t> {
    fn node(self) -> Option<&'t ScriptNode<'t>> {
        self.tree.nodes().get(self.index)
    }

    /// Returns the key.
    pub(super) fn key(self) -> Option<&'t str> {
        self.node()?.key().map(|key| &**key)
    }

    /// Returns the text of an element; `None` for a table.
    pub(super) fn text(self) -> Option<&'t str> {
        match self.node()? {
            ScriptNode::Elem { text, .. } => Some(text),
            ScriptNode::Table { .. } => None,
        }
    }

    /// Returns the tables and elements directly in a table, in order.
    pub(super) fn children(self) -> impl Iterator<Item = Node<'t>> {
        self.tree.children(self.index).map(move |(index, _)| Node { index, ..self })
    }

    /// Returns the first child with this key.
    pub(super) fn get(self, key: &str) -> Option<Node<'t>> {
        self.children().find(|child| child.key() == Some(key))
    }

    /// Returns the text of the first child with this key, without blanks around it; `None` if it is empty.
    pub(super) fn get_text(self, key: &str) -> Option<&'t str> {
        self.get(key)?.text().map(str::trim).filter(|text| !text.is_empty())
    }
}

/// Value of a JSON text that becomes nodes of a tree: strings, numbers and booleans are elements, arrays and objects
/// are tables, and null is nothing.
struct JsonNode<'n> {
    tree: &'n mut ScriptTree<'static>,
    key: Option<String>,
    is_root: bool,
}

impl JsonNode<'_> {
    fn element(self, text: String) {
        self.tree.push_elem(self.key.map(Cow::Owned), text.into());
    }

    /// Opens the table of an array or object, which for the whole text is the script itself.
    fn open(&mut self) -> usize {
        if self.is_root { 0 } else { self.tree.open(self.key.take().map(Cow::Owned)) }
    }
}

impl<'de> DeserializeSeed<'de> for JsonNode<'_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonNode<'_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.element(text.to_owned());
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.element(value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.element(number.to_string());
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.element(number.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.element(number.to_string());
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let at = self.open();
        while items
            .next_element_seed(JsonNode { tree: &mut *self.tree, key: None, is_root: false })?
            .is_some()
        {}
        self.tree.close(at);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let at = self.open();
        while let Some(key) = members.next_key()? {
            members.next_value_seed(JsonNode {
                tree: &mut *self.tree,
                key: Some(key),
                is_root: false,
            })?;
        }
        self.tree.close(at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &ScriptValue<'_>) -> String {
        let mut out = Vec::new();
        value.write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_text_becomes_the_tree_that_writes_it() {
        for text in [
            "{\"b\":\"1\",\"a\":[\"x\",{\"c\":\"2\"}],\"\":\"y\"}",
            "[\"1\",[],[\"2\"]]",
            "[]",
            "{\"a\":{\"b\":{\"c\":\"d\"}}}",
        ] {
            let value = ScriptValue::Json(text.into());
            let Some(Structured(tree)) = Structured::of(&value) else { panic!("{text}") };
            assert_eq!(json(&ScriptValue::Tree(tree.into_owned())), text);
        }
        let value = ScriptValue::Json("{\"n\": [1, -2, 1.5, true, null]}".into());
        let Some(Structured(tree)) = Structured::of(&value) else { panic!("JSON") };
        let expected = "{\"n\":[\"1\",\"-2\",\"1.5\",\"true\"]}";
        assert_eq!(json(&ScriptValue::Tree(tree.into_owned())), expected);
    }

    #[test]
    fn text_and_malformed_json_have_no_structure() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for value in ["\"text\"", "1", "{\"a\":", "", &deep] {
            assert!(Structured::of(&ScriptValue::Json(value.into())).is_none(), "{value}");
        }
        assert!(Structured::of(&ScriptValue::Text("a".into())).is_none());
        assert!(Structured::of(&ScriptValue::None).is_none());
    }
}
