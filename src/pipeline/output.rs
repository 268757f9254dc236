//! Encoded output on its way: written at once, or gathered on a thread until its turn comes.

use super::{OUTPUT, coder::Coder, outlet::Outlet};
use crate::{
    error::{Error, Result},
    merge::Stager,
    model::RunRecord,
    sink::Encoded,
};

/// Encoded output, to be written in order.
pub(super) enum Output {
    Pieces(Vec<Encoded>),
    Text(Vec<u8>),
    Staged(Vec<Staged>),
}

/// What a merger is given.
pub(super) enum Staged {
    Records(Vec<u8>),
    End { source: String, record: Box<RunRecord> },
}

/// Hosts and events on their way to a merger.
pub(super) struct Staging {
    pub(super) stager: Stager,
    /// Of the scan that is open, not in `ready` yet.
    pub(super) records: Vec<u8>,
    pub(super) ready: Vec<Staged>,
    pub(super) size: usize,
}

impl Staging {
    pub(super) fn new(stager: Stager) -> Self {
        Self { stager, records: Vec::new(), ready: Vec::new(), size: 0 }
    }

    pub(super) fn close_records(&mut self) {
        if !self.records.is_empty() {
            self.size = self.size.saturating_add(self.records.len());
            self.ready.push(Staged::Records(std::mem::take(&mut self.records)));
        }
    }
}

/// What becomes of output.
pub(super) trait Taker {
    /// Takes what comes next. A host with many events has it called before all of them are made.
    ///
    /// # Errors
    /// If it cannot be written, or there is too much of it.
    fn take(&mut self, output: Output) -> Result<()>;

    /// Takes what is ready between two events, if it is much; `waits` tells whether the next one must be
    /// waited for.
    ///
    /// # Errors
    /// As of [`take`](Self::take).
    fn between(&mut self, coder: &mut Coder, _waits: bool) -> Result<()> {
        if coder.ready() >= OUTPUT { self.take(coder.take()) } else { Ok(()) }
    }
}

/// Output is written.
pub(super) struct Writing<'o> {
    pub(super) outlet: &'o mut Outlet,
    /// When what was written goes to the system.
    pub(super) flushes: Flushes,
}

/// When what was written goes to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushes {
    /// When there is much of it.
    Seldom,
    /// Before more is waited for.
    BeforeWaits,
    /// After each event: what comes next may take its time, too.
    Always,
}

impl<'o> Writing<'o> {
    /// To this outlet, with what is written going to the system when there is much of it.
    pub(super) fn new(outlet: &'o mut Outlet) -> Self {
        Self { outlet, flushes: Flushes::Seldom }
    }
}

impl Taker for Writing<'_> {
    fn take(&mut self, output: Output) -> Result<()> {
        self.outlet.write(output)
    }

    fn between(&mut self, coder: &mut Coder, waits: bool) -> Result<()> {
        let flushes = match self.flushes {
            Flushes::Seldom => false,
            Flushes::BeforeWaits => waits,
            Flushes::Always => true,
        };
        if coder.ready() >= OUTPUT || flushes {
            self.outlet.write(coder.take())?;
            self.outlet.notice(coder.take_notices())?;
        }
        if flushes { self.outlet.flush() } else { Ok(()) }
    }
}

/// Text that a thread may hold beside as much as it was given.
const HELD: usize = 8 << 20;

/// Output is gathered.
#[derive(Default)]
pub(super) struct Gathering {
    pub(super) outputs: Vec<Output>,
    /// Bytes that were read for it.
    read: usize,
    held: usize,
    /// There was more than may be held: it must be made again and written at once.
    pub(super) is_too_much: bool,
}

impl Gathering {
    /// Nothing yet of so many bytes.
    pub(super) fn of(read: usize) -> Self {
        Self { read, ..Self::default() }
    }
}

impl Taker for Gathering {
    fn take(&mut self, output: Output) -> Result<()> {
        if let Output::Text(text) = &output {
            self.held = self.held.saturating_add(text.len());
        }
        self.is_too_much |= self.held > self.read.saturating_add(HELD);
        if self.is_too_much {
            self.outputs.clear();
            return Err(Error::sink("output", "more than a thread may hold"));
        }
        self.outputs.push(output);
        Ok(())
    }
}
