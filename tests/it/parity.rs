//! Flat JSONL, JSON, CSV and Parquet hold the same rows.

use std::{collections::HashSet, fs};

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, StringArray},
    datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType},
    ipc::reader::FileReader,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use scanmill::{
    format::TableFormat,
    model::Timestamp,
    table::{ColumnType, Table},
};
use serde_json::{Map, Value};

use crate::support::Converted;

type Rows = Vec<Map<String, Value>>;

#[test]
fn all_formats_hold_the_same_rows_of_all_fixtures() {
    let converted = Converted::of_fixtures();
    for table in Table::ALL.into_iter().chain(Table::DERIVED) {
        let jsonl = jsonl(&converted, table);
        assert!(!jsonl.is_empty(), "{}: no fixture has a row", table.name());
        same(table, "JSON", &jsonl, &json(&converted, table));
        let lines = fs::read_to_string(converted.file(TableFormat::Markdown, table)).unwrap();
        markdown(&lines, table, jsonl.len());
        same(table, "CSV", &jsonl, &csv(&converted, table));
        same(table, "Arrow", &jsonl, &arrow(&converted, table));
        same(table, "Parquet", &jsonl, &parquet(&converted, table));
    }
}

#[test]
fn flat_jsonl_keeps_the_rows_of_a_host_together_and_the_scan_last() {
    let text = Converted::one_stream();
    let mut order: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let row: Map<String, Value> = serde_json::from_str(line).unwrap();
        let member =
            |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        assert!(line.starts_with("{\"_table\":\""), "{line:.60}");
        order.push((member("_table"), member("host_id")));
    }
    let rank = |table: &str| {
        let stored = ["hosts", "ports", "services", "scripts", "os_matches", "os_classes", "hops"];
        let order = [&stored[..], &["open_services", "certificates", "vulnerabilities"]].concat();
        order.iter().position(|name| *name == table)
    };
    let mut seen = HashSet::new();
    for pair in order.windows(2) {
        let [(table, host), (next_table, next_host)] = pair else { continue };
        if host == next_host && !host.is_empty() {
            assert!(rank(table) <= rank(next_table), "{table} before {next_table} of {host}");
        } else if !next_host.is_empty() {
            assert_eq!(next_table, "hosts", "a host begins with its row");
            assert!(seen.insert(next_host.clone()), "rows of {next_host} are apart");
        }
        if table == "scans" {
            // A later fixture may contain the same scan.
            seen.clear();
        }
        if table == "warnings" {
            assert!(matches!(&**next_table, "warnings" | "scans"), "{next_table} after warnings");
        }
    }
    assert_eq!(order.last().map(|(table, _)| &**table), Some("scans"));
}

fn same(table: Table, format: &str, jsonl: &Rows, other: &Rows) {
    assert_eq!(jsonl.len(), other.len(), "{} of {format}", table.name());
    for (number, (a, b)) in jsonl.iter().zip(other).enumerate() {
        for (column, value) in a {
            assert_eq!(
                Some(value),
                b.get(column),
                "{} row {number} {column} of {format}",
                table.name()
            );
        }
        assert_eq!(a.len(), b.len(), "{} row {number} of {format}", table.name());
    }
}

fn jsonl(converted: &Converted, table: Table) -> Rows {
    let text = fs::read_to_string(converted.file(TableFormat::Jsonl, table)).unwrap();
    let row = |line: &str| {
        let mut row: Map<String, Value> = serde_json::from_str(line).unwrap();
        assert_eq!(row.remove("_table"), Some(table.name().into()));
        row
    };
    text.lines().map(row).collect()
}

/// Checks the shape of a Markdown table: one line per row, each with a cell per column.
fn markdown(text: &str, table: Table, rows: usize) {
    let columns = table.columns().iter().filter(|column| column.field.kind.is_text()).count();
    assert_eq!(text.lines().count(), rows + 2, "{}", table.name());
    for line in text.lines() {
        let bars = line.matches('|').count() - line.matches("\\|").count();
        assert_eq!(bars, columns + 1, "{}: {line:.200}", table.name());
    }
}

fn json(converted: &Converted, table: Table) -> Rows {
    let text = fs::read_to_string(converted.file(TableFormat::Json, table)).unwrap();
    let mut rows: Rows = serde_json::from_str(&text).unwrap();
    for row in &mut rows {
        assert_eq!(row.remove("_table"), Some(table.name().into()));
    }
    rows
}

fn csv(converted: &Converted, table: Table) -> Rows {
    let text = fs::read_to_string(converted.file(TableFormat::Csv, table)).unwrap();
    let mut records = records(&text).into_iter();
    let header: Vec<String> = records.next().unwrap().into_iter().flatten().collect();
    let kinds: Vec<ColumnType> = {
        let columns = table.columns().iter().map(|column| column.field);
        columns.filter(|field| field.kind.is_text()).map(|field| field.kind).collect()
    };
    assert_eq!(kinds.len(), header.len(), "{}", table.name());
    let cell = |(kind, field): (&ColumnType, Option<String>)| match (kind, field) {
        (_, None) => Value::Null,
        (
            ColumnType::Utf8 | ColumnType::Json | ColumnType::Dictionary | ColumnType::Timestamp,
            Some(text),
        ) => text.into(),
        // Numbers, booleans and lists are written as in JSON.
        (_, Some(text)) => serde_json::from_str(&text).unwrap(),
    };
    let row = |record: Vec<Option<String>>| {
        assert_eq!(record.len(), header.len(), "{}", table.name());
        header.iter().cloned().zip(kinds.iter().zip(record).map(cell)).collect()
    };
    records.map(row).collect()
}

/// Returns the records of RFC 4180; an empty field without quotes is null.
fn records(text: &str) -> Vec<Vec<Option<String>>> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (field, behind) = if let Some(quoted) = rest.strip_prefix('"') {
            let mut end = quoted.find('"').unwrap();
            while quoted[end + 1..].starts_with('"') {
                end += 2 + quoted[end + 2..].find('"').unwrap();
            }
            (Some(quoted[..end].replace("\"\"", "\"")), &quoted[end + 1..])
        } else {
            let end = rest.find([',', '\n']).unwrap();
            let plain = &rest[..end];
            assert!(!plain.contains(['"', '\r']), "{plain:?} needs quotes");
            ((!plain.is_empty()).then(|| plain.to_owned()), &rest[end..])
        };
        record.push(field);
        if behind.starts_with('\n') {
            records.push(std::mem::take(&mut record));
        } else {
            assert!(behind.starts_with(','), "{behind:.40}");
        }
        rest = &behind[1..];
    }
    assert!(record.is_empty(), "the last line ends");
    records
}

fn parquet(converted: &Converted, table: Table) -> Rows {
    let file = fs::File::open(converted.file(TableFormat::Parquet, table)).unwrap();
    let mut rows = Rows::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        rows_of(&batch.unwrap(), &mut rows);
    }
    rows
}

fn arrow(converted: &Converted, table: Table) -> Rows {
    let file = fs::File::open(converted.file(TableFormat::Arrow, table)).unwrap();
    let mut rows = Rows::new();
    for batch in FileReader::try_new(file, None).unwrap() {
        rows_of(&batch.unwrap(), &mut rows);
    }
    rows
}

/// Adds the rows of a batch.
fn rows_of(batch: &RecordBatch, rows: &mut Rows) {
    for number in 0..batch.num_rows() {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        // Text formats have no binary columns.
        let columns =
            columns.filter(|(field, _)| *field.data_type() != DataType::FixedSizeBinary(16));
        rows.push(columns.map(|(f, column)| (f.name().clone(), value(column, number))).collect());
    }
}

fn value(array: &ArrayRef, at: usize) -> Value {
    if array.is_null(at) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(at).into(),
        DataType::Dictionary(..) => {
            let found = array.as_dictionary::<Int32Type>();
            found.downcast_dict::<StringArray>().unwrap().into_iter().nth(at).unwrap().into()
        }
        DataType::Int32 => array.as_primitive::<Int32Type>().value(at).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(at).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(at).into(),
        DataType::Boolean => array.as_boolean().value(at).into(),
        DataType::Timestamp(..) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(at);
            assert_eq!(micros % 1_000_000, 0);
            Timestamp::from_seconds(micros / 1_000_000).unwrap().to_string().into()
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(at);
            (0..items.len()).map(|item| value(&items, item)).collect::<Vec<_>>().into()
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let members = columns.map(|(field, column)| (field.name().clone(), value(column, at)));
            members.collect::<Map<_, _>>().into()
        }
        other => panic!("{other} is no type of a table"),
    }
}
