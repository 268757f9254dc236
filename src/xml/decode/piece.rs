//! Parses the text of a piece.

use bumpalo::Bump;

use super::{
    super::{
        Options,
        budget::Budget,
        context::Context,
        frame::{Framer, HostEnd, Kind, Piece},
        host::{self, HostRead},
        intake::Intake,
        notes::Notes,
        run::scan_is_full,
        text::{Converted, Encoding, ValueReader, convert, note_bad_bytes},
        token::{TagCaps, Tokens},
    },
    Decoder, Settle,
};
use crate::{
    error::{DiagnosticCode, Error, Position, Result},
    model::ScanEvent,
};

impl Decoder {
    /// Parses the next host.
    pub(super) fn read_host(&mut self, piece: Piece) -> Result<ScanEvent<'_>> {
        let Kind::Host(end) = piece.kind else { return Err(Error::usage("no host is next")) };
        let Self { framer, intake, bump, notes, ledger, document, options, .. } = self;
        let (framer, intake, bump): (&Framer, &Intake, &Bump) = (framer, intake, bump);
        let bytes = framer.bytes().get(..piece.len).unwrap_or_default();
        let converted = convert(bytes, self.encoding, bump);
        let record = &mut document.reader.record;
        let index = i32::try_from(record.hosts_seen).unwrap_or(i32::MAX);
        let read = read_piece(piece, &converted, index, (bump, options, notes));
        let whole = read.len >= converted.text.len();
        self.given = if whole { piece.len } else { converted.source(read.len).max(1) };
        let used = bytes.get(..self.given).unwrap_or(bytes);
        note_bad_bytes(used, self.encoding, &converted, notes);
        record.resumed |= whole && end == HostEnd::NextHost;
        let found = read.host;
        let settle = Settle::of(converted);
        ledger.take(notes, |at| settle.position(at, (intake, framer, self.lines)));
        record.hosts_seen = record.hosts_seen.saturating_add(1);
        record.hosts_incomplete =
            record.hosts_incomplete.saturating_add(i64::from(!found.complete));
        if !read.items.is_empty() {
            let mut items = read.items;
            let place =
                || Position { byte: intake.raw_start(), line: self.lines.saturating_add(1) };
            let left_out =
                document.reader.limit_infos(&mut items, options.limits.max_scan_metadata_bytes);
            if left_out > 0 {
                ledger.add(DiagnosticCode::Limit, left_out, place, || {
                    scan_is_full(options.limits.max_scan_metadata_bytes)
                });
            }
            document.take_items(items, (usize::MAX, &options.salt), notes);
            self.queue.extend(document.drain());
        }
        Ok(ScanEvent::Host(Box::new(found)))
    }
}

/// Parses the host in a piece, and records how it ends.
pub(in crate::xml) fn read_piece<'f>(
    piece: Piece,
    converted: &Converted<'f>,
    index: i32,
    (bump, options, notes): (&'f Bump, &Options, &mut Notes),
) -> HostRead<'f> {
    let text = converted.text;
    let last = piece.kind == Kind::Host(HostEnd::Input);
    let mut tokens = tokens(text, bump, options, last);
    let mut context = context(bump, options, notes, converted.encoding);
    let mut read = host::read(text, &mut tokens, index, &mut context);
    if read.len >= text.len() && piece.kind != Kind::Host(HostEnd::Closed) {
        read.host.complete = false;
        match piece.kind {
            Kind::Host(HostEnd::NextHost | HostEnd::RunEnd) => {
                notes.add(DiagnosticCode::ImplicitClose, text.len(), host::host_closed);
            }
            Kind::Host(HostEnd::Limit) => {
                let cap = options.limits.max_host_bytes;
                notes.add(DiagnosticCode::Limit, 0, || {
                    format!("a host of more than {cap} bytes; the rest of it is skipped")
                });
            }
            _ => {}
        }
    }
    read
}

/// Returns the tokens of a piece's text.
pub(super) fn tokens<'f>(
    text: &'f str,
    bump: &'f Bump,
    options: &Options,
    last: bool,
) -> Tokens<'f> {
    Tokens::new(text, bump, TagCaps::of(&options.limits), last)
}

/// Returns the context for reading the elements of a piece.
pub(super) fn context<'f, 'n>(
    bump: &'f Bump,
    options: &'n Options,
    notes: &'n mut Notes,
    encoding: Encoding,
) -> Context<'f, 'n> {
    let (cap, repair) = (options.limits.max_value_bytes, options.text_repair);
    let values = ValueReader { bump, cap, repair, encoding };
    let budget = Budget::new(options.limits.max_host_list_bytes);
    Context { values, notes, limits: &options.limits, budget, here: 0 }
}
