//! Lock of a dataset, `_scanmill/lock`: writing runs share it, and removing files takes it alone.

use std::path::Path;

use super::folder::{failed, staged};
use crate::{
    error::{Error, Result},
    fs::{self, File, TryLockError},
};

/// Takes the lock that writing runs share, and that excludes
/// [`Dataset::vacuum`](super::Dataset::vacuum). If no other run holds it, removes unfinished files
/// of killed runs first.
pub(super) fn lock_shared(folder: &Path) -> Result<File> {
    let file = lock_file(folder)?;
    match file.try_lock() {
        Ok(()) => {
            for path in staged(folder) {
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

pub(super) fn lock_exclusive(dir: &Path, folder: &Path) -> Result<File> {
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
