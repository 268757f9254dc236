//! Elastic Common Schema: one event per host, one per port, one per scan, and optionally one per script
//! (docs/siem.md, "ECS").
//!
//! Each event is one line. `host`, `port`, `scan`, `change` and `heartbeat` write the events of their subject, `fields` lists
//! every field that they may contain, and `template` prints the index templates from that list. A new field needs its
//! line in `fields`. Parts that the events of one host repeat are written once and copied (`HostPrefix`,
//! `ScanFields`). A line that exceeds the limit is written again from a truncated host (`feed::truncate`).

mod change;
mod event;
mod fields;
mod heartbeat;
mod host;
mod host_prefix;
mod options;
mod port;
mod scan;
mod template;

pub(crate) use self::change::change_line;
pub use self::{
    change::changes,
    fields::{FieldKind, fields},
    options::{Ecs, EventKind},
    template::files,
};
use super::{flush::FlushFn, host_view::HostView};
use crate::{error::Result, model::ScanSummary};

impl Ecs {
    /// Writes the events of a host and returns their number.
    pub(super) fn lines(
        &self,
        view: &HostView<'_>,
        out: (&mut Vec<u8>, FlushFn<'_>),
    ) -> Result<u64> {
        host::lines(self, view, out)
    }

    /// Writes the events of a scan that has ended and returns their number.
    pub fn scan(&self, record: &ScanSummary, out: &mut Vec<u8>) -> u64 {
        if record.has_scan { scan::lines(self, record, out) } else { 0 }
    }
}
