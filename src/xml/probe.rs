//! The reader's stages alone, for the benches: what they find is counted and thrown away.

use bumpalo::Bump;

use super::{
    frame::{Around, Framer, Kind},
    notes::Notes,
    token::{TagCaps, Token, Tokens},
};
use crate::limits::Limits;

/// How many hosts the framer cuts out of bytes that come in chunks.
#[must_use]
pub fn hosts_framed(bytes: &[u8], chunk: usize) -> usize {
    let mut framer = Framer::new(Limits::default());
    let mut chunks = bytes.chunks(chunk.max(1));
    let mut hosts = 0_usize;
    loop {
        while let Some(piece) = framer.next(false, Around::Scan) {
            if matches!(piece.kind, Kind::Host(_)) {
                hosts = hosts.saturating_add(1);
            }
            framer.consume(piece.len);
        }
        match chunks.next() {
            Some(chunk) => framer.buffer().extend_from_slice(chunk),
            None if framer.is_last() => return hosts,
            None => framer.finish(),
        }
    }
}

/// How many attributes of known name a text has.
#[must_use]
pub fn attributes_read(text: &str) -> usize {
    let caps = TagCaps::of(&Limits::default());
    let bump = Bump::new();
    let mut notes = Notes::new(0);
    let mut tokens = Tokens::new(text, &bump, caps, true);
    let mut found = 0_usize;
    while let Some(token) = tokens.next(&mut notes) {
        if matches!(token, Token::Start { .. }) {
            found = found.saturating_add(tokens.attributes().len());
        }
    }
    found
}
