//! A program from its begin to its end, with caps on what it writes and how long it takes.

use std::{
    io::{self, Read as _, Write as _},
    time::Duration,
};

use super::process::{Ended, Process, Program, Stopper, spawn};

/// What a program gave that ran to its end.
#[derive(Debug)]
pub struct Ran {
    /// What it wrote to standard output, at most a byte more than it might.
    pub output: Vec<u8>,
    /// Whether that was more than it might.
    pub too_much: bool,
    /// How it ended; it was stopped if it took too long.
    pub ended: Ended,
}

impl Process {
    /// Runs a program to its end: gives it all of its input, and takes at most so many bytes of output and so
    /// much time; then it is ended. `None` if it took more.
    ///
    /// # Errors
    /// If it cannot be started, or its output cannot be read.
    pub fn run(
        program: &Program,
        input: Vec<u8>,
        caps: (u64, Duration),
    ) -> io::Result<(Vec<u8>, Option<Ended>)> {
        let Ran { output, too_much, ended } = Self::run_with(program, input, caps, &|_| {})?;
        Ok((output, Some(ended).filter(|ended| !too_much && !ended.stopped)))
    }

    /// The same, told at length; `started` gets what ends it earlier.
    ///
    /// # Errors
    /// If it cannot be started, or its output cannot be read.
    pub fn run_with(
        program: &Program,
        input: Vec<u8>,
        (bytes, time): (u64, Duration),
        started: &dyn Fn(Stopper),
    ) -> io::Result<Ran> {
        let mut process = Self::start(program, true)?;
        let stopper = process.stopper();
        started(stopper.clone());
        let over_time = stopper.end_after(time)?;
        if let Some(mut stdin) = process.stdin.take() {
            // Whether it reads its input is its own matter.
            spawn(move || drop(stdin.write_all(&input)))?;
        }
        let mut output = Vec::new();
        io::copy(&mut process.take_stdout().take(bytes.saturating_add(1)), &mut output)?;
        let too_much = u64::try_from(output.len()).unwrap_or(u64::MAX) > bytes;
        if too_much {
            stopper.end(Duration::ZERO);
        }
        let ended = process.wait()?;
        let _ = over_time.join();
        Ok(Ran { output, too_much, ended })
    }
}
