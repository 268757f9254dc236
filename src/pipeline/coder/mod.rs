//! Hosts, events and ends of scans to encoded output, with all that is to be said of them.

mod merged;

use super::{
    Filters,
    ids::Ids,
    output::{Output, Staged, Staging, Taker},
    report::{Report, WarningReport},
    room::{Room, of_scan},
};
use crate::{
    error::{Code, Diagnostic, Position, Result},
    feed::Feed,
    model::{Host, HostState, RunEvent, RunHeader, RunRecord, Timestamp},
    sink::{Document, Encoder, Notice, TEXT_INPUT},
    table::{Row, ScanOf, Table, event_row, host_rows, run_rows},
};

/// Encodes in the order of what it is given, and counts.
pub(super) struct Coder {
    filters: Filters,
    /// Ports of a host at most, when lists of them are expanded.
    ports: usize,
    way: Way,
    /// Rows a table.
    rows: [u64; Table::COUNT],
    pub(super) report: Report,
    /// Ids of the scans that were read before or are known to be, and whether whole.
    pub(super) known: Ids,
    /// Ids of the scans that were read, in order, and whether whole, for the coder that absorbs this one.
    pub(super) seen: Vec<(String, bool)>,
    /// Whether it is absorbed by another one.
    pub(super) is_absorbed: bool,
    /// What is told to a sink that takes notices.
    notices: Option<Notices>,
    /// Room for what is kept of inputs and documents.
    pub(super) room: Room,
}

/// Notices that were not told yet.
#[derive(Default)]
struct Notices {
    list: Vec<Notice>,
    /// Rows a table at the end of the last document.
    told: [u64; Table::COUNT],
}

pub(super) enum Way {
    Tables(Box<dyn Encoder>),
    Feed {
        buffer: Vec<u8>,
        feed: Feed,
    },
    /// To be merged.
    Staged(Box<Staging>),
    Nothing,
}

impl Coder {
    pub(super) fn new(way: Way, filters: Filters, ports: usize) -> Self {
        Self {
            filters,
            ports,
            way,
            rows: [0; Table::COUNT],
            report: Report::default(),
            known: Ids::default(),
            seen: Vec::new(),
            is_absorbed: true,
            notices: None,
            room: Room::default(),
        }
    }

    /// The same for a sink that takes notices.
    pub(super) fn with_notices(mut self, takes: bool) -> Self {
        self.notices = takes.then(Notices::default);
        self
    }

    /// Forgets all that was counted and seen; what was encoded must have been taken.
    pub(super) fn forget(&mut self) {
        self.report = Report::default();
        self.rows = [0; Table::COUNT];
        self.known.clear();
        self.seen.clear();
        self.notices = self.notices.take().map(|_| Notices::default());
    }

    /// Rows of a table so far.
    pub(super) fn rows(&self, table: Table) -> u64 {
        self.rows.get(table.number()).copied().unwrap_or_default()
    }

    /// Takes over what another one counted of what comes next.
    pub(super) fn absorb(&mut self, other: &mut Self) {
        self.report.absorb(std::mem::take(&mut other.report));
        for (sum, rows) in self.rows.iter_mut().zip(std::mem::take(&mut other.rows)) {
            *sum = sum.saturating_add(rows);
        }
        for (id, whole) in other.seen.drain(..) {
            self.known.add(&id, whole);
        }
        if let (Some(mine), Some(theirs)) = (&mut self.notices, &mut other.notices)
            && !theirs.list.is_empty()
        {
            // It read whole inputs: none of its rows is left untold.
            mine.list.append(&mut theirs.list);
            mine.told = self.rows;
        }
    }

    /// Notes something for a sink that takes notices.
    pub(super) fn note(&mut self, notice: Notice) {
        if let Some(notices) = &mut self.notices {
            notices.list.push(notice);
        }
    }

    /// Takes what is to be told.
    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        self.notices.as_mut().map(|notices| std::mem::take(&mut notices.list)).unwrap_or_default()
    }

    /// Notes a document with the rows since the last one.
    fn note_document(&mut self, mut document: Document) {
        let Some(notices) = &mut self.notices else { return };
        let told = std::mem::replace(&mut notices.told, self.rows);
        for ((rows, now), before) in document.rows.iter_mut().zip(self.rows).zip(told) {
            *rows = now.saturating_sub(before);
        }
        notices.list.push(Notice::Document(Box::new(document)));
    }

    /// An input has ended: rows of a document whose end was not read are told of.
    pub(super) fn end_input(&mut self, name: &str) {
        if self.notices.as_ref().is_some_and(|notices| notices.told != self.rows) {
            self.note_document(Document { source: name.to_owned(), ..Document::default() });
        }
    }

    /// A host; output of which there is much is taken at once.
    pub(super) fn host(
        &mut self,
        run: &RunHeader,
        mut host: Host<'_>,
        taker: &mut dyn Taker,
    ) -> Result<()> {
        if self.filters.is_cut(&host) {
            return Ok(());
        }
        let counts = &mut self.report.counts;
        counts.hosts = counts.hosts.saturating_add(1);
        counts.ports = counts.ports.saturating_add(u64::try_from(host.ports_listed).unwrap_or(0));
        if let Way::Staged(staging) = &mut self.way {
            // What is left out is decided when it is merged.
            staging.stager.host(&host, &mut staging.records);
            return Ok(());
        }
        if self.filters.up && host.status.state != HostState::Up {
            return Ok(());
        }
        if let Some(engine) = &self.filters.engine {
            self.report.fail(engine.run_at_once(run, &mut host));
        }
        if self.filters.expand_extra_ports {
            host.complete &= host.expand_extra_ports(self.ports);
        }
        if !self.filters.states.is_empty() {
            host.ports.retain(|port| self.filters.keeps(port));
        }
        match &mut self.way {
            Way::Tables(encoder) => {
                encoder.scan(ScanOf::running(run))?;
                host_rows(run, &host, &mut |row| encode(encoder, &mut self.rows, row))
            }
            Way::Feed { buffer, feed } => {
                let lines =
                    feed.host_in_pieces(run, &host, buffer, &mut |text| hand(text, taker))?;
                self.report.lines = self.report.lines.saturating_add(lines);
                Ok(())
            }
            Way::Staged(_) | Way::Nothing => Ok(()),
        }
    }

    pub(super) fn event(&mut self, run: &RunHeader, index: i32, event: &RunEvent) -> Result<()> {
        match &mut self.way {
            Way::Tables(encoder) => {
                encoder.scan(ScanOf::running(run))?;
                event_row(run, index, event, &mut |row| encode(encoder, &mut self.rows, row))
            }
            Way::Feed { buffer, feed } => {
                let lines = feed.event(run, index, event, buffer);
                self.report.lines = self.report.lines.saturating_add(lines);
                Ok(())
            }
            Way::Staged(staging) => {
                staging.stager.event(index, event, &mut staging.records);
                Ok(())
            }
            Way::Nothing => Ok(()),
        }
    }

    pub(super) fn run_end(&mut self, name: &str, mut record: RunRecord) -> Result<()> {
        let counts = &mut self.report.counts;
        counts.bytes = counts.bytes.saturating_add(u64::try_from(record.bytes).unwrap_or(0));
        if record.exists {
            counts.scans = counts.scans.saturating_add(1);
            if record.stats.failed() {
                self.report.scan_failed(name, &record);
            }
            let id = &record.header.scan_id;
            let whole = record.stats.finished && !record.truncated && record.hosts_incomplete == 0;
            if self.is_absorbed {
                self.seen.push((id.clone(), whole));
            }
            let before = self.known.get(id);
            self.known.add(id, whole);
            self.check_room()?;
            // A merge and a dataset decide between copies when they have them all.
            let decides = self.notices.is_some() || matches!(self.way, Way::Staged(_));
            if !decides && before.is_some() {
                record.diagnostics.insert(0, duplicate(&record.header));
            }
        }
        self.report_run(name, record)
    }

    /// A scan has ended that was read whole before, and is left out.
    pub(super) fn run_skipped(&mut self, name: &str, record: RunRecord) -> Result<()> {
        let diagnostics = vec![duplicate(&record.header)];
        let RunRecord { header, stats, .. } = record;
        self.report_run(name, RunRecord { header, stats, diagnostics, ..RunRecord::default() })
    }

    /// Whether a scan is to be left out, as it was read whole before.
    pub(super) fn skips(&self, id: &str) -> bool {
        self.filters.dedup && self.known.get(id).unwrap_or_default()
    }

    fn report_run(&mut self, name: &str, record: RunRecord) -> Result<()> {
        for found in &record.diagnostics {
            let Position { byte, line } = found.position;
            let warning = WarningReport {
                count: found.count,
                input: name.to_owned(),
                line,
                byte,
                detail: found.detail.clone(),
            };
            self.report.warn(found.code.as_str(), warning);
        }
        if let Way::Staged(staging) = &mut self.way {
            staging.close_records();
            staging.size = staging.size.saturating_add(of_scan(name, &record));
            staging.ready.push(Staged::End { source: name.to_owned(), record: Box::new(record) });
            return Ok(());
        }
        self.run_rows(name, &record)?;
        if self.notices.is_some() {
            self.note_document(document(name, record));
        }
        Ok(())
    }

    /// Writes what is known of a scan when it ends.
    pub(super) fn run_rows(&mut self, name: &str, record: &RunRecord) -> Result<()> {
        match &mut self.way {
            Way::Tables(encoder) => {
                encoder.scan(ScanOf::ended(record))?;
                run_rows(name, record, &mut |row| encode(encoder, &mut self.rows, row))?;
            }
            Way::Feed { buffer, feed } => {
                let lines = feed.scan(name, record, buffer);
                self.report.lines = self.report.lines.saturating_add(lines);
            }
            Way::Staged(_) | Way::Nothing => {}
        }
        Ok(())
    }

    /// Bytes that are ready, roughly.
    pub(super) fn ready(&self) -> usize {
        match &self.way {
            Way::Staged(staging) => staging.size.saturating_add(staging.records.len()),
            Way::Tables(encoder) => encoder.buffered(),
            Way::Feed { buffer, .. } => buffer.len(),
            Way::Nothing => 0,
        }
    }

    /// Bytes of XML that are best encoded before what is ready is taken.
    pub(super) fn best_input(&self) -> usize {
        match &self.way {
            Way::Tables(encoder) => encoder.best_input(),
            _ => TEXT_INPUT,
        }
    }

    /// What is ready.
    pub(super) fn take(&mut self) -> Output {
        match &mut self.way {
            Way::Tables(encoder) => Output::Pieces(encoder.take()),
            Way::Feed { buffer, .. } => taken(buffer),
            Way::Staged(staging) => {
                staging.close_records();
                staging.size = 0;
                Output::Staged(std::mem::take(&mut staging.ready))
            }
            Way::Nothing => Output::Text(Vec::new()),
        }
    }

    /// All that was encoded and not taken.
    pub(super) fn take_all(&mut self) -> Result<Output> {
        match &mut self.way {
            Way::Tables(encoder) => encoder.finish().map(Output::Pieces),
            _ => Ok(self.take()),
        }
    }
}

/// Hands text over.
fn hand(text: &mut Vec<u8>, taker: &mut dyn Taker) -> Result<()> {
    taker.take(taken(text))
}

fn taken(buffer: &mut Vec<u8>) -> Output {
    // Mostly as much comes again, or a little more.
    let next = Vec::with_capacity(buffer.len().saturating_add(buffer.len() / 8));
    Output::Text(std::mem::replace(buffer, next))
}

fn duplicate(header: &RunHeader) -> Diagnostic {
    let detail = format!("scan {} was read before", header.scan_id);
    Diagnostic { code: Code::DupScan, position: header.position, count: 1, detail }
}

fn document(name: &str, record: RunRecord) -> Document {
    let RunRecord { header, stats, exists, .. } = record;
    let whole = record.hosts_seen.saturating_sub(record.hosts_incomplete);
    Document {
        source: name.to_owned(),
        doc_index: header.doc_index,
        position: header.position,
        scan_id: exists.then_some(header.scan_id),
        scan_date: header.start_time.or(stats.end_time).map(Timestamp::date),
        finished: stats.finished,
        truncated: record.truncated,
        whole_hosts: u64::try_from(whole).unwrap_or(0),
        sha256: record.content_sha256,
        ..Document::default()
    }
}

fn encode(encoder: &mut Box<dyn Encoder>, rows: &mut [u64], row: &Row<'_>) -> Result<()> {
    if let Some(count) = rows.get_mut(row.table().number()) {
        *count = count.saturating_add(1);
    }
    encoder.row(row)
}
