//! File system access of the whole crate: the part of `std::fs` that is used, under the same names.
//!
//! Every stage reads and writes files through this module, never through `std::fs`, `rustix::fs` or
//! `tempfile` (`tests/it/layering.rs` fails for any other use). In a release build, each function
//! is the call that it is named after and nothing else. In a build with debug assertions, each call
//! is numbered first and may fail according to a plan ([`faults`]), so that tests can make a
//! command fail or kill it at each of its calls, and check the state that is left on the disk.
//!
//! - A call that can change the disk, or whose failure must be handled, goes through
//!   [`faults::call`] with its [`Call`]. Seeking does not: `lseek` on a regular file cannot fail.
//! - [`File`] is not `std::fs::File`, because tests must be able to cut a write short at any
//!   position. It has only the methods that are used.
//! - Queries of a path (`Path::exists`, `Path::is_dir`) stay with `std`: they return no error to
//!   inject.
//! - Calls and properties that only Unix has are in `unix.rs`, with a substitute in `portable.rs`. On
//!   Linux, `.ci/run` checks that the substitutes compile, too (`--cfg scanmill_portable`).
//! - To add a call, add a function with the name and the signature that it has in `std::fs`.

mod faults;
mod file;
#[cfg(any(not(unix), scanmill_portable))]
mod portable;
#[cfg(all(unix, not(scanmill_portable)))]
mod unix;

use std::{
    io,
    path::{Path, PathBuf},
};

pub use std::fs::{DirEntry, Metadata, ReadDir, TryLockError};

#[cfg(feature = "cli")]
pub(crate) use self::faults::install;
use self::faults::{Call, call};
pub use self::file::{File, OpenOptions};
#[cfg(any(not(unix), scanmill_portable))]
use self::portable as system;
pub use self::system::{
    file_id, has_no_locks, is_stream, is_unreachable, mode, os_str, owner, stdin_metadata,
    stdout_metadata, times,
};
#[cfg(all(unix, not(scanmill_portable)))]
use self::unix as system;

/// Device and inode: what a file is, whatever its name.
pub type FileId = (u64, u64);

/// Reads a whole file. Use it only for small files that scanmill wrote; input is streamed.
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    call(Call::Read, path.as_ref(), || std::fs::read(&path))
}

/// Reads a whole file of UTF-8 text. Use it as [`read`].
pub fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    call(Call::Read, path.as_ref(), || std::fs::read_to_string(&path))
}

/// Writes a whole file, replacing an existing one.
#[cfg(any(test, feature = "fuzzing"))]
pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    io::Write::write_all(&mut File::create(path)?, bytes.as_ref())
}

/// Reads the metadata of a file or folder. Follows symbolic links.
pub fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    call(Call::Stat, path.as_ref(), || std::fs::metadata(&path))
}

/// Reads the metadata of a file, folder or symbolic link. Does not follow links.
pub fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    call(Call::Stat, path.as_ref(), || std::fs::symlink_metadata(&path))
}

/// Returns the result of a call, or `None` if the name does not exist. A failing disk or a missing
/// permission does not show that nothing exists, and stays an error.
pub fn if_there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    use io::ErrorKind::{NotADirectory, NotFound, StaleNetworkFileHandle};
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | StaleNetworkFileHandle) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Reads the target of a symbolic link.
pub fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    call(Call::Stat, path.as_ref(), || std::fs::read_link(&path))
}

/// Opens a folder to list its entries.
pub fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    call(Call::List, path.as_ref(), || std::fs::read_dir(&path))
}

/// Creates a folder in an existing one.
pub fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    call(Call::MakeDir, path.as_ref(), || std::fs::create_dir(&path))
}

/// Creates a folder in an existing one, with its permissions limited to a mode.
pub fn create_dir_with_mode(path: impl AsRef<Path>, mode: u32) -> io::Result<()> {
    call(Call::MakeDir, path.as_ref(), || system::create_dir_with_mode(path.as_ref(), mode))
}

/// Creates a folder and its missing ancestors.
pub fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    call(Call::MakeDir, path.as_ref(), || std::fs::create_dir_all(&path))
}

/// Removes a file.
pub fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    call(Call::Remove, path.as_ref(), || std::fs::remove_file(&path))
}

/// Removes an empty folder.
pub fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    call(Call::Remove, path.as_ref(), || std::fs::remove_dir(&path))
}

/// Removes a folder with its content. Does not follow symbolic links.
pub fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let tear = || faults::remove_one(path.as_ref());
    faults::call_in_parts(Call::Remove, path.as_ref(), tear, || std::fs::remove_dir_all(&path))
}

/// Renames a file or folder. Replaces an existing file.
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    call(Call::Rename, to.as_ref(), || std::fs::rename(&from, &to))
}

/// Renames a file or folder, and fails if the new name exists. Not every file system supports this.
pub fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    call(Call::Rename, to, || system::rename_no_replace(from, to))
}

/// Exchanges the names of two files or folders atomically. Not every file system supports this.
pub fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    call(Call::Rename, other, || system::exchange(one, other))
}

/// Returns true if the file system does not support a call such as [`exchange`], as opposed to a
/// failure of the call. Only then may another method be tried, because a call that failed may still
/// have taken effect.
pub fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

/// Creates a second name for a file, and fails if that name exists.
pub fn hard_link(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    call(Call::Link, to.as_ref(), || std::fs::hard_link(&from, &to))
}

/// Waits until the names in a folder are on the disk. A folder that may not be opened, or a file
/// system without support for this, is not an error: names are then as durable as the system makes
/// them.
pub fn sync_dir(folder: &Path) -> io::Result<()> {
    unless_of_disk(
        open_dir(folder).and_then(|folder| folder.map_or(Ok(()), |folder| folder.sync_all())),
    )
}

/// Opens a folder, to sync it or to set its mode. `None` where the system has no such way.
pub fn open_dir(folder: &Path) -> io::Result<Option<File>> {
    call(Call::Open, folder, || system::open_dir(folder)).map(|folder| folder.map(File::from))
}

/// Waits until the names in an open folder are on the disk, as [`sync_dir`] does.
pub fn sync_open_dir(folder: &File) -> io::Result<()> {
    unless_of_disk(folder.sync_all())
}

fn unless_of_disk(synced: io::Result<()>) -> io::Result<()> {
    synced.or_else(|error| if is_of_disk(&error) { Err(error) } else { Ok(()) })
}

/// Returns true if the disk failed, as opposed to a request that it does not support.
fn is_of_disk(error: &io::Error) -> bool {
    let is_io = system::is_input_output(error);
    is_io || matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Returns true if a folder is on a disk or in the memory of this machine. Returns false for network file systems, on
/// which locks may be unknown to other machines, and for file systems that are not known.
pub fn is_local(folder: &Path) -> io::Result<bool> {
    call(Call::Stat, folder, || system::is_local(folder))
}

/// Creates a file without a name in a folder. Nothing is left of it, however the process ends.
pub fn tempfile_in(folder: impl AsRef<Path>) -> io::Result<File> {
    call(Call::Create, folder.as_ref(), || ::tempfile::tempfile_in(&folder).map(File::from))
}

/// Returns the absolute path of an existing file or folder, without symbolic links.
pub fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    call(Call::Stat, path.as_ref(), || std::fs::canonicalize(&path))
}
