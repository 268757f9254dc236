//! Prints SQL that creates the tables.

use std::fmt::Write as _;

use super::view::View;
use crate::table::{Column, ColumnType, Field};

/// SQL dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// `DuckDB`
    DuckDb,
    /// Spark
    Spark,
}

/// Prints one statement per table. For `DuckDB`, comments are separate statements.
pub(super) fn print(dialect: Dialect, tables: &[View]) -> String {
    let mut out = String::from("-- Printed by `scanmill schema`; not edited by hand.\n");
    for table in tables {
        out.push('\n');
        create(dialect, *table, &mut out);
    }
    out
}

fn create(dialect: Dialect, view: View, out: &mut String) {
    let table = view.table;
    let name = table.name();
    let columns: Vec<String> =
        view.columns().iter().map(|column| define(dialect, &column.field)).collect();
    let columns = columns.join(",\n    ");
    let _ = write!(out, "CREATE TABLE {name} (\n    {columns}\n)");
    let doc = dialect.text(&format!("{} Key: {}.", table.doc(), table.key().join(", ")));
    match dialect {
        Dialect::Spark => {
            let _ = writeln!(out, "\nUSING PARQUET\nCOMMENT {doc};");
        }
        Dialect::DuckDb => {
            let _ = writeln!(out, ";\nCOMMENT ON TABLE {name} IS {doc};");
            for Column { field, .. } in view.columns() {
                let (column, doc) = (dialect.name(field.name), dialect.text(field.doc));
                let _ = writeln!(out, "COMMENT ON COLUMN {name}.{column} IS {doc};");
            }
        }
    }
}

/// Defines a column, or a field of a Spark struct without its colon.
fn define(dialect: Dialect, field: &Field) -> String {
    format!("{} {}", dialect.name(field.name), described(dialect, field))
}

/// Returns the type of a field with its constraint and comment.
fn described(dialect: Dialect, field: &Field) -> String {
    let mut out = dialect.kind(field.kind);
    if !field.nullable {
        out.push_str(" NOT NULL");
    }
    if dialect == Dialect::Spark {
        let _ = write!(out, " COMMENT {}", dialect.text(field.doc));
    }
    out
}

impl Dialect {
    /// Quotes a name, because some columns are named like types and functions.
    fn name(self, name: &str) -> String {
        match self {
            Self::DuckDb => format!("\"{name}\""),
            Self::Spark => format!("`{name}`"),
        }
    }

    fn text(self, text: &str) -> String {
        match self {
            Self::DuckDb => format!("'{}'", text.replace('\'', "''")),
            Self::Spark => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        }
    }

    /// Returns the type as which engines read a Parquet column of this kind.
    fn kind(self, kind: ColumnType) -> String {
        let (duckdb, spark) = match kind {
            ColumnType::Utf8 | ColumnType::Json | ColumnType::Dictionary => ("VARCHAR", "STRING"),
            ColumnType::Int32 => ("INTEGER", "INT"),
            ColumnType::Int64 => ("BIGINT", "BIGINT"),
            ColumnType::Float64 => ("DOUBLE", "DOUBLE"),
            ColumnType::Boolean => ("BOOLEAN", "BOOLEAN"),
            ColumnType::Timestamp => ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP"),
            ColumnType::Binary16 => ("BLOB", "BINARY"),
            ColumnType::Texts => ("VARCHAR[]", "ARRAY<STRING>"),
            ColumnType::Structs(fields) => return self.structs(fields),
        };
        match self {
            Self::DuckDb => duckdb.to_owned(),
            Self::Spark => spark.to_owned(),
        }
    }

    fn structs(self, fields: &[Field]) -> String {
        let fields = fields.iter().map(|field| match self {
            // Structs of DuckDB have no constraints.
            Self::DuckDb => format!("{} {}", self.name(field.name), self.kind(field.kind)),
            Self::Spark => format!("{}: {}", self.name(field.name), described(self, field)),
        });
        let fields = fields.collect::<Vec<_>>().join(", ");
        match self {
            Self::DuckDb => format!("STRUCT({fields})[]"),
            Self::Spark => format!("ARRAY<STRUCT<{fields}>>"),
        }
    }
}
