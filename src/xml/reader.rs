//! Reads events from any reader.

use std::io::{self, Read};

use super::{BatchedEvent, Decoder, Options};
use crate::{
    error::{Error, Result},
    model::{EventSource, Host, ScanEvent},
};

/// Number of bytes requested of the input at once: the first request is small, because most files are, and the size
/// doubles each time that it was filled, up to the maximum.
const FIRST: usize = 8 << 10;
const MOST: usize = 64 << 10;
/// Number of bytes in the first request after bytes that a reader was given, because usually none follow.
const AFTER_PREFIX: usize = 512;

/// Reads events from bytes: a thin loop around [`Decoder`].
///
/// ```
/// use scanmill::xml::{Options, Reader};
///
/// let xml = r#"<nmaprun args="nmap 192.0.2.7"><host><address addr="192.0.2.7"/></host></nmaprun>"#;
/// for host in Reader::new(xml.as_bytes(), Options::default()).hosts() {
///     let host = host?;
///     assert_eq!(host.ip().map(|ip| &*ip.text), Some("192.0.2.7"));
///     assert!(host.complete);
/// }
/// # Ok::<(), scanmill::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    decoder: Box<Decoder>,
    chunk: Vec<u8>,
    room: usize,
    input_finished: bool,
    failed: Option<Error>,
}

impl<R: Read> Reader<R> {
    /// Creates a reader of these bytes.
    #[must_use]
    pub fn new(inner: R, options: Options) -> Self {
        Self::with_decoder(inner, Box::new(Decoder::new(options)))
    }

    /// Creates a reader with a decoder at the start of an input; the options of the decoder apply.
    pub(crate) fn with_decoder(inner: R, decoder: Box<Decoder>) -> Self {
        Self { inner, decoder, chunk: Vec::new(), room: FIRST, input_finished: false, failed: None }
    }

    /// Prepends bytes that were already read from the input.
    pub(crate) fn with_prefix(mut self, bytes: &[u8]) -> Self {
        if !bytes.is_empty() {
            self.decoder.feed(bytes);
            self.room = AFTER_PREFIX;
        }
        self
    }

    /// Returns the decoder for reuse by [`Self::with_decoder`]: reset, with some of its memory.
    pub(crate) fn into_decoder(mut self) -> Box<Decoder> {
        self.decoder.reset();
        self.decoder
    }

    /// Creates a reader for [`Self::next_batched_event`], with batches of `bytes` bytes; the last host of a batch may
    /// exceed them.
    #[must_use]
    pub(crate) fn with_batches(inner: R, options: Options, bytes: usize) -> Self {
        Self::with_decoder(inner, Box::new(Decoder::with_batches(options, bytes)))
    }

    /// Returns the next part, for a reader that batches: hosts in batches are left for other threads to parse.
    ///
    /// # Errors
    /// Fails as [`Self::next_event`] does.
    pub(crate) fn next_batched_event(&mut self) -> Result<Option<BatchedEvent<'_>>> {
        if self.make_ready()? { self.decoder.next_batched_event() } else { Ok(None) }
    }

    /// Returns the next event, or `None` at the end. It reads no more of the input than the event needs, so that the
    /// hosts of a live scan are returned as soon as they are complete.
    ///
    /// # Errors
    /// Fails if the input cannot be read, is not nmap XML, or at the first warning with [`Options::strict`]. Everything
    /// read before is returned first, including the end of the truncated scan; `None` follows the error.
    pub fn next_event(&mut self) -> Result<Option<ScanEvent<'_>>> {
        if self.make_ready()? { self.decoder.next_event() } else { Ok(None) }
    }

    /// Reads until an event or part is ready. Returns false at the end.
    fn make_ready(&mut self) -> Result<bool> {
        loop {
            if let Err(error) = self.decoder.advance() {
                return Err(self.failed.take().unwrap_or(error));
            }
            if self.decoder.is_ready() {
                return Ok(true);
            }
            if self.input_finished {
                return self.failed.take().map_or(Ok(false), Err);
            }
            self.fill();
        }
    }

    /// Returns the input position in bytes after the last part that was returned.
    pub(crate) fn byte_offset(&self) -> u64 {
        self.decoder.byte_offset()
    }

    /// Returns true if the next event can be returned without reading; if false, a live feed should be flushed.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.decoder.is_ready()
    }

    /// Returns a source of the same events for a pipeline. `name` is the name of the input.
    #[must_use]
    pub fn named(self, name: &str) -> NamedReader<'_, R> {
        NamedReader { name, reader: self, is_live: false, is_found: false }
    }

    /// Returns an iterator over the hosts only, each owning its text.
    pub fn hosts(self) -> impl Iterator<Item = Result<Host<'static>>> {
        self.events().filter_map(|event| match event {
            Ok(ScanEvent::Host(host)) => Some(Ok(*host)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// Returns an iterator over all events, each owning its text.
    pub fn events(mut self) -> impl Iterator<Item = Result<ScanEvent<'static>>> {
        std::iter::from_fn(move || {
            self.next_event().map(|event| event.map(ScanEvent::into_owned)).transpose()
        })
    }

    /// An input that fails ends like a truncated one: everything read before is returned first.
    fn fill(&mut self) {
        loop {
            match self.decoder.feed_from(&mut self.inner, (&mut self.chunk, self.room)) {
                Ok(0) => self.input_finished = true,
                Ok(len) if len >= self.room => self.room = self.room.saturating_mul(2).min(MOST),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.input_finished = true;
                    self.failed = Some(error.into());
                    self.decoder.finish_unreadable();
                }
            }
            break;
        }
        if self.input_finished {
            self.decoder.finish();
        }
    }
}

/// Reader with the name of its input, from [`Reader::named`].
#[derive(Debug)]
pub struct NamedReader<'n, R> {
    name: &'n str,
    reader: Reader<R>,
    is_live: bool,
    is_found: bool,
}

impl<R> NamedReader<'_, R> {
    /// Sets whether the bytes come from a program that is still writing them; see [`EventSource::is_live`].
    #[must_use]
    pub fn with_live(mut self, on: bool) -> Self {
        self.is_live = on;
        self
    }

    /// Sets whether the input was only found, such as in a folder; see [`EventSource::is_named`].
    #[must_use]
    pub fn with_found(mut self, on: bool) -> Self {
        self.is_found = on;
        self
    }

    /// Returns the reader.
    pub(crate) fn into_reader(self) -> Reader<R> {
        self.reader
    }
}

impl<R: Read> EventSource for NamedReader<'_, R> {
    fn next_event(&mut self) -> Result<Option<(&str, ScanEvent<'_>)>> {
        let event = self.reader.next_event().map_err(|error| error.with_input(self.name))?;
        Ok(event.map(|event| (self.name, event)))
    }

    fn is_ready(&self) -> bool {
        self.reader.is_ready()
    }

    fn is_live(&self) -> bool {
        self.is_live
    }

    fn is_named(&self) -> bool {
        !self.is_found
    }
}
