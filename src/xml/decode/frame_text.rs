//! Parses the next host.

use bumpalo::Bump;

use super::{
    super::{
        frame::{Frame, FrameKind, Framer, HostEnd},
        host::parse_host,
        scan::scan_is_full,
        text::{decode_text, report_invalid_utf8},
        transcode::Transcoder,
    },
    Decoder, PositionMap,
};
use crate::{
    error::{DiagnosticCode, Error, Position, Result},
    model::ScanEvent,
};

impl Decoder {
    /// Parses the next host.
    pub(super) fn read_host(&mut self, frame: Frame) -> Result<ScanEvent<'_>> {
        let FrameKind::Host(end) = frame.kind else {
            return Err(Error::internal("no host is next"));
        };
        let Self {
            framer,
            transcoder,
            bump,
            diagnostics,
            document_diagnostics,
            document,
            options,
            ..
        } = self;
        let (framer, transcoder, bump): (&Framer, &Transcoder, &Bump) = (framer, transcoder, bump);
        debug_assert!(frame.len <= framer.bytes().len(), "a host of more bytes than there are");
        let bytes = framer.bytes().get(..frame.len).unwrap_or_default();
        let decoded = decode_text(bytes, self.encoding, bump);
        let record = &mut document.reader.record;
        let index = i32::try_from(record.hosts_seen).unwrap_or(i32::MAX);
        let read = parse_host(frame, &decoded, index, (bump, options, diagnostics));
        let whole = read.len >= decoded.text.len();
        self.emitted_len = if whole { frame.len } else { decoded.source(read.len).max(1) };
        debug_assert!(
            (1..=frame.len).contains(&self.emitted_len),
            "the reader of a host makes no progress"
        );
        let used = bytes.get(..self.emitted_len).unwrap_or(bytes);
        report_invalid_utf8(used, self.encoding, &decoded, diagnostics);
        record.resumed |= whole && end == HostEnd::NextHost;
        let found = read.host;
        let positions = PositionMap::of(decoded);
        document_diagnostics
            .take(diagnostics, |at| positions.position(at, (transcoder, framer, self.lines)));
        record.hosts_seen = record.hosts_seen.saturating_add(1);
        record.hosts_incomplete =
            record.hosts_incomplete.saturating_add(i64::from(!found.complete));
        if !read.items.is_empty() {
            let mut items = read.items;
            let place =
                || Position { byte: transcoder.raw_start(), line: self.lines.saturating_add(1) };
            let left_out =
                document.reader.limit_infos(&mut items, options.limits.max_scan_metadata_bytes);
            if left_out > 0 {
                document_diagnostics.add(DiagnosticCode::Limit, left_out, place, || {
                    scan_is_full(options.limits.max_scan_metadata_bytes)
                });
            }
            document.take_items(items, (usize::MAX, &options.salt), diagnostics);
            self.queue.extend(document.drain());
        }
        Ok(ScanEvent::Host(Box::new(found)))
    }
}
