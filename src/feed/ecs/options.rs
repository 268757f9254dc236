//! Options of the events.

use crate::{
    feed::{
        bulk,
        line::{self, LINE},
        subject::OS_MIN,
    },
    text::json::{OBJECT, write_container},
};

/// Value of `event.kind` for hosts and ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventKind {
    /// `state`
    #[default]
    State,
    /// `asset`, which is beta in the schema.
    Asset,
}

impl EventKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Asset => "asset",
        }
    }
}

/// Options of ECS events: their selection, and their contents in addition to the scan results.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ecs {
    /// True if ports in all states have events, false for open ports only.
    pub all_ports: bool,
    /// True if scripts have events.
    pub script_events: bool,
    /// Minimum accuracy, in percent, for an OS match to name the operating system.
    pub os_min: i32,
    /// Name of the sensor.
    pub sensor: Option<String>,
    /// Namespace of the data stream.
    pub namespace: String,
    /// Kind of the events of hosts, ports and scripts.
    pub event_kind: EventKind,
    /// Index named in the action lines of bulk API requests; `None` writes no action lines.
    pub bulk: Option<String>,
    /// Maximum length of a line in bytes, without line feed.
    pub max_line: usize,
}

impl Default for Ecs {
    fn default() -> Self {
        Self {
            all_ports: false,
            script_events: false,
            os_min: OS_MIN,
            sensor: None,
            namespace: "default".into(),
            event_kind: EventKind::default(),
            bulk: None,
            max_line: LINE,
        }
    }
}

impl Ecs {
    /// Writes an event as one line within the length limit.
    pub(super) fn line(
        &self,
        id: &str,
        out: &mut Vec<u8>,
        write: &mut dyn FnMut(Option<&line::Caps>, &mut Vec<u8>),
    ) {
        bulk::action(self.bulk.as_deref(), id, out);
        line::fit(self.max_line, out, &mut |caps, out| {
            write_container("", OBJECT, out, |out| write(caps, out));
        });
        out.push(b'\n');
    }
}
