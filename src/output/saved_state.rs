//! Saved state of a merge: a file that is read when a command begins and replaced as a whole when it ends.

use std::{
    io::{BufWriter, Write as _},
    path::Path,
};

use super::{
    lock::{is_at, try_lock_file},
    replace_policy::Replace,
    staged_output::StagedOutput,
    target::follow,
    temp_files::Temporaries,
};
use crate::{
    error::{Error, Result},
    fs::{self, File},
};

/// Writes the file of a saved state. The file that it replaces is locked meanwhile, so that two commands cannot
/// continue from the same state and lose one of the results.
pub struct StateSink {
    name: String,
    writer: BufWriter<File>,
    staged: StagedOutput,
    old: Option<File>,
    /// True if a new state was written.
    is_written: bool,
}

impl StateSink {
    /// Opens the state at `path`, if it exists, and creates the file of the next one next to it.
    ///
    /// # Errors
    /// Returns a usage error if the path is not a regular file, or if another process uses it; an error of the kind
    /// [`State`](crate::error::ErrorKind::State) if it cannot be read; and an output error if nothing can be written there.
    pub fn open(path: &Path, temporaries: &Temporaries) -> Result<Self> {
        let name = path.display().to_string();
        let unreadable = |error| Error::state(&*name, format!("{name}: {error}"));
        let target = follow(path).map_err(unreadable)?;
        let meta = fs::if_there(fs::metadata(&target)).map_err(unreadable)?;
        if meta.is_some_and(|meta| !meta.is_file()) {
            return Err(Error::usage(format!("{name} is not a file")));
        }
        let old = fs::if_there(File::open(&target)).map_err(unreadable)?;
        // `StagedOutput::file` checks the lock itself, which is therefore taken after it.
        let (staged, file) = StagedOutput::file(path, Replace::of(old.is_some()), temporaries)?;
        if let Some(old) = &old
            && !(try_lock_file(old, path)? && is_at(old, &target).map_err(unreadable)?)
        {
            return Err(Error::usage(format!("another run is using {name}: wait for its end")));
        }
        Ok(Self { name, writer: BufWriter::new(file), staged, old, is_written: false })
    }

    /// Returns the file's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns a reader of the existing state, from its beginning.
    ///
    /// # Errors
    /// Fails if the system cannot open another file.
    pub fn old(&self) -> Result<Option<impl std::io::Read + use<>>> {
        let copy = self.old.as_ref().map(File::try_clone).transpose();
        copy.map_err(|error| Error::sink(&*self.name, error))
    }

    /// Writes a piece of the new state.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.is_written = true;
        self.writer.write_all(bytes).map_err(|error| Error::sink(&*self.name, error))
    }

    /// Syncs the new state to disk; after that only a rename is left.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn sync(&mut self) -> Result<()> {
        let synced = self.writer.flush().and_then(|()| self.writer.get_ref().sync_all());
        synced.map_err(|error| Error::sink(&*self.name, error))
    }

    /// Replaces the old state with the new one if one was written: without any scan nothing was merged.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        if !self.is_written {
            return Ok(());
        }
        self.sync()?;
        // Replacing a file briefly takes its lock.
        drop(self.old.take());
        self.staged.publish()
    }
}
