//! Paths of the state and the feed, and errors about them.

use std::path::Path;

use crate::{
    error::{Error, Result},
    fs,
};

/// Waits until the names in a folder are on the disk.
pub(super) fn sync_dir(dir: &Path) -> Result<()> {
    fs::sync_dir(dir).map_err(|error| failed(dir, error))
}

/// Returns the folder that contains a path.
pub(super) fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns the error for a saved state that cannot be read or is damaged.
pub(super) fn unreadable(path: &Path, error: impl std::fmt::Display) -> Error {
    let name = path.display().to_string();
    let message = format!("cannot read {name}: {error}");
    Error::state(name, message)
}

/// Returns the error for a path that cannot be written.
pub(super) fn failed(
    path: &Path,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::sink(path.display().to_string(), error)
}
