//! Rows of a history.

use super::{CellList, Row, cell::Id, row::Inner};
use crate::{
    error::Result,
    model::{CowStr, HostInterval, IntervalService, PortInterval, ScanIndex, Span},
};

/// Scan IDs of an interval.
#[derive(Clone, Copy)]
pub(super) struct IntervalScans<'r> {
    pub(super) first: Id<'r>,
    pub(super) last: Id<'r>,
    pub(super) ended_by: Option<Id<'r>>,
}

impl<'r> IntervalScans<'r> {
    fn of(span: &Span, ids: &[&'r str]) -> Self {
        let id = |scan: ScanIndex| {
            let id = usize::try_from(scan).ok().and_then(|scan| ids.get(scan)).copied();
            debug_assert!(id.is_some(), "the history has no scan {scan}");
            Id::new(id.unwrap_or_default())
        };
        Self {
            first: id(span.first_scan),
            last: id(span.last_scan),
            ended_by: span.ended_by.map(id),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct HostIntervalRow<'r> {
    pub(super) host_key: &'r str,
    pub(super) interval: &'r HostInterval<'r>,
    pub(super) scans: IntervalScans<'r>,
}

#[derive(Clone, Copy)]
pub(super) struct PortIntervalRow<'r> {
    pub(super) host_key: &'r str,
    pub(super) interval: &'r PortInterval<'r>,
    pub(super) scans: IntervalScans<'r>,
}

/// CPEs of a missing service.
static NO_CPES: Vec<CowStr<'static>> = Vec::new();

impl<'r> PortIntervalRow<'r> {
    pub(super) fn service(&self) -> Option<&'r IntervalService<'r>> {
        self.interval.service.as_ref()
    }

    pub(super) fn cpes(&self) -> &'r dyn CellList {
        match &self.interval.service {
            Some(service) => &service.cpes,
            None => &NO_CPES,
        }
    }
}

/// Calls `each` with the row of a host interval. `ids` are the scan IDs, in order.
///
/// # Errors
/// Returns the error of `each`.
pub(crate) fn host_interval_row(
    host_key: &str,
    interval: &HostInterval<'_>,
    ids: &[&str],
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let scans = IntervalScans::of(&interval.span, ids);
    each(&Row(Inner::HostInterval(HostIntervalRow { host_key, interval, scans })))
}

/// Calls `each` with the row of a port interval. `ids` are the scan IDs, in order.
///
/// # Errors
/// Returns the error of `each`.
pub(crate) fn port_interval_row(
    host_key: &str,
    interval: &PortInterval<'_>,
    ids: &[&str],
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let scans = IntervalScans::of(&interval.span, ids);
    each(&Row(Inner::PortInterval(PortIntervalRow { host_key, interval, scans })))
}
