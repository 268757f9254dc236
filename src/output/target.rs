//! Destinations of output, and the paths that they name.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Result},
    fs,
};

/// Destination of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
    /// A folder with one file per table.
    Dir(PathBuf),
}

/// Maximum number of symbolic links to follow, as in the kernel.
const MAX_LINKS: usize = 40;

/// Returns the path that is written for an output of this name: a symbolic link is followed, even if its target does
/// not exist. Links in the parent folders are left to the kernel.
///
/// # Errors
/// Fails if links form a cycle or cannot be read: a path that cannot be examined may be a link.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    // Without a trailing slash, which would make the kernel follow the link.
    let mut path: PathBuf = path.components().collect();
    for _ in 0..MAX_LINKS {
        if !fs::if_there(fs::symlink_metadata(&path))?.is_some_and(|meta| meta.is_symlink()) {
            return Ok(path);
        }
        let to = fs::read_link(&path)?;
        path = path.parent().map_or_else(|| to.clone(), |folder| folder.join(&to));
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Creates the missing parent folders of an output, and returns them.
pub(super) fn make_folders(out: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(folder) = out.parent() else { return Ok(Vec::new()) };
    let mut missing = Vec::new();
    for path in folder.ancestors().take_while(|path| !path.as_os_str().is_empty()) {
        if fs::if_there(fs::symlink_metadata(path))?.is_some() {
            break;
        }
        missing.push(path.to_owned());
    }
    missing.reverse();
    fs::create_dir_all(folder).inspect_err(|_| remove_empty(&missing))?;
    Ok(missing)
}

/// Removes folders that were created for an output that is not completed, unless they contain something else.
pub(super) fn remove_empty(made: &[PathBuf]) {
    for folder in made.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}

/// Returns the folder of an output.
pub(super) fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns true if [`follow`] resolved a link.
pub(super) fn is_link(out: &Path, target: &Path) -> bool {
    out.components().ne(target.components())
}

/// Creates the folder that a link points to if it does not exist. If its parent is missing, a disk may not be mounted:
/// the folder is not created.
///
/// # Errors
/// Returns a usage error if the parent is missing, and an output error if the folder cannot be created.
pub(crate) fn make_target(dir: &Path) -> Result<()> {
    let failed = |path: &Path, error: io::Error| Error::sink(path.display().to_string(), error);
    let target = follow(dir).map_err(|error| failed(dir, error))?;
    let is_there = |path: &Path| fs::if_there(fs::metadata(path)).map_err(|e| failed(path, e));
    if !is_link(dir, &target) || is_there(&target)?.is_some() {
        return Ok(());
    }
    let around = parent_of(&target);
    if is_there(around)?.is_none() {
        return Err(Error::usage(format!(
            "{} is a link to {}, and there is no folder {}",
            dir.display(),
            target.display(),
            around.display()
        )));
    }
    fs::create_dir(&target).map_err(|error| failed(&target, error))
}
