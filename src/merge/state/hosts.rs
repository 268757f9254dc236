//! Records of hosts that a saved state holds.

use std::collections::BTreeSet;

use super::super::{
    context::MergeContext,
    policy::Precedence,
    record::{Content, HOST, HostRecord, SAVED},
    retention::{Keeper, PATTERNS},
    saved_host::SavedHost,
    store::put_record,
    summary::Summary,
};
use crate::{
    codec::{RecordWriter, put_length},
    error::{Error, Result},
    model::{Identity, ScanIndex},
};

/// Form in which the records of a host are saved.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum SavedForm {
    /// Nothing, as no state is saved.
    Nothing,
    /// All records, unchanged.
    Whole,
    /// A [`SavedHost`] with the parts that can still matter.
    Reduced,
    /// One [`SavedHost`] per IP address, because a later scan may show that these are different hosts.
    ByAddress,
}

impl SavedForm {
    pub(in super::super) fn keeper<'a>(&self) -> Keeper<'a> {
        match self {
            Self::Reduced => Keeper::new(PATTERNS),
            Self::Nothing | Self::Whole | Self::ByAddress => Keeper::off(),
        }
    }
}

impl MergeContext {
    /// Decides in which form the records of a host are saved.
    pub(in super::super) fn saved_form(&self, same: &[HostRecord<'_>]) -> SavedForm {
        if !self.keeps {
            return SavedForm::Nothing;
        }
        let is_saved = matches!(same, [HostRecord { record: Content::Saved(_), .. }]);
        if is_saved || self.policy.explain {
            return SavedForm::Whole;
        }
        let first = same.first();
        let is_one = |first: &HostRecord<'_>| {
            // A host whose key also contains its address has a key that differs from `own_key`.
            let by_mac = self.policy.identity == Identity::Mac && first.own_key.starts_with("mac:");
            !by_mac || *first.key != *first.own_key || {
                let ip = first.ip();
                same.iter().all(|found| found.ip() == ip)
            }
        };
        if first.is_none_or(is_one) {
            return SavedForm::Reduced;
        }
        let mut addresses: BTreeSet<(ScanIndex, Option<String>)> = BTreeSet::new();
        let mut scans: BTreeSet<ScanIndex> = BTreeSet::new();
        for found in same.iter().filter(|found| matches!(found.record, Content::Host(_))) {
            if addresses.insert((found.scan, found.ip())) && !scans.insert(found.scan) {
                // One scan shows several addresses: their look could not be split later.
                return SavedForm::Whole;
            }
        }
        // The sums of one address would depend on looks at the other.
        let is_simple = self.policy.precedence != Precedence::Caller && !self.policy.keep_covered;
        if is_simple { SavedForm::ByAddress } else { SavedForm::Whole }
    }

    /// Appends the records that are saved of a host.
    pub(in super::super) fn keep<'b>(
        &self,
        same: &[HostRecord<'b>],
        (saved_form, keeper): (SavedForm, Keeper<'b>),
        out: &mut Vec<u8>,
    ) -> Result<()> {
        match saved_form {
            SavedForm::Nothing => {}
            SavedForm::Whole => self.keep_whole(same, out),
            SavedForm::Reduced => self.keep_reduced(same, keeper, out),
            SavedForm::ByAddress => {
                let addresses: BTreeSet<Option<String>> = same.iter().map(HostRecord::ip).collect();
                for address in addresses {
                    let of_address: Vec<HostRecord<'b>> =
                        same.iter().filter(|found| found.ip() == address).cloned().collect();
                    if let [HostRecord { record: Content::Saved(_), .. }] = &*of_address {
                        self.keep_whole(&of_address, out);
                        continue;
                    }
                    let mut keeper = Keeper::new(usize::MAX);
                    self.merged_with(&of_address, &mut Summary::default(), &mut keeper)?;
                    self.keep_reduced(&of_address, keeper, out);
                }
            }
        }
        Ok(())
    }

    fn keep_whole(&self, same: &[HostRecord<'_>], out: &mut Vec<u8>) {
        for found in same {
            let (kind, record) = match found.record {
                Content::Host(record) => (HOST, record),
                Content::Saved(record) => (SAVED, record),
            };
            self.put(found, (kind, record), out);
        }
    }

    fn keep_reduced<'b>(&self, same: &[HostRecord<'b>], keeper: Keeper<'b>, out: &mut Vec<u8>) {
        let Some(first) = same.first() else { return };
        let mut saved_host: SavedHost<'b> = keeper.finish(self.rules());
        if self.policy.identity == Identity::Mac {
            saved_host.ip = first.ip().map(Into::into);
        }
        let mut record = Vec::new();
        RecordWriter::default().write(&saved_host, &mut record);
        self.put(first, (SAVED, &record), out);
    }

    fn put(&self, found: &HostRecord<'_>, (kind, record): (u8, &[u8]), out: &mut Vec<u8>) {
        let arrival = self.rules().arrival(found.scan);
        let index = found.order & u64::from(u32::MAX);
        let mut head = Vec::with_capacity(64);
        put_length(usize::try_from(arrival).unwrap_or(usize::MAX), &mut head);
        put_length(usize::try_from(index).unwrap_or(usize::MAX), &mut head);
        put_record(found.own_key.as_bytes(), &mut head);
        head.push(kind);
        put_length(head.len().saturating_add(record.len()), out);
        out.extend_from_slice(&head);
        out.extend_from_slice(record);
    }

    /// Returns the error for a look that cannot be placed among those of the saved state.
    pub(in super::super) fn out_of_order(&self, key: &str) -> Error {
        let name = self.saved.as_ref().map_or("the state", |saved| &saved.name);
        let message = format!(
            "{name}: a new scan is older than the records of host {key} in the state, which \
             does not hold enough to decide the result: merge all inputs again, into another state"
        );
        Error::state_mismatch(name, message)
    }
}
