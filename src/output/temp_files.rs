//! Temporary names, which must be removed however the process ends.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::fs;

/// Temporary names in use, shared with the handler that removes them when the process receives a signal.
#[derive(Debug, Clone, Default)]
pub struct Temporaries(Arc<Mutex<TempNames>>);

#[derive(Debug, Default)]
pub(super) struct TempNames {
    pub(super) used: BTreeSet<PathBuf>,
    leftovers: Vec<Leftover>,
}

/// Guard that prevents outputs from being renamed, created or removed while it lives; other threads wait.
#[derive(Debug)]
pub struct Halted<'t>(MutexGuard<'t, TempNames>);

/// File or folder that could not be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// Path of the file or folder.
    pub path: PathBuf,
    /// Error message.
    pub reason: String,
}

impl Temporaries {
    /// Removes all temporaries, for a process that ends without finishing its outputs. No output is renamed until the
    /// returned guard is dropped.
    #[must_use = "an output that is finished meanwhile must not end the process in the middle of this"]
    pub fn remove_all(&self) -> Halted<'_> {
        let mut halted = Halted(self.lock());
        for path in std::mem::take(&mut halted.0.used) {
            // There is no one left to report an error to.
            let _ = remove(&path);
        }
        halted
    }

    /// Takes the list of files and folders that could not be removed so far.
    #[must_use]
    pub fn take_leftovers(&self) -> Vec<Leftover> {
        std::mem::take(&mut self.lock().leftovers)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, TempNames> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, path: &Path) {
        self.lock().used.insert(path.to_owned());
    }

    pub(crate) fn forget(&self, path: &Path) {
        self.lock().used.remove(path);
    }
}

impl TempNames {
    /// Records a file or folder that could not be removed.
    pub(super) fn leave(&mut self, path: PathBuf, reason: String) {
        self.leftovers.push(Leftover { path, reason });
    }
}

/// Removes a temporary file or folder.
///
/// # Errors
/// Returns the path that remains, and the error.
pub(super) fn remove(path: &Path) -> Result<(), (PathBuf, io::Error)> {
    let gone = |path: &Path, result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err((path.to_owned(), error)),
        _ => Ok(()),
    };
    if !path.is_dir() {
        return gone(path, fs::remove_file(path));
    }
    // Threads that are still writing know the old name, so nothing is added meanwhile.
    let aside = with_suffix(path, ".gone");
    // A rename that reported an error may have succeeded nevertheless.
    let _ = fs::rename(path, &aside);
    gone(&aside, fs::remove_dir_all(&aside)).and(gone(path, fs::remove_dir_all(path)))
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
