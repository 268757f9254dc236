//! Rows of scans in Parquet files: reading, comparing, renaming and removing.

use std::{collections::BTreeSet, io, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray},
    compute::{cast, filter_record_batch},
    datatypes::{DataType, FieldRef, Fields, Schema},
};

use super::{
    data_file::DataFileWriter,
    decode::{Decoder, TableFile},
};
use crate::{
    error::{Error, Result},
    table::{Column, Table},
};

/// Batches of rows of one table, in order.
pub(super) type Batches<'b> = Box<dyn Iterator<Item = Result<RecordBatch>> + 'b>;

/// Tables of findings, by which copies of a scan are compared.
pub(super) const OF_HOSTS: [Table; 7] = [
    Table::Hosts,
    Table::Ports,
    Table::Services,
    Table::Scripts,
    Table::OsMatches,
    Table::OsClasses,
    Table::Hops,
];

/// Reads all rows of a file.
pub(super) fn all(source: &TableFile) -> Result<Batches<'static>> {
    Ok(Box::new(Decoder::open(source, 0, &[])?.map(|batch| plain_lists(batch?))))
}

/// Replaces dictionaries inside lists by plain values. scanmill wrote such dictionaries until other
/// readers of Arrow were found to fail on them. Rows that are joined or compared must have one
/// type.
pub(super) fn plain_lists(batch: RecordBatch) -> Result<RecordBatch> {
    let schema = batch.schema();
    let fields: Fields = schema.fields().iter().map(plain_list).collect();
    if fields == *schema.fields() {
        return Ok(batch);
    }
    let columns = fields.iter().zip(batch.columns()).map(|(field, column)| {
        if field.data_type() == column.data_type() {
            return Ok(Arc::clone(column));
        }
        cast(column, field.data_type()).map_err(misfit)
    });
    let columns = columns.collect::<Result<_>>()?;
    let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
    RecordBatch::try_new(Arc::new(schema), columns).map_err(misfit)
}

fn plain_list(field: &FieldRef) -> FieldRef {
    let DataType::List(item) = field.data_type() else { return Arc::clone(field) };
    Arc::new(field.as_ref().clone().with_data_type(DataType::List(plain(item))))
}

/// Returns the field of a list, or of a struct in it, without dictionaries.
fn plain(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        DataType::List(item) => DataType::List(plain(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain).collect()),
        _ => return Arc::clone(field),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// Returns the rows of a scan in some files.
pub(super) fn of_scan(files: Vec<TableFile>, scan_id: String) -> Batches<'static> {
    let ids = BTreeSet::from([scan_id]);
    let rows = files.into_iter().flat_map(move |file| {
        let ids = ids.clone();
        let of_file: Batches<'static> = match holds(&file, &ids) {
            Ok(false) => Box::new(std::iter::empty()),
            Ok(true) => match all(&file) {
                Ok(rows) => Box::new(rows.map(move |batch| keep(&batch?, &ids, true))),
                Err(error) => Box::new(std::iter::once(Err(error))),
            },
            Err(error) => Box::new(std::iter::once(Err(error))),
        };
        of_file
    });
    Box::new(rows)
}

/// Returns true if a file contains a row of one of these scans.
pub(super) fn holds(source: &TableFile, ids: &BTreeSet<String>) -> Result<bool> {
    for batch in Decoder::open(source, 0, &["scan_id"])? {
        if scan_ids(&batch?)?.iter().flatten().any(|id| ids.contains(id)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Copies the rows of a file, except those of these scans.
pub(super) fn copy_without(
    source: &TableFile,
    ids: &BTreeSet<String>,
    writer: &mut DataFileWriter,
) -> Result<()> {
    for batch in all(source)? {
        let batch = keep(&batch?, ids, false)?;
        if batch.num_rows() > 0 {
            let bytes = batch.get_array_memory_size();
            writer.push(batch, bytes)?;
        }
    }
    Ok(())
}

/// Returns the rows that belong to one of these scans, or if `these` is false, those that do not.
fn keep(batch: &RecordBatch, ids: &BTreeSet<String>, these: bool) -> Result<RecordBatch> {
    let found = scan_ids(batch)?.iter().map(|id| id.is_some_and(|id| ids.contains(id)) == these);
    let mask = BooleanArray::from(found.collect::<Vec<_>>());
    filter_record_batch(batch, &mask).map_err(misfit)
}

fn scan_ids(batch: &RecordBatch) -> Result<&StringArray> {
    let column = batch.column_by_name("scan_id").and_then(|column| column.as_string_opt::<i32>());
    column.ok_or_else(|| io::Error::other("a file without scan ids").into())
}

/// Replaces the scan ID in rows. Host IDs start with it and change as well.
pub(super) fn rename(batch: &RecordBatch, from: &str, to: &str) -> Result<RecordBatch> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
        let texts = match field.name().as_str() {
            "scan_id" | "host_id" => column.as_string_opt::<i32>(),
            _ => None,
        };
        let Some(texts) = texts else { return Arc::clone(column) };
        let new = |text: &str| match text.strip_prefix(from) {
            Some(rest) => format!("{to}{rest}"),
            None => text.to_owned(),
        };
        let renamed: StringArray = texts.iter().map(|text| text.map(new)).collect();
        Arc::new(renamed) as ArrayRef
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).map_err(misfit)
}

/// Returns true if two copies of a scan contain equal rows for the same hosts, apart from their
/// IDs.
pub(super) fn same_hosts(
    mut one: impl FnMut(Table) -> Result<Batches<'static>>,
    mut other: impl FnMut(Table) -> Result<Batches<'static>>,
) -> Result<bool> {
    for table in OF_HOSTS {
        if !same_rows(table, one(table)?, other(table)?)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns true if two streams contain equal rows, however they are split into batches. Columns that were added to the
/// table are not compared with rows of a version that lacks them, where they are null.
fn same_rows(table: Table, mut one: Batches<'_>, mut other: Batches<'_>) -> Result<bool> {
    let is_added = |name: &str| table.column(name).is_ok_and(Column::is_added);
    let (mut left, mut right) = (None, None);
    loop {
        let (a, b) = match (next(&mut left, &mut one)?, next(&mut right, &mut other)?) {
            (None, None) => return Ok(true),
            (Some(a), Some(b)) => (a, b),
            _ => return Ok(false),
        };
        let rows = a.num_rows().min(b.num_rows());
        let same = a.schema().fields().iter().zip(a.columns()).all(|(field, column)| {
            let ids = matches!(field.name().as_str(), "scan_id" | "host_id");
            let mate = b.column_by_name(field.name());
            ids || mate.is_some_and(|mate| {
                let (column, mate) = (column.slice(0, rows), mate.slice(0, rows));
                let is_missing = [&column, &mate].iter().any(|column| column.null_count() == rows);
                column == mate || (is_missing && is_added(field.name()))
            })
        });
        if !same {
            return Ok(false);
        }
        let rest = |batch: RecordBatch| batch.slice(rows, batch.num_rows().saturating_sub(rows));
        (left, right) = (Some(rest(a)), Some(rest(b)));
    }
}

/// Returns the rest of a batch, or the next batch with rows.
fn next(left: &mut Option<RecordBatch>, rows: &mut Batches<'_>) -> Result<Option<RecordBatch>> {
    let mut batch = left.take();
    while batch.as_ref().is_none_or(|batch| batch.num_rows() == 0) {
        match rows.next() {
            Some(found) => batch = Some(found?),
            None => return Ok(None),
        }
    }
    Ok(batch)
}

/// Returns the error for a file whose columns are not those of its table.
pub(super) fn misfit(error: arrow::error::ArrowError) -> Error {
    io::Error::other(error).into()
}
