//! Output formats: encoders and writers, and files that are complete or absent.
//!
//! Each format consists of an encoder, which turns hosts into chunks on any thread, and a writer, which receives the
//! chunks in the order of the inputs; `format` defines these interfaces and describes how to add one. [`JsonlSink`],
//! [`CsvSink`] and [`ParquetSink`] write rows, [`FeedSink`] writes the lines of a feed.
//!
//! All of them share the handling of files. `target` creates a file or folder under a temporary name and renames it
//! when it is complete, so that an output is either complete or absent. `replace` and `marker` decide what may be
//! replaced: files with `--overwrite`, and folders only if their marker lists everything in them (docs/cli.md,
//! "Outputs"). `attributes` carries mode and owner over from the replaced file. `temporaries` lists the names that must
//! be removed when the process is interrupted. The exceptions are line-based files that are read while they grow
//! (`live`); they have their final name from the start and are locked by their writer (`lock`).
//!
//! Parquet has three more layers: `blocks` regroups batches so that the bytes of a file do not depend on threads,
//! `table_files` divides the rows of a table into files and partitions, and `row_groups` writes one file.

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

/// Items that the Parquet sinks share.
pub(crate) mod parquet_parts {
    pub(crate) use super::{
        parquet::{SCHEMA_VERSION, SCHEMA_VERSION_KEY, properties},
        partition::NO_VALUE,
        table_files::GROUP_BYTES,
    };
}

/// Options shared by all sinks of tables.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SinkOptions {
    /// Tables to write.
    pub tables: Vec<Table>,
    /// True if rows come from a merge, which has additional columns.
    pub merged: bool,
    /// Columns to write if there is a single table; all if `None`.
    pub columns: Option<Vec<&'static Column>>,
    /// Replace an existing output; a folder only if its marker lists everything in it.
    pub overwrite: bool,
    /// Name of the command, recorded in the marker of a folder.
    pub command: String,
    /// CSV: separator for lists of texts, which are written as JSON if it is `None`.
    pub csv_join: Option<String>,
    /// CSV: write `'` before text that a spreadsheet would interpret as a formula.
    pub csv_safe: bool,
    /// Parquet: compression of pages.
    pub compression: Compression,
    /// Parquet: maximum number of rows per row group.
    pub row_group_rows: usize,
    /// Parquet: maximum number of rows per file. If set, each table is a folder of `part-N.parquet`.
    pub rows_per_file: Option<usize>,
    /// Parquet: partitioning of tables into folders of `part-N.parquet`. Not available for merges.
    pub partition_by: Option<PartitionBy>,
    /// Registry of temporary names, so that a signal handler can remove them.
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
    /// Returns the columns of a table if they differ from those of unmerged input.
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

    /// Returns the columns of a table that text formats write.
    fn text_columns(&self, table: Table) -> Vec<&'static Column> {
        let mut columns =
            self.columns_of(table).unwrap_or_else(|| table.columns().iter().collect());
        columns.retain(|column| column.field.kind.is_text());
        columns
    }
}

/// Format of tables.
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
    /// Returns the file name extension.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// Job that works with any format of rows, for [`open`].
pub trait RowFormatVisitor {
    /// Result of the job.
    type Output;

    /// Runs the job with a format that was opened.
    ///
    /// # Errors
    /// Returns the errors of the job.
    fn visit<F: RowFormat + 'static>(self, format: F) -> Result<Self::Output>;
}

/// Opens a format of rows that is chosen at run time, and runs a job with it.
///
/// # Errors
/// Returns a usage error if the output exists and may not be replaced, or if the format cannot be written to it; an
/// output error if it cannot be created; and the errors of the job.
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
            "{name} writes one file per table: name a folder, or one table"
        )));
    }
    match format {
        TableFormat::Jsonl => visitor.visit(JsonlSink::open(output, options)?),
        TableFormat::Csv => visitor.visit(CsvSink::open(output, options)?),
        TableFormat::Parquet => visitor.visit(ParquetSink::open(output, options)?),
    }
}

/// Returns the name of a table's file in a folder.
fn file_name(table: Table, extension: &str) -> PathBuf {
    PathBuf::from(format!("{}.{extension}", table.name()))
}
