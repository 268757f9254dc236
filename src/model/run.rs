//! A scan (element `nmaprun`): its header, what happened while it ran, and what its end says.

use super::{Host, Script, ScriptScope, Timestamp};
use crate::error::{Diagnostic, Position, Result};

/// What the reader gives, in document order. Hosts may borrow from the reader's buffer; everything
/// else is small and owned.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ScanEvent<'a> {
    /// A scan begins.
    RunStart(RunHeader),
    /// What will be scanned.
    ScanInfo(ScanInfo),
    /// Something happened while it ran: a row of the table `events`.
    Run(RunEvent),
    /// A host is done.
    Host(Box<Host<'a>>),
    /// A scan ends, with all that is known of it.
    RunEnd(Box<RunRecord>),
}

/// Scans, event by event, each with the name of the input that it was read from.
pub trait ScanEvents {
    /// The next event; `None` after the last.
    ///
    /// # Errors
    /// What ends the input; what came before is good.
    fn next_event(&mut self) -> Result<Option<(&str, ScanEvent<'_>)>>;

    /// Whether the next event can be given without waiting for more of the input.
    fn is_ready(&self) -> bool {
        true
    }
}

/// The attributes of `nmaprun`, and the ids that follow from them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunHeader {
    /// Stable id of the scan (DATA_MODEL section 2).
    pub scan_id: String,
    /// Place among the documents of the input, from 0.
    pub doc_index: i32,
    /// Where the document begins in its input.
    pub position: Position,
    /// `nmap`, `masscan` or what a merger wrote.
    pub scanner: Option<String>,
    /// Version of the scanner.
    pub scanner_version: Option<String>,
    /// Version of the XML output; advisory only.
    pub xml_version: Option<String>,
    /// The command line.
    pub args: Option<String>,
    /// Zenmap's profile.
    pub profile_name: Option<String>,
    /// When it began.
    pub start_time: Option<Timestamp>,
    /// The same in local time, as nmap wrote it.
    pub start_str: Option<String>,
}

/// What a scan looks at (element `scaninfo`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScanInfo {
    /// Type, such as `syn`.
    pub kind: Option<String>,
    /// Protocol.
    pub protocol: Option<String>,
    /// How many ports.
    pub num_services: Option<i64>,
    /// Which ports, such as `1-3,80`.
    pub services: Option<String>,
    /// TCP flags, if given by hand.
    pub scan_flags: Option<String>,
}

/// A row of the table `events`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RunEvent {
    /// A task began, went on or ended.
    Task(Task),
    /// An early word that a host is up.
    HostHint(HostHint),
    /// A target that was refused or had no route.
    Target(TargetSkipped),
}

impl RunEvent {
    /// The element's name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Task(task) => task.kind.as_str(),
            Self::HostHint(_) => "hosthint",
            Self::Target(_) => "target",
        }
    }
}

/// Which of the task elements it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// `taskbegin`
    Begin,
    /// `taskprogress`
    Progress,
    /// `taskend`
    End,
}

impl TaskKind {
    /// The element's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "taskbegin",
            Self::Progress => "taskprogress",
            Self::End => "taskend",
        }
    }
}

/// A step of a scan (elements `taskbegin`, `taskprogress`, `taskend`).
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Which element.
    pub kind: TaskKind,
    /// Name of the step.
    pub task: Option<String>,
    /// When.
    pub time: Option<Timestamp>,
    /// Further information.
    pub extra_info: Option<String>,
    /// How much is done.
    pub percent: Option<f64>,
    /// Seconds that remain.
    pub remaining_s: Option<i64>,
    /// When it will be done.
    pub etc_time: Option<Timestamp>,
}

/// An early "it is up", repeated by a later host (element `hosthint`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostHint {
    /// First IP address.
    pub ip: Option<String>,
    /// First MAC address.
    pub mac: Option<String>,
    /// First host name.
    pub hostname: Option<String>,
    /// State.
    pub state: Option<String>,
    /// Reason.
    pub reason: Option<String>,
}

/// A target that nmap did not scan (element `target`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TargetSkipped {
    /// The target as given.
    pub specification: Option<String>,
    /// `skipped`
    pub status: Option<String>,
    /// Such as `invalid`.
    pub reason: Option<String>,
}

/// The end of a scan (element `runstats`); several of them, after `--resume`, are one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunStats {
    /// Whether a `finished` element was read.
    pub finished: bool,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// The same in local time, as nmap wrote it.
    pub end_str: Option<String>,
    /// Seconds it took.
    pub elapsed_s: Option<f64>,
    /// `success` or `error`.
    pub exit_status: Option<String>,
    /// The message of an error.
    pub error_message: Option<String>,
    /// nmap's last line.
    pub summary: Option<String>,
    /// Hosts up, down and in all, as reported.
    pub hosts: HostTotals,
}

impl RunStats {
    /// Whether the document says that the scan failed: with a message, or without.
    #[must_use]
    pub fn failed(&self) -> bool {
        let is_error = |exit: &str| exit.eq_ignore_ascii_case("error");
        self.error_message.is_some() || self.exit_status.as_deref().is_some_and(is_error)
    }
}

/// Counts that `runstats` reports; masscan counts ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostTotals {
    /// Up.
    pub up: Option<i64>,
    /// Down; a list scan counts every host here.
    pub down: Option<i64>,
    /// In all.
    pub total: Option<i64>,
}

/// All that is known of a scan when it ends: a row of the table `scans`, with its scripts and warnings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunRecord {
    /// Its header. Without a scan (empty input) the scan id is empty.
    pub header: RunHeader,
    /// What it looked at.
    pub scan_info: Vec<ScanInfo>,
    /// Level of `-v`.
    pub verbosity: Option<i32>,
    /// Level of `-d`.
    pub debugging: Option<i32>,
    /// Its end.
    pub stats: RunStats,
    /// Results of prerule scripts.
    pub pre_scripts: Vec<Script<'static>>,
    /// Results of postrule scripts.
    pub post_scripts: Vec<Script<'static>>,
    /// Host elements read.
    pub hosts_seen: i64,
    /// Of these, hosts that were cut.
    pub hosts_incomplete: i64,
    /// Whether the document ends before its end tag.
    pub truncated: bool,
    /// Whether `--resume` continued it.
    pub resumed: bool,
    /// Bytes of the document, decompressed and undecoded.
    pub bytes: i64,
    /// SHA-256 of these bytes in hex, if it was asked for.
    pub content_sha256: Option<String>,
    /// Warnings, one a code, in order of their first place.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether there is a scan at all: false for an empty input or one that ends before `<nmaprun ...>`.
    pub exists: bool,
}

impl RunRecord {
    /// How often anything was warned of.
    #[must_use]
    pub fn warnings(&self) -> i64 {
        self.diagnostics.iter().map(|d| d.count).fold(0, i64::saturating_add)
    }

    /// Scripts of the run with their scope name, prerule first.
    pub fn scripts(&self) -> impl Iterator<Item = (ScriptScope, i32, &Script<'static>)> {
        let number =
            |scope| move |(i, script)| (scope, i32::try_from(i).unwrap_or(i32::MAX), script);
        let pre = self.pre_scripts.iter().enumerate().map(number(ScriptScope::Prerule));
        let post = self.post_scripts.iter().enumerate().map(number(ScriptScope::Postrule));
        pre.chain(post)
    }
}

impl ScanEvent<'_> {
    /// The same, owning its text.
    #[must_use]
    pub fn into_owned(self) -> ScanEvent<'static> {
        match self {
            Self::RunStart(header) => ScanEvent::RunStart(header),
            Self::ScanInfo(info) => ScanEvent::ScanInfo(info),
            Self::Run(event) => ScanEvent::Run(event),
            Self::Host(host) => ScanEvent::Host(Box::new(host.into_owned())),
            Self::RunEnd(record) => ScanEvent::RunEnd(record),
        }
    }
}
