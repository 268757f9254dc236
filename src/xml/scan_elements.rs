//! Elements of a scan that are read wherever they occur, even inside a host (rule R4).

use std::borrow::Cow;

use super::{
    context::Context,
    names::{Attribute, Element},
    token::Attr,
    value,
};
use crate::model::{
    AddressKind, CowStr, HostHint, ScanActivity, ScanInfo, TargetSkipped, Task, TaskKind,
};

/// Contents of such an element.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ScanElement {
    ScanInfo(ScanInfo),
    Verbose(Option<i32>),
    Debugging(Option<i32>),
    Event(ScanActivity),
}

/// Contents of such an element, with its position in the frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PositionedElement {
    pub(super) item: ScanElement,
    pub(super) at: usize,
}

/// Reads such elements; a `hosthint` has children and is complete when it ends.
#[derive(Debug, Default)]
pub(super) struct ScanElementReader {
    hint: Option<HostHint>,
}

impl ScanElementReader {
    /// Returns true if a `hosthint` is open.
    pub(super) fn in_hint(&self) -> bool {
        self.hint.is_some()
    }

    /// Handles the start of an element. Returns its contents, unless they are complete only at its end.
    pub(super) fn open<'f>(
        &mut self,
        el: Element,
        attributes: &[Attr<'f>],
        context: &mut Context<'f, '_>,
    ) -> Option<ScanElement> {
        match el {
            Element::Scaninfo => Some(ScanElement::ScanInfo(scan_info(attributes, context))),
            Element::Verbose => Some(ScanElement::Verbose(level(attributes, context))),
            Element::Debugging => Some(ScanElement::Debugging(level(attributes, context))),
            Element::Target => Some(ScanElement::Event(target(attributes, context))),
            Element::Taskbegin => Some(task(TaskKind::Begin, attributes, context)),
            Element::Taskprogress => Some(task(TaskKind::Progress, attributes, context)),
            Element::Taskend => Some(task(TaskKind::End, attributes, context)),
            Element::Hosthint => {
                self.hint = Some(HostHint::default());
                None
            }
            _ => None,
        }
    }

    /// Handles the start of an element inside a `hosthint`.
    pub(super) fn in_hint_open<'f>(
        &mut self,
        el: Element,
        (attributes, at): (&[Attr<'f>], usize),
        context: &mut Context<'f, '_>,
    ) {
        let Some(hint) = &mut self.hint else { return };
        match el {
            Element::Status => {
                for attr in attributes {
                    match attr.id {
                        Attribute::State => hint.state = context.owned(attr),
                        Attribute::Reason => hint.reason = context.owned(attr),
                        Attribute::ReasonTtl => hint.reason_ttl = context.int(attr),
                        _ => {}
                    }
                }
            }
            Element::Address => {
                if let Some(address) = address(attributes, at, context) {
                    let is_mac = address.kind == AddressKind::Mac;
                    let slot = if is_mac { &mut hint.mac } else { &mut hint.ip };
                    if slot.is_none() {
                        if is_mac {
                            hint.mac_vendor = address.vendor.map(Cow::into_owned);
                        }
                        *slot = Some(match address.zone {
                            Some(zone) => format!("{}%{zone}", address.text),
                            None => address.text.into_owned(),
                        });
                    }
                }
            }
            Element::Hostname if hint.hostname.is_none() => {
                let name = attributes.iter().find(|attr| attr.id == Attribute::Name);
                hint.hostname = name.and_then(|attr| context.owned(attr));
            }
            _ => {}
        }
    }

    /// Handles the end of an element. Returns the hint that ends with it.
    pub(super) fn close(&mut self, el: Element) -> Option<ScanElement> {
        if el != Element::Hosthint {
            return None;
        }
        self.hint.take().map(|hint| ScanElement::Event(ScanActivity::HostHint(hint)))
    }
}

/// Reads an `address` element. Returns `None`, with a warning, if it has no address.
pub(super) fn address<'f>(
    attributes: &[Attr<'f>],
    at: usize,
    context: &mut Context<'f, '_>,
) -> Option<crate::model::Address<'f>> {
    let (mut addr, mut kind, mut vendor) = (None, None, None);
    for attr in attributes {
        match attr.id {
            Attribute::Addr => addr = Some(context.plain(attr)).filter(|text| !text.is_empty()),
            Attribute::Addrtype => kind = Some(context.plain(attr)),
            Attribute::Vendor => vendor = context.text(attr),
            _ => {}
        }
    }
    let Some(addr) = addr else {
        context.diagnostics.add(crate::error::DiagnosticCode::MissingAttr, at, || {
            "an address without addr".into()
        });
        return None;
    };
    Some(value::address(addr, kind, vendor, at, (context.values.bump, context.diagnostics)))
}

fn scan_info<'f>(attributes: &[Attr<'f>], context: &mut Context<'f, '_>) -> ScanInfo {
    let mut info = ScanInfo::default();
    for attr in attributes {
        match attr.id {
            Attribute::Type => info.kind = context.owned(attr),
            Attribute::Protocol => info.protocol = context.owned(attr),
            Attribute::Numservices => info.num_services = context.int(attr),
            Attribute::Services => info.services = context.owned(attr),
            Attribute::Scanflags => info.scan_flags = context.owned(attr),
            _ => {}
        }
    }
    info
}

fn level<'f>(attributes: &[Attr<'f>], context: &mut Context<'f, '_>) -> Option<i32> {
    attributes.iter().find(|attr| attr.id == Attribute::Level).and_then(|attr| context.int(attr))
}

fn target<'f>(attributes: &[Attr<'f>], context: &mut Context<'f, '_>) -> ScanActivity {
    let mut target = TargetSkipped::default();
    for attr in attributes {
        match attr.id {
            Attribute::Specification => target.specification = context.owned(attr),
            Attribute::Status => target.status = context.owned(attr),
            Attribute::Reason => target.reason = context.owned(attr),
            _ => {}
        }
    }
    ScanActivity::Target(target)
}

fn task<'f>(kind: TaskKind, attributes: &[Attr<'f>], context: &mut Context<'f, '_>) -> ScanElement {
    let mut task = Task::new(kind);
    for attr in attributes {
        match attr.id {
            Attribute::Task => task.task = context.owned(attr),
            Attribute::Time => task.time = context.time(attr),
            Attribute::Extrainfo => task.extra_info = context.owned(attr),
            Attribute::Percent => task.percent = context.float(attr),
            Attribute::Remaining => task.remaining_s = context.int(attr),
            Attribute::Etc => task.etc_time = context.time(attr),
            _ => {}
        }
    }
    ScanElement::Event(ScanActivity::Task(task))
}

/// Borrows a value from its frame.
pub(super) fn borrow(text: &str) -> CowStr<'_> {
    CowStr::Borrowed(text)
}

/// Copies a value, so that it outlives its frame.
pub(super) fn keep(text: &str) -> CowStr<'static> {
    CowStr::Owned(text.to_owned())
}
