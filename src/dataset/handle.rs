//! Handle of a dataset: opens it, and compares its files with the log.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    commit::{Commit, FileEntry},
    decode,
    folder::{self, LOG, STAGING, failed, sync_dir, unreadable},
    lock::{lock_exclusive, lock_shared},
    log::{BRING_BACK, Log},
    newest,
    snapshot::Snapshot,
};
use crate::{
    error::{Error, Result},
    fs::{self, File},
    output::make_target,
    table::Table,
};

/// Dataset: its folder, and its content as of the newest commit.
pub struct Dataset {
    pub(super) dir: PathBuf,
    pub(super) log: Log,
    pub(super) snapshot: Snapshot,
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
                    && folder::has_parts(dir).unwrap_or(false)
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
    pub(crate) fn open_or_create(dir: &Path) -> Result<Self> {
        if !dir.join(LOG).is_dir() {
            if folder::has_parts(dir)? {
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
    pub(crate) fn remove_unused(dir: &Path) {
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
    pub(crate) fn open_exclusive(dir: &Path) -> Result<Self> {
        Self::with(dir, OpenMode::Exclusive)
    }

    fn with(dir: &Path, mode: OpenMode) -> Result<Self> {
        let folder = dir.join(LOG);
        if !folder.is_dir() {
            if folder::has_parts(dir)? {
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
            None if snapshot.number == 0 && folder::has_parts(dir)? && log.newest()?.is_none() => {
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

    /// Returns the commits, oldest first. Each is read when the iterator comes to it, so that memory
    /// holds one commit and not the log. An item is an input error if its file cannot be read.
    #[must_use]
    pub fn commits(&self) -> impl DoubleEndedIterator<Item = Result<Commit>> {
        (1..=self.snapshot.number).map(|number| self.log.read(number))
    }

    /// Returns the name of the input of the scan with this ID.
    pub(super) fn source_of(&self, scan_id: &str) -> Result<Option<String>> {
        for commit in self.commits().rev() {
            let mut documents = commit?.documents.into_iter();
            let of_scan = documents.find(|entry| entry.scan_id.as_deref() == Some(scan_id));
            if let Some(entry) = of_scan {
                return Ok(Some(entry.source));
            }
        }
        Ok(None)
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
}

/// Returns the error for a dataset that has parts and no log.
fn without_log(dir: &Path) -> Error {
    let message =
        format!("damaged: it has parts of a dataset, and no commit in its log; {BRING_BACK}");
    unreadable(&dir.join(LOG), io::Error::other(message))
}
