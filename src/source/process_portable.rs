//! Stand-in for child processes on systems other than Unix, where none can be started.
//!
//! A program is ended together with everything that it started (`process.rs`), so that no scan continues unnoticed.
//! Process groups, signals and the adoption of orphans exist on Unix only; without them, starting a program fails with
//! a message.

use std::{
    io,
    process::{ChildStdin, ExitStatus},
    thread::{self, JoinHandle},
    time::Duration,
};

pub use super::program::{Ended, Program};

/// Type without values.
#[derive(Debug, Clone, Copy)]
enum Never {}

/// Running program.
#[derive(Debug)]
pub struct Process {
    never: Never,
    pub(super) stdin: Option<ChildStdin>,
}

/// Handle that ends a process from any thread.
#[derive(Debug, Clone)]
pub struct Stopper(Never);

fn unsupported() -> io::Error {
    let message = "starting programs is supported on Linux and macOS only";
    io::Error::new(io::ErrorKind::Unsupported, message)
}

/// Makes this process adopt the processes that its programs leave behind, so that they can be ended.
///
/// # Errors
/// Always fails: the system does not support it.
pub fn adopt_orphans() -> io::Result<()> {
    Err(unsupported())
}

/// Returns the signal that ended a program.
#[must_use]
pub fn signal_of(_: ExitStatus) -> Option<i32> {
    None
}

impl Process {
    /// Starts a program. Its standard input is empty unless it is to be written.
    ///
    /// # Errors
    /// Always fails.
    pub fn start(_: &Program, _: bool) -> io::Result<Self> {
        Err(unsupported())
    }

    /// Returns its standard output.
    pub fn take_stdout(&mut self) -> io::Empty {
        match self.never {}
    }

    /// Returns a handle that ends the process from elsewhere.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        match self.never {}
    }

    /// Waits for the program to end.
    ///
    /// # Errors
    /// Never fails: there is no process.
    pub fn wait(self) -> io::Result<Ended> {
        match self.never {}
    }

    /// Runs a program that may ask the user something, with access to scanmill's terminal.
    ///
    /// # Errors
    /// Always fails.
    pub fn ask(_: &Program) -> io::Result<ExitStatus> {
        Err(unsupported())
    }
}

impl Stopper {
    /// Asks the program to end, and kills it if it does not within the grace period.
    pub fn stop(&self) {
        match self.0 {}
    }

    /// Ends the program, by force after a short grace period, and returns when it has ended.
    pub fn finish(&self) {
        match self.0 {}
    }

    /// Returns true if the program was asked to end.
    #[must_use]
    pub fn is_told(&self) -> bool {
        match self.0 {}
    }

    /// Returns true if the program has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self.0 {}
    }

    /// Returns true if the program and everything that it left behind have ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn end(&self, _: Duration) {
        match self.0 {}
    }

    pub(super) fn end_after(&self, _: Duration) -> io::Result<JoinHandle<()>> {
        match self.0 {}
    }
}

/// Starts a thread. The system may refuse.
pub(super) fn spawn<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name("process".to_owned()).spawn(run)
}
