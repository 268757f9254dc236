//! User functions that run on hosts like nmap's scripts (DATA_MODEL section 6, "Engine").
//!
//! ```
//! use scanmill::engine::{Engine, HostScript, PortScript};
//!
//! let mut engine = Engine::new();
//! engine.host_script(HostScript::new("names", |context| {
//!     Ok(context.host().hostnames.len())
//! }))?;
//! let port = 8080;
//! engine.port_script(
//!     PortScript::new("proxy", move |context| Ok(context.current_port() == Some(port)))
//!         .ports("3128,8080")
//!         .proto("tcp"),
//! )?;
//!
//! let file = std::fs::File::open("fixtures/01-tcp-connect-default.xml")?;
//! for host in scanmill::xml::Reader::new(file, Default::default()).hosts() {
//!     let mut host = host?;
//!     let failures = engine.run(&Default::default(), &mut host);
//!     assert!(failures.is_empty());
//!     assert_eq!(host.scripts.last().map(|script| &*script.name), Some("names"));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod context;
mod failure;
mod function;
mod job;
mod limiter;
mod script;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

pub use self::{
    context::ScriptContext,
    failure::Failure,
    function::ScriptFailed,
    job::EngineJob,
    script::{HostScript, PortScript},
};
use self::{context::ScriptInput, failure::error_of, limiter::CallLimiter};
use crate::{
    error::{Error, Result},
    model::{Host, HostState, ScanHeader, Script},
};

/// Functions that run on hosts: first host scripts, then port scripts in the order of the ports, each in the order of
/// registration. Several threads may use one engine at once.
#[derive(Debug)]
pub struct Engine {
    hosts: Vec<HostScript>,
    ports: Vec<PortScript>,
    limiter: Arc<CallLimiter>,
    timeout: Duration,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// Default time limit of a function.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// Default number of functions that run in parallel.
    pub const WORKERS: usize = 4;

    /// Creates an engine without functions.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hosts: Vec::new(),
            ports: Vec::new(),
            limiter: Arc::new(CallLimiter::new(Self::WORKERS)),
            timeout: Self::TIMEOUT,
        }
    }

    /// Sets the time limit of a function. A function that exceeds it has failed. It is not interrupted, because a
    /// function cannot be, but its result is ignored.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets the maximum number of functions that run in parallel. Functions that exceeded their time limit and still
    /// run count too.
    #[must_use]
    pub fn with_workers(self, workers: usize) -> Self {
        Self { limiter: Arc::new(CallLimiter::new(workers.max(1))), ..self }
    }

    /// Adds a host script.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Engine`](crate::error::ErrorKind::Engine) if its name is empty or taken, or its targets are not valid.
    pub fn host_script(&mut self, script: HostScript) -> Result<()> {
        let script = script.checked()?;
        if self.hosts.iter().any(|known| known.name() == script.name()) {
            return Err(taken(script.name()));
        }
        self.hosts.push(script);
        Ok(())
    }

    /// Adds a port script.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Engine`](crate::error::ErrorKind::Engine) if its name is empty or taken, if it has no ports, or if targets, ports,
    /// protocol or states are not valid.
    pub fn port_script(&mut self, script: PortScript) -> Result<()> {
        let script = script.checked()?;
        if self.ports.iter().any(|known| known.name() == script.name()) {
            return Err(taken(script.name()));
        }
        self.ports.push(script);
        Ok(())
    }

    /// Returns true if the engine has no functions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.ports.is_empty()
    }

    /// Runs the functions that apply to this host, and adds their results to its scripts and those of its ports.
    /// Results of an earlier run are replaced. Returns the functions that failed.
    ///
    /// Functions run one after another: those for the host, then those for its ports in port order, each in the order
    /// in which they were added.
    pub fn run(&self, run: &ScanHeader, host: &mut Host<'_>) -> Vec<Failure> {
        self.run_on(1, (run, false), host)
    }

    /// Runs the functions like [`Self::run`], but as many in parallel as [allowed](Self::with_workers). Results are
    /// in the same order. `is_merged` is true for a host that was merged from several scans.
    pub(crate) fn run_parallel(
        &self,
        run: &ScanHeader,
        host: &mut Host<'_>,
        is_merged: bool,
    ) -> Vec<Failure> {
        self.run_on(self.limiter.workers(), (run, is_merged), host)
    }

    /// Returns the calls for a host, in the order in which [`Self::run`] makes them: those for the host, if it is up,
    /// then those for its ports.
    #[must_use]
    pub fn jobs(&self, host: &Host<'_>) -> Vec<EngineJob<'_>> {
        let is_up = host.status.state == HostState::Up;
        let for_host = self.hosts.iter().filter(|script| is_up && script.filter().takes(host));
        let for_host =
            for_host.map(|script| EngineJob::new(script.name(), script.function(), None));
        let for_ports = host.ports.iter().enumerate().flat_map(|(place, port)| {
            let fits = |script: &&PortScript| script.takes(port) && script.filter().takes(host);
            let fitting = self.ports.iter().filter(fits);
            fitting.map(move |script| EngineJob::new(script.name(), script.function(), Some(place)))
        });
        for_host.chain(for_ports).collect()
    }

    /// Runs the functions on `threads` threads.
    fn run_on(
        &self,
        threads: usize,
        (run, is_merged): (&ScanHeader, bool),
        host: &mut Host<'_>,
    ) -> Vec<Failure> {
        let jobs = self.jobs(host);
        if jobs.is_empty() {
            return Vec::new();
        }
        // Functions run on threads of their own, which may outlive this call.
        let (scan, seen) = (run.clone(), host.clone().into_owned());
        let input = ScriptInput { scan, host: seen, is_merged };
        let results = self.call_all(threads, &jobs, &Arc::new(input));
        let stored = jobs.iter().zip(results).map(|(job, result)| job.store(host, result));
        stored.flatten().collect()
    }

    /// Calls all jobs and returns their results in order.
    fn call_all(
        &self,
        threads: usize,
        jobs: &[EngineJob<'_>],
        input: &Arc<ScriptInput>,
    ) -> Vec<Result<serde_json::Value, String>> {
        let call = |job: &EngineJob<'_>| self.limiter.call(job, input, self.timeout);
        let threads = threads.min(jobs.len());
        if threads <= 1 {
            return jobs.iter().map(call).collect();
        }
        let next = AtomicUsize::new(0);
        let work = || {
            let mut made = Vec::new();
            while let number = next.fetch_add(1, Ordering::Relaxed)
                && let Some(job) = jobs.get(number)
            {
                made.push((number, call(job)));
            }
            made
        };
        let mut made = on_threads(threads, &work);
        made.sort_unstable_by_key(|(number, _)| *number);
        made.into_iter().map(|(_, called)| called).collect()
    }

    /// Runs the functions on many hosts, as many in parallel as functions may run. Failures are in the order of the
    /// hosts.
    pub fn run_all(&self, run: &ScanHeader, hosts: &mut [Host<'_>]) -> Vec<Failure> {
        let workers = self.limiter.workers();
        let share = hosts.len().div_ceil(workers).max(1);
        let parts = Mutex::new(hosts.chunks_mut(share).enumerate());
        let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            let mut made = Vec::new();
            while let Some((number, part)) = next() {
                let failures = part.iter_mut().flat_map(|host| self.run(run, host));
                made.push((number, failures.collect::<Vec<_>>()));
            }
            made
        };
        let mut made = on_threads(workers, &work);
        made.sort_unstable_by_key(|(number, _)| *number);
        made.into_iter().flat_map(|(_, failures)| failures).collect()
    }
}

/// Does the same work on several threads and returns the results of all of them. If the system provides no thread,
/// the calling thread does the work.
fn on_threads<T: Send>(count: usize, work: &(impl Fn() -> Vec<T> + Sync)) -> Vec<T> {
    thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let threads: Vec<_> = (0..count).map_while(spawn).collect();
        let mut made = if threads.is_empty() { work() } else { Vec::new() };
        made.extend(threads.into_iter().flat_map(|one| one.join().unwrap_or_default()));
        made
    })
}

/// Returns the script that a function with this result would produce.
pub(crate) fn script_of(name: &str, value: impl serde::Serialize) -> Result<Script<'static>> {
    let value = serde_json::to_value(value);
    let value = value.map_err(|error| error_of(name, format!("{name}: {error}")))?;
    Ok(job::script(name, &value))
}

fn taken(name: &str) -> Error {
    error_of(name, format!("a script {name:?} already exists"))
}
