//! Runs a program from start to end, with caps on its output and its running time.

use std::{
    io::{self, Read as _, Write as _},
    time::Duration,
};

use super::process::{Ended, Process, Program, Stopper, spawn};

/// Result of a program that ran to its end.
#[derive(Debug)]
pub struct Ran {
    /// Standard output; at most one byte more than the cap.
    pub output: Vec<u8>,
    /// True if the output exceeded the cap.
    pub too_much: bool,
    /// Exit of the program; it was stopped if it took too long.
    pub ended: Ended,
}

impl Process {
    /// Runs a program to its end with the given input. Returns its output and its exit, or `None` instead of the exit
    /// if it wrote more bytes or took longer than `caps` allow and was therefore ended.
    ///
    /// # Errors
    /// Fails if it cannot be started, or its output cannot be read.
    pub fn run(
        program: &Program,
        input: Vec<u8>,
        caps: (u64, Duration),
    ) -> io::Result<(Vec<u8>, Option<Ended>)> {
        let Ran { output, too_much, ended } = Self::run_with(program, input, caps, &|_| {})?;
        Ok((output, Some(ended).filter(|ended| !too_much && !ended.stopped)))
    }

    /// Runs a program as [`run`](Self::run) does, and reports in detail; `started` receives a handle that ends it
    /// earlier.
    ///
    /// # Errors
    /// Fails if it cannot be started, or its output cannot be read.
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
            // A program need not read its input.
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
