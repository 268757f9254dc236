//! Reads a program's output as it arrives.
//!
//! A thread reads the pipe and queues chunks of at most `CHUNK` bytes, up to `CHUNKS` of them, so that the program does
//! not have to wait for the reader until the queue is full. If the system cannot start a thread, the pipe is read on
//! demand, and the program waits while its pipe is full.

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use super::thread::on_thread;

/// Maximum size of a chunk in bytes, and the number of chunks that may be queued. The program waits only when the queue
/// is full.
const CHUNK: usize = 64 << 10;
const CHUNKS: usize = 256;

/// Reader of bytes that a thread reads and hands over immediately, however few arrive.
pub(crate) struct BackgroundReader {
    chunks: Chunks,
    current: Vec<u8>,
    place: usize,
    over: bool,
}

/// Source of the bytes.
enum Chunks {
    Thread(Receiver<io::Result<Vec<u8>>>),
    Here(Box<dyn Read + Send>),
}

impl BackgroundReader {
    /// Reads `inner` on another thread until the end or until this reader is dropped.
    pub(crate) fn new(inner: impl Read + Send + 'static) -> Self {
        let (sender, chunks) = sync_channel(CHUNKS);
        let chunks = match on_thread("live", inner, move |inner| feed(inner, &sender)) {
            Ok(()) => Chunks::Thread(chunks),
            Err(inner) => Chunks::Here(Box::new(inner)),
        };
        Self { chunks, current: Vec::new(), place: 0, over: false }
    }

    /// Returns true if all bytes were read.
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }
}

fn feed(mut inner: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let chunk = match inner.read(&mut buffer) {
            Ok(0) => return,
            Ok(len) => Ok(buffer.get(..len).unwrap_or_default().to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = chunk.is_err();
        if sender.send(chunk).is_err() || failed {
            return;
        }
    }
}

impl Read for BackgroundReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunks = match &mut self.chunks {
            Chunks::Thread(chunks) => chunks,
            Chunks::Here(inner) => {
                let read = inner.read(buffer);
                let interrupted = |error: &io::Error| error.kind() == io::ErrorKind::Interrupted;
                self.over |= match &read {
                    Ok(read) => *read == 0 && !buffer.is_empty(),
                    Err(error) => !interrupted(error),
                };
                return read;
            }
        };
        if self.place >= self.current.len() && !self.over {
            match chunks.recv() {
                Ok(chunk) => {
                    let chunk = chunk.inspect_err(|_| self.over = true)?;
                    (self.current, self.place) = (chunk, 0);
                }
                // The thread has ended, and with it the bytes.
                Err(_) => self.over = true,
            }
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

    /// Yields a few bytes per read, this many times, then fails.
    struct Slow(usize);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or_else(|| io::Error::other("at last"))?;
            let len = buffer.len().min(3);
            buffer[..len].fill(b'x');
            Ok(len)
        }
    }

    #[test]
    fn bytes_are_passed_on_as_they_arrive_and_the_error_last() {
        let mut live = BackgroundReader::new(Slow(1000));
        let mut all = Vec::new();
        let error = io::copy(&mut live, &mut all).unwrap_err();
        assert_eq!((all.len(), error.to_string(), live.is_over()), (3000, "at last".into(), true));
        let mut live = BackgroundReader::new(&b"whole"[..]);
        let mut first = [0; 2];
        live.read_exact(&mut first).unwrap();
        assert!(!live.is_over());
        let mut rest = String::new();
        live.read_to_string(&mut rest).unwrap();
        assert_eq!((&first, rest.as_str(), live.is_over()), (b"wh", "ole", true));
        // Dropping the reader ends the thread, which would otherwise read without end.
        drop(BackgroundReader::new(io::repeat(1)));
    }
}
