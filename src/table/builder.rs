//! Converts rows to Arrow record batches, for any table of the schema.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::{Schema, SchemaRef},
};

use super::{
    Cell, CellVisitor, Column, Field, Row, Table,
    arrow_schema::{arrow_field, schema_error},
    column_builder::ColumnBuilder,
};
use crate::error::Result;

/// Builder that collects rows of one table into a record batch.
pub struct BatchBuilder {
    schema: SchemaRef,
    builders: Vec<ColumnBuilder>,
    /// Selected columns; `None` for all.
    chosen: Option<Vec<&'static Column>>,
    table: Table,
    bytes: usize,
    /// Approximate size of each row, in bytes.
    sizes: Vec<usize>,
}

impl BatchBuilder {
    /// Creates a builder for these columns of a table, or for all of them if `columns` is `None`.
    #[must_use]
    pub fn new(table: Table, columns: Option<&[&'static Column]>) -> Self {
        let fields: Vec<_> = match columns {
            Some(columns) => columns.iter().map(|column| column.field).collect(),
            None => table.columns().iter().map(|column| column.field).collect(),
        };
        let builders = fields.iter().map(|field| ColumnBuilder::new(field.kind)).collect();
        let fields: Vec<_> = fields.iter().map(arrow_field).collect();
        Self {
            schema: Arc::new(Schema::new(fields)),
            builders,
            chosen: columns.map(<[_]>::to_vec),
            table,
            bytes: 0,
            sizes: Vec::new(),
        }
    }

    /// Returns the schema of the batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Appends a row. Rows of other tables are ignored.
    pub fn push(&mut self, row: &Row<'_>) {
        if row.table() != self.table {
            return;
        }
        let mut to = RowAppender { builders: self.builders.iter_mut(), size: 0 };
        match &self.chosen {
            None => row.cells(&mut to),
            Some(columns) => columns.iter().for_each(|c| to.cell(&c.field, "", c.cell(row))),
        }
        let size = to.size;
        self.bytes = self.bytes.saturating_add(size);
        self.sizes.push(size);
    }

    /// Returns the number of rows since the last batch.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.sizes.len()
    }

    /// Returns the approximate size of these rows, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the rows as a batch and empties the builder.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Resource`](crate::error::ErrorKind::Resource) if one batch holds more than 2 GiB of text.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        self.finish_sized().map(|(batch, _)| batch)
    }

    /// Returns the batch together with the size of each row, in bytes.
    pub(crate) fn finish_sized(&mut self) -> Result<(RecordBatch, Vec<usize>)> {
        self.bytes = 0;
        let sizes = std::mem::take(&mut self.sizes);
        let columns: Result<Vec<ArrayRef>> =
            self.builders.iter_mut().map(ColumnBuilder::finish).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), columns?).map_err(schema_error)?;
        Ok((batch, sizes))
    }
}

/// Appends the cells of a row, each to the next column.
struct RowAppender<'b> {
    builders: std::slice::IterMut<'b, ColumnBuilder>,
    size: usize,
}

impl CellVisitor for RowAppender<'_> {
    #[expect(clippy::inline_always, reason = "the kind of the cell is known where it is called")]
    #[inline(always)]
    fn cell(&mut self, _: &Field, _: &str, cell: Cell<'_>) {
        let Some(builder) = self.builders.next() else { return };
        let size = builder.append(cell);
        self.size = self.size.wrapping_add(size);
    }
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{Array, AsArray},
        datatypes::Int64Type,
    };

    use super::*;
    use crate::{
        model::{ExtraPorts, ExtraReason, Host, ScanHeader, Script, ScriptOrigin, ScriptValue},
        table::host_rows,
    };

    #[test]
    fn nested_lists_keep_their_values() {
        let run = ScanHeader { scan_id: "s".into(), ..ScanHeader::default() };
        let mut builder = BatchBuilder::new(Table::Hosts, None);
        for hosts in 0..3_i32 {
            let mut host = Host::new(hosts);
            for n in 0..hosts {
                let reason = ExtraReason {
                    reason: None,
                    count: Some(i64::from(n)),
                    proto: None,
                    ports: Some("1-2".into()),
                };
                let reasons = vec![reason.clone(), reason];
                host.extra_ports.push(ExtraPorts { state: None, count: None, reasons });
            }
            host_rows(&run, &host, &mut |row| {
                builder.push(row);
                Ok(())
            })
            .unwrap();
        }
        let batch = builder.finish().unwrap();
        assert_eq!((batch.num_rows(), builder.rows()), (3, 0));
        let extra = batch.column_by_name("extra_ports").unwrap().as_list::<i32>();
        assert_eq!([0, 1, 2].map(|row| extra.value_length(row)), [0, 1, 2]);
        let last = extra.value(2);
        let reasons = last.as_struct().column_by_name("reasons").unwrap().as_list::<i32>().value(1);
        let counts = reasons.as_struct().column_by_name("count").unwrap();
        assert_eq!(counts.as_primitive::<Int64Type>().values(), &[1, 1]);
        assert_eq!(extra.null_count(), 0);
    }

    #[test]
    fn the_bytes_of_a_row_are_those_of_its_values() {
        let run = ScanHeader { scan_id: "s".into(), ..ScanHeader::default() };
        let script = |output: Option<&'static str>, data| Script {
            name: "n".into(),
            origin: ScriptOrigin::Nse,
            output: output.map(Into::into),
            data,
        };
        let mut host = Host::new(0);
        host.scripts = vec![
            script(Some("four"), ScriptValue::None),
            script(None, ScriptValue::Text("ab".into())),
            script(Some("seven b"), ScriptValue::Text("c".into())),
        ];
        let mut builder = BatchBuilder::new(Table::Scripts, None);
        for _ in 0..2 {
            host_rows(&run, &host, &mut |row| {
                builder.push(row);
                Ok(())
            })
            .unwrap();
            // In order: scan_id, host_id, no port and protocol, scope, index, name, origin, no address, host_key, no
            // state and start.
            let ids = (1 + 4) + ("s-h0".len() + 4) + 1 + 1 + 8 + 8 + 8 + 8;
            let ids = ids + 1 + ("idx:0".len() + 4) + 1 + 1;
            let (batch, sizes) = builder.finish_sized().unwrap();
            assert_eq!(sizes, [ids + 8 + 1, ids + 1 + 8, ids + 11 + 7]);
            let output = batch.column_by_name("name").unwrap();
            assert!(output.nulls().is_none(), "nothing is null, so there is no buffer for it");
            let data = batch.column_by_name("data").unwrap().as_string::<i32>();
            assert_eq!(data.iter().collect::<Vec<_>>(), [None, Some("\"ab\""), Some("\"c\"")]);
        }
    }

    #[test]
    fn chosen_columns_come_in_the_requested_order() {
        let columns = ["state", "host_id"].map(|name| Table::Hosts.column(name).unwrap());
        let builder = BatchBuilder::new(Table::Hosts, Some(&columns));
        let names: Vec<_> = builder.schema().fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(names, ["state", "host_id"]);
        assert!(Table::Hosts.column("stat").unwrap_err().to_string().contains("host_id"));
    }
}
