//! `PartitionTracker`: rows of the scans of one day or one scanner, in a folder of their own.

use std::sync::Arc;

use crate::{
    output::PartitionBy,
    table::{Column, ScanContext, Table},
};

/// Returns true if a column of a table is represented by the folder names. It is then not written to the files: readers
/// add it, and some refuse duplicates.
pub(crate) fn is_in_folder_names(by: PartitionBy, table: Table, column: &Column) -> bool {
    table == Table::Scans && column.field.name == by.name()
}

/// Returns the folder of a scan if it is known before the scan's end.
fn folder_of(by: PartitionBy, scan: ScanContext<'_>) -> Option<Arc<str>> {
    match by {
        PartitionBy::ScanDate => scan.start_date().map(|date| by.folder(Some(&date))),
        PartitionBy::Scanner => Some(by.folder(scan.scanner())),
    }
}

/// Returns the folder of a scan that has ended.
fn folder_of_ended(by: PartitionBy, scan: ScanContext<'_>) -> Arc<str> {
    folder_of(by, scan).unwrap_or_else(|| by.folder(scan.end_date().as_deref()))
}

/// Destination of rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Partition {
    /// There are no partitions.
    #[default]
    Whole,
    /// The folder of this name.
    Named(Arc<str>),
    /// With rows of the same scan, until its end determines the folder: [`PartitionChange::resolved`].
    Unresolved,
}

/// Tracks the partition of the current rows, for an encoder.
#[derive(Debug, Default)]
pub(super) struct PartitionTracker {
    by: Option<PartitionBy>,
    current: Partition,
    /// Start in seconds since 1970, and scanner, of the current scan, which determined the partition.
    scan_values: Option<(Option<i64>, Option<String>)>,
}

/// Change to rows of another partition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PartitionChange {
    /// Partition of the previous rows.
    pub(super) before: Partition,
    /// Folder of the previous rows that were [`Partition::Unresolved`].
    pub(super) resolved: Option<Arc<str>>,
}

impl PartitionTracker {
    pub(super) fn new(by: Option<PartitionBy>) -> Self {
        Self { by, ..Self::default() }
    }

    /// Returns the partition of the current rows.
    pub(super) fn current(&self) -> &Partition {
        &self.current
    }

    /// Sets the scan of the rows that follow.
    pub(super) fn set_scan(&mut self, scan: ScanContext<'_>) -> Option<PartitionChange> {
        let by = self.by?;
        if scan.has_ended() {
            self.scan_values = None;
            let folder = folder_of_ended(by, scan);
            // Its hosts may have been encoded by another encoder.
            let resolved = folder_of(by, scan).is_none().then(|| Arc::clone(&folder));
            return self.change(Partition::Named(folder), resolved);
        }
        let known = self.scan_values.as_ref().is_some_and(|(known, scanner)| {
            *known == scan.start() && scanner.as_deref() == scan.scanner()
        });
        if known {
            return None;
        }
        self.scan_values = Some((scan.start(), scan.scanner().map(str::to_owned)));
        self.change(folder_of(by, scan).map_or(Partition::Unresolved, Partition::Named), None)
    }

    fn change(&mut self, to: Partition, resolved: Option<Arc<str>>) -> Option<PartitionChange> {
        let before = std::mem::replace(&mut self.current, to);
        (self.current != before || resolved.is_some())
            .then_some(PartitionChange { before, resolved })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ScanHeader, ScanSummary, Timestamp};

    #[test]
    fn a_scan_without_a_start_is_resolved_by_its_end() {
        let time = |seconds| Timestamp::from_seconds(seconds);
        let named = |name: &str| Partition::Named(name.into());
        let header = |start: Option<i64>| ScanHeader {
            start_time: start.and_then(time),
            ..ScanHeader::default()
        };
        let record = |start: Option<i64>, end: i64| {
            let mut record = ScanSummary { header: header(start), ..ScanSummary::default() };
            record.stats.end_time = time(end);
            record
        };
        let (first, second) = (named("scan_date=1970-01-01"), named("scan_date=1970-01-02"));
        let mut partitions = PartitionTracker::new(Some(PartitionBy::ScanDate));
        let change = |before, resolved: Option<&str>| {
            Some(PartitionChange { before, resolved: resolved.map(Arc::from) })
        };
        assert_eq!(
            partitions.set_scan(ScanContext::running(&header(Some(5)))),
            change(Partition::Whole, None)
        );
        assert_eq!(partitions.set_scan(ScanContext::running(&header(Some(5)))), None);
        assert_eq!(partitions.set_scan(ScanContext::ended(&record(Some(5), 90_000))), None);
        assert_eq!(partitions.current(), &first);
        for before in [&first, &second] {
            assert_eq!(
                partitions.set_scan(ScanContext::running(&header(None))),
                change(before.clone(), None)
            );
            let resolved = change(Partition::Unresolved, Some("scan_date=1970-01-02"));
            assert_eq!(partitions.set_scan(ScanContext::ended(&record(None, 90_000))), resolved);
            assert_eq!(partitions.current(), &second);
        }
        assert_eq!(PartitionTracker::new(None).set_scan(ScanContext::running(&header(None))), None);
    }
}
