//! Arrow types of the columns.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Fields, TimeUnit};

use super::{ColumnType, Field};
use crate::error::Error;

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn schema_error(error: arrow::error::ArrowError) -> Error {
    Error::internal(error.to_string())
}

/// Returns the Arrow field for a field.
pub(super) fn arrow_field(field: &Field) -> ArrowField {
    ArrowField::new(field.name, arrow_type(field.kind), field.nullable)
}

/// Returns the Arrow type for a kind.
pub(super) fn arrow_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Utf8 | ColumnType::Json => DataType::Utf8,
        ColumnType::Dictionary => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        }
        ColumnType::Int32 => DataType::Int32,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnType::Binary16 => DataType::FixedSizeBinary(16),
        ColumnType::Texts => {
            DataType::List(Arc::new(ArrowField::new("item", DataType::Utf8, false)))
        }
        ColumnType::Structs(fields) => {
            let item = DataType::Struct(struct_fields(fields));
            DataType::List(Arc::new(ArrowField::new("item", item, false)))
        }
    }
}

pub(super) fn struct_fields(fields: &[Field]) -> Fields {
    fields.iter().map(arrow_field).collect()
}
