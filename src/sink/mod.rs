//! Output: encoders and writers of each format, and files that are complete or absent.
//!
//! [`format`](Format) has the seams. [`JsonlSink`], [`CsvSink`] and [`ParquetSink`] write rows, [`FeedSink`] lines of a
//! feed. All of them stand on the same files: a file or folder is made under a temporary name and gets its own when it
//! is complete, and nothing is replaced that scanmill did not make (docs/cli.md, "Outputs").

mod attributes;
mod blocks;
mod csv;
mod document;
mod format;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod jsonl;
mod live;
mod lock;
mod marker;
mod members;
mod parquet;
mod partition;
mod replace;
mod row_groups;
mod state;
mod stream;
mod table_files;
mod target;
mod temporaries;
mod text;

use std::path::PathBuf;

pub(crate) use self::{
    blocks::Blocks,
    jsonl::row_line,
    lock::{hold, is_at, lock, open_locked},
    target::{follow, make_target},
};
pub use self::{
    csv::{CsvRows, CsvSink},
    document::{DocumentSink, FeedEncoder, FeedSink},
    format::{
        ChunkWriter, Discard, DocumentEvent, DocumentInfo, Emit, Format, MergeEncoder, RowEncoder,
        RowFormat, ScanEncoder, TableEncoder, Written,
    },
    jsonl::{JsonlRows, JsonlSink},
    parquet::{Compression, ParquetChunk, ParquetRows, ParquetSink},
    partition::PartitionBy,
    state::StateSink,
    target::Output,
    temporaries::{Halted, Leftover, Temporaries},
    text::TextChunk,
};
#[cfg(feature = "cli")]
pub(crate) use self::{
    replace::{Replace, refuse_existing},
    target::NOT_REPLACED,
};
use crate::{
    error::{Error, Result},
    table::{Column, Table},
};

/// What the sinks of Parquet share.
pub(crate) mod parquet_parts {
    pub(crate) use super::{
        parquet::{SCHEMA_VERSION, SCHEMA_VERSION_KEY, properties},
        partition::NO_VALUE,
        table_files::GROUP_BYTES,
    };
}

/// What all sinks of tables are told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SinkOptions {
    /// Tables to write.
    pub tables: Vec<Table>,
    /// Whether rows are those of a merge, which have more columns.
    pub merged: bool,
    /// Columns of the one table; all if `None`.
    pub columns: Option<Vec<&'static Column>>,
    /// Whether an output that exists is replaced; a folder only if its marker lists all that is in it.
    pub overwrite: bool,
    /// Name of the command that writes, for the marker of a folder.
    pub command: String,
    /// CSV: joins lists of texts by this, instead of writing JSON.
    pub csv_join: Option<String>,
    /// CSV: puts `'` before text that spreadsheets would take for a formula.
    pub csv_safe: bool,
    /// Parquet: how pages are compressed.
    pub compression: Compression,
    /// Parquet: rows of a row group at most.
    pub row_group_rows: usize,
    /// Parquet: rows of a file at most; then tables are folders of `part-N.parquet`.
    pub rows_per_file: Option<usize>,
    /// Parquet: tables are folders of partitions, each a folder of `part-N.parquet`; no merge has them.
    pub partition_by: Option<PartitionBy>,
    /// Where temporary names are kept, so that a signal can remove them.
    pub temporaries: Temporaries,
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self {
            tables: Table::ALL.to_vec(),
            merged: false,
            columns: None,
            overwrite: false,
            command: "scanmill".to_owned(),
            csv_join: None,
            csv_safe: false,
            compression: Compression::default(),
            row_group_rows: 1 << 20,
            rows_per_file: None,
            partition_by: None,
            temporaries: Temporaries::default(),
        }
    }
}

impl SinkOptions {
    /// The columns of a table, if they are not just those that it has of what was read.
    fn columns_of(&self, table: Table) -> Option<Vec<&'static Column>> {
        let more = table.merged_columns();
        let columns = match &self.columns {
            Some(columns) => Some(columns.clone()),
            None if self.merged && !more.is_empty() => {
                Some(table.columns().iter().chain(more).collect())
            }
            None => None,
        };
        let is_in_names =
            |column: &Column| self.partition_by.is_some_and(|by| by.holds(table, column));
        if !table.columns().iter().any(is_in_names) {
            return columns;
        }
        let mut columns = columns.unwrap_or_else(|| table.columns().iter().collect());
        columns.retain(|column| !is_in_names(column));
        Some(columns)
    }

    /// The columns of a table that text formats write.
    fn text_columns(&self, table: Table) -> Vec<&'static Column> {
        let mut columns =
            self.columns_of(table).unwrap_or_else(|| table.columns().iter().collect());
        columns.retain(|column| column.field.kind.is_text());
        columns
    }
}

/// A format of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableFormat {
    /// Flat JSONL.
    Jsonl,
    /// CSV.
    Csv,
    /// Parquet.
    Parquet,
}

impl TableFormat {
    /// The ending of its files' names.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// A job that works with any format of rows, for [`open`].
pub trait RowFormatVisitor {
    /// What the job returns.
    type Output;

    /// Does the job with a format that was opened.
    ///
    /// # Errors
    /// Those of the job.
    fn visit<F: RowFormat + 'static>(self, format: F) -> Result<Self::Output>;
}

/// Opens a format of rows that is chosen when the program runs, and hands it to a job.
///
/// # Errors
/// A usage error if the output exists and is not to be replaced, or if the format cannot be written to
/// it; an output error if it cannot be made; errors of the job.
pub fn open<V: RowFormatVisitor>(
    format: TableFormat,
    output: &Output,
    options: SinkOptions,
    visitor: V,
) -> Result<V::Output> {
    if format != TableFormat::Jsonl
        && !matches!(output, Output::Dir(_))
        && options.tables.len() != 1
    {
        let name = format.extension();
        return Err(Error::usage(format!(
            "{name} has a file a table: name a folder, or one table"
        )));
    }
    match format {
        TableFormat::Jsonl => visitor.visit(JsonlSink::open(output, options)?),
        TableFormat::Csv => visitor.visit(CsvSink::open(output, options)?),
        TableFormat::Parquet => visitor.visit(ParquetSink::open(output, options)?),
    }
}

/// The name of a table's file in a folder.
fn file_name(table: Table, extension: &str) -> PathBuf {
    PathBuf::from(format!("{}.{extension}", table.name()))
}
