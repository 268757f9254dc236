//! Writes the result of a query: aligned columns, CSV or JSON lines.
//!
//! The widths of aligned columns follow from the first rows ([`SAMPLE_ROWS`], [`SAMPLE_BYTES`]), so that a result of any
//! size can be written; a later value that is wider moves the rest of its line. Only aligned columns are for people:
//! their values are escaped as all text for terminals, and cut at [`MAX_WIDTH`] characters. CSV and JSON lines have the
//! whole values.

use std::fmt::Write as _;

use crate::{
    cli::{args::QueryFormatArg, terminal},
    error::Result,
    ops::{QueryRows, QueryValue},
    output::DocumentSink,
    text::{escape_json, hex},
};

/// Number of rows, and of bytes of text, from which the widths of columns follow.
const SAMPLE_ROWS: usize = 1_000;
const SAMPLE_BYTES: usize = 4 << 20;

/// Maximum number of characters of a value in aligned columns.
const MAX_WIDTH: usize = 120;

/// Number of bytes that are written at once.
const WRITE_BYTES: usize = 64 << 10;

/// Writer of a result.
pub(super) struct ResultWriter {
    sink: DocumentSink,
    text: String,
    layout: Layout,
}

enum Layout {
    Csv,
    /// Names of the members, as JSON with a colon.
    Jsonl(Vec<String>),
    Table(Table),
}

/// Aligned columns.
#[derive(Default)]
struct Table {
    columns: Vec<TableColumn>,
    /// First rows, until the widths are known.
    sample: Vec<Vec<Shown>>,
    sample_bytes: usize,
    is_started: bool,
}

struct TableColumn {
    name: String,
    width: usize,
    /// True if all values of the sample are numbers.
    is_right: bool,
}

/// Value in an aligned column.
struct Shown {
    text: String,
    width: usize,
    is_number: bool,
}

impl ResultWriter {
    pub(super) fn new(sink: DocumentSink, to: QueryFormatArg) -> Self {
        let layout = match to {
            QueryFormatArg::Csv => Layout::Csv,
            QueryFormatArg::Jsonl => Layout::Jsonl(Vec::new()),
            QueryFormatArg::Table => Layout::Table(Table::default()),
        };
        Self { sink, text: String::new(), layout }
    }

    /// Writes the rest and completes the output.
    pub(super) fn finish(mut self) -> Result<()> {
        if let Layout::Table(table) = &mut self.layout {
            table.start(&mut self.text);
        }
        self.sink.write(self.text.as_bytes())?;
        self.sink.finish()
    }

    fn flush(&mut self, min_bytes: usize) -> Result<()> {
        if self.text.len() >= min_bytes {
            self.sink.write(self.text.as_bytes())?;
            self.text.clear();
        }
        Ok(())
    }
}

impl QueryRows for ResultWriter {
    fn columns(&mut self, names: &[&str]) -> Result<()> {
        match &mut self.layout {
            Layout::Csv => csv_line(names.iter().map(|name| Some((*name).into())), &mut self.text),
            Layout::Jsonl(members) => *members = member_names(names),
            Layout::Table(table) => {
                let column = |name: &&str| {
                    let shown = Shown::of_text(name);
                    TableColumn { name: shown.text, width: shown.width, is_right: true }
                };
                table.columns = names.iter().map(column).collect();
            }
        }
        Ok(())
    }

    fn row(&mut self, values: &[QueryValue<'_>]) -> Result<()> {
        match &mut self.layout {
            Layout::Csv => csv_line(values.iter().map(plain), &mut self.text),
            Layout::Jsonl(members) => json_line(members, values, &mut self.text),
            Layout::Table(table) => table.row(values, &mut self.text),
        }
        self.flush(WRITE_BYTES)
    }
}

/// Returns a value as plain text; `None` for null.
fn plain<'v>(value: &'v QueryValue<'_>) -> Option<std::borrow::Cow<'v, str>> {
    Some(match value {
        QueryValue::Null => return None,
        QueryValue::Boolean(value) => if *value { "true" } else { "false" }.into(),
        QueryValue::Integer(number) => number.to_string().into(),
        QueryValue::Real(number) => real(*number).into(),
        QueryValue::Text(text) => (&**text).into(),
        QueryValue::Blob(bytes) => hex(bytes).into(),
    })
}

/// Formats a number as JSON does, and numbers that JSON lacks as SQLite does.
fn real(number: f64) -> String {
    match serde_json::Number::from_f64(number) {
        Some(number) => number.to_string(),
        None if number > 0.0 => "Inf".to_owned(),
        None => "-Inf".to_owned(),
    }
}

/// Writes a line of CSV as [`crate::format::csv`] does: null is an empty field, and empty text is `""`.
fn csv_line<'v>(fields: impl Iterator<Item = Option<std::borrow::Cow<'v, str>>>, out: &mut String) {
    let start = out.len();
    for (number, field) in fields.enumerate() {
        if number > 0 {
            out.push(',');
        }
        match field {
            None => {}
            Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
                out.push('"');
                out.push_str(&text.replace('"', "\"\""));
                out.push('"');
            }
            Some(text) => out.push_str(&text),
        }
    }
    // A line with a single null would be blank, and readers skip blank lines.
    if out.len() == start {
        out.push_str("\"\"");
    }
    out.push('\n');
}

/// Returns the names of columns as members of an object. A name that occurs again gets a number.
fn member_names(names: &[&str]) -> Vec<String> {
    let mut unique: Vec<String> = Vec::new();
    for name in names {
        let mut member = (*name).to_owned();
        let mut number = 2_usize;
        while unique.contains(&member) {
            member = format!("{name}_{number}");
            number = number.saturating_add(1);
        }
        unique.push(member);
    }
    unique.iter().map(|name| format!("{}:", json_text(name))).collect()
}

fn json_line(members: &[String], values: &[QueryValue<'_>], out: &mut String) {
    for (number, (member, value)) in members.iter().zip(values).enumerate() {
        out.push(if number > 0 { ',' } else { '{' });
        out.push_str(member);
        match value {
            QueryValue::Real(number) if !number.is_finite() => out.push_str("null"),
            QueryValue::Text(text) => out.push_str(&json_text(text)),
            QueryValue::Blob(bytes) => out.push_str(&json_text(&hex(bytes))),
            other => out.push_str(&plain(other).unwrap_or("null".into())),
        }
    }
    out.push_str("}\n");
}

fn json_text(text: &str) -> String {
    let mut out = vec![b'"'];
    escape_json(text, &mut out);
    out.push(b'"');
    // Escaping keeps UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

impl Shown {
    fn of_text(text: &str) -> Self {
        let mut chars = text.chars();
        let start: String = chars.by_ref().take(MAX_WIDTH).collect();
        let mut text = terminal::escape(&start);
        if chars.next().is_some() {
            text.push('…');
        }
        let width = text.chars().count();
        Self { text, width, is_number: false }
    }

    fn of(value: &QueryValue<'_>) -> Self {
        let is_number = matches!(value, QueryValue::Integer(_) | QueryValue::Real(_));
        let text = plain(value).unwrap_or_default();
        Self { is_number: is_number || *value == QueryValue::Null, ..Self::of_text(&text) }
    }
}

impl Table {
    fn row(&mut self, values: &[QueryValue<'_>], out: &mut String) {
        let row: Vec<Shown> = values.iter().map(Shown::of).collect();
        if self.is_started {
            self.line(&row, out);
            return;
        }
        let bytes = row.iter().map(|shown| shown.text.len());
        self.sample_bytes = bytes.fold(self.sample_bytes, usize::saturating_add);
        self.sample.push(row);
        if self.sample.len() >= SAMPLE_ROWS || self.sample_bytes >= SAMPLE_BYTES {
            self.start(out);
        }
    }

    /// Writes the header and the first rows, once.
    fn start(&mut self, out: &mut String) {
        if std::mem::replace(&mut self.is_started, true) {
            return;
        }
        let sample = std::mem::take(&mut self.sample);
        for row in &sample {
            for (column, shown) in self.columns.iter_mut().zip(row) {
                column.width = column.width.max(shown.width);
                column.is_right &= shown.is_number;
            }
        }
        let header = |column: &TableColumn| Shown::of_text(&column.name);
        let rule = |column: &TableColumn| Shown::of_text(&"-".repeat(column.width));
        self.line(&self.columns.iter().map(header).collect::<Vec<_>>(), out);
        self.line(&self.columns.iter().map(rule).collect::<Vec<_>>(), out);
        for row in &sample {
            self.line(row, out);
        }
    }

    fn line(&self, row: &[Shown], out: &mut String) {
        let start = out.len();
        for (number, (column, shown)) in self.columns.iter().zip(row).enumerate() {
            let gap = if number > 0 { "  " } else { "" };
            let fill = column.width.saturating_sub(shown.width);
            // Writing into a string cannot fail.
            let _ = if column.is_right {
                write!(out, "{gap}{:fill$}{}", "", shown.text)
            } else {
                write!(out, "{gap}{}{:fill$}", shown.text, "")
            };
        }
        let end = out.get(start..).unwrap_or_default().trim_end_matches(' ').len();
        out.truncate(start.saturating_add(end));
        out.push('\n');
    }
}
