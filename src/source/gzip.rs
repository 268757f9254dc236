//! Members of gzip files (RFC 1952): the header and trailer around a deflate stream.
//!
//! `flate2` reads these too, but then the output that it produced in the same call before damaged bytes is lost, and
//! its amount depends on how the input is split into reads.

use std::io::{self, BufRead, Read};

use flate2::{Crc, bufread::DeflateDecoder};

use super::output_cap::decompress;

/// Length in bytes of the header before its optional parts, and of the trailer after the stream.
const HEADER: usize = 10;
const TRAILER: usize = 8;

/// Flag bits: a checksum of the header, and its optional parts.
const CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

/// Maximum length of a file name or comment, in bytes.
const LONGEST: u64 = 64 << 10;

/// Gzip member whose header has been read.
pub(super) struct Gzip<B> {
    deflate: DeflateDecoder<B>,
    crc: Crc,
}

impl<B: BufRead> Gzip<B> {
    /// Reads the header.
    pub(super) fn new(mut bytes: B) -> io::Result<Self> {
        let mut header = [0; HEADER];
        bytes.read_exact(&mut header)?;
        let [_, _, method, flags, ..] = header;
        if method != 8 || flags & RESERVED != 0 {
            return Err(decompress("the header of a gzip member is damaged".into()));
        }
        if flags & EXTRA != 0 {
            let mut len = [0; 2];
            bytes.read_exact(&mut len)?;
            skip(&mut bytes, u16::from_le_bytes(len))?;
        }
        for part in [NAME, COMMENT] {
            if flags & part != 0 {
                skip_text(&mut bytes)?;
            }
        }
        if flags & CHECKSUM != 0 {
            skip(&mut bytes, 2)?;
        }
        Ok(Self { deflate: DeflateDecoder::new(bytes), crc: Crc::new() })
    }

    /// Reads decompressed bytes; returns 0 at the end of the member.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.deflate.read(buffer)?;
        self.crc.update(buffer.get(..len).unwrap_or_default());
        if len == 0 && !buffer.is_empty() {
            let mut trailer = [0; TRAILER];
            self.deflate.get_mut().read_exact(&mut trailer)?;
            let expected = [self.crc.sum().to_le_bytes(), self.crc.amount().to_le_bytes()].concat();
            if trailer.as_slice() != expected {
                return Err(decompress("the checksum of a gzip member is wrong".into()));
            }
        }
        Ok(len)
    }

    /// Returns the number of bytes decompressed so far, including those of a call that failed.
    pub(super) fn made(&self) -> u64 {
        self.deflate.total_out()
    }

    /// Returns the compressed input.
    pub(super) fn get_mut(&mut self) -> &mut B {
        self.deflate.get_mut()
    }

    /// Returns the compressed input, positioned after the member.
    pub(super) fn into_inner(self) -> B {
        self.deflate.into_inner()
    }
}

fn skip(bytes: &mut impl BufRead, len: u16) -> io::Result<()> {
    let skipped = io::copy(&mut bytes.take(u64::from(len)), &mut io::sink())?;
    if skipped == u64::from(len) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Skips a text and its terminating zero byte.
fn skip_text(bytes: &mut impl BufRead) -> io::Result<()> {
    let mut text = Vec::new();
    bytes.take(LONGEST).read_until(0, &mut text)?;
    match text.last() {
        Some(0) => Ok(()),
        _ if text.len() < usize::try_from(LONGEST).unwrap_or(usize::MAX) => {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
        _ => Err(decompress("the header of a gzip member is damaged".into())),
    }
}
