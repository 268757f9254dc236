//! Walks compressed files and archives, nested to any allowed depth. Nothing is written to disk, so paths in an archive
//! cannot do harm.

use std::{
    io::{self, BufReader, Read},
    sync::{Arc, atomic::AtomicU64},
};

use super::{
    magic::{self, FileKind},
    member::{Member, MemberData, Visit, display_bytes},
    multi_member::{Extent, MultiMemberReader},
    output_cap::{Budget, CappedReader, CountingReader, decompress},
    path_filter::PathFilter,
};
use crate::{
    error::{Error, ErrorKind, Result},
    limits::Limits,
};

/// Number of bytes read from a compressed file at once.
const CHUNK: usize = 64 << 10;

/// Descends into containers and passes each member that is not a container to the visitor.
pub(super) struct Walk<'w, 'v> {
    pub(super) limits: &'w Limits,
    pub(super) filter: &'w PathFilter,
    pub(super) visit: &'w mut Visit<'v>,
    /// Output and set-up budget shared by all decompressors of the input.
    pub(super) budget: Budget,
    /// Number of archive members so far, including members of nested archives.
    members: u64,
}

impl<'w, 'v> Walk<'w, 'v> {
    /// Creates a walk through an input of `packed` bytes.
    pub(super) fn new(
        (limits, filter): (&'w Limits, &'w PathFilter),
        packed: Arc<AtomicU64>,
        visit: &'w mut Visit<'v>,
    ) -> Self {
        Self { limits, filter, visit, budget: Budget::new(packed, limits), members: 0 }
    }

    /// Visits the member, or its contents if it is a container. An unreadable member is reported to the visitor as an
    /// error.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub(super) fn go(&mut self, member: Member<'_>, depth: usize) -> Result<()> {
        let Member { name, explicit, live, bytes, len } = member;
        match magic::peek(bytes.into_read()) {
            Ok((kind, bytes)) => {
                let bytes = MemberData::from_reader(bytes);
                self.go_as(kind, Member { name, explicit, live, bytes, len }, depth)
            }
            Err(error) => self.refuse(&name, error.into()),
        }
    }

    /// Visits a member whose kind is already known, as [`go`](Self::go) does.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub(super) fn go_as(&mut self, kind: FileKind, member: Member<'_>, depth: usize) -> Result<()> {
        let Member { name, explicit, live, bytes, len } = member;
        if let FileKind::Foreign(what) = kind {
            let message = format!("{what} is not supported: unpack it first");
            return self.refuse(&name, Error::new(ErrorKind::Decompress(message)));
        }
        let is_container = !matches!(kind, FileKind::Plain | FileKind::Program);
        if is_container && depth >= self.limits.max_archive_depth {
            let most = self.limits.max_archive_depth;
            let message = format!("more than {most} nested containers");
            return self.refuse(&name, Error::new(ErrorKind::Decompress(message)));
        }
        let may_hold_archive = depth < self.limits.max_archive_depth;
        let depth = depth.saturating_add(1);
        match kind {
            FileKind::Program if may_hold_archive => {
                self.zip_after_program(Member { name, explicit, live, bytes, len }, depth)
            }
            FileKind::Plain | FileKind::Program => {
                (self.visit)(Ok(Member { name, explicit, live, bytes, len }))
            }
            FileKind::Tar => self.tar(&name, bytes, depth),
            FileKind::Zip => self.zip_held(&name, bytes, depth),
            _ => {
                let bytes = MemberData::from_reader(unpack(
                    kind,
                    (bytes, len),
                    (self.limits, &self.budget),
                ));
                self.go(Member { name, explicit, live, bytes, len: None }, depth)
            }
        }
    }

    /// Passes an error to the visitor in place of a member that cannot be read.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub(super) fn refuse(&mut self, name: &str, error: Error) -> Result<()> {
        (self.visit)(Err(error.with_input(name)))
    }

    /// Visits a member of an archive if its path is picked.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub(super) fn member<'m>(
        &mut self,
        (archive, path): (&str, &[u8]),
        bytes: impl Read + 'm,
        depth: usize,
    ) -> Result<()> {
        if !self.filter.matches(path) {
            return Ok(());
        }
        let name = member_name(archive, path);
        let bytes = MemberData::from_reader(bytes);
        self.go(Member { name, explicit: false, live: false, bytes, len: None }, depth)
    }

    /// Counts a member. Returns false, after reporting it to the visitor, if the limit on members is exceeded.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub(super) fn count_member(&mut self, archive: &str) -> Result<bool> {
        let most = self.limits.max_archive_members;
        self.members = self.members.saturating_add(1);
        if self.members <= most {
            return Ok(true);
        }
        let message = format!("more than {most} members; the others are left out");
        self.refuse(archive, Error::new(ErrorKind::Decompress(message)))?;
        Ok(false)
    }
}

/// Decompresses one stream of `kind` under the caps of `limits` and `budget`. The output is compared with `len`, the
/// compressed length, if it is known, and with the bytes read so far otherwise: before such an input is refused, more
/// of it is read.
pub(super) fn unpack<R: Read>(
    kind: FileKind,
    (bytes, len): (R, Option<u64>),
    (limits, budget): (&Limits, &Budget),
) -> Decompressor<R> {
    let (counted, count) = CountingReader::new(bytes);
    let bytes = BufReader::with_capacity(CHUNK, counted);
    let members = MultiMemberReader::new(kind, bytes, (Extent::All, budget));
    match len {
        Some(len) => CappedReader::new(members, Arc::new(AtomicU64::new(len)), (limits, budget)),
        None => CappedReader::new(members, count, (limits, budget)).looking_ahead(|members| {
            members.packed().map_or(0, |bytes| bytes.get_mut().look_ahead())
        }),
    }
}

/// Type that [`unpack`] returns.
pub(super) type Decompressor<R> = CappedReader<MultiMemberReader<BufReader<CountingReader<R>>>>;

/// Reads all bytes. Fails if there are more than `cap`.
pub(super) fn read_capped(bytes: impl Read, cap: u64) -> io::Result<Vec<u8>> {
    let mut held = Vec::new();
    let len = io::copy(&mut bytes.take(cap.saturating_add(1)), &mut held)?;
    if len > cap {
        return Err(decompress(format!("more than {cap} bytes would have to be held in memory")));
    }
    Ok(held)
}

/// Returns the name of a member, such as `scans.tar!2024/a.xml.gz`.
pub(super) fn member_name(archive: &str, path: &[u8]) -> String {
    format!("{archive}!{}", display_bytes(path))
}

/// Converts an error of a container's structure; errors of reading it are kept as they are.
pub(super) fn broken(error: impl Into<ContainerError>) -> Error {
    match error.into() {
        ContainerError::Reading(error) => error,
        ContainerError::Structure(message) => Error::new(ErrorKind::Decompress(message)),
    }
}

pub(super) enum ContainerError {
    Reading(Error),
    Structure(String),
}

impl From<io::Error> for ContainerError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Error>() {
            Ok(ours) => Self::Reading(ours),
            Err(error) => Self::Structure(error.to_string()),
        }
    }
}
