//! Turns hosts into the items of a list.

use super::{
    ListKind, ListPart,
    item::{Item, Place, Transport},
};
use crate::{
    error::Result,
    format::{Emit, ScanEncoder, Written},
    model::{Host, Port, ScanActivity, ScanHeader, ScanSummary, Service},
    nse::Certificate,
};

/// Rules by which hosts become items.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListRules {
    pub(super) kind: ListKind,
    /// Use the names of hosts instead of their addresses.
    pub(super) names: bool,
    /// Also use names in certificates.
    pub(super) certificates: bool,
    /// Leave out hosts of which the filters left no port.
    pub(super) needs_port: bool,
    pub(super) prefix_v4: u8,
    pub(super) prefix_v6: u8,
}

/// Collects the items of the hosts that one thread reads.
pub(super) struct ListEncoder {
    rules: ListRules,
    part: ListPart,
    /// Approximate size of the items, in bytes.
    bytes: usize,
}

impl ListEncoder {
    /// Creates an encoder without items.
    pub(super) fn new(rules: ListRules) -> Self {
        Self { rules, part: ListPart::default(), bytes: 0 }
    }

    /// Adds an item; counts it if there is none.
    fn push(&mut self, item: Option<Item>) {
        match item {
            Some(item) => {
                self.bytes = self.bytes.saturating_add(item.bytes());
                self.part.items.push(item);
            }
            None => self.part.left_out = self.part.left_out.saturating_add(1),
        }
    }

    /// Adds an item per place of a host.
    fn push_places(&mut self, host: &Host<'_>, item: impl Fn(Place) -> Item) {
        for place in self.places(host) {
            self.push(Some(item(place)));
        }
    }

    /// Returns the places of a host: its names if they are asked for and it has any, or else its address, or else its
    /// first name.
    fn places(&mut self, host: &Host<'_>) -> Vec<Place> {
        let names = || host.hostnames.iter().filter_map(|name| Place::of_name(&name.name));
        if self.rules.names {
            let names: Vec<_> = names().collect();
            if !names.is_empty() {
                return names;
            }
        }
        let place = host.ip().and_then(Place::of_address).or_else(|| names().next());
        if place.is_none() {
            self.push(None);
        }
        place.into_iter().collect()
    }

    fn add(&mut self, host: &Host<'_>) {
        if self.rules.needs_port && host.ports.is_empty() {
            return;
        }
        let ListRules { kind, prefix_v4, prefix_v6, .. } = self.rules;
        match kind {
            ListKind::Hosts | ListKind::Targets => self.push_places(host, Item::Host),
            ListKind::Names => {
                for name in &host.hostnames {
                    self.push(Place::of_name(&name.name).map(Item::Host));
                }
                for port in &host.ports {
                    for name in self.certificate_names(port) {
                        self.push(Some(Item::Host(name)));
                    }
                }
            }
            ListKind::Subnets => {
                let ip = host.ip().and_then(|address| address.ip);
                self.push(ip.map(|ip| Item::subnet(ip, (prefix_v4, prefix_v6))));
            }
            ListKind::Ports => {
                for port in &host.ports {
                    let key =
                        Transport::of(&port.protocol).map(|transport| (transport, port.number));
                    if let Some(key) = key {
                        self.push(Some(Item::Port(key)));
                    }
                }
            }
            ListKind::HostPorts | ListKind::HostPortGroups => self.endpoints(host),
            ListKind::Urls => self.urls(host),
            ListKind::Services => {
                for service in host.ports.iter().flat_map(|port| &port.services) {
                    if let Some(name) = &service.name {
                        self.push(Item::service(name, service.tunnel.as_deref()));
                    }
                }
            }
        }
    }

    fn endpoints(&mut self, host: &Host<'_>) {
        let key = |port: &Port<'_>| Some((Transport::of(&port.protocol)?, port.number));
        let keys: Vec<_> = host.ports.iter().filter_map(key).collect();
        if keys.is_empty() {
            return;
        }
        for place in self.places(host) {
            for (transport, port) in &keys {
                let place = place.clone();
                self.push(Some(match self.rules.kind {
                    ListKind::HostPortGroups => Item::HostPort(place, (*transport, *port)),
                    _ => Item::Endpoint(place, *port),
                }));
            }
        }
    }

    fn urls(&mut self, host: &Host<'_>) {
        let is_web = |port: &&Port<'_>| {
            let is_tcp = Transport::of(&port.protocol) == Some(Transport::Tcp);
            is_tcp && port.services.iter().any(|service| is_secure_web(service).is_some())
        };
        let web: Vec<&Port<'_>> = host.ports.iter().filter(is_web).collect();
        if web.is_empty() {
            return;
        }
        let places = self.places(host);
        for port in web {
            let places = places.iter().cloned().chain(self.certificate_names(port));
            for place in places.collect::<Vec<_>>() {
                for is_secure in port.services.iter().filter_map(is_secure_web) {
                    self.push(Some(Item::Url(place.clone(), port.number, is_secure)));
                }
            }
        }
    }

    /// Returns the names in the certificates of a port, if they are asked for. Names for many hosts, such as
    /// `*.example`, are none of a host.
    fn certificate_names(&self, port: &Port<'_>) -> Vec<Place> {
        if !self.rules.certificates {
            return Vec::new();
        }
        let names = port.scripts.iter().filter_map(Certificate::of).flat_map(|certificate| {
            certificate.names.into_iter().chain(certificate.subject.common_name)
        });
        names.filter_map(|name| Place::of_name(&name)).collect()
    }
}

/// Returns if a web server is reached through TLS; `None` if a service is not a web server.
///
/// Names that begin or end with `http` or `https` are web servers, such as `http-proxy` and `wbem-https`, except
/// Microsoft's RPC over HTTP.
fn is_secure_web(service: &Service<'_>) -> Option<bool> {
    let name = service.name.as_deref()?.to_ascii_lowercase();
    let is_web = name.starts_with("http") || name.ends_with("http") || name.ends_with("https");
    let is_secure =
        name.starts_with("https") || name.ends_with("https") || service.tunnel.is_some();
    (is_web && name != "http-rpc-epmap").then_some(is_secure)
}

impl ScanEncoder for ListEncoder {
    type Chunk = ListPart;

    fn host(&mut self, _: &ScanHeader, host: &Host<'_>, _: Emit<'_, ListPart>) -> Result<()> {
        self.add(host);
        Ok(())
    }

    fn activity(&mut self, _: &ScanHeader, _: i32, _: &ScanActivity) -> Result<()> {
        Ok(())
    }

    fn scan_end(&mut self, _: &str, _: ScanSummary) -> Result<()> {
        Ok(())
    }

    fn take_written(&mut self) -> Written {
        Written::default()
    }

    fn buffered_bytes(&self) -> usize {
        self.bytes
    }

    fn emitted_bytes(part: &ListPart) -> usize {
        part.items.iter().fold(0, |sum, item| sum.saturating_add(item.bytes()))
    }

    fn take(&mut self) -> Vec<ListPart> {
        self.bytes = 0;
        let part = std::mem::take(&mut self.part);
        if part.items.is_empty() && part.left_out == 0 { Vec::new() } else { vec![part] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_servers_are_known_by_their_names_and_tunnel() {
        for (name, tunnel, is_secure) in [
            ("http", None, Some(false)),
            ("http", Some("ssl"), Some(true)),
            ("https", None, Some(true)),
            ("https-alt", None, Some(true)),
            ("http-proxy", None, Some(false)),
            ("HTTP-alt", None, Some(false)),
            ("wbem-https", None, Some(true)),
            ("wbem-http", None, Some(false)),
            ("http-rpc-epmap", None, None),
            ("ssh", None, None),
            ("ssl", None, None),
        ] {
            let (name, tunnel) = (Some(name.into()), tunnel.map(Into::into));
            let service = Service { name, tunnel, ..Service::default() };
            assert_eq!(is_secure_web(&service), is_secure, "{service:?}");
        }
    }
}
