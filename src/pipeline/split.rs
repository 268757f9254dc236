//! Reads one large input with several threads: this thread cuts out hosts, others parse them. Consecutive small
//! documents are submitted together, because each job has a fixed cost.

use std::{
    io::Read,
    sync::{Arc, atomic::Ordering},
};

use super::{Pipeline, consumer::ChunkConsumer, jobs::Job, stream::InputProgress, worker::Worker};
use crate::{
    error::{Error, Result},
    format::{Format, ScanEncoder},
    model::{Host, ScanActivity, ScanEvent, ScanHeader, ScanSummary},
    xml::{BatchedEvent, HostDiagnostics, RawHostBatch, Reader},
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

/// Minimum number of documents per job, if they are small.
const DOCUMENTS: usize = 4;
/// Minimum cost of a document in bytes.
const DOCUMENT: usize = 4 << 10;

/// Small documents of an input that were not submitted yet, with the bytes that each step was read from.
#[derive(Default)]
struct Small {
    whole: Vec<OrderedStep>,
    bytes: usize,
    /// Steps of the open document, as long as it is small.
    open: Vec<(OrderedStep, usize)>,
    open_bytes: usize,
    /// True if the open document is not small.
    is_large: bool,
}

impl<F: Format> Pipeline<F> {
    /// Reads an input with several threads.
    pub(super) fn read_split(&mut self, name: String, named: bool, bytes: impl Read) -> Result<()> {
        self.then(OrderedStep::Begin, 0)?;
        let mut reader =
            Reader::with_batches(bytes, self.options.clone(), self.preferred_input_bytes());
        let shown: Arc<str> = name.as_str().into();
        let mut run = Arc::new(ScanHeader::default());
        let mut index = 0_i32;
        let mut place = 0_u64;
        let mut skipping = false;
        let mut small = Small::default();
        let error = loop {
            if self.stop.load(Ordering::Relaxed) {
                break None;
            }
            let part = match reader.next_batched_event() {
                Ok(Some(part)) => part,
                Ok(None) => break None,
                Err(error) => break Some(error.with_input(&*name)),
            };
            let turn = match part {
                BatchedEvent::ScanEnd(record, _) if skipping => {
                    skipping = false;
                    OrderedStep::Skipped { name: Arc::clone(&shown), record }
                }
                BatchedEvent::Event(ScanEvent::ScanStart(header)) => {
                    if self.filters.dedup {
                        // Queued jobs may contain the same scan.
                        self.send_small(&mut small)?;
                        self.write_jobs()?;
                        skipping = self.worker.skips(&header.scan_id);
                    }
                    (run, index) = (Arc::new(header), 0);
                    continue;
                }
                _ if skipping => continue,
                BatchedEvent::Hosts(batch) => OrderedStep::Hosts(Arc::clone(&run), batch),
                BatchedEvent::ScanEnd(record, notes) => {
                    OrderedStep::RunEnd { name: Arc::clone(&shown), record, notes }
                }
                BatchedEvent::Event(ScanEvent::Activity(event)) => {
                    index = index.saturating_add(1);
                    OrderedStep::Event(Arc::clone(&run), index.saturating_sub(1), event)
                }
                BatchedEvent::Event(ScanEvent::Host(host)) => {
                    OrderedStep::Host(Arc::clone(&run), Box::new(host.into_owned()))
                }
                BatchedEvent::Event(ScanEvent::ScanInfo(_) | ScanEvent::ScanEnd(_)) => continue,
            };
            let read = since(&mut place, &reader);
            self.give(&mut small, turn, read)?;
        };
        self.send_small(&mut small)?;
        self.then(OrderedStep::End { name, named, error }, 0)
    }

    /// Submits a step: immediately, or together with small documents.
    fn give(&mut self, small: &mut Small, turn: OrderedStep, read: usize) -> Result<()> {
        let best = self.preferred_input_bytes();
        let ends = matches!(turn, OrderedStep::RunEnd { .. } | OrderedStep::Skipped { .. });
        if small.is_large {
            small.is_large = !ends;
            return self.give_now(turn, read);
        }
        small.open.push((turn, read));
        // Every step and every document has a cost, however few bytes it was read from.
        let cost = if ends { DOCUMENT } else { size_of::<OrderedStep>() };
        small.open_bytes = small.open_bytes.saturating_add(read).saturating_add(cost);
        if small.open_bytes > best / DOCUMENTS {
            small.is_large = !ends;
            return self.send_small(small);
        }
        if ends {
            small.bytes = small.bytes.saturating_add(std::mem::take(&mut small.open_bytes));
            small.whole.extend(small.open.drain(..).map(|(turn, _)| turn));
            if small.bytes >= best {
                return self.send_small(small);
            }
        }
        Ok(())
    }

    /// Submits small documents, and the steps of the open one.
    fn send_small(&mut self, small: &mut Small) -> Result<()> {
        let (whole, bytes) = (std::mem::take(&mut small.whole), std::mem::take(&mut small.bytes));
        if !whole.is_empty() {
            self.submit(Job::Documents(whole, bytes))?;
        }
        small.open_bytes = 0;
        small.open.drain(..).try_for_each(|(turn, read)| self.give_now(turn, read))
    }

    fn give_now(&mut self, turn: OrderedStep, read: usize) -> Result<()> {
        match turn {
            OrderedStep::Hosts(run, batch) => self.submit(Job::Hosts(run, batch)),
            turn @ (OrderedStep::Event(..) | OrderedStep::Host(..)) => self.then(turn, read),
            turn => self.then(turn, 0),
        }
    }
}

/// Returns the number of bytes read since `place`, and moves it forward.
fn since<R: Read>(place: &mut u64, reader: &Reader<R>) -> usize {
    let before = std::mem::replace(place, reader.byte_offset());
    usize::try_from(place.saturating_sub(before)).unwrap_or(usize::MAX)
}
