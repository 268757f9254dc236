//! Where output goes: files and folders get their name when they are complete.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    error::{Error, Result},
    fs::{self, File, OpenOptions},
};

/// Where output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
    /// A folder with a file a table.
    Dir(PathBuf),
}

/// Temporary names in use, shared with whoever must remove them when the process is told to end.
#[derive(Debug, Clone, Default)]
pub struct Temporaries(Arc<Mutex<BTreeSet<PathBuf>>>);

/// While it lives no output gets its name, and none is begun or removed: whoever wants to waits.
#[derive(Debug)]
pub struct Halted<'t>(MutexGuard<'t, BTreeSet<PathBuf>>);

impl Temporaries {
    /// Removes them all: for a process that ends without finishing its outputs, before what is given goes.
    #[must_use = "an output that is finished meanwhile must not end the process in the middle of this"]
    pub fn remove_all(&self) -> Halted<'_> {
        let mut halted = Halted(self.lock());
        for path in std::mem::take(&mut *halted.0) {
            remove(&path);
        }
        halted
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, path: &Path) {
        self.lock().insert(path.to_owned());
    }

    pub(crate) fn forget(&self, path: &Path) {
        self.lock().remove(path);
    }
}

/// Removes a file or folder; there is nothing left to do if that fails.
fn remove(path: &Path) {
    if !path.is_dir() {
        let _ = fs::remove_file(path);
        return;
    }
    // Threads that are still at work know the old name, so nothing is added meanwhile.
    let mut name = path.as_os_str().to_owned();
    name.push(".gone");
    let gone = PathBuf::from(name);
    let moved = fs::rename(path, &gone).is_ok();
    let _ = fs::remove_dir_all(if moved { &gone } else { path });
}

/// A file or folder under a temporary name beside its own. It is removed when it is dropped before
/// [`Pending::publish`].
#[derive(Debug)]
pub(super) struct Pending {
    temporary: PathBuf,
    target: PathBuf,
    overwrite: bool,
    temporaries: Temporaries,
}

impl Pending {
    /// A temporary folder for a folder of this name.
    pub(super) fn dir(target: &Path, overwrite: bool, temporaries: &Temporaries) -> Result<Self> {
        let empty = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
        refuse_existing(target, overwrite || empty)?;
        if target.exists() && !target.is_dir() {
            return Err(Error::usage(format!("{} is no folder", target.display())));
        }
        let (pending, ()) =
            Self::claim(target, overwrite || empty, temporaries, |path| fs::create_dir(path))?;
        Ok(pending)
    }

    /// A temporary file for a file of this name.
    pub(super) fn file(
        target: &Path,
        overwrite: bool,
        temporaries: &Temporaries,
    ) -> Result<(Self, File)> {
        if target.exists() && !target.is_file() && !target.is_dir() {
            let message = format!("{} is a device or pipe: name a file", target.display());
            return Err(Error::usage(message));
        }
        refuse_existing(target, overwrite)?;
        if target.is_dir() {
            return Err(Error::usage(format!("{} is a folder", target.display())));
        }
        if target.exists() && !target.is_file() {
            return Err(Error::usage(format!("{} is no regular file", target.display())));
        }
        Self::claim(target, overwrite, temporaries, |path| {
            OpenOptions::new().write(true).create_new(true).open(path)
        })
    }

    fn claim<T>(
        target: &Path,
        overwrite: bool,
        temporaries: &Temporaries,
        create: impl Fn(&Path) -> io::Result<T>,
    ) -> Result<(Self, T)> {
        let failed = |error| Error::sink(target.display().to_string(), error);
        let Some(name) = target.file_name() else {
            return Err(Error::usage(format!("{} names no output", target.display())));
        };
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut number = 0_u32;
        loop {
            let mut temporary = name.to_owned();
            temporary.push(format!(".tmp-{}-{number}", std::process::id()));
            let temporary = target.with_file_name(temporary);
            match create(&temporary) {
                Ok(made) => {
                    temporaries.add(&temporary);
                    let target = target.to_owned();
                    let temporaries = temporaries.clone();
                    return Ok((Self { temporary, target, overwrite, temporaries }, made));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    number = number.saturating_add(1);
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// The temporary name.
    pub(super) fn path(&self) -> &Path {
        &self.temporary
    }

    /// Puts what is complete and synced under its name, as a whole: before and after, and should the
    /// process end in between, there is either the old output or the new one.
    pub(super) fn publish(self) -> Result<()> {
        // What a signal removes meanwhile must not have got the name of the output.
        let halted = self.temporaries.lock();
        let result = self.rename();
        drop(halted);
        if let Ok(parent) = File::open(parent_of(&self.target)) {
            // The names are as safe as the system makes them; some file systems cannot sync a folder.
            let _ = parent.sync_all();
        }
        result.map_err(|error| Error::sink(self.target.display().to_string(), error))
    }

    fn rename(&self) -> io::Result<()> {
        if self.temporary.is_dir() { self.rename_dir() } else { self.rename_file() }
    }

    fn rename_dir(&self) -> io::Result<()> {
        // A folder that is empty gives way; anything else in it makes this fail.
        if !self.target.exists() || fs::remove_dir(&self.target).is_ok() {
            return fs::rename(&self.temporary, &self.target);
        }
        if fs::exchange(&self.temporary, &self.target).is_ok() {
            // The old folder has the temporary name now, and is removed when this is dropped.
            return Ok(());
        }
        // This file system cannot swap two names: there is a moment without either.
        let aside = self.temporary.with_extension("old");
        fs::rename(&self.target, &aside)?;
        fs::rename(&self.temporary, &self.target)?;
        fs::remove_dir_all(aside)
    }

    fn rename_file(&self) -> io::Result<()> {
        if self.overwrite {
            return fs::rename(&self.temporary, &self.target);
        }
        match fs::rename_no_replace(&self.temporary, &self.target) {
            Ok(()) => Ok(()),
            Err(_) if self.target.exists() => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(&self.temporary, &self.target),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // A signal must not end the process in the middle of this.
        let mut paths = self.temporaries.lock();
        remove(&self.temporary);
        paths.remove(&self.temporary);
    }
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn refuse_existing(target: &Path, overwrite: bool) -> Result<()> {
    if !overwrite && fs::symlink_metadata(target).is_ok() {
        return Err(Error::usage(format!("{} exists; --overwrite replaces it", target.display())));
    }
    Ok(())
}

/// Writes to standard output or to a file.
#[derive(Debug)]
pub(super) enum Raw {
    Stdout(io::Stdout),
    File(File),
}

impl Raw {
    /// Hands everything to the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => match file.sync_all() {
                // A device or a pipe has nothing to sync.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
                other => other,
            },
        }
    }
}

impl Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let (pending, mut file) = Pending::file(&target, false, &temporaries).unwrap();
        file.write_all(b"x").unwrap();
        assert!(!target.exists());
        pending.publish().unwrap();
        assert_eq!(names(folder.path()), ["a.csv"]);
        assert!(Pending::file(&target, false, &temporaries).is_err());
        drop(Pending::file(&target, true, &temporaries).unwrap());
        assert_eq!(
            (names(folder.path()), fs::read(&target).unwrap()),
            (vec!["a.csv".into()], b"x".to_vec())
        );
    }

    #[test]
    fn a_folder_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        fs::create_dir(&target).unwrap();
        let temporaries = Temporaries::default();
        for (overwrite, name) in [(false, "first"), (true, "second")] {
            let pending = Pending::dir(&target, overwrite, &temporaries).unwrap();
            fs::write(pending.path().join(name), "x").unwrap();
            pending.publish().unwrap();
            assert_eq!(
                (names(folder.path()), names(&target)),
                (vec!["out".into()], vec![name.into()])
            );
        }
        assert!(Pending::dir(&target, false, &temporaries).is_err());
    }

    #[test]
    fn temporary_names_can_be_removed_at_any_time() {
        let folder = tempfile::tempdir().unwrap();
        let temporaries = Temporaries::default();
        let dir = Pending::dir(&folder.path().join("a"), false, &temporaries).unwrap();
        fs::write(dir.path().join("x"), "x").unwrap();
        let file = Pending::file(&folder.path().join("b"), false, &temporaries).unwrap();
        assert_eq!(names(folder.path()).len(), 2);
        let halted = temporaries.remove_all();
        assert!(names(folder.path()).is_empty());
        drop(halted);
        assert!(dir.publish().is_err() && file.0.publish().is_err());
        assert!(names(folder.path()).is_empty());
    }
}
