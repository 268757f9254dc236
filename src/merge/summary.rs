//! Counts and warnings of a merge.

use std::collections::BTreeMap;

use crate::model::ScanIndex;

/// MAC address that one scan shows at several IP addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedMac {
    /// MAC address as text.
    pub mac: String,
    /// Number of such MAC addresses in the scan.
    pub count: i64,
}

/// Counts and warnings of a merge.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
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

    pub(super) fn add_shared_mac(&mut self, scan: ScanIndex, mac: &str, count: i64) {
        let mine = self.shared_macs.entry(scan);
        let mine = mine.or_insert_with(|| SharedMac { mac: mac.to_owned(), count: 0 });
        mine.count = mine.count.saturating_add(count);
        if *mac < *mine.mac {
            mac.clone_into(&mut mine.mac);
        }
    }
}
