//! Inputs to Arrow record batches: many inputs, any set of tables, one pass.
//!
//! A thread of its own runs the pipeline and sends batches through a bounded channel, so that a slow consumer slows
//! reading down and memory stays bounded. Batches of a table are cut by rows and bytes alone ([`Rechunker`]), so they are
//! the same for any number of threads; how batches of different tables interleave is the order in which they fill.

use std::path::PathBuf;

use arrow::compute::concat_batches;

use super::{
    CancellationToken, Inputs, ProgressHandle, ProgressTotals,
    background::{Background, Results},
};
use crate::{
    error::{Error, Result},
    filter::Filter,
    format::{
        ChunkWriter, Format, ParquetChunk, ParquetRows, Rechunker, SinkOptions, TableEncoder,
    },
    pipeline::{Filters, Pipeline, Report},
    source::PathFilter,
    table::{BatchBuilder, RecordBatch, SchemaRef, Table},
    xml,
};

/// Bytes of rows that end a batch, roughly, whatever the number of its rows.
const BATCH_BYTES: usize = 16 << 20;

/// Options for [`read`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Tables to read; [`Table::ALL`] by default.
    pub tables: Vec<Table>,
    /// How XML is read: limits, strict reading, hashes.
    pub xml: xml::Options,
    /// Which hosts and ports are returned, and the engine that runs on them.
    pub filters: Filters,
    /// Which files of folders and archives are read.
    pub pick: PathFilter,
    /// Number of threads that read; one by default. A further one hands over the batches.
    pub threads: usize,
    /// Maximum number of rows per batch; 65,536 by default.
    pub batch_rows: usize,
    /// Ends reading between two events when it is cancelled; dropping the batches cancels it.
    pub cancellation: CancellationToken,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            tables: Table::ALL.to_vec(),
            xml: xml::Options::default(),
            filters: Filters::default(),
            pick: PathFilter::default(),
            threads: 1,
            batch_rows: 1 << 16,
            cancellation: CancellationToken::default(),
        }
    }
}

impl ReadOptions {
    /// Reads these tables.
    #[must_use]
    pub fn with_tables(mut self, tables: impl IntoIterator<Item = Table>) -> Self {
        self.tables = tables.into_iter().collect();
        self
    }

    /// Sets how XML is read.
    #[must_use]
    pub fn with_xml(mut self, xml: xml::Options) -> Self {
        self.xml = xml;
        self
    }

    /// Sets which hosts and ports are returned.
    #[must_use]
    pub fn with_filters(mut self, filters: Filters) -> Self {
        self.filters = filters;
        self
    }

    /// Selects hosts and ports by an expression.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filters.expression = Some(filter);
        self
    }

    /// Sets which files of folders and archives are read.
    #[must_use]
    pub fn with_pick(mut self, pick: PathFilter) -> Self {
        self.pick = pick;
        self
    }

    /// Sets the number of threads that read.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets the maximum number of rows per batch; at least one.
    #[must_use]
    pub fn with_batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = rows;
        self
    }

    /// Ends reading between two events when `token` is cancelled.
    #[must_use]
    pub fn with_cancellation(mut self, token: CancellationToken) -> Self {
        self.cancellation = token;
        self
    }
}

/// Rows of one table.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TableBatch {
    /// The table.
    pub table: Table,
    /// Its rows.
    pub batch: RecordBatch,
}

/// Reads files, folders, archives and datasets as Arrow record batches of the tables that are asked for, in one pass.
/// `-` is standard input. The rows of a table come in the order of the inputs, the same for any number of threads.
///
/// An input that cannot be read does not end the others: [`ReadBatches::finish`] returns the report with its error.
///
/// ```
/// use scanmill::{ops::{self, ReadOptions}, table::Table};
///
/// let options = ReadOptions::default().with_tables([Table::Hosts, Table::Ports]);
/// let mut batches = ops::read(["fixtures/01-tcp-connect-default.xml"], options)?;
/// let mut ports = 0;
/// for batch in &mut batches {
///     let batch = batch?;
///     if batch.table == Table::Ports {
///         ports += batch.batch.num_rows();
///     }
/// }
/// assert_eq!(ports, 7);
/// assert_eq!(batches.finish()?.counts.hosts, 1);
/// # Ok::<(), scanmill::error::Error>(())
/// ```
///
/// # Errors
/// A usage error if no table is selected; an error of the kind
/// [`Resource`](crate::error::ErrorKind::Resource) if the system starts no thread.
pub fn read<P: Into<PathBuf>>(
    inputs: impl IntoIterator<Item = P>,
    options: ReadOptions,
) -> Result<ReadBatches> {
    if options.tables.is_empty() {
        return Err(Error::usage("no table is selected"));
    }
    let inputs = Inputs::new(inputs).with_pick(options.pick.clone());
    let (caller, tables) = (options.cancellation.clone(), options.tables.clone());
    let job = Background::start("scanmill-read", &caller, move |results, token| {
        read_all(&inputs, options.with_cancellation(token), results)
    })?;
    Ok(ReadBatches { tables, job })
}

/// Reads all inputs.
fn read_all(inputs: &Inputs, options: ReadOptions, results: Results<TableBatch>) -> Result<Report> {
    let ReadOptions { tables, xml, filters, threads, batch_rows, cancellation, .. } = options;
    let mut channel = BatchChannel::new(tables, batch_rows, results);
    channel.options.open_filtered = filters.selects_open_filtered();
    let pipeline = Pipeline::new(xml, filters, channel, cancellation);
    let mut pipeline = pipeline.with_threads(threads)?;
    let (inputs, progress) = (inputs.resolve(), ProgressHandle::default());
    inputs.read(&mut pipeline, &progress.begin(ProgressTotals::default()))?;
    pipeline.finish()
}

/// The format whose chunks go to the consumer.
struct BatchChannel {
    options: SinkOptions,
    /// Rows of each table that make no whole batch yet.
    rechunkers: Vec<Rechunker>,
    results: Results<TableBatch>,
}

impl BatchChannel {
    fn new(tables: Vec<Table>, batch_rows: usize, results: Results<TableBatch>) -> Self {
        let rechunkers =
            tables.iter().map(|_| Rechunker::new(batch_rows.max(1), BATCH_BYTES)).collect();
        Self { options: SinkOptions { tables, ..SinkOptions::default() }, rechunkers, results }
    }
}

/// Sends the parts of a batch as one. A consumer that is gone ends reading.
fn send(results: &Results<TableBatch>, table: Table, parts: &[RecordBatch]) -> Result<()> {
    let Some(first) = parts.first() else { return Ok(()) };
    let batch = concat_batches(first.schema_ref(), parts)
        .map_err(|error| Error::internal(error.to_string()))?;
    results.send(TableBatch { table, batch });
    Ok(())
}

impl Format for BatchChannel {
    type Encoder = TableEncoder<ParquetRows>;

    fn encoder(&self) -> Self::Encoder {
        TableEncoder::new(ParquetRows::new(&self.options), self.options.derived())
    }
}

impl ChunkWriter for BatchChannel {
    type Chunk = ParquetChunk;

    fn tables(&self) -> &[Table] {
        &self.options.tables
    }

    fn write(&mut self, chunk: ParquetChunk) -> Result<()> {
        let (table, batch, sizes) = chunk.into_rows()?;
        let place = self.options.tables.iter().position(|known| *known == table);
        let rechunkers = place.and_then(|place| self.rechunkers.get_mut(place));
        let rechunkers =
            rechunkers.ok_or_else(|| Error::internal("rows of a table that is not read"))?;
        rechunkers.push((batch, sizes), |parts| send(&self.results, table, &parts))
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        for (table, rechunkers) in self.options.tables.iter().zip(&mut self.rechunkers) {
            send(&self.results, *table, &rechunkers.rest())?;
        }
        Ok(())
    }
}

/// Batches of the tables that were asked for, as they fill; see [`read`].
///
/// Dropping it ends reading.
#[derive(Debug)]
pub struct ReadBatches {
    tables: Vec<Table>,
    job: Background<TableBatch>,
}

impl ReadBatches {
    /// The tables that are read.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The schema of the batches of a table.
    #[must_use]
    pub fn schema(table: Table) -> SchemaRef {
        BatchBuilder::new(table, None).schema()
    }

    /// Returns the token that ends reading: batches that are complete still come.
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        self.job.cancellation()
    }

    /// Ends reading, if it has not ended, and returns the report: counts, warnings, and the inputs that could not be
    /// read.
    ///
    /// # Errors
    /// The error that ended reading as a whole, such as too little memory, unless the iterator returned it.
    pub fn finish(self) -> Result<Report> {
        self.job.finish()
    }
}

impl Iterator for ReadBatches {
    type Item = Result<TableBatch>;

    /// The next batch, of whatever table fills next. An error that ends reading as a whole comes once, at the end.
    fn next(&mut self) -> Option<Self::Item> {
        self.job.next()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The batches of each table as text, and the report.
    fn all(options: ReadOptions) -> (BTreeMap<Table, Vec<String>>, Report) {
        let mut batches = read(["fixtures"], options).unwrap();
        let mut found = BTreeMap::<_, Vec<_>>::new();
        for batch in &mut batches {
            let TableBatch { table, batch } = batch.unwrap();
            assert_eq!(batch.schema(), ReadBatches::schema(table));
            found.entry(table).or_default().push(format!("{batch:?}"));
        }
        (found, batches.finish().unwrap())
    }

    #[test]
    fn batches_are_the_same_for_any_number_of_threads_and_have_their_rows() {
        let options = ReadOptions::default().with_batch_rows(50);
        let (found, report) = all(options.clone());
        let ports = report.rows.get("ports").copied().unwrap();
        assert!(ports > 500 && report.rows.len() == 10);
        assert_eq!(found[&Table::Ports].len() as u64, ports.div_ceil(50));
        for threads in [2, 5] {
            let (others, other) = all(options.clone().with_threads(threads));
            assert!(others == found, "{threads} threads give other batches");
            assert_eq!(other.rows, report.rows);
        }
    }

    #[test]
    fn dropping_the_consumer_ends_reading() {
        let options = ReadOptions::default().with_batch_rows(1);
        let mut batches = read(["fixtures", "fixtures", "fixtures"], options).unwrap();
        assert!(batches.next().is_some());
        assert!(batches.finish().unwrap().interrupted);
        assert!(read(["fixtures"], ReadOptions::default().with_tables([])).is_err());
    }

    #[test]
    fn inputs_that_cannot_be_read_are_in_the_report() {
        let paths = ["none.xml", "fixtures/01-tcp-connect-default.xml"];
        let mut batches = read(paths, ReadOptions::default().with_tables([Table::Ports])).unwrap();
        let rows: usize = (&mut batches).map(|batch| batch.unwrap().batch.num_rows()).sum();
        let report = batches.finish().unwrap();
        assert_eq!((rows, report.errors.len()), (7, 1));
        assert!(!report.interrupted);
    }
}
