//! Arrow record batches of one table of an input.

use std::io::Read;

use crate::{
    error::{Error, Result},
    model::{ScanEvent, ScanHeader},
    table::{
        BatchBuilder, DerivedTables, RecordBatch, Row, SchemaRef, Table, derived_rows, event_row,
        host_rows, scan_rows,
    },
    xml::Reader,
};

/// Number of rows, and size in bytes, at which a batch is returned, whichever is reached first.
const ROWS: usize = 8192;
const BYTES: usize = 8 << 20;

/// Iterator over the rows of one table as Arrow record batches. Memory is bounded, however long the input is.
///
/// ```
/// use scanmill::{pipeline::RecordBatchReader, table::Table, xml::{Options, Reader}};
///
/// let xml = std::fs::File::open("fixtures/01-tcp-connect-default.xml")?;
/// let reader = Reader::new(xml, Options::default());
/// let mut rows = 0;
/// for batch in RecordBatchReader::new(reader, "01-tcp-connect-default.xml", Table::Ports) {
///     let batch = batch?;
///     assert!(batch.column_by_name("state").is_some());
///     rows += batch.num_rows();
/// }
/// assert_eq!(rows, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RecordBatchReader<R> {
    reader: Reader<R>,
    source: String,
    builder: BatchBuilder,
    derived: DerivedTables,
    run: ScanHeader,
    events: i32,
    finished: bool,
    failed: Option<Error>,
}

impl<R: Read> RecordBatchReader<R> {
    /// Creates an iterator over the rows of `table`. `source` is the input's name in the tables that record it.
    #[must_use]
    pub fn new(reader: Reader<R>, source: impl Into<String>, table: Table) -> Self {
        Self {
            reader,
            source: source.into(),
            builder: BatchBuilder::new(table, None),
            derived: DerivedTables::among(&[table]),
            run: ScanHeader::default(),
            events: 0,
            finished: false,
            failed: None,
        }
    }

    /// Returns the schema of the batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.builder.schema()
    }

    /// Reads until a batch is full, or to the end.
    fn gather(&mut self) -> Result<()> {
        let Self { reader, builder, derived, run, events, .. } = self;
        while builder.rows() < ROWS && builder.bytes() < BYTES {
            let Some(event) = reader.next_event()? else {
                self.finished = true;
                return Ok(());
            };
            let mut push = |row: &Row<'_>| {
                builder.push(row);
                Ok(())
            };
            match event {
                ScanEvent::ScanStart(header) => (*run, *events) = (header, 0),
                ScanEvent::Activity(event) => {
                    event_row(run, *events, &event, &mut push)?;
                    *events = events.saturating_add(1);
                }
                ScanEvent::Host(host) => {
                    host_rows(run, &host, &mut push)?;
                    derived_rows(run, &host, *derived, &mut push)?;
                }
                ScanEvent::ScanEnd(record) => scan_rows(&self.source, &record, &mut push)?,
                ScanEvent::ScanInfo(_) => {}
            }
        }
        Ok(())
    }
}

impl<R: Read> Iterator for RecordBatchReader<R> {
    type Item = Result<RecordBatch>;

    /// Returns the next batch. An input that fails yields the rows read before, then its error, then `None`.
    fn next(&mut self) -> Option<Self::Item> {
        if !self.finished {
            if let Err(error) = self.gather() {
                (self.finished, self.failed) = (true, Some(error));
            }
            if self.builder.rows() > 0 {
                return Some(self.builder.finish());
            }
        }
        self.failed.take().map(Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::DiagnosticCode, xml::Options};

    const CUT: &[u8] =
        b"<nmaprun args=\"nmap 192.0.2.7\"><host><ports><port protocol=\"tcp\" portid=\"1\"><state state=\"open\"/>";

    fn batches(strict: bool, table: Table) -> Vec<Result<RecordBatch>> {
        let reader = Reader::new(CUT, Options::default().with_strict(strict));
        RecordBatchReader::new(reader, "cut.xml", table).collect()
    }

    #[test]
    fn each_table_has_its_rows_and_schema() {
        for (table, rows) in [(Table::Ports, 1), (Table::Scans, 1), (Table::Warnings, 1)] {
            let found: Vec<_> = batches(false, table).into_iter().map(Result::unwrap).collect();
            let [batch] = found.as_slice() else { panic!("{} batches", found.len()) };
            assert_eq!(batch.num_rows(), rows, "{}", table.name());
            assert_eq!(batch.schema(), BatchBuilder::new(table, None).schema());
        }
        assert!(batches(false, Table::Hops).is_empty());
    }

    #[test]
    fn rows_before_an_error_come_first_and_nothing_after_it() {
        let found = batches(true, Table::Scans);
        let [Ok(batch), Err(error)] = found.as_slice() else { panic!("{} items", found.len()) };
        assert_eq!((batch.num_rows(), error.code()), (1, DiagnosticCode::Strict));
    }
}
