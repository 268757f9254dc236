//! A dataset as an input: returns its documents as the events that their XML produced.
//!
//! The log gives the order of the documents, and [`TableRows`] finds the rows of each in the files of
//! every table. For each document, [`Replay`] goes through the stages of [`Stage`] and assembles
//! events from rows. All tables advance together: the rows of a host in each table are consumed
//! when the host is returned, so memory holds one host, not one document.
//!
//! When a table is added to the schema, its rows must be read here, in `Replay::host` for tables of
//! hosts and in `Replay::end` for those of a scan, or a dataset loses them when it is read.

#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;
mod rows;

use std::{collections::HashMap, io, iter::Enumerate, mem, vec::IntoIter};

use self::rows::{DocumentKey, DocumentNumber, TableRows};
use super::{folder::unreadable, handle::Dataset, log::Log};
use crate::{
    error::{Diagnostic, DiagnosticCode, Error, Result},
    model::{EventSource, Host, Port, ScanEvent, ScanSummary, Trace},
    table::{StoredRow, Table, from_arrow},
};

const TABLES: usize = Table::ALL.len();

/// Maximum number of routes per host.
const TRACES: usize = 4096;

/// Documents of a dataset, in the order in which they were loaded. A better copy of a scan has the
/// position of the copy that it replaced, so that merging a dataset equals merging its inputs.
/// Memory use is one host, a batch of rows per table, one commit of the log, and about 250 bytes
/// per document.
pub struct Replay {
    documents: Enumerate<IntoIter<Document>>,
    tables: Tables,
    log: Log,
    /// Number of hosts of the document returned so far.
    hosts: i64,
    /// Error to return after the end of the open scan.
    failed: Option<Error>,
    source: String,
    record: ScanSummary,
    stage: Stage,
}

/// Rows of each table, in the order of [`Table::ALL`].
struct Tables([TableRows; TABLES]);

impl Tables {
    fn of(&mut self, table: Table) -> &mut TableRows {
        // The array has one element per table.
        &mut self.0[table.number()]
    }
}

/// Document, as recorded in the log.
struct Document {
    scan_id: Option<String>,
    source: String,
    doc_index: i32,
    /// Number of its commit.
    commit: u64,
}

/// Next part of a document to return.
#[derive(Clone, Copy)]
enum Stage {
    Begin,
    ScanInfo(usize),
    Events,
    Hosts,
    End,
}

impl Dataset {
    /// Returns the documents of the newest commit, as the events that their XML produced. Data that
    /// tables do not hold is missing: the position of events among hosts, and all but the first
    /// zone of an address.
    ///
    /// # Errors
    /// Returns an output error if the log cannot be read, and an input error if a file cannot be
    /// read.
    pub fn replay(&self) -> Result<Replay> {
        let mut documents: Vec<Document> = Vec::new();
        let mut numbers: HashMap<DocumentKey, DocumentNumber> = HashMap::new();
        for (commit, entries) in (1..).zip(self.commits()) {
            for entry in entries?.documents {
                let (source, doc_index) = (entry.source, entry.doc_index);
                let document = Document { scan_id: entry.scan_id, source, doc_index, commit };
                let replaced = entry.replaces.and_then(|id| numbers.remove(&DocumentKey::Scan(id)));
                let next = DocumentNumber::try_from(documents.len()).unwrap_or(DocumentNumber::MAX);
                let number = replaced.unwrap_or(next);
                numbers.insert(document.key(), number);
                match replaced.and_then(|n| documents.get_mut(usize::try_from(n).ok()?)) {
                    Some(place) => *place = document,
                    None => documents.push(document),
                }
            }
        }
        let mut found: [TableRows; TABLES] = Default::default();
        for (found, table) in found.iter_mut().zip(Table::ALL) {
            let files = self.snapshot.files_in_order(|entry| entry.table == table.name());
            let sources = files.into_iter().map(|file| file.table_file(&self.dir));
            *found = TableRows::find(sources.collect::<Result<_>>()?, &numbers)?;
        }
        Ok(Replay {
            documents: documents.into_iter().enumerate(),
            tables: Tables(found),
            log: self.log.clone(),
            hosts: 0,
            failed: None,
            source: String::new(),
            record: ScanSummary::default(),
            stage: Stage::Begin,
        })
    }
}

impl Document {
    fn key(&self) -> DocumentKey {
        match &self.scan_id {
            Some(id) => DocumentKey::Scan(id.clone()),
            None => DocumentKey::None(self.source.clone(), self.doc_index),
        }
    }
}

impl EventSource for Replay {
    fn next_event(&mut self) -> Result<Option<(&str, ScanEvent<'_>)>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let event = match self.next() {
            Ok(event) => event,
            Err(error) => Some(self.fail(error)?),
        };
        Ok(event.map(|event| (self.source.as_str(), event)))
    }
}

impl Replay {
    /// Ends reading after an error. As with XML, the open scan ends first, marked as truncated; the
    /// next call returns the error, and later calls return nothing.
    fn fail(&mut self, error: Error) -> Result<ScanEvent<'static>> {
        self.documents = Vec::new().into_iter().enumerate();
        let is_open = self.record.has_scan && !matches!(self.stage, Stage::Begin);
        self.stage = Stage::Begin;
        let mut record = mem::take(&mut self.record);
        if !is_open {
            return Err(error);
        }
        self.failed = Some(error);
        record.truncated = true;
        (record.hosts_seen, record.hosts_incomplete) = (self.hosts, 0);
        let position = record.header.position;
        let detail = "the rows of this scan could not be read to their end".to_owned();
        record.diagnostics.push(Diagnostic {
            code: DiagnosticCode::Truncated,
            position,
            count: 1,
            detail,
        });
        Ok(ScanEvent::ScanEnd(Box::new(record)))
    }

    fn next(&mut self) -> Result<Option<ScanEvent<'static>>> {
        loop {
            match self.stage {
                Stage::Begin => {
                    let Some((number, document)) = self.documents.next() else { return Ok(None) };
                    self.begin(number, document)?;
                    self.stage = Stage::ScanInfo(0);
                    if self.record.has_scan {
                        return Ok(Some(ScanEvent::ScanStart(self.record.header.clone())));
                    }
                }
                Stage::ScanInfo(place) => match self.record.scan_info.get(place).cloned() {
                    Some(info) => {
                        self.stage = Stage::ScanInfo(place.saturating_add(1));
                        return Ok(Some(ScanEvent::ScanInfo(info)));
                    }
                    None => self.stage = Stage::Events,
                },
                Stage::Events => {
                    let rows = self.tables.of(Table::Events);
                    let Some(row) = rows.row()? else {
                        self.stage = Stage::Hosts;
                        continue;
                    };
                    let event = from_arrow::event(&row);
                    rows.advance();
                    if let Some(event) = event {
                        return Ok(Some(ScanEvent::Activity(event)));
                    }
                }
                Stage::Hosts => match self.host()? {
                    Some(host) => {
                        self.hosts = self.hosts.saturating_add(1);
                        return Ok(Some(ScanEvent::Host(Box::new(host))));
                    }
                    None => self.stage = Stage::End,
                },
                Stage::End => {
                    self.end()?;
                    self.stage = Stage::Begin;
                    return Ok(Some(ScanEvent::ScanEnd(Box::new(mem::take(&mut self.record)))));
                }
            }
        }
    }

    fn begin(&mut self, number: usize, document: Document) -> Result<()> {
        for rows in &mut self.tables.0 {
            rows.begin(DocumentNumber::try_from(number).unwrap_or(DocumentNumber::MAX));
        }
        let Document { scan_id, source, doc_index, commit } = document;
        (self.record, self.hosts) = (ScanSummary::default(), 0);
        self.record.header.doc_index = doc_index;
        if let Some(id) = scan_id {
            let Some(row) = self.tables.of(Table::Scans).row()? else {
                let message =
                    format!("scan {id} is in the log, and not in the files of the table scans");
                return Err(unreadable(&self.log.path(commit), io::Error::other(message)));
            };
            self.record = from_arrow::scan(&row);
            let id = &self.record.header.scan_id;
            if !is_sound_id(id) {
                let message = format!("the id {id:?} of a scan in the dataset is damaged");
                return Err(Error::from(io::Error::other(message)));
            }
        }
        self.source = source;
        Ok(())
    }

    /// Returns the next host with all its rows in the tables.
    fn host(&mut self) -> Result<Option<Host<'static>>> {
        let rows = self.tables.of(Table::Hosts);
        let Some(row) = rows.row()? else { return Ok(None) };
        let (id, mut host) =
            (row.text("host_id").unwrap_or_default().to_owned(), from_arrow::host(&row));
        rows.advance();
        each(self.tables.of(Table::Ports), &id, |row| host.ports.extend(from_arrow::port(row)))?;
        // Rows are in the order of their ports.
        let mut place = 0;
        each(self.tables.of(Table::Services), &id, |row| {
            if let Some(port) = port_of(&mut host, &mut place, row) {
                port.services.push(from_arrow::read(row));
            }
        })?;
        let mut place = 0;
        each(self.tables.of(Table::Scripts), &id, |row| {
            let script = from_arrow::read(row);
            match port_of(&mut host, &mut place, row) {
                Some(port) => port.scripts.push(script),
                None => host.scripts.push(script),
            }
        })?;
        each(self.tables.of(Table::OsMatches), &id, |row| {
            host.os.matches.push(from_arrow::read(row));
        })?;
        each(self.tables.of(Table::OsClasses), &id, |row| {
            host.os.classes.push(from_arrow::read(row));
        })?;
        each(self.tables.of(Table::Hops), &id, |row| {
            let index = usize::try_from(row.int32("trace_index").unwrap_or_default()).unwrap_or(0);
            // Routes without hops have no rows.
            while host.traces.len() <= index.min(TRACES) {
                host.traces.push(Trace::default());
            }
            if let Some(trace) = host.traces.last_mut() {
                (trace.proto, trace.port) = from_arrow::trace(row);
                trace.hops.push(from_arrow::read(row));
            }
        })?;
        Ok(Some(host))
    }

    /// Adds the scripts and warnings of the scan.
    fn end(&mut self) -> Result<()> {
        let Self { tables, record, .. } = self;
        let rows = tables.of(Table::Scripts);
        while let Some(row) = rows.row()? {
            let scripts = match row.text("scope") {
                Some("prerule") => &mut record.pre_scripts,
                _ => &mut record.post_scripts,
            };
            scripts.push(from_arrow::read(&row));
            rows.advance();
        }
        let rows = tables.of(Table::Warnings);
        while let Some(row) = rows.row()? {
            record.diagnostics.extend(from_arrow::warning(&row));
            rows.advance();
        }
        Ok(())
    }
}

/// Returns true if a scan ID consists of the characters that scanmill uses. Formats write it
/// without escaping.
fn is_sound_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Calls `show` for each row of a host.
fn each(rows: &mut TableRows, host_id: &str, mut show: impl FnMut(&StoredRow<'_>)) -> Result<()> {
    while let Some(row) = rows.row()? {
        if row.text("host_id") != Some(host_id) {
            break;
        }
        show(&row);
        rows.advance();
    }
    Ok(())
}

/// Returns the port that a row belongs to, searching from `place` on.
fn port_of<'h>(
    host: &'h mut Host<'static>,
    place: &mut usize,
    row: &StoredRow<'_>,
) -> Option<&'h mut Port<'static>> {
    let (protocol, number) = from_arrow::port_key(row)?;
    let is_it = |port: &Port<'_>| port.number == number && port.protocol == protocol;
    *place = place.saturating_add(host.ports.get(*place..)?.iter().position(is_it)?);
    host.ports.get_mut(*place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_needs_escaping_is_refused() {
        assert!(is_sound_id("2088ad771e1edfc80e1ab6bf79dfef82"));
        for id in ["", "a\",\"b", "a\nb", "a,b", "=a", "\u{e9}", "a b", "a\\"] {
            assert!(!is_sound_id(id), "{id:?}");
        }
    }
}
