//! The outcome of a job as one value, which the command maps to its exit code.

use crate::{
    error::{Error, ErrorKind},
    pipeline::{Outcome, Report},
};

/// Outcome of a job that returned a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobStatus {
    /// All inputs were read; there may be warnings.
    Complete,
    /// Some inputs were refused or could not be read; everything else was written.
    Partial,
    /// No input was usable, or strict reading ended one. An existing output was kept if no scan was read.
    NoInput,
    /// A scanner could not be run, or failed. Everything that it wrote before was written.
    ScannerFailed,
    /// The job was cancelled. Files are complete or absent; streams received everything that was complete.
    Cancelled,
}

impl JobStatus {
    /// Returns true if everything was read and written.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self == Self::Complete
    }
}

impl From<&Report> for JobStatus {
    fn from(report: &Report) -> Self {
        let refused = report.count(Outcome::Refused);
        let read = report.count(Outcome::Read) + report.count(Outcome::Known);
        if report.interrupted {
            Self::Cancelled
        } else if report.errors.iter().any(is_of_scanner) {
            Self::ScannerFailed
        } else if report.strict_failed()
            || report.kept.is_some()
            || (read == 0 && report.counts.scans == 0)
        {
            Self::NoInput
        } else if refused > 0 {
            Self::Partial
        } else {
            Self::Complete
        }
    }
}

/// Returns true if nmap could not be run, or failed.
fn is_of_scanner(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Scan(_) | ErrorKind::ProgramNotFound { .. })
}
