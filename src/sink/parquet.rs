//! Parquet: a file a table, row groups cut by size (DATA_MODEL section 4).

use std::{fs::File, io::BufWriter, path::PathBuf, sync::Arc};

use ::parquet::{
    arrow::ArrowWriter,
    basic::{Compression as Codec, ZstdLevel},
    errors::ParquetError,
    file::{metadata::KeyValue, properties::WriterProperties},
    schema::types::ColumnPath,
};
use arrow::array::RecordBatch;

use super::{
    Data, Encoded, Encoder, Sink, SinkOptions,
    blocks::{self, Blocks},
    file_name,
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
const UNIQUE_OF_HOSTS: [&str; 6] =
    ["host_index", "ip", "addresses.list.item.addr", "srtt_ms", "rttvar_ms", "timeout_ms"];

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

/// Writes a Parquet file a table.
pub struct ParquetSink {
    options: SinkOptions,
    writers: Vec<TableWriter>,
    /// The folder or file that gets its name at the end.
    pending: Pending,
}

struct TableWriter {
    table: Table,
    writer: ArrowWriter<BufWriter<File>>,
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
        let mut sink = match output {
            Output::Stdout => {
                return Err(Error::usage("Parquet needs a place to seek: name an output"));
            }
            Output::File(path) => {
                let (pending, file) = Pending::file(path, options.overwrite, &options.temporaries)?;
                let table = options.tables.first().copied().unwrap_or(Table::Hosts);
                let name = path.display().to_string();
                let writer = arrow_writer(table, file, &options, &name)?;
                let only = TableWriter::new(table, writer, name, None);
                return Ok(Self { options, writers: vec![only], pending });
            }
            Output::Dir(path) => {
                let pending = Pending::dir(path, options.overwrite, &options.temporaries)?;
                Self { options, writers: Vec::new(), pending }
            }
        };
        for table in sink.options.tables.clone() {
            let writer = sink.table_writer(table)?;
            sink.writers.push(writer);
        }
        Ok(sink)
    }

    fn table_writer(&self, table: Table) -> Result<TableWriter> {
        let folder = self.pending.path();
        let (path, parts) = if self.options.rows_per_file.is_some() {
            let parts = folder.join(table.name());
            std::fs::create_dir(&parts)
                .map_err(|error| Error::sink(parts.display().to_string(), error))?;
            (parts.join("part-0.parquet"), Some((parts, 0)))
        } else {
            (folder.join(file_name(table, "parquet")), None)
        };
        let (writer, name) = self.create(table, &path)?;
        Ok(TableWriter::new(table, writer, name, parts))
    }

    fn create(
        &self,
        table: Table,
        path: &std::path::Path,
    ) -> Result<(ArrowWriter<BufWriter<File>>, String)> {
        let name = path.display().to_string();
        let file = File::create_new(path).map_err(|error| Error::sink(&*name, error))?;
        let writer = arrow_writer(table, file, &self.options, &name)?;
        Ok((writer, name))
    }

    /// Writes a block of a table, in as many files as the cap on rows asks for.
    fn write_block(&mut self, place: usize, batch: &RecordBatch) -> Result<()> {
        let cap = self.options.rows_per_file.unwrap_or(usize::MAX).max(1);
        let mut from = 0;
        while from < batch.num_rows() {
            let full = self.writers.get(place).is_some_and(|writer| writer.rows >= cap);
            if full {
                self.next_part(place)?;
            }
            let Some(writer) = self.writers.get_mut(place) else { return Ok(()) };
            let rows = (batch.num_rows() - from).min(cap - writer.rows);
            let written = writer.writer.write(&batch.slice(from, rows));
            written.map_err(|error| failed(&writer.name, error))?;
            writer.rows = writer.rows.saturating_add(rows);
            from += rows;
            // What a table holds depends on its rows alone, not on those of others.
            if writer.writer.memory_size() > GROUP_BYTES {
                writer.writer.flush().map_err(|error| failed(&writer.name, error))?;
            }
        }
        Ok(())
    }

    fn next_part(&mut self, place: usize) -> Result<()> {
        let Some(TableWriter { table, parts: Some((folder, number)), .. }) =
            self.writers.get(place)
        else {
            return Ok(());
        };
        let (table, folder, number) = (*table, folder.clone(), number.saturating_add(1));
        let path = folder.join(format!("part-{number}.parquet"));
        let (writer, name) = self.create(table, &path)?;
        let parts = Some((folder, number));
        let next = TableWriter::new(table, writer, name, parts);
        match self.writers.get_mut(place) {
            Some(full) => std::mem::replace(full, next).finish(),
            None => Ok(()),
        }
    }
}

impl TableWriter {
    fn new(
        table: Table,
        writer: ArrowWriter<BufWriter<File>>,
        name: String,
        parts: Option<(PathBuf, u32)>,
    ) -> Self {
        Self { table, writer, name, parts, rows: 0, blocks: Blocks::default() }
    }

    fn finish(self) -> Result<()> {
        let Self { writer, name, .. } = self;
        let buffered = writer.into_inner().map_err(|error| failed(&name, error))?;
        let file =
            buffered.into_inner().map_err(|error| Error::sink(&*name, error.into_error()))?;
        file.sync_all().map_err(|error| Error::sink(&*name, error))
    }
}

fn failed(name: &str, error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => Error::sink(name, source),
        other => Error::sink(name, other),
    }
}

fn arrow_writer(
    table: Table,
    file: File,
    options: &SinkOptions,
    name: &str,
) -> Result<ArrowWriter<BufWriter<File>>> {
    let schema = BatchBuilder::new(table, options.columns.as_deref()).schema();
    let file = BufWriter::with_capacity(1 << 16, file);
    let writer = ArrowWriter::try_new(file, schema, Some(properties(options, table)?));
    writer.map_err(|error| failed(name, error))
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
    let of_table: &[&str] = if table == Table::Hosts { &UNIQUE_OF_HOSTS } else { &[] };
    for column in UNIQUE.iter().chain(of_table) {
        let path = column.split('.').map(str::to_owned).collect();
        builder = builder.set_column_dictionary_enabled(ColumnPath::new(path), false);
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

    fn write(&mut self, piece: Encoded) -> Result<()> {
        let Data::Batch(batch) = piece.data else { return Ok(()) };
        let place = self.writers.iter().position(|writer| writer.table == piece.table);
        let Some((place, writer)) = place.and_then(|n| Some((n, self.writers.get_mut(n)?))) else {
            return Ok(());
        };
        let mut blocks = std::mem::take(&mut writer.blocks);
        let written = blocks.push(batch, |block| self.write_block(place, block));
        if let Some(writer) = self.writers.get_mut(place) {
            writer.blocks = blocks;
        }
        written
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        for place in 0..self.writers.len() {
            let rest = self.writers.get_mut(place).map(|writer| writer.blocks.rest());
            if let Some(rest) = rest.transpose()?.flatten() {
                self.write_block(place, &rest)?;
            }
        }
        for writer in std::mem::take(&mut self.writers) {
            writer.finish()?;
        }
        self.pending.publish()
    }
}

/// An encoder of batches.
pub(crate) fn encoder(options: &SinkOptions) -> Box<dyn Encoder> {
    let columns = options.columns.as_deref();
    let builders = options.tables.iter().map(|table| BatchBuilder::new(*table, columns));
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
