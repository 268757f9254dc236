//! Line-based output file that has its final name from the start and is read while it grows.
//!
//! It cannot appear as a whole, as other outputs do, so three rules protect its contents:
//!
//! 1. An existing file is not modified before the first bytes arrive. A command that reads no scan leaves it unchanged,
//!    and removes a file that it created.
//! 2. The file has one writer, which holds its lock ([`super::lock`]) before it truncates anything.
//! 3. When the disk is full, the file is truncated to its last complete line or, if it is compressed, to the last
//!    position up to which a reader can decompress it. Nothing more is written then, even if a buffer still holds
//!    bytes.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{
    lock::{is_at, open_locked},
    replace_policy::{Replace, refuse_existing},
    target::{follow, is_link, make_folders, remove_empty},
    temp_files::Temporaries,
};
use crate::{
    error::{Error, Result},
    fs::{self, File},
};

/// File to which nothing was written yet.
#[derive(Debug)]
pub(super) struct UntouchedFile {
    file: Option<File>,
    path: PathBuf,
    /// True if the file was created by this process.
    is_new: bool,
    /// Folders that were created for it, each before those inside it.
    made: Vec<PathBuf>,
    temporaries: Temporaries,
}

impl UntouchedFile {
    /// Opens or creates a file, and locks it.
    ///
    /// # Errors
    /// Returns a usage error if the file exists and may not be replaced, or if another process is writing it, and an
    /// output error if it cannot be created.
    pub(super) fn open(path: &Path, overwrite: bool, temporaries: &Temporaries) -> Result<Self> {
        let name = path.display().to_string();
        refuse_existing(path, &name, Replace::of(overwrite))?;
        let failed = |error| Error::sink(&*name, error);
        let target = follow(path).map_err(failed)?;
        let is_new = fs::if_there(fs::symlink_metadata(&target)).map_err(failed)?.is_none();
        let made = if is_link(path, &target) {
            Vec::new()
        } else {
            make_folders(&target).map_err(failed)?
        };
        let path = target;
        let mut options = File::options();
        options.write(true).create(overwrite).create_new(!overwrite).truncate(false);
        let file = open_locked(&path, &options).inspect_err(|_| remove_empty(&made))?;
        if is_new {
            temporaries.add(&path);
        }
        Ok(Self { file: Some(file), path, is_new, made, temporaries: temporaries.clone() })
    }

    /// Returns true if it replaces a file that is not empty.
    pub(super) fn replaces(&self) -> bool {
        let meta = self.file.as_ref().and_then(|file| file.metadata().ok());
        !self.is_new && meta.is_some_and(|meta| meta.len() > 0)
    }

    /// Truncates the file and returns it for writing. `by_lines` is true if its bytes are lines, which compressed bytes
    /// are not.
    pub(super) fn begin(mut self, by_lines: bool) -> io::Result<InPlaceFile> {
        let file = self.file.take().ok_or(io::ErrorKind::NotFound)?;
        self.temporaries.forget(&self.path);
        file.set_len(0)?;
        Ok(InPlaceFile { file, by_lines, len: 0, complete_len: 0, is_broken: false })
    }
}

impl Drop for UntouchedFile {
    fn drop(&mut self) {
        let Some(file) = &self.file else { return };
        if self.is_new {
            // The lock is still held, so no other process has written to it.
            if is_at(file, &self.path).unwrap_or(false) {
                let _ = fs::remove_file(&self.path);
            }
            remove_empty(&self.made);
            self.temporaries.forget(&self.path);
        }
    }
}

/// File that grows.
#[derive(Debug)]
pub(super) struct InPlaceFile {
    file: File,
    by_lines: bool,
    len: u64,
    /// Length in bytes up to the last position at which a reader may find the end.
    complete_len: u64,
    /// True after a failed write: nothing more is written.
    is_broken: bool,
}

impl InPlaceFile {
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn record_written(&mut self, bytes: &[u8]) {
        let end = |len: usize| self.len.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        let last = bytes.iter().rposition(|byte| *byte == b'\n').filter(|_| self.by_lines);
        let complete_len = last.map(|last| end(last.saturating_add(1)));
        (self.len, self.complete_len) =
            (end(bytes.len()), complete_len.unwrap_or(self.complete_len));
    }

    /// Truncates an incomplete line, because no more follows.
    fn truncate_line(&mut self, error: io::Error) -> io::Error {
        self.is_broken = true;
        match self.file.set_len(self.complete_len) {
            Ok(()) => error,
            Err(why) => io::Error::new(
                error.kind(),
                format!("{error}; its last line is incomplete, and cannot be removed: {why}"),
            ),
        }
    }
}

impl Write for InPlaceFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_broken {
            return Err(io::Error::other("a write before this one failed"));
        }
        match self.file.write(bytes) {
            Ok(len) => {
                self.record_written(bytes.get(..len).unwrap_or(bytes));
                Ok(len)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(self.truncate_line(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.by_lines && !self.is_broken {
            self.complete_len = self.len;
        }
        self.file.flush()
    }
}
