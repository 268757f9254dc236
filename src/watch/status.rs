//! State of a watch, as its journal and its folder show it.
//!
//! The journal is opened for reading only, and the lock of the state is not touched: a lock that was held for a moment
//! could refuse a watch that starts in it. A running watch appends to the journal meanwhile, so only the bytes that it
//! had when it was opened are read, and an incomplete last line is ignored.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::{
    STATE,
    folder_names::FolderNames,
    journal::{FileStamp, Journal},
};
use crate::{
    error::{DiagnosticCode, Error, Result},
    fs::{self, File},
    model::Timestamp,
    output::follow,
    source::{self, PathFilter},
};

/// Watch whose state is read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WatchStatusOptions {
    /// Folder that is watched.
    pub folder: PathBuf,
    /// Folder of the state, or `None` for `.scanmill` in the watched folder.
    pub state: Option<PathBuf>,
    /// File of the feed, which is no input if it lies in the folder.
    pub out: Option<PathBuf>,
    /// Selection of files in the folder.
    pub pick: PathFilter,
}

impl WatchStatusOptions {
    /// Creates options for a folder whose state has the default name.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), state: None, out: None, pick: PathFilter::default() }
    }

    /// Sets the folder of the state.
    #[must_use]
    pub fn with_state(mut self, state: impl Into<PathBuf>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// Sets the file of the feed.
    #[must_use]
    pub fn with_out(mut self, out: impl Into<PathBuf>) -> Self {
        self.out = Some(out.into());
        self
    }

    /// Sets the selection of files in the folder.
    #[must_use]
    pub fn with_pick(mut self, pick: PathFilter) -> Self {
        self.pick = pick;
        self
    }
}

/// State of a watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WatchStatus {
    /// Name of the feed's format, such as `ecs` or `jsonl changes`.
    pub format: String,
    /// True if the watched folder exists. Otherwise no file counts as waiting.
    pub folder_exists: bool,
    /// Number of documents that were read, without copies of equal bytes.
    pub documents: u64,
    /// Number of scans that are in the feed or, with changes, in the last known state.
    pub scans: u64,
    /// Time at which the last file with a document was read.
    #[serde(serialize_with = "as_text")]
    pub last_document: Option<Timestamp>,
    /// Number of files in the folder that were read and are unchanged since.
    pub given: u64,
    /// Number of files in the folder that are not nmap XML.
    pub skipped: u64,
    /// Files in the folder that were not read yet, or that were changed since.
    pub waiting: Vec<WaitingFile>,
    /// Files in the folder that could not be read, wholly or in part.
    pub failed: Vec<FailedFile>,
}

/// File that was not read yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WaitingFile {
    /// Path relative to the watched folder.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Time of its last modification.
    #[serde(serialize_with = "as_text")]
    pub modified: Option<Timestamp>,
}

/// File that could not be read, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FailedFile {
    /// Path relative to the watched folder.
    pub name: String,
    /// Code of the first error, such as `E_DECOMPRESS`.
    pub code: String,
    /// First error.
    pub message: String,
}

#[expect(clippy::ref_option, reason = "serde hands a reference")]
fn as_text<S: Serializer>(time: &Option<Timestamp>, to: S) -> std::result::Result<S::Ok, S::Error> {
    match time {
        Some(time) => to.collect_str(time),
        None => to.serialize_none(),
    }
}

impl WatchStatus {
    /// Reads the journal of a watch, and compares it with the folder. The watch may be running.
    ///
    /// # Errors
    /// Returns a usage error if there is no state, and an error of the kind
    /// [`State`](crate::error::ErrorKind::State) if it cannot be read or is damaged.
    pub fn read(options: &WatchStatusOptions) -> Result<Self> {
        let folder = options.state.clone().unwrap_or_else(|| options.folder.join(STATE));
        let Some(journal) = Journal::read(&folder)? else {
            return Err(Error::usage(format!("{} is not the state of a watch", folder.display())));
        };
        let mut status = Self {
            format: journal.feed().to_owned(),
            folder_exists: options.folder.is_dir(),
            documents: count(journal.documents()),
            scans: count(journal.scans()),
            last_document: journal.last_document().and_then(Timestamp::from_seconds),
            given: 0,
            skipped: 0,
            waiting: Vec::new(),
            failed: Vec::new(),
        };
        if status.folder_exists {
            status.compare(options, &journal);
        }
        Ok(status)
    }

    /// Returns the age of the file that has waited longest, in seconds, or `None` if none is waiting.
    #[must_use]
    pub fn lag(&self, now: Timestamp) -> Option<i64> {
        let oldest = self.waiting.iter().filter_map(|file| file.modified).min()?;
        Some(now.seconds().saturating_sub(oldest.seconds()).max(0))
    }

    /// Adds the files in the folder.
    fn compare(&mut self, options: &WatchStatusOptions, journal: &Journal) {
        let resolved = options.out.as_deref().and_then(|out| follow(out).ok());
        let names = FolderNames {
            folder: &options.folder,
            feeds: [options.out.as_deref(), resolved.as_deref()],
            state: options.state.as_deref(),
        };
        for input in source::discover(std::slice::from_ref(&options.folder), &options.pick) {
            match input {
                Ok(input) => {
                    if let Some((name, path)) = names.name(&input) {
                        self.file(name, &path, journal);
                    }
                }
                Err(error) => {
                    self.failed(error.input().unwrap_or_default().to_owned(), &error);
                }
            }
        }
    }

    fn file(&mut self, name: String, path: &Path, journal: &Journal) {
        let meta = match fs::if_there(fs::metadata(path)) {
            Ok(Some(meta)) => meta,
            Ok(None) => return,
            Err(error) => return self.failed(name, &Error::from(error)),
        };
        let stamp = FileStamp::of(&meta);
        if !journal.has_read(&name, &stamp) {
            // Such a file is tried again at every look, and is not in the journal.
            if meta.is_file()
                && let Err(error) = File::open(path)
            {
                return self.failed(name, &Error::from(error));
            }
            let modified = Timestamp::from_seconds(stamp.modified());
            return self.waiting.push(WaitingFile { name, bytes: meta.len(), modified });
        }
        let Some(result) = journal.result(&name) else {
            // Earlier versions recorded only that the file was read.
            self.given = self.given.saturating_add(1);
            return;
        };
        if let Some(error) = &result.error {
            let (code, message) = (error.code.clone(), error.message.clone());
            self.failed.push(FailedFile { name, code, message });
        } else if result.documents == 0 {
            self.skipped = self.skipped.saturating_add(1);
        } else {
            self.given = self.given.saturating_add(1);
        }
    }

    fn failed(&mut self, name: String, error: &Error) {
        let code: DiagnosticCode = error.code();
        self.failed.push(FailedFile {
            name,
            code: code.as_str().to_owned(),
            message: error.to_string(),
        });
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
