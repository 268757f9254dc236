//! Workbooks of spreadsheets (.xlsx): one sheet per table, with a frozen header, filters and column widths (DATA_MODEL
//! section 4).
//!
//! ```text
//! rows ──▶ cells (any thread) ──▶ sheet: one compressed temporary file per table ──▶ package: the workbook
//! ```
//!
//! `cells` encodes rows as XML (`chunk`), `sheet` writes the rows of a table to a temporary file without a name next to the
//! workbook, on its own serial queue, and `package` puts the sheets together as a zip archive. Memory does not depend on
//! the number of rows. `styles` has what is constant.
//!
//! The format is written here and not by the crate `rust_xlsxwriter` (0.102), which panics if a temporary file cannot be
//! written, as on a full disk, writes rows uncompressed to disk first, and compresses on one thread. Its 94,000 lines,
//! and a second version of `zip` with a second compressor, would also have to be compiled.
//!
//! Invariants: the bytes depend on the rows alone. Text is always text: no cell is a formula or a link, and text that a
//! spreadsheet would take for a formula when it is edited is marked as text (`quotePrefix`). What Excel cannot hold is
//! never dropped silently: longer tables continue on further sheets, and a text that is cut is reported
//! ([`ChunkWriter::warnings`]).

mod cells;
mod chunk;
mod package;
mod sheet;
mod styles;

use std::{
    io::BufWriter,
    sync::{Arc, Mutex},
};

use self::sheet::{MAX_ROWS, SheetWriter, Sheets};
pub use self::{cells::XlsxRows, chunk::XlsxChunk};
use super::{ChunkWriter, Format, RowFormat, SinkOptions, TableEncoder, single_file};
use crate::{
    error::{Error, Result},
    exec::{SerialQueues, ThreadPool},
    fs::File,
    output::{Output, Replace, StagedOutput},
    table::Table,
};

/// Writes one workbook with a sheet per table. With [`ChunkWriter::set_thread_pool`], sheets are compressed in parallel.
pub struct XlsxSink {
    options: Arc<SinkOptions>,
    queues: SerialQueues<SheetWriter, XlsxChunk>,
    sheets: Sheets,
    /// File that is renamed to its final path at the end.
    staged: StagedOutput,
    file: File,
    cuts: Cuts,
}

/// Cells that were cut.
#[derive(Debug, Default)]
struct Cuts {
    count: u64,
    /// Rows so far and the description of the first one, per table, by [`Table::number`].
    tables: [(u64, Option<String>); Table::COUNT],
}

impl XlsxSink {
    /// Opens a workbook.
    ///
    /// # Errors
    /// Returns a usage error if the output exists and may not be replaced, or is a folder or standard output, and an
    /// output error if it cannot be created.
    pub fn open(output: &Output, options: SinkOptions) -> Result<Self> {
        Self::open_with(output, options, MAX_ROWS)
    }

    fn open_with(output: &Output, options: SinkOptions, max_rows: u32) -> Result<Self> {
        let path = single_file(output, "xlsx")?;
        let replace = Replace::of(options.overwrite);
        let (staged, file) = StagedOutput::file(path, replace, &options.temporaries)?;
        let sheets = Sheets {
            workbook: path.display().to_string().into(),
            folder: Arc::new(staged.parent().to_owned()),
            max_rows,
            done: Arc::new(Mutex::new(Vec::new())),
        };
        let options = Arc::new(options);
        let writer = |table: &Table| {
            let columns = options.text_columns(*table);
            sheets.writer(*table, columns.iter().map(|column| column.field.name).collect())
        };
        let writers = options.tables.iter().map(writer).collect::<Result<_>>()?;
        let (queues, cuts) = (SerialQueues::new(writers), Cuts::default());
        Ok(Self { options, queues, sheets, staged, file, cuts })
    }
}

impl ChunkWriter for XlsxSink {
    type Chunk = XlsxChunk;

    fn tables(&self) -> &[Table] {
        &self.options.tables
    }

    fn set_thread_pool(&mut self, pool: &ThreadPool) {
        self.queues.set_thread_pool(pool);
    }

    fn write(&mut self, chunk: XlsxChunk) -> Result<()> {
        self.cuts.add(&chunk, &self.options);
        let table = chunk.table;
        let place = self.options.tables.iter().position(|known| *known == table);
        let place = place.ok_or_else(|| {
            Error::internal(format!("rows of the table {} have no sheet", table.name()))
        })?;
        self.queues.push(place, chunk)
    }

    fn replaces(&self) -> Option<&str> {
        self.staged.replaces()
    }

    fn warnings(&self) -> Vec<String> {
        let Some(first) = self.cuts.tables.iter().find_map(|(_, first)| first.as_ref()) else {
            return Vec::new();
        };
        let cut = "cut to 32,767 characters, the limit of xlsx";
        vec![match self.cuts.count {
            1 => format!("a text was {cut}: {first}"),
            more => format!("{more} texts were {cut}; the first is {first}"),
        }]
    }

    fn finish(self) -> Result<()> {
        let Self { options, queues, sheets, staged, file, .. } = self;
        queues.finish()?;
        let tables = sheets.take(&options.tables);
        let failed = |error| Error::sink(&*sheets.workbook, error);
        package::write(BufWriter::with_capacity(1 << 16, &file), tables).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        staged.publish()
    }
}

impl Format for XlsxSink {
    type Encoder = TableEncoder<XlsxRows>;

    fn encoder(&self) -> Self::Encoder {
        TableEncoder::new(self.row_encoder(), self.options.derived())
    }
}

impl RowFormat for XlsxSink {
    type Rows = XlsxRows;

    fn row_encoder(&self) -> XlsxRows {
        XlsxRows::new(&self.options)
    }
}

impl Cuts {
    fn add(&mut self, chunk: &XlsxChunk, options: &SinkOptions) {
        let Some((rows, first)) = self.tables.get_mut(chunk.table.number()) else { return };
        let cuts = u64::try_from(chunk.cuts.len()).unwrap_or(u64::MAX);
        self.count = self.count.saturating_add(cuts);
        if let (None, Some(cut)) = (&first, chunk.cuts.first()) {
            let columns = options.text_columns(chunk.table);
            let column = columns.get(cut.column).map_or("", |column| column.field.name);
            // Rows are counted from 1, and the first one has the names of the columns.
            let row = rows.saturating_add(cut.row).saturating_add(2);
            let (table, units) = (chunk.table.name(), cut.units);
            *first = Some(format!("{column} in row {row} of {table}, with {units} characters"));
        }
        *rows = rows.saturating_add(chunk.rows);
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::{
        pipeline::{Filters, Pipeline},
        source::{PathFilter, discover},
        xml::Options,
    };

    /// Converts a fixture to a workbook whose sheets have at most this many rows, and returns its sheets by name.
    fn sheets(max_rows: u32) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.xlsx");
        let options =
            SinkOptions { tables: vec![Table::Hosts, Table::Ports], ..Default::default() };
        let sink = XlsxSink::open_with(&Output::File(path.clone()), options, max_rows).unwrap();
        let stop = crate::ops::CancellationToken::new();
        let mut pipeline = Pipeline::new(Options::default(), Filters::default(), sink, stop);
        for input in
            discover(&["fixtures/01-tcp-connect-default.xml".into()], &PathFilter::default())
        {
            pipeline.read(&input.unwrap(), &PathFilter::default()).unwrap();
        }
        pipeline.finish().unwrap();
        let mut archive = zip::ZipArchive::new(crate::fs::File::open(path).unwrap()).unwrap();
        let mut part = |name: &str| io::read_to_string(archive.by_name(name).unwrap()).unwrap();
        let workbook = part("xl/workbook.xml");
        let names = workbook.split("<sheet name=\"").skip(1);
        let names = names.map(|text| text.split('"').next().unwrap().to_owned());
        let number = |number: usize| format!("xl/worksheets/sheet{number}.xml");
        names.zip(1..).map(|(name, sheet)| (name, part(&number(sheet)))).collect()
    }

    fn rows(sheet: &str) -> Vec<&str> {
        let rows = sheet.split("<row ").skip(1);
        rows.map(|row| row.split("</row>").next().unwrap()).collect()
    }

    #[test]
    fn a_table_with_too_many_rows_for_a_sheet_continues_on_the_next() {
        let whole = sheets(MAX_ROWS);
        assert_eq!(whole.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["hosts", "ports"]);
        let ports = rows(&whole[1].1);
        assert_eq!(ports.len(), 8);
        let continuing = sheets(4);
        let names: Vec<_> = continuing.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["hosts", "ports", "ports (2)", "ports (3)"]);
        let counts: Vec<_> = continuing.iter().map(|(_, sheet)| rows(sheet).len()).collect();
        assert_eq!(counts, [2, 4, 4, 2]);
        for (name, sheet) in &continuing[1..] {
            let rows = rows(sheet);
            assert_eq!(rows[0], ports[0], "{name} has the same header");
            assert!(sheet.ends_with(&format!("{}\"/></worksheet>", rows.len())), "{name}: {sheet}");
        }
        // Each row is there once. Only its number differs.
        let continued = continuing[1..].iter().flat_map(|(_, sheet)| rows(sheet).split_off(1));
        let expected: Vec<_> = ports[1..].iter().map(|row| values(row)).collect();
        assert_eq!(continued.map(values).collect::<Vec<_>>(), expected);
    }

    /// Returns the values of a row.
    fn values(row: &str) -> Vec<&str> {
        row.split('<').filter(|tag| tag.starts_with("v>") || tag.starts_with("t>")).collect()
    }

    #[test]
    fn what_is_not_one_file_is_refused() {
        let open =
            |output| XlsxSink::open(&output, SinkOptions::default()).err().unwrap().to_string();
        assert!(open(Output::Stdout).contains("-o"));
        assert!(open(Output::Dir("tables".into())).contains("one file"));
        assert!(!std::path::Path::new("tables").exists());
    }
}
