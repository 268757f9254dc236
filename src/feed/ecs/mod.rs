//! Elastic Common Schema: an event a host, an event a port, an event a scan, and on demand one a script
//! (docs/siem.md, "ECS").

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
    json::{ARRAY, OBJECT, Value as _, key, list, nest, put},
    model::{RunHeader, RunRecord, Script, ScriptOrigin, ScriptScope, Timestamp},
};

/// The version of the schema.
const VERSION: &str = "9.4.0";

/// What `event.kind` says of hosts and ports.
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

/// Which events there are, and what they say beside what was scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ecs {
    /// Whether ports in any state have events, or open ones alone.
    pub all_ports: bool,
    /// Whether scripts have events.
    pub script_events: bool,
    /// The least accuracy of a match for it to name the operating system, in percent.
    pub os_min: i32,
    /// Name of the sensor.
    pub sensor: Option<String>,
    /// Namespace of the data stream.
    pub namespace: String,
    /// Kind of the events of hosts, ports and scripts.
    pub event_kind: EventKind,
    /// The index of the action lines that make a request to the bulk API.
    pub bulk: Option<String>,
    /// Bytes of a line at most, without line feed.
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
    /// Writes the events of a host, and gives their number.
    pub(super) fn lines(
        &self,
        subject: &Subject<'_>,
        out: (&mut Vec<u8>, Handing<'_>),
    ) -> Result<u64> {
        host::lines(self, subject, out)
    }

    /// Writes the events of a scan that has ended, and gives their number.
    pub fn scan(&self, record: &RunRecord, out: &mut Vec<u8>) -> u64 {
        if record.exists { scan::lines(self, record, out) } else { 0 }
    }

    /// Writes an event as a line that is not too long.
    fn line(
        &self,
        id: &str,
        out: &mut Vec<u8>,
        write: &mut dyn FnMut(Option<&line::Caps>, &mut Vec<u8>),
    ) {
        super::action(self.bulk.as_deref(), id, out);
        line::fit(self.max_line, out, &mut |caps, out| {
            nest("", OBJECT, out, |out| write(caps, out));
        });
        out.push(b'\n');
    }
}

/// What events of a kind have in common.
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
    /// Writes all but what the event is about.
    fn write(&self, ecs: &Ecs, run: &RunHeader, out: &mut Vec<u8>) {
        self.around(ecs, run, out);
        nest(key!("event"), OBJECT, out, |out| {
            self.first(run, out);
            self.own(out);
            self.last(out);
        });
    }

    /// Writes what stands beside `event`, the same for all events of a kind of a host.
    fn around(&self, ecs: &Ecs, run: &RunHeader, out: &mut Vec<u8>) {
        put!(out, "@timestamp": self.time.unwrap_or_else(epoch));
        nest(key!("ecs"), OBJECT, out, |out| put!(out, "version": VERSION));
        nest(key!("data_stream"), OBJECT, out, |out| {
            put!(out, "type": "logs", "dataset": self.dataset, "namespace": &ecs.namespace);
        });
        nest(key!("observer"), OBJECT, out, |out| {
            put!(out,
                "product": product(run),
                "version": run.scanner_version.as_deref(),
                "vendor": vendor(run),
                "type": "scanner",
                "name": ecs.sensor.as_deref(),
            );
        });
        tags(self.truncated, self.time.is_none(), out);
    }

    /// Writes the first members of `event`, which are the same too.
    fn first(&self, run: &RunHeader, out: &mut Vec<u8>) {
        put!(out, "kind": self.kind);
        list(key!("category"), self.categories.iter().copied(), out);
        list(key!("type"), self.kinds.iter().copied(), out);
        put!(out,
            "module": "nmap",
            "dataset": self.dataset,
            "provider": run.scanner.as_deref(),
        );
    }

    /// Writes the members of `event` that no other has.
    fn own(&self, out: &mut Vec<u8>) {
        put!(out, "id": self.id, "action": self.action, "reason": self.reason);
    }

    /// Writes the last members of `event`, which are those of the host again.
    fn last(&self, out: &mut Vec<u8>) {
        let (start, end) = self.times;
        put!(out,
            "outcome": self.outcome,
            "start": start,
            "end": end,
            "duration": nanoseconds(start, end),
        );
    }
}

/// Between two times, if both are known and in order.
fn nanoseconds(start: Option<Timestamp>, end: Option<Timestamp>) -> Option<i64> {
    let seconds = end?.seconds().checked_sub(start?.seconds())?;
    (seconds >= 0).then(|| seconds.saturating_mul(1_000_000_000))
}

fn tags(truncated: bool, timeless: bool, out: &mut Vec<u8>) {
    nest(key!("tags"), ARRAY, out, |out| {
        "nmap".put(",", out);
        truncated.then_some("truncated").put(",", out);
        timeless.then_some("no_time").put(",", out);
    });
}

/// Members of `nmap.scan` that every event has.
fn scan_members(run: &RunHeader, out: &mut Vec<u8>) {
    put!(out,
        "id": &run.scan_id,
        "args": &run.args,
        "xml_version": &run.xml_version,
        "start_time": run.start_time,
    );
}

/// Members of a script. Its value is always an object, for an index takes nothing else as `flattened`: any
/// other value stands in one, under `_`.
fn script(script: &Script<'_>, out: &mut Vec<u8>) {
    put!(out, "name": &script.name, "output": &script.output);
    let start = out.len();
    super::nested::data(&script.data, out);
    let value = start.saturating_add(key!("data").len());
    if out.get(value).is_some_and(|byte| *byte != b'{') {
        out.splice(value..value, *b"{\"_\":");
        out.push(b'}');
    }
    put!(out, "origin": (script.origin == ScriptOrigin::Engine).then_some(script.origin.as_str()));
}

/// The id of a script; `parent` is that of what it ran on.
fn script_id(parent: &str, scope: ScriptScope, index: usize) -> String {
    format!("{parent}-{}-{index}", scope.as_str())
}
