//! Members that events of all subjects have.

use std::fmt::Write as _;

use super::options::Ecs;
use crate::{
    feed::host_view::{epoch, product, text, vendor},
    model::{ScanHeader, Script, ScriptOrigin, ScriptScope, Timestamp},
    table::script_data,
    text::json::{ARRAY, OBJECT, WriteJson as _, key, write_array, write_container, write_members},
};

/// Version of the schema.
pub(super) const VERSION: &str = "9.4.0";

/// Members that all events of a kind have.
pub(super) struct Event<'e> {
    pub(super) dataset: &'e str,
    pub(super) kind: &'e str,
    pub(super) categories: &'e [&'e str],
    pub(super) kinds: &'e [&'e str],
    pub(super) id: &'e str,
    pub(super) action: Option<&'e str>,
    pub(super) outcome: &'e str,
    pub(super) reason: Option<&'e str>,
    pub(super) time: Option<Timestamp>,
    pub(super) times: (Option<Timestamp>, Option<Timestamp>),
    pub(super) truncated: bool,
}

impl Event<'_> {
    /// Writes all members except those specific to the subject of the event.
    pub(super) fn write(&self, ecs: &Ecs, run: &ScanHeader, out: &mut Vec<u8>) {
        self.around(ecs, run, out);
        write_container(key!("event"), OBJECT, out, |out| {
            self.first(run, out);
            self.own(out);
            self.last(out);
        });
    }

    /// Writes the members next to `event`, which are equal for all events of a kind and host.
    pub(super) fn around(&self, ecs: &Ecs, run: &ScanHeader, out: &mut Vec<u8>) {
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
    pub(super) fn first(&self, run: &ScanHeader, out: &mut Vec<u8>) {
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
    pub(super) fn last(&self, out: &mut Vec<u8>) {
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
pub(super) fn scan_members(run: &ScanHeader, out: &mut Vec<u8>) {
    write_members!(out,
        "id": &run.scan_id,
        "args": &run.args,
        "xml_version": &run.xml_version,
        "start_time": run.start_time,
    );
}

/// Writes the members of a script. Its value is always an object, because an index accepts nothing else as
/// `flattened`: any other value is wrapped in an object under `_`.
pub(super) fn script(script: &Script<'_>, out: &mut Vec<u8>) {
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
pub(super) fn script_id(parent: &str, scope: ScriptScope, index: usize) -> String {
    format!("{parent}-{}-{index}", scope.as_str())
}

/// Returns `event.outcome` of a host.
pub(super) const fn outcome(complete: bool) -> &'static str {
    if complete { "success" } else { "unknown" }
}

/// Writes a MAC address in the notation of RFC 7042.
pub(super) fn hyphens(lead: &str, mac: &str, out: &mut Vec<u8>) {
    text(lead, out, |out| {
        for (place, part) in mac.split(':').enumerate() {
            let _ = write!(out, "{}{part}", if place > 0 { "-" } else { "" });
        }
    });
}
