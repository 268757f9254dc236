//! Parquet: one file per table, with row groups limited by size (DATA_MODEL section 4).

mod compression;
mod partition_tracker;
mod rechunk;
mod row_groups;
mod table_files;

use std::sync::Arc;

use ::parquet::{
    basic::Encoding,
    file::{metadata::KeyValue, properties::WriterProperties},
    schema::types::ColumnPath,
};

pub use self::compression::Compression;
pub(crate) use self::{
    partition_tracker::is_in_folder_names, rechunk::Rechunker, table_files::GROUP_BYTES,
};
use self::{
    partition_tracker::{Partition, PartitionChange, PartitionTracker},
    rechunk::SizedBatch,
    table_files::{PartOutput, TableFiles, TableInput},
};
use super::{ChunkWriter, Format, RowEncoder, RowFormat, SinkOptions, TableEncoder};
use crate::{
    error::{Error, Result},
    exec::{SerialQueues, ThreadPool},
    output::{Output, OutputWriter, Replace, StagedOutput},
    table::{BatchBuilder, RecordBatch, Row, ScanContext, Table, schema_version},
};

/// Metadata key of the version of the tables.
pub(crate) const SCHEMA_VERSION_KEY: &str = "scanmill.schema_version";

/// Uncompressed size of a page in bytes. Smaller than usual, because each column being written holds one.
const PAGE_BYTES: usize = 256 << 10;

/// Columns whose values hardly ever repeat, so that a dictionary costs time and saves nothing.
const UNIQUE: [&str; 8] = [
    "host_id",
    "host_key",
    "ip_bytes",
    "data",
    "output",
    "fingerprint",
    "tcp_seq_values",
    "tcp_ts_values",
];

/// Columns of the table of hosts whose values hardly ever repeat within one scan.
const UNIQUE_OF_HOSTS: [&str; 5] =
    ["ip", "addresses.list.item.addr", "srtt_ms", "rttvar_ms", "timeout_ms"];

/// Columns of per-host tables whose values repeat only in consecutive rows: a dictionary grows until it is abandoned,
/// and pages of its indexes are larger than compressed text.
const UNIQUE_OF_PORTS: [&str; 1] = ["ip"];

/// Columns of per-host tables that are equal in consecutive rows and grow with the hosts: delta encoding takes almost no
/// space.
const GROWING: [&str; 1] = ["start_time"];

/// Columns that count from 0: delta encoding takes almost no space.
const COUNTING: [&str; 10] = [
    "host_index",
    "port_index",
    "service_index",
    "script_index",
    "match_index",
    "class_index",
    "trace_index",
    "hop_index",
    "event_index",
    "warning_index",
];

/// Writes one Parquet file per table. With [`ChunkWriter::set_thread_pool`], tables and their columns are written in
/// parallel.
pub struct ParquetSink {
    options: Arc<SinkOptions>,
    queues: SerialQueues<TableFiles, TableInput>,
    /// Folder or file that is renamed to its final path at the end; `None` for a writer.
    staged: Option<StagedOutput>,
}

impl ParquetSink {
    /// Opens a Parquet sink that writes to a folder or, with one table, to a file or a writer.
    ///
    /// # Errors
    /// Returns a usage error if the output exists and may not be replaced, is standard output, or cannot hold the tables
    /// or their partitions; and an output error if it cannot be created.
    pub fn open(output: &Output, options: SinkOptions) -> Result<Self> {
        let options = Arc::new(options);
        if let Some(by) = options.partition_by
            && let (Some(columns), [table]) = (&options.columns, &*options.tables)
            && columns.iter().any(|column| is_in_folder_names(by, *table, column))
        {
            let name = by.name();
            return Err(Error::usage(format!("{name} is in the names of folders, not a column")));
        }
        let first = options.tables.first().copied().unwrap_or(Table::Hosts);
        let (staged, writers) = match output {
            Output::Stdout => {
                return Err(Error::usage("Parquet needs a seekable output: name a file"));
            }
            Output::File(path) if options.partition_by.is_some() => {
                let name = path.display();
                return Err(Error::usage(format!("{name} is a file: partitions need a folder")));
            }
            Output::Writer(_) if options.partition_by.is_some() => {
                return Err(Error::usage("partitions need a folder, not a writer"));
            }
            Output::Writer(writer) => {
                let name = OutputWriter::NAME.to_owned();
                let file = PartOutput::Writer(writer.take()?);
                (None, vec![TableFiles::single_file(first, &options, (file, name))?])
            }
            Output::File(path) => {
                let replace = Replace::of(options.overwrite);
                let (staged, file) = StagedOutput::file(path, replace, &options.temporaries)?;
                let (file, name) = (PartOutput::File(file), path.display().to_string());
                (Some(staged), vec![TableFiles::single_file(first, &options, (file, name))?])
            }
            Output::Dir(path) => {
                let staged = StagedOutput::dir(path, &options.folder())?;
                let files = staged.files();
                let in_folder = |table: &Table| TableFiles::in_folder(*table, &options, &files);
                let writers: Result<_> = options.tables.iter().map(in_folder).collect();
                (Some(staged), writers?)
            }
        };
        Ok(Self { options, queues: SerialQueues::new(writers), staged })
    }
}

/// Returns the writer properties of a table's files.
pub(crate) fn properties(options: &SinkOptions, table: Table) -> Result<WriterProperties> {
    let version = KeyValue::new(SCHEMA_VERSION_KEY.to_owned(), schema_version().to_string());
    let mut builder = WriterProperties::builder()
        .set_compression(options.compression.codec()?)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_max_row_group_row_count(Some(options.row_group_rows.max(1)))
        .set_created_by(concat!("scanmill ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![version]));
    let (of_table, growing): (&[&str], &[&str]) = match table {
        Table::Hosts => (&UNIQUE_OF_HOSTS, &[]),
        Table::Ports | Table::Services | Table::Scripts | Table::OsMatches => {
            (&UNIQUE_OF_PORTS, &GROWING)
        }
        _ => (&[], &[]),
    };
    let path = |column: &str| ColumnPath::new(column.split('.').map(str::to_owned).collect());
    for column in UNIQUE.iter().chain(of_table).chain(growing).chain(&COUNTING) {
        builder = builder.set_column_dictionary_enabled(path(column), false);
    }
    for column in growing.iter().chain(&COUNTING) {
        builder = builder.set_column_encoding(path(column), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(builder.build())
}

impl ChunkWriter for ParquetSink {
    type Chunk = ParquetChunk;

    fn tables(&self) -> &[Table] {
        &self.options.tables
    }

    fn set_thread_pool(&mut self, pool: &ThreadPool) {
        self.queues.set_thread_pool(pool);
    }

    fn write(&mut self, chunk: ParquetChunk) -> Result<()> {
        match chunk.0 {
            Piece::Rows { table, partition, rows } => {
                let place = self.options.tables.iter().position(|known| *known == table);
                let place = place.ok_or_else(|| {
                    Error::internal(format!("rows of the table {} have no file", table.name()))
                })?;
                self.queues.push(place, TableInput::Rows(partition, rows))
            }
            Piece::PartitionResolved(folder) => {
                (0..self.options.tables.len()).try_for_each(|place| {
                    self.queues.push(place, TableInput::PartitionResolved(Arc::clone(&folder)))
                })
            }
        }
    }

    fn replaces(&self) -> Option<&str> {
        self.staged.as_ref().and_then(StagedOutput::replaces)
    }

    fn finish(self) -> Result<()> {
        let Self { queues, staged, .. } = self;
        queues.finish()?;
        staged.map_or(Ok(()), StagedOutput::publish)
    }
}

impl Format for ParquetSink {
    type Encoder = TableEncoder<ParquetRows>;

    fn encoder(&self) -> Self::Encoder {
        TableEncoder::new(self.row_encoder(), self.options.derived())
    }
}

impl RowFormat for ParquetSink {
    type Rows = ParquetRows;

    fn row_encoder(&self) -> ParquetRows {
        ParquetRows::new(&self.options)
    }
}

/// Rows of a table, or the partition of earlier rows.
#[derive(Debug)]
pub struct ParquetChunk(Piece);

#[derive(Debug)]
enum Piece {
    Rows {
        table: Table,
        partition: Partition,
        rows: SizedBatch,
    },
    /// The preceding rows that are [`Partition::Unresolved`] belong to the folder of this name.
    PartitionResolved(Arc<str>),
}

impl ParquetChunk {
    /// Returns the table, its rows and the approximate size of each row in bytes.
    ///
    /// # Errors
    /// Returns an internal error for the folder of a partition, which encoders without partitions never produce.
    pub(crate) fn into_rows(self) -> Result<(Table, RecordBatch, Arc<[usize]>)> {
        match self.0 {
            Piece::Rows { table, rows: SizedBatch { batch, sizes }, .. } => {
                Ok((table, batch, sizes))
            }
            Piece::PartitionResolved(folder) => {
                Err(Error::internal(format!("the folder {folder} where there are no partitions")))
            }
        }
    }
}

fn chunk(table: Table, builder: &mut BatchBuilder, partition: &Partition) -> Result<ParquetChunk> {
    let (batch, sizes) = builder.finish_sized()?;
    let rows = SizedBatch { batch, sizes: sizes.into() };
    Ok(ParquetChunk(Piece::Rows { table, partition: partition.clone(), rows }))
}

/// Encodes rows as record batches.
pub struct ParquetRows {
    tables: Arc<[Table]>,
    builders: Vec<BatchBuilder>,
    partitions: PartitionTracker,
    ready: Vec<ParquetChunk>,
}

impl ParquetRows {
    /// Creates an encoder for files with these options.
    pub(crate) fn new(options: &SinkOptions) -> Self {
        let builder =
            |table: &Table| BatchBuilder::new(*table, options.columns_of(*table).as_deref());
        let builders = options.tables.iter().map(builder);
        Self {
            tables: options.tables.clone().into(),
            builders: builders.collect(),
            partitions: PartitionTracker::new(options.partition_by),
            ready: Vec::new(),
        }
    }

    /// Completes the batches that are being built.
    fn cut(&mut self, partition: &Partition) -> Result<()> {
        for (table, builder) in self.tables.iter().zip(&mut self.builders) {
            if builder.rows() > 0 {
                self.ready.push(chunk(*table, builder, partition)?);
            }
        }
        Ok(())
    }
}

impl RowEncoder for ParquetRows {
    type Chunk = ParquetChunk;

    fn scan(&mut self, scan: ScanContext<'_>) -> Result<()> {
        let Some(PartitionChange { before, resolved }) = self.partitions.set_scan(scan) else {
            return Ok(());
        };
        self.cut(&before)?;
        if let Some(folder) = resolved {
            self.ready.push(ParquetChunk(Piece::PartitionResolved(folder)));
        }
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let table = row.table();
        let Some(place) = self.tables.iter().position(|known| *known == table) else {
            return Ok(());
        };
        let Some(builder) = self.builders.get_mut(place) else {
            return Err(Error::internal(format!("no builder of the table {}", table.name())));
        };
        builder.push(row);
        if builder.rows() >= rechunk::MAX_CHUNK_ROWS || builder.bytes() >= rechunk::CHUNK_BYTES {
            self.ready.push(chunk(table, builder, self.partitions.current())?);
        }
        Ok(())
    }

    fn buffered_bytes(&self) -> usize {
        self.ready.len().saturating_mul(rechunk::CHUNK_BYTES)
    }

    fn preferred_input_bytes(&self) -> usize {
        1 << 20
    }

    fn take(&mut self) -> Vec<ParquetChunk> {
        std::mem::take(&mut self.ready)
    }

    fn finish(&mut self) -> Result<Vec<ParquetChunk>> {
        let partition = self.partitions.current().clone();
        self.cut(&partition)?;
        Ok(self.take())
    }
}
