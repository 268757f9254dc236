//! Prints the definitions of tables and columns: Arrow schemas, JSON Schemas, SQL and a reference.
//!
//! All formats are derived from the definitions; only the layout of nested lines is described here. The folder
//! `schemas` of the project contains the output of [`files`].

mod arrow;
mod ddl;
mod document;
mod json_schema;
mod markdown;
mod nested;
mod view;
mod views;

use std::{
    io,
    path::{Path, PathBuf},
};

use self::view::View;
pub use self::{
    ddl::Dialect,
    views::{SqlEngine, views},
};
use super::Table;
use crate::{
    error::{Error, Result},
    fs,
};

/// Format of printed definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Schemas of Parquet and Arrow, in Arrow's JSON form.
    Arrow,
    /// JSON Schema (draft 2020-12) of flat JSONL.
    JsonSchema,
    /// SQL that creates the tables.
    Ddl(Dialect),
    /// Reference in Markdown.
    Markdown,
}

/// Prints these tables as one document. Several Arrow schemas form a JSON array; several JSON Schemas form one schema
/// that matches a row of any of these tables.
///
/// ```
/// use scanmill::table::{
///     Table,
///     export::{Dialect, Format, print},
/// };
/// let sql = print(Format::Ddl(Dialect::DuckDb), &[Table::Hops]);
/// assert!(sql.contains(r#""rtt_ms" DOUBLE,"#));
/// ```
#[must_use]
pub fn print(format: Format, tables: &[Table]) -> String {
    print_views(format, &tables.iter().map(|table| View::new(*table)).collect::<Vec<_>>())
}

/// Prints these tables as a merge writes them. Some tables have additional columns there.
#[must_use]
pub fn print_merged(format: Format, tables: &[Table]) -> String {
    print_views(format, &tables.iter().map(|table| View::merged(*table)).collect::<Vec<_>>())
}

fn print_views(format: Format, tables: &[View]) -> String {
    match format {
        Format::Arrow => arrow::print(tables),
        Format::JsonSchema => json_schema::print(tables),
        Format::Ddl(dialect) => ddl::print(dialect, tables),
        Format::Markdown => markdown::print(tables),
    }
}

/// Returns everything that can be printed: each path in a folder of schemas, with its content.
#[must_use]
pub fn files() -> Vec<(PathBuf, String)> {
    let a_table = |folder: &'static str, format| {
        Table::ALL.into_iter().chain(Table::DERIVED).map(move |table| {
            let name = format!("{}.json", table.name());
            (Path::new(folder).join(name), print(format, &[table]))
        })
    };
    let whole = |name: &str, format| (PathBuf::from(name), print(format, &Table::ALL));
    let mut files: Vec<_> = a_table("arrow", Format::Arrow).collect();
    files.extend(a_table("json-schema", Format::JsonSchema));
    files.push((Path::new("json-schema").join("nested.json"), nested::print()));
    files.push(whole("duckdb.sql", Format::Ddl(Dialect::DuckDb)));
    files.push(whole("spark.sql", Format::Ddl(Dialect::Spark)));
    for engine in SqlEngine::ALL {
        let path = Path::new("views").join(engine.name()).with_extension("sql");
        files.push((path, views(engine).to_owned()));
    }
    let named: Vec<Table> = Table::ALL.into_iter().chain(Table::DERIVED).collect();
    files.push((PathBuf::from("tables.md"), print(Format::Markdown, &named)));
    files.extend(merged_files());
    files
}

/// Returns the files of tables that only a merge or a comparison has, or that have additional columns there.
fn merged_files() -> impl Iterator<Item = (PathBuf, String)> {
    let is_of_conversions =
        |table: &Table| Table::ALL.contains(table) || Table::DERIVED.contains(table);
    let tables: Vec<Table> = Table::of_merges()
        .filter(|table| !table.merged_columns().is_empty() || !is_of_conversions(table))
        .collect();
    let of_table = |table: Table, folder: &str, format| {
        let path = Path::new("merged").join(folder).join(format!("{}.json", table.name()));
        (path, print_merged(format, &[table]))
    };
    let mut files: Vec<_> = tables
        .iter()
        .flat_map(|table| {
            [
                of_table(*table, "arrow", Format::Arrow),
                of_table(*table, "json-schema", Format::JsonSchema),
            ]
        })
        .collect();
    for (name, format) in [
        ("duckdb.sql", Format::Ddl(Dialect::DuckDb)),
        ("spark.sql", Format::Ddl(Dialect::Spark)),
        ("tables.md", Format::Markdown),
    ] {
        // The SQL of views creates the derived tables.
        let is_created =
            |table: &Table| format == Format::Markdown || !Table::DERIVED.contains(table);
        let tables: Vec<Table> = tables.iter().copied().filter(is_created).collect();
        files.push((Path::new("merged").join(name), print_merged(format, &tables)));
    }
    let nested = Path::new("merged").join("json-schema").join("nested.json");
    files.push((nested, nested::print_merged()));
    files.into_iter()
}

/// Compares a folder with files such as all [`files`]. Returns, in order, the paths of files that differ, are
/// missing, or are not among the printed ones.
///
/// # Errors
/// Returns an error if a file or folder cannot be read.
pub fn check_all(dir: &Path, files: &[(PathBuf, String)]) -> Result<Vec<PathBuf>> {
    let mut wrong = Vec::new();
    let mut folders = vec![PathBuf::new()];
    for (path, text) in files {
        if !holds(&dir.join(path), text)? {
            wrong.push(path.clone());
        }
        folders.extend(path.parent().map(Path::to_owned));
    }
    folders.sort_unstable();
    folders.dedup();
    for folder in &folders {
        let entries = entries(&dir.join(folder))?.into_iter().map(|name| folder.join(name));
        let known = |path: &PathBuf| folders.contains(path) || files.iter().any(|f| f.0 == *path);
        wrong.extend(entries.filter(|path| !known(path)));
    }
    wrong.sort_unstable();
    Ok(wrong)
}

/// Returns true if a file exists and has this content.
fn holds(path: &Path, text: &str) -> Result<bool> {
    Ok(found(path, fs::read(path))?.is_some_and(|bytes| bytes == text.as_bytes()))
}

/// Returns the names in a folder; none if the folder does not exist.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let Some(entries) = found(folder, fs::read_dir(folder))? else { return Ok(Vec::new()) };
    let names: io::Result<Vec<_>> =
        entries.map(|entry| entry.map(|entry| entry.file_name().into())).collect();
    Ok(found(folder, names)?.unwrap_or_default())
}

/// Returns the value that was read; `None` if the file or folder does not exist.
fn found<T>(path: &Path, result: io::Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::from(error).with_input(path.display().to_string())),
    }
}
