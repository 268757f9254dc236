//! Flat JSONL: one line per row, with every column present (DATA_MODEL section 4).

use super::{
    RowEncoder, SinkOptions,
    text::{TextChunk, TextRowEncoder, TextSink, no_buffer, take_texts},
};
use crate::{
    error::Result,
    table::{Cell, CellVisitor, Column, Field, Row, Table},
};

/// Writes one line per row.
pub type JsonlSink = TextSink<JsonlRows>;

/// Text around each object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Framing {
    pub(super) before: &'static [u8],
    pub(super) after: &'static [u8],
}

/// Each object is a line.
const LINES: Framing = Framing { before: b"", after: b"\n" };

/// Encodes rows as lines of JSON.
#[derive(Debug)]
pub struct JsonlRows {
    /// Columns to write per table.
    tables: Vec<Option<Columns>>,
    /// Encoded lines per table, or of all tables in one buffer.
    buffers: Vec<Vec<u8>>,
    shares_stream: bool,
    framing: Framing,
}

/// Columns of a table.
#[derive(Debug)]
enum Columns {
    All,
    /// Selected columns, each with the text before its value.
    Some(Vec<(&'static Column, String)>),
}

impl JsonlRows {
    pub(super) fn new(options: &SinkOptions, shares_stream: bool, framing: Framing) -> Self {
        let lead = |column: &'static Column| (column, format!(",\"{}\":", column.field.name));
        let tables = Table::of_merges().map(|table| {
            let columns = || match options.columns_of(table) {
                None => Columns::All,
                Some(_) => {
                    Columns::Some(options.text_columns(table).into_iter().map(lead).collect())
                }
            };
            options.tables.contains(&table).then(columns)
        });
        let buffers = vec![Vec::new(); Table::COUNT];
        Self { tables: tables.collect(), buffers, shares_stream, framing }
    }
}

impl TextRowEncoder for JsonlRows {
    const EXTENSION: &'static str = "jsonl";

    fn create(options: &SinkOptions, shares_stream: bool) -> Self {
        Self::new(options, shares_stream, LINES)
    }
}

/// Writes cells as members of a JSON object.
struct Members<'o>(&'o mut Vec<u8>);

impl CellVisitor for Members<'_> {
    #[inline]
    fn cell(&mut self, field: &Field, lead: &str, cell: Cell<'_>) {
        if field.kind.is_text() {
            self.0.extend_from_slice(lead.as_bytes());
            cell.write_json(self.0);
        }
    }
}

impl RowEncoder for JsonlRows {
    type Chunk = TextChunk;

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let table = row.table();
        let number = table.number();
        let buffer = if self.shares_stream { 0 } else { number };
        let (Some(columns), Some(out)) = (self.tables.get(number), self.buffers.get_mut(buffer))
        else {
            return Err(no_buffer(table));
        };
        let Some(columns) = columns else { return Ok(()) };
        out.extend_from_slice(self.framing.before);
        begin(table, out);
        match columns {
            Columns::All => row.cells(&mut Members(out)),
            Columns::Some(columns) => {
                let mut to = Members(out);
                for (column, lead) in columns {
                    to.cell(&column.field, lead, column.cell(row));
                }
            }
        }
        out.push(b'}');
        out.extend_from_slice(self.framing.after);
        Ok(())
    }

    fn buffered_bytes(&self) -> usize {
        self.buffers.iter().map(Vec::len).sum()
    }

    fn take(&mut self) -> Vec<TextChunk> {
        take_texts(&mut self.buffers)
    }
}

fn begin(table: Table, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"_table\":\"");
    out.extend_from_slice(table.name().as_bytes());
    out.push(b'"');
}

/// Writes a row with all its columns as one line.
pub(crate) fn row_line(row: &Row<'_>, out: &mut Vec<u8>) {
    begin(row.table(), out);
    row.cells(&mut Members(out));
    out.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        format::CsvRows,
        model::{Host, Port, PortState, Protocol, ScanHeader},
        table::host_rows,
    };

    /// Returns the text of a format for the rows of a host whose scan has this ID.
    fn rows<R: TextRowEncoder>(scan_id: &str, table: Table) -> Vec<u8> {
        let scan = ScanHeader { scan_id: scan_id.to_owned(), ..ScanHeader::default() };
        let mut host = Host::new(0);
        host.ports = vec![Port::new(Protocol::Tcp, 22, PortState::Open)];
        let options = SinkOptions { tables: vec![table], ..SinkOptions::default() };
        let mut rows = R::create(&options, true);
        host_rows(&scan, &host, &mut |row| rows.row(row)).unwrap();
        rows.take().into_iter().flat_map(|chunk| chunk.text).collect()
    }

    #[test]
    fn ids_of_callers_and_datasets_stay_inside_their_fields() {
        for id in ["9f-h1", "a\",\"b\":\"\\", "line\nbreak", "\u{e9}, b"] {
            for table in [Table::Hosts, Table::Ports] {
                let text = rows::<JsonlRows>(id, table);
                assert_eq!(text.split(|byte| *byte == b'\n').count(), 2, "{id:?}");
                let row: serde_json::Value = serde_json::from_slice(&text).unwrap();
                assert_eq!(row["scan_id"], id);
                assert_eq!(row["host_id"], format!("{id}-h0"));
                let text = rows::<CsvRows>(id, table);
                let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(&*text);
                let records: Vec<_> = reader.records().map(Result::unwrap).collect();
                let [record] = &*records else { panic!("{id:?}: {records:?}") };
                let ids = [&record[0], &record[1]];
                assert!(ids.contains(&id) && ids.contains(&&*format!("{id}-h0")), "{record:?}");
            }
        }
    }
}
