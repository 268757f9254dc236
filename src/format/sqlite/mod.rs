//! SQLite: one file with all tables, their keys and indexes (DATA_MODEL section 4).
//!
//! `records` encodes rows on any thread, and `database` inserts them in the order in which they were read. The file is
//! written under a temporary name, in one transaction, and gets its own name when it is complete. So it needs no journal
//! on disk and no lock. Indexes are created after all rows, which is faster than keeping them up to date; SQLite
//! sorts large ones in temporary files without a name (in the folder that `SQLITE_TMPDIR` or `TMPDIR` names).
//!
//! Invariants: the bytes depend on the rows alone. Every value is a parameter of a statement, never part of its text.

mod database;
mod records;

pub(crate) use self::database::Database;
pub use self::records::{SqliteChunk, SqliteRows};
use super::{ChunkWriter, Format, RowFormat, SinkOptions, TableEncoder, single_file};
use crate::{
    error::{Error, Result},
    fs::File,
    output::{Output, Replace, StagedOutput},
    table::Table,
};

/// Writes one SQLite database with all tables.
pub struct SqliteSink {
    options: SinkOptions,
    database: Database,
    /// File that is renamed to its final path at the end.
    staged: StagedOutput,
    file: File,
}

impl SqliteSink {
    /// Opens a database.
    ///
    /// # Errors
    /// Returns a usage error if the output exists and may not be replaced, or is a folder or standard output, and an
    /// output error if it cannot be created.
    pub fn open(output: &Output, options: SinkOptions) -> Result<Self> {
        let path = single_file(output, "sqlite")?;
        let replace = Replace::of(options.overwrite);
        let (staged, file) = StagedOutput::file(path, replace, &options.temporaries)?;
        let name = path.display().to_string();
        let database = Database::create(staged.temporary(), name, &options)?;
        Ok(Self { options, database, staged, file })
    }
}

impl ChunkWriter for SqliteSink {
    type Chunk = SqliteChunk;

    fn tables(&self) -> &[Table] {
        &self.options.tables
    }

    fn write(&mut self, chunk: SqliteChunk) -> Result<()> {
        self.database.insert(&chunk)
    }

    fn replaces(&self) -> Option<&str> {
        self.staged.replaces()
    }

    fn finish(self) -> Result<()> {
        let Self { database, staged, file, .. } = self;
        database.finish()?;
        file.sync_all().map_err(|error| Error::sink(staged.name(), error))?;
        staged.publish()
    }
}

impl Format for SqliteSink {
    type Encoder = TableEncoder<SqliteRows>;

    fn encoder(&self) -> Self::Encoder {
        TableEncoder::new(self.row_encoder(), self.options.derived())
    }
}

impl RowFormat for SqliteSink {
    type Rows = SqliteRows;

    fn row_encoder(&self) -> SqliteRows {
        SqliteRows::new(&self.options)
    }
}
