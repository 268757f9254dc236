//! An open file, and how it is opened.

use std::{
    fs::Permissions,
    io::{self, IoSlice, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::Path,
};

use rustix::fs::{FallocateFlags, fallocate};

use super::{
    Metadata, TryLockError,
    faults::{Call, call, next},
};

/// An open file: `std::fs::File`, each call numbered.
#[derive(Debug)]
pub struct File(std::fs::File);

impl From<std::fs::File> for File {
    fn from(file: std::fs::File) -> Self {
        Self(file)
    }
}

impl File {
    /// Opens a file to read it.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().read(true).open(path)
    }

    /// Makes a file to write it, over what was there.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path)
    }

    /// Makes a file that was not there, to write it.
    pub fn create_new(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    /// A way to open a file.
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Reads what the file is.
    pub fn metadata(&self) -> io::Result<Metadata> {
        call(Call::Stat, &self.0, || self.0.metadata())
    }

    /// Gives the file, or the folder that was opened, to another owner and group, as far as one is named.
    pub fn chown(&self, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
        call(Call::SetStat, &self.0, || fchown(&self.0, uid, gid))
    }

    /// Sets the mode of the file, or of the folder that was opened.
    pub fn set_mode(&self, mode: u32) -> io::Result<()> {
        call(Call::SetStat, &self.0, || self.0.set_permissions(Permissions::from_mode(mode)))
    }

    /// Cuts the file, or adds zeros to it.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        call(Call::SetLen, &self.0, || self.0.set_len(len))
    }

    /// Reserves room for `len` bytes from `offset` on, without changing the file's length.
    pub fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let flags = FallocateFlags::KEEP_SIZE;
        call(Call::Allocate, &self.0, || Ok(fallocate(&self.0, flags, offset, len)?))
    }

    /// Waits until bytes and names are on the disk.
    pub fn sync_all(&self) -> io::Result<()> {
        call(Call::Sync, &self.0, || self.0.sync_all())
    }

    /// Waits until the bytes are on the disk.
    pub fn sync_data(&self) -> io::Result<()> {
        call(Call::Sync, &self.0, || self.0.sync_data())
    }

    /// The same open file again; both share their position.
    pub fn try_clone(&self) -> io::Result<Self> {
        call(Call::Open, &self.0, || self.0.try_clone().map(Self))
    }

    /// Locks the file for this process alone, or returns at once.
    pub fn try_lock(&self) -> Result<(), TryLockError> {
        call(Call::Lock, &self.0, || Ok(self.0.try_lock())).map_err(TryLockError::Error)?
    }

    /// Locks the file together with others that share it, and waits for that.
    pub fn lock_shared(&self) -> io::Result<()> {
        call(Call::Lock, &self.0, || self.0.lock_shared())
    }

    /// Gives the lock back.
    pub fn unlock(&self) -> io::Result<()> {
        call(Call::Lock, &self.0, || self.0.unlock())
    }

    /// Reads from a place on, whatever the position.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        call(Call::Read, &self.0, || self.0.read_at(buffer, offset))
    }

    /// Writes all bytes from a place on, whatever the position.
    pub fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match write(&self.0, bytes, |bytes| self.0.write_at(bytes, offset)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => {
                    bytes = bytes.get(len..).unwrap_or_default();
                    offset = offset.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Writes, or what the plan leaves of that.
fn write(
    file: &std::fs::File,
    bytes: &[u8],
    write: impl FnOnce(&[u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    match next(Call::Write, file) {
        Some(fault) => fault.write(bytes, write),
        None => write(bytes),
    }
}

impl Read for &File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        call(Call::Read, &self.0, || (&self.0).read(buffer))
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for &File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(&self.0, bytes, |bytes| (&self.0).write(bytes))
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        match next(Call::Write, &self.0) {
            Some(fault) => {
                let first = bytes.iter().find(|bytes| !bytes.is_empty());
                let first = first.map_or(&[][..], |bytes| bytes);
                fault.write(first, |bytes| (&self.0).write(bytes))
            }
            None => (&self.0).write_vectored(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for &File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&self.0).seek(to)
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&*self).seek(to)
    }
}

/// How a file is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    inner: std::fs::OpenOptions,
    creates: bool,
}

impl OpenOptions {
    /// Nothing is set.
    #[must_use]
    pub fn new() -> Self {
        Self { inner: std::fs::OpenOptions::new(), creates: false }
    }

    /// To read it.
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.inner.read(read);
        self
    }

    /// With at most the rights of a mode, if it is made.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.inner.mode(mode);
        self
    }

    /// To write it.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.inner.write(write);
        self
    }

    /// To write behind its end.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.inner.append(append);
        self
    }

    /// To cut what was there.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.inner.truncate(truncate);
        self.creates |= truncate;
        self
    }

    /// To make it if it is not there.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.inner.create(create);
        self.creates |= create;
        self
    }

    /// To make it, and fail if it is there.
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.inner.create_new(create_new);
        self.creates |= create_new;
        self
    }

    /// Opens the file.
    pub fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let is = if self.creates { Call::Create } else { Call::Open };
        call(is, path.as_ref(), || self.inner.open(&path).map(File))
    }
}
