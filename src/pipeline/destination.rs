//! Where hosts go, and what of them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    engine::Engine,
    feed::Feed,
    merge::Merger,
    model::{Host, Port, PortState},
    sink::{DocumentSink, Sink},
};

/// What is done with hosts on their way.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Filters {
    /// States of ports to keep; all if empty.
    pub states: Vec<String>,
    /// Whether hosts that are not up are left out.
    pub up: bool,
    /// Whether ports are made of the lists of `extrareasons`.
    pub expand_extra_ports: bool,
    /// Whether documents of a scan that was read whole before are left out.
    pub dedup: bool,
    /// What is run on hosts, before ports are left out of them and made. Of a merge it is run on the merged
    /// hosts.
    pub engine: Option<Arc<Engine>>,
    /// Whether hosts that are cut are left out: it becomes true when whoever writes them is told to stop.
    pub leaves_cut: Arc<AtomicBool>,
}

impl Filters {
    /// Whether a host is left out, as it was cut when nobody wanted more.
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

/// Where hosts go.
#[non_exhaustive]
pub enum Destination {
    /// Tables.
    Tables(Box<dyn Sink>),
    /// Documents of a feed.
    Feed {
        /// Where the lines go.
        sink: DocumentSink,
        /// Which lines there are.
        feed: Feed,
    },
    /// To a merger, and what it makes of them somewhere else: neither to a merger again nor to a sink that
    /// takes notices.
    Merge {
        /// Takes all hosts.
        merger: Box<Merger>,
        /// Where the merged ones go.
        then: Box<Destination>,
    },
    /// To a merger, and what was true when (docs/history.md) to tables.
    History {
        /// Takes all hosts.
        merger: Box<Merger>,
        /// Where the rows go.
        sink: Box<dyn Sink>,
    },
    /// Nowhere: inputs are read and counted.
    Nothing,
}
