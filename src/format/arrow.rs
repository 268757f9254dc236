//! Arrow's interprocess format: one file per table, or a stream of one table.
//!
//! Encoders build the record batches that Parquet writes too; the writer regroups them, so that the bytes do not depend on
//! threads, and passes them to the writers of `arrow`. Those write into a vector, which is moved to the output after each
//! batch: they need no file, and errors of the output keep its name.
//!
//! Columns of repeated text are written as plain text: a file may have only one dictionary per column, which is known when
//! all rows are, and readers differ in how they treat dictionaries that change within a stream.

use std::sync::Arc;

use ::arrow::{
    compute::{cast, concat_batches},
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
    ipc::writer::{FileWriter, StreamWriter},
};

use super::{
    ChunkWriter, Format, ParquetChunk, ParquetRows, Rechunker, RowFormat, SinkOptions,
    TableEncoder, parquet::SCHEMA_VERSION_KEY, text::TableStreams,
};
use crate::{
    error::{Error, Result},
    output::Output,
    table::{BatchBuilder, RecordBatch, SchemaRef, Table, schema_version},
};

/// Maximum number of rows per record batch.
const MAX_BATCH_ROWS: usize = 64 << 10;

/// Size in bytes at which a record batch ends after the current row.
const BATCH_BYTES: usize = 8 << 20;

/// Writes one Arrow file per table to a folder, or one table to a file or a stream.
pub struct ArrowSink {
    files: TableStreams,
    tables: Vec<TableWriter>,
}

impl ArrowSink {
    /// Opens a sink of Arrow. Standard output, writers, pipes, and files with the extension `arrows` are streams.
    ///
    /// # Errors
    /// Returns a usage error if the output exists and may not be replaced, and an output error if it cannot be created.
    pub fn open(output: &Output, options: SinkOptions) -> Result<Self> {
        let is_stream = match output {
            Output::Stdout | Output::Writer(_) => true,
            Output::Dir(_) => false,
            Output::File(path) => {
                let is_special = path.metadata().is_ok_and(|meta| !meta.is_file());
                is_special || path.extension().is_some_and(|ending| ending == "arrows")
            }
        };
        let writers =
            options.tables.iter().map(|table| TableWriter::new(*table, &options, is_stream));
        let tables = writers.collect::<Result<_>>()?;
        Ok(Self { files: TableStreams::open(output, "arrow", options)?, tables })
    }
}

impl ChunkWriter for ArrowSink {
    type Chunk = ParquetChunk;

    fn tables(&self) -> &[Table] {
        &self.files.options.tables
    }

    fn write(&mut self, chunk: ParquetChunk) -> Result<()> {
        let (table, batch, sizes) = chunk.into_rows()?;
        let writer =
            self.tables.iter_mut().find(|writer| writer.table == table).ok_or_else(|| {
                Error::internal(format!("rows of the table {} have no file", table.name()))
            })?;
        let TableWriter { chunks, schema, ipc, .. } = writer;
        let files = &mut self.files;
        chunks.push((batch, sizes), |parts| {
            ipc.write(&join(schema, &parts)?)?;
            files.of(table)?.stream.write(&ipc.take())
        })
    }

    fn replaces(&self) -> Option<&str> {
        self.files.replaces()
    }

    fn flush(&mut self) -> Result<()> {
        self.files.flush()
    }

    fn finish(mut self) -> Result<()> {
        for mut writer in self.tables {
            let rest = writer.chunks.rest();
            if !rest.is_empty() {
                writer.ipc.write(&join(&writer.schema, &rest)?)?;
            }
            writer.ipc.finish()?;
            self.files.of(writer.table)?.stream.write(&writer.ipc.take())?;
        }
        self.files.finish()
    }
}

impl Format for ArrowSink {
    type Encoder = TableEncoder<ParquetRows>;

    fn encoder(&self) -> Self::Encoder {
        TableEncoder::new(self.row_encoder(), self.files.options.derived())
    }
}

impl RowFormat for ArrowSink {
    type Rows = ParquetRows;

    fn row_encoder(&self) -> ParquetRows {
        ParquetRows::new(&self.files.options)
    }
}

/// Writer of a table.
struct TableWriter {
    table: Table,
    schema: SchemaRef,
    chunks: Rechunker,
    ipc: IpcWriter,
}

impl TableWriter {
    fn new(table: Table, options: &SinkOptions, is_stream: bool) -> Result<Self> {
        let built = BatchBuilder::new(table, options.columns_of(table).as_deref()).schema();
        let schema = plain_schema(&built);
        let ipc = IpcWriter::new(&schema, is_stream).map_err(|error| internal(&error))?;
        let chunks = Rechunker::new(MAX_BATCH_ROWS, BATCH_BYTES);
        Ok(Self { table, schema, chunks, ipc })
    }
}

/// Returns the schema of the output, with text in place of dictionaries, and the version of the tables.
fn plain_schema(built: &Schema) -> SchemaRef {
    let plain = |field: &Arc<Field>| match field.data_type() {
        DataType::Dictionary(_, value) => {
            Arc::new(field.as_ref().clone().with_data_type(value.as_ref().clone()))
        }
        _ => Arc::clone(field),
    };
    let fields: Vec<_> = built.fields().iter().map(plain).collect();
    let version = (SCHEMA_VERSION_KEY.to_owned(), schema_version().to_string());
    Arc::new(Schema::new_with_metadata(fields, [version].into()))
}

/// Joins the parts of a record batch, and converts its columns to the types of the output.
fn join(schema: &SchemaRef, parts: &[RecordBatch]) -> Result<RecordBatch> {
    let plain = |part: &RecordBatch| {
        let columns = part.columns().iter().zip(schema.fields());
        let columns = columns.map(|(column, field)| cast(column, field.data_type()));
        RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)
    };
    let parts: Result<Vec<_>, ArrowError> = parts.iter().map(plain).collect();
    parts.and_then(|parts| concat_batches(schema, &parts)).map_err(|error| internal(&error))
}

fn internal(error: &ArrowError) -> Error {
    Error::internal(error.to_string())
}

/// Writer of a file or a stream into memory, from which its bytes are taken after each batch.
enum IpcWriter {
    File(Box<FileWriter<Vec<u8>>>),
    Stream(Box<StreamWriter<Vec<u8>>>),
}

impl IpcWriter {
    fn new(schema: &Schema, is_stream: bool) -> Result<Self, ArrowError> {
        Ok(if is_stream {
            Self::Stream(Box::new(StreamWriter::try_new(Vec::new(), schema)?))
        } else {
            Self::File(Box::new(FileWriter::try_new(Vec::new(), schema)?))
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let written = match self {
            Self::File(writer) => writer.write(batch),
            Self::Stream(writer) => writer.write(batch),
        };
        written.map_err(|error| internal(&error))
    }

    fn finish(&mut self) -> Result<()> {
        let finished = match self {
            Self::File(writer) => writer.finish(),
            Self::Stream(writer) => writer.finish(),
        };
        finished.map_err(|error| internal(&error))
    }

    /// Takes the bytes that were written since the last call.
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(match self {
            Self::File(writer) => writer.get_mut(),
            Self::Stream(writer) => writer.get_mut(),
        })
    }
}
