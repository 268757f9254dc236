//! Counts and warnings of a merge, and hosts that share a MAC address.

use std::collections::{BTreeMap, BTreeSet};

use super::{found::Found, merged::Shared};
use crate::model::{Identity, ScanIndex};

/// MAC address that one scan shows at several IP addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedMac {
    /// MAC address as text.
    pub mac: String,
    /// Number of such MAC addresses in the scan.
    pub count: i64,
}

/// Counts and warnings of a merge.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Number of newer port records that lost to older ones and differ from them.
    pub outdated: u64,
    /// First MAC address of each scan that the scan shows at several IP addresses. Set if hosts are identified by MAC
    /// address.
    pub shared_macs: BTreeMap<ScanIndex, SharedMac>,
}

impl Summary {
    pub(super) fn add(&mut self, other: Self) {
        self.outdated = self.outdated.saturating_add(other.outdated);
        for (scan, theirs) in other.shared_macs {
            self.add_shared_mac(scan, &theirs.mac, theirs.count);
        }
    }

    fn add_shared_mac(&mut self, scan: ScanIndex, mac: &str, count: i64) {
        let mine = self.shared_macs.entry(scan);
        let mine = mine.or_insert_with(|| SharedMac { mac: mac.to_owned(), count: 0 });
        mine.count = mine.count.saturating_add(count);
        if *mac < *mine.mac {
            mac.clone_into(&mut mine.mac);
        }
    }
}

impl Shared {
    /// Returns the keys of MAC addresses that one scan shows at several IP addresses, and adds these scans to the
    /// summary.
    pub(super) fn shared_macs(
        &self,
        found: &[Found<'_>],
        mut summary: Option<&mut Summary>,
    ) -> BTreeSet<String> {
        let mut macs = BTreeSet::new();
        if self.policy.identity != Identity::Mac {
            return macs;
        }
        for same in found.chunk_by(Found::is_same) {
            let Some(mac) = same.first().and_then(|first| first.key.strip_prefix("mac:")) else {
                continue;
            };
            // Records of a saved state were counted when they were read.
            let fresh =
                |many: &&[Found<'_>]| many.len() > 1 && !many.iter().any(|one| one.is_saved);
            for of_scan in same.chunk_by(|a, b| a.scan == b.scan).filter(fresh) {
                let ips: BTreeSet<String> = of_scan.iter().filter_map(Found::ip).collect();
                if ips.len() < 2 {
                    continue;
                }
                macs.insert(format!("mac:{mac}"));
                if let (Some(summary), Some(first)) = (&mut summary, of_scan.first()) {
                    summary.add_shared_mac(first.scan, mac, 1);
                }
            }
        }
        macs
    }
}

/// Appends the IP address to the keys of hosts whose MAC address is shared, and sorts the records again.
pub(super) fn tell_apart(
    found: &mut [Found<'_>],
    shared: &BTreeSet<String>,
    known: Option<&BTreeSet<String>>,
) {
    let known = known.filter(|known| !known.is_empty());
    if shared.is_empty() && known.is_none() {
        return;
    }
    let is_shared =
        |key: &str| shared.contains(key) || known.is_some_and(|known| known.contains(key));
    for record in found.iter_mut().filter(|record| is_shared(&record.key)) {
        if let Some(ip) = record.ip() {
            record.key = format!("{}@{ip}", record.key).into();
        }
    }
    found.sort_unstable_by(|a, b| a.group().cmp(&b.group()).then(a.order.cmp(&b.order)));
}
