//! The file system as the rest of the crate sees it: the part of `std::fs` that is used here, with the same names.
//!
//! Every stage that reads or writes files does so through this module, never through `std::fs`, `rustix::fs` or
//! `tempfile` (`tests/it/layering.rs` fails on any other use). In a release build each function is the call it is
//! named for and nothing else. In a build with debug assertions each call is numbered first and may fail by plan
//! ([`faults`]), so that tests can fail or kill a command at each of its calls and check what is left on the disk.
//!
//! - A call that can change what is on the disk, or whose failure has to be handled, goes through [`faults::call`]
//!   with the [`Call`] it is. Seeking does not: `lseek` on a regular file cannot fail.
//! - [`File`] is not `std::fs::File`, since a write that is cut short must be possible at any place. It has those
//!   methods of it that are used.
//! - Questions asked of a path alone (`Path::exists`, `Path::is_dir`) stay with `std`: they have no error to inject.
//! - To add a call, add the function with the name and the signature it has in `std::fs`.

mod faults;
mod file;

#[cfg(feature = "cli")]
use std::os::fd::AsFd;
use std::{
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

pub use std::fs::{DirEntry, Metadata, ReadDir, TryLockError};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

#[cfg(feature = "cli")]
pub(crate) use self::faults::install;
use self::faults::{Call, call};
pub use self::file::{File, OpenOptions};

/// Reads a whole file. What is read this way is ours and small: input is streamed.
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    call(Call::Read, path.as_ref(), || std::fs::read(&path))
}

/// Reads a whole file of UTF-8, as [`read`] does.
#[cfg(any(feature = "cli", test))]
pub fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    call(Call::Read, path.as_ref(), || std::fs::read_to_string(&path))
}

/// Writes a whole file, over what was there.
#[cfg(test)]
pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    io::Write::write_all(&mut File::create(path)?, bytes.as_ref())
}

/// Reads what a path names, through symbolic links.
pub fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    call(Call::Stat, path.as_ref(), || std::fs::metadata(&path))
}

/// Reads what a path names itself, be it a symbolic link.
pub fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    call(Call::Stat, path.as_ref(), || std::fs::symlink_metadata(&path))
}

/// What a call found, or `None` if nothing has the name. That a disk fails, or a permission is missing, does not mean
/// that nothing is there, and stays an error.
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

/// Reads where a symbolic link leads.
pub fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    call(Call::Stat, path.as_ref(), || std::fs::read_link(&path))
}

/// Reads what a stream, such as standard input, was redirected to or from.
#[cfg(feature = "cli")]
pub fn stream_metadata(stream: impl AsFd) -> io::Result<Metadata> {
    std::fs::File::from(stream.as_fd().try_clone_to_owned()?).metadata()
}

/// Opens a folder to list what is in it.
pub fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    call(Call::List, path.as_ref(), || std::fs::read_dir(&path))
}

/// Makes one folder, in one that is there.
pub fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    call(Call::MakeDir, path.as_ref(), || std::fs::create_dir(&path))
}

/// Makes one folder with at most the rights of a mode, in one that is there.
pub fn create_dir_with_mode(path: impl AsRef<Path>, mode: u32) -> io::Result<()> {
    let make = || std::fs::DirBuilder::new().mode(mode).create(&path);
    call(Call::MakeDir, path.as_ref(), make)
}

/// Makes a folder and those above it that are missing.
pub fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    call(Call::MakeDir, path.as_ref(), || std::fs::create_dir_all(&path))
}

/// Removes the name of a file.
pub fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    call(Call::Remove, path.as_ref(), || std::fs::remove_file(&path))
}

/// Removes an empty folder.
pub fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    call(Call::Remove, path.as_ref(), || std::fs::remove_dir(&path))
}

/// Removes a folder with all that is in it, without following symbolic links.
pub fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let tear = || faults::remove_one(path.as_ref());
    faults::call_in_parts(Call::Remove, path.as_ref(), tear, || std::fs::remove_dir_all(&path))
}

/// Gives a file or folder another name, in place of a file that has it.
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    call(Call::Rename, to.as_ref(), || std::fs::rename(&from, &to))
}

/// Gives a file or folder another name that nothing has. Not every file system can do this.
pub fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    call(Call::Rename, to, || Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?))
}

/// Swaps the names of two files or folders at once. Not every file system can do this.
pub fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    call(Call::Rename, other, || Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?))
}

/// Whether a file system does not know a call such as [`exchange`], rather than failed at it. Another way may be
/// tried then alone: a call that failed may have been made all the same.
pub fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

/// Gives a file a second name that nothing has.
pub fn hard_link(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    call(Call::Link, to.as_ref(), || std::fs::hard_link(&from, &to))
}

/// Waits until the names in a folder are on the disk. A folder that may not be opened, and a file system that cannot
/// do this, are no errors: names are then as safe as the system makes them.
pub fn sync_dir(folder: &Path) -> io::Result<()> {
    unless_of_disk(File::open(folder).and_then(|folder| folder.sync_all()))
}

/// The same with a folder that was opened.
pub fn sync_open_dir(folder: &File) -> io::Result<()> {
    unless_of_disk(folder.sync_all())
}

fn unless_of_disk(synced: io::Result<()>) -> io::Result<()> {
    synced.or_else(|error| if is_of_disk(&error) { Err(error) } else { Ok(()) })
}

/// Whether the disk failed, rather than was asked for something it does not know.
fn is_of_disk(error: &io::Error) -> bool {
    let is_io = error.raw_os_error() == Some(Errno::IO.raw_os_error());
    is_io || matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Makes a file without a name in a folder; nothing is left of it, however the process ends.
pub fn tempfile_in(folder: impl AsRef<Path>) -> io::Result<File> {
    call(Call::Create, folder.as_ref(), || ::tempfile::tempfile_in(&folder).map(File::from))
}

/// The absolute path without symbolic links, of what is there.
#[cfg(feature = "cli")]
pub fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    call(Call::Stat, path.as_ref(), || std::fs::canonicalize(&path))
}
