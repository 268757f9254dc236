//! Splunk's Common Information Model: open ports for the dataset Ports of the data model Endpoint (docs/siem.md,
//! "CIM").

use super::{
    flush::{FlushFn, flush_large},
    host_view::{
        DEFAULT_MIN_OS_ACCURACY, HostView, good_match, has_ports, host_summary, product, transport,
    },
    truncate::{self, DEFAULT_MAX_LINE_BYTES, truncate_record},
};
use crate::{
    error::Result,
    model::{Port, PortState},
    text::json::{OBJECT, key, write_array, write_container, write_members},
};

/// Name of the source type.
const SOURCE_TYPE: &str = "nmap:port";

/// Options of CIM events: their contents in addition to the scan results, and their form.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cim {
    /// Minimum accuracy, in percent, for an OS match to name the operating system.
    pub min_os_accuracy: i32,
    /// True if each event is wrapped for the HTTP Event Collector.
    pub hec: bool,
    /// Name of the sensor, used as `host` of a wrapped event; `None` uses the scanned host.
    pub sensor: Option<String>,
    /// Maximum length of a line in bytes, without line feed.
    pub max_line_bytes: usize,
}

impl Default for Cim {
    fn default() -> Self {
        Self {
            min_os_accuracy: DEFAULT_MIN_OS_ACCURACY,
            hec: false,
            sensor: None,
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
        }
    }
}

impl Cim {
    /// Writes the events of a host and returns their number.
    pub(super) fn lines(
        &self,
        view: &HostView<'_>,
        (out, flush): (&mut Vec<u8>, FlushFn<'_>),
    ) -> Result<u64> {
        let mut lines = 0_u64;
        let host = host_summary(view.host);
        for (port, run, _) in view.ports().filter(|(port, ..)| port.state == PortState::Open) {
            let id = view.ids.port(port);
            truncate::write_truncated(self.max_line_bytes, out, &mut |limits, out| match limits {
                None => {
                    self.line(&HostView { host: &host, run, ..*view }, (port, &id), false, out);
                }
                Some(limits) => {
                    let host = truncate_record(&host, limits);
                    let run = truncate::truncate_header(run, limits);
                    let cut = HostView { host: &host, run: &run, ..*view };
                    self.line(&cut, (&truncate_record(port, limits), &id), true, out);
                }
            });
            out.push(b'\n');
            lines = lines.saturating_add(1);
            flush_large(out, flush)?;
        }
        Ok(lines)
    }

    fn line(
        &self,
        view: &HostView<'_>,
        (port, id): (&Port<'_>, &str),
        cut: bool,
        out: &mut Vec<u8>,
    ) {
        let time = view.when().seconds();
        write_container("", OBJECT, out, |out| {
            if !self.hec {
                write_members!(out, "_time": time, "sourcetype": SOURCE_TYPE);
                return self.members(view, (port, id), cut, out);
            }
            write_members!(out, "time": time, "sourcetype": SOURCE_TYPE);
            let name = view.name();
            write_members!(out, "host": self.sensor.as_deref().or(name.as_deref()));
            write_container(key!("event"), OBJECT, out, |out| {
                self.members(view, (port, id), cut, out);
            });
        });
    }

    fn members(
        &self,
        view: &HostView<'_>,
        (port, id): (&Port<'_>, &str),
        cut: bool,
        out: &mut Vec<u8>,
    ) {
        let host = view.host;
        let service = port.services.first();
        let number = has_ports(&port.protocol).then_some(port.number);
        let place = number.map(|number| format!("{}/{number}", port.protocol.as_str()));
        write_members!(out,
            "event_id": id,
            "vendor_product": product(view.run),
            "dest": view.name().as_ref(),
            "dest_ip": host.ip().filter(|ip| ip.ip.is_some()).map(|ip| &ip.text),
            "dest_mac": host.mac().map(|mac| &mac.text),
            "dest_port": number.map(i64::from),
            "transport": transport(port),
            "transport_dest_port": place.as_deref(),
            "state": "listening",
            "creation_time": host.start_time.map(crate::model::Timestamp::seconds),
            "app": service.and_then(|service| service.name.as_ref()),
            "service_product": service.and_then(|service| service.product.as_ref()),
            "service_version": service.and_then(|service| service.version.as_ref()),
            "os": good_match(host, self.min_os_accuracy).and_then(|(found, _)| found.name.as_ref()),
        );
        write_array(key!("tag"), ["listening", "port"], out);
        write_members!(out, "line_truncated": cut.then_some(true));
    }
}
