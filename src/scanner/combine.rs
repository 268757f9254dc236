//! Merges the results of several scans into one (DATA_MODEL section 5).

use std::{collections::HashMap, mem};

use super::results::{Origin, ScanResults, name_of_key};
use crate::{
    error::Result,
    merge::{MergeFlags, MergePolicy, Merger, Precedence},
    model::{Host, MergedHost, ScanHeader, ScanSummary, id_of_parts},
};

/// Adds the results of other scans to those of a scan.
pub(super) fn add_scans(
    own: &mut ScanResults,
    others: &[&ScanResults],
    flags: MergeFlags,
) -> Result<()> {
    let mut scans = own.scans.clone();
    let mut new = Vec::new();
    for other in others {
        if other.scans.iter().all(|id| scans.contains(id)) {
            continue;
        }
        let unknown = other.scans.iter().filter(|id| !scans.contains(id)).cloned();
        let unknown: Vec<String> = unknown.collect();
        scans.extend(unknown);
        new.push(*other);
    }
    if new.is_empty() {
        return Ok(());
    }
    let mut parts: Vec<&ScanResults> = vec![own];
    parts.extend(&new);
    let (hosts, origins) = merged(&parts, flags)?;
    for other in new {
        if flags.non_scanned {
            add_request(own, other);
        }
        own.failures.join(&other.failures);
    }
    own.scans = scans;
    set_hosts(own, hosts, origins);
    Ok(())
}

/// Merges hosts of one scan that are equal.
pub(super) fn merge_equal_hosts(own: &mut ScanResults) -> Result<()> {
    let (hosts, origins) = merged(&[own], MergeFlags::default())?;
    set_hosts(own, hosts, origins);
    Ok(())
}

fn set_hosts(own: &mut ScanResults, hosts: Vec<Host<'static>>, origins: Vec<Origin>) {
    own.hosts = hosts;
    own.origins = origins;
    own.index();
}

/// Adds the targets and ports that another scan requested.
fn add_request(own: &mut ScanResults, other: &ScanResults) {
    let Some((targets, ports)) = &other.requested else { return };
    own.requested = match mem::take(&mut own.requested) {
        None => Some((targets.clone(), ports.clone())),
        Some((own_targets, own_ports)) => {
            let ports = match (own_ports, ports) {
                (Some(own), Some(other)) => Some(own.union(other)),
                (own, other) => own.or_else(|| other.clone()),
            };
            Some((own_targets.union(targets), ports))
        }
    };
}

/// Hosts, and the origin of each.
type Hosts = (Vec<Host<'static>>, Vec<Origin>);

fn merged(parts: &[&ScanResults], flags: MergeFlags) -> Result<Hosts> {
    let policy = MergePolicy::new(Precedence::Caller).with_flags(flags);
    let mut merger = Merger::new(policy);
    for (number, part) in parts.iter().enumerate() {
        for host in &part.hosts {
            merger.host(host)?;
        }
        // Copies were decided by the original IDs already, so each part gets an ID of its own.
        let header = ScanHeader { scan_id: number.to_string(), ..part.record.header.clone() };
        let record =
            ScanSummary { header, has_scan: true, content_sha256: None, ..part.record.clone() };
        merger.end_scan("", record);
    }
    let named: Vec<_> = parts.iter().map(|part| NameIndex::new(part)).collect();
    let (mut hosts, mut origins) = (Vec::new(), Vec::new());
    let mut all = merger.finish()?.hosts()?;
    while let Some(record) = all.next()? {
        let found = record.host();
        origins.push(origin(&found, &named));
        hosts.push(found.host.into_owned());
    }
    Ok((hosts, origins))
}

/// Results of a scan, with an index of hosts by name.
struct NameIndex<'f> {
    found: &'f ScanResults,
    places: HashMap<&'f str, Vec<usize>>,
}

impl<'f> NameIndex<'f> {
    fn new(found: &'f ScanResults) -> Self {
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, name) in found.names.iter().enumerate() {
            places.entry(name).or_default().push(place);
        }
        Self { found, places }
    }
}

/// Returns the origin of a merged host, in terms of the original scans of the parts.
fn origin(merged: &MergedHost<'_>, parts: &[NameIndex<'_>]) -> Origin {
    let key = &*merged.host_key;
    let name = name_of_key(key);
    let mut origin = Origin { host_id: merged.host_id.to_string(), ..Origin::default() };
    for scan in &merged.provenance.scans {
        let part = usize::try_from(*scan).ok().and_then(|scan| parts.get(scan));
        let Some(NameIndex { found, places }) = part else { continue };
        if name == key {
            // Such a host equals no host of another scan, so its scan identifies it.
            let id = found.record.header.scan_id.clone();
            origin.host_id = id_of_parts(&["scanmill.mhost.v1", key, &id]);
            origin.scans.push(id);
            continue;
        }
        for place in places.get(name).into_iter().flatten() {
            let known = found.origins.get(*place);
            for id in known.map_or(&found.scans, |known| &known.scans) {
                if !origin.scans.contains(id) {
                    origin.scans.push(id.clone());
                }
            }
            let covered = known.map_or_else(|| found.covered(*place), |o| o.covered.clone());
            origin.covered.add(covered);
        }
    }
    origin
}
