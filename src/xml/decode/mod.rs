//! Decoder: turns the frames of the framer into events, document by document (rules R1, R2, R6 and R7).
//!
//! ```text
//! bytes ──▶ Transcoder ──▶ Framer ──────────▶ Tokens ──▶ ElementStack ──▶ readers of scans and hosts ──▶ events
//!           (encoding)     (hosts, markup)    (markup)   (nesting)        (values)
//! ```
//!
//! [`Decoder`] is a state machine without I/O, threads or clocks. The caller feeds bytes in chunks of any size and then
//! calls [`Decoder::next_event`] until it returns `None`; [`Reader`](super::Reader) does both for an input. Each step
//! of `advance` takes one frame from the framer, passes it to the handler of its kind, and consumes its bytes. Handlers
//! add events to `queue`, with one exception: a host is returned without copying, so it stays in the framer (`host`)
//! until the caller asks for it, and its bytes (`emitted_len`) are consumed by the next call.
//!
//! [`Phase`] is the position in the document: before it, in its prolog, in a scan, after a scan, or in a document of
//! another format. Handlers change it, and the framer receives it with every call, as
//! [`Surroundings`](super::frame::Surroundings), because it decides if a `<host` begins a host.
//!
//! Positions are counted in three ways: in bytes of the framer, in bytes of the input (the two differ after transcoding
//! and dropped NUL bytes), and in lines. `consume` alone advances them.
//!
//! Invariants: every step consumes at least one byte or produces a host or an error; and events do not depend on
//! how the input is divided into chunks. With strict reading the first warning ends the input, so frames are then as
//! small as possible and the hash advances only when a frame was accepted (`strict_mode`).
//!
//! The folder divides the handlers by subject: `document` (begin and end of scans), `foreign_document` (other formats),
//! `oversized_tag` (tags above the limit), `embedded_xml` (XML in strings), `frame_text` (parsing), `position` (input
//! positions of warnings), `batch_state` (hosts for other threads), `strict_mode`, and `reset` (reuse). A new kind of
//! frame needs an arm in `Decoder::frame`; a new field needs one in `reset`, which lists all of them.

mod batch_state;
mod document;
mod embedded_xml;
mod foreign_document;
mod frame_text;
mod oversized_tag;
mod position;
mod reset;
mod strict_mode;

use std::{
    collections::VecDeque,
    io::{self, Read},
    mem,
};

use bumpalo::Bump;
use sha2::{Digest, Sha256};

pub(crate) use self::batch_state::BatchedEvent;
pub(super) use self::position::line_of;
use self::{
    batch_state::BatchState,
    embedded_xml::EscapedScan,
    position::{PositionMap, count_lines},
};
use super::{
    Options,
    diagnostics::{DocumentDiagnostics, FrameDiagnostics},
    frame::{Frame, FrameKind, Framer},
    lex::to_u64,
    scan::Document,
    text::Encoding,
    transcode::Transcoder,
};
use crate::{
    error::{DiagnosticCode, Error, Position, Result},
    model::ScanEvent,
};

/// Number of bytes taken from the caller at once, which bounds what is buffered in addition to the limits.
const FEED: usize = 256 << 10;
/// Position of the first document.
const START: Position = Position { byte: 0, line: 1 };

/// Turns bytes into events, however they are divided into chunks. It keeps its state between calls and uses no reader,
/// thread or clock.
#[derive(Debug)]
pub struct Decoder {
    options: Options,
    transcoder: Transcoder,
    framer: Framer,
    /// Bytes that were fed but not passed to the transcoder yet.
    pending_input: VecDeque<u8>,
    bump: Bump,
    diagnostics: FrameDiagnostics,
    document_diagnostics: DocumentDiagnostics,
    encoding: Encoding,
    document: Document,
    phase: Phase,
    /// Events that are ready.
    queue: VecDeque<ScanEvent<'static>>,
    /// Next host, which is at the start of the framer.
    host: Option<Frame>,
    /// Length in bytes of the host that was returned last and is not consumed yet.
    emitted_len: usize,
    batches: Option<BatchState>,
    failed: Option<Error>,
    input_finished: bool,
    /// True if the input was not read to its end.
    unreadable: bool,
    done: bool,
    lines: u64,
    doc_start: Position,
    escaped: EscapedScan,
    /// Reason why this is not nmap XML, unless a scan follows.
    refused: Option<Error>,
    /// True if an nmap scan or host was seen in markup that is not read, before any scan.
    hides_scan: bool,
    /// Bytes that are not consumed yet, for the hash.
    hash_input: VecDeque<u8>,
    /// Position of the first of these bytes.
    hash_position: u64,
    hash: Sha256,
    /// Hash up to the first bytes that become a warning if a scan follows, and their position, for strict reading.
    hash_before_junk: Option<(u64, Sha256)>,
}

/// Position of the decoder in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Before the document; `junk` is the position of the first junk.
    Before { junk: Option<Position>, anything: bool },
    /// After its declaration or DOCTYPE; `nmap` is true if one of them identified it as nmap's.
    Prolog { nmap: bool },
    /// Inside `nmaprun`.
    Open,
    /// After `</nmaprun>`.
    After,
    /// In a document that is not nmap XML.
    Foreign,
}

impl Default for Phase {
    fn default() -> Self {
        Self::Before { junk: None, anything: false }
    }
}

impl Decoder {
    /// Creates a decoder for one input.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let unknown = options.limits.max_unknown_names;
        let mut framer = Framer::new(options.limits.clone());
        if options.strict {
            // The bytes read before the first warning must not depend on how much of the input is available.
            framer.read_stepwise();
        }
        Self {
            transcoder: Transcoder::default(),
            framer,
            pending_input: VecDeque::new(),
            bump: Bump::new(),
            diagnostics: FrameDiagnostics::new(unknown),
            document_diagnostics: DocumentDiagnostics::new(unknown),
            encoding: Encoding::default(),
            document: Document::new(0),
            phase: Phase::default(),
            queue: VecDeque::new(),
            host: None,
            emitted_len: 0,
            batches: None,
            failed: None,
            input_finished: false,
            unreadable: false,
            done: false,
            lines: 0,
            doc_start: START,
            escaped: EscapedScan::default(),
            refused: None,
            hides_scan: false,
            hash_input: VecDeque::new(),
            hash_position: 0,
            hash: Sha256::new(),
            hash_before_junk: None,
            options,
        }
    }

    /// Feeds the next bytes of the input, in chunks of any size. Call [`Self::next_event`] until it returns `None`
    /// before feeding more: until then, fed bytes are buffered.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.done {
            return;
        }
        if self.options.hash {
            self.hash_input.extend(bytes);
        }
        if self.pending_input.is_empty() && bytes.len() <= FEED {
            self.transcoder.feed(bytes, self.framer.buffer());
        } else {
            self.pending_input.extend(bytes);
        }
    }

    /// Feeds the result of one read of at most `room` bytes; a read of no bytes is the end. Usually it reads directly
    /// into the framer's buffer, otherwise into `chunk`.
    ///
    /// # Errors
    /// Returns the errors of the reader.
    pub(super) fn feed_from(
        &mut self,
        from: &mut impl Read,
        (chunk, room): (&mut Vec<u8>, usize),
    ) -> io::Result<usize> {
        let in_place = !self.done
            && !self.options.hash
            && self.pending_input.is_empty()
            && self.transcoder.takes_bytes();
        if !in_place {
            chunk.resize(room, 0);
            let len = from.read(chunk)?;
            self.feed(chunk.get(..len).unwrap_or_default());
            return Ok(len);
        }
        let buffer = self.framer.buffer();
        let before = buffer.len();
        buffer.resize(before.saturating_add(room), 0);
        let read = from.read(buffer.get_mut(before..).unwrap_or_default());
        let len = read.as_ref().map_or(0, |len| *len);
        buffer.truncate(before.saturating_add(len));
        self.transcoder.accept(before, buffer);
        read
    }

    /// Ends the input. Everything that is still open is closed.
    pub fn finish(&mut self) {
        self.input_finished = true;
    }

    /// Ends the input where the remaining bytes cannot be read.
    pub(super) fn finish_unreadable(&mut self) {
        self.unreadable = true;
        self.finish();
    }

    /// Returns the next event, or `None` if more bytes are needed or, after [`Self::finish`], all events were returned.
    ///
    /// # Errors
    /// Fails if the input is not nmap XML, or at the first warning with [`Options::strict`]. Events before the error
    /// are returned first, and `None` follows it.
    pub fn next_event(&mut self) -> Result<Option<ScanEvent<'_>>> {
        self.advance()?;
        if let Some(event) = self.queue.pop_front() {
            return Ok(Some(event));
        }
        match self.host.take() {
            Some(frame) => self.read_host(frame).map(Some),
            None => Ok(None),
        }
    }

    /// Returns true if [`Self::next_event`] will return an event.
    pub(super) fn is_ready(&self) -> bool {
        !self.queue.is_empty() || self.host.is_some() || self.is_batch_due()
    }

    /// Continues until an event is ready or more bytes are needed.
    pub(super) fn advance(&mut self) -> Result<()> {
        if self.emitted_len > 0 {
            let len = mem::take(&mut self.emitted_len);
            self.consume(len);
        }
        while !self.is_ready() {
            if let Some(error) = self.failed.take() {
                self.done = true;
                return Err(error);
            }
            if self.done {
                return Ok(());
            }
            let wants_text = self.document.stack.wants_text();
            if let Some(frame) = self.framer.next(wants_text, self.phase.surroundings()) {
                let before = self.framer.place();
                self.frame(frame);
                self.check_strict();
                if self.framer.place() == before && self.host.is_none() && self.failed.is_none() {
                    debug_assert!(false, "the decoder makes no progress at {before}: {frame:?}");
                    self.consume(frame.len);
                }
            } else if !self.take_in() {
                if self.input_finished {
                    let rest = self.framer.bytes().len();
                    self.consume(rest);
                    self.end_of_input();
                }
                break;
            }
        }
        match self.failed.take() {
            Some(error) if !self.is_ready() => {
                self.done = true;
                Err(error)
            }
            other => {
                self.failed = other;
                Ok(())
            }
        }
    }

    /// Passes fed bytes to the transcoder. Returns false if there are none.
    fn take_in(&mut self) -> bool {
        let (front, _) = self.pending_input.as_slices();
        let len = front.len().min(FEED);
        if len > 0 {
            let chunk: Vec<u8> = self.pending_input.drain(..len).collect();
            self.transcoder.feed(&chunk, self.framer.buffer());
            return true;
        }
        if self.input_finished && !self.framer.is_last() {
            self.transcoder.finish(self.framer.buffer());
            self.framer.finish();
            return true;
        }
        false
    }

    fn frame(&mut self, frame: Frame) {
        match frame.kind {
            FrameKind::Junk => self.junk(frame.len),
            FrameKind::Skip => self.skip(frame.len),
            FrameKind::Declaration => {
                self.begin_document();
                self.encoding = if self.transcoder.knows_encoding() {
                    Encoding::Utf8
                } else {
                    Encoding::of_declaration(self.head(frame.len))
                };
                self.consume(frame.len);
            }
            FrameKind::Doctype { subset, nmap } => self.doctype(subset, nmap, frame.len),
            FrameKind::Foreign => self.foreign_frame(frame.len),
            FrameKind::Markup => self.scan_frame(frame.len),
            FrameKind::ScanStart => self.scan_start(frame.len),
            FrameKind::TruncatedScanStart => {
                self.begin_document();
                self.phase = Phase::Prolog { nmap: true };
                self.consume(frame.len);
            }
            FrameKind::UnclosedMarkup => {
                self.warn(DiagnosticCode::BrokenTag, "markup that is broken off or has no end");
                self.skip(frame.len);
            }
            FrameKind::OversizedTag => self.oversized_tag(frame.len),
            FrameKind::OversizedTagEnd { opens } => self.oversized_tag_end(opens, frame.len),
            FrameKind::Host(_) => self.host_frame(frame),
        }
    }

    /// Returns the first bytes that are not consumed.
    fn head(&self, len: usize) -> &[u8] {
        debug_assert!(len <= self.framer.bytes().len(), "{len} bytes are not there");
        self.framer.bytes().get(..len).unwrap_or_default()
    }

    /// Consumes the first bytes, and counts their lines and the NUL bytes that were dropped among them.
    fn consume(&mut self, len: usize) {
        let all = self.framer.is_last() && len >= self.framer.bytes().len();
        let bytes = self.framer.bytes().get(..len).unwrap_or_default();
        if let Some(nuls) = self.transcoder.consume(bytes, all) {
            let count = i64::try_from(nuls.count).unwrap_or(i64::MAX);
            let line = line_of(self.lines, bytes.get(..nuls.before).unwrap_or_default());
            // Reported when the frame is read, so they may precede diagnostics that were already recorded for it.
            let place = Position { byte: nuls.place, line };
            self.document_diagnostics
                .add_at(DiagnosticCode::BadChar, count, place, || "NUL bytes dropped".into());
        }
        self.lines = self.lines.saturating_add(count_lines(bytes));
        self.framer.consume(len);
        self.bump.reset();
        // With strict reading this frame may be the one that ends the input.
        if !self.options.strict {
            self.hash_up_to(self.transcoder.raw_start());
        }
    }

    /// Adds the input up to a position to the hash of the document.
    fn hash_up_to(&mut self, place: u64) {
        if !self.options.hash {
            return;
        }
        // Strict reading returns to an earlier place for a warning that becomes certain late.
        let Some(len) = place.checked_sub(self.hash_position) else { return };
        self.hash_position = place;
        debug_assert!(len <= to_u64(self.hash_input.len()), "bytes of the hash are missing");
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(self.hash_input.len());
        let (front, back) = self.hash_input.as_slices();
        self.hash.update(front.get(..len).unwrap_or(front));
        self.hash.update(back.get(..len.saturating_sub(front.len())).unwrap_or(back));
        self.hash_input.drain(..len);
    }

    /// Returns the input position after the last part that was returned.
    pub(super) fn byte_offset(&self) -> u64 {
        self.transcoder.raw_start().saturating_add(to_u64(self.emitted_len))
    }

    /// Returns the position of the first byte that is not consumed.
    fn here(&self) -> Position {
        Position { byte: self.transcoder.raw_start(), line: self.lines.saturating_add(1) }
    }

    /// Records a warning at the first byte that is not consumed.
    fn warn(&mut self, code: DiagnosticCode, detail: &str) {
        let here = self.here();
        self.document_diagnostics.add(code, 1, || here, || detail.to_owned());
    }

    /// Assigns input positions to the diagnostics of the first bytes.
    fn resolve_positions(&mut self, text: &PositionMap) {
        let (transcoder, framer, lines) = (&self.transcoder, &self.framer, self.lines);
        self.document_diagnostics
            .take(&mut self.diagnostics, |at| text.position(at, (transcoder, framer, lines)));
    }
}
