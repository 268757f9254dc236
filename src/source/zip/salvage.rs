//! Reads members of an archive without a directory: their local headers are enough.

use std::{
    io::{self, BufRead, Read},
    sync::{Arc, atomic::AtomicU64},
};

use super::{
    contents::Part,
    directory::{is_end, skip_record},
    header::{LOCAL, PackedMember},
    lookahead::Lookahead,
    stored::{StoredReader, find_member},
};
use crate::{
    error::Result,
    source::{
        archive::{Walk, broken, member_name},
        multi_member::{Extent, MultiMemberReader},
        output_cap::{CappedReader, decompress},
    },
};

/// Record after a member.
enum Next {
    /// It begins at the current position.
    Here,
    /// It cannot be found.
    Unknown,
}

/// Missing parts of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// The directory: the archive was truncated, and may have had more members.
    List,
    /// The directories of archives before or after this one, unless they follow their members.
    Other,
    /// Some entries of the directory.
    Part,
}

impl Walk<'_, '_> {
    /// Visits the members that no directory lists, as long as their local headers lead from one to the next;
    /// directories in between are skipped. After damage, reading continues at the next header. Returns false if the
    /// limit on members is exceeded.
    ///
    /// # Errors
    /// Returns the errors of the visitor.
    pub(super) fn salvage(
        &mut self,
        name: &str,
        bytes: &mut impl BufRead,
        (missing, depth): (Missing, usize),
    ) -> Result<bool> {
        let bytes = &mut Lookahead::new(bytes);
        // An archive without a directory is reported in any case, but a range between members only if it has damage.
        let mut is_incomplete = missing == Missing::List;
        // True after a member of another archive, until the end of that archive.
        let mut is_open = false;
        // Each turn reads a record or the header of a member; the search for a header consumes what it passes.
        loop {
            let found = match bytes.peek(LOCAL.len()).map(|here| here.first_chunk().copied()) {
                Ok(Some(LOCAL)) => Ok(true),
                Ok(Some(magic)) => match skip_record(magic, bytes) {
                    Ok(true) => {
                        is_open &= !is_end(magic);
                        continue;
                    }
                    Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
                    Ok(false) | Err(_) => {
                        is_incomplete = true;
                        find_member(bytes)
                    }
                },
                Ok(None) => Ok(false),
                Err(error) => Err(error),
            };
            let packed = match found {
                Ok(true) => PackedMember::read_local(bytes),
                Ok(false) if is_incomplete || is_open => {
                    return self.salvaged(name, missing).map(|()| true);
                }
                Ok(false) => return Ok(true),
                Err(error) => Err(error),
            };
            let packed = match packed {
                Ok(packed) => packed,
                Err(error) => return self.refuse(name, broken(error)).map(|()| true),
            };
            if !packed.is_folder() && !self.count_member(name)? {
                return Ok(false);
            }
            is_open = missing == Missing::Other;
            let next = match packed.len {
                Some(len) => self.salvage_of_len(name, (&packed, len), bytes, depth)?,
                None => self.salvage_to_end(name, &packed, bytes, depth)?,
            };
            match next {
                Next::Here => {}
                Next::Unknown => match find_member(bytes) {
                    Ok(true) => {}
                    // The damage was reported.
                    Ok(false) => return Ok(true),
                    Err(error) => return self.refuse(name, broken(error)).map(|()| true),
                },
            }
        }
    }

    /// Reports that the following members are not listed in a directory.
    fn salvaged(&mut self, name: &str, missing: Missing) -> Result<()> {
        let message = match missing {
            Missing::List | Missing::Other => {
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
        (packed, len): (&PackedMember, u64),
        bytes: &mut impl BufRead,
        depth: usize,
    ) -> Result<Next> {
        let mut member = bytes.take(len);
        if !packed.is_folder() && self.filter.matches(&packed.path) {
            let part = Part { of: packed, len: Some(len) };
            self.packed(name, (&part, &mut member), depth)?;
        }
        match io::copy(&mut member, &mut io::sink()) {
            Ok(_) => Ok(Next::Here),
            Err(error) => self.refuse(name, broken(error)).map(|()| Next::Unknown),
        }
    }

    /// Visits a member whose length follows it: its compressed stream shows where it ends, or the length itself.
    fn salvage_to_end(
        &mut self,
        name: &str,
        packed: &PackedMember,
        bytes: &mut Lookahead<'_, impl BufRead>,
        depth: usize,
    ) -> Result<Next> {
        let result = match packed.kind() {
            Ok(None) => {
                let mut stored = StoredReader::new(bytes);
                self.salvage_contents(name, packed, &mut stored, depth)?;
                let rest = io::copy(&mut stored, &mut io::sink()).map(|_| ());
                stored.skip_descriptor();
                rest
            }
            Ok(Some(kind)) => {
                let budget = self.budget.clone();
                let mut members = MultiMemberReader::new(kind, &mut *bytes, (Extent::One, &budget));
                self.salvage_contents(name, packed, &mut members, depth)?;
                // The limit on the size of a member does not apply to what is only skipped.
                let limits = self.limits.clone().with_max_decompressed_bytes(u64::MAX);
                let mut rest = CappedReader::new(members, unknown_len(), (&limits, &budget));
                let rest = io::copy(&mut rest, &mut io::sink());
                rest.and_then(|_| packed.skip_descriptor(bytes))
            }
            Err(error) => {
                let name = member_name(name, &packed.path);
                return self.refuse(&name, broken(error)).map(|()| Next::Unknown);
            }
        };
        match result {
            Ok(()) => Ok(Next::Here),
            Err(error) => self.refuse(name, broken(error)).map(|()| Next::Unknown),
        }
    }

    /// Visits the contents of a member of unknown length.
    fn salvage_contents(
        &mut self,
        name: &str,
        packed: &PackedMember,
        contents: impl Read,
        depth: usize,
    ) -> Result<()> {
        if packed.is_folder() || !self.filter.matches(&packed.path) {
            return Ok(());
        }
        let contents = CappedReader::new(contents, unknown_len(), (self.limits, &self.budget));
        self.member((name, &packed.path), contents, depth)
    }
}

/// Returns the compressed length of a member that only its end shows.
fn unknown_len() -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(u64::MAX))
}
