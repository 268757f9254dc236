//! Batches of lines, each written to the feed exactly once, whenever the process may end.
//!
//! 1. The lines are written to a separate file, which is synced.
//! 2. A note records the position in the feed where they belong, and the entries for the journal. It
//!    gets its name when it is complete: from then on the batch is committed.
//! 3. The lines are appended to the feed, which is synced.
//! 4. The entries are added to the journal, which is synced.
//! 5. The note is removed.
//!
//! A run that finds a note performs the remaining steps. Lines that are already in the feed,
//! including a partial one at its end, are recognized and not written again: bytes that a reader
//! may have read are never changed. If the feed is not as it was left, the lines are written again
//! at its end, after a note that records this: duplicate lines have equal IDs, whereas lost lines
//! would be lost for good.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    feed::{FeedFile, FeedPosition},
    journal::{Delivered, Journal, JournalEntry},
    paths::{failed, sync_dir, unreadable},
    spill_buffer::{FileRange, SpillBuffer},
};
use crate::{
    error::{Error, Result},
    fs::{self, File, OpenOptions},
    text::hex,
};

/// Number of bytes that are read at once.
const PIECE: usize = 64 << 10;

/// Maximum size of a note, in bytes: far more than the entries of an archive with a million
/// documents need.
const NOTE: u64 = 1 << 30;

/// Version of the layout of a note. Newer versions are refused.
const VERSION: u32 = 1;

/// Remaining work for a batch.
#[derive(Debug, Serialize, Deserialize)]
struct BatchNote {
    /// Version 0.1.0 of scanmill wrote neither a version nor a digest of the bytes before the
    /// position.
    #[serde(default)]
    version: u32,
    number: u64,
    place: FeedPosition,
    bytes: u64,
    /// SHA-256 of the lines.
    digest: String,
    entries: Vec<JournalEntry>,
}

/// Lines and entries of a batch that is being built.
#[derive(Debug)]
pub(super) struct Batch {
    folder: PathBuf,
    pub(super) lines: SpillBuffer,
    pub(super) entries: Vec<JournalEntry>,
    /// SHA-256 digests of the documents in `entries`.
    documents: BTreeSet<String>,
    scans: BTreeMap<String, Delivered>,
}

impl Batch {
    /// Creates an empty batch, with its files in this folder.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            lines: SpillBuffer::default(),
            entries: Vec::new(),
            documents: BTreeSet::new(),
            scans: BTreeMap::new(),
        }
    }

    /// Adds a document that was read.
    pub(super) fn add(&mut self, sha256: String, scan: Option<(String, Delivered)>) {
        self.documents.insert(sha256.clone());
        if let Some((id, delivered)) = &scan {
            self.scans.insert(id.clone(), delivered.clone());
        }
        self.entries.push(JournalEntry::Document { sha256, scan });
    }

    /// Returns true if a document with these bytes was read.
    pub(super) fn has_document(&self, sha256: &str) -> bool {
        self.documents.contains(sha256)
    }

    /// Returns the part of a scan that was written, if any.
    pub(super) fn delivered(&self, scan_id: &str) -> Option<&Delivered> {
        self.scans.get(scan_id)
    }

    /// Moves the lines to their file if they exceed the limit on memory.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub(super) fn settle(&mut self) -> Result<()> {
        let path = lines_path(&self.folder);
        self.lines.settle(&|| make(&path)).map_err(|error| failed(&path, error))
    }

    /// Appends the lines to the feed, and adds the entries to the journal. Returns the number of lines,
    /// and of their bytes.
    ///
    /// # Errors
    /// Fails if there is no space for them, or if they cannot be written. Until the note has its
    /// name nothing is committed; after that, the next run completes the batch.
    pub(super) fn commit(
        &mut self,
        feed: &mut FeedFile,
        journal: &mut Journal,
    ) -> Result<(u64, u64)> {
        let bytes = self.lines.len();
        let mut entries = std::mem::take(&mut self.entries);
        self.documents.clear();
        self.scans.clear();
        if bytes == 0 {
            self.lines = SpillBuffer::default();
            if !entries.is_empty() {
                journal.add(entries)?;
            }
            return Ok((0, 0));
        }
        let path = lines_path(&self.folder);
        self.lines.file_all(&|| make(&path)).map_err(|error| failed(&path, error))?;
        let mut stage = std::mem::take(&mut self.lines);
        let number = journal.batch().saturating_add(1);
        entries.push(JournalEntry::Batch { number, last_document: None });
        let place = feed.prepare(bytes)?;
        let note = |file: &File| -> io::Result<(BatchNote, u64)> {
            file.sync_data()?;
            let (digest, lines) = digest(FileRange { file, place: 0, end: bytes })?;
            Ok((BatchNote { version: VERSION, number, place, bytes, digest, entries }, lines))
        };
        let Some(file) = stage.file().map_err(|error| failed(&path, error))? else {
            return Ok((0, 0));
        };
        let (note, lines) = note(file).map_err(|error| failed(&path, error))?;
        write_note(&self.folder, &note)?;
        feed.append(FileRange { file, place: 0, end: bytes }, bytes)?;
        journal.add(note.entries)?;
        forget_note(&self.folder);
        stage.rewind(0);
        self.lines = stage;
        Ok((lines, bytes))
    }
}

/// Completes the batch of an earlier run. Returns the number of bytes that had to be written again
/// because the feed was not as that run left it.
///
/// # Errors
/// Returns a usage error if a newer version of scanmill left the batch, and an output error if
/// files cannot be read or written.
pub(super) fn complete(
    folder: &Path,
    feed: &mut FeedFile,
    journal: &mut Journal,
) -> Result<Option<u64>> {
    let Some(mut note) = read_note(folder)? else { return Ok(None) };
    let path = lines_path(folder);
    let mut again = None;
    if note.number > journal.batch() {
        let file = File::open(&path).map_err(|error| unreadable(&path, error))?;
        let found = digest(FileRange { file: &file, place: 0, end: note.bytes });
        let (found, _) = found.map_err(|error| unreadable(&path, error))?;
        // After a crash of the machine, the note may exist without its lines. Their inputs are then
        // read again.
        if found == note.digest {
            if !feed.complete(&note.place, &file, note.bytes)? {
                again = Some(note.bytes);
                feed.end_line()?;
                note.version = VERSION;
                note.place = feed.prepare(note.bytes)?;
                write_note(folder, &note)?;
                feed.append(FileRange { file: &file, place: 0, end: note.bytes }, note.bytes)?;
            }
            journal.add(note.entries)?;
        }
    }
    forget_note(folder);
    Ok(again)
}

fn lines_path(folder: &Path) -> PathBuf {
    folder.join("lines")
}

fn note_path(folder: &Path) -> PathBuf {
    folder.join("note")
}

fn make(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)
}

/// Returns the SHA-256 of lines, and their number.
fn digest(mut from: FileRange<'_>) -> io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut lines = 0_u64;
    loop {
        let len = from.read(&mut piece)?;
        if len == 0 {
            return Ok((hex(&hash.finalize()), lines));
        }
        let read = piece.get(..len).unwrap_or_default();
        hash.update(read);
        lines += read.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
    }
}

fn write_note(folder: &Path, note: &BatchNote) -> Result<()> {
    let (path, temporary) = (note_path(folder), folder.join("note.tmp"));
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(note)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)
    };
    write().map_err(|error| failed(&temporary, error))?;
    sync_dir(folder)
}

/// Removes the note. If it reappears after a crash of the machine, the journal recognizes its
/// number.
fn forget_note(folder: &Path) {
    let _ = fs::remove_file(note_path(folder));
}

fn read_note(folder: &Path) -> Result<Option<BatchNote>> {
    let path = note_path(folder);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&path, error)),
    };
    let note = serde_json::from_reader(io::BufReader::new(file.take(NOTE)));
    let note: BatchNote = note.map_err(|error| unreadable(&path, error))?;
    if note.version > VERSION {
        let path = path.display();
        return Err(Error::usage(format!("{path}: left by a newer version of scanmill")));
    }
    Ok(Some(note))
}
