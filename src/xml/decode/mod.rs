//! The decoder: pieces of the framer to events, document by document (rules R1, R2, R6 and R7).

mod again;
mod document;
mod foreign;
mod oversized;
mod parts;
mod piece;
mod quoted;
mod settle;
mod strict;

use std::{
    collections::VecDeque,
    io::{self, Read},
    mem,
};

use bumpalo::Bump;
use sha2::{Digest, Sha256};

pub use self::parts::Part;
pub(crate) use self::quoted::{ESCAPED, QUOTED};
use self::{
    parts::Batches,
    piece::{context, tokens},
    quoted::EscapedRun,
    settle::{Settle, count_lines},
};
pub(super) use self::{piece::read_piece, settle::line_of};
use super::{
    Options,
    frame::{Framer, Kind, Piece},
    intake::Intake,
    lex::to_u64,
    notes::{Ledger, Notes},
    run::Document,
    text::Encoding,
};
use crate::{
    error::{Code, Error, Position, Result},
    model::ScanEvent,
};

/// Bytes taken from a caller at once, so that no more than that is buffered beyond the caps.
const FEED: usize = 256 << 10;
/// Where the first document starts.
const START: Position = Position { byte: 0, line: 1 };

/// Turns bytes into events, however they are cut. It keeps its place between calls; no reader, thread or
/// clock is inside.
#[derive(Debug)]
pub struct Decoder {
    options: Options,
    intake: Intake,
    framer: Framer,
    /// Bytes fed and not yet taken in.
    waiting: VecDeque<u8>,
    bump: Bump,
    notes: Notes,
    ledger: Ledger,
    encoding: Encoding,
    document: Document,
    phase: Phase,
    /// Events to give.
    queue: VecDeque<ScanEvent<'static>>,
    /// The host that is next, and what is at the start of the framer.
    host: Option<Piece>,
    /// Bytes of the host that was given.
    given: usize,
    batches: Option<Batches>,
    failed: Option<Error>,
    over: bool,
    /// Whether the input was not read to its end.
    broke_off: bool,
    done: bool,
    lines: u64,
    doc_start: Position,
    escaped: EscapedRun,
    /// Why this is no nmap XML, unless a scan follows.
    refused: Option<Error>,
    /// Whether a scan or host of nmap's was seen in what is not read, before any scan.
    hides_scan: bool,
    /// Bytes that are not consumed, for the hash.
    unhashed: VecDeque<u8>,
    /// Place of the first of these.
    hashed: u64,
    hash: Sha256,
}

/// Where the reader is in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Before it; where junk stood first.
    Before { junk: Option<Position>, anything: bool },
    /// Behind its declaration or DOCTYPE; whether something said that it is nmap's.
    Prolog { nmap: bool },
    /// In `nmaprun`.
    Open,
    /// Behind `</nmaprun>`.
    After,
    /// In a document that is no nmap XML.
    Foreign,
}

impl Default for Phase {
    fn default() -> Self {
        Self::Before { junk: None, anything: false }
    }
}

impl Decoder {
    /// A decoder at the start of an input.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let unknown = options.limits.unknown_names;
        let mut framer = Framer::new(options.limits.clone());
        if options.strict {
            // What is read before the first warning must not hang on what is there of the input.
            framer.read_stepwise();
        }
        Self {
            intake: Intake::default(),
            framer,
            waiting: VecDeque::new(),
            bump: Bump::new(),
            notes: Notes::new(unknown),
            ledger: Ledger::new(unknown),
            encoding: Encoding::default(),
            document: Document::new(0),
            phase: Phase::default(),
            queue: VecDeque::new(),
            host: None,
            given: 0,
            batches: None,
            failed: None,
            over: false,
            broke_off: false,
            done: false,
            lines: 0,
            doc_start: START,
            escaped: EscapedRun::default(),
            refused: None,
            hides_scan: false,
            unhashed: VecDeque::new(),
            hashed: 0,
            hash: Sha256::new(),
            options,
        }
    }

    /// Takes the next bytes of the input, any number of them. Call [`Self::next_event`] until it gives
    /// `None` before feeding more: what is fed is kept until then.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.done {
            return;
        }
        if self.options.hash {
            self.unhashed.extend(bytes);
        }
        if self.waiting.is_empty() && bytes.len() <= FEED {
            self.intake.feed(bytes, self.framer.buffer());
        } else {
            self.waiting.extend(bytes);
        }
    }

    /// Takes what one call of a reader gives, at most `room`; no bytes are the end. Mostly they are read where
    /// they are looked at, else into the chunk.
    ///
    /// # Errors
    /// Those of the reader.
    pub(super) fn feed_from(
        &mut self,
        from: &mut impl Read,
        (chunk, room): (&mut Vec<u8>, usize),
    ) -> io::Result<usize> {
        let in_place = !self.done
            && !self.options.hash
            && self.waiting.is_empty()
            && self.intake.takes_bytes();
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
        self.intake.accept(before, buffer);
        read
    }

    /// Says that no more bytes will come: what is open is closed by that.
    pub fn finish(&mut self) {
        self.over = true;
    }

    /// The same where there are more that cannot be read.
    pub(super) fn break_off(&mut self) {
        self.broke_off = true;
        self.finish();
    }

    /// The next event; `None` if more bytes are needed or, after [`Self::finish`], all is given.
    ///
    /// # Errors
    /// When the input is no nmap XML, or with [`Options::strict`] at the first warning. Events before that
    /// were given, and `None` follows.
    pub fn next_event(&mut self) -> Result<Option<ScanEvent<'_>>> {
        self.advance()?;
        if let Some(event) = self.queue.pop_front() {
            return Ok(Some(event));
        }
        match self.host.take() {
            Some(piece) => self.read_host(piece).map(Some),
            None => Ok(None),
        }
    }

    /// Whether [`Self::next_event`] will give an event.
    pub(super) fn is_ready(&self) -> bool {
        !self.queue.is_empty() || self.host.is_some() || self.is_batch_due()
    }

    /// Reads on until an event is ready or more bytes are needed.
    pub(super) fn advance(&mut self) -> Result<()> {
        if self.given > 0 {
            let len = mem::take(&mut self.given);
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
            if let Some(piece) = self.framer.next(wants_text, self.phase.around()) {
                let before = self.framer.place();
                self.piece(piece);
                self.check_strict();
                if self.framer.place() == before && self.host.is_none() && self.failed.is_none() {
                    debug_assert!(false, "the decoder stands still at {before}: {piece:?}");
                    self.consume(piece.len);
                }
            } else if !self.take_in() {
                if self.over {
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

    /// Takes in bytes that were fed; false if there are none.
    fn take_in(&mut self) -> bool {
        let (front, _) = self.waiting.as_slices();
        let len = front.len().min(FEED);
        if len > 0 {
            let chunk: Vec<u8> = self.waiting.drain(..len).collect();
            self.intake.feed(&chunk, self.framer.buffer());
            return true;
        }
        if self.over && !self.framer.is_last() {
            self.intake.finish(self.framer.buffer());
            self.framer.finish();
            return true;
        }
        false
    }

    fn piece(&mut self, piece: Piece) {
        match piece.kind {
            Kind::Junk => self.junk(piece.len),
            Kind::Skip => self.skip(piece.len),
            Kind::Decl => {
                self.begin_document();
                self.encoding = if self.intake.knows_encoding() {
                    Encoding::Utf8
                } else {
                    Encoding::of_declaration(self.head(piece.len))
                };
                self.consume(piece.len);
            }
            Kind::Doctype { subset, nmap } => self.doctype(subset, nmap, piece.len),
            Kind::Foreign => self.foreign_piece(piece.len),
            Kind::Run => self.run_piece(piece.len),
            Kind::RunStart => self.run_start(piece.len),
            Kind::RunCut => {
                self.begin_document();
                self.phase = Phase::Prolog { nmap: true };
                self.consume(piece.len);
            }
            Kind::Lost => {
                self.note(Code::BrokenTag, "markup that is broken off or has no end");
                self.skip(piece.len);
            }
            Kind::LongTag => self.long_tag(piece.len),
            Kind::LongTagEnd { opens } => self.long_tag_end(opens, piece.len),
            Kind::Host(_) => self.host_piece(piece),
        }
    }

    /// The first bytes that are not consumed.
    fn head(&self, len: usize) -> &[u8] {
        self.framer.bytes().get(..len).unwrap_or_default()
    }

    /// Forgets the first bytes, and counts their lines and what was dropped among them.
    fn consume(&mut self, len: usize) {
        let all = self.framer.is_last() && len >= self.framer.bytes().len();
        let bytes = self.framer.bytes().get(..len).unwrap_or_default();
        if let Some(nuls) = self.intake.consume(bytes, all) {
            let count = i64::try_from(nuls.count).unwrap_or(i64::MAX);
            let line = line_of(self.lines, bytes.get(..nuls.before).unwrap_or_default());
            // Told when the piece is read, they may stand before what was noted in it.
            let place = Position { byte: nuls.place, line };
            self.ledger.add_at(Code::BadChar, count, place, || "NUL bytes dropped".into());
        }
        self.lines = self.lines.saturating_add(count_lines(bytes));
        self.framer.consume(len);
        self.bump.reset();
        // With strict reading the piece may be where it ends.
        if !self.options.strict {
            self.hash_up_to(self.intake.raw_start());
        }
    }

    /// Takes the input up to a place into the hash of the document.
    fn hash_up_to(&mut self, place: u64) {
        if !self.options.hash {
            return;
        }
        let len = place.saturating_sub(mem::replace(&mut self.hashed, place));
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(self.unhashed.len());
        let (front, back) = self.unhashed.as_slices();
        self.hash.update(front.get(..len).unwrap_or(front));
        self.hash.update(back.get(..len.saturating_sub(front.len())).unwrap_or(back));
        self.unhashed.drain(..len);
    }

    /// The place in the input behind what was given last.
    pub(super) fn passed(&self) -> u64 {
        self.intake.raw_start().saturating_add(to_u64(self.given))
    }

    /// The place of the first byte that is not consumed.
    fn here(&self) -> Position {
        Position { byte: self.intake.raw_start(), line: self.lines.saturating_add(1) }
    }

    /// A warning at the first byte that is not consumed.
    fn note(&mut self, code: Code, detail: &str) {
        let here = self.here();
        self.ledger.add(code, 1, || here, || detail.to_owned());
    }

    /// Gives the notes about the text of the first bytes their place.
    fn settle(&mut self, text: &Settle) {
        let (intake, framer, lines) = (&self.intake, &self.framer, self.lines);
        self.ledger.take(&mut self.notes, |at| text.position(at, (intake, framer, lines)));
    }
}
