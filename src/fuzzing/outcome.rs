//! The events of an input, read in each possible way.

use std::{fmt::Write as _, io::Read};

use sha2::{Digest as _, Sha256};

use crate::{
    error::{Diagnostic, Result},
    limits::Limits,
    model::{Host, PortState, ScanEvent, ScanSummary},
    text::{hex, search::count},
    xml::{BatchedEvent, Decoder, HostDiagnostics, Options, Reader},
};

/// The events of an input, and the error that ended it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    pub(super) events: Vec<ScanEvent<'static>>,
    error: Option<String>,
}

/// Returns options with limits that small inputs reach.
pub(crate) fn tight() -> Options {
    let limits = Limits::default()
        .with_max_value_bytes(48)
        .with_max_tag_bytes(256)
        .with_max_host_bytes(700)
        .with_max_scan_metadata_bytes(600)
        .with_max_element_depth(6)
        .with_max_attributes(5)
        .with_max_ports(4)
        .with_max_host_list_bytes(9)
        .with_max_pending_bytes(300);
    Options::default().with_limits(limits).with_hash(true)
}

/// Reader that returns one piece per call.
struct Pieces<'b>(std::vec::IntoIter<&'b [u8]>, &'b [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.1.is_empty() {
            self.1 = self.0.next().unwrap_or_default();
        }
        self.1.read(buffer)
    }
}

impl Outcome {
    /// Reads the bytes as a whole.
    pub(super) fn of(data: &[u8], options: &Options) -> Self {
        let mut outcome = Self::default();
        for event in Reader::new(data, options.clone()).events() {
            outcome.take(event);
        }
        outcome
    }

    /// Feeds the bytes in pieces.
    pub(super) fn of_pieces(pieces: &[&[u8]], options: &Options) -> Self {
        let mut outcome = Self::default();
        let mut decoder = Decoder::new(options.clone());
        for piece in pieces {
            decoder.feed(piece);
            outcome.drain(&mut decoder);
        }
        decoder.finish();
        outcome.drain(&mut decoder);
        outcome
    }

    fn drain(&mut self, decoder: &mut Decoder) {
        loop {
            match decoder.next_event() {
                Ok(None) => return,
                Ok(Some(event)) => self.take(Ok(event.into_owned())),
                Err(error) => self.take(Err(error)),
            }
        }
    }

    /// Reads the hosts in batches, as threads do.
    pub(super) fn of_batches(pieces: Vec<&[u8]>, options: &Options, batch: usize) -> Self {
        let mut outcome = Self::default();
        let pieces = Pieces(pieces.into_iter(), &[]);
        let mut reader = Reader::with_batches(pieces, options.clone(), batch);
        let mut gathered = HostDiagnostics::default();
        loop {
            let part = match reader.next_batched_event() {
                Ok(Some(part)) => part,
                Ok(None) => return outcome,
                Err(error) => {
                    outcome.take(Err(error));
                    continue;
                }
            };
            match part {
                BatchedEvent::Event(event) => outcome.take(Ok(event.into_owned())),
                BatchedEvent::Hosts(batch) => {
                    let notes = batch.read(&mut |host| {
                        outcome.take(Ok(ScanEvent::Host(Box::new(host.into_owned()))));
                        Ok(())
                    });
                    let Ok(notes) = notes else { panic!("only the callback may fail") };
                    gathered.merge(notes);
                }
                BatchedEvent::ScanEnd(mut record, mut notes) => {
                    notes.merge(std::mem::take(&mut gathered));
                    notes.complete(&mut record);
                    outcome.take(Ok(ScanEvent::ScanEnd(record)));
                }
            }
        }
    }

    fn take(&mut self, event: Result<ScanEvent<'static>>) {
        assert!(self.error.is_none(), "something follows an error");
        match event {
            Ok(event) => self.events.push(event),
            Err(error) => self.error = Some(error.to_string()),
        }
    }

    /// Panics with a description if another way returned something else.
    pub(super) fn assert_same(&self, other: &Self, way: &str) {
        if self == other {
            return;
        }
        let mut said = format!("another outcome {way}:");
        for number in 0..self.events.len().max(other.events.len()) {
            let (mine, its) = (self.events.get(number), other.events.get(number));
            if mine != its {
                let _ = write!(said, "\nevent {number}\n at once: {mine:?}\n {way}: {its:?}");
                break;
            }
        }
        let _ = write!(said, "\nerrors: {:?} and {:?}", self.error, other.error);
        panic!("{said}");
    }

    /// Panics unless the events of each scan add up to its record.
    pub(super) fn check(&self, data: &[u8]) {
        let mut hosts: Vec<&Host<'_>> = Vec::new();
        let mut open = false;
        let mut ends: Vec<&ScanSummary> = Vec::new();
        for event in &self.events {
            match event {
                ScanEvent::ScanStart(header) => {
                    assert!(!open && hosts.is_empty(), "a scan begins in another");
                    open = true;
                    assert!(!header.scan_id.is_empty(), "a scan has no id");
                }
                ScanEvent::Host(host) => {
                    assert!(open, "a host is in no scan");
                    check_host(host);
                    hosts.push(host);
                }
                ScanEvent::Activity(_) | ScanEvent::ScanInfo(_) => {
                    assert!(open, "it is in no scan");
                }
                ScanEvent::ScanEnd(record) => {
                    check_scan(record, &hosts, data);
                    assert_eq!(open, record.has_scan, "a scan that began must exist");
                    hosts.clear();
                    open = false;
                    ends.push(record);
                }
            }
        }
        assert!(!open || self.error.is_some(), "a scan does not end");
        let bytes: i64 = ends.iter().map(|record| record.bytes).sum();
        assert!(usize::try_from(bytes).is_ok_and(|bytes| bytes <= data.len()), "{bytes} bytes");
        if let ([record], None) = (ends.as_slice(), &self.error)
            && usize::try_from(record.bytes).ok() == Some(data.len())
            && let Some(hash) = &record.content_sha256
        {
            assert_eq!(*hash, hex(&Sha256::digest(data)), "the hash is that of all bytes");
        }
    }
}

fn check_host(host: &Host<'_>) {
    let is_open = |port: &&crate::model::Port<'_>| port.state == PortState::Open;
    assert_eq!(usize::try_from(host.ports_listed).ok(), Some(host.ports.len()));
    assert_eq!(
        usize::try_from(host.ports_open).ok(),
        Some(host.ports.iter().filter(is_open).count())
    );
    for address in &host.addresses {
        if let Some(ip) = address.ip {
            assert_eq!(ip.to_string(), address.text, "an address is in its canonical form");
        }
    }
}

fn check_scan(record: &ScanSummary, hosts: &[&Host<'_>], data: &[u8]) {
    assert_eq!(usize::try_from(record.hosts_seen).ok(), Some(hosts.len()), "hosts seen");
    let incomplete = hosts.iter().filter(|host| !host.complete).count();
    assert_eq!(usize::try_from(record.hosts_incomplete).ok(), Some(incomplete), "hosts cut");
    for (place, host) in hosts.iter().enumerate() {
        assert_eq!(usize::try_from(host.index).ok(), Some(place), "hosts are numbered");
    }
    let lines = count(data, b'\n').saturating_add(1);
    for Diagnostic { code, position, count, .. } in &record.diagnostics {
        assert!(*count > 0, "{code} is counted");
        assert!(usize::try_from(position.byte).is_ok_and(|byte| byte <= data.len()), "{code}");
        assert!(usize::try_from(position.line).is_ok_and(|line| line <= lines), "{code}");
    }
    let in_order = |two: &[Diagnostic]| match two {
        [a, b] => (a.position, a.code) < (b.position, b.code),
        _ => true,
    };
    assert!(record.diagnostics.windows(2).all(in_order), "warnings are in order, each code once");
}
