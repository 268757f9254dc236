//! The seams between what was read and what is written.
//!
//! A format is two halves that share a type of chunk:
//!
//! ```text
//! hosts, activities, ends of scans ──▶ ScanEncoder ──▶ chunks ──▶ ChunkWriter ──▶ files, streams
//!                                      (any thread)               (one, in order)
//! ```
//!
//! [`Format`] ties them together, so that a writer only ever receives the chunks of its own encoders: a pair that does
//! not fit does not compile. The pipeline makes one encoder per thread and hands the chunks to the writer in the order
//! of the inputs. Where chunks end may depend on the work that a thread was given, so a writer must not let its bytes
//! depend on it.
//!
//! To add a format of rows, implement [`RowEncoder`] and [`ChunkWriter`], and tie them with [`Format`] and
//! [`RowFormat`]: [`TableEncoder`] turns hosts into rows. A format that is no table implements [`ScanEncoder`] itself,
//! as the feeds do (`sink/document.rs`).

use crate::{
    error::{Position, Result},
    exec::ThreadPool,
    model::{Host, MergedHost, RunEvent, RunHeader, RunRecord},
    table::{Row, ScanOf, Table, event_row, host_rows, merged_rows, run_rows},
};

/// Receives chunks that are ready while a host is encoded: one host may have a million lines.
pub type Emit<'e, C> = &'e mut dyn FnMut(C) -> Result<()>;

/// Bytes of XML that are best encoded to text before it is taken.
pub(crate) const TEXT_INPUT_BYTES: usize = 128 << 10;

/// Rows and lines that an encoder wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Written {
    /// Rows per table, by [`Table::number`].
    pub rows: [u64; Table::COUNT],
    /// Lines of a feed.
    pub lines: u64,
}

impl Written {
    /// Adds what was written later.
    pub fn add(&mut self, later: Self) {
        for (sum, rows) in self.rows.iter_mut().zip(later.rows) {
            *sum = sum.saturating_add(rows);
        }
        self.lines = self.lines.saturating_add(later.lines);
    }
}

/// Encodes hosts, activities and ends of scans to chunks. Each thread has its own encoder.
pub trait ScanEncoder: Send + 'static {
    /// A piece of output, for the writer of the same format.
    type Chunk: Send + 'static;

    /// Encodes a host of a scan.
    ///
    /// # Errors
    /// If the host does not fit the schema, or an error of `emit`.
    fn host(
        &mut self,
        scan: &RunHeader,
        host: &Host<'_>,
        emit: Emit<'_, Self::Chunk>,
    ) -> Result<()>;

    /// Encodes a task or hint of a scan. `index` is its place among those of the scan, from 0.
    ///
    /// # Errors
    /// If it does not fit the schema.
    fn activity(&mut self, scan: &RunHeader, index: i32, activity: &RunEvent) -> Result<()>;

    /// Encodes what is known of a scan at its end. `source` is the name of its input.
    ///
    /// # Errors
    /// If it does not fit the schema.
    fn scan_end(&mut self, source: &str, record: RunRecord) -> Result<()>;

    /// Returns what was written since the last call.
    fn take_written(&mut self) -> Written;

    /// Bytes that are ready, or an estimate; when they are many, [`Self::take`] them.
    fn buffered_bytes(&self) -> usize;

    /// Bytes of XML that are best encoded before what is ready is taken: a few stay in a processor's caches.
    fn preferred_input_bytes(&self) -> usize {
        TEXT_INPUT_BYTES
    }

    /// Bytes of a chunk that was emitted, which count against what a thread may hold of one piece of work. 0 for formats
    /// whose chunks are never larger than what they were read from.
    #[must_use]
    fn emitted_bytes(_chunk: &Self::Chunk) -> usize {
        0
    }

    /// Takes the chunks that are ready. Where rows are cut depends on the rows alone, unless they are text, which may be
    /// cut anywhere between rows.
    fn take(&mut self) -> Vec<Self::Chunk>;

    /// Takes all chunks. The encoder may be used again.
    ///
    /// # Errors
    /// If rows do not fit their table's schema.
    fn finish(&mut self) -> Result<Vec<Self::Chunk>> {
        Ok(self.take())
    }
}

/// An encoder that encodes hosts of a merge, too.
pub trait MergeEncoder: ScanEncoder {
    /// Encodes a host of a merge. `scans` are the scans that its provenance counts.
    ///
    /// # Errors
    /// If the host does not fit the schema, or an error of `emit`.
    fn merged_host(
        &mut self,
        merged: &MergedHost<'_>,
        scans: &[&RunHeader],
        emit: Emit<'_, Self::Chunk>,
    ) -> Result<()>;
}

/// Writes chunks in the order of the inputs.
pub trait ChunkWriter: Send {
    /// A piece of output, of the encoders of the same format.
    type Chunk;

    /// The tables it writes; none of a format without tables.
    fn tables(&self) -> &[Table] {
        &[]
    }

    /// Returns true if tasks and hints are written at all: a merge need not keep them otherwise.
    fn wants_activities(&self) -> bool {
        self.tables().contains(&Table::Events)
    }

    /// Lets the writer use these threads. The output has the same bytes.
    fn set_thread_pool(&mut self, _pool: &ThreadPool) {}

    /// Writes a chunk.
    ///
    /// # Errors
    /// If the output cannot be written.
    fn write(&mut self, chunk: Self::Chunk) -> Result<()>;

    /// Receives the events of documents since the last call, in order, if [`Format::DOCUMENT_EVENTS`] asks for them. They
    /// come after the rows before them were encoded, but those may be [written](Self::write) later:
    /// [`DocumentInfo::rows`] counts them. Also called without events, when rows have come.
    ///
    /// # Errors
    /// If the output cannot be written.
    fn document_events(&mut self, _events: Vec<DocumentEvent>) -> Result<()> {
        Ok(())
    }

    /// The name of an output that holds something and that [`Self::finish`] would replace. Without a scan nothing is
    /// replaced.
    fn replaces(&self) -> Option<&str> {
        None
    }

    /// Hands everything written so far to the system, where the format allows it.
    ///
    /// # Errors
    /// If the output cannot be written.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Completes the output and gives it its name. Without this call nothing is left of a file or folder.
    ///
    /// # Errors
    /// If the output cannot be written.
    fn finish(self) -> Result<()>;
}

/// A writer with the encoders of its chunks.
pub trait Format: ChunkWriter<Chunk = <Self::Encoder as ScanEncoder>::Chunk> {
    /// Encodes scans to the chunks of this writer.
    type Encoder: ScanEncoder;

    /// The writer decides between copies of a scan and receives all of them, with hosts that no filter has seen: merging
    /// and datasets. A copy is no warning then.
    const KEEPS_COPIES: bool = false;

    /// The writer receives [`DocumentEvent`]s.
    const DOCUMENT_EVENTS: bool = false;

    /// A new encoder; each thread has one.
    fn encoder(&self) -> Self::Encoder;
}

/// An event for a writer that keeps documents apart.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DocumentEvent {
    /// A document has ended.
    End(Box<DocumentInfo>),
    /// An input was refused, or an error ended it.
    InputRefused,
    /// Everything read before [`Pipeline::mark`](crate::pipeline::Pipeline::mark) was called with this number has been
    /// reported.
    Mark(u64),
}

/// Facts about a document, known at its end.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct DocumentInfo {
    /// Name of its input as given.
    pub source: String,
    /// Its place among the documents of the input, from 0.
    pub doc_index: i32,
    /// Where it begins in its input.
    pub position: Position,
    /// The id of its scan; `None` if there is no scan in it.
    pub scan_id: Option<String>,
    /// The UTC date of the scan's start, else of its end, as `2024-01-31`.
    pub scan_date: Option<String>,
    /// A `finished` element was read.
    pub finished: bool,
    /// The document ends before its end tag.
    pub truncated: bool,
    /// Host elements that were not cut.
    pub whole_hosts: u64,
    /// SHA-256 of its bytes in hexadecimal. `None` for rows of a document whose end was not read.
    pub sha256: Option<String>,
    /// Rows per table, by [`Table::number`]: those that were encoded since the document before it.
    pub rows: [u64; Table::ALL.len()],
}

/// Encodes rows to chunks.
pub trait RowEncoder: Send + 'static {
    /// A piece of output, for the writer of the same format.
    type Chunk: Send + 'static;

    /// Announces the scan of the rows that follow.
    ///
    /// # Errors
    /// If the rows before do not fit their tables' schemas.
    fn scan(&mut self, _scan: ScanOf<'_>) -> Result<()> {
        Ok(())
    }

    /// Encodes a row; one of a table that is not written is left out.
    ///
    /// # Errors
    /// If the row does not fit its table's schema.
    fn row(&mut self, row: &Row<'_>) -> Result<()>;

    /// As [`ScanEncoder::buffered_bytes`].
    fn buffered_bytes(&self) -> usize;

    /// As [`ScanEncoder::preferred_input_bytes`].
    fn preferred_input_bytes(&self) -> usize {
        TEXT_INPUT_BYTES
    }

    /// As [`ScanEncoder::take`].
    fn take(&mut self) -> Vec<Self::Chunk>;

    /// As [`ScanEncoder::finish`].
    ///
    /// # Errors
    /// If rows do not fit their table's schema.
    fn finish(&mut self) -> Result<Vec<Self::Chunk>> {
        Ok(self.take())
    }
}

/// A format of rows.
pub trait RowFormat: Format<Encoder = TableEncoder<Self::Rows>> {
    /// Encodes rows to the chunks of the writer.
    type Rows: RowEncoder;

    /// A new encoder of rows.
    fn row_encoder(&self) -> Self::Rows;
}

/// Encodes scans as the rows of tables (docs/data-model.md, section 3).
#[derive(Debug)]
pub struct TableEncoder<R> {
    rows: R,
    written: Written,
}

impl<R: RowEncoder> TableEncoder<R> {
    /// An encoder of scans to rows.
    #[must_use]
    pub fn new(rows: R) -> Self {
        Self { rows, written: Written::default() }
    }

    /// Encodes a row.
    ///
    /// # Errors
    /// If the row does not fit its table's schema.
    pub fn row(&mut self, row: &Row<'_>) -> Result<()> {
        if let Some(count) = self.written.rows.get_mut(row.table().number()) {
            *count = count.saturating_add(1);
        }
        self.rows.row(row)
    }
}

impl<R: RowEncoder> ScanEncoder for TableEncoder<R> {
    type Chunk = R::Chunk;

    fn host(
        &mut self,
        scan: &RunHeader,
        host: &Host<'_>,
        _emit: Emit<'_, Self::Chunk>,
    ) -> Result<()> {
        self.rows.scan(ScanOf::running(scan))?;
        host_rows(scan, host, &mut |row| self.row(row))
    }

    fn activity(&mut self, scan: &RunHeader, index: i32, activity: &RunEvent) -> Result<()> {
        self.rows.scan(ScanOf::running(scan))?;
        event_row(scan, index, activity, &mut |row| self.row(row))
    }

    fn scan_end(&mut self, source: &str, record: RunRecord) -> Result<()> {
        self.rows.scan(ScanOf::ended(&record))?;
        run_rows(source, &record, &mut |row| self.row(row))
    }

    fn take_written(&mut self) -> Written {
        std::mem::take(&mut self.written)
    }

    fn buffered_bytes(&self) -> usize {
        self.rows.buffered_bytes()
    }

    fn preferred_input_bytes(&self) -> usize {
        self.rows.preferred_input_bytes()
    }

    fn take(&mut self) -> Vec<Self::Chunk> {
        self.rows.take()
    }

    fn finish(&mut self) -> Result<Vec<Self::Chunk>> {
        self.rows.finish()
    }
}

impl<R: RowEncoder> MergeEncoder for TableEncoder<R> {
    fn merged_host(
        &mut self,
        merged: &MergedHost<'_>,
        scans: &[&RunHeader],
        _emit: Emit<'_, Self::Chunk>,
    ) -> Result<()> {
        let ids: Vec<&str> = scans.iter().map(|scan| scan.scan_id.as_str()).collect();
        merged_rows(merged, &ids, &mut |row| self.row(row))
    }
}

/// A format that writes nothing: inputs are read and counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl ChunkWriter for Discard {
    type Chunk = std::convert::Infallible;

    fn write(&mut self, chunk: Self::Chunk) -> Result<()> {
        match chunk {}
    }

    fn finish(self) -> Result<()> {
        Ok(())
    }
}

impl Format for Discard {
    type Encoder = Self;

    fn encoder(&self) -> Self {
        Self
    }
}

impl ScanEncoder for Discard {
    type Chunk = std::convert::Infallible;

    fn host(&mut self, _: &RunHeader, _: &Host<'_>, _: Emit<'_, Self::Chunk>) -> Result<()> {
        Ok(())
    }

    fn activity(&mut self, _: &RunHeader, _: i32, _: &RunEvent) -> Result<()> {
        Ok(())
    }

    fn scan_end(&mut self, _: &str, _: RunRecord) -> Result<()> {
        Ok(())
    }

    fn take_written(&mut self) -> Written {
        Written::default()
    }

    fn buffered_bytes(&self) -> usize {
        0
    }

    fn take(&mut self) -> Vec<Self::Chunk> {
        Vec::new()
    }
}
