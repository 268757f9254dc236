//! Error of a scan that failed, with the hosts that were read.

use std::{fmt, sync::Arc};

use super::results::ScanResults;
use crate::{
    error::Error,
    model::{Host, ScanSummary},
};

/// Scan that failed: the error, and the hosts that were read before.
#[derive(Clone)]
pub struct ScanError(Arc<(Error, ScanResults)>);

impl ScanError {
    pub(super) fn new(error: Error, found: ScanResults) -> Self {
        Self(Arc::new((error, found)))
    }

    /// Returns the error.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.0.0
    }

    /// Returns the hosts that were read. The last one may be cut off; it is not [`complete`](Host::complete) then.
    #[must_use]
    pub fn hosts(&self) -> &[Host<'static>] {
        &self.0.1.hosts
    }

    /// Returns the record of the scan, as far as it was read.
    #[must_use]
    pub fn record(&self) -> &ScanSummary {
        &self.0.1.record
    }

    /// Converts to the hosts that were read.
    #[must_use]
    pub fn into_hosts(self) -> Vec<Host<'static>> {
        match Arc::try_unwrap(self.0) {
            Ok((_, found)) => found.hosts,
            Err(shared) => shared.1.hosts.clone(),
        }
    }
}

impl fmt::Debug for ScanError {
    /// Writes the number of hosts, not the hosts themselves, as there may be many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanFailed")
            .field("error", &self.to_string())
            .field("hosts", &self.hosts().len())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error().fmt(f)
    }
}

impl std::error::Error for ScanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error().source()
    }
}

impl From<ScanError> for Error {
    fn from(failed: ScanError) -> Self {
        failed.error().clone()
    }
}
