//! Effects of each frame on the document (rules R1, R2, R6 and R7).

use std::mem;

use bumpalo::Bump;
use sha2::Digest;

use super::{
    super::{
        batch::HostDiagnostics,
        diagnostics::{FrameDiagnostics, oversized_tag},
        evidence::is_quoted,
        frame::{Frame, FrameKind, HostEnd},
        host::{self, context, tokens},
        lex::{End, TagScanner, is_blank},
        names::Element,
        scan::Document,
        text::{Encoding, decode_text, report_invalid_utf8},
        token::Token,
        walk::WalkEnd,
    },
    Decoder, Phase, PositionMap,
};
use crate::{
    error::{DiagnosticCode, NotNmap},
    model::ScanEvent,
    text::hex,
};

impl Decoder {
    pub(super) fn skip(&mut self, len: usize) {
        self.report_hidden(len);
        if let Phase::Before { anything, .. } = &mut self.phase {
            *anything = true;
        }
        self.consume(len);
    }

    /// Begins a document at a declaration, or at a start tag of `nmaprun` without one. The previous document ends.
    pub(super) fn begin_document(&mut self) {
        match self.phase {
            Phase::Before { .. } | Phase::Prolog { .. } => {}
            // Whatever preceded the first scan belongs to no document.
            Phase::Foreign if self.refused.is_some() => self.encoding = Encoding::default(),
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

    /// Begins the first document: whatever preceded it was junk.
    pub(super) fn leave_before(&mut self) {
        if let Phase::Before { junk, .. } = self.phase {
            if let Some(place) = junk {
                let detail = || "bytes before the document".to_owned();
                self.document_diagnostics.add(DiagnosticCode::LeadingJunk, 1, || place, detail);
            }
            self.phase = Phase::Prolog { nmap: false };
        }
    }

    pub(super) fn doctype(&mut self, subset: bool, nmap: bool, len: usize) {
        self.leave_before();
        if let Phase::Prolog { nmap: known } = &mut self.phase {
            *known |= nmap;
        }
        if subset {
            self.warn(DiagnosticCode::Dtd, "the internal subset of a DOCTYPE is skipped");
        }
        self.report_hidden(len);
        self.consume(len);
    }

    pub(super) fn scan_start(&mut self, len: usize) {
        let first = self.document.reader.record.header.doc_index == 0;
        let begins = matches!(self.phase, Phase::Before { .. } | Phase::Prolog { .. });
        if first && begins && is_quoted(self.head(len)) {
            self.failed = Some(self.not_nmap(NotNmap::Quoted));
            return;
        }
        self.begin_document();
        self.accept();
        self.document.reader.record.header.position = self.doc_start;
        let bump = mem::take(&mut self.bump);
        let positions = {
            let bytes = self.framer.bytes().get(..len).unwrap_or_default();
            let decoded = decode_text(bytes, self.encoding, &bump);
            report_invalid_utf8(bytes, self.encoding, &decoded, &mut self.diagnostics);
            let mut tokens = tokens(decoded.text, &bump, &self.options, false);
            let token = tokens.next(&mut self.diagnostics);
            let mut context = context(&bump, &self.options, &mut self.diagnostics, self.encoding);
            if tokens.is_too_long(0) {
                context
                    .diagnostics
                    .add(DiagnosticCode::Limit, 0, || oversized_tag(Element::Nmaprun.name()));
            }
            self.document.begin(tokens.attributes(), &self.options.salt, &mut context);
            if tokens.was_repaired() && tokens.attributes().is_empty() {
                context.diagnostics.add(DiagnosticCode::NoHeader, 0, || {
                    "the tag of the scan cannot be read".into()
                });
            }
            let empty = matches!(token, Some(Token::Start { empty: true, .. }));
            self.phase = if empty { Phase::After } else { Phase::Open };
            if empty {
                self.document.stack.close_all(&mut self.document.reader, &mut context);
            }
            PositionMap::of(decoded)
        };
        self.resolve_positions(&positions);
        self.bump = bump;
        self.queue.extend(self.document.drain());
        self.consume(len);
    }

    /// Begins a scan that lacks its start tag (rule R1).
    pub(super) fn begin_without_header(&mut self) {
        self.leave_before();
        self.warn(DiagnosticCode::NoHeader, "no <nmaprun> before this");
        self.begin_bare();
    }

    /// Begins a scan of which no attributes are known.
    pub(super) fn begin_bare(&mut self) {
        self.accept();
        self.document.reader.record.header.position = self.doc_start;
        let mut context = context(&self.bump, &self.options, &mut self.diagnostics, self.encoding);
        self.document.begin(&[], &self.options.salt, &mut context);
        self.phase = Phase::Open;
    }

    /// Continues the scan with content after its end (rule R7).
    pub(super) fn resume(&mut self) {
        self.warn(DiagnosticCode::Resumed, "content after the end of the scan continues it");
        self.document.reader.record.resumed = true;
        self.document.stack.reopen(Element::Nmaprun);
        self.phase = Phase::Open;
    }

    pub(super) fn scan_frame(&mut self, len: usize) {
        // The line end after each host is insignificant.
        if !self.document.stack.wants_text() && self.head(len).iter().all(|b| is_blank(*b)) {
            self.consume(len);
            return;
        }
        if self.phase != Phase::Open {
            let Some((name, at)) = self.first_start(len) else {
                self.stray_ends(len);
                return;
            };
            if at > 0 {
                self.stray_ends(at);
                return;
            }
            let is_damaged_root = self.first_element(&name, len);
            if is_damaged_root || self.phase != Phase::Open {
                // This element is ignored, but others may follow it.
                let end = match TagScanner::end_in_frame(self.head(len)) {
                    End::At(end) | End::Broken(end) => end.clamp(1, len),
                    _ => len,
                };
                self.consume(end);
                return;
            }
        }
        self.walk_scan(len);
    }

    /// Returns name and position of the first start tag of a frame.
    pub(super) fn first_start(&self, len: usize) -> Option<(String, usize)> {
        let bump = Bump::new();
        let mut diagnostics = FrameDiagnostics::new(0);
        let decoded = decode_text(self.head(len), self.encoding, &bump);
        let last = self.framer.is_last() && len == self.framer.bytes().len();
        let mut tokens = tokens(decoded.text, &bump, &self.options, last);
        loop {
            if let Token::Start { name, at, .. } = tokens.next(&mut diagnostics)? {
                return Some((name.as_str().to_owned(), decoded.source(at)));
            }
        }
    }

    /// Handles a frame without start tags where no element is open.
    pub(super) fn stray_ends(&mut self, len: usize) {
        if self.phase == Phase::After {
            self.walk_scan(len);
        } else {
            self.report_hidden(len);
            self.consume(len);
        }
    }

    pub(super) fn walk_scan(&mut self, len: usize) {
        let bump = mem::take(&mut self.bump);
        // Text after the end of a scan is ignored without a warning.
        let open = self.phase == Phase::Open;
        let (positions, used) = {
            let bytes = self.framer.bytes().get(..len).unwrap_or_default();
            let last = self.framer.is_last() && len == self.framer.bytes().len();
            let decoded = decode_text(bytes, self.encoding, &bump);
            let mut tokens = tokens(decoded.text, &bump, &self.options, last);
            let mut context = context(&bump, &self.options, &mut self.diagnostics, self.encoding);
            let Document { stack, reader, .. } = &mut self.document;
            let exit = stack.walk(&mut tokens, reader, &mut context);
            let used = match exit {
                WalkEnd::Closed => {
                    self.phase = Phase::After;
                    decoded.source(tokens.place())
                }
                WalkEnd::End | WalkEnd::Left(_) => len,
            };
            debug_assert!((1..=len).contains(&used), "{used} bytes of {len} are read");
            let used = used.clamp(1, len.max(1));
            let read = bytes.get(..used).unwrap_or(bytes);
            if open {
                report_invalid_utf8(read, self.encoding, &decoded, &mut self.diagnostics);
            }
            (PositionMap::of(decoded), used)
        };
        let items = mem::take(&mut self.document.reader.items);
        let limits = (self.options.limits.max_pending_bytes, &*self.options.salt);
        self.document.take_items(items, limits, &mut self.diagnostics);
        self.queue.extend(self.document.drain());
        self.resolve_positions(&positions);
        self.bump = bump;
        self.consume(used);
    }

    /// Handles a host. Events that must precede it are queued first.
    pub(super) fn host_frame(&mut self, frame: Frame) {
        match self.phase {
            Phase::Before { .. } | Phase::Prolog { .. } | Phase::Foreign => {
                self.begin_without_header();
            }
            Phase::After => self.resume(),
            Phase::Open => {}
        }
        self.document.stack.pass_host();
        if self.document.waits_for_host() {
            let bump = Bump::new();
            let mut diagnostics = FrameDiagnostics::new(0);
            let decoded = decode_text(self.head(frame.len), self.encoding, &bump);
            let mut tokens = tokens(decoded.text, &bump, &self.options, false);
            let mut context = context(&bump, &self.options, &mut diagnostics, self.encoding);
            let [addr, port, end] = host::first_host_parts(&mut tokens, &mut context);
            self.document.emit_header(&self.options.salt, [&addr, &port, &end]);
            self.queue.extend(self.document.drain());
        }
        if !self.options.strict {
            if !self.batch_host(frame) {
                self.host = Some(frame);
            }
        } else if self.reads_clean(frame) {
            // A host that is truncated by the end of the input is incomplete, which is reported at that end.
            if frame.kind == FrameKind::Host(HostEnd::Input) {
                self.consume(frame.len);
            } else {
                self.host = Some(frame);
            }
        }
    }

    /// Ends the document, and with it everything that is open (rule R2).
    pub(super) fn end_document(&mut self) {
        if matches!(self.phase, Phase::Open | Phase::Prolog { nmap: true }) {
            self.document.reader.record.truncated = true;
            self.warn(DiagnosticCode::Truncated, "the document ends before its end tag");
        }
        let mut context = context(&self.bump, &self.options, &mut self.diagnostics, self.encoding);
        self.document.end(&self.options.salt, &mut context);
        self.resolve_positions(&PositionMap::default());
        if !self.document.reader.record.has_scan {
            // Without a scan, no event waits for its ID.
            let _ = self.document.drain();
        }
        self.queue.extend(self.document.drain());
        let next = self.document.reader.record.header.doc_index.saturating_add(1);
        let mut record = mem::replace(&mut self.document, Document::new(next)).reader.record;
        let end = self.here();
        let len = end.byte.saturating_sub(self.doc_start.byte);
        record.bytes = i64::try_from(len).unwrap_or(i64::MAX);
        self.doc_start = end;
        if self.options.hash {
            // Strict reading may have ended earlier.
            if self.failed.is_none() {
                self.hash_up_to(end.byte);
            }
            record.content_sha256 = Some(hex(&mem::take(&mut self.hash).finalize()));
        }
        let diagnostics = self
            .batches
            .is_some()
            .then(|| HostDiagnostics::of_scan(self.document_diagnostics.clone()));
        record.diagnostics = self.document_diagnostics.finish();
        if record.has_scan || !record.diagnostics.is_empty() {
            if let (Some(batches), Some(diagnostics)) = (&mut self.batches, diagnostics) {
                batches.end_scan(diagnostics);
            }
            self.queue.push_back(ScanEvent::ScanEnd(Box::new(record)));
            self.check_strict_end();
        }
    }

    pub(super) fn end_of_input(&mut self) {
        self.done = true;
        match self.phase {
            // Nothing is known about input that was not read.
            Phase::Before { junk: None, anything: false } if self.unreadable => {}
            Phase::Before { junk: None, anything: false } => {
                self.warn(DiagnosticCode::Empty, "nothing but blanks");
                self.end_document();
            }
            Phase::Before { .. } => self.end_without_scan(NotNmap::NoScan),
            Phase::Prolog { nmap: false } if self.document.reader.record.header.doc_index == 0 => {
                self.end_without_scan(NotNmap::NoRoot);
            }
            Phase::Foreign if self.refused.is_some() => self.end_without_scan(NotNmap::NoScan),
            Phase::Prolog { .. } => {
                self.phase = Phase::Prolog { nmap: true };
                self.end_document();
            }
            Phase::Open | Phase::After | Phase::Foreign => self.end_document(),
        }
    }
}
