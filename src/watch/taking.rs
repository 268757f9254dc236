//! Conversion of documents to lines, without the parts that were written before.

use sha2::{Digest as _, Sha256};

use super::{
    Baseline, Changed, What,
    batch::Batch,
    known::Known,
    ledger::{Given, Ledger},
};
use crate::{
    bytes::hex,
    error::Result,
    feed::{Feed, ecs::change_line},
    model::{Change, ComparedScans, Host, HostChanges, RunHeader, RunRecord, ScanEvent},
    sink::row_line,
    table::change_row,
};

/// Receiver of the events of one input.
pub(super) struct Taking<'t> {
    what: &'t What,
    ledger: &'t Ledger,
    batch: &'t mut Batch,
    /// Last known state, if the feed contains changes.
    known: Option<&'t mut Known>,
    open: Open,
    /// First error; later events are ignored.
    failed: Option<crate::error::Error>,
}

/// Document that is being read.
#[derive(Debug, Default)]
struct Open {
    run: RunHeader,
    /// Length of the batch's lines when the document started.
    from: u64,
    /// Part of its scan that was written before.
    given: Option<Given>,
    /// Number and digest of the complete hosts from its start.
    hosts: u64,
    digest: Sha256,
    /// True if an incomplete host was seen.
    cut: bool,
    /// True if its first hosts equal those that were written before.
    same: bool,
}

impl<'t> Taking<'t> {
    pub(super) fn new(
        what: &'t What,
        ledger: &'t Ledger,
        batch: &'t mut Batch,
        known: Option<&'t mut Known>,
    ) -> Self {
        Self { what, ledger, batch, known, open: Open::default(), failed: None }
    }

    /// Handles an event of the input with this name.
    pub(super) fn event(&mut self, name: &str, event: &ScanEvent<'_>) {
        if self.failed.is_some() {
            return;
        }
        let taken = match event {
            ScanEvent::RunStart(header) => {
                self.begin(header);
                Ok(())
            }
            ScanEvent::Host(host) => self.host(host),
            ScanEvent::RunEnd(record) => self.end(name, record),
            _ => Ok(()),
        };
        self.failed = taken.err();
    }

    /// Ends the input.
    ///
    /// # Errors
    /// Returns the first error, if any.
    pub(super) fn finish(self) -> Result<()> {
        self.failed.map_or(Ok(()), Err)
    }

    fn begin(&mut self, header: &RunHeader) {
        let id = &header.scan_id;
        let given = self.batch.given(id).or_else(|| self.ledger.given(id)).cloned();
        self.open = Open {
            run: header.clone(),
            from: self.batch.lines.len(),
            same: given.as_ref().is_some_and(|given| given.hosts == 0),
            given,
            ..Open::default()
        };
        if let Some(known) = &mut self.known {
            known.drop_document();
        }
    }

    fn host(&mut self, host: &Host<'_>) -> Result<()> {
        let Self { open, batch, .. } = self;
        let counts = host.complete && !open.cut;
        open.cut |= !host.complete;
        match (self.what, &mut self.known) {
            (What::Events(feed), _) => {
                let Open { run, digest, .. } = open;
                let mut take = |lines: &mut Vec<u8>| {
                    if counts {
                        digest.update(&*lines);
                    }
                    batch.lines.held().append(lines);
                    batch.settle()
                };
                let mut lines = Vec::new();
                feed.host_in_pieces(run, host, &mut lines, &mut take)?;
                take(&mut lines)?;
            }
            (What::Changes(..), Some(known)) => known.host(host, &mut |record| {
                if counts {
                    open.digest.update(record);
                }
            })?,
            (What::Changes(..), None) => {}
        }
        if counts {
            open.hosts = open.hosts.saturating_add(1);
            let given = open.given.as_ref().filter(|given| given.hosts == open.hosts);
            if given.is_some_and(|given| given.digest == hex(&open.digest.clone().finalize())) {
                // These hosts were already written, so their lines are removed again.
                open.same = true;
                batch.lines.rewind(open.from);
            }
        }
        batch.settle()
    }

    fn end(&mut self, name: &str, record: &RunRecord) -> Result<()> {
        let open = std::mem::take(&mut self.open);
        let Some(sha256) = record.content_sha256.clone().filter(|_| record.exists) else {
            self.batch.lines.rewind(open.from);
            return Ok(());
        };
        let now = Given {
            hosts: open.hosts,
            digest: hex(&open.digest.finalize()),
            finished: record.stats.finished,
            truncated: record.truncated,
            whole: record.hosts_seen.saturating_sub(record.hosts_incomplete),
        };
        if self.ledger.has_document(&sha256) || self.batch.has_document(&sha256) {
            self.batch.lines.rewind(open.from);
            return Ok(());
        }
        let scan_id = record.header.scan_id.clone();
        if open.given.as_ref().is_some_and(|given| !is_news(given, &now, open.same)) {
            self.batch.lines.rewind(open.from);
            self.batch.add(sha256, None);
            return Ok(());
        }
        match (self.what, &mut self.known) {
            (What::Events(feed), _) => scan_line(feed, name, record, self.batch)?,
            (What::Changes(how, baseline), Some(known)) => {
                let batch = &mut *self.batch;
                known.step((name, record), &mut |host, scans| {
                    change_lines((how, *baseline), (host, scans), batch)
                })?;
            }
            (What::Changes(..), None) => {}
        }
        self.batch.add(sha256, Some((scan_id, now)));
        Ok(())
    }
}

/// Returns true if a document contains more than was written of its scan, or something else. `same`
/// is true if it starts with the hosts that were written.
fn is_news(given: &Given, now: &Given, same: bool) -> bool {
    // Two finished documents that differ in more than their bytes are in fact two scans.
    let differs = !same || now.whole > given.whole;
    now.rank() > given.rank() || (now.finished && given.finished && differs)
}

fn scan_line(feed: &Feed, name: &str, record: &RunRecord, batch: &mut Batch) -> Result<()> {
    feed.scan(name, record, batch.lines.held());
    batch.settle()
}

/// Writes the changes of a host. Data that a look did not look for has not changed. The first look
/// at a host is a change only if that is requested.
fn change_lines(
    (how, baseline): (&Changed, Baseline),
    (host, scans): (&HostChanges, &ComparedScans),
    batch: &mut Batch,
) -> Result<()> {
    for change in host.changes.iter().filter(|change| is_told(host, change, baseline)) {
        let out = batch.lines.held();
        match how {
            Changed::Rows => change_row(change, &mut |row| {
                row_line(row, out);
                Ok(())
            })?,
            Changed::Events(ecs) => {
                change_line(ecs, (host, change), scans, out);
            }
        }
        batch.settle()?;
    }
    Ok(())
}

fn is_told(host: &HostChanges, change: &Change, baseline: Baseline) -> bool {
    let is_open = change.new.as_deref() == Some("open");
    change.kind.is_change()
        && (host.was_there || (baseline == Baseline::Events && (change.port.is_none() || is_open)))
}
