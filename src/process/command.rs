//! Description of a program to start, and the result of one that ended.

use std::{ffi::OsString, process::ExitStatus};

use super::child::exit_signal;

/// Program to start, with its arguments and the changes to its environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CommandSpec {
    /// Name or path of the program; a name without a slash is searched for in `PATH`.
    pub(crate) program: OsString,
    /// Arguments of the program.
    pub(crate) args: Vec<OsString>,
    /// Variables added to its environment.
    pub(crate) env: Vec<(String, String)>,
    /// Variables removed from its environment.
    pub(crate) env_remove: Vec<OsString>,
    /// True if it runs through sudo with other privileges, so that signals must be sent through sudo as well.
    pub(crate) by_sudo: bool,
}

/// Result of a program that ended.
#[derive(Debug)]
pub(crate) struct ExitInfo {
    /// Exit status of the program.
    pub(crate) status: ExitStatus,
    /// Standard error; of long output, the beginning and the end.
    pub(crate) stderr: String,
    /// True if the program was asked to end.
    pub(crate) stopped: bool,
}

/// Cause of the end of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitCause {
    /// The program ended with exit code 0.
    Success,
    /// The program ended with another exit code.
    Code(i32),
    /// A signal ended the program.
    Signal(i32),
    /// The system does not report the cause.
    Unknown,
}

impl ExitInfo {
    /// Returns the cause of the end.
    pub(crate) fn cause(&self) -> ExitCause {
        match (self.status.code(), exit_signal(self.status)) {
            (Some(0), _) => ExitCause::Success,
            (Some(code), _) => ExitCause::Code(code),
            (None, Some(signal)) => ExitCause::Signal(signal),
            (None, None) => ExitCause::Unknown,
        }
    }
}
