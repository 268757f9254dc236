//! Decompresses on a separate thread, a bounded number of chunks ahead of the reader.
//!
//! [`PrefetchReader`] owns the receiving end of a bounded channel; the thread that it starts owns the decompressor and
//! sends full chunks of `CHUNK` bytes, at most `CHUNKS` of them ahead of the reader. Chunks that were read are sent
//! back on a second channel and refilled, so reading allocates nothing in the steady state. The thread ends after the
//! last chunk, after an error (which the reader sees only after all bytes before it), or when the reader is dropped. If
//! the system cannot start a thread, [`PrefetchReader::new`] returns the decompressor, and the caller reads from it
//! directly.

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
};

use super::thread::on_thread;

/// Size of a chunk in bytes, and the number of chunks that may be queued.
const CHUNK: usize = 128 << 10;
const CHUNKS: usize = 6;

/// Reader of bytes that another thread produces. It ends with the bytes, with an error, or when it is dropped.
pub(super) struct PrefetchReader {
    chunks: Receiver<io::Result<Vec<u8>>>,
    /// Returns chunks that were read to the thread, which refills them.
    used: Sender<Vec<u8>>,
    current: Vec<u8>,
    place: usize,
    over: bool,
}

impl PrefetchReader {
    /// Reads `inner` on another thread. Returns `inner` as the error if the system cannot start one.
    pub(super) fn new<R: Read + Send + 'static>(inner: R) -> Result<Self, R> {
        let (sender, chunks) = sync_channel(CHUNKS);
        let (used, empty) = channel();
        on_thread("unpack", inner, move |inner| feed(inner, &sender, &empty))?;
        Ok(Self { chunks, used, current: Vec::new(), place: 0, over: false })
    }
}

/// Sends chunks until the input ends, it fails, or the receiver is gone.
fn feed(mut inner: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>, empty: &Receiver<Vec<u8>>) {
    loop {
        // Returned chunks have their full length: a shorter chunk was the last one.
        let mut chunk = empty.try_recv().unwrap_or_default();
        chunk.resize(CHUNK, 0);
        let mut len = 0;
        let mut failed = None;
        while let Some(rest) = chunk.get_mut(len..).filter(|rest| !rest.is_empty()) {
            match inner.read(rest) {
                Ok(0) => break,
                Ok(more) => len = len.saturating_add(more),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let over = len < CHUNK;
        chunk.truncate(len);
        // Bytes before an error are valid.
        if len > 0 && sender.send(Ok(chunk)).is_err() {
            return;
        }
        if over {
            // An empty chunk marks the end.
            let _ = sender.send(failed.map_or(Ok(Vec::new()), Err));
            return;
        }
    }
}

impl Read for PrefetchReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.over || buffer.is_empty() {
            return Ok(0);
        }
        if self.place >= self.current.len() {
            let lost = || io::Error::other("the thread that unpacks ended early");
            let used = std::mem::take(&mut self.current);
            if used.len() == CHUNK {
                // The send fails if the thread has already finished, which is harmless.
                let _ = self.used.send(used);
            }
            let chunk = self.chunks.recv().map_err(|_| lost());
            (self.current, self.place) = (chunk.flatten().inspect_err(|_| self.over = true)?, 0);
            self.over = self.current.is_empty();
        }
        debug_assert!(self.place <= self.current.len(), "more was read than arrived");
        let rest = self.current.get(self.place..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        self.place = self.place.saturating_add(len);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Yields this number of bytes in small pieces, then fails.
    struct Failing(usize);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = self.0.min(buffer.len()).min(777);
            self.0 -= len;
            buffer[..len].fill(7);
            if len == 0 { Err(io::Error::other("at last")) } else { Ok(len) }
        }
    }

    #[test]
    fn all_bytes_come_before_the_error() {
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 9 * CHUNK + 5] {
            let mut all = Vec::new();
            let error = io::copy(&mut PrefetchReader::new(Failing(len)).ok().unwrap(), &mut all)
                .unwrap_err();
            assert_eq!((all.len(), error.to_string()), (len, "at last".into()));
            let bytes = io::repeat(1).take(u64::try_from(len).unwrap());
            let mut all = Vec::new();
            io::copy(&mut PrefetchReader::new(bytes).ok().unwrap(), &mut all).unwrap();
            assert_eq!(all.len(), len);
        }
        // Dropping the reader ends the thread, which would otherwise read without end.
        drop(PrefetchReader::new(io::repeat(1)).ok().unwrap());
    }
}
