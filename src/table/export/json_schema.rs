//! Prints JSON Schemas of the rows of flat JSONL, and holds the parts shared with the schema of nested lines.

use super::{
    document::{Json, object},
    view::View,
};
use crate::table::{ColumnType, Field};

pub(super) const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Form of JSONL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Every member is present, including null.
    Flat,
    /// Null and empty values are left out.
    Nested,
}

/// Prints the schema of a table's rows. For several tables, it prints a schema that matches a row of any of them.
pub(super) fn print(tables: &[View]) -> String {
    if let [table] = tables {
        let Json::Object(schema) = row(*table) else { return String::new() };
        let head = [("$schema", DRAFT), ("title", table.table.name())];
        let head = head.map(|(name, text)| (name.to_owned(), text.into()));
        return Json::Object(head.into_iter().chain(schema).collect()).print();
    }
    let rows = tables.iter().map(|table| (table.table.name(), row(*table))).collect();
    one_of("rows", "A line of flat JSONL: a row of a table.", rows, Vec::new()).print()
}

/// Returns a schema that matches exactly one of `lines`. `shared` holds definitions that they refer to.
pub(super) fn one_of(
    title: &str,
    doc: &str,
    lines: Vec<(&str, Json)>,
    shared: Vec<(&str, Json)>,
) -> Json {
    let choices: Vec<Json> = lines.iter().map(|(name, _)| refer(name)).collect();
    let definitions = lines.into_iter().chain(shared);
    let definitions = definitions.map(|(name, schema)| (name.to_owned(), schema)).collect();
    object! {
        "$schema": DRAFT,
        "title": title,
        "description": doc,
        "oneOf": choices,
        "$defs": Json::Object(definitions),
    }
}

/// Returns a reference to a definition of [`one_of`].
pub(super) fn refer(name: &str) -> Json {
    object! {"$ref": format!("#/$defs/{name}")}
}

fn row(view: View) -> Json {
    let table = view.table;
    let mut members = Members::default();
    members.push("_table", object! {"const": table.name()}, true);
    for column in view.columns().into_iter().filter(|column| column.field.kind.is_text()) {
        members.push_field(&column.field, Shape::Flat);
    }
    members.object(table.doc())
}

/// Members of an object.
#[derive(Default)]
pub(super) struct Members {
    properties: Vec<(String, Json)>,
    required: Vec<&'static str>,
}

impl Members {
    pub(super) fn push(&mut self, name: &'static str, schema: Json, always: bool) {
        self.properties.push((name.to_owned(), schema));
        if always {
            self.required.push(name);
        }
    }

    pub(super) fn push_field(&mut self, field: &Field, shape: Shape) {
        let always = shape == Shape::Flat || !field.nullable;
        self.push(field.name, described(field, shape), always);
    }

    pub(super) fn append(&mut self, other: Self) {
        self.properties.extend(other.properties);
        self.required.extend(other.required);
    }

    /// Returns the schema of objects with exactly these members.
    pub(super) fn object(self, doc: &str) -> Json {
        let mut schema = Vec::new();
        let mut put = |name: &str, value: Json| schema.push((name.to_owned(), value));
        if !doc.is_empty() {
            put("description", doc.into());
        }
        put("type", "object".into());
        if self.required.is_empty() {
            put("minProperties", 1.into());
        } else {
            put("required", self.required.into());
        }
        put("additionalProperties", false.into());
        put("properties", Json::Object(self.properties));
        Json::Object(schema)
    }
}

/// Returns the schema of a field's values, with the field's description.
pub(super) fn described(field: &Field, shape: Shape) -> Json {
    let mut schema = vec![("description".to_owned(), field.doc.into())];
    schema.extend(value(field, shape));
    Json::Object(schema)
}

fn value(field: &Field, shape: Shape) -> Vec<(String, Json)> {
    let (name, rest) = match field.kind {
        ColumnType::Json if shape == Shape::Nested => return Vec::new(),
        ColumnType::Json => ("string", object! {"contentMediaType": "application/json"}),
        ColumnType::Utf8 | ColumnType::Dictionary | ColumnType::Binary16 => ("string", object! {}),
        ColumnType::Int32 => ("integer", object! {"minimum": i32::MIN, "maximum": i32::MAX}),
        ColumnType::Int64 => ("integer", object! {"minimum": i64::MIN, "maximum": i64::MAX}),
        ColumnType::Float64 => ("number", object! {}),
        ColumnType::Boolean => ("boolean", object! {}),
        ColumnType::Timestamp => ("string", object! {"format": "date-time"}),
        ColumnType::Texts => ("array", items(object! {"type": "string"}, shape)),
        ColumnType::Structs(fields) => {
            let mut members = Members::default();
            for field in fields {
                members.push_field(field, shape);
            }
            ("array", items(members.object(""), shape))
        }
    };
    let names = match (field.nullable, shape) {
        (true, Shape::Flat) => vec![name, "null"].into(),
        _ => name.into(),
    };
    let mut schema = vec![("type".to_owned(), names)];
    if let Json::Object(rest) = rest {
        schema.extend(rest);
    }
    schema
}

fn items(schema: Json, shape: Shape) -> Json {
    match shape {
        Shape::Flat => object! {"items": schema},
        Shape::Nested => object! {"minItems": 1, "items": schema},
    }
}
