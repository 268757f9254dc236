//! Members of an archive without a list: what stands before each is enough to read it.

use std::{
    io::{self, BufRead, Read},
    sync::{Arc, atomic::AtomicU64},
};

use super::{
    Part,
    header::{LOCAL, Packed},
};
use crate::{
    error::Result,
    source::{
        archive::{Walk, broken, member_name},
        capped::{Capped, decompress},
        members::{Extent, Members},
    },
};

impl Walk<'_, '_> {
    /// Shows the members of an archive whose list is missing, as far as their own headers lead from one to the next;
    /// then an error, as there may have been more.
    ///
    /// # Errors
    /// Those of the visitor.
    pub(super) fn salvage(
        &mut self,
        name: &str,
        mut bytes: impl BufRead,
        depth: usize,
    ) -> Result<()> {
        loop {
            let mut magic = [0; LOCAL.len()];
            if bytes.read_exact(&mut magic).is_err() || magic != LOCAL {
                let message = "its list of members is missing, as if it had been cut off; what the headers of members lead to was read";
                return self.refuse(name, broken(decompress(message.into())));
            }
            let packed = match Packed::read_local(&mut bytes) {
                Ok(packed) => packed,
                Err(error) => return self.refuse(name, broken(error)),
            };
            if !packed.is_folder() && !self.count_member(name)? {
                return Ok(());
            }
            let goes_on = match packed.len {
                Some(len) => self.salvage_of_len(name, (&packed, len), &mut bytes, depth)?,
                None => self.salvage_to_end(name, &packed, &mut bytes, depth)?,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Shows a member of this length; false if what follows it cannot be found.
    fn salvage_of_len(
        &mut self,
        name: &str,
        (packed, len): (&Packed, u64),
        bytes: &mut impl BufRead,
        depth: usize,
    ) -> Result<bool> {
        let mut member = bytes.take(len);
        if !packed.is_folder() && self.pick.takes(&packed.path) {
            let part = Part { of: packed, len: Some(len) };
            self.packed(name, (&part, &mut member), depth)?;
        }
        match io::copy(&mut member, &mut io::sink()) {
            Ok(_) => Ok(true),
            Err(error) => self.refuse(name, broken(error)).map(|()| false),
        }
    }

    /// Shows a member whose length follows it: only its compression tells where it ends.
    fn salvage_to_end(
        &mut self,
        name: &str,
        packed: &Packed,
        bytes: &mut impl BufRead,
        depth: usize,
    ) -> Result<bool> {
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
                return self.refuse(&name, broken(error)).map(|()| false);
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
            Ok(()) => Ok(true),
            Err(error) => self.refuse(name, broken(error)).map(|()| false),
        }
    }
}
