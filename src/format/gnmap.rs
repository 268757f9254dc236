//! nmap's grepable output (`-oG`): one or two lines per host, with fields that are separated by tabs.
//!
//! Lines are those that nmap writes, except for what XML does not contain: the line `# Ports scanned`, which nmap writes
//! with `-v` only. A `/` in a value is `|`, as nmap writes it; characters that would break a line are `\u{...}`.

use std::fmt::Write as _;

use super::host_text::{
    HostText, HostTextSink, full_version, push_shown, service_name, was_probed,
};
use crate::{
    model::{Host, Port, PortState, Protocol, ScanHeader, ScanSummary, Service},
    output::DocumentSink,
};

/// Writes nmap's grepable lines.
pub type GnmapSink = HostTextSink<Gnmap>;

/// The text of nmap's grepable output.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Gnmap;

impl GnmapSink {
    /// Creates a sink of grepable lines. `merged` is true if hosts come from a merge, which has no lines on scans.
    #[must_use]
    pub fn new(sink: DocumentSink, merged: bool) -> Self {
        Self::of(sink, Gnmap, merged)
    }
}

impl HostText for Gnmap {
    fn document_start(&self, merged: bool, out: &mut String) {
        if merged {
            out.push_str("# Hosts of several scans, merged by scanmill\n");
        }
    }

    fn host(&self, host: &Host<'_>, out: &mut String) -> u64 {
        push_status(host, host.status.state.as_str(), out);
        let mut lines = 1;
        if host.timed_out == Some(true) {
            push_status(host, "timeout", out);
            lines = 2;
        }
        let mut ports = host.ports.iter().filter(|port| !port.expanded).peekable();
        if ports.peek().is_none() && host.extra_ports.is_empty() {
            return lines;
        }
        begin(host, out);
        let is_protocol_scan = is_protocol_scan(host);
        out.push_str(if is_protocol_scan { "Protocols: " } else { "Ports: " });
        let was_probed = was_probed(host);
        let mut separator = "";
        for port in ports {
            out.push_str(separator);
            separator = ", ";
            if is_protocol_scan {
                push_protocol(port, out);
            } else {
                push_port(port, was_probed, out);
            }
        }
        push_details(host, out);
        out.push('\n');
        lines + 1
    }

    fn scan_start(&self, scan: &ScanHeader, out: &mut String) {
        let scanner = match scan.scanner.as_deref() {
            None | Some("nmap") => "Nmap",
            Some(other) => other,
        };
        let started = scan.start_str.clone().or_else(|| Some(scan.start_time?.to_string()));
        let version = scan.scanner_version.as_deref().unwrap_or_default();
        let line = format!(
            "# {scanner} {version} scan initiated {} as: {}",
            started.unwrap_or_default(),
            scan.args.as_deref().unwrap_or_default()
        );
        push_shown(&line, out);
        out.push('\n');
    }

    fn scan_end(&self, scan: &ScanSummary, out: &mut String) {
        let stats = &scan.stats;
        if !stats.finished {
            return;
        }
        let ended = stats.end_str.clone().or_else(|| Some(stats.end_time?.to_string()));
        let [total, up] = [stats.hosts.total, stats.hosts.up].map(Option::unwrap_or_default);
        let line = format!(
            "# Nmap done at {} -- {total} IP {} ({up} {} up) scanned in {:.2} seconds",
            ended.unwrap_or_default(),
            if total == 1 { "address" } else { "addresses" },
            if up == 1 { "host" } else { "hosts" },
            stats.elapsed_s.unwrap_or_default()
        );
        push_shown(&line, out);
        out.push('\n');
    }
}

/// Appends the begin of a line: the address and, in parentheses, the name that DNS has for it.
fn begin(host: &Host<'_>, out: &mut String) {
    out.push_str("Host: ");
    if let Some(address) = host.ip().or_else(|| host.mac()).or(host.addresses.first()) {
        push_field(&address.text, out);
        if let Some(zone) = &address.zone {
            out.push('%');
            push_field(zone, out);
        }
    }
    out.push_str(" (");
    // nmap leaves out names that were typed.
    let name = host.hostnames.iter().find(|name| name.kind.as_deref() != Some("user"));
    push_field(name.map_or("", |name| &name.name), out);
    out.push_str(")\t");
}

/// Appends the line on the state of a host, whose first letter becomes a capital.
fn push_status(host: &Host<'_>, state: &str, out: &mut String) {
    begin(host, out);
    out.push_str("Status: ");
    let mut letters = state.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    push_field(&first.into_iter().chain(letters).collect::<String>(), out);
    out.push('\n');
}

/// Returns true if the ports are IP protocols.
fn is_protocol_scan(host: &Host<'_>) -> bool {
    let mut reasons = host.extra_ports.iter().flat_map(|extra| &extra.reasons);
    match host.ports.first() {
        Some(port) => port.protocol == Protocol::Ip,
        None => reasons.any(|reason| reason.proto.as_deref() == Some("ip")),
    }
}

/// Appends a value without characters that separate fields.
fn push_field(value: &str, out: &mut String) {
    if value.contains('/') {
        push_shown(&value.replace('/', "|"), out);
    } else {
        push_shown(value, out);
    }
}

fn push_protocol(port: &Port<'_>, out: &mut String) {
    // A string takes every text.
    let _ = write!(out, "{}/", port.number);
    push_field(port.state.as_str(), out);
    out.push('/');
    push_field(
        port.services.first().and_then(|service| service.name.as_deref()).unwrap_or(""),
        out,
    );
    out.push('/');
}

/// Appends a port: number, state, protocol, owner, service, RPC program and version.
fn push_port(port: &Port<'_>, was_probed: bool, out: &mut String) {
    let nothing = Service::default();
    let service = port.services.first().unwrap_or(&nothing);
    let is_guess = was_probed
        && port.state == PortState::Open
        && service.confidence.is_some_and(|confidence| confidence <= 5);
    let _ = write!(out, "{}/", port.number);
    for field in [
        port.state.as_str(),
        port.protocol.as_str(),
        port.owner.as_deref().unwrap_or_default(),
        &service_name(service, '|', is_guess),
        &rpc(service),
        &full_version(service),
    ] {
        push_field(field, out);
        out.push('/');
    }
}

/// Returns the RPC program of a service as nmap before 6.02 wrote it.
fn rpc(service: &Service<'_>) -> String {
    let Some(number) = service.rpc_num else { return String::new() };
    let name = service.name.as_deref().unwrap_or_default();
    let [low, high] = [service.low_ver, service.high_ver].map(Option::unwrap_or_default);
    format!("({name}:{number}*{low}-{high})")
}

/// Appends the fields after the ports.
fn push_details(host: &Host<'_>, out: &mut String) {
    if let [extra] = host.extra_ports.as_slice()
        && let Some(state) = &extra.state
    {
        out.push_str("\tIgnored State: ");
        push_field(state.as_str(), out);
        let _ = write!(out, " ({})", extra.count.unwrap_or_default());
    }
    let exact = host.os.matches.iter().filter(|found| found.accuracy == Some(100));
    let names: Vec<&str> = exact.filter_map(|found| found.name.as_deref()).collect();
    if !names.is_empty() {
        out.push_str("\tOS: ");
        push_shown(&names.join("|"), out);
    }
    if let Some(index) = host.tcp_sequence.index {
        let _ = write!(out, "\tSeq Index: {index}");
    }
    if let Some(class) = &host.ip_id_sequence.class {
        out.push_str("\tIP ID Seq: ");
        push_shown(class, out);
    }
}
