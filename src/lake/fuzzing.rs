//! Bodies of the fuzz targets of this layer: commits, and the rows of Parquet files that anybody wrote.

use std::path::Path;

use super::{log, replay, state::State};
use crate::{
    fuzzing::Folder,
    table::{Stored, restore},
};

/// Reads lines as commits, one after the other.
pub(crate) fn commits(data: &[u8]) {
    let mut state = State::default();
    let mut taken = 0;
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(commit) = log::parse(Path::new("1.json"), line) else { continue };
        let Ok(text) = serde_json::to_vec(&commit) else { panic!("a commit cannot be written") };
        let again = log::parse(Path::new("1.json"), &text);
        assert_eq!(again.ok().as_ref(), Some(&commit), "a commit is read as it was written");
        state.apply(&commit);
        taken += 1;
        assert_eq!(state.number, taken, "commits are counted");
        for file in &commit.files {
            assert!(state.files.contains_key(&file.path), "a file that came is there");
        }
        for document in commit.documents.iter().filter_map(|document| document.scan_id.as_ref()) {
            state.copies(document);
        }
    }
}

/// Reads bytes as a file of a dataset, and takes each row for one of each table.
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

/// Takes a row for one of each table.
fn take(row: &Stored<'_>) {
    let host = restore::host(row);
    assert!(host.ports.is_empty());
    let _ = (restore::port(row), restore::service(row), restore::script(row));
    let _ = (restore::os_match(row), restore::os_class(row));
    let _ = (restore::hop(row), restore::trace(row));
    let _ = (restore::scan(row), restore::event(row), restore::warning(row));
}
