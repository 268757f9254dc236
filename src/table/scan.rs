//! Of which scan rows are.

use crate::model::{RunHeader, RunRecord, Timestamp};

/// The scan of which rows are, as far as it is known when they come.
#[derive(Debug, Clone, Copy)]
pub struct ScanOf<'r> {
    header: &'r RunHeader,
    has_ended: bool,
    end: Option<Timestamp>,
}

impl<'r> ScanOf<'r> {
    /// A scan that goes on.
    #[must_use]
    pub fn running(header: &'r RunHeader) -> Self {
        Self { header, has_ended: false, end: None }
    }

    /// A scan that has ended.
    #[must_use]
    pub fn ended(record: &'r RunRecord) -> Self {
        Self { header: &record.header, has_ended: true, end: record.stats.end_time }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// What wrote the XML, such as `nmap`.
    #[must_use]
    pub fn scanner(&self) -> Option<&'r str> {
        self.header.scanner.as_deref()
    }

    /// When it began, in seconds since 1970.
    #[must_use]
    pub fn start(&self) -> Option<i64> {
        self.header.start_time.map(Timestamp::seconds)
    }

    /// The UTC date when it began, such as `2024-01-31`.
    #[must_use]
    pub fn start_date(&self) -> Option<String> {
        self.header.start_time.map(Timestamp::date)
    }

    /// The UTC date when it ended.
    #[must_use]
    pub fn end_date(&self) -> Option<String> {
        self.end.map(Timestamp::date)
    }
}
