//! Summarizes inputs: scans, and how often each state, service and operating system was found.
//!
//! Each thread summarizes what it reads, and the parts are added up in the order of the inputs, so the summary is the
//! same for any number of threads. Counts are kept per text, and texts that many scans share are kept once. Memory is
//! bounded by the budget of the job: if very many scans or service names exceed its share for documents, the job ends
//! with an error.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Deref,
    sync::Arc,
};

use serde::{Serialize, Serializer};

use super::{Inputs, JobOptions, JobStatus};
use crate::{
    error::{Error, Result},
    format::{ChunkWriter, Emit, Format, ScanEncoder, Written},
    model::{Host, ScanActivity, ScanHeader, ScanSummary},
    pipeline::{Filters, Report},
};

/// Options of [`inspect`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct InspectOptions {
    /// How the job runs.
    pub job: JobOptions,
    /// Maximum number of scans that are listed; all by default. The others are only counted.
    pub max_scans: Option<usize>,
}

impl InspectOptions {
    /// Sets how the job runs.
    #[must_use]
    pub fn with_job(mut self, job: JobOptions) -> Self {
        self.job = job;
        self
    }

    /// Sets the maximum number of scans that are listed.
    #[must_use]
    pub fn with_max_scans(mut self, scans: usize) -> Self {
        self.max_scans = Some(scans);
        self
    }
}

/// Result of [`inspect`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// Contents of the inputs.
    pub summary: InputSummary,
    /// Report on what was read.
    pub report: Report,
}

impl Inspection {
    /// Returns the outcome.
    #[must_use]
    pub fn status(&self) -> JobStatus {
        JobStatus::from(&self.report)
    }
}

/// Summary of inputs. Its members serialize in alphabetical order.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct InputSummary {
    /// Number of hosts by state.
    pub hosts: BTreeMap<String, u64>,
    /// Number of hosts by the name of the best OS match.
    pub os: BTreeMap<String, u64>,
    /// Number of ports by protocol and state, such as `tcp/open`.
    pub ports: BTreeMap<String, u64>,
    /// Scans, at most [`InspectOptions::max_scans`].
    pub scans: Vec<ScanOverview>,
    /// Number of open ports by service, such as `http: nginx`.
    pub services: BTreeMap<String, u64>,
    /// Number of scans, including those that are not listed.
    #[serde(skip)]
    pub scan_count: usize,
}

/// Overview of one scan.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ScanOverview {
    /// Command line of the scanner.
    pub args: Option<SharedText>,
    /// Message of the scanner about its failure.
    pub error_message: Option<SharedText>,
    /// Exit status that the scanner wrote, such as `success`.
    pub exit: Option<SharedText>,
    /// True if the document says that the scan failed.
    #[serde(skip)]
    pub failed: bool,
    /// Number of host elements.
    pub hosts: i64,
    /// ID of the scan.
    pub id: Box<str>,
    /// Name of the scanner.
    pub scanner: Option<SharedText>,
    /// Name of the input.
    pub source: SharedText,
    /// Start of the scan, as RFC 3339 text in UTC.
    pub start: Option<Box<str>>,
    /// True if the document ends before its end tag.
    pub truncated: bool,
    /// Version of the scanner.
    pub version: Option<SharedText>,
}

/// Text that many scans share. It is kept in memory once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SharedText(Arc<str>);

impl Borrow<str> for SharedText {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Deref for SharedText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for SharedText {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

/// Summarizes inputs, including datasets.
///
/// ```
/// use scanmill::ops::{self, InspectOptions, Inputs};
///
/// let inputs = Inputs::new(["fixtures/01-tcp-connect-default.xml"]);
/// let inspection = ops::inspect(&inputs, &InspectOptions::default())?;
/// assert_eq!(inspection.summary.hosts["up"], 1);
/// assert_eq!(inspection.summary.scans[0].scanner.as_deref(), Some("nmap"));
/// # Ok::<(), scanmill::error::Error>(())
/// ```
///
/// # Errors
/// Returns an error of the kind [`MemoryLimit`](crate::error::ErrorKind::MemoryLimit) if the summary exceeds its share of the
/// memory.
pub fn inspect(inputs: &Inputs, options: &InspectOptions) -> Result<Inspection> {
    let job = &options.job;
    let mut summary = SummaryBuilder::new(options);
    let pipeline = job.pipeline(SummaryWriter(&mut summary), Filters::default(), false)?;
    let (pipeline, progress) = job.read(inputs.resolve(), pipeline)?;
    let report = pipeline.finish()?;
    drop(progress);
    Ok(Inspection { summary: summary.summary, report })
}

/// Format whose chunks are summaries of parts of the inputs.
struct SummaryWriter<'s>(&'s mut SummaryBuilder);

impl Format for SummaryWriter<'_> {
    type Encoder = SummaryEncoder;

    fn encoder(&self) -> SummaryEncoder {
        SummaryEncoder { max_scans: self.0.max_scans, part: SummaryPart::default() }
    }
}

impl ChunkWriter for SummaryWriter<'_> {
    type Chunk = SummaryPart;

    fn write(&mut self, part: SummaryPart) -> Result<()> {
        self.0.add(part.summary)
    }

    fn finish(self) -> Result<()> {
        Ok(())
    }
}

/// Summary of a part of the inputs, and its approximate size in bytes, which is 0 if it is empty.
#[derive(Default)]
struct SummaryPart {
    summary: InputSummary,
    bytes: usize,
}

/// Summarizes the hosts and scans that one thread reads.
struct SummaryEncoder {
    max_scans: usize,
    part: SummaryPart,
}

impl SummaryEncoder {
    fn hold(&mut self, bytes: usize) {
        self.part.bytes = self.part.bytes.saturating_add(bytes).max(1);
    }
}

impl ScanEncoder for SummaryEncoder {
    type Chunk = SummaryPart;

    fn host(&mut self, _: &ScanHeader, host: &Host<'_>, _: Emit<'_, SummaryPart>) -> Result<()> {
        let bytes = self.part.summary.add_host(host);
        self.hold(bytes);
        Ok(())
    }

    fn activity(&mut self, _: &ScanHeader, _: i32, _: &ScanActivity) -> Result<()> {
        Ok(())
    }

    fn scan_end(&mut self, source: &str, record: ScanSummary) -> Result<()> {
        if !record.has_scan {
            return Ok(());
        }
        let mut bytes = 0;
        let summary = &mut self.part.summary;
        summary.scan_count = summary.scan_count.saturating_add(1);
        if summary.scans.len() < self.max_scans {
            let scan = ScanOverview::new(source, &record);
            bytes = scan.texts().fold(scan.own_bytes(), |sum, text| sum.saturating_add(text.len()));
            summary.scans.push(scan);
        }
        self.hold(bytes);
        Ok(())
    }

    fn take_written(&mut self) -> Written {
        Written::default()
    }

    fn buffered_bytes(&self) -> usize {
        self.part.bytes
    }

    fn emitted_bytes(part: &SummaryPart) -> usize {
        part.bytes
    }

    fn take(&mut self) -> Vec<SummaryPart> {
        let part = std::mem::take(&mut self.part);
        if part.bytes == 0 { Vec::new() } else { vec![part] }
    }
}

impl InputSummary {
    /// Counts a host, and returns the approximate size of new texts, in bytes.
    fn add_host(&mut self, host: &Host<'_>) -> usize {
        let mut new_bytes = 0_usize;
        let mut count = |counts: &mut BTreeMap<String, u64>, key: String| {
            new_bytes = new_bytes.saturating_add(add_count(counts, key, 1));
        };
        count(&mut self.hosts, host.status.state.as_str().to_owned());
        for port in &host.ports {
            let state = port.state.as_str();
            count(&mut self.ports, format!("{}/{state}", port.protocol.as_str()));
            if state == "open" {
                let service = port.services.first();
                let name = service.and_then(|s| s.name.as_deref()).unwrap_or("(unknown)");
                let text = match service.and_then(|s| s.product.as_deref()) {
                    Some(product) => format!("{name}: {product}"),
                    None => name.to_owned(),
                };
                count(&mut self.services, text);
            }
        }
        let best = host.os.matches.iter().max_by_key(|m| m.accuracy);
        if let Some(name) = best.and_then(|m| m.name.as_deref()) {
            count(&mut self.os, name.to_owned());
        }
        new_bytes
    }
}

/// Adds to the count of a text, and returns its approximate size in bytes if it is new.
fn add_count(counts: &mut BTreeMap<String, u64>, text: String, more: u64) -> usize {
    let new_bytes = if counts.contains_key(&text) { 0 } else { text.len().saturating_add(64) };
    let count = counts.entry(text).or_default();
    *count = count.saturating_add(more);
    new_bytes
}

impl ScanOverview {
    fn new(source: &str, record: &ScanSummary) -> Self {
        let (header, stats) = (&record.header, &record.stats);
        let text = |text: &Option<String>| text.as_deref().map(|text| SharedText(text.into()));
        Self {
            args: text(&header.args),
            error_message: text(&stats.error_message),
            exit: text(&stats.exit_status),
            failed: stats.failed(),
            hosts: record.hosts_seen,
            id: header.scan_id.as_str().into(),
            scanner: text(&header.scanner),
            source: SharedText(source.into()),
            start: header.start_time.map(|time| time.to_string().into_boxed_str()),
            truncated: record.truncated,
            version: text(&header.scanner_version),
        }
    }

    /// Returns the approximate size without the texts that scans share, in bytes.
    fn own_bytes(&self) -> usize {
        size_of::<Self>().saturating_add(self.id.len()).saturating_add(32)
    }

    /// Returns the texts that other scans may share.
    fn texts(&self) -> impl Iterator<Item = &SharedText> {
        let Self { args, error_message, exit, scanner, source, version, .. } = self;
        [args, error_message, exit, scanner, version].into_iter().flatten().chain([source])
    }

    /// Returns the texts that other scans may share.
    fn texts_mut(&mut self) -> impl Iterator<Item = &mut SharedText> {
        let Self { args, error_message, exit, scanner, source, version, .. } = self;
        [args, error_message, exit, scanner, version].into_iter().flatten().chain([source])
    }
}

/// Summary in the making, and the memory that it uses.
struct SummaryBuilder {
    summary: InputSummary,
    max_scans: usize,
    texts: BTreeSet<SharedText>,
    /// Approximate size of the summary, and its limit, in bytes.
    bytes: usize,
    max_bytes: usize,
}

impl SummaryBuilder {
    fn new(options: &InspectOptions) -> Self {
        Self {
            summary: InputSummary::default(),
            max_scans: options.max_scans.unwrap_or(usize::MAX),
            texts: BTreeSet::new(),
            bytes: 0,
            max_bytes: options.job.budget.document_bytes(),
        }
    }

    /// Adds the summary of the next part of the inputs.
    ///
    /// # Errors
    /// Fails if the whole exceeds the limit.
    fn add(&mut self, part: InputSummary) -> Result<()> {
        let InputSummary { hosts, os, ports, services, scans, scan_count } = part;
        let summary = &mut self.summary;
        for (counts, more) in [
            (&mut summary.hosts, hosts),
            (&mut summary.os, os),
            (&mut summary.ports, ports),
            (&mut summary.services, services),
        ] {
            for (text, count) in more {
                self.bytes = self.bytes.saturating_add(add_count(counts, text, count));
            }
        }
        summary.scan_count = summary.scan_count.saturating_add(scan_count);
        let room = self.max_scans.saturating_sub(summary.scans.len());
        for mut scan in scans.into_iter().take(room) {
            self.bytes = self.bytes.saturating_add(scan.own_bytes());
            for text in scan.texts_mut() {
                self.intern(text);
            }
            self.summary.scans.push(scan);
        }
        if self.bytes <= self.max_bytes {
            return Ok(());
        }
        Err(Error::memory_limit(format!(
            "too little memory: the results take more than {} MiB",
            self.max_bytes >> 20
        )))
    }

    /// Replaces a text by the copy that all scans share.
    fn intern(&mut self, text: &mut SharedText) {
        if let Some(known) = self.texts.get(text) {
            *text = known.clone();
        } else {
            self.bytes = self.bytes.saturating_add(text.len()).saturating_add(64);
            self.texts.insert(text.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::ErrorKind, ops::MemoryBudget};

    fn inspected(threads: usize, max_scans: Option<usize>) -> Inspection {
        let job = JobOptions::new(MemoryBudget::new(None, threads).unwrap());
        let mut options = InspectOptions::default().with_job(job);
        options.max_scans = max_scans;
        inspect(&Inputs::new(["fixtures"]), &options).unwrap()
    }

    #[test]
    fn the_summary_does_not_depend_on_the_number_of_threads() {
        let one = inspected(1, None);
        assert_eq!(one.summary.scans.len(), one.summary.scan_count);
        assert_eq!(one.summary.hosts.values().sum::<u64>(), one.report.counts.hosts);
        let text = serde_json::to_string(&one.summary).unwrap();
        for threads in [2, 3] {
            let other = inspected(threads, None);
            assert_eq!(serde_json::to_string(&other.summary).unwrap(), text);
            assert_eq!(other.report.counts, one.report.counts);
            let first = inspected(threads, Some(7)).summary;
            assert_eq!((first.scans.len(), first.scan_count), (7, one.summary.scan_count));
            let ids = |scans: &[ScanOverview]| scans.iter().map(|scan| scan.id.clone()).collect();
            let (first, all): (Vec<_>, Vec<_>) = (ids(&first.scans), ids(&one.summary.scans));
            assert_eq!(first, all[..7]);
        }
    }

    #[test]
    fn a_summary_that_exceeds_its_memory_is_an_error() {
        let mut summary = SummaryBuilder::new(&InspectOptions::default());
        summary.max_bytes = 1000;
        let part = |text: &str| InputSummary {
            services: BTreeMap::from([(text.to_owned(), 1)]),
            ..InputSummary::default()
        };
        for _ in 0..100 {
            summary.add(part("http")).unwrap();
        }
        let error = (0..100).find_map(|n| summary.add(part(&n.to_string())).err()).unwrap();
        assert!(matches!(error.kind(), ErrorKind::MemoryLimit(_)), "{error}");
    }
}
