//! Decompresses on a thread of its own, a little ahead of whoever reads; without one, where the system gives none.

use std::{
    io::{self, Read},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

/// Bytes that are handed over at once, and how many times that may wait.
const CHUNK: usize = 128 << 10;
const CHUNKS: usize = 6;

/// Bytes that another thread reads. It ends with them, with an error, or when nobody reads any more.
pub(super) struct Ahead {
    chunks: Receiver<io::Result<Vec<u8>>>,
    /// The way back of chunks that were read: they are filled again.
    used: Sender<Vec<u8>>,
    current: Vec<u8>,
    place: usize,
    over: bool,
}

impl Ahead {
    /// Reads `inner` on another thread; hands it back if the system gives none.
    pub(super) fn new<R: Read + Send + 'static>(inner: R) -> Result<Self, R> {
        let (sender, chunks) = sync_channel(CHUNKS);
        let (used, empty) = channel();
        on_thread("unpack", inner, move |inner| feed(inner, &sender, &empty))?;
        Ok(Self { chunks, used, current: Vec::new(), place: 0, over: false })
    }
}

/// Has a thread of its own do something with a value; hands the value back if the system gives none.
pub(super) fn on_thread<T: Send + 'static>(
    name: &str,
    value: T,
    run: impl FnOnce(T) + Send + 'static,
) -> Result<(), T> {
    let place = Arc::new(Mutex::new(Some(value)));
    let take =
        |place: &Mutex<Option<T>>| place.lock().unwrap_or_else(PoisonError::into_inner).take();
    let shared = Arc::clone(&place);
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        if let Some(value) = take(&shared) {
            run(value);
        }
    });
    if thread.is_ok() { Ok(()) } else { take(&place).map_or(Ok(()), Err) }
}

/// Sends chunks until there are no more; that the receiver is gone ends it too.
fn feed(mut inner: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>, empty: &Receiver<Vec<u8>>) {
    loop {
        // Those that come back are whole: one that was cut was the last.
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
        // What came before an error is good.
        if len > 0 && sender.send(Ok(chunk)).is_err() {
            return;
        }
        if over {
            // Nothing at all is the end.
            let _ = sender.send(failed.map_or(Ok(Vec::new()), Err));
            return;
        }
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.over || buffer.is_empty() {
            return Ok(0);
        }
        if self.place >= self.current.len() {
            let lost = || io::Error::other("the thread that unpacks ended early");
            let used = std::mem::take(&mut self.current);
            if used.len() == CHUNK {
                // Nobody takes it when there is no more to unpack.
                let _ = self.used.send(used);
            }
            let chunk = self.chunks.recv().map_err(|_| lost());
            (self.current, self.place) = (chunk.flatten().inspect_err(|_| self.over = true)?, 0);
            self.over = self.current.is_empty();
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives so many bytes in small pieces, then fails.
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
    fn all_bytes_come_and_then_the_error() {
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 9 * CHUNK + 5] {
            let mut all = Vec::new();
            let error =
                io::copy(&mut Ahead::new(Failing(len)).ok().unwrap(), &mut all).unwrap_err();
            assert_eq!((all.len(), error.to_string()), (len, "at last".into()));
            let bytes = io::repeat(1).take(u64::try_from(len).unwrap());
            let mut all = Vec::new();
            io::copy(&mut Ahead::new(bytes).ok().unwrap(), &mut all).unwrap();
            assert_eq!(all.len(), len);
        }
        // Nobody reads on: the thread ends, and does not read for ever.
        drop(Ahead::new(io::repeat(1)).ok().unwrap());
    }
}
