//! nmap's XML, written from any input, for programs that read only that (DATA_MODEL section 4).
//!
//! ```text
//! hosts, activities, ends of scans ──▶ XmlEncoder ──▶ XmlChunk ──▶ XmlSink ──▶ spool ──▶ document
//! ```
//!
//! nmap writes what it knows of a scan, such as the ports it looks at, before the hosts; readers of events learn it at
//! the end of a scan at the latest, and of several scans when all have ended. So the writer holds the hosts of a document
//! (`spool`: in memory, then in a temporary file) and writes them after the start. A file or stream is one document; in a
//! folder each scan has a document of its own. `scan` writes the start and the end, also those of several scans in one
//! document, `host` everything between them, `script` the results of scripts, and `element` escapes text.
//!
//! Invariants: the text is well-formed and holds only characters of XML 1.0; elements and attributes have the order that
//! nmap's DTD requires; and reading a document again gives the same tables, except for what docs/data-model.md lists.
//! The tests compare the tables of all fixtures, and validate documents with the grammar in `tests/oracle/nmap.dtd`.
//!
//! A new field of the model needs its attribute here; the test of the round trip fails until it has one.

mod element;
mod host;
mod scan;
mod script;
mod spool;

use std::{path::PathBuf, sync::Arc};

use self::{scan::DocumentScans, spool::Spool};
use super::{
    ChunkWriter, Emit, Format, MergeEncoder, ScanEncoder, SinkOptions, Written,
    options::LAYOUT,
    scan_chunks::{ScanChunk, ScanChunks},
};
use crate::{
    error::{Error, Result},
    model::{Host, HostState, HostTotals, MergedHost, ScanActivity, ScanHeader, ScanSummary},
    output::{FolderOptions, Output, Replace, StagedOutput, TextStream},
};

/// Returns true for the name of a document in a folder, such as `scan-000001.xml`.
pub(super) fn is_document_name(name: &str) -> bool {
    let number = name.strip_prefix("scan-").and_then(|name| name.strip_suffix(".xml"));
    number.is_some_and(|digits| digits.len() >= 6 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Writes nmap's XML: one document to a file or stream, or one document per scan to a folder.
pub struct XmlSink {
    target: Target,
    command: String,
    /// True if hosts come from a merge.
    merged: bool,
    document: Document,
}

enum Target {
    Stream(TextStream),
    Folder {
        folder: Box<StagedOutput>,
        /// Number of documents so far.
        documents: u64,
    },
}

/// Document that is being collected.
#[derive(Default)]
struct Document {
    hosts: Spool,
    counts: HostCounts,
    scans: DocumentScans,
    /// Scan whose hosts came last, until it ends.
    open: Option<Arc<ScanHeader>>,
}

impl XmlSink {
    /// Opens a sink of XML.
    ///
    /// # Errors
    /// Returns a usage error if the output exists and may not be replaced, or if it is a folder for a merge, and an
    /// output error if it cannot be created.
    pub fn open(output: &Output, options: &SinkOptions) -> Result<Self> {
        let target = match output {
            Output::Dir(path) if options.merged => {
                return Err(Error::usage(format!(
                    "{} is a folder: a merge is a single XML document",
                    path.display()
                )));
            }
            Output::Dir(path) => {
                let options = FolderOptions {
                    layout: LAYOUT,
                    command: &options.command,
                    tables: Vec::new(),
                    overwrite: options.overwrite,
                    temporaries: &options.temporaries,
                };
                let folder = Box::new(StagedOutput::dir(path, &options)?);
                Target::Folder { folder, documents: 0 }
            }
            Output::Stdout | Output::Writer(_) | Output::File(_) => {
                let replace = Replace::of(options.overwrite);
                Target::Stream(TextStream::open(output, replace, &options.temporaries)?)
            }
        };
        let (command, merged) = (options.command.clone(), options.merged);
        Ok(Self { target, command, merged, document: Document::default() })
    }

    /// Adds the end of a scan, and completes its document in a folder.
    fn end_scan(&mut self, record: Box<ScanSummary>) -> Result<()> {
        self.document.open = None;
        self.document.add(record)?;
        let Target::Folder { folder, documents } = &mut self.target else { return Ok(()) };
        *documents = documents.saturating_add(1);
        let member = PathBuf::from(format!("scan-{documents:06}.xml"));
        let mut stream = TextStream::new(&member, folder.files().create(&member)?)?;
        std::mem::take(&mut self.document).write(&self.command, false, &mut stream)?;
        stream.finish()
    }

    /// Ends a scan whose end was not read.
    fn end_open_scan(&mut self) -> Result<()> {
        let Some(header) = self.document.open.take() else { return Ok(()) };
        let header = (*header).clone();
        self.end_scan(Box::new(ScanSummary { header, has_scan: true, ..ScanSummary::default() }))
    }
}

impl Document {
    fn add(&mut self, record: Box<ScanSummary>) -> Result<()> {
        let Some(later) = self.scans.add(record) else { return Ok(()) };
        let mut text = Vec::new();
        script::scripts("prescript", &later.pre_scripts, &mut text);
        script::scripts("postscript", &later.post_scripts, &mut text);
        self.hosts.write(&text)
    }

    fn write(self, command: &str, merged: bool, stream: &mut TextStream) -> Result<()> {
        let Self { hosts, counts, scans, .. } = self;
        let mut text = Vec::new();
        scans.write_start(command, &mut text);
        stream.write(&text)?;
        hosts.copy_to(stream)?;
        text.clear();
        scans.write_end(merged.then_some(counts), &mut text);
        stream.write(&text)
    }
}

/// Returns the document of these chunks, without an output.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn document_text(chunks: Vec<XmlChunk>) -> Result<Vec<u8>> {
    let mut document = Document::default();
    for XmlChunk { text, end, .. } in chunks {
        document.hosts.write(&text)?;
        end.map_or(Ok(()), |record| document.add(record))?;
    }
    let mut text = Vec::new();
    document.scans.write_start("convert", &mut text);
    text.extend_from_slice(&document.hosts.into_memory());
    document.scans.write_end(None, &mut text);
    Ok(text)
}

impl ChunkWriter for XmlSink {
    type Chunk = XmlChunk;

    fn wants_activities(&self) -> bool {
        // Tasks of several scans mean nothing in one document.
        !self.merged
    }

    fn write(&mut self, chunk: XmlChunk) -> Result<()> {
        let XmlChunk { scan, text, counts, end } = chunk;
        if let Some(scan) = scan {
            if self.document.open.as_ref().is_some_and(|open| !open.is_same_document(&scan)) {
                self.end_open_scan()?;
            }
            self.document.open = Some(scan);
        }
        self.document.hosts.write(&text)?;
        self.document.counts.add(counts);
        end.map_or(Ok(()), |record| self.end_scan(record))
    }

    fn replaces(&self) -> Option<&str> {
        match &self.target {
            Target::Stream(stream) => stream.replaces(),
            Target::Folder { folder, .. } => folder.replaces(),
        }
    }

    fn finish(mut self) -> Result<()> {
        self.end_open_scan()?;
        match self.target {
            Target::Stream(mut stream) => {
                self.document.write(&self.command, self.merged, &mut stream)?;
                stream.finish()
            }
            Target::Folder { folder, .. } => folder.publish(),
        }
    }
}

impl Format for XmlSink {
    type Encoder = XmlEncoder;

    fn encoder(&self) -> XmlEncoder {
        XmlEncoder::default()
    }
}

/// Hosts of one scan as XML, or the end of a scan.
pub type XmlChunk = ScanChunk<Vec<u8>, HostCounts>;

/// Number of hosts by state.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostCounts {
    up: i64,
    down: i64,
    total: i64,
}

impl HostCounts {
    fn add(&mut self, other: Self) {
        self.up = self.up.saturating_add(other.up);
        self.down = self.down.saturating_add(other.down);
        self.total = self.total.saturating_add(other.total);
    }

    fn totals(self) -> HostTotals {
        let Self { up, down, total } = self;
        HostTotals { up: Some(up), down: Some(down), total: Some(total) }
    }
}

/// Encodes hosts as XML.
#[derive(Debug, Default)]
pub struct XmlEncoder {
    chunks: ScanChunks<Vec<u8>, HostCounts>,
    written: Written,
}

impl XmlEncoder {
    fn add_host(&mut self, host: &Host<'_>, emit: Emit<'_, XmlChunk>) -> Result<()> {
        host::host(host, &mut self.chunks.text);
        let is = |state| i64::from(host.status.state == state);
        let (up, down) = (is(HostState::Up), is(HostState::Down));
        self.chunks.counts.add(HostCounts { up, down, total: 1 });
        if !self.chunks.is_full() {
            return Ok(());
        }
        self.take().into_iter().try_for_each(emit)
    }
}

impl ScanEncoder for XmlEncoder {
    type Chunk = XmlChunk;

    fn host(&mut self, scan: &ScanHeader, host: &Host<'_>, emit: Emit<'_, XmlChunk>) -> Result<()> {
        self.chunks.begin(scan);
        self.add_host(host, emit)
    }

    fn activity(&mut self, scan: &ScanHeader, _: i32, activity: &ScanActivity) -> Result<()> {
        self.chunks.begin(scan);
        host::activity(activity, &mut self.chunks.text);
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

    fn emitted_bytes(chunk: &XmlChunk) -> usize {
        chunk.text.len()
    }

    fn take(&mut self) -> Vec<XmlChunk> {
        self.chunks.take()
    }
}

impl MergeEncoder for XmlEncoder {
    fn merged_host(
        &mut self,
        merged: &MergedHost<'_>,
        _: &[&ScanHeader],
        emit: Emit<'_, XmlChunk>,
    ) -> Result<()> {
        debug_assert!(!self.chunks.has_scan(), "the hosts of a merge come before its scans");
        self.add_host(&merged.host, emit)
    }
}
