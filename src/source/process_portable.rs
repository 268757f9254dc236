//! Programs on systems that are no Unix: none is started.
//!
//! A program is ended with all that it started (`process.rs`), so that no scan goes on unseen. Process groups, signals and
//! the adoption of orphans are those of Unix; without them starting a program fails, with a message.

use std::{
    io,
    process::{ChildStdin, ExitStatus},
    thread::{self, JoinHandle},
    time::Duration,
};

pub use super::program::{Ended, Program};

/// There is none of it.
#[derive(Debug, Clone, Copy)]
enum Never {}

/// A program that was started.
#[derive(Debug)]
pub struct Process {
    never: Never,
    pub(super) stdin: Option<ChildStdin>,
}

/// Ends a process from any thread.
#[derive(Debug, Clone)]
pub struct Stopper(Never);

fn unsupported() -> io::Error {
    let message = "starting programs is supported on Linux and macOS only";
    io::Error::new(io::ErrorKind::Unsupported, message)
}

/// Has this process adopt what its programs leave behind, so that it can be ended.
///
/// # Errors
/// Always: the system has no way to do so.
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
    /// Always.
    pub fn start(_: &Program, _: bool) -> io::Result<Self> {
        Err(unsupported())
    }

    /// Its standard output, once.
    pub fn take_stdout(&mut self) -> io::Empty {
        match self.never {}
    }

    /// What ends it from elsewhere.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        match self.never {}
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// None: there is no process.
    pub fn wait(self) -> io::Result<Ended> {
        match self.never {}
    }

    /// Runs a program that may ask the user something: it has this program's terminal.
    ///
    /// # Errors
    /// Always.
    pub fn ask(_: &Program) -> io::Result<ExitStatus> {
        Err(unsupported())
    }
}

impl Stopper {
    /// Tells the program to end, and sees to it that it does.
    pub fn stop(&self) {
        match self.0 {}
    }

    /// Ends the program, soon by force, and comes back when it has ended.
    pub fn finish(&self) {
        match self.0 {}
    }

    /// Whether it was told to end.
    #[must_use]
    pub fn is_told(&self) -> bool {
        match self.0 {}
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self.0 {}
    }

    /// Whether it has ended, and all that it left behind.
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

/// A thread; the system may have none left.
pub(super) fn spawn<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name("process".to_owned()).spawn(run)
}
