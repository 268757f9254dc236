//! Strict reading: the first warning ends the input.

use bumpalo::Bump;

use super::{
    super::{
        frame::Frame,
        host::parse_host,
        text::{decode_text, report_invalid_utf8},
    },
    Decoder, Phase, PositionMap,
};
use crate::{
    error::{Diagnostic, Error, ErrorKind},
    model::ScanEvent,
};

impl Decoder {
    /// Returns true if a host causes no warning, for strict reading. Its warnings are recorded.
    pub(super) fn reads_clean(&mut self, frame: Frame) -> bool {
        let bump = Bump::new();
        let bytes = self.framer.bytes().get(..frame.len).unwrap_or_default();
        let decoded = decode_text(bytes, self.encoding, &bump);
        let read = parse_host(frame, &decoded, 0, (&bump, &self.options, &mut self.diagnostics));
        let read = bytes.get(..decoded.source(read.len)).unwrap_or(bytes);
        report_invalid_utf8(read, self.encoding, &decoded, &mut self.diagnostics);
        let positions = PositionMap::of(decoded);
        let clean = self.diagnostics.is_empty();
        self.resolve_positions(&positions);
        clean
    }

    /// Ends the input at its first warning when reading strictly. Bytes after the warning count neither in
    /// the record of the scan nor in its hash.
    pub(super) fn check_strict(&mut self) {
        if !self.options.strict || self.failed.is_some() {
            return;
        }
        let Some(first) = self.document_diagnostics.first().cloned() else {
            self.hash_up_to(self.transcoder.raw_consumed());
            return;
        };
        self.failed = Some(strict_error(&first));
        self.host = None;
        self.queue.extend(self.document.drain());
        if self.document.reader.record.has_scan {
            self.hash_up_to(first.position.byte);
            // It was abandoned, not truncated.
            self.phase = Phase::After;
            let len = first.position.byte.saturating_sub(self.doc_start.byte);
            self.end_document();
            if let Some(ScanEvent::ScanEnd(record)) = self.queue.back_mut() {
                record.bytes = i64::try_from(len).unwrap_or(i64::MAX);
                record.diagnostics = vec![Diagnostic { count: 1, ..first }];
            }
        }
    }

    /// Turns a warning that arises only at the end of a document into an error of the input, reported there or where
    /// the next document begins.
    pub(super) fn check_strict_end(&mut self) {
        if !self.options.strict || self.failed.is_some() {
            return;
        }
        if let Some(ScanEvent::ScanEnd(record)) = self.queue.back()
            && let Some(first) = record.diagnostics.first()
        {
            self.failed = Some(strict_error(first));
        }
    }
}

fn strict_error(first: &Diagnostic) -> Error {
    let kind = ErrorKind::Strict { code: first.code, detail: first.detail.clone() };
    Error::new(kind).with_position(first.position)
}
