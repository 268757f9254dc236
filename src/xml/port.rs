//! Reads the ports of a host and their services.

use std::collections::HashMap;

use super::{
    budget::Entry,
    context::Context,
    names::{Attribute, Element},
    token::Attr,
    value,
};
use crate::{
    error::DiagnosticCode,
    model::{CowStr, Port, PortState, Protocol, Script, Service},
};

/// Maximum number of protocols before ports are looked up in a map.
const FEW_PROTOCOLS: usize = 8;

/// Collects ports; a repeated protocol and number is one row.
#[derive(Debug, Default)]
pub(super) struct PortReader<'f> {
    ports: Vec<Port<'f>>,
    /// Open port; until it ends it is the last element of `ports`.
    current: Option<Current<'f>>,
    /// True if a service of the open port, its last one, is open.
    in_service: bool,
    places: Places<'f>,
    lost: bool,
}

#[derive(Debug)]
struct Current<'f> {
    number: Option<u16>,
    state: Option<PortState<'f>>,
    state_seen: bool,
    at: usize,
    /// Memory spent before the port, and before its open service.
    spent: usize,
    spent_before_service: usize,
}

impl<'f> PortReader<'f> {
    /// Returns true if a port is open.
    pub(super) fn is_open(&self) -> bool {
        self.current.is_some()
    }

    /// Returns true if ports were omitted because they were too many.
    pub(super) fn lost(&self) -> bool {
        self.lost
    }

    /// Returns all ports.
    pub(super) fn finish(self) -> Vec<Port<'f>> {
        self.ports
    }

    /// Returns the open port.
    fn port(&mut self) -> Option<&mut Port<'f>> {
        self.current.as_ref().and(self.ports.last_mut())
    }

    /// Returns the open service.
    fn service(&mut self) -> Option<&mut Service<'f>> {
        let open = self.in_service;
        self.port().filter(|_| open)?.services.last_mut()
    }

    /// Handles the start of a `port` element or of one inside it.
    pub(super) fn open(
        &mut self,
        el: Element,
        (attributes, at): (&[Attr<'f>], usize),
        context: &mut Context<'f, '_>,
    ) {
        if el == Element::Port {
            if self.current.is_some() {
                self.ports.pop();
            }
            self.in_service = false;
            self.current = None;
            let spent = context.budget.spent();
            if !context.charge(Entry::Port, at) {
                return;
            }
            let (port, number) = begin((attributes, at), context);
            self.ports.push(port);
            let (state, state_seen, spent_before_service) = (None, false, spent);
            self.current =
                Some(Current { number, state, state_seen, at, spent, spent_before_service });
            return;
        }
        let (Some(current), Some(port)) = (&mut self.current, self.ports.last_mut()) else {
            return;
        };
        match el {
            Element::State => current.read_state(port, attributes, context),
            Element::Owner if port.owner.is_none() => {
                let name = attributes.iter().find(|attr| attr.id == Attribute::Name);
                port.owner = name.and_then(|attr| context.text(attr));
            }
            Element::Service => {
                if self.in_service {
                    port.services.pop();
                }
                self.in_service = false;
                current.spent_before_service = context.budget.spent();
                if !context.charge(Entry::Service, at) {
                    return;
                }
                if port.services.is_empty() {
                    // Usually there is exactly one.
                    port.services.reserve_exact(1);
                }
                port.services.push(Service::default());
                self.in_service = true;
                if let Some(service) = port.services.last_mut() {
                    read_service(service, attributes, context);
                }
            }
            _ => {}
        }
    }

    /// Adds a CPE to the open service. Returns it if no service is open.
    pub(super) fn cpe(&mut self, cpe: CowStr<'f>) -> Option<CowStr<'f>> {
        match self.service() {
            Some(service) => {
                service.cpes.push(cpe);
                None
            }
            None => Some(cpe),
        }
    }

    /// Sets the banner of the open service, as masscan of 2013 writes it.
    pub(super) fn banner(&mut self, banner: CowStr<'f>) {
        if let Some(service) = self.service() {
            service.banner.get_or_insert(banner);
        }
    }

    /// Adds a script to the open port.
    pub(super) fn script(&mut self, script: Script<'f>) {
        if let Some(port) = self.port() {
            port.scripts.push(script);
        }
    }

    /// Handles the end of an element.
    pub(super) fn close(&mut self, el: Element, context: &mut Context<'f, '_>) {
        match el {
            Element::Service => {
                let empty = self.service().is_some_and(|service| service.is_empty());
                if empty && let Some(port) = self.port() {
                    port.services.pop();
                    let before = self.current.as_ref().map(|current| current.spent_before_service);
                    context.budget.refund(before.unwrap_or(context.budget.spent()));
                }
                self.in_service = false;
            }
            Element::Port => {
                if let Some(current) = self.current.take()
                    && !self.end_port(current, context)
                {
                    self.ports.pop();
                }
            }
            _ => {}
        }
    }

    /// Completes the last port. Returns false if it must not be kept.
    fn end_port(&mut self, current: Current<'f>, context: &mut Context<'f, '_>) -> bool {
        let Current { number, state, at, spent, .. } = current;
        let Some((port, earlier)) = self.ports.split_last_mut() else { return false };
        let Some(number) = number else {
            let why = || "a port without a number from 0 to 65535".into();
            context.diagnostics.add(DiagnosticCode::PortDropped, at, why);
            context.budget.refund(spent);
            return false;
        };
        let banner = || port.services.iter().any(|service| service.banner.is_some());
        let Some(state) = state.or_else(|| banner().then_some(PortState::Open)) else {
            let why = || format!("port {number} without a state");
            context.diagnostics.add(DiagnosticCode::PortDropped, at, why);
            context.budget.refund(spent);
            return false;
        };
        port.number = number;
        port.state = state;
        if let Some(place) = self.places.find(earlier, port) {
            context.budget.refund(context.budget.spent().saturating_sub(Entry::Port.cost()));
            let name = port.protocol.as_str();
            context.diagnostics.add(DiagnosticCode::DupPort, at, || {
                format!("port {name}/{number} twice in a host")
            });
            if let Some(known) = earlier.get_mut(place) {
                known.services.append(&mut port.services);
                known.scripts.append(&mut port.scripts);
            }
            return false;
        }
        if earlier.len() >= context.limits.max_ports {
            let cap = context.limits.max_ports;
            context
                .diagnostics
                .add(DiagnosticCode::Limit, at, || format!("a host of more than {cap} ports"));
            context.budget.refund(spent);
            self.lost = true;
            return false;
        }
        port.index = i32::try_from(earlier.len()).unwrap_or(i32::MAX);
        self.places.add(port, earlier.len());
        true
    }
}

/// Index of the ports of a host.
#[derive(Debug, Default)]
struct Places<'f> {
    /// Protocols so far. While each occurs in one ascending sequence, no port can occur twice.
    protocols: Vec<Protocol<'f>>,
    map: Option<HashMap<(Protocol<'f>, u16), usize>>,
}

impl<'f> Places<'f> {
    /// Returns the index of an earlier port with the same protocol and number.
    fn find(&mut self, ports: &[Port<'f>], port: &Port<'f>) -> Option<usize> {
        if self.map.is_none() {
            match ports.last() {
                Some(last) if last.protocol == port.protocol && last.number < port.number => {
                    return None;
                }
                last => {
                    let new_run = last.is_none_or(|last| last.protocol != port.protocol);
                    let new = new_run && !self.protocols.contains(&port.protocol);
                    if new && self.protocols.len() < FEW_PROTOCOLS {
                        self.protocols.push(port.protocol.clone());
                        return None;
                    }
                }
            }
        }
        let map = self.map.get_or_insert_with(|| {
            let keys = ports.iter().map(|p| (p.protocol.clone(), p.number));
            keys.zip(0..).collect()
        });
        map.get(&(port.protocol.clone(), port.number)).copied()
    }

    fn add(&mut self, port: &Port<'f>, place: usize) {
        if let Some(map) = &mut self.map {
            map.insert((port.protocol.clone(), port.number), place);
        }
    }
}

impl<'f> Current<'f> {
    /// Reads a `state` element; the first one counts.
    fn read_state(
        &mut self,
        port: &mut Port<'f>,
        attributes: &[Attr<'f>],
        context: &mut Context<'f, '_>,
    ) {
        if self.state_seen {
            return;
        }
        self.state_seen = true;
        for attr in attributes {
            match attr.id {
                Attribute::State => self.state = context.text(attr).map(PortState::from_name),
                Attribute::Reason => port.reason = context.text(attr),
                Attribute::ReasonTtl => port.reason_ttl = context.int(attr),
                Attribute::ReasonIp => {
                    port.reason_ip = match context.plain(attr) {
                        "" => None,
                        text => Some(value::lone_address(
                            text,
                            attr.at,
                            (context.values.bump, context.diagnostics),
                        )),
                    };
                }
                _ => {}
            }
        }
    }
}

fn begin<'f>(
    (attributes, at): (&[Attr<'f>], usize),
    context: &mut Context<'f, '_>,
) -> (Port<'f>, Option<u16>) {
    let (mut protocol, mut number) = (None, None);
    for attr in attributes {
        match attr.id {
            Attribute::Protocol => {
                if let Some(name) = context.text(attr) {
                    protocol = Some(Protocol::from_name(lower_case(name)));
                }
            }
            Attribute::Portid => {
                number = context.int::<i64>(attr).and_then(|n| u16::try_from(n).ok());
            }
            _ => {}
        }
    }
    let protocol = protocol.unwrap_or_else(|| {
        context.diagnostics.add(DiagnosticCode::MissingAttr, at, || {
            "a port without protocol is read as tcp".into()
        });
        Protocol::Tcp
    });
    (Port::new(protocol, 0, PortState::Open), number)
}

fn lower_case(name: CowStr<'_>) -> CowStr<'_> {
    let plain = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if !plain && name.chars().any(char::is_uppercase) {
        CowStr::Owned(name.to_lowercase())
    } else {
        name
    }
}

fn read_service<'f>(
    service: &mut Service<'f>,
    attributes: &[Attr<'f>],
    context: &mut Context<'f, '_>,
) {
    for attr in attributes {
        match attr.id {
            Attribute::Name => service.name = context.text(attr),
            Attribute::Product => service.product = context.text(attr),
            Attribute::Version => service.version = context.text(attr),
            Attribute::Extrainfo => service.extra_info = context.text(attr),
            Attribute::Hostname => service.hostname = context.text(attr),
            Attribute::Ostype => service.os_type = context.text(attr),
            Attribute::Devicetype => service.device_type = context.text(attr),
            Attribute::Method => service.method = context.text(attr),
            Attribute::Conf => service.confidence = context.int(attr),
            Attribute::Tunnel => service.tunnel = context.text(attr),
            Attribute::Proto => service.rpc_proto = context.text(attr),
            Attribute::Rpcnum => service.rpc_num = context.int(attr),
            Attribute::Lowver => service.low_ver = context.int(attr),
            Attribute::Highver => service.high_ver = context.int(attr),
            Attribute::Servicefp => service.fingerprint = context.text(attr),
            Attribute::Banner => service.banner = context.text(attr),
            _ => {}
        }
    }
}
