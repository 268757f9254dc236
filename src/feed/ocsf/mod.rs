//! Open Cybersecurity Schema Framework: Device Inventory Info for each host, and optionally Software Inventory Info
//! for each product (docs/siem.md, "OCSF").

mod device;

use self::device::device;
use super::{
    bulk,
    flush::{FlushFn, flush_large},
    host_view::{DEFAULT_MIN_OS_ACCURACY, HostView, host_summary, port_summary, product, vendor},
    nested,
    truncate::{self, DEFAULT_MAX_LINE_BYTES, truncate_header, truncate_record},
};
use crate::{
    error::Result,
    model::{HostState, Port, PortState, Service, Timestamp},
    text::json::{
        ARRAY, OBJECT, WriteJson as _, key, write_container, write_members, write_objects,
    },
};

/// Version of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum Version {
    /// 1.6.0: without `metadata.log_format` and `device.mac_vendor`.
    V1_6,
    /// 1.7.0: without `device.mac_vendor`.
    V1_7,
    /// 1.8.0
    #[default]
    V1_8,
}

impl Version {
    /// Returns the version as the schema writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_6 => "1.6.0",
            Self::V1_7 => "1.7.0",
            Self::V1_8 => "1.8.0",
        }
    }
}

/// Options of OCSF events: their selection, and their contents in addition to the scan results.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ocsf {
    /// Version of the schema.
    pub version: Version,
    /// True if all hosts have events, false for hosts that are up only.
    pub all_hosts: bool,
    /// True if products on open ports have events.
    pub software_events: bool,
    /// Minimum accuracy, in percent, for an OS match to name the operating system.
    pub min_os_accuracy: i32,
    /// Index named in the action lines of bulk API requests; `None` writes no action lines.
    pub bulk: Option<String>,
    /// Maximum length of a line in bytes, without line feed.
    pub max_line_bytes: usize,
}

impl Default for Ocsf {
    fn default() -> Self {
        Self {
            version: Version::default(),
            all_hosts: false,
            software_events: false,
            min_os_accuracy: DEFAULT_MIN_OS_ACCURACY,
            bulk: None,
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
        }
    }
}

/// Class of events: its number, its name, and the name of its type.
struct EventClass {
    uid: i32,
    name: &'static str,
    type_name: &'static str,
}

const DEVICE: EventClass = EventClass {
    uid: 5001,
    name: "Device Inventory Info",
    type_name: "Device Inventory Info: Collect",
};
const SOFTWARE: EventClass = EventClass {
    uid: 5020,
    name: "Software Inventory Info",
    type_name: "Software Inventory Info: Collect",
};
/// Activity of all events: Collect.
const COLLECT: i32 = 2;

impl Ocsf {
    /// Writes the events of a host and returns their number.
    pub(super) fn lines(
        &self,
        view: &HostView<'_>,
        (out, flush): (&mut Vec<u8>, FlushFn<'_>),
    ) -> Result<u64> {
        if !self.all_hosts && view.host.status.state != HostState::Up {
            return Ok(0);
        }
        let id = &view.ids.host_id;
        self.line(id, out, &mut |limits, out| match limits {
            None => self.inventory(view, false, out),
            Some(limits) => {
                let (host, run) =
                    (truncate_record(view.host, limits), truncate_header(view.run, limits));
                self.inventory(&HostView { host: &host, run: &run, ..*view }, true, out);
            }
        });
        flush_large(out, flush)?;
        let mut lines = 1_u64;
        if self.software_events {
            let host = host_summary(view.host);
            for (port, run, _) in view.ports().filter(|(port, ..)| port.state == PortState::Open) {
                let of_port = HostView { host: &host, run, ..*view };
                lines = lines.saturating_add(self.products(&of_port, port, (out, flush))?);
            }
        }
        Ok(lines)
    }

    /// Writes an event as one line within the length limit.
    fn line(
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

    /// Writes the members of Device Inventory Info.
    fn inventory(&self, view: &HostView<'_>, cut: bool, out: &mut Vec<u8>) {
        let host = view.host;
        self.begin(&DEVICE, (view, &view.ids.host_id), out);
        view.message(key!("message"), out);
        device(self, view, Some(host), out);
        write_container(key!("unmapped"), OBJECT, out, |out| {
            write_container(key!("nmap"), OBJECT, out, |out| {
                write_members!(out, "state": host.status.state.as_str(), "reason": &host.status.reason);
                write_objects(key!("ports"), &host.ports, out, nested::port);
                write_objects(key!("extra_ports"), &host.extra_ports, out, nested::members);
                if !host.os.is_empty() {
                    write_container(key!("os"), OBJECT, out, |out| nested::os(&host.os, out));
                }
                write_objects(key!("trace"), &host.traces, out, nested::trace);
                write_objects(key!("scripts"), &host.scripts, out, nested::script);
                write_members!(out, "line_truncated": cut.then_some(true));
            });
        });
    }

    /// Writes Software Inventory Info for each product of a port.
    fn products(
        &self,
        view: &HostView<'_>,
        port: &Port<'_>,
        (out, flush): (&mut Vec<u8>, FlushFn<'_>),
    ) -> Result<u64> {
        let mut lines = 0_u64;
        for (index, service) in port.services.iter().enumerate() {
            if service.product.is_none() {
                continue;
            }
            let id = format!("{}-s{index}", view.ids.port(port));
            self.line(&id, out, &mut |limits, out| match limits {
                None => self.software((view, &id), (port, service), false, out),
                Some(limits) => {
                    let port = truncate_record(&port_summary(port, Some(service)), limits);
                    let host = truncate_record(view.host, limits);
                    let run = truncate_header(view.run, limits);
                    let nothing = Service::default();
                    let service = port.services.first().unwrap_or(&nothing);
                    let view = HostView { host: &host, run: &run, ..*view };
                    self.software((&view, &id), (&port, service), true, out);
                }
            });
            lines = lines.saturating_add(1);
            flush_large(out, flush)?;
        }
        Ok(lines)
    }

    fn software(
        &self,
        (view, id): (&HostView<'_>, &str),
        (port, service): (&Port<'_>, &Service<'_>),
        cut: bool,
        out: &mut Vec<u8>,
    ) {
        self.begin(&SOFTWARE, (view, id), out);
        let word =
            |text: &'_ Option<crate::model::CowStr<'_>>| text.as_deref().unwrap_or("").to_owned();
        let (product, version) = (word(&service.product), word(&service.version));
        let words = [port.state.as_str(), &word(&service.name), &product, &version];
        view.port_message(key!("message"), port, &words, out);
        device(self, view, None, out);
        let cpe = service.cpes.iter().find(|cpe| cpe.starts_with("cpe:/a:"));
        write_container(key!("product"), OBJECT, out, |out| {
            write_members!(out,
                "name": if product.is_empty() { "unknown" } else { &product },
                "version": &service.version,
                "cpe_name": cpe,
                "vendor_name": cpe.and_then(|cpe| cpe.split(':').nth(2)).filter(|v| !v.is_empty()),
            );
        });
        write_container(key!("unmapped"), OBJECT, out, |out| {
            write_container(key!("nmap"), OBJECT, out, |out| {
                write_members!(out, "protocol": port.protocol.as_str(), "port": i64::from(port.number));
                write_container(key!("service"), OBJECT, out, |out| nested::members(service, out));
                write_members!(out, "line_truncated": cut.then_some(true));
            });
        });
    }

    /// Writes the first members, which all events have.
    fn begin(&self, class: &EventClass, (view, id): (&HostView<'_>, &str), out: &mut Vec<u8>) {
        let host = view.host;
        write_members!(out,
            "activity_id": COLLECT,
            "activity_name": "Collect",
            "category_uid": 5,
            "category_name": "Discovery",
            "class_uid": class.uid,
            "class_name": class.name,
            "type_uid": class.uid.saturating_mul(100).saturating_add(COLLECT),
            "type_name": class.type_name,
            "severity_id": 1,
            "severity": "Informational",
            "status_id": i32::from(host.complete),
            "status": if host.complete { "Success" } else { "Unknown" },
            "status_detail": (!host.complete).then_some("host record truncated"),
            "time": millis(view.when()),
            "start_time": host.start_time.map(millis),
            "end_time": host.end_time.map(millis),
            "duration": duration(host.start_time, host.end_time),
        );
        self.metadata((view, id), out);
    }

    fn metadata(&self, (view, id): (&HostView<'_>, &str), out: &mut Vec<u8>) {
        let run = view.run;
        write_container(key!("metadata"), OBJECT, out, |out| {
            write_members!(out,
                "version": self.version.as_str(),
                "uid": id,
                "correlation_uid": &run.scan_id,
                "log_name": &run.scanner,
                "log_format": (self.version >= Version::V1_7).then_some("XML"),
                "original_time": view.time.map(|time| time.seconds().to_string()).as_deref(),
            );
            write_container(key!("labels"), ARRAY, out, |out| {
                "nmap".write_member(",", out);
                (!view.host.complete).then_some("truncated").write_member(",", out);
                view.time.is_none().then_some("no_time").write_member(",", out);
            });
            write_container(key!("product"), OBJECT, out, |out| {
                write_members!(out,
                    "name": product(run).unwrap_or("unknown"),
                    "vendor_name": vendor(run),
                    "version": run.scanner_version.as_deref(),
                );
            });
            write_objects(key!("transformation_info_list"), ["scanmill"], out, |name, out| {
                write_members!(out, "name": name);
                write_container(key!("product"), OBJECT, out, |out| {
                    write_members!(out, "name": name, "version": env!("CARGO_PKG_VERSION"));
                });
            });
        });
    }
}

fn millis(time: Timestamp) -> i64 {
    time.seconds().saturating_mul(1000)
}

/// Returns the milliseconds between two times, if both are known and in order.
fn duration(start: Option<Timestamp>, end: Option<Timestamp>) -> Option<i64> {
    let millis = millis(end?).checked_sub(millis(start?))?;
    (millis >= 0).then_some(millis)
}
