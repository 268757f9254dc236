//! Input of the functions of an engine.

use crate::model::{Host, Port, ScanHeader};

/// Values that functions receive about a host.
#[derive(Debug)]
pub(super) struct ScriptInput {
    pub(super) scan: ScanHeader,
    pub(super) host: Host<'static>,
    pub(super) is_merged: bool,
}

/// Host, port and scan that a function is called for.
#[derive(Debug)]
pub struct ScriptContext<'c> {
    scan: &'c ScanHeader,
    host: &'c Host<'static>,
    port: Option<&'c Port<'static>>,
    is_merged: bool,
    target: String,
}

impl<'c> ScriptContext<'c> {
    /// Creates the context of a host, or of the port with this index.
    pub(super) fn new(scan: &'c ScanHeader, host: &'c Host<'static>, port: Option<usize>) -> Self {
        let port = port.and_then(|port| host.ports.get(port));
        Self { scan, host, port, is_merged: false, target: target(host) }
    }

    /// Creates the context of an input, or of the port with this index.
    pub(super) fn of_input(input: &'c ScriptInput, port: Option<usize>) -> Self {
        Self { is_merged: input.is_merged, ..Self::new(&input.scan, &input.host, port) }
    }

    /// Returns the address of the host, or its name if it has no address.
    #[must_use]
    pub fn current_target(&self) -> &str {
        &self.target
    }

    /// Returns the port number; `None` for host scripts.
    #[must_use]
    pub fn current_port(&self) -> Option<u16> {
        self.port.map(|port| port.number)
    }

    /// Returns the protocol of the port; `None` for host scripts.
    #[must_use]
    pub fn current_proto(&self) -> Option<&str> {
        self.port.map(|port| port.protocol.as_str())
    }

    /// Returns the state of the port; `None` for host scripts.
    #[must_use]
    pub fn current_state(&self) -> Option<&str> {
        self.port.map(|port| port.state.as_str())
    }

    /// Returns the host as nmap saw it, without results of other functions.
    #[must_use]
    pub fn host(&self) -> &Host<'static> {
        self.host
    }

    /// Returns the port as nmap saw it; `None` for host scripts.
    #[must_use]
    pub fn port(&self) -> Option<&Port<'static>> {
        self.port
    }

    /// Returns true if the host was merged from several scans. [`scan`](Self::scan) is then the scan that its state is
    /// from.
    #[must_use]
    pub fn is_merged(&self) -> bool {
        self.is_merged
    }

    /// Returns the scan that the host belongs to.
    #[must_use]
    pub fn scan(&self) -> &ScanHeader {
        self.scan
    }
}

/// Returns the address of the host, or its name if it has no address.
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
