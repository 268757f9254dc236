//! Lookup of results by host, protocol and port. A host is named by its address as text or, if it has no address, by
//! its name in [`Scanner::scanned_hosts`]. Unknown names and scans that have not ended are
//! [`ErrorKind::Scan`](crate::error::ErrorKind::Scan).

use std::cmp::Reverse;

use super::{
    Scanner, ServiceView, ServiceViewMut,
    results::ScanResults,
    service::{containing_name, exact},
};
use crate::{
    error::{Error, Result},
    model::{Host, Port, TraceHop, host_id},
};

impl Scanner {
    /// Returns the names of all hosts in the results, in any state, in the order of the scan.
    ///
    /// # Errors
    /// Returns an error if the scan was not run.
    pub fn scanned_hosts(&self) -> Result<Vec<&str>> {
        Ok(self.results()?.names.iter().map(String::as_str).collect())
    }

    /// Returns all hosts in the results.
    ///
    /// # Errors
    /// Returns an error if the scan was not run.
    pub fn hosts(&self) -> Result<&[Host<'static>]> {
        Ok(&self.results()?.hosts)
    }

    /// Returns a host.
    ///
    /// # Errors
    /// Returns an error if the scan was not run or the host is unknown.
    pub fn host(&self, host: &str) -> Result<&Host<'static>> {
        let (found, place) = self.place(host)?;
        found.hosts.get(place).ok_or_else(|| no_host(host))
    }

    /// Returns a port.
    ///
    /// # Errors
    /// Returns an error if the scan was not run, or if host, protocol or port are unknown.
    pub fn port(&self, host: &str, proto: &str, port: u16) -> Result<&Port<'static>> {
        let of_proto = self.ports_of(host, proto)?;
        let found = of_proto.into_iter().find(|known| known.number == port);
        found.ok_or_else(|| Error::scan(format!("port {port}/{proto} is not listed for {host}")))
    }

    /// Returns the ID of a host (DATA_MODEL section 2). It depends on the scan and the index of the host; for a
    /// merged host it depends on the identity only.
    ///
    /// # Errors
    /// Returns an error if the scan was not run or the host is unknown.
    pub fn host_id(&self, host: &str) -> Result<String> {
        let (found, place) = self.place(host)?;
        Ok(match found.origins.get(place) {
            Some(origin) => origin.host_id.clone(),
            None => host_id(&found.record.header.scan_id, self.host(host)?.index),
        })
    }

    /// Returns the IDs of the scans that saw a host; several if scans were merged.
    ///
    /// # Errors
    /// Returns an error if the scan was not run or the host is unknown.
    pub fn scan_ids(&self, host: &str) -> Result<Vec<&str>> {
        let (found, place) = self.place(host)?;
        let ids = found.origins.get(place).map_or(&found.scans, |origin| &origin.scans);
        Ok(ids.iter().map(String::as_str).collect())
    }

    /// Returns the state of a host, such as `up`.
    ///
    /// # Errors
    /// Returns an error if the scan was not run or the host is unknown.
    pub fn state(&self, host: &str) -> Result<&str> {
        Ok(self.host(host)?.status.state.as_str())
    }

    /// Returns the reason for the state of a host.
    ///
    /// # Errors
    /// Returns an error if the scan was not run or the host is unknown.
    pub fn reason(&self, host: &str) -> Result<Option<&str>> {
        Ok(self.host(host)?.status.reason.as_deref())
    }

    /// Returns the protocols for which ports of a host are listed.
    ///
    /// # Errors
    /// Returns an error if the scan was not run or the host is unknown.
    pub fn all_protocols(&self, host: &str) -> Result<Vec<&str>> {
        let mut protocols: Vec<&str> = Vec::new();
        for port in &self.host(host)?.ports {
            if !protocols.contains(&port.protocol.as_str()) {
                protocols.push(port.protocol.as_str());
            }
        }
        Ok(protocols)
    }

    /// Returns the numbers of the ports that are listed for a protocol.
    ///
    /// # Errors
    /// Returns an error if the scan was not run, or if host or protocol are unknown.
    pub fn scanned_ports(&self, host: &str, proto: &str) -> Result<Vec<u16>> {
        Ok(self.ports_of(host, proto)?.into_iter().map(|port| port.number).collect())
    }

    /// Returns the state of a port and the reason for it.
    ///
    /// # Errors
    /// Returns an error if the scan was not run, or if host, protocol or port are unknown.
    pub fn port_state(&self, host: &str, proto: &str, port: u16) -> Result<(&str, Option<&str>)> {
        let port = self.port(host, proto, port)?;
        Ok((port.state.as_str(), port.reason.as_deref()))
    }

    /// Returns the names of a host, each once.
    ///
    /// # Errors
    /// Returns an error if the scan was not run or the host is unknown.
    pub fn hostnames(&self, host: &str) -> Result<Vec<&str>> {
        let mut names: Vec<&str> = Vec::new();
        for name in &self.host(host)?.hostnames {
            if !names.contains(&&*name.name) {
                names.push(&name.name);
            }
        }
        Ok(names)
    }

    /// Returns the first service of a port with its scripts; `None` if there is no service. If a function of an
    /// engine ran on the port, an empty service is returned.
    ///
    /// # Errors
    /// Returns an error if the scan was not run, or if host, protocol or port are unknown.
    pub fn service(&self, host: &str, proto: &str, port: u16) -> Result<Option<ServiceView<'_>>> {
        Ok(ServiceView::of(self.port(host, proto, port)?))
    }

    /// Returns the first service of a port, to change its scripts.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::service`].
    pub fn service_mut(
        &mut self,
        host: &str,
        proto: &str,
        port: u16,
    ) -> Result<Option<ServiceViewMut<'_>>> {
        self.port(host, proto, port)?;
        let (_, place) = self.place(host)?;
        let of_host = self.results_mut()?.hosts.get_mut(place);
        let ports = of_host.into_iter().flat_map(|host| &mut host.ports);
        let mut fitting =
            ports.filter(|known| known.protocol.as_str() == proto && known.number == port);
        Ok(fitting.next().and_then(ServiceViewMut::of))
    }

    /// Returns the name of a port's service, and its product, version and extra information as one text. Both are
    /// `None` without a service.
    ///
    /// # Errors
    /// Returns an error if the scan was not run, or if host, protocol or port are unknown.
    pub fn standard_service_info(
        &self,
        host: &str,
        proto: &str,
        port: u16,
    ) -> Result<(Option<&str>, Option<String>)> {
        let service = self.service(host, proto, port)?;
        Ok(service.map_or((None, None), |service| (service.name(), Some(service.standard_info()))))
    }

    /// Returns the output of the host script with exactly this name. A script may have no output.
    ///
    /// # Errors
    /// Returns an error if the scan was not run, or if host or script are unknown.
    pub fn host_script(&self, host: &str, script: &str) -> Result<Option<&str>> {
        exact(&self.host(host)?.scripts, script)
    }

    /// Returns the names and outputs of host scripts whose name contains a text. The empty text selects all.
    ///
    /// # Errors
    /// Returns an error if the scan was not run or the host is unknown.
    pub fn host_scripts(&self, host: &str, containing: &str) -> Result<Vec<(&str, Option<&str>)>> {
        Ok(containing_name(&self.host(host)?.scripts, containing))
    }

    /// Returns the output of the script with exactly this name on a port. A script may have no output.
    ///
    /// # Errors
    /// Returns an error if the scan was not run, or if host, protocol, port or script are unknown.
    pub fn port_script(
        &self,
        host: &str,
        proto: &str,
        port: u16,
        script: &str,
    ) -> Result<Option<&str>> {
        exact(&self.port(host, proto, port)?.scripts, script)
    }

    /// Returns the names and outputs of a port's scripts whose name contains a text. The empty text selects all.
    ///
    /// # Errors
    /// Returns an error if the scan was not run, or if host, protocol or port are unknown.
    pub fn port_scripts(
        &self,
        host: &str,
        proto: &str,
        port: u16,
        containing: &str,
    ) -> Result<Vec<(&str, Option<&str>)>> {
        Ok(containing_name(&self.port(host, proto, port)?.scripts, containing))
    }

    /// Returns the operating systems that match, with their accuracy in percent, best first. Matches without a name
    /// are left out.
    ///
    /// # Errors
    /// Returns an error if the scan was not run or the host is unknown.
    pub fn os_matches(&self, host: &str) -> Result<Vec<(&str, Option<i32>)>> {
        let matches = self.host(host)?.os.matches.iter();
        let mut named: Vec<_> =
            matches.filter_map(|found| Some((found.name.as_deref()?, found.accuracy))).collect();
        named.sort_by_key(|(_, accuracy)| Reverse(*accuracy));
        Ok(named)
    }

    /// Returns all operating systems with the highest accuracy.
    ///
    /// # Errors
    /// Returns an error if the scan was not run or the host is unknown.
    pub fn most_accurate_os(&self, host: &str) -> Result<Vec<&str>> {
        let matches = self.os_matches(host)?;
        let best = matches.first().map(|(_, accuracy)| *accuracy);
        let of_best = matches.into_iter().filter(|(_, accuracy)| Some(*accuracy) == best);
        Ok(of_best.map(|(name, _)| name).collect())
    }

    /// Returns the first fingerprint of the operating system.
    ///
    /// # Errors
    /// Returns an error if the scan was not run or the host is unknown.
    pub fn os_fingerprint(&self, host: &str) -> Result<Option<&str>> {
        Ok(self.host(host)?.os.fingerprints.first().map(|found| &**found))
    }

    /// Returns the hops of the routes to a host.
    ///
    /// # Errors
    /// Returns an error if the scan was not run or the host is unknown.
    pub fn trace_info(&self, host: &str) -> Result<Vec<&TraceHop<'static>>> {
        Ok(self.host(host)?.traces.iter().flat_map(|trace| &trace.hops).collect())
    }

    /// Returns the ports of a protocol; an error if there are none.
    fn ports_of(&self, host: &str, proto: &str) -> Result<Vec<&Port<'static>>> {
        let ports = self.host(host)?.ports.iter();
        let fitting: Vec<_> = ports.filter(|port| port.protocol.as_str() == proto).collect();
        if fitting.is_empty() {
            return Err(Error::scan(format!(
                "no ports of protocol {proto:?} are listed for {host}"
            )));
        }
        Ok(fitting)
    }

    /// Returns the results and the index of a host in them.
    pub(super) fn place(&self, host: &str) -> Result<(&ScanResults, usize)> {
        let found = self.results()?;
        let place = found.place(host).ok_or_else(|| no_host(host))?;
        Ok((found, place))
    }
}

fn no_host(host: &str) -> Error {
    Error::scan(format!("there is no host {host:?} in this scan"))
}
