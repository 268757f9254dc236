//! Members of an archive without a list: what stands before each is enough to read it.

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

/// What follows a member.
enum Next {
    /// What comes next.
    Here,
    /// The same, and its first bytes were read.
    Behind([u8; 4]),
    /// It cannot be found.
    Unknown,
}

/// What an archive lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Its list: it was cut, and there may have been more members.
    List,
    /// Some entries of it.
    Part,
}

impl Walk<'_, '_> {
    /// Shows the members that no list names, as far as their own headers lead from one to the next; lists in between are
    /// skipped. False if there were too many.
    ///
    /// # Errors
    /// Those of the visitor.
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

    /// Tells that what follows is none of an archive's.
    fn salvaged(&mut self, name: &str, missing: Missing) -> Result<()> {
        let message = match missing {
            Missing::List => {
                "its list of members is missing, as if it had been cut off; what the headers of members lead to was read"
            }
            Missing::Part => {
                "its list of members is not complete; what the headers of the others lead to was read"
            }
        };
        self.refuse(name, broken(decompress(message.into())))
    }

    /// Shows a member of this length.
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

    /// Shows a member whose length follows it: only its compression tells where it ends.
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
