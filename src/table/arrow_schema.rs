//! Arrow types of the columns.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Fields, TimeUnit};

use super::{Field, Kind};
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

pub(super) fn struct_fields(fields: &[Field]) -> Fields {
    fields.iter().map(arrow_field).collect()
}
