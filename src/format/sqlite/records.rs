//! Rows as compact records, in the order in which they were read.
//!
//! The rows of all tables of a database are in one list, so that the order in which they are inserted, and with it every
//! byte of the file, does not depend on how work was divided among threads.

use rusqlite::{
    ToSql,
    types::{ToSqlOutput, ValueRef},
};

use crate::{
    error::Result,
    format::{RowEncoder, SinkOptions, chosen_columns::ChosenColumns},
    table::{Cell, CellVisitor, Field, Row},
};

/// Tags of values.
const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// Encodes rows as records.
#[derive(Debug)]
pub struct SqliteRows {
    tables: Vec<Option<ChosenColumns>>,
    records: Vec<u8>,
    scratch: Vec<u8>,
}

/// Rows of any tables.
#[derive(Debug)]
pub struct SqliteChunk {
    records: Vec<u8>,
}

impl SqliteRows {
    pub(crate) fn new(options: &SinkOptions) -> Self {
        let tables = ChosenColumns::per_table(options);
        Self { tables, records: Vec::new(), scratch: Vec::new() }
    }
}

impl RowEncoder for SqliteRows {
    type Chunk = SqliteChunk;

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let number = row.table().number();
        let Some(Some(columns)) = self.tables.get(number) else { return Ok(()) };
        let (out, scratch) = (&mut self.records, &mut self.scratch);
        // There are far fewer than 256 tables.
        out.push(u8::try_from(number).unwrap_or(u8::MAX));
        let mut to = Values { out, scratch };
        columns.visit(row, &mut to);
        Ok(())
    }

    fn buffered_bytes(&self) -> usize {
        self.records.len()
    }

    fn take(&mut self) -> Vec<SqliteChunk> {
        if self.records.is_empty() {
            return Vec::new();
        }
        let next = Vec::with_capacity(self.records.len());
        vec![SqliteChunk { records: std::mem::replace(&mut self.records, next) }]
    }
}

/// Writes cells as values.
struct Values<'e> {
    out: &'e mut Vec<u8>,
    scratch: &'e mut Vec<u8>,
}

impl CellVisitor for Values<'_> {
    fn cell(&mut self, _: &Field, _: &str, cell: Cell<'_>) {
        match cell {
            Cell::Null => self.out.push(NULL),
            Cell::Str(text) | Cell::Plain(text) => self.bytes(TEXT, text.as_bytes()),
            Cell::I32(number) => self.integer(i64::from(number)),
            Cell::I64(number) => self.integer(number),
            Cell::F64(number) if !number.is_finite() => self.out.push(NULL),
            Cell::F64(number) => self.real(number),
            Cell::Millis(micros) => self.real(millis(micros)),
            Cell::Bool(value) => self.integer(i64::from(value)),
            Cell::Time(time) => self.bytes(TEXT, &time.rfc3339()),
            Cell::Bytes(bytes) => self.bytes(BLOB, &bytes),
            Cell::Json(_) | Cell::List(_) => self.json(cell),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the nearest float is meant")]
fn millis(micros: i64) -> f64 {
    micros as f64 / 1000.0
}

impl Values<'_> {
    fn integer(&mut self, number: i64) {
        self.out.push(INTEGER);
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    fn real(&mut self, number: f64) {
        self.out.push(REAL);
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, tag: u8, bytes: &[u8]) {
        self.out.push(tag);
        // A value is at most 8 MiB long, and a list at most as long as its host.
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.out.extend_from_slice(&len.to_le_bytes());
        self.out.extend_from_slice(bytes);
    }

    fn json(&mut self, cell: Cell<'_>) {
        let mut scratch = std::mem::take(self.scratch);
        scratch.clear();
        let is_some = if let Cell::Json(data) = cell {
            data.write_json(&mut scratch)
        } else {
            cell.write_json(&mut scratch);
            true
        };
        if is_some {
            self.bytes(TEXT, &scratch);
        } else {
            self.out.push(NULL);
        }
        *self.scratch = scratch;
    }
}

impl SqliteChunk {
    /// Returns a reader of the records.
    pub(super) fn records(&self) -> Records<'_> {
        Records(&self.records)
    }
}

/// Reader of records.
pub(super) struct Records<'c>(&'c [u8]);

impl<'c> Records<'c> {
    /// Returns the number of the table of the next row. Its values follow.
    pub(super) fn table(&mut self) -> Option<usize> {
        self.byte().map(usize::from)
    }

    /// Returns the next value.
    pub(super) fn value(&mut self) -> Option<Value<'c>> {
        let value = match self.byte()? {
            NULL => ValueRef::Null,
            INTEGER => ValueRef::Integer(i64::from_le_bytes(self.array()?)),
            REAL => ValueRef::Real(f64::from_le_bytes(self.array()?)),
            TEXT => ValueRef::Text(self.bytes()?),
            BLOB => ValueRef::Blob(self.bytes()?),
            _ => return None,
        };
        Some(Value(value))
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn bytes(&mut self) -> Option<&'c [u8]> {
        let len = usize::try_from(u32::from_le_bytes(self.array()?)).ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }
}

/// Value of a record, as a parameter of a statement.
pub(super) struct Value<'c>(ValueRef<'c>);

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}
