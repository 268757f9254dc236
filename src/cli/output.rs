//! Where output goes, and in which form: the options held against each other.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use super::{
    args::{PartitionName, PickArgs, Shape, To, WriteArgs},
    feeds,
};
use crate::{
    error::{Error, Result},
    feed::Feed,
    pipeline::Destination,
    sink::{self, DocumentSink, Output, SinkOptions, TableFormat, Temporaries},
    table::{Column, Table},
};

/// What the options come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    Feed(Feed, Output),
    Tables {
        format: TableFormat,
        output: Output,
        tables: Vec<Table>,
        columns: Option<Vec<&'static Column>>,
        rows: Rows,
    },
}

/// Which rows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Those of what is read.
    Read,
    /// Those of a merge, with what lost in it or without.
    Merged { explain: bool },
}

impl Rows {
    fn tables(self) -> &'static [Table] {
        match self {
            Self::Merged { explain: true } => &Table::MERGED,
            Self::Read | Self::Merged { .. } => &Table::ALL,
        }
    }

    fn table(self, name: &str) -> Result<Table> {
        if name == Table::Conflicts.name() && self == (Self::Merged { explain: false }) {
            return Err(Error::usage("the table conflicts needs --explain"));
        }
        Table::among(self.tables(), name)
    }

    fn column(self, table: Table, name: &str) -> Result<&'static Column> {
        match self {
            Self::Read => table.column(name),
            Self::Merged { .. } => table.merged_column(name),
        }
    }
}

impl Plan {
    /// Checks the options against each other (docs/cli.md, "Outputs").
    pub(super) fn of(write: &WriteArgs, pick: &PickArgs, rows: Rows) -> Result<Self> {
        let tables: Vec<Table> =
            write.table.iter().map(|name| rows.table(name)).collect::<Result<_>>()?;
        let columns = match (tables.as_slice(), write.columns.as_slice()) {
            (_, []) => None,
            ([table], names) => {
                let columns = names.iter().map(|name| rows.column(*table, name));
                Some(columns.collect::<Result<Vec<_>>>()?)
            }
            _ => return Err(Error::usage("--columns needs a single --table")),
        };
        for names in [&write.table, &write.columns] {
            if let Some(name) = twice(names) {
                return Err(Error::usage(format!("{name} is named twice")));
            }
        }
        let out = write.out.as_deref().filter(|out| out.as_os_str() != "-");
        let to = write.to.unwrap_or_else(|| format_of(write.out.as_deref()));
        if let Some(feed) = feeds::feed(to, &write.feed, &write.line)? {
            return Self::of_feed(feed, to, (write, pick), out);
        }
        for (given, option) in [
            (write.rows_per_file.is_some(), "--rows-per-file"),
            (write.partition_by.is_some(), "--partition-by"),
        ] {
            if given && to != To::Parquet {
                return Err(Error::usage(format!("{option} is for parquet")));
            }
        }
        let flat = match (to, write.shape) {
            (To::Jsonl, Some(shape)) => shape == Shape::Flat,
            (To::Jsonl, None) => !tables.is_empty(),
            (_, Some(_)) => return Err(Error::usage("--shape is for jsonl")),
            (_, None) => true,
        };
        if !flat && !tables.is_empty() {
            return Err(Error::usage("--table needs --shape flat: nested JSONL has no tables"));
        }
        if flat && pick.events {
            return Err(Error::usage(
                "--events is for nested JSONL: the table events holds them already",
            ));
        }
        if !flat {
            return Ok(Self::Feed(Feed::Nested { events: pick.events }, feed_output(out)?));
        }
        let format = match to {
            To::Csv => TableFormat::Csv,
            To::Parquet => TableFormat::Parquet,
            To::Jsonl | To::Ecs | To::Ocsf | To::Cim => TableFormat::Jsonl,
        };
        check_format(format, write, columns.as_deref())?;
        if write.partition_by.is_some() && rows != Rows::Read {
            return Err(Error::usage(
                "--partition-by is not for merges: their rows are of several scans",
            ));
        }
        let parts = write.rows_per_file.is_some() || write.partition_by.is_some();
        let output = table_output(format, out, tables.len() == 1, parts)?;
        let tables = if tables.is_empty() { rows.tables().to_vec() } else { tables };
        Ok(Self::Tables { format, output, tables, columns, rows })
    }

    /// A feed for a SIEM: it is one stream, and knows no tables.
    fn of_feed(
        feed: Feed,
        to: To,
        (write, pick): (&WriteArgs, &PickArgs),
        out: Option<&Path>,
    ) -> Result<Self> {
        let name = to.name();
        for (given, option) in [
            (!write.table.is_empty(), "--table"),
            (write.shape.is_some(), "--shape"),
            (write.rows_per_file.is_some(), "--rows-per-file"),
            (write.partition_by.is_some(), "--partition-by"),
            (pick.events, "--events"),
        ] {
            if given {
                return Err(Error::usage(format!("{option} is not for --to {name}")));
            }
        }
        match out {
            Some(path) if is_folder(path) => {
                Err(Error::usage(format!("{} is a folder: {name} is one file", path.display())))
            }
            Some(path) => Ok(Self::Feed(feed, lines_file(path, name)?)),
            None => Ok(Self::Feed(feed, Output::Stdout)),
        }
    }

    pub(super) fn is_on_stdout(&self) -> bool {
        let (Self::Feed(_, output) | Self::Tables { output, .. }) = self;
        *output == Output::Stdout
    }

    pub(super) fn open(self, write: &WriteArgs, temporaries: &Temporaries) -> Result<Destination> {
        match self {
            Self::Feed(feed, output) => {
                let sink = DocumentSink::open(&output, write.overwrite, temporaries)?;
                Ok(Destination::Feed { sink, feed })
            }
            Self::Tables { format, output, tables, columns, rows } => {
                let defaults = SinkOptions::default();
                let options = SinkOptions {
                    tables,
                    merged: rows != Rows::Read,
                    columns,
                    overwrite: write.overwrite,
                    csv_join: write.csv_join.clone(),
                    csv_safe: write.csv_safe,
                    compression: write.compression.unwrap_or_default(),
                    row_group_rows: write.row_group_rows.unwrap_or(defaults.row_group_rows),
                    rows_per_file: write.rows_per_file,
                    partition_by: write.partition_by.map(PartitionName::by),
                    temporaries: temporaries.clone(),
                };
                Ok(Destination::Tables(sink::open(format, &output, options)?))
            }
        }
    }
}

/// A name that occurs before in the list.
fn twice(names: &[String]) -> Option<&str> {
    let mut seen = HashSet::new();
    names.iter().map(String::as_str).find(|name| !seen.insert(*name))
}

/// What only some formats can do.
fn check_format(
    format: TableFormat,
    write: &WriteArgs,
    columns: Option<&[&'static Column]>,
) -> Result<()> {
    let parquet = format == TableFormat::Parquet;
    let binary = columns.unwrap_or_default().iter().find(|column| !column.field.kind.is_text());
    if let Some(column) = binary.filter(|_| !parquet) {
        let name = column.field.name;
        return Err(Error::usage(format!("column {name} is binary: only parquet has it")));
    }
    let extension = write.out.as_deref().and_then(Path::extension);
    let packed = extension.is_some_and(|found| found == "gz" || found == "zst");
    if packed && parquet {
        return Err(Error::usage("parquet is compressed inside: name it without .gz or .zst"));
    }
    Ok(())
}

/// The format that the name of an output tells.
fn format_of(out: Option<&Path>) -> To {
    let Some(out) = out.filter(|out| out.as_os_str() != "-") else { return To::Jsonl };
    match ending(out).as_deref() {
        Some("jsonl" | "ndjson") => To::Jsonl,
        Some("csv") => To::Csv,
        _ => To::Parquet,
    }
}

/// The ending of a name, before that of a compression.
pub(super) fn ending(path: &Path) -> Option<String> {
    let plain = match path.extension()?.to_str()? {
        "gz" | "zst" => PathBuf::from(path.file_stem()?),
        _ => path.to_owned(),
    };
    Some(plain.extension()?.to_str()?.to_ascii_lowercase())
}

/// Whether an output is meant as a folder.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

fn feed_output(out: Option<&Path>) -> Result<Output> {
    match out {
        None => Ok(Output::Stdout),
        Some(path) if is_folder(path) => Err(Error::usage(format!(
            "{} is a folder: nested JSONL is one file (--shape flat has a file a table)",
            path.display()
        ))),
        Some(path) => lines_file(path, "jsonl"),
    }
}

/// A file of lines, whose name does not promise tables.
fn lines_file(path: &Path, format: &str) -> Result<Output> {
    match ending(path).as_deref() {
        Some(other @ ("csv" | "parquet")) if !is_special(path) => {
            Err(Error::usage(format!("{} is named as {other}, not as {format}", path.display())))
        }
        _ => Ok(Output::File(path.to_owned())),
    }
}

/// A device or a pipe is a file, whatever its name.
pub(super) fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

fn table_output(
    format: TableFormat,
    out: Option<&Path>,
    single: bool,
    parts: bool,
) -> Result<Output> {
    let Some(path) = out else {
        return match format {
            TableFormat::Jsonl => Ok(Output::Stdout),
            TableFormat::Csv if single => Ok(Output::Stdout),
            TableFormat::Csv => {
                Err(Error::usage("csv has a file a table: name a folder with -o, or one --table"))
            }
            TableFormat::Parquet => Err(Error::usage("parquet needs an output: name one with -o")),
        };
    };
    let named_file = match (format, ending(path).as_deref()) {
        _ if is_special(path) => true,
        (TableFormat::Jsonl, Some("jsonl" | "ndjson")) => true,
        (_, found) => found == Some(format.extension()),
    };
    if is_folder(path) || parts {
        return Ok(Output::Dir(path.to_owned()));
    }
    if single || (format == TableFormat::Jsonl && named_file) {
        return Ok(Output::File(path.to_owned()));
    }
    if named_file {
        return Err(Error::usage(format!(
            "{} would be a file, but there are several tables: name a folder, or one --table",
            path.display()
        )));
    }
    Ok(Output::Dir(path.to_owned()))
}
