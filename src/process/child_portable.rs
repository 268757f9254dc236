//! Stand-in for child processes on systems other than Unix, where none can be started.
//!
//! A program is ended together with everything that it started (`child.rs`), so that no scan continues unnoticed.
//! Process groups, signals and the adoption of orphans exist on Unix only; without them, starting a program fails with
//! a message.

use std::{
    io,
    process::{ChildStdin, ExitStatus},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::command::{CommandSpec, ExitInfo};

/// Type without values.
#[derive(Debug, Clone, Copy)]
enum Never {}

/// Running program.
#[derive(Debug)]
pub(crate) struct ChildProcess {
    never: Never,
    pub(super) stdin: Option<ChildStdin>,
}

/// Standard output of a program.
pub(crate) type ChildStdoutReader = io::Empty;

/// Handle that ends a process from any thread.
#[derive(Debug, Clone)]
pub(crate) struct StopHandle(Never);

fn unsupported() -> io::Error {
    let message = "starting programs is supported on Linux and macOS only";
    io::Error::new(io::ErrorKind::Unsupported, message)
}

/// Makes this process adopt the processes that its programs leave behind, so that they can be ended.
///
/// # Errors
/// Always fails: the system does not support it.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Err(unsupported())
}

/// Returns the signal that ended a program.
pub(super) fn exit_signal(_: ExitStatus) -> Option<i32> {
    None
}

impl ChildProcess {
    /// Starts a program whose standard input is empty.
    ///
    /// # Errors
    /// Always fails.
    pub(crate) fn start(_: &CommandSpec) -> io::Result<Self> {
        Err(unsupported())
    }

    /// Starts a program whose standard input is written by the caller.
    ///
    /// # Errors
    /// Always fails.
    pub(super) fn start_with_input(_: &CommandSpec) -> io::Result<Self> {
        Err(unsupported())
    }

    /// Returns its standard output.
    pub(crate) fn take_stdout(&mut self) -> ChildStdoutReader {
        match self.never {}
    }

    /// Returns a handle that ends the process from elsewhere.
    pub(crate) fn stop_handle(&self) -> StopHandle {
        match self.never {}
    }

    /// Waits for the program to end.
    ///
    /// # Errors
    /// Never fails: there is no process.
    pub(crate) fn wait(self) -> io::Result<ExitInfo> {
        match self.never {}
    }

    /// Runs a program that may ask the user something, with access to scanmill's terminal.
    ///
    /// # Errors
    /// Always fails.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the command calls it"))]
    pub(crate) fn run_interactive(_: &CommandSpec) -> io::Result<ExitStatus> {
        Err(unsupported())
    }
}

impl StopHandle {
    /// Asks the program to end, and kills it if it does not within the grace period.
    pub(crate) fn stop(&self) {
        match self.0 {}
    }

    /// Ends the program, by force after a short grace period, and returns when it has ended.
    pub(crate) fn finish(&self) {
        match self.0 {}
    }

    /// Returns true if the program and everything that it left behind have ended.
    pub(crate) fn is_finished(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn stop_within(&self, _: Duration) {
        match self.0 {}
    }

    pub(super) fn stop_after(&self, _: Duration) -> io::Result<JoinHandle<()>> {
        match self.0 {}
    }
}

/// Starts a thread. The system may refuse.
pub(super) fn spawn_thread<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name("process".to_owned()).spawn(run)
}
