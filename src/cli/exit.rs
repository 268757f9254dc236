//! Exit codes (docs/cli.md).

use std::process::ExitCode;

use crate::{
    error::{Error, ErrorKind},
    ops::JobStatus,
    pipeline::Report,
};

/// Result of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// All inputs were read; there may be warnings.
    Success = 0,
    /// Some inputs were refused or could not be read; the rest was written.
    PartialFailure = 1,
    /// The arguments are wrong.
    Usage = 2,
    /// No input was usable, or reading failed with `--strict`.
    NoInput = 3,
    /// The output failed.
    Output = 4,
    /// nmap could not be run, or failed.
    Nmap = 5,
    /// A signal stopped the run.
    Interrupted = 130,
}

impl Exit {
    /// The compared states or files differ.
    pub(super) const DIFFERENT: Self = Self::PartialFailure;

    /// Returns the exit code of a completed run.
    pub(super) fn from_report(report: &Report) -> Self {
        Self::from_status(JobStatus::from(report))
    }

    /// Returns the exit code for the outcome of a job.
    pub(super) fn from_status(status: JobStatus) -> Self {
        match status {
            JobStatus::Complete => Self::Success,
            JobStatus::Partial => Self::PartialFailure,
            JobStatus::NoInput => Self::NoInput,
            JobStatus::ScannerFailed => Self::Nmap,
            JobStatus::Cancelled => Self::Interrupted,
        }
    }

    /// Returns the exit code of a command that failed.
    pub(super) fn from_error(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Usage(_)
            | ErrorKind::StateMismatch { .. }
            | ErrorKind::UnknownName { .. }
            | ErrorKind::Exists { .. }
            | ErrorKind::NotReplaced { .. }
            | ErrorKind::InvalidPort { .. }
            | ErrorKind::InvalidTarget { .. }
            | ErrorKind::InvalidArgument(_)
            | ErrorKind::InvalidFilter { .. }
            | ErrorKind::InvalidQuery { .. }
            | ErrorKind::Engine { .. }
            | ErrorKind::Resource(_)
            | ErrorKind::MemoryLimit(_) => Self::Usage,
            ErrorKind::Cancelled(_) => Self::Interrupted,
            ErrorKind::Scan(_) | ErrorKind::ProgramNotFound { .. } => Self::Nmap,
            ErrorKind::Sink { .. } | ErrorKind::Internal(_) => Self::Output,
            _ => Self::NoInput,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        let code: u8 = match exit {
            Exit::Success => 0,
            Exit::PartialFailure => 1,
            Exit::Usage => 2,
            Exit::NoInput => 3,
            Exit::Output => 4,
            Exit::Nmap => 5,
            Exit::Interrupted => 130,
        };
        Self::from(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::DiagnosticCode,
        request::{IntoPorts as _, IntoTargets as _},
        table::Table,
    };

    #[test]
    fn errors_end_with_the_documented_codes() {
        let strict = ErrorKind::Strict { code: DiagnosticCode::Limit, detail: String::new() };
        let not_replaced = ErrorKind::NotReplaced { target: "x".into(), reason: "x".into() };
        let not_replaced = Error::new(not_replaced);
        let missing = ErrorKind::ProgramNotFound { program: "x".into(), message: "x".into() };
        let missing = Error::new(missing);
        let engine = Error::new(ErrorKind::Engine { script: "x".into(), message: "x".into() });
        for (error, exit) in [
            (Error::usage("x"), Exit::Usage),
            (Table::from_name("x").unwrap_err(), Exit::Usage),
            (Error::new(ErrorKind::Exists { target: "x".into() }), Exit::Usage),
            (not_replaced, Exit::Usage),
            (Error::internal("x"), Exit::Output),
            (Error::state("x", "x"), Exit::NoInput),
            (missing, Exit::Nmap),
            (Error::resource("x"), Exit::Usage),
            (Error::memory_limit("x"), Exit::Usage),
            (Error::state_mismatch("x", "x"), Exit::Usage),
            (Error::new(ErrorKind::Cancelled("x".into())), Exit::Interrupted),
            (Error::sink("x", "full"), Exit::Output),
            (Error::scan("x"), Exit::Nmap),
            ("0".into_ports().unwrap_err(), Exit::Usage),
            ("1.2.3".into_targets().unwrap_err(), Exit::Usage),
            (Error::new(ErrorKind::InvalidArgument("x".into())), Exit::Usage),
            (engine, Exit::Usage),
            (Error::new(strict), Exit::NoInput),
        ] {
            assert_eq!(Exit::from_error(&error), exit);
        }
        let empty = Report::default();
        assert_eq!(Exit::from_report(&empty), Exit::NoInput);
    }
}
