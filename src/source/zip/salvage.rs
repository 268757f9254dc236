//! Reads members of an archive without a directory: their local headers are enough.

use std::{
    io::{self, BufRead, Read},
    sync::{Arc, atomic::AtomicU64},
};

use super::{
    Part,
    directory::skip_record,
    header::{LOCAL, Packed, next_magic},
};
use crate::{
    error::Result,
    source::{
        archive::{Walk, broken, member_name},
        capped::{Capped, decompress},
        members::{Extent, Members},
    },
};

/// Record after a member.
enum Next {
    /// It begins at the current position.
    Here,
    /// Its first four bytes were already read.
    Behind([u8; 4]),
    /// It cannot be found.
    Unknown,
}

/// Missing parts of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// The directory: the archive was truncated, and may have had more members.
    List,
    /// Some entries of the directory.
    Part,
}

impl Walk<'_, '_> {
    /// Visits the members that no directory lists, as far as their local headers lead from one to the next; directories
    /// in between are skipped. Returns false if the limit on members is exceeded.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub(super) fn salvage(
        &mut self,
        name: &str,
        bytes: &mut impl BufRead,
        (missing, depth): (Missing, usize),
    ) -> Result<bool> {
        let mut known = None;
        loop {
            let magic = match known.take() {
                Some(magic) => Ok(Some(magic)),
                None => next_magic(bytes),
            };
            let is_list = match magic {
                Ok(Some(LOCAL)) => Ok(false),
                Ok(Some(magic)) => match skip_record(magic, bytes) {
                    Ok(true) => Ok(true),
                    Ok(false) => return self.salvaged(name, missing).map(|()| true),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                        return self.salvaged(name, missing).map(|()| true);
                    }
                    Err(error) => Err(error),
                },
                Ok(None) if missing == Missing::Part => return Ok(true),
                Ok(None) => return self.salvaged(name, missing).map(|()| true),
                Err(error) => Err(error),
            };
            match is_list {
                Ok(false) => {}
                Ok(true) => continue,
                Err(error) => return self.refuse(name, broken(error)).map(|()| true),
            }
            let packed = match Packed::read_local(bytes) {
                Ok(packed) => packed,
                Err(error) => return self.refuse(name, broken(error)).map(|()| true),
            };
            if !packed.is_folder() && !self.count_member(name)? {
                return Ok(false);
            }
            let next = match packed.len {
                Some(len) => self.salvage_of_len(name, (&packed, len), bytes, depth)?,
                None => self.salvage_to_end(name, &packed, bytes, depth)?,
            };
            match next {
                Next::Unknown => return Ok(true),
                Next::Here => {}
                Next::Behind(magic) => known = Some(magic),
            }
        }
    }

    /// Reports that the following members are not listed in a directory.
    fn salvaged(&mut self, name: &str, missing: Missing) -> Result<()> {
        let message = match missing {
            Missing::List => {
                "its list of members is missing, as if it had been cut off; the members found by their own headers were read"
            }
            Missing::Part => {
                "its list of members is not complete; the others were found by their own headers"
            }
        };
        self.refuse(name, broken(decompress(message.into())))
    }

    /// Visits a member of this length.
    fn salvage_of_len(
        &mut self,
        name: &str,
        (packed, len): (&Packed, u64),
        bytes: &mut impl BufRead,
        depth: usize,
    ) -> Result<Next> {
        let mut member = bytes.take(len);
        if !packed.is_folder() && self.pick.takes(&packed.path) {
            let part = Part { of: packed, len: Some(len) };
            self.packed(name, (&part, &mut member), depth)?;
        }
        match io::copy(&mut member, &mut io::sink()) {
            Ok(_) => Ok(Next::Here),
            Err(error) => self.refuse(name, broken(error)).map(|()| Next::Unknown),
        }
    }

    /// Visits a member whose length follows it: only its compressed stream shows where it ends.
    fn salvage_to_end(
        &mut self,
        name: &str,
        packed: &Packed,
        bytes: &mut impl BufRead,
        depth: usize,
    ) -> Result<Next> {
        let kind = match packed.kind() {
            Ok(Some(kind)) => Ok(kind),
            Ok(None) => {
                Err(decompress("the length of a member that is not compressed follows it".into()))
            }
            Err(error) => Err(error),
        };
        let kind = match kind {
            Ok(kind) => kind,
            Err(error) => {
                let name = member_name(name, &packed.path);
                return self.refuse(&name, broken(error)).map(|()| Next::Unknown);
            }
        };
        let members = Members::new(kind, &mut *bytes, (Extent::One, &self.budget));
        let unknown = Arc::new(AtomicU64::new(u64::MAX));
        let mut member = Capped::new(members, unknown, (self.limits, &self.budget));
        if self.pick.takes(&packed.path) {
            self.member((name, &packed.path), &mut member, depth)?;
        }
        let rest = io::copy(&mut member, &mut io::sink());
        drop(member);
        match rest.and_then(|_| packed.skip_descriptor(bytes)) {
            Ok(Some(magic)) => Ok(Next::Behind(magic)),
            Ok(None) => Ok(Next::Here),
            Err(error) => self.refuse(name, broken(error)).map(|()| Next::Unknown),
        }
    }
}
