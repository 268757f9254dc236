//! Decompresses files of one or more concatenated streams, as log rotation and parallel compressors write them.
//!
//! A file may hold millions of streams of a few bytes, so the fixed cost per stream matters. The zstd decoder is reset
//! rather than recreated for each frame. gzip and xz are set up in microseconds. bzip2 allocates and clears memory for
//! the largest block of the stream, and its library cannot reuse it; a stream without a block, always the same 14
//! bytes, is skipped, and any other is charged to the [`Budget`] of the input.
//!
//! All output that precedes damage in a stream is returned, however the input is split into reads: a decoder that fails
//! during a call has counted the output of that call, which is in the buffer. zstd does not count it, so each call
//! receives at most the bytes of the block that is being read: a call that fails has produced nothing ([`Frame`]).

use std::io::{self, BufRead, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::DeflateDecoder;
use liblzma::{bufread::XzDecoder, stream::Stream};
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, Operation as _};

use super::{
    gzip::Gzip,
    magic::{self, FileKind},
    output_cap::{BZIP2_LEVEL, Budget, decompress},
};

/// Maximum memory for an xz stream, in bytes; `xz -9` needs half of it.
const XZ_MEMORY: u64 = 128 << 20;
/// Base-2 logarithm of the largest zstd window: the default limit of the `zstd` tool.
const ZSTD_WINDOW: u32 = 27;
/// Number of bytes requested of a decoder at once.
const STEP: usize = 16 << 10;

/// Bytes after the magic number and level of a bzip2 stream without blocks: its end marker and an empty checksum.
const NO_BLOCK: [u8; 10] = *b"\x17\x72\x45\x38\x50\x90\0\0\0\0";
/// Length in bytes of a bzip2 stream's header, before its first block.
const BZIP2_HEADER: usize = 4;

/// Set-up cost of the other decoders, in bytes of output that take as long.
const SETUP: u64 = 512;

/// Number of streams to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All streams until the input ends.
    All,
    /// The first stream only.
    One,
}

/// Decompresses concatenated streams of one kind. Each is read to its end before the next is examined, so bytes after
/// the last stream that are not a stream cannot damage earlier output.
pub(super) struct MultiMemberReader<B: BufRead> {
    kind: FileKind,
    extent: Extent,
    budget: Budget,
    state: State<B>,
    /// Decoder of the last frame, for reuse.
    zstd: Option<ZstdDecoder<'static>>,
    /// Error to return after the output that precedes it.
    failed: Option<io::Error>,
}

enum State<B: BufRead> {
    /// Between two streams.
    Between(B),
    Gzip(Gzip<B>),
    Deflate(DeflateDecoder<B>),
    Bzip2(BzDecoder<B>),
    Xz(XzDecoder<B>),
    Zstd(Frame<B>),
    /// After the last stream or an error.
    Over,
}

/// Frame of zstd.
///
/// A block is decoded completely, or the call fails. A call that returns bytes of the previous block must not fail, so
/// the header of a block is passed separately from the block before it, and nothing is passed while bytes of that
/// block are left.
struct Frame<B> {
    bytes: B,
    decoder: ZstdDecoder<'static>,
    /// Number of bytes that the decoder takes next.
    wanted: usize,
    /// True if the decoder may hold output that did not fit into the buffer.
    may_hold: bool,
    is_over: bool,
}

/// Length in bytes of a block header, which the decoder requests together with the previous block.
const ZSTD_HEADER: usize = 3;
/// Number of bytes that the decoder requests first.
const ZSTD_FIRST: usize = 5;

impl<B: BufRead> MultiMemberReader<B> {
    pub(super) fn new(kind: FileKind, bytes: B, (extent, budget): (Extent, &Budget)) -> Self {
        let (state, budget) = (State::Between(bytes), budget.clone());
        Self { kind, extent, budget, state, zstd: None, failed: None }
    }

    /// Begins the next stream, if any.
    fn begin(&mut self, mut bytes: B) -> io::Result<State<B>> {
        let is_marked = self.kind != FileKind::Deflate;
        if is_marked && self.extent == Extent::All && !skip_padding(&mut bytes)? {
            return Ok(State::Over);
        }
        if is_marked && !magic::begins(self.kind, bytes.fill_buf()?) {
            return Err(decompress("other bytes follow the compressed ones".into()));
        }
        if self.kind != FileKind::Bzip2 {
            self.budget.set_up(SETUP)?;
        }
        Ok(match self.kind {
            FileKind::Bzip2 => return self.begin_bzip2(bytes),
            FileKind::Deflate => State::Deflate(DeflateDecoder::new(bytes)),
            FileKind::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, 0)?;
                State::Xz(XzDecoder::new_stream(bytes, stream))
            }
            FileKind::Zstd => {
                let mut decoder = match self.zstd.take() {
                    Some(decoder) => decoder,
                    None => ZstdDecoder::new()?,
                };
                decoder.reinit()?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW))?;
                State::Zstd(Frame {
                    bytes,
                    decoder,
                    wanted: ZSTD_FIRST,
                    may_hold: false,
                    is_over: false,
                })
            }
            _ => State::Gzip(Gzip::new(bytes)?),
        })
    }

    /// Begins a bzip2 stream. The 14 bytes of one without blocks are rarely split between two reads; if they are, the
    /// stream is decoded like any other.
    fn begin_bzip2(&mut self, mut bytes: B) -> io::Result<State<B>> {
        let here = bytes.fill_buf()?;
        let after = here.get(BZIP2_HEADER..).unwrap_or_default();
        let level = here.get(BZIP2_HEADER - 1).copied().unwrap_or(b'9');
        if matches!(level, b'1'..=b'9') && after.starts_with(&NO_BLOCK) {
            bytes.consume(BZIP2_HEADER + NO_BLOCK.len());
            return Ok(self.after(bytes));
        }
        self.budget.set_up(u64::from(level.saturating_sub(b'0')).saturating_mul(BZIP2_LEVEL))?;
        Ok(State::Bzip2(BzDecoder::new(bytes)))
    }

    /// Returns the state that follows a stream.
    fn after(&self, bytes: B) -> State<B> {
        match self.extent {
            Extent::All => State::Between(bytes),
            Extent::One => State::Over,
        }
    }

    /// Continues after the end of a stream.
    fn end(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Gzip(decoder) => self.after(decoder.into_inner()),
            State::Deflate(_) => State::Over,
            State::Bzip2(decoder) => self.after(decoder.into_inner()),
            State::Xz(decoder) => self.after(decoder.into_inner()),
            State::Zstd(Frame { bytes, decoder, .. }) => {
                self.zstd = Some(decoder);
                self.after(bytes)
            }
            other => other,
        };
    }
}

impl<B: BufRead> MultiMemberReader<B> {
    /// Returns the compressed input, unless it was read to its end.
    pub(super) fn packed(&mut self) -> Option<&mut B> {
        Some(match &mut self.state {
            State::Between(bytes) => bytes,
            State::Gzip(decoder) => decoder.get_mut(),
            State::Deflate(decoder) => decoder.get_mut(),
            State::Bzip2(decoder) => decoder.get_mut(),
            State::Xz(decoder) => decoder.get_mut(),
            State::Zstd(frame) => &mut frame.bytes,
            State::Over => return None,
        })
    }

    /// Returns the number of bytes that the decoder of the current stream has produced.
    fn made(&self) -> u64 {
        match &self.state {
            State::Gzip(decoder) => decoder.made(),
            State::Deflate(decoder) => decoder.total_out(),
            State::Bzip2(decoder) => decoder.total_out(),
            State::Xz(decoder) => decoder.total_out(),
            State::Between(_) | State::Zstd(_) | State::Over => 0,
        }
    }
}

impl<B: BufRead> Read for MultiMemberReader<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            self.state = State::Over;
            return Err(error);
        }
        let len = buffer.len().min(STEP);
        let buffer = buffer.get_mut(..len).unwrap_or_default();
        if buffer.is_empty() {
            return Ok(0);
        }
        // Each turn returns, or begins or ends a stream, which has at least the bytes of its header.
        loop {
            let before = self.made();
            let read = match &mut self.state {
                State::Between(_) => {
                    if let State::Between(bytes) = std::mem::replace(&mut self.state, State::Over) {
                        self.state = self.begin(bytes)?;
                    }
                    continue;
                }
                State::Over => return Ok(0),
                State::Gzip(decoder) => decoder.read(buffer),
                State::Deflate(decoder) => decoder.read(buffer),
                State::Bzip2(decoder) => decoder.read(buffer),
                State::Xz(decoder) => decoder.read(buffer),
                State::Zstd(frame) => frame.read(buffer),
            };
            match read {
                Ok(0) => self.end(),
                Ok(len) => return Ok(len),
                Err(error) => {
                    let made = self.made().saturating_sub(before);
                    let made = usize::try_from(made).unwrap_or_default().min(len);
                    if made == 0 {
                        return Err(error);
                    }
                    self.failed = Some(error);
                    return Ok(made);
                }
            }
        }
    }
}

impl<B: BufRead> Frame<B> {
    /// Reads decompressed bytes; returns 0 at the end of the frame.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.is_over {
            let here = if self.may_hold { &[] } else { self.bytes.fill_buf()? };
            let is_cut = here.is_empty() && !self.may_hold;
            let here = here.get(..self.wanted).unwrap_or(here);
            let status = self.decoder.run_on_buffers(here, buffer)?;
            self.bytes.consume(status.bytes_read);
            self.is_over = status.remaining == 0;
            self.wanted = match status.remaining.saturating_sub(ZSTD_HEADER) {
                0 => status.remaining,
                wanted => wanted,
            };
            self.may_hold = status.bytes_written == buffer.len();
            if status.bytes_written > 0 {
                return Ok(status.bytes_written);
            }
            if is_cut && !self.is_over {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}

/// Skips zero bytes, which tapes and padding leave after a stream. Returns false at the end of the input.
pub(super) fn skip_padding(bytes: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let here = bytes.fill_buf()?;
        if here.is_empty() {
            return Ok(false);
        }
        let zeros = here.iter().position(|byte| *byte != 0).unwrap_or(here.len());
        let all = zeros == here.len();
        bytes.consume(zeros);
        if !all {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufReader, Write as _},
        sync::{Arc, atomic::AtomicU64},
    };

    use super::*;
    use crate::limits::Limits;

    /// Decompresses `bytes`, available in steps of `step` bytes. Returns the output, and true if it ended without
    /// error.
    fn unpacked(kind: FileKind, bytes: &[u8], step: usize) -> (Vec<u8>, bool) {
        let budget = Budget::new(Arc::new(AtomicU64::new(u64::MAX)), &Limits::default());
        let bytes = BufReader::with_capacity(step, bytes);
        let mut out = Vec::new();
        let mut members = MultiMemberReader::new(kind, bytes, (Extent::All, &budget));
        let read = io::copy(&mut members, &mut out);
        (out, read.is_ok())
    }

    #[test]
    fn output_before_damage_does_not_depend_on_pieces() {
        let plain: Vec<u8> = (0..90_000_u32)
            .flat_map(|n| format!("{} ", n.wrapping_mul(n) % 977).into_bytes())
            .collect();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&plain).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(&plain).unwrap();
        let bzip2 = bzip2.finish().unwrap();
        let xz = liblzma::encode_all(&*plain, 0).unwrap();
        // With many small blocks, and with few large ones; damage that a block hides is found by the checksum.
        let [small, large] = [3000, plain.len()].map(|len| {
            let mut zstd = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
            zstd.include_checksum(true).unwrap();
            for part in plain.chunks(len) {
                zstd.write_all(part).unwrap();
                zstd.flush().unwrap();
            }
            zstd.finish().unwrap()
        });
        for (kind, packed) in [
            (FileKind::Gzip, gzip),
            (FileKind::Bzip2, bzip2),
            (FileKind::Xz, xz),
            (FileKind::Zstd, small),
            (FileKind::Zstd, large),
        ] {
            assert_eq!(unpacked(kind, &packed, 4096), (plain.clone(), true), "{kind:?}");
            for at in [packed.len() / 3, packed.len() / 2, packed.len() - 9] {
                let mut damaged = packed.clone();
                damaged[at..at + 8].fill(0xff);
                let (whole, is_good) = unpacked(kind, &damaged, 1 << 20);
                assert!(!is_good && (!whole.is_empty() || at < packed.len() / 2), "{kind:?}");
                for step in [1, 7, 1000, 20_000] {
                    let (pieces, _) = unpacked(kind, &damaged, step);
                    assert_eq!(pieces.len(), whole.len(), "{kind:?} at {at} in pieces of {step}");
                    assert!(pieces == whole, "{kind:?} at {at} in pieces of {step}");
                }
            }
        }
    }

    #[test]
    fn headers_of_gzip_may_have_every_part() {
        let mut encoder = flate2::GzBuilder::new()
            .extra(b"extra".to_vec())
            .filename("scan.xml")
            .comment("a comment")
            .write(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"some text").unwrap();
        let packed = encoder.finish().unwrap();
        for step in [1, 5, 1000] {
            let (out, is_good) = unpacked(FileKind::Gzip, &[&*packed, &packed].concat(), step);
            assert_eq!((out.as_slice(), is_good), (&b"some textsome text"[..], true));
            for cut in 1..packed.len() {
                let (out, is_good) = unpacked(FileKind::Gzip, &packed[..cut], step);
                assert!(!is_good && b"some text".starts_with(&out), "cut at {cut}");
            }
        }
        let mut damaged = packed.clone();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        assert_eq!(unpacked(FileKind::Gzip, &damaged, 100), (b"some text".to_vec(), false));
        damaged[3] |= 0x80;
        assert_eq!(unpacked(FileKind::Gzip, &damaged, 100), (Vec::new(), false));
    }
}
