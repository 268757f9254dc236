//! Rows of one table of a dataset, document by document, whichever files contain them.

use std::{
    collections::{HashMap, VecDeque},
    io,
};

use super::super::{
    decode::{Decoder, TableFile},
    folder::unreadable,
};
use crate::{
    error::Result,
    table::{RecordBatch, StoredRow},
};

/// Maximum number of rows that are skipped by reading, rather than by opening the file at a new
/// row.
const NEAR: u64 = 4096;

/// Number of a document, in reading order.
pub(super) type DocumentNumber = u32;

/// Key that the rows of a document share: the ID of its scan or, without a scan, its input and its
/// position in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum DocumentKey {
    Scan(String),
    None(String, i32),
}

/// Columns of the key.
const OF_KEY: [&str; 3] = ["scan_id", "source", "doc_index"];

/// Consecutive rows of one document in one file.
#[derive(Debug, Clone, Copy)]
struct RowRange {
    document: DocumentNumber,
    file: usize,
    first: u64,
    rows: u64,
}

/// Rows of one table.
#[derive(Default)]
pub(in crate::dataset) struct TableRows {
    files: Vec<TableFile>,
    /// Runs of documents that were not read yet, in the order of the documents.
    runs: VecDeque<RowRange>,
    open: Option<OpenFile>,
    /// Current document.
    document: DocumentNumber,
}

struct OpenFile {
    file: usize,
    reader: Decoder,
    batch: RecordBatch,
    /// Number of the batch's first row in the file.
    first: u64,
}

impl TableRows {
    /// Finds the rows of documents in files, which must be in the order of their rows.
    pub(super) fn find(
        files: Vec<TableFile>,
        documents: &HashMap<DocumentKey, DocumentNumber>,
    ) -> Result<Self> {
        let mut runs: Vec<RowRange> = Vec::new();
        for (file, source) in files.iter().enumerate() {
            let mut row = 0_u64;
            each_key(source, &mut |key| documents.get(key).copied(), &mut |document| {
                let first = row;
                row = row.saturating_add(1);
                // Rows of a document that the log does not name are skipped.
                let Some(document) = document else { return };
                match runs.last_mut() {
                    Some(run)
                        if (run.document, run.file) == (document, file)
                            && run.first.saturating_add(run.rows) == first =>
                    {
                        run.rows = run.rows.saturating_add(1);
                    }
                    _ => runs.push(RowRange { document, file, first, rows: 1 }),
                }
            })?;
        }
        // The sort is stable: runs of one document stay in the order of their files.
        runs.sort_by_key(|run| run.document);
        Ok(Self { files, runs: runs.into(), open: None, document: 0 })
    }

    /// Moves to a document. Drops the rows of earlier ones.
    pub(super) fn begin(&mut self, document: DocumentNumber) {
        self.document = document;
        while self.runs.front().is_some_and(|run| run.document < document) {
            self.runs.pop_front();
        }
    }

    /// Returns the current row of the document, or `None` after its last row.
    pub(in crate::dataset) fn row(&mut self) -> Result<Option<StoredRow<'_>>> {
        while self.runs.front().is_some_and(|run| run.rows == 0) {
            self.runs.pop_front();
        }
        let Some(run) = self.runs.front().filter(|run| run.document == self.document).copied()
        else {
            return Ok(None);
        };
        self.go(run)?;
        Ok(self.open.as_ref().and_then(|open| {
            let place = usize::try_from(run.first.saturating_sub(open.first)).ok()?;
            Some(StoredRow::new(&open.batch, place))
        }))
    }

    /// Moves to the next row.
    pub(in crate::dataset) fn advance(&mut self) {
        if let Some(run) = self.runs.front_mut() {
            run.first = run.first.saturating_add(1);
            run.rows = run.rows.saturating_sub(1);
        }
    }

    /// Reads the batch that contains the first row of a run.
    fn go(&mut self, run: RowRange) -> Result<()> {
        let Some(source) = self.files.get(run.file) else { return Ok(()) };
        let next = |reader: &mut Decoder| {
            let missing = || unreadable(&source.path, io::Error::other("rows are missing"));
            reader.next().unwrap_or_else(|| Err(missing()))
        };
        let is_near = |open: &OpenFile| {
            let end = open.first.saturating_add(rows(&open.batch));
            open.file == run.file && open.first <= run.first && run.first < end.saturating_add(NEAR)
        };
        let mut at = if let Some(open) = self.open.take().filter(is_near) {
            open
        } else {
            let mut reader = Decoder::open(source, run.first, &[])?;
            let batch = next(&mut reader)?;
            OpenFile { file: run.file, reader, batch, first: run.first }
        };
        while run.first >= at.first.saturating_add(rows(&at.batch)) {
            at.first = at.first.saturating_add(rows(&at.batch));
            at.batch = next(&mut at.reader)?;
        }
        self.open = Some(at);
        Ok(())
    }
}

impl DocumentKey {
    fn of(row: &StoredRow<'_>) -> Self {
        match row.text("scan_id") {
            Some(id) => Self::Scan(id.to_owned()),
            None => Self::None(
                row.text("source").unwrap_or_default().to_owned(),
                row.int32("doc_index").unwrap_or_default(),
            ),
        }
    }

    /// Returns true if a row has this key. Does not create a key.
    fn is_of(&self, row: &StoredRow<'_>) -> bool {
        match self {
            Self::Scan(id) => row.text("scan_id") == Some(id),
            Self::None(..) => *self == Self::of(row),
        }
    }
}

/// Calls `each` with the document of each row of a file. Looks up a document once for consecutive
/// rows with the same key.
fn each_key(
    source: &TableFile,
    find: &mut dyn FnMut(&DocumentKey) -> Option<DocumentNumber>,
    each: &mut dyn FnMut(Option<DocumentNumber>),
) -> Result<()> {
    let mut last: Option<(DocumentKey, Option<DocumentNumber>)> = None;
    for batch in Decoder::open(source, 0, &OF_KEY)? {
        let batch = batch?;
        for place in 0..batch.num_rows() {
            let row = StoredRow::new(&batch, place);
            if last.as_ref().is_none_or(|(key, _)| !key.is_of(&row)) {
                let key = DocumentKey::of(&row);
                let document = find(&key);
                last = Some((key, document));
            }
            each(last.as_ref().and_then(|(_, document)| *document));
        }
    }
    Ok(())
}

/// Returns the key of the first row of a file.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn first_key(source: &TableFile) -> Result<Option<DocumentKey>> {
    let mut first = None;
    let find = &mut |key: &DocumentKey| {
        first.get_or_insert_with(|| key.clone());
        None
    };
    each_key(source, find, &mut |_| {})?;
    Ok(first)
}

fn rows(batch: &RecordBatch) -> u64 {
    u64::try_from(batch.num_rows()).unwrap_or(0)
}
