//! Rows to bytes: one file a format. No host is known here.
//!
//! An [`Encoder`] turns rows into pieces of output, a [`Sink`] writes pieces in order. They are apart so
//! that several encoders may work at once while one sink writes.

mod attributes;
mod blocks;
mod csv;
mod document;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod jsonl;
mod lanes;
mod live;
mod lock;
mod marker;
mod members;
mod notice;
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
mod workers;

use std::{path::PathBuf, sync::Arc};

pub use self::{
    csv::CsvSink,
    document::DocumentSink,
    jsonl::JsonlSink,
    notice::{Document, Notice},
    parquet::{Compression, ParquetSink},
    partition::PartitionBy,
    state::StateSink,
    target::Output,
    temporaries::{Halted, Leftover, Temporaries},
    workers::{Pending, Workers},
};
pub(crate) use self::{
    jsonl::row_line,
    lock::{hold, is_at, lock, open_locked},
    target::{follow, make_target},
};
#[cfg(feature = "cli")]
pub(crate) use self::{
    replace::{Replace, refuse_existing},
    target::NOT_REPLACED,
};
use crate::{
    error::{Error, Result},
    table::{Column, RecordBatch, Row, ScanOf, Table},
};

/// Turns rows into pieces of output.
pub trait Encoder: Send {
    /// Has it know of which scan the rows are that come.
    ///
    /// # Errors
    /// If the rows before do not fit their tables' schemas.
    fn scan(&mut self, scan: ScanOf<'_>) -> Result<()> {
        let _ = scan;
        Ok(())
    }

    /// Takes a row; one of a table that is not asked for is left out.
    ///
    /// # Errors
    /// If the row does not fit its table's schema.
    fn row(&mut self, row: &Row<'_>) -> Result<()>;

    /// Bytes of text that are ready, or a guess at what is; when they are many, [`Self::take`] them.
    fn buffered(&self) -> usize;

    /// Bytes of XML that are best encoded before what is ready is taken: a few stay in a processor's caches.
    fn best_input(&self) -> usize {
        TEXT_INPUT
    }

    /// Gives what is ready. Where pieces are cut depends on the rows alone, unless it is text, which may
    /// be cut anywhere between rows.
    fn take(&mut self) -> Vec<Encoded>;

    /// Gives the rest.
    ///
    /// # Errors
    /// If rows do not fit their table's schema.
    fn finish(&mut self) -> Result<Vec<Encoded>>;
}

/// A piece of output, for [`Sink::write`].
#[derive(Debug)]
pub struct Encoded {
    table: Table,
    data: Data,
}

#[derive(Debug)]
enum Data {
    Text(Vec<u8>),
    Batch(partition::Partition, blocks::Sized),
    /// The rows before it that are [`partition::Partition::Open`] belong to the folder of this name.
    Settled(Arc<str>),
}

impl Encoded {
    /// The rows of a piece of Parquet, with the bytes of each, roughly; `None` of text.
    pub(crate) fn into_rows(self) -> Option<(Table, RecordBatch, Arc<[usize]>)> {
        match self.data {
            Data::Batch(_, blocks::Sized { batch, sizes }) => Some((self.table, batch, sizes)),
            Data::Text(_) | Data::Settled(_) => None,
        }
    }
}

/// What the sinks of Parquet share.
pub(crate) mod parquet_parts {
    pub(crate) use super::{
        parquet::{SCHEMA_VERSION, SCHEMA_VERSION_KEY, encoder, properties},
        partition::NO_VALUE,
        table_files::GROUP_BYTES,
    };
}

/// Bytes of XML that are best encoded to text at once.
pub(crate) const TEXT_INPUT: usize = 128 << 10;

/// Writes pieces of output in the order they come.
pub trait Sink: Send {
    /// The tables it writes.
    fn tables(&self) -> &[Table];

    /// A new encoder of pieces for this sink.
    fn encoder(&self) -> Box<dyn Encoder>;

    /// Has it use these threads, where that helps; the output has the same bytes.
    fn share(&mut self, workers: &Workers) {
        let _ = workers;
    }

    /// Writes a piece.
    ///
    /// # Errors
    /// If the output cannot be written.
    fn write(&mut self, piece: Encoded) -> Result<()>;

    /// Whether it is to be told of documents by [`Self::notice`]. What becomes of a scan that was read
    /// before is its matter then, and nothing is said of that.
    fn takes_notices(&self) -> bool {
        false
    }

    /// Takes what happened since the last call, in order. It comes no earlier than the rows before it were
    /// encoded, but those may still be [written](Self::write) later: the counts tell.
    ///
    /// # Errors
    /// If the output cannot be written.
    fn notice(&mut self, notices: Vec<Notice>) -> Result<()> {
        let _ = notices;
        Ok(())
    }

    /// The name of an output that holds something, and that [`Self::finish`] would replace.
    fn replaces(&self) -> Option<&str> {
        None
    }

    /// Hands everything written so far to the system, where the format allows it.
    ///
    /// # Errors
    /// If the output cannot be written.
    fn flush(&mut self) -> Result<()>;

    /// Completes the output and puts it under its name. Without this nothing is left of a file or folder.
    ///
    /// # Errors
    /// If the output cannot be written.
    fn finish(self: Box<Self>) -> Result<()>;
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

/// Opens a sink of tables.
///
/// # Errors
/// A usage error if the output exists and is not to be replaced, or if the format cannot be written to
/// it; an output error if it cannot be made.
pub fn open(format: TableFormat, output: &Output, options: SinkOptions) -> Result<Box<dyn Sink>> {
    if format != TableFormat::Jsonl
        && !matches!(output, Output::Dir(_))
        && options.tables.len() != 1
    {
        let name = format.extension();
        return Err(Error::usage(format!(
            "{name} has a file a table: name a folder, or one table"
        )));
    }
    Ok(match format {
        TableFormat::Jsonl => Box::new(JsonlSink::open(output, options)?),
        TableFormat::Csv => Box::new(CsvSink::open(output, options)?),
        TableFormat::Parquet => Box::new(ParquetSink::open(output, options)?),
    })
}

/// The name of a table's file in a folder.
fn file_name(table: Table, extension: &str) -> PathBuf {
    PathBuf::from(format!("{}.{extension}", table.name()))
}
