//! What is inside compressed files and archives, in one another to any allowed depth. Nothing is written to disk, so no path in an archive matters.

use std::{
    io::{self, BufReader, Read},
    sync::{Arc, atomic::AtomicU64},
};

use super::{
    Bytes, Member, Visit,
    capped::{Budget, Capped, Counted, decompress},
    display_bytes,
    magic::{self, Kind},
    members::{Extent, Members},
    pick::Pick,
};
use crate::{
    error::{Error, ErrorKind, Result},
    limits::Limits,
};

/// Bytes read from a compressed file at once.
const CHUNK: usize = 64 << 10;

/// Goes down to what is no container, and shows it.
pub(super) struct Walk<'w, 'v> {
    pub(super) limits: &'w Limits,
    pub(super) pick: &'w Pick,
    pub(super) visit: &'w mut Visit<'v>,
    /// What all decompressors of the input may do.
    pub(super) budget: Budget,
    /// Members of archives so far, those of archives in archives included.
    members: u64,
}

impl<'w, 'v> Walk<'w, 'v> {
    /// A walk through an input of `packed` bytes.
    pub(super) fn new(
        (limits, pick): (&'w Limits, &'w Pick),
        packed: Arc<AtomicU64>,
        visit: &'w mut Visit<'v>,
    ) -> Self {
        Self { limits, pick, visit, budget: Budget::new(packed, limits), members: 0 }
    }

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
                let bytes = Bytes::of(unpack(kind, (bytes, len), (self.limits, &self.budget)));
                self.go(Member { name, named, live, bytes, len: None }, depth)
            }
        }
    }

    /// Shows an error in place of what cannot be read.
    ///
    /// # Errors
    /// Those of the visitor.
    pub(super) fn refuse(&mut self, name: &str, error: Error) -> Result<()> {
        (self.visit)(Err(error.in_input(name)))
    }

    /// A member of an archive, if it is picked.
    ///
    /// # Errors
    /// Those of the visitor.
    pub(super) fn member<'m>(
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

    /// Counts a member; false if there were too many before, which is shown.
    ///
    /// # Errors
    /// Those of the visitor.
    pub(super) fn count_member(&mut self, archive: &str) -> Result<bool> {
        let most = self.limits.members;
        self.members = self.members.saturating_add(1);
        if self.members <= most {
            return Ok(true);
        }
        let message = format!("more than {most} members; the others are left out");
        self.refuse(archive, Error::new(ErrorKind::Decompress(message)))?;
        Ok(false)
    }
}

/// What comes out of a compressed file. It is compared with the length of that if it is known, else with what was
/// read of it: should that seem too little, more is read first.
pub(super) fn unpack<R: Read>(
    kind: Kind,
    (bytes, len): (R, Option<u64>),
    (limits, budget): (&Limits, &Budget),
) -> Unpacked<R> {
    let (counted, count) = Counted::new(bytes);
    let bytes = BufReader::with_capacity(CHUNK, counted);
    let members = Members::new(kind, bytes, (Extent::All, budget));
    match len {
        Some(len) => Capped::new(members, Arc::new(AtomicU64::new(len)), (limits, budget)),
        None => Capped::new(members, count, (limits, budget)).looking_ahead(|members| {
            members.packed().map_or(0, |bytes| bytes.get_mut().look_ahead())
        }),
    }
}

/// See [`unpack`].
pub(super) type Unpacked<R> = Capped<Members<BufReader<Counted<R>>>>;

/// All bytes, if they are no more than `cap`.
pub(super) fn read_capped(bytes: impl Read, cap: u64) -> io::Result<Vec<u8>> {
    let mut held = Vec::new();
    let len = io::copy(&mut bytes.take(cap.saturating_add(1)), &mut held)?;
    if len > cap {
        return Err(decompress(format!("more than {cap} bytes would have to be held")));
    }
    Ok(held)
}

/// The name of a member, such as `scans.tar!2024/a.xml.gz`.
pub(super) fn member_name(archive: &str, path: &[u8]) -> String {
    format!("{archive}!{}", display_bytes(path))
}

/// An error of a container's structure; one of reading it stays what it is.
pub(super) fn broken(error: impl Into<Broken>) -> Error {
    match error.into() {
        Broken::Reading(error) => error,
        Broken::Structure(message) => Error::new(ErrorKind::Decompress(message)),
    }
}

pub(super) enum Broken {
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
