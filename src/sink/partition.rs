//! Partitions: rows of the scans of one day, or of one scanner, in a folder that is named as Hive names it.

use std::{fmt::Write as _, sync::Arc};

use crate::table::{Column, ScanOf, Table};

/// The value in the name of a folder whose rows have none, as Hive names it.
pub(crate) const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Bytes of a value in a folder's name at most: file systems take 255 with all that is around it.
const LONGEST: usize = 200;

/// What tells the partition of a scan's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartitionBy {
    /// The UTC date of the scan's start, else of its end.
    ScanDate,
    /// What wrote the XML, such as `nmap`. The table of scans lacks this column then.
    Scanner,
}

impl PartitionBy {
    /// The name, which readers give the column that the folders' names hold.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScanDate => "scan_date",
            Self::Scanner => "scanner",
        }
    }

    /// Whether a column of a table is told by the folders' names. It is not in the files then: readers add
    /// it, and some refuse to find it twice.
    pub(super) fn holds(self, table: Table, column: &Column) -> bool {
        table == Table::Scans && column.field.name == self.name()
    }

    /// The name of the folder of this value.
    pub(super) fn folder(self, value: Option<&str>) -> Arc<str> {
        let value = value.filter(|value| !value.is_empty());
        let escaped = value.map(escaped);
        format!("{}={}", self.name(), escaped.as_deref().unwrap_or(NO_VALUE)).into()
    }

    /// Whether a name is one that [`Self::folder`] gives.
    pub(super) fn is_folder(name: &str) -> bool {
        let Some((by, value)) = name.split_once('=') else { return false };
        let is_escaped = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.%".contains(&byte);
        [Self::ScanDate, Self::Scanner].iter().any(|known| known.name() == by)
            && (1..=LONGEST).contains(&value.len())
            && value.bytes().all(is_escaped)
    }

    /// The folder of a scan, if that is known before its end.
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

/// A value as it stands in the name of a folder, from which readers know how to take it.
fn escaped(value: &str) -> String {
    let mut name = String::with_capacity(value.len().min(LONGEST));
    for c in value.chars() {
        let before = name.len();
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
            name.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                // A string takes every text.
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

/// Where rows belong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Partition {
    /// There are no partitions.
    #[default]
    Whole,
    /// In the folder of this name.
    Named(Arc<str>),
    /// With the rows of a scan whose end is going to tell: [`Change::settles`].
    Open,
}

/// The partition of the rows that come, for an encoder.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    by: Option<PartitionBy>,
    now: Partition,
    /// What told it, while the scan goes on: seconds since 1970, and the scanner.
    told_by: Option<(Option<i64>, Option<String>)>,
}

/// Rows of another partition follow.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// That of the rows before.
    pub(super) before: Partition,
    /// The folder to which those rows belong that were [`Partition::Open`].
    pub(super) settles: Option<Arc<str>>,
}

impl Partitions {
    pub(super) fn new(by: Option<PartitionBy>) -> Self {
        Self { by, ..Self::default() }
    }

    /// The partition of the rows that come.
    pub(super) fn now(&self) -> &Partition {
        &self.now
    }

    /// Rows come of this scan.
    pub(super) fn scan(&mut self, scan: ScanOf<'_>) -> Option<Change> {
        let by = self.by?;
        if scan.has_ended() {
            self.told_by = None;
            let folder = by.of_ended(scan);
            // Its hosts may have been encoded elsewhere.
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
    fn a_scan_without_a_start_is_settled_by_its_end() {
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
