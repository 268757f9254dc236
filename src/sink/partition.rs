//! Partitions: rows of the scans of one day or one scanner, in a folder named according to the Hive convention.

use std::{fmt::Write as _, sync::Arc};

use crate::table::{Column, ScanOf, Table};

/// Value in a folder name for rows without a value, as in Hive.
pub(crate) const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Maximum length in bytes of a value in a folder name: file systems limit names to 255 bytes.
const LONGEST: usize = 200;

/// Property of a scan that determines the partition of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartitionBy {
    /// UTC date of the scan's start, or of its end if the start is unknown.
    ScanDate,
    /// Program that wrote the XML, such as `nmap`. The table of scans then lacks this column.
    Scanner,
}

impl PartitionBy {
    /// Name of the column that readers derive from the folder names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScanDate => "scan_date",
            Self::Scanner => "scanner",
        }
    }

    /// Returns true if a column of a table is represented by the folder names. It is then not written to the files:
    /// readers add it, and some refuse duplicates.
    pub(super) fn holds(self, table: Table, column: &Column) -> bool {
        table == Table::Scans && column.field.name == self.name()
    }

    /// Returns the folder name for a value.
    pub(super) fn folder(self, value: Option<&str>) -> Arc<str> {
        let value = value.filter(|value| !value.is_empty());
        let escaped = value.map(escaped);
        format!("{}={}", self.name(), escaped.as_deref().unwrap_or(NO_VALUE)).into()
    }

    /// Returns true if `name` has the form that [`Self::folder`] produces.
    pub(super) fn is_folder(name: &str) -> bool {
        let Some((by, value)) = name.split_once('=') else { return false };
        let is_escaped = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.%".contains(&byte);
        [Self::ScanDate, Self::Scanner].iter().any(|known| known.name() == by)
            && (1..=LONGEST).contains(&value.len())
            && value.bytes().all(is_escaped)
    }

    /// Returns the folder of a scan if it is known before the scan's end.
    fn of(self, scan: ScanOf<'_>) -> Option<Arc<str>> {
        match self {
            Self::ScanDate => scan.start_date().map(|date| self.folder(Some(&date))),
            Self::Scanner => Some(self.folder(scan.scanner())),
        }
    }

    fn of_ended(self, scan: ScanOf<'_>) -> Arc<str> {
        self.of(scan).unwrap_or_else(|| self.folder(scan.end_date().as_deref()))
    }
}

/// Escapes a value for a folder name, as readers expect it.
fn escaped(value: &str) -> String {
    let mut name = String::with_capacity(value.len().min(LONGEST));
    for c in value.chars() {
        let before = name.len();
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
            name.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(name, "%{byte:02X}");
            }
        }
        if name.len() > LONGEST {
            name.truncate(before);
            break;
        }
    }
    name
}

/// Destination of rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Partition {
    /// There are no partitions.
    #[default]
    Whole,
    /// The folder of this name.
    Named(Arc<str>),
    /// With rows of the same scan, until its end determines the folder: [`Change::settles`].
    Open,
}

/// Tracks the partition of the current rows, for an encoder.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    by: Option<PartitionBy>,
    now: Partition,
    /// Scan start in seconds since 1970, and scanner, that determined it while the scan lasts.
    told_by: Option<(Option<i64>, Option<String>)>,
}

/// Change to rows of another partition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Partition of the previous rows.
    pub(super) before: Partition,
    /// Folder of the previous rows that were [`Partition::Open`].
    pub(super) settles: Option<Arc<str>>,
}

impl Partitions {
    pub(super) fn new(by: Option<PartitionBy>) -> Self {
        Self { by, ..Self::default() }
    }

    /// Returns the partition of the current rows.
    pub(super) fn now(&self) -> &Partition {
        &self.now
    }

    /// Sets the scan of the rows that follow.
    pub(super) fn scan(&mut self, scan: ScanOf<'_>) -> Option<Change> {
        let by = self.by?;
        if scan.has_ended() {
            self.told_by = None;
            let folder = by.of_ended(scan);
            // Its hosts may have been encoded by another encoder.
            let settles = by.of(scan).is_none().then(|| Arc::clone(&folder));
            return self.change(Partition::Named(folder), settles);
        }
        let known = self.told_by.as_ref().is_some_and(|(known, scanner)| {
            *known == scan.start() && scanner.as_deref() == scan.scanner()
        });
        if known {
            return None;
        }
        self.told_by = Some((scan.start(), scan.scanner().map(str::to_owned)));
        self.change(by.of(scan).map_or(Partition::Open, Partition::Named), None)
    }

    fn change(&mut self, to: Partition, settles: Option<Arc<str>>) -> Option<Change> {
        let before = std::mem::replace(&mut self.now, to);
        (self.now != before || settles.is_some()).then_some(Change { before, settles })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RunHeader, RunRecord, Timestamp};

    #[test]
    fn values_are_escaped_in_names_of_folders() {
        for (value, name) in [
            (Some("nmap"), "scanner=nmap"),
            (Some("../a b"), "scanner=..%2Fa%20b"),
            (Some("\u{e9}\n="), "scanner=%C3%A9%0A%3D"),
            (Some(""), "scanner=__HIVE_DEFAULT_PARTITION__"),
            (None, "scanner=__HIVE_DEFAULT_PARTITION__"),
        ] {
            assert_eq!(&*PartitionBy::Scanner.folder(value), name);
            assert!(PartitionBy::is_folder(name));
        }
        let long = PartitionBy::Scanner.folder(Some(&"\u{20ac}".repeat(1000)));
        assert_eq!(long.len(), "scanner=".len() + 22 * "%E2%82%AC".len());
        assert!(PartitionBy::is_folder(&long));
    }

    #[test]
    fn a_scan_without_a_start_is_resolved_at_its_end() {
        let time = |seconds| Timestamp::from_seconds(seconds);
        let named = |name: &str| Partition::Named(name.into());
        let header = |start: Option<i64>| RunHeader {
            start_time: start.and_then(time),
            ..RunHeader::default()
        };
        let record = |start: Option<i64>, end: i64| {
            let mut record = RunRecord { header: header(start), ..RunRecord::default() };
            record.stats.end_time = time(end);
            record
        };
        let (first, second) = (named("scan_date=1970-01-01"), named("scan_date=1970-01-02"));
        let mut partitions = Partitions::new(Some(PartitionBy::ScanDate));
        let change = |before, settles: Option<&str>| {
            Some(Change { before, settles: settles.map(Arc::from) })
        };
        assert_eq!(
            partitions.scan(ScanOf::running(&header(Some(5)))),
            change(Partition::Whole, None)
        );
        assert_eq!(partitions.scan(ScanOf::running(&header(Some(5)))), None);
        assert_eq!(partitions.scan(ScanOf::ended(&record(Some(5), 90_000))), None);
        assert_eq!(partitions.now(), &first);
        for before in [&first, &second] {
            assert_eq!(
                partitions.scan(ScanOf::running(&header(None))),
                change(before.clone(), None)
            );
            let settled = change(Partition::Open, Some("scan_date=1970-01-02"));
            assert_eq!(partitions.scan(ScanOf::ended(&record(None, 90_000))), settled);
            assert_eq!(partitions.now(), &second);
        }
        assert_eq!(Partitions::new(None).scan(ScanOf::running(&header(None))), None);
    }
}
