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

mod builder;
mod cell;
mod column;
mod dictionary;
pub mod export;
mod interval;
mod nested;
pub(crate) mod restore;
mod row;
mod scan;
mod schema;

pub use arrow::{array::RecordBatch, datatypes::SchemaRef};

#[cfg(test)]
pub(crate) use self::nested::LEVELS;
pub use self::{
    builder::BatchBuilder,
    cell::{Cell, Items},
    interval::{host_interval_row, port_interval_row},
    row::{Row, change_row, event_row, host_rows, merged_rows, run_rows},
    scan::ScanOf,
};
pub(crate) use self::{
    cell::{Cells, TableFields},
    nested::{NestedMembers, script_data},
    restore::Stored,
    row::{MergedColumns, conflict_row},
};
use crate::error::{Error, ErrorKind, Result};

/// Returns the version of the tables, which Parquet files and the log of a dataset record: that of the column that was
/// added last. Datasets of earlier versions stay readable.
pub(crate) fn schema_version() -> u32 {
    let columns = Table::of_merges().flat_map(|table| table.columns().iter());
    columns.map(|column| column.since).max().unwrap_or(FIRST_VERSION)
}

/// Version of the tables in which columns were added that do not say otherwise.
const FIRST_VERSION: u32 = 1;

/// Table (DATA_MODEL section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// One row per document.
    Scans,
    /// One row per host element.
    Hosts,
    /// One row per port.
    Ports,
    /// Any number of rows per port.
    Services,
    /// One row per script result.
    Scripts,
    /// One row per OS match.
    OsMatches,
    /// One row per OS class.
    OsClasses,
    /// One row per hop.
    Hops,
    /// One row per event of a scan.
    Events,
    /// One row per warning code and document.
    Warnings,
    /// One row per value that lost in a merge.
    Conflicts,
    /// One row per difference between two states.
    Changes,
    /// One row per interval in which the listed values of a host did not change.
    HostHistory,
    /// One row per interval in which the listed values of a port did not change.
    PortHistory,
}

impl Table {
    /// Tables of a conversion, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Scans,
        Self::Hosts,
        Self::Ports,
        Self::Services,
        Self::Scripts,
        Self::OsMatches,
        Self::OsClasses,
        Self::Hops,
        Self::Events,
        Self::Warnings,
    ];

    /// Tables of a merge: those of a conversion, and those that only a merge has.
    pub const MERGED: [Self; 11] = {
        let [a, b, c, d, e, f, g, h, i, j] = Self::ALL;
        [a, b, c, d, e, f, g, h, i, j, Self::Conflicts]
    };

    /// Tables of a history.
    pub const HISTORY: [Self; 2] = [Self::HostHistory, Self::PortHistory];

    /// Total number of tables.
    pub(crate) const COUNT: usize = Self::MERGED.len() + 1 + Self::HISTORY.len();

    /// Returns all tables: those of a merge, the differences between two states, and those of a history.
    pub(crate) fn of_merges() -> impl Iterator<Item = Self> {
        Self::MERGED.into_iter().chain([Self::Changes]).chain(Self::HISTORY)
    }

    /// Returns the name of the table, as in file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scans => "scans",
            Self::Hosts => "hosts",
            Self::Ports => "ports",
            Self::Services => "services",
            Self::Scripts => "scripts",
            Self::OsMatches => "os_matches",
            Self::OsClasses => "os_classes",
            Self::Hops => "hops",
            Self::Events => "events",
            Self::Warnings => "warnings",
            Self::Conflicts => "conflicts",
            Self::Changes => "changes",
            Self::HostHistory => "host_history",
            Self::PortHistory => "port_history",
        }
    }

    /// Returns the table with this name.
    ///
    /// # Errors
    /// Returns [`ErrorKind::UnknownName`] with the list of tables if there is none.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::among(&Self::ALL, name)
    }

    /// Returns the table with this name among `tables`.
    ///
    /// # Errors
    /// Returns [`ErrorKind::UnknownName`] with the list of these tables if there is none.
    pub fn among(tables: &[Self], name: &str) -> Result<Self> {
        tables.iter().copied().find(|table| table.name() == name).ok_or_else(|| {
            let known: Vec<_> = tables.iter().map(|table| table.name()).collect();
            let message = format!("unknown table {name:?}; the tables are {}", known.join(", "));
            Error::new(ErrorKind::UnknownName { name: name.to_owned(), known, message })
        })
    }

    /// Returns the columns of the table, in order.
    #[must_use]
    pub fn columns(self) -> &'static [Column] {
        schema::of(self).columns
    }

    /// Returns the additional columns of the table in the result of a merge (DATA_MODEL section 5, "Provenance").
    #[must_use]
    pub fn merged_columns(self) -> &'static [Column] {
        schema::of(self).merged
    }

    /// Returns the names of the columns that identify a row.
    #[must_use]
    pub fn key(self) -> &'static [&'static str] {
        schema::of(self).key
    }

    /// Returns a sentence that describes the rows.
    #[must_use]
    pub fn doc(self) -> &'static str {
        schema::of(self).doc
    }

    /// Returns the column with this name.
    ///
    /// # Errors
    /// Returns [`ErrorKind::UnknownName`] with the list of columns if there is none.
    pub fn column(self, name: &str) -> Result<&'static Column> {
        self.column_among(name, &self.columns().iter().collect::<Vec<_>>())
    }

    /// Returns the column with this name in the result of a merge.
    ///
    /// # Errors
    /// Returns [`ErrorKind::UnknownName`] with the list of columns if there is none.
    pub fn merged_column(self, name: &str) -> Result<&'static Column> {
        let all = self.columns().iter().chain(self.merged_columns());
        self.column_among(name, &all.collect::<Vec<_>>())
    }

    fn column_among(self, name: &str, columns: &[&'static Column]) -> Result<&'static Column> {
        columns.iter().copied().find(|column| column.field.name == name).ok_or_else(|| {
            let known: Vec<_> = columns.iter().map(|column| column.field.name).collect();
            let message = format!(
                "unknown column {name:?} in table {}; its columns are {}",
                self.name(),
                known.join(", ")
            );
            Error::new(ErrorKind::UnknownName { name: name.to_owned(), known, message })
        })
    }

    /// Returns the number of the table, from 0: the tables of [`Table::MERGED`] in their order, then the others.
    #[must_use]
    pub const fn number(self) -> usize {
        self as usize
    }
}

/// Column: its field, and the function that reads it from a row.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name, type and description.
    pub field: Field,
    /// True if the member of nested documents that shows the row has the column.
    nested: bool,
    /// Version of the tables in which the column was added. A column of a later version than the first can be null.
    since: u32,
    get: for<'r> fn(&Row<'r>) -> Cell<'r>,
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.field == other.field
    }
}

impl Eq for Column {}

impl Column {
    /// Returns the version of the tables in which the column was added.
    pub(crate) const fn since(&self) -> u32 {
        self.since
    }

    /// Returns the value of the column in a row; null if the row belongs to another table.
    #[must_use]
    pub fn cell<'r>(&self, row: &Row<'r>) -> Cell<'r> {
        (self.get)(row)
    }
}

/// Field of a table or of a struct in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Name, equal in all formats.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// True if the value may be null.
    pub nullable: bool,
    /// Description with the unit.
    pub doc: &'static str,
}

/// Type of a field, with Arrow's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Utf8
    Utf8,
    /// Utf8 that contains JSON text.
    Json,
    /// Dictionary(Int32, Utf8)
    Dictionary,
    /// Int32
    Int32,
    /// Int64
    Int64,
    /// Float64
    Float64,
    /// Boolean
    Boolean,
    /// Timestamp(Microsecond, "UTC")
    Timestamp,
    /// FixedSizeBinary(16), in Parquet and Arrow only. Text formats leave the column out.
    Binary16,
    /// List of Utf8, which is never null.
    Texts,
    /// List of Struct with these fields. The structs are never null.
    Structs(&'static [Field]),
}

impl Kind {
    /// Returns true if text formats have the column.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Binary16)
    }
}
