//! The log: a file a commit, numbered from 1 without gaps.

use std::{
    io::{self, Write as _},
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{STAGING, decode::unreadable, failed, part::Staged, state::State, sync_dir};
use crate::{
    error::{Error, Result},
    fs::{self, File},
    sink::Temporaries,
};

/// Version of the log's form; a newer one is not read.
const FORMAT: u32 = 1;

/// What a commit was made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Documents were loaded.
    Ingest,
    /// Small files were made one.
    Compact,
}

/// A step from one state of the dataset to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Version of the log's form.
    pub format: u32,
    /// Version of the tables' schema.
    pub schema_version: String,
    /// What made it.
    pub operation: Operation,
    /// When its run began, as RFC 3339 text in UTC.
    pub time: String,
    /// Whether `_scanmill/newest` was there before it, and so has to be there since. Commits before 0.2 do not have it.
    #[serde(default)]
    pub has_newest: bool,
    /// Files that come.
    pub files: Vec<FileEntry>,
    /// Paths of files that go.
    pub removed: Vec<String>,
    /// Documents that were loaded.
    pub documents: Vec<DocumentEntry>,
    /// Documents that were left out, as a copy that is as good or better is there.
    pub skipped: Vec<SkippedEntry>,
    /// Inputs of which everything is in the dataset.
    pub sources: Vec<SourceEntry>,
}

/// A Parquet file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its path below the dataset's folder.
    pub path: String,
    /// Its table.
    pub table: String,
    /// The date of its scans, `None` if they have none.
    pub scan_date: Option<String>,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes in hexadecimal.
    pub sha256: String,
}

/// A document that was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentEntry {
    /// The id that its rows have; `None` if there is no scan in it.
    pub scan_id: Option<String>,
    /// SHA-256 of its bytes in hexadecimal.
    pub sha256: String,
    /// Name of its input as given.
    pub source: String,
    /// Its place in the input, from 0.
    pub doc_index: i32,
    /// The date of its rows' partition.
    pub scan_date: Option<String>,
    /// Whether a `finished` element was read.
    pub finished: bool,
    /// Whether it ends before its end tag.
    pub truncated: bool,
    /// Host elements that were not cut.
    pub whole_hosts: u64,
    /// Rows in all tables.
    pub rows: u64,
    /// Of these, rows that say what was found, by which copies of one scan are compared. Commits before 0.2 do not
    /// have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_rows: Option<u64>,
    /// The id of a copy whose rows it takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// A document that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedEntry {
    /// The id of its scan.
    pub scan_id: Option<String>,
    /// SHA-256 of its bytes in hexadecimal.
    pub sha256: String,
    /// Name of its input as given.
    pub source: String,
    /// Its place in the input, from 0.
    pub doc_index: i32,
}

/// An input that was read to its end without an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceEntry {
    /// Its name as given.
    pub name: String,
    /// SHA-256 of its bytes, packed as they are, in hexadecimal.
    pub sha256: String,
    /// How many bytes these are.
    pub bytes: u64,
}

impl Commit {
    pub(super) fn new(operation: Operation, time: &str) -> Self {
        Self {
            format: FORMAT,
            schema_version: crate::sink::parquet_parts::SCHEMA_VERSION.to_owned(),
            operation,
            time: time.to_owned(),
            has_newest: true,
            files: Vec::new(),
            removed: Vec::new(),
            documents: Vec::new(),
            skipped: Vec::new(),
            sources: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
            && self.removed.is_empty()
            && self.documents.is_empty()
            && self.skipped.is_empty()
            && self.sources.is_empty()
    }
}

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

    /// The file of a commit.
    pub(super) fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number}.json"))
    }

    /// The commit of this number.
    pub(super) fn read(&self, number: u64) -> Result<Commit> {
        let path = self.path(number);
        let text = read_file(&path).map_err(|error| unreadable(&path, error))?;
        parse(&path, &text)
    }

    /// Brings a state up to the newest commit.
    pub(super) fn catch_up(&self, state: &mut State) -> Result<()> {
        loop {
            let number = state.number.saturating_add(1);
            let path = self.path(number);
            let text = match read_file(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) => return Err(unreadable(&path, error)),
            };
            state.apply(&parse(&path, &text)?);
            if let Some(why) = state.mismatch() {
                return Err(unreadable(&path, io::Error::other(format!("damaged: {why}"))));
            }
        }
        self.check_gap(state.number)
    }

    /// A log that lost a file must not be taken for a shorter one.
    fn check_gap(&self, newest: u64) -> Result<()> {
        let entries =
            fs::read_dir(&self.folder).map_err(|error| unreadable(&self.folder, error))?;
        for entry in entries {
            let name = entry.map_err(|error| unreadable(&self.folder, error))?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".json"));
            // One more may have come since; it is the next run's.
            if let Some(number) = number.and_then(|number| number.parse::<u64>().ok())
                && number > newest.saturating_add(1)
                && !self.path(newest.saturating_add(1)).exists()
            {
                return Err(self.lost(newest.saturating_add(1), "later ones are there"));
            }
        }
        Ok(())
    }

    /// The error of a commit that was made and is gone, with what shows that.
    pub(super) fn lost(&self, number: u64, proof: &str) -> Error {
        let message = format!("damaged: this commit is missing, and {proof}; {BRING_BACK}");
        unreadable(&self.path(number), io::Error::other(message))
    }

    /// Adds a commit; false if another run made one of this number before.
    pub(super) fn add(
        &self,
        number: u64,
        commit: &Commit,
        temporaries: &Temporaries,
    ) -> Result<bool> {
        let (staged, mut file) = Staged::create(&self.staging(), "json", temporaries)?;
        let write = |file: &mut File| -> io::Result<()> {
            let mut text = serde_json::to_vec(commit)?;
            text.push(b'\n');
            file.write_all(&text)?;
            file.sync_all()
        };
        write(&mut file).map_err(|error| failed(staged.path(), error))?;
        let path = self.path(number);
        match name_if_absent(staged.path(), &path).map_err(|error| failed(&path, error))? {
            Named::Renamed => staged.renamed(),
            Named::Linked => {}
            Named::Taken => return Ok(false),
        }
        sync_dir(&self.folder)?;
        self.note_newest(number, temporaries)?;
        Ok(true)
    }
}

/// What can be done about a log that lost files.
pub(super) const BRING_BACK: &str =
    "bring the files of its log back, or load the inputs into a new dataset";

/// Reads a file of the log.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    require_file(path)?;
    fs::read(path)
}

/// Refuses what is no file, such as a pipe, which nobody may ever write to.
pub(super) fn require_file(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.is_file() {
        return Ok(());
    }
    Err(io::Error::other("damaged: it is no file"))
}

/// What became of a name that nothing should have.
pub(super) enum Named {
    /// The file has it, and no other.
    Renamed,
    /// The file has it beside its old one.
    Linked,
    /// Something had it before.
    Taken,
}

/// Gives a file a name unless something has it.
pub(super) fn name_if_absent(from: &Path, to: &Path) -> io::Result<Named> {
    use io::ErrorKind::AlreadyExists;
    match fs::rename_no_replace(from, to) {
        Ok(()) => return Ok(Named::Renamed),
        Err(error) if error.kind() == AlreadyExists => return Ok(Named::Taken),
        // Not every file system knows this way; most know one of the two.
        Err(error) if fs::is_unsupported(&error) => {}
        Err(error) => return Err(error),
    }
    match fs::hard_link(from, to) {
        Ok(()) => Ok(Named::Linked),
        Err(error) if error.kind() == AlreadyExists => Ok(Named::Taken),
        Err(error) => Err(error),
    }
}

pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Commit> {
    #[derive(Deserialize)]
    struct Form {
        format: u32,
        schema_version: String,
    }
    let Form { format, schema_version } =
        serde_json::from_slice(text).map_err(|error| unreadable(path, error))?;
    let known = crate::sink::parquet_parts::SCHEMA_VERSION;
    if format > FORMAT || schema_version != known {
        return Err(Error::usage(format!(
            "{}: made by another version of scanmill (form {format}, schema {schema_version}; this \
             one knows {FORMAT} and {known})",
            path.display()
        )));
    }
    let commit: Commit = serde_json::from_slice(text).map_err(|error| unreadable(path, error))?;
    let paths = commit.files.iter().map(|entry| &entry.path).chain(&commit.removed);
    let mut outside = paths.filter(|path| !is_inside(path));
    match outside.next() {
        None => Ok(commit),
        Some(file) => {
            let message = format!("damaged: {file:?} is no file of a dataset");
            Err(unreadable(path, io::Error::other(message)))
        }
    }
}

/// Whether a path leads nowhere but into the dataset.
fn is_inside(path: &str) -> bool {
    let parts = Path::new(path).components();
    !path.is_empty() && parts.into_iter().all(|part| matches!(part, Component::Normal(_)))
}
