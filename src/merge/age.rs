//! End times of the newest look of each scan, and the age limit that follows from them.

use std::time::Duration;

use super::copies::MergedScan;
use crate::model::{ScanSummary, Timestamp};

/// Latest end time of the hosts of one scan.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Latest host end, in Unix seconds plus one; 0 if no host has an end time.
    latest: usize,
    /// True if a host has no end time, so that the time of its scan counts for it.
    unknown: bool,
}

impl Ends {
    pub(super) fn add(&mut self, end: usize) {
        self.latest = self.latest.max(end);
        self.unknown |= end == 0;
    }

    /// Returns the time of the newest look of the scan that `record` ends.
    pub(super) fn newest(&self, record: &ScanSummary) -> Option<Timestamp> {
        let latest = self.latest.checked_sub(1).and_then(|end| i64::try_from(end).ok());
        let of_scan = record.stats.end_time.or(record.header.start_time);
        latest.and_then(Timestamp::from_seconds).max(of_scan.filter(|_| self.unknown))
    }
}

/// Returns the time before which a host or port last seen is left out. `None` if `max_age` is not set.
pub(super) fn oldest(scans: &[MergedScan], max_age: Option<Duration>) -> Option<Timestamp> {
    let used = scans.iter().filter(|scan| scan.used && scan.record.has_scan);
    let newest = used.filter_map(|scan| scan.newest).max()?;
    let age = i64::try_from(max_age?.as_secs()).ok()?;
    Timestamp::from_seconds(newest.seconds().checked_sub(age)?)
}
