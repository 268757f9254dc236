//! Rotation of a feed: its conditions, and the renaming of files.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{super::paths::failed, FeedFile, open, sync_name};
use crate::{
    error::Result,
    fs::{self, File, OpenOptions},
    output::{hold, is_at, lock},
};

/// Conditions for rotating a feed, and the number of old files to keep.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Rotation {
    /// Rotates the feed before it exceeds this size, in bytes. The lines of one input stay
    /// together, whatever their number.
    pub size: Option<u64>,
    /// Rotates the feed when it is this old.
    pub every: Option<Duration>,
    /// Number of old files to keep, as `FILE.1`, `FILE.2` and so on, newest first.
    pub keep: usize,
}

impl Rotation {
    /// Default number of old files to keep.
    pub const KEEP: usize = 14;
}

impl Default for Rotation {
    fn default() -> Self {
        Self { size: None, every: None, keep: Self::KEEP }
    }
}

impl FeedFile {
    pub(super) fn is_old(&self) -> Result<bool> {
        let Some(every) = self.rotation.every else { return Ok(false) };
        let meta = self.file.metadata().map_err(|error| failed(&self.path, error))?;
        let Ok(born) = meta.created().or_else(|_| meta.modified()) else { return Ok(false) };
        #[expect(clippy::disallowed_methods, reason = "the age of a file depends on the clock")]
        let age = SystemTime::now().duration_since(born).unwrap_or_default();
        Ok(age >= every)
    }

    /// Renames the file to `FILE.1`, renames older ones accordingly, and creates a new file with
    /// its name. Only the oldest file is ever replaced, so nothing is lost if this is interrupted.
    pub(super) fn rotate(&mut self) -> Result<()> {
        self.check_old()?;
        let keep = self.rotation.keep.max(1);
        let newest = self.old(1);
        // A killed run may have left the file with both names.
        let linked = is_at(&self.file, &newest).map_err(|error| failed(&newest, error))?;
        if !linked {
            let mut free = 1;
            while free < keep && is_taken(&self.old(free))? {
                free = free.saturating_add(1);
            }
            for number in (1..free).rev() {
                rename(&self.old(number), &self.old(number.saturating_add(1)))?;
            }
            if keep == 1 {
                let _ = fs::remove_file(&newest);
            }
        }
        match self.successor()? {
            Some((path, file)) if linked || self.has_also(&newest)? => {
                rename(&path, &self.path).inspect_err(|_| {
                    let _ = fs::remove_file(&path);
                })?;
                self.file = file;
                sync_name(&self.path)?;
            }
            // On file systems where a file can have only one name, the name of the feed is free for
            // a moment.
            unused => {
                if let Some((path, _)) = unused {
                    let _ = fs::remove_file(path);
                }
                if linked {
                    fs::remove_file(&self.path).map_err(|error| failed(&self.path, error))?;
                } else {
                    rename(&self.path, &newest)?;
                }
                self.file = open(&self.path)?;
            }
        }
        let mut beyond = keep.saturating_add(1);
        while fs::remove_file(self.old(beyond)).is_ok() {
            beyond = beyond.saturating_add(1);
        }
        Ok(())
    }

    /// Refuses to rename or remove an old file that another run writes: that run's feed has a name
    /// derived from this one's, and its lines would continue under another name, or none.
    ///
    /// # Errors
    /// Returns a usage error that names the file, and an output error if it cannot be examined.
    pub(super) fn check_old(&self) -> Result<()> {
        let keep = self.rotation.keep.max(1);
        // Rotation renames or removes the files up to the first free name, and those after the last
        // one to keep.
        for numbers in [1..keep.saturating_add(1), keep.saturating_add(1)..usize::MAX] {
            for number in numbers {
                let path = self.old(number);
                if !is_taken(&path)? {
                    break;
                }
                // The file itself may also have this name, and this run has locked it.
                if !is_at(&self.file, &path).map_err(|error| failed(&path, error))? {
                    drop(hold(&path)?);
                }
            }
        }
        Ok(())
    }

    /// Gives the file a second name. Returns false if the file system allows only one name per
    /// file.
    fn has_also(&self, name: &Path) -> Result<bool> {
        // A call that failed may still have taken effect.
        let linked = fs::hard_link(&self.path, name).is_ok();
        Ok(linked || is_at(&self.file, name).map_err(|error| failed(name, error))?)
    }

    /// Creates and locks a new file with the mode of this one, before it gets the name of the feed.
    /// Returns `None` if another process has a file with its temporary name.
    fn successor(&self) -> Result<Option<(PathBuf, File)>> {
        let mut path = self.path.clone().into_os_string();
        path.push(".new");
        let path = PathBuf::from(path);
        let failed = |error| failed(&path, error);
        // An empty file was left by a killed run.
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let file = file.map_err(failed)?;
        if file.metadata().map_err(failed)?.len() > 0 || lock(&file, &path).is_err() {
            return Ok(None);
        }
        let mode = self.file.metadata().and_then(|meta| file.set_mode(fs::mode(&meta) & 0o7777));
        if let Err(error) = mode {
            let _ = fs::remove_file(&path);
            return Err(failed(error));
        }
        Ok(Some((path, file)))
    }

    fn old(&self, number: usize) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

/// Returns true if a file, folder or link with this name exists.
fn is_taken(path: &Path) -> Result<bool> {
    let there = fs::if_there(fs::symlink_metadata(path));
    Ok(there.map_err(|error| failed(path, error))?.is_some())
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    let what = |error| format!("cannot be renamed to {}: {error}", to.display());
    fs::rename(from, to).map_err(|error| failed(from, what(error)))
}
