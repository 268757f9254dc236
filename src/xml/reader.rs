//! Pulls events out of anything that can be read.

use std::io::{self, Read};

use super::{Decoder, Options, Part};
use crate::{
    error::{Error, Result},
    model::{Host, ScanEvent},
};

/// Bytes asked of the input at once: first few, as most files are small, and each time that as many came twice
/// as many, up to the most.
const FIRST: usize = 8 << 10;
const MOST: usize = 64 << 10;
/// Bytes asked for first behind those that a reader was given, as mostly there are none.
const BEHIND: usize = 512;

/// Reads events from bytes: a thin loop over [`Decoder`].
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
    over: bool,
    failed: Option<Error>,
}

impl<R: Read> Reader<R> {
    /// A reader of these bytes.
    #[must_use]
    pub fn new(inner: R, options: Options) -> Self {
        Self::with_decoder(inner, Box::new(Decoder::new(options)))
    }

    /// The same with a decoder at the start of an input; its options count.
    pub(crate) fn with_decoder(inner: R, decoder: Box<Decoder>) -> Self {
        Self { inner, decoder, chunk: Vec::new(), room: FIRST, over: false, failed: None }
    }

    /// The same with these bytes before those that are read.
    pub(crate) fn behind(mut self, bytes: &[u8]) -> Self {
        if !bytes.is_empty() {
            self.decoder.feed(bytes);
            self.room = BEHIND;
        }
        self
    }

    /// The decoder, for [`Self::with_decoder`]: as new, with some of the memory that it has.
    pub(crate) fn into_decoder(mut self) -> Box<Decoder> {
        self.decoder.restart();
        self.decoder
    }

    /// A reader for [`Self::next_part`], with batches of so many bytes; the last host of one may go beyond.
    #[must_use]
    pub fn batching(inner: R, options: Options, bytes: usize) -> Self {
        Self::with_decoder(inner, Box::new(Decoder::batching(options, bytes)))
    }

    /// The next part, of a reader that batches: hosts in batches are left to be read by others.
    ///
    /// # Errors
    /// As with [`Self::next_event`].
    pub fn next_part(&mut self) -> Result<Option<Part<'_>>> {
        if self.make_ready()? { self.decoder.next_part() } else { Ok(None) }
    }

    /// The next event; `None` when all is read. It reads no more of the input than the event needs, so
    /// that a live scan's hosts come out as they close.
    ///
    /// # Errors
    /// When the input cannot be read, is no nmap XML, or with [`Options::strict`] at the first warning.
    /// All that was read before comes first, the end of the cut scan too; after the error comes `None`.
    pub fn next_event(&mut self) -> Result<Option<ScanEvent<'_>>> {
        if self.make_ready()? { self.decoder.next_event() } else { Ok(None) }
    }

    /// Reads until there is something to give; false at the end.
    fn make_ready(&mut self) -> Result<bool> {
        loop {
            if let Err(error) = self.decoder.advance() {
                return Err(self.failed.take().unwrap_or(error));
            }
            if self.decoder.is_ready() {
                return Ok(true);
            }
            if self.over {
                return self.failed.take().map_or(Ok(false), Err);
            }
            self.fill();
        }
    }

    /// The place in the input, in bytes, behind what was given last.
    pub(crate) fn passed(&self) -> u64 {
        self.decoder.passed()
    }

    /// Whether the next event can be given without reading: false when a live feed should be flushed.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.decoder.is_ready()
    }

    /// Hosts alone, each owning its text.
    pub fn hosts(self) -> impl Iterator<Item = Result<Host<'static>>> {
        self.events().filter_map(|event| match event {
            Ok(ScanEvent::Host(host)) => Some(Ok(*host)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// All events, each owning its text.
    pub fn events(mut self) -> impl Iterator<Item = Result<ScanEvent<'static>>> {
        std::iter::from_fn(move || {
            self.next_event().map(|event| event.map(ScanEvent::into_owned)).transpose()
        })
    }

    /// An input that fails ends like one that is cut: what was read of it is given first.
    fn fill(&mut self) {
        loop {
            match self.decoder.feed_from(&mut self.inner, (&mut self.chunk, self.room)) {
                Ok(0) => self.over = true,
                Ok(len) if len >= self.room => self.room = self.room.saturating_mul(2).min(MOST),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.over = true;
                    self.failed = Some(error.into());
                    self.decoder.break_off();
                }
            }
            break;
        }
        if self.over {
            self.decoder.finish();
        }
    }
}
