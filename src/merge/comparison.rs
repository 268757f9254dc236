//! Compares two states host by host.
//!
//! [`Partition::compare`] pairs hosts with equal keys, partition by partition. A host with a MAC address that only
//! one side has may have moved, so it first goes to [`MovedHosts`], which pairs hosts by MAC address after all
//! partitions are done.

use std::collections::BTreeSet;

use super::{
    moved_hosts::{MovedHosts, Side},
    pair::{EachPair, HostPair},
    partition::Partition,
    record::HostRecord,
    result::Merged,
    shared_macs::separate_by_address,
};
use crate::error::Result;

impl Merged {
    /// Merges all hosts of two states, and calls `each` with every pair of equal hosts, in any order.
    ///
    /// # Errors
    /// Returns the first error of `each`, a usage error if one of the merges continues a saved state, or an error if a
    /// temporary file cannot be read or written.
    pub(crate) fn compare(&mut self, newer: &mut Self, each: EachPair<'_>) -> Result<()> {
        self.context.require_looks("a comparison")?;
        newer.context.require_looks("a comparison")?;
        let mut moved = MovedHosts::new((&self.context, &newer.context));
        for (old, new) in self.take_partitions().into_iter().zip(newer.take_partitions()) {
            old.compare(new, &mut moved, each)?;
        }
        moved.compare(each)
    }
}

impl Partition {
    /// Compares the hosts of this partition with those of another state; hosts that may have moved go to `moved`.
    fn compare(self, newer: Self, moved: &mut MovedHosts, each: EachPair<'_>) -> Result<()> {
        let (old_bytes, new_bytes) =
            (self.store.load(&self.context.folder)?, newer.store.load(&newer.context.folder)?);
        let (mut old, mut new) =
            (self.context.found(&old_bytes, &[])?, newer.context.found(&new_bytes, &[])?);
        // Both sides must use the same keys, so a MAC address shared on one side is shared on both.
        let mut macs: BTreeSet<String> = self.context.shared_macs(&old, None);
        macs.extend(newer.context.shared_macs(&new, None));
        separate_by_address(&mut old, &macs, None);
        separate_by_address(&mut new, &macs, None);
        let both = (&*self.context, &*newer.context);
        let mut old = old.chunk_by(HostRecord::is_same).peekable();
        let mut new = new.chunk_by(HostRecord::is_same).peekable();
        loop {
            // Both sides are sorted by this key.
            let (take_old, take_new) = match (group_of(old.peek()), group_of(new.peek())) {
                (None, None) => return Ok(()),
                (Some(_), None) => (true, false),
                (None, Some(_)) => (false, true),
                (Some(old), Some(new)) => (old <= new, new <= old),
            };
            let old_group = if take_old { old.next() } else { None };
            let new_group = if take_new { new.next() } else { None };
            let pair = HostPair::of(both, (old_group, new_group))?;
            let taken = match (&pair.old, &pair.new) {
                (Some(state), None) => moved.take(Side::Old, state, old_group)?,
                (None, Some(state)) => moved.take(Side::New, state, new_group)?,
                _ => false,
            };
            if !taken {
                each(pair)?;
            }
        }
    }
}

/// Returns the key of the next group of records.
fn group_of<'f>(next: Option<&&'f [HostRecord<'_>]>) -> Option<(&'f str, Option<&'f str>)> {
    next.and_then(|same| same.first()).map(HostRecord::group)
}
