//! Reads one host.

mod elements;

use super::{
    budget::{Budget, Entry, text_of},
    context::{Context, TextBuffer},
    floating::{self, FloatingReader, PlacedItem, borrow},
    names::{At, El},
    port::PortReader,
    script::ScriptBuilder,
    text::ValueKind,
    token::{Attr, Token, Tokens},
    walk::{Exit, Stack, Visitor, long_tag},
};
use crate::{
    error::DiagnosticCode,
    model::{Host, HostState, PortState},
};

/// Host, and the other contents of its frame.
pub(super) struct HostRead<'f> {
    pub(super) host: Host<'f>,
    /// Elements of the scan that stood inside the host.
    pub(super) items: Vec<PlacedItem>,
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
    if let Some(Token::Start { empty, at, .. }) = tokens.next(context.notes) {
        if tokens.is_too_long(at) {
            context.notes.add(DiagnosticCode::Limit, at, || long_tag(El::Host.name()));
        }
        visitor.begin(tokens.attributes(), context);
        let mut stack = Stack::new(El::Host);
        let exit = if empty { Exit::Closed } else { stack.walk(tokens, &mut visitor, context) };
        match exit {
            // Text in the frame after its end tag does not belong to the host.
            Exit::Closed => (closed, len) = (true, tokens.place()),
            Exit::Left(at) => {
                context.notes.add(DiagnosticCode::ImplicitClose, at, host_closed);
                len = at;
            }
            Exit::End => {}
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
    while let Some(token) = tokens.next(context.notes) {
        let Token::Start { name: super::token::Name::Known(el), .. } = token else { continue };
        let attributes = tokens.attributes();
        let mut get = |id| {
            let found = attributes.iter().find(|attr| attr.id == id);
            found.map_or("", |attr| context.plain(attr))
        };
        match el {
            El::Host if first => get(At::Endtime).clone_into(&mut end),
            El::Address if addr.is_none() => addr = Some(get(At::Addr).to_owned()),
            El::Port if port.is_none() => {
                port = Some(format!("{}/{}", get(At::Protocol), get(At::Portid)));
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
    floating: FloatingReader,
    items: Vec<PlacedItem>,
    text: TextBuffer<'f>,
    /// Bit set of the elements that count once and were read.
    seen: u64,
    /// True if a status with a state was read.
    state_known: bool,
}

/// Returns the list entry of a host that an element adds, except for elements inside ports and scripts.
const fn listed(el: El) -> Option<Entry> {
    Some(match el {
        El::Address => Entry::Address,
        El::Hostname => Entry::Hostname,
        El::Extraports => Entry::ExtraPorts,
        El::Extrareasons => Entry::ExtraReason,
        El::Portused => Entry::PortUsed,
        El::Osmatch => Entry::OsMatch,
        El::Osclass => Entry::OsClass,
        El::Osfingerprint => Entry::Fingerprint,
        El::Trace => Entry::Trace,
        El::Hop => Entry::Hop,
        _ => return None,
    })
}

impl<'f> HostVisitor<'f> {
    fn new(index: i32) -> Self {
        Self {
            host: Host::new(index),
            ports: PortReader::default(),
            script: None,
            floating: FloatingReader::default(),
            items: Vec::new(),
            text: TextBuffer::default(),
            seen: 0,
            state_known: false,
        }
    }

    fn begin(&mut self, attributes: &[Attr<'f>], context: &mut Context<'f, '_>) {
        for attr in attributes {
            match attr.id {
                At::Starttime => self.host.start_time = context.time(attr),
                At::Endtime => self.host.end_time = context.time(attr),
                At::Timedout => self.host.timed_out = context.boolean(attr),
                At::Comment => self.host.comment = context.text(attr),
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
    fn first(&mut self, el: El) -> bool {
        let new = self.seen & el.bit() == 0;
        self.seen |= el.bit();
        new
    }

    fn open_list_item(
        &mut self,
        el: El,
        parent: El,
        (attributes, at): (&[Attr<'f>], usize),
        context: &mut Context<'f, '_>,
    ) {
        if !listed(el).is_some_and(|entry| context.charge(entry, at)) {
            return;
        }
        let host = &mut self.host;
        match el {
            El::Address => host.addresses.extend(floating::address(attributes, at, context)),
            El::Hostname => host.hostnames.extend(elements::hostname((attributes, at), context)),
            El::Extraports => host.extra_ports.push(elements::extra_ports(attributes, context)),
            El::Extrareasons => {
                if let Some(extra) = host.extra_ports.last_mut() {
                    extra.reasons.push(elements::extra_reason(attributes, context));
                }
            }
            El::Portused => host.os.ports_used.push(elements::port_used(attributes, context)),
            El::Osmatch => host.os.matches.push(elements::os_match(attributes, context)),
            El::Osclass => {
                let place = host.os.matches.len().checked_sub(1).filter(|_| parent == El::Osmatch);
                let place = place.and_then(|place| i32::try_from(place).ok());
                host.os.classes.push(elements::os_class(place, attributes, context));
            }
            El::Osfingerprint => {
                let value = attributes.iter().find(|attr| attr.id == At::Fingerprint);
                if value.is_none() {
                    context.notes.add(DiagnosticCode::MissingAttr, at, || {
                        "an osfingerprint without fingerprint is dropped".into()
                    });
                }
                host.os.fingerprints.extend(value.and_then(|attr| context.text(attr)));
            }
            El::Trace => host.traces.push(elements::trace(attributes, context)),
            El::Hop => {
                if let Some(trace) = host.traces.last_mut() {
                    trace.hops.push(elements::hop(attributes, context));
                }
            }
            _ => {}
        }
    }

    /// Reads elements that a host has once.
    fn open_single(&mut self, el: El, attributes: &[Attr<'f>], context: &mut Context<'f, '_>) {
        if !self.first(el) {
            return;
        }
        let host = &mut self.host;
        for attr in attributes {
            match (el, attr.id) {
                (El::Status, At::State) => {
                    if let Some(state) = context.text(attr) {
                        host.status.state = HostState::from_name(state);
                        self.state_known = true;
                    }
                }
                (El::Status, At::Reason) => host.status.reason = context.text(attr),
                (El::Status, At::ReasonTtl) => host.status.reason_ttl = context.int(attr),
                (El::Smurf, At::Responses) => host.smurf_responses = context.int(attr),
                (El::Uptime, At::Seconds) => host.uptime_s = context.int(attr),
                (El::Uptime, At::Lastboot) => host.last_boot = context.text(attr),
                (El::Distance, At::Value) => host.distance = context.int(attr),
                (El::Times, At::Srtt) => host.srtt_us = context.int(attr),
                (El::Times, At::Rttvar) => host.rttvar_us = context.int(attr),
                (El::Times, At::To) => host.timeout_us = context.int(attr),
                (El::Tcpsequence, _) => {
                    elements::tcp_sequence(&mut host.tcp_sequence, attr, context);
                }
                (El::Ipidsequence, _) => {
                    elements::sequence(&mut host.ip_id_sequence, attr, context);
                }
                (El::Tcptssequence, _) => {
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
        el: El,
        parent: El,
        (attributes, at): (&[Attr<'f>], usize),
        context: &mut Context<'f, '_>,
    ) {
        match el {
            El::Port | El::State | El::Owner | El::Service => {
                self.ports.open(el, (attributes, at), context);
            }
            El::Script => {
                self.script = if context.charge(Entry::Script, at) {
                    Some(ScriptBuilder::open((attributes, at), borrow, context))
                } else {
                    None
                };
            }
            El::Table | El::Elem => {
                if self.script.is_some()
                    && context.charge(Entry::ScriptNode, at)
                    && let Some(script) = &mut self.script
                {
                    script.child(el, attributes, borrow, context);
                }
            }
            _ if el.floats() => {
                let cost = (Entry::Activity, text_of(attributes));
                let kept = context.budget.charge(cost, at, context.notes);
                let item = self.floating.open(el, attributes, context).filter(|_| kept);
                self.items.extend(item.map(|item| PlacedItem { item, at }));
            }
            El::Status | El::Address | El::Hostname if self.floating.in_hint() => {
                let cost = (Entry::Cpe, text_of(attributes));
                context.budget.charge(cost, at, context.notes);
                self.floating.in_hint_open(el, (attributes, at), context);
            }
            El::Status
            | El::Smurf
            | El::Uptime
            | El::Distance
            | El::Times
            | El::Tcpsequence
            | El::Ipidsequence
            | El::Tcptssequence => self.open_single(el, attributes, context),
            _ => self.open_list_item(el, parent, (attributes, at), context),
        }
    }

    fn text(
        &mut self,
        el: El,
        text: (&'f str, ValueKind),
        at: usize,
        context: &mut Context<'f, '_>,
    ) -> bool {
        match el {
            El::Elem | El::Cpe | El::Banner => {
                self.text.push(text, at, borrow, context);
                true
            }
            El::Script => {
                self.script.as_mut().is_none_or(|script| script.text(text, at, borrow, context))
            }
            _ => el == El::Output,
        }
    }

    fn close(&mut self, el: El, context: &mut Context<'f, '_>) {
        match el {
            El::Elem => {
                let text = self.text.take(context);
                if let Some(script) = self.script.as_mut().filter(|_| !context.budget.is_full()) {
                    script.elem(text);
                }
            }
            El::Table => {
                if let Some(script) = &mut self.script {
                    script.end_table(context);
                }
            }
            El::Script => {
                if let Some(script) = self.script.take().and_then(|script| script.close(context)) {
                    if self.ports.is_open() {
                        self.ports.script(script);
                    } else {
                        self.host.scripts.push(script);
                    }
                }
            }
            El::Cpe => {
                let text = self.text.take(context);
                if !text.is_empty()
                    && context.charge(Entry::Cpe, context.here)
                    && let Some(cpe) = self.ports.cpe(text)
                    && let Some(class) = self.host.os.classes.last_mut()
                {
                    class.cpes.push(cpe);
                }
            }
            El::Banner => {
                let text = self.text.take(context);
                if !text.is_empty() {
                    self.ports.banner(text);
                }
            }
            El::Service | El::Port => self.ports.close(el, context),
            El::Hosthint => {
                let at = context.here;
                let hint = self.floating.close(el).filter(|_| !context.budget.is_full());
                self.items.extend(hint.map(|item| PlacedItem { item, at }));
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
