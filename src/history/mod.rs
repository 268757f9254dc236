//! History of hosts and ports (docs/history.md): the intervals in which the result of merging all looks at a host by
//! `latest` did not change.
//!
//! The invariant is that the intervals which contain a time equal the merge by `latest` of all looks up to that time.
//! A new merge per time would need quadratic time, so a `Timeline` goes through the looks at a host once, in time
//! order:
//!
//! - `host` tracks the values of the host, `track` the looks that decide about a port. Both use `merge` for what a
//!   look saw and covers, which looks are at the same device, and which look supplies a value; only `merge` has these
//!   rules.
//! - `span` decides when intervals begin and end. A closed interval becomes a compact record at once, so the memory
//!   per host depends on its ports, not on the length of its history.
//! - Hosts come in the parts of a merge, one after another or on several threads, and go to sorted runs, in memory or
//!   in files (`Partition::histories`); [`Histories`] merges the runs.
//!
//! To list another value, add a field to `model::HostInterval` or `model::PortInterval`, compare it where the others
//! are compared, and add its column to `table/schema/history.rs`.

mod host;
mod port;
mod span;
mod timeline;
mod track;

use crate::{
    error::Result,
    merge::{
        HistoryParts, Hosts, Merged, MergedPartition, MergedRecord, PackedHistory, Partition,
        Series,
    },
    model::{HostInterval, PortInterval},
};

/// Histories of hosts, in the order of the first look at each host.
#[derive(Debug)]
pub struct Histories(Hosts);

impl Histories {
    /// Builds the histories of all hosts of a merge. Its policy should be
    /// [`Precedence::Latest`](crate::merge::Precedence::Latest).
    ///
    /// ```
    /// use scanmill::{
    ///     history::Histories,
    ///     merge::{MergePolicy, Merger, Precedence},
    ///     model::ScanEvent,
    ///     xml::{Options, Reader},
    /// };
    ///
    /// let mut merger = Merger::new(MergePolicy::new(Precedence::Latest));
    /// for name in ["42-merge-connect-unprivileged-view.xml", "44-merge-day2-changed.xml"] {
    ///     let file = std::fs::File::open(format!("fixtures/{name}"))?;
    ///     let mut reader = Reader::new(file, Options::default().with_hash(true));
    ///     while let Some(event) = reader.next_event()? {
    ///         match event {
    ///             ScanEvent::Host(host) => merger.host(&host)?,
    ///             ScanEvent::ScanEnd(record) => merger.end_scan(name, *record),
    ///             _ => {}
    ///         }
    ///     }
    /// }
    /// let mut histories = Histories::of(merger.finish()?)?;
    /// while let Some(history) = histories.next()? {
    ///     for port in history.ports().filter(|port| port.span.valid_to.is_some()) {
    ///         println!("{} {}: no longer {}", history.host_key(), port.number, port.state.as_str());
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if a temporary file cannot be read or written.
    pub fn of(mut merged: Merged) -> Result<Self> {
        let parts = merged.take_partitions().into_iter();
        Hosts::of(parts.map(of_part).collect::<Result<_>>()?).map(Self)
    }

    /// Returns the history of the next host; `None` after the last.
    ///
    /// # Errors
    /// Returns an error if a temporary file cannot be read.
    #[expect(clippy::should_implement_trait, reason = "it may fail")]
    pub fn next(&mut self) -> Result<Option<HostHistory>> {
        Ok(self.0.next()?.map(HostHistory))
    }
}

/// History of a host and of its ports.
#[derive(Debug)]
pub struct HostHistory(MergedRecord);

impl HostHistory {
    /// Returns the identity of the host across scans.
    #[must_use]
    pub fn host_key(&self) -> &str {
        self.parts().map_or("", |parts| parts.host_key)
    }

    /// Returns the intervals of the host, in time order.
    pub fn host(&self) -> impl Iterator<Item = HostInterval<'_>> {
        self.parts().into_iter().flat_map(|parts| parts.host())
    }

    /// Returns the intervals of its ports: by protocol and number, then in time order.
    pub fn ports(&self) -> impl Iterator<Item = PortInterval<'_>> {
        self.parts().into_iter().flat_map(|parts| parts.ports())
    }

    fn parts(&self) -> Option<HistoryParts<'_>> {
        HistoryParts::of(&self.0)
    }
}

/// Builds the histories of the hosts of a part.
pub(crate) fn of_part(part: Partition) -> Result<MergedPartition> {
    part.histories(of_host)
}

fn of_host(series: &Series<'_, '_>) -> Result<PackedHistory> {
    let mut timeline = timeline::Timeline::new(series);
    for place in 0..series.len() {
        let Some(look) = series.open(place)? else { break };
        timeline.take(look);
        let next = place.saturating_add(1);
        if next == series.len() || series.time(next) != series.time(place) {
            timeline.settle()?;
        }
    }
    Ok(timeline.finish())
}
