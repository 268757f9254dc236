//! Writes a Parquet file of one table, row group by row group. In a thread pool the columns of a group are written in
//! parallel; the output bytes are the same either way.

use std::{io::Write, sync::Arc};

use ::parquet::{
    arrow::{
        ArrowWriter,
        arrow_writer::{
            ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
        },
    },
    errors::{ParquetError, Result},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
};
use arrow::{
    array::{ArrayRef, RecordBatch},
    compute::concat,
    datatypes::SchemaRef,
};
use rayon::prelude::*;

/// Parquet file and its current row group.
pub(super) struct RowGroups<W: Write> {
    file: SerializedFileWriter<W>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    group: Option<RowGroup>,
}

struct RowGroup {
    /// Column writers per field; a field that is not a list of structs has one.
    fields: Vec<Vec<ArrowColumnWriter>>,
    rows: usize,
}

impl<W: Write + Send> RowGroups<W> {
    pub(super) fn new(file: W, schema: SchemaRef, properties: WriterProperties) -> Result<Self> {
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))?;
        let (file, factory) = writer.into_serialized_writer()?;
        Ok(Self { file, factory, schema, group: None })
    }

    /// Returns the number of rows in the current group.
    pub(super) fn rows(&self) -> usize {
        self.group.as_ref().map_or(0, |group| group.rows)
    }

    /// Returns the approximate memory of the current group in bytes.
    pub(super) fn memory_size(&self) -> usize {
        let fields = self.group.iter().flat_map(|group| &group.fields);
        fields.flatten().map(ArrowColumnWriter::memory_size).sum()
    }

    /// Writes batches as if they were one. The boundaries of pages depend on how rows are distributed over calls.
    pub(super) fn write(&mut self, batches: &[RecordBatch]) -> Result<()> {
        let schema = Arc::clone(&self.schema);
        let group = self.group()?;
        let rows = batches.iter().map(RecordBatch::num_rows);
        group.rows = rows.fold(group.rows, usize::saturating_add);
        let write = |(index, writers): (usize, &mut Vec<ArrowColumnWriter>)| {
            let leaves = compute_leaves(schema.field(index), &column(batches, index)?)?;
            leaves.iter().zip(writers).try_for_each(|(leaf, writer)| writer.write(leaf))
        };
        if shares_work() {
            group.fields.par_iter_mut().enumerate().try_for_each(write)
        } else {
            group.fields.iter_mut().enumerate().try_for_each(write)
        }
    }

    fn group(&mut self) -> Result<&mut RowGroup> {
        let group = match self.group.take() {
            Some(group) => group,
            None => self.begin()?,
        };
        Ok(self.group.insert(group))
    }

    fn begin(&self) -> Result<RowGroup> {
        let writers = self.factory.create_column_writers(self.file.flushed_row_groups().len())?;
        let mut fields: Vec<Vec<_>> = Vec::new();
        fields.resize_with(self.schema.fields().len(), Vec::new);
        let parquet = self.file.schema_descr();
        for (leaf, writer) in writers.into_iter().enumerate() {
            if let Some(field) = fields.get_mut(parquet.get_column_root_idx(leaf)) {
                field.push(writer);
            }
        }
        Ok(RowGroup { fields, rows: 0 })
    }

    /// Ends the current row group, if any.
    pub(super) fn flush(&mut self) -> Result<()> {
        let Some(group) = self.group.take() else { return Ok(()) };
        let writers: Vec<_> = group.fields.into_iter().flatten().collect();
        let chunks: Result<Vec<ArrowColumnChunk>> = if shares_work() {
            writers.into_par_iter().map(ArrowColumnWriter::close).collect()
        } else {
            writers.into_iter().map(ArrowColumnWriter::close).collect()
        };
        let mut written = self.file.next_row_group()?;
        for chunk in chunks? {
            chunk.append_to_row_group(&mut written)?;
        }
        written.close()?;
        Ok(())
    }

    /// Completes the file.
    pub(super) fn into_inner(mut self) -> Result<W> {
        self.flush()?;
        self.file.into_inner()
    }
}

/// Returns one column of consecutive batches as a single array.
fn column(batches: &[RecordBatch], index: usize) -> Result<ArrayRef> {
    if let [only] = batches {
        return Ok(Arc::clone(only.column(index)));
    }
    let parts: Vec<_> = batches.iter().map(|batch| batch.column(index).as_ref()).collect();
    concat(&parts).map_err(ParquetError::from)
}

/// Returns true if this thread belongs to a pool, whose other threads may take part of the work.
fn shares_work() -> bool {
    rayon::current_thread_index().is_some()
}
