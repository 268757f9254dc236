//! Lists of what scans found: hosts, URLs, ports and so on, one item per line, sorted and without duplicates.
//!
//! Each thread turns the hosts that pass the filters into items (`encoder`); the items of all inputs are one sorted set
//! (`item`), from which [`Listing`] returns the lines. So the result is the same for any number of threads and any order
//! of the inputs. Inputs are not merged: an item is listed if any scan has it.
//!
//! An item consists of characters that neither a shell nor a file of lines gives a meaning. Names come from scanned
//! hosts: one that contains blanks or control characters, or that nmap would understand as a range or an option, is left
//! out and counted.
//!
//! To add a kind, add a variant to [`ListKind`] and its items to `encoder`.

mod encoder;
mod item;

use std::{
    collections::{BTreeSet, btree_set},
    iter::Peekable,
};

use self::{
    encoder::{ListEncoder, ListRules},
    item::{Item, Place, last_octets, ports_text},
};
use super::{Inputs, JobOptions, JobStatus, ResolvedInputs};
use crate::{
    error::{Error, Result},
    filter::{Field, Filter},
    format::{ChunkWriter, Format},
    output::{DocumentSink, Output},
    pipeline::{Filters, Report},
};

/// Approximate memory of an entry of the set in addition to the item itself, in bytes.
const ENTRY_BYTES: usize = 16;

/// Number of bytes of output gathered before they are written.
const OUTPUT_BYTES: usize = 256 << 10;

/// Items to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListKind {
    /// Addresses of hosts, such as `192.0.2.7`; the name of a host without an address.
    Hosts,
    /// Hosts as targets of nmap: the IPv4 addresses of a /24 network on one line, such as `192.0.2.1-6,9`.
    Targets,
    /// Host names.
    Names,
    /// Networks of the addresses, such as `192.0.2.0/24`.
    Subnets,
    /// Ports of all hosts on one line, for nmap's `-p`: `22,80` or `T:22,80,U:53`.
    Ports,
    /// Addresses with ports, such as `192.0.2.7:80` and `[2001:db8::7]:80`.
    HostPorts,
    /// Hosts with their ports as arguments of nmap, such as `192.0.2.7 -p 22,80`.
    HostPortGroups,
    /// Addresses of web servers, such as `https://192.0.2.7:8443`.
    Urls,
    /// Names of services, such as `ssh` and `ssl/http`.
    Services,
}

impl ListKind {
    /// Returns true if the items come from ports.
    #[must_use]
    pub const fn is_of_ports(self) -> bool {
        matches!(
            self,
            Self::Ports | Self::HostPorts | Self::HostPortGroups | Self::Urls | Self::Services
        )
    }
}

/// Options of [`list`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListOptions {
    /// Which hosts and ports are listed. Without states, and without an expression about states, only open ports and
    /// hosts that are up.
    pub filters: Filters,
    /// List hosts by their names instead of their addresses, as far as they have any.
    pub names: bool,
    /// Also list names in certificates that the script `ssl-cert` read, as names, and as virtual hosts of URLs.
    pub certificates: bool,
    /// Length of the prefix of IPv4 networks, at most 32; 24 by default.
    pub prefix_v4: u8,
    /// Length of the prefix of IPv6 networks, at most 128; 64 by default.
    pub prefix_v6: u8,
    /// How the job runs.
    pub job: JobOptions,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self {
            filters: Filters::default(),
            names: false,
            certificates: false,
            prefix_v4: 24,
            prefix_v6: 64,
            job: JobOptions::default(),
        }
    }
}

impl ListOptions {
    /// Sets which hosts and ports are listed.
    #[must_use]
    pub fn with_filters(mut self, filters: Filters) -> Self {
        self.filters = filters;
        self
    }

    /// Lists what an expression selects.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filters.expression = Some(filter);
        self
    }

    /// Lists hosts by their names instead of their addresses, as far as they have any.
    #[must_use]
    pub fn with_names(mut self, on: bool) -> Self {
        self.names = on;
        self
    }

    /// Also lists names in certificates, as names, and as virtual hosts of URLs.
    #[must_use]
    pub fn with_certificates(mut self, on: bool) -> Self {
        self.certificates = on;
        self
    }

    /// Sets the lengths of the prefixes of IPv4 and IPv6 networks.
    #[must_use]
    pub fn with_prefixes(mut self, v4: u8, v6: u8) -> Self {
        (self.prefix_v4, self.prefix_v6) = (v4, v6);
        self
    }

    /// Sets how the job runs.
    #[must_use]
    pub fn with_job(mut self, job: JobOptions) -> Self {
        self.job = job;
        self
    }

    /// Returns the filters of a kind, with the defaults for what they leave open.
    fn filters(&self, kind: ListKind) -> Filters {
        let mut filters = self.filters.clone();
        let has_field =
            |field| filters.expression.as_ref().is_some_and(|filter| filter.has_field(field));
        let (asks_host, asks_port) = (has_field(Field::HostState), has_field(Field::State));
        filters.up |= !asks_host;
        if filters.states.is_empty() && kind.is_of_ports() && !asks_port {
            filters.states.push("open".to_owned());
        }
        filters
    }
}

/// Lists what the inputs contain.
///
/// ```
/// use scanmill::{filter::Filter, ops::{self, Inputs, ListKind, ListOptions}};
///
/// let inputs = Inputs::new(["fixtures/01-tcp-connect-default.xml"]);
/// let options = ListOptions::default().with_filter(Filter::parse("port < 1024")?);
/// let ports: Vec<String> = ops::list(&inputs, ListKind::Ports, &options)?.collect();
/// assert_eq!(ports, ["25,80,443"]);
/// # Ok::<(), scanmill::error::Error>(())
/// ```
///
/// # Errors
/// Returns a usage error for the length of a prefix that no address has, and an error of the kind
/// [`MemoryLimit`](crate::error::ErrorKind::MemoryLimit) if the items exceed the share of documents in the memory budget
/// ([`MemoryBudget::document_bytes`](super::MemoryBudget::document_bytes)).
pub fn list(inputs: &Inputs, kind: ListKind, options: &ListOptions) -> Result<Listing> {
    list_resolved(inputs.resolve(), kind, options)
}

fn list_resolved(found: ResolvedInputs, kind: ListKind, options: &ListOptions) -> Result<Listing> {
    if options.prefix_v4 > 32 || options.prefix_v6 > 128 {
        return Err(Error::usage("a prefix has at most 32 bits for IPv4, and 128 for IPv6"));
    }
    let job = &options.job;
    let rules = ListRules {
        kind,
        names: options.names,
        certificates: options.certificates,
        needs_port: !options.filters.states.is_empty(),
        prefix_v4: options.prefix_v4,
        prefix_v6: options.prefix_v6,
    };
    let mut set = ItemSet { max_bytes: job.budget.document_bytes(), ..ItemSet::default() };
    let writer = ListWriter { rules, set: &mut set };
    let pipeline = job.pipeline(writer, options.filters(kind), false)?;
    let (pipeline, progress) = job.read(found, pipeline)?;
    let report = pipeline.finish()?;
    drop(progress);
    let ItemSet { items, left_out, .. } = set;
    Ok(Listing { kind, items: items.into_iter().peekable(), left_out, report })
}

/// Destination of a list; see [`write_list`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListOutput {
    /// Standard output or a file.
    pub destination: Output,
    /// Replace an existing file.
    pub overwrite: bool,
    /// End each item with a NUL byte instead of a line break.
    pub nul: bool,
}

impl ListOutput {
    /// Creates an output with one item per line.
    #[must_use]
    pub fn new(destination: Output) -> Self {
        Self { destination, overwrite: false, nul: false }
    }

    /// Replaces an existing file.
    #[must_use]
    pub fn with_overwrite(mut self, on: bool) -> Self {
        self.overwrite = on;
        self
    }

    /// Ends each item with a NUL byte.
    #[must_use]
    pub fn with_nul(mut self, on: bool) -> Self {
        self.nul = on;
        self
    }
}

/// Report of [`write_list`].
#[derive(Debug)]
#[non_exhaustive]
pub struct ListReport {
    /// Report on the inputs.
    pub report: Report,
    /// Number of items that were written.
    pub items: u64,
    /// Number of items that were left out; see [`Listing::left_out`].
    pub left_out: u64,
}

/// Lists what the inputs contain, and writes the items. Without a readable scan, and if the job is cancelled, nothing is
/// written, and an existing file stays as it is.
///
/// ```
/// use scanmill::{ops::{self, Inputs, ListKind, ListOptions, ListOutput}, output::Output};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("hosts.txt");
/// let inputs = Inputs::new(["fixtures/01-tcp-connect-default.xml"]);
/// let output = ListOutput::new(Output::File(path.clone()));
/// let report = ops::write_list(&inputs, ListKind::HostPorts, &output, &ListOptions::default())?;
/// assert_eq!(std::fs::read_to_string(path)?.lines().count() as u64, report.items);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns the errors of [`list`], a usage error if the output exists or would replace an input, and an error of the kind
/// [`Sink`](crate::error::ErrorKind::Sink) if it cannot be written.
pub fn write_list(
    inputs: &Inputs,
    kind: ListKind,
    output: &ListOutput,
    options: &ListOptions,
) -> Result<ListReport> {
    let ListOutput { destination, overwrite, nul } = output;
    let found = options.job.resolve(inputs, destination, None)?;
    let mut sink = DocumentSink::open(destination, *overwrite, &options.job.temporaries)?;
    let mut listing = list_resolved(found, kind, options)?;
    if listing.report.counts.scans == 0 || listing.report.interrupted {
        let Listing { report, left_out, .. } = listing;
        return Ok(ListReport { report, items: 0, left_out });
    }
    let (mut items, mut text) = (0_u64, Vec::new());
    for item in &mut listing {
        items = items.saturating_add(1);
        text.extend_from_slice(item.as_bytes());
        text.push(if *nul { 0 } else { b'\n' });
        if text.len() >= OUTPUT_BYTES {
            sink.write(&text)?;
            text.clear();
        }
    }
    sink.write(&text)?;
    sink.finish()?;
    let Listing { report, left_out, .. } = listing;
    Ok(ListReport { report, items, left_out })
}

/// Lines of a list in their order, without line breaks; see [`list`].
#[derive(Debug)]
pub struct Listing {
    kind: ListKind,
    items: Peekable<btree_set::IntoIter<Item>>,
    left_out: u64,
    report: Report,
}

impl Listing {
    /// Returns the report on the inputs.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Returns the number of names, addresses and services that were found and cannot be listed on a line, and of hosts
    /// without any.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Returns the outcome.
    #[must_use]
    pub fn status(&self) -> JobStatus {
        JobStatus::from(&self.report)
    }
}

impl Iterator for Listing {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let first = self.items.next()?;
        match (&first, self.kind) {
            (Item::Port(..), _) => {
                let rest = std::iter::from_fn(|| self.items.next());
                Some(ports_text(std::iter::once(first).chain(rest)))
            }
            (Item::HostPort(place, _), ListKind::HostPortGroups) => {
                let place = place.clone();
                let is_same =
                    |item: &Item| matches!(item, Item::HostPort(other, _) if *other == place);
                let rest = std::iter::from_fn(|| self.items.next_if(is_same));
                let ports = ports_text(std::iter::once(first).chain(rest));
                let family = if matches!(place, Place::V6(..)) { " -6" } else { "" };
                Some(format!("{place}{family} -p {ports}"))
            }
            (Item::Host(Place::V4(address)), ListKind::Targets) => {
                let [a, b, c, last] = address.octets();
                let is_near = |item: &Item| matches!(item, Item::Host(Place::V4(other)) if other.octets()[..3] == [a, b, c]);
                let mut octets = vec![last];
                while let Some(Item::Host(Place::V4(next))) = self.items.next_if(is_near) {
                    octets.push(next.octets()[3]);
                }
                Some(format!("{a}.{b}.{c}.{}", last_octets(&octets)))
            }
            _ => Some(first.to_string()),
        }
    }
}

/// Format whose chunks are the items of parts of the inputs.
struct ListWriter<'s> {
    rules: ListRules,
    set: &'s mut ItemSet,
}

/// Items of a part of the inputs, and the number of those that cannot be listed.
#[derive(Debug, Default)]
struct ListPart {
    items: Vec<Item>,
    left_out: u64,
}

impl Format for ListWriter<'_> {
    type Encoder = ListEncoder;

    fn encoder(&self) -> ListEncoder {
        ListEncoder::new(self.rules)
    }
}

impl ChunkWriter for ListWriter<'_> {
    type Chunk = ListPart;

    fn write(&mut self, part: ListPart) -> Result<()> {
        self.set.add(part)
    }

    fn finish(self) -> Result<()> {
        Ok(())
    }
}

/// Items of all inputs, and the memory that they use.
#[derive(Debug, Default)]
struct ItemSet {
    items: BTreeSet<Item>,
    left_out: u64,
    /// Approximate size and its limit, in bytes.
    bytes: usize,
    max_bytes: usize,
}

impl ItemSet {
    /// Adds the items of a part.
    ///
    /// # Errors
    /// Fails if all items together exceed the limit.
    fn add(&mut self, part: ListPart) -> Result<()> {
        self.left_out = self.left_out.saturating_add(part.left_out);
        for item in part.items {
            let bytes = item.bytes().saturating_add(ENTRY_BYTES);
            if self.items.insert(item) {
                self.bytes = self.bytes.saturating_add(bytes);
            }
        }
        if self.bytes <= self.max_bytes {
            return Ok(());
        }
        let mib = self.max_bytes >> 20;
        Err(Error::memory_limit(format!("too little memory: the list takes more than {mib} MiB")))
    }
}
