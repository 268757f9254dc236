//! Chooses between copies of one scan (docs/merge.md, "Copies of one scan").

use std::{collections::HashMap, mem};

use sha2::{Digest as _, Sha256};

use super::{store::split_record, summary::SharedMac};
use crate::{
    codec::{self, RecordWriter, split_length},
    error::{Diagnostic, DiagnosticCode},
    model::{
        AddressKind, CopyQuality, CowStr, Host, ScanIndex, ScanSummary, ScriptValue, Timestamp,
        own_scan_id,
    },
};

/// Digests of hosts that ignore everything no table holds, so that a copy read from XML equals a copy read from a
/// dataset.
#[derive(Debug, Default)]
pub(super) struct HostDigester {
    out: RecordWriter,
    record: Vec<u8>,
}

impl HostDigester {
    /// Returns the digest of a host. `record` is its staged record and `host` its content.
    pub(super) fn digest(&mut self, record: &[u8], host: &Host<'_>) -> u128 {
        if is_as_in_tables(host) { hash(record) } else { self.digest_of_record(record) }
    }

    /// Returns the digest of a staged record whose host has not been decoded.
    pub(super) fn digest_of_record(&mut self, record: &[u8]) -> u128 {
        hash(self.comparable(record))
    }

    /// Returns the bytes to compare: the position of the host, its key, and the columns that tables hold.
    fn comparable(&mut self, record: &[u8]) -> &[u8] {
        self.record.clear();
        let host = split_length(record).and_then(|(_, rest)| split_record(rest));
        let Some((_, host)) = host else { return &self.record };
        let head = record.len().saturating_sub(host.len());
        self.record.extend_from_slice(record.get(..head).unwrap_or_default());
        if let Some(mut host) = codec::decode::<Host<'_>>(host) {
            as_in_tables(&mut host);
            self.out.write(&host, &mut self.record);
        }
        &self.record
    }
}

fn hash(record: &[u8]) -> u128 {
    let hash = Sha256::digest(record);
    hash.first_chunk::<16>().map_or(0, |part| u128::from_le_bytes(*part))
}

/// Returns true if [`as_in_tables`] would leave the host unchanged. May return false for such a host.
fn is_as_in_tables(host: &Host<'_>) -> bool {
    let of_ports = host.ports.iter().flat_map(|port| &port.scripts);
    let mut scripts = of_ports.chain(&host.scripts);
    let times = [host.srtt_us, host.rttvar_us, host.timeout_us];
    scripts.all(|script| script.data == ScriptValue::None)
        && times.into_iter().flatten().all(|time| time >= 0)
        && host.addresses.iter().all(|address| address.zone.is_none())
        && host.traces.iter().all(|trace| !trace.hops.is_empty())
}

/// Removes everything that no table holds.
fn as_in_tables(host: &mut Host<'_>) {
    let of_ports = host.ports.iter_mut().flat_map(|port| &mut port.scripts);
    for script in of_ports.chain(&mut host.scripts) {
        let mut json = Vec::new();
        if script.data.write_json(&mut json) {
            let text = String::from_utf8_lossy(&json).into_owned();
            script.data = ScriptValue::Json(CowStr::Owned(text));
        }
    }
    for time in [&mut host.srtt_us, &mut host.rttvar_us, &mut host.timeout_us] {
        *time = time.filter(|time| *time >= 0);
    }
    let first = host
        .addresses
        .iter()
        .position(|address| matches!(address.kind, AddressKind::Ipv4 | AddressKind::Ipv6));
    for (place, address) in host.addresses.iter_mut().enumerate() {
        if Some(place) != first {
            address.zone = None;
        }
    }
    host.traces.retain(|trace| !trace.hops.is_empty());
}

/// Scan of a merge, or the record of an input that held none.
#[derive(Debug, Clone)]
pub struct MergedScan {
    /// Name of the input that the scan came from.
    pub source: String,
    /// Record of the scan. Its ID is the one used in the result.
    pub record: ScanSummary,
    /// True if the hosts of the scan are in the result; false for a copy that lost to another one.
    pub used: bool,
    /// Position in the order of the arguments. Copies have the position of the first copy.
    pub(super) place: ScanIndex,
    /// Number of rows of its hosts and scripts.
    pub(super) rows: u64,
    /// Time of its newest look at a host.
    pub(super) newest: Option<Timestamp>,
    /// Digest of its hosts, present if a state is saved.
    pub(super) digest: Option<u128>,
    /// MAC address that the scan shows at several IP addresses, if it comes from a saved state.
    pub(super) shared_mac: Option<SharedMac>,
    /// True if the scan comes from a saved state.
    pub(super) is_saved: bool,
}

impl MergedScan {
    /// Returns true if an earlier run read the scan and this merge continues its saved state.
    pub(crate) fn is_saved(&self) -> bool {
        self.is_saved
    }

    /// Returns the MAC address that the scan shows at several IP addresses, if the scan comes from a saved state.
    #[must_use]
    pub fn shared_mac(&self) -> Option<&SharedMac> {
        self.shared_mac.as_ref()
    }

    /// Returns the quality as a copy of its scan.
    fn quality(&self) -> CopyQuality {
        let record = &self.record;
        let whole_hosts = record.hosts_seen.saturating_sub(record.hosts_incomplete);
        CopyQuality {
            finished: record.stats.finished,
            is_complete: !record.truncated,
            whole_hosts: u64::try_from(whole_hosts).unwrap_or_default(),
            rows: self.rows,
        }
    }
}

/// Returns groups of scans that may be copies of each other, in order: scans that share an ID (which a dataset may
/// have stored under another ID) and scans of equal bytes.
pub(super) fn same_scans(scans: &[MergedScan]) -> Vec<Vec<ScanIndex>> {
    let mut by_id: HashMap<&str, Vec<ScanIndex>> = HashMap::new();
    let mut ids: HashMap<&str, &str> = HashMap::new();
    let numbered = (0..).zip(scans).filter(|(_, scan)| scan.record.has_scan);
    for (number, scan) in numbered {
        let mut id = own_scan_id(&scan.record.header.scan_id);
        if let Some(sha256) = &scan.record.content_sha256 {
            id = ids.entry(sha256).or_insert(id);
        }
        by_id.entry(id).or_default().push(number);
    }
    let mut several: Vec<_> = by_id.into_values().filter(|same| same.len() > 1).collect();
    several.sort_unstable();
    several
}

/// Returns the finished scans of a group. If there are several, their hosts must be compared.
pub(super) fn finished(scans: &[MergedScan], same: &[ScanIndex]) -> Vec<ScanIndex> {
    let is_finished =
        |number: &&ScanIndex| scan(scans, **number).is_some_and(|scan| scan.record.stats.finished);
    same.iter().filter(is_finished).copied().collect()
}

fn scan(scans: &[MergedScan], number: ScanIndex) -> Option<&MergedScan> {
    scans.get(usize::try_from(number).ok()?)
}

/// Group of scans that are copies of each other.
struct CopyGroup<'s> {
    digest: u128,
    sha256: Vec<&'s str>,
    copies: Vec<ScanIndex>,
}

impl<'s> CopyGroup<'s> {
    /// Groups finished scans with equal hosts or equal bytes, in the order of the first scan of each group.
    fn all(
        scans: &'s [MergedScan],
        finished: &[ScanIndex],
        digest: impl Fn(ScanIndex) -> u128,
    ) -> Vec<Self> {
        let mut kinds: Vec<Self> = Vec::new();
        for number in finished {
            let digest = digest(*number);
            let record = scan(scans, *number).map(|scan| &scan.record);
            let sha256 = record.and_then(|record| record.content_sha256.as_deref());
            let is_same = |kind: &&mut Self| {
                kind.digest == digest || sha256.is_some_and(|own| kind.sha256.contains(&own))
            };
            match kinds.iter_mut().find(is_same) {
                Some(kind) => {
                    kind.copies.push(*number);
                    kind.sha256.extend(sha256);
                }
                None => kinds.push(Self {
                    digest,
                    sha256: sha256.into_iter().collect(),
                    copies: vec![*number],
                }),
            }
        }
        kinds
    }
}

/// Decides which scans of a group are used. `digest` returns the digest of a finished scan's hosts. Of finished scans
/// with different hosts each is used, under an ID of its own.
pub(super) fn decide(
    scans: &mut [MergedScan],
    same: &[ScanIndex],
    digest: impl Fn(ScanIndex) -> u128,
) {
    let kinds = CopyGroup::all(scans, &finished(scans, same), digest);
    let mut kinds: Vec<_> = kinds.into_iter().map(|kind| kind.copies).collect();
    // Unfinished scans count as copies of the first group.
    let is_open =
        |number: &&ScanIndex| scan(scans, **number).is_some_and(|scan| !scan.record.stats.finished);
    let rest: Vec<ScanIndex> = same.iter().filter(is_open).copied().collect();
    match kinds.first_mut() {
        Some(first) => first.extend(rest),
        None => kinds.push(rest),
    }
    for (nth, mut copies) in kinds.into_iter().enumerate() {
        copies.sort_unstable();
        let qualities = copies.iter().filter_map(|n| Some((scan(scans, *n)?.quality(), *n)));
        let better = |best: (CopyQuality, ScanIndex), next: (CopyQuality, ScanIndex)| {
            if next.0.replaces(&best.0) { next } else { best }
        };
        let Some((_, best)) = qualities.reduce(better) else { continue };
        let Some(place) = copies.first().copied() else { continue };
        let used = scan(scans, best).map(|scan| scan.source.clone()).unwrap_or_default();
        for number in copies {
            let Some(scan) = usize::try_from(number).ok().and_then(|n| scans.get_mut(n)) else {
                continue;
            };
            scan.place = place;
            scan.used = number == best;
            if !scan.used {
                report_copy(&mut scan.record, &used);
            } else if nth > 0 {
                rename(&mut scan.record);
            } else {
                let own = own_scan_id(&scan.record.header.scan_id).to_owned();
                scan.record.header.scan_id = own;
            }
        }
    }
}

/// Reports that another copy of this scan is used.
fn report_copy(record: &mut ScanSummary, used: &str) {
    let detail = format!(
        "a copy of scan {}: the one in {used} is used",
        own_scan_id(&record.header.scan_id)
    );
    let position = record.header.position;
    record
        .diagnostics
        .insert(0, Diagnostic { code: DiagnosticCode::DupScan, position, count: 1, detail });
}

/// Gives the scan another ID, because another finished scan has its ID and different hosts.
fn rename(record: &mut ScanSummary) {
    let own = own_scan_id(&record.header.scan_id);
    let detail = format!("scan {own} is finished elsewhere with other hosts");
    let digest = record.content_sha256.as_deref().unwrap_or_default();
    record.header.scan_id = format!("{own}-x{}", digest.get(..8).unwrap_or(digest));
    let position = record.header.position;
    record.diagnostics.push(Diagnostic {
        code: DiagnosticCode::IdCollision,
        position,
        count: 1,
        detail,
    });
}

/// Sorts scans by position, a copy that is used before the copies that it replaces. Returns the new number of each
/// scan, `None` for scans that are not used.
pub(super) fn in_order(scans: &mut Vec<MergedScan>) -> Vec<Option<ScanIndex>> {
    let mut order: Vec<(ScanIndex, bool, usize)> =
        scans.iter().enumerate().map(|(number, scan)| (scan.place, !scan.used, number)).collect();
    order.sort_unstable();
    let mut numbers = vec![None; scans.len()];
    let mut taken: Vec<Option<MergedScan>> = mem::take(scans).into_iter().map(Some).collect();
    for (_, _, before) in order {
        let number = ScanIndex::try_from(scans.len()).ok();
        let scan = taken.get_mut(before).and_then(Option::take);
        debug_assert!(scan.is_some(), "each scan has one position");
        let Some(scan) = scan else { continue };
        if let Some(of) = numbers.get_mut(before) {
            *of = number.filter(|_| scan.used && scan.record.has_scan);
        }
        scans.push(scan);
    }
    numbers
}
