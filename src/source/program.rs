//! Description of a program to start, and the result of one that ended.

use std::{ffi::OsString, process::ExitStatus};

/// Program with its arguments. It is started directly, never through a shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// Name or path of the program; a name without a slash is searched for in `PATH`.
    pub name: OsString,
    /// Arguments of the program.
    pub args: Vec<OsString>,
    /// Variables added to its environment.
    pub env: Vec<(String, String)>,
    /// Variables removed from its environment.
    pub unset: Vec<OsString>,
    /// True if it runs through sudo with other privileges, so that signals must be sent through sudo as well.
    pub by_sudo: bool,
}

/// Result of a program that ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit status of the program.
    pub status: ExitStatus,
    /// Standard error; of long output, the beginning and the end.
    pub stderr: String,
    /// True if the program was asked to end.
    pub stopped: bool,
}
