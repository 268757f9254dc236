//! One writer per file of lines.
//!
//! A feed grows line by line under its own name, so two runs that append to one file would mix their lines,
//! and a run that completes what was cut would meet bytes that it did not write. Whoever writes such a file
//! therefore holds its lock (`flock`), which belongs to the open file, not to its name: the kernel releases it
//! when the process ends in any way, and a file keeps it when it is renamed.
//!
//! A name may be given to another file between the opening and the locking. So the name is compared with the
//! file once the lock is held, and whoever replaces a file holds the lock of the new one before it gets
//! the name: at no time is there a file under the name of a feed that its writer has not locked.
//!
//! A run that replaces a file, whatever it is, takes its lock before ([`hold`]): a feed under a running `watch` would go on
//! under no name, and its lines be lost.

use std::{io, os::unix::fs::MetadataExt as _, path::Path};

use rustix::io::Errno;

use crate::{
    error::{Error, Result},
    fs::{self, File, OpenOptions, TryLockError},
};

/// Opens a file of lines to write it alone.
///
/// # Errors
/// A usage error if another run writes it; an output error if it cannot be opened.
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

/// Takes the lock of a file, called `path` in messages.
///
/// # Errors
/// A usage error if another run has it; an output error if the system refuses.
pub(crate) fn lock(file: &File, path: &Path) -> Result<()> {
    if has_lock(file, path)? {
        return Ok(());
    }
    Err(Error::usage(format!(
        "another run writes {}: a file has one writer at a time, so name another one",
        path.display()
    )))
}

/// Takes the lock of a file, called `path` in messages; false if another run has it.
///
/// # Errors
/// If the system refuses.
pub(super) fn has_lock(file: &File, path: &Path) -> Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        // Some file systems have no locks. There the user must see to it that there is one writer.
        Err(TryLockError::Error(error)) if has_no_locks(&error) => Ok(true),
        Err(TryLockError::Error(error)) => Err(Error::sink(path.display().to_string(), error)),
    }
}

/// Takes the lock of a file that is to be replaced, if there is one that this process may read.
///
/// # Errors
/// A usage error if another run writes it; an output error if the system refuses.
pub(crate) fn hold(path: &Path) -> Result<Option<File>> {
    let failed = |error| Error::sink(path.display().to_string(), error);
    let meta = fs::if_there(fs::symlink_metadata(path)).map_err(failed)?;
    if !meta.is_some_and(|meta| meta.is_file()) {
        return Ok(None);
    }
    match fs::if_there(File::open(path)) {
        Ok(None) => Ok(None),
        Ok(Some(file)) => lock(&file, path).map(|()| Some(file)),
        // Its writer, if it has one, cannot be known. The name is the folder's, which this process may change.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn has_no_locks(error: &io::Error) -> bool {
    // The last is what NFS says of a file that is open to be read only.
    error.kind() == io::ErrorKind::Unsupported
        || matches!(Errno::from_io_error(error), Some(Errno::NOLCK | Errno::NOSYS | Errno::BADF))
}

/// Whether a file is still the one of this name.
///
/// # Errors
/// If the system cannot say: that is not the same as another file.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let Some(own) = fs::if_there(file.metadata())? else { return Ok(false) };
    let there = fs::if_there(fs::metadata(path))?;
    Ok(there.is_some_and(|meta| (meta.dev(), meta.ino()) == (own.dev(), own.ino())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_writer_until_that_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed");
        let open = || open_locked(&path, OpenOptions::new().append(true).create(true));
        let first = open().unwrap();
        let refused = open().unwrap_err().to_string();
        assert!(refused.contains("another run writes"), "{refused}");
        // The lock goes with the file, and a new one of the name is free.
        fs::rename(&path, folder.path().join("moved")).unwrap();
        assert!(!is_at(&first, &path).unwrap());
        // A name that cannot be looked up is an error, not another file.
        let too_long = folder.path().join("x".repeat(300));
        assert!(is_at(&first, &too_long).is_err());
        let second = open().unwrap();
        assert!(is_at(&second, &path).unwrap() && open().is_err());
        // Nobody replaces it meanwhile.
        assert!(hold(&path).is_err());
        drop(second);
        let held = hold(&path).unwrap();
        assert!(held.is_some() && open().is_err());
        drop(held);
        open().unwrap();
        assert!(hold(&folder.path().join("none")).unwrap().is_none());
    }
}
