//! Temporary files and folders of runs that were killed.
//!
//! A run that ends in any other way removes its temporaries; after SIGKILL or a crash they stay, and may be large. The
//! next run with the same output removes them, if it can prove that they have no writer:
//!
//! 1. A writer locks its temporary (`flock`) as soon as it has created it, and then checks that the file still has its
//!    name; if not, it creates another one. The kernel releases the lock when the process ends in any way. So a
//!    temporary that can be locked has no writer, or one that is about to check the name.
//! 2. The folder is on a local file system. On others a lock may be known only to the machine that took it, and the
//!    process of rule 3 may run on another one.
//! 3. The name contains the number of the process. While another process with this number exists, the temporary stays:
//!    its owner may be an earlier version of scanmill, which takes no lock. A name with the number of this process is one
//!    of its own outputs, which rule 1 protects, or is left from an earlier process: a container gives its first process
//!    the same number each time.
//!
//! Only names that `StagingRequest::make` (`staged_output`) creates for this very output are looked at, and of a folder only
//! files that scanmill writes are removed. Where the file system has no locks, everything stays.

use std::{ffi::OsStr, io, path::Path};

use super::{
    lock::is_at,
    marker::{FolderLayout, remove_unfinished},
    staged_output::temporary_prefix,
    target::parent_of,
};
use crate::fs::{self, File, TryLockError};

/// Lock of a new temporary.
pub(super) enum TempLock {
    /// The temporary is not removed while this file is open. `None` if the file system has no locks.
    Held(Option<File>),
    /// Another process took it for a leftover, and has removed it or is about to.
    Lost,
}

/// Locks a temporary that this process has just created. `file` is a handle of it; `None` if the system has none, in
/// which case nothing is ever removed.
///
/// # Errors
/// Fails if the temporary cannot be opened. Without a lock, another output of this process could take it for a leftover.
pub(super) fn lock_temporary(file: io::Result<Option<File>>, path: &Path) -> io::Result<TempLock> {
    // Another process may have removed it before it was opened.
    let Some(file) = fs::if_there(file)? else { return Ok(TempLock::Lost) };
    let Some(file) = file else { return Ok(TempLock::Held(None)) };
    Ok(match file.try_lock() {
        Ok(()) if is_at(&file, path).unwrap_or(true) => TempLock::Held(Some(file)),
        Ok(()) | Err(TryLockError::WouldBlock) => TempLock::Lost,
        Err(TryLockError::Error(_)) => TempLock::Held(None),
    })
}

/// Removes what killed runs left of this output, which is a folder if it has a layout. Errors are ignored: a leftover
/// that stays does no harm.
pub(super) fn remove_leftovers(target: &Path, layout: Option<FolderLayout>) {
    remove_if_local(target, layout, fs::is_local);
}

fn remove_if_local(
    target: &Path,
    layout: Option<FolderLayout>,
    is_local: impl FnOnce(&Path) -> io::Result<bool>,
) {
    let Some(name) = target.file_name() else { return };
    let (prefix, folder) = (temporary_prefix(name), parent_of(target));
    let Ok(entries) = fs::read_dir(folder) else { return };
    let is_left = |name: &OsStr| owner(name, &prefix).is_some_and(|pid| !is_other_process(pid));
    let mut left = entries.flatten().filter(|entry| is_left(&entry.file_name())).peekable();
    // Most folders have none, so that the file system is not asked.
    if left.peek().is_none() || !is_local(folder).unwrap_or(false) {
        return;
    }
    for entry in left {
        // An entry that cannot be examined stays.
        let _ = remove(&entry.path(), layout);
    }
}

/// Returns the process number in the name of a temporary, without the prefix that all temporaries of an output have.
fn owner(name: &OsStr, prefix: &OsStr) -> Option<u32> {
    let rest = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes())?;
    let (pid, number) = str::from_utf8(rest).ok()?.split_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number(pid) && is_number(number) { pid.parse().ok() } else { None }
}

/// Returns true if a process other than this one has the number.
fn is_other_process(pid: u32) -> bool {
    pid != std::process::id() && fs::symlink_metadata(format!("/proc/{pid}")).is_ok()
}

fn remove(path: &Path, layout: Option<FolderLayout>) -> io::Result<()> {
    let meta = fs::symlink_metadata(path)?;
    if !meta.is_file() && !meta.is_dir() {
        return Ok(());
    }
    let file = File::open(path)?;
    if file.try_lock().is_err() || !is_at(&file, path)? {
        return Ok(());
    }
    match layout {
        _ if meta.is_file() => fs::remove_file(path),
        Some(layout) => remove_unfinished(path, layout),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number that no process has: Linux gives none above 2^22.
    fn dead() -> u32 {
        u32::MAX >> 1
    }

    #[test]
    fn only_what_nobody_writes_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: String| folder.path().join(name);
        let (dead, own, parent) = (dead(), std::process::id(), 1);
        let target = at("out.csv".into());
        let file = |name: String| {
            fs::write(at(name.clone()), "x").unwrap();
            at(name)
        };
        let left = file(format!("out.csv.tmp-{dead}-0"));
        let locked = file(format!("out.csv.tmp-{dead}-1"));
        let lock = File::open(&locked).unwrap();
        lock.try_lock().unwrap();
        let earlier = file(format!("out.csv.tmp-{own}-7"));
        let ours = file(format!("out.csv.tmp-{own}-8"));
        let our_lock = File::open(&ours).unwrap();
        our_lock.try_lock().unwrap();
        let kept = [
            ours,
            file(format!("out.csv.tmp-{parent}-0")),
            file(format!("out.csv.tmp-{dead}-0.old")),
            file(format!("out.csv.tmp-{dead}")),
            file(format!("out.csv.tmp-{dead}-")),
            file(format!("out.csv.tmp-+{dead}-0")),
            file(format!("other.csv.tmp-{dead}-0")),
            file(format!("out.csv.bak.tmp-{dead}-0")),
        ];
        std::os::unix::fs::symlink(&target, at(format!("out.csv.tmp-{dead}-2"))).unwrap();
        let dir = |number: u32, files: &[&str]| {
            let path = at(format!("out.csv.tmp-{dead}-{number}"));
            for name in files {
                let file = path.join(name);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, "x").unwrap();
            }
            path
        };
        let own = dir(3, &["ports.csv", "hosts/part-0.parquet", "_scanmill.json"]);
        let unresolved = dir(
            5,
            &["hosts/scan_date=2024-01-31/part-0.parquet", "ports/.unsettled/part-0.parquet"],
        );
        let foreign = dir(4, &["ports.csv", "notes.txt"]);
        let hidden = dir(6, &["ports/.unsettled/notes.txt"]);
        for is_local in [Ok(false), Err(io::ErrorKind::PermissionDenied.into())] {
            remove_if_local(&target, Some(FolderLayout::FOR_TESTS), |_| is_local);
            assert!(left.exists() && earlier.exists() && own.exists(), "removed from a network");
        }
        remove_leftovers(&target, Some(FolderLayout::FOR_TESTS));
        assert!(!left.exists() && !own.exists() && !unresolved.exists(), "{left:?} {own:?}");
        assert!(!earlier.exists(), "an earlier process had the same number");
        assert!(hidden.join("ports/.unsettled/notes.txt").exists());
        assert!(locked.exists() && kept.iter().all(|path| path.exists()));
        assert!(at(format!("out.csv.tmp-{dead}-2")).is_symlink());
        assert!(foreign.join("notes.txt").exists() && foreign.join("ports.csv").exists());
        drop(lock);
        remove_leftovers(&target, Some(FolderLayout::FOR_TESTS));
        assert!(!locked.exists());
    }

    #[test]
    fn a_temporary_that_was_removed_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.tmp-1-0");
        let create = || Ok(Some(File::create(&path).unwrap()));
        let file = create();
        fs::remove_file(&path).unwrap();
        assert!(matches!(lock_temporary(file, &path), Ok(TempLock::Lost)));
        // A folder is opened after it was created.
        let open = || File::open(&path).map(Some);
        assert!(matches!(lock_temporary(open(), &path), Ok(TempLock::Lost)));
        let Ok(TempLock::Held(Some(first))) = lock_temporary(create(), &path) else {
            panic!("it is locked")
        };
        assert!(matches!(lock_temporary(open(), &path), Ok(TempLock::Lost)));
        drop(first);
        let failed = Err(io::ErrorKind::PermissionDenied.into());
        assert!(lock_temporary(failed, &path).is_err());
    }
}
