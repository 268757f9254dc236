//! One nmap process: its start, its XML while it runs, and the check of its end.
//!
//! Every scan is run here: that of a [`Scanner`](super::Scanner), which reads the events itself, and those of
//! [`ops::scan`](crate::ops), whose XML goes through a pipeline. [`NmapProcess::start`] adds the process to a
//! [`ProcessGroup`], so the order of stopping and starting does not matter: a process that starts in a group that was
//! stopped is asked to end at once.
//!
//! The reader of the XML wraps it in a [`Preamble`] and passes each event to [`NmapProcess::observe`], until the XML ends
//! or cannot be read. In the second case the process must be ended ([`NmapProcess::stop`], or by dropping it), so that
//! nmap never blocks on a pipe that has no reader.
//!
//! A scan is successful only if nmap exited with success *and* its XML is complete and reports success;
//! [`NmapExit::check`] holds these rules.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::preamble::Preamble;
use crate::{
    error::{Error, ErrorKind, Result},
    model::ScanEvent,
    process::{ChildProcess, ChildStdoutReader, CommandSpec, ExitCause, ExitInfo, ProcessGroup},
};

/// Maximum number of lines of a message of nmap in an error message, and of characters per line.
const MAX_LINES: usize = 3;
const MAX_LINE_CHARS: usize = 300;

/// Running nmap. Dropping it ends the process and everything it started.
#[derive(Debug)]
pub(crate) struct NmapProcess {
    process: ChildProcess,
    /// True once an event was read, so the output is nmap's XML.
    has_begun: Arc<AtomicBool>,
    outcome: XmlOutcome,
}

/// Outcome of a scan according to its XML.
#[derive(Debug, Default)]
struct XmlOutcome {
    has_scan: bool,
    is_complete: bool,
    has_failed: bool,
    error_message: Option<String>,
    hosts: u64,
}

/// nmap process that has ended.
#[derive(Debug)]
pub(crate) struct NmapExit {
    exit: ExitInfo,
    outcome: XmlOutcome,
}

impl NmapProcess {
    /// Starts nmap as a member of `group`.
    ///
    /// # Errors
    /// Returns [`ErrorKind::ProgramNotFound`] if it does not exist, and [`ErrorKind::Scan`] if it cannot be started.
    pub(crate) fn start(command: &CommandSpec, group: &ProcessGroup) -> Result<Self> {
        let process =
            ChildProcess::start(command).map_err(|error| not_started(&command.program, &error))?;
        group.add(process.stop_handle());
        Ok(Self { process, has_begun: Arc::default(), outcome: XmlOutcome::default() })
    }

    /// Returns its standard output. A second call returns an empty reader.
    pub(crate) fn take_stdout(&mut self) -> ChildStdoutReader {
        self.process.take_stdout()
    }

    /// Wraps its output so that reading fails if nmap writes much that is not XML of a scan.
    pub(crate) fn limit_preamble<R>(&self, xml: R) -> Preamble<R> {
        Preamble::new(xml, &self.has_begun)
    }

    /// Takes note of an event that was read from its output.
    pub(crate) fn observe(&mut self, event: &ScanEvent<'_>) {
        self.has_begun.store(true, Ordering::Relaxed);
        let ScanEvent::ScanEnd(record) = event else { return };
        let stats = &record.stats;
        self.outcome = XmlOutcome {
            has_scan: self.outcome.has_scan || record.has_scan,
            is_complete: stats.finished && !record.truncated,
            has_failed: stats.failed(),
            error_message: stats.error_message.clone(),
            hosts: u64::try_from(record.hosts_seen).unwrap_or_default(),
        };
    }

    /// Returns true if its output contains a scan.
    pub(crate) fn has_scan(&self) -> bool {
        self.outcome.has_scan
    }

    /// Ends the process, by force after a short grace period, and returns when it has ended.
    pub(crate) fn stop(&self) {
        self.process.stop_handle().finish();
    }

    /// Waits for the process to end. Its output must have been read before, or the process stopped.
    ///
    /// # Errors
    /// Fails if the system does not report how it ended.
    pub(crate) fn wait(self) -> Result<NmapExit> {
        let exit = self.process.wait().map_err(|error| Error::scan(error.to_string()))?;
        Ok(NmapExit { exit, outcome: self.outcome })
    }
}

impl NmapExit {
    /// Checks that the scan was successful.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Scan`] with the cause, and with nmap's message: that in its
    /// XML, else the first lines of its standard error.
    pub(crate) fn check(&self) -> Result<()> {
        let XmlOutcome { has_scan, is_complete, has_failed, error_message, hosts } = &self.outcome;
        // A signal that was sent from here is not the cause.
        let cause = match self.exit.cause() {
            ExitCause::Signal(_) if self.exit.stopped => ExitCause::Success,
            cause => cause,
        };
        let mut text = if !has_scan {
            "nmap wrote no scan".to_owned()
        } else if !is_complete && !has_failed {
            let s = if *hosts == 1 { " was" } else { "s were" };
            format!("nmap ended before the scan was complete, {hosts} host{s} read")
        } else if *has_failed || cause != ExitCause::Success {
            "nmap failed".to_owned()
        } else {
            return Ok(());
        };
        // Writing to a string cannot fail.
        let _ = match cause {
            ExitCause::Success => Ok(()),
            ExitCause::Code(code) => write!(text, " (exit code {code})"),
            ExitCause::Signal(signal) => write!(text, " (signal {signal})"),
            ExitCause::Unknown => write!(text, " ({})", self.exit.status),
        };
        let message = error_message.as_deref().map(first_lines).filter(|text| !text.is_empty());
        let message = message.unwrap_or_else(|| first_lines(&self.exit.stderr));
        if !message.is_empty() {
            let _ = write!(text, ": {message}");
        }
        Err(Error::scan(text))
    }

    /// Returns the text that nmap wrote to standard error; of long text, the beginning and the end.
    pub(crate) fn into_stderr(self) -> String {
        self.exit.stderr
    }
}

/// Returns the first lines of a message as one line, with blanks and control characters between words collapsed.
pub(crate) fn first_lines(message: &str) -> String {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = message.lines().map(words).filter(|line| !line.is_empty()).take(MAX_LINES);
    let lines = lines.map(|line| line.chars().take(MAX_LINE_CHARS).collect::<String>());
    lines.collect::<Vec<_>>().join("; ")
}

fn not_started(name: &OsStr, error: &io::Error) -> Error {
    let name = name.display();
    match error.kind() {
        io::ErrorKind::NotFound => Error::new(ErrorKind::ProgramNotFound {
            program: name.to_string(),
            message: format!("{name}: not found; is nmap installed?"),
        }),
        _ => Error::scan(format!("{name} cannot be run: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_to_a_few_lines() {
        assert_eq!(first_lines(" a \t b\n\n c\nd\ne\n"), "a b; c; d");
        assert_eq!(first_lines(&"x".repeat(1000)).len(), MAX_LINE_CHARS);
        assert_eq!(first_lines(" \n"), "");
    }
}
