//! Scan (element `nmaprun`): its header, its events, and the data at its end.

use super::{
    Host, Script, ScriptScope, Timestamp,
    record::{FieldValue as _, plain_values, record},
};
use crate::{
    codec::{Codec, RecordReader, RecordWriter, codec_variants},
    error::{Diagnostic, Position, Result},
};

/// Event of a reader, in document order. Hosts may borrow from the reader's buffer; everything else is small and
/// owned.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ScanEvent<'a> {
    /// Start of a scan.
    ScanStart(ScanHeader),
    /// Ports that will be scanned.
    ScanInfo(ScanInfo),
    /// Event during the scan: a row of the table `events`.
    Activity(ScanActivity),
    /// Finished host.
    Host(Box<Host<'a>>),
    /// End of a scan, with its complete record.
    ScanEnd(Box<ScanSummary>),
}

/// Source of scan events, each with the name of the input that it was read from.
pub trait EventSource {
    /// Returns the next event; `None` after the last.
    ///
    /// # Errors
    /// Returns the error that ends the input. Events before it are valid.
    fn next_event(&mut self) -> Result<Option<(&str, ScanEvent<'_>)>>;

    /// Returns true if the next event is available without waiting for more input.
    fn is_ready(&self) -> bool {
        true
    }

    /// Returns true if events are read while they happen, such as from a running program. Output is then flushed before
    /// the source waits.
    fn is_live(&self) -> bool {
        false
    }

    /// Returns true if the user named the input itself. Without a scan in it, it is an error; an input that was only
    /// found, such as in a folder, is skipped.
    fn is_named(&self) -> bool {
        true
    }

    /// Returns a source of the same events that passes each of them to `inspect`, with the name of its input, before it
    /// returns it.
    fn inspect<F: FnMut(&str, &ScanEvent<'_>)>(self, inspect: F) -> Inspected<Self, F>
    where
        Self: Sized,
    {
        Inspected { source: self, inspect }
    }
}

impl<S: EventSource + ?Sized> EventSource for &mut S {
    fn next_event(&mut self) -> Result<Option<(&str, ScanEvent<'_>)>> {
        (**self).next_event()
    }

    fn is_ready(&self) -> bool {
        (**self).is_ready()
    }

    fn is_live(&self) -> bool {
        (**self).is_live()
    }

    fn is_named(&self) -> bool {
        (**self).is_named()
    }
}

/// Source that passes each event to a function, from [`EventSource::inspect`].
#[derive(Debug)]
pub struct Inspected<S, F> {
    source: S,
    inspect: F,
}

impl<S: EventSource, F: FnMut(&str, &ScanEvent<'_>)> EventSource for Inspected<S, F> {
    fn next_event(&mut self) -> Result<Option<(&str, ScanEvent<'_>)>> {
        let next = self.source.next_event()?;
        if let Some((name, event)) = &next {
            (self.inspect)(name, event);
        }
        Ok(next)
    }

    fn is_ready(&self) -> bool {
        self.source.is_ready()
    }

    fn is_live(&self) -> bool {
        self.source.is_live()
    }

    fn is_named(&self) -> bool {
        self.source.is_named()
    }
}

record! {
    /// Attributes of `nmaprun`, and the IDs derived from them.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ScanHeader {
        /// Stable ID of the scan (DATA_MODEL section 2).
        pub scan_id: String,
        /// Index among the documents of the input, from 0.
        pub doc_index: i32,
        /// Position of the start of the document in its input.
        pub position: Position,
        /// Name of the scanner: `nmap`, `masscan`, or the name that a merging tool wrote.
        pub scanner: Option<String>,
        /// Version of the scanner.
        pub scanner_version: Option<String>,
        /// Version of the XML output. Informative only.
        pub xml_version: Option<String>,
        /// Command line.
        pub args: Option<String>,
        /// Name of Zenmap's profile.
        pub profile_name: Option<String>,
        /// Start time.
        pub start_time: Option<Timestamp>,
        /// Start time in local time, as nmap wrote it.
        pub start_str: Option<String>,
    }
}

impl ScanHeader {
    /// Returns true if two headers are those of one document.
    pub(crate) fn is_same_document(&self, other: &Self) -> bool {
        (self.doc_index, self.position) == (other.doc_index, other.position)
            && self.scan_id == other.scan_id
    }
}

record! {
    /// Ports that a scan looks at (element `scaninfo`).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ScanInfo {
        /// Type, such as `syn`.
        pub kind: Option<String>,
        /// Protocol.
        pub protocol: Option<String>,
        /// Number of ports.
        pub num_services: Option<i64>,
        /// List of ports, such as `1-3,80`.
        pub services: Option<String>,
        /// TCP flags, if they were given on the command line.
        pub scan_flags: Option<String>,
    }
}

/// Row of the table `events`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ScanActivity {
    /// Begin, progress or end of a task.
    Task(Task),
    /// Early notice that a host is up.
    HostHint(HostHint),
    /// Target that was refused or had no route.
    Target(TargetSkipped),
}

impl ScanActivity {
    /// Returns the name of the element.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Task(task) => task.kind.as_str(),
            Self::HostHint(_) => "hosthint",
            Self::Target(_) => "target",
        }
    }

    /// Returns the total length of its texts in bytes.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::Task(task) => task.text_bytes(),
            Self::HostHint(hint) => hint.text_bytes(),
            Self::Target(target) => target.text_bytes(),
        }
    }
}

impl<'a> Codec<'a> for ScanActivity {
    fn encode(&self, to: &mut RecordWriter) {
        match self {
            Self::Task(task) => {
                0_u8.encode(to);
                task.encode(to);
            }
            Self::HostHint(hint) => {
                3_u8.encode(to);
                hint.encode(to);
            }
            Self::Target(target) => {
                2_u8.encode(to);
                target.encode(to);
            }
        }
    }

    fn decode(from: &mut RecordReader<'a>) -> Option<Self> {
        Some(match u8::decode(from)? {
            0 => Self::Task(Task::decode(from)?),
            // Written before hints had a vendor and a TTL.
            1 => Self::HostHint(HostHint {
                ip: Codec::decode(from)?,
                mac: Codec::decode(from)?,
                hostname: Codec::decode(from)?,
                state: Codec::decode(from)?,
                reason: Codec::decode(from)?,
                ..HostHint::default()
            }),
            3 => Self::HostHint(HostHint::decode(from)?),
            _ => Self::Target(TargetSkipped::decode(from)?),
        })
    }
}

/// Kind of a task element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskKind {
    /// `taskbegin`
    Begin,
    /// `taskprogress`
    Progress,
    /// `taskend`
    End,
}

codec_variants! {
    TaskKind { Begin, 1 Progress, 2 End }
}

plain_values!(TaskKind);

impl TaskKind {
    /// Returns the name of the element.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "taskbegin",
            Self::Progress => "taskprogress",
            Self::End => "taskend",
        }
    }
}

record! {
    /// Step of a scan (elements `taskbegin`, `taskprogress`, `taskend`).
    #[derive(Debug, Clone, PartialEq)]
    pub struct Task {
        /// Kind of the element.
        pub kind: TaskKind,
        /// Name of the step.
        pub task: Option<String>,
        /// Time of the event.
        pub time: Option<Timestamp>,
        /// Further information.
        pub extra_info: Option<String>,
        /// Progress in percent.
        pub percent: Option<f64>,
        /// Remaining time in seconds.
        pub remaining_s: Option<i64>,
        /// Estimated time of completion.
        pub etc_time: Option<Timestamp>,
    }
}

impl Task {
    /// Creates an event with only its kind set.
    #[must_use]
    pub const fn new(kind: TaskKind) -> Self {
        Self {
            kind,
            task: None,
            time: None,
            extra_info: None,
            percent: None,
            remaining_s: None,
            etc_time: None,
        }
    }
}

record! {
    /// Early notice that a host is up; a later host element repeats it (element `hosthint`).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct HostHint {
        /// First IP address.
        pub ip: Option<String>,
        /// First MAC address.
        pub mac: Option<String>,
        /// Vendor of that MAC address.
        pub mac_vendor: Option<String>,
        /// First host name.
        pub hostname: Option<String>,
        /// State.
        pub state: Option<String>,
        /// Reason.
        pub reason: Option<String>,
        /// TTL of the packet that the state was inferred from.
        pub reason_ttl: Option<i32>,
    }
}

record! {
    /// Target that nmap did not scan (element `target`).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct TargetSkipped {
        /// Target as given.
        pub specification: Option<String>,
        /// `skipped`
        pub status: Option<String>,
        /// Reason, such as `invalid`.
        pub reason: Option<String>,
    }
}

record! {
    /// End of a scan (element `runstats`). After `--resume`, several of them are combined into one.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ScanStats {
        /// True if a `finished` element was read.
        pub finished: bool,
        /// End time.
        pub end_time: Option<Timestamp>,
        /// End time in local time, as nmap wrote it.
        pub end_str: Option<String>,
        /// Duration in seconds.
        pub elapsed_s: Option<f64>,
        /// `success` or `error`.
        pub exit_status: Option<String>,
        /// Error message.
        pub error_message: Option<String>,
        /// Last line of nmap's output.
        pub summary: Option<String>,
        /// Number of hosts up, down and in total, as reported.
        pub hosts: HostTotals,
    }
}

impl ScanStats {
    /// Returns true if the document reports that the scan failed, with or without a message.
    #[must_use]
    pub fn failed(&self) -> bool {
        let is_error = |exit: &str| exit.eq_ignore_ascii_case("error");
        self.error_message.is_some() || self.exit_status.as_deref().is_some_and(is_error)
    }
}

record! {
    /// Counts that `runstats` reports. masscan counts ports.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct HostTotals {
        /// Number of hosts up.
        pub up: Option<i64>,
        /// Number of hosts down. A list scan counts every host here.
        pub down: Option<i64>,
        /// Total number of hosts.
        pub total: Option<i64>,
    }
}

/// Record of a scan at its end: a row of the table `scans`, with its scripts and warnings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScanSummary {
    /// Header. For an input without a scan, the scan ID is empty.
    pub header: ScanHeader,
    /// Ports that the scan looked at.
    pub scan_info: Vec<ScanInfo>,
    /// Level of `-v`.
    pub verbosity: Option<i32>,
    /// Level of `-d`.
    pub debugging: Option<i32>,
    /// Data at the end of the scan.
    pub stats: ScanStats,
    /// Results of prerule scripts.
    pub pre_scripts: Vec<Script<'static>>,
    /// Results of postrule scripts.
    pub post_scripts: Vec<Script<'static>>,
    /// Number of host elements read.
    pub hosts_seen: i64,
    /// Number of host elements that were cut off.
    pub hosts_incomplete: i64,
    /// True if the document ends before its end tag.
    pub truncated: bool,
    /// True if `--resume` continued the scan.
    pub resumed: bool,
    /// Size of the document in bytes, decompressed and undecoded.
    pub bytes: i64,
    /// SHA-256 of these bytes in hexadecimal, if it was asked for.
    pub content_sha256: Option<String>,
    /// Warnings, one per code, in the order of their first position.
    pub diagnostics: Vec<Diagnostic>,
    /// True if the input contains a scan: false for an empty input or one that ends before `<nmaprun ...>`.
    pub has_scan: bool,
}

impl ScanSummary {
    /// Returns the total number of warnings.
    #[must_use]
    pub fn warnings(&self) -> i64 {
        self.diagnostics.iter().map(|d| d.count).fold(0, i64::saturating_add)
    }

    /// Returns the scripts of the scan with their scope and index, prerule scripts first.
    pub fn scripts(&self) -> impl Iterator<Item = (ScriptScope, i32, &Script<'static>)> {
        let number =
            |scope| move |(i, script)| (scope, i32::try_from(i).unwrap_or(i32::MAX), script);
        let pre = self.pre_scripts.iter().enumerate().map(number(ScriptScope::Prerule));
        let post = self.post_scripts.iter().enumerate().map(number(ScriptScope::Postrule));
        pre.chain(post)
    }
}

/// Not a `record!`: its scripts own their text, but borrow from the record when they are decoded.
impl<'a> Codec<'a> for ScanSummary {
    fn encode(&self, to: &mut RecordWriter) {
        let Self {
            header,
            scan_info,
            verbosity,
            debugging,
            stats,
            pre_scripts,
            post_scripts,
            hosts_seen,
            hosts_incomplete,
            truncated,
            resumed,
            bytes,
            content_sha256,
            diagnostics,
            has_scan,
        } = self;
        header.encode(to);
        scan_info.encode(to);
        verbosity.encode(to);
        debugging.encode(to);
        stats.encode(to);
        pre_scripts.encode(to);
        post_scripts.encode(to);
        hosts_seen.encode(to);
        hosts_incomplete.encode(to);
        truncated.encode(to);
        resumed.encode(to);
        bytes.encode(to);
        content_sha256.encode(to);
        diagnostics.encode(to);
        has_scan.encode(to);
    }

    fn decode(from: &mut RecordReader<'a>) -> Option<Self> {
        let scripts = |from: &mut RecordReader<'a>| Vec::<Script<'a>>::decode(from);
        Some(Self {
            header: Codec::decode(from)?,
            scan_info: Codec::decode(from)?,
            verbosity: Codec::decode(from)?,
            debugging: Codec::decode(from)?,
            stats: Codec::decode(from)?,
            pre_scripts: scripts(from)?.into_static(),
            post_scripts: scripts(from)?.into_static(),
            hosts_seen: Codec::decode(from)?,
            hosts_incomplete: Codec::decode(from)?,
            truncated: Codec::decode(from)?,
            resumed: Codec::decode(from)?,
            bytes: Codec::decode(from)?,
            content_sha256: Codec::decode(from)?,
            diagnostics: Codec::decode(from)?,
            has_scan: Codec::decode(from)?,
        })
    }
}

impl ScanEvent<'_> {
    /// Converts to an event that owns its text.
    #[must_use]
    pub fn into_owned(self) -> ScanEvent<'static> {
        match self {
            Self::ScanStart(header) => ScanEvent::ScanStart(header),
            Self::ScanInfo(info) => ScanEvent::ScanInfo(info),
            Self::Activity(event) => ScanEvent::Activity(event),
            Self::Host(host) => ScanEvent::Host(Box::new(host.into_owned())),
            Self::ScanEnd(record) => ScanEvent::ScanEnd(record),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    #[test]
    fn host_hints_of_earlier_records_are_read() {
        let texts = |text: &'static str| Some(text.to_owned());
        let mut record = Vec::new();
        let [ip, mac, state, reason] =
            ["192.0.2.1", "00:00:5E:00:53:01", "up", "arp-response"].map(texts);
        let fields = (ip.clone(), (mac.clone(), (None::<String>, (state.clone(), reason.clone()))));
        RecordWriter::default().write(&(1_u8, fields), &mut record);
        let hint = HostHint { ip, mac, state, reason, ..HostHint::default() };
        assert_eq!(codec::decode(&record), Some(ScanActivity::HostHint(hint.clone())));

        let hint = HostHint { mac_vendor: texts("V"), reason_ttl: Some(-1), ..hint };
        let hint = ScanActivity::HostHint(hint);
        record.clear();
        RecordWriter::default().write(&hint, &mut record);
        assert_eq!(codec::decode(&record), Some(hint));
    }
}
