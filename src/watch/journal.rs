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
//! There is one writer, which holds the lock of the state folder (`state`). In memory the journal is
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
    /// A file that was read to its end.
    File { path: String, stamp: FileStamp },
    /// A document that was read and, if its scan was written, the part that was.
    Document {
        sha256: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scan: Option<(String, Delivered)>,
    },
    /// A batch that is completely in the feed.
    Batch { number: u64 },
    /// A part of the last known state that has a new file.
    Part { part: u8, number: u64 },
}

/// Journal, in memory and on disk.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    feed: String,
    files: BTreeMap<String, FileStamp>,
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
        let mut journal = Self {
            path,
            file,
            feed: feed.to_owned(),
            files: BTreeMap::new(),
            documents: BTreeSet::new(),
            scans: BTreeMap::new(),
            parts: BTreeMap::new(),
            batch: 0,
            lines: 0,
        };
        journal.lines = journal.load()?;
        if journal.lines == 0 {
            let first = JournalEntry::Feed { format: FORMAT, feed: feed.to_owned() };
            journal.write(std::slice::from_ref(&first))?;
            sync_dir(folder)?;
        }
        Ok(journal)
    }

    /// Reads all lines, and returns their number.
    fn load(&mut self) -> Result<usize> {
        let (mut lines, mut good) = (0_usize, 0_u64);
        let copy = self.file.try_clone().map_err(|error| unreadable(&self.path, error))?;
        let mut from = BufReader::new(copy);
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
                if read > 0 {
                    self.file.set_len(good).map_err(|error| failed(&self.path, error))?;
                }
                return Ok(lines);
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
            JournalEntry::Feed { format: FORMAT, feed } => Err(Error::usage(format!(
                "{} belongs to a feed of {feed}, this one is of {}: give another --state-dir",
                self.path.display(),
                self.feed,
            ))),
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
            JournalEntry::File { path, stamp } => {
                self.files.insert(path, stamp);
            }
            JournalEntry::Document { sha256, scan } => {
                self.documents.insert(sha256);
                if let Some((id, delivered)) = scan {
                    self.scans.insert(id, delivered);
                }
            }
            JournalEntry::Batch { number } => self.batch = self.batch.max(number),
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
        let files =
            files.map(|(path, stamp)| JournalEntry::File { path: path.clone(), stamp: *stamp });
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
            .chain(std::iter::once(JournalEntry::Batch { number: self.batch }))
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
        self.files.get(path) == Some(stamp)
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
        let batches = (1..10_000).map(|number| JournalEntry::Batch { number }).collect();
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
