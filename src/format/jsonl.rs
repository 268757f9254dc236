//! Flat JSONL: one line per row, with every column present (DATA_MODEL section 4).

use super::{
    ChunkWriter, Format, RowEncoder, RowFormat, SinkOptions, TableEncoder,
    text::{TextChunk, TextTables, no_buffer},
};
use crate::{
    error::Result,
    output::Output,
    table::{Cell, CellVisitor, Column, Field, Row, Table},
};

/// Writes one line per row: to a single stream, with tables interleaved in row order, or to one file per table in a
/// folder.
pub struct JsonlSink {
    tables: TextTables,
}

impl JsonlSink {
    /// Opens a sink of flat JSONL.
    ///
    /// # Errors
    /// Returns a usage error if the output exists and may not be replaced, and an output error if it cannot be created.
    pub fn open(output: &Output, options: SinkOptions) -> Result<Self> {
        Ok(Self { tables: TextTables::open(output, "jsonl", options)? })
    }
}

impl ChunkWriter for JsonlSink {
    type Chunk = TextChunk;

    fn tables(&self) -> &[Table] {
        &self.tables.options().tables
    }

    fn write(&mut self, chunk: TextChunk) -> Result<()> {
        self.tables.write(&chunk)
    }

    fn replaces(&self) -> Option<&str> {
        self.tables.replaces()
    }

    fn flush(&mut self) -> Result<()> {
        self.tables.flush()
    }

    fn finish(self) -> Result<()> {
        self.tables.finish()
    }
}

impl Format for JsonlSink {
    type Encoder = TableEncoder<JsonlRows>;

    fn encoder(&self) -> Self::Encoder {
        TableEncoder::new(self.row_encoder())
    }
}

impl RowFormat for JsonlSink {
    type Rows = JsonlRows;

    fn row_encoder(&self) -> JsonlRows {
        JsonlRows::new(self.tables.options(), self.tables.is_one_stream(), LINES)
    }
}

/// Text around each object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Framing {
    pub(super) before: &'static [u8],
    pub(super) after: &'static [u8],
}

/// Each object is a line.
const LINES: Framing = Framing { before: b"", after: b"\n" };

/// Encodes rows as lines of JSON.
#[derive(Debug)]
pub struct JsonlRows {
    /// Columns to write per table.
    tables: Vec<Option<Columns>>,
    /// Encoded lines per table, or of all tables in one buffer.
    buffers: Vec<Vec<u8>>,
    together: bool,
    framing: Framing,
}

/// Columns of a table.
#[derive(Debug)]
enum Columns {
    All,
    /// Selected columns, each with the text before its value.
    Some(Vec<(&'static Column, String)>),
}

impl JsonlRows {
    pub(super) fn new(options: &SinkOptions, together: bool, framing: Framing) -> Self {
        let lead = |column: &'static Column| (column, format!(",\"{}\":", column.field.name));
        let tables = Table::of_merges().map(|table| {
            let columns = || match options.columns_of(table) {
                None => Columns::All,
                Some(_) => {
                    Columns::Some(options.text_columns(table).into_iter().map(lead).collect())
                }
            };
            options.tables.contains(&table).then(columns)
        });
        let buffers = vec![Vec::new(); Table::COUNT];
        Self { tables: tables.collect(), buffers, together, framing }
    }
}

/// Writes cells as members of a JSON object.
struct Members<'o>(&'o mut Vec<u8>);

impl CellVisitor for Members<'_> {
    #[inline]
    fn cell(&mut self, field: &Field, lead: &str, cell: Cell<'_>) {
        if field.kind.is_text() {
            self.0.extend_from_slice(lead.as_bytes());
            cell.write_json(self.0);
        }
    }
}

impl RowEncoder for JsonlRows {
    type Chunk = TextChunk;

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let table = row.table();
        let number = table.number();
        let buffer = if self.together { 0 } else { number };
        let (Some(columns), Some(out)) = (self.tables.get(number), self.buffers.get_mut(buffer))
        else {
            return Err(no_buffer(table));
        };
        let Some(columns) = columns else { return Ok(()) };
        out.extend_from_slice(self.framing.before);
        begin(table, out);
        match columns {
            Columns::All => row.cells(&mut Members(out)),
            Columns::Some(columns) => {
                let mut to = Members(out);
                for (column, lead) in columns {
                    to.cell(&column.field, lead, column.cell(row));
                }
            }
        }
        out.push(b'}');
        out.extend_from_slice(self.framing.after);
        Ok(())
    }

    fn buffered_bytes(&self) -> usize {
        self.buffers.iter().map(Vec::len).sum()
    }

    fn take(&mut self) -> Vec<TextChunk> {
        take_texts(&mut self.buffers)
    }
}

fn begin(table: Table, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"_table\":\"");
    out.extend_from_slice(table.name().as_bytes());
    out.push(b'"');
}

/// Writes a row with all its columns as one line.
pub(crate) fn row_line(row: &Row<'_>, out: &mut Vec<u8>) {
    begin(row.table(), out);
    row.cells(&mut Members(out));
    out.extend_from_slice(b"}\n");
}

/// Takes the non-empty buffers as chunks. `buffers` has one buffer per table, in the order of the tables. New buffers
/// have the capacity that the old ones filled.
pub(super) fn take_texts(buffers: &mut [Vec<u8>]) -> Vec<TextChunk> {
    let texts = Table::of_merges().zip(buffers).filter(|(_, text)| !text.is_empty());
    let take = |text: &mut Vec<u8>| {
        let next = Vec::with_capacity(text.len());
        std::mem::replace(text, next)
    };
    texts.map(|(table, text)| TextChunk { table, text: take(text) }).collect()
}
