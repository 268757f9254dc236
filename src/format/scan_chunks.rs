//! Text of hosts, gathered into chunks that each belong to one scan.
//!
//! An encoder works on any thread and does not see where a scan starts, so each chunk names its scan, and the writer
//! finds the start of a scan by it.

use std::sync::Arc;

use crate::model::{ScanHeader, ScanSummary};

/// Number of bytes of text that one chunk holds.
const PIECE: usize = 256 << 10;

/// Text of hosts of one scan, or the end of a scan.
#[derive(Debug)]
pub struct ScanChunk<B, C = ()> {
    /// Scan of the hosts; `None` for those of a merge.
    pub(super) scan: Option<Arc<ScanHeader>>,
    pub(super) text: B,
    pub(super) counts: C,
    pub(super) end: Option<Box<ScanSummary>>,
}

/// Buffer of text.
pub(super) trait TextBuffer: AsRef<[u8]> + Default {
    fn with_capacity(bytes: usize) -> Self;
}

impl TextBuffer for String {
    fn with_capacity(bytes: usize) -> Self {
        Self::with_capacity(bytes)
    }
}

impl TextBuffer for Vec<u8> {
    fn with_capacity(bytes: usize) -> Self {
        Self::with_capacity(bytes)
    }
}

/// Gathers text, and counts that belong to it.
#[derive(Debug, Default)]
pub(super) struct ScanChunks<B, C = ()> {
    scan: Option<Arc<ScanHeader>>,
    /// Text of the current chunk, to which callers append.
    pub(super) text: B,
    pub(super) counts: C,
    ready: Vec<ScanChunk<B, C>>,
    ready_bytes: usize,
}

impl<B: TextBuffer, C: Default> ScanChunks<B, C> {
    /// Sets the scan of what follows.
    pub(super) fn begin(&mut self, scan: &ScanHeader) {
        if !self.scan.as_ref().is_some_and(|own| own.is_same_document(scan)) {
            self.cut(None);
            self.scan = Some(Arc::new(scan.clone()));
        }
    }

    /// Adds the end of a scan, if its document held one. Diagnostics are not kept.
    pub(super) fn end(&mut self, record: ScanSummary) {
        if record.has_scan {
            self.begin(&record.header);
            self.cut(Some(Box::new(ScanSummary { diagnostics: Vec::new(), ..record })));
        }
    }

    /// Returns true if hosts were added to a scan.
    pub(super) const fn has_scan(&self) -> bool {
        self.scan.is_some()
    }

    /// Returns true if the text is long enough for a chunk.
    pub(super) fn is_full(&self) -> bool {
        self.text.as_ref().len() >= PIECE
    }

    /// Returns the size of all text that was not taken.
    pub(super) fn bytes(&self) -> usize {
        self.ready_bytes.saturating_add(self.text.as_ref().len())
    }

    /// Takes all chunks.
    pub(super) fn take(&mut self) -> Vec<ScanChunk<B, C>> {
        self.cut(None);
        self.ready_bytes = 0;
        std::mem::take(&mut self.ready)
    }

    /// Completes a chunk.
    fn cut(&mut self, end: Option<Box<ScanSummary>>) {
        let bytes = self.text.as_ref().len();
        if bytes == 0 && end.is_none() {
            return;
        }
        let text = std::mem::replace(&mut self.text, B::with_capacity(bytes.min(PIECE)));
        let counts = std::mem::take(&mut self.counts);
        self.ready_bytes = self.ready_bytes.saturating_add(bytes);
        self.ready.push(ScanChunk { scan: self.scan.clone(), text, counts, end });
    }
}
