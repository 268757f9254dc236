//! `scanmill inspect`: a summary of the inputs on one screen.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap as _},
};

use super::{
    args::{InspectArgs, TalkArgs},
    exit::Exit,
    inputs::{self, budget},
    progress::progress,
    render::{Talk, number, plural},
    signals,
    terminal::{self, Lines},
};
use crate::{
    error::{Error, Result},
    format::Discard,
    model::{Host, ScanEvent, ScanSummary},
    ops::JobOptions,
    output::Temporaries,
    pipeline::{Filters, Observer, Outcome, Report},
};

/// Maximum number of lines of a list on the screen.
const TOP: usize = 10;

/// Summary of the inputs. Members are in alphabetical order, as in all JSON that is printed for
/// people.
#[derive(Debug, Default, Serialize)]
struct Found {
    hosts: BTreeMap<String, u64>,
    os: BTreeMap<String, u64>,
    ports: BTreeMap<String, u64>,
    /// All scans, or only those that fit on the screen.
    scans: Vec<Scan>,
    services: BTreeMap<String, u64>,
    #[serde(skip)]
    kept: Kept,
}

/// Memory in use. The run stops if very many scans or service names exceed the limit.
#[derive(Debug, Default)]
struct Kept {
    /// Texts that many scans share.
    texts: BTreeSet<Shared>,
    /// Number of scans.
    scans: usize,
    /// True if all scans are kept, not only those that fit on the screen.
    all: bool,
    bytes: usize,
    most: usize,
    stop: Arc<AtomicBool>,
}

/// Text that many scans share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shared(Rc<str>);

impl Borrow<str> for Shared {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Deref for Shared {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

#[derive(Debug, Serialize)]
struct Scan {
    args: Option<Shared>,
    error_message: Option<Shared>,
    exit: Option<Shared>,
    #[serde(skip)]
    failed: bool,
    hosts: i64,
    id: Box<str>,
    scanner: Option<Shared>,
    source: Shared,
    start: Option<Box<str>>,
    truncated: bool,
    version: Option<Shared>,
}

pub(super) fn run(args: &InspectArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let inputs = inputs::inputs(&args.read)?;
    let stop = signals::stop_flag(&Temporaries::default());
    let job = JobOptions::new(budget(&args.read.how, 1)?).with_progress(progress(how, false));
    let options = inputs::options(&args.read.how, &job.budget);
    let job = job.with_xml(options).with_cancellation(Arc::clone(&stop).into());
    let kept = Kept { all: args.json, most: job.budget.document_bytes(), stop, ..Kept::default() };
    let pipeline = job.pipeline(Discard, Filters::default(), false)?;
    let mut found = Found { kept, ..Found::default() };
    let observer: Observer<'_> = &mut |name, event| found.add(name, event);
    let (pipeline, progress) = job.read(inputs.resolve(), pipeline, Some(observer))?;
    let report = pipeline.finish()?;
    drop(progress);
    found.kept.check()?;
    talk.errors(&report);
    talk.failed_scans(&report.failed_scans);
    if args.json {
        terminal::show_json(&All { found: &found, report: Sorted(&report) })?;
    } else {
        terminal::show(&found.screen(&report))?;
    }
    Ok(Exit::of_report(&report))
}

impl Found {
    fn add(&mut self, source: &str, event: &ScanEvent<'_>) {
        match event {
            ScanEvent::Host(host) => self.host(host),
            ScanEvent::ScanEnd(record) if record.has_scan => self.scan(source, record),
            _ => {}
        }
    }

    fn scan(&mut self, source: &str, record: &ScanSummary) {
        let kept = &mut self.kept;
        kept.scans = kept.scans.saturating_add(1);
        if !kept.all && self.scans.len() >= TOP {
            return;
        }
        let (header, stats) = (&record.header, &record.stats);
        let start = header.start_time.map(|time| time.to_string());
        kept.hold(size_of::<Scan>().saturating_add(header.scan_id.len()).saturating_add(32));
        self.scans.push(Scan {
            args: kept.text(header.args.as_deref()),
            error_message: kept.text(stats.error_message.as_deref()),
            exit: kept.text(stats.exit_status.as_deref()),
            failed: stats.failed(),
            hosts: record.hosts_seen,
            id: header.scan_id.as_str().into(),
            scanner: kept.text(header.scanner.as_deref()),
            source: kept.intern(source),
            start: start.map(String::into_boxed_str),
            truncated: record.truncated,
            version: kept.text(header.scanner_version.as_deref()),
        });
    }

    fn host(&mut self, host: &Host<'_>) {
        let kept = &mut self.kept;
        let mut count = |counts: &mut BTreeMap<String, u64>, key: String| {
            let len = key.len();
            let count = counts.entry(key).or_insert_with(|| {
                kept.hold(len.saturating_add(64));
                0
            });
            *count = count.saturating_add(1);
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
    }

    fn screen(&self, report: &Report) -> Lines {
        let mut lines = Lines::default();
        let refused = report.count(Outcome::Refused) + report.count(Outcome::Skipped);
        lines.line(&format!(
            "{} read, {} left out; {}, {}, {} listed",
            plural(report.count(Outcome::Read), "input"),
            number(refused),
            plural(report.counts.scans, "scan"),
            plural(report.counts.hosts, "host"),
            plural(report.counts.ports, "port")
        ));
        self.scans_part(&mut lines);
        part(&mut lines, "hosts", &self.hosts);
        part(&mut lines, "ports", &self.ports);
        part(&mut lines, "open services", &self.services);
        part(&mut lines, "operating systems (best match)", &self.os);
        if !report.warnings.is_empty() {
            begin(&mut lines, "warnings");
            for (code, warning) in &report.warnings {
                lines.line(&format!(
                    "  {:>9}  {code}  first at {}:{} {}",
                    number(warning.count),
                    warning.input,
                    warning.line,
                    warning.detail
                ));
            }
        }
        lines
    }

    fn scans_part(&self, lines: &mut Lines) {
        if self.kept.scans == 0 {
            return;
        }
        begin(lines, "scans");
        for scan in self.scans.iter().take(TOP) {
            let exit = match (&scan.exit, scan.truncated) {
                (Some(exit), false) => exit,
                (_, true) => "truncated",
                (None, false) => "no end",
            };
            lines.line(&format!(
                "  {}  {} {}  {}  {exit}  {}",
                scan.start.as_deref().unwrap_or("(no time)"),
                scan.scanner.as_deref().unwrap_or("(no scanner)"),
                scan.version.as_deref().unwrap_or_default(),
                plural(u64::try_from(scan.hosts).unwrap_or(0), "host"),
                scan.args.as_deref().unwrap_or(&scan.source)
            ));
            match &scan.error_message {
                Some(message) => lines.line(&format!("      failed: {}", &**message)),
                None if scan.failed => lines.line("      failed, without a message"),
                None => {}
            }
        }
        more(lines, self.kept.scans);
    }
}

impl Kept {
    /// Adds to the bytes in use, and stops the run if they exceed the limit.
    fn hold(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.most {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn text(&mut self, text: Option<&str>) -> Option<Shared> {
        text.map(|text| self.intern(text))
    }

    /// Returns the shared copy of a text.
    fn intern(&mut self, text: &str) -> Shared {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        self.hold(text.len().saturating_add(64));
        let new = Shared(text.into());
        self.texts.insert(new.clone());
        new
    }

    /// # Errors
    /// Fails if the run was stopped because its memory exceeded the limit.
    fn check(&self) -> Result<()> {
        if self.bytes <= self.most {
            return Ok(());
        }
        Err(Error::resource(format!(
            "too little memory: what is found takes more than {} MiB; give more with --memory",
            self.most >> 20
        )))
    }
}

/// Document that `--json` prints.
#[derive(Serialize)]
struct All<'a> {
    found: &'a Found,
    report: Sorted<'a>,
}

/// Report with its members in alphabetical order. Inputs, of which there may be many, are
/// serialized one at a time.
struct Sorted<'a>(&'a Report);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Self(report) = self;
        let members = report.without_inputs().map_err(S::Error::custom)?;
        let mut map = serializer.serialize_map(Some(members.len()))?;
        for (name, value) in &members {
            if name == "inputs" {
                map.serialize_entry(name, &SortedInputs(report))?;
            } else {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

struct SortedInputs<'a>(&'a Report);

impl Serialize for SortedInputs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let inputs = self.0.inputs.iter().map(|input| serde_json::json!(input));
        serializer.collect_seq(inputs)
    }
}

/// Adds a list of counts, the most frequent first.
fn part(lines: &mut Lines, title: &str, counts: &BTreeMap<String, u64>) {
    if counts.is_empty() {
        return;
    }
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    begin(lines, title);
    for (name, count) in sorted.iter().take(TOP) {
        lines.line(&format!("  {:>9}  {name}", number(**count)));
    }
    more(lines, sorted.len());
}

fn more(lines: &mut Lines, len: usize) {
    if len > TOP {
        lines.line(&format!("  {:>9}  more", number(len.saturating_sub(TOP))));
    }
}

/// Starts a section below others.
fn begin(lines: &mut Lines, title: &str) {
    lines.line("");
    lines.line(title);
}
