//! Compressed streams, which may stand one behind the other in a file: rotated logs, parallel compressors.

use std::io::{self, BufRead, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use liblzma::{bufread::XzDecoder, stream::Stream};

use super::{
    capped::decompress,
    magic::{self, Kind},
};

/// Memory that an xz file may ask for; `xz -9` needs half of it.
const XZ_MEMORY: u64 = 128 << 20;
/// The largest window of zstd, as a power of two: what its own tool takes without being asked.
const ZSTD_WINDOW: u32 = 27;
/// Bytes asked of a decoder at once: what it made of bytes before damaged ones in the same call is lost.
const STEP: usize = 16 << 10;

/// Decompresses streams of one kind until the bytes end. Each is read to its end before the next is looked
/// at, so that what is no stream behind the last one costs nothing that came before.
pub(super) struct Members<B: BufRead> {
    kind: Kind,
    state: State<B>,
}

enum State<B: BufRead> {
    /// Between two streams.
    Between(B),
    Gzip(GzDecoder<B>),
    Bzip2(BzDecoder<B>),
    Xz(XzDecoder<B>),
    Zstd(zstd::Decoder<'static, B>),
    Over,
}

impl<B: BufRead> Members<B> {
    pub(super) fn new(kind: Kind, bytes: B) -> Self {
        Self { kind, state: State::Between(bytes) }
    }

    /// Begins the next stream; false at the end.
    fn begin(&mut self) -> io::Result<bool> {
        let State::Between(mut bytes) = std::mem::replace(&mut self.state, State::Over) else {
            return Ok(false);
        };
        if !skip_padding(&mut bytes)? {
            return Ok(false);
        }
        if !magic::begins(self.kind, bytes.fill_buf()?) {
            return Err(decompress("other bytes stand behind the compressed ones".into()));
        }
        self.state = match self.kind {
            Kind::Bzip2 => State::Bzip2(BzDecoder::new(bytes)),
            Kind::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, 0)?;
                State::Xz(XzDecoder::new_stream(bytes, stream))
            }
            Kind::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(bytes)?.single_frame();
                decoder.window_log_max(ZSTD_WINDOW)?;
                State::Zstd(decoder)
            }
            _ => State::Gzip(GzDecoder::new(bytes)),
        };
        Ok(true)
    }

    /// The stream has ended.
    fn end(&mut self) {
        let ended = std::mem::replace(&mut self.state, State::Over);
        self.state = match ended {
            State::Gzip(decoder) => State::Between(decoder.into_inner()),
            State::Bzip2(decoder) => State::Between(decoder.into_inner()),
            State::Xz(decoder) => State::Between(decoder.into_inner()),
            State::Zstd(decoder) => State::Between(decoder.finish()),
            other => other,
        };
    }
}

impl<B: BufRead> Read for Members<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(STEP);
        let buffer = buffer.get_mut(..len).unwrap_or_default();
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let read = match &mut self.state {
                State::Between(_) => {
                    self.begin()?;
                    continue;
                }
                State::Over => return Ok(0),
                State::Gzip(decoder) => decoder.read(buffer),
                State::Bzip2(decoder) => decoder.read(buffer),
                State::Xz(decoder) => decoder.read(buffer),
                State::Zstd(decoder) => decoder.read(buffer),
            };
            match read {
                Ok(0) => self.end(),
                other => return other,
            }
        }
    }
}

/// Skips zero bytes, which tapes and padding leave behind a stream; false at the end.
fn skip_padding(bytes: &mut impl BufRead) -> io::Result<bool> {
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
