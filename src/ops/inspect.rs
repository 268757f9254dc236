//! Summarizes inputs: scans, and how often each state, service and operating system was found.
//!
//! Counts are kept per text, and texts that many scans share are kept once. Memory is bounded by the budget of the job:
//! if very many scans or service names exceed its share for documents, the job ends with an error.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Deref,
    sync::Arc,
};

use serde::{Serialize, Serializer};

use super::{CancellationToken, Inputs, JobOptions, JobStatus};
use crate::{
    error::{Error, Result},
    format::Discard,
    model::{Host, ScanEvent, ScanSummary},
    pipeline::{Filters, Report},
};

/// Options of [`inspect`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct InspectOptions {
    /// How the job runs. It reads on one thread.
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
    /// What was found in the inputs.
    pub summary: InputSummary,
    /// What was read.
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
/// Returns an error of the kind [`Resource`](crate::error::ErrorKind::Resource) if the summary exceeds its share of the
/// memory.
pub fn inspect(inputs: &Inputs, options: &InspectOptions) -> Result<Inspection> {
    let cancellation = options.job.cancellation.child();
    let job = options.job.clone().with_cancellation(cancellation.clone());
    let pipeline = job.pipeline(Discard, Filters::default(), false)?;
    let mut summarizer = Summarizer::new(options, cancellation);
    let mut observer = |name: &str, event: &ScanEvent<'_>| summarizer.add(name, event);
    let (pipeline, progress) = job.read(inputs.resolve(), pipeline, Some(&mut observer))?;
    let report = pipeline.finish()?;
    drop(progress);
    Ok(Inspection { summary: summarizer.finish()?, report })
}

/// Summary in the making, and the memory that it uses.
struct Summarizer {
    summary: InputSummary,
    max_scans: usize,
    texts: BTreeSet<SharedText>,
    /// Approximate size of the summary, and the size at which the job ends, in bytes.
    bytes: usize,
    max_bytes: usize,
    cancellation: CancellationToken,
}

impl Summarizer {
    fn new(options: &InspectOptions, cancellation: CancellationToken) -> Self {
        Self {
            summary: InputSummary::default(),
            max_scans: options.max_scans.unwrap_or(usize::MAX),
            texts: BTreeSet::new(),
            bytes: 0,
            max_bytes: options.job.budget.document_bytes(),
            cancellation,
        }
    }

    fn add(&mut self, source: &str, event: &ScanEvent<'_>) {
        match event {
            ScanEvent::Host(host) => self.add_host(host),
            ScanEvent::ScanEnd(record) if record.has_scan => self.add_scan(source, record),
            _ => {}
        }
    }

    fn add_scan(&mut self, source: &str, record: &ScanSummary) {
        self.summary.scan_count = self.summary.scan_count.saturating_add(1);
        if self.summary.scans.len() >= self.max_scans {
            return;
        }
        let (header, stats) = (&record.header, &record.stats);
        let start = header.start_time.map(|time| time.to_string());
        self.hold(
            size_of::<ScanOverview>().saturating_add(header.scan_id.len()).saturating_add(32),
        );
        let scan = ScanOverview {
            args: self.share(header.args.as_deref()),
            error_message: self.share(stats.error_message.as_deref()),
            exit: self.share(stats.exit_status.as_deref()),
            failed: stats.failed(),
            hosts: record.hosts_seen,
            id: header.scan_id.as_str().into(),
            scanner: self.share(header.scanner.as_deref()),
            source: self.intern(source),
            start: start.map(String::into_boxed_str),
            truncated: record.truncated,
            version: self.share(header.scanner_version.as_deref()),
        };
        self.summary.scans.push(scan);
    }

    fn add_host(&mut self, host: &Host<'_>) {
        let mut new_bytes = 0_usize;
        let mut count = |counts: &mut BTreeMap<String, u64>, key: String| {
            let len = key.len();
            let count = counts.entry(key).or_insert_with(|| {
                new_bytes = new_bytes.saturating_add(len).saturating_add(64);
                0
            });
            *count = count.saturating_add(1);
        };
        let summary = &mut self.summary;
        count(&mut summary.hosts, host.status.state.as_str().to_owned());
        for port in &host.ports {
            let state = port.state.as_str();
            count(&mut summary.ports, format!("{}/{state}", port.protocol.as_str()));
            if state == "open" {
                let service = port.services.first();
                let name = service.and_then(|s| s.name.as_deref()).unwrap_or("(unknown)");
                let text = match service.and_then(|s| s.product.as_deref()) {
                    Some(product) => format!("{name}: {product}"),
                    None => name.to_owned(),
                };
                count(&mut summary.services, text);
            }
        }
        let best = host.os.matches.iter().max_by_key(|m| m.accuracy);
        if let Some(name) = best.and_then(|m| m.name.as_deref()) {
            count(&mut summary.os, name.to_owned());
        }
        self.hold(new_bytes);
    }

    /// Adds to the bytes in use, and ends the job if they exceed the limit.
    fn hold(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.max_bytes {
            self.cancellation.cancel();
        }
    }

    fn share(&mut self, text: Option<&str>) -> Option<SharedText> {
        text.map(|text| self.intern(text))
    }

    /// Returns the shared copy of a text.
    fn intern(&mut self, text: &str) -> SharedText {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        self.hold(text.len().saturating_add(64));
        let new = SharedText(text.into());
        self.texts.insert(new.clone());
        new
    }

    fn finish(self) -> Result<InputSummary> {
        if self.bytes <= self.max_bytes {
            return Ok(self.summary);
        }
        Err(Error::resource(format!(
            "too little memory: the results take more than {} MiB; raise --memory",
            self.max_bytes >> 20
        )))
    }
}
