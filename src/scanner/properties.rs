//! What is known of a scan as a whole. Before it was run nothing is.

use super::{Scanner, State};
use crate::{
    engine::Failure,
    model::{RunRecord, Timestamp},
};

impl Scanner {
    /// All that is known of the scan, also of one that failed. Of merged ones it is that of the first.
    #[must_use]
    pub fn record(&self) -> Option<&RunRecord> {
        match &self.state {
            State::New => None,
            State::Done(found) => Some(&found.record),
            State::Failed(_, record) => Some(record),
        }
    }

    /// When it began, in seconds since 1970.
    #[must_use]
    pub fn start_timestamp(&self) -> Option<i64> {
        self.record()?.header.start_time.map(Timestamp::seconds)
    }

    /// When it began, in local time as nmap wrote it.
    #[must_use]
    pub fn start_time(&self) -> Option<&str> {
        self.record()?.header.start_str.as_deref()
    }

    /// When it ended, in seconds since 1970.
    #[must_use]
    pub fn end_timestamp(&self) -> Option<i64> {
        self.record()?.stats.end_time.map(Timestamp::seconds)
    }

    /// When it ended, in local time as nmap wrote it.
    #[must_use]
    pub fn end_time(&self) -> Option<&str> {
        self.record()?.stats.end_str.as_deref()
    }

    /// `success` or `error`.
    #[must_use]
    pub fn exit_status(&self) -> Option<&str> {
        self.record()?.stats.exit_status.as_deref()
    }

    /// The command line.
    #[must_use]
    pub fn args(&self) -> Option<&str> {
        self.record()?.header.args.as_deref()
    }

    /// nmap's last line.
    #[must_use]
    pub fn summary(&self) -> Option<&str> {
        self.record()?.stats.summary.as_deref()
    }

    /// nmap's version.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.record()?.header.scanner_version.as_deref()
    }

    /// Whether it has ended well, so that its results can be looked up.
    #[must_use]
    pub fn finished(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    /// What nmap wrote to standard error in a run that ended well; of much of it begin and end. `None` if that was
    /// nothing.
    #[must_use]
    pub fn tolerant_errors(&self) -> Option<&str> {
        self.ended().ok()?.stderr.as_deref()
    }

    /// Functions of an engine that failed, [`Self::FAILURES`] of them at most.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        self.ended().map_or(&[], |found| &found.failures.kept)
    }

    /// How many failed, those that were not kept included.
    #[must_use]
    pub fn failure_count(&self) -> u64 {
        self.ended().map_or(0, |found| found.failures.count)
    }
}
