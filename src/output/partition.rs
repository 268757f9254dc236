//! Names of partitions: a folder per value of a column, named according to the Hive convention, with numbered files.

use std::{fmt::Write as _, sync::Arc};

/// Value in a folder name for rows without a value, as in Hive.
pub(crate) const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Folder of rows whose partition is not known yet. It is removed before the output gets its final name.
pub(crate) const UNRESOLVED: &str = ".unsettled";

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

    /// Returns the folder name for a value.
    pub(crate) fn folder(self, value: Option<&str>) -> Arc<str> {
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

/// Returns the name of a partition's file with this number.
pub(crate) fn part_name(number: u32) -> String {
    format!("part-{number}.parquet")
}

/// Returns true if `name` has the form that [`part_name`] produces.
pub(super) fn is_part_name(name: &str) -> bool {
    let number = name.strip_prefix("part-").and_then(|name| name.strip_suffix(".parquet"));
    number.and_then(|number| number.parse().ok()).is_some_and(|number| part_name(number) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
