//! Runs a program from start to end, with limits on its output and its running time.

use std::{
    io::{self, Read as _, Write as _},
    time::Duration,
};

use super::{
    child::{ChildProcess, spawn_thread},
    command::{CommandSpec, ExitInfo},
    group::ProcessGroup,
};

/// Limits on a program that runs to its end. A program that exceeds one is ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutputLimits {
    /// Maximum length of standard output, in bytes.
    pub(crate) max_bytes: u64,
    /// Maximum running time.
    pub(crate) timeout: Duration,
}

/// Result of a program that ran to its end.
#[derive(Debug)]
pub(crate) struct ProcessOutput {
    /// Standard output; at most one byte more than the limit.
    pub(crate) stdout: Vec<u8>,
    /// True if the output exceeded the limit.
    pub(crate) is_too_long: bool,
    /// End of the program; it was stopped if it took too long.
    pub(crate) exit: ExitInfo,
}

impl ProcessOutput {
    /// Returns true if the program ended with exit code 0 and within its limits.
    #[cfg(any(feature = "cli", test))]
    pub(crate) fn is_success(&self) -> bool {
        !self.is_too_long
            && !self.exit.stopped
            && self.exit.cause() == super::command::ExitCause::Success
    }
}

impl ChildProcess {
    /// Runs a program to its end with the given standard input. It is a member of `group` while it runs.
    ///
    /// # Errors
    /// Fails if it cannot be started, or its output cannot be read.
    pub(crate) fn run(
        command: &CommandSpec,
        input: Vec<u8>,
        limits: OutputLimits,
        group: &ProcessGroup,
    ) -> io::Result<ProcessOutput> {
        let mut process = Self::start_with_input(command)?;
        let handle = process.stop_handle();
        group.add(handle.clone());
        let timer = handle.stop_after(limits.timeout)?;
        if let Some(mut stdin) = process.stdin.take() {
            // A program need not read its input.
            spawn_thread(move || drop(stdin.write_all(&input)))?;
        }
        let mut stdout = Vec::new();
        let most = limits.max_bytes.saturating_add(1);
        io::copy(&mut process.take_stdout().take(most), &mut stdout)?;
        let is_too_long = u64::try_from(stdout.len()).unwrap_or(u64::MAX) > limits.max_bytes;
        if is_too_long {
            handle.stop_within(Duration::ZERO);
        }
        let exit = process.wait()?;
        let _ = timer.join();
        Ok(ProcessOutput { stdout, is_too_long, exit })
    }
}
