//! Scan that rows belong to.

use crate::model::{ScanHeader, ScanSummary, Timestamp};

/// Scan that rows belong to, as far as it is known when the rows come.
#[derive(Debug, Clone, Copy)]
pub struct ScanContext<'r> {
    header: &'r ScanHeader,
    has_ended: bool,
    end: Option<Timestamp>,
}

impl<'r> ScanContext<'r> {
    /// Creates the value for a scan that has not ended.
    #[must_use]
    pub fn running(header: &'r ScanHeader) -> Self {
        Self { header, has_ended: false, end: None }
    }

    /// Creates the value for a scan that has ended.
    #[must_use]
    pub fn ended(record: &'r ScanSummary) -> Self {
        Self { header: &record.header, has_ended: true, end: record.stats.end_time }
    }

    /// Returns true if the scan has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Returns the program that wrote the XML, such as `nmap`.
    #[must_use]
    pub fn scanner(&self) -> Option<&'r str> {
        self.header.scanner.as_deref()
    }

    /// Returns the start time in seconds since 1970.
    #[must_use]
    pub fn start(&self) -> Option<i64> {
        self.header.start_time.map(Timestamp::seconds)
    }

    /// Returns the UTC date of the start, such as `2024-01-31`.
    #[must_use]
    pub fn start_date(&self) -> Option<String> {
        self.header.start_time.map(Timestamp::date)
    }

    /// Returns the UTC date of the end.
    pub(crate) fn end_date(&self) -> Option<String> {
        self.end.map(Timestamp::date)
    }
}
