//! Reading hosts in batches, apart from their input, gives the same hosts and the same diagnostics.

use std::io::Read;

use proptest::prelude::*;
use scanmill::{
    error::Error,
    model::ScanEvent,
    xml::{BatchedEvent, HostDiagnostics, Options, Reader},
};

use crate::support::{Fixture, fixtures};

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
    for Fixture { name, bytes, .. } in fixtures() {
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
    let all: Vec<u8> = fixtures().into_iter().flat_map(|fixture| fixture.bytes).collect();
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
        let bytes = &fixtures[pick % fixtures.len()].bytes;
        let at = place % bytes.len();
        let end = (at + gone).min(bytes.len());
        let damaged = [&bytes[..at], what.as_bytes(), &bytes[end..]].concat();
        assert_same(&damaged, 4096, "damaged");
    }
}
