//! Hosts as compact records in memory or in a file, read back without copying a text.
//!
//! A record is a list of numbers and flags, and behind it all texts at once: they are checked to be UTF-8
//! together, and each is a piece of that. Records never leave the run that wrote them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{
    Address, AddressKind, Conflict, ExtraPorts, ExtraReason, Host, HostHint, HostState, HostStatus,
    Hostname, MergedHost, Origins, Os, OsClass, OsMatch, OsPortUsed, Port, PortOrigin, PortState,
    Protocol, RunEvent, Script, ScriptData, ScriptNode, ScriptOrigin, ScriptTree, Seen, Sequence,
    Service, TableShape, TargetSkipped, Task, TaskKind, TcpSequence, Text, Timestamp, Trace,
    TraceHop,
};

/// A record in the making.
#[derive(Debug, Default)]
pub(super) struct Out {
    numbers: Vec<u8>,
    texts: Vec<u8>,
}

impl Out {
    /// Writes a value as a record behind what `out` holds.
    pub(super) fn record<'a>(&mut self, value: &impl Wire<'a>, out: &mut Vec<u8>) {
        self.numbers.clear();
        self.texts.clear();
        value.put(self);
        put_length(self.numbers.len(), out);
        out.extend_from_slice(&self.numbers);
        out.extend_from_slice(&self.texts);
    }
}

/// A record that is read.
#[derive(Debug)]
pub(super) struct In<'a> {
    numbers: &'a [u8],
    texts: &'a str,
}

/// Reads the value of a record, which must be all there is.
pub(super) fn read<'a, T: Wire<'a>>(record: &'a [u8]) -> Option<T> {
    let (len, rest) = split_length(record)?;
    let (numbers, texts) = rest.split_at_checked(len)?;
    let mut from = In { numbers, texts: std::str::from_utf8(texts).ok()? };
    T::get(&mut from)
}

/// Writes a length in seven bits a byte.
pub(super) fn put_length(len: usize, out: &mut Vec<u8>) {
    put_bits(u64::try_from(len).unwrap_or(u64::MAX), out);
}

/// A length, and what is behind it.
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

/// What a record can hold.
pub(super) trait Wire<'a>: Sized {
    /// Appends the value.
    fn put(&self, out: &mut Out);
    /// Takes the value; `None` if the record is none that was written.
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
        // The sign as the lowest bit, so that small numbers of both signs are short.
        ((self << 1) ^ (self >> 63)).cast_unsigned().put(out);
    }

    fn get(from: &mut In<'_>) -> Option<Self> {
        let bits = u64::get(from)?;
        Some((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed())
    }
}

/// Numbers that are written as wider ones.
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

impl<'a> Wire<'a> for Text<'a> {
    fn put(&self, out: &mut Out) {
        let text: &str = self;
        text.len().put(out);
        out.texts.extend_from_slice(text.as_bytes());
    }

    fn get(from: &mut In<'a>) -> Option<Self> {
        <&str>::get(from).map(Text::Borrowed)
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
        // Each item takes a byte at least: a length that cannot be reserves nothing.
        let mut items = Self::with_capacity(len.min(from.numbers.len()));
        for _ in 0..len {
            items.push(T::get(from)?);
        }
        Some(items)
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

/// Structs, field by field.
macro_rules! structs {
    ($($type:ident $(<$life:lifetime>)? { $($field:ident),* $(,)? })*) => {
        $(impl<'a> Wire<'a> for $type $(<$life>)? {
            fn put(&self, out: &mut Out) {
                let Self { $($field),* } = self;
                $($field.put(out);)*
            }

            fn get(from: &mut In<'a>) -> Option<Self> {
                Some(Self { $($field: Wire::get(from)?),* })
            }
        })*
    };
}

/// Enums of names, of which the last may be any text.
macro_rules! names {
    ($($type:ident { $($number:literal $variant:ident),* })*) => {
        $(impl<'a> Wire<'a> for $type<'a> {
            fn put(&self, out: &mut Out) {
                match self {
                    $(Self::$variant => 0x80_u8.wrapping_add($number).put(out),)*
                    Self::Other(name) => {
                        0_u8.put(out);
                        name.put(out);
                    }
                }
            }

            fn get(from: &mut In<'a>) -> Option<Self> {
                Some(match u8::get(from)?.wrapping_sub(0x80) {
                    $($number => Self::$variant,)*
                    _ => Self::Other(Text::get(from)?),
                })
            }
        })*
    };
}

/// Enums without fields.
macro_rules! plain {
    ($($type:ident { $first:ident $(, $number:literal $variant:ident)* })*) => {
        $(impl Wire<'_> for $type {
            fn put(&self, out: &mut Out) {
                match self {
                    Self::$first => 0_u8.put(out),
                    $(Self::$variant => u8::put(&$number, out),)*
                }
            }

            fn get(from: &mut In<'_>) -> Option<Self> {
                Some(match u8::get(from)? {
                    $($number => Self::$variant,)*
                    _ => Self::$first,
                })
            }
        })*
    };
}

names! {
    HostState { 1 Up, 2 Down, 3 Unknown, 4 Skipped }
    PortState { 1 Open, 2 Closed, 3 Filtered, 4 Unfiltered, 5 OpenFiltered, 6 ClosedFiltered }
    Protocol { 1 Tcp, 2 Udp, 3 Sctp, 4 Ip }
    AddressKind { 1 Ipv4, 2 Ipv6, 3 Mac }
}

plain! {
    ScriptOrigin { Nse, 1 Engine }
    TableShape { List, 1 Keyed, 2 Mixed }
    TaskKind { Begin, 1 Progress, 2 End }
}

structs! {
    Host<'a> {
        index, complete, start_time, end_time, timed_out, comment, status, addresses, hostnames,
        smurf_responses, extra_ports, ports, ports_listed, ports_open, os, uptime_s, last_boot,
        distance, tcp_sequence, ip_id_sequence, tcp_ts_sequence, scripts, traces, srtt_us, rttvar_us,
        timeout_us,
    }
    HostStatus<'a> { state, reason, reason_ttl }
    Address<'a> { text, kind, ip, zone, vendor }
    Hostname<'a> { name, kind }
    ExtraPorts<'a> { state, count, reasons }
    ExtraReason<'a> { reason, count, proto, ports }
    Port<'a> {
        protocol, number, index, state, reason, reason_ttl, reason_ip, owner, services, scripts, expanded,
    }
    Service<'a> {
        name, product, version, extra_info, hostname, os_type, device_type, method, confidence, tunnel,
        rpc_proto, rpc_num, low_ver, high_ver, cpes, fingerprint, banner,
    }
    Script<'a> { name, output, data, origin }
    Os<'a> { ports_used, matches, classes, fingerprints }
    OsPortUsed<'a> { state, proto, port }
    OsMatch<'a> { name, accuracy, line }
    OsClass<'a> { match_index, kind, vendor, family, gen_, accuracy, cpes }
    TcpSequence<'a> { index, difficulty, class, values }
    Sequence<'a> { class, values }
    Trace<'a> { proto, port, hops }
    TraceHop<'a> { ttl, rtt_ms, ip, hostname }
    Seen { first, last, count }
    PortOrigin { scan, seen }
    Origins { status, scans, seen, ports, scripts, matches, classes, traces }
    Conflict<'a> { protocol, port, column, winner, winner_value, loser, loser_value, rule }
    MergedHost<'a> { host_key, host_id, host, origins, conflicts }
    Task { kind, task, time, extra_info, percent, remaining_s, etc_time }
    HostHint { ip, mac, hostname, state, reason }
    TargetSkipped { specification, status, reason }
}

impl<'a> Wire<'a> for ScriptData<'a> {
    fn put(&self, out: &mut Out) {
        match self {
            Self::None => 0_u8.put(out),
            Self::Text(text) => {
                1_u8.put(out);
                text.put(out);
            }
            Self::Tree(tree) => {
                2_u8.put(out);
                tree.nodes().len().put(out);
                tree.nodes().iter().for_each(|node| node.put(out));
            }
            Self::Json(json) => {
                3_u8.put(out);
                json.put(out);
            }
        }
    }

    fn get(from: &mut In<'a>) -> Option<Self> {
        Some(match u8::get(from)? {
            1 => Self::Text(Text::get(from)?),
            2 => Self::Tree(ScriptTree::from_nodes(Vec::get(from)?)),
            3 => Self::Json(Text::get(from)?),
            _ => Self::None,
        })
    }
}

impl<'a> Wire<'a> for ScriptNode<'a> {
    fn put(&self, out: &mut Out) {
        match self {
            Self::Elem { key, text } => {
                0_u8.put(out);
                key.put(out);
                text.put(out);
            }
            Self::Table { key, end, shape } => {
                1_u8.put(out);
                key.put(out);
                end.put(out);
                shape.put(out);
            }
        }
    }

    fn get(from: &mut In<'a>) -> Option<Self> {
        let table = bool::get(from)?;
        let key = Option::get(from)?;
        Some(if table {
            Self::Table { key, end: usize::get(from)?, shape: TableShape::get(from)? }
        } else {
            Self::Elem { key, text: Text::get(from)? }
        })
    }
}

impl<'a> Wire<'a> for RunEvent {
    fn put(&self, out: &mut Out) {
        match self {
            Self::Task(task) => {
                0_u8.put(out);
                task.put(out);
            }
            Self::HostHint(hint) => {
                1_u8.put(out);
                hint.put(out);
            }
            Self::Target(target) => {
                2_u8.put(out);
                target.put(out);
            }
        }
    }

    fn get(from: &mut In<'a>) -> Option<Self> {
        Some(match u8::get(from)? {
            0 => Self::Task(Task::get(from)?),
            1 => Self::HostHint(HostHint::get(from)?),
            _ => Self::Target(TargetSkipped::get(from)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Trace;

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
        fn numbers_and_texts_come_back(
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
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<Host<'_>>(&bytes);
        }
    }

    #[test]
    fn a_host_comes_back_as_it_was() {
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
        let data = ScriptData::Tree(tree);
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
