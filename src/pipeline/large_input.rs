//! Reads one large input with several threads: this thread cuts out hosts, others parse them. Consecutive small
//! documents are submitted together, because each job has a fixed cost.

use std::{io::Read, sync::Arc};

use super::{Pipeline, jobs::Job, steps::OrderedStep};
use crate::{
    error::Result,
    format::Format,
    model::{ScanEvent, ScanHeader},
    xml::{BatchedEvent, Reader},
};

/// Minimum number of documents per job, if they are small.
const MIN_DOCUMENTS: usize = 4;
/// Minimum cost of a document in bytes.
const MIN_DOCUMENT_COST: usize = 4 << 10;

/// Small documents of an input that were not submitted yet, with the bytes that each step was read from.
#[derive(Default)]
struct DocumentBatcher {
    whole: Vec<OrderedStep>,
    bytes: usize,
    /// Steps of the open document, as long as it is small, each with the bytes that it was read from.
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
        let mut scan = Arc::new(ScanHeader::default());
        let mut index = 0_i32;
        let mut position = 0_u64;
        let mut skipping = false;
        let mut documents = DocumentBatcher::default();
        let error = loop {
            if self.stop.is_cancelled() {
                break None;
            }
            let part = match reader.next_batched_event() {
                Ok(Some(part)) => part,
                Ok(None) => break None,
                Err(error) => break Some(error.with_input(&*name)),
            };
            let step = match part {
                BatchedEvent::ScanEnd(record, _) if skipping => {
                    skipping = false;
                    OrderedStep::Skipped { name: Arc::clone(&shown), record }
                }
                BatchedEvent::Event(ScanEvent::ScanStart(header)) => {
                    if self.filters.dedup {
                        // Queued jobs may contain the same scan.
                        self.submit_documents(&mut documents)?;
                        self.write_jobs()?;
                        skipping = self.worker.skips(&header.scan_id);
                    }
                    (scan, index) = (Arc::new(header), 0);
                    continue;
                }
                _ if skipping => continue,
                BatchedEvent::Hosts(batch) => OrderedStep::Hosts(Arc::clone(&scan), batch),
                BatchedEvent::ScanEnd(record, notes) => {
                    OrderedStep::ScanEnd { name: Arc::clone(&shown), record, notes }
                }
                BatchedEvent::Event(ScanEvent::Activity(event)) => {
                    index = index.saturating_add(1);
                    OrderedStep::Event(Arc::clone(&scan), index.saturating_sub(1), event)
                }
                BatchedEvent::Event(ScanEvent::Host(host)) => {
                    OrderedStep::Host(Arc::clone(&scan), Box::new(host.into_owned()))
                }
                BatchedEvent::Event(ScanEvent::ScanInfo(_) | ScanEvent::ScanEnd(_)) => continue,
            };
            let read = bytes_since(&mut position, &reader);
            self.submit_step(&mut documents, step, read)?;
        };
        self.submit_documents(&mut documents)?;
        self.then(OrderedStep::End { name, named, error }, 0)
    }

    /// Submits a step: immediately, or together with small documents.
    fn submit_step(
        &mut self,
        documents: &mut DocumentBatcher,
        step: OrderedStep,
        read: usize,
    ) -> Result<()> {
        let best = self.preferred_input_bytes();
        let ends = matches!(step, OrderedStep::ScanEnd { .. } | OrderedStep::Skipped { .. });
        if documents.is_large {
            documents.is_large = !ends;
            return self.submit_now(step, read);
        }
        documents.open.push((step, read));
        // Every step and every document has a cost, however few bytes it was read from.
        let cost = if ends { MIN_DOCUMENT_COST } else { size_of::<OrderedStep>() };
        documents.open_bytes = documents.open_bytes.saturating_add(read).saturating_add(cost);
        if documents.open_bytes > best / MIN_DOCUMENTS {
            documents.is_large = !ends;
            return self.submit_documents(documents);
        }
        if ends {
            documents.bytes =
                documents.bytes.saturating_add(std::mem::take(&mut documents.open_bytes));
            documents.whole.extend(documents.open.drain(..).map(|(step, _)| step));
            if documents.bytes >= best {
                return self.submit_documents(documents);
            }
        }
        Ok(())
    }

    /// Submits small documents, and the steps of the open one.
    fn submit_documents(&mut self, documents: &mut DocumentBatcher) -> Result<()> {
        let (whole, bytes) =
            (std::mem::take(&mut documents.whole), std::mem::take(&mut documents.bytes));
        if !whole.is_empty() {
            self.submit(Job::Documents(whole, bytes))?;
        }
        documents.open_bytes = 0;
        documents.open.drain(..).try_for_each(|(step, read)| self.submit_now(step, read))
    }

    fn submit_now(&mut self, step: OrderedStep, read: usize) -> Result<()> {
        match step {
            OrderedStep::Hosts(scan, batch) => self.submit(Job::Hosts(scan, batch)),
            step @ (OrderedStep::Event(..) | OrderedStep::Host(..)) => self.then(step, read),
            step => self.then(step, 0),
        }
    }
}

/// Returns the number of bytes read since `position`, and moves it forward.
fn bytes_since<R: Read>(position: &mut u64, reader: &Reader<R>) -> usize {
    let before = std::mem::replace(position, reader.byte_offset());
    usize::try_from(position.saturating_sub(before)).unwrap_or(usize::MAX)
}
