//! The model as tables: every table and column is defined once, in `schema`, and read there by Arrow
//! builders, text sinks and the printed schemas alike.

mod builder;
mod cell;
mod column;
mod dictionary;
pub mod export;
mod interval;
pub(crate) mod restore;
mod row;
mod scan;
mod schema;

pub use arrow::{array::RecordBatch, datatypes::SchemaRef};

pub use self::{
    builder::BatchBuilder,
    cell::{Cell, Items},
    interval::{host_interval_row, port_interval_row},
    row::{Row, change_row, event_row, host_rows, merged_rows, run_rows},
    scan::ScanOf,
};
pub(crate) use self::{cell::Cells, restore::Stored};
use crate::error::{Error, ErrorKind, Result};

/// A table (DATA_MODEL section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// One row a document.
    Scans,
    /// One row a host element.
    Hosts,
    /// One row a port.
    Ports,
    /// Any number of rows a port.
    Services,
    /// One row a script result.
    Scripts,
    /// One row a match.
    OsMatches,
    /// One row a class.
    OsClasses,
    /// One row a hop.
    Hops,
    /// One row an event of a run.
    Events,
    /// One row a warning code and document.
    Warnings,
    /// One row a value that lost in a merge.
    Conflicts,
    /// One row a difference between two states.
    Changes,
    /// One row an interval in which what is listed of a host did not change.
    HostHistory,
    /// One row an interval in which what is listed of a port did not change.
    PortHistory,
}

impl Table {
    /// The tables of what was read, in the order of the documentation.
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

    /// The same, and those that only a merge has.
    pub const MERGED: [Self; 11] = {
        let [a, b, c, d, e, f, g, h, i, j] = Self::ALL;
        [a, b, c, d, e, f, g, h, i, j, Self::Conflicts]
    };

    /// The tables of a history.
    pub const HISTORY: [Self; 2] = [Self::HostHistory, Self::PortHistory];

    /// How many tables there are at all.
    pub(crate) const COUNT: usize = Self::MERGED.len() + 1 + Self::HISTORY.len();

    /// All tables: those of a merge, the differences between two, and those of a history.
    pub(crate) fn of_merges() -> impl Iterator<Item = Self> {
        Self::MERGED.into_iter().chain([Self::Changes]).chain(Self::HISTORY)
    }

    /// The table's name, as in file names.
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

    /// The table of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] with the list of tables if there is none.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::among(&Self::ALL, name)
    }

    /// The table of this name among some.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] with the list of these tables if there is none.
    pub fn among(tables: &[Self], name: &str) -> Result<Self> {
        tables.iter().copied().find(|table| table.name() == name).ok_or_else(|| {
            let all: Vec<_> = tables.iter().map(|table| table.name()).collect();
            let message = format!("no table {name:?}; the tables are {}", all.join(", "));
            Error::new(ErrorKind::Schema(message))
        })
    }

    /// Its columns, in order.
    #[must_use]
    pub fn columns(self) -> &'static [Column] {
        schema::of(self).columns
    }

    /// The columns that it has beyond these in the result of a merge (DATA_MODEL section 5, "Provenance").
    #[must_use]
    pub fn merged_columns(self) -> &'static [Column] {
        schema::of(self).merged
    }

    /// The columns that tell its rows apart.
    #[must_use]
    pub fn key(self) -> &'static [&'static str] {
        schema::of(self).key
    }

    /// A sentence on its rows.
    #[must_use]
    pub fn doc(self) -> &'static str {
        schema::of(self).doc
    }

    /// The column of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] with the list of columns if there is none.
    pub fn column(self, name: &str) -> Result<&'static Column> {
        self.column_among(name, &self.columns().iter().collect::<Vec<_>>())
    }

    /// The column of this name in the result of a merge.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] with the list of columns if there is none.
    pub fn merged_column(self, name: &str) -> Result<&'static Column> {
        let all = self.columns().iter().chain(self.merged_columns());
        self.column_among(name, &all.collect::<Vec<_>>())
    }

    fn column_among(self, name: &str, columns: &[&'static Column]) -> Result<&'static Column> {
        columns.iter().copied().find(|column| column.field.name == name).ok_or_else(|| {
            let all: Vec<_> = columns.iter().map(|column| column.field.name).collect();
            let message = format!(
                "no column {name:?} in table {}; its columns are {}",
                self.name(),
                all.join(", ")
            );
            Error::new(ErrorKind::Schema(message))
        })
    }

    /// This table's number, from 0: those of [`Table::MERGED`] in their order, then the others.
    #[must_use]
    pub const fn number(self) -> usize {
        self as usize
    }
}

/// A column: its field, and how it is read from a row.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name, type and meaning.
    pub field: Field,
    get: for<'r> fn(&Row<'r>) -> Cell<'r>,
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.field == other.field
    }
}

impl Eq for Column {}

impl Column {
    /// The value of this column in a row; null if the row is of another table.
    #[must_use]
    pub fn cell<'r>(&self, row: &Row<'r>) -> Cell<'r> {
        (self.get)(row)
    }
}

/// A field of a table or of a struct in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name, the same in every format.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it says, with its unit.
    pub doc: &'static str,
}

/// The type of a field; Arrow's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Utf8
    Utf8,
    /// Utf8 that holds a JSON text.
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
    /// FixedSizeBinary(16): Parquet and Arrow only, text formats leave it out.
    Binary16,
    /// List of Utf8 that is never null.
    Texts,
    /// List of Struct with these fields; structs are never null.
    Structs(&'static [Field]),
}

impl Kind {
    /// Whether text formats have the column.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Binary16)
    }
}
