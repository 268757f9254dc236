//! What is started, and how it ended.

use std::{ffi::OsString, process::ExitStatus};

/// What is started: a program with its arguments, never through a shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// The program, looked for on the path if it has no slash.
    pub name: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// What is added to its environment.
    pub env: Vec<(String, String)>,
    /// What is not in its environment, though it is in this program's.
    pub unset: Vec<OsString>,
    /// Whether it runs with other rights, by sudo, so that signals must go that way too.
    pub by_sudo: bool,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote to standard error; of much of it begin and end.
    pub stderr: String,
    /// Whether it was told to end.
    pub stopped: bool,
}
