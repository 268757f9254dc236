//! Limits the length of lines: a line that is too long is written again from a host that is cut.
//!
//! Most lines fit, and cost only a comparison of their length. For others, one class of fields after the other is cut
//! as far as necessary (docs/siem.md, "Long lines").

use std::borrow::Cow;

use crate::{
    json,
    model::{
        CowStr, ExtraPorts, Host, HostState, OsDetection, Port, Protocol, ScanHeader, ScanSummary,
        Script, ScriptValue, Service, Trace, id_of_parts,
    },
};

/// Smallest allowed limit of a line, in bytes. All parts that are never cut fit.
pub const LEAST_LINE: usize = 8 << 10;
/// Default limit of a line, in bytes. Common log shippers accept lines of this length.
pub const LINE: usize = 32 << 10;

/// Step in which texts are cut, in bytes. Lists are cut by one item.
const UNIT: usize = 64;
/// Maximum length of a part of an ID, in bytes. A longer part, or one with control characters, is replaced by its
/// hash.
const KEY: usize = 256;

/// Fields that are cut together, in the order in which they are cut.
#[derive(Debug, Clone, Copy)]
enum Class {
    Data,
    Output,
    Fingerprints,
    Banners,
    ExtraPorts,
    Trace,
    Ports,
    /// All other texts and lists.
    Rest,
}

impl Class {
    const ALL: [Self; 8] = [
        Self::Data,
        Self::Output,
        Self::Fingerprints,
        Self::Banners,
        Self::ExtraPorts,
        Self::Trace,
        Self::Ports,
        Self::Rest,
    ];
}

/// Amount of each class that is kept, in units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caps([usize; Class::ALL.len()]);

impl Caps {
    const fn none() -> Self {
        Self([usize::MAX; Class::ALL.len()])
    }

    fn set(&mut self, class: Class, units: usize) {
        if let Some(cap) = self.0.get_mut(class as usize) {
            *cap = units;
        }
    }

    fn items(&self, class: Class) -> usize {
        self.0.get(class as usize).copied().unwrap_or(usize::MAX)
    }

    /// Returns the maximum length of a text that belongs to no other class, in bytes.
    pub(super) fn text(&self) -> usize {
        self.bytes(Class::Rest)
    }

    fn bytes(&self, class: Class) -> usize {
        self.items(class).saturating_mul(UNIT)
    }
}

/// Writes a line of at most `max` bytes, without its line feed. `write` writes the line, cut to the caps that it is
/// given, or complete for `None`.
pub(super) fn fit(
    max: usize,
    out: &mut Vec<u8>,
    write: &mut dyn FnMut(Option<&Caps>, &mut Vec<u8>),
) {
    let start = out.len();
    let mut length = |caps: Option<&Caps>, out: &mut Vec<u8>| {
        out.truncate(start);
        write(caps, out);
        json::replace_nul(start, out);
        out.len().saturating_sub(start)
    };
    if length(None, out) <= max {
        return;
    }
    let mut caps = Caps::none();
    for class in Class::ALL {
        caps.set(class, 0);
        if length(Some(&caps), out) > max {
            continue;
        }
        // Finds the largest amount that fits.
        let (mut fits, mut most) = (0, max / UNIT);
        while fits < most {
            let units = fits + (most - fits).div_ceil(2);
            caps.set(class, units);
            if length(Some(&caps), out) <= max {
                fits = units;
            } else {
                most = units - 1;
            }
        }
        caps.set(class, fits);
        length(Some(&caps), out);
        return;
    }
}

/// Returns a part of an ID, or its hash if an index would not accept it.
pub(super) fn short(part: &str) -> Cow<'_, str> {
    if part.len() <= KEY && !part.chars().any(char::is_control) {
        return Cow::Borrowed(part);
    }
    Cow::Owned(id_of_parts(&["scanmill.long.v1", part]))
}

/// Returns a text cut at a character boundary; `None` if nothing is left.
pub(super) fn cut(text: &str, bytes: usize) -> Option<&str> {
    if text.len() <= bytes {
        return Some(text);
    }
    text.get(..text.floor_char_boundary(bytes)).filter(|text| !text.is_empty())
}

fn clip(text: &mut CowStr<'_>, bytes: usize) {
    if text.len() > bytes {
        let end = text.floor_char_boundary(bytes);
        match text {
            Cow::Borrowed(text) => *text = text.get(..end).unwrap_or_default(),
            Cow::Owned(text) => text.truncate(end),
        }
    }
}

fn clip_option(text: &mut Option<CowStr<'_>>, bytes: usize) {
    if bytes == 0 {
        *text = None;
    } else if let Some(text) = text {
        clip(text, bytes);
    }
}

fn clip_string(text: &mut Option<String>, bytes: usize) {
    match text {
        Some(_) if bytes == 0 => *text = None,
        Some(text) => text.truncate(text.floor_char_boundary(bytes)),
        None => {}
    }
}

/// Returns a host cut to these caps. Its IDs must be taken before.
pub(super) fn clipped<'h>(host: &Host<'h>, caps: &Caps) -> Host<'h> {
    let mut host = host.clone();
    let (bytes, items) = (caps.bytes(Class::Rest), caps.items(Class::Rest));
    host.ports.truncate(caps.items(Class::Ports));
    for port in &mut host.ports {
        clip_port(port, caps);
    }
    clip_scripts(&mut host.scripts, caps);
    clip_os(&mut host.os, caps);
    clip_extra(&mut host.extra_ports, caps);
    clip_traces(&mut host.traces, caps);
    // The first address and the first name identify the host, so they are kept.
    host.addresses.truncate(items.max(1));
    for address in &mut host.addresses {
        clip(&mut address.text, bytes.max(UNIT));
        clip_option(&mut address.vendor, bytes);
    }
    host.hostnames.truncate(items.max(1));
    for name in &mut host.hostnames {
        clip(&mut name.name, bytes.max(UNIT));
        clip_option(&mut name.kind, bytes.max(UNIT));
    }
    if let HostState::Other(state) = &mut host.status.state {
        clip(state, bytes.max(UNIT));
    }
    for text in [&mut host.status.reason, &mut host.comment, &mut host.last_boot] {
        clip_option(text, bytes);
    }
    host
}

/// Returns a port cut to these caps.
pub(super) fn clipped_port<'h>(port: &Port<'h>, caps: &Caps) -> Port<'h> {
    let mut port = port.clone();
    clip_port(&mut port, caps);
    port
}

fn clip_port(port: &mut Port<'_>, caps: &Caps) {
    let (bytes, items) = (caps.bytes(Class::Rest), caps.items(Class::Rest));
    clip_scripts(&mut port.scripts, caps);
    port.services.truncate(items);
    for service in &mut port.services {
        clip_service(service, caps);
    }
    if let Protocol::Other(name) = &mut port.protocol {
        clip(name, bytes.max(UNIT));
    }
    if let crate::model::PortState::Other(state) = &mut port.state {
        clip(state, bytes.max(UNIT));
    }
    for text in [&mut port.reason, &mut port.reason_ip, &mut port.owner] {
        clip_option(text, bytes);
    }
}

fn clip_service(service: &mut Service<'_>, caps: &Caps) {
    let (bytes, items) = (caps.bytes(Class::Rest), caps.items(Class::Rest));
    clip_option(&mut service.fingerprint, caps.bytes(Class::Fingerprints));
    clip_option(&mut service.banner, caps.bytes(Class::Banners));
    for text in [
        &mut service.name,
        &mut service.product,
        &mut service.version,
        &mut service.extra_info,
        &mut service.hostname,
        &mut service.os_type,
        &mut service.device_type,
        &mut service.method,
        &mut service.tunnel,
        &mut service.rpc_proto,
    ] {
        clip_option(text, bytes);
    }
    service.cpes.truncate(items);
    service.cpes.iter_mut().for_each(|cpe| clip(cpe, bytes));
}

fn clip_scripts(scripts: &mut Vec<Script<'_>>, caps: &Caps) {
    scripts.truncate(caps.items(Class::Rest));
    for script in scripts {
        clip_script(script, caps);
    }
}

fn clip_script(script: &mut Script<'_>, caps: &Caps) {
    // A value cannot be cut in the middle: it is kept or removed.
    if caps.items(Class::Data) < usize::MAX && size(&script.data) > caps.bytes(Class::Data) {
        script.data = ScriptValue::None;
    }
    clip_option(&mut script.output, caps.bytes(Class::Output));
    clip(&mut script.name, caps.bytes(Class::Rest).max(UNIT));
}

/// Returns a script cut to these caps.
pub(super) fn clipped_script<'h>(script: &Script<'h>, caps: &Caps) -> Script<'h> {
    let mut script = script.clone();
    clip_script(&mut script, caps);
    script
}

fn size(data: &ScriptValue<'_>) -> usize {
    let mut text = Vec::new();
    data.write_json(&mut text);
    text.len()
}

fn clip_os(os: &mut OsDetection<'_>, caps: &Caps) {
    let (bytes, items) = (caps.bytes(Class::Rest), caps.items(Class::Rest));
    os.fingerprints.truncate(items);
    let fingerprint = caps.bytes(Class::Fingerprints);
    os.fingerprints.iter_mut().for_each(|text| clip(text, fingerprint));
    os.fingerprints.retain(|text| !text.is_empty());
    os.matches.truncate(items);
    os.matches.iter_mut().for_each(|found| clip_option(&mut found.name, bytes));
    os.classes.truncate(items);
    for class in &mut os.classes {
        for text in [&mut class.kind, &mut class.vendor, &mut class.family, &mut class.generation] {
            clip_option(text, bytes);
        }
        class.cpes.truncate(items);
        class.cpes.iter_mut().for_each(|cpe| clip(cpe, bytes));
    }
    os.ports_used.truncate(items);
    os.ports_used.iter_mut().for_each(|used| clip_option(&mut used.proto, bytes));
}

fn clip_extra(extra: &mut Vec<ExtraPorts<'_>>, caps: &Caps) {
    extra.truncate(caps.items(Class::ExtraPorts));
    for extra in extra {
        extra.reasons.truncate(caps.items(Class::ExtraPorts));
        for reason in &mut extra.reasons {
            clip_option(&mut reason.ports, caps.bytes(Class::ExtraPorts));
            clip_option(&mut reason.reason, caps.bytes(Class::ExtraPorts));
            clip_option(&mut reason.proto, caps.bytes(Class::ExtraPorts));
        }
    }
}

fn clip_traces(traces: &mut Vec<Trace<'_>>, caps: &Caps) {
    let (bytes, items) = (caps.bytes(Class::Trace), caps.items(Class::Trace));
    traces.truncate(items);
    for trace in traces {
        clip_option(&mut trace.proto, bytes);
        trace.hops.truncate(items);
        for hop in &mut trace.hops {
            clip_option(&mut hop.ip, bytes);
            clip_option(&mut hop.hostname, bytes);
        }
    }
}

/// Returns a scan header cut to these caps.
pub(super) fn clipped_header(header: &ScanHeader, caps: &Caps) -> ScanHeader {
    let mut header = header.clone();
    let bytes = caps.bytes(Class::Rest);
    clip_string(&mut header.scanner, bytes.max(UNIT));
    for text in [&mut header.scanner_version, &mut header.xml_version, &mut header.args] {
        clip_string(text, bytes);
    }
    header
}

/// Returns a scan record cut to these caps.
pub(super) fn clipped_record(record: &ScanSummary, caps: &Caps) -> ScanSummary {
    let mut record = record.clone();
    record.header = clipped_header(&record.header, caps);
    clip_scripts(&mut record.pre_scripts, caps);
    clip_scripts(&mut record.post_scripts, caps);
    let bytes = caps.bytes(Class::Rest);
    let stats = &mut record.stats;
    for text in [&mut stats.exit_status, &mut stats.error_message, &mut stats.summary] {
        clip_string(text, bytes);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a line of these texts, one in each of two classes, cut as far as necessary.
    fn line(max: usize, output: &str, banner: &str) -> String {
        let mut out = b"before ".to_vec();
        fit(max, &mut out, &mut |caps, out| {
            let kept = |class, text: &str| {
                let bytes = caps.map_or(usize::MAX, |caps| caps.bytes(class));
                cut(text, bytes).unwrap_or_default().to_owned()
            };
            out.extend_from_slice(kept(Class::Output, output).as_bytes());
            out.extend_from_slice(kept(Class::Banners, banner).as_bytes());
        });
        String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
    }

    #[test]
    fn what_fits_is_whole_and_of_others_the_first_class_is_cut_as_far_as_it_must_be() {
        let (output, banner) = ("o".repeat(1000), "b".repeat(1000));
        assert_eq!(line(2000, &output, &banner).len(), 2000);
        // The largest number of units that fits next to the banner.
        let short = line(1999, &output, &banner);
        assert_eq!((short.matches('o').count(), short.matches('b').count()), (960, 1000));
        let short = line(900, &output, &banner);
        assert_eq!((short.matches('o').count(), short.matches('b').count()), (0, 896));
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("a\u{e9}b", 4), Some("a\u{e9}b"));
        assert_eq!(cut("a\u{e9}b", 2), Some("a"));
        assert_eq!(cut("\u{e9}", 1), None);
        let mut text = CowStr::from("a\u{e9}b");
        clip(&mut text, 2);
        assert_eq!(text, "a");
    }

    #[test]
    fn parts_of_ids_that_no_index_takes_stand_as_their_hash() {
        assert_eq!(short("tcp"), "tcp");
        assert_eq!(short(&"x".repeat(KEY)).len(), KEY);
        for odd in [&*"x".repeat(KEY + 1), "a\nb"] {
            assert_eq!(short(odd).len(), 32);
            assert_ne!(short(odd), short("y\n"));
        }
    }

    #[test]
    fn a_value_of_a_script_is_whole_or_not_there() {
        let script = Script {
            name: "s".into(),
            output: Some("x".repeat(100).into()),
            data: ScriptValue::Text("y".repeat(100).into()),
            origin: crate::model::ScriptOrigin::Nse,
        };
        let mut caps = Caps::none();
        assert_eq!(clipped_script(&script, &caps), script);
        caps.set(Class::Data, 1);
        assert!(clipped_script(&script, &caps).data.is_none());
        caps.set(Class::Output, 1);
        assert_eq!(clipped_script(&script, &caps).output.unwrap().len(), UNIT);
        caps.set(Class::Output, 0);
        assert_eq!(clipped_script(&script, &caps).output, None);
    }
}
