//! One large input on several threads: this one cuts hosts out, others read them.

use std::{
    io::Read,
    sync::{Arc, atomic::Ordering},
};

use super::{Pipeline, coder::Coder, output::Taker, reading::Begun};
use crate::{
    error::{Error, Result},
    model::{Host, RunEvent, RunHeader, RunRecord, ScanEvent},
    xml::{HostNotes, Part, Reader},
};

/// What is done in its turn, behind the hosts that come before it.
pub(super) enum Turn {
    /// An input begins.
    Begin,
    /// An event of a run, with its place.
    Event(Arc<RunHeader>, i32, RunEvent),
    /// A host that was read here.
    Host(Arc<RunHeader>, Box<Host<'static>>),
    /// A scan ends that was left out.
    Skipped { name: Arc<str>, record: Box<RunRecord> },
    /// A scan ends.
    RunEnd { name: Arc<str>, record: Box<RunRecord>, notes: HostNotes },
    /// The input ends.
    End { name: String, named: bool, error: Option<Error> },
}

/// What is known between the turns of one input.
#[derive(Default)]
pub(super) struct Turns {
    begun: Option<Begun>,
    /// What was noted of hosts of the scan that is open.
    notes: HostNotes,
}

impl Turns {
    /// Hosts that were read elsewhere are written now.
    pub(super) fn merge(&mut self, notes: HostNotes) {
        self.notes.merge(notes);
    }

    /// Does what is to be done in its turn.
    pub(super) fn take(
        &mut self,
        turn: Turn,
        coder: &mut Coder,
        taker: &mut dyn Taker,
    ) -> Result<()> {
        match turn {
            Turn::Begin => self.begun = Some(Begun::new(coder)),
            Turn::Event(run, index, event) => coder.event(&run, index, &event)?,
            Turn::Host(run, host) => coder.host(&run, *host, taker)?,
            Turn::Skipped { name, record } => {
                self.notes = HostNotes::default();
                coder.run_skipped(&name, *record)?;
            }
            Turn::RunEnd { name, mut record, mut notes } => {
                notes.merge(std::mem::take(&mut self.notes));
                notes.complete(&mut record);
                coder.run_end(&name, *record)?;
                coder.seen.clear();
            }
            Turn::End { name, named, error } => {
                if let Some(begun) = self.begun.take() {
                    begun.end(coder, (name, named), error);
                }
            }
        }
        taker.between(coder, false)
    }
}

impl Pipeline {
    /// Reads an input with the crew.
    pub(super) fn read_split(&mut self, name: String, named: bool, bytes: impl Read) -> Result<()> {
        self.then(Turn::Begin, 0)?;
        let mut reader = Reader::batching(bytes, self.options.clone(), self.coder.best_input());
        let shown: Arc<str> = name.as_str().into();
        let mut run = Arc::new(RunHeader::default());
        let mut index = 0_i32;
        let mut place = 0_u64;
        let mut skipping = false;
        let error = loop {
            if self.stop.load(Ordering::Relaxed) {
                break None;
            }
            let part = match reader.next_part() {
                Ok(Some(part)) => part,
                Ok(None) => break None,
                Err(error) => break Some(error.in_input(&*name)),
            };
            match part {
                Part::RunEnd(record, _) if skipping => {
                    skipping = false;
                    self.then(Turn::Skipped { name: Arc::clone(&shown), record }, 0)?;
                }
                Part::Event(ScanEvent::RunStart(header)) => {
                    if self.filters.dedup {
                        // What is under way may hold the same scan.
                        self.write_crew()?;
                        skipping = self.coder.skips(&header.scan_id);
                    }
                    (run, index) = (Arc::new(header), 0);
                }
                _ if skipping => {}
                Part::Hosts(batch) => {
                    since(&mut place, &reader);
                    self.send_hosts(&run, batch)?;
                }
                Part::RunEnd(record, notes) => {
                    self.then(Turn::RunEnd { name: Arc::clone(&shown), record, notes }, 0)?;
                }
                Part::Event(ScanEvent::Run(event)) => {
                    let read = since(&mut place, &reader);
                    self.then(Turn::Event(Arc::clone(&run), index, event), read)?;
                    index = index.saturating_add(1);
                }
                Part::Event(ScanEvent::Host(host)) => {
                    let host = Box::new(host.into_owned());
                    let read = since(&mut place, &reader);
                    self.then(Turn::Host(Arc::clone(&run), host), read)?;
                }
                Part::Event(ScanEvent::ScanInfo(_) | ScanEvent::RunEnd(_)) => {}
            }
        };
        self.then(Turn::End { name, named, error }, 0)
    }
}

/// Bytes that were read since a place, which is moved on.
fn since<R: Read>(place: &mut u64, reader: &Reader<R>) -> usize {
    let before = std::mem::replace(place, reader.passed());
    usize::try_from(place.saturating_sub(before)).unwrap_or(usize::MAX)
}
