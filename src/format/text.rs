//! Text formats of rows: their writer, which is the same for all of them.
//!
//! A text format is an encoder of rows ([`TextRowEncoder`]); [`TextSink`] writes the text of its encoders to a single
//! stream, or to a folder with one file per table. To add one, implement [`TextRowEncoder`]: its extension, and the text
//! before, between and after the rows as far as the format has any.

use std::marker::PhantomData;

use super::{ChunkWriter, Format, RowEncoder, RowFormat, SinkOptions, TableEncoder, file_name};
use crate::{
    error::{Error, Result},
    output::{Output, Replace, StagedOutput, TextStream},
    table::{Column, Table},
};

/// Encoder of rows as text, which makes up a format with [`TextSink`].
pub trait TextRowEncoder: RowEncoder<Chunk = TextChunk> + Sized {
    /// File name extension of the format.
    const EXTENSION: &'static str;

    /// Creates an encoder. If `shares_stream` is true, the rows of all tables go to one stream in their order, and their
    /// chunks may name any of its tables.
    fn create(options: &SinkOptions, shares_stream: bool) -> Self;

    /// Returns the text before the first row of a table, which is written even if there are no rows.
    ///
    /// # Errors
    /// Fails if the columns have no header in this format.
    fn header(_table: Table, _columns: &[&'static Column]) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    /// Changes the first text with rows of a stream, such as the separator before its first row.
    fn begin(_text: &mut [u8]) {}

    /// Returns the text after the last row of a stream.
    #[must_use]
    fn end(_has_rows: bool) -> &'static [u8] {
        b""
    }
}

/// Text of complete rows of a table.
#[derive(Debug)]
pub struct TextChunk {
    pub(super) table: Table,
    pub(super) text: Vec<u8>,
}

impl TextChunk {
    /// Creates a chunk of complete rows of a table.
    #[must_use]
    pub fn new(table: Table, text: Vec<u8>) -> Self {
        Self { table, text }
    }

    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

/// Takes the non-empty buffers as chunks. `buffers` has one buffer per table, in the order of the tables. New buffers
/// have the capacity that the old ones filled.
pub(super) fn take_texts(buffers: &mut [Vec<u8>]) -> Vec<TextChunk> {
    let texts = Table::of_merges().zip(buffers).filter(|(_, text)| !text.is_empty());
    let take = |text: &mut Vec<u8>| {
        let next = Vec::with_capacity(text.len());
        std::mem::replace(text, next)
    };
    texts.map(|(table, text)| TextChunk::new(table, take(text))).collect()
}

/// Returns the error for rows of a table that an encoder of text was not created for.
#[cold]
pub(super) fn no_buffer(table: Table) -> Error {
    Error::internal(format!("no buffer for rows of the table {}", table.name()))
}

/// Writes rows as text: to a single stream, with tables interleaved in row order, or to one file per table in a folder.
pub struct TextSink<R> {
    tables: TableStreams,
    encoder: PhantomData<fn() -> R>,
}

impl<R: TextRowEncoder> TextSink<R> {
    /// Opens the output and writes the headers of the format, if it has any.
    ///
    /// # Errors
    /// Returns a usage error if the output exists and may not be replaced, and an output error if it cannot be created.
    pub fn open(output: &Output, options: SinkOptions) -> Result<Self> {
        let mut tables = TableStreams::open(output, R::EXTENSION, options)?;
        let TableStreams { options, streams, .. } = &mut tables;
        for TableStream { table, stream, .. } in streams {
            stream.write(&R::header(*table, &options.text_columns(*table))?)?;
        }
        Ok(Self { tables, encoder: PhantomData })
    }
}

impl<R: TextRowEncoder> ChunkWriter for TextSink<R> {
    type Chunk = TextChunk;

    fn tables(&self) -> &[Table] {
        &self.tables.options.tables
    }

    fn write(&mut self, mut chunk: TextChunk) -> Result<()> {
        let stream = self.tables.of(chunk.table)?;
        if !stream.has_rows && !chunk.text.is_empty() {
            R::begin(&mut chunk.text);
            stream.has_rows = true;
        }
        stream.stream.write(&chunk.text)
    }

    fn replaces(&self) -> Option<&str> {
        self.tables.replaces()
    }

    fn flush(&mut self) -> Result<()> {
        self.tables.flush()
    }

    fn finish(mut self) -> Result<()> {
        for TableStream { stream, has_rows, .. } in &mut self.tables.streams {
            stream.write(R::end(*has_rows))?;
        }
        self.tables.finish()
    }
}

impl<R: TextRowEncoder> Format for TextSink<R> {
    type Encoder = TableEncoder<R>;

    fn encoder(&self) -> Self::Encoder {
        TableEncoder::new(self.row_encoder(), self.tables.options.derived())
    }
}

impl<R: TextRowEncoder> RowFormat for TextSink<R> {
    type Rows = R;

    fn row_encoder(&self) -> R {
        R::create(&self.tables.options, self.tables.is_shared())
    }
}

/// Streams of the tables: a single one, or one per file of a folder.
pub(super) struct TableStreams {
    pub(super) options: SinkOptions,
    streams: Vec<TableStream>,
    /// Folder that contains them, if any.
    folder: Option<StagedOutput>,
}

/// Stream of a table, or of all tables, of which it then has the first.
pub(super) struct TableStream {
    table: Table,
    pub(super) stream: TextStream,
    has_rows: bool,
}

impl TableStreams {
    /// Opens a stream, or one per table if the output is a folder.
    pub(super) fn open(output: &Output, extension: &str, options: SinkOptions) -> Result<Self> {
        let of_table = |table, stream| TableStream { table, stream, has_rows: false };
        let Output::Dir(path) = output else {
            let replace = Replace::of(options.overwrite);
            let stream = TextStream::open(output, replace, &options.temporaries)?;
            let first = options.tables.first().copied().unwrap_or(Table::Hosts);
            return Ok(Self { options, streams: vec![of_table(first, stream)], folder: None });
        };
        let folder = StagedOutput::dir(path, &options.folder())?;
        let files = folder.files();
        let streams = options.tables.iter().map(|table| {
            let member = file_name(*table, extension);
            Ok(of_table(*table, TextStream::new(&member, files.create(&member)?)?))
        });
        let streams = streams.collect::<Result<_>>()?;
        Ok(Self { options, streams, folder: Some(folder) })
    }

    /// Returns true if all tables share a stream.
    fn is_shared(&self) -> bool {
        self.folder.is_none()
    }

    /// Returns the stream of a table.
    pub(super) fn of(&mut self, table: Table) -> Result<&mut TableStream> {
        let shared = self.is_shared();
        let missing = || Error::internal(format!("no file of the table {}", table.name()));
        let stream = self.streams.iter_mut().find(|stream| shared || stream.table == table);
        stream.ok_or_else(missing)
    }

    /// Returns the name of an output that is not empty and will be replaced.
    pub(super) fn replaces(&self) -> Option<&str> {
        let of_stream = || self.streams.first().and_then(|stream| stream.stream.replaces());
        self.folder.as_ref().map_or_else(of_stream, StagedOutput::replaces)
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.streams.iter_mut().try_for_each(|stream| stream.stream.flush())
    }

    pub(super) fn finish(self) -> Result<()> {
        for TableStream { stream, .. } in self.streams {
            stream.finish()?;
        }
        match self.folder {
            Some(folder) => folder.publish(),
            None => Ok(()),
        }
    }
}
