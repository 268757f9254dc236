//! Parquet files of a dataset, from the first row to their final name.

use std::{
    collections::BTreeSet,
    io::{self, BufWriter, Write},
    path::Path,
};

use arrow::compute::concat_batches;
use parquet::{arrow::ArrowWriter, errors::ParquetError};
use sha2::{Digest as _, Sha256};

use super::{
    commit::FileEntry,
    folder::{failed, sync_dir},
    staged_file::StagedFile,
};
use crate::{
    error::{Error, Result},
    format::{
        SinkOptions,
        parquet::{GROUP_BYTES, properties},
    },
    fs::{self, File},
    output::{NO_VALUE, Temporaries},
    table::{BatchBuilder, RecordBatch, Table},
    text::hex,
};

/// Number of rows, and of bytes, that are passed to the Parquet writer at once.
const ROWS: usize = 2048;
const BYTES: usize = 1 << 20;

/// Writer of the rows of one table to a file.
pub(super) struct DataFileWriter {
    table: Table,
    staged: StagedFile,
    writer: ArrowWriter<HashWriter>,
    waiting: Vec<RecordBatch>,
    waiting_rows: usize,
    waiting_bytes: usize,
    rows: u64,
}

/// Complete file on disk, with a temporary name.
pub(super) struct DataFile {
    pub(super) table: Table,
    staged: StagedFile,
    pub(super) rows: u64,
    bytes: u64,
    sha256: String,
}

impl DataFileWriter {
    pub(super) fn new(table: Table, folder: &Path, temporaries: &Temporaries) -> Result<Self> {
        let (staged, file) = StagedFile::create(folder, "parquet", temporaries)?;
        let schema = BatchBuilder::new(table, None).schema();
        let properties = properties(&SinkOptions::default(), table)?;
        let writer = ArrowWriter::try_new(HashWriter::new(file), schema, Some(properties));
        let writer = writer.map_err(|error| broken(&staged, error))?;
        Ok(Self {
            table,
            staged,
            writer,
            waiting: Vec::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            rows: 0,
        })
    }

    /// Adds rows with a size of about `bytes` bytes.
    pub(super) fn push(&mut self, batch: RecordBatch, bytes: usize) -> Result<()> {
        self.waiting_rows = self.waiting_rows.saturating_add(batch.num_rows());
        self.waiting_bytes = self.waiting_bytes.saturating_add(bytes);
        self.waiting.push(batch);
        if self.waiting_rows >= ROWS || self.waiting_bytes >= BYTES {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        (self.waiting_rows, self.waiting_bytes) = (0, 0);
        let parts = std::mem::take(&mut self.waiting);
        let Some(first) = parts.first() else { return Ok(()) };
        let batch = if parts.len() == 1 {
            first.clone()
        } else {
            let all = concat_batches(&first.schema(), &parts);
            all.map_err(|error| Error::internal(error.to_string()))?
        };
        self.rows = self.rows.saturating_add(u64::try_from(batch.num_rows()).unwrap_or(0));
        self.writer.write(&batch).map_err(|error| broken(&self.staged, error))?;
        if self.writer.memory_size() > GROUP_BYTES {
            self.writer.flush().map_err(|error| broken(&self.staged, error))?;
        }
        Ok(())
    }

    /// Completes the file and waits until it is on the disk.
    pub(super) fn finish(mut self) -> Result<DataFile> {
        self.write()?;
        let Self { table, staged, writer, rows, .. } = self;
        let hashing = writer.into_inner().map_err(|error| broken(&staged, error))?;
        let (bytes, sha256) = hashing.finish().map_err(|error| failed(staged.path(), error))?;
        Ok(DataFile { table, staged, rows, bytes, sha256 })
    }
}

impl DataFile {
    pub(super) fn path(&self) -> &Path {
        self.staged.path()
    }

    /// Moves files to their final names, and waits until the names are on the disk. Equal bytes
    /// have equal names, so a file may already exist.
    pub(super) fn publish_all(
        dir: &Path,
        parts: Vec<(Self, Option<String>)>,
    ) -> Result<Vec<FileEntry>> {
        let mut folders = BTreeSet::new();
        let mut entries = Vec::with_capacity(parts.len());
        for (part, date) in parts {
            let table = part.table.name();
            let partition = format!("scan_date={}", date.as_deref().unwrap_or(NO_VALUE));
            let folder = dir.join(table).join(&partition);
            if !folder.is_dir() {
                fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
                folders.extend([dir.to_owned(), dir.join(table)]);
            }
            let Self { staged, rows, bytes, sha256, .. } = part;
            let name = format!("part-{}.parquet", sha256.get(..32).unwrap_or(&sha256));
            let path = folder.join(&name);
            fs::rename(staged.path(), &path).map_err(|error| failed(&path, error))?;
            staged.renamed();
            folders.insert(folder);
            entries.push(FileEntry {
                path: format!("{table}/{partition}/{name}"),
                table: table.to_owned(),
                scan_date: date,
                rows,
                bytes,
                sha256,
            });
        }
        for folder in &folders {
            sync_dir(folder)?;
        }
        Ok(entries)
    }
}

/// Writer that counts and hashes the bytes of a file.
struct HashWriter {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl HashWriter {
    fn new(file: File) -> Self {
        Self { file: BufWriter::with_capacity(1 << 16, file), hash: Sha256::new(), bytes: 0 }
    }

    fn finish(self) -> io::Result<(u64, String)> {
        let Self { file, hash, bytes } = self;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        let digest = hash.finalize();
        Ok((bytes, hex(&digest)))
    }
}

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.file.write(bytes)?;
        self.hash.update(bytes.get(..len).unwrap_or(bytes));
        self.bytes = self.bytes.saturating_add(u64::try_from(len).unwrap_or(0));
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn broken(staged: &StagedFile, error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => Error::sink(staged.path().display().to_string(), source),
        other => failed(staged.path(), other),
    }
}
