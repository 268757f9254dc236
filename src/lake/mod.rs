//! A partitioned Parquet dataset that many runs feed, each document exactly once (`docs/lake.md`).
//!
//! A dataset is a folder: `<table>/scan_date=YYYY-MM-DD/part-<content hash>.parquet`, and a log of commits
//! `_scanmill/<n>.json`. What is in it is what the log says: a file that no commit names is no part of it.
//! Files are never changed; a commit names those that come and those that go, and it is made by giving a
//! name to a complete file, which only one of several runs can do.

mod chunks;
mod commit;
mod decode;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod loading;
mod log;
mod newest;
mod part;
mod plan;
mod replay;
mod rows;
mod spill;
mod state;
mod upkeep;
mod window;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

#[cfg(feature = "cli")]
pub(crate) use self::decode::is_decoding;
use self::{decode::unreadable, log::Log, state::State};
pub use self::{
    loading::{Loader, Loading, Source, Told},
    log::{Commit, DocumentEntry, FileEntry, Operation, SkippedEntry, SourceEntry},
    replay::Replay,
    upkeep::{Compacted, Orphan, Status, Vacuumed},
};
use crate::{
    error::{Error, Result},
    fs::{self, File, TryLockError},
    sink::{Temporaries, make_target},
    table::Table,
};

/// The folder of the log, below the dataset's.
const LOG: &str = "_scanmill";

/// Files in the making, below the log's folder.
const STAGING: &str = "staging";

/// A dataset: its folder, and what its newest commit says.
pub struct Lake {
    dir: PathBuf,
    log: Log,
    state: State,
    /// Held while files are made, so that nobody takes them for orphans.
    _lock: Option<File>,
}

/// What is to be done with a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    Write,
    Clean,
}

impl Lake {
    /// Whether a folder is a dataset, be it one that lost its log: then it holds parts, and nothing but folders of tables.
    #[must_use]
    pub fn is_at(dir: &Path) -> bool {
        let is_of_dataset = |entry: fs::DirEntry| {
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            name.starts_with('.') || Table::ALL.iter().any(|table| table.name() == name)
        };
        dir.join(LOG).is_dir()
            || fs::read_dir(dir).is_ok_and(|mut entries| {
                entries.all(|entry| entry.is_ok_and(is_of_dataset))
                    && upkeep::has_parts(dir).unwrap_or(false)
            })
    }

    /// Opens a dataset to see what is in it.
    ///
    /// # Errors
    /// A usage error if there is none; an input error if its log cannot be read, or lost commits.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::with(dir, Use::Read)
    }

    /// Opens a dataset to load or compact it, and makes it if there is none. What runs that were killed left
    /// unfinished is removed if no other run is at work.
    ///
    /// # Errors
    /// A usage error if the folder holds something else; an output error if it cannot be written; an input error if its
    /// log cannot be read, or lost commits.
    pub fn open_or_create(dir: &Path) -> Result<Self> {
        if !dir.join(LOG).is_dir() {
            if upkeep::has_parts(dir)? {
                return Err(without_log(dir));
            }
            let other = match fs::read_dir(dir) {
                // Another run may be making it just now.
                Ok(mut entries) => {
                    entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != LOG))
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => return Err(failed(dir, error)),
            };
            if other {
                let message = format!("{} is not empty, and no dataset", dir.display());
                return Err(Error::usage(message));
            }
        }
        make_target(dir)?;
        let staging = dir.join(LOG).join(STAGING);
        fs::create_dir_all(&staging).map_err(|error| failed(&staging, error))?;
        sync_dir(&dir.join(LOG))?;
        sync_dir(dir)?;
        Self::with(dir, Use::Write)
    }

    /// Removes the log of a dataset that nothing was loaded into, for the run that made it. A dataset that another run
    /// is at work on stays.
    pub fn remove_unused(dir: &Path) {
        let folder = dir.join(LOG);
        let Ok(Self { state: State { number: 0, .. }, _lock, .. }) = Self::open_to_clean(dir)
        else {
            return;
        };
        // Each of these fails if something is in the folder.
        if fs::remove_dir(folder.join(STAGING)).is_ok() {
            let _ = fs::remove_file(folder.join(newest::NEWEST));
            let _ = fs::remove_file(folder.join("lock"));
            let _ = fs::remove_dir(&folder);
        }
    }

    /// Opens a dataset for [`Self::vacuum`].
    ///
    /// # Errors
    /// A usage error if there is none, or another run is at work on it; an input error if its log cannot be
    /// read, or lost commits.
    pub fn open_to_clean(dir: &Path) -> Result<Self> {
        Self::with(dir, Use::Clean)
    }

    fn with(dir: &Path, use_: Use) -> Result<Self> {
        let folder = dir.join(LOG);
        if !folder.is_dir() {
            if upkeep::has_parts(dir)? {
                return Err(without_log(dir));
            }
            return Err(Error::usage(format!("{} is no dataset of scanmill", dir.display())));
        }
        let lock = match use_ {
            Use::Read => None,
            Use::Write => Some(lock_to_write(&folder)?),
            Use::Clean => Some(lock_to_clean(dir, &folder)?),
        };
        let log = Log::new(folder);
        // Before the log, which may grow meanwhile.
        let noted = log.newest()?;
        let mut state = State::default();
        log.catch_up(&mut state)?;
        match noted {
            Some(noted) if noted > state.number => {
                let proof = format!("commit {noted} was made");
                return Err(log.lost(state.number.saturating_add(1), &proof));
            }
            // The first run notes its number before it makes parts, which it may have done since.
            None if state.number == 0 && upkeep::has_parts(dir)? && log.newest()?.is_none() => {
                return Err(without_log(dir));
            }
            None if state.has_newest && log.newest()?.is_none() => {
                return Err(log.without_newest(state.number));
            }
            None if use_ == Use::Write => log.note_first(state.number)?,
            _ => {}
        }
        Ok(Self { dir: dir.to_owned(), log, state, _lock: lock })
    }

    /// The commits, oldest first.
    ///
    /// # Errors
    /// An output error if the log cannot be read.
    pub fn commits(&self) -> Result<Vec<Commit>> {
        (1..=self.state.number).map(|number| self.log.read(number)).collect()
    }

    /// The name of the input of the scan whose rows have this id.
    fn source_of(&self, scan_id: &str) -> Result<Option<String>> {
        let documents = self.commits()?.into_iter().rev().flat_map(|commit| commit.documents);
        let mut of_scan = documents.filter(|entry| entry.scan_id.as_deref() == Some(scan_id));
        Ok(of_scan.next().map(|entry| entry.source))
    }

    /// Paths of the newest commit's files, of one table or of all, relative to the folder and in byte order.
    pub fn files(&self, table: Option<Table>) -> impl Iterator<Item = &str> {
        let fits = move |entry: &FileEntry| table.is_none_or(|table| table.name() == entry.table);
        self.state.files.iter().filter(move |(_, file)| fits(&file.entry)).map(|(path, _)| &**path)
    }

    /// Compares the files that are there with the log: each must be there and have its length. What is in them is
    /// compared when they are read.
    ///
    /// # Errors
    /// An input error that names the first file that is missing or has another length, and says how many there are.
    pub fn check_files(&self) -> Result<()> {
        let Err(error) = self.compare_files() else { return Ok(()) };
        // Whoever only reads keeps nobody from joining and removing files meanwhile.
        let now = Self::with(&self.dir, Use::Read)?;
        if now.state.number == self.state.number { Err(error) } else { now.compare_files() }
    }

    fn compare_files(&self) -> Result<()> {
        let mut first = None;
        let mut wrong = 0_u64;
        for (name, file) in &self.state.files {
            let path = self.dir.join(name);
            let why = match fs::if_there(fs::metadata(&path)) {
                Err(error) => return Err(unreadable(&path, error)),
                Ok(None) => "it is missing, and the log lists it".to_owned(),
                Ok(Some(meta)) if !meta.is_file() => "it is no file".to_owned(),
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

    /// A format that loads scans into the dataset, and a handle to name their inputs and to see what was loaded.
    ///
    /// # Errors
    /// An input error if a file of the dataset is missing or damaged ([`Self::check_files`]): what was lost would be
    /// left out as known.
    pub fn load(
        self,
        options: &LoadOptions,
        temporaries: &Temporaries,
    ) -> Result<(Loader, Loading)> {
        self.check_files()?;
        Ok(loading::start(self, options, temporaries))
    }
}

/// How documents are loaded.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Threads that write files.
    pub threads: usize,
    /// Bytes of rows, as Arrow, after which there is a commit.
    pub commit_bytes: usize,
    /// When the run began, as RFC 3339 text for the log.
    pub time: String,
    /// When it becomes true, nothing more is committed.
    pub stop: Arc<AtomicBool>,
}

impl LoadOptions {
    /// Bytes of rows after which there is a commit, unless told otherwise.
    pub const COMMIT_BYTES: usize = 32 << 20;

    /// One thread, [`Self::COMMIT_BYTES`], and this time.
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

/// The error of a dataset that has parts and no log.
fn without_log(dir: &Path) -> Error {
    let message = format!(
        "damaged: parts of a dataset are there, and no commit of its log; {}",
        log::BRING_BACK
    );
    unreadable(&dir.join(LOG), io::Error::other(message))
}

/// The lock that runs share, and that keeps [`Lake::vacuum`] away. Whoever is alone removes what killed runs
/// left in the making.
fn lock_to_write(folder: &Path) -> Result<File> {
    let file = lock_file(folder)?;
    match file.try_lock() {
        Ok(()) => {
            for path in upkeep::staged(folder) {
                let _ = fs::remove_file(path);
            }
            // From alone to shared: in between another run may come in, which does no harm.
            let _ = file.unlock();
        }
        Err(TryLockError::WouldBlock) => {}
        // A file system without locks: runs are kept apart by their names, only nobody may clean up.
        Err(TryLockError::Error(_)) => return Ok(file),
    }
    file.lock_shared().map_err(|error| failed(folder, error))?;
    Ok(file)
}

fn lock_to_clean(dir: &Path, folder: &Path) -> Result<File> {
    let file = lock_file(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = format!("another run is at work on {}; try again later", dir.display());
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

/// Makes the names in a folder safe.
fn sync_dir(dir: &Path) -> Result<()> {
    fs::sync_dir(dir).map_err(|error| failed(dir, error))
}

fn failed(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::sink(path.display().to_string(), error)
}
