//! Rows: what a host, an event or a run gives to each table.

use std::net::IpAddr;

use super::{Cell, Cells, Table};
use crate::{
    error::{Diagnostic, Result},
    model::{
        Host, HostKey, Identity, OsClass, OsMatch, Port, RunEvent, RunHeader, RunRecord, Script,
        ScriptScope, Service, Trace, TraceHop, host_id,
    },
};

/// A row of a table; its cells are read from the model when they are asked for.
#[derive(Clone, Copy)]
pub struct Row<'r>(pub(super) Inner<'r>);

#[derive(Clone, Copy)]
pub(super) enum Inner<'r> {
    Scan(ScanRow<'r>),
    Host(HostRow<'r>),
    Port(PortRow<'r>),
    Service(ServiceRow<'r>),
    Script(ScriptRow<'r>),
    OsMatch(OsMatchRow<'r>),
    OsClass(OsClassRow<'r>),
    Hop(HopRow<'r>),
    Event(EventRow<'r>),
    Warning(WarningRow<'r>),
}

#[derive(Clone, Copy)]
pub(super) struct ScanRow<'r> {
    pub(super) source: &'r str,
    pub(super) record: &'r RunRecord,
}

/// What rows of a host share.
#[derive(Clone, Copy)]
pub(super) struct HostRow<'r> {
    pub(super) scan_id: &'r str,
    pub(super) host_id: &'r str,
    pub(super) host_key: &'r str,
    pub(super) ip: Option<&'r str>,
    pub(super) host: &'r Host<'r>,
}

impl<'r> HostRow<'r> {
    /// The first IP address.
    pub(super) fn ip(&self) -> Cell<'r> {
        match self.ip {
            Some(ip) if self.literal().is_some() => Cell::Plain(ip),
            Some(name) => Cell::Str(name),
            None => Cell::Null,
        }
    }

    /// The first IP address, if it is a literal.
    pub(super) fn literal(&self) -> Option<IpAddr> {
        self.host.ip().and_then(|address| address.ip)
    }

    /// The literal in network order, IPv4 below `::ffff:0:0/96`.
    pub(super) fn ip_bytes(&self) -> Cell<'r> {
        match self.literal() {
            Some(IpAddr::V4(ip)) => Cell::Bytes(ip.to_ipv6_mapped().octets()),
            Some(IpAddr::V6(ip)) => Cell::Bytes(ip.octets()),
            None => Cell::Null,
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct PortRow<'r> {
    pub(super) host: HostRow<'r>,
    pub(super) port: &'r Port<'r>,
}

#[derive(Clone, Copy)]
pub(super) struct ServiceRow<'r> {
    pub(super) host: HostRow<'r>,
    pub(super) port: &'r Port<'r>,
    pub(super) index: i32,
    pub(super) service: &'r Service<'r>,
}

#[derive(Clone, Copy)]
pub(super) struct ScriptRow<'r> {
    pub(super) scan_id: &'r str,
    pub(super) host_id: Option<&'r str>,
    pub(super) port: Option<&'r Port<'r>>,
    pub(super) scope: ScriptScope,
    pub(super) index: i32,
    pub(super) script: &'r Script<'r>,
}

#[derive(Clone, Copy)]
pub(super) struct OsMatchRow<'r> {
    pub(super) host: HostRow<'r>,
    pub(super) index: i32,
    pub(super) found: &'r OsMatch<'r>,
}

#[derive(Clone, Copy)]
pub(super) struct OsClassRow<'r> {
    pub(super) host: HostRow<'r>,
    pub(super) index: i32,
    pub(super) class: &'r OsClass<'r>,
}

#[derive(Clone, Copy)]
pub(super) struct HopRow<'r> {
    pub(super) host: HostRow<'r>,
    pub(super) trace_index: i32,
    pub(super) trace: &'r Trace<'r>,
    pub(super) index: i32,
    pub(super) hop: &'r TraceHop<'r>,
}

#[derive(Clone, Copy)]
pub(super) struct EventRow<'r> {
    pub(super) scan_id: &'r str,
    pub(super) index: i32,
    pub(super) event: &'r RunEvent,
}

#[derive(Clone, Copy)]
pub(super) struct WarningRow<'r> {
    pub(super) source: &'r str,
    pub(super) record: &'r RunRecord,
    pub(super) index: i32,
    pub(super) diagnostic: &'r Diagnostic,
}

impl Row<'_> {
    /// The table it belongs to.
    #[must_use]
    pub fn table(&self) -> Table {
        match self.0 {
            Inner::Scan(_) => Table::Scans,
            Inner::Host(_) => Table::Hosts,
            Inner::Port(_) => Table::Ports,
            Inner::Service(_) => Table::Services,
            Inner::Script(_) => Table::Scripts,
            Inner::OsMatch(_) => Table::OsMatches,
            Inner::OsClass(_) => Table::OsClasses,
            Inner::Hop(_) => Table::Hops,
            Inner::Event(_) => Table::Events,
            Inner::Warning(_) => Table::Warnings,
        }
    }

    /// Gives all its cells, in the order of its table's columns.
    pub(crate) fn cells(&self, to: &mut impl Cells) {
        match &self.0 {
            Inner::Scan(row) => row.cells(to),
            Inner::Host(row) => row.cells(to),
            Inner::Port(row) => row.cells(to),
            Inner::Service(row) => row.cells(to),
            Inner::Script(row) => row.cells(to),
            Inner::OsMatch(row) => row.cells(to),
            Inner::OsClass(row) => row.cells(to),
            Inner::Hop(row) => row.cells(to),
            Inner::Event(row) => row.cells(to),
            Inner::Warning(row) => row.cells(to),
        }
    }
}

/// Gives each row of a host: that of hosts, then those of ports, services, scripts, matches, classes and
/// hops (DATA_MODEL section 4, "JSONL, flat").
///
/// # Errors
/// The first error of `each`.
pub fn host_rows(
    run: &RunHeader,
    host: &Host<'_>,
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let host_id = host_id(&run.scan_id, host.index);
    let host_key = HostKey::of(host, Identity::Ip);
    let row = HostRow {
        scan_id: &run.scan_id,
        host_id: &host_id,
        host_key: host_key.as_str(),
        ip: host.ip().map(|address| &*address.text),
        host,
    };
    each(&Row(Inner::Host(row)))?;
    for port in &host.ports {
        each(&Row(Inner::Port(PortRow { host: row, port })))?;
    }
    for port in &host.ports {
        for (index, service) in numbered(&port.services) {
            each(&Row(Inner::Service(ServiceRow { host: row, port, index, service })))?;
        }
    }
    script_rows(row, each)?;
    for (index, found) in numbered(&host.os.matches) {
        each(&Row(Inner::OsMatch(OsMatchRow { host: row, index, found })))?;
    }
    for (index, class) in numbered(&host.os.classes) {
        each(&Row(Inner::OsClass(OsClassRow { host: row, index, class })))?;
    }
    for (trace_index, trace) in numbered(&host.traces) {
        for (index, hop) in numbered(&trace.hops) {
            each(&Row(Inner::Hop(HopRow { host: row, trace_index, trace, index, hop })))?;
        }
    }
    Ok(())
}

/// Port scripts in port order, then host scripts.
fn script_rows(host: HostRow<'_>, each: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
    let ports = host.host.ports.iter().map(|port| (Some(port), &port.scripts, ScriptScope::Port));
    let hosts = std::iter::once((None, &host.host.scripts, ScriptScope::Host));
    for (port, scripts, scope) in ports.chain(hosts) {
        for (index, script) in numbered(scripts) {
            let (scan_id, host_id) = (host.scan_id, Some(host.host_id));
            let row = ScriptRow { scan_id, host_id, port, scope, index, script };
            each(&Row(Inner::Script(row)))?;
        }
    }
    Ok(())
}

/// Gives the row of an event; `index` is its place among the events of its scan, from 0.
///
/// # Errors
/// That of `each`.
pub fn event_row(
    run: &RunHeader,
    index: i32,
    event: &RunEvent,
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    each(&Row(Inner::Event(EventRow { scan_id: &run.scan_id, index, event })))
}

/// Gives the rows of a scan that has ended: scripts of the run, warnings, and the scans row last. An input
/// without a scan gives its warnings alone.
///
/// # Errors
/// The first error of `each`.
pub fn run_rows(
    source: &str,
    record: &RunRecord,
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    for (scope, index, script) in record.scripts() {
        let scan_id = &record.header.scan_id;
        let row = ScriptRow { scan_id, host_id: None, port: None, scope, index, script };
        each(&Row(Inner::Script(row)))?;
    }
    for (index, diagnostic) in numbered(&record.diagnostics) {
        each(&Row(Inner::Warning(WarningRow { source, record, index, diagnostic })))?;
    }
    if record.exists {
        each(&Row(Inner::Scan(ScanRow { source, record })))?;
    }
    Ok(())
}

fn numbered<T>(items: &[T]) -> impl Iterator<Item = (i32, &T)> {
    (0..).zip(items)
}
