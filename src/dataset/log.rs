//! Log of a dataset: one file per commit, numbered from 1 without gaps.

use std::{
    io::{self, Read as _, Write as _},
    path::{Component, Path, PathBuf},
};

use serde::Deserialize;

use super::{
    commit::{Commit, FORMAT},
    folder::{STAGING, failed, sync_dir, unreadable},
    snapshot::Snapshot,
    staged_file::StagedFile,
};
use crate::{
    error::{Error, Result},
    fs::{self, File},
    limits::MAX_COMMIT_BYTES,
    output::Temporaries,
    table,
};

#[derive(Clone)]
pub(super) struct Log {
    pub(super) folder: PathBuf,
}

impl Log {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.folder.join(STAGING)
    }

    /// Returns the path of a commit's file.
    pub(super) fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number}.json"))
    }

    /// Reads the commit with this number.
    pub(super) fn read(&self, number: u64) -> Result<Commit> {
        let path = self.path(number);
        let text = read_file(&path).map_err(|error| unreadable(&path, error))?;
        parse(&path, &text)
    }

    /// Applies all commits that are newer than the snapshot.
    pub(super) fn catch_up(&self, snapshot: &mut Snapshot) -> Result<()> {
        loop {
            let number = snapshot.number.saturating_add(1);
            let path = self.path(number);
            let text = match read_file(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) => return Err(unreadable(&path, error)),
            };
            snapshot.apply(&parse(&path, &text)?);
            if let Some(why) = snapshot.mismatch() {
                return Err(unreadable(&path, io::Error::other(format!("damaged: {why}"))));
            }
        }
        self.check_gap(snapshot.number)
    }

    /// Fails if a later commit exists: a log that lost a file must not be taken for a shorter one.
    fn check_gap(&self, newest: u64) -> Result<()> {
        let entries =
            fs::read_dir(&self.folder).map_err(|error| unreadable(&self.folder, error))?;
        for entry in entries {
            let name = entry.map_err(|error| unreadable(&self.folder, error))?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".json"));
            // The next number may have been added since the log was read; that commit belongs to
            // the next run.
            if let Some(number) = number.and_then(|number| number.parse::<u64>().ok())
                && number > newest.saturating_add(1)
                && !self.path(newest.saturating_add(1)).exists()
            {
                return Err(self.lost(newest.saturating_add(1), "later ones are there"));
            }
        }
        Ok(())
    }

    /// Returns the error for a commit that existed and is missing, with the evidence for that.
    pub(super) fn lost(&self, number: u64, proof: &str) -> Error {
        let message = format!("damaged: this commit is missing, and {proof}; {BRING_BACK}");
        unreadable(&self.path(number), io::Error::other(message))
    }

    /// Adds a commit. Returns false if another run has already added one with this number.
    pub(super) fn add(
        &self,
        number: u64,
        commit: &Commit,
        temporaries: &Temporaries,
    ) -> Result<bool> {
        let (staged, mut file) = StagedFile::create(&self.staging(), "json", temporaries)?;
        let write = |file: &mut File| -> io::Result<()> {
            let mut text = serde_json::to_vec(commit)?;
            text.push(b'\n');
            if u64::try_from(text.len()).is_ok_and(|len| len > MAX_COMMIT_BYTES) {
                return Err(too_long("ingest fewer documents at once"));
            }
            file.write_all(&text)?;
            file.sync_all()
        };
        write(&mut file).map_err(|error| failed(staged.path(), error))?;
        let path = self.path(number);
        match name_if_absent(staged.path(), &path).map_err(|error| failed(&path, error))? {
            NameOutcome::Renamed => staged.renamed(),
            NameOutcome::Linked => {}
            NameOutcome::Taken => return Ok(false),
        }
        sync_dir(&self.folder)?;
        self.note_newest(number, temporaries)?;
        Ok(true)
    }
}

/// Advice for a log that lost files.
pub(super) const BRING_BACK: &str =
    "bring the files of its log back, or load the inputs into a new dataset";

/// Reads a file of the log.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    read_capped(path, MAX_COMMIT_BYTES)
}

fn read_capped(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    require_file(path)?;
    let mut text = Vec::new();
    let len = io::copy(&mut File::open(path)?.take(most.saturating_add(1)), &mut text)?;
    if len > most { Err(too_long("damaged")) } else { Ok(text) }
}

fn too_long(what: &str) -> io::Error {
    io::Error::other(format!("{what}: a file of the log has at most {MAX_COMMIT_BYTES} bytes"))
}

/// Refuses anything but a file, such as a pipe, which may never have a writer.
pub(super) fn require_file(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.is_file() {
        return Ok(());
    }
    Err(io::Error::other("damaged: it is not a file"))
}

/// Result of [`name_if_absent`].
pub(super) enum NameOutcome {
    /// The file has the new name only.
    Renamed,
    /// The file has the new name in addition to its old one.
    Linked,
    /// The name existed before.
    Taken,
}

/// Gives a file a name, unless the name exists.
pub(super) fn name_if_absent(from: &Path, to: &Path) -> io::Result<NameOutcome> {
    use io::ErrorKind::AlreadyExists;
    match fs::rename_no_replace(from, to) {
        Ok(()) => return Ok(NameOutcome::Renamed),
        Err(error) if error.kind() == AlreadyExists => return Ok(NameOutcome::Taken),
        // Not every file system supports this call; most support at least one of the two.
        Err(error) if fs::is_unsupported(&error) => {}
        Err(error) => return Err(error),
    }
    match fs::hard_link(from, to) {
        Ok(()) => Ok(NameOutcome::Linked),
        Err(error) if error.kind() == AlreadyExists => Ok(NameOutcome::Taken),
        Err(error) => Err(error),
    }
}

pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Commit> {
    #[derive(Deserialize)]
    struct CommitHeader {
        format: u32,
        schema_version: String,
    }
    let CommitHeader { format, schema_version } =
        serde_json::from_slice(text).map_err(|error| unreadable(path, error))?;
    let known = table::schema_version();
    let is_known = schema_version.parse::<u32>().is_ok_and(|version| version <= known);
    if format > FORMAT || !is_known {
        return Err(Error::usage(format!(
            "{}: made by another version of scanmill (format {format}, schema {schema_version}; \
             this one supports {FORMAT} and {known})",
            path.display()
        )));
    }
    let commit: Commit = serde_json::from_slice(text).map_err(|error| unreadable(path, error))?;
    let paths = commit.files.iter().map(|entry| &entry.path).chain(&commit.removed);
    let mut outside = paths.filter(|path| !is_inside(path));
    match outside.next() {
        None => Ok(commit),
        Some(file) => {
            let message = format!("damaged: {file:?} is not a file of a dataset");
            Err(unreadable(path, io::Error::other(message)))
        }
    }
}

/// Returns true if a path stays inside the dataset.
fn is_inside(path: &str) -> bool {
    let parts = Path::new(path).components();
    !path.is_empty() && parts.into_iter().all(|part| matches!(part, Component::Normal(_)))
}
