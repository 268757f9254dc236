//! Regroups record batches into chunks whose boundaries depend on the rows alone. The bytes of a Parquet file depend on
//! the calls in which rows are handed over, and parallel encoders produce batches of any size.

use std::{collections::VecDeque, sync::Arc};

use arrow::{array::RecordBatch, compute::concat_batches};

use crate::error::{Error, Result};

/// Maximum number of rows per chunk.
pub(super) const MAX_CHUNK_ROWS: usize = 2048;

/// Size in bytes at which a chunk ends after the current row.
pub(super) const CHUNK_BYTES: usize = 1 << 20;

/// Number of parts of a chunk that are concatenated into one: a batch of few rows takes far more memory than its
/// values.
const MAX_PARTS: usize = 32;

/// Record batch with the approximate size of each row in bytes.
#[derive(Debug)]
pub(crate) struct SizedBatch {
    pub(super) batch: RecordBatch,
    pub(super) sizes: Arc<[usize]>,
}

impl From<(RecordBatch, Arc<[usize]>)> for SizedBatch {
    fn from((batch, sizes): (RecordBatch, Arc<[usize]>)) -> Self {
        Self { batch, sizes }
    }
}

/// Regroups the batches of one table into chunks.
pub(crate) struct Rechunker {
    max_rows: usize,
    max_bytes: usize,
    parts: Vec<RecordBatch>,
    /// Number of parts at the start of the list that were already concatenated.
    concatenated: usize,
    rows: usize,
    bytes: usize,
}

impl Default for Rechunker {
    fn default() -> Self {
        Self::new(MAX_CHUNK_ROWS, CHUNK_BYTES)
    }
}

impl Rechunker {
    /// Creates a rechunker for chunks of at most `max_rows` rows, which end with the row that brings them to `max_bytes` bytes.
    pub(crate) fn new(max_rows: usize, max_bytes: usize) -> Self {
        let parts = Vec::new();
        Self { max_rows, max_bytes, parts, concatenated: 0, rows: 0, bytes: 0 }
    }

    /// Adds a batch, and calls the function with each chunk that it completes, as a list of parts.
    pub(crate) fn push(
        &mut self,
        rows: impl Into<SizedBatch>,
        mut each: impl FnMut(Vec<RecordBatch>) -> Result<()>,
    ) -> Result<()> {
        let SizedBatch { batch, sizes } = rows.into();
        let mut from = 0_usize;
        for (row, size) in sizes.iter().enumerate() {
            self.rows = self.rows.saturating_add(1);
            self.bytes = self.bytes.saturating_add(*size);
            if self.rows >= self.max_rows || self.bytes >= self.max_bytes {
                let end = row.saturating_add(1);
                self.parts.push(batch.slice(from, end.saturating_sub(from)));
                from = end;
                each(self.rest())?;
            }
        }
        let left = batch.num_rows().saturating_sub(from);
        if left > 0 {
            self.parts.push(if from > 0 { batch.slice(from, left) } else { batch });
        }
        if self.parts.len().saturating_sub(self.concatenated) >= MAX_PARTS {
            self.concatenate()
        } else {
            Ok(())
        }
    }

    fn concatenate(&mut self) -> Result<()> {
        let loose = self.parts.split_off(self.concatenated);
        let Some(first) = loose.first() else { return Ok(()) };
        let joined = concat_batches(first.schema_ref(), &loose)
            .map_err(|error| Error::internal(error.to_string()))?;
        self.parts.push(joined);
        self.concatenated = self.parts.len();
        Ok(())
    }

    /// Returns the rows that do not fill a chunk, as a list of parts.
    pub(crate) fn rest(&mut self) -> Vec<RecordBatch> {
        (self.concatenated, self.rows, self.bytes) = (0, 0, 0);
        std::mem::take(&mut self.parts)
    }
}

/// Removes the first `rows` rows, at least one, or all if there are fewer.
pub(super) fn first_rows(batches: &mut VecDeque<RecordBatch>, rows: usize) -> Vec<RecordBatch> {
    let mut taken = Vec::with_capacity(batches.len());
    let mut room = rows.max(1);
    while let Some(next) = batches.pop_front() {
        let rows = next.num_rows();
        if rows > room {
            taken.push(next.slice(0, room));
            batches.push_front(next.slice(room, rows.saturating_sub(room)));
            break;
        }
        room = room.saturating_sub(rows);
        taken.push(next);
        if room == 0 {
            break;
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{ArrayRef, Int32Array},
        datatypes::Int32Type,
    };
    use proptest::prelude::*;

    use super::*;

    fn batch(rows: std::ops::Range<i32>, size: usize) -> SizedBatch {
        let sizes = rows.clone().map(|_| size).collect();
        let column: ArrayRef = Arc::new(rows.collect::<Int32Array>());
        SizedBatch { batch: RecordBatch::try_from_iter([("n", column)]).unwrap(), sizes }
    }

    /// Returns the first and last row of each chunk. The result must not depend on how rows are cut into batches.
    fn chunks(cuts: &[i32], rows: i32, size: usize) -> Vec<(i32, usize)> {
        let mut rechunker = Rechunker::default();
        let mut found = Vec::new();
        let mut note = |chunk: Vec<RecordBatch>| {
            use arrow::array::AsArray as _;
            let mut parts = chunk.iter().filter(|part| part.num_rows() > 0).peekable();
            let Some(first) = parts.peek() else { return };
            let first = first.column(0).as_primitive::<Int32Type>().value(0);
            found.push((first, parts.map(RecordBatch::num_rows).sum()));
        };
        let mut from = 0;
        for end in cuts.iter().copied().chain([rows]) {
            let end = end.max(from);
            let push = rechunker.push(batch(from..end, size), |chunk| {
                note(chunk);
                Ok(())
            });
            push.unwrap();
            from = end;
        }
        note(rechunker.rest());
        found
    }

    proptest! {
        #[test]
        fn chunks_depend_on_the_rows_and_not_on_their_batches(
            mut cuts in prop::collection::vec(0..9000_i32, 0..9),
            size in prop_oneof![Just(1_usize), Just(700), Just(2 << 20)],
        ) {
            let rows = if size > CHUNK_BYTES { 40 } else { 9000 };
            for cut in &mut cuts {
                *cut = (*cut).min(rows);
            }
            cuts.sort_unstable();
            prop_assert_eq!(chunks(&cuts, rows, size), chunks(&[], rows, size));
        }
    }

    #[test]
    fn a_chunk_is_full_by_rows_or_by_bytes() {
        assert_eq!(chunks(&[], 5000, 1), [(0, 2048), (2048, 2048), (4096, 904)]);
        assert_eq!(chunks(&[1], 3, CHUNK_BYTES), [(0, 1), (1, 1), (2, 1)]);
    }

    #[test]
    fn rows_are_taken_across_batches() {
        let mut rest: VecDeque<_> = [0..3, 3..4, 4..9].map(|rows| batch(rows, 1).batch).into();
        let mut taken = |rows| {
            let parts = first_rows(&mut rest, rows);
            parts.iter().map(RecordBatch::num_rows).collect::<Vec<_>>()
        };
        assert_eq!(taken(2), [2]);
        assert_eq!(taken(3), [1, 1, 1]);
        assert_eq!(taken(0), [1]);
        assert_eq!(taken(99), [3]);
        assert_eq!(taken(1), [0; 0]);
    }
}
