//! Members of zip archives.
//!
//! What is read is the list at the end of an archive; if that is missing, as in a file that was cut, what stands before each
//! member (`salvage`).
//!
//! The package `zip` does not serve: it keeps members by their names, so that of two with one name the first cannot be
//! read; it needs the list; and it decompresses the streams of a member without telling how many they are
//! ([`Budget`](super::capped::Budget)).

mod directory;
mod header;
mod salvage;

use std::{
    io::{self, BufReader, Cursor, Read, Seek, SeekFrom},
    sync::{Arc, atomic::AtomicU64},
};

use flate2::Crc;

use self::{
    directory::Directory,
    header::{Packed, skip_local},
};
use super::{
    archive::{Walk, broken, member_name, read_capped},
    capped::{Capped, decompress},
    magic::Kind,
    members::{Extent, Members},
};
use crate::error::Result;

/// Bytes read at once.
const CHUNK: usize = 16 << 10;

impl Walk<'_, '_> {
    /// Shows the members of an archive that cannot be sought in: its list of members is at its end.
    ///
    /// # Errors
    /// Those of the visitor.
    pub(super) fn zip_held(&mut self, name: &str, bytes: impl Read, depth: usize) -> Result<()> {
        let most = u64::try_from(self.limits.zip).unwrap_or(u64::MAX);
        match read_capped(bytes, most) {
            Ok(held) => self.zip(name, Cursor::new(held), depth),
            Err(error) => self.refuse(name, broken(error)),
        }
    }

    /// Shows the members of an archive, in the order of its list.
    ///
    /// # Errors
    /// Those of the visitor.
    pub(super) fn zip(&mut self, name: &str, file: impl Read + Seek, depth: usize) -> Result<()> {
        let mut file = BufReader::with_capacity(CHUNK, file);
        match Directory::find(&mut file) {
            Ok(Some(directory)) => self.listed(name, (&mut file, directory), depth),
            Ok(None) => match file.seek(SeekFrom::Start(0)) {
                Ok(_) => self.salvage(name, file, depth),
                Err(error) => self.refuse(name, broken(error)),
            },
            Err(error) => self.refuse(name, broken(error)),
        }
    }

    /// Shows the members that a list names.
    fn listed<R: Read + Seek>(
        &mut self,
        name: &str,
        (file, mut directory): (&mut BufReader<R>, Directory),
        depth: usize,
    ) -> Result<()> {
        let archive_len = directory.archive_len;
        loop {
            let entry = match directory.next(file) {
                Ok(Some(entry)) => entry,
                Ok(None) => return Ok(()),
                Err(error) => return self.refuse(name, broken(error)),
            };
            if entry.packed.is_folder() {
                continue;
            }
            if !self.count_member(name)? {
                return Ok(());
            }
            if !self.pick.takes(&entry.packed.path) {
                continue;
            }
            match skip_local(file, entry.offset) {
                Ok(()) => {
                    let len = entry.packed.len.unwrap_or_default();
                    let mut bytes = file.by_ref().take(len);
                    let member = Part { of: &entry.packed, len: Some(len.min(archive_len)) };
                    self.packed(name, (&member, &mut bytes), depth)?;
                }
                Err(error) => {
                    self.refuse(&member_name(name, &entry.packed.path), broken(error))?;
                }
            }
        }
    }

    /// Shows what a member holds.
    fn packed(
        &mut self,
        name: &str,
        (part, bytes): (&Part<'_>, &mut dyn io::BufRead),
        depth: usize,
    ) -> Result<()> {
        let Part { of, len } = *part;
        let kind = match of.kind() {
            Ok(kind) => kind,
            Err(error) => return self.refuse(&member_name(name, &of.path), broken(error)),
        };
        let packed = Arc::new(AtomicU64::new(len.unwrap_or(u64::MAX)));
        let bytes: Box<dyn Read + '_> = match kind {
            Some(kind) => Box::new(Members::new(kind, bytes, (Extent::All, &self.budget))),
            None => Box::new(bytes),
        };
        let checked = Checked { inner: bytes, crc: Crc::new(), told: of.crc };
        let bytes = Capped::new(checked, packed, (self.limits, &self.budget));
        self.member((name, &of.path), bytes, depth)
    }
}

/// A member whose bytes come next.
struct Part<'p> {
    of: &'p Packed,
    /// Bytes that it takes in the archive, if they are known.
    len: Option<u64>,
}

/// The bytes of a member, whose checksum is compared with what was told.
struct Checked<R> {
    inner: R,
    crc: Crc,
    told: Option<u32>,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.crc.update(buffer.get(..len).unwrap_or_default());
        let is_other = |told: u32| told != self.crc.sum();
        if len == 0 && !buffer.is_empty() && self.told.take().is_some_and(is_other) {
            return Err(decompress("the checksum of the member is another".into()));
        }
        Ok(len)
    }
}

fn cut() -> io::Error {
    decompress("the archive is cut off".into())
}

fn damaged(what: &str) -> io::Error {
    decompress(format!("{what} of the archive is damaged"))
}

impl Packed {
    /// How the bytes are compressed; `None` if they are not.
    fn kind(&self) -> io::Result<Option<Kind>> {
        if self.is_encrypted {
            return Err(decompress("it is encrypted".into()));
        }
        Ok(Some(match self.method {
            0 => return Ok(None),
            8 => Kind::Deflate,
            12 => Kind::Bzip2,
            93 => Kind::Zstd,
            95 => Kind::Xz,
            other => {
                return Err(decompress(format!("compression method {other} is not read")));
            }
        }))
    }
}
