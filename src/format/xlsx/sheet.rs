//! Worksheets of one table: rows that grow in temporary files, one per sheet.
//!
//! A sheet ends at the limit of Excel on rows, or at [`MAX_SHEET_BYTES`]; the table then continues on another sheet. The
//! part of a sheet before its rows contains the widths of the columns, which depend on all rows. So a temporary file has
//! only the rows and what follows them, compressed, and [`SheetFile::head`] is written before them when the workbook is
//! put together.

use std::{
    fmt::Write as _,
    io::{BufWriter, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use flate2::{Compression, Crc, write::DeflateEncoder};

use super::{
    cells::{ROW_NUMBER, ROW_START, column_letters, escape},
    chunk::XlsxChunk,
    styles,
};
use crate::{
    error::{Error, Result},
    exec::SerialWorker,
    fs::{self, File},
    table::Table,
    text::{
        push_number,
        search::{ByteClass, equal_mask, position},
    },
};

/// Maximum number of rows of a sheet, with the header: a limit of Excel.
pub(super) const MAX_ROWS: u32 = 1 << 20;

/// Size at which a sheet ends after the current row, in bytes of XML. Readers hold a whole sheet in memory, and sizes in
/// a zip archive have 32 bits.
pub(super) const MAX_SHEET_BYTES: u64 = 2 << 30;

/// Minimum width of a column, in characters.
const MIN_WIDTH: u16 = 8;

/// Characters that the button of a filter covers.
const BUTTON_WIDTH: u16 = 4;

/// Complete sheet, without its head.
#[derive(Debug)]
pub(super) struct SheetFile {
    pub(super) name: String,
    /// Compressed rows.
    pub(super) file: File,
    /// Checksum and number of the bytes before compression.
    pub(super) crc: Crc,
    pub(super) bytes: u64,
    rows: u32,
}

/// Sheets of a table, with what they share.
#[derive(Debug, Default)]
pub(super) struct TableSheets {
    pub(super) sheets: Vec<SheetFile>,
    columns: Vec<&'static str>,
    widths: Vec<u16>,
}

/// Writes the sheets of a table.
pub(super) struct SheetWriter {
    table: Table,
    /// Name of the workbook, for messages.
    workbook: Arc<str>,
    /// Folder of the temporary files.
    folder: Arc<PathBuf>,
    max_rows: u32,
    current: OpenSheet,
    written: TableSheets,
    /// Place of the complete sheets.
    done: Arc<Mutex<Vec<(Table, TableSheets)>>>,
    /// XML of a chunk, with the numbers of its rows.
    numbered: Vec<u8>,
}

/// Number of bytes that are compressed at once. What the compressor writes depends on how its input is divided.
const BLOCK_BYTES: usize = 64 << 10;

/// Sheet that is being written.
struct OpenSheet {
    out: DeflateEncoder<BufWriter<File>>,
    /// Less than a block of XML.
    pending: Vec<u8>,
    crc: Crc,
    bytes: u64,
    rows: u32,
}

/// Destination of the sheets of a workbook.
#[derive(Clone)]
pub(super) struct Sheets {
    pub(super) workbook: Arc<str>,
    pub(super) folder: Arc<PathBuf>,
    pub(super) max_rows: u32,
    pub(super) done: Arc<Mutex<Vec<(Table, TableSheets)>>>,
}

impl Sheets {
    /// Creates the writer of a table, with its header.
    pub(super) fn writer(&self, table: Table, columns: Vec<&'static str>) -> Result<SheetWriter> {
        let Self { workbook, folder, max_rows, done } = self.clone();
        let written = TableSheets { sheets: Vec::new(), widths: Vec::new(), columns };
        let current = OpenSheet::new(&workbook, &folder)?;
        let numbered = Vec::new();
        let mut writer =
            SheetWriter { table, workbook, folder, max_rows, current, written, done, numbered };
        writer.header()?;
        Ok(writer)
    }

    /// Takes the complete sheets, in the order of the tables.
    pub(super) fn take(&self, tables: &[Table]) -> Vec<TableSheets> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = std::mem::take(&mut *done);
        done.sort_by_key(|(table, _)| tables.iter().position(|known| known == table));
        done.into_iter().map(|(_, sheets)| sheets).collect()
    }
}

impl OpenSheet {
    fn new(workbook: &str, folder: &PathBuf) -> Result<Self> {
        let file = fs::tempfile_in(folder).map_err(|error| Error::sink(workbook, error))?;
        let out = DeflateEncoder::new(BufWriter::new(file), Compression::fast());
        Ok(Self { out, pending: Vec::new(), crc: Crc::new(), bytes: 0, rows: 0 })
    }

    fn write(&mut self, xml: &[u8]) -> std::io::Result<()> {
        self.crc.update(xml);
        self.bytes = self.bytes.saturating_add(u64::try_from(xml.len()).unwrap_or(u64::MAX));
        self.pending.extend_from_slice(xml);
        let blocks = self.pending.chunks_exact(BLOCK_BYTES);
        let rest = blocks.remainder().len();
        for block in blocks {
            self.out.write_all(block)?;
        }
        self.pending.drain(..self.pending.len().saturating_sub(rest));
        Ok(())
    }

    fn is_full(&self, max_rows: u32, waiting: usize) -> bool {
        let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
        self.rows >= max_rows || self.bytes.saturating_add(waiting) >= MAX_SHEET_BYTES
    }

    fn finish(mut self, name: String, columns: usize) -> std::io::Result<SheetFile> {
        let range = range(columns, self.rows);
        self.write(format!("</sheetData><autoFilter ref=\"{range}\"/></worksheet>").as_bytes())?;
        self.out.write_all(&self.pending)?;
        let file = self.out.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        let Self { crc, bytes, rows, .. } = self;
        Ok(SheetFile { name, file, crc, bytes, rows })
    }
}

/// Returns the range of all cells of a sheet.
fn range(columns: usize, rows: u32) -> String {
    format!("A1:{}{rows}", column_letters(columns.saturating_sub(1)))
}

impl SheetWriter {
    fn failed(&self, error: std::io::Error) -> Error {
        Error::sink(&*self.workbook, error)
    }

    /// Writes the names of the columns as the first row.
    fn header(&mut self) -> Result<()> {
        let mut xml = vec![ROW_START];
        for (number, name) in self.written.columns.iter().enumerate() {
            xml.extend_from_slice(b"<c r=\"");
            xml.extend_from_slice(column_letters(number).as_bytes());
            xml.push(ROW_NUMBER);
            xml.extend_from_slice(styles::HEADER_CELL);
            xml.extend_from_slice(b"<t>");
            escape(name, &mut xml);
            xml.extend_from_slice(b"</t></is></c>");
        }
        xml.extend_from_slice(b"</row>");
        self.rows(&xml)
    }

    /// Writes rows, with their numbers, on as many sheets as they need.
    fn rows(&mut self, xml: &[u8]) -> Result<()> {
        let mut numbered = std::mem::take(&mut self.numbered);
        numbered.clear();
        let mut rest = xml;
        while let Some((plain, tail)) =
            position::<Mark>(rest).and_then(|at| rest.split_at_checked(at))
        {
            numbered.extend_from_slice(plain);
            let Some((&mark, tail)) = tail.split_first() else { break };
            if mark == ROW_START {
                if self.current.is_full(self.max_rows, numbered.len()) {
                    self.current.write(&numbered).map_err(|error| self.failed(error))?;
                    numbered.clear();
                    self.next_sheet()?;
                }
                self.current.rows = self.current.rows.saturating_add(1);
                numbered.extend_from_slice(b"<row r=\"");
                push_number(i64::from(self.current.rows), &mut numbered);
                numbered.extend_from_slice(b"\">");
            } else {
                push_number(i64::from(self.current.rows), &mut numbered);
            }
            rest = tail;
        }
        numbered.extend_from_slice(rest);
        self.current.write(&numbered).map_err(|error| self.failed(error))?;
        self.numbered = numbered;
        Ok(())
    }

    /// Ends the current sheet and starts the next one, with the same header.
    fn next_sheet(&mut self) -> Result<()> {
        let next = OpenSheet::new(&self.workbook, &self.folder)?;
        let full = std::mem::replace(&mut self.current, next);
        self.written.end(full, self.table).map_err(|error| self.failed(error))?;
        self.header()
    }
}

impl SerialWorker<XlsxChunk> for SheetWriter {
    fn process(&mut self, chunk: XlsxChunk) -> Result<()> {
        let widths = &mut self.written.widths;
        widths.resize(widths.len().max(chunk.widths.len()), 0);
        for (widest, width) in widths.iter_mut().zip(&chunk.widths) {
            *widest = (*widest).max(*width);
        }
        self.rows(&chunk.xml)
    }

    fn finish(self) -> Result<()> {
        let Self { table, workbook, current, mut written, done, .. } = self;
        written.end(current, table).map_err(|error| Error::sink(&*workbook, error))?;
        done.lock().unwrap_or_else(PoisonError::into_inner).push((table, written));
        Ok(())
    }
}

impl TableSheets {
    /// Completes a sheet and adds it to the others.
    fn end(&mut self, sheet: OpenSheet, table: Table) -> std::io::Result<()> {
        let name = match self.sheets.len() {
            0 => table.name().to_owned(),
            before => format!("{} ({})", table.name(), before.saturating_add(1)),
        };
        self.sheets.push(sheet.finish(name, self.columns.len())?);
        Ok(())
    }

    /// Returns the XML of a sheet before its rows: the frozen header and the widths of the columns. One sheet of a
    /// workbook is selected.
    pub(super) fn head(&self, selected: bool) -> Vec<u8> {
        let mut xml = format!(
            "{}<worksheet xmlns=\"{}\"><sheetViews><sheetView {}workbookViewId=\"0\">\
             <pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/>\
             <selection pane=\"bottomLeft\" activeCell=\"A2\" sqref=\"A2\"/></sheetView></sheetViews>\
             <sheetFormatPr defaultRowHeight=\"15\"/><cols>",
            styles::XML,
            styles::MAIN,
            if selected { "tabSelected=\"1\" " } else { "" },
        );
        for (number, name) in self.columns.iter().enumerate() {
            let header = u16::try_from(name.len()).unwrap_or(u16::MAX).saturating_add(BUTTON_WIDTH);
            let widest = self.widths.get(number).copied().unwrap_or(0).saturating_add(1);
            let (column, width) = (number.saturating_add(1), widest.max(header).max(MIN_WIDTH));
            // Writing into a string cannot fail.
            let _ = write!(
                xml,
                "<col min=\"{column}\" max=\"{column}\" width=\"{width}\" customWidth=\"1\"/>"
            );
        }
        xml.push_str("</cols><sheetData>");
        xml.into_bytes()
    }

    /// Returns the range of all cells of a sheet as in a formula, with its name.
    pub(super) fn absolute_range(&self, sheet: &SheetFile) -> String {
        let last = column_letters(self.columns.len().saturating_sub(1));
        format!("'{}'!$A$1:${last}${}", sheet.name, sheet.rows)
    }
}

/// Bytes that [`SheetWriter::rows`] replaces.
struct Mark;

impl ByteClass for Mark {
    #[inline]
    fn contains(byte: u8) -> bool {
        byte == ROW_START || byte == ROW_NUMBER
    }

    #[inline]
    fn match_mask(word: u64) -> u64 {
        equal_mask(word, ROW_START) | equal_mask(word, ROW_NUMBER)
    }
}
