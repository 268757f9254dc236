//! What is watched, and what becomes of it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::feed::Rotation;
use crate::{
    feed::{Feed, ecs::Ecs},
    source::Pick,
    xml::Options,
};

/// What is given of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// All hosts and scans, as documents of a feed.
    Events(Feed),
    /// What differs from the last known state of each host.
    Changes(Changed, Baseline),
}

/// What the first look at a host gives, of which nothing was known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Baseline {
    /// Nothing: it is a state, and no change.
    #[default]
    Silent,
    /// The host and its open ports.
    Events,
}

/// How changes are told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changed {
    /// As rows of the table `changes`.
    Rows,
    /// As events of ECS.
    Events(Box<Ecs>),
}

/// What is watched, and where it goes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WatchOptions {
    /// The folder.
    pub folder: PathBuf,
    /// The feed, a file.
    pub out: PathBuf,
    /// Where it is kept what was given; `.scanmill` in the folder if `None`.
    pub state: Option<PathBuf>,
    /// What is given.
    pub what: What,
    /// Its name, so that a ledger is not taken for that of another feed.
    pub name: String,
    /// How long a file must stay as it is to be read, if it does not end as a document does.
    pub settle: Duration,
    /// When the feed goes on in a new file.
    pub rotation: Rotation,
    /// Which files of the folder are read.
    pub pick: Pick,
    /// How they are read.
    pub reading: Options,
}

impl WatchOptions {
    /// How long a file must stay as it is, unless told otherwise.
    pub const SETTLE: Duration = Duration::from_secs(2);

    /// All documents of a folder, to a feed.
    #[must_use]
    pub fn new(folder: &Path, out: &Path, what: What, name: impl Into<String>) -> Self {
        Self {
            folder: folder.to_owned(),
            out: out.to_owned(),
            state: None,
            what,
            name: name.into(),
            settle: Self::SETTLE,
            rotation: Rotation::default(),
            pick: Pick::default(),
            reading: Options::default(),
        }
    }
}
