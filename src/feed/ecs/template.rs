//! Prints index templates from the list of fields.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{
    event::VERSION,
    fields::{FieldKind, fields},
};

/// Name of the component template.
const NAME: &str = "scanmill-nmap";
/// Maximum length in characters of a keyword that is indexed. Terms of an index have at most 32766 bytes.
const KEYWORD: i32 = 8191;
/// Maximum depth of a `flattened` field: the depth to which values of scripts are read.
const DEPTH: i32 = 260;

/// Product that a template is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    Elasticsearch,
    OpenSearch,
}

/// Returns everything that can be printed: each path in a folder of schemas, with its content.
#[must_use]
pub fn files() -> Vec<(PathBuf, String)> {
    let of = |folder: &str, engine| {
        let folder = Path::new(folder);
        [
            (folder.join("component-template.json"), text(&component(engine))),
            (folder.join("index-template.json"), text(&index())),
        ]
    };
    let mut files = Vec::from(of("elasticsearch", Engine::Elasticsearch));
    files.extend(of("opensearch", Engine::OpenSearch));
    files.push((Path::new("opensearch").join("README.md"), NOTE.to_owned()));
    files
}

fn text(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Returns the mappings of all events.
fn component(engine: Engine) -> Value {
    let mut root = Map::new();
    for (path, kind) in fields() {
        insert(&mut root, path, mapping(*kind, engine));
    }
    json!({
        "_meta": {
            "description": "Events of nmap scans by scanmill",
            "ecs_version": VERSION,
        },
        "template": {
            "mappings": {
                "date_detection": false,
                "dynamic_templates": [{
                    "text": {
                        "match_mapping_type": "string",
                        "mapping": mapping(FieldKind::Keyword, engine),
                    },
                }],
                "properties": root,
            },
        },
    })
}

/// Returns the template of the data streams.
fn index() -> Value {
    json!({
        "_meta": {"description": "Data streams of nmap scans by scanmill"},
        "composed_of": [NAME],
        "data_stream": {},
        "index_patterns": ["logs-nmap.*-*"],
        // Higher than the template for all logs, which has 100.
        "priority": 250,
    })
}

/// Inserts a field at its path.
fn insert(properties: &mut Map<String, Value>, path: &str, mapping: Value) {
    let Some((first, rest)) = path.split_once('.') else {
        properties.insert(path.to_owned(), mapping);
        return;
    };
    let object = properties.entry(first).or_insert_with(|| json!({"properties": {}}));
    if let Some(inner) = object.get_mut("properties").and_then(Value::as_object_mut) {
        insert(inner, rest, mapping);
    }
}

fn mapping(kind: FieldKind, engine: Engine) -> Value {
    match kind {
        FieldKind::Keyword => json!({"type": "keyword", "ignore_above": KEYWORD}),
        FieldKind::Text => json!({"type": "match_only_text"}),
        FieldKind::Long => json!({"type": "long"}),
        FieldKind::Float => json!({"type": "float"}),
        FieldKind::Date => json!({"type": "date"}),
        FieldKind::Ip => json!({"type": "ip"}),
        FieldKind::Boolean => json!({"type": "boolean"}),
        FieldKind::Flattened if engine == Engine::OpenSearch => json!({"type": "flat_object"}),
        FieldKind::Flattened => {
            json!({"type": "flattened", "depth_limit": DEPTH, "ignore_above": KEYWORD})
        }
        FieldKind::Kept => json!({"type": "keyword", "index": false, "doc_values": false}),
    }
}

const NOTE: &str = "\
# OpenSearch

`component-template.json` and `index-template.json` are those of Elasticsearch, with one difference:
values of scripts are `flat_object`, which is its name for `flattened`, without options. `match_only_text` needs OpenSearch
2.12 or newer; with an older one write `text` instead. `flat_object` has no limit on the length of a value, and the index
refuses terms of more than 32 766 bytes: keep `--max-line` at 32K or below.

```sh
curl -X PUT -H 'Content-Type: application/json' \"$URL/_component_template/scanmill-nmap\" -d @component-template.json
curl -X PUT -H 'Content-Type: application/json' \"$URL/_index_template/scanmill-nmap\" -d @index-template.json
```
";
