//! From inputs to one output: order, filters, counts. Errors of one input never stop the others.

mod batches;
mod report;
mod writer;

use std::{
    collections::HashSet,
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use self::writer::Writer;
pub use self::{
    batches::Batches,
    report::{Counts, InputReport, Outcome, Report, WarningReport},
};
use crate::{
    error::{Code, Diagnostic, Error, ErrorKind, Position, Result},
    model::{Host, HostState, Port, RunHeader, RunRecord, ScanEvent},
    sink::{DocumentSink, Sink},
    source::{Input, Member, Pick},
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

/// A consumer of all that is read, beside the output, with the name of what it is read from.
pub type Observer<'o> = &'o mut dyn FnMut(&str, &ScanEvent<'_>);

/// Reads inputs in order and writes what they hold.
pub struct Pipeline {
    options: Options,
    filters: Filters,
    writer: Writer,
    report: Report,
    scans: HashSet<String>,
    stop: Arc<AtomicBool>,
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

    /// Reads an input to its end, or what is in it if it is compressed or an archive, as far as it is
    /// picked. What cannot be read is told in the report.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn read(&mut self, input: &Input, pick: &Pick, observer: Observer<'_>) -> Result<()> {
        let limits = self.options.limits.clone();
        input.visit(&limits, pick, &mut |member| match member {
            _ if self.is_stopped() => Ok(()),
            Ok(member) => self.read_member(member, observer),
            Err(error) => {
                self.refuse(error);
                Ok(())
            }
        })
    }

    fn read_member(&mut self, member: Member<'_>, observer: Observer<'_>) -> Result<()> {
        let Member { name, named, live, bytes, .. } = member;
        let before = self.report.counts;
        let warned = self.report.warnings.values().map(|warning| warning.count).sum::<i64>();
        let error = match self.read_bytes(&name, (bytes, live), observer) {
            Ok(()) => None,
            Err(error) if matches!(error.kind(), ErrorKind::Sink { .. } | ErrorKind::Schema(_)) => {
                return Err(error);
            }
            Err(error) => Some(error),
        };
        let now = self.report.counts;
        let skipped = |error: &Error| !named && error.code() == Some(Code::NotNmap);
        let outcome = match &error {
            None => Outcome::Read,
            Some(error) if skipped(error) => Outcome::Skipped,
            Some(_) => Outcome::Refused,
        };
        self.report.inputs.push(InputReport {
            name,
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

    fn read_bytes(
        &mut self,
        name: &str,
        (bytes, live): (Box<dyn Read + '_>, bool),
        observer: Observer<'_>,
    ) -> Result<()> {
        let mut reader = Reader::new(bytes, self.options.clone());
        let mut run = RunHeader::default();
        let mut events = 0_i32;
        loop {
            if self.is_stopped() {
                return Ok(());
            }
            let event = reader.next_event().map_err(|error| error.in_input(name))?;
            let Some(event) = event else { return Ok(()) };
            observer(name, &event);
            match event {
                ScanEvent::RunStart(header) => {
                    if self.options.strict && self.scans.contains(&header.scan_id) {
                        return Err(duplicate(&header).in_input(name));
                    }
                    run = header;
                    events = 0;
                }
                ScanEvent::Run(event) => {
                    self.writer.event(&run, events, &event)?;
                    events = events.saturating_add(1);
                }
                ScanEvent::Host(host) => self.host(&run, *host)?,
                ScanEvent::RunEnd(record) => self.run_end(name, *record)?,
                ScanEvent::ScanInfo(_) => {}
            }
            if live && !reader.is_ready() {
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
                let position = record.header.position;
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

fn duplicate(header: &RunHeader) -> Error {
    let detail = format!("scan {} was read before", header.scan_id);
    Error::new(ErrorKind::Strict { code: Code::DupScan, detail }).at(header.position)
}
