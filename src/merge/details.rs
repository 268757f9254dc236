//! Parts of a host that merge one by one, and the removal of parts that flags turn off.

use std::{
    collections::{BTreeMap, HashSet},
    hash::Hash,
    mem,
};

use super::{
    columns::{ColumnName, ColumnValues, ColumnsOf},
    coverage::Ranges,
    policy::MergeFlags,
};
use crate::model::{
    Address, CowStr, ExtraPorts, FieldValue, Host, Hostname, OsDetection, Port, Record as _,
    Sequence, TcpSequence,
};

/// Defines [`Details`]. Fields of one line are taken together. Each has the column that `conflicts` names, or for a
/// struct the beginning of its columns.
macro_rules! details {
    ($($($field:ident: $type:ty = $column:literal),+;)+) => {
        /// Values of a host that may come from another scan than its state.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(super) struct Details<'a> {
            $($($field: $type,)+)+
        }

        impl<'a> Details<'a> {
            /// Columns that are compared; those of one list are taken together.
            pub(super) const COLUMNS: &'static [ColumnsOf] = &[$(|host| {
                let mut columns = Vec::new();
                $(host.$field.columns($column, &mut columns);)+
                columns
            }),+];

            /// Takes each value that is not set yet.
            pub(super) fn fill(&mut self, host: &mut Host<'a>) {
                $(if $(self.$field == <$type>::default())&&+ {
                    $(self.$field = mem::take(&mut host.$field);)+
                })+
            }

            /// Returns the values of a host that are not set here yet; `None` if there are none.
            pub(super) fn missing(&self, host: &Host<'a>) -> Option<Self> {
                let mut new = Self::default();
                $(if $(self.$field == <$type>::default())&&+ {
                    $(new.$field.clone_from(&host.$field);)+
                })+
                (new != Self::default()).then_some(new)
            }

            pub(super) fn into_host(self, host: &mut Host<'a>) {
                $($(host.$field = self.$field;)+)+
            }
        }
    };
}

details! {
    comment: Option<CowStr<'a>> = "comment";
    uptime_s: Option<i64> = "uptime_s", last_boot: Option<CowStr<'a>> = "last_boot";
    distance: Option<i32> = "distance";
    tcp_sequence: TcpSequence<'a> = "tcp_seq_";
    ip_id_sequence: Sequence<'a> = "ip_id_";
    tcp_ts_sequence: Sequence<'a> = "tcp_ts_";
}

/// Value that `conflicts` shows in one or several columns.
trait Columns<'a> {
    /// Appends the columns with their values.
    fn columns(&self, name: &'static str, to: &mut ColumnValues<'a>);
}

impl<'a, T: FieldValue<'a>> Columns<'a> for Option<T> {
    fn columns(&self, name: &'static str, to: &mut ColumnValues<'a>) {
        to.push((ColumnName::new("", name), self.text()));
    }
}

/// Implements [`Columns`] for structs.
macro_rules! structs {
    ($($type:ident),*) => {
        $(impl<'a> Columns<'a> for $type<'a> {
            fn columns(&self, name: &'static str, to: &mut ColumnValues<'a>) {
                for (index, field) in Self::FIELDS.iter().enumerate() {
                    to.push((ColumnName::new(name, field), self.text_of(index)));
                }
            }
        })*
    };
}

structs!(TcpSequence, Sequence);

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
    let mut numbers: BTreeMap<&str, Vec<u16>> = BTreeMap::new();
    for port in ports.iter().filter(|port| !port.expanded) {
        numbers.entry(port.protocol.as_str()).or_default().push(port.number);
    }
    for numbers in numbers.values_mut() {
        numbers.sort_unstable();
    }
    let mut left = TAKEN;
    extra_ports.retain_mut(|extra| {
        let mut gone = 0_i64;
        extra.reasons.retain_mut(|reason| {
            let (Some(proto), Some(list)) = (&reason.proto, &reason.ports) else { return true };
            let Some(numbers) = numbers.get(&*proto.to_lowercase()) else { return true };
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
    fn counts_follow_their_lists_and_empty_values_are_removed() {
        let port = |number| Port::new(Protocol::Tcp, number, PortState::Open);
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
