//! State of a dataset: the sum of its commits.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use super::{
    commit::{Commit, DocumentEntry, FileEntry},
    decode::{FileChecksum, TableFile},
};
use crate::{
    error::Result,
    model::{CopyQuality, own_scan_id},
    table::Table,
};

/// SHA-256 digest.
pub(super) type Digest = [u8; 32];

/// State as of the newest commit.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// Number of the newest commit, or 0 if there is none.
    pub(super) number: u64,
    /// Files by their paths.
    pub(super) files: BTreeMap<String, CurrentFile>,
    /// Digests of documents and sources that need not be read again.
    pub(super) known: HashSet<Digest>,
    /// Copies of each scan, by the original ID of the scan.
    scans: HashMap<Box<str>, Vec<ScanCopy>>,
    /// Number of documents.
    pub(super) documents: u64,
    /// True if a commit records that the number of the newest commit is stored separately
    /// (`newest`).
    pub(super) has_newest: bool,
    rows: RowCounts,
}

/// Numbers of rows: in files, in documents with a scan, and in documents without one.
#[derive(Debug, Default)]
struct RowCounts {
    files: u64,
    scans: u64,
    /// Number of warnings in documents without a scan. Equal warnings become one row, so files may
    /// contain fewer.
    others: u64,
}

/// File, with the number of its commit and its position there. Rows are in this order.
#[derive(Debug, Clone)]
pub(super) struct CurrentFile {
    pub(super) entry: FileEntry,
    pub(super) order: (u64, usize),
    pub(super) checksum: Arc<FileChecksum>,
}

impl CurrentFile {
    /// Returns the file in the folder `dir` of the dataset, for reading.
    ///
    /// # Errors
    /// Fails if the table of the file does not exist.
    pub(super) fn table_file(&self, dir: &Path) -> Result<TableFile> {
        let table = Table::from_name(&self.entry.table)?;
        Ok(TableFile::in_log(dir.join(&self.entry.path), table, Arc::clone(&self.checksum)))
    }
}

/// Copy of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScanCopy {
    /// ID of the scan in its rows.
    pub(super) scan_id: Box<str>,
    pub(super) scan_date: Option<Box<str>>,
    pub(super) quality: CopyQuality,
    /// Number of its rows in all tables.
    pub(super) rows: u64,
}

impl Snapshot {
    /// Applies the next commit.
    pub(super) fn apply(&mut self, commit: &Commit) {
        self.number = self.number.saturating_add(1);
        self.has_newest |= commit.has_newest;
        for path in &commit.removed {
            let gone = self.files.remove(path).map_or(0, |file| file.entry.rows);
            self.rows.files = self.rows.files.saturating_sub(gone);
        }
        for (place, entry) in commit.files.iter().enumerate() {
            let checksum = Arc::new(FileChecksum::of(entry));
            let file = CurrentFile { entry: entry.clone(), order: (self.number, place), checksum };
            let gone =
                self.files.insert(entry.path.clone(), file).map_or(0, |file| file.entry.rows);
            let in_files = self.rows.files.saturating_sub(gone);
            self.rows.files = in_files.saturating_add(entry.rows);
        }
        for document in &commit.documents {
            self.known.extend(digest(&document.sha256));
            self.documents = self.documents.saturating_add(1);
            self.add_copy(document);
        }
        self.known.extend(commit.skipped.iter().filter_map(|entry| digest(&entry.sha256)));
        self.known.extend(commit.sources.iter().filter_map(|entry| digest(&entry.sha256)));
    }

    fn add_copy(&mut self, document: &DocumentEntry) {
        let Some(scan_id) = &document.scan_id else {
            self.rows.others = self.rows.others.saturating_add(document.rows);
            return;
        };
        let copies = self.scans.entry(own_scan_id(scan_id).into()).or_default();
        let mut in_scans = self.rows.scans;
        if let Some(replaced) = &document.replaces {
            for copy in copies.extract_if(.., |copy| *copy.scan_id == **replaced) {
                in_scans = in_scans.saturating_sub(copy.rows);
            }
            self.documents = self.documents.saturating_sub(1);
        }
        self.rows.scans = in_scans.saturating_add(document.rows);
        copies.push(ScanCopy {
            scan_id: scan_id.as_str().into(),
            scan_date: document.scan_date.as_deref().map(Into::into),
            quality: CopyQuality {
                finished: document.finished,
                is_complete: !document.truncated,
                whole_hosts: document.whole_hosts,
                // Commits before version 0.2 lack this number; use the rows of all tables.
                rows: document.found_rows.unwrap_or(document.rows),
            },
            rows: document.rows,
        });
    }

    /// Returns the files that `is_wanted` selects, in the order of their rows.
    pub(super) fn files_in_order(
        &self,
        is_wanted: impl Fn(&FileEntry) -> bool,
    ) -> Vec<&CurrentFile> {
        let files = self.files.values().filter(|file| is_wanted(&file.entry));
        let mut files: Vec<_> = files.collect();
        files.sort_by_key(|file| file.order);
        files
    }

    /// Describes a disagreement between files and documents about the number of rows, if there is
    /// one. It reveals a commit that lost a file or a document, or that has a wrong number for
    /// either.
    pub(super) fn mismatch(&self) -> Option<String> {
        let RowCounts { files, scans, others } = self.rows;
        let most = scans.saturating_add(others);
        if (scans..=most).contains(&files) {
            return None;
        }
        Some(format!(
            "up to this commit the documents of the log have {most} rows, and its files {files}"
        ))
    }

    /// Returns the copies of a scan, in the order of their commits.
    pub(super) fn copies(&self, scan_id: &str) -> &[ScanCopy] {
        self.scans.get(scan_id).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Parses a digest from hexadecimal.
pub(super) fn digest(text: &str) -> Option<Digest> {
    let mut digest = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, place) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(place..place + 2)?, 16).ok()?;
    }
    Some(digest)
}
