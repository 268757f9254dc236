//! The file of a saved state: read when a run begins, replaced as a whole when it ends.

use std::{
    io::{BufWriter, Write as _},
    path::Path,
};

use super::{
    lock::{has_lock, is_at},
    replace::Replace,
    target::{Pending, follow},
    temporaries::Temporaries,
};
use crate::{
    error::{Error, ErrorKind, Result},
    fs::{self, File},
};

/// Writes the file of a saved state. The one that it replaces is locked meanwhile, so that no two runs go on with one
/// state and one of them is lost.
pub struct StateSink {
    name: String,
    writer: BufWriter<File>,
    pending: Pending,
    old: Option<File>,
    /// Whether there is a new state.
    is_written: bool,
}

impl StateSink {
    /// Opens the state of this name, if there is one, and makes room for the next one beside it.
    ///
    /// # Errors
    /// A usage error if the name is that of something else than a file, or if another run is at work with it; an error
    /// of the kind [`State`](ErrorKind::State) if it cannot be read; an output error if nothing can be written there.
    pub fn open(path: &Path, temporaries: &Temporaries) -> Result<Self> {
        let name = path.display().to_string();
        let unreadable = |error| Error::new(ErrorKind::State(format!("{name}: {error}")));
        let target = follow(path).map_err(unreadable)?;
        let meta = fs::if_there(fs::metadata(&target)).map_err(unreadable)?;
        if meta.is_some_and(|meta| !meta.is_file()) {
            return Err(Error::usage(format!("{name} is no file: --state names one")));
        }
        let old = fs::if_there(File::open(&target)).map_err(unreadable)?;
        // It looks at the lock itself, which therefore is taken after it.
        let (pending, file) = Pending::file(path, Replace::of(old.is_some()), temporaries)?;
        if let Some(old) = &old
            && !(has_lock(old, path)? && is_at(old, &target).map_err(unreadable)?)
        {
            return Err(Error::usage(format!("another run goes on with {name}: wait for its end")));
        }
        Ok(Self { name, writer: BufWriter::new(file), pending, old, is_written: false })
    }

    /// The file's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The state that is there, to be read from its beginning.
    ///
    /// # Errors
    /// If the system has no more files to give.
    pub fn old(&self) -> Result<Option<impl std::io::Read + use<>>> {
        let copy = self.old.as_ref().map(File::try_clone).transpose();
        copy.map_err(|error| Error::sink(&*self.name, error))
    }

    /// Writes a piece of the new state.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.is_written = true;
        self.writer.write_all(bytes).map_err(|error| Error::sink(&*self.name, error))
    }

    /// Hands all that was written to the disk: what follows is a change of names.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn sync(&mut self) -> Result<()> {
        let synced = self.writer.flush().and_then(|()| self.writer.get_ref().sync_all());
        synced.map_err(|error| Error::sink(&*self.name, error))
    }

    /// Puts the new state in place of the old one, if there is one: without any scan nothing was merged.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        if !self.is_written {
            return Ok(());
        }
        self.sync()?;
        // Whoever replaces a file takes its lock for the moment.
        drop(self.old.take());
        self.pending.publish()
    }
}
