//! Registered functions: each with its name, and the hosts and ports it applies to.

use std::fmt;

use serde::Serialize;

use super::{
    context::ScriptContext,
    failure::error_of,
    function::{Function, ScriptFailed, function},
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::{Host, Port},
    request::{IntoPorts, IntoTargets, PortSet, Targets},
};

/// Hosts that a function applies to; `None` for all.
#[derive(Debug, Clone, Default)]
pub(super) struct HostFilter(Option<Targets>);

impl HostFilter {
    /// Returns true if a host is among the targets, by an address or a name.
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

/// Function that runs on each host that is up.
#[derive(Clone)]
pub struct HostScript {
    name: String,
    function: Function,
    targets: Result<HostFilter>,
}

/// Function that runs on ports.
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
    /// Creates a script from a name and a function, for all hosts that are up. The function captures its constant
    /// arguments. It may return any value that serializes to JSON, including null; this becomes the value of the
    /// script.
    #[must_use]
    pub fn new<R: Serialize>(
        name: impl Into<String>,
        run: impl Fn(&ScriptContext<'_>) -> std::result::Result<R, ScriptFailed> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), function: function(run), targets: Ok(HostFilter::default()) }
    }

    /// Restricts the script to hosts among the targets: a text with comma-separated items, or a list of such texts; `*`
    /// selects all hosts.
    #[must_use]
    pub fn targets(self, targets: impl IntoTargets) -> Self {
        let targets = if targets.is_all() {
            Ok(HostFilter::default())
        } else {
            targets.into_targets().and_then(|targets| {
                let none = || error_of("", "no targets are given");
                if targets.is_empty() { Err(none()) } else { Ok(HostFilter(Some(targets))) }
            })
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
        // `checked` returned an error for invalid targets.
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
    /// Creates a script from a name and a function, for open ports of any protocol. [`Self::ports`] must set the port
    /// numbers. The function captures its constant arguments. It may return any value that serializes to JSON,
    /// including null; this becomes the value of the script.
    #[must_use]
    pub fn new<R: Serialize>(
        name: impl Into<String>,
        run: impl Fn(&ScriptContext<'_>) -> std::result::Result<R, ScriptFailed> + Send + Sync + 'static,
    ) -> Self {
        let none = Err(Error::new(ErrorKind::InvalidPort {
            item: String::new(),
            message: "none are given".to_owned(),
        }));
        Self {
            of_host: HostScript::new(name, run),
            ports: none,
            proto: "*".to_owned(),
            states: vec!["open".to_owned()],
        }
    }

    /// Sets the port numbers.
    #[must_use]
    pub fn ports(self, ports: impl IntoPorts) -> Self {
        Self { ports: ports.into_ports(), ..self }
    }

    /// Restricts the script to hosts among the targets: a text with comma-separated items, or a list of such texts; `*`
    /// selects all hosts.
    #[must_use]
    pub fn targets(self, targets: impl IntoTargets) -> Self {
        Self { of_host: self.of_host.targets(targets), ..self }
    }

    /// Restricts the script to one protocol: `tcp`, `udp`, `sctp` or `ip`; `*` selects all.
    #[must_use]
    pub fn proto(self, proto: impl Into<String>) -> Self {
        Self { proto: proto.into(), ..self }
    }

    /// Restricts the script to ports in these states: any of `open`, `filtered` and `closed`.
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

    /// Returns true if the script applies to this port, without checking the host.
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
            let what = format!("{:?} is not a protocol: *, tcp, udp, sctp or ip", self.proto);
            return Err(bad(name, &what));
        }
        let is_state = |state: &String| ["open", "filtered", "closed"].contains(&state.as_str());
        if self.states.is_empty() || !self.states.iter().all(is_state) {
            let what =
                format!("states {:?}: use one or more of open, filtered and closed", self.states);
            return Err(bad(name, &what));
        }
        Ok(Self { of_host, ..self })
    }
}

fn bad(name: &str, what: &dyn fmt::Display) -> Error {
    error_of(name, format!("{name}: {what}"))
}
