//! Journal of a watched folder: everything that was written to the feed, in the file `ledger` of the
//! state folder.
//!
//! It answers three questions. Was a file read and is it unchanged ([`FileStamp`])? Were these bytes
//! read before, under whatever name (`has_document`)? Which part of a scan is in the feed
//! ([`Delivered`]), so that a longer copy adds only the rest?
//!
//! States of a document: unknown; in the batch (`batch::Batch`, in memory); committed to the feed and
//! not yet in the journal, which the note of the batch covers; in the journal. Only `Batch::commit`
//! and `batch::complete` add entries, after the lines that they describe are on the disk. An entry that
//! is missing costs a file that is read again and recognized; an entry without its lines would lose
//! them, and never exists.
//!
//! ```text
//! Watch ─▶ DocumentProcessor ─▶ Batch ─▶ note ─▶ feed ─▶ Journal::add
//!   └──────── has_read, has_document, delivered ◀──────────┘
//! ```
//!
//! On disk it is a file of lines, each a checksum and an entry as JSON, to which lines are only
//! appended. A line that was cut off because its process ended is removed when the journal is opened;
//! only the last line can be cut, so a damaged line before it is an error. The first line names the
//! layout and the feed, and keeps a state from being used for another one. Later lines replace earlier
//! ones with the same key, and when more than [`STALE`] lines are obsolete, the journal is rewritten
//! under a temporary name.
//!
//! There is one writer, which holds the lock of the state folder (`state`). Others may read it at any
//! time ([`Journal::read`]), without the lock: lines are only appended, and a rewritten journal takes
//! the name of the old one. In memory the journal is
//! four maps, about 400 bytes per document and 250 per file.
//!
//! To record something new, add a variant to [`JournalEntry`], apply it in `Journal::apply`, and return
//! it from `Journal::entries`, or it is lost when the journal is rewritten. Raise [`FORMAT`] if older
//! programs must not ignore it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::paths::{failed, sync_dir, unreadable};
use crate::{
    error::{Error, Result},
    fs::{self, File, OpenOptions},
    model::CopyQuality,
    pipeline::Report,
    text::hex,
};

/// Version of the layout. Other versions are refused.
const FORMAT: u32 = 1;

/// Length of the checksum of a line, in hexadecimal digits.
const SUM: usize = 8;

/// Number of obsolete lines at which the journal is rewritten.
const STALE: usize = 4096;

/// Maximum length of a line, in bytes.
const LINE: u64 = 64 << 20;

/// Maximum length of the first line, in bytes: far more than the name of a feed needs.
const FIRST: usize = 4096;

/// Maximum length of an error message in the journal, in characters.
const MESSAGE: usize = 512;

/// Attributes that show that a file is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileStamp {
    device: u64,
    inode: u64,
    pub(super) bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileStamp {
    pub(super) fn of(meta: &fs::Metadata) -> Self {
        let (device, inode) = fs::file_id(meta).unwrap_or_default();
        let [modified, changed] = fs::times(meta);
        Self { device, inode, bytes: meta.len(), modified, changed }
    }

    /// Returns the time of the last modification, in seconds since 1970.
    pub(super) fn modified(&self) -> i64 {
        self.modified.0
    }
}

/// Result of reading a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileResult {
    /// Time at which it was read, in seconds since 1970.
    pub(super) time: i64,
    /// Number of documents in it.
    pub(super) documents: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<FileError>,
}

/// First error of a file that was refused, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileError {
    pub(super) code: String,
    pub(super) message: String,
}

impl FileResult {
    pub(super) fn new(report: &Report, time: i64) -> Self {
        let error = report.errors.first().map(|error| FileError {
            code: error.code().as_str().to_owned(),
            message: error.to_string().chars().take(MESSAGE).collect(),
        });
        Self { time, documents: report.counts.scans, error }
    }
}

/// Part of a scan that was written to the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Delivered {
    /// Number of complete hosts from the start of the scan, without a gap.
    pub(super) hosts: u64,
    /// SHA-256 of the lines for these hosts or, with changes, of their records.
    pub(super) digest: String,
    pub(super) finished: bool,
    pub(super) truncated: bool,
    /// Number of complete hosts in all.
    pub(super) whole: i64,
}

impl Delivered {
    /// Returns the quality as a copy of its scan. Rows are not counted.
    fn quality(&self) -> CopyQuality {
        CopyQuality {
            finished: self.finished,
            is_complete: !self.truncated,
            whole_hosts: u64::try_from(self.whole).unwrap_or_default(),
            rows: 0,
        }
    }

    /// Returns true if this is a better copy of the scan than `earlier`.
    pub(super) fn is_better_than(&self, earlier: &Self) -> bool {
        self.quality().replaces(&earlier.quality())
    }
}

/// Line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "lowercase")]
pub(super) enum JournalEntry {
    /// Layout of the journal and name of the feed; always the first line.
    Feed { format: u32, feed: String },
    /// A file that was read to its end. Version 0.1.0 recorded no result.
    File {
        path: String,
        stamp: FileStamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<FileResult>,
    },
    /// A document that was read and, if its scan was written, the part that was.
    Document {
        sha256: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scan: Option<(String, Delivered)>,
    },
    /// A batch that is completely in the feed. When the journal is rewritten, the time at which the last
    /// document was read is kept here, since the entry of its file may be gone.
    Batch {
        number: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_document: Option<i64>,
    },
    /// A part of the last known state that has a new file.
    Part { part: u8, number: u64 },
}

/// Journal, in memory and on disk.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    feed: String,
    files: BTreeMap<String, (FileStamp, Option<FileResult>)>,
    /// Time at which the last file with a document was read, in seconds since 1970.
    last_document: Option<i64>,
    documents: BTreeSet<String>,
    scans: BTreeMap<String, Delivered>,
    parts: BTreeMap<u8, u64>,
    batch: u64,
    lines: usize,
}

impl Journal {
    /// Opens a journal, or creates one. Removes a line that was cut off.
    ///
    /// # Errors
    /// Returns a usage error if it belongs to another feed, an error of the kind
    /// [`State`](crate::error::ErrorKind::State) if it cannot be read or is damaged, and an output
    /// error if it cannot be written.
    pub(super) fn open(folder: &Path, feed: &str) -> Result<Self> {
        let path = folder.join("ledger");
        let opened = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let file = opened.map_err(|error| failed(&path, error))?;
        let mut journal = Self::new(path, file, feed.to_owned());
        if let Some(end) = journal.load(u64::MAX)? {
            journal.file.set_len(end).map_err(|error| failed(&journal.path, error))?;
        }
        if journal.lines == 0 {
            let first = JournalEntry::Feed { format: FORMAT, feed: feed.to_owned() };
            journal.write(std::slice::from_ref(&first))?;
            sync_dir(folder)?;
        }
        Ok(journal)
    }

    /// Reads a journal that a watch may be writing, of any feed. Returns `None` if there is none.
    ///
    /// # Errors
    /// Returns an error of the kind [`State`](crate::error::ErrorKind::State) if it cannot be read or
    /// is damaged.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join("ledger");
        let opened = fs::if_there(File::open(&path)).map_err(|error| unreadable(&path, error))?;
        let Some(file) = opened else { return Ok(None) };
        // What is written from now on could complete a line that looks damaged.
        let meta = file.metadata().map_err(|error| unreadable(&path, error))?;
        let mut journal = Self::new(path, file, String::new());
        journal.feed = journal.feed_name()?;
        journal.load(meta.len())?;
        Ok(Some(journal))
    }

    fn new(path: PathBuf, file: File, feed: String) -> Self {
        Self {
            path,
            file,
            feed,
            files: BTreeMap::new(),
            last_document: None,
            documents: BTreeSet::new(),
            scans: BTreeMap::new(),
            parts: BTreeMap::new(),
            batch: 0,
            lines: 0,
        }
    }

    /// Returns the name of the feed in the first line, empty if there is none.
    fn feed_name(&self) -> Result<String> {
        let mut first = vec![0; FIRST];
        let read =
            self.file.read_at(&mut first, 0).map_err(|error| unreadable(&self.path, error))?;
        let line = first.get(..read).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
        Ok(match line.into_iter().next().and_then(parse) {
            Some(JournalEntry::Feed { feed, .. }) => feed,
            _ => String::new(),
        })
    }

    /// Reads all lines within the first `len` bytes. Returns the end of the last whole line if a
    /// line that is cut off follows it.
    fn load(&mut self, len: u64) -> Result<Option<u64>> {
        let (mut lines, mut good) = (0_usize, 0_u64);
        let copy = self.file.try_clone().map_err(|error| unreadable(&self.path, error))?;
        let mut from = BufReader::new(io::Read::take(copy, len));
        loop {
            let mut line = Vec::new();
            let read = io::Read::take(&mut from, LINE).read_until(b'\n', &mut line);
            let read = read.map_err(|error| unreadable(&self.path, error))?;
            let Some(entry) = parse(&line) else {
                // Only the last line may be cut off.
                let more = from.fill_buf().map_err(|error| unreadable(&self.path, error))?;
                if !more.is_empty() {
                    let line = lines.saturating_add(1);
                    return Err(unreadable(&self.path, format!("line {line} is damaged")));
                }
                self.lines = lines;
                return Ok((read > 0).then_some(good));
            };
            self.check(&entry, lines == 0)?;
            self.apply(entry);
            lines = lines.saturating_add(1);
            good = good.saturating_add(u64::try_from(read).unwrap_or(0));
        }
    }

    /// Checks that the first line has a known layout and the name of this feed.
    fn check(&self, entry: &JournalEntry, first: bool) -> Result<()> {
        match entry {
            JournalEntry::Feed { format: FORMAT, feed } if *feed == self.feed => Ok(()),
            JournalEntry::Feed { format: FORMAT, feed } => {
                let path = self.path.display().to_string();
                let message =
                    format!("{path} belongs to a feed of {feed}, this one is of {}", self.feed);
                Err(Error::state_mismatch(path, message))
            }
            JournalEntry::Feed { format, .. } => {
                Err(unreadable(&self.path, format!("its format {format} is unknown")))
            }
            _ if first => Err(unreadable(&self.path, "its first line is missing")),
            _ => Ok(()),
        }
    }

    fn apply(&mut self, entry: JournalEntry) {
        match entry {
            JournalEntry::Feed { .. } => {}
            JournalEntry::File { path, stamp, result } => {
                let with_document = result.as_ref().filter(|result| result.documents > 0);
                self.last_document =
                    self.last_document.max(with_document.map(|result| result.time));
                self.files.insert(path, (stamp, result));
            }
            JournalEntry::Document { sha256, scan } => {
                self.documents.insert(sha256);
                if let Some((id, delivered)) = scan {
                    self.scans.insert(id, delivered);
                }
            }
            JournalEntry::Batch { number, last_document } => {
                self.batch = self.batch.max(number);
                self.last_document = self.last_document.max(last_document);
            }
            JournalEntry::Part { part, number } => {
                self.parts.insert(part, number);
            }
        }
    }

    /// Appends entries, and waits until they are on the disk.
    ///
    /// # Errors
    /// Fails if they cannot be written.
    pub(super) fn add(&mut self, entries: Vec<JournalEntry>) -> Result<()> {
        self.write(&entries)?;
        for entry in entries {
            self.apply(entry);
        }
        Ok(())
    }

    fn write(&mut self, entries: &[JournalEntry]) -> Result<()> {
        let text = lines(entries);
        self.lines = self.lines.saturating_add(entries.len());
        let before = self.file.metadata().map(|meta| meta.len());
        let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            // Removes a line that was cut off, since the next one could not be read after it.
            if let Ok(before) = before {
                let _ = self.file.set_len(before);
            }
            failed(&self.path, error)
        })
    }

    /// Returns the current lines, in a fixed order.
    fn entries(&self) -> impl Iterator<Item = JournalEntry> {
        let first = JournalEntry::Feed { format: FORMAT, feed: self.feed.clone() };
        let files = self.files.iter();
        let files = files.map(|(path, (stamp, result))| JournalEntry::File {
            path: path.clone(),
            stamp: *stamp,
            result: result.clone(),
        });
        let plain = |sha256: &String| JournalEntry::Document { sha256: sha256.clone(), scan: None };
        // The line of a scan needs some digest. The first one serves, since it is recorded anyway.
        let any = self.documents.first().cloned().unwrap_or_default();
        let scans = self.scans.iter().map(move |(id, delivered)| JournalEntry::Document {
            sha256: any.clone(),
            scan: Some((id.clone(), delivered.clone())),
        });
        let parts = self.parts.iter();
        let parts = parts.map(|(part, number)| JournalEntry::Part { part: *part, number: *number });
        std::iter::once(first)
            .chain(files)
            .chain(self.documents.iter().map(plain))
            .chain(scans)
            .chain(parts)
            .chain(std::iter::once(JournalEntry::Batch {
                number: self.batch,
                last_document: self.last_document,
            }))
    }

    /// Removes files that no longer exist, and rewrites the journal if it has many obsolete lines.
    ///
    /// # Errors
    /// Fails if the journal cannot be written.
    pub(super) fn tidy(&mut self, folder: &Path, there: &BTreeSet<String>) -> Result<()> {
        self.files.retain(|path, _| there.contains(path));
        if self.lines <= self.entries().count().saturating_add(STALE) {
            return Ok(());
        }
        let temporary = folder.join("ledger.tmp");
        let write = || -> io::Result<File> {
            let mut file = File::create(&temporary)?;
            let all: Vec<JournalEntry> = self.entries().collect();
            file.write_all(&lines(&all))?;
            file.sync_all()?;
            fs::rename(&temporary, &self.path)?;
            OpenOptions::new().read(true).append(true).open(&self.path)
        };
        self.file = write().map_err(|error| failed(&self.path, error))?;
        self.lines = self.entries().count();
        sync_dir(folder)
    }

    /// Returns true if nothing was read yet.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.documents.is_empty()
    }

    /// Returns true if a file was read and is unchanged.
    pub(super) fn has_read(&self, path: &str, stamp: &FileStamp) -> bool {
        self.files.get(path).is_some_and(|(read, _)| read == stamp)
    }

    /// Returns the result of a file that was read, if it was recorded.
    pub(super) fn result(&self, path: &str) -> Option<&FileResult> {
        self.files.get(path)?.1.as_ref()
    }

    /// Returns the name of the feed.
    pub(super) fn feed(&self) -> &str {
        &self.feed
    }

    /// Returns the number of documents that were read, without copies.
    pub(super) fn documents(&self) -> usize {
        self.documents.len()
    }

    /// Returns the number of scans that were written.
    pub(super) fn scans(&self) -> usize {
        self.scans.len()
    }

    /// Returns the time at which the last file with a document was read, in seconds since 1970.
    pub(super) fn last_document(&self) -> Option<i64> {
        self.last_document
    }

    /// Returns true if a document with these bytes was read.
    pub(super) fn has_document(&self, sha256: &str) -> bool {
        self.documents.contains(sha256)
    }

    /// Returns the part of a scan that was written, if any.
    pub(super) fn delivered(&self, scan_id: &str) -> Option<&Delivered> {
        self.scans.get(scan_id)
    }

    /// Returns the number of the last batch that is completely in the feed.
    pub(super) fn batch(&self) -> u64 {
        self.batch
    }

    /// Returns the parts of the last known state, each with the number of its file.
    pub(super) fn parts(&self) -> &BTreeMap<u8, u64> {
        &self.parts
    }
}

/// Formats entries as lines.
pub(super) fn lines(entries: &[JournalEntry]) -> Vec<u8> {
    let mut text = Vec::new();
    for entry in entries {
        let line = serde_json::to_vec(entry);
        debug_assert!(line.is_ok(), "entries hold only texts and numbers");
        let line = line.unwrap_or_default();
        text.extend_from_slice(sum(&line).as_bytes());
        text.push(b' ');
        text.extend_from_slice(&line);
        text.push(b'\n');
    }
    text
}

/// Parses a line, or returns `None` if it is incomplete or its checksum is wrong.
pub(super) fn parse(line: &[u8]) -> Option<JournalEntry> {
    let line = line.strip_suffix(b"\n")?;
    let (found, rest) = line.split_at_checked(SUM)?;
    let json = rest.strip_prefix(b" ")?;
    if sum(json).as_bytes() != found {
        return None;
    }
    serde_json::from_slice(json).ok()
}

pub(super) fn sum(line: &[u8]) -> String {
    let mut digits = hex(&Sha256::digest(line));
    digits.truncate(SUM);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(number: u64) -> JournalEntry {
        let delivered = Delivered {
            hosts: number,
            digest: "d".into(),
            finished: true,
            truncated: false,
            whole: 3,
        };
        JournalEntry::Document {
            sha256: format!("s{number}"),
            scan: Some((format!("i{number}"), delivered)),
        }
    }

    #[test]
    fn a_truncated_line_is_dropped_and_earlier_ones_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let mut journal = Journal::open(folder.path(), "jsonl").unwrap();
        journal.add(vec![document(1), document(2)]).unwrap();
        let two = fs::read(&path).unwrap().len();
        journal.add(vec![document(3)]).unwrap();
        drop(journal);
        let all = fs::read(&path).unwrap();
        for cut in two..=all.len() {
            fs::write(&path, &all[..cut]).unwrap();
            let mut journal = Journal::open(folder.path(), "jsonl").unwrap();
            assert!(journal.has_document("s1") && journal.delivered("i2").unwrap().hosts == 2);
            assert_eq!(journal.has_document("s3"), cut == all.len(), "{cut}");
            journal.add(vec![document(4)]).unwrap();
            drop(journal);
            assert!(Journal::open(folder.path(), "jsonl").unwrap().has_document("s4"), "{cut}");
        }
    }

    #[test]
    fn damage_before_the_end_is_an_error_and_another_feed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        Journal::open(folder.path(), "jsonl").unwrap().add(vec![document(1), document(2)]).unwrap();
        let error = Journal::open(folder.path(), "ecs").unwrap_err().to_string();
        assert!(error.contains("belongs to a feed of jsonl"), "{error}");
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = Journal::open(folder.path(), "jsonl").unwrap_err();
        assert!(matches!(error.kind(), crate::error::ErrorKind::State { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.starts_with("cannot read") && said.contains("is damaged"), "{said}");
    }

    #[test]
    fn compaction_removes_obsolete_entries() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let mut journal = Journal::open(folder.path(), "jsonl").unwrap();
        let batches =
            (1..10_000).map(|number| JournalEntry::Batch { number, last_document: None }).collect();
        journal.add(batches).unwrap();
        journal.add(vec![document(1), JournalEntry::Part { part: 3, number: 9 }]).unwrap();
        journal.tidy(folder.path(), &BTreeSet::new()).unwrap();
        drop(journal);
        assert!(fs::metadata(&path).unwrap().len() < 1000);
        let journal = Journal::open(folder.path(), "jsonl").unwrap();
        assert_eq!((journal.batch(), journal.parts().get(&3)), (9999, Some(&9)));
        assert!(journal.has_document("s1") && journal.delivered("i1").is_some());
    }
}
