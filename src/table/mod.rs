//! The model as tables. `schema` defines every table and column once; Arrow builders, text formats and the printed
//! schemas all read these definitions.
//!
//! A host, an event or the end of a scan becomes rows (`row`). A [`Row`] borrows from the model and produces a
//! [`Cell`] per column on request. There are two ways to read it: all cells in schema order, which the compiler
//! specializes per table, or single columns through a function pointer. [`BatchBuilder`] turns rows of one table into
//! Arrow batches, `restore` converts batches back to the model, and `export` prints the definitions.
//!
//! To add a column, add one line to its table in `schema`; `restore` must read it as well if a dataset is to keep the
//! value, and a test that converts every fixture to rows and back fails until it does.

mod arrow_schema;
mod builder;
mod cell;
mod column;
mod column_builder;
mod dictionary;
pub mod export;
mod field;
mod interval;
mod nested;
pub(crate) mod restore;
mod row;
mod scan;
mod schema;
mod tables;

pub use arrow::{array::RecordBatch, datatypes::SchemaRef};

#[cfg(test)]
pub(crate) use self::nested::LEVELS;
pub use self::{
    builder::BatchBuilder,
    cell::{Cell, Items},
    column::Column,
    field::{Field, Kind},
    interval::{host_interval_row, port_interval_row},
    row::{Row, change_row, event_row, host_rows, merged_rows, run_rows},
    scan::ScanOf,
    tables::Table,
};
pub(crate) use self::{
    cell::Cells,
    nested::{NestedFields, NestedMembers, script_data},
    restore::Stored,
    row::{MergedColumns, conflict_row},
    schema::schema_version,
};
