//! When the newest look of a merge was, and what is too old then.

use std::time::Duration;

use super::copies::MergedScan;
use crate::model::{RunRecord, Timestamp};

/// When the hosts of a scan ended.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// The latest end, in seconds, and one more.
    latest: usize,
    /// Whether a host says no end: the scan says when it was looked at.
    unknown: bool,
}

impl Ends {
    pub(super) fn add(&mut self, end: usize) {
        self.latest = self.latest.max(end);
        self.unknown |= end == 0;
    }

    /// The time of the newest look of the scan that ends.
    pub(super) fn newest(&self, record: &RunRecord) -> Option<Timestamp> {
        let latest = self.latest.checked_sub(1).and_then(|end| i64::try_from(end).ok());
        let of_scan = record.stats.end_time.or(record.header.start_time);
        latest.and_then(Timestamp::from_seconds).max(of_scan.filter(|_| self.unknown))
    }
}

/// The time before which nothing may have been seen last, if there is a greatest age.
pub(super) fn oldest(scans: &[MergedScan], max_age: Option<Duration>) -> Option<Timestamp> {
    let used = scans.iter().filter(|scan| scan.used && scan.record.exists);
    let newest = used.filter_map(|scan| scan.newest).max()?;
    let age = i64::try_from(max_age?.as_secs()).ok()?;
    Timestamp::from_seconds(newest.seconds().checked_sub(age)?)
}
