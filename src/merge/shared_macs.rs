//! MAC addresses that one scan shows at several IP addresses: their hosts are distinguished by IP address.

use std::collections::BTreeSet;

use super::{context::MergeContext, record::HostRecord, summary::Summary};
use crate::model::Identity;

impl MergeContext {
    /// Returns the keys of MAC addresses that one scan shows at several IP addresses, and adds these scans to the
    /// summary.
    pub(super) fn shared_macs(
        &self,
        found: &[HostRecord<'_>],
        mut summary: Option<&mut Summary>,
    ) -> BTreeSet<String> {
        let mut macs = BTreeSet::new();
        if self.policy.identity != Identity::Mac {
            return macs;
        }
        for same in found.chunk_by(HostRecord::is_same) {
            let Some(mac) = same.first().and_then(|first| first.key.strip_prefix("mac:")) else {
                continue;
            };
            // Records of a saved state were counted when they were read.
            let fresh =
                |many: &&[HostRecord<'_>]| many.len() > 1 && !many.iter().any(|one| one.is_saved);
            for of_scan in same.chunk_by(|a, b| a.scan == b.scan).filter(fresh) {
                let ips: BTreeSet<String> = of_scan.iter().filter_map(HostRecord::ip).collect();
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
pub(super) fn separate_by_address(
    found: &mut [HostRecord<'_>],
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
