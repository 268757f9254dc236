//! Reads single elements of a host.

use super::super::{context::Context, names::Attribute, token::Attr, value};
use crate::{
    error::DiagnosticCode,
    model::{
        ExtraPorts, ExtraReason, Hostname, OsClass, OsMatch, OsPortUsed, PortState, Sequence,
        TcpSequence, Trace, TraceHop,
    },
};

pub(super) fn hostname<'f>(
    (attributes, at): (&[Attr<'f>], usize),
    context: &mut Context<'f, '_>,
) -> Option<Hostname<'f>> {
    let (mut name, mut kind, mut is_named) = (None, None, false);
    for attr in attributes {
        match attr.id {
            Attribute::Name => (name, is_named) = (context.text(attr), true),
            Attribute::Type => kind = context.text(attr),
            _ => {}
        }
    }
    if !is_named {
        context
            .diagnostics
            .add(DiagnosticCode::MissingAttr, at, || "a hostname without name is dropped".into());
    }
    Some(Hostname { name: name?, kind })
}

pub(super) fn extra_ports<'f>(
    attributes: &[Attr<'f>],
    context: &mut Context<'f, '_>,
) -> ExtraPorts<'f> {
    let mut extra = ExtraPorts { state: None, count: None, reasons: Vec::new() };
    for attr in attributes {
        match attr.id {
            Attribute::State => extra.state = context.text(attr).map(PortState::from_name),
            Attribute::Count => extra.count = context.int(attr),
            _ => {}
        }
    }
    extra
}

pub(super) fn extra_reason<'f>(
    attributes: &[Attr<'f>],
    context: &mut Context<'f, '_>,
) -> ExtraReason<'f> {
    let mut reason = ExtraReason { reason: None, count: None, proto: None, ports: None };
    for attr in attributes {
        match attr.id {
            Attribute::Reason => reason.reason = context.text(attr),
            Attribute::Count => reason.count = context.int(attr),
            Attribute::Proto => reason.proto = context.text(attr),
            Attribute::Ports => reason.ports = context.text(attr),
            _ => {}
        }
    }
    reason
}

pub(super) fn port_used<'f>(
    attributes: &[Attr<'f>],
    context: &mut Context<'f, '_>,
) -> OsPortUsed<'f> {
    let mut used = OsPortUsed { state: None, proto: None, port: None };
    for attr in attributes {
        match attr.id {
            Attribute::State => used.state = context.text(attr).map(PortState::from_name),
            Attribute::Proto => used.proto = context.text(attr),
            Attribute::Portid => used.port = context.int(attr),
            _ => {}
        }
    }
    used
}

pub(super) fn os_match<'f>(attributes: &[Attr<'f>], context: &mut Context<'f, '_>) -> OsMatch<'f> {
    let mut found = OsMatch { name: None, accuracy: None, line: None };
    for attr in attributes {
        match attr.id {
            Attribute::Name => found.name = context.text(attr),
            Attribute::Accuracy => found.accuracy = context.int(attr),
            Attribute::Line => found.line = context.int(attr),
            _ => {}
        }
    }
    found
}

pub(super) fn os_class<'f>(
    match_index: Option<i32>,
    attributes: &[Attr<'f>],
    context: &mut Context<'f, '_>,
) -> OsClass<'f> {
    let mut class = OsClass {
        match_index,
        kind: None,
        vendor: None,
        family: None,
        generation: None,
        accuracy: None,
        cpes: Vec::new(),
    };
    for attr in attributes {
        match attr.id {
            Attribute::Type => class.kind = context.text(attr),
            Attribute::Vendor => class.vendor = context.text(attr),
            Attribute::Osfamily => class.family = context.text(attr),
            Attribute::Osgen => class.generation = context.text(attr),
            Attribute::Accuracy => class.accuracy = context.int(attr),
            _ => {}
        }
    }
    class
}

pub(super) fn tcp_sequence<'f>(
    found: &mut TcpSequence<'f>,
    attr: &Attr<'f>,
    context: &mut Context<'f, '_>,
) {
    match attr.id {
        Attribute::Index => found.index = context.int(attr),
        Attribute::Difficulty => found.difficulty = context.text(attr),
        Attribute::Class => found.class = context.text(attr),
        Attribute::Values => found.values = context.text(attr),
        _ => {}
    }
}

pub(super) fn sequence<'f>(
    found: &mut Sequence<'f>,
    attr: &Attr<'f>,
    context: &mut Context<'f, '_>,
) {
    match attr.id {
        Attribute::Class => found.class = context.text(attr),
        Attribute::Values => found.values = context.text(attr),
        _ => {}
    }
}

pub(super) fn trace<'f>(attributes: &[Attr<'f>], context: &mut Context<'f, '_>) -> Trace<'f> {
    let mut trace = Trace::default();
    for attr in attributes {
        match attr.id {
            Attribute::Proto => trace.proto = context.text(attr),
            Attribute::Port => trace.port = context.int(attr),
            _ => {}
        }
    }
    trace
}

pub(super) fn hop<'f>(attributes: &[Attr<'f>], context: &mut Context<'f, '_>) -> TraceHop<'f> {
    let mut hop = TraceHop { ttl: None, rtt_ms: None, ip: None, hostname: None };
    for attr in attributes {
        match attr.id {
            Attribute::Ttl => hop.ttl = context.int(attr),
            // nmap writes two hyphens for an unknown time.
            Attribute::Rtt if context.plain(attr) != "--" => hop.rtt_ms = context.float(attr),
            Attribute::Ipaddr => {
                hop.ip = match context.plain(attr) {
                    "" => None,
                    text => {
                        let place = (context.values.bump, &mut *context.diagnostics);
                        Some(value::lone_address(text, attr.at, place))
                    }
                };
            }
            Attribute::Host => hop.hostname = context.text(attr),
            _ => {}
        }
    }
    hop
}
