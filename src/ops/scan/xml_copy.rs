//! Copy of the XML of a process, in a file that keeps it.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Result},
    fs::{self, File, OpenOptions},
    ops::paths::is_special,
    output::{Replace, follow, open_locked, refuse_existing},
};

/// File that receives the XML of a process. It is created when nmap writes its first bytes. It is not a temporary file,
/// so that the XML survives whatever happens to the job.
#[derive(Debug)]
pub(super) struct XmlCopy {
    path: PathBuf,
    overwrite: bool,
    file: Option<File>,
}

impl XmlCopy {
    /// Checks that the file can be created or replaced. Leaves the disk unchanged.
    pub(super) fn new(path: PathBuf, overwrite: bool) -> Result<Self> {
        let name = path.display().to_string();
        let failed = |error: io::Error| Error::sink(&*name, error);
        match fs::if_there(fs::metadata(&path)).map_err(failed)? {
            Some(meta) if meta.is_dir() => return Err(failed(io::ErrorKind::IsADirectory.into())),
            Some(meta) if meta.is_file() => {
                refuse_existing(&path, &name, Replace::of(overwrite))?;
                drop(open_locked(&path, OpenOptions::new().write(true))?);
            }
            Some(_) => {}
            None => {
                let target = follow(&path).map_err(failed)?;
                let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
                fs::tempfile_in(folder.unwrap_or(Path::new("."))).map_err(failed)?;
            }
        }
        Ok(Self { path, overwrite, file: None })
    }

    /// Creates a file without a name in `folder`, or in the folder of the system for temporary files.
    pub(super) fn temporary(folder: Option<&Path>) -> Result<Self> {
        let folder = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let path = "a temporary file";
        let file = fs::tempfile_in(folder).map_err(|error| Error::sink(path, error))?;
        Ok(Self { path: path.into(), overwrite: false, file: Some(file) })
    }

    /// Returns the name of the file, for messages.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Returns the file, or `None` if nothing was written.
    pub(super) fn into_file(self) -> Option<File> {
        self.file
    }

    /// Opens and locks the file. It grows under its final name, as a feed does.
    fn open(&self) -> Result<File> {
        let failed = |error: io::Error| Error::sink(self.name(), error);
        if is_special(&self.path) {
            return OpenOptions::new().write(true).open(&self.path).map_err(failed);
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(self.overwrite).create_new(!self.overwrite);
        let target = follow(&self.path).map_err(failed)?;
        let file = open_locked(&target, &options)?;
        // Truncates only after the lock rules out another writer.
        file.set_len(0).map_err(failed)?;
        Ok(file)
    }
}

impl Write for XmlCopy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.file.is_none() && !bytes.is_empty() {
            self.file = Some(self.open().map_err(io::Error::other)?);
        }
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}
