//! Takes hosts, activities and ends of scans to an encoder: filters, counts and the report.
//!
//! Each thread has a worker with its own encoder. The worker of the thread that writes is the main one: it knows which
//! scans were read, and [absorbs](Worker::absorb) the counts of the others in the order of the inputs.

use super::{
    Filters,
    consumer::ChunkConsumer,
    memory_limit::{self, MemoryLimit},
    report::{Report, WarningReport},
    scan_ids::ScanIds,
};
use crate::{
    error::{Diagnostic, DiagnosticCode, Position, Result},
    filter::SeenTimes,
    format::{DocumentEvent, DocumentInfo, Format, MergeEncoder, ScanEncoder, Written},
    limits::Limits,
    model::{Host, HostState, MergedHost, ScanActivity, ScanHeader, ScanSummary, Timestamp},
    table::Table,
    xml::most_ports,
};

/// Filters, encodes and counts hosts, activities and scans in the order in which it receives them.
pub(super) struct Worker<E> {
    filters: Filters,
    /// Maximum number of ports per host after `extraports` lists are expanded.
    max_ports: usize,
    pub(super) encoder: E,
    written: Written,
    pub(super) report: Report,
    /// IDs of scans that are known from before or were read, each with a flag for completeness.
    pub(super) known: ScanIds,
    /// IDs of scans that were read, in order, with a flag for completeness, for the worker that absorbs this one.
    pub(super) seen: Vec<(String, bool)>,
    /// True if another worker absorbs this one.
    is_absorbed: bool,
    /// Value of [`Format::KEEPS_COPIES`].
    keeps_copies: bool,
    /// Events of documents, if the writer receives them.
    events: Option<DocumentEvents>,
    /// Limit on the data kept of inputs and documents.
    pub(super) memory: MemoryLimit,
}

/// Events that the writer has not received yet.
#[derive(Default)]
struct DocumentEvents {
    list: Vec<DocumentEvent>,
    /// Rows per table at the end of the last document.
    reported: [u64; Table::COUNT],
}

impl<E: ScanEncoder> Worker<E> {
    /// Creates a worker that encodes for this format and is absorbed by another one.
    pub(super) fn new<F: Format<Encoder = E>>(
        format: &F,
        filters: &Filters,
        limits: &Limits,
    ) -> Self {
        Self {
            filters: filters.clone(),
            max_ports: most_ports(limits),
            encoder: format.encoder(),
            written: Written::default(),
            report: Report::default(),
            known: ScanIds::default(),
            seen: Vec::new(),
            is_absorbed: true,
            keeps_copies: F::KEEPS_COPIES,
            events: F::DOCUMENT_EVENTS.then(DocumentEvents::default),
            memory: MemoryLimit::default(),
        }
    }

    /// Creates the worker that absorbs others.
    pub(super) fn main<F: Format<Encoder = E>>(
        format: &F,
        filters: &Filters,
        limits: &Limits,
    ) -> Self {
        Self { is_absorbed: false, ..Self::new(format, filters, limits) }
    }

    /// Resets all counts. Encoded output must have been taken before.
    pub(super) fn reset(&mut self) {
        self.report = Report::default();
        self.encoder.take_written();
        self.written = Written::default();
        self.known.clear();
        self.seen.clear();
        self.events = self.events.take().map(|_| DocumentEvents::default());
    }

    /// Returns the number of rows and lines so far.
    pub(super) fn written(&mut self) -> Written {
        self.written.add(self.encoder.take_written());
        self.written
    }

    /// Adds the counts of another worker, whose inputs follow those of this one.
    pub(super) fn absorb(&mut self, other: &mut Self) {
        self.report.absorb(std::mem::take(&mut other.report));
        self.written();
        self.written.add(other.written());
        other.written = Written::default();
        for (id, whole) in other.seen.drain(..) {
            self.known.add(&id, whole);
        }
        if let (Some(mine), Some(theirs)) = (&mut self.events, &mut other.events)
            && !theirs.list.is_empty()
        {
            // It read complete inputs: all of its rows have been reported.
            mine.list.append(&mut theirs.list);
            mine.reported = self.written.rows;
        }
    }

    /// Adds an event for the writer, if it receives events.
    pub(super) fn push_event(&mut self, event: DocumentEvent) {
        if let Some(events) = &mut self.events {
            events.list.push(event);
        }
    }

    /// Passes the events of documents to the writer; without events, notifies it of new rows.
    pub(super) fn send_document_events<F: Format<Encoder = E>>(
        &mut self,
        writer: &mut F,
    ) -> Result<()> {
        match &mut self.events {
            Some(events) => writer.document_events(std::mem::take(&mut events.list)),
            None => Ok(()),
        }
    }

    /// Adds the event of a document, with the rows since the last one.
    fn document_end(&mut self, mut document: DocumentInfo) {
        let now = self.written().rows;
        let Some(events) = &mut self.events else { return };
        let before = std::mem::replace(&mut events.reported, now);
        for ((rows, now), before) in document.rows.iter_mut().zip(now).zip(before) {
            *rows = now.saturating_sub(before);
        }
        events.list.push(DocumentEvent::End(Box::new(document)));
    }

    /// Ends an input: reports the rows of a document whose end was not read.
    pub(super) fn input_end(&mut self, name: &str) {
        if self.events.is_some() {
            let rows = self.written().rows;
            if self.events.as_ref().is_some_and(|events| events.reported != rows) {
                self.document_end(DocumentInfo {
                    source: name.to_owned(),
                    ..DocumentInfo::default()
                });
            }
        }
    }

    /// Encodes a host, unless a filter omits it.
    pub(super) fn host(
        &mut self,
        scan: &ScanHeader,
        mut host: Host<'_>,
        consumer: &mut dyn ChunkConsumer<E>,
    ) -> Result<()> {
        if self.filters.is_cut(&host) {
            return Ok(());
        }
        let counts = &mut self.report.counts;
        counts.hosts = counts.hosts.saturating_add(1);
        counts.ports = counts.ports.saturating_add(u64::try_from(host.ports_listed).unwrap_or(0));
        if !self.keeps_copies && !self.filter(scan, &mut host) {
            return Ok(());
        }
        self.encoder.host(scan, &host, &mut |chunk| consumer.consume(chunk))
    }

    /// Runs the engine on a host and filters its ports. Returns false if the host itself is omitted.
    fn filter(&mut self, scan: &ScanHeader, host: &mut Host<'_>) -> bool {
        if self.filters.up && host.status.state != HostState::Up {
            return false;
        }
        if let Some(engine) = &self.filters.engine {
            if !self.filters.may_keep(host, SeenTimes::of(host, scan.start_time)) {
                return false;
            }
            self.report.fail(engine.run_parallel(scan, host, false));
        }
        if self.filters.expand_extra_ports {
            host.complete &= host.expand_extra_ports(self.max_ports);
        }
        self.filters.select(host, scan.start_time)
    }

    /// Encodes a task or hint of a scan.
    pub(super) fn activity(
        &mut self,
        scan: &ScanHeader,
        index: i32,
        activity: &ScanActivity,
    ) -> Result<()> {
        self.encoder.activity(scan, index, activity)
    }

    /// Encodes the end of a scan and reports it.
    pub(super) fn scan_end(&mut self, name: &str, mut record: ScanSummary) -> Result<()> {
        let counts = &mut self.report.counts;
        counts.bytes = counts.bytes.saturating_add(u64::try_from(record.bytes).unwrap_or(0));
        if record.has_scan {
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
            self.check_memory()?;
            if !self.keeps_copies && before.is_some() {
                record.diagnostics.insert(0, duplicate(&record.header));
            }
        }
        self.report_scan(name, record)
    }

    /// Reports a scan that is omitted because it was completely read before.
    pub(super) fn scan_skipped(&mut self, name: &str, record: ScanSummary) -> Result<()> {
        let diagnostics = vec![duplicate(&record.header)];
        let ScanSummary { header, stats, .. } = record;
        self.report_scan(name, ScanSummary { header, stats, diagnostics, ..ScanSummary::default() })
    }

    /// Returns true if a scan is to be omitted because it was completely read before.
    pub(super) fn skips(&self, id: &str) -> bool {
        self.filters.dedup && self.known.get(id).unwrap_or_default()
    }

    fn report_scan(&mut self, name: &str, record: ScanSummary) -> Result<()> {
        for found in &record.diagnostics {
            self.report.warn(found.code.as_str(), warning(name, found));
        }
        let document = self.events.is_some().then(|| document(name, &record));
        self.encoder.scan_end(name, record)?;
        if let Some(document) = document {
            self.document_end(document);
        }
        Ok(())
    }

    /// Fails if the data kept of inputs and documents exceeds the limit.
    ///
    /// # Errors
    /// Returns the errors of [`MemoryLimit::check`].
    pub(super) fn check_memory(&self) -> Result<()> {
        let held = memory_limit::of_documents(self.known.len(), &self.report);
        self.memory.check(held, "inputs and documents")
    }

    /// Returns the number of bytes that are ready, possibly estimated.
    pub(super) fn buffered_bytes(&self) -> usize {
        self.encoder.buffered_bytes()
    }

    /// Takes the chunks that are ready.
    pub(super) fn take(&mut self) -> Vec<E::Chunk> {
        self.encoder.take()
    }

    /// Takes everything that was encoded.
    pub(super) fn finish(&mut self) -> Result<Vec<E::Chunk>> {
        self.encoder.finish()
    }
}

impl<E: MergeEncoder> Worker<E> {
    /// Encodes a host of a merge, unless a filter omits it.
    pub(super) fn merged_host(
        &mut self,
        mut merged: MergedHost<'_>,
        scans: &[&ScanHeader],
        consumer: &mut dyn ChunkConsumer<E>,
    ) -> Result<()> {
        if self.filters.up && merged.host.status.state != HostState::Up {
            return Ok(());
        }
        if let Some(engine) = &self.filters.engine {
            let seen = SeenTimes::of_merged(&merged.provenance.seen);
            if !self.filters.may_keep(&merged.host, seen) {
                return Ok(());
            }
            let status = merged.provenance.status;
            let scan = usize::try_from(status).ok().and_then(|number| scans.get(number));
            let scan = scan.map(|scan| (*scan).clone()).unwrap_or_default();
            self.report.fail(engine.run_parallel(&scan, &mut merged.host, true));
            merged.provenance.scripts.resize(merged.host.scripts.len(), status);
        }
        if !self.filters.select_merged(&mut merged) {
            return Ok(());
        }
        self.encoder.merged_host(&merged, scans, &mut |chunk| consumer.consume(chunk))
    }
}

impl<E> Worker<E> {
    /// Returns the filters on hosts and ports.
    pub(super) fn filters(&self) -> &Filters {
        &self.filters
    }
}

/// Converts a diagnostic of an input to a warning of the report.
pub(super) fn warning(input: &str, found: &Diagnostic) -> WarningReport {
    let Position { byte, line } = found.position;
    let detail = found.detail.clone();
    WarningReport { count: found.count, input: input.to_owned(), line, byte, detail }
}

fn duplicate(header: &ScanHeader) -> Diagnostic {
    let detail = format!("scan {} was read before", header.scan_id);
    Diagnostic { code: DiagnosticCode::DupScan, position: header.position, count: 1, detail }
}

fn document(name: &str, record: &ScanSummary) -> DocumentInfo {
    let ScanSummary { header, stats, .. } = record;
    let whole = record.hosts_seen.saturating_sub(record.hosts_incomplete);
    DocumentInfo {
        source: name.to_owned(),
        doc_index: header.doc_index,
        position: header.position,
        scan_id: record.has_scan.then(|| header.scan_id.clone()),
        scan_date: header.start_time.or(stats.end_time).map(Timestamp::date),
        finished: stats.finished,
        truncated: record.truncated,
        whole_hosts: u64::try_from(whole).unwrap_or(0),
        sha256: record.content_sha256.clone(),
        ..DocumentInfo::default()
    }
}
