//! Lines on their way to the feed, each exactly once whenever the process may end.
//!
//! 1. The lines go to a file of their own, which is synced.
//! 2. A note says where in the feed they belong, and what the ledger is to be told. It gets its name when it
//!    is complete: from here on the batch counts.
//! 3. The lines are appended to the feed, which is synced.
//! 4. The ledger is told, and synced.
//! 5. The note is removed.
//!
//! A run that finds a note does what is left of these steps. Lines that stand in the feed already, and a
//! part of one at its end, are seen there and not written again: nothing that a reader may have read is
//! ever changed. Should the feed not be as it was left, they are written again at its end, after a note that
//! says so: lines that are there twice have the same ids, lines that are lost are lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    failed,
    feed::{FeedFile, Place},
    ledger::{Entry, Given, Ledger},
    stage::{At, Stage},
    sync_dir, unreadable,
};
use crate::{
    bytes::hex,
    error::{Error, Result},
    fs::{self, File, OpenOptions},
};

/// Bytes read at once.
const PIECE: usize = 64 << 10;

/// Bytes of a note: far more than the entries of an archive of a million documents.
const NOTE: u64 = 1 << 30;

/// Version of the form of a note; a newer one is refused.
const VERSION: u32 = 1;

/// What is left to be done of a batch.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// Version 0.1.0 of scanmill wrote none, and no digest of what stands before the place.
    #[serde(default)]
    version: u32,
    number: u64,
    place: Place,
    bytes: u64,
    /// SHA-256 of the lines.
    digest: String,
    entries: Vec<Entry>,
}

/// Lines and entries of a batch in the making.
#[derive(Debug)]
pub(super) struct Batch {
    folder: PathBuf,
    pub(super) lines: Stage,
    pub(super) entries: Vec<Entry>,
    /// What the entries say.
    documents: BTreeSet<String>,
    scans: BTreeMap<String, Given>,
}

impl Batch {
    /// An empty batch, with its files in this folder.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            lines: Stage::default(),
            entries: Vec::new(),
            documents: BTreeSet::new(),
            scans: BTreeMap::new(),
        }
    }

    /// A document was read.
    pub(super) fn add(&mut self, sha256: String, scan: Option<(String, Given)>) {
        self.documents.insert(sha256.clone());
        if let Some((id, given)) = &scan {
            self.scans.insert(id.clone(), given.clone());
        }
        self.entries.push(Entry::Document { sha256, scan });
    }

    /// Whether a document of these bytes was read.
    pub(super) fn has_document(&self, sha256: &str) -> bool {
        self.documents.contains(sha256)
    }

    /// How much is given of a scan.
    pub(super) fn given(&self, scan_id: &str) -> Option<&Given> {
        self.scans.get(scan_id)
    }

    /// Moves lines to their file if they are many.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn settle(&mut self) -> Result<()> {
        let path = lines_path(&self.folder);
        self.lines.settle(&|| make(&path)).map_err(|error| failed(&path, error))
    }

    /// Puts the lines into the feed and the entries into the ledger.
    ///
    /// # Errors
    /// If there is no room for them, or they cannot be written. Before the note has its name nothing was
    /// done; after that the next run does it.
    pub(super) fn commit(&mut self, feed: &mut FeedFile, ledger: &mut Ledger) -> Result<()> {
        let bytes = self.lines.len();
        let mut entries = std::mem::take(&mut self.entries);
        self.documents.clear();
        self.scans.clear();
        if bytes == 0 {
            self.lines = Stage::default();
            return if entries.is_empty() { Ok(()) } else { ledger.add(entries) };
        }
        let path = lines_path(&self.folder);
        self.lines.file_all(&|| make(&path)).map_err(|error| failed(&path, error))?;
        let mut stage = std::mem::take(&mut self.lines);
        let number = ledger.batch().saturating_add(1);
        entries.push(Entry::Batch { number });
        let place = feed.prepare(bytes)?;
        let note = |file: &File| -> io::Result<Note> {
            file.sync_data()?;
            let digest = digest(At { file, place: 0, end: bytes })?;
            Ok(Note { version: VERSION, number, place, bytes, digest, entries })
        };
        let Some(file) = stage.file().map_err(|error| failed(&path, error))? else { return Ok(()) };
        let note = note(file).map_err(|error| failed(&path, error))?;
        write_note(&self.folder, &note)?;
        feed.append(At { file, place: 0, end: bytes }, bytes)?;
        ledger.add(note.entries)?;
        forget_note(&self.folder);
        stage.rewind(0);
        self.lines = stage;
        Ok(())
    }
}

/// Does what an earlier run left to be done. Returns the number of bytes that had to be written again, as the
/// feed was not as that run left it.
///
/// # Errors
/// A usage error if a newer version of scanmill left it; an output error if files cannot be read or written.
pub(super) fn complete(
    folder: &Path,
    feed: &mut FeedFile,
    ledger: &mut Ledger,
) -> Result<Option<u64>> {
    let Some(mut note) = read_note(folder)? else { return Ok(None) };
    let path = lines_path(folder);
    let mut again = None;
    if note.number > ledger.batch() {
        let file = File::open(&path).map_err(|error| unreadable(&path, error))?;
        let found = digest(At { file: &file, place: 0, end: note.bytes });
        let found = found.map_err(|error| unreadable(&path, error))?;
        // A machine that went down may leave a note whose lines are not there: their inputs are read again.
        if found == note.digest {
            if !feed.complete(&note.place, &file, note.bytes)? {
                again = Some(note.bytes);
                feed.end_line()?;
                note.version = VERSION;
                note.place = feed.prepare(note.bytes)?;
                write_note(folder, &note)?;
                feed.append(At { file: &file, place: 0, end: note.bytes }, note.bytes)?;
            }
            ledger.add(note.entries)?;
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

fn digest(mut from: At<'_>) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        let len = from.read(&mut piece)?;
        if len == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(piece.get(..len).unwrap_or_default());
    }
}

fn write_note(folder: &Path, note: &Note) -> Result<()> {
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

/// Should it come back with a machine that went down, the ledger knows its number.
fn forget_note(folder: &Path) {
    let _ = fs::remove_file(note_path(folder));
}

fn read_note(folder: &Path) -> Result<Option<Note>> {
    let path = note_path(folder);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&path, error)),
    };
    let note = serde_json::from_reader(io::BufReader::new(file.take(NOTE)));
    let note: Note = note.map_err(|error| unreadable(&path, error))?;
    if note.version > VERSION {
        let path = path.display();
        return Err(Error::usage(format!("{path}: left by a newer version of scanmill")));
    }
    Ok(Some(note))
}
