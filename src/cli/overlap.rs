//! No output may take the place of an input, or of another output.
//!
//! All paths of a run are compared before anything is read or made. Two paths are the same if they lead to the same
//! device and inode, so neither links, bind mounts nor the case of a name hide anything; what does not exist yet is
//! compared by its path without links. An output that lies in a folder that is read would be an input of the next run.

use std::{
    collections::BTreeSet,
    io,
    os::{fd::AsFd, unix::fs::MetadataExt as _},
    path::{Component, Path, PathBuf},
};

use super::ending::is_special;
use crate::{
    error::{Error, Result},
    fs,
    sink::{Output, follow},
};

/// What an output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A file, which is replaced.
    File,
    /// A folder, which is replaced as a whole.
    Folder,
    /// The feed of a watched folder. It may lie in a folder that is read, where it is left out.
    Kept,
    /// A dataset, or the state of a watched folder: as [`Form::Kept`], and nothing else may lie in it.
    State,
}

/// A path that a run writes, and the option that names it.
#[derive(Debug)]
pub(super) struct Written {
    option: &'static str,
    path: PathBuf,
    form: Form,
}

impl Written {
    pub(super) fn new(option: &'static str, path: &Path, form: Form) -> Self {
        Self { option, path: path.to_owned(), form }
    }

    /// The file that an option names, if it is given and no stream.
    pub(super) fn file(option: &'static str, path: Option<&Path>) -> Option<Self> {
        let path = path.filter(|path| path.as_os_str() != "-")?;
        Some(Self::new(option, path, Form::File))
    }

    /// What `-o` names.
    pub(super) fn output(output: &Output) -> Option<Self> {
        match output {
            Output::Stdout => None,
            Output::File(path) => Some(Self::new("-o", path, Form::File)),
            Output::Dir(path) => Some(Self::new("-o", path, Form::Folder)),
        }
    }

    fn shown(&self) -> String {
        format!("{} {}", self.option, self.path.display())
    }
}

/// What a run reads.
#[derive(Default)]
pub(super) struct Reading<'r> {
    /// Inputs as they are named.
    pub(super) named: &'r [PathBuf],
    /// Files that were found in folders among them.
    pub(super) found: Vec<&'r Path>,
    /// Files that options name.
    pub(super) others: Vec<&'r Path>,
}

/// Refuses outputs that are, contain or lie in what is read, that contain the working directory, or that are one
/// another.
///
/// # Errors
/// A usage error that names both paths.
pub(super) fn check(
    written: impl IntoIterator<Item = Written>,
    reading: &Reading<'_>,
    on_stdout: bool,
) -> Result<()> {
    let written = written.into_iter().filter(|written| !is_special(&written.path));
    let outputs: Vec<_> = written.map(|written| (Place::of(&written.path), written)).collect();
    let is_stream = |path: &&Path| path.as_os_str() == "-";
    let all = || reading.named.iter().map(PathBuf::as_path).chain(reading.others.iter().copied());
    let inputs: Vec<_> =
        all().filter(|path| !is_stream(path)).map(|path| (Place::of(path), path)).collect();
    let stdin = all().any(|path| is_stream(&path)).then(|| id_of_stream(io::stdin())).flatten();
    let here = Place::of(Path::new("."));
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
        for other in outputs.iter().skip(number.saturating_add(1)) {
            check_outputs((place, output), (&other.0, &other.1))?;
        }
    }
    let Some(stdout) = on_stdout.then(|| id_of_stream(io::stdout())).flatten() else {
        return Ok(());
    };
    let named = inputs.iter().find(|(input, _)| input.id == Some(stdout)).map(|(_, path)| *path);
    let found = || reading.found.iter().copied().find(|path| id(path) == Some(stdout));
    match named.or_else(found) {
        Some(path) => Err(Error::usage(format!("standard output is the input {}", path.display()))),
        None => Ok(()),
    }
}

fn check_input((place, output): (&Place, &Written), (input, path): (&Place, &Path)) -> Result<()> {
    let (shown, path) = (output.shown(), path.display());
    let message = if place.is(input) {
        format!("{shown} is an input")
    } else if input.is_in(place) {
        format!("{shown} contains the input {path}")
    } else if input.is_dir && place.is_in(input) && !output.may_lie_in_inputs() {
        format!("{shown} lies in {path}, a folder that is read")
    } else {
        return Ok(());
    };
    Err(Error::usage(message))
}

/// Checks what was found in folders: a link there may lead to the output, or a mount to where it lies.
fn check_found((place, output): (&Place, &Written), found: &[&Path]) -> Result<()> {
    let mut folders = BTreeSet::new();
    for file in found {
        if place.id.is_some() && place.id == id(file) {
            let (shown, file) = (output.shown(), file.display());
            return Err(Error::usage(format!("{shown} is an input: {file}")));
        }
        folders.extend(file.parent());
    }
    let lies_in = |folder: &&&Path| id(folder).is_some_and(|id| place.above.contains(&id));
    match folders.iter().find(lies_in).filter(|_| !output.may_lie_in_inputs()) {
        Some(folder) => {
            let (shown, folder) = (output.shown(), folder.display());
            Err(Error::usage(format!("{shown} lies in {folder}, a folder that is read")))
        }
        None => Ok(()),
    }
}

fn check_outputs(one: (&Place, &Written), other: (&Place, &Written)) -> Result<()> {
    if one.0.is(other.0) {
        let (first, second) = (one.1.option, other.1.option);
        let path = other.1.path.display();
        return Err(Error::usage(format!("{first} and {second} are both {path}")));
    }
    for ((place, inner), (folder, outer)) in [(one, other), (other, one)] {
        if matches!(outer.form, Form::Folder | Form::State) && place.is_in(folder) {
            let (inner, outer) = (inner.shown(), outer.shown());
            return Err(Error::usage(format!("{inner} lies in {outer}, a folder of its own")));
        }
    }
    Ok(())
}

impl Written {
    fn may_lie_in_inputs(&self) -> bool {
        matches!(self.form, Form::Kept | Form::State)
    }
}

/// Device and inode.
type Id = (u64, u64);

/// Where a path leads.
#[derive(Debug)]
struct Place {
    /// The absolute path without links.
    path: PathBuf,
    id: Option<Id>,
    is_dir: bool,
    /// Folders above it that exist.
    above: Vec<Id>,
}

impl Place {
    fn of(path: &Path) -> Self {
        let path = resolve(&follow(path).unwrap_or_else(|_| path.to_owned()));
        let above = path.ancestors().skip(1).filter_map(id).collect();
        Self { id: id(&path), is_dir: path.is_dir(), above, path }
    }

    fn is(&self, other: &Self) -> bool {
        if self.id.is_some() { self.id == other.id } else { self.path == other.path }
    }

    /// Whether it lies in a folder, at any depth.
    fn is_in(&self, folder: &Self) -> bool {
        match folder.id {
            Some(id) => self.above.contains(&id),
            None => self.path != folder.path && self.path.starts_with(&folder.path),
        }
    }
}

/// An absolute path without links, of what need not exist yet.
fn resolve(path: &Path) -> PathBuf {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for folder in full.ancestors() {
        let Ok(mut real) = fs::canonicalize(folder) else { continue };
        for part in full.strip_prefix(folder).into_iter().flat_map(Path::components) {
            match part {
                Component::Normal(name) => real.push(name),
                Component::ParentDir => {
                    real.pop();
                }
                _ => {}
            }
        }
        return real;
    }
    full
}

fn id(path: impl AsRef<Path>) -> Option<Id> {
    fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Device and inode of the file that a stream was redirected to or from.
fn id_of_stream(stream: impl AsFd) -> Option<Id> {
    let meta = fs::stream_metadata(stream).ok().filter(fs::Metadata::is_file)?;
    Some((meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_that_does_not_exist_is_where_it_would_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(root.join("real")).unwrap();
        symlink("real", root.join("link")).unwrap();
        symlink("real/later", root.join("dangling")).unwrap();
        for path in
            ["real/later", "link/later", "./real/../link/later/", "dangling", "none/../real/later"]
        {
            assert_eq!(Place::of(&root.join(path)).path, root.join("real/later"), "{path}");
        }
        let later = Place::of(&root.join("dangling"));
        assert!(later.is_in(&Place::of(&root.join("link"))) && later.is_in(&Place::of(&root)));
        assert!(!later.is_in(&later) && later.is(&Place::of(&root.join("link/later"))));
    }
}
