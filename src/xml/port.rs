//! Reads the ports of a host and what listens there.

use std::collections::HashMap;

use super::{
    context::Context,
    names::{At, El},
    token::Attr,
    value,
};
use crate::{
    error::Code,
    model::{Port, PortState, Protocol, Script, Service, Text},
};

/// Protocols told apart before ports are looked up in a map.
const FEW_PROTOCOLS: usize = 8;

/// Gathers ports; the same protocol and number twice is one row.
#[derive(Debug, Default)]
pub(super) struct PortReader<'f> {
    ports: Vec<Port<'f>>,
    current: Option<Current<'f>>,
    service: Option<Service<'f>>,
    /// Protocols so far; while each comes in one ascending run, no port can be there twice.
    protocols: Vec<Protocol<'f>>,
    places: Option<HashMap<(Protocol<'f>, u16), usize>>,
    lost: bool,
}

#[derive(Debug)]
struct Current<'f> {
    number: Option<u16>,
    state: Option<PortState<'f>>,
    state_seen: bool,
    port: Port<'f>,
    at: usize,
}

impl<'f> PortReader<'f> {
    /// Whether a port is open.
    pub(super) fn is_open(&self) -> bool {
        self.current.is_some()
    }

    /// Whether ports were left out because they were too many.
    pub(super) fn lost(&self) -> bool {
        self.lost
    }

    /// All ports.
    pub(super) fn finish(self) -> Vec<Port<'f>> {
        self.ports
    }

    /// A `port` element or one in it begins.
    pub(super) fn open(
        &mut self,
        el: El,
        (attributes, at): (&[Attr<'f>], usize),
        context: &mut Context<'f, '_>,
    ) {
        match (el, &mut self.current) {
            (El::Port, _) => self.current = Some(begin(attributes, at, context)),
            (El::State, Some(current)) => current.read_state(attributes, context),
            (El::Owner, Some(current)) if current.port.owner.is_none() => {
                let name = attributes.iter().find(|attr| attr.id == At::Name);
                current.port.owner = name.and_then(|attr| context.text(attr));
            }
            (El::Service, Some(_)) => self.service = Some(service(attributes, context)),
            _ => {}
        }
    }

    /// A CPE of the open service; gives it back if no service is open.
    pub(super) fn cpe(&mut self, cpe: Text<'f>) -> Option<Text<'f>> {
        match &mut self.service {
            Some(service) => {
                service.cpes.push(cpe);
                None
            }
            None => Some(cpe),
        }
    }

    /// The banner of the open service, as masscan of 2013 writes it.
    pub(super) fn banner(&mut self, banner: Text<'f>) {
        if let Some(service) = &mut self.service {
            service.banner.get_or_insert(banner);
        }
    }

    /// A script of the open port.
    pub(super) fn script(&mut self, script: Script<'f>) {
        if let Some(current) = &mut self.current {
            current.port.scripts.push(script);
        }
    }

    /// An element ends.
    pub(super) fn close(&mut self, el: El, context: &mut Context<'f, '_>) {
        match el {
            El::Service => {
                if let (Some(current), Some(service)) = (&mut self.current, self.service.take())
                    && !service.is_empty()
                {
                    current.port.services.push(service);
                }
            }
            El::Port => {
                if let Some(current) = self.current.take() {
                    self.end_port(current, context);
                }
            }
            _ => {}
        }
    }

    fn end_port(&mut self, current: Current<'f>, context: &mut Context<'f, '_>) {
        let Current { number, state, mut port, at, .. } = current;
        let Some(number) = number else {
            let why = || "a port without a number from 0 to 65535".into();
            context.notes.add(Code::PortDropped, at, why);
            return;
        };
        let banner = port.services.iter().any(|service| service.banner.is_some());
        let Some(state) = state.or_else(|| banner.then_some(PortState::Open)) else {
            let why = || format!("port {number} without a state");
            context.notes.add(Code::PortDropped, at, why);
            return;
        };
        port.number = number;
        port.state = state;
        if let Some(known) = self.known(&port) {
            let name = port.protocol.as_str();
            context
                .notes
                .add(Code::DupPort, at, || format!("port {name}/{number} twice in a host"));
            known.services.append(&mut port.services);
            known.scripts.append(&mut port.scripts);
            return;
        }
        if self.ports.len() >= context.limits.ports {
            let cap = context.limits.ports;
            context.notes.add(Code::Limit, at, || format!("a host of more than {cap} ports"));
            self.lost = true;
            return;
        }
        port.index = i32::try_from(self.ports.len()).unwrap_or(i32::MAX);
        if let Some(places) = &mut self.places {
            places.insert((port.protocol.clone(), number), self.ports.len());
        }
        self.ports.push(port);
    }

    /// The port of the same protocol and number, if there is one.
    fn known(&mut self, port: &Port<'f>) -> Option<&mut Port<'f>> {
        if self.places.is_none() {
            match self.ports.last() {
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
        let ports = &self.ports;
        let places = self.places.get_or_insert_with(|| {
            let keys = ports.iter().map(|p| (p.protocol.clone(), p.number));
            keys.zip(0..).collect()
        });
        let place = *places.get(&(port.protocol.clone(), port.number))?;
        self.ports.get_mut(place)
    }
}

impl<'f> Current<'f> {
    /// The first `state` element counts.
    fn read_state(&mut self, attributes: &[Attr<'f>], context: &mut Context<'f, '_>) {
        if self.state_seen {
            return;
        }
        self.state_seen = true;
        for attr in attributes {
            match attr.id {
                At::State => self.state = context.text(attr).map(PortState::from_name),
                At::Reason => self.port.reason = context.text(attr),
                At::ReasonTtl => self.port.reason_ttl = context.int(attr),
                At::ReasonIp => {
                    self.port.reason_ip = match context.plain(attr) {
                        "" => None,
                        text => Some(value::lone_address(
                            text,
                            attr.at,
                            (context.values.bump, context.notes),
                        )),
                    };
                }
                _ => {}
            }
        }
    }
}

fn begin<'f>(attributes: &[Attr<'f>], at: usize, context: &mut Context<'f, '_>) -> Current<'f> {
    let (mut protocol, mut number) = (Protocol::Tcp, None);
    for attr in attributes {
        match attr.id {
            At::Protocol => {
                if let Some(name) = context.text(attr) {
                    protocol = Protocol::from_name(lower_case(name));
                }
            }
            At::Portid => {
                number = context.int::<i64>(attr).and_then(|n| u16::try_from(n).ok());
            }
            _ => {}
        }
    }
    let port = Port {
        protocol,
        number: 0,
        index: 0,
        state: PortState::Open,
        reason: None,
        reason_ttl: None,
        reason_ip: None,
        owner: None,
        services: Vec::new(),
        scripts: Vec::new(),
        expanded: false,
    };
    Current { number, state: None, state_seen: false, port, at }
}

fn lower_case(name: Text<'_>) -> Text<'_> {
    if name.chars().any(char::is_uppercase) { Text::Owned(name.to_lowercase()) } else { name }
}

fn service<'f>(attributes: &[Attr<'f>], context: &mut Context<'f, '_>) -> Service<'f> {
    let mut service = Service::default();
    for attr in attributes {
        match attr.id {
            At::Name => service.name = context.text(attr),
            At::Product => service.product = context.text(attr),
            At::Version => service.version = context.text(attr),
            At::Extrainfo => service.extra_info = context.text(attr),
            At::Hostname => service.hostname = context.text(attr),
            At::Ostype => service.os_type = context.text(attr),
            At::Devicetype => service.device_type = context.text(attr),
            At::Method => service.method = context.text(attr),
            At::Conf => service.confidence = context.int(attr),
            At::Tunnel => service.tunnel = context.text(attr),
            At::Proto => service.rpc_proto = context.text(attr),
            At::Rpcnum => service.rpc_num = context.int(attr),
            At::Lowver => service.low_ver = context.int(attr),
            At::Highver => service.high_ver = context.int(attr),
            At::Servicefp => service.fingerprint = context.text(attr),
            At::Banner => service.banner = context.text(attr),
            _ => {}
        }
    }
    service
}
