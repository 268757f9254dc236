//! Checks that no output replaces an input or another output.
//!
//! All paths of a job are compared before anything is read or created. Two paths are equal if they lead to the same
//! device and inode, so neither links, bind mounts nor the case of a name hide anything; a path that does not exist yet
//! is compared after its links are resolved. An output inside a folder that is read would be an input of the next job.
//! Names that a job derives from a given one, such as the numbered files of `--keep-xml` and the old files of a feed,
//! are compared as well, and so are the paths of the caller ([`ReservedPaths`]).
//!
//! If the disk fails to look up a path, the path could be any other, so the job ends. A path that this process is not
//! permitted to look up can be neither read nor replaced by it; the error is reported when the path is opened.

use std::{
    collections::BTreeSet,
    io,
    path::{Component, Path, PathBuf},
};

use crate::{
    error::{Error, Result},
    fs::{self, FileId},
    output::{Output, Replace, follow, hold, refuse_existing},
};

/// Names of the paths of a job in messages, such as the options that name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathNames {
    /// Output of the job.
    pub output: &'static str,
    /// Saved state of a merge or a watch.
    pub state: &'static str,
    /// File that keeps the XML of nmap.
    pub xml_copy: &'static str,
    /// Metrics of a watch.
    pub metrics: &'static str,
}

impl Default for PathNames {
    fn default() -> Self {
        Self {
            output: "output",
            state: "state",
            xml_copy: "copy of the XML",
            metrics: "file of metrics",
        }
    }
}

/// Paths that the caller of a job uses itself, which no output of the job may replace, and the names of paths in
/// messages.
///
/// ```
/// use scanmill::ops::ReservedPaths;
///
/// let paths = ReservedPaths::new().with_read("settings.toml").with_written("the index", "index.db");
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReservedPaths {
    /// Files that the caller reads, such as its configuration.
    pub read: Vec<PathBuf>,
    written: Vec<OutputPath>,
    /// Names of the paths of the job in messages.
    pub names: PathNames,
}

impl ReservedPaths {
    /// Reserves no path.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the names of the paths of the job in messages.
    #[must_use]
    pub fn with_names(mut self, names: PathNames) -> Self {
        self.names = names;
        self
    }

    /// Adds a file that the caller reads.
    #[must_use]
    pub fn with_read(mut self, path: impl Into<PathBuf>) -> Self {
        self.read.push(path.into());
        self
    }

    /// Adds a file that the caller writes. `option` names it in messages.
    #[must_use]
    pub fn with_written(mut self, option: &'static str, path: impl Into<PathBuf>) -> Self {
        self.written.push(OutputPath {
            option,
            path: path.into(),
            kind: OutputKind::File,
            replace: None,
        });
        self
    }

    /// Adds a file for the [report](crate::pipeline::Report) of the job as JSON, which the caller writes when the job
    /// has ended. It may replace an earlier report, or any file if `overwrite` is true; this is checked before the job
    /// begins.
    #[must_use]
    pub fn with_report(
        mut self,
        option: &'static str,
        path: impl Into<PathBuf>,
        overwrite: bool,
    ) -> Self {
        let replace = Some(Replace::report(overwrite));
        self.written.push(OutputPath {
            option,
            path: path.into(),
            kind: OutputKind::File,
            replace,
        });
        self
    }

    /// Returns the path of the output of the job, unless it is standard output.
    pub(crate) fn output(&self, output: &Output) -> Option<OutputPath> {
        OutputPath::output(self.names.output, output)
    }

    /// Returns the paths that the caller writes.
    pub(crate) fn written(&self) -> impl Iterator<Item = OutputPath> + use<> {
        self.written.clone().into_iter()
    }
}

/// Kind of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputKind {
    /// A file, which is replaced.
    File,
    /// A folder, which is replaced as a whole.
    Folder,
    /// The feed of a watched folder. It may lie in a folder that is read, where it is left out. If
    /// it `rotates`, its old files get its name with a number.
    Feed { rotates: bool },
    /// A dataset, or the state of a watched folder. It may lie in a folder that is read, as
    /// [`OutputKind::Feed`], but no other output may lie in it.
    State,
}

/// Path that a job writes, and the option that names it.
#[derive(Debug, Clone)]
pub(crate) struct OutputPath {
    option: &'static str,
    path: PathBuf,
    kind: OutputKind,
    /// Files that the output may replace, if this check must enforce it because nothing else does
    /// before the output is written.
    replace: Option<Replace>,
}

impl OutputPath {
    pub(crate) fn new(option: &'static str, path: &Path, kind: OutputKind) -> Self {
        Self { option, path: path.to_owned(), kind, replace: None }
    }

    /// Returns the file that an option names, unless it is a stream.
    pub(crate) fn file(option: &'static str, path: Option<&Path>) -> Option<Self> {
        let path = path.filter(|path| path.as_os_str() != "-")?;
        Some(Self::new(option, path, OutputKind::File))
    }

    /// Returns the path of an output that `option` names, unless it is standard output.
    pub(crate) fn output(option: &'static str, output: &Output) -> Option<Self> {
        match output {
            Output::Stdout | Output::Writer(_) => None,
            Output::File(path) => Some(Self::new(option, path, OutputKind::File)),
            Output::Dir(path) => Some(Self::new(option, path, OutputKind::Folder)),
        }
    }

    fn shown(&self) -> String {
        format!("{} {}", self.option, self.path.display())
    }
}

/// Paths that a job reads.
#[derive(Default)]
pub(crate) struct InputPaths<'r> {
    /// Inputs as they are named.
    pub(crate) named: &'r [PathBuf],
    /// Files found in folders among the inputs.
    pub(crate) found: Vec<&'r Path>,
    /// Files that other options name.
    pub(crate) others: Vec<&'r Path>,
}

/// Refuses outputs that are, contain or lie in an input, that contain the working directory, that
/// coincide with one another, or that another run is writing.
///
/// # Errors
/// Returns a usage error that names both paths, or the error of the disk for a path that cannot be
/// looked up.
pub(crate) fn check(
    written: impl IntoIterator<Item = OutputPath>,
    reading: &InputPaths<'_>,
    on_stdout: bool,
) -> Result<()> {
    let written = written.into_iter().filter(|written| !is_special(&written.path));
    let place = |written: OutputPath| Ok((Place::of_output(&written.path)?, written));
    let outputs: Vec<_> = written.map(place).collect::<Result<_>>()?;
    let is_stream = |path: &&Path| path.as_os_str() == "-";
    let all = || reading.named.iter().map(PathBuf::as_path).chain(reading.others.iter().copied());
    let place = |path| Ok((Place::of_input(path)?, path));
    let inputs: Vec<_> = all().filter(|path| !is_stream(path)).map(place).collect::<Result<_>>()?;
    let stdin = if all().any(|path| is_stream(&path)) {
        id_of_file(fs::stdin_metadata().map_err(|error| unreadable(Path::new("-"), error))?)
    } else {
        None
    };
    let here = Place::of_input(Path::new("."))?;
    for (number, (place, output)) in outputs.iter().enumerate() {
        if place.is_dir && (here.is(place) || here.is_in(place)) {
            let is = if here.is(place) { "is" } else { "contains" };
            return Err(Error::usage(format!("{} {is} the working directory", output.shown())));
        }
        for (input, path) in &inputs {
            check_input((place, output), (input, path))?;
        }
        if place.id.is_some() && place.id == stdin {
            return Err(Error::usage(format!("{} is standard input", output.shown())));
        }
        check_found((place, output), &reading.found)?;
        if output.kind == OutputKind::File {
            // A report is written last, so its errors are reported first.
            drop(hold(&place.path)?);
        }
        if let Some(replace) = output.replace {
            if place.is_dir {
                let message =
                    format!("{} is a folder: {} is a file", output.path.display(), output.option);
                return Err(Error::usage(message));
            }
            refuse_existing(&place.path, &output.shown(), replace)?;
        }
        for other in outputs.iter().skip(number.saturating_add(1)) {
            check_outputs((place, output), (&other.0, &other.1))?;
        }
    }
    if on_stdout { check_stdout(&inputs, &reading.found) } else { Ok(()) }
}

fn check_stdout(inputs: &[(Place, &Path)], found: &[&Path]) -> Result<()> {
    let stdout = fs::stdout_metadata().map_err(|error| Error::sink("standard output", error))?;
    let Some(stdout) = id_of_file(stdout) else { return Ok(()) };
    let mut is_input =
        inputs.iter().find(|(input, _)| input.id == Some(stdout)).map(|(_, path)| *path);
    for file in found {
        if is_input.is_none() && id_of_input(file)? == Some(stdout) {
            is_input = Some(file);
        }
    }
    match is_input {
        Some(path) => Err(Error::usage(format!("standard output is the input {}", path.display()))),
        None => Ok(()),
    }
}

fn check_input(
    (place, output): (&Place, &OutputPath),
    (input, path): (&Place, &Path),
) -> Result<()> {
    let (shown, path) = (output.shown(), path.display());
    let message = if place.is(input) {
        format!("{shown} is an input")
    } else if input.is_in(place) {
        format!("{shown} contains the input {path}")
    } else if input.is_dir && place.is_in(input) && !output.may_lie_in_inputs() {
        format!("{shown} lies in {path}, a folder that is read")
    } else if output.rotates() && input.is_numbered(place) {
        format!("{path} has a name that old files of {shown} get")
    } else {
        return Ok(());
    };
    Err(Error::usage(message))
}

/// Checks files found in folders: a link among them may lead to the output, or a mount to the
/// output's folder.
fn check_found((place, output): (&Place, &OutputPath), found: &[&Path]) -> Result<()> {
    let mut folders = BTreeSet::new();
    for file in found {
        if place.id.is_some() && place.id == id_of_input(file)? {
            let (shown, file) = (output.shown(), file.display());
            return Err(Error::usage(format!("{shown} is an input: {file}")));
        }
        folders.extend(file.parent());
    }
    if output.may_lie_in_inputs() {
        return Ok(());
    }
    for folder in folders {
        if id_of_input(folder)?.is_some_and(|id| place.above.contains(&id)) {
            let (shown, folder) = (output.shown(), folder.display());
            return Err(Error::usage(format!("{shown} lies in {folder}, a folder that is read")));
        }
    }
    Ok(())
}

fn check_outputs(one: (&Place, &OutputPath), other: (&Place, &OutputPath)) -> Result<()> {
    if one.0.is(other.0) {
        let (first, second) = (one.1.option, other.1.option);
        let path = other.1.path.display();
        if first == second {
            // Both names come from one option.
            let path = one.1.path.display();
            let other = other.1.path.display();
            return Err(Error::usage(format!("{first}: {path} and {other} are one file")));
        }
        return Err(Error::usage(format!("{first} and {second} are both {path}")));
    }
    for ((place, inner), (folder, outer)) in [(one, other), (other, one)] {
        if matches!(outer.kind, OutputKind::Folder | OutputKind::State) && place.is_in(folder) {
            let (inner, outer) = (inner.shown(), outer.shown());
            return Err(Error::usage(format!("{inner} lies in {outer}, a folder of its own")));
        }
        if outer.rotates() && place.is_numbered(folder) {
            let (inner, outer) = (inner.shown(), outer.shown());
            return Err(Error::usage(format!("{inner} has a name that old files of {outer} get")));
        }
    }
    Ok(())
}

impl OutputPath {
    fn may_lie_in_inputs(&self) -> bool {
        matches!(self.kind, OutputKind::Feed { .. } | OutputKind::State)
    }

    fn rotates(&self) -> bool {
        self.kind == OutputKind::Feed { rotates: true }
    }
}

/// Resolved location of a path.
#[derive(Debug)]
struct Place {
    /// Absolute path without links.
    path: PathBuf,
    id: Option<FileId>,
    is_dir: bool,
    /// Existing folders above the path.
    above: Vec<FileId>,
}

impl Place {
    fn of_output(path: &Path) -> Result<Self> {
        Self::of(path).map_err(|error| Error::sink(path.display().to_string(), error))
    }

    fn of_input(path: &Path) -> Result<Self> {
        Self::of(path).map_err(|error| unreadable(path, error))
    }

    fn of(path: &Path) -> io::Result<Self> {
        let path = resolve(&known(follow(path))?.unwrap_or_else(|| path.to_owned()))?;
        let mut above = Vec::new();
        for folder in path.ancestors().skip(1) {
            above.extend(look(folder)?.as_ref().and_then(fs::file_id));
        }
        let meta = look(&path)?;
        let is_dir = meta.as_ref().is_some_and(fs::Metadata::is_dir);
        Ok(Self { id: meta.as_ref().and_then(fs::file_id), is_dir, above, path })
    }

    fn is(&self, other: &Self) -> bool {
        if self.id.is_some() { self.id == other.id } else { self.path == other.path }
    }

    /// Returns true if the path lies in a folder, at any depth.
    fn is_in(&self, folder: &Self) -> bool {
        match folder.id {
            Some(id) => self.above.contains(&id),
            None => self.path != folder.path && self.path.starts_with(&folder.path),
        }
    }

    /// Returns true if the path has a name that old files of a feed get when it is rotated.
    fn is_numbered(&self, feed: &Self) -> bool {
        let name = |place: &Self| place.path.file_name().unwrap_or_default().to_owned();
        let (own, feeds) = (name(self), name(feed));
        let rest = own.as_encoded_bytes().strip_prefix(feeds.as_encoded_bytes());
        let is_new = |rest: &[u8]| {
            rest == b"new" || (!rest.is_empty() && rest.iter().all(u8::is_ascii_digit))
        };
        self.path.parent() == feed.path.parent()
            && rest.and_then(|rest| rest.strip_prefix(b".")).is_some_and(is_new)
    }
}

/// Resolves a path, which need not exist, to an absolute path without links.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for folder in full.ancestors() {
        let Some(mut real) = known(fs::canonicalize(folder))? else { continue };
        for part in full.strip_prefix(folder).into_iter().flat_map(Path::components) {
            match part {
                Component::Normal(name) => real.push(name),
                Component::ParentDir => {
                    real.pop();
                }
                _ => {}
            }
        }
        return Ok(real);
    }
    Ok(full)
}

/// Returns true if a path is a device, a pipe or a socket. These are written directly, whatever their name.
pub(crate) fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

fn look(path: &Path) -> io::Result<Option<fs::Metadata>> {
    known(fs::metadata(path))
}

/// Returns the result of a lookup, or `None` if the path does not exist or this process cannot
/// reach it.
fn known<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match fs::if_there(found) {
        Err(error) if fs::is_unreachable(&error) => Ok(None),
        found => found,
    }
}

fn id_of_input(path: &Path) -> Result<Option<FileId>> {
    let meta = look(path).map_err(|error| unreadable(path, error))?;
    Ok(meta.as_ref().and_then(fs::file_id))
}

/// Returns the identity of the file that a stream is redirected to or from.
fn id_of_file(meta: Option<fs::Metadata>) -> Option<FileId> {
    meta.filter(fs::Metadata::is_file).as_ref().and_then(fs::file_id)
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::from(error).with_input(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_missing_path_resolves_to_where_it_would_be_created() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(root.join("real")).unwrap();
        symlink("real", root.join("link")).unwrap();
        symlink("real/later", root.join("dangling")).unwrap();
        let place = |path: &str| Place::of(&root.join(path)).unwrap();
        for path in
            ["real/later", "link/later", "./real/../link/later/", "dangling", "none/../real/later"]
        {
            assert_eq!(place(path).path, root.join("real/later"), "{path}");
        }
        let later = place("dangling");
        assert!(later.is_in(&place("link")) && later.is_in(&place("")));
        assert!(!later.is_in(&later) && later.is(&place("link/later")));
    }

    #[test]
    fn rotated_files_of_a_feed_are_known_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let place = |path: &str| Place::of(&folder.path().join(path)).unwrap();
        let feed = place("feed");
        for (name, is_old) in [
            ("feed.1", true),
            ("feed.12", true),
            ("feed.new", true),
            ("feed", false),
            ("feed.", false),
            ("feed.x", false),
            ("feed1", false),
            ("other/feed.1", false),
        ] {
            assert_eq!(place(name).is_numbered(&feed), is_old, "{name}");
        }
    }

    #[test]
    fn an_unreachable_path_does_not_exist_and_a_failing_disk_is_an_error() {
        let failed = |errno: Errno| known(io::Result::<()>::Err(errno.into()));
        for errno in [Errno::NOENT, Errno::NOTDIR, Errno::ACCESS, Errno::LOOP, Errno::NAMETOOLONG] {
            assert!(matches!(failed(errno), Ok(None)), "{errno}");
        }
        for errno in [Errno::IO, Errno::NOMEM, Errno::MFILE] {
            assert!(failed(errno).is_err(), "{errno}");
        }
    }
}
