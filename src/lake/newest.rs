//! `_scanmill/newest`: the number of the newest commit, as a second witness of the log.
//!
//! A log that lost its last files looks like an older log, and one that lost all of them like that of a new dataset.
//! Parts that no commit names prove nothing: a run that was killed leaves such parts too, made for a commit that never
//! happened. So the number of each commit is noted in a file of its own:
//!
//! 1. A new dataset has the number 0 before the first part gets its name. Parts without a log and without this file
//!    are therefore what is left of a dataset whose log is gone.
//! 2. A run notes the number of its commit after the commit has its name. A process that ends in between leaves a
//!    number that is too small, which is weaker evidence and never wrong. The next commit mends it.
//! 3. Whoever opens the dataset reads the number before the log. The log only grows, so one that ends before the number
//!    has lost commits.
//!
//! Datasets of versions before 0.2 have no such file until a run opens them to load or compact. Commits since then say
//! that it is there, so its loss shows too, and with it that of commits that went along.

use std::{
    io::{self, Read as _, Write as _},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::{
    decode::unreadable,
    failed,
    log::{Log, Named, name_if_absent, require_file},
    part::Staged,
};
use crate::{
    error::{Error, Result},
    fs::{self, File},
    sink::Temporaries,
};

/// The file's name. It does not end as commits do, so that what removes these leaves it.
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

    /// Reads the number that was noted last; `None` if there is no such file.
    pub(super) fn newest(&self) -> Result<Option<u64>> {
        let path = self.newest_path();
        let read = || -> io::Result<Option<Newest>> {
            let Some(()) = fs::if_there(require_file(&path))? else { return Ok(None) };
            let Some(file) = fs::if_there(File::open(&path))? else { return Ok(None) };
            let mut text = Vec::new();
            io::copy(&mut file.take(MAX_BYTES), &mut text)?;
            let newest = serde_json::from_slice(&text);
            newest.map(Some).map_err(|_| io::Error::other("damaged: it has no number of a commit"))
        };
        let newest = read().map_err(|error| unreadable(&path, error))?;
        Ok(newest.map(|newest| newest.commit))
    }

    /// Notes the number of a commit that has its name, unless a later one is noted.
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

    /// Notes the number of a dataset that has no note yet.
    pub(super) fn note_first(&self, commit: u64) -> Result<()> {
        let staged = self.stage_newest(commit, &Temporaries::default())?;
        let path = self.newest_path();
        let named = name_if_absent(staged.path(), &path).map_err(|error| failed(&path, error))?;
        if matches!(named, Named::Renamed) {
            staged.renamed();
        }
        super::sync_dir(&self.folder)
    }

    /// The error of a number that was noted and is gone, in a log that ends with this commit.
    pub(super) fn without_newest(&self, last: u64) -> Error {
        let message = format!(
            "damaged: it is missing, so commits after {last} may be missing too; bring it back, or write \
             {{\"commit\":{last}}} into it if {last}.json is the last commit"
        );
        unreadable(&self.newest_path(), io::Error::other(message))
    }

    fn stage_newest(&self, commit: u64, temporaries: &Temporaries) -> Result<Staged> {
        let (staged, mut file) = Staged::create(&self.staging(), "json", temporaries)?;
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
