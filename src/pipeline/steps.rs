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
    RunEnd { name: Arc<str>, record: Box<ScanSummary>, notes: HostDiagnostics },
    /// The input ends.
    End { name: String, named: bool, error: Option<Error> },
}

/// State between the steps of one input.
#[derive(Default)]
pub(super) struct Turns {
    begun: Option<InputProgress>,
    /// Diagnostics of the hosts of the open scan.
    notes: HostDiagnostics,
}

impl Turns {
    /// Adds the diagnostics of hosts that other threads read.
    pub(super) fn merge(&mut self, notes: HostDiagnostics) {
        self.notes.merge(notes);
    }

    /// Runs a step.
    pub(super) fn take<E: ScanEncoder>(
        &mut self,
        turn: OrderedStep,
        worker: &mut Worker<E>,
        consumer: &mut dyn ChunkConsumer<E>,
    ) -> Result<()> {
        match turn {
            OrderedStep::Begin => self.begun = Some(InputProgress::new(worker)),
            OrderedStep::Hosts(run, batch) => self.hosts(&run, &batch, worker, consumer)?,
            OrderedStep::Event(run, index, event) => worker.activity(&run, index, &event)?,
            OrderedStep::Host(run, host) => worker.host(&run, *host, consumer)?,
            OrderedStep::Skipped { name, record } => {
                self.notes = HostDiagnostics::default();
                worker.scan_skipped(&name, *record)?;
            }
            OrderedStep::RunEnd { name, mut record, mut notes } => {
                notes.merge(std::mem::take(&mut self.notes));
                notes.complete(&mut record);
                worker.scan_end(&name, *record)?;
            }
            OrderedStep::End { name, named, error } => {
                if let Some(begun) = self.begun.take() {
                    begun.end(worker, (name, named), error);
                }
            }
        }
        consumer.between_events(worker, false)
    }

    /// Runs the steps of complete documents.
    pub(super) fn take_whole<E: ScanEncoder>(
        documents: &[OrderedStep],
        worker: &mut Worker<E>,
        consumer: &mut dyn ChunkConsumer<E>,
    ) -> Result<()> {
        let mut turns = Self::default();
        documents.iter().try_for_each(|turn| match turn {
            OrderedStep::Hosts(run, batch) => turns.hosts(run, batch, worker, consumer),
            // Cloned, because a worker that knows more scans may run the steps again.
            other => turns.take(other.clone(), worker, consumer),
        })
    }

    fn hosts<E: ScanEncoder>(
        &mut self,
        run: &ScanHeader,
        batch: &RawHostBatch,
        worker: &mut Worker<E>,
        consumer: &mut dyn ChunkConsumer<E>,
    ) -> Result<()> {
        let notes = batch.read(&mut |host| worker.host(run, host, consumer))?;
        self.merge(notes);
        Ok(())
    }
}
