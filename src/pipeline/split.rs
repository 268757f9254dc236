//! Reads one large input with several threads: this thread cuts out hosts, others parse them. Consecutive small
//! documents are submitted together, because each job has a fixed cost.

use std::{
    io::Read,
    sync::{Arc, atomic::Ordering},
};

use super::{Pipeline, jobs::Job, steps::OrderedStep};
use crate::{
    error::Result,
    format::Format,
    model::{ScanEvent, ScanHeader},
    xml::{BatchedEvent, Reader},
};

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
