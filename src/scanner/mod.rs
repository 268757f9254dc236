//! Runs nmap from Rust: requests are checked before the scan, hosts are delivered while nmap runs, and results can be
//! looked up (DATA_MODEL section 6).
//!
//! ```no_run
//! use scanmill::scanner::Scanner;
//!
//! let mut scanner = Scanner::new("127.0.0.1")?.with_ports("22,80-90")?.with_arguments("-sV -T4")?;
//! scanner.run()?;
//! for host in scanner.scanned_hosts()? {
//!     println!("{host} is {}", scanner.state(host)?);
//!     for proto in scanner.all_protocols(host)? {
//!         for port in scanner.scanned_ports(host, proto)? {
//!             let (state, _) = scanner.port_state(host, proto, port)?;
//!             let (name, product) = scanner.standard_service_info(host, proto, port)?;
//!             println!("{proto}/{port} {state} {name:?} {product:?}");
//!         }
//!     }
//! }
//! # Ok::<(), scanmill::error::Error>(())
//! ```
//!
//! The results in a file can be looked up in the same way, without running a scan:
//!
//! ```
//! use scanmill::scanner::Scanner;
//!
//! let scanner = Scanner::from_xml("fixtures/04-all-options-lan.xml")?;
//! assert_eq!(scanner.most_accurate_os("192.0.2.20")?.first(), Some(&"Linux 5.3 - 5.4"));
//! for hop in scanner.trace_info("192.0.2.20")? {
//!     println!("{:?} {:?} {:?} {:?}", hop.ttl, hop.ip, hop.rtt_ms, hop.hostname);
//! }
//! # Ok::<(), scanmill::error::Error>(())
//! ```
//!
//! The installed nmap is used. Scan only networks that you are allowed to scan.

mod background;
mod callbacks;
mod combine;
mod control;
mod coverage;
mod error;
mod lookup;
mod merge;
mod nmap_command;
mod nmap_process;
mod not_scanned;
mod preamble;
mod properties;
mod results;
mod service;

use std::{
    ffi::{OsStr, OsString},
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

pub use self::{
    background::{AsyncScanner, ScanHandle},
    control::ScanCanceller,
    error::ScanError,
    service::{ServiceView, ServiceViewMut},
};
use self::{
    callbacks::{ScanCallbacks, get_mut},
    control::ScanControl,
    results::ScanResults,
};
pub(crate) use self::{
    nmap_command::NmapCommand,
    nmap_process::{NmapProcess, first_lines},
    preamble::Preamble,
};
use crate::{
    engine::{Engine, EngineJob, Failure},
    error::{Error, ErrorKind, Result},
    model::{Host, ScanActivity, ScanEvent, ScanHeader, ScanSummary, Task},
    process::CommandSpec,
    request::{Arguments, IntoArguments, IntoPorts, IntoTargets, PortSet, Targets},
    source::TeeReader,
    xml::{Options, Reader},
};

/// Scan: the request for nmap and, after it has run, the results.
#[derive(Debug, Default)]
pub struct Scanner {
    targets: Targets,
    ports: Option<PortSet>,
    arguments: Arguments,
    nmap: Option<PathBuf>,
    engine: Option<Arc<Engine>>,
    options: Options,
    callbacks: ScanCallbacks,
    /// Control of the next run.
    control: Arc<ScanControl>,
    state: State,
}

/// State of a scanner. A running scanner is borrowed or owned by another thread, so it needs no state here.
#[derive(Debug, Default)]
enum State {
    #[default]
    New,
    Done(Box<ScanResults>),
    Failed(Error, Box<ScanSummary>),
}

/// Callback that takes hosts that are not kept, with their scan.
type Each<'e> = dyn FnMut(&ScanHeader, &mut Host<'_>) + 'e;

impl Scanner {
    /// Maximum number of failures of an engine that are kept. Further failures are only counted.
    pub const FAILURES: usize = results::MAX_FAILURES;

    /// Creates a scan of these targets: a text with comma-separated items, or a list of such texts.
    ///
    /// # Errors
    /// Returns the errors of [`IntoTargets::into_targets`].
    pub fn new(targets: impl IntoTargets) -> Result<Self> {
        Ok(Self { targets: targets.into_targets()?, ..Self::default() })
    }

    /// Reads a file as if it had just been scanned. The file may be compressed. If it contains several scans, they
    /// are merged in order, the first as the caller.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or is not nmap XML, and [`ErrorKind::Scan`] if it contains no
    /// scan.
    pub fn from_xml(path: impl AsRef<Path>) -> Result<Self> {
        let found = ScanResults::from_file(path.as_ref(), &Options::default())?;
        Ok(Self { state: State::Done(Box::new(found)), ..Self::default() })
    }

    /// Reads XML from a reader as if it had just been scanned.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::from_xml`].
    pub fn from_reader(xml: impl Read) -> Result<Self> {
        let found = ScanResults::from_reader(xml, &Options::default())?;
        Ok(Self { state: State::Done(Box::new(found)), ..Self::default() })
    }

    /// Sets the targets.
    ///
    /// # Errors
    /// Returns the errors of [`IntoTargets::into_targets`], and [`ErrorKind::InvalidArgument`] if the arguments
    /// select the other address family.
    pub fn set_targets(&mut self, targets: impl IntoTargets) -> Result<()> {
        let targets = targets.into_targets()?;
        self.arguments.check_against(&targets, self.ports.as_ref())?;
        self.targets = targets;
        Ok(())
    }

    /// Sets the ports: a number, a text such as `22,80-90`, or a list or range of these.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidPort`] for an invalid port, and [`ErrorKind::InvalidArgument`] if the arguments
    /// choose ports.
    pub fn set_ports(&mut self, ports: impl IntoPorts) -> Result<()> {
        let ports = Some(ports.into_ports()?).filter(|ports| !ports.is_empty());
        self.arguments.check_against(&self.targets, ports.as_ref())?;
        self.ports = ports;
        Ok(())
    }

    /// Sets further arguments of nmap: a text, which is split like a shell does, or a list.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] for arguments that a scan may not have ([`Arguments::new`]), and for
    /// arguments that contradict the targets or ports.
    pub fn set_arguments(&mut self, arguments: impl IntoArguments) -> Result<()> {
        let arguments = arguments.into_arguments()?;
        arguments.check_against(&self.targets, self.ports.as_ref())?;
        self.arguments = arguments;
        Ok(())
    }

    /// Sets the ports and returns the scanner.
    ///
    /// # Errors
    /// Returns the errors of [`Self::set_ports`].
    pub fn with_ports(mut self, ports: impl IntoPorts) -> Result<Self> {
        self.set_ports(ports)?;
        Ok(self)
    }

    /// Sets the arguments and returns the scanner.
    ///
    /// # Errors
    /// Returns the errors of [`Self::set_arguments`].
    pub fn with_arguments(mut self, arguments: impl IntoArguments) -> Result<Self> {
        self.set_arguments(arguments)?;
        Ok(self)
    }

    /// Sets the nmap program: its path, or a name that is searched in `PATH`.
    #[must_use]
    pub fn with_nmap(self, nmap: impl Into<PathBuf>) -> Self {
        Self { nmap: Some(nmap.into()), ..self }
    }

    /// Sets an engine whose functions run on each host after the scan has ended.
    #[must_use]
    pub fn with_engine(self, engine: impl Into<Arc<Engine>>) -> Self {
        Self { engine: Some(engine.into()), ..self }
    }

    /// Sets the options with which the XML is read.
    #[must_use]
    pub fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// Sets a callback that sees each host as it closes, as nmap reported it. A host that was cut off is passed too;
    /// it is not [`complete`](Host::complete).
    #[must_use]
    pub fn with_each_host(mut self, each: impl FnMut(&Host<'_>) + Send + 'static) -> Self {
        self.callbacks.host = Some(Mutex::new(Box::new(each)));
        self
    }

    /// Sets a callback for progress. nmap reports progress if the arguments include `--stats-every`.
    #[must_use]
    pub fn with_progress(mut self, each: impl FnMut(&Task) + Send + 'static) -> Self {
        self.callbacks.progress = Some(Mutex::new(Box::new(each)));
        self
    }

    /// Sets a writer that receives nmap's XML, byte for byte, while it is read. If writing fails, the scan fails.
    #[must_use]
    pub fn with_xml_copy(mut self, copy: impl Write + Send + 'static) -> Self {
        self.callbacks.xml = Some(Mutex::new(Box::new(copy)));
        self
    }

    /// Returns the targets.
    #[must_use]
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Returns the ports, if any are set.
    #[must_use]
    pub fn ports(&self) -> Option<&PortSet> {
        self.ports.as_ref()
    }

    /// Returns the arguments, without those that the scanner adds.
    #[must_use]
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }

    /// Returns the command line: `nmap -oX - ARGS [-pPORTS] -- TARGETS`. It never passes through a shell.
    #[must_use]
    pub fn command(&self) -> Vec<OsString> {
        let CommandSpec { program, args, .. } = self.spec();
        [program].into_iter().chain(args).collect()
    }

    fn spec(&self) -> CommandSpec {
        let command = NmapCommand {
            nmap: self.nmap.as_ref().map_or(OsStr::new("nmap"), |nmap| nmap.as_os_str()),
            by_sudo: false,
            targets: &self.targets,
            ports: self.ports.as_ref(),
            arguments: &self.arguments,
            reports_progress: false,
        };
        command.spec()
    }

    /// Runs nmap to its end and keeps the results.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Scan`] if there are no targets, if nmap cannot be started or produces no output, or if
    /// its run ended in an error, was killed or was cut off. The error contains the hosts that were read.
    pub fn run(&mut self) -> Result<(), ScanError> {
        self.run_under(None)
    }

    /// Runs nmap to its end and calls `each` with every host as it closes and the scan it belongs to. No hosts are
    /// kept: memory use is that of one host. An engine's functions run on a host before the callback.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::run`], without hosts.
    pub fn run_each(
        &mut self,
        mut each: impl FnMut(&ScanHeader, &mut Host<'_>),
    ) -> Result<(), ScanError> {
        self.run_under(Some(&mut each))
    }

    /// Runs an engine's functions on the results and returns the functions that failed.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Scan`] if the scan was not run.
    pub fn run_engine(&mut self, engine: &Engine) -> Result<Vec<Failure>> {
        let found = self.results_mut()?;
        let failures = engine.run_all(&found.record.header, &mut found.hosts);
        found.failures.add(failures.clone());
        Ok(failures)
    }

    /// Stores the result of a call that [`Engine::jobs`] returned for a host of the results. A failure is added to
    /// [`Self::failures`].
    ///
    /// # Errors
    /// Returns [`ErrorKind::Scan`] if the scan was not run, or the host is unknown.
    pub fn store_result(
        &mut self,
        host: &str,
        job: &EngineJob<'_>,
        result: std::result::Result<serde_json::Value, String>,
    ) -> Result<()> {
        let found = self.results_mut()?;
        let place = found.place(host);
        let host = place.and_then(|place| found.hosts.get_mut(place));
        let host = host.ok_or_else(|| Error::scan("the host is not in the results"))?;
        found.failures.add(job.store(host, result).into_iter().collect());
        Ok(())
    }

    /// Returns a handle by which any thread cancels the next run of this scanner.
    ///
    /// ```no_run
    /// use std::{thread, time::Duration};
    ///
    /// use scanmill::scanner::Scanner;
    ///
    /// let mut scanner = Scanner::new("127.0.0.1")?;
    /// let canceller = scanner.canceller();
    /// thread::spawn(move || {
    ///     thread::sleep(Duration::from_secs(60));
    ///     canceller.cancel();
    /// });
    /// scanner.run()?;
    /// # Ok::<(), scanmill::error::Error>(())
    /// ```
    #[must_use]
    pub fn canceller(&self) -> ScanCanceller {
        ScanCanceller(Arc::clone(&self.control))
    }

    /// Runs the scan. If `each` is set, it takes the hosts, and none are kept.
    fn run_under(&mut self, each: Option<&mut Each<'_>>) -> Result<(), ScanError> {
        // A later run has another control, so that a canceller ends one run only.
        let control = std::mem::take(&mut self.control);
        self.state = State::New;
        let mut found = ScanResults { is_kept: each.is_none(), ..ScanResults::default() };
        let outcome = self.scan(&control, each, &mut found);
        found.requested = Some((self.targets.clone(), self.ports.clone()));
        let outcome = outcome.and_then(|()| found.finish());
        if let Err(error) = outcome {
            self.state = State::Failed(error.clone(), Box::new(found.record.clone()));
            return Err(ScanError::new(error, found));
        }
        self.state = State::Done(Box::new(found));
        Ok(())
    }

    /// Marks the scan as failed, without results.
    fn fail(&mut self, error: Error) -> ScanError {
        self.state = State::Failed(error.clone(), Box::default());
        ScanError::new(error, ScanResults::default())
    }

    fn scan(
        &mut self,
        control: &ScanControl,
        mut each: Option<&mut Each<'_>>,
        found: &mut ScanResults,
    ) -> Result<()> {
        if self.targets.is_empty() {
            return Err(Error::scan("no targets are given"));
        }
        if control.is_cancelled() {
            return Err(cancelled());
        }
        let nmap = NmapProcess::start(&self.spec(), &control.group)?;
        let engine = self.engine.clone();
        let ScanResults { record, hosts, failures, .. } = found;
        let mut take = |run: &ScanHeader, host: Host<'_>| match &mut each {
            None => hosts.push(host.into_owned()),
            Some(each) => {
                let mut host = host;
                if let Some(engine) = &engine {
                    failures.add(engine.run(run, &mut host));
                }
                each(run, &mut host);
            }
        };
        let stderr = self.read(nmap, control, record, &mut take)?;
        found.stderr = Some(stderr).filter(|stderr| !stderr.trim().is_empty());
        if let Some(engine) = engine {
            let failed = engine.run_all(&found.record.header, &mut found.hosts);
            found.failures.add(failed);
        }
        Ok(())
    }

    /// Reads nmap's XML to its end, calls the callbacks, and passes each host with its scan to `take`. Returns the text
    /// that nmap wrote to standard error.
    fn read(
        &mut self,
        mut nmap: NmapProcess,
        control: &ScanControl,
        record: &mut ScanSummary,
        take: &mut dyn FnMut(&ScanHeader, Host<'_>),
    ) -> Result<String> {
        let ScanCallbacks { host: host_callback, progress, xml } = &mut self.callbacks;
        let copied = TeeReader::new(nmap.take_stdout(), get_mut(xml), "the copy of the XML");
        let mut reader = Reader::new(nmap.limit_preamble(copied), self.options.clone());
        let mut header = ScanHeader::default();
        let read_error = loop {
            let event = match reader.next_event() {
                Ok(Some(event)) => event,
                Ok(None) => break None,
                Err(error) => break Some(error),
            };
            nmap.observe(&event);
            match event {
                ScanEvent::ScanStart(run) => header = run,
                ScanEvent::Host(host) => {
                    if let Some(callback) = get_mut(host_callback) {
                        callback(&host);
                    }
                    take(&header, *host);
                }
                ScanEvent::Activity(ScanActivity::Task(task)) => {
                    if let Some(callback) = get_mut(progress) {
                        callback(&task);
                    }
                    control.set_progress(task);
                }
                ScanEvent::ScanEnd(end) => *record = *end,
                _ => {}
            }
        };
        if read_error.is_some() {
            // Its output has no reader any more.
            nmap.stop();
        }
        drop(reader);
        let exit = nmap.wait();
        if control.is_cancelled() {
            return Err(cancelled());
        }
        let exit = exit?;
        match read_error {
            // If nmap wrote no XML, its exit status and standard error say why.
            Some(error) if matches!(error.kind(), ErrorKind::NotNmap(_)) => {
                Err(exit.check().err().unwrap_or(error))
            }
            Some(error) => Err(error),
            None => exit.check().map(|()| exit.into_stderr()),
        }
    }

    /// Returns the results if the scan ended successfully.
    fn ended(&self) -> Result<&ScanResults> {
        match &self.state {
            State::Done(found) => Ok(found),
            State::New => Err(Error::scan("the scan was not run: there are no results")),
            State::Failed(error, _) => {
                Err(Error::scan(format!("the scan failed, there are no results: {error}")))
            }
        }
    }

    /// Returns the results if the scan ended successfully and its hosts were kept.
    fn results(&self) -> Result<&ScanResults> {
        let found = self.ended()?;
        if found.is_kept { Ok(found) } else { Err(not_kept()) }
    }

    fn results_mut(&mut self) -> Result<&mut ScanResults> {
        self.results()?;
        match &mut self.state {
            State::Done(found) => Ok(found),
            _ => Err(not_kept()),
        }
    }
}

fn not_kept() -> Error {
    Error::scan("the hosts of this scan were not kept")
}

fn cancelled() -> Error {
    Error::scan("the scan was cancelled")
}
