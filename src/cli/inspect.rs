//! `scanmill inspect`: a summary of the inputs on one screen.

use std::collections::BTreeMap;

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap as _},
};

use super::{
    args::InspectArgs,
    console::{Console, number, plural},
    exit::Exit,
    inputs::{self, budget, threads},
    progress::progress,
    signals::{StopPolicy, install_stop_handler},
    terminal::{self, Lines},
};
use crate::{
    error::Result,
    ops::{self, InputSummary, InspectOptions, JobOptions},
    output::Temporaries,
    pipeline::{Outcome, Report},
};

/// Maximum number of lines of a list on the screen.
const TOP: usize = 10;

pub(super) fn run(args: &InspectArgs, console: &Console) -> Result<Exit> {
    let inputs = inputs::inputs(&args.read)?;
    let budget = budget(&args.read.xml, threads(None))?;
    let stop = install_stop_handler(&Temporaries::default(), StopPolicy::Job);
    let job = JobOptions::new(budget)
        .with_xml(inputs::options(&args.read.xml, &budget))
        .with_progress(progress(console.args(), false))
        .with_cancellation(stop);
    let mut options = InspectOptions::default().with_job(job);
    options.max_scans = (!args.json).then_some(TOP);
    let inspection = ops::inspect(&inputs, &options)?;
    let (summary, report) = (&inspection.summary, &inspection.report);
    console.errors(report);
    console.failed_scans(&report.failed_scans);
    if args.json {
        terminal::print_json(&InspectDocument { found: summary, report: SortedReport(report) })?;
    } else {
        terminal::print_lines(&screen(summary, report))?;
    }
    Ok(Exit::from_report(report))
}

fn screen(summary: &InputSummary, report: &Report) -> Lines {
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
    scans(&mut lines, summary);
    counts_section(&mut lines, "hosts", &summary.hosts);
    counts_section(&mut lines, "ports", &summary.ports);
    counts_section(&mut lines, "open services", &summary.services);
    counts_section(&mut lines, "operating systems (best match)", &summary.os);
    if !report.warnings.is_empty() {
        begin_section(&mut lines, "warnings");
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

fn scans(lines: &mut Lines, summary: &InputSummary) {
    if summary.scan_count == 0 {
        return;
    }
    begin_section(lines, "scans");
    for scan in summary.scans.iter().take(TOP) {
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
            Some(message) => lines.line(&format!("      failed: {message}")),
            None if scan.failed => lines.line("      failed, without a message"),
            None => {}
        }
    }
    omitted_line(lines, summary.scan_count);
}

/// Document that `--json` prints.
#[derive(Serialize)]
struct InspectDocument<'a> {
    found: &'a InputSummary,
    report: SortedReport<'a>,
}

/// Report with its members in alphabetical order. Inputs, of which there may be many, are
/// serialized one at a time.
struct SortedReport<'a>(&'a Report);

impl Serialize for SortedReport<'_> {
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
fn counts_section(lines: &mut Lines, title: &str, counts: &BTreeMap<String, u64>) {
    if counts.is_empty() {
        return;
    }
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    begin_section(lines, title);
    for (name, count) in sorted.iter().take(TOP) {
        lines.line(&format!("  {:>9}  {name}", number(**count)));
    }
    omitted_line(lines, sorted.len());
}

fn omitted_line(lines: &mut Lines, len: usize) {
    if len > TOP {
        lines.line(&format!("  {:>9}  more", number(len.saturating_sub(TOP))));
    }
}

/// Starts a section below others.
fn begin_section(lines: &mut Lines, title: &str) {
    lines.line("");
    lines.line(title);
}
