//! CSV after RFC 4180: a header line, LF, null as an empty field and the empty text as `""` (DATA_MODEL
//! section 4).

use ::csv::{QuoteStyle, WriterBuilder};

use super::{
    Encoded, Encoder, Sink, SinkOptions, jsonl::take_texts, target::Output, text::TextTables,
};
use crate::{
    bytes::{Set, contains, controls, equal, position},
    error::{Error, Result},
    table::{Cell, Column, Items, Kind, Row, Table},
};

/// Writes a file a table.
pub struct CsvSink {
    tables: TextTables,
}

impl CsvSink {
    /// A sink of CSV; the header lines are written at once.
    ///
    /// # Errors
    /// A usage error if the output exists and is not to be replaced; an output error if it cannot be made.
    pub fn open(output: &Output, options: SinkOptions) -> Result<Self> {
        let mut tables = TextTables::open(output, "csv", options)?;
        let options = tables.options().clone();
        for (table, stream) in tables.streams() {
            stream.write(&header(&options.text_columns(table))?)?;
        }
        Ok(Self { tables })
    }
}

fn header(columns: &[&Column]) -> Result<Vec<u8>> {
    let mut writer =
        WriterBuilder::new().quote_style(QuoteStyle::Necessary).from_writer(Vec::new());
    let failed = |error: &dyn std::fmt::Display| Error::sink("the CSV header", error.to_string());
    writer
        .write_record(columns.iter().map(|column| column.field.name))
        .map_err(|error| failed(&error))?;
    writer.into_inner().map_err(|error| failed(&error))
}

impl Sink for CsvSink {
    fn tables(&self) -> &[Table] {
        &self.tables.options().tables
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(CsvEncoder::new(self.tables.options()))
    }

    fn write(&mut self, piece: Encoded) -> Result<()> {
        self.tables.write(piece)
    }

    fn flush(&mut self) -> Result<()> {
        self.tables.flush()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.tables.finish()
    }
}

/// Ids of ours are hexadecimal digits and hyphens, which need neither quotes nor a look.
const IDS: [&str; 2] = ["scan_id", "host_id"];

fn id_columns(options: &SinkOptions, table: Table) -> Vec<(&'static Column, bool)> {
    let columns = options.text_columns(table).into_iter();
    columns.map(|column| (column, IDS.contains(&column.field.name))).collect()
}

/// Fields are written straight into the buffer of their table: a csv writer knows no difference between
/// null and the empty text, and every value would be copied once more.
struct CsvEncoder {
    /// For each table its columns, and whether they hold ids alone.
    columns: Vec<Option<Vec<(&'static Column, bool)>>>,
    buffers: Vec<Vec<u8>>,
    join: Option<String>,
    safe: bool,
    scratch: Vec<u8>,
}

impl CsvEncoder {
    fn new(options: &SinkOptions) -> Self {
        let columns = Table::ALL
            .map(|table| options.tables.contains(&table).then(|| id_columns(options, table)));
        Self {
            columns: columns.into(),
            buffers: vec![Vec::new(); Table::ALL.len()],
            join: options.csv_join.clone(),
            safe: options.csv_safe,
            scratch: Vec::new(),
        }
    }
}

impl Encoder for CsvEncoder {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let number = row.table().number();
        let Some(Some(columns)) = self.columns.get(number) else { return Ok(()) };
        let Some(out) = self.buffers.get_mut(number) else { return Ok(()) };
        let start = out.len();
        let (join, safe) = (self.join.as_deref(), self.safe);
        for (n, (column, id)) in columns.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            if *id && let Cell::Str(text) = column.cell(row) {
                out.extend_from_slice(text.as_bytes());
                continue;
            }
            let style = Style { kind: column.field.kind, join, safe };
            field(column.cell(row), style, &mut self.scratch, out);
        }
        // A line of one null would be blank, and readers skip those.
        if out.len() == start {
            out.extend_from_slice(b"\"\"");
        }
        out.push(b'\n');
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.buffers.iter().map(Vec::len).sum()
    }

    fn take(&mut self) -> Vec<Encoded> {
        take_texts(&mut self.buffers)
    }

    fn finish(&mut self) -> Result<Vec<Encoded>> {
        Ok(self.take())
    }
}

#[derive(Clone, Copy)]
struct Style<'s> {
    kind: Kind,
    join: Option<&'s str>,
    safe: bool,
}

fn field(cell: Cell<'_>, style: Style<'_>, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    match cell {
        Cell::Null | Cell::Bytes(_) => {}
        Cell::Str(text) => quoted(text.as_bytes(), style.safe, out),
        Cell::I32(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
        Cell::I64(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
        Cell::F64(_) => cell.write_json(style.kind, out),
        Cell::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Cell::Time(time) => out.extend_from_slice(&time.rfc3339()),
        Cell::Json(data) => {
            scratch.clear();
            if data.write_json(scratch) {
                quoted(scratch, style.safe, out);
            }
        }
        Cell::List(items) => {
            scratch.clear();
            match (style.kind, style.join) {
                (Kind::Texts, Some(separator)) => join(items, separator, scratch),
                _ => cell.write_json(style.kind, scratch),
            }
            quoted(scratch, style.safe, out);
        }
    }
}

fn join(items: &dyn Items, separator: &str, out: &mut Vec<u8>) {
    for item in 0..items.count() {
        if item > 0 {
            out.extend_from_slice(separator.as_bytes());
        }
        if let Cell::Str(text) = items.cell(item, 0) {
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Writes a field that is not null, in quotes if it needs them.
fn quoted(text: &[u8], safe: bool, out: &mut Vec<u8>) {
    let formula = safe && matches!(text.first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r'));
    if !text.is_empty() && is_plain(text) {
        if formula {
            out.push(b'\'');
        }
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    if formula {
        out.push(b'\'');
    }
    let mut rest = text;
    while let Some(at) = position::<Quote>(rest) {
        let (part, tail) = rest.split_at(at.saturating_add(1));
        out.extend_from_slice(part);
        out.push(b'"');
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Whether a field needs no quotes. Line ends are told by a cheaper mark first, that of all control
/// characters.
fn is_plain(text: &[u8]) -> bool {
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    !contains::<Separators>(text) || !text.iter().any(special)
}

/// What a field in quotes must double.
struct Quote;

impl Set for Quote {
    #[inline]
    fn has(byte: u8) -> bool {
        byte == b'"'
    }

    #[inline]
    fn marks(word: u64) -> u64 {
        equal(word, b'"')
    }
}

/// What may ask for quotes.
struct Separators;

impl Set for Separators {
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "only without branches it runs in vectors")]
    fn has(byte: u8) -> bool {
        (byte < 0x20) | (byte == b'"') | (byte == b',')
    }

    #[inline]
    fn marks(word: u64) -> u64 {
        equal(word, b',') | equal(word, b'"') | controls(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Text;

    fn written(cell: Cell<'_>, kind: Kind, join: Option<&str>, safe: bool) -> String {
        let mut out = Vec::new();
        field(cell, Style { kind, join, safe }, &mut Vec::new(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn null_is_an_empty_field_and_the_empty_text_is_quoted() {
        let text = |text| written(Cell::Str(text), Kind::Utf8, None, false);
        assert_eq!(written(Cell::Null, Kind::Utf8, None, false), "");
        for (value, field) in [
            ("", "\"\""),
            ("a b", "a b"),
            ("a,b", "\"a,b\""),
            ("a\"b\"", "\"a\"\"b\"\"\""),
            ("a\nb\r", "\"a\nb\r\""),
            ("=1", "=1"),
        ] {
            assert_eq!(text(value), field);
        }
    }

    #[test]
    fn formulas_are_disarmed_on_demand() {
        let safe = |text| written(Cell::Str(text), Kind::Utf8, None, true);
        for (value, field) in [
            ("=1", "'=1"),
            ("+a,b", "\"'+a,b\""),
            ("\tx", "'\tx"),
            ("-", "'-"),
            ("a=", "a="),
            ("", "\"\""),
        ] {
            assert_eq!(safe(value), field);
        }
        assert_eq!(written(Cell::I32(-1), Kind::Int32, None, true), "-1", "numbers are none");
    }

    #[test]
    fn lists_are_json_or_joined() {
        let texts: Vec<Text<'_>> = vec!["a".into(), "b,c".into()];
        let list = Cell::List(&texts);
        assert_eq!(written(list, Kind::Texts, None, false), "\"[\"\"a\"\",\"\"b,c\"\"]\"");
        assert_eq!(written(list, Kind::Texts, Some("|"), false), "\"a|b,c\"");
    }
}
