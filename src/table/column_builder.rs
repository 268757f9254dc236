//! Converts the cells of one column to an Arrow array.
//!
//! A [`ColumnBuilder`] buffers runs: `valid` counts values that are in `values` but not yet in `validity`, and
//! `nulls` counts nulls that are in neither. At most one of the two is above zero. A null after values flushes
//! `valid`; a value after nulls flushes `nulls` as one run of placeholders. So a long run of nulls costs one addition
//! per row.
//!
//! A cell of another type than the column becomes null. Offsets are 32 bits wide, as in the Arrow types of the
//! tables: a column above 2 GiB is not detected per value but by `Ends::finish`, which returns an error. The sizes
//! that `append` returns are estimates, by which callers decide when a batch is full.
//!
//! To add a kind of column, add a variant to `Values` with its branches, and its Arrow type in `arrow_schema::arrow_type`.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, BooleanBufferBuilder, FixedSizeBinaryArray, Float64Array,
        Int32Array, Int64Array, ListArray, NullBufferBuilder, StringArray, StructArray,
        TimestampMicrosecondArray, new_empty_array,
    },
    buffer::{Buffer, NullBuffer, OffsetBuffer},
    datatypes::DataType,
};

use super::{
    Cell, CellList, ColumnType,
    arrow_schema::{arrow_type, schema_error, struct_fields},
    dictionary::DictionaryBuilder,
};
use crate::{
    error::{Error, Result},
    model::ScriptValue,
    text::push_short,
};

/// Builder of one column. It counts runs of nulls and of values, because most columns are null in most rows.
pub(super) struct ColumnBuilder {
    /// Number of values since the last null.
    valid: usize,
    /// Number of nulls since the last value.
    nulls: usize,
    validity: NullBufferBuilder,
    values: Values,
}

enum Values {
    Utf8(Texts),
    Dictionary(DictionaryBuilder),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float64(Vec<f64>),
    Boolean(BooleanBufferBuilder),
    Timestamp(Vec<i64>),
    Binary16(Vec<[u8; 16]>),
    List(ListBuilder),
}

/// Concatenated texts, with the end of each.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Ends,
}

/// End of each item, after the start of the first, as Arrow's offsets require.
struct Ends {
    places: Vec<i32>,
    last: usize,
}

/// Builder of lists of texts (no fields) or structs.
struct ListBuilder {
    kind: ColumnType,
    ends: Ends,
    items: Vec<ColumnBuilder>,
}

/// Approximate size of a null, in bytes.
const NULL: usize = 1;

impl ColumnBuilder {
    pub(super) fn new(kind: ColumnType) -> Self {
        let values = Values::new(kind);
        Self { valid: 0, nulls: 0, validity: NullBufferBuilder::new(0), values }
    }

    /// Appends a value, or null if it is of another type. Returns its approximate size in bytes.
    #[expect(clippy::inline_always, reason = "the kind of the cell is known where it is called")]
    #[inline(always)]
    pub(super) fn append(&mut self, cell: Cell<'_>) -> usize {
        match cell {
            Cell::Null => self.null(),
            Cell::Str(text) | Cell::Plain(text) => self.text(text),
            Cell::I32(number) => self.int32(number),
            Cell::I64(number) => self.int64(number),
            Cell::F64(number) => self.float64(number),
            Cell::Millis(micros) => self.float64(millis(micros)),
            Cell::Bool(value) => self.boolean(value),
            Cell::Time(time) => self.timestamp(time.micros()),
            Cell::Bytes(bytes) => self.binary16(bytes),
            Cell::Json(data) => self.json(data),
            Cell::List(items) => self.list(items),
        }
    }

    #[inline]
    fn null(&mut self) -> usize {
        if self.valid > 0 {
            self.validity.append_n_non_nulls(std::mem::take(&mut self.valid));
        }
        self.nulls = self.nulls.wrapping_add(1);
        NULL
    }

    /// Returns the values, to append one more.
    #[inline]
    fn next(&mut self) -> &mut Values {
        if self.nulls > 0 {
            self.append_nulls();
        }
        self.valid = self.valid.wrapping_add(1);
        &mut self.values
    }

    fn text(&mut self, text: &str) -> usize {
        match self.next() {
            Values::Utf8(texts) => texts.append(text),
            Values::Dictionary(column) => {
                column.append_value(text);
                8
            }
            _ => self.other(),
        }
    }

    fn int32(&mut self, number: i32) -> usize {
        let Values::Int32(column) = self.next() else { return self.other() };
        column.push(number);
        8
    }

    fn int64(&mut self, number: i64) -> usize {
        let Values::Int64(column) = self.next() else { return self.other() };
        column.push(number);
        8
    }

    fn float64(&mut self, number: f64) -> usize {
        let Values::Float64(column) = self.next() else { return self.other() };
        column.push(number);
        8
    }

    fn boolean(&mut self, value: bool) -> usize {
        let Values::Boolean(column) = self.next() else { return self.other() };
        column.append(value);
        8
    }

    fn timestamp(&mut self, micros: i64) -> usize {
        let Values::Timestamp(column) = self.next() else { return self.other() };
        column.push(micros);
        8
    }

    fn binary16(&mut self, bytes: [u8; 16]) -> usize {
        let Values::Binary16(column) = self.next() else { return self.other() };
        column.push(bytes);
        16
    }

    fn json(&mut self, data: &ScriptValue<'_>) -> usize {
        if data.is_none() {
            return self.null();
        }
        let Values::Utf8(texts) = self.next() else { return self.other() };
        // JSON made of texts is valid UTF-8.
        data.write_json(&mut texts.bytes);
        texts.end()
    }

    fn list(&mut self, items: &dyn CellList) -> usize {
        let Values::List(list) = self.next() else { return self.other() };
        list.append(items)
    }

    /// Turns a value of another type into null.
    #[cold]
    fn other(&mut self) -> usize {
        debug_assert!(false, "a cell of another type than its column");
        self.valid = self.valid.wrapping_sub(1);
        self.null()
    }

    fn append_nulls(&mut self) {
        let nulls = std::mem::take(&mut self.nulls);
        // RowAppender zero nulls would still create a validity buffer, and Parquet splits its pages by that.
        if nulls > 0 {
            self.validity.append_n_nulls(nulls);
            self.values.append_nulls(nulls);
        }
    }

    /// Returns the column and empties the builder.
    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        self.append_nulls();
        self.validity.append_n_non_nulls(std::mem::take(&mut self.valid));
        let nulls = self.validity.finish();
        self.values.finish(nulls)
    }
}

#[expect(clippy::cast_precision_loss, reason = "the nearest float is meant")]
fn millis(micros: i64) -> f64 {
    micros as f64 / 1000.0
}

impl Texts {
    fn append(&mut self, text: &str) -> usize {
        push_short(text.as_bytes(), &mut self.bytes);
        self.end()
    }

    /// Ends a text whose bytes were appended. Returns its approximate size in bytes.
    fn end(&mut self) -> usize {
        self.ends.push(self.bytes.len()).wrapping_add(4)
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<StringArray> {
        let offsets = self.ends.finish()?;
        let bytes = Buffer::from_vec(emptied(&mut self.bytes));
        StringArray::try_new(offsets, bytes, nulls).map_err(schema_error)
    }
}

impl Default for Ends {
    fn default() -> Self {
        Self { places: vec![0], last: 0 }
    }
}

impl Ends {
    /// Ends an item at `end`, which is not before the last end, and returns its length. Ends above 2 GiB are reported
    /// by [`Self::finish`].
    #[inline]
    fn push(&mut self, end: usize) -> usize {
        debug_assert!(end >= self.last, "an item ends before the one before it");
        self.places.push(i32::try_from(end).unwrap_or(i32::MAX));
        end.wrapping_sub(std::mem::replace(&mut self.last, end))
    }

    /// Ends `count` empty items.
    fn repeat(&mut self, count: usize) {
        let last = self.places.last().copied().unwrap_or_default();
        self.places.resize(self.places.len().saturating_add(count), last);
    }

    /// Returns Arrow's offsets and resets the ends.
    fn finish(&mut self) -> Result<OffsetBuffer<i32>> {
        if i32::try_from(std::mem::take(&mut self.last)).is_err() {
            return Err(Error::resource("a column of more than 2 GiB"));
        }
        let places = emptied(&mut self.places);
        self.places.push(0);
        Ok(OffsetBuffer::new(places.into()))
    }
}

/// Takes the values out and leaves an empty vector with the same capacity.
fn emptied<T>(values: &mut Vec<T>) -> Vec<T> {
    let room = Vec::with_capacity(values.len());
    std::mem::replace(values, room)
}

impl Values {
    fn new(kind: ColumnType) -> Self {
        let list = |items| Self::List(ListBuilder { kind, ends: Ends::default(), items });
        match kind {
            ColumnType::Utf8 | ColumnType::Json => Self::Utf8(Texts::default()),
            ColumnType::Dictionary => Self::Dictionary(DictionaryBuilder::default()),
            ColumnType::Int32 => Self::Int32(Vec::new()),
            ColumnType::Int64 => Self::Int64(Vec::new()),
            ColumnType::Float64 => Self::Float64(Vec::new()),
            ColumnType::Boolean => Self::Boolean(BooleanBufferBuilder::new(0)),
            ColumnType::Timestamp => Self::Timestamp(Vec::new()),
            ColumnType::Binary16 => Self::Binary16(Vec::new()),
            ColumnType::Texts => list(vec![ColumnBuilder::new(ColumnType::Utf8)]),
            ColumnType::Structs(fields) => {
                list(fields.iter().map(|field| ColumnBuilder::new(field.kind)).collect())
            }
        }
    }

    /// Appends placeholders for nulls.
    fn append_nulls(&mut self, nulls: usize) {
        fn fill<T: Clone + Default>(values: &mut Vec<T>, nulls: usize) {
            values.resize(values.len().saturating_add(nulls), T::default());
        }
        match self {
            Self::Utf8(texts) => texts.ends.repeat(nulls),
            Self::Dictionary(column) => column.append_nulls(nulls),
            Self::Int32(column) => fill(column, nulls),
            Self::Int64(column) | Self::Timestamp(column) => fill(column, nulls),
            Self::Float64(column) => fill(column, nulls),
            Self::Boolean(column) => column.append_n(nulls, false),
            Self::Binary16(column) => fill(column, nulls),
            // Lists are never null: a missing list is empty.
            Self::List(list) => list.ends.repeat(nulls),
        }
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        Ok(match self {
            Self::Utf8(texts) => Arc::new(texts.finish(nulls)?),
            Self::Dictionary(column) => column.finish(nulls)?,
            Self::Int32(column) => Arc::new(Int32Array::new(emptied(column).into(), nulls)),
            Self::Int64(column) => Arc::new(Int64Array::new(emptied(column).into(), nulls)),
            Self::Float64(column) => Arc::new(Float64Array::new(emptied(column).into(), nulls)),
            Self::Boolean(column) => Arc::new(BooleanArray::new(column.finish(), nulls)),
            Self::Timestamp(column) => {
                let times = TimestampMicrosecondArray::new(emptied(column).into(), nulls);
                Arc::new(times.with_timezone("UTC"))
            }
            Self::Binary16(column) => {
                let bytes = Buffer::from_vec(emptied(column).into_flattened());
                let array = FixedSizeBinaryArray::try_new(16, bytes, nulls);
                Arc::new(array.map_err(schema_error)?)
            }
            Self::List(list) => list.finish()?,
        })
    }
}

impl ListBuilder {
    fn append(&mut self, items: &dyn CellList) -> usize {
        let count = items.count();
        let mut bytes = 4_usize;
        for item in 0..count {
            for (field, column) in self.items.iter_mut().enumerate() {
                bytes = bytes.saturating_add(column.append(items.cell(item, field)));
            }
        }
        self.ends.push(self.ends.last.saturating_add(count));
        bytes
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let total = self.ends.last;
        let offsets = self.ends.finish()?;
        let mut arrays: Vec<ArrayRef> =
            self.items.iter_mut().map(ColumnBuilder::finish).collect::<Result<_>>()?;
        let values: ArrayRef = match self.kind {
            ColumnType::Structs(fields) => {
                let fields = struct_fields(fields);
                let array = StructArray::try_new_with_length(fields, arrays, None, total);
                Arc::new(array.map_err(schema_error)?)
            }
            _ => arrays.pop().unwrap_or_else(|| new_empty_array(&DataType::Utf8)),
        };
        let DataType::List(item) = arrow_type(self.kind) else {
            return Err(Error::internal("a list column whose type is no list"));
        };
        let list = ListArray::try_new(item, offsets, values, None).map_err(schema_error)?;
        Ok(Arc::new(list))
    }
}
