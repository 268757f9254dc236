//! JSON: one array per file or stream, with the objects of JSONL as its items (DATA_MODEL section 4).
//!
//! The array is never held. Encoders write `,` and a line feed before each item; the writer replaces the first comma of
//! a file by `[`, and adds `]` at the end. So the bytes do not depend on the boundaries of chunks, and each item is on a
//! line of its own.

use super::{
    ChunkWriter, Emit, Format, MergeEncoder, RowEncoder, ScanEncoder, SinkOptions, Written,
    jsonl::{Framing, JsonlRows},
    text::{TextChunk, TextRowEncoder, TextSink},
};
use crate::{
    error::Result,
    feed::Feed,
    model::{Host, MergedHost, ScanActivity, ScanHeader, ScanSummary},
    output::DocumentSink,
    table::Row,
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
pub type JsonSink = TextSink<JsonRows>;

/// Encodes rows as items of an array.
#[derive(Debug)]
pub struct JsonRows(JsonlRows);

impl TextRowEncoder for JsonRows {
    const EXTENSION: &'static str = "json";

    fn create(options: &SinkOptions, shares_stream: bool) -> Self {
        Self(JsonlRows::new(options, shares_stream, ITEMS))
    }

    fn begin(text: &mut [u8]) {
        open_array(text);
    }

    fn end(has_rows: bool) -> &'static [u8] {
        if has_rows { CLOSE } else { EMPTY }
    }
}

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
