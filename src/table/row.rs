//! Rows that a host, an event or a scan contributes to each table.

use super::{
    Cell, CellList, CellVisitor, Table,
    cell::Id,
    derived::{CertificateRow, OpenServiceRow, VulnerabilityRow},
    interval::{HostIntervalRow, PortIntervalRow},
};
use crate::{
    error::{Diagnostic, Result},
    model::{
        Change, Conflict, Host, HostKey, Identity, MergedHost, OsClass, OsMatch, Port,
        PortProvenance, ScanActivity, ScanHeader, ScanIndex, ScanSummary, Script, ScriptScope,
        SeenRange, Service, Timestamp, Trace, TraceHop, host_id,
    },
};

/// Row of a table. Its cells are read from the model on request.
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
    Conflict(ConflictRow<'r>),
    Change(ChangeRow<'r>),
    HostInterval(HostIntervalRow<'r>),
    PortInterval(PortIntervalRow<'r>),
    OpenService(OpenServiceRow<'r>),
    Certificate(CertificateRow<'r>),
    Vulnerability(VulnerabilityRow<'r>),
}

#[derive(Clone, Copy)]
pub(super) struct ScanRow<'r> {
    pub(super) source: &'r str,
    pub(super) record: &'r ScanSummary,
}

/// Values that all rows of a host share.
#[derive(Clone, Copy)]
pub(super) struct HostRow<'r> {
    pub(super) scan_id: Id<'r>,
    pub(super) host_id: Id<'r>,
    pub(super) host_key: &'r str,
    pub(super) ip: Option<&'r str>,
    pub(super) host: &'r Host<'r>,
    /// Start of the host in the scan of the row, or else of that scan.
    pub(super) start_time: Option<Timestamp>,
    /// Start of the scan of the row.
    pub(super) scan_start: Option<Timestamp>,
    /// Times at which the host or the port was seen, in the result of a merge.
    pub(super) seen: SeenRange,
    pub(super) scans: Option<&'r Vec<&'r str>>,
}

/// Without a merge, only its own scan is known to have seen a host.
static NO_SCANS: Vec<&str> = Vec::new();

impl<'r> HostRow<'r> {
    /// Calls `run` with the values of a host of a scan.
    pub(super) fn with<T>(
        scan: &ScanHeader,
        host: &Host<'_>,
        run: impl FnOnce(HostRow<'_>) -> T,
    ) -> T {
        let host_id = host_id(&scan.scan_id, host.index);
        let host_key = HostKey::of(host, Identity::Ip);
        run(HostRow {
            scan_id: Id::new(&scan.scan_id),
            host_id: Id::new(&host_id),
            host_key: host_key.as_str(),
            ip: host.ip().map(|address| &*address.text),
            host,
            start_time: host.start_time.or(scan.start_time),
            scan_start: scan.start_time,
            seen: SeenRange::default(),
            scans: None,
        })
    }

    /// Returns the name to show.
    pub(super) fn hostname(&self) -> Option<&'r str> {
        self.host.hostname().map(|name| &*name.name)
    }

    /// Returns the IDs of the scans that saw the host.
    pub(super) fn scans(&self) -> &'r dyn CellList {
        match self.scans {
            Some(scans) => scans,
            None => &NO_SCANS,
        }
    }

    /// Returns the first IP address.
    pub(super) fn ip(&self) -> Cell<'r> {
        match self.ip {
            Some(ip) if self.host.ip().is_some_and(|address| address.ip.is_some()) => {
                Cell::Plain(ip)
            }
            Some(name) => Cell::Str(name),
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
    pub(super) scan_id: Id<'r>,
    /// Host that the script ran on.
    pub(super) host: Option<HostRow<'r>>,
    /// Start of the host, or else of the scan.
    pub(super) start_time: Option<Timestamp>,
    pub(super) port: Option<&'r Port<'r>>,
    pub(super) scope: ScriptScope,
    pub(super) index: i32,
    pub(super) script: &'r Script<'r>,
}

impl<'r> ScriptRow<'r> {
    /// Creates the row of a script that ran on a host or on one of its ports.
    fn of_host(
        host: HostRow<'r>,
        port: Option<&'r Port<'r>>,
        index: i32,
        script: &'r Script<'r>,
    ) -> Self {
        let scope = if port.is_some() { ScriptScope::Port } else { ScriptScope::Host };
        let HostRow { scan_id, start_time, .. } = host;
        Self { scan_id, host: Some(host), start_time, port, scope, index, script }
    }
}

#[derive(Clone, Copy)]
pub(super) struct OsMatchRow<'r> {
    pub(super) host: HostRow<'r>,
    pub(super) index: i32,
    pub(super) found: &'r OsMatch<'r>,
    pub(super) is_best: bool,
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
    pub(super) scan_id: Id<'r>,
    pub(super) index: i32,
    pub(super) event: &'r ScanActivity,
}

#[derive(Clone, Copy)]
pub(super) struct WarningRow<'r> {
    pub(super) source: &'r str,
    pub(super) record: &'r ScanSummary,
    pub(super) index: i32,
    pub(super) diagnostic: &'r Diagnostic,
}

#[derive(Clone, Copy)]
pub(super) struct ConflictRow<'r> {
    /// Identity of the host; `None` in a document of the host.
    pub(super) host_key: Option<&'r str>,
    /// Scan of the winning value; `None` if the merge does not have it.
    pub(super) winner: Option<Id<'r>>,
    /// Scan of the losing value; `None` if the merge does not have it.
    pub(super) loser: Option<Id<'r>>,
    pub(super) conflict: &'r Conflict<'r>,
}

#[derive(Clone, Copy)]
pub(super) struct ChangeRow<'r>(pub(super) &'r Change);

impl Row<'_> {
    /// Returns the table that the row belongs to.
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
            Inner::Conflict(_) => Table::Conflicts,
            Inner::Change(_) => Table::Changes,
            Inner::HostInterval(_) => Table::HostHistory,
            Inner::PortInterval(_) => Table::PortHistory,
            Inner::OpenService(_) => Table::OpenServices,
            Inner::Certificate(_) => Table::Certificates,
            Inner::Vulnerability(_) => Table::Vulnerabilities,
        }
    }

    /// Passes all cells to `to`, in the order of the table's columns.
    pub(crate) fn cells(&self, to: &mut impl CellVisitor) {
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
            Inner::Conflict(row) => row.cells(to),
            Inner::Change(row) => row.cells(to),
            Inner::HostInterval(row) => row.cells(to),
            Inner::PortInterval(row) => row.cells(to),
            Inner::OpenService(row) => row.cells(to),
            Inner::Certificate(row) => row.cells(to),
            Inner::Vulnerability(row) => row.cells(to),
        }
    }
}

/// Calls `each` with every row of a host: first that of `hosts`, then those of ports, services, scripts, OS matches,
/// OS classes and hops (DATA_MODEL section 4, "JSONL, flat").
///
/// # Errors
/// Returns the first error of `each`.
pub fn host_rows(
    run: &ScanHeader,
    host: &Host<'_>,
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    HostRow::with(run, host, |row| rows_of_host(row, each))
}

fn rows_of_host(row: HostRow<'_>, each: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
    let host = row.host;
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
    let best = host.os.best_match().map(|(best, _)| best);
    for (place, (index, found)) in numbered(&host.os.matches).enumerate() {
        let is_best = best == Some(place);
        each(&Row(Inner::OsMatch(OsMatchRow { host: row, index, found, is_best })))?;
    }
    for (index, class) in numbered(&host.os.classes) {
        each(&Row(Inner::OsClass(OsClassRow { host: row, index, class })))?;
    }
    hop_rows(row, each)
}

fn hop_rows(host: HostRow<'_>, each: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
    for (trace_index, trace) in numbered(&host.host.traces) {
        for (index, hop) in numbered(&trace.hops) {
            each(&Row(Inner::Hop(HopRow { host, trace_index, trace, index, hop })))?;
        }
    }
    Ok(())
}

/// Calls `each` with the row of a difference.
///
/// # Errors
/// Returns the error of `each`.
pub(crate) fn change_row(
    change: &Change,
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    each(&Row(Inner::Change(ChangeRow(change))))
}

/// Calls `each` with every row of a merged host, in the order of [`host_rows`], followed by its conflicts. `scans` are
/// the scans of the merge, in order.
///
/// # Errors
/// Returns the first error of `each`.
pub(crate) fn merged_rows(
    merged: &MergedHost<'_>,
    scans: &[&ScanHeader],
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let id_of = |scan: ScanIndex| header_of(scans, scan).map_or("", |header| &*header.scan_id);
    let id = |scan: ScanIndex| Id::new(id_of(scan));
    let MergedHost { host_key, host, provenance, conflicts, .. } = merged;
    let ids: Vec<&str> = provenance.scans.iter().map(|scan| id_of(*scan)).collect();
    let rows = MergedHostRows { merged, scans, ids: &ids };
    each(&Row(Inner::Host(rows.of_scan(provenance.status))))?;
    let sources = |from: fn(&PortProvenance) -> ScanIndex| {
        host.ports.iter().zip(&provenance.ports).map(move |(port, origin)| {
            (HostRow { seen: origin.seen, ..rows.of_scan(from(origin)) }, port)
        })
    };
    for (host, port) in sources(|origin| origin.scan) {
        each(&Row(Inner::Port(PortRow { host, port })))?;
    }
    for (host, port) in sources(|origin| origin.services) {
        for (index, service) in numbered(&port.services) {
            each(&Row(Inner::Service(ServiceRow { host, port, index, service })))?;
        }
    }
    for (host, port) in sources(|origin| origin.scripts) {
        script_rows_of(host, Some(port), &port.scripts, each)?;
    }
    for ((index, script), scan) in numbered(&host.scripts).zip(&provenance.scripts) {
        each(&Row(Inner::Script(ScriptRow::of_host(rows.of_scan(*scan), None, index, script))))?;
    }
    let best = host.os.best_match().map(|(best, _)| best);
    let matches = numbered(&host.os.matches).zip(&provenance.matches);
    for (place, ((index, found), scan)) in matches.enumerate() {
        let (host, is_best) = (rows.of_scan(*scan), best == Some(place));
        each(&Row(Inner::OsMatch(OsMatchRow { host, index, found, is_best })))?;
    }
    for ((index, class), scan) in numbered(&host.os.classes).zip(&provenance.classes) {
        let host = rows.of_scan(*scan);
        each(&Row(Inner::OsClass(OsClassRow { host, index, class })))?;
    }
    hop_rows(rows.of_scan(provenance.traces), each)?;
    for conflict in conflicts {
        let (winner, loser) = (Some(id(conflict.winner)), Some(id(conflict.loser)));
        each(&Row(Inner::Conflict(ConflictRow {
            host_key: Some(host_key),
            winner,
            loser,
            conflict,
        })))?;
    }
    Ok(())
}

/// Returns the header of a scan of a merge.
fn header_of<'s>(scans: &[&'s ScanHeader], scan: ScanIndex) -> Option<&'s ScanHeader> {
    let header = usize::try_from(scan).ok().and_then(|scan| scans.get(scan)).copied();
    debug_assert!(header.is_some(), "the merge has no scan {scan}");
    header
}

/// Values that all rows of a merged host share.
#[derive(Clone, Copy)]
pub(super) struct MergedHostRows<'r> {
    pub(super) merged: &'r MergedHost<'r>,
    pub(super) scans: &'r [&'r ScanHeader],
    /// IDs of the scans that contributed.
    pub(super) ids: &'r Vec<&'r str>,
}

impl<'r> MergedHostRows<'r> {
    /// Returns the values for rows whose data come from this scan.
    pub(super) fn of_scan(&self, scan: ScanIndex) -> HostRow<'r> {
        let MergedHost { host_key, host_id, host, provenance, .. } = self.merged;
        let header = header_of(self.scans, scan);
        let scan_start = header.and_then(|header| header.start_time);
        // The start of the host is that in the scan that supplied its state.
        let start = host.start_time.filter(|_| scan == provenance.status);
        HostRow {
            scan_id: Id::new(header.map_or("", |header| &header.scan_id)),
            host_id: Id::new(host_id),
            host_key,
            ip: host.ip().map(|address| &*address.text),
            host,
            start_time: start.or(scan_start),
            scan_start,
            seen: provenance.seen,
            scans: Some(self.ids),
        }
    }
}

/// Additional columns of a merged host and its ports, for the document of the host.
pub(crate) struct MergedColumns<'r>(HostRow<'r>);

impl<'r> MergedColumns<'r> {
    /// Creates the columns of a host. `scans` are the IDs of the scans that contributed.
    pub(crate) fn new(merged: &'r MergedHost<'r>, scans: &'r Vec<&'r str>) -> Self {
        Self(HostRow {
            scan_id: Id::new(""),
            host_id: Id::new(&merged.host_id),
            host_key: &merged.host_key,
            ip: None,
            host: &merged.host,
            start_time: None,
            scan_start: None,
            seen: merged.provenance.seen,
            scans: Some(scans),
        })
    }

    /// Passes the cells of the host to `to`.
    pub(crate) fn host(&self, to: &mut impl CellVisitor) {
        self.0.merged_cells(to);
    }

    /// Passes the cells of a port to `to`.
    pub(crate) fn port(&self, port: &Port<'_>, seen: SeenRange, to: &mut impl CellVisitor) {
        PortRow { host: HostRow { seen, ..self.0 }, port }.merged_cells(to);
    }
}

/// Returns the row of a conflict, for the document of its host. A scan that the merge does not have is `None`.
pub(crate) fn conflict_row<'r>(
    conflict: &'r Conflict<'r>,
    winner: Option<&'r str>,
    loser: Option<&'r str>,
) -> Row<'r> {
    let (winner, loser) = (winner.map(Id::new), loser.map(Id::new));
    Row(Inner::Conflict(ConflictRow { host_key: None, winner, loser, conflict }))
}

/// Writes port scripts in port order, then host scripts.
fn script_rows(host: HostRow<'_>, each: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
    for port in &host.host.ports {
        script_rows_of(host, Some(port), &port.scripts, each)?;
    }
    script_rows_of(host, None, &host.host.scripts, each)
}

fn script_rows_of(
    host: HostRow<'_>,
    port: Option<&Port<'_>>,
    scripts: &[Script<'_>],
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    for (index, script) in numbered(scripts) {
        each(&Row(Inner::Script(ScriptRow::of_host(host, port, index, script))))?;
    }
    Ok(())
}

/// Calls `each` with the row of an event. `index` is its index among the events of the scan, from 0.
///
/// # Errors
/// Returns the error of `each`.
pub fn event_row(
    run: &ScanHeader,
    index: i32,
    event: &ScanActivity,
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    each(&Row(Inner::Event(EventRow { scan_id: Id::new(&run.scan_id), index, event })))
}

/// Calls `each` with the rows of a finished scan: its own scripts, its warnings, and last its row of `scans`. An
/// input without a scan has only warnings.
///
/// # Errors
/// Returns the first error of `each`.
pub fn scan_rows(
    source: &str,
    record: &ScanSummary,
    each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let scan_id = Id::new(&record.header.scan_id);
    for (scope, index, script) in record.scripts() {
        let start_time = record.header.start_time;
        let (host, port) = (None, None);
        let row = ScriptRow { scan_id, host, start_time, port, scope, index, script };
        each(&Row(Inner::Script(row)))?;
    }
    for (index, diagnostic) in numbered(&record.diagnostics) {
        each(&Row(Inner::Warning(WarningRow { source, record, index, diagnostic })))?;
    }
    if record.has_scan {
        each(&Row(Inner::Scan(ScanRow { source, record })))?;
    }
    Ok(())
}

pub(super) fn numbered<T>(items: &[T]) -> impl Iterator<Item = (i32, &T)> {
    (0..).zip(items)
}
