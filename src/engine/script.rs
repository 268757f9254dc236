//! What is registered: a function with its name, and which hosts and ports it is for.

use std::{fmt, sync::Arc};

use serde::Serialize;
use serde_json::Value;

use super::call::Context;
use crate::{
    error::{Error, ErrorKind, Result},
    model::{Host, Port},
    request::{IntoPorts, IntoTargets, PortSet, Targets},
};

/// What a function gives if it fails.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A function, as it is kept.
pub(super) type Function =
    Arc<dyn Fn(&Context<'_>) -> std::result::Result<Value, Failed> + Send + Sync>;

fn function<R: Serialize>(
    run: impl Fn(&Context<'_>) -> std::result::Result<R, Failed> + Send + Sync + 'static,
) -> Function {
    Arc::new(move |context| Ok(serde_json::to_value(run(context)?)?))
}

/// Which hosts a function is for.
#[derive(Debug, Clone, Default)]
pub(super) struct HostFilter(Option<Targets>);

impl HostFilter {
    /// Whether a host is among the targets, by an address or a name.
    pub(super) fn takes(&self, host: &Host<'_>) -> bool {
        let Some(targets) = &self.0 else { return true };
        let by_address = host.addresses.iter().any(|address| {
            address.ip.is_some_and(|ip| targets.contains(ip, address.zone.as_deref()))
        });
        let is_named = |name: &str| {
            host.hostnames.iter().any(|known| known.name.to_lowercase() == name.to_lowercase())
        };
        by_address || targets.names().iter().any(|name| is_named(name))
    }
}

/// A function that runs on each host that is up.
#[derive(Clone)]
pub struct HostScript {
    name: String,
    function: Function,
    targets: Result<HostFilter>,
}

/// A function that runs on ports.
#[derive(Clone)]
pub struct PortScript {
    of_host: HostScript,
    ports: Result<PortSet>,
    proto: String,
    states: Vec<String>,
}

impl fmt::Debug for HostScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostScript").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for PortScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortScript").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl HostScript {
    /// A function with its name, for all hosts that are up. Arguments that stay the same are what it captures. It
    /// gives anything that is JSON, which becomes the script's value; null is one.
    #[must_use]
    pub fn new<R: Serialize>(
        name: impl Into<String>,
        run: impl Fn(&Context<'_>) -> std::result::Result<R, Failed> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), function: function(run), targets: Ok(HostFilter::default()) }
    }

    /// The same for some hosts: those among the targets, or `*` for all.
    #[must_use]
    pub fn targets(self, targets: &str) -> Self {
        let targets = match targets.trim() {
            "*" => Ok(HostFilter::default()),
            "" => Err(Error::new(ErrorKind::Engine("no targets are given".to_owned()))),
            some => some.into_targets().map(|targets| HostFilter(Some(targets))),
        };
        Self { targets, ..self }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn function(&self) -> &Function {
        &self.function
    }

    pub(super) fn filter(&self) -> &HostFilter {
        // It was checked.
        self.targets.as_ref().unwrap_or(&HostFilter(None))
    }

    pub(super) fn checked(self) -> Result<Self> {
        if self.name.trim().is_empty() {
            return Err(bad("a script", &"it has no name"));
        }
        match &self.targets {
            Ok(_) => Ok(self),
            Err(error) => Err(bad(&self.name, error)),
        }
    }
}

impl PortScript {
    /// A function with its name, for open ports of any protocol, the numbers of which
    /// [`Self::ports`] must give. Arguments that stay the same are what it captures. It gives anything that is JSON,
    /// which becomes the script's value; null is one.
    #[must_use]
    pub fn new<R: Serialize>(
        name: impl Into<String>,
        run: impl Fn(&Context<'_>) -> std::result::Result<R, Failed> + Send + Sync + 'static,
    ) -> Self {
        let none = Err(Error::new(ErrorKind::InvalidPort("ports: none are given".to_owned())));
        Self {
            of_host: HostScript::new(name, run),
            ports: none,
            proto: "*".to_owned(),
            states: vec!["open".to_owned()],
        }
    }

    /// The same for these ports.
    #[must_use]
    pub fn ports(self, ports: impl IntoPorts) -> Self {
        Self { ports: ports.into_ports(), ..self }
    }

    /// The same for some hosts: those among the targets, or `*` for all.
    #[must_use]
    pub fn targets(self, targets: &str) -> Self {
        Self { of_host: self.of_host.targets(targets), ..self }
    }

    /// The same for one protocol: `tcp`, `udp`, `sctp` or `ip`, or `*` for all.
    #[must_use]
    pub fn proto(self, proto: impl Into<String>) -> Self {
        Self { proto: proto.into(), ..self }
    }

    /// The same for ports in these states, of `open`, `filtered` and `closed`.
    #[must_use]
    pub fn states(self, states: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { states: states.into_iter().map(Into::into).collect(), ..self }
    }

    pub(super) fn name(&self) -> &str {
        self.of_host.name()
    }

    pub(super) fn function(&self) -> &Function {
        self.of_host.function()
    }

    pub(super) fn filter(&self) -> &HostFilter {
        self.of_host.filter()
    }

    /// Whether it is for this port, its host aside.
    pub(super) fn takes(&self, port: &Port<'_>) -> bool {
        self.ports.as_ref().is_ok_and(|ports| ports.contains(port.number))
            && (self.proto == "*" || self.proto == port.protocol.as_str())
            && self.states.iter().any(|state| state == port.state.as_str())
    }

    pub(super) fn checked(self) -> Result<Self> {
        let of_host = self.of_host.checked()?;
        let name = of_host.name();
        match &self.ports {
            Ok(ports) if ports.is_empty() => return Err(bad(name, &"it has no ports")),
            Ok(_) => {}
            Err(error) => return Err(bad(name, error)),
        }
        if !["*", "tcp", "udp", "sctp", "ip"].contains(&self.proto.as_str()) {
            let what = format!("{:?} is no protocol: *, tcp, udp, sctp or ip", self.proto);
            return Err(bad(name, &what));
        }
        let is_state = |state: &String| ["open", "filtered", "closed"].contains(&state.as_str());
        if self.states.is_empty() || !self.states.iter().all(is_state) {
            let what = format!("states {:?}: some of open, filtered and closed", self.states);
            return Err(bad(name, &what));
        }
        Ok(Self { of_host, ..self })
    }
}

fn bad(name: &str, what: &dyn fmt::Display) -> Error {
    Error::new(ErrorKind::Engine(format!("{name}: {what}")))
}
