//! Running nmap process: started, read while it runs, and checked for success when it ends.
//!
//! [`Live::start`] starts nmap and [`Live::run`] reads its XML from standard output on the calling thread, so
//! callbacks of [`Watch`] run on that thread. Another thread can only use [`Control`], which stops the
//! process or returns the last progress. The order of cancelling and starting does not matter: a run that was
//! cancelled before it began does not start nmap, and `Control::begin` stops a process that was started in between.
//!
//! A scan is successful only if nmap exited with success *and* its XML is complete and reports success; [`judge`]
//! holds these rules. After a read error the process is ended, so that nmap never blocks on a pipe that has no
//! reader.

use std::{
    ffi::OsString,
    fmt,
    io::{self, Read, Write},
    process::ExitStatus,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    error::{Error, ErrorKind, Result},
    model::{Host, RunEvent, RunHeader, RunRecord, ScanEvent, Task},
    request::unset_for_nmap,
    source::{
        Preamble,
        process::{Ended, Process, Program, Stopper, signal_of},
    },
    xml::{Options, Reader},
};

/// Maximum length of nmap's messages in an error message, in characters.
const SAID: usize = 600;

/// Handle by which another thread controls a run.
#[derive(Debug, Default)]
pub(super) struct Control(Mutex<Controlled>);

#[derive(Debug, Default)]
struct Controlled {
    cancelled: bool,
    stopper: Option<Stopper>,
    progress: Option<Task>,
}

impl Control {
    fn lock(&self) -> MutexGuard<'_, Controlled> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels the run, or a run that has not begun.
    pub(super) fn cancel(&self) {
        let mut inner = self.lock();
        inner.cancelled = true;
        if let Some(stopper) = &inner.stopper {
            stopper.stop();
        }
    }

    /// Cancels the run and waits until nmap has ended.
    pub(super) fn end(&self) {
        self.cancel();
        let stopper = self.lock().stopper.clone();
        if let Some(stopper) = stopper {
            stopper.finish();
        }
    }

    /// Returns the progress that nmap reported last.
    pub(super) fn progress(&self) -> Option<Task> {
        self.lock().progress.clone()
    }

    fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    fn begin(&self, stopper: Stopper) {
        let mut inner = self.lock();
        if inner.cancelled {
            stopper.stop();
        }
        inner.stopper = Some(stopper);
    }
}

/// Callback or writer for events of a run. The lock is never contended; it only makes scanners `Sync`.
type Told<T> = Option<Mutex<Box<T>>>;

/// Callbacks for events while nmap runs.
#[derive(Default)]
pub(super) struct Watch {
    pub(super) hosts: Told<dyn FnMut(&Host<'_>) + Send>,
    pub(super) progress: Told<dyn FnMut(&Task) + Send>,
    pub(super) xml: Told<dyn Write + Send>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("hosts", &self.hosts.is_some())
            .field("progress", &self.progress.is_some())
            .field("xml", &self.xml.is_some())
            .finish()
    }
}

/// Running nmap.
pub(super) struct Live<'w> {
    process: Process,
    reader: Reader<Preamble<Copying<'w>>>,
    /// Whether there is a scan.
    exists: Arc<AtomicBool>,
    hosts: &'w mut Told<dyn FnMut(&Host<'_>) + Send>,
    progress: &'w mut Told<dyn FnMut(&Task) + Send>,
    control: &'w Control,
}

impl<'w> Live<'w> {
    /// Starts nmap. `words` is the command line, including the name of the program.
    pub(super) fn start(
        words: &[OsString],
        options: &Options,
        watch: &'w mut Watch,
        control: &'w Control,
    ) -> Result<Self> {
        if control.is_cancelled() {
            return Err(cancelled());
        }
        let Some((name, args)) = words.split_first() else { return Err(Error::scan("no command")) };
        let program = Program {
            name: name.clone(),
            args: args.to_vec(),
            unset: unset_for_nmap(),
            ..Program::default()
        };
        let mut process =
            Process::start(&program, false).map_err(|error| not_started(name, &error))?;
        control.begin(process.stopper());
        let Watch { hosts, progress, xml } = watch;
        let from = Copying { from: Box::new(process.take_stdout()), to: xml };
        let exists = Arc::new(AtomicBool::new(false));
        let reader = Reader::new(Preamble::new(from, &exists), options.clone());
        Ok(Self { process, reader, exists, hosts, progress, control })
    }

    /// Reads the output to its end and calls `each` with every host and its scan. Returns nmap's standard error.
    pub(super) fn run(
        self,
        record: &mut RunRecord,
        each: &mut dyn FnMut(&RunHeader, Host<'_>),
    ) -> Result<String> {
        let Self { process, mut reader, exists, hosts, progress, control } = self;
        let mut header = RunHeader::default();
        let failed = loop {
            match reader.next_event() {
                Ok(None) => break None,
                Err(error) => break Some(error),
                Ok(Some(ScanEvent::RunStart(run))) => {
                    exists.store(true, Ordering::Relaxed);
                    header = run;
                }
                Ok(Some(ScanEvent::Host(host))) => {
                    tell(hosts, |told| told(&host));
                    each(&header, *host);
                }
                Ok(Some(ScanEvent::Run(RunEvent::Task(task)))) => {
                    tell(progress, |told| told(&task));
                    control.lock().progress = Some(task);
                }
                Ok(Some(ScanEvent::RunEnd(end))) => *record = *end,
                Ok(Some(_)) => {}
            }
        };
        if failed.is_some() {
            // Its output has no reader any more.
            process.stopper().finish();
        }
        drop(reader);
        let ended = process.wait();
        if control.is_cancelled() {
            return Err(cancelled());
        }
        judge(record, failed, ended)
    }
}

fn tell<T: ?Sized>(told: &mut Told<T>, tell: impl FnOnce(&mut T)) {
    if let Some(told) = told {
        tell(told.get_mut().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Standard output of nmap, which is copied to a writer while it is read.
struct Copying<'w> {
    from: Box<dyn Read + Send>,
    to: &'w mut Told<dyn Write + Send>,
}

impl Read for Copying<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.from.read(buffer)?;
        if let Some(copy) = self.to {
            let copy = copy.get_mut().unwrap_or_else(PoisonError::into_inner);
            let read = buffer.get(..len).unwrap_or_default();
            let written = if read.is_empty() { copy.flush() } else { copy.write_all(read) };
            written.map_err(|error| io::Error::other(Error::sink("the copy of the XML", error)))?;
        }
        Ok(len)
    }
}

/// Checks that a run was successful. Returns nmap's standard error, or the error that describes the failure.
fn judge(record: &RunRecord, failed: Option<Error>, ended: io::Result<Ended>) -> Result<String> {
    let Ended { status, stderr, .. } = ended?;
    match failed {
        Some(error) if matches!(error.kind(), ErrorKind::NotNmap(_)) => {
            return Err(scan("the output of nmap is not nmap XML", status, &stderr));
        }
        Some(error) => return Err(error),
        None if !record.exists => return Err(scan("nmap wrote no output", status, &stderr)),
        None => {}
    }
    let stats = &record.stats;
    if stats.failed() {
        let message = stats.error_message.as_deref().unwrap_or(&stderr);
        return Err(Error::scan(format!("nmap failed: {}", one_line(message))));
    }
    if !stats.finished || record.truncated {
        let seen = record.hosts_seen;
        let what = format!("nmap ended before the scan was complete, {seen} hosts were read");
        return Err(scan(&what, status, &stderr));
    }
    if !status.success() {
        return Err(scan("nmap failed", status, &stderr));
    }
    Ok(stderr)
}

fn cancelled() -> Error {
    Error::scan("the scan was cancelled")
}

/// Creates an error with the known details of its cause.
fn scan(what: &str, status: ExitStatus, stderr: &str) -> Error {
    let how = match (status.code(), signal_of(status)) {
        (Some(0), _) => String::new(),
        (Some(code), _) => format!(" (exit code {code})"),
        (None, Some(signal)) => format!(" (signal {signal})"),
        (None, None) => format!(" ({status})"),
    };
    let said = one_line(stderr);
    let said = if said.is_empty() { said } else { format!(": {said}") };
    Error::scan(format!("{what}{how}{said}"))
}

fn not_started(name: &OsString, error: &io::Error) -> Error {
    let name = name.to_string_lossy();
    if error.kind() != io::ErrorKind::NotFound {
        return Error::scan(format!("cannot start {name}: {error}"));
    }
    Error::scan(format!(
        "{name} was not found: install nmap (apt install nmap, dnf install nmap, brew install nmap, or from \
         https://nmap.org/download), or set its path"
    ))
}

/// Joins a text to one line of limited length.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut line = words.join(" ");
    if let Some((end, _)) = line.char_indices().nth(SAID) {
        line.truncate(end);
        line.push_str(" ...");
    }
    line
}
