//! Partitions of the hosts of a merge, which are merged independently of each other.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    context::MergeContext,
    devices::OutOfOrder,
    explain::Explain,
    group::CombinedHost,
    host_look::HostLook,
    host_merge,
    record::{Content, HostRecord},
    retention::Keeper,
    runs::Run,
    saved_host::SavedHost,
    shared_macs::separate_by_address,
    store::Store,
    summary::Summary,
};
use crate::{
    codec::{self, RecordWriter},
    error::Result,
    model::MergedHost,
};

/// Hosts of one partition, which can be merged independently of the others.
#[derive(Debug)]
pub struct Partition {
    pub(super) context: Arc<MergeContext>,
    pub(super) store: Store,
    pub(super) saved: Store,
}

/// Merged hosts of one partition, in the order in which they were first seen.
#[derive(Debug)]
pub struct MergedPartition {
    pub(super) run: Run,
    pub(super) summary: Summary,
    pub(super) kept: Store,
    pub(super) macs: BTreeSet<String>,
}

impl MergedPartition {
    pub(super) fn new(run: Run, summary: Summary) -> Self {
        Self { run, summary, kept: Store::default(), macs: BTreeSet::new() }
    }
}

impl Partition {
    /// Merges the hosts of this partition.
    ///
    /// # Errors
    /// Returns an error if the saved state is damaged, or if a temporary file cannot be read or written.
    pub fn merge(self) -> Result<MergedPartition> {
        let Self { context, store, saved } = self;
        let (bytes, saved) = (store.load(&context.folder)?, saved.load(&context.folder)?);
        let (mut out, mut places) = (Vec::new(), Vec::new());
        let mut writer = RecordWriter::default();
        let mut summary = Summary::default();
        let mut kept = Store::default();
        let mut found = context.found(&bytes, &saved)?;
        let macs = context.shared_macs(&found, Some(&mut summary));
        let known = context.saved.as_ref().map(|saved| &saved.macs);
        separate_by_address(&mut found, &macs, known);
        for same in found.chunk_by(HostRecord::is_same) {
            let saved_form = context.saved_form(same);
            let mut keeper = saved_form.keeper();
            if let Some((order, merged)) = context.merged_with(same, &mut summary, &mut keeper)? {
                let start = out.len();
                writer.write(&merged, &mut out);
                places.push((order, start, out.len()));
            }
            context.keep(same, (saved_form, keeper), kept.buffer())?;
        }
        drop(found);
        drop((bytes, saved));
        if context.spilled {
            kept.spill(&context.folder)?;
        }
        places.sort_unstable();
        let sorted = places.iter().map(|(order, start, end)| {
            let record = out.get(*start..*end);
            debug_assert!(record.is_some(), "places are those of records");
            (*order, record.unwrap_or_default())
        });
        let run = Run::new(sorted, context.spilled, &context.folder)?;
        Ok(MergedPartition { run, summary, kept, macs })
    }
}

impl MergeContext {
    /// Returns the looks of these records that count, best first.
    ///
    /// # Errors
    /// Returns an error if a record cannot be decoded.
    pub(super) fn looks<'b>(&'b self, same: &[HostRecord<'b>]) -> Result<Vec<HostLook<'b>>> {
        Ok(host_merge::ranked_looks(self.entries(same)?, self.rules()))
    }

    /// Merges the records of one host. Returns the host with the order of its first record, or `None` if the host is
    /// left out.
    ///
    /// # Errors
    /// Returns an error if a record cannot be decoded.
    pub(super) fn merged<'b>(
        &self,
        same: &[HostRecord<'b>],
        summary: &mut Summary,
    ) -> Result<Option<(u64, MergedHost<'b>)>> {
        self.merged_with(same, summary, &mut Keeper::off())
    }

    /// Merges the records of one host. Returns the host with the order of its first record, or `None` if the host is
    /// left out.
    ///
    /// # Errors
    /// Returns an error if the saved state holds too little to place a look, or is damaged.
    pub(super) fn merged_with<'b>(
        &self,
        same: &[HostRecord<'b>],
        summary: &mut Summary,
        keeper: &mut Keeper<'b>,
    ) -> Result<Option<(u64, MergedHost<'b>)>> {
        let Some(first) = same.first() else { return Ok(None) };
        let mut explain = Explain::new(self.policy.explain);
        let saved_hosts = self.saved_hosts(same)?;
        let entries = self.entries(same)?;
        let merged = host_merge::merge(entries, saved_hosts, self.rules(), (&mut explain, keeper));
        let merged = merged.map_err(|OutOfOrder| self.out_of_order(&first.key))?;
        let Some(CombinedHost { host, provenance, outdated }) = merged else { return Ok(None) };
        let seen = provenance.seen.last.or(provenance.seen.looked);
        if self.oldest.is_some_and(|oldest| seen.is_some_and(|seen| seen < oldest)) {
            return Ok(None);
        }
        summary.outdated = summary.outdated.saturating_add(outdated);
        let merged = MergedHost {
            host_key: first.key.clone(),
            host_id: first.host_id().into(),
            host,
            provenance,
            conflicts: explain.into_conflicts(),
        };
        Ok(Some((first.order, merged)))
    }

    /// Returns what a saved state has of a host.
    fn saved_hosts<'b>(&self, same: &[HostRecord<'b>]) -> Result<Vec<SavedHost<'b>>> {
        let mut saved_hosts = Vec::new();
        for found in same {
            if let Content::Saved(record) = found.record {
                let saved_host = codec::decode::<SavedHost<'_>>(record)
                    .filter(|saved_host| saved_host.is_sound(self.rules()));
                saved_hosts.push(saved_host.ok_or_else(|| self.unreadable(true, "a host"))?);
            }
        }
        Ok(saved_hosts)
    }
}
