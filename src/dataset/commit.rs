//! Commits: what one step adds to a dataset and removes from it, as the log records it.

use serde::{Deserialize, Serialize};

use crate::table;

/// Version of the log's layout. Newer versions are refused.
pub(super) const FORMAT: u32 = 1;

/// Operation that created a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Operation {
    /// Loading of documents.
    Ingest,
    /// Merging of small files.
    Compact,
}

/// Step from one state of the dataset to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Commit {
    /// Version of the log's layout.
    pub format: u32,
    /// Version of the tables' schema.
    pub schema_version: String,
    /// Operation that created the commit.
    pub operation: Operation,
    /// Start of the run, as RFC 3339 text in UTC.
    pub time: String,
    /// True if `_scanmill/newest` existed before this commit, and must therefore exist from then
    /// on. Absent from commits before version 0.2.
    #[serde(default)]
    pub has_newest: bool,
    /// Files that are added.
    pub files: Vec<FileEntry>,
    /// Paths of files that are removed.
    pub removed: Vec<String>,
    /// Documents that were loaded.
    pub documents: Vec<DocumentEntry>,
    /// Documents that were left out because the dataset has a copy that is at least as good.
    pub skipped: Vec<SkippedEntry>,
    /// Inputs whose documents are all in the dataset.
    pub sources: Vec<SourceEntry>,
}

/// Parquet file of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileEntry {
    /// Path, relative to the folder of the dataset.
    pub path: String,
    /// Name of the table.
    pub table: String,
    /// Date of its scans, or `None` if they have none.
    pub scan_date: Option<String>,
    /// Number of rows.
    pub rows: u64,
    /// Size, in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// Document that was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DocumentEntry {
    /// ID of the scan in its rows, or `None` if the document contains no scan.
    pub scan_id: Option<String>,
    /// SHA-256 of the document, in hexadecimal.
    pub sha256: String,
    /// Name of the input, as given.
    pub source: String,
    /// Position of the document in the input, starting at 0.
    pub doc_index: i32,
    /// Date of the partition of its rows.
    pub scan_date: Option<String>,
    /// True if a `finished` element was read.
    pub finished: bool,
    /// True if the document ends before its end tag.
    pub truncated: bool,
    /// Number of complete host elements.
    pub whole_hosts: u64,
    /// Number of rows in all tables.
    pub rows: u64,
    /// Number of rows in the tables of findings, by which copies of one scan are compared. Absent
    /// from commits before version 0.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_rows: Option<u64>,
    /// ID of the copy whose rows the document replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// Document that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SkippedEntry {
    /// ID of its scan.
    pub scan_id: Option<String>,
    /// SHA-256 of the document, in hexadecimal.
    pub sha256: String,
    /// Name of the input, as given.
    pub source: String,
    /// Position of the document in the input, starting at 0.
    pub doc_index: i32,
}

/// Input that was read to its end without an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SourceEntry {
    /// Name of the input, as given.
    pub name: String,
    /// SHA-256 of the bytes of the input before decompression, in hexadecimal.
    pub sha256: String,
    /// Number of these bytes.
    pub bytes: u64,
}

impl Commit {
    pub(super) fn new(operation: Operation, time: &str) -> Self {
        Self {
            format: FORMAT,
            schema_version: table::schema_version().to_string(),
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
