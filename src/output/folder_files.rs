//! Files of an output folder that is not complete yet.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    attributes::{Attributes, create_dir, create_file},
    marker,
};
use crate::{
    error::{Error, Result},
    fs::File,
};

/// Files of a folder under its temporary name. Each gets the mode of the file that it replaces; a file without a
/// predecessor gets that of the old marker.
#[derive(Debug, Clone)]
pub(crate) struct FolderFiles {
    folder: PathBuf,
    /// Folder that is replaced.
    old: Option<PathBuf>,
}

impl FolderFiles {
    /// Creates the files of a folder with this temporary name, which replaces `old`.
    pub(super) fn new(folder: PathBuf, old: Option<PathBuf>) -> Self {
        Self { folder, old }
    }

    /// Returns the temporary path of a member.
    pub(crate) fn path(&self, member: &Path) -> PathBuf {
        self.folder.join(member)
    }

    /// Creates a file that does not exist, and returns it with its name for messages.
    pub(crate) fn create(&self, member: &Path) -> Result<(File, String)> {
        let path = self.path(member);
        let name = path.display().to_string();
        let file = self.replaced_file_attributes(member).and_then(|like| create_file(&path, like));
        Ok((file.map_err(|error| Error::sink(&*name, error))?, name))
    }

    /// Creates a folder that does not exist.
    pub(crate) fn make_folder(&self, member: &Path) -> Result<()> {
        let path = self.path(member);
        let made = self.replaced_dir_attributes(member).and_then(|like| create_dir(&path, like));
        made.map_err(|error| Error::sink(path.display().to_string(), error))
    }

    /// Returns the attributes of the file that a member replaces.
    pub(super) fn replaced_file_attributes(&self, member: &Path) -> io::Result<Option<Attributes>> {
        let Some(old) = &self.old else { return Ok(None) };
        match Attributes::read_file(&old.join(member))? {
            None => Attributes::read_file(&old.join(marker::NAME)),
            like => Ok(like),
        }
    }

    /// Returns the attributes of the folder that an inner folder replaces.
    pub(super) fn replaced_dir_attributes(&self, member: &Path) -> io::Result<Option<Attributes>> {
        let Some(old) = &self.old else { return Ok(None) };
        match Attributes::read_dir(&old.join(member))? {
            None => Attributes::read_dir(old),
            like => Ok(like),
        }
    }
}
