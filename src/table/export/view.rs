//! Table as it is printed.

use crate::table::{Column, Table};

/// Table with its columns, or also with those that it has only in the result of a merge.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub(super) table: Table,
    merged: bool,
}

impl View {
    /// Creates the view of a table in a conversion.
    pub(super) fn new(table: Table) -> Self {
        Self { table, merged: false }
    }

    /// Creates the view of a table in the result of a merge.
    pub(super) fn merged(table: Table) -> Self {
        Self { table, merged: true }
    }

    pub(super) fn columns(self) -> Vec<&'static Column> {
        let more = if self.merged { self.table.merged_columns() } else { &[] };
        self.table.columns().iter().chain(more).collect()
    }
}
