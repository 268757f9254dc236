//! Results of scripts: `script`, `table` and `elem` elements.

use serde_json::Value as Json;

use super::element::{Place, attributes, escape};
use crate::model::{CowStr, Script, ScriptNode, ScriptTree, ScriptValue};

/// Writes an element that holds scripts; nothing if there are none.
pub(super) fn scripts(element: &str, scripts: &[Script<'_>], out: &mut Vec<u8>) {
    if scripts.is_empty() {
        return;
    }
    for part in ["<", element, ">"] {
        out.extend_from_slice(part.as_bytes());
    }
    for result in scripts {
        script(result, out);
    }
    for part in ["</", element, ">\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Writes the result of a script.
pub(super) fn script(script: &Script<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<script");
    attributes!(out, "id": &script.name, "output": &script.output);
    if script.data.is_none() {
        out.extend_from_slice(b"/>");
        return;
    }
    out.push(b'>');
    match &script.data {
        ScriptValue::None => {}
        ScriptValue::Text(text) => escape(text, Place::Content, out),
        ScriptValue::Tree(found) => tree(found, out),
        ScriptValue::Json(text) => json(text, out),
    }
    out.extend_from_slice(b"</script>");
}

/// Writes the tables and elements of a script.
fn tree(tree: &ScriptTree<'_>, out: &mut Vec<u8>) {
    // Ends of the open tables.
    let mut open: Vec<usize> = Vec::new();
    for (index, node) in tree.nodes().iter().enumerate().skip(1) {
        while open.pop_if(|end| *end <= index).is_some() {
            close_table(out);
        }
        match node {
            ScriptNode::Elem { key, text } => elem(key.as_ref(), text, out),
            ScriptNode::Table { key, end, .. } => {
                open_table(key.as_ref(), out);
                open.push(*end);
            }
        }
    }
    for _ in &open {
        close_table(out);
    }
}

fn open_table(key: Option<&CowStr<'_>>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<table");
    attributes!(out, "key": key);
    out.extend_from_slice(b">\n");
}

fn close_table(out: &mut Vec<u8>) {
    out.extend_from_slice(b"</table>\n");
}

fn elem(key: Option<&CowStr<'_>>, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<elem");
    attributes!(out, "key": key);
    out.push(b'>');
    escape(text, Place::Content, out);
    out.extend_from_slice(b"</elem>\n");
}

/// Writes the JSON that a user's function returned, as nmap's script engine writes the tables of a script: numbers and
/// truth values are text.
fn json(text: &str, out: &mut Vec<u8>) {
    let mut nodes = ScriptTree::new();
    match serde_json::from_str(text) {
        Ok(Json::Array(items)) => {
            for item in items {
                push_json(None, item, &mut nodes);
            }
        }
        Ok(Json::Object(members)) => {
            members.into_iter().for_each(|(key, item)| push_json(Some(key), item, &mut nodes));
        }
        Ok(Json::String(text)) => return escape(&text, Place::Content, out),
        // Too deeply nested to be parsed.
        Ok(_) | Err(_) => return escape(text, Place::Content, out),
    }
    nodes.close(0);
    tree(&nodes, out);
}

/// Adds a JSON value. The parser limits the depth of the recursion to 128.
fn push_json(key: Option<String>, value: Json, to: &mut ScriptTree<'static>) {
    let key = key.map(CowStr::from);
    match value {
        Json::Array(items) => {
            let table = to.open(key);
            for item in items {
                push_json(None, item, to);
            }
            to.close(table);
        }
        Json::Object(members) => {
            let table = to.open(key);
            members.into_iter().for_each(|(key, item)| push_json(Some(key), item, to));
            to.close(table);
        }
        Json::String(text) => to.push_elem(key, text.into()),
        Json::Null => to.push_elem(key, String::new().into()),
        other @ (Json::Bool(_) | Json::Number(_)) => to.push_elem(key, other.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(data: ScriptValue<'_>) -> String {
        let mut out = Vec::new();
        let output = Some("a\nb".into());
        script(&Script { name: "x-y".into(), output, data, ..Script::default() }, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn tables_close_where_they_end() {
        let mut tree = ScriptTree::new();
        let outer = tree.open(Some("a".into()));
        let inner = tree.open(None);
        tree.push_elem(Some("".into()), "1\r".into());
        tree.close(inner);
        let empty = tree.open(None);
        tree.close(empty);
        tree.close(outer);
        tree.push_elem(None, "<2>".into());
        tree.close(0);
        let text = written(ScriptValue::Tree(tree)).replace('\n', "");
        assert_eq!(
            text,
            "<script id=\"x-y\" output=\"a&#xa;b\"><table key=\"a\"><table><elem key=\"\">1&#xd;</elem></table>\
             <table></table></table><elem>&lt;2&gt;</elem></script>"
        );
    }

    #[test]
    fn json_becomes_tables_and_elements() {
        for (json, xml) in [
            (r#""a<b""#, "a&lt;b"),
            ("12", "12"),
            ("[1,true,null]", "<elem>1</elem><elem>true</elem><elem></elem>"),
            (
                r#"{"a":[{"b":"c"}],"d":1.5}"#,
                "<table key=\"a\"><table><elem key=\"b\">c</elem></table></table><elem key=\"d\">1.5</elem>",
            ),
        ] {
            let text = written(ScriptValue::Json(json.into())).replace('\n', "");
            assert_eq!(text, format!("<script id=\"x-y\" output=\"a&#xa;b\">{xml}</script>"));
        }
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert!(written(ScriptValue::Json(deep.clone().into())).contains(&deep));
        assert!(!written(ScriptValue::None).contains("</script>"));
    }
}
