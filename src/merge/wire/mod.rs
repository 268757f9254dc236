//! Compact records of hosts in memory or in a file, which are read without copying any text.
//!
//! A record is a list of numbers and flags, followed by all texts. The texts are checked to be UTF-8 at once, and
//! each text is a slice of them. Two kinds of records outlive the process that wrote them: those of [`pack_host`] and
//! those in saved states ([`state`](super::state)). Code that stores them must detect records of another layout.

mod model;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{Address, CowStr, Host, Timestamp};

/// Implements [`Wire`] for structs, field by field.
macro_rules! structs {
    ($($type:ident $(<$life:lifetime>)? { $($field:ident),* $(,)? })*) => {
        $(impl<'a> $crate::merge::wire::Wire<'a> for $type $(<$life>)? {
            fn put(&self, out: &mut $crate::merge::wire::Out) {
                let Self { $($field),* } = self;
                $($crate::merge::wire::Wire::put($field, out);)*
            }

            fn get(from: &mut $crate::merge::wire::In<'a>) -> Option<Self> {
                Some(Self { $($field: $crate::merge::wire::Wire::get(from)?),* })
            }
        })*
    };
}

pub(super) use structs;

/// Buffers of a record that is being written.
#[derive(Debug, Default)]
pub(super) struct Out {
    numbers: Vec<u8>,
    texts: Vec<u8>,
}

impl Out {
    /// Appends a value to `out` as a record.
    pub(super) fn record<'a>(&mut self, value: &impl Wire<'a>, out: &mut Vec<u8>) {
        self.numbers.clear();
        self.texts.clear();
        value.put(self);
        put_length(self.numbers.len(), out);
        out.extend_from_slice(&self.numbers);
        out.extend_from_slice(&self.texts);
    }
}

/// Appends a host to `out` as a record.
pub(crate) fn pack_host(host: &Host<'_>, out: &mut Vec<u8>) {
    Out::default().record(host, out);
}

/// Reads a host; `None` if the record is invalid. The record may come from a file that anyone wrote. An address that
/// is marked as a literal is written without checking its text, so it must be one.
pub(crate) fn unpack_host(record: &[u8]) -> Option<Host<'_>> {
    let host: Host<'_> = read(record)?;
    has_true_literals(&host).then_some(host)
}

/// Rest of a record that is being read.
#[derive(Debug)]
pub(super) struct In<'a> {
    numbers: &'a [u8],
    texts: &'a str,
}

/// Reads the value of a record, which must end with the slice.
pub(super) fn read<'a, T: Wire<'a>>(record: &'a [u8]) -> Option<T> {
    let (len, rest) = split_length(record)?;
    let (numbers, texts) = rest.split_at_checked(len)?;
    let mut from = In { numbers, texts: std::str::from_utf8(texts).ok()? };
    T::get(&mut from)
}

/// Returns true if every address that is marked as a literal is one. Such addresses are written without checking
/// their text, so records that anyone may have written must pass this check.
pub(super) fn has_true_literals(host: &Host<'_>) -> bool {
    let is_literal =
        |address: &Address<'_>| address.ip.is_none_or(|ip| address.text.parse() == Ok(ip));
    host.addresses.iter().all(is_literal)
}

/// Writes a length with seven bits per byte.
pub(super) fn put_length(len: usize, out: &mut Vec<u8>) {
    put_bits(u64::try_from(len).unwrap_or(u64::MAX), out);
}

/// Splits off a length.
pub(super) fn split_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut rest = bytes;
    let len = take_bits(&mut rest)?;
    Some((usize::try_from(len).ok()?, rest))
}

fn put_bits(mut bits: u64, out: &mut Vec<u8>) {
    while bits >= 0x80 {
        out.push(bits.to_le_bytes()[0] | 0x80);
        bits >>= 7;
    }
    out.push(bits.to_le_bytes()[0]);
}

fn take_bits(bytes: &mut &[u8]) -> Option<u64> {
    let mut bits = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        bits |= u64::from(first & 0x7f) << shift;
        if *first < 0x80 {
            return Some(bits);
        }
    }
    None
}

/// Maximum number of list items for which memory is reserved before they are read.
const RESERVED: usize = 1024;

/// Value that a record can hold.
pub(super) trait Wire<'a>: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Out);
    /// Takes the value; `None` if the record is invalid.
    fn get(from: &mut In<'a>) -> Option<Self>;
}

impl Wire<'_> for u64 {
    fn put(&self, out: &mut Out) {
        put_bits(*self, &mut out.numbers);
    }

    fn get(from: &mut In<'_>) -> Option<Self> {
        take_bits(&mut from.numbers)
    }
}

impl Wire<'_> for i64 {
    fn put(&self, out: &mut Out) {
        // The sign becomes the lowest bit, so that small numbers of both signs are short.
        ((self << 1) ^ (self >> 63)).cast_unsigned().put(out);
    }

    fn get(from: &mut In<'_>) -> Option<Self> {
        let bits = u64::get(from)?;
        Some((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed())
    }
}

/// Implements [`Wire`] for numbers that are written as wider ones.
macro_rules! narrow {
    ($($narrow:ty as $wide:ty),*) => {
        $(impl Wire<'_> for $narrow {
            fn put(&self, out: &mut Out) {
                <$wide>::from(*self).put(out);
            }

            fn get(from: &mut In<'_>) -> Option<Self> {
                <$wide as Wire<'_>>::get(from)?.try_into().ok()
            }
        })*
    };
}

narrow!(u8 as u64, u16 as u64, u32 as u64, i32 as i64);

impl Wire<'_> for usize {
    fn put(&self, out: &mut Out) {
        put_length(*self, &mut out.numbers);
    }

    fn get(from: &mut In<'_>) -> Option<Self> {
        u64::get(from)?.try_into().ok()
    }
}

impl Wire<'_> for bool {
    fn put(&self, out: &mut Out) {
        u8::from(*self).put(out);
    }

    fn get(from: &mut In<'_>) -> Option<Self> {
        u8::get(from).map(|value| value != 0)
    }
}

impl Wire<'_> for f64 {
    fn put(&self, out: &mut Out) {
        out.numbers.extend_from_slice(&self.to_le_bytes());
    }

    fn get(from: &mut In<'_>) -> Option<Self> {
        let (bytes, rest) = from.numbers.split_first_chunk::<8>()?;
        from.numbers = rest;
        Some(Self::from_le_bytes(*bytes))
    }
}

impl Wire<'_> for Timestamp {
    fn put(&self, out: &mut Out) {
        self.seconds().put(out);
    }

    fn get(from: &mut In<'_>) -> Option<Self> {
        Self::from_seconds(i64::get(from)?)
    }
}

impl<'a> Wire<'a> for &'a str {
    fn put(&self, out: &mut Out) {
        self.len().put(out);
        out.texts.extend_from_slice(self.as_bytes());
    }

    fn get(from: &mut In<'a>) -> Option<Self> {
        let len = usize::get(from)?;
        let (text, rest) = from.texts.split_at_checked(len)?;
        from.texts = rest;
        Some(text)
    }
}

impl<'a> Wire<'a> for CowStr<'a> {
    fn put(&self, out: &mut Out) {
        let text: &str = self;
        text.len().put(out);
        out.texts.extend_from_slice(text.as_bytes());
    }

    fn get(from: &mut In<'a>) -> Option<Self> {
        <&str>::get(from).map(CowStr::Borrowed)
    }
}

impl Wire<'_> for String {
    fn put(&self, out: &mut Out) {
        self.len().put(out);
        out.texts.extend_from_slice(self.as_bytes());
    }

    fn get(from: &mut In<'_>) -> Option<Self> {
        let len = usize::get(from)?;
        let (text, rest) = from.texts.split_at_checked(len)?;
        from.texts = rest;
        Some(text.to_owned())
    }
}

impl<'a, T: Wire<'a>> Wire<'a> for Option<T> {
    fn put(&self, out: &mut Out) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn get(from: &mut In<'a>) -> Option<Self> {
        if bool::get(from)? { T::get(from).map(Some) } else { Some(None) }
    }
}

impl<'a, T: Wire<'a>> Wire<'a> for Vec<T> {
    fn put(&self, out: &mut Out) {
        self.len().put(out);
        for item in self {
            item.put(out);
        }
    }

    fn get(from: &mut In<'a>) -> Option<Self> {
        let len = usize::get(from)?;
        // Each item takes at least one byte, and far more in memory: an impossible length reserves little.
        let mut items = Self::with_capacity(len.min(from.numbers.len()).min(RESERVED));
        for _ in 0..len {
            items.push(T::get(from)?);
        }
        Some(items)
    }
}

impl<'a, A: Wire<'a>, B: Wire<'a>> Wire<'a> for (A, B) {
    fn put(&self, out: &mut Out) {
        self.0.put(out);
        self.1.put(out);
    }

    fn get(from: &mut In<'a>) -> Option<Self> {
        Some((A::get(from)?, B::get(from)?))
    }
}

impl Wire<'_> for u128 {
    fn put(&self, out: &mut Out) {
        out.numbers.extend_from_slice(&self.to_le_bytes());
    }

    fn get(from: &mut In<'_>) -> Option<Self> {
        let (bytes, rest) = from.numbers.split_first_chunk::<16>()?;
        from.numbers = rest;
        Some(Self::from_le_bytes(*bytes))
    }
}

impl Wire<'_> for IpAddr {
    fn put(&self, out: &mut Out) {
        self.is_ipv4().put(out);
        match self {
            Self::V4(ip) => out.numbers.extend_from_slice(&ip.octets()),
            Self::V6(ip) => out.numbers.extend_from_slice(&ip.octets()),
        }
    }

    fn get(from: &mut In<'_>) -> Option<Self> {
        fn octets<const N: usize>(from: &mut In<'_>) -> Option<[u8; N]> {
            let (octets, rest) = from.numbers.split_first_chunk::<N>()?;
            from.numbers = rest;
            Some(*octets)
        }
        Some(if bool::get(from)? {
            Self::V4(Ipv4Addr::from(octets::<4>(from)?))
        } else {
            Self::V6(Ipv6Addr::from(octets::<16>(from)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{
        AddressKind, HostState, Script, ScriptOrigin, ScriptTree, ScriptValue, Trace,
    };

    fn there_and_back<T>(value: &T) -> bool
    where
        T: for<'a> Wire<'a> + PartialEq,
    {
        let mut record = Vec::new();
        Out::default().record(value, &mut record);
        read::<T>(&record).is_some_and(|found| found == *value)
    }

    proptest! {
        #[test]
        fn numbers_and_texts_are_read_back(
            signed in any::<i64>(),
            small in any::<i32>(),
            bits in any::<u64>(),
            float in -1e300..1e300_f64,
            texts in prop::collection::vec(prop::option::of(".{0,9}"), 0..5),
        ) {
            prop_assert!(there_and_back(&signed));
            prop_assert!(there_and_back(&small));
            prop_assert!(there_and_back(&bits));
            prop_assert!(there_and_back(&float));
            prop_assert!(there_and_back(&texts));
        }

        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<Host<'_>>(&bytes);
        }
    }

    #[test]
    fn a_host_is_read_back_unchanged() {
        let mut host = Host::new(7);
        host.status.state = HostState::Other("odd".into());
        host.addresses.push(Address {
            text: "2001:db8::1".into(),
            kind: AddressKind::Ipv6,
            ip: Some("2001:db8::1".parse().unwrap()),
            zone: None,
            vendor: Some("V".into()),
        });
        host.traces.push(Trace { proto: Some("tcp".into()), port: Some(80), hops: Vec::new() });
        let mut tree = ScriptTree::new();
        let table = tree.open(Some("t".into()));
        tree.push_elem(None, "x".into());
        tree.close(table);
        tree.close(0);
        let data = ScriptValue::Tree(tree);
        let script = Script { name: "s".into(), output: None, data, origin: ScriptOrigin::Engine };
        host.scripts.push(script);
        let mut record = Vec::new();
        Out::default().record(&host, &mut record);
        assert_eq!(read::<Host<'_>>(&record).unwrap(), host);
        for cut in 0..record.len() {
            assert!(read::<Host<'_>>(&record[..cut]).is_none(), "{cut}");
        }
    }
}
