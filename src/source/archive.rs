//! What is inside compressed files and archives, in one another to any allowed depth. Nothing is written to disk, so no path in an archive matters.

use std::{
    io::{self, BufReader, Cursor, Read, Seek, SeekFrom},
    sync::{Arc, atomic::AtomicU64},
};

use zip::ZipArchive;

use super::{
    Bytes, Member, Visit,
    capped::{Capped, Counted, decompress},
    display_bytes,
    magic::{self, Kind},
    members::Members,
    pick::Pick,
};
use crate::{
    error::{Error, ErrorKind, Result},
    limits::Limits,
};

/// Bytes read from a compressed file at once.
const CHUNK: usize = 64 << 10;
/// Bytes of what stands before a member of a tar archive, such as its long name.
const TAR_HEADER: u64 = 64 << 10;

/// Goes down to what is no container, and shows it.
pub(super) struct Walk<'w, 'v> {
    pub(super) limits: &'w Limits,
    pub(super) pick: &'w Pick,
    pub(super) visit: &'w mut Visit<'v>,
}

impl Walk<'_, '_> {
    /// Shows the member, or what is in it if it is a container; what cannot be read is shown as an error.
    ///
    /// # Errors
    /// Those of the visitor.
    pub(super) fn go(&mut self, member: Member<'_>, depth: usize) -> Result<()> {
        let Member { name, named, live, bytes, len } = member;
        match magic::peek(bytes.into_read()) {
            Ok((kind, bytes)) => {
                let bytes = Bytes::of(bytes);
                self.go_as(kind, Member { name, named, live, bytes, len }, depth)
            }
            Err(error) => self.refuse(&name, error.into()),
        }
    }

    /// The same of a member of this kind.
    ///
    /// # Errors
    /// Those of the visitor.
    pub(super) fn go_as(&mut self, kind: Kind, member: Member<'_>, depth: usize) -> Result<()> {
        let Member { name, named, live, bytes, len } = member;
        if let Kind::Foreign(what) = kind {
            let message = format!("{what} is not read: unpack it first");
            return self.refuse(&name, Error::new(ErrorKind::Decompress(message)));
        }
        if kind != Kind::Plain && depth >= self.limits.nesting {
            let most = self.limits.nesting;
            let message = format!("more than {most} containers in one another");
            return self.refuse(&name, Error::new(ErrorKind::Decompress(message)));
        }
        let depth = depth.saturating_add(1);
        match kind {
            Kind::Plain => (self.visit)(Ok(Member { name, named, live, bytes, len })),
            Kind::Tar => self.tar(&name, bytes, depth),
            Kind::Zip => self.zip_held(&name, bytes, depth),
            _ => {
                let bytes = Bytes::of(unpack(kind, (bytes, len), self.limits));
                self.go(Member { name, named, live, bytes, len: None }, depth)
            }
        }
    }

    fn refuse(&mut self, name: &str, error: Error) -> Result<()> {
        (self.visit)(Err(error.in_input(name)))
    }

    /// A member of an archive, if it is picked.
    fn member<'m>(
        &mut self,
        (archive, path): (&str, &[u8]),
        bytes: impl Read + 'm,
        depth: usize,
    ) -> Result<()> {
        if !self.pick.takes(path) {
            return Ok(());
        }
        let name = member_name(archive, path);
        let bytes = Bytes::of(bytes);
        self.go(Member { name, named: false, live: false, bytes, len: None }, depth)
    }

    fn too_many(&mut self, archive: &str) -> Result<()> {
        let most = self.limits.members;
        let message = format!("more than {most} members; the others are left out");
        self.refuse(archive, Error::new(ErrorKind::Decompress(message)))
    }

    /// Headers are read raw: the names and sizes that precede a member are then under a cap of ours.
    fn tar(&mut self, name: &str, bytes: impl Read, depth: usize) -> Result<()> {
        let mut archive = tar::Archive::new(bytes);
        let entries = match archive.entries() {
            Ok(entries) => entries.raw(true),
            Err(error) => return self.refuse(name, broken(error)),
        };
        let mut path: Option<Vec<u8>> = None;
        let mut members = 0_u64;
        for entry in entries {
            let mut entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.refuse(name, broken(error)),
            };
            let kind = entry.header().entry_type();
            if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
                let before = match read_capped(&mut entry, TAR_HEADER) {
                    Ok(before) => before,
                    Err(error) => return self.refuse(name, broken(error)),
                };
                if kind.is_gnu_longname() {
                    path =
                        Some(before.split(|byte| *byte == 0).next().unwrap_or_default().to_vec());
                } else if let Some(found) = pax(&before, b"path") {
                    path = Some(found.to_vec());
                }
                if kind.is_pax_local_extensions() && pax(&before, b"size").is_some() {
                    let error = io::Error::other("a member of 8 GiB or more");
                    return self.refuse(name, broken(error));
                }
                continue;
            }
            if kind.is_pax_global_extensions() || kind.is_gnu_longlink() {
                continue;
            }
            let path = path.take().unwrap_or_else(|| entry.header().path_bytes().into_owned());
            if kind.is_gnu_sparse() {
                let error = Error::new(ErrorKind::Decompress("a sparse member".into()));
                self.refuse(&member_name(name, &path), error)?;
            } else if kind.is_file() || kind.is_contiguous() {
                members = members.saturating_add(1);
                if members > self.limits.members {
                    return self.too_many(name);
                }
                self.member((name, &path), entry, depth)?;
            }
        }
        Ok(())
    }

    /// A zip archive that cannot be sought in: its list of members is at its end.
    fn zip_held(&mut self, name: &str, bytes: impl Read, depth: usize) -> Result<()> {
        let cap = self.limits.zip;
        let most = u64::try_from(cap).unwrap_or(u64::MAX);
        match read_capped(bytes, most) {
            Ok(held) => self.zip(name, Cursor::new(held), depth),
            Err(error) => self.refuse(name, broken(error)),
        }
    }

    /// Members of a zip archive, in the order of its list.
    pub(super) fn zip(
        &mut self,
        name: &str,
        mut file: impl Read + Seek,
        depth: usize,
    ) -> Result<()> {
        let opened = file.seek(SeekFrom::End(0)).map_err(zip::result::ZipError::from);
        let opened = opened.and_then(|len| Ok((len, ZipArchive::new(file)?)));
        let (len, mut archive) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.refuse(name, broken(error)),
        };
        for index in 0..archive.len() {
            if u64::try_from(index).unwrap_or(u64::MAX) >= self.limits.members {
                return self.too_many(name);
            }
            let path = match archive.by_index_data(index) {
                Ok(entry) => entry.name_raw().to_vec(),
                Err(error) => {
                    self.refuse(name, broken(error))?;
                    continue;
                }
            };
            match archive.by_index(index) {
                Ok(member) if !member.is_file() => {}
                Ok(member) => {
                    let compressed = Arc::new(AtomicU64::new(member.compressed_size().min(len)));
                    let bytes = Capped::new(member, compressed, self.limits);
                    self.member((name, &path), bytes, depth)?;
                }
                Err(error) if self.pick.takes(&path) => {
                    self.refuse(&member_name(name, &path), broken(error))?;
                }
                Err(_) => {}
            }
        }
        Ok(())
    }
}

/// What comes out of a compressed file. It is held against the length of that if it is known, else against what was
/// read of it.
pub(super) fn unpack<R: Read>(
    kind: Kind,
    (bytes, len): (R, Option<u64>),
    limits: &Limits,
) -> Unpacked<R> {
    let (counted, count) = Counted::new(bytes);
    let bytes = BufReader::with_capacity(CHUNK, counted);
    let packed = len.map_or(count, |len| Arc::new(AtomicU64::new(len)));
    Capped::new(Members::new(kind, bytes), packed, limits)
}

/// See [`unpack`].
pub(super) type Unpacked<R> = Capped<Members<BufReader<Counted<R>>>>;

/// All bytes, if they are no more than `cap`.
fn read_capped(bytes: impl Read, cap: u64) -> io::Result<Vec<u8>> {
    let mut held = Vec::new();
    let len = io::copy(&mut bytes.take(cap.saturating_add(1)), &mut held)?;
    if len > cap {
        return Err(decompress(format!("more than {cap} bytes would have to be held")));
    }
    Ok(held)
}

/// A value of a pax header, whose records are `LENGTH KEY=VALUE` and a line end.
fn pax<'h>(mut records: &'h [u8], key: &[u8]) -> Option<&'h [u8]> {
    let mut found = None;
    while let Some(space) = records.iter().position(|byte| *byte == b' ') {
        let digits = std::str::from_utf8(records.get(..space)?).ok()?;
        let len: usize = digits.parse().ok()?;
        let record = records.get(space.saturating_add(1)..len.checked_sub(1)?)?;
        let (name, value) = record.split_at(record.iter().position(|byte| *byte == b'=')?);
        if name == key {
            found = value.get(1..);
        }
        records = records.get(len..)?;
    }
    found
}

/// The name of a member, such as `scans.tar!2024/a.xml.gz`.
fn member_name(archive: &str, path: &[u8]) -> String {
    format!("{archive}!{}", display_bytes(path))
}

/// An error of a container's structure; one of reading it stays what it is.
fn broken(error: impl Into<Broken>) -> Error {
    match error.into() {
        Broken::Reading(error) => error,
        Broken::Structure(message) => Error::new(ErrorKind::Decompress(message)),
    }
}

enum Broken {
    Reading(Error),
    Structure(String),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Error>() {
            Ok(ours) => Self::Reading(ours),
            Err(error) => Self::Structure(error.to_string()),
        }
    }
}

impl From<zip::result::ZipError> for Broken {
    fn from(error: zip::result::ZipError) -> Self {
        match error {
            zip::result::ZipError::Io(error) => error.into(),
            other => Self::Structure(other.to_string()),
        }
    }
}
