//! CSV as specified by RFC 4180: a header line, LF line ends, null as an empty field and the empty string as `""`
//! (DATA_MODEL section 4).

use ::csv::{QuoteStyle, WriterBuilder};

use super::{
    RowEncoder, SinkOptions,
    chosen_columns::ChosenColumns,
    text::{TextChunk, TextRowEncoder, TextSink, no_buffer, take_texts},
};
use crate::{
    error::{Error, Result},
    table::{Cell, CellList, CellVisitor, Column, ColumnType, Field, Row, Table},
    text::{
        is_invisible, push_if_clean, push_number, push_short,
        search::{ByteClass, contains, control_mask, equal_mask, position},
    },
};

/// Writes rows as CSV, with a header line per file. A single stream has one table.
pub type CsvSink = TextSink<CsvRows>;

/// Encodes rows as lines of CSV. Fields are written directly into the buffer of their table: the `csv` crate does not
/// distinguish null from the empty string, and would copy every value once more.
#[derive(Debug)]
pub struct CsvRows {
    /// Tables to write.
    tables: Vec<Option<ChosenColumns>>,
    buffers: Vec<Vec<u8>>,
    join: Option<String>,
    safe: bool,
    scratch: Vec<u8>,
}

impl CsvRows {
    pub(super) fn new(options: &SinkOptions) -> Self {
        Self {
            tables: ChosenColumns::text_per_table(options),
            buffers: vec![Vec::new(); Table::COUNT],
            join: options.csv_join.clone(),
            safe: options.csv_safe,
            scratch: Vec::new(),
        }
    }
}

impl TextRowEncoder for CsvRows {
    const EXTENSION: &'static str = "csv";

    fn create(options: &SinkOptions, _shares_stream: bool) -> Self {
        Self::new(options)
    }

    fn header(_table: Table, columns: &[&'static Column]) -> Result<Vec<u8>> {
        let mut writer =
            WriterBuilder::new().quote_style(QuoteStyle::Necessary).from_writer(Vec::new());
        let failed =
            |error: &dyn std::fmt::Display| Error::sink("the CSV header", error.to_string());
        writer
            .write_record(columns.iter().map(|column| column.field.name))
            .map_err(|error| failed(&error))?;
        writer.into_inner().map_err(|error| failed(&error))
    }
}

impl RowEncoder for CsvRows {
    type Chunk = TextChunk;

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let table = row.table();
        let number = table.number();
        let (Some(columns), Some(out)) = (self.tables.get(number), self.buffers.get_mut(number))
        else {
            return Err(no_buffer(table));
        };
        let Some(columns) = columns else { return Ok(()) };
        let start = out.len();
        let (join, safe) = (self.join.as_deref(), self.safe);
        let mut to = Fields { join, safe, scratch: &mut self.scratch, out };
        columns.visit(row, &mut to);
        // A line with a single null would be blank, and readers skip blank lines.
        if out.len() == start.saturating_add(1) {
            out.truncate(start);
            out.extend_from_slice(b"\"\",");
        }
        if let Some(comma) = out.last_mut() {
            *comma = b'\n';
        }
        Ok(())
    }

    fn buffered_bytes(&self) -> usize {
        self.buffers.iter().map(Vec::len).sum()
    }

    fn take(&mut self) -> Vec<TextChunk> {
        take_texts(&mut self.buffers)
    }
}

/// Writes cells as fields, each followed by a comma.
struct Fields<'e> {
    join: Option<&'e str>,
    safe: bool,
    scratch: &'e mut Vec<u8>,
    out: &'e mut Vec<u8>,
}

impl CellVisitor for Fields<'_> {
    #[expect(clippy::inline_always, reason = "the kind of the cell is known where it is called")]
    #[inline(always)]
    fn cell(&mut self, field: &Field, _: &str, cell: Cell<'_>) {
        if !field.kind.is_text() {
            return;
        }
        match cell {
            Cell::Null | Cell::Bytes(_) => {}
            Cell::Str(text) => self.text(text),
            Cell::Plain(text) => self.plain(text),
            Cell::I32(number) => self.number(i64::from(number)),
            Cell::I64(number) => self.number(number),
            Cell::F64(_) | Cell::Millis(_) => cell.write_json(self.out),
            Cell::Bool(value) => self.plain(if value { "true" } else { "false" }),
            Cell::Time(time) => self.out.extend_from_slice(&time.rfc3339()),
            Cell::Json(_) => self.data(cell),
            Cell::List(items) => self.list(items, field.kind),
        }
        self.out.push(b',');
    }
}

impl Fields<'_> {
    fn text(&mut self, text: &str) {
        let quick = !self.safe && !text.is_empty();
        if !(quick && push_if_clean::<Separators>(text.as_bytes(), self.out)) {
            quoted(text.as_bytes(), self.safe, self.out);
        }
    }

    fn plain(&mut self, text: &str) {
        push_short(text.as_bytes(), self.out);
    }

    fn number(&mut self, number: i64) {
        push_number(number, self.out);
    }

    fn data(&mut self, cell: Cell<'_>) {
        let Cell::Json(data) = cell else { return };
        let start = self.out.len();
        self.out.push(b'"');
        if data.write_json_doubled(self.out) {
            let written = self.out.get(start.saturating_add(1)..).unwrap_or_default();
            // Only an empty table contains no byte that requires quotes.
            if contains::<Separators>(written) {
                self.out.push(b'"');
            } else {
                self.out.remove(start);
            }
            return;
        }
        self.out.truncate(start);
        self.scratch.clear();
        if data.write_json(self.scratch) {
            quoted(self.scratch, self.safe, self.out);
        }
    }

    fn list(&mut self, items: &dyn CellList, kind: ColumnType) {
        match (kind, self.join) {
            (ColumnType::Texts, Some(separator)) => {
                self.scratch.clear();
                join(items, separator, self.scratch);
                quoted(self.scratch, self.safe, self.out);
            }
            _ if items.count() == 0 => push_short(b"[]", self.out),
            _ => {
                // The items contain quotation marks, so a list always needs quotes.
                self.out.push(b'"');
                items.write_json(true, self.out);
                self.out.push(b'"');
            }
        }
    }
}

fn join(items: &dyn CellList, separator: &str, out: &mut Vec<u8>) {
    for item in 0..items.count() {
        if item > 0 {
            out.extend_from_slice(separator.as_bytes());
        }
        if let Cell::Str(text) | Cell::Plain(text) = items.cell(item, 0) {
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Returns true if a spreadsheet may interpret the field as a formula: it starts, after any blanks, with a formula
/// character in ASCII or full width, or with a tab or line break, after which some spreadsheets start a new field.
pub(super) fn is_formula(text: &[u8]) -> bool {
    if matches!(text.first(), Some(b'\t' | b'\r' | b'\n')) {
        return true;
    }
    let is_blank = |c: &char| c.is_whitespace() || c.is_control() || is_invisible(*c);
    // The search ends with the first character that is not blank.
    let chars = text.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
    let first = chars.into_iter().find(|c| !is_blank(c));
    let wide = [
        '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '\u{fe62}', '\u{fe63}', '\u{fe66}',
        '\u{2212}',
    ];
    first.is_some_and(|c| matches!(c, '=' | '+' | '-' | '@') || wide.contains(&c))
}

/// Writes a field that is not null, quoted if necessary.
fn quoted(text: &[u8], safe: bool, out: &mut Vec<u8>) {
    let formula = safe && is_formula(text);
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

/// Returns true if a field needs no quotes. Line ends are first searched for with the cheaper test for any control
/// character.
fn is_plain(text: &[u8]) -> bool {
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    !contains::<Separators>(text) || !text.iter().any(special)
}

/// Bytes that are doubled in a quoted field.
struct Quote;

impl ByteClass for Quote {
    #[inline]
    fn contains(byte: u8) -> bool {
        byte == b'"'
    }

    #[inline]
    fn match_mask(word: u64) -> u64 {
        equal_mask(word, b'"')
    }
}

/// Bytes that require quotes.
struct Separators;

impl ByteClass for Separators {
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "only without branches it runs in vectors")]
    fn contains(byte: u8) -> bool {
        (byte < 0x20) | (byte == b'"') | (byte == b',')
    }

    #[inline]
    fn match_mask(word: u64) -> u64 {
        equal_mask(word, b',') | equal_mask(word, b'"') | control_mask(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CowStr;

    fn written(cell: Cell<'_>, kind: ColumnType, join: Option<&str>, safe: bool) -> String {
        let mut out = Vec::new();
        let mut to = Fields { join, safe, scratch: &mut Vec::new(), out: &mut out };
        to.cell(&Field { name: "x", kind, nullable: true, doc: "" }, "", cell);
        assert_eq!(out.pop(), Some(b','));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn null_is_an_empty_field_and_empty_text_is_quoted() {
        let text = |text| written(Cell::Str(text), ColumnType::Utf8, None, false);
        assert_eq!(written(Cell::Null, ColumnType::Utf8, None, false), "");
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
    fn formulas_can_be_disarmed() {
        let safe = |text| written(Cell::Str(text), ColumnType::Utf8, None, true);
        for (value, field) in [
            ("=1", "'=1"),
            ("+a,b", "\"'+a,b\""),
            ("\tx", "'\tx"),
            ("-", "'-"),
            ("\n=1", "\"'\n=1\""),
            ("\nx", "\"'\nx\""),
            (" =1", "' =1"),
            ("\u{a0}\u{3000}@x", "'\u{a0}\u{3000}@x"),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("\u{1}-1", "'\u{1}-1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{2212}1", "'\u{2212}1"),
            ("\u{202e}=1", "'\u{202e}=1"),
            ("\u{2800}\u{3164}\u{fe0f}\u{e0100}=1", "'\u{2800}\u{3164}\u{fe0f}\u{e0100}=1"),
            (" a", " a"),
            ("a=", "a="),
            ("", "\"\""),
        ] {
            assert_eq!(safe(value), field);
        }
        assert_eq!(written(Cell::I32(-1), ColumnType::Int32, None, true), "-1", "numbers are none");
    }

    #[test]
    fn lists_are_json_or_joined() {
        let texts: Vec<CowStr<'_>> = vec!["a".into(), "b,c".into()];
        let list = Cell::List(&texts);
        assert_eq!(written(list, ColumnType::Texts, None, false), "\"[\"\"a\"\",\"\"b,c\"\"]\"");
        assert_eq!(written(list, ColumnType::Texts, Some("|"), false), "\"a|b,c\"");
    }
}
