//! Rows of a table as XML, on their way to a sheet.

use crate::table::Table;

/// Rows of a table, as XML.
#[derive(Debug)]
pub struct XlsxChunk {
    pub(super) table: Table,
    pub(super) xml: Vec<u8>,
    pub(super) rows: u64,
    /// Widest value per column, in characters.
    pub(super) widths: Vec<u16>,
    pub(super) cuts: Vec<CutCell>,
}

/// Cell whose text was cut.
#[derive(Debug)]
pub(super) struct CutCell {
    /// Row in the chunk, from 0.
    pub(super) row: u64,
    /// Column, from 0.
    pub(super) column: usize,
    /// Length of the text in UTF-16 code units.
    pub(super) units: usize,
}

impl XlsxChunk {
    pub(super) fn new(table: Table) -> Self {
        Self { table, xml: Vec::new(), rows: 0, widths: Vec::new(), cuts: Vec::new() }
    }

    /// Takes the rows. The chunk can be used again, with the capacity that they filled.
    pub(super) fn take(&mut self) -> Self {
        let next = Self { xml: Vec::with_capacity(self.xml.len()), ..Self::new(self.table) };
        std::mem::replace(self, next)
    }
}
