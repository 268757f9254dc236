//! The interfaces between reading and writing.
//!
//! A format is two halves that share a type of chunk:
//!
//! ```text
//! hosts, activities, ends of scans ──▶ ScanEncoder ──▶ chunks ──▶ ChunkWriter ──▶ files, streams
//!                                      (any thread)               (one, in order)
//! ```
//!
//! [`Format`] ties them together, so that a writer only ever receives the chunks of its own encoders: a pair that does
//! not fit does not compile. The pipeline creates one encoder per thread and passes the chunks to the writer in the
//! order of the inputs. The boundaries of chunks may depend on how work was divided among threads, so the output bytes
//! of a writer must not depend on them.

use crate::{
    error::{Position, Result},
    exec::ThreadPool,
    model::{Host, MergedHost, ScanActivity, ScanHeader, ScanSummary},
    table::{
        DerivedTables, Row, ScanContext, Table, derived_merged_rows, derived_rows, event_row,
        host_rows, merged_rows, scan_rows,
    },
};

/// Receives chunks that are ready while a host is encoded: one host may have a million lines.
pub type Emit<'e, C> = &'e mut dyn FnMut(C) -> Result<()>;

/// Number of bytes of XML to encode to text before the chunks are taken.
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
    /// Adds the counts of a later part.
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
    /// Fails if the host does not fit the schema; also returns the errors of `emit`.
    fn host(
        &mut self,
        scan: &ScanHeader,
        host: &Host<'_>,
        emit: Emit<'_, Self::Chunk>,
    ) -> Result<()>;

    /// Encodes a task or hint of a scan. `index` is its position among those of the scan, from 0.
    ///
    /// # Errors
    /// Fails if it does not fit the schema.
    fn activity(&mut self, scan: &ScanHeader, index: i32, activity: &ScanActivity) -> Result<()>;

    /// Encodes the record of a scan at its end. `source` is the name of its input.
    ///
    /// # Errors
    /// Fails if it does not fit the schema.
    fn scan_end(&mut self, source: &str, record: ScanSummary) -> Result<()>;

    /// Returns the counts since the last call.
    fn take_written(&mut self) -> Written;

    /// Returns the number of bytes that are ready, possibly estimated. [`Self::take`] them when it is large.
    fn buffered_bytes(&self) -> usize;

    /// Number of bytes of XML to encode before the ready chunks are taken: small amounts stay in the processor's
    /// caches.
    fn preferred_input_bytes(&self) -> usize {
        TEXT_INPUT_BYTES
    }

    /// Returns the size of an emitted chunk in bytes, which counts against the memory that a thread may hold per piece
    /// of work. Returns 0 for formats whose chunks are never larger than the input that they were read from.
    #[must_use]
    fn emitted_bytes(_chunk: &Self::Chunk) -> usize {
        0
    }

    /// Takes the chunks that are ready. Text may be cut between any two rows; all other boundaries depend on the rows
    /// alone.
    fn take(&mut self) -> Vec<Self::Chunk>;

    /// Takes all chunks. The encoder can be used again.
    ///
    /// # Errors
    /// Fails if rows do not fit their table's schema.
    fn finish(&mut self) -> Result<Vec<Self::Chunk>> {
        Ok(self.take())
    }
}

/// Encoder that also encodes hosts of a merge.
pub trait MergeEncoder: ScanEncoder {
    /// Encodes a host of a merge. `scans` are the scans that its provenance refers to.
    ///
    /// # Errors
    /// Fails if the host does not fit the schema; also returns the errors of `emit`.
    fn merged_host(
        &mut self,
        merged: &MergedHost<'_>,
        scans: &[&ScanHeader],
        emit: Emit<'_, Self::Chunk>,
    ) -> Result<()>;
}

/// Writes chunks in the order of the inputs.
pub trait ChunkWriter: Send {
    /// A piece of output of the encoders of the same format.
    type Chunk;

    /// Returns the tables it writes, which is empty for formats without tables.
    fn tables(&self) -> &[Table] {
        &[]
    }

    /// Returns true if tasks and hints are written; otherwise a merge does not keep them.
    fn wants_activities(&self) -> bool {
        self.tables().contains(&Table::Events)
    }

    /// Lets the writer use a thread pool. The output bytes do not depend on it.
    fn set_thread_pool(&mut self, _pool: &ThreadPool) {}

    /// Writes a chunk.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    fn write(&mut self, chunk: Self::Chunk) -> Result<()>;

    /// Receives the events of documents since the last call, in order, if [`Format::DOCUMENT_EVENTS`] is true. They
    /// arrive after the rows before them were encoded, but those rows may be [written](Self::write) later:
    /// [`DocumentInfo::rows`] counts them. Also called without events after rows.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    fn document_events(&mut self, _events: Vec<DocumentEvent>) -> Result<()> {
        Ok(())
    }

    /// Returns the name of an output that is not empty and that [`Self::finish`] would replace. Without a scan nothing
    /// is replaced.
    fn replaces(&self) -> Option<&str> {
        None
    }

    /// Returns what the output cannot hold and a reader should know of, such as texts that were cut. Called before
    /// [`Self::finish`].
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Passes everything written so far to the operating system, if the format permits it.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Completes the output and renames it to its final path. Without this call no file or folder remains.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    fn finish(self) -> Result<()>;
}

/// Writer and the encoders of its chunks.
pub trait Format: ChunkWriter<Chunk = <Self::Encoder as ScanEncoder>::Chunk> {
    /// Encodes scans to the chunks of this writer.
    type Encoder: ScanEncoder;

    /// True if the writer itself chooses between copies of a scan and receives all of them, with unfiltered hosts, as
    /// merging and datasets do. Copies then cause no warning.
    const KEEPS_COPIES: bool = false;

    /// True if the writer receives [`DocumentEvent`]s.
    const DOCUMENT_EVENTS: bool = false;

    /// False if nothing is written by [`ChunkWriter::finish`]: then `Pipeline::finish` does not compile.
    const HAS_OUTPUT: bool = true;

    /// Creates an encoder; each thread has its own.
    fn encoder(&self) -> Self::Encoder;
}

/// Event for a writer that handles documents separately.
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

/// Facts about a document that are known at its end.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct DocumentInfo {
    /// Name of its input as given.
    pub source: String,
    /// Position among the documents of the input, from 0.
    pub doc_index: i32,
    /// Position in the input at which it begins.
    pub position: Position,
    /// ID of its scan; `None` if it contains no scan.
    pub scan_id: Option<String>,
    /// UTC date of the scan's start, or of its end if the start is unknown, as `2024-01-31`.
    pub scan_date: Option<String>,
    /// True if a `finished` element was read.
    pub finished: bool,
    /// True if the document ends before its end tag.
    pub truncated: bool,
    /// Number of host elements that were not truncated.
    pub whole_hosts: u64,
    /// SHA-256 of its bytes in hexadecimal. `None` for rows of a document whose end was not read.
    pub sha256: Option<String>,
    /// Rows per table, by [`Table::number`], encoded since the previous document.
    pub rows: [u64; Table::ALL.len()],
}

/// Encodes rows to chunks.
pub trait RowEncoder: Send + 'static {
    /// A piece of output, for the writer of the same format.
    type Chunk: Send + 'static;

    /// Sets the scan of the rows that follow.
    ///
    /// # Errors
    /// Fails if earlier rows do not fit their tables' schemas.
    fn scan(&mut self, _scan: ScanContext<'_>) -> Result<()> {
        Ok(())
    }

    /// Encodes a row. Rows of tables that are not written are ignored.
    ///
    /// # Errors
    /// Fails if the row does not fit its table's schema.
    fn row(&mut self, row: &Row<'_>) -> Result<()>;

    /// Returns the number of bytes that are ready; see [`ScanEncoder::buffered_bytes`].
    fn buffered_bytes(&self) -> usize;

    /// Number of bytes of XML to encode before taking chunks; see [`ScanEncoder::preferred_input_bytes`].
    fn preferred_input_bytes(&self) -> usize {
        TEXT_INPUT_BYTES
    }

    /// Takes the chunks that are ready; see [`ScanEncoder::take`].
    fn take(&mut self) -> Vec<Self::Chunk>;

    /// Takes all chunks; see [`ScanEncoder::finish`].
    ///
    /// # Errors
    /// Fails if rows do not fit their table's schema.
    fn finish(&mut self) -> Result<Vec<Self::Chunk>> {
        Ok(self.take())
    }
}

/// Format of rows.
pub trait RowFormat: Format<Encoder = TableEncoder<Self::Rows>> {
    /// Encodes rows to the chunks of the writer.
    type Rows: RowEncoder;

    /// Creates an encoder of rows.
    fn row_encoder(&self) -> Self::Rows;
}

/// Encodes scans as the rows of tables (docs/data-model.md, section 3).
#[derive(Debug)]
pub struct TableEncoder<R> {
    rows: R,
    derived: DerivedTables,
    written: Written,
}

impl<R: RowEncoder> TableEncoder<R> {
    /// Creates an encoder of scans that passes rows to `rows`: those of the tables that scans have, and those of the
    /// derived tables `derived`.
    #[must_use]
    pub fn new(rows: R, derived: DerivedTables) -> Self {
        Self { rows, derived, written: Written::default() }
    }

    /// Encodes a row.
    ///
    /// # Errors
    /// Fails if the row does not fit its table's schema.
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
        scan: &ScanHeader,
        host: &Host<'_>,
        _emit: Emit<'_, Self::Chunk>,
    ) -> Result<()> {
        self.rows.scan(ScanContext::running(scan))?;
        host_rows(scan, host, &mut |row| self.row(row))?;
        derived_rows(scan, host, self.derived, &mut |row| self.row(row))
    }

    fn activity(&mut self, scan: &ScanHeader, index: i32, activity: &ScanActivity) -> Result<()> {
        self.rows.scan(ScanContext::running(scan))?;
        event_row(scan, index, activity, &mut |row| self.row(row))
    }

    fn scan_end(&mut self, source: &str, record: ScanSummary) -> Result<()> {
        self.rows.scan(ScanContext::ended(&record))?;
        scan_rows(source, &record, &mut |row| self.row(row))
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
        scans: &[&ScanHeader],
        _emit: Emit<'_, Self::Chunk>,
    ) -> Result<()> {
        merged_rows(merged, scans, &mut |row| self.row(row))?;
        derived_merged_rows(merged, scans, self.derived, &mut |row| self.row(row))
    }
}

/// Format without output: inputs are read and counted.
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

    fn host(&mut self, _: &ScanHeader, _: &Host<'_>, _: Emit<'_, Self::Chunk>) -> Result<()> {
        Ok(())
    }

    fn activity(&mut self, _: &ScanHeader, _: i32, _: &ScanActivity) -> Result<()> {
        Ok(())
    }

    fn scan_end(&mut self, _: &str, _: ScanSummary) -> Result<()> {
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
