//! What a run did: counts, inputs, warnings.

use std::collections::{BTreeMap, btree_map::Entry};

use serde::Serialize;

use crate::{
    engine::Failure,
    error::{Code, Error},
    model::RunRecord,
    sink::{ChunkWriter, Written},
    table::Table,
};

/// How an input was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// To its end.
    Read,
    /// An error ended it; what came before is in the output.
    Refused,
    /// It was found in a folder and is no nmap XML.
    Skipped,
    /// Its bytes are known: all that is in it was loaded before.
    Known,
}

/// What is said of an input.
#[derive(Debug, Clone, Serialize)]
pub struct InputReport {
    /// Its name.
    pub name: String,
    /// How it was read.
    pub outcome: Outcome,
    /// Scans, hosts and ports in it.
    #[serde(flatten)]
    pub counts: Counts,
    /// How often anything was warned of.
    pub warnings: i64,
    /// The error that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Documents that hold a scan.
    pub scans: u64,
    /// Host elements.
    pub hosts: u64,
    /// Ports listed singly.
    pub ports: u64,
    /// Bytes of documents.
    pub bytes: u64,
}

/// A warning code over all inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarningReport {
    /// How often.
    pub count: i64,
    /// The input of the first one.
    pub input: String,
    /// Its line, from 1.
    pub line: u64,
    /// Its byte.
    pub byte: u64,
    /// What was found there.
    pub detail: String,
}

/// How a script of an engine failed over all hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureReport {
    /// How often.
    pub count: u64,
    /// The host of the first one: its address, else its name.
    pub target: String,
    /// Its port, of a port script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Its protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Why.
    pub message: String,
}

/// A scan of which its document says that it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedScan {
    /// The input.
    pub input: String,
    /// The id of the scan.
    pub scan_id: String,
    /// Why, as the scanner wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Scans that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FailedScans {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Vec<FailedScan>,
}

impl FailedScans {
    /// How many are named; the others are counted.
    pub const NAMED: usize = 20;

    /// Whether there were none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Leaves out those of the first that are reported otherwise.
    pub fn forget(&mut self, is_reported: impl Fn(&FailedScan) -> bool) {
        let forgotten = self.first.extract_if(.., |scan| is_reported(scan)).count();
        self.count = self.count.saturating_sub(u64::try_from(forgotten).unwrap_or(0));
    }

    /// Adds those of what was read next.
    fn absorb(&mut self, next: Self) {
        self.count = self.count.saturating_add(next.count);
        let room = Self::NAMED.saturating_sub(self.first.len());
        self.first.extend(next.first.into_iter().take(room));
    }
}

/// What a run did.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Over all inputs.
    #[serde(flatten)]
    pub counts: Counts,
    /// Inputs in order.
    pub inputs: Vec<InputReport>,
    /// Rows written, a table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Lines of a feed written.
    pub lines: u64,
    /// Warnings by code.
    pub warnings: BTreeMap<&'static str, WarningReport>,
    /// Scripts of an engine that failed, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub engine: BTreeMap<String, FailureReport>,
    /// Scans that failed, as their documents say. They are read all the same.
    #[serde(skip_serializing_if = "FailedScans::is_empty")]
    pub failed_scans: FailedScans,
    /// Of a merge: newer records of ports that lost to older ones and say something else.
    #[serde(skip_serializing_if = "is_zero")]
    pub outdated: u64,
    /// The output that exists and stays as it is, since no scan was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// Whether the run was told to stop.
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
    /// Tells of an input that was not read at all.
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

    /// Tells of an input that need not be read.
    pub(super) fn known(&mut self, name: &str) {
        self.inputs.push(InputReport {
            name: name.to_owned(),
            outcome: Outcome::Known,
            counts: Counts::default(),
            warnings: 0,
            error: None,
        });
    }

    /// Returns true if the output of this run is to get its name: the run was not stopped, it could read something, and
    /// it does not replace something by nothing. Sets [`kept`](Self::kept) in the last case.
    pub(super) fn publishes(&mut self, writer: &impl ChunkWriter) -> bool {
        if self.interrupted || !self.has_input() {
            return false;
        }
        self.kept = writer.replaces().filter(|_| !self.has_scan()).map(str::to_owned);
        self.kept.is_none()
    }

    /// Sets the rows of these tables, and the lines of a feed.
    pub(super) fn set_written(&mut self, written: &Written, tables: &[Table]) {
        self.lines = written.lines;
        for table in tables {
            let rows = written.rows.get(table.number()).copied().unwrap_or_default();
            self.rows.insert(table.name(), rows);
        }
    }

    /// Counts a warning; the place of the first of its code stays.
    pub fn warn(&mut self, code: &'static str, warning: WarningReport) {
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

    /// Counts a scan whose document says that it failed.
    pub(super) fn scan_failed(&mut self, input: &str, record: &RunRecord) {
        let failed = FailedScan {
            input: input.to_owned(),
            scan_id: record.header.scan_id.clone(),
            message: record.stats.error_message.clone(),
        };
        self.failed_scans.absorb(FailedScans { count: 1, first: vec![failed] });
    }

    /// Counts what failed of an engine on a host.
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

    /// How often anything was warned of.
    pub(super) fn warned(&self) -> i64 {
        self.warnings.values().map(|warning| warning.count).fold(0, i64::saturating_add)
    }

    /// Takes over what was reported of the inputs that come next.
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

    /// All members but the inputs, of which there may be many, in the order of their names.
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
            interrupted: self.interrupted,
            errors: Vec::new(),
        };
        serde_json::to_value(few).map(|value| match value {
            serde_json::Value::Object(members) => members,
            _ => serde_json::Map::new(),
        })
    }

    /// Inputs with this outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.inputs.iter().filter(|input| input.outcome == outcome).count()
    }

    /// Whether anything of a scan was read: a document to its end, or at least hosts of one.
    #[must_use]
    pub fn has_input(&self) -> bool {
        let read = self.count(Outcome::Read) > 0 || self.count(Outcome::Known) > 0;
        read || self.has_scan()
    }

    /// Whether a scan was read, or at least hosts of one.
    #[must_use]
    pub fn has_scan(&self) -> bool {
        self.counts.scans > 0 || self.counts.hosts > 0
    }

    /// Whether strict reading ended an input.
    #[must_use]
    pub fn strict_failed(&self) -> bool {
        self.errors.iter().any(|error| error.code() == Some(Code::Strict))
    }
}
