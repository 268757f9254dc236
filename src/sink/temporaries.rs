//! Temporary names: what must be gone when the process ends, however it does.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::fs;

/// Temporary names in use, shared with the handler that removes them when the process is told to end.
#[derive(Debug, Clone, Default)]
pub struct Temporaries(Arc<Mutex<Names>>);

#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) used: BTreeSet<PathBuf>,
    leftovers: Vec<Leftover>,
}

/// While it lives no output gets its name, and none is begun or removed: whoever wants to waits.
#[derive(Debug)]
pub struct Halted<'t>(MutexGuard<'t, Names>);

/// Something that should have been removed and could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// Its path.
    pub path: PathBuf,
    /// Why it is still there.
    pub reason: String,
}

impl Temporaries {
    /// Removes them all: for a process that ends without finishing its outputs, before what is given goes.
    #[must_use = "an output that is finished meanwhile must not end the process in the middle of this"]
    pub fn remove_all(&self) -> Halted<'_> {
        let mut halted = Halted(self.lock());
        for path in std::mem::take(&mut halted.0.used) {
            // There is nobody left to report to.
            let _ = remove(&path);
        }
        halted
    }

    /// Takes the list of what could not be removed so far.
    #[must_use]
    pub fn take_leftovers(&self) -> Vec<Leftover> {
        std::mem::take(&mut self.lock().leftovers)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, path: &Path) {
        self.lock().used.insert(path.to_owned());
    }

    pub(crate) fn forget(&self, path: &Path) {
        self.lock().used.remove(path);
    }
}

impl Names {
    /// Records what could not be removed.
    pub(super) fn leave(&mut self, path: PathBuf, reason: String) {
        self.leftovers.push(Leftover { path, reason });
    }
}

/// Removes a temporary file or folder.
///
/// # Errors
/// The name of what is left, and why.
pub(super) fn remove(path: &Path) -> Result<(), (PathBuf, io::Error)> {
    let gone = |path: &Path, result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err((path.to_owned(), error)),
        _ => Ok(()),
    };
    if !path.is_dir() {
        return gone(path, fs::remove_file(path));
    }
    // Threads that are still at work know the old name, so nothing is added meanwhile.
    let aside = with_suffix(path, ".gone");
    // A rename that failed may have been made all the same.
    let _ = fs::rename(path, &aside);
    gone(&aside, fs::remove_dir_all(&aside)).and(gone(path, fs::remove_dir_all(path)))
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
