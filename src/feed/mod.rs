//! Hosts to one-line JSON documents, written straight from the borrowed host.
//!
//! A feed takes hosts, not rows: what belongs to a host stands in its line. [`nested`] is scanmill's own
//! shape (data model, section 4). A [`Feed`] says which documents there are.

pub mod nested;

use crate::model::{Host, MergedHost, RunEvent, RunHeader, RunRecord};

/// Which documents are made of hosts and scans. Each method appends whole lines to `out` and gives their
/// number; they hang on nothing but what they are given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Feed {
    /// scanmill's own documents.
    Nested {
        /// Whether events of runs have lines.
        events: bool,
    },
}

impl Feed {
    /// Writes the lines of a host.
    pub fn host(&self, run: &RunHeader, host: &Host<'_>, out: &mut Vec<u8>) -> u64 {
        match self {
            Self::Nested { .. } => nested::host_line(run, host, out),
        }
        1
    }

    /// Writes the lines of a host of a merge, whose scans are `runs`.
    pub fn merged(&self, merged: &MergedHost<'_>, runs: &[&RunHeader], out: &mut Vec<u8>) -> u64 {
        match self {
            Self::Nested { .. } => nested::merged_line(merged, runs, out),
        }
        1
    }

    /// Writes the lines of an event of a run; `index` is its place among the events of the scan.
    pub fn event(&self, run: &RunHeader, index: i32, event: &RunEvent, out: &mut Vec<u8>) -> u64 {
        match self {
            Self::Nested { events: true } => {
                nested::event_line(run, index, event, out);
                1
            }
            Self::Nested { events: false } => 0,
        }
    }

    /// Writes the lines of a scan that has ended; none if the document held no scan. `source` is the name
    /// of the input as given.
    pub fn scan(&self, source: &str, record: &RunRecord, out: &mut Vec<u8>) -> u64 {
        match self {
            Self::Nested { .. } => nested::scan_line(source, record, out),
        }
        u64::from(record.exists)
    }
}
