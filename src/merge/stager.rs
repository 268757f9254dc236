//! Converts hosts and events into the records that a merger collects.

use super::{
    copies::HostDigester,
    policy::MergePolicy,
    store::{PARTITIONS, put_record},
};
use crate::{
    codec::{RecordWriter, put_length, split_length},
    model::{Host, HostKey, Identity, ScanActivity},
};

/// Index of the list of events, after those of the partitions.
pub(super) const EVENTS: usize = PARTITIONS;

/// Converts hosts into the records that a [`Merger`](super::Merger) collects. Several stagers may work in parallel.
#[derive(Debug, Default)]
pub(crate) struct Stager {
    identity: Identity,
    /// Computes digests, by which two scans with equal hosts are recognized. Needed if a state is saved, as a later
    /// merge no longer has these hosts.
    digests: Option<HostDigester>,
    out: RecordWriter,
    record: Vec<u8>,
}

/// Record that a stager made from a host or event.
pub(super) struct StagedRecord<'s> {
    /// Index of the store that it belongs to.
    pub(super) store: usize,
    /// Number of table rows of the host.
    pub(super) rows: usize,
    /// End of the host in Unix seconds plus one; 0 if it has none.
    pub(super) end: usize,
    pub(super) digest: Option<u128>,
    pub(super) record: &'s [u8],
}

impl<'s> StagedRecord<'s> {
    /// Reads a record that [`Stager`] wrote.
    pub(super) fn read(entry: &'s [u8]) -> Option<Self> {
        let (store, rest) = split_length(entry)?;
        let (rows, rest) = split_length(rest)?;
        let (end, rest) = split_length(rest)?;
        let (has_digest, rest) = rest.split_first()?;
        let (digest, record) = if *has_digest == 0 {
            (None, rest)
        } else {
            let (digest, rest) = rest.split_first_chunk::<16>()?;
            (Some(u128::from_le_bytes(*digest)), rest)
        };
        Some(Self { store, rows, end, digest, record })
    }
}

impl Stager {
    /// Creates a stager for mergers of this policy.
    pub(crate) fn new(policy: &MergePolicy) -> Self {
        Self { identity: policy.identity, ..Self::default() }
    }

    /// Turns on digests, for mergers that save a state.
    #[must_use]
    pub(super) fn with_digests(self, digests: bool) -> Self {
        Self { digests: digests.then(HostDigester::default), ..self }
    }

    /// Appends a host to the input of [`Merger::add`](super::Merger::add).
    pub(crate) fn host(&mut self, host: &Host<'_>, staged: &mut Vec<u8>) {
        let key = HostKey::of(host, self.identity);
        self.record.clear();
        put_length(usize::try_from(host.index).unwrap_or(0), &mut self.record);
        put_record(key.as_str().as_bytes(), &mut self.record);
        self.out.write(host, &mut self.record);
        let digest = self.digests.as_mut().map(|digests| digests.digest(&self.record, host));
        // 0 means that the host has no end time, so all others are one higher.
        let end = host.end_time.and_then(|end| usize::try_from(end.seconds()).ok());
        let end = end.map_or(0, |end| end.saturating_add(1));
        put(partition_of(key.as_str()), (rows(host), end, digest), &self.record, staged);
    }

    /// Appends an event. `index` is its position in the scan.
    pub(crate) fn event(&mut self, index: i32, event: &ScanActivity, staged: &mut Vec<u8>) {
        self.record.clear();
        put_length(usize::try_from(index).unwrap_or(0), &mut self.record);
        self.out.write(event, &mut self.record);
        put(EVENTS, (0, 0, None), &self.record, staged);
    }
}

/// Appends a record with the head that [`StagedRecord::read`] reads.
fn put(
    store: usize,
    (rows, end, digest): (usize, usize, Option<u128>),
    record: &[u8],
    staged: &mut Vec<u8>,
) {
    let mut head = Vec::with_capacity(32);
    put_length(store, &mut head);
    put_length(rows, &mut head);
    put_length(end, &mut head);
    head.push(u8::from(digest.is_some()));
    head.extend(digest.iter().flat_map(|digest| digest.to_le_bytes()));
    put_length(head.len().saturating_add(record.len()), staged);
    staged.extend_from_slice(&head);
    staged.extend_from_slice(record);
}

/// Returns the partition of a host key. Saved states depend on this hash (FNV-1a).
fn partition_of(key: &str) -> usize {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = key.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fold);
    // The last bytes of keys differ most, but only the low bits depend on them; the finalizer of MurmurHash3 mixes
    // all bits.
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    usize::try_from((mixed ^ (mixed >> 33)) % (PARTITIONS as u64)).unwrap_or(0)
}

/// Returns the number of table rows of a host.
fn rows(host: &Host<'_>) -> usize {
    let of_ports = host.ports.iter().map(|port| 1 + port.services.len() + port.scripts.len());
    let hops = host.traces.iter().map(|trace| trace.hops.len());
    1 + of_ports.sum::<usize>()
        + host.scripts.len()
        + host.os.matches.len()
        + host.os.classes.len()
        + hops.sum::<usize>()
}
