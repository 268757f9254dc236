//! Prints the reference of tables and columns.

use std::fmt::Write as _;

use super::view::View;
use crate::table::{ColumnType, Field};

const HEAD: &str = "\
# Tables

<!-- Printed by `scanmill schema`; not edited by hand. -->

Types are Arrow's. `Dictionary` is text with few distinct values, `JSON` is text that contains JSON. Text
formats leave out columns of type `FixedSizeBinary(16)`. `list[].field` is a field of the structs in a list.
";

/// Prints one section per table.
pub(super) fn print(tables: &[View]) -> String {
    let mut out = String::from(HEAD);
    for view in tables {
        let table = view.table;
        let key: Vec<_> = table.key().iter().map(|name| format!("`{name}`")).collect();
        let _ = write!(
            out,
            "\n## {}\n\n{}\n\nKey: {}.\n\n| Column | Type | Null | Meaning |\n|---|---|---|---|\n",
            table.name(),
            table.doc(),
            key.join(", ")
        );
        for column in view.columns() {
            row("", &column.field, &mut out);
        }
    }
    out
}

/// Writes the row of a field, followed by the rows of its structs' fields.
fn row(parent: &str, field: &Field, out: &mut String) {
    let name = format!("{parent}{}", field.name);
    let null = if field.nullable { "yes" } else { "no" };
    let doc = field.doc.replace('|', "\\|");
    let _ = writeln!(out, "| `{name}` | {} | {null} | {doc} |", kind(field.kind));
    if let ColumnType::Structs(fields) = field.kind {
        for field in fields {
            row(&format!("{name}[]."), field, out);
        }
    }
}

const fn kind(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Utf8 => "Utf8",
        ColumnType::Json => "JSON",
        ColumnType::Dictionary => "Dictionary",
        ColumnType::Int32 => "Int32",
        ColumnType::Int64 => "Int64",
        ColumnType::Float64 => "Float64",
        ColumnType::Boolean => "Boolean",
        ColumnType::Timestamp => "Timestamp(µs, UTC)",
        ColumnType::Binary16 => "FixedSizeBinary(16)",
        ColumnType::Texts => "List of Utf8",
        ColumnType::Structs(_) => "List of Struct",
    }
}
