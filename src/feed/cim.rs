//! Splunk's Common Information Model: open ports for the dataset Ports of the data model Endpoint (docs/siem.md,
//! "CIM").

use super::{
    flush::{Handing, hand_over},
    line::{self, LINE, clipped},
    subject::{OS_MIN, Subject, brief, good_match, has_ports, product, transport},
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
    pub os_min: i32,
    /// True if each event is wrapped for the HTTP Event Collector.
    pub hec: bool,
    /// Name of the sensor, used as `host` of a wrapped event; `None` uses the scanned host.
    pub sensor: Option<String>,
    /// Maximum length of a line in bytes, without line feed.
    pub max_line: usize,
}

impl Default for Cim {
    fn default() -> Self {
        Self { os_min: OS_MIN, hec: false, sensor: None, max_line: LINE }
    }
}

impl Cim {
    /// Writes the events of a host and returns their number.
    pub(super) fn lines(
        &self,
        subject: &Subject<'_>,
        (out, hand): (&mut Vec<u8>, Handing<'_>),
    ) -> Result<u64> {
        let mut lines = 0_u64;
        let host = brief(subject.host);
        for (port, run, _) in subject.ports().filter(|(port, ..)| port.state == PortState::Open) {
            let id = subject.ids.port(port);
            line::fit(self.max_line, out, &mut |caps, out| match caps {
                None => {
                    self.line(&Subject { host: &host, run, ..*subject }, (port, &id), false, out);
                }
                Some(caps) => {
                    let host = clipped(&host, caps);
                    let run = line::clipped_header(run, caps);
                    let cut = Subject { host: &host, run: &run, ..*subject };
                    self.line(&cut, (&clipped(port, caps), &id), true, out);
                }
            });
            out.push(b'\n');
            lines = lines.saturating_add(1);
            hand_over(out, hand)?;
        }
        Ok(lines)
    }

    fn line(
        &self,
        subject: &Subject<'_>,
        (port, id): (&Port<'_>, &str),
        cut: bool,
        out: &mut Vec<u8>,
    ) {
        let time = subject.when().seconds();
        write_container("", OBJECT, out, |out| {
            if !self.hec {
                write_members!(out, "_time": time, "sourcetype": SOURCE_TYPE);
                return self.members(subject, (port, id), cut, out);
            }
            write_members!(out, "time": time, "sourcetype": SOURCE_TYPE);
            let name = subject.name();
            write_members!(out, "host": self.sensor.as_deref().or(name.as_deref()));
            write_container(key!("event"), OBJECT, out, |out| {
                self.members(subject, (port, id), cut, out)
            });
        });
    }

    fn members(
        &self,
        subject: &Subject<'_>,
        (port, id): (&Port<'_>, &str),
        cut: bool,
        out: &mut Vec<u8>,
    ) {
        let host = subject.host;
        let service = port.services.first();
        let number = has_ports(&port.protocol).then_some(port.number);
        let place = number.map(|number| format!("{}/{number}", port.protocol.as_str()));
        write_members!(out,
            "event_id": id,
            "vendor_product": product(subject.run),
            "dest": subject.name().as_ref(),
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
            "os": good_match(host, self.os_min).and_then(|(found, _)| found.name.as_ref()),
        );
        write_array(key!("tag"), ["listening", "port"], out);
        write_members!(out, "line_truncated": cut.then_some(true));
    }
}
