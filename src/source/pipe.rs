//! Reads the output of a program, ignoring processes that outlive it.

use std::{
    io::{self, Read},
    os::fd::AsFd,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, ioctl_fionread},
};

use super::process::Stopper;

/// Number of bytes kept of the beginning of standard error, and of its end.
pub(super) const KEPT: usize = 32 << 10;

/// Time for which a pipe must be silent after its program has ended before no more output is expected: a process that
/// the program started may still hold the pipe open.
const SILENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Output of a program. It ends with the program, even if a process that the program started outside its group still
/// holds the pipe open. Such a process may write forever: once everything that can be ended has ended, only the bytes
/// that are in the pipe at that time are read.
#[derive(Debug)]
pub(super) struct Pipe<P> {
    from: P,
    stopper: Stopper,
    /// Number of bytes left to read after all processes were ended.
    left: Option<u64>,
}

impl<P: Read + AsFd> Pipe<P> {
    pub(super) fn new(from: P, stopper: Stopper) -> Self {
        Self { from, stopper, left: None }
    }

    /// Waits until there is something to read. Returns false if nothing more will come.
    fn is_ready(&self) -> io::Result<bool> {
        loop {
            let has_ended = self.stopper.has_ended();
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

impl<P: Read + AsFd> Read for Pipe<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.is_none() && self.stopper.is_over() {
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

/// Beginning and end of what was written.
#[derive(Debug, Default)]
pub(super) struct Kept {
    begin: Vec<u8>,
    end: Vec<u8>,
    left_out: bool,
}

impl Kept {
    /// Reads to the end, whatever the length.
    pub(super) fn read(mut from: impl Read) -> Self {
        let mut kept = Self::default();
        let mut buffer = [0; 4096];
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => return kept,
                Ok(read) => buffer.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return kept,
            };
            let room = KEPT.saturating_sub(kept.begin.len()).min(read.len());
            let (begin, rest) = read.split_at(room);
            kept.begin.extend_from_slice(begin);
            kept.end.extend_from_slice(rest);
            if kept.end.len() > KEPT * 2 {
                kept.left_out = true;
                kept.end.drain(..kept.end.len() - KEPT);
            }
        }
    }

    /// Returns the kept bytes as text.
    pub(super) fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.begin).into_owned();
        if self.left_out {
            text.push_str("\n...\n");
        }
        text.push_str(&String::from_utf8_lossy(&self.end));
        text
    }
}
