//! Parts of a host that merge one by one, and the removal of parts that flags turn off.

use std::{
    collections::{BTreeMap, HashSet},
    hash::Hash,
    mem,
};

use super::{coverage::Ranges, policy::MergeFlags};
use crate::model::{
    Address, CowStr, ExtraPorts, Host, Hostname, OsDetection, Port, Sequence, TcpSequence,
};

/// Values of a host that may come from another scan than its state.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Details<'a> {
    comment: Option<CowStr<'a>>,
    uptime: (Option<i64>, Option<CowStr<'a>>),
    distance: Option<i32>,
    tcp: TcpSequence<'a>,
    ip_id: Sequence<'a>,
    tcp_ts: Sequence<'a>,
}

impl<'a> Details<'a> {
    /// Takes each value that is not set yet.
    pub(super) fn fill(&mut self, host: &mut Host<'a>) {
        fn take<T: Default + PartialEq>(mine: &mut T, theirs: &mut T) {
            if *mine == T::default() {
                *mine = mem::take(theirs);
            }
        }
        take(&mut self.comment, &mut host.comment);
        take(&mut self.uptime, &mut (host.uptime_s, host.last_boot.take()));
        take(&mut self.distance, &mut host.distance);
        take(&mut self.tcp, &mut host.tcp_sequence);
        take(&mut self.ip_id, &mut host.ip_id_sequence);
        take(&mut self.tcp_ts, &mut host.tcp_ts_sequence);
    }

    /// Returns the values of a host that are not set here yet; `None` if there are none.
    pub(super) fn missing(&self, host: &Host<'a>) -> Option<Self> {
        fn new<T: Default + PartialEq + Clone>(mine: &T, theirs: &T) -> T {
            if *mine == T::default() { theirs.clone() } else { T::default() }
        }
        let new = Self {
            comment: new(&self.comment, &host.comment),
            uptime: new(&self.uptime, &(host.uptime_s, host.last_boot.clone())),
            distance: new(&self.distance, &host.distance),
            tcp: new(&self.tcp, &host.tcp_sequence),
            ip_id: new(&self.ip_id, &host.ip_id_sequence),
            tcp_ts: new(&self.tcp_ts, &host.tcp_ts_sequence),
        };
        (new != Self::default()).then_some(new)
    }

    pub(super) fn into_host(self, host: &mut Host<'a>) {
        host.comment = self.comment;
        (host.uptime_s, host.last_boot) = self.uptime;
        host.distance = self.distance;
        host.tcp_sequence = self.tcp;
        host.ip_id_sequence = self.ip_id;
        host.tcp_ts_sequence = self.tcp_ts;
    }
}

/// Removes everything that the flags turn off from a host that is not the caller's.
pub(super) fn strip(host: &mut Host<'_>, flags: &MergeFlags) {
    host.ports.retain(|port| flags.takes(&port.protocol));
    if !flags.scripts {
        host.scripts.clear();
    }
    if !flags.trace {
        host.traces.clear();
    }
    if !flags.os {
        host.os = OsDetection::default();
    }
    if !flags.details {
        Details::default().into_host(host);
    }
}

/// Returns the addresses of hosts, best host first, each address once. An address that one host repeats stays
/// repeated.
pub(super) fn addresses<'h, 'a: 'h>(hosts: impl Iterator<Item = &'h Host<'a>>) -> Vec<Address<'a>> {
    let mut addresses: Vec<Address<'a>> = Vec::new();
    for host in hosts {
        let known = addresses.len();
        for address in &host.addresses {
            let same = |a: &&mut Address<'a>| is_same_address(a, address);
            match addresses.iter_mut().take(known).find(same) {
                Some(known) if known.vendor.is_none() => known.vendor.clone_from(&address.vendor),
                Some(_) => {}
                None => addresses.push(address.clone()),
            }
        }
    }
    addresses
}

pub(super) fn is_same_address(one: &Address<'_>, other: &Address<'_>) -> bool {
    one.text == other.text && one.kind == other.kind && one.zone == other.zone
}

/// Returns the names of hosts, best host first, each name once per type. A name that one host repeats stays repeated.
pub(super) fn hostnames<'h, 'a: 'h>(
    hosts: impl Iterator<Item = &'h Host<'a>>,
) -> Vec<Hostname<'a>> {
    let mut names: Vec<Hostname<'a>> = Vec::new();
    for host in hosts {
        let known = names.len();
        for name in &host.hostnames {
            if !names.iter().take(known).any(|known| is_same_name(known, name)) {
                names.push(name.clone());
            }
        }
    }
    names
}

/// Returns the names of hosts, best host first. All names of a type come from the best host that has one.
pub(super) fn hostnames_by_type<'h, 'a: 'h>(
    hosts: impl Iterator<Item = &'h Host<'a>>,
) -> Vec<Hostname<'a>> {
    let mut names: Vec<Hostname<'a>> = Vec::new();
    for host in hosts {
        let known = names.len();
        for name in &host.hostnames {
            if !names.iter().take(known).any(|known| known.kind == name.kind) {
                names.push(name.clone());
            }
        }
    }
    names
}

pub(super) fn is_same_name(one: &Hostname<'_>, other: &Hostname<'_>) -> bool {
    one.kind == other.kind && plain_name(&one.name).eq_ignore_ascii_case(plain_name(&other.name))
}

/// Returns a host name without its trailing dot.
pub(super) fn plain_name(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Maximum number of ports removed from the lists of one host: all ports of four protocols. A host that nmap wrote
/// stays far below; a hostile one must not grow by splitting ranges.
const TAKEN: usize = 4 << 16;

/// Removes ports that are listed singly from the lists and counts of unlisted ports. Elements that become empty are
/// removed.
pub(super) fn without_listed(extra_ports: &mut Vec<ExtraPorts<'_>>, ports: &[Port<'_>]) {
    if extra_ports.iter().all(|extra| extra.reasons.iter().all(|reason| reason.ports.is_none())) {
        return;
    }
    let mut numbers: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    for port in ports.iter().filter(|port| !port.expanded) {
        numbers.entry(port.protocol.as_str().to_owned()).or_default().push(port.number);
    }
    for numbers in numbers.values_mut() {
        numbers.sort_unstable();
    }
    let mut left = TAKEN;
    extra_ports.retain_mut(|extra| {
        let mut gone = 0_i64;
        extra.reasons.retain_mut(|reason| {
            let (Some(proto), Some(list)) = (&reason.proto, &reason.ports) else { return true };
            let Some(numbers) = numbers.get(&proto.to_lowercase()) else { return true };
            let Some((rest, taken)) = Ranges::of(list).without(numbers, left) else { return true };
            left = left.saturating_sub(taken);
            let taken = i64::try_from(taken).unwrap_or(i64::MAX);
            gone = gone.saturating_add(taken);
            reason.count = reason.count.map(|count| count.saturating_sub(taken).max(0));
            let stays = !rest.is_empty();
            reason.ports = Some(rest.into());
            stays
        });
        if gone == 0 {
            return true;
        }
        extra.count = extra.count.map(|count| count.saturating_sub(gone).max(0));
        extra.count.map_or(!extra.reasons.is_empty(), |count| count > 0)
    });
}

/// Adds services and scripts of records of the same port in the same scan, each once.
pub(super) fn append<'a>(port: &mut Port<'a>, others: impl IntoIterator<Item = Port<'a>>) {
    for other in others {
        port.services.extend(other.services);
        port.scripts.extend(other.scripts);
    }
    unique(&mut port.services);
    unique(&mut port.scripts);
}

/// Removes repeated items, keeping the first.
fn unique<T: Eq + Hash>(items: &mut Vec<T>) {
    let mut known = HashSet::with_capacity(items.len());
    let new: Vec<bool> = items.iter().map(|item| known.insert(item)).collect();
    let mut new = new.into_iter();
    items.retain(|_| new.next().unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ExtraReason, PortState, Protocol};

    fn extra(count: Option<i64>, reasons: &[(i64, Option<&'static str>)]) -> ExtraPorts<'static> {
        let reason = |(count, ports): &(i64, Option<&'static str>)| ExtraReason {
            reason: None,
            count: Some(*count),
            proto: Some("tcp".into()),
            ports: ports.map(Into::into),
        };
        let reasons = reasons.iter().map(reason).collect();
        ExtraPorts { state: Some(PortState::Closed), count, reasons }
    }

    #[test]
    fn counts_follow_their_lists_and_what_is_empty_goes() {
        let port = |number| Port {
            protocol: Protocol::Tcp,
            number,
            index: 0,
            state: PortState::Open,
            reason: None,
            reason_ttl: None,
            reason_ip: None,
            owner: None,
            services: Vec::new(),
            scripts: Vec::new(),
            expanded: false,
        };
        let ports = [port(22), port(80)];
        let left = |extra: ExtraPorts<'static>| {
            let mut all = vec![extra];
            without_listed(&mut all, &ports);
            all.pop().map(|extra| {
                let reasons = extra.reasons.into_iter();
                let text = |r: ExtraReason<'_>| {
                    (r.count.unwrap(), r.ports.map(std::borrow::Cow::into_owned))
                };
                (extra.count, reasons.map(text).collect::<Vec<_>>())
            })
        };
        let some = |text: &str| Some(text.to_owned());
        let both = extra(Some(100), &[(99, Some("1-22,24-100")), (1, Some("80"))]);
        assert_eq!(left(both), Some((Some(97), vec![(97, some("1-21,24-79,81-100"))])));
        assert_eq!(left(extra(Some(2), &[(2, Some("22,80"))])), None);
        assert_eq!(left(extra(Some(9), &[(9, None)])), Some((Some(9), vec![(9, None)])));
        assert_eq!(left(extra(None, &[(1, Some("22"))])), None);
        assert_eq!(left(extra(Some(0), &[])), Some((Some(0), vec![])), "unchanged");
    }
}
