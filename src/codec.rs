//! Compact binary records, which are read without copying any text.
//!
//! A record is a list of numbers and flags, followed by all texts. The texts are checked to be UTF-8 at once, and
//! each text is a slice of them. A record holds no names and no version: its layout is the order of the fields. So a
//! struct has to be read with the definition that it was written with, and code that stores records beyond the process
//! that wrote them must detect records of another layout.
//!
//! The structs of the model get their layout from the list of their fields (`record!` in `model`). Other types list
//! their fields in [`codec_fields!`], the variants of an enum in [`codec_names!`] or [`codec_variants!`].

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Implements [`Codec`] for structs: the layout is the fields in the order of this list.
macro_rules! codec_fields {
    ($($type:ident $(<$life:lifetime>)? { $($field:ident),* $(,)? })*) => {
        $(impl<'a> $crate::codec::Codec<'a> for $type $(<$life>)? {
            fn encode(&self, to: &mut $crate::codec::RecordWriter) {
                let Self { $($field),* } = self;
                $($crate::codec::Codec::encode($field, to);)*
            }

            fn decode(from: &mut $crate::codec::RecordReader<'a>) -> Option<Self> {
                Some(Self { $($field: $crate::codec::Codec::decode(from)?),* })
            }
        })*
    };
}

/// Implements [`Codec`] for enums of names, each with its number, whose variant `Other` may be any text.
macro_rules! codec_names {
    ($($type:ident { $($number:literal $variant:ident),* })*) => {
        $(impl<'a> $crate::codec::Codec<'a> for $type<'a> {
            fn encode(&self, to: &mut $crate::codec::RecordWriter) {
                match self {
                    $(Self::$variant => $crate::codec::Codec::encode(&0x80_u8.wrapping_add($number), to),)*
                    Self::Other(name) => {
                        $crate::codec::Codec::encode(&0_u8, to);
                        $crate::codec::Codec::encode(name, to);
                    }
                }
            }

            fn decode(from: &mut $crate::codec::RecordReader<'a>) -> Option<Self> {
                Some(match <u8 as $crate::codec::Codec<'_>>::decode(from)?.wrapping_sub(0x80) {
                    $($number => Self::$variant,)*
                    _ => Self::Other($crate::codec::Codec::decode(from)?),
                })
            }
        })*
    };
}

/// Implements [`Codec`] for enums without fields, each variant with its number. Unknown numbers become the first one.
macro_rules! codec_variants {
    ($($type:ident { $first:ident $(, $number:literal $variant:ident)* })*) => {
        $(impl $crate::codec::Codec<'_> for $type {
            fn encode(&self, to: &mut $crate::codec::RecordWriter) {
                match self {
                    Self::$first => $crate::codec::Codec::encode(&0_u8, to),
                    $(Self::$variant => <u8 as $crate::codec::Codec<'_>>::encode(&$number, to),)*
                }
            }

            fn decode(from: &mut $crate::codec::RecordReader<'_>) -> Option<Self> {
                Some(match <u8 as $crate::codec::Codec<'_>>::decode(from)? {
                    $($number => Self::$variant,)*
                    _ => Self::$first,
                })
            }
        })*
    };
}

pub(crate) use {codec_fields, codec_names, codec_variants};

/// Buffers of a record that is being written.
#[derive(Debug, Default)]
pub(crate) struct RecordWriter {
    numbers: Vec<u8>,
    texts: Vec<u8>,
}

impl RecordWriter {
    /// Appends a value to `out` as a record.
    pub(crate) fn write<'a>(&mut self, value: &impl Codec<'a>, out: &mut Vec<u8>) {
        self.numbers.clear();
        self.texts.clear();
        value.encode(self);
        put_length(self.numbers.len(), out);
        out.extend_from_slice(&self.numbers);
        out.extend_from_slice(&self.texts);
    }
}

/// Rest of a record that is being read.
#[derive(Debug)]
pub(crate) struct RecordReader<'a> {
    numbers: &'a [u8],
    texts: &'a str,
}

/// Reads the value of a record, which must end with the slice.
pub(crate) fn decode<'a, T: Codec<'a>>(record: &'a [u8]) -> Option<T> {
    let (len, rest) = split_length(record)?;
    let (numbers, texts) = rest.split_at_checked(len)?;
    let mut from = RecordReader { numbers, texts: std::str::from_utf8(texts).ok()? };
    T::decode(&mut from)
}

/// Writes a length with seven bits per byte.
pub(crate) fn put_length(len: usize, out: &mut Vec<u8>) {
    put_bits(u64::try_from(len).unwrap_or(u64::MAX), out);
}

/// Splits off a length.
pub(crate) fn split_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
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
pub(crate) trait Codec<'a>: Sized {
    /// Appends the value.
    fn encode(&self, to: &mut RecordWriter);
    /// Takes the value; `None` if the record is invalid.
    fn decode(from: &mut RecordReader<'a>) -> Option<Self>;
}

impl Codec<'_> for u64 {
    fn encode(&self, to: &mut RecordWriter) {
        put_bits(*self, &mut to.numbers);
    }

    fn decode(from: &mut RecordReader<'_>) -> Option<Self> {
        take_bits(&mut from.numbers)
    }
}

impl Codec<'_> for i64 {
    fn encode(&self, to: &mut RecordWriter) {
        // The sign becomes the lowest bit, so that small numbers of both signs are short.
        ((self << 1) ^ (self >> 63)).cast_unsigned().encode(to);
    }

    fn decode(from: &mut RecordReader<'_>) -> Option<Self> {
        let bits = u64::decode(from)?;
        Some((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed())
    }
}

/// Implements [`Codec`] for numbers that are written as wider ones.
macro_rules! narrow {
    ($($narrow:ty as $wide:ty),*) => {
        $(impl Codec<'_> for $narrow {
            fn encode(&self, to: &mut RecordWriter) {
                <$wide>::from(*self).encode(to);
            }

            fn decode(from: &mut RecordReader<'_>) -> Option<Self> {
                <$wide as Codec<'_>>::decode(from)?.try_into().ok()
            }
        })*
    };
}

narrow!(u8 as u64, u16 as u64, u32 as u64, i32 as i64);

impl Codec<'_> for usize {
    fn encode(&self, to: &mut RecordWriter) {
        put_length(*self, &mut to.numbers);
    }

    fn decode(from: &mut RecordReader<'_>) -> Option<Self> {
        u64::decode(from)?.try_into().ok()
    }
}

impl Codec<'_> for bool {
    fn encode(&self, to: &mut RecordWriter) {
        u8::from(*self).encode(to);
    }

    fn decode(from: &mut RecordReader<'_>) -> Option<Self> {
        u8::decode(from).map(|value| value != 0)
    }
}

impl Codec<'_> for f64 {
    fn encode(&self, to: &mut RecordWriter) {
        to.numbers.extend_from_slice(&self.to_le_bytes());
    }

    fn decode(from: &mut RecordReader<'_>) -> Option<Self> {
        let (bytes, rest) = from.numbers.split_first_chunk::<8>()?;
        from.numbers = rest;
        Some(Self::from_le_bytes(*bytes))
    }
}

impl<'a> Codec<'a> for &'a str {
    fn encode(&self, to: &mut RecordWriter) {
        self.len().encode(to);
        to.texts.extend_from_slice(self.as_bytes());
    }

    fn decode(from: &mut RecordReader<'a>) -> Option<Self> {
        let len = usize::decode(from)?;
        let (text, rest) = from.texts.split_at_checked(len)?;
        from.texts = rest;
        Some(text)
    }
}

impl<'a> Codec<'a> for Cow<'a, str> {
    fn encode(&self, to: &mut RecordWriter) {
        let text: &str = self;
        text.len().encode(to);
        to.texts.extend_from_slice(text.as_bytes());
    }

    fn decode(from: &mut RecordReader<'a>) -> Option<Self> {
        <&str>::decode(from).map(Cow::Borrowed)
    }
}

impl Codec<'_> for String {
    fn encode(&self, to: &mut RecordWriter) {
        self.len().encode(to);
        to.texts.extend_from_slice(self.as_bytes());
    }

    fn decode(from: &mut RecordReader<'_>) -> Option<Self> {
        let len = usize::decode(from)?;
        let (text, rest) = from.texts.split_at_checked(len)?;
        from.texts = rest;
        Some(text.to_owned())
    }
}

impl<'a, T: Codec<'a>> Codec<'a> for Option<T> {
    fn encode(&self, to: &mut RecordWriter) {
        self.is_some().encode(to);
        if let Some(value) = self {
            value.encode(to);
        }
    }

    fn decode(from: &mut RecordReader<'a>) -> Option<Self> {
        if bool::decode(from)? { T::decode(from).map(Some) } else { Some(None) }
    }
}

impl<'a, T: Codec<'a>> Codec<'a> for Vec<T> {
    fn encode(&self, to: &mut RecordWriter) {
        self.len().encode(to);
        for item in self {
            item.encode(to);
        }
    }

    fn decode(from: &mut RecordReader<'a>) -> Option<Self> {
        let len = usize::decode(from)?;
        // Each item takes at least one byte, and far more in memory: an impossible length reserves little.
        let mut items = Self::with_capacity(len.min(from.numbers.len()).min(RESERVED));
        for _ in 0..len {
            items.push(T::decode(from)?);
        }
        Some(items)
    }
}

impl<'a, A: Codec<'a>, B: Codec<'a>> Codec<'a> for (A, B) {
    fn encode(&self, to: &mut RecordWriter) {
        self.0.encode(to);
        self.1.encode(to);
    }

    fn decode(from: &mut RecordReader<'a>) -> Option<Self> {
        Some((A::decode(from)?, B::decode(from)?))
    }
}

impl Codec<'_> for u128 {
    fn encode(&self, to: &mut RecordWriter) {
        to.numbers.extend_from_slice(&self.to_le_bytes());
    }

    fn decode(from: &mut RecordReader<'_>) -> Option<Self> {
        let (bytes, rest) = from.numbers.split_first_chunk::<16>()?;
        from.numbers = rest;
        Some(Self::from_le_bytes(*bytes))
    }
}

impl Codec<'_> for IpAddr {
    fn encode(&self, to: &mut RecordWriter) {
        self.is_ipv4().encode(to);
        match self {
            Self::V4(ip) => to.numbers.extend_from_slice(&ip.octets()),
            Self::V6(ip) => to.numbers.extend_from_slice(&ip.octets()),
        }
    }

    fn decode(from: &mut RecordReader<'_>) -> Option<Self> {
        fn octets<const N: usize>(from: &mut RecordReader<'_>) -> Option<[u8; N]> {
            let (octets, rest) = from.numbers.split_first_chunk::<N>()?;
            from.numbers = rest;
            Some(*octets)
        }
        Some(if bool::decode(from)? {
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

    fn there_and_back<T>(value: &T) -> bool
    where
        T: for<'a> Codec<'a> + PartialEq,
    {
        let mut record = Vec::new();
        RecordWriter::default().write(value, &mut record);
        decode::<T>(&record).is_some_and(|found| found == *value)
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
            let _ = decode::<(Vec<Option<&str>>, IpAddr)>(&bytes);
        }
    }
}
