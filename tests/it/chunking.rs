//! Input may arrive in pieces of any size and end at any byte: pieces give the same events as the whole, and
//! a truncated file keeps everything before the cut.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use scanmill::{
    limits::Limits,
    model::{Host, ScanEvent},
    xml::{Decoder, Options},
};

use crate::support::{Fixture, Outcome, damaged, fixture, fixtures};

/// Options whose results must not depend on how the bytes arrive: defaults, strict mode, and limits that are
/// reached.
fn ways_to_read() -> [Options; 4] {
    let hashed = || Options::default().with_hash(true);
    let mut limits = Limits::default()
        .with_max_tag_bytes(90)
        .with_max_pending_bytes(250)
        .with_max_host_bytes(1500);
    limits.max_markup_bytes = 120;
    [
        hashed(),
        hashed().with_strict(true),
        hashed().with_limits(limits.clone()),
        hashed().with_strict(true).with_limits(limits),
    ]
}

#[test]
fn pieces_of_any_size_give_the_same_events() {
    for fixture in fixtures().into_iter().chain(damaged()) {
        for options in ways_to_read() {
            let bytes = &*fixture.bytes;
            let whole = Outcome::of_pieces_with([bytes].into_iter(), options.clone());
            for size in sizes(bytes.len()) {
                let pieces = Outcome::of_pieces_with(bytes.chunks(size), options.clone());
                assert!(pieces == whole, "{} in pieces of {size}, {options:?}", fixture.name);
            }
        }
    }
}

/// Returns every size up to 64 for a small file, and fewer for a large one.
fn sizes(len: usize) -> Vec<usize> {
    if len <= 4 << 10 { (1..=64).collect() } else { vec![1, 2, 3, 7, 61, 4096] }
}

/// A limit that no input reaches changes nothing, whatever its value.
#[test]
fn limits_that_are_not_reached_have_no_effect() {
    for fixture in fixtures().into_iter().chain(damaged()) {
        let whole = Outcome::of(&fixture.bytes);
        let len = fixture.bytes.len();
        let limits = Limits::default()
            .with_max_tag_bytes(len + 1)
            .with_max_pending_bytes(1 << 20)
            .with_max_host_bytes(len + 1);
        for options in [Options::default(), Options::default().with_limits(limits)] {
            let pieces = Outcome::of_pieces_with(fixture.bytes.chunks(1), options);
            assert!(pieces == whole, "{}", fixture.name);
        }
    }
}

#[test]
fn a_host_is_returned_as_soon_as_its_end_tag_is_read() {
    for fixture in fixtures().iter().filter(|fixture| fixture.is_well_formed()) {
        let mut decoder = Decoder::new(Options::default());
        let mut outcome = Outcome::default();
        let mut given = 0;
        for (at, byte) in fixture.bytes.iter().enumerate() {
            decoder.feed(&[*byte]);
            outcome.drain(&mut decoder);
            let read = &fixture.bytes[..=at];
            if read.ends_with(b"</host>") {
                given += 1;
            }
            assert_eq!(outcome.hosts().len(), given, "{} at byte {at}", fixture.name);
        }
    }
}

#[test]
fn a_file_cut_anywhere_keeps_its_whole_hosts() {
    let fixtures = fixtures();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(fixture) = fixtures.get(next.fetch_add(1, Ordering::Relaxed)) {
                    cut_everywhere(fixture);
                }
            });
        }
    });
}

/// Returns every position in a small file, and 500 positions in a large one.
fn places(len: usize) -> Vec<usize> {
    if len <= 20 << 10 { (0..=len).collect() } else { (0..=500).map(|n| len * n / 500).collect() }
}

fn cut_everywhere(fixture: &Fixture) {
    let whole = Outcome::of(&fixture.bytes);
    let (whole_hosts, ends) = (whole.hosts(), host_ends(&fixture.bytes));
    let mut before = Counts::default();
    for at in places(fixture.bytes.len()) {
        let cut = Outcome::of(&fixture.bytes[..at]);
        let place = format!("{} cut at byte {at}", fixture.name);
        let hosts = cut.hosts();
        let complete: Vec<_> = hosts.iter().filter(|host| host.complete).collect();
        let expected = ends.iter().filter(|end| **end <= at).count();
        if fixture.is_well_formed() {
            assert_eq!(complete.len(), expected, "{place}: whole hosts");
        }
        assert!(hosts.len() <= whole_hosts.len(), "{place}: no host is invented");
        for (host, same) in hosts.iter().zip(&whole_hosts) {
            assert!(!host.complete || host == same, "{place}: host {}", host.index);
        }
        let counts = Counts::of(&cut);
        assert!(counts.at_least(&before), "{place}: {counts:?} after {before:?}");
        before = counts;
    }
    assert!(
        before.at_least(&Counts::of(&whole)),
        "{}: a cut at the end is the whole file",
        fixture.name
    );
}

/// Returns the position after each `</host>`.
fn host_ends(bytes: &[u8]) -> Vec<usize> {
    let tag = b"</host>";
    let found = bytes.windows(tag.len()).enumerate().filter(|(_, window)| *window == tag);
    found.map(|(at, _)| at + tag.len()).collect()
}

/// How much of each kind was read. No count may decrease as more of a file is read.
#[derive(Debug, Default, Clone, Copy)]
struct Counts([usize; 12]);

impl Counts {
    fn of(outcome: &Outcome) -> Self {
        let mut counts = Self::default();
        for event in &outcome.events {
            match event {
                ScanEvent::ScanStart(_) => counts.0[0] += 1,
                ScanEvent::Activity(_) => counts.0[1] += 1,
                ScanEvent::ScanInfo(_) => counts.0[2] += 1,
                ScanEvent::ScanEnd(record) => {
                    counts.0[3] += record.pre_scripts.len() + record.post_scripts.len();
                }
                ScanEvent::Host(host) => counts.host(host),
                _ => {}
            }
        }
        counts
    }

    fn host(&mut self, host: &Host<'_>) {
        let ports = &host.ports;
        let found = [
            1,
            ports.len(),
            ports.iter().map(|port| port.services.len()).sum(),
            ports.iter().map(|port| port.scripts.len()).sum(),
            host.scripts.len(),
            host.os.matches.len(),
            host.os.classes.len(),
            host.traces.iter().map(|trace| trace.hops.len()).sum(),
        ];
        for (count, more) in self.0[4..].iter_mut().zip(found) {
            *count += more;
        }
    }

    fn at_least(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(count, before)| *count >= before)
    }
}

#[test]
fn a_bom_and_utf16_survive_any_cut() {
    let text = String::from_utf8(fixture("04-").bytes).unwrap();
    let utf16: Vec<u8> =
        [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let plain = Outcome::of(text.as_bytes());
    for size in [1, 2, 3, 7, 4096] {
        let converted = Outcome::of_pieces(utf16.chunks(size));
        assert_eq!(converted.hosts(), plain.hosts(), "in pieces of {size}");
    }
}
