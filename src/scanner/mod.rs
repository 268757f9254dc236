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
mod failed;
mod found;
mod joined;
mod live;
mod lookup;
mod properties;
mod service;
mod unscanned;

use std::{
    ffi::OsString,
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

pub use self::{
    background::{AsyncScanner, ScanHandle},
    failed::ScanFailed,
    service::{ServiceView, ServiceViewMut},
};
use self::{
    found::Found,
    live::{Control, Live, Watch},
};
use crate::{
    engine::{Engine, Failure},
    error::{Error, ErrorKind, Result},
    model::{Host, RunHeader, RunRecord, Task},
    request::{Arguments, IntoArguments, IntoPorts, IntoTargets, PortSet, Targets},
    xml::Options,
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
    watch: Watch,
    state: State,
}

/// State of a scanner. A running scanner is borrowed or owned by another thread, so it needs no state here.
#[derive(Debug, Default)]
enum State {
    #[default]
    New,
    Done(Box<Found>),
    Failed(Error, Box<RunRecord>),
}

/// Callback that takes hosts that are not kept, with their scan.
type Each<'e> = dyn FnMut(&RunHeader, &mut Host<'_>) + 'e;

impl Scanner {
    /// Maximum number of failures of an engine that are kept. Further failures are only counted.
    pub const FAILURES: usize = 10_000;

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
        let found = Found::of_file(path.as_ref(), &Options::default())?;
        Ok(Self { state: State::Done(Box::new(found)), ..Self::default() })
    }

    /// Reads XML from a reader as if it had just been scanned.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::from_xml`].
    pub fn from_reader(xml: impl Read) -> Result<Self> {
        let found = Found::of_reader(xml, &Options::default())?;
        Ok(Self { state: State::Done(Box::new(found)), ..Self::default() })
    }

    /// Sets the targets.
    ///
    /// # Errors
    /// Returns the errors of [`IntoTargets::into_targets`], and [`ErrorKind::InvalidArgument`] if the arguments
    /// select the other address family.
    pub fn set_targets(&mut self, targets: impl IntoTargets) -> Result<()> {
        let targets = targets.into_targets()?;
        agree(&targets, self.ports.as_ref(), &self.arguments)?;
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
        agree(&self.targets, ports.as_ref(), &self.arguments)?;
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
        agree(&self.targets, self.ports.as_ref(), &arguments)?;
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
        self.watch.hosts = Some(Mutex::new(Box::new(each)));
        self
    }

    /// Sets a callback for progress. nmap reports progress if the arguments include `--stats-every`.
    #[must_use]
    pub fn with_progress(mut self, each: impl FnMut(&Task) + Send + 'static) -> Self {
        self.watch.progress = Some(Mutex::new(Box::new(each)));
        self
    }

    /// Sets a writer that receives nmap's XML, byte for byte, while it is read. If writing fails, the scan fails.
    #[must_use]
    pub fn with_xml_copy(mut self, copy: impl Write + Send + 'static) -> Self {
        self.watch.xml = Some(Mutex::new(Box::new(copy)));
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
        let nmap = self.nmap.as_ref().map_or_else(|| "nmap".into(), |nmap| nmap.clone().into());
        let mut words = vec![nmap, "-oX".into(), "-".into()];
        words.extend(self.arguments.words().iter().map(Into::into));
        if self.targets.is_v6() && self.arguments.family.is_none() {
            words.push("-6".into());
        }
        words.extend(self.ports.iter().map(|ports| format!("-p{ports}").into()));
        words.push("--".into());
        words.extend(self.targets.words().into_iter().map(Into::into));
        words
    }

    /// Runs nmap to its end and keeps the results.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Scan`] if there are no targets, if nmap cannot be started or produces no output, or if
    /// its run ended in an error, was killed or was cut off. The error contains the hosts that were read.
    pub fn run(&mut self) -> Result<(), ScanFailed> {
        self.run_under(&Control::default(), None)
    }

    /// Runs nmap to its end and calls `each` with every host as it closes and the scan it belongs to. No hosts are
    /// kept: memory use is that of one host. An engine's functions run on a host before the callback.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::run`], without hosts.
    pub fn run_each(
        &mut self,
        mut each: impl FnMut(&RunHeader, &mut Host<'_>),
    ) -> Result<(), ScanFailed> {
        self.run_under(&Control::default(), Some(&mut each))
    }

    /// Runs an engine's functions on the results and returns the functions that failed.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Scan`] if the scan was not run.
    pub fn run_engine(&mut self, engine: &Engine) -> Result<Vec<Failure>> {
        let found = self.found_mut()?;
        let failures = engine.run_all(&found.record.header, &mut found.hosts);
        found.failures.add(failures.clone());
        Ok(failures)
    }

    /// Runs the scan under a control. If `each` is set, it takes the hosts, and none are kept.
    fn run_under(
        &mut self,
        control: &Control,
        each: Option<&mut Each<'_>>,
    ) -> Result<(), ScanFailed> {
        self.state = State::New;
        let mut found = Found { is_kept: each.is_none(), ..Found::default() };
        let outcome = self.scan(control, each, &mut found);
        found.requested = Some((self.targets.clone(), self.ports.clone()));
        let outcome = outcome.and_then(|()| found.finish());
        if let Err(error) = outcome {
            self.state = State::Failed(error.clone(), Box::new(found.record.clone()));
            return Err(ScanFailed::new(error, found));
        }
        self.state = State::Done(Box::new(found));
        Ok(())
    }

    fn scan(
        &mut self,
        control: &Control,
        mut each: Option<&mut Each<'_>>,
        found: &mut Found,
    ) -> Result<()> {
        if self.targets.is_empty() {
            return Err(Error::scan("there are no targets to scan"));
        }
        let words = self.command();
        let live = Live::start(&words, &self.options, &mut self.watch, control)?;
        let engine = self.engine.as_deref();
        let Found { record, hosts, failures, .. } = found;
        let stderr = live.run(record, &mut |run, host| match &mut each {
            None => hosts.push(host.into_owned()),
            Some(each) => {
                let mut host = host;
                if let Some(engine) = engine {
                    failures.add(engine.run(run, &mut host));
                }
                each(run, &mut host);
            }
        })?;
        found.stderr = Some(stderr).filter(|stderr| !stderr.trim().is_empty());
        if let Some(engine) = engine {
            let failed = engine.run_all(&found.record.header, &mut found.hosts);
            found.failures.add(failed);
        }
        Ok(())
    }

    /// Returns the results if the scan ended successfully.
    fn ended(&self) -> Result<&Found> {
        match &self.state {
            State::Done(found) => Ok(found),
            State::New => Err(Error::scan("the scan was not run: there are no results")),
            State::Failed(error, _) => {
                Err(Error::scan(format!("the scan failed, there are no results: {error}")))
            }
        }
    }

    /// Returns the results if the scan ended successfully and its hosts were kept.
    fn found(&self) -> Result<&Found> {
        let found = self.ended()?;
        if found.is_kept { Ok(found) } else { Err(not_kept()) }
    }

    fn found_mut(&mut self) -> Result<&mut Found> {
        self.found()?;
        match &mut self.state {
            State::Done(found) => Ok(found),
            _ => Err(not_kept()),
        }
    }
}

fn not_kept() -> Error {
    Error::scan("the hosts of this scan were not kept")
}

/// Checks that targets, ports and arguments do not contradict each other.
fn agree(targets: &Targets, ports: Option<&PortSet>, arguments: &Arguments) -> Result<()> {
    let invalid = |what: String| Err(Error::new(ErrorKind::InvalidArgument(what)));
    if let (Some(option), Some(ports)) = (&arguments.ports, ports) {
        return invalid(format!("arguments: {option} excludes the ports {ports}"));
    }
    match arguments.family {
        Some('6') if targets.is_v4() => {
            invalid("arguments: -6 is not for the IPv4 targets".to_owned())
        }
        Some('4') if targets.is_v6() => {
            invalid("arguments: -4 is not for the IPv6 targets".to_owned())
        }
        _ => Ok(()),
    }
}
