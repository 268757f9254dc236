//! Limits the length of lines: a line that is too long is written again from a truncated host.
//!
//! Most lines fit, and cost only a comparison of their length. In others, one class of fields after the other is
//! truncated as far as necessary (docs/siem.md, "Long lines").
//!
//! `Truncator` truncates every text and list of a record of the model, borrowed or owned. Only a few fields have a class
//! of their own, so a new field of a record is truncated with all others.

use std::borrow::Cow;

use crate::{
    model::{CowStr, Editor, FieldValue, ScanHeader, ScanSummary, ScriptValue, id_of_parts},
    text::json,
};

/// Smallest allowed limit of a line, in bytes. Everything that is never truncated fits.
pub const MIN_LINE_BYTES: usize = 8 << 10;
/// Default limit of a line, in bytes. Common log shippers accept lines of this length.
pub const DEFAULT_MAX_LINE_BYTES: usize = 32 << 10;

/// Step in which texts are truncated, in bytes. Lists lose one item at a time.
const STEP_BYTES: usize = 64;
/// Maximum length of a part of an ID, in bytes. A longer part, or one with control characters, is replaced by its
/// hash.
const MAX_ID_PART_BYTES: usize = 256;

/// Fields that are truncated together, in the order in which they are.
#[derive(Debug, Clone, Copy)]
enum FieldClass {
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

impl FieldClass {
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
pub(super) struct TruncationLimits([usize; FieldClass::ALL.len()]);

impl TruncationLimits {
    const fn unlimited() -> Self {
        Self([usize::MAX; FieldClass::ALL.len()])
    }

    fn set(&mut self, class: FieldClass, units: usize) {
        let cap = self.0.get_mut(class as usize);
        debug_assert!(cap.is_some(), "{class:?} has no limit");
        if let Some(cap) = cap {
            *cap = units;
        }
    }

    fn items(&self, class: FieldClass) -> usize {
        self.0.get(class as usize).copied().unwrap_or(usize::MAX)
    }

    /// Returns the maximum length of a text that belongs to no other class, in bytes.
    pub(super) fn text(&self) -> usize {
        self.bytes(FieldClass::Rest)
    }

    fn bytes(&self, class: FieldClass) -> usize {
        self.items(class).saturating_mul(STEP_BYTES)
    }
}

/// Writes a line of at most `max` bytes, without its line feed. `write` writes the line, truncated to its limits, or
/// complete for `None`.
pub(super) fn write_truncated(
    max: usize,
    out: &mut Vec<u8>,
    write: &mut dyn FnMut(Option<&TruncationLimits>, &mut Vec<u8>),
) {
    let start = out.len();
    let mut length = |limits: Option<&TruncationLimits>, out: &mut Vec<u8>| {
        out.truncate(start);
        write(limits, out);
        json::replace_nul(start, out);
        out.len().saturating_sub(start)
    };
    if length(None, out) <= max {
        return;
    }
    let mut limits = TruncationLimits::unlimited();
    for class in FieldClass::ALL {
        limits.set(class, 0);
        if length(Some(&limits), out) > max {
            continue;
        }
        // Finds the largest amount that fits.
        let (mut fits, mut most) = (0, max / STEP_BYTES);
        while fits < most {
            let units = fits + (most - fits).div_ceil(2);
            limits.set(class, units);
            if length(Some(&limits), out) <= max {
                fits = units;
            } else {
                most = units - 1;
            }
        }
        limits.set(class, fits);
        length(Some(&limits), out);
        return;
    }
}

/// Returns a part of an ID, or its hash if an index would not accept it.
pub(super) fn short_id_part(part: &str) -> Cow<'_, str> {
    if part.len() <= MAX_ID_PART_BYTES && !part.chars().any(char::is_control) {
        return Cow::Borrowed(part);
    }
    Cow::Owned(id_of_parts(&["scanmill.long.v1", part]))
}

/// Returns a text truncated between characters; `None` if nothing is left.
pub(super) fn truncate_str(text: &str, bytes: usize) -> Option<&str> {
    if text.len() <= bytes {
        return Some(text);
    }
    text.get(..text.floor_char_boundary(bytes)).filter(|text| !text.is_empty())
}

fn truncate_text(text: &mut CowStr<'_>, bytes: usize) {
    if text.len() > bytes {
        let end = text.floor_char_boundary(bytes);
        match text {
            Cow::Borrowed(text) => *text = text.get(..end).unwrap_or_default(),
            Cow::Owned(text) => text.truncate(end),
        }
    }
}

/// Editor that truncates every text and list of a record. The names of the fields decide the class.
struct Truncator<'c> {
    limits: &'c TruncationLimits,
    /// Class of texts and lists whose field has no class of its own.
    class: FieldClass,
    /// Number of bytes that are kept of texts that could be left out.
    least: usize,
}

impl<'c> Truncator<'c> {
    fn new(limits: &'c TruncationLimits) -> Self {
        Self { limits, class: FieldClass::Rest, least: 0 }
    }
}

impl Editor for Truncator<'_> {
    fn text(&mut self, _: &'static str, text: &mut CowStr<'_>) {
        truncate_text(text, self.limits.bytes(self.class).max(STEP_BYTES));
    }

    fn optional_text(&mut self, field: &'static str, text: &mut Option<CowStr<'_>>) {
        let class = match field {
            "output" => FieldClass::Output,
            "fingerprint" => FieldClass::Fingerprints,
            "banner" => FieldClass::Banners,
            _ => self.class,
        };
        let bytes = self.limits.bytes(class).max(self.least);
        match text {
            Some(_) if bytes == 0 => *text = None,
            Some(text) => truncate_text(text, bytes),
            None => {}
        }
    }

    fn owned_text(&mut self, field: &'static str, text: &mut String) {
        // The ID of a scan is a hash.
        if field != "scan_id" {
            let bytes = self.limits.bytes(self.class).max(STEP_BYTES);
            text.truncate(text.floor_char_boundary(bytes));
        }
    }

    fn optional_owned_text(&mut self, field: &'static str, text: &mut Option<String>) {
        // Events of every scanner have its name.
        let least = if field == "scanner" { STEP_BYTES } else { self.least };
        let bytes = self.limits.bytes(self.class).max(least);
        match text {
            Some(_) if bytes == 0 => *text = None,
            Some(text) => text.truncate(text.floor_char_boundary(bytes)),
            None => {}
        }
    }

    fn list<'a, T: FieldValue<'a>>(&mut self, field: &'static str, items: &mut Vec<T>) {
        // The class of the list itself, and that of its items.
        let (of_list, of_items) = match field {
            "ports" => (FieldClass::Ports, self.class),
            "extra_ports" | "reasons" => (FieldClass::ExtraPorts, FieldClass::ExtraPorts),
            "traces" | "hops" => (FieldClass::Trace, FieldClass::Trace),
            "fingerprints" => (self.class, FieldClass::Fingerprints),
            _ => (self.class, self.class),
        };
        // The first address and the first name identify the host, so they are kept.
        let identifies = matches!(field, "addresses" | "hostnames");
        items.truncate(self.limits.items(of_list).max(usize::from(identifies)));
        if field == "fingerprints" && self.limits.items(of_items) == 0 {
            items.clear();
        }
        let least = if field == "hostnames" { STEP_BYTES } else { 0 };
        let mut of_items = Truncator { limits: self.limits, class: of_items, least };
        for item in items {
            item.edit(field, &mut of_items);
        }
    }

    fn script_data(&mut self, data: &mut ScriptValue<'_>) {
        // A value cannot be cut in the middle: it is kept or removed.
        let limits = self.limits;
        if limits.items(FieldClass::Data) < usize::MAX
            && json_len(data) > limits.bytes(FieldClass::Data)
        {
            *data = ScriptValue::None;
        }
    }
}

fn json_len(data: &ScriptValue<'_>) -> usize {
    let mut text = Vec::new();
    data.write_json(&mut text);
    text.len()
}

/// Returns a truncated record, such as a host, port or script. The IDs of a host must be taken before.
pub(super) fn truncate_record<'a, T: FieldValue<'a> + Clone>(
    record: &T,
    limits: &TruncationLimits,
) -> T {
    let mut record = record.clone();
    record.edit("", &mut Truncator::new(limits));
    record
}

/// Returns a truncated scan header.
pub(super) fn truncate_header(header: &ScanHeader, limits: &TruncationLimits) -> ScanHeader {
    truncate_record(header, limits)
}

/// Returns a truncated summary of a scan. Its warnings, which no event has, stay.
pub(super) fn truncate_summary(summary: &ScanSummary, limits: &TruncationLimits) -> ScanSummary {
    let mut summary = summary.clone();
    // Names every field, so that a new one does not compile until it is listed here.
    let ScanSummary {
        header,
        scan_info,
        stats,
        pre_scripts,
        post_scripts,
        verbosity: _,
        debugging: _,
        hosts_seen: _,
        hosts_incomplete: _,
        truncated: _,
        resumed: _,
        bytes: _,
        content_sha256: _,
        diagnostics: _,
        has_scan: _,
    } = &mut summary;
    let mut truncator = Truncator::new(limits);
    header.edit("header", &mut truncator);
    scan_info.edit("scan_info", &mut truncator);
    stats.edit("stats", &mut truncator);
    pre_scripts.edit("pre_scripts", &mut truncator);
    post_scripts.edit("post_scripts", &mut truncator);
    summary
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Script;

    /// Writes a line of these texts, one in each of two classes, cut as far as necessary.
    fn line(max: usize, output: &str, banner: &str) -> String {
        let mut out = b"before ".to_vec();
        write_truncated(max, &mut out, &mut |limits, out| {
            let kept = |class, text: &str| {
                let bytes = limits.map_or(usize::MAX, |limits| limits.bytes(class));
                truncate_str(text, bytes).unwrap_or_default().to_owned()
            };
            out.extend_from_slice(kept(FieldClass::Output, output).as_bytes());
            out.extend_from_slice(kept(FieldClass::Banners, banner).as_bytes());
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
        assert_eq!(truncate_str("a\u{e9}b", 4), Some("a\u{e9}b"));
        assert_eq!(truncate_str("a\u{e9}b", 2), Some("a"));
        assert_eq!(truncate_str("\u{e9}", 1), None);
        let mut text = CowStr::from("a\u{e9}b");
        truncate_text(&mut text, 2);
        assert_eq!(text, "a");
    }

    #[test]
    fn long_parts_of_ids_are_replaced_by_their_hash() {
        assert_eq!(short_id_part("tcp"), "tcp");
        assert_eq!(short_id_part(&"x".repeat(MAX_ID_PART_BYTES)).len(), MAX_ID_PART_BYTES);
        for odd in [&*"x".repeat(MAX_ID_PART_BYTES + 1), "a\nb"] {
            assert_eq!(short_id_part(odd).len(), 32);
            assert_ne!(short_id_part(odd), short_id_part("y\n"));
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
        let mut limits = TruncationLimits::unlimited();
        assert_eq!(truncate_record(&script, &limits), script);
        limits.set(FieldClass::Data, 1);
        assert!(truncate_record(&script, &limits).data.is_none());
        limits.set(FieldClass::Output, 1);
        assert_eq!(truncate_record(&script, &limits).output.unwrap().len(), STEP_BYTES);
        limits.set(FieldClass::Output, 0);
        assert_eq!(truncate_record(&script, &limits).output, None);
    }

    #[test]
    fn owned_texts_are_truncated_but_not_what_identifies_a_scan() {
        let long = || Some("x".repeat(1000));
        let header = ScanHeader {
            scan_id: "9".repeat(1000),
            scanner: long(),
            args: long(),
            profile_name: long(),
            start_str: long(),
            ..ScanHeader::default()
        };
        let mut summary = ScanSummary { header, has_scan: true, ..ScanSummary::default() };
        summary.stats.error_message = long();
        summary.scan_info = vec![crate::model::ScanInfo { services: long(), ..Default::default() }];
        let mut limits = TruncationLimits::unlimited();
        assert_eq!(truncate_summary(&summary, &limits), summary);
        let lengths = |summary: &ScanSummary| {
            let header = &summary.header;
            let services = summary.scan_info.first().and_then(|info| info.services.as_ref());
            [
                Some(&header.scan_id),
                header.scanner.as_ref(),
                header.args.as_ref(),
                header.profile_name.as_ref(),
                header.start_str.as_ref(),
                summary.stats.error_message.as_ref(),
                services,
            ]
            .map(|text| text.map(String::len))
        };
        limits.set(FieldClass::Rest, 2);
        let [id, others @ ..] = lengths(&truncate_summary(&summary, &limits));
        assert_eq!((id, others), (Some(1000), [Some(2 * STEP_BYTES); 6]));
        limits.set(FieldClass::Rest, 0);
        let [id, scanner, others @ ..] = lengths(&truncate_summary(&summary, &limits));
        assert_eq!((id, scanner, others), (Some(1000), Some(STEP_BYTES), [None; 5]));
    }
}
