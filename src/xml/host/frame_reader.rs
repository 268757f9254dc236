//! Parses the text of a frame.

use bumpalo::Bump;

use super::{
    super::{
        Options,
        budget::Budget,
        context::Context,
        diagnostics::FrameDiagnostics,
        frame::{Frame, FrameKind, HostEnd},
        text::{DecodedText, Encoding, ValueReader},
        token::{TagCaps, Tokens},
    },
    HostRead, host_closed, read,
};
use crate::error::DiagnosticCode;

/// Parses the host in a frame, and records how it ends.
pub(in super::super) fn parse_host<'f>(
    frame: Frame,
    decoded: &DecodedText<'f>,
    index: i32,
    (bump, options, diagnostics): (&'f Bump, &Options, &mut FrameDiagnostics),
) -> HostRead<'f> {
    let text = decoded.text;
    let last = frame.kind == FrameKind::Host(HostEnd::Input);
    let mut tokens = tokens(text, bump, options, last);
    let mut context = context(bump, options, diagnostics, decoded.encoding);
    let mut read = read(text, &mut tokens, index, &mut context);
    if read.len >= text.len() && frame.kind != FrameKind::Host(HostEnd::Closed) {
        read.host.complete = false;
        match frame.kind {
            FrameKind::Host(HostEnd::NextHost | HostEnd::ScanEnd) => {
                diagnostics.add(DiagnosticCode::ImplicitClose, text.len(), host_closed);
            }
            FrameKind::Host(HostEnd::Limit) => {
                let cap = options.limits.max_host_bytes;
                diagnostics.add(DiagnosticCode::Limit, 0, || {
                    format!("a host of more than {cap} bytes; the rest of it is skipped")
                });
            }
            _ => {}
        }
    }
    read
}

/// Returns the tokens of a frame's text.
pub(in super::super) fn tokens<'f>(
    text: &'f str,
    bump: &'f Bump,
    options: &Options,
    last: bool,
) -> Tokens<'f> {
    Tokens::new(text, bump, TagCaps::of(&options.limits), last)
}

/// Returns the context for reading the elements of a frame.
pub(in super::super) fn context<'f, 'n>(
    bump: &'f Bump,
    options: &'n Options,
    diagnostics: &'n mut FrameDiagnostics,
    encoding: Encoding,
) -> Context<'f, 'n> {
    let (cap, repair) = (options.limits.max_value_bytes, options.text_repair);
    let values = ValueReader { bump, cap, repair, encoding };
    let budget = Budget::new(options.limits.max_host_list_bytes);
    Context { values, diagnostics, limits: &options.limits, budget, here: 0 }
}
