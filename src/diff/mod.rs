//! Differences between two states, each of one or more scans (docs/merge.md, "Diff"). Hosts and ports are matched by
//! key, so their order does not matter, and ports that one state did not look at are not reported as changed.
//!
//! Both states are merged by `latest`. Only `merge` decides which looks count, what a look saw and what it looked for.
//! To add a kind of value, call `Changes::compare` in `host.rs` or `ports.rs`, and add a [`Subject`], a description in
//! docs/merge.md, and an action for its event in `feed::ecs`.

mod host;
mod options;
mod ports;
mod selection;
mod unlisted_ports;
mod values;

use std::sync::Arc;

use self::host::DiffContext;
pub use self::options::{ChangeSelection, NOISE, NOISE_LINES, Sort, Subject};
pub use crate::model::{ComparedScans, HostChanges};
use crate::{
    error::Result,
    merge::{HostPair, MergedScan, Merger, SortedChanges},
    model::LatestScan,
};

/// Iterator over hosts with differences: first the hosts of the newer state in its order, then those that are gone.
/// Differences that exceed the memory of the mergers are held in temporary files.
#[derive(Debug)]
pub struct Differences {
    hosts: SortedChanges,
    scans: Arc<ComparedScans>,
}

impl Differences {
    /// Returns the scans of both states.
    #[must_use]
    pub fn scans(&self) -> Arc<ComparedScans> {
        Arc::clone(&self.scans)
    }
}

impl Iterator for Differences {
    type Item = Result<HostChanges>;

    fn next(&mut self) -> Option<Self::Item> {
        self.hosts.next().transpose()
    }
}

/// Sorts hosts that are gone after all others. The position of a host is always lower.
const GONE: u64 = 1 << 63;

/// Compares two states and returns all differences.
///
/// ```
/// use scanmill::{
///     diff::differences,
///     merge::{MergePolicy, Merger, Precedence},
///     model::ScanEvent,
///     xml::{Options, Reader},
/// };
///
/// let read = |name: &str| -> Result<Merger, Box<dyn std::error::Error>> {
///     let mut merger = Merger::new(MergePolicy::new(Precedence::Latest));
///     let file = std::fs::File::open(format!("fixtures/{name}"))?;
///     let mut reader = Reader::new(file, Options::default());
///     while let Some(event) = reader.next_event()? {
///         match event {
///             ScanEvent::Host(host) => merger.host(&host)?,
///             ScanEvent::ScanEnd(record) => merger.end_scan(name, *record),
///             _ => {}
///         }
///     }
///     Ok(merger)
/// };
/// let old = read("41-merge-day1-versions-os.xml")?;
/// let new = read("44-merge-day2-changed.xml")?;
/// for host in differences(old, new)? {
///     for change in &host?.changes {
///         println!("{} {} {}", change.host_key, change.column, change.kind.as_str());
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns the errors of [`Merger::finish`], or an error if a temporary file cannot be read or written.
pub fn differences(old: Merger, new: Merger) -> Result<Differences> {
    differences_with(old, new, &ChangeSelection::all())
}

/// Compares two states and returns the differences that `options` selects.
///
/// # Errors
/// Returns the same errors as [`differences`].
pub fn differences_with(
    old: Merger,
    new: Merger,
    options: &ChangeSelection,
) -> Result<Differences> {
    let (mut old, mut new) = (old.finish()?, new.finish()?);
    let scans = Arc::new(ComparedScans {
        headers: (old.scans().iter().chain(new.scans()))
            .map(|scan| (scan.record.header.scan_id.clone(), scan.record.header.clone()))
            .collect(),
        old: latest(old.scans()),
        new: latest(new.scans()),
    });
    let ids = |scans: &[MergedScan]| -> Vec<String> {
        scans.iter().map(|scan| scan.record.header.scan_id.clone()).collect()
    };
    let (old_ids, new_ids) = (ids(old.scans()), ids(new.scans()));
    let context = DiffContext { options, old_ids: &old_ids, new_ids: &new_ids };
    let mut sorter = new.change_sorter();
    old.compare(&mut new, &mut |pair: HostPair<'_>| {
        let order = match (&pair.new, &pair.old) {
            (Some(new), _) => new.order,
            (None, Some(old)) => old.order | GONE,
            (None, None) => return Ok(()),
        };
        let mut changes = host::changes(&pair, context);
        if let Some(filter) = options.filter() {
            selection::retain_selected(&mut changes, &pair, filter);
        }
        if changes.is_empty() {
            return Ok(());
        }
        sorter.push(order, &host::host_changes(&pair, changes))
    })?;
    Ok(Differences { hosts: sorter.finish()?, scans })
}

/// Returns the scan that ended last, or began last if it has no end; of equal ones, the last in order.
fn latest(scans: &[MergedScan]) -> Option<LatestScan> {
    let scans = scans.iter().filter(|scan| scan.used).map(|scan| LatestScan {
        scan_id: scan.record.header.scan_id.clone(),
        time: scan.record.stats.end_time.or(scan.record.header.start_time),
    });
    scans.max_by_key(|scan| scan.time)
}
