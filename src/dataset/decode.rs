//! Decoding of the Parquet files of a dataset. Only here are rows that others may have changed
//! passed to the decoder of the `parquet` crate.
//!
//! That decoder is written for files that a writer produced, and panics on some others. Three
//! barriers turn a damaged file into an error that names it:
//!
//! 1. The log contains the length and the SHA-256 of each file. They are compared before anything
//!    is decoded, so a file that was damaged on disk or in transfer never reaches the decoder. This
//!    reads a file once more: with SHA instructions at about the speed of the disk, and files are read
//!    one after another anyway.
//! 2. A file that was changed together with its log is read with the schema of its table, never
//!    with the one that it contains (the metadata `ARROW:schema`), and its columns must be those of
//!    the table. Only a file of an earlier version of the tables may lack columns, which are those
//!    that were added since; their values are null.
//! 3. Remaining panics are caught per file, and become an error that names the file. The command
//!    suppresses the message of the panic ([`is_decoding`]); in a program that uses the library, its
//!    own panic hook decides.

use std::{
    cell::Cell,
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arrow::{array::new_null_array, datatypes::Schema};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
            ParquetRecordBatchReaderBuilder,
        },
    },
    errors::ParquetError,
    file::metadata::ParquetMetaData,
};
use sha2::{Digest as _, Sha256};

use super::{chunk_reader::ChunkedFile, commit::FileEntry, folder::unreadable};
use crate::{
    error::Result,
    format::parquet::SCHEMA_VERSION_KEY,
    fs::File,
    table::{BatchBuilder, Column, RecordBatch, SchemaRef, Table},
    text::hex,
};

/// Number of rows per batch when rows are compared, copied or assembled to hosts.
const ROWS: usize = 512;

/// Number of bytes that are hashed at once.
const PIECE: usize = 128 << 10;

/// Length and digest of a file according to the log. Records that the file was compared with them.
#[derive(Debug)]
pub(super) struct FileChecksum {
    rows: u64,
    bytes: u64,
    sha256: String,
    is_checked: AtomicBool,
}

impl FileChecksum {
    pub(super) fn of(entry: &FileEntry) -> Self {
        let FileEntry { rows, bytes, sha256, .. } = entry;
        let is_checked = AtomicBool::new(false);
        Self { rows: *rows, bytes: *bytes, sha256: sha256.clone(), is_checked }
    }

    /// Compares a file with the log. Later calls do nothing.
    fn check(&self, file: &mut File) -> io::Result<()> {
        if self.is_checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        let len = file.metadata()?.len();
        if len != self.bytes {
            let message = other_length(len, self.bytes);
            return Err(io::Error::other(format!("damaged: {message}")));
        }
        let mut hash = Sha256::new();
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece) {
                Ok(0) => break,
                Ok(len) => hash.update(piece.get(..len).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if hex(&hash.finalize()) != self.sha256 {
            return Err(io::Error::other("damaged: its digest differs from that in the log"));
        }
        self.is_checked.store(true, Ordering::Relaxed);
        // The decoder reads at offsets, so the position of the file does not matter.
        Ok(())
    }
}

/// File of a dataset.
#[derive(Debug, Clone)]
pub(super) struct TableFile {
    pub(super) path: PathBuf,
    pub(super) table: Table,
    /// `None` for a file that this run wrote.
    checksum: Option<Arc<FileChecksum>>,
}

impl TableFile {
    /// Creates a source from a file that this run wrote.
    pub(super) fn made(path: &Path, table: Table) -> Self {
        Self { path: path.to_owned(), table, checksum: None }
    }

    /// Creates a source from a file that the log names.
    pub(super) fn in_log(path: PathBuf, table: Table, checksum: Arc<FileChecksum>) -> Self {
        Self { path, table, checksum: Some(checksum) }
    }
}

/// Iterator over the batches of a file. It ends after an error.
pub(super) struct Decoder {
    path: PathBuf,
    reader: Option<ParquetRecordBatchReader>,
    /// Schema of the batches, if the file lacks some of its columns.
    filled: Option<SchemaRef>,
}

impl Decoder {
    /// Opens a file from row `first` on. Reads only these columns, in the order of the
    /// table, or all if none are given. Names that are no column of the table are ignored.
    ///
    /// # Errors
    /// Returns an input error that names the file if it cannot be read or differs from what was
    /// written.
    pub(super) fn open(source: &TableFile, first: u64, columns: &[&str]) -> Result<Self> {
        Self::open_sized(source, (first, ROWS), columns)
    }

    /// Opens a file as [`open`](Self::open) does, with at most `batch_rows` rows per batch.
    ///
    /// # Errors
    /// Fails as [`open`](Self::open) does.
    pub(super) fn open_sized(
        source: &TableFile,
        (first, batch_rows): (u64, usize),
        columns: &[&str],
    ) -> Result<Self> {
        let opened = || -> io::Result<(ParquetRecordBatchReader, bool)> {
            let mut file = File::open(&source.path)?;
            if let Some(checksum) = &source.checksum {
                checksum.check(&mut file)?;
            }
            caught(|| reader(file, source, (first, batch_rows), columns))
        };
        let (reader, lacks) = opened().map_err(|error| unreadable(&source.path, error))?;
        let filled = lacks.then(|| selected_schema(source.table, columns));
        Ok(Self { path: source.path.clone(), reader: Some(reader), filled })
    }
}

impl Iterator for Decoder {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader.take()?;
        let next = caught(|| {
            let Some(batch) = reader.next().transpose()? else { return Ok(None) };
            match &self.filled {
                None => Ok(Some(batch)),
                Some(schema) => Ok(Some(fill(&batch, schema)?)),
            }
        });
        match next {
            Ok(Some(batch)) => {
                self.reader = Some(reader);
                Some(Ok(batch))
            }
            Ok(None) => None,
            Err(error) => Some(Err(unreadable(&self.path, error))),
        }
    }
}

/// Returns a reader of a file, and true if the file lacks columns of its table.
fn reader(
    file: File,
    source: &TableFile,
    (first, batch_rows): (u64, usize),
    columns: &[&str],
) -> std::result::Result<(ParquetRecordBatchReader, bool), ParquetError> {
    let chunks = ChunkedFile::new(file)?;
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = Arc::clone(ArrowReaderMetadata::load(&chunks, options)?.metadata());
    let schema = schema_of(&metadata, source.table);
    let lacks = schema.fields().len() < source.table.columns().len();
    let options = ArrowReaderOptions::new().with_schema(schema);
    let metadata = ArrowReaderMetadata::try_new(metadata, options)?;
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata);
    if let Some(checksum) = &source.checksum {
        let rows = builder.metadata().file_metadata().num_rows();
        if !u64::try_from(rows).is_ok_and(|rows| rows == checksum.rows) {
            let of_log = checksum.rows;
            let message = format!("damaged: it has {rows} rows, not {of_log} as the log says");
            return Err(ParquetError::External(io::Error::other(message).into()));
        }
    }
    if !columns.is_empty() {
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        builder = builder.with_projection(mask);
    }
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    Ok((builder.with_batch_size(batch_rows).with_offset(first).build()?, lacks))
}

/// Returns the schema of a file: that of its table, without the columns that were added after the version of the file
/// and that it lacks.
fn schema_of(file: &ParquetMetaData, table: Table) -> SchemaRef {
    let whole = BatchBuilder::new(table, None).schema();
    let pairs = file.file_metadata().key_value_metadata().into_iter().flatten();
    let version = pairs.filter(|pair| pair.key == SCHEMA_VERSION_KEY).find_map(|pair| {
        let version = pair.value.as_ref()?;
        version.parse::<u32>().ok()
    });
    let Some(version) = version else { return whole };
    let columns = file.file_metadata().schema_descr().root_schema().get_fields();
    let has = |name: &str| columns.iter().any(|column| column.name() == name);
    let is_read = |(column, _): &(&Column, _)| column.since() <= version || has(column.field.name);
    let fields = table.columns().iter().zip(whole.fields()).filter(is_read);
    Arc::new(Schema::new(fields.map(|(_, field)| Arc::clone(field)).collect::<Vec<_>>()))
}

/// Returns the schema of these columns of a table, or of all if none are given.
fn selected_schema(table: Table, columns: &[&str]) -> SchemaRef {
    let whole = BatchBuilder::new(table, None).schema();
    if columns.is_empty() {
        return whole;
    }
    let fields = whole.fields().iter().filter(|field| columns.contains(&field.name().as_str()));
    Arc::new(Schema::new(fields.map(Arc::clone).collect::<Vec<_>>()))
}

/// Returns the rows with the columns of a schema. Columns that are missing are null.
fn fill(batch: &RecordBatch, schema: &SchemaRef) -> std::result::Result<RecordBatch, ParquetError> {
    let rows = batch.num_rows();
    let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(column) => Arc::clone(column),
        None => new_null_array(field.data_type(), rows),
    });
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect())?)
}

/// Describes a file whose length differs from the log.
pub(super) fn other_length(len: u64, of_log: u64) -> String {
    format!("it has {len} bytes, not {of_log} as the log says")
}

thread_local! {
    /// True while the decoder runs on this thread.
    static DECODES: Cell<bool> = const { Cell::new(false) };
}

/// Returns true if a panic on this thread comes from the decoder. Such a panic is caught and
/// becomes an error.
#[cfg(any(feature = "cli", test))]
pub(crate) fn is_decoding() -> bool {
    DECODES.get()
}

/// Runs the decoder. Returns a panic as an error.
fn caught<T>(run: impl FnOnce() -> std::result::Result<T, ParquetError>) -> io::Result<T> {
    DECODES.set(true);
    let done = catch_unwind(AssertUnwindSafe(run));
    DECODES.set(false);
    match done {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(ParquetError::External(source))) => match source.downcast::<io::Error>() {
            Ok(error) => Err(*error),
            Err(other) => Err(io::Error::other(other)),
        },
        Ok(Err(other)) => Err(io::Error::other(other)),
        Err(_) => Err(io::Error::other("damaged: it cannot be decoded")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_decoder_is_an_error_that_says_so() {
        let error = caught(|| -> std::result::Result<(), ParquetError> {
            assert!(!is_decoding(), "true while the decoder runs, so this panics");
            Ok(())
        });
        assert!(error.unwrap_err().to_string().contains("cannot be decoded"));
        assert!(!is_decoding());
        caught(|| Ok(())).unwrap();
    }
}
