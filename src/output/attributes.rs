//! Mode and owner of the file or folder that an output replaces, which the new one receives.
//!
//! A file is created with at most the permissions that it will have at the end, so that nobody without access to the
//! result can open it in between. Attributes that the process may not set, such as another owner, remain as the system
//! chose them.

use std::{io, path::Path};

use crate::fs::{self, File, Metadata, OpenOptions};

/// Mode and owner of a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attributes {
    mode: u32,
    uid: u32,
    gid: u32,
}

impl Attributes {
    pub(super) fn from_metadata(meta: &Metadata) -> Self {
        // Whatever the old file was, the new contents never run with their owner's privileges.
        let bits = if meta.is_dir() { 0o7777 } else { 0o777 };
        let (uid, gid) = fs::owner(meta);
        Self { mode: fs::mode(meta) & bits, uid, gid }
    }

    /// Reads the attributes of a regular file. Symbolic links are not followed.
    pub(super) fn read_file(path: &Path) -> io::Result<Option<Self>> {
        let meta = fs::if_there(fs::symlink_metadata(path))?;
        Ok(meta.filter(Metadata::is_file).map(|meta| Self::from_metadata(&meta)))
    }

    /// Reads the attributes of a folder. Symbolic links are not followed.
    pub(super) fn read_dir(path: &Path) -> io::Result<Option<Self>> {
        let meta = fs::if_there(fs::symlink_metadata(path))?;
        Ok(meta.filter(Metadata::is_dir).map(|meta| Self::from_metadata(&meta)))
    }
}

/// Creates a new file. If that fails, no file of the name remains.
pub(super) fn create_file(path: &Path, like: Option<Attributes>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let Some(like) = like else { return options.open(path) };
    let file = options.mode(like.mode).open(path)?;
    match apply(&file, like) {
        Ok(()) => Ok(file),
        Err(error) => {
            let _ = fs::remove_file(path);
            Err(error)
        }
    }
}

/// Creates a new folder in which its owner may create files. [`complete_dir`] sets its final mode.
pub(super) fn create_dir(path: &Path, like: Option<Attributes>) -> io::Result<()> {
    match like {
        Some(like) => fs::create_dir_with_mode(path, like.mode & 0o777 | 0o700),
        None => fs::create_dir(path),
    }
}

/// Syncs the entries of a folder whose files are already synced, and sets its final mode and owner.
pub(super) fn complete_dir(path: &Path, like: Option<Attributes>) -> io::Result<()> {
    let Some(folder) = fs::open_dir(path)? else { return Ok(()) };
    fs::sync_open_dir(&folder)?;
    like.map_or(Ok(()), |like| apply(&folder, like))
}

/// Sets mode and owner, as far as the system and the file system permit.
fn apply(file: &File, like: Attributes) -> io::Result<()> {
    let is = Attributes::from_metadata(&file.metadata()?);
    if (is.uid, is.gid) != (like.uid, like.gid) {
        // Only root may change the owner; a group that the user belongs to may be set without privileges.
        let owner = file.chown(Some(like.uid), Some(like.gid));
        let _ = owner.or_else(|_| file.chown(None, Some(like.gid)));
    }
    // Sets the bits that the umask removed; a change of owner may have cleared some, too.
    if Attributes::from_metadata(&file.metadata()?).mode != like.mode {
        let _ = file.set_mode(like.mode);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{Permissions, set_permissions},
        os::unix::fs::PermissionsExt as _,
    };

    use super::*;

    #[test]
    fn files_and_folders_keep_the_mode_of_what_they_replace() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for mode in [0o600, 0o444, 0o666, 0o000] {
            fs::write(path("old"), "").unwrap();
            set_permissions(path("old"), Permissions::from_mode(mode)).unwrap();
            let like = Attributes::read_file(&path("old")).unwrap();
            create_file(&path("new"), like).unwrap();
            assert_eq!(Attributes::read_file(&path("new")).unwrap(), like, "{mode:o}");
            fs::remove_file(path("old")).unwrap();
            fs::remove_file(path("new")).unwrap();
        }
        for mode in [0o700, 0o555, 0o2770] {
            fs::create_dir(path("old")).unwrap();
            set_permissions(path("old"), Permissions::from_mode(mode)).unwrap();
            let like = Attributes::read_dir(&path("old")).unwrap();
            create_dir(&path("new"), like).unwrap();
            assert_eq!(Attributes::read_dir(&path("new")).unwrap().unwrap().mode & 0o700, 0o700);
            fs::write(path("new/file"), "").unwrap();
            complete_dir(&path("new"), like).unwrap();
            assert_eq!(Attributes::read_dir(&path("new")).unwrap(), like, "{mode:o}");
            fs::remove_dir(path("old")).unwrap();
            fs::remove_dir_all(path("new")).unwrap();
        }
    }

    #[test]
    fn links_have_no_attributes_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        let of = |path| (Attributes::read_dir(path).unwrap(), Attributes::read_file(path).unwrap());
        assert_eq!(of(&link), (None, None));
        assert_eq!(of(&folder.path().join("none")), (None, None));
        assert!(Attributes::read_file(&folder.path().join("x".repeat(300))).is_err());
    }
}
