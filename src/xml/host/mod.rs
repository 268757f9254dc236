//! Reads one host.

mod elements;
mod frame_reader;

pub(super) use self::frame_reader::{context, parse_host, tokens};
use super::{
    budget::{Budget, Entry, text_of},
    context::{Context, TextBuffer},
    diagnostics::oversized_tag,
    names::{Attribute, Element},
    port::PortReader,
    scan_elements::{self, PositionedElement, ScanElementReader, borrow},
    script::ScriptBuilder,
    text::ValueKind,
    token::{Attr, Token, Tokens},
    walk::{ElementStack, Visitor, WalkEnd},
};
use crate::{
    error::DiagnosticCode,
    model::{Host, HostState, PortState},
};

/// Host, and the other contents of its frame.
pub(super) struct HostRead<'f> {
    pub(super) host: Host<'f>,
    /// Elements of the scan that stood inside the host.
    pub(super) items: Vec<PositionedElement>,
    /// Length in bytes of the part of the frame's text that belongs to the host.
    pub(super) len: usize,
}

/// Reads the host in a frame.
pub(super) fn read<'f>(
    text: &'f str,
    tokens: &mut Tokens<'f>,
    index: i32,
    context: &mut Context<'f, '_>,
) -> HostRead<'f> {
    let mut visitor = HostVisitor::new(index);
    let mut len = text.len();
    let mut closed = false;
    // The framer ensures that the first tag is that of a host.
    if let Some(Token::Start { empty, at, .. }) = tokens.next(context.diagnostics) {
        if tokens.is_too_long(at) {
            context
                .diagnostics
                .add(DiagnosticCode::Limit, at, || oversized_tag(Element::Host.name()));
        }
        visitor.begin(tokens.attributes(), context);
        let mut stack = ElementStack::new(Element::Host);
        let exit = if empty { WalkEnd::Closed } else { stack.walk(tokens, &mut visitor, context) };
        match exit {
            // Text in the frame after its end tag does not belong to the host.
            WalkEnd::Closed => (closed, len) = (true, tokens.place()),
            WalkEnd::Left(at) => {
                context.diagnostics.add(DiagnosticCode::ImplicitClose, at, host_closed);
                len = at;
            }
            WalkEnd::End => {}
        }
        stack.close_all(&mut visitor, context);
    }
    visitor.finish(closed, len, &context.budget)
}

/// Returns the message about a host without an end tag.
pub(super) fn host_closed() -> String {
    "a host is closed, its end tag is missing".into()
}

/// Returns the parts that determine the ID of a scan without `args`: address, `protocol/portid` and endtime of its
/// first host, as written (DATA_MODEL section 2).
pub(super) fn first_host_parts<'f>(
    tokens: &mut Tokens<'f>,
    context: &mut Context<'f, '_>,
) -> [String; 3] {
    let (mut addr, mut port, mut end) = (None, None, String::new());
    let mut first = true;
    while let Some(token) = tokens.next(context.diagnostics) {
        let Token::Start { name: super::token::Name::Known(el), .. } = token else { continue };
        let attributes = tokens.attributes();
        let mut get = |id| {
            let found = attributes.iter().find(|attr| attr.id == id);
            found.map_or("", |attr| context.plain(attr))
        };
        match el {
            Element::Host if first => get(Attribute::Endtime).clone_into(&mut end),
            Element::Address if addr.is_none() => addr = Some(get(Attribute::Addr).to_owned()),
            Element::Port if port.is_none() => {
                port = Some(format!("{}/{}", get(Attribute::Protocol), get(Attribute::Portid)));
            }
            _ => {}
        }
        first = false;
        if addr.is_some() && port.is_some() {
            break;
        }
    }
    [addr.unwrap_or_default(), port.unwrap_or_else(|| "/".into()), end]
}

struct HostVisitor<'f> {
    host: Host<'f>,
    ports: PortReader<'f>,
    script: Option<ScriptBuilder<'f>>,
    scan_elements: ScanElementReader,
    items: Vec<PositionedElement>,
    text: TextBuffer<'f>,
    /// Bit set of the elements that count once and were read.
    seen: u64,
    /// True if a status with a state was read.
    state_known: bool,
}

/// Returns the list entry of a host that an element adds, except for elements inside ports and scripts.
const fn listed(el: Element) -> Option<Entry> {
    Some(match el {
        Element::Address => Entry::Address,
        Element::Hostname => Entry::Hostname,
        Element::Extraports => Entry::ExtraPorts,
        Element::Extrareasons => Entry::ExtraReason,
        Element::Portused => Entry::PortUsed,
        Element::Osmatch => Entry::OsMatch,
        Element::Osclass => Entry::OsClass,
        Element::Osfingerprint => Entry::Fingerprint,
        Element::Trace => Entry::Trace,
        Element::Hop => Entry::Hop,
        _ => return None,
    })
}

impl<'f> HostVisitor<'f> {
    fn new(index: i32) -> Self {
        Self {
            host: Host::new(index),
            ports: PortReader::default(),
            script: None,
            scan_elements: ScanElementReader::default(),
            items: Vec::new(),
            text: TextBuffer::default(),
            seen: 0,
            state_known: false,
        }
    }

    fn begin(&mut self, attributes: &[Attr<'f>], context: &mut Context<'f, '_>) {
        for attr in attributes {
            match attr.id {
                Attribute::Starttime => self.host.start_time = context.time(attr),
                Attribute::Endtime => self.host.end_time = context.time(attr),
                Attribute::Timedout => self.host.timed_out = context.boolean(attr),
                Attribute::Comment => self.host.comment = context.text(attr),
                _ => {}
            }
        }
    }

    fn finish(self, closed: bool, len: usize, budget: &Budget) -> HostRead<'f> {
        let mut host = self.host;
        host.complete = closed && !budget.is_full() && !self.ports.lost();
        host.ports = self.ports.finish();
        let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        host.ports_listed = count(host.ports.len());
        host.ports_open = count(host.ports.iter().filter(|p| p.state == PortState::Open).count());
        if !self.state_known {
            infer_status(&mut host);
        }
        HostRead { host, items: self.items, len }
    }

    /// Returns true if this is the first element of its name in the host; a second one is not read.
    fn first(&mut self, el: Element) -> bool {
        let new = self.seen & el.bit() == 0;
        self.seen |= el.bit();
        new
    }

    fn open_list_item(
        &mut self,
        el: Element,
        parent: Element,
        (attributes, at): (&[Attr<'f>], usize),
        context: &mut Context<'f, '_>,
    ) {
        if !listed(el).is_some_and(|entry| context.charge(entry, at)) {
            return;
        }
        let host = &mut self.host;
        match el {
            Element::Address => {
                host.addresses.extend(scan_elements::address(attributes, at, context));
            }
            Element::Hostname => {
                host.hostnames.extend(elements::hostname((attributes, at), context));
            }
            Element::Extraports => {
                host.extra_ports.push(elements::extra_ports(attributes, context));
            }
            Element::Extrareasons => {
                if let Some(extra) = host.extra_ports.last_mut() {
                    extra.reasons.push(elements::extra_reason(attributes, context));
                }
            }
            Element::Portused => host.os.ports_used.push(elements::port_used(attributes, context)),
            Element::Osmatch => host.os.matches.push(elements::os_match(attributes, context)),
            Element::Osclass => {
                let place =
                    host.os.matches.len().checked_sub(1).filter(|_| parent == Element::Osmatch);
                let place = place.and_then(|place| i32::try_from(place).ok());
                host.os.classes.push(elements::os_class(place, attributes, context));
            }
            Element::Osfingerprint => {
                let value = attributes.iter().find(|attr| attr.id == Attribute::Fingerprint);
                if value.is_none() {
                    context.diagnostics.add(DiagnosticCode::MissingAttr, at, || {
                        "an osfingerprint without fingerprint is dropped".into()
                    });
                }
                host.os.fingerprints.extend(value.and_then(|attr| context.text(attr)));
            }
            Element::Trace => host.traces.push(elements::trace(attributes, context)),
            Element::Hop => {
                if let Some(trace) = host.traces.last_mut() {
                    trace.hops.push(elements::hop(attributes, context));
                }
            }
            _ => {}
        }
    }

    /// Reads elements that a host has once.
    fn open_single(&mut self, el: Element, attributes: &[Attr<'f>], context: &mut Context<'f, '_>) {
        if !self.first(el) {
            return;
        }
        let host = &mut self.host;
        for attr in attributes {
            match (el, attr.id) {
                (Element::Status, Attribute::State) => {
                    if let Some(state) = context.text(attr) {
                        host.status.state = HostState::from_name(state);
                        self.state_known = true;
                    }
                }
                (Element::Status, Attribute::Reason) => host.status.reason = context.text(attr),
                (Element::Status, Attribute::ReasonTtl) => {
                    host.status.reason_ttl = context.int(attr);
                }
                (Element::Smurf, Attribute::Responses) => host.smurf_responses = context.int(attr),
                (Element::Uptime, Attribute::Seconds) => host.uptime_s = context.int(attr),
                (Element::Uptime, Attribute::Lastboot) => host.last_boot = context.text(attr),
                (Element::Distance, Attribute::Value) => host.distance = context.int(attr),
                (Element::Times, Attribute::Srtt) => host.srtt_us = context.int(attr),
                (Element::Times, Attribute::Rttvar) => host.rttvar_us = context.int(attr),
                (Element::Times, Attribute::To) => host.timeout_us = context.int(attr),
                (Element::Tcpsequence, _) => {
                    elements::tcp_sequence(&mut host.tcp_sequence, attr, context);
                }
                (Element::Ipidsequence, _) => {
                    elements::sequence(&mut host.ip_id_sequence, attr, context);
                }
                (Element::Tcptssequence, _) => {
                    elements::sequence(&mut host.tcp_ts_sequence, attr, context);
                }
                _ => {}
            }
        }
    }
}

impl<'f> Visitor<'f> for HostVisitor<'f> {
    fn open(
        &mut self,
        el: Element,
        parent: Element,
        (attributes, at): (&[Attr<'f>], usize),
        context: &mut Context<'f, '_>,
    ) {
        match el {
            Element::Port | Element::State | Element::Owner | Element::Service => {
                self.ports.open(el, (attributes, at), context);
            }
            Element::Script => {
                self.script = if context.charge(Entry::Script, at) {
                    Some(ScriptBuilder::open((attributes, at), borrow, context))
                } else {
                    None
                };
            }
            Element::Table | Element::Elem => {
                if self.script.is_some()
                    && context.charge(Entry::ScriptNode, at)
                    && let Some(script) = &mut self.script
                {
                    script.child(el, attributes, borrow, context);
                }
            }
            _ if el.is_scan_level() => {
                let cost = (Entry::Activity, text_of(attributes));
                let kept = context.budget.charge(cost, at, context.diagnostics);
                let item = self.scan_elements.open(el, attributes, context).filter(|_| kept);
                self.items.extend(item.map(|item| PositionedElement { item, at }));
            }
            Element::Status | Element::Address | Element::Hostname
                if self.scan_elements.in_hint() =>
            {
                let cost = (Entry::Cpe, text_of(attributes));
                context.budget.charge(cost, at, context.diagnostics);
                self.scan_elements.in_hint_open(el, (attributes, at), context);
            }
            Element::Status
            | Element::Smurf
            | Element::Uptime
            | Element::Distance
            | Element::Times
            | Element::Tcpsequence
            | Element::Ipidsequence
            | Element::Tcptssequence => self.open_single(el, attributes, context),
            _ => self.open_list_item(el, parent, (attributes, at), context),
        }
    }

    fn text(
        &mut self,
        el: Element,
        text: (&'f str, ValueKind),
        at: usize,
        context: &mut Context<'f, '_>,
    ) -> bool {
        match el {
            Element::Elem | Element::Cpe | Element::Banner => {
                self.text.push(text, at, borrow, context);
                true
            }
            Element::Script => {
                self.script.as_mut().is_none_or(|script| script.text(text, at, borrow, context))
            }
            _ => el == Element::Output,
        }
    }

    fn close(&mut self, el: Element, context: &mut Context<'f, '_>) {
        match el {
            Element::Elem => {
                let text = self.text.take(context);
                if let Some(script) = self.script.as_mut().filter(|_| !context.budget.is_full()) {
                    script.elem(text);
                }
            }
            Element::Table => {
                if let Some(script) = &mut self.script {
                    script.end_table(context);
                }
            }
            Element::Script => {
                if let Some(script) = self.script.take().and_then(|script| script.close(context)) {
                    if self.ports.is_open() {
                        self.ports.script(script);
                    } else {
                        self.host.scripts.push(script);
                    }
                }
            }
            Element::Cpe => {
                let text = self.text.take(context);
                if !text.is_empty()
                    && context.charge(Entry::Cpe, context.here)
                    && let Some(cpe) = self.ports.cpe(text)
                    && let Some(class) = self.host.os.classes.last_mut()
                {
                    class.cpes.push(cpe);
                }
            }
            Element::Banner => {
                let text = self.text.take(context);
                if !text.is_empty() {
                    self.ports.banner(text);
                }
            }
            Element::Service | Element::Port => self.ports.close(el, context),
            Element::Hosthint => {
                let at = context.here;
                let hint = self.scan_elements.close(el).filter(|_| !context.budget.is_full());
                self.items.extend(hint.map(|item| PositionedElement { item, at }));
            }
            _ => {}
        }
    }
}

/// Infers a missing status: up if a port indicates it (DATA_MODEL section 3).
fn infer_status(host: &mut Host<'_>) {
    let answers = |state: &PortState<'_>| {
        matches!(state, PortState::Open | PortState::Closed | PortState::Unfiltered)
    };
    if host.ports.iter().any(|port| answers(&port.state)) {
        host.status.state = HostState::Up;
        host.status.reason = Some("inferred".into());
    }
}
