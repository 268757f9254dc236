//! `scanmill inspect`: one screen about the inputs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    args::{InspectArgs, TalkArgs},
    exit::Exit,
    inputs::{self, Given, Inputs},
    memory::Shares,
    progress::Progress,
    render::{Talk, number, plural},
    signals,
    terminal::{self, Lines},
};
use crate::{
    error::Result,
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
    error_message: Option<String>,
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
    talk.failed_scans(&report.failed_scans);
    if args.json {
        let all = serde_json::json!({ "found": found, "report": report });
        terminal::show_json(&all)?;
    } else {
        terminal::show(&found.screen(&report))?;
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
            error_message: record.stats.error_message.clone(),
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
        if self.scans.is_empty() {
            return;
        }
        begin(lines, "scans");
        for scan in self.scans.iter().take(TOP) {
            let exit = match (&scan.exit, scan.truncated) {
                (Some(exit), false) => exit.clone(),
                (_, true) => "truncated".into(),
                (None, false) => "no end".into(),
            };
            lines.line(&format!(
                "  {}  {} {}  {}  {exit}  {}",
                scan.start.as_deref().unwrap_or("(no time)"),
                scan.scanner.as_deref().unwrap_or("(no scanner)"),
                scan.version.as_deref().unwrap_or_default(),
                plural(u64::try_from(scan.hosts).unwrap_or(0), "host"),
                scan.args.as_deref().unwrap_or(&scan.source)
            ));
            if let Some(message) = &scan.error_message {
                lines.line(&format!("      failed: {message}"));
            }
        }
        more(lines, self.scans.len());
    }
}

fn count(counts: &mut BTreeMap<String, u64>, key: String) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

/// A list, the most frequent first.
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

/// Begins a part below others.
fn begin(lines: &mut Lines, title: &str) {
    lines.line("");
    lines.line(title);
}
