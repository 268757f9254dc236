//! Filters on hosts and ports, and the engine that runs on hosts.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    engine::Engine,
    filter::{Field, Filter, SeenTimes},
    merge::HistoryParts,
    model::{Host, HostInterval, MergedHost, Port, PortInterval, PortState, Timestamp},
};

/// Options that apply to hosts between reading and writing.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Filters {
    /// Port states to keep; all if empty.
    pub states: Vec<String>,
    /// Omit hosts that are not up.
    pub up: bool,
    /// Expression that selects hosts and ports, after all other filters and the engine. In a merge or a history it
    /// applies to the result.
    pub expression: Option<Filter>,
    /// Create ports from the lists of `extrareasons`.
    pub expand_extra_ports: bool,
    /// Omit documents whose scan was completely read before.
    pub dedup: bool,
    /// Engine to run on hosts, before ports are filtered and expanded. In a merge it runs on merged hosts.
    pub engine: Option<Arc<Engine>>,
    /// Omit truncated hosts. Becomes true when the program that writes them is stopped.
    pub leaves_cut: Arc<AtomicBool>,
}

impl Filters {
    /// Returns true if a host is omitted because it was truncated when its program was stopped.
    pub(super) fn is_cut(&self, host: &Host<'_>) -> bool {
        !host.complete && self.leaves_cut.load(Ordering::Relaxed)
    }

    /// Returns true if the states or the expression decide on ports that are `open|filtered`, so that `open_services` has
    /// those that they keep, too.
    pub(crate) fn selects_open_filtered(&self) -> bool {
        self.states.iter().any(|state| state == PortState::OpenFiltered.as_str())
            || self.expression.as_ref().is_some_and(|filter| filter.has_field(Field::State))
    }

    /// Returns false if the expression omits a host, whatever an engine adds to it.
    pub(super) fn may_keep(&self, host: &Host<'_>, seen: SeenTimes) -> bool {
        let Some(filter) = &self.expression else { return true };
        filter.has_field(Field::HostScript) || filter.keeps_host(host, seen)
    }

    /// Removes the ports of a host that the states or the expression omit. Returns false if the host itself is omitted.
    pub(super) fn select(&self, host: &mut Host<'_>, scan_start: Option<Timestamp>) -> bool {
        if !self.states.is_empty() {
            host.ports.retain(|port| self.keeps(port));
        }
        self.expression.as_ref().is_none_or(|filter| filter.apply(host, scan_start))
    }

    /// Removes the ports of a merged host as [`select`](Self::select) does, with their provenance.
    pub(super) fn select_merged(&self, merged: &mut MergedHost<'_>) -> bool {
        let seen = SeenTimes::of_merged(&merged.provenance.seen);
        let filter = self.expression.as_ref();
        if !filter.is_none_or(|filter| filter.keeps_host(&merged.host, seen)) {
            return false;
        }
        let selects_ports = filter.is_some_and(Filter::selects_ports);
        if self.states.is_empty() && !selects_ports {
            return true;
        }
        let host = &merged.host;
        let keeps = |port: &Port<'_>| {
            self.keeps(port) && filter.is_none_or(|filter| filter.keeps_port(host, port, seen))
        };
        let kept: Vec<bool> = host.ports.iter().map(keeps).collect();
        retain(&mut merged.host.ports, &kept);
        retain(&mut merged.provenance.ports, &kept);
        !selects_ports || kept.contains(&true)
    }

    /// Returns the intervals of a host that the expression may need, or `None` if it omits the host.
    pub(super) fn selected_history<'h>(
        &self,
        history: &HistoryParts<'h>,
    ) -> Option<Vec<HostInterval<'h>>> {
        let Some(filter) = &self.expression else { return Some(Vec::new()) };
        let intervals: Vec<_> = history.host().collect();
        if !filter.keeps_host_history(&intervals) {
            return None;
        }
        let keeps = |port: PortInterval<'h>| self.keeps_interval(&port, &intervals);
        let is_kept = !filter.selects_ports() || history.ports().any(keeps);
        is_kept.then_some(intervals)
    }

    /// Returns false if an interval of a port is omitted. `intervals` are those of its host, as far as the expression
    /// needs them.
    pub(super) fn keeps_interval(
        &self,
        port: &PortInterval<'_>,
        intervals: &[HostInterval<'_>],
    ) -> bool {
        let filter = self.expression.as_ref();
        self.keeps_state(&port.state)
            && filter.is_none_or(|filter| filter.keeps_port_history(intervals, port))
    }

    fn keeps(&self, port: &Port<'_>) -> bool {
        self.keeps_state(&port.state)
    }

    fn keeps_state(&self, state: &PortState<'_>) -> bool {
        self.states.is_empty() || self.states.iter().any(|kept| kept == state.as_str())
    }
}

/// Keeps the items whose flag is true.
fn retain<T>(items: &mut Vec<T>, kept: &[bool]) {
    debug_assert_eq!(items.len(), kept.len(), "there is a flag per item");
    let mut kept = kept.iter();
    items.retain(|_| kept.next().copied().unwrap_or_default());
}
