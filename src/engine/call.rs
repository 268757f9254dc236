//! Calls of functions: on threads of their own, so many at once, for so long.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::script::Function;
use crate::model::{Host, Port, RunHeader};

/// What functions are given of a host.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) run: RunHeader,
    pub(super) host: Host<'static>,
}

/// What a function is run on.
#[derive(Debug)]
pub struct Context<'c> {
    run: &'c RunHeader,
    host: &'c Host<'static>,
    port: Option<&'c Port<'static>>,
    target: String,
}

impl Context<'_> {
    /// The host's address, else its name.
    #[must_use]
    pub fn current_target(&self) -> &str {
        &self.target
    }

    /// The port's number; `None` for host scripts.
    #[must_use]
    pub fn current_port(&self) -> Option<u16> {
        self.port.map(|port| port.number)
    }

    /// The port's protocol; `None` for host scripts.
    #[must_use]
    pub fn current_proto(&self) -> Option<&str> {
        self.port.map(|port| port.protocol.as_str())
    }

    /// The port's state; `None` for host scripts.
    #[must_use]
    pub fn current_state(&self) -> Option<&str> {
        self.port.map(|port| port.state.as_str())
    }

    /// The host as nmap saw it; what other functions gave is not in it.
    #[must_use]
    pub fn host(&self) -> &Host<'static> {
        self.host
    }

    /// The port as nmap saw it; `None` for host scripts.
    #[must_use]
    pub fn port(&self) -> Option<&Port<'static>> {
        self.port
    }

    /// The scan that the host is of.
    #[must_use]
    pub fn run(&self) -> &RunHeader {
        self.run
    }
}

/// The host's address, else its name.
pub(super) fn target(host: &Host<'_>) -> String {
    let address = host.ip().or_else(|| host.addresses.first());
    match (address, host.hostname()) {
        (Some(address), _) => match &address.zone {
            Some(zone) => format!("{}%{zone}", address.text),
            None => address.text.clone().into_owned(),
        },
        (None, Some(name)) => name.name.clone().into_owned(),
        (None, None) => String::new(),
    }
}

/// Counts the calls that run, those that nobody waits for included.
#[derive(Debug)]
pub(super) struct Calls {
    workers: usize,
    free: Mutex<usize>,
    freed: Condvar,
}

/// A call that runs.
struct Running(Arc<Calls>);

impl Drop for Running {
    fn drop(&mut self) {
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = free.saturating_add(1);
        drop(free);
        self.0.freed.notify_one();
    }
}

impl Calls {
    pub(super) fn new(workers: usize) -> Self {
        Self { workers, free: Mutex::new(workers), freed: Condvar::new() }
    }

    pub(super) fn workers(&self) -> usize {
        self.workers
    }

    /// Calls a function, and gives its value or why there is none.
    pub(super) fn call(
        self: &Arc<Self>,
        function: &Function,
        given: &Arc<Given>,
        place: Option<usize>,
        timeout: Duration,
    ) -> Result<Value, String> {
        let begun = Instant::now();
        let running = self.begin(timeout)?;
        let (function, given) = (Arc::clone(function), Arc::clone(given));
        let (sender, receiver) = mpsc::sync_channel(1);
        let call = move || {
            let _running = running;
            let context = Context {
                run: &given.run,
                host: &given.host,
                port: place.and_then(|place| given.host.ports.get(place)),
                target: target(&given.host),
            };
            let result = catch_unwind(AssertUnwindSafe(|| function(&context)));
            let _ = sender.send(match result {
                Ok(Ok(value)) => Ok(value),
                Ok(Err(error)) => Err(error.to_string()),
                Err(panic) => Err(format!("it panicked: {}", said(&*panic))),
            });
        };
        let thread = thread::Builder::new().name("engine".to_owned()).spawn(call);
        thread.map_err(|error| format!("no thread: {error}"))?;
        let left = timeout.saturating_sub(begun.elapsed());
        receiver.recv_timeout(left).unwrap_or_else(|_| Err(late(timeout)))
    }

    /// Waits until a call may begin.
    fn begin(self: &Arc<Self>, timeout: Duration) -> Result<Running, String> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.freed.wait_timeout_while(free, timeout, |free| *free == 0);
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match free.checked_sub(1) {
            Some(left) => *free = left,
            None => return Err(format!("{}: others that take too long still run", late(timeout))),
        }
        Ok(Running(Arc::clone(self)))
    }
}

fn late(timeout: Duration) -> String {
    format!("it took more than {} s", timeout.as_secs_f64())
}

/// What a panic says.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
