//! Parts of an input, with hosts left to be read by others.

use std::{collections::VecDeque, sync::Arc};

use super::{
    super::{
        Options,
        batch::{HostBatch, HostNotes},
        frame::{HostEnd, Kind, Piece},
    },
    Decoder,
};
use crate::{
    error::Result,
    model::{RunRecord, ScanEvent},
};

/// Hosts that are not read here.
#[derive(Debug)]
pub(super) struct Batches {
    options: Arc<Options>,
    /// Bytes of a batch.
    bytes: usize,
    open: Option<HostBatch>,
    /// What was noted of the scans that ended, beside their hosts in batches.
    ended: VecDeque<HostNotes>,
}

/// What an input holds, with hosts left to be read by others.
#[derive(Debug)]
pub enum Part<'p> {
    /// An event. A host is one here if more than itself must be known to read it.
    Event(ScanEvent<'p>),
    /// Hosts, to be read.
    Hosts(HostBatch),
    /// The end of a scan. Its record lacks what is noted of the hosts in batches before it: that is to be
    /// merged into the notes, which then complete the record.
    RunEnd(Box<RunRecord>, HostNotes),
}

impl Batches {
    /// A scan has ended; this was noted of it, beside its hosts in batches.
    pub(super) fn end_scan(&mut self, notes: HostNotes) {
        self.ended.push_back(notes);
    }
}

impl Decoder {
    /// A decoder at the start of an input, for [`Self::next_part`], with batches of so many bytes; the last
    /// host of one may go beyond.
    #[must_use]
    pub fn batching(options: Options, bytes: usize) -> Self {
        let shared = Arc::new(options.clone());
        let batches = Batches { options: shared, bytes, open: None, ended: VecDeque::new() };
        let mut decoder = Self { batches: Some(batches), ..Self::new(options) };
        decoder.framer.tell_plain();
        decoder
    }

    /// The next part, of a decoder that batches; `None` as with [`Self::next_event`].
    ///
    /// # Errors
    /// As with [`Self::next_event`].
    pub fn next_part(&mut self) -> Result<Option<Part<'_>>> {
        self.advance()?;
        if self.is_batch_due() {
            let mut open = self.batches.as_mut().and_then(|batches| batches.open.take());
            open.iter_mut().for_each(HostBatch::fit);
            return Ok(open.map(Part::Hosts));
        }
        match self.queue.pop_front() {
            Some(ScanEvent::RunEnd(record)) => {
                let ended = self.batches.as_mut().and_then(|batches| batches.ended.pop_front());
                Ok(Some(Part::RunEnd(record, ended.unwrap_or_default())))
            }
            Some(event) => Ok(Some(Part::Event(event))),
            None => match self.host.take() {
                Some(piece) => self.read_host(piece).map(|host| Some(Part::Event(host))),
                None => Ok(None),
            },
        }
    }

    /// Whether the open batch must be given: it is full, or something comes behind its hosts.
    pub(super) fn is_batch_due(&self) -> bool {
        let open = self.batches.as_ref().and_then(|batches| batches.open.as_ref());
        open.is_some_and(|batch| {
            batch.is_full() || !self.queue.is_empty() || self.host.is_some() || self.done
        })
    }

    /// Puts a host into the open batch, if that can be read without more than itself.
    pub(super) fn batch_host(&mut self, piece: Piece) -> bool {
        let bytes = self.framer.bytes().get(..piece.len).unwrap_or_default();
        let Some(batches) = &mut self.batches else { return false };
        let plain = piece.kind == Kind::Host(HostEnd::Closed)
            && self.queue.is_empty()
            && self.intake.is_plain()
            && self.framer.is_plain();
        if !plain {
            return false;
        }
        let seen = &mut self.document.reader.record.hosts_seen;
        let index = i32::try_from(*seen).unwrap_or(i32::MAX);
        let encoding = self.encoding;
        let (options, most) = (&batches.options, batches.bytes);
        let open = batches
            .open
            .get_or_insert_with(|| HostBatch::new(options.clone(), encoding, index, most));
        open.push(bytes, self.intake.raw_start(), self.lines);
        *seen = seen.saturating_add(1);
        self.consume(piece.len);
        true
    }
}
