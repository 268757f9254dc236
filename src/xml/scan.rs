//! Reads the markup between hosts: header, tasks, scripts and end of one document.

use super::{
    budget::{Entry, text_of},
    context::{Context, TextBuffer},
    diagnostics::FrameDiagnostics,
    names::{Attribute, Element},
    scan_elements::{PositionedElement, ScanElement, ScanElementReader, keep},
    script::ScriptBuilder,
    text::ValueKind,
    token::Attr,
    walk::{ElementStack, Visitor},
};
use crate::{
    error::DiagnosticCode,
    model::{FieldValue as _, HostTotals, ScanEvent, ScanSummary, Script, scan_id},
};

/// Document that is being read.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) stack: ElementStack,
    pub(super) reader: ScanReader,
    /// True if the scan's ID was announced.
    header_emitted: bool,
    /// Events that wait for the ID, which depends on the first host (DATA_MODEL section 2).
    pending_events: Vec<ScanEvent<'static>>,
    pending_bytes: usize,
    /// Value of the header's `start` after rule T4 and before T5: it is part of the ID, too.
    start: String,
}

impl Document {
    pub(super) fn new(doc_index: i32) -> Self {
        let mut document = Self::default();
        document.reader.record.header.doc_index = doc_index;
        document
    }

    /// Begins the scan with the attributes of its start tag.
    pub(super) fn begin<'f>(
        &mut self,
        attributes: &[Attr<'f>],
        salt: &str,
        context: &mut Context<'f, '_>,
    ) {
        self.stack.reopen(Element::Nmaprun);
        let record = &mut self.reader.record;
        record.has_scan = true;
        let header = &mut record.header;
        for attr in attributes {
            match attr.id {
                Attribute::Scanner => header.scanner = context.owned(attr),
                Attribute::Version => header.scanner_version = context.owned(attr),
                Attribute::Args => header.args = context.owned(attr),
                Attribute::Start => {
                    let text = context.plain(attr);
                    text.clone_into(&mut self.start);
                    header.start_time = context.time_of(attr, text);
                }
                Attribute::Startstr => header.start_str = context.owned(attr),
                Attribute::ProfileName => header.profile_name = context.owned(attr),
                Attribute::Xmloutputversion => header.xml_version = context.owned(attr),
                _ => {}
            }
        }
        if header.args.is_some() {
            self.emit_header(salt, ["", "/", ""]);
        }
    }

    /// Returns true if the scan's ID still waits for the first host.
    pub(super) fn waits_for_host(&self) -> bool {
        self.reader.record.has_scan && !self.header_emitted
    }

    /// Announces the scan's ID, now that everything it depends on is known; events that waited follow.
    pub(super) fn emit_header(&mut self, salt: &str, first_host: [&str; 3]) {
        let header = &mut self.reader.record.header;
        let [scanner, version, args] = [&header.scanner, &header.scanner_version, &header.args]
            .map(|value| value.as_deref().unwrap_or_default());
        header.scan_id = scan_id(scanner, version, args, &self.start, salt, first_host);
        self.header_emitted = true;
        let begin = ScanEvent::ScanStart(header.clone());
        self.pending_events.insert(0, begin);
    }

    /// Adds the contents of elements, in order. If more than the limit waits for the first host, that is reported and
    /// nothing waits any more.
    pub(super) fn take_items(
        &mut self,
        items: Vec<PositionedElement>,
        (cap, salt): (usize, &str),
        diagnostics: &mut FrameDiagnostics,
    ) {
        for PositionedElement { item, at } in items {
            self.take_item(item);
            if self.waits_for_host() && self.pending_bytes > cap {
                self.emit_header(salt, ["", "/", ""]);
                diagnostics.add(DiagnosticCode::Limit, at, || {
                    "too much before the first host of a scan without args".into()
                });
            }
        }
    }

    fn take_item(&mut self, item: ScanElement) {
        let record = &mut self.reader.record;
        match item {
            ScanElement::ScanInfo(info) => {
                record.scan_info.push(info.clone());
                let bytes = info.text_bytes();
                self.hold(ScanEvent::ScanInfo(info), bytes);
            }
            ScanElement::Verbose(level) => record.verbosity = record.verbosity.or(level),
            ScanElement::Debugging(level) => record.debugging = record.debugging.or(level),
            ScanElement::Event(event) => {
                let bytes = event.text_bytes();
                self.hold(ScanEvent::Activity(event), bytes);
            }
        }
    }

    /// Holds an event with `text` bytes of text.
    fn hold(&mut self, event: ScanEvent<'static>, text: usize) {
        let bytes = text.saturating_add(size_of::<ScanEvent<'_>>().saturating_mul(2));
        self.pending_bytes = self.pending_bytes.saturating_add(bytes);
        self.pending_events.push(event);
    }

    /// Removes and returns the events that may be emitted now.
    pub(super) fn drain(&mut self) -> std::vec::Drain<'_, ScanEvent<'static>> {
        let end = if self.header_emitted { self.pending_events.len() } else { 0 };
        if self.header_emitted {
            self.pending_bytes = 0;
        }
        self.pending_events.drain(..end)
    }

    /// Ends the document: closes open elements and announces the ID if no host did.
    pub(super) fn end(&mut self, salt: &str, context: &mut Context<'_, '_>) {
        self.stack.close_all(&mut self.reader, context);
        let items = std::mem::take(&mut self.reader.items);
        self.take_items(items, (usize::MAX, salt), context.diagnostics);
        if self.waits_for_host() {
            let time = std::mem::take(&mut self.reader.finished_text);
            self.emit_header(salt, ["", "/", &time]);
        }
    }
}

/// Reads the elements of a scan except its hosts.
#[derive(Debug, Default)]
pub(super) struct ScanReader {
    pub(super) record: ScanSummary,
    pub(super) items: Vec<PositionedElement>,
    script: Option<ScriptBuilder<'static>>,
    scan_elements: ScanElementReader,
    text: TextBuffer<'static>,
    scope: Option<Element>,
    /// Text of the time in the last `finished` element.
    finished_text: String,
    /// Number of bytes of scripts and scaninfo kept until the scan ends.
    kept: usize,
    full: bool,
}

/// Returns the message about scripts and scaninfo that exceed the limit.
pub(super) fn scan_is_full(cap: usize) -> String {
    format!("scripts and scaninfo of a scan above {cap} bytes of memory are left out")
}

impl ScanReader {
    /// Returns true if `bytes` more may be kept (rule R10).
    fn keep(&mut self, bytes: usize, at: usize, context: &mut Context<'_, '_>) -> bool {
        self.kept = self.kept.saturating_add(bytes);
        if self.kept > context.limits.max_scan_metadata_bytes && !self.full {
            self.full = true;
            let cap = context.limits.max_scan_metadata_bytes;
            context.diagnostics.add(DiagnosticCode::Limit, at, || scan_is_full(cap));
        }
        !self.full
    }

    /// Removes the contents of `scaninfo` elements in a host that exceed the limit of the scan. Returns their number.
    pub(super) fn limit_infos(&mut self, items: &mut Vec<PositionedElement>, cap: usize) -> i64 {
        let mut left_out = 0_i64;
        items.retain(|item| {
            let ScanElement::ScanInfo(info) = &item.item else { return true };
            let bytes = Entry::Activity.cost().saturating_add(info.text_bytes().saturating_mul(2));
            self.kept = self.kept.saturating_add(bytes);
            self.full |= self.kept > cap;
            left_out = left_out.saturating_add(i64::from(self.full));
            !self.full
        });
        left_out
    }

    /// Returns true if the contents of a `scaninfo` may be kept.
    fn keep_info(
        &mut self,
        attributes: &[Attr<'_>],
        at: usize,
        context: &mut Context<'_, '_>,
    ) -> bool {
        // It is an event, too, and the events that wait for the ID have a copy of it.
        let bytes = Entry::Activity.cost().saturating_add(text_of(attributes).saturating_mul(2));
        self.keep(bytes, at, context)
    }

    fn open_script<'f>(
        &mut self,
        el: Element,
        (attributes, at): (&[Attr<'f>], usize),
        context: &mut Context<'f, '_>,
    ) {
        let entry = if el == Element::Script { Entry::Script } else { Entry::ScriptNode };
        if !self.keep(entry.cost().saturating_add(text_of(attributes)), at, context) {
            return;
        }
        if el == Element::Script {
            self.script = Some(ScriptBuilder::open((attributes, at), keep, context));
        } else if let Some(script) = &mut self.script {
            script.child(el, attributes, keep, context);
        }
    }

    fn finished<'f>(&mut self, attributes: &[Attr<'f>], context: &mut Context<'f, '_>) {
        let stats = &mut self.record.stats;
        // Of several the last one counts, but their elapsed times add up (rule R7).
        let before = stats.elapsed_s;
        let hosts = stats.hosts;
        *stats = crate::model::ScanStats { finished: true, hosts, ..Default::default() };
        for attr in attributes {
            match attr.id {
                Attribute::Time => {
                    context.plain(attr).clone_into(&mut self.finished_text);
                    stats.end_time = context.time(attr);
                }
                Attribute::Timestr => stats.end_str = context.owned(attr),
                Attribute::Elapsed => stats.elapsed_s = context.float(attr),
                Attribute::Summary => stats.summary = context.owned(attr),
                Attribute::WalkEnd => stats.exit_status = context.owned(attr),
                Attribute::Errormsg => stats.error_message = context.owned(attr),
                _ => {}
            }
        }
        stats.elapsed_s = match (before, stats.elapsed_s) {
            (Some(before), Some(now)) => Some(before + now),
            (before, now) => before.or(now),
        };
    }

    fn hosts<'f>(&mut self, attributes: &[Attr<'f>], context: &mut Context<'f, '_>) {
        let HostTotals { up, down, total } = &mut self.record.stats.hosts;
        for attr in attributes {
            let slot = match attr.id {
                Attribute::Up => &mut *up,
                Attribute::Down => &mut *down,
                Attribute::Total => &mut *total,
                _ => continue,
            };
            if let Some(count) = context.int::<i64>(attr) {
                *slot = Some(slot.unwrap_or(0).saturating_add(count));
            }
        }
    }

    fn end_script(&mut self, script: Script<'static>) {
        match self.scope {
            Some(Element::Postscript) => self.record.post_scripts.push(script),
            _ => self.record.pre_scripts.push(script),
        }
    }
}

impl<'f> Visitor<'f> for ScanReader {
    fn open(
        &mut self,
        el: Element,
        _parent: Element,
        (attributes, at): (&[Attr<'f>], usize),
        context: &mut Context<'f, '_>,
    ) {
        match el {
            Element::Prescript | Element::Postscript => self.scope = Some(el),
            Element::Script | Element::Table | Element::Elem => {
                self.open_script(el, (attributes, at), context);
            }
            Element::Finished => self.finished(attributes, context),
            Element::Hosts => self.hosts(attributes, context),
            Element::Status | Element::Address | Element::Hostname => {
                self.scan_elements.in_hint_open(el, (attributes, at), context);
            }
            Element::Scaninfo if !self.keep_info(attributes, at, context) => {}
            _ if el.is_scan_level() => {
                let item = self.scan_elements.open(el, attributes, context);
                self.items.extend(item.map(|item| PositionedElement { item, at }));
            }
            _ => {}
        }
    }

    fn text(
        &mut self,
        el: Element,
        (raw, kind): (&'f str, ValueKind),
        at: usize,
        context: &mut Context<'f, '_>,
    ) -> bool {
        if !matches!(el, Element::Elem | Element::Script) {
            return el == Element::Output;
        }
        if !self.keep(raw.len(), at, context) {
            return true;
        }
        if el == Element::Elem {
            self.text.push((raw, kind), at, keep, context);
            return true;
        }
        let script = self.script.as_mut();
        script.is_none_or(|script| script.text((raw, kind), at, keep, context))
    }

    fn close(&mut self, el: Element, context: &mut Context<'f, '_>) {
        match el {
            Element::Elem => {
                let text = self.text.take(context);
                if let (Some(script), false) = (&mut self.script, self.full) {
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
                    self.end_script(script);
                }
            }
            Element::Hosthint => {
                let at = context.here;
                let item = self.scan_elements.close(el);
                self.items.extend(item.map(|item| PositionedElement { item, at }));
            }
            _ => {}
        }
    }
}
