//! Ensures that each line-based output file has one writer.
//!
//! A feed grows line by line under its final name, so two processes that append to one file would mix their lines, and
//! a process that completes a truncated line would find bytes that it did not write. The writer of such a file
//! therefore holds its lock (`flock`). The lock belongs to the open file, not to its name: the kernel releases it when
//! the process ends in any way, and it stays with the file when that is renamed.
//!
//! Between opening and locking, the name may be given to another file. So the name is compared with the file once the
//! lock is held, and a process that replaces a file locks the new one before it gets the name: at no time is there an
//! unlocked file under the name of a feed that is being written.
//!
//! A process that replaces any file takes its lock first ([`hold`]). Otherwise a feed under a running `watch` would
//! continue in a file without a name, and its lines would be lost.

use std::{io, path::Path};

use crate::{
    error::{Error, Result},
    fs::{self, File, OpenOptions, TryLockError},
};

/// Opens a line-based file and locks it.
///
/// # Errors
/// Returns a usage error if another process is writing it, and an output error if it cannot be opened.
pub(crate) fn open_locked(path: &Path, options: &OpenOptions) -> Result<File> {
    let failed = |error| Error::sink(path.display().to_string(), error);
    loop {
        let file = options.open(path).map_err(failed)?;
        lock(&file, path)?;
        if is_at(&file, path).map_err(failed)? {
            return Ok(file);
        }
    }
}

/// Locks a file, called `path` in messages.
///
/// # Errors
/// Returns a usage error if another process has locked it, and an output error if the system refuses.
pub(crate) fn lock(file: &File, path: &Path) -> Result<()> {
    if try_lock_file(file, path)? {
        return Ok(());
    }
    Err(Error::usage(format!(
        "another run writes {}: a file has one writer at a time, so name another one",
        path.display()
    )))
}

/// Tries to lock a file, called `path` in messages. Returns false if another process has locked it.
///
/// # Errors
/// Fails if the system refuses.
pub(super) fn try_lock_file(file: &File, path: &Path) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        // Some file systems have no locks. There the user has to ensure that there is one writer.
        Err(TryLockError::Error(error)) if fs::has_no_locks(&error) => Ok(true),
        Err(TryLockError::Error(error)) => Err(Error::sink(path.display().to_string(), error)),
    }
}

/// Locks a file that is about to be replaced, if it exists and this process may read it.
///
/// # Errors
/// Returns a usage error if another process is writing it, and an output error if the system refuses.
pub(crate) fn hold(path: &Path) -> Result<Option<File>> {
    let failed = |error| Error::sink(path.display().to_string(), error);
    let meta = fs::if_there(fs::symlink_metadata(path)).map_err(failed)?;
    if !meta.is_some_and(|meta| meta.is_file()) {
        return Ok(None);
    }
    match fs::if_there(File::open(path)) {
        Ok(None) => Ok(None),
        Ok(Some(file)) => lock(&file, path).map(|()| Some(file)),
        // A possible writer cannot be detected. The entry belongs to the folder, which this process may change.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Returns true if `path` still refers to the open file.
///
/// # Errors
/// Fails if the file system returns an error, which does not mean that `path` refers to another file.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let Some(own) = fs::if_there(file.metadata())? else { return Ok(false) };
    let there = fs::if_there(fs::metadata(path))?;
    Ok(there.is_some_and(|meta| fs::file_id(&meta) == fs::file_id(&own)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_writer_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed");
        let open = || open_locked(&path, OpenOptions::new().append(true).create(true));
        let first = open().unwrap();
        let refused = open().unwrap_err().to_string();
        assert!(refused.contains("another run writes"), "{refused}");
        // The lock stays with the renamed file, and a new file of the name is not locked.
        fs::rename(&path, folder.path().join("moved")).unwrap();
        assert!(!is_at(&first, &path).unwrap());
        // A name that cannot be looked up is an error, not another file.
        let too_long = folder.path().join("x".repeat(300));
        assert!(is_at(&first, &too_long).is_err());
        let second = open().unwrap();
        assert!(is_at(&second, &path).unwrap() && open().is_err());
        // It cannot be replaced meanwhile.
        assert!(hold(&path).is_err());
        drop(second);
        let held = hold(&path).unwrap();
        assert!(held.is_some() && open().is_err());
        drop(held);
        open().unwrap();
        assert!(hold(&folder.path().join("none")).unwrap().is_none());
    }
}
