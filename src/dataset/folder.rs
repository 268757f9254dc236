//! Names and errors of the files in the folder of a dataset.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Result},
    fs::{self, File},
    table::Table,
};

/// Folder of the log, inside the folder of the dataset.
pub(super) const LOG: &str = "_scanmill";

/// Folder for unfinished files, inside the folder of the log.
pub(super) const STAGING: &str = "staging";

/// Returns true if a folder contains files with the places and names of parts.
pub(super) fn has_parts(dir: &Path) -> Result<bool> {
    for table in Table::ALL {
        let partitions = entries(&dir.join(table.name()))?;
        for partition in partitions.iter().filter(|path| name(path).starts_with("scan_date=")) {
            let mut files = entries(partition)?.into_iter();
            if files.any(|path| is_part_name(name(&path)) && is_file(&path)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Returns unfinished files. They have no footer yet, so they are recognized by their names and
/// first bytes.
pub(super) fn staged(log: &Path) -> Vec<PathBuf> {
    let mut found = entries(log).and_then(|_| entries(&log.join(STAGING))).unwrap_or_default();
    found.retain(|path| {
        let start: Option<&[u8]> = match staged_ending(name(path)) {
            Some("parquet") => Some(b"PAR1"),
            Some("json") => Some(b"{"),
            _ => None,
        };
        start.is_some_and(|start| is_file(path) && begins_with(path, start))
    });
    found
}

/// Returns the extension of a name such as `4711-0.parquet`: process ID, number, extension.
fn staged_ending(name: &str) -> Option<&str> {
    let (number, ending) = name.split_once('.')?;
    let (process, number) = number.split_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(process) && digits(number)).then_some(ending)
}

/// Returns true if a file starts with these bytes, or is a prefix of them.
fn begins_with(path: &Path, start: &[u8]) -> bool {
    let mut first = Vec::new();
    let limit = u64::try_from(start.len()).unwrap_or(0);
    let read = File::open(path).and_then(|file| io::copy(&mut file.take(limit), &mut first));
    read.is_ok() && start.starts_with(&first)
}

/// Returns true if a name is that of a part, such as
/// `part-fc3d04db73f694c4da1414faf02a924e.parquet`.
pub(super) fn is_part_name(name: &str) -> bool {
    let hash = name.strip_prefix("part-").and_then(|name| name.strip_suffix(".parquet"));
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    hash.is_some_and(|hash| hash.len() == 32 && hash.bytes().all(is_hex))
}

/// Returns true if a path is a regular file, not a link to one.
pub(super) fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
}

/// Returns the entries of a folder, in order. Returns none if the folder does not exist or is a
/// link.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_symlink()) {
        return Ok(Vec::new());
    }
    let list = match fs::read_dir(folder) {
        Ok(list) => list,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(folder, error)),
    };
    let paths: io::Result<Vec<_>> = list.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(|error| failed(folder, error))?;
    paths.sort_unstable();
    Ok(paths)
}

/// Returns the name of a file, or an empty text if it is not UTF-8.
pub(super) fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Returns an input error for a file of a dataset that cannot be read.
pub(super) fn unreadable(path: &Path, error: impl Into<io::Error>) -> Error {
    Error::from(error.into()).with_input(path.display().to_string())
}

/// Waits until the names in a folder are on the disk.
pub(super) fn sync_dir(dir: &Path) -> Result<()> {
    fs::sync_dir(dir).map_err(|error| failed(dir, error))
}

/// Returns the error for a path that cannot be read or written.
pub(super) fn failed(
    path: &Path,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::sink(path.display().to_string(), error)
}
