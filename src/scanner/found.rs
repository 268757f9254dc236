//! What a scan found, with its hosts by their names.

use std::{collections::HashMap, io::Read, net::IpAddr, path::Path};

use super::{Scanner, joined, unscanned::Covered};
use crate::{
    engine::Failure,
    error::{Error, ErrorKind, Result},
    model::{Host, HostKey, Identity, RunRecord, ScanEvent},
    request::{PortSet, Targets},
    source::{self, Member, Pick},
    xml::{Options, Reader},
};

/// A scan that has ended.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) record: RunRecord,
    pub(super) hosts: Vec<Host<'static>>,
    /// Of each host what it is called by, in their order.
    pub(super) names: Vec<String>,
    /// Places of hosts by what they may be called by.
    pub(super) places: HashMap<String, usize>,
    /// Of each host where it comes from, if scans were merged.
    pub(super) origins: Vec<Origin>,
    /// Ids of the scans that are in it, its own first.
    pub(super) scans: Vec<String>,
    /// Whether hosts were kept.
    pub(super) is_kept: bool,
    /// What was asked for; nothing of a file.
    pub(super) requested: Option<(Targets, Option<PortSet>)>,
    pub(super) stderr: Option<String>,
    pub(super) failures: Failures,
}

/// Where a merged host comes from.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    pub(super) host_id: String,
    /// Ids of the scans that saw it.
    pub(super) scans: Vec<String>,
    /// Ports that some of them looked at and did not list.
    pub(super) covered: Covered,
}

/// Functions that failed.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures {
    pub(super) kept: Vec<Failure>,
    pub(super) count: u64,
}

impl Failures {
    pub(super) fn add(&mut self, failures: Vec<Failure>) {
        self.count = self.count.saturating_add(u64::try_from(failures.len()).unwrap_or(u64::MAX));
        let room = Scanner::FAILURES.saturating_sub(self.kept.len());
        self.kept.extend(failures.into_iter().take(room));
    }

    /// Adds those of another scan.
    pub(super) fn join(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        let room = Scanner::FAILURES.saturating_sub(self.kept.len());
        self.kept.extend(other.kept.iter().take(room).cloned());
    }
}

impl Found {
    /// What a file tells.
    pub(super) fn of_file(path: &Path, options: &Options) -> Result<Self> {
        // A dash is standard input elsewhere; here it is the name of a file.
        let path = if path.as_os_str() == "-" { Path::new("./-") } else { path };
        let name = path.display().to_string();
        if path.is_dir() {
            return Err(
                Error::from(std::io::Error::from(std::io::ErrorKind::IsADirectory)).in_input(name)
            );
        }
        let mut scans = Vec::new();
        for input in source::discover(&[path.to_owned()], &Pick::default()) {
            input?.visit(&options.limits, &Pick::default(), &mut |member| {
                let Member { name, named, bytes, .. } = member?;
                match read(bytes, options, &mut scans) {
                    // Something else in an archive.
                    Err(error) if !named && matches!(error.kind(), ErrorKind::NotNmap(_)) => Ok(()),
                    other => other.map_err(|error| error.in_input(name)),
                }
            })?;
        }
        Self::of_scans(scans).map_err(|error| error.in_input(name))
    }

    /// What bytes tell.
    pub(super) fn of_reader(xml: impl Read, options: &Options) -> Result<Self> {
        let mut scans = Vec::new();
        read(xml, options, &mut scans)?;
        Self::of_scans(scans)
    }

    fn of_scans(scans: Vec<Self>) -> Result<Self> {
        let mut scans = scans.into_iter();
        let mut first = scans.next().ok_or_else(|| Error::scan("there is no scan in it"))?;
        let others: Vec<Self> = scans.collect();
        if !others.is_empty() {
            let others: Vec<&Self> = others.iter().collect();
            joined::join(&mut first, &others, crate::merge::MergeFlags::default())?;
        }
        Ok(first)
    }

    /// All hosts have come. Several of one address become one.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.scans = vec![self.record.header.scan_id.clone()];
        if self.index() {
            joined::fold(self)?;
        }
        Ok(())
    }

    /// Finds out what hosts are called by; true if several are called by one name.
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

    /// The place of the host of this name: an address as a text, in any way to write it.
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

/// What a host is called by: its address with its zone, else its MAC address, else its name.
fn name(host: &Host<'_>) -> String {
    called(HostKey::of(host, Identity::Ip).as_str()).to_owned()
}

/// What a host of this key is called by; the key itself of one that is like no other.
pub(super) fn called(key: &str) -> &str {
    let known = ["ip:", "mac:", "name:"].iter().find_map(|kind| key.strip_prefix(kind));
    known.unwrap_or(key)
}

/// Reads all scans.
fn read(xml: impl Read, options: &Options, scans: &mut Vec<Found>) -> Result<()> {
    let mut reader = Reader::new(xml, options.clone());
    let mut hosts = Vec::new();
    while let Some(event) = reader.next_event()? {
        match event {
            ScanEvent::Host(host) => hosts.push(host.into_owned()),
            ScanEvent::RunEnd(record) if record.exists => {
                let hosts = std::mem::take(&mut hosts);
                let mut found = Found { record: *record, hosts, is_kept: true, ..Found::default() };
                found.finish()?;
                scans.push(found);
            }
            _ => {}
        }
    }
    Ok(())
}
