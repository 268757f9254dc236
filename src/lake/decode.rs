//! The Parquet files of a dataset, decoded: the only place where bytes that somebody may have changed reach the
//! decoder of another project.
//!
//! That decoder is made for files that a writer wrote, and panics on some others. Three walls keep a damaged
//! file an error that names it:
//!
//! 1. The log has length and SHA-256 of each file. They are compared before anything of it is decoded, so a file
//!    that was damaged on its disk or on its way never gets there. This reads a file once more: with SHA
//!    instructions at about the speed of the disk, and files are read one after the other anyway.
//! 2. A file whose log was changed with it is read with the schema of its table, never with the one that it brings
//!    along (the metadata `ARROW:schema`), and its columns must be those of the table.
//! 3. What still panics is caught here, file by file, and the error names the file. Of the panic itself the command says
//!    nothing ([`is_decoding`]); for a program that uses the library its hook decides.

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

use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
        },
    },
    errors::ParquetError,
};
use sha2::{Digest as _, Sha256};

use super::{chunks::Chunks, log::FileEntry, state};
use crate::{
    bytes::hex,
    error::{Error, Result},
    fs::File,
    table::{BatchBuilder, RecordBatch, Table},
};

/// Rows that are read at once.
const ROWS: usize = 512;

/// Bytes that are digested at once.
const PIECE: usize = 128 << 10;

/// What the log says of the bytes of a file, and whether they were compared with it.
#[derive(Debug)]
pub(super) struct Proof {
    rows: u64,
    bytes: u64,
    sha256: String,
    is_checked: AtomicBool,
}

impl Proof {
    pub(super) fn of(entry: &FileEntry) -> Self {
        let FileEntry { rows, bytes, sha256, .. } = entry;
        let is_checked = AtomicBool::new(false);
        Self { rows: *rows, bytes: *bytes, sha256: sha256.clone(), is_checked }
    }

    /// Compares a file with the log, once.
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
            return Err(io::Error::other("damaged: its bytes are not those that the log has"));
        }
        self.is_checked.store(true, Ordering::Relaxed);
        // The decoder reads by places, wherever this has left the file.
        Ok(())
    }
}

/// A file of a dataset.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) table: Table,
    /// `None` of a file that this run has just made.
    proof: Option<Arc<Proof>>,
}

impl Source {
    /// A file that this run has made.
    pub(super) fn made(path: &Path, table: Table) -> Self {
        Self { path: path.to_owned(), table, proof: None }
    }

    /// A file that the log names.
    ///
    /// # Errors
    /// If it is of a table that there is not.
    pub(super) fn of(dir: &Path, file: &state::File) -> Result<Self> {
        let table = Table::from_name(&file.entry.table)?;
        let proof = Some(Arc::clone(&file.proof));
        Ok(Self { path: dir.join(&file.entry.path), table, proof })
    }
}

/// The rows of a file, batch by batch. After an error there are none.
pub(super) struct Decoder {
    path: PathBuf,
    reader: Option<ParquetRecordBatchReader>,
}

impl Decoder {
    /// Opens a file behind its first rows, with these columns or all.
    ///
    /// # Errors
    /// An input error with the name of the file, if it cannot be read or is not as it was written.
    pub(super) fn open(source: &Source, behind: u64, columns: &[&str]) -> Result<Self> {
        let opened = || -> io::Result<ParquetRecordBatchReader> {
            let mut file = File::open(&source.path)?;
            if let Some(proof) = &source.proof {
                proof.check(&mut file)?;
            }
            caught(|| reader(file, source, behind, columns))
        };
        let reader = opened().map_err(|error| unreadable(&source.path, error))?;
        Ok(Self { path: source.path.clone(), reader: Some(reader) })
    }
}

impl Iterator for Decoder {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader.take()?;
        let next = caught(|| Ok(reader.next().transpose()?));
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

fn reader(
    file: File,
    source: &Source,
    behind: u64,
    columns: &[&str],
) -> std::result::Result<ParquetRecordBatchReader, ParquetError> {
    let schema = BatchBuilder::new(source.table, None).schema();
    let options = ArrowReaderOptions::new().with_schema(schema);
    let chunks = Chunks::new(file)?;
    let mut builder = ParquetRecordBatchReaderBuilder::try_new_with_options(chunks, options)?;
    if let Some(proof) = &source.proof {
        let rows = builder.metadata().file_metadata().num_rows();
        if !u64::try_from(rows).is_ok_and(|rows| rows == proof.rows) {
            let of_log = proof.rows;
            let message = format!("damaged: it has {rows} rows, not {of_log} as the log says");
            return Err(ParquetError::External(io::Error::other(message).into()));
        }
    }
    if !columns.is_empty() {
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        builder = builder.with_projection(mask);
    }
    let behind = usize::try_from(behind).unwrap_or(usize::MAX);
    builder.with_batch_size(ROWS).with_offset(behind).build()
}

/// Says that a file has another length than in the log.
pub(super) fn other_length(len: u64, of_log: u64) -> String {
    format!("it has {len} bytes, not {of_log} as the log says")
}

thread_local! {
    /// Whether the decoder runs on this thread.
    static DECODES: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread is one of the decoder, which is caught and becomes an error.
#[cfg(any(feature = "cli", test))]
pub(crate) fn is_decoding() -> bool {
    DECODES.get()
}

/// Runs the decoder; that it panics is an error like others.
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

/// A file of a dataset that cannot be read is an input that cannot.
pub(super) fn unreadable(path: &Path, error: impl Into<io::Error>) -> Error {
    Error::from(error.into()).in_input(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_decoder_is_an_error_and_known_to_be_one() {
        let error = caught(|| -> std::result::Result<(), ParquetError> {
            assert!(!is_decoding(), "as long as it runs, this is true, so it panics");
            Ok(())
        });
        assert!(error.unwrap_err().to_string().contains("cannot be decoded"));
        assert!(!is_decoding());
        caught(|| Ok(())).unwrap();
    }
}
