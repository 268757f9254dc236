//! Parquet: a file a table, row groups cut by size (DATA_MODEL section 4).

use std::{collections::VecDeque, fs::File, io::BufWriter, path::PathBuf, sync::Arc};

use ::parquet::{
    basic::{Compression as Codec, Encoding, ZstdLevel},
    errors::ParquetError,
    file::{metadata::KeyValue, properties::WriterProperties},
    schema::types::ColumnPath,
};
use arrow::array::RecordBatch;

use super::{
    Data, Encoded, Encoder, Sink, SinkOptions, Workers,
    blocks::{self, Blocks},
    file_name,
    lanes::{Lane, Lanes},
    row_groups::RowGroups,
    target::{Output, Pending},
};
use crate::{
    error::{Error, Result},
    table::{BatchBuilder, Row, Table},
};

/// Version of the tables' schema, in each file's metadata.
pub(crate) const SCHEMA_VERSION: &str = "1";

/// Bytes that a table's row group in the making may take; then it is written.
pub(crate) const GROUP_BYTES: usize = 12 << 20;

/// Bytes of a page before it is compressed. Smaller than usual: each column in the making holds one.
const PAGE_BYTES: usize = 256 << 10;

/// Columns whose values hardly ever repeat: a dictionary of them costs and gains nothing.
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

/// Columns of hosts whose values hardly ever repeat in one scan.
const UNIQUE_OF_HOSTS: [&str; 5] =
    ["ip", "addresses.list.item.addr", "srtt_ms", "rttvar_ms", "timeout_ms"];

/// Columns of what is listed of a host whose values repeat behind each other alone: a dictionary of them
/// grows until it is given up, and pages that point into it are larger than texts that are compressed.
const UNIQUE_OF_PORTS: [&str; 1] = ["ip"];

/// Columns that count from 0: each value as the difference to the one before takes next to nothing.
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

/// How pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Zstandard of this level, 1 to 22.
    Zstd(i32),
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Not at all.
    None,
}

impl Default for Compression {
    fn default() -> Self {
        Self::Zstd(1)
    }
}

impl Compression {
    fn codec(self) -> Result<Codec> {
        Ok(match self {
            Self::Zstd(level) => {
                let level = ZstdLevel::try_new(level);
                Codec::ZSTD(level.map_err(|error| Error::usage(error.to_string()))?)
            }
            Self::Snappy => Codec::SNAPPY,
            Self::Lz4 => Codec::LZ4_RAW,
            Self::None => Codec::UNCOMPRESSED,
        })
    }
}

impl std::str::FromStr for Compression {
    type Err = Error;

    /// `zstd`, `zstd(LEVEL)`, `snappy`, `lz4` or `none`.
    fn from_str(text: &str) -> Result<Self> {
        let level = text.strip_prefix("zstd(").and_then(|rest| rest.strip_suffix(')'));
        match (text, level.map(str::parse)) {
            ("zstd", _) => Ok(Self::Zstd(1)),
            ("snappy", _) => Ok(Self::Snappy),
            ("lz4", _) => Ok(Self::Lz4),
            ("none", _) => Ok(Self::None),
            (_, Some(Ok(level))) if (1..=22).contains(&level) => Ok(Self::Zstd(level)),
            _ => Err(Error::usage(format!(
                "no compression {text:?}: zstd(1) to zstd(22), snappy, lz4 or none"
            ))),
        }
    }
}

/// Writes a Parquet file a table. With [`Sink::share`] tables and their columns are written beside each other.
pub struct ParquetSink {
    options: Arc<SinkOptions>,
    lanes: Lanes<TableWriter, blocks::Sized>,
    /// The folder or file that gets its name at the end.
    pending: Pending,
}

/// Writes the rows of one table.
struct TableWriter {
    table: Table,
    options: Arc<SinkOptions>,
    writer: RowGroups<BufWriter<File>>,
    name: String,
    /// With a cap on rows: the folder of the parts, the number of this one, and its rows.
    parts: Option<(PathBuf, u32)>,
    rows: usize,
    blocks: Blocks,
}

impl ParquetSink {
    /// A sink of Parquet, to a folder or, with one table, to a file.
    ///
    /// # Errors
    /// A usage error if the output exists and is not to be replaced, or is standard output; an output
    /// error if it cannot be made.
    pub fn open(output: &Output, options: SinkOptions) -> Result<Self> {
        let options = Arc::new(options);
        let (pending, writers) = match output {
            Output::Stdout => {
                return Err(Error::usage("Parquet needs a place to seek: name an output"));
            }
            Output::File(path) => {
                let (pending, file) = Pending::file(path, options.overwrite, &options.temporaries)?;
                let table = options.tables.first().copied().unwrap_or(Table::Hosts);
                let name = path.display().to_string();
                let only = TableWriter::new(table, &options, (file, name), None)?;
                (pending, vec![only])
            }
            Output::Dir(path) => {
                let pending = Pending::dir(path, options.overwrite, &options.temporaries)?;
                let in_folder = |table: &Table| TableWriter::in_folder(*table, &options, &pending);
                let writers: Result<_> = options.tables.iter().map(in_folder).collect();
                (pending, writers?)
            }
        };
        Ok(Self { options, lanes: Lanes::new(writers), pending })
    }
}

impl TableWriter {
    fn new(
        table: Table,
        options: &Arc<SinkOptions>,
        (file, name): (File, String),
        parts: Option<(PathBuf, u32)>,
    ) -> Result<Self> {
        let schema = BatchBuilder::new(table, options.columns_of(table).as_deref()).schema();
        let file = BufWriter::with_capacity(1 << 16, file);
        let writer = RowGroups::new(file, schema, properties(options, table)?);
        let writer = writer.map_err(|error| failed(&name, error))?;
        let (options, blocks) = (Arc::clone(options), Blocks::default());
        Ok(Self { table, options, writer, name, parts, rows: 0, blocks })
    }

    fn in_folder(table: Table, options: &Arc<SinkOptions>, folder: &Pending) -> Result<Self> {
        let folder = folder.path();
        if options.rows_per_file.is_none() {
            let path = folder.join(file_name(table, "parquet"));
            return Self::new(table, options, create(&path)?, None);
        }
        let parts = folder.join(table.name());
        std::fs::create_dir(&parts)
            .map_err(|error| Error::sink(parts.display().to_string(), error))?;
        Self::part(table, options, parts, 0)
    }

    fn part(table: Table, options: &Arc<SinkOptions>, parts: PathBuf, number: u32) -> Result<Self> {
        let file = create(&parts.join(format!("part-{number}.parquet")))?;
        Self::new(table, options, file, Some((parts, number)))
    }

    /// Writes a block, in as many files and row groups as the caps on rows ask for.
    fn write(&mut self, block: Vec<RecordBatch>) -> Result<()> {
        let of_file = self.options.rows_per_file.unwrap_or(usize::MAX).max(1);
        let of_group = self.options.row_group_rows.max(1);
        let mut rest = VecDeque::from(block);
        while !rest.is_empty() {
            if self.rows >= of_file {
                self.next_part()?;
            }
            let room = of_file.saturating_sub(self.rows);
            let part = blocks::first_rows(
                &mut rest,
                room.min(of_group.saturating_sub(self.writer.rows())),
            );
            self.writer.write(&part).map_err(|error| failed(&self.name, error))?;
            let rows = part.iter().map(RecordBatch::num_rows);
            self.rows = rows.fold(self.rows, usize::saturating_add);
            // What a table holds depends on its rows alone, not on those of others.
            if self.writer.rows() >= of_group || self.writer.memory_size() > GROUP_BYTES {
                self.writer.flush().map_err(|error| failed(&self.name, error))?;
            }
        }
        Ok(())
    }

    fn next_part(&mut self) -> Result<()> {
        let Some((folder, number)) = self.parts.clone() else { return Ok(()) };
        let next = Self::part(self.table, &self.options, folder, number.saturating_add(1))?;
        let blocks = std::mem::take(&mut self.blocks);
        let full = std::mem::replace(self, Self { blocks, ..next });
        full.close()
    }

    fn close(self) -> Result<()> {
        let Self { writer, name, .. } = self;
        let buffered = writer.into_inner().map_err(|error| failed(&name, error))?;
        let file =
            buffered.into_inner().map_err(|error| Error::sink(&*name, error.into_error()))?;
        file.sync_all().map_err(|error| Error::sink(&*name, error))
    }
}

impl Lane<blocks::Sized> for TableWriter {
    fn take(&mut self, rows: blocks::Sized) -> Result<()> {
        let mut blocks = std::mem::take(&mut self.blocks);
        let written = blocks.push(rows, |block| self.write(block));
        self.blocks = blocks;
        written
    }

    /// Writes what makes no whole block, and completes the file.
    fn finish(mut self) -> Result<()> {
        let rest = self.blocks.rest();
        self.write(rest)?;
        self.close()
    }
}

/// Makes a file that is not there, and gives its name for messages.
fn create(path: &std::path::Path) -> Result<(File, String)> {
    let name = path.display().to_string();
    let file = File::create_new(path).map_err(|error| Error::sink(&*name, error))?;
    Ok((file, name))
}

fn failed(name: &str, error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => Error::sink(name, source),
        other => Error::sink(name, other),
    }
}

/// How a table's file is written.
pub(crate) fn properties(options: &SinkOptions, table: Table) -> Result<WriterProperties> {
    let version = KeyValue::new("scanmill.schema_version".to_owned(), SCHEMA_VERSION.to_owned());
    let mut builder = WriterProperties::builder()
        .set_compression(options.compression.codec()?)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_max_row_group_row_count(Some(options.row_group_rows.max(1)))
        .set_created_by(concat!("scanmill ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![version]));
    let of_table: &[&str] = match table {
        Table::Hosts => &UNIQUE_OF_HOSTS,
        Table::Ports | Table::Services => &UNIQUE_OF_PORTS,
        _ => &[],
    };
    let path = |column: &str| ColumnPath::new(column.split('.').map(str::to_owned).collect());
    for column in UNIQUE.iter().chain(of_table).chain(&COUNTING) {
        builder = builder.set_column_dictionary_enabled(path(column), false);
    }
    for column in &COUNTING {
        builder = builder.set_column_encoding(path(column), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(builder.build())
}

impl Sink for ParquetSink {
    fn tables(&self) -> &[Table] {
        &self.options.tables
    }

    fn encoder(&self) -> Box<dyn Encoder> {
        encoder(&self.options)
    }

    fn share(&mut self, workers: &Workers) {
        self.lanes.share(workers);
    }

    fn write(&mut self, piece: Encoded) -> Result<()> {
        let Data::Batch(rows) = piece.data else { return Ok(()) };
        match self.options.tables.iter().position(|table| *table == piece.table) {
            Some(place) => self.lanes.give(place, rows),
            None => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Self { lanes, pending, .. } = *self;
        lanes.finish()?;
        pending.publish()
    }
}

/// An encoder of batches.
pub(crate) fn encoder(options: &SinkOptions) -> Box<dyn Encoder> {
    let builder = |table: &Table| BatchBuilder::new(*table, options.columns_of(*table).as_deref());
    let builders = options.tables.iter().map(builder);
    Box::new(ParquetEncoder {
        tables: options.tables.clone().into(),
        builders: builders.collect(),
        ready: Vec::new(),
    })
}

fn encoded(table: Table, builder: &mut BatchBuilder) -> Result<Encoded> {
    let (batch, sizes) = builder.finish_sized()?;
    Ok(Encoded { table, data: Data::Batch(blocks::Sized { batch, sizes: sizes.into() }) })
}

struct ParquetEncoder {
    tables: Arc<[Table]>,
    builders: Vec<BatchBuilder>,
    ready: Vec<Encoded>,
}

impl Encoder for ParquetEncoder {
    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let table = row.table();
        let Some(place) = self.tables.iter().position(|known| *known == table) else {
            return Ok(());
        };
        let Some(builder) = self.builders.get_mut(place) else { return Ok(()) };
        builder.push(row);
        if builder.rows() >= blocks::ROWS || builder.bytes() >= blocks::BYTES {
            self.ready.push(encoded(table, builder)?);
        }
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.ready.len().saturating_mul(blocks::BYTES)
    }

    fn best_input(&self) -> usize {
        1 << 20
    }

    fn take(&mut self) -> Vec<Encoded> {
        std::mem::take(&mut self.ready)
    }

    fn finish(&mut self) -> Result<Vec<Encoded>> {
        for (table, builder) in self.tables.iter().zip(&mut self.builders) {
            if builder.rows() > 0 {
                self.ready.push(encoded(*table, builder)?);
            }
        }
        Ok(self.take())
    }
}
