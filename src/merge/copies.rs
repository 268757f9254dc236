//! Which copies of a scan are used (docs/merge.md, "Copies of one scan").

use std::{cmp::Reverse, collections::HashMap, mem};

use sha2::{Digest as _, Sha256};

use super::{
    store::split_record,
    summary::SharedMac,
    wire::{self, Out, split_length},
};
use crate::{
    error::{Code, Diagnostic},
    model::{AddressKind, Host, RunRecord, ScanNumber, ScriptData, Text, Timestamp, own_scan_id},
};

/// Makes records of hosts that are the same if tables of them are: a copy may have been read from XML, and
/// another one from a dataset.
#[derive(Debug, Default)]
pub(super) struct Comparing {
    out: Out,
    record: Vec<u8>,
}

impl Comparing {
    /// Identifies the record of a host; the host is its content.
    pub(super) fn digest(&mut self, record: &[u8], host: &Host<'_>) -> u128 {
        if is_as_in_tables(host) { hash(record) } else { self.digest_of_record(record) }
    }

    /// The same of a record alone.
    pub(super) fn digest_of_record(&mut self, record: &[u8]) -> u128 {
        hash(self.comparable(record))
    }

    /// What is compared of the record of a host: its place, its key, and what is known of it.
    fn comparable(&mut self, record: &[u8]) -> &[u8] {
        self.record.clear();
        let host = split_length(record).and_then(|(_, rest)| split_record(rest));
        let Some((_, host)) = host else { return &self.record };
        let head = record.len().saturating_sub(host.len());
        self.record.extend_from_slice(record.get(..head).unwrap_or_default());
        if let Some(mut host) = wire::read::<Host<'_>>(host) {
            as_in_tables(&mut host);
            self.out.record(&host, &mut self.record);
        }
        &self.record
    }
}

fn hash(record: &[u8]) -> u128 {
    let hash = Sha256::digest(record);
    hash.first_chunk::<16>().map_or(0, |part| u128::from_le_bytes(*part))
}

/// Whether surely nothing is left out by [`as_in_tables`].
fn is_as_in_tables(host: &Host<'_>) -> bool {
    let of_ports = host.ports.iter().flat_map(|port| &port.scripts);
    let mut scripts = of_ports.chain(&host.scripts);
    let times = [host.srtt_us, host.rttvar_us, host.timeout_us];
    scripts.all(|script| script.data == ScriptData::None)
        && times.into_iter().flatten().all(|time| time >= 0)
        && host.addresses.iter().all(|address| address.zone.is_none())
        && host.traces.iter().all(|trace| !trace.hops.is_empty())
}

/// Leaves out what no table holds.
fn as_in_tables(host: &mut Host<'_>) {
    let of_ports = host.ports.iter_mut().flat_map(|port| &mut port.scripts);
    for script in of_ports.chain(&mut host.scripts) {
        let mut json = Vec::new();
        if script.data.write_json(&mut json) {
            let text = String::from_utf8_lossy(&json).into_owned();
            script.data = ScriptData::Json(Text::Owned(text));
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

/// A scan of a merge, or what was said of an input that held none.
#[derive(Debug, Clone)]
pub struct MergedScan {
    /// Name of the input it came from.
    pub source: String,
    /// All that is known of it; the id is that of the result.
    pub record: RunRecord,
    /// Whether its hosts are in the result: false of a copy that another one beats.
    pub used: bool,
    /// Its place in the order of the arguments: that of the first copy of it.
    pub(super) place: ScanNumber,
    /// Rows of its hosts and scripts.
    pub(super) rows: u64,
    /// The time of its newest look at a host.
    pub(super) newest: Option<Timestamp>,
    /// Distinguishes its hosts from those of another scan, if a state is kept.
    pub(super) digest: Option<u128>,
    /// The MAC address that it shows at several IP addresses, if it comes from a state.
    pub(super) shared_mac: Option<SharedMac>,
    /// Whether it comes from a state.
    pub(super) is_saved: bool,
}

impl MergedScan {
    /// Whether it was read by an earlier run, whose state this one goes on with.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        self.is_saved
    }

    /// The MAC address that it shows at several IP addresses, of a scan that comes from a state.
    #[must_use]
    pub fn shared_mac(&self) -> Option<&SharedMac> {
        self.shared_mac.as_ref()
    }

    /// Less is better: finished, not truncated, most whole hosts, most rows.
    fn rank(&self) -> impl Ord + use<> {
        let record = &self.record;
        let whole = record.hosts_seen.saturating_sub(record.hosts_incomplete);
        (!record.stats.finished, record.truncated, Reverse(whole), Reverse(self.rows))
    }
}

/// Scans that may be copies of each other, in order: those with one id, of which a dataset may hold one under
/// another id, and those of equal bytes.
pub(super) fn same_scans(scans: &[MergedScan]) -> Vec<Vec<ScanNumber>> {
    let mut by_id: HashMap<&str, Vec<ScanNumber>> = HashMap::new();
    let mut ids: HashMap<&str, &str> = HashMap::new();
    let numbered = (0..).zip(scans).filter(|(_, scan)| scan.record.exists);
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

/// Finished ones among scans of one id: if there are several, their hosts must be compared.
pub(super) fn finished(scans: &[MergedScan], same: &[ScanNumber]) -> Vec<ScanNumber> {
    let is_finished =
        |number: &&ScanNumber| scan(scans, **number).is_some_and(|scan| scan.record.stats.finished);
    same.iter().filter(is_finished).copied().collect()
}

fn scan(scans: &[MergedScan], number: ScanNumber) -> Option<&MergedScan> {
    scans.get(usize::try_from(number).ok()?)
}

/// Scans that are copies of each other.
struct Kind<'s> {
    digest: u128,
    sha256: Vec<&'s str>,
    copies: Vec<ScanNumber>,
}

impl<'s> Kind<'s> {
    /// Puts finished scans with equal hosts or bytes together, in the order of their first.
    fn all(
        scans: &'s [MergedScan],
        finished: &[ScanNumber],
        digest: impl Fn(ScanNumber) -> u128,
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

/// Decides between scans of one id. `digest` tells the hosts of finished ones apart. Of those that differ
/// each is used, under an id of its own.
pub(super) fn decide(
    scans: &mut [MergedScan],
    same: &[ScanNumber],
    digest: impl Fn(ScanNumber) -> u128,
) {
    let kinds = Kind::all(scans, &finished(scans, same), digest);
    let mut kinds: Vec<_> = kinds.into_iter().map(|kind| kind.copies).collect();
    // Those that are not finished are copies of the first.
    let is_open = |number: &&ScanNumber| {
        scan(scans, **number).is_some_and(|scan| !scan.record.stats.finished)
    };
    let rest: Vec<ScanNumber> = same.iter().filter(is_open).copied().collect();
    match kinds.first_mut() {
        Some(first) => first.extend(rest),
        None => kinds.push(rest),
    }
    for (nth, mut copies) in kinds.into_iter().enumerate() {
        copies.sort_unstable();
        let ranked = copies.iter().filter_map(|n| Some((scan(scans, *n)?.rank(), *n)));
        let Some((_, best)) = ranked.min() else { continue };
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

/// Another copy of this scan is used.
fn report_copy(record: &mut RunRecord, used: &str) {
    let detail = format!(
        "a copy of scan {}: the one in {used} is used",
        own_scan_id(&record.header.scan_id)
    );
    let position = record.header.position;
    record.diagnostics.insert(0, Diagnostic { code: Code::DupScan, position, count: 1, detail });
}

/// Another finished scan has this id and other hosts.
fn rename(record: &mut RunRecord) {
    let own = own_scan_id(&record.header.scan_id);
    let detail = format!("scan {own} is finished elsewhere with other hosts");
    let digest = record.content_sha256.as_deref().unwrap_or_default();
    record.header.scan_id = format!("{own}-x{}", digest.get(..8).unwrap_or(digest));
    let position = record.header.position;
    record.diagnostics.push(Diagnostic { code: Code::IdCollision, position, count: 1, detail });
}

/// Puts scans in the order of their places, a copy that is used before those that it stands for. Returns the new
/// number of each that is used.
pub(super) fn in_order(scans: &mut Vec<MergedScan>) -> Vec<Option<ScanNumber>> {
    let mut order: Vec<(ScanNumber, bool, usize)> =
        scans.iter().enumerate().map(|(number, scan)| (scan.place, !scan.used, number)).collect();
    order.sort_unstable();
    let mut numbers = vec![None; scans.len()];
    let mut taken: Vec<Option<MergedScan>> = mem::take(scans).into_iter().map(Some).collect();
    for (_, _, before) in order {
        let number = ScanNumber::try_from(scans.len()).ok();
        let Some(scan) = taken.get_mut(before).and_then(Option::take) else { continue };
        if let Some(of) = numbers.get_mut(before) {
            *of = number.filter(|_| scan.used && scan.record.exists);
        }
        scans.push(scan);
    }
    numbers
}
