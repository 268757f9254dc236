//! Targets: names, addresses and ranges of addresses (DATA_MODEL section 6).

mod blocks;
mod item;

use std::net::{IpAddr, Ipv6Addr};

use self::{
    blocks::{Addresses, Block, disjoint},
    item::{TargetItem, V6, items},
};
use crate::error::{Error, ErrorKind, Result};

/// Targets of a scan. Ranges are stored as ranges: a `/8` takes no more memory than a single address.
///
/// ```
/// use scanmill::request::Targets;
///
/// let targets = Targets::new("192.0.2.0/29, 198.51.100.1-2, db.example")?;
/// assert_eq!(targets.words(), ["192.0.2.1-6", "198.51.100.1-2", "db.example"]);
/// assert_eq!(targets.count(), 9);
/// # Ok::<(), scanmill::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Targets {
    /// Disjoint blocks of IPv4 addresses, in order.
    v4: Vec<Block>,
    /// Networks of IPv6 addresses in order, none contained in another.
    v6: Vec<V6>,
    /// Names, in the order in which they were given.
    names: Vec<String>,
}

/// Conversion to targets: from a text with comma-separated items, or a list of such texts.
pub trait IntoTargets {
    /// Converts to targets.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidTarget`] for a text that is not a target, and [`ErrorKind::InvalidArgument`]
    /// if IPv4 and IPv6 addresses are mixed.
    fn into_targets(self) -> Result<Targets>;

    /// Returns true for `*`, which stands for all hosts where hosts are selected, such as those of a script. It is not a
    /// target to scan.
    fn is_all(&self) -> bool {
        false
    }
}

fn is_star(text: &str) -> bool {
    text.trim() == "*"
}

impl IntoTargets for Targets {
    fn into_targets(self) -> Result<Targets> {
        Ok(self)
    }
}

impl IntoTargets for &str {
    fn into_targets(self) -> Result<Targets> {
        Targets::of([self])
    }

    fn is_all(&self) -> bool {
        is_star(self)
    }
}

impl IntoTargets for &String {
    fn into_targets(self) -> Result<Targets> {
        Targets::of([self])
    }

    fn is_all(&self) -> bool {
        is_star(self)
    }
}

impl IntoTargets for String {
    fn into_targets(self) -> Result<Targets> {
        Targets::of([self])
    }

    fn is_all(&self) -> bool {
        is_star(self)
    }
}

impl<T: AsRef<str>> IntoTargets for Vec<T> {
    fn into_targets(self) -> Result<Targets> {
        Targets::of(self)
    }

    fn is_all(&self) -> bool {
        matches!(&self[..], [one] if is_star(one.as_ref()))
    }
}

impl<T: AsRef<str>> IntoTargets for &[T] {
    fn into_targets(self) -> Result<Targets> {
        Targets::of(self)
    }

    fn is_all(&self) -> bool {
        matches!(&self[..], [one] if is_star(one.as_ref()))
    }
}

impl<T: AsRef<str>, const N: usize> IntoTargets for [T; N] {
    fn into_targets(self) -> Result<Targets> {
        Targets::of(self)
    }

    fn is_all(&self) -> bool {
        matches!(&self[..], [one] if is_star(one.as_ref()))
    }
}

impl Targets {
    /// Parses targets.
    ///
    /// # Errors
    /// Returns the errors of [`IntoTargets::into_targets`].
    pub fn new(targets: impl IntoTargets) -> Result<Self> {
        targets.into_targets()
    }

    fn of(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self> {
        let (mut ranges, mut products, mut v6, mut names) = (vec![], vec![], vec![], vec![]);
        for text in texts {
            for item in items(text.as_ref())? {
                match item {
                    TargetItem::Range(first, last) => ranges.push((first, last)),
                    TargetItem::Product(block) => products.push(block),
                    TargetItem::V6(network) => v6.push(network),
                    TargetItem::Name(name) => names.push(name),
                }
            }
        }
        let has_v4 = !ranges.is_empty() || !products.is_empty();
        if has_v4 && !v6.is_empty() {
            let message = "targets: IPv4 and IPv6 addresses cannot be scanned together";
            return Err(Error::new(ErrorKind::InvalidArgument(message.to_owned())));
        }
        let mut seen = std::collections::HashSet::new();
        names.retain(|name: &String| seen.insert(name.to_lowercase()));
        Ok(Self { v4: disjoint(ranges, &products), v6: V6::disjoint(v6), names })
    }

    /// Returns true if there are no targets.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty() && self.names.is_empty()
    }

    /// Returns true if there are IPv6 addresses.
    #[must_use]
    pub fn is_v6(&self) -> bool {
        !self.v6.is_empty()
    }

    /// Returns true if there are IPv4 addresses.
    #[must_use]
    pub fn is_v4(&self) -> bool {
        !self.v4.is_empty()
    }

    /// Returns the number of addresses and names, at most `u128::MAX`.
    #[must_use]
    pub fn count(&self) -> u128 {
        let v4 = self.v4.iter().map(|block| u128::from(block.count()));
        let v6 = self.v6.iter().map(V6::count);
        let names = u128::try_from(self.names.len()).unwrap_or(u128::MAX);
        v4.chain(v6).fold(names, u128::saturating_add)
    }

    /// Returns the targets as words for nmap. Ranges are written as ranges, so there are few words.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let v4 = self.v4.iter().map(ToString::to_string);
        let v6 = self.v6.iter().map(ToString::to_string);
        v4.chain(v6).chain(self.names.iter().cloned()).collect()
    }

    /// Returns each target as text: addresses in numeric order, then names. Ranges are expanded one address at a
    /// time.
    pub fn iter(&self) -> impl Iterator<Item = String> + '_ {
        let v4 = Addresses::of(&self.v4).map(|address| address.to_string());
        let v6 = self.v6.iter().flat_map(V6::iter);
        v4.chain(v6).chain(self.names.iter().cloned())
    }

    /// Returns true if the targets contain an address. The zone is not compared if the targets have none.
    #[must_use]
    pub fn contains(&self, address: IpAddr, zone: Option<&str>) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.iter().any(|block| block.contains(address.into())),
            IpAddr::V6(address) => self.has_v6(address, zone),
        }
    }

    fn has_v6(&self, address: Ipv6Addr, zone: Option<&str>) -> bool {
        self.v6.iter().any(|network| network.contains(address, zone))
    }

    /// Returns the names, as they were given.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the union of two sets of targets, which may contain both IPv4 and IPv6 addresses.
    #[must_use]
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut names = self.names.clone();
        let mut seen: std::collections::HashSet<_> =
            names.iter().map(|name| name.to_lowercase()).collect();
        names.extend(other.names.iter().filter(|name| seen.insert(name.to_lowercase())).cloned());
        let v4: Vec<Block> = self.v4.iter().chain(&other.v4).copied().collect();
        let v6 = self.v6.iter().chain(&other.v6).cloned().collect();
        Self { v4: disjoint(Vec::new(), &v4), v6: V6::disjoint(v6), names }
    }

    /// Splits the targets into at most `parts` parts of about equal size. A name is never split, and empty parts are
    /// left out.
    #[must_use]
    pub fn split(&self, parts: usize) -> Vec<Self> {
        let mut pieces: Vec<(u128, Self)> = Vec::new();
        let share = (self.count() / u128::try_from(parts.max(1)).unwrap_or(1)).max(1);
        for block in &self.v4 {
            for block in block.cut(share) {
                let part = Self { v4: vec![block], ..Self::default() };
                pieces.push((part.count(), part));
            }
        }
        for network in &self.v6 {
            for network in network.cut(share) {
                let part = Self { v6: vec![network], ..Self::default() };
                pieces.push((part.count(), part));
            }
        }
        for name in &self.names {
            pieces.push((1, Self { names: vec![name.clone()], ..Self::default() }));
        }
        // Assign the largest pieces first, each to the smallest part; pieces of equal size keep their order.
        pieces.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let mut all = vec![(0_u128, Self::default()); parts.max(1)];
        for (count, piece) in pieces {
            if let Some((sum, part)) = all.iter_mut().min_by_key(|(sum, _)| *sum) {
                *sum = sum.saturating_add(count);
                part.v4.extend(piece.v4);
                part.v6.extend(piece.v6);
                part.names.extend(piece.names);
            }
        }
        for (_, part) in &mut all {
            // Join pieces of one block that were assigned to the same part.
            part.v4 = disjoint(Vec::new(), &part.v4);
            part.v6.sort_unstable();
        }
        all.into_iter().map(|(_, part)| part).filter(|part| !part.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        Targets::new(text).unwrap().words().join(" ")
    }

    #[test]
    fn every_form_of_targets_is_accepted() {
        for (text, said, count) in [
            ("192.0.2.1", "192.0.2.1", 1),
            ("192.0.2.1-192.0.2.20", "192.0.2.1-20", 20),
            ("192.0.2.1 - 192.0.2.20", "192.0.2.1-20", 20),
            ("192.167-168.0.1-20", "192.167-168.0.1-20", 40),
            ("10.*.0.1", "10.0-255.0.1", 256),
            ("192.168.0.0/24", "192.168.0.1-254", 254),
            ("192.168.0.77/24", "192.168.0.1-254", 254),
            ("192.168.0.0/16", "192.168.0.1-255 192.168.1-254.0-255 192.168.255.0-254", 65534),
            ("192.0.2.4/31", "192.0.2.4-5", 2),
            ("192.0.2.5/31", "192.0.2.4-5", 2),
            ("192.0.2.5/32", "192.0.2.5", 1),
            ("192.0.2.5/30", "192.0.2.5-6", 2),
            ("web.example", "web.example", 1),
            ("FILESRV$", "FILESRV$", 1),
            ("https://user@web.example:8443/a?b#c", "web.example", 1),
            ("http://192.0.2.9/", "192.0.2.9", 1),
            ("http://[2001:db8::1]:80/", "2001:db8::1", 1),
            ("2001:DB8::1", "2001:db8::1", 1),
            ("fe80::1%eth0", "fe80::1%eth0", 1),
            ("2001:db8::/126", "2001:db8::/126", 4),
            ("2001:db8::7/126", "2001:db8::4/126", 4),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1", 1),
            ("", "", 0),
            (" \n", "", 0),
        ] {
            let targets = Targets::new(text).unwrap();
            assert_eq!(targets.words().join(" "), said, "{text}");
            assert_eq!(targets.count(), count, "{text}");
            assert_eq!(targets.iter().take(70_000).count() as u128, count, "{text}");
        }
    }

    #[test]
    fn targets_are_unique_and_sorted_with_names_last() {
        assert_eq!(
            words(
                "b.example, 192.0.2.9, 192.0.2.1-3, 192.0.2.2/31, 10.0.0.1, B.EXAMPLE, 192.0.2.9, a.example"
            ),
            "10.0.0.1 192.0.2.1-3 192.0.2.9 b.example a.example"
        );
        assert_eq!(words("10.0.0.0/8,10.1.2.3,10.9.*.*").split(' ').count(), 5);
        // A product with a gap that a range fills.
        let targets = Targets::new("10.0-1.0.5, 10.0.0.5-6").unwrap();
        assert_eq!(targets.iter().collect::<Vec<_>>(), ["10.0.0.5", "10.0.0.6", "10.1.0.5"]);
        assert_eq!(
            words("2001:db8::/64, 2001:db8::5, fe80::1%b, fe80::1%a, 2001:db8::/64"),
            "2001:db8::/64 fe80::1%a fe80::1%b"
        );
        assert_eq!(words("2001:db8::1, 2001:db8::1%eth0"), "2001:db8::1 2001:db8::1%eth0");
    }

    #[test]
    fn invalid_targets_are_refused() {
        for bad in [
            "256.1.1.1",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.",
            "300.1.2.3",
            "192.0.2.5-1",
            "192.0.2.1-256",
            "192.0.2.9-192.0.2.1",
            "192.0.2.0/33",
            "192.0.2.0/",
            "192.0.2.0/-1",
            "192.0.2.0/1.2",
            "-192.0.2.1",
            "-iL",
            "--script",
            "1.2.3.04",
            "01.2.3.4",
            "12345",
            "1.2.3.4-5-6",
            "1.2.3.4-1.2.3",
            "*.1",
            "...",
            "1..2.3",
            "192.0.2.1 192.0.2.2",
            "a b",
            "a,,b",
            "a,",
            ",",
            "0x7f.1",
            "0x7f000001",
            "host/24",
            "web;id",
            "$(id)",
            "a|b",
            "..",
            "a..b",
            "2001:db8::/129",
            "2001:db8::1-2",
            "::g",
            "fe80::1%",
            "fe80::1%a b",
            "fe80::1%;",
            "http://",
            "http:///x",
            "http://-x",
            "ht tp://x",
            "http://[::1",
            "\u{202e}evil",
            "a\0b",
            "10.0.0.0/8-9",
            "1.2.3.4/24/8",
        ] {
            let error = Targets::new(bad).expect_err(bad);
            assert!(matches!(error.kind(), ErrorKind::InvalidTarget { .. }), "{bad}: {error}");
        }
        let error = Targets::new("192.0.2.1,::1").unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidArgument(_)), "{error}");
        assert!(Targets::new(["192.0.2.1", "web.example"]).is_ok());
        assert!(Targets::new(["::1", "web.example"]).is_ok());
    }

    #[test]
    fn a_url_names_one_host() {
        for bad in ["http://192.0.2.1-200/", "http://192.0.2-9/", "https://10.*.0.1:8443/"] {
            let error = Targets::new(bad).expect_err(bad);
            assert!(matches!(error.kind(), ErrorKind::InvalidTarget { .. }), "{bad}: {error}");
        }
    }

    #[test]
    fn a_large_network_is_cheap_and_has_equal_parts() {
        let all = Targets::new("10.0.0.0/8, 2001:db8::/32, web.example");
        assert!(all.is_err());
        let all = Targets::new("10.0.0.0/8, web.example").unwrap();
        assert_eq!(all.count(), (1 << 24) - 1);
        assert!(all.contains("10.200.3.4".parse().unwrap(), None));
        assert!(!all.contains("10.0.0.0".parse().unwrap(), None));
        assert_eq!(all.iter().nth(1_000_000).unwrap(), "10.15.66.65");
        for parts in [1, 2, 3, 4, 7] {
            let split = all.split(parts);
            assert_eq!(split.len(), parts);
            assert_eq!(split.iter().map(Targets::count).sum::<u128>(), all.count());
            let (least, most) = (
                split.iter().map(Targets::count).min().unwrap(),
                split.iter().map(Targets::count).max().unwrap(),
            );
            assert!(most <= least * 2, "{parts}: {least} {most}");
        }
        let few = Targets::new("192.0.2.1-2").unwrap();
        assert_eq!(few.split(8).len(), 2);
        let network = Targets::new("2001:db8::/64").unwrap();
        assert_eq!(network.count(), 1 << 64);
        assert!(network.contains("2001:db8::9".parse().unwrap(), Some("eth0")));
    }
}
