//! JSON: one array per file or stream, with the objects of JSONL as its items (DATA_MODEL section 4).
//!
//! The array is never held. Encoders write `,` and a line feed before each item; the writer replaces the first comma of
//! a file by `[`, and adds `]` at the end. So the bytes do not depend on the boundaries of chunks, and each item is on a
//! line of its own.

use super::{
    ChunkWriter, Emit, Format, MergeEncoder, RowEncoder, RowFormat, ScanEncoder, SinkOptions,
    TableEncoder, Written,
    jsonl::{Framing, JsonlRows},
    text::{TextChunk, TextTables},
};
use crate::{
    error::Result,
    feed::Feed,
    model::{Host, MergedHost, ScanActivity, ScanHeader, ScanSummary},
    output::{DocumentSink, Output},
    table::{Row, Table},
};

/// Text before each item, whose comma becomes a bracket before the first one.
const ITEMS: Framing = Framing { before: b",\n", after: b"" };
/// End of an array that has items.
const CLOSE: &[u8] = b"\n]\n";
/// Array without items.
const EMPTY: &[u8] = b"[]\n";

/// Size at which the items of a host are handed over, in bytes.
const PIECE: usize = 256 << 10;

/// Opens the array: replaces the comma before the first item.
fn open_array(items: &mut [u8]) {
    if let Some(comma) = items.first_mut() {
        *comma = b'[';
    }
}

/// Writes one array of rows per table, or a single one with the rows of all tables in row order.
pub struct JsonSink {
    tables: TextTables,
    /// Tables whose array is open; the first table stands for all of them in a single stream.
    open: Vec<Table>,
}

impl JsonSink {
    /// Opens a sink of JSON arrays.
    ///
    /// # Errors
    /// Returns a usage error if the output exists and may not be replaced, and an output error if it cannot be created.
    pub fn open(output: &Output, options: SinkOptions) -> Result<Self> {
        Ok(Self { tables: TextTables::open(output, "json", options)?, open: Vec::new() })
    }
}

impl ChunkWriter for JsonSink {
    type Chunk = TextChunk;

    fn tables(&self) -> &[Table] {
        &self.tables.options().tables
    }

    fn write(&mut self, mut chunk: TextChunk) -> Result<()> {
        if chunk.text.is_empty() {
            return Ok(());
        }
        let is_open = if self.tables.is_one_stream() {
            !self.open.is_empty()
        } else {
            self.open.contains(&chunk.table)
        };
        if !is_open {
            open_array(&mut chunk.text);
            self.open.push(chunk.table);
        }
        self.tables.write(&chunk)
    }

    fn replaces(&self) -> Option<&str> {
        self.tables.replaces()
    }

    fn flush(&mut self) -> Result<()> {
        self.tables.flush()
    }

    fn finish(mut self) -> Result<()> {
        let (open, single) = (&self.open, self.tables.is_one_stream());
        for (table, stream) in self.tables.streams() {
            let is_open = if single { !open.is_empty() } else { open.contains(&table) };
            stream.write(if is_open { CLOSE } else { EMPTY })?;
        }
        self.tables.finish()
    }
}

impl Format for JsonSink {
    type Encoder = TableEncoder<JsonRows>;

    fn encoder(&self) -> Self::Encoder {
        TableEncoder::new(self.row_encoder())
    }
}

impl RowFormat for JsonSink {
    type Rows = JsonRows;

    fn row_encoder(&self) -> JsonRows {
        JsonRows(JsonlRows::new(self.tables.options(), self.tables.is_one_stream(), ITEMS))
    }
}

/// Encodes rows as items of an array.
#[derive(Debug)]
pub struct JsonRows(JsonlRows);

impl RowEncoder for JsonRows {
    type Chunk = TextChunk;

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        self.0.row(row)
    }

    fn buffered_bytes(&self) -> usize {
        self.0.buffered_bytes()
    }

    fn take(&mut self) -> Vec<TextChunk> {
        self.0.take()
    }
}

/// Writes the nested documents of hosts and scans as a single array.
pub struct NestedJsonSink {
    sink: DocumentSink,
    feed: Feed,
    is_open: bool,
}

impl NestedJsonSink {
    /// Creates a sink that writes the documents that `feed` produces, one per line of it.
    #[must_use]
    pub fn new(sink: DocumentSink, feed: Feed) -> Self {
        Self { sink, feed, is_open: false }
    }
}

impl ChunkWriter for NestedJsonSink {
    /// Items, each with a comma before it.
    type Chunk = Vec<u8>;

    fn wants_activities(&self) -> bool {
        self.feed.writes_events()
    }

    fn write(&mut self, mut items: Vec<u8>) -> Result<()> {
        if !self.is_open {
            open_array(&mut items);
            self.is_open = !items.is_empty();
        }
        self.sink.write(&items)
    }

    fn replaces(&self) -> Option<&str> {
        self.sink.replaces()
    }

    fn flush(&mut self) -> Result<()> {
        self.sink.flush()
    }

    fn finish(mut self) -> Result<()> {
        self.sink.write(if self.is_open { CLOSE } else { EMPTY })?;
        self.sink.finish()
    }
}

impl Format for NestedJsonSink {
    type Encoder = NestedJsonEncoder;

    fn encoder(&self) -> NestedJsonEncoder {
        NestedJsonEncoder {
            feed: self.feed.clone(),
            buffer: Vec::new(),
            written: Written::default(),
        }
    }
}

/// Encodes hosts and scans as items of an array.
pub struct NestedJsonEncoder {
    feed: Feed,
    buffer: Vec<u8>,
    written: Written,
}

impl NestedJsonEncoder {
    /// Writes an item with `write`, which appends at most one line and returns the number of lines.
    fn item(&mut self, write: impl FnOnce(&Feed, &mut Vec<u8>) -> u64) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(ITEMS.before);
        let lines = write(&self.feed, &mut self.buffer);
        if lines == 0 {
            self.buffer.truncate(start);
        } else {
            debug_assert_eq!((lines, self.buffer.last()), (1, Some(&b'\n')));
            self.buffer.pop();
        }
        self.written.lines = self.written.lines.saturating_add(lines);
    }

    /// Hands over the items of large hosts.
    fn emit(&mut self, emit: Emit<'_, Vec<u8>>) -> Result<()> {
        if self.buffer.len() < PIECE {
            return Ok(());
        }
        let next = Vec::with_capacity(self.buffer.len());
        emit(std::mem::replace(&mut self.buffer, next))
    }
}

impl ScanEncoder for NestedJsonEncoder {
    type Chunk = Vec<u8>;

    fn host(&mut self, scan: &ScanHeader, host: &Host<'_>, emit: Emit<'_, Vec<u8>>) -> Result<()> {
        self.item(|feed, out| feed.host(scan, host, out));
        self.emit(emit)
    }

    fn activity(&mut self, scan: &ScanHeader, index: i32, activity: &ScanActivity) -> Result<()> {
        self.item(|feed, out| feed.event(scan, index, activity, out));
        Ok(())
    }

    fn scan_end(&mut self, source: &str, record: ScanSummary) -> Result<()> {
        self.item(|feed, out| feed.scan(source, &record, out));
        Ok(())
    }

    fn take_written(&mut self) -> Written {
        std::mem::take(&mut self.written)
    }

    fn buffered_bytes(&self) -> usize {
        self.buffer.len()
    }

    fn emitted_bytes(items: &Vec<u8>) -> usize {
        items.len()
    }

    fn take(&mut self) -> Vec<Vec<u8>> {
        let next = Vec::with_capacity(self.buffer.len());
        let items = std::mem::replace(&mut self.buffer, next);
        if items.is_empty() { Vec::new() } else { vec![items] }
    }
}

impl MergeEncoder for NestedJsonEncoder {
    fn merged_host(
        &mut self,
        merged: &MergedHost<'_>,
        scans: &[&ScanHeader],
        emit: Emit<'_, Vec<u8>>,
    ) -> Result<()> {
        self.item(|feed, out| feed.merged(merged, scans, out));
        self.emit(emit)
    }
}
