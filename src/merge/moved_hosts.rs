//! Hosts that only one of two states has, paired by MAC address: a host that disappeared and one that appeared may be
//! the same host at another IP address.
//!
//! Memory is bounded. Records above a quarter of the memory cap go to temporary files, at most [`WAITING`] hosts per
//! side are held for one MAC address, and only the first [`MACS`] MAC addresses are considered.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use super::{
    context::MergeContext,
    pair::{EachPair, HostPair, HostSide},
    record::HostRecord,
    store::{PARTITIONS, Store, put_record, records},
};
use crate::{codec::put_length, error::Result};

/// Maximum number of MAC addresses that are considered. Hosts with further ones are reported as not moved.
const MACS: usize = 1 << 20;

/// Maximum number of hosts per side and MAC address: two are enough to know that the MAC address is not unique.
const WAITING: u8 = 2;

/// Side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

/// Hosts that wait for a host with the same MAC address on the other side.
#[derive(Debug)]
pub(super) struct MovedHosts {
    both: (Arc<MergeContext>, Arc<MergeContext>),
    old: Vec<Store>,
    new: Vec<Store>,
    /// Number of waiting hosts on the old and the new side, by the hash of their MAC address.
    waiting: HashMap<u64, (u8, u8)>,
}

impl MovedHosts {
    pub(super) fn new((old, new): (&Arc<MergeContext>, &Arc<MergeContext>)) -> Self {
        let stores = || (0..PARTITIONS).map(|_| Store::default()).collect();
        let both = (Arc::clone(old), Arc::clone(new));
        Self { both, old: stores(), new: stores(), waiting: HashMap::new() }
    }

    /// Takes the records of a host that only one side has. Returns false if the host cannot have moved.
    pub(super) fn take(
        &mut self,
        side: Side,
        state: &HostSide<'_>,
        same: Option<&[HostRecord<'_>]>,
    ) -> Result<bool> {
        let (Some(mac), Some(same)) = (state.merged.host.mac(), same) else { return Ok(false) };
        let hash = hash(&mac.text);
        if !self.waiting.contains_key(&hash) && self.waiting.len() >= MACS {
            return Ok(false);
        }
        let (old, new) = self.waiting.entry(hash).or_default();
        let waiting = if side == Side::Old { old } else { new };
        if *waiting >= WAITING {
            return Ok(false);
        }
        *waiting = waiting.saturating_add(1);
        let partition = usize::try_from(hash % (PARTITIONS as u64)).unwrap_or(0);
        let stores = if side == Side::Old { &mut self.old } else { &mut self.new };
        if let Some(store) = stores.get_mut(partition) {
            for found in same {
                let mut record = Vec::new();
                put_record(mac.text.as_bytes(), &mut record);
                found.put(&mut record);
                put_length(record.len(), store.buffer());
                store.buffer().extend_from_slice(&record);
            }
        }
        self.settle(side)?;
        Ok(true)
    }

    /// Spills the stores of a side to files if they exceed a quarter of the memory cap.
    fn settle(&mut self, side: Side) -> Result<()> {
        let (stores, context) = match side {
            Side::Old => (&mut self.old, &self.both.0),
            Side::New => (&mut self.new, &self.both.1),
        };
        let held: usize = stores.iter().map(Store::held).sum();
        if held > context.cap / 4 {
            stores.iter_mut().try_for_each(|store| store.spill(&context.folder))?;
        }
        Ok(())
    }

    /// Calls `each` with all waiting hosts. If exactly one host per side has a MAC address, the two are passed as a
    /// pair: that host moved.
    pub(super) fn compare(self, each: EachPair<'_>) -> Result<()> {
        let both = (&*self.both.0, &*self.both.1);
        for (old, new) in self.old.into_iter().zip(self.new) {
            let (old, new) = (old.load(&both.0.folder)?, new.load(&both.1.folder)?);
            let (old, new) = (stray(&old), stray(&new));
            let mut macs: Vec<&[u8]> = old.iter().chain(&new).map(|(mac, _)| *mac).collect();
            macs.sort_unstable();
            macs.dedup();
            for mac in macs {
                let (old, new) = (hosts_of(mac, &old), hosts_of(mac, &new));
                if let ([old], [new]) = (&*old, &*new) {
                    each(HostPair::of(both, (Some(old), Some(new)))?)?;
                    continue;
                }
                for host in &old {
                    each(HostPair::of(both, (Some(host), None))?)?;
                }
                for host in &new {
                    each(HostPair::of(both, (None, Some(host)))?)?;
                }
            }
        }
        Ok(())
    }
}

fn hash(mac: &str) -> u64 {
    let mut hash = DefaultHasher::new();
    mac.hash(&mut hash);
    hash.finish()
}

/// Returns the records of a store with their MAC addresses, sorted.
fn stray(bytes: &[u8]) -> Vec<(&[u8], HostRecord<'_>)> {
    let read = |entry| {
        let record = HostRecord::take(entry);
        debug_assert!(record.is_some(), "`HostRecord::put` wrote the record");
        record
    };
    let mut found: Vec<_> = records(bytes).filter_map(read).collect();
    found.sort_unstable_by(|(a, mine), (b, theirs)| {
        (a, mine.group(), mine.order).cmp(&(b, theirs.group(), theirs.order))
    });
    found
}

/// Returns the hosts with a MAC address, each with its records.
fn hosts_of<'b>(mac: &[u8], all: &[(&[u8], HostRecord<'b>)]) -> Vec<Vec<HostRecord<'b>>> {
    let from = all.partition_point(|(found, _)| *found < mac);
    let with_mac = all.iter().skip(from).take_while(|(found, _)| *found == mac);
    let mut hosts: Vec<Vec<HostRecord<'b>>> = Vec::new();
    for (_, found) in with_mac {
        match hosts.last_mut() {
            Some(same) if same.first().is_some_and(|first| first.is_same(found)) => {
                same.push(found.clone());
            }
            _ => hosts.push(vec![found.clone()]),
        }
    }
    hosts
}
