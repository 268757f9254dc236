//! Which hosts and ports are written, and what is run on them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    engine::Engine,
    model::{Host, Port, PortState},
};

/// Options for hosts between reading and writing.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Filters {
    /// States of the ports to keep; all if empty.
    pub states: Vec<String>,
    /// Leave out hosts that are not up.
    pub up: bool,
    /// Make ports of the lists of `extrareasons`.
    pub expand_extra_ports: bool,
    /// Leave out documents of a scan that was read whole before.
    pub dedup: bool,
    /// What is run on hosts, before ports are left out of them and made. Of a merge it is run on the merged
    /// hosts.
    pub engine: Option<Arc<Engine>>,
    /// Leave out hosts that are cut. It becomes true when the program that writes them is stopped.
    pub leaves_cut: Arc<AtomicBool>,
}

impl Filters {
    /// Returns true if a host is left out, as its program was stopped in the middle of it.
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
