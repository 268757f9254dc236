//! Results of a scan, with an index of its hosts by name.

use std::{collections::HashMap, io::Read, net::IpAddr, path::Path};

use super::{combine, coverage::Covered};
use crate::{
    engine::Failure,
    error::{Error, ErrorKind, Result},
    model::{Host, HostKey, Identity, ScanEvent, ScanSummary},
    request::{PortSet, Targets},
    source::{self, Member, PathFilter},
    xml::{Options, Reader},
};

/// Results of a scan that has ended.
#[derive(Debug, Default)]
pub(super) struct ScanResults {
    pub(super) record: ScanSummary,
    pub(super) hosts: Vec<Host<'static>>,
    /// Name of each host, in the order of the hosts.
    pub(super) names: Vec<String>,
    /// Index of a host by each of its names and addresses.
    pub(super) places: HashMap<String, usize>,
    /// Origin of each host, if scans were merged.
    pub(super) origins: Vec<Origin>,
    /// IDs of the scans in the results, its own first.
    pub(super) scans: Vec<String>,
    /// True if hosts were kept.
    pub(super) is_kept: bool,
    /// Targets and ports that were requested; `None` for a file.
    pub(super) requested: Option<(Targets, Option<PortSet>)>,
    pub(super) stderr: Option<String>,
    pub(super) failures: Failures,
}

/// Origin of a merged host.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    pub(super) host_id: String,
    /// IDs of the scans that saw the host.
    pub(super) scans: Vec<String>,
    /// Ports that some of these scans looked at and did not list.
    pub(super) covered: Covered,
}

/// Maximum number of failures of an engine that are kept.
pub(super) const MAX_FAILURES: usize = 10_000;

/// Functions that failed.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures {
    pub(super) kept: Vec<Failure>,
    pub(super) count: u64,
}

impl Failures {
    pub(super) fn add(&mut self, failures: Vec<Failure>) {
        self.count = self.count.saturating_add(u64::try_from(failures.len()).unwrap_or(u64::MAX));
        let room = MAX_FAILURES.saturating_sub(self.kept.len());
        self.kept.extend(failures.into_iter().take(room));
    }

    /// Adds the failures of another scan.
    pub(super) fn join(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        let room = MAX_FAILURES.saturating_sub(self.kept.len());
        self.kept.extend(other.kept.iter().take(room).cloned());
    }
}

impl ScanResults {
    /// Reads a file.
    pub(super) fn from_file(path: &Path, options: &Options) -> Result<Self> {
        // `-` is standard input elsewhere; here it is the name of a file.
        let path = if path.as_os_str() == "-" { Path::new("./-") } else { path };
        let name = path.display().to_string();
        if path.is_dir() {
            return Err(Error::from(std::io::Error::from(std::io::ErrorKind::IsADirectory))
                .with_input(name));
        }
        let mut scans = Vec::new();
        for input in source::discover(&[path.to_owned()], &PathFilter::default()) {
            input?.visit(&options.limits, &PathFilter::default(), &mut |member| {
                let Member { name, explicit: named, bytes, .. } = member?;
                match read(bytes, options, &mut scans) {
                    // Another file in an archive.
                    Err(error) if !named && matches!(error.kind(), ErrorKind::NotNmap(_)) => Ok(()),
                    other => other.map_err(|error| error.with_input(name)),
                }
            })?;
        }
        Self::from_scans(scans).map_err(|error| error.with_input(name))
    }

    /// Reads XML from a reader.
    pub(super) fn from_reader(xml: impl Read, options: &Options) -> Result<Self> {
        let mut scans = Vec::new();
        read(xml, options, &mut scans)?;
        Self::from_scans(scans)
    }

    fn from_scans(scans: Vec<Self>) -> Result<Self> {
        let mut scans = scans.into_iter();
        let mut first = scans.next().ok_or_else(|| Error::scan("there is no scan in it"))?;
        let others: Vec<Self> = scans.collect();
        if !others.is_empty() {
            let others: Vec<&Self> = others.iter().collect();
            combine::add_scans(&mut first, &others, crate::merge::MergeFlags::default())?;
        }
        Ok(first)
    }

    /// Ends the input: several hosts with one address are merged into one.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.scans = vec![self.record.header.scan_id.clone()];
        if self.index() {
            combine::merge_equal_hosts(self)?;
        }
        Ok(())
    }

    /// Builds the index of host names. Returns true if several hosts have the same name.
    pub(super) fn index(&mut self) -> bool {
        self.names = self.hosts.iter().map(name).collect();
        self.places.clear();
        let mut twice = false;
        for (place, name) in self.names.iter().enumerate() {
            twice |= self.places.insert(name.clone(), place).is_some();
        }
        for (place, host) in self.hosts.iter().enumerate() {
            for address in &host.addresses {
                self.places.entry(address.text.to_string()).or_insert(place);
            }
        }
        twice
    }

    /// Returns the ports that the scan of a host that was not merged covered without listing them.
    pub(super) fn covered(&self, place: usize) -> Covered {
        self.hosts.get(place).map_or_else(Covered::default, |host| Covered::of(host, &self.record))
    }

    /// Returns the index of the host with this name. An address may be written in any valid form.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        let place = self.places.get(name).or_else(|| {
            let (address, zone) =
                name.split_once('%').map_or((name, None), |(text, zone)| (text, Some(zone)));
            let address: IpAddr = address.parse().ok()?;
            let canonical = match zone {
                Some(zone) => format!("{address}%{zone}"),
                None => address.to_string(),
            };
            self.places.get(&canonical)
        });
        place.copied()
    }
}

/// Returns the name of a host: its address with its zone, or its MAC address, or its host name.
fn name(host: &Host<'_>) -> String {
    name_of_key(HostKey::of(host, Identity::Ip).as_str()).to_owned()
}

/// Returns the name that belongs to a host key. For a host that equals no other, this is the key itself.
pub(super) fn name_of_key(key: &str) -> &str {
    let known = ["ip:", "mac:", "name:"].iter().find_map(|kind| key.strip_prefix(kind));
    known.unwrap_or(key)
}

/// Reads all scans of an input.
fn read(xml: impl Read, options: &Options, scans: &mut Vec<ScanResults>) -> Result<()> {
    let mut reader = Reader::new(xml, options.clone());
    let mut hosts = Vec::new();
    while let Some(event) = reader.next_event()? {
        match event {
            ScanEvent::Host(host) => hosts.push(host.into_owned()),
            ScanEvent::ScanEnd(record) if record.has_scan => {
                let hosts = std::mem::take(&mut hosts);
                let mut found =
                    ScanResults { record: *record, hosts, is_kept: true, ..ScanResults::default() };
                found.finish()?;
                scans.push(found);
            }
            _ => {}
        }
    }
    Ok(())
}
