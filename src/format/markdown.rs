//! Markdown as GitHub renders it: a section with a table of ports per host, or one table per table.
//!
//! Values come from others. Text that consists of letters, digits and harmless punctuation is written as it is; any other
//! text is a code span, in which nothing is markup, a link or a mention. Results of scripts are indented code.

use std::fmt::Write as _;

use super::{
    RowEncoder, SinkOptions,
    host_text::{HostText, HostTextSink, full_version, push_shown, service_name, was_probed},
    text::{TextChunk, TextRowEncoder, TextSink, no_buffer, take_texts},
};
use crate::{
    error::Result,
    model::{Host, PortState, ScanHeader, ScanSummary, Script},
    output::DocumentSink,
    table::{Cell, Column, Row, Table},
};

/// Writes a section per host.
pub type MarkdownHostSink = HostTextSink<MarkdownHosts>;

/// The text of hosts in Markdown.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct MarkdownHosts;

impl MarkdownHostSink {
    /// Creates a sink of sections. `merged` is true if hosts come from a merge, which has no sections on scans.
    #[must_use]
    pub fn new(sink: DocumentSink, merged: bool) -> Self {
        Self::of(sink, MarkdownHosts, merged)
    }
}

impl HostText for MarkdownHosts {
    fn host(&self, host: &Host<'_>, out: &mut String) -> u64 {
        let address = host.ip().or_else(|| host.mac()).or(host.addresses.first());
        out.push_str("## ");
        push_value(address.map_or("no address", |address| &address.text), out);
        if let Some(name) = host.hostname() {
            out.push_str(" – ");
            push_value(&name.name, out);
        }
        out.push_str("\n\n");
        facts(host, out);
        ports(host, out);
        for port in &host.ports {
            let place = format!("{}/{}", port.number, port.protocol.as_str());
            port.scripts.iter().for_each(|result| script(result, Some(&place), out));
        }
        host.scripts.iter().for_each(|result| script(result, None, out));
        1
    }

    fn scan_start(&self, scan: &ScanHeader, out: &mut String) {
        out.push_str("# Scan");
        if let Some(time) = scan.start_time {
            let _ = write!(out, " of {time}");
        }
        out.push_str("\n\n");
        if let Some(args) = &scan.args {
            push_code(args, out);
            out.push_str("\n\n");
        }
    }

    fn scan_end(&self, scan: &ScanSummary, out: &mut String) {
        for result in scan.pre_scripts.iter().chain(&scan.post_scripts) {
            script(result, None, out);
        }
        let message = match (scan.stats.finished, &scan.stats.error_message) {
            (true, None) => return,
            (false, _) => "The scan did not finish.",
            (true, Some(message)) => message,
        };
        push_value(message, out);
        out.push_str("\n\n");
    }
}

/// Appends the facts of a host as a list.
fn facts(host: &Host<'_>, out: &mut String) {
    let mut fact = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            let _ = write!(out, "- {name}: ");
            push_value(value, out);
            out.push('\n');
        }
    };
    fact("State", Some(host.status.state.as_str()));
    if host.addresses.len() > 1 {
        for address in &host.addresses {
            fact("Address", Some(&address.text));
        }
    }
    fact("Vendor", host.mac().and_then(|mac| mac.vendor.as_deref()));
    if let Some(best) = host.os.matches.first() {
        let accuracy = best.accuracy.map(|accuracy| format!(" ({accuracy}%)")).unwrap_or_default();
        let text = format!("{}{accuracy}", best.name.as_deref().unwrap_or_default());
        fact("Operating system", Some(&text));
    }
    for extra in &host.extra_ports {
        let state = extra.state.as_ref().map_or("other", |state| state.as_str());
        let text = format!("{} {state} ports", extra.count.unwrap_or_default());
        fact("Not listed", Some(&text));
    }
    fact("Comment", host.comment.as_deref());
    out.push('\n');
}

/// Appends the table of ports.
fn ports(host: &Host<'_>, out: &mut String) {
    if host.ports.is_empty() {
        return;
    }
    out.push_str("| Port | State | Service | Version |\n|---|---|---|---|\n");
    let was_probed = was_probed(host);
    for port in &host.ports {
        let _ = write!(out, "| {}/", port.number);
        push_cell(port.protocol.as_str(), out);
        out.push_str(" | ");
        push_cell(port.state.as_str(), out);
        for service in port.services.iter().take(1) {
            let is_guess = was_probed
                && port.state == PortState::Open
                && service.confidence.is_some_and(|confidence| confidence <= 5);
            out.push_str(" | ");
            push_cell(&service_name(service, '/', is_guess), out);
            out.push_str(" | ");
            push_cell(&full_version(service), out);
        }
        out.push_str(if port.services.is_empty() { " | | |\n" } else { " |\n" });
    }
    out.push('\n');
}

/// Appends the result of a script as indented code.
fn script(script: &Script<'_>, place: Option<&str>, out: &mut String) {
    push_code(&script.name, out);
    if let Some(place) = place {
        out.push_str(" on ");
        push_value(place, out);
    }
    out.push_str("\n\n");
    for line in script.output.as_deref().unwrap_or_default().trim_matches('\n').split('\n') {
        out.push_str("    ");
        push_shown(line.trim_end(), out);
        out.push('\n');
    }
    out.push('\n');
}

/// Returns true if Markdown and GitHub show text as it is: no markup, links, mentions or references.
fn is_plain(text: &str) -> bool {
    let is_harmless = |c: char| {
        c.is_alphanumeric()
            || matches!(c, ' ' | '.' | ',' | ':' | '(' | ')' | '/' | '%' | '?' | '+')
    };
    // Lists and rules begin with a hyphen.
    text.char_indices().all(|(at, c)| is_harmless(c) || (c == '-' && at > 0))
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !["//", "www."].iter().any(|link| text.to_ascii_lowercase().contains(link))
}

/// Appends a value, which is on one line.
fn push_value(text: &str, out: &mut String) {
    if is_plain(text) { out.push_str(text) } else { push_code(text, out) }
}

/// Appends a value in a cell of a table, where `|` would begin the next cell, even in code.
fn push_cell(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    let mut code = String::new();
    push_code(text, &mut code);
    out.push_str(&code.replace('|', "\\|"));
}

/// Appends text as a code span, between more backticks than occur in it.
fn push_code(text: &str, out: &mut String) {
    if text.is_empty() {
        return;
    }
    let mut shown = String::with_capacity(text.len());
    push_shown(text, &mut shown);
    let (mut run, mut longest) = (0_usize, 0_usize);
    for c in shown.chars() {
        run = if c == '`' { run.saturating_add(1) } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest.saturating_add(1));
    // A space next to the fence is part of it if there is one on both sides.
    let needs_space = shown.starts_with(['`', ' ']) || shown.ends_with(['`', ' ']);
    let space = if needs_space { " " } else { "" };
    for part in [&fence, space, &shown, space, &fence] {
        out.push_str(part);
    }
}

/// Writes one Markdown table per table.
pub type MarkdownSink = TextSink<MarkdownRows>;

/// Encodes rows as lines of Markdown tables.
#[derive(Debug)]
pub struct MarkdownRows {
    /// Columns to write per table.
    tables: Vec<Option<Vec<&'static Column>>>,
    buffers: Vec<Vec<u8>>,
    line: String,
}

impl TextRowEncoder for MarkdownRows {
    const EXTENSION: &'static str = "md";

    fn create(options: &SinkOptions, _shares_stream: bool) -> Self {
        let tables = Table::of_merges()
            .map(|table| options.tables.contains(&table).then(|| options.text_columns(table)));
        Self {
            tables: tables.collect(),
            buffers: vec![Vec::new(); Table::COUNT],
            line: String::new(),
        }
    }

    fn header(_table: Table, columns: &[&'static Column]) -> Result<Vec<u8>> {
        let names: Vec<&str> = columns.iter().map(|column| column.field.name).collect();
        let header = format!("| {} |\n|{}\n", names.join(" | "), "---|".repeat(names.len()));
        Ok(header.into_bytes())
    }
}

impl RowEncoder for MarkdownRows {
    type Chunk = TextChunk;

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let table = row.table();
        let number = table.number();
        let (Some(columns), Some(out)) = (self.tables.get(number), self.buffers.get_mut(number))
        else {
            return Err(no_buffer(table));
        };
        let Some(columns) = columns else { return Ok(()) };
        let line = &mut self.line;
        line.clear();
        line.push('|');
        for column in columns {
            line.push(' ');
            push_table_cell(&column.cell(row), line);
            line.push_str(" |");
        }
        line.push('\n');
        out.extend_from_slice(line.as_bytes());
        Ok(())
    }

    fn buffered_bytes(&self) -> usize {
        self.buffers.iter().map(Vec::len).sum()
    }

    fn take(&mut self) -> Vec<TextChunk> {
        take_texts(&mut self.buffers)
    }
}

fn push_table_cell(cell: &Cell<'_>, line: &mut String) {
    match cell {
        Cell::Null | Cell::Bytes(_) => {}
        Cell::Str(text) | Cell::Plain(text) => push_cell(text, line),
        Cell::List(items) if items.count() == 0 => {}
        other => {
            let mut json = Vec::new();
            other.write_json(&mut json);
            // JSON is UTF-8.
            let text = String::from_utf8_lossy(&json);
            push_cell(text.trim_matches('"'), line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> String {
        let mut out = String::new();
        push_cell(text, &mut out);
        out
    }

    #[test]
    fn hostile_text_is_code() {
        for (text, markdown) in [
            ("", ""),
            ("OpenSSH 9.2p1 Debian 2", "OpenSSH 9.2p1 Debian 2"),
            ("open|filtered", "`open\\|filtered`"),
            ("Müller, (x/y): 5%", "Müller, (x/y): 5%"),
            ("a-b", "a-b"),
            ("- a", "`- a`"),
            ("a - b", "a - b"),
            ("http://evil.example", "`http://evil.example`"),
            ("WWW.evil.example", "`WWW.evil.example`"),
            ("@user #1 a@b", "`@user #1 a@b`"),
            ("<script>*x*</script>", "`<script>*x*</script>`"),
            ("[a](b)", "`[a](b)`"),
            ("`x", "`` `x ``"),
            ("a``b|c\nd", "```a``b\\|c\\u{a}d```"),
            ("\u{202e}x", "`\\u{202e}x`"),
            (" x", "`  x `"),
        ] {
            assert_eq!(cell(text), markdown, "{text:?}");
        }
    }
}
