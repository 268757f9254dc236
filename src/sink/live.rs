//! A file of lines that has its name from the start, and is read while it grows.
//!
//! It cannot appear as a whole, as other outputs do, so three rules keep what is worth keeping:
//!
//! 1. Nothing is done to what is there before the first bytes come. A run that reads no scan leaves the old file as it
//!    is, and a new one goes again.
//! 2. The file has one writer, which holds its lock ([`super::lock`]) from before anything is cut.
//! 3. When the disk is full, the file is cut back to its last whole line, or, if it is compressed, to the last place up to
//!    which a reader can unpack it. Nothing more is written then, whatever a buffer still holds.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{
    lock::{is_at, open_locked},
    replace::{Replace, refuse_existing},
    target::{follow, is_link, make_folders, remove_empty},
    temporaries::Temporaries,
};
use crate::{
    error::{Error, Result},
    fs::{self, File},
};

/// A file that nothing was written to yet.
#[derive(Debug)]
pub(super) struct Unwritten {
    file: Option<File>,
    path: PathBuf,
    /// Whether the file was made for this run.
    is_new: bool,
    /// Folders that were made on the way, each before those in it.
    made: Vec<PathBuf>,
    temporaries: Temporaries,
}

impl Unwritten {
    /// Opens a file to write it alone, or makes it.
    ///
    /// # Errors
    /// A usage error if the file exists and is not to be replaced, or if another run writes it; an output error
    /// if it cannot be made.
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

    /// Whether it takes the place of something.
    pub(super) fn replaces(&self) -> bool {
        let meta = self.file.as_ref().and_then(|file| file.metadata().ok());
        !self.is_new && meta.is_some_and(|meta| meta.len() > 0)
    }

    /// The file, empty. `by_lines` if its bytes are lines, as they are not if they are compressed.
    pub(super) fn begin(mut self, by_lines: bool) -> io::Result<LiveFile> {
        let file = self.file.take().ok_or(io::ErrorKind::NotFound)?;
        self.temporaries.forget(&self.path);
        file.set_len(0)?;
        Ok(LiveFile { file, by_lines, len: 0, whole: 0, is_broken: false })
    }
}

impl Drop for Unwritten {
    fn drop(&mut self) {
        let Some(file) = &self.file else { return };
        if self.is_new {
            // The lock is still held: no other run has written it.
            if is_at(file, &self.path).unwrap_or(false) {
                let _ = fs::remove_file(&self.path);
            }
            remove_empty(&self.made);
            self.temporaries.forget(&self.path);
        }
    }
}

/// The file while it grows.
#[derive(Debug)]
pub(super) struct LiveFile {
    file: File,
    by_lines: bool,
    len: u64,
    /// Bytes up to the last place that a reader may find the end at.
    whole: u64,
    /// Whether a write failed: nothing more is written.
    is_broken: bool,
}

impl LiveFile {
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn wrote(&mut self, bytes: &[u8]) {
        let end = |len: usize| self.len.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        let last = bytes.iter().rposition(|byte| *byte == b'\n').filter(|_| self.by_lines);
        let whole = last.map(|last| end(last.saturating_add(1)));
        (self.len, self.whole) = (end(bytes.len()), whole.unwrap_or(self.whole));
    }

    /// Cuts what is not whole, since no more comes.
    fn cut_back(&mut self, error: io::Error) -> io::Error {
        self.is_broken = true;
        match self.file.set_len(self.whole) {
            Ok(()) => error,
            Err(why) => io::Error::new(
                error.kind(),
                format!("{error}; its last line is cut, as that cannot be taken back: {why}"),
            ),
        }
    }
}

impl Write for LiveFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_broken {
            return Err(io::Error::other("a write before this one failed"));
        }
        match self.file.write(bytes) {
            Ok(len) => {
                self.wrote(bytes.get(..len).unwrap_or(bytes));
                Ok(len)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(self.cut_back(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.by_lines && !self.is_broken {
            self.whole = self.len;
        }
        self.file.flush()
    }
}
