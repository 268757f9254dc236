//! Points in time as nmap records them: whole seconds since 1970 in UTC.

use super::record::plain_values;
use crate::{
    codec::{Codec, RecordReader, RecordWriter},
    text::json::WriteJson,
};

/// Seconds since 1970-01-01T00:00:00Z, between the years 1970 and 9999 (DATA_MODEL rule T5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

plain_values!(, as text: Timestamp);

impl Codec<'_> for Timestamp {
    fn encode(&self, to: &mut RecordWriter) {
        self.0.encode(to);
    }

    fn decode(from: &mut RecordReader<'_>) -> Option<Self> {
        Self::from_seconds(i64::decode(from)?)
    }
}

impl WriteJson for Timestamp {
    fn write_member(self, lead: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(lead.as_bytes());
        out.push(b'"');
        out.extend_from_slice(&self.rfc3339());
        out.push(b'"');
    }
}

/// Last second of the year 9999.
const LAST: i64 = 253_402_300_799;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// Creates a time from seconds; `None` outside 0..=253402300799 (the year 9999), which no table can hold.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Option<Self> {
        if seconds < 0 || seconds > LAST { None } else { Some(Self(seconds)) }
    }

    /// Returns the seconds since 1970.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// Returns the microseconds since 1970, the unit of all Arrow tables.
    #[must_use]
    pub const fn micros(self) -> i64 {
        // 253402300799 * 10^6 is far below i64::MAX.
        self.0 * 1_000_000
    }

    /// Returns the RFC 3339 text, such as `2023-11-14T22:13:20Z`: always 20 ASCII bytes.
    #[must_use]
    pub fn rfc3339(self) -> [u8; 20] {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        let (year, month, day) = civil(days);
        let mut out = *b"0000-00-00T00:00:00Z";
        for (at, value) in [
            (0, year / 100),
            (2, year % 100),
            (5, month),
            (8, day),
            (11, second / 3600),
            (14, second / 60 % 60),
            (17, second % 60),
        ] {
            let value = u8::try_from(value).unwrap_or(0);
            out[at] = b'0' + value / 10;
            out[at + 1] = b'0' + value % 10;
        }
        out
    }
}

impl Timestamp {
    /// Parses an RFC 3339 text of whole seconds, such as `2023-11-14T22:13:20Z`. The offset may be missing, as in the
    /// times that scripts of nmap write, and then is UTC. Returns `None` for any other text, and for times that no
    /// table can hold.
    ///
    /// ```
    /// use scanmill::model::Timestamp;
    ///
    /// let time = Timestamp::from_rfc3339("2023-11-14T23:13:20+01:00").unwrap();
    /// assert_eq!(time.seconds(), 1_700_000_000);
    /// assert_eq!(Timestamp::from_rfc3339("2023-11-14"), None);
    /// ```
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| -> Option<i64> {
            let digits = text.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
            digits?.parse().ok()
        };
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if separators.iter().any(|(at, byte)| text.as_bytes().get(*at) != Some(byte)) {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let days = days(year, month, day);
        // A leap second is the first second of the next minute.
        if civil(days) != (year, month, day) || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let offset = match (text.get(19..)?, number(20, 22), number(23, 25)) {
            ("" | "Z", ..) => 0,
            (zone, Some(hours), Some(minutes))
                if zone.len() == 6 && text.as_bytes().get(22) == Some(&b':') =>
            {
                let minutes = hours * 60 + minutes;
                match zone.as_bytes().first() {
                    Some(b'+') => minutes * 60,
                    Some(b'-') => -minutes * 60,
                    _ => return None,
                }
            }
            _ => return None,
        };
        Self::from_seconds(days * 86_400 + hour * 3600 + minute * 60 + second - offset)
    }

    /// Returns the UTC date, such as `2023-11-14`.
    #[must_use]
    pub fn date(self) -> String {
        let [date @ .., _, _, _, _, _, _, _, _, _, _] = self.rfc3339();
        String::from_utf8_lossy(&date).into_owned()
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(&self.rfc3339()).unwrap_or_default())
    }
}

/// Converts days since 1970-01-01 to year, month and day, with 400-year eras that begin in March of the year 0.
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// Converts a date, whose parts have at most four digits, to days since 1970-01-01. The inverse of [`civil`] for dates
/// that exist.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_times_are_parsed() {
        for seconds in (0..=LAST).step_by(86_400 * 13 + 12_345).chain([LAST]) {
            let time = Timestamp::from_seconds(seconds).unwrap();
            assert_eq!(Timestamp::from_rfc3339(&time.to_string()), Some(time));
        }
        for (text, seconds) in [
            ("2023-11-14T22:13:20", 1_700_000_000),
            ("2023-11-14T22:13:20+00:00", 1_700_000_000),
            ("2023-11-14T16:43:20-05:30", 1_700_000_000),
            ("1970-01-01T00:30:00+00:30", 0),
            ("2016-12-31T23:59:60Z", 1_483_228_800),
        ] {
            assert_eq!(
                Timestamp::from_rfc3339(text).map(Timestamp::seconds),
                Some(seconds),
                "{text}"
            );
        }
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in [
            "",
            "2023-11-14",
            "2023-11-14 22:13:20",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-00-10T00:00:00Z",
            "2023-11-14T24:00:00Z",
            "2023-11-14T22:60:00Z",
            "2023-11-14T22:13:61Z",
            "2023-11-14T22:13:20.5Z",
            "2023-11-14T22:13:20+1:00",
            "2023-11-14T22:13:20 01:00",
            "2023-11-14T22:13:2\u{e9}",
            "+023-11-14T22:13:20Z",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::from_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn known_times_are_written_in_rfc3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (LAST, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Timestamp::from_seconds(seconds).unwrap().to_string(), text);
        }
    }

    #[test]
    fn times_outside_the_tables_are_refused() {
        assert!(Timestamp::from_seconds(-1).is_none());
        assert!(Timestamp::from_seconds(LAST + 1).is_none());
    }
}
