//! Individual stages of the reader, for benchmarks: their results are counted and discarded.

use bumpalo::Bump;

use super::{
    diagnostics::FrameDiagnostics,
    frame::{FrameKind, Framer, Surroundings},
    token::{TagCaps, Token, Tokens},
};
use crate::limits::Limits;

/// Returns the number of hosts that the framer finds in bytes that arrive in chunks.
#[must_use]
pub fn hosts_framed(bytes: &[u8], chunk: usize) -> usize {
    let mut framer = Framer::new(Limits::default());
    let mut chunks = bytes.chunks(chunk.max(1));
    let mut hosts = 0_usize;
    loop {
        while let Some(frame) = framer.next(false, Surroundings::Scan) {
            if matches!(frame.kind, FrameKind::Host(_)) {
                hosts = hosts.saturating_add(1);
            }
            framer.consume(frame.len);
        }
        match chunks.next() {
            Some(chunk) => framer.buffer().extend_from_slice(chunk),
            None if framer.is_last() => return hosts,
            None => framer.finish(),
        }
    }
}

/// Returns the number of attributes with known names in a text.
#[must_use]
pub fn attributes_read(text: &str) -> usize {
    let caps = TagCaps::of(&Limits::default());
    let bump = Bump::new();
    let mut diagnostics = FrameDiagnostics::new(0);
    let mut tokens = Tokens::new(text, &bump, caps, true);
    let mut found = 0_usize;
    while let Some(token) = tokens.next(&mut diagnostics) {
        if matches!(token, Token::Start { .. }) {
            found = found.saturating_add(tokens.attributes().len());
        }
    }
    found
}
