//! Documents to lines: what of them was not given before.

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

/// Takes the events of one input.
pub(super) struct Taking<'t> {
    what: &'t What,
    ledger: &'t Ledger,
    batch: &'t mut Batch,
    /// The last known state, if changes are what is given.
    known: Option<&'t mut Known>,
    open: Open,
    /// What went wrong; nothing is taken after it.
    failed: Option<crate::error::Error>,
}

/// A document that is read.
#[derive(Debug, Default)]
struct Open {
    run: RunHeader,
    /// Lines of the batch when it began.
    from: u64,
    /// How much of its scan was given before.
    given: Option<Given>,
    /// Of the whole hosts from its start: their number, and what was made of them.
    hosts: u64,
    digest: Sha256,
    /// Whether a host came that was cut.
    cut: bool,
    /// Whether its first hosts are those that were given.
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

    /// Takes an event of an input of this name.
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

    /// All was taken.
    ///
    /// # Errors
    /// If something could not be written.
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
                // What was given need not be given again.
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

/// Whether a document tells more than was given of its scan, or something else. `same` tells whether it
/// begins with the hosts that were given.
fn is_news(given: &Given, now: &Given, same: bool) -> bool {
    // Two finished ones that differ in more than their bytes are two scans after all.
    let differs = !same || now.whole > given.whole;
    now.rank() > given.rank() || (now.finished && given.finished && differs)
}

fn scan_line(feed: &Feed, name: &str, record: &RunRecord, batch: &mut Batch) -> Result<()> {
    feed.scan(name, record, batch.lines.held());
    batch.settle()
}

/// Writes what changed of a host. What a look did not look for is no change, and the first look at a host is one only
/// if that is asked for.
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
