//! Conversion of documents to lines, without the parts that were written before.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use super::{
    batch::Batch,
    host_state::HostStateStore,
    journal::{Delivered, Journal},
    options::{Baseline, ChangeFormat, WatchMode},
};
use crate::{
    diff::ChangeSelection,
    error::Result,
    feed::{Feed, ecs::change_line},
    filter::Filter,
    format::row_line,
    model::{Change, ComparedScans, Host, HostChanges, ScanEvent, ScanHeader, ScanSummary},
    table::change_row,
    text::hex,
};

/// Receiver of the events of one input.
pub(super) struct DocumentProcessor<'t> {
    mode: &'t WatchMode,
    filter: Option<&'t Filter>,
    journal: &'t Journal,
    batch: &'t mut Batch,
    /// Last known state, if the feed contains changes.
    hosts: Option<&'t mut HostStateStore>,
    open: OpenDocument,
    /// First error; later events are ignored.
    failed: Option<crate::error::Error>,
}

/// Document that is being read.
#[derive(Debug, Default)]
struct OpenDocument {
    run: ScanHeader,
    /// Length of the batch's lines when the document started.
    from: u64,
    /// Part of its scan that was written before.
    delivered: Option<Delivered>,
    /// Number and digest of the complete hosts from its start.
    hosts: u64,
    digest: Sha256,
    /// True if an incomplete host was seen.
    cut: bool,
    /// True if its first hosts equal those that were written before.
    same: bool,
}

impl<'t> DocumentProcessor<'t> {
    pub(super) fn new(
        (mode, filter): (&'t WatchMode, Option<&'t Filter>),
        journal: &'t Journal,
        batch: &'t mut Batch,
        hosts: Option<&'t mut HostStateStore>,
    ) -> Self {
        Self { mode, filter, journal, batch, hosts, open: OpenDocument::default(), failed: None }
    }

    /// Handles an event of the input with this name.
    pub(super) fn event(&mut self, name: &str, event: &ScanEvent<'_>) {
        if self.failed.is_some() {
            return;
        }
        let taken = match event {
            ScanEvent::ScanStart(header) => {
                self.begin(header);
                Ok(())
            }
            ScanEvent::Host(host) => self.host(host),
            ScanEvent::ScanEnd(record) => self.end(name, record),
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

    fn begin(&mut self, header: &ScanHeader) {
        let id = &header.scan_id;
        let delivered = self.batch.delivered(id).or_else(|| self.journal.delivered(id)).cloned();
        self.open = OpenDocument {
            run: header.clone(),
            from: self.batch.lines.len(),
            same: delivered.as_ref().is_some_and(|delivered| delivered.hosts == 0),
            delivered,
            ..OpenDocument::default()
        };
        if let Some(hosts) = &mut self.hosts {
            hosts.drop_document();
        }
    }

    fn host(&mut self, host: &Host<'_>) -> Result<()> {
        let Self { open, batch, filter, .. } = self;
        let counts = host.complete && !open.cut;
        open.cut |= !host.complete;
        match (self.mode, &mut self.hosts) {
            (WatchMode::Events(feed), _) => {
                let OpenDocument { run, digest, .. } = open;
                let mut take = |lines: &mut Vec<u8>| {
                    if counts {
                        digest.update(&*lines);
                    }
                    batch.lines.held().append(lines);
                    batch.settle()
                };
                if let Some(host) = selected(*filter, run, host) {
                    let mut lines = Vec::new();
                    feed.host_chunked(run, &host, &mut lines, &mut take)?;
                    take(&mut lines)?;
                }
            }
            (WatchMode::Changes(..), Some(hosts)) => hosts.host(host, &mut |record| {
                if counts {
                    open.digest.update(record);
                }
            })?,
            (WatchMode::Changes(..), None) => {}
        }
        if counts {
            open.hosts = open.hosts.saturating_add(1);
            let delivered =
                open.delivered.as_ref().filter(|delivered| delivered.hosts == open.hosts);
            if delivered
                .is_some_and(|delivered| delivered.digest == hex(&open.digest.clone().finalize()))
            {
                // These hosts were already written, so their lines are removed again.
                open.same = true;
                batch.lines.rewind(open.from);
            }
        }
        batch.settle()
    }

    fn end(&mut self, name: &str, record: &ScanSummary) -> Result<()> {
        let open = std::mem::take(&mut self.open);
        let Some(sha256) = record.content_sha256.clone().filter(|_| record.has_scan) else {
            self.batch.lines.rewind(open.from);
            return Ok(());
        };
        let now = Delivered {
            hosts: open.hosts,
            digest: hex(&open.digest.finalize()),
            finished: record.stats.finished,
            truncated: record.truncated,
            whole: record.hosts_seen.saturating_sub(record.hosts_incomplete),
        };
        if self.journal.has_document(&sha256) || self.batch.has_document(&sha256) {
            self.batch.lines.rewind(open.from);
            return Ok(());
        }
        let scan_id = record.header.scan_id.clone();
        if open.delivered.as_ref().is_some_and(|delivered| !is_news(delivered, &now, open.same)) {
            self.batch.lines.rewind(open.from);
            self.batch.add(sha256, None);
            return Ok(());
        }
        match (self.mode, &mut self.hosts) {
            (WatchMode::Events(feed), _) => scan_line(feed, name, record, self.batch)?,
            (WatchMode::Changes(how, baseline), Some(hosts)) => {
                let batch = &mut *self.batch;
                let options = ChangeSelection::without_noise();
                let options = match self.filter {
                    Some(filter) => options.matching(filter.clone()),
                    None => options,
                };
                hosts.step((name, record), &options, &mut |host, scans| {
                    change_lines((how, *baseline), (host, scans), batch)
                })?;
            }
            (WatchMode::Changes(..), None) => {}
        }
        self.batch.add(sha256, Some((scan_id, now)));
        Ok(())
    }
}

/// Returns a host with the ports that the expression selects; `None` if it does not select the host.
fn selected<'h, 'b>(
    filter: Option<&Filter>,
    scan: &ScanHeader,
    host: &'h Host<'b>,
) -> Option<Cow<'h, Host<'b>>> {
    let Some(filter) = filter else { return Some(Cow::Borrowed(host)) };
    let mut host = host.clone();
    filter.apply(&mut host, scan.start_time).then_some(Cow::Owned(host))
}

/// Returns true if a document contains more than was written of its scan, or something else. `same`
/// is true if it starts with the hosts that were written.
fn is_news(delivered: &Delivered, now: &Delivered, same: bool) -> bool {
    // Two finished documents that differ in more than their bytes are in fact two scans.
    let differs = !same || now.whole > delivered.whole;
    now.is_better_than(delivered) || (now.finished && delivered.finished && differs)
}

fn scan_line(feed: &Feed, name: &str, record: &ScanSummary, batch: &mut Batch) -> Result<()> {
    feed.scan(name, record, batch.lines.held());
    batch.settle()
}

/// Writes the changes of a host. Data that a look did not look for has not changed. The first look
/// at a host is a change only if that is requested.
fn change_lines(
    (how, baseline): (&ChangeFormat, Baseline),
    (host, scans): (&HostChanges, &ComparedScans),
    batch: &mut Batch,
) -> Result<()> {
    for change in host.changes.iter().filter(|change| is_reported(host, change, baseline)) {
        let out = batch.lines.held();
        match how {
            ChangeFormat::Rows => change_row(change, &mut |row| {
                row_line(row, out);
                Ok(())
            })?,
            ChangeFormat::Events(ecs) => {
                change_line(ecs, (host, change), scans, out);
            }
        }
        batch.settle()?;
    }
    Ok(())
}

fn is_reported(host: &HostChanges, change: &Change, baseline: Baseline) -> bool {
    let is_open = change.new.as_deref() == Some("open");
    change.kind.is_change()
        && (host.was_there || (baseline == Baseline::Events && (change.port.is_none() || is_open)))
}
