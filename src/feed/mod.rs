//! Converts hosts to one-line JSON documents, which are written directly from the borrowed host.
//!
//! A feed takes hosts, not rows, because everything that belongs to a host is in its line. [`nested`] is scanmill's
//! own format (data model, section 4). [`ecs`], [`ocsf`] and [`cim`] are formats of SIEMs (`docs/siem.md`); their
//! lines never exceed the length that log shippers accept. A [`Feed`] selects the format and its options.
//!
//! Feeds have no state: the documents depend only on the arguments, so several threads may write hosts with one
//! [`Feed`]. To add a format, add a module, a variant of [`Feed`] and its branch in each method; `host_view` has what
//! the formats of SIEMs share.

mod bulk;
pub mod cim;
pub mod ecs;
mod flush;
mod host_view;
pub mod nested;
pub mod ocsf;
mod truncate;

use self::{
    flush::{FlushFn, flush_large},
    host_view::{HostIds, HostView},
};
pub use self::{
    host_view::DEFAULT_MIN_OS_ACCURACY,
    truncate::{DEFAULT_MAX_LINE_BYTES, MIN_LINE_BYTES},
};
use crate::{
    error::Result,
    model::{Host, MergedHost, ScanActivity, ScanHeader, ScanSummary},
};

/// Format of the documents made from hosts and scans. Each method appends whole lines to `out` and returns the number
/// of documents, which depend only on the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Feed {
    /// scanmill's own documents.
    Nested {
        /// True if events of scans have lines.
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
    pub fn host(&self, run: &ScanHeader, host: &Host<'_>, out: &mut Vec<u8>) -> u64 {
        // This callback never fails.
        self.host_chunked(run, host, out, &mut |_| Ok(())).unwrap_or_default()
    }

    /// Writes the documents of a host. After each document, `out` is passed to `flush` if it holds 256 KiB or more.
    ///
    /// # Errors
    /// Returns the errors of `flush`.
    pub(crate) fn host_chunked(
        &self,
        run: &ScanHeader,
        host: &Host<'_>,
        out: &mut Vec<u8>,
        flush: FlushFn<'_>,
    ) -> Result<u64> {
        if let Self::Nested { .. } = self {
            nested::host_line(run, host, out);
            flush_large(out, flush)?;
            return Ok(1);
        }
        let ids = HostIds::of(run, host);
        self.lines(&HostView::of(run, host, &ids), (out, flush))
    }

    /// Writes the documents of a merged host. `runs` are the scans of the merge.
    pub fn merged(&self, merged: &MergedHost<'_>, runs: &[&ScanHeader], out: &mut Vec<u8>) -> u64 {
        // This callback never fails.
        self.merged_chunked(merged, runs, out, &mut |_| Ok(())).unwrap_or_default()
    }

    /// Writes the documents of a merged host. After each document, `out` is passed to `flush` if it holds 256 KiB or more.
    ///
    /// # Errors
    /// Returns the errors of `flush`.
    pub(crate) fn merged_chunked(
        &self,
        merged: &MergedHost<'_>,
        runs: &[&ScanHeader],
        out: &mut Vec<u8>,
        flush: FlushFn<'_>,
    ) -> Result<u64> {
        if let Self::Nested { .. } = self {
            nested::merged_line(merged, runs, out);
            flush_large(out, flush)?;
            return Ok(1);
        }
        let (ids, nothing) = (HostIds::of_merged(merged), ScanHeader::default());
        self.lines(&HostView::of_merged(merged, runs, &ids, &nothing), (out, flush))
    }

    /// Writes the events of a host and returns their number. Returns 0 for nested lines, which are not events.
    fn lines(&self, view: &HostView<'_>, out: (&mut Vec<u8>, FlushFn<'_>)) -> Result<u64> {
        match self {
            Self::Nested { .. } => Ok(0),
            Self::Ecs(ecs) => ecs.lines(view, out),
            Self::Ocsf(ocsf) => ocsf.lines(view, out),
            Self::Cim(cim) => cim.lines(view, out),
        }
    }

    /// Returns true if the feed writes documents of events.
    pub(crate) fn writes_events(&self) -> bool {
        *self == (Self::Nested { events: true })
    }

    /// Writes the documents of an event of a scan. `index` is its index among the events of the scan.
    pub fn event(
        &self,
        run: &ScanHeader,
        index: i32,
        event: &ScanActivity,
        out: &mut Vec<u8>,
    ) -> u64 {
        if !self.writes_events() {
            return 0;
        }
        nested::event_line(run, index, event, out);
        1
    }

    /// Writes the documents of a scan that has ended; none if the input contained no scan. `source` is the name of
    /// the input as given.
    pub fn scan(&self, source: &str, record: &ScanSummary, out: &mut Vec<u8>) -> u64 {
        match self {
            Self::Nested { .. } => {
                nested::scan_line(source, record, out);
                u64::from(record.has_scan)
            }
            Self::Ecs(ecs) => ecs.scan(record, out),
            Self::Ocsf(_) | Self::Cim(_) => 0,
        }
    }
}
