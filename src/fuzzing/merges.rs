//! Hosts as records, merges and comparisons: a record returns the host that was written, and a merge depends
//! only on its scans and their order.

use serde_json::Value;

use super::{
    Choices,
    feeds::{check, feeds},
    histories,
    outcome::Outcome,
};
use crate::{
    diff::differences,
    error::{ErrorKind, Result},
    feed::{
        Feed,
        ecs::{Ecs, changes},
        nested,
    },
    format::row_line,
    merge::{MergePolicy, Merger, Precedence, pack_host, unpack_host},
    model::{Host, ScanEvent, ScanHeader},
    table::{change_row, host_rows, merged_rows},
    xml::Options,
};

/// Reads bytes as the record of a host. Bytes that are XML are read as hosts, which are written as records
/// and read back.
pub(super) fn records(data: &[u8]) {
    if data.first() == Some(&b'<') {
        for event in Outcome::of(data, &Options::default()).events {
            if let ScanEvent::Host(host) = event {
                let record = packed(&host);
                assert_eq!(unpack_host(&record).as_ref(), Some(&*host), "a host must be read back");
                let cut = Choices::of(data).below(record.len());
                let begin = record.get(..cut).unwrap_or_default();
                assert_eq!(unpack_host(begin), None, "a truncated record must be refused");
            }
        }
        return;
    }
    let Some(host) = unpack_host(data) else { return };
    let record = packed(&host);
    // NaN differs from itself, so bytes are compared.
    let again = unpack_host(&record).map(|host| packed(&host));
    assert_eq!(again, Some(record), "an accepted record must be written and read back unchanged");
    let run = ScanHeader { scan_id: "s".into(), ..ScanHeader::default() };
    let made = host_rows(&run, &host, &mut |row| {
        let mut line = Vec::new();
        row_line(row, &mut line);
        let read: serde_json::Result<Value> = serde_json::from_slice(&line);
        assert!(read.is_ok(), "{read:?} of {}", String::from_utf8_lossy(&line));
        Ok(())
    });
    assert!(made.is_ok());
    for feed in feeds() {
        let mut lines = Vec::new();
        let count = feed.host(&run, &host, &mut lines);
        check(&feed, &lines, count);
    }
}

fn packed(host: &Host<'_>) -> Vec<u8> {
    let mut record = Vec::new();
    pack_host(host, &mut record);
    record
}

/// Reads the parts of an input between NUL bytes as inputs of a merge.
pub(super) fn run(data: &[u8]) {
    let mut choices = Choices::of(data);
    let precedence = [Precedence::Caller, Precedence::First, Precedence::Latest, Precedence::Best];
    let precedence = precedence.get(choices.below(4)).copied().unwrap_or_default();
    let policy = MergePolicy {
        keep_covered: choices.below(2) == 0,
        explain: choices.below(2) == 0,
        ..MergePolicy::new(precedence)
    };
    let inputs: Vec<&[u8]> = data.splitn(4, |byte| *byte == 0).collect();
    let outcomes: Vec<Outcome> = inputs
        .iter()
        .map(|input| Outcome::of(input, &Options::default().with_hash(true)))
        .collect();
    let merger = |outcomes: &[Outcome], cap: usize| {
        let mut merger = Merger::with_memory(policy, cap, None);
        for outcome in outcomes {
            feed_merger(&mut merger, outcome);
        }
        merger
    };
    let whole = merged(merger(&outcomes, usize::MAX));
    for at in 0..=outcomes.len() {
        let (first, rest) = outcomes.split_at(at);
        let mut left = merger(first, usize::MAX);
        assert!(left.join(merger(rest, usize::MAX)).is_ok());
        assert_eq!(whole, merged(left), "joined at {at}");
    }
    let cap = choices.below(8000).saturating_add(500);
    let spilled = merged(merger(&outcomes, cap));
    let too_little = spilled.as_ref().is_err_and(|message| message.contains("too little memory"));
    assert!(too_little || spilled == whole, "with {cap} bytes of memory");
    if whole.is_ok() {
        same_state_has_no_difference(&merger, &outcomes);
        let split = choices.below(outcomes.len());
        let (old, new) = outcomes.split_at(split);
        compared(merger(old, usize::MAX), merger(new, usize::MAX));
        let latest = MergePolicy { precedence: Precedence::Latest, explain: false, ..policy };
        histories::hold(&|| {
            let mut merger = Merger::new(latest);
            for outcome in &outcomes {
                feed_merger(&mut merger, outcome);
            }
            merger
        });
    }
}

fn feed_merger(merger: &mut Merger, outcome: &Outcome) {
    let mut events = 0;
    for event in &outcome.events {
        let taken: Result<()> = match event {
            ScanEvent::Host(host) => merger.host(host),
            ScanEvent::Activity(event) => {
                events += 1;
                merger.event(events, event)
            }
            ScanEvent::ScanEnd(record) => {
                events = 0;
                merger.end_scan("input.xml", (**record).clone());
                Ok(())
            }
            ScanEvent::ScanStart(_) | ScanEvent::ScanInfo(_) => Ok(()),
        };
        assert!(taken.is_ok(), "{taken:?}");
    }
}

/// Returns the lines of a merge: nested lines, rows, and the output of feeds, which is checked here.
fn merged(merger: Merger) -> std::result::Result<Vec<u8>, String> {
    let result = match merger.finish() {
        Ok(result) => result,
        Err(error) => {
            let is_expected = matches!(
                error.kind(),
                ErrorKind::Usage(_) | ErrorKind::StateMismatch { .. } | ErrorKind::MemoryLimit(_)
            );
            assert!(is_expected, "{error}");
            return Err(error.to_string());
        }
    };
    let headers: Vec<ScanHeader> =
        result.scans().iter().map(|scan| scan.record.header.clone()).collect();
    let runs: Vec<&ScanHeader> = headers.iter().collect();
    let mut hosts = match result.hosts() {
        Ok(hosts) => hosts,
        Err(error) => panic!("{error}"),
    };
    let (mut lines, feeds) = (Vec::new(), feeds());
    while let Ok(Some(record)) = hosts.next() {
        let host = record.host();
        nested::merged_line(&host, &runs, &mut lines);
        let made = merged_rows(&host, &runs, &mut |row| {
            row_line(row, &mut lines);
            Ok(())
        });
        assert!(made.is_ok());
        for feed in &feeds {
            let mut documents = Vec::new();
            let count = feed.merged(&host, &runs, &mut documents);
            check(feed, &documents, count);
        }
    }
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let read: serde_json::Result<Value> = serde_json::from_slice(line);
        assert!(read.is_ok(), "{read:?} of {}", String::from_utf8_lossy(line));
    }
    Ok(lines)
}

fn same_state_has_no_difference(
    merger: &impl Fn(&[Outcome], usize) -> Merger,
    outcomes: &[Outcome],
) {
    let found = differences(merger(outcomes, usize::MAX), merger(outcomes, usize::MAX));
    let Ok(mut found) = found else { panic!("a state that merges must compare") };
    assert!(found.next().is_none(), "a state differs from itself");
}

fn compared(old: Merger, new: Merger) {
    // One of them may have no scan.
    let Ok(found) = differences(old, new) else { return };
    let scans = found.scans();
    let ecs = Ecs { max_line_bytes: crate::feed::MIN_LINE_BYTES, ..Ecs::default() };
    let feed = Feed::from(ecs.clone());
    for host in found {
        let Ok(host) = host else { panic!("a difference cannot be read") };
        assert!(!host.changes.is_empty(), "a host without a difference");
        for change in &host.changes {
            let made = change_row(change, &mut |row| {
                let mut line = Vec::new();
                row_line(row, &mut line);
                let read: serde_json::Result<Value> = serde_json::from_slice(&line);
                assert!(read.is_ok(), "{read:?} of {}", String::from_utf8_lossy(&line));
                Ok(())
            });
            assert!(made.is_ok());
        }
        let mut lines = Vec::new();
        let count = changes(&ecs, &host, &scans, &mut lines);
        let changed = host.changes.iter().filter(|change| change.kind.is_change()).count();
        assert_eq!(u64::try_from(changed), Ok(count), "an event for each change, and no other");
        check(&feed, &lines, count);
    }
}
