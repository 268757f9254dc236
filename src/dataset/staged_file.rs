//! Files with temporary names, in the folder for unfinished files.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::folder::failed;
use crate::{
    error::Result,
    fs::{self, File},
    output::Temporaries,
};

/// File with a temporary name. It is removed when this is dropped, unless it was renamed.
#[derive(Debug)]
pub(super) struct StagedFile {
    path: PathBuf,
    /// True if the name is no longer used by this file: another run may have taken it since.
    renamed: bool,
    temporaries: Temporaries,
}

impl StagedFile {
    pub(super) fn create(
        folder: &Path,
        extension: &str,
        temporaries: &Temporaries,
    ) -> Result<(Self, File)> {
        let process = std::process::id();
        for number in 0_u64.. {
            let path = folder.join(format!("{process}-{number}.{extension}"));
            match File::create_new(&path) {
                Ok(file) => {
                    temporaries.add(&path);
                    let temporaries = temporaries.clone();
                    return Ok((Self { path, renamed: false, temporaries }, file));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&path, error)),
            }
        }
        Err(failed(folder, "no name is left"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Records that the file has another name now.
    pub(super) fn renamed(mut self) {
        self.renamed = true;
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = fs::remove_file(&self.path);
        }
        self.temporaries.forget(&self.path);
    }
}
