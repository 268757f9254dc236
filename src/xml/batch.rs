//! Batches of hosts that were cut out but not parsed, so that several threads can read one input.

use std::sync::Arc;

use bumpalo::Bump;

use super::{
    Options,
    decode::line_of,
    diagnostics::{DocumentDiagnostics, FrameDiagnostics},
    frame::{Frame, FrameKind, HostEnd},
    host::parse_host,
    lex::to_u64,
    offset_map::OffsetMap,
    text::{Encoding, decode_text, report_invalid_utf8},
};
use crate::{
    error::{Position, Result},
    model::{Host, ScanSummary},
};

/// Maximum number of hosts per batch.
const HOSTS: usize = 4096;

/// Consecutive hosts of one scan that were not parsed yet.
#[derive(Debug, Clone)]
pub struct RawHostBatch {
    options: Arc<Options>,
    encoding: Encoding,
    first_index: i32,
    /// Maximum size of a batch in bytes; its last host may exceed it.
    most: usize,
    bytes: Vec<u8>,
    hosts: Vec<HostSpan>,
}

/// Length of a host, and its position in the input.
#[derive(Debug, Clone, Copy)]
struct HostSpan {
    len: usize,
    byte: u64,
    /// Number of lines that ended before it.
    lines: u64,
}

/// Diagnostics of hosts, for the record of their scan.
#[derive(Debug, Clone, Default)]
pub struct HostDiagnostics {
    pub(super) document_diagnostics: DocumentDiagnostics,
    incomplete: i64,
}

impl RawHostBatch {
    pub(super) fn new(
        options: Arc<Options>,
        encoding: Encoding,
        first_index: i32,
        most: usize,
    ) -> Self {
        let bytes = Vec::with_capacity(most.saturating_add(most / 8));
        Self { options, encoding, first_index, most, bytes, hosts: Vec::new() }
    }

    /// Returns the number of bytes of XML in the batch.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn push(&mut self, host: &[u8], byte: u64, lines: u64) {
        self.bytes.extend_from_slice(host);
        self.hosts.push(HostSpan { len: host.len(), byte, lines });
    }

    /// Shrinks the buffer if most of it is unused: many batches of small documents may be queued.
    pub(super) fn shrink_to_fit(&mut self) {
        if self.bytes.len() < self.bytes.capacity() / 4 {
            self.bytes.shrink_to_fit();
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= self.most || self.hosts.len() >= HOSTS
    }

    /// Parses its hosts in order.
    ///
    /// # Errors
    /// Returns the first error of `each`.
    pub fn read(&self, each: &mut dyn FnMut(Host<'_>) -> Result<()>) -> Result<HostDiagnostics> {
        let unknown = self.options.limits.max_unknown_names;
        let mut read = HostDiagnostics {
            document_diagnostics: DocumentDiagnostics::new(unknown),
            incomplete: 0,
        };
        let mut diagnostics = FrameDiagnostics::new(unknown);
        let mut bump = Bump::new();
        let mut rest = &*self.bytes;
        for (index, framed) in (self.first_index..).zip(&self.hosts) {
            let Some((bytes, tail)) = rest.split_at_checked(framed.len) else { break };
            rest = tail;
            let decoded = decode_text(bytes, self.encoding, &bump);
            let frame = Frame { kind: FrameKind::Host(HostEnd::Closed), len: framed.len };
            let read_host =
                parse_host(frame, &decoded, index, (&bump, &self.options, &mut diagnostics));
            debug_assert!(read_host.len >= decoded.text.len(), "a host ends before its frame");
            let host = read_host.host;
            report_invalid_utf8(bytes, self.encoding, &decoded, &mut diagnostics);
            let map = decoded.map;
            read.document_diagnostics
                .take(&mut diagnostics, |at| framed.position(bytes, at, map.as_ref()));
            read.incomplete = read.incomplete.saturating_add(i64::from(!host.complete));
            each(host)?;
            bump.reset();
        }
        Ok(read)
    }
}

impl HostSpan {
    fn position(&self, bytes: &[u8], at: usize, map: Option<&OffsetMap>) -> Position {
        let at = map.map_or(at, |map| map.source(at));
        let before = bytes.get(..at).unwrap_or(bytes);
        let byte = self.byte.saturating_add(to_u64(before.len()));
        Position { byte, line: line_of(self.lines, before) }
    }
}

impl HostDiagnostics {
    /// Creates the diagnostics of a scan from those of its other parts; those of its batches are merged later.
    pub(super) fn of_scan(document_diagnostics: DocumentDiagnostics) -> Self {
        Self { document_diagnostics, incomplete: 0 }
    }

    /// Adds the diagnostics of other hosts of the scan.
    pub fn merge(&mut self, other: Self) {
        self.document_diagnostics.merge(other.document_diagnostics);
        self.incomplete = self.incomplete.saturating_add(other.incomplete);
    }

    /// Moves all diagnostics into the record.
    pub fn complete(mut self, record: &mut ScanSummary) {
        record.diagnostics = self.document_diagnostics.finish();
        record.hosts_incomplete = record.hosts_incomplete.saturating_add(self.incomplete);
    }
}
