//! Parquet files of one table: a single file, or folders of parts.
//!
//! [`TableFiles`] receives the rows of a table in order, each batch with its [`Partition`]. It has one
//! [`PartitionWriter`] per partition with the rows that do not fill a chunk yet and the file that is being written. At
//! most `MAX_OPEN_PARTITIONS` writers have open files; when one more is needed, the least recently used is closed, and
//! its partition continues in a new part. Rows whose partition is known only at the end of their scan are kept in memory
//! up to a chunk and then written below [`UNRESOLVED`], from where complete parts are renamed into their folder.
//!
//! Invariant: all boundaries (chunks, row groups, parts, the choice of the writer to close) depend on the rows alone,
//! never on threads or on time, so that the same input produces the same bytes.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, BufWriter, IntoInnerError, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use ::parquet::errors::ParquetError;
use arrow::array::RecordBatch;

use super::{
    partition_tracker::Partition,
    properties,
    rechunk::{self, Rechunker, SizedBatch},
    row_groups::RowGroups,
};
use crate::{
    error::{Error, Result},
    exec::SerialWorker,
    format::{SinkOptions, file_name},
    fs::{self, File},
    output::{FolderFiles, UNRESOLVED, part_name},
    table::{BatchBuilder, Table},
};

/// Memory in bytes at which the current row group of a table is written.
pub(crate) const GROUP_BYTES: usize = 12 << 20;

/// Memory in bytes at which a row group is written when rows of other partitions follow.
const IDLE_BYTES: usize = 1 << 20;

/// Maximum number of partitions per table with open files. The choice of the one to close depends on the rows alone.
const MAX_OPEN_PARTITIONS: usize = 8;

/// Input of a table's files, in order.
pub(super) enum TableInput {
    Rows(Partition, SizedBatch),
    /// The rows that are [`Partition::Unresolved`] belong to the folder of this name.
    PartitionResolved(Arc<str>),
}

/// Writes the rows of one table.
pub(super) struct TableFiles {
    table: Table,
    options: Arc<SinkOptions>,
    /// Files of the output folder; `None` for a single file.
    files: Option<FolderFiles>,
    /// Writers of partitions in progress, the most recently used last.
    writers: VecDeque<PartitionWriter>,
    /// Number of parts created per partition folder.
    parts: HashMap<Arc<str>, u32>,
    /// Rows that are [`Partition::Unresolved`], as long as they do not fill a chunk: they have no file yet.
    unresolved: UnresolvedRows,
}

#[derive(Default)]
struct UnresolvedRows {
    rows: Vec<SizedBatch>,
    size: (usize, usize),
}

impl UnresolvedRows {
    /// Adds rows. Returns false if there are too many to be kept in memory.
    fn add(&mut self, more: SizedBatch) -> bool {
        let (rows, bytes) = &mut self.size;
        *rows = rows.saturating_add(more.sizes.len());
        *bytes = more.sizes.iter().fold(*bytes, |sum, size| sum.saturating_add(*size));
        self.rows.push(more);
        *rows < rechunk::MAX_CHUNK_ROWS && *bytes < rechunk::CHUNK_BYTES
    }
}

/// Rows of one partition, in as many files as the limits on rows require.
#[derive(Default)]
struct PartitionWriter {
    partition: Partition,
    rechunker: Rechunker,
    part: Option<PartFile>,
}

struct PartFile {
    writer: RowGroups<BufWriter<PartOutput>>,
    name: String,
    rows: usize,
}

/// Destination of the bytes of one Parquet file.
pub(super) enum PartOutput {
    File(File),
    Writer(Box<dyn Write + Send>),
}

impl PartOutput {
    /// Flushes a writer, and syncs a file to disk.
    fn complete(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.sync_all(),
            Self::Writer(writer) => writer.flush(),
        }
    }
}

impl Write for PartOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Writer(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Writer(writer) => writer.flush(),
        }
    }
}

impl TableFiles {
    /// Creates the files of a table that is written to a single file.
    pub(super) fn single_file(
        table: Table,
        options: &Arc<SinkOptions>,
        file: (PartOutput, String),
    ) -> Result<Self> {
        let options = Arc::clone(options);
        let part = Some(PartFile::new(table, &options, file)?);
        let only = PartitionWriter { part, ..PartitionWriter::default() };
        let (parts, unresolved) = (HashMap::new(), UnresolvedRows::default());
        let writers = VecDeque::from([only]);
        Ok(Self { table, options, files: None, writers, parts, unresolved })
    }

    /// Creates the files of a table in a folder: one file, or a folder of parts. A table without rows has a file
    /// without rows, unless it is partitioned.
    pub(super) fn in_folder(
        table: Table,
        options: &Arc<SinkOptions>,
        files: &FolderFiles,
    ) -> Result<Self> {
        if options.rows_per_file.is_none() && options.partition_by.is_none() {
            let (file, name) = files.create(&file_name(table, "parquet"))?;
            return Self::single_file(table, options, (PartOutput::File(file), name));
        }
        files.make_folder(Path::new(table.name()))?;
        let files = Some(files.clone());
        let (parts, unresolved) = (HashMap::new(), UnresolvedRows::default());
        let (options, writers) = (Arc::clone(options), VecDeque::new());
        let mut this = Self { table, options, files, writers, parts, unresolved };
        if this.options.partition_by.is_none() {
            let part = Some(this.next_part(&Partition::Whole)?);
            this.writers.push_back(PartitionWriter { part, ..PartitionWriter::default() });
        }
        Ok(this)
    }

    /// Creates the next part of a partition.
    fn next_part(&mut self, partition: &Partition) -> Result<PartFile> {
        let path = self.next_path(partition)?;
        let (file, name) = self.files()?.create(&path)?;
        PartFile::new(self.table, &self.options, (PartOutput::File(file), name))
    }

    /// Returns the files of the temporary folder that contains the parts.
    fn files(&self) -> Result<&FolderFiles> {
        let missing = || Error::sink(self.table.name(), "a single file has no parts");
        self.files.as_ref().ok_or_else(missing)
    }

    /// Returns a path for the next part of a partition, relative to the temporary folder.
    fn next_path(&mut self, partition: &Partition) -> Result<PathBuf> {
        let name: &str = match partition {
            Partition::Whole => "",
            Partition::Named(name) => name,
            Partition::Unresolved => UNRESOLVED,
        };
        let folder = Path::new(self.table.name()).join(name);
        let number = if let Some(made) = self.parts.get_mut(name) {
            std::mem::replace(made, made.saturating_add(1))
        } else {
            if !name.is_empty() {
                self.files()?.make_folder(&folder)?;
            }
            self.parts.insert(name.into(), 1);
            0
        };
        Ok(folder.join(part_name(number)))
    }

    /// Removes and returns the writer of a partition. If there are too many, the least recently used are closed.
    fn take_writer(&mut self, partition: Partition) -> Result<PartitionWriter> {
        if let Some(last) = self.writers.pop_back_if(|last| last.partition == partition) {
            return Ok(last);
        }
        if let Some(last) = self.writers.back_mut() {
            last.flush_idle()?;
        }
        let place = self.writers.iter().position(|writer| writer.partition == partition);
        if let Some(writer) = place.and_then(|place| self.writers.remove(place)) {
            return Ok(writer);
        }
        if self.writers.len() >= MAX_OPEN_PARTITIONS
            && let Some(oldest) = self.writers.pop_front()
        {
            self.close(oldest)?;
        }
        Ok(PartitionWriter { partition, ..PartitionWriter::default() })
    }

    /// Writes a chunk, in as many files and row groups as the limits on rows require.
    fn write(&mut self, writer: &mut PartitionWriter, chunk: Vec<RecordBatch>) -> Result<()> {
        let of_file = self.options.rows_per_file.unwrap_or(usize::MAX).max(1);
        let of_group = self.options.row_group_rows.max(1);
        let mut rest = VecDeque::from(chunk);
        while !rest.is_empty() {
            let full = writer.part.take_if(|part| part.rows >= of_file);
            full.map_or(Ok(()), PartFile::close)?;
            let part = match &mut writer.part {
                Some(part) => part,
                none => none.insert(self.next_part(&writer.partition)?),
            };
            let room = of_file.saturating_sub(part.rows);
            let room = room.min(of_group.saturating_sub(part.writer.rows()));
            part.write(&rechunk::first_rows(&mut rest, room))?;
            // The contents of a file depend on its own rows alone, not on those of others.
            if part.writer.rows() >= of_group || part.writer.memory_size() > GROUP_BYTES {
                part.flush()?;
            }
        }
        Ok(())
    }

    /// Writes the remaining rows, and completes the file.
    fn close(&mut self, mut writer: PartitionWriter) -> Result<()> {
        let rest = writer.rechunker.rest();
        self.write(&mut writer, rest)?;
        writer.part.map_or(Ok(()), PartFile::close)
    }

    /// Adds rows whose partition is not known yet.
    fn push_unresolved(&mut self, rows: SizedBatch) -> Result<()> {
        if self.has_unresolved() {
            return self.push(Partition::Unresolved, rows);
        }
        if !self.unresolved.add(rows) {
            let rows = std::mem::take(&mut self.unresolved).rows;
            return rows.into_iter().try_for_each(|rows| self.push(Partition::Unresolved, rows));
        }
        Ok(())
    }

    /// Returns true if there are more such rows than are kept in memory.
    fn has_unresolved(&self) -> bool {
        self.parts.contains_key(UNRESOLVED)
            || self.writers.iter().any(|writer| writer.partition == Partition::Unresolved)
    }

    fn push(&mut self, partition: Partition, rows: SizedBatch) -> Result<()> {
        let mut writer = self.take_writer(partition)?;
        let mut rechunker = std::mem::take(&mut writer.rechunker);
        let written = rechunker.push(rows, |chunk| self.write(&mut writer, chunk));
        writer.rechunker = rechunker;
        self.writers.push_back(writer);
        written
    }

    /// Assigns the unresolved rows to the folder of this name.
    fn resolve(&mut self, name: &Arc<str>) -> Result<()> {
        for rows in std::mem::take(&mut self.unresolved).rows {
            self.push(Partition::Named(Arc::clone(name)), rows)?;
        }
        let place =
            self.writers.iter().position(|writer| writer.partition == Partition::Unresolved);
        if let Some(open) = place.and_then(|place| self.writers.remove(place)) {
            self.close(open)?;
        }
        let Some(parts) = self.parts.remove(UNRESOLVED) else { return Ok(()) };
        let files = self.files()?.clone();
        let unresolved = files.path(&Path::new(self.table.name()).join(UNRESOLVED));
        let to = Partition::Named(Arc::clone(name));
        for number in 0..parts {
            let target = files.path(&self.next_path(&to)?);
            fs::rename(unresolved.join(part_name(number)), &target)
                .map_err(|error| Error::sink(target.display().to_string(), error))?;
        }
        fs::remove_dir(&unresolved)
            .map_err(|error| Error::sink(unresolved.display().to_string(), error))
    }
}

impl SerialWorker<TableInput> for TableFiles {
    fn process(&mut self, item: TableInput) -> Result<()> {
        match item {
            TableInput::Rows(Partition::Unresolved, rows) => self.push_unresolved(rows),
            TableInput::Rows(partition, rows) => self.push(partition, rows),
            TableInput::PartitionResolved(name) => self.resolve(&name),
        }
    }

    fn finish(mut self) -> Result<()> {
        if let Some(by) = self.options.partition_by {
            // Rows of a scan whose end was never recorded.
            self.resolve(&by.folder(None))?;
        }
        while let Some(writer) = self.writers.pop_front() {
            self.close(writer)?;
        }
        Ok(())
    }
}

impl PartitionWriter {
    /// Reduces memory while rows of other partitions follow.
    fn flush_idle(&mut self) -> Result<()> {
        match &mut self.part {
            Some(part) if part.writer.memory_size() > IDLE_BYTES => part.flush(),
            _ => Ok(()),
        }
    }
}

impl PartFile {
    fn new(table: Table, options: &SinkOptions, output: (PartOutput, String)) -> Result<Self> {
        let (file, name) = output;
        let schema = BatchBuilder::new(table, options.columns_of(table).as_deref()).schema();
        let file = BufWriter::with_capacity(1 << 16, file);
        let writer = RowGroups::new(file, schema, properties(options, table)?);
        let writer = writer.map_err(|error| failed(&name, error))?;
        Ok(Self { writer, name, rows: 0 })
    }

    fn write(&mut self, batches: &[RecordBatch]) -> Result<()> {
        self.writer.write(batches).map_err(|error| failed(&self.name, error))?;
        let rows = batches.iter().map(RecordBatch::num_rows);
        self.rows = rows.fold(self.rows, usize::saturating_add);
        Ok(())
    }

    /// Ends the current row group.
    fn flush(&mut self) -> Result<()> {
        self.writer.flush().map_err(|error| failed(&self.name, error))
    }

    fn close(self) -> Result<()> {
        let Self { writer, name, .. } = self;
        let buffered = writer.into_inner().map_err(|error| failed(&name, error))?;
        let file = buffered.into_inner().map_err(IntoInnerError::into_error);
        file.and_then(|mut file| file.complete()).map_err(|error| Error::sink(&*name, error))
    }
}

fn failed(name: &str, error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => Error::sink(name, source),
        other => Error::sink(name, other),
    }
}
