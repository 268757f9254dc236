//! Hosts to one-line JSON documents, written straight from the borrowed host.
//!
//! A feed takes hosts, not rows: what belongs to a host stands in its line. [`nested`] is scanmill's own
//! shape (data model, section 4). [`ecs`], [`ocsf`] and [`cim`] are those of SIEMs (`docs/siem.md`): their
//! lines are never longer than what log shippers take. A [`Feed`] says which documents there are.

pub mod cim;
pub mod ecs;
mod line;
pub mod nested;
pub mod ocsf;
mod subject;

pub use self::line::{LEAST_LINE, LINE};
use crate::{
    json::{OBJECT, key, nest, put},
    model::{Host, MergedHost, RunEvent, RunHeader, RunRecord},
};

/// The default of the least accuracy of an operating system, in percent.
pub const OS_MIN: i32 = 85;

/// Which documents are made of hosts and scans. Each method appends whole lines to `out` and gives the number of
/// documents; they hang on nothing but what they are given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Feed {
    /// scanmill's own documents.
    Nested {
        /// Whether events of runs have lines.
        events: bool,
    },
    /// Elastic Common Schema.
    Ecs(ecs::Ecs),
    /// Open Cybersecurity Schema Framework.
    Ocsf(ocsf::Ocsf),
    /// Splunk's Common Information Model.
    Cim(cim::Cim),
}

impl Feed {
    /// Writes the documents of a host.
    pub fn host(&self, run: &RunHeader, host: &Host<'_>, out: &mut Vec<u8>) -> u64 {
        match self {
            Self::Nested { .. } => {
                nested::host_line(run, host, out);
                1
            }
            Self::Ecs(ecs) => ecs.host(run, host, out),
            Self::Ocsf(ocsf) => ocsf.host(run, host, out),
            Self::Cim(cim) => cim.host(run, host, out),
        }
    }

    /// Writes the documents of a host of a merge, whose scans are `runs`.
    pub fn merged(&self, merged: &MergedHost<'_>, runs: &[&RunHeader], out: &mut Vec<u8>) -> u64 {
        match self {
            Self::Nested { .. } => {
                nested::merged_line(merged, runs, out);
                1
            }
            Self::Ecs(ecs) => ecs.merged(merged, runs, out),
            Self::Ocsf(ocsf) => ocsf.merged(merged, runs, out),
            Self::Cim(cim) => cim.merged(merged, runs, out),
        }
    }

    /// Writes the documents of an event of a run; `index` is its place among the events of the scan.
    pub fn event(&self, run: &RunHeader, index: i32, event: &RunEvent, out: &mut Vec<u8>) -> u64 {
        if *self != (Self::Nested { events: true }) {
            return 0;
        }
        nested::event_line(run, index, event, out);
        1
    }

    /// Writes the documents of a scan that has ended; none if the document held no scan. `source` is the name
    /// of the input as given.
    pub fn scan(&self, source: &str, record: &RunRecord, out: &mut Vec<u8>) -> u64 {
        match self {
            Self::Nested { .. } => {
                nested::scan_line(source, record, out);
                u64::from(record.exists)
            }
            Self::Ecs(ecs) => ecs.scan(record, out),
            Self::Ocsf(_) | Self::Cim(_) => 0,
        }
    }
}

/// Writes the action line of a request to a bulk API, if the index is named.
fn action(index: Option<&str>, id: &str, out: &mut Vec<u8>) {
    let Some(index) = index else { return };
    nest("", OBJECT, out, |out| {
        nest(key!("create"), OBJECT, out, |out| put!(out, "_index": index, "_id": id));
    });
    out.push(b'\n');
}
