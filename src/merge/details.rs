//! Parts of a host that are taken one by one, and what flags take away.

use std::{collections::HashSet, hash::Hash, mem};

use super::policy::MergeFlags;
use crate::model::{Host, Os, Port, Protocol, Sequence, TcpSequence, Text};

/// What of a host may come from another scan than its state.
#[derive(Default)]
pub(super) struct Details<'a> {
    comment: Option<Text<'a>>,
    uptime: (Option<i64>, Option<Text<'a>>),
    distance: Option<i32>,
    tcp: TcpSequence<'a>,
    ip_id: Sequence<'a>,
    tcp_ts: Sequence<'a>,
}

impl<'a> Details<'a> {
    /// Takes what is not known yet.
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

    pub(super) fn into_host(self, host: &mut Host<'a>) {
        host.comment = self.comment;
        (host.uptime_s, host.last_boot) = self.uptime;
        host.distance = self.distance;
        host.tcp_sequence = self.tcp;
        host.ip_id_sequence = self.ip_id;
        host.tcp_ts_sequence = self.tcp_ts;
    }
}

/// Takes away what the flags turn off of a host that is not the caller's.
pub(super) fn strip(host: &mut Host<'_>, flags: &MergeFlags) {
    host.ports.retain(|port| match port.protocol {
        Protocol::Tcp => flags.tcp,
        Protocol::Udp => flags.udp,
        Protocol::Sctp => flags.sctp,
        Protocol::Ip => flags.ip,
        Protocol::Other(_) => true,
    });
    if !flags.scripts {
        host.scripts.clear();
    }
    if !flags.trace {
        host.traces.clear();
    }
    if !flags.os {
        host.os = Os::default();
    }
    if !flags.details {
        Details::default().into_host(host);
    }
}

/// Services and scripts of equal ports of the same scan, each once.
pub(super) fn append<'a>(port: &mut Port<'a>, others: impl IntoIterator<Item = Port<'a>>) {
    for other in others {
        port.services.extend(other.services);
        port.scripts.extend(other.scripts);
    }
    unique(&mut port.services);
    unique(&mut port.scripts);
}

/// Leaves out what is there already.
fn unique<T: Eq + Hash>(items: &mut Vec<T>) {
    let mut known = HashSet::with_capacity(items.len());
    let new: Vec<bool> = items.iter().map(|item| known.insert(item)).collect();
    let mut new = new.into_iter();
    items.retain(|_| new.next().unwrap_or_default());
}
