//! Text that is written per host: what line formats and formats for people share.
//!
//! A format implements [`HostText`], which appends the text of a host, and of the start and the end of a scan. Here are
//! the encoder and the writer around it. The writer adds the start of a scan before the first chunk of its text.

use std::{fmt::Write as _, sync::Arc};

use super::{
    ChunkWriter, Emit, Format, MergeEncoder, ScanEncoder, Written,
    scan_chunks::{ScanChunk, ScanChunks},
};
use crate::{
    error::Result,
    model::{Host, MergedHost, ScanActivity, ScanHeader, ScanSummary, Service},
    output::DocumentSink,
    text::is_invisible,
};

/// Text of hosts and scans.
pub trait HostText: Clone + Send + 'static {
    /// Appends what precedes everything else.
    fn document_start(&self, _merged: bool, _out: &mut String) {}

    /// Appends the text of a host, and returns the number of its lines that count in the report.
    fn host(&self, host: &Host<'_>, out: &mut String) -> u64;

    /// Appends what precedes the hosts of a scan.
    fn scan_start(&self, _scan: &ScanHeader, _out: &mut String) {}

    /// Appends what follows the hosts of a scan.
    fn scan_end(&self, _scan: &ScanSummary, _out: &mut String) {}
}

/// Writes the text of hosts to a file or stream.
pub struct HostTextSink<T> {
    sink: DocumentSink,
    format: T,
    merged: bool,
    has_started: bool,
    /// Scan whose text came last, until it ends.
    open: Option<Arc<ScanHeader>>,
}

impl<T: HostText> HostTextSink<T> {
    /// Creates a sink. `merged` is true if hosts come from a merge.
    pub(super) fn of(sink: DocumentSink, format: T, merged: bool) -> Self {
        Self { sink, format, merged, has_started: false, open: None }
    }

    fn start(&mut self, out: &mut String) {
        if !self.has_started {
            self.has_started = true;
            self.format.document_start(self.merged, out);
        }
    }
}

impl<T: HostText> ChunkWriter for HostTextSink<T> {
    type Chunk = HostTextChunk;

    fn write(&mut self, chunk: HostTextChunk) -> Result<()> {
        let HostTextChunk { scan, text, end, .. } = chunk;
        let mut before = String::new();
        self.start(&mut before);
        if let Some(scan) = scan.filter(|_| !self.merged) {
            if self.open.as_ref().is_none_or(|open| !open.is_same_document(&scan)) {
                self.format.scan_start(&scan, &mut before);
            }
            self.open = Some(scan);
        }
        self.sink.write(before.as_bytes())?;
        self.sink.write(text.as_bytes())?;
        let Some(record) = end.filter(|_| !self.merged) else { return Ok(()) };
        self.open = None;
        let mut after = String::new();
        self.format.scan_end(&record, &mut after);
        self.sink.write(after.as_bytes())
    }

    fn replaces(&self) -> Option<&str> {
        self.sink.replaces()
    }

    fn flush(&mut self) -> Result<()> {
        self.sink.flush()
    }

    fn finish(mut self) -> Result<()> {
        let mut start = String::new();
        self.start(&mut start);
        self.sink.write(start.as_bytes())?;
        self.sink.finish()
    }
}

impl<T: HostText> Format for HostTextSink<T> {
    type Encoder = HostTextEncoder<T>;

    fn encoder(&self) -> HostTextEncoder<T> {
        HostTextEncoder {
            format: self.format.clone(),
            chunks: ScanChunks::default(),
            written: Written::default(),
        }
    }
}

/// Text of hosts of one scan, or the end of a scan.
pub type HostTextChunk = ScanChunk<String>;

/// Encodes hosts as text.
pub struct HostTextEncoder<T> {
    format: T,
    chunks: ScanChunks<String>,
    written: Written,
}

impl<T: HostText> HostTextEncoder<T> {
    fn add_host(&mut self, host: &Host<'_>, emit: Emit<'_, HostTextChunk>) -> Result<()> {
        let lines = self.format.host(host, &mut self.chunks.text);
        self.written.lines = self.written.lines.saturating_add(lines);
        if !self.chunks.is_full() {
            return Ok(());
        }
        self.take().into_iter().try_for_each(emit)
    }
}

impl<T: HostText> ScanEncoder for HostTextEncoder<T> {
    type Chunk = HostTextChunk;

    fn host(
        &mut self,
        scan: &ScanHeader,
        host: &Host<'_>,
        emit: Emit<'_, HostTextChunk>,
    ) -> Result<()> {
        self.chunks.begin(scan);
        self.add_host(host, emit)
    }

    fn activity(&mut self, _: &ScanHeader, _: i32, _: &ScanActivity) -> Result<()> {
        Ok(())
    }

    fn scan_end(&mut self, _: &str, record: ScanSummary) -> Result<()> {
        self.chunks.end(record);
        Ok(())
    }

    fn take_written(&mut self) -> Written {
        std::mem::take(&mut self.written)
    }

    fn buffered_bytes(&self) -> usize {
        self.chunks.bytes()
    }

    fn emitted_bytes(chunk: &HostTextChunk) -> usize {
        chunk.text.len()
    }

    fn take(&mut self) -> Vec<HostTextChunk> {
        self.chunks.take()
    }
}

impl<T: HostText> MergeEncoder for HostTextEncoder<T> {
    fn merged_host(
        &mut self,
        merged: &MergedHost<'_>,
        _: &[&ScanHeader],
        emit: Emit<'_, HostTextChunk>,
    ) -> Result<()> {
        self.add_host(&merged.host, emit)
    }
}

/// Appends text on one line: line breaks, control characters, characters that change the direction of text and invisible
/// ones are shown as `\u{...}`.
pub(super) fn push_shown(text: &str, out: &mut String) {
    for c in text.chars() {
        if c.is_control() || is_invisible(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
}

/// Returns the product, version and further information of a service, as nmap prints them.
pub(super) fn full_version(service: &Service<'_>) -> String {
    let mut text = service.product.as_deref().unwrap_or_default().to_owned();
    let mut add = |part: Option<&str>, before: &str, after: &str| {
        if let Some(part) = part {
            let space = if text.is_empty() { "" } else { " " };
            for piece in [space, before, part, after] {
                text.push_str(piece);
            }
        }
    };
    add(service.version.as_deref(), "", "");
    add(service.extra_info.as_deref(), "(", ")");
    if text.is_empty() {
        text.push_str(service.banner.as_deref().unwrap_or_default());
    }
    text
}

/// Returns the name of a service as nmap prints it: with `ssl` before a name inside TLS, and with `?` after a name that
/// `is_guess`.
pub(super) fn service_name(service: &Service<'_>, separator: char, is_guess: bool) -> String {
    let mut name = String::new();
    if let Some(tunnel) = &service.tunnel {
        name.push_str(tunnel);
        name.push(separator);
    }
    name.push_str(service.name.as_deref().unwrap_or_default());
    if is_guess && !name.is_empty() {
        name.push('?');
    }
    name
}

/// Returns true if nmap probed services of the host: then it marks the names that come only from its table of ports.
pub(super) fn was_probed(host: &Host<'_>) -> bool {
    let mut services = host.ports.iter().flat_map(|port| &port.services);
    services.any(|s| s.method.as_deref() == Some("probed") || s.fingerprint.is_some())
}
