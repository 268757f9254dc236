//! Properties of a scan as a whole. All of them are empty before the scan was run.

use super::{Scanner, State};
use crate::{
    engine::Failure,
    model::{ScanSummary, Timestamp},
};

impl Scanner {
    /// Returns the record of the scan, also of one that failed. For merged scans it is the record of the first.
    #[must_use]
    pub fn record(&self) -> Option<&ScanSummary> {
        match &self.state {
            State::New => None,
            State::Done(found) => Some(&found.record),
            State::Failed(_, record) => Some(record),
        }
    }

    /// Returns the start time in seconds since 1970.
    #[must_use]
    pub fn start_timestamp(&self) -> Option<i64> {
        self.record()?.header.start_time.map(Timestamp::seconds)
    }

    /// Returns the start time in local time, as nmap wrote it.
    #[must_use]
    pub fn start_time(&self) -> Option<&str> {
        self.record()?.header.start_str.as_deref()
    }

    /// Returns the end time in seconds since 1970.
    #[must_use]
    pub fn end_timestamp(&self) -> Option<i64> {
        self.record()?.stats.end_time.map(Timestamp::seconds)
    }

    /// Returns the end time in local time, as nmap wrote it.
    #[must_use]
    pub fn end_time(&self) -> Option<&str> {
        self.record()?.stats.end_str.as_deref()
    }

    /// Returns `success` or `error`.
    #[must_use]
    pub fn exit_status(&self) -> Option<&str> {
        self.record()?.stats.exit_status.as_deref()
    }

    /// Returns the command line.
    #[must_use]
    pub fn args(&self) -> Option<&str> {
        self.record()?.header.args.as_deref()
    }

    /// Returns the last line of nmap's output.
    #[must_use]
    pub fn summary(&self) -> Option<&str> {
        self.record()?.stats.summary.as_deref()
    }

    /// Returns the version of nmap.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.record()?.header.scanner_version.as_deref()
    }

    /// Returns true if the scan ended successfully, so that its results can be looked up.
    #[must_use]
    pub fn finished(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    /// Returns nmap's standard error from a successful run, shortened to its beginning and end if it is long. `None`
    /// if nmap wrote nothing.
    #[must_use]
    pub fn tolerant_errors(&self) -> Option<&str> {
        self.ended().ok()?.stderr.as_deref()
    }

    /// Returns the functions of an engine that failed, at most [`Self::FAILURES`].
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        self.ended().map_or(&[], |found| &found.failures.kept)
    }

    /// Returns the number of functions that failed, including those that were not kept.
    #[must_use]
    pub fn failure_count(&self) -> u64 {
        self.ended().map_or(0, |found| found.failures.count)
    }
}
