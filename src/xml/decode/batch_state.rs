//! Parts of an input whose hosts are left for other threads to parse.

use std::{collections::VecDeque, sync::Arc};

use super::{
    super::{
        Options,
        batch::{HostDiagnostics, RawHostBatch},
        frame::{Frame, FrameKind, HostEnd},
    },
    Decoder,
};
use crate::{
    error::Result,
    model::{ScanEvent, ScanSummary},
};

/// Collects hosts that are not parsed here.
#[derive(Debug)]
pub(super) struct BatchState {
    options: Arc<Options>,
    /// Size of a batch in bytes.
    bytes: usize,
    open: Option<RawHostBatch>,
    /// Diagnostics of the scans that ended, without those of their hosts in batches.
    ended: VecDeque<HostDiagnostics>,
}

/// Part of an input whose hosts are left for other threads to parse.
#[derive(Debug)]
pub(crate) enum BatchedEvent<'p> {
    /// An event. It is a host only if parsing the host requires more than its own bytes.
    Event(ScanEvent<'p>),
    /// Hosts that were not parsed yet.
    Hosts(RawHostBatch),
    /// The end of a scan. Its record lacks the diagnostics of the hosts in preceding batches: merge them into the
    /// diagnostics, which then complete the record.
    ScanEnd(Box<ScanSummary>, HostDiagnostics),
}

impl BatchState {
    /// Ends a scan with these diagnostics, which lack those of its hosts in batches.
    pub(super) fn end_scan(&mut self, diagnostics: HostDiagnostics) {
        self.ended.push_back(diagnostics);
    }
}

impl Decoder {
    /// Creates a decoder for one input, for use with [`Self::next_batched_event`], with batches of `bytes` bytes; the
    /// last host of a batch may exceed them.
    #[must_use]
    pub(crate) fn with_batches(options: Options, bytes: usize) -> Self {
        let shared = Arc::new(options.clone());
        let batches = BatchState { options: shared, bytes, open: None, ended: VecDeque::new() };
        let mut decoder = Self { batches: Some(batches), ..Self::new(options) };
        decoder.framer.track_plain_hosts();
        decoder
    }

    /// Returns the next part, for a decoder that batches. Returns `None` as [`Self::next_event`] does.
    ///
    /// # Errors
    /// Fails as [`Self::next_event`] does.
    pub(crate) fn next_batched_event(&mut self) -> Result<Option<BatchedEvent<'_>>> {
        self.advance()?;
        if self.is_batch_due() {
            let mut open = self.batches.as_mut().and_then(|batches| batches.open.take());
            open.iter_mut().for_each(RawHostBatch::shrink_to_fit);
            return Ok(open.map(BatchedEvent::Hosts));
        }
        match self.queue.pop_front() {
            Some(ScanEvent::ScanEnd(record)) => {
                let ended = self.batches.as_mut().and_then(|batches| batches.ended.pop_front());
                debug_assert!(ended.is_some(), "the end of a scan lacks its diagnostics");
                Ok(Some(BatchedEvent::ScanEnd(record, ended.unwrap_or_default())))
            }
            Some(event) => Ok(Some(BatchedEvent::Event(event))),
            None => match self.host.take() {
                Some(frame) => self.read_host(frame).map(|host| Some(BatchedEvent::Event(host))),
                None => Ok(None),
            },
        }
    }

    /// Returns true if the open batch must be returned: it is full, or something follows its hosts.
    pub(super) fn is_batch_due(&self) -> bool {
        let open = self.batches.as_ref().and_then(|batches| batches.open.as_ref());
        open.is_some_and(|batch| {
            batch.is_full() || !self.queue.is_empty() || self.host.is_some() || self.done
        })
    }

    /// Adds a host to the open batch. Returns false if parsing it requires more than its own bytes.
    pub(super) fn batch_host(&mut self, frame: Frame) -> bool {
        let bytes = self.framer.bytes().get(..frame.len).unwrap_or_default();
        let Some(batches) = &mut self.batches else { return false };
        let plain = frame.kind == FrameKind::Host(HostEnd::Closed)
            && self.queue.is_empty()
            && self.transcoder.is_plain()
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
            .get_or_insert_with(|| RawHostBatch::new(options.clone(), encoding, index, most));
        open.push(bytes, self.transcoder.raw_start(), self.lines);
        *seen = seen.saturating_add(1);
        self.consume(frame.len);
        true
    }
}
