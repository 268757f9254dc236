//! The model as tables. `schema` defines every table and column once; Arrow builders, text formats and the printed
//! schemas all read these definitions.
//!
//! A host, an event or the end of a scan becomes rows (`row`). A [`Row`] borrows from the model and produces a
//! [`Cell`] per column on request. There are two ways to read it: all cells in schema order, which the compiler
//! specializes per table, or single columns through a function pointer. [`BatchBuilder`] turns rows of one table into
//! Arrow batches, `from_arrow` converts batches back to the model, and `export` prints the definitions.
//!
//! A new column is one line in `schema`. Its word decides if nested documents have it and if `from_arrow` reads it back,
//! which the code generated from the line then does. Only a column that holds a value in another form than the model,
//! such as milliseconds, needs code in `from_arrow`, if a dataset is to keep the value. A test that converts every fixture
//! to rows and back fails for a value that is lost.

mod arrow_schema;
mod builder;
mod cell;
mod column;
mod column_builder;
mod derived;
mod dictionary;
pub mod export;
mod field;
pub(crate) mod from_arrow;
mod interval;
mod nested;
mod row;
mod scan;
mod schema;
mod tables;

pub use arrow::{array::RecordBatch, datatypes::SchemaRef};

#[cfg(test)]
pub(crate) use self::nested::LEVELS;
pub use self::{
    builder::BatchBuilder,
    cell::{Cell, CellList},
    column::Column,
    derived::{DerivedTables, derived_merged_rows, derived_rows},
    field::{ColumnType, Field},
    row::{Row, event_row, host_rows, scan_rows},
    scan::ScanContext,
    tables::Table,
};
pub(crate) use self::{
    cell::CellVisitor,
    from_arrow::StoredRow,
    interval::{host_interval_row, port_interval_row},
    nested::{NestedFields, NestedMembers, script_data},
    row::{MergedColumns, change_row, conflict_row, merged_rows},
    schema::schema_version,
};
