//! Elements of a scan that are read wherever they stand, even inside a host (rule R4).

use super::{
    context::Context,
    names::{At, El},
    token::Attr,
    value,
};
use crate::model::{
    AddressKind, CowStr, HostHint, ScanActivity, ScanInfo, TargetSkipped, Task, TaskKind,
};

/// Contents of such an element.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RunItem {
    ScanInfo(ScanInfo),
    Verbose(Option<i32>),
    Debugging(Option<i32>),
    Event(ScanActivity),
}

/// Contents of such an element, with its position in the piece.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlacedItem {
    pub(super) item: RunItem,
    pub(super) at: usize,
}

/// Reads such elements; a `hosthint` has children and is complete when it ends.
#[derive(Debug, Default)]
pub(super) struct FloatingReader {
    hint: Option<HostHint>,
}

impl FloatingReader {
    /// Returns true if a `hosthint` is open.
    pub(super) fn in_hint(&self) -> bool {
        self.hint.is_some()
    }

    /// Handles the start of an element. Returns its contents, unless they are complete only at its end.
    pub(super) fn open<'f>(
        &mut self,
        el: El,
        attributes: &[Attr<'f>],
        context: &mut Context<'f, '_>,
    ) -> Option<RunItem> {
        match el {
            El::Scaninfo => Some(RunItem::ScanInfo(scan_info(attributes, context))),
            El::Verbose => Some(RunItem::Verbose(level(attributes, context))),
            El::Debugging => Some(RunItem::Debugging(level(attributes, context))),
            El::Target => Some(RunItem::Event(target(attributes, context))),
            El::Taskbegin => Some(task(TaskKind::Begin, attributes, context)),
            El::Taskprogress => Some(task(TaskKind::Progress, attributes, context)),
            El::Taskend => Some(task(TaskKind::End, attributes, context)),
            El::Hosthint => {
                self.hint = Some(HostHint::default());
                None
            }
            _ => None,
        }
    }

    /// Handles the start of an element inside a `hosthint`.
    pub(super) fn in_hint_open<'f>(
        &mut self,
        el: El,
        (attributes, at): (&[Attr<'f>], usize),
        context: &mut Context<'f, '_>,
    ) {
        let Some(hint) = &mut self.hint else { return };
        match el {
            El::Status => {
                for attr in attributes {
                    match attr.id {
                        At::State => hint.state = context.owned(attr),
                        At::Reason => hint.reason = context.owned(attr),
                        _ => {}
                    }
                }
            }
            El::Address => {
                if let Some(address) = address(attributes, at, context) {
                    let slot = match address.kind {
                        AddressKind::Mac => &mut hint.mac,
                        _ => &mut hint.ip,
                    };
                    if slot.is_none() {
                        *slot = Some(match address.zone {
                            Some(zone) => format!("{}%{zone}", address.text),
                            None => address.text.into_owned(),
                        });
                    }
                }
            }
            El::Hostname if hint.hostname.is_none() => {
                let name = attributes.iter().find(|attr| attr.id == At::Name);
                hint.hostname = name.and_then(|attr| context.owned(attr));
            }
            _ => {}
        }
    }

    /// Handles the end of an element. Returns the hint that ends with it.
    pub(super) fn close(&mut self, el: El) -> Option<RunItem> {
        if el != El::Hosthint {
            return None;
        }
        self.hint.take().map(|hint| RunItem::Event(ScanActivity::HostHint(hint)))
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
            At::Addr => addr = Some(context.plain(attr)).filter(|text| !text.is_empty()),
            At::Addrtype => kind = Some(context.plain(attr)),
            At::Vendor => vendor = context.text(attr),
            _ => {}
        }
    }
    let Some(addr) = addr else {
        context.notes.add(crate::error::DiagnosticCode::MissingAttr, at, || {
            "an address without addr".into()
        });
        return None;
    };
    Some(value::address(addr, kind, vendor, at, (context.values.bump, context.notes)))
}

fn scan_info<'f>(attributes: &[Attr<'f>], context: &mut Context<'f, '_>) -> ScanInfo {
    let mut info = ScanInfo::default();
    for attr in attributes {
        match attr.id {
            At::Type => info.kind = context.owned(attr),
            At::Protocol => info.protocol = context.owned(attr),
            At::Numservices => info.num_services = context.int(attr),
            At::Services => info.services = context.owned(attr),
            At::Scanflags => info.scan_flags = context.owned(attr),
            _ => {}
        }
    }
    info
}

fn level<'f>(attributes: &[Attr<'f>], context: &mut Context<'f, '_>) -> Option<i32> {
    attributes.iter().find(|attr| attr.id == At::Level).and_then(|attr| context.int(attr))
}

fn target<'f>(attributes: &[Attr<'f>], context: &mut Context<'f, '_>) -> ScanActivity {
    let mut target = TargetSkipped::default();
    for attr in attributes {
        match attr.id {
            At::Specification => target.specification = context.owned(attr),
            At::Status => target.status = context.owned(attr),
            At::Reason => target.reason = context.owned(attr),
            _ => {}
        }
    }
    ScanActivity::Target(target)
}

fn task<'f>(kind: TaskKind, attributes: &[Attr<'f>], context: &mut Context<'f, '_>) -> RunItem {
    let mut task = Task {
        kind,
        task: None,
        time: None,
        extra_info: None,
        percent: None,
        remaining_s: None,
        etc_time: None,
    };
    for attr in attributes {
        match attr.id {
            At::Task => task.task = context.owned(attr),
            At::Time => task.time = context.time(attr),
            At::Extrainfo => task.extra_info = context.owned(attr),
            At::Percent => task.percent = context.float(attr),
            At::Remaining => task.remaining_s = context.int(attr),
            At::Etc => task.etc_time = context.time(attr),
            _ => {}
        }
    }
    RunItem::Event(ScanActivity::Task(task))
}

/// Borrows a value from its frame.
pub(super) fn borrow(text: &str) -> CowStr<'_> {
    CowStr::Borrowed(text)
}

/// Copies a value, so that it outlives its frame.
pub(super) fn keep(text: &str) -> CowStr<'static> {
    CowStr::Owned(text.to_owned())
}
