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
            self.keep_hash_before_junk();
            self.hash_up_to(self.transcoder.raw_consumed());
            return;
        };
        self.failed = Some(strict_error(&first));
        self.host = None;
        self.queue.extend(self.document.drain());
        if self.document.reader.record.has_scan {
            if let Some((place, hash)) = self.hash_before_junk.take()
                && place == first.position.byte
            {
                (self.hash_position, self.hash) = (place, hash);
            }
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

    /// Keeps the hash before the first bytes that are not nmap's: only when a scan follows them is it certain that they
    /// are a warning, and not the reason to refuse the input.
    fn keep_hash_before_junk(&mut self) {
        if !self.options.hash || self.hash_before_junk.is_some() {
            return;
        }
        let junk = match self.phase {
            Phase::Before { junk, .. } => junk,
            _ => None,
        };
        let refused = self.refused.as_ref().and_then(Error::position);
        let Some(place) = junk.into_iter().chain(refused).map(|place| place.byte).min() else {
            return;
        };
        debug_assert!(place >= self.hash_position, "the hash has passed the junk at {place}");
        self.hash_up_to(place);
        self.hash_before_junk = Some((place, self.hash.clone()));
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

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use crate::{
        model::ScanEvent,
        text::hex,
        xml::{Options, Reader},
    };

    #[test]
    fn the_hash_ends_at_a_warning_that_becomes_certain_late() {
        let scan = "<nmaprun args=\"nmap\" start=\"1700000000\"><host><status state=\"up\"/></host></nmaprun>";
        for (before, place) in [
            ("junk\n", 0),
            (" \n junk <!-- more -->\n", 3),
            ("<?xml version=\"1.0\"?>\n<nmaprun=\"1.0\"?>\n", 22),
            ("<other><a/></other>\n<b>\n</b>", 0),
        ] {
            let text = format!("{before}{scan}");
            for room in [1, 7, 1 << 10] {
                let bytes = std::io::BufReader::with_capacity(room, text.as_bytes());
                let options = Options::default().with_strict(true).with_hash(true);
                let events: Vec<_> = Reader::new(bytes, options).events().collect();
                let ends = events.iter().filter_map(|event| match event {
                    Ok(ScanEvent::ScanEnd(record)) => {
                        Some((record.bytes, record.content_sha256.clone()))
                    }
                    _ => None,
                });
                let (read, _) = text.split_at(place);
                let expected = (i64::try_from(place).unwrap(), Some(hex(&Sha256::digest(read))));
                assert_eq!(ends.collect::<Vec<_>>(), [expected], "{text} by {room}");
                assert!(events.last().unwrap().is_err(), "{text}");
            }
        }
    }
}
