//! The decoder: pieces of the framer to events, document by document (rules R1, R2, R6 and R7).

use std::{collections::VecDeque, fmt::Write as _, mem};

use bumpalo::Bump;
use sha2::{Digest, Sha256};

use super::{
    Options,
    context::Context,
    frame::{Framer, HostEnd, Kind, Piece},
    host::{self, HostRead},
    intake::Intake,
    lex::{is_blank, to_u64},
    names::El,
    notes::{Ledger, Notes, shorten},
    run::Document,
    text::{Converted, Encoding, PlaceMap, ValueReader, convert},
    token::{TagCaps, Token, Tokens},
    walk::{Exit, long_tag},
};
use crate::{
    error::{Code, Diagnostic, Error, ErrorKind, Position, Result},
    model::ScanEvent,
};

/// Bytes taken from a caller at once, so that no more than that is buffered beyond the caps.
const FEED: usize = 256 << 10;

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
    failed: Option<Error>,
    over: bool,
    done: bool,
    lines: u64,
    doc_start: u64,
    /// Bytes that are not consumed, for the hash.
    unhashed: VecDeque<u8>,
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
    /// In a later document that is no nmap XML.
    Foreign,
}

impl Decoder {
    /// A decoder at the start of an input.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let unknown = options.limits.unknown_names;
        Self {
            intake: Intake::default(),
            framer: Framer::new(options.limits.clone()),
            waiting: VecDeque::new(),
            bump: Bump::new(),
            notes: Notes::new(unknown),
            ledger: Ledger::new(unknown),
            encoding: Encoding::default(),
            document: Document::new(0),
            phase: Phase::Before { junk: None, anything: false },
            queue: VecDeque::new(),
            host: None,
            given: 0,
            failed: None,
            over: false,
            done: false,
            lines: 0,
            doc_start: 0,
            unhashed: VecDeque::new(),
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

    /// Says that no more bytes will come: what is open is closed by that.
    pub fn finish(&mut self) {
        self.over = true;
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
        !self.queue.is_empty() || self.host.is_some()
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
            if let Some(piece) = self.framer.next(wants_text) {
                self.piece(piece);
                self.check_strict();
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
                self.encoding = Encoding::of_declaration(self.head(piece.len));
                self.consume(piece.len);
            }
            Kind::Doctype { subset, nmap } => self.doctype(subset, nmap, piece.len),
            Kind::Run => self.run_piece(piece.len),
            Kind::RunStart => self.run_start(piece.len),
            Kind::RunCut => {
                self.begin_document();
                self.phase = Phase::Prolog { nmap: true };
                self.consume(piece.len);
            }
            Kind::Lost => {
                self.note(Code::BrokenTag, "markup without an end");
                self.consume(piece.len);
            }
            Kind::LongTag => self.long_tag(piece.len),
            Kind::LongTagEnd { empty } => {
                if !empty && self.phase == Phase::Open && self.framer.long_tag() != b"nmaprun" {
                    let name = String::from_utf8_lossy(self.framer.long_tag()).into_owned();
                    self.document.stack.skip(&name);
                }
                self.consume(piece.len);
            }
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
        let before = self.intake.raw_start();
        if let Some(nuls) = self.intake.consume(bytes, all) {
            let count = i64::try_from(nuls.count).unwrap_or(i64::MAX);
            let line = line_of(self.lines, bytes.get(..nuls.before).unwrap_or_default());
            let place = || Position { byte: nuls.place, line };
            self.ledger.add(Code::BadChar, count, place, || "NUL bytes dropped".into());
        }
        self.lines = self.lines.saturating_add(count_lines(bytes));
        self.framer.consume(len);
        self.bump.reset();
        let raw = self.intake.raw_start().saturating_sub(before);
        self.hash_bytes(raw);
    }

    fn hash_bytes(&mut self, len: u64) {
        if !self.options.hash {
            return;
        }
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(self.unhashed.len());
        let (front, back) = self.unhashed.as_slices();
        self.hash.update(front.get(..len).unwrap_or(front));
        self.hash.update(back.get(..len.saturating_sub(front.len())).unwrap_or(back));
        self.unhashed.drain(..len);
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

    fn junk(&mut self, len: usize) {
        let bytes = self.framer.bytes().get(..len).unwrap_or_default();
        let solid = bytes.iter().position(|b| !is_blank(*b));
        let found = solid.map(|at| {
            let before = bytes.get(..at).unwrap_or_default();
            let line = line_of(self.lines, before);
            Position { byte: self.intake.raw_place(before), line }
        });
        if let Phase::Before { junk, anything } = &mut self.phase {
            *junk = junk.or(found);
            *anything |= found.is_some();
        }
        self.consume(len);
    }

    fn skip(&mut self, len: usize) {
        if let Phase::Before { anything, .. } = &mut self.phase {
            *anything = true;
        }
        self.consume(len);
    }

    /// A declaration, or a start tag of `nmaprun` without one: the document before it ends.
    fn begin_document(&mut self) {
        match self.phase {
            Phase::Before { .. } | Phase::Prolog { .. } => {}
            Phase::Open | Phase::After | Phase::Foreign => {
                self.end_document();
                self.encoding = Encoding::default();
            }
        }
        self.leave_before();
        if !matches!(self.phase, Phase::Prolog { .. }) {
            self.phase = Phase::Prolog { nmap: false };
        }
    }

    /// The first document begins: what stood before it was junk.
    fn leave_before(&mut self) {
        if let Phase::Before { junk, .. } = self.phase {
            if let Some(place) = junk {
                let detail = || "bytes before the document".to_owned();
                self.ledger.add(Code::LeadingJunk, 1, || place, detail);
            }
            self.phase = Phase::Prolog { nmap: false };
        }
    }

    fn doctype(&mut self, subset: bool, nmap: bool, len: usize) {
        self.leave_before();
        if let Phase::Prolog { nmap: known } = &mut self.phase {
            *known |= nmap;
        }
        if subset {
            self.note(Code::Dtd, "the internal subset of a DOCTYPE is skipped");
        }
        self.consume(len);
    }

    fn run_start(&mut self, len: usize) {
        self.begin_document();
        let bump = mem::take(&mut self.bump);
        let settle = {
            let bytes = self.framer.bytes().get(..len).unwrap_or_default();
            let converted = convert(bytes, self.encoding, &bump, &mut self.notes);
            let mut tokens = tokens(converted.text, &bump, &self.options, false);
            let token = tokens.next(&mut self.notes);
            let mut context = context(&bump, &self.options, &mut self.notes);
            self.document.begin(tokens.attributes(), &self.options.salt, &mut context);
            if tokens.was_repaired() && tokens.attributes().is_empty() {
                context
                    .notes
                    .add(Code::NoHeader, 0, || "the tag of the scan cannot be read".into());
            }
            let empty = matches!(token, Some(Token::Start { empty: true, .. }));
            self.phase = if empty { Phase::After } else { Phase::Open };
            if empty {
                self.document.stack.close_all(&mut self.document.reader, &mut context);
            }
            Settle::of(converted)
        };
        self.settle(&settle);
        self.bump = bump;
        self.queue.extend(self.document.drain());
        self.consume(len);
    }

    /// A scan begins without its start tag (rule R1).
    fn begin_without_header(&mut self) {
        self.leave_before();
        self.note(Code::NoHeader, "no <nmaprun> before this");
        let mut context = context(&self.bump, &self.options, &mut self.notes);
        self.document.begin(&[], &self.options.salt, &mut context);
        self.phase = Phase::Open;
    }

    /// Content after the end of the scan continues it (rule R7).
    fn resume(&mut self) {
        self.note(Code::Resumed, "content after the end of the scan continues it");
        self.document.reader.record.resumed = true;
        self.document.stack.reopen(El::Nmaprun);
        self.phase = Phase::Open;
    }

    fn long_tag(&mut self, len: usize) {
        let name = String::from_utf8_lossy(self.framer.long_tag()).into_owned();
        if name == "nmaprun" {
            self.begin_document();
            self.begin_without_header();
        } else if self.phase != Phase::Open {
            self.first_element(&name);
        }
        if self.phase == Phase::Open {
            self.note(Code::Limit, &long_tag(&name));
        }
        self.consume(len);
    }

    /// The first element where none is open: a scan goes on or begins, or this is no nmap XML.
    fn first_element(&mut self, name: &str) {
        let known = El::from_name(name.as_bytes()).is_some_and(|el| El::Nmaprun.holds(el));
        match self.phase {
            Phase::Prolog { .. } | Phase::Before { .. } if known => self.begin_without_header(),
            Phase::After if known => self.resume(),
            Phase::Prolog { .. } if self.document.reader.record.header.doc_index == 0 => {
                let detail = format!("the root element is <{}>", shorten(name));
                self.failed = Some(Error::new(ErrorKind::NotNmap(detail)).at(self.here()));
            }
            Phase::Prolog { .. } => {
                self.note(Code::Unknown, &format!("a document of <{}> skipped", shorten(name)));
                self.phase = Phase::Foreign;
            }
            _ => {}
        }
    }

    fn run_piece(&mut self, len: usize) {
        if self.phase != Phase::Open {
            match self.first_start(len) {
                Some((name, at)) => {
                    if at > 0 {
                        self.consume(at);
                        return;
                    }
                    self.first_element(&name);
                }
                None => {
                    self.stray_ends(len);
                    return;
                }
            }
            if self.phase != Phase::Open {
                // Nothing is made of this element, but another may follow it.
                let beyond = self.framer.bytes().get(1..len).unwrap_or_default();
                let next = memchr::memchr(b'<', beyond).map_or(len, |at| at.saturating_add(1));
                self.consume(next);
                return;
            }
        }
        self.walk_run(len);
    }

    /// Name and place of the first start tag of a piece.
    fn first_start(&self, len: usize) -> Option<(String, usize)> {
        let bump = Bump::new();
        let mut notes = Notes::new(0);
        let converted = convert(self.head(len), self.encoding, &bump, &mut notes);
        let mut tokens = tokens(converted.text, &bump, &self.options, self.framer.is_last());
        loop {
            if let Token::Start { name, at, .. } = tokens.next(&mut notes)? {
                return Some((name.as_str().to_owned(), converted.source(at)));
            }
        }
    }

    /// A piece without start tags where nothing is open.
    fn stray_ends(&mut self, len: usize) {
        if self.phase == Phase::After {
            self.walk_run(len);
        } else {
            self.consume(len);
        }
    }

    fn walk_run(&mut self, len: usize) {
        let bump = mem::take(&mut self.bump);
        let (settle, used) = {
            let bytes = self.framer.bytes().get(..len).unwrap_or_default();
            let last = self.framer.is_last() && len == self.framer.bytes().len();
            let converted = convert(bytes, self.encoding, &bump, &mut self.notes);
            let mut tokens = tokens(converted.text, &bump, &self.options, last);
            let mut context = context(&bump, &self.options, &mut self.notes);
            let Document { stack, reader, .. } = &mut self.document;
            let exit = stack.walk(&mut tokens, reader, &mut context);
            let used = match exit {
                Exit::Closed => {
                    self.phase = Phase::After;
                    converted.source(tokens.place())
                }
                Exit::End | Exit::Left(_) => len,
            };
            (Settle::of(converted), used.clamp(1, len.max(1)))
        };
        self.settle(&settle);
        self.bump = bump;
        let items = mem::take(&mut self.document.reader.items);
        self.take_items(items);
        self.consume(used);
    }

    fn take_items(&mut self, items: Vec<super::floating::RunItem>) {
        let cap = self.options.limits.pending;
        if self.document.take_items(items, (cap, &self.options.salt)) {
            self.note(Code::Limit, "too much before the first host of a scan without args");
        }
        self.queue.extend(self.document.drain());
    }

    /// A host comes: what must be told before it is told first.
    fn host_piece(&mut self, piece: Piece) {
        match self.phase {
            Phase::Before { .. } | Phase::Prolog { .. } => self.begin_without_header(),
            Phase::After => self.resume(),
            Phase::Foreign => {
                self.consume(piece.len);
                return;
            }
            Phase::Open => {}
        }
        if self.document.waits_for_host() {
            let bump = Bump::new();
            let mut notes = Notes::new(0);
            let converted = convert(self.head(piece.len), self.encoding, &bump, &mut notes);
            let mut tokens = tokens(converted.text, &bump, &self.options, false);
            let mut context = context(&bump, &self.options, &mut notes);
            let [addr, port, end] = host::first_host_parts(&mut tokens, &mut context);
            self.document.announce(&self.options.salt, [&addr, &port, &end]);
            self.queue.extend(self.document.drain());
        }
        if !self.options.strict || self.reads_clean(piece) {
            self.host = Some(piece);
        }
    }

    /// For strict reading: whether a host has nothing to warn of. What it has is told.
    fn reads_clean(&mut self, piece: Piece) -> bool {
        let bump = Bump::new();
        let bytes = self.framer.bytes().get(..piece.len).unwrap_or_default();
        let converted = convert(bytes, self.encoding, &bump, &mut self.notes);
        let _ = read_piece(piece, &converted, 0, (&bump, &self.options, &mut self.notes));
        let settle = Settle::of(converted);
        let clean = self.notes.is_empty();
        self.settle(&settle);
        clean
    }

    fn read_host(&mut self, piece: Piece) -> Result<ScanEvent<'_>> {
        let Kind::Host(end) = piece.kind else { return Err(Error::usage("no host is next")) };
        let Self { framer, intake, bump, notes, ledger, document, options, .. } = self;
        let (framer, intake, bump): (&Framer, &Intake, &Bump) = (framer, intake, bump);
        let bytes = framer.bytes().get(..piece.len).unwrap_or_default();
        let converted = convert(bytes, self.encoding, bump, notes);
        let record = &mut document.reader.record;
        let index = i32::try_from(record.hosts_seen).unwrap_or(i32::MAX);
        let read = read_piece(piece, &converted, index, (bump, options, notes));
        let whole = read.len >= converted.text.len();
        self.given = if whole { piece.len } else { converted.source(read.len).max(1) };
        record.resumed |= whole && end == HostEnd::NextHost;
        let found = read.host;
        let settle = Settle::of(converted);
        ledger.take(notes, |at| settle.position(at, (intake, framer, self.lines)));
        record.hosts_seen = record.hosts_seen.saturating_add(1);
        record.hosts_incomplete =
            record.hosts_incomplete.saturating_add(i64::from(!found.complete));
        if !read.items.is_empty() {
            document.take_items(read.items, (usize::MAX, &options.salt));
            self.queue.extend(document.drain());
        }
        Ok(ScanEvent::Host(Box::new(found)))
    }

    /// With strict reading the first warning ends the input (rule R11).
    fn check_strict(&mut self) {
        if !self.options.strict || self.failed.is_some() {
            return;
        }
        if let Some(first) = self.ledger.first() {
            self.failed = Some(strict_error(first));
            self.host = None;
            self.queue.extend(self.document.drain());
            if self.document.reader.record.exists {
                self.end_document();
            }
        }
    }

    /// The document ends, and with it whatever is open (rule R2).
    fn end_document(&mut self) {
        if matches!(self.phase, Phase::Open | Phase::Prolog { nmap: true }) {
            self.document.reader.record.truncated = true;
            self.note(Code::Truncated, "the document ends before its end tag");
        }
        let mut context = context(&self.bump, &self.options, &mut self.notes);
        self.document.end(&self.options.salt, &mut context);
        self.settle(&Settle::default());
        if !self.document.reader.record.exists {
            // Nothing waits for the id of a scan that is none.
            let _ = self.document.drain();
        }
        self.queue.extend(self.document.drain());
        let next = self.document.reader.record.header.doc_index.saturating_add(1);
        let mut record = mem::replace(&mut self.document, Document::new(next)).reader.record;
        let end = self.intake.raw_start();
        record.bytes = i64::try_from(end.saturating_sub(self.doc_start)).unwrap_or(i64::MAX);
        self.doc_start = end;
        if self.options.hash {
            record.content_sha256 = Some(hex(&mem::take(&mut self.hash).finalize()));
        }
        record.diagnostics = self.ledger.finish();
        if record.exists || !record.diagnostics.is_empty() {
            self.queue.push_back(ScanEvent::RunEnd(Box::new(record)));
        }
    }

    fn end_of_input(&mut self) {
        self.done = true;
        match self.phase {
            Phase::Before { junk: None, anything: false } => {
                self.note(Code::Empty, "nothing but blanks");
                self.end_document();
            }
            Phase::Before { .. } => self.not_nmap("no nmaprun element"),
            Phase::Prolog { nmap: false } if self.document.reader.record.header.doc_index == 0 => {
                self.not_nmap("it ends before a root element");
            }
            Phase::Prolog { .. } => {
                self.phase = Phase::Prolog { nmap: true };
                self.end_document();
            }
            Phase::Open | Phase::After | Phase::Foreign => self.end_document(),
        }
        self.check_strict_end();
    }

    /// A warning that only the end of the input brought is an error too.
    fn check_strict_end(&mut self) {
        if !self.options.strict || self.failed.is_some() {
            return;
        }
        if let Some(ScanEvent::RunEnd(record)) = self.queue.back()
            && let Some(first) = record.diagnostics.first()
        {
            self.failed = Some(strict_error(first));
        }
    }

    fn not_nmap(&mut self, detail: &str) {
        self.failed = Some(Error::new(ErrorKind::NotNmap(detail.into())).at(self.here()));
    }
}

/// Reads the host in a piece, and notes how it ends.
fn read_piece<'f>(
    piece: Piece,
    converted: &Converted<'f>,
    index: i32,
    (bump, options, notes): (&'f Bump, &Options, &mut Notes),
) -> HostRead<'f> {
    let text = converted.text;
    let last = piece.kind == Kind::Host(HostEnd::Input);
    let mut tokens = tokens(text, bump, options, last);
    let mut read = host::read(text, &mut tokens, index, &mut context(bump, options, notes));
    if read.len >= text.len() && piece.kind != Kind::Host(HostEnd::Closed) {
        read.host.complete = false;
        match piece.kind {
            Kind::Host(HostEnd::NextHost | HostEnd::RunEnd) => {
                notes.add(Code::ImplicitClose, text.len(), host::host_closed);
            }
            Kind::Host(HostEnd::Limit) => {
                let cap = options.limits.host;
                notes.add(Code::Limit, 0, || {
                    format!("a host of more than {cap} bytes; the rest of it is skipped")
                });
            }
            _ => {}
        }
    }
    read
}

fn tokens<'f>(text: &'f str, bump: &'f Bump, options: &Options, last: bool) -> Tokens<'f> {
    let limits = &options.limits;
    let caps = TagCaps { tag: limits.tag, attributes: limits.attributes, markup: limits.markup };
    Tokens::new(text, bump, caps, last)
}

fn context<'f, 'n>(bump: &'f Bump, options: &'n Options, notes: &'n mut Notes) -> Context<'f, 'n> {
    let values = ValueReader { bump, cap: options.limits.value, repair: options.text_repair };
    Context { values, notes, limits: &options.limits }
}

/// The way from places of a piece's text to places of the input.
#[derive(Debug, Default)]
struct Settle(Option<PlaceMap>);

impl Settle {
    fn of(converted: Converted<'_>) -> Self {
        Self(converted.map)
    }

    fn position(&self, at: usize, (intake, framer, lines): (&Intake, &Framer, u64)) -> Position {
        let at = self.0.as_ref().map_or(at, |map| map.source(at));
        let before = framer.bytes().get(..at).unwrap_or(framer.bytes());
        Position { byte: intake.raw_place(before), line: line_of(lines, before) }
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    to_u64(memchr::memchr_iter(b'\n', bytes).count())
}

/// The line behind these bytes, if that many lines ended before them.
fn line_of(lines: u64, before: &[u8]) -> u64 {
    lines.saturating_add(count_lines(before)).saturating_add(1)
}

fn strict_error(first: &Diagnostic) -> Error {
    let kind = ErrorKind::Strict { code: first.code, detail: first.detail.clone() };
    Error::new(kind).at(first.position)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
