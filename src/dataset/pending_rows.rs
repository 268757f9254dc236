//! Rows that wait for the next commit, and the documents that they belong to.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{
    commit::FileEntry,
    data_file::DataFile,
    plan::{Disposition, Plan},
    rows::{self, Batches},
    transaction::{Store, WriteContext},
};
use crate::{
    error::Result,
    format::DocumentInfo,
    table::{RecordBatch, Table},
};

const TABLES: usize = Table::ALL.len();

/// Rows with their approximate size, in bytes.
pub(super) type Slice = (RecordBatch, usize);

/// Rows in the order of their arrival, numbered from the start of the run. Completed documents have
/// claimed their rows; the rest belongs to open documents.
#[derive(Default)]
pub(super) struct PendingRows {
    queues: [Queue; TABLES],
    documents: Vec<DocumentInfo>,
    /// Number of the first row of each document, per table.
    from: Vec<[u64; TABLES]>,
    claimed: usize,
    unclaimed: usize,
}

#[derive(Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    /// Number of the row after the last claimed one.
    claimed: u64,
    /// Number of the next row to arrive.
    next: u64,
}

struct Piece {
    first: u64,
    batch: RecordBatch,
    sizes: Arc<[usize]>,
}

impl PendingRows {
    pub(super) fn push(&mut self, table: Table, batch: RecordBatch, sizes: Arc<[usize]>) {
        let Some(queue) = self.queues.get_mut(table.number()) else { return };
        let rows = u64::try_from(batch.num_rows()).unwrap_or(0);
        self.unclaimed = self.unclaimed.saturating_add(sizes.iter().sum());
        let first = queue.next;
        queue.next = queue.next.saturating_add(rows);
        queue.pieces.push_back(Piece { first, batch, sizes });
    }

    /// Returns true if at least this many unclaimed rows of each table have arrived.
    pub(super) fn has(&self, rows: &[u64; TABLES]) -> bool {
        let there = |queue: &Queue| queue.next.saturating_sub(queue.claimed);
        self.queues.iter().zip(rows).all(|(queue, rows)| there(queue) >= *rows)
    }

    /// Claims the next rows of each table for a document. They must have arrived.
    pub(super) fn claim(&mut self, document: DocumentInfo) {
        debug_assert!(self.has(&document.rows), "the rows of the document have arrived");
        let mut from = [0; TABLES];
        for ((queue, rows), from) in self.queues.iter_mut().zip(document.rows).zip(&mut from) {
            *from = queue.claimed;
            let bytes = queue.bytes(queue.claimed, rows);
            self.claimed = self.claimed.saturating_add(bytes);
            self.unclaimed = self.unclaimed.saturating_sub(bytes);
            queue.claimed = queue.claimed.saturating_add(rows);
        }
        self.documents.push(document);
        self.from.push(from);
    }

    /// Returns the size of the claimed and of the unclaimed rows, in bytes.
    pub(super) fn bytes(&self) -> (usize, usize) {
        (self.claimed, self.unclaimed)
    }

    /// Removes this many unclaimed rows of each table, or all of them. No document may be waiting.
    pub(super) fn take(&mut self, rows: Option<&[u64; TABLES]>) -> [Vec<Slice>; TABLES] {
        let mut taken: [Vec<Slice>; TABLES] = Default::default();
        for (n, (queue, taken)) in self.queues.iter_mut().zip(&mut taken).enumerate() {
            let all = queue.next.saturating_sub(queue.claimed);
            let rows = rows.and_then(|rows| rows.get(n)).map_or(all, |rows| all.min(*rows));
            *taken = queue.slices(queue.claimed, rows);
            queue.claimed = queue.claimed.saturating_add(rows);
            let bytes = taken.iter().map(|(_, bytes)| *bytes).sum();
            self.unclaimed = self.unclaimed.saturating_sub(bytes);
            queue.drop_claimed();
        }
        taken
    }

    /// Removes the documents and their rows after a commit.
    pub(super) fn clear(&mut self) {
        self.documents.clear();
        self.from.clear();
        self.claimed = 0;
        self.queues.iter_mut().for_each(Queue::drop_claimed);
    }

    fn rows_of(&self, document: usize, table: Table) -> Vec<Slice> {
        let rows = self.documents.get(document).and_then(|found| found.rows.get(table.number()));
        let from = self.from.get(document).and_then(|from| from.get(table.number()));
        match (self.queues.get(table.number()), from, rows) {
            (Some(queue), Some(from), Some(rows)) => queue.slices(*from, *rows),
            _ => Vec::new(),
        }
    }

    /// Returns the rows of each file: the documents of one date, in their order.
    fn files(&self, plan: &Plan) -> BTreeMap<(usize, Option<String>), Vec<RowSpan<'_>>> {
        let mut files: BTreeMap<_, Vec<RowSpan<'_>>> = BTreeMap::new();
        for (n, (document, disposition)) in
            self.documents.iter().zip(&plan.dispositions).enumerate()
        {
            let Disposition::Load { scan_id, .. } = disposition else { continue };
            let renamed = match (&document.scan_id, scan_id) {
                (Some(own), Some(new)) if own != new => Some((own.clone(), new.clone())),
                _ => None,
            };
            let Some(from) = self.from.get(n) else { continue };
            for ((table, from), rows) in from.iter().enumerate().zip(&document.rows) {
                let Some(queue) = self.queues.get(table).filter(|_| *rows > 0) else { continue };
                let runs = files.entry((table, document.scan_date.clone())).or_default();
                match runs.last_mut() {
                    Some(last)
                        if last.renamed.is_none()
                            && renamed.is_none()
                            && last.from.saturating_add(last.rows) == *from =>
                    {
                        last.rows = last.rows.saturating_add(*rows);
                    }
                    _ => {
                        runs.push(RowSpan {
                            queue,
                            from: *from,
                            rows: *rows,
                            renamed: renamed.clone(),
                        });
                    }
                }
            }
        }
        files
    }
}

/// Consecutive rows, with the old and the new ID of their scan if it changes.
struct RowSpan<'w> {
    queue: &'w Queue,
    from: u64,
    rows: u64,
    renamed: Option<(String, String)>,
}

impl Store for PendingRows {
    fn documents(&self) -> &[DocumentInfo] {
        &self.documents
    }

    fn rows(&self, document: usize, table: Table) -> Result<Batches<'static>> {
        Ok(Box::new(self.rows_of(document, table).into_iter().map(|(batch, _)| Ok(batch))))
    }

    fn write(&mut self, plan: &Plan, context: &WriteContext) -> Result<Vec<FileEntry>> {
        let files: Vec<_> = self.files(plan).into_iter().collect();
        let write = |((table, date), runs): ((usize, Option<String>), Vec<RowSpan<'_>>)| {
            debug_assert!(table < TABLES, "a file has rows of one of the tables");
            let table = Table::ALL.get(table).copied().unwrap_or(Table::Scans);
            let mut writer = context.writer(table)?;
            for RowSpan { queue, from, rows, renamed } in runs {
                for (batch, bytes) in queue.slices(from, rows) {
                    let batch = match &renamed {
                        Some((own, new)) => rows::rename(&batch, own, new)?,
                        None => batch,
                    };
                    writer.push(batch, bytes)?;
                }
            }
            Ok((writer.finish()?, date))
        };
        DataFile::publish_all(&context.dir, context.each(files, write)?)
    }
}

impl Queue {
    /// Returns the index of the piece that contains a row.
    fn place(&self, row: u64) -> usize {
        self.pieces.partition_point(|piece| piece.first <= row).saturating_sub(1)
    }

    fn slices(&self, from: u64, rows: u64) -> Vec<Slice> {
        let cut = |(piece, start, len): (&Piece, usize, usize)| {
            let sizes = piece.sizes.get(start..start.saturating_add(len));
            (piece.batch.slice(start, len), sizes.map_or(0, |sizes| sizes.iter().sum()))
        };
        self.cuts(from, rows).map(cut).collect()
    }

    fn bytes(&self, from: u64, rows: u64) -> usize {
        let sum = |(piece, start, len): (&Piece, usize, usize)| -> usize {
            let sizes = piece.sizes.get(start..start.saturating_add(len));
            sizes.map_or(0, |sizes| sizes.iter().sum())
        };
        self.cuts(from, rows).map(sum).sum()
    }

    /// Returns the pieces that contain some rows, each with the offset of the first row and their
    /// number.
    fn cuts(&self, from: u64, rows: u64) -> impl Iterator<Item = (&Piece, usize, usize)> {
        let end = from.saturating_add(rows);
        let place = if rows == 0 { self.pieces.len() } else { self.place(from) };
        let within = self.pieces.iter().skip(place).take_while(move |piece| piece.first < end);
        within.filter_map(move |piece| {
            let start = usize::try_from(from.saturating_sub(piece.first)).ok()?;
            let stop = usize::try_from(end.saturating_sub(piece.first)).ok()?;
            let stop = stop.min(piece.batch.num_rows());
            (start < stop).then(|| (piece, start, stop.saturating_sub(start)))
        })
    }

    fn drop_claimed(&mut self) {
        let over = |piece: &Piece| {
            let rows = u64::try_from(piece.batch.num_rows()).unwrap_or(0);
            piece.first.saturating_add(rows) <= self.claimed
        };
        while self.pieces.front().is_some_and(over) {
            self.pieces.pop_front();
        }
    }
}
