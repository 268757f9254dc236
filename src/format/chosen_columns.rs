//! Columns that formats of rows write.

use super::SinkOptions;
use crate::table::{CellVisitor, Column, Row, Table};

/// Columns of one table, in the order in which they are written.
#[derive(Debug)]
pub(super) enum ChosenColumns {
    /// All columns of the table, which rows pass on without a lookup per column.
    All,
    Some(Vec<&'static Column>),
}

impl ChosenColumns {
    /// Returns the columns of each table by its number; `None` for a table that is not written.
    #[cfg(feature = "full")]
    pub(super) fn per_table(options: &SinkOptions) -> Vec<Option<Self>> {
        let columns = |table| options.columns_of(table).map_or(Self::All, Self::Some);
        per_table(options, columns)
    }

    /// Returns the columns of each table by its number that text formats write; `None` for a table that is not written.
    /// With [`All`](Self::All), the visitor gets the others, too, and leaves them out.
    pub(super) fn text_per_table(options: &SinkOptions) -> Vec<Option<Self>> {
        per_table(options, |table| match options.columns_of(table) {
            None => Self::All,
            Some(_) => Self::Some(options.text_columns(table)),
        })
    }

    /// Passes the cells of these columns on.
    pub(super) fn visit(&self, row: &Row<'_>, to: &mut impl CellVisitor) {
        match self {
            Self::All => row.cells(to),
            Self::Some(chosen) => {
                for column in chosen {
                    to.cell(&column.field, "", column.cell(row));
                }
            }
        }
    }
}

fn per_table(
    options: &SinkOptions,
    columns: impl Fn(Table) -> ChosenColumns,
) -> Vec<Option<ChosenColumns>> {
    Table::of_merges()
        .map(|table| options.tables.contains(&table).then(|| columns(table)))
        .collect()
}
