//! Sink of feeds and reports: complete lines that are produced elsewhere.

use std::path::Path;

use super::{
    ChunkWriter, Format, MergeEncoder, ScanEncoder, Written, format::Emit, replace::Replace,
    stream::TextStream, target::Output, temporaries::Temporaries,
};
use crate::{
    error::{Error, Result},
    feed::Feed,
    model::{Host, MergedHost, RunEvent, RunHeader, RunRecord},
};

/// Writes complete lines to standard output or to a file.
pub struct DocumentSink {
    stream: TextStream,
}

impl DocumentSink {
    /// Opens a sink that writes to standard output or to a file.
    ///
    /// # Errors
    /// Returns a usage error if the output exists and may not be replaced, or is a folder, and an output error if it
    /// cannot be created.
    pub fn open(output: &Output, overwrite: bool, temporaries: &Temporaries) -> Result<Self> {
        if let Output::Dir(path) = output {
            return Err(Error::usage(format!(
                "a feed is one file: {} would be a folder",
                path.display()
            )));
        }
        Ok(Self { stream: TextStream::open(output, Replace::of(overwrite), temporaries)? })
    }

    /// Opens a sink for a report, which may replace another report.
    ///
    /// # Errors
    /// Returns a usage error if the file exists, is not a report and may not be replaced, and an output error if it
    /// cannot be created.
    pub fn open_report(path: &Path, overwrite: bool, temporaries: &Temporaries) -> Result<Self> {
        let (output, replace) = (Output::File(path.to_owned()), Replace::report(overwrite));
        Ok(Self { stream: TextStream::open(&output, replace, temporaries)? })
    }

    /// Opens a sink that writes directly to the final path, so that output remains even if the process is interrupted.
    /// An existing file stays unchanged until something is written or the sink is finished; if neither happens, a file
    /// that was created is removed.
    ///
    /// # Errors
    /// Returns a usage error if the file exists and may not be replaced, or if another process is writing it, and an
    /// output error if it cannot be created.
    pub fn open_live(path: &Path, overwrite: bool, temporaries: &Temporaries) -> Result<Self> {
        Ok(Self { stream: TextStream::live(path, overwrite, temporaries)? })
    }

    /// Writes complete lines.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn write(&mut self, lines: &[u8]) -> Result<()> {
        self.stream.write(lines)
    }

    /// Returns the name of a file that is not empty and that [`Self::finish`] would replace.
    pub(crate) fn replaces(&self) -> Option<&str> {
        self.stream.replaces()
    }

    /// Passes buffered output to the operating system.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.stream.flush()
    }

    /// Completes the output and renames it to its final path.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    pub fn finish(self) -> Result<()> {
        self.stream.finish()
    }
}

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
        self.feed.takes_events()
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
        FeedEncoder { feed: self.feed.clone(), buffer: Vec::new(), written: Written::default() }
    }
}

/// Encodes scans as lines of a feed.
pub struct FeedEncoder {
    feed: Feed,
    buffer: Vec<u8>,
    written: Written,
}

impl FeedEncoder {
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

    fn host(&mut self, scan: &RunHeader, host: &Host<'_>, emit: Emit<'_, Vec<u8>>) -> Result<()> {
        let emit = &mut |lines: &mut Vec<u8>| emit(take_lines(lines));
        let lines = self.feed.host_in_pieces(scan, host, &mut self.buffer, emit)?;
        self.wrote(lines);
        Ok(())
    }

    fn activity(&mut self, scan: &RunHeader, index: i32, activity: &RunEvent) -> Result<()> {
        let lines = self.feed.event(scan, index, activity, &mut self.buffer);
        self.wrote(lines);
        Ok(())
    }

    fn scan_end(&mut self, source: &str, record: RunRecord) -> Result<()> {
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
        scans: &[&RunHeader],
        emit: Emit<'_, Vec<u8>>,
    ) -> Result<()> {
        let emit = &mut |lines: &mut Vec<u8>| emit(take_lines(lines));
        let lines = self.feed.merged_in_pieces(merged, scans, &mut self.buffer, emit)?;
        self.wrote(lines);
        Ok(())
    }
}
