//! Rows to Arrow record batches, generic over the schema.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanBuilder, FixedSizeBinaryBuilder, Float64Builder, Int32Builder,
        Int64Builder, ListArray, RecordBatch, StringBuilder, StructArray,
        TimestampMicrosecondBuilder,
    },
    buffer::OffsetBuffer,
    datatypes::{DataType, Field as ArrowField, Fields, Schema, SchemaRef, TimeUnit},
};

use super::{Cell, Cells, Column, Field, Items, Kind, Row, Table, dictionary::DictionaryBuilder};
use crate::error::{Error, ErrorKind, Result};

/// Gathers rows of one table into a record batch.
pub struct BatchBuilder {
    schema: SchemaRef,
    builders: Vec<ColumnBuilder>,
    /// The columns that were chosen; all if none were.
    chosen: Option<Vec<&'static Column>>,
    table: Table,
    bytes: usize,
    /// Bytes of each row, roughly.
    sizes: Vec<usize>,
}

impl BatchBuilder {
    /// A builder for these columns of a table; for all of them if `columns` is `None`.
    #[must_use]
    pub fn new(table: Table, columns: Option<&[&'static Column]>) -> Self {
        let fields: Vec<_> = match columns {
            Some(columns) => columns.iter().map(|column| column.field).collect(),
            None => table.columns().iter().map(|column| column.field).collect(),
        };
        let builders = fields.iter().map(|field| ColumnBuilder::new(field.kind)).collect();
        let fields: Vec<_> = fields.iter().map(arrow_field).collect();
        Self {
            schema: Arc::new(Schema::new(fields)),
            builders,
            chosen: columns.map(<[_]>::to_vec),
            table,
            bytes: 0,
            sizes: Vec::new(),
        }
    }

    /// The schema of its batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Appends a row; one of another table is left out.
    pub fn push(&mut self, row: &Row<'_>) {
        if row.table() != self.table {
            return;
        }
        let mut to = Appending { builders: self.builders.iter_mut(), size: 0 };
        match &self.chosen {
            None => row.cells(&mut to),
            Some(columns) => columns.iter().for_each(|c| to.cell(&c.field, "", c.cell(row))),
        }
        let size = to.size;
        self.bytes = self.bytes.saturating_add(size);
        self.sizes.push(size);
    }

    /// Rows appended since the last batch.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.sizes.len()
    }

    /// Bytes of these rows, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows as a batch; the builder is empty then.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] if the rows do not fit the schema, as when one batch holds more than 2 GiB of
    /// text.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        self.finish_sized().map(|(batch, _)| batch)
    }

    /// The same, with the bytes of each row.
    pub(crate) fn finish_sized(&mut self) -> Result<(RecordBatch, Vec<usize>)> {
        self.bytes = 0;
        let sizes = std::mem::take(&mut self.sizes);
        let columns: Result<Vec<ArrayRef>> =
            self.builders.iter_mut().map(ColumnBuilder::finish).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), columns?).map_err(schema_error)?;
        Ok((batch, sizes))
    }
}

/// Appends the cells of a row, each to the next column.
struct Appending<'b> {
    builders: std::slice::IterMut<'b, ColumnBuilder>,
    size: usize,
}

impl Cells for Appending<'_> {
    #[expect(clippy::inline_always, reason = "the kind of the cell is known where it is called")]
    #[inline(always)]
    fn cell(&mut self, _: &Field, _: &str, cell: Cell<'_>) {
        let Some(builder) = self.builders.next() else { return };
        let size = if cell.is_null() {
            builder.nulls = builder.nulls.wrapping_add(1);
            1
        } else {
            builder.append(cell)
        };
        self.size = self.size.wrapping_add(size);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn schema_error(error: arrow::error::ArrowError) -> Error {
    Error::new(ErrorKind::Schema(error.to_string()))
}

/// The Arrow field of a field.
pub(super) fn arrow_field(field: &Field) -> ArrowField {
    ArrowField::new(field.name, arrow_type(field.kind), field.nullable)
}

/// The Arrow type of a kind.
pub(super) fn arrow_type(kind: Kind) -> DataType {
    match kind {
        Kind::Utf8 | Kind::Json => DataType::Utf8,
        Kind::Dictionary => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        }
        Kind::Int32 => DataType::Int32,
        Kind::Int64 => DataType::Int64,
        Kind::Float64 => DataType::Float64,
        Kind::Boolean => DataType::Boolean,
        Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Binary16 => DataType::FixedSizeBinary(16),
        Kind::Texts => DataType::List(Arc::new(ArrowField::new("item", DataType::Utf8, false))),
        Kind::Structs(fields) => {
            let item = DataType::Struct(struct_fields(fields));
            DataType::List(Arc::new(ArrowField::new("item", item, false)))
        }
    }
}

fn struct_fields(fields: &[Field]) -> Fields {
    fields.iter().map(arrow_field).collect()
}

/// Gathers the values of one column. Most columns of most rows are null: runs of nulls are counted, and
/// appended at once before the next value.
struct ColumnBuilder {
    nulls: usize,
    values: Values,
}

enum Values {
    Utf8(StringBuilder),
    Dictionary(DictionaryBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float64(Float64Builder),
    Boolean(BooleanBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Binary16(FixedSizeBinaryBuilder),
    List(ListBuilder),
}

/// Gathers lists of texts (no fields) or structs.
struct ListBuilder {
    kind: Kind,
    lengths: Vec<usize>,
    items: Vec<ColumnBuilder>,
}

impl ColumnBuilder {
    fn new(kind: Kind) -> Self {
        Self { nulls: 0, values: Values::new(kind) }
    }

    /// Appends a value, null if it is of another type, and tells its bytes, roughly.
    #[inline]
    fn append(&mut self, cell: Cell<'_>) -> usize {
        if cell.is_null() {
            self.nulls = self.nulls.saturating_add(1);
            return 1;
        }
        self.append_nulls();
        self.values.append(cell).unwrap_or_else(|| {
            self.nulls = 1;
            1
        })
    }

    fn append_nulls(&mut self) {
        match std::mem::take(&mut self.nulls) {
            0 => {}
            nulls => self.values.append_nulls(nulls),
        }
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        self.append_nulls();
        self.values.finish()
    }
}

impl Values {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Utf8 | Kind::Json => Self::Utf8(StringBuilder::new()),
            Kind::Dictionary => Self::Dictionary(DictionaryBuilder::default()),
            Kind::Int32 => Self::Int32(Int32Builder::new()),
            Kind::Int64 => Self::Int64(Int64Builder::new()),
            Kind::Float64 => Self::Float64(Float64Builder::new()),
            Kind::Boolean => Self::Boolean(BooleanBuilder::new()),
            Kind::Timestamp => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
            Kind::Binary16 => Self::Binary16(FixedSizeBinaryBuilder::new(16)),
            Kind::Texts => Self::List(ListBuilder {
                kind,
                lengths: Vec::new(),
                items: vec![ColumnBuilder::new(Kind::Utf8)],
            }),
            Kind::Structs(fields) => Self::List(ListBuilder {
                kind,
                lengths: Vec::new(),
                items: fields.iter().map(|field| ColumnBuilder::new(field.kind)).collect(),
            }),
        }
    }

    #[inline]
    /// Appends a value and tells its bytes; a value of another type is not appended.
    fn append(&mut self, cell: Cell<'_>) -> Option<usize> {
        match (self, cell) {
            (Self::Utf8(column), Cell::Str(text) | Cell::Plain(text)) => {
                column.append_value(text);
                return Some(text.len().saturating_add(4));
            }
            (Self::Utf8(column), Cell::Json(data)) => return append_json(column, data),
            (Self::Dictionary(column), Cell::Str(text) | Cell::Plain(text)) => {
                column.append_value(text);
            }
            (Self::Int32(column), Cell::I32(number)) => column.append_value(number),
            (Self::Int64(column), Cell::I64(number)) => column.append_value(number),
            (Self::Float64(column), Cell::F64(number)) => column.append_value(number),
            (Self::Boolean(column), Cell::Bool(value)) => column.append_value(value),
            (Self::Timestamp(column), Cell::Time(time)) => column.append_value(time.micros()),
            (Self::Binary16(column), Cell::Bytes(bytes)) => {
                return column.append_value(bytes).is_ok().then_some(16);
            }
            (Self::List(list), Cell::List(items)) => return Some(list.append(items)),
            _ => return None,
        }
        Some(8)
    }

    fn append_nulls(&mut self, nulls: usize) {
        match self {
            Self::Utf8(column) => column.append_nulls(nulls),
            Self::Dictionary(column) => column.append_nulls(nulls),
            Self::Int32(column) => column.append_nulls(nulls),
            Self::Int64(column) => column.append_nulls(nulls),
            Self::Float64(column) => column.append_nulls(nulls),
            Self::Boolean(column) => column.append_nulls(nulls),
            Self::Timestamp(column) => column.append_nulls(nulls),
            Self::Binary16(column) => column.append_nulls(nulls),
            // No list is null: without a value it is empty.
            Self::List(list) => list.lengths.resize(list.lengths.len().saturating_add(nulls), 0),
        }
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        Ok(match self {
            Self::Utf8(column) => Arc::new(column.finish()),
            Self::Dictionary(column) => column.finish()?,
            Self::Int32(column) => Arc::new(column.finish()),
            Self::Int64(column) => Arc::new(column.finish()),
            Self::Float64(column) => Arc::new(column.finish()),
            Self::Boolean(column) => Arc::new(column.finish()),
            Self::Timestamp(column) => Arc::new(column.finish()),
            Self::Binary16(column) => Arc::new(column.finish()),
            Self::List(list) => list.finish()?,
        })
    }
}

fn append_json(column: &mut StringBuilder, data: &crate::model::ScriptData<'_>) -> Option<usize> {
    let mut text = Vec::new();
    data.write_json(&mut text).then(|| {
        // JSON made of texts is a text.
        column.append_value(std::str::from_utf8(&text).unwrap_or_default());
        text.len().saturating_add(4)
    })
}

impl ListBuilder {
    fn append(&mut self, items: &dyn Items) -> usize {
        let count = items.count();
        let mut bytes = 4_usize;
        for item in 0..count {
            for (field, column) in self.items.iter_mut().enumerate() {
                bytes = bytes.saturating_add(column.append(items.cell(item, field)));
            }
        }
        self.lengths.push(count);
        bytes
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let lengths = std::mem::take(&mut self.lengths);
        let total = lengths.iter().sum();
        let mut arrays: Vec<ArrayRef> =
            self.items.iter_mut().map(ColumnBuilder::finish).collect::<Result<_>>()?;
        let values: ArrayRef = match self.kind {
            Kind::Structs(fields) => {
                let fields = struct_fields(fields);
                let array = StructArray::try_new_with_length(fields, arrays, None, total);
                Arc::new(array.map_err(schema_error)?)
            }
            _ => arrays.pop().unwrap_or_else(|| Arc::new(StringBuilder::new().finish())),
        };
        let DataType::List(item) = arrow_type(self.kind) else {
            return Err(Error::new(ErrorKind::Schema("no list".into())));
        };
        let offsets = OffsetBuffer::from_lengths(lengths);
        let list = ListArray::try_new(item, offsets, values, None).map_err(schema_error)?;
        Ok(Arc::new(list))
    }
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{Array, AsArray},
        datatypes::Int64Type,
    };

    use super::*;
    use crate::{
        model::{ExtraPorts, ExtraReason, Host, RunHeader},
        table::host_rows,
    };

    #[test]
    fn nested_lists_keep_their_values() {
        let run = RunHeader { scan_id: "s".into(), ..RunHeader::default() };
        let mut builder = BatchBuilder::new(Table::Hosts, None);
        for hosts in 0..3_i32 {
            let mut host = Host::new(hosts);
            for n in 0..hosts {
                let reason = ExtraReason {
                    reason: None,
                    count: Some(i64::from(n)),
                    proto: None,
                    ports: Some("1-2".into()),
                };
                let reasons = vec![reason.clone(), reason];
                host.extra_ports.push(ExtraPorts { state: None, count: None, reasons });
            }
            host_rows(&run, &host, &mut |row| {
                builder.push(row);
                Ok(())
            })
            .unwrap();
        }
        let batch = builder.finish().unwrap();
        assert_eq!((batch.num_rows(), builder.rows()), (3, 0));
        let extra = batch.column_by_name("extra_ports").unwrap().as_list::<i32>();
        assert_eq!([0, 1, 2].map(|row| extra.value_length(row)), [0, 1, 2]);
        let last = extra.value(2);
        let reasons = last.as_struct().column_by_name("reasons").unwrap().as_list::<i32>().value(1);
        let counts = reasons.as_struct().column_by_name("count").unwrap();
        assert_eq!(counts.as_primitive::<Int64Type>().values(), &[1, 1]);
        assert_eq!(extra.null_count(), 0);
    }

    #[test]
    fn chosen_columns_come_in_the_order_asked_for() {
        let columns = ["state", "host_id"].map(|name| Table::Hosts.column(name).unwrap());
        let builder = BatchBuilder::new(Table::Hosts, Some(&columns));
        let names: Vec<_> = builder.schema().fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(names, ["state", "host_id"]);
        assert!(Table::Hosts.column("stat").unwrap_err().to_string().contains("host_id"));
    }
}
