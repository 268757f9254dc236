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
pub(crate) struct RawHostBatch {
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
pub(crate) struct HostDiagnostics {
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
    pub(crate) fn size(&self) -> usize {
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
    pub(crate) fn read(
        &self,
        each: &mut dyn FnMut(Host<'_>) -> Result<()>,
    ) -> Result<HostDiagnostics> {
        let unknown = self.options.limits.max_unknown_names;
        let mut read = HostDiagnostics {
            document_diagnostics: DocumentDiagnostics::new(unknown),
            incomplete: 0,
        };
        let mut diagnostics = FrameDiagnostics::new(unknown);
        let mut bump = Bump::new();
        let mut rest = &*self.bytes;
        for (index, framed) in (self.first_index..).zip(&self.hosts) {
            let Some((bytes, tail)) = rest.split_at_checked(framed.len) else {
                debug_assert!(false, "the hosts of a batch have more bytes than the batch");
                break;
            };
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
    pub(crate) fn merge(&mut self, other: Self) {
        self.document_diagnostics.merge(other.document_diagnostics);
        self.incomplete = self.incomplete.saturating_add(other.incomplete);
    }

    /// Moves all diagnostics into the record.
    pub(crate) fn complete(mut self, record: &mut ScanSummary) {
        record.diagnostics = self.document_diagnostics.finish();
        record.hosts_incomplete = record.hosts_incomplete.saturating_add(self.incomplete);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        error::Error,
        model::ScanEvent,
        xml::{BatchedEvent, Reader},
    };

    /// Returns the names and bytes of all fixtures.
    fn fixtures() -> Vec<(String, Vec<u8>)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let xml = paths.filter(|path| path.extension().is_some_and(|ending| ending == "xml"));
        let mut read: Vec<_> = xml
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read(path).unwrap())
            })
            .collect();
        read.sort();
        assert!(read.len() >= 49, "fixtures are missing");
        read
    }

    /// A reader that returns its bytes in pieces of a fixed length.
    struct Pieces<'b>(&'b [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let len = self.1.min(buffer.len()).min(self.0.len());
            let (now, later) = self.0.split_at(len);
            buffer[..len].copy_from_slice(now);
            self.0 = later;
            Ok(len)
        }
    }

    /// Returns the events of an input that is read as a whole.
    fn at_once(bytes: &[u8]) -> (Vec<ScanEvent<'static>>, Option<String>) {
        let mut events = Vec::new();
        for event in Reader::new(bytes, Options::default().with_hash(true)).events() {
            match event {
                Ok(event) => events.push(event),
                Err(error) => return (events, Some(error.to_string())),
            }
        }
        (events, None)
    }

    /// Returns the events of an input whose hosts are read in batches, and the number of hosts read that way.
    fn apart(bytes: &[u8], piece: usize) -> (Vec<ScanEvent<'static>>, Option<String>, usize) {
        let options = Options::default().with_hash(true);
        let mut reader = Reader::with_batches(Pieces(bytes, piece), options, 1 << 17);
        let (mut events, mut gathered, mut batched) = (Vec::new(), HostDiagnostics::default(), 0);
        loop {
            let part = match reader.next_batched_event() {
                Ok(Some(part)) => part,
                Ok(None) => return (events, None, batched),
                Err(error) => return (events, Some(Error::to_string(&error)), batched),
            };
            match part {
                BatchedEvent::Event(event) => events.push(event.into_owned()),
                BatchedEvent::Hosts(batch) => {
                    let notes = batch.read(&mut |host| {
                        events.push(ScanEvent::Host(Box::new(host.into_owned())));
                        batched += 1;
                        Ok(())
                    });
                    gathered.merge(notes.unwrap());
                }
                BatchedEvent::ScanEnd(mut record, mut notes) => {
                    notes.merge(std::mem::take(&mut gathered));
                    notes.complete(&mut record);
                    events.push(ScanEvent::ScanEnd(record));
                }
            }
        }
    }

    fn assert_same(bytes: &[u8], piece: usize, name: &str) -> usize {
        let (expected, failed) = at_once(bytes);
        let (found, error, batched) = apart(bytes, piece);
        assert_eq!(error, failed, "{name}");
        assert_eq!(found.len(), expected.len(), "{name}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{name}");
        }
        batched
    }

    #[test]
    fn fixtures_whole_and_cut_give_the_same_events() {
        let mut batched = 0;
        for (name, bytes) in fixtures() {
            for piece in [1 << 16, 700] {
                batched += assert_same(&bytes, piece, &name);
            }
            for cut in (0..bytes.len()).step_by((bytes.len() / 25).max(1)) {
                assert_same(&bytes[..cut], 1 << 16, &format!("{name} cut at {cut}"));
            }
        }
        assert!(batched > 200, "most hosts are plain, but only {batched} were read apart");
    }

    #[test]
    fn all_fixtures_in_one_input_give_the_same_events() {
        let all: Vec<u8> = fixtures().into_iter().flat_map(|(_, bytes)| bytes).collect();
        assert!(assert_same(&all, 1000, "all") > 100);
        let nul = [&all[..5000], b"\0\0", &all[5000..]].concat();
        assert_same(&nul, 1000, "all with NUL bytes");
        let wide: Vec<u8> =
            String::from_utf8_lossy(&all).encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(assert_same(&[&[0xff, 0xfe][..], &wide].concat(), 1000, "UTF-16"), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn damaged_fixtures_give_the_same_events(
            pick in 0_usize..1000,
            place in 0_usize..1_000_000,
            gone in 0_usize..40,
            what in prop_oneof![
                "[<>\"'=/ !?&a-z\\[\\]\\-]{0,8}",
                Just("<taskprogress task=\"x\" time=\"1\" percent=\"2\"/>".to_owned()),
                Just("<finished time=\"5\"/>".to_owned()),
                Just("</host>".to_owned()),
                Just("<host><port>".to_owned()),
                Just("<odd><port/></odd>".to_owned()),
                Just("<hostnames><port/></hostnames>".to_owned()),
                Just("<!-- <x> --><![CDATA[ <y> ]]>".to_owned()),
                Just("</nmaprun><nmaprun>".to_owned()),
                Just("\u{fc}&#1;&nope;".to_owned()),
            ],
        ) {
            let fixtures = fixtures();
            let bytes = &fixtures[pick % fixtures.len()].1;
            let at = place % bytes.len();
            let end = (at + gone).min(bytes.len());
            let damaged = [&bytes[..at], what.as_bytes(), &bytes[end..]].concat();
            assert_same(&damaged, 4096, "damaged");
        }
    }
}
