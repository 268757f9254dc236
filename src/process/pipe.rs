//! Reads the output of a program, ignoring processes that outlive it.

use std::{
    io::{self, Read},
    os::fd::AsFd,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, ioctl_fionread},
};

use super::child::StopHandle;

/// Number of bytes kept of the beginning of standard error, and of its end.
pub(super) const EXCERPT_BYTES: usize = 32 << 10;

/// Time for which a pipe must be silent after its program has ended before no more output is expected: a process that
/// the program started may still hold the pipe open.
const SILENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Output of a program. It ends with the program, even if a process that the program started outside its group still
/// holds the pipe open. Such a process may write forever: once everything that can be ended has ended, only the bytes
/// that are in the pipe at that time are read.
#[derive(Debug)]
pub(super) struct ChildPipe<P> {
    from: P,
    handle: StopHandle,
    /// Number of bytes left to read after all processes were ended.
    left: Option<u64>,
}

impl<P: Read + AsFd> ChildPipe<P> {
    pub(super) fn new(from: P, handle: StopHandle) -> Self {
        Self { from, handle, left: None }
    }

    /// Waits until there is something to read. Returns false if nothing more will come.
    fn is_ready(&self) -> io::Result<bool> {
        loop {
            let has_ended = self.handle.has_ended();
            let mut pipes = [PollFd::new(&self.from, PollFlags::IN)];
            match poll(&mut pipes, Some(&SILENCE)) {
                Ok(0) if has_ended => return Ok(false),
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<P: Read + AsFd> Read for ChildPipe<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.is_none() && self.handle.is_finished() {
            self.left = Some(ioctl_fionread(&self.from).unwrap_or_default());
        }
        let left = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let buffer = match buffer.len().min(left) {
            0 => return Ok(0),
            len => buffer.get_mut(..len).unwrap_or_default(),
        };
        if !self.is_ready()? {
            return Ok(0);
        }
        let read = self.from.read(buffer)?;
        let taken = u64::try_from(read).unwrap_or(u64::MAX);
        self.left = self.left.map(|left| left.saturating_sub(taken));
        Ok(read)
    }
}

/// Standard error of a program; of long output, the beginning and the end.
#[derive(Debug, Default)]
pub(super) struct StderrExcerpt {
    begin: Vec<u8>,
    end: Vec<u8>,
    left_out: bool,
}

impl StderrExcerpt {
    /// Reads to the end, whatever the length.
    pub(super) fn read(mut from: impl Read) -> Self {
        let mut excerpt = Self::default();
        let mut buffer = [0; 4096];
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => return excerpt,
                Ok(read) => buffer.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return excerpt,
            };
            let room = EXCERPT_BYTES.saturating_sub(excerpt.begin.len()).min(read.len());
            let (begin, rest) = read.split_at(room);
            excerpt.begin.extend_from_slice(begin);
            excerpt.end.extend_from_slice(rest);
            if excerpt.end.len() > EXCERPT_BYTES * 2 {
                excerpt.left_out = true;
                excerpt.end.drain(..excerpt.end.len() - EXCERPT_BYTES);
            }
        }
    }

    /// Returns the bytes as text, with `...` in place of those that are missing.
    pub(super) fn into_text(self) -> String {
        let mut text = String::from_utf8_lossy(&self.begin).into_owned();
        if self.left_out {
            text.push_str("\n...\n");
        }
        text.push_str(&String::from_utf8_lossy(&self.end));
        text
    }
}
