//! Metrics of a watch in the text format of Prometheus, for the textfile collector of `node_exporter`.
//!
//! The counters start at 0 when the watch starts, as Prometheus expects of a process. The file is replaced as a whole by
//! a rename within its folder, so that the collector never reads a part of it. Its temporary name is hidden and does not
//! end in `.prom`, so that the collector ignores it. It is not synced: after a crash of the machine it would be outdated
//! anyway. Only a file that begins with [`MARKER`] is replaced.
//!
//! A file that cannot be written does not end the watch. That is reported once.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use super::{now, paths::parent_of};
use crate::{
    error::{Error, Result},
    fs::{self, File},
    pipeline::{Outcome, Report},
};

/// First line of the file.
const MARKER: &str = "# Metrics of scanmill watch; see docs/watch.md\n";

/// Counters of a watch since it started.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Files that were read, refused and skipped.
    files: [u64; 3],
    documents: u64,
    hosts: u64,
    read_bytes: u64,
    errors: BTreeMap<&'static str, u64>,
    events: u64,
    lines: u64,
    written_bytes: u64,
}

/// State of a watch at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gauges {
    pub(super) is_running: bool,
    pub(super) folder_exists: bool,
    pub(super) waiting_files: usize,
    /// Time at which the oldest waiting file was modified, in seconds since 1970.
    pub(super) oldest: Option<i64>,
    /// Time at which the last file with a document was read, in seconds since 1970.
    pub(super) last_document: Option<i64>,
}

impl Counters {
    /// Adds the report of a file.
    pub(super) fn add(&mut self, report: &Report) {
        let outcome = match report {
            report if !report.errors.is_empty() => 1,
            report if report.count(Outcome::Read) > 0 => 0,
            _ => 2,
        };
        if let Some(files) = self.files.get_mut(outcome) {
            *files = files.saturating_add(1);
        }
        self.documents = self.documents.saturating_add(report.counts.scans);
        self.hosts = self.hosts.saturating_add(report.counts.hosts);
        self.read_bytes = self.read_bytes.saturating_add(report.counts.bytes);
        report.errors.iter().for_each(|error| self.error(error));
    }

    /// Counts lines that were appended to the feed, and their events. Each event has `lines_per_event` lines.
    pub(super) fn written(&mut self, lines: u64, bytes: u64, lines_per_event: u64) {
        self.lines = self.lines.saturating_add(lines);
        self.written_bytes = self.written_bytes.saturating_add(bytes);
        let events = lines.checked_div(lines_per_event).unwrap_or_default();
        self.events = self.events.saturating_add(events);
    }

    /// Adds an error.
    pub(super) fn error(&mut self, error: &Error) {
        let count = self.errors.entry(error.code().as_str()).or_default();
        *count = count.saturating_add(1);
    }
}

/// File with the metrics of a watch.
#[derive(Debug)]
pub(super) struct MetricsFile {
    path: PathBuf,
    /// Labels of all samples, which keep several watches of a machine apart.
    labels: String,
    started: i64,
    /// Content that was written last.
    written: String,
    has_failed: bool,
}

impl MetricsFile {
    pub(super) fn new(path: &Path, (folder, feed): (&Path, &Path)) -> Self {
        let labels = format!(
            "folder=\"{}\",feed=\"{}\"",
            escape(&folder.to_string_lossy()),
            escape(&feed.to_string_lossy())
        );
        let path = path.to_owned();
        Self { path, labels, started: now(), written: String::new(), has_failed: false }
    }

    /// Writes the metrics if they have changed. Returns the first error; later ones are ignored.
    pub(super) fn update(&mut self, counters: &Counters, gauges: Gauges) -> Option<Error> {
        let text = self.text(counters, gauges, now());
        if text == self.written {
            return None;
        }
        match replace(&self.path, &text) {
            Ok(()) => {
                self.written = text;
                None
            }
            Err(error) => (!std::mem::replace(&mut self.has_failed, true)).then_some(error),
        }
    }

    fn text(&self, counters: &Counters, gauges: Gauges, now: i64) -> String {
        let mut out = Samples { labels: &self.labels, text: MARKER.to_owned() };
        out.family("scanmill_build_info", "gauge", "Version of scanmill.");
        out.sample("scanmill_build_info", Some(("version", env!("CARGO_PKG_VERSION"))), 1);
        let flag = i64::from;
        let waiting = i64::try_from(gauges.waiting_files).unwrap_or(i64::MAX);
        let lag = gauges.oldest.map_or(0, |oldest| now.saturating_sub(oldest).max(0));
        for (name, help, value) in [
            (
                "up",
                "1 while the watch runs, 0 after it has ended in order.",
                flag(gauges.is_running),
            ),
            ("folder_present", "1 if the watched folder exists.", flag(gauges.folder_exists)),
            ("start_timestamp_seconds", "Time at which the watch started.", self.started),
            ("last_check_timestamp_seconds", "Time of the last look at the folder.", now),
            (
                "last_document_timestamp_seconds",
                "Time at which the last file with a document was read, 0 if there was none.",
                gauges.last_document.unwrap_or(0),
            ),
            ("waiting_files", "Files that may still be written, and are not read yet.", waiting),
            ("lag_seconds", "Age of the oldest waiting file, 0 if there is none.", lag),
        ] {
            out.single(name, "gauge", help, value);
        }
        for (name, help, value) in [
            ("documents_total", "Documents that were read.", counters.documents),
            ("hosts_total", "Hosts that were read.", counters.hosts),
            ("read_bytes_total", "Bytes of documents that were read.", counters.read_bytes),
            ("events_total", "Events that were written to the feed.", counters.events),
            ("lines_total", "Lines that were written to the feed.", counters.lines),
            ("written_bytes_total", "Bytes that were written to the feed.", counters.written_bytes),
        ] {
            out.single(name, "counter", help, value);
        }
        let name = "scanmill_watch_files_total";
        out.family(name, "counter", "Files that were read, refused, or skipped as no nmap XML.");
        for (outcome, value) in ["read", "refused", "skipped"].into_iter().zip(counters.files) {
            out.sample(name, Some(("outcome", outcome)), value);
        }
        let name = "scanmill_watch_errors_total";
        out.family(name, "counter", "Errors of files, by code.");
        for (code, value) in &counters.errors {
            out.sample(name, Some(("code", code)), value);
        }
        out.text
    }
}

/// Samples as text.
struct Samples<'s> {
    labels: &'s str,
    text: String,
}

impl Samples<'_> {
    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        let name = format!("scanmill_watch_{name}");
        self.family(&name, kind, help);
        self.sample(&name, None, value);
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, label: Option<(&str, &str)>, value: impl std::fmt::Display) {
        let _ = write!(self.text, "{name}{{{}", self.labels);
        if let Some((label, content)) = label {
            let _ = write!(self.text, ",{label}=\"{content}\"");
        }
        let _ = writeln!(self.text, "}} {value}");
    }
}

/// Escapes the value of a label.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Refuses a file that a watch has not written.
///
/// # Errors
/// Returns a usage error for such a file, and an output error if it cannot be read.
pub(crate) fn check_metrics(path: &Path) -> Result<()> {
    let failed = |error: io::Error| Error::sink(path.display().to_string(), error);
    let Some(meta) = fs::if_there(fs::symlink_metadata(path)).map_err(failed)? else {
        return Ok(());
    };
    let mut first = Vec::new();
    if meta.is_file() {
        let length = u64::try_from(MARKER.len()).unwrap_or(u64::MAX);
        let mut file = File::open(path).map_err(failed)?.take(length);
        io::copy(&mut file, &mut first).map_err(failed)?;
    }
    if first == MARKER.as_bytes() {
        return Ok(());
    }
    let path = path.display();
    Err(Error::usage(format!("{path} exists, and is not a file of metrics that watch has written")))
}

fn replace(path: &Path, text: &str) -> Result<()> {
    check_metrics(path)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".tmp");
    let temporary = parent_of(path).join(name);
    let write = || {
        // A killed run may have left it. A link is removed, not followed.
        fs::if_there(fs::remove_file(&temporary))?;
        File::create_new(&temporary)?.write_all(text.as_bytes())?;
        fs::rename(&temporary, path)
    };
    write().map_err(|error| Error::sink(path.display().to_string(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escape("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    }

    #[test]
    fn only_an_own_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scanmill.prom");
        replace(&path, &format!("{MARKER}a 1\n")).unwrap();
        replace(&path, &format!("{MARKER}a 2\n")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{MARKER}a 2\n"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        for other in ["", "mine\n", "# Metrics of scanmill"] {
            std::fs::write(&path, other).unwrap();
            assert!(replace(&path, MARKER).is_err(), "{other:?}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), other);
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(replace(&path, MARKER).is_err());
    }
}
