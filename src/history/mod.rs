//! What was true when (docs/history.md): of all looks at a host, intervals in which what `latest` says of it and of its
//! ports did not change.
//!
//! The law is that the intervals that hold a time are what merging all looks up to that time by `latest` gives.
//! To merge anew for each time would take the square of the looks, so a `Timeline` goes through the
//! looks at a host once, in order of time:
//!
//! - `host` keeps what is known of the host, `track` what decides about a port. Both ask `merge` for what a look
//!   saw and covers, which looks are at the same device, and which of them stand: the rules are there.
//! - `span` says when intervals begin and end. What is closed is a compact record at once, so that a host takes memory
//!   for the ports that it has, not for all that ever happened.
//! - Hosts come in the parts of a merge, one after another or on several threads, and go to sorted runs, in
//!   memory or in files (`Part::histories`); [`Histories`] puts these in order.
//!
//! A value that is to be listed is a field of `model::HostInterval` or `model::PortInterval`, is compared where
//! these are, and has its column in `table/schema/history.rs`.

mod host;
mod port;
mod span;
mod timeline;
mod track;

use crate::{
    error::Result,
    merge::{HistoryParts, Hosts, Merged, MergedRecord, PackedHistory, Part, Series, Sorted},
    model::{HostInterval, PortInterval},
};

/// What was true of hosts: those that were looked at first come first.
#[derive(Debug)]
pub struct Histories(Hosts);

impl Histories {
    /// Makes the histories of all hosts of a merge. Its policy should be
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
    ///             ScanEvent::RunEnd(record) => merger.end_scan(name, *record),
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
    /// If a temporary file cannot be read or written.
    pub fn of(mut merged: Merged) -> Result<Self> {
        let parts = merged.take_parts().into_iter();
        Hosts::of(parts.map(of_part).collect::<Result<_>>()?).map(Self)
    }

    /// The history of the next host; `None` after the last.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    #[expect(clippy::should_implement_trait, reason = "it may fail")]
    pub fn next(&mut self) -> Result<Option<HostHistory>> {
        Ok(self.0.next()?.map(HostHistory))
    }
}

/// What was true of a host and of its ports.
#[derive(Debug)]
pub struct HostHistory(MergedRecord);

impl HostHistory {
    /// Its identity across scans.
    #[must_use]
    pub fn host_key(&self) -> &str {
        self.parts().map_or("", |parts| parts.host_key)
    }

    /// What was true of the host, in order of time.
    pub fn host(&self) -> impl Iterator<Item = HostInterval<'_>> {
        self.parts().into_iter().flat_map(|parts| parts.host())
    }

    /// What was true of its ports: by protocol and number, then in order of time.
    pub fn ports(&self) -> impl Iterator<Item = PortInterval<'_>> {
        self.parts().into_iter().flat_map(|parts| parts.ports())
    }

    fn parts(&self) -> Option<HistoryParts<'_>> {
        HistoryParts::of(&self.0)
    }
}

/// Makes the histories of the hosts of a part.
pub(crate) fn of_part(part: Part) -> Result<Sorted> {
    part.histories(of_host)
}

fn of_host(series: &Series<'_, '_>) -> PackedHistory {
    let mut timeline = timeline::Timeline::new(series);
    for place in 0..series.len() {
        // What was written can be read.
        let Some(look) = series.open(place) else { break };
        timeline.take(look);
        let next = place.saturating_add(1);
        if next == series.len() || series.time(next) != series.time(place) {
            timeline.settle();
        }
    }
    timeline.finish()
}
