//! Numbers and lists, formatted for people.

/// Formats a count with its noun, such as `1 scan`.
pub(super) fn plural(value: impl TryInto<u64>, one: &str) -> String {
    let digits = number(value);
    if digits == "1" { format!("1 {one}") } else { format!("{digits} {one}s") }
}

/// Formats a whole number with a comma between groups of three digits.
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

/// Joins items to lines that fit the width of a screen.
pub(super) fn wrap(items: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if line.len() + item.len() <= 66 => {
                line.push_str(", ");
                line.push_str(item);
            }
            last => {
                if let Some(last) = last {
                    last.push(',');
                }
                lines.push(item.clone());
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [(0_u64, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(number(value), text);
        }
    }
}
