//! What the commits come to.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{
    decode::Proof,
    log::{Commit, DocumentEntry, FileEntry},
};
use crate::model::own_scan_id;

/// SHA-256 of something.
pub(super) type Digest = [u8; 32];

/// What the newest commit says.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Its number; 0 if there is none.
    pub(super) number: u64,
    /// The files by their paths.
    pub(super) files: BTreeMap<String, File>,
    /// Digests of documents and sources that need not be read again.
    pub(super) known: HashSet<Digest>,
    /// Copies by the id that their scan has by itself.
    scans: HashMap<Box<str>, Vec<Copy>>,
    /// Documents that are there.
    pub(super) documents: u64,
}

/// A file, and the place of its commit and itself in the log: rows are in this order.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) entry: FileEntry,
    pub(super) order: (u64, usize),
    pub(super) proof: Arc<Proof>,
}

/// A copy of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    /// The id that its rows have.
    pub(super) scan_id: Box<str>,
    pub(super) scan_date: Option<Box<str>>,
    pub(super) grade: Grade,
}

/// How good a copy is: finished, not truncated, whole hosts, rows, in this order
/// (docs/merge.md, "Copies of one scan").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Grade {
    pub(super) finished: bool,
    pub(super) to_its_end: bool,
    pub(super) whole_hosts: u64,
    pub(super) rows: u64,
}

impl State {
    /// Takes the next commit.
    pub(super) fn apply(&mut self, commit: &Commit) {
        self.number = self.number.saturating_add(1);
        for path in &commit.removed {
            self.files.remove(path);
        }
        for (place, entry) in commit.files.iter().enumerate() {
            let proof = Arc::new(Proof::of(entry));
            let file = File { entry: entry.clone(), order: (self.number, place), proof };
            self.files.insert(entry.path.clone(), file);
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
        let Some(scan_id) = &document.scan_id else { return };
        let copies = self.scans.entry(own_scan_id(scan_id).into()).or_default();
        if let Some(replaced) = &document.replaces {
            copies.retain(|copy| *copy.scan_id != **replaced);
            self.documents = self.documents.saturating_sub(1);
        }
        copies.push(Copy {
            scan_id: scan_id.as_str().into(),
            scan_date: document.scan_date.as_deref().map(Into::into),
            grade: Grade {
                finished: document.finished,
                to_its_end: !document.truncated,
                whole_hosts: document.whole_hosts,
                // Before this was noted, rows of all tables counted.
                rows: document.found_rows.unwrap_or(document.rows),
            },
        });
    }

    /// Copies of a scan, in the order of their commits.
    pub(super) fn copies(&self, scan_id: &str) -> &[Copy] {
        self.scans.get(scan_id).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The bytes of a digest in hexadecimal.
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
