//! Output formats: the encoders and writers of rows and of feeds.
//!
//! A format consists of an encoder, which turns hosts into chunks on any thread, and a writer, which receives the chunks
//! in the order of the inputs. `traits` defines these interfaces, and [`Format`] ties the two halves of a format to one
//! type of chunk. The pipeline calls them; a format never calls the pipeline, reads inputs, or starts threads.
//!
//! ```text
//!                       RowEncoder                      ChunkWriter
//! rows (table/) ─▶ TextRowEncoder ───────▶ TextChunk ───▶ TextSink ───────────▶ TextStream   (output/)
//!              ├─▶ ParquetRows ──────────▶ ParquetChunk ─▶ ParquetSink, ArrowSink ▶ StagedOutput (output/)
//!              ├─▶ XlsxRows ─────────────▶ XlsxChunk ───▶ XlsxSink ───────────▶ StagedOutput (output/)
//!              └─▶ SqliteRows ───────────▶ SqliteChunk ─▶ SqliteSink ─────────▶ StagedOutput (output/)
//! hosts (feed/) ─▶ FeedEncoder ──────────▶ lines ───────▶ FeedSink ───────────▶ DocumentSink (output/)
//! hosts ───────┬─▶ XmlEncoder ───────────▶ XmlChunk ────▶ XmlSink ────────────▶ TextStream, StagedOutput (output/)
//!              ├─▶ HostTextEncoder ──────▶ text ────────▶ GnmapSink, BlockSink, ... ▶ DocumentSink (output/)
//!              └─▶ NestedJsonEncoder ────▶ items ───────▶ NestedJsonSink ─────▶ DocumentSink (output/)
//! ```
//!
//! [`TableEncoder`] turns hosts into rows for all formats of rows. A text format of rows is only an encoder
//! ([`TextRowEncoder`]), since [`TextSink`] writes all of them. `options` has the options of all formats of rows. Files
//! are complete or absent: [`output`](crate::output) creates and publishes them. Parquet has three more layers:
//! `rechunk` regroups batches so that the bytes of a file do not depend on threads, `table_files` divides the rows of a
//! table into files and partitions, and `row_groups` writes one file. `xlsx` and `sqlite` write one file with all tables;
//! what needs the feature `full` is compiled only with it (`lacks_full`).
//!
//! Invariants: the bytes of an output depend on the rows alone, never on the boundaries of chunks, threads or time; and
//! nothing is dropped silently, so a row, chunk or table without a place is an internal error.
//!
//! To add a text format of rows, add a file with a [`TextRowEncoder`]. Any other format of rows also needs a writer
//! ([`ChunkWriter`]), which [`Format`] and [`RowFormat`] tie to its encoder ([`RowEncoder`]). Then add a variant to
//! [`TableFormat`]; the compiler finds the places that have to know it: its extension, [`open`], and the options of the
//! command (`FormatArg` in `cli/args`). The list of extensions in `options` decides what an output folder may hold. A format
//! without tables implements [`ScanEncoder`] itself, as `feed` does, and is a variant of [`HostFormat`];
//! `examples/hosts_file.rs` is one outside the crate.

mod arrow;
mod blocks;
mod chosen_columns;
mod csv;
mod feed;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod gnmap;
mod host_text;
mod hosts;
mod json;
mod jsonl;
mod markdown;
mod options;
pub(crate) mod parquet;
mod scan_chunks;
#[cfg(feature = "full")]
pub(crate) mod sqlite;
mod text;
mod traits;
mod xlsx;
mod xml;

use std::path::{Path, PathBuf};

#[cfg(feature = "full")]
pub use self::sqlite::{SqliteChunk, SqliteRows, SqliteSink};
pub use self::{
    arrow::ArrowSink,
    blocks::{BlockSink, Blocks},
    csv::{CsvRows, CsvSink},
    feed::{FeedEncoder, FeedSink},
    gnmap::{Gnmap, GnmapSink},
    host_text::{HostText, HostTextChunk, HostTextEncoder, HostTextSink},
    hosts::HostFormat,
    json::{JsonRows, JsonSink, NestedJsonEncoder, NestedJsonSink},
    jsonl::{JsonlRows, JsonlSink},
    markdown::{MarkdownHostSink, MarkdownHosts, MarkdownRows, MarkdownSink},
    options::SinkOptions,
    parquet::{Compression, ParquetChunk, ParquetRows, ParquetSink},
    text::{TextChunk, TextRowEncoder, TextSink},
    traits::{
        ChunkWriter, Discard, DocumentEvent, DocumentInfo, Emit, Format, MergeEncoder, RowEncoder,
        RowFormat, ScanEncoder, TableEncoder, Written,
    },
    xlsx::{XlsxChunk, XlsxRows, XlsxSink},
    xml::{XmlChunk, XmlEncoder, XmlSink},
};
pub(crate) use self::{jsonl::row_line, parquet::Rechunker};
use crate::{
    error::{Error, Result},
    output::Output,
    table::Table,
};

/// Format of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableFormat {
    /// Flat JSONL.
    Jsonl,
    /// Arrays of flat JSON.
    Json,
    /// CSV.
    Csv,
    /// Markdown.
    Markdown,
    /// Parquet.
    Parquet,
    /// Arrow's interprocess format: a file, or a stream.
    Arrow,
    /// Workbook of a spreadsheet, with a sheet per table.
    Xlsx,
    /// SQLite database, which needs the feature `full`.
    Sqlite,
}

impl TableFormat {
    /// Returns the file name extension.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Markdown => "md",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Xlsx => "xlsx",
            Self::Sqlite => "sqlite",
        }
    }

    /// Returns the name, as options of the command have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            other => other.extension(),
        }
    }

    /// Returns true if one file or stream can hold the rows of several tables.
    #[must_use]
    pub const fn mixes_tables(self) -> bool {
        match self {
            Self::Jsonl | Self::Json | Self::Xlsx | Self::Sqlite => true,
            Self::Csv | Self::Markdown | Self::Parquet | Self::Arrow => false,
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
    if !format.mixes_tables() && !matches!(output, Output::Dir(_)) && options.tables.len() != 1 {
        let name = format.name();
        return Err(Error::usage(format!(
            "{name} writes one file per table: name a folder, or one table"
        )));
    }
    match format {
        TableFormat::Jsonl => visitor.visit(JsonlSink::open(output, options)?),
        TableFormat::Json => visitor.visit(JsonSink::open(output, options)?),
        TableFormat::Csv => visitor.visit(CsvSink::open(output, options)?),
        TableFormat::Markdown => visitor.visit(MarkdownSink::open(output, options)?),
        TableFormat::Parquet => visitor.visit(ParquetSink::open(output, options)?),
        TableFormat::Arrow => visitor.visit(ArrowSink::open(output, options)?),
        TableFormat::Xlsx => visitor.visit(XlsxSink::open(output, options)?),
        #[cfg(feature = "full")]
        TableFormat::Sqlite => visitor.visit(SqliteSink::open(output, options)?),
        #[cfg(not(feature = "full"))]
        TableFormat::Sqlite => Err(lacks_full("sqlite")),
    }
}

/// Returns the error for something that this build lacks because it was built without the feature `full`.
#[cfg(any(test, not(feature = "full")))]
pub(crate) fn lacks_full(name: &str) -> Error {
    Error::usage(format!(
        "this build of scanmill has no {name}, which needs the feature full: install it with \
         `cargo install --path . --locked --features full`"
    ))
}

/// Returns the path of an output that can only be one file.
fn single_file<'o>(output: &'o Output, format: &str) -> Result<&'o Path> {
    match output {
        Output::File(path) => Ok(path),
        Output::Stdout => Err(Error::usage(format!(
            "{format} cannot be written to standard output: name a file with -o"
        ))),
        Output::Writer(_) => Err(Error::usage(format!(
            "{format} is written at any place of its file, and so needs a file, not a writer"
        ))),
        Output::Dir(path) => {
            let path = path.display();
            Err(Error::usage(format!(
                "{path} is a folder, and {format} is one file with all tables"
            )))
        }
    }
}

/// Returns the name of a table's file in a folder.
fn file_name(table: Table, extension: &str) -> PathBuf {
    PathBuf::from(format!("{}.{extension}", table.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_feature_that_a_build_lacks_and_how_to_get_it() {
        let message = lacks_full("sqlite").to_string();
        assert!(message.contains("no sqlite") && message.contains("--features full"), "{message}");
    }
}
