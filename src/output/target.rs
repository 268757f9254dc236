//! Destinations of output, and the paths that they name.

use std::{
    fmt,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    error::{Error, Result},
    fs,
};

/// Destination of output.
///
/// A format can write to any [`Write`], such as a buffer or a socket:
///
/// ```
/// use std::{io, sync::{Arc, Mutex}};
///
/// use scanmill::{
///     format::{ChunkWriter as _, CsvSink, SinkOptions},
///     output::Output,
///     table::Table,
/// };
///
/// /// Text that the caller keeps while a format writes it.
/// #[derive(Clone, Default)]
/// struct Shared(Arc<Mutex<Vec<u8>>>);
///
/// impl io::Write for Shared {
///     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
///         self.0.lock().unwrap().write(bytes)
///     }
///
///     fn flush(&mut self) -> io::Result<()> {
///         Ok(())
///     }
/// }
///
/// let text = Shared::default();
/// let mut options = SinkOptions::default();
/// options.tables = vec![Table::Hops];
/// CsvSink::open(&Output::writer(text.clone()), options)?.finish()?;
/// assert!(text.0.lock().unwrap().starts_with(b"scan_id,host_id,"));
/// # Ok::<(), scanmill::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
    /// A folder with one file per table.
    Dir(PathBuf),
    /// A writer, which [`Output::writer`] creates. It receives the uncompressed bytes of one file; if an error ends the
    /// output, it has received a part of them.
    Writer(OutputWriter),
}

impl Output {
    /// Creates the destination of a writer, which is written once. It is flushed and dropped when the output is complete.
    #[must_use]
    pub fn writer(writer: impl Write + Send + 'static) -> Self {
        Self::Writer(OutputWriter(Arc::new(Mutex::new(Some(Box::new(writer))))))
    }
}

/// Writer of an [`Output`]. Its clones stand for the same writer, which the first output that is opened takes.
#[derive(Clone)]
pub struct OutputWriter(Arc<Mutex<Option<BoxedWriter>>>);

/// Writer of a caller.
type BoxedWriter = Box<dyn Write + Send>;

impl OutputWriter {
    /// Name of any writer in messages.
    pub(crate) const NAME: &'static str = "the writer";

    /// Takes the writer.
    ///
    /// # Errors
    /// Returns a usage error if it was taken before.
    pub(crate) fn take(&self) -> Result<BoxedWriter> {
        let writer = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        writer.ok_or_else(|| Error::usage("a writer is written once: name another output"))
    }
}

impl fmt::Debug for OutputWriter {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("OutputWriter").finish_non_exhaustive()
    }
}

impl PartialEq for OutputWriter {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for OutputWriter {}

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
