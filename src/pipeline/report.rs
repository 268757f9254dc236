//! Report of a pipeline: counts, inputs, warnings.

use std::collections::{BTreeMap, btree_map::Entry};

use serde::Serialize;

use crate::{
    engine::Failure,
    error::{DiagnosticCode, Error},
    format::{ChunkWriter, Written},
    model::ScanSummary,
    table::Table,
};

/// Outcome of reading an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The input was read to its end.
    Read,
    /// An error ended the input; everything before it is in the output.
    Refused,
    /// The input was found in a folder and is not nmap XML.
    Skipped,
    /// The bytes of the input are known: its contents were loaded before.
    Known,
}

/// Report on one input.
#[derive(Debug, Clone, Serialize)]
pub struct InputReport {
    /// Name of the input.
    pub name: String,
    /// Outcome of reading it.
    pub outcome: Outcome,
    /// Number of scans, hosts and ports in it.
    #[serde(flatten)]
    pub counts: Counts,
    /// Number of warnings.
    pub warnings: i64,
    /// Error that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Counts of what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Number of documents that contain a scan.
    pub scans: u64,
    /// Number of host elements.
    pub hosts: u64,
    /// Number of ports that are listed individually.
    pub ports: u64,
    /// Total length of documents in bytes.
    pub bytes: u64,
}

/// Occurrences of one warning code over all inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarningReport {
    /// Number of occurrences.
    pub count: i64,
    /// Input of the first occurrence.
    pub input: String,
    /// Line of the first occurrence, from 1.
    pub line: u64,
    /// Byte offset of the first occurrence.
    pub byte: u64,
    /// Details of the first occurrence.
    pub detail: String,
}

/// Failures of one engine script over all hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureReport {
    /// Number of failures.
    pub count: u64,
    /// Host of the first failure: its address, or its name if it has none.
    pub target: String,
    /// Port of the first failure, for port scripts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Protocol of that port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Message of the first failure.
    pub message: String,
}

/// Scan that failed according to its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedScan {
    /// Name of the input.
    pub input: String,
    /// ID of the scan.
    pub scan_id: String,
    /// Error message of the scanner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Scans that failed according to their documents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FailedScans {
    /// Number of failed scans.
    pub count: u64,
    /// The first of them, at most [`NAMED`](Self::NAMED).
    pub first: Vec<FailedScan>,
}

impl FailedScans {
    /// Maximum number of failed scans that are listed; the others are only counted.
    pub const NAMED: usize = 20;

    /// Returns true if no scan failed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Removes those of `first` that are reported elsewhere.
    pub fn forget(&mut self, is_reported: impl Fn(&FailedScan) -> bool) {
        let forgotten = self.first.extract_if(.., |scan| is_reported(scan)).count();
        self.count = self.count.saturating_sub(u64::try_from(forgotten).unwrap_or(0));
    }

    /// Adds the failed scans of later inputs.
    fn absorb(&mut self, next: Self) {
        self.count = self.count.saturating_add(next.count);
        let room = Self::NAMED.saturating_sub(self.first.len());
        self.first.extend(next.first.into_iter().take(room));
    }
}

/// Report of a pipeline.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Totals over all inputs.
    #[serde(flatten)]
    pub counts: Counts,
    /// Inputs in order.
    pub inputs: Vec<InputReport>,
    /// Number of rows written per table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Number of feed lines written.
    pub lines: u64,
    /// Warnings by code.
    pub warnings: BTreeMap<&'static str, WarningReport>,
    /// Engine scripts that failed, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub engine: BTreeMap<String, FailureReport>,
    /// Scans that failed according to their documents. They are read nevertheless.
    #[serde(skip_serializing_if = "FailedScans::is_empty")]
    pub failed_scans: FailedScans,
    /// For merges: number of newer port records that lost to older ones with different values.
    #[serde(skip_serializing_if = "is_zero")]
    pub outdated: u64,
    /// Existing output that was kept because no scan was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// Warnings about the output, such as texts that were cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_warnings: Vec<String>,
    /// True if the pipeline was stopped.
    pub interrupted: bool,
    /// Errors of inputs, in order.
    #[serde(skip)]
    pub errors: Vec<Error>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Report {
    /// Records an input that could not be opened.
    pub(super) fn refuse(&mut self, error: &Error) {
        self.inputs.push(InputReport {
            name: error.input().unwrap_or_default().to_owned(),
            outcome: Outcome::Refused,
            counts: Counts::default(),
            warnings: 0,
            error: Some(error.to_string()),
        });
        self.errors.push(error.clone());
    }

    /// Records an input that need not be read.
    pub(super) fn known(&mut self, name: &str) {
        self.inputs.push(InputReport {
            name: name.to_owned(),
            outcome: Outcome::Known,
            counts: Counts::default(),
            warnings: 0,
            error: None,
        });
    }

    /// Returns true if the output gets its final name: the pipeline was not stopped, it could read something, and it
    /// does not replace existing data by nothing. Sets [`kept`](Self::kept) in the last case, and
    /// [`output_warnings`](Self::output_warnings).
    pub(super) fn publishes(&mut self, writer: &impl ChunkWriter) -> bool {
        if self.interrupted || !self.has_input() {
            return false;
        }
        self.output_warnings = writer.warnings();
        self.kept = writer.replaces().filter(|_| !self.has_scan()).map(str::to_owned);
        self.kept.is_none()
    }

    /// Sets the number of rows of these tables, and of feed lines.
    pub(super) fn set_written(&mut self, written: &Written, tables: &[Table]) {
        self.lines = written.lines;
        for table in tables {
            let rows = written.rows.get(table.number()).copied().unwrap_or_default();
            self.rows.insert(table.name(), rows);
        }
    }

    /// Counts a warning. The position of the first one with its code is kept.
    pub(crate) fn warn(&mut self, code: &'static str, warning: WarningReport) {
        match self.warnings.entry(code) {
            Entry::Vacant(entry) => {
                entry.insert(warning);
            }
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.count = known.count.saturating_add(warning.count);
            }
        }
    }

    /// Counts a scan that failed according to its document.
    pub(super) fn scan_failed(&mut self, input: &str, record: &ScanSummary) {
        let failed = FailedScan {
            input: input.to_owned(),
            scan_id: record.header.scan_id.clone(),
            message: record.stats.error_message.clone(),
        };
        self.failed_scans.absorb(FailedScans { count: 1, first: vec![failed] });
    }

    /// Counts the engine failures of a host.
    pub(super) fn fail(&mut self, failures: Vec<Failure>) {
        for Failure { script, target, port, message } in failures {
            let (protocol, port) = port.unzip();
            let first = FailureReport { count: 1, target, port, protocol, message };
            self.count_failure(script, first);
        }
    }

    fn count_failure(&mut self, script: String, failure: FailureReport) {
        match self.engine.entry(script) {
            Entry::Vacant(entry) => {
                entry.insert(failure);
            }
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.count = known.count.saturating_add(failure.count);
            }
        }
    }

    /// Returns the total number of warnings.
    pub(super) fn warned(&self) -> i64 {
        self.warnings.values().map(|warning| warning.count).fold(0, i64::saturating_add)
    }

    /// Adds the report of later inputs.
    pub(super) fn absorb(&mut self, next: Self) {
        let Counts { scans, hosts, ports, bytes } = next.counts;
        let counts = &mut self.counts;
        counts.scans = counts.scans.saturating_add(scans);
        counts.hosts = counts.hosts.saturating_add(hosts);
        counts.ports = counts.ports.saturating_add(ports);
        counts.bytes = counts.bytes.saturating_add(bytes);
        self.inputs.extend(next.inputs);
        self.outdated = self.outdated.saturating_add(next.outdated);
        for (code, warning) in next.warnings {
            self.warn(code, warning);
        }
        for (script, failure) in next.engine {
            self.count_failure(script, failure);
        }
        self.failed_scans.absorb(next.failed_scans);
        self.errors.extend(next.errors);
    }

    /// Serializes all members except the inputs, of which there may be many, in the order of their names.
    #[cfg(feature = "cli")]
    pub(crate) fn without_inputs(
        &self,
    ) -> serde_json::Result<serde_json::Map<String, serde_json::Value>> {
        let few = Self {
            counts: self.counts,
            inputs: Vec::new(),
            rows: self.rows.clone(),
            lines: self.lines,
            warnings: self.warnings.clone(),
            engine: self.engine.clone(),
            failed_scans: self.failed_scans.clone(),
            outdated: self.outdated,
            kept: self.kept.clone(),
            output_warnings: self.output_warnings.clone(),
            interrupted: self.interrupted,
            errors: Vec::new(),
        };
        serde_json::to_value(few).map(|value| match value {
            serde_json::Value::Object(members) => members,
            _ => serde_json::Map::new(),
        })
    }

    /// Returns the number of inputs with this outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.inputs.iter().filter(|input| input.outcome == outcome).count()
    }

    /// Returns true if any part of a scan was read: a complete document, or at least some hosts.
    #[must_use]
    pub(crate) fn has_input(&self) -> bool {
        let read = self.count(Outcome::Read) > 0 || self.count(Outcome::Known) > 0;
        read || self.has_scan()
    }

    /// Returns true if a scan, or at least some hosts of one, was read.
    #[must_use]
    pub fn has_scan(&self) -> bool {
        self.counts.scans > 0 || self.counts.hosts > 0
    }

    /// Returns true if strict reading ended an input.
    #[must_use]
    pub(crate) fn strict_failed(&self) -> bool {
        self.errors.iter().any(|error| error.code() == DiagnosticCode::Strict)
    }
}
