//! Open state folder: the journal, the current batch, and the last known state of hosts.

use std::path::{Path, PathBuf};

use super::{
    batch::{self, Batch},
    feed::FeedFile,
    host_state::HostStateStore,
    journal::Journal,
    options::{WatchMode, WatchOptions},
    paths::failed,
};
use crate::{
    error::{Error, Result},
    fs::{self, File, TryLockError},
    output::is_at,
};

/// Name of the default state folder, inside the watched folder.
pub const STATE: &str = ".scanmill";

/// Open state folder. Only one watch can hold it.
pub(super) struct WatchState {
    pub(super) folder: PathBuf,
    pub(super) journal: Journal,
    pub(super) hosts: Option<HostStateStore>,
    pub(super) batch: Batch,
    lock: File,
}

/// State folder that this run has locked, but not read yet.
pub(super) struct LockedFolder {
    folder: PathBuf,
    lock: File,
}

impl LockedFolder {
    /// Creates the folder if it does not exist, and locks it. The lock is released when the process
    /// ends, in whatever way.
    ///
    /// # Errors
    /// Returns a usage error if another run uses the state, or if the folder contains anything but
    /// the state of a watch, and an output error if it cannot be created.
    pub(super) fn new(options: &WatchOptions) -> Result<Self> {
        let folder = options.state.clone().unwrap_or_else(|| options.folder.join(STATE));
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        check_own(&folder, options.state.is_none())?;
        let path = lock_path(&folder);
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|error| failed(&path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder, lock }),
            Err(TryLockError::WouldBlock) => {
                let name = folder.display().to_string();
                let message = format!("another watch is using the state in {name}");
                Err(Error::state_mismatch(name, message))
            }
            Err(TryLockError::Error(error)) => Err(failed(&path, error)),
        }
    }
}

impl WatchState {
    /// Reads a state, and completes the batch of an interrupted run. Also returns the number of
    /// bytes that had to be written to the feed again for that.
    ///
    /// # Errors
    /// Returns a usage error if the state belongs to another feed, and an output error if it cannot
    /// be read or written.
    pub(super) fn open(
        LockedFolder { folder, lock }: LockedFolder,
        options: &WatchOptions,
        feed: &mut FeedFile,
    ) -> Result<(Self, Option<u64>)> {
        let mut journal = Journal::open(&folder, &options.name)?;
        let again = batch::complete(&folder, feed, &mut journal)?;
        let changes = matches!(options.mode, WatchMode::Changes(..));
        let hosts = changes.then(|| HostStateStore::open(&folder, journal.parts())).transpose()?;
        let batch = Batch::new(&folder);
        Ok((Self { folder, journal, hosts, batch, lock }, again))
    }

    /// Returns true if the folder is still the one that was opened.
    ///
    /// # Errors
    /// Fails if the system cannot determine that.
    pub(super) fn is_there(&self) -> Result<bool> {
        let path = lock_path(&self.folder);
        is_at(&self.lock, &path).map_err(|error| failed(&path, error))
    }

    /// Discards files that were read but are not in the feed. They are read again.
    pub(super) fn drop_batch(&mut self) {
        self.batch = Batch::new(&self.folder);
        if let Some(hosts) = &mut self.hosts {
            hosts.revert(self.journal.parts());
        }
    }
}

/// Refuses a folder with anything but the state of a watch, which has a lock file from its first
/// moment. Links are always refused: by default the state lies where others drop files, and they
/// could use a link to have any file overwritten.
fn check_own(folder: &Path, is_default: bool) -> Result<()> {
    let is_link = |path: &Path| {
        let meta = fs::if_there(fs::symlink_metadata(path)).map_err(|error| failed(path, error))?;
        Ok::<_, Error>(meta.is_some_and(|meta| meta.is_symlink()))
    };
    let refuse = |path: &Path, why: &str| {
        let (path, folder) = (path.display(), folder.display().to_string());
        let message = format!("{path} {why}: {folder} is not the state of a watch");
        Err(Error::state_mismatch(folder, message))
    };
    if is_default && is_link(folder)? {
        return refuse(folder, "is a link");
    }
    let lock = lock_path(folder);
    let has_lock =
        fs::if_there(fs::symlink_metadata(&lock)).map_err(|error| failed(&lock, error))?.is_some();
    for folder in [folder.to_owned(), folder.join("hosts")] {
        let entries =
            fs::if_there(fs::read_dir(&folder)).map_err(|error| failed(&folder, error))?;
        for entry in entries.into_iter().flatten() {
            let path = entry.map_err(|error| failed(&folder, error))?.path();
            if is_link(&path)? {
                return refuse(&path, "is a link");
            }
            if !has_lock {
                return refuse(&path, "was there before");
            }
        }
    }
    Ok(())
}

fn lock_path(folder: &Path) -> PathBuf {
    folder.join("lock")
}
