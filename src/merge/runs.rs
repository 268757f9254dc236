//! Sorted runs of records, in memory or in temporary files, and their merge into one order.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write as _},
};

use super::store::{LEVEL, TempFolder, decode_own};
use crate::{codec::RecordWriter, error::Result, fs::File, model::HostChanges};

/// Sorted records, each with its sort key, that can be read once.
#[derive(Debug)]
pub(super) struct Run {
    source: RunSource,
    folder: TempFolder,
}

#[derive(Debug)]
enum RunSource {
    Memory(io::Cursor<Vec<u8>>),
    File(Box<RunReader>),
}

struct RunReader(BufReader<zstd::Decoder<'static, BufReader<File>>>);

impl std::fmt::Debug for RunReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RunReader")
    }
}

impl Run {
    /// Creates a run from sorted records, in a temporary file if `in_file` is true.
    pub(super) fn new<'r>(
        sorted: impl Iterator<Item = (u64, &'r [u8])>,
        in_file: bool,
        folder: &TempFolder,
    ) -> Result<Self> {
        let source = if in_file {
            let file = folder.file()?;
            let file = write_all(file, sorted).map_err(|error| folder.failed(error))?;
            RunSource::File(Box::new(RunReader(file)))
        } else {
            let mut bytes = Vec::new();
            for (order, record) in sorted {
                bytes.extend_from_slice(&order.to_le_bytes());
                bytes.extend_from_slice(&length(record).to_le_bytes());
                bytes.extend_from_slice(record);
            }
            RunSource::Memory(io::Cursor::new(bytes))
        };
        Ok(Self { source, folder: folder.clone() })
    }

    /// Returns the next record with its sort key; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        let read = match &mut self.source {
            RunSource::Memory(bytes) => next(bytes),
            RunSource::File(file) => next(&mut file.0),
        };
        read.map_err(|error| self.folder.failed(error))
    }
}

fn length(record: &[u8]) -> u64 {
    u64::try_from(record.len()).unwrap_or(u64::MAX)
}

fn write_all<'r>(
    file: File,
    sorted: impl Iterator<Item = (u64, &'r [u8])>,
) -> io::Result<BufReader<zstd::Decoder<'static, BufReader<File>>>> {
    let mut out = zstd::Encoder::new(BufWriter::new(file), LEVEL)?;
    for (order, record) in sorted {
        out.write_all(&order.to_le_bytes())?;
        out.write_all(&length(record).to_le_bytes())?;
        out.write_all(record)?;
    }
    let mut file = out.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(BufReader::new(zstd::Decoder::new(file)?))
}

fn next(from: &mut impl Read) -> io::Result<Option<(u64, Vec<u8>)>> {
    let mut order = [0; 8];
    // The first byte shows if another record follows.
    let (first, rest) = order.split_at_mut(1);
    if from.read(first)? == 0 {
        return Ok(None);
    }
    from.read_exact(rest)?;
    let mut len = [0; 8];
    from.read_exact(&mut len)?;
    let len = usize::try_from(u64::from_le_bytes(len)).map_err(io::Error::other)?;
    let mut record = Vec::new();
    record.try_reserve_exact(len)?;
    record.resize(len, 0);
    from.read_exact(&mut record)?;
    Ok(Some((u64::from_le_bytes(order), record)))
}

/// Records of several runs, merged into one order.
#[derive(Debug)]
pub(super) struct MergedRuns {
    runs: Vec<Run>,
    /// Records with equal keys are ordered by their bytes, so the order does not depend on the run they are in.
    next: BinaryHeap<Reverse<(u64, Vec<u8>, usize)>>,
}

impl MergedRuns {
    pub(super) fn of(runs: impl IntoIterator<Item = Run>) -> Result<Self> {
        let mut ordered = Self { runs: runs.into_iter().collect(), next: BinaryHeap::new() };
        for run in 0..ordered.runs.len() {
            ordered.advance(run)?;
        }
        Ok(ordered)
    }

    fn advance(&mut self, run: usize) -> Result<()> {
        if let Some(of) = self.runs.get_mut(run)
            && let Some((order, record)) = of.next()?
        {
            self.next.push(Reverse((order, record, run)));
        }
        Ok(())
    }

    /// Returns the next record; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(Reverse((_, record, run))) = self.next.pop() else { return Ok(None) };
        self.advance(run)?;
        Ok(Some(record))
    }
}

/// Sorter that takes differences in any order.
#[derive(Debug)]
pub(crate) struct ChangeSorter {
    folder: TempFolder,
    /// Maximum size of records held in memory, in bytes.
    cap: usize,
    out: RecordWriter,
    held: Vec<(u64, Vec<u8>)>,
    size: usize,
    runs: Vec<Run>,
}

/// Differences in order.
#[derive(Debug)]
pub(crate) struct SortedChanges(MergedRuns);

impl ChangeSorter {
    pub(super) fn new(folder: TempFolder, cap: usize) -> Self {
        Self {
            folder,
            cap,
            out: RecordWriter::default(),
            held: Vec::new(),
            size: 0,
            runs: Vec::new(),
        }
    }

    /// Adds the differences of a host. `order` is its sort key.
    pub(crate) fn push(&mut self, order: u64, host: &HostChanges) -> Result<()> {
        let mut record = Vec::new();
        self.out.write(host, &mut record);
        // Memory that a record takes in addition to its bytes, estimated.
        let size = record.len().saturating_add(64);
        self.size = self.size.saturating_add(size);
        self.held.push((order, record));
        if self.size > self.cap { self.close(true) } else { Ok(()) }
    }

    fn close(&mut self, in_file: bool) -> Result<()> {
        self.held.sort_unstable_by_key(|(order, _)| *order);
        let sorted = self.held.iter().map(|(order, record)| (*order, record.as_slice()));
        self.runs.push(Run::new(sorted, in_file, &self.folder)?);
        self.held = Vec::new();
        self.size = 0;
        Ok(())
    }

    /// Ends the input and returns the differences in order.
    pub(crate) fn finish(mut self) -> Result<SortedChanges> {
        self.close(false)?;
        MergedRuns::of(self.runs).map(SortedChanges)
    }
}

impl SortedChanges {
    /// Returns the differences of the next host; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<HostChanges>> {
        Ok(self.0.next()?.and_then(|record| decode_own(&record)))
    }
}
