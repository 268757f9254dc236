//! Record batches as encoders made them, to blocks whose cuts depend on the rows alone: the bytes of a
//! Parquet file depend on how rows are handed over, and several encoders hand them over in any pieces.

use std::sync::Arc;

use arrow::{array::RecordBatch, compute::concat_batches};

use crate::error::{Error, ErrorKind, Result};

/// A block has so many rows at most, and ends with the row that brings it to so many bytes.
pub(super) const ROWS: usize = 2048;
pub(super) const BYTES: usize = 1 << 20;

/// A batch, with the bytes of each of its rows, roughly.
#[derive(Debug)]
pub(super) struct Sized {
    pub(super) batch: RecordBatch,
    pub(super) sizes: Arc<[usize]>,
}

/// Gathers batches of one table to blocks.
#[derive(Default)]
pub(super) struct Blocks {
    parts: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

impl Blocks {
    /// Takes a batch, and gives each block that it completes.
    pub(super) fn push(
        &mut self,
        Sized { batch, sizes }: Sized,
        mut each: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let mut from = 0_usize;
        for (row, size) in sizes.iter().enumerate() {
            self.rows = self.rows.saturating_add(1);
            self.bytes = self.bytes.saturating_add(*size);
            if self.rows >= ROWS || self.bytes >= BYTES {
                let end = row.saturating_add(1);
                self.parts.push(batch.slice(from, end.saturating_sub(from)));
                from = end;
                each(&self.take()?)?;
            }
        }
        if from < batch.num_rows() {
            self.parts.push(batch.slice(from, batch.num_rows().saturating_sub(from)));
        }
        Ok(())
    }

    /// The rows that make no whole block, if there are any.
    pub(super) fn rest(&mut self) -> Result<Option<RecordBatch>> {
        if self.rows == 0 { Ok(None) } else { self.take().map(Some) }
    }

    fn take(&mut self) -> Result<RecordBatch> {
        (self.rows, self.bytes) = (0, 0);
        let parts = std::mem::take(&mut self.parts);
        let failed = |error: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Schema(format!("rows do not fit together: {error}")))
        };
        match parts.as_slice() {
            [one] => Ok(one.clone()),
            [first, ..] => concat_batches(&first.schema(), &parts).map_err(|error| failed(&error)),
            [] => Err(failed(&"there are none")),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{ArrayRef, Int32Array},
        datatypes::Int32Type,
    };
    use proptest::prelude::*;

    use super::*;

    fn batch(rows: std::ops::Range<i32>, size: usize) -> Sized {
        let sizes = rows.clone().map(|_| size).collect();
        let column: ArrayRef = Arc::new(rows.collect::<Int32Array>());
        Sized { batch: RecordBatch::try_from_iter([("n", column)]).unwrap(), sizes }
    }

    /// The first and last row of each block, however the rows are cut into batches.
    fn blocks(cuts: &[i32], rows: i32, size: usize) -> Vec<(i32, usize)> {
        let mut blocks = Blocks::default();
        let mut found = Vec::new();
        let mut note = |block: &RecordBatch| {
            use arrow::array::AsArray as _;
            let first = block.column(0).as_primitive::<Int32Type>().value(0);
            found.push((first, block.num_rows()));
        };
        let mut from = 0;
        for end in cuts.iter().copied().chain([rows]) {
            let end = end.max(from);
            let push = blocks.push(batch(from..end, size), |block| {
                note(block);
                Ok(())
            });
            push.unwrap();
            from = end;
        }
        blocks.rest().unwrap().iter().for_each(&mut note);
        found
    }

    proptest! {
        #[test]
        fn blocks_depend_on_the_rows_and_not_on_their_batches(
            mut cuts in prop::collection::vec(0..9000_i32, 0..9),
            size in prop_oneof![Just(1_usize), Just(700), Just(2 << 20)],
        ) {
            let rows = if size > BYTES { 40 } else { 9000 };
            for cut in &mut cuts {
                *cut = (*cut).min(rows);
            }
            cuts.sort_unstable();
            prop_assert_eq!(blocks(&cuts, rows, size), blocks(&[], rows, size));
        }
    }

    #[test]
    fn a_block_is_full_by_rows_or_by_bytes() {
        assert_eq!(blocks(&[], 5000, 1), [(0, 2048), (2048, 2048), (4096, 904)]);
        assert_eq!(blocks(&[1], 3, BYTES), [(0, 1), (1, 1), (2, 1)]);
    }
}
