//! Where encoded output goes.

use super::{
    Destination,
    coder::Way,
    output::{Output, Staged, Staging},
    room::{self, Room},
};
use crate::{
    error::Result,
    feed::Feed,
    merge::Merger,
    sink::{DocumentSink, Notice, Sink, Workers},
    table::Table,
};

/// Writes encoded output in order.
pub(super) enum Outlet {
    Tables(Box<dyn Sink>),
    Feed {
        sink: DocumentSink,
        feed: Feed,
    },
    /// What is merged goes to another one then.
    Merge {
        merger: Box<Merger>,
        then: Box<Outlet>,
        gives: Gives,
        /// Bytes that are kept of scans, and room for them.
        held: usize,
        room: Room,
    },
    Nothing,
}

/// What is made of hosts that were merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    Hosts,
    Histories,
}

impl From<Destination> for Outlet {
    fn from(destination: Destination) -> Self {
        match destination {
            Destination::Tables(sink) => Self::Tables(sink),
            Destination::Feed { sink, feed } => Self::Feed { sink, feed },
            Destination::Merge { merger, then } => {
                let (then, room) = (Box::new(Self::from(*then)), Room::default());
                Self::Merge { merger, then, gives: Gives::Hosts, held: 0, room }
            }
            Destination::History { merger, sink } => {
                let (then, room) = (Box::new(Self::Tables(sink)), Room::default());
                Self::Merge { merger, then, gives: Gives::Histories, held: 0, room }
            }
            Destination::Nothing => Self::Nothing,
        }
    }
}

impl Outlet {
    /// Has a merge keep no more of scans than there is room for.
    pub(super) fn set_room(&mut self, of_outlet: Room) {
        if let Self::Merge { room, .. } = self {
            *room = of_outlet;
        }
    }

    /// How output for this is encoded.
    pub(super) fn way(&self) -> Way {
        match self {
            Self::Tables(sink) => Way::Tables(sink.encoder()),
            Self::Feed { feed, .. } => Way::Feed { buffer: Vec::new(), feed: feed.clone() },
            Self::Merge { merger, .. } => Way::Staged(Box::new(Staging::new(merger.stager()))),
            Self::Nothing => Way::Nothing,
        }
    }

    pub(super) fn tables(&self) -> &[Table] {
        match self {
            Self::Tables(sink) => sink.tables(),
            Self::Merge { then, .. } => then.tables(),
            Self::Feed { .. } | Self::Nothing => &[],
        }
    }

    /// Whether events are written at all: those of a state need not be unpacked otherwise.
    pub(super) fn takes_events(&self) -> bool {
        match self {
            Self::Tables(sink) => sink.tables().contains(&Table::Events),
            Self::Feed { feed, .. } => feed.takes_events(),
            Self::Merge { .. } | Self::Nothing => false,
        }
    }

    /// Has the sink use these threads too.
    pub(super) fn share(&mut self, workers: &Workers) {
        match self {
            Self::Tables(sink) => sink.share(workers),
            Self::Merge { then, .. } => then.share(workers),
            Self::Feed { .. } | Self::Nothing => {}
        }
    }

    pub(super) fn write(&mut self, output: Output) -> Result<()> {
        match (self, output) {
            (Self::Tables(sink), Output::Pieces(pieces)) => {
                pieces.into_iter().try_for_each(|piece| sink.write(piece))
            }
            (Self::Feed { sink, .. }, Output::Text(text)) => sink.write(&text),
            (Self::Merge { merger, held, room, .. }, Output::Staged(staged)) => {
                staged.into_iter().try_for_each(|staged| match staged {
                    Staged::Records(records) => merger.add(&records),
                    Staged::End { source, record } => {
                        *held = held.saturating_add(room::of_scan(&source, &record));
                        merger.end_scan(&source, *record);
                        room.check(*held, "scans that are merged")
                    }
                })
            }
            _ => Ok(()),
        }
    }

    /// Whether it is to be told of documents.
    pub(super) fn takes_notices(&self) -> bool {
        matches!(self, Self::Tables(sink) if sink.takes_notices())
    }

    /// Tells of documents; of none, when nothing but rows has come.
    pub(super) fn notice(&mut self, notices: Vec<Notice>) -> Result<()> {
        match self {
            Self::Tables(sink) if sink.takes_notices() => sink.notice(notices),
            _ => Ok(()),
        }
    }

    /// The name of an output that holds something, and that is replaced when this is finished.
    pub(super) fn replaces(&self) -> Option<&str> {
        match self {
            Self::Tables(sink) => sink.replaces(),
            Self::Feed { sink, .. } => sink.replaces(),
            Self::Merge { then, .. } => then.replaces(),
            Self::Nothing => None,
        }
    }

    /// Hands what was written to the system.
    pub(super) fn flush(&mut self) -> Result<()> {
        match self {
            Self::Tables(sink) => sink.flush(),
            Self::Feed { sink, .. } => sink.flush(),
            Self::Merge { .. } | Self::Nothing => Ok(()),
        }
    }

    pub(super) fn into_merger(self) -> Option<Merger> {
        match self {
            Self::Merge { merger, .. } => Some(*merger),
            _ => None,
        }
    }

    pub(super) fn finish(self) -> Result<()> {
        match self {
            Self::Tables(sink) => sink.finish(),
            Self::Feed { sink, .. } => sink.finish(),
            Self::Merge { then, .. } => then.finish(),
            Self::Nothing => Ok(()),
        }
    }
}
