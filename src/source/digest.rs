//! Digests of input files, which show whether a file is unchanged.

use std::{
    io::{self, Read as _},
    time::SystemTime,
};

use sha2::{Digest as _, Sha256};

use super::input::Input;
use crate::{
    error::{Error, Result},
    fs::{self, File, Metadata},
    text::hex,
};

/// Number of bytes read at once.
const CHUNK: usize = 256 << 10;

/// Length and digest of the bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileDigest {
    /// SHA-256 of the file as stored (compressed or not), in hexadecimal.
    pub(crate) sha256: String,
    /// Length of the file in bytes.
    pub(crate) bytes: u64,
    modified: Option<SystemTime>,
}

impl Input {
    /// Returns the digest of a regular file, or `None` for anything else, whose bytes can be read only once.
    ///
    /// # Errors
    /// Fails if the file cannot be read.
    pub(crate) fn digest(&self) -> Result<Option<FileDigest>> {
        let Some(path) = self.path() else { return Ok(None) };
        let is_file = || fs::metadata(path).is_ok_and(|meta| meta.is_file());
        if !is_file() {
            return Ok(None);
        }
        let digest = || -> io::Result<FileDigest> {
            let mut file = File::open(path)?;
            let meta = file.metadata()?;
            let mut hash = Sha256::new();
            let mut chunk = vec![0; CHUNK];
            let mut bytes = 0_u64;
            loop {
                match file.read(&mut chunk) {
                    Ok(0) => break,
                    Ok(len) => {
                        hash.update(chunk.get(..len).unwrap_or_default());
                        bytes = bytes.saturating_add(u64::try_from(len).unwrap_or(0));
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            let sha256 = hex(&hash.finalize());
            Ok(FileDigest { sha256, bytes, modified: meta.modified().ok() })
        };
        digest().map(Some).map_err(|error| Error::from(error).with_input(self.name.clone()))
    }

    /// Returns true if the file's length and modification time are those it had when its digest was taken.
    #[must_use]
    pub(crate) fn is_still(&self, digest: &FileDigest) -> bool {
        let Some(path) = self.path() else { return false };
        let same =
            |meta: Metadata| meta.len() == digest.bytes && meta.modified().ok() == digest.modified;
        fs::metadata(path).is_ok_and(same)
    }
}
