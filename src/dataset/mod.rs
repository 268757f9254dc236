//! Partitioned Parquet dataset that many runs can write, with each document loaded exactly once
//! (`docs/dataset.md`).
//!
//! A dataset is a folder with Parquet files, `<table>/scan_date=YYYY-MM-DD/part-<content
//! hash>.parquet`, and a log of commits, `_scanmill/<n>.json`. The log defines the content: a file
//! that no commit names is not part of the dataset. Files are never changed. A commit names the
//! files that are added and removed, and it takes effect when a complete file gets its name in the
//! log, which only one of several runs can do.
//!
//! ```text
//! chunks of rows ─▶ loader ─▶ pending_rows ─┐            ┌─▶ data_file ─▶ staging ─▶ part-….parquet
//! document events ─▶   │      or spill ─────┴─▶ commit ──┤
//!                      └─ LoadHandle            plan     └─▶ log ─▶ <n>.json ─▶ newest
//! <n>.json ─▶ log ─▶ snapshot ─▶ decode ─▶ replay (events), table_reader (batches), rows (copies)
//! ```
//!
//! Writing: [`Dataset::load`] returns an output format (`loader`), which collects rows
//! (`pending_rows`, and `spill` for large documents). `commit` decides about each document (`plan`,
//! based on `snapshot`), writes files under temporary names in `_scanmill/staging` (`data_file`),
//! moves them to their final names, and adds the commit (`log`). [`Dataset::compact`] (`maintenance`)
//! takes the same path with rows of existing files. [`ops::ingest`](crate::ops::ingest())
//! decides which inputs are read at all.
//!
//! Reading: `snapshot` is the sum of all commits. `replay` returns the documents as events, so that a
//! dataset is an input like any other, and `table_reader` the rows of one table. All Parquet bytes
//! pass through `decode`, which checks them against the log.
//!
//! Invariants, in the order in which a crash could break them:
//!
//! 1. A file has its final name and is on the disk before a commit names it.
//! 2. A commit is complete and on the disk before it gets its name, and its name never changes owner.
//! 3. The number of a commit is recorded in `newest` only after the commit has its name.
//! 4. The rows in the files of a snapshot are those of its documents (`Snapshot::mismatch`).
//! 5. A digest is known only if all rows of its document are committed, or were left out by a plan.
//!
//! Locks: runs that write share a lock, and [`Dataset::vacuum`] takes it exclusively, since the files
//! of a commit in progress look like leftovers. Readers take no lock; if a file is missing, they
//! check whether a newer commit removed it. Two writers are kept apart by the names in the log, not
//! by the lock, so datasets also work on file systems without locks.
//!
//! When something is added:
//!
//! - A field of a commit needs a serde default, so that older logs can be read. If older programs must
//!   not ignore it, raise the version of the log (`log`).
//! - A table needs its rows in `replay`; `Table::ALL` covers the rest.
//! - An operation that writes goes through `Log::add` and catches up if it loses the race, as `commit`
//!   and `maintenance` do.
//! - `tests/it/faults` lets each call of the file system fail once; add a trial for a new operation.

mod chunk_reader;
mod commit;
mod data_file;
mod decode;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod loader;
mod log;
mod maintenance;
mod newest;
mod pending_rows;
mod plan;
mod replay;
mod rows;
mod snapshot;
mod spill;
mod table_reader;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

#[cfg(feature = "cli")]
pub(crate) use self::decode::is_decoding;
use self::{decode::unreadable, log::Log, snapshot::Snapshot};
pub use self::{
    loader::{InputDigest, LoadHandle, LoadReport, Loader},
    log::{Commit, DocumentEntry, FileEntry, Operation, SkippedEntry, SourceEntry},
    maintenance::{CompactReport, Orphan, Status, VacuumReport},
    replay::Replay,
    table_reader::{TableBatches, TableOptions},
};
use crate::{
    error::{Error, Result},
    fs::{self, File, TryLockError},
    output::{Temporaries, make_target},
    table::Table,
};

/// Folder of the log, inside the folder of the dataset.
const LOG: &str = "_scanmill";

/// Folder for unfinished files, inside the folder of the log.
const STAGING: &str = "staging";

/// Dataset: its folder, and its content as of the newest commit.
pub struct Dataset {
    dir: PathBuf,
    log: Log,
    snapshot: Snapshot,
    /// Held while files are written, so that [`Dataset::vacuum`] does not remove them.
    _lock: Option<File>,
}

/// Intended use of a dataset, which decides about the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenMode {
    Read,
    Write,
    Exclusive,
}

impl Dataset {
    /// Returns true if a folder is a dataset. A dataset that lost its log is recognized if it
    /// contains parts, and nothing but folders of tables.
    #[must_use]
    pub fn exists(dir: &Path) -> bool {
        let is_of_dataset = |entry: fs::DirEntry| {
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            name.starts_with('.') || Table::ALL.iter().any(|table| table.name() == name)
        };
        dir.join(LOG).is_dir()
            || fs::read_dir(dir).is_ok_and(|mut entries| {
                entries.all(|entry| entry.is_ok_and(is_of_dataset))
                    && maintenance::has_parts(dir).unwrap_or(false)
            })
    }

    /// Opens a dataset for reading.
    ///
    /// # Errors
    /// Returns a usage error if the folder is not a dataset, and an input error if its log cannot
    /// be read or lost commits.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::with(dir, OpenMode::Read)
    }

    /// Opens a dataset for loading or compaction, and creates it if it does not exist. Unfinished
    /// files of killed runs are removed if no other run is writing.
    ///
    /// # Errors
    /// Returns a usage error if the folder contains anything else, an output error if it cannot be
    /// written, and an input error if its log cannot be read or lost commits.
    pub fn open_or_create(dir: &Path) -> Result<Self> {
        if !dir.join(LOG).is_dir() {
            if maintenance::has_parts(dir)? {
                return Err(without_log(dir));
            }
            let other = match fs::read_dir(dir) {
                // Another run may be creating the dataset at the same time.
                Ok(mut entries) => {
                    entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != LOG))
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => return Err(failed(dir, error)),
            };
            if other {
                let message = format!("{} is not empty and not a dataset", dir.display());
                return Err(Error::usage(message));
            }
        }
        make_target(dir)?;
        let staging = dir.join(LOG).join(STAGING);
        fs::create_dir_all(&staging).map_err(|error| failed(&staging, error))?;
        sync_dir(&dir.join(LOG))?;
        sync_dir(dir)?;
        Self::with(dir, OpenMode::Write)
    }

    /// Removes the log of a dataset that the calling run created and loaded nothing into. A dataset
    /// that another run is writing stays.
    pub fn remove_unused(dir: &Path) {
        let folder = dir.join(LOG);
        let Ok(Self { snapshot: Snapshot { number: 0, .. }, _lock, .. }) =
            Self::open_exclusive(dir)
        else {
            return;
        };
        // Each call fails if the folder is not empty.
        if fs::remove_dir(folder.join(STAGING)).is_ok() {
            let _ = fs::remove_file(folder.join(newest::NEWEST));
            let _ = fs::remove_file(folder.join("lock"));
            let _ = fs::remove_dir(&folder);
        }
    }

    /// Opens a dataset for [`Self::vacuum`].
    ///
    /// # Errors
    /// Returns a usage error if the folder is not a dataset or another run is writing it, and an
    /// input error if its log cannot be read or lost commits.
    pub fn open_exclusive(dir: &Path) -> Result<Self> {
        Self::with(dir, OpenMode::Exclusive)
    }

    fn with(dir: &Path, mode: OpenMode) -> Result<Self> {
        let folder = dir.join(LOG);
        if !folder.is_dir() {
            if maintenance::has_parts(dir)? {
                return Err(without_log(dir));
            }
            return Err(Error::usage(format!("{} is not a dataset of scanmill", dir.display())));
        }
        let lock = match mode {
            OpenMode::Read => None,
            OpenMode::Write => Some(lock_shared(&folder)?),
            OpenMode::Exclusive => Some(lock_exclusive(dir, &folder)?),
        };
        let log = Log::new(folder);
        // Read before the log, which may grow in between.
        let noted = log.newest()?;
        let mut snapshot = Snapshot::default();
        log.catch_up(&mut snapshot)?;
        match noted {
            Some(noted) if noted > snapshot.number => {
                let proof = format!("commit {noted} was made");
                return Err(log.lost(snapshot.number.saturating_add(1), &proof));
            }
            // The first run records its number before it creates parts, and may have done so since.
            None if snapshot.number == 0
                && maintenance::has_parts(dir)?
                && log.newest()?.is_none() =>
            {
                return Err(without_log(dir));
            }
            None if snapshot.has_newest && log.newest()?.is_none() => {
                return Err(log.without_newest(snapshot.number));
            }
            None if mode == OpenMode::Write => log.note_first(snapshot.number)?,
            _ => {}
        }
        Ok(Self { dir: dir.to_owned(), log, snapshot, _lock: lock })
    }

    /// Returns the commits, oldest first.
    ///
    /// # Errors
    /// Returns an output error if the log cannot be read.
    pub fn commits(&self) -> Result<Vec<Commit>> {
        (1..=self.snapshot.number).map(|number| self.log.read(number)).collect()
    }

    /// Returns the name of the input of the scan with this ID.
    fn source_of(&self, scan_id: &str) -> Result<Option<String>> {
        let documents = self.commits()?.into_iter().rev().flat_map(|commit| commit.documents);
        let mut of_scan = documents.filter(|entry| entry.scan_id.as_deref() == Some(scan_id));
        Ok(of_scan.next().map(|entry| entry.source))
    }

    /// Returns the paths of the current files, of one table or of all, relative to the folder and
    /// in byte order.
    pub fn files(&self, table: Option<Table>) -> impl Iterator<Item = &str> {
        let fits = move |entry: &FileEntry| table.is_none_or(|table| table.name() == entry.table);
        self.snapshot
            .files
            .iter()
            .filter(move |(_, file)| fits(&file.entry))
            .map(|(path, _)| &**path)
    }

    /// Checks that every file in the log exists and has the recorded length. Its content is checked
    /// when it is read.
    ///
    /// # Errors
    /// Returns an input error that names the first file that is missing or has another length, with
    /// the number of such files.
    pub fn check_files(&self) -> Result<()> {
        let Err(error) = self.compare_files() else { return Ok(()) };
        // A reader holds no lock, so another run may have compacted or removed files in between.
        let now = Self::with(&self.dir, OpenMode::Read)?;
        if now.snapshot.number == self.snapshot.number { Err(error) } else { now.compare_files() }
    }

    fn compare_files(&self) -> Result<()> {
        let mut first = None;
        let mut wrong = 0_u64;
        for (name, file) in &self.snapshot.files {
            let path = self.dir.join(name);
            let why = match fs::if_there(fs::metadata(&path)) {
                Err(error) => return Err(unreadable(&path, error)),
                Ok(None) => "it is missing, and the log lists it".to_owned(),
                Ok(Some(meta)) if !meta.is_file() => "it is not a file".to_owned(),
                Ok(Some(meta)) if meta.len() == file.entry.bytes => continue,
                Ok(Some(meta)) => decode::other_length(meta.len(), file.entry.bytes),
            };
            wrong = wrong.saturating_add(1);
            first.get_or_insert((path, why));
        }
        let Some((path, why)) = first else { return Ok(()) };
        let others = match wrong {
            1 => String::new(),
            _ => format!(" (the first of {wrong} such files)"),
        };
        Err(unreadable(&path, io::Error::other(format!("damaged: {why}{others}"))))
    }

    /// Returns a format that loads scans into the dataset, and a handle that names their inputs and
    /// reports what was loaded.
    ///
    /// # Errors
    /// Returns an input error if a file of the dataset is missing or damaged
    /// ([`Self::check_files`]): its documents are known, so they would not be loaded again.
    pub fn load(
        self,
        options: &LoadOptions,
        temporaries: &Temporaries,
    ) -> Result<(Loader, LoadHandle)> {
        self.check_files()?;
        Ok(loader::start(self, options, temporaries))
    }
}

/// Options for loading documents.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Number of threads that write files.
    pub threads: usize,
    /// Size of the rows, in Arrow format, after which they are committed, in bytes.
    pub commit_bytes: usize,
    /// Start of the run, as RFC 3339 text for the log.
    pub time: String,
    /// Nothing more is committed once this is true.
    pub stop: Arc<AtomicBool>,
}

impl LoadOptions {
    /// Default of [`Self::commit_bytes`].
    pub const COMMIT_BYTES: usize = 32 << 20;

    /// Creates options with one thread and [`Self::COMMIT_BYTES`].
    #[must_use]
    pub fn new(time: impl Into<String>) -> Self {
        Self {
            threads: 1,
            commit_bytes: Self::COMMIT_BYTES,
            time: time.into(),
            stop: Arc::default(),
        }
    }
}

/// Returns the error for a dataset that has parts and no log.
fn without_log(dir: &Path) -> Error {
    let message = format!(
        "damaged: it has parts of a dataset, and no commit in its log; {}",
        log::BRING_BACK
    );
    unreadable(&dir.join(LOG), io::Error::other(message))
}

/// Takes the lock that writing runs share, and that excludes [`Dataset::vacuum`]. If no other run
/// holds it, removes unfinished files of killed runs first.
fn lock_shared(folder: &Path) -> Result<File> {
    let file = lock_file(folder)?;
    match file.try_lock() {
        Ok(()) => {
            for path in maintenance::staged(folder) {
                let _ = fs::remove_file(path);
            }
            // Another run may take the lock before it becomes shared, which is harmless.
            let _ = file.unlock();
        }
        Err(TryLockError::WouldBlock) => {}
        // On a file system without locks, file names keep runs apart; only cleaning up is not
        // possible.
        Err(TryLockError::Error(_)) => return Ok(file),
    }
    file.lock_shared().map_err(|error| failed(folder, error))?;
    Ok(file)
}

fn lock_exclusive(dir: &Path, folder: &Path) -> Result<File> {
    let file = lock_file(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = format!("another run is using {}; try again later", dir.display());
            Err(Error::usage(message))
        }
        Err(TryLockError::Error(error)) => Err(failed(folder, error)),
    }
}

fn lock_file(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    file.map_err(|error| failed(&path, error))
}

/// Waits until the names in a folder are on the disk.
fn sync_dir(dir: &Path) -> Result<()> {
    fs::sync_dir(dir).map_err(|error| failed(dir, error))
}

fn failed(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::sink(path.display().to_string(), error)
}
