//! Limits the length of lines: a line that is too long is written again from a host that is cut.
//!
//! Most lines fit, and cost only a comparison of their length. For others, one class of fields after the other is cut
//! as far as necessary (docs/siem.md, "Long lines").

use std::borrow::Cow;

use crate::{
    model::{CowStr, Editor, FieldValue, ScanHeader, ScanSummary, ScriptValue, id_of_parts},
    text::json,
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

fn clip_string(text: &mut Option<String>, bytes: usize) {
    match text {
        Some(_) if bytes == 0 => *text = None,
        Some(text) => text.truncate(text.floor_char_boundary(bytes)),
        None => {}
    }
}

/// Editor that cuts every text and list of a record. The names of the fields decide the class, so that a new field is
/// cut with all others.
struct Clipper<'c> {
    caps: &'c Caps,
    /// Class of texts and lists whose field has no class of its own.
    class: Class,
    /// Number of bytes that are kept of texts that could be left out.
    least: usize,
}

impl<'c> Clipper<'c> {
    fn new(caps: &'c Caps) -> Self {
        Self { caps, class: Class::Rest, least: 0 }
    }
}

impl Editor for Clipper<'_> {
    fn text(&mut self, _: &'static str, text: &mut CowStr<'_>) {
        clip(text, self.caps.bytes(self.class).max(UNIT));
    }

    fn optional_text(&mut self, field: &'static str, text: &mut Option<CowStr<'_>>) {
        let class = match field {
            "output" => Class::Output,
            "fingerprint" => Class::Fingerprints,
            "banner" => Class::Banners,
            _ => self.class,
        };
        let bytes = self.caps.bytes(class).max(self.least);
        match text {
            Some(_) if bytes == 0 => *text = None,
            Some(text) => clip(text, bytes),
            None => {}
        }
    }

    fn list<'a, T: FieldValue<'a>>(&mut self, field: &'static str, items: &mut Vec<T>) {
        // The class of the list itself, and that of its items.
        let (of_list, of_items) = match field {
            "ports" => (Class::Ports, self.class),
            "extra_ports" | "reasons" => (Class::ExtraPorts, Class::ExtraPorts),
            "traces" | "hops" => (Class::Trace, Class::Trace),
            "fingerprints" => (self.class, Class::Fingerprints),
            _ => (self.class, self.class),
        };
        // The first address and the first name identify the host, so they are kept.
        let identifies = matches!(field, "addresses" | "hostnames");
        items.truncate(self.caps.items(of_list).max(usize::from(identifies)));
        if field == "fingerprints" && self.caps.items(of_items) == 0 {
            items.clear();
        }
        let least = if field == "hostnames" { UNIT } else { 0 };
        let mut of_items = Clipper { caps: self.caps, class: of_items, least };
        for item in items {
            item.edit(field, &mut of_items);
        }
    }

    fn script_data(&mut self, data: &mut ScriptValue<'_>) {
        // A value cannot be cut in the middle: it is kept or removed.
        let caps = self.caps;
        if caps.items(Class::Data) < usize::MAX && size(data) > caps.bytes(Class::Data) {
            *data = ScriptValue::None;
        }
    }
}

fn size(data: &ScriptValue<'_>) -> usize {
    let mut text = Vec::new();
    data.write_json(&mut text);
    text.len()
}

/// Returns a record, such as a host, port or script, cut to these caps. The IDs of a host must be taken before.
pub(super) fn clipped<'a, T: FieldValue<'a> + Clone>(record: &T, caps: &Caps) -> T {
    let mut record = record.clone();
    record.edit("", &mut Clipper::new(caps));
    record
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
    record.pre_scripts.edit("scripts", &mut Clipper::new(caps));
    record.post_scripts.edit("scripts", &mut Clipper::new(caps));
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
    use crate::model::Script;

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
    fn a_line_that_does_not_fit_is_truncated_class_by_class() {
        let (output, banner) = ("o".repeat(1000), "b".repeat(1000));
        assert_eq!(line(2000, &output, &banner).len(), 2000);
        // The largest number of units that fits next to the banner.
        let short = line(1999, &output, &banner);
        assert_eq!((short.matches('o').count(), short.matches('b').count()), (960, 1000));
        let short = line(900, &output, &banner);
        assert_eq!((short.matches('o').count(), short.matches('b').count()), (0, 896));
    }

    #[test]
    fn text_is_truncated_between_characters() {
        assert_eq!(cut("a\u{e9}b", 4), Some("a\u{e9}b"));
        assert_eq!(cut("a\u{e9}b", 2), Some("a"));
        assert_eq!(cut("\u{e9}", 1), None);
        let mut text = CowStr::from("a\u{e9}b");
        clip(&mut text, 2);
        assert_eq!(text, "a");
    }

    #[test]
    fn long_parts_of_ids_are_replaced_by_their_hash() {
        assert_eq!(short("tcp"), "tcp");
        assert_eq!(short(&"x".repeat(KEY)).len(), KEY);
        for odd in [&*"x".repeat(KEY + 1), "a\nb"] {
            assert_eq!(short(odd).len(), 32);
            assert_ne!(short(odd), short("y\n"));
        }
    }

    #[test]
    fn a_script_value_is_complete_or_omitted() {
        let script = Script {
            name: "s".into(),
            output: Some("x".repeat(100).into()),
            data: ScriptValue::Text("y".repeat(100).into()),
            origin: crate::model::ScriptOrigin::Nse,
        };
        let mut caps = Caps::none();
        assert_eq!(clipped(&script, &caps), script);
        caps.set(Class::Data, 1);
        assert!(clipped(&script, &caps).data.is_none());
        caps.set(Class::Output, 1);
        assert_eq!(clipped(&script, &caps).output.unwrap().len(), UNIT);
        caps.set(Class::Output, 0);
        assert_eq!(clipped(&script, &caps).output, None);
    }
}
