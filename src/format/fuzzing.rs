//! Access to this layer for fuzz targets: rows as CSV and documents as XML, without a file.

use super::{
    CsvRows, RowEncoder as _, ScanEncoder as _, SinkOptions, XmlEncoder, xml::document_text,
};
use crate::{
    error::Result,
    model::{ScanEvent, ScanHeader},
    table::Table,
};

/// Returns the events of an input as one XML document.
pub(crate) fn xml_document(events: &[ScanEvent<'_>]) -> Result<Vec<u8>> {
    let (mut encoder, mut header) = (XmlEncoder::default(), ScanHeader::default());
    let mut chunks = Vec::new();
    for event in events {
        match event {
            ScanEvent::ScanStart(scan) => header.clone_from(scan),
            ScanEvent::Host(host) => encoder.host(&header, host, &mut |chunk| {
                chunks.push(chunk);
                Ok(())
            })?,
            ScanEvent::Activity(activity) => encoder.activity(&header, 0, activity)?,
            ScanEvent::ScanEnd(record) => encoder.scan_end("input.xml", (**record).clone())?,
            ScanEvent::ScanInfo(_) => {}
        }
    }
    chunks.extend(encoder.take());
    document_text(chunks)
}

/// Creates a CSV encoder for all tables.
pub(crate) fn csv_rows(safe: bool) -> CsvRows {
    CsvRows::new(&SinkOptions { csv_safe: safe, ..SinkOptions::default() })
}

/// Returns the text that an encoder has written per table.
pub(crate) fn texts(rows: &mut CsvRows) -> Vec<(Table, Vec<u8>)> {
    rows.take().into_iter().map(|chunk| (chunk.table, chunk.text)).collect()
}
