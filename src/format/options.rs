//! Options of the formats of rows.

use super::{
    TableFormat,
    parquet::{Compression, is_in_folder_names},
    xml::is_document_name,
};
use crate::{
    output::{FolderLayout, FolderOptions, PartitionBy, Temporaries},
    table::{Column, DerivedTables, Table},
};

/// Names of the files that a folder of tables may hold.
pub(super) const LAYOUT: FolderLayout = FolderLayout {
    is_table: |name| Table::of_merges().any(|table| table.name() == name),
    is_document: is_document_name,
    extensions: &[
        TableFormat::Jsonl.extension(),
        TableFormat::Json.extension(),
        TableFormat::Csv.extension(),
        TableFormat::Markdown.extension(),
        TableFormat::Parquet.extension(),
        TableFormat::Arrow.extension(),
    ],
    line_extension: TableFormat::Jsonl.extension(),
};

/// Options shared by all sinks of tables.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SinkOptions {
    /// Tables to write.
    pub tables: Vec<Table>,
    /// True if rows come from a merge, which has additional columns.
    pub merged: bool,
    /// Columns to write if there is a single table; all if `None`.
    pub columns: Option<Vec<&'static Column>>,
    /// Rows of `open_services` for ports in the state `open|filtered`, too.
    pub open_filtered: bool,
    /// Replace an existing output; a folder only if its marker lists everything in it.
    pub overwrite: bool,
    /// Name of the command, recorded in the marker of a folder.
    pub command: String,
    /// CSV: separator for lists of texts, which are written as JSON if it is `None`.
    pub csv_join: Option<String>,
    /// CSV: write `'` before text that a spreadsheet would interpret as a formula.
    pub csv_safe: bool,
    /// Parquet: compression of pages.
    pub compression: Compression,
    /// Parquet: maximum number of rows per row group.
    pub row_group_rows: usize,
    /// Parquet: maximum number of rows per file. If set, each table is a folder of `part-N.parquet`.
    pub rows_per_file: Option<usize>,
    /// Parquet: partitioning of tables into folders of `part-N.parquet`. Not available for merges.
    pub partition_by: Option<PartitionBy>,
    /// Registry of temporary names, so that a signal handler can remove them.
    pub temporaries: Temporaries,
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self {
            tables: Table::ALL.to_vec(),
            merged: false,
            columns: None,
            open_filtered: false,
            overwrite: false,
            command: "scanmill".to_owned(),
            csv_join: None,
            csv_safe: false,
            compression: Compression::default(),
            row_group_rows: 1 << 20,
            rows_per_file: None,
            partition_by: None,
            temporaries: Temporaries::default(),
        }
    }
}

impl SinkOptions {
    /// Returns the derived tables to compute.
    pub(crate) fn derived(&self) -> DerivedTables {
        DerivedTables::among(&self.tables).with_open_filtered(self.open_filtered)
    }

    /// Returns the columns of a table if they differ from those of unmerged input.
    pub(super) fn columns_of(&self, table: Table) -> Option<Vec<&'static Column>> {
        let more = table.merged_columns();
        let columns = match &self.columns {
            Some(columns) => Some(columns.clone()),
            None if self.merged && !more.is_empty() => {
                Some(table.columns().iter().chain(more).collect())
            }
            None => None,
        };
        let is_in_names = |column: &Column| {
            self.partition_by.is_some_and(|by| is_in_folder_names(by, table, column))
        };
        if !table.columns().iter().any(is_in_names) {
            return columns;
        }
        let mut columns = columns.unwrap_or_else(|| table.columns().iter().collect());
        columns.retain(|column| !is_in_names(column));
        Some(columns)
    }

    /// Returns the columns of a table that text formats write.
    pub(super) fn text_columns(&self, table: Table) -> Vec<&'static Column> {
        let mut columns =
            self.columns_of(table).unwrap_or_else(|| table.columns().iter().collect());
        columns.retain(|column| column.field.kind.is_text());
        columns
    }

    /// Returns the options of an output folder with a file per table.
    pub(super) fn folder(&self) -> FolderOptions<'_> {
        FolderOptions {
            layout: LAYOUT,
            command: &self.command,
            tables: self.tables.iter().map(|table| table.name()).collect(),
            overwrite: self.overwrite,
            temporaries: &self.temporaries,
        }
    }
}
