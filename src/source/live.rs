//! Reads a program's output as it arrives.
//!
//! A thread reads the pipe and queues chunks of at most `CHUNK` bytes, up to `CHUNKS` of them, so that the program does
//! not have to wait for the reader until the queue is full. If the system cannot start a thread, the pipe is read on
//! demand, and the program waits while its pipe is full. [`Copied`] additionally writes a copy of everything that is
//! read.

use std::{
    io::{self, Read, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use super::ahead::on_thread;
use crate::error::Error;

/// Maximum size of a chunk in bytes, and the number of chunks that may be queued. The program waits only when the queue
/// is full.
const CHUNK: usize = 64 << 10;
const CHUNKS: usize = 256;

/// Reader of bytes that a thread reads and hands over immediately, however few arrive.
pub struct Live {
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

impl Live {
    /// Reads `inner` on another thread until the end or until this reader is dropped.
    pub fn new(inner: impl Read + Send + 'static) -> Self {
        let (sender, chunks) = sync_channel(CHUNKS);
        let chunks = match on_thread("live", inner, move |inner| feed(inner, &sender)) {
            Ok(()) => Chunks::Thread(chunks),
            Err(inner) => Chunks::Here(Box::new(inner)),
        };
        Self { chunks, current: Vec::new(), place: 0, over: false }
    }

    /// Returns true if all bytes were read.
    #[must_use]
    pub fn is_over(&self) -> bool {
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

impl Read for Live {
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
        let rest = self.current.get(self.place..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        self.place = self.place.saturating_add(len);
        Ok(len)
    }
}

/// Reader that writes an unchanged copy of the bytes that pass through it.
#[derive(Debug)]
pub struct Copied<R, W> {
    inner: R,
    copy: Option<W>,
    /// Name of the copy in errors.
    name: String,
    /// Kind and message of the error that stopped the copy.
    failed: Option<(io::ErrorKind, String)>,
}

impl<R: Read, W: Write> Copied<R, W> {
    /// Copies everything read from `inner` to `copy`, if given; `name` is its name in errors.
    pub fn new(inner: R, copy: Option<W>, name: impl Into<String>) -> Self {
        Self { inner, copy, name: name.into(), failed: None }
    }

    /// Returns the writer of the copy, without the reader.
    pub fn into_copy(self) -> Option<W> {
        self.copy
    }
}

impl<R: Read, W: Write> Read for Copied<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A copy with missing bytes is useless: every later read fails.
        if let Some((kind, why)) = &self.failed {
            let again = io::Error::new(*kind, why.clone());
            return Err(io::Error::other(Error::sink(self.name.clone(), again)));
        }
        let len = self.inner.read(buffer)?;
        if let Some(copy) = &mut self.copy {
            let read = buffer.get(..len).unwrap_or_default();
            copy.write_all(read).and_then(|()| copy.flush()).map_err(|error| {
                self.failed = Some((error.kind(), error.to_string()));
                // scanmill's own errors already name the file.
                let is_ours = matches!(error.get_ref(), Some(inner) if inner.is::<Error>());
                if is_ours {
                    error
                } else {
                    io::Error::other(Error::sink(self.name.clone(), error))
                }
            })?;
        }
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
        let mut live = Live::new(Slow(1000));
        let mut all = Vec::new();
        let error = io::copy(&mut live, &mut all).unwrap_err();
        assert_eq!((all.len(), error.to_string(), live.is_over()), (3000, "at last".into(), true));
        let mut live = Live::new(&b"whole"[..]);
        let mut first = [0; 2];
        live.read_exact(&mut first).unwrap();
        assert!(!live.is_over());
        let mut rest = String::new();
        live.read_to_string(&mut rest).unwrap();
        assert_eq!((&first, rest.as_str(), live.is_over()), (b"wh", "ole", true));
        // Dropping the reader ends the thread, which would otherwise read without end.
        drop(Live::new(io::repeat(1)));
    }

    #[test]
    fn a_copy_has_the_same_bytes_and_reports_write_errors() {
        let mut copied = Copied::new(&b"a\0b"[..], Some(Vec::new()), "copy");
        io::copy(&mut copied, &mut io::sink()).unwrap();
        assert_eq!(copied.into_copy().unwrap(), b"a\0b");
        let room: &mut [u8] = &mut [0; 2];
        let mut copied = Copied::new(&b"abc"[..], Some(room), "copy");
        for _ in 0..2 {
            assert!(copied.read(&mut [0; 8]).is_err());
        }
    }
}
