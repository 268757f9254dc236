//! Summary of a run, as lines for people.

use std::{fmt::Write as _, time::Duration};

use super::{
    format::{bytes, number, plural, rate, wrap},
    terminal::Lines,
};
use crate::pipeline::{FailedScan, FailedScans, FailureReport, Outcome, Report, WarningReport};

/// Describes a warning: its first position, and how often it was given.
pub(super) fn warning_line(code: &str, warning: &WarningReport) -> String {
    let times = match warning.count {
        1 => String::new(),
        count => format!(" ({} times)", number(count)),
    };
    format!("{}:{}: {code}{times} {}", warning.input, warning.line, warning.detail)
}

/// Describes the failure of an engine script, with the first host.
pub(super) fn script_failure_line(script: &str, failure: &FailureReport) -> String {
    let times = match failure.count {
        1 => String::new(),
        count => format!(" ({} times)", number(count)),
    };
    let port = failure.port.zip(failure.protocol.as_ref());
    let port = port.map(|(port, protocol)| format!(" {port}/{protocol}")).unwrap_or_default();
    format!("{script} on {}{port}{times}: {}", failure.target, failure.message)
}

/// Maximum number of characters of a failed scan's message that are shown. nmap adds a stack trace
/// to messages of scripts. `inspect --json` and the report contain the full message.
const MAX_MESSAGE_CHARS: usize = 160;

/// Describes a scan whose document says that it failed.
pub(super) fn failed_scan_line(scan: &FailedScan) -> String {
    match &scan.message {
        Some(message) => {
            let mut shown: String = message.chars().take(MAX_MESSAGE_CHARS).collect();
            if shown.len() < message.len() {
                shown.push('…');
            }
            format!("{}: the scan failed: {shown}", scan.input)
        }
        None => format!("{}: the scan failed, without a message", scan.input),
    }
}

/// Describes the failed scans that are not listed, if there are any.
pub(super) fn more_failed_line(failed: &FailedScans) -> Option<String> {
    let named = u64::try_from(failed.first.len()).unwrap_or(u64::MAX);
    let more = failed.count.saturating_sub(named);
    (more > 0).then(|| format!("{} more failed", plural(more, "scan")))
}

/// Lists the result of each input, one line per input.
pub(super) fn input_lines(report: &Report) -> Lines {
    let mut lines = Lines::default();
    for input in &report.inputs {
        let counts = &input.counts;
        let result = match input.outcome {
            Outcome::Read => "read",
            Outcome::Refused => "refused",
            Outcome::Skipped => "skipped",
            Outcome::Known => "known",
        };
        lines.line(&format!(
            "{result:>9}  {}: {}, {}, {}, {}",
            input.name,
            plural(counts.scans, "scan"),
            plural(counts.hosts, "host"),
            plural(counts.ports, "port"),
            plural(u64::try_from(input.warnings).unwrap_or(0), "warning"),
        ));
    }
    lines
}

/// Returns the summary of a run.
pub(super) fn summary_lines(report: &Report, elapsed: Duration) -> Lines {
    let mut lines = Lines::default();
    let (read, refused) = (report.count(Outcome::Read), report.count(Outcome::Refused));
    let (skipped, known) = (report.count(Outcome::Skipped), report.count(Outcome::Known));
    let mut inputs = format!("{} read", number(read));
    if known > 0 {
        let _ = write!(inputs, ", {} loaded before", number(known));
    }
    if refused > 0 {
        let _ = write!(inputs, ", {} refused", number(refused));
    }
    if skipped > 0 {
        let _ = write!(inputs, ", {} skipped (no nmap XML)", number(skipped));
    }
    let counts = &report.counts;
    let seconds = elapsed.as_secs_f64();
    let mut row = |name: &str, value: &str| lines.line(&format!("{name:>9}  {value}"));
    row("inputs", &inputs);
    row("scans", &number(counts.scans));
    row("hosts", &number(counts.hosts));
    row("ports", &number(counts.ports));
    if !report.rows.is_empty() {
        let rows = report.rows.iter().filter(|(_, rows)| **rows > 0);
        let rows: Vec<_> = rows.map(|(table, rows)| format!("{table} {}", number(*rows))).collect();
        for (n, some) in wrap(&rows).iter().enumerate() {
            row(if n == 0 { "rows" } else { "" }, some);
        }
    }
    if report.lines > 0 {
        row("lines", &number(report.lines));
    }
    row(
        "bytes",
        &format!("{} in {seconds:.2} s{}", bytes(counts.bytes), rate(counts.bytes, seconds)),
    );
    let failed = report.failed_scans.first.iter().map(failed_scan_line);
    for (n, failed) in failed.chain(more_failed_line(&report.failed_scans)).enumerate() {
        row(if n == 0 { "failed" } else { "" }, &failed);
    }
    for (n, (code, warning)) in report.warnings.iter().enumerate() {
        row(if n == 0 { "warnings" } else { "" }, &warning_line(code, warning));
    }
    for (n, (script, failure)) in report.engine.iter().enumerate() {
        row(if n == 0 { "engine" } else { "" }, &script_failure_line(script, failure));
    }
    for (n, warning) in report.output_warnings.iter().enumerate() {
        row(if n == 0 { "output" } else { "" }, warning);
    }
    if report.interrupted {
        row("", "stopped before the end");
    }
    lines
}
