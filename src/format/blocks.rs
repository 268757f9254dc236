//! Text for people: one block per host with aligned columns, as nmap prints it.
//!
//! Values come from others, so characters that affect a terminal are shown as `\u{...}` (docs/cli.md, "Messages"); only
//! colours, which are constants of this file, are written unchanged. Columns are padded up to a maximum width, so that
//! one long value does not make every line long.

use std::{collections::BTreeSet, fmt::Write as _};

use super::host_text::{
    HostText, HostTextSink, full_version, push_shown, service_name, was_probed,
};
use crate::{
    model::{Host, HostState, PortState, ScanHeader, ScanSummary, Script, Trace},
    output::DocumentSink,
};

/// Maximum width to which columns are padded, in characters.
const MAX_WIDTH: usize = 32;

/// Maximum number of OS matches that are shown if none is exact.
const MAX_GUESSES: usize = 5;

const BOLD: &str = "\u{1b}[1m";
const GREEN: &str = "\u{1b}[32m";
const YELLOW: &str = "\u{1b}[33m";
const RED: &str = "\u{1b}[31m";
const RESET: &str = "\u{1b}[0m";

/// Writes a block of text per host.
pub type BlockSink = HostTextSink<Blocks>;

/// The text of hosts for people.
#[derive(Debug, Clone, Copy)]
pub struct Blocks {
    color: bool,
}

impl BlockSink {
    /// Creates a sink of blocks, coloured for a terminal if `color` is true. `merged` is true if hosts come from a merge,
    /// which has no lines on scans.
    #[must_use]
    pub fn new(sink: DocumentSink, color: bool, merged: bool) -> Self {
        Self::of(sink, Blocks { color }, merged)
    }
}

impl HostText for Blocks {
    fn host(&self, host: &Host<'_>, out: &mut String) -> u64 {
        let start = out.len();
        self.title(host, out);
        self.state(host, out);
        for extra in &host.extra_ports {
            let state = extra.state.as_ref().map_or("?", |state| state.as_str());
            let reasons: Vec<&str> =
                extra.reasons.iter().filter_map(|reason| reason.reason.as_deref()).collect();
            let reasons = if reasons.is_empty() {
                String::new()
            } else {
                format!(" ({})", reasons.join(", "))
            };
            let count = extra.count.unwrap_or_default();
            line(&format!("Not shown: {count} {state} ports{reasons}"), out);
        }
        self.ports(host, out);
        details(host, out);
        if !host.scripts.is_empty() {
            line("Host script results:", out);
            host.scripts.iter().for_each(|result| script(result, out));
        }
        host.traces.iter().for_each(|route| trace(route, out));
        out.push('\n');
        let text = out.get(start..).unwrap_or_default();
        u64::try_from(text.lines().count()).unwrap_or(u64::MAX)
    }

    fn scan_start(&self, scan: &ScanHeader, out: &mut String) {
        let started = scan.start_str.clone().or_else(|| Some(scan.start_time?.to_string()));
        let text = format!(
            "# {} {} scan initiated {} as: {}",
            scan.scanner.as_deref().unwrap_or("unknown"),
            scan.scanner_version.as_deref().unwrap_or_default(),
            started.unwrap_or_default(),
            scan.args.as_deref().unwrap_or_default()
        );
        line(&text, out);
        out.push('\n');
    }

    fn scan_end(&self, scan: &ScanSummary, out: &mut String) {
        for (title, scripts) in [("Pre", &scan.pre_scripts), ("Post", &scan.post_scripts)] {
            if !scripts.is_empty() {
                let _ = writeln!(out, "{title}-scan script results:");
                for result in scripts {
                    script(result, out);
                }
                out.push('\n');
            }
        }
        let stats = &scan.stats;
        let text = match (stats.finished, &stats.error_message, &stats.summary) {
            (false, ..) => "The scan did not finish.",
            (_, Some(message), _) => message,
            (_, None, Some(summary)) => summary,
            (_, None, None) => return,
        };
        line(&format!("# {text}"), out);
        out.push('\n');
    }
}

impl Blocks {
    /// Appends text in a colour.
    fn styled(self, style: &str, text: &str, out: &mut String) {
        if self.color {
            out.push_str(style);
        }
        push_shown(text, out);
        if self.color {
            out.push_str(RESET);
        }
    }

    fn title(self, host: &Host<'_>, out: &mut String) {
        let address = host.ip().or_else(|| host.mac()).or(host.addresses.first());
        let address = address.map_or("(no address)", |address| &address.text);
        let title = match host.hostname() {
            Some(name) => format!("{} ({address})", name.name),
            None => address.to_owned(),
        };
        out.push_str("Scan report for ");
        self.styled(BOLD, &title, out);
        out.push('\n');
    }

    fn state(self, host: &Host<'_>, out: &mut String) {
        out.push_str("Host is ");
        let style = match host.status.state {
            HostState::Up => GREEN,
            HostState::Down => RED,
            _ => YELLOW,
        };
        self.styled(style, host.status.state.as_str(), out);
        if let Some(reason) = &host.status.reason {
            out.push_str(", received ");
            push_shown(reason, out);
        }
        if let Some(srtt) = host.srtt_us.filter(|srtt| *srtt >= 0) {
            #[expect(clippy::cast_precision_loss, reason = "it is shown with two digits")]
            let _ = write!(out, " ({:.2} ms latency)", srtt as f64 / 1000.0);
        }
        out.push_str(".\n");
        if host.timed_out == Some(true) {
            out.push_str("The scan of this host timed out.\n");
        }
    }

    /// Appends the table of ports, with the scripts of each.
    fn ports(self, host: &Host<'_>, out: &mut String) {
        if host.ports.is_empty() {
            return;
        }
        let was_probed = was_probed(host);
        let row = |port: &crate::model::Port<'_>| {
            let service = port.services.first();
            let is_guess = was_probed
                && port.state == PortState::Open
                && service.is_some_and(|service| service.confidence.is_some_and(|c| c <= 5));
            [
                format!("{}/{}", port.number, port.protocol.as_str()),
                port.state.as_str().to_owned(),
                service.map(|service| service_name(service, '/', is_guess)).unwrap_or_default(),
                service.map(full_version).unwrap_or_default(),
            ]
        };
        let mut widths = ["PORT", "STATE", "SERVICE"].map(str::len);
        let mut has_version = false;
        for port in &host.ports {
            has_version |= port.services.first().is_some_and(|s| !full_version(s).is_empty());
            for (width, cell) in widths.iter_mut().zip(row(port)) {
                // Characters that are escaped are wider, and rare.
                *width = (*width).max(cell.chars().take(MAX_WIDTH).count());
            }
        }
        let version = if has_version { "VERSION" } else { "" };
        self.row(["PORT", "STATE", "SERVICE", version], (BOLD, BOLD), widths, out);
        for port in &host.ports {
            let style = match port.state {
                PortState::Open => GREEN,
                PortState::Closed => RED,
                _ => YELLOW,
            };
            let cells = row(port);
            self.row(cells.each_ref().map(String::as_str), ("", style), widths, out);
            port.scripts.iter().for_each(|result| script(result, out));
        }
    }

    /// Appends a row of the table of ports, whose state has the second of two styles.
    fn row(
        self,
        cells: [&str; 4],
        (style, of_state): (&str, &str),
        widths: [usize; 3],
        out: &mut String,
    ) {
        let start = out.len();
        for (number, cell) in cells.iter().enumerate() {
            let style = if number == 1 { of_state } else { style };
            if style.is_empty() || cell.is_empty() {
                push_shown(cell, out);
            } else {
                self.styled(style, cell, out);
            }
            if let Some(width) = widths.get(number) {
                let used = cell.chars().take(MAX_WIDTH).count();
                out.extend(std::iter::repeat_n(' ', width.saturating_sub(used).saturating_add(1)));
            }
        }
        let length = out.get(start..).unwrap_or_default().trim_end_matches(' ').len();
        out.truncate(start.saturating_add(length));
        out.push('\n');
    }
}

/// Appends a line.
fn line(text: &str, out: &mut String) {
    push_shown(text, out);
    out.push('\n');
}

/// Appends the result of a script, with the marks of nmap before each line.
fn script(script: &Script<'_>, out: &mut String) {
    let output = script.output.as_deref().unwrap_or_default();
    let text = format!("{}: {output}", script.name);
    let mut lines = text.trim_end().split('\n').peekable();
    while let Some(part) = lines.next() {
        out.push_str(if lines.peek().is_some() { "| " } else { "|_" });
        line(part.trim_end(), out);
    }
}

/// Appends addresses, operating systems and other facts of a host.
fn details(host: &Host<'_>, out: &mut String) {
    if let Some(mac) = host.mac() {
        let vendor = mac.vendor.as_deref().unwrap_or("Unknown");
        line(&format!("MAC Address: {} ({vendor})", mac.text), out);
    }
    let exact = host.os.matches.iter().filter(|found| found.accuracy == Some(100));
    let names: Vec<&str> = exact.filter_map(|found| found.name.as_deref()).collect();
    if !names.is_empty() {
        line(&format!("OS details: {}", names.join(", ")), out);
    } else if !host.os.matches.is_empty() {
        let guess = |found: &crate::model::OsMatch<'_>| {
            let accuracy = found.accuracy.unwrap_or_default();
            format!("{} ({accuracy}%)", found.name.as_deref().unwrap_or("?"))
        };
        let guesses: Vec<_> = host.os.matches.iter().take(MAX_GUESSES).map(guess).collect();
        line(&format!("Aggressive OS guesses: {}", guesses.join(", ")), out);
    }
    if let Some(seconds) = host.uptime_s {
        #[expect(clippy::cast_precision_loss, reason = "it is shown with three digits")]
        let days = seconds as f64 / 86_400.0;
        let _ = writeln!(out, "Uptime guess: {days:.3} days");
    }
    if let Some(distance) = host.distance {
        let hops = if distance == 1 { "hop" } else { "hops" };
        let _ = writeln!(out, "Network Distance: {distance} {hops}");
    }
    service_info(host, out);
    if let Some(comment) = &host.comment {
        line(&format!("Comment: {comment}"), out);
    }
}

/// Appends the host names, systems and devices that services reported.
fn service_info(host: &Host<'_>, out: &mut String) {
    let services = || host.ports.iter().flat_map(|port| &port.services);
    let hosts: BTreeSet<&str> = services().filter_map(|s| s.hostname.as_deref()).collect();
    let systems: BTreeSet<&str> = services().filter_map(|s| s.os_type.as_deref()).collect();
    let devices: BTreeSet<&str> = services().filter_map(|s| s.device_type.as_deref()).collect();
    let parts = [("Hosts", hosts), ("OSs", systems), ("Devices", devices)];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(name, values)| {
            format!("{name}: {}", values.into_iter().collect::<Vec<_>>().join(", "))
        })
        .collect();
    if !parts.is_empty() {
        line(&format!("Service Info: {}", parts.join("; ")), out);
    }
}

fn trace(trace: &Trace<'_>, out: &mut String) {
    out.push_str("TRACEROUTE");
    if let (Some(port), Some(proto)) = (trace.port, &trace.proto) {
        push_shown(&format!(" (using port {port}/{proto})"), out);
    }
    out.push_str("\nHOP RTT        ADDRESS\n");
    for hop in &trace.hops {
        let ttl = hop.ttl.map(|ttl| ttl.to_string()).unwrap_or_default();
        let rtt = hop.rtt_ms.map_or_else(|| "--".to_owned(), |rtt| format!("{rtt:.2} ms"));
        let address = hop.ip.as_deref().unwrap_or_default();
        let address = match &hop.hostname {
            Some(name) => format!("{name} ({address})"),
            None => address.to_owned(),
        };
        line(&format!("{ttl:<3} {rtt:<10} {address}"), out);
    }
}
