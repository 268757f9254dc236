//! Lines of a feed: nested JSONL, or events for SIEMs.

use super::{ChunkWriter, Emit, Format, MergeEncoder, ScanEncoder, Written};
use crate::{
    error::Result,
    feed::Feed,
    model::{Host, MergedHost, ScanActivity, ScanHeader, ScanSummary},
    output::DocumentSink,
};

/// Writes the lines of a feed.
pub struct FeedSink {
    sink: DocumentSink,
    feed: Feed,
}

impl FeedSink {
    /// Creates a sink that writes the lines that `feed` produces from hosts and scans.
    #[must_use]
    pub fn new(sink: DocumentSink, feed: Feed) -> Self {
        Self { sink, feed }
    }
}

impl ChunkWriter for FeedSink {
    /// Complete lines.
    type Chunk = Vec<u8>;

    fn wants_activities(&self) -> bool {
        self.feed.writes_events()
    }

    fn write(&mut self, lines: Vec<u8>) -> Result<()> {
        self.sink.write(&lines)
    }

    fn replaces(&self) -> Option<&str> {
        self.sink.replaces()
    }

    fn flush(&mut self) -> Result<()> {
        self.sink.flush()
    }

    fn finish(self) -> Result<()> {
        self.sink.finish()
    }
}

impl Format for FeedSink {
    type Encoder = FeedEncoder;

    fn encoder(&self) -> FeedEncoder {
        FeedEncoder::new(self.feed.clone())
    }
}

/// Encodes scans as lines of a feed.
pub struct FeedEncoder {
    feed: Feed,
    buffer: Vec<u8>,
    written: Written,
}

impl FeedEncoder {
    /// Creates an encoder of the lines that `feed` produces from hosts and scans.
    pub(crate) fn new(feed: Feed) -> Self {
        Self { feed, buffer: Vec::new(), written: Written::default() }
    }

    fn wrote(&mut self, lines: u64) {
        self.written.lines = self.written.lines.saturating_add(lines);
    }
}

/// Takes the lines of a buffer. The new buffer has room for slightly more, because chunks are of similar size.
fn take_lines(buffer: &mut Vec<u8>) -> Vec<u8> {
    let next = Vec::with_capacity(buffer.len().saturating_add(buffer.len() / 8));
    std::mem::replace(buffer, next)
}

impl ScanEncoder for FeedEncoder {
    type Chunk = Vec<u8>;

    fn host(&mut self, scan: &ScanHeader, host: &Host<'_>, emit: Emit<'_, Vec<u8>>) -> Result<()> {
        let emit = &mut |lines: &mut Vec<u8>| emit(take_lines(lines));
        let lines = self.feed.host_chunked(scan, host, &mut self.buffer, emit)?;
        self.wrote(lines);
        Ok(())
    }

    fn activity(&mut self, scan: &ScanHeader, index: i32, activity: &ScanActivity) -> Result<()> {
        let lines = self.feed.event(scan, index, activity, &mut self.buffer);
        self.wrote(lines);
        Ok(())
    }

    fn scan_end(&mut self, source: &str, record: ScanSummary) -> Result<()> {
        let lines = self.feed.scan(source, &record, &mut self.buffer);
        self.wrote(lines);
        Ok(())
    }

    fn take_written(&mut self) -> Written {
        std::mem::take(&mut self.written)
    }

    fn buffered_bytes(&self) -> usize {
        self.buffer.len()
    }

    fn emitted_bytes(lines: &Vec<u8>) -> usize {
        lines.len()
    }

    fn take(&mut self) -> Vec<Vec<u8>> {
        if self.buffer.is_empty() { Vec::new() } else { vec![take_lines(&mut self.buffer)] }
    }
}

impl MergeEncoder for FeedEncoder {
    fn merged_host(
        &mut self,
        merged: &MergedHost<'_>,
        scans: &[&ScanHeader],
        emit: Emit<'_, Vec<u8>>,
    ) -> Result<()> {
        let emit = &mut |lines: &mut Vec<u8>| emit(take_lines(lines));
        let lines = self.feed.merged_chunked(merged, scans, &mut self.buffer, emit)?;
        self.wrote(lines);
        Ok(())
    }
}
