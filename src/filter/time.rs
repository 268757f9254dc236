//! Times in an expression: a year, a month, a day, a minute or a second in UTC, each from its first to its last second.

use std::ops::RangeInclusive;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Parses a time such as `2026`, `2026-11`, `2026-11-30`, `2026-11-30T17:05` or `2026-11-30 17:05:09Z`, and returns its
/// seconds since 1970.
pub(super) fn parse(text: &str) -> Option<RangeInclusive<i64>> {
    let (date, clock) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at)?, Some(text.get(at..)?.get(1..)?)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4, 1970..=9999)?;
    let month = parts.next().map(|month| number(month, 2, 1..=12));
    let day = parts.next().map(|day| number(day, 2, 1..=31));
    if parts.next().is_some() {
        return None;
    }
    match (month, day, clock) {
        (None, None, None) => {
            Some(first(year, 1, 1)..=first(year.saturating_add(1), 1, 1).saturating_sub(1))
        }
        (Some(month), None, None) => {
            let month = month?;
            Some(first(year, month, 1)..=first(year, month.saturating_add(1), 1).saturating_sub(1))
        }
        (Some(month), Some(day), clock) => {
            let (month, day) = (month?, day?);
            let start = first(year, month, day);
            // A day that the month does not have would be in the next one.
            if start >= first(year, month.saturating_add(1), 1) {
                return None;
            }
            let (from, seconds) = clock.map_or(Some((0, DAY)), clock_seconds)?;
            let from = start.saturating_add(from);
            Some(from..=from.saturating_add(seconds).saturating_sub(1))
        }
        _ => None,
    }
}

/// Parses `17:05` or `17:05:09`, with or without a `Z`, and returns its first second in the day and its length.
fn clock_seconds(text: &str) -> Option<(i64, i64)> {
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let mut parts = text.split(':');
    let hour = number(parts.next()?, 2, 0..=23)?;
    let minute = number(parts.next()?, 2, 0..=59)?;
    let second = parts.next().map(|second| number(second, 2, 0..=59));
    if parts.next().is_some() {
        return None;
    }
    let start = hour.saturating_mul(3600).saturating_add(minute.saturating_mul(60));
    match second {
        Some(second) => Some((start.saturating_add(second?), 1)),
        None => Some((start, 60)),
    }
}

/// Parses a number of exactly this many digits.
fn number(text: &str, digits: usize, range: RangeInclusive<i64>) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| plain && range.contains(number))
}

/// Returns the first second of a day. Month 13 is January of the next year. The inverse of `Timestamp::rfc3339`: years
/// begin in March, so that the day that leap years add is the last one.
fn first(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 12 { (year.saturating_add(1), 1) } else { (year, month) };
    let year = if month > 2 { year } else { year.saturating_sub(1) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month.saturating_sub(3) } else { month.saturating_add(9) };
    let day_of_year = from_march.saturating_mul(153).saturating_add(2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era - 719_468) * DAY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn shown(text: &str) -> Option<String> {
        let range = parse(text)?;
        let show = |seconds| Timestamp::from_seconds(seconds).unwrap().to_string();
        Some(format!("{} {}", show(*range.start()), show(*range.end())))
    }

    #[test]
    fn times_are_ranges_of_seconds() {
        for (text, range) in [
            ("2026", "2026-01-01T00:00:00Z 2026-12-31T23:59:59Z"),
            ("2024-02", "2024-02-01T00:00:00Z 2024-02-29T23:59:59Z"),
            ("2026-12", "2026-12-01T00:00:00Z 2026-12-31T23:59:59Z"),
            ("2026-11-30", "2026-11-30T00:00:00Z 2026-11-30T23:59:59Z"),
            ("2026-11-30T17:05", "2026-11-30T17:05:00Z 2026-11-30T17:05:59Z"),
            ("2026-11-30 17:05:09Z", "2026-11-30T17:05:09Z 2026-11-30T17:05:09Z"),
            ("1970-01-01t00:00:00", "1970-01-01T00:00:00Z 1970-01-01T00:00:00Z"),
            ("9999", "9999-01-01T00:00:00Z 9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(range), "{text}");
        }
    }

    #[test]
    fn every_day_is_the_inverse_of_its_date() {
        for day in 0..i64::from(u16::MAX) {
            let start = Timestamp::from_seconds(day * DAY).unwrap();
            assert_eq!(parse(&start.date()), Some(day * DAY..=day * DAY + DAY - 1));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "26",
            "1969",
            "10000",
            "2026-13",
            "2026-00",
            "2026-1-1",
            "2026-02-30",
            "2023-02-29",
            "2026-11-31",
            "2026-11-30T",
            "2026-11-30T24:00",
            "2026-11-30T12",
            "2026-11-30T12:60",
            "2026-11-30T12:00:60",
            "2026-11-30T12:00:00:00",
            "2026T12:00",
            "2026-11T12:00",
            "+026",
            "2026-11-30-01",
            "now",
            "T",
            "2026-11-30T12:00+01:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
