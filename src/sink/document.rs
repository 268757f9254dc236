//! A sink of documents: lines of a feed, made elsewhere.

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

/// Writes whole lines to standard output or to a file.
pub struct DocumentSink {
    stream: TextStream,
}

impl DocumentSink {
    /// A sink to standard output or to a file.
    ///
    /// # Errors
    /// A usage error if the output exists and is not to be replaced, or is a folder; an output error if it
    /// cannot be made.
    pub fn open(output: &Output, overwrite: bool, temporaries: &Temporaries) -> Result<Self> {
        if let Output::Dir(path) = output {
            return Err(Error::usage(format!(
                "a feed is one file: {} would be a folder",
                path.display()
            )));
        }
        Ok(Self { stream: TextStream::open(output, Replace::of(overwrite), temporaries)? })
    }

    /// A sink to the file of a report, which may take the place of another report.
    ///
    /// # Errors
    /// A usage error if the file exists, is no report and is not to be replaced; an output error if it cannot be made.
    pub fn open_report(path: &Path, overwrite: bool, temporaries: &Temporaries) -> Result<Self> {
        let (output, replace) = (Output::File(path.to_owned()), Replace::report(overwrite));
        Ok(Self { stream: TextStream::open(&output, replace, temporaries)? })
    }

    /// A sink to a file that has its name from the start: what is written stays, however the run ends. A file that is
    /// there stays as it is until something is written or the sink is finished; if neither happens, a new one goes again.
    ///
    /// # Errors
    /// A usage error if the file exists and is not to be replaced, or if another run writes it; an output error
    /// if it cannot be made.
    pub fn open_live(path: &Path, overwrite: bool, temporaries: &Temporaries) -> Result<Self> {
        Ok(Self { stream: TextStream::live(path, overwrite, temporaries)? })
    }

    /// Writes whole lines.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn write(&mut self, lines: &[u8]) -> Result<()> {
        self.stream.write(lines)
    }

    /// The name of a file that holds something, and that [`Self::finish`] would replace.
    pub(crate) fn replaces(&self) -> Option<&str> {
        self.stream.replaces()
    }

    /// Hands what was written to the system.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.stream.flush()
    }

    /// Completes the output and gives it its name.
    ///
    /// # Errors
    /// If the output cannot be written.
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
    /// The lines that `feed` makes of hosts and scans, to this sink.
    #[must_use]
    pub fn new(sink: DocumentSink, feed: Feed) -> Self {
        Self { sink, feed }
    }
}

impl ChunkWriter for FeedSink {
    /// Whole lines.
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

/// Takes the lines of a buffer. Mostly as many come again, or a few more: the new buffer has room for them.
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
