//! Options of the events.

use crate::{
    feed::{
        bulk,
        host_view::DEFAULT_MIN_OS_ACCURACY,
        truncate::{self, DEFAULT_MAX_LINE_BYTES},
    },
    text::json::{OBJECT, write_container},
};

/// Value of `event.kind` for hosts and ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
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
    pub min_os_accuracy: i32,
    /// Name of the sensor.
    pub sensor: Option<String>,
    /// Namespace of the data stream.
    pub namespace: String,
    /// Kind of the events of hosts, ports and scripts.
    pub event_kind: EventKind,
    /// Index named in the action lines of bulk API requests; `None` writes no action lines.
    pub bulk: Option<String>,
    /// Maximum length of a line in bytes, without line feed.
    pub max_line_bytes: usize,
}

impl Default for Ecs {
    fn default() -> Self {
        Self {
            all_ports: false,
            script_events: false,
            min_os_accuracy: DEFAULT_MIN_OS_ACCURACY,
            sensor: None,
            namespace: "default".into(),
            event_kind: EventKind::default(),
            bulk: None,
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
        }
    }
}

impl Ecs {
    /// Writes an event as one line within the length limit.
    pub(super) fn line(
        &self,
        id: &str,
        out: &mut Vec<u8>,
        write: &mut dyn FnMut(Option<&truncate::TruncationLimits>, &mut Vec<u8>),
    ) {
        bulk::action(self.bulk.as_deref(), id, out);
        truncate::write_truncated(self.max_line_bytes, out, &mut |limits, out| {
            write_container("", OBJECT, out, |out| write(limits, out));
        });
        out.push(b'\n');
    }
}
