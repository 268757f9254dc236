//! `_scanmill/newest`: the number of the newest commit, as independent evidence of the log's
//! length.
//!
//! A log that lost its last files looks like an older log, and one that lost all its files looks
//! like that of a new dataset. Parts that no commit names prove nothing: a killed run also leaves
//! parts, written for a commit that never happened. The number of each commit is therefore recorded
//! in a separate file:
//!
//! 1. In a new dataset, the number 0 is recorded before the first part gets its name. Parts without
//!    a log and without this file are therefore the remains of a dataset that lost its log.
//! 2. A run records the number of its commit after the commit got its name. A process that ends in
//!    between leaves a number that is too low, which is weaker evidence but never wrong. The next
//!    commit corrects it.
//! 3. Opening a dataset reads the number before the log. The log only grows, so a log that ends
//!    before the number has lost commits.
//!
//! Datasets written by versions before 0.2 have no such file until a run opens them for loading or
//! compaction. Later commits record that it exists, so its loss is detected, and with it that of
//! commits lost at the same time.

use std::{
    io::{self, Read as _, Write as _},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::{
    folder::{failed, sync_dir, unreadable},
    log::{Log, NameOutcome, name_if_absent, require_file},
    staged_file::StagedFile,
};
use crate::{
    error::{Error, Result},
    fs::{self, File},
    output::Temporaries,
};

/// Name of the file. It has no `.json` extension, so that a pattern that removes commits does not
/// match it.
pub(super) const NEWEST: &str = "newest";

/// Maximum size of the file in bytes.
const MAX_BYTES: u64 = 1 << 10;

#[derive(Serialize, Deserialize)]
struct Newest {
    commit: u64,
}

impl Log {
    fn newest_path(&self) -> PathBuf {
        self.folder.join(NEWEST)
    }

    /// Returns the recorded number, or `None` if the file does not exist.
    pub(super) fn newest(&self) -> Result<Option<u64>> {
        let path = self.newest_path();
        let read = || -> io::Result<Option<Newest>> {
            let Some(()) = fs::if_there(require_file(&path))? else { return Ok(None) };
            let Some(file) = fs::if_there(File::open(&path))? else { return Ok(None) };
            let mut text = Vec::new();
            io::copy(&mut file.take(MAX_BYTES), &mut text)?;
            let newest = serde_json::from_slice(&text);
            newest.map(Some).map_err(|_| {
                io::Error::other("damaged: it does not contain the number of a commit")
            })
        };
        let newest = read().map_err(|error| unreadable(&path, error))?;
        Ok(newest.map(|newest| newest.commit))
    }

    /// Records the number of a commit that has its name, unless a later one is recorded.
    pub(super) fn note_newest(&self, commit: u64, temporaries: &Temporaries) -> Result<()> {
        if self.newest()?.is_some_and(|noted| noted >= commit) {
            return Ok(());
        }
        let staged = self.stage_newest(commit, temporaries)?;
        let path = self.newest_path();
        fs::rename(staged.path(), &path).map_err(|error| failed(&path, error))?;
        staged.renamed();
        Ok(())
    }

    /// Records the number in a dataset without such a file.
    pub(super) fn note_first(&self, commit: u64) -> Result<()> {
        let staged = self.stage_newest(commit, &Temporaries::default())?;
        let path = self.newest_path();
        let named = name_if_absent(staged.path(), &path).map_err(|error| failed(&path, error))?;
        if matches!(named, NameOutcome::Renamed) {
            staged.renamed();
        }
        sync_dir(&self.folder)
    }

    /// Returns the error for a missing file in a dataset whose log ends with this commit.
    pub(super) fn without_newest(&self, last: u64) -> Error {
        let message = format!(
            "damaged: it is missing, so commits after {last} may be missing too; bring it back, or write \
             {{\"commit\":{last}}} into it if {last}.json is the last commit"
        );
        unreadable(&self.newest_path(), io::Error::other(message))
    }

    fn stage_newest(&self, commit: u64, temporaries: &Temporaries) -> Result<StagedFile> {
        let (staged, mut file) = StagedFile::create(&self.staging(), "json", temporaries)?;
        let write = |file: &mut File| -> io::Result<()> {
            let mut text = serde_json::to_vec(&Newest { commit })?;
            text.push(b'\n');
            file.write_all(&text)?;
            file.sync_all()
        };
        write(&mut file).map_err(|error| failed(staged.path(), error))?;
        Ok(staged)
    }
}
