//! Fuzz targets of datasets: commits, and rows of arbitrary Parquet files.

use std::path::Path;

use super::{log, replay, snapshot::Snapshot};
use crate::{
    fuzzing::Folder,
    model::{OsClass, OsMatch, Script, Service, TraceHop},
    table::{StoredRow, from_arrow},
};

/// Parses each line as a commit, and applies the commits in order.
pub(crate) fn commits(data: &[u8]) {
    let mut snapshot = Snapshot::default();
    let mut taken = 0;
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(commit) = log::parse(Path::new("1.json"), line) else { continue };
        let Ok(text) = serde_json::to_vec(&commit) else { panic!("a commit must be writable") };
        let again = log::parse(Path::new("1.json"), &text);
        assert_eq!(again.ok().as_ref(), Some(&commit), "a commit must be read back unchanged");
        snapshot.apply(&commit);
        taken += 1;
        assert_eq!(snapshot.number, taken, "every commit must be counted");
        for file in &commit.files {
            assert!(snapshot.files.contains_key(&file.path), "an added file must be in the state");
        }
        for document in commit.documents.iter().filter_map(|document| document.scan_id.as_ref()) {
            snapshot.copies(document);
        }
    }
}

/// Reads bytes as a file of a dataset, and converts each row as a row of every table.
pub(crate) fn parquet(data: &[u8]) {
    let folder = Folder::new();
    let path = folder.write("part.parquet", data);
    let Ok(mut rows) = replay::fuzzing::rows(&path) else { return };
    let mut left = 2000_u32;
    while let Ok(Some(row)) = rows.row() {
        take(&row);
        rows.advance();
        left = left.saturating_sub(1);
        if left == 0 {
            return;
        }
    }
}

/// Converts a row as a row of every table.
fn take(row: &StoredRow<'_>) {
    let host = from_arrow::host(row);
    assert!(host.ports.is_empty());
    let _ = (from_arrow::port(row), from_arrow::read::<Service<'_>>(row));
    let _ = from_arrow::read::<Script<'_>>(row);
    let _ = (from_arrow::read::<OsMatch<'_>>(row), from_arrow::read::<OsClass<'_>>(row));
    let _ = (from_arrow::read::<TraceHop<'_>>(row), from_arrow::trace(row));
    let _ = (from_arrow::scan(row), from_arrow::event(row), from_arrow::warning(row));
}
