//! What was found, by host, protocol and port. A host is named by its address as a text, or, if it has none, as
//! [`Scanner::scanned_hosts`] does. Whatever is unknown, and a scan that has not ended, is
//! [`ErrorKind::Scan`](crate::error::ErrorKind::Scan).

use std::cmp::Reverse;

use super::{
    Scanner, ServiceView, ServiceViewMut,
    found::Found,
    service::{containing_name, exact},
};
use crate::{
    error::{Error, Result},
    model::{Host, Port, TraceHop, host_id},
};

impl Scanner {
    /// The hosts that the scan tells of, whatever their state, in its order.
    ///
    /// # Errors
    /// If the scan was not run.
    pub fn scanned_hosts(&self) -> Result<Vec<&str>> {
        Ok(self.found()?.names.iter().map(String::as_str).collect())
    }

    /// The same with all that is known of them.
    ///
    /// # Errors
    /// If the scan was not run.
    pub fn hosts(&self) -> Result<&[Host<'static>]> {
        Ok(&self.found()?.hosts)
    }

    /// All that is known of a host.
    ///
    /// # Errors
    /// If the scan was not run, or the host is unknown.
    pub fn host(&self, host: &str) -> Result<&Host<'static>> {
        let (found, place) = self.place(host)?;
        found.hosts.get(place).ok_or_else(|| no_host(host))
    }

    /// All that is known of a port.
    ///
    /// # Errors
    /// If the scan was not run, or host, protocol or port are unknown.
    pub fn port(&self, host: &str, proto: &str, port: u16) -> Result<&Port<'static>> {
        let of_proto = self.ports_of(host, proto)?;
        let found = of_proto.into_iter().find(|known| known.number == port);
        found.ok_or_else(|| Error::scan(format!("port {port}/{proto} is not listed of {host}")))
    }

    /// The id of a host (DATA_MODEL section 2): of its scan and place, and of a merged one of its identity alone.
    ///
    /// # Errors
    /// If the scan was not run, or the host is unknown.
    pub fn host_id(&self, host: &str) -> Result<String> {
        let (found, place) = self.place(host)?;
        Ok(match found.origins.get(place) {
            Some(origin) => origin.host_id.clone(),
            None => host_id(&found.record.header.scan_id, self.host(host)?.index),
        })
    }

    /// The ids of the scans that told of a host; several if scans were merged.
    ///
    /// # Errors
    /// If the scan was not run, or the host is unknown.
    pub fn scan_ids(&self, host: &str) -> Result<Vec<&str>> {
        let (found, place) = self.place(host)?;
        let ids = found.origins.get(place).map_or(&found.scans, |origin| &origin.scans);
        Ok(ids.iter().map(String::as_str).collect())
    }

    /// A host's state, such as `up`.
    ///
    /// # Errors
    /// If the scan was not run, or the host is unknown.
    pub fn state(&self, host: &str) -> Result<&str> {
        Ok(self.host(host)?.status.state.as_str())
    }

    /// Why it is in its state.
    ///
    /// # Errors
    /// If the scan was not run, or the host is unknown.
    pub fn reason(&self, host: &str) -> Result<Option<&str>> {
        Ok(self.host(host)?.status.reason.as_deref())
    }

    /// The protocols of which ports are listed.
    ///
    /// # Errors
    /// If the scan was not run, or the host is unknown.
    pub fn all_protocols(&self, host: &str) -> Result<Vec<&str>> {
        let mut protocols: Vec<&str> = Vec::new();
        for port in &self.host(host)?.ports {
            if !protocols.contains(&port.protocol.as_str()) {
                protocols.push(port.protocol.as_str());
            }
        }
        Ok(protocols)
    }

    /// Numbers of the ports that are listed.
    ///
    /// # Errors
    /// If the scan was not run, or host or protocol are unknown.
    pub fn scanned_ports(&self, host: &str, proto: &str) -> Result<Vec<u16>> {
        Ok(self.ports_of(host, proto)?.into_iter().map(|port| port.number).collect())
    }

    /// A port's state, and why.
    ///
    /// # Errors
    /// If the scan was not run, or host, protocol or port are unknown.
    pub fn port_state(&self, host: &str, proto: &str, port: u16) -> Result<(&str, Option<&str>)> {
        let port = self.port(host, proto, port)?;
        Ok((port.state.as_str(), port.reason.as_deref()))
    }

    /// A host's names, each once.
    ///
    /// # Errors
    /// If the scan was not run, or the host is unknown.
    pub fn hostnames(&self, host: &str) -> Result<Vec<&str>> {
        let mut names: Vec<&str> = Vec::new();
        for name in &self.host(host)?.hostnames {
            if !names.contains(&&*name.name) {
                names.push(&name.name);
            }
        }
        Ok(names)
    }

    /// The first service of a port, with its scripts; `None` if there is none. An empty one is given if an
    /// engine's function ran there.
    ///
    /// # Errors
    /// If the scan was not run, or host, protocol or port are unknown.
    pub fn service(&self, host: &str, proto: &str, port: u16) -> Result<Option<ServiceView<'_>>> {
        Ok(ServiceView::of(self.port(host, proto, port)?))
    }

    /// The same, to change its scripts.
    ///
    /// # Errors
    /// As for [`Self::service`].
    pub fn service_mut(
        &mut self,
        host: &str,
        proto: &str,
        port: u16,
    ) -> Result<Option<ServiceViewMut<'_>>> {
        self.port(host, proto, port)?;
        let (_, place) = self.place(host)?;
        let of_host = self.found_mut()?.hosts.get_mut(place);
        let ports = of_host.into_iter().flat_map(|host| &mut host.ports);
        let mut fitting =
            ports.filter(|known| known.protocol.as_str() == proto && known.number == port);
        Ok(fitting.next().and_then(ServiceViewMut::of))
    }

    /// The name of a port's service, and its product, version and further information in one text; two `None`
    /// without a service.
    ///
    /// # Errors
    /// If the scan was not run, or host, protocol or port are unknown.
    pub fn standard_service_info(
        &self,
        host: &str,
        proto: &str,
        port: u16,
    ) -> Result<(Option<&str>, Option<String>)> {
        let service = self.service(host, proto, port)?;
        Ok(service.map_or((None, None), |service| (service.name(), Some(service.standard_info()))))
    }

    /// What the host script of exactly this name gave; `None` is a value too.
    ///
    /// # Errors
    /// If the scan was not run, or host or script are unknown.
    pub fn host_script(&self, host: &str, script: &str) -> Result<Option<&str>> {
        exact(&self.host(host)?.scripts, script)
    }

    /// Names and outputs of the host scripts whose name contains a text, the empty one for all.
    ///
    /// # Errors
    /// If the scan was not run, or the host is unknown.
    pub fn host_scripts(&self, host: &str, containing: &str) -> Result<Vec<(&str, Option<&str>)>> {
        Ok(containing_name(&self.host(host)?.scripts, containing))
    }

    /// What the script of exactly this name gave on a port; `None` is a value too.
    ///
    /// # Errors
    /// If the scan was not run, or host, protocol, port or script are unknown.
    pub fn port_script(
        &self,
        host: &str,
        proto: &str,
        port: u16,
        script: &str,
    ) -> Result<Option<&str>> {
        exact(&self.port(host, proto, port)?.scripts, script)
    }

    /// Names and outputs of a port's scripts whose name contains a text, the empty one for all.
    ///
    /// # Errors
    /// If the scan was not run, or host, protocol or port are unknown.
    pub fn port_scripts(
        &self,
        host: &str,
        proto: &str,
        port: u16,
        containing: &str,
    ) -> Result<Vec<(&str, Option<&str>)>> {
        Ok(containing_name(&self.port(host, proto, port)?.scripts, containing))
    }

    /// Operating systems that fit, with their accuracy in percent, the best first. Those without a name are left out.
    ///
    /// # Errors
    /// If the scan was not run, or the host is unknown.
    pub fn os_matches(&self, host: &str) -> Result<Vec<(&str, Option<i32>)>> {
        let matches = self.host(host)?.os.matches.iter();
        let mut named: Vec<_> =
            matches.filter_map(|found| Some((found.name.as_deref()?, found.accuracy))).collect();
        named.sort_by_key(|(_, accuracy)| Reverse(*accuracy));
        Ok(named)
    }

    /// All operating systems of the highest accuracy.
    ///
    /// # Errors
    /// If the scan was not run, or the host is unknown.
    pub fn most_accurate_os(&self, host: &str) -> Result<Vec<&str>> {
        let matches = self.os_matches(host)?;
        let best = matches.first().map(|(_, accuracy)| *accuracy);
        let of_best = matches.into_iter().filter(|(_, accuracy)| Some(*accuracy) == best);
        Ok(of_best.map(|(name, _)| name).collect())
    }

    /// The first fingerprint of an operating system.
    ///
    /// # Errors
    /// If the scan was not run, or the host is unknown.
    pub fn os_fingerprint(&self, host: &str) -> Result<Option<&str>> {
        Ok(self.host(host)?.os.fingerprints.first().map(|found| &**found))
    }

    /// The hops of the routes to a host.
    ///
    /// # Errors
    /// If the scan was not run, or the host is unknown.
    pub fn trace_info(&self, host: &str) -> Result<Vec<&TraceHop<'static>>> {
        Ok(self.host(host)?.traces.iter().flat_map(|trace| &trace.hops).collect())
    }

    /// The ports of a protocol of which there are some.
    fn ports_of(&self, host: &str, proto: &str) -> Result<Vec<&Port<'static>>> {
        let ports = self.host(host)?.ports.iter();
        let fitting: Vec<_> = ports.filter(|port| port.protocol.as_str() == proto).collect();
        if fitting.is_empty() {
            return Err(Error::scan(format!(
                "no ports of protocol {proto:?} are listed of {host}"
            )));
        }
        Ok(fitting)
    }

    /// The place of a host.
    pub(super) fn place(&self, host: &str) -> Result<(&Found, usize)> {
        let found = self.found()?;
        let place = found.place(host).ok_or_else(|| no_host(host))?;
        Ok((found, place))
    }
}

fn no_host(host: &str) -> Error {
    Error::scan(format!("there is no host {host:?} in this scan"))
}
