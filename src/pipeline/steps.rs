//! Steps of an input that is divided among threads: they run in order, between the jobs of its hosts.

use std::sync::Arc;

use super::{consumer::ChunkConsumer, stream::InputProgress, worker::Worker};
use crate::{
    error::{Error, Result},
    format::ScanEncoder,
    model::{Host, ScanActivity, ScanHeader, ScanSummary},
    xml::{HostDiagnostics, RawHostBatch},
};

/// Step that runs in order, after the hosts that precede it.
#[derive(Clone)]
pub(super) enum OrderedStep {
    /// The input begins.
    Begin,
    /// Hosts that were not parsed yet.
    Hosts(Arc<ScanHeader>, RawHostBatch),
    /// An event of a scan, with its index.
    Event(Arc<ScanHeader>, i32, ScanActivity),
    /// A host that was read on this thread.
    Host(Arc<ScanHeader>, Box<Host<'static>>),
    /// A scan that is omitted ends.
    Skipped { name: Arc<str>, record: Box<ScanSummary> },
    /// A scan ends.
    ScanEnd { name: Arc<str>, record: Box<ScanSummary>, notes: HostDiagnostics },
    /// The input ends.
    End { name: String, named: bool, error: Option<Error> },
}

/// State between the steps of one input.
#[derive(Default)]
pub(super) struct StepRunner {
    progress: Option<InputProgress>,
    /// Diagnostics of the hosts of the open scan.
    notes: HostDiagnostics,
}

impl StepRunner {
    /// Adds the diagnostics of hosts that other threads read.
    pub(super) fn add_diagnostics(&mut self, notes: HostDiagnostics) {
        self.notes.merge(notes);
    }

    /// Runs a step.
    pub(super) fn run<E: ScanEncoder>(
        &mut self,
        step: OrderedStep,
        worker: &mut Worker<E>,
        consumer: &mut dyn ChunkConsumer<E>,
    ) -> Result<()> {
        match step {
            OrderedStep::Begin => self.progress = Some(InputProgress::new(worker)),
            OrderedStep::Hosts(scan, batch) => self.hosts(&scan, &batch, worker, consumer)?,
            OrderedStep::Event(scan, index, event) => worker.activity(&scan, index, &event)?,
            OrderedStep::Host(scan, host) => worker.host(&scan, *host, consumer)?,
            OrderedStep::Skipped { name, record } => {
                self.notes = HostDiagnostics::default();
                worker.scan_skipped(&name, *record)?;
            }
            OrderedStep::ScanEnd { name, mut record, mut notes } => {
                notes.merge(std::mem::take(&mut self.notes));
                notes.complete(&mut record);
                worker.scan_end(&name, *record)?;
            }
            OrderedStep::End { name, named, error } => {
                if let Some(progress) = self.progress.take() {
                    progress.end(worker, (name, named), error);
                }
            }
        }
        consumer.between_events(worker, false)
    }

    /// Runs the steps of complete documents.
    pub(super) fn run_documents<E: ScanEncoder>(
        documents: &[OrderedStep],
        worker: &mut Worker<E>,
        consumer: &mut dyn ChunkConsumer<E>,
    ) -> Result<()> {
        let mut runner = Self::default();
        documents.iter().try_for_each(|step| match step {
            OrderedStep::Hosts(scan, batch) => runner.hosts(scan, batch, worker, consumer),
            // Cloned, because a worker that knows more scans may run the steps again.
            other => runner.run(other.clone(), worker, consumer),
        })
    }

    fn hosts<E: ScanEncoder>(
        &mut self,
        scan: &ScanHeader,
        batch: &RawHostBatch,
        worker: &mut Worker<E>,
        consumer: &mut dyn ChunkConsumer<E>,
    ) -> Result<()> {
        let notes = batch.read(&mut |host| worker.host(scan, host, consumer))?;
        self.add_diagnostics(notes);
        Ok(())
    }
}
