//! `scanmill inspect`: one screen about the inputs.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::{
    args::{InspectArgs, TalkArgs},
    exit::Exit,
    inputs::{self, Given, Inputs},
    memory::Shares,
    print,
    progress::Progress,
    render::{Talk, number, plural, safe_lines},
    signals,
};
use crate::{
    error::{Error, Result},
    model::{Host, RunRecord, ScanEvent},
    pipeline::{Destination, Filters, Observer, Outcome, Pipeline, Report},
    sink::Temporaries,
};

/// Lines of a list that fit on the screen.
const TOP: usize = 10;

#[derive(Debug, Default, Serialize)]
struct Found {
    scans: Vec<Scan>,
    hosts: BTreeMap<String, u64>,
    ports: BTreeMap<String, u64>,
    services: BTreeMap<String, u64>,
    os: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Scan {
    source: String,
    id: String,
    scanner: Option<String>,
    version: Option<String>,
    args: Option<String>,
    start: Option<String>,
    exit: Option<String>,
    hosts: i64,
    truncated: bool,
}

pub(super) fn run(args: &InspectArgs, (how, talk): (&TalkArgs, &Talk)) -> Result<Exit> {
    let inputs = Inputs::of(&args.read)?;
    let stop = signals::stop_flag(&Temporaries::default());
    let given = inputs.discover();
    let progress = Progress::begin(how, given.iter().map(Given::packed_len), false);
    let options = inputs::options(&args.read.how, &Shares::of(args.read.how.memory, 1)?);
    let pipeline = Pipeline::new(options, Filters::default(), Destination::Nothing, stop);
    let mut pipeline = pipeline.with_meter(progress.meter());
    let mut found = Found::default();
    let observer: Observer<'_> = &mut |name, event| found.add(name, event);
    inputs.read(given, (&mut pipeline, &progress), Some(observer))?;
    let report = pipeline.finish()?;
    drop(progress);
    talk.errors(&report);
    if args.json {
        let all = serde_json::json!({ "found": found, "report": report });
        let mut text = serde_json::to_vec_pretty(&all)
            .map_err(|error| Error::sink("standard output", error))?;
        text.push(b'\n');
        print(&text)?;
    } else {
        print(safe_lines(&found.screen(&report)).as_bytes())?;
    }
    Ok(Exit::of_report(&report))
}

impl Found {
    fn add(&mut self, source: &str, event: &ScanEvent<'_>) {
        match event {
            ScanEvent::Host(host) => self.host(host),
            ScanEvent::RunEnd(record) if record.exists => self.scan(source, record),
            _ => {}
        }
    }

    fn scan(&mut self, source: &str, record: &RunRecord) {
        let header = &record.header;
        self.scans.push(Scan {
            source: source.to_owned(),
            id: header.scan_id.clone(),
            scanner: header.scanner.clone(),
            version: header.scanner_version.clone(),
            args: header.args.clone(),
            start: header.start_time.map(|time| time.to_string()),
            exit: record.stats.exit_status.clone(),
            hosts: record.hosts_seen,
            truncated: record.truncated,
        });
    }

    fn host(&mut self, host: &Host<'_>) {
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

    fn screen(&self, report: &Report) -> String {
        let mut text = String::new();
        let refused = report.count(Outcome::Refused) + report.count(Outcome::Skipped);
        let _ = writeln!(
            text,
            "{} read, {} left out; {}, {}, {} listed",
            plural(report.count(Outcome::Read), "input"),
            number(refused),
            plural(report.counts.scans, "scan"),
            plural(report.counts.hosts, "host"),
            plural(report.counts.ports, "port")
        );
        self.scans_part(&mut text);
        part(&mut text, "hosts", &self.hosts);
        part(&mut text, "ports", &self.ports);
        part(&mut text, "open services", &self.services);
        part(&mut text, "operating systems (best match)", &self.os);
        if !report.warnings.is_empty() {
            text.push_str("\nwarnings\n");
            for (code, warning) in &report.warnings {
                let _ = writeln!(
                    text,
                    "  {:>9}  {code}  first at {}:{} {}",
                    number(warning.count),
                    warning.input,
                    warning.line,
                    warning.detail
                );
            }
        }
        text
    }

    fn scans_part(&self, text: &mut String) {
        if self.scans.is_empty() {
            return;
        }
        text.push_str("\nscans\n");
        for scan in self.scans.iter().take(TOP) {
            let exit = match (&scan.exit, scan.truncated) {
                (Some(exit), false) => exit.clone(),
                (_, true) => "truncated".into(),
                (None, false) => "no end".into(),
            };
            let _ = writeln!(
                text,
                "  {}  {} {}  {}  {exit}  {}",
                scan.start.as_deref().unwrap_or("(no time)"),
                scan.scanner.as_deref().unwrap_or("(no scanner)"),
                scan.version.as_deref().unwrap_or_default(),
                plural(u64::try_from(scan.hosts).unwrap_or(0), "host"),
                scan.args.as_deref().unwrap_or(&scan.source)
            );
        }
        more(text, self.scans.len());
    }
}

fn count(counts: &mut BTreeMap<String, u64>, key: String) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

/// A list, the most frequent first.
fn part(text: &mut String, title: &str, counts: &BTreeMap<String, u64>) {
    if counts.is_empty() {
        return;
    }
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let _ = writeln!(text, "\n{title}");
    for (name, count) in sorted.iter().take(TOP) {
        let _ = writeln!(text, "  {:>9}  {name}", number(**count));
    }
    more(text, sorted.len());
}

fn more(text: &mut String, len: usize) {
    if len > TOP {
        let _ = writeln!(text, "  {:>9}  more", number(len.saturating_sub(TOP)));
    }
}
