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
use self::subject::{Ids, Subject};
use crate::{
    error::Result,
    json::{OBJECT, key, nest, put},
    model::{Host, MergedHost, RunEvent, RunHeader, RunRecord},
};

/// The default of the least accuracy of an operating system, in percent.
pub const OS_MIN: i32 = 85;

/// Bytes of lines of one host that are handed over before there are more.
const PIECE: usize = 256 << 10;

/// Takes the lines that are ready while more of a host come, and leaves the buffer empty.
pub type Handing<'h> = &'h mut dyn FnMut(&mut Vec<u8>) -> Result<()>;

/// Hands over what is ready if it is enough.
fn hand_over(out: &mut Vec<u8>, hand: Handing<'_>) -> Result<()> {
    if out.len() >= PIECE { hand(out) } else { Ok(()) }
}

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
    Ecs(Box<ecs::Ecs>),
    /// Open Cybersecurity Schema Framework.
    Ocsf(Box<ocsf::Ocsf>),
    /// Splunk's Common Information Model.
    Cim(Box<cim::Cim>),
}

impl From<ecs::Ecs> for Feed {
    fn from(ecs: ecs::Ecs) -> Self {
        Self::Ecs(Box::new(ecs))
    }
}

impl From<ocsf::Ocsf> for Feed {
    fn from(ocsf: ocsf::Ocsf) -> Self {
        Self::Ocsf(Box::new(ocsf))
    }
}

impl From<cim::Cim> for Feed {
    fn from(cim: cim::Cim) -> Self {
        Self::Cim(Box::new(cim))
    }
}

impl Feed {
    /// Writes the documents of a host.
    pub fn host(&self, run: &RunHeader, host: &Host<'_>, out: &mut Vec<u8>) -> u64 {
        // Nothing is handed over, so nothing fails.
        self.host_in_pieces(run, host, out, &mut |_| Ok(())).unwrap_or_default()
    }

    /// The same; what is in `out` is handed over behind each document with which it is 256 KiB or more.
    ///
    /// # Errors
    /// Those of `hand`.
    pub fn host_in_pieces(
        &self,
        run: &RunHeader,
        host: &Host<'_>,
        out: &mut Vec<u8>,
        hand: Handing<'_>,
    ) -> Result<u64> {
        if let Self::Nested { .. } = self {
            nested::host_line(run, host, out);
            hand_over(out, hand)?;
            return Ok(1);
        }
        let ids = Ids::of(run, host);
        self.lines(&Subject::of(run, host, &ids), (out, hand))
    }

    /// Writes the documents of a host of a merge, whose scans are `runs`.
    pub fn merged(&self, merged: &MergedHost<'_>, runs: &[&RunHeader], out: &mut Vec<u8>) -> u64 {
        // Nothing is handed over, so nothing fails.
        self.merged_in_pieces(merged, runs, out, &mut |_| Ok(())).unwrap_or_default()
    }

    /// The same; what is in `out` is handed over behind each document with which it is 256 KiB or more.
    ///
    /// # Errors
    /// Those of `hand`.
    pub fn merged_in_pieces(
        &self,
        merged: &MergedHost<'_>,
        runs: &[&RunHeader],
        out: &mut Vec<u8>,
        hand: Handing<'_>,
    ) -> Result<u64> {
        if let Self::Nested { .. } = self {
            nested::merged_line(merged, runs, out);
            hand_over(out, hand)?;
            return Ok(1);
        }
        let (ids, nothing) = (Ids::of_merged(merged), RunHeader::default());
        self.lines(&Subject::of_merged(merged, runs, &ids, &nothing), (out, hand))
    }

    /// Writes the events of a host, and gives their number; a nested line is none.
    fn lines(&self, subject: &Subject<'_>, out: (&mut Vec<u8>, Handing<'_>)) -> Result<u64> {
        match self {
            Self::Nested { .. } => Ok(0),
            Self::Ecs(ecs) => ecs.lines(subject, out),
            Self::Ocsf(ocsf) => ocsf.lines(subject, out),
            Self::Cim(cim) => cim.lines(subject, out),
        }
    }

    /// Whether it has documents of events.
    #[must_use]
    pub fn takes_events(&self) -> bool {
        *self == (Self::Nested { events: true })
    }

    /// Writes the documents of an event of a run; `index` is its place among the events of the scan.
    pub fn event(&self, run: &RunHeader, index: i32, event: &RunEvent, out: &mut Vec<u8>) -> u64 {
        if !self.takes_events() {
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
