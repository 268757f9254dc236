//! Points in time as nmap records them: whole seconds since 1970 in UTC.

use super::record::plain_values;
use crate::codec::{Codec, RecordReader, RecordWriter};

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

#[cfg(test)]
mod tests {
    use super::*;

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
