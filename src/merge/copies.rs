//! Which copies of a scan are used (DATA_MODEL section 5, "Dedup").

use std::{cmp::Reverse, collections::HashMap};

use super::{
    store::split_record,
    wire::{self, Out, split_length},
};
use crate::{
    error::{Code, Diagnostic},
    model::{AddressKind, Host, RunRecord, ScanNumber, ScriptData, Text},
};

/// Makes records of hosts that are the same if tables of them are: a copy may have been read from XML, and
/// another one from a dataset.
#[derive(Default)]
pub(super) struct Comparing {
    out: Out,
    record: Vec<u8>,
}

impl Comparing {
    /// What is compared of the record of a host: its place, its key, and what is known of it.
    pub(super) fn comparable(&mut self, record: &[u8]) -> &[u8] {
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
    /// Rows of its hosts.
    pub(super) rows: u64,
}

impl MergedScan {
    /// Its place in the order of the arguments, if its hosts are used.
    pub(super) fn counted_place(&self) -> Option<ScanNumber> {
        (self.used && self.record.exists).then_some(self.place)
    }

    /// Less is better: finished, not truncated, most whole hosts, most rows.
    fn rank(&self) -> impl Ord + use<> {
        let record = &self.record;
        let whole = record.hosts_seen.saturating_sub(record.hosts_incomplete);
        (!record.stats.finished, record.truncated, Reverse(whole), Reverse(self.rows))
    }
}

/// Scans with one id, in order, of those ids that several scans have.
pub(super) fn same_ids(scans: &[MergedScan]) -> Vec<Vec<ScanNumber>> {
    let mut by_id: HashMap<&str, Vec<ScanNumber>> = HashMap::new();
    let numbered = (0..).zip(scans).filter(|(_, scan)| scan.record.exists);
    for (number, scan) in numbered {
        by_id.entry(&scan.record.header.scan_id).or_default().push(number);
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

/// Decides between scans of one id. `digest` tells the hosts of finished ones apart. Of those that differ
/// each is used, under an id of its own.
pub(super) fn decide(
    scans: &mut [MergedScan],
    same: &[ScanNumber],
    digest: impl Fn(ScanNumber) -> u128,
) {
    let finished = finished(scans, same);
    // Kinds in the order of their first scan.
    let mut kinds: Vec<(u128, Vec<ScanNumber>)> = Vec::new();
    for number in finished {
        let digest = digest(number);
        match kinds.iter_mut().find(|(known, _)| *known == digest) {
            Some((_, copies)) => copies.push(number),
            None => kinds.push((digest, vec![number])),
        }
    }
    if kinds.is_empty() {
        kinds.push((0, same.to_vec()));
    }
    let best = |copies: &[ScanNumber]| {
        let ranked =
            copies.iter().filter_map(|number| Some((scan(scans, *number)?.rank(), *number)));
        ranked.min().map(|(_, number)| number)
    };
    let used: Vec<ScanNumber> = kinds.iter().filter_map(|(_, copies)| best(copies)).collect();
    // A copy stands where the first of its kind did, and of the first kind where the first copy at all did.
    let mut places: Vec<_> =
        kinds.iter().filter_map(|(_, copies)| copies.first().copied()).collect();
    if let (Some(first), Some(of_all)) = (places.first_mut(), same.first()) {
        *first = *of_all;
    }
    for number in same {
        let place = used.iter().position(|used| used == number);
        let Some(scan) = usize::try_from(*number).ok().and_then(|n| scans.get_mut(n)) else {
            continue;
        };
        scan.used = place.is_some();
        scan.place = place.and_then(|place| places.get(place)).copied().unwrap_or(*number);
        if place.is_some_and(|place| place > 0) {
            rename(&mut scan.record);
        }
    }
}

/// Another finished scan has this id and other hosts.
fn rename(record: &mut RunRecord) {
    let id = &mut record.header.scan_id;
    let detail = format!("scan {id} is finished elsewhere with other hosts");
    let digest = record.content_sha256.as_deref().unwrap_or_default();
    id.push_str("-x");
    id.push_str(digest.get(..8).unwrap_or(digest));
    let position = record.header.position;
    record.diagnostics.push(Diagnostic { code: Code::IdCollision, position, count: 1, detail });
}
