//! From inputs to one output: order, filters, counts. Errors of one input never stop the others.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::Serialize;

use crate::{
    error::{Code, Diagnostic, Error, ErrorKind, Position, Result},
    feed::nested,
    model::{Host, HostState, Port, RunEvent, RunHeader, RunRecord, ScanEvent},
    sink::{DocumentSink, Encoder, Sink},
    source::{Input, Opened},
    table::{Row, Table, event_row, host_rows, run_rows},
    xml::{Options, Reader},
};

/// Bytes of output gathered before they are written.
const OUTPUT: usize = 256 << 10;

/// What is done with hosts on their way.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Filters {
    /// States of ports to keep; all if empty.
    pub states: Vec<String>,
    /// Whether hosts that are not up are left out.
    pub up: bool,
    /// Whether ports are made of the lists of `extrareasons`.
    pub expand_extra_ports: bool,
}

impl Filters {
    fn keeps(&self, port: &Port<'_>) -> bool {
        self.states.is_empty() || self.states.iter().any(|state| state == port.state.as_str())
    }
}

/// Where hosts go.
#[non_exhaustive]
pub enum Destination {
    /// Tables.
    Tables(Box<dyn Sink>),
    /// Nested JSONL; with lines for events or without.
    Nested {
        /// Where the lines go.
        sink: DocumentSink,
        /// Whether events of runs have lines.
        events: bool,
    },
    /// Nowhere: inputs are read and counted.
    Nothing,
}

/// A consumer of all that is read, beside the output.
pub type Observer<'o> = &'o mut dyn FnMut(&ScanEvent<'_>);

/// Reads inputs in order and writes what they hold.
pub struct Pipeline {
    options: Options,
    filters: Filters,
    writer: Writer,
    report: Report,
    scans: HashSet<String>,
    stop: Arc<AtomicBool>,
}

/// How an input was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// To its end.
    Read,
    /// An error ended it; what came before is in the output.
    Refused,
    /// It was found in a folder and is no nmap XML.
    Skipped,
}

/// What is said of an input.
#[derive(Debug, Clone, Serialize)]
pub struct InputReport {
    /// Its name.
    pub name: String,
    /// How it was read.
    pub outcome: Outcome,
    /// Scans, hosts and ports in it.
    #[serde(flatten)]
    pub counts: Counts,
    /// How often anything was warned of.
    pub warnings: i64,
    /// The error that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Documents that hold a scan.
    pub scans: u64,
    /// Host elements.
    pub hosts: u64,
    /// Ports listed singly.
    pub ports: u64,
    /// Bytes of documents.
    pub bytes: u64,
}

/// A warning code over all inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarningReport {
    /// How often.
    pub count: i64,
    /// The input of the first one.
    pub input: String,
    /// Its line, from 1.
    pub line: u64,
    /// Its byte.
    pub byte: u64,
    /// What was found there.
    pub detail: String,
}

/// What a run did.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Over all inputs.
    #[serde(flatten)]
    pub counts: Counts,
    /// Inputs in order.
    pub inputs: Vec<InputReport>,
    /// Rows written, a table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Lines of a feed written.
    pub lines: u64,
    /// Warnings by code.
    pub warnings: BTreeMap<&'static str, WarningReport>,
    /// Whether the run was told to stop.
    pub interrupted: bool,
    /// Errors of inputs, in order.
    #[serde(skip)]
    pub errors: Vec<Error>,
}

impl Report {
    /// Inputs with this outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.inputs.iter().filter(|input| input.outcome == outcome).count()
    }

    /// Whether strict reading ended an input.
    #[must_use]
    pub fn strict_failed(&self) -> bool {
        self.errors.iter().any(|error| error.code() == Some(Code::Strict))
    }
}

impl Pipeline {
    /// A pipeline to a destination. It stops between two events when `stop` becomes true.
    #[must_use]
    pub fn new(
        options: Options,
        filters: Filters,
        destination: Destination,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let writer = Writer::new(destination);
        let report = Report::default();
        Self { options, filters, writer, report, scans: HashSet::new(), stop }
    }

    /// Reads an input to its end. An input that cannot be read is told in the report.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn read(&mut self, input: &Input, observer: Observer<'_>) -> Result<()> {
        let before = self.report.counts;
        let warned = self.report.warnings.values().map(|warning| warning.count).sum::<i64>();
        let result = match input.open() {
            Ok(opened) => self.read_opened(input, opened, observer),
            Err(error) => Err(error),
        };
        let error = match result {
            Ok(()) => None,
            Err(error) if matches!(error.kind(), ErrorKind::Sink { .. } | ErrorKind::Schema(_)) => {
                return Err(error);
            }
            Err(error) => Some(error),
        };
        let now = self.report.counts;
        let skipped = |error: &Error| !input.named && error.code() == Some(Code::NotNmap);
        let outcome = match &error {
            None => Outcome::Read,
            Some(error) if skipped(error) => Outcome::Skipped,
            Some(_) => Outcome::Refused,
        };
        self.report.inputs.push(InputReport {
            name: input.name.clone(),
            outcome,
            counts: Counts {
                scans: now.scans.saturating_sub(before.scans),
                hosts: now.hosts.saturating_sub(before.hosts),
                ports: now.ports.saturating_sub(before.ports),
                bytes: now.bytes.saturating_sub(before.bytes),
            },
            warnings: self.report.warnings.values().map(|w| w.count).sum::<i64>() - warned,
            error: error.as_ref().map(ToString::to_string),
        });
        self.report.errors.extend(error.filter(|_| outcome == Outcome::Refused));
        Ok(())
    }

    /// Tells of an input that was not even found.
    pub fn refuse(&mut self, error: Error) {
        self.report.inputs.push(InputReport {
            name: error.input().unwrap_or_default().to_owned(),
            outcome: Outcome::Refused,
            counts: Counts::default(),
            warnings: 0,
            error: Some(error.to_string()),
        });
        self.report.errors.push(error);
    }

    /// Whether the run was told to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Completes the output. A run that was told to stop leaves no file, and on standard output what was
    /// whole.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn finish(mut self) -> Result<Report> {
        self.report.interrupted = self.is_stopped();
        self.writer.flush()?;
        self.report.lines = self.writer.lines;
        for table in self.writer.tables() {
            let rows = self.writer.rows.get(table.number()).copied().unwrap_or_default();
            self.report.rows.insert(table.name(), rows);
        }
        if !self.report.interrupted {
            self.writer.finish()?;
        }
        Ok(self.report)
    }

    fn read_opened(&mut self, input: &Input, opened: Opened, observer: Observer<'_>) -> Result<()> {
        let mut reader = Reader::new(opened.bytes, self.options.clone());
        let mut run = RunHeader::default();
        let mut events = 0_i32;
        loop {
            if self.is_stopped() {
                return Ok(());
            }
            let event = reader.next_event().map_err(|error| error.in_input(&*input.name))?;
            let Some(event) = event else { return Ok(()) };
            observer(&event);
            match event {
                ScanEvent::RunStart(header) => {
                    if self.options.strict && self.scans.contains(&header.scan_id) {
                        return Err(duplicate(&header.scan_id).in_input(&*input.name));
                    }
                    run = header;
                    events = 0;
                }
                ScanEvent::Run(event) => {
                    self.writer.event(&run, events, &event)?;
                    events = events.saturating_add(1);
                }
                ScanEvent::Host(host) => self.host(&run, *host)?,
                ScanEvent::RunEnd(record) => self.run_end(&input.name, *record)?,
                ScanEvent::ScanInfo(_) => {}
            }
            if opened.live && !reader.is_ready() {
                self.writer.flush()?;
            }
        }
    }

    fn host(&mut self, run: &RunHeader, mut host: Host<'_>) -> Result<()> {
        let counts = &mut self.report.counts;
        counts.hosts = counts.hosts.saturating_add(1);
        counts.ports = counts.ports.saturating_add(u64::try_from(host.ports_listed).unwrap_or(0));
        if self.filters.up && host.status.state != HostState::Up {
            return Ok(());
        }
        if self.filters.expand_extra_ports {
            host.expand_extra_ports(self.options.limits.ports);
        }
        if !self.filters.states.is_empty() {
            host.ports.retain(|port| self.filters.keeps(port));
        }
        self.writer.host(run, &host)
    }

    fn run_end(&mut self, name: &str, mut record: RunRecord) -> Result<()> {
        let counts = &mut self.report.counts;
        counts.bytes = counts.bytes.saturating_add(u64::try_from(record.bytes).unwrap_or(0));
        if record.exists {
            counts.scans = counts.scans.saturating_add(1);
            if !self.scans.insert(record.header.scan_id.clone()) {
                let position = record.start;
                let detail = format!("scan {} was read before", record.header.scan_id);
                let duplicate = Diagnostic { code: Code::DupScan, position, count: 1, detail };
                record.diagnostics.insert(0, duplicate);
            }
        }
        for found in &record.diagnostics {
            let Position { byte, line } = found.position;
            let first = || WarningReport {
                count: 0,
                input: name.to_owned(),
                line,
                byte,
                detail: found.detail.clone(),
            };
            let known = self.report.warnings.entry(found.code.as_str()).or_insert_with(first);
            known.count = known.count.saturating_add(found.count);
        }
        self.writer.run_end(name, &record)
    }
}

fn duplicate(scan_id: &str) -> Error {
    let detail = format!("scan {scan_id} was read before");
    Error::new(ErrorKind::Strict { code: Code::DupScan, detail })
}

/// Encodes in the order of the input and writes what is ready.
struct Writer {
    way: Way,
    rows: [u64; Table::ALL.len()],
    lines: u64,
}

enum Way {
    Tables { encoder: Box<dyn Encoder>, sink: Box<dyn Sink> },
    Nested { buffer: Vec<u8>, sink: DocumentSink, events: bool },
    Nothing,
}

impl Writer {
    fn new(destination: Destination) -> Self {
        let way = match destination {
            Destination::Tables(sink) => Way::Tables { encoder: sink.encoder(), sink },
            Destination::Nested { sink, events } => {
                Way::Nested { buffer: Vec::with_capacity(OUTPUT), sink, events }
            }
            Destination::Nothing => Way::Nothing,
        };
        Self { way, rows: [0; Table::ALL.len()], lines: 0 }
    }

    fn tables(&self) -> &[Table] {
        match &self.way {
            Way::Tables { sink, .. } => sink.tables(),
            Way::Nested { .. } | Way::Nothing => &[],
        }
    }

    fn host(&mut self, run: &RunHeader, host: &Host<'_>) -> Result<()> {
        match &mut self.way {
            Way::Tables { encoder, .. } => {
                host_rows(run, host, &mut |row| encode(encoder, &mut self.rows, row))?;
            }
            Way::Nested { buffer, .. } => {
                nested::host_line(run, host, buffer);
                self.lines = self.lines.saturating_add(1);
            }
            Way::Nothing => {}
        }
        self.write_much()
    }

    fn event(&mut self, run: &RunHeader, index: i32, event: &RunEvent) -> Result<()> {
        match &mut self.way {
            Way::Tables { encoder, .. } => {
                event_row(run, index, event, &mut |row| encode(encoder, &mut self.rows, row))?;
            }
            Way::Nested { buffer, events: true, .. } => {
                nested::event_line(run, index, event, buffer);
                self.lines = self.lines.saturating_add(1);
            }
            Way::Nested { .. } | Way::Nothing => {}
        }
        self.write_much()
    }

    fn run_end(&mut self, source: &str, record: &RunRecord) -> Result<()> {
        match &mut self.way {
            Way::Tables { encoder, .. } => {
                run_rows(source, record, &mut |row| encode(encoder, &mut self.rows, row))?;
            }
            Way::Nested { buffer, .. } => {
                nested::scan_line(source, record, buffer);
                self.lines = self.lines.saturating_add(u64::from(record.exists));
            }
            Way::Nothing => {}
        }
        self.write_much()
    }

    /// Writes what is ready if it is much.
    fn write_much(&mut self) -> Result<()> {
        let ready = match &self.way {
            Way::Tables { encoder, .. } => encoder.buffered(),
            Way::Nested { buffer, .. } => buffer.len(),
            Way::Nothing => 0,
        };
        if ready >= OUTPUT { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        match &mut self.way {
            Way::Tables { encoder, sink } => {
                encoder.take().into_iter().try_for_each(|piece| sink.write(piece))
            }
            Way::Nested { buffer, sink, .. } => {
                sink.write(buffer)?;
                buffer.clear();
                Ok(())
            }
            Way::Nothing => Ok(()),
        }
    }

    /// Writes what is ready, and hands it to the system.
    fn flush(&mut self) -> Result<()> {
        self.write()?;
        match &mut self.way {
            Way::Tables { sink, .. } => sink.flush(),
            Way::Nested { sink, .. } => sink.flush(),
            Way::Nothing => Ok(()),
        }
    }

    fn finish(self) -> Result<()> {
        match self.way {
            Way::Tables { mut encoder, mut sink } => {
                encoder.finish()?.into_iter().try_for_each(|piece| sink.write(piece))?;
                sink.finish()
            }
            Way::Nested { sink, .. } => sink.finish(),
            Way::Nothing => Ok(()),
        }
    }
}

fn encode(encoder: &mut Box<dyn Encoder>, rows: &mut [u64], row: &Row<'_>) -> Result<()> {
    if let Some(count) = rows.get_mut(row.table().number()) {
        *count = count.saturating_add(1);
    }
    encoder.row(row)
}
