//! Functions of `unix.rs` for systems other than Unix, based on `std`.
//!
//! On these systems, `std` shows no identity of files, so files are compared by their paths without
//! links. Files have neither modes nor owners, so setting them does nothing. Calls without an
//! equivalent fail as unsupported, and callers then use their fallback.

use std::{
    borrow::Cow,
    ffi::OsStr,
    fs::{File, Metadata, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::UNIX_EPOCH,
};

use super::FileId;

/// Lock that is held while the position of a file is changed temporarily; see [`at`].
static POSITION: Mutex<()> = Mutex::new(());

pub fn file_id(_: &Metadata) -> Option<FileId> {
    None
}

/// Returns the time of the last change to the content of a file, in seconds and nanoseconds since
/// 1970. The second time is always zero.
pub fn times(meta: &Metadata) -> [(i64, i64); 2] {
    let since = |time: std::time::SystemTime| time.duration_since(UNIX_EPOCH).ok();
    let modified = meta.modified().ok().and_then(since).unwrap_or_default();
    let seconds = i64::try_from(modified.as_secs()).unwrap_or(i64::MAX);
    [(seconds, i64::from(modified.subsec_nanos())), (0, 0)]
}

/// Returns true for anything but a file or a folder.
pub fn is_stream(meta: &Metadata) -> bool {
    !meta.is_file() && !meta.is_dir()
}

pub fn mode(_: &Metadata) -> u32 {
    0
}

pub fn owner(_: &Metadata) -> (u32, u32) {
    (0, 0)
}

/// Returns the name or path with these bytes. Bytes that are not UTF-8 are replaced, since no file
/// has such a name.
pub fn os_str(bytes: &[u8]) -> Cow<'_, OsStr> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => OsStr::new(text).into(),
        Cow::Owned(text) => Cow::Owned(text.into()),
    }
}

pub fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

pub fn is_unreachable(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, PermissionDenied};
    matches!(error.kind(), PermissionDenied | InvalidFilename) || error.raw_os_error().is_none()
}

/// Always returns false, since the code is not known. Full disks are recognized by their kind of
/// error.
pub(super) fn is_input_output(_: &io::Error) -> bool {
    false
}

#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
pub(super) fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
pub(super) fn set_owner(_: &File, _: Option<u32>, _: Option<u32>) -> io::Result<()> {
    Ok(())
}

pub(super) fn set_mode_of_new(_: &mut OpenOptions, _: u32) {}

pub(super) fn create_dir_with_mode(path: &Path, _: u32) -> io::Result<()> {
    std::fs::create_dir(path)
}

/// Always returns `None`, since a folder cannot be opened like a file.
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
pub(super) fn open_dir(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    at(file, offset, |mut file| file.read(buffer))
}

pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    at(file, offset, |mut file| file.write(bytes))
}

/// Reads or writes at an offset, and restores the position. No other thread may use the position of
/// the same file at the same time.
fn at(
    mut file: &File,
    offset: u64,
    run: impl FnOnce(&File) -> io::Result<usize>,
) -> io::Result<usize> {
    let _held = POSITION.lock().unwrap_or_else(PoisonError::into_inner);
    let before = file.stream_position()?;
    file.seek(SeekFrom::Start(offset))?;
    let len = run(file);
    file.seek(SeekFrom::Start(before))?;
    len
}

pub(super) fn allocate(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn rename_no_replace(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Always returns false, so that nothing is removed on the strength of a lock.
#[expect(clippy::unnecessary_wraps, reason = "on Linux it can fail")]
pub(super) fn is_local(_: &Path) -> io::Result<bool> {
    Ok(false)
}

#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
pub fn stdin_metadata() -> io::Result<Option<Metadata>> {
    Ok(None)
}

#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
pub fn stdout_metadata() -> io::Result<Option<Metadata>> {
    Ok(None)
}

/// Always returns `None`, so plans that name an error are refused.
pub(super) fn error_number(_: &str) -> Option<i32> {
    None
}

pub(super) fn path_of(_: &File) -> PathBuf {
    PathBuf::new()
}

pub(super) fn die() -> ! {
    std::process::abort()
}
