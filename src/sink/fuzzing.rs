//! What fuzz targets see of this layer: rows as CSV, without a file.

use super::{Data, Encoder, SinkOptions, csv};
use crate::table::Table;

/// An encoder of CSV for all tables.
pub(crate) fn csv_encoder(safe: bool) -> Box<dyn Encoder> {
    csv::encoder(&SinkOptions { csv_safe: safe, ..SinkOptions::default() })
}

/// What an encoder of text has written of each table.
pub(crate) fn texts(encoder: &mut dyn Encoder) -> Vec<(Table, Vec<u8>)> {
    let texts = encoder.take().into_iter().filter_map(|encoded| match encoded.data {
        Data::Text(text) => Some((encoded.table, text)),
        Data::Batch(..) | Data::Settled(_) => None,
    });
    texts.collect()
}
