//! Filters on hosts and ports, and the engine that runs on hosts.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    engine::Engine,
    model::{Host, Port, PortState},
};

/// Options that apply to hosts between reading and writing.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Filters {
    /// Port states to keep; all if empty.
    pub states: Vec<String>,
    /// Omit hosts that are not up.
    pub up: bool,
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

    pub(super) fn keeps(&self, port: &Port<'_>) -> bool {
        self.keeps_state(&port.state)
    }

    pub(super) fn keeps_state(&self, state: &PortState<'_>) -> bool {
        self.states.is_empty() || self.states.iter().any(|kept| kept == state.as_str())
    }
}
