//! Events to rows: batches are consistent, JSONL and CSV are read back as the same values, rows restored from Arrow equal
//! the original ones, and XML is read back as the same document.

use std::collections::BTreeMap;

use serde_json::Value;

use super::outcome::Outcome;
use crate::{
    error::Result,
    format::{
        CsvRows, RowEncoder as _,
        fuzzing::{csv_rows, texts, xml_document},
        row_line,
    },
    model::{Host, Port, ScanEvent, ScanHeader, ScanSummary, Trace},
    table::{
        BatchBuilder, Column, ColumnType, RecordBatch, Row, StoredRow, Table, event_row,
        from_arrow, host_rows, scan_rows,
    },
    text::search::count,
    xml::Options,
};

/// Converts all events of an input to rows.
pub(super) fn run(data: &[u8]) {
    let outcome = Outcome::of(data, &Options::default().with_hash(true));
    let mut tables = Tables::new();
    let (mut header, mut events) = (ScanHeader::default(), 0_i32);
    for event in &outcome.events {
        let made = match event {
            ScanEvent::ScanStart(run) => {
                (header, events) = (run.clone(), 0);
                Ok(())
            }
            ScanEvent::Host(host) => {
                check_restored_host(&header, host);
                host_rows(&header, host, &mut |row| tables.row(row))
            }
            ScanEvent::Activity(event) => {
                events = events.saturating_add(1);
                event_row(&header, events, event, &mut |row| tables.row(row))
            }
            ScanEvent::ScanEnd(record) => {
                check_restored_scan(record);
                scan_rows("input.xml", record, &mut |row| tables.row(row))
            }
            ScanEvent::ScanInfo(_) => Ok(()),
        };
        assert!(made.is_ok(), "a row does not fit its table: {made:?}");
    }
    tables.check();
    check_xml(&outcome);
}

/// Checks that the XML of an input is read back as a document with the same bytes, without damage.
fn check_xml(outcome: &Outcome) {
    let document = |outcome: &Outcome| match xml_document(&outcome.events) {
        Ok(text) => text,
        Err(error) => panic!("{error}"),
    };
    let once = document(outcome);
    // Text that looks like UTF-8 under a wrong label is written as it is.
    let read = Outcome::of(&once, &Options::default().with_text_repair(false));
    for event in &read.events {
        if let ScanEvent::ScanEnd(record) = event {
            assert!(!record.truncated && record.hosts_incomplete == 0, "a document is complete");
        }
    }
    assert!(document(&read) == once, "a document is written again with other bytes");
}

/// Rows of each table in each format.
struct Tables {
    builders: Vec<BatchBuilder>,
    lines: Vec<Vec<Value>>,
    csv: CsvRows,
    safe: CsvRows,
}

impl Tables {
    fn new() -> Self {
        Self {
            builders: Table::ALL.map(|table| BatchBuilder::new(table, None)).into(),
            lines: vec![Vec::new(); Table::ALL.len()],
            csv: csv_rows(false),
            safe: csv_rows(true),
        }
    }

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let number = row.table().number();
        if let (Some(builder), Some(lines)) =
            (self.builders.get_mut(number), self.lines.get_mut(number))
        {
            builder.push(row);
            lines.push(line(row));
        }
        self.csv.row(row)?;
        self.safe.row(row)
    }

    fn check(&mut self) {
        let csv: BTreeMap<_, _> =
            texts(&mut self.csv).into_iter().map(|(table, text)| (table.name(), text)).collect();
        for ((table, builder), lines) in
            Table::ALL.into_iter().zip(&mut self.builders).zip(&self.lines)
        {
            let Ok(batch) = builder.finish() else { panic!("no batch of {}", table.name()) };
            assert_eq!(batch.num_rows(), lines.len(), "rows of {}", table.name());
            assert_eq!(batch.num_columns(), table.columns().len());
            let text = csv.get(table.name()).map(Vec::as_slice).unwrap_or_default();
            check_csv(table, text, lines);
        }
        for (table, text) in texts(&mut self.safe) {
            for record in records(&text) {
                let columns = table.columns().iter().filter(|column| column.field.kind.is_text());
                for (column, field) in columns.zip(&record) {
                    let is_text =
                        matches!(column.field.kind, ColumnType::Utf8 | ColumnType::Dictionary);
                    let starts = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
                    assert!(!is_text || !starts, "a formula in {}: {field:?}", table.name());
                }
            }
        }
    }
}

/// Returns the line of a row after checking that it has all columns of its table.
fn line(row: &Row<'_>) -> Value {
    let mut text = Vec::new();
    row_line(row, &mut text);
    assert_eq!(count(&text, b'\n'), 1, "a row is one line");
    let value: Value = match serde_json::from_slice(&text) {
        Ok(value) => value,
        Err(error) => panic!("{error} in {}", String::from_utf8_lossy(&text)),
    };
    let columns = row.table().columns().iter().filter(|column| column.field.kind.is_text());
    let names: Vec<_> = columns.map(|column| column.field.name).collect();
    let members = value.as_object().map_or(0, serde_json::Map::len);
    assert_eq!(members, names.len().saturating_add(1), "members of a line");
    for column in row.table().columns().iter().filter(|column| column.field.kind.is_text()) {
        let cell = value.get(column.field.name);
        let Some(cell) = cell else { panic!("no {} in {value}", column.field.name) };
        assert!(column.field.nullable || !cell.is_null(), "{} is null", column.field.name);
    }
    value
}

/// Parses records of CSV with the crate csv.
fn records(text: &[u8]) -> Vec<csv::StringRecord> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text);
    reader
        .records()
        .map(|record| match record {
            Ok(record) => record,
            Err(error) => panic!("{error} in {}", String::from_utf8_lossy(text)),
        })
        .collect()
}

fn check_csv(table: Table, text: &[u8], lines: &[Value]) {
    let records = records(text);
    assert_eq!(records.len(), lines.len(), "CSV records of {}", table.name());
    let columns: Vec<&Column> =
        table.columns().iter().filter(|column| column.field.kind.is_text()).collect();
    for (record, line) in records.iter().zip(lines) {
        assert_eq!(record.len(), columns.len(), "fields of {}", table.name());
        for (column, field) in columns.iter().zip(record) {
            let value = line.get(column.field.name).unwrap_or(&Value::Null);
            let same = match value {
                Value::Null => field.is_empty(),
                Value::String(text) => text == field,
                // Numbers, booleans and lists.
                value => serde_json::from_str(field).is_ok_and(|read: Value| read == *value),
            };
            assert!(same, "{}: {value} is {field:?} in CSV", column.field.name);
        }
    }
}

/// Returns the lines of the rows of a host.
fn host_lines(run: &ScanHeader, host: &Host<'_>) -> Vec<Value> {
    let mut lines = Vec::new();
    let made = host_rows(run, host, &mut |row| {
        lines.push(line(row));
        Ok(())
    });
    assert!(made.is_ok());
    lines
}

/// Returns batches of rows, one per table.
fn batches(
    fill: impl FnOnce(&mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()>,
) -> Vec<RecordBatch> {
    let mut builders = Table::ALL.map(|table| BatchBuilder::new(table, None));
    let filled = fill(&mut |row| {
        for builder in &mut builders {
            builder.push(row);
        }
        Ok(())
    });
    assert!(filled.is_ok());
    builders
        .iter_mut()
        .map(|builder| match builder.finish() {
            Ok(batch) => batch,
            Err(error) => panic!("{error}"),
        })
        .collect()
}

fn each(batches: &[RecordBatch], table: Table) -> impl Iterator<Item = StoredRow<'_>> {
    let batch = batches.get(table.number());
    batch.into_iter().flat_map(|batch| (0..batch.num_rows()).map(|row| StoredRow::new(batch, row)))
}

fn port_of<'h>(host: &'h mut Host<'static>, row: &StoredRow<'_>) -> Option<&'h mut Port<'static>> {
    let (protocol, number) = from_arrow::port_key(row)?;
    host.ports.iter_mut().find(|port| port.number == number && port.protocol == protocol)
}

fn check_restored_host(run: &ScanHeader, host: &Host<'_>) {
    // If a host has two ports with the same key, rows do not show which of them a service or script belongs
    // to.
    let mut keys: Vec<_> =
        host.ports.iter().map(|port| (port.protocol.as_str(), port.number)).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|two| matches!(two, [a, b] if a == b)) {
        return;
    }
    let batches = batches(|each| host_rows(run, host, each));
    let Some(row) = each(&batches, Table::Hosts).next() else { panic!("no row of the host") };
    let mut back = from_arrow::host(&row);
    back.ports.extend(each(&batches, Table::Ports).filter_map(|row| from_arrow::port(&row)));
    for row in each(&batches, Table::Services) {
        if let Some(port) = port_of(&mut back, &row) {
            port.services.push(from_arrow::read(&row));
        }
    }
    for row in each(&batches, Table::Scripts) {
        let script = from_arrow::read(&row);
        match port_of(&mut back, &row) {
            Some(port) => port.scripts.push(script),
            None => back.scripts.push(script),
        }
    }
    back.os.matches.extend(each(&batches, Table::OsMatches).map(|row| from_arrow::read(&row)));
    back.os.classes.extend(each(&batches, Table::OsClasses).map(|row| from_arrow::read(&row)));
    for row in each(&batches, Table::Hops) {
        let index = usize::try_from(row.int32("trace_index").unwrap_or_default()).unwrap_or(0);
        back.traces.resize(index.saturating_add(1), Trace::default());
        if let Some(trace) = back.traces.last_mut() {
            (trace.proto, trace.port) = from_arrow::trace(&row);
            trace.hops.push(from_arrow::read(&row));
        }
    }
    assert_eq!(host_lines(run, &back), host_lines(run, host), "rows of what was restored");
}

fn check_restored_scan(record: &ScanSummary) {
    let batches = batches(|each| scan_rows("input.xml", record, each));
    let Some(row) = each(&batches, Table::Scans).next() else { return };
    let mut back = from_arrow::scan(&row);
    for row in each(&batches, Table::Scripts) {
        let scripts = match row.text("scope") {
            Some("prerule") => &mut back.pre_scripts,
            _ => &mut back.post_scripts,
        };
        scripts.push(from_arrow::read(&row));
    }
    back.diagnostics
        .extend(each(&batches, Table::Warnings).filter_map(|row| from_arrow::warning(&row)));
    let lines = |record: &ScanSummary| {
        let mut lines = Vec::new();
        let made = scan_rows("input.xml", record, &mut |row| {
            lines.push(line(row));
            Ok(())
        });
        assert!(made.is_ok());
        lines
    };
    assert_eq!(lines(&back), lines(record), "rows of the scan that was restored");
}
