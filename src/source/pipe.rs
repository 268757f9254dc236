//! What a program writes, as far as it is the program's.

use std::{
    io::{self, Read},
    os::fd::AsFd,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::process::Stopper;

/// How long a pipe must be silent once its program has ended until nothing more is expected of it: what the
/// program started may hold it open.
const SILENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// What a program writes. It is over with the program, even if something that it started, and that went
/// out of its group, still holds the pipe open.
#[derive(Debug)]
pub(super) struct Pipe<P> {
    from: P,
    stopper: Stopper,
}

impl<P: Read + AsFd> Pipe<P> {
    pub(super) fn new(from: P, stopper: Stopper) -> Self {
        Self { from, stopper }
    }

    /// Waits until there is something to read; false if there never will be.
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
        if self.is_ready()? { self.from.read(buffer) } else { Ok(0) }
    }
}
