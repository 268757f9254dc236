//! Rows as the rows of a worksheet, in XML.
//!
//! Rows are encoded on any thread, before it is known at which row of which sheet they will be. So the XML contains two
//! bytes that XML cannot contain, which the sheet replaces when the rows are written: [`ROW_START`] stands for the start
//! tag of a row, and [`ROW_NUMBER`] for the number of the row in the reference of a cell. Every other control character
//! is escaped.

use super::{
    chunk::{CutCell, XlsxChunk},
    styles,
};
use crate::{
    error::{Error, Result},
    format::{RowEncoder, SinkOptions, chosen_columns::ChosenColumns, csv::is_formula},
    table::{Cell, CellVisitor, Field, Row, Table},
    text::{
        push_if_clean, push_number, push_short,
        search::{ByteClass, control_mask, equal_mask, position},
    },
};

/// Byte in the place of the start tag of a row.
pub(super) const ROW_START: u8 = 0x01;

/// Byte in the place of the number of the row.
pub(super) const ROW_NUMBER: u8 = 0x02;

/// Maximum length of the text in a cell, in UTF-16 code units: a limit of Excel.
const MAX_CELL_UNITS: usize = 32_767;

/// Greatest integer that Excel displays with all its digits.
const MAX_SHOWN_INTEGER: u64 = 999_999_999_999_999;

/// Maximum width of a column, in characters.
const MAX_WIDTH: u16 = 60;

/// Number of days from the epoch of Excel's dates to that of Unix.
const UNIX_EPOCH_DAYS: f64 = 25_569.0;

/// Encodes rows as rows of worksheets.
#[derive(Debug)]
pub struct XlsxRows {
    tables: Vec<Option<ChosenColumns>>,
    /// Encoded rows per table.
    chunks: Vec<XlsxChunk>,
    /// Names of columns in references: A, B, ...
    letters: Vec<String>,
    scratch: Vec<u8>,
}

impl XlsxRows {
    pub(super) fn new(options: &SinkOptions) -> Self {
        let tables = ChosenColumns::text_per_table(options);
        let counts = options.tables.iter().map(|table| options.text_columns(*table).len());
        let letters = (0..counts.max().unwrap_or(0)).map(column_letters).collect();
        let chunks = Table::of_merges().map(XlsxChunk::new).collect();
        Self { tables, chunks, letters, scratch: Vec::new() }
    }
}

impl RowEncoder for XlsxRows {
    type Chunk = XlsxChunk;

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let table = row.table();
        let number = table.number();
        let (Some(columns), Some(chunk)) = (self.tables.get(number), self.chunks.get_mut(number))
        else {
            return Err(Error::internal(format!(
                "no sheet for rows of the table {}",
                table.name()
            )));
        };
        let Some(columns) = columns else { return Ok(()) };
        chunk.xml.push(ROW_START);
        let (letters, scratch) = (&*self.letters, &mut self.scratch);
        let mut to = SheetCells { letters, column: 0, scratch, chunk };
        columns.visit(row, &mut to);
        chunk.xml.extend_from_slice(b"</row>");
        chunk.rows = chunk.rows.saturating_add(1);
        Ok(())
    }

    fn buffered_bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.xml.len()).sum()
    }

    fn take(&mut self) -> Vec<XlsxChunk> {
        let full = self.chunks.iter_mut().filter(|chunk| chunk.rows > 0);
        full.map(XlsxChunk::take).collect()
    }
}

/// Writes the cells of a row.
struct SheetCells<'e> {
    letters: &'e [String],
    /// Number of the next column.
    column: usize,
    scratch: &'e mut Vec<u8>,
    chunk: &'e mut XlsxChunk,
}

impl CellVisitor for SheetCells<'_> {
    fn cell(&mut self, field: &Field, _: &str, cell: Cell<'_>) {
        if !field.kind.is_text() {
            return;
        }
        match cell {
            Cell::Null | Cell::Bytes(_) => {}
            Cell::Str(text) | Cell::Plain(text) => self.text(text),
            Cell::I32(number) => self.integer(i64::from(number)),
            Cell::I64(number) => self.integer(number),
            Cell::F64(number) if !number.is_finite() => {}
            Cell::F64(_) | Cell::Millis(_) => self.float(cell),
            Cell::Bool(value) => {
                self.start(b"\" t=\"b\"><v>");
                self.value(if value { b"1" } else { b"0" });
            }
            Cell::Time(time) => self.time(time.seconds()),
            Cell::Json(_) | Cell::List(_) => self.json(cell),
        }
        self.column = self.column.saturating_add(1);
    }
}

impl SheetCells<'_> {
    /// Writes the start of a cell: its tag up to the number of the row, and then `rest`.
    fn start(&mut self, rest: &[u8]) {
        let out = &mut self.chunk.xml;
        out.extend_from_slice(b"<c r=\"");
        push_short(self.letters.get(self.column).map_or(&b"A"[..], |name| name.as_bytes()), out);
        out.push(ROW_NUMBER);
        out.extend_from_slice(rest);
    }

    /// Writes a value that needs no escaping, and the end of its cell.
    fn value(&mut self, value: &[u8]) {
        push_short(value, &mut self.chunk.xml);
        self.chunk.xml.extend_from_slice(b"</v></c>");
        self.widen(value.len());
    }

    fn integer(&mut self, number: i64) {
        self.scratch.clear();
        push_number(number, self.scratch);
        let scratch = std::mem::take(self.scratch);
        if number.unsigned_abs() <= MAX_SHOWN_INTEGER {
            self.start(b"\"><v>");
            self.value(&scratch);
        } else {
            self.text(std::str::from_utf8(&scratch).unwrap_or_default());
        }
        *self.scratch = scratch;
    }

    fn float(&mut self, cell: Cell<'_>) {
        self.scratch.clear();
        cell.write_json(self.scratch);
        let scratch = std::mem::take(self.scratch);
        self.start(b"\"><v>");
        self.value(&scratch);
        *self.scratch = scratch;
    }

    #[expect(clippy::cast_precision_loss, reason = "times end in the year 9999, far below 2^53")]
    fn time(&mut self, seconds: i64) {
        let days = seconds as f64 / 86_400.0 + UNIX_EPOCH_DAYS;
        self.start(styles::TIME_CELL);
        self.value(days.to_string().as_bytes());
        self.widen("2024-01-31 00:00:00".len());
    }

    /// Writes a list or the value of a script as JSON text, as CSV does.
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
            // JSON made of texts is valid UTF-8.
            self.text(std::str::from_utf8(&scratch).unwrap_or_default());
        }
        *self.scratch = scratch;
    }

    fn text(&mut self, text: &str) {
        let shown = self.cut(text);
        let is_blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
        let bytes = shown.as_bytes();
        // Without the style, a spreadsheet would turn such a text into a formula as soon as someone edits the cell.
        self.start(if is_formula(bytes) { styles::QUOTED_CELL } else { styles::TEXT_CELL });
        let keeps_blanks = is_blank(bytes.first()) || is_blank(bytes.last());
        let out = &mut self.chunk.xml;
        out.extend_from_slice(if keeps_blanks { b"<t xml:space=\"preserve\">" } else { b"<t>" });
        escape(shown, out);
        out.extend_from_slice(b"</t></is></c>");
        self.widen(shown.chars().take(usize::from(MAX_WIDTH)).count());
    }

    /// Returns as much of a text as a cell can hold, and records the cut.
    fn cut<'t>(&mut self, text: &'t str) -> &'t str {
        if text.len() <= MAX_CELL_UNITS {
            return text;
        }
        let mut units = 0_usize;
        let mut end = None;
        for (at, c) in text.char_indices() {
            units = units.saturating_add(c.len_utf16());
            if units > MAX_CELL_UNITS && end.is_none() {
                end = Some(at);
            }
        }
        let Some(end) = end else { return text };
        let (row, column) = (self.chunk.rows, self.column);
        self.chunk.cuts.push(CutCell { row, column, units });
        text.get(..end).unwrap_or(text)
    }

    fn widen(&mut self, width: usize) {
        let width = u16::try_from(width).unwrap_or(MAX_WIDTH).min(MAX_WIDTH);
        let widths = &mut self.chunk.widths;
        if widths.len() <= self.column {
            widths.resize(self.column.saturating_add(1), 0);
        }
        if let Some(widest) = widths.get_mut(self.column) {
            *widest = width.max(*widest);
        }
    }
}

/// Returns the name of a column in references to cells, for its number from 0.
pub(super) fn column_letters(number: usize) -> String {
    let mut name = Vec::new();
    let mut rest = number.saturating_add(1);
    while rest > 0 {
        rest = rest.saturating_sub(1);
        name.push(char::from(b'A'.saturating_add(u8::try_from(rest % 26).unwrap_or(0))));
        rest /= 26;
    }
    name.iter().rev().collect()
}

/// Appends text to the content of an element. Characters that XML cannot contain are written as `_xHHHH_`, as Excel
/// does, and so is the first character of a text that looks like that.
pub(super) fn escape(text: &str, out: &mut Vec<u8>) {
    if push_if_clean::<Special>(text.as_bytes(), out) {
        return;
    }
    let mut rest = text;
    while let Some((plain, tail)) =
        position::<Special>(rest.as_bytes()).and_then(|at| rest.split_at_checked(at))
    {
        out.extend_from_slice(plain.as_bytes());
        let mut chars = tail.chars();
        match chars.next() {
            None => return,
            Some('&') => out.extend_from_slice(b"&amp;"),
            Some('<') => out.extend_from_slice(b"&lt;"),
            Some('>') => out.extend_from_slice(b"&gt;"),
            Some('_') if is_like_escape(tail.as_bytes()) => out.extend_from_slice(b"_x005F_"),
            Some(c @ ('\t' | '\n' | '_')) => push_char(c, out),
            Some(c @ ('\0'..' ' | '\u{fffe}' | '\u{ffff}')) => {
                out.extend_from_slice(format!("_x{:04X}_", u32::from(c)).as_bytes());
            }
            Some(c) => push_char(c, out),
        }
        rest = chars.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

fn push_char(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Returns true if a text starts with `_xHHHH_`.
fn is_like_escape(text: &[u8]) -> bool {
    match text {
        [b'_', b'x', digits @ .., _] if digits.len() >= 4 => {
            digits.iter().take(4).all(u8::is_ascii_hexdigit) && text.get(6) == Some(&b'_')
        }
        _ => false,
    }
}

/// Bytes that may need an escape: those of XML, control characters, the start of `_xHHHH_`, and the first byte of
/// U+FFFE and U+FFFF.
struct Special;

impl ByteClass for Special {
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "only without branches it runs in vectors")]
    fn contains(byte: u8) -> bool {
        (byte < 0x20)
            | (byte == b'&')
            | (byte == b'<')
            | (byte == b'>')
            | (byte == b'_')
            | (byte == 0xef)
    }

    #[inline]
    fn match_mask(word: u64) -> u64 {
        control_mask(word)
            | equal_mask(word, b'&')
            | equal_mask(word, b'<')
            | equal_mask(word, b'>')
            | equal_mask(word, b'_')
            | equal_mask(word, 0xef)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = Vec::new();
        escape(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn xml_never_contains_a_character_that_is_invalid_in_it() {
        for (text, expected) in [
            ("a<b>&c", "a&lt;b&gt;&amp;c"),
            ("\u{1}\u{2}\r\u{1f}", "_x0001__x0002__x000D__x001F_"),
            ("tab\tand\nline", "tab\tand\nline"),
            ("_x0041_ _x004_ _x00g1_ _", "_x005F_x0041_ _x004_ _x00g1_ _"),
            ("_x0041", "_x0041"),
            ("\u{fffe}\u{ffff}\u{fffd}\u{feff}", "_xFFFE__xFFFF_\u{fffd}\u{feff}"),
            ("\u{fc}\u{20ac}\u{1f512}", "\u{fc}\u{20ac}\u{1f512}"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn columns_are_counted_in_letters() {
        for (number, name) in [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ")]
        {
            assert_eq!(column_letters(number), name);
        }
        assert_eq!(column_letters(16_383), "XFD");
    }

    /// Reverses the escapes as Excel does.
    fn unescaped(xml: &str) -> String {
        let xml = xml.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let mut out = String::new();
        let mut rest = &*xml;
        while let Some(c) = rest.chars().next() {
            if is_like_escape(rest.as_bytes()) {
                let code = u32::from_str_radix(&rest[2..6], 16).unwrap();
                out.push(char::from_u32(code).unwrap());
                rest = &rest[7..];
            } else {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        out
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in "(\\PC|[\\x00-\\x1f&<>_x0F\u{fffe}\u{ffff}]|_x0041_){0,40}") {
            let xml = escaped(&text);
            prop_assert!(xml.chars().all(|c| c >= ' ' || matches!(c, '\t' | '\n')));
            prop_assert_eq!(unescaped(&xml), text);
        }
    }
}
