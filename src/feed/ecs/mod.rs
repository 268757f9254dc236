//! Elastic Common Schema: one event per host, one per port, one per scan, and optionally one per script
//! (docs/siem.md, "ECS").
//!
//! Each event is one line. `host`, `port`, `scan` and `change` write the events of their subject, `fields` lists
//! every field that they may contain, and `template` prints the index templates from that list. A new field needs its
//! line in `fields`. Parts that the events of one host repeat are written once and copied (`host::Shared`,
//! `port::OfRun`). If a line exceeds the limit, it is written again from a host that is cut (`feed::line`).

mod change;
mod fields;
mod host;
mod port;
mod scan;
mod template;

pub use self::{
    change::{change_line, changes},
    fields::{FieldKind, fields},
    template::files,
};
use super::{
    Handing,
    line::{self, LINE},
    subject::{Subject, epoch, product, vendor},
};
use crate::{
    error::Result,
    model::{ScanHeader, ScanSummary, Script, ScriptOrigin, ScriptScope, Timestamp},
    table::script_data,
    text::json::{ARRAY, OBJECT, WriteJson as _, key, write_array, write_container, write_members},
};

/// Version of the schema.
const VERSION: &str = "9.4.0";

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
    const fn as_str(self) -> &'static str {
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
            os_min: super::OS_MIN,
            sensor: None,
            namespace: "default".into(),
            event_kind: EventKind::default(),
            bulk: None,
            max_line: LINE,
        }
    }
}

impl Ecs {
    /// Writes the events of a host and returns their number.
    pub(super) fn lines(
        &self,
        subject: &Subject<'_>,
        out: (&mut Vec<u8>, Handing<'_>),
    ) -> Result<u64> {
        host::lines(self, subject, out)
    }

    /// Writes the events of a scan that has ended and returns their number.
    pub fn scan(&self, record: &ScanSummary, out: &mut Vec<u8>) -> u64 {
        if record.has_scan { scan::lines(self, record, out) } else { 0 }
    }

    /// Writes an event as one line within the length limit.
    fn line(
        &self,
        id: &str,
        out: &mut Vec<u8>,
        write: &mut dyn FnMut(Option<&line::Caps>, &mut Vec<u8>),
    ) {
        super::action(self.bulk.as_deref(), id, out);
        line::fit(self.max_line, out, &mut |caps, out| {
            write_container("", OBJECT, out, |out| write(caps, out));
        });
        out.push(b'\n');
    }
}

/// Members that all events of a kind have.
struct Event<'e> {
    dataset: &'e str,
    kind: &'e str,
    categories: &'e [&'e str],
    kinds: &'e [&'e str],
    id: &'e str,
    action: Option<&'e str>,
    outcome: &'e str,
    reason: Option<&'e str>,
    time: Option<Timestamp>,
    times: (Option<Timestamp>, Option<Timestamp>),
    truncated: bool,
}

impl Event<'_> {
    /// Writes all members except those specific to the subject of the event.
    fn write(&self, ecs: &Ecs, run: &ScanHeader, out: &mut Vec<u8>) {
        self.around(ecs, run, out);
        write_container(key!("event"), OBJECT, out, |out| {
            self.first(run, out);
            self.own(out);
            self.last(out);
        });
    }

    /// Writes the members next to `event`, which are equal for all events of a kind and host.
    fn around(&self, ecs: &Ecs, run: &ScanHeader, out: &mut Vec<u8>) {
        write_members!(out, "@timestamp": self.time.unwrap_or_else(epoch));
        write_container(key!("ecs"), OBJECT, out, |out| write_members!(out, "version": VERSION));
        write_container(key!("data_stream"), OBJECT, out, |out| {
            write_members!(out, "type": "logs", "dataset": self.dataset, "namespace": &ecs.namespace);
        });
        write_container(key!("observer"), OBJECT, out, |out| {
            write_members!(out,
                "product": product(run),
                "version": run.scanner_version.as_deref(),
                "vendor": vendor(run),
                "type": "scanner",
                "name": ecs.sensor.as_deref(),
            );
        });
        tags(self.truncated, self.time.is_none(), out);
    }

    /// Writes the first members of `event`, which are equal as well.
    fn first(&self, run: &ScanHeader, out: &mut Vec<u8>) {
        write_members!(out, "kind": self.kind);
        write_array(key!("category"), self.categories.iter().copied(), out);
        write_array(key!("type"), self.kinds.iter().copied(), out);
        write_members!(out,
            "module": "nmap",
            "dataset": self.dataset,
            "provider": run.scanner.as_deref(),
        );
    }

    /// Writes the members of `event` that are specific to one event.
    fn own(&self, out: &mut Vec<u8>) {
        write_members!(out, "id": self.id, "action": self.action, "reason": self.reason);
    }

    /// Writes the last members of `event`, which are equal for all events of the host again.
    fn last(&self, out: &mut Vec<u8>) {
        let (start, end) = self.times;
        write_members!(out,
            "outcome": self.outcome,
            "start": start,
            "end": end,
            "duration": nanoseconds(start, end),
        );
    }
}

/// Returns the nanoseconds between two times, if both are known and in order.
fn nanoseconds(start: Option<Timestamp>, end: Option<Timestamp>) -> Option<i64> {
    let seconds = end?.seconds().checked_sub(start?.seconds())?;
    (seconds >= 0).then(|| seconds.saturating_mul(1_000_000_000))
}

fn tags(truncated: bool, timeless: bool, out: &mut Vec<u8>) {
    write_container(key!("tags"), ARRAY, out, |out| {
        "nmap".write_member(",", out);
        truncated.then_some("truncated").write_member(",", out);
        timeless.then_some("no_time").write_member(",", out);
    });
}

/// Writes the members of `nmap.scan` that every event has.
fn scan_members(run: &ScanHeader, out: &mut Vec<u8>) {
    write_members!(out,
        "id": &run.scan_id,
        "args": &run.args,
        "xml_version": &run.xml_version,
        "start_time": run.start_time,
    );
}

/// Writes the members of a script. Its value is always an object, because an index accepts nothing else as
/// `flattened`: any other value is wrapped in an object under `_`.
fn script(script: &Script<'_>, out: &mut Vec<u8>) {
    write_members!(out, "name": &script.name, "output": &script.output);
    let start = out.len();
    script_data(&script.data, out);
    let value = start.saturating_add(key!("data").len());
    if out.get(value).is_some_and(|byte| *byte != b'{') {
        out.splice(value..value, *b"{\"_\":");
        out.push(b'}');
    }
    write_members!(out, "origin": (script.origin == ScriptOrigin::Engine).then_some(script.origin.as_str()));
}

/// Returns the ID of a script. `parent` is the ID of its scan, host or port.
fn script_id(parent: &str, scope: ScriptScope, index: usize) -> String {
    format!("{parent}-{}-{index}", scope.as_str())
}
