//! Open files, and the options for opening them.

use std::{
    io::{self, IoSlice, Read, Seek, SeekFrom, Write},
    path::Path,
};

use super::{
    Metadata, TryLockError,
    faults::{Call, call, next},
    system,
};

/// Open file: `std::fs::File` with numbered calls.
#[derive(Debug)]
pub struct File(std::fs::File);

impl From<std::fs::File> for File {
    fn from(file: std::fs::File) -> Self {
        Self(file)
    }
}

impl File {
    /// Opens a file for reading.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().read(true).open(path)
    }

    /// Creates a file for writing, or truncates an existing one.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path)
    }

    /// Creates a file for reading and writing. Fails if the name exists.
    pub fn create_new(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    /// Returns options for opening a file.
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Reads the metadata of the file.
    pub fn metadata(&self) -> io::Result<Metadata> {
        call(Call::Stat, &self.0, || self.0.metadata())
    }

    /// Changes the owner and the group of the file or folder, where they are given.
    pub fn chown(&self, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
        call(Call::SetStat, &self.0, || system::set_owner(&self.0, uid, gid))
    }

    /// Sets the mode of the file or folder.
    pub fn set_mode(&self, mode: u32) -> io::Result<()> {
        call(Call::SetStat, &self.0, || system::set_mode(&self.0, mode))
    }

    /// Truncates the file, or extends it with zeros.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        call(Call::SetLen, &self.0, || self.0.set_len(len))
    }

    /// Reserves space for `len` bytes at `offset`, without changing the length of the file.
    pub fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        call(Call::Allocate, &self.0, || system::allocate(&self.0, offset, len))
    }

    /// Waits until the data and the metadata are on the disk.
    pub fn sync_all(&self) -> io::Result<()> {
        call(Call::Sync, &self.0, || self.0.sync_all())
    }

    /// Waits until the data is on the disk.
    pub fn sync_data(&self) -> io::Result<()> {
        call(Call::Sync, &self.0, || self.0.sync_data())
    }

    /// Duplicates the handle. Both handles share one position.
    pub fn try_clone(&self) -> io::Result<Self> {
        call(Call::Open, &self.0, || self.0.try_clone().map(Self))
    }

    /// Takes an exclusive lock on the file. Returns at once if another process holds a lock.
    pub fn try_lock(&self) -> Result<(), TryLockError> {
        call(Call::Lock, &self.0, || Ok(self.0.try_lock())).map_err(TryLockError::Error)?
    }

    /// Takes a shared lock on the file. Waits while another process holds an exclusive lock.
    pub fn lock_shared(&self) -> io::Result<()> {
        call(Call::Lock, &self.0, || self.0.lock_shared())
    }

    /// Releases the lock.
    pub fn unlock(&self) -> io::Result<()> {
        call(Call::Lock, &self.0, || self.0.unlock())
    }

    /// Reads at an offset, without using the position of the file.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        call(Call::Read, &self.0, || system::read_at(&self.0, buffer, offset))
    }

    /// Writes all bytes at an offset, without using the position of the file.
    pub fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match write(&self.0, bytes, |bytes| system::write_at(&self.0, bytes, offset)) {
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

/// Writes the bytes, unless the plan has a fault for the call.
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

/// Options for opening a file.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    inner: std::fs::OpenOptions,
    creates: bool,
}

impl OpenOptions {
    /// Creates options with every flag unset.
    #[must_use]
    pub fn new() -> Self {
        Self { inner: std::fs::OpenOptions::new(), creates: false }
    }

    /// Opens the file for reading.
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.inner.read(read);
        self
    }

    /// Limits the permissions of a newly created file to a mode.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        system::set_mode_of_new(&mut self.inner, mode);
        self
    }

    /// Opens the file for writing.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.inner.write(write);
        self
    }

    /// Appends all writes to the end of the file.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.inner.append(append);
        self
    }

    /// Truncates an existing file.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.inner.truncate(truncate);
        self.creates |= truncate;
        self
    }

    /// Creates the file if it does not exist.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.inner.create(create);
        self.creates |= create;
        self
    }

    /// Creates the file, and fails if it exists.
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
