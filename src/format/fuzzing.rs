//! Access to this layer for fuzz targets: rows as CSV, without a file.

use super::{CsvRows, RowEncoder as _, SinkOptions};
use crate::table::Table;

/// Creates a CSV encoder for all tables.
pub(crate) fn csv_rows(safe: bool) -> CsvRows {
    CsvRows::new(&SinkOptions { csv_safe: safe, ..SinkOptions::default() })
}

/// Returns the text that an encoder has written per table.
pub(crate) fn texts(rows: &mut CsvRows) -> Vec<(Table, Vec<u8>)> {
    rows.take().into_iter().map(|chunk| (chunk.table, chunk.text)).collect()
}
