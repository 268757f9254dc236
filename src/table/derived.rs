//! Rows of derived tables: each shows values that other tables hold, in the form that questions need.
//!
//! `open_services` joins a port with its service, its host and its scan; `certificates` and `vulnerabilities` read the
//! results of scripts ([`nse`](crate::nse)). Nothing is stored only here: the rows are computed per host, from the same
//! [`HostRow`] as the others, and only if a format asks for their table ([`DerivedTables`]), because `open_services`
//! repeats much of `ports`, `services` and `hosts`. A dataset therefore never holds them, but a dataset that is read
//! again gives them.
//!
//! To add a derived table, add its variant to [`Table::DERIVED`], its columns to `schema/derived.rs`, and its rows here.

use std::net::{IpAddr, Ipv6Addr};

use super::{
    Row, Table,
    row::{HostRow, Inner, MergedHostRows, numbered},
};
use crate::{
    error::Result,
    model::{
        Host, MergedHost, Port, PortState, ScanHeader, Script, Service, Timestamp, cpe23,
        version_key,
    },
    nse::{Certificate, PortSummary, Vulnerability, port_summary},
};

/// Derived tables whose rows are computed for each host; none by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DerivedTables {
    open_services: bool,
    open_filtered: bool,
    certificates: bool,
    vulnerabilities: bool,
}

impl DerivedTables {
    /// Selects those of these tables that are derived.
    #[must_use]
    pub fn among(tables: &[Table]) -> Self {
        Self {
            open_services: tables.contains(&Table::OpenServices),
            open_filtered: false,
            certificates: tables.contains(&Table::Certificates),
            vulnerabilities: tables.contains(&Table::Vulnerabilities),
        }
    }

    /// Sets whether `open_services` has ports in the state `open|filtered`, too.
    #[must_use]
    pub fn with_open_filtered(mut self, on: bool) -> Self {
        self.open_filtered = on;
        self
    }

    fn is_empty(self) -> bool {
        !(self.open_services || self.certificates || self.vulnerabilities)
    }

    fn has_state(self, state: &PortState<'_>) -> bool {
        match state {
            PortState::Open => true,
            PortState::OpenFiltered => self.open_filtered,
            _ => false,
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct OpenServiceRow<'r> {
    pub(super) host: HostRow<'r>,
    pub(super) of_host: &'r HostValues,
    pub(super) scan_date: Option<&'r str>,
    pub(super) port: &'r Port<'r>,
    pub(super) summary: &'r PortSummary,
    pub(super) index: i32,
    /// `None` for a port without a service.
    pub(super) service: Option<&'r Service<'r>>,
    pub(super) of_service: &'r ServiceValues,
}

#[derive(Clone, Copy)]
pub(super) struct CertificateRow<'r> {
    pub(super) host: HostRow<'r>,
    pub(super) port: &'r Port<'r>,
    pub(super) index: i32,
    pub(super) certificate: &'r Certificate,
}

#[derive(Clone, Copy)]
pub(super) struct VulnerabilityRow<'r> {
    pub(super) host: HostRow<'r>,
    pub(super) port: Option<&'r Port<'r>>,
    pub(super) script_index: i32,
    pub(super) script: &'r Script<'r>,
    pub(super) index: i32,
    pub(super) found: &'r Vulnerability,
}

/// Values that are computed once per host.
#[derive(Default)]
pub(super) struct HostValues {
    /// Address in a form whose text order is the order of addresses.
    pub(super) ip_sort: Option<String>,
    /// Network of the address: /24 of IPv4, /64 of IPv6.
    pub(super) subnet: Option<String>,
    /// Name of the best OS match.
    pub(super) os_name: Option<String>,
}

/// Values that are computed once per service.
#[derive(Default)]
pub(super) struct ServiceValues {
    pub(super) version_key: Option<String>,
    pub(super) cpe: Option<String>,
    pub(super) cpe23: Option<String>,
}

impl HostValues {
    fn of(host: &Host<'_>) -> Self {
        let ip = host.ip().and_then(|address| address.ip);
        let os = host.os.best_match().and_then(|(_, found)| found.name.as_deref());
        Self { ip_sort: ip.map(sortable), subnet: ip.map(subnet), os_name: os.map(str::to_owned) }
    }
}

impl ServiceValues {
    fn of(service: &Service<'_>) -> Self {
        // A service may have CPEs of its product, its operating system and its device.
        let of_product = service.cpes.iter().find(|cpe| cpe.starts_with("cpe:/a:"));
        let cpe = of_product.or(service.cpes.first());
        Self {
            version_key: service.version.as_deref().map(version_key),
            cpe: cpe.map(|cpe| cpe.clone().into_owned()),
            cpe23: cpe.and_then(|cpe| cpe23(cpe)),
        }
    }
}

/// Returns an address with all its digits: `192.000.002.001`, `2001:0db8:0000:0000:0000:0000:0000:0001`.
fn sortable(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.octets().map(|octet| format!("{octet:03}")).join("."),
        IpAddr::V6(ip) => ip.segments().map(|segment| format!("{segment:04x}")).join(":"),
    }
}

fn subnet(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Calls `each` with the rows of a host in the derived tables `tables`: those of `open_services`, then of
/// `certificates`, then of `vulnerabilities`.
///
/// # Errors
/// Returns the first error of `each`.
pub fn derived_rows(
    scan: &ScanHeader,
    host: &Host<'_>,
    tables: DerivedTables,
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    if tables.is_empty() {
        return Ok(());
    }
    HostRow::with(scan, host, |row| {
        let ports = host.ports.iter().map(|port| PortSource { port, listed: row, scripts: row });
        let scripts = numbered(&host.scripts).map(|(index, script)| (row, index, script));
        rows_of_host(host, (ports, scripts), tables, each)
    })
}

/// Calls `each` with the rows of a merged host in the derived tables, in the order of [`derived_rows`]. `scans` are the
/// scans of the merge, in order.
///
/// # Errors
/// Returns the first error of `each`.
pub fn derived_merged_rows(
    merged: &MergedHost<'_>,
    scans: &[&ScanHeader],
    tables: DerivedTables,
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    if tables.is_empty() {
        return Ok(());
    }
    let (host, provenance) = (&merged.host, &merged.provenance);
    let ids = Vec::new();
    let rows = MergedHostRows { merged, scans, ids: &ids };
    let ports = host.ports.iter().zip(&provenance.ports).map(|(port, origin)| PortSource {
        port,
        listed: HostRow { seen: origin.seen, ..rows.of_scan(origin.scan) },
        scripts: HostRow { seen: origin.seen, ..rows.of_scan(origin.scripts) },
    });
    let scripts = numbered(&host.scripts).zip(&provenance.scripts);
    let scripts = scripts.map(|((index, script), scan)| (rows.of_scan(*scan), index, script));
    rows_of_host(host, (ports, scripts), tables, each)
}

/// Port, and its host in the scans that its record and its scripts come from.
#[derive(Clone, Copy)]
struct PortSource<'r> {
    port: &'r Port<'r>,
    listed: HostRow<'r>,
    scripts: HostRow<'r>,
}

fn rows_of_host<'r>(
    host: &'r Host<'r>,
    (ports, scripts): (
        impl Iterator<Item = PortSource<'r>> + Clone,
        impl Iterator<Item = (HostRow<'r>, i32, &'r Script<'r>)>,
    ),
    tables: DerivedTables,
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    if tables.open_services {
        let of_host = HostValues::of(host);
        for source in ports.clone().filter(|source| tables.has_state(&source.port.state)) {
            open_services(source, &of_host, each)?;
        }
    }
    if tables.certificates {
        for source in ports.clone() {
            certificates(source, each)?;
        }
    }
    if tables.vulnerabilities {
        for PortSource { port, scripts: host, .. } in ports {
            for (index, script) in numbered(&port.scripts) {
                vulnerabilities((host, Some(port)), (index, script), each)?;
            }
        }
        for (host, index, script) in scripts {
            vulnerabilities((host, None), (index, script), each)?;
        }
    }
    Ok(())
}

fn open_services(
    PortSource { port, listed: host, .. }: PortSource<'_>,
    of_host: &HostValues,
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let date = host.scan_start.or(host.start_time).map(Timestamp::date);
    let summary = port_summary(&port.scripts);
    let mut row = |index, service, of_service: &ServiceValues| {
        each(&Row(Inner::OpenService(OpenServiceRow {
            host,
            of_host,
            scan_date: date.as_deref(),
            port,
            summary: &summary,
            index,
            service,
            of_service,
        })))
    };
    if port.services.is_empty() {
        return row(0, None, &ServiceValues::default());
    }
    for (index, service) in numbered(&port.services) {
        row(index, Some(service), &ServiceValues::of(service))?;
    }
    Ok(())
}

fn certificates(
    PortSource { port, scripts: host, .. }: PortSource<'_>,
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    for (index, script) in numbered(&port.scripts) {
        if let Some(certificate) = &Certificate::of(script) {
            each(&Row(Inner::Certificate(CertificateRow { host, port, index, certificate })))?;
        }
    }
    Ok(())
}

fn vulnerabilities(
    (host, port): (HostRow<'_>, Option<&Port<'_>>),
    (script_index, script): (i32, &Script<'_>),
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    for (index, found) in numbered(&Vulnerability::all_of(script)) {
        let row = VulnerabilityRow { host, port, script_index, script, index, found };
        each(&Row(Inner::Vulnerability(row)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_sort_as_text_and_have_a_network() {
        for (ip, text, network) in [
            ("192.0.2.1", "192.000.002.001", "192.0.2.0/24"),
            ("10.9.8.255", "010.009.008.255", "10.9.8.0/24"),
            ("2001:db8::1", "2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::/64"),
            ("2001:0:0:1::9", "2001:0000:0000:0001:0000:0000:0000:0009", "2001:0:0:1::/64"),
            ("::1", "0000:0000:0000:0000:0000:0000:0000:0001", "::/64"),
            ("fe80::1:2:3:4", "fe80:0000:0000:0000:0001:0002:0003:0004", "fe80::/64"),
        ] {
            let ip = ip.parse().unwrap();
            assert_eq!((&*sortable(ip), &*subnet(ip)), (text, network));
        }
    }
}
