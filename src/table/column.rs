//! Columns of the tables.

use super::{Cell, Field, Row, schema::FIRST_VERSION};

/// Column: its field, and the function that reads it from a row.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name, type and description.
    pub field: Field,
    /// True if the member of nested documents that shows the row has the column.
    pub(super) nested: bool,
    /// Version of the tables in which the column was added. A column of a later version than the first can be null.
    pub(super) since: u32,
    pub(super) get: for<'r> fn(&Row<'r>) -> Cell<'r>,
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

    /// Returns true if the column was added after the first version of the tables.
    pub(crate) fn is_added(&self) -> bool {
        self.since > FIRST_VERSION
    }

    /// Returns the value of the column in a row; null if the row belongs to another table.
    #[must_use]
    pub fn cell<'r>(&self, row: &Row<'r>) -> Cell<'r> {
        (self.get)(row)
    }
}
