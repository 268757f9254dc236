//! Batches of hosts that were cut out but not parsed, so that several threads can read one input.

use std::sync::Arc;

use bumpalo::Bump;

use super::{
    Options,
    decode::{line_of, read_piece},
    frame::{HostEnd, Kind, Piece},
    lex::to_u64,
    notes::{Ledger, Notes},
    places::PlaceMap,
    text::{Encoding, convert, note_bad_bytes},
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
    hosts: Vec<Framed>,
}

/// Length of a host, and its position in the input.
#[derive(Debug, Clone, Copy)]
struct Framed {
    len: usize,
    byte: u64,
    /// Number of lines that ended before it.
    lines: u64,
}

/// Diagnostics of hosts, for the record of their scan.
#[derive(Debug, Clone, Default)]
pub struct HostDiagnostics {
    pub(super) ledger: Ledger,
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
        self.hosts.push(Framed { len: host.len(), byte, lines });
    }

    /// Shrinks the buffer if most of it is unused: many batches of small documents may be queued.
    pub(super) fn fit(&mut self) {
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
        let mut read = HostDiagnostics { ledger: Ledger::new(unknown), incomplete: 0 };
        let mut notes = Notes::new(unknown);
        let mut bump = Bump::new();
        let mut rest = &*self.bytes;
        for (index, framed) in (self.first_index..).zip(&self.hosts) {
            let Some((bytes, tail)) = rest.split_at_checked(framed.len) else { break };
            rest = tail;
            let converted = convert(bytes, self.encoding, &bump);
            let piece = Piece { kind: Kind::Host(HostEnd::Closed), len: framed.len };
            let read_host =
                read_piece(piece, &converted, index, (&bump, &self.options, &mut notes));
            debug_assert!(read_host.len >= converted.text.len(), "a host ends before its frame");
            let host = read_host.host;
            note_bad_bytes(bytes, self.encoding, &converted, &mut notes);
            let map = converted.map;
            read.ledger.take(&mut notes, |at| framed.position(bytes, at, map.as_ref()));
            read.incomplete = read.incomplete.saturating_add(i64::from(!host.complete));
            each(host)?;
            bump.reset();
        }
        Ok(read)
    }
}

impl Framed {
    fn position(&self, bytes: &[u8], at: usize, map: Option<&PlaceMap>) -> Position {
        let at = map.map_or(at, |map| map.source(at));
        let before = bytes.get(..at).unwrap_or(bytes);
        let byte = self.byte.saturating_add(to_u64(before.len()));
        Position { byte, line: line_of(self.lines, before) }
    }
}

impl HostDiagnostics {
    /// Creates the diagnostics of a scan from those of its other parts; those of its batches are merged later.
    pub(super) fn of_run(ledger: Ledger) -> Self {
        Self { ledger, incomplete: 0 }
    }

    /// Adds the diagnostics of other hosts of the scan.
    pub fn merge(&mut self, other: Self) {
        self.ledger.merge(other.ledger);
        self.incomplete = self.incomplete.saturating_add(other.incomplete);
    }

    /// Moves all diagnostics into the record.
    pub fn complete(mut self, record: &mut ScanSummary) {
        record.diagnostics = self.ledger.finish();
        record.hosts_incomplete = record.hosts_incomplete.saturating_add(self.incomplete);
    }
}
