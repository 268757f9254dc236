//! Rows of one table of a dataset, as record batches.

use std::{sync::Arc, vec::IntoIter};

use super::{
    decode::{Decoder, TableFile},
    handle::Dataset,
    rows,
};
use crate::{
    error::{Error, Result},
    table::{BatchBuilder, Column, RecordBatch, SchemaRef, Table},
};

/// Default of [`TableOptions::batch_rows`].
const BATCH_ROWS: usize = 1 << 13;

/// Selection of the rows of a table, for [`Dataset::table`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TableOptions {
    /// Date of the first scans, as `YYYY-MM-DD` in UTC; without it, from the first scan on.
    pub since: Option<String>,
    /// Date of the last scans, as `YYYY-MM-DD` in UTC; without it, up to the last scan.
    pub until: Option<String>,
    /// Names of the columns, in their order in the batches; all columns of the table by default.
    pub columns: Option<Vec<String>>,
    /// Maximum number of rows per batch; 8,192 by default.
    pub batch_rows: usize,
}

impl Default for TableOptions {
    fn default() -> Self {
        Self { since: None, until: None, columns: None, batch_rows: BATCH_ROWS }
    }
}

impl TableOptions {
    /// Selects scans of this date or a later one.
    #[must_use]
    pub fn with_since(mut self, date: impl Into<String>) -> Self {
        self.since = Some(date.into());
        self
    }

    /// Selects scans of this date or an earlier one.
    #[must_use]
    pub fn with_until(mut self, date: impl Into<String>) -> Self {
        self.until = Some(date.into());
        self
    }

    /// Selects columns by their names.
    #[must_use]
    pub fn with_columns<C: Into<String>>(mut self, names: impl IntoIterator<Item = C>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the maximum number of rows per batch; at least one.
    #[must_use]
    pub fn with_batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = rows;
        self
    }

    /// Returns true if scans of a partition are selected. Scans without a date are selected only if
    /// no date is given.
    fn selects(&self, scan_date: Option<&str>) -> bool {
        let Some(date) = scan_date else { return self.since.is_none() && self.until.is_none() };
        self.since.as_deref().is_none_or(|since| since <= date)
            && self.until.as_deref().is_none_or(|until| date <= until)
    }

    fn check(&self) -> Result<()> {
        let dates = [&self.since, &self.until].into_iter().flatten();
        match dates.into_iter().find(|date| !is_date(date)) {
            Some(other) => Err(Error::usage(format!("{other:?} is not a date such as 2026-01-31"))),
            None => Ok(()),
        }
    }
}

impl Dataset {
    /// Returns the rows of a table as of the newest commit, in the order in which they were loaded.
    /// Files of partitions that are not selected are not opened.
    ///
    /// ```
    /// use scanmill::{
    ///     dataset::{Dataset, TableOptions},
    ///     ops::{self, IngestOptions, Inputs},
    ///     table::Table,
    /// };
    ///
    /// let folder = tempfile::tempdir()?;
    /// let inputs = Inputs::new(["fixtures/01-tcp-connect-default.xml"]);
    /// ops::ingest(&inputs, folder.path(), &IngestOptions::default())?;
    ///
    /// let options = TableOptions::default().with_columns(["ip", "port", "state"]);
    /// let mut rows = 0;
    /// for batch in Dataset::open(folder.path())?.table(Table::Ports, &options)? {
    ///     rows += batch?.num_rows();
    /// }
    /// assert_eq!(rows, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns a usage error if a column does not exist or a date is malformed. The iterator
    /// returns an input error if a file cannot be read, is missing or is damaged, and ends then.
    pub fn table(&self, table: Table, options: &TableOptions) -> Result<TableBatches> {
        options.check()?;
        let columns = options
            .columns
            .as_ref()
            .map(|names| names.iter().map(|name| table.column(name)).collect::<Result<Vec<_>>>());
        let columns = columns.transpose()?;
        let files = self.snapshot.files_in_order(|entry| {
            entry.table == table.name() && options.selects(entry.scan_date.as_deref())
        });
        let files = files.into_iter().map(|file| file.table_file(&self.dir));
        Ok(TableBatches {
            schema: BatchBuilder::new(table, columns.as_deref()).schema(),
            files: files.collect::<Result<Vec<_>>>()?.into_iter(),
            columns,
            batch_rows: options.batch_rows.max(1),
            decoder: None,
        })
    }
}

/// Rows of a table of a dataset; see [`Dataset::table`].
pub struct TableBatches {
    schema: SchemaRef,
    /// Files that were not opened yet.
    files: IntoIter<TableFile>,
    /// Columns that were selected, or `None` for all.
    columns: Option<Vec<&'static Column>>,
    batch_rows: usize,
    decoder: Option<Decoder>,
}

impl TableBatches {
    /// Returns the schema of the batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.decoder.as_mut().and_then(Iterator::next) {
                return self.project(rows::plain_lists(batch?)?).map(Some);
            }
            let Some(file) = self.files.next() else { return Ok(None) };
            let names: Vec<&str> =
                self.columns.iter().flatten().map(|column| column.field.name).collect();
            self.decoder = Some(Decoder::open_sized(&file, (0, self.batch_rows), &names)?);
        }
    }

    /// Puts the columns of a batch into the order in which they were selected.
    fn project(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if self.columns.is_none() {
            return Ok(batch);
        }
        let schema = batch.schema();
        let places = self.schema.fields().iter().map(|field| schema.index_of(field.name()));
        let columns = places.map(|place| place.map(|place| Arc::clone(batch.column(place))));
        let columns = columns.collect::<std::result::Result<_, _>>().map_err(rows::misfit)?;
        RecordBatch::try_new(self.schema(), columns).map_err(rows::misfit)
    }
}

impl Iterator for TableBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_batch();
        if next.is_err() {
            (self.files, self.decoder) = (Vec::new().into_iter(), None);
        }
        next.transpose()
    }
}

/// Returns true if a text has the form `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    let form = |(place, byte): (usize, u8)| match place {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    text.len() == 10 && text.bytes().enumerate().all(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_selected_by_their_dates() {
        let all = TableOptions::default();
        assert!(all.selects(None) && all.selects(Some("2026-01-31")));
        let month = TableOptions::default().with_since("2026-01-01").with_until("2026-01-31");
        for (date, selected) in [
            (Some("2025-12-31"), false),
            (Some("2026-01-01"), true),
            (Some("2026-01-31"), true),
            (Some("2026-02-01"), false),
            (None, false),
        ] {
            assert_eq!(month.selects(date), selected, "{date:?}");
        }
        assert!(month.check().is_ok());
        for date in ["2026-1-1", "20260101", "yesterday", "2026-01-01T00:00:00Z", ""] {
            assert!(TableOptions::default().with_until(date).check().is_err(), "{date}");
        }
    }
}
