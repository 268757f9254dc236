//! Parquet files of one table: a single file, or folders of parts.
//!
//! [`TableFiles`] receives the rows of a table in order, each batch with its [`Partition`]. It keeps one [`Series`] per
//! partition with the rows that do not fill a block yet and the file that is being written. At most `PARTITIONS` series
//! have open files; when one more is needed, the least recently used is closed, and its partition continues in a new
//! part. Rows whose partition is known only at the end of their scan are kept in memory up to a block and then written
//! below [`UNSETTLED`], from where complete parts are renamed into their folder.
//!
//! Invariant: all boundaries (blocks, row groups, parts, the choice of the series to close) depend on the rows alone,
//! never on threads or on time, so that the same input produces the same bytes.

use std::{
    collections::{HashMap, VecDeque},
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::parquet::errors::ParquetError;
use arrow::array::RecordBatch;

use super::{
    partition::Partition,
    properties,
    rechunk::{self, Blocks},
    row_groups::RowGroups,
};
use crate::{
    error::{Error, Result},
    exec::SerialWorker,
    format::{SinkOptions, file_name},
    fs::{self, File},
    output::{Members, part_name},
    table::{BatchBuilder, Table},
};

/// Memory in bytes at which the current row group of a table is written.
pub(crate) const GROUP_BYTES: usize = 12 << 20;

/// Memory in bytes at which a row group is written when rows of other partitions follow.
const IDLE_BYTES: usize = 1 << 20;

/// Maximum number of partitions per table with open files. The choice of the one to close depends on the rows alone.
const PARTITIONS: usize = 8;

/// Folder of rows whose partition is not known yet. It is removed before the output gets its final name.
const UNSETTLED: &str = ".unsettled";

/// Input of a table's files, in order.
pub(super) enum Item {
    Rows(Partition, rechunk::Sized),
    /// The rows that are [`Partition::Open`] belong to the folder of this name.
    Settled(Arc<str>),
}

/// Writes the rows of one table.
pub(super) struct TableFiles {
    table: Table,
    options: Arc<SinkOptions>,
    /// Files of the output folder; `None` for a single file.
    members: Option<Members>,
    /// Series in progress, the most recently used last.
    series: VecDeque<Series>,
    /// Number of parts created per partition folder.
    parts: HashMap<Arc<str>, u32>,
    /// Rows that are [`Partition::Open`], as long as they do not fill a block: they have no file yet.
    open: Open,
}

#[derive(Default)]
struct Open {
    rows: Vec<rechunk::Sized>,
    size: (usize, usize),
}

impl Open {
    /// Keeps rows. Returns false if there are too many, which are then in `rows`.
    fn keep(&mut self, more: rechunk::Sized) -> bool {
        let (rows, bytes) = &mut self.size;
        *rows = rows.saturating_add(more.sizes.len());
        *bytes = more.sizes.iter().fold(*bytes, |sum, size| sum.saturating_add(*size));
        self.rows.push(more);
        *rows < rechunk::ROWS && *bytes < rechunk::BYTES
    }
}

/// Rows of one partition, in as many files as the limits on rows require.
#[derive(Default)]
struct Series {
    partition: Partition,
    blocks: Blocks,
    part: Option<PartFile>,
}

struct PartFile {
    writer: RowGroups<BufWriter<File>>,
    name: String,
    rows: usize,
}

impl TableFiles {
    /// Creates the files of a table that is written to a single file.
    pub(super) fn of_file(
        table: Table,
        options: &Arc<SinkOptions>,
        file: (File, String),
    ) -> Result<Self> {
        let options = Arc::clone(options);
        let part = Some(PartFile::new(table, &options, file)?);
        let only = Series { part, ..Series::default() };
        let series = VecDeque::from([only]);
        let (parts, open) = (HashMap::new(), Open::default());
        Ok(Self { table, options, members: None, series, parts, open })
    }

    /// Creates the files of a table in a folder: one file, or a folder of parts. A table without rows has a file
    /// without rows, unless it is partitioned.
    pub(super) fn in_folder(
        table: Table,
        options: &Arc<SinkOptions>,
        members: &Members,
    ) -> Result<Self> {
        if options.rows_per_file.is_none() && options.partition_by.is_none() {
            return Self::of_file(table, options, members.create(&file_name(table, "parquet"))?);
        }
        members.make_folder(Path::new(table.name()))?;
        let members = Some(members.clone());
        let (series, parts, open) = (VecDeque::new(), HashMap::new(), Open::default());
        let options = Arc::clone(options);
        let mut this = Self { table, options, members, series, parts, open };
        if this.options.partition_by.is_none() {
            let part = Some(this.next_batched_event(&Partition::Whole)?);
            this.series.push_back(Series { part, ..Series::default() });
        }
        Ok(this)
    }

    /// Creates the next part of a partition.
    fn next_batched_event(&mut self, partition: &Partition) -> Result<PartFile> {
        let path = self.next_path(partition)?;
        PartFile::new(self.table, &self.options, self.members()?.create(&path)?)
    }

    /// Returns the files of the temporary folder that contains the parts.
    fn members(&self) -> Result<&Members> {
        let missing = || Error::sink(self.table.name(), "a single file has no parts");
        self.members.as_ref().ok_or_else(missing)
    }

    /// Returns a path for the next part of a partition, relative to the temporary folder.
    fn next_path(&mut self, partition: &Partition) -> Result<PathBuf> {
        let name: &str = match partition {
            Partition::Whole => "",
            Partition::Named(name) => name,
            Partition::Open => UNSETTLED,
        };
        let folder = Path::new(self.table.name()).join(name);
        let number = if let Some(made) = self.parts.get_mut(name) {
            std::mem::replace(made, made.saturating_add(1))
        } else {
            if !name.is_empty() {
                self.members()?.make_folder(&folder)?;
            }
            self.parts.insert(name.into(), 1);
            0
        };
        Ok(folder.join(part_name(number)))
    }

    /// Removes and returns the series of a partition. If there are too many, the least recently used are closed.
    fn series_of(&mut self, partition: Partition) -> Result<Series> {
        if let Some(last) = self.series.pop_back_if(|last| last.partition == partition) {
            return Ok(last);
        }
        if let Some(last) = self.series.back_mut() {
            last.rest_a_while()?;
        }
        let place = self.series.iter().position(|series| series.partition == partition);
        if let Some(series) = place.and_then(|place| self.series.remove(place)) {
            return Ok(series);
        }
        if self.series.len() >= PARTITIONS
            && let Some(oldest) = self.series.pop_front()
        {
            self.close(oldest)?;
        }
        Ok(Series { partition, ..Series::default() })
    }

    /// Writes a block, in as many files and row groups as the limits on rows require.
    fn write(&mut self, series: &mut Series, block: Vec<RecordBatch>) -> Result<()> {
        let of_file = self.options.rows_per_file.unwrap_or(usize::MAX).max(1);
        let of_group = self.options.row_group_rows.max(1);
        let mut rest = VecDeque::from(block);
        while !rest.is_empty() {
            let full = series.part.take_if(|part| part.rows >= of_file);
            full.map_or(Ok(()), PartFile::close)?;
            let part = match &mut series.part {
                Some(part) => part,
                none => none.insert(self.next_batched_event(&series.partition)?),
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
    fn close(&mut self, mut series: Series) -> Result<()> {
        let rest = series.blocks.rest();
        self.write(&mut series, rest)?;
        series.part.map_or(Ok(()), PartFile::close)
    }

    /// Adds rows whose partition is not known yet.
    fn take_open(&mut self, rows: rechunk::Sized) -> Result<()> {
        if self.is_unsettled() {
            return self.put(Partition::Open, rows);
        }
        if !self.open.keep(rows) {
            let rows = std::mem::take(&mut self.open).rows;
            return rows.into_iter().try_for_each(|rows| self.put(Partition::Open, rows));
        }
        Ok(())
    }

    /// Returns true if there are more such rows than are kept in memory.
    fn is_unsettled(&self) -> bool {
        self.parts.contains_key(UNSETTLED)
            || self.series.iter().any(|series| series.partition == Partition::Open)
    }

    fn put(&mut self, partition: Partition, rows: rechunk::Sized) -> Result<()> {
        let mut series = self.series_of(partition)?;
        let mut blocks = std::mem::take(&mut series.blocks);
        let written = blocks.push(rows, |block| self.write(&mut series, block));
        series.blocks = blocks;
        self.series.push_back(series);
        written
    }

    /// Assigns the open rows to the folder of this name.
    fn settle(&mut self, name: &Arc<str>) -> Result<()> {
        for rows in std::mem::take(&mut self.open).rows {
            self.put(Partition::Named(Arc::clone(name)), rows)?;
        }
        let place = self.series.iter().position(|series| series.partition == Partition::Open);
        if let Some(open) = place.and_then(|place| self.series.remove(place)) {
            self.close(open)?;
        }
        let Some(parts) = self.parts.remove(UNSETTLED) else { return Ok(()) };
        let members = self.members()?.clone();
        let unsettled = members.path(&Path::new(self.table.name()).join(UNSETTLED));
        let to = Partition::Named(Arc::clone(name));
        for number in 0..parts {
            let target = members.path(&self.next_path(&to)?);
            fs::rename(unsettled.join(part_name(number)), &target)
                .map_err(|error| Error::sink(target.display().to_string(), error))?;
        }
        fs::remove_dir(&unsettled)
            .map_err(|error| Error::sink(unsettled.display().to_string(), error))
    }
}

impl SerialWorker<Item> for TableFiles {
    fn take(&mut self, item: Item) -> Result<()> {
        match item {
            Item::Rows(Partition::Open, rows) => self.take_open(rows),
            Item::Rows(partition, rows) => self.put(partition, rows),
            Item::Settled(name) => self.settle(&name),
        }
    }

    fn finish(mut self) -> Result<()> {
        if let Some(by) = self.options.partition_by {
            // Rows of a scan whose end was never recorded.
            self.settle(&by.folder(None))?;
        }
        while let Some(series) = self.series.pop_front() {
            self.close(series)?;
        }
        Ok(())
    }
}

impl Series {
    /// Reduces memory while rows of other partitions follow.
    fn rest_a_while(&mut self) -> Result<()> {
        match &mut self.part {
            Some(part) if part.writer.memory_size() > IDLE_BYTES => part.flush(),
            _ => Ok(()),
        }
    }
}

impl PartFile {
    fn new(table: Table, options: &SinkOptions, (file, name): (File, String)) -> Result<Self> {
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
