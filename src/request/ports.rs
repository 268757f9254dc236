//! Ports to scan: numbers and ranges.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use crate::error::{Error, ErrorKind, Result};

/// Set of ports from 1 to 65535, in ascending order and without duplicates.
///
/// ```
/// use scanmill::request::PortSet;
///
/// let ports: PortSet = "443, 80-82,81".parse()?;
/// assert_eq!(ports.to_string(), "80-82,443");
/// assert!(ports.contains(81));
/// assert!("0".parse::<PortSet>().is_err());
/// # Ok::<(), scanmill::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortSet(Vec<RangeInclusive<u16>>);

impl PortSet {
    /// Creates a set from ranges in any order.
    pub(crate) fn of(mut ranges: Vec<RangeInclusive<u16>>) -> Self {
        ranges.sort_unstable_by_key(|range| *range.start());
        let mut joined: Vec<RangeInclusive<u16>> = Vec::new();
        for range in ranges {
            match joined.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => joined.push(range),
            }
        }
        Self(joined)
    }

    /// Returns true if the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if the set contains a port.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(&port))
    }

    /// Returns the union of two sets.
    #[must_use]
    pub(crate) fn union(&self, other: &Self) -> Self {
        Self::of(self.0.iter().chain(&other.0).cloned().collect())
    }

    /// Returns the ports in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().cloned().flatten()
    }
}

impl fmt::Display for PortSet {
    /// Formats the ports for `-p`: `22,80-82`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, range) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str(",")?;
            }
            write!(f, "{}", range.start())?;
            if range.start() != range.end() {
                write!(f, "-{}", range.end())?;
            }
        }
        Ok(())
    }
}

impl FromStr for PortSet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.split(',').map(item).collect::<Result<Vec<_>>>().map(Self::of)
    }
}

/// Conversion to ports: from a number, a text such as `22,80-90`, or a list or range of these.
pub trait IntoPorts {
    /// Converts to ports.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidPort`] for 0, numbers above 65535, open or reversed ranges, empty items, names,
    /// and prefixes such as `T:` (DATA_MODEL section 6).
    fn into_ports(self) -> Result<PortSet>;
}

impl IntoPorts for PortSet {
    fn into_ports(self) -> Result<PortSet> {
        Ok(self)
    }
}

impl IntoPorts for &str {
    fn into_ports(self) -> Result<PortSet> {
        self.parse()
    }
}

impl IntoPorts for String {
    fn into_ports(self) -> Result<PortSet> {
        self.parse()
    }
}

impl IntoPorts for &String {
    fn into_ports(self) -> Result<PortSet> {
        self.parse()
    }
}

impl IntoPorts for u16 {
    fn into_ports(self) -> Result<PortSet> {
        (self..=self).into_ports()
    }
}

impl IntoPorts for RangeInclusive<u16> {
    fn into_ports(self) -> Result<PortSet> {
        let text = format!("{}-{}", self.start(), self.end());
        check(u32::from(*self.start()), u32::from(*self.end()), &text)
            .map(|range| PortSet(vec![range]))
    }
}

impl<T: IntoPorts> IntoPorts for Vec<T> {
    fn into_ports(self) -> Result<PortSet> {
        let sets = self.into_iter().map(IntoPorts::into_ports).collect::<Result<Vec<_>>>()?;
        Ok(PortSet::of(sets.into_iter().flat_map(|set| set.0).collect()))
    }
}

impl<T: IntoPorts + Clone> IntoPorts for &[T] {
    fn into_ports(self) -> Result<PortSet> {
        self.to_vec().into_ports()
    }
}

impl<T: IntoPorts, const N: usize> IntoPorts for [T; N] {
    fn into_ports(self) -> Result<PortSet> {
        Vec::from(self).into_ports()
    }
}

fn item(text: &str) -> Result<RangeInclusive<u16>> {
    let shown = text.trim();
    let (from, to) = shown.split_once('-').unwrap_or((shown, shown));
    match (number(from), number(to)) {
        (Some(from), Some(to)) => check(from, to, shown),
        _ if shown.is_empty() => Err(invalid("", "an item is empty")),
        _ => Err(invalid(
            shown,
            format!("{shown:?} is not a port: give a number, or two with - between them"),
        )),
    }
}

/// Parses a number that consists of digits only: no sign, no name.
fn number(text: &str) -> Option<u32> {
    let digits = text.trim();
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u32::MAX))
}

fn check(from: u32, to: u32, shown: &str) -> Result<RangeInclusive<u16>> {
    match (u16::try_from(from), u16::try_from(to)) {
        (Ok(1..), Ok(1..)) if from > to => Err(invalid(shown, format!("{shown:?} is reversed"))),
        (Ok(from @ 1..), Ok(to @ 1..)) => Ok(from..=to),
        _ => Err(invalid(shown, format!("{shown:?} is out of range: ports are 1 to 65535"))),
    }
}

fn invalid(item: &str, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidPort { item: item.to_owned(), message: message.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_sorted_unique_and_compressed() {
        for (given, shown) in [
            ("22", "22"),
            ("1-100,443", "1-100,443"),
            (" 443 , 80 - 82 ", "80-82,443"),
            ("82,81,80,22", "22,80-82"),
            ("1-65535", "1-65535"),
            ("5-9,7-12,13", "5-13"),
            ("0022", "22"),
        ] {
            assert_eq!(given.into_ports().unwrap().to_string(), shown, "{given}");
        }
        assert_eq!(22.into_ports().unwrap().to_string(), "22");
        assert_eq!((1..=5).into_ports().unwrap().to_string(), "1-5");
        assert_eq!([80, 22, 81, 80].into_ports().unwrap().to_string(), "22,80-81");
        assert_eq!(["22", "80-82,443"].into_ports().unwrap().to_string(), "22,80-82,443");
        assert_eq!([1..=3, 2..=9].as_slice().into_ports().unwrap().to_string(), "1-9");
        assert!(Vec::<u16>::new().into_ports().unwrap().is_empty());
    }

    #[test]
    fn invalid_ports_are_refused() {
        for bad in [
            "",
            " ",
            "0",
            "65536",
            "99999999999999999999",
            "-1",
            "1-",
            "-",
            "5-3",
            "0-5",
            "1-65536",
            "22,",
            ",22",
            "22,,80",
            "http",
            "T:22",
            "U:53",
            "22-http",
            "1-2-3",
            "*",
            "[1-5]",
            "+22",
            "2 2",
            "22;80",
            "٢٢",
        ] {
            let error = bad.into_ports().unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::InvalidPort { .. }), "{bad:?}: {error}");
        }
        assert!(0.into_ports().is_err());
        #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
        let backwards = 9..=3;
        assert!(backwards.into_ports().is_err());
    }
}
