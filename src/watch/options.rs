//! Options of a watch: the folder, the feed and its content.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::feed::Rotation;
use crate::{
    feed::{Feed, ecs::Ecs},
    filter::Filter,
    source::PathFilter,
    xml::Options,
};

/// Content of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchMode {
    /// All hosts and scans, as documents of a feed.
    Events(Feed),
    /// Differences from the last known state of each host.
    Changes(ChangeFormat, Baseline),
}

impl WatchMode {
    /// Returns the format of the events, if it has heartbeats.
    pub(super) fn ecs(&self) -> Option<&Ecs> {
        match self {
            Self::Events(Feed::Ecs(ecs)) | Self::Changes(ChangeFormat::Events(ecs), _) => Some(ecs),
            Self::Events(_) | Self::Changes(ChangeFormat::Rows, _) => None,
        }
    }

    /// Returns the number of lines that each event has: requests for the bulk API have one before it.
    pub(super) fn lines_per_event(&self) -> u64 {
        let has_index = match self {
            Self::Events(Feed::Ecs(ecs)) | Self::Changes(ChangeFormat::Events(ecs), _) => {
                ecs.bulk.is_some()
            }
            Self::Events(Feed::Ocsf(ocsf)) => ocsf.bulk.is_some(),
            Self::Events(Feed::Nested { .. } | Feed::Cim(_))
            | Self::Changes(ChangeFormat::Rows, _) => false,
        };
        1 + u64::from(has_index)
    }
}

/// Output for the first look at a host, when nothing is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Baseline {
    /// Nothing: the first look is a state, not a change.
    #[default]
    Silent,
    /// The host and its open ports.
    Events,
}

/// Format of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeFormat {
    /// Rows of the table `changes`.
    Rows,
    /// ECS events.
    Events(Box<Ecs>),
}

/// Options of a watch.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WatchOptions {
    /// Folder to watch.
    pub folder: PathBuf,
    /// File of the feed.
    pub out: PathBuf,
    /// Folder of the state, or `None` for `.scanmill` in the watched folder.
    pub state: Option<PathBuf>,
    /// Content of the feed.
    pub mode: WatchMode,
    /// Name of the format, which keeps a journal from being used for another feed.
    pub name: String,
    /// Time that a file must stay unchanged before it is read, unless it ends like a complete
    /// document.
    pub settle: Duration,
    /// Conditions for rotating the feed.
    pub rotation: Rotation,
    /// Selection of files in the folder.
    pub pick: PathFilter,
    /// Options for reading XML.
    pub reading: Options,
    /// Expression that selects the hosts and ports, or the changes, that are written.
    pub filter: Option<Filter>,
    /// File for metrics in the text format of Prometheus. It is replaced whenever they change.
    pub metrics: Option<PathBuf>,
    /// Time without a line after which an event is written that shows that the watch runs; for ECS.
    pub heartbeat: Option<Duration>,
}

impl WatchOptions {
    /// Default time that a file must stay unchanged.
    pub const SETTLE: Duration = Duration::from_secs(2);

    /// Creates options that read all documents of a folder into a feed.
    #[must_use]
    pub fn new(folder: &Path, out: &Path, mode: WatchMode, name: impl Into<String>) -> Self {
        Self {
            folder: folder.to_owned(),
            out: out.to_owned(),
            state: None,
            mode,
            name: name.into(),
            settle: Self::SETTLE,
            rotation: Rotation::default(),
            pick: PathFilter::default(),
            reading: Options::default(),
            filter: None,
            metrics: None,
            heartbeat: None,
        }
    }
}
