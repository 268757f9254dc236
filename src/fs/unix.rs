//! File system calls and properties that only Unix systems have, some of them only Linux or macOS.
//! `portable.rs` has the same functions for other systems.

use std::{
    borrow::Cow,
    ffi::OsStr,
    fs::{DirBuilder, File, Metadata, OpenOptions, Permissions},
    io,
    os::{
        fd::{AsFd, AsRawFd as _},
        unix::{
            ffi::OsStrExt as _,
            fs::{
                DirBuilderExt as _, FileExt as _, FileTypeExt as _, MetadataExt as _,
                OpenOptionsExt as _, PermissionsExt as _, fchown,
            },
        },
    },
    path::{Path, PathBuf},
};

use rustix::{
    io::Errno,
    process::{Signal, getpid, kill_process},
};

use super::FileId;

/// Returns the identity of a file, which all its names share.
#[expect(clippy::unnecessary_wraps, reason = "on other systems files have none")]
pub fn file_id(meta: &Metadata) -> Option<FileId> {
    Some((meta.dev(), meta.ino()))
}

/// Returns the times of the last change to the content of a file, and to its properties, each in
/// seconds and nanoseconds since 1970.
pub fn times(meta: &Metadata) -> [(i64, i64); 2] {
    [(meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec())]
}

/// Returns true for pipes, sockets and character devices, whose bytes arrive while they are
/// produced.
pub fn is_stream(meta: &Metadata) -> bool {
    let is = meta.file_type();
    is.is_fifo() || is.is_char_device() || is.is_socket()
}

/// Returns the mode of a file, including its type.
pub fn mode(meta: &Metadata) -> u32 {
    meta.mode()
}

/// Returns the IDs of the user and the group that own a file.
pub fn owner(meta: &Metadata) -> (u32, u32) {
    (meta.uid(), meta.gid())
}

/// Returns the name or path with these bytes.
pub fn os_str(bytes: &[u8]) -> Cow<'_, OsStr> {
    OsStr::from_bytes(bytes).into()
}

/// Returns true if the file system does not support locks, as opposed to a lock that was refused.
/// NFS reports the last code for a file that was opened for reading only.
pub fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
        || matches!(Errno::from_io_error(error), Some(Errno::NOLCK | Errno::NOSYS | Errno::BADF))
}

/// Returns true if this process cannot reach the file with a name. Also returns true for errors
/// without a system code, since trying again does not help. The last code is reported for links
/// that form a circle.
pub fn is_unreachable(error: &io::Error) -> bool {
    Errno::from_io_error(error).is_none_or(|errno| {
        matches!(errno, Errno::ACCESS | Errno::PERM | Errno::NAMETOOLONG | Errno::LOOP)
    })
}

/// Returns true if the disk failed to read or write.
pub(super) fn is_input_output(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::IO.raw_os_error())
}

pub(super) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))
}

pub(super) fn set_owner(file: &File, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    fchown(file, uid, gid)
}

pub(super) fn set_mode_of_new(options: &mut OpenOptions, mode: u32) {
    options.mode(mode);
}

pub(super) fn create_dir_with_mode(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(mode).create(path)
}

/// Opens a folder, to sync it or to set its mode and owner.
pub(super) fn open_dir(path: &Path) -> io::Result<Option<File>> {
    File::open(path).map(Some)
}

pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(bytes, offset)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn allocate(file: &File, offset: u64, len: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    Ok(fallocate(file, FallocateFlags::KEEP_SIZE, offset, len)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn allocate(_: &File, _: u64, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(super) fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(super) fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn rename_no_replace(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Magic numbers of file systems whose files only one kernel reads and writes, from `linux/magic.h` and the sources of
/// their drivers. FUSE is not among them, because most of its file systems are on a network.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LOCAL_FILE_SYSTEMS: [i128; 16] = [
    0xEF53,      // ext2, ext3, ext4
    0x5846_5342, // XFS
    0x9123_683E, // Btrfs
    0xCA45_1A4E, // bcachefs
    0xF2F5_2010, // F2FS
    0x2FC1_2FC1, // ZFS
    0x3153_464A, // JFS
    0x5265_4973, // ReiserFS
    0x3434,      // NILFS
    0x0102_1994, // tmpfs
    0x8584_58F6, // ramfs
    0x794C_7630, // overlayfs
    0xF15F,      // eCryptfs
    0x4D44,      // FAT
    0x2011_BAB0, // exFAT
    0x7366_746E, // NTFS
];

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn is_local(folder: &Path) -> io::Result<bool> {
    // The type of the number depends on the platform, and may be signed.
    let magic = i128::from(rustix::fs::statfs(folder)?.f_type) & 0xFFFF_FFFF;
    Ok(LOCAL_FILE_SYSTEMS.contains(&magic))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(clippy::unnecessary_wraps, reason = "on Linux it can fail")]
pub(super) fn is_local(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Returns the metadata of the file that standard input is redirected from.
pub fn stdin_metadata() -> io::Result<Option<Metadata>> {
    of_stream(io::stdin()).map(Some)
}

/// Returns the metadata of the file that standard output is redirected to.
pub fn stdout_metadata() -> io::Result<Option<Metadata>> {
    of_stream(io::stdout()).map(Some)
}

fn of_stream(stream: impl AsFd) -> io::Result<Metadata> {
    File::from(stream.as_fd().try_clone_to_owned()?).metadata()
}

/// Returns the number of an error from its name, for the errors that tests inject.
pub(super) fn error_number(name: &str) -> Option<i32> {
    let errno = match name {
        "EACCES" => Errno::ACCESS,
        "EDQUOT" => Errno::DQUOT,
        "EINTR" => Errno::INTR,
        "EIO" => Errno::IO,
        "EMFILE" => Errno::MFILE,
        "ENOSPC" => Errno::NOSPC,
        "EROFS" => Errno::ROFS,
        _ => return None,
    };
    Some(errno.raw_os_error())
}

/// Returns the path of an open file, if the system shows it.
pub(super) fn path_of(file: &File) -> PathBuf {
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap_or_default()
}

/// Ends this process as `kill -9` does.
pub(super) fn die() -> ! {
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_file_systems_that_are_known_to_be_local_are_local() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_local(folder.path()).unwrap(), "the folder of temporary files");
        for other in ["/proc", "/sys"] {
            assert!(!is_local(Path::new(other)).unwrap(), "{other}");
        }
        assert!(is_local(&folder.path().join("none")).is_err());
    }
}
