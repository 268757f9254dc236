//! Files and folders that get their name when they are complete.
//!
//! [`StagedOutput`] creates a file or folder under a temporary name next to the final one and registers it with
//! [`Temporaries`]. [`StagedOutput::publish`] renames it; if the `StagedOutput` is dropped before, the temporary is
//! removed, as are folders that were created for it. Renaming and removing happen under the lock of [`Temporaries`], so
//! that the signal handler never removes an output that already has its name. A folder that replaces another is
//! exchanged with it in one step where the file system supports that; then the files that the old marker lists are
//! removed. What may be replaced is checked twice: when the output is opened, and again right before it is replaced,
//! because other processes may have changed it since.

use std::{
    borrow::Cow,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
};

use super::{
    attributes::{Attributes, complete_dir, create_dir, create_file},
    folder_files::FolderFiles,
    leftovers::{TempLock, lock_temporary, remove_leftovers},
    lock::hold,
    marker::{self, FolderLayout, Marker, Obstacle},
    replace_policy::{Replace, refuse_existing},
    target::{follow, is_link, make_folders, parent_of, remove_empty},
    temp_files::{TempNames, Temporaries, remove, with_suffix},
};
use crate::{
    error::{Error, ErrorKind, Result},
    fs::{self, File},
};

/// Options of an output folder.
#[derive(Debug, Clone)]
pub(crate) struct FolderOptions<'o> {
    /// Names of the files that it may hold.
    pub(crate) layout: FolderLayout,
    /// Name of the command, recorded in the marker.
    pub(crate) command: &'o str,
    /// Names of the tables, recorded in the marker.
    pub(crate) tables: Vec<&'static str>,
    /// Replace an existing folder if its marker lists everything in it.
    pub(crate) overwrite: bool,
    /// Registry of temporary names, so that a signal handler can remove them.
    pub(crate) temporaries: &'o Temporaries,
}

/// Contents of the marker of a new folder.
#[derive(Debug)]
struct MarkerContents {
    layout: FolderLayout,
    command: String,
    tables: Vec<&'static str>,
}

/// File or folder under a temporary name next to its final one. It is removed if it is dropped before
/// [`StagedOutput::publish`].
#[derive(Debug)]
pub(crate) struct StagedOutput {
    temporary: PathBuf,
    target: PathBuf,
    /// Name of the output as given, for messages.
    name: String,
    overwrite: bool,
    /// True if it replaces something that is not empty.
    replaces: bool,
    /// `None` for a file.
    marker_contents: Option<MarkerContents>,
    like: Option<Attributes>,
    /// Folders that were created for it, each before those inside it.
    made: Vec<PathBuf>,
    published: bool,
    /// Lock that keeps other runs from removing the temporary ([`super::leftovers`]), until it is renamed.
    lock: Option<File>,
    temporaries: Temporaries,
}

impl StagedOutput {
    /// Creates a temporary folder for an output folder.
    pub(crate) fn dir(out: &Path, options: &FolderOptions<'_>) -> Result<Self> {
        let name = out.display().to_string();
        let target = follow(out).map_err(|error| Error::sink(&*name, error))?;
        let &FolderOptions { layout, overwrite, .. } = options;
        let mut replaces = false;
        if target.is_dir() {
            replaces = fs::read_dir(&target).is_ok_and(|mut all| all.next().is_some());
            refuse_existing(&target, &name, Replace::of(overwrite || !replaces))?;
            refuse_foreign(&target, &name, layout)?;
        } else {
            refuse_existing(&target, &name, Replace::of(overwrite))?;
            if target.exists() {
                return Err(Error::usage(format!("{name} is not a folder")));
            }
        }
        let like = Attributes::read_dir(&target).map_err(|error| Error::sink(&*name, error))?;
        let (command, tables) = (options.command.to_owned(), options.tables.clone());
        let marker_contents = Some(MarkerContents { layout, command, tables });
        let followed = is_link(out, &target);
        let request =
            StagingRequest { name, target, followed, overwrite, replaces, marker_contents, like };
        let create = |path: &Path| create_dir(path, like).map(|()| ((), fs::open_dir(path)));
        let (staged, ()) = request.make(options.temporaries, create)?;
        Ok(staged)
    }

    /// Creates a temporary file for an output file.
    pub(crate) fn file(
        out: &Path,
        replace: Replace,
        temporaries: &Temporaries,
    ) -> Result<(Self, File)> {
        let name = out.display().to_string();
        let target = follow(out).map_err(|error| Error::sink(&*name, error))?;
        if target.exists() && !target.is_file() && !target.is_dir() {
            let message = format!("{name} is a device or pipe: name a file");
            return Err(Error::usage(message));
        }
        refuse_existing(&target, &name, replace)?;
        if target.is_dir() {
            return Err(Error::usage(format!("{name} is a folder")));
        }
        drop(hold(&target)?);
        let like = Attributes::read_file(&target).map_err(|error| Error::sink(&*name, error))?;
        let followed = is_link(out, &target);
        let replaces = target.metadata().is_ok_and(|meta| meta.len() > 0);
        let overwrite = replace != Replace::Nothing;
        let request = StagingRequest {
            name,
            target,
            followed,
            overwrite,
            replaces,
            marker_contents: None,
            like,
        };
        request.make(temporaries, |path| {
            let file = create_file(path, like)?;
            let lock = file.try_clone().map(Some);
            Ok((file, lock))
        })
    }

    /// Returns the name of what it replaces, if that is not empty.
    pub(crate) fn replaces(&self) -> Option<&str> {
        Some(self.name.as_str()).filter(|_| self.replaces)
    }

    /// Returns the name of the output as given, for messages.
    #[cfg(feature = "full")]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the path of the temporary file, for a library that opens files itself.
    #[cfg(feature = "full")]
    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Returns the folder that the output and its temporary are in.
    pub(crate) fn parent(&self) -> &Path {
        parent_of(&self.target)
    }

    /// Returns the files of a temporary folder.
    pub(crate) fn files(&self) -> FolderFiles {
        let old = self.like.map(|_| self.target.clone());
        FolderFiles::new(self.temporary.clone(), old)
    }

    /// Renames a complete, synced output to its final name atomically: at any time, even if the process ends in
    /// between, there is either the old output or the new one.
    pub(crate) fn publish(mut self) -> Result<()> {
        let failed = |error: io::Error| Error::sink(&*self.name, error);
        if let Some(marker_contents) = &self.marker_contents {
            self.complete_folder(marker_contents).map_err(failed)?;
        }
        let temporaries = self.temporaries.clone();
        // A signal handler must not remove a temporary that already has the output's name.
        let mut names = temporaries.lock();
        let result = match &self.marker_contents {
            Some(marker_contents) => self.rename_dir(marker_contents.layout, &mut names),
            None => self.rename_file(),
        };
        if result.is_ok() {
            self.published = true;
            names.used.remove(&self.temporary);
            // Now the lock would only keep others from replacing the output, as long as a format has the file open.
            if let Some(lock) = self.lock.take() {
                let _ = lock.unlock();
            }
        }
        drop(names);
        result.and_then(|()| fs::sync_dir(parent_of(&self.target)).map_err(failed))
    }

    /// Writes the marker, and gives folders the modes of those that they replace.
    fn complete_folder(&self, marker_contents: &MarkerContents) -> io::Result<()> {
        let listing = marker::list(&self.temporary)?;
        let files = self.files();
        let marker = Marker::new(&marker_contents.command, &marker_contents.tables, &listing.files);
        marker.write(&self.temporary, files.replaced_file_attributes(Path::new(marker::NAME))?)?;
        // Inner folders first: afterwards a folder may no longer be writable.
        for folder in listing.folders.iter().rev().map(PathBuf::as_path).chain([Path::new("")]) {
            complete_dir(&self.temporary.join(folder), files.replaced_dir_attributes(folder)?)?;
        }
        Ok(())
    }

    fn rename_dir(&self, layout: FolderLayout, names: &mut TempNames) -> Result<()> {
        let failed = |error: io::Error| Error::sink(&*self.name, error);
        // Renaming replaces an empty folder; it fails if the folder has any contents.
        let Err(error) = fs::rename(&self.temporary, &self.target) else { return Ok(()) };
        if !self.target.is_dir() || !self.overwrite {
            return Err(failed(error));
        }
        // Files may have been added since the command began.
        refuse_foreign(&self.target, &self.name, layout)?;
        let old = self.swap().map_err(failed)?;
        for (path, reason) in marker::remove_listed(&old, layout) {
            names.leave(path, reason);
        }
        Ok(())
    }

    /// Exchanges the new folder with the old one, and returns the name of the old one.
    fn swap(&self) -> io::Result<PathBuf> {
        match fs::exchange(&self.temporary, &self.target) {
            Ok(()) => return Ok(self.temporary.clone()),
            Err(error) if fs::is_unsupported(&error) => {}
            Err(error) => return Err(error),
        }
        // This file system cannot exchange two names: for a moment there is neither.
        let aside = with_suffix(&self.temporary, ".old");
        fs::rename(&self.target, &aside)?;
        if let Err(error) = fs::rename(&self.temporary, &self.target) {
            fs::rename(&aside, &self.target)?;
            return Err(error);
        }
        Ok(aside)
    }

    fn rename_file(&self) -> Result<()> {
        let failed = |error: io::Error| Error::sink(&*self.name, error);
        if self.overwrite {
            // Another process may have begun to write it since.
            let _held = hold(&self.target)?;
            return fs::rename(&self.temporary, &self.target).map_err(failed);
        }
        match fs::rename_no_replace(&self.temporary, &self.target) {
            Ok(()) => Ok(()),
            Err(_) if self.target.exists() => Err(failed(io::ErrorKind::AlreadyExists.into())),
            Err(error) if fs::is_unsupported(&error) => {
                fs::rename(&self.temporary, &self.target).map_err(failed)
            }
            Err(error) => Err(failed(error)),
        }
    }
}

impl Drop for StagedOutput {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        // A signal must not end the process while this happens.
        let mut names = self.temporaries.lock();
        if let Err((path, error)) = remove(&self.temporary) {
            names.leave(path, error.to_string());
        }
        names.used.remove(&self.temporary);
        remove_empty(&self.made);
    }
}

/// Request for a temporary name.
struct StagingRequest {
    name: String,
    target: PathBuf,
    /// True if the output was named by a symbolic link.
    followed: bool,
    overwrite: bool,
    replaces: bool,
    marker_contents: Option<MarkerContents>,
    like: Option<Attributes>,
}

impl StagingRequest {
    /// Creates a temporary with `create`, which also returns a handle for its lock.
    fn make<T>(
        self,
        temporaries: &Temporaries,
        create: impl Fn(&Path) -> io::Result<(T, io::Result<Option<File>>)>,
    ) -> Result<(StagedOutput, T)> {
        let Self { name, target, followed, overwrite, replaces, marker_contents, like } = self;
        let failed = |error| Error::sink(&*name, error);
        let Some(file_name) = target.file_name() else {
            return Err(Error::usage(format!("{name} names no output")));
        };
        // A dangling link may point to a disk that is not mounted: no folder is created in its place.
        let made = if followed { Vec::new() } else { make_folders(&target).map_err(failed)? };
        remove_leftovers(&target, marker_contents.as_ref().map(|contents| contents.layout));
        let mut number = 0_u32;
        loop {
            let mut temporary = temporary_prefix(file_name);
            temporary.push(format!("{}-{number}", std::process::id()));
            let temporary = target.with_file_name(temporary);
            match create(&temporary) {
                Ok((created, lock)) => {
                    let locked = lock_temporary(lock, &temporary).map_err(|error| {
                        let _ = remove(&temporary);
                        remove_empty(&made);
                        failed(error)
                    });
                    let TempLock::Held(lock) = locked? else {
                        number = number.saturating_add(1);
                        continue;
                    };
                    temporaries.add(&temporary);
                    let temporaries = temporaries.clone();
                    let published = false;
                    let staged = StagedOutput {
                        temporary,
                        target,
                        name,
                        overwrite,
                        replaces,
                        marker_contents,
                        like,
                        made,
                        published,
                        lock,
                        temporaries,
                    };
                    return Ok((staged, created));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    number = number.saturating_add(1);
                }
                Err(error) => {
                    remove_empty(&made);
                    return Err(failed(error));
                }
            }
        }
    }
}

/// Maximum number of bytes of a name that its temporary name begins with: file systems limit names to 255 bytes.
const LONGEST: usize = 200;

/// Returns the beginning of the temporary names of an output with this name; the number of the process and a counter
/// follow.
pub(super) fn temporary_prefix(name: &OsStr) -> OsString {
    let mut prefix = temp_name_start(name).into_owned();
    prefix.push(".tmp-");
    prefix
}

/// Returns as much of a name as fits into a temporary name, without splitting a character.
fn temp_name_start(name: &OsStr) -> Cow<'_, OsStr> {
    let bytes = name.as_encoded_bytes();
    let is_start = |end: &usize| bytes.get(*end).is_none_or(|byte| byte & 0xc0 != 0x80);
    let end = (0..=LONGEST.min(bytes.len())).rev().find(is_start).unwrap_or_default();
    fs::os_str(bytes.get(..end).unwrap_or(bytes))
}

/// Refuses to replace a folder that contains files of other programs.
fn refuse_foreign(target: &Path, name: &str, layout: FolderLayout) -> Result<()> {
    let why = match marker::find_obstacle(target, layout) {
        None => return Ok(()),
        Some(Obstacle::Foreign(path)) => {
            format!("{} is not one of the files that scanmill wrote there", path.display())
        }
        Some(Obstacle::Unmarked(path)) => format!(
            "it has no {}, so {} may not be an output of scanmill",
            marker::NAME,
            path.display()
        ),
        Some(Obstacle::Damaged(how)) => format!("its {} {how}", marker::NAME),
        Some(Obstacle::Written(error)) => return Err(error),
        // A disk error is not a usage error.
        Some(Obstacle::Unreadable(path, error)) => {
            return Err(Error::sink(name, format!("{}: {error}", path.display())));
        }
    };
    Err(Error::new(ErrorKind::NotReplaced { target: name.to_owned(), reason: why }))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn options(overwrite: bool, temporaries: &Temporaries) -> FolderOptions<'_> {
        let tables = vec!["hosts", "ports"];
        FolderOptions {
            layout: FolderLayout::FOR_TESTS,
            command: "convert",
            tables,
            overwrite,
            temporaries,
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_published() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.csv");
        let temporaries = Temporaries::default();
        let (staged, mut file) =
            StagedOutput::file(&target, Replace::Nothing, &temporaries).unwrap();
        file.write_all(b"x").unwrap();
        assert!(!target.exists());
        drop(file);
        staged.publish().unwrap();
        assert_eq!(names(folder.path()), ["a.csv"]);
        assert!(StagedOutput::file(&target, Replace::Nothing, &temporaries).is_err());
        drop(StagedOutput::file(&target, Replace::Anything, &temporaries).unwrap());
        assert_eq!(
            (names(folder.path()), fs::read(&target).unwrap()),
            (vec!["a.csv".into()], b"x".to_vec())
        );
    }

    #[test]
    fn a_name_may_have_the_maximum_length() {
        let folder = tempfile::tempdir().unwrap();
        let temporaries = Temporaries::default();
        for name in ["x".repeat(255), "\u{20ac}".repeat(85), format!("{}.csv", "y".repeat(251))] {
            let target = folder.path().join(&name);
            let (staged, mut file) =
                StagedOutput::file(&target, Replace::Nothing, &temporaries).unwrap();
            let temporary = staged.temporary.file_name().unwrap().to_str().unwrap();
            assert!(temporary.len() < 230 && temporary.contains(".tmp-"), "{temporary}");
            file.write_all(b"x").unwrap();
            staged.publish().unwrap();
            assert!(target.is_file());
            fs::remove_file(&target).unwrap();
            let dir = StagedOutput::dir(&target, &options(false, &temporaries)).unwrap();
            dir.publish().unwrap();
            assert!(target.is_dir());
        }
    }

    #[test]
    fn a_folder_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        fs::create_dir(&target).unwrap();
        let temporaries = Temporaries::default();
        for (overwrite, name) in [(false, "hosts.csv"), (true, "ports.csv")] {
            let staged = StagedOutput::dir(&target, &options(overwrite, &temporaries)).unwrap();
            fs::write(staged.temporary.join(name), "x").unwrap();
            staged.publish().unwrap();
            assert_eq!(
                (names(folder.path()), names(&target)),
                (vec!["out".into()], vec![marker::NAME.into(), name.into()])
            );
        }
        assert!(StagedOutput::dir(&target, &options(false, &temporaries)).is_err());
    }

    #[test]
    fn temporary_names_can_be_removed_at_any_time() {
        let folder = tempfile::tempdir().unwrap();
        let temporaries = Temporaries::default();
        let dir =
            StagedOutput::dir(&folder.path().join("a"), &options(false, &temporaries)).unwrap();
        fs::write(dir.temporary.join("x"), "x").unwrap();
        let file =
            StagedOutput::file(&folder.path().join("b"), Replace::Nothing, &temporaries).unwrap();
        assert_eq!(names(folder.path()).len(), 2);
        let halted = temporaries.remove_all();
        assert!(names(folder.path()).is_empty());
        drop(halted);
        assert!(dir.publish().is_err() && file.0.publish().is_err());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_published_output_is_not_locked_while_its_file_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let temporaries = Temporaries::default();
        let target = folder.path().join("out");
        let (staged, file) = StagedOutput::file(&target, Replace::Nothing, &temporaries).unwrap();
        let temporary = File::open(&staged.temporary).unwrap();
        assert!(temporary.try_lock().is_err(), "another run would take it for a leftover");
        staged.publish().unwrap();
        let next = StagedOutput::file(&target, Replace::Anything, &temporaries);
        next.unwrap().0.publish().unwrap();
        drop(file);
    }
}
