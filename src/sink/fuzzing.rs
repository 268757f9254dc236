//! What fuzz targets see of this layer: rows as CSV, without a file.

use super::{CsvRows, RowEncoder as _, SinkOptions};
use crate::table::Table;

/// An encoder of CSV for all tables.
pub(crate) fn csv_rows(safe: bool) -> CsvRows {
    CsvRows::new(&SinkOptions { csv_safe: safe, ..SinkOptions::default() })
}

/// What an encoder of text has written of each table.
pub(crate) fn texts(rows: &mut CsvRows) -> Vec<(Table, Vec<u8>)> {
    rows.take().into_iter().map(|chunk| (chunk.table, chunk.text)).collect()
}
