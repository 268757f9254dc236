//! Messages on standard error: errors, hints, warnings and the summary.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use serde_json::json;

pub(super) use super::format::{bytes, number, plural, rate};
use super::{
    args::{ColorChoice, LogFormat, MessageArgs},
    summary::{
        failed_scan_line, input_lines, more_failed_line, script_failure_line, summary_lines,
        warning_line,
    },
    terminal::{self, Lines},
};
use crate::{
    dataset::{CompactReport, LoadReport, VacuumReport},
    error::{Error, ErrorKind, NotNmap},
    model::Timestamp,
    output::{Leftover, Temporaries},
    pipeline::{FailedScans, Outcome, Report},
};

/// Printer of messages, with their format.
#[derive(Clone)]
pub(super) struct Console {
    args: MessageArgs,
    /// True if labels have colours.
    color: bool,
    /// True if standard error is a terminal.
    terminal: bool,
    /// True if each line starts with the time.
    timed: bool,
}

/// Colours of the names of levels.
const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[1;33m";
const CYAN: &str = "\u{1b}[1;36m";

impl Console {
    /// Creates the printer that the options ask for. Messages of a service carry the time, unless
    /// they go to a terminal.
    pub(super) fn new(args: &MessageArgs, service: bool) -> Self {
        let terminal = terminal::is_stderr_terminal();
        #[expect(clippy::disallowed_methods, reason = "the command line may read the environment")]
        let no_color = std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty());
        let color = match args.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !no_color,
        };
        Self { args: args.clone(), color, terminal, timed: service && !terminal }
    }

    /// Creates a printer for messages before the options are known.
    pub(super) fn plain() -> Self {
        Self { args: MessageArgs::default(), color: false, terminal: false, timed: false }
    }

    /// Returns the options that messages and progress follow.
    pub(super) fn args(&self) -> &MessageArgs {
        &self.args
    }

    fn is_json(&self) -> bool {
        self.args.log_format == LogFormat::Json
    }

    /// Returns true if the summary of a job is printed.
    fn prints_summary(&self) -> bool {
        !self.args.quiet && (self.terminal || self.args.verbose > 0)
    }

    /// Prints a hint at what the user can do.
    pub(super) fn hint(&self, hint: &str) {
        self.line("hint", CYAN, hint, &json!({}));
    }

    /// Prints an error, and a hint if there is one.
    pub(super) fn error(&self, error: &Error) {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.ends_with(&cause_text) {
                let _ = write!(message, ": {cause_text}");
            }
            source = cause.source();
        }
        // Messages about a language show the place of a mistake on further lines.
        let shows_place = matches!(
            error.kind(),
            ErrorKind::InvalidFilter { .. } | ErrorKind::InvalidQuery { .. }
        );
        let (first, place) = match message.split_once('\n') {
            Some((first, place)) if shows_place && !self.is_json() => (first, place),
            _ => (&*message, ""),
        };
        self.line("error", RED, first, &json!({ "code": error.code().as_str() }));
        let mut lines = Lines::default();
        place.lines().for_each(|line| lines.line(line));
        self.say(&lines);
        if let Some(hint) = hint(error) {
            self.hint(hint);
        }
    }

    /// Prints a warning.
    pub(super) fn warning(&self, message: &str, fields: &serde_json::Value) {
        if self.args.quiet {
            return;
        }
        self.line("warning", YELLOW, message, fields);
    }

    /// Warns about temporary files that could not be removed.
    pub(super) fn leftovers(&self, temporaries: &Temporaries) {
        for Leftover { path, reason, .. } in temporaries.take_leftovers() {
            let path = path.display().to_string();
            let fields = json!({ "path": path, "reason": reason });
            self.warning(&format!("{path} is left over and cannot be removed: {reason}"), &fields);
        }
    }

    fn line(
        &self,
        level: &'static str,
        color: &'static str,
        message: &str,
        fields: &serde_json::Value,
    ) {
        let mut lines = Lines::default();
        if self.is_json() {
            let mut object = json!({ "level": level, "message": message });
            if let (Some(object), Some(fields)) = (object.as_object_mut(), fields.as_object()) {
                object.extend(fields.clone());
                object.extend(self.time().map(|time| ("time".to_owned(), time.into())));
            }
            lines.json(&object);
        } else {
            lines.labelled(level, Some(color).filter(|_| self.color), message);
        }
        self.say(&lines);
    }

    /// Writes lines, each preceded by the time if messages carry it.
    fn say(&self, lines: &Lines) {
        match self.time().filter(|_| !self.is_json()) {
            Some(time) => terminal::eprint_lines(&lines.prefixed(&time)),
            None => terminal::eprint_lines(lines),
        }
    }

    /// Returns the time as RFC 3339 text in UTC, if messages carry it.
    fn time(&self) -> Option<String> {
        if !self.timed {
            return None;
        }
        #[expect(clippy::disallowed_methods, reason = "messages of a service are read later")]
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let now = Timestamp::from_seconds(i64::try_from(now.as_secs()).ok()?)?;
        Some(String::from_utf8_lossy(&now.rfc3339()).into_owned())
    }

    /// Hints that newer records of ports lost to older ones, although no policy was chosen.
    pub(super) fn outdated_hint(&self, records: u64) {
        if records == 0 || self.args.quiet {
            return;
        }
        let lost = match records {
            1 => "1 newer record of a port lost to an older one".to_owned(),
            more => format!("{} newer records of ports lost to older ones", number(more)),
        };
        self.hint(&format!("{lost}: --policy latest shows the current state"));
    }

    /// Prints the errors of inputs, and an error if no input could be read.
    pub(super) fn errors(&self, report: &Report) {
        for error in &report.errors {
            self.error(error);
        }
        let skipped = report.count(Outcome::Skipped);
        if skipped == report.inputs.len() && !report.interrupted {
            let message = match skipped {
                0 => "no files found".to_owned(),
                1 => "no nmap XML found, only a file of another kind".to_owned(),
                more => format!("no nmap XML found, only {} files of other kinds", number(more)),
            };
            self.line("error", RED, &message, &json!({}));
        }
        if let Some(kept) = &report.kept {
            let message = format!("no scan was read: {kept} stays as it is");
            self.line("error", RED, &message, &json!({ "kept": kept }));
            self.hint("remove it first if you want an output without rows");
        }
    }

    /// Prints the errors of inputs and the summary of a run.
    pub(super) fn report(&self, report: &Report, elapsed: Duration) {
        self.errors(report);
        if self.args.quiet {
            return;
        }
        let sums_up = self.prints_summary();
        // The summary in text form includes the warnings.
        if self.is_json() || !sums_up {
            self.warnings(report);
        }
        if !sums_up {
            return;
        }
        if self.is_json() {
            let fields = json!({ "report": report, "seconds": elapsed.as_secs_f64() });
            self.line("info", CYAN, "done", &fields);
        } else {
            if self.args.verbose > 1 {
                self.say(&input_lines(report));
            }
            self.say(&summary_lines(report, elapsed));
        }
    }
}

impl Console {
    fn warnings(&self, report: &Report) {
        self.failed_scans(&report.failed_scans);
        for (code, warning) in &report.warnings {
            let fields = json!({ "code": code, "input": warning.input, "line": warning.line,
                "byte": warning.byte, "count": warning.count });
            self.warning(&warning_line(code, warning), &fields);
        }
        for (script, failure) in &report.engine {
            let fields = json!({ "script": script, "target": failure.target,
                "port": failure.port, "protocol": failure.protocol, "count": failure.count });
            self.warning(&script_failure_line(script, failure), &fields);
        }
        self.output_warnings(&report.output_warnings);
    }

    /// Warns about what the output could not hold.
    pub(super) fn output_warnings(&self, warnings: &[String]) {
        for warning in warnings {
            self.warning(warning, &json!({}));
        }
    }

    /// Warns about scans whose documents say that they failed: one line per scan, then the number
    /// of those that are not listed.
    pub(super) fn failed_scans(&self, failed: &FailedScans) {
        for scan in &failed.first {
            let fields = json!({ "input": scan.input, "scan_id": scan.scan_id });
            self.warning(&failed_scan_line(scan), &fields);
        }
        if let Some(more) = more_failed_line(failed) {
            self.warning(&more, &json!({}));
        }
    }

    /// Prints the errors and warnings of a file found by `watch`.
    pub(super) fn file_report(&self, report: &Report) {
        report.errors.iter().for_each(|error| self.error(error));
        if !self.args.quiet {
            self.warnings(report);
        }
        if self.args.verbose > 0 && !self.is_json() {
            self.say(&input_lines(report));
        }
    }

    /// Prints the number of files that a run of `watch` has read.
    pub(super) fn watch_summary(&self, read: u64, refused: u64) {
        if self.prints_summary() {
            let refused =
                if refused > 0 { format!(", {} refused", number(refused)) } else { String::new() };
            self.line("info", CYAN, &format!("{} read{refused}", plural(read, "file")), &json!({}));
        }
    }

    /// Prints the counts of documents that were read into a dataset, by their outcome.
    pub(super) fn load_summary(&self, loaded: &LoadReport) {
        if !self.prints_summary() {
            return;
        }
        if self.is_json() {
            self.line("info", CYAN, "loaded", &json!({ "ingest": loaded }));
            return;
        }
        let mut documents = format!("{} loaded", number(loaded.loaded));
        for (count, what) in [
            (loaded.replaced, "in place of a poorer copy"),
            (loaded.known, "known"),
            (loaded.no_better, "no better than the copy in the dataset"),
        ] {
            if count > 0 {
                let _ = write!(documents, ", {} {what}", number(count));
            }
        }
        let mut lines = Lines::default();
        lines.line(&format!("documents  {documents}"));
        let commits = u64::try_from(loaded.commits.len()).unwrap_or(0);
        let (files, commits) = (plural(loaded.files, "file"), plural(commits, "commit"));
        lines.line(&format!("{:>9}  {files} in {commits}", "made"));
        self.say(&lines);
    }

    /// Prints the files that were removed from a dataset.
    pub(super) fn vacuum_summary(&self, done: VacuumReport) {
        let files = plural(done.files, "file");
        self.note(&format!("removed {files}, {}", bytes(done.bytes)));
    }

    /// Prints the files that were merged in a dataset.
    pub(super) fn compact_summary(&self, done: CompactReport) {
        let made = plural(done.made, "file");
        self.note(&format!("{made} in place of {}", number(done.removed)));
    }

    /// Prints a note, unless `--quiet` is given.
    pub(super) fn note(&self, message: &str) {
        if !self.args.quiet {
            self.line("info", CYAN, message, &json!({}));
        }
    }
}

/// Hint for a folder that holds files that scanmill did not write.
const FOREIGN: &str = "--overwrite replaces only what scanmill wrote: name another OUT, or move or remove the folder yourself (earlier versions wrote no _scanmill.json)";

/// Returns a hint at what the user can do about an error.
fn hint(error: &Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::NotNmap(NotNmap::Quoted) => {
            Some("extract it from the JSON, CSV or source code around it, for example with `jq -r`")
        }
        ErrorKind::NotNmap(NotNmap::Escaped) => {
            Some("extract it from the HTML or JSON around it, for example with `jq -r`")
        }
        ErrorKind::NotNmap(_) => Some("scanmill reads nmap's XML, as `nmap -oX FILE` writes it"),
        ErrorKind::ProgramNotFound { .. } => Some(
            "install nmap, for example by `apt install nmap`, `dnf install nmap` or `brew install nmap`, or name it with --nmap PATH",
        ),
        ErrorKind::Strict { .. } => Some("without --strict this is a warning"),
        ErrorKind::Exists { .. } => Some("--overwrite replaces it"),
        ErrorKind::MemoryLimit(_) => Some("raise --memory"),
        ErrorKind::StateMismatch { .. } => Some(
            "give the options that the state was written with, or name another state: merge --state FILE, watch --state-dir DIR",
        ),
        ErrorKind::InvalidQuery { message, .. } if message.starts_with("no such column") => {
            Some("`scanmill schema TABLE` prints the columns of a table")
        }
        ErrorKind::InvalidQuery { message, .. } if message.starts_with("no such table") => {
            Some("`scanmill schema --format sqlite-views` prints the views")
        }
        ErrorKind::NotReplaced { .. } => Some(FOREIGN),
        ErrorKind::State { .. } => Some("restore a copy of it, or move it away to start over"),
        _ => None,
    }
}
