//! Numbers and text of scans as a person reads them on a terminal.

use std::fmt::Write as _;

/// A number of things, such as `1 scan`.
pub(super) fn plural(value: impl TryInto<u64>, one: &str) -> String {
    let digits = number(value);
    if digits == "1" { format!("1 {one}") } else { format!("{digits} {one}s") }
}

/// A whole number with a thin mark every three digits.
pub(super) fn number(value: impl TryInto<u64>) -> String {
    let digits = value.try_into().unwrap_or_default().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown without decimals")]
pub(super) fn rate(count: u64, seconds: f64) -> String {
    if seconds > 0.05 {
        format!(", {:.0} MB/s", count as f64 / 1e6 / seconds)
    } else {
        String::new()
    }
}

/// Text from outside without what a terminal would obey: control and bidi characters are escaped.
pub(super) fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let bidi = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
        if c.is_control() || bidi || c == '\u{feff}' {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// The same, line by line.
pub(super) fn safe_lines(text: &str) -> String {
    text.lines().fold(String::new(), |mut all, line| {
        all.push_str(&safe(line));
        all.push('\n');
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_get_no_control_characters_from_scans() {
        assert_eq!(safe("a\u{1b}[31m\u{202e}b\n\u{9b}"), "a\\u{1b}[31m\\u{202e}b\\u{a}\\u{9b}");
        assert_eq!(safe("\u{fc}\u{20ac}"), "\u{fc}\u{20ac}");
    }

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [(0_u64, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(number(value), text);
        }
    }
}
